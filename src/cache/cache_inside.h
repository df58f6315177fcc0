/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache_inside.h - the cache, as its files see it. Private to them.
 *
 *   cache_life.c    makes it, and sums up
 *   cache_look.c    keys, lookups, looking ahead: any thread
 *   cache_store.c   puts answers in and takes them out: the owner of a shard
 *   cache_follow.c  reads along: any thread
 *   cache_prefault.c  has memory given before the owners come to it: one thread
 *
 * Below them: shard.h, stored.h, ring.h.
 * Ownership and threads: as cache.h.  At the bound: as there. */
#ifndef HF_CACHE_CACHE_INSIDE_H
#define HF_CACHE_CACHE_INSIDE_H

#include "base/fast_hash.h"
#include "cache/cache.h"
#include "cache/prefault.h"
#include "cache/shard.h"

struct hf_prefault { /* of a shard */
	struct hf_front logs[HF_SHARD_LOGS], ghosts, index;
	uint64_t entries;    /* at the last look */
	uint64_t begin, end; /* of what the index is stretched into: octets of it */
	uint32_t next;       /* pairs that it has then */
};

struct hf_cache {
	struct hf_fast_hash names;
	uint64_t size;
	unsigned shard_count;
	bool note_removals;
	struct hf_remarks *remarks;
	struct hf_prefault *prefault; /* one for each shard */
	struct hf_shard shards[];
};

static inline struct hf_shard *hf_cache_shard_of(
	struct hf_cache *cache, const struct hf_cache_key *key)
{
	return &cache->shards[key->shard];
}

static inline const struct hf_shard *hf_cache_shard_to_read(
	const struct hf_cache *cache, const struct hf_cache_key *key)
{
	return &cache->shards[key->shard];
}

#endif
