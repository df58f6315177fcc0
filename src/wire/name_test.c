/* SPDX-License-Identifier: MIT */
#include "wire/name.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/sample.h"

#define HEADER "\0\0\0\0\0\0\0\0\0\0\0\0"
#define FIVE "\1a\1a\1a\1a\1a"
#define FIFTY FIVE FIVE FIVE FIVE FIVE

/* Reads at `at`; both readers must agree. Returns the code. */
static int read_at(const uint8_t *m, size_t len, size_t at, struct hf_name *name, size_t *next)
{
	size_t skipped = 0;
	int rc = hf_name_read(m, len, at, name, next);
	assert_int_equal(hf_name_skip(m, len, at, &skipped), rc);
	if (!rc)
		assert_int_equal(skipped, *next);
	return rc;
}

static void expect_malformed(const uint8_t *m, size_t len, size_t at)
{
	struct hf_name name = {.len = 99};
	size_t next = 77;
	assert_int_equal(read_at(m, len, at, &name, &next), HF_EMALFORMED);
	assert_int_equal(name.len, 99);
	assert_int_equal(next, 77);
}

static void expect_name(
	const uint8_t *m, size_t len, size_t at, const char *text, size_t expected_next)
{
	char buf[HF_NAME_TEXT_MAX];
	struct hf_name name;
	size_t next;
	assert_int_equal(read_at(m, len, at, &name, &next), 0);
	assert_string_equal(hf_name_text(name.bytes, buf), text);
	assert_int_equal(next, expected_next);
	assert_int_equal(hf_name_wire_len(name.bytes, name.len), name.len);
}

static void a_plain_name_is_read_as_it_stands(void **state)
{
	(void)state;
	expect_name(HF_RAW(HEADER "\3WwW\7example\0rest"), 12, "WwW.example", 25);
	expect_name(HF_RAW(HEADER "\0"), 12, ".", 13);
}

static void a_pointer_is_followed_and_the_name_ends_behind_it(void **state)
{
	(void)state;
	expect_name(HF_RAW(HEADER "\7example\0\3www\xc0\x0c"), 21, "www.example", 27);
	expect_name(HF_RAW(HEADER "\7example\0\3www\xc0\x0c\xc0\x15"), 27, "www.example", 29);
	expect_name(HF_RAW(HEADER "\1a\0\xc0\x0e"), 15, ".", 17); /* to the root octet */
}

static void a_pointer_never_leads_forward_nor_to_itself(void **state)
{
	(void)state;
	expect_malformed(HF_RAW(HEADER "\xc0\x0c"), 12);
	expect_malformed(HF_RAW(HEADER "\xc0\x0e\0"), 12);
	expect_malformed(HF_RAW(HEADER "\1a\xc0\x0c"), 12);      /* to its own beginning */
	expect_malformed(HF_RAW(HEADER "\xc0\x0e\xc0\x0c"), 14); /* two that lead to each other */
}

static void what_a_pointer_leads_to_ends_before_the_name_began(void **state)
{
	(void)state;
	/* The label at 12 swallows the pointer at 15 that led to it. */
	expect_malformed(HF_RAW(HEADER "\5ab\xc0\x0c"
				       "d\0"),
		15);
	/* The label at 12 leads into the name that pointed there. */
	expect_malformed(HF_RAW(HEADER "\1a\1b\xc0\x0c"), 14);
}

static void a_pointer_never_leads_into_the_header(void **state)
{
	(void)state;
	expect_malformed(HF_RAW(HEADER "\xc0\x00"), 12);
	expect_malformed(HF_RAW(HEADER "\xc0\x0b"), 12);
	expect_name(HF_RAW(HEADER "\0\xc0\x0c"), 13, ".", 15);
}

static void reserved_label_types_are_refused(void **state)
{
	(void)state;
	expect_malformed(HF_RAW(HEADER "\x40zzzzzzzz\0"), 12);
	expect_malformed(HF_RAW(HEADER "\x80zzzzzzzz\0"), 12);
	expect_malformed(HF_RAW(HEADER "\xbfzzzzzzzz\0"), 12);
}

static void a_name_that_runs_past_the_end_is_refused(void **state)
{
	(void)state;
	expect_malformed(HF_RAW(HEADER), 12);
	expect_malformed(HF_RAW(HEADER), 4000);
	expect_malformed(HF_RAW(HEADER "\3ww"), 12);
	expect_malformed(HF_RAW(HEADER "\3www"), 12);
	expect_malformed(HF_RAW(HEADER "\1a\0\xc0"), 15);
	expect_malformed(HF_RAW(HEADER "\1a\0\1b\xc0"), 15);
}

/* labels of `each` octets, then one of `last`, then the root. */
static size_t put_labels(uint8_t *out, unsigned labels, unsigned each, unsigned last)
{
	size_t at = 0;
	for (unsigned i = 0; i <= labels; i++) {
		unsigned size = i < labels ? each : last;
		if (!size)
			break;
		out[at] = (uint8_t)size;
		memset(out + at + 1, 'x', size);
		at += 1 + (size_t)size;
	}
	out[at++] = 0;
	return at;
}

static void a_name_of_255_octets_is_the_longest(void **state)
{
	(void)state;
	uint8_t m[12 + 300] = {0};
	struct hf_name name;
	size_t next;
	size_t len = put_labels(m + 12, 3, 63, 61);
	assert_int_equal(len, 255);
	assert_int_equal(read_at(m, 12 + len, 12, &name, &next), 0);
	assert_int_equal(name.len, 255);
	assert_int_equal(hf_name_wire_len(m + 12, 300), 255);

	len = put_labels(m + 12, 3, 63, 62);
	assert_int_equal(len, 256);
	expect_malformed(m, 12 + len, 12);
	assert_int_equal(hf_name_wire_len(m + 12, 300), 0);
}

static void the_limit_of_255_octets_holds_through_pointers(void **state)
{
	(void)state;
	uint8_t m[12 + 300] = {0};
	struct hf_name name;
	size_t next;
	size_t end = 12 + put_labels(m + 12, 3, 63, 59); /* 253 octets */
	memcpy(m + end, "\1y\xc0\x0c", 4);
	assert_int_equal(read_at(m, end + 4, end, &name, &next), 0);
	assert_int_equal(name.len, 255);
	memcpy(m + end, "\2yy\xc0\x0c", 5);
	expect_malformed(m, end + 5, end);
}

static void a_label_has_63_octets_at_the_most(void **state)
{
	(void)state;
	uint8_t m[12 + 80] = {0};
	struct hf_name name;
	size_t next;
	put_labels(m + 12, 0, 0, 63);
	assert_int_equal(read_at(m, sizeof m, 12, &name, &next), 0);
	assert_int_equal(next, 12 + 65);
	m[12] = 64;
	expect_malformed(m, sizeof m, 12);
	assert_int_equal(hf_name_wire_len(m + 12, 80), 0);
}

/* A chain of pointers, each to the one before; the first leads to the root. */
static size_t put_pointers(uint8_t *m, unsigned pointers)
{
	size_t at = 13;
	m[12] = 0;
	for (unsigned i = 0; i < pointers; i++) {
		size_t to = i ? at - 2 : 12;
		m[at++] = (uint8_t)(0xc0 | to >> 8);
		m[at++] = (uint8_t)to;
	}
	return at;
}

static void more_than_127_pointers_are_refused(void **state)
{
	(void)state;
	uint8_t m[12 + 1 + 2 * 128] = {0};
	struct hf_name name;
	size_t next;
	size_t end = put_pointers(m, 127);
	assert_int_equal(read_at(m, end, end - 2, &name, &next), 0);
	assert_int_equal(name.len, 1);
	end = put_pointers(m, 128);
	expect_malformed(m, end, end - 2);
}

static void a_pointer_reaches_up_to_16383(void **state)
{
	(void)state;
	static uint8_t m[20000];
	m[16383] = 0;
	memcpy(m + 16384, "\1a\xff\xff", 4);
	expect_name(m, sizeof m, 16384, "a", 16388);
}

static void the_wire_length_wants_a_whole_uncompressed_name(void **state)
{
	(void)state;
	assert_int_equal(hf_name_wire_len(HF_RAW("\1a\0more")), 3);
	assert_int_equal(hf_name_wire_len(HF_RAW("\0")), 1);
	assert_int_equal(hf_name_wire_len(HF_RAW("")), 0);
	assert_int_equal(hf_name_wire_len(HF_RAW("\1a")), 0);
	assert_int_equal(hf_name_wire_len(HF_RAW("\5abc")), 0);
	assert_int_equal(hf_name_wire_len(HF_RAW("\1a\xc0\x0c")), 0);
}

static void only_ascii_letters_are_lowered(void **state)
{
	(void)state;
	uint8_t name[] = "\077AZaz@[`{\xc1\xda";
	hf_name_lower(name, sizeof name - 1);
	assert_memory_equal(name, "\077azaz@[`{\xc1\xda", sizeof name - 1);
}

static void lowering_copies_every_octet_at_every_length(void **state)
{
	(void)state;
	uint8_t from[300], to[302];
	for (unsigned i = 0; i < sizeof from; i++)
		from[i] = (uint8_t)i;
	for (size_t len = 0; len <= HF_NAME_MAX; len++) {
		const uint8_t *at = from + len % 31;
		memset(to, 0xee, sizeof to);
		hf_name_copy_lower(to + 1, at, len);
		assert_int_equal(to[0], 0xee);
		assert_int_equal(to[len + 1], 0xee);
		for (size_t i = 0; i < len; i++)
			assert_int_equal(
				to[i + 1], at[i] >= 'A' && at[i] <= 'Z' ? at[i] + 32 : at[i]);
	}
}

static void mixing_turns_letters_and_nothing_else(void **state)
{
	(void)state;
	uint8_t name[23], mixed[23], bits[3] = {0xff, 0xff, 0xff};
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned i = 0; i < sizeof name; i++)
			name[i] = (uint8_t)(first + 37 * i);
		hf_name_mix(name, sizeof name, bits, mixed);
		for (unsigned i = 0; i < sizeof name; i++) {
			bool letter = name[i] >= 'a' && name[i] <= 'z';
			assert_int_equal(mixed[i], letter ? name[i] - 32 : name[i]);
		}
	}
}

static void each_letter_has_a_bit_of_chance_to_itself(void **state)
{
	(void)state;
	static const uint8_t name[] = "abcdefghijklmnopqrs";
	for (unsigned len = 1; len <= 19; len++) {
		unsigned turned[19] = {0};
		for (unsigned bit = 0; bit < (len + 7) / 8 * 8; bit++) {
			uint8_t mixed[19], bits[3] = {0};
			unsigned at_once = 0;
			bits[bit / 8] = (uint8_t)(1u << bit % 8);
			hf_name_mix(name, len, bits, mixed);
			for (unsigned i = 0; i < len; i++) {
				at_once += mixed[i] != name[i];
				turned[i] += mixed[i] != name[i];
			}
			assert_true(at_once <= 1);
		}
		for (unsigned i = 0; i < len; i++)
			assert_int_equal(turned[i], 1);
	}
}

static void names_are_equal_whatever_their_case(void **state)
{
	(void)state;
	assert_true(hf_name_equal((const uint8_t *)"\3WwW", (const uint8_t *)"\3wWw", 4));
	assert_false(hf_name_equal((const uint8_t *)"\3wwx", (const uint8_t *)"\3www", 4));
	/* '@' and '`', '[' and '{' differ in the same bit as letters do. */
	assert_false(hf_name_equal((const uint8_t *)"@", (const uint8_t *)"`", 1));
	assert_false(hf_name_equal((const uint8_t *)"[", (const uint8_t *)"{", 1));
	assert_true(hf_name_equal((const uint8_t *)"a", (const uint8_t *)"b", 0));
}

static void labels_are_counted_without_the_root(void **state)
{
	(void)state;
	assert_int_equal(hf_name_labels((const uint8_t *)"\0"), 0);
	assert_int_equal(hf_name_labels((const uint8_t *)"\3www\7example\0"), 2);
}

static void the_root_is_its_own_parent(void **state)
{
	(void)state;
	const uint8_t *name = (const uint8_t *)"\3www\2de\0";
	assert_ptr_equal(hf_name_parent(name), name + 4);
	assert_ptr_equal(hf_name_parent(name + 4), name + 7);
	assert_ptr_equal(hf_name_parent(name + 7), name + 7);
}

static bool within(const char *name_text, const char *zone_text)
{
	struct hf_name name, zone;
	assert_int_equal(hf_name_from_text(name_text, strlen(name_text), &name), 0);
	assert_int_equal(hf_name_from_text(zone_text, strlen(zone_text), &zone), 0);
	return hf_name_within(name.bytes, name.len, zone.bytes, zone.len);
}

static void a_zone_holds_itself_and_what_is_below_it(void **state)
{
	(void)state;
	assert_true(within("example", "example"));
	assert_true(within("a.b.example", "example"));
	assert_true(within("a.b.example", "."));
	assert_true(within(".", "."));
	assert_false(within("example", "a.example"));
	assert_false(within("example", "example2"));
	assert_false(within(".", "example"));
}

static void a_zone_begins_at_a_label_and_not_inside_one(void **state)
{
	(void)state;
	assert_false(within("notexample", "example"));
	/* The zone's octets end the name, but as text of one label. */
	assert_false(within("x\\007example", "example"));
}

static void expect_text(const char *text, const uint8_t *wire, size_t len)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	assert_int_equal(name.len, len);
	assert_memory_equal(name.bytes, wire, len);
}

static void text_becomes_an_absolute_lowered_name(void **state)
{
	(void)state;
	expect_text(".", HF_RAW("\0"));
	expect_text("Shop.Example", HF_RAW("\4shop\7example\0"));
	expect_text("shop.example.", HF_RAW("\4shop\7example\0"));
	expect_text("_dns.*.x", HF_RAW("\4_dns\1*\1x\0"));
}

static void escapes_in_text_stand_for_one_octet(void **state)
{
	(void)state;
	expect_text("a\\.b.c", HF_RAW("\3a.b\1c\0"));
	expect_text("\\000\\255\\\\", HF_RAW("\3\0\xff\\\0"));
	expect_text("\\065\\x", HF_RAW("\2ax\0")); /* lowered behind the escape too */
}

static void bad_text_is_no_name(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"", "..", ".a", "a..b", "a..", "\\", "a\\", "\\25", "\\256", "\\2x5", "a.\\"};
	for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
		struct hf_name name = {.len = 99};
		assert_int_equal(hf_name_from_text(bad[i], strlen(bad[i]), &name), HF_ESYNTAX);
		assert_int_equal(name.len, 99);
	}
}

static void text_keeps_to_the_limits_of_the_wire(void **state)
{
	(void)state;
	char text[300];
	struct hf_name name;
	memset(text, 'x', sizeof text);
	assert_int_equal(hf_name_from_text(text, 63, &name), 0);
	assert_int_equal(name.len, 65);
	assert_int_equal(hf_name_from_text(text, 64, &name), HF_ESYNTAX);

	text[63] = text[127] = text[191] = '.';
	assert_int_equal(hf_name_from_text(text, 253, &name), 0);
	assert_int_equal(name.len, 255);
	assert_int_equal(hf_name_from_text(text, 254, &name), HF_ERANGE);
	text[253] = '.'; /* the final dot is the root's zero, not an octet more */
	assert_int_equal(hf_name_from_text(text, 254, &name), 0);
	assert_int_equal(name.len, 255);
	text[253] = 'x';
	assert_int_equal(hf_name_from_text(text, 255, &name), HF_ERANGE);
	assert_int_equal(hf_name_from_text(text, 256, &name), HF_ERANGE);
	text[254] = '.';
	assert_int_equal(hf_name_from_text(text, 255, &name), HF_ERANGE);
}

static void any_octets_are_printed_safely_and_read_back(void **state)
{
	(void)state;
	char buf[HF_NAME_TEXT_MAX];
	assert_string_equal(
		hf_name_text((const uint8_t *)"\6a.\"\\\x07\xfe\0", buf), "a\\.\\\"\\\\\\007\\254");
	assert_string_equal(hf_name_text((const uint8_t *)"\2 $\0", buf), "\\032\\$");
	for (unsigned octet = 0; octet < 256; octet++) {
		uint8_t wire[] = {2, (uint8_t)octet, 'z', 0};
		struct hf_name name;
		hf_name_text(wire, buf);
		assert_int_equal(hf_name_from_text(buf, strlen(buf), &name), 0);
		hf_name_lower(wire, sizeof wire);
		assert_int_equal(name.len, sizeof wire);
		assert_memory_equal(name.bytes, wire, sizeof wire);
	}
}

static void the_longest_name_fits_its_text_buffer(void **state)
{
	(void)state;
	struct hf_name name = {.len = 255};
	char buf[HF_NAME_TEXT_MAX + 1];
	put_labels(name.bytes, 3, 63, 61);
	for (unsigned i = 0; i < 254; i++)
		if (name.bytes[i] == 'x')
			name.bytes[i] = 0xff;
	buf[HF_NAME_TEXT_MAX] = '#';
	hf_name_text(name.bytes, buf);
	assert_int_equal(strlen(buf), 4 * 250 + 3);
	assert_int_equal(buf[HF_NAME_TEXT_MAX], '#');
	assert_int_equal(hf_name_labels(name.bytes), 4);
}

static void a_name_of_127_labels_is_fine(void **state)
{
	(void)state;
	/* 125 labels and two more make 254 octets, the root 255. */
	expect_name(HF_RAW(HEADER "\1a\0"), 12, "a", 15);
	static const uint8_t m[] = HEADER FIFTY FIFTY FIFTY FIFTY FIFTY "\1a\1a\0";
	struct hf_name name;
	size_t next;
	assert_int_equal(read_at(m, sizeof m - 1, 12, &name, &next), 0);
	assert_int_equal(name.len, 255);
	assert_int_equal(hf_name_labels(name.bytes), 127);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_name_is_read_as_it_stands),
		cmocka_unit_test(a_pointer_is_followed_and_the_name_ends_behind_it),
		cmocka_unit_test(a_pointer_never_leads_forward_nor_to_itself),
		cmocka_unit_test(what_a_pointer_leads_to_ends_before_the_name_began),
		cmocka_unit_test(a_pointer_never_leads_into_the_header),
		cmocka_unit_test(reserved_label_types_are_refused),
		cmocka_unit_test(a_name_that_runs_past_the_end_is_refused),
		cmocka_unit_test(a_name_of_255_octets_is_the_longest),
		cmocka_unit_test(the_limit_of_255_octets_holds_through_pointers),
		cmocka_unit_test(a_label_has_63_octets_at_the_most),
		cmocka_unit_test(more_than_127_pointers_are_refused),
		cmocka_unit_test(a_pointer_reaches_up_to_16383),
		cmocka_unit_test(the_wire_length_wants_a_whole_uncompressed_name),
		cmocka_unit_test(only_ascii_letters_are_lowered),
		cmocka_unit_test(lowering_copies_every_octet_at_every_length),
		cmocka_unit_test(mixing_turns_letters_and_nothing_else),
		cmocka_unit_test(each_letter_has_a_bit_of_chance_to_itself),
		cmocka_unit_test(names_are_equal_whatever_their_case),
		cmocka_unit_test(labels_are_counted_without_the_root),
		cmocka_unit_test(the_root_is_its_own_parent),
		cmocka_unit_test(a_zone_holds_itself_and_what_is_below_it),
		cmocka_unit_test(a_zone_begins_at_a_label_and_not_inside_one),
		cmocka_unit_test(text_becomes_an_absolute_lowered_name),
		cmocka_unit_test(escapes_in_text_stand_for_one_octet),
		cmocka_unit_test(bad_text_is_no_name),
		cmocka_unit_test(text_keeps_to_the_limits_of_the_wire),
		cmocka_unit_test(any_octets_are_printed_safely_and_read_back),
		cmocka_unit_test(the_longest_name_fits_its_text_buffer),
		cmocka_unit_test(a_name_of_127_labels_is_fine),
	};
	return cmocka_run_group_tests_name("name", tests, NULL, NULL);
}
