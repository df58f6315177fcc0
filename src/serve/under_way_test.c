/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/under_way.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define MOST 3

static void there_is_room_for_so_many_and_again_when_one_has_left(void **state)
{
	struct hf_under_way all;
	struct hf_under_way_item items[MOST + 1];
	(void)state;
	hf_under_way_init(&all);
	for (unsigned i = 0; i < MOST; i++)
		assert_true(hf_under_way_join(&all, &items[i], MOST));
	assert_false(hf_under_way_join(&all, &items[MOST], MOST));
	hf_under_way_leave(&all, &items[0]);
	assert_true(hf_under_way_join(&all, &items[MOST], MOST));
	assert_false(hf_under_way_join(&all, &items[0], MOST));
	for (unsigned i = 1; i <= MOST; i++)
		hf_under_way_leave(&all, &items[i]);
	hf_under_way_clear(&all);
}

static void whoever_leaves_leaves_all_others_there(void **state)
{
	(void)state;
	for (unsigned gone = 0; gone < MOST; gone++) {
		struct hf_under_way all;
		struct hf_under_way_item items[MOST];
		unsigned seen = 0;
		hf_under_way_init(&all);
		for (unsigned i = 0; i < MOST; i++)
			assert_true(hf_under_way_join(&all, &items[i], MOST));
		hf_under_way_leave(&all, &items[gone]);
		for (; all.first; hf_under_way_leave(&all, all.first)) {
			assert_ptr_not_equal(all.first, &items[gone]);
			seen++;
		}
		assert_int_equal(seen, MOST - 1);
		assert_int_equal(all.count, 0);
		hf_under_way_clear(&all);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(there_is_room_for_so_many_and_again_when_one_has_left),
		cmocka_unit_test(whoever_leaves_leaves_all_others_there),
	};
	return cmocka_run_group_tests_name("under_way", tests, NULL, NULL);
}
