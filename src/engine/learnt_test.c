/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/learnt.h"

#include "engine/stage.h"

static const struct hf_memory_gap gap = {HF_SECOND, false};
static unsigned answers, failures;

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	(void)ctx, (void)ticket, (void)generation, (void)now;
	answers++;
	failures += !answer->kept;
}

static const struct hf_client client = {answered};

static int open_stage(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	s->client = &client;
	stage_open(s, STAGE_WORKERS);
	answers = failures = 0;
	*state = s;
	return 0;
}

static int close_stage(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static void ask(struct stage *s, unsigned number)
{
	struct hf_question q = {.type = HF_TYPE_A, .class = HF_CLASS_IN};
	char text[32];
	int len = snprintf(text, sizeof text, "name%u.example", number);
	assert_int_equal(hf_name_from_text(text, (size_t)len, &q.name), 0);
	struct hf_cache_key key = hf_worker_key(s->worker[0], &q, 0);
	const struct hf_ticket ticket = {1, number, 1};
	assert_int_equal(hf_worker_ask(s->worker[0], &key, &ticket, hf_loop_now(s->loops[0])), 0);
}

/* All of a walk; returns how many. */
static size_t take(struct stage *s, hf_us since, struct hf_learnt *ret, size_t most)
{
	struct hf_learnt slice[HF_LEARNT_SLICE];
	struct hf_learnt_walk walk;
	size_t count, sum = 0;
	hf_learnt_begin(&walk, s->team, since);
	while (hf_learnt_next(&walk, hf_loop_now(s->loops[0]), slice, &count))
		for (size_t i = 0; i < count; i++, sum++)
			if (sum < most)
				ret[sum] = slice[i];
	assert_null(walk.plan);
	assert_false(hf_learnt_next(&walk, 0, slice, &count));
	return sum;
}

static void what_was_never_asked_is_not_told(void **state)
{
	struct stage *s = *state;
	assert_int_equal(take(s, HF_LEARNT_ALL, NULL, 0), 0);
}

static void a_walk_gives_upstreams_and_paths_that_were_used_since(void **state)
{
	struct stage *s = *state;
	struct hf_learnt got[4];
	ask(s, 1);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(take(s, HF_LEARNT_ALL, got, 4), 2); /* the second was not asked */
	assert_string_equal(got[0].name, "one");
	assert_null(got[0].zone);
	assert_string_equal(got[1].name, "one");
	assert_int_equal(got[1].zone->len, 1);
	assert_int_equal(got[1].memory.path.rtt.srtt, hf_plan_path(s->plan, &s->route, 0)->rtt.srtt);
	hf_us later = hf_loop_now(s->loops[0]);
	assert_int_equal(take(s, later, NULL, 0), 0);
	ask(s, 2);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(take(s, later, NULL, 0), 2);
}

/* The first upstream is dead, and another process has found that out. */
static void one_that_was_found_dead_before_is_not_waited_for(void **state)
{
	struct stage *s = *state;
	struct hf_learnt dead = {.name = "one", .address = &s->confs[0].address};
	dead.memory.upstream.circuit = (struct hf_circuit_memory){
		.open = true, .cause = HF_OUTCOME_SILENT, .rests = 9, .left = 20 * HF_SECOND};
	s->upstreams[0].manner = STAGE_SILENT;
	assert_true(hf_learnt_recall(s->team, &dead, &gap, hf_loop_now(s->loops[0])));
	for (unsigned i = 0; i < 100; i++)
		ask(s, i);
	hf_sim_run_for(s->sim, 10 * HF_MS);
	assert_int_equal(answers, 100);
	assert_int_equal(failures, 0);
	assert_int_equal(s->upstreams[0].asked, 0);
}

static void one_with_its_rest_over_gets_a_probe_and_is_used_again(void **state)
{
	struct stage *s = *state;
	struct hf_learnt dead = {.name = "one", .address = &s->confs[0].address};
	dead.memory.upstream.circuit = (struct hf_circuit_memory){.open = true, .rests = 9};
	assert_true(hf_learnt_recall(s->team, &dead, &gap, hf_loop_now(s->loops[0])));
	hf_sim_run_for(s->sim, HF_SECOND); /* one may have gone just before the restart */
	ask(s, 1);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(s->upstreams[0].asked, 1);
	ask(s, 2);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(s->upstreams[0].asked, 2);
	assert_int_equal(failures, 0);
}

static void another_name_or_address_or_zone_takes_nothing_over(void **state)
{
	struct stage *s = *state;
	hf_us now = hf_loop_now(s->loops[0]);
	struct hf_name zone;
	assert_int_equal(hf_name_from_text("corp.example", 12, &zone), 0);
	struct hf_learnt learnt = {.name = "one", .address = &s->confs[1].address};
	assert_false(hf_learnt_recall(s->team, &learnt, &gap, now));
	learnt = (struct hf_learnt){.name = "three", .address = &s->confs[0].address};
	assert_false(hf_learnt_recall(s->team, &learnt, &gap, now));
	learnt = (struct hf_learnt){
		.name = "one", .address = &s->confs[0].address, .zone = &zone};
	assert_false(hf_learnt_recall(s->team, &learnt, &gap, now));
	learnt.zone = &s->route.zone;
	assert_true(hf_learnt_recall(s->team, &learnt, &gap, now));
	assert_int_equal(take(s, HF_LEARNT_ALL, NULL, 0), 1);
}

static void a_reload_in_the_middle_of_a_walk_begins_it_again(void **state)
{
	struct stage *s = *state;
	struct hf_learnt slice[HF_LEARNT_SLICE];
	struct hf_learnt_walk walk;
	size_t count, paths = 0;
	ask(s, 1);
	hf_sim_run_for(s->sim, HF_SECOND);
	hf_us now = hf_loop_now(s->loops[0]);
	hf_learnt_begin(&walk, s->team, HF_LEARNT_ALL);
	assert_true(hf_learnt_next(&walk, now, slice, &count));
	struct hf_plan *old = s->plan;
	static const struct hf_hash_key key = {3, 4};
	static const bool fresh[STAGE_UPSTREAMS] = {false, false};
	assert_int_equal(hf_plan_new(&s->forward, &s->cache_conf, &key, old->slots, fresh, old,
				 &s->plan),
		0);
	for (unsigned i = 0; i < STAGE_WORKERS; i++)
		hf_worker_adopt(s->worker[i], s->plan);
	hf_plan_unref(old);
	unsigned upstreams = 0;
	while (hf_learnt_next(&walk, now, slice, &count))
		for (size_t i = 0; i < count; i++) {
			paths += slice[i].zone != NULL;
			upstreams += slice[i].zone == NULL;
		}
	assert_int_equal(upstreams, 1);
	assert_int_equal(paths, 1);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, open_stage, close_stage)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(what_was_never_asked_is_not_told),
		ON_STAGE(a_walk_gives_upstreams_and_paths_that_were_used_since),
		ON_STAGE(one_that_was_found_dead_before_is_not_waited_for),
		ON_STAGE(one_with_its_rest_over_gets_a_probe_and_is_used_again),
		ON_STAGE(another_name_or_address_or_zone_takes_nothing_over),
		ON_STAGE(a_reload_in_the_middle_of_a_walk_begins_it_again),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
