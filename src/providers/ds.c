/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/ds.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"

#define DS_HEAD 4     /* tag, algorithm, digest type */
#define DNSKEY_HEAD 4 /* flags, protocol, algorithm */
#define RSAMD5 1      /* its tag is counted otherwise; nobody may use it (RFC 8624) */

static const struct {
	uint8_t type; /* RFC 3658, 4509, 6605 */
	gnutls_digest_algorithm_t algorithm;
	uint8_t len;
} digests[] = {
	{1, GNUTLS_DIG_SHA1, 20},
	{2, GNUTLS_DIG_SHA256, 32},
	{4, GNUTLS_DIG_SHA384, 48},
};

uint16_t hf_key_tag(const uint8_t *dnskey, uint16_t len)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < len; i++)
		sum += i & 1 ? dnskey[i] : (uint32_t)dnskey[i] << 8;
	return (uint16_t)(sum + (sum >> 16 & 0xffff));
}

enum hf_ds_match hf_ds_matches(const struct hf_name *owner, const uint8_t *dnskey,
	uint16_t dnskey_len, const uint8_t *ds, uint16_t ds_len)
{
	uint8_t digest[64];
	size_t kind = 0;
	gnutls_hash_hd_t hash;
	if (ds_len <= DS_HEAD || dnskey_len <= DNSKEY_HEAD || dnskey[3] == RSAMD5)
		return HF_DS_UNKNOWN;
	while (kind < HF_COUNT_OF(digests) && digests[kind].type != ds[3])
		kind++;
	if (kind == HF_COUNT_OF(digests) || ds_len != DS_HEAD + digests[kind].len)
		return HF_DS_UNKNOWN;
	if (hf_get_u16(ds) != hf_key_tag(dnskey, dnskey_len) || ds[2] != dnskey[3])
		return HF_DS_OTHER;
	if (gnutls_hash_init(&hash, digests[kind].algorithm) < 0)
		return HF_DS_UNKNOWN;
	int bad = gnutls_hash(hash, owner->bytes, owner->len) < 0;
	bad |= gnutls_hash(hash, dnskey, dnskey_len) < 0;
	gnutls_hash_deinit(hash, digest);
	if (bad)
		return HF_DS_UNKNOWN;
	return memcmp(digest, ds + DS_HEAD, digests[kind].len) == 0 ? HF_DS_MATCHES : HF_DS_OTHER;
}
