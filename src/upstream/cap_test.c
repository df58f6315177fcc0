/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "upstream/cap.h"

#define TICK (5 * HF_MS)
#define TICKS_A_SECOND 200
#define LATE_MAX 512 /* ticks a reply may be under way */
#define SEEDS 200

/* A client's demand, our own holding back, and an upstream. */
struct world {
	struct hf_cap cap;
	uint64_t dice;
	int64_t tick;
	double demand;    /* questions a second */
	double others;    /* share of what a trial lets out that goes to packets without replies */
	bool random;      /* come at random, not evenly */
	double waits;     /* what the limit holds back; at most one second of it is kept */
	double allowance; /* what the limit lets out */
	/* the upstream */
	double cap_rate; /* packets a second; 0: none */
	double cap_span; /* seconds of it that a bucket holds */
	double tokens;
	double loss;            /* 0..1 */
	double dead_share;      /* of the questions: for zones that never answer */
	double dead_demand;     /* questions a second, on top, that are never answered */
	int late_from, late_to; /* ticks */
	uint16_t under_way[LATE_MAX][LATE_MAX]; /* by when they come and how late that is */
	uint32_t due[LATE_MAX];
	/* what came of it */
	double sent, replied; /* packets, while it last ran */
	int found, moved, lifted, held;
};

static double chance(struct world *w)
{
	w->dice ^= w->dice << 13;
	w->dice ^= w->dice >> 7;
	w->dice ^= w->dice << 17;
	return (double)(w->dice >> 11) / 9007199254740992.0;
}

static uint32_t whole(struct world *w, double packets)
{
	uint32_t floor = (uint32_t)packets;
	return floor + (chance(w) < packets - floor);
}

/* About as many, with the spread of arrivals that know nothing of each other. */
static uint32_t some(struct world *w, double mean)
{
	uint32_t n = 0;
	for (int i = 0; i < 20; i++)
		n += whole(w, mean / 20 * 2 * chance(w));
	return n;
}

static bool answers(struct world *w)
{
	if (w->cap_rate > 0 && w->tokens < 1)
		return false;
	w->tokens -= w->cap_rate > 0;
	return chance(w) >= w->loss;
}

static void one_packet(struct world *w, double dead)
{
	hf_cap_sent(&w->cap, 1, w->tick * TICK);
	w->sent++;
	if (!answers(w) || chance(w) < dead)
		return;
	int late = w->late_from + (int)(chance(w) * (w->late_to - w->late_from + 1));
	w->under_way[(w->tick + late) % LATE_MAX][late]++;
	w->due[(w->tick + late) % LATE_MAX]++;
}

static uint32_t let_out(struct world *w, double wanted)
{
	uint32_t limit = hf_cap_limit(&w->cap);
	double most = limit ? limit / 10.0 : 0; /* 100 ms of it */
	w->waits = w->waits + wanted < w->demand ? w->waits + wanted : w->demand;
	w->allowance += (double)limit / TICKS_A_SECOND;
	if (w->allowance > most)
		w->allowance = most;
	double go = limit == 0 ? wanted : w->waits < w->allowance ? w->waits : w->allowance;
	uint32_t packets = limit == 0 ? (uint32_t)wanted : (uint32_t)go;
	w->waits = limit == 0 ? 0 : w->waits - packets;
	w->allowance -= limit ? packets : w->allowance;
	return packets;
}

static void count_change(struct world *w)
{
	enum hf_cap_change change = hf_cap_step(&w->cap, w->tick * TICK);
	w->found += change == HF_CAP_FOUND;
	w->moved += change == HF_CAP_MOVED;
	w->lifted += change == HF_CAP_LIFTED;
	w->held += hf_cap_limit(&w->cap) != 0 && hf_cap_found(&w->cap) == 0;
}

static void take_replies(struct world *w)
{
	uint16_t *due = w->under_way[w->tick % LATE_MAX];
	uint32_t *left = &w->due[w->tick % LATE_MAX];
	for (int late = 0; *left; late++)
		for (; due[late]; due[late]--, --*left, w->replied++)
			hf_cap_replied(&w->cap, (w->tick - late) * TICK, w->tick * TICK);
}

static void run_tick(struct world *w)
{
	double bucket = w->cap_rate * w->cap_span;
	w->tokens += w->cap_rate / TICKS_A_SECOND;
	if (w->tokens > bucket)
		w->tokens = bucket;
	double all = w->demand + w->dead_demand;
	double wanted = w->random ? some(w, all / TICKS_A_SECOND) : whole(w, all / TICKS_A_SECOND);
	double dead = w->dead_share + (all > 0 ? w->dead_demand / all : 0);
	for (uint32_t n = let_out(w, wanted); n; n--) {
		if (w->cap.phase == HF_CAP_HOLD && chance(w) < w->others)
			hf_cap_spent(&w->cap, 1, w->tick * TICK);
		else
			one_packet(w, dead);
	}
	take_replies(w);
	count_change(w);
	w->tick++;
}

static void run(struct world *w, double seconds)
{
	w->sent = w->replied = 0;
	for (int i = 0; i < (int)(seconds * TICKS_A_SECOND); i++)
		run_tick(w);
}

static struct world world_of(uint64_t seed)
{
	struct world w = {.dice = (seed + 1) * 0x9e3779b97f4a7c15u,
		.random = true,
		.late_from = 2,
		.late_to = 6,
		.cap_span = 1,
		.tick = 1000000 + (int64_t)seed * 37};
	for (int i = 0; i < 10; i++)
		chance(&w);
	return w;
}

/* Calm, then a storm: within ten seconds we hold to the cap. */
static void expect_convergence(struct world *w, double cap, double calm, double storm)
{
	w->cap_rate = cap;
	w->demand = calm;
	run(w, 5);
	assert_int_equal(w->held, 0);
	w->demand = storm;
	run(w, 10);
	assert_int_equal(w->found, 1);
	for (int i = 0; i < 10; i++) {
		run(w, 3);
		assert_true(w->sent / 3 <= 1.1 * cap);
		assert_true(w->sent / 3 >= 0.85 * cap);
		assert_true(w->replied / 3 >= 0.85 * cap);
	}
	assert_int_equal(w->found, 1);
	assert_int_equal(w->moved + w->lifted, 0);
}

static void a_cap_per_second_is_found_and_held_to_within_ten_seconds(void **state)
{
	(void)state;
	static const double caps[] = {50, 100, 200, 1024, 5000};
	for (uint64_t seed = 0; seed < 40; seed++) {
		struct world w = world_of(seed);
		double cap = caps[seed % HF_COUNT_OF(caps)];
		expect_convergence(&w, cap, cap * 0.3, cap * (2.1 + (double)(seed % 4)));
	}
}

/* From the first drop on; -1: not within a minute. */
static double seconds_until_found(uint64_t seed, double cap, double wanted, double span)
{
	struct world w = world_of(seed);
	w.cap_rate = cap;
	w.cap_span = span;
	w.demand = wanted;
	for (int i = 0; i < 120; i++) {
		run(&w, 0.5);
		if (w.found)
			return (i + 1) * 0.5;
	}
	return -1;
}

static void caps_of_a_hundred_and_more_are_found_within_seven_seconds(void **state)
{
	(void)state;
	static const double caps[] = {100, 200, 1024};
	int late = 0, all = 0;
	for (uint64_t seed = 0; seed < 120; seed++, all++) {
		double cap = caps[seed % HF_COUNT_OF(caps)], times = 2.1 + (double)(seed % 4);
		double took = seconds_until_found(seed, cap, cap * times, seed % 2 ? 0.1 : 1);
		late += took < 0 || took > 7;
	}
	assert_true(late <= all / 50);
}

static void lower_ones_and_fuller_ones_are_found_within_a_minute(void **state)
{
	(void)state;
	int missed = 0, all = 0;
	for (uint64_t seed = 0; seed < 30; seed++, all += 2) {
		missed += seconds_until_found(seed, 50, 105, seed % 2 ? 0.1 : 1) < 0;
		missed += seconds_until_found(seed, 100, 150, seed % 2 ? 0.1 : 1) < 0;
	}
	assert_true(missed <= all / 20);
}

/* Retries over TCP use up half of what a trial lets out. */
static void what_has_no_reply_of_its_own_is_no_demand_that_has_gone(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		w.cap_rate = 100;
		w.cap_span = 0.1;
		w.others = 0.6;
		w.demand = 250;
		run(&w, 12);
		assert_int_equal(w.found, 1);
		assert_int_equal(w.lifted, 0);
	}
}

static void a_cap_per_100_ms_is_found_too(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		w.cap_span = 0.1;
		w.random = seed % 2;
		expect_convergence(&w, 1024, 300, 2500);
	}
}

static void a_cap_is_found_behind_replies_that_come_late_and_some_loss(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		w.late_from = 20;
		w.late_to = 240;
		w.loss = 0.02;
		expect_convergence(&w, 1024, 300, 3000);
	}
}

static void a_storm_that_grows_is_held_to_the_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		w.cap_rate = 1024;
		for (w.demand = 500; w.demand < 4000; w.demand *= 1.1)
			run(&w, 1);
		run(&w, 3);
		assert_int_equal(w.found, 1);
		assert_true(w.sent <= 3.3 * 1024 && w.sent >= 2.55 * 1024);
	}
}

static void a_cap_may_move_and_go(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		expect_convergence(&w, 1024, 300, 2500);
		w.cap_rate = 512;
		run(&w, 12);
		assert_int_equal(w.moved, 1);
		run(&w, 3);
		assert_true(w.sent <= 3.3 * 512 && w.sent >= 2.55 * 512);
		assert_true(hf_cap_found(&w.cap) > 460 && hf_cap_found(&w.cap) < 564);
		w.cap_rate = 0;
		run(&w, 60);
		assert_int_equal(w.lifted, 1);
		assert_int_equal(hf_cap_limit(&w.cap), 0);
		run(&w, 3);
		assert_true(w.replied >= 3 * 2400);
	}
}

static void a_cap_that_rises_is_followed(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct world w = world_of(seed);
		expect_convergence(&w, 512, 300, 3000);
		w.cap_rate = 1024;
		run(&w, 120);
		run(&w, 5);
		assert_true(w.sent <= 5.5 * 1024 && w.sent >= 4.25 * 1024);
		assert_true(hf_cap_found(&w.cap) > 920 && hf_cap_found(&w.cap) < 1130);
	}
}

static void a_cap_is_forgotten_when_nobody_needs_it(void **state)
{
	(void)state;
	struct world w = world_of(1);
	expect_convergence(&w, 1024, 300, 2500);
	w.demand = 400;
	run(&w, 55);
	assert_int_equal(w.lifted, 0);
	run(&w, 10);
	assert_int_equal(w.lifted, 1);
	assert_int_equal(hf_cap_found(&w.cap), 0);
	assert_int_equal(hf_cap_limit(&w.cap), 0);
}

static void loss_with_a_cap_known_is_no_reason_to_send_less(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		expect_convergence(&w, 1024, 300, 2500);
		w.loss = 0.1 + 0.05 * (double)(seed % 10);
		run(&w, 30);
		run(&w, 10);
		assert_true(w.sent >= 8.5 * 1024);
		w.loss = 0; /* and when it ends, all is as before */
		run(&w, 20);
		run(&w, 5);
		assert_true(w.sent <= 5.5 * 1024 && w.sent >= 4.25 * 1024);
	}
}

static void silence_with_a_cap_known_changes_nothing(void **state)
{
	(void)state;
	struct world w = world_of(3);
	expect_convergence(&w, 1024, 300, 2500);
	w.loss = 1;
	run(&w, 30);
	w.loss = 0;
	run(&w, 10);
	run(&w, 5);
	assert_int_equal(w.moved + w.lifted, 0);
	assert_true(w.sent <= 5.5 * 1024 && w.sent >= 4.25 * 1024);
}

/* ---- what is no cap ---- */

static double any_rate(struct world *w)
{
	static const double rates[] = {25, 60, 150, 400, 1000, 3000};
	return rates[(int)(chance(w) * 6)];
}

/* Calm, storm, growth, ebb: whatever the demand does. */
static void weather(struct world *w, double base)
{
	w->random = chance(w) < 0.7;
	w->demand = base;
	run(w, 4 + 10 * chance(w));
	w->demand = base * (1 + 3 * chance(w));
	run(w, 10);
	for (int i = 0; i < 15; i++, w->demand *= 1.05)
		run(w, 1);
	w->demand = base * 0.2;
	run(w, 5);
	w->demand = base * (0.5 + 2 * chance(w));
	run(w, 20);
}

static void a_dead_upstream_has_no_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.loss = 1;
		weather(&w, any_rate(&w));
		w.loss = 0; /* it lives, dies, and lives */
		weather(&w, any_rate(&w));
		w.loss = 1;
		run(&w, 10);
		assert_int_equal(w.found, 0);
		assert_int_equal(w.held, 0);
	}
}

static void loss_at_random_is_no_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		if (seed % 2) /* half of them begin well */
			weather(&w, any_rate(&w));
		w.loss = 0.05 + 0.55 * chance(&w);
		double base = any_rate(&w);
		weather(&w, base);
		weather(&w, base);
		assert_int_equal(w.found, 0);
	}
}

/* Little loss of few packets: who could tell that from a cap would have to hold them for
 * long. */
static void what_no_trial_could_tell_holds_nobody_back(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.demand = 20 + 30 * chance(&w);
		w.loss = 0.19;
		run(&w, 60);
		assert_int_equal(w.found, 0);
		assert_int_equal(w.held, 0);
	}
}

/* Loss that comes and goes at the very moments of a trial looks like a cap; that is
 * rare, and what was found holds nobody back when all has been answered for a while. */
static void loss_that_comes_and_goes_is_hardly_ever_a_cap(void **state)
{
	(void)state;
	int found = 0;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.demand = any_rate(&w);
		for (int i = 0; i < 20; i++) {
			w.loss = i % 2 ? 0.2 + 0.4 * chance(&w) : 0;
			run(&w, 1 + 8 * chance(&w));
		}
		found += w.found;
		w.loss = 0;
		run(&w, w.found ? 120 : 0);
		assert_true(hf_cap_found(&w.cap) == 0 || hf_cap_limit(&w.cap) >= w.demand);
	}
	assert_true(found <= SEEDS / 100);
}

/* An upstream that is there and gone by the second is hardly ever taken for one. */
static void one_that_flaps_has_hardly_ever_a_cap(void **state)
{
	(void)state;
	int found = 0;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.demand = any_rate(&w);
		for (int i = 0; i < 30; i++) {
			w.loss = i % 2;
			run(&w, 0.3 + 4 * chance(&w));
		}
		found += w.found;
	}
	assert_true(found <= SEEDS / 50);
}

static void a_slow_upstream_has_no_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.late_from = (int)(chance(&w) * 290);
		w.late_to = w.late_from + (int)(chance(&w) * (300 - w.late_from));
		double base = any_rate(&w);
		weather(&w, base);
		w.late_from = 100; /* slower, all at once */
		w.late_to = 299;
		weather(&w, base);
		assert_int_equal(w.found, 0);
		assert_int_equal(w.held, 0);
	}
}

static void a_burst_after_idleness_finds_no_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.late_to = 280;
		for (int i = 0; i < 10; i++) {
			w.demand = 0;
			run(&w, 1 + 5 * chance(&w));
			w.demand = any_rate(&w);
			run(&w, 0.1 + 2 * chance(&w));
		}
		assert_int_equal(w.found, 0);
		assert_int_equal(w.held, 0);
	}
}

static void zones_that_never_answer_are_no_cap(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < SEEDS; seed++) {
		struct world w = world_of(seed);
		w.dead_share = 0.4 * chance(&w);
		double base = any_rate(&w);
		weather(&w, base);
		/* And a flood of questions for one of them, growing, beside the usual. */
		w.dead_share = 0;
		w.demand = base;
		for (w.dead_demand = base / 2; w.dead_demand < 4 * base; w.dead_demand *= 1.1)
			run(&w, 1);
		run(&w, 20);
		assert_int_equal(w.found, 0);
	}
}

static void a_trial_that_finds_nothing_is_not_soon_repeated(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20; seed++) {
		struct world w = world_of(seed);
		w.demand = 1000;
		w.loss = 0.5;
		run(&w, 600);
		assert_int_equal(w.found, 0);
		/* Five trials, each given up as soon as it is clear what it is. */
		assert_true(w.held > 0 && w.held <= 5 * TICKS_A_SECOND);
	}
}

static void a_clock_that_was_set_back_stops_nothing(void **state)
{
	(void)state;
	struct world w = world_of(6);
	expect_convergence(&w, 1024, 300, 2500);
	w.tick -= 3600 * TICKS_A_SECOND;
	w.demand = 100;
	run(&w, 70);
	assert_int_equal(w.lifted, 1);
}

static void strange_clocks_and_counts_do_no_harm(void **state)
{
	(void)state;
	struct world w = world_of(5);
	expect_convergence(&w, 1024, 300, 2500);
	hf_us now = w.tick * TICK;
	uint32_t limit = hf_cap_limit(&w.cap);
	for (int i = 0; i < 100; i++)
		hf_cap_replied(&w.cap, now - i * 9 * HF_MS, now - i * 9 * HF_MS);
	assert_true(hf_cap_limit(&w.cap) >= limit * 8 / 10);
	hf_cap_sent(&w.cap, UINT32_MAX, now - 3600 * HF_SECOND);
	assert_int_equal(hf_cap_step(&w.cap, -now), HF_CAP_SAME);
	/* A month of silence: it is forgotten, in no time. */
	assert_int_equal(hf_cap_step(&w.cap, now + 30 * 86400 * HF_SECOND), HF_CAP_LIFTED);
	assert_int_equal(hf_cap_step(&w.cap, now + 30 * 86400 * HF_SECOND), HF_CAP_SAME);
	struct hf_cap none = {0};
	assert_int_equal(hf_cap_limit(&none) + hf_cap_found(&none), 0);
	assert_int_equal(hf_cap_step(&none, 0), HF_CAP_SAME);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cap_per_second_is_found_and_held_to_within_ten_seconds),
		cmocka_unit_test(caps_of_a_hundred_and_more_are_found_within_seven_seconds),
		cmocka_unit_test(lower_ones_and_fuller_ones_are_found_within_a_minute),
		cmocka_unit_test(what_has_no_reply_of_its_own_is_no_demand_that_has_gone),
		cmocka_unit_test(a_cap_per_100_ms_is_found_too),
		cmocka_unit_test(a_cap_is_found_behind_replies_that_come_late_and_some_loss),
		cmocka_unit_test(a_storm_that_grows_is_held_to_the_cap),
		cmocka_unit_test(a_cap_may_move_and_go),
		cmocka_unit_test(a_cap_that_rises_is_followed),
		cmocka_unit_test(a_cap_is_forgotten_when_nobody_needs_it),
		cmocka_unit_test(loss_with_a_cap_known_is_no_reason_to_send_less),
		cmocka_unit_test(silence_with_a_cap_known_changes_nothing),
		cmocka_unit_test(a_dead_upstream_has_no_cap),
		cmocka_unit_test(loss_at_random_is_no_cap),
		cmocka_unit_test(what_no_trial_could_tell_holds_nobody_back),
		cmocka_unit_test(loss_that_comes_and_goes_is_hardly_ever_a_cap),
		cmocka_unit_test(one_that_flaps_has_hardly_ever_a_cap),
		cmocka_unit_test(a_slow_upstream_has_no_cap),
		cmocka_unit_test(a_burst_after_idleness_finds_no_cap),
		cmocka_unit_test(zones_that_never_answer_are_no_cap),
		cmocka_unit_test(a_trial_that_finds_nothing_is_not_soon_repeated),
		cmocka_unit_test(a_clock_that_was_set_back_stops_nothing),
		cmocka_unit_test(strange_clocks_and_counts_do_no_harm),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
