/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/canary.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hf_name name(const char *text)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, strlen(text), &n), 0);
	return n;
}

static void a_canary_is_a_name_right_under_the_zone(void **state)
{
	const struct hf_name zone = name("corp.example");
	uint8_t dice[HF_CANARY_DICE];
	(void)state;
	for (unsigned i = 0; i < 256; i++) {
		memset(dice, (int)i, sizeof dice);
		struct hf_name n = hf_canary_name(&zone, dice);
		assert_int_equal(hf_name_labels(n.bytes), 3);
		assert_in_range(n.bytes[0], 9, 15);
		assert_true(hf_name_within(n.bytes, n.len, zone.bytes, zone.len));
		for (unsigned c = 1; c <= n.bytes[0]; c++)
			assert_in_range(n.bytes[c], 'a', 'z');
	}
}

static void under_the_root_it_is_a_name_of_one_label(void **state)
{
	const uint8_t dice[HF_CANARY_DICE] = {7, 1, 2, 3};
	const struct hf_name root = name(".");
	(void)state;
	struct hf_name n = hf_canary_name(&root, dice);
	assert_int_equal(hf_name_labels(n.bytes), 1);
	assert_int_equal(hf_name_wire_len(n.bytes, n.len), n.len);
}

static void a_zone_without_room_below_it_has_none(void **state)
{
	const uint8_t dice[HF_CANARY_DICE] = {0};
	struct hf_name zone = {.len = 1};
	(void)state;
	while (zone.len + 64 <= HF_NAME_MAX) {
		memmove(zone.bytes + 64, zone.bytes, zone.len);
		zone.bytes[0] = 63;
		memset(zone.bytes + 1, 'a', 63);
		zone.len = (uint8_t)(zone.len + 64);
	}
	memmove(zone.bytes + 60, zone.bytes, zone.len);
	zone.bytes[0] = 59;
	memset(zone.bytes + 1, 'a', 59);
	zone.len = (uint8_t)(zone.len + 60);
	struct hf_name n = hf_canary_name(&zone, dice);
	assert_int_equal(n.len, zone.len);
}

static const struct hf_testimony denies = {.denial = true, .rcode = HF_RCODE_NXDOMAIN};
static const struct hf_testimony empty = {.denial = true};
static const struct hf_testimony answers = {.count = 1};
static const struct hf_testimony owns = {.count = 1, .authoritative = true};

static bool own_zone;

static void expect(const struct hf_testimony *a, const struct hf_testimony *b, enum hf_canary of_a,
	enum hf_canary of_b)
{
	const struct hf_testimony *const said[2] = {a, b};
	enum hf_canary judged[2];
	hf_canary_judge(said, 2, own_zone, judged);
	assert_int_equal(judged[0], of_a);
	assert_int_equal(judged[1], of_b);
}

static void who_denies_it_tells_the_truth(void **state)
{
	(void)state;
	expect(&denies, &empty, HF_CANARY_TRUE, HF_CANARY_TRUE);
}

static void who_answers_where_another_denies_lies(void **state)
{
	(void)state;
	expect(&denies, &answers, HF_CANARY_TRUE, HF_CANARY_FALSE);
	expect(&answers, &empty, HF_CANARY_FALSE, HF_CANARY_TRUE);
}

static void where_all_answer_there_is_a_wildcard_or_nobody_to_go_by(void **state)
{
	(void)state;
	expect(&answers, &answers, HF_CANARY_ALONE, HF_CANARY_ALONE);
}

static void silence_shows_nothing(void **state)
{
	(void)state;
	expect(&answers, NULL, HF_CANARY_ALONE, HF_CANARY_NOTHING);
	expect(NULL, &denies, HF_CANARY_NOTHING, HF_CANARY_TRUE);
}

static void an_own_server_of_the_zone_may_have_another_version_of_it(void **state)
{
	(void)state;
	expect(&owns, &denies, HF_CANARY_FALSE, HF_CANARY_TRUE); /* nobody owns the root */
	own_zone = true;
	expect(&owns, &denies, HF_CANARY_NOTHING, HF_CANARY_TRUE);
	own_zone = false;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_canary_is_a_name_right_under_the_zone),
		cmocka_unit_test(under_the_root_it_is_a_name_of_one_label),
		cmocka_unit_test(a_zone_without_room_below_it_has_none),
		cmocka_unit_test(who_denies_it_tells_the_truth),
		cmocka_unit_test(who_answers_where_another_denies_lies),
		cmocka_unit_test(where_all_answer_there_is_a_wildcard_or_nobody_to_go_by),
		cmocka_unit_test(silence_shows_nothing),
		cmocka_unit_test(an_own_server_of_the_zone_may_have_another_version_of_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
