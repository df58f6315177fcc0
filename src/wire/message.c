/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/rdata.h"

#define POINTER 0xc000u /* the bits that say so: RFC 1035 section 4.1.4 */

/* Names inside the data of known types must be readable too: a reader that
 * trusts us to have looked (the cache, a client) must not trip over them. */
static int check_names(
	const uint8_t *m, const struct hf_record *record, const struct hf_rdata_shape *shape)
{
	size_t at;
	if (hf_rdata_names_at(shape, m, record->rdata_at, record->end, &at))
		return HF_EMALFORMED;
	for (unsigned i = 0; i < shape->names; i++)
		if (hf_name_skip(m, record->end, at, &at))
			return HF_EMALFORMED;
	if (record->type == HF_TYPE_SOA && record->end - at != 20)
		return HF_EMALFORMED;
	return 0;
}

/* The record whose type, class, TTL and length (ten octets) begin at `fixed`. */
static inline struct hf_record record_at(const uint8_t *m, size_t at, size_t fixed)
{
	struct hf_record record = {
		.at = (uint16_t)at,
		.type = hf_get_u16(m + fixed),
		.class = hf_get_u16(m + fixed + 2),
		.ttl_at = (uint16_t)(fixed + 4),
		.rdata_at = (uint16_t)(fixed + 10),
		.rdata_len = hf_get_u16(m + fixed + 8),
		.ttl = hf_get_u32(m + fixed + 4),
	};
	record.end = (uint16_t)(record.rdata_at + record.rdata_len);
	if (record.ttl > INT32_MAX && record.type != HF_TYPE_OPT)
		record.ttl = 0;
	return record;
}

/* Is the name at `at` nothing but a pointer to the one at `to`? */
static inline bool repeats(const uint8_t *m, size_t len, size_t at, size_t to)
{
	return at + 2 <= len && hf_get_u16(m + at) == (POINTER | to);
}

/* known: a name that has been read and lies before `at`, mostly the question's; 0: none. */
static inline int read_record(
	const uint8_t *m, size_t len, size_t at, size_t known, struct hf_record *ret)
{
	size_t fixed = at + 2;
	if (len > HF_MESSAGE_MAX ||
		(!(known && repeats(m, len, at, known)) && hf_name_skip(m, len, at, &fixed)) ||
		len - fixed < 10)
		return HF_EMALFORMED;
	const struct hf_record record = record_at(m, at, fixed);
	if (len - record.rdata_at < record.rdata_len)
		return HF_EMALFORMED;
	/* An empty rdata is legal in updates only, but nothing trips over it. */
	const struct hf_rdata_shape *shape = hf_rdata_shape(record.type);
	if (shape->names && record.rdata_len && check_names(m, &record, shape))
		return HF_EMALFORMED;
	*ret = record;
	return 0;
}

inline int hf_record_read(const uint8_t *m, size_t len, size_t at, struct hf_record *ret)
{
	return read_record(m, len, at, 0, ret);
}

inline struct hf_record hf_record_again(const uint8_t *m, size_t at)
{
	size_t end = at;
	while (m[end] && m[end] <= HF_LABEL_MAX)
		end += 1 + (size_t)m[end];
	return record_at(m, at, end + (m[end] ? 2 : 1));
}

/* A server says for how long it keeps the connection, a client nothing. */
static void take_keepalive(struct hf_edns *edns, const uint8_t *bytes, size_t size)
{
	edns->keepalive = true;
	edns->keepalive_timed = size == 2;
	edns->keepalive_100ms = size == 2 ? hf_get_u16(bytes) : 0;
}

static int read_edns(const uint8_t *m, const struct hf_record *record, struct hf_edns *ret)
{
	struct hf_reader r = {.bytes = m, .len = record->end, .at = record->rdata_at};
	if (ret->present || m[record->at] != 0)
		return HF_EMALFORMED; /* a second OPT, or one that is not the root's */
	*ret = (struct hf_edns){
		.present = true,
		.udp_size = record->class,
		.rcode_high = (uint8_t)(record->ttl >> 24),
		.version = (uint8_t)(record->ttl >> 16),
		.dnssec_ok = record->ttl & HF_EDNS_DO,
		.at = record->at,
		.len = (uint16_t)(record->end - record->at),
		.ede = HF_EDE_NONE,
	};
	while (hf_reader_left(&r)) {
		uint16_t code, size;
		if (!hf_read_u16(&r, &code) || !hf_read_u16(&r, &size))
			return HF_EMALFORMED;
		if (code == HF_EDNS_EDE && size >= 2 && hf_reader_left(&r) >= size &&
			ret->ede == HF_EDE_NONE)
			ret->ede = hf_get_u16(m + r.at);
		if (code == HF_EDNS_KEEPALIVE)
			take_keepalive(ret, m + r.at, hf_reader_left(&r) < size ? 0 : size);
		ret->padding |= code == HF_EDNS_PADDING;
		if (code == HF_EDNS_COOKIE && !ret->cookie_at) {
			ret->cookie_at = (uint16_t)r.at;
			ret->cookie_len = size;
		}
		if (!hf_read_skip(&r, size))
			return HF_EMALFORMED;
	}
	return 0;
}

static enum hf_query_fault fault(
	struct hf_query_view *view, enum hf_query_fault kind, const char *why, size_t where)
{
	view->why = why;
	view->where = where;
	return kind;
}

/* Before anything was read of EDNS. */
static enum hf_query_fault early(
	struct hf_query_view *view, enum hf_query_fault kind, const char *why, size_t where)
{
	view->edns = (struct hf_edns){.ede = HF_EDE_NONE};
	return fault(view, kind, why, where);
}

/* What a reader of records holds them against to see that they belong. */
struct asked {
	uint16_t type, class;
	size_t known_at; /* the question's name; 0: there is none */
	size_t name_at;  /* the question's name, or the one that its aliases lead to so far */
};

/* An upstream's echo of it. */
static int read_question(const uint8_t *m, size_t len, struct asked *ret, size_t *ret_end)
{
	struct hf_reader r = hf_reader(m, len);
	/* It cannot be compressed: before the first name there is only the header. */
	if (hf_name_skip(m, len, HF_HEADER_LEN, &r.at) || !hf_read_u16(&r, &ret->type) ||
		!hf_read_u16(&r, &ret->class))
		return HF_EMALFORMED;
	ret->known_at = HF_HEADER_LEN;
	*ret_end = r.at;
	return 0;
}

/* A client's question: its name cannot be compressed, for before it there is only
 * the header. */
static inline bool take_question(const uint8_t *m, size_t len, struct hf_query_view *view)
{
	size_t at = HF_HEADER_LEN;
	while (at < len && m[at] && m[at] <= HF_LABEL_MAX)
		at += 1 + (size_t)m[at];
	size_t name_len = at + 1 - HF_HEADER_LEN;
	if (at + 5 > len || m[at] || name_len > HF_NAME_MAX)
		return false;
	view->question.name.len = (uint8_t)name_len;
	hf_name_copy_lower(view->question.name.bytes, m + HF_HEADER_LEN, name_len);
	view->question.type = hf_get_u16(m + at + 1);
	view->question.class = hf_get_u16(m + at + 3);
	view->question_len = (uint16_t)(name_len + 4);
	return true;
}

/* The record that nearly every query ends with, and nothing else: the root's OPT. */
static bool is_opt(const uint8_t *m, size_t len, size_t at, struct hf_record *ret)
{
	if (at + HF_OPT_LEN > len || m[at] || hf_get_u16(m + at + 1) != HF_TYPE_OPT)
		return false;
	size_t data_len = hf_get_u16(m + at + 9), data_at = at + HF_OPT_LEN;
	if (data_at + data_len > len)
		return false;
	*ret = (struct hf_record){.at = (uint16_t)at,
		.type = HF_TYPE_OPT,
		.class = hf_get_u16(m + at + 3),
		.ttl = hf_get_u32(m + at + 5),
		.rdata_at = (uint16_t)data_at,
		.end = (uint16_t)(data_at + data_len)};
	return true;
}

/* What nearly every query ends with: one OPT of the root, without options. */
static inline bool is_plain_opt(const uint8_t *m, size_t len, size_t at)
{
	return hf_get_u16(m + 10) == 1 && at + HF_OPT_LEN <= len && !m[at] &&
	       hf_get_u16(m + at + 1) == HF_TYPE_OPT && !hf_get_u16(m + at + 9);
}

/* Each field where it is to lie: as a value it would be made elsewhere first. */
static inline void take_plain_opt(const uint8_t *m, size_t at, struct hf_edns *ret)
{
	ret->present = true;
	ret->keepalive = false;
	ret->keepalive_timed = false;
	ret->padding = false;
	ret->ede = HF_EDE_NONE;
	ret->keepalive_100ms = 0;
	ret->cookie_at = 0;
	ret->cookie_len = 0;
	ret->len = HF_OPT_LEN;
	ret->at = (uint16_t)at;
	ret->udp_size = hf_get_u16(m + at + 3);
	ret->dnssec_ok = m[at + 7] >> 7;
	ret->version = m[at + 6];
	ret->rcode_high = m[at + 5];
}

static enum hf_query_fault read_additionals_at(
	const uint8_t *m, size_t len, size_t at, struct hf_query_view *view)
{
	view->edns = (struct hf_edns){.ede = HF_EDE_NONE};
	for (unsigned n = hf_get_u16(m + 10); n; n--) {
		struct hf_record record;
		if (!is_opt(m, len, at, &record) && hf_record_read(m, len, at, &record))
			return fault(view, HF_QUERY_FORMERR, "unreadable additional record", at);
		if (record.type == HF_TYPE_OPT && read_edns(m, &record, &view->edns))
			return fault(view, HF_QUERY_FORMERR, "unreadable OPT record", at);
		at = record.end;
	}
	return HF_QUERY_GOOD;
}

static __attribute__((noinline)) enum hf_query_fault bad_version(struct hf_query_view *view)
{
	return fault(view, HF_QUERY_BADVERS, "EDNS version not supported", view->edns.at);
}

static __attribute__((noinline)) enum hf_query_fault read_additionals(
	const uint8_t *m, size_t len, struct hf_query_view *view)
{
	size_t at = HF_HEADER_LEN + (size_t)view->question_len;
	enum hf_query_fault found = read_additionals_at(m, len, at, view);
	return !found && view->edns.version ? bad_version(view) : found;
}

/* A query whose header says: one question, and nothing in answer and authority. */
static inline bool is_ordinary(const uint8_t *m, size_t len)
{
	return len >= HF_HEADER_LEN && len <= HF_MESSAGE_MAX &&
	       !(hf_message_flags(m) & (HF_FLAG_QR | HF_FLAG_OPCODE)) &&
	       hf_get_u32(m + 4) == 1 << 16 && !hf_get_u16(m + 8);
}

/* Says what is wrong with a header that is not, or else with the question. */
static __attribute__((noinline)) enum hf_query_fault no_query(
	const uint8_t *m, size_t len, struct hf_query_view *ret)
{
	ret->id = ret->flags = ret->question_len = 0;
	ret->question.name.len = 0;
	ret->question.type = ret->question.class = 0;
	if (len < HF_HEADER_LEN)
		return early(ret, HF_QUERY_SILENCE, "shorter than a header", len);
	ret->id = hf_message_id(m);
	ret->flags = hf_message_flags(m);
	if (ret->flags & HF_FLAG_QR)
		return early(ret, HF_QUERY_SILENCE, "a response where a query was expected", 2);
	if (hf_message_opcode(m) != HF_OPCODE_QUERY)
		return early(ret, HF_QUERY_NOTIMP, "opcode not served", 2);
	if (len > HF_MESSAGE_MAX || hf_get_u16(m + 4) != 1)
		return early(ret, HF_QUERY_FORMERR, "not exactly one question", 4);
	if (hf_get_u32(m + 6))
		return early(ret, HF_QUERY_FORMERR, "records in answer or authority", 6);
	return early(ret, HF_QUERY_FORMERR, "unreadable question", HF_HEADER_LEN);
}

inline enum hf_query_fault hf_query_read(const uint8_t *m, size_t len, struct hf_query_view *ret)
{
	/* The name's octets stay as they are: every client's packet passes here. */
	if (!is_ordinary(m, len) || !take_question(m, len, ret))
		return no_query(m, len, ret);
	ret->id = hf_message_id(m);
	ret->flags = hf_message_flags(m);
	size_t at = HF_HEADER_LEN + (size_t)ret->question_len;
	if (!is_plain_opt(m, len, at))
		return read_additionals(m, len, ret);
	take_plain_opt(m, at, &ret->edns);
	return ret->edns.version ? bad_version(ret) : HF_QUERY_GOOD;
}

/* The last record, with which a signature ends a message (RFC 8945 5.1). The records
 * can be read. */
static bool ends_with_tsig(const uint8_t *m, size_t len, size_t at)
{
	struct hf_record record = {.type = 0};
	for (unsigned n = hf_get_u16(m + 10); n; n--) {
		if (!is_opt(m, len, at, &record) && hf_record_read(m, len, at, &record))
			return false;
		at = record.end;
	}
	return record.type == HF_TYPE_TSIG;
}

bool hf_query_has_tsig(const uint8_t *m, size_t len, const struct hf_query_view *view)
{
	return ends_with_tsig(m, len, HF_HEADER_LEN + (size_t)view->question_len);
}

static void note_serial(
	const uint8_t *m, const struct hf_record *record, struct hf_errand_view *view)
{
	const struct hf_name *zone = &view->query.question.name;
	struct hf_name owner;
	size_t next;
	if (record->type != HF_TYPE_SOA || record->rdata_len < 22 ||
		hf_name_read(m, record->end, record->at, &owner, &next) || owner.len != zone->len ||
		!hf_name_equal(owner.bytes, zone->bytes, zone->len))
		return;
	view->has_serial = true;
	view->serial = hf_get_u32(m + record->end - 20);
}

/* The record in front of the additional section, if there is one. */
static enum hf_query_fault read_soa(
	const uint8_t *m, size_t len, size_t *at, struct hf_errand_view *view)
{
	unsigned ours = hf_get_u16(m + (view->notify ? 6 : 8));
	unsigned other = hf_get_u16(m + (view->notify ? 8 : 6));
	struct hf_record record;
	/* RFC 1996 3.7: what else is in a NOTIFY is to be left alone, not refused. */
	for (unsigned n = ours + other; n; n--) {
		if (n > 2 || (other && !view->notify))
			return fault(&view->query, HF_QUERY_FORMERR, "too many records", 6);
		if (hf_record_read(m, len, *at, &record))
			return fault(&view->query, HF_QUERY_FORMERR, "unreadable record", *at);
		if (n > other)
			note_serial(m, &record, view);
		*at = record.end;
	}
	return HF_QUERY_GOOD;
}

static bool is_errand(const struct hf_errand_view *view)
{
	uint16_t type = view->query.question.type;
	return view->notify || type == HF_TYPE_AXFR || type == HF_TYPE_IXFR;
}

enum hf_query_fault hf_errand_read(const uint8_t *m, size_t len, struct hf_errand_view *ret)
{
	struct hf_query_view *view = &ret->query;
	*ret = (struct hf_errand_view){.query.edns.ede = HF_EDE_NONE};
	if (len < HF_HEADER_LEN || hf_message_flags(m) & HF_FLAG_QR)
		return fault(view, HF_QUERY_SILENCE, "no request", 2);
	view->id = hf_message_id(m);
	view->flags = hf_message_flags(m);
	ret->notify = hf_message_opcode(m) == HF_OPCODE_NOTIFY;
	if (!ret->notify && hf_message_opcode(m) != HF_OPCODE_QUERY)
		return fault(view, HF_QUERY_NOTIMP, "opcode not served", 2);
	if (len > HF_MESSAGE_MAX || hf_get_u16(m + 4) != 1 || !take_question(m, len, view))
		return fault(view, HF_QUERY_FORMERR, "not one readable question", 4);
	if (!is_errand(ret))
		return fault(view, HF_QUERY_NOTIMP, "a question", 2);
	size_t at = HF_HEADER_LEN + (size_t)view->question_len;
	enum hf_query_fault found = read_soa(m, len, &at, ret);
	if (!found)
		found = read_additionals_at(m, len, at, view);
	if (!found && view->edns.version)
		return bad_version(view);
	ret->has_tsig = !found && ends_with_tsig(m, len, at);
	return found;
}

static void note_negative_bound(
	const uint8_t *m, const struct hf_record *soa, struct hf_message_view *view)
{
	if (view->has_soa || soa->rdata_len < 20)
		return;
	uint32_t minimum = hf_get_u32(m + soa->end - 4);
	if (minimum > INT32_MAX)
		minimum = 0;
	view->has_soa = true;
	view->soa_negative = minimum < soa->ttl ? minimum : soa->ttl;
}

enum section { ANSWER, AUTHORITY, ADDITIONAL };

/* Where a name that is nothing but a pointer points to; 0: it is no such name. */
static inline size_t pointed(const uint8_t *m, size_t at)
{
	return m[at] > HF_LABEL_MAX ? (size_t)hf_get_u16(m + at) & 0x3fff : 0;
}

/* Does the name at `at` go on at `to`, and so lie at or below the name there? */
static bool leads_through(const uint8_t *m, size_t at, size_t to)
{
	while (at != to) {
		size_t next = pointed(m, at);
		if (!m[at])
			return false;
		at = next ? next : at + 1 + m[at];
	}
	return true;
}

static bool evident_answer(const uint8_t *m, const struct hf_record *record, struct asked *asked)
{
	if (pointed(m, record->at) != asked->name_at || record->type == HF_TYPE_DNAME)
		return false;
	if (record->type != HF_TYPE_CNAME || asked->type == HF_TYPE_CNAME ||
		asked->type == HF_TYPE_ANY)
		return true;
	if (!record->rdata_len)
		return false;
	size_t target = pointed(m, record->rdata_at);
	asked->name_at = target ? target : record->rdata_at;
	return true;
}

/* Nearly every name in a reply is a pointer to the one that it repeats, so that where
 * it points says enough. Whatever is written in another way is read with care later. */
static bool is_evident(
	const uint8_t *m, const struct hf_record *record, enum section section, struct asked *asked)
{
	if (section == ADDITIONAL)
		return hf_is_of_the_hop(record->type);
	if (record->class != asked->class)
		return false;
	if (section == ANSWER)
		return evident_answer(m, record, asked);
	size_t zone_at = pointed(m, record->at);
	return (record->type == HF_TYPE_SOA || record->type == HF_TYPE_NS) &&
	       (!m[record->at] || (zone_at && leads_through(m, asked->name_at, zone_at)));
}

static int note_record(const uint8_t *m, const struct hf_record *record, enum section section,
	struct hf_message_view *view)
{
	if (record->type == HF_TYPE_OPT)
		return section == ADDITIONAL ? read_edns(m, record, &view->edns) : HF_EMALFORMED;
	if (record->type == HF_TYPE_TSIG ||
		(record->type == HF_TYPE_SIG && section == ADDITIONAL)) {
		view->signed_by_key = true;
		return 0;
	}
	if (record->ttl < view->ttl_min)
		view->ttl_min = record->ttl;
	if (section == ANSWER && (record->type == HF_TYPE_CNAME || record->type == HF_TYPE_DNAME))
		view->answer_has_alias = true;
	if (section == AUTHORITY && record->type == HF_TYPE_SOA)
		note_negative_bound(m, record, view);
	if (section == AUTHORITY && record->type == HF_TYPE_NS && !view->answers)
		view->has_referral = true;
	return 0;
}

static int read_section(const uint8_t *m, size_t len, size_t *at, unsigned count,
	enum section section, struct asked *asked, struct hf_message_view *view)
{
	for (; count; count--) {
		struct hf_record record;
		bool opt = section == ADDITIONAL && is_opt(m, len, *at, &record);
		if (!opt && read_record(m, len, *at, asked->known_at, &record))
			return HF_EMALFORMED;
		if (note_record(m, &record, section, view))
			return HF_EMALFORMED;
		view->tidy = view->tidy && is_evident(m, &record, section, asked);
		*at = record.end;
		if (section != ADDITIONAL || view->hop_at)
			continue;
		if (hf_is_of_the_hop(record.type))
			view->hop_at = record.at;
		else
			view->before_hop++;
	}
	return 0;
}

int hf_message_read(const uint8_t *m, size_t len, struct hf_message_view *ret)
{
	struct hf_message_view view = {
		.ttl_min = UINT32_MAX,
		.soa_negative = UINT32_MAX,
		.edns.ede = HF_EDE_NONE,
		.tidy = true,
	};
	struct asked asked = {.name_at = HF_HEADER_LEN};
	size_t at = HF_HEADER_LEN;
	int rc = HF_EMALFORMED;
	if (len < HF_HEADER_LEN || len > HF_MESSAGE_MAX) {
		ret->where = len;
		return HF_EMALFORMED;
	}
	view.id = hf_message_id(m);
	view.flags = hf_message_flags(m);
	unsigned questions = hf_get_u16(m + 4);
	view.answers = hf_get_u16(m + 6);
	view.authorities = hf_get_u16(m + 8);
	view.additionals = hf_get_u16(m + 10);
	if (questions > 1 ||
		(unsigned)view.answers + view.authorities + view.additionals > HF_RECORDS_MAX)
		goto done;
	if (questions && read_question(m, len, &asked, &at))
		goto done;
	view.question_end = (uint16_t)at;
	if (read_section(m, len, &at, view.answers, ANSWER, &asked, &view))
		goto done;
	view.answer_end = (uint16_t)at;
	if (read_section(m, len, &at, view.authorities, AUTHORITY, &asked, &view))
		goto done;
	view.authority_end = (uint16_t)at;
	if (read_section(m, len, &at, view.additionals, ADDITIONAL, &asked, &view))
		goto done;
	view.end = (uint16_t)at;
	if (!view.hop_at)
		view.hop_at = view.end;
	view.rcode = (unsigned)view.edns.rcode_high << 4 | (view.flags & HF_FLAG_RCODE);
	if (view.has_soa)
		view.has_referral = false;
	rc = 0;
done:
	if (rc)
		ret->where = at;
	else
		*ret = view;
	return rc;
}

bool hf_message_echoes(const uint8_t *m, const struct hf_message_view *view, const uint8_t *asked,
	size_t asked_len)
{
	return (size_t)view->question_end - HF_HEADER_LEN == asked_len &&
	       memcmp(m + HF_HEADER_LEN, asked, asked_len) == 0;
}
