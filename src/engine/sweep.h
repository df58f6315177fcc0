/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sweep.h - when other things are expected, what is in the cache is looked at again.
 *
 * Story: an answer was held against what was expected when it came. When a reload brings
 * other expectations, each worker goes through its shard, a slice at a time, and takes out
 * what would not be believed now; an answer whose own expectation has not changed stays as
 * it is. Until all shards have been gone through, every answer from the cache, fresh or
 * old, and every answer of a worker that has not heard of the reload yet, is judged before
 * it is given: the workers *doubt*. Then a hit costs one branch again.
 * So it is when private addresses of public names are refused that were not (rebind.h), and
 * when addresses are retired (tombstones.h).
 * Failures are not gone through: those from before a reload after which other things are
 * believed count no longer, for what failed by a list that has been mended need not fail now.
 * What only has to be shown to be true (agreement, proof) is taken out as well: the next
 * who asks has it asked for anew.
 * Private to engine/.  Threads: the worker's own, but for how far each has come, which all
 * read.  At the bound: a slice is SWEEP_SLICE slots of the index, some hundred
 * microseconds; a million answers take about a second. */
#ifndef HF_ENGINE_SWEEP_H
#define HF_ENGINE_SWEEP_H

#include "engine/inside.h"

/* The worker goes by its new plan; `before`: the one that it went by. */
void hf_sweep_adopt(struct hf_worker *worker, struct hf_plan *before);

/* Once a turn: is it over, everywhere? */
void hf_sweep_turn(struct hf_worker *worker);

void hf_sweep_end(struct hf_worker *worker); /* the worker does */

/* Is a failure of the key, remembered since then, from before other things were believed? */
bool hf_sweep_outdates(struct hf_worker *worker, const struct hf_cache_key *key, hf_us stored);

/* For who doubts: would it be believed now? stored: when its owner put it into the cache;
 * INT64_MIN: not known. */
bool hf_sweep_judge(const struct hf_worker *worker, const struct hf_kept *kept, hf_us stored);

/* May an answer that is in the cache be given? */
static inline bool hf_sweep_fits(const struct hf_worker *worker, const struct hf_cached *copy)
{
	return __builtin_expect(!worker->sweep.doubts, 1) ||
	       hf_sweep_judge(worker, &copy->kept, copy->stored);
}

#endif
