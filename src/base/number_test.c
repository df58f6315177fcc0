/* SPDX-License-Identifier: MIT */
#include "base/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define UNTOUCHED 4711

static uint64_t number(const char *text, uint64_t max)
{
	uint64_t value = UNTOUCHED;
	bool ok = hf_parse_u64(text, strlen(text), max, &value);
	assert_true(ok || value == UNTOUCHED);
	return value;
}

static void a_number_is_decimal_digits_and_nothing_else(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "-1", "+1", " 1", "1 ", "1.0", "0x10", "1e3", "x" };
	assert_int_equal(number("0", 10), 0);
	assert_int_equal(number("007", 10), 7);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(number(bad[i], UINT64_MAX), UNTOUCHED);
}

static void a_number_over_its_bound_or_over_64_bits_is_refused(void **state)
{
	(void)state;
	assert_int_equal(number("10", 10), 10);
	assert_int_equal(number("11", 10), UNTOUCHED);
	assert_true(number("18446744073709551615", UINT64_MAX) == UINT64_MAX);
	assert_int_equal(number("18446744073709551616", UINT64_MAX), UNTOUCHED);
	assert_int_equal(number("99999999999999999999999", UINT64_MAX), UNTOUCHED);
}

static hf_us duration(const char *text)
{
	hf_us value = UNTOUCHED;
	bool ok = hf_parse_duration(text, strlen(text), &value);
	assert_true(ok || value == UNTOUCHED);
	return value;
}

static void durations_are_read_as_people_write_them(void **state)
{
	(void)state;
	assert_int_equal(duration("0"), 0);
	assert_int_equal(duration("7us"), 7);
	assert_int_equal(duration("400ms"), 400 * HF_MS);
	assert_int_equal(duration("1.5s"), 1500 * HF_MS);
	assert_int_equal(duration("0.000001s"), 1);
	assert_int_equal(duration("10m"), 600 * HF_SECOND);
	assert_int_equal(duration("4h10m"), 15000 * HF_SECOND);
	assert_int_equal(duration("1d1h1m1s1ms1us"), 90061 * HF_SECOND + HF_MS + 1);
	assert_int_equal(duration("366d"), HF_DURATION_MAX);
}

static void a_duration_without_sense_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "5", "s", "-5s", "5 s", " 5s", "5s ", "5S", "10m4h",
		"1s1s", "1.s", ".5s", "1.0000001s", "1..5s", "soon", "5min", "367d", "366d1us",
		"99999999999999999999d", "5s\n" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(duration(bad[i]), UNTOUCHED);
}

static void only_the_given_length_is_read(void **state)
{
	(void)state;
	hf_us d;
	uint64_t n;
	assert_true(hf_parse_duration("12sXYZ", 3, &d));
	assert_int_equal(d, 12 * HF_SECOND);
	assert_true(hf_parse_u64("123", 2, UINT64_MAX, &n));
	assert_int_equal(n, 12);
	assert_false(hf_parse_u64("1\0002", 3, UINT64_MAX, &n));
	assert_false(hf_parse_duration("1s\0", 3, &d));
	assert_false(hf_parse_size("1\0", 2, &n));
}

static uint64_t size(const char *text)
{
	uint64_t value = UNTOUCHED;
	bool ok = hf_parse_size(text, strlen(text), &value);
	assert_true(ok || value == UNTOUCHED);
	return value;
}

static void sizes_are_powers_of_1024(void **state)
{
	(void)state;
	static const char *const bad[] = { "", "KiB", "5kB", "5K", "5 MiB", "-1KiB", "1.5GiB",
		"16777216TiB", "18446744073709551616" };
	assert_int_equal(size("0"), 0);
	assert_int_equal(size("4096"), 4096);
	assert_int_equal(size("64KiB"), 65536);
	assert_int_equal(size("256MiB"), 256 << 20);
	assert_true(size("2GiB") == 2ull << 30);
	assert_true(size("16777215TiB") == 16777215ull << 40);
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(size(bad[i]), UNTOUCHED);
}

static void what_is_written_is_short_and_reads_back_the_same(void **state)
{
	(void)state;
	static const hf_us durations[] = { 0, 1, 999, 1500, HF_SECOND, 1500 * HF_MS, 90 * HF_SECOND,
		86400 * HF_SECOND, HF_DURATION_MAX, HF_DURATION_MAX - 1 };
	static const uint64_t sizes[] = { 0, 1, 1023, 1024, 1536, 1ull << 20, 5ull << 30, 3ull << 40,
		UINT64_MAX };
	char buf[HF_NUMBER_TEXT_MAX];
	for (size_t i = 0; i < sizeof durations / sizeof durations[0]; i++)
		assert_true(duration(hf_duration_text(durations[i], buf)) == durations[i]);
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
		assert_true(size(hf_size_text(sizes[i], buf)) == sizes[i]);
	assert_string_equal(hf_duration_text(90 * HF_SECOND, buf), "90s");
	assert_string_equal(hf_duration_text(120 * HF_SECOND, buf), "2m");
	assert_string_equal(hf_duration_text(-5, buf), "0s");
	assert_string_equal(hf_size_text(256 << 20, buf), "256MiB");
	assert_string_equal(hf_size_text(1000, buf), "1000");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_number_is_decimal_digits_and_nothing_else),
		cmocka_unit_test(a_number_over_its_bound_or_over_64_bits_is_refused),
		cmocka_unit_test(durations_are_read_as_people_write_them),
		cmocka_unit_test(a_duration_without_sense_is_refused),
		cmocka_unit_test(only_the_given_length_is_read),
		cmocka_unit_test(sizes_are_powers_of_1024),
		cmocka_unit_test(what_is_written_is_short_and_reads_back_the_same),
	};
	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
