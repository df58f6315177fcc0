/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/known.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/hash.h"
#include "wire/build.h"

enum kind { RECORD, NOTHING_OF_TYPE, NO_NAME, NO_TARGET, TOPIC, NEED };

struct cell {
	uint64_t hash; /* 0: empty */
	hf_us until;
	struct hf_topic topic;
	struct hf_need need;
};

struct hf_known {
	struct cell *cells;
	size_t count, mask;
	hf_us extended;
};

/* Nobody steers these hashes: any key will do. */
static const struct hf_hash_key key = { 0x686f6c64, 0x66617374 };

static uint64_t hash_of(enum kind kind, const uint8_t *name, size_t name_len, uint16_t type,
	const uint8_t *data, size_t len)
{
	uint64_t hash = hf_hash(&key, (uint64_t)kind << 32 | type, name, name_len);
	if (len)
		hash = hf_hash(&key, hash, data, len);
	return hash ? hash : 1;
}

/* ---- the table ---- */

static struct cell *find(const struct hf_known *known, uint64_t hash)
{
	size_t i = hash & known->mask;
	while (known->cells[i].hash && known->cells[i].hash != hash)
		i = (i + 1) & known->mask;
	return &known->cells[i];
}

static void grow(struct hf_known *known)
{
	struct hf_known larger = { .mask = 2 * known->mask + 1, .count = known->count };
	larger.cells = calloc(larger.mask + 1, sizeof *larger.cells);
	hf_require(larger.cells);
	for (size_t i = 0; i <= known->mask; i++)
		if (known->cells[i].hash)
			*find(&larger, known->cells[i].hash) = known->cells[i];
	free(known->cells);
	known->cells = larger.cells;
	known->mask = larger.mask;
}

static struct cell *make(struct hf_known *known, uint64_t hash)
{
	if (2 * known->count > known->mask)
		grow(known);
	struct cell *cell = find(known, hash);
	if (!cell->hash) {
		*cell = (struct cell){ .hash = hash, .until = INT64_MIN, .topic.last = -1,
			.need = { .fresh_until = INT64_MIN, .failed_until = INT64_MIN } };
		known->count++;
	}
	return cell;
}

struct hf_known *hf_known_new(void)
{
	struct hf_known *known = calloc(1, sizeof *known);
	hf_require(known);
	known->mask = 255;
	known->cells = calloc(known->mask + 1, sizeof *known->cells);
	hf_require(known->cells);
	return known;
}

void hf_known_free(struct hf_known *known)
{
	if (!known)
		return;
	free(known->cells);
	free(known);
}

struct hf_topic *hf_known_topic(struct hf_known *known, const struct hf_question *q)
{
	return &make(known, hash_of(TOPIC, q->name.bytes, q->name.len, q->type, NULL, 0))->topic;
}

struct hf_need *hf_known_need(struct hf_known *known, const struct hf_question *q,
	unsigned instance, unsigned flags)
{
	const unsigned whose[2] = { instance, flags };
	return &make(known, hash_of(NEED, q->name.bytes, q->name.len, q->type, (const uint8_t *)whose,
				    sizeof whose))->need;
}

void hf_known_extend(struct hf_known *known, hf_us by)
{
	known->extended += by;
}

/* ---- records ---- */

/* A record's hash: its data uncompressed, its owner lowered, without the TTL. */
static bool record_hash(const uint8_t *m, const struct hf_record *record, uint64_t *ret)
{
	static const size_t fixed = 10; /* type, class, ttl, length */
	uint8_t bytes[HF_MESSAGE_MAX];
	struct hf_writer w = hf_writer(bytes, sizeof bytes);
	if (hf_record_copy(m, record, 0, &w))
		return false;
	size_t owner = hf_name_wire_len(bytes, w.len);
	if (!owner || w.len < owner + fixed)
		return false;
	hf_name_lower(bytes, owner);
	*ret = hash_of(RECORD, bytes, owner, record->type, bytes + owner + fixed, w.len - owner - fixed);
	return true;
}

typedef bool visitor(void *ctx, uint64_t hash, const struct hf_record *record);

static bool each_answer(const uint8_t *m, size_t len, const struct hf_message_view *view,
	visitor *visit, void *ctx)
{
	size_t at = view->question_end;
	struct hf_record record;
	uint64_t hash;
	for (unsigned i = 0; i < view->answers; i++, at = record.end)
		if (hf_record_read(m, len, at, &record) || !record_hash(m, &record, &hash) ||
			!visit(ctx, hash, &record))
			return false;
	return true;
}

/* What a reply without the records asked for says of the question. */
static bool denial(const uint8_t *m, const struct hf_message_view *view, const struct hf_question *q,
	uint64_t *ret)
{
	size_t at = view->question_end;
	struct hf_record record;
	enum kind kind = view->rcode != HF_RCODE_NXDOMAIN ? NOTHING_OF_TYPE : view->answers ? NO_TARGET
											    : NO_NAME;
	for (unsigned i = 0; kind == NOTHING_OF_TYPE && i < view->answers; i++, at = record.end)
		if (hf_record_read(m, view->end, at, &record) || record.type == q->type)
			return false;
	*ret = hash_of(kind, q->name.bytes, q->name.len, kind == NO_NAME ? 0 : q->type, NULL, 0);
	return true;
}

/* ---- saying ---- */

struct saying {
	struct hf_known *known;
	hf_us until;
};

static void hold(struct hf_known *known, uint64_t hash, hf_us until)
{
	struct cell *cell = make(known, hash);
	if (cell->until < until)
		cell->until = until;
}

static bool take_down(void *ctx, uint64_t hash, const struct hf_record *record)
{
	const struct saying *s = ctx;
	hold(s->known, hash, s->until + record->ttl * HF_SECOND);
	return true;
}

void hf_known_say(struct hf_known *known, const uint8_t *m, size_t len, hf_us at, hf_us slack)
{
	struct hf_message_view view;
	struct hf_question question = { .class = HF_CLASS_IN };
	size_t next;
	uint64_t hash;
	/* What is cut short says nothing. */
	if (hf_message_read(m, len, &view) || view.flags & HF_FLAG_TC ||
		hf_name_read(m, len, HF_HEADER_LEN, &question.name, &next))
		return;
	hf_name_lower(question.name.bytes, question.name.len);
	question.type = hf_get_u16(m + next);
	struct saying saying = { known, at + slack - known->extended };
	each_answer(m, len, &view, take_down, &saying);
	if (view.soa_negative != UINT32_MAX && denial(m, &view, &question, &hash))
		hold(known, hash, saying.until + view.soa_negative * HF_SECOND);
}

/* ---- holding replies against it ---- */

struct checking {
	const struct hf_known *known;
	hf_us now;
	const struct hf_staleness *stale; /* NULL: it is said to be fresh */
	uint32_t ttl; /* that a denial is said to have left */
	char *why;
	size_t size;
};

/* An old answer's clock counts in seconds, and so may be one behind. */
static bool is_young(const struct checking *c, hf_us until)
{
	return c->now <= until + c->stale->most + HF_SECOND;
}

static bool is_known(void *ctx, uint64_t hash, const struct hf_record *record)
{
	const struct checking *c = ctx;
	const struct cell *cell = find(c->known, hash);
	if (!cell->hash) {
		snprintf(c->why, c->size, "a record of type %u that no upstream ever gave", record->type);
		return false;
	}
	hf_us until = cell->until + c->known->extended;
	if (c->stale && !is_young(c, until)) {
		snprintf(c->why, c->size, "a stale record %lld s past its TTL",
			(long long)((c->now - until) / HF_SECOND));
		return false;
	}
	if (c->stale && record->ttl > c->stale->ttl) {
		snprintf(c->why, c->size, "a stale record with a TTL of %u", (unsigned)record->ttl);
		return false;
	}
	if (!c->stale && c->now + record->ttl * HF_SECOND > until) {
		snprintf(c->why, c->size, "a TTL of %u, %lld s more than is left of what was said",
			(unsigned)record->ttl,
			(long long)((c->now + record->ttl * HF_SECOND - until) / HF_SECOND + 1));
		return false;
	}
	return true;
}

static bool may_be_said(const struct checking *c, uint64_t hash)
{
	const struct cell *cell = find(c->known, hash);
	hf_us until = cell->until + c->known->extended;
	return cell->hash && (c->stale ? is_young(c, until) : c->now + c->ttl * HF_SECOND <= until);
}

/* Nothing exists below a name that does not (RFC 8020). */
static bool is_denied_above(const struct checking *c, const struct hf_question *q)
{
	const uint8_t *name = q->name.bytes;
	for (size_t len = q->name.len; len; len = q->name.len - (size_t)(name - q->name.bytes)) {
		if (may_be_said(c, hash_of(NO_NAME, name, len, 0, NULL, 0)))
			return true;
		if (!*name)
			break;
		name = hf_name_parent(name);
	}
	return false;
}

static bool holds(const struct checking *c, const uint8_t *m, const struct hf_message_view *view,
	const struct hf_question *question)
{
	uint64_t hash;
	if (!each_answer(m, view->end, view, is_known, (void *)(uintptr_t)c)) {
		if (!*c->why)
			snprintf(c->why, c->size, "an answer that cannot be read");
		return false;
	}
	if (!denial(m, view, question, &hash) || may_be_said(c, hash))
		return true;
	if (view->rcode == HF_RCODE_NXDOMAIN && !view->answers && is_denied_above(c, question))
		return true;
	snprintf(c->why, c->size, "%s that no upstream said, or not for so long",
		view->rcode == HF_RCODE_NXDOMAIN ? "an NXDOMAIN" : "an empty answer");
	return false;
}

bool hf_known_allows(const struct hf_known *known, const uint8_t *m,
	const struct hf_message_view *view, const struct hf_question *question, hf_us now,
	const struct hf_staleness *staleness, char *why, size_t why_size)
{
	bool marked = view->edns.ede == HF_EDE_STALE || view->edns.ede == HF_EDE_STALE_NXDOMAIN;
	uint32_t ttl = view->soa_negative == UINT32_MAX ? 0 : view->soa_negative;
	struct checking c = { known, now, marked ? staleness : NULL, ttl, why, why_size };
	if ((view->rcode != HF_RCODE_NOERROR && view->rcode != HF_RCODE_NXDOMAIN) ||
		view->flags & HF_FLAG_TC)
		return true;
	if (holds(&c, m, view, question))
		return true;
	if (marked || view->edns.present)
		return false;
	c.stale = staleness;
	return holds(&c, m, view, question);
}
