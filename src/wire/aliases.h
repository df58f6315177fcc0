/* SPDX-License-Identifier: MIT */
/* aliases.h - where a kept answer leads: other names than the one that was asked about.
 *
 * Story: whoever asks for www and is told that it is an alias of db gets db's records along
 * with that, from somebody who may have no say in what db is. Here such answers are told
 * from others, and the aliases are followed, up to the first name that somebody else is to
 * be asked about.
 * Knows:   one kept answer, which need not be in order.  Never: whose a name is; it asks.
 * Threads: pure.
 * At the bound: HF_ALIASES_MAX aliases are followed; what stands behind these belongs to no
 * name that was found. */
#ifndef HF_WIRE_ALIASES_H
#define HF_WIRE_ALIASES_H

#include "wire/build.h"

#define HF_ALIASES_MAX 17

/* Is this (lowered) name of interest? */
typedef bool hf_alias_to(void *ctx, const struct hf_name *name);

/* Is any name of interest that an alias of the answer leads to, or that one of its records
 * belongs to, but for the question's own? The wire form may be damaged: what cannot be read
 * ends the search. */
bool hf_aliases_lead(const struct hf_kept *kept, hf_alias_to *to, void *ctx);

/* Does the answer hold an alias at all? */
bool hf_aliases_any(const struct hf_kept *kept);

/* The names from the question's own on, along CNAME and DNAME records (RFC 1034 3.6.2, RFC
 * 6672 2.2). */
struct hf_alias_path {
	unsigned count;
	struct hf_name names[HF_ALIASES_MAX + 1];
	bool stopped; /* the last alias leads to `stop`, which is of interest; not among names */
	struct hf_name stop;
};

/* Follows them up to the first name of interest, which may be the question's own. */
void hf_aliases_follow(
	const struct hf_kept *kept, hf_alias_to *to, void *ctx, struct hf_alias_path *ret);

/* Does a record with this (lowered) owner and type belong to one of the names? */
bool hf_alias_path_has(
	const struct hf_alias_path *path, const struct hf_name *owner, uint16_t type);

#endif
