/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/shard.h"

#include <errno.h>
#include <stdlib.h>

#include "base/pages.h"
#include "cache/stored.h"

#define FIRST_PAIRS 64 /* of an index: 8 KiB */
#define FULL 11        /* slots of a pair that are taken in a full cache, on average */

/* So many pairs share one of the annex: a quarter of a slot for each, where a full index
 * needs a tenth. */
#define ANNEX_PART 64

/* A tenth for newcomers, as in the paper: its authors found 5 to 20 % alike. */
#define SMALL_PART 10

/* A typical entry: header, 60 to 150 octets of answer, offsets. Only sets the
 * ratio of index to logs; with others the one or the other fills first. */
#define TYPICAL_WORDS 16

static size_t annex_octets(const struct hf_shard *shard)
{
	return (size_t)shard->annex_pairs * HF_WAYS * 8;
}

static size_t index_octets(const struct hf_shard *shard)
{
	return hf_shard_pairs(shard) * HF_WAYS * 8;
}

static size_t ghost_octets(const struct hf_shard *shard)
{
	return hf_shard_ghost_buckets(shard) * HF_GHOST_BUCKET * sizeof *shard->ghosts;
}

int hf_shard_make(struct hf_shard *shard, uint64_t octets)
{
	/* For each pair its slots and ghosts, and what it leads to in a full cache. */
	uint64_t ghosts = HF_GHOST_BUCKETS * HF_GHOST_BUCKET * sizeof *shard->ghosts;
	uint64_t slots = HF_WAYS * 8 + HF_WAYS * 8 / ANNEX_PART;
	uint64_t pairs = octets / (slots + ghosts + FULL * TYPICAL_WORDS * 8) + 1;
	shard->pairs_max = pairs < UINT32_MAX ? (uint32_t)pairs : UINT32_MAX;
	shard->annex_pairs = shard->pairs_max / ANNEX_PART + 1;
	uint32_t first = shard->pairs_max < FIRST_PAIRS ? shard->pairs_max : FIRST_PAIRS;
	atomic_init(&shard->shape, hf_shape(first, first));
	shard->slots = hf_pages_get(index_octets(shard));
	shard->ghosts = hf_pages_get(ghost_octets(shard));
	if (shard->slots && index_octets(shard) >= HF_PAGES_HUGE)
		hf_pages_sparse((void *)hf_shard_annex(shard), annex_octets(shard));
	shard->carry = malloc((size_t)HF_STORED_WORDS_MAX * 8);
	if (!shard->slots || !shard->ghosts || !shard->carry)
		return -ENOMEM;
	uint64_t words = (octets - index_octets(shard) - ghost_octets(shard)) / 8 -
			 HF_SHARD_LOGS * HF_RING_BLOCK;
	if (hf_ring_make(&shard->logs[HF_SHARD_SMALL], words / SMALL_PART) ||
		hf_ring_make(&shard->logs[HF_SHARD_MAIN], words - words / SMALL_PART))
		return -ENOMEM;
	return 0;
}

void hf_shard_free(struct hf_shard *shard)
{
	hf_pages_free((void *)shard->slots, index_octets(shard));
	hf_pages_free(shard->ghosts, ghost_octets(shard));
	free(shard->carry);
	for (unsigned i = 0; i < HF_SHARD_LOGS; i++)
		hf_ring_free(&shard->logs[i]);
}
