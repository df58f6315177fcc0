/* SPDX-License-Identifier: GPL-3.0-or-later */
/* events.h - what happened, put into words.
 *
 * Story: workers drop events of a fixed size into their rings (meter/event.h);
 * the main thread takes them out now and then and says each in a line of the
 * log, no more than the log admits of a kind.
 * Threads: the one reader of the rings. */
#ifndef HF_SIGHT_EVENTS_H
#define HF_SIGHT_EVENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "meter/event.h"
#include "sight/log.h"

/* The name of the upstream in a slot, into buf; false: there is none any more. */
struct hf_slot_names {
	bool (*name)(void *ctx, unsigned slot, char *buf, size_t size);
	void *ctx;
};

/* Takes all that is in the ring now and says it. */
void hf_events_say(struct hf_event_ring *ring, struct hf_log *log,
	const struct hf_slot_names *names, hf_us now);

/* "upstream state" ... for hf_log_turn. */
const char *hf_event_kind_name(unsigned kind);

/* "closed" ... for a number of enum hf_health_state, "unknown" for any other. */
const char *hf_upstream_state_name(int64_t state);

#endif
