/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "upstream/select.h"
#include "upstream/room.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START (100 * HF_SECOND)
#define THREE 3

/* Three upstreams of a route, as one question sees them. */
struct world {
	struct hf_upstream_conf conf;
	struct hf_upstream_state states[THREE];
	struct hf_path paths[THREE];
	struct hf_candidate candidates[THREE];
	struct hf_outgoing_state outgoing;
	struct hf_outgoing_conf outgoing_conf;
	uint8_t tries[THREE];
	struct hf_selection s;
};

static void prepare(struct world *w, bool by_rtt)
{
	memset(w, 0, sizeof *w);
	w->conf = (struct hf_upstream_conf){
		.failures_to_open = 5, .rest_min = 200 * HF_MS, .rest_max = 30 * HF_SECOND};
	for (int i = 0; i < THREE; i++)
		w->candidates[i] = (struct hf_candidate){&w->conf, &w->states[i], &w->paths[i]};
	w->s = (struct hf_selection){.candidates = w->candidates,
		.count = THREE,
		.tries = w->tries,
		.by_rtt = by_rtt,
		.first = true,
		.cost = 1,
		.outgoing = &w->outgoing,
		.outgoing_conf = &w->outgoing_conf,
		.now = START};
}

static void takes(struct world *w, int upstream, hf_us took)
{
	for (int i = 0; i < 20; i++)
		hf_rtt_sample(&w->paths[upstream].rtt, took, w->s.now);
}

static void rest(struct hf_health *h, hf_us since, hf_us until)
{
	*h = (struct hf_health){.state = HF_HEALTH_OPEN, .since = since, .until = until};
}

/* It has no room until the window has moved on. */
static void fill(struct world *w, int upstream)
{
	w->states[upstream].limit = 100;
	hf_budget_room(&w->states[upstream].budget, 100, w->s.now);
	hf_budget_spend(&w->states[upstream].budget, 10, w->s.now);
}

static int probe(const struct hf_selection *s, int chosen)
{
	struct hf_looks looks;
	hf_look(s, &looks);
	return hf_select_probe(s, &looks, chosen);
}

static void the_fastest_or_the_first_listed_is_asked_first(void **state)
{
	struct world w;
	(void)state;
	for (int by_rtt = 0; by_rtt < 2; by_rtt++) {
		prepare(&w, by_rtt);
		for (int i = 0; i < THREE; i++)
			takes(&w, i, (THREE - i) * 10 * HF_MS);
		assert_int_equal(hf_select(&w.s), by_rtt ? 2 : 0);
	}
	/* Seen too long ago, the slow ones get another chance. */
	w.s.now += 600 * HF_SECOND;
	takes(&w, 2, 10 * HF_MS);
	assert_int_equal(hf_select(&w.s), 1);
}

static void one_that_is_much_worse_is_passed_over_but_not_where_the_order_is_strict(void **state)
{
	struct world w;
	(void)state;
	for (int strict = 0; strict < 2; strict++) {
		prepare(&w, false);
		w.s.strict = strict;
		takes(&w, 0, 400 * HF_MS);
		takes(&w, 1, 30 * HF_MS);
		takes(&w, 2, 5 * HF_MS);
		assert_int_equal(hf_select(&w.s), strict ? 0 : 1);
		/* About as fast as the best, it is the first again. */
		takes(&w, 0, 10 * HF_MS);
		assert_int_equal(hf_select(&w.s), 0);
		/* Strict or not, one that rests or has failed the question is not waited for. */
		takes(&w, 0, 400 * HF_MS);
		w.tries[0] = 1;
		assert_int_equal(hf_select(&w.s), 1);
		w.tries[0] = 0;
		w.states[0].health = (struct hf_health){
			.state = HF_HEALTH_OPEN, .since = START, .until = START + 60 * HF_SECOND};
		assert_int_equal(hf_select(&w.s), 1);
		w.states[0].health = (struct hf_health){.state = HF_HEALTH_CLOSED};
		assert_int_equal(hf_select(&w.s), strict ? 0 : 1);
	}
}

static void the_fastest_counts_loss_as_time(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, true);
	takes(&w, 0, 5 * HF_MS);
	takes(&w, 1, 30 * HF_MS);
	takes(&w, 2, 60 * HF_MS);
	assert_int_equal(hf_select(&w.s), 0);
	for (int i = 0; i < 200; i++)
		hf_rtt_settle(&w.paths[0].rtt, i % 4 != 0, START);
	assert_int_equal(hf_select(&w.s), 1);
}

static void what_was_lost_before_an_outage_counts_no_more_after_it(void **state)
{
	struct world w;
	(void)state;
	for (int path = 0; path < 2; path++) {
		prepare(&w, true);
		takes(&w, 0, 5 * HF_MS);
		takes(&w, 1, 30 * HF_MS);
		takes(&w, 2, 60 * HF_MS);
		for (int i = 0; i < 20; i++)
			hf_rtt_settle(&w.paths[0].rtt, false, START);
		assert_int_equal(hf_select(&w.s), 1);
		struct hf_health *h = path ? &w.paths[0].health : &w.states[0].health;
		h->since = START + HF_SECOND; /* in use again */
		w.s.now = START + HF_SECOND;
		assert_int_equal(hf_select(&w.s), 0);
		hf_rtt_settle(&w.paths[0].rtt, false, w.s.now);
		assert_int_equal(hf_select(&w.s), 1);
	}
}

static void who_was_asked_already_stands_behind_who_was_not(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, true);
	for (int i = 0; i < THREE; i++)
		takes(&w, i, (i + 1) * 10 * HF_MS);
	w.tries[0] = 1;
	assert_int_equal(hf_select(&w.s), 1);
	w.tries[1] = 1;
	assert_int_equal(hf_select(&w.s), 2);
	w.tries[2] = 1;
	assert_int_equal(hf_select(&w.s), 0);
	w.s.barred = 1;
	assert_int_equal(hf_select(&w.s), 1);
	w.s.barred = 7;
	assert_int_equal(hf_select(&w.s), -1);
	assert_int_equal(hf_select_when(&w.s), HF_NEVER);
}

static void no_room_stands_behind_room(void **state)
{
	struct world w;
	(void)state;
	for (int by_rtt = 0; by_rtt < 2; by_rtt++) {
		prepare(&w, by_rtt);
		for (int i = 0; i < THREE; i++)
			takes(&w, i, (i + 1) * 10 * HF_MS);
		fill(&w, 0);
		assert_false(hf_has_room(&w.s, 0));
		assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_WAIT);
		assert_int_equal(hf_select(&w.s), 1);
		/* It is better than nobody, and better than one asked already. */
		w.s.barred = 6;
		assert_int_equal(hf_select(&w.s), 0);
		w.s.barred = 0;
		w.tries[1] = w.tries[2] = 1;
		assert_int_equal(hf_select(&w.s), 0);
		w.s.now += HF_SECOND;
		assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_USE);
	}
}

static void room_is_that_for_all_the_packets(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	w.states[0].limit = 100; /* ten packets in 100 ms */
	w.s.cost = 6;
	assert_true(hf_has_room(&w.s, 0)); /* a connection, all at once */
	hf_budget_spend(&w.states[0].budget, 6, w.s.now);
	w.s.now += 50 * HF_MS;
	assert_false(hf_has_room(&w.s, 0));
	w.s.cost = 2;
	assert_true(hf_has_room(&w.s, 0));
}

static void everybodys_budget_counts_for_each(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	w.outgoing_conf.budget = 100;
	assert_true(hf_has_room(&w.s, 0));
	hf_budget_room(&w.outgoing.budget, 100, START);
	hf_budget_spend(&w.outgoing.budget, 10, START);
	for (size_t i = 0; i < THREE; i++)
		assert_int_equal(hf_offer(&w.s, i), HF_OFFER_WAIT);
	assert_int_equal(hf_select(&w.s), 0);
	w.s.outgoing_conf = NULL;
	assert_true(hf_has_room(&w.s, 0));
}

static void nobody_overtakes_those_who_stand_in_line(void **state)
{
	struct world w;
	struct hf_queue_entry entry = {.queued = false}, *loser;
	const struct hf_queue_class class = {1, 0, 1};
	(void)state;
	prepare(&w, false);
	assert_int_equal(hf_queue_new(4, &w.states[0].queue), 0);
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_USE);
	assert_int_equal(hf_queue_add(w.states[0].queue, &entry, &class, 1, &loser), 0);
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_WAIT);
	assert_int_equal(hf_select(&w.s), 1);
	hf_queue_remove(w.states[0].queue, &entry);
	assert_int_equal(hf_select(&w.s), 0);
	hf_queue_free(w.states[0].queue);
}

static void one_that_came_back_waits_for_its_pace_with_first_messages_only(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	hf_pace_begin(&w.states[0].pace, 0, START);
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_WAIT);
	assert_int_equal(hf_select(&w.s), 1);
	w.s.first = false;
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_USE);
}

static void resting_is_never_chosen(void **state)
{
	struct world w;
	(void)state;
	for (int path = 0; path < 2; path++) {
		prepare(&w, false);
		for (int i = 0; i < THREE; i++)
			rest(path ? &w.paths[i].health : &w.states[i].health, START,
				START + 30 * HF_SECOND);
		for (size_t i = 0; i < THREE; i++)
			assert_int_equal(hf_offer(&w.s, i), HF_OFFER_REST);
		assert_int_equal(hf_select(&w.s), -1);
		assert_int_equal(probe(&w.s, -1), -1);
		memset(path ? &w.paths[2].health : &w.states[2].health, 0,
			sizeof(struct hf_health));
		w.tries[2] = 200;
		assert_int_equal(hf_select(&w.s), 2);
	}
}

static void the_worse_of_an_upstreams_circuits_counts(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	rest(&w.states[0].health, START - 2 * HF_SECOND, START - HF_SECOND); /* due */
	rest(&w.paths[0].health, START, START + HF_SECOND);
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_REST);
	w.s.now = START + HF_SECOND;
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_DUE);
}

static void one_whose_rest_is_over_waits_until_others_failed_twice(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	rest(&w.states[0].health, START - HF_SECOND, START);
	assert_int_equal(hf_offer(&w.s, 0), HF_OFFER_DUE);
	assert_int_equal(hf_select(&w.s), 1);
	w.tries[1] = w.tries[2] = 1;
	assert_int_equal(hf_select(&w.s), 1);
	w.tries[1] = w.tries[2] = 3;
	assert_int_equal(hf_select(&w.s), 0);
}

static void when_nobody_is_in_use_a_seconds_rest_is_enough(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	for (int i = 0; i < THREE; i++)
		rest(&w.states[i].health, START, START + (20 + i) * HF_SECOND);
	hf_us when = hf_select_when(&w.s);
	assert_in_range(when, START + HF_SECOND, START + HF_SECOND + 140 * HF_MS);
	w.s.now = when - 1;
	assert_int_equal(hf_select(&w.s), -1);
	w.s.now = when;
	assert_true(hf_select(&w.s) >= 0);
	assert_int_equal(hf_rest_end_alone(&w.states[hf_select(&w.s)].health), when);
	/* As soon as another one is in use it rests as long as it was told to. */
	memset(&w.states[0].health, 0, sizeof w.states[0].health);
	assert_int_equal(hf_select(&w.s), 0);
	assert_int_equal(hf_offer(&w.s, 1), HF_OFFER_REST);
	/* One that is in use but barred helps nobody. */
	w.s.barred = 1;
	w.s.now = START + 1200 * HF_MS;
	assert_int_equal(hf_offer(&w.s, 1), HF_OFFER_DUE);
}

static void a_rest_shorter_than_a_second_is_not_made_longer(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	for (int i = 0; i < THREE; i++)
		rest(&w.states[i].health, START, START + (100 + i) * HF_MS);
	assert_int_equal(hf_select_when(&w.s), START + 100 * HF_MS);
}

static void a_probe_under_way_is_not_joined_by_another(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	for (int i = 0; i < THREE; i++)
		w.states[i].health = (struct hf_health){.state = HF_HEALTH_PROBING,
			.since = START - 5 * HF_SECOND,
			.until = START + 400 * HF_MS};
	assert_int_equal(hf_select(&w.s), -1);
	assert_int_equal(hf_select_when(&w.s), START + 400 * HF_MS);
	w.s.now = START + 400 * HF_MS;
	assert_int_equal(hf_select(&w.s), 0);
}

static void as_listed_passes_over_one_that_is_much_worse(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	takes(&w, 0, 100 * HF_MS);
	takes(&w, 1, 40 * HF_MS);
	takes(&w, 2, 40 * HF_MS);
	assert_int_equal(hf_select(&w.s), 0); /* worse, but not by so much */
	takes(&w, 0, 200 * HF_MS);
	assert_int_equal(hf_select(&w.s), 1);
	rest(&w.states[1].health, START, START + HF_SECOND); /* the best counts only in use */
	rest(&w.states[2].health, START, START + HF_SECOND);
	assert_int_equal(hf_select(&w.s), 0);
}

static void one_that_loses_messages_is_passed_over_too(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	for (int i = 0; i < THREE; i++)
		takes(&w, i, 20 * HF_MS);
	for (int i = 0; i < 200; i++)
		hf_rtt_settle(&w.paths[0].rtt, i % 2, START);
	assert_int_equal(hf_select(&w.s), 1);
}

static void one_that_is_passed_over_is_looked_at_once_a_second(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	takes(&w, 0, 400 * HF_MS);
	takes(&w, 1, 10 * HF_MS);
	takes(&w, 2, 10 * HF_MS);
	assert_int_equal(probe(&w.s, 1), 0);
	w.paths[0].asked = START;
	assert_int_equal(probe(&w.s, 1), -1);
	w.s.now = START + HF_SECOND - 1;
	assert_int_equal(probe(&w.s, 1), -1);
	w.s.now = START + HF_SECOND;
	assert_int_equal(probe(&w.s, 1), 0);
	fill(&w, 0);
	assert_int_equal(probe(&w.s, 1), -1); /* a look is not worth the last room */
}

static void one_that_lost_messages_is_looked_at_sooner_while_it_answers(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	for (int i = 0; i < THREE; i++)
		takes(&w, i, 10 * HF_MS);
	for (int i = 0; i < 8; i++)
		hf_rtt_settle(&w.paths[0].rtt, false, START);
	w.paths[0].asked = START;
	w.s.now = START + 250 * HF_MS - 1;
	assert_int_equal(probe(&w.s, 1), -1);
	w.s.now++;
	assert_int_equal(probe(&w.s, 1), 0);
	hf_rtt_lost(&w.paths[0].rtt, START, w.s.now); /* the look was lost as well */
	assert_int_equal(probe(&w.s, 1), -1);
	w.s.now = START + HF_SECOND;
	assert_int_equal(probe(&w.s, 1), 0);
}

static void a_probe_goes_only_to_one_whose_rest_is_over(void **state)
{
	struct world w;
	(void)state;
	prepare(&w, false);
	assert_int_equal(probe(&w.s, 0), -1);
	rest(&w.states[1].health, START - HF_SECOND, START + HF_SECOND);
	assert_int_equal(probe(&w.s, 0), -1);
	w.s.now = START + HF_SECOND;
	assert_int_equal(probe(&w.s, 0), 1);
	assert_int_equal(probe(&w.s, 1), -1);
	w.tries[1] = 1;
	assert_int_equal(probe(&w.s, 0), -1);
}

static void the_limit_is_what_the_operator_allows(void **state)
{
	struct hf_upstream_state s;
	(void)state;
	memset(&s, 0, sizeof s);
	assert_int_equal(hf_upstream_limit(&s), 0);
	s.limit = 100;
	assert_int_equal(hf_upstream_limit(&s), 100);
}

/* ---- many of them ---- */

#define MANY HF_SELECT_MOST

struct crowd {
	struct hf_upstream_conf conf;
	struct hf_upstream_state states[MANY];
	struct hf_path paths[MANY];
	struct hf_candidate candidates[MANY];
	struct hf_outgoing_state outgoing;
	struct hf_outgoing_conf outgoing_conf;
	uint8_t tries[MANY];
	struct hf_selection s;
};

static uint32_t dice(uint64_t *state, uint32_t sides)
{
	*state = *state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*state >> 33) % sides;
}

static void any_health(struct hf_health *h, uint64_t *seed, hf_us now)
{
	static const enum hf_health_state states[] = {HF_HEALTH_CLOSED, HF_HEALTH_CLOSED,
		HF_HEALTH_CLOSED, HF_HEALTH_OPEN, HF_HEALTH_PROBING};
	*h = (struct hf_health){.state = states[dice(seed, 5)],
		.since = now - dice(seed, 3) * HF_SECOND,
		.until = now + ((hf_us)dice(seed, 5) - 2) * HF_SECOND};
}

static void any_crowd(struct crowd *w, uint64_t *seed)
{
	memset(w, 0, sizeof *w);
	w->outgoing_conf.budget = dice(seed, 3) ? 0 : 100;
	w->s = (struct hf_selection){.candidates = w->candidates,
		.count = 1 + dice(seed, MANY),
		.tries = w->tries,
		.by_rtt = dice(seed, 2),
		.strict = dice(seed, 3) == 0,
		.first = dice(seed, 2),
		.cost = 1,
		.outgoing = &w->outgoing,
		.outgoing_conf = &w->outgoing_conf,
		.now = START};
	bool dark = dice(seed, 4) == 0;
	for (unsigned i = 0; i < w->s.count; i++) {
		w->candidates[i] = (struct hf_candidate){&w->conf, &w->states[i], &w->paths[i]};
		w->paths[i].rtt.srtt = dice(seed, 8) * 20 * HF_MS;
		w->paths[i].rtt.loss = dice(seed, 3) ? 0 : dice(seed, 65536);
		w->paths[i].rtt.sampled = START - dice(seed, 5) * 30 * HF_SECOND;
		w->tries[i] = (uint8_t)(dice(seed, 3) ? 0 : dice(seed, 4));
		w->s.barred |= (uint64_t)(dice(seed, 6) == 0) << i;
		if (dice(seed, 3) == 0 || dark)
			any_health(&w->states[i].health, seed, START);
		if (dark && w->states[i].health.state == HF_HEALTH_CLOSED)
			w->states[i].health.state = HF_HEALTH_OPEN;
		if (dice(seed, 4) == 0)
			any_health(&w->paths[i].health, seed, START);
		w->states[i].limit = dice(seed, 2) ? 0 : 100;
		if (dice(seed, 2)) {
			hf_budget_room(&w->states[i].budget, 100, START);
			hf_budget_spend(&w->states[i].budget, 10, START);
		}
	}
}

/* The rules of select.h once more, with nothing spared: every offer is asked for. */
static int by_the_book(const struct hf_selection *s)
{
	struct hf_looks looks;
	uint64_t best[4] = {0};
	int ret = -1;
	hf_look(s, &looks);
	for (size_t i = 0; i < s->count; i++) {
		if (s->barred >> i & 1 || hf_offer(s, i) == HF_OFFER_REST)
			continue;
		enum hf_offer offer = hf_offer(s, i);
		bool poor = looks.best && looks.costs[i] > 2 * looks.best + 50 * HF_MS;
		const uint64_t one[4] = {s->tries[i] + (offer == HF_OFFER_DUE ? 2u : 0u), offer,
			!s->by_rtt && !s->strict && poor, s->by_rtt ? (uint64_t)looks.costs[i] : i};
		unsigned k = 0;
		while (k < 3 && one[k] == best[k])
			k++;
		if (ret < 0 || one[k] < best[k]) {
			ret = (int)i;
			memcpy(best, one, sizeof best);
		}
	}
	return ret;
}

static void sparing_looks_at_budgets_changes_no_choice(void **state)
{
	struct crowd *w = malloc(sizeof *w);
	uint64_t seed = 1;
	unsigned chosen = 0;
	(void)state;
	for (int i = 0; i < 5000; i++) {
		any_crowd(w, &seed);
		int choice = hf_select(&w->s);
		assert_int_equal(choice, by_the_book(&w->s));
		chosen += choice >= 0;
	}
	assert_in_range(chosen, 4000, 5000);
	free(w);
}

/* ---- trust ---- */

/* The first, listed and fast, is trusted little. */
static void prepare_low(struct world *w, struct hf_upstream_conf *conf)
{
	prepare(w, false);
	*conf = w->conf;
	conf->trust = HF_TRUST_LOW;
	w->candidates[0].conf = conf;
	for (int i = 0; i < THREE; i++)
		takes(w, i, i ? 30 * HF_MS : 1 * HF_MS);
}

static void one_that_is_trusted_little_is_asked_when_all_others_have_failed(void **state)
{
	struct hf_upstream_conf conf;
	struct world w;
	(void)state;
	prepare_low(&w, &conf);
	assert_int_equal(hf_select(&w.s), 1);
	w.tries[1] = 1;
	assert_int_equal(hf_select(&w.s), 2);
	w.s.barred = 1 << 2;
	assert_int_equal(hf_select(&w.s), 0);
	w.s.spare_low = true; /* but a copy may wait for that of another */
	assert_int_equal(hf_select(&w.s), 1);
	w.s.spare_low = false;
	w.tries[0] = 1;
	assert_int_equal(hf_select(&w.s), 1);
	w.s.barred = 6;
	assert_int_equal(hf_select(&w.s), 0);
}

static void one_that_is_trusted_little_is_asked_while_all_others_rest(void **state)
{
	struct hf_upstream_conf conf;
	struct world w;
	(void)state;
	prepare_low(&w, &conf);
	rest(&w.states[1].health, START, START + 30 * HF_SECOND);
	assert_int_equal(hf_select(&w.s), 2);
	rest(&w.states[2].health, START, START + 30 * HF_SECOND);
	assert_int_equal(hf_select(&w.s), 0);
	/* They are looked for as if nobody was in use. */
	w.s.now = START + 2 * HF_SECOND;
	assert_int_equal(hf_offer(&w.s, 1), HF_OFFER_DUE);
	assert_int_equal(hf_select(&w.s), 0);
}

static void no_room_at_those_that_are_trusted_is_no_reason_to_ask_others(void **state)
{
	struct hf_upstream_conf conf;
	struct world w;
	(void)state;
	prepare_low(&w, &conf);
	fill(&w, 1);
	fill(&w, 2);
	assert_int_equal(hf_select(&w.s), 1);
}

static void one_that_is_trusted_little_gets_no_probe_and_makes_nobody_poor(void **state)
{
	struct hf_upstream_conf conf;
	struct world w;
	(void)state;
	prepare_low(&w, &conf);
	for (int i = 0; i < 40; i++)
		takes(&w, 1, 80 * HF_MS);
	assert_int_equal(hf_select(&w.s), 1);
	rest(&w.states[0].health, START - 2 * HF_SECOND, START - HF_SECOND);
	assert_int_equal(probe(&w.s, 1), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_fastest_or_the_first_listed_is_asked_first),
		cmocka_unit_test(
			one_that_is_much_worse_is_passed_over_but_not_where_the_order_is_strict),
		cmocka_unit_test(the_fastest_counts_loss_as_time),
		cmocka_unit_test(what_was_lost_before_an_outage_counts_no_more_after_it),
		cmocka_unit_test(who_was_asked_already_stands_behind_who_was_not),
		cmocka_unit_test(no_room_stands_behind_room),
		cmocka_unit_test(room_is_that_for_all_the_packets),
		cmocka_unit_test(everybodys_budget_counts_for_each),
		cmocka_unit_test(nobody_overtakes_those_who_stand_in_line),
		cmocka_unit_test(one_that_came_back_waits_for_its_pace_with_first_messages_only),
		cmocka_unit_test(resting_is_never_chosen),
		cmocka_unit_test(the_worse_of_an_upstreams_circuits_counts),
		cmocka_unit_test(one_whose_rest_is_over_waits_until_others_failed_twice),
		cmocka_unit_test(when_nobody_is_in_use_a_seconds_rest_is_enough),
		cmocka_unit_test(a_rest_shorter_than_a_second_is_not_made_longer),
		cmocka_unit_test(a_probe_under_way_is_not_joined_by_another),
		cmocka_unit_test(as_listed_passes_over_one_that_is_much_worse),
		cmocka_unit_test(one_that_loses_messages_is_passed_over_too),
		cmocka_unit_test(one_that_is_passed_over_is_looked_at_once_a_second),
		cmocka_unit_test(one_that_lost_messages_is_looked_at_sooner_while_it_answers),
		cmocka_unit_test(a_probe_goes_only_to_one_whose_rest_is_over),
		cmocka_unit_test(the_limit_is_what_the_operator_allows),
		cmocka_unit_test(sparing_looks_at_budgets_changes_no_choice),
		cmocka_unit_test(one_that_is_trusted_little_is_asked_when_all_others_have_failed),
		cmocka_unit_test(one_that_is_trusted_little_is_asked_while_all_others_rest),
		cmocka_unit_test(no_room_at_those_that_are_trusted_is_no_reason_to_ask_others),
		cmocka_unit_test(one_that_is_trusted_little_gets_no_probe_and_makes_nobody_poor),
	};
	return cmocka_run_group_tests_name("select", tests, NULL, NULL);
}
