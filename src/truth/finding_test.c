/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/finding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "wire/sample.h"

#define WWW "\3www\7example\0"

static struct hf_prefix within;
static struct hf_expectation conf;
static struct hf_expected expected;
static struct hf_findings findings;
static struct hf_sample sample;

static int set_up(void **state)
{
	(void)state;
	assert_int_equal(hf_prefix_parse("192.0.2.0/24", &within), 0);
	conf = (struct hf_expectation){
		.addresses = {&within, 1}, .agree = "none", .prove_port = 443};
	expected = (struct hf_expected){.conf = &conf};
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	hf_findings_clear(&findings);
	return 0;
}

static struct hf_finding *ask(size_t upstreams)
{
	static const uint16_t who[] = {3, 1, 2, 0};
	struct hf_question question = {.type = HF_TYPE_A, .class = HF_CLASS_IN};
	question.name.len = sizeof WWW - 1;
	memcpy(question.name.bytes, WWW, sizeof WWW - 1);
	assert_int_equal(hf_findings_add(&findings, &question, &expected, who, upstreams), 0);
	return &findings.items[findings.questions[findings.question_count - 1].first];
}

static void hear(struct hf_finding *finding)
{
	struct hf_message_view view;
	assert_int_equal(hf_message_read(sample.bytes, sample.w.len, &view), 0);
	assert_int_equal(hf_finding_hear(&findings, finding, sample.bytes, &view, 7 * HF_MS), 0);
}

static void says(struct hf_finding *finding, const char *bytes)
{
	hf_sample_begin(&sample, HF_FLAG_QR, HF_RAW(WWW), HF_TYPE_A);
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_A, 60,
		(const uint8_t *)bytes, 4);
	hear(finding);
}

static void denies(struct hf_finding *finding)
{
	hf_sample_begin(&sample, HF_FLAG_QR | HF_RCODE_NXDOMAIN, HF_RAW(WWW), HF_TYPE_A);
	hear(finding);
}

static void gives_nothing(struct hf_finding *finding)
{
	hf_sample_begin(&sample, HF_FLAG_QR, HF_RAW(WWW), HF_TYPE_A);
	hear(finding);
}

#define GOOD "\xc0\0\2\1"
#define OTHER "\xc0\0\2\2"
#define BAD "\xc0\0\3\1"

static void who_says_what_is_expected_is_true_and_who_does_not_lies(void **state)
{
	char said[HF_SAID_TEXT_MAX], why[HF_EVIDENCE_TEXT_MAX];
	(void)state;
	struct hf_finding *rows = ask(3);
	says(&rows[0], GOOD);
	says(&rows[1], BAD);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_TRUE);
	assert_int_equal(rows[1].found, HF_FOUND_LIE);
	assert_string_equal(hf_said_text(&rows[1], said), "192.0.3.1");
	assert_string_equal(hf_finding_text(&rows[1], why),
		"192.0.3.1, which is none of the addresses expected");
	assert_int_equal(rows[2].found, HF_FOUND_NOT_ASKED);
	assert_string_equal(hf_finding_text(&rows[2], why), "there was no time left");
	assert_int_equal(rows[1].upstream, 1);
	assert_int_equal(hf_findings_sum(&findings, 1).of[HF_FOUND_LIE], 1);
	assert_int_equal(hf_findings_sum(&findings, UINT16_MAX).all, 3);
}

static void a_denial_is_a_lie_if_another_knows_the_name_and_else_only_a_denial(void **state)
{
	(void)state;
	struct hf_finding *rows = ask(2);
	denies(&rows[0]);
	says(&rows[1], GOOD);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_LIE);
	assert_int_equal(rows[0].evidence.lie, HF_LIE_DENIED);
	rows = ask(2);
	denies(&rows[0]);
	denies(&rows[1]);
	hf_findings_settle(&findings, 1);
	assert_int_equal(rows[0].found, HF_FOUND_DENIED);
	assert_int_equal(rows[1].found, HF_FOUND_DENIED);
}

static void so_is_an_answer_without_the_address_that_is_expected(void **state)
{
	char why[HF_EVIDENCE_TEXT_MAX];
	(void)state;
	struct hf_finding *rows = ask(2);
	gives_nothing(&rows[0]);
	says(&rows[1], GOOD);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_LIE);
	assert_int_equal(rows[0].evidence.lie, HF_LIE_EMPTY);
	assert_string_equal(
		hf_finding_text(&rows[0], why), "no address, where another upstream gives one");
	assert_int_equal(rows[1].found, HF_FOUND_TRUE);
	rows = ask(2);
	gives_nothing(&rows[0]);
	denies(&rows[1]);
	hf_findings_settle(&findings, 1);
	assert_int_equal(rows[0].found, HF_FOUND_DENIED);
	assert_string_equal(hf_finding_text(&rows[0], why),
		"an address is expected, and nobody who was asked gives one");
	assert_int_equal(rows[1].found, HF_FOUND_DENIED);
}

static void what_a_liar_says_does_not_convict_who_denies(void **state)
{
	(void)state;
	struct hf_finding *rows = ask(2);
	denies(&rows[0]);
	says(&rows[1], BAD);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_DENIED);
	assert_int_equal(rows[1].found, HF_FOUND_LIE);
}

static void enough_that_agree_are_believed_and_the_rest_has_not_lied(void **state)
{
	char why[HF_EVIDENCE_TEXT_MAX];
	(void)state;
	expected.agree = 2;
	expected.of = 3;
	struct hf_finding *rows = ask(3);
	says(&rows[0], GOOD);
	says(&rows[1], OTHER);
	says(&rows[2], GOOD);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_TRUE);
	assert_int_equal(rows[2].found, HF_FOUND_TRUE);
	assert_int_equal(rows[1].found, HF_FOUND_UNSURE);
	assert_string_equal(hf_finding_text(&rows[1], why), "2 others agree on something else");
}

static void too_few_that_agree_prove_nothing_against_anybody(void **state)
{
	char why[HF_EVIDENCE_TEXT_MAX];
	(void)state;
	expected.agree = 2;
	struct hf_finding *rows = ask(4);
	says(&rows[0], GOOD);
	says(&rows[1], OTHER);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_UNSURE);
	assert_int_equal(rows[1].found, HF_FOUND_UNSURE);
	assert_string_equal(hf_finding_text(&rows[0], why), "1 of 4 agree, 2 are wanted");
}

static void who_lies_has_no_vote(void **state)
{
	(void)state;
	expected.agree = 2;
	struct hf_finding *rows = ask(2);
	says(&rows[0], BAD);
	says(&rows[1], BAD);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_LIE);
	assert_int_equal(rows[1].found, HF_FOUND_LIE);
}

static void certificates_decide_where_they_can_be_seen(void **state)
{
	char why[HF_EVIDENCE_TEXT_MAX];
	(void)state;
	conf.prove = HF_PROVE_TLS;
	struct hf_finding *rows = ask(3);
	for (int i = 0; i < 3; i++) {
		says(&rows[i], GOOD);
		assert_true(hf_finding_wants_proof(&findings, &rows[i]));
	}
	hf_finding_show(&rows[0], &rows[0].said->addresses[0], HF_SHOWN_HOLDS, "");
	hf_finding_show(&rows[1], &rows[1].said->addresses[0], HF_SHOWN_FAILS, "it is expired");
	hf_finding_show(&rows[2], &rows[2].said->addresses[0], HF_SHOWN_MISSING, "nobody listens");
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_TRUE);
	assert_int_equal(rows[1].found, HF_FOUND_LIE);
	assert_string_equal(hf_finding_text(&rows[1], why), "192.0.2.1, not proven: it is expired");
	assert_int_equal(rows[2].found, HF_FOUND_UNPROVEN);
	assert_string_equal(hf_finding_text(&rows[2], why), "192.0.2.1: nobody listens");
}

static void a_list_is_out_of_date_when_a_certificate_says_so(void **state)
{
	struct hf_address proposed[4];
	char text[HF_ADDRESS_TEXT_MAX];
	(void)state;
	conf.prove = HF_PROVE_TLS;
	struct hf_finding *rows = ask(1);
	says(&rows[0], BAD);
	assert_true(hf_finding_wants_proof(&findings, &rows[0]));
	hf_finding_show(&rows[0], &rows[0].said->addresses[0], HF_SHOWN_HOLDS, "");
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_LIE);
	assert_true(findings.questions[0].outdated && findings.questions[0].proven);
	assert_int_equal(hf_findings_propose(&findings, &findings.questions[0], proposed, 4), 1);
	assert_string_equal(hf_address_text(&proposed[0], text), "192.0.3.1");
}

static void a_list_may_be_out_of_date_when_all_contradict_it_alike(void **state)
{
	struct hf_address proposed[4];
	(void)state;
	struct hf_finding *rows = ask(2);
	says(&rows[0], BAD);
	says(&rows[1], BAD);
	hf_findings_settle(&findings, 0);
	assert_true(findings.questions[0].outdated);
	assert_false(findings.questions[0].proven);
	assert_int_equal(hf_findings_propose(&findings, &findings.questions[0], proposed, 4), 1);
	rows = ask(1); /* one alone may just lie */
	says(&rows[0], BAD);
	hf_findings_settle(&findings, 1);
	assert_false(findings.questions[1].outdated);
	rows = ask(2); /* and one who bears the list out shows that it is good */
	says(&rows[0], BAD);
	says(&rows[1], GOOD);
	hf_findings_settle(&findings, 2);
	assert_int_equal(hf_findings_propose(&findings, &findings.questions[2], proposed, 4), 0);
}

static void a_silence_and_a_failure_are_no_lies(void **state)
{
	(void)state;
	struct hf_finding *rows = ask(2);
	hf_finding_fail(&rows[0], true, "no answer in time", HF_SECOND);
	hf_finding_fail(&rows[1], false, "SERVFAIL", HF_MS);
	hf_findings_settle(&findings, 0);
	assert_int_equal(rows[0].found, HF_FOUND_SILENT);
	assert_int_equal(rows[1].found, HF_FOUND_FAILED);
}

static void more_than_there_is_room_for_is_refused_and_counted(void **state)
{
	static uint16_t who[64];
	struct hf_question question = {.name = {.len = 1}, .type = HF_TYPE_A};
	int rc = 0;
	(void)state;
	for (int i = 0; i < HF_FINDINGS_MAX / 64; i++)
		rc |= hf_findings_add(&findings, &question, NULL, who, 64);
	assert_int_equal(rc, 0);
	assert_int_equal(hf_findings_add(&findings, &question, NULL, who, 1), HF_EBOUND);
	assert_int_equal(findings.refused, 1);
}

static void what_is_expected_is_said_in_a_line(void **state)
{
	static const char *const cnames[] = {"cdn.example"};
	char text[HF_EXPECTS_TEXT_MAX];
	(void)state;
	conf.never = conf.addresses;
	conf.cname = (struct hf_text_list){cnames, 1};
	conf.prove = HF_PROVE_TLS;
	conf.agree = "2 of 3";
	assert_string_equal(hf_expects_text(&conf, text),
		"addresses in 192.0.2.0/24; none in 192.0.2.0/24; cname cdn.example; "
		"a certificate at port 443; 2 of 3 agree");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(who_says_what_is_expected_is_true_and_who_does_not_lies),
		TEST(a_denial_is_a_lie_if_another_knows_the_name_and_else_only_a_denial),
		TEST(so_is_an_answer_without_the_address_that_is_expected),
		TEST(what_a_liar_says_does_not_convict_who_denies),
		TEST(enough_that_agree_are_believed_and_the_rest_has_not_lied),
		TEST(too_few_that_agree_prove_nothing_against_anybody),
		TEST(who_lies_has_no_vote),
		TEST(certificates_decide_where_they_can_be_seen),
		TEST(a_list_is_out_of_date_when_a_certificate_says_so),
		TEST(a_list_may_be_out_of_date_when_all_contradict_it_alike),
		TEST(a_silence_and_a_failure_are_no_lies),
		TEST(more_than_there_is_room_for_is_refused_and_counted),
		TEST(what_is_expected_is_said_in_a_line),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
