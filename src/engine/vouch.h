/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vouch.h - do all addresses of one answer hold certificates for the name?
 *
 * Story: whoever asks for its own sake (probe.h) wants to know of an answer as a whole:
 * it is true if each address is proven, false if one shows another name's certificate,
 * and else nothing is known.
 * Ownership: a vouching is the first member of what its owner allocates with calloc; from
 * hf_vouch on it is the worker's, and freed when `done` has returned or the worker ends.
 * Private to engine/.  Threads: the worker's own.
 * At the bound: that of prove.h: who is turned away hears that the proof is missing. */
#ifndef HF_ENGINE_VOUCH_H
#define HF_ENGINE_VOUCH_H

#include "engine/inside.h"
#include "engine/prove.h"
#include "truth/judge.h"

struct hf_vouch_wish {
	struct hf_proof_wish base; /* first */
	struct hf_vouching *vouching;
	unsigned address;
};

struct hf_vouching {
	/* Once, perhaps from within hf_vouch. evidence: PROOF, if it fails. */
	void (*done)(struct hf_vouching *vouching, enum hf_proof proof,
		const struct hf_evidence *evidence, hf_us now);
	struct hf_worker *worker;
	struct hf_testimony testimony;
	enum hf_proof proof; /* so far */
	struct hf_evidence evidence;
	unsigned waiting;
	struct hf_vouch_wish *wishes;
	struct hf_vouching *next, **prev;
};

void hf_vouch(struct hf_vouching *vouching, struct hf_worker *worker,
	const struct hf_expectation *expectation, const struct hf_name *name,
	const struct hf_testimony *testimony, hf_us now);

void hf_vouchings_end(struct hf_worker *worker); /* before its prover */

#endif
