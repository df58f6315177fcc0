/* SPDX-License-Identifier: MIT */
/* share.h - one place for many, and nobody may take all of it.
 *
 * Story: a holder may have as much as four times what is still free (dynamic
 * thresholds, Choudhury and Hahne 1998). Alone it gets four fifths of the place;
 * whoever comes next finds room; and as the place fills up everybody's bound
 * shrinks, the greediest's first. No holder has to be configured, or known
 * before it comes.
 * A holder may also have another *part* of the place than four fifths: P percent alone,
 * and P / (100 - P) times what is free when others hold some.
 * Holders are told apart by a keyed hash among HF_SHARE_HOLDERS counts: two that
 * meet there share a bound. Nobody (0) is bound by the place alone.
 * Threads: one owner. */
#ifndef HF_BASE_SHARE_H
#define HF_BASE_SHARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_SHARE_HOLDERS 1024
#define HF_SHARE_TIMES 4

struct hf_share { /* zeroed: nobody holds anything */
	uint32_t held[HF_SHARE_HOLDERS];
};

/* Who holds, and which part of the place it may have, 1 to 99 percent. */
struct hf_part {
	uint64_t holder; /* 0: nobody, so any of it */
	uint32_t percent;
};

/* May a holder take one more of `most`, of which `used` are taken? */
static inline bool hf_share_has_room(const struct hf_share *share, uint64_t holder, size_t used,
	size_t most)
{
	if (used >= most)
		return false;
	return !holder || share->held[holder % HF_SHARE_HOLDERS] < HF_SHARE_TIMES * (most - used);
}

/* How many more a holder may take if nobody else takes or gives any: each makes its
 * bound smaller by HF_SHARE_TIMES. Nobody may take all that is free. */
static inline size_t hf_share_left(const struct hf_share *share, uint64_t holder, size_t used,
	size_t most)
{
	size_t free = used < most ? most - used : 0;
	if (!holder)
		return free;
	size_t held = share->held[holder % HF_SHARE_HOLDERS], bound = HF_SHARE_TIMES * free;
	return held < bound ? (bound - held + HF_SHARE_TIMES) / (HF_SHARE_TIMES + 1) : 0;
}

/* The same for a part. */
static inline size_t hf_share_part_left(
	const struct hf_share *share, struct hf_part part, size_t used, size_t most)
{
	size_t free = used < most ? most - used : 0;
	if (!part.holder)
		return free;
	size_t held = (100 - part.percent) * (size_t)share->held[part.holder % HF_SHARE_HOLDERS];
	size_t bound = part.percent * free;
	return held < bound ? (bound - held + 99) / 100 : 0;
}

static inline void hf_share_take(struct hf_share *share, uint64_t holder)
{
	share->held[holder % HF_SHARE_HOLDERS] += holder != 0;
}

static inline void hf_share_give(struct hf_share *share, uint64_t holder)
{
	share->held[holder % HF_SHARE_HOLDERS] -= holder != 0;
}

#endif
