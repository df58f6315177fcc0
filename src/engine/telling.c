/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/telling.h"

static unsigned slot_of(const struct hf_plan *plan, const struct hf_route *route, unsigned upstream)
{
	return plan->slots[route->upstreams[upstream]];
}

static bool is_plain(const struct hf_candidate *c, hf_us now)
{
	return hf_size_edns(&c->state->size, c->conf, now) == 0;
}

void hf_telling_look(struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now)
{
	for (unsigned i = 0; i < route->upstream_count; i++) {
		struct hf_upstream_state *state =
			hf_upstreams_state(worker->team->upstreams, plan, slot_of(plan, route, i));
		struct hf_candidate *c = &telling->candidates[i];
		*c = (struct hf_candidate){ &plan->forward->upstreams[route->upstreams[i]], state,
			hf_plan_path(plan, route, i) };
		telling->before[i] = (struct before){ state->health.state, c->path->health.state,
			state->size.limit, is_plain(c, now) };
	}
}

static void put(struct hf_worker *worker, const struct hf_event *event)
{
	hf_event_put(worker->events, event);
}

static void tell_health(const struct hf_telling *telling, struct hf_worker *worker, unsigned slot,
	unsigned i, const struct hf_route *route, hf_us now)
{
	const struct hf_candidate *c = &telling->candidates[i];
	struct hf_event event = { .at = now, .slot = (uint16_t)slot };
	if (c->state->health.state != telling->before[i].upstream) {
		event.kind = HF_EVENT_UPSTREAM_STATE;
		event.a = telling->before[i].upstream;
		event.b = c->state->health.state;
		event.c = c->state->health.cause;
		put(worker, &event);
	}
	if (c->path->health.state != telling->before[i].path) {
		event.kind = HF_EVENT_PATH_STATE;
		event.a = telling->before[i].path;
		event.b = c->path->health.state;
		event.c = c->path->health.cause;
		hf_event_about(&event, route->zone.bytes, route->zone.len);
		put(worker, &event);
	}
}

static void tell_size(const struct hf_telling *telling, struct hf_worker *worker, unsigned slot,
	unsigned i, hf_us now)
{
	const struct hf_candidate *c = &telling->candidates[i];
	struct hf_event event = { .at = now, .slot = (uint16_t)slot };
	if (c->state->size.limit != telling->before[i].size_limit) {
		event.kind = HF_EVENT_SIZE_LIMIT;
		event.a = c->state->size.limit;
		put(worker, &event);
	}
	if (is_plain(c, now) && !telling->before[i].plain) {
		event.kind = HF_EVENT_NO_EDNS;
		put(worker, &event);
	}
}

static void tell_cap(const struct hf_candidate *c, struct hf_worker *worker, unsigned slot, hf_us now)
{
	static const uint16_t kinds[] = {
		[HF_CAP_FOUND] = HF_EVENT_CAP_FOUND,
		[HF_CAP_MOVED] = HF_EVENT_CAP_MOVED,
		[HF_CAP_LIFTED] = HF_EVENT_CAP_LIFTED,
	};
	if (!c->conf->infer_cap)
		return;
	enum hf_cap_change change = hf_cap_step(&c->state->cap, now);
	if (change == HF_CAP_SAME)
		return;
	put(worker, &(struct hf_event){ .at = now, .kind = kinds[change], .slot = (uint16_t)slot,
		.a = (int32_t)hf_cap_found(&c->state->cap), .b = (int32_t)hf_cap_limit(&c->state->cap) });
}

static void show(const struct hf_candidate *c, struct hf_worker *worker, unsigned slot)
{
	_Atomic int64_t *gauges = worker->team->workers[0]->meter->upstreams[slot].gauges;
	if (c->path->rtt.srtt)
		hf_gauge_set(&gauges[HF_UP_RTT_US], c->path->rtt.srtt);
	hf_gauge_set(&gauges[HF_UP_STATE], c->state->health.state);
	hf_gauge_set(&gauges[HF_UP_IN_FLIGHT], c->state->in_flight);
}

void hf_telling_tell(const struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now)
{
	for (unsigned i = 0; i < route->upstream_count; i++) {
		unsigned slot = slot_of(plan, route, i);
		if (telling->candidates[i].state != &worker->team->upstreams->states[slot])
			continue; /* of who had the slot before there is no more to tell */
		tell_health(telling, worker, slot, i, route, now);
		tell_size(telling, worker, slot, i, now);
		tell_cap(&telling->candidates[i], worker, slot, now);
		show(&telling->candidates[i], worker, slot);
		hf_upstreams_publish(
			worker->team->upstreams, slot, telling->before[i].upstream, now);
	}
}
