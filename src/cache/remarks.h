/* SPDX-License-Identifier: GPL-3.0-or-later */
/* remarks.h - of which names something may be known that concerns more than one
 * question.
 *
 * Story: whoever finds no answer has more to look for: that the name does not exist,
 * that a name above it does not, that the question has failed lately. Of nearly all
 * names nothing of the kind is known, and to find that out in the cache costs a keyed
 * hash and a part of the index for each name and kind. Here one pass over the name
 * tells it: a table says for a name when the last of what was kept about it ends.
 * Names share places: "nothing" is certain, "something" is a reason to look.
 * A name has two places: one by its keyed hash, which is at hand when it is asked about
 * itself; one by an open hash that is made for all names above another in one pass. Who
 * chooses names can make others look in vain: what they then pay is the price of the look.
 * Knows:   names, instants.  Never: what was said, and by whom.
 * Ownership: the cache's, which says how many places its size is worth.
 * At the bound: more names than places make more looks, and no wrong answer.
 * Threads: any, at any time. What one thread notes another may see a little later,
 * as if it had come a little later. */
#ifndef HF_CACHE_REMARKS_H
#define HF_CACHE_REMARKS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "wire/name.h"

/* Of the most places, 256 KiB: at a hundredth of them in use a miss meets another's remark
 * once in thirty names of three labels. */
#define HF_REMARK_PLACES_MIN 4096
#define HF_REMARK_PLACES_MAX 65536

struct hf_remarks {
	unsigned shift; /* of a hash, so that it is a place */
	_Atomic uint32_t ends[]; /* seconds, rounded up; 0: nothing */
};

/* With as many places as asked for, within the two bounds and as a power of two. -ENOMEM. */
int hf_remarks_new(uint64_t places, struct hf_remarks **ret);
void hf_remarks_free(struct hf_remarks *remarks); /* NULL is fine */

/* Something is kept about the (lowered) name, of which `hash` is a hash, until `end`. */
void hf_remarks_note(
	struct hf_remarks *remarks, const struct hf_name *name, uint64_t hash, hf_us end);

/* May something be kept about the name itself that has not ended before `since`? */
bool hf_remarks_itself(const struct hf_remarks *remarks, uint64_t hash, hf_us since);

/* ... or about a name above it, short of the root? */
bool hf_remarks_above(
	const struct hf_remarks *remarks, const struct hf_name *name, hf_us since);

#endif
