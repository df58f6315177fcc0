/* SPDX-License-Identifier: GPL-3.0-or-later */
/* plan.h - what all workers go by: one immutable snapshot of the settings.
 *
 * Story: a reload makes a new plan and hands it to each worker; questions that
 * are under way keep the one that they began with. The last to let go frees it,
 * and with it the configuration that it was made from.
 * Threads: counted atomically; the rest never changes. */
#ifndef HF_ENGINE_PLAN_H
#define HF_ENGINE_PLAN_H

#include <stdatomic.h>

#include "base/arena.h"
#include "base/fast_hash.h"
#include "base/share.h"
#include "cache/cache.h"
#include "cache/cache_conf.h"
#include "forward/route.h"
#include "truth/expect.h"
#include "truth/rebind.h"
#include "truth/tombstones.h"
#include "wire/message.h"
#include "upstream/select.h"

struct hf_zone_rules;

struct hf_plan {
	atomic_uint refs;
	struct hf_arena arena;
	const struct hf_forward_conf *forward;
	const struct hf_cache_conf *cache;
	struct hf_route_table *routes;
	struct hf_expect_table *expected;
	const struct hf_rebind *rebind; /* NULL: private addresses are as good as others */
	const struct hf_tombstones *tombstones; /* the configuration's; NULL: nothing is retired */
	uint64_t *realms;      /* of each route: see hf_plan_realm */
	const struct hf_route *root; /* the one for all names, or NULL: mostly there is no other */
	uint64_t root_realm;
	uint32_t *path_at;     /* of each route: where its paths begin */
	/* Under the lock of upstreams.h; nothing else changes: */
	struct hf_path *paths; /* learnt */
	struct hf_candidate *candidates; /* beside the paths: made when a route is first asked */
	const struct hf_upstream_conf *
		*figures;                /* beside the paths; NULL: no route says anything */
	const bool *shared;              /* of each upstream: several routes begin with it */
	const bool *several;             /* ... or have it, at whichever place */
	hf_us *cap_due;                  /* of each route: see telling.c */
	bool *entered;          /* of each route: its paths have been used, and inherited */
	struct hf_plan *before; /* whose routes are still to be gone through; NULL: none */
	size_t handed;          /* how many of them have been */
	uint64_t adopted;      /* the how many-th plan it is; 0: not yet gone by */
	uint64_t number;       /* of all plans of the process; its maker's to count, 0: not counted */
	struct hf_hash_key key;
	struct hf_fast_hash clients; /* under the same key: see hf_plan_client */
	const uint16_t *slots; /* of each upstream; see meter.h */
	const struct hf_question *warm; /* what is kept warm */
	size_t warm_count;
	const bool *fresh;     /* upstreams whose slot was another's, or that moved */
	struct hf_secure *secure; /* of each upstream; NULL: nobody is asked over TLS */
	/* Names that the layer above answers from zones of its own, whatever the cache holds;
	 * NULL: none. It belongs to the plan's owner. */
	const struct hf_zone_rules *zones;
	const void *above;     /* what the layer above wants to keep with it */
	void *owner;
	void (*release)(void *owner);
};

/* A plan with one reference, slots and fresh copied. `before` is the plan that it
 * follows, or NULL. release(owner) is called when the plan ends. -ENOMEM (then
 * release has not been called). */
int hf_plan_new(const struct hf_forward_conf *forward, const struct hf_cache_conf *cache,
	const struct hf_hash_key *key, const uint16_t *slots, const bool *fresh,
	const struct hf_plan *before, struct hf_plan **ret);

/* Whose word answers under a route are (NULL: nobody's). What another route's
 * upstreams said of a name is no answer here: not when a zone is given a route of
 * its own, nor when it loses it. Over reloads a route keeps its realm, and so its
 * part of the cache, as long as it keeps one of its upstreams. */
uint64_t hf_plan_realm(const struct hf_plan *plan, const struct hf_route *route);

/* Makes those upstreams ready that are asked over TLS, reading files; without it they are
 * asked over plain TCP. As hf_secures_new. */
int hf_plan_secure(struct hf_plan *plan);

/* How to talk to the how many-th upstream; NULL: in plain text. */
const struct hf_secure *hf_plan_secure_of(const struct hf_plan *plan, size_t upstream);

/* The key of a question as this plan routes it. */
struct hf_cache_key hf_plan_key(const struct hf_plan *plan, const struct hf_cache *cache,
	const struct hf_question *question, uint8_t flags);

/* What is known of an upstream (by its place in the route) on this route, once
 * hf_plan_enter() has been called for it. */
struct hf_path *hf_plan_path(const struct hf_plan *plan, const struct hf_route *route,
	size_t upstream);

/* What holds for an upstream on this route, if the route says anything of it; else NULL. */
const struct hf_upstream_conf *hf_plan_figures(
	const struct hf_plan *plan, const struct hf_route *route, size_t upstream);

/* The part of the place for questions under way that a route may have: any, if it is NULL
 * or the only one. */
struct hf_part hf_plan_part(const struct hf_plan *plan, const struct hf_route *route);

/* Does another route begin with the same upstream? */
bool hf_plan_is_shared(const struct hf_plan *plan, const struct hf_route *route);

/* Do several routes have the how many-th upstream? */
bool hf_plan_has_several(const struct hf_plan *plan, size_t upstream);

/* All that a question on this route may be sent to, as the engine last found them;
 * conf is NULL in the first until it has. Under the lock. */
struct hf_candidate *hf_plan_candidates(const struct hf_plan *plan, const struct hf_route *route);

/* When the caps of this route's upstreams want a look. Under the lock. */
hf_us *hf_plan_cap_due(const struct hf_plan *plan, const struct hf_route *route);

/* From now on takes over what was learnt under the plan before, for routes and
 * upstreams that are still the same: a route when it is entered, all others slice
 * by slice. Holds a reference to it until that is done. Under the lock, and so are
 * the next. */
void hf_plan_follow(struct hf_plan *plan, struct hf_plan *before);

/* Before paths of a route are read or written. */
void hf_plan_enter(const struct hf_plan *plan, const struct hf_route *route);

/* The same for who only reads: a route that nobody uses stays so. */
void hf_plan_look(const struct hf_plan *plan, const struct hf_route *route);

/* Has so many more routes of the plan before enter, those of them that were in use.
 * Returns that plan when it was the last: the caller's to unref, not under the lock,
 * for it may be large. Else NULL. */
struct hf_plan *hf_plan_hand_over(struct hf_plan *plan, size_t routes);

/* From now on clients are hashed in the fastest safe way that this processor has: as
 * hf_cache_hash_faster. Before the first of them. */
void hf_plan_hash_faster(struct hf_plan *plan);

/* A number for who asks: a keyed hash of its address, or of its /56. The same under
 * all plans with the same key. */
uint64_t hf_plan_client(const struct hf_plan *plan, const struct hf_address *client);

struct hf_plan *hf_plan_ref(struct hf_plan *plan);
void hf_plan_unref(struct hf_plan *plan); /* NULL is fine */

#endif
