/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/flight.h"

#include "base/error.h"
#include "engine/alive.h"
#include "engine/ask.h"
#include "engine/believe.h"
#include "engine/deliver.h"
#include "engine/flight_inside.h"
#include "engine/hold.h"
#include "engine/inquiry.h"
#include "engine/line.h"
#include "engine/note.h"
#include "engine/telling.h"

/* Flights kept for the next question instead of being freed. */
#define SPARES_MAX 256

/* Of all flights that may be up, as many again may listen on after their answer. */
#define LINGERING_SHARE 2

/* ---- beginning and ending ---- */

static void make_io(struct flight *f, unsigned from, unsigned to)
{
	for (unsigned i = from; i < to; i++) {
		struct flight_io *io = hf_flight_io(f, i);
		io->flight = f;
		io->attempt = i;
	}
}

static struct flight *allocate(void)
{
	struct flight *f = calloc(1, sizeof *f);
	if (f)
		make_io(f, 0, HF_IO_NEAR);
	return f;
}

static void release(struct flight *f)
{
	free(f->more);
	free(f->words);
	free(f);
}

/* Sees to it that an attempt has hands. -ENOMEM. */
static int reach(struct flight *f, unsigned attempt)
{
	if (hf_flight_io(f, attempt))
		return 0;
	f->more = calloc(HF_ATTEMPTS_MAX - HF_IO_NEAR, sizeof *f->more);
	if (!f->more)
		return -ENOMEM;
	make_io(f, HF_IO_NEAR, HF_ATTEMPTS_MAX);
	return 0;
}

static struct flight *flight_new(struct hf_worker *worker)
{
	struct flight *f = worker->spare;
	if (f) {
		worker->spare = f->next;
		worker->spares--;
	} else {
		f = allocate();
	}
	if (!f)
		return NULL;
	f->base.waiters = NULL;
	f->base.waiter_count = 0;
	memset((char *)f + sizeof f->base, 0, offsetof(struct flight, key) - sizeof f->base);
	f->worker = worker;
	f->next = worker->flights;
	if (f->next)
		f->next->prev = &f->next;
	f->prev = &worker->flights;
	worker->flights = f;
	return f;
}

/* Ends the machine before its time. */
static void abandon(struct flight *f, hf_us now)
{
	struct hf_upstreams *all = f->worker->team->upstreams;
	struct hf_telling telling;
	hf_upstreams_lock(all);
	hf_telling_look(&telling, f->worker, f->plan, f->route, now);
	hf_query_abandon(&f->base.query,
		&(struct hf_query_env){
			.route = f->route, .candidates = telling.candidates, .now = now});
	/* One that is given up while the worker goes on is seen to be gone. */
	if (now)
		hf_telling_tell(&telling, f->worker, f->plan, f->route, now);
	hf_upstreams_unlock(all);
}

static void flight_end(struct flight *f)
{
	struct hf_worker *worker = f->worker;
	struct hf_waiter waiter;
	for (unsigned i = 0; i < f->base.query.sends && hf_flight_io(f, i); i++)
		hf_io_forget(hf_flight_io(f, i));
	hf_timer_disarm(hf_loop_timers(worker->loop), &f->timer);
	worker->lingering -= f->lingers;
	worker->inquiries -= f->private;
	hf_hold_free(f->hold);
	if (f->inquiry)
		f->inquiry->flight = NULL;
	hf_flight_take_down(f);
	while (hf_inflight_leave(&worker->inflight, &f->base, &waiter))
		free(waiter.back); /* only when the worker ends are there any left */
	hf_plan_unref(f->plan);
	*f->prev = f->next;
	if (f->next)
		f->next->prev = f->prev;
	if (worker->spares >= SPARES_MAX) {
		release(f);
		return;
	}
	f->next = worker->spare;
	worker->spare = f;
	worker->spares++;
}

void hf_flights_end(struct hf_worker *worker)
{
	while (worker->flights) {
		struct flight *f = worker->flights;
		abandon(f, 0);
		hf_line_leave(f);
		flight_end(f);
	}
	hf_probations_end(worker);
	while (worker->spare) {
		struct flight *f = worker->spare;
		worker->spare = f->next;
		release(f);
	}
}

struct flight *hf_flight_prepare(struct hf_worker *worker, const struct hf_route *route,
	const struct hf_cache_key *key, hf_us now)
{
	struct flight *f = flight_new(worker);
	if (!f)
		return NULL;
	f->number = ++worker->flights_begun;
	f->plan = hf_plan_ref(worker->plan);
	f->route = route;
	f->timer.fire = hf_flight_timer;
	f->base.hash = key->hash;
	f->base.question.type = key->type;
	f->base.question.class = key->class;
	f->base.question.name.len = key->name->len;
	hf_copy_some(f->base.question.name.bytes, key->name->bytes, key->name->len);
	f->base.flags = key->flags;
	f->key = *key;
	f->key.name = &f->base.question.name;
	hf_cache_key_forget(&f->key); /* until it is answered the cache may look otherwise */
	hf_ask_draw_case(f);
	/* The slot of whom it will most likely be asked of; + 1: 0 is nobody. */
	f->base.upstream = f->route ? hf_flight_slot(f, 0) + 1u : 0;
	f->base.part = hf_plan_part(f->plan, f->route);
	f->base.inner = f->base.part.holder && hf_plan_is_shared(f->plan, f->route);
	f->limited = f->plan->forward->outgoing.budget != 0;
	for (unsigned i = 0; f->route && i < f->route->upstream_count; i++)
		f->limited |= hf_flight_conf(f, i)->budget || hf_flight_conf(f, i)->interface_at;
	hf_query_init(&f->base.query, (uint32_t)key->name_hash, now);
	return f;
}

/* ---- carrying out actions ---- */

/* Is it for want of something of ours that a message could not be sent? */
static bool is_our_own(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS ||
	       error == -EAGAIN;
}

/* All its connections hold what waits, or others' do. */
static struct hf_query_event crowded(
	struct hf_worker *worker, const struct flight *f, unsigned attempt, int error, hf_us now)
{
	unsigned slot = hf_flight_slot(f, f->base.query.attempts[attempt].upstream);
	struct hf_event event = {.at = now,
		.kind = HF_EVENT_CROWDED,
		.slot = (uint16_t)slot,
		.a = error == HF_ESHARE,
		.b = (int32_t)hf_tcp_in_use(worker->tcp)};
	hf_count_upstream(worker->meter, slot, HF_UP_CROWDED);
	hf_event_about(&event, f->route->zone.bytes, f->route->zone.len);
	if (now - worker->crowded_told >= HF_SECOND || !worker->crowded_told) {
		worker->crowded_told = now;
		hf_event_put(worker->events, &event);
	}
	return (struct hf_query_event){
		.kind = HF_QUERY_LOST, .attempt = attempt, .outcome = HF_OUTCOME_CROWDED};
}

struct hf_query_event hf_flight_unsent(
	const struct flight *f, unsigned attempt, int error, hf_us now)
{
	bool own = is_our_own(error);
	if (own)
		hf_event_put(f->worker->events,
			&(struct hf_event){.at = now, .kind = HF_EVENT_SOCKETS_SHORT, .a = error});
	else
		hf_count_upstream(f->worker->meter,
			hf_flight_slot(f, f->base.query.attempts[attempt].upstream), HF_UP_ERRORS);
	return (struct hf_query_event){.kind = HF_QUERY_LOST,
		.attempt = attempt,
		.outcome = own ? HF_OUTCOME_UNSENT : HF_OUTCOME_UNREACHABLE};
}

/* Between the charge and the wire somebody else may have had the processor. */
static void note_left(struct flight *f, const struct hf_action *action)
{
	hf_us charged = f->base.query.attempts[action->attempt].charged;
	hf_us left = hf_loop_clock(f->worker->loop);
	if (left - charged >= HF_MS)
		hf_upstreams_left_late(f->worker->team->upstreams,
			hf_flight_slot(f, action->upstream), HF_COST_UDP, charged, left);
}

static void carry_out_send(
	struct flight *f, const struct hf_action *action, hf_us now, struct flight_script *script)
{
	struct hf_query_event follows;
	int error = reach(f, action->attempt);
	if (!error)
		error = hf_ask_send(f, action);
	if (error) {
		bool connections = error == HF_EBOUND || error == HF_ESHARE;
		follows = connections ? crowded(f->worker, f, action->attempt, error, now)
				      : hf_flight_unsent(f, action->attempt, error, now);
		hf_script_add(script, &follows);
		return;
	}
	if (f->limited && action->channel == HF_CHANNEL_UDP)
		note_left(f, action);
	const struct hf_tcp_attempt *stream = &hf_flight_io(f, action->attempt)->tcp;
	if (action->channel != HF_CHANNEL_UDP && stream->joined) {
		follows = (struct hf_query_event){
			.kind = HF_QUERY_REUSED, .attempt = action->attempt, .met = stream->met};
		hf_script_add(script, &follows);
	}
}

/* Who is left to be asked is news for what is held. */
static void carry_out_settle(
	struct flight *f, const struct hf_action *action, hf_us now, struct flight_script *script)
{
	if (hf_unexpected(!f->hold))
		return;
	struct hf_trial *trial = hf_hold_trial(f->hold);
	if (action->left > trial->left)
		trial->left = action->left;
	hf_believe_rule(f, script, now);
}

static void carry_out_queue(
	struct flight *f, const struct hf_action *action, struct flight_script *script)
{
	const struct hf_query_event evicted = {.kind = HF_QUERY_EVICT, .attempt = action->attempt};
	if (reach(f, action->attempt) || hf_line_stand(f, action))
		hf_script_add(script, &evicted);
}

static void carry_out(
	struct flight *f, const struct hf_action *action, hf_us now, struct flight_script *script)
{
	switch (action->kind) {
	case HF_ACT_SEND: carry_out_send(f, action, now, script); break;
	case HF_ACT_QUEUE: carry_out_queue(f, action, script); break;
	case HF_ACT_SETTLE: carry_out_settle(f, action, now, script); break;
	case HF_ACT_ARM:
		hf_timer_arm(hf_loop_timers(f->worker->loop), &f->timer, action->due);
		break;
	case HF_ACT_LATE:
		f->late = true;
		if (hf_deliver_stale(f, NULL, now))
			f->base.query.background = true; /* nobody waits any more */
		break;
	case HF_ACT_ANSWER:
		script->over = true;
		if (f->accepted)
			hf_deliver_held(f, now);
		break;
	case HF_ACT_FAIL:
		hf_deliver_failure(f, action, now);
		script->over = true;
		break;
	}
}

/* ---- driving the machine ---- */

static void count_timeouts(const struct flight *f, hf_us now)
{
	for (unsigned i = 0; i < f->base.query.sends; i++) {
		const struct hf_attempt *a = &f->base.query.attempts[i];
		if (a->open && !a->late && a->due <= now)
			hf_count_upstream(
				f->worker->meter, hf_flight_slot(f, a->upstream), HF_UP_TIMEOUTS);
	}
}

/* One step, under the lock: no system call, no client, no other flight. */
static size_t take_step(struct flight *f, const struct hf_query_event *event, hf_us now,
	struct hf_action actions[static HF_ACTIONS_MAX])
{
	struct hf_worker *worker = f->worker;
	struct hf_upstreams *all = worker->team->upstreams;
	struct hf_telling telling;
	uint32_t dice = hf_loop_random_u32(worker->loop);
	hf_upstreams_lock(all);
	hf_telling_look(&telling, worker, f->plan, f->route, now);
	const struct hf_query_env env = {f->route, telling.candidates, &all->outgoing,
		&f->plan->forward->outgoing, now, dice, worker->diary, &f->base.question,
		f->plan->slots, f->number};
	size_t n = hf_query_step(&f->base.query, &env, event, actions);
	hf_telling_tell(&telling, worker, f->plan, f->route, now);
	hf_upstreams_unlock(all);
	if (worker->check_slot)
		hf_alive_ask(worker, now);
	return n;
}

/* A promise about what leaves within 100 ms is kept by the clock, not by the
 * instant at which this turn began. */
static hf_us instant(const struct flight *f, hf_us now)
{
	return f->limited ? hf_loop_clock(f->worker->loop) : now;
}

void hf_flight_drive_all(struct flight *f, struct flight_script *script, hf_us now)
{
	for (size_t next = 0; next < script->count && !f->base.query.done; next++) {
		struct hf_action actions[HF_ACTIONS_MAX];
		size_t n = take_step(f, &script->events[next], instant(f, now), actions);
		for (size_t i = 0; i < n; i++)
			carry_out(f, &actions[i], now, script);
	}
}

bool hf_flight_drive(struct flight *f, const struct hf_query_event *event, hf_us now)
{
	struct flight_script script;
	*hf_script_begin(&script) = *event;
	hf_flight_drive_all(f, &script, now);
	return script.over;
}

void hf_flight_go_or_end(struct flight *f, hf_us now)
{
	struct hf_worker *worker = f->worker;
	hf_line_leave(f);
	if (f->base.query.answered) {
		hf_hold_free(f->hold);
		f->hold = NULL;
	}
	if (f->base.query.answered && !f->base.query.done && !f->lingers) {
		hf_flight_take_down(f);
		f->lingers = !f->private &&
			     worker->lingering < worker->inflight.flights_max / LINGERING_SHARE;
		worker->lingering += f->lingers;
		if (!f->lingers)
			abandon(f, now);
	}
	if (f->base.query.done)
		flight_end(f);
}

void hf_flight_timer(struct hf_timer *timer, hf_us now)
{
	struct flight *f = (struct flight *)((char *)timer - offsetof(struct flight, timer));
	const struct hf_query_event event = {.kind = HF_QUERY_TIMER};
	count_timeouts(f, now);
	hf_flight_drive(f, &event, now);
	hf_flight_go_or_end(f, now);
}

/* ---- standing in line ---- */

/* Room has been found, or is not to be found. */
static void told(struct hf_worker *worker, struct hf_standing *standing, hf_us now)
{
	struct flight_io *io =
		(struct flight_io *)((char *)standing - offsetof(struct flight_io, standing));
	const struct hf_query_event event = {.attempt = hf_io_attempt(io),
		.kind = standing->evicted ? HF_QUERY_EVICT : HF_QUERY_GRANT,
		.charged = standing->charged};
	standing->listed = false;
	worker->standing--;
	hf_flight_drive(io->flight, &event, now);
	hf_flight_go_or_end(io->flight, now);
}

void hf_flights_told(struct hf_worker *worker, hf_us now)
{
	struct hf_standing *standing;
	while ((standing = hf_upstreams_told(worker->team->upstreams, worker->index)))
		told(worker, standing, now);
}

void hf_flights_pump(struct hf_timer *timer, hf_us now)
{
	struct hf_worker *worker =
		(struct hf_worker *)((char *)timer - offsetof(struct hf_worker, pump));
	struct hf_team *team = worker->team;
	bool wake[HF_WORKERS_MAX] = {false};
	hf_us next = hf_upstreams_pump(team->upstreams, hf_loop_clock(worker->loop), wake);
	for (unsigned w = 0; w < team->size; w++)
		if (wake[w] && w != worker->index)
			hf_loop_wake(team->workers[w]->loop);
	hf_flights_told(worker, now);
	if (worker->standing && next != HF_NEVER)
		hf_timer_arm(hf_loop_timers(worker->loop), &worker->pump, next);
}

/* ---- joining ---- */

static int join(
	struct hf_worker *worker, struct flight *up, const struct hf_waiter *waiter, hf_us now)
{
	if (!waiter)
		return 0;
	hf_count(worker->meter, HF_COUNT_JOINED);
	int rc = hf_inflight_join(&worker->inflight, &up->base, waiter);
	if (rc) {
		hf_note_away(worker, &up->key, waiter->client, HF_AWAY_WAITING,
			worker->inflight.waiters, worker->inflight.waiters_max, now);
		return rc;
	}
	hf_note_joined(up, waiter->client, now);
	up->base.query.background = false;
	if (up->stood)
		hf_line_also(up, waiter->client);
	/* Others have already waited long enough: this one hears at the next turn. */
	if (up->late) {
		up->base.query.patience = now;
		hf_timer_arm(hf_loop_timers(worker->loop), &up->timer, now);
	}
	return 0;
}

/* What is expected of the name, and who is not to be asked for it. */
static void ask_truth(struct flight *f, hf_us now)
{
	struct hf_query *q = &f->base.query;
	const struct hf_name *name = &f->base.question.name;
	f->expected = hf_expect_find(f->plan->expected, name);
	if (!f->route)
		return;
	uint64_t all = ~0ull >> (64 - f->route->upstream_count);
	q->barred = hf_truth_barred(f->worker, f->plan, f->route, f->expected, name, now);
	/* If nobody is left the machine fails at once, and this is why. */
	if ((q->barred & all) == all)
		q->cause = HF_CAUSE_QUARANTINED;
}

int hf_flight_join(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_waiter *waiter, hf_us now)
{
	struct hf_flight *up = hf_inflight_find(&worker->inflight, key);
	if (up)
		return join(worker, (struct flight *)up, waiter, now);
	const struct hf_query_event start = {.kind = HF_QUERY_START};
	struct flight *f =
		hf_flight_prepare(worker, hf_route_find(worker->plan->routes, key->name), key, now);
	if (!f)
		return -ENOMEM;
	f->base.client = waiter ? waiter->client : 0;
	f->base.query.account = f->base.client;
	f->base.query.background = !waiter;
	ask_truth(f, now);
	if (f->plan->cache->stale)
		f->base.query.patience = now + f->plan->cache->stale_after;
	int rc = hf_inflight_add(&worker->inflight, &f->base);
	f->up = !rc;
	if (!rc && waiter)
		rc = hf_inflight_join(&worker->inflight, &f->base, waiter);
	if (rc) {
		hf_note_away(worker, key, f->base.client, HF_AWAY_QUESTIONS,
			worker->inflight.flights, worker->inflight.flights_max, now);
		flight_end(f);
	} else if (!f->route) {
		hf_note_flight(f, HF_DECIDED_NO_ROUTE, 0, 0, 0, now);
		const struct hf_answer nowhere = {.ede = HF_EDE_NO_REACHABLE_AUTHORITY,
			.ede_text = "no upstream is configured for this name"};
		hf_deliver_to_all(f, &nowhere, now);
		flight_end(f);
	} else {
		hf_flight_drive(f, &start, now);
		if (!waiter && f->base.query.sends)
			hf_count(worker->meter, HF_COUNT_PREFETCHED);
		hf_flight_go_or_end(f, now);
	}
	return rc;
}
