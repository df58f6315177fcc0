/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/readiness.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define S HF_SECOND

static const struct hf_ready_conf defaults = {
	.rise = 1 * S, .fall = 3 * S, .hold = 5 * S, .upstreams = HF_READY_ANY, .held = 100};

static struct hf_readiness machine;
static struct hf_look look;

static void begin(const struct hf_ready_conf *conf)
{
	hf_readiness_init(&machine, conf, 0);
}

static void good(void)
{
	look = (struct hf_look){.routes = 2, .routes_usable = 2};
}

/* No upstream of any route answers, and so many answers are at hand. */
static void dark(uint64_t held)
{
	look = (struct hf_look){.routes = 2, .held = held};
	hf_look_add(&look, HF_REASON_UPSTREAM, HF_REASON_SLOW, "a.", "no upstream answers");
	hf_look_add(&look, HF_REASON_UPSTREAM, HF_REASON_SLOW, "b.", "no upstream answers");
}

static void behind(void)
{
	good();
	hf_look_add(
		&look, HF_REASON_ZONE, HF_REASON_AT_ONCE, "corp.", "serial %d is published", 12);
}

/* What `see` puts down, every 100 ms from..to; the last word. */
static bool watch(void (*see)(void), hf_us from, hf_us to)
{
	for (hf_us now = from; now <= to; now += 100 * HF_MS) {
		see();
		hf_readiness_judge(&machine, &look, now);
	}
	return machine.ready;
}

static void dark_and_empty(void)
{
	dark(0);
}

static void it_is_not_ready_before_rise_has_passed_and_says_so(void **state)
{
	(void)state;
	begin(&defaults);
	good();
	assert_false(hf_readiness_judge(&machine, &look, 0));
	assert_false(machine.ready);
	assert_int_equal(look.reasons[0].kind, HF_REASON_STARTUP);
	good();
	assert_true(hf_readiness_judge(&machine, &look, 1 * S));
	assert_true(machine.ready);
	assert_int_equal(look.reason_count, 0);
	assert_int_equal(machine.since, 1 * S);
}

static void what_could_be_false_withdraws_at_this_very_look(void **state)
{
	(void)state;
	begin(&defaults);
	assert_true(watch(good, 0, 1 * S));
	behind();
	assert_true(hf_readiness_judge(&machine, &look, 1 * S + 1));
	assert_false(machine.ready);
}

static void what_is_missing_withdraws_after_fall_and_hold(void **state)
{
	(void)state;
	begin(&defaults);
	watch(good, 0, 10 * S);
	assert_true(watch(dark_and_empty, 10 * S, 12900 * HF_MS));
	assert_false(watch(dark_and_empty, 13 * S, 13 * S));
}

static void one_good_look_begins_fall_anew(void **state)
{
	(void)state;
	begin(&defaults);
	watch(good, 0, 10 * S);
	watch(dark_and_empty, 10 * S, 12 * S);
	watch(good, 12 * S, 12 * S);
	assert_true(watch(dark_and_empty, 13 * S, 15 * S));
	assert_false(watch(dark_and_empty, 15 * S, 16 * S));
}

static void it_stays_ready_for_hold_though_answers_are_missing(void **state)
{
	(void)state;
	begin(&defaults);
	watch(good, 0, 1 * S);
	assert_true(watch(dark_and_empty, 1 * S + 100 * HF_MS, 5900 * HF_MS));
	assert_false(watch(dark_and_empty, 6 * S, 6100 * HF_MS));
}

static void it_returns_after_rise_and_hold_and_says_what_it_waits_for(void **state)
{
	(void)state;
	begin(&defaults);
	watch(good, 0, 1 * S);
	watch(behind, 2 * S, 2 * S);
	assert_false(watch(good, 2100 * HF_MS, 3 * S));
	assert_int_equal(look.reasons[0].kind, HF_REASON_SETTLING);
	assert_non_null(strstr(look.reasons[0].text, "ready.rise"));
	assert_false(watch(good, 3 * S, 6900 * HF_MS));
	assert_non_null(strstr(look.reasons[0].text, "ready.hold"));
	assert_true(watch(good, 7 * S, 7 * S));
	assert_int_equal(machine.changes, 3);
}

static void two_turns_to_ready_are_never_closer_than_hold(void **state)
{
	(void)state;
	hf_us last = -100 * S;
	begin(&defaults);
	uint32_t dice = 1;
	for (hf_us now = 0; now < 3600 * S; now += 100 * HF_MS) {
		dice = dice * 1664525 + 1013904223;
		if (dice >> 28 == 0)
			behind();
		else if (dice >> 28 < 4)
			dark(0);
		else
			good();
		if (!hf_readiness_judge(&machine, &look, now) || !machine.ready)
			continue;
		assert_true(now - last >= defaults.hold);
		last = now;
	}
	assert_true(machine.changes > 10);
}

static void a_dead_upstream_does_not_withdraw_who_has_enough_to_answer_from(void **state)
{
	(void)state;
	begin(&defaults);
	watch(good, 0, 10 * S);
	for (hf_us now = 10 * S; now < 100 * S; now += S) {
		dark(100);
		hf_readiness_judge(&machine, &look, now);
	}
	assert_true(machine.ready);
	assert_int_equal(look.reason_count, 2);
	assert_int_equal(look.reasons[0].weight, HF_REASON_NOTED);
	for (hf_us now = 100 * S; now < 104 * S; now += S) {
		dark(99);
		hf_readiness_judge(&machine, &look, now);
	}
	assert_false(machine.ready);
}

static void one_usable_route_is_enough_for_any_and_not_for_all(void **state)
{
	(void)state;
	struct hf_ready_conf conf = defaults;
	for (int upstreams = HF_READY_ANY; upstreams <= HF_READY_NONE; upstreams++) {
		conf.upstreams = upstreams;
		begin(&conf);
		watch(good, 0, 10 * S);
		for (hf_us now = 10 * S; now < 20 * S; now += S) {
			dark(0);
			look.reason_count = look.kinds[HF_REASON_UPSTREAM] = 1;
			look.routes_usable = 1;
			hf_readiness_judge(&machine, &look, now);
		}
		assert_int_equal(machine.ready, upstreams != HF_READY_ALL);
	}
}

static void without_a_need_for_upstreams_none_withdraws(void **state)
{
	(void)state;
	struct hf_ready_conf conf = defaults;
	conf.upstreams = HF_READY_NONE;
	begin(&conf);
	assert_true(watch(dark_and_empty, 0, 60 * S));
}

static void no_number_of_answers_counts_if_held_is_none(void **state)
{
	(void)state;
	struct hf_ready_conf conf = defaults;
	conf.held = 0;
	begin(&conf);
	for (hf_us now = 0; now < 10 * S; now += S) {
		dark(UINT64_MAX);
		hf_readiness_judge(&machine, &look, now);
	}
	assert_false(machine.ready);
}

static void reasons_past_the_bound_still_count(void **state)
{
	(void)state;
	begin(&defaults);
	watch(good, 0, 10 * S);
	good();
	for (int i = 0; i < HF_REASONS_MAX; i++)
		hf_look_add(&look, HF_REASON_CLOCK, HF_REASON_NOTED, NULL, "n%d", i);
	hf_look_add(&look, HF_REASON_ZONE, HF_REASON_AT_ONCE, "corp.", "behind");
	assert_int_equal(look.left_out, 1);
	assert_int_equal(look.kinds[HF_REASON_ZONE], 1);
	hf_readiness_judge(&machine, &look, 10 * S);
	assert_false(machine.ready);
}

static void the_weightiest_reason_is_the_one_to_say(void **state)
{
	(void)state;
	good();
	assert_null(hf_look_worst(&look));
	hf_look_add(&look, HF_REASON_CLOCK, HF_REASON_SLOW, NULL, "slow");
	hf_look_add(&look, HF_REASON_ZONE, HF_REASON_AT_ONCE, NULL, "at once");
	hf_look_add(&look, HF_REASON_SIBLING, HF_REASON_AT_ONCE, NULL, "later");
	assert_string_equal(hf_look_worst(&look)->text, "at once");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_not_ready_before_rise_has_passed_and_says_so),
		cmocka_unit_test(what_could_be_false_withdraws_at_this_very_look),
		cmocka_unit_test(what_is_missing_withdraws_after_fall_and_hold),
		cmocka_unit_test(one_good_look_begins_fall_anew),
		cmocka_unit_test(it_stays_ready_for_hold_though_answers_are_missing),
		cmocka_unit_test(it_returns_after_rise_and_hold_and_says_what_it_waits_for),
		cmocka_unit_test(two_turns_to_ready_are_never_closer_than_hold),
		cmocka_unit_test(a_dead_upstream_does_not_withdraw_who_has_enough_to_answer_from),
		cmocka_unit_test(one_usable_route_is_enough_for_any_and_not_for_all),
		cmocka_unit_test(without_a_need_for_upstreams_none_withdraws),
		cmocka_unit_test(no_number_of_answers_counts_if_held_is_none),
		cmocka_unit_test(reasons_past_the_bound_still_count),
		cmocka_unit_test(the_weightiest_reason_is_the_one_to_say),
	};
	return cmocka_run_group_tests_name("readiness", tests, NULL, NULL);
}
