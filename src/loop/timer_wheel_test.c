/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/timer_wheel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"

#define HOUR (3600 * HF_SECOND)
#define YEAR (365 * 24 * HOUR)

/* A timer that remembers what happened to it. */
struct probe {
	struct hf_timer timer; /* first: fire casts */
	unsigned fired;
	hf_us fired_at;
	struct hf_timer_wheel *wheel;
	hf_us again; /* when fired: arm for now + again, unless 0 */
	struct hf_timer *victim; /* when fired: disarm */
};

static void note(struct hf_timer *timer, hf_us now)
{
	struct probe *p = (struct probe *)timer;
	assert_false(hf_timer_armed(timer));
	p->fired++;
	p->fired_at = now;
	if (p->victim)
		hf_timer_disarm(p->wheel, p->victim);
	if (p->again)
		hf_timer_arm(p->wheel, timer, p->again < 0 ? now : now + p->again);
}

static void arm(struct hf_timer_wheel *wheel, struct probe *p, hf_us due)
{
	p->timer.fire = note;
	p->wheel = wheel;
	hf_timer_arm(wheel, &p->timer, due);
}

static void a_timer_never_fires_early_and_at_most_a_tick_late(void **state)
{
	(void)state;
	static const hf_us delays[] = { 1, 999, 1000, 1001, 63999, 64000, 64001, 4095999, 4096000,
		262143999, 262144000, HOUR, 4 * HOUR, 5 * HOUR, 50 * HOUR };
	for (hf_us start = -HF_SECOND; start <= HF_SECOND; start += 333333) {
		for (size_t i = 0; i < HF_COUNT_OF(delays); i++) {
			struct hf_timer_wheel wheel;
			struct probe p = { 0 };
			hf_timer_wheel_init(&wheel, start);
			arm(&wheel, &p, start + delays[i]);
			hf_timer_wheel_run(&wheel, start + delays[i] - 1);
			assert_int_equal(p.fired, 0);
			hf_timer_wheel_run(&wheel, start + delays[i] + HF_MS - 1);
			assert_int_equal(p.fired, 1);
			assert_int_equal(wheel.armed, 0);
		}
	}
}

static void a_due_time_in_the_past_fires_on_the_next_run(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe before = { 0 }, exactly = { 0 };
	hf_timer_wheel_init(&wheel, 5 * HF_SECOND + 500);
	hf_timer_wheel_run(&wheel, 7 * HF_SECOND + 500);
	arm(&wheel, &before, 3);
	arm(&wheel, &exactly, 7 * HF_SECOND + 500);
	assert_int_equal(hf_timer_wheel_wait(&wheel, 7 * HF_SECOND + 500), 0);
	hf_timer_wheel_run(&wheel, 7 * HF_SECOND + 500);
	assert_int_equal(before.fired, 1);
	assert_int_equal(exactly.fired, 1);
}

static void a_timer_armed_for_now_in_a_callback_waits_for_the_next_run(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe p = { .again = -1 };
	hf_timer_wheel_init(&wheel, 0);
	arm(&wheel, &p, 10);
	hf_timer_wheel_run(&wheel, HF_SECOND);
	assert_int_equal(p.fired, 1);
	hf_timer_wheel_run(&wheel, HF_SECOND);
	assert_int_equal(p.fired, 2);
}

static void a_jump_ahead_fires_what_is_due_once(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe soon = { .again = HF_SECOND }, late = { 0 }, far = { 0 };
	hf_timer_wheel_init(&wheel, 0);
	arm(&wheel, &soon, HF_SECOND);
	arm(&wheel, &late, 30 * HOUR);
	arm(&wheel, &far, 200 * YEAR);
	hf_timer_wheel_run(&wheel, 100 * YEAR);
	assert_int_equal(soon.fired, 1);
	assert_int_equal(late.fired, 1);
	assert_int_equal(far.fired, 0);
	hf_timer_wheel_run(&wheel, 100 * YEAR + 2 * HF_SECOND);
	assert_int_equal(soon.fired, 2);
	hf_timer_disarm(&wheel, &soon.timer);
	hf_timer_wheel_run(&wheel, 200 * YEAR);
	assert_int_equal(far.fired, 1);
}

static void a_jump_back_fires_nothing_until_it_has_caught_up(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe old = { 0 }, new = { 0 };
	hf_timer_wheel_init(&wheel, 0);
	arm(&wheel, &old, HOUR + HF_SECOND);
	hf_timer_wheel_run(&wheel, HOUR + 900);
	arm(&wheel, &new, HOUR + 500);
	hf_timer_wheel_run(&wheel, HF_SECOND);
	hf_timer_wheel_run(&wheel, HOUR + 400);
	assert_int_equal(new.fired + old.fired, 0);
	assert_int_equal(hf_timer_wheel_wait(&wheel, HF_SECOND), HOUR + 900 - HF_SECOND);
	hf_timer_wheel_run(&wheel, HOUR + 900);
	assert_int_equal(new.fired, 1);
	hf_timer_wheel_run(&wheel, HOUR + HF_SECOND);
	assert_int_equal(old.fired, 1);
}

static void a_callback_may_disarm_another_that_is_due_in_the_same_run(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe first = { 0 }, second = { 0 };
	hf_timer_wheel_init(&wheel, 0);
	arm(&wheel, &second, 2 * HF_MS);
	arm(&wheel, &first, HF_MS);
	first.victim = &second.timer;
	hf_timer_wheel_run(&wheel, HF_SECOND);
	assert_int_equal(first.fired, 1);
	assert_int_equal(second.fired, 0);
	assert_int_equal(wheel.armed, 0);
}

static void nothing_armed_means_no_hurry(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe p = { 0 };
	hf_timer_wheel_init(&wheel, 12345);
	assert_int_equal(hf_timer_wheel_wait(&wheel, 12345), HF_NEVER);
	arm(&wheel, &p, 12345 + HF_SECOND);
	assert_true(hf_timer_wheel_wait(&wheel, 12345) <= HF_SECOND);
	hf_timer_disarm(&wheel, &p.timer);
	hf_timer_disarm(&wheel, &p.timer);
	assert_int_equal(hf_timer_wheel_wait(&wheel, 12345), HF_NEVER);
}

static void the_ends_of_time_do_no_harm(void **state)
{
	(void)state;
	struct hf_timer_wheel wheel;
	struct probe never = { 0 }, always = { 0 };
	hf_timer_wheel_init(&wheel, INT64_MIN);
	arm(&wheel, &never, HF_NEVER);
	arm(&wheel, &always, INT64_MIN);
	assert_int_equal(hf_timer_wheel_wait(&wheel, INT64_MIN), 0);
	hf_timer_wheel_run(&wheel, INT64_MIN);
	assert_int_equal(always.fired, 1);
	assert_int_equal(hf_timer_wheel_wait(&wheel, INT64_MAX - 1) >= 0, 1);
	hf_timer_wheel_run(&wheel, INT64_MAX - 1);
	hf_timer_wheel_wait(&wheel, INT64_MIN);
	arm(&wheel, &always, INT64_MAX);
	hf_timer_wheel_run(&wheel, INT64_MAX);
	assert_int_equal(never.fired, 1);
}

/* ---- against a list that is too simple to be wrong ---- */

#define TIMERS 60
#define STEPS 400

struct dice {
	uint64_t state;
};

static uint64_t roll(struct dice *d, uint64_t sides)
{
	uint64_t z = d->state += 0x9e3779b97f4a7c15;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return (z ^ z >> 31) % sides;
}

/* Distances of every order, so that every level and the horizon are met. */
static hf_us some_distance(struct dice *d)
{
	hf_us scale = (hf_us)1 << roll(d, 38);
	return (hf_us)roll(d, (uint64_t)scale * 2);
}

struct model {
	struct hf_timer_wheel wheel;
	struct probe timers[TIMERS];
	bool armed[TIMERS];
	bool past[TIMERS]; /* was due already when it was armed */
	hf_us due[TIMERS];
	unsigned fired[TIMERS];
	hf_us now, ran;
};

static void model_arm(struct model *m, struct dice *d)
{
	size_t i = roll(d, TIMERS);
	hf_us due = m->now + some_distance(d) - (roll(d, 4) ? 0 : some_distance(d));
	arm(&m->wheel, &m->timers[i], due);
	m->armed[i] = true;
	m->due[i] = due;
	m->past[i] = due <= m->ran;
}

static void model_disarm(struct model *m, struct dice *d)
{
	size_t i = roll(d, TIMERS);
	hf_timer_disarm(&m->wheel, &m->timers[i].timer);
	m->armed[i] = false;
}

/* What must have fired, what must not, and in between what may. */
static void model_run(struct model *m)
{
	hf_us wait = hf_timer_wheel_wait(&m->wheel, m->now), first = HF_NEVER;
	for (size_t i = 0; i < TIMERS; i++)
		if (m->armed[i] && m->due[i] < first)
			first = m->due[i];
	hf_timer_wheel_run(&m->wheel, m->now);
	size_t armed = 0;
	for (size_t i = 0; i < TIMERS; i++) {
		struct probe *p = &m->timers[i];
		bool fired = p->fired != m->fired[i];
		assert_true(p->fired <= m->fired[i] + 1);
		if (fired) {
			assert_true(m->armed[i] && m->due[i] <= m->now && m->now >= m->ran);
			assert_int_equal(p->fired_at, m->now);
			m->armed[i] = false;
		}
		m->fired[i] = p->fired;
		if (m->now >= m->ran && m->armed[i])
			assert_true(m->due[i] > m->now - HF_MS && !m->past[i]);
		assert_int_equal(hf_timer_armed(&p->timer), m->armed[i]);
		armed += m->armed[i];
	}
	assert_int_equal(m->wheel.armed, armed);
	/* Sleeping as long as it said would not have made the first one late. */
	if (first != HF_NEVER && first > m->ran)
		assert_true(wait <= (first > m->now ? first - m->now : 0) + HF_MS - 1 ||
			    wait <= m->ran - m->now);
	if (first == HF_NEVER)
		assert_int_equal(wait, HF_NEVER);
	if (m->now > m->ran)
		m->ran = m->now;
}

static void model_move(struct model *m, struct dice *d)
{
	hf_us wait = hf_timer_wheel_wait(&m->wheel, m->now);
	switch (roll(d, 8)) {
	case 0: m->now -= some_distance(d); break;
	case 1: m->now += some_distance(d); break;
	case 2: m->now = m->ran; break;
	case 3: case 4: m->now += wait == HF_NEVER ? 0 : wait; break;
	default: m->now += (hf_us)roll(d, 3000); break;
	}
}

static void a_wheel_does_what_a_plain_list_would_do(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 3000; seed++) {
		struct dice d = { seed };
		struct model m = { .now = (hf_us)roll(&d, 1u << 30) * HF_MS - YEAR / 2 };
		m.ran = m.now;
		hf_timer_wheel_init(&m.wheel, m.now);
		for (unsigned step = 0; step < STEPS; step++) {
			for (uint64_t n = roll(&d, 4); n; n--)
				model_arm(&m, &d);
			for (uint64_t n = roll(&d, 3); n; n--)
				model_disarm(&m, &d);
			model_move(&m, &d);
			model_run(&m);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_never_fires_early_and_at_most_a_tick_late),
		cmocka_unit_test(a_due_time_in_the_past_fires_on_the_next_run),
		cmocka_unit_test(a_timer_armed_for_now_in_a_callback_waits_for_the_next_run),
		cmocka_unit_test(a_jump_ahead_fires_what_is_due_once),
		cmocka_unit_test(a_jump_back_fires_nothing_until_it_has_caught_up),
		cmocka_unit_test(a_callback_may_disarm_another_that_is_due_in_the_same_run),
		cmocka_unit_test(nothing_armed_means_no_hurry),
		cmocka_unit_test(the_ends_of_time_do_no_harm),
		cmocka_unit_test(a_wheel_does_what_a_plain_list_would_do),
	};
	return cmocka_run_group_tests_name("timer_wheel", tests, NULL, NULL);
}
