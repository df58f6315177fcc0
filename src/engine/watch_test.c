/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Questions of our own that nobody's lie gave rise to: canaries, serials, second opinions. */
#include "engine/watch.h"

#include "engine/stage_truth.h"
#include "truth/identity.h"

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	unsigned *total = ctx;
	(void)ticket, (void)generation, (void)answer, (void)now;
	++*total;
}

static const struct hf_client client = {answered};

struct post {
	struct stage stage; /* first */
	unsigned total;     /* answers */
	struct hf_expectation expectation;
	struct hf_prefix prefix;
};

static int open_post(void **state)
{
	struct post *p = calloc(1, sizeof *p);
	assert_non_null(p);
	p->stage.client = &client;
	p->stage.client_ctx[0] = &p->total;
	p->stage.truth.release = 3;
	stage_open(&p->stage, 1);
	*state = p;
	return 0;
}

static int close_post(void **state)
{
	stage_close(*state);
	free(*state);
	return 0;
}

static uint64_t counted(struct stage *s, unsigned upstream, enum hf_upstream_counter counter)
{
	return s->meters[0]->upstreams[5 + upstream].counters[counter];
}

/* ---- canaries ---- */

static void with_canaries(struct stage *s)
{
	s->forward.truth.canaries = 300 * HF_SECOND;
	stage_adopt(s);
}

static void who_answers_for_names_that_cannot_exist_is_caught_soon_after_the_start(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].manner = STAGE_NXDOMAIN;
	with_canaries(s);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(stage_barred(s, "any.example"), 2);
	assert_int_equal(counted(s, 0, HF_UP_LIES), 0);
	s->upstreams[1].manner = STAGE_NXDOMAIN;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "any.example"), 0);
}

static void where_all_answer_it_is_told_and_nobody_is_kept_out(void **state)
{
	struct stage *s = *state;
	with_canaries(s);
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(stage_barred(s, "any.example"), 0);
	assert_int_equal(stage_events(s, HF_EVENT_ALL_ANSWER), 1);
}

static void a_wildcard_in_an_own_zone_is_no_lie_and_not_worth_a_word(void **state)
{
	struct stage *s = *state;
	s->route.zone = stage_name("corp.example");
	with_canaries(s);
	hf_sim_run_for(s->sim, 600 * HF_SECOND);
	assert_int_equal(stage_barred(s, "any.corp.example"), 0);
	assert_int_equal(stage_events(s, HF_EVENT_ALL_ANSWER), 0);
	assert_true(s->upstreams[0].asked >= 1);
}

static void canaries_come_at_their_interval(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].manner = s->upstreams[1].manner = STAGE_NXDOMAIN;
	with_canaries(s);
	hf_sim_run_for(s->sim, 100 * 300 * HF_SECOND);
	/* A turn of one is one of the other as well. */
	assert_in_range(s->upstreams[0].asked, 85, 125);
	assert_in_range(s->upstreams[1].asked, 85, 125);
}

static void without_an_interval_nothing_is_asked(void **state)
{
	struct stage *s = *state;
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->upstreams[0].asked + s->upstreams[1].asked, 0);
}

static void ask(struct post *p, const char *text, unsigned seconds_most)
{
	struct hf_worker *worker = p->stage.worker[0];
	const struct hf_question q = {
		.name = stage_name(text), .type = HF_TYPE_A, .class = HF_CLASS_IN};
	struct hf_cache_key key = hf_worker_key(worker, &q, 0);
	const struct hf_ticket ticket = {1, 0, 0};
	unsigned before = p->total;
	assert_int_equal(hf_worker_ask(worker, &key, &ticket, hf_loop_now(p->stage.loops[0])), 0);
	for (unsigned i = 0; i < 10 * seconds_most && (i == 0 || p->total == before); i++)
		hf_sim_run_for(p->stage.sim, 100 * HF_MS);
	assert_int_equal(p->total, before + 1);
}

/* ---- serials ---- */

static void soa(struct stage_upstream *u, const uint8_t *q, size_t len, uint16_t aa)
{
	uint8_t rdata[22] = {0};
	struct hf_sample *s = &u->sample;
	hf_put_u32(rdata + 2, u->more); /* the serial */
	hf_sample_begin(
		s, HF_FLAG_QR | aa, q + HF_HEADER_LEN, len, hf_get_u16(q + HF_HEADER_LEN + len));
	memcpy(s->bytes, q, 2);
	hf_sample_record(
		s, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_SOA, 300, rdata, sizeof rdata);
}

static void owns(struct stage_upstream *u, const uint8_t *q, size_t len)
{
	soa(u, q, len, HF_FLAG_AA);
}

static void resolves(struct stage_upstream *u, const uint8_t *q, size_t len)
{
	soa(u, q, len, 0);
}

static void with_serials(
	struct stage *s, void (*speaks)(struct stage_upstream *u, const uint8_t *q, size_t name))
{
	s->route.zone = stage_name("corp.example");
	s->forward.truth.serials = 30 * HF_SECOND;
	for (unsigned i = 0; i < STAGE_UPSTREAMS; i++) {
		s->upstreams[i].speaks = speaks;
		s->upstreams[i].more = 7;
	}
	stage_adopt(s);
	hf_sim_run_for(s->sim, 300 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
}

static void who_does_not_follow_is_kept_out_until_it_has(void **state)
{
	struct stage *s = *state;
	with_serials(s, owns);
	s->upstreams[0].more = 8;
	hf_sim_run_for(s->sim, 30 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
	hf_sim_run_for(s->sim, 120 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 2);
	assert_int_equal(counted(s, 1, HF_UP_LIES), 1);
	assert_int_equal(s->meters[0]->upstreams[6].gauges[HF_UP_LATE_ZONES], 1);
	s->upstreams[1].more = 8;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
	assert_int_equal(s->meters[0]->upstreams[6].gauges[HF_UP_LATE_ZONES], 0);
	assert_int_equal(stage_events(s, HF_EVENT_ZONE_CAUGHT_UP), 1);
}

static void an_older_zone_is_better_than_none(void **state)
{
	struct stage *s = *state;
	with_serials(s, owns);
	s->upstreams[0].more = 8;
	hf_sim_run_for(s->sim, 150 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 2);
	stage_upstream_close(&s->upstreams[0]);
	struct post *p = *state;
	for (unsigned i = 0; i < 10; i++) {
		char text[40];
		snprintf(text, sizeof text, "n%u.corp.example", i);
		ask(p, text, 10);
	}
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
	unsigned asked = s->upstreams[1].asked;
	ask(p, "www.corp.example", 10);
	assert_true(s->upstreams[1].asked > asked);
}

static void resolvers_have_old_versions_by_design_and_are_asked_seldom(void **state)
{
	struct stage *s = *state;
	with_serials(s, resolves);
	s->upstreams[0].more = 8;
	unsigned asked = s->upstreams[0].asked;
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
	assert_in_range(s->upstreams[0].asked - asked, 4, 10);
}

static void who_is_behind_stays_out_over_a_reload(void **state)
{
	struct stage *s = *state;
	with_serials(s, owns);
	s->upstreams[0].more = 8;
	hf_sim_run_for(s->sim, 150 * HF_SECOND);
	stage_adopt(s);
	assert_int_equal(stage_barred(s, "www.corp.example"), 2);
	hf_sim_run_for(s->sim, 2 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 2);
	s->upstreams[1].more = 8;
	hf_sim_run_for(s->sim, 60 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
}

static void a_reload_without_serials_lets_everybody_in(void **state)
{
	struct stage *s = *state;
	with_serials(s, owns);
	s->upstreams[0].more = 8;
	hf_sim_run_for(s->sim, 150 * HF_SECOND);
	s->forward.truth.serials = 0;
	stage_adopt(s);
	hf_sim_run_for(s->sim, 2 * HF_SECOND);
	assert_int_equal(stage_barred(s, "www.corp.example"), 0);
	unsigned asked = s->upstreams[0].asked;
	hf_sim_run_for(s->sim, 300 * HF_SECOND);
	assert_int_equal(s->upstreams[0].asked, asked);
}

/* ---- second opinions ---- */

static void gives(struct stage *s, unsigned upstream, uint8_t first, uint8_t last)
{
	const uint8_t a[4] = {first, 0, 2, last};
	memcpy(s->upstreams[upstream].a, a, 4);
}

static void answers_are_compared_at_the_rate_and_no_more(void **state)
{
	struct post *p = *state;
	struct stage *s = *state;
	s->forward.truth.sample = 1;
	stage_adopt(s);
	for (unsigned i = 0; i < 300; i++) {
		char text[32];
		snprintf(text, sizeof text, "n%u.example", i);
		ask(p, text, 1); /* ten a second */
	}
	assert_in_range(s->upstreams[1].asked, 20, 40);
	assert_int_equal(counted(s, 1, HF_UP_AGREED), s->upstreams[1].asked);
}

static void a_difference_by_design_is_counted_and_a_contradiction_told(void **state)
{
	struct post *p = *state;
	struct stage *s = *state;
	s->forward.truth.sample = 1000;
	stage_adopt(s);
	gives(s, 0, 192, 1);
	gives(s, 1, 192, 2);
	ask(p, "one.example", 1);
	assert_int_equal(counted(s, 1, HF_UP_DIFFERED), 1);
	gives(s, 1, 203, 66);
	hf_sim_run_for(s->sim, HF_SECOND);
	ask(p, "two.example", 1);
	assert_int_equal(counted(s, 1, HF_UP_CONTRADICTED), 1);
	assert_int_equal(stage_barred(s, "two.example"), 0); /* which of them is wrong? */
	assert_int_equal(stage_events(s, HF_EVENT_CONTRADICTION), 1);
	struct hf_contradiction last;
	const struct hf_name two = stage_name("two.example");
	assert_false(hf_team_contradiction(s->team, 5, &last));
	assert_true(hf_team_contradiction(s->team, 6, &last));
	assert_memory_equal(last.name.bytes, two.bytes, two.len);
	assert_int_equal(last.believed.bytes[0], 192);
	assert_int_equal(last.gave.bytes[0], 203);
}

/* db.example has addresses in 192.0.2.0/24. */
static void expect_db(struct post *p)
{
	struct stage *s = &p->stage;
	assert_int_equal(hf_prefix_parse("192.0.2.0/24", &p->prefix), 0);
	p->expectation = (struct hf_expectation){
		.name = stage_name("db.example"), .addresses = {&p->prefix, 1}, .agree = "none"};
	s->forward.truth.expectations = &p->expectation;
	s->forward.truth.expectation_count = 1;
	s->forward.truth.sample = 1;
	stage_adopt(s);
	gives(s, 0, 192, 1);
}

static void a_second_opinion_that_breaks_an_expectation_is_a_lie(void **state)
{
	struct post *p = *state;
	struct stage *s = *state;
	expect_db(p);
	gives(s, 1, 203, 66);
	ask(p, "db.example", 1);
	assert_int_equal(counted(s, 1, HF_UP_LIES), 1);
	assert_int_equal(stage_barred(s, "db.example"), 2);
}

static void has_nothing(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
}

static void a_second_opinion_without_the_address_that_was_believed_is_a_lie(void **state)
{
	struct post *p = *state;
	struct stage *s = *state;
	s->upstreams[1].speaks = has_nothing;
	expect_db(p);
	ask(p, "db.example", 1);
	assert_int_equal(counted(s, 1, HF_UP_LIES), 1);
	assert_int_equal(stage_barred(s, "db.example"), 2);
}

static void an_absurd_ttl_is_counted_and_told(void **state)
{
	struct post *p = *state;
	struct stage *s = *state;
	s->forward.truth.sample = 1000;
	s->upstreams[1].ttl = 30 * 86400;
	stage_adopt(s);
	ask(p, "one.example", 1);
	assert_int_equal(counted(s, 1, HF_UP_ABSURD_TTLS), 1);
	assert_int_equal(counted(s, 0, HF_UP_ABSURD_TTLS), 0);
	assert_int_equal(stage_events(s, HF_EVENT_ABSURD_TTL), 1);
}

static void without_a_rate_nothing_is_compared(void **state)
{
	struct post *p = *state;
	struct stage *s = *state;
	ask(p, "one.example", 1);
	assert_int_equal(s->upstreams[1].asked, 0);
}

/* ---- which machine they are ---- */

/* To questions of class CHAOS; denies all else. */
static void says_its_name(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	uint16_t class = hf_get_u16(q + HF_HEADER_LEN + name + 2);
	uint16_t flags = HF_FLAG_QR | HF_FLAG_RA | (class == HF_CLASS_CH ? 0 : HF_RCODE_NXDOMAIN);
	hf_sample_begin(
		&u->sample, flags, q + HF_HEADER_LEN, name, hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	hf_put_u16(u->sample.bytes + HF_HEADER_LEN + name + 2, class);
	size_t at = u->sample.w.len;
	if (class == HF_CLASS_CH) {
		hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_TXT, 0,
			HF_RAW("\3box"));
		hf_put_u16(u->sample.bytes + at + 4, HF_CLASS_CH);
	} else {
		hf_sample_record(&u->sample, HF_SAMPLE_AUTHORITY, HF_RAW("\0"), HF_TYPE_SOA, 300,
			HF_RAW("\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\x0e\x10"));
	}
}

/* That, or nothing at all, is what most say. */
static void refuses_to_say(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	says_its_name(u, q, name);
	if (hf_get_u16(q + HF_HEADER_LEN + name + 2) != HF_CLASS_CH)
		return;
	u->sample.w.len = HF_HEADER_LEN + name + 4;
	hf_put_u16(u->sample.bytes + 2, HF_FLAG_QR | HF_RCODE_REFUSED);
	hf_put_u16(u->sample.bytes + HF_SAMPLE_ANSWER, 0);
}

static void with_identity(struct stage *s)
{
	s->forward.truth.identity = true;
	with_canaries(s);
}

static void what_upstreams_say_they_are_is_kept_and_nobody_is_harmed(void **state)
{
	struct stage *s = *state;
	struct hf_identity identity;
	s->upstreams[0].speaks = says_its_name;
	s->upstreams[1].speaks = refuses_to_say;
	with_identity(s);
	for (int i = 0; i < 3600; i++) {
		hf_sim_run_for(s->sim, HF_SECOND);
		assert_int_equal(s->meters[0]->upstreams[6].gauges[HF_UP_STATE], 0);
	}
	assert_true(hf_team_identity(s->team, 5, &identity));
	assert_string_equal(identity.name, "box");
	assert_string_equal(identity.version, "box");
	assert_false(hf_team_identity(s->team, 6, &identity));
	assert_int_equal(stage_barred(s, "any.example"), 0);
	assert_int_equal(stage_events(s, HF_EVENT_AS_ONE), 0);
	assert_in_range(s->upstreams[0].asked, 3 * 3600 / 375, 3 * 3600 / 225 + 6);
	/* Who does not say is asked twenty times more seldom: once in this time. */
	assert_in_range(s->upstreams[1].asked, 3600 / 375 + 3, 3600 / 225 + 4);
}

static void two_that_give_one_name_in_two_networks_are_told_of_once(void **state)
{
	struct stage *s = *state;
	s->upstreams[0].speaks = s->upstreams[1].speaks = says_its_name;
	with_identity(s);
	hf_sim_run_for(s->sim, 900 * HF_SECOND);
	assert_int_equal(stage_counted(s, HF_COUNT_AS_ONE), 0); /* one network */
	stage_upstream_close(&s->upstreams[1]);
	stage_upstream_open(&s->upstreams[1], s->world, "198.51.100.2:53");
	s->upstreams[1].speaks = says_its_name;
	s->confs[1].address = s->upstreams[1].address;
	s->moved = true;
	stage_adopt(s);
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(stage_events(s, HF_EVENT_AS_ONE), 1);
	assert_int_equal(stage_counted(s, HF_COUNT_AS_ONE), 1);
	assert_int_equal(stage_barred(s, "any.example"), 0);
}

/* ---- somebody in the path ---- */

static void with_probe(struct stage *s, const char *at)
{
	s->forward.truth.intercept_probe = stage_address(at);
	stage_adopt(s);
}

static int64_t intercepted(struct stage *s)
{
	return s->meters[0]->gauges[HF_GAUGE_INTERCEPTED];
}

static void who_answers_where_nobody_should_is_in_the_path_and_told_of_once(void **state)
{
	struct stage *s = *state;
	s->upstreams[1].manner = STAGE_NXDOMAIN; /* it stands for the whole network */
	with_probe(s, "192.0.2.2");
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_in_range(s->upstreams[1].asked, 3600 / 375, 3600 / 225 + 1);
	assert_int_equal(s->upstreams[0].asked, 0);
	assert_int_equal(stage_counted(s, HF_COUNT_INTERCEPTED), s->upstreams[1].asked);
	assert_int_equal(intercepted(s), 1);
	assert_int_equal(stage_events(s, HF_EVENT_INTERCEPTED), 1);
	assert_int_equal(stage_barred(s, "any.example"), 0);
	assert_int_equal(counted(s, 1, HF_UP_PACKETS_OUT), 0); /* of no budget */
	s->upstreams[1].manner = STAGE_SILENT;
	hf_sim_run_for(s->sim, 400 * HF_SECOND);
	assert_int_equal(intercepted(s), 1); /* one may have been lost */
	hf_sim_run_for(s->sim, 1200 * HF_SECOND);
	assert_int_equal(intercepted(s), 0);
	assert_int_equal(stage_events(s, HF_EVENT_INTERCEPTED), 1); /* that it is over */
}

static void where_nobody_answers_nothing_is_told(void **state)
{
	struct stage *s = *state;
	with_probe(s, "192.0.2.77");
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_true(stage_counted(s, HF_COUNT_INTERCEPT_PROBES) >= 3600 / 375);
	assert_int_equal(intercepted(s), 0);
	assert_int_equal(stage_events(s, HF_EVENT_INTERCEPTED), 0);
}

static void probes_that_come_faster_than_patience_ends_wait_for_each_other(void **state)
{
	struct stage *s = *state;
	s->forward.truth.canaries = HF_SECOND;
	s->upstreams[0].manner = STAGE_NXDOMAIN;
	s->upstreams[1].manner = STAGE_NXDOMAIN;
	with_probe(s, "192.0.2.2");
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(intercepted(s), 1);
	s->upstreams[1].manner = STAGE_SILENT;
	hf_sim_run_for(s->sim, 30 * HF_SECOND);
	assert_int_equal(intercepted(s), 0);
}

static void a_reload_without_the_probe_forgets_what_it_found(void **state)
{
	struct stage *s = *state;
	with_probe(s, "192.0.2.2");
	hf_sim_run_for(s->sim, 10 * HF_SECOND);
	assert_int_equal(intercepted(s), 1);
	s->forward.truth.intercept_probe = (struct hf_address){0};
	stage_adopt(s);
	assert_int_equal(intercepted(s), 0);
	unsigned asked = s->upstreams[1].asked;
	hf_sim_run_for(s->sim, 3600 * HF_SECOND);
	assert_int_equal(s->upstreams[1].asked, asked);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_post, close_post)
	const struct CMUnitTest tests[] = {
		TEST(who_answers_for_names_that_cannot_exist_is_caught_soon_after_the_start),
		TEST(where_all_answer_it_is_told_and_nobody_is_kept_out),
		TEST(a_wildcard_in_an_own_zone_is_no_lie_and_not_worth_a_word),
		TEST(canaries_come_at_their_interval),
		TEST(what_upstreams_say_they_are_is_kept_and_nobody_is_harmed),
		TEST(two_that_give_one_name_in_two_networks_are_told_of_once),
		TEST(who_answers_where_nobody_should_is_in_the_path_and_told_of_once),
		TEST(where_nobody_answers_nothing_is_told),
		TEST(probes_that_come_faster_than_patience_ends_wait_for_each_other),
		TEST(a_reload_without_the_probe_forgets_what_it_found),
		TEST(without_an_interval_nothing_is_asked),
		TEST(who_does_not_follow_is_kept_out_until_it_has),
		TEST(an_older_zone_is_better_than_none),
		TEST(resolvers_have_old_versions_by_design_and_are_asked_seldom),
		TEST(who_is_behind_stays_out_over_a_reload),
		TEST(a_reload_without_serials_lets_everybody_in),
		TEST(answers_are_compared_at_the_rate_and_no_more),
		TEST(a_difference_by_design_is_counted_and_a_contradiction_told),
		TEST(a_second_opinion_that_breaks_an_expectation_is_a_lie),
		TEST(a_second_opinion_without_the_address_that_was_believed_is_a_lie),
		TEST(an_absurd_ttl_is_counted_and_told),
		TEST(without_a_rate_nothing_is_compared),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
