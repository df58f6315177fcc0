/* SPDX-License-Identifier: GPL-3.0-or-later */
/* records.h - record data as it may stand in a zone, and its order.
 *
 * Story: what comes from zone text has been written by libzscanner and is well-formed; what
 * comes by transfer may be anything. Whoever answers from a zone copies record data and
 * reads names out of it, so its shape is checked once, before it gets in.
 * The canonical form (RFC 4034 6.2, RFC 6840 5.1) has the names in the data of the older
 * types, and a signature's signer, in lower case; two records are the same if their
 * canonical forms are.
 * Threads: pure. */
#ifndef HF_ZONE_RECORDS_H
#define HF_ZONE_RECORDS_H

#include <stddef.h>
#include <stdint.h>

/* What is wrong with record data of this type, as a phrase; NULL: nothing. */
const char *hf_rdata_fault(uint16_t type, const uint8_t *rdata, size_t len);

/* Canonical order (RFC 4034 6.3): below, at or over 0. Both without a fault. */
int hf_rdata_compare(uint16_t type, const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* Writes the canonical form of `len` octets to `to`, which may be `rdata`. */
void hf_rdata_canonical(uint16_t type, const uint8_t *rdata, size_t len, uint8_t *to);

#endif
