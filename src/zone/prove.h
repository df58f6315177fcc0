/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prove.h - the records that prove a denial, or that a wildcard was right to answer.
 *
 * Story: with DO, an answer that something does not exist has the NSEC (RFC 4035 3.1.3) or
 * NSEC3 records (RFC 5155 7.2) that show it, each once, with its signatures. Which of the
 * two is the zone's (zone/inside.h). A zone whose chain is broken gets what is nearest to a
 * proof: who validates finds it wrong, and who signed has to mend it.
 * Threads: pure.
 * At the bound: HF_PROOFS_MAX records; an answer needs at most three, and one or two more
 * for each wildcard that an alias went through. */
#ifndef HF_ZONE_PROVE_H
#define HF_ZONE_PROVE_H

#include "zone/compose.h"
#include "zone/locate.h"

#define HF_PROOFS_MAX 64

struct hf_prover {
	const struct hf_zone *zone;
	struct hf_compose *compose; /* in the authority section */
	uint32_t given[HF_PROOFS_MAX];
	unsigned count;
};

/* A name that is not there: `label` is that below its closest encloser `above`, which is
 * either a node's, or a label in the name. */
struct hf_missing {
	uint32_t above;
	const uint8_t *label;
};

/* Neither the name nor a wildcard for it exists. */
void hf_prove_no_name(struct hf_prover *p, const struct hf_missing *missing);

/* The name itself does not exist: what a wildcard's answer needs. */
void hf_prove_expansion(struct hf_prover *p, const struct hf_missing *missing);

/* The node exists, and has no such type. Also for the lack of DS at a delegation. */
void hf_prove_no_data(struct hf_prover *p, uint32_t node);

/* A wildcard answers for the name, and has no such type. */
void hf_prove_no_wild_data(
	struct hf_prover *p, const struct hf_missing *missing, uint32_t wildcard);

#endif
