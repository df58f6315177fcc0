/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/memory.h"
#include "upstream/select.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/check.h"

#define START (1000 * HF_SECOND)
#define LATER (77 * HF_SECOND) /* on the clock of the next process */
#define HOUR (3600 * HF_SECOND)

static const struct hf_upstream_conf conf = {
	.timeout_min = 20 * HF_MS,
	.timeout_max = 1500 * HF_MS,
	.failures_to_open = 1,
	.rest_min = 200 * HF_MS,
	.rest_max = 30 * HF_SECOND,
	.edns_size = 1232,
	.infer_cap = true,
};
static const struct hf_memory_gap at_once = {0, false};

/* An upstream over a restart: to octets and back. */
static bool restart(const struct hf_upstream_state *state, const struct hf_memory_gap *gap,
	struct hf_upstream_state *ret)
{
	uint8_t octets[HF_MEMORY_OCTETS];
	struct hf_writer w = hf_writer(octets, sizeof octets);
	const struct hf_upstream_memory memory = hf_upstream_remember(state, START);
	struct hf_upstream_memory read;
	assert_true(hf_upstream_memory_put(&w, &memory));
	struct hf_reader r = hf_reader(octets, w.len);
	assert_true(hf_upstream_memory_get(&r, &read));
	assert_int_equal(hf_reader_left(&r), 0);
	*ret = (struct hf_upstream_state){0};
	return hf_upstream_recall(&read, gap, &conf, LATER, ret);
}

static bool restart_path(
	const struct hf_path *path, const struct hf_memory_gap *gap, struct hf_path *ret)
{
	uint8_t octets[HF_MEMORY_OCTETS];
	struct hf_writer w = hf_writer(octets, sizeof octets);
	const struct hf_path_memory memory = hf_path_remember(path, START);
	struct hf_path_memory read;
	assert_true(hf_path_memory_put(&w, &memory));
	struct hf_reader r = hf_reader(octets, w.len);
	assert_true(hf_path_memory_get(&r, &read));
	assert_int_equal(hf_reader_left(&r), 0);
	*ret = (struct hf_path){0};
	return hf_path_recall(&read, gap, &conf, LATER, ret);
}

static void open_circuit(struct hf_health *h, hf_us now)
{
	const struct hf_health_fact fact = {
		.outcome = HF_OUTCOME_UNREACHABLE, .dice = UINT32_MAX, .now = now};
	while (h->state != HF_HEALTH_OPEN)
		hf_health_report(h, &conf, &fact);
}

static struct hf_upstream_state resting(hf_us rest)
{
	struct hf_upstream_state state = {.answered = START - HF_SECOND};
	open_circuit(&state.health, START);
	state.health.until = START + rest;
	state.health.rests = 5;
	return state;
}

/* ---- circuits ---- */

static void an_open_circuit_stays_open_for_what_is_left_of_its_rest(void **state)
{
	(void)state;
	const struct hf_upstream_state before = resting(8 * HF_SECOND);
	const struct hf_memory_gap gap = {3 * HF_SECOND, false};
	struct hf_upstream_state after;
	assert_true(restart(&before, &gap, &after));
	assert_int_equal(after.health.state, HF_HEALTH_OPEN);
	assert_int_equal(after.health.cause, HF_OUTCOME_UNREACHABLE);
	assert_int_equal(after.health.rests, 5);
	assert_int_equal(after.health.since, LATER - 3 * HF_SECOND);
	assert_int_equal(hf_health_admit(&after.health, LATER + 5 * HF_SECOND - 1), HF_ADMIT_NOT);
	assert_int_equal(hf_health_admit(&after.health, LATER + 5 * HF_SECOND), HF_ADMIT_PROBE);
}

static void a_rest_that_ended_meanwhile_asks_for_a_probe_and_an_answer_closes_it(void **state)
{
	(void)state;
	const struct hf_upstream_state before = resting(8 * HF_SECOND);
	const struct hf_memory_gap gap = {10 * HF_SECOND, false};
	struct hf_upstream_state after;
	assert_true(restart(&before, &gap, &after));
	assert_int_equal(hf_health_admit(&after.health, LATER), HF_ADMIT_PROBE);
	hf_health_probe(&after.health, LATER + HF_SECOND, LATER);
	const struct hf_health_fact fact = {
		.outcome = HF_OUTCOME_ANSWERED, .probe = true, .now = LATER};
	assert_true(hf_health_report(&after.health, &conf, &fact));
	assert_int_equal(after.health.state, HF_HEALTH_CLOSED);
}

static void a_probe_that_died_with_the_process_is_due_again(void **state)
{
	(void)state;
	struct hf_upstream_state before = resting(0), after;
	hf_health_probe(&before.health, START + HF_SECOND, START);
	assert_true(restart(&before, &at_once, &after));
	assert_int_equal(after.health.state, HF_HEALTH_OPEN);
	/* Not at once: of what was sent in the last moments nothing may be written. */
	assert_int_equal(hf_health_admit(&after.health, LATER + HF_SECOND - 1), HF_ADMIT_NOT);
	assert_true(hf_rest_end_alone(&after.health) >= LATER + HF_SECOND);
	assert_int_equal(hf_health_admit(&after.health, LATER + HF_SECOND), HF_ADMIT_PROBE);
	const struct hf_memory_gap longer = {3 * HF_SECOND, false};
	assert_true(restart(&before, &longer, &after));
	assert_int_equal(hf_health_admit(&after.health, LATER), HF_ADMIT_PROBE);
}

static void no_rest_is_longer_than_rest_max_whatever_the_octets_say(void **state)
{
	(void)state;
	const struct hf_upstream_state before = resting(40 * 24 * HOUR);
	struct hf_upstream_state after;
	assert_true(restart(&before, &at_once, &after));
	assert_int_equal(hf_health_admit(&after.health, LATER + conf.rest_max), HF_ADMIT_PROBE);
}

static void what_counted_against_one_in_use_is_forgotten(void **state)
{
	(void)state;
	struct hf_upstream_state before = {.answered = START}, after;
	before.health.run[HF_OUTCOME_SILENT] = 4;
	before.health.failing = START - HF_SECOND;
	assert_true(restart(&before, &at_once, &after));
	assert_int_equal(after.health.state, HF_HEALTH_CLOSED);
	assert_int_equal(after.health.run[HF_OUTCOME_SILENT], 0);
	assert_int_equal(after.health.failing, 0);
}

/* ---- pace ---- */

static struct hf_upstream_state busy(unsigned per_second)
{
	struct hf_upstream_state state = {.answered = START};
	for (hf_us s = 60; s > 0; s--)
		for (unsigned i = 0; i < per_second; i++)
			hf_pace_sent(&state.pace, START - s * HF_SECOND);
	return state;
}

static void after_a_restart_in_an_outage_the_return_is_as_slow_as_without(void **state)
{
	(void)state;
	struct hf_upstream_state before = busy(1600), after;
	open_circuit(&before.health, START);
	hf_pace_hold(&before.pace, START);
	const struct hf_memory_gap gap = {HOUR, false};
	assert_true(restart(&before, &gap, &after));
	hf_pace_sent(&after.pace, LATER + HF_SECOND); /* a probe is no measure */
	hf_pace_begin(&after.pace, 0, LATER + 2 * HF_SECOND);
	uint32_t given = hf_pace_rate(&after.pace, LATER + 2 * HF_SECOND);
	hf_pace_begin(&before.pace, 0, START);
	assert_int_equal(given, hf_pace_rate(&before.pace, START));
	assert_in_range(given, 220, 226);
}

static void a_slow_return_that_was_under_way_begins_anew(void **state)
{
	(void)state;
	struct hf_upstream_state before = busy(1600), after;
	hf_pace_hold(&before.pace, START);
	hf_pace_begin(&before.pace, 0, START - HF_SECOND);
	assert_true(restart(&before, &at_once, &after));
	assert_in_range(hf_pace_rate(&after.pace, LATER), 215, 226);
	const struct hf_memory_gap gap = {60 * HF_SECOND, false};
	assert_true(restart(&before, &gap, &after));
	assert_int_equal(hf_pace_rate(&after.pace, LATER), 0);
}

static void the_rate_of_one_in_use_fades_without_a_server_as_when_idle(void **state)
{
	(void)state;
	struct hf_upstream_state before = busy(1600), after;
	const struct hf_memory_gap gap = {HOUR, false};
	assert_true(restart(&before, &gap, &after));
	hf_pace_sent(&after.pace, LATER);
	assert_int_equal(after.pace.rate, 0);
}

/* ---- caps ---- */

static struct hf_upstream_state capped(enum hf_cap_phase phase)
{
	return (struct hf_upstream_state){
		.answered = START,
		.cap = {.phase = phase,
			.begun = true,
			.since = START,
			.limit = 1000,
			.found = 1000,
			.full = 980,
			.full_then = 980},
	};
}

static void a_known_cap_goes_on_as_known(void **state)
{
	(void)state;
	static const enum hf_cap_phase phases[] = {HF_CAP_KNOWN, HF_CAP_CHECK};
	for (size_t i = 0; i < HF_COUNT_OF(phases); i++) {
		struct hf_upstream_state before = capped(phases[i]), after;
		assert_true(restart(&before, &at_once, &after));
		assert_int_equal(hf_cap_found(&after.cap), 1000);
		assert_int_equal(hf_cap_limit(&after.cap), 950);
		/* All that is sent is answered: it stays. */
		for (hf_us t = 0; t < 20 * HF_SECOND; t += HF_MS) {
			hf_cap_sent(&after.cap, 1, LATER + t);
			hf_cap_replied(&after.cap, LATER + t, LATER + t + 10);
			assert_int_equal(hf_cap_step(&after.cap, LATER + t + 20), HF_CAP_SAME);
		}
		assert_int_equal(hf_cap_found(&after.cap), 1000);
	}
}

static void a_trial_ends_with_the_process(void **state)
{
	(void)state;
	struct hf_upstream_state before = capped(HF_CAP_HOLD), after;
	before.cap.found = 0;
	assert_true(restart(&before, &at_once, &after));
	assert_int_equal(after.cap.phase, HF_CAP_WATCH);
	assert_int_equal(hf_cap_limit(&after.cap), 0);
}

static void a_cap_is_not_held_to_when_the_operator_does_not_want_it(void **state)
{
	(void)state;
	struct hf_upstream_state before = capped(HF_CAP_KNOWN), after = {.limit = 0};
	const struct hf_upstream_memory memory = hf_upstream_remember(&before, START);
	struct hf_upstream_conf other = conf;
	other.infer_cap = false;
	assert_true(hf_upstream_recall(&memory, &at_once, &other, LATER, &after));
	assert_int_equal(hf_cap_limit(&after.cap), 0);
}

/* ---- sizes ---- */

static struct hf_upstream_state narrow(void)
{
	struct hf_upstream_state state = {.answered = START};
	hf_size_arrived(&state.size, 800, START - 100 * HF_SECOND);
	hf_size_lost(&state.size, &conf, 1200, 1, START - 100 * HF_SECOND);
	hf_size_lost(&state.size, &conf, 1200, 2, START - 100 * HF_SECOND);
	return state;
}

static void a_size_limit_holds_for_what_is_left_of_its_time(void **state)
{
	(void)state;
	const struct hf_upstream_state before = narrow();
	const struct hf_memory_gap gap = {200 * HF_SECOND, false};
	const hf_us rest = HF_SIZE_MEMORY - 300 * HF_SECOND;
	struct hf_upstream_state after;
	assert_true(restart(&before, &gap, &after));
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER + rest - 1), 800);
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER + rest), 1232);
}

static void one_without_edns_is_asked_so_for_what_is_left_of_its_time(void **state)
{
	(void)state;
	struct hf_upstream_state before = {.answered = START}, after;
	hf_size_plain(&before.size, START);
	assert_true(restart(&before, &at_once, &after));
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER + HF_SIZE_MEMORY - 1), 0);
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER + HF_SIZE_MEMORY), 1232);
	const struct hf_memory_gap gap = {HF_SIZE_MEMORY, false};
	assert_true(restart(&before, &gap, &after));
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER), 1232);
}

static void what_was_learnt_after_the_writer_looked_at_the_clock_reads_all_the_same(void **state)
{
	(void)state;
	struct hf_upstream_state before = {.answered = START}, after;
	hf_size_plain(&before.size, START + 5 * HF_MS);
	hf_size_arrived(&before.size, 1400, START + 5 * HF_MS);
	assert_true(restart(&before, &at_once, &after));
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER), 0);
}

/* ---- what begins anew ---- */

static void nothing_saved_comes_back(void **state)
{
	(void)state;
	struct hf_upstream_state before = {.answered = START, .in_flight = 7, .drain = 9}, after;
	const struct hf_retry_conf retry = {10, 1};
	for (int i = 0; i < 10000; i++)
		hf_retry_earn(&before.retry, &retry, START);
	assert_true(restart(&before, &at_once, &after));
	assert_true(hf_retry_take(&after.retry, &retry, LATER));
	assert_false(hf_retry_take(&after.retry, &retry, LATER));
	assert_int_equal(after.in_flight, 0);
	assert_int_equal(after.drain, 0);
}

static void of_one_never_used_there_is_nothing_to_remember(void **state)
{
	(void)state;
	const struct hf_upstream_state upstream = {0};
	const struct hf_path path = {0};
	assert_int_equal(hf_upstream_touched(&upstream), 0);
	assert_int_equal(hf_path_touched(&path), 0);
}

/* ---- paths ---- */

static struct hf_path known_path(void)
{
	struct hf_path path = {.asked = START - HF_SECOND};
	for (hf_us i = 0; i < 700; i++)
		hf_rtt_sample(&path.rtt, 30 * HF_MS + i % 40 * HF_MS, START - 2 * HF_SECOND);
	for (unsigned i = 0; i < 8; i++)
		hf_rtt_settle(&path.rtt, i % 4 != 0, START - 2 * HF_SECOND);
	hf_rtt_lost(&path.rtt, START - 2 * HF_SECOND, START - HF_SECOND);
	return path;
}

static void round_trips_loss_and_percentile_of_a_path_are_what_they_were(void **state)
{
	(void)state;
	struct hf_path before = known_path(), after;
	const struct hf_memory_gap gap = {30 * HF_SECOND, false};
	assert_true(restart_path(&before, &gap, &after));
	assert_true(hf_rtt_p95(&before.rtt) > 0);
	assert_int_equal(hf_rtt_p95(&after.rtt), hf_rtt_p95(&before.rtt));
	assert_int_equal(hf_rtt_rank(&after.rtt, INT64_MIN, LATER),
		hf_rtt_rank(&before.rtt, INT64_MIN, START + 30 * HF_SECOND));
	before.rtt.backoff = 0;
	assert_int_equal(hf_rtt_timeout(&after.rtt, &conf), hf_rtt_timeout(&before.rtt, &conf));
	assert_int_equal(after.asked, LATER - 31 * HF_SECOND);
	assert_memory_equal(after.rtt.buckets, before.rtt.buckets, sizeof before.rtt.buckets);
	assert_int_equal(after.rtt.samples, before.rtt.samples);
}

static void a_path_has_a_circuit_of_its_own(void **state)
{
	(void)state;
	struct hf_path before = known_path(), after;
	open_circuit(&before.health, START);
	before.health.until = START + 9 * HF_SECOND;
	assert_true(restart_path(&before, &at_once, &after));
	assert_int_equal(hf_health_admit(&after.health, LATER), HF_ADMIT_NOT);
	assert_int_equal(hf_health_admit(&after.health, LATER + 9 * HF_SECOND), HF_ADMIT_PROBE);
}

/* ---- time ---- */

static void what_is_a_day_old_is_dropped(void **state)
{
	(void)state;
	const struct hf_upstream_state before = narrow();
	const struct hf_path path = known_path();
	struct hf_upstream_state after;
	struct hf_path path_after;
	struct hf_memory_gap gap = {24 * HOUR - 10 * HF_SECOND, false};
	assert_true(restart(&before, &gap, &after));
	assert_true(restart_path(&path, &gap, &path_after));
	gap.passed = 24 * HOUR + HF_MS;
	assert_false(restart(&before, &gap, &after));
	assert_false(restart_path(&path, &gap, &path_after));
	assert_int_equal(hf_path_touched(&path_after), 0);
}

static void age_goes_on_over_many_restarts(void **state)
{
	(void)state;
	struct hf_path path = known_path();
	const struct hf_memory_gap gap = {HOUR, false};
	struct hf_path next;
	unsigned restarts = 0;
	for (hf_us now = START; restarts < 100; restarts++, now = LATER) {
		const struct hf_path_memory memory = hf_path_remember(&path, now);
		next = (struct hf_path){0};
		if (!hf_path_recall(&memory, &gap, &conf, LATER, &next))
			break;
		path = next;
	}
	assert_int_equal(restarts, 23); /* it was a second old to begin with */
}

static void when_nobody_knows_how_long_it_was_only_what_does_no_harm_is_kept(void **state)
{
	(void)state;
	struct hf_upstream_state before = narrow(), after;
	const struct hf_memory_gap gap = {0, true};
	struct hf_path path = known_path(), path_after;
	open_circuit(&before.health, START);
	before.health.until = START + 20 * HF_SECOND;
	before.cap = capped(HF_CAP_KNOWN).cap;
	before.pace = busy(1600).pace;
	assert_true(restart(&before, &gap, &after));
	assert_int_equal(hf_cap_limit(&after.cap), 0);
	assert_int_equal(after.pace.rate, 0);
	assert_int_equal(hf_size_edns(&after.size, &conf, LATER), 800);
	assert_int_equal(hf_health_admit(&after.health, LATER), HF_ADMIT_PROBE);
	assert_true(restart_path(&path, &gap, &path_after));
	assert_int_equal(hf_rtt_p95(&path_after.rtt), hf_rtt_p95(&path.rtt));
}

static void the_later_memory_counts_in_whatever_order_they_come(void **state)
{
	(void)state;
	struct hf_path first = known_path(), second = first, into = {0};
	second.asked = START;
	hf_rtt_sample(&second.rtt, 900 * HF_MS, START);
	const struct hf_path_memory old = hf_path_remember(&first, START);
	const struct hf_path_memory new = hf_path_remember(&second, START);
	assert_true(hf_path_recall(&new, &at_once, &conf, LATER, &into));
	assert_false(hf_path_recall(&old, &at_once, &conf, LATER, &into));
	assert_int_equal(into.rtt.srtt, second.rtt.srtt);
	into = (struct hf_path){0};
	assert_true(hf_path_recall(&old, &at_once, &conf, LATER, &into));
	assert_true(hf_path_recall(&new, &at_once, &conf, LATER, &into));
	assert_int_equal(into.rtt.srtt, second.rtt.srtt);
}

static void on_a_machine_just_started_instants_before_its_zero_do_no_harm(void **state)
{
	(void)state;
	struct hf_path path = known_path(), after = {0};
	const struct hf_path_memory memory = hf_path_remember(&path, START);
	const struct hf_memory_gap gap = {2 * HOUR, false};
	assert_true(hf_path_recall(&memory, &gap, &conf, HF_SECOND, &after));
	assert_int_not_equal(hf_path_touched(&after), 0);
	assert_true(hf_path_remember(&after, HF_SECOND).age >= 2 * HOUR);
	after = (struct hf_path){0};
	const struct hf_memory_gap exact = {2 * HF_SECOND, false}; /* at the clock's very zero */
	assert_true(hf_path_recall(&memory, &exact, &conf, 3 * HF_SECOND, &after));
	assert_int_not_equal(hf_path_touched(&after), 0);
}

/* ---- octets ---- */

static void what_cannot_have_been_is_malformed(void **state)
{
	(void)state;
	const struct hf_upstream_memory good = {.age = HF_SECOND, .cap = 100, .cap_full = 1000};
	const struct hf_path path = known_path();
	const struct hf_path_memory good_path = hf_path_remember(&path, START);
	struct hf_upstream_memory bad[8];
	struct hf_path_memory bad_path[8];
	for (size_t i = 0; i < 8; i++) {
		bad[i] = good;
		bad_path[i] = good_path;
	}
	bad[0].cap_full = 1001;
	bad[1].cap_full = 0;
	bad[2].cap = UINT32_MAX;
	bad[3].pace = UINT64_MAX;
	bad[4].size_limit = 511;
	bad[5].plain_left = HF_SIZE_MEMORY + HF_MS;
	bad[6].circuit.cause = HF_OUTCOMES;
	bad[7].circuit.left = -1;
	bad_path[0].rtt.srtt = HOUR;
	bad_path[1].rtt.rttvar = HOUR;
	bad_path[2].rtt.loss = 65537;
	bad_path[3].rtt.buckets[7] = 600;
	bad_path[4].rtt.srtt = 0;
	bad_path[5].age = -1;
	bad_path[6].circuit.rests = 200;
	bad_path[7].circuit.since = -1;
	for (size_t i = 0; i < 8; i++) {
		uint8_t octets[HF_MEMORY_OCTETS];
		struct hf_writer w = hf_writer(octets, sizeof octets);
		assert_true(hf_upstream_memory_put(&w, &bad[i]));
		struct hf_reader r = hf_reader(octets, w.len);
		assert_false(hf_upstream_memory_get(&r, &bad[i]));
		w = hf_writer(octets, sizeof octets);
		assert_true(hf_path_memory_put(&w, &bad_path[i]));
		r = hf_reader(octets, w.len);
		assert_false(hf_path_memory_get(&r, &bad_path[i]));
	}
}

static void octets_that_end_too_soon_are_no_memory(void **state)
{
	(void)state;
	const struct hf_path path = known_path();
	const struct hf_path_memory memory = hf_path_remember(&path, START);
	const struct hf_upstream_memory upstream = {.age = HF_SECOND};
	uint8_t octets[HF_MEMORY_OCTETS];
	struct hf_writer w = hf_writer(octets, sizeof octets);
	hf_path_memory_put(&w, &memory);
	for (size_t len = 0; len < w.len; len++) {
		struct hf_path_memory read;
		struct hf_reader r = hf_reader(octets, len);
		assert_false(hf_path_memory_get(&r, &read));
	}
	w = hf_writer(octets, sizeof octets);
	hf_upstream_memory_put(&w, &upstream);
	for (size_t len = 0; len < w.len; len++) {
		struct hf_upstream_memory read;
		struct hf_reader r = hf_reader(octets, len);
		assert_false(hf_upstream_memory_get(&r, &read));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			what_was_learnt_after_the_writer_looked_at_the_clock_reads_all_the_same),
		cmocka_unit_test(an_open_circuit_stays_open_for_what_is_left_of_its_rest),
		cmocka_unit_test(
			a_rest_that_ended_meanwhile_asks_for_a_probe_and_an_answer_closes_it),
		cmocka_unit_test(a_probe_that_died_with_the_process_is_due_again),
		cmocka_unit_test(no_rest_is_longer_than_rest_max_whatever_the_octets_say),
		cmocka_unit_test(what_counted_against_one_in_use_is_forgotten),
		cmocka_unit_test(after_a_restart_in_an_outage_the_return_is_as_slow_as_without),
		cmocka_unit_test(a_slow_return_that_was_under_way_begins_anew),
		cmocka_unit_test(the_rate_of_one_in_use_fades_without_a_server_as_when_idle),
		cmocka_unit_test(a_known_cap_goes_on_as_known),
		cmocka_unit_test(a_trial_ends_with_the_process),
		cmocka_unit_test(a_cap_is_not_held_to_when_the_operator_does_not_want_it),
		cmocka_unit_test(a_size_limit_holds_for_what_is_left_of_its_time),
		cmocka_unit_test(one_without_edns_is_asked_so_for_what_is_left_of_its_time),
		cmocka_unit_test(nothing_saved_comes_back),
		cmocka_unit_test(of_one_never_used_there_is_nothing_to_remember),
		cmocka_unit_test(round_trips_loss_and_percentile_of_a_path_are_what_they_were),
		cmocka_unit_test(a_path_has_a_circuit_of_its_own),
		cmocka_unit_test(what_is_a_day_old_is_dropped),
		cmocka_unit_test(age_goes_on_over_many_restarts),
		cmocka_unit_test(when_nobody_knows_how_long_it_was_only_what_does_no_harm_is_kept),
		cmocka_unit_test(the_later_memory_counts_in_whatever_order_they_come),
		cmocka_unit_test(on_a_machine_just_started_instants_before_its_zero_do_no_harm),
		cmocka_unit_test(what_cannot_have_been_is_malformed),
		cmocka_unit_test(octets_that_end_too_soon_are_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
