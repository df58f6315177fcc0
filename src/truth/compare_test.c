/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/compare.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

/* One answer as a person would write it: aliases and addresses with a space between. */
struct said {
	const char *aliases;   /* "www.cdn.example x.edge.example"; "" for none */
	const char *addresses; /* "" for a denial */
	uint32_t ttl;
};

struct pair {
	const char *what;
	struct said a, b;
	enum hf_compared compared;
};

static struct hf_name name(const char *text, size_t len)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, len, &n), 0);
	return n;
}

static struct hf_testimony testimony(const struct said *said)
{
	struct hf_testimony t = {.owner = name("www.shop.example", 16), .ttl = said->ttl};
	for (const char *at = said->aliases; *at; at += strspn(at, " ")) {
		size_t len = strcspn(at, " ");
		t.owner = name(at, len);
		t.aliases++;
		at += len;
	}
	for (const char *at = said->addresses; *at; at += strspn(at, " ")) {
		char text[64];
		size_t len = strcspn(at, " ");
		snprintf(text, sizeof text, "%.*s", (int)len, at);
		assert_int_equal(hf_address_parse(text, 0, &t.addresses[t.count++]), 0);
		at += len;
	}
	t.denial = t.count == 0;
	t.rcode = t.denial ? HF_RCODE_NXDOMAIN : HF_RCODE_NOERROR;
	return t;
}

static int by_bytes(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct hf_address));
}

/* What honest resolvers say of one name in different places and at different times. */
static const struct pair honest[] = {
	{"the same", {"", "192.0.2.1", 300}, {"", "192.0.2.1", 300}, HF_COMPARED_AGREE},
	{"a TTL counted down", {"", "192.0.2.1", 300}, {"", "192.0.2.1", 7}, HF_COMPARED_AGREE},
	{"another order", {"", "192.0.2.1 192.0.2.2 192.0.2.3", 60},
		{"", "192.0.2.3 192.0.2.1 192.0.2.2", 60}, HF_COMPARED_AGREE},
	{"one more record", {"", "192.0.2.1 192.0.2.2", 60},
		{"", "192.0.2.1 192.0.2.2 192.0.2.3", 60}, HF_COMPARED_DESIGN},
	{"round robin: one of many", {"", "192.0.2.1", 60}, {"", "192.0.9.9", 60},
		HF_COMPARED_DESIGN},
	{"round robin over parts", {"", "192.0.2.1 192.0.2.2", 60},
		{"", "192.0.2.2 198.51.100.1", 60}, HF_COMPARED_DESIGN},
	{"a content network's places", {"www.shop.cdn.example e7.b.edge.example", "192.0.2.1", 20},
		{"www.shop.cdn.example e7.b.edge.example", "203.0.113.9", 20}, HF_COMPARED_DESIGN},
	{"... with an edge name by place", {"shop.cdn.example e7.b.edge.example", "192.0.2.1", 20},
		{"shop.cdn.example e99.dsc.edge.example", "203.0.113.9 203.0.113.10", 20},
		HF_COMPARED_DESIGN},
	{"... over IPv6", {"e7.b.edge.example", "2001:db8:1::5", 20},
		{"e7.b.edge.example", "2a00:1450:4001:80b::200e", 20}, HF_COMPARED_DESIGN},
	{"places in one IPv6 block", {"", "2001:db8:1::5", 60}, {"", "2001:db8:ffff::9", 60},
		HF_COMPARED_DESIGN},
	{"places in one IPv4 block", {"", "198.51.100.5", 60}, {"", "198.51.7.1 198.51.8.1", 60},
		HF_COMPARED_DESIGN},
	{"an address of another scope of a client subnet", {"", "198.51.100.5 198.51.101.5", 60},
		{"", "203.0.113.5 198.51.101.5", 60}, HF_COMPARED_DESIGN},
	{"both deny", {"", "", 60}, {"", "", 30}, HF_COMPARED_AGREE},
};

static void compare(const struct pair *pair, const struct said *a, const struct said *b)
{
	struct hf_testimony x = testimony(a), y = testimony(b);
	const char *why = NULL;
	qsort(x.addresses, x.count, sizeof x.addresses[0], by_bytes);
	qsort(y.addresses, y.count, sizeof y.addresses[0], by_bytes);
	enum hf_compared compared = hf_compare_said(&x, &y, &why);
	if (compared != pair->compared)
		fail_msg("%s: %s, because %s", pair->what, hf_compared_name(compared), why);
	assert_non_null(why);
}

static void answers_that_differ_by_design_contradict_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(honest); i++) {
		compare(&honest[i], &honest[i].a, &honest[i].b);
		compare(&honest[i], &honest[i].b, &honest[i].a);
	}
}

/* A site that answers by place without an alias and without a network in common looks like
 * a lie. It is reported, and nobody is kept out for it: that takes an expectation. */
static void what_nothing_explains_is_a_contradiction(void **state)
{
	static const struct pair pairs[] = {
		{"another address", {"", "192.0.2.1", 60}, {"", "203.0.113.66", 60},
			HF_COMPARED_CONTRADICT},
		{"a denial", {"", "192.0.2.1", 60}, {"", "", 60}, HF_COMPARED_CONTRADICT},
		{"an alias that another does not know", {"e7.edge.example", "192.0.2.1", 60},
			{"", "203.0.113.66", 60}, HF_COMPARED_CONTRADICT},
		{"aliases to two holders", {"e7.edge.example", "192.0.2.1", 60},
			{"e7.sinkhole.example", "203.0.113.66", 60}, HF_COMPARED_CONTRADICT},
		{"another family's address", {"", "192.0.2.1", 60}, {"", "2001:db8::1", 60},
			HF_COMPARED_CONTRADICT},
	};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(pairs); i++) {
		compare(&pairs[i], &pairs[i].a, &pairs[i].b);
		compare(&pairs[i], &pairs[i].b, &pairs[i].a);
	}
}

static void of_two_own_servers_one_has_the_older_zone(void **state)
{
	const struct said said = {"", "192.0.2.1", 60}, other = {"", "203.0.113.66", 60};
	struct hf_testimony a = testimony(&said), b = testimony(&other);
	const char *why;
	(void)state;
	a.authoritative = b.authoritative = a.has_serial = b.has_serial = true;
	a.serial = 2;
	b.serial = 0xffffffff;
	assert_int_equal(hf_compare_said(&a, &b, &why), HF_COMPARED_OLDER);
	assert_int_equal(hf_compare_said(&b, &a, &why), HF_COMPARED_NEWER);
	b.authoritative = false; /* a resolver has what it fetched a while ago */
	assert_int_equal(hf_compare_said(&a, &b, &why), HF_COMPARED_CONTRADICT);
}

static void nothing_of_the_type_and_no_such_name_are_both_denials(void **state)
{
	const struct said said = {"", "", 60};
	struct hf_testimony a = testimony(&said), b = testimony(&said);
	const char *why;
	(void)state;
	b.rcode = HF_RCODE_NOERROR;
	assert_int_equal(hf_compare_said(&a, &b, &why), HF_COMPARED_DESIGN);
}

static void a_ttl_over_a_week_is_absurd(void **state)
{
	struct hf_testimony t = {.ttl = 7 * 86400};
	(void)state;
	assert_false(hf_ttl_absurd(&t));
	t.ttl++;
	assert_true(hf_ttl_absurd(&t));
	t.ttl = UINT32_MAX; /* there is no record */
	assert_false(hf_ttl_absurd(&t));
}

static void what_gives_no_addresses_is_not_compared(void **state)
{
	(void)state;
	assert_true(hf_compare_can(HF_TYPE_A) && hf_compare_can(HF_TYPE_AAAA));
	assert_true(hf_compare_can(HF_TYPE_HTTPS));
	assert_false(hf_compare_can(HF_TYPE_MX) || hf_compare_can(HF_TYPE_TXT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_that_differ_by_design_contradict_nothing),
		cmocka_unit_test(what_nothing_explains_is_a_contradiction),
		cmocka_unit_test(of_two_own_servers_one_has_the_older_zone),
		cmocka_unit_test(nothing_of_the_type_and_no_such_name_are_both_denials),
		cmocka_unit_test(a_ttl_over_a_week_is_absurd),
		cmocka_unit_test(what_gives_no_addresses_is_not_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
