/* SPDX-License-Identifier: GPL-3.0-or-later */
/* update.h - the providers of one zone that are given it by dynamic updates: RFC 2136.
 *
 * Story: whoever `updates` lists is brought to each version that is served, each on its own:
 * zone/updater.h says when it is asked, compared and sent what, zone/update.h writes the
 * messages; here they go out, over TCP, each over a connection of its own. The SOA record is
 * asked for unsigned, for many servers refuse signed questions; what is built upon it holds
 * only if the server agrees. Updates and transfers are signed with the server's key.
 * One that does not answer an update in time gets messages half as large from then on, down to
 * HF_UPDATE_LEAST: it may have to look up each record on a slow disk.
 * A provider that fails is told of once, with why, until it has a version again; what somebody
 * else changed in its zone is put right, and told.
 * PowerDNS does not find its own SOA record equal to itself. Where that is seen twice, updates
 * go without that condition, and each round ends with a comparison.
 * A zone that is signed is not handed on so: servers that take updates sign by themselves.
 * Who looks after the zone anew (a reload) knows from `before` what each has.
 * Ownership: configuration, keys and calls outlive it. It holds references on the version
 * that is served and, for each provider that is behind, on the one that it had.
 * Threads: the authority's.
 * At the bound: HF_ZONE_UPDATES_MAX providers a zone; HF_CALLS_UPDATES rounds at a time, of
 * which one provider has an eighth: the next ones wait their turn. A provider that says
 * nothing for HF_CALL_PATIENCE has failed. */
#ifndef HF_AUTHORITY_UPDATE_H
#define HF_AUTHORITY_UPDATE_H

#include "authority/call.h"
#include "authority/keys.h"
#include "meter/event.h"
#include "zone/snapshot.h"
#include "zone/zone_conf.h"

#define HF_UPDATES_WHY_MAX 160

struct hf_hands;
struct hf_updates;

struct hf_updates_conf {
	struct hf_calls *calls;
	struct hf_hands *hands; /* or NULL */
	const struct hf_zone_conf *zone;
	const struct hf_zones_conf *zones; /* with the servers that `zone` names */
	const struct hf_keys *keys;
	/* Something happened; `about` and `at` are to be filled in. */
	void (*tell)(void *ctx, struct hf_event event, hf_us now);
	void (*moved)(void *ctx); /* the figures are others */
	void *ctx;
};

/* NULL in *ret: the zone has nobody who takes updates. -ENOMEM. */
int hf_updates_new(const struct hf_updates_conf *conf, const struct hf_updates *before,
	struct hf_updates **ret);
void hf_updates_free(struct hf_updates *updates); /* NULL is fine */

/* This version is served from now on. NULL is fine. */
void hf_updates_tell(struct hf_updates *updates, struct hf_zone *version, hf_us now);

struct hf_update_figures {
	char server[64]; /* its name in the configuration, cut to fit */
	bool known;      /* what it has: */
	bool current;    /* ... is what is served */
	uint32_t serial; /* as it showed it last */
	uint64_t behind; /* versions that it has not, since it last had one; or since the start */
	uint64_t messages, changes; /* taken by it: updates, and records in them */
	uint64_t failures, compares, drifts;
	char fault[HF_UPDATES_WHY_MAX]; /* the last that went wrong, while it is so; "" */
};
/* Those of each provider, at most HF_ZONE_UPDATES_MAX. Returns how many. NULL: 0. */
size_t hf_updates_figures(
	const struct hf_updates *updates, struct hf_update_figures ret[static HF_ZONE_UPDATES_MAX]);
size_t hf_updates_count(const struct hf_updates *updates); /* NULL: 0 */

#endif
