/* SPDX-License-Identifier: GPL-3.0-or-later */
/* round.h - one question of our own to several upstreams of a route at once.
 *
 * Story: what an upstream says is mostly worth something beside what the others say: a
 * second opinion, a canary, the serial of a zone. A round asks those that are meant, each
 * by an inquiry (inquiry.h: within the retry budget, never into the cache), and when the
 * last has been heard its owner is told, once.
 * Ownership: a round is the first member of what its owner allocates with calloc; from
 * hf_round_begin on it is the worker's, and freed when `done` has returned, or the worker
 * ends (then `done` is not called, but `forgotten`, if there is one). It holds
 * the plan that its route is of.
 * Private to engine/.  Threads: the worker's own.
 * At the bound: HF_ROUNDS_MAX at once for each worker; an upstream of which no inquiry
 * could be begun is as one that said nothing. */
#ifndef HF_ENGINE_ROUND_H
#define HF_ENGINE_ROUND_H

#include "engine/inquiry.h"
#include "engine/inside.h"
#include "truth/testimony.h"

#define HF_ROUNDS_MAX 64

struct hf_voice { /* what one of them said */
	struct hf_inquiry inquiry;
	struct hf_round *round;
	bool asked;
	bool answered; /* only then the testimony is anything */
	enum hf_query_cause cause;
	struct hf_testimony testimony;
};

struct hf_round {
	struct hf_worker *worker;
	struct hf_plan *plan;
	const struct hf_route *route;
	struct hf_question question;
	struct hf_voice *voices; /* an upstream of the route each */
	unsigned waiting;
	void (*done)(struct hf_round *round, hf_us now);
	void (*forgotten)(struct hf_round *round);
	struct hf_round *next, **prev;
};

/* Begins one: `done` and `forgotten` are the caller's to set before, `whom` has a bit for
 * each upstream that is meant. The route is of the worker's plan. HF_EBOUND, -ENOMEM: it
 * has been freed, and nobody is told. */
int hf_round_begin(struct hf_round *round, struct hf_worker *worker, const struct hf_route *route,
	const struct hf_question *question, uint64_t whom, hf_us now);

/* The worker ends. */
void hf_rounds_end(struct hf_worker *worker);

/* A route that the upstream in a slot belongs to: the root's if it is of that. NULL: none
 * was found among some thousand. */
const struct hf_route *hf_round_route_of(struct hf_worker *worker, unsigned slot);

/* The place of the upstream in a slot among a route's, or -1. */
int hf_round_place(const struct hf_plan *plan, const struct hf_route *route, unsigned slot);

#endif
