/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "upstream/fair.h"

#define BULK 0x1234567890abcdefull

static uint64_t client(uint64_t i)
{
	return (i + 1) * 0x9e3779b97f4a7c15ull;
}

static void who_is_alone_is_not_heavy(void **state)
{
	(void)state;
	struct hf_fair f = {0};
	for (int i = 0; i < 100000; i++) {
		assert_false(hf_fair_heavy(&f, BULK, i * HF_MS));
		hf_fair_draw(&f, BULK, i * HF_MS);
	}
}

static void who_asks_most_is_heavy_as_soon_as_another_wants_one(void **state)
{
	(void)state;
	struct hf_fair f = {0};
	for (int i = 0; i < 100; i++)
		hf_fair_draw(&f, BULK, 0);
	hf_fair_want(&f, client(1), HF_MS);
	assert_true(hf_fair_heavy(&f, BULK, HF_MS));
	assert_false(hf_fair_heavy(&f, client(1), HF_MS));
	assert_false(hf_fair_heavy(&f, client(2), HF_MS));
}

static void those_who_take_alike_are_not_heavy(void **state)
{
	(void)state;
	struct hf_fair f = {0};
	for (uint64_t i = 0; i < 200; i++)
		for (uint64_t who = 0; who < 5; who++)
			hf_fair_draw(&f, client(who), (hf_us)i * 10 * HF_MS);
	for (uint64_t who = 0; who < 5; who++)
		assert_false(hf_fair_heavy(&f, client(who), 2 * HF_SECOND));
}

static void what_was_taken_is_soon_forgotten(void **state)
{
	(void)state;
	struct hf_fair f = {0};
	for (int i = 0; i < 10000; i++)
		hf_fair_draw(&f, BULK, 0);
	hf_fair_want(&f, client(1), 0);
	assert_true(hf_fair_heavy(&f, BULK, 0));
	for (int i = 0; i < 20; i++)
		hf_fair_draw(&f, client(1), 12 * HF_SECOND);
	assert_false(hf_fair_heavy(&f, BULK, 12 * HF_SECOND));
	assert_true(hf_fair_heavy(&f, client(1), 12 * HF_SECOND + HF_MS) ==
		    hf_fair_heavy(&f, client(1), 12 * HF_SECOND));
}

static void a_thousand_clients_are_hardly_ever_taken_for_the_heavy_one(void **state)
{
	(void)state;
	unsigned wrong = 0;
	for (uint64_t i = 0; i < 1000; i++) {
		struct hf_fair f = {0};
		for (int n = 0; n < 1000; n++)
			hf_fair_draw(&f, BULK, 0);
		hf_fair_want(&f, client(i), 0);
		wrong += hf_fair_heavy(&f, client(i), 0);
		assert_true(hf_fair_heavy(&f, BULK, 0) || wrong);
	}
	assert_true(wrong <= 2);
}

static void strange_clocks_do_no_harm(void **state)
{
	(void)state;
	struct hf_fair f = {0};
	hf_fair_draw(&f, BULK, INT64_MAX / 4);
	hf_fair_draw(&f, BULK, -INT64_MAX / 4);
	hf_fair_want(&f, client(1), -INT64_MAX / 4 + HF_SECOND);
	assert_false(hf_fair_heavy(&f, client(1), 0));
	assert_false(hf_fair_heavy(&f, BULK, HF_SECOND)); /* forgotten */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_alone_is_not_heavy),
		cmocka_unit_test(who_asks_most_is_heavy_as_soon_as_another_wants_one),
		cmocka_unit_test(those_who_take_alike_are_not_heavy),
		cmocka_unit_test(what_was_taken_is_soon_forgotten),
		cmocka_unit_test(a_thousand_clients_are_hardly_ever_taken_for_the_heavy_one),
		cmocka_unit_test(strange_clocks_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
