/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/sibling.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "wire/build.h"
#include "zone/answer.h"
#include "zone/sample_zone.h"

static const char records[] = HF_SAMPLE_APEX "www 60 A 192.0.2.1\n"
					     "www 60 A 192.0.2.65\n"
					     "mail 60 MX 10 Www.example.\n"
					     "txt 60 TXT \"Hello\"\n"
					     "*.wild 60 A 192.0.2.7\n"
					     "sub 60 NS ns.sub.example.\n"
					     "ns.sub 60 A 192.0.2.9\n"
					     "d 60 DNAME elsewhere.test.\n";

static uint8_t wire[HF_MESSAGE_MAX];
static uint16_t ttl_at[HF_RECORDS_MAX];
static struct hf_message_view view;
static struct hf_twin_report report;

static struct hf_question question(const char *name, uint16_t type)
{
	struct hf_question q = {.type = type, .class = HF_CLASS_IN};
	assert_int_equal(hf_name_from_text(name, strlen(name), &q.name), 0);
	return q;
}

/* What the zone says, as a reply with authority. */
static void answer(const struct hf_zone *zone, const struct hf_question *q)
{
	struct hf_kept kept = {.wire = wire, .ttl_at = ttl_at};
	struct hf_name target;
	const struct hf_zone_ask ask = {.question = q};
	hf_zone_answer(zone, &ask, &kept, &target);
	assert_int_equal(hf_message_read(wire, kept.len, &view), 0);
}

/* A reply without records, with an extended error or none. */
static void say(unsigned flags, int32_t ede, const char *text)
{
	struct hf_question q = question("example.", HF_TYPE_SOA);
	uint8_t asked[HF_NAME_MAX + 4];
	memcpy(asked, q.name.bytes, q.name.len);
	hf_put_u16(asked + q.name.len, q.type);
	hf_put_u16(asked + q.name.len + 2, q.class);
	const struct hf_reply reply = {.flags = (uint16_t)(HF_FLAG_QR | flags),
		.question = asked,
		.question_len = (uint16_t)(q.name.len + 4),
		.limit = 1232,
		.edns = ede != HF_EDE_NONE,
		.ede = ede,
		.ede_text = text};
	size_t len = hf_reply_empty(wire, HF_RCODE_SERVFAIL, sizeof wire, &reply);
	assert_int_equal(hf_message_read(wire, len, &view), 0);
}

static void read_soa(void)
{
	struct hf_question q = question("example.", HF_TYPE_SOA);
	report = (struct hf_twin_report){.said = HF_TWIN_SILENT};
	hf_sibling_read_soa(wire, &view, &q.name, &report);
}

static void a_zones_soa_with_authority_is_its_serial(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", records);
	struct hf_question q = question("example.", HF_TYPE_SOA);
	(void)state;
	answer(zone, &q);
	read_soa();
	assert_int_equal(report.said, HF_TWIN_SERVES);
	assert_true(report.has_serial);
	assert_int_equal(report.serial, 1);
	hf_put_u16(wire + 2, (uint16_t)(hf_message_flags(wire) & ~HF_FLAG_AA));
	assert_int_equal(hf_message_read(wire, view.end, &view), 0);
	read_soa();
	assert_int_equal(report.said, HF_TWIN_WITHHELD);
	assert_false(report.has_serial);
	hf_zone_unref(zone);
}

static void one_that_withholds_may_say_what_it_holds(void **state)
{
	(void)state;
	say(HF_RCODE_SERVFAIL, HF_EDE_NOT_READY,
		"not proven to be current; holds serial 4294967295");
	read_soa();
	assert_int_equal(report.said, HF_TWIN_WITHHELD);
	assert_true(report.has_serial);
	assert_int_equal(report.serial, UINT32_MAX);
}

static void what_is_no_serial_is_not_taken_for_one(void **state)
{
	static const char *const texts[] = {"", "holds serial", "holds serial ", "holds serial x",
		"holds serial -1", "holds serial 4294967296", "holds serial 99999999999999999999",
		"holds nothing"};
	(void)state;
	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		say(HF_RCODE_SERVFAIL, HF_EDE_NOT_READY, texts[i]);
		read_soa();
		assert_false(report.has_serial);
	}
	say(HF_RCODE_SERVFAIL, HF_EDE_NONE, NULL);
	read_soa();
	assert_int_equal(report.said, HF_TWIN_WITHHELD);
	assert_false(report.has_serial);
}

static void a_set_and_the_reply_with_it_have_one_digest(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", records);
	static const struct {
		const char *name;
		uint16_t type;
	} sets[] = {{"www.example.", HF_TYPE_A}, {"mail.example.", HF_TYPE_MX},
		{"txt.example.", HF_TYPE_TXT}, {"*.wild.example.", HF_TYPE_A},
		{"example.", HF_TYPE_NS}};
	(void)state;
	for (size_t i = 0; i < sizeof sets / sizeof sets[0]; i++) {
		struct hf_question q = question(sets[i].name, sets[i].type);
		struct hf_zone_set set;
		uint64_t sum = 0;
		answer(zone, &q);
		assert_true(hf_sibling_digest_reply(wire, &view, &q, &sum));
		assert_true(hf_zone_find(zone, &q.name, q.type, &set));
		assert_int_equal(sum, hf_sibling_digest_set(&set));
	}
	hf_zone_unref(zone);
}

static void another_address_is_another_digest_and_a_denial_is_none(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", records);
	struct hf_zone *other = hf_sample_zone(
		"example", HF_SAMPLE_APEX "www 60 A 192.0.2.1\nwww 60 A 192.0.2.97\n");
	struct hf_question q = question("www.example.", HF_TYPE_A);
	struct hf_question gone = question("txt.example.", HF_TYPE_TXT);
	struct hf_zone_set set;
	uint64_t sum = 1;
	(void)state;
	answer(other, &q);
	assert_true(hf_sibling_digest_reply(wire, &view, &q, &sum));
	assert_true(hf_zone_find(zone, &q.name, q.type, &set));
	assert_int_not_equal(sum, hf_sibling_digest_set(&set));
	answer(other, &gone);
	assert_true(hf_sibling_digest_reply(wire, &view, &gone, &sum));
	assert_int_equal(sum, 0);
	hf_zone_unref(zone);
	hf_zone_unref(other);
}

static void no_sample_lies_where_a_question_does_not_lead(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", records);
	struct hf_zone_walk walk = hf_zone_walk(zone);
	unsigned seen = 0;
	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		struct hf_zone_set set;
		char text[HF_NAME_TEXT_MAX];
		assert_true(hf_sibling_sample(&walk, i % 7, &set));
		hf_name_text(set.owner, text);
		assert_null(strstr(text, "sub.example"));
		assert_int_not_equal(set.type, HF_TYPE_SOA);
		seen |= 1u << set.type % 32;
	}
	assert_true(seen & 1u << HF_TYPE_A && seen & 1u << HF_TYPE_MX && seen & 1u << HF_TYPE_TXT);
	hf_zone_unref(zone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_zones_soa_with_authority_is_its_serial),
		cmocka_unit_test(one_that_withholds_may_say_what_it_holds),
		cmocka_unit_test(what_is_no_serial_is_not_taken_for_one),
		cmocka_unit_test(a_set_and_the_reply_with_it_have_one_digest),
		cmocka_unit_test(another_address_is_another_digest_and_a_denial_is_none),
		cmocka_unit_test(no_sample_lies_where_a_question_does_not_lead),
	};
	return cmocka_run_group_tests_name("sibling", tests, NULL, NULL);
}
