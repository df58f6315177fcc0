/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/inquiry.h"

#include "base/error.h"
#include "engine/flight.h"
#include "engine/flight_inside.h"

/* Far more than are ever under way, and few beside the clients' questions. */
#define INQUIRIES_MAX 256

static void inquiry_begins(struct hf_timer *timer, hf_us now)
{
	struct flight *f = (struct flight *)((char *)timer - offsetof(struct flight, timer));
	const struct hf_query_event start = {.kind = HF_QUERY_START};
	f->timer.fire = hf_flight_timer;
	hf_flight_drive(f, &start, now);
	hf_flight_go_or_end(f, now);
}

int hf_inquire(struct hf_worker *worker, struct hf_inquiry *inquiry, const struct hf_asked *asked,
	hf_us now)
{
	struct hf_cache_key key =
		hf_plan_key(worker->plan, worker->team->cache, &asked->question, asked->flags);
	if (worker->inquiries >= INQUIRIES_MAX)
		return HF_EBOUND;
	struct flight *f = hf_flight_prepare(worker, asked->route, &key, now);
	if (!f)
		return -ENOMEM;
	f->private = true;
	f->inquiry = inquiry;
	f->base.query.background = !asked->urgent && !asked->check;
	f->base.query.copy = !asked->urgent && !asked->check;
	f->base.query.own = true;
	f->base.query.check = asked->check;
	f->base.query.barred = ~(1ull << asked->upstream);
	f->timer.fire = inquiry_begins;
	hf_timer_arm(hf_loop_timers(worker->loop), &f->timer, now);
	worker->inquiries++;
	inquiry->flight = f;
	return 0;
}

void hf_inquiry_forget(struct hf_inquiry *inquiry)
{
	if (inquiry->flight)
		inquiry->flight->inquiry = NULL;
	inquiry->flight = NULL;
}
