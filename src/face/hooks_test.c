/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/hooks.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "loop/loop_epoll.h"

#define SHELL "/bin/sh" /* here it is the program */

static struct hf_loop *loop;
static struct hf_hooks hooks;
static struct hf_ready_conf conf;
static struct hf_log *log_of_it;
static int log_ends[2]; /* of a pipe */
static const char *on_ready[3], *on_withdraw[3];
static char path[64], script[2][256];
static unsigned settled;
static struct hf_timer patience;

static void count(void *ctx)
{
	(void)ctx;
	settled++;
	hf_loop_stop(loop);
}

static void stop(struct hf_timer *timer, hf_us now)
{
	(void)timer, (void)now;
	hf_loop_stop(loop);
}

/* Runs until a program has settled, or for so long. */
static void turn(hf_us longest)
{
	patience.fire = stop;
	hf_timer_arm(hf_loop_timers(loop), &patience, hf_clock_now() + longest);
	assert_int_equal(hf_loop_run(loop), 0);
	hf_timer_disarm(hf_loop_timers(loop), &patience);
}

static void make_program(
	struct hf_text_list *list, const char **argv, char *text, size_t size, const char *body)
{
	snprintf(text, size, "%s", body);
	argv[0] = SHELL, argv[1] = "-c", argv[2] = text;
	*list = (struct hf_text_list){argv, 3};
}

static void programs(const char *ready, const char *withdraw)
{
	char body[256];
	snprintf(body, sizeof body, "%s echo $HOLDFAST_STATE:$HOLDFAST_REASONS >>%s", ready, path);
	make_program(&conf.on_ready, on_ready, script[0], sizeof script[0], body);
	snprintf(body, sizeof body, "%s echo $HOLDFAST_STATE:$HOLDFAST_REASONS >>%s", withdraw,
		path);
	make_program(&conf.on_withdraw, on_withdraw, script[1], sizeof script[1], body);
}

static const char *written(void)
{
	static char text[1024];
	FILE *file = fopen(path, "r");
	size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0;
	text[len] = '\0';
	if (file)
		fclose(file);
	return text;
}

/* The lines of the log since the last call, but for how long programs took. */
static const char *logged(void)
{
	static char text[1024];
	ssize_t len = read(log_ends[0], text, sizeof text - 1);
	text[len > 0 ? len : 0] = '\0';
	for (char *at = text; (at = strstr(at, " ms="));) {
		const char *rest = at + 4 + strspn(at + 4, "0123456789");
		memmove(at, rest, strlen(rest) + 1);
	}
	return text;
}

static int begin(void **state)
{
	(void)state;
	snprintf(path, sizeof path, "/tmp/holdfast-hooks-XXXXXX");
	close(mkstemp(path));
	settled = 0;
	conf = (struct hf_ready_conf){.timeout = 60 * HF_SECOND};
	assert_int_equal(hf_loop_epoll_new(&loop), 0);
	const struct hf_log_conf log_conf = {.level = HF_LOG_INFO};
	assert_int_equal(pipe2(log_ends, O_NONBLOCK | O_CLOEXEC), 0);
	const struct hf_log_to to = {.fd = log_ends[1]};
	assert_int_equal(hf_log_new(&to, &log_conf, &log_of_it), 0);
	hf_hooks_init(&hooks, loop, log_of_it, &conf);
	hooks.settled = count;
	return 0;
}

static int end(void **state)
{
	(void)state;
	hf_hooks_clear(&hooks);
	hf_loop_free(loop);
	hf_log_free(log_of_it);
	close(log_ends[0]);
	close(log_ends[1]);
	unlink(path);
	return 0;
}

static void a_program_gets_the_state_and_the_reasons(void **state)
{
	(void)state;
	programs("", "");
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "corp is behind");
	assert_true(hf_hooks_busy(&hooks));
	turn(60 * HF_SECOND);
	assert_false(hf_hooks_busy(&hooks));
	hf_hooks_want(&hooks, HF_HOOK_READY, "");
	turn(60 * HF_SECOND);
	assert_string_equal(written(), "withdrawn:corp is behind\nready:\n");
	assert_int_equal(hooks.succeeded, 2);
}

static void what_has_been_told_is_not_told_again(void **state)
{
	(void)state;
	programs("", "");
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	turn(60 * HF_SECOND);
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	assert_false(hf_hooks_busy(&hooks));
}

static void changes_while_a_program_runs_end_with_the_last(void **state)
{
	(void)state;
	programs("", "sleep 0.2;");
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	for (int i = 0; i < 5; i++) {
		hf_hooks_want(&hooks, HF_HOOK_READY, "");
		hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	}
	hf_hooks_want(&hooks, HF_HOOK_READY, "");
	turn(60 * HF_SECOND);
	assert_string_equal(written(), "withdrawn:\nready:\n");
	assert_int_equal(settled, 1);
}

static void an_on_ready_that_hangs_does_not_hold_up_a_withdrawal(void **state)
{
	(void)state;
	programs("sleep 1000;", "");
	hf_hooks_want(&hooks, HF_HOOK_READY, "");
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "now");
	turn(60 * HF_SECOND);
	assert_string_equal(written(), "withdrawn:now\n");
	assert_int_equal(hooks.kills, 1);
	assert_int_equal(hooks.succeeded, 1);
}

/* The sleeping child of the shell holds the pipe; it goes with its group. */
static void one_that_takes_too_long_is_killed_with_all_that_it_started(void **state)
{
	(void)state;
	conf.timeout = 2 * HF_SECOND; /* enough for a shell to begin, also on a slow machine */
	programs("sleep 1000 & echo $! >&2; wait;", "");
	hf_hooks_want(&hooks, HF_HOOK_READY, "");
	turn(60 * HF_SECOND);
	assert_int_equal(hooks.kills, 1);
	assert_string_equal(written(), "");
	long child = strtol(hooks.said, NULL, 10);
	assert_true(child > 1);
	char proc[64];
	snprintf(proc, sizeof proc, "/proc/%ld/cmdline", child);
	for (int i = 0; i < 100; i++) { /* somebody has to wait for it: it may be a zombie */
		FILE *file = fopen(proc, "r");
		int first = file ? fgetc(file) : EOF;
		if (file)
			fclose(file);
		if (first == EOF)
			return;
		usleep(100000);
	}
	fail();
}

static void one_that_fails_is_run_again_while_it_is_wanted(void **state)
{
	(void)state;
	programs("", "test -s $0 || { echo x >>$0; exit 3; };");
	snprintf(script[1], sizeof script[1],
		"test -s %s || { echo failed >>%s; exit 3; }; echo again >>%s", path, path, path);
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	turn(60 * HF_SECOND);
	assert_int_equal(hooks.failed, 1);
	turn(60 * HF_SECOND);
	assert_int_equal(hooks.succeeded, 1);
	assert_string_equal(written(), "failed\nagain\n");
}

/* Wanted again it is run at once. The pause of telling is not over while this goes on. */
static void run_times(enum hf_hook hook, unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		hf_hooks_want(&hooks, hook, "");
		turn(60 * HF_SECOND);
		hooks.telling.at = HF_NEVER;
	}
}

static void one_that_goes_on_failing_is_told_of_seldom_and_then_how_often_it_had_failed(
	void **state)
{
	(void)state;
	programs("echo no; exit 3;", "");
	run_times(HF_HOOK_READY, 4);
	assert_int_equal(hooks.failed, 4);
	assert_string_equal(
		logged(), "error on-ready has failed program=/bin/sh status=3 said=no\n");
	hooks.telling.at = 0; /* it is over */
	run_times(HF_HOOK_READY, 2);
	assert_string_equal(logged(), "error on-ready has failed program=/bin/sh status=3 "
				      "failed_meanwhile=3 said=no\n");
	/* Another fault is told at once, and what it says is none. */
	programs("echo never; exit 3;", "");
	run_times(HF_HOOK_READY, 1);
	assert_string_equal(logged(), "");
	programs("exit 4;", "");
	run_times(HF_HOOK_READY, 1);
	assert_string_equal(logged(), "error on-ready has failed program=/bin/sh status=4 "
				      "failed_meanwhile=2\n");
	programs("kill -4 $$;", "");
	run_times(HF_HOOK_READY, 1);
	assert_string_equal(logged(), "error on-ready has failed program=/bin/sh signal=4\n");
	programs("", "");
	run_times(HF_HOOK_READY, 1);
	assert_string_equal(
		logged(), "info on-ready has run program=/bin/sh status=0 failed_before=9\n");
	run_times(HF_HOOK_WITHDRAW, 1); /* and with that it is over */
	assert_string_equal(logged(), "info on-withdraw has run program=/bin/sh status=0\n");
}

static void one_that_has_failed_and_is_not_wanted_any_more_is_told_of_to_the_end(void **state)
{
	(void)state;
	programs("exit 3;", "exit 3;");
	run_times(HF_HOOK_READY, 1); /* all is told */
	run_times(HF_HOOK_WITHDRAW, 3);
	assert_string_equal(logged(), "error on-ready has failed program=/bin/sh status=3\n"
				      "error on-withdraw has failed program=/bin/sh status=3\n");
	programs("", "");
	run_times(HF_HOOK_READY, 1);
	assert_string_equal(logged(),
		"warning on-withdraw has failed to the end, and is not wanted any more failed=3\n"
		"info on-ready has run program=/bin/sh status=0\n");
}

static void a_program_that_is_not_there_has_failed(void **state)
{
	static const char *const nothing[] = {"/nonexistent/program"};
	(void)state;
	conf.on_withdraw = (struct hf_text_list){nothing, 1};
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	assert_false(hf_hooks_busy(&hooks));
	assert_int_equal(hooks.failed, 1);
	assert_int_equal(settled, 1);
}

static void without_a_program_nothing_is_run(void **state)
{
	(void)state;
	hf_hooks_want(&hooks, HF_HOOK_WITHDRAW, "");
	assert_false(hf_hooks_busy(&hooks));
	assert_int_equal(hooks.told, HF_HOOK_WITHDRAW);
}

static void a_program_that_talks_without_end_does_not_block_and_is_cut(void **state)
{
	(void)state;
	programs(
		"i=0; while [ $i -lt 20000 ]; do echo 12345678901234567890; i=$((i+1)); done;", "");
	hf_hooks_want(&hooks, HF_HOOK_READY, "");
	turn(60 * HF_SECOND);
	assert_int_equal(hooks.succeeded, 1);
	assert_true(hooks.said_len < HF_HOOKS_SAID_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_program_gets_the_state_and_the_reasons, begin, end),
		cmocka_unit_test_setup_teardown(what_has_been_told_is_not_told_again, begin, end),
		cmocka_unit_test_setup_teardown(
			changes_while_a_program_runs_end_with_the_last, begin, end),
		cmocka_unit_test_setup_teardown(
			an_on_ready_that_hangs_does_not_hold_up_a_withdrawal, begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_takes_too_long_is_killed_with_all_that_it_started, begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_fails_is_run_again_while_it_is_wanted, begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_goes_on_failing_is_told_of_seldom_and_then_how_often_it_had_failed,
			begin, end),
		cmocka_unit_test_setup_teardown(
			one_that_has_failed_and_is_not_wanted_any_more_is_told_of_to_the_end, begin,
			end),
		cmocka_unit_test_setup_teardown(a_program_that_is_not_there_has_failed, begin, end),
		cmocka_unit_test_setup_teardown(without_a_program_nothing_is_run, begin, end),
		cmocka_unit_test_setup_teardown(
			a_program_that_talks_without_end_does_not_block_and_is_cut, begin, end),
	};
	return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
