/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/diaries.h"

#include <time.h>
#include <unistd.h>

#include "engine/stage.h"
#include "loop/loop_epoll.h"

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static struct hf_decision about(const char *text)
{
	const struct hf_name name = name_of(text);
	struct hf_decision d = {
		.slot = 3, .other = HF_DECISION_NOBODY, .client = 7, .kind = HF_DECIDED_FAIL};
	hf_decision_about(&d, name.bytes, name.len, 1, 1);
	return d;
}

static const struct hf_diaries_wish any = {.slot = HF_DECISION_NOBODY, .most = 1};

static void who_wishes_for_nothing_gets_all(void **state)
{
	const struct hf_decision d = about("www.shop.example");
	(void)state;
	assert_true(hf_diaries_fits(NULL, &any, &d));
}

static void a_name_fits_itself_and_what_is_below_it(void **state)
{
	const struct hf_decision d = about("www.shop.example");
	struct hf_diaries_wish wish = any;
	(void)state;
	wish.name = name_of("www.shop.example");
	assert_true(hf_diaries_fits(NULL, &wish, &d));
	wish.name = name_of("shop.example");
	assert_true(hf_diaries_fits(NULL, &wish, &d));
	wish.name = name_of("op.example");
	assert_false(hf_diaries_fits(NULL, &wish, &d));
	wish.name = name_of("a.www.shop.example");
	assert_false(hf_diaries_fits(NULL, &wish, &d));
	wish.name = name_of(".");
	assert_true(hf_diaries_fits(NULL, &wish, &d));
}

static void a_name_that_was_cut_is_found_whole_only(void **state)
{
	static const char long_one[] =
		"www.a-label-of-some-length.another-label-of-some-length.a-third-label-of-some-"
		"length.shop.example";
	const struct hf_decision d = about(long_one);
	struct hf_diaries_wish wish = any;
	(void)state;
	assert_true(d.name_len > HF_DECISION_NAME);
	wish.name = name_of(long_one);
	assert_true(hf_diaries_fits(NULL, &wish, &d));
	wish.name = name_of("shop.example");
	assert_false(hf_diaries_fits(NULL, &wish, &d));
}

static void an_upstream_fits_whether_it_was_asked_or_was_silent(void **state)
{
	struct hf_decision d = about("www.shop.example");
	struct hf_diaries_wish wish = any;
	(void)state;
	wish.slot = 3;
	assert_true(hf_diaries_fits(NULL, &wish, &d));
	wish.slot = 4;
	assert_false(hf_diaries_fits(NULL, &wish, &d));
	d.other = 4;
	assert_true(hf_diaries_fits(NULL, &wish, &d));
}

static void a_client_fits_its_own(void **state)
{
	const struct hf_decision d = about("www.shop.example");
	struct hf_diaries_wish wish = any;
	(void)state;
	wish.client = 7;
	assert_true(hf_diaries_fits(NULL, &wish, &d));
	wish.client = 8;
	assert_false(hf_diaries_fits(NULL, &wish, &d));
}

/* ---- asking workers ---- */

struct office {
	struct stage stage;
	struct hf_under_way all;
};

/* What happens while who asks takes a nap. */
static void (*meanwhile)(struct office *o);
static struct office *here;

/* In the place of the one that whoever asks would wait in. */
int usleep(useconds_t us)
{
	(void)us;
	meanwhile(here);
	return 0;
}

static void workers_turn(struct office *o)
{
	hf_sim_run_for(o->stage.sim, HF_MS);
}

static void time_passes(struct office *o)
{
	const struct timespec nap = {.tv_nsec = 20 * 1000000};
	(void)o;
	nanosleep(&nap, NULL);
}

static void workers_turn_as_time_passes(struct office *o)
{
	workers_turn(o);
	time_passes(o);
}

static int open_office(void **state)
{
	here = calloc(1, sizeof *here);
	assert_non_null(here);
	stage_open(&here->stage, STAGE_WORKERS);
	hf_under_way_init(&here->all);
	meanwhile = workers_turn;
	*state = here;
	return 0;
}

static int close_office(void **state)
{
	struct office *o = *state;
	stage_close(&o->stage);
	hf_diaries_clear(&o->all);
	assert_int_equal(o->all.count, 0);
	free(o);
	return 0;
}

/* A line in a worker's diary, whose figure tells it from others. */
static void decide(struct office *o, unsigned worker, hf_us at, int32_t a)
{
	struct hf_diary *diary =
		(struct hf_diary *)(uintptr_t)hf_worker_diary(o->stage.worker[worker]);
	const struct hf_decision like = about("www.shop.example");
	struct hf_decision *d = hf_diary_next(diary, HF_DECIDED_FAIL);
	const uint32_t number = d->number;
	*d = like;
	d->number = number;
	d->at = at;
	d->a = a;
}

static int read_last(struct office *o, size_t most, struct hf_recollection *ret)
{
	struct hf_diaries_wish wish = any;
	wish.most = most;
	return hf_diaries_read(&o->all, o->stage.worker, STAGE_WORKERS, &wish, ret);
}

static void the_last_of_all_workers_are_told_in_order_of_time(void **state)
{
	struct office *o = *state;
	struct hf_recollection found;
	decide(o, 0, 1, 10);
	decide(o, 0, 4, 11); /* three at once: by worker, then in the order of its diary */
	decide(o, 0, 4, 12);
	decide(o, 1, 2, 20);
	decide(o, 1, 4, 21);
	decide(o, 1, 3, 22); /* a clock that went back */
	assert_int_equal(read_last(o, 10, &found), 0);
	static const int32_t all[] = {10, 20, 22, 11, 12, 21};
	assert_int_equal(found.count, 6);
	for (size_t i = 0; i < found.count; i++) {
		assert_int_equal(found.items[i].decision.a, all[i]);
		assert_int_equal(found.items[i].worker, all[i] / 10 - 1);
	}
	assert_int_equal(found.workers, STAGE_WORKERS);
	assert_int_equal(found.silent, 0);
	free(found.items);
	assert_int_equal(read_last(o, 4, &found), 0);
	assert_int_equal(found.count, 4);
	for (size_t i = 0; i < found.count; i++)
		assert_int_equal(found.items[i].decision.a, all[2 + i]);
	free(found.items);
	assert_int_equal(o->all.count, 0);
}

static void all_that_a_wish_may_ask_for_comes_and_no_more(void **state)
{
	struct office *o = *state;
	struct hf_recollection found;
	for (int32_t i = 0; i < HF_DIARIES_MOST; i++) {
		decide(o, 0, i, -1);
		decide(o, 1, HF_DIARIES_MOST + i, i); /* one of them has them all */
	}
	assert_int_equal(read_last(o, HF_DIARIES_MOST, &found), 0);
	assert_int_equal(found.count, HF_DIARIES_MOST);
	assert_int_equal(found.items[0].decision.a, 0);
	assert_int_equal(found.items[found.count - 1].decision.a, HF_DIARIES_MOST - 1);
	free(found.items);
}

static void one_that_has_no_time_is_counted_and_what_it_finds_later_is_dropped(void **state)
{
	struct office *o = *state;
	struct hf_recollection found;
	decide(o, 0, 1, 10);
	decide(o, 1, 2, 20);
	hf_sim_stall(o->stage.loops[1], 3600 * HF_SECOND);
	meanwhile = workers_turn_as_time_passes;
	hf_us before = hf_clock_now();
	assert_int_equal(read_last(o, 10, &found), 0);
	assert_in_range(hf_clock_now() - before, HF_DIARIES_LONGEST, 10 * HF_DIARIES_LONGEST);
	assert_int_equal(found.workers, STAGE_WORKERS);
	assert_int_equal(found.silent, 1);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.items[0].decision.a, 10);
	free(found.items);
	assert_int_equal(o->all.count, 1);
	hf_sim_run_for(o->stage.sim, 7200 * HF_SECOND);
	assert_int_equal(o->all.count, 0);
	meanwhile = workers_turn;
	assert_int_equal(read_last(o, 10, &found), 0);
	assert_int_equal(found.count, 2);
	free(found.items);
}

/* Who asks while others wait for workers that do not look. */
static unsigned under_way;

static void another_asks(struct office *o)
{
	struct hf_recollection found = {.items = NULL};
	bool room = ++under_way < HF_DIARIES_UNDER_WAY;
	meanwhile = room ? another_asks : time_passes;
	int rc = read_last(o, 10, &found);
	assert_int_equal(rc, room ? 0 : HF_EBOUND);
	assert_int_equal(found.silent, room ? STAGE_WORKERS : 0);
	free(found.items);
	meanwhile = time_passes;
}

static void so_many_may_ask_at_once_and_no_more(void **state)
{
	struct office *o = *state;
	struct hf_recollection found;
	under_way = 0;
	meanwhile = another_asks;
	assert_int_equal(read_last(o, 10, &found), 0);
	free(found.items);
	assert_int_equal(under_way, HF_DIARIES_UNDER_WAY);
	/* Nobody waits any more, but the workers are still to look. */
	assert_int_equal(read_last(o, 10, &found), HF_EBOUND);
	workers_turn(o);
	assert_int_equal(o->all.count, 0);
	meanwhile = time_passes;
	assert_int_equal(read_last(o, 10, &found), 0);
	assert_int_equal(found.silent, STAGE_WORKERS); /* the end comes before they look */
	free(found.items);
}

int main(void)
{
#define IN_OFFICE(test) cmocka_unit_test_setup_teardown(test, open_office, close_office)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_wishes_for_nothing_gets_all),
		cmocka_unit_test(a_name_fits_itself_and_what_is_below_it),
		cmocka_unit_test(a_name_that_was_cut_is_found_whole_only),
		cmocka_unit_test(an_upstream_fits_whether_it_was_asked_or_was_silent),
		cmocka_unit_test(a_client_fits_its_own),
		IN_OFFICE(the_last_of_all_workers_are_told_in_order_of_time),
		IN_OFFICE(all_that_a_wish_may_ask_for_comes_and_no_more),
		IN_OFFICE(one_that_has_no_time_is_counted_and_what_it_finds_later_is_dropped),
		IN_OFFICE(so_many_may_ask_at_once_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
