/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/zones.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "wire/dns.h"
#include "zone/journal.h"
#include "zone/local.h"

struct hf_zones {
	atomic_uint refs;
	struct hf_zones_entry *entries;
	size_t count;
	uint32_t *slots; /* entries + 1, open addressing, at most half full */
	uint64_t mask;
	struct hf_hash_key key; /* of all origins, so that no catalog can name some that collide */
	unsigned labels_max; /* of the deepest origin */
	struct hf_local *layers[HF_ZONES_LAYERS];
	struct hf_zones_entry layer_entries[HF_ZONES_LAYERS];
};


static uint32_t *probe(const struct hf_zones *zones, const uint8_t *name, size_t len)
{
	for (uint64_t at = hf_hash(&zones->key, 0, name, len);; at++) {
		uint32_t *slot = &zones->slots[at & zones->mask];
		if (!*slot)
			return slot;
		const struct hf_name *origin = &zones->entries[*slot - 1].origin;
		if (origin->len == len && memcmp(origin->bytes, name, len) == 0)
			return slot;
	}
}

static void put(struct hf_zones *zones, size_t i, const struct hf_zones_entry *entry)
{
	unsigned labels = hf_name_labels(entry->origin.bytes);
	zones->entries[i] = *entry;
	if (entry->zone)
		hf_zone_ref(entry->zone);
	if (entry->journal)
		hf_journal_ref(entry->journal);
	if (labels > zones->labels_max)
		zones->labels_max = labels;
	*probe(zones, entry->origin.bytes, entry->origin.len) = (uint32_t)i + 1;
	zones->count++;
}

static struct hf_hash_key key_of(const struct hf_zones_entry *entries, size_t count)
{
	const struct hf_hash_key first = {0}, second = {1, 1};
	uint64_t sum = count;
	for (size_t i = 0; i < count; i++)
		sum = hf_hash(&first, sum, entries[i].origin.bytes, entries[i].origin.len);
	return (struct hf_hash_key){sum, hf_hash(&second, sum, NULL, 0)};
}

static void put_layer(struct hf_zones *zones, size_t i, struct hf_local *local)
{
	zones->layers[i] = hf_local_ref(local);
	zones->layer_entries[i] = (struct hf_zones_entry){.origin = {.len = 1},
		.zone = hf_local_zone(local),
		.local = local,
		.standing = HF_ZONE_SERVED,
		.ede = HF_EDE_NONE};
}

int hf_zones_new(const struct hf_zones_entry *entries, size_t count, struct hf_zones **ret)
{
	static struct hf_local *const none[HF_ZONES_LAYERS];
	return hf_zones_new_layered(entries, count, none, ret);
}

int hf_zones_new_layered(const struct hf_zones_entry *entries, size_t count,
	struct hf_local *const layers[HF_ZONES_LAYERS], struct hf_zones **ret)
{
	struct hf_zones *zones = calloc(1, sizeof *zones);
	size_t slots = 2;
	while (slots < 2 * count)
		slots *= 2;
	if (!zones)
		return -ENOMEM;
	atomic_init(&zones->refs, 1);
	zones->entries = calloc(count + 1, sizeof *zones->entries);
	zones->slots = calloc(slots, sizeof *zones->slots);
	zones->mask = slots - 1;
	zones->key = key_of(entries, count);
	if (!zones->entries || !zones->slots) {
		hf_zones_unref(zones);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		put(zones, i, &entries[i]);
	for (size_t i = 0; i < HF_ZONES_LAYERS; i++)
		if (layers[i])
			put_layer(zones, i, layers[i]);
	*ret = zones;
	return 0;
}

struct hf_zones *hf_zones_ref(struct hf_zones *zones)
{
	atomic_fetch_add_explicit(&zones->refs, 1, memory_order_relaxed);
	return zones;
}

void hf_zones_unref(struct hf_zones *zones)
{
	if (!zones || atomic_fetch_sub_explicit(&zones->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < zones->count; i++) {
		hf_zone_unref(zones->entries[i].zone);
		hf_journal_unref(zones->entries[i].journal);
	}
	for (size_t i = 0; i < HF_ZONES_LAYERS; i++)
		hf_local_unref(zones->layers[i]);
	free(zones->entries);
	free(zones->slots);
	free(zones);
}

static const struct hf_zones_entry *find_zone(
	const struct hf_zones *zones, const struct hf_name *name, uint16_t type)
{
	const struct hf_zones_entry *child = NULL;
	const uint8_t *at = name->bytes;
	if (!zones->count)
		return NULL;
	for (unsigned labels = hf_name_labels(at); labels > zones->labels_max; labels--)
		at = hf_name_parent(at);
	for (;; at = hf_name_parent(at)) {
		uint32_t slot = *probe(zones, at, name->len - (size_t)(at - name->bytes));
		const struct hf_zones_entry *entry = slot ? &zones->entries[slot - 1] : NULL;
		if (entry && (type != HF_TYPE_DS || at != name->bytes))
			return entry;
		child = entry ? entry : child;
		if (!*at)
			return child;
	}
}

static const struct hf_zones_entry *find_layer(
	const struct hf_zones *zones, const struct hf_name *name)
{
	for (size_t i = 0; i < HF_ZONES_LAYERS; i++)
		if (zones->layers[i] && hf_zone_holds(zones->layer_entries[i].zone, name))
			return &zones->layer_entries[i];
	return NULL;
}

const struct hf_zones_entry *hf_zones_find(
	const struct hf_zones *zones, const struct hf_name *name, uint16_t type)
{
	const struct hf_zones_entry *entry = find_zone(zones, name, type);
	return entry ? entry : find_layer(zones, name);
}

const struct hf_name *hf_zones_rule_name(
	const struct hf_zones *zones, const struct hf_zones_entry *entry)
{
	return &(entry->role == HF_ZONES_MEMBER ? &zones->entries[entry->catalog] : entry)->origin;
}

bool hf_zones_is_local(const struct hf_zones *zones, const struct hf_name *name)
{
	const struct hf_zones_entry *entry = zones ? hf_zones_find(zones, name, 0) : NULL;
	return entry && entry->local;
}

void hf_zones_local_where(
	const struct hf_zones *zones, const struct hf_name *name, char *ret, size_t size)
{
	static const char *const words[] = {
		[HF_LOCAL_DATA] = "local data", [HF_LOCAL_HOSTS] = "hosts"};
	const struct hf_zones_entry *entry = hf_zones_find(zones, name, 0);
	char where[HF_LOCAL_WHERE_MAX];
	*ret = 0;
	if (entry && entry->local && hf_local_where(entry->local, name, where))
		snprintf(ret, size, "%s: %s", words[entry - zones->layer_entries], where);
}

bool hf_zones_same_names(const struct hf_zones *a, const struct hf_zones *b)
{
	if (!a || a->count != b->count || memcmp(a->layers, b->layers, sizeof a->layers) != 0)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct hf_name *x = &a->entries[i].origin, *y = &b->entries[i].origin;
		if (x->len != y->len || memcmp(x->bytes, y->bytes, x->len) != 0)
			return false;
	}
	return true;
}

const struct hf_local *hf_zones_layer(const struct hf_zones *zones, size_t i)
{
	return zones->layers[i];
}
