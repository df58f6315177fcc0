/* SPDX-License-Identifier: GPL-3.0-or-later */
/* note.h - what the engine decides, written into its worker's diary (meter/decision.h).
 *
 * Story: the query machine writes down what it decides of upstreams; who joins, who is turned
 * away, and what is given to those who wait is decided here, in the engine, and noted here.
 * Ownership: none.
 * Threads: the worker's own. */
#ifndef HF_ENGINE_NOTE_H
#define HF_ENGINE_NOTE_H

#include "engine/flight_inside.h"

/* About a flight, and no upstream. */
void hf_note_flight(const struct flight *f, enum hf_decided what, unsigned why, int64_t a,
	int64_t b, hf_us now);

/* Another client waits for what is under way. */
void hf_note_joined(const struct flight *f, uint64_t client, hf_us now);

/* About a question that is answered at once. Whoever knows the client says so afterwards. */
void hf_note_question(struct hf_worker *worker, const struct hf_cache_key *key,
	enum hf_decided what, int64_t a, int64_t b, hf_us now);

/* The client (hf_plan_client) of the question that was noted last. */
void hf_note_client(struct hf_worker *worker, uint64_t client);

/* Somebody is turned away; in a crowd a few of a second are written down. */
void hf_note_away(struct hf_worker *worker, const struct hf_cache_key *key, uint64_t client,
	enum hf_decided_away why, size_t there, size_t most, hf_us now);

#endif
