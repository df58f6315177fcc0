/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meter/decision.h"

#include <stdbool.h>

static uint64_t oldest(uint64_t written, uint64_t room)
{
	return written > room ? written - room : 0;
}

struct hf_diary_reader hf_diary_oldest(const struct hf_diary *diary)
{
	return (struct hf_diary_reader){oldest(diary->routine_written, HF_DIARY_ROUTINE),
		oldest(diary->notable_written, HF_DIARY_NOTABLE)};
}

const struct hf_decision *hf_diary_read(
	const struct hf_diary *diary, struct hf_diary_reader *reader)
{
	const struct hf_diary_reader first = hf_diary_oldest(diary);
	if (reader->routine < first.routine)
		reader->routine = first.routine;
	if (reader->notable < first.notable)
		reader->notable = first.notable;
	bool routine = reader->routine < diary->routine_written;
	bool notable = reader->notable < diary->notable_written;
	const struct hf_decision *r = &diary->routine[reader->routine % HF_DIARY_ROUTINE];
	const struct hf_decision *n = &diary->notable[reader->notable % HF_DIARY_NOTABLE];
	if (!routine && !notable)
		return NULL;
	if (!notable || (routine && (int32_t)(r->number - n->number) < 0)) {
		reader->routine++;
		return r;
	}
	reader->notable++;
	return n;
}

static bool is_about(
	const struct hf_decision *d, const uint8_t *name, size_t len, uint32_t hash, uint16_t type)
{
	size_t kept = len < HF_DECISION_NAME ? len : HF_DECISION_NAME;
	return !len || (d->hash == hash && d->type == type && d->name_len == len &&
			       memcmp(d->name, name, kept) == 0);
}

size_t hf_diary_last(const struct hf_diary *diary, const uint8_t *name, size_t name_len,
	uint32_t hash, uint16_t type, struct hf_decision *ret, size_t most)
{
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	const struct hf_decision *d;
	size_t found = 0, kept = 0;
	while ((d = hf_diary_read(diary, &reader)))
		found += is_about(d, name, name_len, hash, type);
	size_t skip = found > most ? found - most : 0;
	reader = hf_diary_oldest(diary);
	while (kept < most && (d = hf_diary_read(diary, &reader)))
		if (is_about(d, name, name_len, hash, type) && (!skip || !skip--))
			ret[kept++] = *d;
	return kept;
}
