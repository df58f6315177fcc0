/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ttl.h"

#include "base/buffer.h"

static bool answers_type(const uint8_t *m, const struct hf_message_view *view, uint16_t type)
{
	size_t at = view->question_end;
	for (unsigned i = 0; i < view->answers; i++) {
		const struct hf_record record = hf_record_again(m, at);
		if (record.type == type || type == HF_TYPE_ANY)
			return true;
		at = record.end;
	}
	return false;
}

enum hf_answer_kind hf_answer_kind(
	const uint8_t *m, const struct hf_message_view *view, uint16_t type)
{
	if (view->rcode == HF_RCODE_NXDOMAIN)
		return HF_ANSWER_NXDOMAIN;
	return answers_type(m, view, type) ? HF_ANSWER_POSITIVE : HF_ANSWER_NODATA;
}

uint32_t hf_ttl_of(enum hf_answer_kind kind, const struct hf_message_view *view, uint32_t smallest,
	const struct hf_cache_conf *conf)
{
	uint32_t ttl = smallest;
	if (kind != HF_ANSWER_POSITIVE) {
		uint32_t bound = (uint32_t)(conf->negative_max / HF_SECOND);
		/* An alias alone, without a SOA, still carries its own TTL: what it
		 * points to was not answered, so it is kept no longer than a denial. */
		if (!view->has_soa)
			return 0;
		ttl = view->soa_negative < ttl ? view->soa_negative : ttl;
		ttl = bound < ttl ? bound : ttl;
	}
	return ttl == UINT32_MAX ? 0 : ttl;
}

void hf_ttl_of_denial(struct hf_kept *kept)
{
	for (unsigned i = 0; i < kept->ttl_count; i++) {
		uint8_t *field = kept->wire + kept->ttl_at[i];
		if (kept->ttl_at[i] >= kept->answer_end && kept->ttl_at[i] < kept->authority_end &&
			hf_get_u32(field) > kept->ttl)
			hf_put_u32(field, kept->ttl);
	}
}

void hf_ttl_bound(struct hf_kept *kept, const uint8_t *m, const struct hf_message_view *view,
	uint16_t type, const struct hf_cache_conf *conf)
{
	enum hf_answer_kind kind = hf_answer_kind(m, view, type);
	kept->ttl = hf_ttl_of(kind, view, kept->ttl, conf);
	if (kind != HF_ANSWER_POSITIVE && view->has_soa)
		hf_ttl_of_denial(kept);
}
