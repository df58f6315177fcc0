/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/sets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/build.h"
#include "wire/rdata.h"

#define TOLD_MAX 4 /* records in a sentence */

void hf_set_clear(struct hf_set *set)
{
	free(set->rdata);
	*set = (struct hf_set){0};
}

/* ---- one form ---- */

/* Lowers the names of uncompressed data. What is behind them is data again. */
static int lower(uint16_t type, uint8_t *rdata, size_t len)
{
	const struct hf_rdata_shape *shape = hf_rdata_shape(type);
	size_t at;
	if (!shape->names)
		return 0;
	if (hf_rdata_names_at(shape, rdata, 0, len, &at))
		return HF_EMALFORMED;
	for (unsigned i = 0; i < shape->names; i++) {
		size_t n = hf_name_wire_len(rdata + at, len - at);
		if (!n)
			return HF_EMALFORMED;
		hf_name_lower(rdata + at, n);
		at += n;
	}
	return 0;
}

struct piece {
	const uint8_t *data;
	uint16_t len;
};

static int compare(const void *a, const void *b)
{
	const struct piece *x = a, *y = b;
	size_t least = x->len < y->len ? x->len : y->len;
	int order = least ? memcmp(x->data, y->data, least) : 0;
	return order ? order : (int)x->len - (int)y->len;
}

/* Puts the pieces of `raw` in order, each once. */
static int put_in_order(const struct hf_set *raw, struct hf_set *ret)
{
	struct piece *pieces = calloc(raw->count + 1u, sizeof *pieces);
	struct hf_set set = {.type = raw->type, .ttl = raw->ttl, .rdata = malloc(raw->octets + 1)};
	size_t at = 0, n = 0;
	if (!pieces || !set.rdata) {
		free(pieces);
		free(set.rdata);
		return -ENOMEM;
	}
	while (hf_set_next(raw, &at, &pieces[n].data, &pieces[n].len))
		n++;
	qsort(pieces, n, sizeof *pieces, compare);
	for (size_t i = 0; i < n; i++) {
		if (i && compare(&pieces[i - 1], &pieces[i]) == 0)
			continue;
		hf_put_u16(set.rdata + set.octets, pieces[i].len);
		memcpy(set.rdata + set.octets + 2, pieces[i].data, pieces[i].len);
		set.octets += 2u + pieces[i].len;
		set.count++;
	}
	free(pieces);
	*ret = set;
	return 0;
}

/* ---- from a message ---- */

static void bounds(
	const struct hf_message_view *view, enum hf_set_place place, size_t *from, size_t *to)
{
	*from = place == HF_SET_ANSWER      ? view->question_end
		: place == HF_SET_AUTHORITY ? view->answer_end
					    : view->authority_end;
	*to = place == HF_SET_ANSWER      ? view->answer_end
	      : place == HF_SET_AUTHORITY ? view->authority_end
					  : view->end;
}

static bool is_wanted(const uint8_t *m, size_t len, const struct hf_record *record,
	const struct hf_name *owner, uint16_t type)
{
	struct hf_name name;
	size_t next;
	return record->type == type && record->class == HF_CLASS_IN &&
	       !hf_name_read(m, len, record->at, &name, &next) && name.len == owner->len &&
	       hf_name_equal(name.bytes, owner->bytes, owner->len);
}

/* Copies the data, uncompressed, behind those that are there. */
static int take(const uint8_t *m, const struct hf_record *record, struct hf_writer *scratch,
	struct hf_set *raw, size_t cap)
{
	struct hf_record copied;
	scratch->len = 0;
	scratch->overrun = false;
	if (hf_record_copy(m, record, record->ttl, scratch) ||
		hf_record_read(scratch->bytes, scratch->len, 0, &copied) ||
		raw->octets + 2 + copied.rdata_len > cap)
		return HF_EMALFORMED;
	uint8_t *at = raw->rdata + raw->octets;
	hf_put_u16(at, copied.rdata_len);
	memcpy(at + 2, scratch->bytes + copied.rdata_at, copied.rdata_len);
	raw->ttl = raw->count && raw->ttl < record->ttl ? raw->ttl : record->ttl;
	raw->count++;
	raw->octets += 2u + copied.rdata_len;
	return lower(record->type, at + 2, copied.rdata_len);
}

static int gather(const uint8_t *m, const struct hf_message_view *view, enum hf_set_place place,
	const struct hf_name *owner, struct hf_writer *scratch, struct hf_set *raw, size_t cap)
{
	size_t at, end;
	int rc = 0;
	bounds(view, place, &at, &end);
	while (at < end && !rc) {
		struct hf_record record;
		if (hf_record_read(m, view->end, at, &record))
			return HF_EMALFORMED;
		if (is_wanted(m, view->end, &record, owner, raw->type))
			rc = take(m, &record, scratch, raw, cap);
		at = record.end;
	}
	return rc;
}

int hf_set_of_message(const uint8_t *m, const struct hf_message_view *view, enum hf_set_place place,
	const struct hf_name *owner, uint16_t type, struct hf_set *ret)
{
	/* Names of a full message may grow when they are written out: what does not fit is
	 * no set that anybody publishes. */
	const size_t cap = 4u * HF_MESSAGE_MAX;
	struct hf_set raw = {.type = type, .rdata = malloc(cap)};
	struct hf_writer scratch = hf_writer(malloc(HF_MESSAGE_MAX), HF_MESSAGE_MAX);
	int rc = raw.rdata && scratch.bytes ? 0 : -ENOMEM;
	if (!rc)
		rc = gather(m, view, place, owner, &scratch, &raw, cap);
	if (!rc)
		rc = put_in_order(&raw, ret);
	free(raw.rdata);
	free(scratch.bytes);
	return rc;
}

/* ---- from a zone, from another ---- */

int hf_set_of_zone(const struct hf_zone_set *from, struct hf_set *ret)
{
	struct hf_set raw = {.type = from->type,
		.count = from->count,
		.ttl = from->ttl,
		.octets = from->rdata_octets,
		.rdata = malloc(from->rdata_octets + 1)};
	const uint8_t *data;
	size_t at = 0;
	uint16_t len;
	int rc = 0;
	if (!raw.rdata)
		return -ENOMEM;
	memcpy(raw.rdata, from->rdata, from->rdata_octets);
	while (!rc && hf_set_next(&raw, &at, &data, &len))
		rc = lower(raw.type, raw.rdata + (data - raw.rdata), len);
	if (!rc)
		rc = put_in_order(&raw, ret);
	free(raw.rdata);
	return rc;
}

int hf_set_copy(const struct hf_set *from, struct hf_set *ret)
{
	struct hf_set copy = *from;
	copy.rdata = malloc(from->octets + 1);
	if (!copy.rdata)
		return -ENOMEM;
	if (from->octets)
		memcpy(copy.rdata, from->rdata, from->octets);
	*ret = copy;
	return 0;
}

/* ---- to be read ---- */

bool hf_set_same(const struct hf_set *a, const struct hf_set *b)
{
	return a->count == b->count && a->octets == b->octets &&
	       (!a->octets || memcmp(a->rdata, b->rdata, a->octets) == 0);
}

bool hf_set_next(const struct hf_set *set, size_t *at, const uint8_t **ret_rdata, uint16_t *ret_len)
{
	if (set->octets - *at < 2)
		return false;
	uint16_t len = hf_get_u16(set->rdata + *at);
	if (set->octets - *at - 2 < len)
		return false;
	*ret_rdata = set->rdata + *at + 2;
	*ret_len = len;
	*at += 2u + len;
	return true;
}

bool hf_rdata_name(const uint8_t *rdata, uint16_t len, struct hf_name *ret)
{
	size_t n = hf_name_wire_len(rdata, len);
	if (!n)
		return false;
	ret->len = (uint8_t)n;
	hf_name_copy_lower(ret->bytes, rdata, n);
	return true;
}

bool hf_rdata_address(uint16_t type, const uint8_t *rdata, uint16_t len, struct hf_address *ret)
{
	if (len != (type == HF_TYPE_A ? 4 : 16) || (type != HF_TYPE_A && type != HF_TYPE_AAAA))
		return false;
	*ret = (struct hf_address){.family = type == HF_TYPE_A ? 4 : 6};
	memcpy(ret->bytes, rdata, len);
	return true;
}

static void say(const struct hf_set *set, const uint8_t *rdata, uint16_t len, struct hf_writer *w)
{
	const struct hf_rdata_shape *shape = hf_rdata_shape(set->type);
	struct hf_address address;
	struct hf_name name;
	char text[HF_NAME_TEXT_MAX];
	if (hf_rdata_address(set->type, rdata, len, &address)) {
		char at[HF_ADDRESS_TEXT_MAX];
		hf_write_text(w, "%s", hf_address_text(&address, at));
	} else if (shape->names == 1 && !shape->strings && (shape->before & 1) == 0 &&
		   len > shape->before &&
		   hf_rdata_name(rdata + shape->before, (uint16_t)(len - shape->before), &name)) {
		for (unsigned i = 0; i < shape->before; i += 2)
			hf_write_text(w, "%u ", hf_get_u16(rdata + i));
		hf_write_text(w, "%s", hf_name_text(name.bytes, text));
	} else if (set->type == HF_TYPE_TXT && len && rdata[0] < len) {
		hf_write_text(w, "\"");
		for (unsigned i = 1; i <= rdata[0] && i < 60; i++)
			hf_write_text(w, "%c",
				rdata[i] >= 0x20 && rdata[i] < 0x7f && rdata[i] != '"' ? rdata[i]
										       : '?');
		hf_write_text(w, "\"%s", rdata[0] + 1 < len ? "..." : "");
	} else {
		hf_write_text(w, "\\# %u ", len);
		for (unsigned i = 0; i < len && i < 24; i++)
			hf_write_text(w, "%02x", rdata[i]);
		hf_write_text(w, "%s", len > 24 ? "..." : "");
	}
}

const char *hf_set_text(const struct hf_set *set, char buf[static HF_SET_TEXT_MAX])
{
	/* Each piece is written whole or not at all; four characters stay for "...". */
	struct hf_writer w = hf_writer((uint8_t *)buf, HF_SET_TEXT_MAX - 5);
	const uint8_t *data;
	size_t at = 0;
	uint16_t len;
	unsigned n = 0;
	if (!set->count)
		hf_write_text(&w, "nothing");
	while (hf_set_next(set, &at, &data, &len) && n < TOLD_MAX && !w.overrun) {
		hf_write_text(&w, "%s", n++ ? ", " : "");
		say(set, data, len, &w);
	}
	snprintf(buf + w.len, 5, "%s", w.overrun || n < set->count ? "..." : "");
	return buf;
}
