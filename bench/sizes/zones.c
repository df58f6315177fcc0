/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What 10 to 100,000 forwarded zones cost: a lookup of the route, a new plan (what
 * main does at a reload, beside the workers), and its adoption: how long the lock
 * is held that workers need for a miss, with every path asked before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "count.h"
#include "engine/plan.h"
#include "engine/upstreams.h"

#define MOST 8
#define LOOKUPS 1000000

struct zones {
	struct hf_upstream_conf confs[MOST];
	uint16_t all[MOST], slots[MOST];
	bool fresh[MOST];
	struct hf_route *routes;
	struct hf_forward_conf forward;
	struct hf_cache_conf cache;
	uint64_t seed;
};

static void name_of(const char *format, uint64_t number, struct hf_name *ret)
{
	char text[64];
	int len = snprintf(text, sizeof text, format, (unsigned long long)number);
	hf_require(!hf_name_from_text(text, (size_t)len, ret));
}

static void prepare(struct zones *z, size_t zones, uint16_t upstreams)
{
	memset(z, 0, sizeof *z);
	z->routes = calloc(zones, sizeof *z->routes);
	for (uint16_t i = 0; i < upstreams; i++) {
		hf_address_parse("192.0.2.1", 53, &z->confs[i].address);
		z->confs[i].address.bytes[3] = (uint8_t)(i + 1);
		z->all[i] = z->slots[i] = i;
	}
	for (size_t i = 0; i < zones; i++) {
		if (i)
			name_of("z%06llu.example", i, &z->routes[i].zone);
		else
			name_of(".", 0, &z->routes[i].zone);
		z->routes[i].upstreams = z->all;
		z->routes[i].upstream_count = upstreams;
	}
	z->forward = (struct hf_forward_conf){.upstreams = z->confs,
		.upstream_count = upstreams,
		.routes = z->routes,
		.route_count = zones};
}

static struct hf_plan *new_plan(struct zones *z, const struct hf_plan *before)
{
	const struct hf_hash_key key = {1, 2};
	struct hf_plan *plan;
	hf_require(!hf_plan_new(&z->forward, &z->cache, &key, z->slots, z->fresh, before, &plan));
	return plan;
}

/* In random order; a third of the names lie in no zone but the root. */
static double look_up(struct zones *z, const struct hf_plan *plan)
{
	static struct hf_name names[256];
	double ns = 0;
	for (unsigned done = 0; done < LOOKUPS; done += HF_COUNT_OF(names)) {
		for (unsigned i = 0; i < HF_COUNT_OF(names); i++) {
			uint64_t number = count_dice(&z->seed) % (z->forward.route_count * 3 / 2);
			name_of("www.z%06llu.example", number, &names[i]);
		}
		count_begin();
		for (unsigned i = 0; i < HF_COUNT_OF(names); i++)
			hf_require(hf_route_find(plan->routes, &names[i]) != NULL);
		ns += count_end().ns;
	}
	return ns / LOOKUPS;
}

static void ask_all(struct zones *z, struct hf_plan *plan)
{
	for (size_t r = 0; r < z->forward.route_count; r++) {
		hf_plan_enter(plan, &z->routes[r]);
		for (size_t i = 0; i < z->routes[r].upstream_count; i++)
			hf_plan_path(plan, &z->routes[r], i)->asked = 1;
	}
}

static void measure(size_t zones, uint16_t upstreams)
{
	struct zones z;
	struct hf_upstreams *all;
	prepare(&z, zones, upstreams);
	hf_require(!hf_upstreams_new(1, &all));
	long before_kib = count_status_kib("VmRSS:");
	struct hf_plan *first = new_plan(&z, NULL);
	long plan_kib = count_status_kib("VmRSS:") - before_kib;
	hf_upstreams_adopt(all, first);
	double found = look_up(&z, first);
	count_begin();
	struct hf_plan *second = new_plan(&z, first);
	double made = count_end().ns;
	count_begin();
	hf_upstreams_adopt(all, second);
	double unasked = count_end().ns;
	ask_all(&z, second);
	struct hf_plan *third = new_plan(&z, second);
	count_begin();
	hf_upstreams_adopt(all, third);
	double asked = count_end().ns, slice = 0;
	for (;;) {
		count_begin();
		hf_upstreams_hand_over(all);
		double ns = count_end().ns;
		if (!atomic_load(&all->handing_over))
			break; /* the last one gives back the plan before, not under the lock */
		slice = ns > slice ? ns : slice;
	}
	printf("%9zu %9u %12.1f %10ld %12.2f %12.3f %12.3f %12.3f\n", zones, upstreams, found,
		plan_kib, made / 1e6, unasked / 1e6, asked / 1e6, slice / 1e6);
	hf_plan_unref(first);
	hf_plan_unref(second);
	hf_plan_unref(third);
	hf_upstreams_free(all);
	free(z.routes);
}

int main(void)
{
	static const size_t zones[] = {10, 1000, 100000};
	printf("%9s %9s %12s %10s %12s %12s %12s %12s\n", "zones", "upstreams", "lookup, ns",
		"plan, KiB", "made, ms", "adopted, ms", "all asked", "a slice, ms");
	for (size_t i = 0; i < HF_COUNT_OF(zones); i++)
		for (uint16_t upstreams = 2; upstreams <= MOST; upstreams += MOST - 2)
			measure(zones[i], upstreams);
	return 0;
}
