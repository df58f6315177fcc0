/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/ruled.h"

#include <stdio.h>
#include <string.h>

static bool covers(const struct hf_expectation *e, const struct hf_name *name)
{
	if (!e->below)
		return e->name.len == name->len &&
		       hf_name_equal(e->name.bytes, name->bytes, name->len);
	return name->len > e->name.len &&
	       hf_name_within(name->bytes, name->len, e->name.bytes, e->name.len);
}

/* The name itself before all below another, the longer before the shorter. */
static const struct hf_expectation *find(
	const struct hf_scenario *scenario, const struct hf_name *name)
{
	const struct hf_expectation *best = NULL;
	for (size_t i = 0; i < scenario->truth.expectation_count; i++) {
		const struct hf_expectation *e = &scenario->expectations[i];
		if (!covers(e, name))
			continue;
		if (!best || !e->below || (best->below && e->name.len > best->name.len))
			best = e;
	}
	return best;
}

static bool is_in(const struct hf_prefix_list *list, const struct hf_address *address)
{
	for (size_t i = 0; i < list->count; i++)
		if (hf_prefix_has(&list->items[i], address))
			return true;
	return false;
}

bool hf_ruled_out(const struct hf_scenario *scenario, const struct hf_question *question,
	const uint8_t *m, const struct hf_message_view *view, char *why, size_t why_size)
{
	const struct hf_expectation *e = find(scenario, &question->name);
	struct hf_record record;
	size_t at = view->question_end;
	for (unsigned i = 0; e && i < view->answers; i++, at = record.end) {
		struct hf_address address = {.family = 4};
		char text[HF_ADDRESS_TEXT_MAX];
		if (hf_record_read(m, view->end, at, &record))
			return false;
		if (record.type != HF_TYPE_A && record.type != HF_TYPE_AAAA)
			continue;
		address.family = record.type == HF_TYPE_A ? 4 : 6;
		memcpy(address.bytes, m + record.rdata_at, record.type == HF_TYPE_A ? 4 : 16);
		if (!is_in(&e->never, &address) &&
			(!e->addresses.count || is_in(&e->addresses, &address)))
			continue;
		snprintf(why, why_size, "%s", hf_address_text(&address, text));
		return true;
	}
	return false;
}
