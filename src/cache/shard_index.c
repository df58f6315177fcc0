/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "cache/shard.h"
#include "cache/stored.h"

/* How many of a pair's slots are taken on average before the index is stretched, so that four
 * names in ten thousand find no place in their pair. */
#define STRETCHED_AT 6

/* Of a pair, the slot that leads to this very entry, or NULL. */
static _Atomic uint64_t *slot_that_is(struct hf_home home, uint64_t want)
{
	for (unsigned way = 0; way < HF_WAYS; way++) {
		_Atomic uint64_t *slot = hf_home_slot(home, way);
		uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
		if ((seen & ~HF_SLOT_HITS) == want)
			return slot;
	}
	return NULL;
}

_Atomic uint64_t *hf_shard_slot_of_entry(
	const struct hf_shard *shard, unsigned which, uint64_t position)
{
	uint64_t hash = hf_stored_hash_at(&shard->logs[which], position);
	uint64_t want = hf_slot_tag(hash) | HF_SLOT_USED |
			(which == HF_SHARD_MAIN ? HF_SLOT_LOG : 0) | (position & HF_SLOT_POSITION);
	_Atomic uint64_t *slot = slot_that_is(hf_home_of(shard, hf_shard_shape(shard), hash), want);
	if (!slot && hf_shard_has_annexed(shard, hash))
		slot = slot_that_is(hf_home_annex(shard, hash), want);
	return slot;
}

/* Of a pair, the slot that holds this key, or NULL. */
static _Atomic uint64_t *slot_with(const struct hf_shard *shard, struct hf_home home, uint64_t hash)
{
	uint64_t seen;
	if (!(hf_bucket_with_tag(home.slots, hash) |
		    hf_bucket_with_tag(home.slots + HF_BUCKET, hash)))
		return NULL;
	for (unsigned way = 0; (way = hf_home_next(home, hash, way, &seen)) < HF_WAYS; way++) {
		const struct hf_ring *log = hf_shard_log(shard, seen);
		uint64_t position = hf_slot_position(log, seen);
		if (hf_stored_hash_at(log, position) == hash && hf_ring_intact(log, position))
			return hf_home_slot(home, way);
	}
	return NULL;
}

_Atomic uint64_t *hf_shard_slot_of(const struct hf_shard *shard, uint64_t hash)
{
	_Atomic uint64_t *slot =
		slot_with(shard, hf_home_of(shard, hf_shard_shape(shard), hash), hash);
	if (!slot && hf_shard_has_annexed(shard, hash))
		slot = slot_with(shard, hf_home_annex(shard, hash), hash);
	return slot;
}

/* A slot of the annex is filled, or (by -1) emptied. */
static void count_annexed(struct hf_shard *shard, uint32_t by)
{
	uint32_t count = atomic_load_explicit(&shard->annexed, memory_order_relaxed) + by;
	atomic_store_explicit(&shard->annexed, count, memory_order_release);
	for (size_t i = 0; !count && i < HF_COUNT_OF(shard->marks); i++)
		atomic_store_explicit(&shard->marks[i], 0, memory_order_relaxed);
}

static void mark_annexed(struct hf_shard *shard, uint64_t word)
{
	const unsigned mark = hf_slot_mark(word);
	_Atomic uint64_t *marks = &shard->marks[mark / 64];
	uint64_t before = atomic_load_explicit(marks, memory_order_relaxed);
	atomic_store_explicit(marks, before | 1ull << mark % 64, memory_order_release);
}

/* A slot that is empty is not. */
static void fill_slot(struct hf_shard *shard, _Atomic uint64_t *slot, uint64_t word)
{
	if (slot >= hf_shard_annex(shard)) { /* first: who finds nothing need not look there */
		count_annexed(shard, 1);
		mark_annexed(shard, word);
	}
	atomic_store_explicit(slot, word, memory_order_release);
}

/* Of the entry that a slot leads to. */
static uint64_t words_of(const struct hf_shard *shard, const _Atomic uint64_t *slot)
{
	uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
	const struct hf_ring *log = hf_shard_log(shard, seen);
	return hf_stored_words_at(log, hf_slot_position(log, seen));
}

void hf_shard_forget(struct hf_shard *shard, _Atomic uint64_t *slot)
{
	hf_shard_add(&shard->entries, (uint64_t)-1);
	hf_shard_add(&shard->words, -words_of(shard, slot));
	atomic_store_explicit(slot, 0, memory_order_release);
	if (slot >= hf_shard_annex(shard))
		count_annexed(shard, UINT32_MAX);
}

/* The first empty slot of a pair, or NULL. */
static inline _Atomic uint64_t *empty_slot(struct hf_home home)
{
	for (unsigned way = 0; way < HF_WAYS; way += HF_BUCKET) {
		_Atomic uint64_t *bucket = hf_home_slot(home, way);
		unsigned found = hf_bucket_untaken(bucket);
		if (found)
			return &bucket[__builtin_ctz(found)];
	}
	return NULL;
}

/* Of a pair without an empty slot, in *victim the one whose *least is below all others': fewest
 * hits, newcomers before the settled, older before younger. */
static void find_victim(struct hf_home home, _Atomic uint64_t **victim, uint64_t *least)
{
	for (unsigned way = 0; way < HF_WAYS; way++) {
		_Atomic uint64_t *slot = hf_home_slot(home, way);
		uint64_t wanted = atomic_load_explicit(slot, memory_order_relaxed) &
				  (HF_SLOT_HITS | HF_SLOT_LOG | HF_SLOT_POSITION);
		if (wanted < *least) {
			*least = wanted;
			*victim = slot;
		}
	}
}

/* A slot where there is none: in the annex, or the least wanted of both pairs goes. */
static __attribute__((noinline)) _Atomic uint64_t *slot_elsewhere(
	struct hf_shard *shard, struct hf_home home, uint64_t hash)
{
	struct hf_home annex = hf_home_annex(shard, hash);
	_Atomic uint64_t *slot = empty_slot(annex), *victim = NULL;
	uint64_t least = UINT64_MAX;
	if (slot)
		return slot;
	find_victim(home, &victim, &least);
	find_victim(annex, &victim, &least);
	hf_shard_forget(shard, victim);
	hf_shard_add(&shard->evictions, 1);
	return victim;
}

/* Fills an empty slot for a hash whose pair is `home`. */
static inline void fill(struct hf_shard *shard, struct hf_home home, uint64_t hash, uint64_t word)
{
	_Atomic uint64_t *slot = empty_slot(home);
	if (slot)
		atomic_store_explicit(slot, word, memory_order_release);
	else
		fill_slot(shard, slot_elsewhere(shard, home, hash), word);
}

void hf_shard_lead(
	struct hf_shard *shard, _Atomic uint64_t *slot, uint64_t hash, uint64_t word, uint64_t n)
{
	if (slot) { /* at once: whoever looks meanwhile finds the older or the newer */
		hf_shard_add(&shard->words, n - words_of(shard, slot));
		atomic_store_explicit(slot, word, memory_order_release);
		return;
	}
	fill(shard, hf_home_of(shard, hf_shard_shape(shard), hash), hash, word);
	hf_shard_add(&shard->entries, 1);
	hf_shard_add(&shard->words, n);
}

/* Copies what a step of stretching takes out of a pair to where it belongs in an index of
 * the next size. A bit of what comes back for each slot that was copied. */
static unsigned copy_up(struct hf_shard *shard, uint32_t pair, uint32_t next)
{
	const _Atomic uint64_t *slots = hf_home_in(shard, pair, 0).slots, *entries[HF_WAYS];
	uint64_t seen[HF_WAYS];
	unsigned taken =
		~(hf_bucket_untaken(slots) | hf_bucket_untaken(slots + HF_BUCKET) << HF_BUCKET) &
		((1u << HF_WAYS) - 1);
	unsigned copied = 0;
	for (unsigned left = taken; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		seen[i] = atomic_load_explicit(&slots[i], memory_order_relaxed);
		entries[i] = hf_shard_entry(shard, seen[i]);
		__builtin_prefetch((const void *)entries[i]); /* all at once: each is far away */
	}
	for (unsigned left = taken; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		uint64_t hash = hf_stored_word(entries[i], 0);
		uint32_t to = hf_shape_place((uint32_t)hash, next);
		if (to == pair)
			continue;
		fill(shard, hf_home_in(shard, to, hash), hash, seen[i]);
		copied |= left & -left;
	}
	return copied;
}

bool hf_shard_stretches(const struct hf_shard *shard, uint64_t entries)
{
	uint64_t pairs = hf_shape_pairs(hf_shard_shape(shard));
	return pairs < shard->pairs_max && entries >= pairs * STRETCHED_AT;
}

/* First the copies, then the word that they are there, then the originals go: see the proof in
 * cache.h. */
void hf_shard_stretch(struct hf_shard *shard)
{
	uint64_t shape = hf_shard_shape(shard), pairs = hf_shape_pairs(shape);
	uint64_t entries = atomic_load_explicit(&shard->entries, memory_order_relaxed);
	if (hf_shape_rests(shape) && !hf_shard_stretches(shard, entries))
		return;
	uint32_t pair = hf_shape_frontier(shape) - 1;
	unsigned copied = copy_up(shard, pair, hf_shape_next((uint32_t)pairs, shard->pairs_max));
	atomic_store_explicit(
		&shard->shape, hf_shape_moved(shape, shard->pairs_max), memory_order_release);
	_Atomic uint64_t *slots = hf_home_in(shard, pair, 0).slots;
	for (; copied; copied &= copied - 1)
		atomic_store_explicit(&slots[__builtin_ctz(copied)], 0, memory_order_release);
}
