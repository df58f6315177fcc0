/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zone text, and behind an octet 255 questions, each an octet of wishes, two of type and a
 * line with a name: if the text is a zone, it is the same when it is made again of its own
 * records, and each answer reads back, says nothing that does not belong to the question,
 * and denies no name that is there. Every name of the zone, and one below it, is asked for,
 * too. */
#include <stdlib.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/tidy.h"
#include "zone/answer.h"
#include "zone/digest.h"
#include "zone/text.h"

#define RECORDS_MAX 300
#define CHAIN_MAX 30 /* what wire/tidy.h follows */

static uint8_t out[HF_MESSAGE_MAX], tidied[HF_MESSAGE_MAX];
static uint16_t ttl_at[HF_RECORDS_MAX];

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	hf_require(why && *why);
	(void)line;
	++*(size_t *)ctx;
}

static int add(void *ctx, const struct hf_zone_record *record)
{
	return hf_zone_build_add(ctx, record);
}

static void ignore(void *ctx, uint32_t line, const char *why)
{
	(void)ctx, (void)line, (void)why;
}

static struct hf_zone *zone_of(const char *text, size_t len)
{
	static const struct hf_zone_handler handler = {add, ignore};
	const struct hf_zone_text in = {.text = text, .len = len, .origin = "example.", .ttl = 60,
		.records_max = RECORDS_MAX, .faults_max = 8};
	struct hf_name origin;
	struct hf_zone_build *build;
	struct hf_zone *zone = NULL;
	size_t faults = 0;
	hf_require(!hf_name_from_text("example", 7, &origin));
	hf_require(!hf_zone_build_new(&origin, NULL, &build));
	int rc = hf_zone_text_read(&in, &handler, build);
	if (rc == HF_ESYNTAX || rc == HF_EBOUND)
		rc = 0; /* what could be read is enough */
	rc = rc ? rc : hf_zone_build_finish(build, no_fault, &faults, &zone);
	hf_require(rc || zone);
	hf_require(rc != HF_EMALFORMED || faults);
	return zone;
}

static void remake(const struct hf_zone *zone)
{
	struct hf_zone_build *build;
	struct hf_zone *again;
	struct hf_zone_set a, b;
	size_t faults = 0, records = 0;
	hf_require(!hf_zone_build_new(hf_zone_origin(zone), NULL, &build));
	hf_require(!hf_zone_build_from(build, zone));
	hf_require(!hf_zone_build_finish(build, no_fault, &faults, &again));
	hf_require(hf_zone_records(zone) == hf_zone_records(again));
	struct hf_zone_walk one = hf_zone_walk(zone), two = hf_zone_walk(again);
	while (hf_zone_next(&one, &a)) {
		hf_require(hf_zone_next(&two, &b));
		hf_require(one.owner.len == two.owner.len &&
			   !memcmp(one.owner.bytes, two.owner.bytes, one.owner.len));
		hf_require(a.type == b.type && a.count == b.count && a.ttl == b.ttl);
		hf_require(a.rdata_octets == b.rdata_octets &&
			   !memcmp(a.rdata, b.rdata, a.rdata_octets));
		records += a.count;
	}
	hf_require(!hf_zone_next(&two, &b) && records == hf_zone_records(zone));
	hf_zone_unref(again);
}

static void ask(const struct hf_zone *zone, const struct hf_question *question, unsigned wishes)
{
	const struct hf_zone_ask a = {question, wishes & 1, wishes & 2};
	struct hf_kept kept = {.wire = out, .ttl_at = ttl_at};
	struct hf_message_view view;
	struct hf_tidied tidy;
	struct hf_zone_set set;
	struct hf_name target = {0};
	enum hf_zone_said said = hf_zone_answer(zone, &a, &kept, &target);
	hf_require(!hf_message_read(out, kept.len, &view) && view.end == kept.len);
	hf_require(view.answer_end == kept.answer_end && view.authority_end == kept.authority_end);
	hf_require(view.ttl_min == kept.ttl);
	hf_require(kept.ttl_count == view.answers + view.authorities + view.additionals);
	hf_require((said == HF_ZONE_LED_OUT) == (target.len != 0));
	hf_require(said == HF_ZONE_REFERRED || view.flags & HF_FLAG_AA);
	if (view.rcode == HF_RCODE_NXDOMAIN && !view.answers) /* but NSEC3 owns no name */
		hf_require(!hf_zone_find(zone, &question->name, HF_TYPE_A, &set));
	/* Proofs that the zone has not signed belong to nobody. */
	int rc = hf_tidy(out, &view, NULL, tidied, &tidy);
	if (said != HF_ZONE_REFERRED && view.answers < CHAIN_MAX && !a.dnssec_ok && !rc)
		hf_require(!tidy.left_off);
}

static void ask_for_all(const struct hf_zone *zone)
{
	static const uint16_t types[] = {HF_TYPE_A, HF_TYPE_DS, HF_TYPE_MX, HF_TYPE_ANY};
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	while (hf_zone_next(&walk, &set)) {
		struct hf_question question = {
			.name = walk.owner, .type = set.type, .class = HF_CLASS_IN};
		ask(zone, &question, 3);
		for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
			question.type = types[i];
			ask(zone, &question, i & 1);
		}
		if (question.name.len > HF_NAME_MAX - 2)
			continue;
		memmove(question.name.bytes + 2, question.name.bytes, question.name.len);
		memcpy(question.name.bytes, "\1q", 2);
		question.name.len += 2;
		question.type = HF_TYPE_A;
		ask(zone, &question, 1);
	}
}

static void ask_questions(const struct hf_zone *zone, const uint8_t *at, const uint8_t *end)
{
	while (end - at > 3) {
		const uint8_t *line = memchr(at + 3, '\n', (size_t)(end - at) - 3);
		size_t len = (size_t)((line ? line : end) - at) - 3;
		struct hf_question question = {.type = hf_get_u16(at + 1), .class = HF_CLASS_IN};
		const struct hf_name *origin = hf_zone_origin(zone);
		if (!hf_name_from_text((const char *)at + 3, len, &question.name) &&
			hf_name_within(question.name.bytes, question.name.len, origin->bytes,
				origin->len))
			ask(zone, &question, at[0]);
		at = line ? line + 1 : end;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size ? memchr(data, 255, size) : NULL;
	size_t len = end ? (size_t)(end - data) : size;
	char *text = malloc(len + 1);
	enum hf_zonemd found;
	hf_require(text);
	if (len)
		memcpy(text, data, len);
	struct hf_zone *zone = zone_of(text, len);
	free(text);
	if (!zone)
		return 0;
	remake(zone);
	hf_require(!hf_zonemd_check(zone, &found));
	ask_for_all(zone);
	if (end)
		ask_questions(zone, end + 1, data + size);
	hf_zone_unref(zone);
	return 0;
}
