/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "upstream/retry.h"

static uint64_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (uint32_t)(dice_state >> 32) % sides;
}

static const struct hf_retry_conf usual = {.percent = 20, .floor = 5};

static uint32_t take_all(struct hf_retry *r, const struct hf_retry_conf *conf, hf_us now)
{
	uint32_t taken = 0;
	while (taken < 10000000 && hf_retry_take(r, conf, now))
		taken++;
	return taken;
}

static void earn(struct hf_retry *r, const struct hf_retry_conf *conf, uint32_t sends, hf_us now)
{
	while (sends--)
		hf_retry_earn(r, conf, now);
}

static void a_new_one_has_one_second_of_the_floor(void **state)
{
	(void)state;
	struct hf_retry r = {0};
	assert_int_equal(take_all(&r, &usual, 1000 * HF_SECOND), 5);
	assert_int_equal(take_all(&r, &usual, 1000 * HF_SECOND + 199999), 0);
	assert_int_equal(take_all(&r, &usual, 1000 * HF_SECOND + 200000), 1);
	assert_int_equal(take_all(&r, &usual, 3600 * HF_SECOND), 5);
}

static void every_first_send_earns_its_percents(void **state)
{
	(void)state;
	struct hf_retry_conf conf = {.percent = 3};
	struct hf_retry r = {0};
	uint32_t taken = 0;
	for (int i = 0; i < 10000; i++) {
		earn(&r, &conf, 1, i * HF_MS);
		taken += take_all(&r, &conf, i * HF_MS);
	}
	assert_int_equal(taken, 300); /* nothing is lost to rounding */
	/* Over a hundred percent is a strange wish, but not ours to refuse. */
	conf.percent = 250;
	earn(&r, &conf, 2, 20 * HF_SECOND);
	assert_int_equal(take_all(&r, &conf, 20 * HF_SECOND), 5);
}

static void a_sudden_failure_can_be_retried_at_once(void **state)
{
	(void)state;
	struct hf_retry r = {0};
	hf_us now = 0;
	for (; now < 60 * HF_SECOND; now += HF_MS)
		earn(&r, &usual, 10, now);
	uint32_t taken = take_all(&r, &usual, now);
	assert_true(taken >= 18000 && taken <= 20005);
}

static void an_hour_of_calm_buys_no_storm(void **state)
{
	(void)state;
	struct hf_retry r = {0};
	hf_us now = 0;
	for (; now < 3600 * HF_SECOND; now += 10 * HF_MS)
		earn(&r, &usual, 1, now);
	uint32_t most = take_all(&r, &usual, now);
	assert_true(most <= 200 + 5);
	earn(&r, &usual, 100000, now);
	assert_int_equal(take_all(&r, &usual, now + 10 * HF_SECOND), 5);
}

#define SECONDS 60
#define TICKS (SECONDS * 100) /* of 10 ms */

/* The law, for every time that begins and ends with a tick. */
static void hold_to_the_law(
	const struct hf_retry_conf *conf, const uint32_t *first, const uint32_t *taken)
{
	static uint64_t first_to[TICKS + 1], taken_to[TICKS + 1];
	for (int i = 0; i < TICKS; i++) {
		first_to[i + 1] = first_to[i] + first[i];
		taken_to[i + 1] = taken_to[i] + taken[i];
	}
	for (int from = 0; from < TICKS; from += 7) {
		for (int to = from + 1000; to <= TICKS; to += 5) {
			int before = from < 1000 ? 0 : from - 1000;
			uint64_t law = (first_to[to] - first_to[before]) * conf->percent +
				       (uint64_t)conf->floor * (uint64_t)(to - from) +
				       100 * (uint64_t)conf->floor;
			assert_true((taken_to[to] - taken_to[from]) * 100 <= law);
		}
	}
}

static void copies_keep_to_the_law_over_any_time(void **state)
{
	(void)state;
	static uint32_t first[TICKS], taken[TICKS];
	for (uint64_t seed = 1; seed <= 40; seed++) {
		dice_state = seed * 0x9e3779b97f4a7c15u;
		struct hf_retry_conf conf = {.percent = dice(40), .floor = dice(20)};
		struct hf_retry r = {0};
		uint32_t busy = 1, want = 1;
		uint64_t total = 0;
		for (int i = 0; i < TICKS; i++) {
			hf_us now = 7777777 + i * 10 * HF_MS;
			if (dice(300) == 0)
				busy = dice(3) ? dice(5) : dice(100);
			if (dice(200) == 0)
				want = dice(2) * dice(10000);
			first[i] = dice(busy + 1);
			earn(&r, &conf, first[i], now);
			for (taken[i] = 0; taken[i] < want && hf_retry_take(&r, &conf, now);)
				taken[i]++;
			total += taken[i];
		}
		hold_to_the_law(&conf, first, taken);
		assert_true(total > 0 || conf.floor == 0);
	}
}

static void when_is_the_first_instant_with_a_token(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 400; seed++) {
		dice_state = seed * 0x9e3779b97f4a7c15u;
		struct hf_retry_conf conf = {
			.percent = dice(30), .floor = dice(4) ? 1 + dice(9) : 1};
		struct hf_retry r = {0};
		hf_us now = dice(2) ? 0 : -30 * HF_SECOND;
		for (int i = 0; i < 50; i++) {
			earn(&r, &conf, dice(5), now);
			take_all(&r, &conf, now);
			earn(&r, &conf, dice(2), now);
			hf_us when = hf_retry_when(&r, &conf, now);
			struct hf_retry early = r, then = r;
			if (when > now)
				assert_false(hf_retry_take(&early, &conf, when - 1));
			assert_true(when < now + 2 * HF_SECOND);
			assert_true(hf_retry_take(&then, &conf, when));
			now += dice(3) ? dice(100000) : dice(3000000);
		}
	}
}

static void without_a_floor_there_is_nothing_to_wait_for(void **state)
{
	(void)state;
	struct hf_retry_conf conf = {.percent = 50};
	struct hf_retry r = {0};
	assert_false(hf_retry_take(&r, &conf, 0));
	assert_true(hf_retry_when(&r, &conf, 0) == HF_NEVER);
	earn(&r, &conf, 2, 0);
	assert_int_equal(hf_retry_when(&r, &conf, 5), 5);
	struct hf_retry_conf none = {0};
	struct hf_retry never = {0};
	earn(&never, &none, 1000, 0);
	assert_int_equal(take_all(&never, &none, 0), 0);
}

static void a_clock_that_goes_back_gives_nothing_away(void **state)
{
	(void)state;
	struct hf_retry r = {0};
	uint32_t taken = 0;
	for (hf_us now = HF_SECOND; now < 101 * HF_SECOND; now += HF_MS)
		taken += take_all(&r, &usual, now - 50 * HF_MS * dice(2));
	assert_true(taken >= 490 && taken <= 505);
	/* Set back an hour: it goes on from there. */
	taken = 0;
	for (hf_us now = -3600 * HF_SECOND; now < -3500 * HF_SECOND; now += HF_MS)
		taken += take_all(&r, &usual, now);
	assert_true(taken >= 490 && taken <= 505);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_new_one_has_one_second_of_the_floor),
		cmocka_unit_test(every_first_send_earns_its_percents),
		cmocka_unit_test(a_sudden_failure_can_be_retried_at_once),
		cmocka_unit_test(an_hour_of_calm_buys_no_storm),
		cmocka_unit_test(copies_keep_to_the_law_over_any_time),
		cmocka_unit_test(when_is_the_first_instant_with_a_token),
		cmocka_unit_test(without_a_floor_there_is_nothing_to_wait_for),
		cmocka_unit_test(a_clock_that_goes_back_gives_nothing_away),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
