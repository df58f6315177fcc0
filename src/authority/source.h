/* SPDX-License-Identifier: GPL-3.0-or-later */
/* source.h - where versions of one zone come from, whichever way.
 *
 * Story: a keeper (authority/keeper.h) has one source. It says "look whether there is
 * something newer than this"; some time later, or at once, the source reports one of
 * three things: a new version, nothing newer, or that it failed, and why. A source never
 * begins by itself; where it learns that looking is worth while (a file has changed), it
 * calls `changed`, and the keeper decides.
 * A source does not judge: whether a version may be served is the keeper's to find out
 * (zone/sanity.h, zone/gate.h).
 * Ownership: a source is its keeper's; configuration, key and loop outlive it.
 * Threads: the authority's.
 * At the bound: the limits of the zone; a fetch that takes longer than HF_SOURCE_PATIENCE
 * without a sign of life is given up by the source itself, as a failure. */
#ifndef HF_AUTHORITY_SOURCE_H
#define HF_AUTHORITY_SOURCE_H

#include "authority/call.h"
#include "zone/snapshot.h"
#include "zone/tsig.h"
#include "zone/zone_conf.h"

#define HF_SOURCE_PATIENCE (30 * HF_SECOND)
#define HF_SOURCE_WHY_MAX 200

/* Why a version cannot be had that alone would need more than all of them may. */
#define HF_SOURCE_NO_SPACE "it takes more memory than `transfer-memory` leaves for one"

enum hf_source_result {
	HF_SOURCE_NEW,     /* `zone` is what there is */
	HF_SOURCE_NOTHING, /* it has nothing newer than what the fetch began with */
	HF_SOURCE_FAILED,  /* nobody had it: `why` */
};

#define HF_SOURCE_NO_PRIMARY SIZE_MAX

struct hf_fetched {
	enum hf_source_result result;
	struct hf_zone *zone; /* NEW: the source's; take a reference to keep it */
	uint32_t serial;      /* NEW, NOTHING: of what the source has */
	size_t primary;       /* who gave it: a place in conf->primaries; or _NO_PRIMARY */
	bool differences;     /* it came as differences (IXFR) */
	const char *why;      /* FAILED, and NEW where others failed before: a phrase that names
				 who and what, or ""; good until the call returns */
};

struct hf_source_handler {
	/* The end of a fetch. May come from within begin; never after cancel. For each
	 * primary that was asked on the way and gave nothing there is no call of its own. */
	void (*fetched)(void *ctx, const struct hf_fetched *fetched, hf_us now);
	/* A fetch is put off: others have the memory (authority/space.h). It goes on by itself. */
	void (*put_off)(void *ctx, hf_us now);
	/* Looking is worth while. */
	void (*changed)(void *ctx, hf_us now);
};

struct hf_watch;
struct hf_hands;

struct hf_source_conf {
	struct hf_loop *loop;
	struct hf_calls *calls; /* of this loop; for those that ask servers */
	const struct hf_zone_conf *zone;
	const struct hf_tsig_key *key; /* NULL: unsigned */
	struct hf_zone_limits limits;
	struct hf_watch *watch; /* of directories (authority/watch.h), or NULL */
	struct hf_hands *hands; /* for what takes long (authority/hands.h), or NULL */
	const struct hf_source_handler *handler;
	void *ctx;
};

struct hf_fetch {
	struct hf_zone *have; /* the version that is here, NULL: none; referenced if kept */
	bool whole;           /* no differences: all of it (AXFR) */
	size_t first;         /* the primary to begin with; _NO_PRIMARY: whichever */
	hf_us within;         /* it may wait this long: others want the same of a server; 0: now */
};

/* What can be seen of a source from outside. */
#define HF_SOURCE_TAG_MAX 40
struct hf_source_sight {
	hf_us at;                    /* when it was last heard of, or given up; 0: never */
	int status;                  /* HTTP, of that; 0: there was no answer */
	char tag[HF_SOURCE_TAG_MAX]; /* of what we have, cut to fit; "": none */
};

struct hf_source;

struct hf_source_ops {
	void (*begin)(struct hf_source *source, const struct hf_fetch *fetch, hf_us now);
	void (*cancel)(struct hf_source *source); /* nothing under way is fine */
	void (*free)(struct hf_source *source);   /* cancels */
	void (*sight)(const struct hf_source *source, struct hf_source_sight *ret); /* or NULL */
};

struct hf_source { /* what each begins with */
	const struct hf_source_ops *ops;
	struct hf_source_conf conf;
};

/* One of these, by what the configuration gives. -ENOMEM. */
int hf_source_file_new(const struct hf_source_conf *conf, struct hf_source **ret);
int hf_source_xfr_new(const struct hf_source_conf *conf, struct hf_source **ret);
int hf_source_url_new(const struct hf_source_conf *conf, struct hf_source **ret);

#endif
