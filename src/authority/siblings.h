/* SPDX-License-Identifier: GPL-3.0-or-later */
/* siblings.h - the other nodes that serve our zones are asked what they serve.
 *
 * Story: every interval a *round* goes through the zones; of each, every sibling (and the
 * address that clients use, the VIP) is asked over UDP for the SOA record and for a few sets of
 * records that are sampled from our own copy. What they say is laid side by side
 * (zone/twins.h), told to whoever keeps the zone (a sibling is a witness of its gate), and put
 * into words for the log. Any DNS server can be a sibling.
 * Questions have a random id, port and case; with a key they are signed (RFC 8945), and so must
 * replies be.
 * What the zones are, and who wants to know, is the other side of a *door*: callbacks in the
 * loop's thread.
 * Ownership: conf, key and door outlive it.  Threads: the loop's; figures from any.
 * Never: whether a zone may be served.
 * At the bound: HF_TWINS_MAX siblings, HF_SIBLINGS_ZONES zones at a time, one question at a
 * time to each sibling for each of them. A round that takes longer than the interval is
 * followed by the next at once. A sibling that says nothing about three zones in a row is
 * not asked about the rest of the round. */
#ifndef HF_AUTHORITY_SIBLINGS_H
#define HF_AUTHORITY_SIBLINGS_H

#include "loop/loop.h"
#include "meter/event.h"
#include "zone/sibling_conf.h"
#include "zone/snapshot.h"
#include "zone/tsig.h"
#include "zone/twins.h"

#define HF_SIBLINGS_ZONES 8

struct hf_siblings;

struct hf_sibling_zone {      /* one of ours, now */
	struct hf_name name;  /* lowered */
	struct hf_zone *copy; /* with a reference, which is the siblings' to let go; or NULL */
	bool proven;          /* it is served as it is */
	bool primary_reached; /* the last time that one was asked */
};

struct hf_siblings_door {
	/* The zone at place i; false: there are no more. Places may change between rounds. */
	bool (*zone)(void *ctx, size_t i, struct hf_sibling_zone *ret);
	/* A sibling was asked about a zone. */
	void (*said)(void *ctx, const struct hf_name *zone, size_t sibling, bool reached,
		uint32_t serial, hf_us now);
	/* What a round found about a zone: its panic, and whether we are the odd one. */
	void (*found)(
		void *ctx, const struct hf_name *zone, const struct hf_twins *twins, hf_us now);
	void (*event)(void *ctx, const struct hf_event *event);
	void *ctx;
};

struct hf_siblings_setup {
	struct hf_loop *loop;
	const struct hf_siblings_conf *conf; /* with at least one server or a vip */
	const struct hf_tsig_key *key;       /* NULL: unsigned */
	struct hf_siblings_door door;
};

/* Begins its first round soon. -ENOMEM. */
int hf_siblings_new(const struct hf_siblings_setup *setup, struct hf_siblings **ret);
void hf_siblings_free(struct hf_siblings *siblings); /* NULL is fine */

/* ---- readers: any thread ---- */

struct hf_sibling_figures {
	struct hf_address address;
	bool vip;
	size_t zones[HF_TWIN_DIFFERS + 1]; /* by state; of the VIP: unknown, same, behind */
	char worst[256];                   /* "corp.internal: serial 9, the newest is 12"; "" */
};
size_t hf_siblings_figures(
	struct hf_siblings *siblings, struct hf_sibling_figures *ret, size_t most);

#endif
