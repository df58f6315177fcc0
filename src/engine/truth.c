/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/truth.h"

#include "engine/quarantines.h"

/* How often it is looked whether a probe is due: it is 750 ms away at the least. */
#define LOOK (500 * HF_MS)

void hf_truth_watch(struct hf_worker *worker, hf_us now)
{
	if (!hf_timer_armed(&worker->truth))
		hf_timer_arm(hf_loop_timers(worker->loop), &worker->truth, now + LOOK);
}

void hf_truth_lied(struct hf_worker *worker, const struct hf_said *said,
	const struct hf_evidence *evidence, hf_us now)
{
	unsigned slot = said->plan->slots[said->route->upstreams[said->upstream]];
	const struct hf_expectation *conf = said->expected ? said->expected->conf : NULL;
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_LIE,
		.slot = (uint16_t)slot,
		.a = evidence->lie,
		.address = evidence->address};
	const struct hf_lied lied = {.suffix = conf ? &conf->name : &said->question->name,
		.content = conf ? said->expected->print : 0,
		.asked = said->question,
		.evidence = evidence,
		.all = evidence->lie == HF_LIE_CANARY};
	hf_event_about(&event, said->question->name.bytes, said->question->name.len);
	hf_count_upstream(worker->meter, slot, HF_UP_LIES);
	hf_event_put(worker->events, &event);
	/* A private address in a public name is the name's owner's doing. Anybody can have
	 * such a name, and whoever passes it on has not lied. */
	if (evidence->lie != HF_LIE_REBIND)
		hf_quarantines_raise(worker, said->plan, slot, &lied, now);
	if (hf_liars_any(&worker->team->upstreams->liars))
		hf_truth_watch(worker, now);
}

uint64_t hf_truth_barred(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, const struct hf_expected *expected,
	const struct hf_name *name, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	(void)expected;
	if (hf_liars_any(&all->liars))
		hf_truth_watch(worker, now);
	else if (!hf_late_any(&all->late))
		return 0;
	return hf_quarantines_barred(worker, plan, route, name);
}
