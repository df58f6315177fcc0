/* SPDX-License-Identifier: MIT */
/* rdata.h - where names lie inside record data.
 *
 * Story: record data is opaque to us (RFC 3597) except for the types of RFC
 * 1035 and a few later ones in which old servers compress names. A type's row says
 * how many octets stand before the names, and how many names follow; what is
 * after them is opaque again. With it a record can be lifted out of one
 * message and set into another, whatever compression did to it.
 * Threads: pure. */
#ifndef HF_WIRE_RDATA_H
#define HF_WIRE_RDATA_H

#include <stddef.h>
#include <stdint.h>

struct hf_rdata_shape {
	uint8_t before;  /* fixed octets in front of the names */
	uint8_t strings; /* character-strings after those (NAPTR) */
	uint8_t names;   /* 0: opaque */
};

/* The row for a type; an opaque one for all types without a row. */
const struct hf_rdata_shape *hf_rdata_shape(uint16_t type);

/* Where the first name of record data at m[at..end) begins: behind the fixed
 * octets and the strings. HF_EMALFORMED if those run past the end. */
int hf_rdata_names_at(const struct hf_rdata_shape *shape, const uint8_t *m, size_t at,
	size_t end, size_t *ret);

#endif
