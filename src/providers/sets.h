/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sets.h - sets of records as two servers may both have them, to be compared.
 *
 * Story: what one server says of a name and type is to be held against what another says,
 * or against the zone. What counts is the data; the order of records, compression and the
 * case of names (RFC 4343) do not. So a set is brought into one form: names in full and in
 * lower case, records in order, none of them twice.
 * Ownership: a set owns its octets.  Threads: pure.
 * At the bound: as many records as a message or a zone's set holds; -ENOMEM. */
#ifndef HF_PROVIDERS_SETS_H
#define HF_PROVIDERS_SETS_H

#include <stdbool.h>

#include "base/address.h"
#include "wire/message.h"
#include "zone/snapshot.h"

struct hf_set {
	uint16_t type, count;
	uint32_t ttl;   /* the least; 0 with count 0 */
	uint8_t *rdata; /* pieces: two octets of length, then data; in order */
	size_t octets;
};

void hf_set_clear(struct hf_set *set); /* zeroed is fine */

/* Where in a message to look. */
enum hf_set_place { HF_SET_ANSWER, HF_SET_AUTHORITY, HF_SET_ADDITIONAL };

/* The records of this owner (lowered) and type of one section; none is an empty set.
 * `view` is hf_message_read's. -ENOMEM, HF_EMALFORMED. */
int hf_set_of_message(const uint8_t *m, const struct hf_message_view *view, enum hf_set_place place,
	const struct hf_name *owner, uint16_t type, struct hf_set *ret);

/* The same of a zone's. -ENOMEM, HF_EMALFORMED. */
int hf_set_of_zone(const struct hf_zone_set *from, struct hf_set *ret);

/* A copy. -ENOMEM. */
int hf_set_copy(const struct hf_set *from, struct hf_set *ret);

/* Do both have the same data? TTLs aside. */
bool hf_set_same(const struct hf_set *a, const struct hf_set *b);

/* Walks a set: *at begins with 0. False: that was the last. */
bool hf_set_next(
	const struct hf_set *set, size_t *at, const uint8_t **ret_rdata, uint16_t *ret_len);

/* The name at the beginning of each record of a set of NS records. False: it is none. */
bool hf_rdata_name(const uint8_t *rdata, uint16_t len, struct hf_name *ret);

/* The address that a record of type A or AAAA has (port 0). False: it is none. */
bool hf_rdata_address(uint16_t type, const uint8_t *rdata, uint16_t len, struct hf_address *ret);

/* "192.0.2.1, 192.0.2.2", "10 mail.example", "nothing"; cut to fit. Returns buf. */
#define HF_SET_TEXT_MAX 200
const char *hf_set_text(const struct hf_set *set, char buf[static HF_SET_TEXT_MAX]);

#endif
