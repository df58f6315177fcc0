/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as zone text: each record is a well-formed one in a message of its
 * own, lines only grow, faults are told as often as the return says. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "wire/message.h"
#include "zone/text.h"

#define FAULTS_MAX 4

struct seen {
	uint32_t line;
	size_t records, faults;
};

static void note_line(struct seen *seen, uint32_t line)
{
	hf_require(line >= seen->line);
	seen->line = line;
}

static int note_record(void *ctx, const struct hf_zone_record *record)
{
	struct seen *seen = ctx;
	struct hf_name again;
	size_t next;
	note_line(seen, record->line);
	seen->records++;
	hf_require(hf_name_wire_len(record->owner.bytes, record->owner.len) == record->owner.len);
	hf_require(!hf_name_read(record->owner.bytes, record->owner.len, 0, &again, &next));
	uint8_t sum = 0;
	for (size_t i = 0; i < record->rdata_len; i++)
		sum ^= record->rdata[i]; /* all of it is there */
	return sum == 0 && record->rdata_len == UINT16_MAX ? -E2BIG : 0;
}

static void note_fault(void *ctx, uint32_t line, const char *why)
{
	struct seen *seen = ctx;
	note_line(seen, line);
	hf_require(why && *why);
	seen->faults++;
}

static const struct hf_zone_handler handler = { note_record, note_fault };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seen seen = { .line = 0 };
	char *text = malloc(size + 1);
	hf_require(text);
	memcpy(text, data, size);
	const struct hf_zone_text in = { .text = text, .len = size, .ttl = 60,
		.records_max = 1000, .faults_max = FAULTS_MAX };
	int rc = hf_zone_text_read(&in, &handler, &seen);
	hf_require(rc <= 0 && (rc != 0 || !seen.faults) && (rc != HF_ESYNTAX || seen.faults));
	hf_require(seen.faults <= FAULTS_MAX + 1 && seen.records <= 1000);
	free(text);
	return 0;
}
