/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns.h"

#define DENIES ""
#define EMPTY "-"

struct court {
	struct hf_expectation conf;
	struct hf_expected expected;
	struct hf_prefix prefix;
	struct hf_trial trial;
	struct hf_ruling ruling;
};

/* That the name has addresses, and so many of so many agree. */
static void open_court(struct court *c, unsigned agree, unsigned of)
{
	memset(c, 0, sizeof *c);
	assert_int_equal(hf_prefix_parse("10.0.0.0/8", &c->prefix), 0);
	c->conf.addresses = (struct hf_prefix_list){&c->prefix, 1};
	c->expected = (struct hf_expected){.conf = &c->conf, .agree = agree, .of = of};
	hf_trial_init(&c->trial, &c->expected);
}

static void open_proving_court(struct court *c, int when)
{
	open_court(c, 0, 0);
	c->conf.prove = HF_PROVE_TLS;
	c->conf.prove_when = when;
}

/* What says "12": the addresses 10.0.0.1 and 10.0.0.2; "": there is no such name; "-": no
 * such record. */
static struct hf_testimony says(const char *what)
{
	struct hf_testimony t = {.rcode = *what ? HF_RCODE_NOERROR : HF_RCODE_NXDOMAIN,
		.type = HF_TYPE_A,
		.denial = !*what || *what == '-'};
	for (; *what && *what != '-'; what++)
		t.addresses[t.count++] = (struct hf_address){
			.family = 4, .bytes = {10, 0, 0, (uint8_t)(*what - '0')}};
	return t;
}

static void hold(struct court *c, const char *what)
{
	struct hf_testimony t = says(what);
	unsigned before = c->trial.count;
	assert_int_equal(hf_trial_hold(&c->trial, &t), before);
	hf_trial_rule(&c->trial, &c->ruling);
}

static void show(struct court *c, unsigned answer, unsigned address, enum hf_shown shown)
{
	hf_trial_show(&c->trial, answer, address, shown,
		shown == HF_SHOWN_HOLDS   ? ""
		: shown == HF_SHOWN_FAILS ? "the certificate is another's"
					  : "nobody is there");
	hf_trial_rule(&c->trial, &c->ruling);
}

static void left(struct court *c, enum hf_trial_left left)
{
	c->trial.left = left;
	hf_trial_rule(&c->trial, &c->ruling);
}

static void assert_accepted(const struct court *c, unsigned answer, bool proven)
{
	assert_int_equal(c->ruling.kind, HF_RULING_ACCEPT);
	assert_int_equal(c->ruling.answer, answer);
	assert_int_equal(c->ruling.proven, proven);
}

/* ---- agreement ---- */

static void so_many_have_to_agree_before_one_is_accepted(void **state)
{
	static const struct {
		unsigned agree, of;
		const char *said[5];
		const char *rulings; /* ask, fail, or the number accepted */
	} rows[] = {
		{2, 3, {"1", "1"}, "a0"},
		{2, 3, {"1", "2", "1"}, "aa0"},
		{2, 3, {"1", "2", "2"}, "aa1"},
		{2, 3, {"1", "2", "3"}, "aaf"},
		{2, 2, {"1", "2"}, "af"},
		{3, 3, {"1", "1", "1"}, "aa0"},
		{3, 3, {"1", "1", "2"}, "aaf"},
		{3, 4, {"1", "2", "1", "1"}, "aaa0"},
		/* a few of many at a time */
		{2, 2, {"12", "23"}, "a0"},
		{2, 3, {"12", "23", "13"}, "aa0"}, /* each by two */
		{2, 3, {"12", "34", "14"}, "aa2"},
		/* a false one beside a true one */
		{2, 3, {"19", "1"}, "a1"},
		{2, 3, {"1", "19"}, "a0"},
		{2, 3, {"19", "12", "12"}, "aa1"},
		{2, 3, {"19", "23", "12"}, "aa2"},
		{3, 3, {"12", "23", "34"}, "aa1"}, /* the one in the middle */
		/* denials */
		{2, 3, {DENIES, DENIES}, "a0"},
		{2, 3, {DENIES, "1", DENIES}, "aa0"},
		{2, 3, {DENIES, "1", "12"}, "aa1"},
		{2, 3, {EMPTY, "1", "12"}, "aa1"},
		{2, 3, {EMPTY, EMPTY}, "a0"},
		{2, 3, {DENIES, EMPTY, "1"}, "aaf"},
	};
	struct court c;
	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		open_court(&c, rows[i].agree, rows[i].of);
		for (unsigned s = 0; rows[i].rulings[s]; s++) {
			hold(&c, rows[i].said[s]);
			char want = rows[i].rulings[s];
			if (want == 'a')
				assert_int_equal(c.ruling.kind, HF_RULING_ASK);
			else if (want == 'f')
				assert_int_equal(c.ruling.kind, HF_RULING_FAIL);
			else
				assert_accepted(&c, (unsigned)(want - '0'), true);
		}
	}
}

static void too_few_who_agree_fail_when_nobody_is_left_and_not_before(void **state)
{
	char text[HF_TRIAL_TEXT_MAX];
	struct court c;
	(void)state;
	open_court(&c, 2, 3);
	hold(&c, "1");
	left(&c, HF_LEFT_SLOW); /* who is slow may yet agree */
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	left(&c, HF_LEFT_NONE);
	assert_int_equal(c.ruling.kind, HF_RULING_FAIL);
	assert_string_equal(
		hf_trial_text(&c.trial, text), "says what 1 of 1 agree on, where 2 are to");
}

/* ---- denials ---- */

static void a_denial_is_accepted_when_nobody_knows_the_name(void **state)
{
	struct court c;
	(void)state;
	open_court(&c, 0, 0);
	hold(&c, DENIES);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	hold(&c, DENIES);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	left(&c, HF_LEFT_SLOW);
	assert_accepted(&c, 0, true);
}

static void who_denies_what_another_knows_has_lied(void **state)
{
	struct hf_testimony known = says("1"), other_type = {.type = HF_TYPE_AAAA, .denial = true};
	struct hf_testimony denied = says(DENIES);
	uint32_t liars;
	struct court c;
	(void)state;
	open_court(&c, 0, 0);
	hold(&c, DENIES);
	hold(&c, DENIES);
	assert_int_equal(hf_trial_overruled(&c.trial, &known, &liars), 2);
	assert_int_equal(liars, 3);
	assert_int_equal(hf_trial_overruled(&c.trial, &other_type, &liars), 2);
	assert_int_equal(hf_trial_overruled(&c.trial, &denied, &liars), 0);
	c.conf.below = true; /* of all names below another, some may not exist */
	assert_int_equal(hf_trial_overruled(&c.trial, &known, &liars), 0);
}

static void so_it_is_with_an_answer_without_the_address_that_is_expected(void **state)
{
	struct hf_testimony known = says("1"), nothing = says(EMPTY);
	uint32_t liars;
	struct court c;
	(void)state;
	open_court(&c, 0, 0);
	hold(&c, EMPTY);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	assert_int_equal(hf_trial_overruled(&c.trial, &known, &liars), 1);
	assert_int_equal(liars, 1);
	assert_int_equal(hf_trial_overruled(&c.trial, &nothing, &liars), 0);
	hold(&c, EMPTY);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	left(&c, HF_LEFT_SLOW);
	assert_accepted(&c, 0, true);
	open_proving_court(&c, HF_PROVE_FIRST);
	c.conf.addresses.count = 0; /* that it has some is said by `prove` alone */
	hold(&c, EMPTY);
	hold(&c, "1");
	left(&c, HF_LEFT_NONE);
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	show(&c, 1, 0, HF_SHOWN_HOLDS);
	assert_accepted(&c, 1, true);
}

static void of_two_denials_the_one_that_denies_less_is_accepted(void **state)
{
	struct court c;
	(void)state;
	open_court(&c, 0, 0);
	hold(&c, DENIES);
	hold(&c, EMPTY);
	left(&c, HF_LEFT_NONE);
	assert_accepted(&c, 1, true);
}

/* ---- proofs ---- */

static void an_answer_is_accepted_when_each_of_its_addresses_is_proven(void **state)
{
	struct court c;
	(void)state;
	open_proving_court(&c, HF_PROVE_FIRST);
	hold(&c, "123");
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	show(&c, 0, 2, HF_SHOWN_HOLDS);
	show(&c, 0, 0, HF_SHOWN_HOLDS);
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	show(&c, 0, 1, HF_SHOWN_HOLDS);
	assert_accepted(&c, 0, true);
}

static void one_address_that_is_anothers_makes_the_answer_a_lie(void **state)
{
	char text[HF_EVIDENCE_TEXT_MAX];
	struct court c;
	(void)state;
	open_proving_court(&c, HF_PROVE_FIRST);
	hold(&c, "12");
	show(&c, 0, 0, HF_SHOWN_MISSING);
	show(&c, 0, 1, HF_SHOWN_FAILS);
	assert_int_equal(c.ruling.kind, HF_RULING_REFUSE);
	assert_int_equal(c.ruling.answer, 0);
	assert_string_equal(hf_evidence_text(&c.ruling.evidence, text),
		"10.0.0.2, not proven: the certificate is another's");
	hf_trial_rule(&c.trial, &c.ruling);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	hold(&c, "2"); /* the same lie once more is as good as the first */
	show(&c, 1, 0, HF_SHOWN_FAILS);
	assert_int_equal(c.ruling.kind, HF_RULING_REFUSE);
	left(&c, HF_LEFT_NONE);
	assert_int_equal(c.ruling.kind, HF_RULING_FAIL);
}

static void what_nobody_can_prove_is_accepted_if_two_give_it_and_nothing_better_may_come(
	void **state)
{
	char text[HF_TRIAL_TEXT_MAX];
	struct court c;
	(void)state;
	open_proving_court(&c, HF_PROVE_FIRST);
	hold(&c, "1");
	show(&c, 0, 0, HF_SHOWN_MISSING);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	hold(&c, "2");
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	hold(&c, "1");
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT); /* the second may be proven */
	show(&c, 2, 0, HF_SHOWN_MISSING);
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	show(&c, 1, 0, HF_SHOWN_MISSING);
	assert_accepted(&c, 0, false);
	show(&c, 1, 0, HF_SHOWN_HOLDS);
	assert_accepted(&c, 1, true);

	open_proving_court(&c, HF_PROVE_FIRST);
	hold(&c, "1");
	show(&c, 0, 0, HF_SHOWN_MISSING);
	left(&c, HF_LEFT_NONE);
	assert_int_equal(c.ruling.kind, HF_RULING_FAIL);
	assert_string_equal(
		hf_trial_text(&c.trial, text), "gave 10.0.0.1, not proven: nobody is there");
}

static void a_proof_that_takes_too_long_is_none(void **state)
{
	struct court c;
	(void)state;
	open_proving_court(&c, HF_PROVE_FIRST);
	hold(&c, "1");
	left(&c, HF_LEFT_NONE);
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	left(&c, HF_LEFT_NO_TIME);
	assert_int_equal(c.ruling.kind, HF_RULING_FAIL);
}

static void a_denial_does_not_outweigh_what_is_not_proven_yet(void **state)
{
	struct court c;
	(void)state;
	open_proving_court(&c, HF_PROVE_FIRST);
	hold(&c, DENIES);
	hold(&c, "1");
	left(&c, HF_LEFT_NONE);
	assert_int_equal(c.ruling.kind, HF_RULING_WAIT);
	show(&c, 1, 0, HF_SHOWN_MISSING);
	assert_int_equal(c.ruling.kind, HF_RULING_FAIL);
	show(&c, 1, 0, HF_SHOWN_FAILS); /* it was a lie: then all others deny it */
	assert_int_equal(c.ruling.kind, HF_RULING_REFUSE);
	hf_trial_rule(&c.trial, &c.ruling);
	assert_accepted(&c, 0, true);
}

static void where_proof_may_come_after_only_a_failed_one_counts(void **state)
{
	struct court c;
	(void)state;
	open_proving_court(&c, HF_PROVE_AFTER);
	hold(&c, "12");
	assert_accepted(&c, 0, false);
	show(&c, 0, 0, HF_SHOWN_HOLDS);
	show(&c, 0, 1, HF_SHOWN_HOLDS);
	assert_accepted(&c, 0, true);
	show(&c, 0, 1, HF_SHOWN_FAILS);
	assert_int_equal(c.ruling.kind, HF_RULING_REFUSE);
}

static void both_agreement_and_proof_may_be_asked_for(void **state)
{
	struct court c;
	(void)state;
	open_court(&c, 2, 3);
	c.conf.prove = HF_PROVE_TLS;
	hold(&c, "1");
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	show(&c, 0, 0, HF_SHOWN_HOLDS);
	assert_int_equal(c.ruling.kind, HF_RULING_ASK);
	hold(&c, "12");
	assert_accepted(&c, 0, true);
}

/* ---- whatever comes ---- */

static unsigned dice(uint64_t *seed, unsigned sides)
{
	*seed = *seed * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(*seed >> 33) % sides;
}

static void assert_sound(const struct court *c)
{
	const struct hf_trial *trial = &c->trial;
	unsigned pending = 0, i = c->ruling.answer, others = 0;
	for (unsigned a = 0; a < trial->count; a++)
		for (unsigned n = 0; n < trial->answers[a].testimony.count; n++)
			pending += trial->answers[a].shown[n] == HF_SHOWN_PENDING;
	if (c->ruling.kind == HF_RULING_WAIT)
		assert_true(pending && trial->left < HF_LEFT_NO_TIME && c->conf.prove);
	if (c->ruling.kind == HF_RULING_ASK)
		assert_true(trial->left < HF_LEFT_NONE);
	if (c->ruling.kind != HF_RULING_ACCEPT)
		return;
	assert_true(i < trial->count && !trial->answers[i].refused);
	for (unsigned a = 0; a < trial->count; a++)
		others += a != i && !trial->answers[a].refused &&
			  (hf_testimony_same(
				   &trial->answers[a].testimony, &trial->answers[i].testimony) ||
				  hf_testimony_shared(&trial->answers[a].testimony,
					  &trial->answers[i].testimony));
	assert_true(others + 1 >= c->expected.agree);
	for (unsigned n = 0; c->conf.prove && n < trial->answers[i].testimony.count; n++) {
		enum hf_shown shown = trial->answers[i].shown[n];
		assert_int_not_equal(shown, HF_SHOWN_FAILS);
		if (c->ruling.proven)
			assert_int_equal(shown, HF_SHOWN_HOLDS);
		if (shown != HF_SHOWN_HOLDS && c->conf.prove_when == HF_PROVE_FIRST)
			assert_true(others >= 1);
	}
}

static void any_trial(uint64_t *seed, unsigned counts[HF_RULING_FAIL + 1])
{
	static const char *const answers[] = {DENIES, EMPTY, "1", "2", "12", "23", "3", "123"};
	struct court *c = malloc(sizeof *c);
	unsigned agree = dice(seed, 2) ? 2 + dice(seed, 2) : 0;
	assert_non_null(c);
	open_court(c, agree, agree ? agree + dice(seed, 3) : 0);
	c->conf.prove = dice(seed, 2) ? HF_PROVE_TLS : HF_PROVE_NOT;
	c->conf.prove_when = dice(seed, 3) ? HF_PROVE_FIRST : HF_PROVE_AFTER;
	hold(c, answers[dice(seed, 7)]);
	for (unsigned i = 0; i < 60; i++) {
		unsigned a = dice(seed, c->trial.count), what = dice(seed, 8);
		unsigned n = c->trial.answers[a].testimony.count;
		if (what == 0 && c->trial.count < HF_TRIAL_MAX)
			hold(c, answers[dice(seed, 7)]);
		else if (what == 1 && c->trial.left < HF_LEFT_NO_TIME && !dice(seed, 4))
			left(c, c->trial.left + 1);
		else if (n && c->conf.prove)
			show(c, a, dice(seed, n), dice(seed, 10) ? dice(seed, 2) : HF_SHOWN_FAILS);
		for (unsigned refused = 0; c->ruling.kind == HF_RULING_REFUSE; refused++) {
			assert_true(refused <= HF_TRIAL_MAX); /* each once */
			hf_trial_rule(&c->trial, &c->ruling);
		}
		assert_sound(c);
		counts[c->ruling.kind]++;
	}
	left(c, HF_LEFT_NO_TIME);
	while (c->ruling.kind == HF_RULING_REFUSE)
		hf_trial_rule(&c->trial, &c->ruling);
	assert_true(c->ruling.kind == HF_RULING_ACCEPT || c->ruling.kind == HF_RULING_FAIL);
	free(c);
}

static void whatever_comes_nothing_unshown_is_accepted_and_every_trial_ends(void **state)
{
	uint64_t seed = 1;
	unsigned counts[HF_RULING_FAIL + 1] = {0};
	(void)state;
	for (int i = 0; i < 3000; i++)
		any_trial(&seed, counts);
	assert_true(counts[HF_RULING_WAIT] > 1000 && counts[HF_RULING_ASK] > 1000);
	assert_true(counts[HF_RULING_ACCEPT] > 1000 && counts[HF_RULING_FAIL] > 1000);
}

static void there_is_room_for_so_many_and_no_more(void **state)
{
	struct hf_testimony t = says("1");
	struct court c;
	(void)state;
	open_court(&c, 2, 3);
	for (int i = 0; i < HF_TRIAL_MAX; i++)
		assert_int_equal(hf_trial_hold(&c.trial, &t), i);
	assert_int_equal(hf_trial_hold(&c.trial, &t), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(so_many_have_to_agree_before_one_is_accepted),
		cmocka_unit_test(too_few_who_agree_fail_when_nobody_is_left_and_not_before),
		cmocka_unit_test(a_denial_is_accepted_when_nobody_knows_the_name),
		cmocka_unit_test(who_denies_what_another_knows_has_lied),
		cmocka_unit_test(an_answer_is_accepted_when_each_of_its_addresses_is_proven),
		cmocka_unit_test(one_address_that_is_anothers_makes_the_answer_a_lie),
		cmocka_unit_test(
			what_nobody_can_prove_is_accepted_if_two_give_it_and_nothing_better_may_come),
		cmocka_unit_test(a_proof_that_takes_too_long_is_none),
		cmocka_unit_test(so_it_is_with_an_answer_without_the_address_that_is_expected),
		cmocka_unit_test(of_two_denials_the_one_that_denies_less_is_accepted),
		cmocka_unit_test(a_denial_does_not_outweigh_what_is_not_proven_yet),
		cmocka_unit_test(where_proof_may_come_after_only_a_failed_one_counts),
		cmocka_unit_test(both_agreement_and_proof_may_be_asked_for),
		cmocka_unit_test(whatever_comes_nothing_unshown_is_accepted_and_every_trial_ends),
		cmocka_unit_test(there_is_room_for_so_many_and_no_more),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
