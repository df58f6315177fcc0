/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/order.h"

#include <string.h>

#include "base/buffer.h"
#include "wire/dns.h"
#include "zone/records.h"

/* Where the labels of a name begin, last label first. */
static unsigned labels_of(const uint8_t *name, const uint8_t *ret[static HF_NAME_MAX / 2])
{
	const uint8_t *forward[HF_NAME_MAX / 2];
	unsigned count = 0;
	for (; *name; name += 1 + *name)
		forward[count++] = name;
	for (unsigned i = 0; i < count; i++)
		ret[i] = forward[count - 1 - i];
	return count;
}

int hf_order_names(const uint8_t *a, const uint8_t *b)
{
	const uint8_t *as[HF_NAME_MAX / 2], *bs[HF_NAME_MAX / 2];
	unsigned a_count = labels_of(a, as), b_count = labels_of(b, bs);
	for (unsigned i = 0; i < a_count && i < b_count; i++) {
		uint8_t shorter = *as[i] < *bs[i] ? *as[i] : *bs[i];
		int order = memcmp(as[i] + 1, bs[i] + 1, shorter);
		if (!order)
			order = *as[i] - *bs[i];
		if (order)
			return order;
	}
	return (int)a_count - (int)b_count;
}

/* Of the sets of a name, SOA comes first; those of signatures by what they cover. */
static uint32_t rank(const struct hf_zone_set *set)
{
	if (set->type == HF_TYPE_SOA)
		return 0;
	if (set->type != HF_TYPE_RRSIG)
		return (uint32_t)set->type << 16;
	return (uint32_t)set->type << 16 | hf_get_u16(set->rdata + 2);
}

int hf_order_sets(const struct hf_zone_set *a, const struct hf_zone_set *b)
{
	int order = hf_order_names(a->owner, b->owner);
	uint32_t a_rank = rank(a), b_rank = rank(b);
	return order ? order : (a_rank > b_rank) - (a_rank < b_rank);
}

bool hf_same_records(const struct hf_zone_set *a, const struct hf_zone_set *b)
{
	return a->ttl == b->ttl && a->count == b->count && a->rdata_octets == b->rdata_octets &&
	       memcmp(a->rdata, b->rdata, a->rdata_octets) == 0;
}

/* Moves `other` up to the record; is that one its? */
static bool other_has(struct hf_missing *m, const uint8_t *rdata, uint16_t len)
{
	while (m->other && m->other_at < m->other->rdata_octets) {
		const uint8_t *its = m->other->rdata + m->other_at;
		int order = hf_rdata_compare(m->set->type, its + 2, hf_get_u16(its), rdata, len);
		if (order == 0)
			return !m->exact || memcmp(its + 2, rdata, len) == 0;
		if (order > 0)
			return false;
		m->other_at += 2 + (size_t)hf_get_u16(its);
	}
	return false;
}

bool hf_missing_next(struct hf_missing *m, const uint8_t **ret_rdata, uint16_t *ret_len)
{
	while (m->at < m->set->rdata_octets) {
		const uint8_t *record = m->set->rdata + m->at;
		uint16_t len = hf_get_u16(record);
		m->at += 2 + (size_t)len;
		if (other_has(m, record + 2, len))
			continue;
		*ret_rdata = record + 2;
		*ret_len = len;
		return true;
	}
	return false;
}
