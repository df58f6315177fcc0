/* SPDX-License-Identifier: GPL-3.0-or-later */
/* select.h - whom to ask next.
 *
 * Story: of a route's upstreams, those with a closed circuit that this question
 * has not been sent to yet come first, in the route's order (fastest, or as
 * listed). One with an open circuit counts as if it had been tried twice
 * already: it is asked only when those in use have failed this question twice.
 * When nothing is in use, the resting ones are asked all the same: an answer
 * that might come is better than none.
 * Threads: one owner of the states. */
#ifndef HF_UPSTREAM_SELECT_H
#define HF_UPSTREAM_SELECT_H

#include <stddef.h>

#include "upstream/health.h"
#include "upstream/rtt.h"

/* What one worker has learnt of one upstream. */
struct hf_upstream_state {
	struct hf_health health;
	struct hf_rtt rtt;
	hf_us answered; /* instant of the last answer */
	uint32_t in_flight;
};

struct hf_candidate {
	const struct hf_upstream_conf *conf;
	struct hf_upstream_state *state;
};

struct hf_selection {
	const struct hf_candidate *candidates;
	size_t count;
	const uint8_t *tries; /* a count for each: how often this question went there */
	uint64_t barred;      /* a bit for each: not again for this question */
	bool by_rtt;          /* else as listed */
	hf_us now;
};

/* The index of the upstream to ask next, or -1 if all are barred. */
int hf_select(const struct hf_selection *selection);

/* The index of an upstream that is due for a probe and is not `chosen`, or -1. */
int hf_select_probe(const struct hf_selection *selection, int chosen);

#endif
