/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/route.h"

#include "base/check.h"
#include "base/error.h"

struct hf_route_table {
	struct hf_hash_key key;
	uint64_t mask;
	const struct hf_route **slots; /* open addressing, at most half full */
	unsigned labels_max;           /* of the deepest zone */
	const struct hf_route *root;   /* the route of ".", or NULL */
};

static const struct hf_route **probe(const struct hf_route_table *table, const uint8_t *name,
	size_t len)
{
	uint64_t at = hf_hash(&table->key, 0, name, len);
	for (;; at++) {
		const struct hf_route **slot = &table->slots[at & table->mask];
		if (!*slot || ((*slot)->zone.len == len && memcmp((*slot)->zone.bytes, name, len) == 0))
			return slot;
	}
}

int hf_route_table_build(struct hf_arena *arena, const struct hf_hash_key *key,
	const struct hf_forward_conf *conf, struct hf_route_table **ret)
{
	struct hf_route_table *table = hf_arena_get(arena, sizeof *table);
	size_t slots = 2;
	while (slots < 2 * conf->route_count)
		slots *= 2;
	if (!table)
		return -ENOMEM;
	table->key = *key;
	table->mask = slots - 1;
	table->slots = hf_arena_get(arena, slots * sizeof *table->slots);
	if (!table->slots)
		return -ENOMEM;
	for (size_t i = 0; i < conf->route_count; i++) {
		const struct hf_route *route = &conf->routes[i];
		unsigned labels = hf_name_labels(route->zone.bytes);
		*probe(table, route->zone.bytes, route->zone.len) = route;
		if (labels > table->labels_max)
			table->labels_max = labels;
	}
	table->root = *probe(table, (const uint8_t *)"", 1);
	*ret = table;
	return 0;
}

static __attribute__((noinline)) const struct hf_route *find_below_root(
	const struct hf_route_table *table, const struct hf_name *name)
{
	const uint8_t *suffix = name->bytes;
	unsigned labels = hf_name_labels(suffix);
	for (; labels > table->labels_max; labels--)
		suffix = hf_name_parent(suffix);
	for (;; suffix = hf_name_parent(suffix)) {
		size_t len = name->len - (size_t)(suffix - name->bytes);
		const struct hf_route *route = *probe(table, suffix, len);
		if (route || !suffix[0])
			return route;
	}
}

bool hf_route_has_retry(const struct hf_route *route)
{
	return route->figures.retry.percent || route->figures.retry.floor;
}

bool hf_route_has_figures(const struct hf_route *route)
{
	const struct hf_route_figures *f = &route->figures;
	return f->timeout_min || f->timeout_max || f->failures_to_open || f->rest_min ||
	       f->rest_max || f->hedge != HF_HEDGE_AS_UPSTREAM || hf_route_has_retry(route);
}

static void lay_duration(hf_us figure, hf_us *field)
{
	if (figure)
		*field = figure;
}

static void lay_count(uint32_t figure, uint32_t *field)
{
	if (figure)
		*field = figure;
}

void hf_route_lay_over(const struct hf_route *route, struct hf_upstream_conf *conf)
{
	const struct hf_route_figures *f = &route->figures;
	lay_duration(f->timeout_min, &conf->timeout_min);
	lay_duration(f->timeout_max, &conf->timeout_max);
	lay_duration(f->rest_min, &conf->rest_min);
	lay_duration(f->rest_max, &conf->rest_max);
	lay_count(f->failures_to_open, &conf->failures_to_open);
	lay_count(f->retry.percent, &conf->retry.percent);
	lay_count(f->retry.floor, &conf->retry.floor);
	if (f->hedge != HF_HEDGE_AS_UPSTREAM)
		conf->hedge = f->hedge == HF_HEDGE_YES;
}

inline const struct hf_route *hf_route_find(
	const struct hf_route_table *table, const struct hf_name *name)
{
	return table->labels_max ? find_below_root(table, name) : table->root;
}
