/* SPDX-License-Identifier: GPL-3.0-or-later */
/* query_inside.h - one step of a query, as its files see it. Private to them.
 *
 * Story: a step (hf_query_step) is one event and the actions that follow from it.
 * query_step.c says what an event means, whom to ask next and when, and how it ends;
 * query_send.c how a message travels, what it costs and how long it is waited for;
 * query_facts.c reports what attempts have shown of their upstreams to health, rtt, pace,
 * size and cap, and leaves it to them what that means. The first calls the other two, and
 * the second the third. All of them write down what they decide (query_note.c).
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
void hf_step_write(const struct hf_step *s, enum hf_decided what, unsigned why, unsigned upstream,
	unsigned other, int64_t a, int64_t b);

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
		.cost = HF_COST_UDP,
		.outgoing = s->env->outgoing,
		.outgoing_conf = s->env->outgoing_conf,
		.now = s->env->now,
	};
}

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

/* The attempt's end: answered, if late, or lost though somebody had an answer. */
void hf_facts_settle(struct hf_step *s, const struct hf_attempt *a, bool answered);

/* The facts of a reply, whatever it is good for. */
void hf_facts_reply(struct hf_step *s, struct hf_attempt *a, const struct hf_query_event *event);

/* Besides, of the first answer: it came over TCP where UDP had not brought it, or without
 * EDNS. octets: of it. */
void hf_facts_answer(struct hf_step *s, const struct hf_attempt *got, uint16_t octets);

/* ---- query_send.c ---- */

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

#endif
