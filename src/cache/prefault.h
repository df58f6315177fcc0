/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prefault.h - which memory will be touched soon. Private to the cache.
 *
 * Story: memory is taken once but touched as it is used, and the first touch of 2 MiB takes
 * the kernel so long that all who ask meanwhile would wait (base/pages.h). So somebody
 * else, who has time, looks every now and then how far the owner has come, and touches
 * what comes next. A *front* is a piece of memory that is used from one end on: a log until
 * it has been full once, and what an index is about to be stretched into. Ahead of
 * it is touched half of a huge page, and as much as was used since the look before; what is
 * used up faster, or between two looks, its owner touches himself, as if nobody looked.
 * Knows:   distances in octets.  Never: addresses, what is kept there.
 * At the bound: HF_PREFAULT_AHEAD octets ahead.
 * Threads: pure. */
#ifndef HF_CACHE_PREFAULT_H
#define HF_CACHE_PREFAULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/pages.h"

#define HF_PREFAULT_MARGIN (HF_PAGES_HUGE / 2)
#define HF_PREFAULT_AHEAD (4 * HF_PAGES_HUGE)

struct hf_front {        /* octets from the end where it begins; all 0: nothing was used yet */
	uint64_t seen;   /* in use at the last look */
	uint64_t ready;  /* touched by its owner, or for him; whole huge pages */
	uint64_t wanted; /* to be touched */
};

/* A look: so much is in use. Returns how far ahead that lets us look. */
uint64_t hf_front_look(struct hf_front *front, uint64_t used);

/* It is about to be used, from its beginning. */
void hf_front_begins(struct hf_front *front);

/* Where the next huge page begins that is to be touched, of `size` octets. */
bool hf_front_next(struct hf_front *front, uint64_t size, uint64_t *ret_from);

#endif
