/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/vouch.h"

#include <stdio.h>
#include <stdlib.h>

static void vouching_free(struct hf_vouching *v)
{
	for (unsigned i = 0; v->wishes && i < v->testimony.count; i++)
		hf_prove_forget(&v->wishes[i].base);
	*v->prev = v->next;
	if (v->next)
		v->next->prev = v->prev;
	free(v->wishes);
	free(v);
}

/* What is false is false whatever else is missing. */
static void note(struct hf_vouching *v, unsigned address, enum hf_proof proof, const char *why)
{
	if (proof == HF_PROOF_HOLDS || v->proof == HF_PROOF_FAILS)
		return;
	v->proof = proof;
	v->evidence = (struct hf_evidence){
		.lie = HF_LIE_PROOF, .address = v->testimony.addresses[address]};
	snprintf(v->evidence.why, sizeof v->evidence.why, "%s", why);
}

static void one_less(struct hf_vouching *v, hf_us now)
{
	if (--v->waiting)
		return;
	v->done(v, v->proof, &v->evidence, now);
	vouching_free(v);
}

static void proven(struct hf_proof_wish *base, enum hf_proof proof, const char *why, hf_us now)
{
	struct hf_vouch_wish *wish = (struct hf_vouch_wish *)base;
	note(wish->vouching, wish->address, proof, why);
	one_less(wish->vouching, now);
}

void hf_vouch(struct hf_vouching *v, struct hf_worker *worker,
	const struct hf_expectation *expectation, const struct hf_name *name,
	const struct hf_testimony *testimony, hf_us now)
{
	v->worker = worker;
	v->testimony = *testimony;
	v->proof = HF_PROOF_HOLDS;
	v->next = worker->vouchings;
	if (v->next)
		v->next->prev = &v->next;
	v->prev = &worker->vouchings;
	worker->vouchings = v;
	v->wishes = calloc(testimony->count, sizeof *v->wishes);
	v->waiting = 1; /* nothing is over before all have begun */
	if (!v->wishes || testimony->more)
		v->proof = HF_PROOF_MISSING;
	for (unsigned i = 0; v->wishes && i < testimony->count; i++) {
		enum hf_proof proof;
		char why[HF_PROOF_WHY];
		v->wishes[i] = (struct hf_vouch_wish){{.proven = proven}, v, i};
		if (hf_prove(worker->prover, expectation, name, &testimony->addresses[i],
			    &v->wishes[i].base, &proof, why))
			note(v, i, proof, why);
		else
			v->waiting++;
	}
	one_less(v, now);
}

void hf_vouchings_end(struct hf_worker *worker)
{
	while (worker->vouchings)
		vouching_free(worker->vouchings);
}
