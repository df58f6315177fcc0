/* SPDX-License-Identifier: GPL-3.0-or-later */
/* digest.h - digests of names, of zones and of documents.
 *
 * Story: NSEC3 denies hashes of names (RFC 5155), and ZONEMD (RFC 8976) says what the digest
 * of all records of a zone is. The digests themselves are GnuTLS's.
 * Threads: pure. */
#ifndef HF_ZONE_DIGEST_H
#define HF_ZONE_DIGEST_H

#include <stdbool.h>

#include "zone/snapshot.h"

/* The hash of a lowered name, as the label that an NSEC3 record has: a length octet and 32
 * of base32hex (RFC 5155 5, RFC 4648 7). */
#define HF_NSEC3_LABEL (1 + 32)
void hf_nsec3_label(const struct hf_name *name, uint16_t iterations, const uint8_t *salt,
	size_t salt_len, uint8_t ret[static HF_NSEC3_LABEL]);

/* SHA-256 of any octets. */
#define HF_SHA256 32
void hf_sha256(const void *bytes, size_t len, uint8_t ret[static HF_SHA256]);

enum hf_zonemd {
	HF_ZONEMD_ABSENT,
	HF_ZONEMD_GOOD,    /* one of them has been computed and is right */
	HF_ZONEMD_UNKNOWN, /* there are some, none by a scheme and an algorithm that are known */
	HF_ZONEMD_SERIAL,  /* of another serial */
	HF_ZONEMD_WRONG,
	HF_ZONEMD_TWICE, /* two by the same scheme and algorithm: RFC 8976 3.1 */
};

/* Do the ZONEMD records at the apex say what the records say? Scheme SIMPLE, with SHA-384 or
 * SHA-512. -ENOMEM. */
int hf_zonemd_check(const struct hf_zone *zone, enum hf_zonemd *ret);

#endif
