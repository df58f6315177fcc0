/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sibling.h"

#include <string.h>

#include "base/buffer.h"
#include "base/hash.h"
#include "wire/build.h"

#define NSEC3PARAM 51
#define RDATA_MAX 65535

/* Sums of these are compared within one process, and a sibling is no attacker. */
static const struct hf_hash_key checksum = {0, 0};

/* ---- what it says of the zone ---- */

/* The text of the first extended error, or NULL. Its bounds have been checked by
 * hf_message_read. */
static const uint8_t *find_ede(const uint8_t *m, const struct hf_edns *edns, size_t *ret_len)
{
	size_t at = edns->at + (size_t)HF_OPT_LEN, end = (size_t)edns->at + edns->len;
	while (at + 4 <= end) {
		unsigned code = hf_get_u16(m + at), len = hf_get_u16(m + at + 2);
		if (at + 4 + len > end)
			return NULL;
		if (code == HF_EDNS_EDE && len >= 2) {
			*ret_len = len - 2;
			return m + at + 6;
		}
		at += 4 + len;
	}
	return NULL;
}

/* "... holds serial 12" */
static bool read_holding(const uint8_t *text, size_t len, uint32_t *ret)
{
	static const char words[] = "holds serial ";
	const size_t words_len = sizeof words - 1;
	const uint8_t *at = len > words_len ? memmem(text, len, words, words_len) : NULL;
	uint64_t value = 0;
	if (!at)
		return false;
	const uint8_t *digit = at + words_len, *end = text + len;
	if (digit == end || *digit < '0' || *digit > '9')
		return false;
	for (; digit < end && *digit >= '0' && *digit <= '9' && value <= UINT32_MAX; digit++)
		value = 10 * value + (*digit - '0');
	*ret = (uint32_t)value;
	return value <= UINT32_MAX;
}

static bool is_of(const uint8_t *m, const struct hf_record *r, const struct hf_name *owner)
{
	struct hf_name name;
	size_t next;
	return r->class == HF_CLASS_IN && hf_name_read(m, r->end, r->at, &name, &next) == 0 &&
	       name.len == owner->len && hf_name_equal(name.bytes, owner->bytes, name.len);
}

static bool find_soa(const uint8_t *m, const struct hf_message_view *view,
	const struct hf_name *zone, uint32_t *ret)
{
	struct hf_record r;
	size_t at = view->question_end;
	for (unsigned i = 0; i < view->answers; i++, at = r.end) {
		if (hf_record_read(m, view->end, at, &r))
			return false;
		if (r.type != HF_TYPE_SOA || r.rdata_len < 20 || !is_of(m, &r, zone))
			continue;
		*ret = hf_get_u32(m + r.end - 20);
		return true;
	}
	return false;
}

void hf_sibling_read_soa(const uint8_t *m, const struct hf_message_view *view,
	const struct hf_name *zone, struct hf_twin_report *report)
{
	size_t len = 0;
	const uint8_t *text = view->edns.present ? find_ede(m, &view->edns, &len) : NULL;
	bool answers = !view->rcode && (view->flags & HF_FLAG_AA);
	report->has_serial = answers && find_soa(m, view, zone, &report->serial);
	if (report->has_serial) {
		report->said = view->edns.ede == HF_EDE_NONE ? HF_TWIN_SERVES : HF_TWIN_MARKED;
		return;
	}
	report->said = HF_TWIN_WITHHELD;
	report->has_serial = text && read_holding(text, len, &report->serial);
}

/* ---- digests ---- */

/* Their rdata has names in it, whose case is nobody's business. What is lowered besides
 * (a preference of 65 is one of 97) only makes a difference go unseen. */
static bool has_names(uint16_t type)
{
	return type == HF_TYPE_NS || type == HF_TYPE_CNAME || type == HF_TYPE_PTR ||
	       type == HF_TYPE_MX || type == HF_TYPE_SRV || type == HF_TYPE_DNAME;
}

static uint64_t digest(uint16_t type, const uint8_t *rdata, size_t len)
{
	static const size_t longest = 2 * HF_NAME_MAX;
	uint8_t lowered[2 * HF_NAME_MAX];
	if (!has_names(type) || len > longest)
		return hf_hash(&checksum, type, rdata, len);
	memcpy(lowered, rdata, len);
	hf_name_lower(lowered, len);
	return hf_hash(&checksum, type, lowered, len);
}

uint64_t hf_sibling_digest_set(const struct hf_zone_set *set)
{
	const uint8_t *at = set->rdata;
	uint64_t sum = 0;
	for (unsigned i = 0; i < set->count; i++) {
		size_t len = hf_get_u16(at);
		sum += digest(set->type, at + 2, len);
		at += 2 + len;
	}
	return sum;
}

/* The record's rdata with whole names. */
static bool digest_record(const uint8_t *m, const struct hf_record *r, uint64_t *sum)
{
	uint8_t whole[HF_NAME_MAX + 10 + RDATA_MAX];
	struct hf_writer w = hf_writer(whole, sizeof whole);
	if (hf_record_copy(m, r, r->ttl, &w))
		return false;
	size_t at = hf_name_wire_len(whole, w.len) + 10;
	*sum += digest(r->type, whole + at, w.len - at);
	return true;
}

bool hf_sibling_digest_reply(const uint8_t *m, const struct hf_message_view *view,
	const struct hf_question *question, uint64_t *ret)
{
	struct hf_record r;
	size_t at = view->question_end;
	uint64_t sum = 0;
	bool denied = view->rcode == HF_RCODE_NXDOMAIN;
	if ((view->rcode && !denied) || (view->flags & HF_FLAG_TC) || !(view->flags & HF_FLAG_AA))
		return false;
	for (unsigned i = 0; i < view->answers; i++, at = r.end) {
		if (hf_record_read(m, view->end, at, &r))
			return false;
		if (r.type == question->type && is_of(m, &r, &question->name) &&
			!digest_record(m, &r, &sum))
			return false;
	}
	*ret = sum;
	return true;
}

/* ---- samples ---- */

static bool is_made_by_signers(uint16_t type)
{
	return type == HF_TYPE_RRSIG || type == HF_TYPE_NSEC || type == HF_TYPE_NSEC3 ||
	       type == NSEC3PARAM;
}

/* Is a question for it answered from it? Not at or below a delegation, nor below a DNAME. */
static bool leads_there(const struct hf_zone *zone, const uint8_t *owner)
{
	struct hf_name name = {.len = 0};
	struct hf_zone_set set;
	size_t apex = hf_zone_origin(zone)->len, len = hf_name_wire_len(owner, HF_NAME_MAX);
	bool itself = true;
	for (; len > apex; owner = hf_name_parent(owner), itself = false) {
		name.len = (uint8_t)len;
		memcpy(name.bytes, owner, len);
		if (hf_zone_find(zone, &name, HF_TYPE_NS, &set) ||
			(!itself && hf_zone_find(zone, &name, HF_TYPE_DNAME, &set)))
			return false;
		len -= 1u + owner[0];
	}
	return true;
}

static bool is_fit(const struct hf_zone *zone, const struct hf_zone_set *set)
{
	return set->type != HF_TYPE_SOA && !is_made_by_signers(set->type) &&
	       leads_there(zone, set->owner);
}

/* The next set, around the end. */
static bool go_on(struct hf_zone_walk *walk, struct hf_zone_set *ret)
{
	if (hf_zone_next(walk, ret))
		return true;
	*walk = hf_zone_walk(walk->zone);
	return hf_zone_next(walk, ret);
}

bool hf_sibling_sample(struct hf_zone_walk *walk, unsigned steps, struct hf_zone_set *ret)
{
	for (unsigned i = 0; i < steps; i++)
		if (!go_on(walk, ret))
			return false;
	for (unsigned i = 0; i < HF_SIBLING_STEPS; i++) {
		if (!go_on(walk, ret))
			return false;
		if (is_fit(walk->zone, ret))
			return true;
	}
	return false;
}
