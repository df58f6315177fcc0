/* SPDX-License-Identifier: GPL-3.0-or-later */
/* health.h - may we send there now, and if not, why not?
 *
 * Story: a circuit is `closed` (use it) until there is evidence against it; then
 * it rests (`open`), gets one probe when its rest is over, and is used again when
 * that probe is answered. Rests double, with full jitter, so that a fleet does
 * not knock in step. `quarantined` is for truth: an upstream that lies.
 *
 * An upstream has a circuit for itself, and one for each route that leads to it
 * (a *path*). What counts as evidence is chosen so that a bad name never trips an
 * upstream, and a dead zone never trips the resolver that is asked about it:
 *
 *   beaten        another upstream answered what this one did not. `failures-to-
 *                 open` in a row over three names, or more than half of twenty or
 *                 more within ten seconds.
 *   silent        it did not answer, and nobody has shown that one could: as many
 *                 in a row over three names, not a word to anybody for a second, and
 *                 none either to a question of our own that it must be able to answer
 *                 (a *check*): those names may be ones that nobody answers.
 *   unreachable   ICMP or a refused connection: as many in a row.
 *   garbage       what cannot be read: as many in a row over three names.
 *   untrusted     TLS showed that it is not who it should be: once.
 *
 * One answer wipes out all of it. The first three rests may be short, for most faults
 * are; from then on probes are a second apart or more.
 * A probe is a client's question: a copy of one that another upstream is asked
 * at the same time, or, when there is nobody else to ask, the question itself.
 * Knows:   states, counts, instants given to it, hashes of names.
 * Never:   sockets, names, the wall clock, its own dice.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_HEALTH_H
#define HF_UPSTREAM_HEALTH_H

#include <stdbool.h>

#include "base/time.h"
#include "upstream/upstream.h"

enum hf_health_state {
	HF_HEALTH_CLOSED,
	HF_HEALTH_OPEN,
	HF_HEALTH_PROBING,
	HF_HEALTH_QUARANTINED,
	HF_HEALTH_STATES
};

enum hf_outcome { /* what became of one attempt: facts, reported by callers */
	HF_OUTCOME_ANSWERED,    /* a reply that matches and parses, whatever its rcode */
	HF_OUTCOME_SILENT,      /* no reply in time */
	HF_OUTCOME_BEATEN,      /* no useful reply, but another upstream gave one */
	HF_OUTCOME_UNREACHABLE, /* ICMP, connection refused or reset */
	HF_OUTCOME_GARBAGE,     /* a reply that matches and does not parse */
	HF_OUTCOME_UNSENT,      /* we had no socket or memory: says nothing of the upstream */
	HF_OUTCOME_UNTRUSTED,   /* it could not prove who it is, or speaks no TLS */
	HF_OUTCOME_CROWDED,     /* we had no connection for it: says nothing of it, either */
	/* New ones come last: they are written down by number (memory.h). */
	HF_OUTCOMES
};

enum hf_admission {
	HF_ADMIT,       /* send */
	HF_ADMIT_PROBE, /* only one probe */
	HF_ADMIT_NOT,   /* resting */
};

#define HF_HEALTH_NAMES 3 /* distinct names that have to fail */

/* A probe that is late is waited for so much longer before another may go in its place:
 * whoever sent it says that it is lost, and on a busy machine is not the first to be told
 * the time. One whose end nobody reports must not bar the way for ever. */
#define HF_HEALTH_UNREPORTED (500 * HF_MS)

struct hf_health { /* what every choice looks at comes first, in one cache line */
	enum hf_health_state state;
	enum hf_outcome cause;       /* why the circuit was last opened */
	hf_us until; /* OPEN: end of the rest; PROBING: when another may go, untold */
	hf_us since; /* when it came into this state */
	uint16_t run[HF_OUTCOMES];   /* of each kind, since the last answer */
	uint32_t names[HF_HEALTH_NAMES - 1]; /* the first that failed since then */
	uint8_t name_count;          /* up to HF_HEALTH_NAMES */
	uint16_t window_failed, window_all; /* of the last ten seconds */
	uint32_t rests;              /* in a row; doubles the rest */
	hf_us window;                /* when they began */
	hf_us failing;               /* the first failure since the last answer; 0: none */
	hf_us check;                 /* when the last check was wished for, */
	hf_us unchecked;             /* ... and when the last one was not answered */
	bool check_due;              /* whoever can asks it one, and makes this false */
	hf_us probed;                /* when the last probe went, if one has since it opened; else 0 */
};

/* A zeroed struct is a closed circuit. */

struct hf_health_fact {
	enum hf_outcome outcome;
	bool probe;     /* of the probe; failures of what was sent before do not count
	                   while one is under way */
	uint32_t name;  /* a hash of the name asked for */
	uint32_t dice;  /* 32 random bits, for the jitter of a rest */
	hf_us now;
	bool check;     /* of a check */
};

enum hf_admission hf_health_admit(const struct hf_health *h, hf_us now);

/* The probe that hf_health_admit allowed is on its way, and whoever sent it reports that it
 * is lost at `deadline`, or a little later. */
void hf_health_probe(struct hf_health *h, hf_us deadline, hf_us now);

/* An attempt ended. True if the state changed. */
bool hf_health_report(struct hf_health *h, const struct hf_upstream_conf *conf,
	const struct hf_health_fact *fact);

/* What a question came to in the end, for the share of failures: answered, if
 * late, or never. */
bool hf_health_settle(struct hf_health *h, const struct hf_upstream_conf *conf,
	const struct hf_health_fact *fact);

const char *hf_health_state_name(enum hf_health_state state);
const char *hf_outcome_text(enum hf_outcome outcome); /* "did not answer" */

#endif
