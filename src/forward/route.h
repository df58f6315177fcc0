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

/* What a route says of its paths in place of what its upstreams say; 0: nothing, so
 * the upstream's own holds. What is the upstream's for all of its routes stays so:
 * its own circuit, its budget, and its retry budget, in which a route's is a part. */
struct hf_route_figures {
	hf_us timeout_min, timeout_max; /* of one attempt */
	uint32_t failures_to_open;      /* ... before the path is rested */
	hf_us rest_min, rest_max;       /* of the path */
	int hedge;                      /* enum hf_route_hedge */
	struct hf_retry_conf retry;     /* of each path, within its upstream's */
};

enum hf_route_hedge { HF_HEDGE_AS_UPSTREAM, HF_HEDGE_YES, HF_HEDGE_NO };

struct hf_route {
	struct hf_name zone;       /* lowered */
	const uint16_t *upstreams; /* indices into hf_forward_conf.upstreams */
	uint16_t upstream_count;   /* 1 to HF_ROUTE_UPSTREAMS_MAX */
	enum hf_route_order order;
	hf_us hold_good;           /* how long a sudden denial is not believed; 0: at once */
	bool rest_lame; /* who answers for no name of the zone is rested: upstream/lame.h */
	uint32_t in_flight_percent; /* its part of the questions under way, 1 to 99; 0: any */
	struct hf_route_figures figures;
};

/* Does it say anything of its paths? And of their retry budget? */
bool hf_route_has_figures(const struct hf_route *route);
bool hf_route_has_retry(const struct hf_route *route);

/* What an upstream's rows are on this route: what it says is laid over them. */
void hf_route_lay_over(const struct hf_route *route, struct hf_upstream_conf *conf);

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
