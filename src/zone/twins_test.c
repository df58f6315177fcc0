/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/twins.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define OURS 0xabcdu
#define OTHER 0x1234u

static struct hf_twins twins;
static struct hf_twins_self self;
static struct hf_twin_report reports[HF_TWINS_MAX];
static hf_us now;

static void begin(size_t count, uint32_t serial)
{
	hf_twins_init(&twins, count);
	self = (struct hf_twins_self){.has_copy = true,
		.serial = serial,
		.sample = OURS,
		.proven = true,
		.primary_reached = true};
	memset(reports, 0, sizeof reports);
	now = 0;
}

static void serves(size_t i, uint32_t serial)
{
	reports[i] = (struct hf_twin_report){.said = HF_TWIN_SERVES,
		.has_serial = true,
		.serial = serial,
		.sampled = true,
		.sample = OURS};
}

static void withholds(size_t i, bool tells, uint32_t serial)
{
	reports[i] = (struct hf_twin_report){
		.said = HF_TWIN_WITHHELD, .has_serial = tells, .serial = serial};
}

static struct hf_twins_found round_of(const struct hf_twin_report *front)
{
	now += HF_SECOND;
	return hf_twins_round(&twins, &self, reports, front, now);
}

static void the_one_behind_is_named_in_the_second_round(void **state)
{
	(void)state;
	begin(2, 12);
	serves(0, 12);
	serves(1, 9);
	assert_int_equal(round_of(NULL).behind, false);
	assert_int_equal(twins.of[1].state, HF_TWIN_SAME);
	struct hf_twins_found found = round_of(NULL);
	assert_int_equal(twins.of[1].state, HF_TWIN_BEHIND);
	assert_int_equal(found.changed, 1u << 1);
	assert_false(twins.behind);
	serves(1, 12);
	assert_int_equal(round_of(NULL).changed, 1u << 1);
	assert_int_equal(twins.of[1].state, HF_TWIN_SAME);
}

static void we_see_ourselves_behind_too(void **state)
{
	(void)state;
	begin(1, 9);
	serves(0, 12);
	round_of(NULL);
	assert_false(twins.behind);
	assert_true(round_of(NULL).behind);
	assert_true(twins.behind);
	self.serial = 12;
	assert_true(round_of(NULL).behind);
	assert_false(twins.behind);
}

static void a_zone_that_changes_each_round_puts_nobody_behind(void **state)
{
	(void)state;
	begin(2, 1);
	for (uint32_t serial = 1; serial < 50; serial++) {
		self.serial = serial;
		serves(0, serial);
		serves(1, serial - 1 + (serial & 1)); /* a round late every other time */
		round_of(NULL);
		assert_int_equal(twins.of[1].state, HF_TWIN_SAME);
	}
}

static void serials_are_compared_around_the_end_of_their_range(void **state)
{
	(void)state;
	begin(1, UINT32_MAX);
	serves(0, 3);
	round_of(NULL);
	round_of(NULL);
	assert_true(twins.behind);
	assert_int_equal(twins.of[0].state, HF_TWIN_SAME);
}

static void a_serial_that_is_absurdly_far_ahead_alone_is_not_gone_by(void **state)
{
	(void)state;
	begin(2, 12);
	serves(0, 12);
	serves(1, 12 + (1u << 30) + 1);
	round_of(NULL);
	round_of(NULL);
	assert_false(twins.behind);
	assert_int_equal(twins.newest, 12);
	serves(0, 12 + (1u << 30) + 1); /* two show it: it is meant */
	round_of(NULL);
	round_of(NULL);
	assert_true(twins.behind);
}

static void who_does_not_answer_is_unknown_and_not_behind(void **state)
{
	(void)state;
	begin(2, 12);
	serves(1, 12);
	round_of(NULL);
	round_of(NULL);
	assert_int_equal(twins.of[0].state, HF_TWIN_UNKNOWN);
}

static void other_records_at_the_same_serial_are_told_in_the_second_round(void **state)
{
	(void)state;
	begin(1, 12);
	serves(0, 12);
	reports[0].sample = OTHER;
	assert_int_equal(round_of(NULL).changed, 1); /* from unknown */
	assert_int_equal(twins.of[0].state, HF_TWIN_SAME);
	round_of(NULL);
	assert_int_equal(twins.of[0].state, HF_TWIN_DIFFERS);
	assert_false(twins.odd); /* of two, nobody can tell which */
}

static void other_records_at_another_serial_are_nothing(void **state)
{
	(void)state;
	begin(1, 12);
	serves(0, 13);
	reports[0].sample = OTHER;
	for (int i = 0; i < 3; i++)
		round_of(NULL);
	assert_int_equal(twins.of[0].state, HF_TWIN_SAME);
}

static void we_are_odd_only_if_two_agree_against_us_and_nobody_with_us(void **state)
{
	(void)state;
	begin(3, 12);
	for (size_t i = 0; i < 3; i++)
		serves(i, 12);
	reports[0].sample = reports[1].sample = OTHER;
	round_of(NULL);
	round_of(NULL);
	assert_false(twins.odd);
	reports[2].said = HF_TWIN_SILENT, reports[2].has_serial = false;
	assert_true(round_of(NULL).odd);
	assert_true(twins.odd);
	reports[1].sample = OTHER + 1; /* they do not agree either */
	round_of(NULL);
	assert_false(twins.odd);
}

static void an_old_serial_at_the_front_names_who_can_have_given_it(void **state)
{
	(void)state;
	begin(2, 12);
	serves(0, 12);
	serves(1, 9);
	const struct hf_twin_report front = {
		.said = HF_TWIN_SERVES, .has_serial = true, .serial = 9};
	assert_false(round_of(&front).front);
	assert_true(round_of(&front).front);
	assert_true(twins.front_old);
	assert_int_equal(hf_twins_with(&twins, &self, 9), 1u << 1);
	assert_int_equal(hf_twins_with(&twins, &self, 12), 1u << 0 | HF_TWINS_US);
	assert_true(round_of(NULL).front);
	assert_false(twins.front_old);
}

/* ---- panic ---- */

static void lost(uint32_t serial)
{
	begin(2, serial);
	self.proven = self.primary_reached = false;
}

static void the_holder_of_the_newest_serves_once_all_have_lost_the_primaries(void **state)
{
	(void)state;
	lost(12);
	withholds(0, true, 12);
	withholds(1, true, 9);
	assert_false(round_of(NULL).panic);
	assert_true(round_of(NULL).panic);
	assert_true(twins.panic);
	reports[0].said = HF_TWIN_MARKED; /* the other holder does the same */
	round_of(NULL);
	assert_true(twins.panic);
}

static void who_holds_an_older_copy_does_not_serve_it(void **state)
{
	(void)state;
	lost(9);
	withholds(0, true, 12);
	withholds(1, true, 9);
	for (int i = 0; i < 5; i++)
		round_of(NULL);
	assert_false(twins.panic);
}

static void who_is_cut_off_from_all_siblings_does_not_panic(void **state)
{
	(void)state;
	lost(12);
	for (int i = 0; i < 5; i++)
		round_of(NULL);
	assert_false(twins.panic);
}

static void one_sibling_is_enough_to_panic_with(void **state)
{
	(void)state;
	lost(12);
	withholds(1, false, 0); /* another make of server: it does not say what it holds */
	round_of(NULL);
	round_of(NULL);
	assert_true(twins.panic);
}

static void panic_ends_with_the_round_in_which_it_has_no_ground_any_more(void **state)
{
	(void)state;
	for (int why = 0; why < 4; why++) {
		lost(12);
		withholds(0, true, 12);
		round_of(NULL);
		round_of(NULL);
		assert_true(twins.panic);
		if (why == 0)
			serves(0, 12);
		else if (why == 1)
			withholds(0, true, 13);
		else if (why == 2)
			self.primary_reached = true;
		else
			self.proven = true;
		assert_true(round_of(NULL).panic);
		assert_false(twins.panic);
	}
}

static void without_a_copy_there_is_nothing_to_panic_with(void **state)
{
	(void)state;
	lost(0);
	self.has_copy = false;
	withholds(0, false, 0);
	round_of(NULL);
	round_of(NULL);
	assert_false(twins.panic);
	assert_false(twins.behind);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_one_behind_is_named_in_the_second_round),
		cmocka_unit_test(we_see_ourselves_behind_too),
		cmocka_unit_test(a_zone_that_changes_each_round_puts_nobody_behind),
		cmocka_unit_test(serials_are_compared_around_the_end_of_their_range),
		cmocka_unit_test(a_serial_that_is_absurdly_far_ahead_alone_is_not_gone_by),
		cmocka_unit_test(who_does_not_answer_is_unknown_and_not_behind),
		cmocka_unit_test(other_records_at_the_same_serial_are_told_in_the_second_round),
		cmocka_unit_test(other_records_at_another_serial_are_nothing),
		cmocka_unit_test(we_are_odd_only_if_two_agree_against_us_and_nobody_with_us),
		cmocka_unit_test(an_old_serial_at_the_front_names_who_can_have_given_it),
		cmocka_unit_test(the_holder_of_the_newest_serves_once_all_have_lost_the_primaries),
		cmocka_unit_test(who_holds_an_older_copy_does_not_serve_it),
		cmocka_unit_test(who_is_cut_off_from_all_siblings_does_not_panic),
		cmocka_unit_test(one_sibling_is_enough_to_panic_with),
		cmocka_unit_test(panic_ends_with_the_round_in_which_it_has_no_ground_any_more),
		cmocka_unit_test(without_a_copy_there_is_nothing_to_panic_with),
	};
	return cmocka_run_group_tests_name("twins", tests, NULL, NULL);
}
