/* SPDX-License-Identifier: GPL-3.0-or-later */
/* authority.h - one thread that obtains, proves, compares and publishes zones.
 *
 * Story: workers answer from a set of zones (zone/zones.h) and know nothing else. Behind
 * them one thread, with a loop of its own, looks after each zone of the configuration: it
 * reads the copy of the last time from the disk, reads the file or asks a primary or a
 * web server, asks witnesses for the published serial, lets the gate (zone/gate.h) say whether the
 * copy may be served, writes down what was proven, tells secondaries, and hands workers a new set
 * whenever one of these changes. NOTIFY messages that a listener gets come here, too.
 *
 *   authority_*.c the thread, the table of zones, handing over (authority_inside.h)
 *   keeper_*.c    one zone: gate, source and copy put together ("a zone's keeper")
 *   source_file.c source_xfr.c source_url.c   where versions come from
 *   zone_file.c watch.c          ... the text with what it includes, and when it changes
 *   witness.c siblings.c         who is asked for the serial, and for samples
 *   call.c download.c keys.c     what all who ask share: sockets, turns, TLS; HTTP; secrets
 *   hands.c       threads for what takes long: versions of many records
 *   making.c judging.c           ... made of a transfer, and held against the one that is here
 *   copy.c        the copy on the disk: atomic, with a digest, and when it was proven
 *   members.c                    the zones that catalogs want (RFC 9432)
 *   locals.c vigil.c             local data and hosts files; files that come to rest
 *   notify.c      secondaries are told (RFC 1996)
 *   update.c      providers are given what differs (RFC 2136)
 *
 * Ownership: the authority holds a reference on what its configuration belongs to.
 * Threads: start, adopt, stop, figures and notify from any one thread at a time each; the
 * rest is its own.
 * At the bound: HF_ZONES_MAX zones; HF_AUTHORITY_TRANSFERS transfers at a time, others wait
 * their turn; a zone that fails is tried again at its SOA's retry, jittered. */
#ifndef HF_AUTHORITY_AUTHORITY_H
#define HF_AUTHORITY_AUTHORITY_H

#include <stdio.h>

#include "loop/loop.h"
#include "meter/event.h"
#include "truth/tombstones.h"
#include "zone/gate.h"
#include "zone/local_conf.h"
#include "zone/sibling_conf.h"
#include "zone/zone_conf.h"
#include "zone/zones.h"

struct hf_authority;
struct hf_zone_rules;

struct hf_authority_conf {
	const struct hf_zones_conf *zones;
	const struct hf_siblings_conf *siblings; /* NULL: none */
	const struct hf_tombstones *tombstones;  /* NULL: none */
	const struct hf_local_conf *local;       /* NULL: none */
	const struct hf_zone_rules *rules; /* of the zones, for local data; NULL: there are none */
	void *owner;                       /* what it belongs to; released when no longer needed */
	void (*release)(void *owner);
};

/* Whoever serves: takes a reference on the set if it wants to keep it. Called in the
 * authority's thread, and once from hf_authority_start, before it returns, with what is
 * known at once (files are read, copies are there but unproven). */
typedef void hf_authority_serve(void *ctx, struct hf_zones *zones);

/* Starts. What is wrong with a zone at once (a file with a fault, with line) is said on
 * `complaints`; it does not fail the start: the zone is not served. */
int hf_authority_start(const struct hf_authority_conf *conf, FILE *complaints,
	hf_authority_serve *serve, void *ctx, struct hf_authority **ret);

/* Goes by another configuration: zones that are still there keep their versions. Those that were
 * answered and may not be under this one are named on `complaints`, with why, as far as
 * HF_AUTHORITY_DARKENED_SHOWN of them; it is taken all the same. */
#define HF_AUTHORITY_DARKENED_SHOWN 20
int hf_authority_adopt(
	struct hf_authority *authority, const struct hf_authority_conf *conf, FILE *complaints);

/* How many zones the last configuration has darkened in this way. From who adopts. */
size_t hf_authority_darkened(const struct hf_authority *authority);

/* A NOTIFY for this zone came from `peer` and may be heard (access has been checked). */
void hf_authority_notified(struct hf_authority *authority, const struct hf_name *zone,
	const struct hf_address *peer, bool has_serial, uint32_t serial);

void hf_authority_stop(struct hf_authority *authority);
void hf_authority_free(struct hf_authority *authority); /* NULL is fine; stops */

/* ---- readers: any thread ---- */

struct hf_authority_zone {
	struct hf_name name;
	struct hf_name catalog; /* that it is a member of; len 0: none */
	/* The group there whose settings it has; "": it has its catalog's. */
	char group[HF_ZONE_GROUP_MAX + 1];
	bool required;
	enum hf_gate_state state;
	enum hf_zone_standing standing;
	bool has_copy, published_known;
	bool odd; /* its records are not those of its siblings, which agree among each other */
	uint32_t serial, published;
	size_t records, octets;
	hf_us proven_ago; /* -1: never */
	hf_us loaded_ago; /* when this version came; -1: none */
	uint64_t loads, refused, transfers, transfers_failed, notifies;
	uint64_t put_off; /* fetches, for want of memory */
	uint64_t notifies_sent;
	unsigned untold;           /* secondaries that could not be told, or did not fetch */
	int http_status;           /* of the last answer of its URL; 0: none, or it has no URL */
	hf_us asked_ago;           /* when the URL was last asked for; -1: never */
	char http_tag[40];         /* the ETag of what is here, cut to fit; "" */
	char why[HF_ZONE_STATE_WHY_MAX]; /* of the state, and what is behind it: who could not be
					    asked, what is wrong with the source */
	char fault[200];           /* the last that went wrong with its source; "" */
};
/* One after the other, in the order of their names; while `each` runs, the authority waits. */
void hf_authority_each(struct hf_authority *authority,
	void (*each)(void *ctx, const struct hf_authority_zone *zone), void *ctx);

/* How many zones there are that a node should not be ready with: required and not served,
 * or odd. */
size_t hf_authority_trouble(const struct hf_authority *authority);

/* Of all versions that are being received (authority/space.h). */
struct hf_authority_space {
	uint64_t used;    /* octets */
	uint64_t waiting; /* versions */
};
struct hf_authority_space hf_authority_space(const struct hf_authority *authority);

/* The siblings, and the VIP behind them: at most HF_TWINS_MAX + 1. */
struct hf_sibling_figures;
size_t hf_authority_siblings(
	struct hf_authority *authority, struct hf_sibling_figures *ret, size_t most);

/* Local data: layer by layer (enum hf_local_layer). False: nothing is given. */
struct hf_authority_local {
	size_t records, octets;
	hf_us loaded_ago; /* -1: nothing was ever good */
	unsigned refused; /* versions with faults */
	char fault[200];  /* of the version that was read last; "" */
};
bool hf_authority_local(
	struct hf_authority *authority, unsigned layer, struct hf_authority_local *ret);

/* One for each provider that is given updates, zone after zone. */
struct hf_update_figures;
void hf_authority_each_update(struct hf_authority *authority,
	void (*each)(
		void *ctx, const struct hf_name *zone, const struct hf_update_figures *provider),
	void *ctx);

struct hf_event_ring *hf_authority_events(struct hf_authority *authority);

#endif
