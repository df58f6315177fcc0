/* SPDX-License-Identifier: GPL-3.0-or-later */
/* telling.h - what one step of a query changed, for metrics and the log.
 *
 * Story: before a step the route's upstreams are looked at, which also makes the
 * candidates that the step wants; after it, every change of a circuit and every
 * cap that was found or lifted becomes an event, and the figures become gauges.
 * Nobody who decides ever writes a word.
 * Private to engine/.  Threads: the worker's own, under the lock of upstreams.h. */
#ifndef HF_ENGINE_TELLING_H
#define HF_ENGINE_TELLING_H

#include "engine/inside.h"

struct hf_telling {
	struct hf_candidate candidates[HF_ROUTE_UPSTREAMS_MAX];
	struct before {
		enum hf_health_state upstream, path;
		uint16_t size_limit;
		bool plain;
	} before[HF_ROUTE_UPSTREAMS_MAX];
};

void hf_telling_look(struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now);

void hf_telling_tell(const struct hf_telling *telling, struct hf_worker *worker,
	const struct hf_plan *plan, const struct hf_route *route, hf_us now);

#endif
