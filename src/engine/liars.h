/* SPDX-License-Identifier: GPL-3.0-or-later */
/* liars.h - which upstreams are in quarantine, for all workers.
 *
 * Story: as with all that is known of upstreams (upstreams.h), a lie that one worker
 * heard counts for all. A slot whose upstream has lied has a quarantine here until its
 * last bar is lowered; as long as there is none, a question costs one load to find out.
 * Ownership: what is in the table is the table's.
 * Private to engine/.  Threads: under the lock of upstreams.h, but for hf_liars_any.
 * At the bound: one for each slot. */
#ifndef HF_ENGINE_LIARS_H
#define HF_ENGINE_LIARS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "meter/meter.h"
#include "truth/quarantine.h"

struct hf_liar {
	uint64_t begun; /* hf_upstreams.begun of its slot: whose it is */
	struct hf_quarantine quarantine;
};

struct hf_liars {
	atomic_uint count;
	struct hf_liar *_Atomic of[HF_SLOTS_MAX]; /* is there one? may be asked without the lock */
};

/* Any thread, without the lock. */
static inline bool hf_liars_any(const struct hf_liars *liars)
{
	return atomic_load_explicit(&liars->count, memory_order_relaxed) != 0;
}

/* The one in a slot, made if it is not there; NULL: no memory. */
struct hf_liar *hf_liars_make(struct hf_liars *liars, unsigned slot, uint64_t begun);

/* The one in a slot if it is whose upstream began then, else NULL. */
struct hf_liar *hf_liars_find(const struct hf_liars *liars, unsigned slot, uint64_t begun);

/* Forgets the one in a slot if it has no bar left. */
void hf_liars_drop(struct hf_liars *liars, unsigned slot);

void hf_liars_clear(struct hf_liars *liars);

#endif
