/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/worker.h"
#include "keep/keeper.h"
#include "serve/readiness.h"
#include "serve/server_inside.h"
#include "serve/slots.h"
#include "transport/tls_server.h"
#include "xdp/xdp.h"

#define PREFAULTED_AT_ONCE 2 /* pieces: 40 MiB a second */

bool hf_server_alive(const struct hf_server *server, hf_us now, hf_us within)
{
	for (size_t w = 0; w < server->size; w++)
		if (now - atomic_load_explicit(&server->crew[w].turned, memory_order_relaxed) >
			within)
			return false;
	return true;
}

size_t hf_server_workers(const struct hf_server *server)
{
	return server->size;
}

const struct hf_meter *hf_server_meter(const struct hf_server *server, size_t worker)
{
	return server->crew[worker].meter;
}

struct hf_event_ring *hf_server_events(struct hf_server *server, size_t worker)
{
	return server->crew[worker].events;
}

bool hf_server_keeper_figures(const struct hf_server *server, struct hf_keeper_figures *ret)
{
	if (server->keeper)
		*ret = hf_keeper_figures(server->keeper);
	return server->keeper;
}

struct hf_event_ring *hf_server_keeper_events(struct hf_server *server)
{
	return server->keeper ? hf_keeper_events(server->keeper) : NULL;
}

struct hf_authority *hf_server_authority(const struct hf_server *server)
{
	return atomic_load(&server->zones.authority);
}

struct hf_cache_figures hf_server_cache_figures(const struct hf_server *server)
{
	struct hf_cache_sums sums = hf_cache_sums(server->cache);
	return (struct hf_cache_figures){sums.entries, sums.bytes, sums.size, sums.evictions};
}

void hf_server_prefault(struct hf_server *server)
{
	hf_cache_prefault(server->cache, PREFAULTED_AT_ONCE);
}

/* The lock is the server's own business: readers see a const server. */
static pthread_mutex_t *lock_of(const struct hf_server *server)
{
	return (pthread_mutex_t *)(uintptr_t)&server->lock;
}

bool hf_server_xdp_figures(const struct hf_server *server, struct hf_xdp_figures *ret)
{
	pthread_mutex_lock(lock_of(server));
	bool on = server->xdp;
	if (on)
		*ret = hf_xdp_figures(server->xdp);
	pthread_mutex_unlock(lock_of(server));
	return on && ret->door_count;
}

uint64_t hf_server_client(const struct hf_server *server, const struct hf_address *client)
{
	pthread_mutex_lock(lock_of(server));
	uint64_t it = hf_plan_client(server->plan, client);
	pthread_mutex_unlock(lock_of(server));
	return it;
}

bool hf_server_tls_until(const struct hf_server *server, int64_t *ret)
{
	pthread_mutex_lock(lock_of(server));
	const struct hf_tls_server *tls = hf_above(server->plan)->respond.tls;
	if (tls)
		*ret = hf_tls_server_until(tls);
	pthread_mutex_unlock(lock_of(server));
	return tls != NULL;
}

bool hf_server_slot_name(const struct hf_server *server, unsigned slot, char *buf, size_t size)
{
	pthread_mutex_lock(lock_of(server));
	const char *name = hf_slots_name(server->slots, slot);
	if (name)
		snprintf(buf, size, "%s", name);
	pthread_mutex_unlock(lock_of(server));
	return name != NULL;
}

void hf_server_slot_why(const struct hf_server *server, unsigned slot, char buf[static 200])
{
	hf_team_why(server->team, slot, buf);
}

bool hf_server_quarantine(const struct hf_server *server, unsigned slot, struct hf_quarantine *ret)
{
	return hf_team_quarantine(server->team, slot, ret);
}

bool hf_server_identity(const struct hf_server *server, unsigned slot, struct hf_identity *ret)
{
	return hf_team_identity(server->team, slot, ret);
}

bool hf_server_contradiction(
	const struct hf_server *server, unsigned slot, struct hf_contradiction *ret)
{
	return hf_team_contradiction(server->team, slot, ret);
}

size_t hf_server_late(
	const struct hf_server *server, unsigned slot, struct hf_bar *ret, size_t most)
{
	return hf_team_late(server->team, slot, ret, most);
}

/* In use, or its rest is over: without questions nobody would ever find out, and
 * who goes by our readiness sends none until we say that we are ready. */
static bool usable(const struct hf_server *server, unsigned slot)
{
	const _Atomic int64_t *gauges = server->crew[0].meter->upstreams[slot].gauges;
	return atomic_load_explicit(&gauges[HF_UP_STATE], memory_order_relaxed) ==
		       HF_HEALTH_CLOSED ||
	       atomic_load_explicit(&gauges[HF_UP_DUE], memory_order_relaxed);
}

/* Not asked for anything, because it lied. Our own questions find out when that is over,
 * whether or not clients ask. */
static bool distrusted(const struct hf_server *server, unsigned slot)
{
	const _Atomic int64_t *gauges = server->crew[0].meter->upstreams[slot].gauges;
	return atomic_load_explicit(&gauges[HF_UP_DISTRUSTED], memory_order_relaxed) != 0;
}

/* "a, b; the others do not answer" */
static void name_liars(const struct hf_server *server, const struct hf_route *route, unsigned liars,
	char *buf, size_t size)
{
	const struct hf_forward_conf *forward = server->plan->forward;
	size_t len = 0;
	for (size_t i = 0; i < route->upstream_count && len < size; i++)
		if (distrusted(server, server->plan->slots[route->upstreams[i]]))
			len += (size_t)snprintf(buf + len, size - len, " %s",
				forward->upstreams[route->upstreams[i]].name);
	if (liars < route->upstream_count && len < size)
		snprintf(buf + len, size - len, "; the others do not answer");
}

static void look_at_route(
	const struct hf_server *server, const struct hf_route *route, struct hf_look *look)
{
	char zone[HF_NAME_TEXT_MAX], names[HF_REASON_TEXT_MAX] = "";
	unsigned liars = 0;
	look->routes++;
	for (size_t i = 0; i < route->upstream_count; i++) {
		unsigned slot = server->plan->slots[route->upstreams[i]];
		if (usable(server, slot) && !distrusted(server, slot)) {
			look->routes_usable++;
			return;
		}
		liars += distrusted(server, slot);
	}
	hf_name_text(route->zone.bytes, zone);
	if (!liars) {
		hf_look_add(look, HF_REASON_UPSTREAM, HF_REASON_NOTED, zone,
			"no upstream of zone %s answers", zone);
		return;
	}
	name_liars(server, route, liars, names, sizeof names);
	hf_look_add(look, HF_REASON_UPSTREAM, HF_REASON_NOTED, zone,
		"no upstream of zone %s can be believed: in quarantine for all names:%s", zone,
		names);
}

/* An answer from a zone that is not served would be an error, and one that is served is
 * true: there is no waiting. */
static void look_at_zone(void *ctx, const struct hf_authority_zone *zone)
{
	char name[HF_NAME_TEXT_MAX];
	if (zone->odd)
		hf_look_add(ctx, HF_REASON_SIBLING, HF_REASON_AT_ONCE,
			hf_name_text(zone->name.bytes, name),
			"zone %s has other records here than at its siblings, which agree", name);
	if (!zone->required || zone->standing == HF_ZONE_SERVED || zone->standing == HF_ZONE_MARKED)
		return;
	hf_name_text(zone->name.bytes, name);
	hf_look_add(ctx, HF_REASON_ZONE, HF_REASON_AT_ONCE, name, "zone %s is not served: %s: %s",
		name, hf_gate_state_text(zone->state), zone->why);
}

void hf_server_look(const struct hf_server *server, struct hf_look *look)
{
	pthread_mutex_lock(lock_of(server));
	const struct hf_forward_conf *forward = server->plan->forward;
	for (size_t i = 0; i < forward->route_count; i++)
		look_at_route(server, &forward->routes[i], look);
	pthread_mutex_unlock(lock_of(server));
	struct hf_authority *authority = hf_server_authority(server);
	if (authority && hf_authority_trouble(authority))
		hf_authority_each(authority, look_at_zone, look);
}
