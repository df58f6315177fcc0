/* SPDX-License-Identifier: MIT */
#include "base/arena.h"

#include <setjmp.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void pieces_are_zeroed_aligned_and_apart(void **state)
{
	(void)state;
	struct hf_arena arena;
	unsigned char *before = NULL;
	size_t before_size = 0;
	hf_arena_init(&arena, 0);
	for (size_t size = 0; size < 300; size++) {
		unsigned char *piece = hf_arena_get(&arena, size);
		assert_non_null(piece);
		assert_int_equal((uintptr_t)piece % alignof(max_align_t), 0);
		for (size_t i = 0; i < size; i++)
			assert_int_equal(piece[i], 0);
		memset(piece, 0xff, size);
		assert_true(piece != before);
		if (before_size)
			assert_int_equal(before[before_size - 1], 0xff);
		before = piece;
		before_size = size;
	}
	hf_arena_clear(&arena);
}

static void a_piece_may_be_larger_than_a_block(void **state)
{
	(void)state;
	struct hf_arena arena;
	hf_arena_init(&arena, 0);
	char *small = hf_arena_get(&arena, 1);
	char *large = hf_arena_get(&arena, 1 << 20);
	assert_non_null(small);
	assert_non_null(large);
	memset(large, 1, 1 << 20);
	assert_int_equal(*small, 0);
	hf_arena_clear(&arena);
}

/* Many small ones in the heap would lie among what others keep, and never go back. */
static void an_arena_that_grows_takes_few_blocks_and_little_more_than_it_needs(void **state)
{
	(void)state;
	struct hf_arena arena;
	unsigned blocks = 0;
	hf_arena_init(&arena, 0);
	for (size_t got = 0, before = 0; got < 8 << 20; got += 1024, before = arena.used) {
		assert_non_null(hf_arena_get(&arena, 1024));
		blocks += arena.used != before;
	}
	assert_in_range(blocks, 8, 64);
	assert_true(arena.used <= (8 << 20) + (8 << 20) / 4);
	hf_arena_clear(&arena);
}

static void past_its_limit_an_arena_gives_nothing(void **state)
{
	(void)state;
	struct hf_arena arena;
	unsigned got = 0;
	hf_arena_init(&arena, 20000);
	while (hf_arena_get(&arena, 1000) && got < 100)
		got++;
	assert_in_range(got, 10, 20);
	assert_true(arena.used <= 20000);
	assert_null(hf_arena_get(&arena, 1 << 20));
	assert_null(hf_arena_get(&arena, SIZE_MAX));
	assert_null(hf_arena_get(&arena, SIZE_MAX - 15));
	hf_arena_clear(&arena);
}

static void a_cleared_arena_is_usable_again_with_the_same_limit(void **state)
{
	(void)state;
	struct hf_arena arena;
	hf_arena_init(&arena, 8192);
	assert_non_null(hf_arena_get(&arena, 5000));
	assert_null(hf_arena_get(&arena, 5000));
	hf_arena_clear(&arena);
	assert_int_equal(arena.used, 0);
	assert_int_equal(arena.limit, 8192);
	assert_non_null(hf_arena_get(&arena, 5000));
	hf_arena_clear(&arena);
	hf_arena_clear(&arena);
}

static void text_is_copied_and_ended(void **state)
{
	(void)state;
	struct hf_arena arena;
	hf_arena_init(&arena, 0);
	assert_string_equal(hf_arena_text(&arena, "holdfast", 4), "hold");
	assert_string_equal(hf_arena_text(&arena, NULL, 0), "");
	assert_memory_equal(hf_arena_text(&arena, "a\0b", 3), "a\0b", 4);
	assert_null(hf_arena_text(&arena, "", SIZE_MAX));
	hf_arena_clear(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_are_zeroed_aligned_and_apart),
		cmocka_unit_test(a_piece_may_be_larger_than_a_block),
		cmocka_unit_test(an_arena_that_grows_takes_few_blocks_and_little_more_than_it_needs),
		cmocka_unit_test(past_its_limit_an_arena_gives_nothing),
		cmocka_unit_test(a_cleared_arena_is_usable_again_with_the_same_limit),
		cmocka_unit_test(text_is_copied_and_ended),
	};
	return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
