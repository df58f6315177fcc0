/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/memory.h"

#include "cache/written.h"

enum kind {
	UPSTREAM = 1,
	PATH = 2,
};

#define HEADER 3

static bool put_key(struct hf_writer *w, const struct hf_learnt *learnt, size_t name_len)
{
	hf_write_u8(w, (uint8_t)name_len);
	hf_write(w, learnt->name, name_len);
	hf_written_address_put(w, learnt->address);
	if (learnt->zone) {
		hf_write_u8(w, learnt->zone->len);
		hf_write(w, learnt->zone->bytes, learnt->zone->len);
	}
	return !w->overrun;
}

bool hf_keep_memory_put(struct hf_writer *w, const struct hf_learnt *learnt)
{
	size_t begin = w->len, name_len = strlen(learnt->name);
	if (w->cap - w->len < HF_KEEP_MEMORY_MAX || name_len > HF_KEEP_UPSTREAM_NAME_MAX)
		return false;
	hf_write_u8(w, learnt->zone ? PATH : UPSTREAM);
	hf_write_u16(w, 0);
	put_key(w, learnt, name_len);
	if (learnt->zone)
		hf_path_memory_put(w, &learnt->memory.path);
	else
		hf_upstream_memory_put(w, &learnt->memory.upstream);
	hf_put_u16(w->bytes + begin + 1, (uint16_t)(w->len - begin - HEADER));
	return true;
}

static bool get_octets(struct hf_reader *r, void *to, size_t n)
{
	const uint8_t *from = r->bytes + r->at;
	if (!hf_read_skip(r, n))
		return false;
	memcpy(to, from, n);
	return true;
}

static bool get_name(struct hf_reader *r, struct hf_keep_memory *ret)
{
	uint8_t len = 0;
	if (!hf_read_u8(r, &len) || !len || len > HF_KEEP_UPSTREAM_NAME_MAX ||
		!get_octets(r, ret->name, len))
		return false;
	return strlen(ret->name) == len;
}

static bool get_zone(struct hf_reader *r, struct hf_name *ret)
{
	if (!hf_read_u8(r, &ret->len) || !get_octets(r, ret->bytes, ret->len) || !ret->len ||
		hf_name_wire_len(ret->bytes, ret->len) != ret->len)
		return false;
	hf_name_lower(ret->bytes, ret->len);
	return true;
}

static bool get_record(struct hf_reader *r, uint8_t kind, struct hf_keep_memory *ret)
{
	*ret = (struct hf_keep_memory){.learnt = {.name = ret->name, .address = &ret->address}};
	if (!get_name(r, ret) || !hf_written_address_get(r, &ret->address))
		return false;
	if (kind == UPSTREAM)
		return hf_upstream_memory_get(r, &ret->learnt.memory.upstream);
	ret->learnt.zone = &ret->zone;
	return get_zone(r, &ret->zone) && hf_path_memory_get(r, &ret->learnt.memory.path);
}

enum hf_keep_memory_step hf_keep_memory_get(struct hf_reader *r, struct hf_keep_memory *ret)
{
	uint8_t kind = 0;
	uint16_t len = 0;
	if (!hf_read_u8(r, &kind) || !hf_read_u16(r, &len))
		return HF_KEEP_MEMORY_END;
	struct hf_reader record = hf_reader(r->bytes + r->at, len);
	if (!hf_read_skip(r, len))
		return HF_KEEP_MEMORY_END;
	if (kind != UPSTREAM && kind != PATH)
		return HF_KEEP_MEMORY_PASSED;
	return get_record(&record, kind, ret) ? HF_KEEP_MEMORY_RECORD : HF_KEEP_MEMORY_BAD;
}
