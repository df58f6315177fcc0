/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a message from a server that is looked at: each record's set is taken out
 * of it, held against itself, written in words, and, as DS and DNSKEY, against each other. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "providers/ds.h"
#include "providers/sets.h"

static void walk(const struct hf_name *owner, const struct hf_set *set)
{
	const uint8_t *data;
	struct hf_address address;
	struct hf_name name;
	size_t at = 0, n = 0;
	uint16_t len;
	while (hf_set_next(set, &at, &data, &len)) {
		hf_require(data >= set->rdata && data + len <= set->rdata + set->octets);
		if (hf_rdata_name(data, len, &name))
			hf_require(name.len <= len);
		hf_rdata_address(set->type, data, len, &address);
		hf_ds_matches(owner, data, len, data, len);
		n++;
	}
	hf_require(n == set->count && at == set->octets);
}

static void take(const uint8_t *m, const struct hf_message_view *view, enum hf_set_place place,
	const struct hf_name *owner, uint16_t type)
{
	char text[HF_SET_TEXT_MAX];
	struct hf_set set, copy;
	int rc = hf_set_of_message(m, view, place, owner, type, &set);
	if (rc) {
		hf_require(rc == HF_EMALFORMED || rc == -ENOMEM);
		return;
	}
	walk(owner, &set);
	hf_require(strlen(hf_set_text(&set, text)) < HF_SET_TEXT_MAX);
	hf_require(!hf_set_copy(&set, &copy) && hf_set_same(&set, &copy));
	const struct hf_zone_set as_zone = {.owner = owner->bytes,
		.type = type,
		.count = set.count,
		.ttl = set.ttl,
		.rdata = set.rdata,
		.rdata_octets = set.octets};
	hf_set_clear(&copy);
	hf_require(!hf_set_of_zone(&as_zone, &copy) && hf_set_same(&set, &copy));
	hf_set_clear(&copy);
	hf_set_clear(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct hf_message_view view;
	struct hf_record record;
	unsigned most = 16;
	if (len > HF_MESSAGE_MAX || hf_message_read(bytes, len, &view))
		return 0;
	for (size_t at = view.question_end; at < view.end && most--; at = record.end) {
		struct hf_name owner;
		size_t next;
		hf_require(!hf_record_read(bytes, view.end, at, &record));
		if (hf_name_read(bytes, view.end, record.at, &owner, &next))
			continue;
		hf_name_lower(owner.bytes, owner.len);
		take(bytes, &view, HF_SET_ANSWER, &owner, record.type);
		take(bytes, &view, HF_SET_AUTHORITY, &owner, record.type);
		take(bytes, &view, HF_SET_ADDITIONAL, &owner, record.type);
	}
	return 0;
}
