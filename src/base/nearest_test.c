/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *nearest_of(const char *word, const char *const *candidates)
{
	struct hf_nearest nearest = hf_nearest(word, strlen(word));
	for (; *candidates; candidates++)
		hf_nearest_offer(&nearest, *candidates);
	return nearest.best;
}

static const char *const keys[] = { "listen", "upstreams", "forward", "cache", "log", "timeout-min",
	"timeout-max", NULL };

static void a_letter_too_many_too_few_or_wrong_is_forgiven(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("upstreamz", keys), "upstreams");
	assert_string_equal(nearest_of("upstream", keys), "upstreams");
	assert_string_equal(nearest_of("listenn", keys), "listen");
	assert_string_equal(nearest_of("forwart", keys), "forward");
	assert_string_equal(nearest_of("CACHE", keys), "cache");
}

static void swapped_neighbours_are_one_mistake(void **state)
{
	(void)state;
	assert_string_equal(nearest_of("lgo", keys), "log");
	assert_string_equal(nearest_of("cahce", keys), "cache");
}

static void the_nearest_wins_and_the_first_of_equals(void **state)
{
	(void)state;
	static const char *const equals[] = { "abcx", "abcy", NULL };
	assert_string_equal(nearest_of("timeout-mix", keys), "timeout-min");
	assert_string_equal(nearest_of("timeout-mxa", keys), "timeout-max");
	assert_string_equal(nearest_of("abcz", equals), "abcx");
}

static void what_is_not_obviously_meant_is_not_suggested(void **state)
{
	(void)state;
	static const char *const short_ones[] = { "a", "ab", NULL };
	assert_null(nearest_of("drain", keys));
	assert_null(nearest_of("xyzward", keys));
	assert_null(nearest_of("i", short_ones));
	assert_null(nearest_of("b", short_ones));
	assert_null(nearest_of("something-else-entirely", keys));
}

static void long_words_have_no_nearest_and_do_no_harm(void **state)
{
	(void)state;
	char word[200], other[200];
	memset(word, 'a', sizeof word);
	word[199] = '\0';
	memcpy(other, word, sizeof other);
	other[64] = '\0';
	const char *const candidates[] = { word, other, NULL };
	assert_null(nearest_of(word, candidates));
	word[65] = '\0';
	assert_null(nearest_of(word, candidates));
	word[64] = '\0';
	assert_ptr_equal(nearest_of(word, candidates), word);
}

/* The plain definition, without giving up early. */
static unsigned plain_distance(const char *a, size_t n, const char *b, size_t m)
{
	unsigned t[12][12];
	for (size_t i = 0; i <= n; i++)
		for (size_t j = 0; j <= m; j++) {
			unsigned best = i ? t[i - 1][j] + 1 : (unsigned)j;
			if (i && j) {
				unsigned change = t[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
				best = change < best ? change : best;
				best = t[i][j - 1] + 1 < best ? t[i][j - 1] + 1 : best;
				if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
					t[i - 2][j - 2] + 1 < best)
					best = t[i - 2][j - 2] + 1;
			}
			t[i][j] = best;
		}
	return t[n][m];
}

static void giving_up_early_changes_no_answer(void **state)
{
	(void)state;
	uint32_t dice = 1;
	for (int run = 0; run < 20000; run++) {
		char a[10], b[10];
		for (size_t i = 0; i < 9; i++) {
			dice = dice * 1664525 + 1013904223;
			a[i] = (char)('a' + (dice >> 24) % 3);
			b[i] = (char)('a' + (dice >> 16) % 3);
		}
		dice = dice * 1664525 + 1013904223;
		size_t n = 3 + (dice >> 24) % 7, m = 3 + (dice >> 16) % 7;
		b[m] = '\0';
		struct hf_nearest nearest = hf_nearest(a, n);
		unsigned bound = nearest.distance, d = plain_distance(a, n, b, m);
		hf_nearest_offer(&nearest, b);
		assert_int_equal(nearest.best != NULL, d < bound);
		if (nearest.best)
			assert_int_equal(nearest.distance, d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_letter_too_many_too_few_or_wrong_is_forgiven),
		cmocka_unit_test(swapped_neighbours_are_one_mistake),
		cmocka_unit_test(the_nearest_wins_and_the_first_of_equals),
		cmocka_unit_test(what_is_not_obviously_meant_is_not_suggested),
		cmocka_unit_test(long_words_have_no_nearest_and_do_no_harm),
		cmocka_unit_test(giving_up_early_changes_no_answer),
	};
	return cmocka_run_group_tests_name("nearest", tests, NULL, NULL);
}
