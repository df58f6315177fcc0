/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keeper.h - one zone looked after: its source, its witnesses, its gate, its copy.
 *
 * Story: a keeper has the version that is served, or none. Events come to it: a source has
 * something, a witness said a serial, a NOTIFY came, time passed. It tells the gate
 * (zone/gate.h), and does what that says: ask the witnesses, fetch. A new version is held
 * against the old one first (authority/judging.h), and so long the fetch goes on: one that is
 * refused leaves the old one in its place, and is told of. What workers need to know (version, standing, why) is the
 * keeper's *entry*; whenever it changes, `changed` is called.
 * Each version that takes another's place leaves the difference in the journal of the entry
 * (zone/journal.h), and each that is served is told to secondaries (authority/notify.h) and
 * given to those who take updates (authority/update.h).
 * What fails is tried again after a second, twice as long each time, up to the SOA's retry;
 * all waits are jittered.
 * A fetch is begun by the authority, when it has the time for it (`want`).
 * Ownership: configuration, loop, watch and copies outlive it.  Threads: the authority's.
 * At the bound: one fetch and one round of questions at a time. */
#ifndef HF_AUTHORITY_KEEPER_H
#define HF_AUTHORITY_KEEPER_H

#include "authority/source.h"
#include "meter/event.h"
#include "truth/tombstones.h"
#include "zone/gate.h"
#include "zone/zones.h"

struct hf_zone_keeper;
struct hf_copies;
struct hf_hands;
struct hf_keys;
struct hf_loan;

struct hf_zone_keeper_handler {
	/* Its entry is another. */
	void (*changed)(void *ctx, struct hf_zone_keeper *keeper);
	/* Its figures are. */
	void (*moved)(void *ctx);
	/* It wants to fetch: call hf_zone_keeper_fetch, later. */
	void (*want)(void *ctx, struct hf_zone_keeper *keeper);
	/* Something happened; `about` and `at` are filled in. */
	void (*tell)(void *ctx, struct hf_event *event);
};

struct hf_zone_keeper_conf {
	struct hf_loop *loop;
	struct hf_calls *calls;
	const struct hf_zone_conf *zone;
	const struct hf_tsig_key *key;        /* NULL: unsigned */
	const struct hf_tsig_key *notify_key; /* for what secondaries are told; NULL: unsigned */
	const struct hf_zones_conf *zones;    /* with the servers that `zone.updates` names */
	const struct hf_keys *keys;
	const char *obstacle; /* why nothing can be fetched, such as a key that is missing; NULL */
	struct hf_watch *watch;                 /* or NULL */
	struct hf_hands *hands;                 /* or NULL */
	struct hf_loan *loan; /* of the configuration, for jobs that read it; or NULL */
	struct hf_copies *copies;               /* or NULL */
	const struct hf_tombstones *tombstones; /* or NULL */
	size_t siblings; /* witnesses that somebody else asks: hf_zone_keeper_sibling */
	const struct hf_zone_keeper_handler *handler;
	void *ctx;
};

/* `before`: who looked after the zone until now, whose version and standing it takes over;
 * or NULL: then the copy of the last time is read. -ENOMEM. */
int hf_zone_keeper_new(const struct hf_zone_keeper_conf *conf, const struct hf_zone_keeper *before,
	struct hf_zone_keeper **ret);
void hf_zone_keeper_free(struct hf_zone_keeper *keeper); /* NULL is fine */

/* The process ends in order: what the disk does not have yet is written down. */
void hf_zone_keeper_finish(struct hf_zone_keeper *keeper);

/* The zone was answered under `before`, and is not since this took its place: a configuration
 * did that, by an address that is retired, say. */
bool hf_zone_keeper_darkened(const struct hf_zone_keeper *keeper);

/* To be called once, after `want`. */
void hf_zone_keeper_fetch(struct hf_zone_keeper *keeper, hf_us now);

/* A NOTIFY came from `peer`. */
void hf_zone_keeper_notified(struct hf_zone_keeper *keeper, const struct hf_address *peer,
	bool has_serial, uint32_t serial, hf_us now);

/* ---- siblings (authority/siblings.h) ---- */

struct hf_sibling_zone;
void hf_zone_keeper_sight(const struct hf_zone_keeper *keeper, struct hf_sibling_zone *ret);

/* A sibling was asked for the serial. */
void hf_zone_keeper_sibling(
	struct hf_zone_keeper *keeper, size_t sibling, bool reached, uint32_t serial, hf_us now);

/* What a round found: ours is to be served, marked; our records are not those of the others. */
void hf_zone_keeper_twins(struct hf_zone_keeper *keeper, bool panic, bool odd, hf_us now);

/* ---- readers ---- */

const struct hf_zone_conf *hf_zone_keeper_conf(const struct hf_zone_keeper *keeper);
const struct hf_zones_entry *hf_zone_keeper_entry(const struct hf_zone_keeper *keeper);

struct hf_zone_keeper_figures {
	enum hf_gate_state state;
	enum hf_zone_standing standing;
	bool has_copy, published_known;
	bool odd; /* its records are not those of its siblings, which agree */
	uint32_t serial, published;
	size_t records, octets;
	hf_us proven, loaded; /* HF_GATE_NEVER: never */
	uint64_t loads, refused, transfers, transfers_failed, notifies;
	uint64_t put_off; /* fetches, for want of memory */
	uint64_t notifies_sent;
	unsigned untold;              /* secondaries that could not be told, or did not fetch */
	struct hf_source_sight sight; /* of a URL; else empty */
	size_t updates;  /* providers that are given updates: hf_zone_keeper_updates */
	char why[HF_ZONE_STATE_WHY_MAX]; /* of the state, and what is behind it */
	char fault[200];
};
void hf_zone_keeper_figures(
	const struct hf_zone_keeper *keeper, hf_us now, struct hf_zone_keeper_figures *ret);

struct hf_update_figures;
/* Of each provider that is given updates; room for HF_ZONE_UPDATES_MAX. Returns how many. */
size_t hf_zone_keeper_updates(const struct hf_zone_keeper *keeper, struct hf_update_figures *ret);

/* The link of whoever lines keepers up. */
struct hf_zone_keeper_link {
	struct hf_zone_keeper *next, **prev; /* prev NULL: in no line */
};
struct hf_zone_keeper_link *hf_zone_keeper_link(struct hf_zone_keeper *keeper);

#endif
