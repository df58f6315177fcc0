/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What it costs under the one lock to send a question to one of 2, 8 or 64
 * upstreams of a route and to take its answer: the two steps that every miss
 * makes, as engine/flight takes them, without its sockets. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "count.h"
#include "engine/telling.h"
#include "forward/query.h"

#define MOST HF_ROUTE_UPSTREAMS_MAX
#define QUESTIONS 100000
#define TOOK (5 * HF_MS)

struct kind {
	const char *name;
	enum hf_route_order order;
	uint32_t budget, all; /* packets/s: of each, of all together; 0: any */
};

struct world {
	struct hf_upstream_conf confs[MOST];
	uint16_t of_route[MOST], slots[MOST];
	bool fresh[MOST];
	struct hf_route route;
	struct hf_forward_conf forward;
	struct hf_cache_conf cache;
	struct hf_plan *plan;
	struct hf_worker worker;
	struct hf_team *team;
	struct hf_event_ring events;
};

static void prepare(struct world *w, const struct kind *kind, uint16_t upstreams)
{
	const struct hf_hash_key key = {1, 2};
	memset(w, 0, sizeof *w);
	for (uint16_t i = 0; i < upstreams; i++) {
		w->confs[i] = (struct hf_upstream_conf){.name = "u",
			.timeout_min = 20 * HF_MS,
			.timeout_max = 1500 * HF_MS,
			.failures_to_open = 5,
			.rest_min = 200 * HF_MS,
			.rest_max = 30 * HF_SECOND,
			.edns_size = 1232,
			.budget = kind->budget,
			.infer_cap = true,
			.hedge = true,
			.retry = {10, 10}};
		hf_address_parse("192.0.2.1", 53, &w->confs[i].address);
		w->confs[i].address.bytes[3] = (uint8_t)(i + 1);
		w->of_route[i] = w->slots[i] = i;
		w->fresh[i] = true;
	}
	w->route = (struct hf_route){.zone = {.len = 1},
		.upstreams = w->of_route,
		.upstream_count = upstreams,
		.order = kind->order};
	w->forward = (struct hf_forward_conf){.upstreams = w->confs,
		.upstream_count = upstreams,
		.routes = &w->route,
		.route_count = 1,
		.outgoing = {.budget = kind->all, .retry = {10, 10}}};
	hf_require(!hf_plan_new(&w->forward, &w->cache, &key, w->slots, w->fresh, NULL, &w->plan));
	w->team = calloc(1, sizeof *w->team + sizeof w->team->workers[0]);
	w->team->size = 1;
	w->team->workers[0] = &w->worker;
	w->worker = (struct hf_worker){.team = w->team,
		.events = &w->events,
		.meter = aligned_alloc(64, sizeof(struct hf_meter))};
	memset(w->worker.meter, 0, sizeof *w->worker.meter);
	hf_require(!hf_upstreams_new(1, &w->team->upstreams));
	hf_upstreams_adopt(w->team->upstreams, w->plan);
}

static void clear(struct world *w)
{
	hf_upstreams_free(w->team->upstreams);
	hf_plan_unref(w->plan);
	free(w->worker.meter);
	free(w->team);
}

static size_t step(struct world *w, struct hf_query *q, const struct hf_query_event *event,
	hf_us now, struct hf_action actions[static HF_ACTIONS_MAX])
{
	struct hf_upstreams *all = w->team->upstreams;
	struct hf_telling telling;
	hf_upstreams_lock(all);
	hf_telling_look(&telling, &w->worker, w->plan, &w->route, now);
	const struct hf_query_env env = {
		&w->route, telling.candidates, &all->outgoing, &w->forward.outgoing, now, 0};
	size_t n = hf_query_step(q, &env, event, actions);
	hf_telling_tell(&telling, &w->worker, w->plan, &w->route, now);
	hf_upstreams_unlock(all);
	return n;
}

static void give_up(struct world *w, struct hf_query *q, hf_us now)
{
	struct hf_telling telling;
	hf_telling_look(&telling, &w->worker, w->plan, &w->route, now);
	hf_query_abandon(
		q, &(struct hf_query_env){.route = &w->route, .candidates = telling.candidates});
}

/* One question after the other, each answered in its turn by whoever was asked;
 * 100 us apart. Returns how many went out. */
static unsigned ask(struct world *w, unsigned questions, hf_us *now, uint64_t *asked)
{
	struct hf_action actions[HF_ACTIONS_MAX];
	struct hf_query q;
	unsigned sent = 0;
	for (unsigned i = 0; i < questions; i++, *now += 100) {
		hf_query_init(&q, i, *now);
		size_t n = step(
			w, &q, &(struct hf_query_event){.kind = HF_QUERY_START}, *now, actions);
		for (size_t a = 0; a < n; a++)
			if (actions[a].kind == HF_ACT_SEND) {
				*asked = (*asked ^ actions[a].upstream) * 0x100000001b3u;
				sent++;
			}
		if (q.sends && q.attempts[0].open && !q.attempts[0].queued)
			step(w, &q,
				&(struct hf_query_event){.kind = HF_QUERY_REPLY,
					.verdict = HF_VERDICT_ANSWER,
					.ede = HF_EDE_NONE,
					.octets = 100},
				*now + 20 + q.attempts[0].upstream, actions);
		give_up(w, &q, *now);
	}
	return sent;
}

static void measure(struct world *w, const struct kind *kind, uint16_t upstreams)
{
	hf_us now = 1000 * HF_SECOND;
	uint64_t asked = 14695981039346656037u;
	prepare(w, kind, upstreams);
	ask(w, 1000, &now, &asked);
	count_begin();
	unsigned sent = ask(w, QUESTIONS, &now, &asked);
	struct count c = count_end();
	char instructions[24] = "unknown";
	if (c.instructions >= 0)
		snprintf(instructions, sizeof instructions, "%.0f",
			(double)c.instructions / QUESTIONS);
	printf("%-28s %9u %9u %9.0f %12s   %016llx\n", kind->name, upstreams, sent,
		c.ns / QUESTIONS, instructions, (unsigned long long)asked);
	clear(w);
}

int main(void)
{
	static const struct kind kinds[] = {
		{"fastest", HF_ORDER_FASTEST, 0, 0},
		{"fastest, budgets", HF_ORDER_FASTEST, 5000, 0},
		{"fastest, budgets, all's", HF_ORDER_FASTEST, 5000, 50000},
		{"fastest, budgets too small", HF_ORDER_FASTEST, 300, 0},
		{"listed", HF_ORDER_LISTED, 0, 0},
		{"listed, budgets", HF_ORDER_LISTED, 5000, 0},
	};
	static const uint16_t counts[] = {2, 8, 64};
	struct world *w = calloc(1, sizeof *w);
	printf("%-28s %9s %9s %9s %12s   %s\n", "order", "upstreams", "sent", "ns", "instructions",
		"who was asked, hashed");
	for (size_t k = 0; k < HF_COUNT_OF(kinds); k++)
		for (size_t i = 0; i < HF_COUNT_OF(counts); i++)
			measure(w, &kinds[k], counts[i]);
	free(w);
	return 0;
}
