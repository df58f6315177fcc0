/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ttl.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/buffer.h"

static const struct hf_cache_conf conf = { .negative_max = 3600 * HF_SECOND };

static void a_positive_answer_is_kept_for_its_smallest_ttl(void **state)
{
	(void)state;
	struct hf_message_view view = { .answers = 1 };
	assert_int_equal(hf_ttl_of(HF_ANSWER_POSITIVE, &view, 77, &conf), 77);
	assert_int_equal(hf_ttl_of(HF_ANSWER_POSITIVE, &view, 0, &conf), 0);
}

static void a_denial_is_bounded_by_its_soa_and_by_the_operator(void **state)
{
	(void)state;
	struct hf_message_view view = { .has_soa = true, .soa_negative = 60 };
	assert_int_equal(hf_ttl_of(HF_ANSWER_NXDOMAIN, &view, 300, &conf), 60);
	view.soa_negative = 86400;
	assert_int_equal(hf_ttl_of(HF_ANSWER_NODATA, &view, 86400, &conf), 3600);
	assert_int_equal(hf_ttl_of(HF_ANSWER_NODATA, &view, 5, &conf), 5);
}

static void a_denial_without_soa_is_not_kept(void **state)
{
	(void)state;
	struct hf_message_view view = { .soa_negative = UINT32_MAX };
	assert_int_equal(hf_ttl_of(HF_ANSWER_NXDOMAIN, &view, UINT32_MAX, &conf), 0);
	assert_int_equal(hf_ttl_of(HF_ANSWER_NODATA, &view, 300, &conf), 0);
}

static void an_nxdomain_behind_an_alias_is_not_about_the_name_asked(void **state)
{
	(void)state;
	struct hf_message_view view = { .rcode = HF_RCODE_NXDOMAIN };
	assert_true(hf_nxdomain_of_name(&view));
	view.answers = 1;
	assert_false(hf_nxdomain_of_name(&view));
}

static void a_denial_says_nothing_that_outlives_it(void **state)
{
	uint8_t wire[32] = { [4] = 0, 0, 1, 0, [12] = 0, 0, 1, 0, [20] = 0, 0, 0, 5, [28] = 0, 0, 1, 0 };
	uint16_t ttl_at[] = { 4, 12, 20, 28 };
	struct hf_kept kept = { .wire = wire, .len = 32, .answer_end = 8, .authority_end = 24,
		.ttl_count = 4, .ttl_at = ttl_at, .ttl = 60 };
	(void)state;
	hf_ttl_of_denial(&kept);
	assert_int_equal(hf_get_u32(wire + 4), 256); /* of the alias that led there */
	assert_int_equal(hf_get_u32(wire + 12), 60);
	assert_int_equal(hf_get_u32(wire + 20), 5);
	assert_int_equal(hf_get_u32(wire + 28), 256);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_positive_answer_is_kept_for_its_smallest_ttl),
		cmocka_unit_test(a_denial_is_bounded_by_its_soa_and_by_the_operator),
		cmocka_unit_test(a_denial_without_soa_is_not_kept),
		cmocka_unit_test(a_denial_says_nothing_that_outlives_it),
		cmocka_unit_test(an_nxdomain_behind_an_alias_is_not_about_the_name_asked),
	};
	return cmocka_run_group_tests_name("ttl", tests, NULL, NULL);
}
