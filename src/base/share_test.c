/* SPDX-License-Identifier: MIT */
#include "base/share.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* A place that holders fill. */
struct place {
	struct hf_share share;
	size_t used, most;
};

static size_t fill(struct place *place, uint64_t holder)
{
	size_t got = 0;
	for (; hf_share_has_room(&place->share, holder, place->used, place->most); got++) {
		hf_share_take(&place->share, holder);
		place->used++;
	}
	return got;
}

static void give(struct place *place, uint64_t holder, size_t times)
{
	place->used -= times;
	while (times--)
		hf_share_give(&place->share, holder);
}

static void alone_it_gets_four_fifths(void **state)
{
	(void)state;
	for (size_t most = 10; most <= 100000; most *= 10) {
		struct place place = {.most = most};
		assert_int_equal(fill(&place, 1), most * 4 / 5);
	}
}

static void what_is_left_to_it_is_what_it_can_take(void **state)
{
	(void)state;
	for (size_t most = 0; most <= 60; most++) {
		for (uint64_t times = 1; times <= 3; times++) {
			struct place place = {.most = most};
			for (uint64_t holder = 2; holder <= times; holder++)
				fill(&place, holder);
			for (size_t held = 0; held < most / 3; held++) {
				hf_share_take(&place.share, 1);
				place.used += place.used < place.most;
			}
			size_t left = hf_share_left(&place.share, 1, place.used, place.most);
			assert_int_equal(fill(&place, 1), left);
			assert_int_equal(hf_share_left(&place.share, 1, place.used, place.most), 0);
			assert_int_equal(hf_share_left(&place.share, 0, place.used, place.most),
				place.most - place.used);
		}
	}
}

static void who_comes_next_finds_room(void **state)
{
	(void)state;
	struct place place = {.most = 1000};
	fill(&place, 1);
	size_t left = place.most - place.used;
	for (uint64_t holder = 2; holder < 5; holder++) {
		size_t got = fill(&place, holder);
		assert_in_range(got, left / 2, left - 1);
		left -= got;
	}
	assert_true(left > 0);
}

static void two_that_fill_it_together_get_the_same(void **state)
{
	(void)state;
	struct place place = {.most = 900};
	size_t got[2] = {0};
	for (int more = 1; more;) {
		more = 0;
		for (uint64_t holder = 0; holder < 2; holder++) {
			if (!hf_share_has_room(&place.share, holder + 1, place.used, place.most))
				continue;
			hf_share_take(&place.share, holder + 1);
			place.used++;
			got[holder]++;
			more = 1;
		}
	}
	assert_int_equal(got[0], 400); /* four ninths each, and a ninth for a third */
	assert_int_equal(got[1], 400);
}

static void the_greediest_has_to_wait_until_others_have_gone(void **state)
{
	(void)state;
	struct place place = {.most = 1000};
	fill(&place, 1);
	size_t second = fill(&place, 2);
	assert_false(hf_share_has_room(&place.share, 1, place.used, place.most));
	give(&place, 1, 100); /* some of its own go: it has still more than its bound */
	assert_false(hf_share_has_room(&place.share, 1, place.used, place.most));
	assert_true(hf_share_has_room(&place.share, 2, place.used, place.most));
	give(&place, 2, second);
	assert_true(hf_share_has_room(&place.share, 1, place.used, place.most));
}

static void counts_go_back_to_nothing(void **state)
{
	(void)state;
	struct place place = {.most = 5000};
	for (int round = 0; round < 3; round++) {
		size_t got[8];
		for (uint64_t holder = 0; holder < 8; holder++)
			got[holder] = fill(&place, holder * 1000000007 + 1);
		for (uint64_t holder = 0; holder < 8; holder++)
			give(&place, holder * 1000000007 + 1, got[holder]);
		assert_int_equal(place.used, 0);
		for (unsigned i = 0; i < HF_SHARE_HOLDERS; i++)
			assert_int_equal(place.share.held[i], 0);
	}
}

static void nobody_is_bound_by_the_place_alone_and_held_by_no_count(void **state)
{
	(void)state;
	struct place place = {.most = 1000};
	assert_int_equal(fill(&place, 0), 1000);
	assert_int_equal(place.share.held[0], 0);
	assert_false(hf_share_has_room(&place.share, 1, place.used, place.most));
	give(&place, 0, 1000);
	assert_int_equal(place.share.held[0], 0);
}

static void holders_that_meet_share_a_bound(void **state)
{
	(void)state;
	struct place place = {.most = 1000};
	fill(&place, 5);
	assert_false(hf_share_has_room(&place.share, 5 + HF_SHARE_HOLDERS, place.used, place.most));
	assert_true(hf_share_has_room(&place.share, 6, place.used, place.most));
	/* One whose hash is a multiple of the counts is somebody, too. */
	assert_int_equal(fill(&(struct place){.most = 1000}, HF_SHARE_HOLDERS), 800);
}

static void a_place_for_none_takes_none(void **state)
{
	(void)state;
	struct place place = {.most = 0};
	assert_int_equal(fill(&place, 0) + fill(&place, 1), 0);
	place.most = 1;
	assert_int_equal(fill(&place, 1), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alone_it_gets_four_fifths),
		cmocka_unit_test(what_is_left_to_it_is_what_it_can_take),
		cmocka_unit_test(who_comes_next_finds_room),
		cmocka_unit_test(two_that_fill_it_together_get_the_same),
		cmocka_unit_test(the_greediest_has_to_wait_until_others_have_gone),
		cmocka_unit_test(counts_go_back_to_nothing),
		cmocka_unit_test(nobody_is_bound_by_the_place_alone_and_held_by_no_count),
		cmocka_unit_test(holders_that_meet_share_a_bound),
		cmocka_unit_test(a_place_for_none_takes_none),
	};
	return cmocka_run_group_tests_name("share", tests, NULL, NULL);
}
