/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/judging.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "authority/making.h"
#include "base/error.h"
#include "loop/loop_epoll.h"
#include "wire/sample.h"
#include "zone/sample_zone.h"

#define LARGE 40000

struct scene {
	struct hf_loop *loop;
	struct hf_hands *hands;
	struct hf_zone_conf conf;
	struct hf_judging *place;
	struct hf_making *making;
	unsigned told, released;
	bool sane, same, journal;
	char why[HF_SANITY_WHY_MAX];
	struct hf_zone *made;
};

static struct hf_zone *zone_of(unsigned serial, unsigned records)
{
	size_t size = 200 + 24 * (size_t)records, len;
	char *text = malloc(size);
	assert_non_null(text);
	len = (size_t)snprintf(text, size, "@ SOA ns host %u 60 30 600 30\n@ NS ns\n", serial);
	for (unsigned i = 0; i < records; i++)
		len += (size_t)snprintf(text + len, size - len, "h%u A 10.0.%u.%u\n", i,
			i >> 8 & 255, i & 255);
	struct hf_zone *zone = hf_sample_zone("example", text);
	free(text);
	return zone;
}

static void woken(void *ctx, hf_us now)
{
	struct scene *s = ctx;
	hf_hands_take(s->hands, now);
}

static const struct hf_loop_hooks hooks = {woken, NULL};

static void release(void *owner)
{
	((struct scene *)owner)->released++;
}

static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof *s);
	assert_non_null(s);
	assert_int_equal(hf_loop_epoll_new(&s->loop), 0);
	hf_loop_set_hooks(s->loop, &hooks, s);
	assert_int_equal(hf_hands_new(s->loop, &s->hands), 0);
	assert_int_equal(hf_hands_open(s->hands), 0);
	static struct hf_prefix anybody;
	s->conf = (struct hf_zone_conf){.file = "none",
		.max_shrink = 50,
		.journal_versions = 5,
		.journal_size = 1 << 20,
		.allow_transfer = {&anybody, 1}};
	assert_int_equal(hf_name_from_text("example", 7, &s->conf.name), 0);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;
	hf_hands_free(s->hands);
	hf_loop_free(s->loop);
	free(s);
	return 0;
}

static void judged(void *ctx, const struct hf_judged *judged, hf_us now)
{
	struct scene *s = ctx;
	(void)now;
	assert_null(s->place);
	s->told++;
	s->sane = judged->sane;
	s->same = judged->same;
	s->journal = judged->journal;
	snprintf(s->why, sizeof s->why, "%s", judged->sane ? "" : judged->why);
	assert_string_equal(judged->fetched.why, "a note");
	hf_loop_stop(s->loop);
}

static void judge(struct scene *s, struct hf_zone *here, struct hf_zone *zone)
{
	char note[] = "a note";
	struct hf_loan *loan;
	assert_int_equal(hf_loan_new(s, release, &loan), 0);
	const struct hf_judging_conf conf = {.hands = s->hands,
		.loan = loan,
		.zone = &s->conf,
		.here = here,
		.done = judged,
		.ctx = s};
	const struct hf_fetched fetched = {
		.zone = zone, .serial = hf_zone_soa(zone)->serial, .why = note};
	assert_int_equal(hf_judging_begin(&conf, &fetched, &s->place, 0), 0);
	hf_loan_unref(loan); /* the settings are others from now on */
	memset(note, 'x', sizeof note - 1);
	s->conf.max_shrink = 0;
}

static void a_small_version_is_judged_at_once(void **state)
{
	struct scene *s = *state;
	struct hf_zone *zone = zone_of(1, 3);
	judge(s, NULL, zone);
	assert_int_equal(s->told, 1);
	assert_int_equal(s->released, 1);
	assert_true(s->sane && !s->same && !s->journal);
	hf_zone_unref(zone);
}

static void a_large_one_is_judged_by_a_hand_and_by_the_settings_that_it_began_with(void **state)
{
	struct scene *s = *state;
	struct hf_zone *here = zone_of(1, LARGE), *zone = zone_of(2, LARGE - 1);
	judge(s, here, zone);
	assert_int_equal(s->told, 0);
	assert_int_equal(s->released, 0);
	assert_non_null(s->place);
	hf_zone_unref(here); /* it has its own references */
	hf_zone_unref(zone);
	assert_int_equal(hf_loop_run(s->loop), 0);
	assert_int_equal(s->told, 1);
	assert_int_equal(s->released, 1);
	assert_true(s->sane && !s->same && s->journal);
}

static void what_is_wrong_or_nothing_new_is_told(void **state)
{
	struct scene *s = *state;
	struct hf_zone *here = zone_of(9, LARGE), *same = zone_of(9, LARGE), *old = zone_of(8, LARGE);
	judge(s, here, same);
	assert_int_equal(hf_loop_run(s->loop), 0);
	assert_true(s->sane && s->same && !s->journal);
	judge(s, here, old);
	assert_int_equal(hf_loop_run(s->loop), 0);
	assert_false(s->sane);
	assert_string_equal(s->why, "its serial 8 is older than 9, which is here");
	hf_zone_unref(here);
	hf_zone_unref(same);
	hf_zone_unref(old);
}

static void what_was_given_up_is_never_told_of(void **state)
{
	struct scene *s = *state;
	struct hf_zone *zone = zone_of(1, LARGE), *next = zone_of(2, LARGE);
	judge(s, NULL, zone);
	hf_judging_end(&s->place);
	assert_null(s->place);
	hf_judging_end(&s->place); /* nothing to be given up is fine */
	judge(s, NULL, next);
	while (s->released < 2)
		assert_int_equal(hf_loop_run(s->loop), 0);
	assert_int_equal(s->told, 1);
	hf_zone_unref(zone);
	hf_zone_unref(next);
}

static void the_end_tells_what_was_finished_and_drops_the_rest(void **state)
{
	struct scene *s = *state;
	struct hf_zone *zone = zone_of(1, LARGE);
	for (unsigned i = 0; i < 9; i++) {
		judge(s, NULL, zone);
		if (i < 8)
			hf_judging_end(&s->place);
	}
	hf_hands_close(s->hands);
	assert_true(hf_hands_are_over(s->hands));
	assert_int_equal(s->released, 9);
	assert_true(s->told <= 1);
	assert_null(s->place);
	hf_zone_unref(zone);
}

/* ---- zones of transfers ---- */

static void made(void *ctx, const struct hf_made *made, hf_us now)
{
	struct scene *s = ctx;
	(void)now;
	assert_null(s->making);
	assert_int_equal(made->rc, 0);
	s->made = made->zone;
	s->told++;
	hf_loop_stop(s->loop);
}

/* All of it, in messages of a thousand records. */
static struct hf_transfer *came(const struct scene *s, unsigned records)
{
	static const uint8_t soa[] = "\2ns\0\4host\0\0\0\0\7\0\0\0\74\0\0\0\36\0\0\2\130\0\0\0\36";
	static struct hf_sample m;
	struct hf_transfer *t;
	uint8_t ask[HF_TRANSFER_ASK_MAX];
	assert_int_equal(hf_transfer_new(&s->conf.name, NULL, &(struct hf_zone_limits){0}, &t), 0);
	hf_transfer_ask(t, 0x1234, ask);
	for (unsigned i = 0; i <= records + 2; i++) {
		uint8_t owner[] = "\6h00000\7example";
		for (unsigned digit = 6, n = i; digit > 1; digit--, n /= 10)
			owner[digit] = (uint8_t)('0' + n % 10);
		bool first = i == 0, last = i == records + 2;
		if (i % 1000 == 0)
			hf_sample_begin(&m, HF_FLAG_QR | HF_FLAG_AA, NULL, 0, 0);
		if (first || last)
			hf_sample_record(&m, HF_SAMPLE_ANSWER, owner + 7, 9, HF_TYPE_SOA, 60, soa,
				sizeof soa - 1);
		else if (i == 1)
			hf_sample_record(&m, HF_SAMPLE_ANSWER, owner + 7, 9, HF_TYPE_NS, 60, soa, 4);
		else
			hf_sample_record(&m, HF_SAMPLE_ANSWER, owner, 16, HF_TYPE_A, 60, owner, 4);
		if (i % 1000 == 999 || last)
			assert_int_equal(hf_transfer_message(t, m.bytes, m.w.len),
				last ? HF_TRANSFER_WHOLE : HF_TRANSFER_MORE);
	}
	return t;
}

static void a_large_transfer_becomes_a_zone_beside_the_loop(void **state)
{
	struct scene *s = *state;
	assert_int_equal(
		hf_making_begin(s->hands, came(s, 5), made, s, &s->making, 0), 0);
	assert_int_equal(s->told, 1);
	hf_zone_unref(s->made);
	assert_int_equal(
		hf_making_begin(s->hands, came(s, LARGE), made, s, &s->making, 0), 0);
	assert_int_equal(s->told, 1);
	hf_making_end(&s->making); /* a reload, say: nobody hears of this one */
	assert_int_equal(
		hf_making_begin(s->hands, came(s, LARGE + 1), made, s, &s->making, 0), 0);
	while (s->told < 2)
		assert_int_equal(hf_loop_run(s->loop), 0);
	assert_int_equal(hf_zone_records(s->made), LARGE + 3);
	hf_zone_unref(s->made);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_small_version_is_judged_at_once),
		TEST(a_large_one_is_judged_by_a_hand_and_by_the_settings_that_it_began_with),
		TEST(what_is_wrong_or_nothing_new_is_told),
		TEST(what_was_given_up_is_never_told_of),
		TEST(the_end_tells_what_was_finished_and_drops_the_rest),
		TEST(a_large_transfer_becomes_a_zone_beside_the_loop),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
