/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "face/command.h"
#include "face/instance.h"
#include "face/server_double.h"
#include "face/status.h"

struct fixture {
	struct hf_instance instance;
	struct hf_notify notify;
	char path[64];
	char said[8192];
};

#define GOOD "upstreams:\n  a: 192.0.2.53\nforward:\n  - { zone: \".\", to: [a] }\n"

static void write_file(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");
	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static hf_us began;

static int begin(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	snprintf(f->path, sizeof f->path, "/tmp/holdfast-instance-XXXXXX");
	close(mkstemp(f->path));
	write_file(f, GOOD);
	assert_int_equal(hf_instance_init(&f->instance, f->path, stderr), 0);
	struct hf_settings settings = hf_instance_settings(f->instance.config);
	f->instance.server = hf_double_new(&settings);
	began = f->instance.ready.machine.since;
	f->notify.fd = -1;
	f->instance.notify = &f->notify;
	*state = f;
	return 0;
}

static int end(void **state)
{
	struct fixture *f = *state;
	hf_server_free(f->instance.server);
	hf_instance_clear(&f->instance);
	unlink(f->path);
	free(f);
	return 0;
}

static int reload(struct fixture *f)
{
	memset(f->said, 0, sizeof f->said);
	FILE *out = fmemopen(f->said, sizeof f->said - 1, "w");
	int status = hf_instance_reload(&f->instance, out);
	fclose(out);
	return status;
}

static void a_good_file_takes_the_place_of_the_old_one(void **state)
{
	struct fixture *f = *state;
	struct hf_config *before = f->instance.config;
	write_file(f, GOOD "drain: 7s\n");
	assert_int_equal(reload(f), HF_EXIT_GOOD);
	assert_string_equal(f->said, "");
	assert_ptr_not_equal(f->instance.config, before);
	assert_int_equal(f->instance.config->process.drain, 7 * HF_SECOND);
	assert_int_equal(f->instance.server->reloads, 1);
	assert_ptr_equal(f->instance.server->settings.owner, f->instance.config);
}

static void a_bad_file_changes_nothing_and_says_why(void **state)
{
	struct fixture *f = *state;
	struct hf_config *before = f->instance.config;
	write_file(f, GOOD "drian: 7s\n");
	assert_int_equal(reload(f), HF_EXIT_USAGE);
	assert_non_null(strstr(f->said, f->path));
	assert_non_null(strstr(f->said, "drain"));
	assert_ptr_equal(f->instance.config, before);
	assert_int_equal(f->instance.server->reloads, 0);
	assert_int_equal(atomic_load(&f->instance.reload_failures), 1);
}

/* As a full disk leaves one, or who writes the file in place and is not done yet. */
static void a_file_that_became_empty_is_not_taken_for_the_defaults(void **state)
{
	static const char *const texts[] = {"", "\n", "# only a comment\n"};
	struct fixture *f = *state;
	struct hf_config *before = f->instance.config;
	for (size_t i = 0; i < HF_COUNT_OF(texts); i++) {
		write_file(f, texts[i]);
		assert_int_equal(reload(f), HF_EXIT_USAGE);
		assert_non_null(strstr(f->said, "nothing is left in it"));
		assert_ptr_equal(f->instance.config, before);
	}
	write_file(f, "{}\n");
	assert_int_equal(reload(f), HF_EXIT_GOOD);
	write_file(f, ""); /* nothing is lost by it */
	assert_int_equal(reload(f), HF_EXIT_GOOD);
	assert_int_equal(reload(f), HF_EXIT_GOOD);
}

/* A pipe keeps its reader waiting for somebody who writes, and what was read from it at the
 * start is not there the second time: nothing is, which is a good configuration. */
static void a_pipe_is_not_read_again(void **state)
{
	struct fixture *f = *state;
	struct hf_config *before = f->instance.config;
	unlink(f->path);
	assert_int_equal(mkfifo(f->path, 0600), 0);
	alarm(20);
	assert_int_equal(reload(f), HF_EXIT_USAGE);
	alarm(0);
	assert_non_null(strstr(f->said, "it is a pipe, and cannot be read again"));
	assert_ptr_equal(f->instance.config, before);
	assert_int_equal(f->instance.server->reloads, 0);
}

static void a_server_that_cannot_change_keeps_what_it_has(void **state)
{
	struct fixture *f = *state;
	struct hf_config *before = f->instance.config;
	f->instance.server->reload_error = -EADDRNOTAVAIL;
	assert_int_equal(reload(f), HF_EXIT_UNREACHED);
	assert_non_null(strstr(f->said, "192.0.2.1:53 cannot be had"));
	assert_non_null(strstr(f->said, "no interface"));
	assert_ptr_equal(f->instance.config, before);
}

static void keys_that_need_a_restart_are_named_until_it_is_restarted(void **state)
{
	struct fixture *f = *state;
	write_file(f, GOOD "cache: { size: 8MiB }\n");
	assert_int_equal(reload(f), HF_EXIT_GOOD);
	assert_non_null(strstr(f->said, "needs a restart to take effect: cache.size"));
	/* The same file again: the process still runs with the first size. */
	assert_int_equal(reload(f), HF_EXIT_GOOD);
	assert_non_null(strstr(f->said, "needs a restart to take effect: cache.size"));
	write_file(f, GOOD);
	assert_int_equal(reload(f), HF_EXIT_GOOD);
	assert_string_equal(f->said, "");
}

static void nothing_is_reloaded_while_stopping(void **state)
{
	struct fixture *f = *state;
	atomic_store(&f->instance.draining, true);
	assert_int_equal(reload(f), HF_EXIT_FAULT);
	assert_int_equal(f->instance.server->reloads, 0);
}

/* As the main thread would. */
static void watch(struct fixture *f, hf_us from, hf_us to)
{
	for (hf_us now = from; now <= to; now += HF_READY_EVERY)
		hf_instance_look(&f->instance, began + now, 1763705040);
}

static void it_is_alive_but_not_ready_while_stopping(void **state)
{
	struct fixture *f = *state;
	char text[256] = "";
	f->instance.server->alive = false;
	assert_false(hf_instance_alive(&f->instance, 0, HF_SECOND));
	watch(f, 0, 2 * HF_SECOND);
	assert_true(hf_instance_ready(&f->instance, stderr));
	atomic_store(&f->instance.draining, true);
	watch(f, 2 * HF_SECOND, 2 * HF_SECOND);
	assert_true(hf_instance_alive(&f->instance, 0, HF_SECOND));
	FILE *out = fmemopen(text, sizeof text, "w");
	assert_false(hf_instance_ready(&f->instance, out));
	fclose(out);
	assert_string_equal(text, "holdfast is stopping\n");
}

static void *look(void *ctx)
{
	struct fixture *f = ctx;
	for (int i = 0; i < 2000; i++) {
		struct hf_config *config = hf_instance_config(&f->instance);
		char *printed = hf_config_json(config);
		assert_non_null(printed);
		free(printed);
		hf_config_unref(config);
	}
	return NULL;
}

static void others_may_look_while_it_reloads(void **state)
{
	struct fixture *f = *state;
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, look, f), 0);
	for (int i = 0; i < 20; i++)
		assert_int_equal(reload(f), HF_EXIT_GOOD);
	pthread_join(thread, NULL);
}

static void the_status_is_a_page_and_an_object(void **state)
{
	struct fixture *f = *state;
	struct hf_server *server = f->instance.server;
	hf_count(&server->meters[0], HF_COUNT_CACHE_HITS);
	hf_count(&server->meters[1], HF_COUNT_CACHE_MISSES);
	hf_meter_query(&server->meters[0], HF_TRANSPORT_UDP, 1);
	hf_gauge_set(&server->meters[0].upstreams[HF_DOUBLE_SLOT].gauges[HF_UP_RTT_US], 12345);
	server->ready = false;
	watch(f, 0, 0);
	FILE *out = fmemopen(f->said, sizeof f->said - 1, "w");
	assert_int_equal(hf_status_write_text(&f->instance, 90 * HF_SECOND, out), 0);
	fclose(out);
	assert_non_null(strstr(f->said, "up 1m30s, NOT ready"));
	assert_non_null(strstr(f->said, "because no upstream of zone ."));
	assert_non_null(strstr(f->said, "50.0 % hits"));
	assert_non_null(strstr(f->said, "quad9"));
	assert_non_null(strstr(f->said, "12.3 ms"));
	memset(f->said, 0, sizeof f->said);
	out = fmemopen(f->said, sizeof f->said - 1, "w");
	assert_int_equal(hf_status_write_json(&f->instance, 90 * HF_SECOND, out), 0);
	fclose(out);
	assert_non_null(strstr(f->said, "\"uptime\": 90"));
	assert_non_null(strstr(f->said, "\"ready\": false"));
	assert_non_null(strstr(f->said, "\"rtt_ms\": 12.345,"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_good_file_takes_the_place_of_the_old_one, begin, end),
		cmocka_unit_test_setup_teardown(
			a_bad_file_changes_nothing_and_says_why, begin, end),
		cmocka_unit_test_setup_teardown(
			a_file_that_became_empty_is_not_taken_for_the_defaults, begin, end),
		cmocka_unit_test_setup_teardown(a_pipe_is_not_read_again, begin, end),
		cmocka_unit_test_setup_teardown(
			a_server_that_cannot_change_keeps_what_it_has, begin, end),
		cmocka_unit_test_setup_teardown(
			keys_that_need_a_restart_are_named_until_it_is_restarted, begin, end),
		cmocka_unit_test_setup_teardown(nothing_is_reloaded_while_stopping, begin, end),
		cmocka_unit_test_setup_teardown(
			it_is_alive_but_not_ready_while_stopping, begin, end),
		cmocka_unit_test_setup_teardown(others_may_look_while_it_reloads, begin, end),
		cmocka_unit_test_setup_teardown(the_status_is_a_page_and_an_object, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
