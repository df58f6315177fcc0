/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority_inside.h"

#include <stdlib.h>

#include "authority/copy.h"

/* A set of a hundred thousand zones takes a while to make: no more than this part of our
 * time goes into it, or one would be made for each zone that becomes current. */
#define HAND_OVER_REST 10

/* What nobody answers from any more is not kept either. */
static void drop_copies(struct hf_authority *a)
{
	for (size_t i = 0; a->copies && i < a->left_count; i++)
		if (hf_authority_find(a, &a->left[i]) == SIZE_MAX) /* it may have come back */
			hf_copy_drop(a->copies, &a->left[i]);
	free(a->left);
	a->left = NULL;
	a->left_count = 0;
}

static struct hf_zones_entry entry_of(const struct hf_authority *a, size_t i)
{
	const struct hf_zone_conf *conf = hf_zone_keeper_conf(a->keepers[i]);
	struct hf_zones_entry entry = *hf_zone_keeper_entry(a->keepers[i]);
	if (conf->catalog)
		entry.role = HF_ZONES_CATALOG;
	if (conf->from) {
		entry.role = HF_ZONES_MEMBER;
		entry.catalog = (uint32_t)hf_authority_find(a, &conf->from->name);
		entry.group = conf->group ? conf->group->key : 0;
	}
	return entry;
}

void hf_authority_hand_over(struct hf_authority *a, hf_us now)
{
	hf_us begun = hf_loop_clock(a->loop);
	struct hf_zones_entry *entries = calloc(a->keeper_count + 1, sizeof *entries);
	struct hf_zones *zones = NULL;
	struct hf_local *layers[HF_ZONES_LAYERS];
	for (size_t i = 0; entries && i < a->keeper_count; i++)
		entries[i] = entry_of(a, i);
	for (unsigned i = 0; i < HF_ZONES_LAYERS; i++)
		layers[i] = hf_locals_layer(a->locals, (enum hf_local_layer)i);
	if (entries && hf_zones_new_layered(entries, a->keeper_count, layers, &zones) == 0) {
		a->dirty = false;
		a->serve(a->serve_ctx, zones);
		hf_zones_unref(zones);
		drop_copies(a);
	}
	free(entries);
	hf_authority_show(a, now);
	a->handed_over = hf_loop_clock(a->loop);
	a->cost = a->handed_over - begun;
}

void hf_authority_hand_over_in_time(struct hf_authority *a, hf_us now)
{
	hf_us at = a->handed_over + HAND_OVER_REST * a->cost;
	if (!a->dirty)
		return;
	if (now >= at || a->cost < HF_MS)
		hf_authority_hand_over(a, now);
	else if (!hf_timer_armed(&a->again) || a->again.due > at)
		hf_timer_arm(hf_loop_timers(a->loop), &a->again, at);
}

void hf_authority_again(struct hf_timer *timer, hf_us now)
{
	struct hf_authority *a =
		(struct hf_authority *)((char *)timer - offsetof(struct hf_authority, again));
	if (a->moved && !a->dirty)
		hf_authority_show(a, now);
}
