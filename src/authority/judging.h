/* SPDX-License-Identifier: GPL-3.0-or-later */
/* judging.h - may a version take the place of the one that is here, and what changes with it.
 *
 * Story: before a keeper takes a version, all of its records are looked at: is it sane
 * (zone/sanity.h), its digest included; is it a catalog that can be gone by; is it the same as
 * the one that is here; and what do secondaries need to hear of the difference
 * (zone/journal.h). That takes long where either version is large, and is then done by a hand
 * (authority/hands.h), while other zones are looked after; small ones are judged at once.
 * What is found is the keeper's to act upon, in the loop's thread, so the order of versions
 * stays its own; whoever begins has a place for one at a time, and may give it up.
 * Ownership: it holds references on the versions and the journal, and on what the settings
 * are read from.  Threads: the loop's.
 * At the bound: one for each place. When the hands are closed, what they had finished is told,
 * and the rest is dropped. */
#ifndef HF_AUTHORITY_JUDGING_H
#define HF_AUTHORITY_JUDGING_H

#include "authority/hands.h"
#include "authority/source.h"
#include "truth/tombstones.h"
#include "zone/journal.h"
#include "zone/sanity.h"

struct hf_judging;

struct hf_judged {
	struct hf_fetched fetched; /* as it was given; its words are the judging's */
	bool sane, same;           /* same: there is nothing in it that is not here */
	const char *why;           /* not sane: a phrase */
	struct hf_journal
		*journal; /* of the version; NULL: none. Whoever wants it takes a reference */
};

typedef void hf_judging_done(void *ctx, const struct hf_judged *judged, hf_us now);

struct hf_judging_conf {
	struct hf_hands *hands; /* or NULL */
	struct hf_loan *loan;   /* of `zone` and `tombstones`; or NULL */
	const struct hf_zone_conf *zone;
	const struct hf_tombstones *tombstones; /* or NULL */
	struct hf_zone *here;                   /* the version that is here; or NULL */
	struct hf_journal *journal;             /* its journal; or NULL */
	hf_judging_done *done;
	void *ctx;
};

/* Judges fetched->zone. *place is set while it goes on; `done` may be called from within.
 * -ENOMEM: nothing will be called. */
int hf_judging_begin(const struct hf_judging_conf *conf, const struct hf_fetched *fetched,
	struct hf_judging **place, hf_us now);

/* Nobody wants it any more; NULL in *place is fine, and is what it becomes. */
void hf_judging_end(struct hf_judging **place);

#endif
