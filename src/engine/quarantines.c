/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/quarantines.h"

#include "engine/round.h"

/* The quarantine of an upstream of a plan, or NULL. Under the lock. */
static struct hf_liar *liar_of(struct hf_upstreams *all, const struct hf_plan *plan, unsigned slot)
{
	if (hf_upstreams_state(all, plan, slot) != &all->states[slot])
		return NULL; /* it has left its slot to another */
	return hf_liars_find(&all->liars, slot, all->begun[slot]);
}

static bool is_late(struct hf_upstreams *all, const struct hf_plan *plan,
	const struct hf_route *route, unsigned slot)
{
	return hf_upstreams_state(all, plan, slot) == &all->states[slot] &&
	       hf_late_is(&all->late, &route->zone, slot, all->begun[slot]);
}

static bool is_in_use(const struct hf_upstreams *all, unsigned slot)
{
	return atomic_load_explicit(&all->usable[slot], memory_order_relaxed) == 0;
}

static void show(struct hf_worker *worker, unsigned slot, const struct hf_quarantine *q)
{
	_Atomic int64_t *gauges = worker->team->workers[0]->meter->upstreams[slot].gauges;
	hf_gauge_set(&gauges[HF_UP_QUARANTINED], q ? hf_quarantine_count(q) : 0);
	hf_gauge_set(&gauges[HF_UP_DISTRUSTED], q && q->bars[HF_BAR_ALL].up);
}

static void tell(struct hf_worker *worker, enum hf_event_kind kind, unsigned slot,
	const struct hf_bar *bar, bool all, int how, hf_us now)
{
	char text[HF_EVIDENCE_TEXT_MAX];
	struct hf_event event = {.at = now,
		.kind = (uint16_t)kind,
		.slot = (uint16_t)slot,
		.a = kind == HF_EVENT_QUARANTINED ? (int)bar->evidence.lie : how,
		.b = all,
		.c = (int32_t)((now - bar->since) / HF_SECOND),
		.address = bar->evidence.address};
	hf_event_about(&event, bar->suffix.bytes, bar->suffix.len);
	if (kind == HF_EVENT_QUARANTINED)
		hf_event_why(&event, hf_evidence_text(&bar->evidence, text));
	hf_event_put(worker->events, &event);
}

void hf_quarantines_raise(struct hf_worker *worker, const struct hf_plan *plan, unsigned slot,
	const struct hf_lied *lied, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	struct hf_raised raised = {NULL, NULL};
	uint32_t dice = hf_loop_random_u32(worker->loop);
	hf_upstreams_lock(all);
	bool here = hf_upstreams_state(all, plan, slot) == &all->states[slot];
	struct hf_liar *liar = here ? hf_liars_make(&all->liars, slot, all->begun[slot]) : NULL;
	if (liar) {
		raised = hf_quarantine_lied(&liar->quarantine, lied, now, dice);
		show(worker, slot, &liar->quarantine);
	}
	if (raised.bar)
		tell(worker, HF_EVENT_QUARANTINED, slot, raised.bar, false, 0, now);
	if (raised.all)
		tell(worker, HF_EVENT_QUARANTINED, slot, raised.all, true, 0, now);
	hf_upstreams_unlock(all);
	if (raised.bar || raised.all)
		hf_count_upstream(worker->meter, slot, HF_UP_QUARANTINES);
}

/* An older zone is better than none: who is behind is only passed over while one that is
 * not is in use. */
uint64_t hf_quarantines_barred(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, const struct hf_name *name)
{
	struct hf_upstreams *all = worker->team->upstreams;
	uint64_t barred = 0, late = 0;
	bool any_late = hf_late_any(&all->late), other = false;
	if (!any_late && !hf_liars_any(&all->liars))
		return 0;
	hf_upstreams_lock(all);
	for (unsigned i = 0; i < route->upstream_count; i++) {
		unsigned slot = plan->slots[route->upstreams[i]];
		const struct hf_liar *liar = liar_of(all, plan, slot);
		if (liar && hf_quarantine_bars(&liar->quarantine, name))
			barred |= 1ull << i;
		else if (any_late && is_late(all, plan, route, slot))
			late |= 1ull << i;
		else
			other |= is_in_use(all, slot);
	}
	hf_upstreams_unlock(all);
	return barred | (other ? late : 0);
}

void hf_quarantines_why(struct hf_worker *worker, const struct hf_plan *plan, unsigned slot,
	const struct hf_name *name, char buf[static HF_BAR_TEXT_MAX])
{
	struct hf_upstreams *all = worker->team->upstreams;
	buf[0] = 0;
	hf_upstreams_lock(all);
	const struct hf_liar *liar = liar_of(all, plan, slot);
	const struct hf_bar *bar = liar ? hf_quarantine_bar_of(&liar->quarantine, name) : NULL;
	if (bar)
		hf_bar_text(bar, buf);
	hf_upstreams_unlock(all);
}

/* A bar of a slot that is due, if there is one. Under the lock. */
static bool find_due(struct hf_upstreams *all, unsigned slot, hf_us now, struct hf_barred *ret_of,
	struct hf_bar *ret_bar)
{
	struct hf_liar *liar = hf_liars_find(&all->liars, slot, all->begun[slot]);
	int place = liar ? hf_quarantine_due(&liar->quarantine, now) : -1;
	if (place < 0)
		return false;
	*ret_bar = liar->quarantine.bars[place];
	*ret_of = (struct hf_barred){slot, liar->begun, (unsigned)place, ret_bar->number};
	return true;
}

bool hf_quarantines_due(struct hf_worker *worker, unsigned *slot, hf_us now,
	struct hf_barred *ret_of, struct hf_bar *ret_bar)
{
	struct hf_upstreams *all = worker->team->upstreams;
	bool due = false;
	for (; !due && *slot < HF_SLOTS_MAX; ++*slot) {
		/* Read without the lock: whoever lies just now is not due yet. */
		if (!atomic_load_explicit(&all->liars.of[*slot], memory_order_relaxed))
			continue;
		hf_upstreams_lock(all);
		due = find_due(all, *slot, now, ret_of, ret_bar);
		hf_upstreams_unlock(all);
	}
	return due;
}

void hf_quarantines_probed(struct hf_worker *worker, const struct hf_barred *of,
	enum hf_probed probed, const struct hf_evidence *evidence, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	uint32_t release = worker->plan->forward->truth.release;
	uint32_t dice = hf_loop_random_u32(worker->loop);
	hf_upstreams_lock(all);
	struct hf_liar *liar = hf_liars_find(&all->liars, of->slot, of->begun);
	if (liar && hf_quarantine_probed(&liar->quarantine, of->place, of->number, probed, evidence,
			    release ? release : 1, now, dice))
		tell(worker, HF_EVENT_RELEASED, of->slot, &liar->quarantine.bars[of->place],
			of->place == HF_BAR_ALL, HF_RELEASED_TRUTHFUL, now);
	if (liar) {
		show(worker, of->slot, &liar->quarantine);
		hf_liars_drop(&all->liars, of->slot);
	}
	hf_upstreams_unlock(all);
}

/* ---- a reload ---- */

static bool content_is_there(const struct hf_plan *plan, const struct hf_bar *bar)
{
	const struct hf_expected *expected = hf_expect_find(plan->expected, &bar->asked.name);
	return bar->content == (expected ? expected->print : 0) || !bar->content;
}

/* What was broken is expected no more, or of other addresses: then it was no lie by what
 * holds now. And who is not asked for the name any more could not be probed. */
static bool holds(const struct hf_plan *plan, unsigned slot, const struct hf_bar *bar)
{
	const struct hf_route *route = hf_route_find(plan->routes, &bar->asked.name);
	return route && hf_round_place(plan, route, slot) >= 0 && content_is_there(plan, bar);
}

static void sweep_one(struct hf_worker *worker, unsigned slot, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	struct hf_liar *liar = hf_liars_find(&all->liars, slot, all->begun[slot]);
	struct hf_quarantine *q = &all->liars.of[slot]->quarantine;
	for (unsigned i = 0; i <= HF_BAR_ALL; i++) {
		if (!q->bars[i].up || (liar && holds(worker->plan, slot, &q->bars[i])))
			continue;
		hf_quarantine_lower(q, i);
		if (liar)
			tell(worker, HF_EVENT_RELEASED, slot, &q->bars[i], i == HF_BAR_ALL,
				HF_RELEASED_RELOAD, now);
	}
	show(worker, slot, q);
	hf_liars_drop(&all->liars, slot);
}

void hf_quarantines_sweep(struct hf_worker *worker, hf_us now)
{
	struct hf_upstreams *all = worker->team->upstreams;
	hf_upstreams_lock(all);
	/* By the newest plan, and by each only once. */
	if (all->plan == worker->plan && worker->truth_swept != all->adoptions) {
		worker->truth_swept = all->adoptions;
		for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++)
			if (all->liars.of[slot])
				sweep_one(worker, slot, now);
	}
	hf_upstreams_unlock(all);
}
