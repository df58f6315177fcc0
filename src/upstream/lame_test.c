/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/lame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)
#define MOST (30 * HF_SECOND)

static void failures(struct hf_lame *l, unsigned times, unsigned names)
{
	for (unsigned i = 0; i < times; i++)
		hf_lame_useless(l, 1 + i % names);
}

static void several_names_have_to_fail_before_the_zone_is_asked_about(void **state)
{
	struct hf_lame l = {0};
	(void)state;
	failures(&l, 100, 2);
	assert_false(hf_lame_wants_proof(&l, START));
	l = (struct hf_lame){0};
	failures(&l, 4, 4);
	assert_false(hf_lame_wants_proof(&l, START));
	failures(&l, 1, 1);
	assert_true(hf_lame_wants_proof(&l, START));
	hf_lame_asked(&l, START);
	assert_false(hf_lame_wants_proof(&l, START + HF_SECOND - 1));
	assert_true(hf_lame_wants_proof(&l, START + HF_SECOND));
	assert_false(hf_lame_rests(&l, START)); /* a suspicion is none */
}

static void who_has_answered_within_a_minute_is_not_suspected(void **state)
{
	struct hf_lame l = {0};
	(void)state;
	hf_lame_useful(&l, START);
	failures(&l, 100, 100);
	assert_false(hf_lame_wants_proof(&l, START + 59 * HF_SECOND));
	assert_true(hf_lame_wants_proof(&l, START + 60 * HF_SECOND));
	hf_lame_useful(&l, START + 61 * HF_SECOND); /* the zone itself, for one */
	failures(&l, 100, 100);
	assert_false(hf_lame_wants_proof(&l, START + 62 * HF_SECOND));
}

static void rests_double_from_a_second_and_have_an_end(void **state)
{
	struct hf_lame l = {0};
	hf_us now = START, expected = HF_SECOND;
	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		hf_lame_proven(&l, MOST, i % 2 ? UINT32_MAX : 0, now);
		assert_true(hf_lame_rests(&l, now));
		assert_true(hf_lame_rests(&l, now + expected - 1));
		assert_false(hf_lame_rests(&l, now + expected + expected / 4));
		now = l.until;
		/* One trial at a time, and its failure alone has the zone asked about. */
		assert_false(hf_lame_rests(&l, now));
		hf_lame_sent(&l, now);
		assert_true(hf_lame_rests(&l, now + HF_SECOND - 1));
		assert_false(hf_lame_wants_proof(&l, now));
		failures(&l, 1, 1);
		assert_true(hf_lame_wants_proof(&l, now));
		expected = 2 * expected > MOST ? MOST : 2 * expected;
	}
	hf_lame_useful(&l, now);
	assert_false(hf_lame_rests(&l, now));
	assert_int_equal(l.times, 0);
	hf_lame_sent(&l, now);
	assert_false(hf_lame_rests(&l, now));
}

static void a_rest_is_a_second_at_least(void **state)
{
	struct hf_lame l = {0};
	(void)state;
	hf_lame_proven(&l, 100 * HF_MS, 0, START); /* RFC 9520 3.2 */
	assert_int_equal(l.until, START + HF_SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(several_names_have_to_fail_before_the_zone_is_asked_about),
		cmocka_unit_test(who_has_answered_within_a_minute_is_not_suspected),
		cmocka_unit_test(rests_double_from_a_second_and_have_an_end),
		cmocka_unit_test(a_rest_is_a_second_at_least),
	};
	return cmocka_run_group_tests_name("lame", tests, NULL, NULL);
}
