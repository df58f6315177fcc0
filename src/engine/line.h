/* SPDX-License-Identifier: GPL-3.0-or-later */
/* line.h - a flight's places in the lines of upstreams without room.
 *
 * Story: where a budget has no room for a message, the attempt stands in the upstream's
 * line (upstream/queue.h), which all workers share; flight.c hears when there is room
 * (hf_flights_told). Who joins the flight meanwhile lends it a place of its own.
 * Private to engine/.  Threads: the worker's own; the lines are under the lock of
 * upstreams.h.  At the bound: that of the queue. */
#ifndef HF_ENGINE_LINE_H
#define HF_ENGINE_LINE_H

#include <stdint.h>

#include "forward/query.h"

struct flight;

/* Carries out a HF_ACT_QUEUE. HF_EBOUND: there is no place for it. */
int hf_line_stand(struct flight *f, const struct hf_action *action);

/* Leaves the lines that it need not stand in any more. */
void hf_line_leave(struct flight *f);

/* Another client waits for the flight, too: who waits for what stands in a bulk job's line
 * need not wait as long as that. */
void hf_line_also(struct flight *f, uint64_t client);

#endif
