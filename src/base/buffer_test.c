/* SPDX-License-Identifier: MIT */
#include "base/buffer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void numbers_are_in_network_order(void **state)
{
	(void)state;
	static const uint8_t expected[] = { 0xab, 0x12, 0x34, 0xde, 0xad, 0xbe, 0xef };
	uint8_t room[7];
	uint8_t a = 0;
	uint16_t b = 0;
	uint32_t c = 0;
	struct hf_writer w = hf_writer(room, sizeof room);
	assert_true(hf_write_u8(&w, 0xab) && hf_write_u16(&w, 0x1234) &&
		hf_write_u32(&w, 0xdeadbeef));
	assert_memory_equal(room, expected, sizeof expected);
	struct hf_reader r = hf_reader(room, w.len);
	assert_true(hf_read_u8(&r, &a) && hf_read_u16(&r, &b) && hf_read_u32(&r, &c));
	assert_int_equal(a, 0xab);
	assert_int_equal(b, 0x1234);
	assert_true(c == 0xdeadbeef);
	assert_int_equal(hf_reader_left(&r), 0);
}

static void a_reader_past_its_end_stays_where_it_was(void **state)
{
	(void)state;
	static const uint8_t bytes[3] = { 1, 2, 3 };
	uint8_t a = 77;
	uint16_t b = 77;
	uint32_t c = 77;
	struct hf_reader r = hf_reader(bytes, sizeof bytes);
	assert_false(hf_read_u32(&r, &c));
	assert_false(hf_read_skip(&r, 4));
	assert_false(hf_read_skip(&r, SIZE_MAX));
	assert_int_equal(r.at, 0);
	assert_true(hf_read_skip(&r, 2));
	assert_false(hf_read_u16(&r, &b));
	assert_true(hf_read_skip(&r, 1));
	assert_false(hf_read_u8(&r, &a));
	assert_true(hf_read_skip(&r, 0));
	assert_true(a == 77 && b == 77 && c == 77);
}

static void a_writer_past_its_end_stays_and_remembers(void **state)
{
	(void)state;
	uint8_t room[5] = { 0, 0, 0, 0xee, 0xee };
	struct hf_writer w = hf_writer(room, 3);
	assert_true(hf_write_u16(&w, 0x0102));
	assert_false(hf_write_u16(&w, 0x0304));
	assert_true(w.overrun);
	assert_int_equal(w.len, 2);
	/* What would still fit must not follow what did not. */
	assert_false(hf_write_u8(&w, 5));
	assert_false(hf_write_text(&w, "x"));
	assert_null(hf_write_room(&w, 0));
	assert_int_equal(w.len, 2);
	assert_memory_equal(room, "\1\2\0\xee\xee", 5);
}

static void room_is_handed_out_once(void **state)
{
	(void)state;
	uint8_t room[4];
	struct hf_writer w = hf_writer(room, sizeof room);
	assert_ptr_equal(hf_write_room(&w, 3), room);
	assert_ptr_equal(hf_write_room(&w, 1), room + 3);
	assert_true(hf_write(&w, NULL, 0));
	assert_false(w.overrun);
	assert_null(hf_write_room(&w, SIZE_MAX));
}

static void text_is_written_whole_or_not_at_all(void **state)
{
	(void)state;
	uint8_t room[8];
	struct hf_writer w = hf_writer(room, sizeof room);
	assert_true(hf_write_text(&w, "%s-%d", "ab", 12));
	assert_int_equal(w.len, 5);
	assert_memory_equal(room, "ab-12", 5);
	assert_false(hf_write_text(&w, "%s", "toolong"));
	assert_true(w.overrun);
	assert_int_equal(w.len, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_in_network_order),
		cmocka_unit_test(a_reader_past_its_end_stays_where_it_was),
		cmocka_unit_test(a_writer_past_its_end_stays_and_remembers),
		cmocka_unit_test(room_is_handed_out_once),
		cmocka_unit_test(text_is_written_whole_or_not_at_all),
	};
	return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
