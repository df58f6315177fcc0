/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vouch.h - which address holds a certificate for which names, in a simulated world.
 *
 * Story: a scenario says so with lines `certificate ADDRESS NAME...`; a house is given
 * means (engine/prove.h) that look there instead of shaking hands by TLS:
 *   a name that stands there         holds, for a day
 *   a server with none of the name   fails
 *   `certificate ADDRESS none`       a server that speaks no TLS: missing at once
 *   an address without a line        nobody: missing when the prover's patience ends
 * "*.example" is a certificate for the names one label below example, as on the Web.
 * An event of that form changes it.
 * Ownership: the stage's; houses point to it.  Threads: the world's one.
 * At the bound: HF_VOUCHED_MAX addresses, HF_VOUCHED_NAMES names each: then a complaint. */
#ifndef HF_DRILL_VOUCH_H
#define HF_DRILL_VOUCH_H

#include "engine/prove.h"

#define HF_VOUCHED_MAX 256
#define HF_VOUCHED_NAMES 8

struct hf_vouched {                /* what an address shows */
	struct hf_address address; /* port 0: whatever the port */
	unsigned count;            /* 0: it speaks no TLS */
	struct hf_vouched_name {
		struct hf_name name;
		bool below; /* it stood as "*.name" */
	} names[HF_VOUCHED_NAMES];
};

struct hf_vouches {
	size_t count;
	struct hf_vouched all[HF_VOUCHED_MAX];
};

/* Says what an address shows, from now on. False: there is no room. */
bool hf_vouches_set(struct hf_vouches *vouches, const struct hf_vouched *vouched);

/* One worker's eyes: the ctx of the means. */
struct hf_voucher {
	struct hf_loop *loop;
	const struct hf_vouches *vouches;
};

extern const struct hf_prove_means hf_vouch_means;

#endif
