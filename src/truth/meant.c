/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/meant.h"

#include <string.h>

#include "base/check.h"

#define V4(a, b, c, d, bits)                                                                       \
	{                                                                                          \
		{.bytes = {a, b, c, d}, .family = 4}, bits                                         \
	}
#define V6(first, second, bits)                                                                    \
	{                                                                                          \
		{.bytes = {first, second}, .family = 6}, bits                                      \
	}

static const struct hf_prefix private_prefixes[] = {
	V4(0, 0, 0, 0, 8),      /* this host, RFC 1122 3.2.1.3 */
	V4(10, 0, 0, 0, 8),     /* RFC 1918 */
	V4(100, 64, 0, 0, 10),  /* behind a carrier's NAT, RFC 6598 */
	V4(127, 0, 0, 0, 8),    /* loopback */
	V4(169, 254, 0, 0, 16), /* link-local, RFC 3927; a cloud's metadata service */
	V4(172, 16, 0, 0, 12),  /* RFC 1918 */
	V4(192, 168, 0, 0, 16), /* RFC 1918 */
	V6(0, 0, 127),          /* unspecified, and loopback */
	V6(0xfc, 0, 7),         /* unique local, RFC 4193 */
	V6(0xfe, 0x80, 10),     /* link-local, RFC 4291 2.5.6 */
	V6(0xfe, 0xc0, 10),     /* site-local, RFC 3879 */
};

/* IPv6 addresses whose last 32 bits are an IPv4 address that they lead to. */
static const struct hf_prefix carriers[] = {
	{{.bytes = {[10] = 0xff, [11] = 0xff}, .family = 6}, 96}, /* mapped */
	{{.bytes = {0, 0x64, 0xff, 0x9b}, .family = 6}, 96},      /* NAT64, RFC 6052 2.1 */
};

struct hf_address hf_address_meant(const struct hf_address *address)
{
	struct hf_address v4 = {.family = 4};
	if (!hf_prefix_find(carriers, HF_COUNT_OF(carriers), address))
		return *address;
	memcpy(v4.bytes, address->bytes + 12, 4);
	return v4;
}

bool hf_address_private(const struct hf_address *address)
{
	struct hf_address to = hf_address_meant(address);
	return hf_prefix_find(private_prefixes, HF_COUNT_OF(private_prefixes), &to);
}
