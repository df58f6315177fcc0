/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/transfer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "wire/sample.h"

#define ID 0x1234 /* what hf_sample_begin writes */
#define ORIGIN HF_RAW("\4corp\10internal\0")

#define SOA(serial) "@ 3600 SOA ns host " #serial " 60 30 600 300\n"
#define NS "@ 3600 NS ns\nns 300 A 192.0.2.53\n"
#define WEB(last) "web 300 A 192.0.2." #last "\n"

static struct hf_sample sample;

/* ---- zones from text ---- */

static struct hf_name origin(void)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text("corp.internal", 13, &name), 0);
	return name;
}

static int each_record(
	const char *text, int (*record)(void *, const struct hf_zone_record *), void *ctx)
{
	const struct hf_zone_handler handler = {.record = record};
	const struct hf_zone_text in = {
		.text = text, .len = strlen(text), .origin = "corp.internal.", .ttl = 300};
	return hf_zone_text_read(&in, &handler, ctx);
}

static int to_build(void *ctx, const struct hf_zone_record *record)
{
	return hf_zone_build_add(ctx, record);
}

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	fail_msg("line %u: %s", line, why);
}

static struct hf_zone *zone_of(const char *text)
{
	const struct hf_zone_limits limits = {.records = 0};
	struct hf_zone_build *build;
	struct hf_zone *zone;
	struct hf_name name = origin();
	assert_int_equal(hf_zone_build_new(&name, &limits, &build), 0);
	assert_int_equal(each_record(text, to_build, build), 0);
	assert_int_equal(hf_zone_build_finish(build, no_fault, NULL, &zone), 0);
	return zone;
}

static bool same_zones(const struct hf_zone *a, const struct hf_zone *b)
{
	struct hf_zone_walk x = hf_zone_walk(a), y = hf_zone_walk(b);
	struct hf_zone_set s, r;
	while (hf_zone_next(&x, &s)) {
		if (!hf_zone_next(&y, &r) || s.type != r.type || s.count != r.count ||
			s.ttl != r.ttl || s.rdata_octets != r.rdata_octets ||
			memcmp(s.rdata, r.rdata, s.rdata_octets) != 0 ||
			!hf_name_equal(s.owner, r.owner, hf_name_wire_len(s.owner, HF_NAME_MAX)))
			return false;
	}
	return !hf_zone_next(&y, &r);
}

/* ---- a stream of messages ---- */

struct stream {
	struct hf_transfer *transfer;
	struct hf_zone *have;
	enum hf_transfer_step step;
	unsigned per_message, in_message, messages;
	bool questions; /* in all of them; else in the first only */
};

static void begin(struct stream *s, const char *have, unsigned per_message)
{
	const struct hf_zone_limits limits = {.records = 1000};
	struct hf_name name = origin();
	uint8_t ask[HF_TRANSFER_ASK_MAX];
	*s = (struct stream){.per_message = per_message, .step = HF_TRANSFER_MORE};
	s->have = have ? zone_of(have) : NULL;
	assert_int_equal(hf_transfer_new(&name, s->have, &limits, &s->transfer), 0);
	assert_true(hf_transfer_ask(s->transfer, ID, ask) > HF_HEADER_LEN);
}

static void end(struct stream *s)
{
	hf_transfer_free(s->transfer);
	hf_zone_unref(s->have);
}

static void flush(struct stream *s)
{
	if (s->in_message && s->step == HF_TRANSFER_MORE)
		s->step = hf_transfer_message(s->transfer, sample.bytes, sample.w.len);
	s->messages += s->in_message != 0;
	s->in_message = 0;
}

static void open_message(struct stream *s)
{
	bool question = !s->messages || s->questions;
	const uint8_t *name = question ? (const uint8_t *)"\4CORP\10internal" : NULL;
	hf_sample_begin(
		&sample, HF_FLAG_QR | HF_FLAG_AA, name, 15, s->have ? HF_TYPE_IXFR : HF_TYPE_AXFR);
}

static int to_stream(void *ctx, const struct hf_zone_record *r)
{
	struct stream *s = ctx;
	if (!s->in_message)
		open_message(s);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, r->owner.bytes, r->owner.len, r->type, r->ttl,
		r->rdata, r->rdata_len);
	if (++s->in_message == s->per_message)
		flush(s);
	return 0;
}

static enum hf_transfer_step give(struct stream *s, const char *text)
{
	assert_int_equal(each_record(text, to_stream, s), 0);
	flush(s);
	return s->step;
}

/* The whole of it: what is here, what comes, what it comes to. */
static enum hf_transfer_step come(const char *have, const char *text, unsigned per_message)
{
	struct stream s;
	begin(&s, have, per_message);
	enum hf_transfer_step step = give(&s, text);
	if (step != HF_TRANSFER_MORE && step != HF_TRANSFER_WHOLE)
		assert_string_not_equal(hf_transfer_why(s.transfer), "");
	end(&s);
	return step;
}

/* What comes of differences that are not to be had: asked for whole, whether that shows while
 * they come or at the end. */
static void does_not_fit(const char *have, const char *text, unsigned per_message)
{
	struct hf_zone *zone;
	struct stream s;
	bool so;
	begin(&s, have, per_message);
	enum hf_transfer_step step = give(&s, text);
	if (step == HF_TRANSFER_WHOLE)
		assert_int_equal(hf_transfer_zone(s.transfer, &zone, &so), HF_EMALFORMED);
	else
		assert_int_equal(step, HF_TRANSFER_AGAIN);
	assert_string_not_equal(hf_transfer_why(s.transfer), "");
	end(&s);
}

static void becomes(const char *have, const char *text, const char *expected, bool differences)
{
	for (unsigned per_message = 1; per_message < 20; per_message += 6) {
		struct hf_zone *zone, *right = zone_of(expected);
		struct stream s;
		bool so;
		begin(&s, have, per_message);
		s.questions = per_message == 7;
		assert_int_equal(give(&s, text), HF_TRANSFER_WHOLE);
		assert_int_equal(hf_transfer_zone(s.transfer, &zone, &so), 0);
		assert_int_equal(so, differences);
		assert_true(same_zones(zone, right));
		assert_int_equal(hf_transfer_serial(s.transfer), hf_zone_soa(right)->serial);
		hf_zone_unref(zone);
		hf_zone_unref(right);
		end(&s);
	}
}

/* ---- tests ---- */

static void a_whole_zone_comes_in_messages_of_any_size(void **state)
{
	(void)state;
	becomes(NULL, SOA(7) NS WEB(1) WEB(2) SOA(7), SOA(7) NS WEB(1) WEB(2), false);
}

static void the_request_names_what_is_here(void **state)
{
	struct stream s;
	uint8_t ask[HF_TRANSFER_ASK_MAX];
	struct hf_record r;
	(void)state;
	begin(&s, SOA(7) NS, 1);
	size_t len = hf_transfer_ask(s.transfer, 0xabcd, ask);
	assert_memory_equal(ask, "\xab\xcd\0\0\0\1\0\0\0\1\0\0\4corp\10internal\0\0\xfb\0\1", 31);
	assert_int_equal(hf_record_read(ask, len, 31, &r), 0);
	assert_int_equal(r.type, HF_TYPE_SOA);
	assert_int_equal(r.end, len);
	assert_int_equal(hf_get_u32(ask + len - 20), 7);
	end(&s);
	begin(&s, NULL, 1);
	len = hf_transfer_ask(s.transfer, 1, ask);
	assert_int_equal(len, 31);
	assert_memory_equal(ask + 27, "\0\xfc\0\1", 4);
	end(&s);
}

static void differences_lead_from_what_is_here_to_the_newest(void **state)
{
	(void)state;
	becomes(SOA(7) NS WEB(1) WEB(2), SOA(9) SOA(7) WEB(1) SOA(9) WEB(3) SOA(9),
		SOA(9) NS WEB(2) WEB(3), true);
}

static void several_differences_are_applied_one_after_another(void **state)
{
	(void)state;
	becomes(SOA(7) NS WEB(1),
		SOA(9) SOA(7) WEB(1) SOA(8) WEB(2) SOA(8) WEB(2) SOA(9) WEB(3) WEB(4) SOA(9),
		SOA(9) NS WEB(3) WEB(4), true);
}

static void a_difference_may_only_add_or_only_remove(void **state)
{
	(void)state;
	becomes(SOA(7) NS, SOA(8) SOA(7) SOA(8) WEB(2) SOA(8), SOA(8) NS WEB(2), true);
	becomes(SOA(7) NS WEB(2), SOA(8) SOA(7) WEB(2) SOA(8) SOA(8), SOA(8) NS, true);
	becomes(SOA(7) NS, SOA(8) SOA(7) SOA(8) SOA(8), SOA(8) NS, true);
}

static void serials_may_wrap(void **state)
{
	(void)state;
	becomes(SOA(4294967295) NS, SOA(2) SOA(4294967295) SOA(2) WEB(2) SOA(2), SOA(2) NS WEB(2),
		true);
}

static void differences_asked_for_may_come_as_a_whole_zone(void **state)
{
	(void)state;
	becomes(SOA(7) NS WEB(1), SOA(9) NS WEB(2) SOA(9), SOA(9) NS WEB(2), false);
}

static void one_soa_record_says_that_there_is_nothing_newer(void **state)
{
	(void)state;
	assert_int_equal(come(SOA(7) NS, SOA(7), 1), HF_TRANSFER_NOTHING);
	assert_int_equal(come(SOA(7) NS, SOA(6), 1), HF_TRANSFER_NOTHING);
	/* ... and neither is anything that begins with an older one. */
	assert_int_equal(come(SOA(7) NS, SOA(6) NS SOA(6), 9), HF_TRANSFER_NOTHING);
	/* A newer one may be the first of many messages. */
	assert_int_equal(come(SOA(7) NS, SOA(8), 1), HF_TRANSFER_MORE);
}

static void without_the_last_record_nothing_is_whole(void **state)
{
	(void)state;
	assert_int_equal(come(NULL, SOA(7) NS WEB(1), 1), HF_TRANSFER_MORE);
	assert_int_equal(come(SOA(7) NS, SOA(9) SOA(7) SOA(9) WEB(3), 9), HF_TRANSFER_MORE);
	assert_int_equal(come(SOA(7) NS, SOA(9) SOA(7) SOA(8) WEB(3) SOA(8), 9), HF_TRANSFER_MORE);
}

static void differences_that_do_not_fit_are_asked_for_whole(void **state)
{
	static const char *const cases[] = {
		SOA(9) SOA(6) SOA(9) SOA(9),         /* from another version */
		SOA(9) SOA(7) WEB(9) SOA(9) SOA(9),  /* removes what is not there */
		SOA(9) SOA(7) SOA(8) SOA(7) SOA(9),  /* the next begins elsewhere */
		SOA(9) SOA(7) SOA(6) WEB(3) SOA(6),  /* leads back */
		SOA(9) SOA(7) SOA(7) WEB(3) SOA(7),  /* leads nowhere */
		SOA(9) SOA(7) SOA(11) WEB(3) SOA(9), /* leads too far */
		SOA(9) "@ SOA other host 7 60 30 600 300\n" SOA(9) SOA(9), /* ours is another */
	};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		does_not_fit(SOA(7) NS WEB(1), cases[i], 1);
		does_not_fit(SOA(7) NS WEB(1), cases[i], 20);
	}
}

static void what_no_zone_may_have_breaks_a_transfer(void **state)
{
	static const char *const cases[] = {
		NS SOA(7),        /* does not begin with the SOA */
		SOA(7) NS SOA(8), /* ends with another */
		SOA(7) NS "@ SOA ns other 7 60 30 600 300\n",
		SOA(7) "other.internal. A 192.0.2.1\n", /* outside */
		SOA(7) "notcorp.internal. A 192.0.2.1\n",
		SOA(7) "internal. A 192.0.2.1\n",
		SOA(7) "sub SOA ns host 7 60 30 600 300\n", /* an SOA below */
		SOA(7) "web TYPE1 \\# 3 c00002\n",          /* an address of three octets */
		SOA(7) "web TYPE250 \\# 0\n",               /* types that are none */
		SOA(7) "web TYPE255 \\# 0\n",
		SOA(7) "web TYPE0 \\# 0\n",
	};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++)
		assert_int_equal(come(NULL, cases[i], 20), HF_TRANSFER_BROKEN);
}

static void data_that_do_not_fit_their_type_break_a_transfer(void **state)
{
	static const struct {
		uint16_t type;
		const char *octets;
		size_t len;
	} cases[] = {
		{HF_TYPE_A, "\1\2\3\4\5", 5},
		{HF_TYPE_AAAA, "\1\2\3\4", 4},
		{HF_TYPE_NS, "\2ns\0\0", 5},
		{HF_TYPE_MX, "\0", 1},
		{HF_TYPE_SOA, "\0\0\0", 3},
		{HF_TYPE_TXT, "\5text", 5},
		{HF_TYPE_TXT, "", 0},
		{HF_TYPE_SRV, "\0\1\0\1\0\1", 6},
		{HF_TYPE_NAPTR, "\0\1\0\1\1a\1b", 8},
	};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		struct stream s;
		begin(&s, NULL, 1);
		assert_int_equal(give(&s, SOA(7)), HF_TRANSFER_MORE);
		open_message(&s);
		hf_sample_record(&sample, HF_SAMPLE_ANSWER, HF_RAW("\4corp\10internal\0"),
			cases[i].type, 60, (const uint8_t *)cases[i].octets, cases[i].len);
		assert_int_equal(hf_transfer_message(s.transfer, sample.bytes, sample.w.len),
			HF_TRANSFER_BROKEN);
		end(&s);
	}
}

/* One message, made wrong by a function. */
static enum hf_transfer_step spoilt(const char *have, void (*spoil)(void))
{
	struct stream s;
	begin(&s, have, 20);
	open_message(&s);
	s.per_message = 100;
	assert_int_equal(each_record(SOA(8) NS SOA(8), to_stream, &s), 0);
	spoil();
	enum hf_transfer_step step = hf_transfer_message(s.transfer, sample.bytes, sample.w.len);
	end(&s);
	return step;
}

static void other_id(void)
{
	sample.bytes[0] ^= 1;
}
static void no_reply(void)
{
	sample.bytes[2] &= 0x7f;
}
static void a_notify(void)
{
	sample.bytes[2] |= 4 << 3;
}
static void cut(void)
{
	sample.bytes[2] |= 2;
}
static void two_questions(void)
{
	sample.bytes[5] = 2;
}
static void other_name(void)
{
	sample.bytes[13] ^= 1;
}
static void other_type(void)
{
	sample.bytes[12 + 15 + 1] = 1;
}
static void other_class(void)
{
	sample.bytes[12 + 15 + 3] = HF_CLASS_CH;
}
static void record_class(void)
{
	sample.bytes[31 + 15 + 3] = HF_CLASS_CH;
}
static void nothing(void)
{
	sample.bytes[7] = 0;
}
static void too_many(void)
{
	sample.bytes[7]++;
}
static void servfail(void)
{
	sample.bytes[3] |= 2;
}
static void notimp(void)
{
	sample.bytes[3] |= 4;
}
static void is_refused(void)
{
	sample.bytes[3] |= 5;
}
static void notauth(void)
{
	sample.bytes[3] |= 9;
}
static void fewer(void)
{
	sample.bytes[7] = 3;
}

static void a_message_that_is_no_answer_breaks_a_transfer(void **state)
{
	static void (*const spoils[])(void) = {other_id, no_reply, a_notify, cut, two_questions,
		other_name, other_type, other_class, record_class, nothing, too_many};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(spoils); i++)
		assert_int_equal(spoilt(NULL, spoils[i]), HF_TRANSFER_BROKEN);
	assert_int_equal(spoilt(NULL, fewer), HF_TRANSFER_MORE);
}

static void an_error_means_to_ask_for_all_or_that_it_is_refused(void **state)
{
	static void (*const errors[])(void) = {servfail, notimp, is_refused};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(errors); i++) {
		assert_int_equal(spoilt(SOA(7) NS, errors[i]), HF_TRANSFER_AGAIN);
		assert_int_equal(spoilt(NULL, errors[i]), HF_TRANSFER_REFUSED);
	}
	assert_int_equal(spoilt(SOA(7) NS, notauth), HF_TRANSFER_REFUSED);
}

static void an_error_in_the_middle_breaks_a_transfer(void **state)
{
	struct stream s;
	(void)state;
	begin(&s, NULL, 1);
	assert_int_equal(give(&s, SOA(7) NS), HF_TRANSFER_MORE);
	hf_sample_begin(&sample, HF_FLAG_QR | HF_RCODE_SERVFAIL, NULL, 0, 0);
	assert_int_equal(
		hf_transfer_message(s.transfer, sample.bytes, sample.w.len), HF_TRANSFER_BROKEN);
	assert_string_equal(hf_transfer_why(s.transfer), "the answer is SERVFAIL");
	end(&s);
}

static void nothing_may_come_behind_the_end(void **state)
{
	struct stream s;
	(void)state;
	assert_int_equal(come(NULL, SOA(7) NS SOA(7) WEB(1), 20), HF_TRANSFER_BROKEN);
	begin(&s, NULL, 20);
	assert_int_equal(give(&s, SOA(7) NS SOA(7)), HF_TRANSFER_WHOLE);
	s.step = HF_TRANSFER_MORE;
	assert_int_equal(give(&s, WEB(1)), HF_TRANSFER_BROKEN);
	end(&s);
}

static void more_records_than_the_zone_may_have_break_a_transfer(void **state)
{
	struct stream s;
	char text[64];
	(void)state;
	begin(&s, NULL, 1);
	give(&s, SOA(7) NS);
	for (int i = 0; i < 2000 && s.step == HF_TRANSFER_MORE; i++) {
		snprintf(text, sizeof text, "h%d A 192.0.2.1\n", i);
		give(&s, text);
	}
	assert_int_equal(s.step, HF_TRANSFER_BROKEN);
	assert_string_equal(hf_transfer_why(s.transfer), "there is more than the zone may have");
	end(&s);
}

static void a_zone_that_is_none_is_told_with_its_fault(void **state)
{
	struct stream s;
	struct hf_zone *zone = NULL;
	bool differences;
	(void)state;
	begin(&s, NULL, 20); /* without NS records */
	assert_int_equal(give(&s, SOA(7) SOA(7)), HF_TRANSFER_WHOLE);
	assert_int_equal(hf_transfer_zone(s.transfer, &zone, &differences), HF_EMALFORMED);
	assert_null(zone);
	assert_string_not_equal(hf_transfer_why(s.transfer), "");
	end(&s);
}

#define T(name) cmocka_unit_test(name)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_whole_zone_comes_in_messages_of_any_size),
		T(the_request_names_what_is_here),
		T(differences_lead_from_what_is_here_to_the_newest),
		T(several_differences_are_applied_one_after_another),
		T(a_difference_may_only_add_or_only_remove),
		T(serials_may_wrap),
		T(differences_asked_for_may_come_as_a_whole_zone),
		T(one_soa_record_says_that_there_is_nothing_newer),
		T(without_the_last_record_nothing_is_whole),
		T(differences_that_do_not_fit_are_asked_for_whole),
		T(what_no_zone_may_have_breaks_a_transfer),
		T(data_that_do_not_fit_their_type_break_a_transfer),
		T(a_message_that_is_no_answer_breaks_a_transfer),
		T(an_error_means_to_ask_for_all_or_that_it_is_refused),
		T(an_error_in_the_middle_breaks_a_transfer),
		T(nothing_may_come_behind_the_end),
		T(more_records_than_the_zone_may_have_break_a_transfer),
		T(a_zone_that_is_none_is_told_with_its_fault),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
