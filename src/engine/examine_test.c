/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/examine.h"

#include "engine/explain.h"
#include "engine/stage.h"

static void unasked(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	(void)ctx, (void)ticket, (void)generation, (void)answer, (void)now;
	fail(); /* no client is ever told */
}

static const struct hf_client client = {unasked};

/* Upstreams of the stage answer 192.0.2.1. */
static struct hf_prefix home, elsewhere;
static struct hf_expectation expectations[2];
static struct hf_examination *examination;
static struct hf_examined *examined;
static unsigned times;
static bool accuse;

static void done(void *ctx, struct hf_examined *heard, hf_us now)
{
	(void)ctx, (void)now;
	times++;
	examination = NULL;
	examined = heard;
}

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static int open_stage(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	assert_non_null(s);
	assert_int_equal(hf_prefix_parse("192.0.2.0/24", &home), 0);
	assert_int_equal(hf_prefix_parse("10.0.0.0/8", &elsewhere), 0);
	expectations[0] = (struct hf_expectation){
		.name = name_of("good.example"), .addresses = {&home, 1}, .agree = "none"};
	expectations[1] = (struct hf_expectation){
		.name = name_of("bad.example"), .addresses = {&elsewhere, 1}, .agree = "none"};
	s->client = &client;
	/* The plan is made by stage_open, from what the route and forward say by then. */
	stage_open(s, 1);
	s->forward.truth =
		(struct hf_truth_conf){.expectations = expectations, .expectation_count = 2};
	struct hf_plan *plan = stage_plan(s);
	hf_worker_adopt(s->worker[0], plan);
	hf_plan_unref(s->plan);
	s->plan = plan;
	examined = NULL;
	times = 0;
	accuse = false;
	*state = s;
	return 0;
}

static int close_stage(void **state)
{
	hf_examined_free(examined);
	stage_close(*state);
	free(*state);
	return 0;
}

static void examine(
	struct stage *s, const struct hf_question *questions, size_t count, hf_us longest)
{
	const struct hf_examine_conf conf = {.worker = s->worker[0],
		.questions = questions,
		.count = count,
		.longest = longest,
		.accuse = accuse,
		.done = done};
	assert_int_equal(hf_examine(&conf, hf_loop_now(s->loops[0]), &examination), 0);
	assert_int_equal(times, 0);
}

static struct hf_question question_of(const char *text)
{
	return (struct hf_question){.name = name_of(text), .type = HF_TYPE_A, .class = HF_CLASS_IN};
}

static const struct hf_finding *row(size_t i)
{
	return &examined->findings.items[i];
}

static void every_upstream_is_asked_for_every_name(void **state)
{
	struct stage *s = *state;
	const struct hf_question questions[] = {question_of("good.example"),
		question_of("bad.example"), question_of("other.example")};
	examine(s, questions, 3, 5 * HF_SECOND);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(times, 1);
	assert_int_equal(s->upstreams[0].asked, 3);
	assert_int_equal(s->upstreams[1].asked, 3);
	assert_int_equal(examined->findings.count, 6);
	assert_int_equal(row(0)->found, HF_FOUND_TRUE);
	assert_int_equal(row(1)->found, HF_FOUND_TRUE);
	assert_int_equal(row(2)->found, HF_FOUND_LIE);
	assert_int_equal(row(3)->found, HF_FOUND_LIE);
	assert_int_equal(row(4)->found, HF_FOUND_TRUE); /* nothing is expected of it */
	assert_true(examined->findings.questions[1].outdated);
	assert_false(examined->late);
	assert_int_equal(stage_counted(s, HF_COUNT_CACHE_STORES), 0);
}

static void it_ends_in_time_whoever_is_silent(void **state)
{
	struct stage *s = *state;
	const struct hf_question questions[] = {question_of("good.example")};
	s->upstreams[1].manner = STAGE_SILENT;
	examine(s, questions, 1, HF_SECOND);
	hf_sim_run_for(s->sim, 1100 * HF_MS);
	assert_int_equal(times, 1);
	assert_true(examined->late);
	assert_int_equal(examined->took / HF_MS, 1000);
	assert_int_equal(row(0)->found, HF_FOUND_TRUE);
	assert_int_equal(row(1)->found, HF_FOUND_NOT_ASKED);
	assert_string_equal(row(1)->why, "there was no time left");
	hf_sim_run_for(s->sim, 10 * HF_SECOND); /* what comes later finds nobody */
	assert_int_equal(times, 1);
}

static void a_dark_upstream_costs_one_round_however_many_names_there_are(void **state)
{
	struct stage *s = *state;
	static struct hf_question questions[500];
	char name[32];
	s->upstreams[1].manner = STAGE_SILENT;
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		questions[i] = question_of(name);
	}
	examine(s, questions, 500, 60 * HF_SECOND);
	hf_sim_run_for(s->sim, 8 * HF_SECOND);
	assert_int_equal(times, 1);
	struct hf_finding_sums sums = hf_findings_sum(&examined->findings, 0);
	assert_int_equal(sums.of[HF_FOUND_TRUE], 500);
	sums = hf_findings_sum(&examined->findings, 1);
	assert_int_equal(sums.of[HF_FOUND_SILENT], 500);
	assert_true(s->upstreams[1].asked < 200);
}

static void one_that_is_ended_is_heard_of_no_more(void **state)
{
	struct stage *s = *state;
	const struct hf_question questions[] = {question_of("good.example")};
	s->upstreams[0].manner = STAGE_HOLDS;
	examine(s, questions, 1, HF_SECOND);
	hf_sim_run_for(s->sim, 100 * HF_MS);
	hf_examination_end(examination);
	stage_release(&s->upstreams[0]);
	hf_sim_run_for(s->sim, 5 * HF_SECOND);
	assert_int_equal(times, 0);
}

static void a_reload_ends_what_has_not_been_asked_yet(void **state)
{
	struct stage *s = *state;
	static struct hf_question questions[100];
	char name[32];
	s->upstreams[0].manner = s->upstreams[1].manner = STAGE_HOLDS;
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "n%d.example", i);
		questions[i] = question_of(name);
	}
	examine(s, questions, 100, 4 * HF_SECOND);
	hf_sim_run_for(s->sim, 10 * HF_MS);
	struct hf_plan *plan = stage_plan(s);
	hf_worker_adopt(s->worker[0], plan);
	hf_plan_unref(s->plan);
	s->plan = plan;
	stage_release(&s->upstreams[0]);
	stage_release(&s->upstreams[1]);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(times, 1);
	assert_string_equal(row(199)->why, "the configuration was reloaded meanwhile");
	assert_int_equal(row(199)->found, HF_FOUND_NOT_ASKED);
}

static void liars_are_told_of_while_others_are_still_silent(void **state)
{
	struct stage *s = *state;
	const struct hf_question questions[] = {
		question_of("bad.example"), question_of("good.example")};
	struct hf_event event;
	unsigned lies = 0;
	accuse = true;
	s->upstreams[1].manner = STAGE_SILENT;
	examine(s, questions, 2, 5 * HF_SECOND);
	hf_sim_run_for(s->sim, 100 * HF_MS);
	while (hf_event_take(s->rings[0], &event))
		lies += event.kind == HF_EVENT_LIE;
	assert_int_equal(lies, 1);
	hf_sim_run_for(s->sim, 10 * HF_SECOND); /* and once */
	assert_int_equal(times, 1);
	while (hf_event_take(s->rings[0], &event))
		lies += event.kind == HF_EVENT_LIE;
	assert_int_equal(lies, 1);
}

static void names_are_asked_for_both_families_and_once(void **state)
{
	static const char *const examples[] = {"a.good.example"}, *const names[] = {"good.example",
									  "x.example"};
	const struct hf_text_list more = {names, 2};
	struct hf_questions q;
	(void)state;
	expectations[1] = (struct hf_expectation){.name = name_of("good.example"),
		.below = true,
		.examples = {examples, 1},
		.agree = "none"};
	struct hf_truth_conf truth = {.expectations = expectations, .expectation_count = 2};
	assert_int_equal(hf_questions_of(&truth, &more, &q), 0);
	assert_int_equal(q.count, 6); /* good, a.good, x */
	assert_int_equal(q.items[1].type, HF_TYPE_AAAA);
	assert_int_equal(q.unasked, 0);
	free(q.items);
	expectations[1].examples.count = 0;
	assert_int_equal(hf_questions_of(&truth, &more, &q), 0);
	assert_int_equal(q.count, 4);
	assert_int_equal(q.unasked, 1);
	free(q.items);
}

static void a_story_tells_how_upstreams_stand_and_what_is_kept(void **state)
{
	struct stage *s = *state;
	const struct hf_question question = question_of("good.example");
	struct hf_story *story;
	assert_int_equal(
		hf_story_look(s->worker[0], &question, hf_loop_now(s->loops[0]), &story), 0);
	assert_int_equal(story->first, 0);
	assert_int_equal(story->cached.what, HF_STORY_NOTHING);
	assert_string_equal(story->upstreams[1].conf->name, "two");
	assert_int_equal(story->upstreams[1].state, HF_HEALTH_CLOSED);
	assert_ptr_equal(story->expected->conf, &expectations[0]);
	hf_story_free(story);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)
	const struct CMUnitTest tests[] = {
		TEST(every_upstream_is_asked_for_every_name),
		TEST(it_ends_in_time_whoever_is_silent),
		TEST(a_dark_upstream_costs_one_round_however_many_names_there_are),
		TEST(one_that_is_ended_is_heard_of_no_more),
		TEST(a_reload_ends_what_has_not_been_asked_yet),
		TEST(liars_are_told_of_while_others_are_still_silent),
		TEST(names_are_asked_for_both_families_and_once),
		TEST(a_story_tells_how_upstreams_stand_and_what_is_kept),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
