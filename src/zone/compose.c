/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/compose.h"

#include "base/check.h"
#include "wire/rdata.h"

#define POINTER 0xc000u /* and what a pointer can reach lies below it: RFC 1035 4.1.4 */

/* ---- names ---- */

static void note_suffix(struct hf_compose *c, size_t at, size_t len)
{
	if (len > 1 && at < 0x4000 && c->suffix_count < HF_SUFFIXES_MAX)
		c->suffixes[c->suffix_count++] =
			(struct hf_suffix){.at = (uint16_t)at, .len = (uint8_t)len};
}

/* Is the name that begins at `at` of the message this one? */
static bool stands_at(const uint8_t *message, size_t at, const uint8_t *name)
{
	for (;;) {
		while (message[at] > HF_LABEL_MAX)
			at = hf_get_u16(message + at) & ~POINTER;
		if (message[at] != *name || memcmp(message + at + 1, name + 1, *name) != 0)
			return false;
		if (!*name)
			return true;
		at += 1 + (size_t)*name;
		name += 1 + (size_t)*name;
	}
}

static const struct hf_suffix *find_suffix(
	const struct hf_compose *c, const uint8_t *name, size_t len)
{
	for (unsigned i = 0; i < c->suffix_count; i++)
		if (c->suffixes[i].len == len && stands_at(c->w.bytes, c->suffixes[i].at, name))
			return &c->suffixes[i];
	return NULL;
}

static size_t len_of(const uint8_t *name)
{
	const uint8_t *at = name;
	while (*at)
		at += 1 + (size_t)*at;
	return (size_t)(at - name) + 1;
}

static void put_name(struct hf_compose *c, const uint8_t *name, size_t len)
{
	for (; *name; len -= 1 + (size_t)*name, name += 1 + (size_t)*name) {
		const struct hf_suffix *known = find_suffix(c, name, len);
		if (known) {
			hf_write_u16(&c->w, (uint16_t)(POINTER | known->at));
			return;
		}
		size_t at = c->w.len;
		if (!hf_write(&c->w, name, 1 + (size_t)*name))
			return;
		/* What follows it is written before anybody looks for it. */
		note_suffix(c, at, len);
	}
	hf_write_u8(&c->w, 0);
}

/* ---- records ---- */

/* RFC 3597 4: no others. */
static bool may_compress(uint16_t type)
{
	return (type >= HF_TYPE_NS && type <= HF_TYPE_MR) || type == HF_TYPE_PTR ||
	       type == HF_TYPE_MINFO || type == HF_TYPE_MX;
}

static void put_data(struct hf_compose *c, uint16_t type, const uint8_t *rdata, size_t len)
{
	size_t at = 0;
	uint8_t *length = hf_write_room(&c->w, 2);
	size_t begin = c->w.len;
	if (may_compress(type)) {
		const struct hf_rdata_shape *shape = hf_rdata_shape(type);
		hf_write(&c->w, rdata, at = shape->before);
		for (unsigned i = 0; i < shape->names; i++) {
			size_t name = len_of(rdata + at);
			put_name(c, rdata + at, name);
			at += name;
		}
	}
	hf_write(&c->w, rdata + at, len - at);
	if (length)
		hf_put_u16(length, (uint16_t)(c->w.len - begin));
}

static void leave_off(struct hf_compose *c, size_t len, unsigned suffixes)
{
	c->w.len = len;
	c->w.overrun = false;
	c->suffix_count = suffixes;
	c->full = true;
	c->cut |= c->section != HF_ADDITIONAL;
}

/* A record whose owner stands at `owner_at`, or is written first if that is 0. */
static void put_record(struct hf_compose *c, size_t owner_at, const uint8_t *owner, uint16_t type,
	uint32_t ttl, const uint8_t *rdata, uint16_t rdata_len)
{
	struct hf_kept *kept = c->kept;
	size_t len = c->w.len;
	unsigned suffixes = c->suffix_count;
	if (c->full)
		return;
	if (owner_at)
		hf_write_u16(&c->w, (uint16_t)(POINTER | owner_at));
	else
		put_name(c, owner, len_of(owner));
	uint8_t *fixed = hf_write_room(&c->w, 8);
	size_t ttl_at = c->w.len - 4;
	if (fixed) {
		hf_put_u16(fixed, type);
		hf_put_u16(fixed + 2, HF_CLASS_IN);
		hf_put_u32(fixed + 4, ttl);
	}
	put_data(c, type, rdata, rdata_len);
	if (c->w.overrun || kept->ttl_count == HF_RECORDS_MAX) {
		leave_off(c, len, suffixes);
		return;
	}
	kept->ttl_at[kept->ttl_count++] = (uint16_t)ttl_at;
	kept->ttl = ttl < kept->ttl ? ttl : kept->ttl;
	c->counts[c->section]++;
}

void hf_compose_record(struct hf_compose *c, const uint8_t *owner, uint16_t type, uint32_t ttl,
	const uint8_t *rdata, uint16_t rdata_len)
{
	put_record(c, 0, owner, type, ttl, rdata, rdata_len);
}

void hf_compose_set(struct hf_compose *c, const uint8_t *owner, const struct hf_zone_set *set)
{
	const uint8_t *at = set->rdata;
	size_t begin = c->w.len, owner_at = 0;
	for (unsigned i = 0; i < set->count; i++) {
		uint16_t len = hf_get_u16(at);
		put_record(c, owner_at, owner, set->type, set->ttl, at + 2, len);
		at += 2 + (size_t)len;
		if (!i && !c->full) { /* the others repeat where the first one's owner stands */
			owner_at = c->w.bytes[begin] > HF_LABEL_MAX
					   ? hf_get_u16(c->w.bytes + begin) & ~POINTER
					   : begin;
			owner_at = owner_at < 0x4000 && *owner ? owner_at : 0;
		}
	}
}

/* ---- the message ---- */

void hf_compose_begin(
	struct hf_compose *c, struct hf_kept *kept, const struct hf_question *question)
{
	const struct hf_name *name = &question->name;
	c->kept = kept;
	c->w = hf_writer(kept->wire, HF_MESSAGE_MAX);
	c->section = HF_ANSWER;
	memset(c->counts, 0, sizeof c->counts);
	c->cut = c->full = false;
	c->suffix_count = 0;
	kept->ttl_count = 0;
	kept->ttl = UINT32_MAX;
	memset(hf_write_room(&c->w, HF_HEADER_LEN), 0, HF_HEADER_LEN);
	for (size_t at = 0; name->bytes[at]; at += 1 + (size_t)name->bytes[at])
		note_suffix(c, HF_HEADER_LEN + at, name->len - at);
	hf_write(&c->w, name->bytes, name->len);
	hf_write_u16(&c->w, question->type);
	hf_write_u16(&c->w, question->class);
}

void hf_compose_section(struct hf_compose *c, enum hf_section section)
{
	struct hf_kept *kept = c->kept;
	if (c->section == HF_ANSWER)
		kept->answer_end = (uint16_t)c->w.len;
	if (section == HF_ADDITIONAL)
		kept->authority_end = (uint16_t)c->w.len;
	c->section = section;
}

void hf_compose_end(struct hf_compose *c, unsigned rcode, bool authoritative)
{
	struct hf_kept *kept = c->kept;
	uint16_t flags = (uint16_t)(HF_FLAG_QR | HF_FLAG_RA | rcode);
	if (c->section != HF_ADDITIONAL)
		hf_compose_section(c, HF_ADDITIONAL);
	if (authoritative)
		flags |= HF_FLAG_AA;
	if (c->cut)
		flags |= HF_FLAG_TC;
	hf_put_u16(kept->wire + 2, flags);
	hf_put_u16(kept->wire + 4, 1);
	for (unsigned i = 0; i < 3; i++)
		hf_put_u16(kept->wire + 6 + 2 * i, c->counts[i]);
	kept->len = (uint16_t)c->w.len;
}
