/* SPDX-License-Identifier: GPL-3.0-or-later */
/* watch.h - when our own questions are asked: probes, canaries, serials.
 *
 * Story: one timer of the worker looks twice a second whether something is due. It runs
 * while an upstream is in quarantine, and in the first worker while canaries or serials are
 * wanted; else there is none.
 * Private to engine/.  Threads: the worker's own. */
#ifndef HF_ENGINE_WATCH_H
#define HF_ENGINE_WATCH_H

#include "engine/inside.h"

void hf_watch_begin(struct hf_worker *worker);              /* before it has a plan */
void hf_watch_adopted(struct hf_worker *worker, hf_us now); /* it has another plan */
void hf_watch_end(struct hf_worker *worker);                /* behind hf_flights_end, before its prover */

#endif
