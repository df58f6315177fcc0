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

/* About a question that is no flight. */
void hf_note_question(struct hf_worker *worker, const struct hf_cache_key *key,
	enum hf_decided what, int64_t a, int64_t b, hf_us now);

#endif
