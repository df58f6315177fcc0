/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/agent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct hf_ready_view view;

static void each_state_is_a_line_that_haproxy_knows(void **state)
{
	char line[HF_AGENT_LINE_MAX];
	(void)state;
	view = (struct hf_ready_view){.ready = true};
	assert_string_equal(hf_agent_line(&view, line), "up ready\n");
	view.ready = false;
	hf_look_add(&view.look, HF_REASON_UPSTREAM, HF_REASON_SLOW, ".", "no upstream answers");
	hf_look_add(
		&view.look, HF_REASON_ZONE, HF_REASON_AT_ONCE, "corp.", "serial 12 is published");
	assert_string_equal(hf_agent_line(&view, line), "down #serial 12 is published\n");
	view.draining = true;
	assert_string_equal(hf_agent_line(&view, line), "drain\n");
}

static void the_longest_reason_still_ends_its_line(void **state)
{
	char line[HF_AGENT_LINE_MAX], text[HF_REASON_TEXT_MAX];
	(void)state;
	view = (struct hf_ready_view){.ready = false};
	memset(text, 'x', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	hf_look_add(&view.look, HF_REASON_ZONE, HF_REASON_AT_ONCE, NULL, "%s", text);
	hf_agent_line(&view, line);
	assert_int_equal(line[strlen(line) - 1], '\n');
	assert_int_equal(strcspn(line, "\n"), strlen(line) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_state_is_a_line_that_haproxy_knows),
		cmocka_unit_test(the_longest_reason_still_ends_its_line),
	};
	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
