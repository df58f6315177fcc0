/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/judge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct hf_prefix prefix(const char *text)
{
	struct hf_prefix p;
	assert_int_equal(hf_prefix_parse(text, &p), 0);
	return p;
}

static struct hf_name name(const char *text)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, strlen(text), &n), 0);
	return n;
}

/* An expectation of addresses in 10.0.8.0/24 that are never 10.0.8.17. */
static struct hf_prefix within, out;
static struct hf_expectation conf;
static struct hf_expected expected;

static int set_up(void **state)
{
	(void)state;
	within = prefix("10.0.8.0/24");
	out = prefix("10.0.8.17");
	conf = (struct hf_expectation){ .addresses = { &within, 1 }, .never = { &out, 1 } };
	expected = (struct hf_expected){ .conf = &conf };
	return 0;
}

static struct hf_testimony says(const char *const *addresses, size_t count)
{
	struct hf_testimony t = { .owner = name("db.example"), .denial = count == 0 };
	for (size_t i = 0; i < count; i++)
		assert_int_equal(hf_address_parse(addresses[i], 0, &t.addresses[t.count++]), 0);
	return t;
}

static enum hf_belief judge(const struct hf_testimony *t, const char *text)
{
	struct hf_evidence evidence;
	char buf[HF_EVIDENCE_TEXT_MAX];
	enum hf_belief belief = hf_judge(&expected, t, &evidence);
	assert_int_equal(belief == HF_BELIEF_LIE, evidence.lie != HF_LIE_NONE);
	if (text)
		assert_string_equal(hf_evidence_text(&evidence, buf), text);
	return belief;
}

static void addresses_where_they_belong_are_good(void **state)
{
	static const char *const two[] = { "10.0.8.1", "10.0.8.200" };
	(void)state;
	struct hf_testimony t = says(two, 2);
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
}

static void one_address_elsewhere_makes_a_lie_of_all(void **state)
{
	static const char *const two[] = { "10.0.8.1", "192.0.2.66" };
	(void)state;
	struct hf_testimony t = says(two, 2);
	assert_int_equal(judge(&t, "192.0.2.66, which is none of the addresses expected"),
		HF_BELIEF_LIE);
}

static void what_must_never_be_is_a_lie_wherever_else_it_lies(void **state)
{
	static const char *const one[] = { "10.0.8.17" };
	(void)state;
	struct hf_testimony t = says(one, 1);
	assert_int_equal(judge(&t, "10.0.8.17, which lies in 10.0.8.17/32, where it must never be"),
		HF_BELIEF_LIE);
}

static void an_address_of_a_family_that_is_not_listed_is_a_lie(void **state)
{
	static const char *const one[] = { "2001:db8::1" };
	(void)state;
	struct hf_testimony t = says(one, 1);
	assert_int_equal(judge(&t, NULL), HF_BELIEF_LIE);
}

static void no_address_where_one_is_expected_is_doubtful_and_so_is_no_name(void **state)
{
	static const struct {
		const char *prefix; /* NULL: only an alias is expected */
		uint16_t type;
		enum hf_belief belief;
	} rows[] = {
		{"10.0.8.0/24", HF_TYPE_A, HF_BELIEF_UNSURE},
		{"10.0.8.0/24", HF_TYPE_AAAA, HF_BELIEF_GOOD},
		{"10.0.8.0/24", HF_TYPE_HTTPS, HF_BELIEF_GOOD},
		{"2001:db8::/32", HF_TYPE_A, HF_BELIEF_GOOD},
		{"2001:db8::/32", HF_TYPE_AAAA, HF_BELIEF_UNSURE},
		{NULL, HF_TYPE_A, HF_BELIEF_UNSURE},
		{NULL, HF_TYPE_AAAA, HF_BELIEF_GOOD},
	};
	const struct hf_name cdn = name("cdn.example");
	struct hf_testimony t = says(NULL, 0);
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		within = prefix(rows[i].prefix ? rows[i].prefix : "10.0.8.0/24");
		conf.addresses.count = rows[i].prefix != NULL;
		expected.cnames = &cdn;
		expected.cname_count = !rows[i].prefix;
		t.type = rows[i].type;
		t.rcode = HF_RCODE_NOERROR;
		conf.below = false;
		assert_int_equal(judge(&t, NULL), rows[i].belief);
		t.rcode = HF_RCODE_NXDOMAIN;
		assert_int_equal(judge(&t, NULL), HF_BELIEF_UNSURE);
		conf.below = true; /* below a "*." any name may or may not be */
		assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
		t.rcode = HF_RCODE_NOERROR;
		assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
	}
}

static void an_answer_with_everything_but_an_address_is_as_doubtful_as_an_empty_one(void **state)
{
	static const char *const other[] = {"2001:db8::1"};
	struct hf_prefix both[2] = {within, prefix("2001:db8::/32")};
	(void)state;
	conf.addresses = (struct hf_prefix_list){both, 2};
	struct hf_testimony t = says(NULL, 0);
	t.type = HF_TYPE_A;
	t.aliases = 1; /* it leads somewhere, and there is nothing */
	assert_int_equal(judge(&t, NULL), HF_BELIEF_UNSURE);
	t.denial = false; /* it has a record of the type, of which no client can make an address */
	assert_int_equal(judge(&t, NULL), HF_BELIEF_UNSURE);
	t = says(other, 1); /* what it gives is of another type */
	t.type = HF_TYPE_A;
	t.denial = true;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_UNSURE);
}

static void nothing_of_another_type_is_good_and_no_name_is_doubtful(void **state)
{
	(void)state;
	struct hf_testimony t = says(NULL, 0);
	t.type = HF_TYPE_MX;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
	t.rcode = HF_RCODE_NXDOMAIN;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_UNSURE);
	conf.below = true; /* below a "*." any name may or may not be */
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
}

static void addresses_must_belong_to_an_expected_name(void **state)
{
	static const char *const one[] = { "203.0.113.5" };
	struct hf_name cdn = name("cdn.example");
	(void)state;
	conf = (struct hf_expectation){ .below = true };
	expected = (struct hf_expected){ .conf = &conf, .cnames = &cdn, .cname_count = 1 };
	struct hf_testimony t = says(one, 1);
	assert_int_equal(judge(&t, "with an address of db.example, which is no name expected"),
		HF_BELIEF_LIE);
	t.owner = name("edge7.cdn.example");
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
	t.owner = name("xcdn.example");
	assert_int_equal(judge(&t, NULL), HF_BELIEF_LIE);
}

static void an_alias_must_not_lead_elsewhere_even_if_nothing_is_there(void **state)
{
	struct hf_name cdn = name("cdn.example");
	(void)state;
	conf = (struct hf_expectation){.below = true};
	expected = (struct hf_expected){.conf = &conf, .cnames = &cdn, .cname_count = 1};
	struct hf_testimony t = says(NULL, 0);
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
	t.owner = name("void.example");
	t.aliases = 1;
	assert_int_equal(
		judge(&t, "with a way to void.example, which is no name expected"), HF_BELIEF_LIE);
	t.rcode = HF_RCODE_NXDOMAIN;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_LIE);
	t.owner = name("edge7.cdn.example");
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
}

static void nor_may_what_serves_a_name_be_elsewhere(void **state)
{
	struct hf_name cdn = name("cdn.example"),
		       at[] = {name("a.cdn.example"), name("void.example")};
	(void)state;
	conf = (struct hf_expectation){.below = true};
	expected = (struct hf_expected){.conf = &conf, .cnames = &cdn, .cname_count = 1};
	struct hf_testimony t = says(NULL, 0);
	t.denial = false;
	for (int i = 0; i < 2; i++) {
		memcpy(t.targets + t.targets_len, at[i].bytes, at[i].len);
		t.targets_len = (uint16_t)(t.targets_len + at[i].len);
		assert_int_equal(judge(&t, NULL), i ? HF_BELIEF_LIE : HF_BELIEF_GOOD);
	}
	judge(&t, "with a way to void.example, which is no name expected");
	expected.cname_count = 0;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_GOOD);
}

static void what_is_to_be_shown_first_is_not_yet_believed(void **state)
{
	static const char *const one[] = { "10.0.8.1" };
	(void)state;
	struct hf_testimony t = says(one, 1), nothing = says(NULL, 0);
	conf.prove = HF_PROVE_TLS;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_UNPROVEN);
	assert_int_equal(judge(&nothing, NULL), HF_BELIEF_GOOD);
	expected.agree = 2;
	expected.of = 3;
	assert_int_equal(judge(&t, NULL), HF_BELIEF_UNSURE);
	assert_int_equal(judge(&nothing, NULL), HF_BELIEF_UNSURE);
}

static void more_addresses_than_can_be_judged_are_not_believed(void **state)
{
	static const char *const one[] = { "10.0.8.1" };
	(void)state;
	struct hf_testimony t = says(one, 1);
	t.more = true;
	assert_int_equal(judge(&t, "more than 64 addresses at once"), HF_BELIEF_LIE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(addresses_where_they_belong_are_good, set_up),
		cmocka_unit_test_setup(one_address_elsewhere_makes_a_lie_of_all, set_up),
		cmocka_unit_test_setup(what_must_never_be_is_a_lie_wherever_else_it_lies, set_up),
		cmocka_unit_test_setup(an_address_of_a_family_that_is_not_listed_is_a_lie, set_up),
		cmocka_unit_test_setup(
			nothing_of_another_type_is_good_and_no_name_is_doubtful, set_up),
		cmocka_unit_test_setup(
			no_address_where_one_is_expected_is_doubtful_and_so_is_no_name, set_up),
		cmocka_unit_test_setup(
			an_answer_with_everything_but_an_address_is_as_doubtful_as_an_empty_one,
			set_up),
		cmocka_unit_test_setup(addresses_must_belong_to_an_expected_name, set_up),
		cmocka_unit_test_setup(
			an_alias_must_not_lead_elsewhere_even_if_nothing_is_there, set_up),
		cmocka_unit_test_setup(nor_may_what_serves_a_name_be_elsewhere, set_up),
		cmocka_unit_test_setup(what_is_to_be_shown_first_is_not_yet_believed, set_up),
		cmocka_unit_test_setup(more_addresses_than_can_be_judged_are_not_believed, set_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
