/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/telling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void a_fault_that_goes_on_is_told_with_doubling_pauses_and_none_is_lost(void **state)
{
	struct hf_telling t = {0};
	uint64_t untold, told = 0, counted = 0, last_told = 0;
	const hf_us day = 24 * 3600 * HF_SECOND;
	hf_us last = -HF_TELLING_FIRST, gap = 0;
	(void)state;
	for (hf_us now = 0; now < day; now += 5 * HF_SECOND) {
		if (!hf_telling_fault(&t, 7, now, &untold))
			continue;
		assert_true(now - last >= gap);
		gap = now - last;
		assert_true(gap <= HF_TELLING_MOST + 5 * HF_SECOND);
		last = now;
		told++;
		counted += 1 + untold;
		last_told = (uint64_t)(now / (5 * HF_SECOND)) + 1;
		assert_int_equal(counted, last_told);
	}
	assert_in_range(told, 24, 40);
	assert_int_equal(hf_telling_end(&t), day / (5 * HF_SECOND));
	assert_int_equal(hf_telling_end(&t), 0);
}

static void pauses_double_from_ten_seconds_to_an_hour(void **state)
{
	static const int64_t at[] = {0, 10, 30, 70, 150, 310, 630, 1270, 2550, 5110, 8710, 12310};
	struct hf_telling t = {0};
	uint64_t untold;
	size_t told = 0;
	(void)state;
	for (int64_t now = 0; told < sizeof at / sizeof at[0]; now += 5)
		if (hf_telling_fault(&t, 7, now * HF_SECOND, &untold))
			assert_int_equal(now, at[told++]);
	/* Another begins with the shortest pause again, and so does the same when it has ended. */
	assert_true(hf_telling_fault(&t, 8, 20000 * HF_SECOND, &untold));
	assert_false(hf_telling_fault(&t, 8, 20005 * HF_SECOND, &untold));
	assert_true(hf_telling_fault(&t, 8, 20010 * HF_SECOND, &untold));
	hf_telling_end(&t);
	assert_true(hf_telling_fault(&t, 8, 20011 * HF_SECOND, &untold));
	assert_true(hf_telling_fault(&t, 8, 20021 * HF_SECOND, &untold));
}

static void another_fault_is_told_at_once_with_those_of_before(void **state)
{
	struct hf_telling t = {0};
	uint64_t untold = 99;
	(void)state;
	assert_true(hf_telling_fault(&t, 1, 0, &untold));
	assert_int_equal(untold, 0);
	assert_false(hf_telling_fault(&t, 1, 1, &untold));
	assert_false(hf_telling_fault(&t, 1, 2, &untold));
	assert_true(hf_telling_fault(&t, 2, 3, &untold));
	assert_int_equal(untold, 2);
	assert_false(hf_telling_fault(&t, 2, 4, &untold));
	assert_int_equal(hf_telling_end(&t), 5);
	assert_true(hf_telling_fault(&t, 2, 5, &untold)); /* it has begun anew */
	assert_int_equal(untold, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_fault_that_goes_on_is_told_with_doubling_pauses_and_none_is_lost),
		cmocka_unit_test(pauses_double_from_ten_seconds_to_an_hour),
		cmocka_unit_test(another_fault_is_told_at_once_with_those_of_before),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
