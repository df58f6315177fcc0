/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

static struct hf_url url_of(const char *text)
{
	struct hf_url url;
	assert_int_equal(hf_url_parse(text, &url), 0);
	return url;
}

static void a_url_has_a_scheme_a_host_and_a_port(void **state)
{
	(void)state;
	struct hf_url url = url_of("https://Store.Example/corp.zone?rev=2");
	assert_true(url.tls);
	assert_string_equal(url.host, "store.example");
	assert_int_equal(url.port, 443);
	assert_false(hf_address_set(&url.address));
	url = url_of("http://store.example.:8080");
	assert_false(url.tls);
	assert_string_equal(url.host, "store.example");
	assert_int_equal(url.port, 8080);
}

static void a_host_may_be_an_address(void **state)
{
	(void)state;
	struct hf_url url = url_of("https://192.0.2.1:8443/z");
	assert_int_equal(url.address.family, 4);
	assert_int_equal(url.address.port, 8443);
	assert_string_equal(url.host, "192.0.2.1");
	url = url_of("https://[2001:DB8::1]/z");
	assert_int_equal(url.address.family, 6);
	assert_int_equal(url.address.port, 443);
	assert_string_equal(url.host, "2001:db8::1");
}

static void what_could_be_read_in_two_ways_is_no_url(void **state)
{
	static const char *const bad[] = {"", "https:", "https://", "https:///x", "https://:443/",
		"https://a b/", "https://a/ b", "https://user@a/", "https://user:pw@a/",
		"https://a\\b/", "https://a/#x", "https://a..b/", "https://.a/", "https://a:0/",
		"https://a:65536/", "https://a:x/", "https://a:/", "https://[2001:db8::1/",
		"https://[192.0.2.1]/", "https://2001:db8::1/", "https://[fe80::1%2]/",
		"https://192.0.2/", "https://192.0.2.256/", "https://0x7f.1/", "https://a%2eb/",
		"https://[a]/", "https://[2001:db8::1]443/", "HTTPS://a/", "ftp://a/",
		"https://a\n/", "https://a/\x7f", "https://\xc3\xa4.example/", "store.example"};
	struct hf_url url = {.port = 7};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(bad); i++) {
		if (hf_url_parse(bad[i], &url) == 0)
			fail_msg("taken: %s", bad[i]);
	}
	assert_int_equal(url.port, 7);
}

static void one_that_is_too_long_is_no_url(void **state)
{
	char text[HF_URL_MAX + 1];
	struct hf_url url;
	(void)state;
	memset(text, 'x', sizeof text);
	memcpy(text, "https://a/", 10);
	text[HF_URL_MAX - 1] = 0;
	assert_int_equal(hf_url_parse(text, &url), 0);
	text[HF_URL_MAX - 1] = 'x';
	text[HF_URL_MAX] = 0;
	assert_int_equal(hf_url_parse(text, &url), HF_ESYNTAX);
}

static void a_server_is_the_same_by_scheme_host_and_port(void **state)
{
	(void)state;
	struct hf_url a = url_of("https://a.example/x"), b = url_of("https://A.example:443/y");
	struct hf_url c = url_of("https://a.example:444/x"), d = url_of("http://a.example:443/x");
	assert_true(hf_url_same_server(&a, &b));
	assert_false(hf_url_same_server(&a, &c));
	assert_false(hf_url_same_server(&a, &d));
}

static void loopback_is_an_address_of_the_machine_and_no_name(void **state)
{
	(void)state;
	struct hf_url url = url_of("http://127.1.2.3:80/");
	assert_true(hf_url_is_loopback(&url));
	url = url_of("http://[::1]/");
	assert_true(hf_url_is_loopback(&url));
	url = url_of("http://localhost/");
	assert_false(hf_url_is_loopback(&url));
	url = url_of("http://128.0.0.1/");
	assert_false(hf_url_is_loopback(&url));
}

static void assert_file(const char *url, const char *file)
{
	size_t len;
	const char *found = hf_url_file(url, &len);
	assert_int_equal(len, strlen(file));
	assert_memory_equal(found, file, len);
}

static void the_file_is_what_stands_behind_the_last_slash_of_the_path(void **state)
{
	(void)state;
	assert_file("https://a/x/corp.zone", "corp.zone");
	assert_file("https://a/x/corp.zone?a=/b", "corp.zone");
	assert_file("https://a/x/", "");
	assert_file("https://a", "");
}

static size_t addresses_of(
	const char *text, const char *const *items, size_t count, struct hf_address *ret)
{
	struct hf_url url = url_of(text);
	return hf_url_addresses(&url, &(struct hf_text_list){items, count}, ret);
}

static void a_name_has_the_addresses_that_are_written_down(void **state)
{
	static const char *const items[] = {
		"10.0.0.5", "Store.example=10.0.0.6", "2001:db8::5", "store.example=10.0.0.7"};
	struct hf_address found[HF_URL_ADDRESSES_MAX];
	(void)state;
	assert_int_equal(addresses_of("https://store.example/", items, 4, found), 2);
	assert_int_equal(found[0].bytes[3], 6);
	assert_int_equal(found[1].bytes[3], 7);
	assert_int_equal(found[1].port, 443);
	assert_int_equal(addresses_of("https://other.example:444/", items, 4, found), 2);
	assert_int_equal(found[0].bytes[3], 5);
	assert_int_equal(found[1].family, 6);
	assert_int_equal(found[1].port, 444);
	assert_int_equal(addresses_of("https://other.example/", items + 1, 1, found), 0);
}

static void a_host_that_is_an_address_is_there_unless_the_list_names_it(void **state)
{
	static const char *const items[] = {"10.0.0.5", "192.0.2.1=10.0.0.6"};
	struct hf_address found[HF_URL_ADDRESSES_MAX];
	(void)state;
	assert_int_equal(addresses_of("https://192.0.2.1/", items, 1, found), 1);
	assert_int_equal(found[0].bytes[3], 1);
	assert_int_equal(addresses_of("https://192.0.2.1/", items, 2, found), 1);
	assert_int_equal(found[0].bytes[3], 6);
}

static void of_many_addresses_the_first_are_taken(void **state)
{
	static const char *const items[] = {"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4",
		"10.0.0.5", "10.0.0.6", "10.0.0.7", "10.0.0.8", "10.0.0.9"};
	struct hf_address found[HF_URL_ADDRESSES_MAX];
	(void)state;
	assert_int_equal(addresses_of("https://a/", items, 9, found), HF_URL_ADDRESSES_MAX);
}

static void an_item_is_an_address_without_a_port(void **state)
{
	static const char *const bad[] = {"", "a", "=", "a=", "=10.0.0.1", "a=b", "10.0.0.1:443",
		"a=10.0.0.1:443", "fe80::1%2", "a b=10.0.0.1"};
	char host[HF_URL_HOST_MAX];
	struct hf_address address;
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(bad); i++)
		assert_int_equal(hf_url_address_parse(bad[i], host, &address), HF_ESYNTAX);
	assert_int_equal(hf_url_address_parse("2001:db8::1=10.0.0.1", host, &address), HF_ESYNTAX);
	assert_int_equal(hf_url_address_parse("[2001:db8::1]=10.0.0.1", host, &address), 0);
	assert_string_equal(host, "2001:db8::1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_url_has_a_scheme_a_host_and_a_port),
		cmocka_unit_test(a_host_may_be_an_address),
		cmocka_unit_test(what_could_be_read_in_two_ways_is_no_url),
		cmocka_unit_test(one_that_is_too_long_is_no_url),
		cmocka_unit_test(a_server_is_the_same_by_scheme_host_and_port),
		cmocka_unit_test(loopback_is_an_address_of_the_machine_and_no_name),
		cmocka_unit_test(the_file_is_what_stands_behind_the_last_slash_of_the_path),
		cmocka_unit_test(a_name_has_the_addresses_that_are_written_down),
		cmocka_unit_test(a_host_that_is_an_address_is_there_unless_the_list_names_it),
		cmocka_unit_test(of_many_addresses_the_first_are_taken),
		cmocka_unit_test(an_item_is_an_address_without_a_port),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
