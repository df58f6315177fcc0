/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/testimony.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sample.h"

#define WWW "\3www\7example\0"
#define QUESTION HF_RAW("\xc0\x0c")

static struct hf_sample sample;

static void begin(unsigned rcode, uint16_t type)
{
	hf_sample_begin(&sample, (uint16_t)(HF_FLAG_QR | rcode), HF_RAW(WWW), type);
}

static struct hf_testimony heard(uint16_t type)
{
	struct hf_question question = { .type = type, .class = HF_CLASS_IN };
	struct hf_message_view view;
	struct hf_testimony t;
	question.name.len = sizeof WWW - 1;
	memcpy(question.name.bytes, WWW, sizeof WWW - 1);
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	hf_testimony_read(&question, sample.bytes, &view, &t);
	return t;
}

static void address(const uint8_t *owner, size_t len, const char *bytes, uint32_t ttl)
{
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, owner, len, HF_TYPE_A, ttl, (const uint8_t *)bytes, 4);
}

static void the_order_of_addresses_and_their_ttl_do_not_matter(void **state)
{
	(void)state;
	begin(0, HF_TYPE_A);
	address(QUESTION, "\xc0\0\2\1", 300);
	address(QUESTION, "\xc0\0\2\2", 60);
	struct hf_testimony a = heard(HF_TYPE_A);
	begin(0, HF_TYPE_A);
	address(QUESTION, "\xc0\0\2\2", 10);
	address(QUESTION, "\xc0\0\2\1", 20);
	address(QUESTION, "\xc0\0\2\1", 20);
	struct hf_testimony b = heard(HF_TYPE_A);
	assert_int_equal(a.count, 2);
	assert_int_equal(a.ttl, 60);
	assert_int_equal(b.count, 2);
	assert_true(hf_testimony_same(&a, &b));
	assert_int_equal(hf_testimony_shared(&a, &b), 2);
}

static void an_address_more_or_another_is_another_answer(void **state)
{
	(void)state;
	begin(0, HF_TYPE_A);
	address(QUESTION, "\xc0\0\2\1", 300);
	struct hf_testimony one = heard(HF_TYPE_A);
	address(QUESTION, "\xc0\0\2\2", 300);
	struct hf_testimony two = heard(HF_TYPE_A);
	begin(0, HF_TYPE_A);
	address(QUESTION, "\xc0\0\2\3", 300);
	struct hf_testimony other = heard(HF_TYPE_A);
	assert_false(hf_testimony_same(&one, &two));
	assert_int_equal(hf_testimony_shared(&one, &two), 1);
	assert_false(hf_testimony_same(&one, &other));
	assert_int_equal(hf_testimony_shared(&one, &other), 0);
}

static void aliases_are_followed_in_whatever_order_they_stand(void **state)
{
	(void)state;
	begin(0, HF_TYPE_A);
	address(HF_RAW("\1b\3cdn\0"), "\xc0\0\2\1", 300);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, HF_RAW("\1A\3cdn\0"), HF_TYPE_CNAME, 300,
		HF_RAW("\1b\3cdn\0"));
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_CNAME, 300, HF_RAW("\1a\3CDN\0"));
	struct hf_testimony t = heard(HF_TYPE_A);
	assert_int_equal(t.aliases, 2);
	assert_int_equal(t.owner.len, 7);
	assert_memory_equal(t.owner.bytes, "\1b\3cdn\0", 7);
	assert_false(t.denial);
}

static void a_loop_of_aliases_ends(void **state)
{
	(void)state;
	begin(0, HF_TYPE_A);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_CNAME, 300, QUESTION);
	struct hf_testimony t = heard(HF_TYPE_A);
	assert_true(t.denial);
	assert_int_equal(t.count, 0);
}

static void the_hints_of_https_are_addresses(void **state)
{
	static const uint8_t rdata[] = "\0\1\0"
		"\0\1\0\3\2h2"
		"\0\4\0\10\xc0\0\2\1\xc0\0\2\2"
		"\0\6\0\20\x20\1\xd\xb8\0\0\0\0\0\0\0\0\0\0\0\1";
	(void)state;
	begin(0, HF_TYPE_HTTPS);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_HTTPS, 300, rdata, sizeof rdata - 1);
	struct hf_testimony t = heard(HF_TYPE_HTTPS);
	assert_int_equal(t.count, 3);
	assert_int_equal(t.addresses[0].bytes[0], 0x20);
}

static void https(const char *target, size_t len)
{
	uint8_t rdata[2 + HF_NAME_MAX] = {0, 1};
	memcpy(rdata + 2, target, len);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_HTTPS, 300, rdata,
		(uint16_t)(2 + len));
}

static void who_serves_instead_is_a_target_and_the_name_itself_is_none(void **state)
{
	(void)state;
	begin(0, HF_TYPE_HTTPS);
	https("\0", 1);
	https("\3WWW\7example\0", 13);
	struct hf_testimony own = heard(HF_TYPE_HTTPS);
	assert_int_equal(own.targets_len, 0);
	https("\3CDN\7example\0", 13);
	struct hf_testimony other = heard(HF_TYPE_HTTPS);
	assert_int_equal(other.targets_len, 13);
	assert_memory_equal(other.targets, "\3cdn\7example", 13);
	assert_false(hf_testimony_same(&own, &other));
}

static void more_targets_than_there_is_room_for_are_told(void **state)
{
	(void)state;
	begin(0, HF_TYPE_HTTPS);
	for (int i = 0; i < HF_TESTIMONY_TARGETS / 13 + 1; i++)
		https("\3cdn\7example\0", 13);
	assert_true(heard(HF_TYPE_HTTPS).more);
}

static void hints_that_run_past_their_record_are_none(void **state)
{
	(void)state;
	begin(0, HF_TYPE_HTTPS);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_HTTPS, 300,
		HF_RAW("\0\1\0\0\4\0\10\xc0\0\2\1"));
	assert_int_equal(heard(HF_TYPE_HTTPS).count, 0);
}

static void a_denial_is_one_of_the_name_or_of_the_type(void **state)
{
	(void)state;
	begin(HF_RCODE_NXDOMAIN, HF_TYPE_A);
	hf_sample_record(&sample, HF_SAMPLE_AUTHORITY, HF_RAW("\0"), HF_TYPE_SOA, 60,
		HF_RAW("\0\0\x77\x35\x94\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1"));
	struct hf_testimony name = heard(HF_TYPE_A);
	begin(0, HF_TYPE_A);
	struct hf_testimony type = heard(HF_TYPE_A);
	assert_true(name.denial && type.denial);
	assert_false(hf_testimony_same(&name, &type));
	assert_true(name.has_serial);
	assert_int_equal(name.serial, 2000000001);
	assert_false(type.has_serial);
}

static void too_many_addresses_are_told_of(void **state)
{
	(void)state;
	begin(0, HF_TYPE_A);
	for (int i = 0; i <= HF_TESTIMONY_ADDRESSES; i++)
		address(QUESTION, (const char[]){ 10, 0, 0, (char)i }, 60);
	struct hf_testimony t = heard(HF_TYPE_A);
	assert_int_equal(t.count, HF_TESTIMONY_ADDRESSES);
	assert_true(t.more);
	assert_false(hf_testimony_same(&t, &t));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_addresses_and_their_ttl_do_not_matter),
		cmocka_unit_test(an_address_more_or_another_is_another_answer),
		cmocka_unit_test(aliases_are_followed_in_whatever_order_they_stand),
		cmocka_unit_test(a_loop_of_aliases_ends),
		cmocka_unit_test(the_hints_of_https_are_addresses),
		cmocka_unit_test(who_serves_instead_is_a_target_and_the_name_itself_is_none),
		cmocka_unit_test(more_targets_than_there_is_room_for_are_told),
		cmocka_unit_test(hints_that_run_past_their_record_are_none),
		cmocka_unit_test(a_denial_is_one_of_the_name_or_of_the_type),
		cmocka_unit_test(too_many_addresses_are_told_of),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
