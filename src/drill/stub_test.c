/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/stub.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "loop/loop_sim.h"

#define SENDS_MAX 16

static struct {
	struct hf_sim *sim;
	struct hf_loop *loop;
	struct hf_stubs *stubs;
	struct hf_stub_lookup *lookup;
	unsigned count, overs, failures; /* so many of the first messages fail at once */
	bool resolved;
	hf_us at[SENDS_MAX], over_at;
	unsigned server[SENDS_MAX];
} t;

static hf_us passed(void)
{
	return hf_sim_now(t.sim) - HF_SIM_START;
}

static void note_send(void *ctx, struct hf_stub_lookup *lookup, unsigned server)
{
	assert_ptr_equal(ctx, &t);
	assert_true(t.count < SENDS_MAX);
	t.lookup = lookup;
	t.at[t.count] = passed();
	t.server[t.count++] = server;
}

static void note_over(void *ctx, const struct hf_stub_lookup *lookup, bool resolved)
{
	assert_ptr_equal(ctx, &t);
	assert_non_null(lookup);
	t.overs++;
	t.resolved = resolved;
	t.over_at = passed();
}

static const struct hf_stub_row *row_named(const char *word)
{
	const struct hf_stub_row *row = hf_stub_rows;
	while (row->word && strcmp(row->word, word) != 0)
		row++;
	assert_non_null(row->word);
	return row;
}

static void begin(const char *word)
{
	const struct hf_stub_watch watch = { note_send, note_over, &t };
	memset(&t, 0, sizeof t);
	t.sim = hf_sim_new(1);
	assert_int_equal(hf_sim_loop_new(t.sim, NULL, &t.loop), 0);
	assert_int_equal(hf_stubs_new(t.loop, &watch, &t.stubs), 0);
	const struct hf_stub_lookup what = { .row = row_named(word) };
	assert_int_equal(hf_stub_look_up(t.stubs, &what), 0);
}

static void end(void)
{
	hf_stubs_free(t.stubs);
	hf_sim_free(t.sim);
}

/* Nobody ever answers: when are messages sent, and when is it given up? */
static void is_silent(const char *word, unsigned count, const hf_us *at, hf_us over_at)
{
	begin(word);
	hf_sim_run_for(t.sim, 60 * HF_SECOND);
	assert_int_equal(t.count, count);
	for (unsigned i = 0; i < count; i++)
		assert_in_range(t.at[i] + HF_MS, at[i], at[i] + 3 * HF_MS);
	assert_int_equal(t.overs, 1);
	assert_false(t.resolved);
	assert_in_range(t.over_at + HF_MS, over_at, over_at + 3 * HF_MS);
	end();
}

static void each_stub_has_its_own_patience(void **state)
{
	static const hf_us s = HF_SECOND;
	(void)state;
	is_silent("glibc", 4, (const hf_us[]){ 0, 5 * s, 10 * s, 15 * s }, 20 * s);
	is_silent("musl", 4, (const hf_us[]){ 0, 0, s * 5 / 2, s * 5 / 2 }, 5 * s);
	is_silent("java", 4, (const hf_us[]){ 0, s, 3 * s, 7 * s }, 15 * s);
	is_silent("bulk", 5, (const hf_us[]){ 0, s, 2 * s, 3 * s, 4 * s }, 5 * s);
}

static void two_servers_are_asked_in_turn(void **state)
{
	(void)state;
	begin("go");
	hf_sim_run_for(t.sim, 60 * HF_SECOND);
	for (unsigned i = 0; i < t.count; i++)
		assert_int_equal(t.server[i], i % 2);
	end();
}

static void an_answer_ends_it(void **state)
{
	(void)state;
	begin("glibc");
	hf_stub_heard(t.lookup, true);
	assert_int_equal(t.overs, 1);
	assert_true(t.resolved);
	hf_sim_run_for(t.sim, 60 * HF_SECOND);
	assert_int_equal(t.count, 1);
	end();
}

static void a_failure_is_reason_to_go_on_at_once_unless_the_stub_waits(void **state)
{
	(void)state;
	begin("glibc");
	for (unsigned i = 0; i < 4; i++)
		hf_stub_heard(t.lookup, false);
	assert_int_equal(t.count, 4);
	assert_int_equal(t.overs, 1);
	assert_false(t.resolved);
	end();
	begin("bulk");
	hf_stub_heard(t.lookup, false);
	assert_int_equal(t.count, 1);
	hf_sim_run_for(t.sim, HF_SECOND + HF_MS);
	assert_int_equal(t.count, 2);
	end();
}

/* The answer to the first message comes when the second is on its way: what
 * comes to that is heard of, and changes nothing. */
static void a_late_answer_counts_and_the_rest_is_heard_out(void **state)
{
	(void)state;
	begin("java");
	hf_sim_run_for(t.sim, HF_SECOND + HF_MS);
	assert_int_equal(t.count, 2);
	hf_stub_heard(t.lookup, true);
	assert_true(t.resolved);
	hf_stub_heard(t.lookup, false);
	assert_int_equal(t.overs, 1);
	hf_sim_run_for(t.sim, 60 * HF_SECOND);
	assert_int_equal(t.count, 2);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_stub_has_its_own_patience),
		cmocka_unit_test(two_servers_are_asked_in_turn),
		cmocka_unit_test(an_answer_ends_it),
		cmocka_unit_test(a_failure_is_reason_to_go_on_at_once_unless_the_stub_waits),
		cmocka_unit_test(a_late_answer_counts_and_the_rest_is_heard_out),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
