/* SPDX-License-Identifier: MIT */
#include "wire/aliases.h"

/* A pointer to the question's name. */
#define TO_QUESTION (0xc000u + HF_HEADER_LEN)

static size_t answer_at(const struct hf_kept *kept)
{
	size_t at = HF_HEADER_LEN;
	if (kept->len < HF_HEADER_LEN || !hf_get_u16(kept->wire + 4))
		return at;
	return hf_name_skip(kept->wire, kept->len, at, &at) ? kept->len : at + 4;
}

static bool read_name(const struct hf_kept *kept, size_t at, struct hf_name *ret)
{
	size_t next;
	if (hf_name_read(kept->wire, kept->len, at, ret, &next))
		return false;
	hf_name_lower(ret->bytes, ret->len);
	return true;
}

static bool same(const struct hf_name *a, const struct hf_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool is_alias(const struct hf_record *record)
{
	return (record->type == HF_TYPE_CNAME || record->type == HF_TYPE_DNAME) &&
	       record->rdata_len;
}

bool hf_aliases_lead(const struct hf_kept *kept, hf_alias_to *to, void *ctx)
{
	struct hf_record record;
	struct hf_name name;
	size_t seen = 0; /* where the target stands that was asked about last */
	for (size_t at = answer_at(kept); at < kept->answer_end; at = record.end) {
		if (hf_record_read(kept->wire, kept->len, at, &record))
			return false;
		uint16_t first = hf_get_u16(kept->wire + at);
		bool known = first == TO_QUESTION || (seen && first == (0xc000u | seen));
		/* DNAME records stand above the name that was asked about. */
		if (!known && record.type != HF_TYPE_DNAME && read_name(kept, at, &name) &&
			to(ctx, &name))
			return true;
		if (!is_alias(&record))
			continue;
		if (read_name(kept, record.rdata_at, &name) && to(ctx, &name))
			return true;
		seen = record.type == HF_TYPE_CNAME ? record.rdata_at : 0;
	}
	return false;
}

static bool any(void *ctx, const struct hf_name *name)
{
	(void)ctx;
	(void)name;
	return true;
}

bool hf_aliases_any(const struct hf_kept *kept)
{
	return hf_aliases_lead(kept, any, NULL);
}

/* ---- following ---- */

static bool below(const struct hf_name *name, const struct hf_name *above)
{
	return name->len > above->len &&
	       hf_name_within(name->bytes, name->len, above->bytes, above->len);
}

/* RFC 6672 2.2: what is below the owner, put before the target. */
static bool substitute(const struct hf_name *from, const struct hf_name *owner,
	const struct hf_name *target, struct hf_name *ret)
{
	size_t before = (size_t)from->len - owner->len;
	if (before + target->len > HF_NAME_MAX)
		return false;
	memcpy(ret->bytes, from->bytes, before);
	memcpy(ret->bytes + before, target->bytes, target->len);
	ret->len = (uint8_t)(before + target->len);
	return true;
}

static bool leads(const struct hf_kept *kept, const struct hf_record *record,
	const struct hf_name *from, struct hf_name *ret)
{
	struct hf_name owner, target;
	if (!is_alias(record) || !read_name(kept, record->at, &owner) ||
		!read_name(kept, record->rdata_at, &target))
		return false;
	if (record->type == HF_TYPE_DNAME)
		return below(from, &owner) && substitute(from, &owner, &target, ret);
	*ret = target;
	return same(from, &owner);
}

/* Where the answer says that a name leads to. */
static bool step(const struct hf_kept *kept, const struct hf_name *from, struct hf_name *ret)
{
	struct hf_record record;
	for (size_t at = answer_at(kept); at < kept->answer_end; at = record.end) {
		if (hf_record_read(kept->wire, kept->len, at, &record))
			return false;
		if (leads(kept, &record, from, ret))
			return true;
	}
	return false;
}

static bool among(const struct hf_alias_path *path, const struct hf_name *name)
{
	for (unsigned i = 0; i < path->count; i++)
		if (same(&path->names[i], name))
			return true;
	return false;
}

void hf_aliases_follow(
	const struct hf_kept *kept, hf_alias_to *to, void *ctx, struct hf_alias_path *ret)
{
	ret->count = 0;
	ret->stopped = false;
	if (!read_name(kept, HF_HEADER_LEN, &ret->stop))
		return;
	while (ret->count <= HF_ALIASES_MAX && !among(ret, &ret->stop)) {
		ret->stopped = to(ctx, &ret->stop);
		if (ret->stopped)
			return;
		const struct hf_name *from = &ret->names[ret->count];
		ret->names[ret->count++] = ret->stop;
		if (!step(kept, from, &ret->stop))
			return;
	}
}

bool hf_alias_path_has(const struct hf_alias_path *path, const struct hf_name *owner, uint16_t type)
{
	if (type == HF_TYPE_DNAME)
		for (unsigned i = 0; i < path->count; i++)
			if (below(&path->names[i], owner))
				return true;
	return among(path, owner);
}
