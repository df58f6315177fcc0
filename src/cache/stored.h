/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stored.h - an answer as it stands in a log: an entry. Private to the cache.
 *
 * Story: what words an entry has is told in cache.h. Here it is made of an answer, and an
 * answer copied out of it, each part into the reader's own memory; whoever does that asks
 * hf_ring_intact before he goes by what he has copied, a length above all.
 * Knows:   the form of an entry.  Never: which slot leads to it.
 * Ownership: nothing.  At the bound: what does not fit into the reader's memory is not copied.
 * Threads: hf_stored_write, the owner of the log; all else any. */
#ifndef HF_CACHE_STORED_H
#define HF_CACHE_STORED_H

#include "cache/cache.h"
#include "cache/ring.h"

#define HF_STORED_HEADER 3    /* words; the last one holds octets 2 and 3 of the wire form, too */
#define HF_STORED_IN_HEADER 4 /* octets of the wire form that do not lie behind the header */

/* w1: what is said of an entry below the instant of storing. */
#define HF_STORED_KEY_FLAGS 0xfull
#define HF_STORED_GONE 0x10ull    /* it only says that its key was removed */
#define HF_STORED_CARRIED 0x20ull /* it has been in a log before */
#define HF_STORED_FORM_AT 6
#define HF_STORED_INSTANT_AT 12

/* What follows the wire form: see cache.h. */
enum hf_form {
	HF_FORM_LISTED,    /* a word of ends and count, then the offsets of the TTLs */
	HF_FORM_BARE,      /* nothing: the question alone */
	HF_FORM_ANSWER,    /* nothing: the only record is an answer and lies at its usual place */
	HF_FORM_AUTHORITY, /* ... or it is one of authority */
};

/* From the question's end to the TTL of a record whose owner is a pointer. */
#define HF_STORED_USUAL_TTL 6

/* From the largest answer (65,535), its ends and TTL offsets, and the header. */
#define HF_STORED_WORDS_MAX                                                                        \
	(HF_STORED_HEADER + (HF_MESSAGE_MAX + 8) / 8 + 1 + (HF_RECORDS_MAX * 2 + 8) / 8)

/* A word of an entry. */
static inline uint64_t hf_stored_word(const _Atomic uint64_t *entry, size_t i)
{
	return atomic_load_explicit(&entry[i], memory_order_acquire);
}

/* The header of an entry. */
struct hf_stored {
	uint64_t hash, w1, w2;
};

static inline struct hf_stored hf_stored_read(const _Atomic uint64_t *entry)
{
	return (struct hf_stored){
		hf_stored_word(entry, 0), hf_stored_word(entry, 1), hf_stored_word(entry, 2)};
}

static inline struct hf_stored hf_stored_load(const struct hf_ring *log, uint64_t position)
{
	return hf_stored_read(&log->words[position % log->capacity]);
}

static inline hf_us hf_stored_instant(const struct hf_stored *h)
{
	return (hf_us)h->w1 >> HF_STORED_INSTANT_AT;
}

static inline enum hf_form hf_stored_form(const struct hf_stored *h)
{
	return (enum hf_form)(h->w1 >> HF_STORED_FORM_AT & 3);
}

static inline uint32_t hf_stored_ttl(const struct hf_stored *h)
{
	return (uint32_t)(h->w2 >> 32);
}

static inline uint16_t hf_stored_wire_len(const struct hf_stored *h)
{
	return (uint16_t)(h->w2 >> 16);
}

/* Words of the wire form that lie behind the header. */
static inline size_t hf_stored_wire_words(size_t wire_len)
{
	return (wire_len - HF_STORED_IN_HEADER + 7) / 8;
}

/* The hash of the entry at a position. */
static inline uint64_t hf_stored_hash_at(const struct hf_ring *log, uint64_t position)
{
	return hf_ring_word(log, position);
}

/* The header of a key's answer. `stored` counts if it comes back out of it (hf_stored_instant). */
struct hf_stored hf_stored_of(
	const struct hf_cache_key *key, hf_us stored, const struct hf_kept *kept);

/* Words of an entry with this header that holds the answer. */
uint64_t hf_stored_words(const struct hf_stored *h, const struct hf_kept *kept);

/* Words of the entry at a position, or of the padding there. Who may be overtaken asks
 * afterwards whether the position is intact. */
uint64_t hf_stored_words_at(const struct hf_ring *log, uint64_t position);

/* Writes an entry of n words (hf_stored_words) at the head of a log that has room for it, and
 * publishes it. Returns its position. */
uint64_t hf_stored_write(
	struct hf_ring *log, const struct hf_stored *h, const struct hf_kept *kept, uint64_t n);

/* The ends and TTLs that are listed behind the wire form: false if there are too many, or it was
 * overtaken. */
bool hf_stored_take_list(const struct hf_ring *log, uint64_t position, const struct hf_stored *h,
	struct hf_cached *copy);

/* Copies the wire form that follows an intact header: false if it is too large. */
static inline bool hf_stored_take_wire(
	const _Atomic uint64_t *entry, const struct hf_stored *h, struct hf_cached *copy)
{
	size_t len = hf_stored_wire_len(h), room = copy->wire_cap;
	uint8_t *wire = copy->kept.wire;
	copy->kept.len = (uint16_t)len;
	if (len > room)
		return false;
	hf_put_u32(wire, (uint16_t)h->w2);
	hf_ring_copy_words(entry + HF_STORED_HEADER, wire + HF_STORED_IN_HEADER,
		len - HF_STORED_IN_HEADER, room - HF_STORED_IN_HEADER);
	return true;
}

/* ... and the others: false if there are too many TTLs, or, of a list, if it was overtaken. */
static inline bool hf_stored_take_ends(const struct hf_ring *log, uint64_t position,
	const struct hf_stored *h, size_t question_end, struct hf_cached *copy)
{
	enum hf_form form = hf_stored_form(h);
	if (form == HF_FORM_LISTED)
		return hf_stored_take_list(log, position, h, copy);
	uint16_t end = hf_stored_wire_len(h);
	copy->kept.authority_end = end;
	copy->kept.answer_end = form == HF_FORM_AUTHORITY ? (uint16_t)question_end : end;
	copy->kept.ttl_count = form != HF_FORM_BARE;
	if (form == HF_FORM_BARE)
		return true;
	if (!copy->ttl_cap)
		return false;
	copy->kept.ttl_at[0] = (uint16_t)(question_end + HF_STORED_USUAL_TTL);
	return true;
}

/* What a header alone says. */
static inline void hf_stored_take_rest(const struct hf_stored *h, struct hf_cached *copy)
{
	copy->kept.ttl = hf_stored_ttl(h);
	copy->stored = hf_stored_instant(h);
	copy->rcode = h->w2 & HF_FLAG_RCODE;
}

#endif
