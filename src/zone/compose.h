/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compose.h - a kept answer as it is written, record by record; for answer_*.c.
 *
 * Story: sections are written in their order. Names are compressed: owners, and the names in
 * the data of the types of RFC 1035 (RFC 3597 4), against those of the question and of what
 * was written before, octet for octet, so that nobody's case is changed.
 * At the bound: a record that does not fit is left off whole, with all that would come
 * behind it, and the answer is cut (TC) unless that was in the additional section. Names are
 * compressed against the first HF_SUFFIXES_MAX suffixes. */
#ifndef HF_ZONE_COMPOSE_H
#define HF_ZONE_COMPOSE_H

#include "base/buffer.h"
#include "wire/build.h"
#include "zone/snapshot.h"

#define HF_SUFFIXES_MAX 64

struct hf_suffix {
	uint16_t at; /* where it begins in the message */
	uint8_t len; /* octets, uncompressed */
};

enum hf_section { HF_ANSWER, HF_AUTHORITY, HF_ADDITIONAL };

struct hf_compose {
	struct hf_kept *kept;
	struct hf_writer w;
	enum hf_section section;
	uint16_t counts[3];
	bool cut;  /* something has been left off that may not be */
	bool full; /* something has been left off */
	unsigned suffix_count;
	struct hf_suffix suffixes[HF_SUFFIXES_MAX];
};

void hf_compose_begin(
	struct hf_compose *c, struct hf_kept *kept, const struct hf_question *question);

/* The next sections' turn. */
void hf_compose_section(struct hf_compose *c, enum hf_section section);

/* The records of a set, under this owner (wire form, lowered). */
void hf_compose_set(struct hf_compose *c, const uint8_t *owner, const struct hf_zone_set *set);

/* One record. */
void hf_compose_record(struct hf_compose *c, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdata_len);

void hf_compose_end(struct hf_compose *c, unsigned rcode, bool authoritative);

#endif
