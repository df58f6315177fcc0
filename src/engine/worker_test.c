/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/worker.h"

#include "engine/stage.h"

#define TICKETS 2048

/* A client of one worker. */
struct client {
	struct stage *stage;
	unsigned index;
	unsigned answered[TICKETS];
	unsigned total, failed;
	int32_t ede;
	char text[100];
	uint8_t wire[HF_MESSAGE_MAX];
	size_t len;
	unsigned again; /* so often it asks once more as soon as it hears an answer */
	const struct hf_question *question;
};

struct office {
	struct stage stage;
	struct client clients[STAGE_WORKERS];
	unsigned released;
};

static int ask(struct client *c, const struct hf_question *q, uint32_t ticket)
{
	struct stage *s = c->stage;
	struct hf_cache_key key = hf_worker_key(s->worker[0], q, 0);
	return hf_worker_ask(s->worker[c->index], &key, ticket, ticket + 7,
		hf_loop_now(s->loops[c->index]));
}

static void answered(void *ctx, uint32_t ticket, uint32_t generation,
	const struct hf_answer *answer, hf_us now)
{
	struct client *c = ctx;
	(void)now;
	assert_int_equal(generation, ticket + 7);
	c->answered[ticket]++;
	c->total++;
	c->failed += !answer->kept;
	c->ede = answer->ede;
	snprintf(c->text, sizeof c->text, "%s", answer->ede_text ? answer->ede_text : "");
	if (c->again) {
		c->again--;
		assert_int_equal(ask(c, c->question, ticket), 0);
	}
	if (answer->kept) { /* after asking: it must still be what it was */
		c->len = answer->kept->len;
		memcpy(c->wire, answer->kept->wire, c->len);
	}
}

static const struct hf_client client = { answered };

static int open_office_of(void **state, size_t flights)
{
	struct office *o = calloc(1, sizeof *o);
	assert_non_null(o);
	o->stage.client = &client;
	o->stage.flights_max = flights;
	for (unsigned i = 0; i < STAGE_WORKERS; i++) {
		o->clients[i].stage = &o->stage;
		o->clients[i].index = i;
		o->stage.client_ctx[i] = &o->clients[i];
	}
	stage_open(&o->stage, STAGE_WORKERS);
	*state = o;
	return 0;
}

static int open_office(void **state)
{
	return open_office_of(state, 1024);
}

static int open_small_office(void **state)
{
	return open_office_of(state, 8);
}

static int close_office(void **state)
{
	struct office *o = *state;
	stage_close(&o->stage);
	free(o);
	return 0;
}

static void run(struct office *o, hf_us us)
{
	hf_sim_run_for(o->stage.sim, us);
}

/* The n-th name that belongs to a worker. */
static struct hf_question question_for(struct office *o, unsigned worker, unsigned n)
{
	struct hf_question q = { .type = HF_TYPE_A, .class = HF_CLASS_IN };
	for (unsigned i = 0;; i++) {
		char text[32];
		int len = snprintf(text, sizeof text, "name%u.example", i);
		assert_int_equal(hf_name_from_text(text, (size_t)len, &q.name), 0);
		struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
		if (hf_cache_shard(o->stage.cache, &key) == worker && n-- == 0)
			return q;
	}
}

static uint32_t in_flight(const struct office *o)
{
	uint32_t sum = 0;
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		for (unsigned slot = 5; slot <= 6; slot++)
			sum += hf_worker_upstream(o->stage.worker[w], slot)->in_flight;
	return sum;
}

static void assert_quiet(const struct office *o)
{
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		assert_int_equal(hf_worker_flights(o->stage.worker[w]), 0);
	assert_int_equal(in_flight(o), 0);
}

/* ---- answers ---- */

static void a_question_is_under_way_once_in_the_process(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	o->stage.upstreams[0].manner = STAGE_HOLDS;
	for (uint32_t i = 0; i < 200; i++) {
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
		assert_int_equal(ask(&o->clients[1], &q, i), 0);
	}
	run(o, 10 * HF_MS);
	assert_int_equal(o->stage.upstreams[0].asked, 1);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_JOINED), 399);
	stage_release(&o->stage.upstreams[0]);
	run(o, 10 * HF_MS);
	for (uint32_t i = 0; i < 200; i++)
		for (unsigned w = 0; w < STAGE_WORKERS; w++)
			assert_int_equal(o->clients[w].answered[i], 1);
	assert_int_equal(o->clients[0].len, o->clients[1].len);
	assert_memory_equal(o->clients[0].wire, o->clients[1].wire, o->clients[0].len);
	assert_quiet(o);
}

static void do_and_types_are_questions_of_their_own(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0), other = q;
	other.type = HF_TYPE_AAAA;
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, HF_CACHE_DO);
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	assert_int_equal(ask(&o->clients[0], &other, 2), 0);
	assert_int_equal(hf_worker_ask(o->stage.worker[0], &key, 3, 10,
				 hf_loop_now(o->stage.loops[0])),
		0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->stage.upstreams[0].asked, 3);
	assert_int_equal(o->clients[0].total, 3);
}

static void every_worker_finds_the_answer_in_the_cache(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 1, 0);
	static uint8_t wire[HF_MESSAGE_MAX];
	static uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_cached copy = { .kept = { .wire = wire, .ttl_at = ttl_at },
		.wire_cap = sizeof wire, .ttl_cap = HF_RECORDS_MAX };
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 10 * HF_MS);
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		assert_int_equal(hf_worker_lookup(o->stage.worker[w], &key,
					 hf_loop_now(o->stage.loops[w]), &copy, &(struct hf_answer){ 0 }),
			HF_LOOKUP_HIT);
	/* Who asks all the same is answered from there. */
	assert_int_equal(ask(&o->clients[0], &q, 2), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].answered[2], 1);
	assert_int_equal(o->stage.upstreams[0].asked, 1);
}

static void upstreams_see_random_case_and_an_answer_without_it_is_checked(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	unsigned mixed = 0;
	for (unsigned i = 0; i < 20; i++) {
		struct hf_question each = question_for(o, 0, i);
		assert_int_equal(ask(&o->clients[0], &each, i), 0);
		run(o, 10 * HF_MS);
		mixed += memcmp(o->stage.upstreams[0].last + HF_HEADER_LEN, each.name.bytes,
				 each.name.len) != 0;
	}
	assert_true(mixed >= 18);
	assert_int_equal(o->clients[0].total, 20);
	q = question_for(o, 0, 30);
	o->stage.upstreams[0].lowers = true;
	assert_int_equal(ask(&o->clients[0], &q, 30), 0);
	run(o, 100 * HF_MS);
	/* Not taken from UDP, but from TCP. */
	assert_int_equal(o->clients[0].answered[30], 1);
	assert_int_equal(o->stage.upstreams[0].asked_tcp, 1);
	assert_quiet(o);
}

static void truncated_answers_are_fetched_whole(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 1, 0);
	o->stage.upstreams[0].manner = STAGE_TRUNCATES;
	o->stage.upstreams[0].answer = 60000;
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 100 * HF_MS);
	assert_int_equal(o->clients[0].answered[1], 1);
	assert_true(o->clients[0].len > 60000);
	assert_int_equal(o->stage.upstreams[0].asked_tcp, 1);
	assert_quiet(o);
}

/* ---- failures ---- */

static void garbage_silence_and_servfail_bring_the_next_upstream(void **state)
{
	static const enum stage_manner manners[] = { STAGE_GARBAGE, STAGE_SILENT, STAGE_SERVFAIL };
	struct office *o = *state;
	for (unsigned i = 0; i < HF_COUNT_OF(manners); i++) {
		struct hf_question q = question_for(o, 0, i);
		o->stage.upstreams[0].manner = manners[i];
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
		run(o, HF_SECOND);
		assert_int_equal(o->clients[0].answered[i], 1);
	}
	assert_int_equal(o->clients[0].failed, 0);
	assert_int_equal(o->stage.upstreams[1].asked, 3);
	assert_quiet(o);
}

static void an_upstream_that_is_gone_costs_no_time(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	stage_upstream_close(&o->stage.upstreams[0]);
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].answered[1], 1);
	assert_int_equal(o->clients[0].failed, 0);
	assert_quiet(o);
}

static void a_failure_reaches_all_who_wait_and_is_kept(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	static uint8_t wire[HF_MESSAGE_MAX];
	struct hf_cached copy = { .kept = { .wire = wire }, .wire_cap = sizeof wire };
	o->stage.upstreams[0].manner = o->stage.upstreams[1].manner = STAGE_SERVFAIL;
	for (uint32_t i = 0; i < 5; i++) {
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
		assert_int_equal(ask(&o->clients[1], &q, i), 0);
	}
	run(o, 10 * HF_MS);
	for (unsigned w = 0; w < STAGE_WORKERS; w++) {
		assert_int_equal(o->clients[w].total, 5);
		assert_int_equal(o->clients[w].failed, 5);
		assert_int_equal(o->clients[w].ede, HF_EDE_OTHER);
		assert_string_equal(o->clients[w].text, "upstream two: answered SERVFAIL");
	}
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	assert_int_equal(hf_worker_lookup(o->stage.worker[1], &key,
				 hf_loop_now(o->stage.loops[1]), &copy, &(struct hf_answer){ 0 }),
		HF_LOOKUP_FAILED);
	run(o, 2 * HF_SECOND);
	assert_int_equal(hf_worker_lookup(o->stage.worker[1], &key,
				 hf_loop_now(o->stage.loops[1]), &copy, &(struct hf_answer){ 0 }),
		HF_LOOKUP_MISS);
}

static void total_darkness_ends_at_the_deadline(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 1, 0);
	o->stage.upstreams[0].manner = o->stage.upstreams[1].manner = STAGE_SILENT;
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 4400 * HF_MS);
	assert_int_equal(o->clients[0].total, 0);
	run(o, 200 * HF_MS);
	assert_int_equal(o->clients[0].failed, 1);
	assert_int_equal(o->clients[0].ede, HF_EDE_NO_REACHABLE_AUTHORITY);
	assert_quiet(o);
}

static void a_name_without_a_route_fails_at_once(void **state)
{
	struct office *o = *state;
	struct hf_question mine = question_for(o, 0, 0), theirs = question_for(o, 1, 0);
	o->stage.forward.route_count = 0;
	struct hf_plan *plan = stage_plan(&o->stage);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		hf_worker_adopt(o->stage.worker[w], plan);
	hf_plan_unref(plan);
	assert_int_equal(ask(&o->clients[0], &mine, 1), 0);
	assert_int_equal(o->clients[0].failed, 1); /* from within */
	assert_int_equal(ask(&o->clients[0], &theirs, 2), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].failed, 2);
	assert_quiet(o);
}

/* ---- clients that ask from within ---- */

static void who_asks_again_at_every_answer_begins_a_new_flight(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	o->stage.upstreams[0].ttl = 0; /* not to be kept */
	o->clients[0].question = &q;
	o->clients[0].again = 10;
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	assert_int_equal(ask(&o->clients[1], &q, 1), 0);
	run(o, 100 * HF_MS);
	assert_int_equal(o->clients[0].total, 11);
	assert_int_equal(o->stage.upstreams[0].asked, 11);
	assert_quiet(o);
}

static void who_asks_again_at_every_failure_is_answered_each_time(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	o->stage.upstreams[0].manner = o->stage.upstreams[1].manner = STAGE_SERVFAIL;
	o->clients[0].question = &q;
	o->clients[0].again = 10;
	for (uint32_t i = 0; i < 5; i++)
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
	run(o, 100 * HF_MS);
	assert_int_equal(o->clients[0].total, 15);
	assert_quiet(o);
}

static void what_is_asked_from_within_does_not_disturb_the_answer(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0), other = question_for(o, 0, 1);
	o->clients[0].question = &other;
	o->clients[0].again = 1;
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	while (!o->clients[0].total)
		assert_true(hf_sim_step(o->stage.sim));
	assert_memory_equal(o->clients[0].wire + HF_HEADER_LEN, q.name.bytes, q.name.len);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].total, 2);
}

/* ---- bounds ---- */

static void past_the_bound_of_flights_asking_fails(void **state)
{
	struct office *o = *state;
	struct hf_question q;
	o->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 8; i++) {
		q = question_for(o, 0, i);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
	}
	q = question_for(o, 0, 8);
	assert_int_equal(ask(&o->clients[0], &q, 8), HF_EBOUND);
	/* Neither may more clients wait than there may be flights. */
	q = question_for(o, 0, 0);
	assert_int_equal(ask(&o->clients[0], &q, 9), HF_EBOUND);
	/* From another worker it is the answer that says so. */
	assert_int_equal(ask(&o->clients[1], &q, 1), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[1].failed, 1);
	assert_string_equal(o->clients[1].text, "too many questions under way");
	assert_int_equal(o->clients[0].total, 0);
	stage_release(&o->stage.upstreams[0]);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].total, 8);
	assert_quiet(o);
	assert_int_equal(ask(&o->clients[0], &q, 10), 0);
}

/* ---- plans ---- */

static void count_release(void *owner)
{
	struct office *o = owner;
	o->released++;
}

static void flights_keep_the_plan_that_they_began_with(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	o->stage.plan->owner = o;
	o->stage.plan->release = count_release;
	o->stage.upstreams[0].manner = STAGE_HOLDS;
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 10 * HF_MS);
	struct hf_plan *plan = stage_plan(&o->stage);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		hf_worker_adopt(o->stage.worker[w], plan);
	hf_plan_unref(o->stage.plan);
	o->stage.plan = plan;
	assert_int_equal(o->released, 0);
	assert_int_equal(in_flight(o), 1); /* what is under way stays counted */
	stage_release(&o->stage.upstreams[0]);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].answered[1], 1);
	assert_int_equal(o->released, 1);
	assert_quiet(o);
}

static void note(void *arg, hf_us now)
{
	(void)now;
	++*(unsigned *)arg;
}

static void orders_are_carried_out_in_the_workers_thread(void **state)
{
	struct office *o = *state;
	unsigned done = 0;
	assert_int_equal(hf_worker_order(o->stage.worker[1], note, &done), 0);
	assert_int_equal(hf_worker_order(o->stage.worker[1], note, &done), 0);
	assert_int_equal(done, 0);
	run(o, HF_MS);
	assert_int_equal(done, 2);
}

static void freeing_with_flights_up_and_mail_waiting_loses_nothing(void **state)
{
	struct office *o = *state;
	o->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 50; i++) {
		struct hf_question q = question_for(o, i % 2, i / 2);
		assert_int_equal(ask(&o->clients[i / 25], &q, i), 0);
	}
	run(o, 10 * HF_MS);
	stage_release(&o->stage.upstreams[0]);
	run(o, HF_SIM_DELAY); /* some answers lie in mailboxes */
	o->stage.upstreams[0].manner = STAGE_TRUNCATES;
	for (unsigned i = 0; i < 50; i++) {
		struct hf_question q = question_for(o, i % 2, 100 + i);
		assert_int_equal(ask(&o->clients[1], &q, i), 0);
	}
	run(o, 2 * HF_SIM_DELAY); /* the rest is for the sanitizer */
}

/* Two workers, a bad network, upstreams that change their manners: every question
 * is answered once, and nothing is left over. */
static void a_storm_leaves_nothing_behind(void **state)
{
	struct office *o = *state;
	unsigned asked[STAGE_WORKERS] = { 0 };
	o->stage.cache_conf.failure = 0;
	for (unsigned i = 0; i < TICKETS; i++) {
		unsigned w = (unsigned)hf_sim_roll(o->stage.sim, STAGE_WORKERS);
		struct hf_question q = question_for(
			o, (unsigned)hf_sim_roll(o->stage.sim, 2), (unsigned)hf_sim_roll(o->stage.sim, 20));
		q.type = (uint16_t)(1 + hf_sim_roll(o->stage.sim, 3));
		asked[w] += ask(&o->clients[w], &q, i) == 0;
		if (i % 16 == 0) {
			struct stage_upstream *u = &o->stage.upstreams[hf_sim_roll(o->stage.sim, 2)];
			u->manner = (enum stage_manner)hf_sim_roll(o->stage.sim, STAGE_HOLDS);
			u->ttl = (uint32_t)hf_sim_roll(o->stage.sim, 3);
			u->lowers = hf_sim_roll(o->stage.sim, 4) == 0;
			run(o, (hf_us)hf_sim_roll(o->stage.sim, 200000));
		}
	}
	run(o, 5 * HF_SECOND);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		assert_int_equal(o->clients[w].total, asked[w]);
	assert_quiet(o);
}

#define AT_THE_OFFICE(test) cmocka_unit_test_setup_teardown(test, open_office, close_office)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_THE_OFFICE(a_question_is_under_way_once_in_the_process),
		AT_THE_OFFICE(do_and_types_are_questions_of_their_own),
		AT_THE_OFFICE(every_worker_finds_the_answer_in_the_cache),
		AT_THE_OFFICE(upstreams_see_random_case_and_an_answer_without_it_is_checked),
		AT_THE_OFFICE(truncated_answers_are_fetched_whole),
		AT_THE_OFFICE(garbage_silence_and_servfail_bring_the_next_upstream),
		AT_THE_OFFICE(an_upstream_that_is_gone_costs_no_time),
		AT_THE_OFFICE(a_failure_reaches_all_who_wait_and_is_kept),
		AT_THE_OFFICE(total_darkness_ends_at_the_deadline),
		AT_THE_OFFICE(a_name_without_a_route_fails_at_once),
		AT_THE_OFFICE(who_asks_again_at_every_answer_begins_a_new_flight),
		AT_THE_OFFICE(who_asks_again_at_every_failure_is_answered_each_time),
		AT_THE_OFFICE(what_is_asked_from_within_does_not_disturb_the_answer),
		cmocka_unit_test_setup_teardown(past_the_bound_of_flights_asking_fails,
			open_small_office, close_office),
		AT_THE_OFFICE(flights_keep_the_plan_that_they_began_with),
		AT_THE_OFFICE(orders_are_carried_out_in_the_workers_thread),
		AT_THE_OFFICE(freeing_with_flights_up_and_mail_waiting_loses_nothing),
		AT_THE_OFFICE(a_storm_leaves_nothing_behind),
	};
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
