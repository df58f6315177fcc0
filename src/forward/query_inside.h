/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query_inside.h - one step of a query, as its files see it. Private to them.
 *
 * Story: a step (hf_query_step) is one event and the actions that follow from it.
 *
 *   query_step.c   what an event means: takes one, and arms what is to come
 *   query_next.c   whom to ask next and when, what is waited for, and who pays for it
 *   query_send.c   how a message travels, what it costs and how long it is waited for
 *   query_facts.c  reports what attempts have shown of their upstreams to health, rtt, pace,
 *                  size and cap, and leaves it to them what that means
 *   query_end.c    what came of it: who is to blame when nothing did, and the end
 *
 * Each calls those below it, never one above. All of them write down what they decide
 * (query_note.c).
 * Ownership: a step lives no longer than the call; it owns nothing.
 * Threads: as query.h.  At the bound: HF_ACTIONS_MAX, which no event can reach. */
#ifndef HF_FORWARD_QUERY_INSIDE_H
#define HF_FORWARD_QUERY_INSIDE_H

#include <stddef.h>
#include <string.h>

#include "base/check.h"
#include "forward/query.h"

struct hf_step { /* one call of hf_query_step */
	struct hf_query *q;
	const struct hf_query_env *env;
	const struct hf_candidate *of; /* the env's */
	struct hf_action *actions;
	size_t count;
};

static inline struct hf_action *hf_step_act(struct hf_step *s, enum hf_action_kind kind)
{
	hf_require(s->count < HF_ACTIONS_MAX);
	struct hf_action *action = &s->actions[s->count++];
	memset(action, 0, offsetof(struct hf_action, client_and_server));
	action->kind = kind;
	action->ede = HF_EDE_NONE;
	return action;
}

static inline uint64_t hf_step_bit(unsigned upstream)
{
	return 1ull << upstream;
}

static inline const struct hf_candidate *hf_step_candidate(
	const struct hf_step *s, unsigned upstream)
{
	return &s->of[upstream];
}

static inline struct hf_upstream_state *hf_step_state(const struct hf_step *s, unsigned upstream)
{
	return hf_step_candidate(s, upstream)->state;
}

static inline struct hf_rtt *hf_step_rtt(const struct hf_step *s, unsigned upstream)
{
	return &hf_step_candidate(s, upstream)->path->rtt;
}

static inline const struct hf_upstream_conf *hf_step_conf(
	const struct hf_step *s, unsigned upstream)
{
	return hf_step_candidate(s, upstream)->conf;
}

/* The same on this route: for time-outs, hedges and the path's circuit. */
static inline const struct hf_upstream_conf *hf_step_figures(
	const struct hf_step *s, unsigned upstream)
{
	return hf_candidate_figures(hf_step_candidate(s, upstream));
}

#define HF_STEP_NOBODY HF_ROUTE_UPSTREAMS_MAX

/* query_note.c: writes down what was decided (meter/decision.h). upstream, other: in the
 * route, or HF_STEP_NOBODY. */
struct hf_decision *hf_step_write(const struct hf_step *s, enum hf_decided what, unsigned why,
	unsigned upstream, unsigned other, int64_t a, int64_t b);

/* The line that nearly every question has, and no other: its answer. */
void hf_step_write_answered(const struct hf_step *s, const struct hf_attempt *winner);

static inline void hf_step_note(const struct hf_step *s, enum hf_decided what, unsigned why,
	unsigned upstream, int64_t a, int64_t b)
{
	if (s->env->diary)
		hf_step_write(s, what, why, upstream, HF_STEP_NOBODY, a, b);
}

/* What is waited for, once for all the looks in vain at whether it is there. */
static inline void hf_step_note_wait(const struct hf_step *s, enum hf_decided what, unsigned why,
	unsigned upstream, int64_t a, int64_t b)
{
	uint32_t bit = 1u << what;
	if (!(s->q->waits_noted & bit))
		hf_step_note(s, what, why, upstream, a, b);
	s->q->waits_noted |= bit;
}

/* Does the time that it took say how far away the upstream is? Over UDP, and over TLS
 * where no handshake came first. Over TCP a question is an exception. */
static inline bool hf_step_measured(const struct hf_attempt *a)
{
	return a->channel == HF_CHANNEL_UDP || a->met;
}

static inline struct hf_selection hf_step_selection(const struct hf_step *s)
{
	return (struct hf_selection){
		.candidates = s->of,
		.count = s->env->route->upstream_count,
		.tries = s->q->tries,
		.barred = s->q->barred | s->q->held,
		.by_rtt = s->env->route->order == HF_ORDER_FASTEST,
		.strict = s->env->route->order == HF_ORDER_STRICT,
		.first = s->q->sends == 0,
		.own = s->q->own,
		.account = s->q->account,
		.cost = HF_COST_UDP,
		.outgoing = s->env->outgoing,
		.outgoing_conf = s->env->outgoing_conf,
		.now = s->env->now,
	};
}

/* ---- what attempts are open ---- */

/* True if an attempt is open that has not timed out and is not just a probe. */
static inline bool hf_query_waits(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->reason != HF_SEND_PROBE)
			return true;
	}
	return false;
}

/* True if an attempt at this upstream, probe or not, may yet be in time. */
static inline bool hf_query_has_asked(const struct hf_query *q, unsigned upstream)
{
	for (unsigned i = 0; i < q->sends; i++) {
		const struct hf_attempt *a = &q->attempts[i];
		if (a->open && !a->late && a->upstream == upstream)
			return true;
	}
	return false;
}

/* True if anything at all may still come. */
static inline bool hf_query_hopes(const struct hf_query *q)
{
	for (unsigned i = 0; i < q->sends; i++)
		if (q->attempts[i].open)
			return true;
	return false;
}

/* ---- query_next.c ---- */

/* The first message, at once or when its time has come. */
void hf_next_start(struct hf_step *s);

/* The next message to whoever is the best that is left, or a pause, or the end if nobody is. */
void hf_next_go_on(struct hf_step *s);

/* The same upstream once more, in another way, which is no new try. */
void hf_next_ask_again(struct hf_step *s, unsigned upstream, enum hf_decided_follow why);

/* A second copy for the attempt that takes long, if somebody else has room, and
 * there is a token. */
void hf_next_hedge(struct hf_step *s);

/* ---- query_facts.c ---- */

/* Before anything of an upstream changes. Those of all attempts, done or not, are
 * touched at the start of a step, the others when they are sent to. */
void hf_facts_touch(struct hf_step *s, unsigned upstream);

/* About the upstream itself. */
void hf_facts_report(struct hf_step *s, const struct hf_attempt *a, enum hf_outcome outcome);

/* About what it does for this route. */
void hf_facts_path(struct hf_step *s, const struct hf_attempt *a, enum hf_outcome outcome);

/* It replied, and said that it does not answer for the name. */
void hf_facts_useless(struct hf_step *s, const struct hf_attempt *a);

/* Another upstream gave the answer. One that talks to others but not of this
 * zone is no use on this path; one that talks to nobody is no use at all. */
void hf_facts_beaten(struct hf_step *s, const struct hf_attempt *a);

/* Nothing has come of it in time, or ever will: what that says of cookies. */
void hf_facts_nothing(struct hf_step *s, const struct hf_attempt *a);

/* The attempt's end: answered, if late, or lost though somebody had an answer. */
void hf_facts_settle(struct hf_step *s, const struct hf_attempt *a, bool answered);

/* The facts of a reply, whatever it is good for. */
void hf_facts_reply(struct hf_step *s, struct hf_attempt *a, const struct hf_query_event *event);

/* Besides, of the first answer: it came over TCP where UDP had not brought it, or without
 * EDNS. octets: of it. */
void hf_facts_answer(struct hf_step *s, const struct hf_attempt *got, uint16_t octets);

/* ---- query_send.c ---- */

/* Over what a message would go to it now. */
enum hf_channel hf_send_channel(const struct hf_step *s, unsigned upstream);

/* A new attempt, with an action that sends it or has it stand in line. Each message has its
 * own place and keeps it: when all upstreams turn slow at once, the first one's answer is
 * the first to come. */
void hf_send_to(struct hf_step *s, unsigned upstream, enum hf_send_reason reason);

/* An attempt goes out now, and has been charged. */
void hf_send_dispatch(struct hf_step *s, struct hf_attempt *a);

/* It has not gone out, or has cost less: so many packets are given back. */
void hf_send_refund(struct hf_step *s, const struct hf_attempt *a, uint32_t packets);

/* It shares a connection that was there already. met: which was open. */
void hf_send_reused(struct hf_step *s, struct hf_attempt *a, bool met);

/* ---- query_end.c ---- */

/* Why nothing came of it, as far as is known. That somebody lied, or may have, outweighs that
 * others said nothing: it is what to look into. */
void hf_step_blame(struct hf_query *q, enum hf_query_cause cause, unsigned upstream, int32_t ede);

/* Nothing more is to come of an attempt. */
void hf_step_close(struct hf_step *s, struct hf_attempt *a);

/* Those who wait may as well hear what is at hand: once. */
void hf_step_lose_patience(struct hf_step *s);

/* What is held is all that there is, or nearly: it is to be settled what it is worth. */
void hf_step_settle(struct hf_step *s, enum hf_trial_left left);

/* Nobody is left, or no time is: what is held is all there is. Else it has failed. */
void hf_step_give_up(struct hf_step *s);

/* All attempts are closed, and the query is done. */
void hf_step_end(struct hf_step *s);

#endif
