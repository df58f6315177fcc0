/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/snapshot.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/pages.h"
#include "wire/dns.h"
#include "zone/inside.h"

/* ---- what it is ---- */

struct hf_zone *hf_zone_ref(struct hf_zone *zone)
{
	atomic_fetch_add_explicit(&zone->refs, 1, memory_order_relaxed);
	return zone;
}

void hf_zone_unref(struct hf_zone *zone)
{
	if (!zone || atomic_fetch_sub_explicit(&zone->refs, 1, memory_order_acq_rel) != 1)
		return;
	hf_pages_free(zone->nodes, zone->node_count * sizeof *zone->nodes);
	hf_pages_free(zone->octets, zone->octets_len);
	hf_pages_free(zone->buckets, zone->bucket_count * sizeof *zone->buckets);
	free(zone->nsec);
	free(zone->lines);
	free(zone);
}

const struct hf_name *hf_zone_origin(const struct hf_zone *zone)
{
	return &zone->origin;
}

const struct hf_zone_soa *hf_zone_soa(const struct hf_zone *zone)
{
	return &zone->soa;
}

size_t hf_zone_records(const struct hf_zone *zone)
{
	return zone->records;
}

size_t hf_zone_octets(const struct hf_zone *zone)
{
	return zone->memory;
}

bool hf_zone_signed(const struct hf_zone *zone)
{
	return zone->is_signed;
}

/* ---- names ---- */

/* Is this the node's name? The origin is left off of both. */
static bool is_node(const struct hf_zone *zone, uint32_t node, const uint8_t *name, size_t len)
{
	size_t at = 0;
	for (; node != HF_NODE_APEX; node = zone->nodes[node].parent) {
		const uint8_t *label = hf_node_label(zone, node);
		size_t size = 1 + (size_t)*label;
		if (len - at < size || memcmp(name + at, label, size) != 0)
			return false;
		at += size;
	}
	return at == len;
}

uint32_t hf_zone_node(const struct hf_zone *zone, const uint8_t *name, size_t len)
{
	len -= zone->origin.len;
	if (!len)
		return HF_NODE_APEX;
	uint64_t hash = hf_hash(&zone->key, 0, name, len);
	uint64_t at = (uint64_t)(((unsigned __int128)hash * zone->bucket_count) >> 64);
	for (;;) {
		const struct hf_bucket *bucket = &zone->buckets[at];
		for (unsigned i = 0; i < bucket->used; i++)
			if (bucket->tag[i] == (uint8_t)hash &&
				is_node(zone, bucket->node[i], name, len))
				return bucket->node[i];
		if (!bucket->more)
			return HF_NODE_NONE;
		at = at + 1 < zone->bucket_count ? at + 1 : 0;
	}
}

void hf_node_name(const struct hf_zone *zone, uint32_t node, struct hf_name *ret)
{
	size_t at = 0;
	for (; node != HF_NODE_APEX; node = zone->nodes[node].parent) {
		const uint8_t *label = hf_node_label(zone, node);
		memcpy(ret->bytes + at, label, 1 + (size_t)*label);
		at += 1 + (size_t)*label;
	}
	memcpy(ret->bytes + at, zone->origin.bytes, zone->origin.len);
	ret->len = (uint8_t)(at + zone->origin.len);
}

/* ---- order ---- */

/* RFC 4034 6.1: octets first, then length. */
static int compare_labels(const uint8_t *a, const uint8_t *b)
{
	int rc = memcmp(a + 1, b + 1, *a < *b ? *a : *b);
	return rc ? rc : *a - *b;
}

uint32_t hf_zone_before(const struct hf_zone *zone, uint32_t above, const uint8_t *label)
{
	unsigned depth = zone->nodes[above].depth;
	uint32_t low = above, high = zone->node_count; /* `low` stands before, `high` behind */
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2, node = middle;
		while (zone->nodes[node].depth > depth + 1u)
			node = zone->nodes[node].parent;
		bool behind = zone->nodes[node].parent != above ||
			      zone->nodes[node].depth != depth + 1u ||
			      compare_labels(hf_node_label(zone, node), label) > 0;
		if (behind)
			high = middle;
		else
			low = middle;
	}
	return low;
}

uint32_t hf_zone_denier(const struct hf_zone *zone, uint32_t node)
{
	uint32_t low = 0, high = zone->nsec_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (zone->nsec[middle] <= node)
			low = middle + 1;
		else
			high = middle;
	}
	return zone->nsec[(low ? low : zone->nsec_count) - 1];
}

/* ---- sets ---- */

size_t hf_zone_set_read(
	const struct hf_zone *zone, uint32_t node, size_t at, struct hf_zone_set *ret)
{
	const uint8_t *set = hf_node_sets(zone, node) + at;
	struct hf_set_head head = hf_set_head(set);
	*ret = (struct hf_zone_set){.type = head.type,
		.count = head.count,
		.ttl = head.ttl,
		.rdata = set + sizeof head,
		.rdata_octets = head.octets};
	return at + sizeof head + head.octets;
}

bool hf_zone_set_at(
	const struct hf_zone *zone, uint32_t node, uint16_t type, struct hf_zone_set *ret)
{
	size_t at = 0;
	for (unsigned i = 0; i < zone->nodes[node].sets; i++) {
		struct hf_zone_set set;
		at = hf_zone_set_read(zone, node, at, &set);
		if (set.type == type) {
			*ret = set;
			return true;
		}
	}
	return false;
}

bool hf_zone_signatures_at(
	const struct hf_zone *zone, uint32_t node, uint16_t covered, struct hf_zone_set *ret)
{
	size_t at = 0;
	for (unsigned i = 0; i < zone->nodes[node].sets; i++) {
		struct hf_zone_set set;
		at = hf_zone_set_read(zone, node, at, &set);
		if (set.type == HF_TYPE_RRSIG && hf_get_u16(set.rdata + 2) == covered) {
			*ret = set;
			return true;
		}
	}
	return false;
}

bool hf_zone_find(const struct hf_zone *zone, const struct hf_name *owner, uint16_t type,
	struct hf_zone_set *ret)
{
	if (!hf_name_within(owner->bytes, owner->len, zone->origin.bytes, zone->origin.len))
		return false;
	uint32_t node = hf_zone_node(zone, owner->bytes, owner->len);
	if (node == HF_NODE_NONE || !hf_zone_set_at(zone, node, type, ret))
		return false;
	ret->owner = owner->bytes;
	return true;
}

/* `set` has the place of the next set behind its node's first, and how many went before. */
bool hf_zone_next(struct hf_zone_walk *walk, struct hf_zone_set *ret)
{
	const struct hf_zone *zone = walk->zone;
	while (walk->at < zone->node_count &&
		(walk->set & UINT16_MAX) == zone->nodes[walk->at].sets) {
		walk->at++;
		walk->set = 0;
	}
	if (walk->at == zone->node_count)
		return false;
	if (!walk->set)
		hf_node_name(zone, (uint32_t)walk->at, &walk->owner);
	size_t next = hf_zone_set_read(zone, (uint32_t)walk->at, (size_t)(walk->set >> 16), ret);
	walk->set = (uint64_t)next << 16 | ((walk->set & UINT16_MAX) + 1);
	ret->owner = walk->owner.bytes;
	return true;
}
