/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/zones_link.h"

#include "base/error.h"

void hf_zones_link_init(struct hf_zones_link *link, void (*post)(void *ctx), void *ctx)
{
	*link = (struct hf_zones_link){.post = post, .ctx = ctx};
	pthread_mutex_init(&link->lock, NULL);
}

/* In the authority's thread, and in main before it begins. */
static void serve(void *ctx, struct hf_zones *zones)
{
	struct hf_zones_link *link = ctx;
	pthread_mutex_lock(&link->lock);
	struct hf_zones *before = link->zones;
	link->zones = hf_zones_ref(zones);
	atomic_fetch_add_explicit(&link->number, 1, memory_order_release);
	pthread_mutex_unlock(&link->lock);
	hf_zones_unref(before);
	link->post(link->ctx);
}

static void release_plan(void *owner)
{
	hf_plan_unref(owner);
}

int hf_zones_link_adopt(struct hf_zones_link *link, const struct hf_zones_conf *zones,
	const struct hf_siblings_conf *siblings, const struct hf_local_conf *local,
	struct hf_plan *plan, FILE *complaints)
{
	struct hf_authority *authority = atomic_load(&link->authority);
	if (!authority && (!zones || !zones->zone_count) && !hf_local_given(local))
		return 0;
	const struct hf_authority_conf conf = {.zones = zones,
		.siblings = siblings,
		.tombstones = plan->tombstones,
		.local = local,
		.rules = plan->zones,
		.owner = hf_plan_ref(plan),
		.release = release_plan};
	int rc = authority ? hf_authority_adopt(authority, &conf, complaints)
			   : hf_authority_start(&conf, complaints, serve, link, &authority);
	if (rc) {
		fprintf(complaints, "zones stay as they are: %s\n", hf_strerror(rc));
		hf_plan_unref(plan);
		return rc;
	}
	atomic_store(&link->authority, authority);
	return 0;
}

struct hf_zones *hf_zones_link_take(struct hf_zones_link *link, uint64_t *number)
{
	struct hf_zones *zones = NULL;
	if (atomic_load_explicit(&link->number, memory_order_acquire) == *number)
		return NULL;
	pthread_mutex_lock(&link->lock);
	*number = atomic_load_explicit(&link->number, memory_order_relaxed);
	if (link->zones)
		zones = hf_zones_ref(link->zones);
	pthread_mutex_unlock(&link->lock);
	return zones;
}

void hf_zones_link_stop(struct hf_zones_link *link)
{
	struct hf_authority *authority = atomic_load(&link->authority);
	if (authority)
		hf_authority_stop(authority);
}

void hf_zones_link_clear(struct hf_zones_link *link)
{
	hf_authority_free(atomic_exchange(&link->authority, NULL));
	hf_zones_unref(link->zones);
	pthread_mutex_destroy(&link->lock);
}
