/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/outgoing.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "truth/serials.h"
#include "wire/rdata.h"

/* Pointers reach so far (RFC 1035 4.1.4). */
#define POINTED_MAX 0x3fff

struct hf_zone_out {
	struct hf_zone *zone;
	struct hf_journal *journal;
	enum hf_zone_out_kind kind;
	uint16_t id, flags;
	uint8_t question[HF_NAME_MAX + 4];
	uint16_t question_len;
	bool edns; /* and not yet said */
	size_t most;
	/* What comes next. */
	enum { OPENING, BODY, OVER } stage;
	struct hf_zone_walk walk; /* of the whole zone */
	struct hf_zone_set set;
	unsigned set_left;
	const uint8_t *set_at;
	size_t difference, difference_at;
	bool held; /* `piece` did not fit into the last message */
	struct hf_zone_piece piece;
};

/* A message that is being written. */
struct page {
	struct hf_writer w;
	struct hf_name owner; /* of the record before */
	uint16_t owner_at;    /* 0: not to be pointed to */
	uint16_t answers;
};

enum hf_zone_out_kind hf_zone_out_kind_of(const struct hf_zone *zone,
	const struct hf_journal *journal, uint32_t serial, size_t *ret_first)
{
	uint32_t ours = hf_zone_soa(zone)->serial;
	if (serial == ours || hf_serial_older(ours, serial))
		return HF_ZONE_OUT_SOA;
	size_t first = hf_journal_find(journal, serial, ours);
	/* Differences that are more than the zone itself are no gain. */
	if (first == HF_JOURNAL_NONE || hf_journal_octets(journal, first) > hf_zone_octets(zone))
		return HF_ZONE_OUT_WHOLE;
	*ret_first = first;
	return HF_ZONE_OUT_DIFFERENCES;
}

/* ---- the records in their order ---- */

static void point_at(struct hf_zone_piece *piece, const struct hf_zone_set *set, const uint8_t *at)
{
	*piece = (struct hf_zone_piece){.owner = set->owner,
		.owner_len = (uint8_t)hf_name_wire_len(set->owner, HF_NAME_MAX),
		.type = set->type,
		.ttl = set->ttl,
		.rdata = at + 2,
		.rdata_len = hf_get_u16(at)};
}

static void soa(struct hf_zone_out *o)
{
	struct hf_zone_set set;
	if (hf_unexpected(!hf_zone_find(o->zone, hf_zone_origin(o->zone), HF_TYPE_SOA, &set)))
		return;
	point_at(&o->piece, &set, set.rdata);
}

/* The next record of the whole zone but for its SOA. */
static bool of_zone(struct hf_zone_out *o)
{
	while (!o->set_left) {
		if (!hf_zone_next(&o->walk, &o->set))
			return false;
		if (o->set.type == HF_TYPE_SOA)
			continue;
		o->set_left = o->set.count;
		o->set_at = o->set.rdata;
	}
	point_at(&o->piece, &o->set, o->set_at);
	o->set_at += 2 + o->piece.rdata_len;
	o->set_left--;
	return true;
}

static bool of_differences(struct hf_zone_out *o)
{
	for (; o->difference < hf_journal_count(o->journal); o->difference++) {
		if (hf_difference_next(
			    hf_journal_at(o->journal, o->difference), &o->difference_at, &o->piece))
			return true;
		o->difference_at = 0;
	}
	return false;
}

/* Sets o->piece. False: there are no more. */
static bool next_piece(struct hf_zone_out *o)
{
	if (o->stage == OPENING) {
		o->stage = o->kind == HF_ZONE_OUT_SOA ? OVER : BODY;
		soa(o);
		return true;
	}
	if (o->stage == BODY && (o->kind == HF_ZONE_OUT_WHOLE ? of_zone(o) : of_differences(o)))
		return true;
	if (o->stage != BODY)
		return false;
	o->stage = OVER;
	soa(o);
	return true;
}

/* ---- messages ---- */

/* A name that ends with the origin, in the same case, ends with a pointer to the question,
 * which begins with that: letters arrive as they are here. */
static void put_name(struct hf_zone_out *o, struct page *p, const uint8_t *name, size_t len)
{
	size_t origin_len = (size_t)o->question_len - 4, at = 0;
	while (len - at > origin_len && name[at])
		at += 1 + (size_t)name[at];
	if (origin_len > 1 && len - at == origin_len &&
		memcmp(name + at, o->question, origin_len) == 0) {
		hf_write(&p->w, name, at);
		hf_write_u16(&p->w, 0xc000 | HF_HEADER_LEN);
	} else {
		hf_write(&p->w, name, len);
	}
}

static void put_owner(struct hf_zone_out *o, struct page *p)
{
	const struct hf_zone_piece *piece = &o->piece;
	if (p->owner_at && p->owner.len == piece->owner_len &&
		memcmp(p->owner.bytes, piece->owner, piece->owner_len) == 0) {
		hf_write_u16(&p->w, (uint16_t)(0xc000 | p->owner_at));
		return;
	}
	p->owner.len = piece->owner_len;
	memcpy(p->owner.bytes, piece->owner, piece->owner_len);
	p->owner_at = p->w.len <= POINTED_MAX ? (uint16_t)p->w.len : 0;
	put_name(o, p, piece->owner, piece->owner_len);
}

/* Those whose names everybody may compress and must be able to read so: RFC 3597 4. */
static bool may_compress(uint16_t type)
{
	return type == HF_TYPE_NS || type == HF_TYPE_CNAME || type == HF_TYPE_SOA ||
	       type == HF_TYPE_PTR || type == HF_TYPE_MX;
}

static void put_rdata(struct hf_zone_out *o, struct page *p)
{
	const struct hf_zone_piece *piece = &o->piece;
	const struct hf_rdata_shape *shape = hf_rdata_shape(piece->type);
	size_t at = shape->before;
	if (!may_compress(piece->type) || at >= piece->rdata_len) {
		hf_write(&p->w, piece->rdata, piece->rdata_len);
		return;
	}
	hf_write(&p->w, piece->rdata, at);
	for (unsigned i = 0; i < shape->names; i++) {
		size_t len = hf_name_wire_len(piece->rdata + at, piece->rdata_len - at);
		if (hf_unexpected(!len)) {
			p->w.overrun = true;
			return;
		}
		put_name(o, p, piece->rdata + at, len);
		at += len;
	}
	hf_write(&p->w, piece->rdata + at, piece->rdata_len - at);
}

/* False: it does not fit, and nothing was written. */
static bool put_piece(struct hf_zone_out *o, struct page *p)
{
	const struct hf_writer before = p->w;
	put_owner(o, p);
	hf_write_u16(&p->w, o->piece.type);
	hf_write_u16(&p->w, HF_CLASS_IN);
	hf_write_u32(&p->w, o->piece.ttl);
	uint8_t *length = hf_write_room(&p->w, 2);
	size_t start = p->w.len;
	put_rdata(o, p);
	if (p->w.overrun) {
		p->w = before;
		p->owner_at = 0;
		return false;
	}
	hf_put_u16(length, (uint16_t)(p->w.len - start));
	p->answers++;
	return true;
}

static void begin_page(struct hf_zone_out *o, struct page *p, uint8_t *m, size_t cap)
{
	p->w = hf_writer(m, cap);
	p->owner_at = 0;
	p->answers = 0;
	uint8_t *header = hf_write_room(&p->w, HF_HEADER_LEN);
	memset(header, 0, HF_HEADER_LEN);
	hf_put_u16(header, o->id);
	hf_put_u16(header + 2, (uint16_t)(HF_FLAG_QR | HF_FLAG_AA | (o->flags & HF_FLAG_RD)));
	hf_put_u16(header + 4, 1);
	hf_write(&p->w, o->question, o->question_len);
}

static void end_page(struct hf_zone_out *o, struct page *p)
{
	hf_put_u16(p->w.bytes + 6, p->answers);
	if (!o->edns)
		return;
	uint8_t *opt = p->w.bytes + p->w.len;
	memset(opt, 0, HF_OPT_LEN);
	hf_put_u16(opt + 1, HF_TYPE_OPT);
	hf_put_u16(opt + 3, HF_EDNS_SIZE);
	hf_put_u16(p->w.bytes + 10, 1);
	p->w.len += HF_OPT_LEN;
	o->edns = false;
}

int hf_zone_out_next(struct hf_zone_out *o, uint8_t *m, size_t *ret_len)
{
	struct page p;
	begin_page(o, &p, m, HF_ZONE_OUT_MESSAGE);
	for (;;) {
		if (!o->held && !next_piece(o))
			break;
		o->held = !put_piece(o, &p);
		if (o->held && !p.answers) { /* alone, it may take all that there is */
			p.w.cap = o->most;
			o->held = !put_piece(o, &p);
			if (o->held)
				return HF_ESPACE;
		}
		if (o->held || p.w.len > HF_ZONE_OUT_MESSAGE)
			break;
	}
	bool more = o->held || o->stage != OVER;
	end_page(o, &p);
	*ret_len = p.w.len;
	return more;
}

/* ---- life ---- */

int hf_zone_out_new(const struct hf_zone_out_conf *conf, struct hf_zone_out **ret)
{
	struct hf_zone_out *o = calloc(1, sizeof *o);
	if (!o)
		return -ENOMEM;
	o->zone = hf_zone_ref(conf->zone);
	o->journal = conf->journal ? hf_journal_ref(conf->journal) : NULL;
	o->kind = conf->kind;
	o->difference = conf->first;
	o->id = conf->id;
	o->flags = conf->flags;
	o->question_len = conf->question_len;
	memcpy(o->question, conf->question, conf->question_len);
	o->edns = conf->edns;
	o->most = HF_MESSAGE_MAX - HF_OPT_LEN - conf->reserve;
	o->walk = hf_zone_walk(o->zone);
	*ret = o;
	return 0;
}

void hf_zone_out_free(struct hf_zone_out *o)
{
	if (!o)
		return;
	hf_zone_unref(o->zone);
	hf_journal_unref(o->journal);
	free(o);
}
