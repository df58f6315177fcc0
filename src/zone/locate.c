/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/locate.h"

/* The uppermost delegation on the way from the apex: what is below it is hidden. */
static uint32_t cut_above(const struct hf_zone *zone, uint32_t node)
{
	while (zone->nodes[node].flags & HF_NODE_BELOW)
		node = zone->nodes[node].parent;
	return zone->nodes[node].flags & HF_NODE_CUT ? node : HF_NODE_NONE;
}

void hf_zone_locate(const struct hf_zone *zone, const struct hf_name *name, struct hf_place *ret)
{
	const uint8_t *at = name->bytes, *next = NULL;
	const uint8_t *apex = name->bytes + name->len - zone->origin.len;
	unsigned labels = 0;
	for (const uint8_t *label = at; label < apex; label += 1 + (size_t)*label)
		labels++;
	for (; labels > zone->deepest; labels--) {
		next = at;
		at += 1 + (size_t)*at;
	}
	for (;; next = at, at += 1 + (size_t)*at) {
		ret->node = hf_zone_node(zone, at, name->len - (size_t)(at - name->bytes));
		if (ret->node != HF_NODE_NONE && !(zone->nodes[ret->node].flags & HF_NODE_HASH))
			break;
	}
	ret->exact = !next;
	ret->next = next;
	ret->cut = cut_above(zone, ret->node);
}

uint32_t hf_zone_wildcard(const struct hf_zone *zone, uint32_t node)
{
	struct hf_name name;
	if (!(zone->nodes[node].flags & HF_NODE_WILD))
		return HF_NODE_NONE;
	hf_node_name(zone, node, &name);
	if (name.len > HF_NAME_MAX - 2)
		return HF_NODE_NONE;
	memmove(name.bytes + 2, name.bytes, name.len);
	memcpy(name.bytes, "\1*", 2);
	name.len += 2;
	return hf_zone_node(zone, name.bytes, name.len);
}

/* ---- loose zones ---- */

uint32_t hf_zone_source(const struct hf_zone *zone, const struct hf_place *place)
{
	uint32_t node = place->exact ? place->node : hf_zone_wildcard(zone, place->node);
	return node != HF_NODE_NONE && zone->nodes[node].sets ? node : HF_NODE_NONE;
}

static uint32_t source_of(const struct hf_zone *zone, const struct hf_name *name)
{
	struct hf_place place;
	hf_zone_locate(zone, name, &place);
	return hf_zone_source(zone, &place);
}

bool hf_zone_holds(const struct hf_zone *zone, const struct hf_name *name)
{
	return source_of(zone, name) != HF_NODE_NONE;
}

uint32_t hf_zone_line(const struct hf_zone *zone, const struct hf_name *name)
{
	uint32_t node = source_of(zone, name);
	return node != HF_NODE_NONE && zone->lines ? zone->lines[node] : 0;
}
