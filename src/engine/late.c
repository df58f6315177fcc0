/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/late.h"

#include <string.h>

static unsigned count_of(const struct hf_late *late)
{
	return atomic_load_explicit(&late->count, memory_order_relaxed);
}

static int find(const struct hf_late *late, const struct hf_name *zone, unsigned slot)
{
	for (unsigned i = 0; i < count_of(late); i++)
		if (late->of[i].slot == slot && late->of[i].zone.len == zone->len &&
			memcmp(late->of[i].zone.bytes, zone->bytes, zone->len) == 0)
			return (int)i;
	return -1;
}

bool hf_late_is(
	const struct hf_late *late, const struct hf_name *zone, unsigned slot, uint64_t begun)
{
	int at = find(late, zone, slot);
	return at >= 0 && late->of[at].begun == begun;
}

bool hf_late_add(struct hf_late *late, const struct hf_late_zone *zone)
{
	unsigned count = count_of(late);
	int at = find(late, &zone->zone, zone->slot);
	if (at < 0 && count == HF_LATE_MAX)
		return false;
	late->of[at < 0 ? (int)count : at] = *zone;
	if (at < 0)
		atomic_store_explicit(&late->count, count + 1, memory_order_relaxed);
	return true;
}

bool hf_late_remove(
	struct hf_late *late, const struct hf_name *zone, unsigned slot, hf_us *ret_since)
{
	int at = find(late, zone, slot);
	if (at < 0)
		return false;
	unsigned last = count_of(late) - 1;
	*ret_since = late->of[at].since;
	late->of[at] = late->of[last];
	atomic_store_explicit(&late->count, last, memory_order_relaxed);
	return true;
}
