/* SPDX-License-Identifier: GPL-3.0-or-later */
/* routes.h - whose word a written answer is, in terms that outlive the process.
 *
 * Story: in memory an answer belongs to a realm (engine/plan.h), a number that
 * means nothing to the next process. On disk it belongs to a route, and a route is
 * its zone and its upstreams' addresses. Over a restart the rule is that of a
 * reload: a route keeps its answers if it is there, under the same zone, with at
 * least one of the same upstreams. An answer whose name lies under another route
 * now is dropped: what other upstreams said is no answer.
 * Threads: pure; plans are immutable. */
#ifndef HF_KEEP_ROUTES_H
#define HF_KEEP_ROUTES_H

#include "cache/cache.h"
#include "cache/written.h"
#include "engine/plan.h"

#define HF_KEEP_NO_ROUTE UINT16_MAX

/* Writes a plan's table. Returns how many of its routes found room; answers under
 * the others are not kept. */
uint16_t hf_keep_routes_write(const struct hf_plan *plan, struct hf_writer *w);

/* The route, as numbered by hf_keep_routes_write, under whose realm an entry of
 * the cache was stored; HF_KEEP_NO_ROUTE: none of this plan's. */
uint16_t hf_keep_routes_of(const struct hf_plan *plan, const struct hf_cache *cache,
	const struct hf_cache_entry *entry);

/* For each route of a written table the one of this plan that goes on with it, or
 * NULL. Reads at most `most`; returns how many. */
size_t hf_keep_routes_read(const struct hf_plan *plan, struct hf_reader *r,
	const struct hf_route **ret, size_t most);

#endif
