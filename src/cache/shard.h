/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shard.h - the part of the cache that one worker owns: an index over two logs. Private to the
 * cache.
 *
 * Story: told in cache.h, with what a slot says and the proof. This is its shape, and how a reader
 * finds his way through the index: from a hash to its pair of buckets (a home), from there to the
 * slots that bear the hash's tag, and from a slot to a position in a log.
 *
 *   shard.c        takes the memory and gives it back
 *   shard_index.c  the owner's side of the index: fills, empties, stretches it
 *   shard_logs.c   ... and of the logs: makes room, and chooses who has to go
 *
 * Knows:   hashes, slots, positions.  Never: names, answers, time.
 * Ownership: the cache's.
 * At the bound: a pair that is full has the annex, and then the least wanted goes.
 * Threads: functions of shard_index.c and shard_logs.c, the owner; what is inline, any. */
#ifndef HF_CACHE_SHARD_H
#define HF_CACHE_SHARD_H

#include "cache/ring.h"
#include "cache/shape.h"

#define HF_BUCKET 8             /* slots in a cache line of 64 octets */
#define HF_WAYS (2 * HF_BUCKET) /* a key's own bucket and its neighbour: a pair */
#define HF_GHOST_BUCKET 4
#define HF_GHOST_BUCKETS 3 /* for each pair: twelve ghosts */

/* Bits that tell of which tags there may be some in the annex: as a cache of a million names
 * has some hundred there, nine of ten that look for what is nowhere need not look there, too. */
#define HF_ANNEX_MARKS 4096

#define HF_SLOT_POSITION ((1ull << 44) - 1)
#define HF_SLOT_LOG (1ull << 44)
#define HF_SLOT_HIT (1ull << 45)
#define HF_SLOT_HITS (3ull << 45)
#define HF_SLOT_USED (1ull << 47)
#define HF_SLOT_TAG (0xffffull << 48)

enum { HF_SHARD_SMALL, HF_SHARD_MAIN, HF_SHARD_LOGS }; /* what a slot's HF_SLOT_LOG says */

struct hf_shard {
	_Atomic uint64_t *slots;
	_Atomic uint64_t shape; /* of the index: see cache/shape.h */
	uint32_t pairs_max;
	uint32_t annex_pairs;     /* behind them */
	_Atomic uint32_t annexed; /* entries there */
	_Atomic uint64_t marks[HF_ANNEX_MARKS / 64];
	struct hf_ring logs[HF_SHARD_LOGS];
	uint16_t *ghosts; /* fingerprints of what left the small log unasked */
	_Atomic uint64_t entries, words, evictions;
	uint64_t *carry; /* one entry on its way from a log's tail to a head */
};

static inline uint64_t hf_slot_tag(uint64_t hash)
{
	return hash & HF_SLOT_TAG;
}

/* Where a key's slots are: a pair by the hash's lower half, and which of its buckets is
 * looked through first by a bit that neither that half nor the tag has. */
struct hf_home {
	_Atomic uint64_t *slots;
	unsigned own; /* 0 or HF_BUCKET */
};

static inline struct hf_home hf_home_in(const struct hf_shard *shard, uint64_t pair, uint64_t hash)
{
	return (struct hf_home){&shard->slots[pair * HF_WAYS], hash >> 32 & HF_BUCKET};
}

static inline struct hf_home hf_home_of(const struct hf_shard *shard, uint64_t shape, uint64_t hash)
{
	return hf_home_in(shard, hf_shape_pair(shape, shard->pairs_max, (uint32_t)hash), hash);
}

/* Where a key goes whose pair is full. It is not stretched, so its pairs are chosen by bits
 * that may be any but those which all names of a pair have in common. */
static inline struct hf_home hf_home_annex(const struct hf_shard *shard, uint64_t hash)
{
	uint64_t pair = hf_shape_place((uint32_t)(hash >> 16), shard->annex_pairs);
	return (struct hf_home){&shard->slots[(shard->pairs_max + pair) * HF_WAYS], 0};
}

static inline unsigned hf_slot_mark(uint64_t tagged)
{
	return (unsigned)(tagged >> 48) % HF_ANNEX_MARKS;
}

/* May a key be in the annex? False is certain. */
static inline bool hf_shard_has_annexed(const struct hf_shard *shard, uint64_t hash)
{
	const unsigned mark = hf_slot_mark(hash);
	return atomic_load_explicit(&shard->annexed, memory_order_acquire) &&
	       atomic_load_explicit(&shard->marks[mark / 64], memory_order_acquire) >> mark % 64 &
		       1;
}

static inline uint64_t hf_shard_shape(const struct hf_shard *shard)
{
	return atomic_load_explicit(&shard->shape, memory_order_acquire);
}

static inline _Atomic uint64_t *hf_home_slot(struct hf_home home, unsigned way)
{
	return &home.slots[way ^ home.own];
}

static inline const struct hf_ring *hf_shard_log(const struct hf_shard *shard, uint64_t slot)
{
	return &shard->logs[slot / HF_SLOT_LOG & 1];
}

/* A slot keeps 44 bits of the position; the log's head is at most one capacity
 * away from any live entry, which gives back the rest. */
static inline uint64_t hf_slot_position(const struct hf_ring *log, uint64_t slot)
{
	uint64_t reserved = atomic_load_explicit(&log->reserved, memory_order_acquire);
	return reserved - ((reserved - slot) & HF_SLOT_POSITION);
}

/* The tag and the bit for `used` are a slot's upper bits. */
static inline bool hf_slot_has_tag(uint64_t slot, uint64_t hash)
{
	return !((slot ^ (hf_slot_tag(hash) | HF_SLOT_USED)) >> 47);
}

#if defined(HF_TWO_AT_ONCE)
/* Of four slots, a word of ones for each whose upper 17 bits are wanted: tag and bit. */
static inline __m128i hf_bucket_four_alike(const _Atomic uint64_t *slots, __m128i want)
{
	const __m128 *two = (const __m128 *)(const void *)slots;
	__m128i upper = _mm_castps_si128(_mm_shuffle_ps(two[0], two[1], _MM_SHUFFLE(3, 1, 3, 1)));
	__m128i rest = _mm_srli_epi32(_mm_xor_si128(upper, want), 15);
	return _mm_cmpeq_epi32(rest, _mm_setzero_si128());
}

/* A bit for each of a bucket's slots that has the tag and bit of `word`, the first one's
 * lowest. Two slots are loaded at once, which no atomic type of C can say: this
 * processor loads each of them whole and in order, and the compiler is told to. Whoever finds
 * one here loads it again before going by it. */
static inline unsigned hf_bucket_alike(const _Atomic uint64_t *bucket, uint64_t word)
{
	const __m128i want = _mm_set1_epi32((int)(word >> 32));
	__m128i low = hf_bucket_four_alike(bucket, want),
		high = hf_bucket_four_alike(bucket + 4, want);
	__m128i octets = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
	atomic_signal_fence(memory_order_acquire);
	return (unsigned)_mm_movemask_epi8(octets);
}
#else
static inline unsigned hf_bucket_alike(const _Atomic uint64_t *bucket, uint64_t word)
{
	unsigned found = 0;
	for (unsigned i = HF_BUCKET; i-- > 0;) { /* no branch: nobody can foretell which fits */
		uint64_t slot = atomic_load_explicit(&bucket[i], memory_order_acquire);
		found = found + found + !((slot ^ word) >> 47);
	}
	return found;
}
#endif

/* The slots of a bucket that are taken by somebody with the hash's tag, and those that are not
 * taken by anybody. */
static inline unsigned hf_bucket_with_tag(const _Atomic uint64_t *bucket, uint64_t hash)
{
	return hf_bucket_alike(bucket, hf_slot_tag(hash) | HF_SLOT_USED);
}

static inline unsigned hf_bucket_untaken(const _Atomic uint64_t *bucket)
{
	return hf_bucket_alike(bucket, 0);
}

/* The next way from `way` on that is taken by somebody with the hash's tag; HF_WAYS: none. */
static inline unsigned hf_home_next(
	struct hf_home home, uint64_t hash, unsigned way, uint64_t *ret_seen)
{
	while (way < HF_WAYS) {
		unsigned found =
			hf_bucket_with_tag(hf_home_slot(home, way - way % HF_BUCKET), hash);
		found = found >> way % HF_BUCKET << way % HF_BUCKET;
		if (!found) {
			way += HF_BUCKET - way % HF_BUCKET;
			continue;
		}
		way = way - way % HF_BUCKET + (unsigned)__builtin_ctz(found);
		*ret_seen = atomic_load_explicit(hf_home_slot(home, way), memory_order_acquire);
		if (hf_slot_has_tag(*ret_seen, hash))
			return way;
		way++;
	}
	return HF_WAYS;
}

static inline const _Atomic uint64_t *hf_shard_entry(const struct hf_shard *shard, uint64_t slot)
{
	const struct hf_ring *log = hf_shard_log(shard, slot);
	return &log->words[hf_slot_position(log, slot) % log->capacity];
}

/* A sum that only the owner changes. */
static inline void hf_shard_add(_Atomic uint64_t *sum, uint64_t n)
{
	atomic_store_explicit(
		sum, atomic_load_explicit(sum, memory_order_relaxed) + n, memory_order_relaxed);
}

static inline uint64_t hf_shard_ghost_buckets(const struct hf_shard *shard)
{
	return (uint64_t)shard->pairs_max * HF_GHOST_BUCKETS;
}

/* Pairs of the index at its largest, and of the annex. */
static inline uint64_t hf_shard_pairs(const struct hf_shard *shard)
{
	return (uint64_t)shard->pairs_max + shard->annex_pairs;
}

/* ---- shard.c ---- */

/* A shard in `octets` of memory: -ENOMEM, and then it has to be freed all the same. */
int hf_shard_make(struct hf_shard *shard, uint64_t octets);
void hf_shard_free(struct hf_shard *shard);

/* Where the annex begins. */
static inline _Atomic uint64_t *hf_shard_annex(const struct hf_shard *shard)
{
	return &shard->slots[(uint64_t)shard->pairs_max * HF_WAYS];
}

/* ---- shard_index.c ---- */

/* The slot that holds a hash, or NULL. Two keys with equal 64-bit hashes would replace each
 * other, which is safe: lookups compare the whole key. Any thread. */
_Atomic uint64_t *hf_shard_slot_of(const struct hf_shard *shard, uint64_t hash);

/* The slot that leads to the entry at a position of a log, or NULL if it has been replaced. */
_Atomic uint64_t *hf_shard_slot_of_entry(
	const struct hf_shard *shard, unsigned which, uint64_t position);

/* Empties a slot, which is not counted any more, nor is its entry. */
void hf_shard_forget(struct hf_shard *shard, _Atomic uint64_t *slot);

/* A new entry of n words: `word` is put into `slot`, in the place of an older one for the same key,
 * or (NULL) wherever there is room for the hash, for which another may have to go. */
void hf_shard_lead(
	struct hf_shard *shard, _Atomic uint64_t *slot, uint64_t hash, uint64_t word, uint64_t n);

/* Is an index that rests to be stretched once there are so many entries? Any thread. */
bool hf_shard_stretches(const struct hf_shard *shard, uint64_t entries);

/* Moves one pair if the index is being stretched or should be: with each new entry. */
void hf_shard_stretch(struct hf_shard *shard);

/* ---- shard_logs.c ---- */

/* Did the small log drop this hash lately? Then it is taken off the ghosts. */
bool hf_shard_take_ghost(struct hf_shard *shard, uint64_t hash);

/* Room for n words at the head of a log: who stands at the tail is carried on or goes.
 * One call carries a bounded number of entries. */
void hf_shard_make_room(struct hf_shard *shard, unsigned which, uint64_t n);

#endif
