/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/shard.h"
#include "cache/stored.h"

/* Entries that one store may carry back to the head of the main log before it
 * evicts whatever comes next: bounds the work of a store. */
#define REINSERT_MAX 32

static inline uint16_t fingerprint(uint64_t hash)
{
	return (uint16_t)(hash >> 32) | 1;
}

/* Four to a bucket, youngest first: two names that share a place do not keep
 * knocking each other out. */
static uint16_t *ghost_bucket(struct hf_shard *shard, uint64_t hash)
{
	uint64_t bucket = (hash & UINT32_MAX) * hf_shard_ghost_buckets(shard) >> 32;
	return &shard->ghosts[bucket * HF_GHOST_BUCKET];
}

static void remember_ghost(struct hf_shard *shard, uint64_t hash)
{
	uint16_t *ghosts = ghost_bucket(shard, hash);
	memmove(ghosts + 1, ghosts, (HF_GHOST_BUCKET - 1) * sizeof *ghosts);
	ghosts[0] = fingerprint(hash);
}

bool hf_shard_take_ghost(struct hf_shard *shard, uint64_t hash)
{
	uint16_t *ghosts = ghost_bucket(shard, hash);
	for (unsigned i = 0; i < HF_GHOST_BUCKET; i++) {
		if (ghosts[i] == fingerprint(hash)) {
			ghosts[i] = 0;
			return true;
		}
	}
	return false;
}

static void drop_tail(struct hf_shard *shard, unsigned which, _Atomic uint64_t *slot)
{
	struct hf_ring *log = &shard->logs[which];
	if (slot) {
		if (which == HF_SHARD_SMALL)
			remember_ghost(shard, hf_stored_hash_at(log, log->tail));
		hf_shard_forget(shard, slot);
		hf_shard_add(&shard->evictions, 1);
	}
	log->tail += hf_stored_words_at(log, log->tail);
}

static void make_room(struct hf_shard *shard, unsigned which, uint64_t n, unsigned *budget);

/* Carries the entry at `from`'s tail to the head of the main log. */
static void carry_to_main(
	struct hf_shard *shard, unsigned from, _Atomic uint64_t *slot, unsigned *budget)
{
	struct hf_ring *log = &shard->logs[from], *main = &shard->logs[HF_SHARD_MAIN];
	uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
	uint64_t hits = (seen & HF_SLOT_HITS) / HF_SLOT_HIT;
	uint64_t n = hf_stored_words_at(log, log->tail);
	if (from == HF_SHARD_SMALL) {
		/* Before the copy: making room may carry, too, in the same buffer. It
		 * touches main only, so this entry and its slot stay. */
		make_room(shard, HF_SHARD_MAIN, n, budget);
		hits = 1;
	}
	hf_ring_copy_out(log, log->tail, shard->carry, n * 8);
	log->tail += n;
	uint64_t at = hf_ring_reserve(main, n);
	shard->carry[1] |= HF_STORED_CARRIED;
	hf_ring_copy_in(main, at, shard->carry, n * 8);
	hf_ring_publish(main);
	uint64_t moved = hf_slot_tag(seen) | HF_SLOT_USED | (hits - 1) * HF_SLOT_HIT | HF_SLOT_LOG |
			 (at & HF_SLOT_POSITION);
	atomic_store_explicit(slot, moved, memory_order_release);
}

static bool asked_again(_Atomic uint64_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed) & HF_SLOT_HITS;
}

static void pop_main(struct hf_shard *shard, uint64_t n, unsigned *budget)
{
	struct hf_ring *main = &shard->logs[HF_SHARD_MAIN];
	_Atomic uint64_t *slot = hf_shard_slot_of_entry(shard, HF_SHARD_MAIN, main->tail);
	/* Carrying back must not take the room that is being made: with the head
	 * about to wrap, the padding could. */
	bool carry = slot && asked_again(slot) && *budget;
	if (carry) {
		uint64_t words = hf_stored_words_at(main, main->tail);
		struct hf_ring after = *main;
		after.tail += words;
		carry = hf_ring_has_room(&after, words) && n < main->capacity / 2;
	}
	if (carry) {
		--*budget;
		carry_to_main(shard, HF_SHARD_MAIN, slot, budget);
	} else {
		drop_tail(shard, HF_SHARD_MAIN, slot);
	}
}

/* Nothing has ever had to leave the main log: it need not choose yet. */
static bool still_filling(const struct hf_shard *shard, uint64_t n)
{
	return shard->logs[HF_SHARD_MAIN].tail == 0 &&
	       hf_ring_has_room(&shard->logs[HF_SHARD_MAIN], n);
}

static void pop_small(struct hf_shard *shard, unsigned *budget)
{
	struct hf_ring *small = &shard->logs[HF_SHARD_SMALL];
	_Atomic uint64_t *slot = hf_shard_slot_of_entry(shard, HF_SHARD_SMALL, small->tail);
	uint64_t n = hf_stored_words_at(small, small->tail);
	if (slot && *budget && (asked_again(slot) || still_filling(shard, n))) {
		--*budget;
		carry_to_main(shard, HF_SHARD_SMALL, slot, budget);
	} else {
		drop_tail(shard, HF_SHARD_SMALL, slot);
	}
}

static __attribute__((noinline)) void make_room(
	struct hf_shard *shard, unsigned which, uint64_t n, unsigned *budget)
{
	struct hf_ring *log = &shard->logs[which];
	while (!hf_ring_has_room(log, n)) {
		if (which == HF_SHARD_MAIN)
			pop_main(shard, n, budget);
		else
			pop_small(shard, budget);
	}
}

void hf_shard_make_room(struct hf_shard *shard, unsigned which, uint64_t n)
{
	unsigned budget = REINSERT_MAX;
	if (!hf_ring_has_room(&shard->logs[which], n))
		make_room(shard, which, n, &budget);
}
