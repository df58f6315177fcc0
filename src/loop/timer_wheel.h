/* SPDX-License-Identifier: GPL-3.0-or-later */
/* timer_wheel.h - many timers, cheap to set and cheaper to clear.
 *
 * Story: nearly every query arms a timer and nearly none of them fires. A
 * hierarchical wheel (Varghese and Lauck, "Hashed and hierarchical timing
 * wheels", 1987) makes set and clear a list operation: four levels of 64 slots,
 * 1 ms, 64 ms, 4 s and 4.4 min a slot: 4.6 hours ahead; what is due later is
 * looked at again when the outermost level turns. A timer never fires early and
 * at most one tick (1 ms) late, as seen by the `now` that it is given.
 * Ownership: timers are embedded in their owners; a zeroed one is not armed.
 * A clock that jumps ahead fires what has become due, once; one that jumps back
 * fires nothing until it has caught up.
 * Never:   reads a clock.  Threads: one owner. */
#ifndef HF_LOOP_TIMER_WHEEL_H
#define HF_LOOP_TIMER_WHEEL_H

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

#define HF_WHEEL_LEVELS 4
#define HF_WHEEL_SLOTS 64

struct hf_timer {
	struct hf_timer *next, **prev; /* prev NULL: not armed */
	hf_us due;
	void (*fire)(struct hf_timer *timer, hf_us now);
};

struct hf_timer_wheel {
	struct hf_timer *slots[HF_WHEEL_LEVELS][HF_WHEEL_SLOTS];
	uint64_t occupied[HF_WHEEL_LEVELS]; /* a bit a slot that may hold a timer */
	int64_t tick;                       /* all before this tick have fired */
	hf_us ran;                          /* the last run's now: what is due by then is past */
	size_t armed;
};

void hf_timer_wheel_init(struct hf_timer_wheel *wheel, hf_us now);

/* Arms the timer for `due` (moves it if it is armed). A due time in the past
 * fires on the next run. fire must be set. */
void hf_timer_arm(struct hf_timer_wheel *wheel, struct hf_timer *timer, hf_us due);

void hf_timer_disarm(struct hf_timer_wheel *wheel, struct hf_timer *timer);

static inline bool hf_timer_armed(const struct hf_timer *timer)
{
	return timer->prev != NULL;
}

/* Fires all that is due at now, in the order of ticks. A callback may arm and disarm any timer, its own
 * included; one armed for now or earlier fires on the next run, so this ends. */
void hf_timer_wheel_run(struct hf_timer_wheel *wheel, hf_us now);

/* How long until something may be due (0: now; HF_NEVER: nothing armed). May be
 * early, never late. */
hf_us hf_timer_wheel_wait(const struct hf_timer_wheel *wheel, hf_us now);

#endif
