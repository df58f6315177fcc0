/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "truth/serials.h"
#include "wire/build.h"
#include "wire/message.h"
#include "zone/order.h"
#include "zone/records.h"

#define SOA_FIXED 20

/* Pointers reach so far (RFC 1035 4.1.4). */
#define POINTED_MAX 0x3fff

#define TYPE_CDS 59
#define TYPE_CDNSKEY 60
#define TYPE_BIND_SIGNING 65534 /* BIND's note of what it has signed, at the zone's name */

/* One of the two versions, and where the walk is. */
struct side {
	struct hf_zone *zone;
	struct hf_zone_walk walk;
	struct hf_zone_set set;
	bool left; /* `set` is one */
};

/* A message that is being written. */
struct page {
	struct hf_writer w;
	uint16_t origin_at; /* where the zone's name stands */
	unsigned count;     /* of its update section */
	uint64_t seen;      /* changes of this name that have been come by */
	uint16_t owner_at;  /* where the name at hand stands; 0: nowhere that can be pointed to */
};

struct hf_update {
	struct side have, want;
	struct hf_update_manners manners;
	bool opened;  /* both walks have been begun */
	bool over;    /* the last message has been made */
	bool writing; /* `page` has been begun, and not all that goes into it is in */
	struct page page;
	uint8_t *m;    /* HF_MESSAGE_MAX octets: the page's */
	uint64_t skip; /* of the name at hand: changes that earlier messages have */
	uint64_t changes;
	char first[HF_NAME_TEXT_MAX + 20];
};

/* ---- SOA records ---- */

uint32_t hf_update_soa_serial(const struct hf_update_soa *soa)
{
	return hf_get_u32(soa->rdata + soa->len - SOA_FIXED);
}

void hf_update_soa_of(const struct hf_zone *zone, struct hf_update_soa *ret)
{
	struct hf_zone_set set;
	ret->len = 0;
	if (hf_unexpected(!hf_zone_find(zone, hf_zone_origin(zone), HF_TYPE_SOA, &set)) ||
		hf_unexpected(hf_get_u16(set.rdata) > sizeof ret->rdata))
		return;
	ret->len = hf_get_u16(set.rdata);
	memcpy(ret->rdata, set.rdata + 2, ret->len);
}

/* The same but for the serial? */
static bool same_but_serial(const struct hf_update_soa *a, const struct hf_update_soa *b)
{
	struct hf_update_soa x = *a;
	if (a->len != b->len)
		return false;
	hf_put_u32(x.rdata + x.len - SOA_FIXED, hf_update_soa_serial(b));
	return hf_rdata_compare(HF_TYPE_SOA, x.rdata, x.len, b->rdata, b->len) == 0;
}

/* ---- records of the update section ---- */

static const struct hf_name *origin_of(const struct hf_update *u)
{
	return hf_zone_origin(u->want.zone);
}

static void put_owner(const struct hf_update *u, struct page *p, const uint8_t *owner)
{
	size_t len = hf_name_wire_len(owner, HF_NAME_MAX), above = origin_of(u)->len;
	if (p->owner_at) {
		hf_write_u16(&p->w, (uint16_t)(0xc000 | p->owner_at));
		return;
	}
	if (p->w.len <= POINTED_MAX)
		p->owner_at = (uint16_t)p->w.len;
	hf_write(&p->w, owner, len - above);
	hf_write_u16(&p->w, (uint16_t)(0xc000 | p->origin_at));
}

static void put_record(const struct hf_update *u, struct page *p, const uint8_t *owner,
	uint16_t type, uint16_t class, uint32_t ttl, const uint8_t *rdata, uint16_t len)
{
	put_owner(u, p, owner);
	hf_write_u16(&p->w, type);
	hf_write_u16(&p->w, class);
	hf_write_u32(&p->w, ttl);
	hf_write_u16(&p->w, len);
	hf_write(&p->w, rdata, len);
	p->count++;
}

static void note_first(struct hf_update *u, const struct hf_zone_set *set)
{
	char name[HF_NAME_TEXT_MAX];
	if (!u->first[0])
		snprintf(u->first, sizeof u->first, "%s type %u", hf_name_text(set->owner, name),
			set->type);
}

static void put_set_record(const struct hf_update *u, struct page *p, const struct hf_zone_set *set,
	bool add, const uint8_t *rdata, uint16_t len)
{
	put_record(u, p, set->owner, set->type, add ? HF_CLASS_IN : HF_CLASS_NONE,
		add ? set->ttl : 0, rdata, len);
}

/* One record added (RFC 2136 2.5.1), or taken away (2.5.4). False: the message is full. */
static bool put_change(struct hf_update *u, struct page *p, const struct hf_zone_set *set, bool add,
	const uint8_t *rdata, uint16_t len)
{
	const struct hf_writer before = p->w;
	unsigned count = p->count;
	uint16_t owner_at = p->owner_at;
	if (p->seen++ < u->skip)
		return true;
	put_set_record(u, p, set, add, rdata, len);
	note_first(u, set);
	if (p->w.overrun && !count) { /* alone, it may take all that there is */
		p->w = before;
		p->w.cap = HF_UPDATE_MESSAGE - HF_UPDATE_SOA_MAX - 12;
		p->count = count;
		p->owner_at = owner_at;
		put_set_record(u, p, set, add, rdata, len);
	}
	if (!p->w.overrun)
		return true;
	p->w = before;
	p->count = count;
	p->owner_at = owner_at;
	p->seen--;
	return false;
}

/* ---- one name ---- */

static void step(struct side *side)
{
	side->left = hf_zone_next(&side->walk, &side->set);
}

static bool is_theirs(uint16_t type)
{
	switch (type) {
	case HF_TYPE_RRSIG:
	case HF_TYPE_NSEC:
	case HF_TYPE_NSEC3:
	case HF_TYPE_NSEC3PARAM:
	case HF_TYPE_DNSKEY:
	case TYPE_CDS:
	case TYPE_CDNSKEY:
	case HF_TYPE_ZONEMD:
	case TYPE_BIND_SIGNING: return true;
	default: return false;
	}
}

static bool is_apex(const struct hf_update *u, const uint8_t *owner)
{
	const struct hf_name *origin = origin_of(u);
	return hf_name_wire_len(owner, HF_NAME_MAX) == origin->len &&
	       memcmp(owner, origin->bytes, origin->len) == 0;
}

static bool is_left_alone(const struct hf_update *u, const struct hf_zone_set *set)
{
	if (is_theirs(set->type) || set->type == HF_TYPE_SOA)
		return true;
	return u->manners.apex_theirs && set->type == HF_TYPE_NS && is_apex(u, set->owner);
}

enum types { ALL_TYPES, NS_ONLY, ALL_BUT_NS };

/* What `set` has and the other version's set of its type (NULL: none) has not. A TTL that is
 * another means all records anew, which replace those that are there (RFC 2136 3.4.2.2). */
static bool put_set(struct hf_update *u, struct page *p, const struct hf_zone_set *set,
	const struct hf_zone_set *its, bool add)
{
	if (its && hf_same_records(set, its))
		return true;
	bool all = !its || (add && its->ttl != set->ttl);
	struct hf_missing missing = {.set = set, .other = all ? NULL : its};
	const uint8_t *rdata;
	uint16_t len;
	while (hf_missing_next(&missing, &rdata, &len))
		if (!put_change(u, p, set, add, rdata, len))
			return false;
	return true;
}

/* The set of that name and type, or NULL: moves a walk up to where it would be. */
static const struct hf_zone_set *find_beside(struct side *beside, const struct hf_zone_set *set)
{
	int order = 1;
	while (beside->left && (order = hf_order_sets(&beside->set, set)) < 0)
		step(beside);
	return beside->left && order == 0 ? &beside->set : NULL;
}

/* From the set that a walk is at to the last of its name; the other version's walk goes along,
 * for a name may have sets of sixty thousand types. False: the message is full. */
static bool put_sets(
	struct hf_update *u, struct page *p, const struct side *from, bool add, enum types types)
{
	struct side at = *from, beside = add ? u->have : u->want;
	at.set.owner = at.walk.owner.bytes;
	beside.set.owner = beside.walk.owner.bytes;
	for (const struct hf_name name = at.walk.owner;
		at.left && hf_order_names(at.walk.owner.bytes, name.bytes) == 0;
		at.left = hf_zone_next(&at.walk, &at.set)) {
		bool is_ns = at.set.type == HF_TYPE_NS;
		if (is_left_alone(u, &at.set) || (types == NS_ONLY && !is_ns) ||
			(types == ALL_BUT_NS && is_ns))
			continue;
		if (!put_set(u, p, &at.set, find_beside(&beside, &at.set), add))
			return false;
	}
	return true;
}

static bool put_name(
	struct hf_update *u, struct page *p, const uint8_t *name, bool in_have, bool in_want)
{
	bool apex = is_apex(u, name);
	if (apex && in_want && !put_sets(u, p, &u->want, true, NS_ONLY))
		return false;
	if (in_have && !put_sets(u, p, &u->have, false, ALL_TYPES))
		return false;
	return !in_want || put_sets(u, p, &u->want, true, apex ? ALL_BUT_NS : ALL_TYPES);
}

/* ---- the walk ---- */

static void pass(struct side *side, const struct hf_name *name)
{
	while (side->left && hf_order_names(side->walk.owner.bytes, name->bytes) == 0)
		step(side);
}

static void open_walks(struct hf_update *u)
{
	if (u->opened)
		return;
	u->opened = true;
	step(&u->have);
	step(&u->want);
}

enum walked { WALKED_ALL, WALKED_FULL, WALKED_SLICE };

/* One name that differs somewhere, whole if it fits into what is left of a message. */
static bool take_name(struct hf_update *u, struct page *p, int order)
{
	const struct hf_name name = order <= 0 ? u->have.walk.owner : u->want.walk.owner;
	const struct page before = *p;
	p->seen = 0;
	p->owner_at = 0;
	if (put_name(u, p, name.bytes, order <= 0, order >= 0)) {
		u->changes += p->seen - u->skip;
		u->skip = 0;
		if (order <= 0)
			pass(&u->have, &name);
		if (order >= 0)
			pass(&u->want, &name);
		return true;
	}
	if (before.count) {
		*p = before;
		return false;
	}
	u->changes += p->seen - u->skip; /* the rest of a name that is larger than a message */
	u->skip = p->seen;
	return false;
}

static enum walked walk(struct hf_update *u, struct page *p)
{
	open_walks(u);
	for (unsigned i = 0; u->have.left || u->want.left; i++) {
		if (i >= HF_UPDATE_SLICE)
			return WALKED_SLICE;
		int order = !u->have.left   ? 1
			    : !u->want.left ? -1
					    : hf_order_sets(&u->have.set, &u->want.set);
		if (order == 0 && !u->skip && hf_same_records(&u->have.set, &u->want.set)) {
			step(&u->have);
			step(&u->want);
			continue;
		}
		if (order)
			order = !u->have.left ? 1
				: !u->want.left
					? -1
					: hf_order_names(u->have.set.owner, u->want.set.owner);
		if (!take_name(u, p, order))
			return WALKED_FULL;
	}
	return WALKED_ALL;
}

/* ---- messages ---- */

/* The zone, and the SOA record that must be there: RFC 2136 2.3, 2.4.2 (2.4.1: whichever). */
static void begin_page(const struct hf_update *u, struct page *p,
	const struct hf_update_soa *theirs, uint16_t id, uint8_t *m)
{
	*p = (struct page){.w = hf_writer(m, u->manners.most - HF_UPDATE_SOA_MAX - 12),
		.origin_at = HF_HEADER_LEN};
	hf_write_u16(&p->w, id);
	hf_write_u16(&p->w, HF_OPCODE_UPDATE << 11);
	hf_write_u16(&p->w, 1);
	hf_write_u16(&p->w, 1);
	hf_write_u16(&p->w, 0);
	hf_write_u16(&p->w, 0);
	hf_write(&p->w, origin_of(u)->bytes, origin_of(u)->len);
	hf_write_u16(&p->w, HF_TYPE_SOA);
	hf_write_u16(&p->w, HF_CLASS_IN);
	p->owner_at = HF_HEADER_LEN;
	bool any = u->manners.unguarded;
	put_record(u, p, origin_of(u)->bytes, HF_TYPE_SOA, any ? HF_CLASS_ANY : HF_CLASS_IN, 0,
		theirs->rdata, any ? 0 : theirs->len);
	p->count = 0;
	p->owner_at = 0;
}

/* Must the SOA record be set? A serial of theirs that is ahead of ours is no reason. */
static bool wants_soa(const struct hf_update *u, const struct hf_update_soa *theirs,
	const struct hf_update_soa *ours)
{
	return !u->manners.apex_theirs &&
	       (u->changes || !same_but_serial(theirs, ours) ||
		       hf_serial_older(hf_update_soa_serial(theirs), hf_update_soa_serial(ours)));
}

static void put_soa(struct hf_update *u, struct page *p, const struct hf_update_soa *theirs)
{
	struct hf_update_soa ours;
	uint32_t has = hf_update_soa_serial(theirs);
	hf_update_soa_of(u->want.zone, &ours);
	if (!wants_soa(u, theirs, &ours))
		return;
	if (!hf_serial_older(has, hf_update_soa_serial(&ours)))
		hf_put_u32(ours.rdata + ours.len - SOA_FIXED, has + 1);
	p->w.cap += HF_UPDATE_SOA_MAX + 12; /* which was kept for it */
	p->owner_at = HF_HEADER_LEN;
	put_record(u, p, origin_of(u)->bytes, HF_TYPE_SOA, HF_CLASS_IN,
		hf_zone_soa(u->want.zone)->ttl, ours.rdata, ours.len);
	(void)hf_unexpected(p->w.overrun);
}

enum hf_update_step hf_update_next(struct hf_update *u, const struct hf_update_soa *theirs,
	uint16_t id, uint8_t **ret_m, size_t *ret_len)
{
	struct page *p = &u->page;
	if (u->over)
		return HF_UPDATE_NOTHING;
	if (!u->writing)
		begin_page(u, p, theirs, id, u->m);
	enum walked walked = walk(u, p);
	u->writing = walked == WALKED_SLICE;
	if (u->writing)
		return HF_UPDATE_LATER;
	if (walked == WALKED_FULL && !p->count)
		return HF_UPDATE_TOO_LARGE;
	u->over = walked == WALKED_ALL;
	if (u->over)
		put_soa(u, p, theirs);
	if (!p->count)
		return HF_UPDATE_NOTHING;
	hf_put_u16(u->m + 8, (uint16_t)p->count);
	*ret_m = u->m;
	*ret_len = p->w.len;
	return u->over ? HF_UPDATE_LAST : HF_UPDATE_MESSAGE_MADE;
}

uint64_t hf_update_changes(const struct hf_update *u)
{
	return u->changes;
}

const char *hf_update_first(const struct hf_update *u)
{
	return u->first;
}

/* ---- life ---- */

int hf_update_new(struct hf_zone *have, struct hf_zone *want,
	const struct hf_update_manners *manners, struct hf_update **ret)
{
	struct hf_update *u = calloc(1, sizeof *u);
	uint8_t *m = malloc(HF_MESSAGE_MAX);
	if (!u || !m) {
		free(m);
		free(u);
		return -ENOMEM;
	}
	u->m = m;
	u->have = (struct side){.zone = hf_zone_ref(have), .walk = hf_zone_walk(have)};
	u->want = (struct side){.zone = hf_zone_ref(want), .walk = hf_zone_walk(want)};
	u->manners = *manners;
	if (!u->manners.most)
		u->manners.most = HF_UPDATE_MESSAGE;
	*ret = u;
	return 0;
}

void hf_update_free(struct hf_update *u)
{
	if (!u)
		return;
	hf_zone_unref(u->have.zone);
	hf_zone_unref(u->want.zone);
	free(u->m);
	free(u);
}

/* ---- what servers say ---- */

size_t hf_update_ask(const struct hf_name *origin, uint16_t id, uint8_t *out)
{
	static const uint8_t counts[] = {0, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	struct hf_writer w = hf_writer(out, HF_UPDATE_ASK_MAX);
	hf_write_u16(&w, id);
	hf_write(&w, counts, sizeof counts);
	hf_write(&w, origin->bytes, origin->len);
	hf_write_u16(&w, HF_TYPE_SOA);
	hf_write_u16(&w, HF_CLASS_IN);
	hf_require(!w.overrun);
	return w.len;
}

static bool is_at(const struct hf_name *name, const uint8_t *m, size_t len, size_t at)
{
	struct hf_name its;
	size_t next;
	return hf_name_read(m, len, at, &its, &next) == 0 && its.len == name->len &&
	       hf_name_equal(its.bytes, name->bytes, name->len);
}

/* The record's data with its names written out. */
static bool copy_soa(const uint8_t *m, const struct hf_record *r, struct hf_update_soa *ret)
{
	uint8_t copy[HF_NAME_MAX + 10 + HF_UPDATE_SOA_MAX];
	struct hf_writer w = hf_writer(copy, sizeof copy);
	if (hf_record_copy(m, r, r->ttl, &w))
		return false;
	size_t at = hf_name_wire_len(copy, w.len) + 10;
	if (w.len - at > sizeof ret->rdata || hf_rdata_fault(HF_TYPE_SOA, copy + at, w.len - at))
		return false;
	ret->len = (uint16_t)(w.len - at);
	memcpy(ret->rdata, copy + at, ret->len);
	return true;
}

const char *hf_update_read_soa(const struct hf_name *origin, uint16_t id, const uint8_t *m,
	size_t len, struct hf_update_soa *ret)
{
	struct hf_message_view view;
	struct hf_record r;
	if (hf_message_read(m, len, &view) || view.id != id || !(view.flags & HF_FLAG_QR) ||
		view.flags & HF_FLAG_OPCODE)
		return "an answer that does not fit the question for its SOA record";
	if (view.rcode)
		return hf_update_rcode_text(view.rcode);
	if (!(view.flags & HF_FLAG_AA))
		return "it has no authority for the zone";
	if (!view.answers || view.question_end == HF_HEADER_LEN ||
		hf_record_read(m, view.end, view.question_end, &r) || r.type != HF_TYPE_SOA ||
		r.class != HF_CLASS_IN || !is_at(origin, m, view.end, r.at) ||
		!copy_soa(m, &r, ret))
		return "the answer is not the zone's SOA record";
	return NULL;
}

int hf_update_reply(uint16_t id, const uint8_t *m, size_t len)
{
	if (len < HF_HEADER_LEN || hf_message_id(m) != id || !(hf_message_flags(m) & HF_FLAG_QR) ||
		hf_message_opcode(m) != HF_OPCODE_UPDATE)
		return -1;
	return hf_message_flags(m) & HF_FLAG_RCODE;
}

const char *hf_update_rcode_text(unsigned rcode)
{
	static const char *const names[] = {"NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP",
		"REFUSED", "YXDOMAIN", "YXRRSET", "NXRRSET", "NOTAUTH", "NOTZONE"};
	return rcode < HF_COUNT_OF(names) ? names[rcode] : "an RCODE that is not known";
}
