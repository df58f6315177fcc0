/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/truth.h"

#include "engine/stage_truth.h"

/* 10.0.8.5 is the truth, 203.0.113.9 is not. */
#define TRUTH "\x0a\x00\x08\x05"
#define LIE "\xcb\x00\x71\x09"

static void unasked(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	(void)ctx, (void)ticket, (void)generation, (void)answer, (void)now;
	fail(); /* no client is ever told */
}

static const struct hf_client client = {unasked};

static void speak(struct stage_upstream *u, const uint8_t *q, size_t name, const void *address)
{
	struct hf_sample *s = &u->sample;
	hf_sample_begin(s, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(s->bytes, q, 2);
	hf_sample_record(s, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_A, 300, address, 4);
}

static void speaks_truth(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	speak(u, q, name, TRUTH);
}

static void lies(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	speak(u, q, name, LIE);
}

static struct hf_prefix within;
static struct hf_expectation expectations[3];

static struct hf_expectation expectation(const char *text, bool below)
{
	assert_int_equal(hf_prefix_parse("10.0.8.0/24", &within), 0);
	return (struct hf_expectation){.name = stage_name(text),
		.below = below,
		.addresses = {&within, 1},
		.prove_ca = "system",
		.agree = "none",
		.prove_port = 443};
}

/* Every address but that of the lie has a certificate. */
static struct hf_proof_seen shown(void *ctx, const struct hf_address *address)
{
	(void)ctx;
	return memcmp(address->bytes, LIE, 4) == 0
		       ? (struct hf_proof_seen){HF_PROOF_FAILS, 0, "it is another name's"}
		       : (struct hf_proof_seen){HF_PROOF_HOLDS, 3600 * HF_SECOND, ""};
}

static struct stage_certificates certificates;

static int open_stage(void **state)
{
	struct stage *s = calloc(1, sizeof *s);
	assert_non_null(s);
	s->client = &client;
	expectations[0] = expectation("corp.example", true);
	expectations[1] = expectation("shop.example", false);
	expectations[2] = expectation("proven.example", false);
	expectations[2].addresses = (struct hf_prefix_list){NULL, 0};
	expectations[2].prove = HF_PROVE_TLS;
	s->truth = (struct hf_truth_conf){
		.expectations = expectations, .expectation_count = 3, .release = 3};
	certificates = (struct stage_certificates){.shown = shown, .take = 100 * HF_MS};
	stage_certify(s, &certificates);
	stage_open(s, 2);
	for (unsigned i = 0; i < STAGE_UPSTREAMS; i++)
		s->upstreams[i].speaks = speaks_truth;
	*state = s;
	return 0;
}

static int close_stage(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static hf_us now_of(struct stage *s)
{
	return hf_loop_now(s->loops[0]);
}

static void tell_lie(struct stage *s, unsigned upstream, const char *text, enum hf_lie lie)
{
	struct hf_evidence evidence = {.lie = lie};
	const struct hf_question question = {
		.name = stage_name(text), .type = HF_TYPE_A, .class = HF_CLASS_IN};
	const struct hf_said said = {s->plan, &s->route, upstream, &question,
		hf_expect_find(s->plan->expected, &question.name)};
	hf_truth_lied(s->worker[1], &said, &evidence, now_of(s));
}

static int64_t gauge(struct stage *s, unsigned upstream, enum hf_upstream_gauge gauge)
{
	return s->meters[0]->upstreams[5 + upstream].gauges[gauge];
}

static void who_lied_is_barred_for_all_workers_and_told_of_once(void **state)
{
	struct stage *s = *state;
	assert_int_equal(stage_barred(s, "db.corp.example"), 0);
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	tell_lie(s, 0, "www.corp.example", HF_LIE_ADDRESS);
	assert_int_equal(stage_barred(s, "db.corp.example"), 1);
	assert_int_equal(stage_barred(s, "other.corp.example"), 1);
	assert_int_equal(stage_barred(s, "shop.example"), 0);
	assert_int_equal(gauge(s, 0, HF_UP_QUARANTINED), 1);
	assert_int_equal(gauge(s, 0, HF_UP_DISTRUSTED), 0);
	assert_int_equal(s->meters[1]->upstreams[5].counters[HF_UP_LIES], 2);
	assert_int_equal(s->meters[1]->upstreams[5].counters[HF_UP_QUARANTINES], 1);
	assert_int_equal(stage_events(s, HF_EVENT_QUARANTINED), 1);
}

static void who_tells_the_truth_again_is_back_within_a_minute(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].speaks = lies;
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(stage_barred(s, "db.corp.example"), 1);
	assert_in_range(s->upstreams[0].asked, 3600 / 38, 3600 / 22 + 10);
	assert_int_equal(s->upstreams[1].asked, 0); /* nobody else had to tell */
	s->upstreams[0].speaks = speaks_truth;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "db.corp.example"), 0);
	assert_int_equal(gauge(s, 0, HF_UP_QUARANTINED), 0);
	assert_int_equal(stage_events(s, HF_EVENT_RELEASED), 1);
	unsigned asked = s->upstreams[0].asked;
	hf_sim_run_for(s->sim, 600 * HF_SECOND);
	assert_int_equal(s->upstreams[0].asked, asked); /* and is left in peace */
}

static void failures_and_silence_neither_end_a_quarantine_nor_prolong_it(void **state)
{
	struct stage *s = *state;
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	s->upstreams[0].speaks = NULL;
	s->upstreams[0].manner = STAGE_SERVFAIL;
	hf_sim_run_for(s->sim, 600 * HF_SECOND);
	s->upstreams[0].manner = STAGE_SILENT;
	hf_sim_run_for(s->sim, 20 * HF_SECOND);
	assert_int_equal(stage_barred(s, "db.corp.example"), 1);
	s->upstreams[0].speaks = speaks_truth;
	s->upstreams[0].manner = STAGE_ANSWERS;
	hf_sim_run_for(s->sim, 90 * HF_SECOND); /* a rest of 30 s may have to end first */
	assert_int_equal(stage_barred(s, "db.corp.example"), 0);
}

static void what_only_others_can_tell_is_asked_of_them(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].speaks = lies;
	tell_lie(s, 0, "news.example", HF_LIE_OUTVOTED); /* nothing is expected of it */
	hf_sim_run_for(s->sim, 120 * HF_SECOND);
	assert_int_equal(stage_barred(s, "news.example"), 1);
	assert_true(s->upstreams[1].asked >= 3);
	s->upstreams[0].speaks = speaks_truth;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "news.example"), 0);
}

static void one_alone_that_denies_what_it_lied_about_is_believed(void **state)
{
	struct stage *s = *state;
	s->route.upstream_count = 1;
	s->upstreams[0].speaks = NULL;
	s->upstreams[0].manner = STAGE_NXDOMAIN;
	tell_lie(s, 0, "shop.example", HF_LIE_ADDRESS);
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "shop.example"), 0);
}

static void two_that_were_both_kept_out_come_back_when_they_agree(void **state)
{
	struct stage *s = *state;
	tell_lie(s, 0, "news.example", HF_LIE_OUTVOTED);
	tell_lie(s, 1, "news.example", HF_LIE_OUTVOTED);
	assert_int_equal(stage_barred(s, "news.example"), 3);
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "news.example"), 0);
}

static void an_upstream_that_answers_for_nothing_is_asked_for_nothing(void **state)
{
	struct stage *s = *state;
	s->upstreams[1].speaks = NULL;
	s->upstreams[1].manner = STAGE_NXDOMAIN;
	tell_lie(s, 0, "qwertzuiop.example", HF_LIE_CANARY);
	assert_int_equal(stage_barred(s, "any.test"), 1);
	assert_int_equal(gauge(s, 0, HF_UP_DISTRUSTED), 1);
	hf_sim_run_for(s->sim, 120 * HF_SECOND);
	assert_int_equal(stage_barred(s, "any.test"), 1);
	s->upstreams[0].speaks = NULL;
	s->upstreams[0].manner = STAGE_NXDOMAIN;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "any.test"), 0);
	assert_int_equal(gauge(s, 0, HF_UP_DISTRUSTED), 0);
}

static void whose_addresses_must_be_proven_has_to_give_proven_ones(void **state)
{
	struct stage *s = *state;
	struct hf_evidence evidence = {.lie = HF_LIE_PROOF};
	const struct hf_question question = {
		.name = stage_name("proven.example"), .type = HF_TYPE_A, .class = HF_CLASS_IN};
	const struct hf_said said = {s->plan, &s->route, 0, &question,
		hf_expect_find(s->plan->expected, &question.name)};
	s->upstreams[0].speaks = lies;
	hf_truth_lied(s->worker[0], &said, &evidence, now_of(s));
	hf_sim_run_for(s->sim, 120 * HF_SECOND);
	assert_int_equal(stage_barred(s, "proven.example"), 1);
	struct hf_quarantine q;
	assert_true(hf_team_quarantine(s->team, 5, &q));
	assert_string_equal(q.bars[0].evidence.why, "it is another name's");
	s->upstreams[0].speaks = speaks_truth;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "proven.example"), 0);
}

static void a_private_address_in_a_public_name_is_not_the_upstreams_lie(void **state)
{
	struct stage *s = *state;
	tell_lie(s, 0, "evil.example", HF_LIE_REBIND);
	assert_int_equal(stage_barred(s, "evil.example"), 0);
	assert_int_equal(s->meters[1]->upstreams[5].counters[HF_UP_LIES], 1);
}

static void a_quarantine_survives_a_reload(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].speaks = lies;
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	stage_adopt(s);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(stage_barred(s, "db.corp.example"), 1);
}

static void what_is_not_expected_any_more_was_no_lie(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].speaks = lies;
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	tell_lie(s, 0, "shop.example", HF_LIE_ADDRESS);
	struct hf_prefix moved;
	assert_int_equal(hf_prefix_parse("203.0.113.0/24", &moved), 0);
	expectations[0].addresses = (struct hf_prefix_list){&moved, 1};
	stage_adopt(s);
	assert_int_equal(stage_barred(s, "db.corp.example"), 0); /* at once */
	assert_int_equal(stage_barred(s, "shop.example"), 1);
	hf_sim_run_for(s->sim, HF_SECOND);
	assert_int_equal(stage_barred(s, "db.corp.example"), 0);
	assert_int_equal(stage_barred(s, "shop.example"), 1);
	assert_int_equal(stage_events(s, HF_EVENT_RELEASED), 1);
}

static void another_upstream_in_its_place_has_not_lied(void **state)
{
	struct stage *s = *state;
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	s->moved = true;
	stage_adopt(s);
	assert_int_equal(stage_barred(s, "db.corp.example"), 0);
}

static void what_it_is_in_for_can_be_read(void **state)
{
	struct stage *s = *state;
	struct hf_quarantine q;
	assert_false(hf_team_quarantine(s->team, 5, &q));
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	assert_true(hf_team_quarantine(s->team, 5, &q));
	assert_false(hf_team_quarantine(s->team, 6, &q));
	assert_true(q.bars[0].up);
	assert_int_equal(q.bars[0].evidence.lie, HF_LIE_ADDRESS);
}

static void probes_stay_within_the_retry_budget(void **state)
{
	struct stage *s = *state;
	s->confs[0].retry = (struct hf_retry_conf){0, 0};
	tell_lie(s, 0, "db.corp.example", HF_LIE_ADDRESS);
	hf_sim_run_for(s->sim, 600 * HF_SECOND);
	assert_int_equal(s->upstreams[0].asked, 0);
	assert_int_equal(stage_barred(s, "db.corp.example"), 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_stage, close_stage)
	const struct CMUnitTest tests[] = {
		TEST(who_lied_is_barred_for_all_workers_and_told_of_once),
		TEST(who_tells_the_truth_again_is_back_within_a_minute),
		TEST(failures_and_silence_neither_end_a_quarantine_nor_prolong_it),
		TEST(what_only_others_can_tell_is_asked_of_them),
		TEST(one_alone_that_denies_what_it_lied_about_is_believed),
		TEST(two_that_were_both_kept_out_come_back_when_they_agree),
		TEST(an_upstream_that_answers_for_nothing_is_asked_for_nothing),
		TEST(whose_addresses_must_be_proven_has_to_give_proven_ones),
		TEST(a_private_address_in_a_public_name_is_not_the_upstreams_lie),
		TEST(a_quarantine_survives_a_reload),
		TEST(what_is_not_expected_any_more_was_no_lie),
		TEST(another_upstream_in_its_place_has_not_lied),
		TEST(what_it_is_in_for_can_be_read),
		TEST(probes_stay_within_the_retry_budget),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
