/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "meter/decision.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"

static bool is_power(uint32_t n)
{
	return n && !(n & (n - 1));
}

int hf_diary_new(struct hf_diary_size size, struct hf_diary **ret)
{
	hf_require(is_power(size.routine) && is_power(size.notable));
	size_t cells = (size_t)size.routine + size.notable;
	struct hf_diary *diary = calloc(1, sizeof *diary + cells * sizeof diary->cells[0]);
	if (!diary)
		return -ENOMEM;
	diary->size = size;
	*ret = diary;
	return 0;
}

void hf_diary_free(struct hf_diary *diary)
{
	free(diary);
}

static uint64_t oldest(uint64_t written, uint64_t room)
{
	return written > room ? written - room : 0;
}

struct hf_diary_reader hf_diary_oldest(const struct hf_diary *diary)
{
	return (struct hf_diary_reader){oldest(diary->routine_written, diary->size.routine),
		oldest(diary->notable_written, diary->size.notable)};
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
	const struct hf_decision *r = hf_diary_routine(diary, reader->routine);
	const struct hf_decision *n = hf_diary_notable(diary, reader->notable);
	if (!routine && !notable)
		return NULL;
	if (!notable || (routine && (int32_t)(r->number - n->number) < 0)) {
		reader->routine++;
		return r;
	}
	reader->notable++;
	return n;
}

size_t hf_diary_last_that(const struct hf_diary *diary,
	bool (*fits)(const void *ctx, const struct hf_decision *d), const void *ctx,
	struct hf_decision *ret, size_t most)
{
	struct hf_diary_reader reader = hf_diary_oldest(diary);
	const struct hf_decision *d;
	size_t found = 0, kept = 0;
	while ((d = hf_diary_read(diary, &reader)))
		found += fits(ctx, d);
	size_t skip = found > most ? found - most : 0;
	reader = hf_diary_oldest(diary);
	while (kept < most && (d = hf_diary_read(diary, &reader)))
		if (fits(ctx, d) && (!skip || !skip--))
			ret[kept++] = *d;
	return kept;
}

struct about {
	const uint8_t *name;
	size_t len;
	uint32_t hash;
	uint16_t type;
};

static bool is_about(const void *ctx, const struct hf_decision *d)
{
	const struct about *about = ctx;
	size_t kept = about->len < HF_DECISION_NAME ? about->len : HF_DECISION_NAME;
	return !about->len || (d->hash == about->hash && d->type == about->type &&
				      d->name_len == about->len &&
				      memcmp(d->name, about->name, kept) == 0);
}

size_t hf_diary_last(const struct hf_diary *diary, const uint8_t *name, size_t name_len,
	uint32_t hash, uint16_t type, struct hf_decision *ret, size_t most)
{
	const struct about about = {name, name_len, hash, type};
	return hf_diary_last_that(diary, is_about, &about, ret, most);
}
