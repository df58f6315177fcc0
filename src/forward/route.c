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

inline const struct hf_route *hf_route_find(
	const struct hf_route_table *table, const struct hf_name *name)
{
	return table->labels_max ? find_below_root(table, name) : table->root;
}
