/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/records.h"

#include <stdbool.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "wire/dns.h"
#include "wire/name.h"
#include "wire/rdata.h"

#define RRSIG_BEFORE 18 /* octets in front of the signer: RFC 4034 3.1 */

/* ---- is it well-formed? ---- */

/* Behind the names of a type with a row in wire/rdata. */
static bool rest_fits(uint16_t type, size_t left)
{
	switch (type) {
	case HF_TYPE_SOA: return left == 20;
	case HF_TYPE_SIG:
	case HF_TYPE_NXT: return true;
	default: return left == 0;
	}
}

static bool names_fit(
	uint16_t type, const struct hf_rdata_shape *shape, const uint8_t *rdata, size_t len)
{
	size_t at;
	if (hf_rdata_names_at(shape, rdata, 0, len, &at))
		return false;
	for (unsigned i = 0; i < shape->names; i++) {
		size_t name = hf_name_wire_len(rdata + at, len - at);
		if (!name)
			return false;
		at += name;
	}
	return rest_fits(type, len - at);
}

static bool strings_fit(const uint8_t *rdata, size_t len)
{
	size_t at = 0;
	while (at < len)
		at += 1 + (size_t)rdata[at];
	return len && at == len;
}

/* Windows ascend, and none is empty or too long: RFC 4034 4.1.2. */
static bool bitmap_fits(const uint8_t *bitmap, size_t len)
{
	int last = -1;
	for (size_t at = 0; at < len;) {
		if (len - at < 3 || bitmap[at] <= last || !bitmap[at + 1] || bitmap[at + 1] > 32 ||
			len - at - 2 < bitmap[at + 1])
			return false;
		last = bitmap[at];
		at += 2 + (size_t)bitmap[at + 1];
	}
	return true;
}

static bool nsec_fits(const uint8_t *rdata, size_t len)
{
	size_t name = hf_name_wire_len(rdata, len);
	return name && bitmap_fits(rdata + name, len - name);
}

/* RFC 5155 3.2. */
static bool nsec3_fits(const uint8_t *rdata, size_t len)
{
	size_t salt = len >= 5 ? rdata[4] : 0;
	if (len < 6 + salt)
		return false;
	size_t hash = rdata[5 + salt];
	return hash && len >= 6 + salt + hash &&
	       bitmap_fits(rdata + 6 + salt + hash, len - 6 - salt - hash);
}

static bool rrsig_fits(const uint8_t *rdata, size_t len)
{
	size_t name =
		len > RRSIG_BEFORE ? hf_name_wire_len(rdata + RRSIG_BEFORE, len - RRSIG_BEFORE) : 0;
	return name && len > RRSIG_BEFORE + name;
}

static bool fits(uint16_t type, const uint8_t *rdata, size_t len)
{
	const struct hf_rdata_shape *shape = hf_rdata_shape(type);
	if (shape->names)
		return names_fit(type, shape, rdata, len);
	switch (type) {
	case HF_TYPE_A: return len == 4;
	case HF_TYPE_AAAA: return len == 16;
	case HF_TYPE_TXT: return strings_fit(rdata, len);
	case HF_TYPE_DS: return len > 4;
	case HF_TYPE_DNSKEY: return len > 4;
	case HF_TYPE_RRSIG: return rrsig_fits(rdata, len);
	case HF_TYPE_NSEC: return nsec_fits(rdata, len);
	case HF_TYPE_NSEC3: return nsec3_fits(rdata, len);
	case HF_TYPE_NSEC3PARAM: return len >= 5 && len == 5 + (size_t)rdata[4];
	case HF_TYPE_ZONEMD: return len >= 6 + 12; /* RFC 8976 2.2.4 */
	default: return true;
	}
}

/* Types 128 to 255 are for questions, and a few others for messages: RFC 6895 3.1. */
static bool is_data(uint16_t type)
{
	return type && type != HF_TYPE_OPT && (type < 128 || type > 255);
}

const char *hf_rdata_fault(uint16_t type, const uint8_t *rdata, size_t len)
{
	if (!is_data(type))
		return "of a type that no zone has";
	return fits(type, rdata, len) ? NULL : "with malformed data";
}

/* ---- the canonical form ---- */

struct span {
	size_t from, to; /* where names stand: their letters are lowered */
};

static struct span names_of(uint16_t type, const uint8_t *rdata, size_t len)
{
	static const struct hf_rdata_shape rrsig = {.before = RRSIG_BEFORE, .names = 1};
	const struct hf_rdata_shape *shape = type == HF_TYPE_RRSIG ? &rrsig : hf_rdata_shape(type);
	struct span span = {0};
	if (!shape->names || hf_rdata_names_at(shape, rdata, 0, len, &span.from))
		return (struct span){0};
	span.to = span.from;
	for (unsigned i = 0; i < shape->names; i++)
		span.to += hf_name_wire_len(rdata + span.to, len - span.to);
	return span;
}

static uint8_t octet(const uint8_t *rdata, size_t at, struct span names)
{
	uint8_t c = rdata[at];
	return at >= names.from && at < names.to && (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
}

int hf_rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	size_t both = a_len < b_len ? a_len : b_len;
	struct span in_a = names_of(type, a, a_len), in_b = names_of(type, b, b_len);
	if (in_a.to || in_b.to) {
		for (size_t i = 0; i < both; i++) {
			int rc = octet(a, i, in_a) - octet(b, i, in_b);
			if (rc)
				return rc;
		}
	} else {
		int rc = memcmp(a, b, both);
		if (rc)
			return rc;
	}
	return (a_len > b_len) - (a_len < b_len);
}

void hf_rdata_canonical(uint16_t type, const uint8_t *rdata, size_t len, uint8_t *to)
{
	struct span names = names_of(type, rdata, len);
	memmove(to, rdata, len);
	hf_name_lower(to + names.from, names.to - names.from);
}
