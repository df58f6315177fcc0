/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/tombstones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static struct hf_tombstones *list_of(const char *const *texts, size_t count)
{
	struct hf_prefix prefixes[8] = {0};
	struct hf_tombstones *tombstones;
	for (size_t i = 0; i < count; i++)
		assert_int_equal(hf_prefix_parse(texts[i], &prefixes[i]), 0);
	assert_int_equal(hf_tombstones_new(prefixes, count, &tombstones), 0);
	return tombstones;
}

static const char *found(const struct hf_tombstones *tombstones, const char *text)
{
	static char prefix[HF_ADDRESS_TEXT_MAX];
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 0, &address), 0);
	const struct hf_prefix *at = hf_tombstones_find(tombstones, &address);
	return at ? hf_prefix_text(at, prefix) : "none";
}

static void an_address_is_found_in_its_prefix_and_nowhere_else(void **state)
{
	static const char *const texts[] = {
		"10.0.3.17", "2001:db8::/32", "192.0.2.128/25", "10.0.0.0/24", "::1"};
	struct hf_tombstones *tombstones = list_of(texts, 5);
	(void)state;
	assert_string_equal(found(tombstones, "10.0.3.17"), "10.0.3.17/32");
	assert_string_equal(found(tombstones, "10.0.3.16"), "none");
	assert_string_equal(found(tombstones, "10.0.3.18"), "none");
	assert_string_equal(found(tombstones, "10.0.0.255"), "10.0.0.0/24");
	assert_string_equal(found(tombstones, "10.0.1.0"), "none");
	assert_string_equal(found(tombstones, "192.0.2.127"), "none");
	assert_string_equal(found(tombstones, "192.0.2.255"), "192.0.2.128/25");
	assert_string_equal(found(tombstones, "0.0.0.0"), "none");
	assert_string_equal(found(tombstones, "2001:db8:ffff::1"), "2001:db8::/32");
	assert_string_equal(found(tombstones, "2001:db9::"), "none");
	assert_string_equal(found(tombstones, "::1"), "::1/128");
	hf_tombstones_free(tombstones);
}

static void a_prefix_within_another_hides_nothing(void **state)
{
	static const char *const texts[] = {"10.0.3.17", "10.0.0.0/8", "10.0.3.0/24", "10.0.3.17"};
	struct hf_tombstones *tombstones = list_of(texts, 4);
	(void)state;
	assert_string_equal(found(tombstones, "10.0.3.17"), "10.0.0.0/8");
	assert_string_equal(found(tombstones, "10.0.3.200"), "10.0.0.0/8");
	assert_string_equal(found(tombstones, "10.255.0.1"), "10.0.0.0/8");
	assert_string_equal(found(tombstones, "11.0.0.0"), "none");
	hf_tombstones_free(tombstones);
}

static void an_empty_list_finds_nothing_and_a_long_one_is_refused(void **state)
{
	struct hf_tombstones *tombstones = list_of(NULL, 0);
	(void)state;
	assert_string_equal(found(tombstones, "10.0.3.17"), "none");
	hf_tombstones_free(tombstones);
	hf_tombstones_free(NULL);
	assert_int_equal(hf_tombstones_new(NULL, HF_TOMBSTONES_MAX + 1, &tombstones), HF_EBOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_address_is_found_in_its_prefix_and_nowhere_else),
		cmocka_unit_test(a_prefix_within_another_hides_nothing),
		cmocka_unit_test(an_empty_list_finds_nothing_and_a_long_one_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
