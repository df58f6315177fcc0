/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What siblings change at the gate. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "zone/gate.h"
#include "zone/snapshot.h"

#define S HF_SECOND
#define PRIMARY 0
#define SIBLING 1

static struct hf_gate gate;

static void begin(bool self, uint32_t serial)
{
	static const enum hf_witness_kind kinds[] = {HF_WITNESS_PRIMARY, HF_WITNESS_SIBLING};
	const struct hf_gate_conf conf = {
		.grace = 10 * S, .patience = 300 * S, .serve_unproven = 60 * S, .self = self};
	const struct hf_zone_soa soa = {
		.serial = serial, .refresh = 60, .retry = 10, .expire = 3600};
	hf_gate_init(&gate, &conf, self ? kinds + 1 : kinds, self ? 1 : 2, 0);
	hf_gate_copy(&gate, &soa, HF_GATE_NEVER, 0);
}

static bool served(hf_us now)
{
	return hf_gate_verdict(&gate, now).serve;
}

static void nothing_is_served_before_siblings_have_been_asked(void **state)
{
	(void)state;
	begin(false, 9);
	hf_gate_report(&gate, PRIMARY, true, 9, S); /* a primary that was set back */
	assert_false(served(S));
	hf_gate_report(&gate, SIBLING, true, 12, 2 * S);
	assert_false(served(2 * S));
	assert_int_equal(gate.state, HF_GATE_BEHIND);
}

static void a_sibling_that_is_dark_keeps_nobody_from_serving(void **state)
{
	(void)state;
	begin(false, 9);
	hf_gate_report(&gate, PRIMARY, true, 9, S);
	hf_gate_report(&gate, SIBLING, false, 0, 2 * S);
	assert_true(served(2 * S));
	assert_int_equal(gate.state, HF_GATE_CURRENT);
}

static void a_file_too_waits_for_what_siblings_say(void **state)
{
	(void)state;
	begin(true, 9);
	hf_gate_transferred(&gate, SIZE_MAX, 9, S);
	assert_false(served(S));
	hf_gate_report(&gate, 0, true, 9, 2 * S);
	assert_true(served(2 * S));
}

static void a_sibling_as_old_as_we_are_proves_nothing(void **state)
{
	(void)state;
	begin(false, 9);
	hf_gate_report(&gate, PRIMARY, false, 0, S);
	hf_gate_report(&gate, SIBLING, true, 9, S);
	struct hf_gate_verdict verdict = hf_gate_verdict(&gate, S);
	assert_int_equal(verdict.state, HF_GATE_UNPROVEN);
	assert_true(verdict.marked); /* serve-unproven: no witness was reached */
}

static void panic_serves_what_nobody_proves_marked_until_it_is_taken_back(void **state)
{
	(void)state;
	begin(false, 9);
	gate.conf.serve_unproven = 0;
	hf_gate_report(&gate, PRIMARY, false, 0, S);
	hf_gate_report(&gate, SIBLING, false, 0, S);
	assert_false(served(S));
	hf_gate_panic(&gate, true);
	struct hf_gate_verdict verdict = hf_gate_verdict(&gate, 2 * S);
	assert_true(verdict.serve && verdict.marked);
	hf_gate_report(&gate, PRIMARY, true, 9, 3 * S);
	verdict = hf_gate_verdict(&gate, 3 * S);
	assert_true(verdict.serve && !verdict.marked);
	begin(false, 9);
	hf_gate_panic(&gate, true);
	hf_gate_panic(&gate, false);
	gate.conf.serve_unproven = 0;
	assert_false(served(S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_served_before_siblings_have_been_asked),
		cmocka_unit_test(a_sibling_that_is_dark_keeps_nobody_from_serving),
		cmocka_unit_test(a_file_too_waits_for_what_siblings_say),
		cmocka_unit_test(a_sibling_as_old_as_we_are_proves_nothing),
		cmocka_unit_test(panic_serves_what_nobody_proves_marked_until_it_is_taken_back),
	};
	return cmocka_run_group_tests_name("gate_siblings", tests, NULL, NULL);
}
