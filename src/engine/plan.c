/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/plan.h"

#include "base/check.h"
#include "base/error.h"

static void *copy(struct hf_arena *arena, const void *from, size_t size)
{
	void *to = hf_arena_get(arena, size);
	if (to && size)
		memcpy(to, from, size);
	return to;
}

int hf_plan_new(const struct hf_forward_conf *forward, const struct hf_cache_conf *cache,
	const struct hf_hash_key *key, const uint16_t *slots, const bool *fresh,
	struct hf_plan **ret)
{
	struct hf_plan *plan = calloc(1, sizeof *plan);
	if (!plan)
		return -ENOMEM;
	hf_arena_init(&plan->arena, 0);
	atomic_init(&plan->refs, 1);
	plan->forward = forward;
	plan->cache = cache;
	plan->slots = copy(&plan->arena, slots, forward->upstream_count * sizeof *slots);
	plan->fresh = copy(&plan->arena, fresh, forward->upstream_count * sizeof *fresh);
	if (!plan->slots || !plan->fresh ||
		hf_route_table_build(&plan->arena, key, forward, &plan->routes)) {
		hf_arena_clear(&plan->arena);
		free(plan);
		return -ENOMEM;
	}
	*ret = plan;
	return 0;
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
	if (plan->release)
		plan->release(plan->owner);
	hf_arena_clear(&plan->arena);
	free(plan);
}
