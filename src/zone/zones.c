/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/zones.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "wire/dns.h"
#include "zone/journal.h"

struct hf_zones {
	atomic_uint refs;
	struct hf_zones_entry *entries;
	size_t count;
	uint32_t *slots; /* entries + 1, open addressing, at most half full */
	uint64_t mask;
	unsigned labels_max; /* of the deepest origin */
};

/* Origins come from the configuration: no client and no primary chooses them. */
static const struct hf_hash_key key = {0};

static uint32_t *probe(const struct hf_zones *zones, const uint8_t *name, size_t len)
{
	for (uint64_t at = hf_hash(&key, 0, name, len);; at++) {
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

int hf_zones_new(const struct hf_zones_entry *entries, size_t count, struct hf_zones **ret)
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
	if (!zones->entries || !zones->slots) {
		hf_zones_unref(zones);
		return -ENOMEM;
	}
	for (size_t i = 0; i < count; i++)
		put(zones, i, &entries[i]);
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
	free(zones->entries);
	free(zones->slots);
	free(zones);
}

const struct hf_zones_entry *hf_zones_find(
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

size_t hf_zones_count(const struct hf_zones *zones)
{
	return zones->count;
}

const struct hf_zones_entry *hf_zones_at(const struct hf_zones *zones, size_t i)
{
	return &zones->entries[i];
}
