/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/truth.h"

#include "engine/probe.h"
#include "engine/quarantines.h"
#include "engine/round.h"

/* How often it is looked whether a probe is due: it is 750 ms away at the least. */
#define LOOK (250 * HF_MS)

static void watch_on(struct hf_worker *worker, hf_us now)
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
		.content = conf ? hf_expect_content(conf) : 0,
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
		watch_on(worker, now);
}

uint64_t hf_truth_barred(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, const struct hf_expected *expected,
	const struct hf_name *name, hf_us now)
{
	(void)expected;
	if (!hf_liars_any(&worker->team->upstreams->liars))
		return 0;
	watch_on(worker, now);
	return hf_quarantines_barred(worker, plan, route, name);
}

void hf_truth_believed(struct hf_worker *worker, const struct hf_said *said, const uint8_t *m,
	const struct hf_message_view *view, hf_us now)
{
	(void)worker, (void)said, (void)m, (void)view, (void)now;
}

/* ---- life ---- */

static void look(struct hf_timer *timer, hf_us now)
{
	struct hf_worker *worker =
		(struct hf_worker *)((char *)timer - offsetof(struct hf_worker, truth));
	struct hf_upstreams *all = worker->team->upstreams;
	if (!hf_liars_any(&all->liars))
		return;
	hf_quarantines_sweep(worker, now);
	hf_probes_begin(worker, now);
	watch_on(worker, now);
}

void hf_truth_begin(struct hf_worker *worker)
{
	worker->truth.fire = look;
}

void hf_truth_end(struct hf_worker *worker)
{
	hf_timer_disarm(hf_loop_timers(worker->loop), &worker->truth);
	hf_rounds_end(worker);
}
