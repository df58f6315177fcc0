/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/written.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "cache/cache.h"

#define PLACE 4096
#define SESSION 0x1122334455667788u

/* shop.example A 192.0.2.1, TTL 300. */
static uint8_t reply[] = {
	0, 0, 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0,
	4, 's', 'h', 'o', 'p', 7, 'e', 'x', 'a', 'm', 'p', 'l', 'e', 0, 0, 1, 0, 1,
	0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1,
};

static struct hf_written_answer shop(void)
{
	return (struct hf_written_answer){ .route = 3, .flags = HF_CACHE_DO, .hits = 2, .ttl = 300,
		.stored = -7 * HF_SECOND, .wire = reply, .len = sizeof reply };
}

static bool reads(const struct hf_written_answer *answer, struct hf_question *q,
	struct hf_kept *kept)
{
	static const struct hf_cache_conf conf = {
		.ttl_max = 86400 * HF_SECOND, .negative_max = 3600 * HF_SECOND};
	static uint16_t ttl_at[HF_RECORDS_MAX];
	kept->ttl_at = ttl_at;
	return hf_written_answer_question(answer, q) == 0 &&
	       (answer->flags & HF_WRITTEN_GONE ||
		       hf_written_answer_read(answer, &conf, kept) == 0);
}

/* A file of `count` blocks, each with one answer whose TTL is its number. */
static size_t make_blocks(uint8_t *file, unsigned count)
{
	size_t len = 0;
	for (unsigned i = 0; i < count; i++) {
		uint8_t *block = file + len;
		struct hf_writer w = hf_writer(block + HF_WRITTEN_BLOCK_HEADER, 1024);
		struct hf_written_answer answer = shop();
		answer.ttl = i;
		assert_true(hf_written_answer_put(&w, &answer));
		const struct hf_written_block b = { .kind = HF_WRITTEN_ANSWERS, .len = (uint32_t)w.len,
			.count = 1, .session = SESSION, .clocks = { 1, 2, 3, 4 }, .routes = 99 };
		len += hf_written_seal(block, &b, PLACE + len);
	}
	return len;
}

static struct hf_written_window window(uint8_t *file, size_t len)
{
	return (struct hf_written_window){ .bytes = file, .len = len, .place = PLACE, .last = true,
		.session = SESSION };
}

/* Bits of the blocks that come out; faults are counted. */
static unsigned read_blocks(struct hf_written_window w, unsigned *ret_faults)
{
	unsigned found = 0;
	*ret_faults = 0;
	for (;;) {
		struct hf_written_block b;
		struct hf_written_answer answer;
		uint64_t where;
		const char *why;
		switch (hf_written_next(&w, false, &b, &where, &why)) {
		case HF_WRITTEN_FAULT: ++*ret_faults; continue;
		case HF_WRITTEN_BLOCK: break;
		default: return found;
		}
		struct hf_reader r = hf_reader(b.content, b.len);
		assert_true(hf_written_answer_get(&r, b.content, &answer));
		assert_int_equal(b.clocks.wall, 4);
		assert_int_equal(b.routes, 99);
		assert_memory_equal(answer.wire, reply, sizeof reply);
		found |= 1u << answer.ttl;
	}
}

static void an_answer_reads_back_as_it_was_written(void **state)
{
	(void)state;
	uint8_t room[256];
	struct hf_writer w = hf_writer(room, sizeof room);
	struct hf_written_answer in = shop(), out;
	struct hf_question q;
	struct hf_kept kept;
	assert_true(hf_written_answer_put(&w, &in));
	struct hf_reader r = hf_reader(room, w.len);
	assert_true(hf_written_answer_get(&r, room, &out));
	assert_int_equal(hf_reader_left(&r), 0);
	assert_int_equal(out.route, 3);
	assert_int_equal(out.hits, 2);
	assert_int_equal(out.flags, HF_CACHE_DO);
	assert_true(out.stored == in.stored);
	assert_true(reads(&out, &q, &kept));
	assert_int_equal(q.type, 1);
	assert_int_equal(q.name.len, 14);
	assert_int_equal(kept.ttl, 300);
	assert_int_equal(kept.ttl_count, 1);
	assert_int_equal(kept.ttl_at[0], 36);
	assert_int_equal(kept.answer_end, sizeof reply);
}

static void an_answer_is_good_for_no_longer_than_the_bounds_of_now_allow(void **state)
{
	(void)state;
	const struct hf_cache_conf lowered = {.ttl_max = 60 * HF_SECOND};
	uint8_t copy[sizeof reply];
	uint16_t ttl_at[1];
	struct hf_written_answer in = shop();
	struct hf_kept kept = {.ttl_at = ttl_at};
	in.wire = memcpy(copy, reply, sizeof reply);
	assert_int_equal(hf_written_answer_read(&in, &lowered, &kept), 0);
	assert_int_equal(kept.ttl, 60);
	assert_int_equal(hf_get_u32(copy + ttl_at[0]), 60);
	/* Nor than it was. */
	in.ttl = 5;
	assert_int_equal(hf_written_answer_read(&in, &lowered, &kept), 0);
	assert_int_equal(kept.ttl, 5);
}

static void an_answer_that_does_not_fit_leaves_nothing(void **state)
{
	(void)state;
	uint8_t room[sizeof reply + 17];
	struct hf_writer w = hf_writer(room, sizeof room);
	struct hf_written_answer in = shop();
	assert_false(hf_written_answer_put(&w, &in));
	assert_int_equal(w.len, 0);
	assert_false(w.overrun);
}

/* Its TTL counts down while it is kept, and the name would change with it. */
static void a_name_that_leans_on_a_ttl_is_malformed(void **state)
{
	(void)state;
	uint8_t wire[sizeof reply];
	struct hf_written_answer answer = shop();
	struct hf_question q;
	struct hf_kept kept;
	memcpy(wire, reply, sizeof reply);
	answer.wire = wire;
	wire[33] = 5; /* CNAME, of four octets: */
	memcpy(wire + 42, "\1a\xc0\x0c", 4);
	assert_true(reads(&answer, &q, &kept));
	memcpy(wire + 36, "\1x\0\0", 4);
	memcpy(wire + 42, "\1a\xc0\x24", 4);
	assert_false(reads(&answer, &q, &kept));
}

static void what_could_not_have_been_kept_is_malformed(void **state)
{
	(void)state;
	static const struct {
		unsigned at;
		uint8_t value;
	} faults[] = {
		{ 1, 1 },      /* an id */
		{ 2, 0x01 },   /* a query */
		{ 2, 0xa9 },   /* another opcode */
		{ 3, 0x82 },   /* SERVFAIL */
		{ 5, 0 },      /* no question */
		{ 7, 2 },      /* a record too many */
		{ 7, 0 },      /* octets behind the end */
		{ 13, 'S' },   /* not lowered */
		{ 12, 70 },    /* a broken name */
		{ 31, 30 },    /* a pointer to itself */
		{ 38, 0 },     /* a record's TTL below that of the answer */
		{ 41, 5 },     /* rdata past the end */
		{ 33, 41 },    /* OPT in the answer */
	};
	struct hf_question q;
	struct hf_kept kept;
	for (size_t i = 0; i < HF_COUNT_OF(faults); i++) {
		uint8_t bad[sizeof reply];
		struct hf_written_answer answer = shop();
		memcpy(bad, reply, sizeof reply);
		bad[faults[i].at] = faults[i].value;
		answer.wire = bad;
		assert_false(reads(&answer, &q, &kept));
	}
	struct hf_written_answer answer = shop();
	answer.flags = HF_CACHE_FAILED;
	assert_false(reads(&answer, &q, &kept));
	answer.flags = HF_CACHE_NAME; /* and yet there is an address */
	assert_false(reads(&answer, &q, &kept));
	answer.flags = 0;
	answer.ttl = 301;
	assert_false(reads(&answer, &q, &kept));
	for (answer = shop(); answer.len; answer.len--)
		assert_true(reads(&answer, &q, &kept) == (answer.len == sizeof reply));
}

static void of_a_removal_the_question_is_enough(void **state)
{
	(void)state;
	struct hf_question q;
	struct hf_kept kept;
	struct hf_written_answer answer = shop();
	answer.flags |= HF_WRITTEN_GONE;
	answer.len = 30;
	assert_true(reads(&answer, &q, &kept));
	assert_int_equal(q.name.len, 14);
	answer.len = 29;
	assert_false(reads(&answer, &q, &kept));
}

static void any_flipped_bit_costs_its_block_and_no_other(void **state)
{
	(void)state;
	static uint8_t file[4096];
	unsigned faults;
	size_t len = make_blocks(file, 3);
	assert_int_equal(read_blocks(window(file, len), &faults), 7);
	assert_int_equal(faults, 0);
	for (size_t bit = 0; bit < len * 8; bit++) {
		unsigned block = (unsigned)(bit / 8 / (len / 3));
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
		unsigned found = read_blocks(window(file, len), &faults);
		/* Padding is nobody's. */
		assert_true(found == 7 || (found == (7 & ~(1u << block)) && faults == 1));
		file[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void a_file_cut_off_anywhere_keeps_the_blocks_before(void **state)
{
	(void)state;
	static uint8_t file[4096], copy[4096];
	unsigned faults;
	size_t len = make_blocks(file, 3), one = len / 3;
	for (size_t cut = 0; cut < len; cut++) {
		memset(copy, 0xee, sizeof copy);
		memcpy(copy, file, cut);
		assert_int_equal(read_blocks(window(copy, cut), &faults), (1u << cut / one) - 1);
		assert_int_equal(faults, cut % one != 0);
	}
}

static void a_block_in_another_place_or_of_another_session_is_none(void **state)
{
	(void)state;
	static uint8_t file[4096];
	unsigned faults;
	size_t len = make_blocks(file, 2), one = len / 2;
	struct hf_written_window w = window(file, len);
	memcpy(file + one, file, one);
	assert_int_equal(read_blocks(w, &faults), 1);
	assert_int_equal(faults, 1);
	w.session++;
	assert_int_equal(read_blocks(w, &faults), 0);
}

static void a_window_is_moved_on_when_a_block_is_not_whole(void **state)
{
	(void)state;
	static uint8_t file[4096];
	struct hf_written_block b;
	uint64_t where;
	const char *why;
	size_t len = make_blocks(file, 1);
	for (size_t part = 0; part < len; part++) {
		struct hf_written_window w = window(file, part);
		w.last = false;
		assert_int_equal(hf_written_next(&w, false, &b, &where, &why), HF_WRITTEN_MORE);
		assert_int_equal(w.at, 0);
	}
}

static void a_file_header_reads_back_and_any_flipped_bit_shows(void **state)
{
	(void)state;
	uint8_t header[HF_WRITTEN_FILE_HEADER];
	const struct hf_written_file in = { HF_WRITTEN_VERSION, 7, SESSION };
	struct hf_written_file out;
	hf_written_file_put(&in, header);
	assert_int_equal(hf_written_file_get(header, sizeof header, &out), 0);
	assert_int_equal(out.generation, 7);
	assert_true(out.session == SESSION);
	for (size_t bit = 0; bit < sizeof header * 8; bit++) {
		header[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(hf_written_file_get(header, sizeof header, &out), 0);
		header[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
}

static void a_route_reads_back_and_a_broken_one_does_not(void **state)
{
	(void)state;
	uint8_t room[256];
	struct hf_written_route in = { .zone = { 14, { 0 } }, .count = 2 }, out;
	struct hf_writer w = hf_writer(room, sizeof room);
	memcpy(in.zone.bytes, reply + 12, 14);
	assert_int_equal(hf_address_parse("192.0.2.1:53", 0, &in.addresses[0]), 0);
	assert_int_equal(hf_address_parse("[2001:db8::1%4]:5353", 0, &in.addresses[1]), 0);
	assert_true(hf_written_route_put(&w, &in));
	struct hf_reader r = hf_reader(room, w.len);
	assert_true(hf_written_route_get(&r, &out));
	assert_memory_equal(&out, &in, sizeof in);
	for (size_t cut = 0; cut < w.len; cut++) {
		r = hf_reader(room, cut);
		assert_false(hf_written_route_get(&r, &out));
	}
	room[1] = 200;
	r = hf_reader(room, w.len);
	assert_false(hf_written_route_get(&r, &out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_reads_back_as_it_was_written),
		cmocka_unit_test(an_answer_is_good_for_no_longer_than_the_bounds_of_now_allow),
		cmocka_unit_test(an_answer_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(a_name_that_leans_on_a_ttl_is_malformed),
		cmocka_unit_test(what_could_not_have_been_kept_is_malformed),
		cmocka_unit_test(of_a_removal_the_question_is_enough),
		cmocka_unit_test(any_flipped_bit_costs_its_block_and_no_other),
		cmocka_unit_test(a_file_cut_off_anywhere_keeps_the_blocks_before),
		cmocka_unit_test(a_block_in_another_place_or_of_another_session_is_none),
		cmocka_unit_test(a_window_is_moved_on_when_a_block_is_not_whole),
		cmocka_unit_test(a_file_header_reads_back_and_any_flipped_bit_shows),
		cmocka_unit_test(a_route_reads_back_and_a_broken_one_does_not),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
