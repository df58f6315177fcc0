/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/chain.h"

#include "base/check.h"
#include "base/error.h"

/* Pointers reach so far (RFC 1035 4.1.4). */
#define POINTED_MAX 0x3fff

void hf_chain_begin(struct hf_chain *chain, uint8_t *wire, const uint8_t *question, size_t len)
{
	*chain = (struct hf_chain){.wire = wire,
		.question_end = (uint16_t)(HF_HEADER_LEN + len),
		.flags = HF_FLAG_QR | HF_FLAG_RA};
	memset(wire, 0, HF_HEADER_LEN);
	memcpy(wire + HF_HEADER_LEN, question, len);
	chain->len = chain->answer_end = chain->question_end;
}

static bool same_name(const struct hf_chain *chain, size_t at, const struct hf_name *name)
{
	size_t len = hf_name_wire_len(chain->wire + at, chain->len - at);
	return len == name->len && hf_name_equal(chain->wire + at, name->bytes, len);
}

/* Puts a pointer in place of the owner name that stands at `start`, if the same name
 * stands before it. Returns the octets saved. */
static size_t compress(
	struct hf_chain *chain, size_t start, size_t end, const struct hf_name *owner)
{
	size_t to = 0;
	if (owner->len <= 2)
		return 0;
	if (same_name(chain, HF_HEADER_LEN, owner))
		to = HF_HEADER_LEN;
	else if (chain->target_at && same_name(chain, chain->target_at, owner))
		to = chain->target_at;
	if (!to)
		return 0;
	hf_put_u16(chain->wire + start, (uint16_t)(0xc000 | to));
	memmove(chain->wire + start + 2, chain->wire + start + owner->len,
		end - start - owner->len);
	return owner->len - 2u;
}

static bool put_record(struct hf_chain *chain, const uint8_t *m, const struct hf_record *record,
	const struct hf_name *owner, uint32_t ttl)
{
	struct hf_writer w = hf_writer(chain->wire, HF_MESSAGE_MAX);
	size_t start = w.len = chain->len;
	if (chain->overrun || hf_record_copy(m, record, ttl, &w)) {
		chain->overrun = true;
		return false;
	}
	size_t data = w.len - start - owner->len - 10;
	chain->len = w.len - compress(chain, start, w.len, owner);
	if (record->type == HF_TYPE_CNAME) {
		chain->aliases++;
		chain->target_at = 0;
		if (chain->len - data <= POINTED_MAX)
			chain->target_at = (uint16_t)(chain->len - data);
	}
	return true;
}

static uint32_t left(uint32_t ttl, uint32_t age, uint32_t ttl_floor)
{
	ttl = ttl > age ? ttl - age : 0;
	return ttl > ttl_floor ? ttl : ttl_floor;
}

static bool next_record(
	const struct hf_kept *kept, size_t *at, struct hf_record *ret, struct hf_name *ret_owner)
{
	size_t unused;
	if (hf_unexpected(hf_record_read(kept->wire, kept->len, *at, ret) ||
			  hf_name_read(kept->wire, kept->len, ret->at, ret_owner, &unused)))
		return false;
	*at = ret->end;
	return true;
}

/* Where the records begin: kept answers repeat their question. */
static size_t records_at(const struct hf_kept *kept)
{
	if (!hf_get_u16(kept->wire + 4))
		return HF_HEADER_LEN;
	return HF_HEADER_LEN + 4 +
	       hf_name_wire_len(kept->wire + HF_HEADER_LEN, kept->len - HF_HEADER_LEN);
}

/* The type that a record is about: a signature's is that of what it signs. */
static uint16_t subject(const struct hf_kept *kept, const struct hf_record *record)
{
	return record->type == HF_TYPE_RRSIG && record->rdata_len >= 2
		       ? hf_get_u16(kept->wire + record->rdata_at)
		       : record->type;
}

/* path: whose records are added; NULL: all. */
static void add_records(struct hf_chain *chain, const struct hf_kept *kept, uint32_t age,
	uint32_t ttl_floor, const struct hf_alias_path *path)
{
	struct hf_record record;
	struct hf_name owner;
	for (size_t at = records_at(kept); at < kept->answer_end;) {
		if (!next_record(kept, &at, &record, &owner))
			break;
		struct hf_name lowered = owner;
		hf_name_lower(lowered.bytes, lowered.len);
		if (path && !hf_alias_path_has(path, &lowered, subject(kept, &record)))
			continue;
		if (!put_record(
			    chain, kept->wire, &record, &owner, left(record.ttl, age, ttl_floor)))
			break;
		chain->answers++;
	}
	chain->answer_end = chain->len;
}

void hf_chain_add(
	struct hf_chain *chain, const struct hf_kept *kept, uint32_t age, uint32_t ttl_floor)
{
	add_records(chain, kept, age, ttl_floor, NULL);
}

bool hf_chain_add_until(struct hf_chain *chain, const struct hf_kept *kept, uint32_t age,
	uint32_t ttl_floor, hf_alias_to *ours, void *ctx, struct hf_name *ret_stopped)
{
	struct hf_alias_path path;
	hf_aliases_follow(kept, ours, ctx, &path);
	add_records(chain, kept, age, ttl_floor, path.stopped ? &path : NULL);
	if (path.stopped)
		*ret_stopped = path.stop;
	return path.stopped;
}

bool hf_chain_passed(const struct hf_chain *chain, const struct hf_name *name)
{
	struct hf_record record;
	struct hf_name owner;
	size_t unused;
	for (size_t at = chain->question_end; at < chain->answer_end; at = record.end) {
		if (hf_record_read(chain->wire, chain->len, at, &record) ||
			hf_name_read(chain->wire, chain->len, at, &owner, &unused))
			return false;
		if (record.type == HF_TYPE_CNAME && owner.len == name->len &&
			hf_name_equal(owner.bytes, name->bytes, name->len))
			return true;
	}
	return false;
}

void hf_chain_close(
	struct hf_chain *chain, const struct hf_kept *kept, uint32_t age, uint32_t ttl_floor)
{
	struct hf_record record;
	struct hf_name owner;
	chain->answer_end = chain->len;
	for (size_t at = kept->answer_end; at < kept->authority_end;) {
		if (!next_record(kept, &at, &record, &owner) ||
			!put_record(chain, kept->wire, &record, &owner,
				left(record.ttl, age, ttl_floor)))
			break;
		chain->authorities++;
	}
	chain->flags |= hf_get_u16(kept->wire + 2) & (HF_FLAG_RCODE | HF_FLAG_TC);
}

void hf_chain_end(struct hf_chain *chain, struct hf_kept *ret)
{
	static uint16_t no_ttls[1]; /* never written: they are what they are to be */
	uint8_t *wire = chain->wire;
	if (chain->overrun) {
		chain->flags |= HF_FLAG_TC;
		chain->len = chain->answer_end = chain->question_end;
		chain->answers = chain->authorities = 0;
	}
	hf_put_u16(wire + 2, chain->flags);
	hf_put_u16(wire + 4, 1);
	hf_put_u16(wire + 6, chain->answers);
	hf_put_u16(wire + 8, chain->authorities);
	hf_put_u16(wire + 10, 0);
	*ret = (struct hf_kept){.wire = wire,
		.len = (uint16_t)chain->len,
		.answer_end = (uint16_t)chain->answer_end,
		.authority_end = (uint16_t)chain->len,
		.ttl_at = no_ttls};
}
