/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/upstreams.h"


#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "upstream/room.h"

#define DRAIN_TURN (10 * HF_MS)

/* A turn gives so much more than the one before: twice as much after half a second. */
#define DRAIN_GROWTH 64

int hf_upstreams_new(unsigned workers, struct hf_upstreams **ret)
{
	struct hf_upstreams *all = calloc(1, sizeof *all);
	if (!all)
		return -ENOMEM;
	all->told = calloc(workers, sizeof(struct hf_standing *));
	if (!all->told) {
		free(all);
		return -ENOMEM;
	}
	all->workers = workers;
	pthread_mutex_init(&all->lock, NULL);
	*ret = all;
	return 0;
}

void hf_upstreams_free(struct hf_upstreams *all)
{
	if (!all)
		return;
	for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++) {
		hf_queue_free(all->states[slot].queue);
		free(all->why[slot]);
		free(all->contradicted[slot]);
	}
	hf_liars_clear(&all->liars);
	free(all->identities);
	hf_plan_unref(all->plan);
	pthread_mutex_destroy(&all->lock);
	free(all->told);
	free(all);
}

/* ---- plans ---- */

static void forget_why(struct hf_upstreams *all, unsigned slot)
{
	if (all->why[slot])
		all->why[slot][0] = '\0';
}

/* Nothing that was learnt holds any more. What is under way to its predecessor goes
 * on, and is counted down there; who stands in line goes on standing. */
static void begin_anew(struct hf_upstreams *all, unsigned slot, uint64_t adopted)
{
	struct hf_upstream_state *state = &all->states[slot], *before = &all->departed[slot];
	uint32_t in_flight = before->in_flight + state->in_flight;
	*before = *state;
	before->in_flight = in_flight;
	before->queue = NULL;
	*state = (struct hf_upstream_state){ .queue = state->queue };
	all->begun[slot] = adopted;
	forget_why(all, slot);
	atomic_store_explicit(&all->recovered[slot], 0, memory_order_relaxed);
	atomic_store_explicit(&all->usable[slot], 0, memory_order_relaxed);
}

static void take_limits(struct hf_upstreams *all, const struct hf_plan *plan, size_t upstream)
{
	const struct hf_upstream_conf *conf = &plan->forward->upstreams[upstream];
	struct hf_upstream_state *state = &all->states[plan->slots[upstream]];
	unsigned at = conf->interface_at;
	uint32_t limit = at ? plan->forward->interfaces[at - 1].budget : 0;
	hf_cookie_begin(&state->cookie, &plan->key, &conf->address);
	state->limit = conf->budget;
	state->interface = limit ? &all->interfaces[at - 1] : NULL;
	state->interface_limit = limit;
}

struct hf_upstream_state *hf_upstreams_state(struct hf_upstreams *all, const struct hf_plan *plan,
	unsigned slot)
{
	return plan->adopted < all->begun[slot] ? &all->departed[slot] : &all->states[slot];
}

/* Another reload before everything has been handed on: that is finished first, or
 * plans would pile up. */
static void finish_handing_over(struct hf_upstreams *all)
{
	while (atomic_load_explicit(&all->handing_over, memory_order_relaxed))
		hf_upstreams_hand_over(all);
}

static void take_plan(struct hf_upstreams *all, struct hf_plan *plan)
{
	plan->adopted = ++all->adoptions;
	for (size_t i = 0; i < plan->forward->upstream_count; i++) {
		if (plan->fresh[i])
			begin_anew(all, plan->slots[i], plan->adopted);
		take_limits(all, plan, i);
	}
	if (all->plan)
		hf_plan_follow(plan, all->plan);
	atomic_store_explicit(&all->handing_over, all->plan != NULL, memory_order_relaxed);
	all->plan = hf_plan_ref(plan);
}

void hf_upstreams_adopt(struct hf_upstreams *all, struct hf_plan *plan)
{
	struct hf_plan *old = NULL;
	hf_upstreams_lock(all);
	bool known = all->plan == plan;
	hf_upstreams_unlock(all);
	if (known)
		return;
	finish_handing_over(all);
	hf_upstreams_lock(all);
	if (all->plan != plan) {
		old = all->plan;
		take_plan(all, plan);
	}
	hf_upstreams_unlock(all);
	hf_plan_unref(old);
}

void hf_upstreams_hand_over(struct hf_upstreams *all)
{
	struct hf_plan *done = NULL;
	if (!atomic_load_explicit(&all->handing_over, memory_order_relaxed))
		return;
	hf_upstreams_lock(all);
	if (all->plan)
		done = hf_plan_hand_over(all->plan, HF_HAND_OVER_SLICE);
	if (!all->plan || !all->plan->before)
		atomic_store_explicit(&all->handing_over, false, memory_order_relaxed);
	hf_upstreams_unlock(all);
	hf_plan_unref(done);
}

/* ---- what others want to know ---- */

void hf_upstreams_publish(struct hf_upstreams *all, unsigned slot, enum hf_health_state before,
	hf_us now)
{
	const struct hf_health *h = &all->states[slot].health;
	hf_us usable = h->state == HF_HEALTH_CLOSED ? 0 : hf_rest_end_alone(h);
	if (before != HF_HEALTH_CLOSED && h->state == HF_HEALTH_CLOSED) {
		atomic_store_explicit(&all->recovered[slot], now, memory_order_relaxed);
		forget_why(all, slot);
	}
	atomic_store_explicit(&all->usable[slot], usable, memory_order_relaxed);
}

bool hf_upstreams_distrust(struct hf_upstreams *all, const struct hf_plan *plan, unsigned slot,
	const char *why)
{
	bool news = false;
	hf_upstreams_lock(all);
	if (!all->why[slot])
		all->why[slot] = calloc(1, HF_WHY_MAX);
	if (all->why[slot] && hf_upstreams_state(all, plan, slot) == &all->states[slot]) {
		news = strncmp(all->why[slot], why, HF_WHY_MAX - 1) != 0;
		snprintf(all->why[slot], HF_WHY_MAX, "%s", why);
	}
	hf_upstreams_unlock(all);
	return news;
}

void hf_upstreams_why(struct hf_upstreams *all, unsigned slot, char buf[static HF_WHY_MAX])
{
	hf_upstreams_lock(all);
	snprintf(buf, HF_WHY_MAX, "%s", all->why[slot] ? all->why[slot] : "");
	hf_upstreams_unlock(all);
}

bool hf_upstreams_recovered(const struct hf_upstreams *all, const struct hf_plan *plan,
	const struct hf_route *route, hf_us since)
{
	for (unsigned i = 0; route && i < route->upstream_count; i++)
		if (atomic_load_explicit(&all->recovered[plan->slots[route->upstreams[i]]],
			    memory_order_relaxed) > since)
			return true;
	return false;
}

bool hf_upstreams_want_probe(const struct hf_upstreams *all, const struct hf_plan *plan,
	const struct hf_route *route, hf_us now)
{
	bool due = false;
	for (unsigned i = 0; route && i < route->upstream_count; i++) {
		hf_us usable = atomic_load_explicit(
			&all->usable[plan->slots[route->upstreams[i]]], memory_order_relaxed);
		if (!usable)
			return false;
		due |= usable <= now;
	}
	return due;
}

/* ---- standing in line ---- */

static struct hf_standing *standing_of(struct hf_queue_entry *entry)
{
	return (struct hf_standing *)((char *)entry - offsetof(struct hf_standing, entry));
}

static void tell(struct hf_upstreams *all, struct hf_standing *standing, bool evicted)
{
	struct hf_standing **at = &all->told[standing->worker];
	standing->evicted = evicted;
	standing->next = *at;
	if (standing->next)
		standing->next->prev = &standing->next;
	standing->prev = at;
	*at = standing;
}

static void untell(struct hf_standing *standing)
{
	*standing->prev = standing->next;
	if (standing->next)
		standing->next->prev = standing->prev;
	standing->prev = NULL;
}

static size_t depth(const struct hf_upstream_state *state)
{
	return state->queue ? hf_queue_depth(state->queue) : 0;
}

int hf_upstreams_stand(struct hf_upstreams *all, struct hf_standing *standing,
	const struct hf_queue_class *class, int *ret_wake)
{
	struct hf_upstream_state *state = &all->states[standing->slot];
	struct hf_queue_entry *loser = NULL;
	int rc = 0;
	*ret_wake = -1;
	hf_upstreams_lock(all);
	if (!state->queue)
		rc = hf_queue_new(HF_STANDING_MAX, &state->queue);
	bool was_empty = depth(state) == 0;
	if (!rc)
		rc = hf_queue_add(state->queue, &standing->entry, class, standing->cost, &loser);
	if (!rc && was_empty && depth(state))
		all->backlogged++;
	if (!rc && loser == &standing->entry) {
		rc = HF_EBOUND;
	} else if (!rc && loser) {
		tell(all, standing_of(loser), true);
		*ret_wake = (int)standing_of(loser)->worker;
	}
	hf_upstreams_unlock(all);
	return rc;
}

static const struct hf_outgoing_conf *outgoing_of(const struct hf_upstreams *all)
{
	return &all->plan->forward->outgoing;
}

static void give_back(struct hf_upstreams *all, unsigned slot, uint32_t cost, hf_us taken)
{
	hf_room_give_back(&all->states[slot], &all->outgoing, outgoing_of(all), cost, taken);
}

void hf_upstreams_leave(struct hf_upstreams *all, struct hf_standing *standing)
{
	hf_upstreams_lock(all);
	struct hf_upstream_state *state = &all->states[standing->slot];
	if (standing->prev) {
		untell(standing);
		if (!standing->evicted)
			give_back(all, standing->slot, standing->cost, standing->charged);
	} else if (standing->entry.queued) {
		hf_queue_remove(state->queue, &standing->entry);
		all->backlogged -= depth(state) == 0;
	}
	hf_upstreams_unlock(all);
}

void hf_upstreams_also(struct hf_upstreams *all, struct hf_standing *standing,
	const struct hf_queue_class *class)
{
	hf_upstreams_lock(all);
	if (standing->entry.queued)
		hf_queue_move(all->states[standing->slot].queue, &standing->entry, class);
	hf_upstreams_unlock(all);
}

/* What a limit held back does not all go at once when it is lifted: twice as fast
 * as before to begin with, then faster and faster, for behind it stands all that is
 * asked meanwhile. Returns how many may go now; 0: none before state->turn. */
static uint32_t turn_of(struct hf_upstream_state *state, hf_us now)
{
	uint32_t limit = hf_upstream_limit(state);
	if (limit)
		state->drain = 2 * limit;
	if (limit || !state->drain)
		return UINT32_MAX;
	if (now < state->turn && state->turn - now <= DRAIN_TURN)
		return 0;
	uint32_t packets = state->drain / (HF_SECOND / DRAIN_TURN) + 1;
	if (state->drain < UINT32_MAX / 2)
		state->drain += state->drain / DRAIN_GROWTH + 1;
	state->turn = now + DRAIN_TURN;
	return packets;
}

/* Returns when the next may go; HF_NEVER: nobody is left. */
static hf_us pump(struct hf_upstreams *all, struct hf_upstream_state *state, hf_us now, bool *wake)
{
	uint32_t cost, left = turn_of(state, now);
	while ((cost = hf_queue_wants(state->queue))) {
		hf_us free = left-- ? hf_room_when(state, &all->outgoing, outgoing_of(all), cost, now) : state->turn;
		if (free > now)
			return free;
		struct hf_standing *standing = standing_of(hf_queue_next(state->queue, cost));
		if (standing->until <= now)
			continue; /* it has waited in vain, and hears so at its deadline */
		hf_room_take(state, &all->outgoing, outgoing_of(all), cost, now);
		standing->charged = now;
		tell(all, standing, false);
		wake[standing->worker] = true;
	}
	state->drain = 0; /* what a limit held back has gone */
	return HF_NEVER;
}

void hf_upstreams_left_late(struct hf_upstreams *all, unsigned slot, uint32_t cost, hf_us charged,
	hf_us left)
{
	hf_upstreams_lock(all);
	give_back(all, slot, cost, charged);
	hf_room_take(&all->states[slot], &all->outgoing, outgoing_of(all), cost, left);
	hf_upstreams_unlock(all);
}

void hf_upstreams_charge(struct hf_upstreams *all, const struct hf_plan *plan, unsigned slot,
	uint32_t cost, hf_us now)
{
	hf_upstreams_lock(all);
	hf_room_take(
		hf_upstreams_state(all, plan, slot), &all->outgoing, outgoing_of(all), cost, now);
	hf_upstreams_unlock(all);
}

hf_us hf_upstreams_pump(struct hf_upstreams *all, hf_us now, bool *wake)
{
	hf_us next = HF_NEVER;
	hf_upstreams_lock(all);
	for (unsigned slot = 0, left = all->backlogged; left && slot < HF_SLOTS_MAX; slot++) {
		struct hf_upstream_state *state = &all->states[slot];
		if (!depth(state))
			continue;
		left--;
		hf_us free = pump(all, state, now, wake);
		all->backlogged -= free == HF_NEVER;
		next = free < next ? free : next;
	}
	hf_upstreams_unlock(all);
	return next;
}

struct hf_standing *hf_upstreams_told(struct hf_upstreams *all, unsigned worker)
{
	hf_upstreams_lock(all);
	struct hf_standing *standing = all->told[worker];
	if (standing)
		untell(standing);
	hf_upstreams_unlock(all);
	return standing;
}
