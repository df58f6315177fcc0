/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ring.h - a circular log of words, as the cache keeps answers in. Private to the cache.
 *
 * Story: one thread, the owner, writes pieces of words at the head and gives them up at the
 * tail; anybody reads, without a lock, and finds out afterwards whether he has been
 * overtaken (hf_ring_intact). Positions count the words that were ever written; the word at
 * position p lies at p mod capacity. A piece never wraps round the end: what is left there is
 * passed over, with HF_RING_PADDING in its first word. The proof is in cache.h.
 * Knows:   words.  Never: what they say.
 * Ownership: whoever made it frees it, once there are no readers.
 * At the bound: who has not asked hf_ring_has_room before hf_ring_reserve overwrites what is live.
 * Threads: what changes a log, the owner; all else any. */
#ifndef HF_CACHE_RING_H
#define HF_CACHE_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Whoever watches the order of threads is to see each load: no two at once then. */
#if defined(__SANITIZE_THREAD__)
#define HF_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define HF_WATCHED 1
#endif
#endif

#if defined(__x86_64__) && !defined(HF_WATCHED)
#define HF_TWO_AT_ONCE 1
#include <emmintrin.h>
#endif

#define HF_RING_BLOCK 4      /* words that are copied at once */
#define HF_RING_PADDING 0ull /* in the place of a hash: nothing but the log's end comes here */

struct hf_ring {
	_Atomic uint64_t *words;
	uint64_t capacity;         /* in words */
	uint64_t head, tail;       /* positions; owner only */
	_Atomic uint64_t reserved; /* see the proof in cache.h */
	_Atomic uint64_t written;  /* head, after all words before it have been stored */
};

/* A log of so many words, empty: -ENOMEM. Its memory is touched as it is used. */
int hf_ring_make(struct hf_ring *log, uint64_t words);
void hf_ring_free(struct hf_ring *log); /* never made is fine */

/* Do n words fit at all? An answer that would wipe out more than a quarter of a log is not
 * worth it. */
bool hf_ring_fits(const struct hf_ring *log, uint64_t n);

/* Is there room for n words at the head, with what is passed over so that they do not wrap? */
bool hf_ring_has_room(const struct hf_ring *log, uint64_t n);

/* Takes n words at the head, which must have room. Returns their position. */
uint64_t hf_ring_reserve(struct hf_ring *log, uint64_t n);

/* Octets of one piece into the log, the last word filled up with zeros, and out of it. */
void hf_ring_copy_in(struct hf_ring *log, uint64_t position, const void *from, size_t octets);
void hf_ring_copy_out(const struct hf_ring *log, uint64_t position, void *to, size_t octets);

/* Not an octet more than was asked for is read into `to`. */
void hf_ring_copy_exactly(const _Atomic uint64_t *from, uint8_t *to, size_t octets);

/* One word. */
static inline uint64_t hf_ring_word(const struct hf_ring *log, uint64_t position)
{
	return atomic_load_explicit(&log->words[position % log->capacity], memory_order_acquire);
}

static inline void hf_ring_set_word(struct hf_ring *log, uint64_t position, uint64_t word)
{
	atomic_store_explicit(&log->words[position % log->capacity], word, memory_order_release);
}

static inline void hf_ring_copy_word(const _Atomic uint64_t *from, uint8_t *to)
{
	uint64_t word = atomic_load_explicit(from, memory_order_acquire);
	memcpy(to, &word, 8);
}

#if defined(HF_TWO_AT_ONCE)
/* Two words at once, in two steps. No atomic type of C can say that, but this processor
 * loads in order, and the compiler is told to; a word that it tears is one that is being
 * overwritten, and whoever reads an entry finds that out. */
static inline void hf_ring_copy_block(const _Atomic uint64_t *from, uint8_t *to)
{
	const __m128i *two = (const __m128i *)(const void *)from;
	__m128i first = _mm_loadu_si128(two), second = _mm_loadu_si128(two + 1);
	_mm_storeu_si128((__m128i *)(void *)to, first);
	_mm_storeu_si128((__m128i *)(void *)(to + 16), second);
}

static inline void hf_ring_keep_order(void)
{
	atomic_signal_fence(memory_order_acquire);
}
#else
static inline void hf_ring_copy_block(const _Atomic uint64_t *from, uint8_t *to)
{
	hf_ring_copy_word(from, to);
	hf_ring_copy_word(from + 1, to + 8);
	hf_ring_copy_word(from + 2, to + 16);
	hf_ring_copy_word(from + 3, to + 24);
}

static inline void hf_ring_keep_order(void)
{
}
#endif

/* Copied are blocks of four words if `room` octets hold the last of them: more than was
 * asked for may be read (a log has so many words more at its end) and written. */
static inline void hf_ring_copy_words(
	const _Atomic uint64_t *from, void *to, size_t octets, size_t room)
{
	uint8_t *out = to; /* may be NULL if there is nothing to copy */
	if (octets + HF_RING_BLOCK * 8 > room)
		return hf_ring_copy_exactly(from, out, octets);
	for (size_t at = 0; at < octets; at += HF_RING_BLOCK * 8)
		hf_ring_copy_block(from + at / 8, out + at);
	hf_ring_keep_order();
}

/* Are words that were copied from a position, before this is asked, those that were written
 * there, and not a later round's? */
static inline bool hf_ring_intact(const struct hf_ring *log, uint64_t position)
{
	uint64_t reserved = atomic_load_explicit(&log->reserved, memory_order_acquire);
	return reserved <= position + log->capacity;
}

/* Whoever follows the log may read up to its head. */
static inline void hf_ring_publish(struct hf_ring *log)
{
	atomic_store_explicit(&log->written, log->head, memory_order_release);
}

#endif
