/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/line.h"

#include "engine/flight_inside.h"

/* A refresh that nobody waits for stands as the house's own. */
static struct hf_queue_class class_of(
	const struct flight *f, uint64_t client, enum hf_send_reason reason)
{
	static const enum hf_queue_kind kinds[HF_SEND_REASONS] = {
		[HF_SEND_FIRST] = HF_QUEUE_QUESTION,
		[HF_SEND_RETRY] = HF_QUEUE_COPY,
		[HF_SEND_HEDGE] = HF_QUEUE_COPY,
		[HF_SEND_FOLLOW] = HF_QUEUE_COPY,
		[HF_SEND_PROBE] = HF_QUEUE_PROBE,
	};
	bool refresh = reason == HF_SEND_FIRST && f->base.query.background;
	return (struct hf_queue_class){client, (uint32_t)(f->route - f->plan->forward->routes),
		f->base.question.type, refresh ? HF_QUEUE_REFRESH : kinds[reason]};
}

int hf_line_stand(struct flight *f, const struct hf_action *action)
{
	struct hf_worker *worker = f->worker;
	struct hf_standing *standing = &hf_flight_io(f, action->attempt)->standing;
	unsigned slot = hf_flight_slot(f, action->upstream);
	struct hf_queue_class class = class_of(f, f->base.client, action->reason);
	int wake;
	*standing = (struct hf_standing){.worker = worker->index,
		.slot = (uint16_t)slot,
		.cost = action->cost,
		.until = action->due};
	int rc = hf_upstreams_stand(worker->team->upstreams, standing, &class, &wake);
	hf_count_upstream(worker->meter, slot, rc ? HF_UP_EVICTED : HF_UP_QUEUED_TOTAL);
	if (rc)
		return rc;
	standing->listed = f->stood = true;
	worker->standing++;
	if (!hf_timer_armed(&worker->pump))
		hf_timer_arm(
			hf_loop_timers(worker->loop), &worker->pump, hf_loop_now(worker->loop));
	if (wake >= 0 && (unsigned)wake != worker->index)
		hf_loop_wake(worker->team->workers[wake]->loop);
	return 0;
}

void hf_line_leave(struct flight *f)
{
	for (unsigned i = 0; f->stood && i < f->base.query.sends && hf_flight_io(f, i); i++) {
		struct hf_standing *standing = &hf_flight_io(f, i)->standing;
		if (!standing->listed || f->base.query.attempts[i].queued)
			continue;
		hf_upstreams_leave(f->worker->team->upstreams, standing);
		standing->listed = false;
		f->worker->standing--;
	}
}

void hf_line_also(struct flight *f, uint64_t client)
{
	for (unsigned i = 0; i < f->base.query.sends && hf_flight_io(f, i); i++) {
		struct hf_standing *standing = &hf_flight_io(f, i)->standing;
		struct hf_queue_class class = class_of(f, client, f->base.query.attempts[i].reason);
		if (standing->listed)
			hf_upstreams_also(f->worker->team->upstreams, standing, &class);
	}
}
