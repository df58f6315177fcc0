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
	const struct hf_ticket t = {100 + c->index, ticket, ticket + 7};
	return hf_worker_ask(s->worker[c->index], &key, &t, hf_loop_now(s->loops[c->index]));
}

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
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

static const struct hf_client client = {answered};

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
	struct hf_question q = {.type = HF_TYPE_A, .class = HF_CLASS_IN};
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
	return (uint32_t)hf_worker_attempts(o->stage.worker[0]);
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
	const struct hf_ticket ticket = {100, 3, 10};
	assert_int_equal(
		hf_worker_ask(o->stage.worker[0], &key, &ticket, hf_loop_now(o->stage.loops[0])),
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
	struct hf_cached copy = {.kept = {.wire = wire, .ttl_at = ttl_at},
		.wire_cap = sizeof wire,
		.ttl_cap = HF_RECORDS_MAX};
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 10 * HF_MS);
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		assert_int_equal(
			hf_worker_lookup(o->stage.worker[w], &key, hf_loop_now(o->stage.loops[w]),
				&copy, &(struct hf_answer){0}),
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
	run(o, 2 * HF_SECOND); /* the one over UDP is listened to for a while */
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
	static const enum stage_manner manners[] = {STAGE_GARBAGE, STAGE_SILENT, STAGE_SERVFAIL};
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
	struct hf_cached copy = {.kept = {.wire = wire}, .wire_cap = sizeof wire};
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
	assert_int_equal(hf_worker_lookup(o->stage.worker[1], &key, hf_loop_now(o->stage.loops[1]),
				 &copy, &(struct hf_answer){0}),
		HF_LOOKUP_FAILED);
	run(o, 2 * HF_SECOND);
	assert_int_equal(hf_worker_lookup(o->stage.worker[1], &key, hf_loop_now(o->stage.loops[1]),
				 &copy, &(struct hf_answer){0}),
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
	/* Of eight one upstream has seven at most, of which one client has six. */
	for (unsigned i = 0; i < 6; i++) {
		q = question_for(o, 0, i);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
	}
	q = question_for(o, 0, 7);
	assert_int_equal(ask(&o->clients[0], &q, 8), HF_EBOUND);
	/* Another one finds the last place, and then the same upstream taken. From
	 * another worker it is the answer that says so. */
	q = question_for(o, 0, 7);
	assert_int_equal(ask(&o->clients[1], &q, 1), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[1].failed, 0);
	q = question_for(o, 0, 8);
	assert_int_equal(ask(&o->clients[1], &q, 3), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[1].failed, 1);
	assert_string_equal(o->clients[1].text, "too many questions under way");
	/* To wait with others there is room for it. */
	q = question_for(o, 0, 0);
	assert_int_equal(ask(&o->clients[1], &q, 2), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[1].failed, 1);
	assert_int_equal(o->clients[0].total, 0);
	stage_release(&o->stage.upstreams[0]);
	run(o, 10 * HF_MS);
	assert_int_equal(o->clients[0].total, 6);
	assert_int_equal(o->clients[1].answered[1], 1);
	assert_int_equal(o->clients[1].answered[2], 1);
	assert_quiet(o);
	assert_int_equal(ask(&o->clients[0], &q, 10), 0);
}

/* ---- what all workers share ---- */

/* Only the first upstream is left on the route, with such a budget. */
static void only_one_with_a_budget(struct office *o, uint32_t budget)
{
	o->stage.confs[0].budget = budget;
	o->stage.route.upstream_count = 1;
	struct hf_plan *plan = stage_plan(&o->stage);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		hf_worker_adopt(o->stage.worker[w], plan);
	hf_plan_unref(o->stage.plan);
	o->stage.plan = plan;
}

static unsigned packets(const struct office *o)
{
	unsigned sum = 0;
	for (unsigned i = 0; i < STAGE_UPSTREAMS; i++)
		sum += o->stage.upstreams[i].asked + o->stage.upstreams[i].asked_tcp;
	return sum;
}

/* Lets time pass, a millisecond at a time, and sees to it that no more than `most`
 * questions arrive within any 100 ms. */
static void run_within(struct office *o, hf_us us, unsigned most)
{
	enum { WINDOW = 100 };
	unsigned arrived[WINDOW] = {0}, before = packets(o), sum = 0;
	for (unsigned ms = 0; ms < us / HF_MS; ms++) {
		run(o, HF_MS);
		sum -= arrived[ms % WINDOW];
		arrived[ms % WINDOW] = packets(o) - before;
		sum += arrived[ms % WINDOW];
		before = packets(o);
		assert_true(sum <= most);
	}
}

static void ask_many(struct office *o, unsigned from, unsigned until)
{
	for (unsigned i = from; i < until; i++) {
		struct hf_question q = question_for(o, i % 2, i / 2);
		assert_int_equal(ask(&o->clients[i % STAGE_WORKERS], &q, i), 0);
	}
}

static void a_budget_holds_in_any_100_ms_and_what_is_over_it_waits(void **state)
{
	struct office *o = *state;
	only_one_with_a_budget(o, 100);
	ask_many(o, 0, 300);
	run_within(o, 3200 * HF_MS, 10);
	/* Two workers, one budget: all of it is used, and all are answered. */
	assert_int_equal(o->clients[0].total + o->clients[1].total, 300);
	assert_int_equal(o->clients[0].failed + o->clients[1].failed, 0);
	assert_int_equal(o->stage.upstreams[0].asked, 300);
	assert_quiet(o);
}

static void upstreams_behind_one_interface_share_its_budget(void **state)
{
	static const struct hf_interface_conf interface = { "eni0", 100 };
	struct office *o = *state;
	o->stage.forward.interfaces = &interface;
	o->stage.forward.interface_count = 1;
	for (unsigned i = 0; i < STAGE_UPSTREAMS; i++)
		o->stage.confs[i].interface_at = 1;
	struct hf_plan *plan = stage_plan(&o->stage);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		hf_worker_adopt(o->stage.worker[w], plan);
	hf_plan_unref(o->stage.plan);
	o->stage.plan = plan;
	ask_many(o, 0, 300);
	run_within(o, 3500 * HF_MS, 10);
	assert_int_equal(o->clients[0].total + o->clients[1].total, 300);
	assert_int_equal(o->clients[0].failed + o->clients[1].failed, 0);
	assert_quiet(o);
}

static void what_the_budget_has_no_room_for_until_the_deadline_fails_for_that(void **state)
{
	struct office *o = *state;
	only_one_with_a_budget(o, 100);
	ask_many(o, 0, 700);
	run_within(o, 4600 * HF_MS, 10);
	assert_int_equal(o->clients[0].total + o->clients[1].total, 700);
	unsigned failed = o->clients[0].failed + o->clients[1].failed;
	assert_in_range(failed, 250, 320); /* 450 had room, less those too late to be answered */
	/* What was sent is what was answered: none of it in vain. */
	assert_int_equal(o->stage.upstreams[0].asked, 700 - failed);
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		assert_string_equal(o->clients[w].text, "upstream one: over its packet budget");
	assert_quiet(o);
}

/* Five questions each 10 ms, which is more than twice what a budget of 10 had room for. */
static void go_on_asking(struct office *o, unsigned from, unsigned until)
{
	for (unsigned i = from; i < until; i += 5) {
		ask_many(o, i, i + 5);
		run(o, 10 * HF_MS);
	}
}

static void a_budget_that_is_lifted_holds_nobody_back_for_long(void **state)
{
	struct office *o = *state;
	only_one_with_a_budget(o, 10);
	ask_many(o, 0, 100);
	run(o, 500 * HF_MS);
	only_one_with_a_budget(o, 0);
	go_on_asking(o, 100, 1100);
	run(o, HF_SECOND);
	assert_int_equal(o->clients[0].total + o->clients[1].total, 1100);
	assert_int_equal(o->clients[0].failed + o->clients[1].failed, 0);
	assert_quiet(o);
}

static void who_stands_in_line_goes_as_soon_as_the_budget_is_lifted(void **state)
{
	struct office *o = *state;
	o->stage.confs[0].channel = HF_CHANNEL_TCP;
	only_one_with_a_budget(o, 1); /* a connection's packets use up six seconds */
	ask_many(o, 0, 2);
	run(o, 500 * HF_MS);
	assert_int_equal(o->clients[0].total + o->clients[1].total, 1);
	only_one_with_a_budget(o, 0);
	run(o, 50 * HF_MS);
	assert_int_equal(o->clients[0].total + o->clients[1].total, 2);
	assert_int_equal(o->clients[0].failed + o->clients[1].failed, 0);
}

static void who_asks_little_waits_for_his_turn_only(void **state)
{
	struct office *o = *state;
	only_one_with_a_budget(o, 100);
	for (unsigned i = 0; i < 300; i++) { /* the first worker's client, at names of both */
		struct hf_question q = question_for(o, i % 2, i / 2);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
	}
	run(o, 50 * HF_MS);
	struct hf_question q = question_for(o, 1, 1000);
	assert_int_equal(ask(&o->clients[1], &q, 1), 0);
	run(o, 200 * HF_MS);
	assert_int_equal(o->clients[1].answered[1], 1);
	assert_true(o->clients[0].total < 50);
}

static void a_connection_under_a_small_budget_gets_its_packets(void **state)
{
	struct office *o = *state;
	o->stage.confs[0].channel = HF_CHANNEL_TCP;
	only_one_with_a_budget(o, 100); /* six packets at once are over its pace */
	ask_many(o, 0, 4);
	run(o, 2 * HF_SECOND);
	assert_int_equal(o->clients[0].total + o->clients[1].total, 4);
	assert_int_equal(o->clients[0].failed + o->clients[1].failed, 0);
	assert_quiet(o);
}

static enum hf_health_state state_of_the_first(const struct office *o)
{
	return (enum hf_health_state)o->stage.meters[0]->upstreams[5].gauges[HF_UP_STATE];
}

static void a_circuit_that_one_workers_questions_opened_is_open_for_the_other(void **state)
{
	struct office *o = *state;
	o->stage.upstreams[0].manner = STAGE_SILENT;
	for (unsigned i = 0; i < 12; i++) { /* all of them the first worker's */
		struct hf_question q = question_for(o, 0, i);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
		run(o, 500 * HF_MS);
	}
	assert_int_equal(state_of_the_first(o), HF_HEALTH_OPEN);
	unsigned asked = o->stage.upstreams[0].asked, probes = 0;
	for (unsigned i = 0; i < 10; i++) {
		struct hf_question q = question_for(o, 1, i);
		unsigned before = o->clients[1].total;
		assert_int_equal(ask(&o->clients[1], &q, i), 0);
		run(o, 10 * HF_MS);
		assert_int_equal(o->clients[1].total, before + 1); /* at once, by the second */
	}
	probes = o->stage.upstreams[0].asked - asked;
	assert_true(probes <= 1);
	/* The upstreams' state is one: the second worker's probe brings it back. */
	o->stage.upstreams[0].manner = STAGE_ANSWERS;
	for (unsigned i = 10; state_of_the_first(o) != HF_HEALTH_CLOSED; i++) {
		assert_true(i < 500);
		struct hf_question q = question_for(o, 1, i);
		assert_int_equal(ask(&o->clients[1], &q, i), 0);
		run(o, 100 * HF_MS);
	}
	asked = o->stage.upstreams[0].asked;
	run(o, 15 * HF_SECOND);
	struct hf_question q = question_for(o, 0, 100);
	assert_int_equal(ask(&o->clients[0], &q, 100), 0);
	run(o, 10 * HF_MS);
	assert_int_equal(o->stage.upstreams[0].asked, asked + 1);
}

static void five_lost_questions_are_not_five_for_each_worker(void **state)
{
	struct office *o = *state;
	o->stage.route.upstream_count = 1;
	only_one_with_a_budget(o, 0);
	stage_upstream_close(&o->stage.upstreams[0]); /* refused */
	for (unsigned i = 0; i < 6; i++) {
		struct hf_question q = question_for(o, i % 2, i / 2);
		assert_int_equal(ask(&o->clients[i % 2], &q, i), 0);
	}
	run(o, 5 * HF_MS);
	assert_int_not_equal(state_of_the_first(o), HF_HEALTH_CLOSED);
}

static void what_an_upstream_did_before_it_moved_is_not_held_against_it(void **state)
{
	struct office *o = *state;
	only_one_with_a_budget(o, 0);
	o->stage.upstreams[0].manner = STAGE_SILENT;
	ask_many(o, 0, 40);
	run(o, 100 * HF_MS);
	o->stage.moved = true;
	only_one_with_a_budget(o, 0);
	run(o, 3 * HF_SECOND); /* those 40 wait in vain, but for whom the old plan had */
	assert_int_equal(state_of_the_first(o), HF_HEALTH_CLOSED);
	assert_true(in_flight(o) > 0);
	run(o, 2 * HF_SECOND);
	assert_int_equal(o->clients[0].failed + o->clients[1].failed, 40);
	assert_quiet(o);
}

/* ---- old answers in the dark ---- */

static void serve_stale(struct office *o)
{
	o->stage.cache_conf.stale = 86400 * HF_SECOND;
	o->stage.cache_conf.stale_after = 1800 * HF_MS;
	o->stage.cache_conf.stale_ttl = 30 * HF_SECOND;
	o->stage.cache_conf.failure = 60 * HF_SECOND;
	only_one_with_a_budget(o, 0);
}

static enum hf_lookup look(struct office *o, unsigned worker, const struct hf_question *q)
{
	static uint8_t wire[HF_MESSAGE_MAX];
	static uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_cached copy = {.kept = {.wire = wire, .ttl_at = ttl_at},
		.wire_cap = sizeof wire,
		.ttl_cap = HF_RECORDS_MAX};
	struct hf_answer answer;
	struct hf_cache_key key = hf_worker_key(o->stage.worker[worker], q, 0);
	return hf_worker_lookup(
		o->stage.worker[worker], &key, hf_loop_now(o->stage.loops[worker]), &copy, &answer);
}

/* `count` names of the first worker are known, old, and have just failed; the
 * upstream is at rest. */
static void go_dark(struct office *o, unsigned count)
{
	serve_stale(o);
	o->stage.upstreams[0].ttl = 1;
	for (unsigned i = 0; i < count; i++) {
		struct hf_question q = question_for(o, 0, i);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
	}
	run(o, 3 * HF_SECOND);
	assert_int_equal(o->clients[0].total, count);
	o->stage.upstreams[0].manner = STAGE_SILENT;
	for (unsigned i = 0; i < count; i++) {
		struct hf_question q = question_for(o, 0, i);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
	}
	run(o, 5 * HF_SECOND);
	assert_int_equal(o->clients[0].total, 2 * count);
	assert_int_equal(o->clients[0].failed, 0);
	assert_string_equal(o->clients[0].text, "no upstream gives a new answer");
	assert_int_not_equal(state_of_the_first(o), HF_HEALTH_CLOSED);
}

static void what_is_held_good_is_so_for_all_who_ask(void **state)
{
	struct office *o = *state;
	struct hf_question q = question_for(o, 0, 0);
	o->stage.route.hold_good = 60 * HF_SECOND; /* and no stale answers otherwise */
	only_one_with_a_budget(o, 0);
	o->stage.upstreams[0].ttl = 1;
	assert_int_equal(ask(&o->clients[0], &q, 1), 0);
	run(o, 2 * HF_SECOND);
	o->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	for (unsigned i = 2; i < 5; i++) {
		assert_int_equal(look(o, 0, &q), HF_LOOKUP_MISS);
		assert_int_equal(ask(&o->clients[0], &q, i), 0);
		run(o, 100 * HF_MS);
	}
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_HELD), 3);
	assert_int_equal(o->clients[0].failed, 0);
}

static void in_the_dark_stale_hits_probe_when_one_is_due_and_only_then(void **state)
{
	struct office *o = *state;
	go_dark(o, 20);
	unsigned before = packets(o), most = 0;
	/* 2000 questions a second, none of which is kept waiting; all of them failed a
	 * moment ago and would not be asked again for most of a minute. */
	for (unsigned s = 0; s < 20; s++) {
		unsigned at = packets(o);
		for (unsigned i = 0; i < 2000; i++) {
			struct hf_question q = question_for(o, 0, i % 20);
			assert_int_equal(look(o, i % 2, &q), HF_LOOKUP_STALE);
			if (i % 2)
				run(o, HF_MS);
		}
		most = packets(o) - at > most ? packets(o) - at : most;
	}
	/* There are probes, for nobody rests longer than a second when he is alone; one
	 * after the other, as they are lost and as rests end. */
	assert_true(packets(o) - before >= 5);
	assert_true(most <= 10);
}

static void a_failure_from_before_an_upstream_came_back_is_void(void **state)
{
	struct office *o = *state;
	go_dark(o, 20);
	struct hf_question known = question_for(o, 0, 0), other = question_for(o, 0, 1),
			   like_known = question_for(o, 0, 2);
	/* A failure is remembered, ... */
	assert_int_equal(look(o, 1, &like_known), HF_LOOKUP_STALE);
	/* ... until the upstream is back, as another name's probe shows. */
	o->stage.upstreams[0].manner = STAGE_ANSWERS;
	for (unsigned i = 0; state_of_the_first(o) != HF_HEALTH_CLOSED; i++) {
		assert_true(i < 100);
		assert_int_equal(look(o, 1, &other), HF_LOOKUP_STALE);
		run(o, 100 * HF_MS);
	}
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		assert_int_equal(look(o, w, &known), HF_LOOKUP_MISS); /* ask: it will be answered */
	assert_int_equal(ask(&o->clients[0], &known, 1000), 0);
	run(o, HF_SECOND);
	assert_int_equal(o->clients[0].answered[1000], 1);
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
	unsigned asked[STAGE_WORKERS] = {0};
	o->stage.cache_conf.failure = 0;
	for (unsigned i = 0; i < TICKETS; i++) {
		unsigned w = (unsigned)hf_sim_roll(o->stage.sim, STAGE_WORKERS);
		struct hf_question q = question_for(o, (unsigned)hf_sim_roll(o->stage.sim, 2),
			(unsigned)hf_sim_roll(o->stage.sim, 20));
		q.type = (uint16_t)(1 + hf_sim_roll(o->stage.sim, 3));
		asked[w] += ask(&o->clients[w], &q, i) == 0;
		if (i % 16 == 0) {
			struct stage_upstream *u =
				&o->stage.upstreams[hf_sim_roll(o->stage.sim, 2)];
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
		cmocka_unit_test_setup_teardown(
			past_the_bound_of_flights_asking_fails, open_small_office, close_office),
		AT_THE_OFFICE(a_budget_holds_in_any_100_ms_and_what_is_over_it_waits),
		AT_THE_OFFICE(upstreams_behind_one_interface_share_its_budget),
		AT_THE_OFFICE(what_the_budget_has_no_room_for_until_the_deadline_fails_for_that),
		AT_THE_OFFICE(a_budget_that_is_lifted_holds_nobody_back_for_long),
		AT_THE_OFFICE(who_stands_in_line_goes_as_soon_as_the_budget_is_lifted),
		AT_THE_OFFICE(who_asks_little_waits_for_his_turn_only),
		AT_THE_OFFICE(a_connection_under_a_small_budget_gets_its_packets),
		AT_THE_OFFICE(a_circuit_that_one_workers_questions_opened_is_open_for_the_other),
		AT_THE_OFFICE(five_lost_questions_are_not_five_for_each_worker),
		AT_THE_OFFICE(what_an_upstream_did_before_it_moved_is_not_held_against_it),
		AT_THE_OFFICE(what_is_held_good_is_so_for_all_who_ask),
		AT_THE_OFFICE(in_the_dark_stale_hits_probe_when_one_is_due_and_only_then),
		AT_THE_OFFICE(a_failure_from_before_an_upstream_came_back_is_void),
		AT_THE_OFFICE(flights_keep_the_plan_that_they_began_with),
		AT_THE_OFFICE(orders_are_carried_out_in_the_workers_thread),
		AT_THE_OFFICE(freeing_with_flights_up_and_mail_waiting_loses_nothing),
		AT_THE_OFFICE(a_storm_leaves_nothing_behind),
	};
	return cmocka_run_group_tests_name("worker", tests, NULL, NULL);
}
