/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/cap.h"

#define WINDOW (500 * HF_MS)
#define PER_SECOND 2   /* windows */
#define LAG 3          /* windows that a reply may be late */
#define COMPARED 3     /* windows that must look alike */
#define BEFORE_MOST 12 /* windows that a trial is compared with, at most */
#define WINDOWS_MAX (120 * PER_SECOND)

#define FLOOR 20             /* replies a second; fewer are ruled by chance */
#define FOUND_MOST 100000000 /* more than any network card sends */
#define DEVIATIONS 8 /* between the two things that a trial tells apart: four to either side */
#define SUSPICION 4  /* deviations are enough to give a trial up */
#define TRIAL_MAX 20 /* windows; 10 s */
#define AGREE 2      /* windows a verdict needs at least */
#define PATIENT 8    /* windows of more replies than before: no bucket has saved so many */

/* What a trial lets out, of the replies. Above them as much as two seconds' loss can tell
 * from chance and from what connections use up, and not more: what is lost has to be sent
 * again. */
#define HELD_PERCENT 90
#define RAISED_PERCENT 130
#define RAISED_MORE 15 /* packets a second */

#define NEXT_TRIAL (30 * HF_SECOND)
#define TRIALS_DOUBLED 5 /* 30 s * 2^5: 16 minutes */
#define JUMP_BACK HF_SECOND

#define OVER 6                 /* windows answered well over the cap */
#define IDLE (60 * PER_SECOND) /* windows of less than half of it */

/* A bucket holds a second of the cap, say, and is full when we come from below:
 * at 109 % it is empty after 14 s, and only then is the truth seen. */
#define DWELL_PERCENT 109
#define DWELL (20 * PER_SECOND)

/* Where it stays before that: what was found may be a little too low. */
#define STAY_PERCENT 103
#define STAY (20 * PER_SECOND)

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
static struct hf_cap_count last_windows(const struct hf_cap *c, uint32_t windows)
{
	struct hf_cap_count n = {.windows = windows};
	for (uint32_t i = 0; i < windows; i++) {
		n.sent += least_sent(c, i);
		n.replied += past(c, i)->replied;
	}
	return n;
}

static struct hf_cap_count lately(const struct hf_cap *c)
{
	return last_windows(c, COMPARED);
}

static bool flat(const struct hf_cap *c)
{
	double mean = (double)lately(c).replied / COMPARED;
	for (uint32_t i = 0; i < COMPARED; i++)
		if (!alike(past(c, i)->replied, mean))
			return false;
	return true;
}

/* So many windows were alike and flooded, one after another. */
static uint32_t alike_windows(const struct hf_cap *c)
{
	double mean = (double)lately(c).replied / COMPARED;
	uint32_t n = 0;
	while (n < BEFORE_MOST && flooded(c, n) && alike(past(c, n)->replied, mean))
		n++;
	return n;
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

static void hold_back(struct hf_cap *c, enum hf_cap_phase phase)
{
	enter(c, phase, percent(rate(&c->before), HELD_PERCENT));
}

static void begin_trial(struct hf_cap *c, enum hf_cap_phase phase, struct hf_cap_count before)
{
	c->before = before;
	hold_back(c, phase);
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

static bool is_known(enum hf_cap_phase phase)
{
	return phase == HF_CAP_KNOWN || phase == HF_CAP_CHECK;
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
	trial.sent = (uint32_t)((uint64_t)percent(rate(before), HELD_PERCENT) * trial.windows /
				PER_SECOND);
	return weigh(before, &trial, DEVIATIONS) != UNDECIDED;
}

static uint32_t answered_mille(const struct hf_cap_count *n)
{
	uint64_t mille = n->sent ? (uint64_t)n->replied * MILLE / n->sent : MILLE;
	return mille < MILLE ? (uint32_t)mille : MILLE;
}

/* What was sent in the windows from the one that ended `from` before the last one to the
 * one before `to`, and what of that has been answered by now. */
static struct hf_cap_count between(const struct hf_cap *c, uint32_t from, uint32_t to)
{
	struct hf_cap_count n = {0};
	for (uint32_t i = from; i < to && i < HF_CAP_WINDOWS; i++) {
		n.sent += past(c, i)->sent;
		n.replied += past(c, i)->answered;
		n.windows++;
	}
	return n;
}

/* Sends that fall make no comparison: late replies belong to others. */
static bool steady(const struct hf_cap *c)
{
	return (uint64_t)past(c, 0)->sent * 5 >= (uint64_t)most_sent(c) * 4;
}

/* Answers may be late, so that all are answered can be seen at any time, and that some
 * are not only when they cannot come any more. */
static enum verdict held(struct hf_cap *c)
{
	for (uint32_t but = LAG + 1; but-- > (is_known(c->phase) ? LAG : 0);) {
		struct hf_cap_count n = between(c, but, c->settled);
		enum verdict verdict =
			n.windows < AGREE ? UNDECIDED : weigh(&c->before, &n, DEVIATIONS);
		if (verdict == ALL_ANSWERED || (verdict == SAME_SHARE && but == LAG)) {
			c->trial = n;
			return verdict;
		}
	}
	return UNDECIDED;
}

static bool demand_is_gone(const struct hf_cap *c)
{
	uint64_t spent = (uint64_t)past(c, 0)->sent + past(c, 0)->others;
	return c->settled > LAG && spent * PER_SECOND * 2 < c->limit;
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
		c->saved = c->settled;
		enter(c, HF_CAP_RAISE, percent(rate(&c->before), RAISED_PERCENT) + RAISED_MORE);
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

/* Well more is sent than the cap, and what is over it is lost. */
static bool lost_again(const struct hf_cap *c)
{
	return c->trial.sent >= c->trial.replied + c->trial.sent / 10 + 4;
}

/* Are the replies where they were? What a cap lets through does not vary by chance. */
static bool as_before(const struct hf_cap *c)
{
	double was = (double)c->before.replied * c->trial.windows / c->before.windows;
	double off = was > c->trial.replied ? was - c->trial.replied : c->trial.replied - was;
	return off <= was / 20 || off * off <= was;
}

/* Well fewer are no cap's. A few less may come later, and more may be what its bucket had
 * saved. */
static void look_again(struct hf_cap *c)
{
	double was = (double)c->before.replied * c->trial.windows / c->before.windows;
	if (c->trial.windows >= AGREE && c->trial.replied < was * 9 / 10)
		end_trial(c, true);
	else if (c->trial.replied > was)
		c->trial = (struct hf_cap_count){0};
}

/* What was sent while it was held back has been answered by now, or never will be. At the
 * beginning of that, what had been sent before was still in the way, and connections
 * later: half of what is missing is put down to these, for if it was loss all the same,
 * that will be seen, and the other way round it would not. */
static void found_at_last(struct hf_cap *c)
{
	struct hf_cap_count held = between(c, c->settled, c->settled + c->saved - 1);
	c->full = c->full_then = (MILLE + answered_mille(&held)) / 2;
	uint32_t was = rate(&c->before), is = rate(&c->trial);
	find(c, was > is && as_before(c) ? was : is, HF_CAP_FOUND);
}

static void raise(struct hf_cap *c)
{
	bool too_many = exceeded(c);
	if (c->settled >= TRIAL_MAX)
		end_trial(c, false);
	else if (!add_to_trial(c))
		return;
	else if (!lost_again(c) && too_many)
		end_trial(c, true);
	else if (!lost_again(c))
		return;
	else if (!as_before(c) && c->settled < PATIENT)
		look_again(c);
	else if (c->trials && !c->again++)
		hold_back(c, HF_CAP_HOLD);
	else
		found_at_last(c);
}

static void watch(struct hf_cap *c)
{
	if (c->since < c->next_trial)
		return;
	uint32_t windows = alike_windows(c);
	if (windows < COMPARED || !flat(c))
		return;
	struct hf_cap_count n = last_windows(c, windows);
	if (rate(&n) < FLOOR)
		return;
	if (worth_a_trial(&n))
		begin_trial(c, HF_CAP_HOLD, n);
	else if (windows >= BEFORE_MOST)
		end_trial(c, true); /* as it would, ten seconds later */
}

/* ---- with a cap known ---- */

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
		begin_trial(c, HF_CAP_CHECK, n);
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
	if (c->limit <= percent(c->found, STAY_PERCENT))
		c->limit += 1 + c->found / 200;
	else if (++c->dwelt > STAY && c->limit < percent(c->found, DWELL_PERCENT))
		c->limit += 1 + c->found / 200;
	else if (c->dwelt > STAY + DWELL && c->limit < 2 * c->found)
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

void hf_cap_spent(struct hf_cap *c, uint32_t packets, hf_us now)
{
	advance(c, now);
	c->open.others += packets;
}

void hf_cap_replied(struct hf_cap *c, hf_us sent, hf_us now)
{
	advance(c, now);
	c->open.replied++;
	if (sent >= c->since) {
		c->open.answered++;
		return;
	}
	int64_t back = (c->since - 1 - sent) / WINDOW;
	if (back < HF_CAP_WINDOWS && back < c->count)
		c->closed[(c->count - 1 - (uint32_t)back) % HF_CAP_WINDOWS].answered++;
}

bool hf_cap_losing(const struct hf_cap *c)
{
	const struct hf_cap_count *last = past(c, 0), *then = past(c, 1);
	uint64_t sent = (uint64_t)last->sent + then->sent;
	return c->count > 1 && sent >= FLOOR &&
	       sent * 5 >= ((uint64_t)last->answered + then->answered) * 6;
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
