/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/expect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static const struct hf_hash_key key = { 1, 2 };

static struct hf_name name(const char *text)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, strlen(text), &n), 0);
	return n;
}

struct book {
	struct hf_arena arena;
	struct hf_expectation items[8];
	struct hf_truth_conf conf;
	struct hf_expect_table *table;
};

static void build(struct book *b, const char *const *names, size_t count)
{
	memset(b, 0, sizeof *b);
	hf_arena_init(&b->arena, 0);
	for (size_t i = 0; i < count; i++) {
		b->items[i].below = strncmp(names[i], "*.", 2) == 0;
		b->items[i].name = name(b->items[i].below && names[i][2] ? names[i] + 2
						: b->items[i].below		 ? "."
										 : names[i]);
		b->items[i].agree = "none";
	}
	b->conf = (struct hf_truth_conf){ .expectations = b->items, .expectation_count = count };
	assert_int_equal(hf_expect_table_build(&b->arena, &key, &b->conf, &b->table), 0);
}

static int found(const struct book *b, const char *text)
{
	struct hf_name n = name(text);
	const struct hf_expected *e = hf_expect_find(b->table, &n);
	return e ? (int)e->index : -1;
}

static void nothing_is_expected_of_anything_when_nothing_is_said(void **state)
{
	struct book b;
	(void)state;
	build(&b, NULL, 0);
	assert_int_equal(found(&b, "example.com"), -1);
	assert_int_equal(found(&b, "."), -1);
	hf_arena_clear(&b.arena);
}

static void a_name_itself_comes_before_all_names_below_another(void **state)
{
	static const char *const names[] = { "*.example.com", "www.example.com", "*.b.example.com" };
	struct book b;
	(void)state;
	build(&b, names, 3);
	assert_int_equal(found(&b, "www.example.com"), 1);
	assert_int_equal(found(&b, "mail.example.com"), 0);
	assert_int_equal(found(&b, "a.b.example.com"), 2);
	assert_int_equal(found(&b, "x.y.a.b.example.com"), 2);
	assert_int_equal(found(&b, "b.example.com"), 0);
	hf_arena_clear(&b.arena);
}

static void a_star_does_not_cover_the_name_that_it_stands_before(void **state)
{
	static const char *const names[] = { "*.example.com" };
	struct book b;
	(void)state;
	build(&b, names, 1);
	assert_int_equal(found(&b, "example.com"), -1);
	assert_int_equal(found(&b, "com"), -1);
	assert_int_equal(found(&b, "a.example.org"), -1);
	hf_arena_clear(&b.arena);
}

static void a_name_may_have_an_expectation_and_those_below_it_another(void **state)
{
	static const char *const names[] = { "example.com", "*.example.com", "*." };
	struct book b;
	(void)state;
	build(&b, names, 3);
	assert_int_equal(found(&b, "example.com"), 0);
	assert_int_equal(found(&b, "www.example.com"), 1);
	assert_int_equal(found(&b, "org"), 2);
	assert_int_equal(found(&b, "."), -1);
	hf_arena_clear(&b.arena);
}

static void how_many_agree_is_read_or_refused(void **state)
{
	static const char *const bad[] = { "", "2", "2 of", "1 of 3", "4 of 3", "2 of 65", "2 of 3 ",
		"two of 3", "2of3", "99999999999 of 99999999999" };
	unsigned k, n;
	(void)state;
	assert_true(hf_agree_read("none", &k, &n));
	assert_int_equal(k + n, 0);
	assert_true(hf_agree_read("2 of 3", &k, &n));
	assert_int_equal(k, 2);
	assert_int_equal(n, 3);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(hf_agree_read(bad[i], &k, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_expected_of_anything_when_nothing_is_said),
		cmocka_unit_test(a_name_itself_comes_before_all_names_below_another),
		cmocka_unit_test(a_star_does_not_cover_the_name_that_it_stands_before),
		cmocka_unit_test(a_name_may_have_an_expectation_and_those_below_it_another),
		cmocka_unit_test(how_many_agree_is_read_or_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
