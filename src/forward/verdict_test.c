/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "forward/verdict.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static enum hf_verdict of(uint16_t flags, unsigned rcode)
{
	return hf_verdict(&(struct hf_message_view){
		.flags = (uint16_t)(flags | (rcode & HF_FLAG_RCODE)), .rcode = rcode });
}

static void every_rcode_has_its_verdict(void **state)
{
	(void)state;
	for (unsigned rcode = 0; rcode < 4096; rcode++) {
		enum hf_verdict want = HF_VERDICT_REFUSED;
		switch (rcode) {
		case HF_RCODE_NOERROR:
		case HF_RCODE_NXDOMAIN: want = HF_VERDICT_ANSWER; break;
		case HF_RCODE_FORMERR: want = HF_VERDICT_FORMERR; break;
		case HF_RCODE_SERVFAIL: want = HF_VERDICT_SERVFAIL; break;
		case HF_RCODE_NOTIMP:
		case HF_RCODE_BADVERS: want = HF_VERDICT_NOTIMP; break;
		case HF_RCODE_BADCOOKIE: want = HF_VERDICT_BADCOOKIE; break;
		}
		assert_int_equal(of(HF_FLAG_QR, rcode), want);
	}
}

static void truncation_matters_for_answers_only(void **state)
{
	(void)state;
	assert_int_equal(of(HF_FLAG_QR | HF_FLAG_TC, HF_RCODE_NOERROR), HF_VERDICT_TRUNCATED);
	assert_int_equal(of(HF_FLAG_QR | HF_FLAG_TC, HF_RCODE_NXDOMAIN), HF_VERDICT_TRUNCATED);
	assert_int_equal(of(HF_FLAG_QR | HF_FLAG_TC, HF_RCODE_SERVFAIL), HF_VERDICT_SERVFAIL);
}

static void a_question_or_another_opcode_is_garbage(void **state)
{
	(void)state;
	assert_int_equal(of(0, HF_RCODE_NOERROR), HF_VERDICT_GARBAGE);
	for (unsigned opcode = 1; opcode < 16; opcode++)
		assert_int_equal(of((uint16_t)(HF_FLAG_QR | opcode << 11), 0), HF_VERDICT_GARBAGE);
}

static void a_referral_is_lame_unless_it_is_authoritative(void **state)
{
	struct hf_message_view view = { .flags = HF_FLAG_QR, .has_referral = true };
	(void)state;
	assert_int_equal(hf_verdict(&view), HF_VERDICT_LAME);
	view.flags |= HF_FLAG_AA;
	assert_int_equal(hf_verdict(&view), HF_VERDICT_ANSWER);
	view.flags = HF_FLAG_QR | HF_FLAG_TC;
	assert_int_equal(hf_verdict(&view), HF_VERDICT_TRUNCATED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_rcode_has_its_verdict),
		cmocka_unit_test(truncation_matters_for_answers_only),
		cmocka_unit_test(a_question_or_another_opcode_is_garbage),
		cmocka_unit_test(a_referral_is_lame_unless_it_is_authoritative),
	};
	return cmocka_run_group_tests_name("verdict", tests, NULL, NULL);
}
