/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority_inside.h"

#include <stdlib.h>
#include <string.h>

#include "authority/call.h"
#include "authority/siblings.h"
#include "authority/update.h"
#include "loop/loop_epoll.h"

/* ---- figures ---- */

static bool is_trouble(const struct hf_shown *shown)
{
	enum hf_zone_standing standing = shown->figures.standing;
	return shown->figures.odd ||
	       (shown->required && standing != HF_ZONE_SERVED && standing != HF_ZONE_MARKED);
}

/* Those of all zones, in one piece. NULL: there is no memory. */
static struct hf_update_figures *list_updates(
	const struct hf_authority *a, struct hf_shown *shown, size_t count)
{
	struct hf_update_figures *updates = calloc(count + HF_ZONE_UPDATES_MAX, sizeof *updates);
	size_t at = 0;
	for (size_t i = 0; updates && i < a->keeper_count; i++) {
		shown[i].updates = &updates[at];
		if (shown[i].figures.updates && at <= count)
			at += hf_zone_keeper_updates(a->keepers[i], &updates[at]);
	}
	return updates;
}

void hf_authority_show(struct hf_authority *a, hf_us now)
{
	size_t trouble = 0, providers = 0;
	struct hf_shown *shown = calloc(a->keeper_count + 1, sizeof *shown);
	if (!shown)
		return; /* readers see what was */
	for (size_t i = 0; i < a->keeper_count; i++) {
		const struct hf_zone_conf *conf = hf_zone_keeper_conf(a->keepers[i]);
		shown[i].name = conf->name;
		hf_zone_keeper_figures(a->keepers[i], now, &shown[i].figures);
		/* A member that has just been listed is none that clients were sent here for:
		 * each zone that comes would else withdraw all nodes at once. */
		shown[i].required = conf->required && (!conf->from || shown[i].figures.has_copy);
		if (conf->from)
			shown[i].catalog = conf->from->name;
		snprintf(shown[i].group, sizeof shown[i].group, "%s",
			conf->group ? conf->group->group : "");
		trouble += is_trouble(&shown[i]);
		providers += shown[i].figures.updates;
	}
	struct hf_update_figures *updates = list_updates(a, shown, providers);
	if (!updates) {
		free(shown);
		return;
	}
	atomic_store_explicit(&a->trouble, trouble, memory_order_release);
	pthread_mutex_lock(&a->lock);
	struct hf_shown *before = a->shown;
	struct hf_update_figures *updates_before = a->shown_updates;
	a->shown = shown;
	a->shown_updates = updates;
	a->shown_count = a->keeper_count;
	for (unsigned i = 0; i < HF_LOCAL_LAYERS; i++)
		hf_locals_figures(a->locals, (enum hf_local_layer)i, &a->shown_locals[i]);
	pthread_mutex_unlock(&a->lock);
	free(before);
	free(updates_before);
	a->moved = false;
}

void hf_authority_show_space(struct hf_authority *a)
{
	struct hf_spaces_figures figures = hf_spaces_figures(hf_calls_spaces(a->calls));
	atomic_store_explicit(&a->space_used, figures.used, memory_order_relaxed);
	atomic_store_explicit(&a->space_waiting, figures.waiting, memory_order_relaxed);
}

/* ---- readers ---- */

static void describe(const struct hf_shown *shown, hf_us now, struct hf_authority_zone *ret)
{
	const struct hf_zone_keeper_figures *f = &shown->figures;
	*ret = (struct hf_authority_zone){
		.name = shown->name,
		.catalog = shown->catalog,
		.required = shown->required,
		.state = f->state,
		.standing = f->standing,
		.has_copy = f->has_copy,
		.odd = f->odd,
		.published_known = f->published_known,
		.serial = f->serial,
		.published = f->published,
		.records = f->records,
		.octets = f->octets,
		.proven_ago = f->proven == HF_GATE_NEVER ? -1 : now - f->proven,
		.loaded_ago = f->loaded == HF_GATE_NEVER ? -1 : now - f->loaded,
		.loads = f->loads,
		.refused = f->refused,
		.transfers = f->transfers,
		.transfers_failed = f->transfers_failed,
		.notifies = f->notifies,
		.put_off = f->put_off,
		.notifies_sent = f->notifies_sent,
		.untold = f->untold,
		.http_status = f->sight.status,
		.asked_ago = f->sight.at ? now - f->sight.at : -1,
	};
	_Static_assert(sizeof ret->http_tag == sizeof f->sight.tag, "one is copied to the other");
	memcpy(ret->group, shown->group, sizeof ret->group);
	memcpy(ret->http_tag, f->sight.tag, sizeof ret->http_tag);
	memcpy(ret->why, f->why, sizeof ret->why);
	memcpy(ret->fault, f->fault, sizeof ret->fault);
}

void hf_authority_each(struct hf_authority *a,
	void (*each)(void *ctx, const struct hf_authority_zone *zone), void *ctx)
{
	struct hf_authority_zone zone;
	hf_us now = hf_clock_now();
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->shown_count; i++) {
		describe(&a->shown[i], now, &zone);
		each(ctx, &zone);
	}
	pthread_mutex_unlock(&a->lock);
}

void hf_authority_each_update(struct hf_authority *a,
	void (*each)(
		void *ctx, const struct hf_name *zone, const struct hf_update_figures *provider),
	void *ctx)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->shown_count; i++)
		for (size_t u = 0; u < a->shown[i].figures.updates; u++)
			each(ctx, &a->shown[i].name, &a->shown[i].updates[u]);
	pthread_mutex_unlock(&a->lock);
}

size_t hf_authority_trouble(const struct hf_authority *a)
{
	return atomic_load_explicit(&a->trouble, memory_order_acquire);
}

struct hf_authority_space hf_authority_space(const struct hf_authority *a)
{
	return (struct hf_authority_space){
		.used = atomic_load_explicit(&a->space_used, memory_order_relaxed),
		.waiting = atomic_load_explicit(&a->space_waiting, memory_order_relaxed)};
}

size_t hf_authority_siblings(struct hf_authority *a, struct hf_sibling_figures *ret, size_t most)
{
	pthread_mutex_lock(&a->lock);
	size_t count = a->siblings ? hf_siblings_figures(a->siblings, ret, most) : 0;
	pthread_mutex_unlock(&a->lock);
	return count;
}

bool hf_authority_local(struct hf_authority *a, unsigned layer, struct hf_authority_local *ret)
{
	hf_us now = hf_clock_now();
	pthread_mutex_lock(&a->lock);
	const struct hf_local_figures figures = a->shown_locals[layer];
	pthread_mutex_unlock(&a->lock);
	*ret = (struct hf_authority_local){.records = figures.records,
		.octets = figures.octets,
		.loaded_ago = figures.loaded == HF_NEVER ? -1 : now - figures.loaded,
		.refused = figures.refused};
	memcpy(ret->fault, figures.fault, sizeof ret->fault);
	return figures.given;
}

struct hf_event_ring *hf_authority_events(struct hf_authority *a)
{
	return &a->events;
}
