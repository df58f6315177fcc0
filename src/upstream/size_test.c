/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/size.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)
#define MEMORY (600 * HF_SECOND)

static const struct hf_upstream_conf conf = {.edns_size = 1232};

static bool lose(struct hf_size *size, uint16_t octets, uint32_t name, hf_us now)
{
	return hf_size_lost(size, &conf, octets, name, now);
}

static void at_first_it_is_what_the_operator_says(void **state)
{
	(void)state;
	struct hf_size size = {0};
	assert_int_equal(hf_size_edns(&size, &conf, START), 1232);
	hf_size_arrived(&size, 300, START);
	assert_int_equal(hf_size_edns(&size, &conf, START), 1232);
}

static void two_names_lost_for_their_size_limit_it_to_what_arrives(void **state)
{
	(void)state;
	struct hf_size size = {0};
	hf_size_arrived(&size, 800, START);
	hf_size_arrived(&size, 100, START);
	assert_false(lose(&size, 1100, 1, START));
	assert_int_equal(hf_size_edns(&size, &conf, START), 1232);
	assert_true(lose(&size, 1200, 2, START + HF_SECOND));
	assert_int_equal(hf_size_edns(&size, &conf, START + HF_SECOND), 800);
}

static void one_name_however_often_is_one_name(void **state)
{
	(void)state;
	struct hf_size size = {0};
	for (int i = 0; i < 1000; i++)
		assert_false(lose(&size, 1200, 1, START + i * HF_SECOND));
	assert_int_equal(hf_size_edns(&size, &conf, START), 1232);
}

static void two_losses_a_minute_apart_are_two_accidents(void **state)
{
	(void)state;
	struct hf_size size = {0};
	for (uint32_t i = 0; i < 100; i++)
		assert_false(lose(&size, 1200, i, START + i * 60 * HF_SECOND));
	assert_true(lose(&size, 1200, 100, START + 99 * 60 * HF_SECOND + 59 * HF_SECOND));
}

static void what_always_gets_through_is_asked_for_in_any_case(void **state)
{
	(void)state;
	struct hf_size size = {0};
	hf_size_arrived(&size, 60, START);
	lose(&size, 1200, 1, START);
	assert_true(lose(&size, 1200, 2, START));
	assert_int_equal(hf_size_edns(&size, &conf, START), 512);
}

static void a_loss_that_size_does_not_explain_is_none(void **state)
{
	(void)state;
	struct hf_size size = {0};
	hf_size_arrived(&size, 1000, START);
	for (uint32_t name = 0; name < 100; name++) {
		assert_false(lose(&size, 512, name, START));  /* small */
		assert_false(lose(&size, 1000, name, START)); /* as large has arrived */
		assert_false(lose(&size, 1233, name, START)); /* would have come truncated */
		assert_false(lose(&size, 65000, name, START));
	}
	assert_int_equal(hf_size_edns(&size, &conf, START), 1232);
}

static void a_limit_that_is_still_too_high_is_lowered_by_one_loss(void **state)
{
	(void)state;
	struct hf_size size = {0};
	hf_size_arrived(&size, 900, START);
	lose(&size, 1200, 1, START);
	lose(&size, 1200, 2, START);
	assert_int_equal(hf_size_edns(&size, &conf, START), 900);
	/* What arrived was long ago, and the limit was found again since. */
	size.largest_until = START;
	hf_size_arrived(&size, 700, START + HF_SECOND);
	assert_true(lose(&size, 850, 3, START + HF_SECOND));
	assert_int_equal(hf_size_edns(&size, &conf, START + HF_SECOND), 700);
}

static void the_limit_is_forgotten_after_ten_minutes(void **state)
{
	(void)state;
	struct hf_size size = {0};
	lose(&size, 1200, 1, START);
	lose(&size, 1200, 2, START);
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY - 1), 512);
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY), 1232);
}

static void after_that_two_names_are_needed_again(void **state)
{
	(void)state;
	struct hf_size size = {0};
	lose(&size, 1200, 1, START);
	lose(&size, 1200, 2, START);
	assert_false(lose(&size, 1200, 3, START + MEMORY));
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY), 1232);
	assert_true(lose(&size, 1200, 4, START + MEMORY));
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY), 512);
}

static void what_arrived_is_forgotten_too(void **state)
{
	(void)state;
	struct hf_size size = {0};
	hf_size_arrived(&size, 1200, START);
	hf_size_arrived(&size, 600, START + MEMORY); /* the path has changed meanwhile */
	lose(&size, 1200, 1, START + MEMORY);
	assert_true(lose(&size, 1200, 2, START + MEMORY));
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY), 600);
}

static void a_limit_is_never_more_than_the_operator_says(void **state)
{
	const struct hf_upstream_conf small = {.edns_size = 512};
	(void)state;
	struct hf_size size = {0};
	hf_size_arrived(&size, 1100, START);
	lose(&size, 1200, 1, START);
	lose(&size, 1200, 2, START);
	assert_int_equal(hf_size_edns(&size, &small, START), 512); /* after a reload */
}

static void without_edns_is_new_once_and_forgotten_after_ten_minutes(void **state)
{
	(void)state;
	struct hf_size size = {0};
	assert_true(hf_size_plain(&size, START));
	assert_false(hf_size_plain(&size, START + 10 * HF_SECOND));
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY + 10 * HF_SECOND - 1), 0);
	assert_int_equal(hf_size_edns(&size, &conf, START + MEMORY + 10 * HF_SECOND), 1232);
	assert_true(hf_size_plain(&size, START + MEMORY + 10 * HF_SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(at_first_it_is_what_the_operator_says),
		cmocka_unit_test(two_names_lost_for_their_size_limit_it_to_what_arrives),
		cmocka_unit_test(one_name_however_often_is_one_name),
		cmocka_unit_test(two_losses_a_minute_apart_are_two_accidents),
		cmocka_unit_test(what_always_gets_through_is_asked_for_in_any_case),
		cmocka_unit_test(a_loss_that_size_does_not_explain_is_none),
		cmocka_unit_test(a_limit_that_is_still_too_high_is_lowered_by_one_loss),
		cmocka_unit_test(the_limit_is_forgotten_after_ten_minutes),
		cmocka_unit_test(after_that_two_names_are_needed_again),
		cmocka_unit_test(what_arrived_is_forgotten_too),
		cmocka_unit_test(a_limit_is_never_more_than_the_operator_says),
		cmocka_unit_test(without_edns_is_new_once_and_forgotten_after_ten_minutes),
	};
	return cmocka_run_group_tests_name("size", tests, NULL, NULL);
}
