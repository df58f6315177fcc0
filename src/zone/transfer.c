/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/transfer.h"

#include <libknot/descriptor.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "truth/serials.h"
#include "wire/build.h"
#include "wire/type.h"

#define WHY_MAX 200

/* Serial, refresh, retry, expire and minimum, behind the two names. */
#define SOA_FIXED 20
#define SOA_MAX (2 * HF_NAME_MAX + SOA_FIXED)

/* A record with all its names written out: only a few types have names to write out, and
 * what is longer than this is no record that anybody could send on. */
#define RECORD_MAX (HF_MESSAGE_MAX + HF_NAME_MAX)

enum stage {
	FIRST,     /* nothing has come */
	SECOND,    /* the first SOA has; what is behind it says what all is */
	ALL,       /* AXFR: records, up to the same SOA */
	REMOVALS,  /* IXFR: behind the SOA of the version before */
	ADDITIONS, /* ... behind that of the version after */
	ENDED,
};

/* Differences, as they came: whether it is an addition (1), length of the owner (1), owner,
 * type (2), TTL (4), length of the data (2), data. */
#define CHANGE_FIXED 10

struct changes {
	uint8_t *bytes;
	size_t len, cap;
};

struct hf_transfer {
	struct hf_name origin;
	struct hf_zone *have;
	struct hf_zone_limits limits;
	struct hf_zone_build *build; /* of all records; differences need none before the end */
	struct changes changes;
	enum stage stage;
	uint16_t id;
	uint32_t serial;   /* of the first SOA: what all leads to */
	uint32_t from, to; /* of the difference that is being read */
	uint64_t octets;
	bool differences;
	uint8_t soa[SOA_MAX]; /* the first one's data */
	uint16_t soa_len;
	uint32_t soa_ttl;
	char why[WHY_MAX];
	struct hf_zone_record record; /* the one at hand; owner lowered */
	uint8_t octets_of_record[RECORD_MAX];
};

int hf_transfer_new(const struct hf_name *origin, struct hf_zone *have,
	const struct hf_zone_limits *limits, struct hf_transfer **ret)
{
	struct hf_transfer *t = calloc(1, sizeof *t);
	if (!t)
		return -ENOMEM;
	t->origin = *origin;
	t->have = have ? hf_zone_ref(have) : NULL;
	t->limits = *limits;
	*ret = t;
	return 0;
}

void hf_transfer_free(struct hf_transfer *t)
{
	if (!t)
		return;
	hf_zone_build_free(t->build);
	hf_zone_unref(t->have);
	free(t->changes.bytes);
	free(t);
}

uint32_t hf_transfer_serial(const struct hf_transfer *t)
{
	return t->serial;
}

const char *hf_transfer_why(const struct hf_transfer *t)
{
	return t->why;
}

uint64_t hf_transfer_memory(const struct hf_transfer *t)
{
	uint64_t octets = t->changes.cap + hf_zone_build_memory(t->build);
	if (t->differences) /* all that is here is copied, and made a zone */
		octets += HF_ZONE_BUILD_TIMES * (uint64_t)hf_zone_octets(t->have);
	return octets;
}

/* ---- the request ---- */

size_t hf_transfer_ask(struct hf_transfer *t, uint16_t id, uint8_t *out)
{
	struct hf_writer w = hf_writer(out, HF_TRANSFER_ASK_MAX);
	struct hf_zone_set soa;
	bool differences = t->have && hf_zone_find(t->have, &t->origin, HF_TYPE_SOA, &soa);
	t->id = id;
	hf_write_u16(&w, id);
	hf_write_u16(&w, 0);
	hf_write_u16(&w, 1);
	hf_write_u16(&w, 0);
	hf_write_u16(&w, differences);
	hf_write_u16(&w, 0);
	hf_write(&w, t->origin.bytes, t->origin.len);
	hf_write_u16(&w, differences ? HF_TYPE_IXFR : HF_TYPE_AXFR);
	hf_write_u16(&w, HF_CLASS_IN);
	if (differences) { /* what is here: RFC 1995 section 3 */
		hf_write_u16(&w, 0xc000 | HF_HEADER_LEN);
		hf_write_u16(&w, HF_TYPE_SOA);
		hf_write_u16(&w, HF_CLASS_IN);
		hf_write_u32(&w, soa.ttl);
		hf_write(&w, soa.rdata, soa.rdata_octets); /* one piece, length in front */
	}
	hf_require(!w.overrun);
	return w.len;
}

/* ---- steps ---- */

static enum hf_transfer_step end(struct hf_transfer *t, enum hf_transfer_step step,
	const char *format, ...) __attribute__((format(printf, 3, 4)));

/* It is over, and why. */
static enum hf_transfer_step end(
	struct hf_transfer *t, enum hf_transfer_step step, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	vsnprintf(t->why, sizeof t->why, format, args);
	va_end(args);
	t->stage = ENDED;
	return step;
}

static enum hf_transfer_step broken(struct hf_transfer *t, const char *why)
{
	return end(t, HF_TRANSFER_BROKEN, "%s", why);
}

/* With the record that it is about. */
static enum hf_transfer_step at_fault(
	struct hf_transfer *t, enum hf_transfer_step step, const char *why)
{
	char owner[HF_NAME_TEXT_MAX];
	return end(t, step, "%s: %.100s, type %u", why, hf_name_text(t->record.owner.bytes, owner),
		t->record.type);
}

static enum hf_transfer_step failed(struct hf_transfer *t, int error)
{
	if (error == HF_EBOUND)
		return broken(t, "there is more than the zone may have");
	return broken(t, hf_strerror(error));
}

/* ---- the parts of an SOA ---- */

static uint32_t serial_of(const struct hf_zone_record *soa)
{
	return hf_get_u32(soa->rdata + soa->rdata_len - SOA_FIXED);
}

/* The same but for the case of its names. */
static bool same_soa(const struct hf_transfer *t)
{
	const struct hf_zone_record *r = &t->record;
	size_t names = t->soa_len - SOA_FIXED;
	return r->rdata_len == t->soa_len && hf_name_equal(r->rdata, t->soa, names) &&
	       memcmp(r->rdata + names, t->soa + names, SOA_FIXED) == 0;
}

/* ---- building ---- */

static enum hf_transfer_step add(struct hf_transfer *t)
{
	int rc = hf_zone_build_add(t->build, &t->record);
	return rc ? failed(t, rc) : HF_TRANSFER_MORE;
}

/* Twice the room, for some more octets. HF_EBOUND: it is more than the zone may have. */
static int make_room(struct hf_transfer *t, size_t more)
{
	struct changes *c = &t->changes;
	size_t cap = c->cap ? c->cap : 4096;
	if (t->limits.octets && c->len + more > t->limits.octets)
		return HF_EBOUND;
	while (cap < c->len + more)
		cap *= 2;
	uint8_t *bytes = cap > c->cap ? realloc(c->bytes, cap) : c->bytes;
	if (!bytes)
		return -ENOMEM;
	c->bytes = bytes;
	c->cap = cap;
	return 0;
}

/* What is to be taken out or put in, when all has come. */
static enum hf_transfer_step note(struct hf_transfer *t, bool addition)
{
	const struct hf_zone_record *r = &t->record;
	int rc = make_room(t, CHANGE_FIXED + (size_t)r->owner.len + r->rdata_len);
	if (rc)
		return failed(t, rc);
	struct changes *c = &t->changes;
	struct hf_writer w = hf_writer(c->bytes + c->len, c->cap - c->len);
	hf_write_u8(&w, addition);
	hf_write_u8(&w, r->owner.len);
	hf_write(&w, r->owner.bytes, r->owner.len);
	hf_write_u16(&w, r->type);
	hf_write_u32(&w, r->ttl);
	hf_write_u16(&w, r->rdata_len);
	hf_write(&w, r->rdata, r->rdata_len);
	c->len += w.len;
	return HF_TRANSFER_MORE;
}

static enum hf_transfer_step begin_all(struct hf_transfer *t)
{
	const struct hf_zone_record soa = {.owner = t->origin,
		.type = HF_TYPE_SOA,
		.class = HF_CLASS_IN,
		.ttl = t->soa_ttl,
		.rdata = t->soa,
		.rdata_len = t->soa_len};
	int rc = hf_zone_build_new(&t->origin, &t->limits, &t->build);
	rc = rc ? rc : hf_zone_build_add(t->build, &soa);
	t->stage = ALL;
	return rc ? failed(t, rc) : HF_TRANSFER_MORE;
}

static enum hf_transfer_step begin_differences(struct hf_transfer *t)
{
	t->differences = true;
	t->from = serial_of(&t->record);
	t->stage = REMOVALS;
	return note(t, false);
}

/* ---- records, one after another ---- */

static bool is_soa(const struct hf_transfer *t)
{
	return t->record.type == HF_TYPE_SOA;
}

static enum hf_transfer_step take_first(struct hf_transfer *t)
{
	const struct hf_zone_record *r = &t->record;
	if (!is_soa(t))
		return broken(t, "it does not begin with the SOA record");
	memcpy(t->soa, r->rdata, r->rdata_len);
	t->soa_len = r->rdata_len;
	t->soa_ttl = r->ttl;
	t->serial = serial_of(r);
	t->stage = SECOND;
	if (t->have && !hf_serial_older(hf_zone_soa(t->have)->serial, t->serial))
		return end(t, HF_TRANSFER_NOTHING, "serial %u is there", t->serial);
	return HF_TRANSFER_MORE;
}

static enum hf_transfer_step take_of_all(struct hf_transfer *t)
{
	if (!is_soa(t))
		return add(t);
	if (!same_soa(t))
		return broken(t, "the SOA record at the end is another than the first");
	t->stage = ENDED;
	return HF_TRANSFER_WHOLE;
}

static enum hf_transfer_step take_second(struct hf_transfer *t)
{
	if (t->have && is_soa(t) && !same_soa(t)) {
		if (serial_of(&t->record) == hf_zone_soa(t->have)->serial)
			return begin_differences(t);
		return end(t, HF_TRANSFER_AGAIN, "the differences begin at serial %u",
			serial_of(&t->record));
	}
	enum hf_transfer_step step = begin_all(t);
	return step == HF_TRANSFER_MORE ? take_of_all(t) : step;
}

/* Serials must go on and on, and not past the last: so differences end. */
static enum hf_transfer_step take_removal(struct hf_transfer *t)
{
	if (!is_soa(t))
		return note(t, false);
	t->to = serial_of(&t->record);
	if (!hf_serial_older(t->from, t->to) ||
		(t->to != t->serial && !hf_serial_older(t->to, t->serial)))
		return end(t, HF_TRANSFER_AGAIN, "a difference leads from serial %u to %u", t->from,
			t->to);
	t->stage = ADDITIONS;
	return note(t, true);
}

static enum hf_transfer_step take_addition(struct hf_transfer *t)
{
	if (!is_soa(t))
		return note(t, true);
	uint32_t next = serial_of(&t->record);
	if (next != t->to || (next == t->serial && !same_soa(t)))
		return end(t, HF_TRANSFER_AGAIN,
			"a difference begins at serial %u, the one before ended at %u", next,
			t->to);
	if (next != t->serial) {
		t->from = next;
		t->stage = REMOVALS;
		return note(t, false);
	}
	t->stage = ENDED;
	return HF_TRANSFER_WHOLE;
}

/* ---- what a record must be ---- */

/* Types that stand for no data of a zone: RFC 6895 section 3.1. */
static bool is_meta(uint16_t type)
{
	return type == 0 || type == HF_TYPE_OPT || (type >= 128 && type <= 255);
}

/* Strings of their own length, one or more, to the end. */
static bool strings_fit(const uint8_t *rdata, size_t len)
{
	size_t at = 0;
	while (at < len)
		at += 1u + rdata[at];
	return len && at == len;
}

/* The next of the blocks that libknot's table says a type's data consist of; 0: it does
 * not fit. */
static size_t block_len(int block, const uint8_t *rdata, size_t len)
{
	size_t at = 4;
	switch (block) {
	case KNOT_RDATA_WF_COMPRESSIBLE_DNAME:
	case KNOT_RDATA_WF_DECOMPRESSIBLE_DNAME:
	case KNOT_RDATA_WF_FIXED_DNAME: return hf_name_wire_len(rdata, len);
	case KNOT_RDATA_WF_NAPTR_HEADER: /* two numbers and three strings */
		for (int i = 0; i < 3; i++)
			at += at < len ? 1u + rdata[at] : len;
		return at <= len ? at : 0;
	default: return block > 0 && (size_t)block <= len ? (size_t)block : 0;
	}
}

/* Data that are not what their type wants would be passed on to clients as they are. */
static bool data_fit(uint16_t type, const uint8_t *rdata, size_t len)
{
	const knot_rdata_descriptor_t *shape = knot_get_rdata_descriptor(type);
	size_t at = 0;
	if (type == HF_TYPE_TXT || type == HF_TYPE_HINFO)
		return strings_fit(rdata, len);
	for (const int *block = shape->block_types; *block != KNOT_RDATA_WF_END; block++) {
		if (*block == KNOT_RDATA_WF_REMAINDER)
			return true;
		size_t octets = block_len(*block, rdata + at, len - at);
		if (!octets)
			return false;
		at += octets;
	}
	return at == len;
}

/* The record at `at`, names written out. */
static bool read_record(
	struct hf_transfer *t, const uint8_t *m, size_t len, size_t at, size_t *ret_next)
{
	struct hf_writer w = hf_writer(t->octets_of_record, sizeof t->octets_of_record);
	struct hf_zone_record *ret = &t->record;
	struct hf_record r;
	if (hf_record_read(m, len, at, &r) || hf_record_copy(m, &r, r.ttl, &w))
		return false;
	size_t owner = hf_name_wire_len(w.bytes, w.len);
	ret->owner.len = (uint8_t)owner;
	hf_name_copy_lower(ret->owner.bytes, w.bytes, owner);
	ret->type = r.type;
	ret->class = r.class;
	ret->ttl = r.ttl;
	ret->rdata = w.bytes + owner + 10;
	ret->rdata_len = hf_get_u16(w.bytes + owner + 8);
	*ret_next = r.end;
	return data_fit(r.type, ret->rdata, ret->rdata_len);
}

static enum hf_transfer_step judge_record(struct hf_transfer *t)
{
	const struct hf_zone_record *r = &t->record;
	if (r->class != HF_CLASS_IN)
		return at_fault(t, HF_TRANSFER_BROKEN, "a record of another class");
	if (is_meta(r->type))
		return at_fault(t, HF_TRANSFER_BROKEN, "a record that no zone has");
	if (!hf_name_within(r->owner.bytes, r->owner.len, t->origin.bytes, t->origin.len))
		return at_fault(t, HF_TRANSFER_BROKEN, "a record outside of the zone");
	if (is_soa(t) && r->owner.len != t->origin.len)
		return at_fault(t, HF_TRANSFER_BROKEN, "an SOA record below the zone's own name");
	return HF_TRANSFER_MORE;
}

static enum hf_transfer_step take_record(struct hf_transfer *t)
{
	static enum hf_transfer_step (*const takes[])(struct hf_transfer *) = {
		[FIRST] = take_first,
		[SECOND] = take_second,
		[ALL] = take_of_all,
		[REMOVALS] = take_removal,
		[ADDITIONS] = take_addition,
	};
	enum hf_transfer_step step = judge_record(t);
	return step == HF_TRANSFER_MORE ? takes[t->stage](t) : step;
}

/* ---- messages ---- */

/* An error in the first message answers the request; later, it ends a transfer that had
 * begun well. Whoever does not do IXFR says so in one of several ways. NOTAUTH is about the
 * zone or the key, and the same for both. */
static enum hf_transfer_step refused(struct hf_transfer *t, unsigned rcode)
{
	char text[HF_RCODE_TEXT_MAX];
	enum hf_transfer_step step = HF_TRANSFER_REFUSED;
	if (t->stage != FIRST)
		step = HF_TRANSFER_BROKEN;
	else if (t->have && rcode != 9)
		step = HF_TRANSFER_AGAIN;
	return end(t, step, "the answer is %s", hf_rcode_text(rcode, text));
}

static enum hf_transfer_step judge_header(struct hf_transfer *t, const uint8_t *m, size_t len)
{
	if (len < HF_HEADER_LEN || len > HF_MESSAGE_MAX)
		return broken(t, "a message that is too short or too long");
	unsigned flags = hf_message_flags(m);
	if (hf_message_id(m) != t->id || !(flags & HF_FLAG_QR) || flags & HF_FLAG_OPCODE)
		return broken(t, "a message that is no answer to the request");
	if (flags & HF_FLAG_RCODE)
		return refused(t, flags & HF_FLAG_RCODE);
	if (flags & HF_FLAG_TC)
		return broken(t, "a message that was cut");
	/* A stream of nothing would never end. */
	return hf_get_u16(m + 6) ? HF_TRANSFER_MORE : broken(t, "a message without records");
}

/* Each message may repeat the question, or leave it off (RFC 5936 section 2.2.2). */
static bool question_fits(
	const struct hf_transfer *t, const uint8_t *m, size_t len, size_t *ret_next)
{
	struct hf_name name;
	size_t at;
	*ret_next = HF_HEADER_LEN;
	if (hf_get_u16(m + 4) == 0)
		return true;
	if (hf_get_u16(m + 4) != 1 || hf_name_read(m, len, HF_HEADER_LEN, &name, &at) ||
		len - at < 4)
		return false;
	*ret_next = at + 4;
	return name.len == t->origin.len && hf_name_equal(name.bytes, t->origin.bytes, name.len) &&
	       hf_get_u16(m + at) == (t->have ? HF_TYPE_IXFR : HF_TYPE_AXFR) &&
	       hf_get_u16(m + at + 2) == HF_CLASS_IN;
}

enum hf_transfer_step hf_transfer_message(struct hf_transfer *t, const uint8_t *m, size_t len)
{
	size_t at;
	if (t->stage == ENDED)
		return broken(t, "a message behind the end");
	t->octets += len;
	if (t->octets > HF_TRANSFER_OCTETS_MAX)
		return failed(t, HF_EBOUND);
	enum hf_transfer_step step = judge_header(t, m, len);
	if (step != HF_TRANSFER_MORE)
		return step;
	if (!question_fits(t, m, len, &at))
		return broken(t, "a message with another question");
	for (unsigned left = hf_get_u16(m + 6); left; left--) {
		if (!read_record(t, m, len, at, &at))
			return broken(t, "a record that is malformed");
		step = take_record(t);
		if (step == HF_TRANSFER_WHOLE && left > 1)
			return broken(t, "records behind the SOA record that ends it");
		if (step != HF_TRANSFER_MORE)
			return step;
	}
	return HF_TRANSFER_MORE;
}

/* ---- the end ---- */

static void note_fault(void *ctx, uint32_t line, const char *why)
{
	struct hf_transfer *t = ctx;
	(void)line;
	if (!t->why[0])
		snprintf(t->why, sizeof t->why, "%s", why);
}

/* The change at *at, which is moved on; its data stay where they are. */
static bool read_change(const struct changes *c, size_t *at, struct hf_zone_record *ret)
{
	const uint8_t *from = c->bytes + *at, *fixed = from + 2 + from[1];
	*ret = (struct hf_zone_record){.type = hf_get_u16(fixed),
		.class = HF_CLASS_IN,
		.ttl = hf_get_u32(fixed + 2),
		.rdata = fixed + 8,
		.rdata_len = hf_get_u16(fixed + 6)};
	ret->owner.len = from[1];
	memcpy(ret->owner.bytes, from + 2, from[1]);
	*at += CHANGE_FIXED + (size_t)from[1] + ret->rdata_len;
	return from[0];
}

static int apply_one(struct hf_transfer *t, size_t *at)
{
	bool addition = read_change(&t->changes, at, &t->record);
	int rc = addition ? hf_zone_build_add(t->build, &t->record)
			  : hf_zone_build_remove(t->build, &t->record);
	if (rc == HF_EMALFORMED)
		at_fault(t, HF_TRANSFER_AGAIN, "a record to be removed is not there");
	else if (rc)
		failed(t, rc);
	return rc;
}

/* Begins with what is here, and goes through all changes in the order in which they came. */
static int apply(struct hf_transfer *t)
{
	size_t at = 0;
	int rc = hf_zone_build_new(&t->origin, &t->limits, &t->build);
	rc = rc ? rc : hf_zone_build_from(t->build, t->have);
	if (rc)
		failed(t, rc);
	while (!rc && at < t->changes.len)
		rc = apply_one(t, &at);
	free(t->changes.bytes);
	t->changes = (struct changes){NULL};
	return rc;
}

int hf_transfer_zone(struct hf_transfer *t, struct hf_zone **ret, bool *ret_differences)
{
	struct hf_zone *zone;
	int rc = t->differences ? apply(t) : 0;
	struct hf_zone_build *build = t->build;
	if (rc)
		return rc;
	if (hf_unexpected(!build))
		return HF_EMALFORMED;
	t->build = NULL;
	rc = hf_zone_build_finish(build, note_fault, t, &zone);
	if (rc)
		return rc;
	*ret = zone;
	*ret_differences = t->differences;
	return 0;
}
