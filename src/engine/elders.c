/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/elders.h"

#include <stdlib.h>

#include "engine/round.h"
#include "truth/serials.h"

/* Rounds that begin in one look, twice a second: 4,096 zones take some nine minutes. */
#define ROUNDS_AT_ONCE 4

/* Rounds without any answer with authority after which a route is taken for one of
 * resolvers, and by how much more seldom those are asked. */
#define BARREN 3
#define BARREN_FACTOR 20

/* After the start, so that the first answers of clients are not held up. */
#define FIRST (5 * HF_SECOND)

struct elder {
	const struct hf_route *route;
	hf_us due;
	bool asking;
	unsigned barren;
	struct hf_serials serials;
	struct hf_serial_of *of; /* an upstream of the route each */
};

struct hf_elders {
	struct hf_plan *plan;
	size_t count, next;
	struct elder items[];
};

struct serial_round {
	struct hf_round round; /* first */
};

static unsigned slot_of(const struct hf_plan *plan, const struct hf_route *route, unsigned i)
{
	return plan->slots[route->upstreams[i]];
}

/* ---- which routes ---- */

/* The root's servers are not ours to watch, and one server alone is the newest. */
static bool is_watched(const struct hf_route *route)
{
	return route->zone.len > 1 && route->upstream_count > 1;
}

void hf_elders_free(struct hf_elders *elders)
{
	for (size_t i = 0; elders && i < elders->count; i++)
		free(elders->items[i].of);
	if (elders)
		hf_plan_unref(elders->plan);
	free(elders);
}

static struct elder *find(struct hf_elders *elders, const struct hf_route *route)
{
	size_t low = 0, high = elders ? elders->count : 0;
	while (low < high) { /* they lie as the routes do */
		size_t middle = (low + high) / 2;
		if (elders->items[middle].route < route)
			low = middle + 1;
		else
			high = middle;
	}
	return elders && low < elders->count && elders->items[low].route == route
		       ? &elders->items[low]
		       : NULL;
}

static void inherit(struct elder *elder, const struct hf_plan *plan, struct hf_elders *before)
{
	const struct hf_route *route =
		before ? hf_route_find(before->plan->routes, &elder->route->zone) : NULL;
	struct elder *old =
		route && route->zone.len == elder->route->zone.len ? find(before, route) : NULL;
	if (!old)
		return;
	memcpy(elder->serials.newest, old->serials.newest, sizeof old->serials.newest);
	elder->serials.rounds = old->serials.rounds;
	elder->due = old->due;
	elder->barren = old->barren;
	for (unsigned i = 0; i < elder->route->upstream_count; i++) {
		int place = hf_round_place(before->plan, route, slot_of(plan, elder->route, i));
		if (place >= 0 && !plan->fresh[elder->route->upstreams[i]])
			elder->of[i] = old->of[place];
	}
}

static struct hf_elders *make(struct hf_worker *worker, struct hf_elders *before, hf_us now)
{
	struct hf_plan *plan = worker->plan;
	const struct hf_forward_conf *forward = plan->forward;
	size_t most =
		forward->route_count < HF_ELDERS_ZONES ? forward->route_count : HF_ELDERS_ZONES;
	struct hf_elders *elders = calloc(1, sizeof *elders + most * sizeof elders->items[0]);
	if (!elders)
		return NULL;
	elders->plan = hf_plan_ref(plan);
	for (size_t r = 0; r < forward->route_count && elders->count < most; r++) {
		const struct hf_route *route = &forward->routes[r];
		struct elder *elder = &elders->items[elders->count];
		if (!is_watched(route))
			continue;
		elder->of = calloc(route->upstream_count, sizeof *elder->of);
		if (!elder->of)
			break;
		elder->route = route;
		elder->serials.of = elder->of;
		elder->serials.count = route->upstream_count;
		elder->due =
			now + (hf_us)((uint64_t)FIRST * hf_loop_random_u32(worker->loop) >> 32);
		elders->count++;
		inherit(elder, plan, before);
	}
	return elders;
}

/* ---- who is late ---- */

static void show(struct hf_worker *worker, unsigned slot)
{
	const struct hf_late *late = &worker->team->upstreams->late;
	_Atomic int64_t *gauges = worker->team->workers[0]->meter->upstreams[slot].gauges;
	int64_t zones = 0;
	for (unsigned i = 0; i < atomic_load_explicit(&late->count, memory_order_relaxed); i++)
		zones += late->of[i].slot == slot;
	hf_gauge_set(&gauges[HF_UP_LATE_ZONES], zones);
}

static void tell(struct hf_worker *worker, enum hf_event_kind kind, unsigned slot,
	const struct hf_name *zone, const int32_t figures[3], hf_us now)
{
	struct hf_event event = {.at = now,
		.kind = (uint16_t)kind,
		.slot = (uint16_t)slot,
		.a = figures[0],
		.b = figures[1],
		.c = figures[2]};
	hf_event_about(&event, zone->bytes, zone->len);
	hf_event_put(worker->events, &event);
}

static void put_out(struct hf_worker *worker, const struct elder *elder, unsigned i, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	unsigned slot = slot_of(worker->plan, elder->route, i);
	struct hf_late_zone late = {.zone = elder->route->zone,
		.slot = slot,
		.serials = {elder->of[i].serial, elder->serials.newest[0]},
		.since = now};
	const int32_t figures[3] = {(int32_t)late.serials[0], (int32_t)late.serials[1], 0};
	hf_upstreams_lock(all);
	late.begun = all->begun[slot];
	hf_late_add(&all->late, &late);
	show(worker, slot);
	hf_upstreams_unlock(all);
	hf_count_upstream(worker->meter, slot, HF_UP_LIES);
	hf_count_upstream(worker->meter, slot, HF_UP_QUARANTINES);
	tell(worker, HF_EVENT_ZONE_BEHIND, slot, &late.zone, figures, now);
}

static void let_in(struct hf_worker *worker, const struct hf_name *zone, unsigned slot, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	hf_us since;
	hf_upstreams_lock(all);
	bool was = hf_late_remove(&all->late, zone, slot, &since);
	show(worker, slot);
	hf_upstreams_unlock(all);
	if (!was)
		return;
	const int32_t figures[3] = {0, 0, (int32_t)((now - since) / HF_SECOND)};
	tell(worker, HF_EVENT_ZONE_CAUGHT_UP, slot, zone, figures, now);
}

static void doubt(struct hf_worker *worker, const struct elder *elder, unsigned i, hf_us now)
{
	const int32_t figures[3] = {
		(int32_t)elder->of[i].serial, (int32_t)elder->serials.newest[0], 0};
	tell(worker, HF_EVENT_SERIAL_DOUBTED, slot_of(worker->plan, elder->route, i),
		&elder->route->zone, figures, now);
}

/* Under another plan: who is late with a zone that is not watched any more, or has left
 * its slot, has nobody who would let it in again. */
static void sweep(struct hf_worker *worker, struct hf_elders *elders, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	unsigned i = 0;
	while (i < atomic_load_explicit(&all->late.count, memory_order_relaxed)) {
		const struct hf_late_zone late = all->late.of[i]; /* written by this worker only */
		const struct hf_route *route = hf_route_find(worker->plan->routes, &late.zone);
		struct elder *elder =
			route && route->zone.len == late.zone.len ? find(elders, route) : NULL;
		int place = elder ? hf_round_place(worker->plan, route, late.slot) : -1;
		if (place >= 0 && elder->of[place].out)
			i++;
		else
			let_in(worker, &late.zone, late.slot, now);
	}
}

/* ---- rounds ---- */

static hf_us interval(struct hf_worker *worker, const struct elder *elder)
{
	hf_us wait = worker->plan->forward->truth.serials;
	if (elder->barren >= BARREN)
		wait *= BARREN_FACTOR;
	return wait - wait / 4 +
	       (hf_us)((uint64_t)(wait / 2) * hf_loop_random_u32(worker->loop) >> 32);
}

static struct hf_serial_said said_by(const struct hf_round *round, const struct hf_voice *voice)
{
	const struct hf_testimony *t = &voice->testimony;
	bool own = voice->answered && t->rcode == HF_RCODE_NOERROR && t->authoritative &&
		   !t->denial && !t->aliases && t->has_serial &&
		   t->owner.len == round->question.name.len;
	return (struct hf_serial_said){own, own ? t->serial : 0};
}

static void serials_heard(struct hf_round *round, hf_us now)
{
	struct hf_worker *worker = round->worker;
	struct hf_elders *elders = worker->elders;
	struct elder *elder =
		elders && elders->plan == round->plan ? find(elders, round->route) : NULL;
	struct hf_serial_said said[HF_ROUTE_UPSTREAMS_MAX];
	bool any = false;
	if (!elder)
		return; /* a reload came between */
	for (unsigned i = 0; i < round->route->upstream_count; i++) {
		said[i] = said_by(round, &round->voices[i]);
		any |= said[i].answered;
	}
	elder->barren = any ? 0 : elder->barren + (elder->barren < BARREN);
	elder->asking = false;
	elder->due = now + interval(worker, elder);
	struct hf_serials_found found = hf_serials_round(&elder->serials, said, now);
	for (unsigned i = 0; i < round->route->upstream_count; i++) {
		if (found.out >> i & 1)
			put_out(worker, elder, i, now);
		if (found.in >> i & 1)
			let_in(worker, &elder->route->zone, slot_of(worker->plan, elder->route, i),
				now);
		if (found.doubted >> i & 1)
			doubt(worker, elder, i, now);
	}
}

static bool begin(struct hf_worker *worker, struct elder *elder, hf_us now)
{
	const struct hf_question question = {
		.name = elder->route->zone, .type = HF_TYPE_SOA, .class = HF_CLASS_IN};
	struct serial_round *r = calloc(1, sizeof *r);
	if (!r)
		return false;
	r->round.done = serials_heard;
	elder->asking = hf_round_begin(&r->round, worker, elder->route, &question, ~0ull, now) == 0;
	if (!elder->asking)
		elder->due = now + interval(worker, elder);
	return elder->asking;
}

static void take_plan(struct hf_worker *worker, hf_us now)
{
	struct hf_elders *before = worker->elders;
	bool wanted = worker->plan->forward->truth.serials != 0;
	worker->elders = wanted ? make(worker, before, now) : NULL;
	if (hf_late_any(&worker->team->upstreams->late))
		sweep(worker, worker->elders, now);
	hf_elders_free(before);
}

void hf_elders_look(struct hf_worker *worker, hf_us now)
{
	if (!worker->elders || worker->elders->plan != worker->plan)
		take_plan(worker, now);
	struct hf_elders *elders = worker->elders;
	unsigned left = ROUNDS_AT_ONCE;
	for (size_t i = 0; elders && left && i < elders->count; i++) {
		struct elder *elder = &elders->items[elders->next++ % elders->count];
		if (!elder->asking && now >= elder->due)
			left -= begin(worker, elder, now);
	}
}
