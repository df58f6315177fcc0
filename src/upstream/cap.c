/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/cap.h"

#define WINDOW (500 * HF_MS)
#define PER_SECOND 2 /* windows */
#define LAG 3        /* windows that a reply may be late */
#define COMPARED 3   /* windows that must look alike */
#define WINDOWS_MAX (120 * PER_SECOND)

#define FLOOR 20             /* replies a second; fewer are ruled by chance */
#define FOUND_MOST 100000000 /* more than any network card sends */
#define DEVIATIONS 8 /* between the two things that a trial tells apart: four to either side */
#define SUSPICION 4  /* deviations are enough to give a trial up */
#define TRIAL_MAX 20 /* windows; 10 s */
#define AGREE 2      /* windows a verdict needs at least */

#define NEXT_TRIAL (30 * HF_SECOND)
#define TRIALS_DOUBLED 5 /* 30 s * 2^5: 16 minutes */
#define JUMP_BACK HF_SECOND

#define OVER 6                 /* windows answered well over the cap */
#define IDLE (60 * PER_SECOND) /* windows of less than half of it */

/* A bucket holds a second of the cap, say, and is full when we come from below:
 * at 109 % it is empty after 14 s, and only then is the truth seen. */
#define DWELL_PERCENT 109
#define DWELL (20 * PER_SECOND)

#define MILLE 1000u

static uint32_t percent(uint32_t of, uint32_t percents)
{
	return (uint32_t)((uint64_t)of * percents / 100);
}

/* The window that ended `back` windows before the last one that ended. */
static const struct hf_cap_count *past(const struct hf_cap *c, uint32_t back)
{
	return &c->closed[(c->count - 1 - back) % HF_CAP_WINDOWS];
}

/* Fewest packets of a window that replies of this one can belong to. */
static uint32_t least_sent(const struct hf_cap *c, uint32_t back)
{
	uint32_t least = UINT32_MAX;
	for (uint32_t i = back; i <= back + LAG; i++)
		if (past(c, i)->sent < least)
			least = past(c, i)->sent;
	return least;
}

static uint32_t most_sent(const struct hf_cap *c)
{
	uint32_t most = 0;
	for (uint32_t i = 0; i <= LAG; i++)
		if (past(c, i)->sent > most)
			most = past(c, i)->sent;
	return most;
}

static uint32_t rate(const struct hf_cap_count *n)
{
	return n->windows ? (uint32_t)((uint64_t)n->replied * PER_SECOND / n->windows) : 0;
}

/* The difference of two counts of replies is no more than a tenth, or chance. */
static bool alike(double a, double b)
{
	double off = a > b ? a - b : b - a;
	return off <= (a + b) / 20 || off * off <= 9 * (a + b);
}

static bool flooded(const struct hf_cap *c, uint32_t back)
{
	return (uint64_t)least_sent(c, back) * 5 >= (uint64_t)past(c, back)->replied * 6;
}

/* The last windows as something to compare with. What was sent is taken as low
 * as it can have been, which makes loss harder to tell from a cap and so asks
 * for more evidence. */
static struct hf_cap_count lately(const struct hf_cap *c)
{
	struct hf_cap_count n = {.windows = COMPARED};
	for (uint32_t i = 0; i < COMPARED; i++) {
		n.sent += least_sent(c, i);
		n.replied += past(c, i)->replied;
	}
	return n;
}

static bool flat(const struct hf_cap *c)
{
	double mean = (double)lately(c).replied / COMPARED;
	for (uint32_t i = 0; i < COMPARED; i++)
		if (!alike(past(c, i)->replied, mean))
			return false;
	return true;
}

/* ---- trials ---- */

static void enter(struct hf_cap *c, enum hf_cap_phase phase, uint32_t limit)
{
	c->phase = phase;
	c->limit = limit;
	c->settled = 0;
	c->behind = c->over = c->idle = c->dwelt = 0;
	c->raised = 0;
	c->trial = (struct hf_cap_count){0};
}

static void enter_known(struct hf_cap *c)
{
	enter(c, HF_CAP_KNOWN, percent(c->found, 95));
}

static void begin_trial(struct hf_cap *c, enum hf_cap_phase phase)
{
	c->before = lately(c);
	enter(c, phase, percent(rate(&c->before), 90));
}

/* It found nothing. If it was because nobody wanted to send any more, it has
 * said nothing either, and the next may follow soon. */
static void end_trial(struct hf_cap *c, bool said_something)
{
	hf_us wait = NEXT_TRIAL << (c->trials < TRIALS_DOUBLED ? c->trials : TRIALS_DOUBLED);
	c->next_trial = c->since + (said_something ? wait : NEXT_TRIAL / 6);
	c->trials += said_something;
	c->again = 0;
	if (c->found)
		enter_known(c);
	else
		enter(c, HF_CAP_WATCH, 0);
}

enum verdict { UNDECIDED, ALL_ANSWERED, SAME_SHARE };

/* Which of the two is it, and can chance have made it look so? The deviation is
 * that of replies lost one by one at random, both before and now. */
static enum verdict weigh(
	const struct hf_cap_count *before, const struct hf_cap_count *trial, double deviations)
{
	double share = (double)before->replied / before->sent;
	double sent = trial->sent;
	double flat_line = (double)before->replied / before->windows * trial->windows;
	double all = sent < flat_line ? sent : flat_line;
	double same = sent * share;
	double variance = same * (1 - share) * (1 + sent / before->sent);
	double apart = all - same;
	if (apart <= 0 || apart * apart < deviations * deviations * variance)
		return UNDECIDED;
	return trial->replied >= (all + same) / 2 ? ALL_ANSWERED : SAME_SHARE;
}

/* Adds the last window if its replies can only belong to what was sent in the
 * trial. */
static bool add_to_trial(struct hf_cap *c)
{
	if (c->settled <= LAG)
		return false;
	c->trial.sent += past(c, 0)->sent;
	c->trial.replied += past(c, 0)->replied;
	c->trial.windows++;
	return true;
}

/* Can holding tell the two apart before it has to end? Of few packets, or with little
 * loss, it would only keep everybody waiting. */
static bool worth_a_trial(const struct hf_cap_count *before)
{
	struct hf_cap_count trial = {.windows = TRIAL_MAX - LAG};
	trial.sent = (uint32_t)((uint64_t)percent(rate(before), 90) * trial.windows / PER_SECOND);
	return weigh(before, &trial, DEVIATIONS) != UNDECIDED;
}

static uint32_t answered_mille(const struct hf_cap_count *n)
{
	uint64_t mille = n->sent ? (uint64_t)n->replied * MILLE / n->sent : MILLE;
	return mille < MILLE ? (uint32_t)mille : MILLE;
}

/* Sends that fall make no comparison: late replies belong to others. */
static bool steady(const struct hf_cap *c)
{
	return (uint64_t)past(c, 0)->sent * 5 >= (uint64_t)most_sent(c) * 4;
}

static enum verdict held(struct hf_cap *c)
{
	if (!steady(c) || !add_to_trial(c) || c->trial.windows < AGREE)
		return UNDECIDED;
	return weigh(&c->before, &c->trial, DEVIATIONS);
}

static bool demand_is_gone(const struct hf_cap *c)
{
	return c->settled > LAG && (uint64_t)past(c, 0)->sent * PER_SECOND * 2 < (uint64_t)c->limit;
}

/* A cap lets everything through from the first moment on that it is held to:
 * replies that are late are those of the flood, as many or more. Fewer mean a
 * loss, even if it ends while we look. */
static bool dipped(const struct hf_cap *c)
{
	struct hf_cap_count early = {0};
	if (c->settled > LAG + 1)
		return false;
	for (uint32_t i = 0; i < c->settled; i++) {
		early.sent += past(c, i)->sent;
		early.replied += past(c, i)->replied;
		early.windows++;
	}
	struct hf_cap_count last = *past(c, 0);
	last.windows = 1;
	return weigh(&c->before, &early, SUSPICION) == SAME_SHARE ||
	       weigh(&c->before, &last, SUSPICION) == SAME_SHARE;
}

static void hold(struct hf_cap *c)
{
	enum verdict verdict = dipped(c) ? SAME_SHARE : held(c);
	if (verdict == ALL_ANSWERED) {
		c->full = c->full_then = answered_mille(&c->trial);
		c->saved = c->settled;
		enter(c, HF_CAP_RAISE, 0);
	} else if (verdict == SAME_SHARE || c->settled >= TRIAL_MAX) {
		end_trial(c, true);
	} else if (demand_is_gone(c)) {
		end_trial(c, false);
	}
}

static void find(struct hf_cap *c, uint32_t found, enum hf_cap_change change)
{
	c->found = found;
	c->change = change;
	c->trials = c->again = 0;
	enter_known(c);
}

/* More came back than the cap, what a bucket may have saved during the hold (a
 * tenth of the cap), and chance together can explain: the loss has ended. */
static bool exceeded(struct hf_cap *c)
{
	double usual = (double)c->before.replied / c->before.windows;
	double most = usual * (c->settled * 1.1 + c->saved * 0.12);
	c->raised += past(c, 0)->replied;
	return c->raised > most && (c->raised - most) * (c->raised - most) > 9 * most;
}

static void raise(struct hf_cap *c)
{
	if (exceeded(c))
		end_trial(c, true);
	else if (c->settled >= TRIAL_MAX)
		end_trial(c, false);
	else if (!flooded(c, 0) || !add_to_trial(c))
		return;
	else if (!alike((double)rate(&c->trial) / PER_SECOND,
			 (double)rate(&c->before) / PER_SECOND))
		end_trial(c, true);
	else if (c->trials && !c->again++)
		begin_trial(c, HF_CAP_HOLD);
	else
		find(c, (rate(&c->trial) + rate(&c->before)) / 2, HF_CAP_FOUND);
}

static void watch(struct hf_cap *c)
{
	if (c->since < c->next_trial)
		return;
	for (uint32_t i = 0; i < COMPARED; i++)
		if (!flooded(c, i))
			return;
	struct hf_cap_count n = lately(c);
	if (rate(&n) < FLOOR || !flat(c))
		return;
	if (worth_a_trial(&n))
		begin_trial(c, HF_CAP_HOLD);
	else
		end_trial(c, true); /* as it would, ten seconds later */
}

/* ---- with a cap known ---- */

static bool is_known(enum hf_cap_phase phase)
{
	return phase == HF_CAP_KNOWN || phase == HF_CAP_CHECK;
}

static void lift(struct hf_cap *c)
{
	c->found = 0;
	c->change = HF_CAP_LIFTED;
	c->trials = 0;
	enter(c, HF_CAP_WATCH, 0);
}

static void check(struct hf_cap *c)
{
	enum verdict verdict = dipped(c) ? SAME_SHARE : held(c);
	if (verdict == ALL_ANSWERED) {
		uint32_t found = rate(&c->before);
		bool moved = found * 10ull <= c->found * 9ull || found * 10ull >= c->found * 11ull;
		find(c, found, moved ? HF_CAP_MOVED : c->change);
	} else if (verdict == SAME_SHARE || c->settled >= TRIAL_MAX) {
		if (verdict == SAME_SHARE)
			c->full = c->full_then =
				answered_mille(c->trial.windows ? &c->trial : &c->before);
		end_trial(c, true);
	} else if (demand_is_gone(c)) {
		end_trial(c, false);
	}
}

/* Of one second: what was sent, at least and in fact, and what came back. */
struct second {
	double due, sent, replied;
};

static struct second last_second(const struct hf_cap *c)
{
	uint32_t least = least_sent(c, 0), earlier = least_sent(c, 1);
	return (struct second){
		.due = 2.0 * (least < earlier ? least : earlier) * c->full / MILLE,
		.sent = (double)past(c, 0)->sent + past(c, 1)->sent,
		.replied = (double)past(c, 0)->replied + past(c, 1)->replied,
	};
}

/* More than a twentieth is missing, and more than chance takes of as much. */
static bool fell_behind(const struct second *s)
{
	double missing = s->due - s->replied;
	return missing > s->due / 20 && missing * missing > 9 * s->due / 20;
}

/* Fewer are answered at a limit that was good. A little fewer is taken as it is
 * (sends are still within a tenth of any cap); more is worth a trial. */
static void doubt(struct hf_cap *c, const struct second *s)
{
	double mille = s->replied * MILLE / s->sent;
	struct hf_cap_count n = lately(c);
	if (mille * 10 >= c->full_then * 9.0) {
		c->full = mille < c->full ? (uint32_t)mille : c->full;
		c->behind = 0;
	} else if (c->since >= c->next_trial && rate(&n) >= FLOOR && n.sent > n.replied &&
		   flat(c) && worth_a_trial(&n)) {
		begin_trial(c, HF_CAP_CHECK);
	}
}

static void fall_back(struct hf_cap *c, const struct second *s)
{
	bool probing = c->limit > percent(c->found, 97);
	if (probing && s->replied > s->due * 85 / 100) {
		if (s->replied >= 1.1 * c->found)
			find(c, (uint32_t)s->replied, HF_CAP_MOVED);
		enter_known(c);
	} else if (++c->behind >= COMPARED) {
		doubt(c, s);
	}
}

/* More is answered than was usual, and more than chance answers: a loss has
 * ended. Only from below the cap can be seen what is usual now. */
static bool improved(struct hf_cap *c, const struct second *s)
{
	double more = s->replied - s->sent * c->full / MILLE;
	double variance = s->sent * c->full / MILLE * (MILLE - c->full) / MILLE;
	return steady(c) && more > s->sent * 3 / 100 && more * more > 16 * variance;
}

static void learn(struct hf_cap *c, const struct second *s)
{
	double mille = s->replied * MILLE / s->sent;
	c->full = c->full_then = mille < MILLE ? (uint32_t)mille : MILLE;
	if (c->limit > percent(c->found, 97))
		enter_known(c);
}

static void grow(struct hf_cap *c, const struct second *s)
{
	c->behind = 0;
	if (improved(c, s)) {
		learn(c, s);
		return;
	}
	bool over = s->sent >= 1.25 * c->found && s->replied >= 0.93 * s->sent * c->full / MILLE;
	c->over = over ? c->over + 1 : 0;
	if (c->over >= OVER) {
		lift(c);
		return;
	}
	if (s->sent < 0.85 * c->limit)
		return;
	if (c->limit < percent(c->found, DWELL_PERCENT))
		c->limit += 1 + c->found / 200;
	else if (++c->dwelt > DWELL && c->limit < 2 * c->found)
		c->limit += 1 + c->found / 50;
}

static void know(struct hf_cap *c)
{
	struct second s = last_second(c);
	c->idle = s.sent * 2 < c->found ? c->idle + 1 : 0;
	if (c->idle >= IDLE)
		lift(c);
	else if (c->settled > LAG + 1 && fell_behind(&s))
		fall_back(c, &s);
	else if (c->settled > LAG + 1)
		grow(c, &s);
}

/* ---- windows ---- */

static void close_window(struct hf_cap *c)
{
	static void (*const judge[])(struct hf_cap *) = {
		[HF_CAP_WATCH] = watch,
		[HF_CAP_HOLD] = hold,
		[HF_CAP_RAISE] = raise,
		[HF_CAP_KNOWN] = know,
		[HF_CAP_CHECK] = check,
	};
	c->closed[c->count++ % HF_CAP_WINDOWS] = c->open;
	c->open = (struct hf_cap_count){0};
	c->since += WINDOW;
	c->settled++;
	judge[c->phase](c);
}

static __attribute__((noinline)) void move_on(struct hf_cap *c, hf_us now)
{
	if (!c->begun || now < c->since - JUMP_BACK) {
		c->begun = true;
		c->since = c->next_trial = now;
		if (is_known(c->phase))
			enter_known(c);
		else
			enter(c, HF_CAP_WATCH, 0);
	}
	int64_t windows = (now - c->since) / WINDOW;
	if (windows > WINDOWS_MAX)
		c->since += (windows - WINDOWS_MAX) * WINDOW;
	while (now - c->since >= WINDOW)
		close_window(c);
}

static inline void advance(struct hf_cap *c, hf_us now)
{
	hf_us into = now - c->since;
	if (!c->begun || into < 0 || into >= WINDOW)
		move_on(c, now);
}

void hf_cap_sent(struct hf_cap *c, uint32_t packets, hf_us now)
{
	advance(c, now);
	c->open.sent += packets;
}

void hf_cap_replied(struct hf_cap *c, hf_us now)
{
	advance(c, now);
	c->open.replied++;
}

enum hf_cap_change hf_cap_step(struct hf_cap *c, hf_us now)
{
	advance(c, now);
	enum hf_cap_change change = c->change;
	c->change = HF_CAP_SAME;
	return change;
}

hf_us hf_cap_due(const struct hf_cap *c)
{
	return c->begun && c->change == HF_CAP_SAME ? c->since + WINDOW : 0;
}

uint32_t hf_cap_limit(const struct hf_cap *c)
{
	return c->limit;
}

uint32_t hf_cap_found(const struct hf_cap *c)
{
	return c->found;
}

void hf_cap_recall(struct hf_cap *c, uint32_t found, uint32_t full)
{
	c->found = found;
	c->full = c->full_then = full;
	enter_known(c);
}

bool hf_cap_sane(uint32_t found, uint32_t full)
{
	return found ? found >= FLOOR / 2 && found <= FOUND_MOST && full > 0 && full <= MILLE
		     : !full;
}
