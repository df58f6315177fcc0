/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/place.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static void addresses_have_the_port_of_their_protocol(void **state)
{
	struct hf_place place;
	(void)state;
	assert_int_equal(hf_place_parse("10.0.0.10", &place), 0);
	assert_int_equal(place.kind, HF_PLACE_DNS);
	assert_int_equal(place.address.port, 53);
	assert_int_equal(hf_place_parse("tls://[2001:db8::1]", &place), 0);
	assert_int_equal(place.kind, HF_PLACE_TLS);
	assert_int_equal(place.address.port, 853);
	assert_int_equal(hf_place_parse("tls://10.0.0.11:8853", &place), 0);
	assert_int_equal(place.address.port, 8853);
}

static void a_txt_name_is_told_by_its_beginning(void **state)
{
	struct hf_place place;
	(void)state;
	assert_int_equal(hf_place_parse("txt:Serial.Corp.example", &place), 0);
	assert_int_equal(place.kind, HF_PLACE_TXT);
	assert_memory_equal(place.name.bytes, "\6serial\4corp\7example", 21);
	assert_false(hf_address_set(&place.address));
	assert_int_equal(hf_place_parse("txt:serial.corp.example@10.0.0.53", &place), 0);
	assert_int_equal(place.address.port, 53);
	assert_int_equal(place.name.len, 21);
}

static void a_url_is_told_by_its_beginning(void **state)
{
	struct hf_place place;
	(void)state;
	assert_int_equal(hf_place_parse("https://store.example/corp.serial", &place), 0);
	assert_int_equal(place.kind, HF_PLACE_URL);
	assert_string_equal(place.url, "https://store.example/corp.serial");
	assert_false(hf_address_set(&place.address));
}

static void what_is_no_place_is_refused(void **state)
{
	static const char *const bad[] = {"", "ns1.example", "10.0.0.10:0", "tls://", "tls://ns1",
		"https://", "https:///x", "https://a b", "ftp://a/b", "txt:", "txt:a..b", "txt:@10.0.0.1",
		"txt:a.b@ns", "10.0.0"};
	struct hf_place place = {.kind = HF_PLACE_TXT};
	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(hf_place_parse(bad[i], &place), HF_ESYNTAX);
	assert_int_equal(place.kind, HF_PLACE_TXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_have_the_port_of_their_protocol),
		cmocka_unit_test(a_txt_name_is_told_by_its_beginning),
		cmocka_unit_test(a_url_is_told_by_its_beginning),
		cmocka_unit_test(what_is_no_place_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
