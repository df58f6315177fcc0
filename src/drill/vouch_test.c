/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "drill/vouch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loop/loop_sim.h"

struct world {
	struct hf_sim *sim;
	struct hf_vouches vouches;
	struct hf_voucher voucher;
	struct hf_prover *prover;
	struct hf_meter *meter;
	struct hf_event_ring *events;
};

static int open_world(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->sim = hf_sim_new(5);
	w->meter = aligned_alloc(64, (sizeof *w->meter + 63) / 64 * 64);
	w->events = calloc(1, sizeof *w->events);
	assert_true(w->meter && w->events);
	memset(w->meter, 0, sizeof *w->meter);
	assert_int_equal(hf_sim_loop_new(w->sim, NULL, &w->voucher.loop), 0);
	w->voucher.vouches = &w->vouches;
	const struct hf_prover_conf conf = {.loop = w->voucher.loop,
		.meter = w->meter,
		.events = w->events,
		.shares = 1,
		.means = &hf_vouch_means,
		.means_ctx = &w->voucher};
	assert_int_equal(hf_prover_new(&conf, &w->prover), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	hf_prover_free(w->prover);
	hf_sim_free(w->sim);
	free(w->meter);
	free(w->events);
	free(w);
	return 0;
}

static struct hf_name name(const char *text)
{
	struct hf_name n;
	assert_int_equal(hf_name_from_text(text, strlen(text), &n), 0);
	return n;
}

static struct hf_address at(const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 0, &address), 0);
	return address;
}

struct asker {
	struct hf_proof_wish wish; /* first */
	int proof;
	hf_us at;
};

static void proven(struct hf_proof_wish *wish, enum hf_proof proof, const char *why, hf_us now)
{
	struct asker *a = (struct asker *)wish;
	(void)why;
	a->proof = (int)proof;
	a->at = now;
}

/* What a name and address come to, and how long that takes. */
static enum hf_proof prove(struct world *w, const char *text, const char *address, hf_us *ret_took)
{
	const struct hf_expectation conf = {.prove_port = 443, .prove_ca = "system"};
	struct asker a = {{.proven = proven}, -1, 0};
	struct hf_name n = name(text);
	struct hf_address to = at(address);
	enum hf_proof proof = HF_PROOFS;
	char why[HF_PROOF_WHY];
	hf_us began = hf_loop_now(w->voucher.loop);
	*ret_took = 0;
	if (hf_prove(w->prover, &conf, &n, &to, &a.wish, &proof, why))
		return proof;
	hf_sim_run_for(w->sim, HF_PROVE_MOST);
	assert_true(a.proof >= 0);
	*ret_took = a.at - began;
	return (enum hf_proof)a.proof;
}

static void vouch(struct world *w, const char *address, const char *text, bool below)
{
	struct hf_vouched vouched = {.address = at(address), .count = text ? 1 : 0};
	if (text)
		vouched.names[0] = (struct hf_vouched_name){name(text), below};
	assert_true(hf_vouches_set(&w->vouches, &vouched));
}

static void the_stage_says_what_an_address_shows(void **state)
{
	struct world *w = *state;
	hf_us took;
	vouch(w, "192.0.2.1", "shop.example", false);
	vouch(w, "192.0.2.2", "example", true);
	vouch(w, "192.0.2.3", NULL, false);
	assert_int_equal(prove(w, "shop.example", "192.0.2.1", &took), HF_PROOF_HOLDS);
	assert_true(took > 0 && took < 100 * HF_MS);
	assert_int_equal(prove(w, "a.shop.example", "192.0.2.1", &took), HF_PROOF_FAILS);
	assert_int_equal(prove(w, "shop.example", "192.0.2.2", &took), HF_PROOF_HOLDS);
	assert_int_equal(prove(w, "a.shop.example", "192.0.2.2", &took), HF_PROOF_FAILS);
	assert_int_equal(prove(w, "example", "192.0.2.2", &took), HF_PROOF_FAILS);
	assert_int_equal(prove(w, "shop.example", "192.0.2.3", &took), HF_PROOF_MISSING);
	assert_true(took < 100 * HF_MS);
	assert_int_equal(prove(w, "shop.example", "192.0.2.4", &took), HF_PROOF_MISSING);
	assert_true(took >= HF_PROOF_LOOK_MOST); /* nobody there */
}

static void what_an_address_shows_can_change(void **state)
{
	struct world *w = *state;
	hf_us took;
	vouch(w, "192.0.2.1", "other.example", false);
	assert_int_equal(prove(w, "shop.example", "192.0.2.1", &took), HF_PROOF_FAILS);
	vouch(w, "192.0.2.1", "shop.example", false);
	hf_sim_run_for(w->sim, HF_PROOF_AGAIN);
	assert_int_equal(prove(w, "shop.example", "192.0.2.1", &took), HF_PROOF_HOLDS);
	assert_int_equal(w->vouches.count, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_world, close_world)
	const struct CMUnitTest tests[] = {
		TEST(the_stage_says_what_an_address_shows),
		TEST(what_an_address_shows_can_change),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
