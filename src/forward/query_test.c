/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MOST 4 /* upstreams of a test's route */
#define START (100 * HF_SECOND)

/* One question, its upstreams, and what the last step said. */
struct asked {
	struct hf_upstream_conf confs[MOST];
	struct hf_upstream_state states[MOST];
	struct hf_path paths[MOST];
	struct hf_outgoing_state outgoing;
	struct hf_outgoing_conf outgoing_conf;
	struct hf_candidate candidates[MOST];
	struct hf_choice choice;
	struct hf_route route;
	struct hf_query q;
	hf_us now;
	uint32_t dice;
	struct hf_action actions[HF_ACTIONS_MAX];
	size_t count;
	struct hf_diary *diary; /* NULL: none is kept */
};

static const struct hf_question question = {.name = {.len = 1}, .type = 1, .class = 1};
static const uint16_t slots[MOST] = {100, 101, 102, 103};
static const uint16_t indices[MOST] = {0, 1, 2, 3};

static void prepare(struct asked *t, uint16_t upstreams)
{
	memset(t, 0, sizeof *t);
	t->route = (struct hf_route){
		.upstreams = indices, .upstream_count = upstreams, .order = HF_ORDER_LISTED};
	t->now = START;
	for (unsigned i = 0; i < MOST; i++) {
		t->confs[i] = (struct hf_upstream_conf){.name = "u",
			.timeout_min = 20 * HF_MS,
			.timeout_max = 1500 * HF_MS,
			.failures_to_open = 5,
			.rest_min = 200 * HF_MS,
			.rest_max = 30 * HF_SECOND,
			.edns_size = 1232,
			.hedge = true,
			.retry = {10, 1000}};
		t->candidates[i] = (struct hf_candidate){&t->confs[i], &t->states[i], &t->paths[i]};
	}
	t->choice.of = t->candidates;
	t->outgoing_conf.retry = (struct hf_retry_conf){10, 1000};
	hf_query_init(&t->q, 1, t->now);
}

static void step(struct asked *t, const struct hf_query_event *event)
{
	t->choice.touched_count = 0;
	const struct hf_query_env env = {&t->route, &t->choice, &t->outgoing, &t->outgoing_conf,
		t->now, t->dice, t->diary, &question, slots, 7};
	t->count = hf_query_step(&t->q, &env, event, t->actions);
}

static const struct hf_action *find(const struct asked *t, enum hf_action_kind kind)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->actions[i].kind == kind)
			return &t->actions[i];
	return NULL;
}

static unsigned count(const struct asked *t, enum hf_action_kind kind)
{
	unsigned n = 0;
	for (size_t i = 0; i < t->count; i++)
		n += t->actions[i].kind == kind;
	return n;
}

/* The one message of the last step. */
static const struct hf_action *sent(const struct asked *t)
{
	assert_int_equal(count(t, HF_ACT_SEND), 1);
	return find(t, HF_ACT_SEND);
}

static void assert_sent(const struct asked *t, unsigned upstream, enum hf_channel channel)
{
	assert_int_equal(sent(t)->upstream, upstream);
	assert_int_equal(sent(t)->channel, channel);
}

static void start(struct asked *t)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_START});
}

static void reply_ede(struct asked *t, unsigned attempt, enum hf_verdict verdict, int32_t ede)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
			.attempt = attempt,
			.verdict = verdict,
			.ede = ede});
}

static void reply(struct asked *t, unsigned attempt, enum hf_verdict verdict)
{
	reply_ede(t, attempt, verdict, HF_EDE_NONE);
}

static void lose(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_LOST,
			.attempt = attempt,
			.outcome = HF_OUTCOME_UNREACHABLE});
}

static void doubt(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_DOUBT, .attempt = attempt});
}

/* Lets time pass until the armed instant. */
static void wait(struct asked *t)
{
	const struct hf_action *arm = find(t, HF_ACT_ARM);
	assert_non_null(arm);
	assert_true(arm->due > t->now);
	t->now = arm->due;
	step(t, &(struct hf_query_event){.kind = HF_QUERY_TIMER});
}

static void assert_failed(const struct asked *t, enum hf_query_cause cause, int32_t ede)
{
	const struct hf_action *fail = find(t, HF_ACT_FAIL);
	assert_non_null(fail);
	assert_int_equal(fail->cause, cause);
	assert_int_equal(fail->ede, ede);
	assert_true(t->q.done);
	assert_null(find(t, HF_ACT_ARM));
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t->states[i].in_flight, 0);
}

static void assert_over(const struct asked *t)
{
	assert_true(t->q.done);
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t->states[i].in_flight, 0);
}

/* Lets time pass until those have been listened to that have not answered. */
static void listen_on(struct asked *t)
{
	assert_true(t->q.answered);
	while (!t->q.done) {
		wait(t);
		assert_int_equal(t->count, !t->q.done); /* arms its timer, and nothing else */
	}
	assert_over(t);
}

static void answer(struct asked *t, unsigned attempt)
{
	reply(t, attempt, HF_VERDICT_ANSWER);
	assert_int_equal(count(t, HF_ACT_ANSWER), 1);
	assert_int_equal(find(t, HF_ACT_ANSWER)->attempt, attempt);
}

static void grant(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_GRANT, .attempt = attempt});
}

static void evict(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_EVICT, .attempt = attempt});
}

/* A new question to the same upstreams. */
static void ask_anew(struct asked *t, uint32_t name)
{
	hf_query_init(&t->q, name, t->now);
	start(t);
}

/* It has always taken so long. */
static void takes(struct asked *t, unsigned upstream, hf_us took)
{
	for (int i = 0; i < 20; i++)
		hf_rtt_sample(&t->paths[upstream].rtt, took, t->now);
}

/* Its budget is 100 packets a second, and spent for now. */
static void fill(struct asked *t, unsigned upstream)
{
	t->states[upstream].limit = 100;
	hf_budget_room(&t->states[upstream].budget, 100, t->now);
	hf_budget_spend(&t->states[upstream].budget, 10, t->now);
}

/* It is one packet a second, and spent for the next one. */
static void fill_for_a_second(struct asked *t, unsigned upstream)
{
	t->states[upstream].limit = 1;
	hf_budget_room(&t->states[upstream].budget, 1, t->now);
	hf_budget_spend(&t->states[upstream].budget, 1, t->now);
}

/* Its time-out is long enough that a hedge comes before it. */
static void hedgeable(struct asked *t, unsigned upstream)
{
	t->confs[upstream].timeout_min = 300 * HF_MS;
	takes(t, upstream, 30 * HF_MS);
}

/* It rests until then. */
static void rest_until(struct asked *t, unsigned upstream, hf_us until)
{
	t->states[upstream].health = (struct hf_health){
		.state = HF_HEALTH_OPEN, .rests = 1, .since = t->now, .until = until};
}

static void an_answer_ends_it(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_true(sent(&t)->edns_size);
	assert_int_equal(t.states[0].in_flight, 1);
	unsigned attempt = sent(&t)->attempt;
	t.now += 7 * HF_MS;
	reply(&t, attempt, HF_VERDICT_ANSWER);
	assert_int_equal(t.count, 1);
	assert_int_equal(find(&t, HF_ACT_ANSWER)->attempt, attempt);
	assert_int_equal(t.states[0].in_flight, 0);
	assert_int_equal(t.paths[0].rtt.srtt, 7 * HF_MS);
	assert_int_equal(t.states[0].answered, t.now);
}

static void the_fastest_is_asked_first_unless_the_order_is_listed(void **state)
{
	struct asked t;
	(void)state;
	for (int listed = 0; listed < 2; listed++) {
		prepare(&t, 2);
		t.route.order = listed ? HF_ORDER_LISTED : HF_ORDER_FASTEST;
		hf_rtt_sample(&t.paths[0].rtt, 50 * HF_MS, t.now);
		hf_rtt_sample(&t.paths[1].rtt, 5 * HF_MS, t.now);
		start(&t);
		assert_sent(&t, !listed, HF_CHANNEL_UDP);
	}
}

static void silence_brings_the_next_and_a_late_answer_is_still_an_answer(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	unsigned first = sent(&t)->attempt;
	assert_int_equal(find(&t, HF_ACT_ARM)->due, START + 400 * HF_MS);
	wait(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_int_not_equal(sent(&t)->attempt, first);
	assert_int_equal(t.states[0].in_flight, 1);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 1);
	assert_int_equal(t.paths[0].rtt.backoff, 1);
	t.now += HF_MS;
	reply(&t, first, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 0);
	listen_on(&t);
}

static void a_timer_that_comes_early_changes_nothing(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	hf_us due = find(&t, HF_ACT_ARM)->due;
	t.now = due - 1;
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_TIMER});
	assert_int_equal(t.count, 1);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, due);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 0);
}

static void who_cannot_answer_is_not_asked_again(void **state)
{
	static const struct {
		enum hf_verdict verdict;
		enum hf_query_cause cause;
		int32_t ede;
	} rows[] = {
		{HF_VERDICT_SERVFAIL, HF_CAUSE_SERVFAIL, HF_EDE_OTHER},
		{HF_VERDICT_REFUSED, HF_CAUSE_REFUSED, HF_EDE_NO_REACHABLE_AUTHORITY},
		{HF_VERDICT_LAME, HF_CAUSE_LAME, HF_EDE_NO_REACHABLE_AUTHORITY},
		{HF_VERDICT_GARBAGE, HF_CAUSE_GARBAGE, HF_EDE_INVALID_DATA},
	};
	struct asked t;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		prepare(&t, 2);
		start(&t);
		reply(&t, sent(&t)->attempt, rows[i].verdict);
		assert_sent(&t, 1, HF_CHANNEL_UDP);
		reply(&t, sent(&t)->attempt, rows[i].verdict);
		assert_int_equal(count(&t, HF_ACT_SEND), 0);
		assert_failed(&t, rows[i].cause, rows[i].ede);
		assert_int_equal(find(&t, HF_ACT_FAIL)->upstream, 1);
		/* A failing name is no failing upstream, but garbage is. */
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_GARBAGE],
			rows[i].verdict == HF_VERDICT_GARBAGE);
		assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
	}
}

static void who_lies_is_passed_over_and_its_health_is_none_the_worse(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 3);
	t.paths[0].health.run[HF_OUTCOME_BEATEN] = 3;
	start(&t);
	reply(&t, 0, HF_VERDICT_LIE); /* that is no matter of tokens */
	assert_int_equal(sent(&t)->reason, HF_SEND_FOLLOW);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
	assert_int_equal(t.states[0].answered, t.now);
	reply(&t, 1, HF_VERDICT_LIE);
	assert_int_equal(sent(&t)->reason, HF_SEND_FOLLOW);
	answer(&t, 2);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(t.paths[i].health.state, HF_HEALTH_CLOSED);
}

static void when_all_lie_or_are_silent_the_lie_is_what_is_told(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	reply(&t, 0, HF_VERDICT_LIE);
	while (!t.q.done)
		wait(&t);
	assert_failed(&t, HF_CAUSE_LIE, HF_EDE_OTHER);
	assert_int_equal(find(&t, HF_ACT_FAIL)->upstream, 0);
	assert_int_equal(t.q.tries[0], 1); /* it is not asked again */
}

static void a_retired_address_is_no_lie_but_another_upstream_is_asked(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	t.paths[0].health.run[HF_OUTCOME_BEATEN] = 3;
	start(&t);
	reply(&t, 0, HF_VERDICT_RETIRED);
	assert_false(t.q.done);
	assert_int_equal(t.q.tries[1], 1);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
	reply(&t, 1, HF_VERDICT_RETIRED);
	assert_failed(&t, HF_CAUSE_RETIRED, HF_EDE_FILTERED);
	assert_true(t.q.done);
	assert_int_equal(t.q.tries[0], 1);
}

static void what_no_client_may_have_is_asked_of_nobody_else(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	t.paths[0].health.run[HF_OUTCOME_BEATEN] = 3;
	start(&t);
	reply(&t, 0, HF_VERDICT_BLOCKED);
	assert_failed(&t, HF_CAUSE_BLOCKED, HF_EDE_BLOCKED);
	assert_true(t.q.done);
	assert_int_equal(t.q.tries[1], 0);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
}

static void what_is_blocked_ends_the_question_though_another_was_asked_too(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	hedgeable(&t, 0);
	start(&t);
	wait(&t);
	assert_int_equal(t.q.sends, 2);
	reply(&t, 1, HF_VERDICT_BLOCKED);
	assert_failed(&t, HF_CAUSE_BLOCKED, HF_EDE_BLOCKED);
	assert_true(t.q.done);
}

static void a_lie_after_the_answer_changes_nothing(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	hedgeable(&t, 0);
	start(&t);
	wait(&t);
	answer(&t, 1);
	t.paths[0].health.run[HF_OUTCOME_BEATEN] = 3;
	reply(&t, 0, HF_VERDICT_LIE);
	assert_true(t.q.done);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
}

static void an_upstreams_own_reason_is_handed_on(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	reply_ede(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL, HF_EDE_BOGUS);
	assert_failed(&t, HF_CAUSE_SERVFAIL, HF_EDE_BOGUS);
}

static void what_was_said_of_the_name_outweighs_anothers_silence(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	reply_ede(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL, HF_EDE_BOGUS);
	while (!t.q.done)
		wait(&t);
	assert_failed(&t, HF_CAUSE_SERVFAIL, HF_EDE_BOGUS);
	assert_int_equal(t.now, START + HF_QUERY_DEADLINE);
}

static void who_knows_no_edns_is_asked_without_it(void **state)
{
	static const enum hf_verdict verdicts[] = {HF_VERDICT_FORMERR, HF_VERDICT_NOTIMP};
	struct asked t;
	(void)state;
	for (int i = 0; i < 2; i++) {
		prepare(&t, 2);
		start(&t);
		reply(&t, sent(&t)->attempt, verdicts[i]);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		assert_false(sent(&t)->edns_size);
		reply(&t, sent(&t)->attempt, verdicts[i]);
		assert_sent(&t, 1, HF_CHANNEL_UDP);
		assert_true(sent(&t)->edns_size);
		reply(&t, sent(&t)->attempt, HF_VERDICT_REFUSED);
		assert_failed(&t, HF_CAUSE_REFUSED, HF_EDE_NO_REACHABLE_AUTHORITY);
	}
}

static void asking_in_another_way_is_no_new_try(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_FORMERR);
	assert_int_equal(t.q.tries[0], 1);
	assert_int_equal(t.q.sends, 2);
}

static void a_truncated_answer_is_fetched_over_tcp(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	/* A connection takes longer than a datagram. */
	assert_true(find(&t, HF_ACT_ARM)->due >= t.now + 250 * HF_MS);
	reply(&t, sent(&t)->attempt, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
	/* The time of a connection is no round trip of UDP. */
	assert_int_equal(t.paths[0].rtt.srtt, 1);
}

static void truncated_over_tcp_is_garbage(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	reply(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL);
	assert_failed(&t, HF_CAUSE_SERVFAIL, HF_EDE_OTHER);
	assert_true(t.q.barred & 1);
}

static void an_upstream_set_to_tcp_never_hears_a_datagram(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.confs[0].channel = HF_CHANNEL_TCP;
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	wait(&t);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
}

static void who_cannot_be_reached_is_passed_over_at_once(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	lose(&t, sent(&t)->attempt);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_UNREACHABLE], 1);
	assert_int_equal(t.states[0].in_flight, 0);
}

/* A firewall that lets datagrams through and no connections: whoever asks for large answers
 * would else take everybody's upstream out of use. */
static void what_is_refused_over_tcp_alone_is_no_news_of_an_upstream_asked_over_udp(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	for (uint32_t name = 0; name < 10; name++) {
		ask_anew(&t, name);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		t.now += HF_MS;
		reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
		for (unsigned i = 0; i < 3; i++) {
			assert_sent(&t, 0, HF_CHANNEL_TCP);
			t.now += HF_MS;
			lose(&t, sent(&t)->attempt);
			assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
			assert_int_equal(t.states[0].health.run[HF_OUTCOME_UNREACHABLE], 0);
			wait(&t);
		}
	}
}

/* ... but if it has said nothing over UDP either, it is. */
static void what_is_refused_over_tcp_after_silence_is_news(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	while (sent(&t)->channel == HF_CHANNEL_UDP)
		wait(&t);
	lose(&t, sent(&t)->attempt);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_UNREACHABLE], 1);
}

/* There are servers that close after each answer: those who waited behind it on the same
 * connection are asked for anew, and it is not gone. */
static void a_connection_that_ends_behind_an_answer_is_no_news(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.confs[0].channel = HF_CHANNEL_TCP;
	start(&t);
	t.now += HF_MS;
	t.states[0].answered = t.now; /* another question */
	lose(&t, sent(&t)->attempt);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_UNREACHABLE], 0);
	wait(&t);
	lose(&t, sent(&t)->attempt);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_UNREACHABLE], 1);
}

static void nobody_to_reach_means_pauses_that_grow_until_the_deadline(void **state)
{
	struct asked t;
	hf_us pause = 0;
	unsigned pauses = 0;
	(void)state;
	prepare(&t, 1);
	t.confs[0].failures_to_open = 100;
	start(&t);
	while (!t.q.done) {
		if (find(&t, HF_ACT_SEND)) {
			lose(&t, sent(&t)->attempt);
			assert_int_equal(count(&t, HF_ACT_SEND), 0);
			hf_us next = find(&t, HF_ACT_ARM)->due - t.now;
			assert_true(next >= pause || t.now + next == t.q.deadline);
			pause = next;
			pauses++;
		}
		wait(&t);
	}
	assert_true(pauses >= 4 && pauses <= HF_SENDS_MAX);
	assert_int_equal(t.now, START + HF_QUERY_DEADLINE);
	assert_failed(&t, HF_CAUSE_UNREACHABLE, HF_EDE_NETWORK_ERROR);
}

static void a_pause_is_not_cut_short_by_other_news(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	unsigned silent = sent(&t)->attempt;
	wait(&t); /* the first is late, the second is asked */
	lose(&t, sent(&t)->attempt);
	if (find(&t, HF_ACT_SEND)) { /* the first once more */
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		reply(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL);
	}
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	hf_us due = find(&t, HF_ACT_ARM)->due;
	assert_true(due > t.now);
	t.now += HF_MS;
	reply(&t, silent, HF_VERDICT_SERVFAIL);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, due);
	wait(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

static void who_refused_twice_is_not_taken_for_one_that_loses_large_answers(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	for (int i = 0; i < 3; i++) {
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		lose(&t, sent(&t)->attempt);
		wait(&t);
	}
	assert_sent(&t, 0, HF_CHANNEL_UDP);
}

static void silent_again_and_again_over_udp_is_tried_over_tcp(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	wait(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	wait(&t);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
}

static void a_probe_of_one_that_is_dark_is_no_connection_but_for_one_in_64(void **state)
{
	struct asked t;
	(void)state;
	for (uint32_t rests = 1; rests < 200; rests++) {
		prepare(&t, 1);
		t.states[0].health = (struct hf_health){
			.state = HF_HEALTH_OPEN, .until = START, .since = START, .rests = rests};
		t.q.tries[0] = 2;
		start(&t);
		assert_sent(&t, 0, rests % 64 == 63 ? HF_CHANNEL_TCP : HF_CHANNEL_UDP);
	}
}

static void silent_to_us_while_it_answers_others_is_tried_over_tcp(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	t.states[0].answered = t.now + 1;
	wait(&t);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
}

static void a_doubtful_reply_is_checked_over_tcp_once_beside_the_first(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	unsigned first = sent(&t)->attempt;
	doubt(&t, first);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	assert_int_not_equal(sent(&t)->attempt, first);
	unsigned second = sent(&t)->attempt;
	for (int i = 0; i < 100; i++) {
		doubt(&t, first);
		assert_int_equal(count(&t, HF_ACT_SEND), 0);
		assert_non_null(find(&t, HF_ACT_ARM));
	}
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 0);
	assert_true(t.q.attempts[first].open && t.q.attempts[second].open);
	answer(&t, first);
	assert_int_equal(t.states[0].in_flight, 1); /* the other one, over TCP */
	listen_on(&t);
}

/* An upstream with an open circuit whose rest is over. */
/* ---- cookies ---- */

static void give_cookies(struct asked *t)
{
	static const struct hf_hash_key key = {1, 2};
	for (unsigned i = 0; i < MOST; i++) {
		const struct hf_address at = {.family = 4, .bytes = {192, 0, 2, (uint8_t)i}};
		t->confs[i].cookies = true;
		hf_cookie_begin(&t->states[i].cookie, &key, &at);
	}
}

/* With the upstream's eight octets behind ours. */
static void reply_with_cookie(struct asked *t, unsigned attempt, enum hf_verdict verdict)
{
	uint8_t cookie[16];
	memcpy(cookie, t->q.attempts[attempt].client, 8);
	memset(cookie + 8, 0xee, 8);
	step(t, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
			.attempt = attempt,
			.verdict = verdict,
			.found = HF_COOKIE_GOOD,
			.cookie = cookie,
			.cookie_len = sizeof cookie,
			.ede = HF_EDE_NONE});
}

static void miss_cookie(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){
			.kind = HF_QUERY_DOUBT, .attempt = attempt, .found = HF_COOKIE_MISSING});
}

static void a_question_goes_out_with_our_cookie_and_then_with_the_upstreams_too(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	give_cookies(&t);
	start(&t);
	assert_int_equal(sent(&t)->cookie_len, 8);
	assert_false(t.q.attempts[0].cookie_due);
	reply_with_cookie(&t, 0, HF_VERDICT_ANSWER);
	ask_anew(&t, 2);
	assert_int_equal(sent(&t)->cookie_len, 16);
	assert_true(t.q.attempts[0].cookie_due);
}

static void none_goes_to_whom_it_is_of_no_use_to_or_forbidden(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	give_cookies(&t);
	t.confs[0].cookies = false;
	start(&t);
	assert_int_equal(sent(&t)->cookie_len, 0);
	t.confs[0].cookies = true;
	t.confs[0].channel = HF_CHANNEL_TLS;
	ask_anew(&t, 2);
	assert_int_equal(sent(&t)->cookie_len, 0);
	t.confs[0].channel = HF_CHANNEL_UDP;
	hf_size_plain(&t.states[0].size, t.now);
	ask_anew(&t, 3);
	assert_int_equal(sent(&t)->cookie_len, 0);
	assert_false(t.q.attempts[0].cookie);
}

static void badcookie_is_asked_again_once_with_the_new_cookie_then_over_tcp(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	give_cookies(&t);
	start(&t);
	reply_with_cookie(&t, 0, HF_VERDICT_BADCOOKIE);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_int_equal(sent(&t)->cookie_len, 16);
	reply_with_cookie(&t, 1, HF_VERDICT_BADCOOKIE);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	reply_with_cookie(&t, 2, HF_VERDICT_BADCOOKIE); /* that is no way to talk */
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	answer(&t, 3);
}

static void a_reply_without_the_cookie_that_is_due_is_checked_over_tcp(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	give_cookies(&t);
	start(&t);
	reply_with_cookie(&t, 0, HF_VERDICT_ANSWER);
	ask_anew(&t, 2);
	miss_cookie(&t, 0); /* a forgery: */
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	assert_true(t.q.attempts[0].open);
	miss_cookie(&t, 0);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	reply_with_cookie(&t, 1, HF_VERDICT_ANSWER); /* it still gives them */
	assert_true(hf_cookie_due(&t.states[0].cookie, t.now));
	ask_anew(&t, 3);
	miss_cookie(&t, 0);
	answer(&t, 1); /* it does not any more */
	assert_false(hf_cookie_due(&t.states[0].cookie, t.now));
}

static void tcp_without_a_cookie_for_another_reason_lets_nobody_off(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	give_cookies(&t);
	start(&t);
	reply_with_cookie(&t, 0, HF_VERDICT_ANSWER);
	ask_anew(&t, 2);
	reply_with_cookie(&t, 0, HF_VERDICT_TRUNCATED);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	answer(&t, 1);
	assert_true(hf_cookie_due(&t.states[0].cookie, t.now));
}

/* It does no cookies any more, and TCP, which would say so, does not get through. */
static void where_tcp_says_nothing_a_cookie_is_due_for_three_questions_more(void **state)
{
	struct asked t;
	(void)state;
	for (int silent = 0; silent < 2; silent++) {
		prepare(&t, 1);
		give_cookies(&t);
		t.confs[0].failures_to_open = 1000;
		start(&t);
		reply_with_cookie(&t, 0, HF_VERDICT_ANSWER);
		for (uint32_t name = 2; name <= 4; name++) {
			assert_true(hf_cookie_due(&t.states[0].cookie, t.now));
			ask_anew(&t, name);
			miss_cookie(&t, 0);
			assert_sent(&t, 0, HF_CHANNEL_TCP);
			while (!t.q.done) { /* however often it is tried for one of them */
				if (find(&t, HF_ACT_SEND) && !silent)
					lose(&t, sent(&t)->attempt);
				wait(&t);
			}
		}
		assert_false(hf_cookie_due(&t.states[0].cookie, t.now));
	}
}

static void a_good_cookie_between_lets_nobody_off(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	give_cookies(&t);
	start(&t);
	reply_with_cookie(&t, 0, HF_VERDICT_ANSWER);
	for (uint32_t name = 2; name < 12; name++) {
		ask_anew(&t, name);
		miss_cookie(&t, 0); /* forged */
		lose(&t, sent(&t)->attempt);
		reply_with_cookie(&t, 0, HF_VERDICT_ANSWER);
		assert_true(hf_cookie_due(&t.states[0].cookie, t.now));
	}
}

static void who_answers_only_without_a_cookie_is_asked_without_soon(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	give_cookies(&t);
	for (uint32_t name = 1; name <= 3; name++) {
		ask_anew(&t, name);
		assert_int_equal(sent(&t)->cookie_len, 8);
		while (!count(&t, HF_ACT_SEND) || sent(&t)->cookie_len)
			wait(&t);
		answer(&t, sent(&t)->attempt);
		t.now += 60 * HF_SECOND;
	}
	ask_anew(&t, 4);
	assert_int_equal(sent(&t)->cookie_len, 0);
}

static void rest(struct asked *t, unsigned upstream)
{
	t->states[upstream].health = (struct hf_health){.state = HF_HEALTH_OPEN, .rests = 1};
}

static void a_rested_upstream_gets_a_copy_whose_answer_counts(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 3);
	rest(&t, 1);
	rest(&t, 2);
	start(&t);
	assert_int_equal(count(&t, HF_ACT_SEND), 2);
	assert_int_equal(t.actions[0].upstream, 0);
	assert_int_equal(t.actions[1].upstream, 1);
	assert_int_equal(t.states[1].health.state, HF_HEALTH_PROBING);
	assert_int_equal(t.states[2].health.state, HF_HEALTH_OPEN);
	reply(&t, t.actions[1].attempt, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
	assert_int_equal(t.states[1].health.state, HF_HEALTH_CLOSED);
	listen_on(&t);
}

static void nobody_waits_for_a_probe(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 3);
	rest(&t, 2);
	start(&t);
	unsigned first = t.actions[0].attempt;
	assert_int_equal(t.actions[1].upstream, 2);
	reply(&t, first, HF_VERDICT_SERVFAIL);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

static void a_probe_that_is_all_that_is_left_is_waited_for(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	rest(&t, 1);
	start(&t);
	unsigned probe = t.actions[1].attempt;
	reply(&t, t.actions[0].attempt, HF_VERDICT_SERVFAIL);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	assert_null(find(&t, HF_ACT_FAIL));
	assert_non_null(find(&t, HF_ACT_ARM));
	reply(&t, probe, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
}

/* ---- circuits ---- */

static void all_rest_it_waits_says_so_once_and_becomes_the_probe_that_is_due(void **state)
{
	struct asked t;
	unsigned late = 0;
	(void)state;
	prepare(&t, 2);
	rest_until(&t, 0, START + 700 * HF_MS);
	rest_until(&t, 1, START + 60 * HF_SECOND);
	t.q.patience = START + 10 * HF_SECOND;
	start(&t);
	for (; !find(&t, HF_ACT_SEND); wait(&t)) {
		assert_true(t.now < START + 700 * HF_MS);
		late += count(&t, HF_ACT_LATE);
	}
	assert_int_equal(late, 1);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_int_equal(sent(&t)->reason, HF_SEND_FIRST);
	/* Not in step with all the others, but soon. */
	assert_in_range(t.now, START + 700 * HF_MS, START + 900 * HF_MS);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_PROBING);
	answer(&t, sent(&t)->attempt);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
	assert_over(&t);
}

static void nobody_in_use_makes_a_probe_due_after_a_second(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (unsigned i = 0; i < 2; i++)
		rest_until(&t, i, START + 60 * HF_SECOND);
	start(&t);
	while (!find(&t, HF_ACT_SEND))
		wait(&t);
	assert_in_range(t.now, START + HF_SECOND, START + 1400 * HF_MS);
}

static void who_answers_for_no_name_of_the_zone_is_not_asked_nor_waited_for(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	t.q.patience = START + HF_SECOND;
	for (unsigned i = 0; i < 2; i++)
		hf_lame_proven(&t.paths[i].lame, 30 * HF_SECOND, 0, t.now);
	start(&t);
	assert_null(find(&t, HF_ACT_SEND));
	assert_failed(&t, HF_CAUSE_NO_NAME, HF_EDE_NO_REACHABLE_AUTHORITY);
	/* Another is asked, and one that merely rests is waited for. */
	prepare(&t, 2);
	hf_lame_proven(&t.paths[0].lame, 30 * HF_SECOND, 0, t.now);
	start(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	prepare(&t, 2);
	hf_lame_proven(&t.paths[0].lame, 30 * HF_SECOND, 0, t.now);
	rest_until(&t, 1, START + 5 * HF_SECOND);
	start(&t);
	assert_null(find(&t, HF_ACT_FAIL));
	/* A question of our own goes there all the same. */
	prepare(&t, 1);
	hf_lame_proven(&t.paths[0].lame, 30 * HF_SECOND, 0, t.now);
	t.q.own = true;
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_true(hf_lame_rests(&t.paths[0].lame, t.now));
}

static void after_its_rest_one_question_is_the_trial_and_an_answer_ends_it(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.route.rest_lame = true;
	hf_lame_proven(&t.paths[0].lame, 30 * HF_SECOND, 0, t.now);
	t.now += HF_SECOND;
	hf_query_init(&t.q, 1, t.now);
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_true(hf_lame_rests(&t.paths[0].lame, t.now)); /* for all others */
	struct asked other;
	prepare(&other, 1);
	other.paths[0].lame = t.paths[0].lame;
	other.now = t.now;
	hf_query_init(&other.q, 3, other.now);
	start(&other);
	assert_null(find(&other, HF_ACT_SEND));
	assert_null(find(&other, HF_ACT_FAIL)); /* they wait for what comes of it */
	other.paths[0].lame.on_trial = false;
	hf_query_init(&other.q, 4, other.now);
	start(&other);
	assert_failed(&other, HF_CAUSE_NO_NAME, HF_EDE_NO_REACHABLE_AUTHORITY);
	reply(&t, sent(&t)->attempt, HF_VERDICT_REFUSED);
	assert_failed(&t, HF_CAUSE_REFUSED, HF_EDE_NO_REACHABLE_AUTHORITY);
	assert_true(hf_lame_wants_proof(&t.paths[0].lame, t.now));
	t.now += 2 * HF_SECOND;
	hf_query_init(&t.q, 2, t.now);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_ANSWER);
	assert_int_equal(t.paths[0].lame.times, 0);
}

static void resting_to_the_deadline_is_the_cause(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.states[0].health = (struct hf_health){.state = HF_HEALTH_PROBING,
		.until = START + 60 * HF_SECOND}; /* somebody else's, and no end of it */
	start(&t);
	while (!t.q.done) {
		assert_null(find(&t, HF_ACT_SEND));
		wait(&t);
	}
	assert_int_equal(t.now, START + HF_QUERY_DEADLINE);
	assert_failed(&t, HF_CAUSE_RESTING, HF_EDE_NO_REACHABLE_AUTHORITY);
}

static void a_probe_takes_a_token(void **state)
{
	struct asked t;
	(void)state;
	for (int all = 0; all < 2; all++) {
		prepare(&t, 2);
		rest(&t, 1);
		if (all)
			t.outgoing_conf.retry = (struct hf_retry_conf){0, 0};
		else
			t.confs[1].retry = (struct hf_retry_conf){0, 0};
		start(&t);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
	}
}

static void a_probe_stands_in_no_line(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	rest(&t, 1);
	fill(&t, 1);
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_null(find(&t, HF_ACT_QUEUE));
}

static void servfail_counts_against_a_path_only_if_another_answered(void **state)
{
	struct asked t;
	(void)state;
	for (int answers = 0; answers < 2; answers++) {
		prepare(&t, 2);
		start(&t);
		reply(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL);
		reply(&t, sent(&t)->attempt, answers ? HF_VERDICT_ANSWER : HF_VERDICT_SERVFAIL);
		assert_over(&t);
		assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], answers);
		/* Never against the upstream: it answers. */
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 0);
		assert_int_equal(t.paths[1].health.run[HF_OUTCOME_BEATEN], 0);
	}
}

static void a_zone_that_an_upstream_cannot_serve_is_no_longer_asked_of_it(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (uint32_t name = 0; name < 5; name++) {
		ask_anew(&t, name);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		reply(&t, sent(&t)->attempt, HF_VERDICT_REFUSED);
		answer(&t, sent(&t)->attempt);
	}
	assert_int_equal(t.paths[0].health.state, HF_HEALTH_OPEN);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
	ask_anew(&t, 5);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

/* ---- what is held ---- */

static void hold(struct asked *t, unsigned attempt, bool wished, bool proving)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_HELD,
			.attempt = attempt,
			.ede = HF_EDE_NONE,
			.wished = wished,
			.proving = proving});
}

static void go_on(struct asked *t)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_GO_ON});
}

static void assert_settled(const struct asked *t, enum hf_trial_left left)
{
	assert_non_null(find(t, HF_ACT_SETTLE));
	assert_int_equal(find(t, HF_ACT_SETTLE)->left, left);
}

static void what_is_held_counts_as_answered_and_others_are_asked_without_a_token(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (unsigned i = 0; i < MOST; i++)
		t.confs[i].retry = (struct hf_retry_conf){0, 0};
	start(&t);
	t.now += 10 * HF_MS;
	hold(&t, 0, true, false);
	assert_int_equal(t.states[0].in_flight, 0);
	assert_int_equal(t.states[0].answered, t.now);
	assert_true(t.paths[0].rtt.srtt > 0);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	go_on(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	hold(&t, 1, true, false);
	reply(&t, 0, HF_VERDICT_ANSWER);
	assert_int_equal(find(&t, HF_ACT_ANSWER)->attempt, 0);
	assert_over(&t);
}

static void a_second_opinion_that_nobody_wished_for_takes_a_token(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (unsigned i = 0; i < MOST; i++)
		t.confs[i].retry = (struct hf_retry_conf){0, 0};
	start(&t);
	hold(&t, 0, false, true);
	go_on(&t);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	reply(&t, 0, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
}

static void when_only_those_asked_in_vain_are_left_that_is_said_once(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	hold(&t, 0, true, false);
	go_on(&t);
	wait(&t); /* the second is silent */
	assert_settled(&t, HF_LEFT_SLOW);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	go_on(&t); /* then it is asked again */
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	while (!find(&t, HF_ACT_SETTLE))
		wait(&t);
	assert_settled(&t, HF_LEFT_NO_TIME);
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_DROP, .attempt = 0});
	assert_failed(&t, HF_CAUSE_DOUBTED, HF_EDE_OTHER);
}

static void when_nobody_is_left_what_is_held_is_all_there_is(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	hold(&t, 0, true, false);
	go_on(&t);
	assert_settled(&t, HF_LEFT_SLOW);
	go_on(&t);
	assert_settled(&t, HF_LEFT_NONE);
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_DROP, .attempt = 0});
	assert_failed(&t, HF_CAUSE_DOUBTED, HF_EDE_OTHER);
}

static void while_a_proof_takes_long_another_is_asked_once(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	hold(&t, 0, false, true);
	wait(&t);
	assert_int_equal(t.now, START + 250 * HF_MS);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	hold(&t, 1, false, true);
	reply(&t, 0, HF_VERDICT_LIE);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	reply(&t, 1, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
}

static void what_is_held_at_its_end_may_still_be_a_lie(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	hold(&t, 0, false, true);
	reply(&t, 0, HF_VERDICT_LIE);
	assert_failed(&t, HF_CAUSE_LIE, HF_EDE_OTHER);
}

/* ---- hedges ---- */

static void a_hedge_goes_after_the_percentile_and_the_first_stays_open(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	hedgeable(&t, 0);
	hedgeable(&t, 1);
	start(&t);
	unsigned first = sent(&t)->attempt;
	hf_us p95 = hf_rtt_p95(&t.paths[0].rtt);
	assert_in_range(p95, 30 * HF_MS, 36 * HF_MS);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, START + p95);
	t.now = START + p95 - 1;
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_TIMER});
	assert_null(find(&t, HF_ACT_SEND));
	wait(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_int_equal(sent(&t)->reason, HF_SEND_HEDGE);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 0); /* it is not late */
	t.now += HF_MS;
	answer(&t, first);
	listen_on(&t);
}

static void a_hedge_is_sent_once(void **state)
{
	struct asked t;
	unsigned sends = 0;
	(void)state;
	prepare(&t, 3);
	for (unsigned i = 0; i < 3; i++) {
		hedgeable(&t, i);
		t.confs[i].timeout_min = HF_SECOND;
	}
	for (start(&t); t.now < START + 900 * HF_MS; wait(&t))
		sends += count(&t, HF_ACT_SEND);
	assert_int_equal(sends, 3); /* each of them was worth one, for another */
}

static void there_is_no_hedge_sooner_than_the_networks_jitter(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	takes(&t, 0, 200);
	start(&t);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, START + 10 * HF_MS);
}

static void who_is_not_to_be_hedged_or_not_known_is_waited_for(void **state)
{
	struct asked t;
	(void)state;
	for (int known = 0; known < 2; known++) {
		prepare(&t, 2);
		t.confs[0].hedge = !known;
		for (int i = 0; known ? i < 20 : i < 19; i++)
			hf_rtt_sample(&t.paths[0].rtt, 30 * HF_MS, t.now);
		start(&t);
		wait(&t);
		assert_int_equal(sent(&t)->reason, HF_SEND_RETRY);
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 1);
	}
}

static void a_hedge_wants_room_and_somebody_in_use(void **state)
{
	struct asked t;
	(void)state;
	for (int rests = 0; rests < 2; rests++) {
		prepare(&t, 2);
		hedgeable(&t, 0);
		if (rests)
			rest_until(&t, 1, START + 10 * HF_SECOND);
		else
			fill(&t, 1);
		start(&t);
		wait(&t);
		assert_true(t.now < START + 40 * HF_MS);
		assert_null(find(&t, HF_ACT_SEND));
		assert_null(find(&t, HF_ACT_QUEUE));
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 0);
	}
}

static void a_hedge_takes_a_token_and_is_not_sent_without(void **state)
{
	struct asked t;
	(void)state;
	for (int all = 0; all < 2; all++) {
		prepare(&t, 2);
		hedgeable(&t, 0);
		if (all)
			t.outgoing_conf.retry = (struct hf_retry_conf){0, 1};
		else
			t.confs[1].retry = (struct hf_retry_conf){0, 1};
		start(&t);
		wait(&t);
		assert_int_equal(sent(&t)->reason, HF_SEND_HEDGE);
		answer(&t, sent(&t)->attempt);
		ask_anew(&t, 2); /* the token is spent */
		wait(&t);
		assert_null(find(&t, HF_ACT_SEND));
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_SILENT], 0);
	}
}

/* ---- tokens ---- */

static void what_went_out_again_over_another_connection_counts_as_sent(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	assert_int_equal(t.q.sends, 1);
	t.q.moves = HF_SENDS_MAX - 1;
	for (unsigned i = 0; i < 10 && !t.q.done; i++)
		wait(&t);
	assert_int_equal(t.q.sends, 1);
	assert_true(t.q.done);
}

/* What its route says of the first upstream's path. */
static void lay_over(struct asked *t, struct hf_upstream_conf *laid)
{
	*laid = t->confs[0];
	hf_route_lay_over(&t->route, laid);
	t->candidates[0].figures = laid;
}

static void time_outs_and_hedges_are_the_routes_where_it_says_so(void **state)
{
	struct hf_upstream_conf laid;
	struct asked t;
	(void)state;
	prepare(&t, 2);
	hedgeable(&t, 0);
	t.route.figures = (struct hf_route_figures){
		.timeout_min = 900 * HF_MS, .timeout_max = 1200 * HF_MS, .hedge = HF_HEDGE_NO};
	lay_over(&t, &laid);
	start(&t);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, START + 900 * HF_MS);
	wait(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	reply(&t, sent(&t)->attempt, HF_VERDICT_ANSWER);
	/* Who is late is listened to for the longest time-out: the route's. */
	assert_int_equal(find(&t, HF_ACT_ARM)->due, START + 1200 * HF_MS);
}

static void a_path_opens_by_its_routes_figures_and_the_upstream_by_its_own(void **state)
{
	struct hf_upstream_conf laid;
	struct asked t;
	(void)state;
	prepare(&t, 2);
	t.route.figures = (struct hf_route_figures){
		.failures_to_open = 3, .rest_min = 5 * HF_SECOND, .rest_max = 5 * HF_SECOND};
	lay_over(&t, &laid);
	t.dice = UINT32_MAX;
	for (uint32_t name = 1; name <= 3; name++) {
		hf_query_init(&t.q, name, t.now);
		start(&t);
		reply(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL);
		reply(&t, sent(&t)->attempt, HF_VERDICT_ANSWER);
		assert_int_equal(
			t.paths[0].health.state, name < 3 ? HF_HEALTH_CLOSED : HF_HEALTH_OPEN);
	}
	assert_in_range(t.paths[0].health.until, t.now + 4 * HF_SECOND, t.now + 5 * HF_SECOND);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
}

static void a_routes_retry_budget_holds_besides_the_upstreams(void **state)
{
	struct hf_upstream_conf laid;
	struct asked t;
	(void)state;
	for (int spent = 0; spent < 2; spent++) {
		prepare(&t, 2);
		t.route.figures.retry = (struct hf_retry_conf){1, 1};
		laid = t.confs[1];
		hf_route_lay_over(&t.route, &laid);
		t.candidates[0].figures = t.candidates[1].figures = &laid;
		t.now += 399 * HF_MS;
		if (spent)
			assert_true(hf_retry_take(&t.paths[1].retry, &laid.retry, t.now));
		t.now = START;
		start(&t);
		wait(&t);
		assert_int_equal(count(&t, HF_ACT_SEND), !spent);
		if (spent) { /* the upstream has any number of tokens; the route has one a second */
			wait(&t);
			assert_in_range(t.now, START + 1300 * HF_MS, START + 1430 * HF_MS);
		}
		assert_sent(&t, 1, HF_CHANNEL_UDP);
		assert_int_equal(sent(&t)->reason, HF_SEND_RETRY);
		assert_int_equal(hf_retry_saved(&t.paths[1].retry), 0);
	}
}

static void without_a_token_the_retry_waits_until_there_is_one(void **state)
{
	struct asked t;
	(void)state;
	for (int all = 0; all < 2; all++) {
		prepare(&t, 2);
		struct hf_retry_conf *conf = all ? &t.outgoing_conf.retry : &t.confs[1].retry;
		struct hf_retry *retry = all ? &t.outgoing.retry : &t.states[1].retry;
		*conf = (struct hf_retry_conf){0, 1};
		t.now += 399 * HF_MS;
		assert_true(hf_retry_take(retry, conf, t.now)); /* the next comes in a second */
		t.now = START;
		start(&t);
		wait(&t);
		assert_int_equal(t.now, START + 400 * HF_MS);
		assert_null(find(&t, HF_ACT_SEND));
		assert_null(find(&t, HF_ACT_FAIL));
		wait(&t);
		assert_in_range(t.now, START + 1399 * HF_MS, START + 1430 * HF_MS);
		assert_sent(&t, 1, HF_CHANNEL_UDP);
		assert_int_equal(sent(&t)->reason, HF_SEND_RETRY);
	}
}

static void one_that_is_well_and_may_be_asked_again_takes_the_place_of_one_that_may_not(
	void **state)
{
	struct asked t;
	(void)state;
	for (int well = 0; well < 2; well++) {
		prepare(&t, 2);
		t.confs[1].retry = (struct hf_retry_conf){0, 0};
		start(&t);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		t.states[0].answered = well ? START + HF_MS : START - HF_MS; /* another question */
		wait(&t);
		assert_int_equal(count(&t, HF_ACT_SEND), well);
		if (!well)
			continue;
		assert_int_equal(sent(&t)->upstream, 0);
		assert_int_equal(sent(&t)->reason, HF_SEND_RETRY);
		answer(&t, sent(&t)->attempt);
	}
}

static void who_waits_for_a_token_with_nothing_on_its_way_hears_what_is_at_hand(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	t.confs[1].retry = (struct hf_retry_conf){0, 0};
	t.q.patience = START + 2 * HF_SECOND;
	start(&t);
	lose(&t, sent(&t)->attempt);
	assert_int_equal(count(&t, HF_ACT_LATE), 1);
	while (!t.q.done) {
		wait(&t);
		assert_null(find(&t, HF_ACT_SEND));
		assert_null(find(&t, HF_ACT_LATE));
	}
	assert_failed(&t, HF_CAUSE_UNREACHABLE, HF_EDE_NETWORK_ERROR);
}

static void a_first_message_earns_the_tokens_for_its_retries(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 3);
	for (unsigned i = 0; i < 3; i++)
		t.confs[i].retry = (struct hf_retry_conf){100, 0};
	t.outgoing_conf.retry = (struct hf_retry_conf){100, 0};
	start(&t);
	lose(&t, sent(&t)->attempt);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	lose(&t, sent(&t)->attempt); /* upstream 2 has one to spend, all together have none */
	assert_null(find(&t, HF_ACT_SEND));
	assert_null(find(&t, HF_ACT_FAIL));
}

static void what_the_protocol_wants_takes_no_token(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.confs[0].retry = t.outgoing_conf.retry = (struct hf_retry_conf){0, 0};
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_FORMERR);
	assert_int_equal(sent(&t)->reason, HF_SEND_FOLLOW);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
	assert_sent(&t, 0, HF_CHANNEL_TCP);
	assert_int_equal(sent(&t)->reason, HF_SEND_FOLLOW);
	answer(&t, sent(&t)->attempt);
}

/* ---- TLS ---- */

static void prepare_tls(struct asked *t, uint16_t upstreams)
{
	prepare(t, upstreams);
	t->confs[0].channel = HF_CHANNEL_TLS;
}

static void met(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_REUSED, .attempt = attempt, .met = true});
}

static void distrust(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_LOST,
			.attempt = attempt,
			.outcome = HF_OUTCOME_UNTRUSTED});
}

static void an_upstream_over_tls_is_never_asked_in_plain_text(void **state)
{
	struct asked t;
	(void)state;
	prepare_tls(&t, 1);
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_TLS);
	doubt(&t, 0); /* which only a datagram can raise */
	for (unsigned i = 0; i < 200 && !t.q.done; i++) {
		if (count(&t, HF_ACT_SEND))
			assert_sent(&t, 0, HF_CHANNEL_TLS);
		wait(&t);
	}
	assert_true(t.q.done && t.q.sends > 2);
	ask_anew(&t, 2);
	reply(&t, sent(&t)->attempt, HF_VERDICT_FORMERR);
	assert_sent(&t, 0, HF_CHANNEL_TLS);
	assert_int_equal(sent(&t)->edns_size, 0);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED); /* where nothing can be too large */
	assert_failed(&t, HF_CAUSE_GARBAGE, HF_EDE_INVALID_DATA);
}

static void who_is_not_believed_is_not_asked_again_and_the_next_one_is_at_once(void **state)
{
	struct asked t;
	(void)state;
	prepare_tls(&t, 2);
	start(&t);
	distrust(&t, 0);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_OPEN);
	answer(&t, sent(&t)->attempt);
	ask_anew(&t, 2);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

static void a_question_that_only_one_could_answer_who_is_not_believed_fails_at_once(void **state)
{
	struct asked t;
	(void)state;
	prepare_tls(&t, 1);
	start(&t);
	distrust(&t, 0);
	assert_failed(&t, HF_CAUSE_UNTRUSTED, HF_EDE_NO_REACHABLE_AUTHORITY);
	t.dice = UINT32_MAX;
	ask_anew(&t, 2); /* while it rests */
	for (unsigned i = 0; i < 200 && !t.q.done; i++) {
		if (find(&t, HF_ACT_SEND))
			distrust(&t, sent(&t)->attempt);
		else
			wait(&t);
	}
	assert_failed(&t, HF_CAUSE_UNTRUSTED, HF_EDE_NO_REACHABLE_AUTHORITY);
}

static void what_leaves_on_an_open_connection_is_measured_and_a_handshake_is_not(void **state)
{
	struct asked t;
	(void)state;
	prepare_tls(&t, 1);
	start(&t);
	t.now += 90 * HF_MS;
	answer(&t, 0);
	assert_int_equal(t.paths[0].rtt.srtt, 0);
	ask_anew(&t, 2);
	met(&t, 0);
	t.now += 30 * HF_MS;
	answer(&t, 0);
	assert_int_equal(t.paths[0].rtt.srtt, 30 * HF_MS);
	ask_anew(&t, 3);
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_REUSED}); /* one that is shaking hands */
	t.now += 90 * HF_MS;
	answer(&t, 0);
	ask_anew(&t, 4);
	met(&t, 0);
	t.now += 150 * HF_MS;
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
			 .verdict = HF_VERDICT_ANSWER,
			 .ede = HF_EDE_NONE,
			 .moved = true}); /* the connection was replaced */
	assert_int_equal(t.paths[0].rtt.srtt, 30 * HF_MS);
}

static void over_tls_a_second_copy_is_sent_when_it_takes_longer_than_it_should(void **state)
{
	struct asked t;
	(void)state;
	prepare_tls(&t, 2);
	hedgeable(&t, 0);
	start(&t);
	met(&t, 0);
	hf_us p95 = hf_rtt_p95(&t.paths[0].rtt);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, t.now + p95);
	wait(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_int_equal(sent(&t)->reason, HF_SEND_HEDGE);
	answer(&t, 1);
	/* A handshake comes first: three times as long; if nothing is known, 0.3 s. */
	ask_anew(&t, 2);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, t.now + 3 * p95);
	prepare_tls(&t, 2);
	start(&t);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, t.now + 300 * HF_MS);
}

static void tls_costs_its_packets_and_an_open_connection_gives_most_of_them_back(void **state)
{
	struct asked t;
	(void)state;
	prepare_tls(&t, 1);
	t.states[0].limit = 1000;
	uint32_t room = hf_budget_room(&t.states[0].budget, 1000, t.now);
	start(&t);
	assert_int_equal(hf_budget_room(&t.states[0].budget, 1000, t.now), room - HF_COST_TLS);
	met(&t, 0);
	assert_int_equal(
		hf_budget_room(&t.states[0].budget, 1000, t.now), room - HF_COST_TCP_REUSED);
}

/* ---- budgets ---- */

static void without_room_it_stands_in_line_and_goes_when_granted(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	fill(&t, 0);
	start(&t);
	assert_null(find(&t, HF_ACT_SEND));
	assert_int_equal(find(&t, HF_ACT_QUEUE)->upstream, 0);
	assert_int_equal(find(&t, HF_ACT_QUEUE)->cost, HF_COST_UDP);
	assert_int_equal(t.states[0].in_flight, 0);
	unsigned attempt = find(&t, HF_ACT_QUEUE)->attempt;
	t.now += 300 * HF_MS;
	grant(&t, attempt);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_int_equal(sent(&t)->attempt, attempt);
	assert_int_equal(sent(&t)->reason, HF_SEND_FIRST);
	assert_int_equal(t.states[0].in_flight, 1);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, t.now + 400 * HF_MS); /* from when it went */
	grant(&t, attempt);                                               /* once is enough */
	assert_null(find(&t, HF_ACT_SEND));
	t.now += 7 * HF_MS;
	answer(&t, attempt);
	assert_int_equal(t.paths[0].rtt.srtt, 7 * HF_MS);
	assert_over(&t);
}

static void another_upstream_with_room_is_asked_instead(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	fill(&t, 0);
	start(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_null(find(&t, HF_ACT_QUEUE));
}

static void what_is_sent_is_charged_to_the_upstream_and_to_all(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.states[0].limit = 1000;
	t.outgoing_conf.budget = 2000;
	uint32_t here = hf_budget_room(&t.states[0].budget, 1000, t.now);
	uint32_t everywhere = hf_budget_room(&t.outgoing.budget, 2000, t.now);
	start(&t);
	assert_int_equal(hf_budget_room(&t.states[0].budget, 1000, t.now), here - 1);
	assert_int_equal(hf_budget_room(&t.outgoing.budget, 2000, t.now), everywhere - 1);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
	assert_int_equal(hf_budget_room(&t.states[0].budget, 1000, t.now), here - 7);
	assert_int_equal(hf_budget_room(&t.outgoing.budget, 2000, t.now), everywhere - 7);
}

static void tcp_on_an_open_connection_gives_four_packets_back_once(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.confs[0].channel = HF_CHANNEL_TCP;
	t.states[0].limit = 1000;
	uint32_t room = hf_budget_room(&t.states[0].budget, 1000, t.now);
	start(&t);
	const struct hf_query_event reused = {
		.kind = HF_QUERY_REUSED, .attempt = sent(&t)->attempt};
	assert_int_equal(hf_budget_room(&t.states[0].budget, 1000, t.now), room - HF_COST_TCP);
	for (int i = 0; i < 3; i++) {
		t.now += HF_MS; /* to where it was taken from, whatever the clock says by now */
		step(&t, &reused);
		assert_int_equal(hf_budget_room(&t.states[0].budget, 1000, t.now),
			room - HF_COST_TCP_REUSED);
	}
}

static void what_could_not_be_sent_is_given_back(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.states[0].limit = 1000;
	uint32_t room = hf_budget_room(&t.states[0].budget, 1000, t.now);
	start(&t);
	step(&t, &(struct hf_query_event){.kind = HF_QUERY_LOST,
			 .attempt = sent(&t)->attempt,
			 .outcome = HF_OUTCOME_UNSENT});
	assert_int_equal(hf_budget_room(&t.states[0].budget, 1000, t.now), room);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_UNREACHABLE], 0);
}

static void crowd(struct asked *t)
{
	step(t, &(struct hf_query_event){.kind = HF_QUERY_LOST,
			.attempt = sent(t)->attempt,
			.outcome = HF_OUTCOME_CROWDED});
}

/* Nothing has been sent, so who is asked in its place needs no token. */
static void who_has_no_connection_left_is_passed_over_and_not_blamed(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (unsigned i = 0; i < 2; i++)
		t.confs[i].retry = (struct hf_retry_conf){0, 1};
	t.outgoing_conf.retry = (struct hf_retry_conf){0, 1};
	for (unsigned i = 0; i < 100; i++) {
		ask_anew(&t, i);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		crowd(&t);
		assert_sent(&t, 1, HF_CHANNEL_UDP);
		answer(&t, sent(&t)->attempt);
	}
	assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
	ask_anew(&t, 1000);
	crowd(&t);
	crowd(&t);
	assert_failed(&t, HF_CAUSE_CROWDED, HF_EDE_OTHER);
}

static void in_line_at_the_deadline_is_over_the_budget(void **state)
{
	struct asked t;
	unsigned late = 0;
	(void)state;
	prepare(&t, 1);
	fill(&t, 0);
	t.q.patience = START + 1800 * HF_MS;
	start(&t);
	for (; !t.q.done; late += count(&t, HF_ACT_LATE)) {
		assert_null(find(&t, HF_ACT_SEND));
		wait(&t);
		assert_true(late || t.now == START + 1800 * HF_MS);
	}
	assert_int_equal(late, 1);
	assert_int_equal(t.now, START + HF_QUERY_DEADLINE);
	assert_failed(&t, HF_CAUSE_BUDGET, HF_EDE_OTHER);
}

static void who_is_evicted_goes_elsewhere(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 3);
	fill(&t, 0);
	fill(&t, 1);
	fill(&t, 2);
	start(&t);
	assert_int_equal(find(&t, HF_ACT_QUEUE)->upstream, 0);
	evict(&t, find(&t, HF_ACT_QUEUE)->attempt);
	assert_int_equal(find(&t, HF_ACT_QUEUE)->upstream, 1);
	t.now += HF_SECOND; /* there is room again */
	evict(&t, find(&t, HF_ACT_QUEUE)->attempt);
	assert_sent(&t, 2, HF_CHANNEL_UDP);
	reply(&t, sent(&t)->attempt, HF_VERDICT_SERVFAIL); /* and nobody else is left */
	assert_true(t.q.done);
	assert_non_null(find(&t, HF_ACT_FAIL));
}

static void evicted_everywhere_is_over_the_budget(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	fill(&t, 0);
	start(&t);
	evict(&t, find(&t, HF_ACT_QUEUE)->attempt);
	assert_failed(&t, HF_CAUSE_BUDGET, HF_EDE_OTHER);
}

static void who_stands_in_line_says_until_when_it_is_of_use(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	fill(&t, 0);
	start(&t);
	/* Sent later, it would be answered after the deadline. */
	assert_int_equal(find(&t, HF_ACT_QUEUE)->due, t.q.deadline - 400 * HF_MS);
}

static void who_has_come_to_rest_meanwhile_is_not_sent_what_stood_in_its_line(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	fill(&t, 0);
	fill(&t, 1);
	start(&t);
	unsigned attempt = find(&t, HF_ACT_QUEUE)->attempt;
	t.now += 500 * HF_MS;
	rest_until(&t, 0, t.now + 10 * HF_SECOND);
	grant(&t, attempt);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_OPEN);
	assert_int_equal(t.states[0].in_flight, 0);
}

static void who_has_said_no_is_not_waited_for_in_its_line(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	rest_until(&t, 1, START + 60 * HF_SECOND);
	start(&t);
	unsigned first = sent(&t)->attempt;
	fill_for_a_second(&t, 0);
	wait(&t); /* late, and there is no room to ask once more */
	assert_non_null(find(&t, HF_ACT_QUEUE));
	t.states[1].health = (struct hf_health){.state = HF_HEALTH_CLOSED};
	reply(&t, first, HF_VERDICT_SERVFAIL);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

static void who_stands_in_line_leaves_it_when_somebody_else_answers(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	unsigned first = sent(&t)->attempt;
	fill_for_a_second(&t, 0);
	wait(&t);
	assert_non_null(find(&t, HF_ACT_QUEUE));
	answer(&t, first);
	assert_over(&t);
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++)
		assert_false(t.q.attempts[i].queued);
}

/* ---- nobody waits ---- */

static void what_nobody_waits_for_is_given_up_when_there_is_no_room(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	fill(&t, 0);
	t.q.background = true;
	start(&t);
	assert_null(find(&t, HF_ACT_QUEUE));
	assert_failed(&t, HF_CAUSE_BUDGET, HF_EDE_OTHER);
}

static void what_nobody_waits_for_is_given_up_when_all_rest(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	rest_until(&t, 0, START + 60 * HF_SECOND);
	rest_until(&t, 1, START + 60 * HF_SECOND);
	t.q.background = true;
	start(&t);
	assert_failed(&t, HF_CAUSE_RESTING, HF_EDE_NO_REACHABLE_AUTHORITY);
}

static void what_nobody_waits_for_is_a_probe_if_one_is_due(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	rest(&t, 0);
	t.q.background = true;
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_PROBING);
}

/* ---- after the answer ---- */

/* Upstream 0 is silent, 1 answers after the time-out of 0. */
static unsigned answered_by_the_second(struct asked *t)
{
	prepare(t, 2);
	start(t);
	unsigned first = sent(t)->attempt;
	wait(t);
	t->now += 10 * HF_MS;
	answer(t, sent(t)->attempt);
	assert_false(t->q.done);
	return first;
}

static void an_answer_that_is_late_for_others_is_a_sample_all_the_same(void **state)
{
	struct asked t;
	(void)state;
	unsigned first = answered_by_the_second(&t);
	t.now = START + 900 * HF_MS;
	reply(&t, first, HF_VERDICT_ANSWER);
	assert_int_equal(t.count, 0); /* nobody hears of it */
	assert_over(&t);
	assert_int_equal(t.paths[0].rtt.srtt, 900 * HF_MS);
	assert_int_equal(t.paths[0].rtt.loss, 0);
	assert_int_equal(t.states[0].answered, t.now);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 0); /* wiped out */
}

static void silence_while_another_answers_is_beaten(void **state)
{
	struct asked t;
	(void)state;
	answered_by_the_second(&t);
	/* To nobody a word: the upstream's own circuit. */
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 1);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
	listen_on(&t);
	assert_int_equal(t.now, START + 1500 * HF_MS);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 1);
	assert_true(t.paths[0].rtt.loss > 0);
	assert_int_equal(t.paths[0].health.window_failed, 1);
}

static void silence_of_one_that_talks_to_others_is_the_paths(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	t.states[0].answered = START + HF_MS;
	wait(&t); /* over TCP, as UDP may have lost it for its size */
	while (sent(&t)->upstream == 0)
		wait(&t);
	answer(&t, sent(&t)->attempt);
	assert_true(t.paths[0].health.run[HF_OUTCOME_BEATEN] > 0);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 0);
	listen_on(&t);
}

static void one_that_a_hedge_overtook_is_beaten_only_when_it_is_late(void **state)
{
	struct asked t;
	(void)state;
	for (int late = 0; late < 2; late++) {
		prepare(&t, 2);
		hedgeable(&t, 0);
		start(&t);
		unsigned first = sent(&t)->attempt;
		wait(&t);
		answer(&t, sent(&t)->attempt);
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 0);
		if (late) {
			listen_on(&t);
		} else {
			t.now += HF_MS;
			reply(&t, first, HF_VERDICT_ANSWER);
		}
		assert_over(&t);
		assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], late);
	}
}

static void who_gave_the_answer_is_not_beaten_by_it(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	unsigned first = sent(&t)->attempt;
	wait(&t); /* it is asked once more, and then the first one is answered */
	answer(&t, first);
	listen_on(&t);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 0);
	assert_int_equal(t.states[0].health.run[HF_OUTCOME_BEATEN], 0);
	assert_true(t.paths[0].rtt.loss > 0); /* a message was lost all the same */
}

static void one_that_answers_over_tcp_alone_is_in_use(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (uint32_t name = 0; name < 100; name++) {
		ask_anew(&t, name);
		assert_int_equal(sent(&t)->upstream, 0);
		doubt(&t, sent(&t)->attempt); /* a server that does not keep case */
		answer(&t, sent(&t)->attempt);
		hf_us began = t.now;
		listen_on(&t);
		hf_rtt_forgive(&t.paths[0].rtt);
		t.now = began + 10 * HF_MS;
	}
	assert_int_equal(t.paths[0].health.state, HF_HEALTH_CLOSED);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
}

static void a_late_refusal_counts_against_the_path(void **state)
{
	struct asked t;
	(void)state;
	unsigned first = answered_by_the_second(&t);
	reply(&t, first, HF_VERDICT_REFUSED);
	assert_over(&t);
	assert_int_equal(t.paths[0].health.run[HF_OUTCOME_BEATEN], 1);
}

static void after_the_answer_nothing_is_sent_any_more(void **state)
{
	static const enum hf_verdict verdicts[] = {
		HF_VERDICT_TRUNCATED, HF_VERDICT_FORMERR, HF_VERDICT_SERVFAIL, HF_VERDICT_GARBAGE};
	struct asked t;
	(void)state;
	for (unsigned i = 0; i < 4; i++) {
		unsigned first = answered_by_the_second(&t);
		doubt(&t, first);
		assert_int_equal(t.count, 1);
		reply(&t, first, verdicts[i]);
		assert_int_equal(t.count, 0);
		assert_over(&t);
	}
	unsigned first = answered_by_the_second(&t);
	lose(&t, first);
	assert_int_equal(t.count, 0);
	assert_over(&t);
}

static void an_end_before_its_time_closes_all(void **state)
{
	struct asked t;
	(void)state;
	for (int answers = 0; answers < 3; answers++) {
		if (answers == 2) {
			answered_by_the_second(&t);
		} else {
			prepare(&t, 2);
			if (answers == 1) {
				fill(&t, 0);
				fill(&t, 1);
			}
			start(&t);
		}
		hf_query_abandon(
			&t.q, &(struct hf_query_env){.route = &t.route, .candidates = &t.choice});
		assert_over(&t);
	}
}

/* ---- coming back ---- */

static void one_that_comes_back_is_given_its_share_slowly(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	rest(&t, 0);
	start(&t);
	answer(&t, sent(&t)->attempt);
	assert_int_equal(hf_pace_rate(&t.states[0].pace, t.now), 16);
	/* The probe was the first. The next one goes after a sixteenth of a second; who asks hears
	 * so. */
	hf_query_init(&t.q, 3, t.now);
	t.q.patience = t.now + 10 * HF_SECOND;
	hf_us asked_at = t.now;
	start(&t);
	assert_null(find(&t, HF_ACT_SEND));
	assert_int_equal(count(&t, HF_ACT_LATE), 1);
	while (!find(&t, HF_ACT_SEND))
		wait(&t);
	assert_in_range(t.now - asked_at, 62 * HF_MS, 200 * HF_MS);
	assert_int_equal(sent(&t)->reason, HF_SEND_FIRST);
}

static void the_pace_keeps_nobody_waiting_for_more_than_half_a_second(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.states[0].pace.rate = 1; /* next to nothing: half a message a second */
	hf_pace_begin(&t.states[0].pace, 0, START);
	t.states[0].pace.spent = START;
	start(&t);
	while (!find(&t, HF_ACT_SEND))
		wait(&t);
	assert_in_range(t.now, START + 450 * HF_MS, START + 600 * HF_MS);
}

static void another_that_is_in_full_use_is_asked_instead_of_one_that_came_back(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	t.states[0].pace.rate = 1; /* next to nothing: half a message a second */
	hf_pace_begin(&t.states[0].pace, 0, START);
	t.states[0].pace.spent = START;
	start(&t);
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

/* ---- size and EDNS ---- */

static void answers_that_udp_loses_for_their_size_are_asked_for_smaller(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	for (uint32_t name = 0; name < 2; name++) {
		ask_anew(&t, name);
		assert_int_equal(sent(&t)->edns_size, 1232);
		t.states[0].answered = t.now + 1; /* others are answered */
		wait(&t);
		assert_sent(&t, 0, HF_CHANNEL_TCP);
		step(&t, &(struct hf_query_event){.kind = HF_QUERY_REPLY,
				 .attempt = sent(&t)->attempt,
				 .octets = 1200});
		assert_non_null(find(&t, HF_ACT_ANSWER));
		listen_on(&t);
	}
	ask_anew(&t, 3);
	assert_int_equal(sent(&t)->edns_size, 512);
}

static void who_answers_only_without_edns_is_asked_so_from_then_on(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_FORMERR);
	answer(&t, sent(&t)->attempt);
	ask_anew(&t, 2);
	assert_int_equal(sent(&t)->edns_size, 0);
	/* A failure without EDNS as well is no sign of anything. */
	prepare(&t, 1);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_FORMERR);
	reply(&t, sent(&t)->attempt, HF_VERDICT_FORMERR);
	assert_true(t.q.done);
	ask_anew(&t, 2);
	assert_int_equal(sent(&t)->edns_size, 1232);
}

/* ---- bounds ---- */

static void silence_ends_at_the_deadline(void **state)
{
	struct asked t;
	(void)state;
	for (uint16_t upstreams = 1; upstreams <= MOST; upstreams++) {
		prepare(&t, upstreams);
		start(&t);
		while (!t.q.done)
			wait(&t);
		assert_int_equal(t.now, START + HF_QUERY_DEADLINE);
		assert_failed(&t, HF_CAUSE_TIMEOUT, HF_EDE_NO_REACHABLE_AUTHORITY);
		assert_true(t.q.sends <= HF_SENDS_MAX);
	}
}

static void no_more_than_ten_messages_are_sent(void **state)
{
	struct asked t;
	unsigned sends = 1;
	(void)state;
	prepare(&t, MOST);
	for (unsigned i = 0; i < MOST; i++)
		t.confs[i].timeout_max = 20 * HF_MS;
	start(&t);
	for (; !t.q.done; wait(&t), sends += count(&t, HF_ACT_SEND))
		;
	assert_int_equal(sends, HF_SENDS_MAX);
	assert_int_equal(t.now, START + HF_QUERY_DEADLINE);
}

static void every_attempt_stays_open_for_a_late_answer(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	t.confs[0].timeout_max = 20 * HF_MS;
	start(&t);
	unsigned oldest = sent(&t)->attempt;
	while (t.q.sends < HF_SENDS_MAX)
		wait(&t);
	assert_int_equal(t.states[0].in_flight, HF_SENDS_MAX);
	answer(&t, oldest);
	/* Longer than the longest time-out nobody is listened to. */
	assert_true(t.q.done || find(&t, HF_ACT_ARM)->due <= t.now + 20 * HF_MS);
	if (!t.q.done)
		listen_on(&t);
	assert_over(&t);
}

static void events_for_attempts_that_are_over_are_ignored(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	doubt(&t, sent(&t)->attempt);
	unsigned over = sent(&t)->attempt;
	lose(&t, over);
	assert_int_equal(count(&t, HF_ACT_SEND), 0); /* the first one is still waited for */
	struct hf_query before = t.q;
	reply(&t, over, HF_VERDICT_ANSWER);
	assert_int_equal(t.count, 0);
	lose(&t, over);
	assert_int_equal(t.count, 0);
	doubt(&t, over);
	assert_int_equal(t.count, 0);
	reply(&t, HF_ATTEMPTS_MAX, HF_VERDICT_ANSWER);
	assert_int_equal(t.count, 0);
	assert_memory_equal(&before, &t.q, sizeof before);
}

static void every_cause_has_a_sentence(void **state)
{
	(void)state;
	for (int cause = 0; cause < HF_CAUSES; cause++)
		assert_true(strlen(hf_query_cause_text((enum hf_query_cause)cause)) > 3);
	assert_string_equal(hf_query_cause_text(HF_CAUSES), "?");
}

/* ---- whatever comes ---- */

struct dice {
	uint64_t state;
};

static uint32_t roll(struct dice *dice, uint32_t sides)
{
	/* xorshift64* (Vigna): any sequence will do, as long as a seed repeats it. */
	dice->state ^= dice->state >> 12;
	dice->state ^= dice->state << 25;
	dice->state ^= dice->state >> 27;
	return (uint32_t)((dice->state * 0x2545f4914f6cdd1dull >> 32) % sides);
}

/* What the walk has seen: a walk that never comes there proves nothing. */
static struct seen {
	unsigned grants, evictions, reused, abandoned, lingered, hedges, probes, late, failed;
	unsigned held, ruled, settled[HF_LEFT_NO_TIME + 1];
} seen;

struct life {
	struct asked t;
	struct dice dice;
	bool open[HF_ATTEMPTS_MAX];   /* before the step */
	bool queued[HF_ATTEMPTS_MAX]; /* ... */
	bool rests[MOST];             /* ... whoever else may be asked */
	bool over;                    /* there was an answer or a failure */
	bool late;
	enum hf_trial_left left; /* SETTLE was said: a ruling is due */
	hf_us armed;
};

static void throw_circuit(struct hf_health *health, struct dice *dice)
{
	if (roll(dice, 3))
		return;
	health->state = (enum hf_health_state)roll(dice, HF_HEALTH_STATES);
	if (health->state == HF_HEALTH_CLOSED)
		return;
	health->since = START - roll(dice, 3000000);
	health->until = START - HF_SECOND + roll(dice, 2000000);
}

static struct hf_retry_conf throw_retry(struct dice *dice)
{
	static const struct hf_retry_conf rows[] = {{10, 1000}, {0, 0}, {100, 0}, {0, 3}};
	return rows[roll(dice, 4)];
}

static void throw_upstream(struct asked *t, unsigned i, struct dice *dice)
{
	static const uint32_t limits[] = {0, 0, 0, 3, 100, 1000};
	struct hf_upstream_conf *conf = &t->confs[i];
	conf->channel = roll(dice, 4)   ? HF_CHANNEL_UDP
			: roll(dice, 2) ? HF_CHANNEL_TCP
					: HF_CHANNEL_TLS;
	conf->failures_to_open = 1 + roll(dice, 5);
	conf->timeout_max = (20 + roll(dice, 1500)) * HF_MS;
	conf->hedge = roll(dice, 4) != 0;
	conf->retry = throw_retry(dice);
	t->states[i].limit = limits[roll(dice, 6)];
	if (roll(dice, 2))
		takes(t, i, roll(dice, 300000));
	if (roll(dice, 4) == 0)
		hf_pace_begin(&t->states[i].pace, 0, START - roll(dice, 900000));
	if (t->states[i].limit && roll(dice, 2))
		fill(t, i);
	throw_circuit(&t->states[i].health, dice);
	throw_circuit(&t->paths[i].health, dice);
}

static void throw_world(struct life *l)
{
	struct asked *t = &l->t;
	prepare(t, (uint16_t)(1 + roll(&l->dice, MOST)));
	t->route.order = roll(&l->dice, 2) ? HF_ORDER_FASTEST : HF_ORDER_LISTED;
	t->outgoing_conf.budget = roll(&l->dice, 4) ? 0 : 50 + roll(&l->dice, 2000);
	t->outgoing_conf.retry = throw_retry(&l->dice);
	for (unsigned i = 0; i < MOST; i++)
		throw_upstream(t, i, &l->dice);
	t->q.background = roll(&l->dice, 8) == 0;
	if (roll(&l->dice, 2))
		t->q.patience = START + roll(&l->dice, 2000000);
}

/* As the engine does: who grants has charged. */
static void charge(struct asked *t, const struct hf_attempt *a)
{
	hf_budget_spend(&t->states[a->upstream].budget, a->cost, t->now);
	hf_budget_spend(&t->outgoing.budget, a->cost, t->now);
}

static struct hf_query_event throw_news(struct life *l, struct hf_query_event event)
{
	struct asked *t = &l->t;
	const struct hf_attempt *a =
		event.attempt < HF_ATTEMPTS_MAX ? &t->q.attempts[event.attempt] : NULL;
	bool went = a && a->open && !a->queued;
	if (a && a->queued) { /* what has not gone out cannot be answered */
		event.kind = roll(&l->dice, 3) ? HF_QUERY_GRANT : HF_QUERY_EVICT;
		seen.grants += event.kind == HF_QUERY_GRANT;
		seen.evictions += event.kind == HF_QUERY_EVICT;
		if (event.kind == HF_QUERY_GRANT)
			charge(t, a);
		return event;
	}
	switch (roll(&l->dice, 8)) {
	case 0: event.kind = HF_QUERY_LOST; break;
	case 1: event.kind = HF_QUERY_DOUBT; break;
	case 2: event.kind = went ? HF_QUERY_DOUBT : HF_QUERY_GRANT; break; /* out of turn */
	case 3:
		event.kind =
			went && a->channel != HF_CHANNEL_UDP ? HF_QUERY_REUSED : HF_QUERY_EVICT;
		event.met = roll(&l->dice, 2);
		seen.reused += event.kind == HF_QUERY_REUSED;
		break;
	default:
		event.kind = HF_QUERY_REPLY;
		event.verdict = (enum hf_verdict)(1 + roll(&l->dice, HF_VERDICT_LIE));
		event.octets = (uint16_t)roll(&l->dice, 2000);
		if (!roll(&l->dice, 5))
			event.verdict = HF_VERDICT_ANSWER;
		if (event.verdict <= HF_VERDICT_TRUNCATED && roll(&l->dice, 2) && went) {
			event = (struct hf_query_event){.kind = HF_QUERY_HELD,
				.attempt = event.attempt,
				.ede = HF_EDE_NONE,
				.wished = roll(&l->dice, 2),
				.proving = roll(&l->dice, 2)};
			seen.held++;
		}
	}
	return event;
}

/* What is held is ruled on, one of it at a time. False: not yet. */
static bool throw_ruling(struct life *l, struct hf_query_event *ret)
{
	struct asked *t = &l->t;
	unsigned at = roll(&l->dice, HF_ATTEMPTS_MAX);
	enum hf_trial_left left = l->left;
	l->left = HF_LEFT_SOME;
	if (!t->q.held || (left < HF_LEFT_NO_TIME && roll(&l->dice, 12)))
		return false;
	while (!t->q.attempts[at].held)
		at = (at + 1) % HF_ATTEMPTS_MAX;
	*ret = (struct hf_query_event){.attempt = at, .ede = HF_EDE_NONE};
	ret->kind = HF_QUERY_REPLY;
	ret->verdict = roll(&l->dice, 2) ? HF_VERDICT_LIE : HF_VERDICT_ANSWER;
	if (!roll(&l->dice, 4))
		ret->kind = HF_QUERY_DROP;
	else if (left < HF_LEFT_NO_TIME && !roll(&l->dice, 4))
		ret->kind = HF_QUERY_GO_ON;
	seen.ruled++;
	return true;
}

static struct hf_query_event throw_event(struct life *l)
{
	struct hf_query_event ruling;
	if (throw_ruling(l, &ruling))
		return ruling;
	struct asked *t = &l->t;
	struct hf_query_event event = {.attempt = roll(&l->dice, HF_ATTEMPTS_MAX + 1),
		.ede = HF_EDE_NONE,
		.outcome = (const enum hf_outcome[]){HF_OUTCOME_UNREACHABLE, HF_OUTCOME_UNREACHABLE,
			HF_OUTCOME_UNSENT, HF_OUTCOME_CROWDED}[roll(&l->dice, 4)]};
	hf_us soon = t->now + roll(&l->dice, 200000);
	if (event.attempt >= t->q.sends && roll(&l->dice, 4))
		event.attempt = roll(&l->dice, t->q.sends ? t->q.sends : 1);
	t->now = soon < l->armed ? soon : l->armed;
	if (!roll(&l->dice, 6)) /* it answers somebody else */
		t->states[roll(&l->dice, MOST)].answered = t->now;
	if (t->now == l->armed || !roll(&l->dice, 10)) {
		event.kind = HF_QUERY_TIMER;
		return event;
	}
	return throw_news(l, event);
}

static void check_send(struct life *l, const struct hf_action *action, bool now_queued)
{
	const struct asked *t = &l->t;
	bool granted = l->queued[action->attempt];
	assert_false(l->over);
	assert_true(action->upstream < t->route.upstream_count);
	assert_true(granted ? !now_queued : !l->open[action->attempt]);
	assert_false((t->q.barred | t->q.held) >> action->upstream & 1);
	/* What the protocol wants follows on a word of its own. */
	assert_false(l->rests[action->upstream] &&
		     t->q.attempts[action->attempt].reason != HF_SEND_FOLLOW);
	l->open[action->attempt] = true;
	l->queued[action->attempt] = now_queued;
	seen.hedges += action->reason == HF_SEND_HEDGE;
	seen.probes += action->reason == HF_SEND_PROBE;
}

static void check_actions(struct life *l)
{
	const struct asked *t = &l->t;
	for (size_t i = 0; i < t->count; i++) {
		const struct hf_action *action = &t->actions[i];
		switch (action->kind) {
		case HF_ACT_SEND: check_send(l, action, false); break;
		case HF_ACT_QUEUE: check_send(l, action, true); break;
		case HF_ACT_LATE:
			assert_false(l->late || l->over);
			l->late = true;
			seen.late++;
			break;
		case HF_ACT_ANSWER:
		case HF_ACT_FAIL:
			assert_false(l->over); /* once */
			l->over = true;
			seen.failed += action->kind == HF_ACT_FAIL;
			assert_true(action->kind == HF_ACT_ANSWER || t->q.done);
			break;
		case HF_ACT_SETTLE:
			assert_false(l->over);
			assert_true(t->q.held);
			l->left = action->left;
			seen.settled[action->left]++;
			break;
		case HF_ACT_ARM: break;
		}
	}
}

/* What holds after every step. */
static void check(struct life *l)
{
	const struct asked *t = &l->t;
	uint32_t in_flight[MOST] = {0};
	check_actions(l);
	assert_true(l->over || !t->q.done);
	assert_int_equal(t->q.answered || t->q.done, l->over);
	assert_int_equal(count(t, HF_ACT_ARM), t->count ? !t->q.done : 0);
	assert_true(t->q.sends <= HF_SENDS_MAX);
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		const struct hf_attempt *a = &t->q.attempts[i];
		assert_true(a->open || !a->queued);
		in_flight[a->upstream] += a->open && !a->queued;
		assert_true(l->open[i] || !a->open); /* none opens unsaid */
		assert_true(!l->over || !a->queued); /* who is done stands in no line */
		assert_true(!t->q.done || !a->open);
	}
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t->states[i].in_flight, in_flight[i]);
	const struct hf_action *arm = find(t, HF_ACT_ARM);
	if (arm) { /* never in the past, or the loop would spin */
		hf_us most = t->q.deadline + (l->over ? 1520 * HF_MS : 0);
		assert_true(arm->due > t->now || l->left == HF_LEFT_NO_TIME);
		assert_true(arm->due <= most);
		l->armed = arm->due;
	}
}

/* What is found out in the step itself, that its probe is late, is not known before. */
static bool rests(const struct hf_health *h, hf_us now)
{
	if (h->state == HF_HEALTH_PROBING && now >= h->until - HF_HEALTH_UNREPORTED)
		return false;
	return hf_health_admit(h, now) == HF_ADMIT_NOT && hf_rest_end_alone(h) > now;
}

static void look(struct life *l)
{
	for (unsigned i = 0; i < MOST; i++)
		l->rests[i] = rests(&l->t.states[i].health, l->t.now) ||
			      rests(&l->t.paths[i].health, l->t.now);
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		l->open[i] = l->t.q.attempts[i].open;
		l->queued[i] = l->t.q.attempts[i].queued;
	}
}

static void one_life(uint64_t seed)
{
	struct life l = {.dice = {seed * 0x9e3779b97f4a7c15ull + 1}};
	struct hf_query_event event = {.kind = HF_QUERY_START};
	unsigned most = roll(&l.dice, 10) ? 5000 : roll(&l.dice, 20);
	throw_world(&l);
	for (unsigned steps = 0; !l.t.q.done; steps++) {
		if (steps == most && most < 5000) {
			hf_query_abandon(&l.t.q, &(struct hf_query_env){.route = &l.t.route,
							 .candidates = &l.t.choice});
			seen.abandoned++;
			break;
		}
		l.t.dice = roll(&l.dice, UINT32_MAX);
		look(&l);
		step(&l.t, &event);
		bool was_over = l.over;
		check(&l);
		seen.lingered += l.over && !was_over && !l.t.q.done;
		assert_true(steps < 5000);
		event = throw_event(&l);
	}
	assert_over(&l.t);
}

static void whatever_comes_it_ends_in_time_and_within_bounds(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20000; seed++)
		one_life(seed);
	assert_true(seen.grants > 1000 && seen.evictions > 1000 && seen.reused > 1000);
	assert_true(seen.abandoned > 100 && seen.lingered > 1000 && seen.hedges > 100);
	assert_true(seen.held > 1000 && seen.ruled > 1000 && seen.settled[HF_LEFT_SLOW] > 100);
	assert_true(seen.settled[HF_LEFT_NONE] > 100 && seen.settled[HF_LEFT_NO_TIME] > 50);
	assert_true(seen.probes > 1000 && seen.late > 1000 && seen.failed > 1000);
}

static void a_step_names_those_it_touched_and_how_they_were(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 3);
	t.states[0].health = (struct hf_health){.state = HF_HEALTH_OPEN, .until = START};
	t.states[1].health = t.states[0].health;
	t.states[2].health = t.states[0].health;
	start(&t); /* a probe of the first, for nobody is in use, and one beside it */
	assert_int_equal(t.choice.touched_count, count(&t, HF_ACT_SEND));
	assert_int_equal(t.choice.touched[0].upstream, find(&t, HF_ACT_SEND)->upstream);
	assert_int_equal(t.choice.touched[0].health, HF_HEALTH_OPEN);
	assert_int_equal(t.states[t.choice.touched[0].upstream].health.state, HF_HEALTH_PROBING);
	unsigned touched = t.choice.touched_count;
	reply(&t, 0, HF_VERDICT_ANSWER);
	assert_int_equal(t.choice.touched_count, touched);
	assert_int_equal(t.choice.touched[0].health, HF_HEALTH_PROBING);
	assert_int_equal(t.states[0].health.state, HF_HEALTH_CLOSED);
}

/* ---- what it writes down ---- */

/* The next that was written down, which is to be of this kind. */
static const struct hf_decision *decided(
	const struct asked *t, struct hf_diary_reader *reader, enum hf_decided kind)
{
	const struct hf_decision *d = hf_diary_read(t->diary, reader);
	assert_non_null(d);
	assert_int_equal(d->kind, kind);
	assert_int_equal(d->flight, 7);
	assert_int_equal(d->since, t->now - t->q.began);
	return d;
}

static void prepare_with_diary(struct asked *t, uint16_t upstreams)
{
	prepare(t, upstreams);
	assert_int_equal(hf_diary_new(HF_DIARY_SIZE, &t->diary), 0);
}

static void what_is_asked_hedged_and_answered_is_written_down_with_its_figures(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	const struct hf_decision *d;
	(void)state;
	prepare_with_diary(&t, 2);
	hedgeable(&t, 0);
	t.confs[1].channel = HF_CHANNEL_TLS;
	start(&t);
	assert_null(hf_diary_read(t.diary, &reader)); /* it is told with what comes next */
	wait(&t);
	d = hf_diary_read(t.diary, &reader);
	assert_non_null(d);
	assert_int_equal(d->kind, HF_DECIDED_ASK);
	assert_int_equal(d->at, START);
	assert_int_equal(d->since, 0);
	assert_int_equal(d->slot, 100);
	assert_int_equal(d->channel, HF_CHANNEL_UDP);
	assert_int_equal(d->a, 300 * HF_MS);
	hf_us p95 = hf_rtt_p95(&t.paths[0].rtt);
	d = decided(&t, &reader, HF_DECIDED_HEDGE);
	assert_int_equal(d->slot, 101);
	assert_int_equal(d->channel, HF_CHANNEL_TLS);
	assert_int_equal(d->other, 100);
	assert_int_equal(d->a, p95);
	assert_int_equal(d->b, p95);
	t.now += 5 * HF_MS;
	answer(&t, sent(&t)->attempt);
	d = decided(&t, &reader, HF_DECIDED_ANSWERED);
	assert_int_equal(d->slot, 101);
	assert_int_equal(d->why, HF_SEND_HEDGE);
	assert_int_equal(d->a, 5 * HF_MS);
	assert_int_equal(d->b, 2);
	assert_null(hf_diary_read(t.diary, &reader));
	hf_diary_free(t.diary);
}

static void a_question_of_our_own_is_written_down_as_that(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	(void)state;
	prepare_with_diary(&t, 1);
	t.q.copy = true;
	start(&t);
	const struct hf_decision *d = decided(&t, &reader, HF_DECIDED_PROBE);
	assert_int_equal(d->slot, 100);
	assert_int_equal(d->why, HF_PROBE_OWN);
	hf_diary_free(t.diary);
}

static void what_follows_a_truncated_reply_is_written_down_with_its_channel(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	(void)state;
	prepare_with_diary(&t, 1);
	start(&t);
	reply(&t, sent(&t)->attempt, HF_VERDICT_TRUNCATED);
	assert_int_equal(decided(&t, &reader, HF_DECIDED_ASK)->channel, HF_CHANNEL_UDP);
	const struct hf_decision *d = decided(&t, &reader, HF_DECIDED_FOLLOW);
	assert_int_equal(d->why, HF_FOLLOW_TRUNCATED);
	assert_int_equal(d->channel, HF_CHANNEL_TCP);
	hf_diary_free(t.diary);
}

static void silence_retries_and_the_failure_are_written_down_with_their_causes(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	const struct hf_decision *d, *last = NULL;
	(void)state;
	prepare_with_diary(&t, 2);
	t.confs[1].channel = HF_CHANNEL_TLS;
	start(&t);
	hf_us out = t.q.attempts[0].due - t.q.attempts[0].sent;
	wait(&t);
	assert_int_equal(hf_diary_read(t.diary, &reader)->kind, HF_DECIDED_ASK);
	d = decided(&t, &reader, HF_DECIDED_SILENT);
	assert_int_equal(d->slot, 100);
	assert_int_equal(d->a, out);
	d = decided(&t, &reader, HF_DECIDED_RETRY);
	assert_int_equal(d->slot, 101);
	assert_int_equal(d->channel, HF_CHANNEL_TLS);
	assert_int_equal(d->why, HF_CAUSE_TIMEOUT);
	assert_int_equal(d->b, 2);
	reply(&t, 1, HF_VERDICT_SERVFAIL);
	d = decided(&t, &reader, HF_DECIDED_REJECT);
	assert_int_equal(d->slot, 101);
	assert_int_equal(d->why, HF_CAUSE_SERVFAIL);
	while (!t.q.done)
		wait(&t);
	while ((d = hf_diary_read(t.diary, &reader)))
		last = d;
	assert_non_null(last);
	assert_int_equal(last->kind, HF_DECIDED_FAIL);
	assert_int_equal(last->a, t.q.sends);
	hf_diary_free(t.diary);
}

static void a_miss_that_is_answered_is_one_line(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	(void)state;
	prepare_with_diary(&t, 2);
	start(&t);
	t.now += 12 * HF_MS;
	answer(&t, 0);
	const struct hf_decision *d = decided(&t, &reader, HF_DECIDED_ANSWERED);
	assert_int_equal(d->slot, 100);
	assert_int_equal(d->why, HF_SEND_FIRST);
	assert_int_equal(d->a, 12 * HF_MS);
	assert_int_equal(d->b, 1);
	assert_null(hf_diary_read(t.diary, &reader));
	hf_diary_free(t.diary);
}

static void that_there_is_no_token_is_written_down_with_whose_it_is(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	const struct hf_decision *d;
	unsigned noted = 0;
	(void)state;
	prepare_with_diary(&t, 2);
	t.outgoing_conf.retry = (struct hf_retry_conf){0, 1};
	for (start(&t); !t.q.done; wait(&t))
		;
	while ((d = hf_diary_read(t.diary, &reader)))
		if (d->kind == HF_DECIDED_NO_TOKEN) {
			assert_int_equal(d->why, HF_WITHOUT_OUR_TOKEN);
			assert_in_range(d->a, 1, 2 * HF_SECOND);
			noted++;
		}
	assert_in_range(noted, 1, t.q.sends);
	hf_diary_free(t.diary);
}

/* The last tokens of the floor are for others while it is young; when it has been waited for
 * for two seconds it may have the one that would be lost. */
static void whose_client_had_more_than_its_share_stands_back_but_not_to_the_end(void **state)
{
	const uint64_t hash = 0x9e3779b97f4a7c15; /* accounts are hashes */
	struct asked t;
	hf_us second = 0;
	(void)state;
	prepare(&t, 1);
	t.confs[0].hedge = false;
	t.confs[0].retry = t.outgoing_conf.retry = (struct hf_retry_conf){0, 5};
	hf_query_init(&t.q, 1, t.now);
	t.q.account = hash;
	for (start(&t); !t.q.done; wait(&t)) {
		for (unsigned i = 0; i < 20; i++) {
			hf_fair_draw(&t.states[0].fair, hash, t.now);
			hf_fair_draw(&t.states[0].fair, hash * (2 + i % 4), t.now);
		}
		t.states[0].answered = t.now; /* it is there */
		if (!second && t.q.sends == 2)
			second = t.now - t.q.began;
	}
	assert_in_range(second, 2 * HF_SECOND, 2 * HF_SECOND + 500 * HF_MS);
}

static void what_is_waited_for_is_written_down_once_however_often_it_is_looked_for(void **state)
{
	struct asked t;
	struct hf_diary_reader reader = {0, 0};
	const struct hf_decision *d;
	unsigned looks = 0, noted = 0;
	bool waits = false;
	(void)state;
	prepare_with_diary(&t, 1);
	rest_until(&t, 0, START + 60 * HF_SECOND);
	for (start(&t); !t.q.done; wait(&t))
		looks += t.q.resume != 0;
	while ((d = hf_diary_read(t.diary, &reader))) {
		assert_false(waits && d->kind == HF_DECIDED_REST);
		waits = d->kind == HF_DECIDED_REST;
		noted += waits;
	}
	assert_true(looks > noted && noted > 0);
	hf_diary_free(t.diary);
}

static void one_that_was_never_heard_is_not_asked_by_everybody(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 1);
	start(&t);
	sent(&t);
	t.now += 300 * HF_MS;
	for (unsigned i = 0; i < 5; i++) {
		hf_query_init(&t.q, 2 + i, t.now);
		start(&t);
		assert_int_equal(count(&t, HF_ACT_SEND), i < 4);
	}
	wait(&t);
	assert_int_equal(count(&t, HF_ACT_SEND), 0);
	t.states[0].answered = t.now; /* somebody else's question was */
	wait(&t);
	sent(&t);
	assert_true(t.now - t.q.began <= 200 * HF_MS);
}

static void who_waits_for_one_never_heard_is_asked_of_another_that_was(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	t.states[1].answered = t.now;
	for (unsigned i = 0; i < 5; i++) {
		t.now += 210 * HF_MS / (i + 1);
		hf_query_init(&t.q, 2 + i, t.now);
		start(&t);
	}
	assert_sent(&t, 1, HF_CHANNEL_UDP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_ends_it),
		cmocka_unit_test(the_fastest_is_asked_first_unless_the_order_is_listed),
		cmocka_unit_test(silence_brings_the_next_and_a_late_answer_is_still_an_answer),
		cmocka_unit_test(a_timer_that_comes_early_changes_nothing),
		cmocka_unit_test(who_cannot_answer_is_not_asked_again),
		cmocka_unit_test(who_lies_is_passed_over_and_its_health_is_none_the_worse),
		cmocka_unit_test(when_all_lie_or_are_silent_the_lie_is_what_is_told),
		cmocka_unit_test(a_retired_address_is_no_lie_but_another_upstream_is_asked),
		cmocka_unit_test(what_no_client_may_have_is_asked_of_nobody_else),
		cmocka_unit_test(what_is_blocked_ends_the_question_though_another_was_asked_too),
		cmocka_unit_test(a_lie_after_the_answer_changes_nothing),
		cmocka_unit_test(
			what_is_held_counts_as_answered_and_others_are_asked_without_a_token),
		cmocka_unit_test(a_second_opinion_that_nobody_wished_for_takes_a_token),
		cmocka_unit_test(when_only_those_asked_in_vain_are_left_that_is_said_once),
		cmocka_unit_test(when_nobody_is_left_what_is_held_is_all_there_is),
		cmocka_unit_test(while_a_proof_takes_long_another_is_asked_once),
		cmocka_unit_test(what_is_held_at_its_end_may_still_be_a_lie),
		cmocka_unit_test(an_upstreams_own_reason_is_handed_on),
		cmocka_unit_test(what_was_said_of_the_name_outweighs_anothers_silence),
		cmocka_unit_test(who_knows_no_edns_is_asked_without_it),
		cmocka_unit_test(asking_in_another_way_is_no_new_try),
		cmocka_unit_test(a_truncated_answer_is_fetched_over_tcp),
		cmocka_unit_test(truncated_over_tcp_is_garbage),
		cmocka_unit_test(an_upstream_set_to_tcp_never_hears_a_datagram),
		cmocka_unit_test(who_cannot_be_reached_is_passed_over_at_once),
		cmocka_unit_test(
			what_is_refused_over_tcp_alone_is_no_news_of_an_upstream_asked_over_udp),
		cmocka_unit_test(what_is_refused_over_tcp_after_silence_is_news),
		cmocka_unit_test(a_connection_that_ends_behind_an_answer_is_no_news),
		cmocka_unit_test(nobody_to_reach_means_pauses_that_grow_until_the_deadline),
		cmocka_unit_test(a_pause_is_not_cut_short_by_other_news),
		cmocka_unit_test(who_refused_twice_is_not_taken_for_one_that_loses_large_answers),
		cmocka_unit_test(silent_again_and_again_over_udp_is_tried_over_tcp),
		cmocka_unit_test(a_probe_of_one_that_is_dark_is_no_connection_but_for_one_in_64),
		cmocka_unit_test(silent_to_us_while_it_answers_others_is_tried_over_tcp),
		cmocka_unit_test(a_doubtful_reply_is_checked_over_tcp_once_beside_the_first),
		cmocka_unit_test(
			a_question_goes_out_with_our_cookie_and_then_with_the_upstreams_too),
		cmocka_unit_test(none_goes_to_whom_it_is_of_no_use_to_or_forbidden),
		cmocka_unit_test(badcookie_is_asked_again_once_with_the_new_cookie_then_over_tcp),
		cmocka_unit_test(a_reply_without_the_cookie_that_is_due_is_checked_over_tcp),
		cmocka_unit_test(tcp_without_a_cookie_for_another_reason_lets_nobody_off),
		cmocka_unit_test(where_tcp_says_nothing_a_cookie_is_due_for_three_questions_more),
		cmocka_unit_test(a_good_cookie_between_lets_nobody_off),
		cmocka_unit_test(who_answers_only_without_a_cookie_is_asked_without_soon),
		cmocka_unit_test(a_rested_upstream_gets_a_copy_whose_answer_counts),
		cmocka_unit_test(nobody_waits_for_a_probe),
		cmocka_unit_test(a_probe_that_is_all_that_is_left_is_waited_for),
		cmocka_unit_test(all_rest_it_waits_says_so_once_and_becomes_the_probe_that_is_due),
		cmocka_unit_test(nobody_in_use_makes_a_probe_due_after_a_second),
		cmocka_unit_test(who_answers_for_no_name_of_the_zone_is_not_asked_nor_waited_for),
		cmocka_unit_test(after_its_rest_one_question_is_the_trial_and_an_answer_ends_it),
		cmocka_unit_test(resting_to_the_deadline_is_the_cause),
		cmocka_unit_test(a_probe_takes_a_token),
		cmocka_unit_test(a_probe_stands_in_no_line),
		cmocka_unit_test(servfail_counts_against_a_path_only_if_another_answered),
		cmocka_unit_test(a_zone_that_an_upstream_cannot_serve_is_no_longer_asked_of_it),
		cmocka_unit_test(a_hedge_goes_after_the_percentile_and_the_first_stays_open),
		cmocka_unit_test(a_hedge_is_sent_once),
		cmocka_unit_test(there_is_no_hedge_sooner_than_the_networks_jitter),
		cmocka_unit_test(who_is_not_to_be_hedged_or_not_known_is_waited_for),
		cmocka_unit_test(a_hedge_wants_room_and_somebody_in_use),
		cmocka_unit_test(a_hedge_takes_a_token_and_is_not_sent_without),
		cmocka_unit_test(what_went_out_again_over_another_connection_counts_as_sent),
		cmocka_unit_test(time_outs_and_hedges_are_the_routes_where_it_says_so),
		cmocka_unit_test(a_path_opens_by_its_routes_figures_and_the_upstream_by_its_own),
		cmocka_unit_test(a_routes_retry_budget_holds_besides_the_upstreams),
		cmocka_unit_test(without_a_token_the_retry_waits_until_there_is_one),
		cmocka_unit_test(
			one_that_is_well_and_may_be_asked_again_takes_the_place_of_one_that_may_not),
		cmocka_unit_test(
			who_waits_for_a_token_with_nothing_on_its_way_hears_what_is_at_hand),
		cmocka_unit_test(a_first_message_earns_the_tokens_for_its_retries),
		cmocka_unit_test(what_the_protocol_wants_takes_no_token),
		cmocka_unit_test(an_upstream_over_tls_is_never_asked_in_plain_text),
		cmocka_unit_test(
			who_is_not_believed_is_not_asked_again_and_the_next_one_is_at_once),
		cmocka_unit_test(
			a_question_that_only_one_could_answer_who_is_not_believed_fails_at_once),
		cmocka_unit_test(
			what_leaves_on_an_open_connection_is_measured_and_a_handshake_is_not),
		cmocka_unit_test(
			over_tls_a_second_copy_is_sent_when_it_takes_longer_than_it_should),
		cmocka_unit_test(
			tls_costs_its_packets_and_an_open_connection_gives_most_of_them_back),
		cmocka_unit_test(without_room_it_stands_in_line_and_goes_when_granted),
		cmocka_unit_test(another_upstream_with_room_is_asked_instead),
		cmocka_unit_test(what_is_sent_is_charged_to_the_upstream_and_to_all),
		cmocka_unit_test(tcp_on_an_open_connection_gives_four_packets_back_once),
		cmocka_unit_test(what_could_not_be_sent_is_given_back),
		cmocka_unit_test(who_has_no_connection_left_is_passed_over_and_not_blamed),
		cmocka_unit_test(in_line_at_the_deadline_is_over_the_budget),
		cmocka_unit_test(who_is_evicted_goes_elsewhere),
		cmocka_unit_test(evicted_everywhere_is_over_the_budget),
		cmocka_unit_test(who_stands_in_line_says_until_when_it_is_of_use),
		cmocka_unit_test(who_has_come_to_rest_meanwhile_is_not_sent_what_stood_in_its_line),
		cmocka_unit_test(who_has_said_no_is_not_waited_for_in_its_line),
		cmocka_unit_test(who_stands_in_line_leaves_it_when_somebody_else_answers),
		cmocka_unit_test(what_nobody_waits_for_is_given_up_when_there_is_no_room),
		cmocka_unit_test(what_nobody_waits_for_is_given_up_when_all_rest),
		cmocka_unit_test(what_nobody_waits_for_is_a_probe_if_one_is_due),
		cmocka_unit_test(an_answer_that_is_late_for_others_is_a_sample_all_the_same),
		cmocka_unit_test(silence_while_another_answers_is_beaten),
		cmocka_unit_test(silence_of_one_that_talks_to_others_is_the_paths),
		cmocka_unit_test(one_that_a_hedge_overtook_is_beaten_only_when_it_is_late),
		cmocka_unit_test(who_gave_the_answer_is_not_beaten_by_it),
		cmocka_unit_test(one_that_answers_over_tcp_alone_is_in_use),
		cmocka_unit_test(a_late_refusal_counts_against_the_path),
		cmocka_unit_test(after_the_answer_nothing_is_sent_any_more),
		cmocka_unit_test(an_end_before_its_time_closes_all),
		cmocka_unit_test(one_that_comes_back_is_given_its_share_slowly),
		cmocka_unit_test(the_pace_keeps_nobody_waiting_for_more_than_half_a_second),
		cmocka_unit_test(
			another_that_is_in_full_use_is_asked_instead_of_one_that_came_back),
		cmocka_unit_test(answers_that_udp_loses_for_their_size_are_asked_for_smaller),
		cmocka_unit_test(who_answers_only_without_edns_is_asked_so_from_then_on),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(no_more_than_ten_messages_are_sent),
		cmocka_unit_test(every_attempt_stays_open_for_a_late_answer),
		cmocka_unit_test(events_for_attempts_that_are_over_are_ignored),
		cmocka_unit_test(every_cause_has_a_sentence),
		cmocka_unit_test(whatever_comes_it_ends_in_time_and_within_bounds),
		cmocka_unit_test(a_step_names_those_it_touched_and_how_they_were),
		cmocka_unit_test(
			what_is_asked_hedged_and_answered_is_written_down_with_its_figures),
		cmocka_unit_test(a_question_of_our_own_is_written_down_as_that),
		cmocka_unit_test(a_miss_that_is_answered_is_one_line),
		cmocka_unit_test(what_follows_a_truncated_reply_is_written_down_with_its_channel),
		cmocka_unit_test(
			silence_retries_and_the_failure_are_written_down_with_their_causes),
		cmocka_unit_test(that_there_is_no_token_is_written_down_with_whose_it_is),
		cmocka_unit_test(
			whose_client_had_more_than_its_share_stands_back_but_not_to_the_end),
		cmocka_unit_test(
			what_is_waited_for_is_written_down_once_however_often_it_is_looked_for),
		cmocka_unit_test(one_that_was_never_heard_is_not_asked_by_everybody),
		cmocka_unit_test(who_waits_for_one_never_heard_is_asked_of_another_that_was),
	};
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
