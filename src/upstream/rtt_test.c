/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/rtt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)

static const struct hf_upstream_conf conf = {
	.timeout_min = 20 * HF_MS,
	.timeout_max = 1500 * HF_MS,
};

static void sample(struct hf_rtt *rtt, unsigned times, hf_us took)
{
	while (times--)
		hf_rtt_sample(rtt, took, START);
}

static void the_timeout_follows_the_round_trip_within_bounds(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), 400 * HF_MS);
	sample(&rtt, 100, 30 * HF_MS);
	assert_true(rtt.srtt > 29 * HF_MS && rtt.srtt < 31 * HF_MS);
	/* However steady: half as long again is not late yet. */
	assert_in_range(hf_rtt_timeout(&rtt, &conf), 44 * HF_MS, 47 * HF_MS);
	sample(&rtt, 100, 100);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), conf.timeout_min);
	sample(&rtt, 100, 60 * HF_SECOND);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), conf.timeout_max);
}

static void it_doubles_with_each_loss_in_a_row_and_an_answer_ends_that(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	hf_us now = 0;
	sample(&rtt, 100, 100);
	for (hf_us times = 2; times <= 64; times *= 2, now += HF_SECOND) {
		hf_rtt_lost(&rtt, now, now + HF_SECOND);
		assert_int_equal(hf_rtt_timeout(&rtt, &conf), times * conf.timeout_min);
	}
	for (int i = 0; i < 100; i++, now += HF_SECOND)
		hf_rtt_lost(&rtt, now, now + HF_SECOND);
	assert_true(hf_rtt_timeout(&rtt, &conf) <= conf.timeout_max);
	sample(&rtt, 1, 100);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), conf.timeout_min);
}

static void many_that_are_under_way_when_it_falls_silent_double_it_once(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	sample(&rtt, 100, 100);
	for (hf_us sent = 0; sent < 20 * HF_MS; sent += HF_MS)
		hf_rtt_lost(&rtt, sent, sent + 20 * HF_MS);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), 2 * conf.timeout_min);
	hf_rtt_lost(&rtt, 20 * HF_MS, 60 * HF_MS); /* sent with the longer time-out */
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), 4 * conf.timeout_min);
	sample(&rtt, 1, 100);
	hf_rtt_lost(&rtt, 0, 61 * HF_MS); /* a new row begins with any */
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), 2 * conf.timeout_min);
}

static void a_clock_that_went_back_gives_no_negative_round_trip(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	sample(&rtt, 5, 30 * HF_MS);
	sample(&rtt, 1000, -5 * HF_SECOND);
	assert_true(rtt.srtt > 0 && rtt.rttvar >= 0);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), conf.timeout_min);
	assert_int_equal(hf_rtt_p95(&rtt), HF_MS);
}

static void twenty_samples_make_a_percentile(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	sample(&rtt, 19, 30 * HF_MS);
	assert_int_equal(hf_rtt_p95(&rtt), 0);
	sample(&rtt, 1, 30 * HF_MS);
	/* Never below what was seen, and a fifth above at most. */
	assert_in_range(hf_rtt_p95(&rtt), 30 * HF_MS, 36 * HF_MS);
}

static void one_in_twenty_may_be_slower_than_the_percentile(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	sample(&rtt, 190, 5 * HF_MS);
	sample(&rtt, 10, 300 * HF_MS);
	assert_in_range(hf_rtt_p95(&rtt), 5 * HF_MS, 6 * HF_MS);
	sample(&rtt, 1, 300 * HF_MS);
	assert_in_range(hf_rtt_p95(&rtt), 300 * HF_MS, 360 * HF_MS);
}

static void every_round_trip_has_its_bucket(void **state)
{
	(void)state;
	for (hf_us took = 1; took < 800 * HF_MS; took += took / 7 + 1) {
		struct hf_rtt rtt = {0};
		sample(&rtt, 20, took);
		hf_us most = took + took / 5 + 1; /* four buckets an octave */
		assert_in_range(hf_rtt_p95(&rtt), took, most < HF_MS ? HF_MS : most);
	}
	struct hf_rtt rtt = {0};
	sample(&rtt, 20, 60 * HF_SECOND);
	assert_true(hf_rtt_p95(&rtt) > 800 * HF_MS);
}

static void the_percentile_follows_what_has_changed(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	sample(&rtt, 5000, 200 * HF_MS);
	assert_true(hf_rtt_p95(&rtt) >= 200 * HF_MS);
	sample(&rtt, 2000, 5 * HF_MS);
	assert_true(hf_rtt_p95(&rtt) <= 6 * HF_MS);
	assert_true(rtt.samples <= 512);
}

static void loss_is_the_share_that_was_never_answered(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	for (int i = 0; i < 1000; i++)
		hf_rtt_settle(&rtt, i % 4 != 0, START);
	assert_in_range(rtt.loss, 65536 / 8, 65536 * 3 / 8); /* a quarter, smoothed */
	for (int i = 0; i < 1000; i++)
		hf_rtt_settle(&rtt, false, START);
	assert_in_range(rtt.loss, 65536 * 9 / 10, 65536);
	for (int i = 0; i < 200; i++)
		hf_rtt_settle(&rtt, true, START);
	assert_int_equal(rtt.loss, 0); /* all of it is forgiven in the end */
}

static void what_was_lost_before_it_came_back_is_forgiven(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	sample(&rtt, 20, 30 * HF_MS);
	for (int i = 0; i < 20; i++)
		hf_rtt_settle(&rtt, false, START);
	hf_rtt_forgive(&rtt);
	assert_int_equal(rtt.loss, 0);
	assert_in_range(hf_rtt_rank(&rtt, INT64_MIN, START), 29 * HF_MS, 31 * HF_MS);
}

static void a_lost_message_costs_as_much_time_as_it_takes(void **state)
{
	(void)state;
	struct hf_rtt steady = {0}, lossy = {0};
	sample(&steady, 50, 40 * HF_MS);
	sample(&lossy, 50, 10 * HF_MS);
	assert_true(hf_rtt_rank(&lossy, INT64_MIN, START) < hf_rtt_rank(&steady, INT64_MIN, START));
	for (int i = 0; i < 500; i++)
		hf_rtt_settle(&lossy, i % 5 != 0, START);
	assert_true(hf_rtt_rank(&lossy, INT64_MIN, START) > hf_rtt_rank(&steady, INT64_MIN, START));
	while (lossy.loss < 65000)
		hf_rtt_settle(&lossy, false, START);
	assert_in_range(hf_rtt_rank(&lossy, INT64_MIN, START), HF_RTT_LOSS_COST,
		HF_RTT_LOSS_COST + 11 * HF_MS);
}

static void the_rank_fades_and_nothing_known_is_looked_at_first(void **state)
{
	(void)state;
	struct hf_rtt rtt = {0};
	assert_int_equal(hf_rtt_rank(&rtt, INT64_MIN, START), 0);
	sample(&rtt, 1, 64 * HF_MS);
	for (int minute = 0; minute < 6; minute++)
		assert_int_equal(hf_rtt_rank(&rtt, INT64_MIN, START + minute * 60 * HF_SECOND),
			64 * HF_MS >> minute);
	assert_int_equal(hf_rtt_rank(&rtt, INT64_MIN, START + 7 * 86400 * HF_SECOND), 0);
	assert_int_equal(hf_rtt_rank(&rtt, INT64_MIN, 0), 64 * HF_MS); /* a clock that went back */
	hf_rtt_settle(&rtt, true, START + 60 * HF_SECOND);             /* news */
	assert_int_equal(hf_rtt_rank(&rtt, INT64_MIN, START + 60 * HF_SECOND), 64 * HF_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_timeout_follows_the_round_trip_within_bounds),
		cmocka_unit_test(it_doubles_with_each_loss_in_a_row_and_an_answer_ends_that),
		cmocka_unit_test(many_that_are_under_way_when_it_falls_silent_double_it_once),
		cmocka_unit_test(a_clock_that_went_back_gives_no_negative_round_trip),
		cmocka_unit_test(twenty_samples_make_a_percentile),
		cmocka_unit_test(one_in_twenty_may_be_slower_than_the_percentile),
		cmocka_unit_test(every_round_trip_has_its_bucket),
		cmocka_unit_test(the_percentile_follows_what_has_changed),
		cmocka_unit_test(loss_is_the_share_that_was_never_answered),
		cmocka_unit_test(what_was_lost_before_it_came_back_is_forgiven),
		cmocka_unit_test(a_lost_message_costs_as_much_time_as_it_takes),
		cmocka_unit_test(the_rank_fades_and_nothing_known_is_looked_at_first),
	};
	return cmocka_run_group_tests_name("rtt", tests, NULL, NULL);
}
