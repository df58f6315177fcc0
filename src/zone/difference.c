/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/difference.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "zone/order.h"

/* A record as it lies in memory: length of the owner (1), owner, type (2), TTL (4), length
 * of the data (2), data. */
#define FIXED 9

struct hf_difference {
	atomic_uint refs;
	uint32_t from, to;
	uint8_t *bytes;
	size_t len, cap;
};

struct making {
	struct hf_difference *d;
	size_t octets_max;
	int rc;
};

static void make_room(struct making *m, size_t more)
{
	struct hf_difference *d = m->d;
	if (!m->rc && d->len + more > m->octets_max)
		m->rc = HF_EBOUND;
	if (m->rc || d->cap - d->len >= more)
		return;
	size_t cap = d->cap ? 2 * d->cap : 4096;
	while (cap < d->len + more)
		cap *= 2;
	uint8_t *bytes = realloc(d->bytes, cap);
	if (!bytes) {
		m->rc = -ENOMEM;
		return;
	}
	d->bytes = bytes;
	d->cap = cap;
}

static void put(struct making *m, const struct hf_zone_set *set, const uint8_t *rdata, uint16_t len)
{
	size_t owner_len = hf_name_wire_len(set->owner, HF_NAME_MAX);
	make_room(m, FIXED + owner_len + len);
	if (m->rc)
		return;
	struct hf_writer w = hf_writer(m->d->bytes + m->d->len, m->d->cap - m->d->len);
	hf_write_u8(&w, (uint8_t)owner_len);
	hf_write(&w, set->owner, owner_len);
	hf_write_u16(&w, set->type);
	hf_write_u32(&w, set->ttl);
	hf_write_u16(&w, len);
	hf_write(&w, rdata, len);
	m->d->len += w.len;
}

/* The records of a set that `other` (NULL: no such set) has not; all if the TTL is another. */
static void put_missing(
	struct making *m, const struct hf_zone_set *set, const struct hf_zone_set *other)
{
	const uint8_t *rdata;
	uint16_t len;
	if (other && hf_same_records(set, other))
		return;
	bool all = !other || other->ttl != set->ttl;
	struct hf_missing missing = {.set = set, .other = all ? NULL : other, .exact = true};
	while (!m->rc && hf_missing_next(&missing, &rdata, &len))
		put(m, set, rdata, len);
}

/* The SOA of `zone`, then all of its records that `other` has not: two walks side by side. */
static void put_side(struct making *m, const struct hf_zone *zone, const struct hf_zone *other)
{
	struct hf_zone_walk walk = hf_zone_walk(zone), beside = hf_zone_walk(other);
	struct hf_zone_set set, its;
	bool left = hf_zone_next(&beside, &its);
	while (!m->rc && hf_zone_next(&walk, &set)) {
		int order = -1;
		while (left && (order = hf_order_sets(&set, &its)) > 0)
			left = hf_zone_next(&beside, &its);
		if (set.type == HF_TYPE_SOA) /* the apex's, first of all */
			put(m, &set, set.rdata + 2, hf_get_u16(set.rdata));
		else
			put_missing(m, &set, left && order == 0 ? &its : NULL);
	}
}

int hf_difference_new(const struct hf_zone *from, const struct hf_zone *to, size_t octets_max,
	struct hf_difference **ret)
{
	struct hf_difference *d = calloc(1, sizeof *d);
	struct making m = {d, octets_max, 0};
	if (!d)
		return -ENOMEM;
	atomic_init(&d->refs, 1);
	d->from = hf_zone_soa(from)->serial;
	d->to = hf_zone_soa(to)->serial;
	put_side(&m, from, to);
	put_side(&m, to, from);
	if (m.rc) {
		hf_difference_unref(d);
		return m.rc;
	}
	uint8_t *fitted = realloc(d->bytes, d->len);
	if (fitted) {
		d->bytes = fitted;
		d->cap = d->len;
	}
	*ret = d;
	return 0;
}

struct hf_difference *hf_difference_ref(struct hf_difference *d)
{
	atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
	return d;
}

void hf_difference_unref(struct hf_difference *d)
{
	if (!d || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
		return;
	free(d->bytes);
	free(d);
}

uint32_t hf_difference_from(const struct hf_difference *d)
{
	return d->from;
}

uint32_t hf_difference_to(const struct hf_difference *d)
{
	return d->to;
}

size_t hf_difference_octets(const struct hf_difference *d)
{
	return d->len;
}

bool hf_difference_next(const struct hf_difference *d, size_t *at, struct hf_zone_piece *ret)
{
	if (*at >= d->len)
		return false;
	const uint8_t *record = d->bytes + *at, *fixed = record + 1 + record[0];
	*ret = (struct hf_zone_piece){.owner = record + 1,
		.owner_len = record[0],
		.type = hf_get_u16(fixed),
		.ttl = hf_get_u32(fixed + 2),
		.rdata = fixed + 8,
		.rdata_len = hf_get_u16(fixed + 6)};
	*at += FIXED + (size_t)record[0] + ret->rdata_len;
	return true;
}
