/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/routes.h"

#include "base/check.h"

_Static_assert(HF_ROUTE_UPSTREAMS_MAX <= HF_COUNT_OF(((struct hf_written_route *)0)->addresses),
	"a route's upstreams fit");

uint16_t hf_keep_routes_write(const struct hf_plan *plan, struct hf_writer *w)
{
	const struct hf_forward_conf *forward = plan->forward;
	size_t i;
	for (i = 0; i < forward->route_count && i < HF_KEEP_NO_ROUTE; i++) {
		const struct hf_route *route = &forward->routes[i];
		struct hf_written_route out = { .zone = route->zone,
			.count = (uint8_t)route->upstream_count };
		for (unsigned u = 0; u < out.count; u++)
			out.addresses[u] = forward->upstreams[route->upstreams[u]].address;
		if (!hf_written_route_put(w, &out))
			break;
	}
	return (uint16_t)i;
}

uint16_t hf_keep_routes_of(const struct hf_plan *plan, const struct hf_cache *cache,
	const struct hf_cache_entry *entry)
{
	const uint8_t *wire = entry->copy.kept.wire;
	struct hf_question q = { .type = entry->type, .class = entry->class };
	size_t len = hf_name_wire_len(wire + HF_HEADER_LEN, entry->copy.kept.len - HF_HEADER_LEN);
	if (hf_unexpected(!len))
		return HF_KEEP_NO_ROUTE;
	q.name.len = (uint8_t)len;
	memcpy(q.name.bytes, wire + HF_HEADER_LEN, len);
	const struct hf_route *route = hf_route_find(plan->routes, &q.name);
	if (!route)
		return HF_KEEP_NO_ROUTE;
	struct hf_cache_key key =
		hf_cache_key(cache, hf_plan_realm(plan, route), &q, entry->flags);
	size_t index = (size_t)(route - plan->forward->routes);
	return key.hash == entry->hash && index < HF_KEEP_NO_ROUTE ? (uint16_t)index
								   : HF_KEEP_NO_ROUTE;
}

static bool shares_an_upstream(const struct hf_plan *plan, const struct hf_route *route,
	const struct hf_written_route *written)
{
	for (unsigned i = 0; i < route->upstream_count; i++)
		for (unsigned j = 0; j < written->count; j++)
			if (hf_address_equal(&plan->forward->upstreams[route->upstreams[i]].address,
				    &written->addresses[j]))
				return true;
	return false;
}

size_t hf_keep_routes_read(const struct hf_plan *plan, struct hf_reader *r,
	const struct hf_route **ret, size_t most)
{
	struct hf_written_route written;
	size_t count = 0;
	for (; count < most && hf_written_route_get(r, &written); count++) {
		const struct hf_route *route = hf_route_find(plan->routes, &written.zone);
		bool same = route && route->zone.len == written.zone.len &&
			    shares_an_upstream(plan, route, &written);
		ret[count] = same ? route : NULL;
	}
	return count;
}
