/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/rebind.h"

#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "truth/meant.h"

struct hf_rebind {
	const struct hf_truth_conf *conf;
	const struct hf_name *allowed;
	size_t allowed_count;
};

struct search {
	const struct hf_rebind *rebind;
	struct hf_evidence *ret;
};

/* False, and the search ends, at the first that is private. */
static bool is_public(void *ctx, const struct hf_address *address)
{
	struct search *search = ctx;
	const struct hf_prefix_list *also = &search->rebind->conf->rebind_private;
	struct hf_address to = hf_address_meant(address);
	if (!hf_address_private(address) && !hf_prefix_find(also->items, also->count, &to))
		return true;
	*search->ret = (struct hf_evidence){.lie = HF_LIE_REBIND, .address = *address};
	return false;
}

bool hf_rebind_breaks(const struct hf_rebind *rebind, const uint8_t *m,
	const struct hf_message_view *view, struct hf_evidence *ret)
{
	struct search search = {rebind, ret};
	struct hf_record record;
	for (size_t at = view->question_end; at < view->end; at = record.end) {
		if (hf_record_read(m, view->end, at, &record))
			return false;
		if (at >= view->answer_end && at < view->authority_end)
			continue;
		if (!hf_record_addresses(m, &record, is_public, &search))
			return true;
	}
	return false;
}

/* ---- names ---- */

#define NAME(text)                                                                                 \
	{                                                                                          \
		sizeof(text), text                                                                 \
	} /* the literal's NUL is the root */

/* Zones that the public DNS does not have and never will, and those that so many use as if
 * that were so (RFC 6762 appendix G) that they will not be delegated either. */
static const struct hf_name special[] = {
	NAME("\5local"),
	NAME("\10internal"),
	NAME("\4home\4arpa"),
	NAME("\11localhost"),
	NAME("\4test"),
	NAME("\3lan"),
	NAME("\4home"),
	NAME("\4corp"),
	NAME("\7private"),
	NAME("\10intranet"),
};

static bool lies_in(const struct hf_name *name, const struct hf_name *zones, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (hf_name_within(name->bytes, name->len, zones[i].bytes, zones[i].len))
			return true;
	return false;
}

bool hf_rebind_guards(
	const struct hf_rebind *rebind, const struct hf_name *zone, const struct hf_name *name)
{
	return zone->len == 1 && hf_name_labels(name->bytes) > 1 &&
	       !lies_in(name, special, HF_COUNT_OF(special)) &&
	       !lies_in(name, rebind->allowed, rebind->allowed_count);
}

int hf_rebind_build(
	struct hf_arena *arena, const struct hf_truth_conf *conf, const struct hf_rebind **ret)
{
	const struct hf_text_list *texts = &conf->rebind_allow;
	*ret = NULL;
	if (conf->rebind == HF_REBIND_ALLOW)
		return 0;
	struct hf_rebind *rebind = hf_arena_get(arena, sizeof *rebind);
	struct hf_name *names = hf_arena_get(arena, texts->count * sizeof *names);
	if (!rebind || !names)
		return -ENOMEM;
	for (size_t i = 0; i < texts->count; i++) {
		int rc = hf_name_from_text(texts->items[i], strlen(texts->items[i]), &names[i]);
		if (rc)
			return rc;
	}
	*rebind = (struct hf_rebind){conf, names, texts->count};
	*ret = rebind;
	return 0;
}

bool hf_rebind_forbids(const struct hf_rebind *rebind, const struct hf_kept_question *question,
	const uint8_t *m, const struct hf_message_view *view)
{
	struct hf_evidence evidence;
	bool listed = question->expected && question->expected->conf->addresses.count;
	return rebind && !listed && question->zone &&
	       hf_rebind_guards(rebind, question->zone, question->name) &&
	       hf_rebind_breaks(rebind, m, view, &evidence);
}

uint64_t hf_rebind_print(const struct hf_rebind *rebind)
{
	static const struct hf_hash_key key = {3, 1};
	uint64_t print = 1;
	if (!rebind)
		return 0;
	for (size_t i = 0; i < rebind->allowed_count; i++)
		print = hf_hash(&key, print, rebind->allowed[i].bytes, rebind->allowed[i].len);
	for (size_t i = 0; i < rebind->conf->rebind_private.count; i++) {
		char text[HF_ADDRESS_TEXT_MAX];
		hf_prefix_text(&rebind->conf->rebind_private.items[i], text);
		print = hf_hash(&key, print, text, strlen(text));
	}
	return print;
}
