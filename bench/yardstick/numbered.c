/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "numbered.h"

#include <string.h>

#define HEADER 12
#define DIGITS 10
#define SUFFIX 15 /* octets of "speed.example." */
#define ADDRESS_RECORD 16
#define OPT_RECORD 11
#define QR 0x80
#define AA 0x04
#define TC 0x02
#define RA 0x80
#define POINTER 0xc0

static const uint8_t suffix[SUFFIX + 4] = "\5speed\7example\0\0\1\0\1";
static const uint8_t opt[OPT_RECORD] = {0, 0, 41, 1232 >> 8, 1232 & 255};

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*p++ = (uint8_t)(value >> shift);
	return p;
}

/* An address in 10.0.0.0/8 that no other number near this one has. The numbers
 * are multiplied (Knuth's golden ratio), so that a neighbour's answer shows. */
static uint32_t address_of(uint32_t number)
{
	return 10u << 24 | number * 2654435761u >> 8;
}

static void write_question(uint32_t number, uint8_t out[HF_YARD_QUESTION])
{
	out[0] = DIGITS;
	for (unsigned i = DIGITS; i > 0; i--, number /= 10)
		out[i] = (uint8_t)('0' + number % 10);
	memcpy(out + 1 + DIGITS, suffix, sizeof suffix);
}

void hf_yard_write_query(uint32_t number, uint16_t id, uint8_t out[HF_YARD_QUERY])
{
	static const uint8_t head[HEADER] = {[2] = 1, [5] = 1, [11] = 1};

	memcpy(out, head, HEADER);
	out[0] = (uint8_t)(id >> 8);
	out[1] = (uint8_t)id;
	write_question(number, out + HEADER);
	memcpy(out + HEADER + HF_YARD_QUESTION, opt, sizeof opt);
}

void hf_yard_want_signed(uint8_t query[HF_YARD_QUERY])
{
	query[HF_YARD_QUERY - 4] |= 0x80; /* OPT's TTL begins six octets before its end */
}

uint16_t hf_yard_id(const uint8_t *m, size_t length)
{
	return length < HEADER ? 0 : (uint16_t)get16(m);
}

/* ---- what came back ---- */

static bool same_question(const uint8_t *m, size_t length, uint32_t number)
{
	uint8_t question[HF_YARD_QUESTION];

	if (length < HEADER + HF_YARD_QUESTION || !(m[2] & QR) || get16(m + 4) != 1)
		return false;
	write_question(number, question);
	return memcmp(m + HEADER, question, sizeof question) == 0;
}

/* Passes over a name, compressed or not. Returns where it ends, or 0. */
static size_t skip_name(const uint8_t *m, size_t length, size_t at)
{
	while (at < length) {
		if ((m[at] & POINTER) == POINTER)
			return at + 2 <= length ? at + 2 : 0;
		if (m[at] == 0)
			return at + 1;
		at += 1u + m[at];
	}
	return 0;
}

enum hf_yard_verdict hf_yard_judge(const uint8_t *m, size_t length, uint32_t number)
{
	uint8_t address[4];

	if (!same_question(m, length, number))
		return HF_YARD_WRONG;
	if ((m[3] & 0x0f) != 0 || m[2] & TC || get16(m + 6) == 0)
		return HF_YARD_FAILED;
	size_t at = skip_name(m, length, HEADER + HF_YARD_QUESTION);
	if (at == 0 || at + 14 > length || get16(m + at) != 1 || get16(m + at + 2) != 1 ||
		get16(m + at + 8) != 4)
		return HF_YARD_WRONG;
	put32(address, address_of(number));
	return memcmp(m + at + 10, address, 4) == 0 ? HF_YARD_RIGHT : HF_YARD_WRONG;
}

enum hf_yard_verdict hf_yard_judge_echo(const uint8_t *m, size_t length, uint32_t number)
{
	return length == HF_YARD_QUERY && same_question(m, length, number) ? HF_YARD_RIGHT
									   : HF_YARD_WRONG;
}

/* ---- what a server with authority says ---- */

enum hf_yard_verdict hf_yard_judge_denial(const uint8_t *m, size_t length, uint32_t number)
{
	if (!same_question(m, length, number))
		return HF_YARD_WRONG;
	bool denied = (m[3] & 0x0f) == 3 && m[2] & AA && !(m[2] & TC);
	return denied && get16(m + 6) == 0 && get16(m + 8) > 0 ? HF_YARD_RIGHT : HF_YARD_FAILED;
}

enum hf_yard_verdict hf_yard_judge_wild(const uint8_t *m, size_t length, uint32_t number)
{
	if (!same_question(m, length, number))
		return HF_YARD_WRONG;
	if ((m[3] & 0x0f) != 0 || !(m[2] & AA) || m[2] & TC || get16(m + 6) == 0)
		return HF_YARD_FAILED;
	size_t at = skip_name(m, length, HEADER + HF_YARD_QUESTION);
	return at && at + 14 <= length && get16(m + at) == 1 && get16(m + at + 8) == 4
		       ? HF_YARD_RIGHT
		       : HF_YARD_WRONG;
}

enum hf_yard_verdict hf_yard_judge_referral(const uint8_t *m, size_t length, uint32_t number)
{
	if (!same_question(m, length, number))
		return HF_YARD_WRONG;
	bool referred = (m[3] & 0x0f) == 0 && !(m[2] & (AA | TC));
	return referred && get16(m + 6) == 0 && get16(m + 8) > 0 ? HF_YARD_RIGHT : HF_YARD_FAILED;
}

/* ---- what the upstream says ---- */

/* Whether the question at the head of `q` is one of ours; letters in any case. */
static bool is_numbered(const uint8_t *q, size_t length, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (length != HF_YARD_QUESTION || q[0] != DIGITS)
		return false;
	for (unsigned i = 1; i <= DIGITS; i++) {
		if (q[i] < '0' || q[i] > '9')
			return false;
		number = number * 10 + (unsigned)(q[i] - '0');
	}
	for (unsigned i = 0; i < sizeof suffix; i++) {
		uint8_t c = q[1 + DIGITS + i];
		if ((c >= 'A' && c <= 'Z' ? c + 32 : c) != suffix[i])
			return false;
	}
	*ret_number = (uint32_t)number;
	return number <= UINT32_MAX;
}

static uint8_t *put_address(uint8_t *p, uint32_t number, uint32_t ttl)
{
	static const uint8_t head[] = {POINTER, HEADER, 0, 1, 0, 1};

	memcpy(p, head, sizeof head);
	p = put32(p + sizeof head, ttl);
	*p++ = 0;
	*p++ = 4;
	return put32(p, address_of(number));
}

size_t hf_yard_write_response(const uint8_t *query, size_t length, uint32_t ttl, uint8_t *out)
{
	uint32_t number;

	if (length < HEADER || query[2] & QR || get16(query + 4) != 1)
		return 0;
	size_t end = skip_name(query, length, HEADER) + 4;
	if (end <= 4 || end > length || end + ADDRESS_RECORD + OPT_RECORD > HF_YARD_RESPONSE)
		return 0;
	bool edns = get16(query + 10) > 0,
	     known = is_numbered(query + HEADER, end - HEADER, &number);
	memcpy(out, query, end);
	memset(out + 2, 0, 10);
	out[2] = QR | (query[2] & 1);
	out[3] = RA;
	out[5] = 1;
	out[7] = known;
	out[11] = edns;
	uint8_t *p = out + end;
	if (known)
		p = put_address(p, number, ttl);
	if (edns) {
		memcpy(p, opt, sizeof opt);
		p += sizeof opt;
	}
	return (size_t)(p - out);
}
