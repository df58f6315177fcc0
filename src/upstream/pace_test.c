/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)
#define HALF (500 * HF_MS)
#define QUARTER (250 * HF_MS)

/* Sends so many a second for so many seconds; returns when that ends. */
static hf_us sends(struct hf_pace *pace, unsigned rate, unsigned seconds, hf_us now)
{
	for (unsigned i = 0; i < rate * seconds; i++)
		hf_pace_sent(pace, now + (hf_us)i * HF_SECOND / rate);
	return now + seconds * HF_SECOND;
}

/* Somebody always wants to send; returns how many could until then. */
static unsigned pushed(struct hf_pace *pace, hf_us from, hf_us until)
{
	unsigned sent = 0;
	for (hf_us now = from; now < until; now += 20) {
		if (hf_pace_free(pace, now)) {
			hf_pace_sent(pace, now);
			sent++;
		} else {
			hf_pace_refuse(pace, now);
		}
	}
	return sent;
}

static void in_use_it_sets_no_pace(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	assert_true(hf_pace_free(&pace, START));
	assert_int_equal(hf_pace_rate(&pace, START), 0);
	hf_us now = sends(&pace, 1600, 3, START);
	assert_true(hf_pace_free(&pace, now));
	assert_int_equal(hf_pace_rate(&pace, now), 0);
}

static void it_begins_with_an_eighth_and_doubles_each_quarter_second(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	hf_pace_hold(&pace, now);
	now += 60 * HF_SECOND;
	hf_pace_begin(&pace, 0, now);
	for (unsigned quarter = 0; quarter < 3; quarter++) {
		hf_us at = now + quarter * QUARTER;
		assert_in_range(hf_pace_rate(&pace, at), 224u << quarter, 226u << quarter);
		assert_int_equal(hf_pace_rate(&pace, at), hf_pace_rate(&pace, at + QUARTER - 1));
	}
	/* Up to a little more than it had: there is something to catch up on. */
	for (unsigned quarter = 4; quarter < 16; quarter++) {
		hf_pace_refuse(&pace, now + quarter * QUARTER);
		assert_in_range(hf_pace_rate(&pace, now + quarter * QUARTER), 1790, 1800);
	}
	/* Then twice as much after half a minute, and not before. */
	hf_pace_refuse(&pace, now + 29 * HF_SECOND);
	assert_in_range(hf_pace_rate(&pace, now + 30 * HF_SECOND - 1), 1790, 1800);
	assert_in_range(hf_pace_rate(&pace, now + 30 * HF_SECOND), 3580, 3600);
}

static void no_more_goes_out_than_it_says(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	hf_pace_begin(&pace, 0, now);
	for (unsigned quarter = 0; quarter < 16; quarter++) {
		hf_us from = now + quarter * QUARTER;
		unsigned given = hf_pace_rate(&pace, from) / 4;
		assert_in_range(
			pushed(&pace, from, from + QUARTER), given - given / 10 - 1, given + 2);
	}
}

/* What comes by chance at the rate that it had: as many as so often go elsewhere. */
static unsigned elsewhere(struct hf_pace *pace, unsigned rate, unsigned seconds, hf_us now)
{
	unsigned refused = 0;
	uint64_t dice = 1;
	for (hf_us end = now + seconds * HF_SECOND; now < end; now += HF_MS) {
		dice = dice * 6364136223846793005u + 1442695040888963407u;
		if ((dice >> 33) % 1000 >= rate)
			continue;
		if (hf_pace_free(pace, now))
			hf_pace_sent(pace, now);
		else
			refused++;
	}
	return refused;
}

static void soon_it_has_most_of_what_it_had_though_questions_come_by_chance(void **state)
{
	(void)state;
	for (unsigned rate = 20; rate <= 640; rate *= 2) {
		struct hf_pace pace = {0};
		hf_us now = sends(&pace, rate, 30, START);
		hf_pace_hold(&pace, now);
		hf_pace_begin(&pace, 0, now);
		elsewhere(&pace, rate, 3, now);
		assert_in_range(elsewhere(&pace, rate, 6, now + 3 * HF_SECOND), 0, rate * 6 / 5);
	}
}

static void the_first_seconds_count_as_much_as_any(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1, 1, START); /* a quiet one */
	now = sends(&pace, 100, 9, now);
	hf_pace_hold(&pace, now);
	assert_in_range(pace.rate / 1024, 89, 91);
}

/* Fetches all of its names at once, every ten seconds. */
static struct hf_pace in_waves(unsigned names, unsigned waves, hf_us *now)
{
	struct hf_pace pace = {0};
	for (; waves; waves--, *now += 10 * HF_SECOND)
		for (unsigned i = 0; i < names; i++) {
			hf_pace_sent(&pace, *now + i * HF_MS);
			hf_pace_answered(&pace, *now + i * HF_MS);
		}
	return pace;
}

static void half_of_what_it_carried_in_a_second_is_given_if_the_mean_is_less(void **state)
{
	(void)state;
	/* Wherever a second of the clock begins. */
	for (hf_us at = START; at < START + HF_SECOND; at += 100 * HF_MS) {
		hf_us now = at;
		struct hf_pace pace = in_waves(80, 5, &now);
		assert_in_range(pace.rate / 1024, 6, 10);
		hf_pace_hold(&pace, now);
		hf_pace_begin(&pace, 0, now);
		assert_in_range(hf_pace_rate(&pace, now + HF_SECOND), 39, 40);
	}
}

/* A busy second of one that is asked now and then is chance. */
static void a_busy_second_that_chance_makes_is_no_share(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = START;
	for (unsigned second = 0; second < 60; second++, now += HF_SECOND)
		for (unsigned i = 0; i < (second % 10 == 9 ? 8u : 2u); i++) {
			hf_pace_sent(&pace, now);
			hf_pace_answered(&pace, now);
		}
	assert_in_range(hf_pace_share(&pace), 2 * 1024, 3 * 1024);
}

/* Retries are not held back, and others of a question's first messages give way. */
static void what_no_pace_holds_back_is_paid_for_by_those_who_come_later(void **state)
{
	(void)state;
	for (unsigned also = 0; also <= 1; also++) {
		struct hf_pace pace = {0};
		hf_us now = sends(&pace, 100, 30, START);
		unsigned firsts = 0;
		hf_pace_hold(&pace, now);
		hf_pace_begin(&pace, 0, now);
		now += HF_SECOND;
		for (unsigned i = 0; i < 1000; i++, now += HF_MS) {
			hf_pace_refuse(&pace, now);
			if (also && i % 20 == 0)
				hf_pace_also(&pace, now);
			if (!hf_pace_free(&pace, now))
				continue;
			hf_pace_sent(&pace, now);
			firsts++;
		}
		if (also)
			assert_in_range(firsts, 50, 92);
		else
			assert_in_range(firsts, 105, 140);
	}
}

static void what_it_carried_is_forgotten_after_two_minutes(void **state)
{
	(void)state;
	hf_us now = START;
	struct hf_pace pace = in_waves(80, 5, &now);
	assert_true(hf_pace_share(&pace) > 30 * 1024);
	for (unsigned i = 0; i < 120; i++, now += HF_SECOND) {
		hf_pace_sent(&pace, now);
		hf_pace_answered(&pace, now);
	}
	assert_in_range(hf_pace_share(&pace), 1024 * 9 / 10, 1024 * 3 / 2);
}

static void it_is_crowded_while_somebody_has_had_to_wait(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 100, 30, START);
	assert_false(hf_pace_crowded(&pace, now));
	hf_pace_begin(&pace, 0, now);
	assert_false(hf_pace_crowded(&pace, now + HF_MS));
	hf_pace_refuse(&pace, now + HF_MS);
	assert_true(hf_pace_crowded(&pace, now + HF_SECOND));
	assert_false(hf_pace_crowded(&pace, now + HF_SECOND + HF_MS));
}

static void what_is_saved_is_a_quarter_of_a_second_and_nothing_of_the_outage(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	hf_pace_begin(&pace, 0, now);
	assert_in_range(pushed(&pace, now, now + 1), 0, 0); /* its probe was the first */
	now += 3 * HF_SECOND;
	hf_pace_refuse(&pace, now);
	assert_in_range(pushed(&pace, now, now + 1), 1, 1);
	unsigned at_once = 1;
	for (; hf_pace_free(&pace, now); at_once++)
		hf_pace_sent(&pace, now);
	assert_in_range(at_once, 400, 451); /* of 1,800 a second */
}

static void what_goes_out_under_a_pace_is_no_measure_of_what_is_wanted(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	uint64_t before = pace.rate;
	for (int outage = 0; outage < 20; outage++) {
		hf_pace_begin(&pace, 0, now);
		pushed(&pace, now, now + HF_SECOND);
		now += HF_SECOND;
	}
	assert_int_equal(pace.rate, before);
}

static void it_ends_when_nobody_had_to_wait_for_two_seconds(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	hf_pace_begin(&pace, 0, now);
	hf_pace_refuse(&pace, now + 300 * HF_MS);
	assert_true(hf_pace_rate(&pace, now + 2299 * HF_MS));
	assert_int_equal(hf_pace_rate(&pace, now + 2300 * HF_MS), 0);
	assert_true(hf_pace_free(&pace, now + 2300 * HF_MS));
	/* Who is told to wait later does not bring it back. */
	hf_pace_refuse(&pace, now + 2400 * HF_MS);
	assert_int_equal(hf_pace_rate(&pace, now + 2400 * HF_MS), 0);
}

static void it_ends_after_a_minute_whoever_waits(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	hf_pace_begin(&pace, 0, now);
	for (hf_us t = 0; t < 60 * HF_SECOND; t += 100 * HF_MS)
		hf_pace_refuse(&pace, now + t);
	assert_true(hf_pace_rate(&pace, now + 60 * HF_SECOND - 1));
	assert_int_equal(hf_pace_rate(&pace, now + 60 * HF_SECOND), 0);
}

static void the_rate_is_that_before_the_outage_however_long_that_lasted(void **state)
{
	(void)state;
	for (hf_us outage = HF_SECOND; outage < 86400 * HF_SECOND; outage *= 10) {
		struct hf_pace pace = {0};
		hf_us now = sends(&pace, 800, 60, START);
		hf_pace_hold(&pace, now);
		hf_pace_sent(&pace, now + outage / 2); /* what is tried meanwhile is not counted */
		hf_pace_begin(&pace, 0, now + outage);
		assert_in_range(hf_pace_rate(&pace, now + outage), 111, 113);
	}
}

static void hours_without_a_question_are_a_rate_too(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 16000, 10, START);
	hf_pace_sent(&pace, now + 3 * 3600 * HF_SECOND);
	now += 3 * 3600 * HF_SECOND + HF_SECOND;
	hf_pace_hold(&pace, now);
	hf_pace_begin(&pace, 0, now);
	assert_in_range(hf_pace_rate(&pace, now), 1, 16);
}

static void one_that_is_asked_now_and_then_is_not_shut_out(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	for (int i = 0; i < 100; i++)
		hf_pace_sent(&pace, START + i * 10 * HF_SECOND);
	hf_us now = START + 1000 * HF_SECOND;
	hf_pace_begin(&pace, 0, now);
	assert_int_equal(hf_pace_rate(&pace, now), 1);
	hf_pace_sent(&pace, now);
	assert_false(hf_pace_free(&pace, now));
	assert_true(hf_pace_free(&pace, now + 2 * HF_SECOND));
}

static void one_of_which_nothing_is_known_is_given_little_and_not_held_to_it(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_pace_begin(&pace, 0, START);
	assert_int_equal(hf_pace_rate(&pace, START), 16);
	for (unsigned half = 0; half < 100; half++) {
		hf_pace_refuse(&pace, START + half * HALF);
		assert_true(hf_pace_rate(&pace, START + half * HALF) >= 16);
	}
	assert_true(hf_pace_rate(&pace, START + 49 * HF_SECOND) > 1000000);
}

static void a_clock_that_goes_back_does_not_stop_it_for_long(void **state)
{
	(void)state;
	struct hf_pace pace = {0};
	hf_us now = sends(&pace, 1600, 30, START);
	hf_pace_begin(&pace, 0, now);
	assert_true(hf_pace_rate(&pace, now - 50 * HF_SECOND) <= 1800);
	now = sends(&pace, 1600, 70, START - 50 * HF_SECOND);
	assert_true(hf_pace_free(&pace, now + 60 * HF_SECOND));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_use_it_sets_no_pace),
		cmocka_unit_test(it_begins_with_an_eighth_and_doubles_each_quarter_second),
		cmocka_unit_test(no_more_goes_out_than_it_says),
		cmocka_unit_test(soon_it_has_most_of_what_it_had_though_questions_come_by_chance),
		cmocka_unit_test(the_first_seconds_count_as_much_as_any),
		cmocka_unit_test(half_of_what_it_carried_in_a_second_is_given_if_the_mean_is_less),
		cmocka_unit_test(what_it_carried_is_forgotten_after_two_minutes),
		cmocka_unit_test(a_busy_second_that_chance_makes_is_no_share),
		cmocka_unit_test(what_no_pace_holds_back_is_paid_for_by_those_who_come_later),
		cmocka_unit_test(it_is_crowded_while_somebody_has_had_to_wait),
		cmocka_unit_test(what_is_saved_is_a_quarter_of_a_second_and_nothing_of_the_outage),
		cmocka_unit_test(what_goes_out_under_a_pace_is_no_measure_of_what_is_wanted),
		cmocka_unit_test(it_ends_when_nobody_had_to_wait_for_two_seconds),
		cmocka_unit_test(it_ends_after_a_minute_whoever_waits),
		cmocka_unit_test(the_rate_is_that_before_the_outage_however_long_that_lasted),
		cmocka_unit_test(hours_without_a_question_are_a_rate_too),
		cmocka_unit_test(one_that_is_asked_now_and_then_is_not_shut_out),
		cmocka_unit_test(one_of_which_nothing_is_known_is_given_little_and_not_held_to_it),
		cmocka_unit_test(a_clock_that_goes_back_does_not_stop_it_for_long),
	};
	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
