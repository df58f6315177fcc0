/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a zone takes that is served with authority: the time in which its text becomes a zone,
 * octets for each record, and what an answer costs, for sizes up to a million records.
 *
 *     growth_authority [RECORDS]    one size only, in place of the table */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "count.h"
#include "zone/answer.h"
#include "zone/text.h"

#define QUESTIONS 1000000

static char *write_text(size_t records, size_t *ret_len)
{
	static const char head[] = "@ 3600 SOA ns admin 1 7200 600 86400 60\n"
				   "@ 3600 NS ns\nns A 192.0.2.53\n";
	char *text = malloc(sizeof head + records * 40);
	hf_require(text);
	size_t len = sizeof head - 1;
	memcpy(text, head, len);
	for (size_t i = 0; i < records; i++)
		len += (size_t)snprintf(text + len, 40, "host-%07zu A 10.%zu.%zu.%zu\n", i,
			i >> 16 & 255, i >> 8 & 255, i & 255);
	*ret_len = len;
	return text;
}

static int add(void *ctx, const struct hf_zone_record *record)
{
	return hf_zone_build_add(ctx, record);
}

static void fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	fprintf(stderr, "line %u: %s\n", (unsigned)line, why);
}

static struct hf_zone *load(const char *text, size_t len)
{
	static const struct hf_zone_handler handler = {add, fault};
	const struct hf_zone_text in = {.text = text, .len = len, .origin = "example.", .ttl = 300};
	struct hf_name origin;
	struct hf_zone_build *build;
	struct hf_zone *zone;
	hf_require(!hf_name_from_text("example", 7, &origin));
	hf_require(!hf_zone_build_new(&origin, NULL, &build));
	hf_require(!hf_zone_text_read(&in, &handler, build));
	hf_require(!hf_zone_build_finish(build, fault, NULL, &zone));
	return zone;
}

/* Nanoseconds for an answer; every name is there, or none is. */
static double answer(const struct hf_zone *zone, size_t records, bool there)
{
	static uint8_t wire[HF_MESSAGE_MAX];
	static uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_question question = {.type = HF_TYPE_A, .class = HF_CLASS_IN};
	const struct hf_zone_ask ask = {.question = &question};
	struct hf_name target;
	uint64_t dice = 1;
	char digits[16];
	hf_require(!hf_name_from_text("host-0000000.example", 20, &question.name));
	if (!there)
		question.name.bytes[1] = 'x';
	count_begin();
	for (unsigned i = 0; i < QUESTIONS; i++) {
		struct hf_kept kept = {.wire = wire, .ttl_at = ttl_at};
		snprintf(digits, sizeof digits, "%07u", (unsigned)(count_dice(&dice) % records));
		memcpy(question.name.bytes + 6, digits, 7);
		hf_zone_answer(zone, &ask, &kept, &target);
		hf_require((kept.wire[3] & HF_FLAG_RCODE) == (there ? 0 : HF_RCODE_NXDOMAIN));
	}
	return count_end().ns / QUESTIONS;
}

static void show(size_t records)
{
	size_t len;
	char *text = write_text(records, &len);
	count_begin();
	struct hf_zone *zone = load(text, len);
	double seconds = count_end().ns / 1e9;
	double there = answer(zone, records, true), missing = answer(zone, records, false);
	printf("%10zu %10.2f %14.1f %14.0f %14.0f\n", records, seconds,
		(double)hf_zone_octets(zone) / (double)records, there, missing);
	hf_zone_unref(zone);
	free(text);
}

int main(int argc, char **argv)
{
	printf("%10s %10s %14s %14s %14s\n", "records", "load s", "octets/record", "ns/answer",
		"ns/NXDOMAIN");
	if (argc > 1) {
		show(strtoul(argv[1], NULL, 10));
		return 0;
	}
	for (size_t records = 1000; records <= 1000000; records *= 10)
		show(records);
	return 0;
}
