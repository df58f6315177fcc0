/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.h - secondaries of one zone are told that it has a new version: RFC 1996.
 *
 * Story: whoever `notify` lists is told of each version that is served, each on its own:
 * one that does not answer is told again, after two seconds, then twice as long each time
 * up to a minute, jittered. After HF_NOTIFY_TRIES in vain it is told every HF_NOTIFY_SELDOM, for as
 * long as it takes: a provider that is back after hours must not depend on its own refresh.
 * So many messages in a row without a reply, whatever their versions, and `failed` is called
 * once.
 * The same holds for one that refuses, for it may be starting; NOTIMP alone is an end.
 * An answer says that the message was heard, not that the zone was fetched. So a secondary
 * is asked for its SOA a little later, and told again, less and less often, while what it
 * serves is older. One that does not say what it serves (REFUSED, no authority) is believed.
 * A NOTIFY is signed with the zone's transfer key, if it has one, and then only a signed
 * reply counts. The question is not: Knot refuses signed questions unless it is told to take
 * them. Whoever forged its answer would make us say it once more, or leave it at that.
 * Who looks after the zone anew (a reload) knows from `before` who has been told of what.
 * Ownership: configuration and calls outlive it; the key is copied.  Threads: the
 * authority's.
 * At the bound: all zones together have HF_CALLS_NOTIFIES messages under way at a time, and
 * as many to those who did not answer the last one, so that these hold up nobody else; the
 * next ones wait their turn. However often the zone changes, one that is silent gets a
 * message every two seconds at most. */
#ifndef HF_AUTHORITY_NOTIFY_H
#define HF_AUTHORITY_NOTIFY_H

#include "authority/call.h"
#include "zone/snapshot.h"
#include "zone/tsig.h"
#include "zone/zone_conf.h"

#define HF_NOTIFY_TRIES 12
#define HF_NOTIFY_SELDOM (120 * HF_SECOND)

/* So often it may still have an older version, after five minutes or so, before it is told. */
#define HF_NOTIFY_LAGS 6

struct hf_notify;

struct hf_notify_conf {
	struct hf_calls *calls;
	const struct hf_zone_conf *zone;
	const struct hf_tsig_key *key; /* NULL: unsigned */
	/* A secondary could not be told, or was told and did not fetch: why, a phrase. Once,
	 * until it has one; the trying goes on. */
	void (*failed)(void *ctx, const struct hf_address *who, uint32_t serial, const char *why,
		hf_us now);
	/* One that `failed` was called for has this version, as far as can be known. */
	void (*told)(void *ctx, const struct hf_address *who, uint32_t serial, hf_us now);
	void (*moved)(void *ctx); /* the figures are others */
	void *ctx;
};

/* NULL in *ret: the zone has nobody to tell. -ENOMEM. */
int hf_notify_new(
	const struct hf_notify_conf *conf, const struct hf_notify *before, struct hf_notify **ret);
void hf_notify_free(struct hf_notify *notify); /* NULL is fine */

/* This version is served from now on. Those who know of it are not told again. NULL is
 * fine. */
void hf_notify_tell(struct hf_notify *notify, const struct hf_zone *version, hf_us now);

struct hf_notify_figures {
	uint64_t sent, answered, failed;
	uint64_t asked;  /* for their SOA */
	unsigned untold; /* secondaries that `failed` was called for, and that are so still */
};
struct hf_notify_figures hf_notify_figures(const struct hf_notify *notify); /* NULL: zeros */

#endif
