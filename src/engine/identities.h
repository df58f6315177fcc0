/* SPDX-License-Identifier: GPL-3.0-or-later */
/* identities.h - the upstreams are asked now and then which machine they are.
 *
 * Story: with `truth.identity`, the first worker asks each upstream after the start, and then
 * as often as canaries are asked, what truth/identity.h tells of; one that says nothing
 * is asked twenty times more seldom. Without canaries nobody is asked. Each is an inquiry
 * (inquiry.h): within the retry budget, and no token is no question. What is said is kept for all to read, and shown. If
 * two upstreams in plain text, in different networks, give the same name, that is told,
 * once as long as it lasts; it may be one operator, so nobody is kept out. Over TLS it was
 * shown who is asked, and nobody in the path can be the one who answers.
 * Private to engine/.  Threads: the first worker's own; what was said under the lock of
 * upstreams.h.
 * At the bound: one question at a time; one identity for each slot. */
#ifndef HF_ENGINE_IDENTITIES_H
#define HF_ENGINE_IDENTITIES_H

#include "engine/inside.h"
#include "truth/identity.h"

struct hf_identities; /* what was said, one piece for free(); NULL: nothing yet */
struct hf_identifier; /* who asks; NULL: nobody yet */

/* Asks the next upstream that is due. */
void hf_identities_look(struct hf_worker *worker, hf_us now);

/* The worker ends. NULL is fine. */
void hf_identifier_free(struct hf_identifier *identifier);

/* What the upstream in a slot has said; false: nothing. Under the lock. */
bool hf_identities_of(
	const struct hf_upstreams *all, unsigned slot, struct hf_identity *ret);

#endif
