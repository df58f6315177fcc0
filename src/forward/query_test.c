/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MOST 4 /* upstreams of a test's route */
#define START (100 * HF_SECOND)

/* One question, its upstreams, and what the last step said. */
struct asked {
	struct hf_upstream_conf confs[MOST];
	struct hf_upstream_state states[MOST];
	struct hf_candidate candidates[MOST];
	struct hf_route route;
	struct hf_query q;
	hf_us now;
	uint32_t dice;
	struct hf_action actions[HF_ACTIONS_MAX];
	size_t count;
};

static void prepare(struct asked *t, uint16_t upstreams)
{
	memset(t, 0, sizeof *t);
	t->route = (struct hf_route){ .upstream_count = upstreams, .order = HF_ORDER_LISTED };
	t->now = START;
	for (unsigned i = 0; i < MOST; i++) {
		t->confs[i] = (struct hf_upstream_conf){ .name = "u", .timeout_min = 20 * HF_MS,
			.timeout_max = 1500 * HF_MS, .failures_to_open = 5,
			.rest_min = 200 * HF_MS, .rest_max = 30 * HF_SECOND };
		t->candidates[i] = (struct hf_candidate){ &t->confs[i], &t->states[i] };
	}
	hf_query_init(&t->q, t->now);
}

static void step(struct asked *t, const struct hf_query_event *event)
{
	const struct hf_query_env env = { &t->route, t->candidates, t->now, t->dice };
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
	step(t, &(struct hf_query_event){ .kind = HF_QUERY_START });
}

static void reply_ede(struct asked *t, unsigned attempt, enum hf_verdict verdict, int32_t ede)
{
	step(t, &(struct hf_query_event){ .kind = HF_QUERY_REPLY, .attempt = attempt,
			 .verdict = verdict, .ede = ede });
}

static void reply(struct asked *t, unsigned attempt, enum hf_verdict verdict)
{
	reply_ede(t, attempt, verdict, HF_EDE_NONE);
}

static void lose(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){ .kind = HF_QUERY_LOST, .attempt = attempt,
			 .outcome = HF_OUTCOME_UNREACHABLE });
}

static void doubt(struct asked *t, unsigned attempt)
{
	step(t, &(struct hf_query_event){ .kind = HF_QUERY_DOUBT, .attempt = attempt });
}

/* Lets time pass until the armed instant. */
static void wait(struct asked *t)
{
	const struct hf_action *arm = find(t, HF_ACT_ARM);
	assert_non_null(arm);
	assert_true(arm->due > t->now);
	t->now = arm->due;
	step(t, &(struct hf_query_event){ .kind = HF_QUERY_TIMER });
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

static void an_answer_ends_it(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
	assert_true(sent(&t)->edns);
	assert_int_equal(t.states[0].in_flight, 1);
	unsigned attempt = sent(&t)->attempt;
	t.now += 7 * HF_MS;
	reply(&t, attempt, HF_VERDICT_ANSWER);
	assert_int_equal(t.count, 1);
	assert_int_equal(find(&t, HF_ACT_ANSWER)->attempt, attempt);
	assert_int_equal(t.states[0].in_flight, 0);
	assert_int_equal(t.states[0].rtt.srtt, 7 * HF_MS);
	assert_int_equal(t.states[0].answered, t.now);
}

static void the_fastest_is_asked_first_unless_the_order_is_listed(void **state)
{
	struct asked t;
	(void)state;
	for (int listed = 0; listed < 2; listed++) {
		prepare(&t, 2);
		t.route.order = listed ? HF_ORDER_LISTED : HF_ORDER_FASTEST;
		hf_rtt_sample(&t.states[0].rtt, 50 * HF_MS, t.now);
		hf_rtt_sample(&t.states[1].rtt, 5 * HF_MS, t.now);
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
	assert_int_equal(t.states[0].health.failures, 1);
	assert_int_equal(t.states[0].rtt.backoff, 1);
	t.now += HF_MS;
	reply(&t, first, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
	assert_int_equal(t.states[0].health.failures, 0);
	assert_int_equal(t.states[0].in_flight + t.states[1].in_flight, 0);
}

static void a_timer_that_comes_early_changes_nothing(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	start(&t);
	hf_us due = find(&t, HF_ACT_ARM)->due;
	t.now = due - 1;
	step(&t, &(struct hf_query_event){ .kind = HF_QUERY_TIMER });
	assert_int_equal(t.count, 1);
	assert_int_equal(find(&t, HF_ACT_ARM)->due, due);
	assert_int_equal(t.states[0].health.failures, 0);
}

static void who_cannot_answer_is_not_asked_again(void **state)
{
	static const struct {
		enum hf_verdict verdict;
		enum hf_query_cause cause;
		int32_t ede;
	} rows[] = {
		{ HF_VERDICT_SERVFAIL, HF_CAUSE_SERVFAIL, HF_EDE_OTHER },
		{ HF_VERDICT_REFUSED, HF_CAUSE_REFUSED, HF_EDE_NO_REACHABLE_AUTHORITY },
		{ HF_VERDICT_LAME, HF_CAUSE_LAME, HF_EDE_NO_REACHABLE_AUTHORITY },
		{ HF_VERDICT_GARBAGE, HF_CAUSE_GARBAGE, HF_EDE_INVALID_DATA },
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
		assert_int_equal(t.states[0].health.failures,
			rows[i].verdict == HF_VERDICT_GARBAGE);
	}
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
	static const enum hf_verdict verdicts[] = { HF_VERDICT_FORMERR, HF_VERDICT_NOTIMP };
	struct asked t;
	(void)state;
	for (int i = 0; i < 2; i++) {
		prepare(&t, 2);
		start(&t);
		reply(&t, sent(&t)->attempt, verdicts[i]);
		assert_sent(&t, 0, HF_CHANNEL_UDP);
		assert_false(sent(&t)->edns);
		reply(&t, sent(&t)->attempt, verdicts[i]);
		assert_sent(&t, 1, HF_CHANNEL_UDP);
		assert_true(sent(&t)->edns);
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
	assert_int_equal(t.states[0].rtt.srtt, 1);
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
	assert_int_equal(t.states[0].health.failures, 1);
	assert_int_equal(t.states[0].in_flight, 0);
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
	assert_int_equal(t.states[0].health.failures, 0);
	assert_true(t.q.attempts[first].open && t.q.attempts[second].open);
	reply(&t, first, HF_VERDICT_ANSWER);
	assert_int_equal(find(&t, HF_ACT_ANSWER)->attempt, first);
	assert_int_equal(t.states[0].in_flight, 0);
}

/* An upstream with an open circuit whose rest is over. */
static void rest(struct asked *t, unsigned upstream)
{
	t->states[upstream].health = (struct hf_health){ .state = HF_HEALTH_OPEN, .rests = 1 };
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
	assert_int_equal(t.states[0].in_flight, 0);
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

static void resting_upstreams_are_asked_when_there_are_no_others(void **state)
{
	struct asked t;
	(void)state;
	prepare(&t, 2);
	for (int i = 0; i < 2; i++)
		t.states[i].health = (struct hf_health){ .state = HF_HEALTH_OPEN,
			.until = START + 60 * HF_SECOND };
	start(&t);
	assert_sent(&t, 0, HF_CHANNEL_UDP);
}

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
	reply(&t, oldest, HF_VERDICT_ANSWER);
	assert_non_null(find(&t, HF_ACT_ANSWER));
	assert_int_equal(t.states[0].in_flight, 0);
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

static void throw_upstreams(struct asked *t, struct dice *dice)
{
	prepare(t, (uint16_t)(1 + roll(dice, MOST)));
	t->route.order = roll(dice, 2) ? HF_ORDER_FASTEST : HF_ORDER_LISTED;
	for (unsigned i = 0; i < MOST; i++) {
		struct hf_health *health = &t->states[i].health;
		t->confs[i].channel = roll(dice, 4) ? HF_CHANNEL_UDP : HF_CHANNEL_TCP;
		t->confs[i].failures_to_open = 1 + roll(dice, 5);
		t->confs[i].timeout_max = (20 + roll(dice, 1500)) * HF_MS;
		t->states[i].rtt.srtt = roll(dice, 2) ? roll(dice, 300000) : 0;
		if (roll(dice, 3))
			continue;
		health->state = (enum hf_health_state)roll(dice, HF_HEALTH_STATES);
		if (health->state != HF_HEALTH_CLOSED)
			health->until = START - HF_SECOND + roll(dice, 2000000);
	}
}

static struct hf_query_event throw_event(struct asked *t, struct dice *dice, hf_us armed)
{
	struct hf_query_event event = { .attempt = roll(dice, HF_ATTEMPTS_MAX + 1),
		.ede = HF_EDE_NONE, .outcome = HF_OUTCOME_UNREACHABLE };
	hf_us soon = t->now + roll(dice, 200000);
	t->now = soon < armed ? soon : armed;
	if (t->now == armed || !roll(dice, 10)) {
		event.kind = HF_QUERY_TIMER;
		return event;
	}
	switch (roll(dice, 6)) {
	case 0: event.kind = HF_QUERY_LOST; break;
	case 1: event.kind = HF_QUERY_DOUBT; break;
	default:
		event.kind = HF_QUERY_REPLY;
		event.verdict = (enum hf_verdict)(1 + roll(dice, HF_VERDICT_GARBAGE));
	}
	if (event.kind == HF_QUERY_REPLY && !roll(dice, 12))
		event.verdict = HF_VERDICT_ANSWER;
	return event;
}

static void check_sends(const struct asked *t, bool open[HF_ATTEMPTS_MAX])
{
	for (size_t i = 0; i < t->count; i++) {
		const struct hf_action *action = &t->actions[i];
		if (action->kind == HF_ACT_SEND) {
			assert_true(action->upstream < t->route.upstream_count);
			assert_false(open[action->attempt]);
			assert_false(t->q.barred >> action->upstream & 1);
			open[action->attempt] = true;
		}
	}
}

/* What holds after every step. */
static void check(const struct asked *t, const bool open_before[HF_ATTEMPTS_MAX])
{
	bool open[HF_ATTEMPTS_MAX];
	uint32_t in_flight[MOST] = { 0 };
	unsigned ends = count(t, HF_ACT_ANSWER) + count(t, HF_ACT_FAIL);
	memcpy(open, open_before, sizeof open);
	check_sends(t, open);
	assert_int_equal(ends, t->q.done);
	assert_int_equal(count(t, HF_ACT_ARM), t->count ? !t->q.done : 0);
	assert_true(t->q.sends <= HF_SENDS_MAX);
	for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++) {
		in_flight[t->q.attempts[i].upstream] += t->q.attempts[i].open;
		if (!t->q.done)
			assert_int_equal(open[i], t->q.attempts[i].open);
	}
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t->states[i].in_flight, in_flight[i]);
	const struct hf_action *arm = find(t, HF_ACT_ARM);
	if (arm) /* never in the past, or the loop would spin */
		assert_true(arm->due > t->now && arm->due <= t->q.deadline);
}

static void one_life(uint64_t seed)
{
	struct asked t;
	struct dice dice = { seed * 0x9e3779b97f4a7c15ull + 1 };
	struct hf_query_event event = { .kind = HF_QUERY_START };
	bool open[HF_ATTEMPTS_MAX] = { false };
	hf_us armed = 0;
	throw_upstreams(&t, &dice);
	for (unsigned steps = 0; !t.q.done; steps++) {
		t.dice = roll(&dice, UINT32_MAX);
		for (unsigned i = 0; i < HF_ATTEMPTS_MAX; i++)
			open[i] = t.q.attempts[i].open;
		if (event.kind == HF_QUERY_REPLY || event.kind == HF_QUERY_LOST)
			if (event.attempt < HF_ATTEMPTS_MAX)
				open[event.attempt] = false;
		step(&t, &event);
		check(&t, open);
		if (find(&t, HF_ACT_ARM))
			armed = find(&t, HF_ACT_ARM)->due;
		assert_true(t.now <= t.q.deadline && steps < 5000);
		event = throw_event(&t, &dice, armed);
	}
	for (unsigned i = 0; i < MOST; i++)
		assert_int_equal(t.states[i].in_flight, 0);
}

static void whatever_comes_it_ends_in_time_and_within_bounds(void **state)
{
	(void)state;
	for (uint64_t seed = 0; seed < 20000; seed++)
		one_life(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_ends_it),
		cmocka_unit_test(the_fastest_is_asked_first_unless_the_order_is_listed),
		cmocka_unit_test(silence_brings_the_next_and_a_late_answer_is_still_an_answer),
		cmocka_unit_test(a_timer_that_comes_early_changes_nothing),
		cmocka_unit_test(who_cannot_answer_is_not_asked_again),
		cmocka_unit_test(an_upstreams_own_reason_is_handed_on),
		cmocka_unit_test(what_was_said_of_the_name_outweighs_anothers_silence),
		cmocka_unit_test(who_knows_no_edns_is_asked_without_it),
		cmocka_unit_test(asking_in_another_way_is_no_new_try),
		cmocka_unit_test(a_truncated_answer_is_fetched_over_tcp),
		cmocka_unit_test(truncated_over_tcp_is_garbage),
		cmocka_unit_test(an_upstream_set_to_tcp_never_hears_a_datagram),
		cmocka_unit_test(who_cannot_be_reached_is_passed_over_at_once),
		cmocka_unit_test(nobody_to_reach_means_pauses_that_grow_until_the_deadline),
		cmocka_unit_test(a_pause_is_not_cut_short_by_other_news),
		cmocka_unit_test(who_refused_twice_is_not_taken_for_one_that_loses_large_answers),
		cmocka_unit_test(silent_again_and_again_over_udp_is_tried_over_tcp),
		cmocka_unit_test(silent_to_us_while_it_answers_others_is_tried_over_tcp),
		cmocka_unit_test(a_doubtful_reply_is_checked_over_tcp_once_beside_the_first),
		cmocka_unit_test(a_rested_upstream_gets_a_copy_whose_answer_counts),
		cmocka_unit_test(nobody_waits_for_a_probe),
		cmocka_unit_test(a_probe_that_is_all_that_is_left_is_waited_for),
		cmocka_unit_test(resting_upstreams_are_asked_when_there_are_no_others),
		cmocka_unit_test(silence_ends_at_the_deadline),
		cmocka_unit_test(no_more_than_ten_messages_are_sent),
		cmocka_unit_test(every_attempt_stays_open_for_a_late_answer),
		cmocka_unit_test(events_for_attempts_that_are_over_are_ignored),
		cmocka_unit_test(every_cause_has_a_sentence),
		cmocka_unit_test(whatever_comes_it_ends_in_time_and_within_bounds),
	};
	return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
