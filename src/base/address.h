/* SPDX-License-Identifier: MIT */
/* address.h - where a packet comes from or goes to.
 *
 * Story: one small value for IPv4 and IPv6 with a port, that compares with
 * memcmp, and a prefix that it can lie in. An IPv4-mapped IPv6 address is
 * turned into IPv4 wherever it enters, so that one client is one client.
 * Text: "192.0.2.1", "192.0.2.1:53", "2001:db8::1", "[2001:db8::1]:53",
 * "fe80::1%2" (a numeric scope).
 * Threads: pure. */
#ifndef HF_BASE_ADDRESS_H
#define HF_BASE_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sockaddr;
struct sockaddr_storage;

struct hf_address {
	uint8_t bytes[16]; /* network order; IPv4 in the first four, rest zero */
	uint32_t scope;    /* IPv6 link-local interface index, else 0 */
	uint16_t port;     /* host order */
	uint8_t family;    /* 4, 6, or 0: none */
	uint8_t zero;      /* always 0, so that memcmp works */
};

struct hf_prefix {
	struct hf_address address; /* port 0, bits past `bits` zero */
	uint8_t bits;
};

#define HF_ADDRESS_TEXT_MAX 80 /* "[" + IPv6 + "%4294967295" + "]:65535" + NUL fits */

static inline bool hf_address_set(const struct hf_address *a)
{
	return a->family != 0;
}

bool hf_address_equal(const struct hf_address *a, const struct hf_address *b);

/* Reads an address; a port is taken if it is there, else default_port.
 * HF_ESYNTAX: no address. Host names are never resolved. */
int hf_address_parse(const char *text, uint16_t default_port, struct hf_address *ret);

/* Writes the address with its port ("192.0.2.1:53") unless the port is 0.
 * Returns buf. */
const char *hf_address_text(const struct hf_address *a, char buf[static HF_ADDRESS_TEXT_MAX]);

/* From and to the system's form. from returns -EAFNOSUPPORT for other families;
 * to returns the length that bind and sendto want. */
int hf_address_from_system(const struct sockaddr *sa, struct hf_address *ret);
unsigned hf_address_to_system(const struct hf_address *a, struct sockaddr_storage *ret);

/* "10.0.0.0/8", "::1" (a single address is its own prefix). Bits set past the
 * length are HF_ERANGE: they are nearly always a typing error. */
int hf_prefix_parse(const char *text, struct hf_prefix *ret);
bool hf_prefix_has(const struct hf_prefix *prefix, const struct hf_address *a);

/* The first of count prefixes that the address lies in, or NULL. */
const struct hf_prefix *hf_prefix_find(
	const struct hf_prefix *prefixes, size_t count, const struct hf_address *a);
const char *hf_prefix_text(const struct hf_prefix *prefix, char buf[static HF_ADDRESS_TEXT_MAX]);

#endif
