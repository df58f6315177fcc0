/* SPDX-License-Identifier: GPL-3.0-or-later */
/* compare.h - do two answers to one question say the same, and if not, why not?
 *
 * Story: two honest resolvers often give different addresses: content networks answer by
 * the asker's place, round robin gives a part of a set, a client subnet (RFC 7871) another
 * part. So a difference is only what it is when nothing by design explains it: no
 * address in common, none in a network of the other's, and no alias to the same owner. And
 * even then it is a finding for a person and no proof: what two say shows that one of them
 * is wrong, not which. What an expectation can decide, judge.h decides.
 * Two servers of the zone itself (AA) with different serials have different versions of it.
 * Threads: pure. */
#ifndef HF_TRUTH_COMPARE_H
#define HF_TRUTH_COMPARE_H

#include "base/time.h"
#include "truth/testimony.h"

enum hf_compared { /* a label each in metrics, see hf_compared_name */
	HF_COMPARED_AGREE,
	HF_COMPARED_DESIGN,     /* different, as answers of content networks are */
	HF_COMPARED_CONTRADICT, /* different, and nothing explains it */
	HF_COMPARED_OLDER,      /* the second serves an older zone */
	HF_COMPARED_NEWER,      /* ... a newer one */
	HF_COMPARED
};

/* One that nothing explains, as it is shown. */
struct hf_contradiction {
	struct hf_name name;
	struct hf_address believed; /* family 0: no address was given */
	struct hf_address gave;     /* ... by whoever contradicts it */
	hf_us at;
};

/* Types whose answers can be compared: addresses, and what gives them. */
bool hf_compare_can(uint16_t type);

/* Compares the second with the first. *ret_why: a clause that says what it goes by. */
enum hf_compared hf_compare_said(
	const struct hf_testimony *first, const struct hf_testimony *second, const char **ret_why);

/* No record is good for a week without anybody looking (RFC 8767 section 4 caps TTLs at
 * that): in an answer it is a mistake, or meant to stay. */
#define HF_TTL_ABSURD (7 * 86400u)
static inline bool hf_ttl_absurd(const struct hf_testimony *t)
{
	return t->ttl != UINT32_MAX && t->ttl > HF_TTL_ABSURD;
}

const char *hf_compared_name(enum hf_compared compared); /* "agree" */

#endif
