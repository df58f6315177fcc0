/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "drill/shrink.h"
#include "drill/trial.h"

static char *world(uint64_t seed)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	assert_non_null(out);
	hf_world_write(seed, out);
	fclose(out);
	return text;
}

static void every_world_is_a_scenario(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		struct hf_scenario *s = NULL;
		char *text = world(seed), *complaints = NULL;
		size_t len = 0;
		FILE *out = open_memstream(&complaints, &len);
		assert_non_null(out);
		hf_scenario_parse("world", text, strlen(text), out, &s);
		fclose(out);
		assert_string_equal(complaints, "");
		assert_int_equal(s->seed, seed);
		hf_scenario_free(s);
		free(complaints);
		free(text);
	}
}

static void the_same_seed_is_the_same_world(void **state)
{
	char *one = world(7), *again = world(7), *other = world(8);
	(void)state;
	assert_string_equal(one, again);
	assert_string_not_equal(one, other);
	free(one);
	free(again);
	free(other);
}

/* Every kind comes up, and so does all that can go wrong. */
static void a_thousand_worlds_have_something_of_everything(void **state)
{
	static const char *const wanted[] = { ": healthy.", ": windy.", ": ailing.", ": dark.", ": clocks.",
		": fleet.", ": storm.", " loss ", " tail ", " cap ", " loses-above ", " silent", " dark", " refuses",
		" servfail", " formerr-on-edns", " truncates", " lies-id", " lies-case", " flaps ", " late ",
		" repeats", " stalls ", " clock of holdfast jumps ", " wall clock jumps ", "instances ",
		" as glibc", " as musl", " as resolved", " as java", " as go", " as bulk", " from 10.",
		" popular", " via tcp", " plain", " PTR", " AAAA", "stale 0s", "in-flight 3", "order listed",
		"order fastest", "finally " };
	bool seen[sizeof wanted / sizeof *wanted] = { false };
	(void)state;
	for (uint64_t seed = 1; seed <= 1000; seed++) {
		char *text = world(seed);
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			seen[i] |= strstr(text, wanted[i]) != NULL;
		free(text);
	}
	for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
		if (!seen[i])
			fail_msg("no world has: %s", wanted[i]);
}

/* ---- trials and what they are for ---- */

static void a_trial_tells_what_became_of_a_play(void **state)
{
	static const char good[] = "upstream a silent\nroute . to a\nat 0s ask x.example A expect servfail\n";
	static const char bad[] = "upstream a silent\nroute . to a\nat 0s ask x.example A expect noerror\n";
	struct hf_trial trials[2] = { { .number = 1 }, { .number = 2 } };
	(void)state;
	assert_int_equal(hf_trial_begin(&trials[0], "good", good, strlen(good), false), 0);
	assert_int_equal(hf_trial_begin(&trials[1], "bad", bad, strlen(bad), false), 0);
	for (int i = 0; i < 2; i++) {
		struct hf_trial *over = hf_trial_wait(trials, 2);
		assert_non_null(over);
		assert_true(over->result->readable);
		assert_int_equal(over->result->play.good, over->number == 1);
		assert_int_equal(over->result->play.law, over->number == 1 ? HF_LAW_NONE : HF_LAW_EXPECTED);
	}
	assert_null(hf_trial_wait(trials, 2));
	assert_int_equal(hf_trial_begin(&trials[0], "none", "bad\n", 4, true), 0);
	assert_false(hf_trial_wait(trials, 1)->result->readable);
	hf_trial_free(&trials[0]);
	hf_trial_free(&trials[1]);
}

static void a_failure_is_made_as_small_as_it_gets(void **state)
{
	static const char text[] = "# much that does not matter\nseed 9\nworkers 4\noption cache size 2MiB\n"
		"upstream a answers *.example A 192.0.2.1 ttl 300\nupstream a delay 5ms..9ms loss 3%\n"
		"upstream b answers *.example A 192.0.2.2\nroute . to a b order listed\n"
		"at 1s load 20/s for 5s n{0..99}.example A popular as glibc\n"
		"at 2s upstream b silent for 9s\n"
		"at 30s upstream a forgets *.example\n"
		"at 700s ask x.example A do expect 192.0.2.1\n"
		"finally servfail == 0\n";
	char *what = NULL, *small = hf_shrink("text", text, HF_LAW_EXPECTED, &what);
	(void)state;
	assert_non_null(small);
	assert_non_null(what);
	assert_non_null(strstr(what, "expected"));
	assert_non_null(strstr(small, "expect "));
	assert_null(strstr(small, "load"));
	assert_null(strstr(small, "finally"));
	assert_null(strstr(small, "700"));
	if (strlen(small) > 160)
		fail_msg("not small:\n%s", small);
	free(small);
	free(what);
	assert_null(hf_shrink("text", "upstream a\nroute . to a\nat 0s ask x A\n", HF_LAW_EXPECTED, &what));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_world_is_a_scenario),
		cmocka_unit_test(the_same_seed_is_the_same_world),
		cmocka_unit_test(a_thousand_worlds_have_something_of_everything),
		cmocka_unit_test(a_trial_tells_what_became_of_a_play),
		cmocka_unit_test(a_failure_is_made_as_small_as_it_gets),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
