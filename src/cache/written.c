/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/written.h"

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "cache/cache.h"
#include "cache/ttl.h"

static const uint8_t file_magic[16] = "holdfast answers";
static const uint8_t block_magic[4] = "HFBL";

/* Public and for ever the same: this is a checksum. */
static const struct hf_hash_key check_key = { 0x686f6c6466617374u, 0x616e7377657273u };

#define FILE_CHECK_AT (HF_WRITTEN_FILE_HEADER - 8)
#define HEAD_CHECK_AT (HF_WRITTEN_BLOCK_HEADER - 8)
#define BODY_CHECK_AT (HF_WRITTEN_BLOCK_HEADER - 16)
#define ANSWER_HEADER 18
#define ADDRESS_OCTETS 23
#define KEY_FLAGS (HF_CACHE_DO | HF_CACHE_CD | HF_CACHE_NAME)

static void put_u64(uint8_t *p, uint64_t v)
{
	hf_put_u32(p, (uint32_t)(v >> 32));
	hf_put_u32(p + 4, (uint32_t)v);
}

static uint64_t get_u64(const uint8_t *p)
{
	return (uint64_t)hf_get_u32(p) << 32 | hf_get_u32(p + 4);
}

/* ---- files ---- */

void hf_written_file_put(const struct hf_written_file *file,
	uint8_t out[static HF_WRITTEN_FILE_HEADER])
{
	memset(out, 0, HF_WRITTEN_FILE_HEADER);
	memcpy(out, file_magic, sizeof file_magic);
	hf_put_u32(out + 16, file->version);
	hf_put_u32(out + 20, file->generation);
	put_u64(out + 24, file->session);
	put_u64(out + FILE_CHECK_AT, hf_hash(&check_key, 0, out, FILE_CHECK_AT));
}

int hf_written_file_get(const uint8_t *bytes, size_t len, struct hf_written_file *ret)
{
	if (len < HF_WRITTEN_FILE_HEADER || memcmp(bytes, file_magic, sizeof file_magic) != 0 ||
		get_u64(bytes + FILE_CHECK_AT) != hf_hash(&check_key, 0, bytes, FILE_CHECK_AT))
		return HF_EMALFORMED;
	*ret = (struct hf_written_file){ hf_get_u32(bytes + 16), hf_get_u32(bytes + 20),
		get_u64(bytes + 24) };
	return 0;
}

/* ---- blocks ---- */

static size_t whole_octets(uint32_t content)
{
	size_t octets = HF_WRITTEN_BLOCK_HEADER + (size_t)content;
	return (octets + HF_WRITTEN_ALIGN - 1) / HF_WRITTEN_ALIGN * HF_WRITTEN_ALIGN;
}

size_t hf_written_seal(uint8_t *block, const struct hf_written_block *b, uint64_t place)
{
	const uint8_t *content = block + HF_WRITTEN_BLOCK_HEADER;
	size_t octets = whole_octets(b->len);
	memcpy(block, block_magic, sizeof block_magic);
	hf_put_u16(block + 4, HF_WRITTEN_VERSION);
	hf_put_u16(block + 6, b->kind);
	hf_put_u32(block + 8, b->len);
	hf_put_u32(block + 12, b->count);
	put_u64(block + 16, b->session);
	put_u64(block + 24, b->clocks.boot);
	put_u64(block + 32, (uint64_t)b->clocks.monotonic);
	put_u64(block + 40, (uint64_t)b->clocks.boottime);
	put_u64(block + 48, (uint64_t)b->clocks.wall);
	put_u64(block + 56, b->routes);
	put_u64(block + BODY_CHECK_AT, hf_hash(&check_key, place, content, b->len));
	put_u64(block + HEAD_CHECK_AT, hf_hash(&check_key, place, block, HEAD_CHECK_AT));
	memset(block + HF_WRITTEN_BLOCK_HEADER + b->len, 0,
		octets - HF_WRITTEN_BLOCK_HEADER - b->len);
	return octets;
}

/* An instant that no clock shows would overflow where it is reckoned with. */
static bool sane(hf_us instant)
{
	return instant > -(INT64_MAX / 8) && instant < INT64_MAX / 8;
}

static bool read_head(const struct hf_written_window *w, struct hf_written_block *ret)
{
	uint8_t *p = w->bytes + w->at;
	uint64_t place = w->place + w->at;
	if (memcmp(p, block_magic, sizeof block_magic) != 0 ||
		hf_get_u16(p + 4) != HF_WRITTEN_VERSION ||
		hf_get_u32(p + 8) > HF_WRITTEN_CONTENT_MAX || get_u64(p + 16) != w->session ||
		get_u64(p + HEAD_CHECK_AT) != hf_hash(&check_key, place, p, HEAD_CHECK_AT))
		return false;
	*ret = (struct hf_written_block){
		.kind = hf_get_u16(p + 6),
		.len = hf_get_u32(p + 8),
		.count = hf_get_u32(p + 12),
		.session = get_u64(p + 16),
		.clocks = { get_u64(p + 24), (hf_us)get_u64(p + 32), (hf_us)get_u64(p + 40),
			(hf_us)get_u64(p + 48) },
		.routes = get_u64(p + 56),
		.content = p + HF_WRITTEN_BLOCK_HEADER,
	};
	return sane(ret->clocks.monotonic) && sane(ret->clocks.boottime) && sane(ret->clocks.wall);
}

static uint64_t place_of(const struct hf_written_window *w, const struct hf_written_block *b)
{
	return w->place + (size_t)(b->content - w->bytes) - HF_WRITTEN_BLOCK_HEADER;
}

bool hf_written_whole(const struct hf_written_window *w, const struct hf_written_block *b)
{
	return get_u64(b->content - 16) == hf_hash(&check_key, place_of(w, b), b->content, b->len);
}

static enum hf_written_step fault(struct hf_written_window *w, size_t next, const char *why,
	uint64_t *ret_where, const char **ret_why)
{
	*ret_where = w->place + w->at;
	*ret_why = why;
	w->at = next;
	return HF_WRITTEN_FAULT;
}

/* What to do where no whole header stands: tell it once, then look further on. */
static bool tell_once(struct hf_written_window *w)
{
	bool told = w->seeking;
	w->seeking = true;
	return !told;
}

/* Less is left than a header. */
static enum hf_written_step finish(struct hf_written_window *w, uint64_t *ret_where,
	const char **ret_why)
{
	if (!w->last)
		return HF_WRITTEN_MORE;
	if (w->at > w->len)
		w->at = w->len;
	if (w->at < w->len && tell_once(w))
		return fault(w, w->len, "ends within the header of a block", ret_where, ret_why);
	w->at = w->len;
	return HF_WRITTEN_END;
}

enum hf_written_step hf_written_next(struct hf_written_window *w, bool quick,
	struct hf_written_block *ret, uint64_t *ret_where, const char **ret_why)
{
	for (;; w->at += HF_WRITTEN_ALIGN) {
		if (w->at > w->len || w->len - w->at < HF_WRITTEN_BLOCK_HEADER)
			return finish(w, ret_where, ret_why);
		if (read_head(w, ret))
			break;
		if (tell_once(w))
			return fault(w, w->at + HF_WRITTEN_ALIGN, "no block where one should begin",
				ret_where, ret_why);
	}
	size_t octets = whole_octets(ret->len);
	if (quick && ret->kind != HF_WRITTEN_ROUTES) {
		w->seeking = false;
		w->at += octets;
		return HF_WRITTEN_BLOCK;
	}
	if (w->len - w->at < octets && !w->last)
		return HF_WRITTEN_MORE;
	w->seeking = w->len - w->at < octets;
	if (w->seeking) /* what follows may still be one that was not */
		return fault(w, w->at + HF_WRITTEN_ALIGN, "the block is cut off", ret_where, ret_why);
	if (!quick && !hf_written_whole(w, ret))
		return fault(w, w->at + octets, "the block's checksum is wrong", ret_where, ret_why);
	w->at += octets;
	return HF_WRITTEN_BLOCK;
}

/* ---- addresses ---- */

void hf_written_address_put(struct hf_writer *w, const struct hf_address *a)
{
	hf_write_u8(w, a->family);
	hf_write_u16(w, a->port);
	hf_write_u32(w, a->scope);
	hf_write(w, a->bytes, sizeof a->bytes);
}

static bool read_octets(struct hf_reader *r, void *to, size_t n)
{
	const uint8_t *from = r->bytes + r->at;
	if (!hf_read_skip(r, n))
		return false;
	memcpy(to, from, n);
	return true;
}

bool hf_written_address_get(struct hf_reader *r, struct hf_address *ret)
{
	*ret = (struct hf_address){.family = 0};
	return hf_read_u8(r, &ret->family) && hf_read_u16(r, &ret->port) &&
	       hf_read_u32(r, &ret->scope) && read_octets(r, ret->bytes, sizeof ret->bytes);
}

/* ---- routes ---- */

bool hf_written_route_put(struct hf_writer *w, const struct hf_written_route *route)
{
	size_t octets = 2 + (size_t)route->zone.len + (size_t)route->count * ADDRESS_OCTETS;
	if (w->cap - w->len < octets)
		return false;
	hf_write_u8(w, route->zone.len);
	hf_write(w, route->zone.bytes, route->zone.len);
	hf_write_u8(w, route->count);
	for (unsigned i = 0; i < route->count; i++)
		hf_written_address_put(w, &route->addresses[i]);
	return true;
}

bool hf_written_route_get(struct hf_reader *r, struct hf_written_route *ret)
{
	*ret = (struct hf_written_route){ .count = 0 };
	if (!hf_read_u8(r, &ret->zone.len) || !read_octets(r, ret->zone.bytes, ret->zone.len) ||
		!ret->zone.len || hf_name_wire_len(ret->zone.bytes, ret->zone.len) != ret->zone.len)
		return false;
	hf_name_lower(ret->zone.bytes, ret->zone.len);
	if (!hf_read_u8(r, &ret->count) || ret->count > HF_COUNT_OF(ret->addresses))
		return false;
	for (unsigned i = 0; i < ret->count; i++)
		if (!hf_written_address_get(r, &ret->addresses[i]))
			return false;
	return true;
}

uint64_t hf_written_routes_id(const uint8_t *content, size_t len)
{
	return hf_hash(&check_key, UINT64_MAX, content, len);
}

/* ---- answers ---- */

bool hf_written_answer_put(struct hf_writer *w, const struct hf_written_answer *answer)
{
	if (w->cap - w->len < ANSWER_HEADER + (size_t)answer->len)
		return false;
	hf_write_u16(w, answer->len);
	hf_write_u16(w, answer->route);
	hf_write_u8(w, answer->flags);
	hf_write_u8(w, answer->hits);
	hf_write_u32(w, answer->ttl);
	hf_write_u32(w, (uint32_t)((uint64_t)answer->stored >> 32));
	hf_write_u32(w, (uint32_t)answer->stored);
	return hf_write(w, answer->wire, answer->len);
}

bool hf_written_answer_get(struct hf_reader *r, uint8_t *bytes, struct hf_written_answer *ret)
{
	uint32_t high = 0, low = 0;
	if (!hf_read_u16(r, &ret->len) || !hf_read_u16(r, &ret->route) ||
		!hf_read_u8(r, &ret->flags) || !hf_read_u8(r, &ret->hits) ||
		!hf_read_u32(r, &ret->ttl) || !hf_read_u32(r, &high) || !hf_read_u32(r, &low))
		return false;
	ret->stored = (hf_us)((uint64_t)high << 32 | low);
	ret->wire = bytes + r->at;
	return sane(ret->stored) && hf_read_skip(r, ret->len);
}

static bool is_lowered(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] >= 'A' && bytes[i] <= 'Z')
			return false;
	return true;
}

int hf_written_answer_question(const struct hf_written_answer *answer, struct hf_question *ret)
{
	struct hf_reader r = hf_reader(answer->wire, answer->len);
	if (answer->len < HF_HEADER_LEN || answer->flags & ~(KEY_FLAGS | HF_WRITTEN_GONE))
		return HF_EMALFORMED;
	size_t len = hf_name_wire_len(answer->wire + HF_HEADER_LEN, answer->len - HF_HEADER_LEN);
	if (!len || !is_lowered(answer->wire + HF_HEADER_LEN, len))
		return HF_EMALFORMED;
	ret->name.len = (uint8_t)len;
	memcpy(ret->name.bytes, answer->wire + HF_HEADER_LEN, len);
	r.at = HF_HEADER_LEN + len;
	return hf_read_u16(&r, &ret->type) && hf_read_u16(&r, &ret->class) ? 0 : HF_EMALFORMED;
}

/* The marks of an answer that we have kept: see hf_keep and ttl.h. */
static bool is_kept(const struct hf_message_view *view, const struct hf_written_answer *answer)
{
	bool denial = view->rcode == HF_RCODE_NXDOMAIN && view->answers == 0;
	return view->end == answer->len && view->id == 0 && (view->flags & HF_FLAG_QR) &&
	       hf_message_opcode(answer->wire) == HF_OPCODE_QUERY && !view->edns.present &&
	       !view->signed_by_key && view->question_end != HF_HEADER_LEN &&
	       (view->rcode == HF_RCODE_NOERROR || view->rcode == HF_RCODE_NXDOMAIN) &&
	       denial == !!(answer->flags & HF_CACHE_NAME) && answer->ttl <= view->ttl_min;
}

int hf_written_answer_read(const struct hf_written_answer *answer, const struct hf_cache_conf *conf,
	struct hf_kept *ret)
{
	struct hf_message_view view;
	if (hf_message_read(answer->wire, answer->len, &view) || !is_kept(&view, answer))
		return HF_EMALFORMED;
	ret->wire = answer->wire;
	ret->len = answer->len;
	ret->answer_end = view.answer_end;
	ret->authority_end = view.authority_end;
	int rc = hf_keep_again(ret, view.question_end, (uint32_t)(conf->ttl_max / HF_SECOND));
	if (rc)
		return rc;
	hf_ttl_bound(
		ret, answer->wire, &view, hf_get_u16(answer->wire + view.question_end - 4), conf);
	if (ret->ttl > answer->ttl)
		ret->ttl = answer->ttl;
	return 0;
}
