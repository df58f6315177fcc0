/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MOST 1000

static uint32_t number(uint32_t i)
{
	return i * 2654435761u;
}

/* Every hash that a step moves was in the pair that the step is about, and goes to one
 * that no hash of a lower pair belongs to yet. */
static void a_step_moves_the_hashes_of_one_pair_upwards_and_no_other(void **state)
{
	(void)state;
	for (uint64_t shape = hf_shape(1, 1); hf_shape_pairs(shape) < MOST;) {
		uint64_t after = hf_shape_moved(shape, MOST);
		uint32_t about = hf_shape_frontier(shape) - 1;
		for (uint32_t i = 0; i < 500; i++) {
			uint32_t from = hf_shape_pair(shape, MOST, number(i));
			uint32_t to = hf_shape_pair(after, MOST, number(i));
			assert_true(to < hf_shape_extent(after, MOST) || to == from);
			assert_true(to <= MOST);
			if (from != to) {
				assert_int_equal(from, about);
				assert_true(to > from);
			}
		}
		shape = after;
	}
}

static void it_grows_by_halves_up_to_its_bound_and_rests_between(void **state)
{
	(void)state;
	uint64_t shape = hf_shape(64, 64);
	unsigned rests = 0, steps = 0;
	while (hf_shape_pairs(shape) < MOST) {
		uint32_t before = hf_shape_pairs(shape);
		shape = hf_shape_moved(shape, MOST);
		steps++;
		if (!hf_shape_rests(shape))
			continue;
		rests++;
		assert_true(hf_shape_pairs(shape) > before);
		assert_true(hf_shape_pairs(shape) <= before + before / 2 + 1);
		assert_int_equal(hf_shape_extent(shape, MOST), hf_shape_pairs(shape));
	}
	assert_int_equal(hf_shape_pairs(shape), MOST);
	assert_true(rests >= 6 && rests < 9);
	assert_true(steps > MOST && steps < 3 * MOST);
}

static void the_first_and_the_last_hash_have_the_first_and_the_last_pair(void **state)
{
	(void)state;
	assert_int_equal(hf_shape_pair(hf_shape(7, 7), MOST, 0), 0);
	assert_int_equal(hf_shape_pair(hf_shape(7, 7), MOST, UINT32_MAX), 6);
	assert_int_equal(hf_shape_pair(hf_shape(7, 3), MOST, UINT32_MAX), 10);
	assert_int_equal(hf_shape_pair(hf_shape(UINT32_MAX, UINT32_MAX), UINT32_MAX, UINT32_MAX),
		UINT32_MAX - 1);
	assert_int_equal(hf_shape_next(UINT32_MAX - 1, UINT32_MAX), UINT32_MAX);
}

static void hashes_are_spread_evenly_whatever_the_size(void **state)
{
	(void)state;
	static unsigned in[MOST];
	for (uint32_t i = 0; i < 100 * MOST; i++)
		in[hf_shape_pair(hf_shape(MOST, MOST), MOST, number(i))]++;
	for (unsigned i = 0; i < MOST; i++)
		assert_true(in[i] > 90 && in[i] < 110);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_step_moves_the_hashes_of_one_pair_upwards_and_no_other),
		cmocka_unit_test(it_grows_by_halves_up_to_its_bound_and_rests_between),
		cmocka_unit_test(the_first_and_the_last_hash_have_the_first_and_the_last_pair),
		cmocka_unit_test(hashes_are_spread_evenly_whatever_the_size),
	};
	return cmocka_run_group_tests_name("shape", tests, NULL, NULL);
}
