/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority_inside.h"

#include <stdlib.h>
#include <string.h>

#include "authority/keys.h"
#include "base/error.h"

/* Figures for readers are made anew so often at most. */
#define SHOW_EVERY (500 * HF_MS)

/* ---- those that want to fetch ---- */

static void want_fetch(void *ctx, struct hf_zone_keeper *keeper)
{
	struct hf_authority *a = ctx;
	struct hf_zone_keeper_link *link = hf_zone_keeper_link(keeper);
	if (link->prev)
		return;
	link->next = NULL;
	link->prev = a->line_end;
	*a->line_end = keeper;
	a->line_end = &link->next;
	hf_loop_wake(a->loop); /* it may be between two turns */
}

void hf_authority_leave_line(struct hf_authority *a, struct hf_zone_keeper *keeper)
{
	struct hf_zone_keeper_link *link = hf_zone_keeper_link(keeper);
	if (!link->prev)
		return;
	*link->prev = link->next;
	if (link->next)
		hf_zone_keeper_link(link->next)->prev = link->prev;
	else
		a->line_end = link->prev;
	link->prev = NULL;
}

void hf_authority_begin_fetches(struct hf_authority *a, hf_us longest)
{
	hf_us begun = hf_loop_clock(a->loop), now = begun;
	while (a->line && now - begun <= longest) {
		struct hf_zone_keeper *keeper = a->line;
		hf_authority_leave_line(a, keeper);
		hf_zone_keeper_fetch(keeper, now);
		now = hf_loop_clock(a->loop);
	}
	if (a->line)
		hf_loop_wake(a->loop);
}

/* ---- what keepers say ---- */

static void changed(void *ctx, struct hf_zone_keeper *keeper)
{
	struct hf_authority *a = ctx;
	a->dirty = true;
	a->listed |= hf_zone_keeper_conf(keeper)->catalog;
}

void hf_authority_moved(void *ctx)
{
	struct hf_authority *a = ctx;
	a->moved = true;
	if (!hf_timer_armed(&a->again))
		hf_timer_arm(hf_loop_timers(a->loop), &a->again, hf_loop_now(a->loop) + SHOW_EVERY);
}

void hf_authority_tell(void *ctx, struct hf_event *event)
{
	struct hf_authority *a = ctx;
	hf_event_put(&a->events, event);
}

static const struct hf_zone_keeper_handler keeper_handler = {
	changed, hf_authority_moved, want_fetch, hf_authority_tell};

/* ---- names ---- */

static int compare_names(const struct hf_name *x, const struct hf_name *y)
{
	int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
	return order ? order : (int)x->len - (int)y->len;
}

size_t hf_authority_find(const struct hf_authority *a, const struct hf_name *name)
{
	size_t low = 0, high = a->keeper_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_names(name, &hf_zone_keeper_conf(a->keepers[middle])->name);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SIZE_MAX;
}

/* ---- keepers ---- */

int hf_authority_compare_keepers(const void *a, const void *b)
{
	return compare_names(&hf_zone_keeper_conf(*(struct hf_zone_keeper *const *)a)->name,
		&hf_zone_keeper_conf(*(struct hf_zone_keeper *const *)b)->name);
}

int hf_authority_make_keeper(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_loan *loan, const struct hf_zone_conf *zone, const struct hf_keys *keys,
	size_t siblings, const struct hf_zone_keeper *before, struct hf_zone_keeper **ret)
{
	struct hf_zone_keeper_conf conf = {.loop = a->loop,
		.calls = a->calls,
		.zone = zone,
		.zones = next->zones,
		.keys = keys,
		.siblings = siblings,
		.watch = a->watch,
		.hands = a->hands,
		.loan = loan,
		.copies = a->copies,
		.tombstones = next->tombstones,
		.handler = &keeper_handler,
		.ctx = a};
	if (strcmp(zone->key, "none") != 0) {
		conf.key = hf_keys_find(keys, zone->key);
		conf.obstacle = conf.key ? NULL : "its key cannot be read"; /* never unsigned */
	}
	/* A key that cannot be read: secondaries will not believe what is not signed, and ask at
	 * their own time. */
	if (strcmp(zone->transfer_key, "none") != 0)
		conf.notify_key = hf_keys_find(keys, zone->transfer_key);
	return hf_zone_keeper_new(&conf, before, ret);
}

void hf_authority_free_keepers(
	struct hf_authority *a, struct hf_zone_keeper **keepers, size_t count)
{
	for (size_t i = 0; keepers && i < count; i++) {
		if (keepers[i])
			hf_authority_leave_line(a, keepers[i]);
		hf_zone_keeper_free(keepers[i]);
	}
	free(keepers);
}

int hf_authority_make_keepers(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_loan *loan, const struct hf_keys *keys, size_t siblings,
	struct hf_zone_keeper ***ret)
{
	const struct hf_zones_conf *zones = next->zones;
	struct hf_zone_keeper **keepers = calloc(zones->zone_count + 1, sizeof(void *));
	int rc = keepers ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < zones->zone_count; i++) {
		size_t at = hf_authority_find(a, &zones->zones[i].name);
		rc = hf_authority_make_keeper(a, next, loan, &zones->zones[i], keys, siblings,
			at == SIZE_MAX ? NULL : a->keepers[at], &keepers[i]);
	}
	if (rc) {
		hf_authority_free_keepers(a, keepers, keepers ? zones->zone_count : 0);
		return rc;
	}
	qsort(keepers, zones->zone_count, sizeof(void *), hf_authority_compare_keepers);
	*ret = keepers;
	return 0;
}
