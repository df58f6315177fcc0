/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/special.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static uint8_t wire[2048];
static uint16_t ttl_at[8];

static bool answer(const char *name, uint16_t type, struct hf_message_view *ret)
{
	struct hf_question q = { .type = type, .class = HF_CLASS_IN };
	struct hf_kept kept = { .wire = wire, .ttl_at = ttl_at };
	assert_int_equal(hf_name_from_text(name, strlen(name), &q.name), 0);
	if (!hf_special_answer(&q, &kept))
		return false;
	assert_int_equal(hf_message_read(wire, kept.len, ret), 0);
	assert_int_equal(ret->answer_end, kept.answer_end);
	assert_int_equal(ret->authority_end, kept.authority_end);
	return true;
}

static void localhost_and_all_below_it_is_this_machine(void **state)
{
	(void)state;
	struct hf_message_view view;
	assert_true(answer("localhost", HF_TYPE_A, &view));
	assert_int_equal(view.answers, 1);
	assert_memory_equal(wire + view.answer_end - 4, "\x7f\0\0\1", 4);
	assert_true(answer("a.b.localhost", HF_TYPE_AAAA, &view));
	assert_int_equal(view.answers, 1);
	assert_int_equal(wire[view.answer_end - 1], 1);
}

static void other_types_of_localhost_are_denied_with_a_soa(void **state)
{
	(void)state;
	struct hf_message_view view;
	assert_true(answer("localhost", HF_TYPE_MX, &view));
	assert_int_equal(view.rcode, HF_RCODE_NOERROR);
	assert_int_equal(view.answers, 0);
	assert_true(view.has_soa);
	assert_int_equal(view.soa_negative, 10800);
}

static void invalid_and_onion_do_not_exist(void **state)
{
	(void)state;
	struct hf_message_view view;
	assert_true(answer("foo.invalid", HF_TYPE_A, &view));
	assert_int_equal(view.rcode, HF_RCODE_NXDOMAIN);
	assert_true(answer("abc.onion", HF_TYPE_A, &view));
	assert_int_equal(view.rcode, HF_RCODE_NXDOMAIN);
}

static void the_reverse_of_loopback_is_localhost(void **state)
{
	(void)state;
	struct hf_message_view view;
	assert_true(answer("1.0.0.127.in-addr.arpa", HF_TYPE_PTR, &view));
	assert_int_equal(view.answers, 1);
	assert_true(answer("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa",
		HF_TYPE_PTR, &view));
	assert_int_equal(view.answers, 1);
}

static void names_that_only_look_alike_are_not_ours(void **state)
{
	(void)state;
	struct hf_message_view view;
	assert_false(answer("notlocalhost", HF_TYPE_A, &view));
	assert_false(answer("localhost.example", HF_TYPE_A, &view));
	assert_false(answer("2.0.0.127.in-addr.arpa", HF_TYPE_PTR, &view));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(localhost_and_all_below_it_is_this_machine),
		cmocka_unit_test(other_types_of_localhost_are_denied_with_a_soa),
		cmocka_unit_test(invalid_and_onion_do_not_exist),
		cmocka_unit_test(the_reverse_of_loopback_is_localhost),
		cmocka_unit_test(names_that_only_look_alike_are_not_ours),
	};
	return cmocka_run_group_tests_name("special", tests, NULL, NULL);
}
