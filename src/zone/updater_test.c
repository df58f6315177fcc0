/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/updater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LOOK (300 * HF_SECOND)
#define COMPARE (3600 * HF_SECOND)

static struct hf_updater fresh(void)
{
	struct hf_updater u;
	hf_updater_init(&u, LOOK, COMPARE);
	return u;
}

/* At serial 10 the provider has version 1, and that is known at time 0. */
static struct hf_updater current(void)
{
	struct hf_updater u = fresh();
	assert_int_equal(hf_updater_wanted(&u, 1, 0), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 10, 0), HF_UPDATER_COMPARE);
	assert_int_equal(hf_updater_transferred(&u, 10, 0), HF_UPDATER_SEND);
	assert_int_equal(hf_updater_same(&u, 0, 0), HF_UPDATER_REST);
	assert_true(hf_updater_current(&u));
	return u;
}

static void one_of_whom_nothing_is_known_is_compared(void **state)
{
	struct hf_updater u = current();
	(void)state;
	assert_int_equal(u.due, LOOK);
	assert_int_equal(u.good, 1);
}

static void a_new_version_goes_out_at_once_and_without_a_comparison(void **state)
{
	struct hf_updater u = current();
	(void)state;
	assert_int_equal(hf_updater_wanted(&u, 2, 5), HF_UPDATER_ASK);
	assert_false(hf_updater_current(&u));
	assert_int_equal(hf_updater_said(&u, 10, 5), HF_UPDATER_SEND);
	assert_int_equal(hf_updater_differs(&u, 5), HF_UPDATER_GO);
	assert_int_equal(hf_updater_took(&u, true), HF_UPDATER_ASK);
	assert_false(u.known);
	assert_int_equal(hf_updater_said(&u, 11, 5), HF_UPDATER_REST);
	assert_true(hf_updater_current(&u));
	assert_int_equal(u.theirs, 11);
}

static void several_messages_end_with_a_comparison(void **state)
{
	struct hf_updater u = current();
	(void)state;
	hf_updater_wanted(&u, 2, 5);
	hf_updater_said(&u, 10, 5);
	hf_updater_differs(&u, 5);
	assert_int_equal(hf_updater_took(&u, false), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 11, 5), HF_UPDATER_SEND);
	assert_int_equal(hf_updater_differs(&u, 5), HF_UPDATER_GO);
	assert_int_equal(hf_updater_took(&u, true), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 12, 5), HF_UPDATER_COMPARE);
	assert_int_equal(hf_updater_transferred(&u, 12, 5), HF_UPDATER_SEND);
	assert_int_equal(hf_updater_same(&u, 0, 5), HF_UPDATER_REST);
	assert_true(hf_updater_current(&u));
}

static void another_serial_than_was_known_is_drift(void **state)
{
	struct hf_updater u = current();
	(void)state;
	assert_int_equal(hf_updater_turn(&u, LOOK - 1), HF_UPDATER_REST);
	assert_int_equal(hf_updater_turn(&u, LOOK), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 12, LOOK), HF_UPDATER_COMPARE);
	assert_true(u.drifts);
	assert_int_equal(hf_updater_transferred(&u, 12, LOOK), HF_UPDATER_SEND);
	assert_int_equal(hf_updater_differs(&u, LOOK), HF_UPDATER_GO);
}

static void one_is_compared_now_and_then_whatever_its_serial(void **state)
{
	struct hf_updater u = current();
	(void)state;
	assert_int_equal(hf_updater_turn(&u, COMPARE), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 10, COMPARE), HF_UPDATER_COMPARE);
	hf_updater_transferred(&u, 10, COMPARE);
	assert_int_equal(hf_updater_same(&u, 0, COMPARE), HF_UPDATER_REST);
	assert_int_equal(hf_updater_turn(&u, COMPARE + LOOK), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 10, COMPARE + LOOK), HF_UPDATER_SEND);
}

static void failures_rest_longer_and_longer_whatever_is_wanted(void **state)
{
	struct hf_updater u = current();
	hf_us now = 1, before = 0;
	(void)state;
	hf_updater_wanted(&u, 2, now);
	for (unsigned i = 0; i < 20; i++) {
		assert_int_equal(hf_updater_failed(&u, false, 0, now), HF_UPDATER_REST);
		assert_true(u.due - now >= before && u.due - now <= HF_UPDATER_WAIT_MOST);
		before = u.due - now;
		assert_int_equal(hf_updater_wanted(&u, 3 + i, now), HF_UPDATER_REST);
		assert_int_equal(hf_updater_turn(&u, u.due - 1), HF_UPDATER_REST);
		now = u.due;
		assert_int_equal(hf_updater_turn(&u, now), HF_UPDATER_ASK);
		assert_int_equal(u.aim, 3 + i);
	}
	assert_int_equal(before, HF_UPDATER_WAIT_MOST);
	assert_int_equal(hf_updater_failed(&u, false, UINT32_MAX, now), HF_UPDATER_REST);
	assert_true(u.due - now < HF_UPDATER_WAIT_MOST * 4 / 5); /* jitter */
}

static void what_a_provider_had_is_known_after_a_refusal_and_not_after_silence(void **state)
{
	struct hf_updater u = current();
	(void)state;
	hf_updater_wanted(&u, 2, 1);
	hf_updater_said(&u, 10, 1);
	hf_updater_differs(&u, 1);
	hf_updater_failed(&u, false, 0, 1);
	assert_true(u.known);
	hf_updater_turn(&u, u.due);
	assert_int_equal(hf_updater_said(&u, 10, u.due), HF_UPDATER_SEND);
	hf_updater_differs(&u, u.due);
	hf_updater_failed(&u, true, 0, u.due);
	assert_false(u.known);
	hf_updater_turn(&u, u.due);
	assert_int_equal(hf_updater_said(&u, 10, u.due), HF_UPDATER_COMPARE);
}

static void a_series_that_breaks_off_is_compared(void **state)
{
	struct hf_updater u = current();
	(void)state;
	hf_updater_wanted(&u, 2, 1);
	hf_updater_said(&u, 10, 1);
	hf_updater_differs(&u, 1);
	hf_updater_took(&u, false);
	hf_updater_said(&u, 11, 1);
	hf_updater_failed(&u, false, 0, 1);
	hf_updater_turn(&u, u.due);
	assert_int_equal(hf_updater_said(&u, 11, u.due), HF_UPDATER_COMPARE);
}

static void one_that_is_gone_for_long_is_forgotten(void **state)
{
	struct hf_updater u = current();
	(void)state;
	hf_updater_wanted(&u, 2, 1);
	for (unsigned i = 1; i < HF_UPDATER_FORGET; i++) {
		hf_updater_failed(&u, false, 0, 1);
		assert_true(u.known);
		hf_updater_turn(&u, u.due);
	}
	hf_updater_failed(&u, false, 0, 1);
	assert_false(u.known);
}

static void a_version_that_comes_meanwhile_is_next(void **state)
{
	struct hf_updater u = current();
	(void)state;
	hf_updater_wanted(&u, 2, 1);
	assert_int_equal(hf_updater_wanted(&u, 3, 1), HF_UPDATER_REST);
	hf_updater_said(&u, 10, 1);
	hf_updater_differs(&u, 1);
	hf_updater_took(&u, true);
	assert_int_equal(hf_updater_said(&u, 11, 1), HF_UPDATER_ASK);
	assert_int_equal(u.ours, 2);
	assert_int_equal(u.aim, 3);
	assert_int_equal(hf_updater_said(&u, 11, 1), HF_UPDATER_SEND);
}

static void what_is_not_kept_is_sent_twice_and_then_left_at_that(void **state)
{
	struct hf_updater u = fresh();
	(void)state;
	hf_updater_wanted(&u, 1, 0);
	hf_updater_said(&u, 10, 0);
	for (unsigned i = 0; i < 2; i++) {
		hf_updater_transferred(&u, 10 + i, 0);
		assert_int_equal(hf_updater_differs(&u, 0), HF_UPDATER_GO);
		hf_updater_took(&u, true);
		assert_int_equal(hf_updater_said(&u, 11 + i, 0), HF_UPDATER_COMPARE);
	}
	hf_updater_transferred(&u, 12, 0);
	assert_int_equal(hf_updater_differs(&u, 0), HF_UPDATER_REST);
	assert_true(u.spurns && u.known);
	assert_false(hf_updater_current(&u));
	/* New versions go on. */
	assert_int_equal(hf_updater_wanted(&u, 2, 1), HF_UPDATER_ASK);
	assert_int_equal(hf_updater_said(&u, 12, 1), HF_UPDATER_SEND);
	hf_updater_differs(&u, 1);
	hf_updater_took(&u, true);
	assert_int_equal(hf_updater_said(&u, 13, 1), HF_UPDATER_REST);
	assert_true(u.spurns);
	/* ... and all is well when a comparison says so. */
	hf_updater_turn(&u, COMPARE + LOOK);
	assert_int_equal(hf_updater_said(&u, 13, COMPARE + LOOK), HF_UPDATER_COMPARE);
	hf_updater_transferred(&u, 13, COMPARE + LOOK);
	hf_updater_same(&u, 0, COMPARE + LOOK);
	assert_true(hf_updater_current(&u));
}

static void one_that_cannot_be_guarded_is_compared_each_time(void **state)
{
	struct hf_updater u = current();
	(void)state;
	u.unguarded = true;
	hf_updater_wanted(&u, 2, 1);
	assert_int_equal(hf_updater_said(&u, 10, 1), HF_UPDATER_SEND);
	hf_updater_differs(&u, 1);
	hf_updater_took(&u, true);
	assert_int_equal(hf_updater_said(&u, 11, 1), HF_UPDATER_COMPARE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_of_whom_nothing_is_known_is_compared),
		cmocka_unit_test(a_new_version_goes_out_at_once_and_without_a_comparison),
		cmocka_unit_test(several_messages_end_with_a_comparison),
		cmocka_unit_test(another_serial_than_was_known_is_drift),
		cmocka_unit_test(one_is_compared_now_and_then_whatever_its_serial),
		cmocka_unit_test(failures_rest_longer_and_longer_whatever_is_wanted),
		cmocka_unit_test(
			what_a_provider_had_is_known_after_a_refusal_and_not_after_silence),
		cmocka_unit_test(a_series_that_breaks_off_is_compared),
		cmocka_unit_test(one_that_is_gone_for_long_is_forgotten),
		cmocka_unit_test(a_version_that_comes_meanwhile_is_next),
		cmocka_unit_test(what_is_not_kept_is_sent_twice_and_then_left_at_that),
		cmocka_unit_test(one_that_cannot_be_guarded_is_compared_each_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
