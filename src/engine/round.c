/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/round.h"

#include <stdlib.h>

/* Routes that are looked through for one of an upstream's. */
#define ROUTES_MOST 4096

#include "base/error.h"

static void round_free(struct hf_round *round)
{
	for (unsigned i = 0; round->voices && i < round->route->upstream_count; i++)
		hf_inquiry_forget(&round->voices[i].inquiry);
	if (round->prev) {
		*round->prev = round->next;
		if (round->next)
			round->next->prev = round->prev;
		round->worker->rounds_up--;
	}
	hf_plan_unref(round->plan);
	free(round->voices);
	free(round);
}

static void one_less(struct hf_round *round, hf_us now)
{
	if (--round->waiting)
		return;
	round->done(round, now);
	round_free(round);
}

static void heard(struct hf_inquiry *inquiry, const struct hf_heard *heard, hf_us now)
{
	struct hf_voice *voice = (struct hf_voice *)inquiry;
	struct hf_round *round = voice->round;
	voice->answered = heard->answered;
	voice->cause = heard->cause;
	if (heard->answered)
		hf_testimony_read(&round->question, heard->m, heard->view, &voice->testimony);
	one_less(round, now);
}

static void ask(struct hf_round *round, unsigned upstream, hf_us now)
{
	struct hf_voice *voice = &round->voices[upstream];
	const struct hf_asked asked = {
		.route = round->route, .upstream = upstream, .question = round->question};
	voice->round = round;
	voice->inquiry.heard = heard;
	voice->asked = hf_inquire(round->worker, &voice->inquiry, &asked, now) == 0;
	round->waiting += voice->asked;
}

int hf_round_begin(struct hf_round *round, struct hf_worker *worker, const struct hf_route *route,
	const struct hf_question *question, uint64_t whom, hf_us now)
{
	round->worker = worker;
	round->plan = hf_plan_ref(worker->plan);
	round->route = route;
	round->question = *question;
	round->voices = calloc(route->upstream_count, sizeof *round->voices);
	for (unsigned i = 0;
		round->voices && worker->rounds_up < HF_ROUNDS_MAX && i < route->upstream_count;
		i++)
		if (whom & 1ull << i)
			ask(round, i, now);
	if (!round->waiting) {
		int rc = round->voices ? HF_EBOUND : -ENOMEM;
		round_free(round);
		return rc;
	}
	round->next = worker->rounds;
	if (round->next)
		round->next->prev = &round->next;
	round->prev = &worker->rounds;
	worker->rounds = round;
	worker->rounds_up++;
	return 0;
}

void hf_rounds_end(struct hf_worker *worker)
{
	while (worker->rounds) {
		struct hf_round *round = worker->rounds;
		if (round->forgotten)
			round->forgotten(round);
		round_free(round);
	}
}

int hf_round_place(const struct hf_plan *plan, const struct hf_route *route, unsigned slot)
{
	for (unsigned i = 0; i < route->upstream_count; i++)
		if (plan->slots[route->upstreams[i]] == slot)
			return (int)i;
	return -1;
}

const struct hf_route *hf_round_route_of(struct hf_worker *worker, unsigned slot)
{
	const struct hf_plan *plan = worker->plan;
	const struct hf_forward_conf *forward = plan->forward;
	const struct hf_name root = {.len = 1};
	const struct hf_route *route = hf_route_find(plan->routes, &root);
	if (route && hf_round_place(plan, route, slot) >= 0)
		return route;
	size_t most = forward->route_count < ROUTES_MOST ? forward->route_count : ROUTES_MOST;
	size_t first = hf_loop_random_u32(worker->loop) % forward->route_count;
	for (size_t i = 0; i < most; i++) {
		route = &forward->routes[(first + i) % forward->route_count];
		if (hf_round_place(plan, route, slot) >= 0)
			return route;
	}
	return NULL;
}
