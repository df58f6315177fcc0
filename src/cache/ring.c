/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/ring.h"

#include <errno.h>

#include "base/pages.h"

/* An answer that would wipe out more than a quarter of a log is not worth it. */
#define LARGEST_PART 4

#define LITTLE_ENDIAN_HERE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

__attribute__((noinline)) void hf_ring_copy_exactly(
	const _Atomic uint64_t *from, uint8_t *to, size_t octets)
{
	for (; octets >= 8; octets -= 8, to += 8)
		hf_ring_copy_word(from++, to);
	if (octets) {
		uint64_t word = atomic_load_explicit(from, memory_order_acquire);
		memcpy(to, &word, octets);
	}
}

void hf_ring_copy_out(const struct hf_ring *log, uint64_t position, void *to, size_t octets)
{
	/* Entries never wrap round the end of a log: one modulo is enough. */
	hf_ring_copy_words(&log->words[position % log->capacity], to, octets, octets);
}

static inline void put_word(_Atomic uint64_t *to, const uint8_t *from)
{
	uint64_t word;
	memcpy(&word, from, 8);
	atomic_store_explicit(to, word, memory_order_release);
}

/* The last word is filled up with zeros. */
static void put_words(_Atomic uint64_t *to, const uint8_t *from, size_t octets)
{
	size_t words = octets / 8, rest = octets % 8, i = 0;
	uint64_t last = 0;
	for (; i + HF_RING_BLOCK <= words; i += HF_RING_BLOCK, from += HF_RING_BLOCK * 8) {
		put_word(to + i, from);
		put_word(to + i + 1, from + 8);
		put_word(to + i + 2, from + 16);
		put_word(to + i + 3, from + 24);
	}
	for (; i < words; i++, from += 8)
		put_word(to + i, from);
	if (rest && octets >= 8) { /* some octets once more, and out of the word again */
		memcpy(&last, from + rest - 8, 8);
		last = LITTLE_ENDIAN_HERE ? last >> (64 - 8 * rest) : last << (64 - 8 * rest);
	} else {
		memcpy(&last, from, rest);
	}
	if (rest)
		atomic_store_explicit(to + i, last, memory_order_release);
}

void hf_ring_copy_in(struct hf_ring *log, uint64_t position, const void *from, size_t octets)
{
	/* As above: no wrap. */
	put_words(&log->words[position % log->capacity], from, octets);
}

/* Words that have to be passed over so that n of them do not wrap. */
static uint64_t padding(const struct hf_ring *log, uint64_t n)
{
	uint64_t left = log->capacity - log->head % log->capacity;
	return left < n ? left : 0;
}

bool hf_ring_has_room(const struct hf_ring *log, uint64_t n)
{
	return log->head + padding(log, n) + n - log->tail <= log->capacity;
}

uint64_t hf_ring_reserve(struct hf_ring *log, uint64_t n)
{
	uint64_t pad = padding(log, n), at = log->head + pad;
	atomic_store_explicit(&log->reserved, at + n, memory_order_release);
	if (pad) /* a piece that no slot leads to: skipped at the tail */
		hf_ring_set_word(log, log->head, HF_RING_PADDING);
	log->head = at + n;
	return at;
}

static size_t log_octets(uint64_t words)
{
	return (words + HF_RING_BLOCK) * 8;
}

int hf_ring_make(struct hf_ring *log, uint64_t words)
{
	log->words = hf_pages_get(log_octets(words));
	log->capacity = words;
	return log->words ? 0 : -ENOMEM;
}

void hf_ring_free(struct hf_ring *log)
{
	hf_pages_free((void *)log->words, log_octets(log->capacity));
}

bool hf_ring_fits(const struct hf_ring *log, uint64_t n)
{
	return n <= log->capacity / LARGEST_PART;
}
