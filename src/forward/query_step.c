/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query_inside.h"

/* A certificate is seen two round trips after connecting; one that takes so long may
 * never be, and another upstream may give another address. */
#define PROOF_PATIENCE (250 * HF_MS)

/* ---- what an attempt has brought ---- */

static void leave_line(struct hf_step *s, unsigned upstream)
{
	struct hf_query *q = s->q;
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].queued && q->attempts[i].upstream == upstream)
			hf_step_close(s, &q->attempts[i]);
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
	hf_step_blame(s->q, cause, a->upstream, ede);
	bar(s, a->upstream);
	if (cause != HF_CAUSE_GARBAGE) {
		s->q->useless |= hf_step_bit(a->upstream);
		hf_facts_useless(s, a);
		if (hf_step_candidate(s, a->upstream)->path->health.state == HF_HEALTH_PROBING)
			hf_facts_path(s, a, HF_OUTCOME_BEATEN);
	}
	if (!hf_query_waits(s->q))
		hf_next_go_on(s);
}

/* What it said is of no use, but it said it: it serves this route. */
static void disbelieve(struct hf_step *s, enum hf_query_cause cause, const struct hf_attempt *a)
{
	hf_step_note(s, HF_DECIDED_REJECT, cause, a->upstream, 0, 0);
	hf_step_blame(s->q, cause, a->upstream, HF_EDE_NONE);
	bar(s, a->upstream);
	hf_facts_path(s, a, HF_OUTCOME_ANSWERED);
	if (s->env->now >= s->q->deadline)
		hf_step_give_up(s);
	else if (!hf_query_waits(s->q))
		hf_next_go_on(s);
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
	hf_step_blame(s->q, HF_CAUSE_BLOCKED, a->upstream, HF_EDE_NONE);
	hf_facts_path(s, a, HF_OUTCOME_ANSWERED);
	let_go_of_held(s->q);
	hf_step_give_up(s);
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
			hf_step_close(s, a);
		else if (a->open && a->late && a->upstream != winner->upstream)
			hf_facts_beaten(s, a);
		else if (!a->open && q->useless & hf_step_bit(a->upstream) &&
			 a->upstream != winner->upstream)
			hf_facts_path(s, a, HF_OUTCOME_BEATEN);
	}
	look_at_attempts(s); /* some have been listened to for long enough */
	if (!hf_query_hopes(q))
		hf_step_end(s);
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
		hf_next_ask_again(s, upstream, HF_FOLLOW_TRUNCATED);
		break;
	case HF_VERDICT_FORMERR:
	case HF_VERDICT_NOTIMP:
		if (!a->edns) {
			bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede);
			break;
		}
		s->q->plain |= hf_step_bit(upstream);
		hf_next_ask_again(s, upstream, HF_FOLLOW_NO_EDNS);
		break;
	case HF_VERDICT_BADCOOKIE:
		if (a->channel != HF_CHANNEL_UDP) {
			bar_and_go_on(s, HF_CAUSE_REFUSED, a, event->ede);
			break;
		}
		if (!a->cookie || s->q->badcookie & hf_step_bit(upstream))
			s->q->stream |= hf_step_bit(upstream);
		s->q->badcookie |= hf_step_bit(upstream);
		hf_next_ask_again(s, upstream, HF_FOLLOW_COOKIE);
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
	if (!hf_query_hopes(s->q))
		hf_step_end(s);
}

static void replied(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (a->held) { /* the facts of it are known */
		a->held = false;
		s->q->held &= ~hf_step_bit(a->upstream);
	} else {
		hf_facts_reply(s, a, event);
		hf_step_close(s, a);
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
	hf_step_blame(s->q, HF_CAUSE_DOUBTED, s->q->attempts[event->attempt].upstream, HF_EDE_NONE);
	let_go_of_held(s->q);
	hf_step_give_up(s);
}

/* A connection is refused, or ends, while its upstream is there: it has answered somebody since
 * this was sent, or it is asked over UDP, answers there, and there is no way for TCP. Whoever asks
 * for large answers would else take everybody's upstream out of use. */
static bool is_of_connection(
	const struct hf_step *s, const struct hf_attempt *a, enum hf_outcome outcome)
{
	const struct hf_upstream_state *state = hf_step_state(s, a->upstream);
	if (outcome != HF_OUTCOME_UNREACHABLE || a->channel == HF_CHANNEL_UDP ||
		state->health.state != HF_HEALTH_CLOSED)
		return false;
	bool beside = hf_step_conf(s, a->upstream)->channel == HF_CHANNEL_UDP;
	return state->answered > (beside ? s->q->began : a->sent);
}

static void lost(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (!is_of_connection(s, a, event->outcome))
		hf_facts_report(s, a, event->outcome);
	if (event->outcome == HF_OUTCOME_UNREACHABLE && !a->late)
		hf_facts_nothing(s, a);
	if (event->outcome == HF_OUTCOME_UNSENT || event->outcome == HF_OUTCOME_CROWDED)
		hf_send_refund(s, a, a->cost);
	hf_step_close(s, a);
	if (s->q->answered) {
		if (!hf_query_hopes(s->q))
			hf_step_end(s);
		return;
	}
	hf_step_note(s, HF_DECIDED_REJECT, cause_of_loss(event->outcome), a->upstream, 0, 0);
	if (event->outcome == HF_OUTCOME_UNTRUSTED || event->outcome == HF_OUTCOME_CROWDED)
		bar(s, a->upstream);
	s->q->spared |= event->outcome == HF_OUTCOME_CROWDED;
	s->q->refused |= hf_step_bit(a->upstream);
	if (s->q->cause != HF_CAUSE_SERVFAIL)
		hf_step_blame(s->q, cause_of_loss(event->outcome), a->upstream, HF_EDE_NONE);
	if (!hf_query_waits(s->q))
		hf_next_go_on(s);
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
	hf_next_ask_again(s, upstream, HF_FOLLOW_FORGED);
}

/* ---- standing in line ---- */

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
	hf_step_close(s, a);
	if (!hf_query_waits(s->q))
		hf_next_go_on(s);
}

static void evict(struct hf_step *s, const struct hf_query_event *event)
{
	struct hf_attempt *a = &s->q->attempts[event->attempt];
	if (!a->queued)
		return;
	hf_step_note(s, HF_DECIDED_EVICT, 0, a->upstream, 0, 0);
	hf_step_blame(s->q, HF_CAUSE_BUDGET, a->upstream, HF_EDE_NONE);
	bar(s, a->upstream);
	if (!s->q->answered && !hf_query_waits(s->q))
		hf_next_go_on(s);
}

/* ---- time ---- */

/* Whether anybody answered or not: this one did not, in time. */
static void note_late(struct hf_step *s, struct hf_attempt *a)
{
	struct hf_query *q = s->q;
	a->late = true;
	hf_facts_nothing(s, a);
	hf_rtt_lost(hf_step_rtt(s, a->upstream), a->sent, s->env->now);
	if (q->answered) {
		if (a->upstream != q->answerer)
			hf_facts_beaten(s, a);
		return;
	}
	hf_step_note(s, HF_DECIDED_SILENT, 0, a->upstream, a->due - a->sent, 0);
	hf_facts_report(s, a, HF_OUTCOME_SILENT);
	if (q->cause != HF_CAUSE_SERVFAIL)
		hf_step_blame(q, HF_CAUSE_TIMEOUT, a->upstream, HF_EDE_NONE);
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
			hf_step_close(s, a);
		}
	}
	return any;
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
		if (!hf_query_hopes(q))
			hf_step_end(s);
		return;
	}
	if (s->env->now >= q->patience)
		hf_step_lose_patience(s);
	if (s->env->now >= q->deadline) {
		for (unsigned i = 0; i < q->sends; i++)
			if (q->attempts[i].queued)
				hf_step_blame(
					q, HF_CAUSE_BUDGET, q->attempts[i].upstream, HF_EDE_NONE);
		hf_step_give_up(s);
		return;
	}
	bool beside = proof_is_late(q, s->env->now);
	if (resumed && !q->sends)
		hf_next_start(s);
	else if (resumed || ((late || beside) && !hf_query_waits(q)))
		hf_next_go_on(s);
	else
		hf_next_hedge(s);
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

/* ---- a step ---- */

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
	case HF_QUERY_START: hf_next_start(&s); break;
	case HF_QUERY_REPLY:
	case HF_QUERY_HELD: replied(&s, event); break;
	case HF_QUERY_GO_ON:
		if (!hf_query_waits(q))
			hf_next_go_on(&s);
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
	hf_step_end(&s);
}
