/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/outgoing.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/error.h"
#include "wire/message.h"
#include "zone/journal.h"
#include "zone/sample_zone.h"
#include "zone/transfer.h"

#define APEX(serial)                                                                               \
	"@ 3600 SOA ns.example. admin.example. " serial " 7200 600 86400 60\n"                     \
	"@ 3600 NS ns.example.\n"

static const struct hf_journal_limits roomy = {10, 1 << 20};

/* ---- tools ---- */

static void assert_same(const struct hf_zone *a, const struct hf_zone *b)
{
	struct hf_zone_walk wa = hf_zone_walk(a), wb = hf_zone_walk(b);
	struct hf_zone_set sa, sb;
	while (hf_zone_next(&wa, &sa)) {
		assert_true(hf_zone_next(&wb, &sb));
		assert_int_equal(sa.type, sb.type);
		assert_int_equal(sa.ttl, sb.ttl);
		assert_memory_equal(wa.owner.bytes, wb.owner.bytes, wa.owner.len);
		assert_int_equal(sa.rdata_octets, sb.rdata_octets);
		assert_memory_equal(sa.rdata, sb.rdata, sa.rdata_octets);
	}
	assert_false(hf_zone_next(&wb, &sb));
}

static struct hf_zone_record record_of(const struct hf_zone_piece *piece)
{
	struct hf_zone_record record = {.owner.len = piece->owner_len,
		.type = piece->type,
		.class = HF_CLASS_IN,
		.ttl = piece->ttl,
		.rdata = piece->rdata,
		.rdata_len = piece->rdata_len};
	memcpy(record.owner.bytes, piece->owner, piece->owner_len);
	return record;
}

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	fail_msg("%s", why);
}

/* The zone that comes of applying the difference. */
static struct hf_zone *apply(const struct hf_zone *from, const struct hf_difference *d)
{
	struct hf_zone_build *build;
	struct hf_zone_piece piece;
	struct hf_zone *zone;
	unsigned soas = 0;
	assert_int_equal(hf_zone_build_new(hf_zone_origin(from), NULL, &build), 0);
	assert_int_equal(hf_zone_build_from(build, from), 0);
	for (size_t at = 0; hf_difference_next(d, &at, &piece);) {
		struct hf_zone_record record = record_of(&piece);
		soas += piece.type == HF_TYPE_SOA;
		if (soas == 1)
			assert_int_equal(hf_zone_build_remove(build, &record), 0);
		else
			assert_int_equal(hf_zone_build_add(build, &record), 0);
	}
	assert_int_equal(soas, 2);
	assert_int_equal(hf_zone_build_finish(build, no_fault, NULL, &zone), 0);
	return zone;
}

static void check_difference(const char *before, const char *after)
{
	struct hf_zone *from = hf_sample_zone("example", before),
		       *to = hf_sample_zone("example", after);
	struct hf_difference *d;
	assert_int_equal(hf_difference_new(from, to, 1 << 20, &d), 0);
	struct hf_zone *made = apply(from, d);
	assert_same(made, to);
	hf_zone_unref(made);
	hf_difference_unref(d);
	hf_zone_unref(from);
	hf_zone_unref(to);
}

static const uint8_t question_axfr[] = "\7example\0\0\xfc\0\1",
		     question_ixfr[] = "\7example\0\0\xfb\0\1";

static const struct hf_zone_limits unlimited;

struct heard { /* what a secondary makes of it */
	enum hf_transfer_step step;
	struct hf_zone *zone;
	bool differences;
	unsigned messages;
	size_t octets;
};

static struct heard send(const struct hf_zone_out_conf *conf, struct hf_zone *have)
{
	static uint8_t m[HF_MESSAGE_MAX], ask[HF_TRANSFER_ASK_MAX];
	struct hf_name origin = *hf_zone_origin(conf->zone);
	struct hf_zone_out *out;
	struct hf_transfer *in;
	struct heard heard = {.step = HF_TRANSFER_MORE};
	size_t len;
	int more;
	assert_int_equal(hf_zone_out_new(conf, &out), 0);
	assert_int_equal(hf_transfer_new(&origin, have, &unlimited, &in), 0);
	hf_transfer_ask(in, conf->id, ask);
	do {
		struct hf_message_view view;
		more = hf_zone_out_next(out, m, &len);
		assert_true(more >= 0 && len + conf->reserve <= HF_MESSAGE_MAX);
		assert_int_equal(hf_message_read(m, len, &view), 0);
		assert_int_equal(view.end, len);
		assert_true(view.flags & HF_FLAG_AA && view.answers);
		assert_int_equal(view.edns.present, conf->edns && !heard.messages);
		assert_int_equal(heard.step, HF_TRANSFER_MORE);
		heard.step = hf_transfer_message(in, m, len);
		heard.messages++;
		heard.octets += len;
	} while (more);
	if (heard.step == HF_TRANSFER_WHOLE)
		assert_int_equal(hf_transfer_zone(in, &heard.zone, &heard.differences), 0);
	hf_transfer_free(in);
	hf_zone_out_free(out);
	return heard;
}

static struct hf_zone_out_conf whole(struct hf_zone *zone)
{
	return (struct hf_zone_out_conf){.zone = zone,
		.kind = HF_ZONE_OUT_WHOLE,
		.id = 0x1234,
		.question = question_axfr,
		.question_len = sizeof question_axfr - 1};
}

/* A zone with so many hosts. */
static char *many(const char *apex, unsigned hosts)
{
	size_t room = strlen(apex) + 100 * (size_t)hosts + 1, len = strlen(apex);
	char *text = malloc(room);
	assert_non_null(text);
	memcpy(text, apex, len + 1);
	for (unsigned i = 0; i < hosts; i++)
		len += (size_t)snprintf(text + len, room - len,
			"host%u 300 A 192.0.2.%u\nhost%u 300 MX 10 mail%u\n", i, i % 250, i, i % 7);
	return text;
}

/* ---- differences ---- */

static void a_difference_applied_to_the_old_version_gives_the_new_one(void **state)
{
	(void)state;
	check_difference(APEX("1") "a A 192.0.2.1\nb A 192.0.2.2\n",
		APEX("2") "a A 192.0.2.1\nb A 192.0.2.3\n");
	check_difference(APEX("1") "a A 192.0.2.1\n", APEX("2"));
	check_difference(APEX("1"), APEX("2") "z A 192.0.2.1\na.b.c TXT x\n");
	check_difference(APEX("1") "a 300 A 192.0.2.1\na 300 A 192.0.2.2\n",
		APEX("2") "a 400 A 192.0.2.1\na 400 A 192.0.2.2\n");
	check_difference(APEX("1") "a A 192.0.2.1\na AAAA ::1\na TXT x\n",
		APEX("2") "a TXT x\nA.a A 192.0.2.9\n");
	check_difference(APEX("1"), APEX("2")); /* the serial alone */
	check_difference(APEX("4294967295") "@ MX 1 a\n", APEX("1") "@ MX 2 a\n");
}

static void signatures_over_one_type_are_not_taken_for_those_over_another(void **state)
{
#define SIGNED(of, what)                                                                           \
	"a 300 RRSIG " of " 13 2 300 20300101000000 20200101000000 1 example. " what "\n"
	(void)state;
	check_difference(APEX("1") "a 300 A 192.0.2.1\na 300 TXT x\n" SIGNED("A", "AAAA")
				 SIGNED("TXT", "BBBB"),
		APEX("2") "a 300 A 192.0.2.1\na 300 TXT x\n" SIGNED("A", "CCCC")
			SIGNED("TXT", "BBBB"));
	check_difference(APEX("1") "a 300 A 192.0.2.1\na 300 TXT x\n" SIGNED("A", "AAAA"),
		APEX("2") "a 300 A 192.0.2.1\na 300 TXT x\n" SIGNED("TXT", "BBBB"));
}

static void a_difference_has_only_what_has_changed(void **state)
{
	char *before = many(APEX("1"), 500), *after = many(APEX("2"), 501);
	struct hf_zone *from = hf_sample_zone("example", before),
		       *to = hf_sample_zone("example", after);
	struct hf_zone_piece piece;
	struct hf_difference *d;
	unsigned count = 0;
	(void)state;
	assert_int_equal(hf_difference_new(from, to, 1 << 20, &d), 0);
	for (size_t at = 0; hf_difference_next(d, &at, &piece);)
		count++;
	assert_int_equal(count, 4);
	hf_difference_unref(d);
	assert_int_equal(hf_difference_new(from, to, 100, &d), HF_EBOUND);
	hf_zone_unref(from);
	hf_zone_unref(to);
	free(before);
	free(after);
}

/* ---- journals ---- */

static void a_journal_keeps_the_last_steps_and_lets_the_oldest_go(void **state)
{
	static const struct hf_journal_limits three = {3, 1 << 20};
	struct hf_zone *zones[6];
	struct hf_journal *journal = NULL;
	(void)state;
	for (unsigned i = 0; i < 6; i++) {
		char text[300];
		snprintf(text, sizeof text, APEX("%u") "a A 192.0.2.%u\n", i + 1, i + 1);
		zones[i] = hf_sample_zone("example", text);
		if (!i)
			continue;
		struct hf_journal *next = hf_journal_add(journal, zones[i - 1], zones[i], &three);
		assert_non_null(next);
		hf_journal_unref(journal);
		journal = next;
	}
	assert_int_equal(hf_journal_count(journal), 3);
	assert_int_equal(hf_journal_find(journal, 3, 6), 0);
	assert_int_equal(hf_journal_find(journal, 5, 6), 2);
	assert_int_equal(hf_journal_find(journal, 2, 6), HF_JOURNAL_NONE);
	assert_int_equal(hf_journal_find(journal, 3, 5), HF_JOURNAL_NONE); /* of another version */
	assert_int_equal(hf_journal_find(NULL, 3, 5), HF_JOURNAL_NONE);
	/* A step back leaves nothing; one from elsewhere begins anew. */
	assert_null(hf_journal_add(journal, zones[5], zones[4], &three));
	struct hf_journal *anew = hf_journal_add(journal, zones[0], zones[1], &three);
	assert_int_equal(hf_journal_count(anew), 1);
	hf_journal_unref(anew);
	hf_journal_unref(journal);
	for (unsigned i = 0; i < 6; i++)
		hf_zone_unref(zones[i]);
}

/* ---- what goes out ---- */

static void a_secondary_gets_the_zone_that_is_here_in_few_messages(void **state)
{
	char *text = many(APEX("7"), 3000);
	struct hf_zone *zone = hf_sample_zone("example", text);
	struct hf_zone_out_conf conf = whole(zone);
	(void)state;
	conf.edns = true;
	conf.reserve = 512;
	struct heard heard = send(&conf, NULL);
	assert_int_equal(heard.step, HF_TRANSFER_WHOLE);
	assert_same(heard.zone, zone);
	assert_in_range(heard.messages, 2, 3000 * 2 * 40 / HF_ZONE_OUT_MESSAGE);
	hf_zone_unref(heard.zone);
	hf_zone_unref(zone);
	free(text);
}

static void names_of_every_kind_arrive_as_they_were(void **state)
{
	static const char text[] =
		APEX("1") "@ TXT \"apex\"\nA.B.C A 192.0.2.1\n*.b.c CNAME "
			  "Target.Example.\nexample.example A 192.0.2.2\n"
			  "m MX 5 example.\nm2 MX 5 notexample.\np PTR .\ns SRV 1 2 3 a.b.c\nx "
			  "TYPE65280 \\# 3 010203\n"
			  "y TYPE65281 \\# 0\nd DNAME example.\nk CNAME sub.notexample.test.\n";
	struct hf_zone *zone = hf_sample_zone("example", text);
	(void)state;
	struct hf_zone_out_conf conf = whole(zone);
	struct heard heard = send(&conf, NULL);
	assert_int_equal(heard.step, HF_TRANSFER_WHOLE);
	assert_same(heard.zone, zone);
	hf_zone_unref(heard.zone);
	hf_zone_unref(zone);
}

static void a_record_that_nearly_fills_a_message_has_one_to_itself(void **state)
{
	char *text = malloc(200000);
	size_t len = (size_t)snprintf(text, 200000, "%sbig TYPE65280 \\# 60000 ", APEX("1"));
	(void)state;
	for (unsigned i = 0; i < 60000; i++, len += 2)
		memcpy(text + len, "ab", 2);
	memcpy(text + len, "\nz A 192.0.2.1\n", 16);
	struct hf_zone *zone = hf_sample_zone("example", text);
	struct hf_zone_out_conf conf = whole(zone);
	conf.reserve = 512;
	struct heard heard = send(&conf, NULL);
	assert_int_equal(heard.step, HF_TRANSFER_WHOLE);
	assert_int_equal(heard.messages, 3);
	assert_same(heard.zone, zone);
	hf_zone_unref(heard.zone);
	hf_zone_unref(zone);
	free(text);
}

static void a_secondary_with_the_last_version_gets_what_has_changed(void **state)
{
	char *texts[3] = {many(APEX("1"), 2000), many(APEX("2"), 2010), many(APEX("3"), 1990)};
	struct hf_zone *zones[3];
	size_t first = 77;
	(void)state;
	for (unsigned i = 0; i < 3; i++)
		zones[i] = hf_sample_zone("example", texts[i]);
	struct hf_journal *one = hf_journal_add(NULL, zones[0], zones[1], &roomy);
	struct hf_journal *two = hf_journal_add(one, zones[1], zones[2], &roomy);
	assert_int_equal(hf_zone_out_kind_of(zones[2], two, 1, &first), HF_ZONE_OUT_DIFFERENCES);
	assert_int_equal(first, 0);
	struct hf_zone_out_conf conf = {.zone = zones[2],
		.journal = two,
		.kind = HF_ZONE_OUT_DIFFERENCES,
		.first = first,
		.question = question_ixfr,
		.question_len = sizeof question_ixfr - 1};
	struct heard heard = send(&conf, zones[0]);
	assert_int_equal(heard.step, HF_TRANSFER_WHOLE);
	assert_true(heard.differences);
	assert_int_equal(heard.messages, 1);
	assert_same(heard.zone, zones[2]);
	hf_zone_unref(heard.zone);
	assert_int_equal(hf_zone_out_kind_of(zones[2], two, 3, &first), HF_ZONE_OUT_SOA);
	assert_int_equal(hf_zone_out_kind_of(zones[2], two, 4, &first), HF_ZONE_OUT_SOA);
	assert_int_equal(hf_zone_out_kind_of(zones[2], two, 0, &first), HF_ZONE_OUT_WHOLE);
	assert_int_equal(hf_zone_out_kind_of(zones[2], one, 1, &first), HF_ZONE_OUT_WHOLE);
	conf.kind = HF_ZONE_OUT_SOA;
	heard = send(&conf, zones[2]);
	assert_int_equal(heard.step, HF_TRANSFER_NOTHING);
	conf.kind = HF_ZONE_OUT_WHOLE; /* the answer to IXFR when nothing less will do */
	heard = send(&conf, zones[0]);
	assert_int_equal(heard.step, HF_TRANSFER_WHOLE);
	assert_false(heard.differences);
	hf_zone_unref(heard.zone);
	hf_journal_unref(one);
	hf_journal_unref(two);
	for (unsigned i = 0; i < 3; i++) {
		hf_zone_unref(zones[i]);
		free(texts[i]);
	}
}

static void differences_that_are_more_than_the_zone_are_not_sent(void **state)
{
	char *before = many(APEX("1"), 2000);
	struct hf_zone *from = hf_sample_zone("example", before),
		       *to = hf_sample_zone("example", APEX("2"));
	struct hf_journal *journal = hf_journal_add(NULL, from, to, &roomy);
	size_t first;
	(void)state;
	assert_non_null(journal);
	assert_int_equal(hf_zone_out_kind_of(to, journal, 1, &first), HF_ZONE_OUT_WHOLE);
	hf_journal_unref(journal);
	hf_zone_unref(from);
	hf_zone_unref(to);
	free(before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_difference_applied_to_the_old_version_gives_the_new_one),
		cmocka_unit_test(signatures_over_one_type_are_not_taken_for_those_over_another),
		cmocka_unit_test(a_difference_has_only_what_has_changed),
		cmocka_unit_test(a_journal_keeps_the_last_steps_and_lets_the_oldest_go),
		cmocka_unit_test(a_secondary_gets_the_zone_that_is_here_in_few_messages),
		cmocka_unit_test(names_of_every_kind_arrive_as_they_were),
		cmocka_unit_test(a_record_that_nearly_fills_a_message_has_one_to_itself),
		cmocka_unit_test(a_secondary_with_the_last_version_gets_what_has_changed),
		cmocka_unit_test(differences_that_are_more_than_the_zone_are_not_sent),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
