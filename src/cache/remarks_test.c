/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/remarks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int open_remarks(void **state)
{
	struct hf_remarks *remarks;
	if (hf_remarks_new(HF_REMARK_PLACES_MAX, &remarks))
		return -1;
	*state = remarks;
	return 0;
}

static int close_remarks(void **state)
{
	hf_remarks_free(*state);
	return 0;
}

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* Any hash does for the test, such as this one. */
static uint64_t hash_of(const struct hf_name *name)
{
	uint64_t hash = 14695981039346656037u;
	for (unsigned i = 0; i < name->len; i++)
		hash = (hash ^ name->bytes[i]) * 0x100000001b3u;
	return hash;
}

static void note(struct hf_remarks *remarks, const char *text, hf_us end)
{
	struct hf_name name = name_of(text);
	hf_remarks_note(remarks, &name, hash_of(&name), end);
}

static bool itself(const struct hf_remarks *remarks, const char *text, hf_us since)
{
	struct hf_name name = name_of(text);
	return hf_remarks_itself(remarks, hash_of(&name), since);
}

static bool above(const struct hf_remarks *remarks, const char *text, hf_us since)
{
	struct hf_name name = name_of(text);
	return hf_remarks_above(remarks, &name, since);
}

static void of_a_name_that_nobody_spoke_of_nothing_is_known(void **state)
{
	assert_false(itself(*state, "www.shop.example", 0));
	assert_false(above(*state, "www.shop.example", 0));
	assert_false(itself(*state, ".", 0));
}

static void a_remark_is_about_its_name_and_what_is_below(void **state)
{
	note(*state, "shop.example", 5 * HF_SECOND);
	assert_true(itself(*state, "shop.example", 0));
	assert_false(above(*state, "shop.example", 0));
	assert_true(above(*state, "www.shop.example", 0));
	assert_false(itself(*state, "www.shop.example", 0));
	assert_true(above(*state, "a.b.shop.example", 0));
	assert_false(itself(*state, "example", 0));
	assert_false(itself(*state, "shop2.example", 0));
	assert_false(above(*state, "shop.example.net", 0));
}

static void a_remark_about_the_root_is_about_the_root_alone(void **state)
{
	note(*state, ".", 5 * HF_SECOND);
	assert_true(itself(*state, ".", 0));
	assert_false(above(*state, "example", 0));
}

/* Up to its very end, and in the second after it at the longest. */
static void a_remark_counts_until_its_end(void **state)
{
	hf_us end = 100 * HF_SECOND + 7;
	note(*state, "shop.example", end);
	assert_true(itself(*state, "shop.example", end - 1));
	assert_true(itself(*state, "shop.example", end));
	assert_false(itself(*state, "shop.example", end + HF_SECOND));
	note(*state, "shop.example", 50 * HF_SECOND); /* the later end counts */
	assert_true(itself(*state, "shop.example", end));
}

static void instants_at_both_ends_of_time_are_remembered(void **state)
{
	note(*state, "old.example", -1);
	assert_false(itself(*state, "old.example", 0));
	note(*state, "far.example", INT64_MAX);
	assert_true(itself(*state, "far.example", 1000000 * HF_SECOND));
	note(*state, "2106.example", (1ll << 32) * HF_SECOND); /* more seconds than are kept */
	assert_true(itself(*state, "2106.example", 1000000 * HF_SECOND));
}

static void a_name_of_127_labels_has_its_place(void **state)
{
	char text[255] = "";
	for (unsigned i = 0; i < 127; i++)
		memcpy(text + 2 * i, "a.", 3);
	note(*state, text, HF_SECOND);
	assert_true(itself(*state, text, 0));
	assert_false(itself(*state, text + 2, 0));
}

/* What is noted is always found, and few others seem to be. */
static void nothing_that_was_noted_is_ever_missed(void **state)
{
	char text[40];
	unsigned false_alarms = 0;
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "n%u.noted.example", i);
		note(*state, text, HF_SECOND);
	}
	for (unsigned i = 0; i < 1000; i++) {
		snprintf(text, sizeof text, "n%u.noted.example", i);
		assert_true(itself(*state, text, 0));
		snprintf(text, sizeof text, "n%u.other.example", i);
		false_alarms += itself(*state, text, 0);
	}
	assert_in_range(false_alarms, 0, 60);
}

static void the_smallest_table_misses_nothing_and_says_something_too_often(void **state)
{
	(void)state;
	struct hf_remarks *remarks;
	char text[40];
	assert_int_equal(hf_remarks_new(0, &remarks), 0);
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "n%u.noted.example", i);
		note(remarks, text, HF_SECOND);
	}
	for (unsigned i = 0; i < 10000; i++) {
		snprintf(text, sizeof text, "n%u.noted.example", i);
		assert_true(itself(remarks, text, 0));
	}
	hf_remarks_free(remarks);
}

static uint64_t places_for(uint64_t wanted)
{
	struct hf_remarks *remarks;
	assert_int_equal(hf_remarks_new(wanted, &remarks), 0);
	uint64_t places = 1ull << (64 - remarks->shift);
	hf_remarks_free(remarks);
	return places;
}

static void places_are_as_many_as_asked_for_within_both_bounds(void **state)
{
	(void)state;
	assert_int_equal(places_for(0), HF_REMARK_PLACES_MIN);
	assert_int_equal(places_for(HF_REMARK_PLACES_MIN), HF_REMARK_PLACES_MIN);
	assert_int_equal(places_for(HF_REMARK_PLACES_MIN + 1), 2 * HF_REMARK_PLACES_MIN);
	assert_int_equal(places_for(HF_REMARK_PLACES_MAX / 2), HF_REMARK_PLACES_MAX / 2);
	assert_int_equal(places_for(HF_REMARK_PLACES_MAX), HF_REMARK_PLACES_MAX);
	assert_int_equal(places_for(UINT64_MAX), HF_REMARK_PLACES_MAX);
}

/* At a hundredth of them in use, a remark having two: one in thirty or so, with two looks for
 * the names above and one for the name. */
static void names_that_nobody_spoke_of_are_seldom_taken_for_others(void **state)
{
	const unsigned noted = HF_REMARK_PLACES_MAX / 200, asked = 20000;
	char text[40];
	unsigned false_alarms = 0;
	for (unsigned i = 0; i < noted; i++) {
		snprintf(text, sizeof text, "n%u.noted.example", i);
		note(*state, text, HF_SECOND);
	}
	for (unsigned i = 0; i < asked; i++) {
		snprintf(text, sizeof text, "www.n%u.other", i);
		false_alarms += itself(*state, text, 0) || above(*state, text, 0);
	}
	assert_in_range(false_alarms, asked / 100, asked / 25);
}

#define WITH_REMARKS(test) cmocka_unit_test_setup_teardown(test, open_remarks, close_remarks)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_REMARKS(of_a_name_that_nobody_spoke_of_nothing_is_known),
		WITH_REMARKS(a_remark_is_about_its_name_and_what_is_below),
		WITH_REMARKS(a_remark_about_the_root_is_about_the_root_alone),
		WITH_REMARKS(a_remark_counts_until_its_end),
		WITH_REMARKS(instants_at_both_ends_of_time_are_remembered),
		WITH_REMARKS(a_name_of_127_labels_has_its_place),
		WITH_REMARKS(nothing_that_was_noted_is_ever_missed),
		cmocka_unit_test(places_are_as_many_as_asked_for_within_both_bounds),
		WITH_REMARKS(names_that_nobody_spoke_of_are_seldom_taken_for_others),
		cmocka_unit_test(the_smallest_table_misses_nothing_and_says_something_too_often),
	};
	return cmocka_run_group_tests_name("remarks", tests, NULL, NULL);
}
