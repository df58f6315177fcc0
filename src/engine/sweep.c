/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/sweep.h"

#include "base/check.h"
#include "engine/heat.h"
#include "truth/beside.h"

/* Slots of a slice, and the time between two: the loop turns meanwhile. */
#define SWEEP_SLICE 1024
#define SWEEP_PAUSE HF_MS

/* ---- judging ---- */

static bool same_as_before(const struct hf_worker *worker, const struct hf_expected *expected,
	const struct hf_name *name)
{
	const struct hf_plan *before = worker->sweep.before;
	const struct hf_expected *old = before ? hf_expect_find(before->expected, name) : NULL;
	return old && old->print == expected->print;
}

/* The question stands in what is kept, lowered. */
static bool question_of(const struct hf_kept *kept, struct hf_question *ret)
{
	size_t most = kept->len > HF_HEADER_LEN ? kept->len - HF_HEADER_LEN : 0;
	size_t len = hf_name_wire_len(
		kept->wire + HF_HEADER_LEN, most < HF_NAME_MAX ? most : HF_NAME_MAX);
	if (!len || HF_HEADER_LEN + len + 4 > kept->len)
		return false;
	memcpy(ret->name.bytes, kept->wire + HF_HEADER_LEN, len);
	ret->name.len = (uint8_t)len;
	ret->type = hf_get_u16(kept->wire + HF_HEADER_LEN + len);
	ret->class = hf_get_u16(kept->wire + HF_HEADER_LEN + len + 2);
	return true;
}

/* Was it judged by what is expected now when it came? What its owner has stored since it
 * goes by our plan was. */
static bool is_new(const struct hf_worker *worker, const struct hf_question *question, hf_us stored)
{
	struct hf_team *team = worker->team;
	struct hf_cache_key key = hf_cache_key(team->cache, 0, question, 0);
	unsigned shard = hf_cache_shard(team->cache, &key);
	return atomic_load_explicit(&team->sweeps[shard].adopted, memory_order_acquire) >=
		       worker->plan->adopted &&
	       stored > atomic_load_explicit(&team->sweeps[shard].since, memory_order_relaxed);
}

bool hf_sweep_judge(const struct hf_worker *worker, const struct hf_kept *kept, hf_us stored)
{
	struct hf_testimony testimony;
	struct hf_evidence evidence;
	struct hf_beside beside;
	struct hf_message_view view;
	struct hf_question question;
	if (hf_unexpected(!question_of(kept, &question)))
		return false;
	const struct hf_expected *expected = hf_expect_find(worker->plan->expected, &question.name);
	if (is_new(worker, &question, stored))
		return true;
	if (hf_unexpected(hf_message_read(kept->wire, kept->len, &view) != 0) ||
		hf_beside_breaks(worker->plan->expected, &question, kept->wire, &view, &beside))
		return false;
	if (worker->sweep.retires &&
		hf_tombstones_break(worker->plan->tombstones, kept->wire, &view, &evidence))
		return false;
	const struct hf_route *route = hf_route_find(worker->plan->routes, &question.name);
	const struct hf_kept_question asked = {
		route ? &route->zone : NULL, &question.name, expected};
	if (worker->sweep.rebinds &&
		hf_rebind_forbids(worker->plan->rebind, &asked, kept->wire, &view))
		return false;
	if (!expected || same_as_before(worker, expected, &question.name))
		return true;
	hf_testimony_read(&question, kept->wire, &view, &testimony);
	return hf_judge(expected, &testimony, &evidence) == HF_BELIEF_GOOD;
}

/* ---- sweeping ---- */

static void remove_entry(struct hf_worker *worker, const struct hf_cache_entry *entry, hf_us now)
{
	struct hf_cache *cache = worker->team->cache;
	struct hf_question question;
	if (!question_of(&entry->copy.kept, &question))
		return;
	struct hf_cache_key key = hf_cache_key(cache, 0, &question, entry->flags);
	key.type = entry->type;
	key.hash = entry->hash; /* whichever realm it is of */
	hf_heat_withdraw(worker, &key);
	if (hf_cache_remove(cache, &key, now))
		hf_count(worker->meter, HF_COUNT_SWEPT);
}

static void look_at(struct hf_worker *worker, uint64_t slot, hf_us now)
{
	struct hf_cache_entry entry = {.copy = *hf_scratch(worker)};
	if (hf_cache_peek(worker->team->cache, worker->index, slot, &entry) && !entry.gone &&
		!hf_sweep_judge(worker, &entry.copy.kept, entry.copy.stored))
		remove_entry(worker, &entry, now);
}

/* Has gone through all of its shard by this plan. */
static void done(struct hf_worker *worker)
{
	struct hf_sweep *sweep = &worker->sweep;
	sweep->under_way = false;
	atomic_store_explicit(&worker->team->sweeps[worker->index].swept, worker->plan->adopted,
		memory_order_release);
}

static void slice(struct hf_timer *timer, hf_us now)
{
	struct hf_worker *worker =
		(struct hf_worker *)((char *)timer - offsetof(struct hf_worker, sweep.timer));
	struct hf_sweep *sweep = &worker->sweep;
	uint64_t slots = hf_cache_slots(worker->team->cache);
	for (unsigned i = 0; i < SWEEP_SLICE && sweep->slot < slots; i++)
		look_at(worker, sweep->slot++, now);
	if (sweep->slot < slots)
		hf_timer_arm(hf_loop_timers(worker->loop), timer, now + SWEEP_PAUSE);
	else
		done(worker);
}

static bool expects_other_things(const struct hf_plan *before, const struct hf_plan *plan)
{
	return hf_expect_count(plan->expected) &&
	       hf_expect_print(before->expected) != hf_expect_print(plan->expected);
}

static bool refuses_more(const struct hf_plan *before, const struct hf_plan *plan)
{
	return plan->rebind && hf_rebind_print(before->rebind) != hf_rebind_print(plan->rebind);
}

static bool retires_more(const struct hf_plan *before, const struct hf_plan *plan)
{
	return hf_tombstones_more(before->tombstones, plan->tombstones);
}

/* Less as well as more: what failed then need not fail now. */
static bool believes_otherwise(const struct hf_plan *before, const struct hf_plan *plan)
{
	return hf_expect_print(before->expected) != hf_expect_print(plan->expected) ||
	       hf_rebind_print(before->rebind) != hf_rebind_print(plan->rebind) ||
	       hf_tombstones_more(before->tombstones, plan->tombstones) ||
	       hf_tombstones_more(plan->tombstones, before->tombstones);
}

bool hf_sweep_outdates(struct hf_worker *worker, const struct hf_cache_key *key, hf_us stored)
{
	struct hf_team *team = worker->team;
	unsigned shard = hf_cache_shard(team->cache, key);
	return stored < atomic_load_explicit(&team->sweeps[shard].believed, memory_order_relaxed);
}

void hf_sweep_adopt(struct hf_worker *worker, struct hf_plan *before)
{
	struct hf_sweep *sweep = &worker->sweep;
	const struct hf_plan *plan = worker->plan;
	if (before && believes_otherwise(before, plan))
		atomic_store_explicit(&worker->team->sweeps[worker->index].believed,
			hf_loop_now(worker->loop), memory_order_relaxed);
	bool changed = before && (expects_other_things(before, plan) ||
					 refuses_more(before, plan) || retires_more(before, plan));
	if (changed)
		atomic_store_explicit(&worker->team->sweeps[worker->index].since,
			hf_loop_now(worker->loop), memory_order_relaxed);
	atomic_store_explicit(
		&worker->team->sweeps[worker->index].adopted, plan->adopted, memory_order_release);
	if (!changed && !sweep->under_way) {
		done(worker);
		return;
	}
	/* Two such reloads at once: what is there may be from before the first. */
	if (changed) {
		sweep->rebinds = (sweep->doubts && sweep->rebinds) || refuses_more(before, plan);
		sweep->retires = (sweep->doubts && sweep->retires) || retires_more(before, plan);
		hf_plan_unref(sweep->before);
		sweep->before = sweep->doubts ? NULL : hf_plan_ref(before);
	}
	sweep->under_way = sweep->doubts = true;
	sweep->slot = 0;
	sweep->timer.fire = slice;
	hf_timer_arm(hf_loop_timers(worker->loop), &sweep->timer, hf_loop_now(worker->loop));
}

void hf_sweep_turn(struct hf_worker *worker)
{
	struct hf_team *team = worker->team;
	if (!worker->sweep.doubts)
		return;
	for (unsigned i = 0; i < team->size; i++)
		if (atomic_load_explicit(&team->sweeps[i].swept, memory_order_acquire) <
			worker->plan->adopted)
			return;
	worker->sweep.doubts = false;
	hf_plan_unref(worker->sweep.before);
	worker->sweep.before = NULL;
}

void hf_sweep_end(struct hf_worker *worker)
{
	hf_timer_disarm(hf_loop_timers(worker->loop), &worker->sweep.timer);
	hf_plan_unref(worker->sweep.before);
}
