/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/hands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#include "loop/loop_epoll.h"

#define JOBS 200

struct scene {
	struct hf_loop *loop;
	struct hf_hands *hands;
	unsigned done;
};

struct task {
	struct hf_job job;
	struct scene *scene;
	unsigned number;
	uint64_t result; /* 0: it was not run */
};

static atomic_uint runs;

static void run(struct hf_job *job)
{
	struct task *t = (struct task *)job;
	uint64_t sum = 1;
	for (uint64_t i = 0; i < 10000; i++)
		sum += i * t->number;
	t->result = sum;
	atomic_fetch_add(&runs, 1);
}

static void done(struct hf_job *job, hf_us now)
{
	struct task *t = (struct task *)job;
	(void)now;
	if (t->result)
		assert_int_equal(t->result, 1 + 49995000ull * t->number);
	if (++t->scene->done == JOBS)
		hf_loop_stop(t->scene->loop);
	free(t);
}

static void give(struct scene *s, unsigned number)
{
	struct task *t = calloc(1, sizeof *t);
	assert_non_null(t);
	*t = (struct task){.job = {.run = run, .done = done}, .scene = s, .number = number};
	hf_hands_give(s->hands, &t->job);
}

static void woken(void *ctx, hf_us now)
{
	struct scene *s = ctx;
	hf_hands_take(s->hands, now);
}

static void turned(void *ctx, hf_us now)
{
	(void)ctx, (void)now;
}

static int open_scene(void **state)
{
	static const struct hf_loop_hooks hooks = {woken, turned};
	struct scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	assert_int_equal(hf_loop_epoll_new(&s->loop), 0);
	hf_loop_set_hooks(s->loop, &hooks, s);
	assert_int_equal(hf_hands_new(s->loop, &s->hands), 0);
	atomic_store(&runs, 0);
	*state = s;
	return 0;
}

static int close_scene(void **state)
{
	struct scene *s = *state;
	hf_hands_free(s->hands);
	hf_loop_free(s->loop);
	free(s);
	return 0;
}

static void each_job_is_run_once_and_the_loop_hears_of_it(void **state)
{
	struct scene *s = *state;
	assert_false(hf_hands_are_open(s->hands));
	assert_int_equal(hf_hands_open(s->hands), 0);
	assert_true(hf_hands_are_open(s->hands));
	for (unsigned i = 0; i < JOBS; i++)
		give(s, i);
	assert_true(hf_loop_run(s->loop) >= 0);
	assert_int_equal(s->done, JOBS);
	assert_int_equal(atomic_load(&runs), JOBS);
}

static void what_is_in_line_at_the_end_is_done_without_being_run(void **state)
{
	struct scene *s = *state;
	for (unsigned i = 0; i < 5; i++)
		give(s, i); /* nobody works yet */
	hf_hands_free(s->hands);
	s->hands = NULL;
	assert_int_equal(s->done, 5);
	assert_int_equal(atomic_load(&runs), 0);
}

static void the_end_waits_for_what_is_under_way(void **state)
{
	struct scene *s = *state;
	assert_int_equal(hf_hands_open(s->hands), 0);
	for (unsigned i = 0; i < JOBS - 1; i++)
		give(s, i);
	hf_hands_free(s->hands);
	s->hands = NULL;
	assert_int_equal(s->done, JOBS - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			each_job_is_run_once_and_the_loop_hears_of_it, open_scene, close_scene),
		cmocka_unit_test_setup_teardown(
			what_is_in_line_at_the_end_is_done_without_being_run, open_scene,
			close_scene),
		cmocka_unit_test_setup_teardown(
			the_end_waits_for_what_is_under_way, open_scene, close_scene),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
