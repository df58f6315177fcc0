/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lames.h - the question that shows whether an upstream answers for a zone at all.
 *
 * Story: when upstream/lame.h suspects a path, the zone's SOA is asked for by an inquiry
 * (inquiry.h), within the retry budget; what comes of it is told to it, and if that is a
 * rest, to the log.
 * Private to engine/.  Threads: the worker's own.
 * At the bound: HF_LAMES_MAX such questions of a worker at once; the next suspicion asks. */
#ifndef HF_ENGINE_LAMES_H
#define HF_ENGINE_LAMES_H

#include "engine/inside.h"

#define HF_LAMES_MAX 16

/* Asks about the route's zone. Under the lock of upstreams.h. */
void hf_lames_ask(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, unsigned upstream, hf_us now);

void hf_lames_end(struct hf_worker *worker); /* behind hf_flights_end */

#endif
