/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/canary.h"

#include <string.h>

struct hf_name hf_canary_name(const struct hf_name *zone, const uint8_t dice[static HF_CANARY_DICE])
{
	struct hf_name name = *zone;
	/* Names of one length would be easy to treat well. 26^9 is enough for chance. */
	const unsigned letters = 9 + dice[0] % (HF_CANARY_DICE - 9);
	if (zone->len + letters + 1 > HF_NAME_MAX)
		return name;
	name.bytes[0] = (uint8_t)letters;
	for (unsigned i = 0; i < letters; i++)
		name.bytes[1 + i] = (uint8_t)('a' + dice[1 + i] % 26);
	memcpy(name.bytes + 1 + letters, zone->bytes, zone->len);
	name.len = (uint8_t)(zone->len + letters + 1);
	return name;
}

static bool denies(const struct hf_testimony *t)
{
	return t && t->denial && !t->count;
}

void hf_canary_judge(
	const struct hf_testimony *const *said, size_t count, bool own_zone, enum hf_canary ret[])
{
	bool denied = false;
	for (size_t i = 0; i < count; i++)
		denied |= denies(said[i]);
	for (size_t i = 0; i < count; i++) {
		const struct hf_testimony *t = said[i];
		if (!t)
			ret[i] = HF_CANARY_NOTHING;
		else if (denies(t))
			ret[i] = HF_CANARY_TRUE;
		else if (!denied)
			ret[i] = HF_CANARY_ALONE;
		else
			ret[i] = own_zone && t->authoritative ? HF_CANARY_NOTHING : HF_CANARY_FALSE;
	}
}
