/* SPDX-License-Identifier: MIT */
#include "wire/name.h"

#include "base/check.h"
#include "base/error.h"

#define POINTER 0xc0

/* A name of 255 octets has at most 127 labels; more pointers than that only
 * serve to make the reader walk: 8,000 in a row fit into one message, and each
 * of its records could begin with them. */
#define POINTERS_MAX 127

/* Both readers in one: `out` may be NULL. */
static int walk(
	const uint8_t *message, size_t len, size_t at, struct hf_name *out, size_t *ret_next)
{
	size_t total = 0;
	size_t began = at; /* a pointer must lead to before this, and what it leads to end there */
	size_t end = len;
	size_t next = 0;
	unsigned pointers = 0;
	for (;;) {
		if (at >= end)
			return HF_EMALFORMED;
		uint8_t label = message[at];
		if (label >= POINTER) {
			if (at + 1 >= end)
				return HF_EMALFORMED;
			size_t to = (size_t)(label & 0x3f) << 8 | message[at + 1];
			if (to >= began || to < HF_HEADER_LEN || ++pointers > POINTERS_MAX)
				return HF_EMALFORMED;
			if (!next)
				next = at + 2;
			end = began;
			began = at = to;
			continue;
		}
		if (label > HF_LABEL_MAX || at + 1 + label > end || total + 1 + label > HF_NAME_MAX)
			return HF_EMALFORMED;
		if (out)
			memcpy(out->bytes + total, message + at, 1 + (size_t)label);
		total += 1 + (size_t)label;
		at += 1 + (size_t)label;
		if (label == 0)
			break;
	}
	if (out)
		out->len = (uint8_t)total;
	*ret_next = next ? next : at;
	return 0;
}

/* The length of a name without pointers, or 0. */
static inline size_t plain_len(const uint8_t *bytes, size_t len)
{
	size_t at = 0;
	if (len > HF_NAME_MAX)
		len = HF_NAME_MAX;
	while (at < len && bytes[at] <= HF_LABEL_MAX) {
		if (!bytes[at])
			return at + 1;
		at += 1 + (size_t)bytes[at];
	}
	return 0;
}

/* Where the octets of a name without pointers lie, or of one that is nothing but a
 * pointer to such: what nearly all names in messages are. The length, or 0. */
static inline size_t plain(const uint8_t *message, size_t len, size_t at, size_t *ret_at,
	size_t *ret_next)
{
	if (at + 1 < len && message[at] >= POINTER) {
		size_t to = (size_t)(message[at] & 0x3f) << 8 | message[at + 1];
		*ret_at = to;
		*ret_next = at + 2;
		return to >= HF_HEADER_LEN && to < at ? plain_len(message + to, at - to) : 0;
	}
	size_t total = at < len ? plain_len(message + at, len - at) : 0;
	*ret_at = at;
	*ret_next = at + total;
	return total;
}

int hf_name_read(const uint8_t *message, size_t len, size_t at, struct hf_name *ret,
	size_t *ret_next)
{
	struct hf_name name;
	size_t from, next, total = plain(message, len, at, &from, &next);
	if (total) {
		ret->len = (uint8_t)total;
		memcpy(ret->bytes, message + from, total);
		*ret_next = next;
		return 0;
	}
	int rc = walk(message, len, at, &name, ret_next);
	if (rc)
		return rc;
	ret->len = name.len;
	memcpy(ret->bytes, name.bytes, name.len);
	return 0;
}

inline int hf_name_skip(const uint8_t *message, size_t len, size_t at, size_t *ret_next)
{
	size_t from, next;
	if (!plain(message, len, at, &from, &next))
		return walk(message, len, at, NULL, ret_next);
	*ret_next = next;
	return 0;
}

size_t hf_name_wire_len(const uint8_t *bytes, size_t len)
{
	return plain_len(bytes, len);
}

static inline uint8_t lower(uint8_t c)
{
	return (uint8_t)(c - 'A') < 26 ? c | 0x20 : c;
}

/* Sixteen octets at a time, in whatever way the processor has for it. */
typedef uint8_t octets __attribute__((vector_size(16)));

static inline void lower_sixteen(uint8_t *to, const uint8_t *from)
{
	octets c;
	memcpy(&c, from, sizeof c);
	c |= (octets)(c - 'A' < 26) & 0x20;
	memcpy(to, &c, sizeof c);
}

/* Fewer than that. */
static __attribute__((noinline)) void lower_few(uint8_t *to, const uint8_t *from, size_t len)
{
	for (size_t at = 0; at < len; at++)
		to[at] = lower(from[at]);
}

inline void hf_name_copy_lower(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len < 16) {
		lower_few(to, from, len);
		return;
	}
	lower_sixteen(to, from);
	for (size_t at = 16; at + 16 < len; at += 16)
		lower_sixteen(to + at, from + at);
	lower_sixteen(to + len - 16, from + len - 16); /* some twice, which is no harm */
}

void hf_name_lower(uint8_t *bytes, size_t len)
{
	hf_name_copy_lower(bytes, bytes, len);
}

/* Eight octets at a time, as one word: no octet carries into the next, for none is
 * larger than 0x7f where they are added up. */
#define EACH(octet) (0x0101010101010101u * (octet))

/* 0x80 in each octet that is a small letter. */
static inline uint64_t letters(uint64_t word)
{
	uint64_t low = word & EACH(0x7f);
	return (low + EACH(0x80 - 'a')) & ~(low + EACH(0x7f - 'z')) & ~word & EACH(0x80);
}

/* 0x80 in each octet for whose place there is a one in `bits`. Which place is whose
 * does not matter: all are drawn alike. */
static inline uint64_t spread(uint8_t bits)
{
	uint64_t ones = EACH(bits) & 0x8040201008040201u;
	return (((ones & EACH(0x7f)) + EACH(0x7f)) | ones) & EACH(0x80);
}

static inline void mix_eight(uint8_t *to, const uint8_t *from, uint8_t bits)
{
	uint64_t word;
	memcpy(&word, from, 8);
	word ^= (letters(word) & spread(bits)) >> 2;
	memcpy(to, &word, 8);
}

void hf_name_mix(const uint8_t *name, size_t len, const uint8_t *bits, uint8_t *ret)
{
	size_t at = 0;
	for (; at + 8 <= len; at += 8)
		mix_eight(ret + at, name + at, *bits++);
	if (at < len && at) {
		mix_eight(ret + len - 8, name + len - 8, *bits); /* some anew, by dice of their own */
		return;
	}
	for (size_t i = at; i < len; i++)
		ret[i] = (uint8_t)(name[i] - 'a') < 26 && *bits >> i & 1 ? name[i] ^ 0x20 : name[i];
}

bool hf_name_equal(const uint8_t *a, const uint8_t *b, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (lower(a[i]) != lower(b[i]))
			return false;
	return true;
}

unsigned hf_name_labels(const uint8_t *name)
{
	unsigned labels = 0;
	for (; name[0]; name = hf_name_parent(name))
		labels++;
	return labels;
}

bool hf_name_within(const uint8_t *name, size_t name_len, const uint8_t *zone, size_t zone_len)
{
	/* Walk labels: the suffix has to begin at one. */
	while (name_len > zone_len) {
		size_t step = 1 + (size_t)name[0];
		name += step;
		name_len -= step;
	}
	return name_len == zone_len && memcmp(name, zone, zone_len) == 0;
}

/* One character of a label, unescaped. Returns characters used, 0 if bad. */
static size_t take_char(const char *text, size_t len, uint8_t *ret)
{
	if (text[0] != '\\') {
		*ret = (uint8_t)text[0];
		return 1;
	}
	if (len < 2)
		return 0;
	if (text[1] < '0' || text[1] > '9') {
		*ret = (uint8_t)text[1];
		return 2;
	}
	if (len < 4)
		return 0;
	unsigned value = 0;
	for (int i = 1; i <= 3; i++) {
		unsigned digit = (unsigned)(unsigned char)text[i] - '0';
		if (digit > 9)
			return 0;
		value = value * 10 + digit;
	}
	if (value > 255)
		return 0;
	*ret = (uint8_t)value;
	return 4;
}

int hf_name_from_text(const char *text, size_t len, struct hf_name *ret)
{
	struct hf_name name = {0};
	size_t label_at = 0, total = 1; /* total: where the next octet goes */
	if (len == 0)
		return HF_ESYNTAX;
	if (len == 1 && text[0] == '.')
		len = 0;
	while (len) {
		if (text[0] == '.') {
			if (total == label_at + 1)
				return HF_ESYNTAX; /* empty label */
			label_at = total++;
			text++;
			len--;
			if (total > HF_NAME_MAX)
				return HF_ERANGE;
			continue;
		}
		uint8_t octet;
		size_t used = take_char(text, len, &octet);
		if (!used || name.bytes[label_at] == HF_LABEL_MAX)
			return HF_ESYNTAX;
		if (total >= HF_NAME_MAX)
			return HF_ERANGE;
		name.bytes[total++] = octet;
		name.bytes[label_at]++;
		text += used;
		len -= used;
	}
	if (name.bytes[label_at]) {
		if (total >= HF_NAME_MAX)
			return HF_ERANGE;
		name.bytes[total++] = 0;
	}
	name.len = (uint8_t)total;
	hf_name_lower(name.bytes, name.len);
	ret->len = name.len;
	memcpy(ret->bytes, name.bytes, name.len);
	return 0;
}

const char *hf_name_text(const uint8_t *name, char buf[static HF_NAME_TEXT_MAX])
{
	char *out = buf;
	if (!name[0])
		*out++ = '.';
	for (; name[0]; name = hf_name_parent(name)) {
		if (out != buf)
			*out++ = '.';
		for (unsigned i = 1; i <= name[0]; i++) {
			uint8_t c = name[i];
			if (c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' ||
				c == '@' || c == '$')
				*out++ = '\\';
			if (c > 0x20 && c < 0x7f)
				*out++ = (char)c;
			else
				out += snprintf(out, 5, "\\%03u", c);
		}
	}
	*out = '\0';
	return buf;
}
