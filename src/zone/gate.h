/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate.h - may this copy of a zone be served? One small machine for each zone.
 *
 * Story: a node that boots has a copy of a zone from some time ago. Whether it is the
 * published one only *witnesses* know: the primaries' SOA, a URL, a TXT name, siblings.
 * Each reports the serial that it sees; the newest credible one is what is published. A
 * copy that has that serial is *proven*, at the instant when a witness shows it.
 *
 *   unproven  there is no copy, or nobody has proven it since the start. Not served; but
 *             for `serve_unproven` after the start it may be, marked, once all witnesses
 *             have been asked and while none at all can be reached.
 *   current   proven within the SOA's refresh and retry.
 *   behind    a newer one has been published and could not be had within `grace`.
 *             Not served: that is the outage that this is made against. A copy that is
 *             not being served yet gets no grace.
 *   aging     proven once, but not since refresh + retry. Served: the SOA's expire says
 *             for how long.
 *   expired   longer than expire since the last proof. Not served.
 *
 * A copy from the disk says when it was last proven. Within refresh + retry of that the
 * start counts for nothing, once all witnesses have been asked: without the restart it
 * would have been served as well. Later it is unproven until somebody proves it, and after
 * expire it is expired.
 *
 * A lie is bounded. A witness whose serial is older than ours proves nothing and withdraws
 * nothing. One that is ahead alone is *doubted* and not gone by
 *   - by more than an operator would go (HF_SERIALS_JUMP, truth/serials.h),
 *   - if two others or more have been asked since and do not follow within `grace`,
 *   - if it has been ahead for `patience`, while transfers from every primary succeed and
 *     bring what we have: nobody can be behind what cannot be had.
 * To go up and down in turn does not help it: who was ahead less than `patience` ago is
 * ahead since then. A primary that is doubted may still be asked for the zone, but not one
 * that jumps and is contradicted by two others.
 *
 * Siblings prove nothing, but they may know more: with siblings nothing is served for the first
 * time before each of them has been asked. So a node that boots with an old copy does not serve
 * it for as long as the others take to say that there is a newer one, nor because a primary has
 * been set back to just that.
 *
 * Time: all instants are on the monotonic clock of `now`. A proof that was written down is
 * brought to that clock by the caller; one that lies ahead of `now`, or whose age is not
 * known, is none.
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
	HF_GATE_STATES
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
	bool asked;       /* it has been, and has answered or failed */
	bool reached;     /* the last time */
	bool known;       /* serial and at are set */
	bool doubted;     /* as of the last verdict */
	bool ahead;       /* its serial is newer than ours */
	bool gave_newer;  /* what it gave last was newer than ours */
	uint32_t serial;  /* last seen */
	hf_us at;         /* when */
	hf_us ahead_from; /* since when it is ahead, or was, `patience` ago at most */
	hf_us ahead_till; /* not ahead: since when it is not */
	hf_us gave;       /* PRIMARY: when it last gave the zone; HF_GATE_NEVER */
};

struct hf_gate {
	struct hf_gate_conf conf;
	enum hf_gate_state state;
	bool has_copy;
	uint32_t serial; /* of the copy */
	hf_us refresh, retry, expire;
	bool ever_proven; /* since the start, or so lately before that it counts */
	hf_us proven;     /* last, also before the start; or HF_GATE_NEVER */
	hf_us started;    /* this gate's first instant */
	bool published_known;
	uint32_t published; /* the newest credible serial */
	bool panic;         /* hf_gate_panic */
	hf_us behind_since; /* when it became newer than ours; HF_GATE_NEVER: it is not */
	hf_us transferred;  /* when a source that is no witness last gave what we have, or _NEVER */
	hf_us asked_at;     /* when the witnesses were last asked */
	struct hf_gate_witness witnesses[HF_GATE_WITNESSES_MAX];
	size_t witness_count;
};

/* Above HF_GATE_WITNESSES_MAX witnesses are left out. */
void hf_gate_init(struct hf_gate *gate, const struct hf_gate_conf *conf,
	const enum hf_witness_kind *witnesses, size_t count, hf_us now);

/* A copy is there from now on. `proven` is when it was last proven, on the clock of `now`
 * (HF_GATE_NEVER: never, or not known). A newer version takes over what was proven of the
 * one before. From a transfer: see hf_gate_transferred, which comes next. */
#define HF_GATE_NEVER INT64_MIN
struct hf_zone_soa;
void hf_gate_copy(struct hf_gate *gate, const struct hf_zone_soa *soa, hf_us proven, hf_us now);

/* Takes over the copy and its standing from a gate with other witnesses, which count as not
 * yet asked. */
void hf_gate_inherit(struct hf_gate *gate, const struct hf_gate *before);

/* No node can prove a copy, and ours is the newest that any of them holds (zone/twins.h): it is
 * served, marked, until this is taken back or it is proven. */
void hf_gate_panic(struct hf_gate *gate, bool on);

/* A witness has been asked. */
void hf_gate_report(struct hf_gate *gate, size_t witness, bool reached, uint32_t serial, hf_us now);

/* A source was asked for the zone itself: what it has is what we have now (its copy has
 * been told with hf_gate_copy), or is no newer. `witness`: which primary; any number past
 * the witnesses: a source that is none of them, such as a file. */
void hf_gate_transferred(struct hf_gate *gate, size_t witness, uint32_t serial, hf_us now);

/* What is to be done, and when to look again. Call after each of the above and at `next`.
 * `ask` is said once; `fetch` for as long as it is so. A gate whose source is the truth
 * itself has nobody to ask: it says `fetch` at those times, to look at the source. */
struct hf_gate_verdict {
	enum hf_gate_state state;
	bool changed; /* the state is another than the last verdict's */
	bool serve;   /* answer from the copy */
	bool marked;  /* ... with a word that it is not proven */
	bool fetch;   /* a newer version is published, or there is none here: get it now */
	bool ask;     /* ask the witnesses now */
	hf_us next;   /* when only time could change this; later than now */
};
struct hf_gate_verdict hf_gate_verdict(struct hf_gate *gate, hf_us now);

/* Has each witness been asked since the start, and has answered or failed? */
bool hf_gate_all_asked(const struct hf_gate *gate);

/* Why, as a phrase with figures: "serial 12 is published, this is 9". Returns buf. */
#define HF_GATE_WHY_MAX 80
const char *hf_gate_why(const struct hf_gate *gate, hf_us now, char buf[static HF_GATE_WHY_MAX]);

/* Room for these words with some that the gate cannot know: who did not answer, what the
 * source lacks. Every zone has it once. */
#define HF_ZONE_STATE_WHY_MAX (2 * HF_GATE_WHY_MAX)

const char *hf_gate_state_text(enum hf_gate_state state); /* "unproven" ... */

#endif
