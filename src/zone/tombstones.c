/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/tombstones.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct hf_tombstones {
	size_t count;
	struct hf_prefix prefixes[]; /* in order, none within another */
};

static int compare_addresses(const struct hf_address *a, const struct hf_address *b)
{
	int rc = a->family - b->family;
	return rc ? rc : memcmp(a->bytes, b->bytes, sizeof a->bytes);
}

/* Of prefixes with the same first address the larger one comes first. */
static int compare(const void *a, const void *b)
{
	const struct hf_prefix *p = a, *q = b;
	int rc = compare_addresses(&p->address, &q->address);
	return rc ? rc : p->bits - q->bits;
}

int hf_tombstones_new(const struct hf_prefix *prefixes, size_t count, struct hf_tombstones **ret)
{
	if (count > HF_TOMBSTONES_MAX)
		return HF_EBOUND;
	struct hf_tombstones *t = calloc(1, sizeof *t + count * sizeof *prefixes);
	if (!t)
		return -ENOMEM;
	if (count)
		memcpy(t->prefixes, prefixes, count * sizeof *prefixes);
	qsort(t->prefixes, count, sizeof *prefixes, compare);
	for (size_t i = 0; i < count; i++) {
		const struct hf_prefix *last = t->count ? &t->prefixes[t->count - 1] : NULL;
		if (!last || !hf_prefix_has(last, &t->prefixes[i].address))
			t->prefixes[t->count++] = t->prefixes[i];
	}
	*ret = t;
	return 0;
}

void hf_tombstones_free(struct hf_tombstones *tombstones)
{
	free(tombstones);
}

const struct hf_prefix *hf_tombstones_find(
	const struct hf_tombstones *tombstones, const struct hf_address *address)
{
	size_t low = 0, high = tombstones->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_addresses(&tombstones->prefixes[middle].address, address) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	const struct hf_prefix *prefix = low ? &tombstones->prefixes[low - 1] : NULL;
	return prefix && hf_prefix_has(prefix, address) ? prefix : NULL;
}
