/* SPDX-License-Identifier: GPL-3.0-or-later */
/* bare.h - the least that any table could do with the same keys in the same memory.
 *
 * Story: a lookup among ten million names is slower than one among ten thousand on any
 * machine, whoever looks. How much of it is the machine's memory and how much is the
 * cache's own doing shows beside a table that does nothing but fetch: one line of an
 * index, chosen by the hash; one slot of it; the record of 80 octets that it leads to;
 * and a copy of that. It compares nothing and counts nothing, and what does not fit it
 * forgets: a slot may lead to another name's record, which costs the same. Index and log
 * are as large as the cache's, mapped like its own and filled in the same order.
 * Threads: one. */
#ifndef HF_BENCH_SIZES_BARE_H
#define HF_BENCH_SIZES_BARE_H

#include <stdint.h>

#define BARE_WORDS 10 /* an A record as the cache keeps it: 80 octets */

struct bare {
	uint64_t *index, *log;
	uint64_t names, lines;
};

/* Of `names` names, all empty; memory from hf_pages_get. */
void bare_make(struct bare *bare, uint64_t names);
void bare_clear(struct bare *bare);

/* The number-th record, whose name has this hash. */
void bare_put(struct bare *bare, uint64_t number, uint64_t hash);

/* The slot of a hash. */
static inline uint64_t *bare_slot(const struct bare *bare, uint64_t hash)
{
	return &bare->index[((uint64_t)(uint32_t)hash * bare->lines >> 32) * 8 + (hash >> 32 & 7)];
}

/* The records as lines of 64 octets, an even number of them: one of them by dice. */
static inline uint64_t bare_some_line(const struct bare *bare, uint64_t dice)
{
	uint64_t lines = bare->names * BARE_WORDS / 8 & ~1ull;
	return (dice >> 32) * lines >> 32;
}

static inline const uint64_t *bare_line(const struct bare *bare, uint64_t line)
{
	return &bare->log[line * 8];
}

/* Where the record lies that a slot leads to. */
static inline const uint64_t *bare_record(const struct bare *bare, const uint64_t *slot)
{
	return &bare->log[*slot * BARE_WORDS];
}

#endif
