/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/check.h"
#include "sight/text.h"

static void pieces_add_up(void **state)
{
	(void)state;
	struct hf_text text = hf_text(1 << 20);
	for (int i = 0; i < 10000; i++)
		assert_true(hf_text_add(&text, "%d;", i % 10));
	assert_true(hf_text_put(&text, "end", 3));
	assert_int_equal(text.len, 20003);
	assert_int_equal(strlen(text.bytes), 20003);
	assert_memory_equal(text.bytes + 19998, "9;end", 5);
	hf_text_clear(&text);
	assert_null(text.bytes);
}

static void past_the_limit_nothing_more_is_taken(void **state)
{
	(void)state;
	struct hf_text text = hf_text(10);
	assert_true(hf_text_add(&text, "0123456789"));
	assert_false(text.overrun);
	assert_false(hf_text_add(&text, "x"));
	assert_true(text.overrun);
	assert_false(hf_text_put(&text, "", 0));
	assert_string_equal(text.bytes, "0123456789");
	hf_text_clear(&text);
}

static void a_piece_that_does_not_fit_is_left_out_whole(void **state)
{
	(void)state;
	struct hf_text text = hf_text(10);
	hf_text_add(&text, "12345");
	assert_false(hf_text_add(&text, "%s", "678901"));
	assert_string_equal(text.bytes, "12345");
	hf_text_clear(&text);
}

static void there_is_always_room_for_the_end_of_the_text(void **state)
{
	(void)state;
	char piece[8192];
	memset(piece, 'x', sizeof piece);
	for (size_t len = 1; len <= sizeof piece; len *= 2) {
		struct hf_text text = hf_text(sizeof piece);
		assert_true(hf_text_put(&text, piece, len));
		assert_true(text.cap > len);
		assert_int_equal(text.bytes[len], '\0');
		hf_text_clear(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_add_up),
		cmocka_unit_test(past_the_limit_nothing_more_is_taken),
		cmocka_unit_test(there_is_always_room_for_the_end_of_the_text),
		cmocka_unit_test(a_piece_that_does_not_fit_is_left_out_whole),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
