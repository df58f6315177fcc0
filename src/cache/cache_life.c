/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <stdlib.h>

#include "base/pages.h"
#include "cache/cache_inside.h"

/* Octets of a cache that are worth a place among its remarks (remarks.h): the smallest cache,
 * of some four thousand answers, has as many places. */
#define PER_REMARK 256

int hf_cache_new(
	uint64_t size, unsigned shards, const struct hf_hash_key *hash_key, struct hf_cache **ret)
{
	struct hf_cache *cache = hf_pages_get(sizeof *cache + shards * sizeof cache->shards[0]);
	if (!cache)
		return -ENOMEM;
	hf_fast_hash_init(&cache->names, hash_key, false);
	cache->size = size;
	cache->shard_count = shards;
	cache->prefault = calloc(shards, sizeof *cache->prefault);
	int rc = cache->prefault ? hf_remarks_new(size / PER_REMARK, &cache->remarks) : -ENOMEM;
	for (unsigned i = 0; i < shards; i++) {
		if (rc || hf_shard_make(&cache->shards[i], size / shards)) {
			hf_cache_free(cache);
			return -ENOMEM;
		}
	}
	*ret = cache;
	return 0;
}

void hf_cache_free(struct hf_cache *cache)
{
	for (unsigned i = 0; cache && i < cache->shard_count; i++)
		hf_shard_free(&cache->shards[i]);
	if (!cache)
		return;
	hf_remarks_free(cache->remarks);
	free(cache->prefault);
	hf_pages_free(cache, sizeof *cache + cache->shard_count * sizeof cache->shards[0]);
}

void hf_cache_hash_faster(struct hf_cache *cache)
{
	const struct hf_hash_key key = cache->names.key;
	hf_fast_hash_init(&cache->names, &key, true);
}

struct hf_cache_sums hf_cache_sums(const struct hf_cache *cache)
{
	struct hf_cache_sums sums = {.size = cache->size};
	for (unsigned i = 0; i < cache->shard_count; i++) {
		const struct hf_shard *shard = &cache->shards[i];
		uint64_t entries = atomic_load_explicit(&shard->entries, memory_order_relaxed);
		sums.entries += entries;
		sums.bytes +=
			8 * (entries + atomic_load_explicit(&shard->words, memory_order_relaxed));
		sums.evictions += atomic_load_explicit(&shard->evictions, memory_order_relaxed);
	}
	return sums;
}
