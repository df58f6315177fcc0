/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct hf_hash_key key = { 1, 2 };

static struct hf_name name(const char *text)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, strlen(text), &n), 0);
	return n;
}

/* Routes for zones, and their table. */
struct map {
	struct hf_arena arena;
	struct hf_route routes[8];
	struct hf_route_table *table;
};

static void build(struct map *m, const char *const *zones, size_t count)
{
	memset(m, 0, sizeof *m);
	hf_arena_init(&m->arena, 0);
	for (size_t i = 0; i < count; i++)
		m->routes[i].zone = name(zones[i]);
	const struct hf_forward_conf conf = { .routes = m->routes, .route_count = count };
	assert_int_equal(hf_route_table_build(&m->arena, &key, &conf, &m->table), 0);
}

/* The index of the route that a name takes, or -1. */
static int taken(const struct map *m, const char *text)
{
	struct hf_name n = name(text);
	const struct hf_route *route = hf_route_find(m->table, &n);
	return route ? (int)(route - m->routes) : -1;
}

static void the_longest_zone_wins(void **state)
{
	static const char *const zones[] = { ".", "example", "a.example", "c.b.a.example" };
	struct map m;
	(void)state;
	build(&m, zones, 4);
	assert_int_equal(taken(&m, "."), 0);
	assert_int_equal(taken(&m, "other"), 0);
	assert_int_equal(taken(&m, "example"), 1);
	assert_int_equal(taken(&m, "x.example"), 1);
	assert_int_equal(taken(&m, "a.example"), 2);
	assert_int_equal(taken(&m, "b.a.example"), 2);
	assert_int_equal(taken(&m, "c.b.a.example"), 3);
	assert_int_equal(taken(&m, "z.y.x.c.b.a.example"), 3);
	hf_arena_clear(&m.arena);
}

static void zones_end_at_labels(void **state)
{
	static const char *const zones[] = { "example" };
	struct map m;
	(void)state;
	build(&m, zones, 1);
	assert_int_equal(taken(&m, "notexample"), -1);
	assert_int_equal(taken(&m, "not\\.example"), -1); /* a dot inside a label */
	assert_int_equal(taken(&m, "x\\007example"), -1); /* a length octet inside a label */
	assert_int_equal(taken(&m, "a.example"), 0);
	hf_arena_clear(&m.arena);
}

static void without_the_root_some_names_have_no_route(void **state)
{
	static const char *const zones[] = { "example", "b.test" };
	struct map m;
	(void)state;
	build(&m, zones, 2);
	assert_int_equal(taken(&m, "."), -1);
	assert_int_equal(taken(&m, "test"), -1);
	assert_int_equal(taken(&m, "a.test"), -1);
	assert_int_equal(taken(&m, "b.test"), 1);
	hf_arena_clear(&m.arena);
	build(&m, zones, 0);
	assert_int_equal(taken(&m, "a.example"), -1);
	hf_arena_clear(&m.arena);
}

static void a_hundred_thousand_zones_are_all_found(void **state)
{
	enum { MANY = 100000 };
	struct hf_route *routes = calloc(MANY, sizeof *routes);
	struct hf_arena arena;
	struct hf_route_table *table;
	char text[64];
	(void)state;
	assert_non_null(routes);
	hf_arena_init(&arena, 0);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "z%u.d%u.example", i, i % 7);
		routes[i].zone = name(text);
	}
	const struct hf_forward_conf conf = { .routes = routes, .route_count = MANY };
	assert_int_equal(hf_route_table_build(&arena, &key, &conf, &table), 0);
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "www.z%u.d%u.example", i, i % 7);
		struct hf_name n = name(text);
		assert_ptr_equal(hf_route_find(table, &n), &routes[i]);
		snprintf(text, sizeof text, "z%u.d%u.example", i, (i + 1) % 7);
		n = name(text);
		assert_null(hf_route_find(table, &n));
	}
	hf_arena_clear(&arena);
	free(routes);
}

static void want_of_memory_is_said(void **state)
{
	struct hf_arena arena;
	struct hf_route route = { .zone = { .len = 1 } };
	struct hf_route_table *table = NULL;
	(void)state;
	hf_arena_init(&arena, 1);
	const struct hf_forward_conf conf = { .routes = &route, .route_count = 1 };
	assert_true(hf_route_table_build(&arena, &key, &conf, &table) < 0);
	assert_null(table);
	hf_arena_clear(&arena);
}

static void what_a_route_says_is_laid_over_its_upstreams_and_nothing_else(void **state)
{
	const struct hf_upstream_conf before = {.timeout_min = 20,
		.timeout_max = 1500,
		.failures_to_open = 5,
		.rest_min = 200,
		.rest_max = 30000,
		.hedge = true,
		.retry = {10, 10},
		.budget = 7};
	struct hf_route route = {.upstream_count = 1};
	struct hf_upstream_conf conf = before;
	(void)state;
	assert_false(hf_route_has_figures(&route));
	hf_route_lay_over(&route, &conf);
	assert_memory_equal(&conf, &before, sizeof conf);
	route.figures.timeout_max = 800;
	route.figures.hedge = HF_HEDGE_NO;
	assert_true(hf_route_has_figures(&route));
	assert_false(hf_route_has_retry(&route));
	route.figures.retry.floor = 3;
	assert_true(hf_route_has_retry(&route));
	hf_route_lay_over(&route, &conf);
	assert_int_equal(conf.timeout_min, 20);
	assert_int_equal(conf.timeout_max, 800);
	assert_int_equal(conf.failures_to_open, 5);
	assert_false(conf.hedge);
	assert_int_equal(conf.retry.percent, 10);
	assert_int_equal(conf.retry.floor, 3);
	assert_int_equal(conf.budget, 7);
	route.figures = (struct hf_route_figures){.failures_to_open = 2,
		.rest_min = 1,
		.rest_max = 2,
		.timeout_min = 3,
		.hedge = HF_HEDGE_YES,
		.retry.percent = 1};
	hf_route_lay_over(&route, &conf);
	assert_int_equal(conf.timeout_min, 3);
	assert_int_equal(conf.failures_to_open, 2);
	assert_int_equal(conf.rest_min, 1);
	assert_int_equal(conf.rest_max, 2);
	assert_true(conf.hedge);
	assert_int_equal(conf.retry.percent, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_longest_zone_wins),
		cmocka_unit_test(zones_end_at_labels),
		cmocka_unit_test(without_the_root_some_names_have_no_route),
		cmocka_unit_test(a_hundred_thousand_zones_are_all_found),
		cmocka_unit_test(want_of_memory_is_said),
		cmocka_unit_test(what_a_route_says_is_laid_over_its_upstreams_and_nothing_else),
	};
	return cmocka_run_group_tests_name("route", tests, NULL, NULL);
}
