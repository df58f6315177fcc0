/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "upstream/health.h"
#include "upstream/rtt.h"
#include "upstream/select.h"

static const struct hf_upstream_conf conf = {
	.timeout_min = 20 * HF_MS, .timeout_max = 1500 * HF_MS, .failures_to_open = 5,
	.rest_min = 200 * HF_MS, .rest_max = 30 * HF_SECOND,
};

static void lose(struct hf_health *h, unsigned times, hf_us now)
{
	while (times--)
		hf_health_report(h, &conf, HF_OUTCOME_TIMEOUT, now, 0);
}

static void an_upstream_is_rested_after_five_failures_in_a_row(void **state)
{
	(void)state;
	struct hf_health h = { 0 };
	lose(&h, 4, 0);
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
	hf_health_report(&h, &conf, HF_OUTCOME_ANSWERED, 0, 0);
	lose(&h, 4, 0);
	assert_int_equal(hf_health_admit(&h, 0), HF_ADMIT);
	assert_true(hf_health_report(&h, &conf, HF_OUTCOME_UNREACHABLE, 0, 0));
	assert_int_equal(h.state, HF_HEALTH_OPEN);
	assert_int_equal(hf_health_admit(&h, 0), HF_ADMIT_NOT);
}

static void what_we_could_not_send_is_not_held_against_the_upstream(void **state)
{
	(void)state;
	struct hf_health h = { 0 };
	for (int i = 0; i < 100; i++)
		assert_false(hf_health_report(&h, &conf, HF_OUTCOME_UNSENT, 0, 0));
	assert_int_equal(hf_health_admit(&h, 0), HF_ADMIT);
}

static void a_rested_upstream_gets_exactly_one_probe(void **state)
{
	(void)state;
	struct hf_health h = { 0 };
	lose(&h, 5, 0);
	assert_int_equal(hf_health_admit(&h, 99 * HF_MS), HF_ADMIT_NOT);
	assert_int_equal(hf_health_admit(&h, 100 * HF_MS), HF_ADMIT_PROBE);
	hf_health_probe(&h, 500 * HF_MS);
	assert_int_equal(hf_health_admit(&h, 100 * HF_MS), HF_ADMIT_NOT);
	/* If nobody ever says what became of it, another one may go. */
	assert_int_equal(hf_health_admit(&h, 500 * HF_MS), HF_ADMIT_PROBE);
}

static void an_answered_probe_closes_the_circuit_and_forgets(void **state)
{
	(void)state;
	struct hf_health h = { 0 };
	lose(&h, 5, 0);
	hf_health_probe(&h, 500 * HF_MS);
	assert_true(hf_health_report(&h, &conf, HF_OUTCOME_ANSWERED, 0, 0));
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
	assert_int_equal(h.failures, 0);
	assert_int_equal(h.rests, 0);
}

static void rests_double_with_jitter_up_to_the_longest(void **state)
{
	(void)state;
	struct hf_health h = { 0 };
	hf_us now = 0, before = 0;
	lose(&h, 5, now);
	for (int i = 0; i < 20; i++) {
		hf_us rest = h.until - now;
		assert_true(rest >= before && rest <= conf.rest_max);
		before = rest;
		now = h.until;
		hf_health_probe(&h, now + HF_SECOND);
		hf_health_report(&h, &conf, HF_OUTCOME_TIMEOUT, now, 0);
	}
	assert_int_equal(before, conf.rest_max / 2);
	hf_health_probe(&h, now);
	hf_health_report(&h, &conf, HF_OUTCOME_TIMEOUT, now, UINT32_MAX);
	assert_true(h.until - now > conf.rest_max - HF_MS && h.until - now <= conf.rest_max);
}

static void a_late_answer_brings_the_probe_forward(void **state)
{
	(void)state;
	struct hf_health h = { 0 };
	lose(&h, 5, 0);
	assert_int_equal(hf_health_admit(&h, 1), HF_ADMIT_NOT);
	hf_health_report(&h, &conf, HF_OUTCOME_ANSWERED, 1, 0);
	assert_int_equal(hf_health_admit(&h, 1), HF_ADMIT_PROBE);
}

static void the_timeout_follows_the_round_trip_within_bounds(void **state)
{
	(void)state;
	struct hf_rtt rtt = { 0 };
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), 400 * HF_MS);
	for (int i = 0; i < 100; i++)
		hf_rtt_sample(&rtt, 30 * HF_MS, 0);
	assert_true(rtt.srtt > 29 * HF_MS && rtt.srtt < 31 * HF_MS);
	assert_true(hf_rtt_timeout(&rtt, &conf) < 40 * HF_MS);
	for (int i = 0; i < 100; i++)
		hf_rtt_sample(&rtt, 100, 0);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), conf.timeout_min);
	hf_rtt_lost(&rtt);
	assert_int_equal(hf_rtt_timeout(&rtt, &conf), 2 * conf.timeout_min);
	for (int i = 0; i < 100; i++)
		hf_rtt_lost(&rtt);
	assert_true(hf_rtt_timeout(&rtt, &conf) <= conf.timeout_max);
	hf_rtt_sample(&rtt, -5, 0); /* a clock that went back */
	assert_true(rtt.srtt > 0);
}

static struct hf_upstream_state states[3];
static const struct hf_candidate candidates[3] = {
	{ &conf, &states[0] }, { &conf, &states[1] }, { &conf, &states[2] },
};

static struct hf_selection selection(const uint8_t tries[3], bool by_rtt)
{
	return (struct hf_selection){ candidates, 3, tries, 0, by_rtt, 0 };
}

static void the_fastest_or_the_first_listed_is_asked_first(void **state)
{
	(void)state;
	const uint8_t tries[3] = { 0 };
	memset(states, 0, sizeof states);
	for (int i = 0; i < 3; i++)
		hf_rtt_sample(&states[i].rtt, (3 - i) * 10 * HF_MS, 0);
	struct hf_selection s = selection(tries, true);
	assert_int_equal(hf_select(&s), 2);
	s = selection(tries, false);
	assert_int_equal(hf_select(&s), 0);
	/* Seen too long ago, the slow ones get another chance. */
	s = selection(tries, true);
	hf_rtt_sample(&states[2].rtt, 10 * HF_MS, 600 * HF_SECOND);
	s.now = 600 * HF_SECOND;
	assert_int_equal(hf_select(&s), 1);
}

static void a_resting_upstream_waits_until_others_failed_twice(void **state)
{
	(void)state;
	memset(states, 0, sizeof states);
	lose(&states[0].health, 5, 0);
	const uint8_t none[3] = { 0 }, once[3] = { 0, 1, 1 }, twice[3] = { 0, 2, 2 };
	struct hf_selection s = selection(none, false);
	assert_int_equal(hf_select(&s), 1);
	s = selection(once, false);
	assert_int_equal(hf_select(&s), 1);
	s = selection(twice, false);
	assert_int_equal(hf_select(&s), 0);
	s.barred = 7;
	assert_int_equal(hf_select(&s), -1);
}

static void a_probe_goes_only_to_one_whose_rest_is_over(void **state)
{
	(void)state;
	const uint8_t none[3] = { 0 };
	memset(states, 0, sizeof states);
	struct hf_selection s = selection(none, false);
	assert_int_equal(hf_select_probe(&s, 0), -1);
	lose(&states[1].health, 5, 0);
	assert_int_equal(hf_select_probe(&s, 0), -1);
	s.now = HF_SECOND;
	assert_int_equal(hf_select_probe(&s, 0), 1);
	assert_int_equal(hf_select_probe(&s, 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_upstream_is_rested_after_five_failures_in_a_row),
		cmocka_unit_test(what_we_could_not_send_is_not_held_against_the_upstream),
		cmocka_unit_test(a_rested_upstream_gets_exactly_one_probe),
		cmocka_unit_test(an_answered_probe_closes_the_circuit_and_forgets),
		cmocka_unit_test(rests_double_with_jitter_up_to_the_longest),
		cmocka_unit_test(a_late_answer_brings_the_probe_forward),
		cmocka_unit_test(the_timeout_follows_the_round_trip_within_bounds),
		cmocka_unit_test(the_fastest_or_the_first_listed_is_asked_first),
		cmocka_unit_test(a_resting_upstream_waits_until_others_failed_twice),
		cmocka_unit_test(a_probe_goes_only_to_one_whose_rest_is_over),
	};
	return cmocka_run_group_tests_name("upstream", tests, NULL, NULL);
}
