/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prove.h - does an address hold a certificate for the name?
 *
 * Story: an address that an upstream gave for a name is connected to, as a client of
 * that name would: TLS with the name as SNI, the chain verified against the trust store
 * of the expectation. What came of it is remembered by (name, address, port, trust
 * store), and who asks meanwhile waits for the same connection; for how long, how
 * often, and how many at once is decided in truth/proof.h. A connection says nothing
 * and is closed once the certificate is seen.
 * Words: a proof *holds*, *fails* (a certificate was shown, and it is not one for the
 * name: a lie), or is *missing* (nobody there, no TLS, no time: says nothing of whom to
 * believe). One that fails is never believed. One that is missing is not by itself: whether
 * the answer is believed all the same, for a few seconds, because another upstream gives the
 * same address, is for truth/trial.h to say.
 * Nobody's dates can be judged by a clock that was never set: then all is missing.
 * Never:   which upstream gave the address, what is done about it.
 * Threads: the worker's own. A name belongs to one worker, and so do its proofs.
 * At the bound: as in truth/proof.h; who is turned away hears at once that the proof is
 * missing. Only the port of the expectation is connected to, and neither this host
 * nor its link unless `addresses` says so. */
#ifndef HF_ENGINE_PROVE_H
#define HF_ENGINE_PROVE_H

#include "loop/loop.h"
#include "meter/event.h"
#include "meter/meter.h"
#include "truth/expect.h"
#include "truth/proof.h"

struct hf_prover; /* a worker's */

struct hf_proof_wish { /* embedded by who waits */
	/* Once, never from within hf_prove. why: a sentence fragment such as "the certificate
	 * is for *.example.net"; "" if it holds. */
	void (*proven)(struct hf_proof_wish *wish, enum hf_proof proof, const char *why, hf_us now);
	struct hf_proof_wish *next, **prev; /* private; prev NULL: not under way */
	struct hf_prover *prover;
	unsigned place;
};

/* True: it is known already, and *ret_proof and why tell; the wish is not used. Else the
 * wish will be called, within HF_PROVE_MOST. name: lowered. */
#define HF_PROVE_MOST (HF_PROOF_LINE_MOST + HF_PROOF_LOOK_MOST)
bool hf_prove(struct hf_prover *prover, const struct hf_expectation *expectation,
	const struct hf_name *name, const struct hf_address *address, struct hf_proof_wish *wish,
	enum hf_proof *ret_proof, char why[static HF_PROOF_WHY]);

void hf_prove_forget(struct hf_proof_wish *wish); /* not under way is fine */

/* ---- who looks ---- */

/* A look at an address, from its beginning to what it has shown. */
struct hf_prove_look {
	struct hf_prover *prover;
	const struct hf_proof_key *key; /* stays good until the look ends */
	void *hand;                     /* of who looks */
	unsigned place;
};

/* How it is looked: by TLS (prove_tls.h), or in a drill as its stage has it. */
struct hf_prove_means {
	/* The number of who may vouch under that name (hf_expectation.prove_ca), another one
	 * whenever they have changed. A negative error: there are none; *ret_news: the file
	 * could not be read just now, whether or not there still are some. */
	int (*trust)(void *ctx, const char *ca, hf_us now, uint64_t *ret_number, int *ret_news);
	/* Begins; hf_prove_shown follows, but not from within. Not NULL: it has not begun, and
	 * is missing; why, good until the next call. */
	const char *(*begin)(void *ctx, struct hf_prove_look *look);
	/* Ends one that has not been shown. */
	void (*end)(void *ctx, struct hf_prove_look *look);
};

/* What a look has shown, which is over with it. */
void hf_prove_shown(struct hf_prove_look *look, const struct hf_proof_seen *seen, hf_us now);

/* ---- life ---- */

struct hf_prover_conf {
	struct hf_loop *loop; /* these outlive the prover */
	struct hf_meter *meter;
	struct hf_event_ring *events;
	unsigned shares; /* provers of the process: its bounds are divided among them */
	const struct hf_prove_means *means;
	void *means_ctx;
};

/* Nothing but a small struct until the first proof is asked for. -ENOMEM. */
int hf_prover_new(const struct hf_prover_conf *conf, struct hf_prover **ret);
void hf_prover_free(struct hf_prover *prover); /* all wishes forgotten; NULL is fine */

/* Has what these expectations need for proofs loaded now and not at the first. */
void hf_prover_expect(struct hf_prover *prover, const struct hf_expect_table *table, hf_us now);

#endif
