/* SPDX-License-Identifier: MIT */
/* sample.h - messages for tests, set octet by octet.
 *
 * Story: a test says what a message holds in the order in which it stands on
 * the wire; the counts in the header follow. Owners and data are raw octets, so
 * that compression, lies and nonsense can be written as well.
 * Threads: pure. Used by tests only. */
#ifndef HF_WIRE_SAMPLE_H
#define HF_WIRE_SAMPLE_H

#include "base/buffer.h"
#include "base/check.h"
#include "wire/dns.h"
#include "wire/name.h"

/* Octets of a literal and how many, without the NUL. */
#define HF_RAW(literal) (const uint8_t *)(literal), sizeof(literal) - 1

enum hf_sample_section { HF_SAMPLE_ANSWER = 6, HF_SAMPLE_AUTHORITY = 8, HF_SAMPLE_ADDITIONAL = 10 };

struct hf_sample {
	uint8_t bytes[HF_MESSAGE_MAX];
	struct hf_writer w;
};

/* A header and, unless name is NULL, a question in class IN. */
static inline void hf_sample_begin(
	struct hf_sample *s, uint16_t flags, const uint8_t *name, size_t name_len, uint16_t type)
{
	s->w = hf_writer(s->bytes, sizeof s->bytes);
	hf_write_u16(&s->w, 0x1234);
	hf_write_u16(&s->w, flags);
	hf_write_u16(&s->w, name != NULL);
	hf_write(&s->w, "\0\0\0\0\0\0", 6);
	if (name) {
		hf_write(&s->w, name, name_len);
		hf_write_u16(&s->w, type);
		hf_write_u16(&s->w, HF_CLASS_IN);
	}
}

/* A record in class IN. Returns where it begins. */
static inline size_t hf_sample_record(struct hf_sample *s, enum hf_sample_section section,
	const uint8_t *owner, size_t owner_len, uint16_t type, uint32_t ttl, const uint8_t *rdata,
	size_t rdata_len)
{
	size_t at = s->w.len;
	hf_put_u16(s->bytes + section, (uint16_t)(hf_get_u16(s->bytes + section) + 1));
	hf_write(&s->w, owner, owner_len);
	hf_write_u16(&s->w, type);
	hf_write_u16(&s->w, HF_CLASS_IN);
	hf_write_u32(&s->w, ttl);
	hf_write_u16(&s->w, (uint16_t)rdata_len);
	hf_write(&s->w, rdata, rdata_len);
	hf_require(!s->w.overrun);
	return at;
}

/* An OPT record: size in the class field, version and flags in the TTL field. */
static inline size_t hf_sample_opt(
	struct hf_sample *s, uint16_t size, uint32_t ttl, const uint8_t *options, size_t len)
{
	size_t at = hf_sample_record(
		s, HF_SAMPLE_ADDITIONAL, HF_RAW("\0"), HF_TYPE_OPT, ttl, options, len);
	hf_put_u16(s->bytes + at + 3, size);
	return at;
}

#endif
