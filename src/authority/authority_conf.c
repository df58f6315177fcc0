/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority_inside.h"

#include <stdlib.h>
#include <string.h>

#include "authority/call.h"
#include "authority/copy.h"
#include "authority/hands.h"
#include "authority/keys.h"
#include "authority/siblings.h"
#include "base/error.h"

/* ---- keys ---- */

static void key_fault(void *ctx, const struct hf_key_conf *conf, const char *why)
{
	struct hf_authority *a = ctx;
	struct hf_event event = {.kind = HF_EVENT_ZONE_FETCH_FAILED, .at = hf_loop_now(a->loop)};
	char text[HF_EVENT_WHY];
	snprintf(text, sizeof text, "key %s: %.100s", conf->name, why);
	hf_event_why(&event, text);
	hf_event_put(&a->events, &event);
}

/* ---- siblings ---- */

static bool sight_zone(void *ctx, size_t i, struct hf_sibling_zone *ret)
{
	const struct hf_authority *a = ctx;
	if (i < a->keeper_count)
		hf_zone_keeper_sight(a->keepers[i], ret);
	return i < a->keeper_count;
}

static void sibling_said(void *ctx, const struct hf_name *zone, size_t sibling, bool reached,
	uint32_t serial, hf_us now)
{
	struct hf_authority *a = ctx;
	size_t at = hf_authority_find(a, zone);
	if (at != SIZE_MAX)
		hf_zone_keeper_sibling(a->keepers[at], sibling, reached, serial, now);
}

static void siblings_found(
	void *ctx, const struct hf_name *zone, const struct hf_twins *twins, hf_us now)
{
	struct hf_authority *a = ctx;
	size_t at = hf_authority_find(a, zone);
	bool may_panic = a->conf.siblings->panic == HF_PANIC_SERVE_NEWEST;
	if (at != SIZE_MAX)
		hf_zone_keeper_twins(a->keepers[at], may_panic && twins->panic, twins->odd, now);
}

static void sibling_event(void *ctx, const struct hf_event *event)
{
	struct hf_authority *a = ctx;
	hf_event_put(&a->events, event);
}

static size_t sibling_count(const struct hf_siblings_conf *conf)
{
	size_t count = conf ? conf->servers.count : 0;
	return count < HF_TWINS_MAX ? count : HF_TWINS_MAX;
}

/* Anew with each configuration: who is behind is found out again within two rounds. Without
 * the key nobody is asked, for nobody would be believed. */
static int make_siblings(struct hf_authority *a, const struct hf_siblings_conf *conf,
	const struct hf_keys *keys, struct hf_siblings **ret)
{
	*ret = NULL;
	if (!conf || (!conf->servers.count && !hf_address_set(&conf->vip)))
		return 0;
	struct hf_siblings_setup setup = {.loop = a->loop,
		.conf = conf,
		.door = {sight_zone, sibling_said, siblings_found, sibling_event, a}};
	if (strcmp(conf->key, "none") != 0) {
		setup.key = hf_keys_find(keys, conf->key);
		if (!setup.key)
			return 0; /* the fault of the key has been told */
	}
	return hf_siblings_new(&setup, ret);
}

static struct hf_siblings *swap_siblings(struct hf_authority *a, struct hf_siblings *next)
{
	pthread_mutex_lock(&a->lock);
	struct hf_siblings *before = a->siblings;
	a->siblings = next;
	pthread_mutex_unlock(&a->lock);
	return before;
}

/* ---- copies and local data ---- */

static bool has_state(const struct hf_zones_conf *zones)
{
	return zones->state && strcmp(zones->state, "none") != 0;
}

/* A directory that cannot be had is no reason not to serve. */
static void open_copies(struct hf_authority *a, const struct hf_zones_conf *next)
{
	const struct hf_zones_conf *now = a->conf.zones;
	if (a->copies && now && has_state(next) && strcmp(now->state, next->state) == 0)
		return;
	hf_copies_close(a->copies);
	a->copies = NULL;
	int rc = has_state(next) ? hf_copies_open(next->state, &a->copies) : 0;
	if (!rc)
		return;
	struct hf_event event = {.kind = HF_EVENT_ZONE_COPY, .at = hf_loop_now(a->loop)};
	char text[HF_EVENT_WHY];
	snprintf(text, sizeof text, "%.60s: %s", next->state,
		rc == -EWOULDBLOCK ? "another process has it" : hf_strerror(rc));
	hf_event_why(&event, text);
	hf_event_put(&a->events, &event);
}

static void local_changed(void *ctx, bool another)
{
	struct hf_authority *a = ctx;
	a->dirty |= another;
	hf_authority_moved(a);
}

static int make_locals(
	struct hf_authority *a, const struct hf_authority_conf *next, struct hf_locals **ret)
{
	static const struct hf_local_conf nothing = {.file = "none"};
	const struct hf_locals_conf conf = {.loop = a->loop,
		.watch = a->watch,
		.local = next->local ? next->local : &nothing,
		.rules = {next->tombstones, next->rules},
		.changed = local_changed,
		.tell = hf_authority_tell,
		.ctx = a};
	return hf_locals_new(&conf, a->locals, ret);
}

/* ---- all of it ---- */

int hf_authority_take_conf(struct hf_authority *a, const struct hf_authority_conf *conf)
{
	struct hf_keys *keys = NULL;
	struct hf_loan *loan = NULL;
	struct hf_zone_keeper **keepers;
	int rc = hf_keys_load(conf->zones->keys, conf->zones->key_count, key_fault, a, &keys);
	if (rc)
		return rc;
	rc = hf_loan_new(conf->owner, conf->release, &loan);
	if (rc) {
		hf_keys_free(keys);
		return rc;
	}
	open_copies(a, conf->zones);
	struct hf_siblings *siblings = NULL;
	rc = make_siblings(a, conf->siblings, keys, &siblings);
	size_t asked = siblings ? sibling_count(conf->siblings) : 0;
	struct hf_locals *locals = NULL;
	rc = rc ? rc : make_locals(a, conf, &locals);
	rc = rc ? rc : hf_authority_make_keepers(a, conf, loan, keys, asked, &keepers);
	struct hf_cast cast = {
		.conf = conf, .loan = loan, .keys = keys, .siblings = asked, .anew = true};
	if (!rc) {
		cast.configured = keepers;
		cast.configured_count = conf->zones->zone_count;
		rc = hf_authority_make_cast(a, &cast);
		if (rc)
			hf_authority_free_keepers(a, keepers, cast.configured_count);
	}
	if (rc) {
		hf_locals_free(locals);
		hf_siblings_free(siblings);
		hf_keys_free(keys);
		hf_loan_forget(loan);
		return rc;
	}
	struct hf_loan *before = a->loan;
	hf_siblings_free(swap_siblings(a, siblings));
	hf_locals_free(a->locals);
	a->locals = locals;
	hf_authority_free_keepers(a, a->keepers, a->keeper_count);
	a->keepers = NULL;
	hf_keys_free(a->keys);
	free(keepers);
	hf_authority_enter(a, &cast);
	a->lists = hf_authority_lists(a);
	a->siblings_asked = asked;
	a->keys = keys;
	a->conf = *conf;
	hf_spaces_bound(hf_calls_spaces(a->calls), conf->zones->transfer_memory);
	a->loan = loan;
	a->dirty = true;
	hf_loan_unref(before); /* a hand may still read what a version was judged by */
	return 0;
}
