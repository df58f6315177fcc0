/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shape.h - which pair of buckets a hash belongs to, in an index that is stretched.
 *
 * Story: an index that is made for a full cache is mostly empty while the cache is, and
 * lies all over the memory that it was given. This one begins small. Hashes, as fractions
 * of 2^32, lie in it in their order; when it has become half full it is stretched by a
 * half, one pair of buckets at a time, beginning with the last: its entries go to where
 * they belong in the larger index, which is never before where they were, and where
 * whoever was there has left already. A frontier says how far this has come.
 *
 * A shape is the size (pairs, 32 bits) and the frontier (32 bits): hashes whose pair, by
 * the size, lies at or above the frontier have their pair by the next size. At rest the
 * frontier is the size. All of it is one number, so that readers see one state of it.
 * Knows:   numbers.  Never: what a pair holds, who reads.
 * At the bound: it is never stretched beyond `most`, which is below 2^32.
 * Threads: pure. */
#ifndef HF_CACHE_SHAPE_H
#define HF_CACHE_SHAPE_H

#include <stdbool.h>
#include <stdint.h>

static inline uint64_t hf_shape(uint32_t pairs, uint32_t frontier)
{
	return (uint64_t)pairs << 32 | frontier;
}

static inline uint32_t hf_shape_pairs(uint64_t shape)
{
	return (uint32_t)(shape >> 32);
}

static inline uint32_t hf_shape_frontier(uint64_t shape)
{
	return (uint32_t)shape;
}

static inline bool hf_shape_rests(uint64_t shape)
{
	return hf_shape_pairs(shape) == hf_shape_frontier(shape);
}

/* The next size. */
static inline uint32_t hf_shape_next(uint32_t pairs, uint32_t most)
{
	uint64_t next = (uint64_t)pairs + pairs / 2 + 1;
	return next < most ? (uint32_t)next : most;
}

/* The pair of a hash in an index of so many pairs. */
static inline uint32_t hf_shape_place(uint32_t hash, uint32_t pairs)
{
	return (uint32_t)((uint64_t)hash * pairs >> 32);
}

/* The pair of a hash. */
static inline uint32_t hf_shape_pair(uint64_t shape, uint32_t most, uint32_t hash)
{
	uint32_t pair = hf_shape_place(hash, hf_shape_pairs(shape));
	if (pair < hf_shape_frontier(shape))
		return pair;
	return hf_shape_place(hash, hf_shape_next(hf_shape_pairs(shape), most));
}

/* The shape after the pair before the frontier (at rest: the last one) has been moved. */
static inline uint64_t hf_shape_moved(uint64_t shape, uint32_t most)
{
	uint32_t pairs = hf_shape_pairs(shape), frontier = hf_shape_frontier(shape) - 1;
	if (frontier)
		return hf_shape(pairs, frontier);
	pairs = hf_shape_next(pairs, most);
	return hf_shape(pairs, pairs);
}

/* Pairs that may be in use. */
static inline uint32_t hf_shape_extent(uint64_t shape, uint32_t most)
{
	uint32_t pairs = hf_shape_pairs(shape);
	return hf_shape_rests(shape) ? pairs : hf_shape_next(pairs, most);
}

#endif
