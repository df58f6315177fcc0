/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stale.h - old answers for when no upstream gives a new one (RFC 8767), and the
 * memory of failures that decides when that is (RFC 9520).
 *
 * Story: an answer whose TTL has passed stays in the cache until something
 * better needs its place. It is given, marked, only when a refresh has failed or
 * has taken longer than a client should wait: there is no stale-first. A failure
 * is remembered for a second, twice as long each time in a row, so that neither
 * retries nor stale hits become packets; what is asked while it is remembered,
 * or soon after, gets the old answer at once, and after its time one flight
 * tries anew behind the client's back. The first fresh answer forgets it all.
 * Private to engine/.  Threads: readers any worker; remember and forget the
 * owner of the name. */
#ifndef HF_ENGINE_STALE_H
#define HF_ENGINE_STALE_H

#include "engine/inside.h"

/* An old answer for the key, if there is one young enough; or a fresh one that has
 * come to be known meanwhile. Fills in the copy and the answer that points into it. */
bool hf_stale_find(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy, struct hf_answer *ret);

/* Is there anything to look for beside the answer itself: a denial of the name, a
 * failure that still counts? False is certain. */
bool hf_remarked(const struct hf_worker *worker, const struct hf_cache_key *key, hf_us now);

enum hf_trouble {
	HF_TROUBLE_NONE,
	HF_TROUBLE_NOW,  /* failed a moment ago: do not ask */
	HF_TROUBLE_LATE, /* failed lately: ask, but nobody needs to wait */
};

/* Has the question failed lately? The copy is overwritten. */
enum hf_trouble hf_trouble(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy);

/* It failed (once more). dice: 32 random bits, for the jitter. Returns for how many seconds
 * that counts. */
uint32_t hf_trouble_remember(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	uint32_t dice);

/* It was answered. */
void hf_trouble_forget(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now);

#endif
