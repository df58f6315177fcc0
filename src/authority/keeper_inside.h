/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keeper_inside.h - what a keeper consists of. Private to the files that are one.
 *
 * Story: a keeper hears of events, and each ends in hf_keeper_settle, which asks the gate what
 * comes of it. Each of these files does one thing with it:
 *
 *   keeper_life.c   its life: made, made of the one before under another configuration, ended;
 *                   and what others read of it
 *   keeper_state.c  what the gate says, as the entry that workers go by and as words; what is
 *                   due next
 *   keeper_copy.c   the version that is here, and its copy and proof on the disk
 *   keeper_ask.c    what witnesses, siblings and NOTIFY messages say
 *   keeper_fetch.c  versions that come from the source: judged, taken or refused
 *
 * Ownership: a keeper is the authority's (authority/keeper.h).
 * Threads: the authority's.
 * At the bound: as keeper.h says. */
#ifndef HF_AUTHORITY_KEEPER_INSIDE_H
#define HF_AUTHORITY_KEEPER_INSIDE_H

#include "authority/keeper.h"
#include "zone/sibling.h"

struct hf_judging;
struct hf_notify;
struct hf_updates;
struct hf_witness;
struct hf_keeper_saving; /* a copy that a hand writes */

struct hf_zone_keeper {
	struct hf_zone_keeper_conf conf;
	struct hf_keeper_saving *saving; /* NULL: none is under way */
	struct hf_judging *judging;      /* a version that was fetched; NULL */
	struct hf_zone_keeper_link link;
	struct hf_source *source; /* NULL: it cannot be fetched (conf.obstacle) */
	struct hf_witness *witnesses[HF_GATE_WITNESSES_MAX];
	struct hf_notify *notify;   /* NULL: nobody wants to know */
	struct hf_updates *updates; /* NULL: nobody takes them */
	size_t asked_count;         /* of the gate's witnesses; behind them are the siblings */
	bool odd;
	bool stated;                   /* its state has been told, since the start */
	bool darkened;                 /* hf_zone_keeper_darkened */
	char unheard[HF_GATE_WHY_MAX]; /* who of them could not be asked last, and why; "" */
	struct hf_gate gate;
	struct hf_zones_entry entry;
	struct hf_timer turn_timer; /* time passes */
	struct hf_timer ask_timer;  /* questions, a little apart from others' */
	bool fetching, wanted;
	bool hurried;      /* somebody says that there is a new version */
	bool unsaved;      /* the copy on the disk is not of this version */
	hf_us save_within; /* ... and is written in so long */
	hf_us save_at;     /* ... not before; 0: at any time */
	hf_us save_pause;  /* ... for so long, since the disk took none of it; 0: it did */
	bool whole;        /* what was given last was refused: all of it, next time */
	size_t first;      /* the primary to begin with, once; or _NO_PRIMARY */
	unsigned failures; /* in a row */
	hf_us fetch_at;    /* not before */
	hf_us notified_at;
	hf_us look_at;       /* a NOTIFY is to be followed then; HF_NEVER */
	hf_us proof_written; /* the proof on the disk */
	hf_us loaded;
	uint64_t loads, refused, transfers, transfers_failed, notifies, put_off;
	char fault[200];
};

/* ---- keeper_state.c ---- */

/* Says what happened, about this zone. */
void hf_keeper_tell(struct hf_zone_keeper *k, struct hf_event event, hf_us now);
void hf_keeper_tell_why(
	struct hf_zone_keeper *k, struct hf_event event, const char *why, hf_us now);

/* The same fault is told once, until something works. */
void hf_keeper_fail(struct hf_zone_keeper *k, enum hf_event_kind kind, uint32_t serial,
	const char *why, hf_us now);

/* Behind every event: does what the gate says, and waits for what is due next. `before`: the
 * version that the entry had when the event came. */
void hf_keeper_settle_from(struct hf_zone_keeper *k, const struct hf_zone *before, hf_us now);
void hf_keeper_settle(struct hf_zone_keeper *k, hf_us now); /* it has the same version */
void hf_keeper_time_passed(struct hf_timer *timer, hf_us now);

/* The gate's words, and what it cannot know: who did not answer, what the source lacks. */
const char *hf_keeper_say_state(
	const struct hf_zone_keeper *k, hf_us now, char why[static HF_ZONE_STATE_WHY_MAX]);

void hf_keeper_want_fetch(struct hf_zone_keeper *k, hf_us now);
hf_us hf_keeper_jitter(const struct hf_zone_keeper *k, hf_us most);

/* ---- keeper_copy.c ---- */

/* The SOA of a version, with its times within refresh-min and refresh-max. */
struct hf_zone_soa hf_keeper_soa(const struct hf_zone_keeper *k, const struct hf_zone *zone);

/* This version is the one that is here. `journal`: what has changed, for secondaries that have the
 * version before; NULL: nothing. */
void hf_keeper_take(struct hf_zone_keeper *k, struct hf_zone *zone, struct hf_journal *journal,
	hf_us proven, hf_us now);

/* May it still be served? An address in it may be retired since it was taken. */
bool hf_keeper_still_sane(struct hf_zone_keeper *k, const struct hf_zone *zone, hf_us now);

void hf_keeper_load(struct hf_zone_keeper *k, hf_us now); /* the copy of the last time */
void hf_keeper_save(struct hf_zone_keeper *k, hf_us now);
void hf_keeper_save_proof(struct hf_zone_keeper *k);
void hf_keeper_end_saving(struct hf_zone_keeper *k); /* a hand may still be at it */

/* ---- keeper_ask.c ---- */

void hf_keeper_ask_all(struct hf_timer *timer, hf_us now);
int hf_keeper_make_witnesses(
	struct hf_zone_keeper *k, enum hf_witness_kind *kinds, size_t *ret_count);

/* ---- keeper_fetch.c ---- */

int hf_keeper_make_source(struct hf_zone_keeper *k);

#endif
