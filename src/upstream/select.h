/* SPDX-License-Identifier: GPL-3.0-or-later */
/* select.h - whom to ask next.
 *
 * Story: of a route's upstreams, those in use that this question has not been
 * sent to yet come first, in the route's order: the fastest (a lost message
 * counting as time lost); or as listed, where one that is much worse than the
 * best is passed over; or strictly as listed, where it is not. One that has no room left in its
 * budget, or that has just come back and is given its share slowly, or of which not a word was ever
 * heard (unheard.h), stands behind those that have.
 * One whose rest is over is asked when those in use have failed this question twice, or when none
 * is in use: then the question is its probe. One that rests is not asked at all. One that is
 * trusted little comes after all that are not: it is asked only while none of them is in use that
 * this question has not been to (and stands in no line for any), and whether it is in use is
 * nothing to the rest of the others. It gets no copies. When none is in use, a rest is over after a
 * second at the latest: nobody else can answer, and a probe a second hurts nobody. One that answers
 * for no name of the route's zone (lame.h) is not asked either, whoever else is in use, or is not.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_SELECT_H
#define HF_UPSTREAM_SELECT_H

#include <stddef.h>

#include "upstream/state.h"

#define HF_SELECT_MOST 64 /* candidates; a bit each in hf_selection.barred */

struct hf_candidate {
	const struct hf_upstream_conf *conf;
	struct hf_upstream_state *state;
	struct hf_path *path;
	/* conf, with what the route says of its paths laid over it; NULL: it says nothing. */
	const struct hf_upstream_conf *figures;
};

/* What holds on the path: its time-outs, its circuit, its hedges. */
static inline const struct hf_upstream_conf *hf_candidate_figures(const struct hf_candidate *c)
{
	return c->figures ? c->figures : c->conf;
}

enum hf_offer {        /* how an upstream stands to a question */
	HF_OFFER_USE,  /* send */
	HF_OFFER_WAIT, /* in use, but there is no room just now */
	HF_OFFER_DUE,  /* may be probed */
	HF_OFFER_REST, /* not now */
};

struct hf_selection {
	const struct hf_candidate *candidates;
	size_t count;
	const uint8_t *tries; /* a count for each: how often this question went there */
	uint64_t barred;      /* a bit for each: not again for this question */
	bool spare_low;       /* leave out those that are trusted little: for a copy */
	bool by_rtt;          /* else as listed, ... */
	bool strict;          /* ... however much worse one is than the best */
	bool first;           /* nothing has been sent yet: the pace of one that came back counts */
	bool own;      /* a question of our own: who answers for no name of the zone is asked */
	uint64_t account; /* of the client that asks; 0: nobody does */
	uint32_t cost; /* packets that there must be room for */
	struct hf_outgoing_state *outgoing;
	const struct hf_outgoing_conf *outgoing_conf;
	hf_us now;
};

/* What one look at each upstream found: their circuits, and what a question costs
 * there. It holds until one of them changes in these; budgets are not part of it. */
struct hf_looks {
	bool in_use;  /* is any, of those that are not trusted little? */
	bool untried; /* ... that this question has not been to? */
	hf_us best;   /* the least that a question costs at one in use; 0: nothing is known */
	uint8_t admissions[HF_SELECT_MOST];
	hf_us costs[HF_SELECT_MOST];
};

void hf_look(const struct hf_selection *selection, struct hf_looks *ret);

enum hf_offer hf_offer(const struct hf_selection *selection, size_t i);

/* Is there room in its budget, and in everybody's, and nobody who waits for it? */
bool hf_has_room(const struct hf_selection *selection, size_t i);

/* When one that was never heard may be sent a message: `now` if it may, or was heard. */
hf_us hf_unheard_until(const struct hf_selection *selection, size_t i);

/* When an upstream that rests may be probed if nobody else is in use. */
hf_us hf_rest_end_alone(const struct hf_health *health);

/* The index of the upstream to ask next, or -1: all are barred or resting. */
int hf_select(const struct hf_selection *selection);
int hf_select_from(const struct hf_selection *selection, const struct hf_looks *looks);

/* The instant at which one that rests may be asked; HF_NEVER: all are barred. */
hf_us hf_select_when(const struct hf_selection *selection);

/* The index of one that is not barred, if all those answer for no name of the zone, and
 * none is on trial, so that there is nobody to wait for; or -1. */
int hf_select_lame(const struct hf_selection *selection);

/* The index of an upstream that wants a look beside `chosen`, or -1: one whose
 * rest is over, or one that is passed over and has not been asked for a second, or for
 * a quarter of one if it had lost messages and answered then. */
int hf_select_probe(const struct hf_selection *selection, const struct hf_looks *looks, int chosen);

#endif
