/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/inflight.h"

#include "base/check.h"
#include "base/error.h"

int hf_inflight_init(struct hf_inflight *table, size_t flights_max, size_t waiters_max)
{
	size_t buckets = 16;
	while (buckets < flights_max && buckets < 1u << 20)
		buckets *= 2;
	*table = (struct hf_inflight){
		.buckets = calloc(buckets, sizeof(struct hf_flight *)),
		.mask = buckets - 1,
		.flights_max = flights_max,
		.waiters_max = waiters_max,
	};
	return table->buckets ? 0 : -ENOMEM;
}

void hf_inflight_clear(struct hf_inflight *table)
{
	while (table->spare) {
		struct hf_waiter *waiter = table->spare;
		table->spare = waiter->next;
		free(waiter);
	}
	free(table->buckets);
	*table = (struct hf_inflight){ 0 };
}

static struct hf_flight **bucket(const struct hf_inflight *table, uint64_t hash)
{
	return &table->buckets[hash & table->mask];
}

struct hf_flight *hf_inflight_find(
	const struct hf_inflight *table, const struct hf_cache_key *key)
{
	for (struct hf_flight *f = *bucket(table, key->hash); f; f = f->next)
		if (f->hash == key->hash && f->flags == key->flags &&
			f->question.type == key->type && f->question.class == key->class &&
			f->question.name.len == key->name->len &&
			memcmp(f->question.name.bytes, key->name->bytes, key->name->len) == 0)
			return f;
	return NULL;
}

/* What is left to the route, or to its upstream if that is less, is the place that
 * clients share: if there is only one, its bound must not be reached by one client alone. */
static int look_for_room(const struct hf_inflight *table, const struct hf_flight *flight)
{
	size_t used = table->flights, most = table->flights_max;
	size_t left = hf_share_left(&table->by_upstream, flight->upstream, used, most);
	if (!left)
		return HF_EBOUND;
	size_t routes = hf_share_part_left(
		&table->by_route, flight->part, used, flight->inner ? used + left : most);
	if (!routes)
		return HF_ESHARE;
	if (routes < left)
		left = routes;
	return hf_share_has_room(&table->by_client, flight->client, used, used + left) ? 0
										       : HF_EBOUND;
}

int hf_inflight_add(struct hf_inflight *table, struct hf_flight *flight)
{
	struct hf_flight **at = bucket(table, flight->hash);
	int rc = look_for_room(table, flight);
	if (rc)
		return rc;
	hf_share_take(&table->by_client, flight->client);
	hf_share_take(&table->by_upstream, flight->upstream);
	hf_share_take(&table->by_route, flight->part.holder);
	flight->next = *at;
	*at = flight;
	table->flights++;
	return 0;
}

void hf_inflight_remove(struct hf_inflight *table, struct hf_flight *flight)
{
	struct hf_flight **at = bucket(table, flight->hash);
	while (*at && *at != flight)
		at = &(*at)->next;
	if (hf_unexpected(!*at))
		return;
	*at = flight->next;
	table->flights--;
	hf_share_give(&table->by_client, flight->client);
	hf_share_give(&table->by_upstream, flight->upstream);
	hf_share_give(&table->by_route, flight->part.holder);
}

int hf_inflight_join(struct hf_inflight *table, struct hf_flight *flight,
	const struct hf_waiter *who)
{
	struct hf_waiter *waiter = table->spare;
	size_t used = table->waiters;
	size_t left = hf_share_part_left(
		&table->waiting_by_route, flight->part, used, table->waiters_max);
	if (!left)
		return used < table->waiters_max ? HF_ESHARE : HF_EBOUND;
	if (!hf_share_has_room(&table->waiting, who->client, used, used + left))
		return HF_EBOUND;
	if (waiter)
		table->spare = waiter->next;
	else
		waiter = malloc(sizeof *waiter);
	if (!waiter)
		return -ENOMEM;
	*waiter = *who;
	waiter->next = flight->waiters;
	flight->waiters = waiter;
	flight->waiter_count++;
	table->waiters++;
	hf_share_take(&table->waiting, who->client);
	hf_share_take(&table->waiting_by_route, flight->part.holder);
	return 0;
}

bool hf_inflight_leave(struct hf_inflight *table, struct hf_flight *flight, struct hf_waiter *ret)
{
	struct hf_waiter *waiter = flight->waiters;
	if (!waiter)
		return false;
	*ret = *waiter;
	flight->waiters = waiter->next;
	flight->waiter_count--;
	table->waiters--;
	hf_share_give(&table->waiting, ret->client);
	hf_share_give(&table->waiting_by_route, flight->part.holder);
	waiter->next = table->spare;
	table->spare = waiter;
	return true;
}
