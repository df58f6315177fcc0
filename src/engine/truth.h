/* SPDX-License-Identifier: GPL-3.0-or-later */
/* truth.h - who has lied, to whom that matters, and what comes of it.
 *
 * Story: a flight that finds an answer false says so here, once, with the evidence, and
 * asks here at its start who is not to be asked. What is remembered (quarantine), and
 * how an upstream comes out of it again, is decided here and nowhere else; so it is for
 * second opinions, canaries and serials.
 * Private to engine/.  Threads: the worker's own, but for what all share, which is under
 * the lock of upstreams.h. */
#ifndef HF_ENGINE_TRUTH_H
#define HF_ENGINE_TRUTH_H

#include "engine/inside.h"
#include "truth/judge.h"

/* What an upstream said, of which question. */
struct hf_said {
	const struct hf_plan *plan;
	const struct hf_route *route;
	unsigned upstream; /* its place in the route */
	const struct hf_question *question;
	const struct hf_expected *expected; /* of the name; NULL: nothing */
};

/* It was a lie. Counts it, tells of it (HF_EVENT_LIE), and keeps the upstream out. */
void hf_truth_lied(struct hf_worker *worker, const struct hf_said *said,
	const struct hf_evidence *evidence, hf_us now);

/* The upstreams of a route, a bit each, that are not to be asked for a name because
 * they have lied about it, or about so much that they are believed in nothing. Costs one
 * load as long as nobody has lied. */
uint64_t hf_truth_barred(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, const struct hf_expected *expected,
	const struct hf_name *name, hf_us now);

/* An answer was believed, and goes to the cache and to clients: some are compared with
 * what another upstream says (second.c). */
void hf_truth_believed(struct hf_worker *worker, const struct hf_said *said, const uint8_t *m,
	const struct hf_message_view *view, hf_us now);

/* Has the worker look soon whether a question of our own is due: watch.h. */
void hf_truth_watch(struct hf_worker *worker, hf_us now);

#endif
