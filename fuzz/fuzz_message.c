/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a message: read as a query, read as a reply, tidied, kept, and given to
 * a client in all ways that there are. What must hold is required, so that a
 * broken rule is a crash. The dice that a run needs are drawn from the id. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "wire/build.h"
#include "wire/tidy.h"

static uint8_t kept_wire[HF_MESSAGE_MAX], out[HF_MESSAGE_MAX + HF_OPT_ROOM];
static uint8_t tidy[HF_MESSAGE_MAX], tidier[HF_MESSAGE_MAX];
static uint16_t ttl_at[HF_RECORDS_MAX];

static uint32_t dice(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static const char *dice_text(uint32_t *seed)
{
	static const char *const texts[] = {NULL, "", "no answer from any upstream",
		"a text that is longer than the limit for texts, so that it has to be cut "
		"somewhere "
		"before it ends"};
	return texts[dice(seed) % HF_COUNT_OF(texts)];
}

static struct hf_reply dice_reply(uint32_t *seed, const uint8_t *question, size_t question_len)
{
	return (struct hf_reply){
		.id = (uint16_t)dice(seed),
		.flags = (uint16_t)dice(seed),
		.question = question,
		.question_len = (uint16_t)question_len,
		.limit = (uint16_t)(dice(seed) & 1 ? HF_MESSAGE_MAX : 512 + dice(seed) % 3600),
		.edns = dice(seed) & 1,
		.dnssec_ok = dice(seed) & 1,
		.keepalive = dice(seed) & 1,
		.keepalive_100ms = (uint16_t)dice(seed),
		.ede = dice(seed) & 1 ? HF_EDE_NONE : (int32_t)(dice(seed) % 30),
		.ede_text = dice_text(seed),
	};
}

/* What is said to a server about a zone. */
static void be_sent(const uint8_t *m, size_t len)
{
	struct hf_errand_view view;
	struct hf_query_view query;
	enum hf_query_fault fault = hf_errand_read(m, len, &view);
	if (fault == HF_QUERY_SILENCE)
		return;
	hf_require(fault == HF_QUERY_GOOD || view.query.why);
	hf_require(view.query.where <= len);
	uint16_t type = view.query.question.type;
	hf_require(fault != HF_QUERY_GOOD || view.notify || type == HF_TYPE_AXFR ||
		   type == HF_TYPE_IXFR);
	if (hf_query_read(m, len, &query) == HF_QUERY_GOOD && query.question_len)
		(void)hf_query_has_tsig(m, len, &query);
}

static void be_asked(const uint8_t *m, size_t len, uint32_t seed)
{
	struct hf_query_view view;
	static uint8_t room[HF_HEADER_LEN + HF_NAME_MAX + 4 + HF_OPT_ROOM];
	enum hf_query_fault fault = hf_query_read(m, len, &view);
	struct hf_message_view back;
	if (fault == HF_QUERY_SILENCE)
		return;
	hf_require(fault == HF_QUERY_GOOD || (view.why && view.where <= len));
	hf_require(fault != HF_QUERY_GOOD || view.question_len == view.question.name.len + 4);
	struct hf_reply reply = dice_reply(&seed, m + HF_HEADER_LEN, view.question_len);
	size_t most = dice(&seed) & 1 ? len : dice(&seed) % 512;
	size_t wrote = hf_reply_empty(room, dice(&seed) % 24, most, &reply);
	hf_require(wrote <= most || wrote == HF_HEADER_LEN);
	hf_require(!hf_message_read(room, wrote, &back) && back.end == wrote);
	hf_require(back.id == reply.id && back.flags & HF_FLAG_QR);
	if (fault == HF_QUERY_GOOD) {
		uint8_t query[HF_QUERY_MAX], bits[32], mixed[HF_NAME_MAX];
		struct hf_query_view again;
		for (size_t i = 0; i < sizeof bits; i++)
			bits[i] = (uint8_t)dice(&seed);
		hf_name_mix(view.question.name.bytes, view.question.name.len, bits, mixed);
		struct hf_ask ask = {.question = &view.question,
			.edns = dice(&seed) & 1,
			.edns_size = 1232,
			.mixed = dice(&seed) & 1 ? mixed : NULL};
		wrote = hf_build_query(query, &ask);
		hf_require(wrote <= HF_QUERY_MAX);
		hf_require(hf_query_read(query, wrote, &again) == HF_QUERY_GOOD);
		hf_require(
			memcmp(&again.question, &view.question, 1 + view.question.name.len) == 0);
	}
}

static unsigned count_of_hop(const uint8_t *m, const struct hf_message_view *view)
{
	unsigned count = 0;
	for (size_t at = view->authority_end; at < view->end;) {
		struct hf_record record;
		hf_require(!hf_record_read(m, view->end, at, &record));
		count += record.type == HF_TYPE_OPT || record.type == HF_TYPE_TSIG ||
			 record.type == HF_TYPE_SIG;
		at = record.end;
	}
	return count;
}

static void read_back_kept(const uint8_t *m, const struct hf_message_view *view,
	const struct hf_kept *kept, uint32_t ttl_max)
{
	struct hf_message_view back;
	hf_require(!hf_message_read(kept->wire, kept->len, &back));
	hf_require(back.end == kept->len && back.id == 0 && !back.edns.present);
	hf_require(back.question_end == view->question_end);
	hf_require(back.answers == view->answers && back.authorities == view->authorities);
	hf_require(back.answer_end == kept->answer_end && back.answer_end == view->answer_end);
	hf_require(back.authority_end == kept->authority_end);
	hf_require(back.additionals == view->additionals - count_of_hop(m, view));
	hf_require(kept->ttl_count == back.answers + back.authorities + back.additionals);
	hf_require(!kept->ttl_count || kept->ttl <= ttl_max);
	for (unsigned i = 1; i < kept->ttl_count; i++)
		hf_require(kept->ttl_at[i - 1] + 10 < kept->ttl_at[i]);
}

/* What a client is shown of a record, names expanded, the TTL aside. */
static size_t shown(
	const uint8_t *m, size_t len, size_t *at, uint8_t *text, size_t cap, uint32_t *ret_ttl)
{
	struct hf_record record;
	struct hf_writer w = hf_writer(text, cap);
	hf_require(!hf_record_read(m, len, *at, &record));
	hf_require(hf_record_copy(m, &record, 0, &w) != HF_EMALFORMED);
	*at = record.end;
	*ret_ttl = record.ttl;
	return w.len;
}

/* The reply says record by record what was kept: ageing and another case of the
 * question change nothing else. */
static void compare_records(const struct hf_kept *kept, size_t at, const uint8_t *reply, size_t len,
	unsigned records, uint32_t age, uint32_t floor)
{
	static uint8_t a[2 * HF_MESSAGE_MAX], b[2 * HF_MESSAGE_MAX];
	size_t at_reply = at;
	while (records--) {
		uint32_t then, now;
		size_t a_len = shown(kept->wire, kept->len, &at, a, sizeof a, &then);
		size_t b_len = shown(reply, len, &at_reply, b, sizeof b, &now);
		uint32_t left = then > age ? then - age : 0;
		hf_require(now == (left > floor ? left : floor));
		hf_require(at == at_reply && a_len == b_len && hf_name_equal(a, b, a_len));
	}
}

static void answer_with(const struct hf_kept *kept, size_t question_end, uint32_t seed)
{
	uint8_t question[HF_NAME_MAX + 4];
	size_t question_len = question_end - HF_HEADER_LEN;
	struct hf_message_view back;
	memcpy(question, kept->wire + HF_HEADER_LEN, question_len);
	for (size_t i = 0; i + 4 < question_len; i++)
		if (question[i] >= 'a' && question[i] <= 'z' && dice(&seed) & 1)
			question[i] &= 0xdf;
	struct hf_reply reply = dice_reply(&seed, question, question_len);
	size_t near =
		(size_t)kept->authority_end + dice(&seed) % 128; /* here something has to go */
	if (dice(&seed) & 1 && near >= HF_UDP_PLAIN_MAX && near <= HF_MESSAGE_MAX)
		reply.limit = (uint16_t)near;
	uint32_t age = dice(&seed) & 1 ? dice(&seed) % 4000 : dice(&seed) << 8;
	uint32_t floor = dice(&seed) & 1 ? 30 : 0;

	memcpy(out, kept->wire, kept->len);
	size_t wrote = hf_reply_patch(out, kept, age, floor, &reply);
	hf_require(wrote <= reply.limit && wrote <= (size_t)kept->len + HF_OPT_ROOM);
	hf_require(!hf_message_read(out, wrote, &back) && back.end == wrote);
	hf_require(back.id == reply.id && back.edns.present == reply.edns);
	hf_require(memcmp(out + HF_HEADER_LEN, question, question_len) == 0);
	hf_require(!(back.flags & HF_FLAG_TC) || !back.answers);
	compare_records(kept, question_end, out, wrote,
		(unsigned)back.answers + back.authorities + back.additionals - back.edns.present,
		age, floor);

	if (!question_len)
		return;
	int rc = hf_reply_nxdomain_cut(out, reply.limit, kept, age, &reply);
	hf_require(rc > 0 || rc == HF_ESPACE);
	if (rc > 0) {
		hf_require(rc <= reply.limit);
		hf_require(!hf_message_read(out, (size_t)rc, &back) && back.end == rc);
		hf_require(back.rcode == HF_RCODE_NXDOMAIN && !back.answers);
	}
}

/* Each record of the tidied reply is one of the original, in its order. */
static void find_again(
	const uint8_t *m, const struct hf_message_view *view, const struct hf_tidied *tidied)
{
	static uint8_t a[2 * HF_MESSAGE_MAX], b[2 * HF_MESSAGE_MAX];
	uint32_t then, now;
	for (size_t at = view->question_end, next = at; next < tidied->len;) {
		size_t here = next;
		hf_require(at < view->end);
		size_t a_len = shown(m, view->end, &at, a, sizeof a, &then);
		size_t b_len = shown(tidy, tidied->len, &here, b, sizeof b, &now);
		if (a_len == b_len && then == now && memcmp(a, b, a_len) == 0)
			next = here;
	}
}

/* What is tidy at a glance is tidy on reading; what has been tidied stays as it is. */
static void be_tidied(const uint8_t *m, const struct hf_message_view *view)
{
	struct hf_tidied once, twice;
	int rc = hf_tidy(m, view, NULL, tidy, &once);
	hf_require(!rc || rc == HF_EMALFORMED || rc == HF_ESPACE);
	hf_require(!view->tidy || (!rc && !once.left_off));
	if (rc || !once.left_off)
		return;
	const struct hf_message_view *v = &once.view;
	hf_require(v->end == once.len && v->question_end == view->question_end);
	hf_require(memcmp(tidy, m, 6) == 0 && v->edns.present == view->edns.present);
	hf_require((unsigned)v->answers + v->authorities + v->additionals + once.left_off ==
		   (unsigned)view->answers + view->authorities + view->additionals);
	find_again(m, view, &once);
	hf_require(!hf_tidy(tidy, v, NULL, tidier, &twice) && !twice.left_off);
}

static void be_read_again(const uint8_t *m, const struct hf_message_view *view)
{
	for (size_t at = view->question_end; at < view->end;) {
		struct hf_record first, again = hf_record_again(m, at);
		hf_require(!hf_record_read(m, view->end, at, &first));
		hf_require(first.type == again.type && first.class == again.class);
		hf_require(first.ttl == again.ttl && first.ttl_at == again.ttl_at);
		hf_require(first.rdata_at == again.rdata_at && first.end == again.end);
		at = again.end;
	}
}

static void be_answered(const uint8_t *m, size_t len, uint32_t seed)
{
	struct hf_message_view view;
	struct hf_kept kept = {.wire = kept_wire, .ttl_at = ttl_at};
	uint32_t ttl_max = dice(&seed) & 1 ? 86400 : INT32_MAX;
	if (hf_message_read(m, len, &view)) {
		hf_require(view.where <= len);
		return;
	}
	hf_require(view.question_end <= view.answer_end && view.answer_end <= view.authority_end);
	hf_require(view.authority_end <= view.end && view.end <= len);
	hf_require(hf_message_echoes(
		m, &view, m + HF_HEADER_LEN, (size_t)view.question_end - HF_HEADER_LEN));
	be_tidied(m, &view);
	be_read_again(m, &view);
	if (hf_keep(m, &view, ttl_max, &kept))
		return;
	read_back_kept(m, &view, &kept, ttl_max);
	for (int clients = 0; clients < 3; clients++)
		answer_with(&kept, view.question_end, dice(&seed));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > HF_MESSAGE_MAX)
		return 0;
	uint32_t seed = size >= 2 ? hf_message_id(data) : 0;
	be_sent(data, size);
	be_asked(data, size, seed);
	be_answered(data, size, seed);
	return 0;
}
