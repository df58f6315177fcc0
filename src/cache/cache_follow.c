/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "cache/cache_inside.h"
#include "cache/stored.h"

void hf_cache_note_removals(struct hf_cache *cache)
{
	cache->note_removals = true;
}

unsigned hf_cache_shards(const struct hf_cache *cache)
{
	return cache->shard_count;
}

uint64_t hf_cache_slots(const struct hf_cache *cache)
{
	return hf_shard_pairs(&cache->shards[0]) * HF_WAYS;
}

struct hf_cache_mark hf_cache_mark(const struct hf_cache *cache, unsigned shard)
{
	const struct hf_ring *logs = cache->shards[shard].logs;
	struct hf_cache_mark mark;
	/* The small log first: see the header. */
	mark.newcomers = atomic_load_explicit(&logs[HF_SHARD_SMALL].written, memory_order_acquire);
	mark.settled = atomic_load_explicit(&logs[HF_SHARD_MAIN].written, memory_order_acquire);
	return mark;
}

/* The question that an answer repeats. Returns where it ends, 0: there is none. */
static size_t take_question(struct hf_cache_entry *ret)
{
	const uint8_t *name = ret->copy.kept.wire + HF_HEADER_LEN;
	size_t left = ret->copy.kept.len - (size_t)HF_HEADER_LEN;
	size_t len = ret->copy.kept.len > HF_HEADER_LEN + 4 ? hf_name_wire_len(name, left - 4) : 0;
	if (!len)
		return 0;
	ret->type = ret->flags & HF_CACHE_NAME ? 0 : hf_get_u16(name + len);
	ret->class = hf_get_u16(name + len + 2);
	return HF_HEADER_LEN + len + 4;
}

/* Copies out all that a header, which was intact, says lies at a position. False: torn,
 * or larger than the copy's memory. */
static bool take_all(const struct hf_ring *log, uint64_t position, const struct hf_stored *h,
	struct hf_cache_entry *ret)
{
	size_t question_end;
	ret->hash = h->hash;
	ret->flags = h->w1 & HF_STORED_KEY_FLAGS;
	ret->gone = h->w1 & HF_STORED_GONE;
	if (!hf_stored_take_wire(&log->words[position % log->capacity], h, &ret->copy) ||
		!hf_ring_intact(log, position))
		return false;
	question_end = take_question(ret);
	if (hf_unexpected(!question_end) ||
		!hf_stored_take_ends(log, position, h, question_end, &ret->copy) ||
		!hf_ring_intact(log, position))
		return false;
	hf_stored_take_rest(h, &ret->copy);
	ret->copy.hits = 0;
	return true;
}

/* Padding, failures and what has been in a log before are passed over. */
static enum hf_cache_step step_over(
	const struct hf_ring *log, uint64_t *at, struct hf_cache_entry *ret)
{
	uint64_t position = *at, first = hf_ring_word(log, position);
	uint64_t n = hf_stored_words_at(log, position);
	if (!hf_ring_intact(log, position))
		return HF_CACHE_STEP_LOST;
	*at += n;
	if (first == HF_RING_PADDING)
		return HF_CACHE_STEP_ON;
	const struct hf_stored h = hf_stored_load(log, position);
	if (!hf_ring_intact(log, position))
		return HF_CACHE_STEP_LOST;
	if (h.w1 & (HF_STORED_CARRIED | HF_CACHE_FAILED))
		return HF_CACHE_STEP_ON;
	return take_all(log, position, &h, ret) ? HF_CACHE_STEP_ENTRY : HF_CACHE_STEP_LOST;
}

static enum hf_cache_step follow_log(
	const struct hf_ring *log, uint64_t *at, uint64_t end, struct hf_cache_entry *ret)
{
	while (*at != end) {
		enum hf_cache_step step = step_over(log, at, ret);
		if (step == HF_CACHE_STEP_LOST)
			*at = end;
		if (step != HF_CACHE_STEP_ON)
			return step;
	}
	return HF_CACHE_STEP_END;
}

enum hf_cache_step hf_cache_follow(const struct hf_cache *cache, unsigned shard,
	struct hf_cache_mark *at, const struct hf_cache_mark *end, struct hf_cache_entry *ret)
{
	const struct hf_ring *logs = cache->shards[shard].logs;
	enum hf_cache_step step = follow_log(&logs[HF_SHARD_MAIN], &at->settled, end->settled, ret);
	return step != HF_CACHE_STEP_END
		       ? step
		       : follow_log(&logs[HF_SHARD_SMALL], &at->newcomers, end->newcomers, ret);
}

bool hf_cache_peek(
	const struct hf_cache *cache, unsigned shard, uint64_t slot, struct hf_cache_entry *ret)
{
	const struct hf_shard *of = &cache->shards[shard];
	uint64_t pair = slot / HF_WAYS;
	if (pair >= hf_shape_extent(hf_shard_shape(of), of->pairs_max) && pair < of->pairs_max)
		return false;
	/* An entry that moves while it is copied has a new place at once. */
	for (int tries = 0; tries < 4; tries++) {
		uint64_t seen = atomic_load_explicit(&of->slots[slot], memory_order_acquire);
		if (!seen)
			return false;
		const struct hf_ring *log = hf_shard_log(of, seen);
		uint64_t position = hf_slot_position(log, seen);
		const struct hf_stored h = hf_stored_load(log, position);
		if (!hf_ring_intact(log, position))
			continue;
		if (h.w1 & HF_CACHE_FAILED)
			return false;
		if (take_all(log, position, &h, ret)) {
			ret->copy.hits = (uint8_t)((seen & HF_SLOT_HITS) / HF_SLOT_HIT);
			return true;
		}
	}
	return false;
}

bool hf_cache_stored(const struct hf_cache *cache, const struct hf_cache_key *key, hf_us *ret)
{
	const struct hf_shard *shard = hf_cache_shard_to_read(cache, key);
	const _Atomic uint64_t *slot = hf_shard_slot_of(shard, key->hash);
	uint64_t seen = slot ? atomic_load_explicit(slot, memory_order_acquire) : 0;
	if (!seen)
		return false;
	const struct hf_ring *log = hf_shard_log(shard, seen);
	const struct hf_stored h = hf_stored_load(log, hf_slot_position(log, seen));
	if (h.hash != key->hash || !hf_ring_intact(log, hf_slot_position(log, seen)))
		return false;
	*ret = hf_stored_instant(&h);
	return true;
}
