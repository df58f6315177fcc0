/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Which answers reach a client and the cache when something is expected of the name. */
#include "engine/hold.h"
#include "engine/stage_truth.h"

#define NAME "db.example"

struct client {
	unsigned total, failed;
	int32_t ede;
	char text[100];
	uint8_t rcode, a[4]; /* the last address of the last answer */
};

/* What an address shows that is looked at, by its last octet. */
#define ADDRESSES 256

struct office {
	struct stage stage;
	struct hf_proof_seen shows[ADDRESSES];
	struct stage_certificates certificates;
	struct client client;
	struct hf_expectation expectation;
	struct hf_prefix prefix;
};

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	struct client *c = ctx;
	(void)ticket, (void)generation, (void)now;
	c->total++;
	c->failed += !answer->kept;
	c->ede = answer->ede;
	snprintf(c->text, sizeof c->text, "%s", answer->ede_text ? answer->ede_text : "");
	memset(c->a, 0, 4);
	if (!answer->kept)
		return;
	c->rcode = answer->kept->wire[3] & HF_FLAG_RCODE;
	if (answer->kept->answer_end > 16)
		memcpy(c->a, answer->kept->wire + answer->kept->answer_end - 4, 4);
}

static const struct hf_client client = {answered};

/* ---- proofs ---- */

static struct hf_proof_seen shown(void *ctx, const struct hf_address *address)
{
	const struct office *o = ctx;
	return o->shows[address->bytes[3]];
}

static void shows(struct office *o, uint8_t last, enum hf_proof proof)
{
	static const char *const why[] = {[HF_PROOF_HOLDS] = "",
		[HF_PROOF_FAILS] = "it is another name's",
		[HF_PROOF_MISSING] = "nobody there"};
	o->shows[last] = (struct hf_proof_seen){proof, 3600 * HF_SECOND, ""};
	snprintf(o->shows[last].why, sizeof o->shows[last].why, "%s", why[proof]);
}

/* ---- expectations ---- */

static void expect_nothing(struct office *o)
{
	o->expectation = (struct hf_expectation){.agree = "none"};
	o->expectation.name = stage_name(NAME);
	o->stage.forward.truth = (struct hf_truth_conf){
		.expectations = &o->expectation, .expectation_count = 1, .release = 3};
}

/* 192.0.2.0/28, and no other addresses. */
static void expect_addresses(struct office *o)
{
	expect_nothing(o);
	assert_int_equal(hf_prefix_parse("192.0.2.0/28", &o->prefix), 0);
	o->expectation.addresses = (struct hf_prefix_list){&o->prefix, 1};
	stage_adopt(&o->stage);
}

static int open_office(void **state)
{
	struct office *o = calloc(1, sizeof *o);
	assert_non_null(o);
	o->stage.client = &client;
	o->stage.client_ctx[0] = &o->client;
	o->certificates = (struct stage_certificates){.shown = shown, .ctx = o, .take = 20 * HF_MS};
	stage_certify(&o->stage, &o->certificates);
	stage_open(&o->stage, 1);
	*state = o;
	return 0;
}

static struct hf_tombstones *tombstones[2]; /* of the plans of a test */
static size_t tombstones_count;

static int close_office(void **state)
{
	stage_close(&((struct office *)*state)->stage);
	while (tombstones_count)
		hf_tombstones_free(tombstones[--tombstones_count]);
	free(*state);
	return 0;
}

static void gives(struct office *o, unsigned upstream, uint8_t last)
{
	const uint8_t a[4] = {192, 0, 2, last};
	memcpy(o->stage.upstreams[upstream].a, a, 4);
}

static struct hf_question question(const char *name)
{
	return (struct hf_question){
		.name = stage_name(name), .type = HF_TYPE_A, .class = HF_CLASS_IN};
}

static enum hf_lookup look(struct office *o, struct hf_cached *copy, struct hf_answer *ret)
{
	static uint8_t wire[HF_MESSAGE_MAX + HF_OPT_ROOM];
	static uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_question q = question(NAME);
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	*copy = (struct hf_cached){.kept = {.wire = wire, .ttl_at = ttl_at},
		.wire_cap = HF_MESSAGE_MAX,
		.ttl_cap = HF_RECORDS_MAX};
	return hf_worker_lookup(
		o->stage.worker[0], &key, hf_loop_now(o->stage.loops[0]), copy, ret);
}

static bool is_known(struct office *o)
{
	struct hf_cached copy;
	struct hf_answer answer;
	return look(o, &copy, &answer) == HF_LOOKUP_HIT;
}

/* Asks on a miss, and lets time pass until there is an answer. */
static void ask_name(struct office *o, const char *name)
{
	struct hf_question q = question(name);
	struct hf_worker *worker = o->stage.worker[0];
	struct hf_cache_key key = hf_worker_key(worker, &q, 0);
	const struct hf_ticket ticket = {1, 0, 0};
	unsigned before = o->client.total;
	assert_int_equal(hf_worker_ask(worker, &key, &ticket, hf_loop_now(o->stage.loops[0])), 0);
	for (int i = 0; i < 6000 && o->client.total == before; i++)
		hf_sim_run_for(o->stage.sim, HF_MS);
	assert_int_equal(o->client.total, before + 1);
}

static void ask(struct office *o)
{
	ask_name(o, NAME);
}

static unsigned lies(const struct office *o, unsigned upstream)
{
	return (unsigned)o->stage.meters[0]->upstreams[5 + upstream].counters[HF_UP_LIES];
}

/* ---- lies ---- */

static void a_lie_goes_to_nobody_and_the_next_upstream_is_asked(void **state)
{
	struct office *o = *state;
	expect_addresses(o);
	gives(o, 0, 66);
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.failed, 0);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(lies(o, 0), 1);
	assert_int_equal(lies(o, 1), 0);
	assert_true(is_known(o));
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_CACHE_STORES), 1);
}

static void who_tells_of_other_names_is_believed(void **state)
{
	struct office *o = *state;
	expect_addresses(o);
	gives(o, 0, 66);
	ask_name(o, "www.example");
	assert_int_equal(o->client.a[3], 66);
	assert_int_equal(lies(o, 0), 0);
	assert_int_equal(o->stage.upstreams[1].asked, 0);
}

static void when_all_lie_the_client_is_told_who_and_what(void **state)
{
	struct office *o = *state;
	expect_addresses(o);
	gives(o, 0, 66);
	gives(o, 1, 67);
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_int_equal(o->client.ede, HF_EDE_OTHER);
	assert_string_equal(o->client.text,
		"upstream two: gave 192.0.2.67, which is none of the addresses expected");
	assert_false(is_known(o));
	assert_int_equal(lies(o, 0) + lies(o, 1), 2);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_CACHE_STORES), 0);
}

static void when_all_lie_an_old_truth_is_given_and_says_why(void **state)
{
	struct office *o = *state;
	o->stage.cache_conf.stale = 3600 * HF_SECOND;
	o->stage.cache_conf.stale_ttl = 30 * HF_SECOND;
	o->stage.cache_conf.stale_after = 1800 * HF_MS;
	expect_addresses(o);
	gives(o, 0, 7);
	o->stage.upstreams[0].ttl = 10;
	ask(o);
	hf_sim_run_for(o->stage.sim, 20 * HF_SECOND);
	gives(o, 0, 66);
	gives(o, 1, 67);
	ask(o);
	assert_int_equal(o->client.failed, 0);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(o->client.ede, HF_EDE_STALE);
	assert_non_null(strstr(o->client.text, "none of the addresses expected"));
}

static void a_question_that_a_reload_overtook_is_judged_by_what_is_expected_now(void **state)
{
	struct office *o = *state;
	struct hf_question q = question(NAME);
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	const struct hf_ticket ticket = {1, 0, 0};
	gives(o, 0, 66);
	gives(o, 1, 7);
	o->stage.upstreams[0].manner = STAGE_HOLDS;
	assert_int_equal(
		hf_worker_ask(o->stage.worker[0], &key, &ticket, hf_loop_now(o->stage.loops[0])),
		0);
	hf_sim_run_for(o->stage.sim, HF_MS);
	expect_addresses(o);
	stage_release(&o->stage.upstreams[0]);
	hf_sim_run_for(o->stage.sim, HF_SECOND);
	assert_int_equal(o->client.total, 1);
	assert_int_equal(o->client.a[3], 7);
}

/* ---- what is held ---- */

static void expect_agreement(struct office *o)
{
	expect_nothing(o);
	o->expectation.agree = "2 of 2";
	stage_adopt(&o->stage);
}

static void two_have_to_agree_and_both_are_asked(void **state)
{
	struct office *o = *state;
	expect_agreement(o);
	o->stage.confs[0].retry = o->stage.confs[1].retry = (struct hf_retry_conf){0, 0};
	gives(o, 0, 7);
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.failed, 0);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(o->stage.upstreams[0].asked + o->stage.upstreams[1].asked, 2);
	assert_true(is_known(o));
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_ON_TRIAL), 2);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_CACHE_STORES), 1);
}

static void who_does_not_agree_is_not_believed_and_has_not_lied(void **state)
{
	struct office *o = *state;
	expect_agreement(o);
	gives(o, 0, 7);
	gives(o, 1, 8);
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_string_equal(
		o->client.text, "upstream two: says what 1 of 2 agree on, where 2 are to");
	assert_false(is_known(o));
	assert_int_equal(lies(o, 0) + lies(o, 1), 0);
	/* As for any failure, a moment later it is asked again. */
	gives(o, 1, 7);
	hf_sim_run_for(o->stage.sim, 3 * HF_SECOND);
	ask(o);
	assert_int_equal(o->client.a[3], 7);
}

static void a_second_that_is_silent_is_asked_again_until_there_is_no_time(void **state)
{
	struct office *o = *state;
	expect_agreement(o);
	o->stage.upstreams[1].manner = STAGE_SILENT;
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_true(o->stage.upstreams[1].asked > 1);
	assert_int_equal(o->stage.upstreams[0].asked, 1);
	assert_int_equal(hf_worker_attempts(o->stage.worker[0]), 0);
}

static void a_denial_of_what_is_expected_is_doubted_and_was_a_lie_if_another_knows_it(void **state)
{
	struct office *o = *state;
	expect_addresses(o);
	o->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.failed, 0);
	assert_int_equal(o->client.rcode, HF_RCODE_NOERROR);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(lies(o, 0), 1);
	assert_true(is_known(o));
}

static void a_denial_that_all_give_is_believed(void **state)
{
	struct office *o = *state;
	expect_addresses(o);
	o->stage.upstreams[0].manner = o->stage.upstreams[1].manner = STAGE_NXDOMAIN;
	ask(o);
	assert_int_equal(o->client.failed, 0);
	assert_int_equal(o->client.rcode, HF_RCODE_NXDOMAIN);
	assert_int_equal(lies(o, 0) + lies(o, 1), 0);
	assert_int_equal(o->stage.upstreams[1].asked, 1);
}

static void a_denial_is_believed_when_the_other_upstream_is_silent(void **state)
{
	struct office *o = *state;
	expect_addresses(o);
	o->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	o->stage.upstreams[1].manner = STAGE_SILENT;
	hf_us before = hf_loop_now(o->stage.loops[0]);
	ask(o);
	assert_int_equal(o->client.rcode, HF_RCODE_NXDOMAIN);
	assert_true(hf_loop_now(o->stage.loops[0]) - before < 2 * HF_SECOND);
	hf_sim_run_for(o->stage.sim, 10 * HF_SECOND);
	assert_int_equal(hf_worker_flights(o->stage.worker[0]), 0);
	assert_int_equal(hf_worker_attempts(o->stage.worker[0]), 0);
}

static void what_cannot_be_held_for_want_of_room_is_not_believed(void **state)
{
	struct office *o = *state;
	expect_agreement(o);
	o->stage.worker[0]->held_octets = HF_HELD_MOST;
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_non_null(strstr(o->client.text, "too many answers wait"));
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_HELD_REFUSED), 2);
	o->stage.worker[0]->held_octets = 0;
	hf_sim_run_for(o->stage.sim, 3 * HF_SECOND);
	ask(o);
	assert_int_equal(o->client.failed, 1); /* not once more */
	assert_int_equal(o->stage.worker[0]->held_octets, 0);
}

static void one_expectation_leaves_room_for_what_is_held_of_another(void **state)
{
	struct office *o = *state;
	const size_t most = HF_HELD_MOST, used = most - most / 8;
	expect_agreement(o);
	struct hf_worker *worker = o->stage.worker[0];
	uint64_t print = hf_expect_at(worker->plan->expected, 0)->print;
	worker->held_octets = used;
	worker->held_by_name.held[(print + 1) % HF_SHARE_HOLDERS] = (uint32_t)used;
	ask(o);
	assert_int_equal(o->client.failed, 0); /* another's made-up names took the rest */
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_HELD_REFUSED), 0);
	worker->held_by_name.held[print % HF_SHARE_HOLDERS] = (uint32_t)used;
	hf_sim_run_for(o->stage.sim, 400 * HF_SECOND);
	ask(o);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_HELD_REFUSED), 2);
	worker->held_by_name.held[print % HF_SHARE_HOLDERS] -= (uint32_t)used;
	assert_int_equal(worker->held_by_name.held[print % HF_SHARE_HOLDERS], 0);
	worker->held_octets -= used;
	assert_int_equal(worker->held_octets, 0);
}

/* ---- what is proven ---- */

static void expect_proof(struct office *o, int when)
{
	expect_nothing(o);
	o->expectation.prove = HF_PROVE_TLS;
	o->expectation.prove_when = when;
	o->expectation.prove_port = 443;
	o->expectation.prove_ca = "system";
	stage_adopt(&o->stage);
}

static uint32_t kept_for(struct office *o)
{
	struct hf_cached copy;
	struct hf_answer answer;
	return look(o, &copy, &answer) == HF_LOOKUP_HIT ? copy.kept.ttl : 0;
}

static void an_answer_waits_for_its_proof(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 7);
	o->certificates.take = 100 * HF_MS;
	hf_us before = hf_loop_now(o->stage.loops[0]);
	ask(o);
	assert_int_equal(o->client.a[3], 7);
	assert_true(hf_loop_now(o->stage.loops[0]) - before >= 100 * HF_MS);
	assert_int_equal(o->stage.upstreams[1].asked, 0);
	assert_int_equal(kept_for(o), 300);
	hf_sim_run_for(o->stage.sim, 300 * HF_SECOND);
	ask(o);
	assert_int_equal(o->certificates.looks, 1); /* what is known need not be seen again */
}

static void an_address_that_is_anothers_is_a_lie(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 66, HF_PROOF_FAILS);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 66);
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(lies(o, 0), 1);
	assert_int_equal(lies(o, 1), 0);
	assert_int_equal(kept_for(o), 300);
}

static void a_proof_that_takes_long_brings_another_upstream(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 7);
	gives(o, 1, 7);
	o->certificates.take = 1500 * HF_MS;
	ask(o);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(o->stage.upstreams[1].asked, 1);
	assert_int_equal(o->certificates.looks, 1);
}

static void what_nobody_can_prove_is_believed_for_a_few_seconds_if_two_give_it(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 7, HF_PROOF_MISSING);
	gives(o, 0, 7);
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.failed, 0);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(kept_for(o), HF_PROVISIONAL_TTL);
	assert_int_equal(lies(o, 0) + lies(o, 1), 0);
}

static void what_nobody_can_prove_and_one_alone_gives_is_not_believed(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 7, HF_PROOF_MISSING);
	shows(o, 8, HF_PROOF_MISSING);
	gives(o, 0, 7);
	gives(o, 1, 8);
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_string_equal(
		o->client.text, "upstream two: gave 192.0.2.7, not proven: nobody there");
	assert_int_equal(lies(o, 0) + lies(o, 1), 0);
	assert_false(is_known(o));
}

static void a_failure_while_a_proof_is_under_way_leaves_nothing_behind(void **state)
{
	struct office *o = *state;
	struct hf_question q = question(NAME);
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	const struct hf_ticket ticket = {1, 0, 0};
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 7);
	o->certificates.take = 1500 * HF_MS;
	assert_int_equal(
		hf_worker_ask(o->stage.worker[0], &key, &ticket, hf_loop_now(o->stage.loops[0])),
		0);
	hf_sim_run_for(o->stage.sim, 50 * HF_MS);
	assert_true(o->stage.worker[0]->held_octets > 0);
	/* The worker ends with it: close_office. */
}

static void what_is_given_before_its_proof_is_kept_for_long_once_it_is_proven(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_AFTER);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 7);
	o->certificates.take = 2 * HF_SECOND - HF_MS;
	hf_us before = hf_loop_now(o->stage.loops[0]);
	ask(o);
	assert_int_equal(o->client.a[3], 7);
	assert_true(hf_loop_now(o->stage.loops[0]) - before < 20 * HF_MS);
	assert_int_equal(kept_for(o), HF_PROVISIONAL_TTL);
	hf_sim_run_for(o->stage.sim, 3 * HF_SECOND);
	assert_int_equal(kept_for(o), 300);
	assert_int_equal(o->stage.worker[0]->held_octets, 0);
	hf_sim_run_for(o->stage.sim, 290 * HF_SECOND);
	assert_true(is_known(o));
	hf_sim_run_for(o->stage.sim, 8 * HF_SECOND); /* it came so long ago */
	assert_false(is_known(o));
}

static void what_is_given_before_its_proof_is_withdrawn_when_that_fails(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_AFTER);
	shows(o, 66, HF_PROOF_FAILS);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 66);
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.a[3], 66);
	assert_int_equal(lies(o, 0), 0);
	hf_sim_run_for(o->stage.sim, 40 * HF_MS);
	assert_false(is_known(o));
	assert_int_equal(lies(o, 0), 1);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_WITHDRAWN), 1);
	ask(o); /* that it fails is known now */
	assert_int_equal(o->client.a[3], 7);
	hf_sim_run_for(o->stage.sim, 40 * HF_MS);
	assert_int_equal(o->stage.worker[0]->held_octets, 0);
}

static void publish(void *ctx, const struct hf_cache_key *key, const struct hf_cached *copy,
	uint64_t plan, hf_us now)
{
	(void)ctx, (void)key, (void)copy, (void)plan, (void)now;
}

static void withdraw(void *ctx, const struct hf_cache_key *key)
{
	unsigned *withdrawn = ctx;
	const struct hf_name expected = stage_name(NAME);
	assert_memory_equal(key->name->bytes, expected.bytes, expected.len);
	++*withdrawn;
}

static void a_lie_is_withdrawn_at_the_driver_though_the_cache_had_no_room_for_it(void **state)
{
	static const struct hf_hot door = {.publish = publish, .withdraw = withdraw};
	struct office *o = *state;
	struct hf_question q = question(NAME);
	struct hf_cache_key key = hf_worker_key(o->stage.worker[0], &q, 0);
	unsigned withdrawn = 0;
	for (unsigned w = 0; w < o->stage.workers; w++)
		hf_worker_set_hot(o->stage.worker[w], &door, &withdrawn);
	expect_proof(o, HF_PROVE_AFTER);
	shows(o, 66, HF_PROOF_FAILS);
	gives(o, 0, 66);
	ask(o);
	assert_true(hf_cache_remove(o->stage.cache, &key, 0)); /* as for something else */
	withdrawn = 0;
	hf_sim_run_for(o->stage.sim, 40 * HF_MS);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_WITHDRAWN), 1);
	assert_int_equal(withdrawn, 1);
}

static void a_proof_that_stays_missing_lets_what_was_given_end_soon(void **state)
{
	struct office *o = *state;
	expect_proof(o, HF_PROVE_AFTER);
	shows(o, 7, HF_PROOF_MISSING);
	gives(o, 0, 7);
	ask(o);
	hf_sim_run_for(o->stage.sim, HF_SECOND);
	assert_int_equal(kept_for(o), HF_PROVISIONAL_TTL);
	hf_sim_run_for(o->stage.sim, 5 * HF_SECOND);
	assert_false(is_known(o));
	assert_int_equal(lies(o, 0), 0);
	assert_int_equal(o->stage.worker[0]->held_octets, 0);
}

/* ---- reloads ---- */

static void what_a_reload_rules_out_is_given_to_nobody_any_more(void **state)
{
	struct office *o = *state;
	o->stage.cache_conf.stale = 3600 * HF_SECOND;
	stage_adopt(&o->stage);
	gives(o, 0, 66);
	gives(o, 1, 66);
	ask(o);
	ask_name(o, "www.example");
	assert_int_equal(o->client.a[3], 66);
	assert_true(is_known(o));
	expect_addresses(o);
	assert_false(is_known(o)); /* at once */
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_SWEPT), 0);
	hf_sim_run_for(o->stage.sim, 10 * HF_SECOND);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_SWEPT), 1);
	assert_false(o->stage.worker[0]->sweep.doubts);
	assert_int_equal(hf_cache_sums(o->stage.cache).entries, 1); /* www is nobody's business */
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_int_equal(o->client.a[3], 0);
}

/* Retires an address from the next plan on. */
static void retire(struct office *o, const char *text)
{
	struct hf_prefix prefix;
	assert_int_equal(hf_prefix_parse(text, &prefix), 0);
	assert_true(tombstones_count < HF_COUNT_OF(tombstones));
	assert_int_equal(hf_tombstones_new(&prefix, 1, &tombstones[tombstones_count]), 0);
	o->stage.forward.truth.tombstones.all = tombstones[tombstones_count++];
	stage_adopt(&o->stage);
}

static void a_retired_address_is_passed_over_and_nobody_has_lied(void **state)
{
	struct office *o = *state;
	retire(o, "192.0.2.66");
	gives(o, 0, 66);
	gives(o, 1, 7);
	ask(o);
	assert_int_equal(o->client.a[3], 7);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_RETIRED), 1);
	assert_int_equal(lies(o, 0), 0);
	assert_int_equal(stage_barred(&o->stage, "db.example"), 0);
}

static void what_a_reload_retires_is_given_to_nobody_any_more(void **state)
{
	struct office *o = *state;
	gives(o, 0, 66);
	gives(o, 1, 66);
	ask(o);
	assert_int_equal(o->client.a[3], 66);
	assert_true(is_known(o));
	retire(o, "192.0.2.67");
	assert_true(is_known(o));
	o->client.a[3] = 0;
	retire(o, "192.0.2.66");
	assert_false(is_known(o)); /* at once */
	hf_sim_run_for(o->stage.sim, 10 * HF_SECOND);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_SWEPT), 1);
	assert_false(o->stage.worker[0]->sweep.doubts);
	ask(o);
	assert_int_equal(o->client.failed, 1);
	assert_int_equal(o->client.a[3], 0);
}

static void an_old_answer_that_a_reload_rules_out_is_not_given_either(void **state)
{
	struct office *o = *state;
	o->stage.cache_conf.stale = 3600 * HF_SECOND;
	o->stage.cache_conf.stale_ttl = 30 * HF_SECOND;
	stage_adopt(&o->stage);
	gives(o, 0, 66);
	gives(o, 1, 67);
	o->stage.upstreams[0].ttl = 1;
	ask(o);
	hf_sim_run_for(o->stage.sim, 3 * HF_SECOND);
	expect_addresses(o);
	ask(o); /* before it has been swept */
	assert_int_equal(o->client.failed, 1);
}

static void what_a_reload_does_not_touch_stays_known(void **state)
{
	struct office *o = *state;
	struct hf_expectation more[2];
	expect_proof(o, HF_PROVE_FIRST);
	shows(o, 7, HF_PROOF_HOLDS);
	gives(o, 0, 7);
	ask(o);
	hf_sim_run_for(o->stage.sim, HF_SECOND);
	more[0] = o->expectation;
	more[1] = o->expectation;
	more[1].name = stage_name("other.example");
	o->stage.forward.truth.expectations = more;
	o->stage.forward.truth.expectation_count = 2;
	stage_adopt(&o->stage);
	assert_true(o->stage.worker[0]->sweep.doubts);
	assert_true(is_known(o));
	hf_sim_run_for(o->stage.sim, 10 * HF_SECOND);
	assert_false(o->stage.worker[0]->sweep.doubts);
	assert_true(is_known(o));
	/* Another proof is asked for: what there is has not shown it. */
	more[0].prove_port = 8443;
	stage_adopt(&o->stage);
	assert_false(is_known(o));
	hf_sim_run_for(o->stage.sim, 10 * HF_SECOND);
	assert_int_equal(stage_counted(&o->stage, HF_COUNT_SWEPT), 1);
}

static void a_denial_above_a_name_that_is_expected_does_not_deny_it(void **state)
{
	struct office *o = *state;
	struct hf_cached copy;
	struct hf_answer answer;
	expect_addresses(o);
	o->stage.upstreams[0].manner = o->stage.upstreams[1].manner = STAGE_NXDOMAIN;
	ask_name(o, "example");
	assert_int_equal(look(o, &copy, &answer), HF_LOOKUP_MISS);
	expect_nothing(o);
	o->expectation.name = stage_name("other.example");
	o->expectation.addresses = (struct hf_prefix_list){&o->prefix, 1};
	stage_adopt(&o->stage);
	assert_int_equal(look(o, &copy, &answer), HF_LOOKUP_CUT);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_office, close_office)
	const struct CMUnitTest tests[] = {
		TEST(a_lie_goes_to_nobody_and_the_next_upstream_is_asked),
		TEST(who_tells_of_other_names_is_believed),
		TEST(when_all_lie_the_client_is_told_who_and_what),
		TEST(when_all_lie_an_old_truth_is_given_and_says_why),
		TEST(a_question_that_a_reload_overtook_is_judged_by_what_is_expected_now),
		TEST(two_have_to_agree_and_both_are_asked),
		TEST(who_does_not_agree_is_not_believed_and_has_not_lied),
		TEST(a_second_that_is_silent_is_asked_again_until_there_is_no_time),
		TEST(a_denial_of_what_is_expected_is_doubted_and_was_a_lie_if_another_knows_it),
		TEST(a_denial_that_all_give_is_believed),
		TEST(a_denial_is_believed_when_the_other_upstream_is_silent),
		TEST(what_cannot_be_held_for_want_of_room_is_not_believed),
		TEST(one_expectation_leaves_room_for_what_is_held_of_another),
		TEST(an_answer_waits_for_its_proof),
		TEST(an_address_that_is_anothers_is_a_lie),
		TEST(a_proof_that_takes_long_brings_another_upstream),
		TEST(what_nobody_can_prove_is_believed_for_a_few_seconds_if_two_give_it),
		TEST(what_nobody_can_prove_and_one_alone_gives_is_not_believed),
		TEST(a_failure_while_a_proof_is_under_way_leaves_nothing_behind),
		TEST(what_is_given_before_its_proof_is_kept_for_long_once_it_is_proven),
		TEST(what_is_given_before_its_proof_is_withdrawn_when_that_fails),
		TEST(a_lie_is_withdrawn_at_the_driver_though_the_cache_had_no_room_for_it),
		TEST(a_proof_that_stays_missing_lets_what_was_given_end_soon),
		TEST(what_a_reload_rules_out_is_given_to_nobody_any_more),
		TEST(a_retired_address_is_passed_over_and_nobody_has_lied),
		TEST(what_a_reload_retires_is_given_to_nobody_any_more),
		TEST(an_old_answer_that_a_reload_rules_out_is_not_given_either),
		TEST(what_a_reload_does_not_touch_stays_known),
		TEST(a_denial_above_a_name_that_is_expected_does_not_deny_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
