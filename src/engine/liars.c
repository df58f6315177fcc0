/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/liars.h"

#include <stdlib.h>

static void forget(struct hf_liars *liars, unsigned slot)
{
	free(liars->of[slot]);
	liars->of[slot] = NULL;
	atomic_fetch_sub_explicit(&liars->count, 1, memory_order_relaxed);
}

struct hf_liar *hf_liars_find(const struct hf_liars *liars, unsigned slot, uint64_t begun)
{
	struct hf_liar *liar = liars->of[slot];
	return liar && liar->begun == begun ? liar : NULL;
}

struct hf_liar *hf_liars_make(struct hf_liars *liars, unsigned slot, uint64_t begun)
{
	struct hf_liar *liar = hf_liars_find(liars, slot, begun);
	if (liar)
		return liar;
	if (liars->of[slot])
		forget(liars, slot); /* it was whoever had the slot before */
	liar = calloc(1, sizeof *liar);
	if (!liar)
		return NULL;
	liar->begun = begun;
	liars->of[slot] = liar;
	atomic_fetch_add_explicit(&liars->count, 1, memory_order_relaxed);
	return liar;
}

void hf_liars_drop(struct hf_liars *liars, unsigned slot)
{
	if (liars->of[slot] && !hf_quarantine_any(&liars->of[slot]->quarantine))
		forget(liars, slot);
}

void hf_liars_clear(struct hf_liars *liars)
{
	for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++)
		if (liars->of[slot])
			forget(liars, slot);
}
