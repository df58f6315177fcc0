/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sanity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "zone/sample_zone.h"

static char why[HF_SANITY_WHY_MAX];

static const struct hf_sanity_conf usual = {.max_shrink = 50};

static bool sane(const struct hf_sanity_conf *conf, const char *was, const char *is)
{
	struct hf_zone *old = was ? hf_sample_zone("example", was) : NULL;
	struct hf_zone *zone = hf_sample_zone("example", is);
	why[0] = 0;
	bool good = hf_sanity(conf, old, zone, why);
	assert_true(good == !why[0]);
	hf_zone_unref(old);
	hf_zone_unref(zone);
	return good;
}

#define WITH_SERIAL(serial) "@ SOA a. b. " serial " 1 1 1 1\n@ NS a.\n"

static void a_serial_that_went_back_is_refused(void **state)
{
	const struct hf_sanity_conf back = {.max_shrink = 50, .serial_may_go_back = true};
	(void)state;
	assert_true(sane(&usual, NULL, WITH_SERIAL("9")));
	assert_true(sane(&usual, WITH_SERIAL("9"), WITH_SERIAL("10")));
	assert_true(sane(&usual, WITH_SERIAL("9"), WITH_SERIAL("9")));
	assert_true(sane(&usual, WITH_SERIAL("4294967295"), WITH_SERIAL("1"))); /* RFC 1982 */
	assert_false(sane(&usual, WITH_SERIAL("9"), WITH_SERIAL("8")));
	assert_string_equal(why, "its serial 8 is older than 9, which is here");
	assert_true(sane(&back, WITH_SERIAL("9"), WITH_SERIAL("8")));
}

static void a_zone_that_shrank_by_more_than_may_be_is_refused(void **state)
{
	const struct hf_sanity_conf none = {.max_shrink = 0}, any = {.max_shrink = 100};
	static const char full[] = HF_SAMPLE_APEX "a A 192.0.2.1\nb A 192.0.2.1\nc A 192.0.2.1\n"
						  "d A 192.0.2.1\n";
	(void)state;
	assert_true(sane(&usual, full, HF_SAMPLE_APEX "a A 192.0.2.1\n"));
	assert_false(sane(&usual, full, HF_SAMPLE_APEX));
	assert_string_equal(
		why, "it has 2 records where 6 were: 66 per cent fewer, and max-shrink is 50");
	assert_true(sane(&any, full, HF_SAMPLE_APEX));
	assert_false(sane(&none, full, HF_SAMPLE_APEX "a A 192.0.2.1\n"));
	assert_true(sane(&none, full, full));
}

static void an_address_that_is_retired_is_refused(void **state)
{
	struct hf_prefix prefix, six;
	struct hf_tombstones *tombstones;
	assert_int_equal(hf_prefix_parse("10.0.3.0/24", &prefix), 0);
	assert_int_equal(hf_prefix_parse("2001:db8::/32", &six), 0);
	assert_int_equal(hf_tombstones_new(&six, 1, &tombstones), 0);
	const struct hf_prefix_list never = {&prefix, 1};
	const struct hf_sanity_conf conf = {
		.max_shrink = 50, .never = &never, .tombstones = tombstones};
	(void)state;
	assert_true(sane(&conf, NULL, HF_SAMPLE_APEX "db A 10.0.4.17\ndb AAAA 2001:db9::1\n"));
	assert_false(sane(&conf, NULL, HF_SAMPLE_APEX "db A 10.0.4.17\ndb A 10.0.3.17\n"));
	assert_string_equal(
		why, "db.example has the address 10.0.3.17, and `never` has 10.0.3.0/24");
	assert_false(sane(&conf, NULL, HF_SAMPLE_APEX "db AAAA 2001:db8::1\n"));
	assert_string_equal(why,
		"db.example has the address 2001:db8::1, and the tombstones have 2001:db8::/32");
	assert_false(sane(&conf, NULL,
		HF_SAMPLE_APEX "db HTTPS 1 . alpn=h2 ipv4hint=10.0.4.1,10.0.3.1 ipv6hint=::2\n"));
	assert_false(sane(&conf, NULL, HF_SAMPLE_APEX "db SVCB 1 x ipv6hint=::2,2001:db8::1\n"));
	assert_true(sane(&conf, NULL, HF_SAMPLE_APEX "db HTTPS 0 other.example.\n"));
	hf_tombstones_free(tombstones);
}

/* ---- ZONEMD: the zones of RFC 8976, appendix A ---- */

static const char simple_zone[] = "@ 86400 SOA ns1 admin 2018031900 1800 900 604800 86400\n"
				  "@ 86400 NS ns1\n"
				  "@ 86400 NS ns2\n"
				  "ns1 3600 A 203.0.113.63\n"
				  "ns2 3600 AAAA 2001:db8::63\n"
				  "@ 86400 ZONEMD 2018031900 1 1 "
				  "c68090d90a7aed716bc459f9340e3d7c1370d4d24b7e2fc3a1ddc0b9a87153b9"
				  "a9713b3c9ae5cc27777f98b8e730044c\n";

static void a_right_digest_is_accepted(void **state)
{
	(void)state;
	assert_true(sane(&usual, NULL, simple_zone));
}

static void a_digest_that_is_not_of_the_records_is_refused(void **state)
{
	char text[2048];
	(void)state;
	snprintf(text, sizeof text, "%sx 3600 A 192.0.2.1\n", simple_zone);
	assert_false(sane(&usual, NULL, text));
	assert_string_equal(why, "its records do not have the digest that ZONEMD says");
	snprintf(text, sizeof text, "%s", simple_zone);
	memcpy(strstr(text, "203.0.113.63"), "203.0.113.64", 12);
	assert_false(sane(&usual, NULL, text));
}

static void a_digest_of_another_serial_is_refused(void **state)
{
	char text[2048];
	(void)state;
	snprintf(text, sizeof text, "%s", simple_zone);
	memcpy(strstr(text, "ZONEMD 2018031900"), "ZONEMD 2018031901", 17);
	assert_false(sane(&usual, NULL, text));
	assert_string_equal(why, "its ZONEMD record is of another serial");
}

static void a_digest_by_unknown_means_says_nothing(void **state)
{
	(void)state;
	assert_true(sane(&usual, NULL,
		HF_SAMPLE_APEX "@ ZONEMD 1 241 1 000102030405060708090a0b0c0d0e0f\n"));
	assert_true(sane(&usual, NULL,
		HF_SAMPLE_APEX "@ ZONEMD 1 1 240 000102030405060708090a0b0c0d0e0f\n"));
}

static void two_digests_of_one_kind_are_refused(void **state)
{
	char text[2048];
	(void)state;
	snprintf(text, sizeof text, "%s@ 86400 ZONEMD 2018031900 1 1 %096u\n", simple_zone, 1u);
	assert_false(sane(&usual, NULL, text));
	assert_string_equal(why, "it has two ZONEMD records of one kind");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_serial_that_went_back_is_refused),
		cmocka_unit_test(a_zone_that_shrank_by_more_than_may_be_is_refused),
		cmocka_unit_test(an_address_that_is_retired_is_refused),
		cmocka_unit_test(a_right_digest_is_accepted),
		cmocka_unit_test(a_digest_that_is_not_of_the_records_is_refused),
		cmocka_unit_test(a_digest_of_another_serial_is_refused),
		cmocka_unit_test(a_digest_by_unknown_means_says_nothing),
		cmocka_unit_test(two_digests_of_one_kind_are_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
