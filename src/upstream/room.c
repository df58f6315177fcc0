/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/room.h"

#define BUDGETS 3

struct limited { /* a budget that has a limit */
	struct hf_budget *budget;
	uint32_t limit;
};

uint32_t hf_upstream_limit(const struct hf_upstream_state *state)
{
	uint32_t cap = hf_cap_limit(&state->cap);
	return cap && (!state->limit || cap < state->limit) ? cap : state->limit;
}

static size_t list(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, struct limited ret[static BUDGETS])
{
	uint32_t limit = hf_upstream_limit(state);
	size_t n = 0;
	if (limit)
		ret[n++] = (struct limited){ &state->budget, limit };
	if (state->interface)
		ret[n++] = (struct limited){ state->interface, state->interface_limit };
	if (conf && conf->budget)
		ret[n++] = (struct limited){ &outgoing->budget, conf->budget };
	return n;
}

/* Nearly all upstreams are. */
static inline bool unlimited(
	const struct hf_upstream_state *state, const struct hf_outgoing_conf *conf)
{
	return !hf_upstream_limit(state) && !state->interface && !(conf && conf->budget);
}

hf_us hf_room_when(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us now)
{
	struct limited all[BUDGETS];
	hf_us last = now;
	if (unlimited(state, conf))
		return now;
	for (size_t i = list(state, outgoing, conf, all); i-- > 0;) {
		hf_us when = hf_budget_when(all[i].budget, all[i].limit, packets, now);
		last = when > last ? when : last;
	}
	return last;
}

bool hf_room_is_free(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us now)
{
	if (state->queue && hf_queue_depth(state->queue))
		return false;
	return hf_room_when(state, outgoing, conf, packets, now) <= now;
}

void hf_room_take(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us now)
{
	struct limited all[BUDGETS];
	if (unlimited(state, conf))
		return;
	for (size_t i = list(state, outgoing, conf, all); i-- > 0;)
		hf_budget_spend(all[i].budget, packets, now);
}

void hf_room_give_back(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us taken)
{
	struct limited all[BUDGETS];
	for (size_t i = list(state, outgoing, conf, all); i-- > 0;)
		hf_budget_refund(all[i].budget, packets, taken);
}
