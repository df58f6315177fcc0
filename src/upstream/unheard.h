/* SPDX-License-Identifier: GPL-3.0-or-later */
/* unheard.h - one that has never said a word is not asked by everybody.
 *
 * Story: a process that starts in the middle of an outage knows of no upstream whether it is
 * there. Until silence has lasted for so long that a circuit opens (health.h), every name that
 * is asked for would be sent, and copied, to each of those who are dead. So the first moment
 * is free: whoever is there answers within a round trip, and from the first answer on nothing
 * here counts. When that moment is over and not a word has come, a few messages are let out
 * one after another, and all other questions wait for what comes of them. They are several,
 * and they go on, for one may be lost: an upstream that loses a third of all packets is heard
 * within the first handful. They are not one client's alone: whose question is the client's
 * first there goes at once, or a job whose names nobody answers would take all of them, and
 * nobody would find out that others' are answered.
 * Knows:   instants and keyed hashes of clients given to it.
 * Never:   whether anything was heard (state.h, `answered`), names, sockets, dice.
 * At the bound: the answer is no; hf_unheard_when() says when the next may go. Clients are
 * told apart by HF_UNHEARD_CLIENTS bits, so no more of them than that are let out for being first.
 * After some seconds without a message it begins anew: one that nobody needed for a while
 * shall not be held back when others fail. A clock that goes back begins anew, too.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_UNHEARD_H
#define HF_UPSTREAM_UNHEARD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_UNHEARD_CLIENTS 256u

/* A zeroed struct has sent nothing. */
struct hf_unheard {
	hf_us first; /* of those sent without a long pause; 0: none */
	hf_us last;
	hf_us spent;                               /* up to here what is let out has been used */
	uint64_t clients[HF_UNHEARD_CLIENTS / 64]; /* a bit for each whose question has gone */
};

/* A message goes to an upstream that has not been heard yet, first or retry. account: the keyed
 * hash of the client whose question it is; 0: nobody's. */
void hf_unheard_sent(struct hf_unheard *u, uint64_t account, hf_us now);

/* The instant at which the next may go; `now` if it may now. Changes nothing. */
hf_us hf_unheard_when(const struct hf_unheard *u, uint64_t account, hf_us now);

#endif
