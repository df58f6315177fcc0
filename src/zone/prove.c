/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/prove.h"

#include "zone/digest.h"

static const uint8_t star[] = {1, '*'};

/* The denying record of a node, once. */
static void give(struct hf_prover *p, uint32_t node)
{
	const struct hf_zone *zone = p->zone;
	struct hf_zone_set set;
	struct hf_name owner;
	uint16_t type = zone->hashed ? HF_TYPE_NSEC3 : HF_TYPE_NSEC;
	for (unsigned i = 0; i < p->count; i++)
		if (p->given[i] == node)
			return;
	if (p->count == HF_PROOFS_MAX || !hf_zone_set_at(zone, node, type, &set))
		return;
	p->given[p->count++] = node;
	hf_node_name(zone, node, &owner);
	hf_compose_set(p->compose, owner.bytes, &set);
	if (hf_zone_signatures_at(zone, node, type, &set))
		hf_compose_set(p->compose, owner.bytes, &set);
}

/* ---- NSEC ---- */

static void cover_by_name(struct hf_prover *p, uint32_t above, const uint8_t *label)
{
	give(p, hf_zone_denier(p->zone, hf_zone_before(p->zone, above, label)));
}

/* ---- NSEC3 ---- */

/* The name `label` below a node; label NULL: the node's own. False: it would be too long. */
static bool name_of(
	const struct hf_zone *zone, uint32_t above, const uint8_t *label, struct hf_name *ret)
{
	hf_node_name(zone, above, ret);
	if (!label)
		return true;
	size_t size = 1 + (size_t)*label;
	if (size + ret->len > HF_NAME_MAX)
		return false;
	memmove(ret->bytes + size, ret->bytes, ret->len);
	memcpy(ret->bytes, label, size);
	ret->len = (uint8_t)(ret->len + size);
	return true;
}

/* The last link whose hash is not greater than the name's; the last of all before the
 * first. *ret_equal: it is the name's own. */
static uint32_t link_for(const struct hf_zone *zone, const struct hf_name *name, bool *ret_equal)
{
	uint8_t label[HF_NSEC3_LABEL];
	uint32_t low = 0, high = zone->nsec_count;
	hf_nsec3_label(name, zone->iterations, zone->salt, zone->salt_len, label);
	*ret_equal = false;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		int rc = memcmp(hf_node_label(zone, zone->nsec[middle]), label, sizeof label);
		*ret_equal |= rc == 0;
		if (rc <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return zone->nsec[(low ? low : zone->nsec_count) - 1];
}

/* Gives the link of the node's name. False: there is none (opt-out). */
static bool match(struct hf_prover *p, uint32_t node)
{
	struct hf_name name;
	bool equal;
	hf_node_name(p->zone, node, &name);
	uint32_t link = link_for(p->zone, &name, &equal);
	if (equal)
		give(p, link);
	return equal;
}

static void cover(struct hf_prover *p, uint32_t above, const uint8_t *label)
{
	struct hf_name name;
	bool equal;
	if (name_of(p->zone, above, label, &name))
		give(p, link_for(p->zone, &name, &equal));
}

/* The closest encloser that can be proven, and that the next closer name is covered:
 * RFC 5155 7.2.1. With opt-out a node may have no link; then one above it is as good. That
 * is the closest encloser that a validator sees, and the wildcard must lack there (8.4).
 * Returns it. */
static uint32_t prove_encloser(struct hf_prover *p, struct hf_missing missing)
{
	while (!match(p, missing.above) && missing.above != HF_NODE_APEX) {
		missing.label = hf_node_label(p->zone, missing.above);
		missing.above = p->zone->nodes[missing.above].parent;
	}
	cover(p, missing.above, missing.label);
	return missing.above;
}

/* ---- either ---- */

void hf_prove_no_name(struct hf_prover *p, const struct hf_missing *missing)
{
	if (!p->zone->nsec_count)
		return;
	if (p->zone->hashed) {
		cover(p, prove_encloser(p, *missing), star);
		return;
	}
	cover_by_name(p, missing->above, missing->label);
	cover_by_name(p, missing->above, star);
}

void hf_prove_expansion(struct hf_prover *p, const struct hf_missing *missing)
{
	if (!p->zone->nsec_count)
		return;
	if (p->zone->hashed)
		cover(p, missing->above, missing->label);
	else
		cover_by_name(p, missing->above, missing->label);
}

void hf_prove_no_data(struct hf_prover *p, uint32_t node)
{
	const struct hf_zone *zone = p->zone;
	if (!zone->nsec_count)
		return;
	if (!zone->hashed) {
		give(p, hf_zone_denier(zone, node)); /* an empty non-terminal's lies before it */
		return;
	}
	if (match(p, node) || node == HF_NODE_APEX)
		return;
	const struct hf_missing missing = {zone->nodes[node].parent, hf_node_label(zone, node)};
	prove_encloser(p, missing);
}

void hf_prove_no_wild_data(struct hf_prover *p, const struct hf_missing *missing, uint32_t wildcard)
{
	if (!p->zone->nsec_count)
		return;
	if (p->zone->hashed) {
		prove_encloser(p, *missing);
		match(p, wildcard);
		return;
	}
	hf_prove_no_data(p, wildcard);
	cover_by_name(p, missing->above, missing->label);
}
