/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/cookie.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)

static const struct hf_hash_key key = {5, 6};

static struct hf_cookie cookie;
static uint8_t sent[HF_COOKIE_MAX], got[HF_COOKIE_MAX + 8];

static int set_up(void **state)
{
	const struct hf_address at = {.family = 4, .port = 53, .bytes = {192, 0, 2, 1}};
	(void)state;
	cookie = (struct hf_cookie){.server_len = 0};
	hf_cookie_begin(&cookie, &key, &at);
	return 0;
}

static size_t ask(bool again, hf_us now)
{
	return hf_cookie_write(&cookie, again, now, sent);
}

/* A reply with what was sent last, and so many octets of the upstream's. */
static enum hf_cookie_found reply(size_t server, uint8_t with, hf_us now)
{
	memcpy(got, sent, HF_COOKIE_CLIENT);
	memset(got + HF_COOKIE_CLIENT, with, server);
	const size_t len = HF_COOKIE_CLIENT + server;
	enum hf_cookie_found found = hf_cookie_look(sent, hf_cookie_due(&cookie, now), got, len);
	if (found == HF_COOKIE_GOOD || found == HF_COOKIE_ECHO)
		hf_cookie_heard(&cookie, sent, found, got, len, now);
	return found;
}

static enum hf_cookie_found without(hf_us now)
{
	return hf_cookie_look(sent, hf_cookie_due(&cookie, now), NULL, 0);
}

static void each_upstream_gets_a_cookie_of_its_own_and_another_one_each_day(void **state)
{
	const struct hf_address other = {.family = 4, .port = 53, .bytes = {192, 0, 2, 2}};
	uint8_t first[HF_COOKIE_CLIENT];
	(void)state;
	assert_int_equal(ask(false, START), HF_COOKIE_CLIENT);
	memcpy(first, sent, sizeof first);
	assert_int_equal(ask(false, START + 3600 * HF_SECOND), HF_COOKIE_CLIENT);
	assert_memory_equal(sent, first, sizeof first);
	ask(false, START + HF_COOKIE_LIFE);
	assert_memory_not_equal(sent, first, sizeof first);
	hf_cookie_begin(&cookie, &key, &other);
	ask(false, START);
	assert_memory_not_equal(sent, first, sizeof first);
}

static void without_a_secret_there_are_no_cookies(void **state)
{
	(void)state;
	cookie = (struct hf_cookie){.server_len = 0};
	assert_int_equal(ask(false, START), 0);
}

static void what_the_upstream_gave_goes_back_to_it_and_is_due_from_then_on(void **state)
{
	(void)state;
	ask(false, START);
	assert_int_equal(without(START), HF_COOKIE_NONE);
	assert_int_equal(reply(16, 0xab, START), HF_COOKIE_GOOD);
	assert_int_equal(ask(false, START), HF_COOKIE_CLIENT + 16);
	assert_int_equal(sent[HF_COOKIE_CLIENT + 15], 0xab);
	assert_int_equal(without(START), HF_COOKIE_MISSING);
	assert_int_equal(reply(8, 0xcd, START), HF_COOKIE_GOOD); /* it has another one now */
	assert_int_equal(ask(false, START), HF_COOKIE_CLIENT + 8);
	assert_int_equal(sent[HF_COOKIE_CLIENT], 0xcd);
}

static void a_cookie_that_is_not_ours_or_misshapen_is_wrong_whether_one_is_due_or_not(void **state)
{
	static const size_t misshapen[] = {0, 1, 7, 9, 15, 41, 48};
	(void)state;
	for (int due = 0; due <= 1; due++) {
		ask(false, START);
		memcpy(got, sent, HF_COOKIE_CLIENT);
		for (size_t i = 0; i < sizeof misshapen / sizeof *misshapen; i++)
			assert_int_equal(
				hf_cookie_look(sent, due, got, misshapen[i]), HF_COOKIE_WRONG);
		got[7] ^= 1;
		assert_int_equal(hf_cookie_look(sent, due, got, 16), HF_COOKIE_WRONG);
	}
}

static void an_echo_is_taken_and_makes_nothing_due(void **state)
{
	(void)state;
	ask(false, START);
	assert_int_equal(reply(0, 0, START), HF_COOKIE_ECHO);
	assert_int_equal(cookie.habit, HF_COOKIE_ECHOES);
	assert_int_equal(without(START), HF_COOKIE_NONE);
	assert_int_equal(ask(false, START), HF_COOKIE_CLIENT);
	reply(8, 1, START);
	assert_int_equal(reply(0, 0, START), HF_COOKIE_ECHO); /* it has seen the question */
}

static void what_is_due_lapses_when_it_has_not_been_seen_for_long(void **state)
{
	(void)state;
	ask(false, START);
	reply(8, 1, START);
	assert_int_equal(without(START + HF_COOKIE_MEMORY - 1), HF_COOKIE_MISSING);
	assert_int_equal(without(START + HF_COOKIE_MEMORY), HF_COOKIE_NONE);
}

static void who_gives_none_over_tcp_either_is_let_off_for_a_while(void **state)
{
	const hf_us later = START + HF_COOKIE_MEMORY;
	(void)state;
	ask(false, START);
	reply(8, 1, START);
	hf_cookie_ended(&cookie, START);
	assert_int_equal(without(START), HF_COOKIE_NONE);
	assert_int_equal(ask(false, START), HF_COOKIE_CLIENT);
	reply(8, 1, later - 1); /* one of several machines at one address may still give them */
	assert_int_equal(without(later - 1), HF_COOKIE_NONE);
	reply(8, 1, later);
	assert_int_equal(without(later), HF_COOKIE_MISSING);
}

static void what_belongs_to_an_older_cookie_of_ours_is_not_kept(void **state)
{
	uint8_t old[HF_COOKIE_MAX];
	(void)state;
	ask(false, START);
	memcpy(old, sent, sizeof old);
	ask(false, START + HF_COOKIE_LIFE);
	memset(old + HF_COOKIE_CLIENT, 7, 8);
	hf_cookie_heard(&cookie, old, HF_COOKIE_GOOD, old, 16, START + HF_COOKIE_LIFE);
	assert_int_equal(ask(false, START + HF_COOKIE_LIFE), HF_COOKIE_CLIENT);
}

static void who_is_silent_with_a_cookie_is_asked_without_unless_it_gave_one(void **state)
{
	(void)state;
	assert_int_equal(ask(true, START), 0); /* the second try of a question */
	for (int i = 0; i < 3; i++) {
		assert_int_equal(ask(false, START), HF_COOKIE_CLIENT);
		hf_cookie_unheard(&cookie, START);
	}
	assert_int_equal(ask(false, START), 0);
	assert_int_equal(ask(false, START + HF_COOKIE_MEMORY), HF_COOKIE_CLIENT);
	reply(8, 1, START + HF_COOKIE_MEMORY);
	for (int i = 0; i < 10; i++)
		hf_cookie_unheard(&cookie, START + HF_COOKIE_MEMORY);
	assert_int_equal(ask(true, START + HF_COOKIE_MEMORY), HF_COOKIE_CLIENT + 8);
}

static void several_wrong_ones_in_a_row_are_a_habit(void **state)
{
	(void)state;
	ask(false, START);
	for (int i = 0; i < 2; i++)
		hf_cookie_refused(&cookie, HF_COOKIE_WRONG);
	reply(8, 1, START);
	for (int i = 0; i < 2; i++)
		hf_cookie_refused(&cookie, HF_COOKIE_WRONG);
	hf_cookie_refused(&cookie, HF_COOKIE_MISSING);
	assert_int_equal(cookie.habit, HF_COOKIE_GIVES);
	hf_cookie_refused(&cookie, HF_COOKIE_WRONG);
	assert_int_equal(cookie.habit, HF_COOKIE_MANGLES);
	reply(8, 1, START);
	assert_int_equal(cookie.habit, HF_COOKIE_GIVES);
}

#define TEST(name) cmocka_unit_test_setup(name, set_up)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_upstream_gets_a_cookie_of_its_own_and_another_one_each_day),
		TEST(without_a_secret_there_are_no_cookies),
		TEST(what_the_upstream_gave_goes_back_to_it_and_is_due_from_then_on),
		TEST(a_cookie_that_is_not_ours_or_misshapen_is_wrong_whether_one_is_due_or_not),
		TEST(an_echo_is_taken_and_makes_nothing_due),
		TEST(what_is_due_lapses_when_it_has_not_been_seen_for_long),
		TEST(who_gives_none_over_tcp_either_is_let_off_for_a_while),
		TEST(what_belongs_to_an_older_cookie_of_ours_is_not_kept),
		TEST(who_is_silent_with_a_cookie_is_asked_without_unless_it_gave_one),
		TEST(several_wrong_ones_in_a_row_are_a_habit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
