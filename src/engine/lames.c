/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/lames.h"

#include "base/check.h"
#include "engine/inquiry.h"

struct hf_lame_question {
	struct hf_inquiry inquiry;
	struct hf_worker *worker;
	struct hf_plan *plan; /* NULL: not under way */
	const struct hf_route *route;
	unsigned upstream;
};

struct hf_lames {
	struct hf_lame_question questions[HF_LAMES_MAX];
};

static bool says_no(enum hf_query_cause cause)
{
	return cause == HF_CAUSE_SERVFAIL || cause == HF_CAUSE_REFUSED || cause == HF_CAUSE_LAME;
}

/* True: it has come to rest, for the first time in a row. */
static bool prove(const struct hf_lame_question *q, hf_us now, hf_us *ret_rest)
{
	struct hf_upstreams *all = q->worker->team->upstreams;
	const struct hf_upstream_conf *figures = hf_plan_figures(q->plan, q->route, q->upstream);
	const struct hf_upstream_conf *conf =
		&q->plan->forward->upstreams[q->route->upstreams[q->upstream]];
	uint32_t dice = hf_loop_random_u32(q->worker->loop);
	hf_upstreams_lock(all);
	struct hf_lame *lame = &hf_plan_path(q->plan, q->route, q->upstream)->lame;
	hf_lame_proven(lame, (figures ? figures : conf)->rest_max, dice, now);
	bool first = lame->times == 1;
	*ret_rest = lame->until - now;
	hf_upstreams_unlock(all);
	return first;
}

static void heard(struct hf_inquiry *inquiry, const struct hf_heard *heard, hf_us now)
{
	struct hf_lame_question *q = (struct hf_lame_question *)inquiry;
	struct hf_worker *worker = q->worker;
	unsigned slot = q->plan->slots[q->route->upstreams[q->upstream]];
	hf_us rest;
	if (!heard->answered && says_no(heard->cause) && q->plan == worker->plan) {
		hf_count_upstream(worker->meter, slot, HF_UP_LAME);
		if (prove(q, now, &rest)) {
			struct hf_event event = {.at = now,
				.kind = HF_EVENT_PATH_LAME,
				.slot = (uint16_t)slot,
				.a = 1,
				.c = (int32_t)(rest / HF_SECOND)};
			hf_event_about(&event, q->route->zone.bytes, q->route->zone.len);
			hf_event_put(worker->events, &event);
		}
	}
	hf_plan_unref(q->plan);
	q->plan = NULL;
}

void hf_lames_ask(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, unsigned upstream, hf_us now)
{
	struct hf_lame *lame = &hf_plan_path(plan, route, upstream)->lame;
	if (plan != worker->plan)
		return;
	if (!worker->lames && !(worker->lames = calloc(1, sizeof *worker->lames)))
		return;
	for (unsigned i = 0; i < HF_LAMES_MAX; i++) {
		struct hf_lame_question *q = &worker->lames->questions[i];
		const struct hf_asked asked = {.route = route,
			.upstream = upstream,
			.question = {.name = route->zone, .type = HF_TYPE_SOA, .class = HF_CLASS_IN}};
		if (q->plan)
			continue;
		*q = (struct hf_lame_question){.inquiry.heard = heard,
			.worker = worker, .route = route, .upstream = upstream};
		if (hf_inquire(worker, &q->inquiry, &asked, now))
			return;
		q->plan = hf_plan_ref(worker->plan);
		hf_lame_asked(lame, now);
		return;
	}
}

void hf_lames_end(struct hf_worker *worker)
{
	for (unsigned i = 0; worker->lames && i < HF_LAMES_MAX; i++) {
		hf_inquiry_forget(&worker->lames->questions[i].inquiry);
		hf_plan_unref(worker->lames->questions[i].plan);
	}
	free(worker->lames);
	worker->lames = NULL;
}
