/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)

static const struct hf_upstream_conf conf = {
	.failures_to_open = 5,
	.rest_min = 200 * HF_MS,
	.rest_max = 30 * HF_SECOND,
};

static bool report(struct hf_health *h, enum hf_outcome outcome, uint32_t name, hf_us now)
{
	return hf_health_report(
		h, &conf, &(struct hf_health_fact){outcome, false, name, 0, now, false});
}

static bool report_probe(struct hf_health *h, enum hf_outcome outcome, uint32_t dice, hf_us now)
{
	return hf_health_report(h, &conf, &(struct hf_health_fact){outcome, true, 1, dice, now});
}

static bool settle(struct hf_health *h, bool answered, hf_us now)
{
	const enum hf_outcome outcome = answered ? HF_OUTCOME_ANSWERED : HF_OUTCOME_BEATEN;
	return hf_health_settle(h, &conf, &(struct hf_health_fact){outcome, false, 1, 0, now});
}

/* A circuit that has just opened, with a rest that these dice give it. */
static struct hf_health opened(uint32_t dice, hf_us now)
{
	struct hf_health h = {0};
	for (uint32_t i = 0; i < conf.failures_to_open; i++)
		hf_health_report(&h, &conf,
			&(struct hf_health_fact){HF_OUTCOME_UNREACHABLE, false, 1, dice, now});
	assert_int_equal(h.state, HF_HEALTH_OPEN);
	return h;
}

static void a_bad_name_never_trips_an_upstream(void **state)
{
	static const enum hf_outcome outcomes[] = {
		HF_OUTCOME_BEATEN, HF_OUTCOME_SILENT, HF_OUTCOME_GARBAGE};
	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct hf_health h = {0};
		for (int n = 0; n < 100000; n++)
			assert_false(report(&h, outcomes[i], 7 + n % 2, START + n * HF_MS));
		assert_int_equal(hf_health_admit(&h, START), HF_ADMIT);
	}
}

static void who_is_not_believed_once_is_rested_and_one_answer_takes_it_back(void **state)
{
	struct hf_health h = {0};
	(void)state;
	assert_true(report(&h, HF_OUTCOME_UNTRUSTED, 7, START));
	assert_int_equal(h.state, HF_HEALTH_OPEN);
	assert_int_equal(h.cause, HF_OUTCOME_UNTRUSTED);
	assert_string_equal(hf_outcome_text(h.cause), "is not believed");
	hf_health_probe(&h, START + 2 * HF_SECOND, START + HF_SECOND);
	report_probe(&h, HF_OUTCOME_ANSWERED, 0, START + HF_SECOND);
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
}

static void three_names_and_five_failures_in_a_row_do(void **state)
{
	static const enum hf_outcome outcomes[] = {HF_OUTCOME_BEATEN, HF_OUTCOME_GARBAGE};
	(void)state;
	for (unsigned i = 0; i < 2; i++) {
		struct hf_health h = {0};
		for (uint32_t n = 0; n < 4; n++)
			assert_false(report(&h, outcomes[i], n % 3, START));
		assert_true(report(&h, outcomes[i], 2, START));
		assert_int_equal(h.state, HF_HEALTH_OPEN);
		assert_int_equal(h.cause, outcomes[i]);
		assert_int_equal(h.since, START);
	}
}

static void a_third_name_that_comes_late_is_enough(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (int n = 0; n < 50; n++)
		assert_false(report(&h, HF_OUTCOME_BEATEN, n % 2, START));
	assert_true(report(&h, HF_OUTCOME_BEATEN, 2, START));
}

static void one_answer_wipes_out_all_of_it(void **state)
{
	static const enum hf_outcome outcomes[] = {
		HF_OUTCOME_BEATEN, HF_OUTCOME_SILENT, HF_OUTCOME_UNREACHABLE, HF_OUTCOME_GARBAGE};
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		struct hf_health h = {0};
		for (int round = 0; round < 20; round++) {
			hf_us now = START + round * 2 * HF_SECOND;
			for (uint32_t n = 0; n < 4; n++)
				assert_false(report(&h, outcomes[i], n, now));
			assert_false(report(&h, HF_OUTCOME_ANSWERED, 9, now));
		}
	}
}

static void each_kind_of_evidence_is_counted_for_itself(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (uint32_t n = 0; n < 4; n++) {
		assert_false(report(&h, HF_OUTCOME_BEATEN, n, START));
		assert_false(report(&h, HF_OUTCOME_SILENT, n, START));
		assert_false(report(&h, HF_OUTCOME_GARBAGE, n, START));
		assert_false(report(&h, HF_OUTCOME_UNREACHABLE, n, START));
	}
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
}

static bool report_check(struct hf_health *h, enum hf_outcome outcome, hf_us now)
{
	return hf_health_report(
		h, &conf, &(struct hf_health_fact){outcome, false, 4711, 0, now, true});
}

static void silence_has_to_last_a_second(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (uint32_t n = 0; n < 100; n++)
		assert_false(report(&h, HF_OUTCOME_SILENT, n, START + n * 9 * HF_MS));
	assert_false(report_check(&h, HF_OUTCOME_SILENT, START + 900 * HF_MS));
	assert_false(report(&h, HF_OUTCOME_SILENT, 1, START + HF_SECOND - 1));
	assert_true(report(&h, HF_OUTCOME_SILENT, 1, START + HF_SECOND));
	assert_int_equal(h.cause, HF_OUTCOME_SILENT);
}

static void of_one_that_answers_a_check_only_the_names_are_silent(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (uint32_t n = 0; n < 1000; n++) {
		hf_us now = START + n * 20 * HF_MS;
		assert_false(report(&h, HF_OUTCOME_SILENT, n, now));
		if (h.check_due)
			assert_false(report_check(&h, HF_OUTCOME_ANSWERED, now + 5 * HF_MS));
		h.check_due = false;
	}
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
}

static void a_check_is_wished_for_once_a_second_after_five_over_three_names(void **state)
{
	struct hf_health h = {0};
	unsigned checks = 0;
	(void)state;
	for (uint32_t n = 0; n < 300; n++) {
		report(&h, HF_OUTCOME_SILENT, n < 150 ? n % 2 : n, START + n * 10 * HF_MS);
		assert_true(n >= 150 || !h.check_due);
		checks += h.check_due;
		h.check_due = false;
	}
	assert_int_equal(checks, 2);
}

static void silence_that_nobody_could_check_has_to_last_four_seconds(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (uint32_t n = 0; n < 400; n++)
		assert_false(report(&h, HF_OUTCOME_SILENT, n, START + n * 10 * HF_MS));
	assert_true(report(&h, HF_OUTCOME_SILENT, 1, START + 4 * HF_SECOND));
	assert_int_equal(h.cause, HF_OUTCOME_SILENT);
}

static void a_word_to_anybody_ends_a_silence(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (uint32_t n = 0; n < 100; n++) {
		hf_us now = START + n * 300 * HF_MS;
		assert_false(report(&h, HF_OUTCOME_SILENT, n, now));
		assert_false(report(&h, HF_OUTCOME_SILENT, n + 1, now));
		if (n % 3 == 2)
			report(&h, HF_OUTCOME_ANSWERED, 9, now);
	}
}

static void refused_connections_need_no_names(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (int n = 0; n < 4; n++)
		assert_false(report(&h, HF_OUTCOME_UNREACHABLE, 1, START));
	assert_true(report(&h, HF_OUTCOME_UNREACHABLE, 1, START));
	assert_int_equal(h.cause, HF_OUTCOME_UNREACHABLE);
	assert_int_equal(hf_health_admit(&h, START), HF_ADMIT_NOT);
}

static void more_than_half_of_twenty_within_ten_seconds_are_too_many(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (int n = 0; n < 20; n++)
		assert_false(settle(&h, n % 2, START)); /* half is not more than half */
	assert_true(settle(&h, false, START));
	assert_int_equal(h.state, HF_HEALTH_OPEN);
	assert_int_equal(h.cause, HF_OUTCOME_BEATEN);
}

static void nineteen_are_too_few_to_judge_by(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (int n = 0; n < 19; n++)
		assert_false(settle(&h, false, START));
	assert_true(settle(&h, false, START));
}

static void a_share_is_forgotten_after_ten_seconds(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (int n = 0; n < 200; n++) /* never twenty within ten seconds */
		assert_false(settle(&h, false, START + n * 600 * HF_MS));
	/* A clock that went back begins anew, too. */
	assert_false(settle(&h, false, START));
	assert_int_equal(h.window_all, 1);
}

static void what_we_could_not_send_is_not_held_against_the_upstream(void **state)
{
	struct hf_health h = {0};
	(void)state;
	for (uint32_t n = 0; n < 100; n++)
		assert_false(report(&h, HF_OUTCOME_UNSENT, n, START + n * HF_SECOND));
	assert_int_equal(hf_health_admit(&h, START), HF_ADMIT);
	h = opened(0, START);
	hf_health_probe(&h, START + HF_SECOND, START + 500 * HF_MS);
	assert_false(report_probe(&h, HF_OUTCOME_UNSENT, 0, START + 500 * HF_MS));
	assert_int_equal(h.rests, 1);
}

static void a_rested_upstream_gets_exactly_one_probe(void **state)
{
	struct hf_health h = opened(UINT32_MAX, START);
	hf_us end = h.until;
	(void)state;
	assert_int_equal(hf_health_admit(&h, end - 1), HF_ADMIT_NOT);
	assert_int_equal(hf_health_admit(&h, end), HF_ADMIT_PROBE);
	hf_health_probe(&h, end + 400 * HF_MS, end);
	assert_int_equal(h.state, HF_HEALTH_PROBING);
	assert_int_equal(h.since, end);
	assert_int_equal(hf_health_admit(&h, end), HF_ADMIT_NOT);
	/* Whoever comes first when it is late is not its sender. */
	assert_int_equal(hf_health_admit(&h, end + 400 * HF_MS), HF_ADMIT_NOT);
	/* If nobody ever says what became of it, another one may go. */
	hf_us unreported = end + 400 * HF_MS + HF_HEALTH_UNREPORTED;
	assert_int_equal(hf_health_admit(&h, unreported - 1), HF_ADMIT_NOT);
	assert_int_equal(hf_health_admit(&h, unreported), HF_ADMIT_PROBE);
	hf_health_probe(&h, unreported + 400 * HF_MS, unreported);
	assert_int_equal(hf_health_admit(&h, unreported + 399 * HF_MS), HF_ADMIT_NOT);
}

static void an_answered_probe_closes_the_circuit_and_forgets(void **state)
{
	struct hf_health h = opened(0, START);
	(void)state;
	hf_health_probe(&h, START + HF_SECOND, START + 500 * HF_MS);
	assert_true(report_probe(&h, HF_OUTCOME_ANSWERED, 0, START + 510 * HF_MS));
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
	assert_int_equal(h.since, START + 510 * HF_MS);
	assert_int_equal(h.rests, 0);
	for (uint32_t n = 0; n < 4; n++)
		assert_false(report(&h, HF_OUTCOME_UNREACHABLE, n, START + HF_SECOND));
}

static void failures_from_before_do_not_end_a_probe(void **state)
{
	struct hf_health h = opened(0, START);
	(void)state;
	hf_health_probe(&h, START + HF_SECOND, START + 500 * HF_MS);
	for (uint32_t n = 0; n < 100; n++) {
		assert_false(report(&h, HF_OUTCOME_UNREACHABLE, n, START + 510 * HF_MS));
		assert_false(report(&h, HF_OUTCOME_SILENT, n, START + 510 * HF_MS));
		assert_false(settle(&h, false, START + 510 * HF_MS));
	}
	assert_int_equal(h.state, HF_HEALTH_PROBING);
	assert_true(report_probe(&h, HF_OUTCOME_SILENT, 0, START + 900 * HF_MS));
	assert_int_equal(h.state, HF_HEALTH_OPEN);
	assert_int_equal(h.rests, 2);
}

static void failures_while_it_rests_make_the_rest_no_longer(void **state)
{
	struct hf_health h = opened(UINT32_MAX, START);
	hf_us end = h.until;
	(void)state;
	for (uint32_t n = 0; n < 100; n++) {
		assert_false(report(&h, HF_OUTCOME_UNREACHABLE, n, START + HF_MS));
		assert_false(settle(&h, false, START + HF_MS));
	}
	assert_int_equal(h.until, end);
	assert_int_equal(h.rests, 1);
}

/* How long it rests after so many probes were lost. */
static hf_us rest_after(unsigned probes, uint32_t dice)
{
	struct hf_health h = opened(dice, START);
	hf_us now = START;
	for (; probes; probes--) {
		now = h.until;
		hf_health_probe(&h, now + HF_SECOND, now);
		assert_true(report_probe(&h, HF_OUTCOME_SILENT, dice, now));
	}
	return h.until - now;
}

static void rests_have_full_jitter_and_double_up_to_the_longest(void **state)
{
	(void)state;
	for (unsigned n = 0; n < 40; n++) {
		hf_us longest = n < 8 ? conf.rest_min << n : conf.rest_max;
		if (longest > conf.rest_max)
			longest = conf.rest_max;
		/* As short as a moment at first, later half a second at the least ... */
		hf_us least = n < 3 ? 10 * HF_MS : 500 * HF_MS;
		assert_int_equal(rest_after(n, 0), least);
		/* ... as long as the bound, or anything between. */
		assert_in_range(longest - rest_after(n, UINT32_MAX), 0, 1);
		hf_us half = (longest + least) / 2;
		assert_in_range(rest_after(n, 1u << 31), half - HF_MS, half + HF_MS);
	}
}

static void a_late_answer_makes_a_probe_due_at_once(void **state)
{
	struct hf_health h = opened(UINT32_MAX, START);
	(void)state;
	assert_int_equal(hf_health_admit(&h, START + 1), HF_ADMIT_NOT);
	assert_false(report(&h, HF_OUTCOME_ANSWERED, 1, START + 1));
	assert_int_equal(hf_health_admit(&h, START + 1), HF_ADMIT_PROBE);
	/* It is a probe all the same, and a failure rests it for longer than before. */
	hf_health_probe(&h, START + HF_SECOND, START + 1);
	report_probe(&h, HF_OUTCOME_SILENT, UINT32_MAX, START + HF_SECOND);
	assert_in_range(h.until - h.since, 2 * conf.rest_min - 1, 2 * conf.rest_min);
}

static void a_quarantined_upstream_is_only_let_in_by_a_probe(void **state)
{
	struct hf_health h = {.state = HF_HEALTH_QUARANTINED, .until = START};
	(void)state;
	assert_int_equal(hf_health_admit(&h, START - 1), HF_ADMIT_NOT);
	assert_false(report(&h, HF_OUTCOME_ANSWERED, 1, START - 1));
	assert_int_equal(h.state, HF_HEALTH_QUARANTINED);
	assert_int_equal(hf_health_admit(&h, START), HF_ADMIT_PROBE);
	hf_health_probe(&h, START + HF_SECOND, START);
	report_probe(&h, HF_OUTCOME_ANSWERED, 0, START);
	assert_int_equal(h.state, HF_HEALTH_CLOSED);
}

static void every_state_and_outcome_has_its_words(void **state)
{
	(void)state;
	for (int i = 0; i < HF_HEALTH_STATES; i++)
		assert_true(strlen(hf_health_state_name((enum hf_health_state)i)) > 3);
	for (int i = 0; i < HF_OUTCOMES; i++)
		assert_true(strlen(hf_outcome_text((enum hf_outcome)i)) > 3);
	assert_string_equal(hf_health_state_name(HF_HEALTH_STATES), "?");
	assert_string_equal(hf_outcome_text(HF_OUTCOMES), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bad_name_never_trips_an_upstream),
		cmocka_unit_test(who_is_not_believed_once_is_rested_and_one_answer_takes_it_back),
		cmocka_unit_test(three_names_and_five_failures_in_a_row_do),
		cmocka_unit_test(a_third_name_that_comes_late_is_enough),
		cmocka_unit_test(one_answer_wipes_out_all_of_it),
		cmocka_unit_test(each_kind_of_evidence_is_counted_for_itself),
		cmocka_unit_test(silence_has_to_last_a_second),
		cmocka_unit_test(of_one_that_answers_a_check_only_the_names_are_silent),
		cmocka_unit_test(a_check_is_wished_for_once_a_second_after_five_over_three_names),
		cmocka_unit_test(silence_that_nobody_could_check_has_to_last_four_seconds),
		cmocka_unit_test(a_word_to_anybody_ends_a_silence),
		cmocka_unit_test(refused_connections_need_no_names),
		cmocka_unit_test(more_than_half_of_twenty_within_ten_seconds_are_too_many),
		cmocka_unit_test(nineteen_are_too_few_to_judge_by),
		cmocka_unit_test(a_share_is_forgotten_after_ten_seconds),
		cmocka_unit_test(what_we_could_not_send_is_not_held_against_the_upstream),
		cmocka_unit_test(a_rested_upstream_gets_exactly_one_probe),
		cmocka_unit_test(an_answered_probe_closes_the_circuit_and_forgets),
		cmocka_unit_test(failures_from_before_do_not_end_a_probe),
		cmocka_unit_test(failures_while_it_rests_make_the_rest_no_longer),
		cmocka_unit_test(rests_have_full_jitter_and_double_up_to_the_longest),
		cmocka_unit_test(a_late_answer_makes_a_probe_due_at_once),
		cmocka_unit_test(a_quarantined_upstream_is_only_let_in_by_a_probe),
		cmocka_unit_test(every_state_and_outcome_has_its_words),
	};
	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
