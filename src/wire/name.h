/* SPDX-License-Identifier: MIT */
/* name.h - domain names in wire form: read, compare, lower, hash, suffix.
 *
 * Story: inside holdfast a name is its uncompressed wire form: length octets,
 * labels, the root's zero at the end; 1 to 255 octets (RFC 1035 3.1). It is
 * compared without regard to ASCII case (RFC 4343); where names are keys they
 * are lowered once, when they enter, and compared with memcmp from then on.
 * Text exists only at the edges: configuration, logs, commands.
 * Never:   memory of its own; a name longer than HF_NAME_MAX.
 * Threads: pure. */
#ifndef HF_WIRE_NAME_H
#define HF_WIRE_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns.h"

struct hf_name {
	uint8_t len; /* octets with the root's zero; 0: no name */
	uint8_t bytes[HF_NAME_MAX];
};

/* Reads a name at `at` of a message and expands compression. Pointers must
 * lead strictly backwards, to labels that end before where the name, or the
 * pointer before, began: so the walk ends, and no octet is read twice. They
 * never lead into the header, which each hop writes anew.
 * ret_next is where the name ends in place.
 * HF_EMALFORMED: runs past the end, a reserved label type, a pointer that does
 * not lead back, more than 255 octets, more than 127 pointers. */
int hf_name_read(const uint8_t *message, size_t len, size_t at, struct hf_name *ret,
	size_t *ret_next);

/* Like hf_name_read, but only finds where the name ends. */
int hf_name_skip(const uint8_t *message, size_t len, size_t at, size_t *ret_next);

/* The length of an uncompressed name that must begin at bytes and lie within
 * len; 0 if it does not. */
size_t hf_name_wire_len(const uint8_t *bytes, size_t len);

/* Copies len octets with A-Z lowered. to may be from. */
void hf_name_copy_lower(uint8_t *to, const uint8_t *from, size_t len);

/* Lowers A-Z in place. Length octets are below 'A' (63 < 65): no label walk. */
void hf_name_lower(uint8_t *bytes, size_t len);

/* Copies a lowered name, with those of its letters in upper case for which `bits`
 * has a one: each letter has a bit to itself, of (len + 7) / 8 octets drawn by chance
 * (0x20, draft-vixie-dnsext-dns0x20). */
void hf_name_mix(const uint8_t *name, size_t len, const uint8_t *bits, uint8_t *ret);

bool hf_name_equal(const uint8_t *a, const uint8_t *b, size_t len); /* ignoring case */

/* Labels, not counting the root. */
unsigned hf_name_labels(const uint8_t *name);

/* The name without its first label; the root is its own parent. */
static inline const uint8_t *hf_name_parent(const uint8_t *name)
{
	return name[0] ? name + 1 + name[0] : name;
}

/* True if name lies at or below zone. Both lowered. */
bool hf_name_within(const uint8_t *name, size_t name_len, const uint8_t *zone, size_t zone_len);

/* From text: "shop.example", "shop.example.", ".", with \. and \DDD escapes
 * (RFC 1035 5.1). Always absolute, lowered. HF_ESYNTAX: an empty or long
 * label, a bad escape; HF_ERANGE: over 255 octets. */
int hf_name_from_text(const char *text, size_t len, struct hf_name *ret);

/* As text with escapes, final dot left off except for the root. Any bytes are
 * safe to print. 4 characters an octet at the most. Returns buf. */
#define HF_NAME_TEXT_MAX (4 * HF_NAME_MAX + 1)
const char *hf_name_text(const uint8_t *name, char buf[static HF_NAME_TEXT_MAX]);

#endif
