/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/learnt.h"

#include "base/check.h"
#include "engine/inside.h"

/* ---- taking out ---- */

void hf_learnt_begin(struct hf_learnt_walk *walk, struct hf_team *team, hf_us since)
{
	struct hf_upstreams *all = team->upstreams;
	*walk = (struct hf_learnt_walk){.team = team, .since = since};
	hf_upstreams_lock(all);
	walk->plan = all->plan ? hf_plan_ref(all->plan) : NULL;
	hf_upstreams_unlock(all);
}

void hf_learnt_end(struct hf_learnt_walk *walk)
{
	hf_plan_unref(walk->plan);
	walk->plan = NULL;
}

static bool over(const struct hf_learnt_walk *walk)
{
	return walk->paths >= HF_LEARNT_PATHS_MAX ||
	       (walk->upstream >= walk->plan->forward->upstream_count &&
		       walk->route >= walk->plan->forward->route_count);
}

static bool news(hf_us touched, hf_us since)
{
	return touched && touched >= since;
}

/* Under the lock, and so is the next. */
static size_t take_upstream(struct hf_learnt_walk *walk, hf_us now, struct hf_learnt *ret)
{
	const struct hf_upstream_conf *conf = &walk->plan->forward->upstreams[walk->upstream];
	const struct hf_upstream_state *state =
		&walk->team->upstreams->states[walk->plan->slots[walk->upstream++]];
	if (!news(hf_upstream_touched(state), walk->since))
		return 0;
	*ret = (struct hf_learnt){.name = conf->name,
		.address = &conf->address,
		.memory.upstream = hf_upstream_remember(state, now)};
	return 1;
}

/* Reading a path that was never asked does not make its memory real. */
static size_t take_paths(struct hf_learnt_walk *walk, hf_us now, struct hf_learnt *ret)
{
	const struct hf_forward_conf *forward = walk->plan->forward;
	size_t count = 0;
	for (unsigned n = 0; n < HF_LEARNT_SLICE && !over(walk); n++) {
		const struct hf_route *route = &forward->routes[walk->route];
		if (walk->at >= route->upstream_count) {
			walk->route++;
			walk->at = 0;
			continue;
		}
		const struct hf_upstream_conf *conf =
			&forward->upstreams[route->upstreams[walk->at]];
		if (walk->at == 0)
			hf_plan_look(walk->plan, route);
		const struct hf_path *path = hf_plan_path(walk->plan, route, walk->at++);
		if (!news(hf_path_touched(path), walk->since))
			continue;
		ret[count++] = (struct hf_learnt){.name = conf->name,
			.address = &conf->address,
			.zone = &route->zone,
			.memory.path = hf_path_remember(path, now)};
		walk->paths++;
	}
	return count;
}

static size_t take_slice(struct hf_learnt_walk *walk, hf_us now, struct hf_learnt *ret)
{
	if (over(walk))
		return 0;
	return walk->upstream < walk->plan->forward->upstream_count ? take_upstream(walk, now, ret)
								    : take_paths(walk, now, ret);
}

bool hf_learnt_next(struct hf_learnt_walk *walk, hf_us now,
	struct hf_learnt ret[static HF_LEARNT_SLICE], size_t *ret_count)
{
	struct hf_plan *stale = NULL;
	*ret_count = 0;
	if (!walk->plan)
		return false;
	struct hf_upstreams *all = walk->team->upstreams;
	hf_upstreams_lock(all);
	if (all->plan != walk->plan) {
		stale = walk->plan;
		*walk = (struct hf_learnt_walk){
			.team = walk->team, .since = walk->since, .plan = hf_plan_ref(all->plan)};
	}
	*ret_count = take_slice(walk, now, ret);
	hf_upstreams_unlock(all);
	hf_plan_unref(stale); /* not under the lock: it may be the last */
	if (*ret_count || !over(walk))
		return true;
	hf_learnt_end(walk);
	return false;
}

/* ---- putting back ---- */

static bool is_same(const struct hf_upstream_conf *conf, const struct hf_learnt *learnt)
{
	return strcmp(conf->name, learnt->name) == 0 &&
	       hf_address_equal(&conf->address, learnt->address);
}

static bool recall_upstream(struct hf_upstreams *all, const struct hf_learnt *learnt,
	const struct hf_memory_gap *gap, hf_us now)
{
	const struct hf_forward_conf *forward = all->plan->forward;
	for (size_t i = 0; i < forward->upstream_count; i++) {
		unsigned slot = all->plan->slots[i];
		if (!is_same(&forward->upstreams[i], learnt))
			continue;
		if (!hf_upstream_recall(&learnt->memory.upstream, gap, &forward->upstreams[i], now,
			    &all->states[slot]))
			return false;
		hf_upstreams_publish(all, slot, HF_HEALTH_CLOSED, now);
		return true;
	}
	return false;
}

static bool recall_path(const struct hf_plan *plan, const struct hf_learnt *learnt,
	const struct hf_memory_gap *gap, hf_us now)
{
	const struct hf_route *route = hf_route_find(plan->routes, learnt->zone);
	if (!route || route->zone.len != learnt->zone->len)
		return false;
	hf_plan_enter(plan, route);
	for (unsigned i = 0; i < route->upstream_count; i++) {
		const struct hf_upstream_conf *conf =
			&plan->forward->upstreams[route->upstreams[i]];
		const struct hf_upstream_conf *figures = hf_plan_figures(plan, route, i);
		if (is_same(conf, learnt))
			return hf_path_recall(&learnt->memory.path, gap, figures ? figures : conf,
				now, hf_plan_path(plan, route, i));
	}
	return false;
}

bool hf_learnt_recall(struct hf_team *team, const struct hf_learnt *learnt,
	const struct hf_memory_gap *gap, hf_us now)
{
	struct hf_upstreams *all = team->upstreams;
	hf_upstreams_lock(all);
	bool recalled = all->plan && (learnt->zone ? recall_path(all->plan, learnt, gap, now)
						   : recall_upstream(all, learnt, gap, now));
	hf_upstreams_unlock(all);
	return recalled;
}
