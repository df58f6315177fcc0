/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache_inside.h"
#include "cache/shard.h"

/* What is used from its end to its beginning, the huge page that it ends in first; the one that
 * it begins in is in use. */
static bool touch_down(struct hf_front *front, uint8_t *base, uint64_t begin, uint64_t end)
{
	uint64_t top = hf_pages_whole(end), from;
	if (!hf_front_next(front, top - hf_pages_whole(begin), &from))
		return false;
	uint64_t at = top - from - HF_PAGES_HUGE;
	hf_pages_prefault(base + at, end - at < HF_PAGES_HUGE ? end - at : HF_PAGES_HUGE);
	return true;
}

static bool touch_up(struct hf_front *front, uint8_t *base, uint64_t size)
{
	uint64_t at;
	if (size < HF_PAGES_HUGE || !hf_front_next(front, size, &at))
		return false;
	hf_pages_prefault(base + at, size - at < HF_PAGES_HUGE ? size - at : HF_PAGES_HUGE);
	return true;
}

static uint64_t index_octets(uint64_t pairs)
{
	return pairs * HF_WAYS * 8;
}

/* What the index has been stretched into, down from its end, or is about to be. */
static void look_at_index(const struct hf_shard *shard, struct hf_prefault *p)
{
	uint64_t shape = hf_shard_shape(shard);
	uint32_t pairs = hf_shape_pairs(shape), next = hf_shape_next(pairs, shard->pairs_max);
	if (next != p->next) /* it has come to rest since, and what was new is in use */
		p->index = (struct hf_front){0};
	p->next = next;
	p->end = index_octets(next);
	p->begin = index_octets(pairs);
	if (hf_shape_rests(shape)) {
		uint64_t entries = atomic_load_explicit(&shard->entries, memory_order_relaxed);
		uint64_t soon = entries > p->entries ? entries - p->entries : 0;
		if (hf_shard_stretches(shard, entries + soon + HF_PREFAULT_MARGIN / (HF_WAYS * 8)))
			hf_front_begins(&p->index);
		p->entries = entries;
	} else {
		uint64_t at = index_octets((uint64_t)hf_shape_frontier(shape) * next / pairs);
		hf_front_look(&p->index, hf_pages_whole(p->end) - at);
	}
}

/* The main log and the ghosts begin to be used when the small log has been full. */
static void look_at_logs(const struct hf_shard *shard, struct hf_prefault *p)
{
	for (unsigned i = 0; i < HF_SHARD_LOGS; i++) {
		const struct hf_ring *log = &shard->logs[i];
		uint64_t written = atomic_load_explicit(&log->written, memory_order_relaxed);
		uint64_t size = log->capacity * 8,
			 used = written < log->capacity ? written * 8 : size;
		if (used + hf_front_look(&p->logs[i], used) >= size && i == HF_SHARD_SMALL) {
			hf_front_begins(&p->logs[HF_SHARD_MAIN]);
			p->ghosts.wanted = UINT64_MAX;
		}
	}
}

static bool touch(const struct hf_shard *shard, struct hf_prefault *p)
{
	for (unsigned i = 0; i < HF_SHARD_LOGS; i++)
		if (touch_up(&p->logs[i], (uint8_t *)(void *)shard->logs[i].words,
			    shard->logs[i].capacity * 8))
			return true;
	return (index_octets(hf_shard_pairs(shard)) >= HF_PAGES_HUGE &&
		       touch_down(&p->index, (uint8_t *)(void *)shard->slots, p->begin, p->end)) ||
	       touch_up(&p->ghosts, (uint8_t *)shard->ghosts,
		       hf_shard_ghost_buckets(shard) * HF_GHOST_BUCKET * sizeof *shard->ghosts);
}

unsigned hf_cache_prefault(struct hf_cache *cache, unsigned most)
{
	unsigned touched = 0;
	for (unsigned i = 0; i < cache->shard_count; i++) {
		look_at_logs(&cache->shards[i], &cache->prefault[i]);
		look_at_index(&cache->shards[i], &cache->prefault[i]);
	}
	for (unsigned i = 0; i < cache->shard_count; i++)
		while (touched < most && touch(&cache->shards[i], &cache->prefault[i]))
			touched++;
	return touched;
}
