/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "sight/events.h"
#include "upstream/health.h"

struct fixture {
	int fds[2];
	struct hf_log *log;
	char text[1 << 16];
};

static int64_t wall(void *ctx)
{
	(void)ctx;
	return 1763705040; /* 2025-11-21T06:04:00Z */
}

static void begin(struct fixture *f, int format, int level, bool journal, bool timed)
{
	assert_int_equal(pipe2(f->fds, O_NONBLOCK), 0);
	const struct hf_log_to to = { .fd = f->fds[1], .journal = journal, .wall = timed ? wall : NULL };
	const struct hf_log_conf conf = { .level = level, .format = format };
	assert_int_equal(hf_log_new(&to, &conf, &f->log), 0);
}

static const char *written(struct fixture *f)
{
	ssize_t n = read(f->fds[0], f->text, sizeof f->text - 1);
	f->text[n > 0 ? n : 0] = '\0';
	return f->text;
}

static void end(struct fixture *f)
{
	hf_log_free(f->log);
	close(f->fds[0]);
	close(f->fds[1]);
}

static const struct hf_log_field fields[] = {
	HF_LOG_TEXT_FIELD("upstream", "quad9"),
	HF_LOG_NUMBER_FIELD("failures", -5),
	HF_LOG_TEXT_FIELD("why", "two words"),
	{ .key = NULL },
};

static void a_text_line_has_time_level_message_and_fields(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, true);
	hf_log_say(f.log, HF_LOG_WARNING, "upstream rested", fields);
	assert_string_equal(written(&f), "2025-11-21T06:04:00Z warning upstream rested upstream=quad9 "
		"failures=-5 why=\"two words\"\n");
	end(&f);
}

static void under_the_journal_a_line_has_its_priority_and_no_time(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_TEXT, HF_LOG_DEBUG, true, true);
	hf_log_say(f.log, HF_LOG_ERROR, "a", NULL);
	hf_log_say(f.log, HF_LOG_DEBUG, "b", NULL);
	assert_string_equal(written(&f), "<3>error a\n<7>debug b\n");
	end(&f);
}

static void a_json_line_is_one_object(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_JSON, HF_LOG_INFO, true, true);
	hf_log_say(f.log, HF_LOG_WARNING, "upstream \"x\" rested", fields);
	assert_string_equal(written(&f), "{\"time\":\"2025-11-21T06:04:00Z\",\"level\":\"warning\","
		"\"message\":\"upstream \\\"x\\\" rested\",\"upstream\":\"quad9\",\"failures\":-5,"
		"\"why\":\"two words\"}\n");
	end(&f);
}

static void lines_below_the_level_are_not_written(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_TEXT, HF_LOG_WARNING, false, false);
	hf_log_say(f.log, HF_LOG_INFO, "quiet", NULL);
	assert_string_equal(written(&f), "");
	const struct hf_log_conf loud = { .level = HF_LOG_DEBUG };
	hf_log_configure(f.log, &loud);
	hf_log_say(f.log, HF_LOG_DEBUG, "heard", NULL);
	assert_string_equal(written(&f), "debug heard\n");
	end(&f);
}

static void a_line_is_always_one_line_and_never_moves_the_cursor(void **state)
{
	(void)state;
	struct fixture f;
	const struct { const char *said, *text, *json; } cases[] = {
		{ "a\nerror forged", "info a\\x0aerror forged\n", "a\\u000aerror forged" },
		{ "\x1b[2Jgone", "info \\x1b[2Jgone\n", "\\u001b[2Jgone" },
		{ "\xc2\x9b" "2J", "info \\x9b2J\n", "\\u009b2J" },
		{ "caf\xc3\xa9", "info caf\xc3\xa9\n", "caf\xc3\xa9" },
		{ "\xff\xfe", "info \\xff\\xfe\n", "\\u00ff\\u00fe" },
		{ "\xed\xa0\x80", "info \\xed\\xa0\\x80\n", "\\u00ed\\u00a0\\u0080" },
		{ "\xc0\xaf", "info \\xc0\\xaf\n", "\\u00c0\\u00af" },
		{ "cut \xe2\x82", "info cut \\xe2\\x82\n", "cut \\u00e2\\u0082" },
		{ "back\\slash", "info back\\\\slash\n", "back\\\\slash" },
		{ "\x7f", "info \\x7f\n", "\\u007f" },
	};
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		hf_log_say(f.log, HF_LOG_INFO, cases[i].said, NULL);
		assert_string_equal(written(&f), cases[i].text);
	}
	const struct hf_log_conf json = { .level = HF_LOG_INFO, .format = HF_LOG_JSON };
	hf_log_configure(f.log, &json);
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		char wanted[256];
		hf_log_say(f.log, HF_LOG_INFO, cases[i].said, NULL);
		snprintf(wanted, sizeof wanted, "{\"level\":\"info\",\"message\":\"%s\"}\n", cases[i].json);
		assert_string_equal(written(&f), wanted);
	}
	end(&f);
}

static void a_field_cannot_forge_another_one(void **state)
{
	(void)state;
	struct fixture f;
	const struct hf_log_field forged[] = { HF_LOG_TEXT_FIELD("name", "x level=\"none\""),
		HF_LOG_TEXT_FIELD("empty", ""), { .key = NULL } };
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	hf_log_say(f.log, HF_LOG_INFO, "m", forged);
	assert_string_equal(written(&f), "info m name=\"x level=\\\"none\\\"\" empty=\"\"\n");
	end(&f);
}

static void a_line_that_is_too_long_is_still_a_line(void **state)
{
	(void)state;
	struct fixture f;
	char huge[2 * HF_LOG_LINE_MAX];
	memset(huge, 'x', sizeof huge - 1);
	huge[sizeof huge - 1] = '\0';
	const struct hf_log_field long_field[] = { HF_LOG_TEXT_FIELD("k", huge), { .key = NULL } };
	begin(&f, HF_LOG_JSON, HF_LOG_INFO, false, false);
	hf_log_say(f.log, HF_LOG_INFO, "kept", long_field);
	assert_string_equal(written(&f), "{\"level\":\"info\",\"message\":\"kept\"}\n");
	hf_log_say(f.log, HF_LOG_INFO, huge, NULL);
	assert_non_null(strstr(written(&f), "too long"));
	end(&f);
}

static void complaints_become_a_line_each(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	hf_log_lines(f.log, HF_LOG_ERROR, "one\n\ntwo");
	assert_string_equal(written(&f), "error one\nerror two\n");
	hf_log_lines(f.log, HF_LOG_ERROR, "f:1:3: error: bad\na: b\n  ^\nf:2:1: error: worse\n");
	assert_string_equal(written(&f), "error f:1:3: error: bad\nerror f:2:1: error: worse\n");
	end(&f);
}

static const char *kind_name(unsigned kind)
{
	return kind == 1 ? "storm" : "other";
}

static unsigned admitted(struct hf_log *log, unsigned kind, unsigned times, hf_us now)
{
	unsigned n = 0;
	while (times--)
		n += hf_log_admit(log, kind, now);
	return n;
}

static void only_a_burst_of_a_kind_is_admitted_in_a_second(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	assert_int_equal(admitted(f.log, 1, 100, 5 * HF_SECOND), HF_LOG_BURST);
	assert_int_equal(admitted(f.log, 2, 1, 5 * HF_SECOND), 1);
	hf_log_turn(f.log, 5 * HF_SECOND + 999 * HF_MS, kind_name);
	assert_string_equal(written(&f), "");
	hf_log_turn(f.log, 6 * HF_SECOND, kind_name);
	assert_string_equal(written(&f), "warning more of the same suppressed kind=storm suppressed=80\n");
	assert_int_equal(admitted(f.log, 1, 100, 6 * HF_SECOND), HF_LOG_BURST);
	end(&f);
}

static void a_burst_may_come_again_each_second_and_a_clock_that_goes_back_hides_nothing(void **state)
{
	(void)state;
	struct fixture f;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	assert_int_equal(admitted(f.log, 1, HF_LOG_BURST, 5 * HF_SECOND), HF_LOG_BURST);
	assert_int_equal(admitted(f.log, 1, HF_LOG_BURST, 6 * HF_SECOND), HF_LOG_BURST);
	assert_int_equal(admitted(f.log, 1, 1, 6 * HF_SECOND), 0);
	hf_log_turn(f.log, 2 * HF_SECOND, kind_name);
	assert_non_null(strstr(written(&f), "suppressed=1"));
	assert_int_equal(admitted(f.log, 1, HF_LOG_BURST, 2 * HF_SECOND), HF_LOG_BURST);
	assert_int_equal(admitted(f.log, 1, HF_LOG_BURST, 1 * HF_SECOND), HF_LOG_BURST);
	end(&f);
}

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	(void)ctx;
	return slot == 3 && snprintf(buf, size, "quad9") > 0;
}

static const char *said(struct fixture *f, const struct hf_event *event)
{
	static struct hf_event_ring ring;
	const struct hf_slot_names names = { .name = slot_name };
	assert_true(hf_event_put(&ring, event));
	hf_events_say(&ring, f->log, &names, HF_SECOND);
	return written(f);
}

static void events_are_said_in_words(void **state)
{
	static const struct {
		struct hf_event event;
		const char *line;
	} rows[] = {
		{ { .kind = HF_EVENT_UPSTREAM_STATE, .slot = 3, .a = HF_HEALTH_CLOSED,
			  .b = HF_HEALTH_OPEN, .c = HF_OUTCOME_UNREACHABLE },
			"warning upstream is rested upstream=quad9 before=closed now=open "
			"because=\"is not reachable\"\n" },
		{ { .kind = HF_EVENT_UPSTREAM_STATE, .slot = 9, .a = HF_HEALTH_PROBING,
			  .b = HF_HEALTH_CLOSED },
			"info upstream is in use again upstream=(gone) before=probing now=closed\n" },
		{ { .kind = HF_EVENT_SOCKETS_SHORT, .a = -24 },
			"error no further socket for questions to upstreams error=\"Too many open files\"\n" },
		{ { .kind = HF_EVENT_CROWDED, .slot = 3, .a = 1, .b = 230, .about_len = 6,
			  .about = "\4corp" },
			"warning upstream is not asked: questions wait on all connections that it, or "
			"the zone, may have upstream=quad9 zone=corp in_use=230\n" },
		{ { .kind = HF_EVENT_SIZE_LIMIT, .slot = 3, .a = 1200 },
			"warning large answers of the upstream get lost over UDP: asking for small ones, "
			"and TCP upstream=quad9 octets=1200\n" },
		{ { .kind = HF_EVENT_NO_EDNS, .slot = 3 },
			"warning upstream answers only without EDNS upstream=quad9\n" },
	};
	struct fixture f;
	(void)state;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++)
		assert_string_equal(said(&f, &rows[i].event), rows[i].line);
	end(&f);
}

static void a_zone_that_an_upstream_is_no_use_for_is_named(void **state)
{
	struct hf_event event = { .kind = HF_EVENT_PATH_STATE, .slot = 3, .a = HF_HEALTH_CLOSED,
		.b = HF_HEALTH_OPEN, .c = HF_OUTCOME_BEATEN };
	struct fixture f;
	(void)state;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	hf_event_about(&event, (const uint8_t *)"\4corp\7example", 14);
	const char *line = said(&f, &event);
	assert_non_null(strstr(line, "zone=corp.example"));
	assert_non_null(strstr(line, "because=\"did not answer what another upstream answered\""));
	end(&f);
}

static void a_probe_that_failed_is_no_news(void **state)
{
	const struct hf_event event = { .kind = HF_EVENT_UPSTREAM_STATE, .slot = 3,
		.a = HF_HEALTH_PROBING, .b = HF_HEALTH_OPEN, .c = HF_OUTCOME_SILENT };
	struct fixture f;
	(void)state;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	assert_string_equal(said(&f, &event), "");
	end(&f);
}

static void a_cap_that_was_found_is_said_with_its_figures(void **state)
{
	struct hf_event event = { .kind = HF_EVENT_CAP_FOUND, .slot = 3, .a = 1000, .b = 900 };
	struct fixture f;
	(void)state;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	const char *line = said(&f, &event);
	assert_non_null(strstr(line, "warning upstream seems to be capped"));
	assert_non_null(strstr(line, "upstream=quad9 replies=1000 held_to=900\n"));
	event.kind = HF_EVENT_CAP_MOVED;
	assert_non_null(strstr(said(&f, &event), "replies=1000 held_to=900\n"));
	event.kind = HF_EVENT_CAP_LIFTED;
	assert_string_equal(said(&f, &event), "info upstream is not capped any more upstream=quad9\n");
	end(&f);
}

static void every_kind_of_event_has_a_name_and_a_line(void **state)
{
	struct fixture f;
	(void)state;
	begin(&f, HF_LOG_TEXT, HF_LOG_DEBUG, false, false);
	for (uint16_t kind = 0; kind < HF_EVENT_KINDS; kind++) {
		assert_true(strlen(hf_event_kind_name(kind)) > 5);
		assert_non_null(strchr(said(&f, &(struct hf_event){ .kind = kind }), '\n'));
	}
	end(&f);
}

static void *say_many(void *ctx)
{
	for (int i = 0; i < 500; i++)
		hf_log_say(ctx, HF_LOG_INFO, "from a thread", NULL);
	return NULL;
}

static void lines_of_two_threads_do_not_mix(void **state)
{
	(void)state;
	struct fixture f;
	pthread_t other;
	begin(&f, HF_LOG_TEXT, HF_LOG_INFO, false, false);
	assert_int_equal(pthread_create(&other, NULL, say_many, f.log), 0);
	say_many(f.log);
	pthread_join(other, NULL);
	const char *at = written(&f);
	unsigned lines = 0;
	for (; *at; at += strlen("info from a thread\n"), lines++)
		assert_memory_equal(at, "info from a thread\n", strlen("info from a thread\n"));
	assert_int_equal(lines, 1000);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_has_time_level_message_and_fields),
		cmocka_unit_test(under_the_journal_a_line_has_its_priority_and_no_time),
		cmocka_unit_test(a_json_line_is_one_object),
		cmocka_unit_test(lines_below_the_level_are_not_written),
		cmocka_unit_test(a_line_is_always_one_line_and_never_moves_the_cursor),
		cmocka_unit_test(a_field_cannot_forge_another_one),
		cmocka_unit_test(a_line_that_is_too_long_is_still_a_line),
		cmocka_unit_test(complaints_become_a_line_each),
		cmocka_unit_test(only_a_burst_of_a_kind_is_admitted_in_a_second),
		cmocka_unit_test(a_burst_may_come_again_each_second_and_a_clock_that_goes_back_hides_nothing),
		cmocka_unit_test(events_are_said_in_words),
		cmocka_unit_test(a_zone_that_an_upstream_is_no_use_for_is_named),
		cmocka_unit_test(a_probe_that_failed_is_no_news),
		cmocka_unit_test(a_cap_that_was_found_is_said_with_its_figures),
		cmocka_unit_test(every_kind_of_event_has_a_name_and_a_line),
		cmocka_unit_test(lines_of_two_threads_do_not_mix),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
