/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flight.h - a question on its way: the query machine with hands.
 *
 * Story: forward/query decides; flight.c carries out: it has the question sent (ask.h),
 * stands in line (line.h), arms one timer, and when the machine says so, has what came of
 * it delivered (deliver.h). What comes in is made into events by reply.h. What a flight
 * consists of stands in flight_inside.h.
 * Private to engine/.
 * Threads: the worker's own. */
#ifndef HF_ENGINE_FLIGHT_H
#define HF_ENGINE_FLIGHT_H

#include "engine/inside.h"

struct flight_script;

/* ---- for the worker ---- */

/* Waits for an answer to the key's question with everybody else who does, or
 * begins a flight. waiter NULL: only sees to it that there is one.
 * HF_EBOUND, -ENOMEM. */
int hf_flight_join(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_waiter *waiter, hf_us now);

/* Sends what has been told to go, and lets go what has been told to give up. */
void hf_flights_told(struct hf_worker *worker, hf_us now);

void hf_flights_pump(struct hf_timer *timer, hf_us now); /* worker->pump's */

/* Ends all flights without an answer. */
void hf_flights_end(struct hf_worker *worker);

/* ---- for those who begin a flight, or have news for one ---- */

/* A flight for a question of the worker's plan on this route, which nobody can join yet;
 * NULL: no memory. route: NULL if none covers the name. */
struct flight *hf_flight_prepare(struct hf_worker *worker, const struct hf_route *route,
	const struct hf_cache_key *key, hf_us now);

/* Feeds an event to the machine and carries out what it says, and what follows from that,
 * such as from attempts that could not even be sent. True: there is an answer or a failure
 * (which has been handed out). hf_flight_go_or_end must follow. */
bool hf_flight_drive(struct flight *f, const struct hf_query_event *event, hf_us now);

/* The same for all that stands in the script; script->over says whether there is one. */
void hf_flight_drive_all(struct flight *f, struct flight_script *script, hf_us now);

/* After a step: ends the flight that is done. One that has its answer listens on
 * to those who have not spoken yet, unless there are too many such. */
void hf_flight_go_or_end(struct flight *f, hf_us now);

void hf_flight_timer(struct hf_timer *timer, hf_us now); /* a flight's own */

/* The event that an attempt could not be sent; told of if it is for want of something of
 * our own, else counted as an error of its upstream's (no route leads there). */
struct hf_query_event hf_flight_unsent(
	const struct flight *f, unsigned attempt, int error, hf_us now);

#endif
