/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query_inside.h"

#include "upstream/room.h"

/* Before an upstream that refused to listen is asked again; doubled each time. A
 * server that is restarted is back within a second or so. */
#define PAUSE (100 * HF_MS)

/* While all upstreams rest, or the pace of one that came back is to be kept, the
 * question looks again so often, less up to half by chance. */
#define LOOK_AGAIN (200 * HF_MS)

/* ... and after each look in vain half as often, down to once in 0.8 to 1.6 s. */
#define LOOKS_MAX 3

/* Who has no old answer waits for the pace no longer than this. */
#define PACE_MOST (500 * HF_MS)

/* In the dark who has an old answer waits for a probe no longer than one that is
 * back would take; otherwise a client a second would wait for all of its patience. */
#define PROBE_PATIENCE (200 * HF_MS)

/* At least so long passes between looking for a token of the retry budget. */
#define TOKEN_LEAST (5 * HF_MS)

/* ... and for whose client has had more than its share. */
#define LOOK_FOR_TOKEN (100 * HF_MS)

/* Half of what a question has (HF_QUERY_DEADLINE): whose client has had more than its share has
 * stood back for those who ask for little. */
#define LONG_ENOUGH (2 * HF_SECOND)

/* Messages of a question of our own to one that has said nothing to anybody since: it is
 * for clients' questions to find out whether that is dead. */
#define COPY_MOST 2

_Static_assert(HF_ROUTE_UPSTREAMS_MAX <= HF_SELECT_MOST, "a choice holds any route");

/* ---- waiting ---- */

/* In the dark the question itself is the probe. */
static bool only_probes(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].open && !q->attempts[i].probe)
			return false;
	return true;
}

/* Nothing can be sent before `when`; if nothing is on its way either, whoever
 * waits may as well hear what is at hand. */
static void pause_until(struct hf_step *s, hf_us when)
{
	hf_us least = s->env->now + TOKEN_LEAST;
	s->q->resume = when > least ? when : least;
	if (!hf_query_hopes(s->q) && !s->q->held)
		hf_step_lose_patience(s);
}

static hf_us a_while(const struct hf_step *s)
{
	return LOOK_AGAIN - (hf_us)((uint64_t)(LOOK_AGAIN / 2) * s->env->dice >> 32);
}

/* All that is left rest: look again when one may be asked, but not in step with
 * all the others that wait for the same. */
static void wait_for_rest(struct hf_step *s, const struct hf_selection *selected)
{
	struct hf_query *q = s->q;
	hf_us when = hf_select_when(selected), later = s->env->now + (a_while(s) << q->looks);
	int lame = hf_select_lame(selected);
	if (lame >= 0 && q->cause == HF_CAUSE_NONE)
		hf_step_blame(q, HF_CAUSE_NO_NAME, (unsigned)lame, HF_EDE_NONE);
	if (when == HF_NEVER || lame >= 0 || !hf_query_may_send(q)) {
		if (!hf_query_hopes(q))
			hf_step_give_up(s);
		return;
	}
	if (q->cause == HF_CAUSE_NONE)
		hf_step_blame(q,
			hf_step_state(s, 0)->health.cause == HF_OUTCOME_UNTRUSTED
				? HF_CAUSE_UNTRUSTED
				: HF_CAUSE_RESTING,
			0, HF_EDE_NONE);
	if (q->background && !hf_query_hopes(q)) {
		hf_step_give_up(s);
		return;
	}
	/* Ten thousand that wait in the dark shall not look ten times a second each. */
	if (q->looks < LOOKS_MAX)
		q->looks++;
	when = when < later ? when + a_while(s) / 16 : later;
	hf_step_note_wait(s, HF_DECIDED_REST, q->cause, q->cause_upstream, when - s->env->now, 0);
	pause_until(s, when);
}

/* ---- who pays ---- */

/* Tokens of the retry budget, and who was given them. */
struct tokens {
	struct hf_retry *retry;
	struct hf_fair *fair;
	const struct hf_retry_conf *conf;
	enum hf_decided_without without; /* if there is none: why */
};

struct no_token { /* why there is none, and when to look again */
	enum hf_decided_without why;
	hf_us when;
};

/* Nobody waits for it, or somebody has for so long that he is near to giving up. */
static bool is_patient(const struct hf_step *s)
{
	return s->q->background || s->env->now - s->q->began >= LONG_ENOUGH;
}

/* When there is one for this question. Whose client has had more than its share leaves
 * those of a second of the floor to others. When nobody has taken one of them the next is
 * lost to everybody, and a question may have it that nobody waits for, or that has been waited
 * for long enough. */
static hf_us when_token(const struct hf_step *s, struct tokens *t)
{
	hf_us now = s->env->now, when = hf_retry_when(t->retry, t->conf, now);
	hf_fair_want(t->fair, s->q->account, now);
	if (when > now || hf_retry_saved(t->retry) >= t->conf->floor + !is_patient(s) ||
		!hf_fair_heavy(t->fair, s->q->account, now))
		return when;
	t->without = HF_WITHOUT_SHARE;
	return now + LOOK_FOR_TOKEN;
}

static void take(const struct hf_step *s, const struct tokens *t)
{
	hf_retry_take(t->retry, t->conf, s->env->now);
	hf_fair_draw(t->fair, s->q->account, s->env->now);
}

/* Where the route has a retry budget of its own: when that has one. Who is heavy is the
 * upstream's and everybody's to say. */
static hf_us when_routes_token(const struct hf_step *s, unsigned upstream)
{
	if (!hf_route_has_retry(s->env->route))
		return s->env->now;
	return hf_retry_when(&hf_step_candidate(s, upstream)->path->retry,
		&hf_step_figures(s, upstream)->retry, s->env->now);
}

/* A token for a message that nobody forces us to send, or when to look again. */
static bool take_token(struct hf_step *s, unsigned upstream, struct no_token *ret)
{
	struct hf_upstream_state *state = hf_step_state(s, upstream);
	struct hf_outgoing_state *outgoing = s->env->outgoing;
	struct tokens its = {&state->retry, &state->fair, &hf_step_conf(s, upstream)->retry,
		HF_WITHOUT_ITS_TOKEN};
	struct tokens everybodys = {&outgoing->retry, &outgoing->fair,
		&s->env->outgoing_conf->retry, HF_WITHOUT_OUR_TOKEN};
	hf_us mine = when_token(s, &its), all = when_token(s, &everybodys);
	hf_us routes = when_routes_token(s, upstream);
	if (mine > s->env->now || all > s->env->now || routes > s->env->now) {
		*ret = mine > all ? (struct no_token){its.without, mine}
				  : (struct no_token){everybodys.without, all};
		if (routes > ret->when)
			*ret = (struct no_token){HF_WITHOUT_ROUTES_TOKEN, routes};
		return false;
	}
	take(s, &its);
	if (hf_route_has_retry(s->env->route))
		hf_retry_take(&hf_step_candidate(s, upstream)->path->retry,
			&hf_step_figures(s, upstream)->retry, s->env->now);
	take(s, &everybodys);
	return true;
}

/* A first message allows all who may have to take its place a share of a retry. */
static void earn_tokens(struct hf_step *s)
{
	bool own = hf_route_has_retry(s->env->route);
	for (unsigned i = 0; i < s->env->route->upstream_count; i++) {
		hf_retry_earn(&hf_step_state(s, i)->retry, &hf_step_conf(s, i)->retry, s->env->now);
		if (own)
			hf_retry_earn(&hf_step_candidate(s, i)->path->retry,
				&hf_step_figures(s, i)->retry, s->env->now);
	}
	hf_retry_earn(&s->env->outgoing->retry, &s->env->outgoing_conf->retry, s->env->now);
}

/* ---- whom the next message goes to ---- */

/* The best has no token left: another one that has, if it is well, even one that has
 * been asked before. What one may be sent would lie idle while many wait for the
 * other. Returns its index, paid for, or -1. */
static int take_other(struct hf_step *s, const struct hf_selection *selected, unsigned best)
{
	struct hf_selection others = *selected;
	struct no_token none;
	others.barred |= hf_step_bit(best);
	int other = hf_select(&others);
	if (other < 0 || hf_query_has_asked(s->q, (unsigned)other) ||
		s->q->refused & hf_step_bit((unsigned)other) ||
		hf_offer(&others, (size_t)other) != HF_OFFER_USE ||
		hf_step_state(s, (unsigned)other)->answered < s->q->began ||
		!take_token(s, (unsigned)other, &none))
		return -1;
	return other;
}

/* Answers are held, and who is left has been asked before, or rests: before it is
 * waited for, whoever holds them may be content. Once. */
static bool is_content(struct hf_step *s, int next)
{
	struct hf_query *q = s->q;
	if (!q->held || q->settling || (next >= 0 && !q->tries[next]) || hf_query_waits(q))
		return false;
	q->settling = true;
	hf_step_settle(s, HF_LEFT_SLOW);
	return true;
}

static void pause_after_refusal(struct hf_step *s, unsigned upstream, hf_us pause)
{
	hf_step_note_wait(s, HF_DECIDED_PAUSE, 0, upstream, pause, 0);
	pause_until(s, s->env->now + pause);
}

static void wait_for_token(struct hf_step *s, unsigned upstream, const struct no_token *none)
{
	hf_us when = none->when == HF_NEVER ? HF_NEVER : none->when + a_while(s) / 8;
	hf_step_note_wait(s, HF_DECIDED_NO_TOKEN, none->why, upstream, when - s->env->now, 0);
	pause_until(s, when);
}

/* The next has refused before, and a pause of it is not over. */
static bool is_pausing(struct hf_step *s, unsigned next, bool rested)
{
	const struct hf_query *q = s->q;
	if (!(q->refused & hf_step_bit(next)) || rested)
		return false;
	unsigned doubling = q->tries[next] > 4 ? 4 : q->tries[next];
	if (!q->resume)
		pause_after_refusal(s, next, PAUSE << (doubling ? doubling - 1 : 0));
	return true;
}

/* Nobody has ever heard the next, and others have just been sent there to find out whether it
 * is there: who waits looks again soon. It lasts for a second or two, until the first answer or
 * until its circuit opens. */
static bool is_unheard(struct hf_step *s, const struct hf_selection *selected, unsigned next)
{
	struct hf_query *q = s->q;
	const hf_us now = s->env->now;
	if (hf_unheard_until(selected, next) <= now || hf_offer(selected, next) != HF_OFFER_WAIT)
		return false;
	if (q->cause == HF_CAUSE_NONE)
		hf_step_blame(q, HF_CAUSE_RESTING, next, HF_EDE_NONE);
	if (q->background && !hf_query_hopes(q)) {
		hf_step_give_up(s);
		return true;
	}
	hf_us later = a_while(s) / 2;
	hf_step_note_wait(s, HF_DECIDED_UNHEARD, 0, next, later, 0);
	pause_until(s, now + later);
	return true;
}

/* Whom the next message goes to, paid for if it has to be; -1: nobody now. */
static int pay(struct hf_step *s, const struct hf_selection *selected, unsigned next, bool wanted)
{
	struct hf_query *q = s->q;
	struct no_token none;
	if ((!q->sends && !q->copy) || wanted || q->spared || take_token(s, next, &none))
		return (int)next;
	if (q->copy) {
		hf_step_blame(q, HF_CAUSE_BUDGET, next, HF_EDE_NONE);
		if (!hf_query_hopes(q))
			hf_step_give_up(s);
		return -1;
	}
	int other = take_other(s, selected, next);
	if (other < 0)
		wait_for_token(s, next, &none);
	return other;
}

static void note_follow(const struct hf_step *s, enum hf_decided_follow why, unsigned upstream)
{
	if (s->env->diary)
		hf_step_write(s, HF_DECIDED_FOLLOW, why, upstream, HF_STEP_NOBODY, 0, 0)->channel =
			(uint8_t)hf_send_channel(s, upstream);
}

static void send_next(struct hf_step *s, unsigned next, bool wanted)
{
	struct hf_query *q = s->q;
	if (!q->sends && !q->copy)
		earn_tokens(s);
	q->resume = 0;
	q->spared = false;
	if (wanted) {
		q->wished = false;
		note_follow(s, HF_FOLLOW_TRUTH, next);
	}
	hf_send_to(s, next,
		wanted     ? HF_SEND_FOLLOW
		: q->sends ? HF_SEND_RETRY
		: q->copy  ? HF_SEND_PROBE
			   : HF_SEND_FIRST);
	q->refused &= ~hf_step_bit(next); /* after: it was refused, not silent */
	if (only_probes(q) && q->patience != HF_NEVER && q->patience > s->env->now + PROBE_PATIENCE)
		q->patience = s->env->now + PROBE_PATIENCE;
}

/* Asks `next`, or pauses before one that has just refused, or gives up when nobody
 * is left (-1) who could still answer. */
static void go_on_to(struct hf_step *s, const struct hf_selection *selected, int next)
{
	struct hf_query *q = s->q;
	bool rested = q->resume && q->resume <= s->env->now;
	if (rested)
		q->resume = 0; /* whatever comes of it: a time that has passed is not armed */
	if (is_content(s, next))
		return;
	if (next < 0) {
		wait_for_rest(s, selected);
		return;
	}
	if (hf_query_has_asked(q, (unsigned)next))
		return; /* the probe is the best that is left */
	if (is_pausing(s, (unsigned)next, rested))
		return;
	if (is_unheard(s, selected, (unsigned)next))
		return;
	bool wanted = q->wished && q->sends && !q->tries[next];
	int paid = pay(s, selected, (unsigned)next, wanted);
	if (paid >= 0)
		send_next(s, (unsigned)paid, wanted);
}

/* A question of our own, which can wait, and nothing says that it was only that message which
 * was lost; and a check is one message. */
static bool is_enough(const struct hf_step *s, int next)
{
	const struct hf_query *q = s->q;
	if (next < 0 || !q->sends || !(q->copy || q->check))
		return false;
	return q->check || (q->tries[next] >= COPY_MOST &&
				   hf_step_state(s, (unsigned)next)->answered < q->began);
}

void hf_next_go_on(struct hf_step *s)
{
	struct hf_selection selected = hf_step_selection(s);
	if (s->env->now >= s->q->deadline) {
		hf_step_give_up(s);
		return;
	}
	int next = hf_query_may_send(s->q) ? hf_select(&selected) : -1;
	if (!is_enough(s, next)) {
		go_on_to(s, &selected, next);
		return;
	}
	s->q->resume = 0;
	if (!hf_query_hopes(s->q))
		hf_step_give_up(s);
}

void hf_next_ask_again(struct hf_step *s, unsigned upstream, enum hf_decided_follow why)
{
	if (!hf_query_may_send(s->q) || (s->q->barred | s->q->held) & hf_step_bit(upstream)) {
		if (!hf_query_waits(s->q))
			hf_next_go_on(s);
		return;
	}
	note_follow(s, why, upstream);
	hf_send_to(s, upstream, HF_SEND_FOLLOW);
	s->q->tries[upstream]--;
}

/* ---- the first message, and copies ---- */

/* One that came back is given its share slowly. Who has an old answer gets it
 * meanwhile; who has none waits, but not for long. */
static bool kept_back(struct hf_step *s, const struct hf_selection *selected, unsigned first)
{
	struct hf_query *q = s->q;
	struct hf_pace *pace = &hf_step_state(s, first)->pace;
	if (hf_offer(selected, first) != HF_OFFER_WAIT || hf_pace_free(pace, s->env->now) ||
		s->env->now - q->began >= PACE_MOST)
		return false;
	hf_pace_refuse(pace, s->env->now);
	hf_step_lose_patience(s);
	q->resume = s->env->now + a_while(s) / 4;
	hf_step_note_wait(s, HF_DECIDED_KEEP_BACK, 0, first, q->resume - s->env->now,
		hf_pace_rate(pace, s->env->now));
	return true;
}

/* The looks are from before the first message, which changed nobody else. */
static void probe_beside(struct hf_step *s, const struct hf_selection *selected,
	const struct hf_looks *looks, int first)
{
	struct no_token none;
	int probe = hf_select_probe(selected, looks, first);
	if (probe >= 0 && hf_has_room(selected, (size_t)probe) &&
		take_token(s, (unsigned)probe, &none))
		hf_send_to(s, (unsigned)probe, HF_SEND_PROBE);
}

/* Nobody waits for it, and there is no room, or others have to wait for theirs. */
static bool superfluous(
	const struct hf_step *s, const struct hf_selection *selected, unsigned first)
{
	const hf_us now = s->env->now;
	return s->q->background &&
	       (hf_offer(selected, first) == HF_OFFER_WAIT ||
		       (now == s->q->began &&
			       hf_pace_crowded(&hf_step_state(s, first)->pace, now)));
}

void hf_next_start(struct hf_step *s)
{
	struct hf_query *q = s->q;
	struct hf_selection selected = hf_step_selection(s);
	struct hf_looks looks;
	hf_look(&selected, &looks);
	int first = hf_select_from(&selected, &looks);
	if (first >= 0 && superfluous(s, &selected, (unsigned)first)) {
		hf_step_note(s, HF_DECIDED_FORGO, 0, (unsigned)first, 0, 0);
		hf_step_blame(q, HF_CAUSE_BUDGET, (unsigned)first, HF_EDE_NONE);
		hf_step_give_up(s);
		return;
	}
	if (first >= 0 && kept_back(s, &selected, (unsigned)first))
		return;
	go_on_to(s, &selected, first);
	if (first >= 0 && !q->done)
		probe_beside(s, &selected, &looks, first);
}

/* Who may be sent a second copy, paid for; -1: nobody, and that is why. */
static int hedge_to(struct hf_step *s, const struct hf_attempt *a, enum hf_decided_without *ret_why)
{
	struct hf_selection selected = hf_step_selection(s);
	struct no_token none;
	*ret_why = HF_WITHOUT_MESSAGES;
	if (!hf_query_may_send(s->q))
		return -1;
	selected.spare_low = true;
	int other = hf_select(&selected);
	*ret_why = HF_WITHOUT_ANOTHER;
	if (other < 0 || other == a->upstream || hf_query_has_asked(s->q, (unsigned)other) ||
		hf_offer(&selected, (size_t)other) != HF_OFFER_USE)
		return -1;
	if (take_token(s, (unsigned)other, &none))
		return other;
	*ret_why = none.why;
	return -1;
}

static void note_hedge(const struct hf_step *s, const struct hf_attempt *a, int other,
	enum hf_decided_without why, hf_us p95)
{
	bool alone = s->env->route->upstream_count == 1; /* then there is nothing to decide */
	if (!s->env->diary || alone)
		return;
	struct hf_decision *d = hf_step_write(s, other < 0 ? HF_DECIDED_NO_HEDGE : HF_DECIDED_HEDGE,
		other < 0 ? why : 0, other < 0 ? HF_STEP_NOBODY : (unsigned)other, a->upstream,
		s->env->now - a->sent, p95);
	if (other >= 0)
		d->channel = (uint8_t)hf_send_channel(s, (unsigned)other);
}

void hf_next_hedge(struct hf_step *s)
{
	for (unsigned i = 0; i < s->q->sends; i++) {
		struct hf_attempt *a = &s->q->attempts[i];
		enum hf_decided_without why;
		if (!a->open || a->late || a->queued || a->hedge > s->env->now)
			continue;
		hf_us p95 = a->hedge - a->sent;
		a->hedge = HF_NEVER;
		int other = hedge_to(s, a, &why);
		note_hedge(s, a, other, why, p95);
		if (other < 0)
			continue;
		hf_send_to(s, (unsigned)other, HF_SEND_HEDGE);
		return;
	}
}
