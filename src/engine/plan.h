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
#include "cache/cache_conf.h"
#include "forward/route.h"

struct hf_plan {
	atomic_uint refs;
	struct hf_arena arena;
	const struct hf_forward_conf *forward;
	const struct hf_cache_conf *cache;
	struct hf_route_table *routes;
	uint64_t *realms;      /* of each route: see hf_plan_realm */
	const uint16_t *slots; /* of each upstream; see meter.h */
	const bool *fresh;     /* upstreams whose slot was another's, or that moved */
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
struct hf_plan *hf_plan_ref(struct hf_plan *plan);
void hf_plan_unref(struct hf_plan *plan); /* NULL is fine */

#endif
