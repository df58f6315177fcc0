/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prove.h - does an address hold a certificate for the name?
 *
 * Story: an address that an upstream gave for a name is connected to, as a client of
 * that name would: TLS with the name as SNI, the chain verified against the trust store
 * of the expectation. What came of it is remembered by (name, address, port, trust
 * store): what holds, for the certificate's life, a day at the most; what does not, for
 * seconds, so that a mended server is soon believed. Asking twice at once means one
 * connection. A connection says nothing and is closed once the certificate is seen.
 * Words: a proof *holds*, *fails* (a certificate was shown, and it is not one for the
 * name: a lie), or is *missing* (nobody there, no TLS, no time: says nothing of whom to
 * believe).
 * Never:   which upstream gave the address, what is done about it.
 * Threads: the worker's own.
 * At the bound: so many connections at once, the rest wait; so many that wait, the next
 * are missing at once; so many remembered, the oldest goes. */
#ifndef HF_ENGINE_PROVE_H
#define HF_ENGINE_PROVE_H

#include "base/address.h"
#include "loop/loop.h"
#include "truth/truth_conf.h"

struct hf_prover; /* a worker's */

enum hf_proof { HF_PROOF_HOLDS, HF_PROOF_FAILS, HF_PROOF_MISSING };

struct hf_proof_wish { /* embedded by who waits */
	/* Once, never from within hf_prove. why: a sentence fragment such as "the certificate
	 * is for *.example.net"; "" if it holds. */
	void (*proven)(struct hf_proof_wish *wish, enum hf_proof proof, const char *why, hf_us now);
	struct hf_proof_wish *next, **prev; /* private */
};

/* True: it is known already, and *ret_proof and why (of 96 octets) tell; the wish is not
 * used. Else the wish will be called, within HF_PROVE_MOST. */
#define HF_PROVE_MOST (3 * HF_SECOND)
bool hf_prove(struct hf_prover *prover, const struct hf_expectation *expectation,
	const struct hf_name *name, const struct hf_address *address, struct hf_proof_wish *wish,
	enum hf_proof *ret_proof, char why[static 96]);

void hf_prove_forget(struct hf_proof_wish *wish); /* not under way is fine */

int hf_prover_new(struct hf_loop *loop, struct hf_prover **ret);
void hf_prover_free(struct hf_prover *prover); /* all wishes forgotten; NULL is fine */

#endif
