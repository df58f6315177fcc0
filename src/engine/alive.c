/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/alive.h"

#include "engine/inquiry.h"
#include "engine/round.h"

void hf_alive_want(struct hf_worker *worker, struct hf_upstream_state *state, unsigned slot)
{
	if (worker->check_slot)
		return;
	worker->check_slot = slot + 1;
	state->health.check_due = false;
}

/* Nobody has to hear what it says: that it says something is a fact of its health. */
void hf_alive_ask(struct hf_worker *worker, hf_us now)
{
	const unsigned slot = worker->check_slot - 1;
	const struct hf_route *route = hf_round_route_of(worker, slot);
	int place = route ? hf_round_place(worker->plan, route, slot) : -1;
	struct hf_inquiry nobody = {.flight = NULL};
	worker->check_slot = 0;
	if (place < 0)
		return;
	const struct hf_asked asked = {.route = route,
		.upstream = (unsigned)place,
		.question = {.name = route->zone, .type = HF_TYPE_NS, .class = HF_CLASS_IN},
		.check = true};
	if (!hf_inquire(worker, &nobody, &asked, now))
		hf_inquiry_forget(&nobody);
}
