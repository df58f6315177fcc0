/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/truth.h"

void hf_truth_lied(struct hf_worker *worker, const struct hf_said *said,
	const struct hf_evidence *evidence, hf_us now)
{
	unsigned slot = said->plan->slots[said->route->upstreams[said->upstream]];
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_LIE,
		.slot = (uint16_t)slot,
		.a = evidence->lie,
		.address = evidence->address};
	hf_event_about(&event, said->question->name.bytes, said->question->name.len);
	hf_count_upstream(worker->meter, slot, HF_UP_LIES);
	hf_event_put(worker->events, &event);
}

uint64_t hf_truth_barred(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, const struct hf_expected *expected,
	const struct hf_name *name, hf_us now)
{
	(void)worker, (void)plan, (void)route, (void)expected, (void)name, (void)now;
	return 0;
}

void hf_truth_believed(struct hf_worker *worker, const struct hf_said *said, const uint8_t *m,
	const struct hf_message_view *view, hf_us now)
{
	(void)worker, (void)said, (void)m, (void)view, (void)now;
}
