/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/known.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sample.h"

#define SHOP HF_RAW("\4shop\7example\0")
#define REPLY (HF_FLAG_QR | HF_FLAG_RA)

static const uint8_t soa[] = "\1a\0\1b\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\36"; /* MINIMUM 30 */

static void begin_a(struct hf_sample *s, uint16_t rcode, uint32_t ttl, uint8_t last)
{
	const uint8_t address[4] = { 192, 0, 2, last };
	hf_sample_begin(s, REPLY | rcode, SHOP, HF_TYPE_A);
	if (last)
		hf_sample_record(s, HF_SAMPLE_ANSWER, SHOP, HF_TYPE_A, ttl, address, 4);
}

static bool allows(struct hf_known *known, const struct hf_sample *s, hf_us now)
{
	struct hf_message_view view;
	struct hf_question q = { .type = HF_TYPE_A, .class = HF_CLASS_IN };
	char why[160] = "";
	size_t next;
	assert_int_equal(hf_message_read(s->bytes, s->w.len, &view), 0);
	assert_int_equal(hf_name_read(s->bytes, s->w.len, HF_HEADER_LEN, &q.name, &next), 0);
	view.edns.present = true;
	static const struct hf_staleness stale = { 3600 * HF_SECOND, 30 };
	bool allowed = hf_known_allows(known, s->bytes, &view, &q, now, &stale, why, sizeof why);
	assert_true(allowed || *why);
	return allowed;
}

static void what_was_said_holds_for_its_ttl_and_no_longer(void **state)
{
	static struct hf_sample s;
	struct hf_known *known = hf_known_new();
	(void)state;
	begin_a(&s, 0, 100, 10);
	assert_false(allows(known, &s, 0));
	hf_known_say(known, s.bytes, s.w.len, 0, HF_SECOND);
	assert_true(allows(known, &s, HF_SECOND));
	assert_false(allows(known, &s, HF_SECOND + 1));
	begin_a(&s, 0, 60, 10);
	assert_true(allows(known, &s, 41 * HF_SECOND));
	assert_false(allows(known, &s, 42 * HF_SECOND));
	hf_known_extend(known, 10 * HF_SECOND);
	assert_true(allows(known, &s, 42 * HF_SECOND));
	hf_known_free(known);
}

static void another_record_is_a_false_answer(void **state)
{
	static struct hf_sample s;
	struct hf_known *known = hf_known_new();
	(void)state;
	begin_a(&s, 0, 100, 10);
	hf_known_say(known, s.bytes, s.w.len, 0, 0);
	begin_a(&s, 0, 1, 11);
	assert_false(allows(known, &s, 0));
	hf_known_free(known);
}

static void a_denial_must_have_been_said(void **state)
{
	static struct hf_sample s;
	struct hf_known *known = hf_known_new();
	(void)state;
	begin_a(&s, HF_RCODE_NXDOMAIN, 0, 0);
	assert_false(allows(known, &s, 0));
	hf_sample_record(&s, HF_SAMPLE_AUTHORITY, HF_RAW("\7example\0"), HF_TYPE_SOA, 60, soa, sizeof soa - 1);
	hf_known_say(known, s.bytes, s.w.len, 0, 0);
	assert_true(allows(known, &s, 0));
	assert_false(allows(known, &s, 1)); /* it says 30 s more */
	begin_a(&s, 0, 0, 0); /* NODATA is another thing */
	assert_false(allows(known, &s, 0));
	hf_sample_begin(&s, REPLY | HF_RCODE_NXDOMAIN, HF_RAW("\1x\4shop\7example\0"), HF_TYPE_A);
	assert_true(allows(known, &s, 0)); /* below a name that does not exist */
	hf_sample_begin(&s, REPLY | HF_RCODE_NXDOMAIN, HF_RAW("\7example\0"), HF_TYPE_A);
	assert_false(allows(known, &s, 0));
	hf_known_free(known);
}

static void a_failure_says_nothing_and_many_facts_are_kept(void **state)
{
	static struct hf_sample s;
	struct hf_known *known = hf_known_new();
	(void)state;
	begin_a(&s, HF_RCODE_SERVFAIL, 0, 0);
	assert_true(allows(known, &s, 0));
	for (int round = 0; round < 2; round++) {
		for (unsigned i = 0; i < 2000; i++) {
			const uint8_t address[4] = { 10, 0, (uint8_t)(i >> 8), (uint8_t)i };
			hf_sample_begin(&s, REPLY, SHOP, HF_TYPE_A);
			hf_sample_record(&s, HF_SAMPLE_ANSWER, SHOP, HF_TYPE_A, 60, address, 4);
			if (round == 0)
				hf_known_say(known, s.bytes, s.w.len, 0, 0);
			else
				assert_true(allows(known, &s, 0));
		}
	}
	hf_known_free(known);
}

static bool allows_stale(struct hf_known *known, const struct hf_sample *s, hf_us now, bool edns, int32_t ede)
{
	static const struct hf_staleness stale = { 3600 * HF_SECOND, 30 };
	struct hf_question q = { .type = HF_TYPE_A, .class = HF_CLASS_IN };
	struct hf_message_view view;
	char why[160] = "";
	size_t next;
	assert_int_equal(hf_message_read(s->bytes, s->w.len, &view), 0);
	assert_int_equal(hf_name_read(s->bytes, s->w.len, HF_HEADER_LEN, &q.name, &next), 0);
	view.edns.present = edns;
	view.edns.ede = ede;
	return hf_known_allows(known, s->bytes, &view, &q, now, &stale, why, sizeof why);
}

static void an_old_answer_is_marked_and_has_an_end(void **state)
{
	static struct hf_sample s;
	struct hf_known *known = hf_known_new();
	(void)state;
	begin_a(&s, 0, 100, 10);
	hf_known_say(known, s.bytes, s.w.len, 0, 0);
	begin_a(&s, 0, 30, 10);
	assert_false(allows_stale(known, &s, 200 * HF_SECOND, true, HF_EDE_NONE));
	assert_true(allows_stale(known, &s, 200 * HF_SECOND, true, HF_EDE_STALE));
	assert_true(allows_stale(known, &s, 200 * HF_SECOND, false, HF_EDE_NONE)); /* nothing to mark it with */
	assert_true(allows_stale(known, &s, 3701 * HF_SECOND, true, HF_EDE_STALE));
	assert_false(allows_stale(known, &s, 3702 * HF_SECOND, true, HF_EDE_STALE));
	assert_false(allows_stale(known, &s, 3702 * HF_SECOND, false, HF_EDE_NONE));
	begin_a(&s, 0, 31, 10);
	assert_false(allows_stale(known, &s, 200 * HF_SECOND, true, HF_EDE_STALE));
	hf_known_free(known);
}

static void a_need_is_one_servers(void **state)
{
	const struct hf_question q = { .name = { .len = 1 }, .type = HF_TYPE_A, .class = HF_CLASS_IN };
	struct hf_known *known = hf_known_new();
	(void)state;
	hf_known_need(known, &q, 0, 0)->open = 1;
	assert_int_equal(hf_known_need(known, &q, 0, 0)->open, 1);
	assert_int_equal(hf_known_need(known, &q, 1, 0)->open, 0);
	assert_int_equal(hf_known_need(known, &q, 0, 1)->open, 0);
	assert_int_equal(hf_known_topic(known, &q)->last, -1);
	hf_known_free(known);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_said_holds_for_its_ttl_and_no_longer),
		cmocka_unit_test(another_record_is_a_false_answer),
		cmocka_unit_test(a_denial_must_have_been_said),
		cmocka_unit_test(an_old_answer_is_marked_and_has_an_end),
		cmocka_unit_test(a_need_is_one_servers),
		cmocka_unit_test(a_failure_says_nothing_and_many_facts_are_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
