/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ds.h - is this key the one that the parent vouches for? RFC 4034 5, RFC 4509, RFC 6605.
 *
 * Threads: pure.  Never: signatures, chains: a validator looks at those. */
#ifndef HF_PROVIDERS_DS_H
#define HF_PROVIDERS_DS_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/name.h"

/* The key's tag (RFC 4034, Appendix B); data of a DNSKEY record of at least four octets. */
uint16_t hf_key_tag(const uint8_t *dnskey, uint16_t len);

enum hf_ds_match {
	HF_DS_OTHER, /* it is of another key */
	HF_DS_MATCHES,
	HF_DS_UNKNOWN, /* of a digest that we cannot make, or malformed */
};

/* Holds the data of a DS record against that of a DNSKEY record of `owner` (lowered). */
enum hf_ds_match hf_ds_matches(const struct hf_name *owner, const uint8_t *dnskey,
	uint16_t dnskey_len, const uint8_t *ds, uint16_t ds_len);

#endif
