/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/telling.h"

#include "engine/alive.h"
#include "engine/lames.h"

static unsigned slot_of(const struct hf_plan *plan, const struct hf_route *route, unsigned upstream)
{
	return plan->slots[route->upstreams[upstream]];
}

static const struct hf_candidate *of(const struct hf_telling *telling, unsigned upstream)
{
	return &telling->candidates->of[upstream];
}

static void show(const struct hf_candidate *c, struct hf_worker *worker, unsigned slot)
{
	_Atomic int64_t *gauges = worker->team->workers[0]->meter->upstreams[slot].gauges;
	if (c->path->rtt.srtt)
		hf_gauge_set(&gauges[HF_UP_RTT_US], c->path->rtt.srtt);
	hf_gauge_set(&gauges[HF_UP_STATE], c->state->health.state);
	hf_gauge_set(&gauges[HF_UP_IN_FLIGHT], c->state->in_flight);
	hf_gauge_set(&gauges[HF_UP_COOKIES], c->state->cookie.habit);
}

static void find(struct hf_candidate *ret, struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route)
{
	hf_plan_enter(plan, route);
	for (unsigned i = 0; i < route->upstream_count; i++)
		ret[i] = (struct hf_candidate){&plan->forward->upstreams[route->upstreams[i]],
			hf_upstreams_state(worker->team->upstreams, plan, slot_of(plan, route, i)),
			hf_plan_path(plan, route, i), hf_plan_figures(plan, route, i)};
}

/* The first question to a route shows all of its upstreams: what was learnt by
 * another process has no step that touches it. */
static __attribute__((noinline)) void find_first(struct hf_candidate *ret, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now)
{
	find(ret, worker, plan, route);
	for (unsigned i = 0; i < route->upstream_count; i++) {
		unsigned slot = slot_of(plan, route, i);
		show(&ret[i], worker, slot);
		hf_upstreams_publish(
			worker->team->upstreams, slot, ret[i].state->health.state, now);
	}
}

/* Only of the newest plan do all slots hold who it says: only there can the states
 * be looked up once for all. */
void hf_telling_look(struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now)
{
	struct hf_choice *choice = telling->candidates;
	choice->touched_count = 0;
	if (plan != worker->team->upstreams->plan) {
		find(telling->older, worker, plan, route);
		choice->of = telling->older;
		return;
	}
	struct hf_candidate *kept = hf_plan_candidates(plan, route);
	if (!kept->conf)
		find_first(kept, worker, plan, route, now);
	choice->of = kept;
}

static void put(struct hf_worker *worker, const struct hf_event *event)
{
	hf_event_put(worker->events, event);
}

static void tell_health(const struct hf_candidate *c, const struct hf_touched *before,
	struct hf_worker *worker, unsigned slot, const struct hf_route *route, hf_us now)
{
	if (c->state->health.state != before->health)
		put(worker, &(struct hf_event){.at = now,
				    .slot = (uint16_t)slot,
				    .kind = HF_EVENT_UPSTREAM_STATE,
				    .a = before->health,
				    .b = c->state->health.state,
				    .c = c->state->health.cause});
	if (c->path->health.state != before->path_health) {
		struct hf_event event = {.at = now,
			.slot = (uint16_t)slot,
			.kind = HF_EVENT_PATH_STATE,
			.a = before->path_health,
			.b = c->path->health.state,
			.c = c->path->health.cause};
		hf_event_about(&event, route->zone.bytes, route->zone.len);
		put(worker, &event);
	}
}

static void tell_size(const struct hf_candidate *c, const struct hf_touched *before,
	struct hf_worker *worker, unsigned slot, hf_us now)
{
	if (c->state->size.limit != before->size_limit)
		put(worker, &(struct hf_event){.at = now,
				    .slot = (uint16_t)slot,
				    .kind = HF_EVENT_SIZE_LIMIT,
				    .a = c->state->size.limit});
	if (now < c->state->size.plain_until && now >= before->plain_until)
		put(worker, &(struct hf_event){
				    .at = now, .slot = (uint16_t)slot, .kind = HF_EVENT_NO_EDNS});
}

/* That it gives cookies, or none, is no news. */
static void tell_cookies(const struct hf_candidate *c, const struct hf_touched *before,
	struct hf_worker *worker, unsigned slot, hf_us now)
{
	uint8_t habit = c->state->cookie.habit;
	if (habit == before->cookie_habit || habit < HF_COOKIE_ECHOES)
		return;
	put(worker, &(struct hf_event){.at = now,
			    .kind = HF_EVENT_COOKIES_ODD,
			    .slot = (uint16_t)slot,
			    .a = habit == HF_COOKIE_MANGLES});
}

/* It answers for the zone after all. Failures from before say nothing any more. */
static void tell_lame(const struct hf_candidate *c, const struct hf_touched *before,
	struct hf_worker *worker, unsigned slot, const struct hf_route *route, hf_us now)
{
	if (!before->lame || c->path->lame.times)
		return;
	struct hf_event event = {.at = now, .kind = HF_EVENT_PATH_LAME, .slot = (uint16_t)slot};
	hf_event_about(&event, route->zone.bytes, route->zone.len);
	put(worker, &event);
	atomic_store_explicit(
		&worker->team->upstreams->recovered[slot], now, memory_order_relaxed);
}

static void tell_cap(
	const struct hf_candidate *c, struct hf_worker *worker, unsigned slot, hf_us now)
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
	put(worker, &(struct hf_event){.at = now,
			    .kind = kinds[change],
			    .slot = (uint16_t)slot,
			    .a = (int32_t)hf_cap_found(&c->state->cap),
			    .b = (int32_t)hf_cap_limit(&c->state->cap)});
}

/* Of who had the slot before there is no more to tell. */
static bool gone(const struct hf_candidate *c, const struct hf_worker *worker, unsigned slot)
{
	return c->state != &worker->team->upstreams->states[slot];
}

/* Has anything changed, maybe, that is told of? Nearly never. */
static inline bool is_news(const struct hf_candidate *c, const struct hf_touched *before, hf_us now)
{
	return c->state->health.state != before->health ||
	       c->path->health.state != before->path_health ||
	       c->state->size.limit != before->size_limit || now < c->state->size.plain_until ||
	       c->state->cookie.habit != before->cookie_habit ||
	       (c->path->lame.times != 0) != before->lame;
}

static __attribute__((noinline)) void tell_news(const struct hf_candidate *c,
	const struct hf_touched *before, struct hf_worker *worker, unsigned slot,
	const struct hf_route *route, hf_us now)
{
	tell_health(c, before, worker, slot, route, now);
	tell_size(c, before, worker, slot, now);
	tell_cookies(c, before, worker, slot, now);
	tell_lame(c, before, worker, slot, route, now);
}

/* Others know already of one that was, and is, in use. */
static inline bool is_known(const struct hf_candidate *c, const struct hf_touched *before,
	const struct hf_upstreams *all, unsigned slot)
{
	return before->health == HF_HEALTH_CLOSED && c->state->health.state == HF_HEALTH_CLOSED &&
	       !atomic_load_explicit(&all->usable[slot], memory_order_relaxed);
}

/* Windows of caps end whether anything is sent or not. */
static __attribute__((noinline)) void tell_caps(const struct hf_telling *telling,
	struct hf_worker *worker, const struct hf_plan *plan, const struct hf_route *route,
	hf_us *due, hf_us now)
{
	*due = now + HF_SECOND;
	for (unsigned i = 0; i < route->upstream_count; i++) {
		const struct hf_candidate *c = of(telling, i);
		unsigned slot = slot_of(plan, route, i);
		if (gone(c, worker, slot) || !c->conf->infer_cap)
			continue;
		tell_cap(c, worker, slot, now);
		hf_us end = hf_cap_due(&c->state->cap);
		*due = end < *due ? end : *due;
	}
}

void hf_telling_tell(const struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now)
{
	for (unsigned i = 0; i < telling->candidates->touched_count; i++) {
		const struct hf_touched *before = &telling->candidates->touched[i];
		const struct hf_candidate *c = of(telling, before->upstream);
		unsigned slot = slot_of(plan, route, before->upstream);
		if (gone(c, worker, slot))
			continue;
		if (c->state->health.check_due)
			hf_alive_want(worker, c->state, slot);
		if (is_news(c, before, now))
			tell_news(c, before, worker, slot, route, now);
		tell_cap(c, worker, slot, now);
		show(c, worker, slot);
		if (c->path->lame.run && hf_lame_wants_proof(&c->path->lame, now))
			hf_lames_ask(worker, plan, route, before->upstream, now);
		if (!is_known(c, before, worker->team->upstreams, slot))
			hf_upstreams_publish(worker->team->upstreams, slot, before->health, now);
	}
	hf_us *due = hf_plan_cap_due(plan, route);
	if (now >= *due || *due - now > HF_SECOND)
		tell_caps(telling, worker, plan, route, due, now);
}
