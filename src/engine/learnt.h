/* SPDX-License-Identifier: GPL-3.0-or-later */
/* learnt.h - what the workers have learnt of upstreams, taken out and put back.
 *
 * Story: the door for whoever writes it down (keep/keeper.h). An upstream is known
 * by its name and its address, a path by its route's zone as well: slots and places
 * in a plan mean nothing to another process. If any of them is another one, nothing
 * is taken over, as in a reload.
 *
 * It is taken out by a *walk* over the newest plan: upstreams first, then the paths
 * that were ever asked. The workers' lock is held for one slice at a time, which is
 * an upstream or HF_LEARNT_SLICE paths: to look at them and to copy costs about a
 * microsecond, so that no worker waits longer than that (unless the system takes the
 * processor away just then, as it may from a worker that holds it). A walk is therefore
 * no picture of one instant; nothing in it needs to be. When a reload brings another
 * plan, the walk begins again.
 * Threads: walks from any thread, each its own; recall before the workers' loops turn.
 * At the bound: a walk ends after HF_LEARNT_PATHS_MAX paths. */
#ifndef HF_ENGINE_LEARNT_H
#define HF_ENGINE_LEARNT_H

#include "engine/plan.h"
#include "upstream/memory.h"

struct hf_team;

#define HF_LEARNT_SLICE 16
#define HF_LEARNT_PATHS_MAX 65536

struct hf_learnt {
	const char *name; /* of the upstream */
	const struct hf_address *address;
	const struct hf_name *zone; /* of the route; NULL: of the upstream itself */
	union {
		struct hf_upstream_memory upstream;
		struct hf_path_memory path;
	} memory;
};

struct hf_learnt_walk {
	struct hf_team *team;
	struct hf_plan *plan; /* a reference; NULL: the walk is over, or was never begun */
	hf_us since;
	size_t upstream, route, at; /* where it stands */
	size_t paths;               /* so many were given */
};

/* Begins to walk over what was learnt since then: HF_LEARNT_ALL for everything. */
#define HF_LEARNT_ALL INT64_MIN
void hf_learnt_begin(struct hf_learnt_walk *walk, struct hf_team *team, hf_us since);

/* The next slice. Its texts and names hold until the next call. False: that was all,
 * and the walk has ended; else *ret_count may also be 0. */
bool hf_learnt_next(struct hf_learnt_walk *walk, hf_us now,
	struct hf_learnt ret[static HF_LEARNT_SLICE], size_t *ret_count);

/* Ends a walk early; one that is over is fine. */
void hf_learnt_end(struct hf_learnt_walk *walk);

/* Puts back what is known of an upstream or a path. False: there is none such now, or
 * it is too old, or more is known already. */
bool hf_learnt_recall(struct hf_team *team, const struct hf_learnt *learnt,
	const struct hf_memory_gap *gap, hf_us now);

#endif
