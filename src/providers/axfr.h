/* SPDX-License-Identifier: GPL-3.0-or-later */
/* axfr.h - a whole zone from a server that gives it away (RFC 5936), to be looked at.
 *
 * Story: one connection (authority/call.h), one request, signed if there is a key (RFC
 * 8945), and what comes until the zone is whole. It is never served: whoever serves gets
 * his zone by authority/source_xfr.
 * Ownership: it is its owner's until `done`, after which it is gone.  Threads: the loop's.
 * At the bound: HF_AXFR_RECORDS and HF_AXFR_OCTETS of one zone; `longest` for all of it. */
#ifndef HF_PROVIDERS_AXFR_H
#define HF_PROVIDERS_AXFR_H

#include "authority/call.h"
#include "zone/snapshot.h"
#include "zone/tsig.h"

#define HF_AXFR_RECORDS 2000000
#define HF_AXFR_OCTETS (512u << 20)
#define HF_AXFR_WHY_MAX 160

struct hf_axfr;

struct hf_axfr_conf {
	struct hf_calls *calls;
	struct hf_address from;
	struct hf_name zone;           /* lowered */
	const struct hf_tsig_key *key; /* NULL: not signed; outlives it */
	hf_us longest;
	/* Once, never from within hf_axfr. zone NULL: `why`, and whether it was refused in so
	 * many words; else the callee takes a reference if it wants one. */
	void (*done)(void *ctx, uint32_t token, struct hf_zone *zone, bool refused, const char *why,
		hf_us now);
	void *ctx;
	uint32_t token;
};

/* Begins. -ENOMEM. */
int hf_axfr(const struct hf_axfr_conf *conf, struct hf_axfr **ret);
void hf_axfr_end(struct hf_axfr *axfr); /* before its time; NULL is fine */

#endif
