/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/beside.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sample.h"

#define WWW "\3www\7example\0"
#define DB HF_RAW("\2db\7example\0")
#define QUESTION HF_RAW("\xc0\x0c")
#define GOOD "\x0a\0\x08\1"
#define BAD "\xc0\0\2\x42"

static struct hf_sample sample;
static struct hf_arena arena;
static struct hf_expect_table *table;

/* Of db.example addresses in 10.0.8.0/24 are expected. */
static int build(void **state)
{
	static struct hf_prefix within;
	static struct hf_expectation db;
	static struct hf_truth_conf conf;
	const struct hf_hash_key key = {1, 2};
	(void)state;
	assert_int_equal(hf_prefix_parse("10.0.8.0/24", &within), 0);
	db = (struct hf_expectation){.addresses = {&within, 1}, .agree = "none"};
	assert_int_equal(hf_name_from_text("db.example", 10, &db.name), 0);
	conf = (struct hf_truth_conf){.expectations = &db, .expectation_count = 1};
	hf_arena_init(&arena, 0);
	assert_int_equal(hf_expect_table_build(&arena, &key, &conf, &table), 0);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	hf_arena_clear(&arena);
	return 0;
}

static void begin(uint16_t type)
{
	hf_sample_begin(&sample, HF_FLAG_QR, HF_RAW(WWW), type);
}

static void address(int section, const uint8_t *owner, size_t len, const char *bytes)
{
	hf_sample_record(&sample, section, owner, len, HF_TYPE_A, 60, (const uint8_t *)bytes, 4);
}

static bool breaks(uint16_t type, struct hf_beside *ret)
{
	struct hf_question question = {.type = type, .class = HF_CLASS_IN};
	struct hf_message_view view;
	question.name.len = sizeof WWW - 1;
	memcpy(question.name.bytes, WWW, sizeof WWW - 1);
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	return hf_beside_breaks(table, &question, sample.bytes, &view, ret);
}

static void what_is_expected_of_a_name_holds_by_way_of_an_alias_too(void **state)
{
	struct hf_beside beside;
	(void)state;
	for (int bad = 0; bad <= 1; bad++) {
		begin(HF_TYPE_A);
		hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_CNAME, 60, DB);
		address(HF_SAMPLE_ANSWER, HF_RAW("\2DB\7Example\0"), bad ? BAD : GOOD);
		assert_int_equal(breaks(HF_TYPE_A, &beside), bad);
	}
	assert_true(beside.answer);
	assert_int_equal(beside.evidence.lie, HF_LIE_ADDRESS);
	assert_memory_equal(beside.evidence.address.bytes, BAD, 4);
}

static void an_address_beside_the_answer_is_held_against_its_own_name(void **state)
{
	struct hf_beside beside;
	(void)state;
	begin(HF_TYPE_MX);
	hf_sample_record(
		&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_MX, 60, HF_RAW("\0\1\2db\7example\0"));
	address(HF_SAMPLE_ADDITIONAL, HF_RAW("\4mail\7example\0"), BAD);
	address(HF_SAMPLE_ADDITIONAL, DB, GOOD);
	assert_false(breaks(HF_TYPE_MX, &beside));
	address(HF_SAMPLE_ADDITIONAL, DB, BAD);
	assert_true(breaks(HF_TYPE_MX, &beside));
	assert_false(beside.answer);
}

static void names_of_which_nothing_is_expected_may_have_any_address(void **state)
{
	struct hf_beside beside;
	(void)state;
	begin(HF_TYPE_A);
	address(HF_SAMPLE_ANSWER, QUESTION, BAD);
	assert_false(breaks(HF_TYPE_A, &beside));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			what_is_expected_of_a_name_holds_by_way_of_an_alias_too, build, clear),
		cmocka_unit_test_setup_teardown(
			an_address_beside_the_answer_is_held_against_its_own_name, build, clear),
		cmocka_unit_test_setup_teardown(
			names_of_which_nothing_is_expected_may_have_any_address, build, clear),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
