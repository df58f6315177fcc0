/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/house.h"

#include "base/check.h"
#include "base/error.h"
#include "base/pages.h"
#include "engine/worker.h"
#include "serve/listener.h"

/* It is read at the end of every turn, so a thousand instances need not keep what was. */
#define SMALL_DIARY ((struct hf_diary_size){ 64, 256 })

struct room { /* one worker with its ears */
	struct hf_loop *loop;
	struct hf_listener *listener;
	struct hf_worker *worker;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_house *house;
	struct hf_voucher voucher;
	struct hf_diary_reader read;
};

struct hf_house {
	const struct hf_scenario *scenario;
	unsigned instance;
	char host[32];
	struct hf_house_watch watch;
	struct hf_hash_key key;
	struct hf_cache *cache;
	struct hf_team *team;
	struct hf_plan *plan;
	struct hf_admission_table *admission;
	struct hf_respond_conf respond;
	struct hf_forward_conf forward;
	struct hf_upstream_conf upstreams[HF_PLAY_UPSTREAMS_MAX];
	uint16_t slots[HF_PLAY_UPSTREAMS_MAX];
	bool fresh[HF_PLAY_UPSTREAMS_MAX];
	size_t size;
	struct room rooms[HF_PLAY_WORKERS_MAX];
};

struct hf_address hf_house_address(unsigned instance)
{
	return (struct hf_address){ .family = 4, .port = 53,
		.bytes = { 10, 52, (uint8_t)(instance >> 8), (uint8_t)instance } };
}

/* ---- what must hold at the end of every turn ---- */

static int64_t gauge(const struct room *room, enum hf_gauge which)
{
	return atomic_load_explicit(&room->meter->gauges[which], memory_order_relaxed);
}

static const char *fault_of(const struct room *room)
{
	const struct hf_house *house = room->house;
	size_t most = house->scenario->clients.in_flight;
	size_t pending = hf_responder_pending(hf_listener_responder(room->listener));
	int64_t flights = gauge(room, HF_GAUGE_IN_FLIGHT), waiting = gauge(room, HF_GAUGE_WAITING);
	if (flights > (int64_t)most)
		return "more flights than clients.in-flight";
	if (pending > most)
		return "more questions pending than clients.in-flight";
	if (waiting != (int64_t)pending)
		return "the worker and the listener do not agree on how many wait";
	if (flights + waiting != (int64_t)hf_worker_flights(room->worker))
		return "the gauges do not say what is under way";
	if (hf_house_pending(house) > house->watch.open[house->instance])
		return "the server remembers more questions than are open";
	return NULL;
}

static void tell_decisions(struct room *room)
{
	const struct hf_house_watch *watch = &room->house->watch;
	const struct hf_decision *d;
	while (watch->decided &&
		(d = hf_diary_read(hf_worker_diary(room->worker), &room->read)))
		watch->decided(watch->ctx, room->house->instance, d);
}

static void turned(void *ctx, hf_us now)
{
	struct room *room = ctx;
	hf_listener_turned(room->listener, now);
	tell_decisions(room);
	const char *fault = fault_of(room);
	if (fault)
		room->house->watch.broken(room->house->watch.ctx, room->house->instance, fault);
}

static int make_room(struct hf_house *house, struct hf_sim *sim, struct room *room)
{
	size_t most = house->scenario->clients.in_flight;
	room->house = house;
	room->meter = hf_pages_get(sizeof *room->meter);
	room->events = calloc(1, sizeof *room->events);
	if (!room->meter || !room->events)
		return -ENOMEM;
	/* The first loop was made to draw keys from. */
	int rc = room->loop ? 0 : hf_sim_loop_new(sim, house->host, &room->loop);
	if (!rc)
		rc = hf_listener_new(room->loop, room->meter, house->admission, most, &room->listener);
	if (rc)
		return rc;
	struct hf_responder *responder = hf_listener_responder(room->listener);
	room->voucher = (struct hf_voucher){ room->loop, house->watch.vouches };
	const struct hf_worker_conf conf = {
		.team = house->team, .index = (unsigned)(room - house->rooms), .loop = room->loop,
		.meter = room->meter, .events = room->events, .plan = house->plan,
		.flights_max = most, .diary = SMALL_DIARY, .client = &hf_responder_client, .client_ctx = responder,
		.turned = turned, .turned_ctx = room,
		.means = &hf_vouch_means, .means_ctx = &room->voucher,
	};
	rc = hf_worker_new(&conf, &room->worker);
	if (rc)
		return rc;
	hf_responder_attach(responder, room->worker);
	hf_listener_adopt(room->listener, &house->respond);
	return 0;
}

static int open_ears(struct hf_house *house)
{
	const struct hf_ear ear = { hf_house_address(house->instance), HF_EAR_UNBOUND, HF_EAR_UNBOUND };
	int rc = 0;
	for (size_t i = 0; !rc && i < house->size; i++)
		rc = hf_listener_add(house->rooms[i].listener, &ear);
	return rc;
}

static int make_shared(struct hf_house *house)
{
	const struct hf_scenario *s = house->scenario;
	int rc = hf_cache_new(s->cache.size, (unsigned)house->size, &house->key, &house->cache);
	if (!rc)
		rc = hf_team_new((unsigned)house->size, house->cache, &house->team);
	for (size_t i = 0; i < s->upstream_count; i++) {
		house->upstreams[i] = s->upstreams[i].conf;
		house->slots[i] = (uint16_t)i;
		house->fresh[i] = true;
	}
	house->forward = (struct hf_forward_conf){ house->upstreams, s->upstream_count, s->routes,
		s->route_count, s->outgoing };
	house->forward.truth = s->truth;
	house->forward.truth.expectations = s->expectations;
	house->respond = (struct hf_respond_conf){ &s->listen, &s->tcp, &s->clients };
	return rc ? rc : hf_plan_new(&house->forward, &s->cache, &house->key, house->slots,
				 house->fresh, NULL, &house->plan);
}

static int make_all(struct hf_house *house, struct hf_sim *sim)
{
	struct hf_address address = hf_house_address(house->instance);
	int rc = hf_sim_loop_new(sim, house->host, &house->rooms[0].loop);
	if (rc)
		return rc;
	hf_sim_address(sim, house->host, &address);
	hf_loop_random(house->rooms[0].loop, &house->key, sizeof house->key);
	house->admission = calloc(1, sizeof *house->admission);
	if (!house->admission)
		return -ENOMEM;
	house->admission->key = house->key;
	rc = make_shared(house);
	for (size_t i = 0; !rc && i < house->size; i++)
		rc = make_room(house, sim, &house->rooms[i]);
	return rc ? rc : open_ears(house);
}

int hf_house_new(struct hf_sim *sim, const struct hf_scenario *scenario, unsigned instance,
	const struct hf_house_watch *watch, struct hf_house **ret)
{
	struct hf_house *house = calloc(1, sizeof *house);
	if (!house)
		return -ENOMEM;
	house->scenario = scenario;
	house->instance = instance;
	house->watch = *watch;
	snprintf(house->host, sizeof house->host, "holdfast/%u", instance);
	house->size = scenario->workers;
	int rc = make_all(house, sim);
	if (rc) {
		hf_house_free(house);
		return rc;
	}
	*ret = house;
	return 0;
}

void hf_house_free(struct hf_house *house)
{
	if (!house)
		return;
	for (size_t i = 0; i < house->size; i++)
		hf_listener_free(house->rooms[i].listener);
	hf_team_free(house->team);
	for (size_t i = 0; i < house->size; i++) {
		if (house->rooms[i].loop)
			hf_loop_free(house->rooms[i].loop);
		hf_pages_free(house->rooms[i].meter, sizeof *house->rooms[i].meter);
		free(house->rooms[i].events);
	}
	hf_plan_unref(house->plan);
	hf_cache_free(house->cache);
	free(house->admission);
	free(house);
}

void hf_house_jump(struct hf_house *house, hf_us us)
{
	for (size_t i = 0; i < house->size; i++)
		hf_sim_jump(house->rooms[i].loop, us);
}

void hf_house_jump_wall(struct hf_house *house, hf_us us)
{
	for (size_t i = 0; i < house->size; i++)
		hf_sim_jump_wall(house->rooms[i].loop, us / HF_SECOND);
}

void hf_house_stall(struct hf_house *house, hf_us us)
{
	for (size_t i = 0; i < house->size; i++)
		hf_sim_stall(house->rooms[i].loop, us);
}

size_t hf_house_pending(const struct hf_house *house)
{
	size_t sum = 0;
	for (size_t i = 0; i < house->size; i++)
		sum += hf_responder_pending(hf_listener_responder(house->rooms[i].listener));
	return sum;
}

size_t hf_house_flights(const struct hf_house *house)
{
	size_t sum = 0;
	for (size_t i = 0; i < house->size; i++)
		sum += hf_worker_flights(house->rooms[i].worker);
	return sum;
}

size_t hf_house_attempts(const struct hf_house *house)
{
	return hf_worker_attempts(house->rooms[0].worker);
}

uint64_t hf_house_gauges(const struct hf_house *house)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < house->size; i++) {
		const struct room *room = &house->rooms[i];
		sum += (uint64_t)gauge(room, HF_GAUGE_IN_FLIGHT) + (uint64_t)gauge(room, HF_GAUGE_WAITING);
		for (size_t u = 0; u < house->forward.upstream_count; u++)
			sum += (uint64_t)atomic_load_explicit(
				&room->meter->upstreams[house->slots[u]].gauges[HF_UP_IN_FLIGHT],
				memory_order_relaxed);
	}
	return sum;
}

uint64_t hf_house_copies(const struct hf_house *house, unsigned upstream)
{
	static const enum hf_upstream_counter copies[] = { HF_UP_RETRIES, HF_UP_HEDGES, HF_UP_PROBES };
	uint64_t sum = 0;
	for (size_t i = 0; i < house->size; i++)
		for (size_t c = 0; c < HF_COUNT_OF(copies); c++)
			sum += atomic_load_explicit(&house->rooms[i].meter->upstreams[house->slots[upstream]]
							     .counters[copies[c]],
				memory_order_relaxed);
	return sum;
}

uint64_t hf_house_count(const struct hf_house *house, enum hf_counter counter)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < house->size; i++)
		sum += atomic_load_explicit(
			&house->rooms[i].meter->counters[counter], memory_order_relaxed);
	return sum;
}
