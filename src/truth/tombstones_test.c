/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/tombstones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/sample.h"

#define WWW HF_RAW("\3www\7example\0")
#define QUESTION HF_RAW("\xc0\x0c")

static struct hf_sample sample;

static struct hf_prefix prefix(const char *text)
{
	struct hf_prefix p;
	assert_int_equal(hf_prefix_parse(text, &p), 0);
	return p;
}

static struct hf_tombstones *made(const char *const *texts, size_t count)
{
	struct hf_prefix prefixes[8];
	struct hf_tombstones *t;
	for (size_t i = 0; i < count; i++)
		prefixes[i] = prefix(texts[i]);
	assert_int_equal(hf_tombstones_new(prefixes, count, &t), 0);
	return t;
}

static bool retired(const struct hf_tombstones *t, const char *text)
{
	struct hf_address a;
	assert_int_equal(hf_address_parse(text, 0, &a), 0);
	return hf_tombstones_find(t, &a) != NULL;
}

static const char *const some[] = {"192.0.2.66", "10.0.3.0/24", "10.0.3.17", "2001:db8:6::/48"};

static void what_lies_in_a_prefix_is_retired_and_its_neighbours_are_not(void **state)
{
	struct hf_tombstones *t = made(some, HF_COUNT_OF(some));
	(void)state;
	assert_true(retired(t, "192.0.2.66"));
	assert_false(retired(t, "192.0.2.65"));
	assert_false(retired(t, "192.0.2.67"));
	assert_true(retired(t, "10.0.3.0"));
	assert_true(retired(t, "10.0.3.17"));
	assert_true(retired(t, "10.0.3.255"));
	assert_false(retired(t, "10.0.2.255"));
	assert_false(retired(t, "10.0.4.0"));
	assert_true(retired(t, "2001:db8:6::1"));
	assert_false(retired(t, "2001:db8:7::1"));
	hf_tombstones_free(t);
}

static void an_ipv6_address_that_leads_to_a_retired_one_is_retired(void **state)
{
	struct hf_tombstones *t = made(some, HF_COUNT_OF(some));
	struct hf_address mapped = {
		.family = 6, .bytes = {[10] = 0xff, [11] = 0xff, [12] = 10, [14] = 3, [15] = 9}};
	(void)state;
	assert_true(retired(t, "64:ff9b::c000:242"));
	assert_false(retired(t, "64:ff9b::c000:243"));
	assert_non_null(hf_tombstones_find(t, &mapped));
	hf_tombstones_free(t);
}

static bool breaks_with(
	enum hf_sample_section section, uint16_t type, const uint8_t *data, size_t len)
{
	struct hf_tombstones *t = made(some, HF_COUNT_OF(some));
	struct hf_evidence evidence;
	struct hf_message_view view;
	hf_sample_begin(&sample, HF_FLAG_QR, WWW, type);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_A, 300, HF_RAW("\300\0\2\1"));
	hf_sample_record(&sample, section, QUESTION, type, 300, data, len);
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	bool broken = hf_tombstones_break(t, sample.bytes, &view, &evidence);
	assert_false(hf_tombstones_break(NULL, sample.bytes, &view, &evidence));
	hf_tombstones_free(t);
	return broken;
}

static void a_retired_address_breaks_wherever_a_client_may_find_it(void **state)
{
	const enum hf_sample_section answer = HF_SAMPLE_ANSWER, additional = HF_SAMPLE_ADDITIONAL;
	(void)state;
	assert_false(breaks_with(answer, HF_TYPE_A, HF_RAW("\300\0\2\2")));
	assert_true(breaks_with(answer, HF_TYPE_A, HF_RAW("\300\0\2\x42")));
	assert_true(breaks_with(additional, HF_TYPE_A, HF_RAW("\300\0\2\x42")));
	assert_true(breaks_with(
		answer, HF_TYPE_AAAA, HF_RAW("\0\0\0\0\0\0\0\0\0\0\xff\xff\300\0\2\x42")));
	assert_true(breaks_with(answer, HF_TYPE_HTTPS, HF_RAW("\0\1\0\0\4\0\4\300\0\2\x42")));
	assert_false(breaks_with(answer, HF_TYPE_TXT, HF_RAW("\4\300\0\2\x42")));
}

static void the_evidence_is_the_address_and_where_it_lies(void **state)
{
	struct hf_tombstones *t = made(some, HF_COUNT_OF(some));
	char text[HF_EVIDENCE_TEXT_MAX];
	struct hf_evidence evidence;
	struct hf_message_view view;
	(void)state;
	hf_sample_begin(&sample, HF_FLAG_QR, WWW, HF_TYPE_A);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_A, 300, HF_RAW("\12\0\3\21"));
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	assert_true(hf_tombstones_break(t, sample.bytes, &view, &evidence));
	assert_int_equal(evidence.lie, HF_LIE_RETIRED);
	assert_int_equal(evidence.prefix.bits, 24);
	assert_string_equal(hf_evidence_text(&evidence, text), "10.0.3.17, which is retired");
	hf_tombstones_free(t);
}

static void what_has_changed_is_told_from_what_has_not(void **state)
{
	static const char *const turned[] = {"2001:db8:6::/48", "10.0.3.0/24", "192.0.2.66"};
	static const char *const other[] = {"192.0.2.67", "10.0.3.0/24", "2001:db8:6::/48"};
	struct hf_tombstones *a = made(some, 4), *same = made(turned, 3), *b = made(other, 3);
	(void)state;
	assert_false(hf_tombstones_more(a, same));
	assert_true(hf_tombstones_more(a, b));
	assert_true(hf_tombstones_more(NULL, a));
	assert_false(hf_tombstones_more(a, NULL));
	assert_false(hf_tombstones_more(NULL, NULL));
	hf_tombstones_free(a);
	hf_tombstones_free(same);
	hf_tombstones_free(b);
}

/* ---- lists ---- */

static char told[400];

static void tell(void *ctx, size_t line, const char *text, size_t len, int error)
{
	size_t used = strlen(told);
	(void)ctx;
	snprintf(told + used, sizeof told - used, "%zu:%.*s:%s;", line, (int)len, text,
		error == HF_ERANGE ? "range" : "syntax");
}

static int read_list(const char *text, size_t most, size_t *ret_count)
{
	struct hf_prefix *items = NULL;
	told[0] = '\0';
	*ret_count = 0;
	int rc = hf_tombstones_read(text, strlen(text), most, tell, NULL, &items, ret_count);
	free(items);
	return rc;
}

static void a_list_has_one_a_line_and_comments(void **state)
{
	size_t count;
	(void)state;
	assert_int_equal(read_list("# gone\n192.0.2.66\t# db-old\r\n\n  10.0.3.0/24 \n2001:db8::1",
				 9, &count),
		0);
	assert_int_equal(count, 3);
	assert_string_equal(told, "");
	assert_int_equal(read_list("", 9, &count), 0);
	assert_int_equal(count, 0);
}

static void a_fault_of_a_list_is_told_with_its_line_and_passed_over(void **state)
{
	size_t count;
	(void)state;
	assert_int_equal(
		read_list("192.0.2.66\n10.0.3\n\n10.0.3.1/24\n192.0.2.1 192.0.2.2\n", 9, &count),
		0);
	assert_int_equal(count, 1);
	assert_string_equal(
		told, "2:10.0.3:syntax;4:10.0.3.1/24:range;5:192.0.2.1 192.0.2.2:syntax;");
}

static void a_list_that_is_too_long_is_refused(void **state)
{
	size_t count;
	(void)state;
	assert_int_equal(read_list("192.0.2.1\n192.0.2.2\n", 2, &count), 0);
	assert_int_equal(read_list("192.0.2.1\n192.0.2.2\n192.0.2.3\n", 2, &count), HF_EBOUND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_lies_in_a_prefix_is_retired_and_its_neighbours_are_not),
		cmocka_unit_test(an_ipv6_address_that_leads_to_a_retired_one_is_retired),
		cmocka_unit_test(a_retired_address_breaks_wherever_a_client_may_find_it),
		cmocka_unit_test(the_evidence_is_the_address_and_where_it_lies),
		cmocka_unit_test(what_has_changed_is_told_from_what_has_not),
		cmocka_unit_test(a_list_has_one_a_line_and_comments),
		cmocka_unit_test(a_fault_of_a_list_is_told_with_its_line_and_passed_over),
		cmocka_unit_test(a_list_that_is_too_long_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
