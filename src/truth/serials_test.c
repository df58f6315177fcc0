/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/serials.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)
#define ROUND (30 * HF_SECOND)
#define NOTHING UINT64_MAX /* no answer */
#define SERVERS 4

static struct hf_serial_of of[SERVERS];
static struct hf_serials s;
static hf_us now;

static int set_up(void **state)
{
	(void)state;
	memset(of, 0, sizeof of);
	s = (struct hf_serials){.of = of, .count = 3};
	now = START;
	return 0;
}

static struct hf_serials_found say(uint64_t a, uint64_t b, uint64_t c)
{
	const uint64_t serials[SERVERS] = {a, b, c, NOTHING};
	struct hf_serial_said said[SERVERS];
	for (unsigned i = 0; i < SERVERS; i++)
		said[i] = (struct hf_serial_said){serials[i] != NOTHING, (uint32_t)serials[i]};
	now += ROUND;
	return hf_serials_round(&s, said, now);
}

static struct hf_serials_found say_often(unsigned rounds, uint64_t a, uint64_t b, uint64_t c)
{
	struct hf_serials_found all = {0, 0, 0};
	for (unsigned i = 0; i < rounds; i++) {
		struct hf_serials_found found = say(a, b, c);
		all.out |= found.out;
		all.in |= found.in;
		all.doubted |= found.doubted;
	}
	return all;
}

static void nothing(struct hf_serials_found found)
{
	assert_int_equal(found.out | found.in | found.doubted, 0);
}

static void servers_that_are_the_same_are_all_in(void **state)
{
	(void)state;
	nothing(say_often(1000, 7, 7, 7));
}

static void one_that_does_not_follow_is_out_after_the_grace_and_back_when_it_has(void **state)
{
	(void)state;
	say_often(5, 7, 7, 7);
	nothing(say(8, 8, 7));
	nothing(say(8, 8, 7));
	assert_int_equal(say(8, 8, 7).out, 1 << 2);
	assert_true(of[2].out);
	nothing(say_often(10, 8, 8, 7));
	assert_int_equal(say(8, 8, 8).in, 1 << 2);
	assert_false(of[2].out);
}

static void the_first_rounds_put_nobody_out(void **state)
{
	(void)state;
	nothing(say_often(HF_SERIALS_GRACE, 8, 7, 8));
	assert_int_equal(say(8, 7, 8).out, 1 << 1);
}

static void a_transfer_within_the_grace_puts_nobody_out(void **state)
{
	(void)state;
	for (unsigned serial = 1; serial < 1000; serial++) {
		nothing(say(serial, serial - 1, serial - 1));
		nothing(say(serial, serial, serial - 1));
		nothing(say(serial, serial, serial));
	}
}

static void a_zone_that_changes_all_the_time_puts_nobody_out(void **state)
{
	(void)state;
	/* Both secondaries are always a transfer behind, and never stop. */
	for (unsigned serial = 1000; serial < 100000; serial += 30)
		nothing(say(serial, serial - 20, serial - 10));
}

static void serials_go_round_as_rfc_1982_has_it(void **state)
{
	(void)state;
	assert_true(hf_serial_older(0xffffffff, 0));
	assert_false(hf_serial_older(0, 0xffffffff));
	assert_false(hf_serial_older(5, 5));
	assert_false(hf_serial_older(0, 1u << 31));
	assert_false(hf_serial_older(1u << 31, 0));
	say_often(5, 0xffffffff, 0xffffffff, 0xffffffff);
	assert_int_equal(say_often(3, 3, 3, 0xffffffff).out, 1 << 2);
	assert_int_equal(say(3, 3, 3).in, 1 << 2);
}

static void of_two_servers_the_one_ahead_is_right(void **state)
{
	(void)state;
	s.count = 2;
	say_often(5, 7, 7, NOTHING);
	assert_int_equal(say_often(3, 8, 7, NOTHING).out, 1 << 1);
	nothing(say_often(1000, 8, 7, NOTHING));
}

static void a_serial_out_of_this_world_that_one_shows_is_doubted(void **state)
{
	(void)state;
	say_often(5, 7, 7, 7);
	struct hf_serials_found found = say_often(100, 0x60000000, 7, 7);
	assert_int_equal(found.doubted, 1);
	assert_int_equal(found.out, 0);
	s.count = 2;
	nothing(say_often(100, 0x60000000, 7, NOTHING));
}

static void a_change_to_a_smaller_number_by_two_jumps_is_followed_when_a_second_server_shows_it(
	void **state)
{
	(void)state;
	const uint32_t from = 2026112101, over = from + 0x7fffffff, to = 1;
	say_often(5, from, from, from);
	assert_int_equal(say(over, from, from).doubted, 1);
	nothing(say(over, over, from));
	nothing(say(over, over, over));
	say(to, over, over);
	assert_int_equal(say(to, to, over).out, 0);
	nothing(say_often(5, to, to, to));
}

static void one_that_the_others_have_not_followed_for_an_hour_is_doubted(void **state)
{
	(void)state;
	say_often(5, 7, 7, 7);
	assert_int_equal(say_often(3, 9, 7, 7).out, 6);
	struct hf_serials_found found = say_often(125, 9, 7, 7);
	assert_int_equal(found.doubted, 1);
	assert_int_equal(found.in, 6);
	assert_false(of[1].out || of[2].out);
	/* A second server with the same serial settles it. */
	assert_int_equal(say_often(3, 9, 9, 7).out, 1 << 2);
}

static void when_the_one_with_the_newest_zone_is_gone_the_others_are_the_best_there_is(void **state)
{
	(void)state;
	s.count = 2;
	say_often(5, 7, 7, NOTHING);
	say_often(5, 8, 7, NOTHING);
	assert_true(of[1].out);
	nothing(say_often(HF_SERIALS_GRACE, NOTHING, 7, NOTHING));
	assert_int_equal(say(NOTHING, 7, NOTHING).in, 1 << 1);
	nothing(say_often(100, NOTHING, 7, NOTHING));
}

static void who_says_nothing_is_neither_put_out_nor_let_in(void **state)
{
	(void)state;
	say_often(5, 7, 7, 7);
	nothing(say_often(10, 8, 8, NOTHING));
	assert_int_equal(say_often(3, 8, 8, 7).out, 1 << 2);
	nothing(say_often(10, 8, 8, NOTHING));
	assert_true(of[2].out);
}

static void where_nobody_answers_nothing_is_known(void **state)
{
	(void)state;
	nothing(say_often(10, NOTHING, NOTHING, NOTHING));
}

static void no_order_of_serials_puts_all_out(void **state)
{
	uint32_t dice = 12345;
	(void)state;
	for (unsigned i = 0; i < 100000; i++) {
		uint32_t serial[3];
		for (unsigned k = 0; k < 3; k++) {
			dice = dice * 1664525 + 1013904223;
			serial[k] = dice >> 30 ? dice & 0xc0000003 : dice;
		}
		say(serial[0], serial[1], serial[2]);
		assert_false(of[0].out && of[1].out && of[2].out);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(servers_that_are_the_same_are_all_in),
		TEST(one_that_does_not_follow_is_out_after_the_grace_and_back_when_it_has),
		TEST(the_first_rounds_put_nobody_out),
		TEST(a_transfer_within_the_grace_puts_nobody_out),
		TEST(a_zone_that_changes_all_the_time_puts_nobody_out),
		TEST(serials_go_round_as_rfc_1982_has_it),
		TEST(of_two_servers_the_one_ahead_is_right),
		TEST(a_serial_out_of_this_world_that_one_shows_is_doubted),
		TEST(a_change_to_a_smaller_number_by_two_jumps_is_followed_when_a_second_server_shows_it),
		TEST(one_that_the_others_have_not_followed_for_an_hour_is_doubted),
		TEST(when_the_one_with_the_newest_zone_is_gone_the_others_are_the_best_there_is),
		TEST(who_says_nothing_is_neither_put_out_nor_let_in),
		TEST(where_nobody_answers_nothing_is_known),
		TEST(no_order_of_serials_puts_all_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
