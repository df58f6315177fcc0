/* SPDX-License-Identifier: GPL-3.0-or-later */
/* heat.h - which answers are hot, and what is told to the door of hot.h.
 *
 * Private to engine/; the story is hot.h's.  Threads: the worker's own. */
#ifndef HF_ENGINE_HEAT_H
#define HF_ENGINE_HEAT_H

#include "engine/inside.h"

/* A fresh answer to the key's question was found. Costs one branch if nobody stands at
 * the door. */
void hf_heat_note(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us now);

static inline void hf_heat_hit(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us now)
{
	if (__builtin_expect(worker->hot != NULL, 0))
		hf_heat_note(worker, key, copy, now);
}

/* Something is about to be stored under, or removed from, a key of this worker's. */
static inline void hf_heat_withdraw(struct hf_worker *worker, const struct hf_cache_key *key)
{
	if (__builtin_expect(worker->hot != NULL, 0))
		worker->hot->withdraw(worker->hot_ctx, key);
}

/* The worker goes by another set of zones than `before`: what they answer for is not given
 * at the door any more. */
void hf_heat_zones(struct hf_worker *worker, const struct hf_zones *before);

#endif
