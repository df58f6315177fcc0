/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/quarantine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)
#define MIDDLE 0x80000000u /* dice that give just the wait */
#define RELEASE 3

static struct hf_quarantine q;
static const struct hf_evidence evidence = {.lie = HF_LIE_ADDRESS};

static int set_up(void **state)
{
	(void)state;
	memset(&q, 0, sizeof q);
	return 0;
}

static struct hf_name name(const char *text)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, strlen(text), &n), 0);
	return n;
}

static struct hf_raised lied(const char *suffix, hf_us now)
{
	const struct hf_name n = name(suffix);
	const struct hf_question asked = {.name = n, .type = HF_TYPE_A, .class = HF_CLASS_IN};
	return hf_quarantine_lied(
		&q, &(struct hf_lied){&n, 1, &asked, &evidence, false}, now, MIDDLE);
}

static struct hf_raised answered_for_nothing(hf_us now)
{
	const struct hf_name n = name("xyzzy.example");
	const struct hf_question asked = {.name = n, .type = HF_TYPE_A, .class = HF_CLASS_IN};
	return hf_quarantine_lied(
		&q, &(struct hf_lied){&n, 0, &asked, &evidence, true}, now, MIDDLE);
}

static bool barred(const char *text)
{
	const struct hf_name n = name(text);
	return hf_quarantine_bars(&q, &n);
}

static bool probed(int place, enum hf_probed what, hf_us now)
{
	return hf_quarantine_probed(
		&q, (unsigned)place, q.bars[place].number, what, &evidence, RELEASE, now, MIDDLE);
}

/* Lets time pass until a probe is due; gives up after `most`. */
static hf_us when_due(hf_us now, hf_us most, int *ret_place)
{
	for (hf_us end = now + most; now < end; now += 10 * HF_MS)
		if ((*ret_place = hf_quarantine_due(&q, now)) >= 0)
			return now;
	fail_msg("nothing is due");
	return 0;
}

static void nobody_is_barred_who_has_not_lied(void **state)
{
	(void)state;
	assert_false(barred("db.corp.example"));
	assert_false(hf_quarantine_any(&q));
	assert_int_equal(hf_quarantine_due(&q, START), -1);
}

static void a_lie_bars_its_suffix_and_nothing_else(void **state)
{
	(void)state;
	struct hf_raised raised = lied("corp.example", START);
	assert_non_null(raised.bar);
	assert_null(raised.all);
	assert_true(barred("corp.example"));
	assert_true(barred("db.corp.example"));
	assert_false(barred("notcorp.example"));
	assert_false(barred("example"));
}

static void a_second_lie_of_the_same_raises_nothing_and_begins_the_count_anew(void **state)
{
	int place;
	(void)state;
	lied("corp.example", START);
	hf_us now = when_due(START, 2 * HF_SECOND, &place);
	assert_false(probed(place, HF_PROBED_TRUE, now));
	struct hf_raised raised = lied("db.corp.example", now);
	assert_null(raised.bar);
	assert_null(raised.all);
	assert_int_equal(q.bars[place].truths, 0);
	assert_int_equal(hf_quarantine_count(&q), 1);
}

static void three_suffixes_within_minutes_bar_everything(void **state)
{
	(void)state;
	lied("a.example", START);
	lied("b.example", START + 100 * HF_SECOND);
	struct hf_raised raised = lied("c.example", START + 200 * HF_SECOND);
	assert_non_null(raised.bar);
	assert_non_null(raised.all);
	assert_true(barred("anything.test"));
}

static void three_suffixes_over_an_hour_do_not(void **state)
{
	(void)state;
	lied("a.example", START);
	lied("b.example", START + 1200 * HF_SECOND);
	assert_null(lied("c.example", START + 2400 * HF_SECOND).all);
	assert_false(barred("anything.test"));
}

static void more_suffixes_than_can_be_kept_apart_bar_everything(void **state)
{
	char text[] = "a.example";
	(void)state;
	for (int i = 0; i < HF_BARS_MAX; i++, text[0]++)
		assert_null(lied(text, START + i * 1000 * HF_SECOND).all);
	struct hf_raised raised = lied(text, START + 9000 * HF_SECOND);
	assert_null(raised.bar);
	assert_non_null(raised.all);
}

static void an_answer_for_what_cannot_exist_bars_everything(void **state)
{
	(void)state;
	struct hf_raised raised = answered_for_nothing(START);
	assert_null(raised.bar);
	assert_non_null(raised.all);
	assert_true(barred("anything.test"));
	assert_int_equal(hf_quarantine_count(&q), 0);
}

static void so_many_truths_in_a_row_lower_it(void **state)
{
	int place;
	hf_us now = START;
	(void)state;
	lied("corp.example", START);
	for (int i = 0; i < RELEASE; i++) {
		now = when_due(now, 2 * HF_SECOND, &place);
		assert_true(barred("corp.example"));
		assert_int_equal(probed(place, HF_PROBED_TRUE, now), i == RELEASE - 1);
	}
	assert_false(hf_quarantine_any(&q));
}

static void one_lie_among_truths_begins_the_count_anew(void **state)
{
	static const enum hf_probed told[] = {
		HF_PROBED_TRUE, HF_PROBED_TRUE, HF_PROBED_FALSE, HF_PROBED_TRUE, HF_PROBED_TRUE};
	int place;
	hf_us now = START;
	(void)state;
	lied("corp.example", START);
	for (unsigned i = 0; i < 5; i++) {
		now = when_due(now, HF_PROBE_LONGEST * 2, &place);
		assert_false(probed(place, told[i], now));
	}
	now = when_due(now, HF_PROBE_LONGEST * 2, &place);
	assert_true(probed(place, HF_PROBED_TRUE, now));
}

static void what_shows_nothing_counts_neither_for_nor_against_it(void **state)
{
	int place;
	hf_us now = START;
	(void)state;
	lied("corp.example", START);
	for (int i = 0; i < 2; i++) {
		now = when_due(now, HF_PROBE_LONGEST * 2, &place);
		probed(place, HF_PROBED_TRUE, now);
	}
	for (int i = 0; i < 100; i++) {
		now = when_due(now, HF_PROBE_LONGEST * 2, &place);
		assert_false(probed(place, HF_PROBED_NOTHING, now));
	}
	now = when_due(now, HF_PROBE_LONGEST * 2, &place);
	assert_true(probed(place, HF_PROBED_TRUE, now));
}

static void who_goes_on_lying_is_probed_more_and_more_seldom(void **state)
{
	int place;
	hf_us now = START, before = START;
	(void)state;
	lied("corp.example", START);
	for (int i = 0; i < 20; i++) {
		before = now;
		now = when_due(now, HF_PROBE_LONGEST * 2, &place);
		probed(place, HF_PROBED_FALSE, now);
	}
	assert_in_range(now - before, HF_PROBE_LONGEST * 3 / 4, HF_PROBE_LONGEST * 5 / 4);
}

static void who_turns_honest_after_hours_is_back_within_a_minute(void **state)
{
	int place;
	hf_us now = START, turned;
	(void)state;
	lied("corp.example", START);
	for (int i = 0; i < 1000; i++) {
		now = when_due(now, HF_PROBE_LONGEST * 2, &place);
		probed(place, HF_PROBED_FALSE, now);
	}
	turned = now;
	do
		now = when_due(now, HF_PROBE_LONGEST * 2, &place);
	while (!probed(place, HF_PROBED_TRUE, now));
	assert_true(now - turned <= 60 * HF_SECOND);
}

static void a_probe_is_not_made_twice_at_once_and_a_lost_one_is_made_again(void **state)
{
	int place;
	(void)state;
	lied("corp.example", START);
	hf_us now = when_due(START, 2 * HF_SECOND, &place);
	assert_int_equal(hf_quarantine_due(&q, now + HF_SECOND), -1);
	assert_int_equal(hf_quarantine_due(&q, now + HF_PROBE_GIVEN_UP), place);
}

static void the_end_of_a_probe_of_another_bar_counts_for_nothing(void **state)
{
	(void)state;
	lied("corp.example", START);
	uint32_t number = q.bars[0].number;
	hf_quarantine_lower(&q, 0);
	lied("shop.example", START);
	for (int i = 0; i < 10; i++)
		assert_false(hf_quarantine_probed(
			&q, 0, number, HF_PROBED_TRUE, &evidence, 1, START, MIDDLE));
	assert_true(barred("shop.example"));
}

static void everything_stays_barred_while_several_suffixes_are(void **state)
{
	(void)state;
	lied("a.example", START);
	lied("b.example", START);
	lied("c.example", START);
	for (int i = 0; i < 10; i++)
		assert_false(probed(HF_BAR_ALL, HF_PROBED_TRUE, START));
	for (int i = 0; i < RELEASE; i++)
		probed(1, HF_PROBED_TRUE, START);
	assert_true(probed(HF_BAR_ALL, HF_PROBED_TRUE, START));
	assert_true(barred("a.example"));
	assert_false(barred("b.example"));
	assert_false(barred("anything.test"));
}

static void a_bar_tells_what_it_was_raised_for(void **state)
{
	struct hf_bar bar = {.asked = {.name = name("db.example")}};
	char text[HF_BAR_TEXT_MAX];
	(void)state;
	bar.evidence = (struct hf_evidence){.lie = HF_LIE_ADDRESS};
	assert_int_equal(hf_address_parse("192.0.2.66", 0, &bar.evidence.address), 0);
	assert_string_equal(hf_bar_text(&bar, text),
		"gave 192.0.2.66 for db.example, which is none of the addresses expected");
	bar.evidence.lie = HF_LIE_DENIED;
	assert_string_equal(hf_bar_text(&bar, text),
		"said that the name does not exist for db.example, which another upstream knows");
	bar.evidence.lie = HF_LIE_CANARY;
	assert_string_equal(
		hf_bar_text(&bar, text), "gave 192.0.2.66 for a name that does not exist");
}

static void of_two_bars_the_one_for_the_suffix_is_told_first(void **state)
{
	const struct hf_name a = name("www.a.example"), b = name("b.example");
	(void)state;
	assert_null(hf_quarantine_bar_of(&q, &a));
	lied("a.example", START);
	assert_ptr_equal(hf_quarantine_bar_of(&q, &a), &q.bars[0]);
	assert_null(hf_quarantine_bar_of(&q, &b));
	answered_for_nothing(START);
	assert_ptr_equal(hf_quarantine_bar_of(&q, &a), &q.bars[0]);
	assert_ptr_equal(hf_quarantine_bar_of(&q, &b), &q.bars[HF_BAR_ALL]);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup(name, set_up)
	const struct CMUnitTest tests[] = {
		TEST(nobody_is_barred_who_has_not_lied),
		TEST(a_lie_bars_its_suffix_and_nothing_else),
		TEST(a_second_lie_of_the_same_raises_nothing_and_begins_the_count_anew),
		TEST(three_suffixes_within_minutes_bar_everything),
		TEST(three_suffixes_over_an_hour_do_not),
		TEST(more_suffixes_than_can_be_kept_apart_bar_everything),
		TEST(an_answer_for_what_cannot_exist_bars_everything),
		TEST(so_many_truths_in_a_row_lower_it),
		TEST(one_lie_among_truths_begins_the_count_anew),
		TEST(what_shows_nothing_counts_neither_for_nor_against_it),
		TEST(who_goes_on_lying_is_probed_more_and_more_seldom),
		TEST(who_turns_honest_after_hours_is_back_within_a_minute),
		TEST(a_probe_is_not_made_twice_at_once_and_a_lost_one_is_made_again),
		TEST(the_end_of_a_probe_of_another_bar_counts_for_nothing),
		TEST(everything_stays_barred_while_several_suffixes_are),
		TEST(a_bar_tells_what_it_was_raised_for),
		TEST(of_two_bars_the_one_for_the_suffix_is_told_first),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
