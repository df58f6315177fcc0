/* SPDX-License-Identifier: GPL-3.0-or-later */
/* telling.h - what one step of a query changed, for metrics and the log.
 *
 * Story: before a step the route's upstreams are looked up, as candidates for what
 * the step decides; while it lasts, the machine notes whom it touches and how they
 * were; after it, every change of a circuit and every cap that was found or lifted
 * becomes an event, and the figures become gauges. Nobody who decides ever writes
 * a word.
 * Cost: that of the few that were touched, not of all that the route has. The
 * candidates of a route are made once a plan; caps want a look when one of their
 * windows has ended (half a second), whoever was touched.
 * Private to engine/.  Threads: the worker's own, under the lock of upstreams.h. */
#ifndef HF_ENGINE_TELLING_H
#define HF_ENGINE_TELLING_H

#include "engine/inside.h"
#include "forward/query.h"

struct hf_telling {
	struct hf_choice candidates[1]; /* one: an array is handed on as it is */
	struct hf_candidate
		older[HF_ROUTE_UPSTREAMS_MAX]; /* theirs under a plan that is not the newest */
};

void hf_telling_look(struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now);

void hf_telling_tell(const struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now);

#endif
