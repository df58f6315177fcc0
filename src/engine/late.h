/* SPDX-License-Identifier: GPL-3.0-or-later */
/* late.h - which upstreams serve an older zone than their fellows, for all workers.
 *
 * Story: who is behind with a zone (truth/serials.h) is not asked for names of the route
 * for that zone until it has caught up, as long as one that is not behind is in use. The first worker finds out and writes it here;
 * every worker reads it when a question begins, at the cost of one load while nobody is.
 * Private to engine/.  Threads: under the lock of upstreams.h, but for hf_late_any.
 * At the bound: HF_LATE_MAX pairs of upstream and zone; the next is told of and counted,
 * but goes on being asked. */
#ifndef HF_ENGINE_LATE_H
#define HF_ENGINE_LATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "wire/name.h"

#define HF_LATE_MAX 256

struct hf_late_zone {
	struct hf_name zone;
	unsigned slot;
	uint64_t begun;      /* hf_upstreams.begun of the slot: whose it is */
	uint32_t serials[2]; /* its own, and the newest, when it was found */
	hf_us since;
};

struct hf_late {
	atomic_uint count;
	struct hf_late_zone of[HF_LATE_MAX]; /* the first `count` */
};

/* Any thread, without the lock. */
static inline bool hf_late_any(const struct hf_late *late)
{
	return atomic_load_explicit(&late->count, memory_order_relaxed) != 0;
}

/* Is the upstream in a slot late with a zone? */
bool hf_late_is(
	const struct hf_late *late, const struct hf_name *zone, unsigned slot, uint64_t begun);

/* False: there is no room. */
bool hf_late_add(struct hf_late *late, const struct hf_late_zone *zone);

/* It has caught up; that it was not late is fine. *ret_since: since when it was. */
bool hf_late_remove(
	struct hf_late *late, const struct hf_name *zone, unsigned slot, hf_us *ret_since);

#endif
