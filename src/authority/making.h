/* SPDX-License-Identifier: GPL-3.0-or-later */
/* making.h - a zone made of what was transferred, beside the thread that looks after all.
 *
 * Story: when the last record of a transfer has come, the zone is sorted, checked and written
 * down, which takes a second for a million records. A large one is made by a hand
 * (authority/hands.h), a small one at once.
 * Whoever begins one has a place for it, and may give it up at any time: then what comes of
 * it is dropped when it is there.
 * Ownership: it owns the transfer and all that the transfer holds.  Threads: the loop's; the
 * transfer is a hand's meanwhile.
 * At the bound: one for each place. When the hands are closed nothing is called any more. */
#ifndef HF_AUTHORITY_MAKING_H
#define HF_AUTHORITY_MAKING_H

#include "authority/hands.h"
#include "zone/transfer.h"

struct hf_making;

struct hf_made {
	int rc;               /* as hf_transfer_zone has it */
	const char *why;      /* with it, a phrase; good until the call returns */
	struct hf_zone *zone; /* 0: whoever is called takes it */
	bool differences;
};

typedef void hf_making_done(void *ctx, const struct hf_made *made, hf_us now);

/* Takes the transfer, in which all has come. *place is set while it goes on; `done` may be
 * called from within. `hands` may be NULL. -ENOMEM: nothing will be called. */
int hf_making_begin(struct hf_hands *hands, struct hf_transfer *transfer, hf_making_done *done,
	void *ctx, struct hf_making **place, hf_us now);

/* Nobody wants it any more; NULL in *place is fine, and is what it becomes. */
void hf_making_end(struct hf_making **place);

#endif
