/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hold.h - answers that have come and are not believed yet, and their proofs.
 *
 * Story: a flight whose answer has to be shown to be true (truth/trial.h) keeps it here,
 * as it came, and has its addresses proven (prove.h). Whenever a proof comes in, the
 * flight hears that there is news, and rules anew. What it ends with is let go of; but an
 * answer that was given to clients before its proof (`prove-when: after`) stays here on
 * *probation*: in the cache for a few seconds, then for as long as it said once it is
 * proven, or not at all: a proof that fails withdraws it at once, tells of the lie, and
 * whoever is asked next is asked for the truth.
 * Private to engine/.  Threads: the worker's own.
 * Ownership: a hold is its flight's, with all that it keeps; on probation it is the
 * worker's.
 * At the bound: HF_HELD_MOST octets of a worker are held, and of these no client and no
 * expectation has more than four times what is free (base/share.h): made-up names below one
 * "*." take no room from those below another. What comes then is not believed, and counted
 * (HF_COUNT_HELD_REFUSED). */
#ifndef HF_ENGINE_HOLD_H
#define HF_ENGINE_HOLD_H

#include "engine/inside.h"
#include "engine/truth.h"
#include "truth/trial.h"

/* Some four hundred questions with a few answers of the usual size each: more than come
 * in the time of a round trip or of a proof. */
#define HF_HELD_MOST (8u << 20)

/* What is not proven is kept, and told clients to be good, for no longer. */
#define HF_PROVISIONAL_TTL 5 /* s */

struct hf_hold;

struct hf_held {
	unsigned attempt, upstream; /* in the query, in the route */
	const uint8_t *m;
	size_t len;
	hf_us came;
};

struct hf_hold_conf {
	const struct hf_expected *expected; /* of the name; these outlive the hold */
	const struct hf_name *name;
	uint64_t client; /* a number for who asked first; 0: nobody did */
	void (*news)(void *ctx, hf_us now); /* may end the hold */
	void *ctx;
};

/* -ENOMEM, HF_EBOUND. */
int hf_hold_new(struct hf_worker *worker, const struct hf_hold_conf *conf, struct hf_hold **ret);
void hf_hold_free(struct hf_hold *hold); /* NULL is fine */

/* Keeps a copy of an answer (`held`) that says `testimony`, and begins its proofs; those
 * that are known are shown to the trial at once. HF_EBOUND, -ENOMEM; -ENOSYS: it has to be
 * proven and there is nobody to do so. */
int hf_hold_add(
	struct hf_hold *hold, const struct hf_held *held, const struct hf_testimony *testimony);

struct hf_trial *hf_hold_trial(struct hf_hold *hold);
const struct hf_held *hf_hold_at(const struct hf_hold *hold, unsigned answer);

/* An answer is given and stored, as of when it came, before its proof: from here on the hold
 * looks after itself. kept: the answer, for its whole life; it is copied. False: without
 * room for that it stays the flight's, and it is as if the proof stayed missing. */
bool hf_hold_probation(struct hf_hold *hold, unsigned answer, const struct hf_said *said,
	const struct hf_cache_key *key, const struct hf_kept *kept);

void hf_probations_end(struct hf_worker *worker);

#endif
