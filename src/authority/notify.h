/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.h - secondaries of one zone are told that it has a new version: RFC 1996.
 *
 * Story: whoever `notify` lists is told of each version that is served, each on its own:
 * one that does not answer is told again, after two seconds, then twice as long each time
 * up to a minute, jittered, until it answers, a newer version takes its place, or
 * HF_NOTIFY_TRIES have been in vain; then `failed` is called once. A message is signed with
 * the zone's transfer key, if it has one, and then only a signed reply counts. Any reply
 * ends it: what a secondary says of it (NOTIMP, REFUSED) would be the same again, and is
 * told as a failure.
 * Who looks after the zone anew (a reload) knows from `before` who has been told of what.
 * Ownership: configuration and calls outlive it; the key is copied.  Threads: the
 * authority's.
 * At the bound: all zones together have HF_CALLS_NOTIFIES messages under way at a time; the
 * next ones wait their turn. */
#ifndef HF_AUTHORITY_NOTIFY_H
#define HF_AUTHORITY_NOTIFY_H

#include "authority/call.h"
#include "zone/snapshot.h"
#include "zone/tsig.h"
#include "zone/zone_conf.h"

#define HF_NOTIFY_TRIES 12

struct hf_notify;

struct hf_notify_conf {
	struct hf_calls *calls;
	const struct hf_zone_conf *zone;
	const struct hf_tsig_key *key; /* NULL: unsigned */
	/* A secondary could not be told: why, a phrase. */
	void (*failed)(void *ctx, const struct hf_address *who, uint32_t serial, const char *why,
		hf_us now);
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
};
struct hf_notify_figures hf_notify_figures(const struct hf_notify *notify); /* NULL: zeros */

#endif
