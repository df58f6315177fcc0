/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/remarks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define LABELS_MAX (HF_NAME_MAX / 2 + 1)

int hf_remarks_new(uint64_t places, struct hf_remarks **ret)
{
	unsigned shift = 64;
	uint64_t count = 1;
	while (count < HF_REMARK_PLACES_MIN || (count < HF_REMARK_PLACES_MAX && count < places)) {
		count *= 2;
		shift--;
	}
	struct hf_remarks *remarks = calloc(1, sizeof *remarks + count * sizeof remarks->ends[0]);
	if (!remarks)
		return -ENOMEM;
	remarks->shift = shift;
	*ret = remarks;
	return 0;
}

void hf_remarks_free(struct hf_remarks *remarks)
{
	free(remarks);
}

static uint64_t stir(uint64_t hash, uint64_t word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 29;
}

/* Less than eight octets as one word. As the first of them is the length, it does not matter
 * that some are in it twice. */
static inline uint64_t few(const uint8_t *octets, size_t len)
{
	uint32_t low, high;
	if (len < 4)
		return (uint64_t)octets[0] << 16 | (uint64_t)octets[len / 2] << 8 | octets[len - 1];
	memcpy(&low, octets, 4);
	memcpy(&high, octets + len - 4, 4);
	return (uint64_t)high << 32 | low;
}

/* From the root downwards, a label more each time: so one pass gives the places of all
 * names above a name. Eight octets at a time, length and label, the last ones twice. */
static uint64_t below(uint64_t hash, const uint8_t *label)
{
	size_t len = 1 + (size_t)label[0];
	uint64_t word;
	if (len < 8)
		return stir(hash, few(label, len));
	for (size_t at = 0; at < len - 8; at += 8) {
		memcpy(&word, label + at, 8);
		hash = stir(hash, word);
	}
	memcpy(&word, label + len - 8, 8);
	return stir(hash, word);
}

/* The upper bits of a hash. */
static unsigned place(const struct hf_remarks *remarks, uint64_t hash)
{
	return (unsigned)(hash * 0x9e3779b97f4a7c15u >> remarks->shift);
}

/* The labels but for the root's, first to last. */
static unsigned split(const struct hf_name *name, const uint8_t *labels[static LABELS_MAX])
{
	unsigned n = 0;
	for (const uint8_t *label = name->bytes; *label && n < LABELS_MAX; label += 1 + *label)
		labels[n++] = label;
	return n;
}

static uint32_t seconds_up(hf_us at)
{
	if (at <= 0)
		return 0;
	return at / HF_SECOND < UINT32_MAX ? (uint32_t)(at / HF_SECOND) + 1 : UINT32_MAX;
}

static void note(_Atomic uint32_t *at, uint32_t until)
{
	uint32_t old = atomic_load_explicit(at, memory_order_relaxed);
	while (old < until && !atomic_compare_exchange_weak_explicit(at, &old, until,
				      memory_order_relaxed, memory_order_relaxed))
		;
}

static bool lasts(const struct hf_remarks *remarks, uint64_t hash, hf_us since)
{
	uint32_t end =
		atomic_load_explicit(&remarks->ends[place(remarks, hash)], memory_order_relaxed);
	return end && (hf_us)end * HF_SECOND > since;
}

void hf_remarks_note(
	struct hf_remarks *remarks, const struct hf_name *name, uint64_t hash, hf_us end)
{
	const uint8_t *labels[LABELS_MAX];
	uint64_t open = 0;
	for (unsigned n = split(name, labels); n; n--)
		open = below(open, labels[n - 1]);
	note(&remarks->ends[place(remarks, open)], seconds_up(end));
	note(&remarks->ends[place(remarks, hash)], seconds_up(end));
}

bool hf_remarks_itself(const struct hf_remarks *remarks, uint64_t hash, hf_us since)
{
	return lasts(remarks, hash, since);
}

bool hf_remarks_above(const struct hf_remarks *remarks, const struct hf_name *name, hf_us since)
{
	const uint8_t *labels[LABELS_MAX];
	uint64_t hash = 0;
	for (unsigned n = split(name, labels); n > 1; n--) {
		hash = below(hash, labels[n - 1]);
		if (lasts(remarks, hash, since))
			return true;
	}
	return false;
}
