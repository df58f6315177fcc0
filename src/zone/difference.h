/* SPDX-License-Identifier: GPL-3.0-or-later */
/* difference.h - what has changed between two versions of a zone.
 *
 * Story: a secondary that has the last version does not need all of the next one (RFC
 * 1995). Two snapshots are compared set by set, and what comes out is a list of records in
 * the order in which it is sent: the old SOA, what is gone, the new SOA, what is there
 * now. A set whose TTL has changed is gone and there again. Applied to the old version it
 * gives the new one.
 * Ownership: counted; keeps neither of the zones.
 * Threads: immutable once made; walk, ref and unref from any.
 * At the bound: octets_max octets of memory, then HF_EBOUND: there is none. */
#ifndef HF_ZONE_DIFFERENCE_H
#define HF_ZONE_DIFFERENCE_H

#include "zone/snapshot.h"

struct hf_difference;

/* From one version of a zone to another. HF_EBOUND, -ENOMEM. */
int hf_difference_new(const struct hf_zone *from, const struct hf_zone *to, size_t octets_max,
	struct hf_difference **ret);

struct hf_difference *hf_difference_ref(struct hf_difference *difference);
void hf_difference_unref(struct hf_difference *difference); /* NULL is fine */

uint32_t hf_difference_from(const struct hf_difference *difference); /* serials */
uint32_t hf_difference_to(const struct hf_difference *difference);
size_t hf_difference_octets(const struct hf_difference *difference);

/* One record, in memory that is not this struct's. */
struct hf_zone_piece {
	const uint8_t *owner; /* lowered wire form */
	uint8_t owner_len;
	uint16_t type;
	uint32_t ttl;
	const uint8_t *rdata; /* uncompressed */
	uint16_t rdata_len;
};

/* The record at *at, which begins with 0 and is moved on. False: that was the last. */
bool hf_difference_next(
	const struct hf_difference *difference, size_t *at, struct hf_zone_piece *ret);

#endif
