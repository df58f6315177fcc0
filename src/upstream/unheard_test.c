/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/unheard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)

static bool may(const struct hf_unheard *u, hf_us now)
{
	return hf_unheard_when(u, 0, now) <= now;
}

/* As many as want to go, one a millisecond. */
static unsigned let_out(struct hf_unheard *u, hf_us from, hf_us until)
{
	unsigned n = 0;
	for (hf_us now = from; now < until; now += HF_MS) {
		if (!may(u, now))
			continue;
		hf_unheard_sent(u, 0, now);
		n++;
	}
	return n;
}

static void the_first_moment_is_free(void **state)
{
	struct hf_unheard u = {0};
	(void)state;
	assert_int_equal(let_out(&u, START, START + 200 * HF_MS), 200);
	assert_false(may(&u, START + 200 * HF_MS));
}

static void after_it_four_a_second_are_let_out(void **state)
{
	struct hf_unheard u = {0};
	(void)state;
	let_out(&u, START, START + 200 * HF_MS);
	assert_in_range(let_out(&u, START + 200 * HF_MS, START + 5200 * HF_MS), 18, 21);
}

static void what_the_first_moment_left_may_go_at_once(void **state)
{
	struct hf_unheard u = {0};
	(void)state;
	hf_unheard_sent(&u, 0, START);
	assert_int_equal(let_out(&u, START + 300 * HF_MS, START + 310 * HF_MS), 4);
	assert_false(may(&u, START + 310 * HF_MS));
}

static void the_instant_that_is_told_is_the_first_that_may(void **state)
{
	struct hf_unheard u = {0};
	(void)state;
	let_out(&u, START, START + 250 * HF_MS);
	const hf_us now = START + 250 * HF_MS, when = hf_unheard_when(&u, 0, now);
	assert_true(when > now);
	assert_false(may(&u, when - 1));
	assert_true(may(&u, when));
}

static void who_was_sent_nothing_for_ten_seconds_begins_anew(void **state)
{
	struct hf_unheard u = {0};
	(void)state;
	let_out(&u, START, START + HF_SECOND);
	hf_us later = u.last + 10 * HF_SECOND;
	assert_int_equal(let_out(&u, later - 1, later - 1 + 100 * HF_MS), 4);
	later = u.last + 10 * HF_SECOND;
	assert_int_equal(let_out(&u, later, later + 100 * HF_MS), 100);
}

/* One client's job asks for names that nobody answers, all the time. */
static void the_first_question_of_each_client_goes_at_once(void **state)
{
	const uint64_t job = 0x9e3779b97f4a7c15;
	struct hf_unheard u = {0};
	unsigned firsts = 0;
	(void)state;
	let_out(&u, START, START + 250 * HF_MS);
	const hf_us now = START + 250 * HF_MS;
	hf_unheard_sent(&u, job, now);
	assert_true(hf_unheard_when(&u, job, now) > now);
	for (unsigned i = 2; i < 1000; i++) {
		if (hf_unheard_when(&u, i * job, now) > now)
			continue;
		hf_unheard_sent(&u, i * job, now);
		assert_true(hf_unheard_when(&u, i * job, now) > now);
		firsts++;
	}
	assert_in_range(firsts, 200, HF_UNHEARD_CLIENTS);
}

static void a_clock_that_goes_back_begins_anew(void **state)
{
	struct hf_unheard u = {0};
	(void)state;
	let_out(&u, START, START + HF_SECOND);
	assert_true(may(&u, START - HF_SECOND));
	assert_int_equal(let_out(&u, START - HF_SECOND, START - 900 * HF_MS), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_moment_is_free),
		cmocka_unit_test(after_it_four_a_second_are_let_out),
		cmocka_unit_test(what_the_first_moment_left_may_go_at_once),
		cmocka_unit_test(the_instant_that_is_told_is_the_first_that_may),
		cmocka_unit_test(who_was_sent_nothing_for_ten_seconds_begins_anew),
		cmocka_unit_test(the_first_question_of_each_client_goes_at_once),
		cmocka_unit_test(a_clock_that_goes_back_begins_anew),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
