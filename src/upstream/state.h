/* SPDX-License-Identifier: GPL-3.0-or-later */
/* state.h - what has been learnt of an upstream, and what it may still be sent.
 *
 * Story: one `hf_upstream_state` for each upstream of the process, and one
 * `hf_path` for each upstream of each route: a forwarded zone has its own round
 * trips and its own circuit, for an upstream can be fast for one zone and useless
 * for another; and, if its route asks for one, its own retry budget within the
 * upstream's. All workers share both.
 * Ownership: the engine's; the queue's entries are its flights'.
 * Threads: one at a time, by the engine's lock. */
#ifndef HF_UPSTREAM_STATE_H
#define HF_UPSTREAM_STATE_H

#include "upstream/budget.h"
#include "upstream/cap.h"
#include "upstream/cookie.h"
#include "upstream/fair.h"
#include "upstream/health.h"
#include "upstream/lame.h"
#include "upstream/pace.h"
#include "upstream/queue.h"
#include "upstream/retry.h"
#include "upstream/rtt.h"
#include "upstream/size.h"
#include "upstream/unheard.h"

struct hf_upstream_state {
	struct hf_health health;
	struct hf_pace pace;      /* how much it is given after an outage */
	struct hf_retry retry;
	struct hf_fair fair;      /* who was given those tokens */
	struct hf_budget budget;
	uint32_t limit;           /* packets/s that the operator allows; 0: any */
	struct hf_budget *interface; /* shared with others, under the same lock; NULL: none */
	uint32_t interface_limit; /* packets/s */
	struct hf_cap cap;
	struct hf_size size;      /* what gets through to us, and whether EDNS does */
	struct hf_cookie cookie;  /* who gives it back has seen the question */
	struct hf_queue *queue;   /* who waits for the budget; NULL: nobody ever had to */
	uint32_t drain;           /* packets/s at which it empties when the limit is lifted */
	hf_us turn;               /* ... and when the next of them go */
	hf_us answered;           /* instant of the last answer; 0: it was never heard */
	struct hf_unheard unheard; /* ... and what it was sent all the same */
	uint32_t in_flight;
};

struct hf_path {
	struct hf_health health;
	struct hf_lame lame; /* what it says of no name of the zone */
	struct hf_rtt rtt;
	hf_us asked; /* instant of the last message */
	struct hf_retry retry; /* of a route with a retry budget of its own */
};

/* What all upstreams together may be sent. */
struct hf_outgoing_state {
	struct hf_retry retry;
	struct hf_fair fair;
	struct hf_budget budget;
};

#endif
