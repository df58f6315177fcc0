/* SPDX-License-Identifier: MIT */
#include "wire/tidy.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/rdata.h"

#define CHAIN_MAX 32
#define ALIASES_MAX 64
#define HOSTS_MAX 64
#define ZONES_MAX 8

/* Names in the order in which they were found, each once; nobody clears the rest. */
struct names {
	unsigned count, max;
	struct hf_name *items;
};

struct reading {
	const uint8_t *m;
	const struct hf_message_view *view;
	const struct hf_tidy_bar *bar; /* or NULL */
	uint16_t type, class; /* that were asked for */
	uint16_t aliases[ALIASES_MAX];
	unsigned alias_count;
	struct names chain, hosts, zones;
	struct hf_name chain_items[CHAIN_MAX], host_items[HOSTS_MAX], zone_items[ZONES_MAX];
	bool answered;   /* a record of the type asked for belongs */
	bool unanswered; /* ... and one does not */
};

/* ---- names ---- */

static bool same(const struct hf_name *a, const struct hf_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool within(const struct hf_name *name, const struct hf_name *zone)
{
	return hf_name_within(name->bytes, name->len, zone->bytes, zone->len);
}

static bool below(const struct hf_name *name, const struct hf_name *zone)
{
	return name->len > zone->len && within(name, zone);
}

static bool among(const struct names *names, const struct hf_name *name)
{
	for (unsigned i = 0; i < names->count; i++)
		if (same(&names->items[i], name))
			return true;
	return false;
}

static void add(struct names *names, const struct hf_name *name)
{
	if (names->count == names->max || among(names, name))
		return;
	struct hf_name *item = &names->items[names->count++];
	item->len = name->len;
	memcpy(item->bytes, name->bytes, name->len);
}

/* Does one of the names lie at or below the zone? */
static bool any_within(const struct names *names, const struct hf_name *zone)
{
	for (unsigned i = 0; i < names->count; i++)
		if (within(&names->items[i], zone))
			return true;
	return false;
}

static bool any_below(const struct names *names, const struct hf_name *zone)
{
	for (unsigned i = 0; i < names->count; i++)
		if (below(&names->items[i], zone))
			return true;
	return false;
}

static bool read_name(const uint8_t *m, size_t end, size_t at, struct hf_name *ret)
{
	size_t next;
	if (hf_name_read(m, end, at, ret, &next))
		return false;
	hf_name_lower(ret->bytes, ret->len);
	return true;
}

/* In the data of newer types, where compression is not allowed (RFC 3597 4). */
static bool read_plain(const uint8_t *m, size_t end, size_t at, struct hf_name *ret)
{
	ret->len = at < end ? (uint8_t)hf_name_wire_len(m + at, end - at) : 0;
	hf_name_copy_lower(ret->bytes, m + at, ret->len);
	return ret->len != 0;
}

/* ---- the chain ---- */

/* RFC 6672 2.2: what is below the owner, put before the target. */
static bool substitute(const struct hf_name *name, const struct hf_name *owner,
	const struct hf_name *target, struct hf_name *ret)
{
	size_t before = (size_t)name->len - owner->len;
	if (before + target->len > HF_NAME_MAX)
		return false;
	memcpy(ret->bytes, name->bytes, before);
	memcpy(ret->bytes + before, target->bytes, target->len);
	ret->len = (uint8_t)(before + target->len);
	return true;
}

static bool follows_cname(const struct reading *r)
{
	return r->type != HF_TYPE_CNAME && r->type != HF_TYPE_ANY;
}

/* Where an alias leads to from a name of the chain. */
static bool lead(
	const struct reading *r, size_t at, const struct hf_name *from, struct hf_name *ret)
{
	struct hf_record record;
	struct hf_name owner, target;
	if (hf_record_read(r->m, r->view->end, at, &record) ||
		!read_name(r->m, record.end, at, &owner) ||
		!read_name(r->m, record.end, record.rdata_at, &target))
		return false;
	if (record.type == HF_TYPE_DNAME)
		return below(from, &owner) && substitute(from, &owner, &target, ret);
	*ret = target;
	return follows_cname(r) && same(from, &owner);
}

static int note_alias(struct reading *r, const struct hf_record *record)
{
	bool alias = record->type == HF_TYPE_CNAME || record->type == HF_TYPE_DNAME;
	if (!alias || !record->rdata_len || record->class != r->class)
		return 0;
	if (r->alias_count == ALIASES_MAX)
		return HF_EMALFORMED;
	r->aliases[r->alias_count++] = record->at;
	return 0;
}

static int follow(struct reading *r)
{
	struct hf_record record;
	struct hf_name next;
	for (size_t at = r->view->question_end; at < r->view->answer_end; at = record.end) {
		int rc = hf_record_read(r->m, r->view->end, at, &record);
		rc = rc ? rc : note_alias(r, &record);
		if (rc)
			return rc;
	}
	for (unsigned i = 0; i < r->chain.count; i++)
		for (unsigned a = 0; a < r->alias_count; a++)
			if (lead(r, r->aliases[a], &r->chain.items[i], &next))
				add(&r->chain, &next);
	return 0;
}

static const struct hf_name *last_of(const struct names *chain)
{
	return &chain->items[chain->count - 1];
}

/* ---- what belongs ---- */

static bool of_class(const struct reading *r, const struct hf_record *record)
{
	return record->class == r->class || r->class == HF_CLASS_ANY;
}

static uint16_t covered(const struct reading *r, const struct hf_record *record)
{
	return record->rdata_len >= 2 ? hf_get_u16(r->m + record->rdata_at) : 0;
}

/* The type that a record is about: a signature's is that of what it signs. */
static uint16_t subject(const struct reading *r, const struct hf_record *record)
{
	return record->type == HF_TYPE_RRSIG ? covered(r, record) : record->type;
}

static bool belongs_in_answer(
	const struct reading *r, const struct hf_record *record, const struct hf_name *owner)
{
	return among(&r->chain, owner) ||
	       (subject(r, record) == HF_TYPE_DNAME && any_below(&r->chain, owner));
}

static bool is_denial(uint16_t type)
{
	return type == HF_TYPE_NSEC || type == HF_TYPE_NSEC3;
}

static bool belongs_in_authority(
	const struct reading *r, const struct hf_record *record, const struct hf_name *owner)
{
	uint16_t type = subject(r, record);
	if (type == HF_TYPE_SOA || type == HF_TYPE_NS)
		return within(last_of(&r->chain), owner);
	for (unsigned i = 0; is_denial(type) && i < r->zones.count; i++)
		if (within(owner, &r->zones.items[i]))
			return true;
	return false;
}

static bool belongs_in_additional(
	const struct reading *r, const struct hf_record *record, const struct hf_name *owner)
{
	uint16_t type = subject(r, record);
	return (type == HF_TYPE_A || type == HF_TYPE_AAAA) && among(&r->hosts, owner) &&
	       !(r->bar && r->bar->bars(r->bar->ctx, owner));
}

/* Hosts that a record of the answer sends its reader to. */
static void note_host(
	struct reading *r, const struct hf_record *record, const struct hf_name *owner)
{
	struct hf_name host;
	size_t at;
	switch (record->type) {
	case HF_TYPE_NS:
	case HF_TYPE_MX:
	case HF_TYPE_SRV:
	case HF_TYPE_AFSDB:
	case HF_TYPE_RT:
	case HF_TYPE_KX:
	case HF_TYPE_NAPTR:
		if (!hf_rdata_names_at(hf_rdata_shape(record->type), r->m, record->rdata_at,
			    record->end, &at) &&
			read_name(r->m, record->end, at, &host))
			add(&r->hosts, &host);
		break;
	case HF_TYPE_SVCB: /* the root stands for the owner: RFC 9460 2.5 */
	case HF_TYPE_HTTPS:
		if (read_plain(r->m, record->end, record->rdata_at + 2u, &host))
			add(&r->hosts, host.len > 1 ? &host : owner);
		break;
	default: break;
	}
}

/* A zone that may deny: by its SOA, or because it signs a denial and encloses one of the
 * names (that of a wildcard stands before the end of the chain). */
static void note_zone(
	struct reading *r, const struct hf_record *record, const struct hf_name *owner)
{
	struct hf_name signer;
	if (record->type == HF_TYPE_SOA && within(last_of(&r->chain), owner))
		add(&r->zones, owner);
	if (record->type == HF_TYPE_RRSIG && is_denial(covered(r, record)) &&
		read_plain(r->m, record->end, record->rdata_at + 18u, &signer) &&
		any_within(&r->chain, &signer) && within(owner, &signer))
		add(&r->zones, &signer);
}

static void note_zones(struct reading *r)
{
	struct hf_record record;
	struct hf_name owner;
	for (size_t at = r->view->answer_end; at < r->view->authority_end; at = record.end) {
		if (hf_record_read(r->m, r->view->end, at, &record))
			return;
		if (of_class(r, &record) && read_name(r->m, record.end, at, &owner))
			note_zone(r, &record, &owner);
	}
}

static bool is_asked_for(const struct reading *r, uint16_t type)
{
	return type == r->type || r->type == HF_TYPE_ANY;
}

/* In the order of the message: hosts are known before their addresses are met. */
static bool belongs(struct reading *r, const struct hf_record *record)
{
	struct hf_name owner;
	if (record->at >= r->view->authority_end && hf_is_of_the_hop(record->type))
		return true;
	bool good = of_class(r, record) && read_name(r->m, record->end, record->at, &owner);
	if (record->at >= r->view->authority_end)
		return good && belongs_in_additional(r, record, &owner);
	if (record->at >= r->view->answer_end)
		return good && belongs_in_authority(r, record, &owner);
	good = good && belongs_in_answer(r, record, &owner);
	if (is_asked_for(r, record->type))
		*(good ? &r->answered : &r->unanswered) = true;
	if (good)
		note_host(r, record, &owner);
	return good;
}

/* ---- writing ---- */

/* A name, as far as it leans on what lies before `still` as it is: there nothing moves.
 * So it stays as short as it was, and what repeats the question keeps on doing so. */
static int copy_name(const uint8_t *m, size_t at, size_t still, struct hf_writer *w)
{
	size_t end;
	while (m[at]) {
		bool pointer = m[at] > HF_LABEL_MAX;
		size_t to = (size_t)hf_get_u16(m + at) & 0x3fff;
		if (pointer && !hf_name_skip(m, still, to, &end)) {
			hf_write(w, m + at, 2);
			return 0;
		}
		if (!pointer)
			hf_write(w, m + at, 1 + (size_t)m[at]);
		at = pointer ? to : at + 1 + m[at];
	}
	hf_write(w, m + at, 1);
	return w->overrun ? HF_ESPACE : 0;
}

static int copy_data(
	const uint8_t *m, const struct hf_record *record, size_t still, struct hf_writer *w)
{
	const struct hf_rdata_shape *shape = hf_rdata_shape(record->type);
	size_t at = record->rdata_at, next;
	int rc = 0;
	if (shape->names && record->rdata_len) {
		rc = hf_rdata_names_at(shape, m, at, record->end, &next);
		if (!rc)
			hf_write(w, m + at, next - at);
		for (unsigned i = 0; i < shape->names && !rc; i++) {
			at = next;
			rc = hf_name_skip(m, record->end, at, &next);
			rc = rc ? rc : copy_name(m, at, still, w);
		}
		at = next;
	}
	if (!rc)
		hf_write(w, m + at, record->end - at);
	return rc;
}

static int copy_record(
	const uint8_t *m, const struct hf_record *record, size_t still, struct hf_writer *w)
{
	int rc = copy_name(m, record->at, still, w);
	hf_write(w, m + record->ttl_at - 4, 8); /* type, class, TTL */
	uint8_t *length = hf_write_room(w, 2);
	size_t begin = w->len;
	rc = rc ? rc : copy_data(m, record, still, w);
	if (rc || w->overrun)
		return rc ? rc : HF_ESPACE;
	hf_put_u16(length, (uint16_t)(w->len - begin));
	return 0;
}

/* Copies what belongs; `counts` are those of the header. */
static int copy(
	struct reading *r, struct hf_writer *w, uint16_t counts[static 3], unsigned *ret_left_off)
{
	const struct hf_message_view *view = r->view;
	struct hf_record record;
	unsigned left_off = 0;
	size_t still = 0; /* where the first record that is left off begins */
	for (size_t at = view->question_end; at < view->end; at = record.end) {
		unsigned section = at >= view->authority_end ? 2 : at >= view->answer_end ? 1 : 0;
		if (hf_record_read(r->m, view->end, at, &record))
			return HF_EMALFORMED;
		if (!belongs(r, &record)) {
			if (!left_off++)
				hf_write(w, r->m, still = at);
			counts[section]--;
			continue;
		}
		int rc = left_off ? copy_record(r->m, &record, still, w) : 0;
		if (rc)
			return rc;
	}
	*ret_left_off = left_off;
	return 0;
}

static bool read_question(struct reading *r)
{
	const struct hf_message_view *view = r->view;
	if (view->question_end < HF_HEADER_LEN + 5 ||
		!read_name(r->m, view->question_end, HF_HEADER_LEN, &r->chain_items[0]))
		return false;
	r->chain.count = 1;
	r->type = hf_get_u16(r->m + view->question_end - 4);
	r->class = hf_get_u16(r->m + view->question_end - 2);
	return true;
}

bool hf_tidy_is_barred(
	const uint8_t *m, const struct hf_message_view *view, const struct hf_tidy_bar *bar)
{
	struct hf_record record;
	struct hf_name owner;
	for (size_t at = view->authority_end; at < view->end; at = record.end)
		if (hf_record_read(m, view->end, at, &record) ||
			(!hf_is_of_the_hop(record.type) && read_name(m, record.end, at, &owner) &&
				bar->bars(bar->ctx, &owner)))
			return true;
	return false;
}

int hf_tidy(const uint8_t *m, const struct hf_message_view *view, const struct hf_tidy_bar *bar,
	uint8_t out[static HF_MESSAGE_MAX], struct hf_tidied *ret)
{
	struct hf_writer w = hf_writer(out, HF_MESSAGE_MAX);
	uint16_t counts[3] = {view->answers, view->authorities, view->additionals};
	struct reading r; /* tens of kilobytes, of which little is used */
	r.m = m;
	r.view = view;
	r.bar = bar;
	r.alias_count = 0;
	r.chain = (struct names){0, CHAIN_MAX, r.chain_items};
	r.hosts = (struct names){0, HOSTS_MAX, r.host_items};
	r.zones = (struct names){0, ZONES_MAX, r.zone_items};
	r.answered = r.unanswered = false;
	ret->left_off = 0;
	ret->len = 0;
	if (!read_question(&r))
		return 0; /* nothing was asked: there is nothing to hold it against */
	int rc = follow(&r);
	if (rc)
		return rc;
	note_zones(&r);
	rc = copy(&r, &w, counts, &ret->left_off);
	if (rc)
		return rc;
	if ((r.unanswered && !r.answered) || (view->answers && !counts[0]))
		return HF_EMALFORMED;
	if (!ret->left_off)
		return 0;
	for (unsigned i = 0; i < 3; i++)
		hf_put_u16(out + 6 + 2 * i, counts[i]);
	ret->len = w.len;
	rc = hf_message_read(out, w.len, &ret->view);
	ret->view.tidy = true;
	return rc;
}
