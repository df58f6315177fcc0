/* SPDX-License-Identifier: MIT */
/* buffer.h - bounded reader and writer; the only place that walks bytes.
 *
 * Story: a reader is a view of bytes with a place in it; a writer is room with
 * a fill level. Neither owns memory. Each call either does all it says or
 * nothing: past the end a reader returns false and stays where it was, a
 * writer returns false, stays, and remembers (`overrun`), so that a run of
 * writes can be checked once at the end. Numbers are in network order.
 * Threads: one owner. */
#ifndef HF_BASE_BUFFER_H
#define HF_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct hf_reader {
	const uint8_t *bytes;
	size_t len;
	size_t at; /* <= len */
};

struct hf_writer {
	uint8_t *bytes;
	size_t cap;
	size_t len; /* <= cap */
	bool overrun;
};

static inline uint16_t hf_get_u16(const uint8_t *p)
{
	return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

static inline uint32_t hf_get_u32(const uint8_t *p)
{
	return (uint32_t)hf_get_u16(p) << 16 | hf_get_u16(p + 2);
}

static inline void hf_put_u16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void hf_put_u32(uint8_t *p, uint32_t v)
{
	hf_put_u16(p, (uint16_t)(v >> 16));
	hf_put_u16(p + 2, (uint16_t)v);
}

/* As memcpy, of what is mostly some thirty octets, such as a name: sixteen at a time, some
 * of them twice. The C library asks more about so few than it takes to copy them. */
static inline void hf_copy_some(uint8_t *to, const uint8_t *from, size_t len)
{
	if (len < 16) {
		if (len)
			memcpy(to, from, len);
		return;
	}
	memcpy(to, from, 16);
	memcpy(to + len - 16, from + len - 16, 16);
	for (size_t at = 16; at + 16 < len; at += 16)
		memcpy(to + at, from + at, 16);
}

static inline struct hf_reader hf_reader(const uint8_t *bytes, size_t len)
{
	return (struct hf_reader){ .bytes = bytes, .len = len };
}

static inline size_t hf_reader_left(const struct hf_reader *r)
{
	return r->len - r->at;
}

static inline bool hf_read_u8(struct hf_reader *r, uint8_t *ret)
{
	if (hf_reader_left(r) < 1)
		return false;
	*ret = r->bytes[r->at++];
	return true;
}

static inline bool hf_read_u16(struct hf_reader *r, uint16_t *ret)
{
	if (hf_reader_left(r) < 2)
		return false;
	*ret = hf_get_u16(r->bytes + r->at);
	r->at += 2;
	return true;
}

static inline bool hf_read_u32(struct hf_reader *r, uint32_t *ret)
{
	if (hf_reader_left(r) < 4)
		return false;
	*ret = hf_get_u32(r->bytes + r->at);
	r->at += 4;
	return true;
}

static inline bool hf_read_skip(struct hf_reader *r, size_t n)
{
	if (hf_reader_left(r) < n)
		return false;
	r->at += n;
	return true;
}

static inline struct hf_writer hf_writer(uint8_t *bytes, size_t cap)
{
	return (struct hf_writer){ .bytes = bytes, .cap = cap };
}

/* Room for n bytes at the end, filled by the caller; NULL when there is none. */
static inline uint8_t *hf_write_room(struct hf_writer *w, size_t n)
{
	if (w->overrun || w->cap - w->len < n) {
		w->overrun = true;
		return NULL;
	}
	uint8_t *room = w->bytes + w->len;
	w->len += n;
	return room;
}

static inline bool hf_write(struct hf_writer *w, const void *bytes, size_t n)
{
	uint8_t *room = hf_write_room(w, n);
	if (room && n)
		memcpy(room, bytes, n);
	return room;
}

static inline bool hf_write_u8(struct hf_writer *w, uint8_t v)
{
	return hf_write(w, &v, 1);
}

static inline bool hf_write_u16(struct hf_writer *w, uint16_t v)
{
	uint8_t *room = hf_write_room(w, 2);
	if (room)
		hf_put_u16(room, v);
	return room;
}

static inline bool hf_write_u32(struct hf_writer *w, uint32_t v)
{
	uint8_t *room = hf_write_room(w, 4);
	if (room)
		hf_put_u32(room, v);
	return room;
}

/* Text by a printf format, without the NUL. */
__attribute__((format(printf, 2, 3))) bool hf_write_text(
	struct hf_writer *w, const char *format, ...);

#endif
