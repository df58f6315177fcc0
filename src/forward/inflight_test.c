/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/inflight.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static struct hf_flight flight(uint64_t hash, const char *text, uint16_t type, uint8_t flags)
{
	struct hf_flight f = {.hash = hash, .flags = flags};
	f.question = (struct hf_question){.type = type, .class = HF_CLASS_IN};
	assert_int_equal(hf_name_from_text(text, strlen(text), &f.question.name), 0);
	return f;
}

static struct hf_flight *find(const struct hf_inflight *table, const struct hf_flight *like)
{
	const struct hf_cache_key key = {.hash = like->hash,
		.name = &like->question.name,
		.type = like->question.type,
		.class = like->question.class,
		.flags = like->flags};
	return hf_inflight_find(table, &key);
}

static void questions_that_differ_in_anything_are_not_the_same(void **state)
{
	struct hf_inflight table;
	struct hf_flight f[] = {
		flight(7, "a.example", HF_TYPE_A, 0),
		flight(7, "b.example", HF_TYPE_A, 0),
		flight(7, "a.example", HF_TYPE_AAAA, 0),
		flight(7, "a.example", HF_TYPE_A, 1),
		flight(7, "a.example.x", HF_TYPE_A, 0),
		flight(7 + 16, "a.example", HF_TYPE_A, 0),
	};
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 16, 16), 0);
	for (size_t i = 0; i < 6; i++) { /* all in one bucket */
		assert_null(find(&table, &f[i]));
		assert_int_equal(hf_inflight_add(&table, &f[i]), 0);
	}
	for (size_t i = 0; i < 6; i++)
		assert_ptr_equal(find(&table, &f[i]), &f[i]);
	static const size_t order[] = {2, 5, 0, 1, 4, 3};
	for (size_t i = 0; i < 6; i++) {
		hf_inflight_remove(&table, &f[order[i]]);
		assert_null(find(&table, &f[order[i]]));
		assert_int_equal(table.flights, 5 - i);
	}
	hf_inflight_clear(&table);
}

static void waiters_leave_once_each_even_after_the_flight_is_taken_out(void **state)
{
	struct hf_inflight table;
	struct hf_flight f = flight(1, "a.example", HF_TYPE_A, 0);
	struct hf_waiter got;
	unsigned seen = 0;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 4, 100), 0);
	assert_int_equal(hf_inflight_add(&table, &f), 0);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < 10; i++)
			assert_int_equal(
				hf_inflight_join(&table, &f,
					&(struct hf_waiter){
						.worker = 3, .ticket = i, .generation = i + 1}),
				0);
		assert_int_equal(table.waiters, 10);
		assert_int_equal(f.waiter_count, 10);
		if (round == 2)
			hf_inflight_remove(&table, &f);
		for (seen = 0; hf_inflight_leave(&table, &f, &got); seen |= 1u << got.ticket) {
			assert_false(seen >> got.ticket & 1);
			assert_int_equal(got.generation, got.ticket + 1);
			assert_int_equal(got.worker, 3);
		}
		assert_int_equal(seen, (1u << 10) - 1);
		assert_int_equal(table.waiters, 0);
	}
	hf_inflight_clear(&table);
}

static void both_bounds_hold(void **state)
{
	struct hf_inflight table;
	struct hf_flight a = flight(1, "a.example", HF_TYPE_A, 0), b = a, c = a;
	const struct hf_waiter who = {.ticket = 1};
	struct hf_waiter got;
	b.hash = 2;
	c.hash = 3;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 2, 3), 0);
	assert_int_equal(hf_inflight_add(&table, &a), 0);
	assert_int_equal(hf_inflight_add(&table, &b), 0);
	assert_int_equal(hf_inflight_add(&table, &c), HF_EBOUND);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hf_inflight_join(&table, i ? &a : &b, &who), 0);
	assert_int_equal(hf_inflight_join(&table, &b, &who), HF_EBOUND);
	assert_true(hf_inflight_leave(&table, &a, &got));
	assert_int_equal(hf_inflight_join(&table, &b, &who), 0);
	while (hf_inflight_leave(&table, &a, &got) || hf_inflight_leave(&table, &b, &got))
		;
	hf_inflight_remove(&table, &a);
	assert_int_equal(hf_inflight_add(&table, &c), 0);
	hf_inflight_remove(&table, &b);
	hf_inflight_remove(&table, &c);
	hf_inflight_clear(&table);
}

/* Flights of one client to one upstream, until there is no more room. */
static size_t add_many(struct hf_inflight *table, struct hf_flight *flights, size_t most,
	uint64_t client, uint64_t upstream)
{
	for (size_t i = 0; i < most; i++) {
		flights[i] = flight(i, "a.example", HF_TYPE_A, 0);
		flights[i].client = client;
		flights[i].upstream = upstream;
		if (hf_inflight_add(table, &flights[i]))
			return i;
	}
	return most;
}

static void remove_many(struct hf_inflight *table, struct hf_flight *flights, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hf_inflight_remove(table, &flights[i]);
}

static void one_client_cannot_fill_the_table(void **state)
{
	static struct hf_flight first[100], second[100];
	struct hf_inflight table;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 100, 100), 0);
	for (int round = 0; round < 3; round++) { /* what it held is given back */
		size_t most = add_many(&table, first, 100, 1, 0);
		assert_int_equal(most, 80);
		size_t other = add_many(&table, second, 100, 2, 0);
		assert_int_equal(other, 16);
		remove_many(&table, second, other);
		remove_many(&table, first, most);
		assert_int_equal(table.flights, 0);
	}
	hf_inflight_clear(&table);
}

static void one_upstream_cannot_fill_the_table_whoever_asks(void **state)
{
	static struct hf_flight dead[100], good[100];
	struct hf_inflight table;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 100, 100), 0);
	for (int round = 0; round < 3; round++) {
		size_t up = 0;
		while (up < 100 && add_many(&table, &dead[up], 1, 1000 + up, 6) == 1)
			up++;
		assert_int_equal(up, 80);
		size_t other = add_many(&table, good, 100, 0, 7);
		assert_int_equal(other, 16);
		remove_many(&table, good, other);
		remove_many(&table, dead, up);
	}
	hf_inflight_clear(&table);
}

static void one_client_cannot_fill_what_its_upstream_may_have(void **state)
{
	static struct hf_flight first[1000], second[1000];
	struct hf_inflight table;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 1000, 1000), 0);
	for (int round = 0; round < 3; round++) {
		size_t most = add_many(&table, first, 1000, 1, 6);
		assert_int_equal(most, 640);
		size_t other = add_many(&table, second, 1000, 2, 6);
		assert_in_range(other, 100, 160);
		remove_many(&table, second, other);
		remove_many(&table, first, most);
	}
	hf_inflight_clear(&table);
}

static void what_the_house_asks_for_itself_is_bound_by_the_table_alone(void **state)
{
	static struct hf_flight flights[100];
	struct hf_inflight table;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 100, 100), 0);
	assert_int_equal(add_many(&table, flights, 100, 0, 0), 100);
	remove_many(&table, flights, 100);
	hf_inflight_clear(&table);
}

static size_t wait_many(struct hf_inflight *table, struct hf_flight *f, uint64_t client)
{
	size_t count = 0;
	const struct hf_waiter who = {.client = client};
	while (hf_inflight_join(table, f, &who) == 0)
		count++;
	return count;
}

static void one_client_cannot_take_all_the_room_to_wait(void **state)
{
	struct hf_inflight table;
	struct hf_flight f = flight(1, "a.example", HF_TYPE_A, 0);
	struct hf_waiter got;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 4, 100), 0);
	assert_int_equal(hf_inflight_add(&table, &f), 0);
	for (int round = 0; round < 3; round++) {
		assert_int_equal(wait_many(&table, &f, 1), 80);
		assert_int_equal(wait_many(&table, &f, 2), 16);
		while (hf_inflight_leave(&table, &f, &got))
			;
		assert_int_equal(table.waiters, 0);
	}
	hf_inflight_remove(&table, &f);
	hf_inflight_clear(&table);
}

/* Flights of one route, each of a client of its own, until there is no more room. */
static size_t add_of_route(struct hf_inflight *table, struct hf_flight *flights, size_t most,
	uint64_t upstream, struct hf_part part, bool inner, int *ret_rc)
{
	for (size_t i = 0; i < most; i++) {
		flights[i] = flight(i, "a.example", HF_TYPE_A, 0);
		flights[i].client = 1000 * part.holder + i + 1;
		flights[i].upstream = upstream;
		flights[i].part = part;
		flights[i].inner = inner;
		*ret_rc = hf_inflight_add(table, &flights[i]);
		if (*ret_rc)
			return i;
	}
	return most;
}

static void a_route_has_its_part_of_the_table_whatever_its_upstreams(void **state)
{
	static struct hf_flight dead[100], well[100];
	struct hf_inflight table;
	int rc;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 100, 100), 0);
	for (int round = 0; round < 3; round++) {
		/* Half, and half of what is left; nobody's upstream is known. */
		size_t most =
			add_of_route(&table, dead, 100, 0, (struct hf_part){1, 50}, false, &rc);
		assert_int_equal(most, 50);
		assert_int_equal(rc, HF_ESHARE);
		size_t other =
			add_of_route(&table, well, 100, 0, (struct hf_part){2, 50}, false, &rc);
		assert_int_equal(other, 25);
		remove_many(&table, well, other);
		remove_many(&table, dead, most);
		assert_int_equal(table.flights, 0);
	}
	hf_inflight_clear(&table);
}

static void dead_zones_leave_room_to_others_that_go_to_the_same_upstream(void **state)
{
	static struct hf_flight dead[100], dead_too[100], well[100];
	struct hf_inflight table;
	int rc;
	(void)state;
	assert_int_equal(hf_inflight_init(&table, 100, 100), 0);
	size_t first = add_of_route(&table, dead, 100, 7, (struct hf_part){1, 80}, true, &rc);
	assert_int_equal(first, 64); /* four fifths of the upstream's four fifths */
	assert_int_equal(rc, HF_ESHARE);
	size_t second = add_of_route(&table, dead_too, 100, 7, (struct hf_part){2, 80}, true, &rc);
	assert_in_range(second, 9, 14);
	assert_int_equal(rc, HF_ESHARE);
	size_t third = add_of_route(&table, well, 3, 7, (struct hf_part){3, 80}, true, &rc);
	assert_in_range(third, 2, 3); /* a few; and as those end, more */
	remove_many(&table, dead + first - 20, 20);
	remove_many(&table, well, third);
	assert_int_equal(add_of_route(&table, well, 12, 7, (struct hf_part){3, 80}, true, &rc), 12);
	hf_inflight_clear(&table);
}

static void waiters_of_one_route_leave_room_to_those_of_another(void **state)
{
	struct hf_inflight table;
	struct hf_flight dead = flight(1, "a.example", HF_TYPE_A, 0), well = dead;
	struct hf_waiter got;
	uint64_t client = 0;
	int rc;
	(void)state;
	well.hash = 2;
	dead.part = (struct hf_part){1, 80};
	well.part = (struct hf_part){2, 80};
	assert_int_equal(hf_inflight_init(&table, 10, 100), 0);
	assert_int_equal(hf_inflight_add(&table, &dead), 0);
	assert_int_equal(hf_inflight_add(&table, &well), 0);
	while (!(rc = hf_inflight_join(&table, &dead, &(struct hf_waiter){.client = ++client})))
		;
	assert_int_equal(rc, HF_ESHARE);
	assert_int_equal(dead.waiter_count, 80);
	for (unsigned i = 0; i < 16; i++)
		assert_int_equal(
			hf_inflight_join(&table, &well, &(struct hf_waiter){.client = ++client}),
			0);
	while (hf_inflight_leave(&table, &dead, &got) || hf_inflight_leave(&table, &well, &got))
		;
	for (unsigned i = 0; i < 80; i++)
		assert_int_equal(
			hf_inflight_join(&table, &well, &(struct hf_waiter){.client = ++client}),
			0);
	while (hf_inflight_leave(&table, &well, &got))
		;
	hf_inflight_remove(&table, &dead);
	hf_inflight_remove(&table, &well);
	hf_inflight_clear(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(questions_that_differ_in_anything_are_not_the_same),
		cmocka_unit_test(waiters_leave_once_each_even_after_the_flight_is_taken_out),
		cmocka_unit_test(both_bounds_hold),
		cmocka_unit_test(one_client_cannot_fill_the_table),
		cmocka_unit_test(one_upstream_cannot_fill_the_table_whoever_asks),
		cmocka_unit_test(one_client_cannot_fill_what_its_upstream_may_have),
		cmocka_unit_test(what_the_house_asks_for_itself_is_bound_by_the_table_alone),
		cmocka_unit_test(one_client_cannot_take_all_the_room_to_wait),
		cmocka_unit_test(a_route_has_its_part_of_the_table_whatever_its_upstreams),
		cmocka_unit_test(dead_zones_leave_room_to_others_that_go_to_the_same_upstream),
		cmocka_unit_test(waiters_of_one_route_leave_room_to_those_of_another),
	};
	return cmocka_run_group_tests_name("inflight", tests, NULL, NULL);
}
