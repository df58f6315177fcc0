/* SPDX-License-Identifier: GPL-3.0-or-later */
/* pace.h - an upstream that comes back is not run over.
 *
 * Story: while an upstream is in use its rate of first messages is measured: the mean of
 * the last half minute, or of what there is of it; and beside it what it *carried*, the
 * most that it answered within one second of the last minute or two. When it comes back
 * after an outage, everything that expired meanwhile wants to be fetched at once, by us
 * and by everybody else. How many we are nobody knows, so each keeps to a share of its
 * own: the most that it is given is an eighth over the mean, or half of what it carried,
 * if that is more, and more than chance would make of the mean. It begins with an eighth of that,
 * and is given twice as much every quarter of a second until it has all of it. After half a minute
 * all of it is twice as much. What it was not asked in a quarter of a second it may be asked at
 * once, for questions come by chance. The rest is answered stale, goes to another upstream, or
 * waits a moment; and what nobody waits for is not asked at all while somebody else has to. The
 * pace ends when two seconds pass in which nobody had to wait, and after a minute at the latest.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_PACE_H
#define HF_UPSTREAM_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct hf_pace {
	hf_us second;        /* the one that is being counted */
	uint32_t sends;      /* in it */
	uint8_t seconds;     /* that `rate` is a mean of, up to half a minute */
	uint64_t rate;       /* 1024 times messages/s; 0: unknown */
	hf_us half;          /* the half second that answers are being counted in */
	uint32_t answers[2]; /* in it, and in the one before */
	hf_us minute;        /* the one that `carried` is the most of */
	uint32_t carried[2]; /* answers within a second: in it, and in the minute before */
	bool held;           /* it is out of use: what is remembered is the rate before that */
	hf_us began;         /* 0: no pace is set */
	uint64_t others;     /* the rates of those whose share it carries until they return */
	hf_us spent;         /* up to here the time that a pace gives has been used */
	hf_us refused;       /* the last time that somebody had to wait */
};

/* A zeroed struct has measured nothing and sets no pace. */

/* A first message is sent. */
void hf_pace_sent(struct hf_pace *pace, hf_us now);

/* A message is sent that no pace holds back, such as a retry: of what is given there is less
 * for others. */
void hf_pace_also(struct hf_pace *pace, hf_us now);

/* It is out of use: nothing is measured until it comes back. */
void hf_pace_hold(struct hf_pace *pace, hf_us now);

/* It answered. */
void hf_pace_answered(struct hf_pace *pace, hf_us now);

/* 1024 times the messages/s of which it is given an eighth more when it comes back: the
 * mean, or what it carried makes of it; 0: unknown. */
uint64_t hf_pace_share(const struct hf_pace *pace);

/* It came back; others: the sum of the shares of those beside it that have not yet. */
void hf_pace_begin(struct hf_pace *pace, uint64_t others, hf_us now);

/* May a first message go? Changes nothing. */
bool hf_pace_free(struct hf_pace *pace, hf_us now);

/* Somebody was told to wait. */
void hf_pace_refuse(struct hf_pace *pace, hf_us now);

/* Did somebody have to wait within the last second? Then what nobody waits for is no
 * reason to send. */
bool hf_pace_crowded(const struct hf_pace *pace, hf_us now);

/* Messages/s that it is given now; 0: no pace is set. */
uint32_t hf_pace_rate(const struct hf_pace *pace, hf_us now);

#endif
