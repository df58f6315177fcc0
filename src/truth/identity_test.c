/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/sample.h"

static struct hf_sample sample;

static const char *read_back(
	uint16_t type, const void *rdata, size_t len, char buf[static HF_IDENTITY_TEXT])
{
	const struct hf_question q = hf_identity_question(HF_IDENTITY_ID);
	struct hf_message_view view;
	hf_sample_begin(&sample, HF_FLAG_QR, q.name.bytes, q.name.len, q.type);
	hf_put_u16(sample.bytes + HF_HEADER_LEN + q.name.len + 2, HF_CLASS_CH);
	size_t before = sample.w.len;
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), type, 0, rdata, len);
	hf_put_u16(sample.bytes + before + 4, HF_CLASS_CH);
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	return hf_identity_read(sample.bytes, &view, buf);
}

static void the_names_are_those_of_rfc_4892(void **state)
{
	static const char *const names[] = {"id.server", "hostname.bind", "version.bind"};
	(void)state;
	for (unsigned i = 0; i < HF_IDENTITY_ASKS; i++) {
		const struct hf_question q = hf_identity_question((enum hf_identity_ask)i);
		struct hf_name name;
		assert_int_equal(hf_name_from_text(names[i], strlen(names[i]), &name), 0);
		assert_int_equal(q.name.len, name.len);
		assert_memory_equal(q.name.bytes, name.bytes, name.len);
		assert_int_equal(q.type, HF_TYPE_TXT);
		assert_int_equal(q.class, HF_CLASS_CH);
	}
}

static void the_first_text_is_read_and_made_fit_to_print(void **state)
{
	static const struct {
		const char *rdata;
		size_t len;
		const char *text;
	} table[] = {
		{"\4ns-1", 5, "ns-1"},
		{"\2a b", 3, "a "},
		{"\4n\n\x1b\xff", 5, "n???"},
		{"\1a\1b", 4, "a"},
		{"\0", 1, ""},
	};
	char buf[HF_IDENTITY_TEXT], most[256];
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++)
		assert_string_equal(
			read_back(HF_TYPE_TXT, table[i].rdata, table[i].len, buf), table[i].text);
	memset(most, 'x', sizeof most);
	most[0] = (char)255;
	assert_int_equal(
		strlen(read_back(HF_TYPE_TXT, most, sizeof most, buf)), HF_IDENTITY_TEXT - 1);
	assert_string_equal(read_back(HF_TYPE_HINFO, "\1a\1b", 4, buf), "");
}

static void a_name_that_changes_is_counted_and_silence_forgets_nothing(void **state)
{
	static const struct {
		enum hf_identity_ask ask;
		const char *text, *name, *version;
		uint32_t changes;
	} table[] = {
		{HF_IDENTITY_ID, "", "", "", 0},
		{HF_IDENTITY_ID, "ns-1", "ns-1", "", 0},
		{HF_IDENTITY_VERSION, "v1", "ns-1", "v1", 0},
		{HF_IDENTITY_ID, "ns-1", "ns-1", "v1", 0},
		{HF_IDENTITY_HOST, "ns-2", "ns-2", "v1", 1},
		{HF_IDENTITY_VERSION, "v2", "ns-2", "v2", 1},
		{HF_IDENTITY_ID, "", "ns-2", "v2", 1},
	};
	struct hf_identity identity = {.heard = 0};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		hf_identity_note(&identity, table[i].ask, table[i].text, (hf_us)i * HF_SECOND);
		assert_string_equal(identity.name, table[i].name);
		assert_string_equal(identity.version, table[i].version);
		assert_int_equal(identity.changes, table[i].changes);
	}
	assert_int_equal(identity.heard, 5 * HF_SECOND);
}

static void one_name_in_two_networks_is_one_machine(void **state)
{
	static const struct {
		const char *name_a, *at_a, *name_b, *at_b;
		bool as_one;
	} table[] = {
		{"box", "192.0.2.1", "box", "198.51.100.1", true},
		{"box", "192.0.2.1", "other", "198.51.100.1", false},
		{"", "192.0.2.1", "", "198.51.100.1", false},
		{"box", "192.0.2.1", "box", "192.0.99.1", false},
		{"box", "192.0.2.1", "box", "2001:db8::1", true},
		{"box", "2001:db8:1::1", "box", "2001:db8:2::1", false},
		{"box", "2001:db8:1::1", "box", "2001:db9::1", true},
	};
	(void)state;
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct hf_identity a = {.heard = 1}, b = {.heard = 1};
		struct hf_address at_a, at_b;
		hf_identity_note(&a, HF_IDENTITY_ID, table[i].name_a, 1);
		hf_identity_note(&b, HF_IDENTITY_ID, table[i].name_b, 1);
		hf_identity_note(&a, HF_IDENTITY_VERSION, "same", 1);
		hf_identity_note(&b, HF_IDENTITY_VERSION, "same", 1);
		assert_int_equal(hf_address_parse(table[i].at_a, 53, &at_a), 0);
		assert_int_equal(hf_address_parse(table[i].at_b, 53, &at_b), 0);
		assert_int_equal(hf_identity_as_one(&a, &at_a, &b, &at_b), table[i].as_one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_names_are_those_of_rfc_4892),
		cmocka_unit_test(the_first_text_is_read_and_made_fit_to_print),
		cmocka_unit_test(a_name_that_changes_is_counted_and_silence_forgets_nothing),
		cmocka_unit_test(one_name_in_two_networks_is_one_machine),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
