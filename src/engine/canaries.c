/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/canaries.h"

#include <stdlib.h>

#include "base/check.h"
#include "engine/round.h"
#include "engine/truth.h"
#include "truth/canary.h"

#define FIRST (5 * HF_SECOND)

struct hf_canaries {
	hf_us due[HF_SLOTS_MAX]; /* 0: not yet seen */
};

struct canary_round {
	struct hf_round round; /* first */
};

/* Zones that stand for the root's: large, stable, and without wildcards. A name right
 * under the root is the one that more resolvers answer by themselves (RFC 8198, 8806). */
static struct hf_name great_zone(uint32_t dice)
{
	static const struct hf_name zones[] = {
		{5, "\3com"},
		{5, "\3net"},
		{5, "\3org"},
		{1, ""},
	};
	return zones[dice % HF_COUNT_OF(zones)];
}

static hf_us jittered(struct hf_worker *worker, hf_us wait)
{
	return wait - wait / 4 +
	       (hf_us)((uint64_t)(wait / 2) * hf_loop_random_u32(worker->loop) >> 32);
}

/* ---- what came of it ---- */

static void all_answer(const struct hf_round *round, unsigned upstream, hf_us now)
{
	const struct hf_testimony *t = &round->voices[upstream].testimony;
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_ALL_ANSWER,
		.slot = (uint16_t)round->plan->slots[round->route->upstreams[upstream]]};
	if (t->count)
		event.address = t->addresses[0];
	hf_event_about(&event, round->question.name.bytes, round->question.name.len);
	hf_event_put(round->worker->events, &event);
}

static void lied(const struct hf_round *round, unsigned upstream, hf_us now)
{
	const struct hf_testimony *t = &round->voices[upstream].testimony;
	const struct hf_said said = {round->plan, round->route, upstream, &round->question, NULL};
	struct hf_evidence evidence = {.lie = HF_LIE_CANARY};
	if (t->count)
		evidence.address = t->addresses[0];
	hf_truth_lied(round->worker, &said, &evidence, now);
}

/* An own zone may have a wildcard; the root and the great zones have none. */
static bool may_be_wild(const struct hf_round *round)
{
	return round->route->zone.len > 1;
}

static void heard(struct hf_round *round, hf_us now)
{
	const struct hf_testimony *said[HF_ROUTE_UPSTREAMS_MAX] = {NULL};
	enum hf_canary judged[HF_ROUTE_UPSTREAMS_MAX];
	bool told = may_be_wild(round);
	unsigned count = round->route->upstream_count;
	for (unsigned i = 0; i < count; i++)
		said[i] = round->voices[i].answered ? &round->voices[i].testimony : NULL;
	hf_canary_judge(said, count, may_be_wild(round), judged);
	for (unsigned i = 0; i < count; i++) {
		unsigned slot = round->plan->slots[round->route->upstreams[i]];
		if (judged[i] != HF_CANARY_NOTHING)
			hf_count_upstream(round->worker->meter, slot, HF_UP_CANARIES);
		if (judged[i] == HF_CANARY_FALSE)
			lied(round, i, now);
		else if (judged[i] == HF_CANARY_ALONE && !told)
			all_answer(round, i, now);
		told |= judged[i] == HF_CANARY_ALONE;
	}
}

/* ---- whom to ask what ---- */

static void begin(struct hf_worker *worker, const struct hf_route *route, hf_us now)
{
	uint8_t dice[HF_CANARY_DICE];
	struct hf_name zone =
		route->zone.len > 1 ? route->zone : great_zone(hf_loop_random_u32(worker->loop));
	struct hf_question question = {.type = HF_TYPE_A, .class = HF_CLASS_IN};
	struct canary_round *r = calloc(1, sizeof *r);
	hf_loop_random(worker->loop, dice, sizeof dice);
	question.name = hf_canary_name(&zone, dice);
	/* One of its zones may be another route's. */
	if (!r || hf_route_find(worker->plan->routes, &question.name) != route) {
		free(r);
		return;
	}
	r->round.done = heard;
	hf_round_begin(&r->round, worker, route, &question, ~0ull, now);
}

static void take_turn(struct hf_worker *worker, unsigned slot, hf_us now)
{
	struct hf_canaries *c = worker->canaries;
	const struct hf_plan *plan = worker->plan;
	const struct hf_route *route = hf_round_route_of(worker, slot);
	hf_us wait = plan->forward->truth.canaries;
	c->due[slot] = now + jittered(worker, wait);
	if (!route)
		return;
	/* All of the route have had their turn with it. */
	for (unsigned i = 0; i < route->upstream_count; i++)
		c->due[plan->slots[route->upstreams[i]]] = now + jittered(worker, wait);
	begin(worker, route, now);
}

void hf_canaries_look(struct hf_worker *worker, hf_us now)
{
	const struct hf_plan *plan = worker->plan;
	if (!plan->forward->truth.canaries || !plan->forward->route_count)
		return;
	if (!worker->canaries)
		worker->canaries = calloc(1, sizeof *worker->canaries);
	struct hf_canaries *c = worker->canaries;
	for (size_t i = 0; c && i < plan->forward->upstream_count; i++) {
		hf_us *due = &c->due[plan->slots[i]];
		if (*due == 0)
			*due = now + jittered(worker, FIRST);
		if (now < *due)
			continue;
		take_turn(worker, plan->slots[i], now);
		return;
	}
}

void hf_canaries_free(struct hf_canaries *canaries)
{
	free(canaries);
}
