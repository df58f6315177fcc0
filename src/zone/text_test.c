/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

struct seen {
	char text[4096];
	size_t len, records, faults;
	int stop_after;
};

static int note_record(void *ctx, const struct hf_zone_record *record)
{
	struct seen *seen = ctx;
	char owner[HF_NAME_TEXT_MAX];
	seen->records++;
	seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
		"%u %s %u %u %u ", (unsigned)record->line, hf_name_text(record->owner.bytes, owner),
		(unsigned)record->ttl, record->class, record->type);
	for (size_t i = 0; i < record->rdata_len && seen->len < 4000; i++)
		seen->len += (size_t)snprintf(
			seen->text + seen->len, sizeof seen->text - seen->len, "%02x", record->rdata[i]);
	seen->text[seen->len++] = '\n';
	return seen->stop_after && (int)seen->records == seen->stop_after ? -EINTR : 0;
}

static void note_fault(void *ctx, uint32_t line, const char *why)
{
	struct seen *seen = ctx;
	seen->faults++;
	seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
		"%u: %s\n", (unsigned)line, why);
}

static const struct hf_zone_handler handler = { note_record, note_fault };

static int read_with(struct seen *seen, struct hf_zone_text in, const char *text)
{
	in.text = text;
	in.len = strlen(text);
	*seen = (struct seen){ .stop_after = seen->stop_after };
	return hf_zone_text_read(&in, &handler, seen);
}

static int read_text(struct seen *seen, const char *text)
{
	return read_with(seen, (struct hf_zone_text){ .ttl = 60, .faults_max = 10 }, text);
}

static void records_become_wire(void **state)
{
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(read_text(&seen, "shop.example A 192.0.2.10\n"
					  "Shop.Example. 300 IN AAAA 2001:db8::1\n"
					  "m 5 MX 10 mx.example.\n"), 0);
	assert_string_equal(seen.text, "1 shop.example 60 1 1 c000020a\n"
		"2 Shop.Example 300 1 28 20010db8000000000000000000000001\n"
		"3 m 5 1 15 000a026d78076578616d706c6500\n");
}

static void origin_and_ttl_follow_the_text(void **state)
{
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(read_with(&seen, (struct hf_zone_text){ .origin = "one.", .ttl = 1 },
				 "a A 192.0.2.1\n$ORIGIN two.\n$TTL 1h\na A 192.0.2.2\n\tA 192.0.2.3"), 0);
	assert_string_equal(seen.text, "1 a.one 1 1 1 c0000201\n4 a.two 3600 1 1 c0000202\n"
				       "5 a.two 3600 1 1 c0000203\n");
}

static void an_unknown_type_is_carried_as_it_is(void **state)
{
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(read_text(&seen, "x TYPE65280 \\# 3 010203\n"), 0);
	assert_string_equal(seen.text, "1 x 60 1 65280 010203\n");
}

static void every_fault_is_told_with_its_line_and_the_rest_is_read(void **state)
{
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(read_text(&seen, "a A 192.0.2.1\nb A 192.0.2\n\nc NOTYPE x\nd A 192.0.2.4\n"),
		HF_ESYNTAX);
	assert_int_equal(seen.records, 2);
	assert_int_equal(seen.faults, 2);
	assert_non_null(strstr(seen.text, "\n2: "));
	assert_non_null(strstr(seen.text, "\n4: "));
	assert_non_null(strstr(seen.text, "\n5 d 60 1 1 c0000204\n"));
}

static void include_is_refused_and_nothing_is_opened(void **state)
{
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(read_text(&seen, "$INCLUDE /etc/hostname\nd A 192.0.2.4\n"), HF_ESYNTAX);
	assert_string_equal(seen.text, "1: $INCLUDE is not read here\n2 d 60 1 1 c0000204\n");
}

static void reading_ends_at_each_bound(void **state)
{
	static const char text[] = "a A 192.0.2.1\na A 192.0.2.2\na A 192.0.2.3\n";
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(
		read_with(&seen, (struct hf_zone_text){ .records_max = 2 }, text), HF_EBOUND);
	assert_int_equal(seen.records, 2);
	assert_int_equal(seen.faults, 1);
	assert_int_equal(read_with(&seen, (struct hf_zone_text){ .faults_max = 1 }, "a b\na b\na b\na b\n"),
		HF_ESYNTAX);
	assert_int_equal(seen.faults, 2);
	const struct hf_zone_text huge = { .text = text, .len = HF_ZONE_TEXT_MAX + 1 };
	seen = (struct seen){ .stop_after = 0 };
	assert_int_equal(hf_zone_text_read(&huge, &handler, &seen), HF_EBOUND);
	assert_int_equal(seen.faults, 1);
}

static void the_caller_may_end_it(void **state)
{
	struct seen seen = { .stop_after = 1 };
	(void)state;
	assert_int_equal(read_text(&seen, "a A 192.0.2.1\na A 192.0.2.2\n"), -EINTR);
	assert_int_equal(seen.records, 1);
}

static void no_text_is_no_record_and_a_bad_origin_is_none(void **state)
{
	struct seen seen = { .stop_after = 0 };
	(void)state;
	assert_int_equal(read_text(&seen, ""), 0);
	assert_int_equal(read_text(&seen, "; nothing\n\n"), 0);
	assert_int_equal(seen.records + seen.faults, 0);
	assert_int_equal(read_with(&seen, (struct hf_zone_text){ .origin = ".." }, "a A 192.0.2.1\n"),
		HF_ESYNTAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_become_wire),
		cmocka_unit_test(origin_and_ttl_follow_the_text),
		cmocka_unit_test(an_unknown_type_is_carried_as_it_is),
		cmocka_unit_test(every_fault_is_told_with_its_line_and_the_rest_is_read),
		cmocka_unit_test(include_is_refused_and_nothing_is_opened),
		cmocka_unit_test(reading_ends_at_each_bound),
		cmocka_unit_test(the_caller_may_end_it),
		cmocka_unit_test(no_text_is_no_record_and_a_bad_origin_is_none),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
