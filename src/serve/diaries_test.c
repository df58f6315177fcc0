/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/diaries.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_wishes_for_nothing_gets_all),
		cmocka_unit_test(a_name_fits_itself_and_what_is_below_it),
		cmocka_unit_test(a_name_that_was_cut_is_found_whole_only),
		cmocka_unit_test(an_upstream_fits_whether_it_was_asked_or_was_silent),
		cmocka_unit_test(a_client_fits_its_own),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
