/* SPDX-License-Identifier: GPL-3.0-or-later */
/* updater.h - when one provider is asked, compared and brought up to date by updates.
 *
 * Story: what a provider has is known by the serial that it shows: "at serial T it had our
 * version S". That holds for as long as it shows T, however its serials are made. It is
 * known from a comparison of all its records (AXFR), or since an update that began from what
 * was known came through. If it shows another serial, somebody else has changed the zone; if
 * it is not known what came of an update, nobody knows. Then all is compared.
 *
 * A *round* asks for the serial, compares where that is needed, sends what differs, asks
 * again, and compares once more if it had compared before or needed more than one message.
 * What differs still is sent once more; then the provider does not keep what it takes, which
 * is told, and no reason to ask all the time. A round that fails is
 * tried again after HF_UPDATER_WAIT, twice as long each time, up to HF_UPDATER_WAIT_MOST,
 * jittered; a new version does not make that sooner. After HF_UPDATER_FORGET failures in a
 * row what it had is forgotten: no old version is kept for one that is gone for long.
 * Without a new version there is a round every `look`, and one that compares every `compare`.
 *
 * Each call returns what is to be done next; what comes of that is the next call.
 * Never:   addresses, messages, zones: the caller has them, and numbers our versions.
 * Threads: pure, one owner; `dice` is a random number.
 * At the bound: one step at a time, one machine a provider and zone. */
#ifndef HF_ZONE_UPDATER_H
#define HF_ZONE_UPDATER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_UPDATER_WAIT HF_SECOND
#define HF_UPDATER_WAIT_MOST (120 * HF_SECOND)
#define HF_UPDATER_FORGET 6

enum hf_updater_act {
	HF_UPDATER_REST,    /* nothing before `due`: then hf_updater_turn */
	HF_UPDATER_ASK,     /* for the SOA record: _said, or _failed */
	HF_UPDATER_COMPARE, /* transfer its zone (_transferred), then send what differs */
	HF_UPDATER_SEND,    /* make the next message of what differs: _differs, or _same */
	HF_UPDATER_GO,      /* send it: _took, or _failed */
};

enum hf_updater_stage {
	HF_UPDATER_RESTS,
	HF_UPDATER_ASKS,
	HF_UPDATER_COMPARES,
	HF_UPDATER_SENDS,
	HF_UPDATER_ASKS_BETWEEN, /* ... two messages */
	HF_UPDATER_ASKS_AFTER,   /* ... the last one */
};

struct hf_updater {
	hf_us look, compare;
	enum hf_updater_stage stage;
	bool wants;       /* there is a version that it is to have: */
	uint64_t version; /* ... this one */
	uint64_t aim;     /* what this round is for */
	bool known;       /* at serial `theirs` it had version `ours` */
	uint64_t ours;
	uint32_t theirs;
	/* ---- of this round ---- */
	bool compared;
	bool verifies;  /* whether it has kept what it took */
	bool drifts;    /* what differs was known not to: somebody else has changed it */
	unsigned sent;  /* messages */
	unsigned again; /* times that it differed behind what it took */
	/* ---- of all ---- */
	bool unguarded;    /* set by the caller: each round ends with a comparison */
	bool spurns;       /* it did not keep what it took, when that was last compared */
	uint64_t good;     /* rounds that ended well */
	unsigned failures; /* rounds in a row */
	hf_us due;
	hf_us compared_at; /* HF_UPDATER_NEVER */
};
#define HF_UPDATER_NEVER INT64_MIN

void hf_updater_init(struct hf_updater *u, hf_us look, hf_us compare);

/* Our version is this one from now on. */
enum hf_updater_act hf_updater_wanted(struct hf_updater *u, uint64_t version, hf_us now);

/* `due` has come. */
enum hf_updater_act hf_updater_turn(struct hf_updater *u, hf_us now);

/* It shows this serial. */
enum hf_updater_act hf_updater_said(struct hf_updater *u, uint32_t theirs, hf_us now);

/* Its zone is here, with this serial. */
enum hf_updater_act hf_updater_transferred(struct hf_updater *u, uint32_t theirs, hf_us now);

/* A message is made: something differs. REST instead of GO: it is not kept anyway. */
enum hf_updater_act hf_updater_differs(struct hf_updater *u, hf_us now);

/* There is nothing (more) that differs. */
enum hf_updater_act hf_updater_same(struct hf_updater *u, uint32_t dice, hf_us now);

/* A message was taken; `last`: there will be no more. */
enum hf_updater_act hf_updater_took(struct hf_updater *u, bool last);

/* Something went wrong. `unsure`: a message may have been taken all the same. */
enum hf_updater_act hf_updater_failed(struct hf_updater *u, bool unsure, uint32_t dice, hf_us now);

/* It has our version, as far as can be known. */
bool hf_updater_current(const struct hf_updater *u);

#endif
