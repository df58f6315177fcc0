/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct hf_hash_key hash_key = {5, 6};
static const struct hf_proof_seen good = {HF_PROOF_HOLDS, 3600 * HF_SECOND, ""};
static const struct hf_proof_seen bad = {HF_PROOF_FAILS, 0, "it is for somebody else"};
static const struct hf_proof_seen gone = {HF_PROOF_MISSING, 0, "connection refused"};

#define NOON (1000 * HF_SECOND)

static int open_table(void **state)
{
	struct hf_proofs *p;
	assert_int_equal(hf_proofs_new(&hash_key, 1, &p), 0);
	*state = p;
	return 0;
}

static int close_table(void **state)
{
	hf_proofs_free(*state);
	return 0;
}

/* The n-th name at an address. */
static struct hf_proof_key key_of(unsigned n, const char *address)
{
	struct hf_proof_key key = {.trust = 1};
	char text[64];
	int len = snprintf(text, sizeof text, "n%u.example", n);
	assert_int_equal(hf_name_from_text(text, (size_t)len, &key.name), 0);
	assert_int_equal(hf_address_parse(address, 443, &key.address), 0);
	return key;
}

static struct hf_proof_key key_at(unsigned n)
{
	char address[32];
	snprintf(address, sizeof address, "10.%u.%u.%u", n >> 16, n >> 8 & 255, n & 255);
	return key_of(n, address);
}

static enum hf_proof_asked ask(
	struct hf_proofs *p, const struct hf_proof_key *key, hf_us now, unsigned *ret_place)
{
	const struct hf_proof_seen *seen;
	return hf_proofs_ask(p, key, now, &seen, ret_place);
}

static unsigned begin(struct hf_proofs *p, const struct hf_proof_key *key, hf_us now)
{
	unsigned place;
	assert_int_equal(ask(p, key, now, &place), HF_PROOF_BEGUN);
	return place;
}

static const struct hf_proof_seen *known(
	struct hf_proofs *p, const struct hf_proof_key *key, hf_us now)
{
	const struct hf_proof_seen *seen;
	unsigned place;
	assert_int_equal(hf_proofs_ask(p, key, now, &seen, &place), HF_PROOF_KNOWN);
	return seen;
}

static struct hf_proof_action next(struct hf_proofs *p, enum hf_proof_do what, hf_us now)
{
	struct hf_proof_action action = hf_proofs_next(p, now);
	assert_int_equal(action.what, what);
	return action;
}

/* Asks, looks, and is told. */
static struct hf_proof_action prove(struct hf_proofs *p, const struct hf_proof_key *key,
	const struct hf_proof_seen *seen, hf_us now)
{
	unsigned place = begin(p, key, now);
	assert_int_equal(next(p, HF_PROOF_DO_LOOK, now).place, place);
	hf_proofs_shown(p, place, seen, now);
	struct hf_proof_action told = next(p, HF_PROOF_DO_TELL, now);
	assert_int_equal(told.place, place);
	assert_int_equal(told.seen->proof, seen->proof);
	next(p, HF_PROOF_DO_NOTHING, now);
	return told;
}

static void what_holds_counts_as_long_as_the_certificate(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	assert_false(prove(p, &key, &good, NOON).news);
	assert_int_equal(known(p, &key, NOON + 3600 * HF_SECOND - 1)->proof, HF_PROOF_HOLDS);
	begin(p, &key, NOON + 3600 * HF_SECOND);
}

static void what_holds_is_looked_at_again_after_a_day(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	const struct hf_proof_seen year = {HF_PROOF_HOLDS, 365 * 86400 * HF_SECOND, ""};
	prove(p, &key, &year, NOON);
	known(p, &key, NOON + HF_PROOF_LIFE_MOST - 1);
	begin(p, &key, NOON + HF_PROOF_LIFE_MOST);
}

static void another_name_address_port_or_trust_is_another_proof(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1"),
			    other[4] = {key_of(2, "192.0.2.1"), key_of(1, "192.0.2.2"),
				    key_of(1, "192.0.2.1:8443"), key};
	other[3].trust = 2;
	prove(p, &key, &good, NOON);
	for (unsigned i = 0; i < 4; i++)
		prove(p, &other[i], &bad, NOON);
	assert_int_equal(known(p, &key, NOON)->proof, HF_PROOF_HOLDS);
	assert_string_equal(known(p, &other[0], NOON)->why, "it is for somebody else");
}

static void what_does_not_hold_is_looked_at_again_soon_and_then_less_often(void **state)
{
	static const int rests[] = {10, 20, 40, 60, 60, 60};
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	hf_us now = NOON;
	for (unsigned i = 0; i < 6; i++) {
		prove(p, &key, i % 2 ? &bad : &gone, now);
		now += rests[i] * HF_SECOND;
		known(p, &key, now - 1);
	}
	prove(p, &key, &good, now);
	now += good.life;
	prove(p, &key, &bad, now); /* the first of a new row */
	known(p, &key, now + 10 * HF_SECOND - 1);
	begin(p, &key, now + 10 * HF_SECOND);
}

static void the_first_that_does_not_hold_is_news_and_the_next_are_not(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	assert_true(prove(p, &key, &gone, NOON).news);
	assert_false(prove(p, &key, &bad, NOON + 60 * HF_SECOND).news);
	assert_false(prove(p, &key, &good, NOON + 120 * HF_SECOND).news);
	assert_true(prove(p, &key, &bad, NOON + 4000 * HF_SECOND).news);
}

static void who_asks_meanwhile_shares_the_look(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	unsigned place = begin(p, &key, NOON), other;
	assert_int_equal(ask(p, &key, NOON, &other), HF_PROOF_JOINED);
	assert_int_equal(other, place);
	next(p, HF_PROOF_DO_LOOK, NOON);
	assert_int_equal(ask(p, &key, NOON, &other), HF_PROOF_JOINED);
	assert_int_equal(other, place);
	next(p, HF_PROOF_DO_NOTHING, NOON);
	assert_int_equal(hf_proofs_looking(p), 1);
}

static void a_certificate_for_all_names_beside_one_proves_them_too(void **state)
{
	static const struct hf_proof_seen wide = {
		.proof = HF_PROOF_HOLDS, .life = 60 * HF_SECOND, .siblings = true};
	struct hf_proofs *p = *state;
	struct hf_proof_key first = key_of(1, "192.0.2.1"), second = key_of(2, "192.0.2.1"),
			    third = key_of(3, "192.0.2.1"), elsewhere = key_of(2, "192.0.2.2"),
			    deeper = key_of(1, "192.0.2.1"), above = key_of(1, "192.0.2.1");
	assert_int_equal(hf_name_from_text("a.n1.example", 12, &deeper.name), 0);
	assert_int_equal(hf_name_from_text("example", 7, &above.name), 0);
	unsigned looked = begin(p, &first, NOON), place;
	assert_int_equal(next(p, HF_PROOF_DO_LOOK, NOON).place, looked);
	unsigned lined = begin(p, &second, NOON); /* meanwhile, and not yet looked at */
	hf_proofs_shown(p, looked, &wide, NOON);
	assert_int_equal(next(p, HF_PROOF_DO_TELL, NOON).place, looked);
	struct hf_proof_action told = next(p, HF_PROOF_DO_TELL, NOON);
	assert_int_equal(told.place, lined);
	assert_int_equal(told.seen->proof, HF_PROOF_HOLDS);
	next(p, HF_PROOF_DO_NOTHING, NOON);
	assert_int_equal(known(p, &second, NOON)->proof, HF_PROOF_HOLDS);
	assert_int_equal(known(p, &third, NOON + 60 * HF_SECOND - 1)->proof, HF_PROOF_HOLDS);
	assert_int_equal(ask(p, &elsewhere, NOON, &place), HF_PROOF_BEGUN);
	assert_int_equal(ask(p, &deeper, NOON, &place), HF_PROOF_BEGUN);
	assert_int_equal(ask(p, &above, NOON, &place), HF_PROOF_BEGUN);
	assert_int_equal(ask(p, &third, NOON + 60 * HF_SECOND, &place), HF_PROOF_BEGUN);
}

static void a_look_ends_after_two_seconds(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	unsigned place = begin(p, &key, NOON);
	next(p, HF_PROOF_DO_LOOK, NOON);
	assert_int_equal(hf_proofs_due(p), NOON + HF_PROOF_LOOK_MOST);
	next(p, HF_PROOF_DO_NOTHING, NOON + HF_PROOF_LOOK_MOST - 1);
	assert_int_equal(next(p, HF_PROOF_DO_CLOSE, NOON + HF_PROOF_LOOK_MOST).place, place);
	assert_int_equal(
		next(p, HF_PROOF_DO_TELL, NOON + HF_PROOF_LOOK_MOST).seen->proof, HF_PROOF_MISSING);
	assert_int_equal(known(p, &key, NOON + HF_PROOF_LOOK_MOST + HF_PROOF_AGAIN - 1)->proof,
		HF_PROOF_MISSING);
}

static void one_address_is_looked_at_so_often_and_others_meanwhile(void **state)
{
	struct hf_proofs *p = *state;
	unsigned looks = 0;
	for (unsigned i = 0; i < 200; i++) {
		struct hf_proof_key key = key_of(i, i % 2 ? "192.0.2.1:443" : "192.0.2.1:8443");
		begin(p, &key, NOON);
	}
	struct hf_proof_key other = key_of(1000, "192.0.2.2");
	begin(p, &other, NOON);
	for (hf_us now = NOON; now < NOON + HF_SECOND; now += HF_MS) {
		struct hf_proof_action action;
		while ((action = hf_proofs_next(p, now)).what == HF_PROOF_DO_LOOK) {
			bool is_other = action.key->address.bytes[3] == 2;
			if (is_other)
				assert_int_equal(now, NOON); /* it waits for nobody */
			looks += !is_other;
			hf_proofs_shown(p, action.place, &good, now);
			next(p, HF_PROOF_DO_TELL, now);
		}
	}
	assert_in_range(looks, HF_PROOFS_BURST_EACH + HF_PROOFS_RATE_EACH - 1,
		HF_PROOFS_BURST_EACH + HF_PROOFS_RATE_EACH);
}

static void all_together_are_paced_and_shared_among_tables(void **state)
{
	struct hf_proofs *p;
	unsigned looks = 0;
	(void)state;
	assert_int_equal(hf_proofs_new(&hash_key, 4, &p), 0);
	for (unsigned i = 0; i < HF_PROOFS_LINE; i++) {
		struct hf_proof_key key = key_at(i);
		begin(p, &key, NOON);
	}
	for (hf_us now = NOON; now < NOON + HF_SECOND; now += HF_MS)
		for (struct hf_proof_action action;
			(action = hf_proofs_next(p, now)).what == HF_PROOF_DO_LOOK; looks++) {
			hf_proofs_shown(p, action.place, &good, now);
			next(p, HF_PROOF_DO_TELL, now);
		}
	assert_in_range(looks, (HF_PROOFS_BURST + HF_PROOFS_RATE) / 4 - 1,
		(HF_PROOFS_BURST + HF_PROOFS_RATE) / 4);
	hf_proofs_free(p);
}

static void there_are_so_many_connections_and_the_rest_stand_in_line_for_a_second(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key;
	unsigned place;
	for (unsigned i = 0; i < HF_PROOFS_AT_ONCE + 10; i++) {
		key = key_at(i);
		begin(p, &key, NOON);
	}
	for (unsigned i = 0; i < HF_PROOFS_AT_ONCE; i++)
		next(p, HF_PROOF_DO_LOOK, NOON);
	next(p, HF_PROOF_DO_NOTHING, NOON);
	assert_int_equal(hf_proofs_due(p), NOON + HF_PROOF_LINE_MOST);
	for (unsigned i = 0; i < 10; i++) {
		struct hf_proof_action told = next(p, HF_PROOF_DO_TELL, NOON + HF_PROOF_LINE_MOST);
		assert_int_equal(told.seen->proof, HF_PROOF_MISSING);
		assert_false(told.news);
	}
	/* That says nothing of the address. */
	assert_int_equal(ask(p, &key, NOON + HF_PROOF_LINE_MOST, &place), HF_PROOF_BEGUN);
}

static void an_address_that_lets_everybody_wait_leaves_room_for_others(void **state)
{
	struct hf_proofs *p = *state;
	unsigned first = 0;
	for (unsigned i = 0; i < HF_PROOFS_AT_ONCE; i++) {
		struct hf_proof_key key = key_of(i, "192.0.2.1");
		unsigned place = begin(p, &key, NOON);
		first = i ? first : place;
	}
	for (unsigned i = 0; i < HF_PROOFS_AT_ONCE / 2; i++)
		next(p, HF_PROOF_DO_LOOK, NOON);
	next(p, HF_PROOF_DO_NOTHING, NOON);
	assert_int_equal(hf_proofs_due(p), NOON + HF_PROOF_LINE_MOST);
	struct hf_proof_key other = key_of(1, "192.0.2.2");
	unsigned place = begin(p, &other, NOON);
	assert_int_equal(next(p, HF_PROOF_DO_LOOK, NOON).place, place);
	hf_proofs_shown(p, first, &gone, NOON);
	next(p, HF_PROOF_DO_TELL, NOON);
	next(p, HF_PROOF_DO_LOOK, NOON);
}

static void the_line_has_an_end(void **state)
{
	struct hf_proofs *p = *state;
	unsigned place;
	for (unsigned i = 0; i < HF_PROOFS_LINE; i++) {
		struct hf_proof_key key = key_at(i);
		place = begin(p, &key, NOON);
	}
	struct hf_proof_key more = key_at(100000), first = key_at(0);
	assert_int_equal(ask(p, &more, NOON, &place), HF_PROOF_TURNED_AWAY);
	assert_int_equal(ask(p, &first, NOON, &place), HF_PROOF_JOINED);
	hf_proofs_abandon(p, place);
	assert_int_equal(ask(p, &more, NOON, &place), HF_PROOF_BEGUN);
}

static void what_is_abandoned_in_line_is_not_looked_at_and_what_is_looked_at_is_kept(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key one = key_at(1), two = key_at(2);
	unsigned looked = begin(p, &one, NOON);
	next(p, HF_PROOF_DO_LOOK, NOON);
	hf_proofs_abandon(p, begin(p, &two, NOON));
	hf_proofs_abandon(p, looked);
	next(p, HF_PROOF_DO_NOTHING, NOON);
	hf_proofs_shown(p, looked, &good, NOON);
	next(p, HF_PROOF_DO_TELL, NOON);
	known(p, &one, NOON);
	assert_int_equal(hf_proofs_waiting(p), 0);
}

static void when_the_table_is_full_the_one_unused_for_longest_goes(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key first = key_at(0), second = key_at(1);
	hf_us now = NOON;
	unsigned place;
	for (unsigned i = 0; i <= HF_PROOFS_MAX; i++, now += 10 * HF_MS) {
		struct hf_proof_key key = key_at(i);
		if (i == HF_PROOFS_MAX)
			known(p, &first, now);
		prove(p, &key, &good, now);
	}
	assert_int_equal(hf_proofs_remembered(p), HF_PROOFS_MAX);
	known(p, &first, now);
	assert_int_equal(ask(p, &second, now, &place), HF_PROOF_BEGUN);
}

static void a_clock_that_was_set_back_makes_nothing_count_for_ever(void **state)
{
	struct hf_proofs *p = *state;
	struct hf_proof_key key = key_of(1, "192.0.2.1");
	prove(p, &key, &good, 10 * HF_PROOF_LIFE_MOST);
	begin(p, &key, NOON);
	next(p, HF_PROOF_DO_LOOK, NOON);
}

/* ---- addresses ---- */

static bool may_look(const struct hf_expectation *expectation, const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 443, &address), 0);
	return !hf_proof_barred(expectation, &address);
}

static void what_is_no_host_is_never_connected_to(void **state)
{
	static const char *const no[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1", "239.1.1.1",
		"255.255.255.255", "240.0.0.1", "::", "::102:304", "ff02::1"};
	static const char *const yes[] = {"192.0.2.1", "10.0.0.1", "128.0.0.1", "1.0.0.1",
		"223.255.255.255", "2001:db8::1", "fd00::1", "1::"};
	static struct hf_prefix all[2] = {{{.family = 4}, 0}, {{.family = 6}, 0}};
	const struct hf_expectation anywhere = {.addresses = {all, 2}};
	struct hf_address mapped = {.family = 6, .bytes = {[10] = 0xff, 0xff, 127, 0, 0, 1}};
	(void)state;
	for (unsigned i = 0; i < sizeof no / sizeof *no; i++)
		assert_false(may_look(&anywhere, no[i]));
	assert_non_null(hf_proof_barred(&anywhere, &mapped));
	for (unsigned i = 0; i < sizeof yes / sizeof *yes; i++)
		assert_true(may_look(&anywhere, yes[i]));
}

static void our_own_host_is_connected_to_only_where_it_is_expected(void **state)
{
	static const char *const own[] = {
		"127.0.0.1", "127.9.9.9", "::1", "169.254.169.254", "fe80::1"};
	static struct hf_prefix few[4];
	static const char *const texts[] = {"127.0.0.0/8", "::1", "169.254.0.0/16", "fe80::/10"};
	const struct hf_expectation nowhere = {.prove = HF_PROVE_TLS};
	const struct hf_expectation there = {.addresses = {few, 4}};
	(void)state;
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(hf_prefix_parse(texts[i], &few[i]), 0);
	for (unsigned i = 0; i < sizeof own / sizeof *own; i++) {
		assert_false(may_look(&nowhere, own[i]));
		assert_true(may_look(&there, own[i]));
	}
}

/* ---- chance ---- */

struct model { /* what must be true, kept apart from the table */
	enum { NONE, LINED, LOOKED, OVER } is[HF_PROOFS_MAX]; /* by place */
	unsigned looking;
	uint32_t dice;
};

static uint32_t roll(struct model *m, uint32_t sides)
{
	m->dice = m->dice * 1664525 + 1013904223;
	return (m->dice >> 8) % sides;
}

static void drain(struct hf_proofs *p, struct model *m, hf_us now)
{
	struct hf_proof_action action;
	while ((action = hf_proofs_next(p, now)).what != HF_PROOF_DO_NOTHING) {
		if (action.what == HF_PROOF_DO_LOOK) {
			assert_int_equal(m->is[action.place], LINED);
			m->is[action.place] = LOOKED;
			m->looking++;
		} else if (action.what == HF_PROOF_DO_CLOSE) {
			assert_int_equal(m->is[action.place], LOOKED);
			m->is[action.place] = OVER;
			m->looking--;
		} else {
			assert_true(m->is[action.place] == LINED || m->is[action.place] == OVER);
			m->is[action.place] = NONE;
		}
	}
	assert_true(m->looking <= HF_PROOFS_AT_ONCE);
	assert_int_equal(hf_proofs_looking(p), m->looking);
	assert_true(hf_proofs_due(p) > now);
}

static void step(struct hf_proofs *p, struct model *m, hf_us now)
{
	static const struct hf_proof_seen wide = {
		.proof = HF_PROOF_HOLDS, .life = 20 * HF_SECOND, .siblings = true};
	static const struct hf_proof_seen *const seen[] = {&good, &bad, &gone, &wide};
	const struct hf_proof_seen *ret;
	unsigned place = roll(m, HF_PROOFS_MAX);
	struct hf_proof_key key = key_at(roll(m, 20000));
	key.address.bytes[2] %= 8;
	switch (roll(m, 4)) {
	case 0:
	case 1:
		if (hf_proofs_ask(p, &key, now, &ret, &place) == HF_PROOF_BEGUN) {
			assert_int_equal(m->is[place], NONE);
			m->is[place] = LINED;
		}
		break;
	case 2:
		for (unsigned i = 0; i < 200 && m->is[place] != LOOKED; i++)
			place = (place + 1) % HF_PROOFS_MAX;
		if (m->is[place] != LOOKED)
			break;
		hf_proofs_shown(p, place, seen[roll(m, 4)], now);
		m->is[place] = OVER;
		m->looking--;
		break;
	case 3:
		hf_proofs_abandon(p, place);
		if (m->is[place] == LINED)
			m->is[place] = NONE;
		break;
	}
}

static void whatever_happens_each_is_told_once_and_nothing_is_left(void **state)
{
	static struct model m;
	struct hf_proofs *p = *state;
	for (uint32_t seed = 1; seed <= 5; seed++) {
		static hf_us now = NOON;
		m.dice = seed;
		for (unsigned i = 0; i < 40000; i++) {
			step(p, &m, now);
			if (roll(&m, 4) == 0)
				drain(p, &m, now);
			now += roll(&m, 4) ? roll(&m, 3000) : roll(&m, 100000);
		}
		now += 10 * HF_SECOND;
		drain(p, &m, now);
		for (unsigned i = 0; i < HF_PROOFS_MAX; i++)
			assert_int_equal(m.is[i], NONE);
		assert_int_equal(hf_proofs_waiting(p), 0);
		assert_int_equal(hf_proofs_due(p), HF_NEVER);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_table, close_table)
	const struct CMUnitTest tests[] = {
		TEST(what_holds_counts_as_long_as_the_certificate),
		TEST(what_holds_is_looked_at_again_after_a_day),
		TEST(another_name_address_port_or_trust_is_another_proof),
		TEST(what_does_not_hold_is_looked_at_again_soon_and_then_less_often),
		TEST(the_first_that_does_not_hold_is_news_and_the_next_are_not),
		TEST(who_asks_meanwhile_shares_the_look),
		TEST(a_certificate_for_all_names_beside_one_proves_them_too),
		TEST(a_look_ends_after_two_seconds),
		TEST(one_address_is_looked_at_so_often_and_others_meanwhile),
		TEST(all_together_are_paced_and_shared_among_tables),
		TEST(there_are_so_many_connections_and_the_rest_stand_in_line_for_a_second),
		TEST(an_address_that_lets_everybody_wait_leaves_room_for_others),
		TEST(the_line_has_an_end),
		TEST(what_is_abandoned_in_line_is_not_looked_at_and_what_is_looked_at_is_kept),
		TEST(when_the_table_is_full_the_one_unused_for_longest_goes),
		TEST(a_clock_that_was_set_back_makes_nothing_count_for_ever),
		cmocka_unit_test(what_is_no_host_is_never_connected_to),
		cmocka_unit_test(our_own_host_is_connected_to_only_where_it_is_expected),
		TEST(whatever_happens_each_is_told_once_and_nothing_is_left),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
