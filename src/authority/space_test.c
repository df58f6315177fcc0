/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/space.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop/loop_sim.h"

#define ALL 6400u /* small: 100; the small ones' share: 1600, the huge ones': 4800 */
#define MANY 20

struct scene {
	struct hf_sim *sim;
	struct hf_loop *loop;
	struct hf_spaces *spaces;
	struct holder {
		struct hf_space space;
		unsigned came;
	} of[MANY];
};

static void came(struct hf_space *space, hf_us now)
{
	(void)now;
	((struct holder *)space)->came++;
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->sim = hf_sim_new(1);
	assert_int_equal(hf_sim_loop_new(s->sim, "here", &s->loop), 0);
	assert_int_equal(hf_spaces_new(s->loop, &s->spaces), 0);
	hf_spaces_bound(s->spaces, ALL);
	for (unsigned i = 0; i < MANY; i++)
		s->of[i].space.come = came;
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;
	for (unsigned i = 0; i < MANY; i++)
		hf_space_give(s->spaces, &s->of[i].space);
	assert_int_equal(hf_spaces_figures(s->spaces).used, 0);
	assert_int_equal(hf_spaces_figures(s->spaces).waiting, 0);
	hf_spaces_free(s->spaces);
	hf_loop_free(s->loop);
	hf_sim_free(s->sim);
	free(s);
	return 0;
}

static enum hf_space_said take(struct scene *s, unsigned i, uint64_t octets)
{
	return hf_space_take(s->spaces, &s->of[i].space, octets);
}

static void wait(struct scene *s, unsigned i, uint64_t octets)
{
	hf_space_wait(s->spaces, &s->of[i].space, octets);
}

static void give(struct scene *s, unsigned i)
{
	hf_space_give(s->spaces, &s->of[i].space);
}

static unsigned came_to(struct scene *s, unsigned i)
{
	hf_sim_run_for(s->sim, HF_MS);
	return s->of[i].came;
}

static void one_alone_grows_to_what_huge_ones_share(void **state)
{
	struct scene *s = *state;
	for (unsigned octets = 1; octets <= 4800; octets += 7)
		assert_int_equal(take(s, 0, octets), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 0, 4801), HF_SPACE_NEVER);
	assert_int_equal(take(s, 0, 5), HF_SPACE_TAKEN); /* which changes nothing */
	assert_int_equal(hf_spaces_figures(s->spaces).used, 4796);
}

static void no_small_one_waits_for_a_huge_one(void **state)
{
	struct scene *s = *state;
	assert_int_equal(take(s, 0, 4800), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 1, 101), HF_SPACE_LATER);
	wait(s, 1, 101);
	for (unsigned i = 2; i < 18; i++)
		assert_int_equal(take(s, i, 100), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 18, 1), HF_SPACE_LATER);
	wait(s, 18, 1);
	give(s, 5);
	assert_int_equal(came_to(s, 18), 1);
	assert_int_equal(s->of[18].space.octets, 2);
	assert_int_equal(s->of[1].came, 0);
}

static void who_waits_gets_twice_what_it_wanted_and_is_not_put_off_for_that(void **state)
{
	struct scene *s = *state;
	assert_int_equal(take(s, 0, 4000), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 1, 500), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 1, 900), HF_SPACE_LATER);
	wait(s, 1, 900);
	assert_int_equal(hf_spaces_figures(s->spaces).used, 4000);
	assert_int_equal(came_to(s, 1), 0);
	give(s, 0);
	assert_int_equal(came_to(s, 1), 1);
	assert_int_equal(take(s, 2, 3000), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 1, 1800), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 1, 1801), HF_SPACE_LATER);
	assert_int_equal(hf_spaces_figures(s->spaces).put_off, 1);
}

static void nobody_passes_those_that_wait(void **state)
{
	struct scene *s = *state;
	assert_int_equal(take(s, 0, 3000), HF_SPACE_TAKEN);
	assert_int_equal(take(s, 1, 4000), HF_SPACE_LATER);
	wait(s, 1, 2200); /* 4400 */
	assert_int_equal(take(s, 2, 200), HF_SPACE_LATER);
	wait(s, 2, 200);
	assert_int_equal(take(s, 3, 50), HF_SPACE_TAKEN); /* small, and becomes huge */
	assert_int_equal(take(s, 3, 150), HF_SPACE_LATER);
	assert_int_equal(take(s, 0, 3500), HF_SPACE_TAKEN); /* who is under way may go on */
	assert_int_equal(came_to(s, 2), 0);
	give(s, 0);
	assert_int_equal(came_to(s, 1), 1);
	assert_int_equal(came_to(s, 2), 1);
}

static void whoever_leaves_the_line_lets_the_next_one_come(void **state)
{
	struct scene *s = *state;
	assert_int_equal(take(s, 0, 3000), HF_SPACE_TAKEN);
	wait(s, 1, 2000);
	wait(s, 2, 400);
	assert_int_equal(came_to(s, 2), 0);
	give(s, 1);
	assert_int_equal(came_to(s, 2), 1);
	assert_int_equal(s->of[1].came, 0);
}

static void a_bound_that_becomes_smaller_leaves_nobody_waiting_for_ever(void **state)
{
	struct scene *s = *state;
	assert_int_equal(take(s, 0, 4000), HF_SPACE_TAKEN);
	wait(s, 1, 2400); /* 4800 */
	hf_spaces_bound(s->spaces, ALL / 2);
	assert_int_equal(take(s, 0, 4001), HF_SPACE_NEVER);
	assert_int_equal(came_to(s, 1), 0);
	give(s, 0);
	assert_int_equal(came_to(s, 1), 1);
	assert_int_equal(s->of[1].space.octets, ALL / 2 - ALL / 8);
	hf_spaces_bound(s->spaces, 0);
	assert_int_equal(take(s, 2, UINT64_MAX / 4), HF_SPACE_TAKEN);
}

/* Forty that all want more than there is together come to their ends, however they are mixed. */
static void all_come_to_their_end(void **state)
{
	struct scene *s = *state;
	unsigned left = MANY;
	uint64_t needs[MANY], has[MANY];
	bool over[MANY] = {false}, waits[MANY] = {false};
	for (unsigned i = 0; i < MANY; i++) {
		needs[i] = i % 3 ? 1500 + 150 * i : 20 + 4 * i;
		has[i] = 0;
	}
	for (unsigned round = 0; left; round++) {
		assert_true(round < 100000);
		unsigned i = round * 7 % MANY;
		if (round % MANY == 0)
			hf_sim_run_for(s->sim, HF_MS);
		if (waits[i] && s->of[i].came) {
			waits[i] = false;
			has[i] = s->of[i].came = 0;
		}
		if (over[i] || waits[i])
			continue;
		has[i] += 50;
		if (has[i] >= needs[i]) {
			give(s, i);
			over[i] = true;
			left--;
		} else if (take(s, i, has[i]) == HF_SPACE_LATER) {
			wait(s, i, has[i]);
			waits[i] = true;
		}
		assert_true(hf_spaces_figures(s->spaces).used <= ALL);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(one_alone_grows_to_what_huge_ones_share),
		TEST(no_small_one_waits_for_a_huge_one),
		TEST(who_waits_gets_twice_what_it_wanted_and_is_not_put_off_for_that),
		TEST(nobody_passes_those_that_wait),
		TEST(whoever_leaves_the_line_lets_the_next_one_come),
		TEST(a_bound_that_becomes_smaller_leaves_nobody_waiting_for_ever),
		TEST(all_come_to_their_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
