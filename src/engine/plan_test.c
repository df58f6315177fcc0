/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "engine/upstreams.h"

#define ROUTES (3 * HF_HAND_OVER_SLICE)

/* Two plans of the same zones, all to one upstream. */
struct two {
	struct hf_upstream_conf conf;
	struct hf_route routes[ROUTES];
	struct hf_forward_conf forward;
	struct hf_cache_conf cache;
	struct hf_plan *first, *second;
	struct hf_upstreams *all;
};

static struct hf_plan *new_plan(struct two *t, const struct hf_plan *before, bool fresh)
{
	static const struct hf_hash_key key = { 1, 2 };
	static const uint16_t slot = 0;
	struct hf_plan *plan;
	assert_int_equal(
		hf_plan_new(&t->forward, &t->cache, &key, &slot, &fresh, before, &plan), 0);
	return plan;
}

/* Of the first plan the even routes have been asked. */
static void open_two(struct two *t, bool fresh)
{
	static const uint16_t to = 0;
	*t = (struct two){ 0 };
	for (unsigned i = 0; i < ROUTES; i++) {
		char text[32];
		int len = snprintf(text, sizeof text, "z%u.example", i);
		assert_int_equal(
			hf_name_from_text(text, (size_t)len, &t->routes[i].zone), 0);
		t->routes[i].upstreams = &to;
		t->routes[i].upstream_count = 1;
	}
	t->forward = (struct hf_forward_conf){
		.upstreams = &t->conf, .upstream_count = 1, .routes = t->routes, .route_count = ROUTES };
	assert_int_equal(hf_upstreams_new(1, &t->all), 0);
	t->first = new_plan(t, NULL, true);
	hf_upstreams_adopt(t->all, t->first);
	for (unsigned i = 0; i < ROUTES; i += 2) {
		hf_plan_enter(t->first, &t->routes[i]);
		hf_plan_path(t->first, &t->routes[i], 0)->asked = i + 1;
	}
	t->second = new_plan(t, t->first, fresh);
	hf_upstreams_adopt(t->all, t->second);
}

static void close_two(struct two *t)
{
	hf_plan_unref(t->first);
	hf_plan_unref(t->second);
	hf_upstreams_free(t->all);
}

static unsigned handed(const struct two *t)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ROUTES; i++)
		count += hf_plan_path(t->second, &t->routes[i], 0)->asked == (i % 2 ? 0 : i + 1);
	return count;
}

static void what_was_learnt_is_handed_on_a_slice_at_a_time(void **state)
{
	struct two t;
	(void)state;
	open_two(&t, false);
	assert_int_equal(handed(&t), ROUTES / 2); /* those that have nothing to hand on */
	hf_upstreams_hand_over(t.all);
	assert_int_equal(handed(&t), ROUTES / 2 + HF_HAND_OVER_SLICE);
	assert_true(t.all->handing_over);
	hf_upstreams_hand_over(t.all);
	assert_int_equal(handed(&t), ROUTES);
	assert_false(t.all->handing_over);
	assert_null(t.second->before);
	close_two(&t);
}

static void a_route_that_is_asked_meanwhile_has_it_at_once_and_keeps_what_it_learns(void **state)
{
	struct two t;
	const unsigned late = ROUTES - 2;
	(void)state;
	open_two(&t, false);
	hf_plan_enter(t.second, &t.routes[late]);
	assert_int_equal(hf_plan_path(t.second, &t.routes[late], 0)->asked, late + 1);
	hf_plan_path(t.second, &t.routes[late], 0)->asked = 12345;
	while (t.all->handing_over)
		hf_upstreams_hand_over(t.all);
	assert_int_equal(hf_plan_path(t.second, &t.routes[late], 0)->asked, 12345);
	close_two(&t);
}

static void who_only_looks_sees_it_too(void **state)
{
	struct two t;
	(void)state;
	open_two(&t, false);
	hf_plan_look(t.second, &t.routes[4]);
	hf_plan_look(t.second, &t.routes[5]);
	assert_int_equal(hf_plan_path(t.second, &t.routes[4], 0)->asked, 5);
	assert_false(t.second->entered[5]);
	close_two(&t);
}

static void another_reload_before_that_is_done_loses_nothing(void **state)
{
	struct two t;
	(void)state;
	open_two(&t, false);
	struct hf_plan *third = new_plan(&t, t.second, false);
	hf_upstreams_adopt(t.all, third);
	while (t.all->handing_over)
		hf_upstreams_hand_over(t.all);
	for (unsigned i = 0; i < ROUTES; i += 2)
		assert_int_equal(hf_plan_path(third, &t.routes[i], 0)->asked, i + 1);
	hf_plan_unref(third);
	close_two(&t);
}

static void an_upstream_that_is_another_now_inherits_nothing(void **state)
{
	struct two t;
	(void)state;
	open_two(&t, true);
	while (t.all->handing_over)
		hf_upstreams_hand_over(t.all);
	assert_int_equal(handed(&t), ROUTES / 2);
	close_two(&t);
}

static void what_routes_say_of_their_paths_is_kept_once_for_those_that_say_the_same(void **state)
{
	struct two t;
	(void)state;
	open_two(&t, false);
	assert_null(hf_plan_figures(t.first, &t.routes[0], 0));
	assert_null(t.first->figures);
	t.conf = (struct hf_upstream_conf){.timeout_max = 9, .budget = 7};
	for (unsigned i = 2; i < 6; i++)
		t.routes[i].figures.timeout_max = i < 4 ? 5 : 6;
	struct hf_plan *plan = new_plan(&t, NULL, true);
	assert_null(hf_plan_figures(plan, &t.routes[0], 0));
	const struct hf_upstream_conf *two = hf_plan_figures(plan, &t.routes[2], 0);
	assert_int_equal(two->timeout_max, 5);
	assert_int_equal(two->budget, 7);
	assert_ptr_equal(hf_plan_figures(plan, &t.routes[3], 0), two);
	assert_int_equal(hf_plan_figures(plan, &t.routes[4], 0)->timeout_max, 6);
	assert_null(hf_plan_figures(plan, &t.routes[6], 0));
	hf_plan_unref(plan);
	close_two(&t);
}

static void a_routes_part_is_its_own_unless_it_is_the_only_one(void **state)
{
	struct two t;
	(void)state;
	open_two(&t, false);
	for (unsigned i = 0; i < 3; i++)
		t.routes[i].in_flight_percent = i ? 80 : 0;
	assert_int_equal(hf_plan_part(t.second, &t.routes[0]).holder, 0);
	assert_int_equal(hf_plan_part(t.second, NULL).holder, 0);
	struct hf_part one = hf_plan_part(t.second, &t.routes[1]);
	struct hf_part two = hf_plan_part(t.second, &t.routes[2]);
	assert_int_equal(one.percent, 80);
	assert_true(one.holder && two.holder && one.holder != two.holder);
	assert_true(hf_plan_is_shared(t.second, &t.routes[1]));
	assert_true(hf_plan_has_several(t.second, t.routes[1].upstreams[0]));
	t.forward.route_count = 1;
	t.routes[0].in_flight_percent = 80;
	struct hf_plan *only = new_plan(&t, NULL, true);
	assert_int_equal(hf_plan_part(only, &t.routes[0]).holder, 0);
	assert_false(hf_plan_is_shared(only, &t.routes[0]));
	assert_false(hf_plan_has_several(only, t.routes[0].upstreams[0]));
	hf_plan_unref(only);
	t.forward.route_count = ROUTES;
	close_two(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_learnt_is_handed_on_a_slice_at_a_time),
		cmocka_unit_test(
			a_route_that_is_asked_meanwhile_has_it_at_once_and_keeps_what_it_learns),
		cmocka_unit_test(who_only_looks_sees_it_too),
		cmocka_unit_test(another_reload_before_that_is_done_loses_nothing),
		cmocka_unit_test(an_upstream_that_is_another_now_inherits_nothing),
		cmocka_unit_test(
			what_routes_say_of_their_paths_is_kept_once_for_those_that_say_the_same),
		cmocka_unit_test(a_routes_part_is_its_own_unless_it_is_the_only_one),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
