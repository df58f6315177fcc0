/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/sets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "providers/providers_conf.h"
#include "wire/sample.h"

#define SHOP HF_RAW("\4shop\7example\0")
#define TO_SHOP HF_RAW("\xc0\x0c")

static struct hf_sample s;
static struct hf_message_view view;

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static void read_sample(void)
{
	assert_int_equal(hf_message_read(s.bytes, s.w.len, &view), 0);
}

static struct hf_set set_of(const char *owner, uint16_t type)
{
	struct hf_name name = name_of(owner);
	struct hf_set set;
	assert_int_equal(hf_set_of_message(s.bytes, &view, HF_SET_ANSWER, &name, type, &set), 0);
	return set;
}

static void expect_text(struct hf_set set, const char *text)
{
	char buf[HF_SET_TEXT_MAX];
	assert_string_equal(hf_set_text(&set, buf), text);
	hf_set_clear(&set);
}

static void the_order_of_records_and_their_doubles_do_not_count(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, HF_TYPE_A);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_SHOP, HF_TYPE_A, 60, HF_RAW("\300\0\2\2"));
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_SHOP, HF_TYPE_A, 30, HF_RAW("\300\0\2\1"));
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_SHOP, HF_TYPE_A, 60, HF_RAW("\300\0\2\2"));
	read_sample();
	struct hf_set one = set_of("shop.example", HF_TYPE_A);
	assert_int_equal(one.count, 2);
	assert_int_equal(one.ttl, 30);
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, HF_TYPE_A);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, SHOP, HF_TYPE_A, 30, HF_RAW("\300\0\2\1"));
	hf_sample_record(&s, HF_SAMPLE_ANSWER, SHOP, HF_TYPE_A, 30, HF_RAW("\300\0\2\2"));
	read_sample();
	struct hf_set other = set_of("shop.example", HF_TYPE_A);
	assert_true(hf_set_same(&one, &other));
	hf_set_clear(&one);
	expect_text(other, "192.0.2.1, 192.0.2.2");
}

static void names_in_data_are_the_same_in_any_case_and_compressed_or_not(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, HF_TYPE_MX);
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, TO_SHOP, HF_TYPE_MX, 60, HF_RAW("\0\12\4MAIL\xc0\x0c"));
	read_sample();
	struct hf_set one = set_of("shop.example", HF_TYPE_MX);
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, HF_TYPE_MX);
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, SHOP, HF_TYPE_MX, 60, HF_RAW("\0\12\4mail\4shop\7Example\0"));
	read_sample();
	struct hf_set other = set_of("shop.example", HF_TYPE_MX);
	assert_true(hf_set_same(&one, &other));
	hf_set_clear(&one);
	expect_text(other, "10 mail.shop.example");
}

static void what_does_not_belong_to_owner_type_and_section_is_left_out(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, HF_TYPE_A);
	hf_sample_record(
		&s, HF_SAMPLE_ANSWER, HF_RAW("\3www\xc0\x0c"), HF_TYPE_A, 60, HF_RAW("\300\0\2\1"));
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_SHOP, HF_TYPE_TXT, 60, HF_RAW("\5hello"));
	hf_sample_record(&s, HF_SAMPLE_ADDITIONAL, TO_SHOP, HF_TYPE_A, 60, HF_RAW("\300\0\2\3"));
	read_sample();
	expect_text(set_of("shop.example", HF_TYPE_A), "nothing");
	expect_text(set_of("shop.example", HF_TYPE_TXT), "\"hello\"");
	expect_text(set_of("www.shop.example", HF_TYPE_A), "192.0.2.1");
}

static void what_cannot_be_written_in_words_is_written_in_hex(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, 4711);
	hf_sample_record(&s, HF_SAMPLE_ANSWER, TO_SHOP, 4711, 60, HF_RAW("\1\2\377"));
	read_sample();
	expect_text(set_of("shop.example", 4711), "\\# 3 0102ff");
}

static void a_long_set_is_cut_in_words(void **state)
{
	(void)state;
	hf_sample_begin(&s, HF_FLAG_QR, SHOP, HF_TYPE_A);
	for (uint8_t i = 0; i < 9; i++) {
		uint8_t address[4] = {192, 0, 2, i};
		hf_sample_record(
			&s, HF_SAMPLE_ANSWER, TO_SHOP, HF_TYPE_A, 60, address, sizeof address);
	}
	read_sample();
	expect_text(
		set_of("shop.example", HF_TYPE_A), "192.0.2.0, 192.0.2.1, 192.0.2.2, 192.0.2.3...");
}

static void a_server_is_a_name_an_address_or_both(void **state)
{
	static const struct {
		const char *text;
		bool good, named, placed;
		uint16_t port;
	} rows[] = {
		{"192.0.2.1", true, false, true, 53},
		{"192.0.2.1:5301", true, false, true, 5301},
		{"[2001:db8::1]:5301", true, false, true, 5301},
		{"ns1.example", true, true, false, 0},
		{"ns1.example@192.0.2.1", true, true, true, 53},
		{"ns1.example@[2001:db8::1]:54", true, true, true, 54},
		{"192.0.2.300", false, false, false, 0},
		{"ns1.example@", false, false, false, 0},
		{"@192.0.2.1", false, false, false, 0},
		{"ns1..example", false, false, false, 0},
		{".", false, false, false, 0},
		{"192.0.2.1:0", false, false, false, 0},
	};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
		struct hf_address address;
		struct hf_name name;
		int rc = hf_provider_server_read(rows[i].text, &name, &address);
		print_message("# %s\n", rows[i].text);
		assert_int_equal(rc, rows[i].good ? 0 : HF_ESYNTAX);
		if (rc)
			continue;
		assert_int_equal(name.len > 0, rows[i].named);
		assert_int_equal(hf_address_set(&address), rows[i].placed);
		assert_int_equal(address.port, rows[i].port);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_order_of_records_and_their_doubles_do_not_count),
		cmocka_unit_test(names_in_data_are_the_same_in_any_case_and_compressed_or_not),
		cmocka_unit_test(what_does_not_belong_to_owner_type_and_section_is_left_out),
		cmocka_unit_test(what_cannot_be_written_in_words_is_written_in_hex),
		cmocka_unit_test(a_long_set_is_cut_in_words),
		cmocka_unit_test(a_server_is_a_name_an_address_or_both),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
