/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/ready.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "face/config.h"
#include "face/instance.h"
#include "face/server_double.h"

#define NOON INT64_C(1763705040)

static struct hf_ready ready;
static struct hf_server *server;
static struct hf_ready_view view;
static char said[4096];

static void release(void *owner)
{
	(void)owner;
}

static int begin(void **state)
{
	static const struct hf_settings settings = {.release = release};
	static const struct hf_ready_conf conf = {.rise = HF_SECOND, .held = 100};
	(void)state;
	server = hf_double_new(&settings);
	hf_ready_init(&ready, &conf, 0, NOON);
	return 0;
}

static int end(void **state)
{
	(void)state;
	hf_server_free(server);
	hf_ready_clear(&ready);
	return 0;
}

static bool look(hf_us now, bool draining, int64_t wall)
{
	bool changed = hf_ready_look(&ready, &(struct hf_ready_sight){.server = server,
						     .stale = true,
						     .draining = draining,
						     .now = now,
						     .wall = wall});
	hf_ready_read(&ready, &view);
	return changed;
}

static const char *text(void)
{
	memset(said, 0, sizeof said);
	FILE *out = fmemopen(said, sizeof said - 1, "w");
	hf_ready_write_text(&view, out);
	fclose(out);
	return said;
}

static const char *json(hf_us now)
{
	memset(said, 0, sizeof said);
	FILE *out = fmemopen(said, sizeof said - 1, "w");
	assert_int_equal(hf_ready_write_json(&view, now, out), 0);
	fclose(out);
	return said;
}

static void before_the_first_look_it_is_starting(void **state)
{
	(void)state;
	hf_ready_read(&ready, &view);
	assert_string_equal(text(), "not ready\nholdfast is starting\n");
}

static void what_is_noted_is_said_though_it_is_ready(void **state)
{
	(void)state;
	look(0, false, NOON);
	assert_true(look(HF_SECOND, false, NOON));
	assert_string_equal(text(), "ready\n");
	ready.machine.upstreams = HF_READY_NONE;
	server->ready = false;
	assert_false(look(2 * HF_SECOND, false, NOON));
	assert_string_equal(text(), "ready\nno upstream of zone . may be used\n");
}

static void a_server_that_ends_is_not_ready_at_once_and_for_that_alone(void **state)
{
	(void)state;
	look(0, false, NOON);
	look(HF_SECOND, false, NOON);
	server->ready = false;
	assert_true(look(HF_SECOND + 1, true, NOON));
	assert_string_equal(text(), "not ready\nholdfast is stopping\n");
	assert_non_null(strstr(json(HF_SECOND + 1), "\"state\": \"stopping\""));
}

static void the_object_says_since_when_and_why(void **state)
{
	(void)state;
	ready.machine.held = 0;
	server->ready = false;
	look(0, false, NOON);
	json(1100 * HF_MS);
	assert_non_null(strstr(said, "\"ready\": false"));
	assert_non_null(strstr(said, "\"state\": \"not ready\""));
	assert_non_null(strstr(said, "\"since\": 1763705040"));
	assert_non_null(strstr(said, "\"seconds\": 1.1,"));
	assert_non_null(strstr(said, "\"kind\": \"upstream\""));
	assert_non_null(strstr(said, "\"what\": \".\""));
	assert_non_null(strstr(said, "\"weight\": \"slow\""));
}

static void a_clock_that_cannot_be_right_keeps_it_from_being_ready(void **state)
{
	(void)state;
	look(0, false, 86400);
	assert_false(look(10 * HF_SECOND, false, 86400));
	assert_non_null(strstr(text(), "clock"));
	look(11 * HF_SECOND, false, NOON);
	assert_true(look(12 * HF_SECOND, false, NOON));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(before_the_first_look_it_is_starting, begin, end),
		cmocka_unit_test_setup_teardown(
			what_is_noted_is_said_though_it_is_ready, begin, end),
		cmocka_unit_test_setup_teardown(
			a_server_that_ends_is_not_ready_at_once_and_for_that_alone, begin, end),
		cmocka_unit_test_setup_teardown(the_object_says_since_when_and_why, begin, end),
		cmocka_unit_test_setup_teardown(
			a_clock_that_cannot_be_right_keeps_it_from_being_ready, begin, end),
	};
	return cmocka_run_group_tests_name("ready", tests, NULL, NULL);
}
