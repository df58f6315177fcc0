/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/remarks.h"

#define LABELS_MAX (HF_NAME_MAX / 2 + 1)
#define PLACE_BITS 16

_Static_assert(HF_REMARK_PLACES == 1 << PLACE_BITS, "a place is the upper bits of a hash");

/* From the root downwards, a label more each time: so one pass gives the places of a
 * name and of all above it. The octets' hash is FNV-1a; the multiplication by the golden
 * ratio brings all of it into the upper bits. */
static uint64_t below(uint64_t hash, const uint8_t *label)
{
	for (unsigned i = 0; i <= label[0]; i++)
		hash = (hash ^ label[i]) * 0x100000001b3u;
	return hash;
}

static unsigned place(uint64_t hash)
{
	return (unsigned)(hash * 0x9e3779b97f4a7c15u >> (64 - PLACE_BITS));
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

void hf_remarks_note(struct hf_remarks *remarks, const struct hf_name *name, hf_us end)
{
	const uint8_t *labels[LABELS_MAX];
	uint64_t hash = 0;
	for (unsigned n = split(name, labels); n; n--)
		hash = below(hash, labels[n - 1]);
	_Atomic uint32_t *at = &remarks->ends[place(hash)];
	uint32_t until = seconds_up(end), old = atomic_load_explicit(at, memory_order_relaxed);
	while (old < until && !atomic_compare_exchange_weak_explicit(at, &old, until,
				      memory_order_relaxed, memory_order_relaxed))
		;
}

struct hf_remarked hf_remarks_look(
	const struct hf_remarks *remarks, const struct hf_name *name, hf_us since)
{
	const uint8_t *labels[LABELS_MAX];
	struct hf_remarked found = {0};
	hf_us from = since > 0 ? since / HF_SECOND : 0;
	uint64_t hash = 0;
	unsigned n = split(name, labels);
	bool known = !n && atomic_load_explicit(&remarks->ends[place(0)], memory_order_relaxed) > from;
	while (n--) {
		found.above |= known;
		hash = below(hash, labels[n]);
		known = atomic_load_explicit(&remarks->ends[place(hash)], memory_order_relaxed) >
			from;
	}
	found.itself = known;
	return found;
}
