/* SPDX-License-Identifier: GPL-3.0-or-later */
/* order.h - the order in which zones are walked, and what two sets have in common.
 *
 * Story: whoever walks two versions side by side (zone/difference.h, zone/update.h) has to
 * know which of two sets comes first, and, of two sets of one name and type, which records
 * one has and the other has not. Names stand in canonical order (RFC 4034 6.1), sets of a
 * name by type, SOA first, signatures by what they cover, the records of a set in canonical
 * order as well (6.3), so that a set of any size is gone through once.
 * Threads: pure. */
#ifndef HF_ZONE_ORDER_H
#define HF_ZONE_ORDER_H

#include "zone/snapshot.h"

/* Below, at or over 0. Names in lowered wire form. */
int hf_order_names(const uint8_t *a, const uint8_t *b);
int hf_order_sets(const struct hf_zone_set *a, const struct hf_zone_set *b);

/* The same records, octet for octet, with the same TTL. */
bool hf_same_records(const struct hf_zone_set *a, const struct hf_zone_set *b);

/* The records of `set` that `other` (NULL: no such set) has not, one after the other: begins
 * with {.set = set, .other = other}. `exact`: names in data that differ in the case of their
 * letters make another record. */
struct hf_missing {
	const struct hf_zone_set *set, *other;
	bool exact;
	size_t at, other_at; /* its own: octets */
};
bool hf_missing_next(struct hf_missing *missing, const uint8_t **ret_rdata, uint16_t *ret_len);

#endif
