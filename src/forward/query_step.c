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

/* Messages of a question of our own to one that has said nothing to anybody since: it is
 * for clients' questions to find out whether that is dead. */
#define COPY_MOST 2

/* A certificate is seen two round trips after connecting; one that takes so long may
 * never be, and another upstream may give another address. */
#define PROOF_PATIENCE (250 * HF_MS)

_Static_assert(HF_ROUTE_UPSTREAMS_MAX <= HF_SELECT_MOST, "a choice holds any route");

/* That somebody lied, or may have, outweighs that others said nothing: it is what to
 * look into. */
static void blame(struct hf_query *q, enum hf_query_cause cause, unsigned upstream, int32_t ede)
{
	if (q->cause >= HF_CAUSE_DOUBTED && cause < q->cause)
		return;
	q->cause = cause;
	q->cause_upstream = (uint8_t)upstream;
	q->cause_ede = ede;
}

static void close_attempt(struct hf_step *s, struct hf_attempt *a)
{
	if (!a->queued)
		hf_step_state(s, a->upstream)->in_flight--;
	a->open = a->queued = false;
}

/* ---- ending ---- */

static void end(struct hf_step *s)
{
	for (unsigned i = 0; i < s->q->sends; i++)
		if (s->q->attempts[i].open)
			close_attempt(s, &s->q->attempts[i]);
	s->q->done = true;
}

static int32_t ede_of(const struct hf_query *q)
{
	if (q->cause_ede != HF_EDE_NONE)
		return q->cause_ede;
	switch (q->cause) {
	case HF_CAUSE_UNREACHABLE: return HF_EDE_NETWORK_ERROR;
	case HF_CAUSE_UNSENT:
	case HF_CAUSE_CROWDED:
	case HF_CAUSE_BUDGET:
	case HF_CAUSE_SERVFAIL: return HF_EDE_OTHER;
	/* "Forged Answer" is said of one's own, "Blocked" and its like of the operator's
	 * wish, "Bogus" of signatures (RFC 8914 4.5, 4.16, 4.7): the text has to tell. */
	case HF_CAUSE_DOUBTED:
	case HF_CAUSE_LIE:
	case HF_CAUSE_QUARANTINED: return HF_EDE_OTHER;
	case HF_CAUSE_BLOCKED: return HF_EDE_BLOCKED;
	case HF_CAUSE_RETIRED: return HF_EDE_FILTERED;
	case HF_CAUSE_GARBAGE: return HF_EDE_INVALID_DATA;
	default: return HF_EDE_NO_REACHABLE_AUTHORITY;
	}
}

static void settle_held(struct hf_step *s, enum hf_trial_left left)
{
	hf_step_act(s, HF_ACT_SETTLE)->left = left;
}

/* Nobody is left, or no time is: what is held is all there is. */
static void give_up(struct hf_step *s)
{
	if (s->q->held) {
		settle_held(s, s->env->now >= s->q->deadline ? HF_LEFT_NO_TIME : HF_LEFT_NONE);
		return;
	}
	struct hf_action *fail = hf_step_act(s, HF_ACT_FAIL);
	hf_step_note(s, HF_DECIDED_FAIL, s->q->cause,
		s->q->cause == HF_CAUSE_NONE ? HF_STEP_NOBODY : s->q->cause_upstream, s->q->sends,
		0);
	fail->cause = s->q->cause;
	fail->upstream = s->q->cause_upstream;
	fail->ede = ede_of(s->q);
	end(s);
}

/* ---- whom to ask next ---- */

/* True if an attempt is open that has not timed out and is not just a probe. */
static bool waiting(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->reason != HF_SEND_PROBE)
			return true;
	}
	return false;
}

/* True if an attempt at this upstream, probe or not, may yet be in time. */
static bool asked(const struct hf_query *q, unsigned upstream)
{
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->upstream == upstream)
			return true;
	}
	return false;
}

static bool hoping(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].open)
			return true;
	return false;
}

/* In the dark the question itself is the probe. */
static bool only_probes(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].open && !q->attempts[i].probe)
			return false;
	return true;
}

static void lose_patience(struct hf_step *s)
{
	if (s->q->patience != HF_NEVER)
		hf_step_act(s, HF_ACT_LATE);
	s->q->patience = HF_NEVER;
}

/* Nothing can be sent before `when`; if nothing is on its way either, whoever
 * waits may as well hear what is at hand. */
static void pause_until(struct hf_step *s, hf_us when)
{
	hf_us least = s->env->now + TOKEN_LEAST;
	s->q->resume = when > least ? when : least;
	if (!hoping(s->q) && !s->q->held)
		lose_patience(s);
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
		blame(q, HF_CAUSE_NO_NAME, (unsigned)lame, HF_EDE_NONE);
	if (when == HF_NEVER || lame >= 0 || !hf_query_may_send(q)) {
		if (!hoping(q))
			give_up(s);
		return;
	}
	if (q->cause == HF_CAUSE_NONE)
		blame(q,
			hf_step_state(s, 0)->health.cause == HF_OUTCOME_UNTRUSTED
				? HF_CAUSE_UNTRUSTED
				: HF_CAUSE_RESTING,
			0, HF_EDE_NONE);
	if (q->background && !hoping(q)) {
		give_up(s);
		return;
	}
	/* Ten thousand that wait in the dark shall not look ten times a second each. */
	if (q->looks < LOOKS_MAX)
		q->looks++;
	when = when < later ? when + a_while(s) / 16 : later;
	hf_step_note_wait(s, HF_DECIDED_REST, q->cause, q->cause_upstream, when - s->env->now, 0);
	pause_until(s, when);
}

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

/* When there is one for this question. Whose client has had more than its share leaves
 * those of a second of the floor to others. When nobody has taken one of them the next is
 * lost to everybody, and a question that nobody waits for may have it. */
static hf_us when_token(const struct hf_step *s, struct tokens *t)
{
	hf_us now = s->env->now, when = hf_retry_when(t->retry, t->conf, now);
	hf_fair_want(t->fair, s->q->account, now);
	if (when > now || hf_retry_saved(t->retry) >= t->conf->floor + !s->q->background ||
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

/* The best has no token left: another one that has, if it is well, even one that has
 * been asked before. What one may be sent would lie idle while many wait for the
 * other. Returns its index, paid for, or -1. */
static int take_other(struct hf_step *s, const struct hf_selection *selected, unsigned best)
{
	struct hf_selection others = *selected;
	struct no_token none;
	others.barred |= hf_step_bit(best);
	int other = hf_select(&others);
	if (other < 0 || asked(s->q, (unsigned)other) ||
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
	if (!q->held || q->settling || (next >= 0 && !q->tries[next]) || waiting(q))
		return false;
	q->settling = true;
	settle_held(s, HF_LEFT_SLOW);
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
		blame(q, HF_CAUSE_RESTING, next, HF_EDE_NONE);
	if (q->background && !hoping(q)) {
		give_up(s);
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
		blame(q, HF_CAUSE_BUDGET, next, HF_EDE_NONE);
		if (!hoping(q))
			give_up(s);
		return -1;
	}
	int other = take_other(s, selected, next);
	if (other < 0)
		wait_for_token(s, next, &none);
	return other;
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
		hf_step_note(s, HF_DECIDED_FOLLOW, HF_FOLLOW_TRUTH, next, 0, 0);
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
	if (asked(q, (unsigned)next))
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

static void go_on(struct hf_step *s)
{
	struct hf_selection selected = hf_step_selection(s);
	if (s->env->now >= s->q->deadline) {
		give_up(s);
		return;
	}
	int next = hf_query_may_send(s->q) ? hf_select(&selected) : -1;
	if (!is_enough(s, next)) {
		go_on_to(s, &selected, next);
		return;
	}
	s->q->resume = 0;
	if (!hoping(s->q))
		give_up(s);
}

/* The same upstream once more, in another way, which is no new try. */
static void ask_again(struct hf_step *s, unsigned upstream, enum hf_decided_follow why)
{
	if (!hf_query_may_send(s->q) || (s->q->barred | s->q->held) & hf_step_bit(upstream)) {
		if (!waiting(s->q))
			go_on(s);
		return;
	}
	hf_step_note(s, HF_DECIDED_FOLLOW, why, upstream, 0, 0);
	hf_send_to(s, upstream, HF_SEND_FOLLOW);
	s->q->tries[upstream]--;
}

/* ---- events ---- */

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
	lose_patience(s);
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

/* The first message, at once or when its time has come. */
static void start(struct hf_step *s)
{
	struct hf_query *q = s->q;
	struct hf_selection selected = hf_step_selection(s);
	struct hf_looks looks;
	hf_look(&selected, &looks);
	int first = hf_select_from(&selected, &looks);
	if (first >= 0 && superfluous(s, &selected, (unsigned)first)) {
		hf_step_note(s, HF_DECIDED_FORGO, 0, (unsigned)first, 0, 0);
		blame(q, HF_CAUSE_BUDGET, (unsigned)first, HF_EDE_NONE);
		give_up(s);
		return;
	}
	if (first >= 0 && kept_back(s, &selected, (unsigned)first))
		return;
	go_on_to(s, &selected, first);
	if (first >= 0 && !q->done)
		probe_beside(s, &selected, &looks, first);
}

static void leave_line(struct hf_step *s, unsigned upstream)
{
	struct hf_query *q = s->q;
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].queued && q->attempts[i].upstream == upstream)
			close_attempt(s, &q->attempts[i]);
}

/* Not again for this question: neither does it wait there for room any more. */
static void bar(struct hf_step *s, unsigned upstream)
{
	s->q->barred |= hf_step_bit(upstream);
	leave_line(s, upstream);
}

static void bar_and_go_on(
	struct hf_step *s, enum hf_query_cause cause, const struct hf_attempt *a, int32_t ede)
{
	/* What an upstream said of the name outweighs another's silence. */
	hf_step_note(s, HF_DECIDED_REJECT, cause, a->upstream, 0, 0);
	blame(s->q, cause, a->upstream, ede);
	bar(s, a->upstream);
	if (cause != HF_CAUSE_GARBAGE) {
		s->q->useless |= hf_step_bit(a->upstream);
		hf_facts_useless(s, a);
		if (hf_step_candidate(s, a->upstream)->path->health.state == HF_HEALTH_PROBING)
			hf_facts_path(s, a, HF_OUTCOME_BEATEN);
	}
	if (!waiting(s->q))
		go_on(s);
}

/* What it said is of no use, but it said it: it serves this route. */
static void disbelieve(struct hf_step *s, enum hf_query_cause cause, const struct hf_attempt *a)
{
	hf_step_note(s, HF_DECIDED_REJECT, cause, a->upstream, 0, 0);
	blame(s->q, cause, a->upstream, HF_EDE_NONE);
	bar(s, a->upstream);
	hf_facts_path(s, a, HF_OUTCOME_ANSWERED);
	if (s->env->now >= s->q->deadline)
		give_up(s);
	else if (!waiting(s->q))
		go_on(s);
}

/* What it says may be true. It is not asked again meanwhile, and if it says it twice that
 * is no more. */
static void hold(struct hf_step *s, struct hf_attempt *a, const struct hf_query_event *event)
{
	hf_facts_path(s, a, HF_OUTCOME_ANSWERED);
	leave_line(s, a->upstream);
	if (s->q->held & hf_step_bit(a->upstream))
		return;
	hf_step_note(s, HF_DECIDED_HOLD, 0, a->upstream, 0, 0);
	s->q->wished |= event->wished;
	a->held = true;
	a->hedge = event->proving ? s->env->now + PROOF_PATIENCE : HF_NEVER;
	s->q->held |= hf_step_bit(a->upstream);
}

static void let_go_of_held(struct hf_query *q)
{
	q->held = 0;
	for (unsigned i = 0; i < q->sends; i++)
		q->attempts[i].held = false;
}

/* It is the name that is refused, and not what this upstream said of it. */
static void block(struct hf_step *s, const struct hf_attempt *a)
{
	blame(s->q, HF_CAUSE_BLOCKED, a->upstream, HF_EDE_NONE);
	hf_facts_path(s, a, HF_OUTCOME_ANSWERED);
	let_go_of_held(s->q);
	give_up(s);
}

static bool look_at_attempts(struct hf_step *s);

/* The first answer: what does it say about the others? */
static void answered(struct hf_step *s, struct hf_attempt *winner)
{
	struct hf_query *q = s->q;
	let_go_of_held(q);
	if (s->env->diary)
		hf_step_write_answered(s, winner);
	hf_step_act(s, HF_ACT_ANSWER)->attempt = (uint8_t)(winner - q->attempts);
	hf_facts_path(s, winner, HF_OUTCOME_ANSWERED);
	q->answered = true;
	q->answerer = winner->upstream;
	for (unsigned i = 0; i < q->sends; i++) {
		struct hf_attempt *a = &q->attempts[i];
		if (a->queued)
			close_attempt(s, a);
		else if (a->open && a->late && a->upstream != winner->upstream)
			hf_facts_beaten(s, a);
		else if (!a->open && q->useless & hf_step_bit(a->upstream) &&
			 a->upstream != winner->upstream)
			hf_facts_path(s, a, HF_OUTCOME_BEATEN);
	}
	look_at_attempts(s); /* some have been listened to for long enough */
	if (!hoping(q))
		end(s);
}

static void answer_of(struct hf_step *s, struct hf_attempt *a, const struct hf_query_event *event)
{
	unsigned upstream = a->upstream;
	switch (event->verdict) {
	case HF_VERDICT_ANSWER: answered(s, a); break;
	case HF_VERDICT_TRUNCATED:
		if (a->channel != HF_CHANNEL_UDP) {
			bar_and_go_on(s, HF_CAUSE_GARBAGE, a, event->ede);
			break;
		}
		s->q->stream |= hf_step_bit(upstream);
		ask_again(s, upstream, HF_FOLLOW_TRUNCATED);
		break;
	case HF_VERDICT_FORMERR:
	case HF_VERDICT_NOTIMP:
		if (!a->edns) {
			bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede);
			break;
		}
		s->q->plain |= hf_step_bit(upstream);
		ask_again(s, upstream, HF_FOLLOW_NO_EDNS);
		break;
	case HF_VERDICT_BADCOOKIE:
		if (a->channel != HF_CHANNEL_UDP) {
			bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede);
			break;
		}
		if (!a->cookie || s->q->badcookie & hf_step_bit(upstream))
			s->q->stream |= hf_step_bit(upstream);
		s->q->badcookie |= hf_step_bit(upstream);
		ask_again(s, upstream, HF_FOLLOW_COOKIE);
		break;
	case HF_VERDICT_SERVFAIL: bar_and_go_on(s, HF_CAUSE_SERVFAIL, a, event->ede); break;
	case HF_VERDICT_REFUSED: bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede); break;
	case HF_VERDICT_LAME: bar_and_go_on(s, HF_CAUSE_LAME, a, event->ede); break;
	case HF_VERDICT_GARBAGE: bar_and_go_on(s, HF_CAUSE_GARBAGE, a, event->ede); break;
	case HF_VERDICT_DOUBTED: disbelieve(s, HF_CAUSE_DOUBTED, a); break;
	case HF_VERDICT_RETIRED: disbelieve(s, HF_CAUSE_RETIRED, a); break;
	case HF_VERDICT_LIE:
		s->q->wished = true;
		disbelieve(s, HF_CAUSE_LIE, a);
		break;
	case HF_VERDICT_BLOCKED: block(s, a); break;
	}
}

/* After the answer: only what it says about the upstream matters. */
static void heard_late(struct hf_step *s, struct hf_attempt *a, enum hf_verdict verdict)
{
	if (verdict == HF_VERDICT_ANSWER || verdict == HF_VERDICT_TRUNCATED ||
		verdict == HF_VERDICT_BADCOOKIE || verdict == HF_VERDICT_DOUBTED ||
		verdict == HF_VERDICT_LIE || verdict == HF_VERDICT_BLOCKED ||
		verdict == HF_VERDICT_RETIRED)
		hf_facts_path(s, a, HF_OUTCOME_ANSWERED);
	else if (verdict != HF_VERDICT_GARBAGE) {
		hf_facts_path(s, a, HF_OUTCOME_BEATEN);
		hf_facts_useless(s, a);
	}
	if (!hoping(s->q))
		end(s);
}

static void replied(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (a->held) { /* the facts of it are known */
		a->held = false;
		s->q->held &= ~hf_step_bit(a->upstream);
	} else {
		hf_facts_reply(s, a, event);
		close_attempt(s, a);
		if (event->verdict == HF_VERDICT_ANSWER && !s->q->answered)
			hf_facts_answer(s, a, event->octets);
	}
	if (s->q->answered)
		heard_late(s, a, event->verdict);
	else if (event->kind == HF_QUERY_HELD)
		hold(s, a, event);
	else
		answer_of(s, a, event);
}

static enum hf_query_cause cause_of_loss(enum hf_outcome outcome)
{
	switch (outcome) {
	case HF_OUTCOME_UNSENT: return HF_CAUSE_UNSENT;
	case HF_OUTCOME_CROWDED: return HF_CAUSE_CROWDED;
	case HF_OUTCOME_UNTRUSTED: return HF_CAUSE_UNTRUSTED;
	default: return HF_CAUSE_UNREACHABLE;
	}
}

static void drop(struct hf_step *s, const struct hf_query_event *event)
{
	blame(s->q, HF_CAUSE_DOUBTED, s->q->attempts[event->attempt].upstream, HF_EDE_NONE);
	let_go_of_held(s->q);
	give_up(s);
}

static void lost(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	hf_facts_report(s, a, event->outcome);
	if (event->outcome == HF_OUTCOME_UNSENT || event->outcome == HF_OUTCOME_CROWDED)
		hf_send_refund(s, a, a->cost);
	close_attempt(s, a);
	if (s->q->answered) {
		if (!hoping(s->q))
			end(s);
		return;
	}
	hf_step_note(s, HF_DECIDED_REJECT, cause_of_loss(event->outcome), a->upstream, 0, 0);
	if (event->outcome == HF_OUTCOME_UNTRUSTED || event->outcome == HF_OUTCOME_CROWDED)
		bar(s, a->upstream);
	s->q->spared |= event->outcome == HF_OUTCOME_CROWDED;
	s->q->refused |= hf_step_bit(a->upstream);
	if (s->q->cause != HF_CAUSE_SERVFAIL)
		blame(s->q, cause_of_loss(event->outcome), a->upstream, HF_EDE_NONE);
	if (!waiting(s->q))
		go_on(s);
}

/* Asks over TCP, where nobody can forge, beside the attempt that stays open. */
static void doubt(struct hf_step *s, const struct hf_query_event *event)
{
	unsigned upstream = s->q->attempts[event->attempt].upstream;
	if (event->found)
		hf_cookie_refused(&hf_step_state(s, upstream)->cookie, event->found);
	if (event->found == HF_COOKIE_MISSING)
		s->q->uncookied |= hf_step_bit(upstream);
	if (s->q->stream & hf_step_bit(upstream) || s->q->answered)
		return;
	s->q->stream |= hf_step_bit(upstream);
	ask_again(s, upstream, HF_FOLLOW_FORGED);
}

/* There is room, but who came to rest meanwhile is not sent what stood in line. */
static void grant(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	struct hf_selection selected = hf_step_selection(s);
	if (!a->queued)
		return;
	a->charged = event->charged;
	if (hf_offer(&selected, a->upstream) != HF_OFFER_REST) {
		hf_step_note(s, HF_DECIDED_GRANT, 0, a->upstream, 0, 0);
		hf_send_dispatch(s, a);
		return;
	}
	hf_send_refund(s, a, a->cost);
	close_attempt(s, a);
	if (!waiting(s->q))
		go_on(s);
}

static void evict(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (!a->queued)
		return;
	hf_step_note(s, HF_DECIDED_EVICT, 0, a->upstream, 0, 0);
	blame(s->q, HF_CAUSE_BUDGET, a->upstream, HF_EDE_NONE);
	bar(s, a->upstream);
	if (!s->q->answered && !waiting(s->q))
		go_on(s);
}

/* Whether anybody answered or not: this one did not, in time. */
static void note_late(struct hf_step *s, struct hf_attempt *a)
{
	struct hf_query *q = s->q;
	a->late = true;
	hf_rtt_lost(hf_step_rtt(s, a->upstream), a->sent, s->env->now);
	if (q->answered) {
		if (a->upstream != q->answerer)
			hf_facts_beaten(s, a);
		return;
	}
	hf_step_note(s, HF_DECIDED_SILENT, 0, a->upstream, a->due - a->sent, 0);
	hf_facts_report(s, a, HF_OUTCOME_SILENT);
	if (q->cause != HF_CAUSE_SERVFAIL)
		blame(q, HF_CAUSE_TIMEOUT, a->upstream, HF_EDE_NONE);
}

/* After the answer an attempt is listened to for the longest time-out. */
static hf_us listened_until(const struct hf_step *s, const struct hf_attempt *a)
{
	return a->sent + hf_step_figures(s, a->upstream)->timeout_max;
}

/* True if one has become late that was not before. */
static bool look_at_attempts(struct hf_step *s)
{
	bool any = false;
	for (unsigned i = 0; i < s->q->sends; i++) {
		struct hf_attempt *a = &s->q->attempts[i];
		if (!a->open || a->queued)
			continue;
		if (!a->late && a->due <= s->env->now) {
			note_late(s, a);
			any = true;
		}
		if (s->q->answered && a->late && listened_until(s, a) <= s->env->now) {
			hf_facts_settle(s, a, false);
			close_attempt(s, a);
		}
	}
	return any;
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
	if (other < 0 || other == a->upstream || asked(s->q, (unsigned)other) ||
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
	if (s->env->diary && !alone)
		hf_step_write(s, other < 0 ? HF_DECIDED_NO_HEDGE : HF_DECIDED_HEDGE,
			other < 0 ? why : 0, other < 0 ? HF_STEP_NOBODY : (unsigned)other,
			a->upstream, s->env->now - a->sent, p95);
}

/* A second copy for the attempt that takes long, if somebody else has room, and
 * there is a token. */
static void hedge(struct hf_step *s)
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

/* A proof takes long: somebody else may say something else. */
static bool proof_is_late(struct hf_query *q, hf_us now)
{
	bool late = false;
	for (unsigned i = 0; i < q->sends; i++) {
		if (!q->attempts[i].held || q->attempts[i].hedge > now)
			continue;
		q->attempts[i].hedge = HF_NEVER;
		late = true;
	}
	return late;
}

static void timer(struct hf_step *s)
{
	struct hf_query *q = s->q;
	bool late = look_at_attempts(s);
	bool resumed = q->resume && q->resume <= s->env->now;
	if (q->answered) {
		if (!hoping(q))
			end(s);
		return;
	}
	if (s->env->now >= q->patience)
		lose_patience(s);
	if (s->env->now >= q->deadline) {
		for (unsigned i = 0; i < q->sends; i++)
			if (q->attempts[i].queued)
				blame(q, HF_CAUSE_BUDGET, q->attempts[i].upstream, HF_EDE_NONE);
		give_up(s);
		return;
	}
	bool beside = proof_is_late(q, s->env->now);
	if (resumed && !q->sends)
		start(s);
	else if (resumed || ((late || beside) && !waiting(q)))
		go_on(s);
	else
		hedge(s);
}

static void sooner(hf_us *due, hf_us instant)
{
	if (instant < *due)
		*due = instant;
}

static void arm(struct hf_step *s)
{
	const struct hf_query *q = s->q;
	hf_us due = HF_NEVER;
	if (!q->answered) {
		due = q->patience < q->deadline ? q->patience : q->deadline;
		if (q->resume)
			sooner(&due, q->resume);
	}
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->held)
			sooner(&due, a->hedge);
		if (!a->open || a->queued)
			continue;
		if (!a->late)
			sooner(&due, a->hedge < a->due && !q->answered ? a->hedge : a->due);
		else if (q->answered)
			sooner(&due, listened_until(s, a));
	}
	hf_step_act(s, HF_ACT_ARM)->due = due;
}

void hf_query_init(struct hf_query *q, uint32_t name, hf_us now)
{
	memset(q, 0, offsetof(struct hf_query, attempts));
	q->deadline = now + HF_QUERY_DEADLINE;
	q->patience = HF_NEVER;
	q->cause_ede = HF_EDE_NONE;
	q->began = now;
	q->name = name;
}

/* Is it about something that still is? */
static bool concerns(const struct hf_query *q, const struct hf_query_event *event)
{
	if (event->kind == HF_QUERY_START || event->kind == HF_QUERY_TIMER)
		return true;
	if (event->kind == HF_QUERY_GO_ON || event->kind == HF_QUERY_DROP)
		return q->held != 0;
	if (event->attempt >= q->sends)
		return false;
	return q->attempts[event->attempt].open ||
	       (event->kind == HF_QUERY_REPLY && q->attempts[event->attempt].held);
}

size_t hf_query_step(struct hf_query *q, const struct hf_query_env *env,
	const struct hf_query_event *event, struct hf_action actions[static HF_ACTIONS_MAX])
{
	struct hf_step s = {.q = q, .env = env, .of = env->candidates->of, .actions = actions};
	if (hf_unexpected(q->done) || !concerns(q, event))
		return 0;
	for (unsigned i = 0; i < q->sends; i++)
		hf_facts_touch(&s, q->attempts[i].upstream);
	switch (event->kind) {
	case HF_QUERY_START: start(&s); break;
	case HF_QUERY_REPLY:
	case HF_QUERY_HELD: replied(&s, event); break;
	case HF_QUERY_GO_ON:
		if (!waiting(q))
			go_on(&s);
		break;
	case HF_QUERY_DROP: drop(&s, event); break;
	case HF_QUERY_LOST: lost(&s, event); break;
	case HF_QUERY_DOUBT: doubt(&s, event); break;
	case HF_QUERY_TIMER: timer(&s); break;
	case HF_QUERY_GRANT: grant(&s, event); break;
	case HF_QUERY_EVICT: evict(&s, event); break;
	case HF_QUERY_REUSED: hf_send_reused(&s, &q->attempts[event->attempt], event->met); break;
	}
	if (!q->done)
		arm(&s);
	return s.count;
}

void hf_query_abandon(struct hf_query *q, const struct hf_query_env *env)
{
	struct hf_step s = {.q = q, .env = env, .of = env->candidates->of};
	if (q->done)
		return;
	for (unsigned i = 0; i < q->sends; i++)
		hf_facts_touch(&s, q->attempts[i].upstream);
	end(&s);
}

const char *hf_query_cause_text(enum hf_query_cause cause)
{
	static const char *const texts[HF_CAUSES] = {
		[HF_CAUSE_NONE] = "no upstream to ask",
		[HF_CAUSE_TIMEOUT] = "no answer in time",
		[HF_CAUSE_UNREACHABLE] = "not reachable",
		[HF_CAUSE_UNSENT] = "could not be asked for want of sockets or memory",
		[HF_CAUSE_SERVFAIL] = "answered SERVFAIL",
		[HF_CAUSE_REFUSED] = "refused to answer",
		[HF_CAUSE_LAME] = "answered with a referral",
		[HF_CAUSE_GARBAGE] = "answered garbage",
		[HF_CAUSE_RESTING] = "does not answer, and is only probed now and then",
		[HF_CAUSE_BUDGET] = "over its packet budget",
		[HF_CAUSE_DOUBTED] = "gave what nothing shows to be true",
		[HF_CAUSE_RETIRED] = "gave an address that is retired",
		[HF_CAUSE_LIE] = "gave what is not expected of the name",
		[HF_CAUSE_BLOCKED] = "gave what no client may have",
		[HF_CAUSE_QUARANTINED] = "keeps lying",
		[HF_CAUSE_UNTRUSTED] = "is not believed",
		[HF_CAUSE_NO_NAME] =
			"answers for no name of the zone, and is asked only now and then",
		[HF_CAUSE_CROWDED] = "has all connections that it, or the zone, may have",
	};
	return cause < HF_CAUSES ? texts[cause] : "?";
}
