/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate.h - may this copy of a zone be served? One small machine for each zone.
 *
 * Story: a node that boots has a copy of a zone from some time ago. Whether it is the
 * published one only *witnesses* know: the primaries' SOA, a URL, a TXT name, siblings.
 * Each reports the serial that it sees; the newest credible one is what is published. A
 * copy that has that serial, or a newer one, is *proven*, at that instant.
 *
 *   unproven  there is no copy, or nobody has proven it yet. Not served; but after
 *             `serve_unproven` may be, marked, while no witness at all can be reached.
 *   current   proven, and again within the SOA's refresh and retry.
 *   behind    a newer one has been published and could not be had within `grace`.
 *             Not served: that is the outage that this is made against.
 *   aging     proven once, and no witness has been reached since refresh + retry. Served:
 *             the SOA's expire says for how long.
 *   expired   longer than expire since the last proof. Not served.
 *
 * A lie is bounded. A witness whose serial is older than ours proves nothing and withdraws
 * nothing. One that is ahead alone, by more than an operator would go (HF_SERIALS_JUMP, see
 * truth/serials.h), or that two others or more do not follow, is *doubted* and not gone by;
 * nor is one that is ahead for longer than `patience` while transfers from every primary
 * succeed and bring what we have: nobody can be behind what cannot be had.
 *
 * Time: proofs are counted on the monotonic clock while the process runs. What is written
 * down is wall-clock time; read back, it counts from then, and a wall clock that went back
 * (or that the caller distrusts) makes the age unknown: then the copy is unproven, whatever
 * it said.
 * Knows:   serials, instants, SOA timers.  Never: how anybody was asked, records.
 * Threads: one owner, pure.
 * At the bound: HF_GATE_WITNESSES_MAX witnesses; SOA timers within HF_GATE_TIMER_MIN and _MAX. */
#ifndef HF_ZONE_GATE_H
#define HF_ZONE_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "truth/serials.h"

#define HF_GATE_WITNESSES_MAX 32
#define HF_GATE_TIMER_MIN HF_SECOND
#define HF_GATE_TIMER_MAX (28 * 86400 * HF_SECOND)

enum hf_gate_state {
	HF_GATE_UNPROVEN,
	HF_GATE_CURRENT,
	HF_GATE_BEHIND,
	HF_GATE_AGING,
	HF_GATE_EXPIRED,
};

enum hf_witness_kind {
	HF_WITNESS_PRIMARY, /* where the zone can be had as well */
	HF_WITNESS_SERVER,  /* another that is asked for the SOA */
	HF_WITNESS_URL,
	HF_WITNESS_TXT,
	HF_WITNESS_SIBLING, /* another node of ours: proves nothing alone, for it may be as old */
};

struct hf_gate_conf {
	hf_us serve_unproven; /* 0: never */
	hf_us grace;          /* to get a newer version before the old one is withdrawn */
	hf_us patience;       /* for a version that cannot be had */
	bool self;            /* the source is the truth itself: a file without witnesses */
};

struct hf_gate_witness {
	enum hf_witness_kind kind;
	bool asked, reached; /* ever; last time */
	bool doubted;
	uint32_t serial;     /* last seen */
	hf_us at;            /* when */
	hf_us since;         /* it first showed this serial */
};

struct hf_gate {
	struct hf_gate_conf conf;
	enum hf_gate_state state;
	bool has_copy;
	uint32_t serial; /* of the copy */
	hf_us refresh, retry, expire;
	bool ever_proven;
	hf_us proven;  /* last; may lie before the process began */
	hf_us started; /* this gate's first instant */
	bool published_known;
	uint32_t published;    /* the newest credible serial */
	hf_us behind_since;    /* when it became newer than ours; 0: it is not */
	hf_us transferred;     /* when all primaries last gave what we have; 0: never */
	struct hf_gate_witness witnesses[HF_GATE_WITNESSES_MAX];
	size_t witness_count;
};

void hf_gate_init(struct hf_gate *gate, const struct hf_gate_conf *conf,
	const enum hf_witness_kind *witnesses, size_t count, hf_us now);

/* A copy is there from now on. `proven` is when it was last proven, on the clock of `now`
 * (HF_GATE_NEVER: never, or not known). From a transfer: see hf_gate_transferred. */
#define HF_GATE_NEVER INT64_MIN
struct hf_zone_soa;
void hf_gate_copy(struct hf_gate *gate, const struct hf_zone_soa *soa, hf_us proven, hf_us now);

/* A witness has been asked. */
void hf_gate_report(struct hf_gate *gate, size_t witness, bool reached, uint32_t serial, hf_us now);

/* A primary was asked for the zone itself: what it has is what we have now (its copy has
 * been told with hf_gate_copy), or is no newer. */
void hf_gate_transferred(struct hf_gate *gate, size_t witness, uint32_t serial, hf_us now);

/* What is to be done, and when to ask again. Call after each of the above and at `next`. */
struct hf_gate_verdict {
	enum hf_gate_state state;
	bool changed; /* the state is another than the last verdict's */
	bool serve;   /* answer from the copy */
	bool marked;  /* ... with a word that it is not proven */
	bool fetch;   /* a newer version is published: get it now */
	bool ask;     /* ask the witnesses now */
	hf_us next;   /* when only time could change this */
};
struct hf_gate_verdict hf_gate_verdict(struct hf_gate *gate, hf_us now);

/* Why, as a phrase with figures: "serial 12 is published, this is 9". Returns buf. */
#define HF_GATE_WHY_MAX 80
const char *hf_gate_why(const struct hf_gate *gate, hf_us now, char buf[static HF_GATE_WHY_MAX]);

const char *hf_gate_state_text(enum hf_gate_state state); /* "unproven" ... */

#endif
