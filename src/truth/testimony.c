/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/testimony.h"

#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"

/* A chain of more is nobody's; loops end here. */
#define ALIASES_MAX 32

enum { HINT4 = 4, HINT6 = 6 }; /* SvcParamKeys, RFC 9460 14.3.2 */

static const struct hf_hash_key sum_key = {1, 1};

struct reading {
	const uint8_t *m;
	const struct hf_message_view *view;
	struct hf_testimony *t;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_address));
}

static bool add_address(void *ctx, const struct hf_address *address)
{
	struct hf_testimony *t = ctx;
	for (unsigned i = 0; i < t->count; i++)
		if (compare(&t->addresses[i], address) == 0)
			return true;
	if (t->count == HF_TESTIMONY_ADDRESSES) {
		t->more = true;
		return true;
	}
	unsigned at = t->count++;
	for (; at && compare(&t->addresses[at - 1], address) > 0; at--)
		t->addresses[at] = t->addresses[at - 1];
	t->addresses[at] = *address;
	return true;
}

static struct hf_address address_of(uint8_t family, const uint8_t *bytes)
{
	struct hf_address address = {.family = family};
	memcpy(address.bytes, bytes, family == 4 ? 4 : 16);
	return address;
}

/* Priority, target, then pairs of key and value (RFC 9460 2.2). What is cut short gives
 * no more hints: a client could not read it either. */
static bool visit_hints(
	const uint8_t *m, const struct hf_record *record, hf_address_visit *visit, void *ctx)
{
	struct hf_name target;
	size_t at;
	if (record->rdata_len < 3 || hf_name_read(m, record->end, record->rdata_at + 2u, &target, &at))
		return true;
	while (at + 4 <= record->end) {
		unsigned key = hf_get_u16(m + at), len = hf_get_u16(m + at + 2);
		unsigned step = key == HINT4 ? 4 : key == HINT6 ? 16 : 0;
		at += 4;
		if (at + len > record->end)
			return true;
		for (unsigned i = 0; step && i + step <= len; i += step) {
			struct hf_address address = address_of(key == HINT4 ? 4 : 6, m + at + i);
			if (!visit(ctx, &address))
				return false;
		}
		at += len;
	}
	return true;
}

bool hf_record_addresses(
	const uint8_t *m, const struct hf_record *record, hf_address_visit *visit, void *ctx)
{
	bool v4 = record->type == HF_TYPE_A && record->rdata_len == 4;
	bool v6 = record->type == HF_TYPE_AAAA && record->rdata_len == 16;
	if (record->type == HF_TYPE_HTTPS || record->type == HF_TYPE_SVCB)
		return visit_hints(m, record, visit, ctx);
	if (!v4 && !v6)
		return true;
	struct hf_address address = address_of(v4 ? 4 : 6, m + record->rdata_at);
	return visit(ctx, &address);
}

/* An address of another length is none. */
bool hf_record_has_addresses(const struct hf_record *record)
{
	return (record->type == HF_TYPE_A && record->rdata_len == 4) ||
	       (record->type == HF_TYPE_AAAA && record->rdata_len == 16) ||
	       record->type == HF_TYPE_HTTPS || record->type == HF_TYPE_SVCB;
}

/* The root stands for the record's own name. */
static void add_target(struct reading *r, const struct hf_record *record)
{
	struct hf_testimony *t = r->t;
	struct hf_name target, owner;
	size_t next;
	if ((record->type != HF_TYPE_HTTPS && record->type != HF_TYPE_SVCB) ||
		record->rdata_len < 3 ||
		hf_name_read(r->m, record->end, record->rdata_at + 2u, &target, &next) ||
		hf_name_read(r->m, r->view->end, record->at, &owner, &next))
		return;
	hf_name_lower(target.bytes, target.len);
	bool own = target.len == owner.len && hf_name_equal(target.bytes, owner.bytes, owner.len);
	if (target.len <= 1 || own)
		return;
	r->t->rest += hf_hash(&sum_key, record->type, target.bytes, target.len);
	if ((size_t)t->targets_len + target.len > sizeof t->targets) {
		t->more = true;
		return;
	}
	memcpy(t->targets + t->targets_len, target.bytes, target.len);
	t->targets_len = (uint16_t)(t->targets_len + target.len);
}

/* The sum does not care for order. Data is taken as it stands: where names in it are
 * compressed in another way, two answers may look different that are not. */
static void add_rest(struct reading *r, const struct hf_record *record)
{
	r->t->rest += hf_hash(&sum_key, record->type, r->m + record->rdata_at, record->rdata_len);
}

static void read_record(struct reading *r, const struct hf_record *record)
{
	if (record->ttl < r->t->ttl)
		r->t->ttl = record->ttl;
	if (record->class != HF_CLASS_IN || record->type == HF_TYPE_RRSIG)
		return;
	add_target(r, record);
	if (hf_record_has_addresses(record))
		hf_record_addresses(r->m, record, add_address, r->t);
	else if (record->type != HF_TYPE_CNAME && record->type != HF_TYPE_DNAME)
		add_rest(r, record);
}

/* Is there a CNAME for the owner that was reached? Servers put them in order, but they
 * need not. */
static bool follow(struct reading *r)
{
	struct hf_record record;
	struct hf_name owner;
	size_t next;
	for (size_t at = r->view->question_end; at < r->view->answer_end; at = record.end) {
		if (hf_record_read(r->m, r->view->end, at, &record))
			return false;
		if (record.type != HF_TYPE_CNAME || hf_name_read(r->m, r->view->end, at, &owner, &next))
			continue;
		if (owner.len != r->t->owner.len ||
			!hf_name_equal(owner.bytes, r->t->owner.bytes, owner.len))
			continue;
		if (hf_name_read(r->m, r->view->end, record.rdata_at, &owner, &next))
			return false;
		hf_name_lower(owner.bytes, owner.len);
		r->t->owner = owner;
		r->t->aliases++;
		return true;
	}
	return false;
}

static void read_serial(struct reading *r)
{
	struct hf_record record;
	for (size_t at = r->view->question_end; at < r->view->authority_end; at = record.end) {
		if (hf_record_read(r->m, r->view->end, at, &record))
			return;
		if (record.type != HF_TYPE_SOA || record.rdata_len < 22)
			continue;
		r->t->has_serial = true;
		r->t->serial = hf_get_u32(r->m + record.end - 20);
		return;
	}
}

void hf_testimony_read(const struct hf_question *question, const uint8_t *m,
	const struct hf_message_view *view, struct hf_testimony *ret)
{
	struct reading r = { m, view, ret };
	struct hf_record record;
	bool any = false;
	memset(ret, 0, sizeof *ret);
	ret->rcode = view->rcode;
	ret->type = question->type;
	ret->authoritative = view->flags & HF_FLAG_AA;
	ret->ttl = UINT32_MAX;
	ret->owner = question->name;
	while (ret->aliases < ALIASES_MAX && question->type != HF_TYPE_CNAME && follow(&r))
		;
	for (size_t at = view->question_end; at < view->answer_end; at = record.end) {
		if (hf_record_read(m, view->end, at, &record))
			break;
		any |= record.type == question->type || question->type == HF_TYPE_ANY;
		read_record(&r, &record);
	}
	ret->denial = view->rcode == HF_RCODE_NXDOMAIN || !any;
	read_serial(&r);
}

bool hf_testimony_same(const struct hf_testimony *a, const struct hf_testimony *b)
{
	if (a->denial || b->denial)
		return a->denial == b->denial && a->rcode == b->rcode;
	return !a->more && !b->more && a->count == b->count && a->rest == b->rest &&
	       memcmp(a->addresses, b->addresses, a->count * sizeof a->addresses[0]) == 0;
}

unsigned hf_testimony_shared(const struct hf_testimony *a, const struct hf_testimony *b)
{
	unsigned shared = 0;
	for (unsigned i = 0, j = 0; i < a->count && j < b->count;) {
		int order = compare(&a->addresses[i], &b->addresses[j]);
		shared += order == 0;
		i += order <= 0;
		j += order >= 0;
	}
	return shared;
}
