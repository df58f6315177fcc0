/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "packet.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#define HEADER 12
#define POINTER 0xc0
#define OPTION_EDE 15

static unsigned get16(const uint8_t *p)
{
	return (unsigned)p[0] << 8 | p[1];
}

static uint32_t get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static uint8_t *put16(uint8_t *p, unsigned value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
	return p + 2;
}

static uint8_t *put32(uint8_t *p, uint32_t value)
{
	return put16(put16(p, value >> 16), value & 0xffff);
}

/* Takes an uncompressed name as lower-case text. Returns where it ends, or 0. */
static size_t read_name(const uint8_t *m, size_t len, size_t at, char name[HF_STAGE_NAME])
{
	size_t used = 0;

	while (at < len && m[at] != 0) {
		size_t label = m[at++];
		if (label > 63 || at + label > len || used + label + 2 > HF_STAGE_NAME)
			return 0;
		if (used)
			name[used++] = '.';
		for (size_t i = 0; i < label; i++) {
			int c = tolower(m[at + i]);
			/* The log is text: one word a name. */
			name[used++] = (char)(isgraph(c) ? c : '?');
		}
		at += label;
	}
	name[used] = '\0';
	return at < len ? at + 1 : 0;
}

/* Passes over a name that may be compressed. Returns where it ends, or 0. */
static size_t skip_name(const uint8_t *m, size_t len, size_t at)
{
	while (at < len) {
		if ((m[at] & POINTER) == POINTER)
			return at + 2 <= len ? at + 2 : 0;
		if (m[at] == 0)
			return at + 1;
		at += 1 + m[at];
	}
	return 0;
}

int hf_stage_read_question(const uint8_t *m, size_t len, struct hf_stage_question *ret)
{
	if (len < HEADER || get16(m + 4) != 1)
		return -1;
	size_t at = read_name(m, len, HEADER, ret->name);
	if (at == 0 || at + 4 > len)
		return -1;
	ret->id = (uint16_t)get16(m);
	ret->type = (uint16_t)get16(m + at);
	ret->end = at + 4;
	/* A query carries nothing but OPT, perhaps with a TSIG that nobody here sends. */
	ret->edns = get16(m + 10) > 0 && ret->end + 11 <= len && m[ret->end] == 0 &&
		    get16(m + ret->end + 1) == HF_STAGE_OPT;
	return 0;
}

uint32_t hf_stage_truth(const char *name, unsigned epoch)
{
	uint32_t hash = 2166136261u; /* FNV-1a, of 32 bits */

	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	hash = (hash ^ (0x80 + epoch)) * 16777619u;
	return (hash ^ hash >> 24) & 0xffffff;
}

static uint8_t *put_opt(uint8_t *p)
{
	*p++ = 0;
	p = put16(put16(p, HF_STAGE_OPT), HF_STAGE_MESSAGE);
	return put16(put32(p, 0), 0);
}

static uint8_t *put_name(uint8_t *p, const uint8_t *end, const char *name)
{
	while (*name) {
		size_t label = strcspn(name, ".");
		if (label == 0 || label > 63 || p + label + 2 > end)
			return NULL;
		*p++ = (uint8_t)label;
		memcpy(p, name, label);
		p += label;
		name += label + (name[label] == '.');
	}
	*p++ = 0;
	return p;
}

size_t hf_stage_write_query(
	uint16_t id, const char *name, uint16_t type, uint8_t out[HF_STAGE_MESSAGE])
{
	uint8_t *p = put16(put16(out, id), 0x0100);

	p = put16(put16(p, 1), 0);
	p = put16(put16(p, 0), 1);
	p = put_name(p, out + 300, name);
	if (p == NULL)
		return 0;
	p = put16(put16(p, type), 1);
	return (size_t)(put_opt(p) - out);
}

static uint8_t *put_truth(
	uint8_t *p, const struct hf_stage_question *q, const struct hf_stage_truths *t)
{
	uint32_t truth = hf_stage_truth(q->name, t->epoch);

	p = put16(put16(put16(p, 0xc000 + HEADER), q->type), 1);
	p = put32(p, t->ttl);
	if (q->type == HF_STAGE_A)
		return put32(put16(p, 4), 10u << 24 | truth);
	char label[16];
	int length = snprintf(label, sizeof label, "h%06x", truth);
	p = put16(p, (unsigned)length + 3);
	*p++ = (uint8_t)length;
	memcpy(p, label, (size_t)length);
	return put16(p + length, 0xc000 + HEADER);
}

/* Addresses in place of the true one. Returns how many records they are. */
static unsigned put_others(const uint8_t *out, uint8_t **at, const struct hf_stage_truths *t)
{
	uint8_t *p = *at;
	unsigned owner = 0xc000 + HEADER;

	if (t->alias) {
		char label[16];
		int length = snprintf(label, sizeof label, "edge%x", t->address[0]);
		p = put16(put16(put16(p, owner), 5), 1);
		p = put16(put32(p, t->ttl), (unsigned)length + 3);
		owner = 0xc000 + (unsigned)(p - out);
		*p++ = (uint8_t)length;
		memcpy(p, label, (size_t)length);
		p = put16(p + length, 0xc000 + HEADER);
	}
	for (unsigned i = 0; i < t->addresses; i++) {
		p = put16(put16(put16(p, owner), HF_STAGE_A), 1);
		p = put32(put16(put32(p, t->ttl), 4), t->address[i]);
	}
	*at = p;
	return t->addresses + t->alias;
}

/* The SOA of no data: of the name itself, which nobody here minds; that of no such name:
 * of the name above. */
static uint8_t *put_soa(uint8_t *p, uint32_t ttl, unsigned zone)
{
	p = put16(put16(put16(p, 0xc000 + zone), HF_STAGE_SOA), 1);
	p = put16(put32(p, ttl), 2 + 20 + 2);
	p = put16(put16(p, 0xc000 + HEADER), 0xc000 + HEADER);
	for (int i = 0; i < 5; i++)
		p = put32(p, i == 0 ? 1 : ttl);
	return p;
}

size_t hf_stage_write_response(const uint8_t *query, const struct hf_stage_question *question,
	const struct hf_stage_truths *truths, uint8_t out[HF_STAGE_MESSAGE])
{
	bool others = truths->addresses && question->type == HF_STAGE_A;
	bool answers =
		others ||
		(truths->known && (question->type == HF_STAGE_A || question->type == HF_STAGE_PTR));
	bool fine = truths->rcode == HF_STAGE_NOERROR || truths->rcode == HF_STAGE_NXDOMAIN;
	unsigned above = query[HEADER] ? HEADER + 1u + query[HEADER] : HEADER, records = answers;
	uint8_t *p = out + question->end;

	memcpy(out, query, question->end);
	put16(out + 2, 0x8080 | (query[2] & 0x01) << 8 | truths->rcode);
	if (fine && others)
		records = put_others(out, &p, truths);
	else if (fine)
		p = answers ? put_truth(p, question, truths)
			    : put_soa(p, truths->ttl,
				      truths->rcode == HF_STAGE_NXDOMAIN ? above : HEADER);
	put16(out + 6, fine ? records : 0);
	put16(out + 8, fine && !answers);
	put16(out + 10, question->edns);
	if (question->edns)
		p = put_opt(p);
	return (size_t)(p - out);
}

/* Which epoch data belongs to, -2 if to none. */
static int epoch_of(const uint8_t *data, unsigned length, unsigned type, const char *name)
{
	for (unsigned epoch = 0; epoch < HF_STAGE_EPOCHS; epoch++) {
		uint32_t truth = hf_stage_truth(name, epoch);
		char label[16];
		if (type == HF_STAGE_A) {
			if (length == 4 && get32(data) == (10u << 24 | truth))
				return (int)epoch;
			continue;
		}
		int wanted = snprintf(label, sizeof label, "%ch%06x", 7, truth);
		if (length > (unsigned)wanted && memcmp(data, label, (size_t)wanted) == 0)
			return (int)epoch;
	}
	return -2;
}

static void take_edes(const uint8_t *data, unsigned length, struct hf_stage_verdict *v)
{
	while (length >= 4) {
		unsigned code = get16(data), size = get16(data + 2);
		if (size + 4 > length)
			return;
		if (code == OPTION_EDE && size >= 2 && v->edes < HF_STAGE_EDES)
			v->ede[v->edes++] = (uint16_t)get16(data + 4);
		data += size + 4;
		length -= size + 4;
	}
}

int hf_stage_judge(const uint8_t *m, size_t len, const char *name, struct hf_stage_verdict *ret)
{
	struct hf_stage_question q;
	struct hf_stage_verdict v = {.epoch = -1};

	if (hf_stage_read_question(m, len, &q) < 0)
		return -1;
	v.rcode = m[3] & 0x0f;
	size_t at = q.end;
	unsigned answers = get16(m + 6);
	unsigned records = answers + get16(m + 8) + get16(m + 10);
	for (unsigned i = 0; i < records; i++) {
		at = skip_name(m, len, at);
		if (at == 0 || at + 10 > len)
			return -1;
		unsigned type = get16(m + at), length = get16(m + at + 8);
		if (at + 10 + length > len)
			return -1;
		if (type == HF_STAGE_OPT)
			take_edes(m + at + 10, length, &v);
		else if (i < answers && type == q.type && v.epoch != -2) {
			v.ttl = get32(m + at + 4);
			v.epoch = epoch_of(m + at + 10, length, type, name);
		}
		at += 10 + length;
	}
	*ret = v;
	return 0;
}
