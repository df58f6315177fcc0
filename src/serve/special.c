/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/special.h"

#include "base/check.h"

#define NAME(text) (const uint8_t *)(text), sizeof(text)
#define LOCALHOST "\x09localhost" /* the literal's NUL is the root */

/* These never change; three hours keeps clients from asking all day. */
#define TTL 10800

#define SELF_PTR_4 "\x01" "1" "\x01" "0" "\x01" "0" "\x03" "127" "\x07" "in-addr" "\x04" "arpa"
#define SELF_PTR_6 \
	"\x01" "1" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" \
	"\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" \
	"\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" \
	"\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" "\x01" "0" \
	"\x03" "ip6" "\x04" "arpa"

struct special {
	const uint8_t *name;
	size_t len;
	bool below; /* names under it, too */
	bool exists;
};

static const struct special specials[] = {
	{ NAME(LOCALHOST), true, true },
	{ NAME("\x07invalid"), true, false },
	{ NAME("\x05onion"), true, false },
	{ NAME(SELF_PTR_4), false, true },
	{ NAME(SELF_PTR_6), false, true },
};

static const struct {
	const uint8_t *name;
	size_t name_len;
	uint16_t type;
	const uint8_t *data;
	size_t data_len;
} records[] = {
	{ NAME(LOCALHOST), HF_TYPE_A, (const uint8_t *)"\x7f\0\0\1", 4 },
	{ NAME(LOCALHOST), HF_TYPE_AAAA, (const uint8_t *)"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1", 16 },
	{ NAME(SELF_PTR_4), HF_TYPE_PTR, NAME(LOCALHOST) },
	{ NAME(SELF_PTR_6), HF_TYPE_PTR, NAME(LOCALHOST) },
};

static const struct special *find(const struct hf_name *name)
{
	for (size_t i = 0; i < HF_COUNT_OF(specials); i++) {
		const struct special *s = &specials[i];
		if (s->below ? hf_name_within(name->bytes, name->len, s->name, s->len)
			     : name->len == s->len && memcmp(name->bytes, s->name, s->len) == 0)
			return s;
	}
	return NULL;
}

static void put_record(struct hf_writer *w, struct hf_kept *kept, uint16_t type,
	const uint8_t *data, size_t data_len)
{
	hf_write_u16(w, 0xc000 | HF_HEADER_LEN);
	hf_write_u16(w, type);
	hf_write_u16(w, HF_CLASS_IN);
	kept->ttl_at[kept->ttl_count++] = (uint16_t)w->len;
	hf_write_u32(w, TTL);
	hf_write_u16(w, (uint16_t)data_len);
	hf_write(w, data, data_len);
}

static unsigned put_answers(struct hf_writer *w, struct hf_kept *kept, const struct special *s,
	uint16_t type)
{
	unsigned count = 0;
	for (size_t i = 0; s->exists && i < HF_COUNT_OF(records); i++)
		if (records[i].type == type && records[i].name_len == s->len &&
			memcmp(records[i].name, s->name, s->len) == 0) {
			put_record(w, kept, type, records[i].data, records[i].data_len);
			count++;
		}
	return count;
}

/* A denial says for how long: the question's name as its own zone. */
static void put_soa(struct hf_writer *w, struct hf_kept *kept)
{
	static const uint8_t data[] = "\x09localhost\0\x06nobody\x07invalid\0"
				      "\0\0\0\1" "\0\0\x0e\x10" "\0\0\4\xb0" "\0\x09\x3a\x80" "\0\0\x2a\x30";
	put_record(w, kept, HF_TYPE_SOA, data, sizeof data - 1);
}

bool hf_special_answer(const struct hf_question *question, struct hf_kept *kept)
{
	const struct special *s = hf_special_may_be(&question->name) ? find(&question->name) : NULL;
	struct hf_writer w = hf_writer(kept->wire, 1024);
	if (!s || question->class != HF_CLASS_IN)
		return false;
	uint8_t *header = hf_write_room(&w, HF_HEADER_LEN);
	memset(header, 0, HF_HEADER_LEN);
	hf_write(&w, question->name.bytes, question->name.len);
	hf_write_u16(&w, question->type);
	hf_write_u16(&w, question->class);
	kept->ttl_count = 0;
	kept->ttl = TTL;
	unsigned answers = put_answers(&w, kept, s, question->type);
	kept->answer_end = (uint16_t)w.len;
	if (!answers)
		put_soa(&w, kept);
	kept->authority_end = kept->len = (uint16_t)w.len;
	hf_put_u16(header + 2, (uint16_t)(HF_FLAG_QR | HF_FLAG_RA |
					  (s->exists ? HF_RCODE_NOERROR : HF_RCODE_NXDOMAIN)));
	hf_put_u16(header + 4, 1);
	hf_put_u16(header + 6, (uint16_t)answers);
	hf_put_u16(header + 8, !answers);
	return true;
}
