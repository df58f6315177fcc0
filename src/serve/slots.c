/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/slots.h"

#include "base/check.h"
#include "base/error.h"
#include "meter/meter.h"

_Static_assert(HF_UPSTREAMS_MAX <= HF_SLOTS_MAX, "every upstream needs a slot");

struct slot {
	char name[64]; /* upstream names have at most 63 characters; "": never used */
	struct hf_address address;
	bool used;     /* by the newest configuration */
};

struct hf_slots {
	struct slot slots[HF_SLOTS_MAX];
};

int hf_slots_new(struct hf_slots **ret)
{
	*ret = calloc(1, sizeof **ret);
	return *ret ? 0 : -ENOMEM;
}

void hf_slots_free(struct hf_slots *slots)
{
	free(slots);
}

static int find(const struct hf_slots *slots, const char *name)
{
	for (int i = 0; i < HF_SLOTS_MAX; i++)
		if (strcmp(slots->slots[i].name, name) == 0)
			return i;
	return -1;
}

static int find_free(const struct hf_slots *slots)
{
	int abandoned = -1;
	for (int i = 0; i < HF_SLOTS_MAX; i++) {
		if (!slots->slots[i].name[0])
			return i;
		if (!slots->slots[i].used && abandoned < 0)
			abandoned = i;
	}
	return abandoned;
}

void hf_slots_assign(struct hf_slots *slots, const struct hf_forward_conf *conf, uint16_t *ret_slots,
	bool *ret_fresh)
{
	int found[HF_UPSTREAMS_MAX];
	for (size_t i = 0; i < HF_SLOTS_MAX; i++)
		slots->slots[i].used = false;
	/* Old names first, so that no new one takes the place of one that stays. */
	for (size_t i = 0; i < conf->upstream_count; i++) {
		found[i] = find(slots, conf->upstreams[i].name);
		if (found[i] >= 0)
			slots->slots[found[i]].used = true;
	}
	for (size_t i = 0; i < conf->upstream_count; i++) {
		const struct hf_upstream_conf *upstream = &conf->upstreams[i];
		int at = found[i] >= 0 ? found[i] : find_free(slots);
		hf_require(at >= 0);
		struct slot *slot = &slots->slots[at];
		ret_slots[i] = (uint16_t)at;
		ret_fresh[i] = found[i] < 0 || !hf_address_equal(&slot->address, &upstream->address);
		snprintf(slot->name, sizeof slot->name, "%s", upstream->name);
		slot->address = upstream->address;
		slot->used = true;
	}
}

const char *hf_slots_name(const struct hf_slots *slots, unsigned slot)
{
	return slot < HF_SLOTS_MAX && slots->slots[slot].used ? slots->slots[slot].name : NULL;
}
