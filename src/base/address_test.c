/* SPDX-License-Identifier: MIT */
#include "base/address.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/un.h>

#include <cmocka.h>

#include "base/error.h"

/* Reads, writes, and compares with what is expected; NULL: it must not read. */
static void reads_as(const char *text, const char *expected)
{
	char buf[HF_ADDRESS_TEXT_MAX];
	struct hf_address a;
	memset(&a, 0x55, sizeof a);
	struct hf_address before = a;
	int error = hf_address_parse(text, 53, &a);
	if (!expected) {
		assert_int_equal(error, HF_ESYNTAX);
		assert_memory_equal(&a, &before, sizeof a);
		return;
	}
	assert_int_equal(error, 0);
	assert_string_equal(hf_address_text(&a, buf), expected);
}

static void addresses_are_read_with_and_without_a_port(void **state)
{
	(void)state;
	reads_as("192.0.2.1", "192.0.2.1:53");
	reads_as("192.0.2.1:5300", "192.0.2.1:5300");
	reads_as("2001:db8::1", "[2001:db8::1]:53");
	reads_as("[2001:DB8::1]:853", "[2001:db8::1]:853");
	reads_as("[2001:db8::1]", "[2001:db8::1]:53");
	reads_as("fe80::1%2", "[fe80::1%2]:53");
	reads_as("[fe80::1%4294967295]:65535", "[fe80::1%4294967295]:65535");
	reads_as("::", "[::]:53");
}

static void what_is_no_address_is_refused(void **state)
{
	(void)state;
	static const char *const bad[] = { "", " ", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1",
		"1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:-1", "1.2.3.4:53:53", "1.2.3.4 ", "01.2.3.4x",
		"[1.2.3.4]:53", "[::1", "::1]", "[::1]53", "[::1]:", "[::1]:x", "[]", ":", ":::",
		"fe80::1%", "fe80::1%eth0", "fe80::1%4294967296", "1.2.3.4%1", "[::1]]:53",
		"2001:db8:0:0:0:0:0:0:1", "10.0.0.0/8",
		"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd:eeee:ffff" };
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		reads_as(bad[i], NULL);
}

static void a_mapped_address_is_ipv4_however_it_enters(void **state)
{
	(void)state;
	struct hf_address text, plain, wire;
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(53),
		.sin6_scope_id = 7 };
	memcpy(in6.sin6_addr.s6_addr, "\0\0\0\0\0\0\0\0\0\0\xff\xff\xc0\0\2\1", 16);
	assert_int_equal(hf_address_parse("::ffff:192.0.2.1", 53, &text), 0);
	assert_int_equal(hf_address_parse("192.0.2.1", 53, &plain), 0);
	assert_int_equal(hf_address_from_system((struct sockaddr *)&in6, &wire), 0);
	assert_true(hf_address_equal(&text, &plain));
	assert_true(hf_address_equal(&wire, &plain));
}

static void addresses_go_to_the_system_and_back(void **state)
{
	(void)state;
	static const char *const texts[] = { "192.0.2.1:53", "[2001:db8::1]:53", "[fe80::1%3]:1" };
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		struct hf_address a, back;
		struct sockaddr_storage storage;
		assert_int_equal(hf_address_parse(texts[i], 0, &a), 0);
		unsigned len = hf_address_to_system(&a, &storage);
		assert_int_equal(len, a.family == 4 ? sizeof(struct sockaddr_in) :
			sizeof(struct sockaddr_in6));
		assert_int_equal(hf_address_from_system((struct sockaddr *)&storage, &back), 0);
		assert_true(hf_address_equal(&a, &back));
	}
}

static void other_families_are_not_taken(void **state)
{
	(void)state;
	struct hf_address a = { .port = 1 };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	assert_int_equal(hf_address_from_system((struct sockaddr *)&un, &a), -EAFNOSUPPORT);
	assert_int_equal(a.port, 1);
}

static void an_unset_address_says_none(void **state)
{
	(void)state;
	char buf[HF_ADDRESS_TEXT_MAX];
	struct hf_address a = { 0 };
	assert_false(hf_address_set(&a));
	assert_string_equal(hf_address_text(&a, buf), "none");
}

static void prefixes_are_read_and_written(void **state)
{
	(void)state;
	static const char *const good[][2] = { { "10.0.0.0/8", "10.0.0.0/8" },
		{ "192.0.2.1", "192.0.2.1/32" }, { "0.0.0.0/0", "0.0.0.0/0" },
		{ "::1", "::1/128" }, { "fc00::/7", "fc00::/7" }, { "::/0", "::/0" },
		{ "192.0.2.128/25", "192.0.2.128/25" } };
	char buf[HF_ADDRESS_TEXT_MAX];
	struct hf_prefix p;
	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		assert_int_equal(hf_prefix_parse(good[i][0], &p), 0);
		assert_string_equal(hf_prefix_text(&p, buf), good[i][1]);
	}
}

static void a_prefix_with_bits_behind_its_length_is_out_of_range(void **state)
{
	(void)state;
	static const char *const syntax[] = { "", "/8", "10.0.0.0/", "10.0.0.0/33", "::/129",
		"10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0:53", "fe80::1%1", "10.0.0/8", "x/8" };
	static const char *const range[] = { "10.0.0.1/8", "192.0.2.129/25", "fc00::1/7", "1.0.0.0/0",
		"::1/127" };
	struct hf_prefix p = { .bits = 99 };
	for (size_t i = 0; i < sizeof syntax / sizeof syntax[0]; i++)
		assert_int_equal(hf_prefix_parse(syntax[i], &p), HF_ESYNTAX);
	for (size_t i = 0; i < sizeof range / sizeof range[0]; i++)
		assert_int_equal(hf_prefix_parse(range[i], &p), HF_ERANGE);
	assert_int_equal(p.bits, 99);
}

static bool has(const char *prefix, const char *address)
{
	struct hf_prefix p;
	struct hf_address a;
	assert_int_equal(hf_prefix_parse(prefix, &p), 0);
	assert_int_equal(hf_address_parse(address, 4242, &a), 0);
	return hf_prefix_has(&p, &a);
}

static void a_prefix_has_what_begins_with_its_bits(void **state)
{
	(void)state;
	assert_true(has("10.0.0.0/8", "10.255.255.255"));
	assert_false(has("10.0.0.0/8", "11.0.0.0"));
	assert_true(has("192.0.2.128/25", "192.0.2.128"));
	assert_false(has("192.0.2.128/25", "192.0.2.127"));
	assert_true(has("172.16.0.0/12", "172.31.0.1"));
	assert_false(has("172.16.0.0/12", "172.32.0.1"));
	assert_true(has("0.0.0.0/0", "255.255.255.255"));
	assert_true(has("192.0.2.1", "192.0.2.1"));
	assert_false(has("192.0.2.1", "192.0.2.0"));
	assert_true(has("fc00::/7", "fdff::1"));
	assert_false(has("fc00::/7", "fe00::1"));
	assert_true(has("fe80::/10", "fe80::1%5"));
	assert_true(has("10.0.0.0/8", "::ffff:10.1.2.3"));
}

static void a_prefix_never_has_the_other_family(void **state)
{
	(void)state;
	assert_false(has("0.0.0.0/0", "::1"));
	assert_false(has("::/0", "192.0.2.1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_are_read_with_and_without_a_port),
		cmocka_unit_test(what_is_no_address_is_refused),
		cmocka_unit_test(a_mapped_address_is_ipv4_however_it_enters),
		cmocka_unit_test(addresses_go_to_the_system_and_back),
		cmocka_unit_test(other_families_are_not_taken),
		cmocka_unit_test(an_unset_address_says_none),
		cmocka_unit_test(prefixes_are_read_and_written),
		cmocka_unit_test(a_prefix_with_bits_behind_its_length_is_out_of_range),
		cmocka_unit_test(a_prefix_has_what_begins_with_its_bits),
		cmocka_unit_test(a_prefix_never_has_the_other_family),
	};
	return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
