/* SPDX-License-Identifier: GPL-3.0-or-later */
/* written.h - what the cache looks like when it is written down.
 *
 * Story: a file is a header and blocks. A block holds answers, the table of routes
 * that answers refer to, or what was learnt of upstreams, and stands for itself: its
 * header says where it lies, which session of the server wrote it and what the clocks
 * showed; two checksums (64 bits, SipHash with a fixed key) cover header and content,
 * the place in the file included. So a block that is torn, cut off, flipped, displaced
 * or left over from a deleted file is found out and dropped alone; the reader goes on
 * at the next place where a whole header stands. The session's number is drawn at
 * random and told to nobody: an answer whose data look like a block is none.
 *
 *   file header, 64 octets:
 *     "holdfast answers"  version (32)  generation (32)  session (64)
 *     zeros  check (64)
 *   block header, 80 octets, at a multiple of 64:
 *     "HFBL"  version (16)  kind (16)  content octets (32)  entries (32)
 *     session (64)  boot (64)  monotonic us (64)  boot clock us (64)  wall us (64)
 *     routes (64)  check of content (64)  check of header (64)
 *   a route:   zone length (8)  zone  upstreams (8)  each: family (8) port (16)
 *     scope (32) address (128)
 *   an answer: wire octets (16)  route (16)  flags (8)  hits (8)  ttl s (32)
 *     stored, monotonic us (64)  wire form
 *   what was learnt of an upstream: keep/memory.h
 * Numbers are in network order. Kinds that a reader does not know are passed over.
 *
 * Instants are those of the session's monotonic clock: which of two answers is the
 * later stays true when the wall clock is set. The block's clocks tell what such
 * an instant is to another session (keep/load.h).
 *
 * An answer names its route by number in the table whose checksum the block
 * header gives: a block whose table is lost is dropped, never read with another.
 * TTL offsets and section ends are not written: the reader parses the wire form
 * anew, with the same care as an upstream's reply.
 *
 * Knows:   octets. Never: files, clocks, which route it is today.
 * Threads: pure.
 * At the bound: a block's content has at most HF_WRITTEN_CONTENT_MAX octets. */
#ifndef HF_CACHE_WRITTEN_H
#define HF_CACHE_WRITTEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "base/buffer.h"
#include "base/time.h"
#include "cache/cache_conf.h"
#include "wire/build.h"
#include "wire/message.h"

#define HF_WRITTEN_VERSION 1
#define HF_WRITTEN_FILE_HEADER 64
#define HF_WRITTEN_BLOCK_HEADER 80
#define HF_WRITTEN_ALIGN 64
#define HF_WRITTEN_CONTENT_MAX (4 << 20)

/* Room for a block of the largest content, its header and padding. */
#define HF_WRITTEN_BLOCK_MAX \
	(HF_WRITTEN_BLOCK_HEADER + HF_WRITTEN_CONTENT_MAX + HF_WRITTEN_ALIGN)

/* ---- files ---- */

struct hf_written_file {
	uint32_t version;
	uint32_t generation;
	uint64_t session;
};

void hf_written_file_put(const struct hf_written_file *file,
	uint8_t out[static HF_WRITTEN_FILE_HEADER]);

/* HF_EMALFORMED: no such header, or a damaged one. The version is the caller's to
 * look at. */
int hf_written_file_get(const uint8_t *bytes, size_t len, struct hf_written_file *ret);

/* ---- blocks ---- */

enum hf_written_kind {
	HF_WRITTEN_ROUTES = 1,
	HF_WRITTEN_ANSWERS = 2,
	HF_WRITTEN_LEARNT = 3,
};

struct hf_written_clocks {
	uint64_t boot;   /* which start of the machine; 0: unknown */
	hf_us monotonic; /* runs since then, not while the machine sleeps */
	hf_us boottime;  /* runs since then */
	hf_us wall;      /* since 1970 */
};

struct hf_written_block {
	uint16_t kind;
	uint32_t len;   /* octets of content */
	uint32_t count; /* entries in it */
	uint64_t session;
	struct hf_written_clocks clocks;
	uint64_t routes; /* of ANSWERS: hf_written_routes_id of its table */
	uint8_t *content;
};

/* Puts the header before content that lies at block + HF_WRITTEN_BLOCK_HEADER, and
 * zeros behind it: b->content is not looked at. `place` is where in the file the
 * block is to lie. Returns its octets. */
size_t hf_written_seal(uint8_t *block, const struct hf_written_block *b, uint64_t place);

/* A window of a file. */
struct hf_written_window {
	uint8_t *bytes;
	size_t len;
	size_t at;      /* where to read on; past len after a block that was skipped */
	uint64_t place; /* of bytes[0] in the file; a multiple of 64 */
	bool last;      /* the file ends with the window */
	uint64_t session; /* whose blocks count: others are leftovers, or forged */
	bool seeking;   /* (inside) a fault has been told; looking for the next header */
};

enum hf_written_step {
	HF_WRITTEN_BLOCK, /* a whole block */
	HF_WRITTEN_FAULT, /* *ret_where and *ret_why tell; go on */
	HF_WRITTEN_MORE,  /* the window must be moved on: at is where the rest begins */
	HF_WRITTEN_END,
};

/* The next block. quick: content is not checked, and need not even be in the window if
 * it is not a table of routes; only kind, clocks and session of the block hold. */
enum hf_written_step hf_written_next(struct hf_written_window *w, bool quick,
	struct hf_written_block *ret, uint64_t *ret_where, const char **ret_why);

/* Of content that has not been checked because of `quick`. */
bool hf_written_whole(const struct hf_written_window *w, const struct hf_written_block *b);

/* ---- addresses: 23 octets ---- */

void hf_written_address_put(struct hf_writer *w, const struct hf_address *address);
bool hf_written_address_get(struct hf_reader *r, struct hf_address *ret);

/* ---- routes ---- */

struct hf_written_route {
	struct hf_name zone;
	uint8_t count; /* of addresses, 0 to 64 */
	struct hf_address addresses[64];
};

/* False: no room; nothing was written. */
bool hf_written_route_put(struct hf_writer *w, const struct hf_written_route *route);
bool hf_written_route_get(struct hf_reader *r, struct hf_written_route *ret);

/* What answers refer to a table by. */
uint64_t hf_written_routes_id(const uint8_t *content, size_t len);

/* ---- answers ---- */

#define HF_WRITTEN_GONE 0x80 /* in flags: the key's answer was removed */

struct hf_written_answer {
	uint16_t route;  /* number in the table */
	uint8_t flags;   /* of the key (hf_cache_flag), or GONE */
	uint8_t hits;
	uint32_t ttl;
	hf_us stored;
	uint8_t *wire;
	uint16_t len;
};

bool hf_written_answer_put(struct hf_writer *w, const struct hf_written_answer *answer);

/* wire points into the reader's bytes. False: they do not hold an answer. */
bool hf_written_answer_get(struct hf_reader *r, uint8_t *bytes, struct hf_written_answer *ret);

/* The question of an answer, or of a removal. HF_EMALFORMED: there is none, or flags
 * that no key has. */
int hf_written_answer_question(const struct hf_written_answer *answer, struct hf_question *ret);

/* An answer as the cache keeps it, and by the bounds of now, which may be others than when it
 * came: ret->ttl_at must have room for HF_RECORDS_MAX entries. Whatever hf_keep could not have
 * made is HF_EMALFORMED, and so is an answer without a question. */
int hf_written_answer_read(const struct hf_written_answer *answer, const struct hf_cache_conf *conf,
	struct hf_kept *ret);

#endif
