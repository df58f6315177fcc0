/* SPDX-License-Identifier: MIT */
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/sample.h"

#define NAME HF_RAW("\4sHoP\7Example\0")
#define TO_QUESTION HF_RAW("\xc0\x0c")
#define ROOT HF_RAW("\0")
#define ADDRESS HF_RAW("\300\0\2\1")
#define NOTHING NULL, 0
#define QUESTION_END (12 + 14 + 4)

static struct hf_sample s;

static void begin_query(void)
{
	hf_sample_begin(&s, HF_FLAG_RD, NAME, HF_TYPE_A);
}

static void begin_reply(void)
{
	hf_sample_begin(&s, HF_FLAG_QR | HF_FLAG_RD | HF_FLAG_RA, NAME, HF_TYPE_A);
}

static void expect_fault(enum hf_query_fault expected)
{
	struct hf_query_view view;
	assert_int_equal(hf_query_read(s.bytes, s.w.len, &view), expected);
	assert_non_null(view.why);
	assert_true(view.where <= s.w.len);
}

static struct hf_query_view good_query(void)
{
	struct hf_query_view view;
	assert_int_equal(hf_query_read(s.bytes, s.w.len, &view), HF_QUERY_GOOD);
	return view;
}

static struct hf_message_view good_message(void)
{
	struct hf_message_view view;
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
	assert_int_equal(view.end, s.w.len);
	return view;
}

static void expect_malformed(size_t where)
{
	struct hf_message_view view;
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), HF_EMALFORMED);
	assert_int_equal(view.where, where);
}

/* ---- a client's packet ---- */

static void a_question_is_lowered_and_the_packet_is_not(void **state)
{
	(void)state;
	begin_query();
	struct hf_query_view view = good_query();
	assert_int_equal(view.id, 0x1234);
	assert_int_equal(view.flags, HF_FLAG_RD);
	assert_int_equal(view.question.name.len, 14);
	assert_memory_equal(view.question.name.bytes, "\4shop\7example\0", 14);
	assert_int_equal(view.question.type, HF_TYPE_A);
	assert_int_equal(view.question.class, HF_CLASS_IN);
	assert_int_equal(view.question_len, 18);
	assert_false(view.edns.present);
	assert_memory_equal(s.bytes + 12, "\4sHoP", 5);
}

static void less_than_a_header_or_a_response_is_met_with_silence(void **state)
{
	(void)state;
	begin_query();
	for (s.w.len = 0; s.w.len < 12; s.w.len++)
		expect_fault(HF_QUERY_SILENCE);
	begin_reply();
	expect_fault(HF_QUERY_SILENCE);
}

static void other_opcodes_are_not_served_but_their_header_is_read(void **state)
{
	(void)state;
	for (uint16_t opcode = 1; opcode < 16; opcode++) {
		struct hf_query_view view;
		hf_sample_begin(&s, (uint16_t)(opcode << 11), NOTHING, 0);
		expect_fault(HF_QUERY_NOTIMP);
		hf_query_read(s.bytes, s.w.len, &view);
		assert_int_equal(view.id, 0x1234);
		assert_int_equal(view.question_len, 0);
	}
}

static void a_query_has_exactly_one_question(void **state)
{
	(void)state;
	hf_sample_begin(&s, 0, NOTHING, 0);
	expect_fault(HF_QUERY_FORMERR);
	begin_query();
	hf_write(&s.w, "\1b\0\0\1\0\1", 7);
	hf_put_u16(s.bytes + 4, 2);
	expect_fault(HF_QUERY_FORMERR);
}

static void a_query_answers_nothing(void **state)
{
	(void)state;
	begin_query();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 1, ADDRESS);
	expect_fault(HF_QUERY_FORMERR);
	begin_query();
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, TO_QUESTION, HF_TYPE_A, 1, ADDRESS);
	expect_fault(HF_QUERY_FORMERR);
}

static void a_question_cut_short_anywhere_is_a_format_error(void **state)
{
	(void)state;
	begin_query();
	for (s.w.len = 12; s.w.len < QUESTION_END; s.w.len++) {
		struct hf_query_view view;
		expect_fault(HF_QUERY_FORMERR);
		hf_query_read(s.bytes, s.w.len, &view);
		assert_int_equal(view.question_len, 0);
	}
	s.w.len = QUESTION_END;
	good_query();
}

static void a_question_compressed_into_the_header_is_refused(void **state)
{
	(void)state;
	/* Offset 4 holds 0x00 0x01: the root, if the header were text. */
	hf_sample_begin(&s, HF_FLAG_RD, HF_RAW("\3www\xc0\x04"), HF_TYPE_A);
	expect_fault(HF_QUERY_FORMERR);
	hf_sample_begin(&s, HF_FLAG_RD, TO_QUESTION, HF_TYPE_A);
	expect_fault(HF_QUERY_FORMERR);
	hf_sample_begin(&s, HF_FLAG_QR, HF_RAW("\3www\xc0\x04"), HF_TYPE_A);
	expect_malformed(12);
}

static void edns_tells_size_flags_and_keepalive(void **state)
{
	(void)state;
	begin_query();
	size_t at = hf_sample_opt(&s, 4096, HF_EDNS_DO,
		HF_RAW("\0\012\0\010cookies!"
		       "\0\013\0\0"));
	struct hf_query_view view = good_query();
	assert_true(view.edns.present);
	assert_true(view.edns.dnssec_ok);
	assert_true(view.edns.keepalive);
	assert_int_equal(view.edns.version, 0);
	assert_int_equal(view.edns.udp_size, 4096);
	assert_int_equal(view.edns.at, at);
	assert_int_equal(view.edns.len, s.w.len - at);
	assert_int_equal(view.edns.ede, HF_EDE_NONE);
	assert_int_equal(view.edns.cookie_len, 8);
	assert_memory_equal(s.bytes + view.edns.cookie_at, "cookies!", 8);
}

static void unknown_edns_options_and_flags_are_passed_over(void **state)
{
	(void)state;
	begin_query();
	hf_sample_opt(&s, 1232, 0x7fff, HF_RAW("\xfd\xe9\0\3abc\xff\xff\0\0"));
	struct hf_query_view view = good_query();
	assert_true(view.edns.present);
	assert_false(view.edns.dnssec_ok);
	assert_false(view.edns.keepalive);
	assert_int_equal(view.edns.cookie_at, 0);
}

static void an_unknown_edns_version_is_badvers_with_the_question_read(void **state)
{
	(void)state;
	struct hf_query_view view;
	begin_query();
	hf_sample_opt(&s, 1232, 1u << 16, NOTHING);
	assert_int_equal(hf_query_read(s.bytes, s.w.len, &view), HF_QUERY_BADVERS);
	assert_int_equal(view.edns.version, 1);
	assert_int_equal(view.question_len, 18);
	assert_int_equal(view.question.name.len, 14);
}

static void a_second_or_misplaced_opt_is_a_format_error(void **state)
{
	(void)state;
	begin_query();
	hf_sample_opt(&s, 1232, 0, NOTHING);
	good_query();
	hf_sample_opt(&s, 1232, 0, NOTHING);
	expect_fault(HF_QUERY_FORMERR);
	begin_query();
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, TO_QUESTION, HF_TYPE_OPT, 0, NOTHING);
	expect_fault(HF_QUERY_FORMERR);
	/* A pointer to a root octet is not the root octet that RFC 6891 6.1.2 wants. */
	begin_query();
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\xc0\x19"), HF_TYPE_OPT, 0, NOTHING);
	expect_fault(HF_QUERY_FORMERR);
}

static void an_edns_option_that_runs_over_is_a_format_error(void **state)
{
	(void)state;
	begin_query();
	hf_sample_opt(&s, 1232, 0, HF_RAW("\0\012\0\4abc"));
	expect_fault(HF_QUERY_FORMERR);
	begin_query();
	hf_sample_opt(&s, 1232, 0, HF_RAW("\0\012\0"));
	expect_fault(HF_QUERY_FORMERR);
	begin_query(); /* though what it should have skipped looks like options */
	hf_sample_opt(&s, 1232, 0, HF_RAW("\0\012\0\5\0\012\0\0"));
	expect_fault(HF_QUERY_FORMERR);
}

static void tsig_and_sig0_of_a_query_are_passed_over(void **state)
{
	(void)state;
	begin_query();
	hf_sample_opt(&s, 1232, 0, NOTHING);
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\3key\0"), HF_TYPE_TSIG, 0,
		HF_RAW("\3md5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"));
	good_query();
	begin_query();
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, ROOT, HF_TYPE_SIG, 0,
		HF_RAW("\0\0\5\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1k\0signature"));
	good_query();
}

static void octets_behind_the_last_record_are_tolerated(void **state)
{
	(void)state;
	begin_query();
	hf_write(&s.w, "\0\0\0\0", 4);
	good_query();
	begin_reply();
	hf_write(&s.w, "trash", 5);
	struct hf_message_view view;
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
	assert_int_equal(view.end, QUESTION_END);
}

static void an_additional_record_that_is_not_there_is_a_format_error(void **state)
{
	(void)state;
	begin_query();
	hf_put_u16(s.bytes + 10, 1);
	expect_fault(HF_QUERY_FORMERR);
	hf_put_u16(s.bytes + 10, 0xffff);
	hf_write(&s.w, "\0\0\1\0\1\0\0\0\1\0\0", 11);
	expect_fault(HF_QUERY_FORMERR);
}

static void a_query_cut_short_at_any_octet_is_never_good(void **state)
{
	(void)state;
	begin_query();
	hf_sample_opt(&s, 1232, HF_EDNS_DO, HF_RAW("\0\012\0\010cookies!"));
	size_t whole = s.w.len;
	for (size_t len = 0; len < whole; len++) {
		struct hf_query_view view;
		uint8_t *exact =
			malloc(len ? len : 1); /* so that sanitizers see one octet too far */
		memcpy(exact, s.bytes, len);
		assert_int_not_equal(hf_query_read(exact, len, &view), HF_QUERY_GOOD);
		free(exact);
	}
}

/* ---- one record ---- */

static int read_record(uint16_t type, const uint8_t *rdata, size_t len)
{
	struct hf_record record;
	begin_reply();
	size_t at = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, type, 60, rdata, len);
	return hf_record_read(s.bytes, s.w.len, at, &record);
}

static void a_record_is_told_by_its_bounds(void **state)
{
	(void)state;
	struct hf_record r;
	begin_reply();
	size_t at = hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	assert_int_equal(hf_record_read(s.bytes, s.w.len, at, &r), 0);
	assert_int_equal(r.at, QUESTION_END);
	assert_int_equal(r.type, HF_TYPE_A);
	assert_int_equal(r.class, HF_CLASS_IN);
	assert_int_equal(r.ttl, 300);
	assert_int_equal(r.ttl_at, r.at + 6);
	assert_int_equal(r.rdata_at, r.at + 12);
	assert_int_equal(r.rdata_len, 4);
	assert_int_equal(r.end, s.w.len);
}

static void names_inside_known_data_must_be_readable(void **state)
{
	(void)state;
	assert_int_equal(read_record(HF_TYPE_CNAME, HF_RAW("\1a\xc0\x0c")), 0);
	assert_int_equal(read_record(HF_TYPE_CNAME, HF_RAW("\1a")), HF_EMALFORMED);
	assert_int_equal(
		read_record(HF_TYPE_CNAME, HF_RAW("\xc0\x2a")), HF_EMALFORMED); /* itself */
	assert_int_equal(read_record(HF_TYPE_MX, HF_RAW("\0\5\xc0\x0c")), 0);
	assert_int_equal(read_record(HF_TYPE_MX, HF_RAW("\0")), HF_EMALFORMED);
	assert_int_equal(read_record(HF_TYPE_MX, HF_RAW("\0\5")), HF_EMALFORMED);
	assert_int_equal(read_record(HF_TYPE_SRV, HF_RAW("\0\1\0\2\0\3\1x\0")), 0);
	assert_int_equal(read_record(HF_TYPE_SRV, HF_RAW("\0\1\0\2\0\3\5x\0")), HF_EMALFORMED);
	assert_int_equal(read_record(HF_TYPE_MINFO, HF_RAW("\1a\0\1b\0")), 0);
	assert_int_equal(read_record(HF_TYPE_MINFO, HF_RAW("\1a\0")), HF_EMALFORMED);
	assert_int_equal(read_record(HF_TYPE_NAPTR, HF_RAW("\0\1\0\1\1s\3E2U\0\1x\0")), 0);
	assert_int_equal(
		read_record(HF_TYPE_NAPTR, HF_RAW("\0\1\0\1\1s\3E2U\xff\1x\0")), HF_EMALFORMED);
	assert_int_equal(read_record(HF_TYPE_NAPTR, HF_RAW("\0\1\0\1")), HF_EMALFORMED);
	/* The third string is as long as no label can be. */
	assert_int_equal(
		read_record(HF_TYPE_NAPTR,
			HF_RAW("\0\1\0\1\1s\3E2U\100"
			       "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
			       "\1x\0")),
		0);
}

static void data_of_other_types_is_opaque(void **state)
{
	(void)state;
	assert_int_equal(read_record(65280, HF_RAW("\xff\xff\xc0")), 0);
	assert_int_equal(read_record(HF_TYPE_TXT, HF_RAW("\xff")), 0);
	assert_int_equal(read_record(HF_TYPE_SVCB, HF_RAW("\0")), 0);
	assert_int_equal(read_record(HF_TYPE_A, NOTHING), 0);
	assert_int_equal(read_record(HF_TYPE_CNAME, NOTHING), 0);
}

static void a_name_in_data_may_not_leave_it(void **state)
{
	(void)state;
	struct hf_record record;
	begin_reply();
	size_t at = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_CNAME, 60, HF_RAW("\1a\0"));
	hf_put_u16(s.bytes + s.w.len - 5, 2); /* the root octet is outside now */
	assert_int_equal(hf_record_read(s.bytes, s.w.len, at, &record), HF_EMALFORMED);
}

static void a_soa_has_two_names_and_five_numbers(void **state)
{
	(void)state;
#define NUMBERS "\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"
	assert_int_equal(read_record(HF_TYPE_SOA, HF_RAW("\1a\0\1b\0" NUMBERS)), 0);
	assert_int_equal(read_record(HF_TYPE_SOA, HF_RAW("\1a\0\1b\0" NUMBERS "x")), HF_EMALFORMED);
	assert_int_equal(read_record(HF_TYPE_SOA, HF_RAW("\1a\0\1b\0\0\0\0\1")), HF_EMALFORMED);
}

/* ---- a whole message ---- */

static void a_record_that_is_read_again_is_the_same(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_CNAME, 300, HF_RAW("\3www\xc0\x0c"));
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, HF_RAW("\3www\xc0\x0c"), HF_TYPE_A, 0x80000001, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, HF_RAW("\1x\0"), HF_TYPE_NS, 1, TO_QUESTION);
	hf_sample_opt(&s, 1232, 0x80008000, HF_RAW("\0\x0f\0\2\0\1"));
	struct hf_message_view view = good_message();
	unsigned records = 0;
	for (size_t at = view.question_end; at < view.end; records++) {
		struct hf_record first, again = hf_record_again(s.bytes, at);
		assert_int_equal(hf_record_read(s.bytes, s.w.len, at, &first), 0);
		assert_int_equal(first.at, again.at);
		assert_int_equal(first.type, again.type);
		assert_int_equal(first.class, again.class);
		assert_int_equal(first.ttl, again.ttl);
		assert_int_equal(first.ttl_at, again.ttl_at);
		assert_int_equal(first.rdata_at, again.rdata_at);
		assert_int_equal(first.rdata_len, again.rdata_len);
		assert_int_equal(first.end, again.end);
		at = again.end;
	}
	assert_int_equal(records, 4);
}

static void sections_are_told_apart(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 300, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 200, ADDRESS);
	size_t answer_end = s.w.len;
	hf_sample_record(
		&s, HF_SAMPLE_AUTHORITY, TO_QUESTION, HF_TYPE_NS, 100, HF_RAW("\2ns\xc0\x0c"));
	size_t authority_end = s.w.len;
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\2ns\xc0\x0c"), HF_TYPE_A, 150, ADDRESS);
	hf_sample_opt(&s, 1232, 0, NOTHING);
	struct hf_message_view view = good_message();
	assert_int_equal(view.question_end, QUESTION_END);
	assert_int_equal(view.answer_end, answer_end);
	assert_int_equal(view.authority_end, authority_end);
	assert_int_equal(view.answers, 2);
	assert_int_equal(view.authorities, 1);
	assert_int_equal(view.additionals, 2);
	assert_int_equal(view.ttl_min, 100); /* OPT's field is no TTL */
	assert_false(view.has_referral);
	assert_false(view.answer_has_alias);
	assert_false(view.signed_by_key);
}

static void a_message_without_question_or_records_has_no_ttl(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR | (uint16_t)HF_RCODE_REFUSED, NOTHING, 0);
	struct hf_message_view view = good_message();
	assert_int_equal(view.question_end, 12);
	assert_int_equal(view.rcode, HF_RCODE_REFUSED);
	assert_int_equal(view.ttl_min, UINT32_MAX);
	assert_int_equal(view.soa_negative, UINT32_MAX);
}

static void two_questions_are_malformed(void **state)
{
	(void)state;
	begin_reply();
	hf_put_u16(s.bytes + 4, 2);
	expect_malformed(12);
}

static void a_ttl_with_the_top_bit_set_is_zero(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 0x7fffffff, ADDRESS);
	assert_int_equal(good_message().ttl_min, 0x7fffffff);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 0x80000000, ADDRESS);
	assert_int_equal(good_message().ttl_min, 0);
}

static void put_soa(uint32_t ttl, uint32_t minimum)
{
	uint8_t rdata[] = "\2ns\xc0\x0c\4host\xc0\x0c\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4MINI";
	hf_put_u32(rdata + sizeof rdata - 5, minimum);
	hf_sample_record(
		&s, HF_SAMPLE_AUTHORITY, TO_QUESTION, HF_TYPE_SOA, ttl, rdata, sizeof rdata - 1);
}

static void a_denial_is_bounded_by_the_smaller_of_soa_ttl_and_minimum(void **state)
{
	(void)state;
	static const struct {
		uint32_t ttl, minimum, bound;
	} cases[] = {
		{900, 300, 300},
		{300, 900, 300},
		{900, 0, 0},
		{0x80000000, 300, 0},
		{300, 0x80000000, 0},
	};
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		begin_reply();
		put_soa(cases[i].ttl, cases[i].minimum);
		struct hf_message_view view = good_message();
		assert_true(view.has_soa);
		assert_int_equal(view.soa_negative, cases[i].bound);
	}
}

static void the_first_soa_of_authority_counts_and_no_other(void **state)
{
	(void)state;
	begin_reply();
	put_soa(900, 300);
	put_soa(900, 5);
	assert_int_equal(good_message().soa_negative, 300);
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_SOA, 60,
		HF_RAW("\0\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5"));
	assert_false(good_message().has_soa);
}

static void a_referral_has_ns_in_authority_and_neither_answer_nor_soa(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, TO_QUESTION, HF_TYPE_NS, 60, HF_RAW("\xc0\x0c"));
	assert_true(good_message().has_referral);
	put_soa(60, 60);
	assert_false(good_message().has_referral);
}

static void aliases_in_the_answer_are_seen(void **state)
{
	(void)state;
	static const uint16_t types[] = {HF_TYPE_CNAME, HF_TYPE_DNAME};
	for (size_t i = 0; i < HF_COUNT_OF(types); i++) {
		begin_reply();
		hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, types[i], 60, HF_RAW("\1a\0"));
		assert_true(good_message().answer_has_alias);
		begin_reply();
		hf_sample_record(
			&s, HF_SAMPLE_ADDITIONAL, TO_QUESTION, types[i], 60, HF_RAW("\1a\0"));
		assert_false(good_message().answer_has_alias);
	}
}

static void the_rcode_has_its_upper_bits_in_opt(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR | 7, NAME, HF_TYPE_A);
	hf_sample_opt(&s, 1232, 1u << 24, NOTHING);
	assert_int_equal(good_message().rcode, 0x17);
	hf_sample_begin(&s, HF_FLAG_QR | 7, NAME, HF_TYPE_A);
	hf_sample_opt(
		&s, 1232, 0xff000000u, NOTHING); /* the top bit is no sign of a bad TTL here */
	assert_int_equal(good_message().rcode, 0xff7);
}

static void the_first_extended_error_is_noted(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_opt(&s, 1232, 0,
		HF_RAW("\0\017\0\6\0\026dark"
		       "\0\017\0\2\0\3"));
	assert_int_equal(good_message().edns.ede, HF_EDE_NO_REACHABLE_AUTHORITY);
	begin_reply();
	hf_sample_opt(&s, 1232, 0, HF_RAW("\0\017\0\1\0")); /* too short for a code */
	assert_int_equal(good_message().edns.ede, HF_EDE_NONE);
}

static void an_opt_outside_additional_is_malformed(void **state)
{
	(void)state;
	begin_reply();
	size_t at = hf_sample_record(&s, HF_SAMPLE_ANSWER, ROOT, HF_TYPE_OPT, 0, NOTHING);
	expect_malformed(at);
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, ROOT, HF_TYPE_OPT, 0, NOTHING);
	expect_malformed(QUESTION_END);
	begin_reply();
	hf_sample_opt(&s, 1232, 0, NOTHING);
	at = hf_sample_opt(&s, 1232, 0, NOTHING);
	expect_malformed(at);
}

static void a_key_signature_is_noted_and_its_ttl_is_not(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 60, ADDRESS);
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, HF_RAW("\3key\0"), HF_TYPE_TSIG, 0, HF_RAW("x"));
	struct hf_message_view view = good_message();
	assert_true(view.signed_by_key);
	assert_int_equal(view.ttl_min, 60);
}

static void the_place_of_a_fault_is_the_record_that_has_it(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_A, 60, ADDRESS);
	size_t at = hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_CNAME, 60, HF_RAW("\1a"));
	expect_malformed(at);
	s.w.len = 7;
	expect_malformed(7);
}

static void a_message_cut_short_at_any_octet_is_malformed(void **state)
{
	(void)state;
	begin_reply();
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_QUESTION, HF_TYPE_CNAME, 60, HF_RAW("\1a\xc0\x0c"));
	put_soa(300, 300);
	hf_sample_opt(&s, 1232, 0, HF_RAW("\0\017\0\2\0\3"));
	good_message();
	for (size_t len = 0; len < s.w.len; len++) {
		struct hf_message_view view;
		uint8_t *exact = malloc(len ? len : 1);
		memcpy(exact, s.bytes, len);
		assert_int_equal(hf_message_read(exact, len, &view), HF_EMALFORMED);
		assert_true(view.where <= len);
		free(exact);
	}
}

static void more_records_than_a_message_can_hold_are_malformed(void **state)
{
	(void)state;
	begin_reply();
	hf_put_u16(s.bytes + HF_SAMPLE_ANSWER, 3000);
	hf_put_u16(s.bytes + HF_SAMPLE_AUTHORITY, 3000);
	hf_put_u16(s.bytes + HF_SAMPLE_ADDITIONAL, 1);
	expect_malformed(12);
}

static void the_fullest_message_is_read(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR, NOTHING, 0);
	unsigned most = (HF_MESSAGE_MAX - 12) / 11;
	for (unsigned i = 0; i < most; i++)
		hf_sample_record(&s, HF_SAMPLE_ANSWER, ROOT, HF_TYPE_A, i + 1, NOTHING);
	struct hf_message_view view = good_message();
	assert_int_equal(view.answers, most);
	assert_int_equal(view.ttl_min, 1);
	assert_true(most < HF_RECORDS_MAX);
}

static void an_echo_is_the_question_octet_for_octet(void **state)
{
	(void)state;
	begin_reply();
	struct hf_message_view view = good_message();
	uint8_t asked[18];
	memcpy(asked, s.bytes + 12, sizeof asked);
	assert_true(hf_message_echoes(s.bytes, &view, asked, sizeof asked));
	asked[1] ^= 0x20; /* another case */
	assert_false(hf_message_echoes(s.bytes, &view, asked, sizeof asked));
	asked[1] ^= 0x20;
	asked[17] = HF_CLASS_CH;
	assert_false(hf_message_echoes(s.bytes, &view, asked, sizeof asked));
	assert_false(hf_message_echoes(s.bytes, &view, asked, 17));
	hf_sample_begin(&s, HF_FLAG_QR, NOTHING, 0);
	view = good_message();
	assert_false(hf_message_echoes(s.bytes, &view, asked, sizeof asked));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_lowered_and_the_packet_is_not),
		cmocka_unit_test(less_than_a_header_or_a_response_is_met_with_silence),
		cmocka_unit_test(other_opcodes_are_not_served_but_their_header_is_read),
		cmocka_unit_test(a_query_has_exactly_one_question),
		cmocka_unit_test(a_query_answers_nothing),
		cmocka_unit_test(a_question_cut_short_anywhere_is_a_format_error),
		cmocka_unit_test(a_question_compressed_into_the_header_is_refused),
		cmocka_unit_test(edns_tells_size_flags_and_keepalive),
		cmocka_unit_test(unknown_edns_options_and_flags_are_passed_over),
		cmocka_unit_test(an_unknown_edns_version_is_badvers_with_the_question_read),
		cmocka_unit_test(a_second_or_misplaced_opt_is_a_format_error),
		cmocka_unit_test(an_edns_option_that_runs_over_is_a_format_error),
		cmocka_unit_test(tsig_and_sig0_of_a_query_are_passed_over),
		cmocka_unit_test(octets_behind_the_last_record_are_tolerated),
		cmocka_unit_test(an_additional_record_that_is_not_there_is_a_format_error),
		cmocka_unit_test(a_query_cut_short_at_any_octet_is_never_good),
		cmocka_unit_test(a_record_is_told_by_its_bounds),
		cmocka_unit_test(names_inside_known_data_must_be_readable),
		cmocka_unit_test(data_of_other_types_is_opaque),
		cmocka_unit_test(a_name_in_data_may_not_leave_it),
		cmocka_unit_test(a_soa_has_two_names_and_five_numbers),
		cmocka_unit_test(a_record_that_is_read_again_is_the_same),
		cmocka_unit_test(sections_are_told_apart),
		cmocka_unit_test(a_message_without_question_or_records_has_no_ttl),
		cmocka_unit_test(two_questions_are_malformed),
		cmocka_unit_test(a_ttl_with_the_top_bit_set_is_zero),
		cmocka_unit_test(a_denial_is_bounded_by_the_smaller_of_soa_ttl_and_minimum),
		cmocka_unit_test(the_first_soa_of_authority_counts_and_no_other),
		cmocka_unit_test(a_referral_has_ns_in_authority_and_neither_answer_nor_soa),
		cmocka_unit_test(aliases_in_the_answer_are_seen),
		cmocka_unit_test(the_rcode_has_its_upper_bits_in_opt),
		cmocka_unit_test(the_first_extended_error_is_noted),
		cmocka_unit_test(an_opt_outside_additional_is_malformed),
		cmocka_unit_test(a_key_signature_is_noted_and_its_ttl_is_not),
		cmocka_unit_test(the_place_of_a_fault_is_the_record_that_has_it),
		cmocka_unit_test(a_message_cut_short_at_any_octet_is_malformed),
		cmocka_unit_test(more_records_than_a_message_can_hold_are_malformed),
		cmocka_unit_test(the_fullest_message_is_read),
		cmocka_unit_test(an_echo_is_the_question_octet_for_octet),
	};
	return cmocka_run_group_tests_name("message", tests, NULL, NULL);
}
