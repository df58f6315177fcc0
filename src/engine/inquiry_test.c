/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/inquiry.h"

#include "engine/stage.h"

static void unasked(void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer,
	hf_us now)
{
	(void)ctx, (void)ticket, (void)generation, (void)answer, (void)now;
	fail(); /* no client is ever told */
}

static const struct hf_client client = { unasked };

struct ear {
	struct hf_inquiry inquiry; /* first */
	unsigned times;
	struct hf_heard heard;
	unsigned answers;
};

static void heard(struct hf_inquiry *inquiry, const struct hf_heard *heard, hf_us now)
{
	struct ear *ear = (struct ear *)inquiry;
	(void)now;
	ear->times++;
	ear->heard = *heard;
	ear->answers = heard->view ? heard->view->answers : 0;
	assert_null(inquiry->flight);
}

static int open_stage(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->client = &client;
	stage_open(s, 1);
	*state = s;
	return 0;
}

static int close_stage(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static struct hf_asked asked_of(struct stage *s, unsigned upstream, bool urgent)
{
	struct hf_asked asked = { .route = &s->route, .upstream = upstream, .urgent = urgent,
		.question = { .type = HF_TYPE_A, .class = HF_CLASS_IN } };
	assert_int_equal(hf_name_from_text("check.example", 13, &asked.question.name), 0);
	return asked;
}

static void inquire(struct stage *s, struct ear *ear, unsigned upstream, bool urgent)
{
	const struct hf_asked asked = asked_of(s, upstream, urgent);
	*ear = (struct ear){ .inquiry = { .heard = heard } };
	assert_int_equal(hf_inquire(s->worker[0], &ear->inquiry, &asked, hf_loop_now(s->loops[0])), 0);
}

static void the_one_that_is_meant_answers_and_the_cache_knows_nothing_of_it(void **state)
{
	struct stage *s = *state;
	struct ear ear;
	inquire(s, &ear, 1, true);
	assert_int_equal(ear.times, 0);
	hf_sim_run_for(s->sim, 100 * HF_MS);
	assert_int_equal(ear.times, 1);
	assert_true(ear.heard.answered);
	assert_int_equal(ear.answers, 1);
	assert_true(ear.heard.took < 100 * HF_MS);
	assert_int_equal(s->upstreams[0].asked, 0);
	assert_int_equal(s->upstreams[1].asked, 1);
	assert_int_equal(stage_counted(s, HF_COUNT_CACHE_STORES), 0);
	assert_int_equal(hf_worker_attempts(s->worker[0]), 0);
}

static void silence_is_told_and_nobody_else_is_asked(void **state)
{
	struct stage *s = *state;
	struct ear ear;
	s->upstreams[0].manner = STAGE_SILENT;
	inquire(s, &ear, 0, true);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(ear.times, 1);
	assert_false(ear.heard.answered);
	assert_int_equal(ear.heard.cause, HF_CAUSE_TIMEOUT);
	assert_int_equal(s->upstreams[1].asked, 0);
}

static void a_failure_is_told_with_its_cause_and_is_remembered_by_nobody(void **state)
{
	struct stage *s = *state;
	struct ear ear;
	s->upstreams[0].manner = STAGE_SERVFAIL;
	inquire(s, &ear, 0, true);
	hf_sim_run_for(s->sim, 100 * HF_MS);
	assert_int_equal(ear.times, 1);
	assert_int_equal(ear.heard.cause, HF_CAUSE_SERVFAIL);
	assert_int_equal(stage_counted(s, HF_COUNT_FAILURES), 0);
}

static void what_is_cut_comes_over_tcp(void **state)
{
	struct stage *s = *state;
	struct ear ear;
	s->upstreams[0].manner = STAGE_TRUNCATES;
	inquire(s, &ear, 0, false);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_true(ear.heard.answered);
	assert_int_equal(s->upstreams[0].asked_tcp, 1);
}

static void who_has_forgotten_it_hears_nothing(void **state)
{
	struct stage *s = *state;
	struct ear first, second;
	inquire(s, &first, 0, true);
	hf_inquiry_forget(&first.inquiry);
	hf_inquiry_forget(&first.inquiry);
	inquire(s, &second, 0, true);
	s->upstreams[0].manner = STAGE_HOLDS;
	hf_sim_run_for(s->sim, 10 * HF_MS);
	hf_inquiry_forget(&second.inquiry);
	stage_release(&s->upstreams[0]);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(first.times + second.times, 0);
	assert_int_equal(hf_worker_attempts(s->worker[0]), 0);
}

static void copies_stay_within_the_retry_budget(void **state)
{
	struct stage *s = *state;
	static struct ear ears[100];
	unsigned answered = 0, over = 0;
	s->confs[0].retry.floor = 10;
	for (unsigned i = 0; i < 100; i++)
		inquire(s, &ears[i], 0, false);
	hf_sim_run_for(s->sim, HF_SECOND);
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(ears[i].times, 1);
		answered += ears[i].heard.answered;
		over += ears[i].heard.cause == HF_CAUSE_BUDGET;
	}
	assert_int_equal(answered + over, 100);
	assert_true(answered >= 1 && over >= 50); /* tokens for ten a second and a little more */
	assert_int_equal(s->upstreams[0].asked, answered);
}

static void there_are_no_more_at_once_than_can_be_kept_apart(void **state)
{
	struct stage *s = *state;
	static struct ear ears[300];
	const struct hf_asked asked = asked_of(s, 0, true);
	unsigned begun = 0;
	s->upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 300; i++) {
		ears[i] = (struct ear){ .inquiry = { .heard = heard } };
		int rc = hf_inquire(s->worker[0], &ears[i].inquiry, &asked, hf_loop_now(s->loops[0]));
		assert_true(rc == 0 || rc == HF_EBOUND);
		begun += rc == 0;
	}
	assert_int_equal(begun, 256);
	hf_sim_run_for(s->sim, 10 * HF_MS);
	stage_release(&s->upstreams[0]);
	hf_sim_run_for(s->sim, HF_SECOND);
	for (unsigned i = 0; i < begun; i++)
		assert_int_equal(ears[i].times, 1);
	inquire(s, &ears[0], 0, true); /* there is room again */
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(ears[0].times, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)
	const struct CMUnitTest tests[] = {
		TEST(the_one_that_is_meant_answers_and_the_cache_knows_nothing_of_it),
		TEST(silence_is_told_and_nobody_else_is_asked),
		TEST(a_failure_is_told_with_its_cause_and_is_remembered_by_nobody),
		TEST(what_is_cut_comes_over_tcp),
		TEST(who_has_forgotten_it_hears_nothing),
		TEST(copies_stay_within_the_retry_budget),
		TEST(there_are_no_more_at_once_than_can_be_kept_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
