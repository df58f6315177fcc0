/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/worker.h"

#include "base/check.h"
#include "base/error.h"
#include "engine/answer.h"
#include "engine/flight.h"
#include "engine/identities.h"
#include "engine/note.h"
#include "engine/heat.h"
#include "zone/zones.h"
#include "engine/prove_tls.h"
#include "engine/reply.h"
#include "engine/stale.h"
#include "engine/sweep.h"
#include "engine/warm.h"
#include "engine/watch.h"
#include "upstream/room.h"

/* Questions that may wait in a mailbox: some milliseconds of work at full
 * speed; more would be answered too late to matter. */
#define MAILBOX_MOST 16384

/* In a question's waiter: nobody waits, it is a refresh. */
#define NOBODY UINT32_MAX

/* ---- teams ---- */

int hf_team_new(unsigned size, struct hf_cache *cache, struct hf_team **ret)
{
	struct hf_team *team = calloc(1, sizeof *team + size * sizeof(struct hf_worker *));
	if (!team)
		return -ENOMEM;
	team->size = size;
	team->cache = cache;
	int rc = hf_upstreams_new(size, &team->upstreams);
	if (!rc)
		rc = hf_anchors_new(&team->anchors);
	if (rc)
		hf_team_free(team);
	else
		*ret = team;
	return rc;
}

void hf_worker_set_hot(struct hf_worker *worker, const struct hf_hot *hot, void *ctx)
{
	worker->hot_ctx = ctx;
	worker->hot = hot;
}

static void worker_free(struct hf_worker *worker)
{
	if (!worker)
		return;
	hf_flights_end(worker);
	hf_watch_end(worker);
	hf_sweep_end(worker);
	hf_prover_free(worker->prover);
	hf_prove_tls_free(worker->tls);
	hf_timer_disarm(hf_loop_timers(worker->loop), &worker->pump);
	hf_mailbox_deliver(&worker->mailbox, NULL); /* nobody to deliver to: only frees */
	hf_udp_pool_free(worker->udp);
	hf_tcp_pool_free(worker->tcp);
	hf_inflight_clear(&worker->inflight);
	hf_plan_unref(worker->plan);
	hf_zones_unref(worker->zones);
	hf_diary_free(worker->diary);
	free(worker);
}

void hf_team_why(struct hf_team *team, unsigned slot, char buf[static HF_TEAM_WHY_MAX])
{
	_Static_assert(HF_TEAM_WHY_MAX == HF_WHY_MAX, "one size");
	hf_upstreams_why(team->upstreams, slot, buf);
}

bool hf_team_quarantine(struct hf_team *team, unsigned slot, struct hf_quarantine *ret)
{
	struct hf_upstreams *all = team->upstreams;
	if (!hf_liars_any(&all->liars))
		return false;
	hf_upstreams_lock(all);
	const struct hf_liar *liar = hf_liars_find(&all->liars, slot, all->begun[slot]);
	if (liar)
		*ret = liar->quarantine;
	hf_upstreams_unlock(all);
	return liar;
}

bool hf_team_identity(struct hf_team *team, unsigned slot, struct hf_identity *ret)
{
	hf_upstreams_lock(team->upstreams);
	bool known = hf_identities_of(team->upstreams, slot, ret);
	hf_upstreams_unlock(team->upstreams);
	return known;
}

bool hf_team_contradiction(struct hf_team *team, unsigned slot, struct hf_contradiction *ret)
{
	struct hf_upstreams *all = team->upstreams;
	hf_upstreams_lock(all);
	const struct hf_contradicted *kept = all->contradicted[slot];
	bool known = kept && kept->begun == all->begun[slot];
	if (known)
		*ret = kept->last;
	hf_upstreams_unlock(all);
	return known;
}

static struct hf_bar bar_of(const struct hf_late_zone *late)
{
	return (struct hf_bar){.up = true,
		.suffix = late->zone,
		.asked = {late->zone, HF_TYPE_SOA, HF_CLASS_IN},
		.evidence = {.lie = HF_LIE_STALE, .serials = {late->serials[0], late->serials[1]}},
		.since = late->since,
		.lied = late->since};
}

size_t hf_team_late(struct hf_team *team, unsigned slot, struct hf_bar *ret, size_t most)
{
	struct hf_upstreams *all = team->upstreams;
	size_t count = 0;
	if (!hf_late_any(&all->late))
		return 0;
	hf_upstreams_lock(all);
	for (unsigned i = 0; i < atomic_load_explicit(&all->late.count, memory_order_relaxed);
		i++) {
		const struct hf_late_zone *late = &all->late.of[i];
		if (late->slot != slot || late->begun != all->begun[slot])
			continue;
		if (count < most)
			ret[count] = bar_of(late);
		count++;
	}
	hf_upstreams_unlock(all);
	return count;
}

void hf_team_free(struct hf_team *team)
{
	for (unsigned i = 0; team && i < team->size; i++)
		worker_free(team->workers[i]);
	if (team) {
		hf_upstreams_free(team->upstreams);
		hf_anchors_free(team->anchors);
	}
	free(team);
}

/* ---- messages from other threads ---- */

struct question_message {
	struct hf_message message;
	struct hf_question question;
	uint8_t flags;
	struct hf_waiter waiter;
};

struct order_message {
	struct hf_message message;
	void (*run)(void *arg, hf_us now);
	void *arg;
};

struct hf_cache_key hf_worker_key(
	const struct hf_worker *worker, const struct hf_question *question, uint8_t flags)
{
	return hf_plan_key(worker->plan, worker->team->cache, question, flags);
}

static bool fresh(
	struct hf_worker *worker, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	return hf_cache_lookup(worker->team->cache, key, now, copy) == HF_CACHE_FRESH &&
	       hf_sweep_fits(worker, copy);
}

/* Is it known that there is no such name? */
static bool denied(
	struct hf_worker *worker, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	struct hf_cache_key name = hf_cache_name_key(key);
	return hf_remarked(worker, key, now) && fresh(worker, &name, now, copy);
}

const char *hf_worker_why_not(struct hf_worker *worker, int error)
{
	if (error != HF_ESHARE)
		return "too many questions under way";
	hf_count(worker->meter, HF_COUNT_OVERLOAD_ROUTE);
	return "too many questions for this zone under way";
}

bool hf_worker_old(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy, struct hf_answer *ret)
{
	if (!hf_stale_find(worker, key, now, copy, ret))
		return false;
	hf_count(worker->meter, HF_COUNT_CACHE_STALE);
	hf_count(worker->meter, HF_COUNT_OVERLOAD_STALE);
	return true;
}

void hf_worker_was_for(struct hf_worker *worker, const struct hf_address *client)
{
	hf_note_client(worker, hf_plan_client(worker->plan, client));
}

void hf_worker_turned_away(struct hf_worker *worker, const struct hf_cache_key *key,
	uint64_t client, size_t pending, size_t most, hf_us now)
{
	hf_note_away(worker, key, client, HF_AWAY_PENDING, pending, most, now);
}

/* There is no place for it. */
static void turn_away(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_waiter *waiter, int error, hf_us now)
{
	struct hf_answer answer;
	const char *why = hf_worker_why_not(worker, error);
	if (!hf_worker_old(worker, key, now, hf_scratch(worker), &answer)) {
		answer = (struct hf_answer){.ede = HF_EDE_OTHER, .ede_text = why};
		hf_count(worker->meter, HF_COUNT_OVERLOAD);
	}
	hf_answer_one(worker, waiter, &answer, now);
}

/* A question of another worker for one of our names. It may have been answered
 * since it was sent; the cache is the faster place to find out. */
static void take_question(struct hf_worker *worker, const struct question_message *m, hf_us now)
{
	struct hf_cache_key key = hf_worker_key(worker, &m->question, m->flags);
	struct hf_cached *copy = hf_scratch(worker);
	const struct hf_waiter *waiter = m->waiter.worker == NOBODY ? NULL : &m->waiter;
	bool there = fresh(worker, &key, now, copy) || denied(worker, &key, now, copy);
	if (there && (waiter || !hf_warm_near_end(&key, copy, now))) {
		const struct hf_answer answer = {
			.kept = &copy->kept, .age = copy->age, .ede = HF_EDE_NONE};
		if (waiter)
			hf_answer_one(worker, waiter, &answer, now);
		return;
	}
	int rc = hf_flight_join(worker, &key, waiter, now);
	if (rc && waiter)
		turn_away(worker, &key, waiter, rc, now);
}

static void question_arrived(void *owner, struct hf_message *message)
{
	struct question_message *m = (struct question_message *)message;
	struct hf_worker *worker = owner;
	if (worker)
		take_question(worker, m, hf_loop_now(worker->loop));
	else
		free(m->waiter.back);
	free(m);
}

static void order_arrived(void *owner, struct hf_message *message)
{
	struct order_message *m = (struct order_message *)message;
	struct hf_worker *worker = owner;
	if (worker)
		m->run(m->arg, hf_loop_now(worker->loop));
	free(m);
}

int hf_worker_order(struct hf_worker *worker, void (*run)(void *arg, hf_us now), void *arg)
{
	struct order_message *m = malloc(sizeof *m);
	if (!m)
		return -ENOMEM;
	*m = (struct order_message){{.arrive = order_arrived}, run, arg};
	hf_answer_post(worker, &m->message);
	return 0;
}

/* ---- the client's side ---- */

/* Is there a name above this one that does not exist? Only names of the same
 * route are asked about: what one upstream denies, another may serve. */
static bool cut_above(
	struct hf_worker *worker, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	const uint8_t *name = hf_name_parent(key->name->bytes);
	size_t len = key->name->len - (size_t)(name - key->name->bytes);
	uint8_t flags = (key->flags & (HF_CACHE_DO | HF_CACHE_CD)) | HF_CACHE_NAME;
	if (!worker->plan->cache->nxdomain_cut ||
		!hf_cache_remarked_above(worker->team->cache, key, now))
		return false;
	const struct hf_route *route = hf_route_find(worker->plan->routes, key->name);
	const struct hf_expected *expected = hf_expect_find(worker->plan->expected, key->name);
	/* Where a denial of the name itself would be doubted, so is one of a name above. */
	if (!route || (expected && (expected->agree || hf_expects_addresses(expected))))
		return false;
	struct hf_question above = {.class = key->class};
	for (; len > 1 && len >= route->zone.len;
		len -= 1 + (size_t)name[0], name = hf_name_parent(name)) {
		memcpy(above.name.bytes, name, len);
		above.name.len = (uint8_t)len;
		struct hf_cache_key up =
			hf_cache_key(worker->team->cache, key->realm, &above, flags);
		if (fresh(worker, &up, now, copy))
			return true;
	}
	return false;
}

static void question_free(struct question_message *m)
{
	if (m)
		free(m->waiter.back);
	free(m);
}

/* With what its answer goes back in, if somebody waits for it. */
static struct question_message *question_new(const struct hf_waiter *waiter)
{
	struct question_message *m = malloc(sizeof *m);
	if (!m)
		return NULL;
	m->waiter = *waiter;
	if (waiter->worker == NOBODY || (m->waiter.back = hf_answer_way_back()))
		return m;
	question_free(m);
	return NULL;
}

static int ask_owner(
	struct hf_worker *owner, const struct hf_cache_key *key, const struct hf_waiter *waiter)
{
	struct question_message *m = question_new(waiter);
	bool wake = false;
	if (!m)
		return -ENOMEM;
	m->message.arrive = question_arrived;
	m->question =
		(struct hf_question){.name = *key->name, .type = key->type, .class = key->class};
	m->flags = key->flags;
	if (!hf_mailbox_push(&owner->mailbox, &m->message, false, &wake)) {
		question_free(m);
		return HF_EBOUND;
	}
	if (wake)
		hf_loop_wake(owner->loop);
	return 0;
}

/* Sees to it that the question is on its way; nobody waits for it. That it could
 * not be sent is no harm: the next stale answer tries again. */
static __attribute__((noinline)) void refresh(
	struct hf_worker *worker, const struct hf_cache_key *key, hf_us now)
{
	const struct hf_waiter nobody = {.worker = NOBODY};
	unsigned shard = hf_cache_shard(worker->team->cache, key);
	if (shard == worker->index)
		hf_flight_join(worker, key, NULL, now);
	else
		ask_owner(worker->team->workers[shard], key, &nobody);
}

static bool too_large(const struct hf_cached *copy)
{
	return copy->kept.len > copy->wire_cap;
}

/* What there is when nothing is fresh. */
static enum hf_lookup last_resort(struct hf_worker *worker, const struct hf_cache_key *key,
	hf_us now, struct hf_cached *copy, struct hf_answer *ret)
{
	enum hf_trouble trouble = hf_trouble(worker, key, now, copy);
	copy->kept.len = 0;
	if (trouble == HF_TROUBLE_NONE)
		return HF_LOOKUP_MISS;
	int64_t left = (int64_t)copy->kept.ttl - copy->age;
	if (hf_stale_find(worker, key, now, copy, ret)) {
		const struct hf_route *route = hf_route_find(worker->plan->routes, key->name);
		hf_count(worker->meter, HF_COUNT_CACHE_STALE);
		hf_note_question(worker, key, HF_DECIDED_STALE_AGAIN, copy->age, 0, now);
		/* In the dark the questions that clients ask are the only probes there are. */
		if (trouble == HF_TROUBLE_LATE ||
			hf_upstreams_want_probe(worker->team->upstreams, worker->plan, route, now))
			refresh(worker, key, now);
		return HF_LOOKUP_STALE;
	}
	if (too_large(copy))
		return HF_LOOKUP_MISS;
	copy->kept.len = 0;
	if (trouble != HF_TROUBLE_NOW)
		return HF_LOOKUP_MISS;
	hf_note_question(worker, key, HF_DECIDED_FAIL_AGAIN, left, 0, now);
	return HF_LOOKUP_FAILED;
}

inline void hf_worker_key_at(const struct hf_worker *worker, const struct hf_question *question,
	uint8_t flags, struct hf_cache_key *ret)
{
	const struct hf_route *route = hf_route_find(worker->plan->routes, &question->name);
	hf_cache_key_at(
		worker->team->cache, hf_plan_realm(worker->plan, route), question, flags, ret);
}

inline void hf_worker_look_ahead(
	const struct hf_worker *worker, struct hf_cache_key *const *keys, size_t n)
{
	hf_cache_look_ahead(worker->team->cache, keys, n);
}

enum hf_lookup hf_worker_lookup_further(struct hf_worker *worker, const struct hf_cache_key *key,
	hf_us now, struct hf_cached *copy, struct hf_answer *ret)
{
	bool remarked = hf_remarked(worker, key, now);
	struct hf_cache_key name = hf_cache_name_key(key);
	if (too_large(copy))
		return HF_LOOKUP_MISS;
	bool denied = remarked && fresh(worker, &name, now, copy);
	if (!denied && too_large(copy))
		return HF_LOOKUP_MISS;
	if (!denied && !cut_above(worker, key, now, copy)) {
		hf_count(worker->meter, HF_COUNT_CACHE_MISSES);
		copy->kept.len = 0;
		return remarked ? last_resort(worker, key, now, copy, ret) : HF_LOOKUP_MISS;
	}
	hf_count(worker->meter, denied ? HF_COUNT_CACHE_HITS : HF_COUNT_CACHE_CUT_HITS);
	if (denied)
		hf_heat_hit(worker, key, copy, now);
	if (denied && hf_warm_due(worker, key, copy, now))
		refresh(worker, key, now);
	*ret = (struct hf_answer){.kept = &copy->kept, .age = copy->age, .ede = HF_EDE_NONE};
	return denied ? HF_LOOKUP_HIT : HF_LOOKUP_CUT;
}

inline __attribute__((always_inline)) bool hf_worker_hit(
	struct hf_worker *worker, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	if (hf_cache_lookup_here(worker->team->cache, key, now, copy) != HF_CACHE_FRESH ||
		!hf_sweep_fits(worker, copy))
		return false;
	hf_count(worker->meter, HF_COUNT_CACHE_HITS);
	hf_heat_hit(worker, key, copy, now);
	if (hf_warm_due(worker, key, copy, now))
		refresh(worker, key, now);
	return true;
}

enum hf_lookup hf_worker_lookup(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy, struct hf_answer *ret)
{
	if (!hf_worker_hit(worker, key, now, copy))
		return hf_worker_lookup_further(worker, key, now, copy, ret);
	*ret = (struct hf_answer){.kept = &copy->kept, .age = copy->age, .ede = HF_EDE_NONE};
	return HF_LOOKUP_HIT;
}

int hf_worker_ask(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_ticket *ticket, hf_us now)
{
	const struct hf_waiter waiter = {.worker = worker->index,
		.ticket = ticket->number,
		.generation = ticket->generation,
		.client = ticket->client};
	unsigned shard = hf_cache_shard(worker->team->cache, key);
	worker->waiting++;
	int rc = shard == worker->index ? hf_flight_join(worker, key, &waiter, now)
					: ask_owner(worker->team->workers[shard], key, &waiter);
	if (rc)
		worker->waiting--;
	return rc;
}

/* ---- life ---- */

static void woken(void *ctx, hf_us now)
{
	struct hf_worker *worker = ctx;
	hf_mailbox_deliver(&worker->mailbox, worker);
	hf_flights_told(worker, now);
}

static void turned(void *ctx, hf_us now)
{
	struct hf_worker *worker = ctx;
	hf_upstreams_hand_over(worker->team->upstreams);
	hf_sweep_turn(worker);
	hf_gauge_set(&worker->meter->gauges[HF_GAUGE_IN_FLIGHT], (int64_t)worker->inflight.flights);
	hf_gauge_set(&worker->meter->gauges[HF_GAUGE_WAITING], worker->waiting);
	hf_gauge_set(&worker->meter->gauges[HF_GAUGE_CONNECTIONS], hf_tcp_in_use(worker->tcp));
	if (worker->turned)
		worker->turned(worker->turned_ctx, now);
	hf_udp_flush(worker->udp);
}

static const struct hf_loop_hooks hooks = {woken, turned};

static int make_prover(struct hf_worker *worker, const struct hf_worker_conf *conf)
{
	struct hf_prover_conf prover = {.loop = conf->loop,
		.meter = conf->meter,
		.events = conf->events,
		.shares = conf->team->size,
		.means = conf->means,
		.means_ctx = conf->means_ctx};
	if (!prover.means) {
		int rc = hf_prove_tls_new(conf->loop, conf->team->anchors, &worker->tls);
		if (rc)
			return rc;
		prover.means = &hf_prove_tls;
		prover.means_ctx = worker->tls;
	}
	return hf_prover_new(&prover, &worker->prover);
}

int hf_worker_new(const struct hf_worker_conf *conf, struct hf_worker **ret)
{
	struct hf_worker *worker = calloc(1, sizeof *worker);
	if (!worker)
		return -ENOMEM;
	worker->team = conf->team;
	worker->index = conf->index;
	worker->loop = conf->loop;
	worker->meter = conf->meter;
	worker->events = conf->events;
	worker->client = conf->client;
	worker->client_ctx = conf->client_ctx;
	worker->turned = conf->turned;
	worker->turned_ctx = conf->turned_ctx;
	worker->pump.fire = hf_flights_pump;
	hf_watch_begin(worker);
	hf_mailbox_init(&worker->mailbox, MAILBOX_MOST);
	int rc = hf_diary_new(conf->diary.routine ? conf->diary : HF_DIARY_SIZE, &worker->diary);
	if (!rc)
		rc = hf_inflight_init(&worker->inflight, conf->flights_max, conf->flights_max);
	if (!rc)
		rc = hf_transports_open(worker);
	if (!rc)
		rc = make_prover(worker, conf);
	if (rc) {
		worker_free(worker);
		return rc;
	}
	hf_worker_adopt(worker, conf->plan);
	hf_loop_set_hooks(worker->loop, &hooks, worker);
	worker->team->workers[worker->index] = worker;
	*ret = worker;
	return 0;
}

void hf_worker_adopt_zones(struct hf_worker *worker, struct hf_zones *zones)
{
	struct hf_zones *before = worker->zones;
	worker->zones = zones ? hf_zones_ref(zones) : NULL;
	hf_heat_zones(worker, before);
	hf_zones_unref(before);
}

void hf_worker_adopt(struct hf_worker *worker, struct hf_plan *plan)
{
	struct hf_plan *old = worker->plan;
	worker->plan = hf_plan_ref(plan);
	hf_upstreams_adopt(worker->team->upstreams, plan);
	hf_watch_adopted(worker, hf_loop_now(worker->loop));
	hf_sweep_adopt(worker, old);
	hf_plan_unref(old);
	if (plan->forward->outgoing.connections)
		hf_tcp_pool_bound(worker->tcp, plan->forward->outgoing.connections);
	hf_prover_expect(worker->prover, plan->expected, hf_loop_now(worker->loop));
	/* Under other budgets there may be room now for who stands in line. */
	if (worker->standing)
		hf_timer_arm(
			hf_loop_timers(worker->loop), &worker->pump, hf_loop_now(worker->loop));
}

_Static_assert(HF_UP_QUEUED_PROBES - HF_UP_QUEUED_QUESTIONS == HF_QUEUE_KINDS - 1,
	"a gauge for each kind, in their order");

static void show_budget(struct hf_upstream_state *state, _Atomic int64_t *gauges, hf_us now)
{
	uint32_t limit = hf_upstream_limit(state);
	const struct hf_queue *queue = state->queue;
	hf_gauge_set(&gauges[HF_UP_QUEUED], queue ? (int64_t)hf_queue_depth(queue) : 0);
	for (unsigned kind = 0; kind < HF_QUEUE_KINDS; kind++)
		hf_gauge_set(&gauges[HF_UP_QUEUED_QUESTIONS + kind],
			queue ? (int64_t)hf_queue_depth_of(queue, kind) : 0);
	hf_gauge_set(&gauges[HF_UP_QUEUE_CLIENTS], queue ? (int64_t)hf_queue_clients(queue) : 0);
	hf_gauge_set(&gauges[HF_UP_LIMIT], limit);
	hf_gauge_set(&gauges[HF_UP_CAP], hf_cap_found(&state->cap));
	hf_gauge_set(&gauges[HF_UP_TOKENS], hf_retry_saved(&state->retry));
	hf_gauge_set(&gauges[HF_UP_ROOM],
		limit ? (int64_t)hf_budget_room(&state->budget, limit, now) : -1);
}

void hf_worker_tick(struct hf_worker *worker, hf_us now)
{
	const struct hf_plan *plan = worker->plan;
	struct hf_upstreams *all = worker->team->upstreams;
	if (plan->warm_count)
		hf_warm_tick(worker, now);
	if (worker->index != 0)
		return; /* what follows is everybody's */
	hf_upstreams_lock(all);
	for (size_t i = 0; i < plan->forward->upstream_count; i++) {
		struct hf_upstream_state *state = &all->states[plan->slots[i]];
		const struct hf_health *h = &state->health;
		_Atomic int64_t *gauges = worker->meter->upstreams[plan->slots[i]].gauges;
		bool due = hf_health_admit(h, now) == HF_ADMIT_PROBE;
		/* A probe whose time is over is none any more. */
		enum hf_health_state shown =
			due && h->state == HF_HEALTH_PROBING ? HF_HEALTH_OPEN : h->state;
		hf_gauge_set(&gauges[HF_UP_DUE], due);
		hf_gauge_set(&gauges[HF_UP_STATE], shown);
		hf_gauge_set(&gauges[HF_UP_IN_FLIGHT], state->in_flight);
		show_budget(state, gauges, now);
		hf_gauge_set(&gauges[HF_UP_SINCE], h->since);
	}
	hf_upstreams_unlock(all);
}

struct hf_loop *hf_worker_loop(const struct hf_worker *worker)
{
	return worker->loop;
}

struct hf_meter *hf_worker_meter(const struct hf_worker *worker)
{
	return worker->meter;
}

const struct hf_diary *hf_worker_diary(const struct hf_worker *worker)
{
	return worker->diary;
}

const struct hf_plan *hf_worker_plan(const struct hf_worker *worker)
{
	return worker->plan;
}

size_t hf_worker_flights(const struct hf_worker *worker)
{
	return worker->inflight.flights + (size_t)worker->waiting;
}

size_t hf_worker_attempts(const struct hf_worker *worker)
{
	struct hf_upstreams *all = worker->team->upstreams;
	size_t sum = 0;
	hf_upstreams_lock(all);
	for (unsigned slot = 0; slot < HF_SLOTS_MAX; slot++)
		sum += all->states[slot].in_flight + all->departed[slot].in_flight;
	hf_upstreams_unlock(all);
	return sum;
}
