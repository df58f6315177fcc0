/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/meant.h"
#include "truth/rebind.h"

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
static struct hf_arena arena;
static const struct hf_rebind *rebind;

static const char *const allowed[] = {"plex.example", "Lab.Corp.Example."};
static struct hf_prefix also;

static int build(void **state)
{
	(void)state;
	static struct hf_truth_conf conf;
	assert_int_equal(hf_prefix_parse("198.51.100.0/24", &also), 0);
	conf = (struct hf_truth_conf){.rebind = HF_REBIND_REFUSE,
		.rebind_allow = {allowed, 2},
		.rebind_private = {&also, 1}};
	hf_arena_init(&arena, 0);
	assert_int_equal(hf_rebind_build(&arena, &conf, &rebind), 0);
	return 0;
}

static int clear(void **state)
{
	(void)state;
	hf_arena_clear(&arena);
	return 0;
}

static struct hf_address address(const char *text)
{
	struct hf_address a = {.family = 6};
	const char *at = text;
	if (hf_address_parse(text, 0, &a) == 0)
		return a;
	/* What the parser would turn into IPv4: octets in hexadecimal. */
	for (unsigned i = 0; i < 16; i++, at += 2) {
		char pair[3] = {at[0], at[1], '\0'};
		a.bytes[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return a;
}

static void addresses_that_lead_nowhere_public_are_private(void **state)
{
	static const char *const texts[] = {"0.0.0.0", "0.255.255.255", "10.0.0.0",
		"10.255.255.255", "100.64.0.0", "100.127.255.255", "127.0.0.1", "127.255.255.255",
		"169.254.0.0", "169.254.169.254", "172.16.0.0", "172.31.255.255", "192.168.0.0",
		"192.168.255.255", "::", "::1", "fc00::", "fdff:ffff::1", "fe80::1", "febf::1",
		"fec0::1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "00000000000000000000ffff0a000001",
		"00000000000000000000ffff7f000001"};
	(void)state;
	for (unsigned i = 0; i < HF_COUNT_OF(texts); i++) {
		struct hf_address a = address(texts[i]);
		if (!hf_address_private(&a))
			fail_msg("%s", texts[i]);
	}
}

static void their_neighbours_are_public(void **state)
{
	static const char *const texts[] = {"1.0.0.0", "9.255.255.255", "11.0.0.0",
		"100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "169.253.255.255",
		"169.255.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0",
		"192.0.2.1", "198.51.100.1", "::2", "2001:db8::1", "fbff::1", "fe00::1", "ff02::1",
		"64:ff9b::c000:201", "64:ff9b:1::a00:1", "00000000000000000000ffffc0000201"};
	(void)state;
	for (unsigned i = 0; i < HF_COUNT_OF(texts); i++) {
		struct hf_address a = address(texts[i]);
		if (hf_address_private(&a))
			fail_msg("%s", texts[i]);
	}
}

static bool guards(const char *zone, const char *name)
{
	struct hf_name z, n;
	assert_int_equal(hf_name_from_text(zone, strlen(zone), &z), 0);
	assert_int_equal(hf_name_from_text(name, strlen(name), &n), 0);
	return hf_rebind_guards(rebind, &z, &n);
}

static void names_that_are_not_public_are_left_alone(void **state)
{
	static const char *const names[] = {"printer", "nas.local", "db.internal", "x.home.arpa",
		"a.b.localhost", "router.lan", "plex.example", "a.b.plex.example",
		"lab.corp.example"};
	(void)state;
	for (unsigned i = 0; i < HF_COUNT_OF(names); i++)
		if (guards(".", names[i]))
			fail_msg("%s", names[i]);
	assert_true(guards(".", "www.example"));
	assert_true(guards(".", "local.example"));
	assert_true(guards(".", "corp.example"));
	assert_true(guards(".", "notplex.example"));
	assert_true(guards(".", "notlocal.xlan"));
}

static void a_route_of_its_own_makes_a_zone_internal(void **state)
{
	(void)state;
	assert_false(guards("example", "www.example"));
	assert_false(guards("corp.example", "db.corp.example"));
}

static bool breaks(struct hf_evidence *ret)
{
	struct hf_message_view view;
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	return hf_rebind_breaks(rebind, sample.bytes, &view, ret);
}

static bool breaks_with(
	enum hf_sample_section section, uint16_t type, const uint8_t *data, size_t len)
{
	struct hf_evidence evidence;
	hf_sample_begin(&sample, HF_FLAG_QR, WWW, type);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_A, 300, HF_RAW("\300\0\2\1"));
	hf_sample_record(&sample, section, QUESTION, type, 300, data, len);
	return breaks(&evidence);
}

static void a_private_address_breaks_wherever_a_client_may_find_it(void **state)
{
	const enum hf_sample_section answer = HF_SAMPLE_ANSWER, additional = HF_SAMPLE_ADDITIONAL;
	(void)state;
	assert_false(breaks_with(answer, HF_TYPE_A, HF_RAW("\300\0\2\2")));
	assert_true(breaks_with(answer, HF_TYPE_A, HF_RAW("\300\250\0\1")));
	assert_true(breaks_with(additional, HF_TYPE_A, HF_RAW("\300\250\0\1")));
	assert_true(
		breaks_with(answer, HF_TYPE_AAAA, HF_RAW("\0\0\0\0\0\0\0\0\0\0\xff\xff\12\0\0\1")));
	assert_true(breaks_with(answer, HF_TYPE_HTTPS, HF_RAW("\0\1\0\0\4\0\4\177\0\0\1")));
	assert_false(breaks_with(answer, HF_TYPE_HTTPS, HF_RAW("\0\1\0\0\4\0\4\300\0\2\1")));
	assert_false(breaks_with(answer, HF_TYPE_TXT, HF_RAW("\4\177\0\0\1")));
}

static void what_the_operator_adds_is_private_too(void **state)
{
	(void)state;
	assert_true(breaks_with(HF_SAMPLE_ANSWER, HF_TYPE_A, HF_RAW("\306\63\144\7")));
	assert_false(breaks_with(HF_SAMPLE_ANSWER, HF_TYPE_A, HF_RAW("\306\63\145\7")));
}

static void the_evidence_is_the_address(void **state)
{
	char text[HF_EVIDENCE_TEXT_MAX];
	struct hf_evidence evidence;
	(void)state;
	hf_sample_begin(&sample, HF_FLAG_QR, WWW, HF_TYPE_A);
	for (unsigned i = 0; i < 200; i++) /* more than a testimony holds */
		hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_A, 300,
			(const uint8_t[]){192, 0, 2, (uint8_t)i}, 4);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_A, 300, HF_RAW("\12\0\0\1"));
	assert_true(breaks(&evidence));
	assert_int_equal(evidence.lie, HF_LIE_REBIND);
	assert_string_equal(
		hf_evidence_text(&evidence, text), "10.0.0.1, a private address in a public name");
}

static void where_it_is_allowed_there_is_nothing_to_ask(void **state)
{
	const struct hf_truth_conf conf = {.rebind = HF_REBIND_ALLOW};
	const struct hf_rebind *nothing = rebind;
	(void)state;
	assert_int_equal(hf_rebind_build(&arena, &conf, &nothing), 0);
	assert_null(nothing);
}

static void what_lies_in_a_cache_is_looked_at_by_zone_and_expectation(void **state)
{
	static struct hf_prefix within;
	struct hf_expectation conf = {.addresses = {&within, 1}};
	const struct hf_expected listed = {.conf = &conf};
	struct hf_name root = {.len = 1}, corp, www;
	struct hf_message_view view;
	(void)state;
	assert_int_equal(hf_name_from_text("example", 7, &corp), 0);
	assert_int_equal(hf_name_from_text("www.example", 11, &www), 0);
	hf_sample_begin(&sample, HF_FLAG_QR, WWW, HF_TYPE_A);
	hf_sample_record(
		&sample, HF_SAMPLE_ANSWER, QUESTION, HF_TYPE_A, 60, HF_RAW("\xc0\xa8\0\1"));
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	const struct {
		struct hf_kept_question question;
		bool forbidden;
	} rows[] = {
		{{&root, &www, NULL}, true},
		{{&corp, &www, NULL}, false},
		{{&root, &www, &listed}, false},
		{{NULL, &www, NULL}, false},
	};
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++)
		assert_int_equal(hf_rebind_forbids(rebind, &rows[i].question, sample.bytes, &view),
			rows[i].forbidden);
	assert_false(hf_rebind_forbids(NULL, &rows[0].question, sample.bytes, &view));
}

static void another_list_has_another_print(void **state)
{
	struct hf_truth_conf less = {.rebind = HF_REBIND_REFUSE,
		.rebind_allow = {allowed, 1},
		.rebind_private = {&also, 1}};
	const struct hf_rebind *other;
	(void)state;
	assert_int_equal(hf_rebind_build(&arena, &less, &other), 0);
	assert_int_not_equal(hf_rebind_print(other), hf_rebind_print(rebind));
	less.rebind_allow.count = 2;
	assert_int_equal(hf_rebind_build(&arena, &less, &other), 0);
	assert_int_equal(hf_rebind_print(other), hf_rebind_print(rebind));
	less.rebind_private.count = 0;
	assert_int_equal(hf_rebind_build(&arena, &less, &other), 0);
	assert_int_not_equal(hf_rebind_print(other), hf_rebind_print(rebind));
	assert_int_equal(hf_rebind_print(NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_that_lead_nowhere_public_are_private),
		cmocka_unit_test(their_neighbours_are_public),
		cmocka_unit_test(names_that_are_not_public_are_left_alone),
		cmocka_unit_test(a_route_of_its_own_makes_a_zone_internal),
		cmocka_unit_test(a_private_address_breaks_wherever_a_client_may_find_it),
		cmocka_unit_test(what_the_operator_adds_is_private_too),
		cmocka_unit_test(the_evidence_is_the_address),
		cmocka_unit_test(where_it_is_allowed_there_is_nothing_to_ask),
		cmocka_unit_test(what_lies_in_a_cache_is_looked_at_by_zone_and_expectation),
		cmocka_unit_test(another_list_has_another_print),
	};
	return cmocka_run_group_tests_name("rebind", tests, build, clear);
}
