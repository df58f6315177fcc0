/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/check.h"

static uint8_t octets[4096];
static struct hf_keep_memory got;

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static struct hf_address address_of(const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 53, &address), 0);
	return address;
}

static void put(struct hf_writer *w, const char *name, const char *address, const char *zone)
{
	struct hf_address at = address_of(address);
	struct hf_name of = zone ? name_of(zone) : (struct hf_name){.len = 0};
	struct hf_learnt learnt = {.name = name, .address = &at, .zone = zone ? &of : NULL};
	if (zone) {
		learnt.memory.path.asked = learnt.memory.path.sampled = HF_SECOND;
		learnt.memory.path.rtt.srtt = 1234;
	} else {
		learnt.memory.upstream.age = 5 * HF_SECOND;
	}
	assert_true(hf_keep_memory_put(w, &learnt));
}

static void records_come_back_with_their_names(void **state)
{
	(void)state;
	struct hf_writer w = hf_writer(octets, sizeof octets);
	put(&w, "office", "192.0.2.1", NULL);
	put(&w, "far-away", "[2001:db8::1]:5353", "corp.example");
	struct hf_reader r = hf_reader(octets, w.len);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_RECORD);
	assert_string_equal(got.learnt.name, "office");
	assert_null(got.learnt.zone);
	assert_int_equal(got.learnt.memory.upstream.age, 5 * HF_SECOND);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_RECORD);
	struct hf_address at = address_of("[2001:db8::1]:5353");
	struct hf_name zone = name_of("corp.example");
	assert_string_equal(got.learnt.name, "far-away");
	assert_true(hf_address_equal(got.learnt.address, &at));
	assert_int_equal(got.learnt.zone->len, zone.len);
	assert_memory_equal(got.learnt.zone->bytes, zone.bytes, zone.len);
	assert_int_equal(got.learnt.memory.path.rtt.srtt, 1234);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_END);
	assert_int_equal(hf_reader_left(&r), 0);
}

static void records_of_kinds_that_are_not_known_are_passed_over(void **state)
{
	(void)state;
	struct hf_writer w = hf_writer(octets, sizeof octets);
	hf_write(&w, "\x63\0\5hello", 8);
	put(&w, "a", "192.0.2.1", NULL);
	struct hf_reader r = hf_reader(octets, w.len);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_PASSED);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_RECORD);
}

static void a_record_may_have_more_at_its_end_than_is_known(void **state)
{
	(void)state;
	struct hf_writer w = hf_writer(octets, sizeof octets);
	put(&w, "a", "192.0.2.1", NULL);
	hf_write(&w, "more", 4);
	hf_put_u16(octets + 1, (uint16_t)(hf_get_u16(octets + 1) + 4));
	put(&w, "b", "192.0.2.2", ".");
	struct hf_reader r = hf_reader(octets, w.len);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_RECORD);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_RECORD);
	assert_string_equal(got.learnt.name, "b");
}

static void one_that_does_not_read_takes_no_other_with_it(void **state)
{
	(void)state;
	struct hf_writer w = hf_writer(octets, sizeof octets);
	put(&w, "bad", "192.0.2.1", "example");
	octets[4] = 0; /* its name ends before it begins */
	put(&w, "good", "192.0.2.1", "example");
	struct hf_reader r = hf_reader(octets, w.len);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_BAD);
	assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_RECORD);
	assert_string_equal(got.learnt.name, "good");
}

static void what_is_cut_off_is_the_end(void **state)
{
	(void)state;
	struct hf_writer w = hf_writer(octets, sizeof octets);
	put(&w, "a", "192.0.2.1", "example");
	for (size_t len = 0; len < w.len; len++) {
		struct hf_reader r = hf_reader(octets, len);
		assert_int_equal(hf_keep_memory_get(&r, &got), HF_KEEP_MEMORY_END);
	}
}

static void without_room_for_any_record_nothing_is_written(void **state)
{
	(void)state;
	struct hf_address at = address_of("192.0.2.1");
	const struct hf_learnt learnt = {.name = "a", .address = &at};
	struct hf_writer w = hf_writer(octets, HF_KEEP_MEMORY_MAX - 1);
	assert_false(hf_keep_memory_put(&w, &learnt));
	assert_int_equal(w.len, 0);
	assert_false(w.overrun);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_come_back_with_their_names),
		cmocka_unit_test(records_of_kinds_that_are_not_known_are_passed_over),
		cmocka_unit_test(a_record_may_have_more_at_its_end_than_is_known),
		cmocka_unit_test(one_that_does_not_read_takes_no_other_with_it),
		cmocka_unit_test(what_is_cut_off_is_the_end),
		cmocka_unit_test(without_room_for_any_record_nothing_is_written),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
