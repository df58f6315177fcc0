/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/beside.h"

struct search {
	const struct hf_expected *expected;
	struct hf_evidence *evidence;
};

/* False, and the search ends, at the first that is not expected. */
static bool is_good(void *ctx, const struct hf_address *address)
{
	struct search *search = ctx;
	return hf_judge_address(search->expected, address, search->evidence);
}

static bool is_own(const struct hf_question *question, const struct hf_name *owner)
{
	return owner->len == question->name.len &&
	       hf_name_equal(owner->bytes, question->name.bytes, owner->len);
}

bool hf_beside_breaks(const struct hf_expect_table *table, const struct hf_question *question,
	const uint8_t *m, const struct hf_message_view *view, struct hf_beside *ret)
{
	struct hf_evidence evidence;
	struct hf_record record;
	struct hf_name owner;
	size_t next;
	if (!hf_expect_count(table))
		return false;
	for (size_t at = view->question_end; at < view->end; at = record.end) {
		bool answer = at < view->answer_end;
		if (hf_record_read(m, view->end, at, &record))
			return false;
		if ((!answer && at < view->authority_end) || !hf_record_has_addresses(&record) ||
			hf_name_read(m, view->end, at, &owner, &next))
			continue;
		if (answer && is_own(question, &owner))
			continue;
		hf_name_lower(owner.bytes, owner.len);
		struct search search = {hf_expect_find(table, &owner), &evidence};
		if (!search.expected || hf_record_addresses(m, &record, is_good, &search))
			continue;
		*ret = (struct hf_beside){answer, evidence};
		return true;
	}
	return false;
}
