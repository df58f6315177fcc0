/* SPDX-License-Identifier: GPL-3.0-or-later */
/* locate.h - where a name lies in a zone: at a node, or below the closest one that exists.
 *
 * Story: the first part of RFC 1034 4.3.2, by hash: the whole name is looked up, then each
 * name above it, the longest first, until one exists (RFC 5155 calls it the closest
 * encloser). Names that are deeper than any in the zone are not looked up, so that a
 * question with 120 labels costs no more than the zone is deep.
 * Threads: pure. */
#ifndef HF_ZONE_LOCATE_H
#define HF_ZONE_LOCATE_H

#include "zone/inside.h"

struct hf_place {
	uint32_t node;       /* the name's, or that of its closest encloser */
	bool exact;          /* it is the name's */
	const uint8_t *next; /* else: where in the name the label below `node` begins */
	uint32_t cut;        /* the delegation at or above the node; HF_NODE_NONE: none */
};

/* The name lies at or below the origin, and is lowered. */
void hf_zone_locate(const struct hf_zone *zone, const struct hf_name *name, struct hf_place *ret);

/* The child "*" of a node, or HF_NODE_NONE. */
uint32_t hf_zone_wildcard(const struct hf_zone *zone, uint32_t node);

/* In a loose zone: the node that answers for the name that was located, its own or a
 * wildcard's, or HF_NODE_NONE. Names that are there only because others lie below them
 * say nothing. */
uint32_t hf_zone_source(const struct hf_zone *zone, const struct hf_place *place);

#endif
