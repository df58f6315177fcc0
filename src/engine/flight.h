/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flight.h - a question on its way: the query machine with hands and ears.
 *
 * Story: forward/query decides; this file carries out: it writes the question
 * with mixed case, gives it to UDP or TCP, arms one timer, makes an event of
 * whatever comes, and when the machine says so, keeps the answer and hands it to
 * all who wait. Private to engine/.
 * Threads: the worker's own. */
#ifndef HF_ENGINE_FLIGHT_H
#define HF_ENGINE_FLIGHT_H

#include "engine/inside.h"

/* Waits for an answer to the key's question with everybody else who does, or
 * begins a flight. waiter NULL: only sees to it that there is one.
 * HF_EBOUND, -ENOMEM. */
int hf_flight_join(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_waiter *waiter, hf_us now);

/* Sends what has been told to go, and lets go what has been told to give up. */
void hf_flights_told(struct hf_worker *worker, hf_us now);

void hf_flights_pump(struct hf_timer *timer, hf_us now); /* worker->pump's */

int hf_transports_open(struct hf_worker *worker);

/* Ends all flights without an answer. */
void hf_flights_end(struct hf_worker *worker);

#endif
