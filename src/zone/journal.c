/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/journal.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "truth/serials.h"

struct hf_journal {
	atomic_uint refs;
	size_t count;
	struct hf_difference *differences[]; /* oldest first, one leading to the next */
};

struct hf_journal *hf_journal_ref(struct hf_journal *journal)
{
	atomic_fetch_add_explicit(&journal->refs, 1, memory_order_relaxed);
	return journal;
}

void hf_journal_unref(struct hf_journal *journal)
{
	if (!journal || atomic_fetch_sub_explicit(&journal->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < journal->count; i++)
		hf_difference_unref(journal->differences[i]);
	free(journal);
}

size_t hf_journal_count(const struct hf_journal *journal)
{
	return journal ? journal->count : 0;
}

struct hf_difference *hf_journal_at(const struct hf_journal *journal, size_t i)
{
	return journal->differences[i];
}

uint64_t hf_journal_octets(const struct hf_journal *journal, size_t i)
{
	uint64_t octets = 0;
	for (; i < hf_journal_count(journal); i++)
		octets += hf_difference_octets(journal->differences[i]);
	return octets;
}

size_t hf_journal_find(const struct hf_journal *journal, uint32_t from, uint32_t to)
{
	size_t count = hf_journal_count(journal);
	if (!count || hf_difference_to(journal->differences[count - 1]) != to)
		return HF_JOURNAL_NONE;
	for (size_t i = 0; i < count; i++)
		if (hf_difference_from(journal->differences[i]) == from)
			return i;
	return HF_JOURNAL_NONE;
}

/* The first difference of `before` that may stay, with a new one of so many octets behind. */
static size_t first_to_keep(
	const struct hf_journal *before, size_t octets, const struct hf_journal_limits *limits)
{
	size_t count = hf_journal_count(before), first = count;
	uint64_t sum = octets;
	while (first > 0 && count - first + 2 <= limits->versions) {
		sum += hf_difference_octets(before->differences[first - 1]);
		if (sum > limits->octets)
			break;
		first--;
	}
	return first;
}

struct hf_journal *hf_journal_add(const struct hf_journal *before, const struct hf_zone *from,
	const struct hf_zone *to, const struct hf_journal_limits *limits)
{
	struct hf_difference *step;
	uint32_t old = hf_zone_soa(from)->serial;
	if (!limits->versions || !hf_serial_older(old, hf_zone_soa(to)->serial) ||
		hf_difference_new(from, to, limits->octets, &step))
		return NULL;
	if (hf_journal_count(before) &&
		hf_difference_to(before->differences[before->count - 1]) != old)
		before = NULL; /* it leads elsewhere */
	size_t first = first_to_keep(before, hf_difference_octets(step), limits);
	size_t kept = hf_journal_count(before) - first;
	struct hf_journal *journal = malloc(sizeof *journal + (kept + 1) * sizeof(void *));
	if (!journal) {
		hf_difference_unref(step);
		return NULL;
	}
	atomic_init(&journal->refs, 1);
	journal->count = kept + 1;
	for (size_t i = 0; i < kept; i++)
		journal->differences[i] = hf_difference_ref(before->differences[first + i]);
	journal->differences[kept] = step;
	return journal;
}
