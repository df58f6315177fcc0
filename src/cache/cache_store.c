/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "base/error.h"
#include "cache/cache_inside.h"
#include "cache/stored.h"

/* Where a new answer goes: beside the old one if that has settled, to the main
 * log if it was missed since it fell off the small one, else with the newcomers. */
static unsigned choose_log(
	struct hf_shard *shard, uint64_t hash, const _Atomic uint64_t *old, uint64_t n)
{
	if (old && atomic_load_explicit(old, memory_order_relaxed) & HF_SLOT_LOG)
		return HF_SHARD_MAIN;
	return hf_shard_take_ghost(shard, hash) || !hf_ring_fits(&shard->logs[HF_SHARD_SMALL], n)
		       ? HF_SHARD_MAIN
		       : HF_SHARD_SMALL;
}

/* Writes an entry of n words at the head of a log that has room for it and makes its slot
 * lead there. known: there has been an answer for the key. */
static void put(struct hf_shard *shard, unsigned which, const struct hf_stored *h,
	const struct hf_kept *kept, uint64_t n, bool known, uint64_t hits)
{
	/* Only now look for the old answer: making room may have moved or ended it. */
	_Atomic uint64_t *slot = known ? hf_shard_slot_of(shard, h->hash) : NULL;
	if (slot)
		hits = atomic_load_explicit(slot, memory_order_relaxed) & HF_SLOT_HITS;
	uint64_t at = hf_stored_write(&shard->logs[which], h, kept, n);
	uint64_t word = hf_slot_tag(h->hash) | HF_SLOT_USED | hits |
			(which == HF_SHARD_MAIN ? HF_SLOT_LOG : 0) | (at & HF_SLOT_POSITION);
	hf_shard_lead(shard, slot, h->hash, word, n);
}

/* Before it can be found. */
static void remark(
	struct hf_cache *cache, const struct hf_cache_key *key, const struct hf_stored *h)
{
	if (key->flags & (HF_CACHE_NAME | HF_CACHE_FAILED))
		hf_remarks_note(cache->remarks, key->name, key->name_hash,
			hf_stored_instant(h) + (hf_us)hf_stored_ttl(h) * HF_SECOND);
}

/* A lookup compares the question that an answer repeats: what would not be found again
 * is not put in. */
static bool answers_key(const struct hf_cache_key *key, const struct hf_kept *kept)
{
	size_t len = key->name->len;
	const uint8_t *name = kept->wire + HF_HEADER_LEN;
	return kept->len >= HF_HEADER_LEN + len + 4 &&
	       (key->flags & HF_CACHE_NAME || hf_get_u16(name + len) == key->type) &&
	       hf_get_u16(name + len + 2) == key->class;
}

/* Puts an answer into the log that was chosen for it. replaces: there may be an older
 * one for the key; hits: for a key that has none. */
static int enter(struct hf_cache *cache, unsigned which, const struct hf_cache_key *key,
	const struct hf_stored *h, const struct hf_kept *kept, bool replaces, uint64_t hits)
{
	struct hf_shard *shard = hf_cache_shard_of(cache, key);
	uint64_t n = hf_stored_words(h, kept);
	if (!hf_ring_fits(&shard->logs[which], n))
		return HF_EBOUND;
	hf_shard_make_room(shard, which, n);
	remark(cache, key, h);
	put(shard, which, h, kept, n, replaces, hits);
	hf_shard_stretch(shard);
	return 0;
}

/* The header of what is to be entered, if that can be. */
static int head_new(const struct hf_cache_key *key, hf_us stored, const struct hf_kept *kept,
	struct hf_stored *ret)
{
	if (hf_unexpected(!answers_key(key, kept)))
		return HF_EMALFORMED;
	*ret = hf_stored_of(key, stored, kept);
	return hf_stored_instant(ret) == stored ? 0 : HF_EBOUND;
}

int hf_cache_store(struct hf_cache *cache, const struct hf_cache_key *key, hf_us now,
	const struct hf_kept *kept)
{
	struct hf_shard *shard = hf_cache_shard_of(cache, key);
	struct hf_stored h;
	int rc = head_new(key, now, kept, &h);
	if (rc)
		return rc;
	const _Atomic uint64_t *old = hf_shard_slot_of(shard, key->hash);
	unsigned which = choose_log(shard, key->hash, old, hf_stored_words(&h, kept));
	return enter(cache, which, key, &h, kept, old != NULL, 0);
}

/* Leaves word of a removal in the small log; no slot leads to it. */
static void note_removal(struct hf_shard *shard, const struct hf_cache_key *key, hf_us now)
{
	uint8_t wire[HF_HEADER_LEN + HF_NAME_MAX + 4] = {0};
	uint16_t end = (uint16_t)(HF_HEADER_LEN + key->name->len);
	const struct hf_kept kept = {.wire = wire,
		.len = (uint16_t)(end + 4),
		.answer_end = (uint16_t)(end + 4),
		.authority_end = (uint16_t)(end + 4)};
	memcpy(wire + HF_HEADER_LEN, key->name->bytes, key->name->len);
	hf_put_u16(wire + end, key->type);
	hf_put_u16(wire + end + 2, key->class);
	struct hf_stored h = hf_stored_of(key, now, &kept);
	h.w1 |= HF_STORED_GONE;
	uint64_t n = hf_stored_words(&h, &kept);
	if (!hf_ring_fits(&shard->logs[HF_SHARD_SMALL], n))
		return;
	hf_shard_make_room(shard, HF_SHARD_SMALL, n);
	hf_stored_write(&shard->logs[HF_SHARD_SMALL], &h, &kept, n);
}

bool hf_cache_remove(struct hf_cache *cache, const struct hf_cache_key *key, hf_us now)
{
	struct hf_shard *shard = hf_cache_shard_of(cache, key);
	_Atomic uint64_t *slot = hf_shard_slot_of(shard, key->hash);
	if (slot)
		hf_shard_forget(shard, slot);
	if (cache->note_removals && !(key->flags & HF_CACHE_FAILED))
		note_removal(shard, key, now);
	return slot != NULL;
}

int hf_cache_restore(struct hf_cache *cache, const struct hf_cache_key *key, hf_us stored,
	uint8_t hits, const struct hf_kept *kept)
{
	const struct hf_shard *shard = hf_cache_shard_to_read(cache, key);
	struct hf_stored h;
	int rc = head_new(key, stored, kept, &h);
	if (rc)
		return rc;
	uint64_t n = hf_stored_words(&h, kept);
	unsigned which = hf_ring_has_room(&shard->logs[HF_SHARD_MAIN], n) ||
					 !hf_ring_has_room(&shard->logs[HF_SHARD_SMALL], n)
				 ? HF_SHARD_MAIN
				 : HF_SHARD_SMALL;
	return enter(cache, which, key, &h, kept, true, (hits & 3) * HF_SLOT_HIT);
}
