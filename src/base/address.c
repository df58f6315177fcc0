/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/number.h"

bool hf_address_equal(const struct hf_address *a, const struct hf_address *b)
{
	return memcmp(a, b, sizeof *a) == 0;
}

static void from_v6(const uint8_t bytes[16], struct hf_address *a)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	if (memcmp(bytes, mapped, sizeof mapped) == 0) {
		a->family = 4;
		memcpy(a->bytes, bytes + 12, 4);
	} else {
		a->family = 6;
		memcpy(a->bytes, bytes, 16);
	}
}

static bool parse_v6(const char *text, size_t len, struct hf_address *a)
{
	char buf[INET6_ADDRSTRLEN];
	uint8_t bytes[16];
	uint64_t scope = 0;
	const char *percent = memchr(text, '%', len);
	if (percent) {
		size_t host_len = (size_t)(percent - text);
		if (!hf_parse_u64(percent + 1, len - host_len - 1, UINT32_MAX, &scope))
			return false;
		len = host_len;
	}
	if (len >= sizeof buf)
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET6, buf, bytes) != 1)
		return false;
	from_v6(bytes, a);
	a->scope = a->family == 6 ? (uint32_t)scope : 0;
	return true;
}

static bool parse_v4(const char *text, size_t len, struct hf_address *a)
{
	char buf[INET_ADDRSTRLEN];
	if (len >= sizeof buf)
		return false;
	memcpy(buf, text, len);
	buf[len] = '\0';
	a->family = 4;
	return inet_pton(AF_INET, buf, a->bytes) == 1;
}

int hf_address_parse(const char *text, uint16_t default_port, struct hf_address *ret)
{
	struct hf_address a = {0};
	size_t len = strlen(text);
	const char *port = NULL;
	bool ok;
	if (text[0] == '[') {
		const char *end = strchr(text, ']');
		if (!end || (end[1] && end[1] != ':'))
			return HF_ESYNTAX;
		ok = parse_v6(text + 1, (size_t)(end - text) - 1, &a);
		port = end[1] ? end + 2 : NULL;
	} else {
		const char *colon = strchr(text, ':');
		if (colon && !strchr(colon + 1, ':')) {
			port = colon + 1;
			ok = parse_v4(text, (size_t)(colon - text), &a);
		} else {
			ok = colon ? parse_v6(text, len, &a) : parse_v4(text, len, &a);
		}
	}
	uint64_t number = default_port;
	if (!ok || (port && !hf_parse_u64(port, strlen(port), UINT16_MAX, &number)))
		return HF_ESYNTAX;
	a.port = (uint16_t)number;
	*ret = a;
	return 0;
}

const char *hf_address_text(const struct hf_address *a, char buf[static HF_ADDRESS_TEXT_MAX])
{
	char host[INET6_ADDRSTRLEN] = "none";
	char scope[16] = "";
	if (a->family)
		inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->bytes, host, sizeof host);
	if (a->scope)
		snprintf(scope, sizeof scope, "%%%u", a->scope);
	if (!a->port)
		snprintf(buf, HF_ADDRESS_TEXT_MAX, "%s%s", host, scope);
	else if (a->family == 6)
		snprintf(buf, HF_ADDRESS_TEXT_MAX, "[%s%s]:%u", host, scope, a->port);
	else
		snprintf(buf, HF_ADDRESS_TEXT_MAX, "%s:%u", host, a->port);
	return buf;
}

inline int hf_address_from_system(const struct sockaddr *sa, struct hf_address *ret)
{
	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;
		*ret = (struct hf_address){.family = 4, .port = ntohs(in->sin_port)};
		memcpy(ret->bytes, &in->sin_addr, 4);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in = (const struct sockaddr_in6 *)(const void *)sa;
		*ret = (struct hf_address){.port = ntohs(in->sin6_port)};
		from_v6(in->sin6_addr.s6_addr, ret);
		ret->scope = ret->family == 6 ? in->sin6_scope_id : 0;
	} else {
		return -EAFNOSUPPORT;
	}
	return 0;
}

inline unsigned hf_address_to_system(const struct hf_address *a, struct sockaddr_storage *ret)
{
	if (a->family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;
		*in = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
		memcpy(&in->sin_addr, a->bytes, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in = (struct sockaddr_in6 *)ret;
	*in = (struct sockaddr_in6){.sin6_family = AF_INET6};
	in->sin6_port = htons(a->port);
	in->sin6_scope_id = a->scope;
	memcpy(&in->sin6_addr, a->bytes, 16);
	return sizeof *in;
}

static bool bits_equal(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	return memcmp(a, b, whole) == 0 &&
	       (!rest || ((a[whole] ^ b[whole]) & (0xff00u >> rest) & 0xff) == 0);
}

int hf_prefix_parse(const char *text, struct hf_prefix *ret)
{
	char host[HF_ADDRESS_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	struct hf_prefix p = {0};
	if (len >= sizeof host)
		return HF_ESYNTAX;
	memcpy(host, text, len);
	host[len] = '\0';
	if (hf_address_parse(host, 0, &p.address) || p.address.port || p.address.scope)
		return HF_ESYNTAX;
	unsigned max = p.address.family == 4 ? 32 : 128;
	uint64_t bits = max;
	if (slash && !hf_parse_u64(slash + 1, strlen(slash + 1), max, &bits))
		return HF_ESYNTAX;
	p.bits = (uint8_t)bits;
	for (unsigned i = p.bits; i < max; i++)
		if (p.address.bytes[i / 8] & (0x80u >> i % 8))
			return HF_ERANGE;
	*ret = p;
	return 0;
}

inline bool hf_prefix_has(const struct hf_prefix *prefix, const struct hf_address *a)
{
	if (prefix->address.family != a->family)
		return false;
	if (a->family != 4)
		return bits_equal(prefix->address.bytes, a->bytes, prefix->bits);
	uint32_t differ = hf_get_u32(prefix->address.bytes) ^ hf_get_u32(a->bytes);
	return (uint64_t)differ >> (32 - prefix->bits) == 0;
}

const struct hf_prefix *hf_prefix_find(
	const struct hf_prefix *prefixes, size_t count, const struct hf_address *a)
{
	for (size_t i = 0; i < count; i++)
		if (hf_prefix_has(&prefixes[i], a))
			return &prefixes[i];
	return NULL;
}

const char *hf_prefix_text(const struct hf_prefix *prefix, char buf[static HF_ADDRESS_TEXT_MAX])
{
	hf_address_text(&prefix->address, buf);
	size_t len = strlen(buf);
	snprintf(buf + len, HF_ADDRESS_TEXT_MAX - len, "/%u", prefix->bits);
	return buf;
}
