/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "upstream/budget.h"

/* Every packet that went out, in order: the judge counts them one by one. */
#define LOG_MAX 400000
static hf_us sent[LOG_MAX];
static size_t count;

static uint64_t dice_state;

static uint32_t dice(uint32_t sides) /* xorshift; 0..sides-1 */
{
	dice_state ^= dice_state << 13;
	dice_state ^= dice_state >> 7;
	dice_state ^= dice_state << 17;
	return (uint32_t)(dice_state >> 32) % sides;
}

static void begin(uint64_t seed)
{
	dice_state = seed * 0x9e3779b97f4a7c15u + 1;
	count = 0;
}

static void put(uint32_t packets, hf_us at)
{
	while (packets-- && count < LOG_MAX)
		sent[count++] = at;
}

/* Most packets within any `width`: a window that holds the most begins with a
 * packet. */
static size_t most_within(hf_us width)
{
	size_t most = 0, first = 0;
	for (size_t i = 0; i < count; i++) {
		while (sent[i] - sent[first] >= width)
			first++;
		if (i - first + 1 > most)
			most = i - first + 1;
	}
	return most;
}

static const uint32_t limits[] = {
	10, 11, 19, 20, 40, 59, 70, 99, 100, 333, 1000, 1024, 5000, 20000, 100000};

static void no_window_of_100_ms_holds_more_than_its_share(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 150; seed++) {
		struct hf_budget b = {0};
		uint32_t limit = limits[seed % HF_COUNT_OF(limits)];
		hf_us now = dice(1000000), wire = 0;
		begin(seed);
		while (now < 4 * HF_SECOND && count < LOG_MAX / 2) {
			uint32_t room = hf_budget_room(&b, limit, now);
			uint32_t take = room ? 1 + dice(room) : 0;
			if (take) {
				hf_budget_spend(&b, take, now);
				hf_us late = now + dice(900); /* decided now, sent a little later */
				wire = late > wire ? late : wire;
				put(take, wire);
			}
			now += dice(4) ? dice(700) : dice(30) ? dice(20000) : dice(400000);
		}
		assert_true(count > 0);
		assert_true(most_within(100 * HF_MS) <= limit / 10);
		uint32_t pace = limit / 10 / 4 ? limit / 10 / 4 : 1;
		assert_true(most_within(9 * HF_MS) <= pace);
	}
}

static void a_backlog_uses_the_budget_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(limits); i++) {
		struct hf_budget b = {0};
		hf_us now = 123456789;
		begin(i);
		hf_us end = now + 3 * HF_SECOND;
		while (now < end && count < LOG_MAX - limits[i]) {
			uint32_t room = hf_budget_room(&b, limits[i], now);
			hf_budget_spend(&b, room, now);
			put(room, now);
			hf_us next = hf_budget_when(&b, limits[i], 1, now);
			assert_true(next > now);
			now = next;
		}
		size_t due = limits[i] / 10 * 30;
		assert_true(count >= due * 97 / 100);
		assert_true(most_within(100 * HF_MS) <= limits[i] / 10);
	}
}

static void a_backlog_is_never_silent_for_long(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	begin(1);
	for (hf_us now = 0; now < HF_SECOND; now += HF_MS) {
		uint32_t room = hf_budget_room(&b, 1000, now);
		hf_budget_spend(&b, room, now);
		put(room, now);
	}
	assert_true(most_within(10 * HF_MS) <= 25);
	for (size_t i = 1; i < count; i++)
		assert_true(sent[i] - sent[i - 1] <= 70 * HF_MS);
}

static void below_ten_a_second_packets_go_one_by_one(void **state)
{
	(void)state;
	for (uint32_t limit = 1; limit < 10; limit++) {
		struct hf_budget b = {0};
		begin(limit);
		for (hf_us now = 0; now < 20 * HF_SECOND;) {
			uint32_t room = hf_budget_room(&b, limit, now);
			assert_int_equal(room, 1);
			hf_budget_spend(&b, 1, now);
			put(1, now);
			assert_int_equal(hf_budget_room(&b, limit, now), 0);
			now = hf_budget_when(&b, limit, 1, now);
		}
		assert_int_equal(most_within(HF_SECOND / limit), 1);
		assert_true(count >= 20 * limit * 97 / 100);
	}
}

static void when_is_the_first_instant_that_fits(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct hf_budget b = {0};
		uint32_t limit = limits[seed % 11];
		hf_us now = 5 * HF_SECOND;
		begin(seed);
		for (int i = 0; i < 40; i++) {
			uint32_t room = hf_budget_room(&b, limit, now);
			/* Sometimes more than there is room for: it is owed then. */
			hf_budget_spend(&b, dice(5) ? room : dice(limit / 3 + 9), now);
			hf_us when = hf_budget_when(&b, limit, 1, now);
			struct hf_budget early = b, then = b;
			assert_true(when >= now);
			if (when > now)
				assert_int_equal(hf_budget_room(&early, limit, when - 1), 0);
			assert_true(hf_budget_room(&then, limit, when) >= 1);
			now += dice(30000);
		}
	}
}

static void a_demand_larger_than_the_window_goes_and_is_owed(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	begin(1);
	hf_us now = 0;
	while (now < 60 * HF_SECOND) { /* connections of six packets, at ten a second */
		assert_int_equal(hf_budget_when(&b, 10, 6, now), now);
		hf_budget_spend(&b, 6, now);
		put(6, now);
		hf_us next = hf_budget_when(&b, 10, 6, now);
		assert_true(next >= now + 600 * HF_MS && next <= now + 620 * HF_MS);
		now = next;
	}
	assert_true(count <= 60 * 10 + 6 && count >= 60 * 10 * 97 / 100);
}

static void small_ones_cannot_starve_a_large_demand_that_waits(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	hf_us now = 0;
	for (int i = 0; i < 10; i++, now += 10 * HF_MS)
		hf_budget_spend(&b, hf_budget_room(&b, 100, now), now);
	hf_us when = hf_budget_when(&b, 100, 6, now);
	assert_true(when > now && when <= now + 102 * HF_MS);
	assert_int_equal(hf_budget_when(&b, 100, 6, when), when);
}

static void what_is_owed_is_bounded(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	hf_budget_room(&b, 1000, 0);
	for (int i = 0; i < 1000; i++)
		hf_budget_spend(&b, UINT32_MAX, 0);
	assert_true(hf_budget_when(&b, 1000, 1, 0) <= 101 * 102 * HF_MS);
	/* Nor does a lower limit make it longer. */
	assert_true(hf_budget_when(&b, 10, 1, 0) <= 101 * 102 * HF_MS);
	assert_true(hf_budget_when(&b, 1, 1, 0) <= 10 * HF_SECOND);
	struct hf_budget slow = {0};
	hf_budget_room(&slow, 2, 0);
	for (int i = 0; i < 1000; i++)
		hf_budget_spend(&slow, UINT32_MAX, 0);
	assert_true(hf_budget_when(&slow, 2, 1, 0) <= 51 * HF_SECOND);
}

static void what_was_not_sent_is_given_back(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	assert_int_equal(hf_budget_room(&b, 100, 0), 2);
	hf_budget_spend(&b, 2, 0);
	assert_int_equal(hf_budget_room(&b, 100, 0), 0);
	hf_budget_refund(&b, 2, 0);
	assert_int_equal(hf_budget_room(&b, 100, 0), 2);
	hf_budget_spend(&b, 13, 0); /* three of them owed */
	hf_budget_refund(&b, 13, 0);
	assert_int_equal(hf_budget_room(&b, 100, 0), 2);
	hf_budget_refund(&b, 1000, 0);
	assert_int_equal(hf_budget_room(&b, 100, 0), 2);
	assert_int_equal(hf_budget_room(&b, 2, 0), 1);
	hf_budget_spend(&b, 1, 0);
	hf_budget_refund(&b, 1, 0);
	assert_int_equal(hf_budget_room(&b, 2, 0), 1);
}

static void a_refund_that_comes_late_takes_nobody_elses_packet_away(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	hf_budget_room(&b, 10, 0);
	hf_budget_spend(&b, 1, 0);
	assert_int_equal(hf_budget_room(&b, 10, 102 * HF_MS), 1);
	hf_budget_spend(&b, 1, 102 * HF_MS);
	hf_budget_refund(&b, 1, 0);
	assert_int_equal(hf_budget_room(&b, 10, 103 * HF_MS), 0);
	hf_budget_refund(&b, 1, 500 * HF_MS);
	assert_int_equal(hf_budget_room(&b, 10, 103 * HF_MS), 0);
}

static void a_clock_that_goes_back_breaks_no_law(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 50; seed++) {
		struct hf_budget b = {0};
		begin(seed);
		/* Two tellers of time, up to 50 ms apart; the judge uses the true one. */
		for (hf_us now = HF_SECOND; now < 3 * HF_SECOND; now += dice(3000)) {
			hf_us told = now - 50 * HF_MS * dice(2);
			uint32_t room = hf_budget_room(&b, 500, told);
			hf_budget_spend(&b, room, told);
			put(room, now);
			assert_true(hf_budget_when(&b, 500, 1, told) < now + 200 * HF_MS);
		}
		/* A window may end up to 50 ms early for whoever was told late. */
		assert_true(most_within(50 * HF_MS) <= 50);
		assert_true(count >= 850);
	}
}

static void a_clock_that_was_set_back_an_hour_does_not_silence(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	hf_us now = 7200 * HF_SECOND;
	for (int i = 0; i < 200; i++, now += HF_MS)
		hf_budget_spend(&b, hf_budget_room(&b, 1000, now), now);
	now -= 3600 * HF_SECOND;
	assert_true(hf_budget_when(&b, 1000, 1, now) <= now + 102 * HF_MS);
	now = hf_budget_when(&b, 1000, 1, now);
	assert_int_equal(hf_budget_room(&b, 1000, now), 25);
	/* And with a slow limit, and back to before zero. */
	hf_budget_room(&b, 1, now);
	hf_budget_spend(&b, 1, now);
	assert_true(
		hf_budget_when(&b, 1, 1, -HF_SECOND * 9000) <= -HF_SECOND * 9000 + 2 * HF_SECOND);
}

static void a_limit_may_change_at_any_time(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct hf_budget b = {0};
		hf_us now = 0;
		begin(seed);
		for (int i = 0; i < 400; i++) {
			uint32_t limit = limits[dice(HF_COUNT_OF(limits))];
			uint32_t room = hf_budget_room(&b, limit, now);
			hf_budget_spend(&b, dice(2) ? room : 0, now);
			put(0, now);
			now += dice(5000);
		}
		/* Nothing of it is left after a window; only what was owed could be. */
		assert_int_equal(b.owed, 0);
		assert_true(hf_budget_when(&b, 10, 1, now) <= now + 102 * HF_MS);
	}
}

static void without_a_limit_everything_goes(void **state)
{
	(void)state;
	struct hf_budget b = {0};
	assert_int_equal(hf_budget_room(&b, 0, 0), UINT32_MAX);
	hf_budget_spend(&b, UINT32_MAX, 0);
	hf_budget_spend(&b, UINT32_MAX, 0);
	assert_int_equal(hf_budget_when(&b, 0, 5, 0), 0);
	/* It was counted all the same. */
	assert_int_equal(hf_budget_room(&b, 100000, HF_MS), 0);
	assert_int_equal(hf_budget_room(&b, 100000, 102 * HF_MS), 2500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_window_of_100_ms_holds_more_than_its_share),
		cmocka_unit_test(a_backlog_uses_the_budget_up),
		cmocka_unit_test(a_backlog_is_never_silent_for_long),
		cmocka_unit_test(below_ten_a_second_packets_go_one_by_one),
		cmocka_unit_test(when_is_the_first_instant_that_fits),
		cmocka_unit_test(a_demand_larger_than_the_window_goes_and_is_owed),
		cmocka_unit_test(small_ones_cannot_starve_a_large_demand_that_waits),
		cmocka_unit_test(what_is_owed_is_bounded),
		cmocka_unit_test(what_was_not_sent_is_given_back),
		cmocka_unit_test(a_refund_that_comes_late_takes_nobody_elses_packet_away),
		cmocka_unit_test(a_clock_that_goes_back_breaks_no_law),
		cmocka_unit_test(a_clock_that_was_set_back_an_hour_does_not_silence),
		cmocka_unit_test(a_limit_may_change_at_any_time),
		cmocka_unit_test(without_a_limit_everything_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
