/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meter/decision.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t www[HF_DECISION_NAME] = "\3www\7example";
static const uint8_t ftp[HF_DECISION_NAME] = "\3ftp\7example";

static struct hf_diary *diary_new(void)
{
	struct hf_diary *diary;
	assert_int_equal(hf_diary_new(HF_DIARY_SIZE, &diary), 0);
	return diary;
}

static void write_one(struct hf_diary *diary, enum hf_decided kind, const uint8_t *name, int32_t a)
{
	struct hf_decision *d = hf_diary_next(diary, kind);
	d->at = 0; /* clocks may stand still */
	d->a = a;
	hf_decision_about(d, name, 13, name == www ? 1 : 2, 1);
}

static void what_was_decided_is_read_in_its_order(void **state)
{
	(void)state;
	struct hf_diary *diary = diary_new();
	static const enum hf_decided kinds[] = {HF_DECIDED_ASK, HF_DECIDED_SILENT, HF_DECIDED_RETRY,
		HF_DECIDED_ANSWERED, HF_DECIDED_FAIL};
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	assert_null(hf_diary_read(diary, &reader));
	for (int i = 0; i < 5; i++)
		write_one(diary, kinds[i], www, i);
	for (int i = 0; i < 5; i++) {
		const struct hf_decision *d = hf_diary_read(diary, &reader);
		assert_non_null(d);
		assert_int_equal(d->kind, kinds[i]);
		assert_int_equal(d->a, i);
	}
	assert_null(hf_diary_read(diary, &reader));
	hf_diary_free(diary);
}

static void routine_does_not_push_out_what_is_notable(void **state)
{
	(void)state;
	struct hf_diary *diary = diary_new();
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	unsigned notable = 0, routine = 0;
	const struct hf_decision *d;
	write_one(diary, HF_DECIDED_HEDGE, www, 7);
	for (int i = 0; i < 100000; i++)
		write_one(diary, HF_DECIDED_ASK, ftp, i);
	while ((d = hf_diary_read(diary, &reader))) {
		notable += d->kind == HF_DECIDED_HEDGE;
		routine += d->kind == HF_DECIDED_ASK;
	}
	assert_int_equal(notable, 1);
	assert_int_equal(routine, HF_DIARY_SIZE.routine);
	hf_diary_free(diary);
}

static void who_reads_late_gets_what_is_still_there(void **state)
{
	(void)state;
	struct hf_diary *diary = diary_new();
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	for (unsigned i = 0; i < HF_DIARY_SIZE.notable + 3; i++)
		write_one(diary, HF_DECIDED_RETRY, www, (int32_t)i);
	assert_int_equal(hf_diary_read(diary, &reader)->a, 3);
	hf_diary_free(diary);
}

static void a_diary_is_as_large_as_its_owner_says(void **state)
{
	(void)state;
	struct hf_diary *diary;
	assert_int_equal(hf_diary_new((struct hf_diary_size){2, 4}, &diary), 0);
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	for (int i = 0; i < 9; i++)
		write_one(diary, i % 2 ? HF_DECIDED_ASK : HF_DECIDED_HEDGE, www, i);
	static const int left[] = {2, 4, 5, 6, 7, 8};
	for (unsigned i = 0; i < sizeof left / sizeof left[0]; i++)
		assert_int_equal(hf_diary_read(diary, &reader)->a, left[i]);
	assert_null(hf_diary_read(diary, &reader));
	hf_diary_free(diary);
}

/* The help of `holdfast decisions` says it in words. */
static void a_server_s_diary_has_room_for_so_many_lines(void **state)
{
	(void)state;
	assert_int_equal(HF_DIARY_SIZE.routine, 1024);
	assert_int_equal(HF_DIARY_SIZE.notable, 4096);
}

static void the_last_of_a_name_are_found_the_oldest_first(void **state)
{
	(void)state;
	struct hf_diary *diary = diary_new();
	struct hf_decision last[3];
	for (int i = 0; i < 10; i++)
		write_one(diary, i % 2 ? HF_DECIDED_ASK : HF_DECIDED_HEDGE, i % 2 ? ftp : www, i);
	assert_int_equal(hf_diary_last(diary, www, 13, 1, 1, last, 3), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(last[i].a, 4 + 2 * i);
	assert_int_equal(hf_diary_last(diary, NULL, 0, 0, 0, last, 3), 3);
	assert_int_equal(last[2].a, 9);
	/* Another type, and a name that only begins so, are others. */
	assert_int_equal(hf_diary_last(diary, www, 13, 1, 28, last, 3), 0);
	assert_int_equal(hf_diary_last(diary, www, 13, 3, 1, last, 3), 0);
	hf_diary_free(diary);
}

static void figures_that_do_not_fit_are_cut(void **state)
{
	(void)state;
	assert_int_equal(hf_decision_figure(HF_NEVER), INT32_MAX);
	assert_int_equal(hf_decision_figure(-5), 0);
	assert_int_equal(hf_decision_figure(60 * HF_MS), 60000);
}

static bool is_odd(const void *ctx, const struct hf_decision *d)
{
	return d->a % 2 == *(const int *)ctx;
}

static void the_last_that_fit_are_copied(void **state)
{
	(void)state;
	struct hf_diary *diary = diary_new();
	struct hf_decision last[3];
	const int odd = 1;
	for (int i = 0; i < 10; i++)
		write_one(diary, i % 3 ? HF_DECIDED_ASK : HF_DECIDED_FAIL, www, i);
	assert_int_equal(hf_diary_last_that(diary, is_odd, &odd, last, 3), 3);
	for (int i = 0; i < 3; i++)
		assert_int_equal(last[i].a, 5 + 2 * i);
	free(diary);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_decided_is_read_in_its_order),
		cmocka_unit_test(routine_does_not_push_out_what_is_notable),
		cmocka_unit_test(who_reads_late_gets_what_is_still_there),
		cmocka_unit_test(a_diary_is_as_large_as_its_owner_says),
		cmocka_unit_test(a_server_s_diary_has_room_for_so_many_lines),
		cmocka_unit_test(the_last_of_a_name_are_found_the_oldest_first),
		cmocka_unit_test(figures_that_do_not_fit_are_cut),
		cmocka_unit_test(the_last_that_fit_are_copied),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
