/* SPDX-License-Identifier: GPL-3.0-or-later */
/* intercept.h - does somebody in the path answer questions that are for others?
 *
 * Story: a router, a hotel or a provider may take every datagram to port 53 and answer it
 * itself, whomever it is for. Then all upstreams in plain text are one and the same, and
 * none is the one that was configured. So the first worker sends a question for a name that
 * cannot exist to `truth.intercept-probe`, an address at which no resolver runs, soon after
 * the start and then as often as canaries are asked (every 5 m if those are off). Whatever
 * DNS message comes back, somebody in the path has written it. That is told, and nobody
 * is kept out: which upstream would be better? One that is asked over TLS.
 * It travels from a random port with a random id, by a pool of its own, for it belongs to no
 * flight. It counts in no budget: it is one packet of some forty octets each time.
 * Private to engine/.  Threads: the first worker's own.
 * At the bound: one probe at a time; one that is not answered within three seconds was not. */
#ifndef HF_ENGINE_INTERCEPT_H
#define HF_ENGINE_INTERCEPT_H

#include "engine/inside.h"

struct hf_intercept; /* NULL: none yet */

/* Sends a probe if one is due. */
void hf_intercept_look(struct hf_worker *worker, hf_us now);

/* The worker goes by another plan: what was found at another address counts no more. */
void hf_intercept_adopted(struct hf_worker *worker);

void hf_intercept_free(struct hf_intercept *intercept); /* NULL is fine */

#endif
