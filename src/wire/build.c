/* SPDX-License-Identifier: MIT */
#include "wire/build.h"

#include "base/check.h"
#include "base/error.h"
#include "wire/rdata.h"

static void put_header(uint8_t *out, uint16_t id, uint16_t flags, const uint16_t counts[4])
{
	hf_put_u16(out, id);
	hf_put_u16(out + 2, flags);
	for (unsigned i = 0; i < 4; i++)
		hf_put_u16(out + 4 + 2 * i, counts[i]);
}

int hf_record_copy(
	const uint8_t *m, const struct hf_record *record, uint32_t ttl, struct hf_writer *w)
{
	const struct hf_rdata_shape *shape = hf_rdata_shape(record->type);
	struct hf_name name;
	size_t at;
	if (hf_name_read(m, record->end, record->at, &name, &at))
		return HF_EMALFORMED;
	hf_write(w, name.bytes, name.len);
	hf_write_u16(w, record->type);
	hf_write_u16(w, record->class);
	hf_write_u32(w, ttl);
	uint8_t *length = hf_write_room(w, 2);
	size_t start = w->len;
	at = record->rdata_at;
	if (shape->names && record->rdata_len) {
		if (hf_rdata_names_at(shape, m, at, record->end, &at))
			return HF_EMALFORMED;
		hf_write(w, m + record->rdata_at, at - record->rdata_at);
		for (unsigned i = 0; i < shape->names; i++) {
			if (hf_name_read(m, record->end, at, &name, &at))
				return HF_EMALFORMED;
			hf_write(w, name.bytes, name.len);
		}
	}
	hf_write(w, m + at, record->end - at);
	if (w->overrun || w->len - start > UINT16_MAX)
		return HF_ESPACE;
	hf_put_u16(length, (uint16_t)(w->len - start));
	return 0;
}

/* The owner may repeat the question's name, or its first labels and a pointer,
 * in the random case that we asked with: clients must not see our dice. Any
 * other case is the zone's own, as BIND shows it, and stays. */
static void settle_case(struct hf_kept *kept, uint16_t question_end, size_t at)
{
	size_t len = (size_t)question_end - HF_HEADER_LEN - 4;
	uint8_t *label = kept->wire + at;
	struct hf_name owner;
	if (*label > HF_LABEL_MAX || hf_name_read(kept->wire, kept->len, at, &owner, &at) ||
		owner.len != len || memcmp(owner.bytes, kept->wire + HF_HEADER_LEN, len) != 0)
		return;
	for (; *label && *label <= HF_LABEL_MAX; label += 1 + *label)
		hf_name_lower(label + 1, *label);
}

/* True if [at, at + len) holds part of a TTL field noted so far. */
static bool holds_ttl(const struct hf_kept *kept, size_t at, size_t len)
{
	size_t low = 0, high = kept->ttl_count; /* the first field that ends behind `at` */
	while (low < high) {
		size_t middle = (low + high) / 2;
		if ((size_t)kept->ttl_at[middle] + 4 > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low < kept->ttl_count && kept->ttl_at[low] < at + len;
}

static bool begins_label_of_question(const struct hf_kept *kept, size_t at)
{
	size_t label = HF_HEADER_LEN;
	while (label < at && kept->wire[label])
		label += 1 + (size_t)kept->wire[label];
	return label == at;
}

/* A name may not lean on octets that differ from reply to reply: TTLs count
 * down, and the question comes back in the client's own case. Only a liar
 * points into them: such an answer would turn into another while it is kept. */
static bool name_stands_still(const struct hf_kept *kept, size_t question_end, size_t at)
{
	const uint8_t *m = kept->wire;
	bool jumped = false;
	for (;;) {
		bool pointer = m[at] > HF_LABEL_MAX;
		size_t step = pointer ? 2 : 1 + (size_t)m[at];
		if (jumped && holds_ttl(kept, at, step))
			return false;
		if (!m[at])
			return true;
		jumped |= pointer;
		at = pointer ? (size_t)hf_get_u16(m + at) & 0x3fff : at + step;
		if (at < question_end)
			return begins_label_of_question(kept, at);
	}
}

static bool names_stand_still(
	const struct hf_kept *kept, size_t question_end, const struct hf_record *record)
{
	const struct hf_rdata_shape *shape = hf_rdata_shape(record->type);
	size_t at;
	if (!name_stands_still(kept, question_end, record->at))
		return false;
	if (!shape->names || !record->rdata_len)
		return true;
	if (hf_rdata_names_at(shape, kept->wire, record->rdata_at, record->end, &at))
		return false;
	for (unsigned i = 0; i < shape->names; i++)
		if (!name_stands_still(kept, question_end, at) ||
			hf_name_skip(kept->wire, record->end, at, &at))
			return false;
	return true;
}

static void note_ttl(struct hf_kept *kept, uint16_t at, uint32_t ttl_max)
{
	uint8_t *field = kept->wire + at;
	uint32_t ttl = hf_get_u32(field);
	if (ttl > INT32_MAX)
		ttl = 0;
	if (ttl > ttl_max)
		ttl = ttl_max;
	hf_put_u32(field, ttl);
	if (ttl < kept->ttl)
		kept->ttl = ttl;
	kept->ttl_at[kept->ttl_count++] = at;
}

/* Copies additional records from `at` on, without those of the hop. Returns how
 * many were kept. */
static int keep_rest(
	const uint8_t *m, const struct hf_message_view *view, size_t at, struct hf_writer *w)
{
	int kept = 0;
	while (at < view->end) {
		struct hf_record record;
		if (hf_record_read(m, view->end, at, &record))
			return HF_EMALFORMED;
		at = record.end;
		if (hf_is_of_the_hop(record.type))
			continue;
		int rc = hf_record_copy(m, &record, record.ttl, w);
		if (rc)
			return rc;
		kept++;
	}
	return kept;
}

/* Does the message end with its OPT record, and have nothing else of the hop? */
static bool ends_with_opt(const struct hf_message_view *view)
{
	return view->edns.present && view->edns.at == view->hop_at &&
	       view->edns.at + view->edns.len == view->end;
}

int hf_keep_again(struct hf_kept *kept, uint16_t question_end, uint32_t ttl_max)
{
	bool asked = question_end > HF_HEADER_LEN;
	kept->ttl = UINT32_MAX;
	kept->ttl_count = 0;
	for (size_t at = question_end; at < kept->len;) {
		const struct hf_record record = hf_record_again(kept->wire, at);
		if (asked)
			settle_case(kept, question_end, at);
		note_ttl(kept, record.ttl_at, ttl_max);
		if (!names_stand_still(kept, question_end, &record))
			return HF_EMALFORMED;
		at = record.end;
	}
	return 0;
}

int hf_keep(
	const uint8_t *m, const struct hf_message_view *view, uint32_t ttl_max, struct hf_kept *ret)
{
	struct hf_writer w = hf_writer(ret->wire, HF_MESSAGE_MAX);
	hf_write(&w, m, view->hop_at);
	int rest = ends_with_opt(view) ? 0 : keep_rest(m, view, view->hop_at, &w);
	if (rest < 0)
		return rest;
	const uint16_t counts[4] = {view->question_end > HF_HEADER_LEN, view->answers,
		view->authorities, (uint16_t)(view->before_hop + rest)};
	put_header(ret->wire, 0,
		(uint16_t)(HF_FLAG_QR | HF_FLAG_RA | (view->flags & HF_FLAG_RCODE)), counts);
	ret->len = (uint16_t)w.len;
	ret->answer_end = view->answer_end;
	ret->authority_end = view->authority_end;
	int rc = hf_keep_again(ret, view->question_end, ttl_max);
	if (rc)
		return rc;
	if (counts[0])
		hf_name_lower(
			ret->wire + HF_HEADER_LEN, (size_t)view->question_end - HF_HEADER_LEN - 4);
	return 0;
}

uint16_t hf_reply_limit_udp(const struct hf_edns *edns, uint16_t ours)
{
	uint16_t size = edns->present ? edns->udp_size : HF_UDP_PLAIN_MAX;
	if (size < HF_UDP_PLAIN_MAX)
		size = HF_UDP_PLAIN_MAX; /* RFC 6891 6.2.3 */
	return size < ours ? size : ours;
}

static size_t ede_len(const struct hf_reply *reply)
{
	if (reply->ede == HF_EDE_NONE)
		return 0;
	return 6 + (reply->ede_text ? strnlen(reply->ede_text, HF_EDE_TEXT_MAX) : 0);
}

static uint16_t opt_len(const struct hf_reply *reply)
{
	if (!reply->edns)
		return 0;
	return (uint16_t)(HF_OPT_LEN + ede_len(reply) + (reply->keepalive ? 6 : 0) +
			  (reply->pad ? 4 : 0));
}

/* Octets of padding for a message of `len` of at most `limit`. */
static uint16_t padding_of(size_t len, size_t limit)
{
	size_t over = len % HF_REPLY_BLOCK;
	size_t pad = over ? HF_REPLY_BLOCK - over : 0;
	if (len + pad > limit)
		pad = len < limit ? limit - len : 0;
	return (uint16_t)pad;
}

/* Takes the reply as it is, and not where it lies: so that of one without options nothing
 * need lie anywhere. The options begin at `at` of the message, and are `len` octets without
 * what they are padded with, which it returns. */
static __attribute__((noinline)) uint16_t put_options(
	uint8_t *out, struct hf_reply reply, size_t at, size_t len)
{
	uint16_t pad = reply.pad ? padding_of(at + len, reply.limit) : 0;
	struct hf_writer w = hf_writer(out + at, len + pad);
	if (reply.keepalive) {
		hf_write_u16(&w, HF_EDNS_KEEPALIVE);
		hf_write_u16(&w, 2);
		hf_write_u16(&w, reply.keepalive_100ms);
	}
	if (reply.ede != HF_EDE_NONE) {
		size_t text = ede_len(&reply) - 6;
		hf_write_u16(&w, HF_EDNS_EDE);
		hf_write_u16(&w, (uint16_t)(2 + text));
		hf_write_u16(&w, (uint16_t)reply.ede);
		hf_write(&w, reply.ede_text, text);
	}
	if (reply.pad) {
		hf_write_u16(&w, HF_EDNS_PADDING);
		hf_write_u16(&w, pad);
		uint8_t *zeros = hf_write_room(&w, pad);
		if (zeros && pad)
			memset(zeros, 0, pad);
	}
	hf_unexpected(w.overrun || w.len != len + pad);
	hf_put_u16(out + at - 2, (uint16_t)(len + pad));
	return pad;
}

/* At `at` of the message, of `len` octets: opt_len's. Returns with how many more it is
 * padded. */
static inline uint16_t put_opt(
	uint8_t *out, size_t at, unsigned rcode, const struct hf_reply *reply, uint16_t len)
{
	uint8_t *opt = out + at;
	opt[0] = 0;
	hf_put_u32(opt + 1, HF_TYPE_OPT << 16 | HF_EDNS_SIZE);
	hf_put_u32(opt + 5, rcode >> 4 << 24 | (reply->dnssec_ok ? HF_EDNS_DO : 0));
	hf_put_u16(opt + 9, 0);
	if (len == HF_OPT_LEN)
		return 0;
	return put_options(out, *reply, at + HF_OPT_LEN, (size_t)len - HF_OPT_LEN);
}

static uint16_t echoed(uint16_t client_flags)
{
	return client_flags & (HF_FLAG_RD | HF_FLAG_CD);
}

inline __attribute__((always_inline)) size_t hf_reply_patch(uint8_t *out,
	const struct hf_kept *kept, uint32_t age, uint32_t ttl_floor, const struct hf_reply *reply)
{
	uint16_t opt = opt_len(reply);
	size_t len = kept->len;
	uint16_t flags = (uint16_t)(hf_get_u16(out + 2) | echoed(reply->flags));
	if (len + opt > reply->limit && (size_t)kept->authority_end + opt <= reply->limit) {
		len = kept->authority_end;
		hf_put_u16(out + 10, 0);
	} else if (len + opt > reply->limit) {
		len = HF_HEADER_LEN + (size_t)reply->question_len;
		flags |= HF_FLAG_TC;
		memset(out + 6, 0, 6);
	}
	hf_put_u32(out, (uint32_t)reply->id << 16 | flags);
	hf_copy_some(out + HF_HEADER_LEN, reply->question, reply->question_len);
	const uint16_t *ttl_at = kept->ttl_at, *end = ttl_at + kept->ttl_count;
	for (; ttl_at < end && *ttl_at < len; ttl_at++) {
		uint8_t *field = out + *ttl_at;
		uint32_t ttl = hf_get_u32(field);
		ttl = ttl > age ? ttl - age : 0;
		hf_put_u32(field, ttl > ttl_floor ? ttl : ttl_floor);
	}
	if (opt) {
		opt += put_opt(out, len, flags & HF_FLAG_RCODE, reply, opt);
		hf_put_u16(out + 10, (uint16_t)(hf_get_u16(out + 10) + 1));
	}
	return len + opt;
}

static size_t empty_len(const struct hf_reply *reply)
{
	return (size_t)HF_HEADER_LEN + reply->question_len + opt_len(reply);
}

/* The reply with as much as `most` octets hold: what explains goes first, what
 * identifies last. */
static struct hf_reply cut_to(const struct hf_reply *reply, size_t most)
{
	struct hf_reply cut = *reply;
	if (cut.limit > most)
		cut.limit = (uint16_t)most;
	if (empty_len(&cut) > most)
		cut.ede_text = NULL;
	if (empty_len(&cut) > most) {
		cut.ede = HF_EDE_NONE;
		cut.keepalive = false;
		cut.pad = false;
	}
	if (empty_len(&cut) > most)
		cut.edns = false;
	if (empty_len(&cut) > most)
		cut.question_len = 0;
	return cut;
}

size_t hf_reply_empty(uint8_t out[static HF_HEADER_LEN + HF_NAME_MAX + 4 + HF_OPT_ROOM],
	unsigned rcode, size_t most, const struct hf_reply *reply)
{
	struct hf_reply cut = cut_to(reply, most);
	const uint16_t counts[4] = {cut.question_len != 0, 0, 0, cut.edns};
	if (rcode > HF_FLAG_RCODE && !cut.edns)
		rcode = HF_RCODE_FORMERR; /* its low half alone would say something else */
	put_header(out, cut.id,
		(uint16_t)(HF_FLAG_QR | HF_FLAG_RA | (cut.flags & HF_FLAG_OPCODE) |
			   echoed(cut.flags) | (rcode & HF_FLAG_RCODE)),
		counts);
	if (cut.question_len)
		memcpy(out + HF_HEADER_LEN, cut.question, cut.question_len);
	size_t len = empty_len(&cut);
	if (cut.edns)
		len += put_opt(
			out, HF_HEADER_LEN + (size_t)cut.question_len, rcode, &cut, opt_len(&cut));
	return len;
}

int hf_reply_nxdomain_cut(uint8_t *out, size_t cap, const struct hf_kept *kept, uint32_t age,
	const struct hf_reply *reply)
{
	struct hf_writer w = hf_writer(out, cap);
	uint16_t authorities = 0;
	if (!hf_write_room(&w, HF_HEADER_LEN))
		return HF_ESPACE;
	hf_write(&w, reply->question, reply->question_len);
	for (size_t at = kept->answer_end; at < kept->authority_end; authorities++) {
		struct hf_record record;
		if (hf_record_read(kept->wire, kept->len, at, &record))
			return HF_EMALFORMED;
		int rc = hf_record_copy(
			kept->wire, &record, record.ttl > age ? record.ttl - age : 0, &w);
		if (rc)
			return rc;
		at = record.end;
	}
	uint16_t opt = opt_len(reply);
	if (w.overrun || w.len + opt > cap)
		return HF_ESPACE;
	const uint16_t counts[4] = {reply->question_len != 0, 0, authorities, opt != 0};
	put_header(out, reply->id,
		(uint16_t)(HF_FLAG_QR | HF_FLAG_RA | echoed(reply->flags) | HF_RCODE_NXDOMAIN),
		counts);
	if (opt)
		opt += put_opt(out, w.len, HF_RCODE_NXDOMAIN, reply, opt);
	return (int)(w.len + opt);
}

/* The options of a query's OPT record, which ends at `at`. Returns their end. */
static uint8_t *put_ask_options(uint8_t *out, uint8_t *at, const struct hf_ask *ask)
{
	uint8_t *const begin = at;
	if (ask->stream) {
		hf_put_u16(at, HF_EDNS_KEEPALIVE);
		hf_put_u16(at + 2, 0);
		at += 4;
	}
	if (ask->cookie_len && !hf_unexpected(ask->cookie_len > HF_ASK_COOKIE_MAX)) {
		hf_put_u16(at, HF_EDNS_COOKIE);
		hf_put_u16(at + 2, ask->cookie_len);
		memcpy(at + 4, ask->cookie, ask->cookie_len);
		at += 4 + ask->cookie_len;
	}
	if (ask->pad_to && !hf_unexpected(ask->pad_to > HF_PAD_MAX)) {
		uint16_t len = (uint16_t)(at + 4 - out), over = len % ask->pad_to;
		uint16_t pad = over ? (uint16_t)(ask->pad_to - over) : 0;
		hf_put_u16(at, HF_EDNS_PADDING);
		hf_put_u16(at + 2, pad);
		memset(at + 4, 0, pad);
		at += 4 + pad;
	}
	hf_put_u16(begin - 2, (uint16_t)(at - begin));
	return at;
}

size_t hf_build_query(uint8_t out[static HF_QUERY_MAX], const struct hf_ask *ask)
{
	const struct hf_name *name = &ask->question->name;
	const uint16_t counts[4] = {1, 0, 0, ask->edns};
	uint8_t *at = out + HF_HEADER_LEN;
	put_header(out, 0,
		(uint16_t)((ask->recursion_desired ? HF_FLAG_RD : 0) |
			   (ask->checking_disabled ? HF_FLAG_CD : 0)),
		counts);
	hf_copy_some(at, ask->mixed ? ask->mixed : name->bytes, name->len);
	at += name->len;
	hf_put_u16(at, ask->question->type);
	hf_put_u16(at + 2, ask->question->class);
	at += 4;
	if (ask->edns) {
		*at = 0;
		hf_put_u16(at + 1, HF_TYPE_OPT);
		hf_put_u16(at + 3, ask->edns_size);
		hf_put_u32(at + 5, ask->dnssec_ok ? HF_EDNS_DO : 0);
		at = put_ask_options(out, at + HF_OPT_LEN, ask);
	}
	return (size_t)(at - out);
}
