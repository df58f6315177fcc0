/* SPDX-License-Identifier: GPL-3.0-or-later */
/* explain.h - the whole story of one answer.
 *
 * Story: which route a name takes, how its upstreams stand just now, what the cache
 * holds, what is expected; then what each upstream says of it when it is asked anew, and
 * what a client would get. A name that is answered from a zone of ours, or from local data,
 * is told from there: no upstream is asked for it, as none would be for a client. Everything is
 * looked at in one turn of the worker that owns the name, but for what upstreams say, which takes
 * its time (examine.h). What was decided about the question lately (meter/decision.h) is what the
 * diary of that worker still has. Looking changes nothing but the counts of use of what is in the
 * cache.
 * Ownership: a story is its receiver's; it points into its plan, of which it holds a
 * reference, and may be read in any thread.
 * Threads: the worker's own.
 * Never:   words for people (face/tell_story.h). */
#ifndef HF_ENGINE_EXPLAIN_H
#define HF_ENGINE_EXPLAIN_H

#include "engine/examine.h"
#include "forward/route.h"
#include "meter/decision.h"
#include "upstream/health.h"
#include "zone/answer.h"
#include "zone/zones.h"

struct hf_story_upstream { /* in the route's order */
	const struct hf_upstream_conf *conf;
	const struct hf_upstream_conf *figures; /* conf as the route has it; the plan's */
	enum hf_health_state state, path_state;
	enum hf_outcome cause; /* why it rests */
	hf_us rest;            /* how much longer; 0: it does not */
	hf_us rtt;             /* smoothed, on this route; 0: unknown */
	hf_us timeout;         /* that a question would be given */
	uint32_t limit;        /* packets/s that it may be sent; 0: any */
	uint32_t cap;          /* ... that was found by trial; 0: none */
	uint32_t in_flight;
	uint16_t size_limit; /* octets over UDP that get through; 0: as configured */
	hf_us lame;          /* it answers for no name of the zone, and rests so much longer; 0: not */
	bool barred;         /* it has lied, or is behind with the zone: not asked for this name */
};

enum hf_story_cache {
	HF_STORY_NOTHING,
	HF_STORY_FRESH,
	HF_STORY_NO_NAME,  /* that the name does not exist */
	HF_STORY_NO_ABOVE, /* ... or one above it (RFC 8020) */
	HF_STORY_STALE,    /* past its TTL, and may still be given (RFC 8767) */
	HF_STORY_OLD,      /* past that too */
};

/* What a zone of ours, or local data, says. */
struct hf_story_own {
	bool any;    /* one of them answers for the name */
	bool closed; /* it is a catalog, which is answered to nobody */
	enum hf_zone_standing standing;
	char why[HF_ZONES_WHY_MAX]; /* unless SERVED: the text that clients are given */
	bool has_serial;            /* there is a copy, of a zone */
	uint32_t serial;
	/* SERVED and MARKED, unless closed: */
	enum hf_zone_said said;
	struct hf_testimony answer; /* SAID */
	struct hf_name target;      /* LED_OUT: the name that its alias leads to */
};

struct hf_story {
	struct hf_question question;
	struct hf_plan *plan;
	const struct hf_route *route;       /* NULL: none covers the name */
	const struct hf_expected *expected; /* NULL: nothing */
	struct hf_name zone;                /* of ours that answers; len 0: none */
	struct hf_story_own own;
	char local[320]; /* where the local data stands that answers (zone/local.h); "": none */
	unsigned worker; /* that owns the name */
	struct hf_story_upstream *upstreams; /* route->upstream_count */
	int first;                           /* whom a question would go to now; -1: nobody */
	struct hf_story_cached {
		enum hf_story_cache what;
		struct hf_name about;     /* NO_ABOVE: which one */
		uint32_t age, ttl;        /* s: since it came; that it had then */
		struct hf_testimony said; /* unless NOTHING */
		bool failed;              /* the question failed lately (RFC 9520) */
		uint32_t failed_for;      /* ... and that counts for so many s more */
	} cached;
	struct hf_decision *lately; /* what was decided about the question, the oldest first */
	size_t lately_count;
	hf_us looked; /* when, by the clock of `lately` */
	bool alone;   /* no server was there to look at: how upstreams stand is not known */
	struct hf_examined *examined; /* NULL: nobody was asked */
};

/* Of what was decided about the question so much is told. */
#define HF_STORY_LATELY 40

void hf_story_free(struct hf_story *story); /* NULL is fine */

/* What is known without asking. -ENOMEM. */
int hf_story_look(struct hf_worker *worker, const struct hf_question *question, hf_us now,
	struct hf_story **ret);

/* Would an upstream be asked for the name at all? Not if a zone or local data has the answer;
 * a name that a zone of ours delegates may be. */
bool hf_story_is_upstreams(const struct hf_story *story);

#endif
