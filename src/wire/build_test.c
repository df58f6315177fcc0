/* SPDX-License-Identifier: MIT */
#include "wire/build.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/sample.h"

#define ASKED HF_RAW("\4sHoP\7eXample\0") /* as we asked, in random case */
#define OWN "\4Shop\7EXAMPLE\0\0\1\0\1"    /* as the client asked */
#define TO_QUESTION HF_RAW("\xc0\x0c")
#define ROOT HF_RAW("\0")
#define ADDRESS HF_RAW("\300\0\2\1")
#define NOTHING NULL, 0
#define QUESTION_END 30
#define NO_MAX UINT32_MAX

static struct hf_sample s;
static uint8_t wire[HF_MESSAGE_MAX], out[HF_MESSAGE_MAX + HF_OPT_ROOM];
static uint16_t ttl_at[HF_RECORDS_MAX];
static struct hf_kept kept;
static const struct hf_reply plain = {
	.id = 0xabcd,
	.flags = HF_FLAG_RD,
	.question = (const uint8_t *)OWN,
	.question_len = sizeof OWN - 1,
	.limit = 65535,
	.ede = HF_EDE_NONE,
};

static void begin(void)
{
	hf_sample_begin(&s, HF_FLAG_QR | HF_FLAG_RD | HF_FLAG_RA | HF_FLAG_AA, ASKED, HF_TYPE_A);
}

static int try_keep(uint32_t ttl_max)
{
	struct hf_message_view view;
	kept = (struct hf_kept){ .wire = wire, .ttl_at = ttl_at };
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
	return hf_keep(s.bytes, &view, ttl_max, &kept);
}

static struct hf_message_view keep(void)
{
	struct hf_message_view view;
	assert_int_equal(try_keep(NO_MAX), 0);
	assert_int_equal(hf_message_read(kept.wire, kept.len, &view), 0);
	assert_int_equal(view.end, kept.len);
	return view;
}

/* Patches a copy of what was kept and reads the reply back. */
static struct hf_message_view patch(const struct hf_reply *reply, uint32_t age, uint32_t floor)
{
	struct hf_message_view view;
	memcpy(out, kept.wire, kept.len);
	size_t len = hf_reply_patch(out, &kept, age, floor, reply);
	assert_true(len <= reply->limit);
	assert_int_equal(hf_message_read(out, len, &view), 0);
	assert_int_equal(view.end, len);
	return view;
}

static struct hf_record record_at(const uint8_t *m, size_t len, size_t at)
{
	struct hf_record record;
	assert_int_equal(hf_record_read(m, len, at, &record), 0);
	return record;
}

static void expect_owner(const uint8_t *m, size_t len, size_t at, const char *text)
{
	char buf[HF_NAME_TEXT_MAX];
	struct hf_name name;
	size_t next;
	assert_int_equal(hf_name_read(m, len, at, &name, &next), 0);
	assert_string_equal(hf_name_text(name.bytes, buf), text);
}

/* ---- keeping ---- */

static void what_is_kept_has_no_trace_of_the_hop(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	hf_sample_opt(&s, 4096, HF_EDNS_DO, HF_RAW("\0\012\0\010cookies!"));
	struct hf_message_view view = keep();
	assert_int_equal(view.id, 0);
	assert_int_equal(view.flags, HF_FLAG_QR | HF_FLAG_RA);
	assert_int_equal(view.answers, 1);
	assert_int_equal(view.additionals, 0);
	assert_false(view.edns.present);
	assert_memory_equal(kept.wire + 12, "\4shop\7example\0", 14);
	assert_int_equal(kept.len, QUESTION_END + 16);
	assert_int_equal(kept.ttl, 300);
	assert_int_equal(kept.ttl_count, 1);
	assert_int_equal(kept.ttl_at[0], QUESTION_END + 6);
}

static void records_behind_an_opt_survive_with_their_names(void **state)
{
	(void)state;
	begin();
	size_t mx = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_MX, 300,
		HF_RAW("\0\5\4mail\xc0\x11"));
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\1a\xc0\x0c"), HF_TYPE_A, 100, ADDRESS);
	hf_sample_opt(&s, 4096, 0, NOTHING);
	uint8_t to_mail[] = { 0xc0, (uint8_t)(mx + 14) };
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, to_mail, 2, HF_TYPE_A, 200, ADDRESS);
	/* This name leads through a record that itself stands behind the OPT. */
	size_t srv = hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, TO_QUESTION, HF_TYPE_SRV, 150,
		HF_RAW("\0\1\0\2\0\3\3srv\xc0\x0c"));
	uint8_t to_srv[] = { 0xc0, (uint8_t)(srv + 12 + 6) };
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, to_srv, 2, HF_TYPE_A, 90, ADDRESS);

	struct hf_message_view view = keep();
	assert_int_equal(view.additionals, 4);
	assert_int_equal(kept.ttl_count, 5);
	assert_int_equal(kept.ttl, 90);
	struct hf_record r = record_at(kept.wire, kept.len, kept.authority_end);
	expect_owner(kept.wire, kept.len, r.at, "a.shop.example");
	r = record_at(kept.wire, kept.len, r.end);
	expect_owner(kept.wire, kept.len, r.at, "mail.eXample");
	assert_int_equal(r.ttl, 200);
	r = record_at(kept.wire, kept.len, r.end);
	assert_int_equal(r.type, HF_TYPE_SRV);
	expect_owner(kept.wire, kept.len, (size_t)r.rdata_at + 6, "srv.sHoP.eXample");
	assert_int_equal(r.rdata_len, 6 + 4 + 14);
	r = record_at(kept.wire, kept.len, r.end);
	expect_owner(kept.wire, kept.len, r.at, "srv.sHoP.eXample");
	assert_int_equal(r.end, kept.len);
}

static void tsig_and_sig0_are_left_behind(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, ROOT, HF_TYPE_SIG, 0,
		HF_RAW("\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1k\0signature"));
	hf_sample_opt(&s, 4096, 0, NOTHING);
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\3key\0"), HF_TYPE_TSIG, 0, HF_RAW("x"));
	struct hf_message_view view = keep();
	assert_int_equal(view.additionals, 0);
	assert_false(view.signed_by_key);
	assert_int_equal(kept.ttl, 300);
}

static void octets_behind_the_message_are_not_kept(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	size_t end = s.w.len;
	hf_write(&s.w, "trash", 5);
	keep();
	assert_int_equal(kept.len, end);
}

static void all_types_are_kept_octet_for_octet(void **state)
{
	(void)state;
	static const uint8_t strange[] = "\xc0\x0c\xff\xff\0\0\xc0";
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, 65280, 300, strange, sizeof strange - 1);
	size_t at = s.w.len - (sizeof strange - 1);
	keep();
	assert_memory_equal(kept.wire + at, strange, sizeof strange - 1);
}

static void ttls_are_clamped_where_they_lie(void **state)
{
	(void)state;
	begin();
	size_t first = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 100000, ADDRESS);
	size_t second = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 50, ADDRESS);
	assert_int_equal(try_keep(3600), 0);
	assert_int_equal(record_at(kept.wire, kept.len, first).ttl, 3600);
	assert_int_equal(record_at(kept.wire, kept.len, second).ttl, 50);
	assert_int_equal(kept.ttl, 50);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 70, ADDRESS);
	assert_int_equal(try_keep(3600), 0);
	assert_int_equal(kept.ttl, 50); /* the smallest, not the last */
}

static void a_ttl_with_the_top_bit_set_is_kept_as_zero(void **state)
{
	(void)state;
	begin();
	size_t at = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 0x80000001, ADDRESS);
	keep();
	assert_int_equal(hf_get_u32(kept.wire + at + 6), 0);
	assert_int_equal(kept.ttl, 0);
}

static void an_answer_without_records_has_no_ttl(void **state)
{
	(void)state;
	begin();
	keep();
	assert_int_equal(kept.ttl, UINT32_MAX);
	assert_int_equal(kept.ttl_count, 0);
	assert_int_equal(kept.len, QUESTION_END);
}

static void the_random_case_of_our_question_is_not_shown(void **state)
{
	(void)state;
	begin();
	size_t whole = hf_sample_record(&s, HF_SAMPLE_ANSWER, ASKED, HF_TYPE_A, 60, ADDRESS);
	size_t part = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, HF_RAW("\4sHoP\xc0\x11"), HF_TYPE_A, 60, ADDRESS);
	size_t other = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, HF_RAW("\4sHoX\xc0\x11"), HF_TYPE_A, 60, ADDRESS);
	size_t own = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, HF_RAW("\4SHop\7Example\0"), HF_TYPE_A, 60, ADDRESS);
	keep();
	assert_memory_equal(kept.wire + own, "\4SHop\7Example\0", 14); /* the zone's own case */
	assert_memory_equal(kept.wire + whole, "\4shop\7example\0", 14);
	assert_memory_equal(kept.wire + part, "\4shop\xc0\x11", 7);
	assert_memory_equal(kept.wire + other, "\4sHoX\xc0\x11", 7);
}

static void pointers_that_look_like_letters_are_not_lowered(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 60, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 60, ADDRESS);
	/* The data of this record begins at 0x4a = 'J': a name there is pointed to. */
	size_t ns = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_CNAME, 60,
		HF_RAW("\7eXample\0"));
	assert_int_equal(ns + 12, 'J');
	hf_sample_record(&s, HF_SAMPLE_ANSWER, HF_RAW("\4sHoP\xc0J"), HF_TYPE_A, 60, ADDRESS);
	keep();
	assert_memory_equal(kept.wire + s.w.len - 16 - 5, "\4shop\xc0J", 7);
}

static void an_answer_whose_names_lean_on_a_ttl_is_refused(void **state)
{
	(void)state;
	/* TTL 0x00016100: a second on, the owner of the next record would differ. */
	begin();
	size_t at = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 0x00016100, ADDRESS);
	uint8_t to_ttl[] = { 0xc0, (uint8_t)(at + 7) };
	hf_sample_record(&s, HF_SAMPLE_ANSWER, to_ttl, 2, HF_TYPE_A, 60, ADDRESS);
	assert_int_equal(try_keep(NO_MAX), HF_EMALFORMED);

	/* The same from within data. */
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 0x00016100, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_CNAME, 60, to_ttl, 2);
	assert_int_equal(try_keep(NO_MAX), HF_EMALFORMED);

	/* A label that covers one: from the first record's data into the second's TTL. */
	begin();
	at = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, 65280, 60, HF_RAW("\x0a"));
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 60, HF_RAW("\0\0\0\0"));
	uint8_t to_data[] = { 0xc0, (uint8_t)(at + 12) };
	hf_sample_record(&s, HF_SAMPLE_ANSWER, to_data, 2, HF_TYPE_A, 60, ADDRESS);
	assert_int_equal(try_keep(NO_MAX), HF_EMALFORMED);
}

static void an_answer_whose_names_begin_inside_a_label_of_the_question_is_refused(void **state)
{
	(void)state;
	/* A question with a label that holds what looks like a name: \1x\0. */
	hf_sample_begin(&s, HF_FLAG_QR, HF_RAW("\4\1x\0z\0"), HF_TYPE_A);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0d"), HF_TYPE_A, 60, ADDRESS);
	assert_int_equal(try_keep(NO_MAX), HF_EMALFORMED);
	hf_sample_begin(&s, HF_FLAG_QR, HF_RAW("\4\1x\0z\0"), HF_TYPE_A);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x11"), HF_TYPE_A, 60, ADDRESS);
	assert_int_equal(try_keep(NO_MAX), 0); /* the root octet begins a label */
}

static void names_in_opaque_data_may_be_pointed_to(void **state)
{
	(void)state;
	/* BIND points later names at the targets of SVCB and the signers of RRSIG. */
	begin();
	size_t at = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_SVCB, 60, HF_RAW("\0\1\1t\7example\0"));
	uint8_t to_target[] = { 0xc0, (uint8_t)(at + 14) };
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, to_target, 2, HF_TYPE_A, 60, ADDRESS);
	keep();
	expect_owner(kept.wire, kept.len, kept.authority_end, "t.example");
}

static void a_message_that_grows_past_its_limit_is_not_kept(void **state)
{
	(void)state;
	static uint8_t filler[64000];
	begin();
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_TXT, 60, filler, sizeof filler);
	hf_sample_opt(&s, 4096, 0, NOTHING);
	for (int i = 0; i < 80; i++) /* 16 octets each here, 28 when set anew */
		hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, TO_QUESTION, HF_TYPE_A, 60, ADDRESS);
	assert_int_equal(try_keep(NO_MAX), HF_ESPACE);
}

/* ---- replying ---- */

static void a_reply_carries_the_clients_id_flags_and_question(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	keep();
	struct hf_reply reply = plain;
	reply.flags = HF_FLAG_RD | HF_FLAG_CD | HF_FLAG_AD | HF_FLAG_Z | HF_FLAG_TC | HF_FLAG_AA;
	struct hf_message_view view = patch(&reply, 0, 0);
	assert_int_equal(view.id, 0xabcd);
	assert_int_equal(view.flags, HF_FLAG_QR | HF_FLAG_RA | HF_FLAG_RD | HF_FLAG_CD);
	assert_memory_equal(out + 12, OWN, 18);
	assert_false(view.edns.present);
	expect_owner(out, view.end, view.question_end, "Shop.EXAMPLE");
}

static void ttls_count_down_to_zero_or_the_floor(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, TO_QUESTION, HF_TYPE_NS, 100, HF_RAW("\0"));
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, TO_QUESTION, HF_TYPE_A, 7, ADDRESS);
	keep();
	static const struct { uint32_t age, floor, ttl[3]; } cases[] = {
		{ 0, 0, { 300, 100, 7 } }, { 7, 0, { 293, 93, 0 } }, { 250, 0, { 50, 0, 0 } },
		{ 250, 30, { 50, 30, 30 } }, { UINT32_MAX, 30, { 30, 30, 30 } },
	};
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		struct hf_message_view view = patch(&plain, cases[i].age, cases[i].floor);
		size_t at = view.question_end;
		for (unsigned j = 0; j < 3; j++) {
			struct hf_record r = record_at(out, view.end, at);
			assert_int_equal(r.ttl, cases[i].ttl[j]);
			at = r.end;
		}
	}
}

static void begin_long(void)
{
	begin();
	for (int i = 0; i < 20; i++)
		hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, TO_QUESTION, HF_TYPE_NS, 300, HF_RAW("\1n\xc0\x0c"));
	for (int i = 0; i < 20; i++)
		hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\1n\xc0\x0c"), HF_TYPE_A, 300, ADDRESS);
	keep();
}

static void a_long_answer_loses_its_additional_section_first_and_is_not_cut(void **state)
{
	(void)state;
	begin_long();
	struct hf_reply reply = plain;
	reply.limit = kept.len;
	assert_int_equal(patch(&reply, 0, 0).additionals, 20);
	reply.limit = (uint16_t)(kept.len - 1);
	struct hf_message_view view = patch(&reply, 0, 0);
	assert_int_equal(view.additionals, 0);
	assert_int_equal(view.answers, 20);
	assert_int_equal(view.authorities, 1);
	assert_int_equal(view.flags & HF_FLAG_TC, 0);
	reply.limit = kept.authority_end;
	assert_int_equal(patch(&reply, 0, 0).answers, 20);
}

static void what_is_longer_still_is_cut_to_the_question_with_tc(void **state)
{
	(void)state;
	begin_long();
	struct hf_reply reply = plain;
	reply.limit = (uint16_t)(kept.authority_end - 1);
	struct hf_message_view view = patch(&reply, 100, 0);
	assert_int_equal(view.flags & HF_FLAG_TC, HF_FLAG_TC);
	assert_int_equal(view.answers + view.authorities + view.additionals, 0);
	assert_int_equal(view.end, QUESTION_END);
}

static void the_opt_record_counts_towards_the_limit(void **state)
{
	(void)state;
	begin_long();
	struct hf_reply reply = plain;
	reply.edns = true;
	reply.limit = (uint16_t)(kept.len + 11);
	assert_int_equal(patch(&reply, 0, 0).additionals, 21);
	reply.limit--;
	assert_int_equal(patch(&reply, 0, 0).additionals, 1);
	reply.limit = (uint16_t)(kept.authority_end + 10);
	struct hf_message_view view = patch(&reply, 0, 0);
	assert_int_equal(view.flags & HF_FLAG_TC, HF_FLAG_TC);
	assert_true(view.edns.present);
}

static void opt_comes_to_those_who_sent_one_with_their_do_bit(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	keep();
	struct hf_reply reply = plain;
	reply.edns = true;
	struct hf_message_view view = patch(&reply, 0, 0);
	assert_true(view.edns.present);
	assert_false(view.edns.dnssec_ok);
	assert_int_equal(view.edns.udp_size, HF_EDNS_SIZE);
	assert_int_equal(view.edns.len, 11);
	reply.dnssec_ok = true;
	assert_true(patch(&reply, 0, 0).edns.dnssec_ok);
}

static uint8_t small[HF_HEADER_LEN + HF_NAME_MAX + 4 + HF_OPT_ROOM];

static void an_extended_error_and_a_keepalive_are_told(void **state)
{
	(void)state;
	begin();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	keep();
	struct hf_reply reply = plain;
	reply.edns = true;
	reply.ede = HF_EDE_STALE;
	reply.ede_text = "old";
	reply.keepalive = true;
	reply.keepalive_100ms = 100;
	struct hf_message_view view = patch(&reply, 0, 0);
	assert_int_equal(view.edns.ede, HF_EDE_STALE);
	assert_true(view.edns.keepalive);
	assert_memory_equal(out + view.edns.at + 11, "\0\013\0\2\0\144" "\0\017\0\5\0\3old", 15);
	reply.edns = false; /* without OPT there is no room for either */
	assert_false(patch(&reply, 0, 0).edns.present);
}

static void a_reply_is_padded_to_a_multiple_or_to_its_limit(void **state)
{
	(void)state;
	struct hf_reply reply = plain;
	reply.edns = reply.pad = true;
	reply.ede = HF_EDE_STALE;
	reply.ede_text = "old";
	for (unsigned records = 0; records < 40; records++) {
		begin();
		for (unsigned i = 0; i < records; i++)
			hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
		keep();
		reply.limit = HF_MESSAGE_MAX;
		struct hf_message_view view = patch(&reply, 0, 0);
		assert_int_equal(view.end % HF_REPLY_BLOCK, 0);
		assert_in_range(view.end, kept.len + 15, kept.len + HF_OPT_ROOM + HF_PAD_ROOM);
		assert_true(view.edns.padding);
		assert_int_equal(view.edns.ede, HF_EDE_STALE);
		reply.limit = 512; /* no more than the client takes */
		view = patch(&reply, 0, 0);
		assert_true(view.end == 512 || view.end == HF_REPLY_BLOCK);
	}
	uint8_t empty[sizeof small + HF_PAD_ROOM];
	reply.limit = HF_MESSAGE_MAX;
	assert_int_equal(hf_reply_empty(empty, HF_RCODE_REFUSED, HF_MESSAGE_MAX, &reply), 468);
	assert_in_range(hf_reply_empty(empty, HF_RCODE_REFUSED, 60, &reply), 12, 60);
}

static void the_text_of_an_extended_error_is_cut_at_its_limit(void **state)
{
	(void)state;
	char text[HF_EDE_TEXT_MAX + 50];
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	begin();
	keep();
	struct hf_reply reply = plain;
	reply.edns = true;
	reply.ede = HF_EDE_OTHER;
	reply.ede_text = text;
	reply.keepalive = true;
	struct hf_message_view view = patch(&reply, 0, 0);
	assert_int_equal(view.edns.len, HF_OPT_ROOM); /* the room that callers leave */
	assert_int_equal(view.edns.ede, HF_EDE_OTHER);
}

static void the_limit_over_udp_is_the_clients_between_512_and_ours(void **state)
{
	(void)state;
	struct hf_edns edns = { .udp_size = 4096 };
	assert_int_equal(hf_reply_limit_udp(&edns, 1232), 512); /* no OPT: the field means nothing */
	edns.present = true;
	assert_int_equal(hf_reply_limit_udp(&edns, 1232), 1232);
	edns.udp_size = 1000;
	assert_int_equal(hf_reply_limit_udp(&edns, 1232), 1000);
	edns.udp_size = 0;
	assert_int_equal(hf_reply_limit_udp(&edns, 1232), 512);
}

/* ---- replies without records ---- */

static struct hf_message_view empty(unsigned rcode, size_t most, const struct hf_reply *reply)
{
	struct hf_message_view view;
	size_t len = hf_reply_empty(small, rcode, most, reply);
	assert_true(len <= most || len == HF_HEADER_LEN);
	assert_int_equal(hf_message_read(small, len, &view), 0);
	assert_int_equal(view.end, len);
	assert_int_equal(view.id, reply->id);
	return view;
}

static void a_refusal_repeats_the_question_and_nothing_else(void **state)
{
	(void)state;
	struct hf_message_view view = empty(HF_RCODE_REFUSED, 512, &plain);
	assert_int_equal(view.flags, HF_FLAG_QR | HF_FLAG_RA | HF_FLAG_RD | (uint16_t)HF_RCODE_REFUSED);
	assert_int_equal(view.end, QUESTION_END);
	assert_memory_equal(small + 12, OWN, 18);
}

static void an_unreadable_question_is_answered_with_a_bare_header(void **state)
{
	(void)state;
	struct hf_reply reply = { .id = 7, .flags = 4 << 11, .ede = HF_EDE_NONE };
	struct hf_message_view view = empty(HF_RCODE_NOTIMP, 512, &reply);
	assert_int_equal(view.end, HF_HEADER_LEN);
	assert_int_equal(view.flags, HF_FLAG_QR | HF_FLAG_RA | 4 << 11 | (uint16_t)HF_RCODE_NOTIMP);
}

static void badvers_has_its_upper_bits_in_opt(void **state)
{
	(void)state;
	struct hf_reply reply = plain;
	reply.edns = true;
	struct hf_message_view view = empty(HF_RCODE_BADVERS, 512, &reply);
	assert_int_equal(view.rcode, HF_RCODE_BADVERS);
	assert_int_equal(view.flags & HF_FLAG_RCODE, 0);
	assert_int_equal(view.edns.version, 0);
}

static void badvers_without_room_for_opt_does_not_look_like_success(void **state)
{
	(void)state;
	struct hf_reply reply = plain;
	assert_int_equal(empty(HF_RCODE_BADVERS, 512, &reply).rcode, HF_RCODE_FORMERR);
	reply.edns = true;
	assert_int_equal(empty(HF_RCODE_BADVERS, QUESTION_END, &reply).rcode, HF_RCODE_FORMERR);
}

static void a_reply_shrinks_to_what_the_client_sent(void **state)
{
	(void)state;
	struct hf_reply reply = plain;
	reply.edns = true;
	reply.ede = HF_EDE_PROHIBITED;
	reply.ede_text = "not for you";
	struct hf_message_view view = empty(HF_RCODE_REFUSED, 512, &reply);
	assert_int_equal(view.end, QUESTION_END + 11 + 6 + 11);
	view = empty(HF_RCODE_REFUSED, QUESTION_END + 11 + 6 + 10, &reply);
	assert_int_equal(view.end, QUESTION_END + 11 + 6); /* first the text goes */
	assert_int_equal(view.edns.ede, HF_EDE_PROHIBITED);
	view = empty(HF_RCODE_REFUSED, QUESTION_END + 11 + 5, &reply);
	assert_int_equal(view.end, QUESTION_END + 11); /* then the options */
	view = empty(HF_RCODE_REFUSED, QUESTION_END + 10, &reply);
	assert_int_equal(view.end, QUESTION_END); /* then the record */
	view = empty(HF_RCODE_REFUSED, QUESTION_END - 1, &reply);
	assert_int_equal(view.end, HF_HEADER_LEN); /* then the question */
	view = empty(HF_RCODE_REFUSED, 0, &reply);
	assert_int_equal(view.end, HF_HEADER_LEN);
}

static void the_longest_empty_reply_fits_its_buffer(void **state)
{
	(void)state;
	uint8_t question[HF_NAME_MAX + 4] = { 0 };
	char text[200];
	for (size_t at = 0; at < 254; at += 2)
		memcpy(question + at, "\1a", 2);
	question[258] = 1;
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	struct hf_reply reply = { .question = question, .question_len = sizeof question,
		.edns = true, .ede = 0, .ede_text = text, .keepalive = true };
	assert_int_equal(empty(HF_RCODE_SERVFAIL, 65535, &reply).end, sizeof small);
}

/* ---- a denial for everything below ---- */

static struct hf_message_view cut(size_t cap, const struct hf_reply *reply, uint32_t age)
{
	struct hf_message_view view;
	int len = hf_reply_nxdomain_cut(out, cap, &kept, age, reply);
	assert_true(len > 0 && (size_t)len <= cap);
	assert_int_equal(hf_message_read(out, (size_t)len, &view), 0);
	assert_int_equal(view.end, len);
	return view;
}

static struct hf_reply below(void)
{
	struct hf_reply reply = plain;
	reply.question = (const uint8_t *)"\1X\4Shop\7EXAMPLE\0\0\1\0\1";
	reply.question_len = 20;
	return reply;
}

static void keep_denial(void)
{
	hf_sample_begin(&s, HF_FLAG_QR | (uint16_t)HF_RCODE_NXDOMAIN, ASKED, HF_TYPE_A);
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, HF_RAW("\xc0\x11"), HF_TYPE_SOA, 300,
		HF_RAW("\2ns\xc0\x11\4host\xc0\x11\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\1\54"));
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, TO_QUESTION, HF_TYPE_A, 60, ADDRESS);
	keep();
}

static void a_name_below_one_that_does_not_exist_does_not_exist(void **state)
{
	(void)state;
	keep_denial();
	struct hf_reply reply = below();
	struct hf_message_view view = cut(512, &reply, 100);
	assert_int_equal(view.rcode, HF_RCODE_NXDOMAIN);
	assert_int_equal(view.id, 0xabcd);
	assert_int_equal(view.answers, 0);
	assert_int_equal(view.authorities, 1);
	assert_int_equal(view.additionals, 0);
	assert_memory_equal(out + 12, reply.question, 20);
	struct hf_record soa = record_at(out, view.end, view.question_end);
	expect_owner(out, view.end, soa.at, "example");
	assert_int_equal(soa.ttl, 200);
	assert_int_equal(view.soa_negative, 200);
	expect_owner(out, view.end, soa.rdata_at, "ns.example");
}

static void a_denial_that_does_not_fit_is_not_written(void **state)
{
	(void)state;
	keep_denial();
	struct hf_reply reply = below();
	reply.edns = true;
	reply.ede = HF_EDE_STALE_NXDOMAIN;
	size_t whole = cut(sizeof out, &reply, 0).end;
	assert_int_equal(cut(whole, &reply, 0).end, whole);
	for (size_t cap = 0; cap < whole; cap++)
		assert_int_equal(hf_reply_nxdomain_cut(out, cap, &kept, 0, &reply), HF_ESPACE);
	/* Without any records the question alone must fit, too. */
	hf_sample_begin(&s, HF_FLAG_QR | (uint16_t)HF_RCODE_NXDOMAIN, ASKED, HF_TYPE_A);
	keep();
	reply.edns = false;
	assert_int_equal(hf_reply_nxdomain_cut(out, 20, &kept, 0, &reply), HF_ESPACE);
}

/* ---- asking ---- */

static uint8_t asked[HF_QUERY_MAX];

static size_t ask(const struct hf_ask *what, struct hf_query_view *ret)
{
	uint8_t *query = asked;
	size_t len = hf_build_query(query, what);
	assert_true(len <= HF_QUERY_MAX);
	assert_int_equal(hf_query_read(query, len, ret), HF_QUERY_GOOD);
	return len;
}

static void a_query_says_what_is_asked(void **state)
{
	(void)state;
	struct hf_question question = { .type = HF_TYPE_MX, .class = HF_CLASS_IN };
	struct hf_query_view view;
	assert_int_equal(hf_name_from_text("shop.example", 12, &question.name), 0);
	struct hf_ask what = { .question = &question };
	assert_int_equal(ask(&what, &view), QUESTION_END);
	assert_int_equal(view.id, 0);
	assert_int_equal(view.flags, 0);
	assert_int_equal(view.question.type, HF_TYPE_MX);
	assert_memory_equal(view.question.name.bytes, question.name.bytes, 14);
	assert_false(view.edns.present);

	what.recursion_desired = what.checking_disabled = what.dnssec_ok = what.edns = true;
	what.edns_size = 1232;
	assert_int_equal(ask(&what, &view), QUESTION_END + 11);
	assert_int_equal(view.flags, HF_FLAG_RD | HF_FLAG_CD);
	assert_true(view.edns.dnssec_ok);
	assert_int_equal(view.edns.udp_size, 1232);
}

static void a_query_asks_in_the_case_that_was_drawn(void **state)
{
	(void)state;
	struct hf_question question = { .type = 1, .class = 1 };
	struct hf_query_view view;
	assert_int_equal(hf_name_from_text("ab.example", 10, &question.name), 0);
	struct hf_ask what = { .question = &question, .mixed = (const uint8_t *)"\2aB\7eXampLe" };
	ask(&what, &view);
	assert_memory_equal(asked + 12, "\2aB\7eXampLe\0", 12);
	assert_int_equal(view.question.type, 1);
}

static void the_longest_query_fits_its_buffer(void **state)
{
	(void)state;
	struct hf_question question = { .name.len = 255, .type = 1, .class = 1 };
	struct hf_query_view view;
	for (size_t at = 0; at < 254; at += 2)
		memcpy(question.name.bytes + at, "\1a", 2);
	struct hf_ask what = { .question = &question, .edns = true, .stream = true,
		.cookie = question.name.bytes, .cookie_len = HF_ASK_COOKIE_MAX, .pad_to = HF_PAD_MAX };
	assert_int_equal(ask(&what, &view), HF_QUERY_MAX);
}

static void a_cookie_stands_before_the_padding(void **state)
{
	(void)state;
	struct hf_question question = {
		.name = {.len = 3, .bytes = "\1a"}, .type = 1, .class = 1};
	struct hf_query_view view;
	struct hf_ask what = {.question = &question,
		.edns = true,
		.cookie = (const uint8_t *)"our part the other's....",
		.cookie_len = 24,
		.pad_to = HF_PAD_MAX};
	assert_int_equal(ask(&what, &view), HF_PAD_MAX);
	assert_int_equal(view.edns.cookie_len, 24);
	assert_memory_equal(asked + view.edns.cookie_at, what.cookie, 24);
	assert_int_equal(hf_get_u16(asked + view.edns.cookie_at + 24), HF_EDNS_PADDING);
	what.pad_to = what.cookie_len = 0;
	ask(&what, &view);
	assert_int_equal(view.edns.cookie_at, 0);
}

/* RFC 8467 section 4.1. */
static void a_query_is_padded_to_the_next_multiple_and_its_padding_is_zeros(void **state)
{
	(void)state;
	struct hf_question question = { .type = 1, .class = 1 };
	struct hf_query_view view;
	struct hf_ask what = { .question = &question, .edns = true, .edns_size = 1232 };
	for (unsigned stream = 0; stream < 2; stream++)
		for (unsigned len = 1; len <= 255; len += 2) {
			static const uint8_t zeros[HF_PAD_MAX];
			question.name.len = (uint8_t)len;
			memset(question.name.bytes, 0, sizeof question.name.bytes);
			for (unsigned at = 0; at + 1 < len; at += 2)
				memcpy(question.name.bytes + at, "\1a", 2);
			what.stream = stream;
			what.pad_to = 0;
			size_t bare = ask(&what, &view);
			assert_int_equal(view.edns.keepalive, stream);
			what.pad_to = HF_PAD_MAX;
			size_t padded = ask(&what, &view);
			assert_int_equal(padded % HF_PAD_MAX, 0);
			assert_in_range(padded, bare + 4, bare + 4 + HF_PAD_MAX - 1);
			assert_int_equal(hf_get_u16(asked + bare), HF_EDNS_PADDING);
			assert_memory_equal(asked + bare + 4, zeros, padded - bare - 4);
		}
	what.edns = false;
	assert_int_equal(ask(&what, &view), HF_HEADER_LEN + 255 + 4); /* no room for it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_kept_has_no_trace_of_the_hop),
		cmocka_unit_test(records_behind_an_opt_survive_with_their_names),
		cmocka_unit_test(tsig_and_sig0_are_left_behind),
		cmocka_unit_test(octets_behind_the_message_are_not_kept),
		cmocka_unit_test(all_types_are_kept_octet_for_octet),
		cmocka_unit_test(ttls_are_clamped_where_they_lie),
		cmocka_unit_test(a_ttl_with_the_top_bit_set_is_kept_as_zero),
		cmocka_unit_test(an_answer_without_records_has_no_ttl),
		cmocka_unit_test(the_random_case_of_our_question_is_not_shown),
		cmocka_unit_test(pointers_that_look_like_letters_are_not_lowered),
		cmocka_unit_test(an_answer_whose_names_lean_on_a_ttl_is_refused),
		cmocka_unit_test(an_answer_whose_names_begin_inside_a_label_of_the_question_is_refused),
		cmocka_unit_test(names_in_opaque_data_may_be_pointed_to),
		cmocka_unit_test(a_message_that_grows_past_its_limit_is_not_kept),
		cmocka_unit_test(a_reply_carries_the_clients_id_flags_and_question),
		cmocka_unit_test(ttls_count_down_to_zero_or_the_floor),
		cmocka_unit_test(a_long_answer_loses_its_additional_section_first_and_is_not_cut),
		cmocka_unit_test(what_is_longer_still_is_cut_to_the_question_with_tc),
		cmocka_unit_test(the_opt_record_counts_towards_the_limit),
		cmocka_unit_test(opt_comes_to_those_who_sent_one_with_their_do_bit),
		cmocka_unit_test(an_extended_error_and_a_keepalive_are_told),
		cmocka_unit_test(a_reply_is_padded_to_a_multiple_or_to_its_limit),
		cmocka_unit_test(the_text_of_an_extended_error_is_cut_at_its_limit),
		cmocka_unit_test(the_limit_over_udp_is_the_clients_between_512_and_ours),
		cmocka_unit_test(a_refusal_repeats_the_question_and_nothing_else),
		cmocka_unit_test(an_unreadable_question_is_answered_with_a_bare_header),
		cmocka_unit_test(badvers_has_its_upper_bits_in_opt),
		cmocka_unit_test(badvers_without_room_for_opt_does_not_look_like_success),
		cmocka_unit_test(a_reply_shrinks_to_what_the_client_sent),
		cmocka_unit_test(the_longest_empty_reply_fits_its_buffer),
		cmocka_unit_test(a_name_below_one_that_does_not_exist_does_not_exist),
		cmocka_unit_test(a_denial_that_does_not_fit_is_not_written),
		cmocka_unit_test(a_query_says_what_is_asked),
		cmocka_unit_test(a_query_asks_in_the_case_that_was_drawn),
		cmocka_unit_test(the_longest_query_fits_its_buffer),
		cmocka_unit_test(a_cookie_stands_before_the_padding),
		cmocka_unit_test(a_query_is_padded_to_the_next_multiple_and_its_padding_is_zeros),
	};
	return cmocka_run_group_tests_name("build", tests, NULL, NULL);
}
