/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flight_inside.h - what a flight consists of. Private to the files that carry one.
 *
 * Story: a flight is one question on its way to upstreams, and what has come of it so far.
 * Each of these files does one thing with it, and each may be changed without the others:
 *
 *   flight.c   its life: begins it, drives the query machine, carries out what that says
 *   ask.c      the message that goes out, and whether one that came replies to it
 *   line.c     its places in the upstreams' lines
 *   reply.c    what comes in, from transports and proofs, as events for the machine
 *   believe.c  what an answer is worth
 *   deliver.c  who is told what: the cache, those who wait, or the one who inquired
 *   inquire.c  flights for questions of our own
 *
 * Calls go one way: reply.c and inquire.c call flight.c, these three call the others, and
 * deliver.c calls believe.c. hold.h, inflight.h and query.h know nothing of this struct.
 * Ownership: a flight is its worker's, on the list `flights`, and holds a reference of its
 * plan. It ends in hf_flight_go_or_end, behind which nobody may touch it.
 * Threads: the worker's own.
 * At the bound: there are as many as forward/inflight.h lets up, half as many again that
 * listen on, and the inquiries (inquiry.h). A script has room for all that can follow from
 * one event. */
#ifndef HF_ENGINE_FLIGHT_INSIDE_H
#define HF_ENGINE_FLIGHT_INSIDE_H

#include "base/check.h"
#include "engine/hold.h"
#include "engine/inside.h"
#include "engine/truth.h"

struct flight_io { /* the hands of one attempt */
	struct flight *flight;
	unsigned attempt; /* which of the query's */
	struct hf_udp_attempt udp;
	struct hf_tcp_attempt tcp;
	struct hf_standing standing;
};

/* Nearly no question is sent more often, and ten thousand that wait must not have room for
 * ten messages each: that for the others is taken when it is needed, and kept. */
#define HF_IO_NEAR 2

/* Of the last lie, if there was one, and of why nothing was believed. Most flights hear no lie:
 * that is taken when it is needed, and kept, and so bounded as they are. Without memory nothing
 * is said but the cause. */
struct flight_words {
	struct hf_evidence evidence;
	char doubt[HF_EDE_TEXT_MAX];
};

struct flight {
	struct hf_flight base;
	struct flight *next, **prev; /* among the worker's */
	struct hf_worker *worker;
	struct hf_plan *plan;               /* that it began with */
	const struct hf_route *route;       /* of the plan; NULL: none covers the name */
	const struct hf_expected *expected; /* of the name; NULL: nothing, or nobody to judge */
	uint32_t number;                    /* of all that the worker began */
	bool up;                            /* others may join */
	bool late;                  /* who waited has been given an old answer, if there was one */
	bool lingers;               /* it has its answer, and listens on */
	bool stood;                 /* in a line, once */
	bool limited;               /* a budget is promised for one of those whom it may ask */
	bool private;               /* it is an inquiry's, and counts as one */
	bool proven;                /* what is `accepted` */
	unsigned accepted;          /* the answer that was held and is now believed, plus 1 */
	struct hf_hold *hold;       /* answers that are not believed yet; NULL: none */
	struct hf_inquiry *inquiry; /* who hears of it in place of clients and the cache */
	struct hf_timer timer;
	/* From here on nothing is cleared for the next question: key and letters are set with
	 * each; else only what has been sent is looked at, and sending sets it; and what was said
	 * last, if it is asked for. */
	struct hf_cache_key key;    /* of the question; its name lies in base */
	uint8_t mixed[HF_NAME_MAX]; /* the name in the case to ask with */
	struct flight_io io[HF_IO_NEAR];
	struct flight_io *more; /* of the attempts behind these; NULL: none has been needed yet */
	struct flight_words *words; /* NULL: nothing has had to be said yet */
};

/* An answer of an upstream, as it is to be judged and told. */
struct flight_reply {
	unsigned attempt, upstream; /* in the query, in the route */
	const uint8_t *m;
	size_t len;
	const struct hf_message_view *view;
	hf_us came;
};

/* What the machine has to know of, in order. Each step takes one; what follows from
 * carrying out its actions is no more than this: messages that could not be sent, and a
 * ruling on all that is held. */
#define HF_SCRIPT_MOST (2 * HF_SENDS_MAX + HF_TRIAL_MAX + 2)

struct flight_script {
	struct hf_query_event events[HF_SCRIPT_MOST];
	size_t count;
	bool over; /* the query has had its answer or failure */
};

static inline void hf_script_clear(struct flight_script *script)
{
	script->count = 0;
	script->over = false;
}

/* Of one event, which is to be set. */
static inline struct hf_query_event *hf_script_begin(struct flight_script *script)
{
	script->count = 1;
	script->over = false;
	return &script->events[0];
}

static inline void hf_script_add(struct flight_script *script, const struct hf_query_event *event)
{
	if (!hf_unexpected(script->count == HF_SCRIPT_MOST))
		script->events[script->count++] = *event;
}

/* upstream: its place in the route. */
static inline const struct hf_upstream_conf *hf_flight_conf(
	const struct flight *f, unsigned upstream)
{
	return &f->plan->forward->upstreams[f->route->upstreams[upstream]];
}

/* Under which number meters and upstreams.h know it. */
static inline unsigned hf_flight_slot(const struct flight *f, unsigned upstream)
{
	return f->plan->slots[f->route->upstreams[upstream]];
}

static inline struct hf_said hf_flight_said(const struct flight *f, unsigned upstream)
{
	return (struct hf_said){f->plan, f->route, upstream, &f->base.question, f->expected};
}

static inline unsigned hf_io_attempt(const struct flight_io *io)
{
	return io->attempt;
}

/* The hands of an attempt. NULL: there was no memory for them, and it came to nothing. */
static inline struct flight_io *hf_flight_io(struct flight *f, unsigned attempt)
{
	if (attempt < HF_IO_NEAR)
		return &f->io[attempt];
	return f->more ? &f->more[attempt - HF_IO_NEAR] : NULL;
}

/* Nothing more is to be heard of the attempt. */
static inline void hf_io_forget(struct flight_io *io)
{
	hf_udp_forget(&io->udp);
	hf_tcp_forget(&io->tcp);
}

/* From here on nobody joins it: who asks the same begins another. */
static inline void hf_flight_take_down(struct flight *f)
{
	if (f->up)
		hf_inflight_remove(&f->worker->inflight, &f->base);
	f->up = false;
}

#endif
