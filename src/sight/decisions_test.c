/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sight/decisions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "forward/query.h"

static bool slot_name(void *ctx, unsigned slot, char *buf, size_t size)
{
	static const char *const names[] = {"isp", "quad9"};
	(void)ctx;
	if (slot < 2)
		snprintf(buf, size, "%s", names[slot]);
	return slot < 2;
}

static const struct hf_slot_names names = {.name = slot_name};

static void a_decision_is_said_with_names_and_figures(void **state)
{
	(void)state;
	static const struct {
		struct hf_decision d;
		const char *says;
	} rows[] = {
		{{.kind = HF_DECIDED_ASK, .channel = HF_CHANNEL_TLS, .a = 60000},
			"asked isp over TLS, and waits 60.0 ms for it"},
		{{.kind = HF_DECIDED_HEDGE,
			 .slot = 1,
			 .other = 0,
			 .channel = HF_CHANNEL_TLS,
			 .a = 31500,
			 .b = 31000},
			"asked quad9 over TLS as well: isp has been silent for 31.5 ms, and 95 % "
			"of its "
			"answers take no longer than 31.0 ms"},
		{{.kind = HF_DECIDED_RETRY,
			 .slot = 1,
			 .channel = HF_CHANNEL_TCP,
			 .why = HF_CAUSE_TIMEOUT,
			 .a = 90000,
			 .b = 2},
			"asked quad9 over TCP, message 2, and waits 90.0 ms for it; before that: "
			"no answer "
			"in "
			"time"},
		{{.kind = HF_DECIDED_FOLLOW, .why = HF_FOLLOW_NO_EDNS, .channel = HF_CHANNEL_TLS},
			"asked isp over TLS without EDNS, which it does not know"},
		{{.kind = HF_DECIDED_FOLLOW, .why = HF_FOLLOW_TRUNCATED, .channel = HF_CHANNEL_TCP},
			"asked isp over TCP, for its reply was cut short"},
		{{.kind = HF_DECIDED_PROBE, .why = HF_PROBE_LOOK},
			"sent isp a copy over UDP, to see whether it is back"},
		{{.kind = HF_DECIDED_PROBE, .why = HF_PROBE_OWN},
			"asked isp over UDP, a question of our own"},
		{{.kind = HF_DECIDED_NO_TOKEN, .slot = 7, .why = HF_WITHOUT_OUR_TOKEN, .a = 5000},
			"asks nobody else for now, next would be ?: the budget of retries for all "
			"upstreams is spent; looks again in 5.0 ms"},
		{{.kind = HF_DECIDED_STALE,
			 .slot = HF_DECISION_NOBODY,
			 .why = HF_STALE_PATIENCE,
			 .a = 90,
			 .b = 1},
			"gave the old answer, 90 s old, to 1 client: it has taken long enough, and "
			"goes on"},
		{{.kind = HF_DECIDED_TURN_AWAY,
			 .slot = HF_DECISION_NOBODY,
			 .why = HF_AWAY_PENDING,
			 .a = 205,
			 .b = 256,
			 .unsaid = 17},
			"not taken on: 205 clients' questions wait at this worker, of 256 that "
			"may, "
			"or this client, route or upstream has its share of them; so were 17 more "
			"before it"},
		{{.kind = HF_DECIDED_FAIL, .slot = HF_DECISION_NOBODY, .why = HF_CAUSE_NONE},
			"failed after 0 messages: no upstream to ask"},
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char buf[HF_DECISION_TEXT_MAX];
		assert_string_equal(hf_decision_text(&rows[i].d, &names, buf), rows[i].says);
	}
}

static void each_kind_and_each_reason_has_words(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < HF_DECIDEDS; kind++) {
		const struct hf_decision d = {.kind = (uint8_t)kind, .other = 1, .a = 1, .b = 1};
		char buf[HF_DECISION_TEXT_MAX];
		assert_true(strlen(hf_decision_text(&d, &names, buf)) > 10);
		assert_null(strstr(buf, "?"));
		assert_true(strlen(buf) + 1 < sizeof buf);
		assert_string_not_equal(hf_decision_kind_name(kind), "unknown");
	}
	assert_string_equal(hf_decision_kind_name(HF_DECIDEDS), "unknown");
}

static void a_name_that_was_cut_shows_its_whole_labels(void **state)
{
	(void)state;
	struct hf_name name;
	struct hf_decision d = {0};
	char buf[HF_NAME_TEXT_MAX];
	static const char text[] =
		"www.a-label-of-some-length.another-label-of-some-length.a-third-label-of-some-length."
		"example";
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	hf_decision_about(&d, name.bytes, name.len, 0, 1);
	assert_string_equal(hf_decision_name(&d, buf), "www.a-label-of-some-length.another-label-of-some-length...");
	assert_int_equal(hf_name_from_text("www.example", 11, &name), 0);
	hf_decision_about(&d, name.bytes, name.len, 0, 1);
	assert_string_equal(hf_decision_name(&d, buf), "www.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_decision_is_said_with_names_and_figures),
		cmocka_unit_test(each_kind_and_each_reason_has_words),
		cmocka_unit_test(a_name_that_was_cut_shows_its_whole_labels),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
