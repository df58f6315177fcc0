/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/snapshot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "zone/sample_zone.h"

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* All sets of a zone, "owner type count ttl" each. */
static const char *listed(const struct hf_zone *zone)
{
	static char text[4096];
	char owner[HF_NAME_TEXT_MAX];
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	size_t len = 0;
	text[0] = 0;
	while (hf_zone_next(&walk, &set)) {
		size_t octets = 0;
		for (unsigned i = 0; i < set.count; i++)
			octets += 2 + (size_t)hf_get_u16(set.rdata + octets);
		assert_int_equal(octets, set.rdata_octets);
		len += (size_t)snprintf(text + len, sizeof text - len, "%s %u %u %u\n",
			hf_name_text(set.owner, owner), set.type, set.count, (unsigned)set.ttl);
	}
	return text;
}

#define APEX "example 6 1 3600\nexample 2 1 3600\n"

static void records_in_any_order_are_walked_in_canonical_order(void **state)
{
	/* The names of RFC 4034 6.1. */
	struct hf_zone *zone = hf_sample_zone("example",
		"\\200 A 192.0.2.1\nZ A 192.0.2.1\n*.z A 192.0.2.1\nzABC.a.EXAMPLE. A 192.0.2.1\n"
		"yljkjljk.a A 192.0.2.1\n\\001.z A 192.0.2.1\nZ.a A 192.0.2.1\na A 192.0.2.1\n"
		"\\000.z A 192.0.2.1\n\\000\\001.z A 192.0.2.1\n" HF_SAMPLE_APEX);
	(void)state;
	assert_string_equal(listed(zone),
		APEX "a.example 1 1 300\nyljkjljk.a.example 1 1 300\nz.a.example 1 1 300\n"
		     "zabc.a.example 1 1 300\nz.example 1 1 300\n\\000.z.example 1 1 300\n"
		     "\\000\\001.z.example 1 1 300\n\\001.z.example 1 1 300\n*.z.example 1 1 300\n"
		     "\\200.example 1 1 300\n");
	assert_int_equal(hf_zone_records(zone), 12);
	hf_zone_unref(zone);
}

static void a_record_that_is_there_twice_is_one_and_the_smallest_ttl_counts(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example",
		HF_SAMPLE_APEX "a 30 A 192.0.2.2\na 20 A 192.0.2.1\na 10 A 192.0.2.2\n"
			       "b MX 5 Mail.example.\nb MX 5 mail.EXAMPLE.\n");
	struct hf_zone_set set;
	struct hf_name a = name_of("a.example");
	(void)state;
	assert_string_equal(listed(zone), APEX "a.example 1 2 10\nb.example 15 1 300\n");
	assert_true(hf_zone_find(zone, &a, HF_TYPE_A, &set));
	assert_memory_equal(set.rdata, "\0\4\300\0\2\1\0\4\300\0\2\2", 12);
	assert_memory_equal(set.owner, "\1a\7example", 10);
	hf_zone_unref(zone);
}

static void the_soa_is_read(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", HF_SAMPLE_APEX);
	const struct hf_zone_soa *soa = hf_zone_soa(zone);
	(void)state;
	assert_int_equal(soa->serial, 1);
	assert_int_equal(soa->refresh, 7200);
	assert_int_equal(soa->retry, 600);
	assert_int_equal(soa->expire, 86400);
	assert_int_equal(soa->minimum, 60);
	assert_int_equal(soa->ttl, 3600);
	assert_false(hf_zone_signed(zone));
	assert_int_equal(hf_zone_origin(zone)->len, 9);
	hf_zone_unref(zone);
}

static void what_is_not_there_is_not_found(void **state)
{
	static const char *const names[] = {
		"b.example", "empty.example", "a.a.example", "a.test", "xexample", "."};
	struct hf_zone *zone =
		hf_sample_zone("example", HF_SAMPLE_APEX "a A 192.0.2.1\nx.empty A 192.0.2.1\n");
	struct hf_zone_set set;
	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		struct hf_name name = name_of(names[i]);
		assert_false(hf_zone_find(zone, &name, HF_TYPE_A, &set));
	}
	struct hf_name a = name_of("a.example");
	assert_false(hf_zone_find(zone, &a, HF_TYPE_TXT, &set));
	hf_zone_unref(zone);
}

static void a_hundred_thousand_names_are_all_found(void **state)
{
	enum { COUNT = 100000 };
	struct hf_zone_build *build = hf_sample_build("example", HF_SAMPLE_APEX);
	struct hf_sample_faults faults;
	struct hf_zone_set set;
	uint8_t rdata[4];
	char text[64];
	(void)state;
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(text, sizeof text, "h%u.n%u.example", (unsigned)i, (unsigned)(i % 997));
		hf_put_u32(rdata, i);
		const struct hf_zone_record record = {.owner = name_of(text),
			.type = HF_TYPE_A,
			.class = HF_CLASS_IN,
			.ttl = 5,
			.rdata = rdata,
			.rdata_len = 4};
		assert_int_equal(hf_zone_build_add(build, &record), 0);
	}
	struct hf_zone *zone = hf_sample_finish(build, &faults);
	assert_non_null(zone);
	assert_int_equal(hf_zone_records(zone), COUNT + 2);
	for (uint32_t i = 0; i < COUNT; i++) {
		snprintf(text, sizeof text, "h%u.n%u.example", (unsigned)i, (unsigned)(i % 997));
		struct hf_name name = name_of(text);
		assert_true(hf_zone_find(zone, &name, HF_TYPE_A, &set));
		assert_int_equal(hf_get_u32(set.rdata + 2), i);
	}
	hf_zone_unref(zone);
}

/* ---- faults ---- */

static void what_makes_no_zone_is_told_with_line_and_name(void **state)
{
	static const struct {
		const char *text;
		uint32_t line;
		const char *why;
	} cases[] = {
		{"@ NS ns\n", 0, "example has no SOA record"},
		{"@ SOA a. b. 1 2 3 4 5\n", 0, "example has no NS record"},
		{HF_SAMPLE_APEX "@ SOA a. b. 1 2 3 4 5\n", 3,
			"example has more than one SOA record"},
		{HF_SAMPLE_APEX "a SOA a. b. 1 2 3 4 5\n", 3,
			"a.example has an SOA record and is not the apex"},
		{HF_SAMPLE_APEX "a.test. A 192.0.2.1\n", 3, "a.test has a record not in the zone"},
		{HF_SAMPLE_APEX "xexample. A 192.0.2.1\n", 3,
			"xexample has a record not in the zone"},
		{HF_SAMPLE_APEX "a 2147483648 A 192.0.2.1\n", 3,
			"a.example has a record with a TTL over 2147483647"},
		{HF_SAMPLE_APEX "a CNAME b\nA A 192.0.2.1\n", 4,
			"a.example has a CNAME and other records"},
		{HF_SAMPLE_APEX "a CNAME b\na CNAME c\n", 3, "a.example has more than one CNAME"},
		{HF_SAMPLE_APEX "a DNAME b\na DNAME c\n", 3, "a.example has more than one DNAME"},
		{HF_SAMPLE_APEX "a DNAME b\nx.y.a A 192.0.2.1\n", 4,
			"x.y.a.example lies below a DNAME"},
		{HF_SAMPLE_APEX "@ NSEC3PARAM 1 0 501 -\n", 0,
			"example asks for too many iterations of NSEC3"},
	};
	struct hf_sample_faults faults;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_null(hf_sample_finish(hf_sample_build("example", cases[i].text), &faults));
		assert_int_equal(faults.count, 1);
		assert_string_equal(faults.why, cases[i].why);
		if (cases[i].line)
			assert_int_equal(faults.line, cases[i].line);
	}
}

static void what_a_transfer_may_bring_is_checked_as_well(void **state)
{
	static const struct {
		uint16_t type, len;
		const char *rdata, *why;
	} cases[] = {
		{HF_TYPE_A, 3, "\1\2\3", "a.example has a record with malformed data"},
		{HF_TYPE_CNAME, 3, "\1x\1", "a.example has a record with malformed data"},
		{HF_TYPE_MX, 4, "\0\1\0\0", "a.example has a record with malformed data"},
		{HF_TYPE_NS, 2, "\300\14", "a.example has a record with malformed data"},
		{HF_TYPE_TXT, 0, "", "a.example has a record with malformed data"},
		{HF_TYPE_TXT, 2, "\2x", "a.example has a record with malformed data"},
		{HF_TYPE_RRSIG, 19, "\0\1" "2345678901234567\0",
			"a.example has a record with malformed data"},
		{HF_TYPE_NSEC, 3, "\0\0\41", "a.example has a record with malformed data"},
		{HF_TYPE_NSEC3, 6, "\1\0\0\0\1\0", "a.example has a record with malformed data"},
		{HF_TYPE_OPT, 0, "", "a.example has a record of a type that no zone has"},
		{HF_TYPE_TSIG, 0, "", "a.example has a record of a type that no zone has"},
		{HF_TYPE_ANY, 0, "", "a.example has a record of a type that no zone has"},
	};
	struct hf_sample_faults faults;
	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hf_zone_build *build = hf_sample_build("example", HF_SAMPLE_APEX);
		const struct hf_zone_record record = {.owner = name_of("a.example"),
			.type = cases[i].type,
			.class = HF_CLASS_IN,
			.line = 7,
			.rdata = (const uint8_t *)cases[i].rdata,
			.rdata_len = cases[i].len};
		assert_int_equal(hf_zone_build_add(build, &record), 0);
		assert_null(hf_sample_finish(build, &faults));
		assert_string_equal(faults.why, cases[i].why);
		assert_int_equal(faults.line, 7);
	}
}

static void a_record_of_another_class_is_told(void **state)
{
	struct hf_zone_build *build = hf_sample_build("example", HF_SAMPLE_APEX);
	const struct hf_zone_record record = {.owner = name_of("a.example"),
		.type = HF_TYPE_A,
		.class = HF_CLASS_CH,
		.rdata = (const uint8_t *)"\1\2\3\4",
		.rdata_len = 4};
	struct hf_sample_faults faults;
	(void)state;
	assert_int_equal(hf_zone_build_add(build, &record), 0);
	assert_null(hf_sample_finish(build, &faults));
	assert_string_equal(faults.why, "a.example has a record of a class that is not IN");
}

static void signatures_and_nsec_may_stand_beside_an_alias(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", HF_SAMPLE_APEX
		"a CNAME b\na NSEC b CNAME RRSIG NSEC\n"
		"a RRSIG CNAME 8 2 300 20300101000000 20200101000000 1 example. AAAA\n");
	(void)state;
	assert_non_null(zone);
	hf_zone_unref(zone);
}

static void signatures_keep_the_ttl_of_what_they_sign(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", HF_SAMPLE_APEX
		"a 10 A 192.0.2.1\na 20 TXT x\n"
		"a 20 RRSIG TXT 8 2 20 20300101000000 20200101000000 1 example. AAAA\n"
		"a 10 RRSIG A 8 2 10 20300101000000 20200101000000 1 example. AAAA\n");
	(void)state;
	assert_string_equal(listed(zone),
		APEX "a.example 1 1 10\na.example 16 1 20\na.example 46 1 10\na.example 46 1 20\n");
	hf_zone_unref(zone);
}

static void many_faults_are_told_up_to_a_bound(void **state)
{
	static char text[1 << 20];
	size_t len = (size_t)snprintf(text, sizeof text, "%s", HF_SAMPLE_APEX);
	struct hf_sample_faults faults;
	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		len += (size_t)snprintf(
			text + len, sizeof text - len, "n%u CNAME a\nn%u A 192.0.2.1\n", i, i);
	assert_null(hf_sample_finish(hf_sample_build("example", text), &faults));
	assert_int_equal(faults.count, HF_ZONE_FAULTS_MAX + 1);
}

static void no_more_records_than_the_limit_get_in(void **state)
{
	const struct hf_zone_limits few = {.records = 2}, small = {.octets = 100000};
	struct hf_name origin = name_of("example");
	struct hf_zone_build *build;
	(void)state;
	struct hf_zone_record record = {.owner = origin,
		.type = HF_TYPE_A,
		.class = HF_CLASS_IN,
		.rdata = (const uint8_t *)"\1\2\3\4",
		.rdata_len = 4};
	assert_int_equal(hf_zone_build_new(&origin, &few, &build), 0);
	assert_int_equal(hf_zone_build_add(build, &record), 0);
	assert_int_equal(hf_zone_build_add(build, &record), 0);
	assert_int_equal(hf_zone_build_add(build, &record), HF_EBOUND);
	hf_zone_build_free(build);
	assert_int_equal(hf_zone_build_new(&origin, &small, &build), 0);
	int rc = 0;
	for (unsigned i = 0; i < 10000 && !rc; i++)
		rc = hf_zone_build_add(build, &record);
	assert_int_equal(rc, HF_EBOUND);
	hf_zone_build_free(build);
	hf_zone_build_free(NULL);
}

/* ---- differences ---- */

static void a_zone_is_the_beginning_of_the_next(void **state)
{
	struct hf_zone *old = hf_sample_zone(
		"example", HF_SAMPLE_APEX "a A 192.0.2.1\na A 192.0.2.2\nb MX 5 Mail\n");
	const struct hf_name *origin = hf_zone_origin(old);
	struct hf_sample_faults faults;
	struct hf_zone_build *build;
	(void)state;
	struct hf_zone_record record = {.owner = name_of("a.example"),
		.type = HF_TYPE_A,
		.class = HF_CLASS_IN,
		.ttl = 7,
		.rdata = (const uint8_t *)"\300\0\2\1",
		.rdata_len = 4};
	assert_int_equal(hf_zone_build_new(origin, NULL, &build), 0);
	assert_int_equal(hf_zone_build_from(build, old), 0);
	assert_int_equal(hf_zone_build_remove(build, &record), 0);
	assert_int_equal(hf_zone_build_remove(build, &record), HF_EMALFORMED);
	record.rdata = (const uint8_t *)"\300\0\2\3";
	assert_int_equal(hf_zone_build_remove(build, &record), HF_EMALFORMED);
	assert_int_equal(hf_zone_build_add(build, &record), 0);
	assert_int_equal(hf_zone_build_add(build, &record), 0); /* twice is once */
	record.owner = name_of("b.example");
	record.type = HF_TYPE_MX;
	record.rdata = (const uint8_t *)"\0\5\4mail\7example"; /* in another case */
	record.rdata_len = 16;
	assert_int_equal(hf_zone_build_remove(build, &record), 0);
	struct hf_zone *zone = hf_sample_finish(build, &faults);
	assert_string_equal(listed(zone), APEX "a.example 1 2 7\n");
	assert_string_equal(listed(old), APEX "a.example 1 2 300\nb.example 15 1 300\n");
	hf_zone_unref(old);
	hf_zone_unref(zone);
}

static void what_is_taken_out_may_come_back(void **state)
{
	struct hf_zone_build *build = hf_sample_build("example", HF_SAMPLE_APEX);
	struct hf_sample_faults faults;
	struct hf_zone_record record = {.owner = name_of("a.example"),
		.type = HF_TYPE_A,
		.class = HF_CLASS_IN,
		.rdata = (const uint8_t *)"\300\0\2\1",
		.rdata_len = 4};
	(void)state;
	for (unsigned i = 0; i < 1000; i++) { /* so the index grows, with gone ones in it */
		assert_int_equal(hf_zone_build_add(build, &record), 0);
		assert_int_equal(hf_zone_build_remove(build, &record), 0);
	}
	assert_int_equal(hf_zone_build_add(build, &record), 0);
	struct hf_zone *zone = hf_sample_finish(build, &faults);
	assert_string_equal(listed(zone), APEX "a.example 1 1 0\n");
	hf_zone_unref(zone);
}

static void a_million_records_take_less_than_sixty_four_octets_each(void **state)
{
	enum { COUNT = 1000000 };
	struct hf_zone_build *build = hf_sample_build("example", HF_SAMPLE_APEX);
	struct hf_sample_faults faults;
	struct hf_zone_record record = {.owner = name_of("host-0000000.example"),
		.type = HF_TYPE_A,
		.class = HF_CLASS_IN,
		.rdata = (const uint8_t *)"\300\0\2\1",
		.rdata_len = 4};
	char digits[16];
	(void)state;
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(digits, sizeof digits, "%07u", i);
		memcpy(record.owner.bytes + 6, digits, 7);
		assert_int_equal(hf_zone_build_add(build, &record), 0);
	}
	struct hf_zone *zone = hf_sample_finish(build, &faults);
	assert_true(hf_zone_octets(zone) / COUNT < 64);
	hf_zone_unref(zone);
}

/* A count of sixteen bits would begin anew, and all but a few would be lost without a word. */
static void more_sets_at_a_name_than_can_be_counted_are_a_fault(void **state)
{
	uint8_t rdata[20] = {0};
	struct hf_sample_faults faults;
	struct hf_zone_build *build = hf_sample_build(
		"example", "@ 3600 SOA ns host 1 7200 600 86400 60\n@ 3600 NS ns\n");
	struct hf_zone_record record = {.type = HF_TYPE_RRSIG,
		.class = HF_CLASS_IN,
		.ttl = 300,
		.rdata = rdata,
		.rdata_len = sizeof rdata};
	(void)state;
	assert_int_equal(hf_name_from_text("h.example", 9, &record.owner), 0);
	for (unsigned covered = 0; covered <= UINT16_MAX; covered++) {
		hf_put_u16(rdata, (uint16_t)covered);
		assert_int_equal(hf_zone_build_add(build, &record), 0);
	}
	assert_null(hf_sample_finish(build, &faults));
	assert_non_null(strstr(faults.why, "has too many types of records"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records_in_any_order_are_walked_in_canonical_order),
		cmocka_unit_test(a_record_that_is_there_twice_is_one_and_the_smallest_ttl_counts),
		cmocka_unit_test(the_soa_is_read),
		cmocka_unit_test(what_is_not_there_is_not_found),
		cmocka_unit_test(a_hundred_thousand_names_are_all_found),
		cmocka_unit_test(what_makes_no_zone_is_told_with_line_and_name),
		cmocka_unit_test(what_a_transfer_may_bring_is_checked_as_well),
		cmocka_unit_test(a_record_of_another_class_is_told),
		cmocka_unit_test(signatures_and_nsec_may_stand_beside_an_alias),
		cmocka_unit_test(signatures_keep_the_ttl_of_what_they_sign),
		cmocka_unit_test(many_faults_are_told_up_to_a_bound),
		cmocka_unit_test(no_more_records_than_the_limit_get_in),
		cmocka_unit_test(a_zone_is_the_beginning_of_the_next),
		cmocka_unit_test(what_is_taken_out_may_come_back),
		cmocka_unit_test(more_sets_at_a_name_than_can_be_counted_are_a_fault),
		cmocka_unit_test(a_million_records_take_less_than_sixty_four_octets_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
