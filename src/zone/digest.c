/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/digest.h"

#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/dns.h"
#include "zone/records.h"

/* ---- NSEC3 ---- */

#define SHA1 20

static void base32hex(const uint8_t hash[static SHA1], uint8_t *to)
{
	static const char letters[] = "0123456789abcdefghijklmnopqrstuv";
	for (unsigned i = 0; i < SHA1; i += 5) {
		uint64_t bits = (uint64_t)hash[i] << 32 | hf_get_u32(hash + i + 1);
		for (unsigned shift = 40; shift;)
			*to++ = (uint8_t)letters[bits >> (shift -= 5) & 31];
	}
}

void hf_nsec3_label(const struct hf_name *name, uint16_t iterations, const uint8_t *salt,
	size_t salt_len, uint8_t ret[static HF_NSEC3_LABEL])
{
	uint8_t text[HF_NAME_MAX + UINT8_MAX], hash[SHA1] = {0};
	size_t len = name->len;
	memcpy(text, name->bytes, len);
	for (unsigned i = 0; i <= iterations; i++) {
		memcpy(text + len, salt, salt_len);
		hf_unexpected(gnutls_hash_fast(GNUTLS_DIG_SHA1, text, len + salt_len, hash) != 0);
		memcpy(text, hash, len = SHA1);
	}
	ret[0] = HF_NSEC3_LABEL - 1;
	base32hex(hash, ret + 1);
}

/* ---- documents ---- */

void hf_sha256(const void *bytes, size_t len, uint8_t ret[static HF_SHA256])
{
	memset(ret, 0, HF_SHA256);
	hf_unexpected(gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, len, ret) != 0);
}

/* ---- ZONEMD ---- */

enum { SIMPLE = 1, SHA384 = 1, SHA512 = 2 };

struct digest {
	gnutls_hash_hd_t hash;
	uint8_t canonical[UINT16_MAX];
};

static int add_record(struct digest *d, const struct hf_name *owner, const struct hf_zone_set *set,
	const uint8_t *rdata, uint16_t len)
{
	uint8_t fixed[10];
	hf_put_u16(fixed, set->type);
	hf_put_u16(fixed + 2, HF_CLASS_IN);
	hf_put_u32(fixed + 4, set->ttl);
	hf_put_u16(fixed + 8, len);
	hf_rdata_canonical(set->type, rdata, len, d->canonical);
	return gnutls_hash(d->hash, owner->bytes, owner->len) ||
			       gnutls_hash(d->hash, fixed, sizeof fixed) ||
			       (len && gnutls_hash(d->hash, d->canonical, len))
		       ? -ENOMEM
		       : 0;
}

/* The digests themselves, and the signature over them, are left out: RFC 8976 3.3.1. */
static bool is_counted(
	const struct hf_zone *zone, const struct hf_zone_walk *walk, const struct hf_zone_set *set)
{
	bool apex = walk->owner.len == hf_zone_origin(zone)->len;
	return !apex || (set->type != HF_TYPE_ZONEMD &&
				(set->type != HF_TYPE_RRSIG ||
					hf_get_u16(set->rdata + 2) != HF_TYPE_ZONEMD));
}

/* The SOA's place among the sets of the apex is by its type, as that of all: a walk gives it
 * first, and so what has a smaller one is asked for before. */
static int add_apex(struct digest *d, const struct hf_zone *zone, bool before_soa)
{
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	while (hf_zone_next(&walk, &set) && walk.owner.len == hf_zone_origin(zone)->len) {
		const uint8_t *at = set.rdata;
		if (!is_counted(zone, &walk, &set) || (set.type < HF_TYPE_SOA) != before_soa)
			continue;
		for (unsigned i = 0; i < set.count; i++, at += 2 + hf_get_u16(at)) {
			int rc = add_record(d, &walk.owner, &set, at + 2, hf_get_u16(at));
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int add_others(struct digest *d, const struct hf_zone *zone)
{
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	while (hf_zone_next(&walk, &set)) {
		const uint8_t *at = set.rdata;
		if (walk.owner.len == hf_zone_origin(zone)->len)
			continue;
		for (unsigned i = 0; i < set.count; i++, at += 2 + hf_get_u16(at)) {
			int rc = add_record(d, &walk.owner, &set, at + 2, hf_get_u16(at));
			if (rc)
				return rc;
		}
	}
	return 0;
}

static int compute(const struct hf_zone *zone, gnutls_digest_algorithm_t algorithm, uint8_t *ret)
{
	struct digest *d = malloc(sizeof *d);
	if (!d || gnutls_hash_init(&d->hash, algorithm)) {
		free(d);
		return -ENOMEM;
	}
	int rc = add_apex(d, zone, true);
	rc = rc ? rc : add_apex(d, zone, false);
	rc = rc ? rc : add_others(d, zone);
	gnutls_hash_deinit(d->hash, ret);
	free(d);
	return rc;
}

/* How one record stands: RFC 8976 4, steps 4 to 6. */
static int check_one(
	const struct hf_zone *zone, const uint8_t *rdata, size_t len, enum hf_zonemd *ret)
{
	uint8_t found[64];
	size_t size = rdata[5] == SHA384 ? 48 : 64;
	*ret = HF_ZONEMD_UNKNOWN;
	if (rdata[4] != SIMPLE || (rdata[5] != SHA384 && rdata[5] != SHA512))
		return 0;
	*ret = HF_ZONEMD_SERIAL;
	if (hf_get_u32(rdata) != hf_zone_soa(zone)->serial)
		return 0;
	int rc = compute(zone, size == 48 ? GNUTLS_DIG_SHA384 : GNUTLS_DIG_SHA512, found);
	if (!rc)
		*ret = len == 6 + size && memcmp(found, rdata + 6, size) == 0 ? HF_ZONEMD_GOOD
									      : HF_ZONEMD_WRONG;
	return rc;
}

static bool is_twice(const struct hf_zone_set *set, unsigned index)
{
	const uint8_t *at = set->rdata, *other = set->rdata;
	for (unsigned i = 0; i < index; i++)
		at += 2 + hf_get_u16(at);
	for (unsigned i = 0; i < index; i++, other += 2 + hf_get_u16(other))
		if (memcmp(at + 6, other + 6, 2) == 0)
			return true;
	return false;
}

int hf_zonemd_check(const struct hf_zone *zone, enum hf_zonemd *ret)
{
	struct hf_zone_set set;
	enum hf_zonemd worst = HF_ZONEMD_UNKNOWN, one;
	if (!hf_zone_find(zone, hf_zone_origin(zone), HF_TYPE_ZONEMD, &set)) {
		*ret = HF_ZONEMD_ABSENT;
		return 0;
	}
	const uint8_t *at = set.rdata;
	for (unsigned i = 0; i < set.count; i++, at += 2 + hf_get_u16(at)) {
		int rc = check_one(zone, at + 2, hf_get_u16(at), &one);
		if (rc)
			return rc;
		if (one == HF_ZONEMD_UNKNOWN)
			continue;
		if (is_twice(&set, i))
			one = HF_ZONEMD_TWICE;
		/* One that is right is enough, unless it is there twice. */
		if (worst == HF_ZONEMD_UNKNOWN || one == HF_ZONEMD_GOOD || one == HF_ZONEMD_TWICE)
			worst = one;
		if (one == HF_ZONEMD_TWICE)
			break;
	}
	*ret = worst;
	return 0;
}
