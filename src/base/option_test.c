/* SPDX-License-Identifier: MIT */
#include "base/option.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static const struct hf_word auto_word[] = { { "auto", 0 }, { NULL, 0 } };
static const struct hf_word none_word[] = { { "none", 0 }, { NULL, 0 } };
static const struct hf_word colours[] = { { "red", 1 }, { "green", 2 }, { "blue", 3 }, { NULL, 0 } };

static const struct hf_option flag = { .type = HF_OPT_FLAG };
static const struct hf_option count = { .type = HF_OPT_COUNT, .min = 1, .max = 256,
	.words = auto_word };
static const struct hf_option duration = { .type = HF_OPT_DURATION, .min = 1000, .max = 2000000 };
static const struct hf_option size = { .type = HF_OPT_SIZE, .min = 1024, .max = 1 << 20 };
static const struct hf_option rate = { .type = HF_OPT_RATE, .min = 10, .max = 20000,
	.words = none_word };
static const struct hf_option text = { .type = HF_OPT_TEXT, .min = 1, .max = 5 };
static const struct hf_option word = { .type = HF_OPT_WORD, .words = colours };
static const struct hf_option address = { .type = HF_OPT_ADDRESS, .port = 9153 };
static const struct hf_option addresses = { .type = HF_OPT_ADDRESSES, .port = 53 };
static const struct hf_option prefixes = { .type = HF_OPT_PREFIXES };

union field {
	bool flag;
	uint32_t count;
	hf_us duration;
	uint64_t size;
	const char *text;
	int word;
	struct hf_address address;
	struct hf_prefix prefix;
	uint8_t bytes[64];
};

/* Reads `in` into a row; expects the error, or the text that it is written as. */
static void reads(const struct hf_option *row, const char *in, int error, const char *out)
{
	struct hf_arena arena;
	union field field, before;
	char buf[HF_OPTION_TEXT_MAX];
	hf_arena_init(&arena, 0);
	memset(&field, 0x5a, sizeof field);
	before = field;
	assert_int_equal(hf_option_read(row, in, strlen(in), &arena, &field), error);
	if (error)
		assert_memory_equal(&field, &before, sizeof field);
	else
		assert_string_equal(hf_option_text(row, &field, buf), out);
	/* Nothing is written behind the field that the row says it has. */
	size_t own = hf_option_item_size(row);
	assert_memory_equal(field.bytes + own, before.bytes + own, sizeof field - own);
	hf_arena_clear(&arena);
}

static void flags_have_six_words(void **state)
{
	(void)state;
	reads(&flag, "yes", 0, "yes");
	reads(&flag, "true", 0, "yes");
	reads(&flag, "on", 0, "yes");
	reads(&flag, "no", 0, "no");
	reads(&flag, "false", 0, "no");
	reads(&flag, "off", 0, "no");
	reads(&flag, "maybe", HF_ESYNTAX, NULL);
	reads(&flag, "Yes", HF_ESYNTAX, NULL);
	reads(&flag, "1", HF_ESYNTAX, NULL);
	reads(&flag, "", HF_ESYNTAX, NULL);
}

static void counts_keep_their_range_and_their_words(void **state)
{
	(void)state;
	reads(&count, "1", 0, "1");
	reads(&count, "256", 0, "256");
	reads(&count, "auto", 0, "auto");
	reads(&count, "0", HF_ERANGE, NULL);
	reads(&count, "257", HF_ERANGE, NULL);
	reads(&count, "4294967296", HF_ERANGE, NULL);
	reads(&count, "99999999999999999999999999", HF_ERANGE, NULL);
	reads(&count, "-1", HF_ESYNTAX, NULL);
	reads(&count, "1.0", HF_ESYNTAX, NULL);
	reads(&count, "", HF_ESYNTAX, NULL);
}

static void a_duration_may_have_words_for_what_is_none(void **state)
{
	static const struct hf_word words[] = {{"never", 0}, {"upstream", -1}, {NULL, 0}};
	static const struct hf_option row = {
		.type = HF_OPT_DURATION, .min = 1000, .max = 2000000, .words = words};
	char buf[HF_OPTION_TAKES_MAX];
	(void)state;
	reads(&row, "never", 0, "never");
	reads(&row, "upstream", 0, "upstream");
	reads(&row, "1.5s", 0, "1500ms");
	reads(&row, "0", HF_ERANGE, NULL);
	reads(&row, "soon", HF_ESYNTAX, NULL);
	assert_string_equal(
		hf_option_takes(&row, false, buf), "a duration such as 2s or never or upstream");
}

static void durations_and_sizes_keep_their_range(void **state)
{
	(void)state;
	reads(&duration, "1ms", 0, "1ms");
	reads(&duration, "1.5s", 0, "1500ms");
	reads(&duration, "999us", HF_ERANGE, NULL);
	reads(&duration, "3s", HF_ERANGE, NULL);
	reads(&duration, "soon", HF_ESYNTAX, NULL);
	reads(&size, "1KiB", 0, "1KiB");
	reads(&size, "1048576", 0, "1MiB");
	reads(&size, "1023", HF_ERANGE, NULL);
	reads(&size, "2MiB", HF_ERANGE, NULL);
	reads(&size, "99999999999999999999999999", HF_ERANGE, NULL);
	reads(&size, "5kB", HF_ESYNTAX, NULL);
}

static void rates_are_so_many_a_second(void **state)
{
	(void)state;
	reads(&rate, "1024/s", 0, "1024/s");
	reads(&rate, "10/s", 0, "10/s");
	reads(&rate, "20000/s", 0, "20000/s");
	reads(&rate, "none", 0, "none");
	reads(&rate, "9/s", HF_ERANGE, NULL);
	reads(&rate, "0/s", HF_ERANGE, NULL); /* only the word stands for no limit */
	reads(&rate, "20001/s", HF_ERANGE, NULL);
	reads(&rate, "4294967306/s", HF_ERANGE, NULL);
	reads(&rate, "99999999999999999999999999/s", HF_ERANGE, NULL);
	reads(&rate, "1024", HF_ESYNTAX, NULL);
	reads(&rate, "1024/m", HF_ESYNTAX, NULL);
	reads(&rate, "1024 /s", HF_ESYNTAX, NULL);
	reads(&rate, "-20/s", HF_ESYNTAX, NULL);
	reads(&rate, "10.5/s", HF_ESYNTAX, NULL);
	reads(&rate, "none/s", HF_ESYNTAX, NULL);
	reads(&rate, "/s", HF_ESYNTAX, NULL);
	reads(&rate, "s", HF_ESYNTAX, NULL);
	reads(&rate, "", HF_ESYNTAX, NULL);
}

static void text_is_bounded_and_moves_no_cursor(void **state)
{
	(void)state;
	reads(&text, "/a b", 0, "/a b");
	reads(&text, "\xc3\xa9", 0, "\xc3\xa9");
	reads(&text, "", HF_ERANGE, NULL);
	reads(&text, "sixsix", HF_ERANGE, NULL);
	reads(&text, "a\nb", HF_ESYNTAX, NULL);
	reads(&text, "\x7f", HF_ESYNTAX, NULL);
}

static void text_without_memory_is_an_error(void **state)
{
	(void)state;
	struct hf_arena arena;
	const char *field = NULL;
	hf_arena_init(&arena, 1);
	assert_int_equal(hf_option_read(&text, "abc", 3, &arena, &field), -ENOMEM);
	assert_null(field);
}

static void words_are_those_of_the_row(void **state)
{
	(void)state;
	reads(&word, "green", 0, "green");
	reads(&word, "gree", HF_ESYNTAX, NULL);
	reads(&word, "greens", HF_ESYNTAX, NULL);
	reads(&word, "", HF_ESYNTAX, NULL);
}

static void addresses_take_the_port_of_the_row(void **state)
{
	(void)state;
	reads(&address, "192.0.2.1", 0, "192.0.2.1:9153");
	reads(&address, "none", 0, "none");
	reads(&addresses, "::1", 0, "[::1]:53");
	reads(&addresses, "none", HF_ESYNTAX, NULL);
	reads(&address, "localhost", HF_ESYNTAX, NULL);
}

static void port_0_reads_back_as_port_0(void **state)
{
	(void)state;
	reads(&address, "127.0.0.1:0", 0, "127.0.0.1:0");
	reads(&addresses, "[::1]:0", 0, "[::1]:0");
	reads(&addresses, "[fe80::1%1]:0", 0, "[fe80::1%1]:0");
}

static void prefixes_tell_bits_behind_their_length_from_nonsense(void **state)
{
	(void)state;
	reads(&prefixes, "10.0.0.0/8", 0, "10.0.0.0/8");
	reads(&prefixes, "10.0.0.1/8", HF_ERANGE, NULL);
	reads(&prefixes, "ten", HF_ESYNTAX, NULL);
}

static void a_nul_inside_is_never_overlooked(void **state)
{
	(void)state;
	static const struct hf_option *const rows[] = { &flag, &count, &duration, &size, &rate, &text,
		&word, &address, &addresses, &prefixes };
	static const char *const good[] = { "yes", "12", "2s", "2KiB", "12/s", "a", "red", "::1",
		"::1", "::1" };
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct hf_arena arena;
		union field field;
		hf_arena_init(&arena, 0);
		assert_int_equal(hf_option_read(rows[i], good[i], strlen(good[i]) + 1, &arena, &field),
			HF_ESYNTAX);
		hf_arena_clear(&arena);
	}
}

static void equal_values_are_the_same_and_others_are_not(void **state)
{
	(void)state;
	struct hf_address a[2] = { { .family = 4, .port = 1 }, { .family = 4, .port = 2 } };
	struct hf_address_list one = { a, 1 }, two = { a, 2 }, other = { a + 1, 1 };
	struct hf_prefix p, q;
	memset(&p, 0xff, sizeof p);
	memset(&q, 0, sizeof q);
	p.address = q.address = a[0];
	p.bits = q.bits = 8; /* the octets behind differ, and mean nothing */
	struct hf_prefix_list ps = { &p, 1 }, qs = { &q, 1 };
	char hello[] = "hello", hello_again[] = "hello";
	uint32_t slow = 10, slow_again = 10, fast = 11;
	const char *s = hello, *t = hello_again, *u = "other";
	assert_true(hf_option_same(&addresses, &one, &one));
	assert_false(hf_option_same(&addresses, &one, &two));
	assert_false(hf_option_same(&addresses, &one, &other));
	assert_true(hf_option_same(&prefixes, &ps, &qs));
	q.bits = 9;
	assert_false(hf_option_same(&prefixes, &ps, &qs));
	assert_true(hf_option_same(&rate, &slow, &slow_again));
	assert_false(hf_option_same(&rate, &slow, &fast));
	assert_true(hf_option_same(&text, &s, &t));
	assert_false(hf_option_same(&text, &s, &u));
}

static void what_a_row_takes_can_be_said(void **state)
{
	(void)state;
	char buf[HF_OPTION_TAKES_MAX];
	assert_string_equal(hf_option_takes(&flag, false, buf), "yes or no");
	assert_string_equal(hf_option_takes(&count, false, buf), "a whole number such as 256 or auto");
	assert_string_equal(hf_option_takes(&duration, false, buf), "a duration such as 2s");
	assert_string_equal(hf_option_takes(&rate, false, buf), "a rate such as 1024/s or none");
	assert_string_equal(hf_option_takes(&word, false, buf), "red, green or blue");
	assert_string_equal(hf_option_takes(&prefixes, true, buf), "a prefix such as 10.0.0.0/8");
	assert_string_equal(hf_option_words(&flag, buf), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_have_six_words),
		cmocka_unit_test(counts_keep_their_range_and_their_words),
		cmocka_unit_test(a_duration_may_have_words_for_what_is_none),
		cmocka_unit_test(durations_and_sizes_keep_their_range),
		cmocka_unit_test(rates_are_so_many_a_second),
		cmocka_unit_test(text_is_bounded_and_moves_no_cursor),
		cmocka_unit_test(text_without_memory_is_an_error),
		cmocka_unit_test(words_are_those_of_the_row),
		cmocka_unit_test(addresses_take_the_port_of_the_row),
		cmocka_unit_test(port_0_reads_back_as_port_0),
		cmocka_unit_test(prefixes_tell_bits_behind_their_length_from_nonsense),
		cmocka_unit_test(a_nul_inside_is_never_overlooked),
		cmocka_unit_test(equal_values_are_the_same_and_others_are_not),
		cmocka_unit_test(what_a_row_takes_can_be_said),
	};
	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
