/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/hot.h"

#include "engine/stage.h"
#include "zone/local.h"
#include "zone/rules.h"
#include "zone/zones.h"

/* Who stands at the door, and the one client. */
struct porch {
	struct stage stage;
	struct hf_question question;
	unsigned published, withdrawn;
	uint64_t plan;
	hf_us stored;     /* what was published was stored then */
	hf_us known_then; /* what the cache knew when it was withdrawn */
	unsigned answered;
	bool denied; /* the name itself is about to be */
	unsigned sweeps;
	bool gone;         /* the last sweep would have taken the question's name */
	bool gone_aliased; /* ... and another with an alias */
};

static struct hf_cache_key key_of(struct porch *p)
{
	return hf_worker_key(p->stage.worker[0], &p->question, 0);
}

static void publish(void *ctx, const struct hf_cache_key *key, const struct hf_cached *copy,
	uint64_t plan, hf_us now)
{
	struct porch *p = ctx;
	struct hf_cache_key expected = key_of(p);
	assert_int_equal(key->hash, expected.hash);
	assert_true(copy->age < copy->kept.ttl && copy->stored <= now);
	p->published++;
	p->plan = plan;
	p->stored = copy->stored;
}

static void withdraw(void *ctx, const struct hf_cache_key *key)
{
	struct porch *p = ctx;
	struct hf_cache_key expected = key_of(p);
	struct hf_cache_key name = hf_cache_name_key(&expected);
	assert_int_equal(key->hash, p->denied ? name.hash : expected.hash);
	assert_memory_equal(key->name->bytes, p->question.name.bytes, key->name->len);
	p->withdrawn++;
	if (!hf_cache_stored(p->stage.cache, &expected, &p->known_then))
		p->known_then = -1;
}

static void sweep(void *ctx, hf_hot_gone *gone, const void *of)
{
	struct porch *p = ctx;
	p->sweeps++;
	const struct hf_name other = stage_name("other.test");
	p->gone = gone(of, &p->question.name, false);
	p->gone_aliased = gone(of, &other, true);
	assert_false(gone(of, &other, false));
}

static const struct hf_hot door = {publish, withdraw, sweep};

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	struct porch *p = ctx;
	(void)ticket;
	(void)generation;
	(void)now;
	p->answered += answer->kept != NULL;
}

static const struct hf_client client = {answered};

/* A question whose name belongs to a worker. */
static void choose_question(struct porch *p, unsigned owner)
{
	for (unsigned i = 0;; i++) {
		char text[32];
		snprintf(text, sizeof text, "n%u.example", i);
		p->question = (struct hf_question){.type = HF_TYPE_A, .class = HF_CLASS_IN};
		hf_name_from_text(text, strlen(text), &p->question.name);
		struct hf_cache_key key = key_of(p);
		if (hf_cache_shard(p->stage.cache, &key) == owner)
			return;
	}
}

static int open_porch(void **state)
{
	struct porch *p = calloc(1, sizeof *p);
	p->stage.client = &client;
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		p->stage.client_ctx[w] = p;
	stage_open(&p->stage, STAGE_WORKERS);
	p->stage.plan->number = 41;
	for (unsigned w = 0; w < STAGE_WORKERS; w++)
		hf_worker_set_hot(p->stage.worker[w], &door, p);
	choose_question(p, 0);
	*state = p;
	return 0;
}

static int close_porch(void **state)
{
	struct porch *p = *state;
	stage_close(&p->stage);
	free(p);
	return 0;
}

static void run(struct porch *p, hf_us duration)
{
	hf_sim_run_for(p->stage.sim, duration);
}

/* Has it fetched. */
static void fetch(struct porch *p)
{
	struct hf_cache_key key = key_of(p);
	const struct hf_ticket ticket = {1, 2, 3};
	assert_int_equal(
		hf_worker_ask(p->stage.worker[0], &key, &ticket, hf_loop_now(p->stage.loops[0])),
		0);
	run(p, 10 * HF_MS);
}

static void hit(struct porch *p, unsigned worker, unsigned times)
{
	static uint8_t wire[HF_MESSAGE_MAX];
	static uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_cache_key key = key_of(p);
	for (; times; times--) {
		struct hf_cached copy = {.kept = {.wire = wire, .ttl_at = ttl_at},
			.wire_cap = sizeof wire,
			.ttl_cap = HF_RECORDS_MAX};
		struct hf_answer answer;
		assert_int_equal(hf_worker_lookup(p->stage.worker[worker], &key,
					 hf_loop_now(p->stage.loops[worker]), &copy, &answer),
			HF_LOOKUP_HIT);
	}
}

static void the_third_hit_publishes_under_the_number_of_the_plan(void **state)
{
	struct porch *p = *state;
	fetch(p);
	hit(p, 0, 2);
	assert_int_equal(p->published, 0);
	hit(p, 0, 1);
	assert_int_equal(p->published, 1);
	assert_int_equal(p->plan, 41);
}

static void no_fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	fail_msg("%s: %s", path, why);
}

/* The question's name with an address, as a set of zones. */
static struct hf_zones *local_set(const struct porch *p)
{
	const struct hf_local_rules rules = {NULL, NULL};
	const struct hf_local_teller teller = {no_fault, no_fault, NULL};
	struct hf_local_build *build;
	struct hf_local *layers[HF_ZONES_LAYERS] = {NULL};
	struct hf_zones *zones;
	char name[HF_NAME_TEXT_MAX], text[HF_NAME_TEXT_MAX + 32];
	snprintf(text, sizeof text, "%s. A 10.0.0.5\n", hf_name_text(p->question.name.bytes, name));
	assert_int_equal(hf_local_build_new(&rules, &teller, &build), 0);
	assert_int_equal(hf_local_read_text(build, "text", text, strlen(text)), 0);
	assert_int_equal(hf_local_build_finish(build, &layers[0]), 0);
	assert_int_equal(hf_zones_new_layered(NULL, 0, layers, &zones), 0);
	hf_local_unref(layers[0]);
	return zones;
}

static void what_has_become_local_is_swept_and_not_published_any_more(void **state)
{
	struct porch *p = *state;
	struct hf_zones *zones = local_set(p);
	fetch(p);
	hit(p, 0, 3);
	assert_int_equal(p->published, 1);
	hf_worker_adopt_zones(p->stage.worker[0], zones);
	assert_int_equal(p->sweeps, 1);
	assert_true(p->gone);
	assert_true(p->gone_aliased);
	hf_worker_adopt_zones(p->stage.worker[0], zones); /* nothing new in it */
	assert_int_equal(p->sweeps, 1);
	run(p, HF_SECOND);
	hit(p, 0, 3);
	assert_int_equal(p->published, 1);
	hf_zones_unref(zones);
}

/* www.example, say, is an alias of db.corp. */
static void leads_in(struct stage_upstream *u, const uint8_t *q, size_t name)
{
	hf_sample_begin(&u->sample, HF_FLAG_QR | HF_FLAG_RA, q + HF_HEADER_LEN, name,
		hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(u->sample.bytes, q, 2);
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, 300,
		HF_RAW("\2db\4corp\0"));
	hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\2db\4corp\0"), HF_TYPE_A, 300,
		HF_RAW("\6\6\6\6"));
}

static void what_leads_into_a_zone_of_ours_is_not_published(void **state)
{
	struct porch *p = *state;
	const struct hf_zones_entry entry = {.origin = stage_name("corp"),
		.standing = HF_ZONE_WITHHELD,
		.ede = HF_EDE_NOT_READY};
	struct hf_zones *zones;
	assert_int_equal(hf_zones_new(&entry, 1, &zones), 0);
	p->stage.upstreams[0].speaks = leads_in;
	fetch(p);
	hf_worker_adopt_zones(p->stage.worker[0], zones);
	hit(p, 0, 5);
	assert_int_equal(p->published, 0);
	hf_worker_adopt_zones(p->stage.worker[0], NULL);
	run(p, HF_SECOND);
	hit(p, 0, 3);
	assert_int_equal(p->published, 1);
	hf_zones_unref(zones);
}

static const struct hf_tsig_key *no_key(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

static void what_a_zone_of_ours_covers_is_never_published(void **state)
{
	static const struct hf_hash_key key = {1, 2};
	struct porch *p = *state;
	struct hf_zone_conf zone = {.name = stage_name("example"), .key = "none", .transfer_key = "none"};
	const struct hf_zones_conf zones = {.zones = &zone, .zone_count = 1};
	const struct hf_zone_rules_conf conf = {
		.zones = &zones, .hash_key = &key, .find_key = no_key};
	struct hf_zone_rules *rules;
	assert_int_equal(hf_zone_rules_new(&conf, &rules), 0);
	fetch(p); /* before there was a zone */
	p->stage.plan->zones = rules;
	hit(p, 0, 5);
	hit(p, 1, 5); /* the owner is told, and knows better */
	run(p, 10 * HF_MS);
	assert_int_equal(p->published, 0);
	p->stage.plan->zones = NULL;
	hf_zone_rules_free(rules);
}

static void what_was_spoken_of_is_not_spoken_of_again_for_a_tenth_of_a_second(void **state)
{
	struct porch *p = *state;
	fetch(p);
	hit(p, 0, 50);
	assert_int_equal(p->published, 1);
	run(p, 150 * HF_MS);
	hit(p, 0, 50);
	assert_int_equal(p->published, 2);
}

static void who_does_not_own_the_name_tells_its_owner(void **state)
{
	struct porch *p = *state;
	choose_question(p, 1);
	fetch(p);
	hit(p, 0, 5);
	assert_int_equal(p->published, 0);
	run(p, 10 * HF_MS);
	assert_int_equal(p->published, 1);
}

static void what_is_no_longer_known_when_word_of_it_comes_is_not_published(void **state)
{
	struct porch *p = *state;
	choose_question(p, 1);
	fetch(p);
	hit(p, 0, 5);
	struct hf_cache_key key = key_of(p);
	hf_cache_remove(p->stage.cache, &key, 0);
	run(p, 10 * HF_MS);
	assert_int_equal(p->published, 0);
}

static void a_question_is_withdrawn_before_anything_newer_is_stored_for_it(void **state)
{
	struct porch *p = *state;
	p->stage.upstreams[0].ttl = 2;
	fetch(p);
	assert_int_equal(p->withdrawn, 1); /* there was nothing to withdraw; nobody knew */
	assert_int_equal(p->known_then, -1);
	hit(p, 0, 3);
	run(p, 3 * HF_SECOND);
	fetch(p);
	assert_int_equal(p->withdrawn, 2);
	assert_int_equal(p->known_then, p->stored); /* the cache still said the old */
	hit(p, 0, 1);                               /* it keeps the hits that it had */
	assert_int_equal(p->published, 2);
	assert_true(p->stored > p->known_then);
}

static void for_a_denial_of_the_name_all_of_it_is_withdrawn(void **state)
{
	struct porch *p = *state;
	p->stage.upstreams[0].manner = STAGE_NXDOMAIN;
	p->denied = true;
	fetch(p);
	assert_int_equal(p->withdrawn, 1);
}

int main(void)
{
#define ON_THE_PORCH(test) cmocka_unit_test_setup_teardown(test, open_porch, close_porch)
	const struct CMUnitTest tests[] = {
		ON_THE_PORCH(what_has_become_local_is_swept_and_not_published_any_more),
		ON_THE_PORCH(the_third_hit_publishes_under_the_number_of_the_plan),
		ON_THE_PORCH(what_leads_into_a_zone_of_ours_is_not_published),
		ON_THE_PORCH(what_a_zone_of_ours_covers_is_never_published),
		ON_THE_PORCH(what_was_spoken_of_is_not_spoken_of_again_for_a_tenth_of_a_second),
		ON_THE_PORCH(who_does_not_own_the_name_tells_its_owner),
		ON_THE_PORCH(what_is_no_longer_known_when_word_of_it_comes_is_not_published),
		ON_THE_PORCH(for_a_denial_of_the_name_all_of_it_is_withdrawn),
		ON_THE_PORCH(a_question_is_withdrawn_before_anything_newer_is_stored_for_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
