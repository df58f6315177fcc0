/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/plan.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/secure.h"

static void *copy(struct hf_arena *arena, const void *from, size_t size)
{
	void *to = hf_arena_get(arena, size);
	if (to && size)
		memcpy(to, from, size);
	return to;
}

static const struct hf_upstream_conf *upstream_of(
	const struct hf_forward_conf *forward, const struct hf_route *route, size_t i)
{
	return &forward->upstreams[route->upstreams[i]];
}

/* From the zone and its upstreams, whatever their order. */
static uint64_t new_realm(const struct hf_forward_conf *forward, const struct hf_route *route,
	const struct hf_hash_key *key)
{
	uint64_t realm = hf_hash(key, 1, route->zone.bytes, route->zone.len);
	for (size_t i = 0; i < route->upstream_count; i++) {
		const struct hf_address *address = &upstream_of(forward, route, i)->address;
		realm += hf_hash(key, 2, address, sizeof *address);
	}
	return realm;
}

static bool share_an_upstream(const struct hf_forward_conf *a, const struct hf_route *route_a,
	const struct hf_forward_conf *b, const struct hf_route *route_b)
{
	for (size_t i = 0; i < route_a->upstream_count; i++)
		for (size_t j = 0; j < route_b->upstream_count; j++)
			if (hf_address_equal(&upstream_of(a, route_a, i)->address,
				    &upstream_of(b, route_b, j)->address))
				return true;
	return false;
}

static uint64_t realm_for(const struct hf_plan *plan, const struct hf_route *route,
	const struct hf_hash_key *key, const struct hf_plan *before)
{
	const struct hf_route *old = before ? hf_route_find(before->routes, &route->zone) : NULL;
	if (old && old->zone.len == route->zone.len &&
		share_an_upstream(before->forward, old, plan->forward, route))
		return hf_plan_realm(before, old);
	return new_realm(plan->forward, route, key);
}

/* The memory is not touched before a path is used: a hundred thousand zones cost
 * what those cost that are asked about. */
static int make_paths(struct hf_plan *plan)
{
	const struct hf_forward_conf *forward = plan->forward;
	uint32_t count = 0;
	plan->path_at = hf_arena_get(&plan->arena, forward->route_count * sizeof *plan->path_at);
	for (size_t i = 0; plan->path_at && i < forward->route_count; i++) {
		plan->path_at[i] = count;
		count += forward->routes[i].upstream_count;
	}
	if (!plan->path_at)
		return -ENOMEM;
	plan->paths = calloc(count ? count : 1, sizeof *plan->paths);
	plan->candidates = calloc(count ? count : 1, sizeof *plan->candidates);
	plan->cap_due = calloc(forward->route_count + 1, sizeof *plan->cap_due);
	plan->entered = calloc(forward->route_count + 1, sizeof *plan->entered);
	return plan->paths && plan->candidates && plan->cap_due && plan->entered ? 0 : -ENOMEM;
}

static int make_shared(struct hf_plan *plan)
{
	const struct hf_forward_conf *forward = plan->forward;
	bool *begun = calloc(forward->upstream_count + 1, sizeof *begun);
	bool *shared = hf_arena_get(&plan->arena, forward->upstream_count * sizeof *shared);
	if (begun && shared)
		memset(shared, 0, forward->upstream_count * sizeof *shared);
	for (size_t r = 0; begun && shared && r < forward->route_count; r++) {
		if (!forward->routes[r].upstream_count)
			continue;
		size_t first = forward->routes[r].upstreams[0];
		shared[first] |= begun[first];
		begun[first] = true;
	}
	plan->shared = begun ? shared : NULL;
	free(begun);
	return plan->shared ? 0 : -ENOMEM;
}

static int make_several(struct hf_plan *plan)
{
	const struct hf_forward_conf *forward = plan->forward;
	bool *had = calloc(forward->upstream_count + 1, sizeof *had);
	bool *several = hf_arena_get(&plan->arena, forward->upstream_count * sizeof *several);
	if (had && several)
		memset(several, 0, forward->upstream_count * sizeof *several);
	for (size_t r = 0; had && several && r < forward->route_count; r++)
		for (size_t i = 0; i < forward->routes[r].upstream_count; i++) {
			size_t upstream = forward->routes[r].upstreams[i];
			several[upstream] |= had[upstream];
			had[upstream] = true;
		}
	plan->several = had ? several : NULL;
	free(had);
	return plan->several ? 0 : -ENOMEM;
}

struct hf_part hf_plan_part(const struct hf_plan *plan, const struct hf_route *route)
{
	if (!route || plan->forward->route_count < 2 || !route->in_flight_percent)
		return (struct hf_part){0};
	uint64_t realm = hf_plan_realm(plan, route);
	return (struct hf_part){realm ? realm : 1, route->in_flight_percent};
}

bool hf_plan_is_shared(const struct hf_plan *plan, const struct hf_route *route)
{
	return plan->shared[route->upstreams[0]];
}

bool hf_plan_has_several(const struct hf_plan *plan, size_t upstream)
{
	return plan->several[upstream];
}

static bool same_figures(const struct hf_upstream_conf *a, const struct hf_upstream_conf *b)
{
	return a->timeout_min == b->timeout_min && a->timeout_max == b->timeout_max &&
	       a->failures_to_open == b->failures_to_open && a->rest_min == b->rest_min &&
	       a->rest_max == b->rest_max && a->hedge == b->hedge &&
	       a->retry.percent == b->retry.percent && a->retry.floor == b->retry.floor;
}

/* A hundred thousand routes mostly say the same: one copy for those that follow each other. */
static int lay_over(struct hf_plan *plan, const struct hf_route *route, size_t i,
	const struct hf_upstream_conf **last)
{
	const struct hf_upstream_conf **mine = &last[route->upstreams[i]];
	struct hf_upstream_conf laid = *upstream_of(plan->forward, route, i);
	hf_route_lay_over(route, &laid);
	if (!*mine || !same_figures(*mine, &laid))
		*mine = copy(&plan->arena, &laid, sizeof laid);
	plan->figures[plan->path_at[route - plan->forward->routes] + i] = *mine;
	return *mine ? 0 : -ENOMEM;
}

static int lay_all_over(struct hf_plan *plan, const struct hf_upstream_conf **last)
{
	const struct hf_forward_conf *forward = plan->forward;
	int rc = 0;
	for (size_t r = 0; r < forward->route_count; r++)
		for (size_t i = 0; !rc && hf_route_has_figures(&forward->routes[r]) &&
				   i < forward->routes[r].upstream_count;
			i++)
			rc = lay_over(plan, &forward->routes[r], i, last);
	return rc;
}

/* After the paths. Nearly no configuration has any. */
static int make_figures(struct hf_plan *plan)
{
	const struct hf_forward_conf *forward = plan->forward;
	size_t paths = 0, r = 0;
	while (r < forward->route_count && !hf_route_has_figures(&forward->routes[r]))
		r++;
	if (r == forward->route_count)
		return 0;
	for (size_t i = 0; i < forward->route_count; i++)
		paths += forward->routes[i].upstream_count;
	const struct hf_upstream_conf **last = calloc(forward->upstream_count, sizeof *last);
	plan->figures = calloc(paths, sizeof *plan->figures);
	int rc = last && plan->figures ? lay_all_over(plan, last) : -ENOMEM;
	free(last);
	return rc;
}

static void drop_paths(struct hf_plan *plan)
{
	free(plan->paths);
	free(plan->candidates);
	free(plan->figures);
	free(plan->cap_due);
	free(plan->entered);
}

/* A and AAAA of each name; what is no name has been refused with its line. */
static int make_warm(struct hf_plan *plan)
{
	static const uint16_t types[] = {HF_TYPE_A, HF_TYPE_AAAA};
	const struct hf_text_list *texts = &plan->cache->keep_warm;
	struct hf_question *warm =
		hf_arena_get(&plan->arena, texts->count * HF_COUNT_OF(types) * sizeof *warm);
	struct hf_name name;
	for (size_t i = 0; warm && i < texts->count; i++) {
		if (hf_name_from_text(texts->items[i], strlen(texts->items[i]), &name))
			continue;
		for (size_t t = 0; t < HF_COUNT_OF(types); t++)
			warm[plan->warm_count++] = (struct hf_question){
				.name = name, .type = types[t], .class = HF_CLASS_IN};
	}
	plan->warm = warm;
	return warm ? 0 : -ENOMEM;
}

static int make_realms(
	struct hf_plan *plan, const struct hf_hash_key *key, const struct hf_plan *before)
{
	size_t count = plan->forward->route_count;
	plan->realms = hf_arena_get(&plan->arena, count * sizeof *plan->realms);
	for (size_t i = 0; plan->realms && i < count; i++) {
		const struct hf_route *route = &plan->forward->routes[i];
		plan->realms[i] = realm_for(plan, route, key, before);
		if (route->zone.len == 1) {
			plan->root = route;
			plan->root_realm = plan->realms[i];
		}
	}
	return plan->realms ? 0 : -ENOMEM;
}

inline uint64_t hf_plan_realm(const struct hf_plan *plan, const struct hf_route *route)
{
	if (route == plan->root)
		return plan->root_realm;
	return route ? plan->realms[route - plan->forward->routes] : 0;
}

int hf_plan_new(const struct hf_forward_conf *forward, const struct hf_cache_conf *cache,
	const struct hf_hash_key *key, const uint16_t *slots, const bool *fresh,
	const struct hf_plan *before, struct hf_plan **ret)
{
	struct hf_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return -ENOMEM;
	hf_arena_init(&plan->arena, 0);
	atomic_init(&plan->refs, 1);
	plan->forward = forward;
	plan->cache = cache;
	plan->tombstones = forward->truth.tombstones.all;
	plan->slots = copy(&plan->arena, slots, forward->upstream_count * sizeof *slots);
	plan->fresh = copy(&plan->arena, fresh, forward->upstream_count * sizeof *fresh);
	plan->key = *key;
	hf_fast_hash_init(&plan->clients, key, false);
	if (!plan->slots || !plan->fresh ||
		hf_route_table_build(&plan->arena, key, forward, &plan->routes) ||
		hf_expect_table_build(&plan->arena, key, &forward->truth, &plan->expected) ||
		hf_rebind_build(&plan->arena, &forward->truth, &plan->rebind) ||
		make_realms(plan, key, before) || make_paths(plan) || make_figures(plan) ||
		make_shared(plan) || make_several(plan) || make_warm(plan)) {
		drop_paths(plan);
		hf_arena_clear(&plan->arena);
		free(plan);
		return -ENOMEM;
	}
	*ret = plan;
	return 0;
}

int hf_plan_secure(struct hf_plan *plan)
{
	return hf_secures_new(plan->forward, &plan->secure);
}

const struct hf_secure *hf_plan_secure_of(const struct hf_plan *plan, size_t upstream)
{
	bool tls = plan->forward->upstreams[upstream].channel == HF_CHANNEL_TLS;
	return plan->secure && tls ? &plan->secure[upstream] : NULL;
}

inline struct hf_cache_key hf_plan_key(const struct hf_plan *plan, const struct hf_cache *cache,
	const struct hf_question *question, uint8_t flags)
{
	const struct hf_route *route = hf_route_find(plan->routes, &question->name);
	return hf_cache_key(cache, hf_plan_realm(plan, route), question, flags);
}

struct hf_path *hf_plan_path(
	const struct hf_plan *plan, const struct hf_route *route, size_t upstream)
{
	return &plan->paths[plan->path_at[route - plan->forward->routes] + upstream];
}

const struct hf_upstream_conf *hf_plan_figures(
	const struct hf_plan *plan, const struct hf_route *route, size_t upstream)
{
	if (!plan->figures)
		return NULL;
	return plan->figures[plan->path_at[route - plan->forward->routes] + upstream];
}

struct hf_candidate *hf_plan_candidates(const struct hf_plan *plan, const struct hf_route *route)
{
	return &plan->candidates[plan->path_at[route - plan->forward->routes]];
}

hf_us *hf_plan_cap_due(const struct hf_plan *plan, const struct hf_route *route)
{
	return &plan->cap_due[route - plan->forward->routes];
}

static void inherit_paths(const struct hf_plan *plan, const struct hf_route *route,
	const struct hf_plan *before, const struct hf_route *old)
{
	for (size_t i = 0; i < route->upstream_count; i++)
		for (size_t j = 0; j < old->upstream_count; j++)
			if (!plan->fresh[route->upstreams[i]] &&
				plan->slots[route->upstreams[i]] ==
					before->slots[old->upstreams[j]])
				*hf_plan_path(plan, route, i) = *hf_plan_path(before, old, j);
}

/* The same zone's route in another plan, or NULL. */
static const struct hf_route *same_route(const struct hf_plan *plan, const struct hf_route *route)
{
	const struct hf_route *same = hf_route_find(plan->routes, &route->zone);
	return same && same->zone.len == route->zone.len ? same : NULL;
}

void hf_plan_follow(struct hf_plan *plan, struct hf_plan *before)
{
	hf_plan_unref(plan->before);
	plan->before = hf_plan_ref(before);
	plan->handed = 0;
}

/* One that nobody asked before has nothing to hand on, and its memory is left
 * untouched. */
void hf_plan_enter(const struct hf_plan *plan, const struct hf_route *route)
{
	size_t at = (size_t)(route - plan->forward->routes);
	const struct hf_plan *before = plan->before;
	if (plan->entered[at])
		return;
	plan->entered[at] = true;
	const struct hf_route *old = before ? same_route(before, route) : NULL;
	if (old && before->entered[old - before->forward->routes])
		inherit_paths(plan, route, before, old);
}

void hf_plan_look(const struct hf_plan *plan, const struct hf_route *route)
{
	const struct hf_route *old = plan->before ? same_route(plan->before, route) : NULL;
	if (old && plan->before->entered[old - plan->before->forward->routes])
		hf_plan_enter(plan, route);
}

struct hf_plan *hf_plan_hand_over(struct hf_plan *plan, size_t routes)
{
	struct hf_plan *before = plan->before;
	if (!before)
		return NULL;
	for (; plan->handed < before->forward->route_count; plan->handed++) {
		if (!before->entered[plan->handed])
			continue;
		if (!routes--)
			return NULL;
		const struct hf_route *route =
			same_route(plan, &before->forward->routes[plan->handed]);
		if (route)
			hf_plan_enter(plan, route);
	}
	plan->before = NULL;
	return before;
}

void hf_plan_hash_faster(struct hf_plan *plan)
{
	hf_fast_hash_init(&plan->clients, &plan->key, true);
}

uint64_t hf_plan_client(const struct hf_plan *plan, const struct hf_address *client)
{
	size_t octets = client->family == 4 ? 4 : 7; /* a /56 is one site (RFC 6177) */
	return hf_fast_hash(&plan->clients, client->bytes, octets);
}

struct hf_plan *hf_plan_ref(struct hf_plan *plan)
{
	atomic_fetch_add_explicit(&plan->refs, 1, memory_order_relaxed);
	return plan;
}

void hf_plan_unref(struct hf_plan *plan)
{
	if (!plan || atomic_fetch_sub_explicit(&plan->refs, 1, memory_order_acq_rel) != 1)
		return;
	hf_plan_unref(plan->before);
	hf_secures_free(plan->secure, plan->forward->upstream_count);
	if (plan->release)
		plan->release(plan->owner);
	drop_paths(plan);
	hf_arena_clear(&plan->arena);
	free(plan);
}
