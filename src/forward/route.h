/* SPDX-License-Identifier: GPL-3.0-or-later */
/* route.h - which upstreams answer for which names.
 *
 * Story: a route belongs to a zone; the route of the longest zone that a name
 * lies in is taken. The table is a hash of zone names, and the number of labels
 * of its deepest zone bounds the walk: a lookup costs at most one probe for each
 * label of the name, however many routes there are.
 * Ownership: routes and their table live as long as the configuration's arena.
 * Threads: immutable once built; any thread may look up. */
#ifndef HF_FORWARD_ROUTE_H
#define HF_FORWARD_ROUTE_H

#include "base/arena.h"
#include "base/hash.h"
#include "base/option.h"
#include "truth/truth_conf.h"
#include "upstream/upstream.h"
#include "wire/name.h"

#define HF_ROUTE_UPSTREAMS_MAX 64
#define HF_UPSTREAMS_MAX 1024

enum hf_route_order {     /* which usable upstream is asked first */
	HF_ORDER_FASTEST, /* smallest smoothed round trip */
	HF_ORDER_LISTED,  /* both: as written, among those that are about as fast */
	HF_ORDER_STRICT,  /* as written, however slow: primary and standby */
};

struct hf_route {
	struct hf_name zone;       /* lowered */
	const uint16_t *upstreams; /* indices into hf_forward_conf.upstreams */
	uint16_t upstream_count;   /* 1 to HF_ROUTE_UPSTREAMS_MAX */
	enum hf_route_order order;
	hf_us hold_good;           /* how long a sudden denial is not believed; 0: at once */
};

extern const struct hf_option hf_route_options[]; /* for one entry of `forward:` */

struct hf_forward_conf {
	const struct hf_upstream_conf *upstreams;
	size_t upstream_count; /* at most HF_UPSTREAMS_MAX */
	const struct hf_route *routes;
	size_t route_count;
	struct hf_outgoing_conf outgoing;
	const struct hf_interface_conf *interfaces;
	size_t interface_count; /* at most HF_INTERFACES_MAX */
	struct hf_truth_conf truth; /* what answers are held against */
};

struct hf_route_table;

/* Builds the table over conf->routes, which it keeps pointing into. Zones must
 * be distinct. -ENOMEM. */
int hf_route_table_build(struct hf_arena *arena, const struct hf_hash_key *key,
	const struct hf_forward_conf *conf, struct hf_route_table **ret);

/* The route for a lowered name, or NULL if none covers it. */
const struct hf_route *hf_route_find(const struct hf_route_table *table,
	const struct hf_name *name);

#endif
