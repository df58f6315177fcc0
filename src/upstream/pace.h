/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pace.h - an upstream that comes back is not run over.
 *
 * Story: while an upstream is in use its rate of first messages is measured.
 * When it comes back after an outage, everything that expired meanwhile wants to
 * be fetched at once, by us and by everybody else. So it is given a sixteenth of
 * the rate that it had before, then twice as much every half second, up to a little
 * more than it had; what it was not asked in a quarter of a second it may be asked at
 * once, for questions come by chance. The rest is answered stale, goes to another
 * upstream, or waits a moment. The pace ends when ten seconds pass in which nobody had
 * to wait, and after a minute at the latest.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_PACE_H
#define HF_UPSTREAM_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct hf_pace {
	hf_us second;    /* the one that is being counted */
	uint32_t sends;  /* in it */
	uint64_t rate;   /* 1024 times messages/s, smoothed over half a minute; 0: unknown */
	bool held;       /* it is out of use: what is remembered is the rate before that */
	hf_us began;     /* 0: no pace is set */
	uint64_t others; /* the rates of those whose share it carries until they return */
	hf_us spent;     /* up to here the time that a pace gives has been used */
	hf_us refused;   /* the last time that somebody had to wait */
};

/* A zeroed struct has measured nothing and sets no pace. */

/* A first message is sent. */
void hf_pace_sent(struct hf_pace *pace, hf_us now);

/* It is out of use: nothing is measured until it comes back. */
void hf_pace_hold(struct hf_pace *pace, hf_us now);

/* It came back; others: the sum of `rate` of those beside it that have not yet. */
void hf_pace_begin(struct hf_pace *pace, uint64_t others, hf_us now);

/* May a first message go? Changes nothing. */
bool hf_pace_free(struct hf_pace *pace, hf_us now);

/* Somebody was told to wait. */
void hf_pace_refuse(struct hf_pace *pace, hf_us now);

/* Messages/s that it is given now; 0: no pace is set. */
uint32_t hf_pace_rate(const struct hf_pace *pace, hf_us now);

#endif
