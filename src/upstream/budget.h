/* SPDX-License-Identifier: GPL-3.0-or-later */
/* budget.h - never more than so many packets to an upstream in any 100 ms.
 *
 * Story: resolvers that are shared limit each of their clients, often without
 * a word: what is over the limit is dropped. Whoever counts by the calendar
 * second can send two seconds' worth within a moment, so here the window slides.
 * Law: in any window of 100 ms at most a tenth of the limit per second (rounded
 * down), if the limit is 10 or more; below that, one packet each 1/limit.
 * Packets are counted in bins of 1 ms and the last 102 bins are one window: a
 * packet may leave 1 or 2 ms after it was decided on without breaking the law.
 * Pace: a backlog must not spend the window at its start and be silent for the
 * rest of it, so at most a quarter of the window (at least one packet) goes out
 * within any 10 ms.
 * Big demands: some things cost several packets that cannot be parted (a TCP
 * connection). One that is larger than the pace goes when 10 ms have been
 * silent; one that is larger than the window goes when the window is empty. What
 * is over the window, here or because somebody spent without asking, is *owed*
 * and paid out of the windows that follow, as if it were sent then.
 * At the bound: at most a hundred windows' worth is owed (10 s of silence at
 * worst); more is forgiven.
 * Limits change: the limit is an argument, not state. What is asked for obeys
 * the limit of the question; what was spent counts against the limit that was
 * asked with last. A limit of 0 is no limit, as in hf_cap_limit().
 * Knows:   counts, instants given to it.
 * Never:   who sends, what for, or whether it arrived.
 * A clock that goes back stands still here until it has caught up; one that
 * goes back by over a second is believed, and the window begins anew, as full as
 * it was.
 * Cost: constant: a few additions a call, and as many for each millisecond since
 * the one before, for a window at most; about a hundred when there is no room.
 * Threads: one owner, no locks. */
#ifndef HF_UPSTREAM_BUDGET_H
#define HF_UPSTREAM_BUDGET_H

#include <stdint.h>

#include "base/time.h"

#define HF_BUDGET_BINS 128 /* a power of two that holds a window of 102 */

/* A zeroed struct has spent nothing. */
struct hf_budget {
	int64_t newest;      /* number of the newest bin: milliseconds */
	hf_us quiet_until;   /* limits below 10: when the next packet may go */
	uint32_t per_second; /* the limit that was asked with last */
	uint32_t owed;       /* packets that went out and are still to be paid for */
	uint64_t in_window, in_pace; /* the sums of the bins up to the newest */
	uint32_t bins[HF_BUDGET_BINS];
};

/* How many packets may go out at `now`, one by one or all at once. Never more
 * than the pace, so it says nothing of a demand that is larger than the pace:
 * for that ask hf_budget_when(), which knows when it may go all the same. */
uint32_t hf_budget_room(struct hf_budget *b, uint32_t per_second, hf_us now);

/* So many packets are sent at `now`. */
void hf_budget_spend(struct hf_budget *b, uint32_t packets, hf_us now);

/* So many of the packets that were spent at the instant `spent` were not sent
 * after all. `spent` must be the instant that hf_budget_spend() was given (`now`,
 * if it is the same turn): with another one nothing is taken back, because
 * taking back in the wrong place would break the law. */
void hf_budget_refund(struct hf_budget *b, uint32_t packets, hf_us spent);

/* The earliest instant at which a demand of so many packets fits if nothing is
 * spent until then; `now` if it fits now. Whoever has to send them as one asks
 * here and not for room. */
hf_us hf_budget_when(struct hf_budget *b, uint32_t per_second, uint32_t packets, hf_us now);

#endif
