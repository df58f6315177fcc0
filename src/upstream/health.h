/* SPDX-License-Identifier: GPL-3.0-or-later */
/* health.h - may we send to this upstream now, and if not, why not?
 *
 * Story: an upstream is `closed` (the circuit is closed: use it) until
 * `failures-to-open` attempts in a row have failed; then it rests (`open`) for
 * a jittered time, is given one probe, and is used again only when that probe
 * is answered; each further rest is twice as long. `quarantined` is for truth:
 * an upstream that lies. One answer wipes out what came before.
 * A probe is a copy of a client's question that another upstream is asked at
 * the same time, so nobody waits for it.
 * A failing *name* is no failure: SERVFAIL is an answer.
 * Knows:   states, counts, instants given to it.
 * Never:   sockets, names, the wall clock, its own dice.
 * Threads: one owner, no locks. */
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
	HF_OUTCOME_TIMEOUT,
	HF_OUTCOME_UNREACHABLE, /* ICMP, connection refused or reset */
	HF_OUTCOME_GARBAGE,     /* a reply that matches and does not parse */
	HF_OUTCOME_UNSENT,      /* we had no socket or memory: says nothing of the upstream */
};

enum hf_admission {
	HF_ADMIT,       /* send */
	HF_ADMIT_PROBE, /* only one probe, beside a question to somebody else */
	HF_ADMIT_NOT,   /* resting */
};

struct hf_health {
	enum hf_health_state state;
	uint32_t failures; /* in a row */
	uint32_t rests;    /* in a row; doubles the rest */
	hf_us until;       /* OPEN: end of the rest; PROBING: when the probe counts as lost */
};

/* A zeroed struct is a closed circuit. */

enum hf_admission hf_health_admit(const struct hf_health *h, hf_us now);

/* The probe that hf_health_admit allowed is on its way; lost at `deadline`. */
void hf_health_probe(struct hf_health *h, hf_us deadline);

/* An attempt ended. dice: 32 random bits, for the jitter of a rest (between
 * half and all of it: "equal jitter"). True if the state changed. */
bool hf_health_report(struct hf_health *h, const struct hf_upstream_conf *conf,
	enum hf_outcome outcome, hf_us now, uint32_t dice);

const char *hf_health_state_name(enum hf_health_state state);

#endif
