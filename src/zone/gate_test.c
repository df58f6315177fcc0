/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/gate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "zone/snapshot.h"

#define S HF_SECOND
#define START (1000 * S)
#define REFRESH 60
#define RETRY 10
#define EXPIRE 3600
#define GRACE (10 * S)
#define PATIENCE (300 * S)

struct room {
	struct hf_gate gate;
	hf_us now;
	struct hf_gate_verdict last;
};

static void judge(struct room *r)
{
	r->last = hf_gate_verdict(&r->gate, r->now);
	assert_true(r->last.next > r->now);
}

static void copy(struct room *r, uint32_t serial, hf_us proven)
{
	const struct hf_zone_soa soa = {serial, REFRESH, RETRY, EXPIRE, 300, 300};
	hf_gate_copy(&r->gate, &soa, proven, r->now);
	judge(r);
}

static void shows(struct room *r, size_t witness, uint32_t serial)
{
	hf_gate_report(&r->gate, witness, true, serial, r->now);
	judge(r);
}

static void silent(struct room *r, size_t witness)
{
	hf_gate_report(&r->gate, witness, false, 0, r->now);
	judge(r);
}

static void gives(struct room *r, size_t witness, uint32_t serial)
{
	hf_gate_transferred(&r->gate, witness, serial, r->now);
	judge(r);
}

static void wait(struct room *r, hf_us time)
{
	r->now += time;
	judge(r);
}

static void begin(struct room *r, const char *witnesses, hf_us serve_unproven)
{
	enum hf_witness_kind kinds[HF_GATE_WITNESSES_MAX];
	size_t count = strlen(witnesses);
	for (size_t i = 0; i < count; i++)
		kinds[i] = witnesses[i] == 'p'   ? HF_WITNESS_PRIMARY
			   : witnesses[i] == 's' ? HF_WITNESS_SERVER
			   : witnesses[i] == 't' ? HF_WITNESS_TXT
						 : HF_WITNESS_SIBLING;
	const struct hf_gate_conf conf = {.serve_unproven = serve_unproven,
		.grace = GRACE,
		.patience = PATIENCE,
		.self = count == 0};
	r->now = START;
	hf_gate_init(&r->gate, &conf, kinds, count, r->now);
	judge(r);
}

/* A node that serves a proven version 10. */
static void begin_current(struct room *r, const char *witnesses)
{
	begin(r, witnesses, 0);
	copy(r, 10, HF_GATE_NEVER);
	for (size_t i = 0; i < strlen(witnesses); i++)
		shows(r, i, 10);
	assert_int_equal(r->last.state, HF_GATE_CURRENT);
	assert_true(r->last.serve);
}

static void expect_served(const struct room *r, enum hf_gate_state state)
{
	assert_string_equal(hf_gate_state_text(r->last.state), hf_gate_state_text(state));
	assert_true(r->last.serve);
	assert_false(r->last.marked);
}

static void expect_not(const struct room *r, enum hf_gate_state state)
{
	assert_string_equal(hf_gate_state_text(r->last.state), hf_gate_state_text(state));
	assert_false(r->last.serve);
}

/* ---- the start ---- */

static void without_a_copy_nothing_is_served_and_it_is_fetched(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	expect_not(&r, HF_GATE_UNPROVEN);
	assert_true(r.last.fetch);
	shows(&r, 0, 10);
	expect_not(&r, HF_GATE_UNPROVEN);
	assert_true(r.last.fetch);
}

static void witnesses_are_asked_at_once_and_only_once(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	assert_true(r.last.ask);
	judge(&r);
	assert_false(r.last.ask);
}

static void an_old_copy_is_not_served_for_a_moment_once_a_newer_one_is_published(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	copy(&r, 9, START - 86400 * S);
	expect_not(&r, HF_GATE_EXPIRED);
	begin(&r, "p", 0);
	copy(&r, 9, START - 1800 * S);
	expect_not(&r, HF_GATE_UNPROVEN);
	shows(&r, 0, 10);
	expect_not(&r, HF_GATE_BEHIND);
	assert_true(r.last.fetch);
	copy(&r, 10, HF_GATE_NEVER);
	gives(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
}

static void a_fresh_proof_does_not_help_against_a_newer_version(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "pt", 0);
	copy(&r, 9, START - 5 * S);
	expect_not(&r, HF_GATE_UNPROVEN); /* not everybody has been asked */
	silent(&r, 0);
	expect_not(&r, HF_GATE_UNPROVEN);
	shows(&r, 1, 10);
	expect_not(&r, HF_GATE_BEHIND);
}

static void a_short_restart_in_an_outage_goes_on_with_what_was_proven(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "pt", 0);
	copy(&r, 10, START - 30 * S);
	silent(&r, 0);
	silent(&r, 1);
	expect_served(&r, HF_GATE_CURRENT);
	wait(&r, (REFRESH + RETRY) * S);
	expect_served(&r, HF_GATE_AGING);
	wait(&r, EXPIRE * S);
	expect_not(&r, HF_GATE_EXPIRED);
}

static void a_long_absence_leaves_a_copy_unproven_while_nobody_can_be_asked(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	copy(&r, 10, START - 600 * S);
	silent(&r, 0);
	expect_not(&r, HF_GATE_UNPROVEN);
	wait(&r, 100 * S);
	expect_not(&r, HF_GATE_UNPROVEN);
	shows(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
}

static void expire_counts_over_a_restart(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	copy(&r, 10, START - (EXPIRE + 1) * S);
	silent(&r, 0);
	expect_not(&r, HF_GATE_EXPIRED);
	shows(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
}

static void a_proof_from_the_future_is_none(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	copy(&r, 10, START + S);
	silent(&r, 0);
	expect_not(&r, HF_GATE_UNPROVEN);
	begin(&r, "p", 0);
	copy(&r, 10, HF_GATE_NEVER);
	silent(&r, 0);
	expect_not(&r, HF_GATE_UNPROVEN);
}

static void a_primary_with_an_older_version_proves_nothing_at_the_start(void **state)
{
	struct room r;
	char why[HF_GATE_WHY_MAX];
	(void)state;
	begin(&r, "p", 0);
	copy(&r, 10, START - 600 * S);
	shows(&r, 0, 9);
	expect_not(&r, HF_GATE_UNPROVEN);
	assert_false(r.last.fetch);
	assert_string_equal(
		hf_gate_why(&r.gate, r.now, why), "serial 10 is not proven: witnesses show 9");
}

static void an_aging_copy_says_which_older_serial_the_witnesses_show(void **state)
{
	struct room r;
	char why[HF_GATE_WHY_MAX];
	(void)state;
	begin_current(&r, "p");
	shows(&r, 0, 9);
	wait(&r, (REFRESH + RETRY + 1) * S);
	expect_served(&r, HF_GATE_AGING);
	assert_non_null(strstr(hf_gate_why(&r.gate, r.now, why), "; witnesses show 9"));
}

static void unproven_copies_are_served_marked_for_as_long_as_was_said(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "pt", 120 * S);
	copy(&r, 10, HF_GATE_NEVER);
	expect_not(&r, HF_GATE_UNPROVEN);
	silent(&r, 0);
	expect_not(&r, HF_GATE_UNPROVEN); /* the other may know better */
	silent(&r, 1);
	assert_true(r.last.serve && r.last.marked);
	wait(&r, 119 * S);
	assert_true(r.last.serve && r.last.marked);
	wait(&r, S);
	expect_not(&r, HF_GATE_UNPROVEN);
}

static void unproven_copies_are_not_served_while_somebody_can_be_asked(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "pt", 120 * S);
	copy(&r, 10, HF_GATE_NEVER);
	silent(&r, 0);
	shows(&r, 1, 9);
	expect_not(&r, HF_GATE_UNPROVEN);
	shows(&r, 1, 11);
	expect_not(&r, HF_GATE_BEHIND);
}

/* ---- while it runs ---- */

static void a_newer_version_has_its_grace_to_arrive(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	wait(&r, 60 * S);
	shows(&r, 0, 11);
	expect_served(&r, HF_GATE_CURRENT);
	assert_true(r.last.fetch);
	wait(&r, GRACE - 1);
	expect_served(&r, HF_GATE_CURRENT);
	wait(&r, 1);
	expect_not(&r, HF_GATE_BEHIND);
	copy(&r, 11, HF_GATE_NEVER);
	gives(&r, 0, 11);
	expect_served(&r, HF_GATE_CURRENT);
}

static void a_zone_ages_and_expires_while_nobody_can_be_reached(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	wait(&r, (REFRESH + RETRY) * S);
	expect_served(&r, HF_GATE_CURRENT);
	assert_true(r.last.ask);
	silent(&r, 0);
	wait(&r, 1);
	expect_served(&r, HF_GATE_AGING);
	wait(&r, (EXPIRE - REFRESH - RETRY) * S);
	expect_not(&r, HF_GATE_EXPIRED);
	shows(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
}

static void a_primary_that_goes_back_withdraws_nothing(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	for (int i = 0; i < 60; i++) {
		wait(&r, 30 * S);
		shows(&r, 0, 9);
		assert_true(r.last.serve);
	}
	expect_served(&r, HF_GATE_AGING);
}

static void serials_wrap_around(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "p", 0);
	copy(&r, 0xfffffff0, HF_GATE_NEVER);
	shows(&r, 0, 0xfffffff0);
	expect_served(&r, HF_GATE_CURRENT);
	shows(&r, 0, 5);
	wait(&r, GRACE);
	expect_not(&r, HF_GATE_BEHIND);
}

static void witnesses_are_asked_again_after_refresh_or_retry(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	wait(&r, (REFRESH - 1) * S);
	assert_false(r.last.ask);
	wait(&r, S);
	assert_true(r.last.ask);
	silent(&r, 0);
	wait(&r, (RETRY - 1) * S);
	assert_false(r.last.ask);
	wait(&r, S);
	assert_true(r.last.ask);
}

static void a_sibling_proves_nothing_but_knows_of_newer_ones(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "pb", 0);
	copy(&r, 10, HF_GATE_NEVER);
	silent(&r, 0);
	shows(&r, 1, 10);
	expect_not(&r, HF_GATE_UNPROVEN);
	shows(&r, 1, 11);
	expect_not(&r, HF_GATE_BEHIND);
}

static void a_newer_version_from_the_source_is_served_before_others_have_it(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "t"); /* a file, and a name that shows what is published */
	wait(&r, 20 * S);
	copy(&r, 11, HF_GATE_NEVER);
	gives(&r, 99, 11);
	expect_served(&r, HF_GATE_CURRENT);
	shows(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
	shows(&r, 0, 11);
	expect_served(&r, HF_GATE_CURRENT);
}

static void an_older_version_has_to_be_proven_anew(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	copy(&r, 8, HF_GATE_NEVER);
	expect_not(&r, HF_GATE_BEHIND);
	shows(&r, 0, 8);
	expect_served(&r, HF_GATE_CURRENT);
}

static void a_source_that_is_the_truth_proves_by_being_looked_at(void **state)
{
	struct room r;
	(void)state;
	begin(&r, "", 0);
	assert_true(r.last.fetch);
	copy(&r, 10, HF_GATE_NEVER);
	gives(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
	assert_false(r.last.fetch);
	wait(&r, REFRESH * S);
	assert_true(r.last.fetch); /* is it still there? */
	wait(&r, (RETRY + 1) * S);
	expect_served(&r, HF_GATE_AGING);
	gives(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
}

/* ---- liars ---- */

static void a_lone_witness_that_is_far_ahead_is_doubted(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pt");
	shows(&r, 1, 10 + HF_SERIALS_JUMP + 1);
	assert_true(r.gate.witnesses[1].doubted);
	wait(&r, 2 * GRACE);
	shows(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
	assert_int_equal(r.gate.published, 10);
}

static void a_jump_that_two_witnesses_show_is_believed(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pt");
	shows(&r, 1, 10 + HF_SERIALS_JUMP + 1);
	shows(&r, 0, 10 + HF_SERIALS_JUMP + 1);
	wait(&r, GRACE);
	expect_not(&r, HF_GATE_BEHIND);
}

static void a_lone_primary_that_jumps_is_fetched_from_but_withdraws_nothing(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	shows(&r, 0, 2026112101);
	wait(&r, 2 * GRACE);
	assert_true(r.last.serve);
	assert_true(r.last.fetch);
	copy(&r, 2026112101, HF_GATE_NEVER);
	gives(&r, 0, 2026112101);
	expect_served(&r, HF_GATE_CURRENT);
}

static void one_that_two_others_do_not_follow_withdraws_nothing(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pst");
	wait(&r, REFRESH * S);
	shows(&r, 2, 11);
	assert_true(r.last.next <= r.now + GRACE / 2);
	wait(&r, GRACE / 2);
	assert_true(r.last.ask); /* to hear the others before anything is withdrawn */
	shows(&r, 0, 10);
	shows(&r, 1, 10);
	wait(&r, GRACE / 2);
	expect_served(&r, HF_GATE_CURRENT);
	assert_true(r.gate.witnesses[2].doubted);
	shows(&r, 1, 11); /* a second one: that is no lie */
	expect_served(&r, HF_GATE_CURRENT);
	wait(&r, GRACE);
	expect_not(&r, HF_GATE_BEHIND);
}

static void others_that_cannot_be_reached_contradict_nobody(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pst");
	wait(&r, REFRESH * S);
	shows(&r, 2, 11);
	silent(&r, 0);
	silent(&r, 1);
	wait(&r, GRACE);
	expect_not(&r, HF_GATE_BEHIND);
}

static void nobody_is_behind_what_cannot_be_had_for_longer_than_patience(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pt");
	shows(&r, 1, 11);
	wait(&r, GRACE);
	shows(&r, 0, 10);
	expect_not(&r, HF_GATE_BEHIND);
	gives(&r, 0, 10);
	expect_not(&r, HF_GATE_BEHIND);
	wait(&r, PATIENCE - GRACE);
	assert_true(r.last.serve);
	shows(&r, 0, 10);
	expect_served(&r, HF_GATE_CURRENT);
}

static void a_version_that_no_primary_gives_keeps_the_old_one_back(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pt");
	shows(&r, 1, 11);
	silent(&r, 0);
	wait(&r, 10 * PATIENCE);
	expect_not(&r, HF_GATE_BEHIND);
}

static void to_go_up_and_down_in_turn_does_not_help_a_liar(void **state)
{
	struct room r;
	hf_us withdrawn = 0;
	(void)state;
	begin_current(&r, "pt");
	for (int i = 0; i < 600; i++) {
		shows(&r, 0, 10);
		shows(&r, 1, i % 10 ? (uint32_t)(11 + i) : 10);
		gives(&r, 0, 10);
		if (!r.last.serve)
			withdrawn += 5 * S;
		wait(&r, 5 * S);
	}
	assert_in_range(withdrawn, 0, PATIENCE);
}

static void a_zone_that_changes_all_the_time_is_no_lie(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "pst");
	for (uint32_t serial = 11; serial < 400; serial++) {
		wait(&r, 5 * S);
		shows(&r, 0, serial);
		assert_true(r.last.fetch);
		copy(&r, serial, HF_GATE_NEVER);
		gives(&r, 0, serial);
		expect_served(&r, HF_GATE_CURRENT);
		shows(&r, 1, serial - 1); /* a little behind */
		shows(&r, 2, serial - 1);
		assert_false(r.gate.witnesses[0].doubted);
	}
}

/* ---- reloads ---- */

static void what_was_proven_stays_so_with_other_witnesses(void **state)
{
	struct room r, next;
	(void)state;
	begin_current(&r, "p");
	begin(&next, "tt", 0);
	next.now = r.now;
	hf_gate_inherit(&next.gate, &r.gate);
	judge(&next);
	expect_served(&next, HF_GATE_CURRENT);
	assert_false(next.last.changed);
	shows(&next, 0, 11);
	wait(&next, GRACE);
	expect_not(&next, HF_GATE_BEHIND);
}

/* ---- whatever comes ---- */

static uint32_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525 + 1013904223;
	return (dice_state >> 8) % sides;
}

struct world {              /* what is true, to hold the gate against */
	uint32_t published; /* what honest witnesses have shown */
	hf_us newer_since;  /* a credible one showed a newer one than the copy; 0: none did */
	hf_us withdrawn;    /* since when, although only the liar says anything; 0 */
};

static void check_world(struct room *r, const struct world *w, bool liar_alone)
{
	const struct hf_gate *g = &r->gate;
	if (r->last.serve) {
		assert_true(g->has_copy);
		assert_true(r->last.state == HF_GATE_CURRENT || r->last.state == HF_GATE_AGING);
		assert_true(g->proven != HF_GATE_NEVER && r->now - g->proven <= g->expire);
		assert_true(!w->newer_since || r->now - w->newer_since < GRACE);
	}
	if (liar_alone && w->withdrawn)
		assert_true(r->now - w->withdrawn <= PATIENCE + 2 * RETRY * S);
}

/* Three honest witnesses (of which two are primaries) and a liar. The honest ones follow
 * what is published at their own pace, may be silent, and never go back. */
static void play(uint32_t seed, unsigned steps)
{
	struct room r;
	struct world w = {.published = 10};
	uint32_t honest[3] = {10, 10, 10}, liar = 10, have = 10;
	dice_state = seed;
	begin(&r, "ppst", 0);
	copy(&r, 10, HF_GATE_NEVER);
	for (unsigned i = 0; i < steps; i++) {
		wait(&r, 1 + dice(4000000));
		if (dice(40) == 0)
			w.published++;
		for (size_t h = 0; h < 3; h++)
			if (dice(6) == 0)
				honest[h] = w.published;
		liar = dice(3) ? liar : dice(4) ? have + dice(50) : have + (dice(1u << 31));
		if (r.last.ask || dice(4) == 0)
			for (size_t h = 0; h < 3; h++) {
				if (dice(8) == 0)
					silent(&r, h);
				else
					shows(&r, h, honest[h]);
			}
		shows(&r, 3, liar);
		/* Two honest ones that show a newer version cannot be doubted. */
		unsigned newer = 0;
		for (size_t h = 0; h < 3; h++)
			newer += r.gate.witnesses[h].known &&
				 hf_serial_older(have, r.gate.witnesses[h].serial);
		w.newer_since = newer < 2 ? 0 : w.newer_since ? w.newer_since : r.now;
		/* Transfers work now and then. */
		size_t from = dice(2);
		if (r.last.fetch && dice(12) == 0) {
			if (hf_serial_older(have, honest[from])) {
				have = honest[from];
				copy(&r, have, HF_GATE_NEVER);
				w.newer_since = 0;
			}
			gives(&r, from, honest[from]);
		}
		judge(&r);
		check_world(&r, &w, false);
	}
}

static void nothing_old_is_served_past_its_grace_whatever_comes(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 300; seed++)
		play(seed, 400);
}

/* All honest ones agree with us and give what we have; the liar does what it likes. */
static void play_liar(uint32_t seed, const char *witnesses, unsigned steps)
{
	struct room r;
	struct world w = {.published = 10};
	size_t liar = strlen(witnesses) - 1;
	uint32_t says = 10;
	dice_state = seed;
	begin_current(&r, witnesses);
	for (unsigned i = 0; i < steps; i++) {
		wait(&r, 1 + dice(3000000));
		says = dice(4) ? says : dice(2) ? 10 : dice(2) ? 10 + dice(1000) : dice(1u << 31);
		shows(&r, liar, says);
		for (size_t h = 0; h < liar; h++)
			if (r.last.ask || dice(3) == 0)
				shows(&r, h, 10);
		if (r.last.fetch)
			for (size_t h = 0; h < liar && witnesses[h] == 'p'; h++)
				gives(&r, h, 10);
		w.withdrawn = r.last.serve ? 0 : w.withdrawn ? w.withdrawn : r.now;
		check_world(&r, &w, true);
	}
}

static void a_liar_alone_withdraws_nothing_for_longer_than_patience(void **state)
{
	(void)state;
	for (uint32_t seed = 1; seed <= 200; seed++) {
		play_liar(seed, "pt", 600);
		play_liar(seed, "ppt", 600);
		play_liar(seed, "pst", 600);
	}
}

static void the_gate_settles_what_time_alone_changes_by_next(void **state)
{
	struct room r;
	(void)state;
	begin_current(&r, "p");
	for (int i = 0; i < 1000 && r.last.state != HF_GATE_EXPIRED; i++) {
		/* Just before nothing has changed. */
		hf_us next = r.last.next;
		struct hf_gate before = r.gate;
		enum hf_gate_state was = r.last.state;
		struct hf_gate_verdict v = hf_gate_verdict(&before, next - 1);
		assert_int_equal(v.state, was);
		assert_false(v.ask);
		wait(&r, next - r.now);
	}
	expect_not(&r, HF_GATE_EXPIRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_copy_nothing_is_served_and_it_is_fetched),
		cmocka_unit_test(witnesses_are_asked_at_once_and_only_once),
		cmocka_unit_test(
			an_old_copy_is_not_served_for_a_moment_once_a_newer_one_is_published),
		cmocka_unit_test(a_fresh_proof_does_not_help_against_a_newer_version),
		cmocka_unit_test(a_short_restart_in_an_outage_goes_on_with_what_was_proven),
		cmocka_unit_test(a_long_absence_leaves_a_copy_unproven_while_nobody_can_be_asked),
		cmocka_unit_test(expire_counts_over_a_restart),
		cmocka_unit_test(a_proof_from_the_future_is_none),
		cmocka_unit_test(a_primary_with_an_older_version_proves_nothing_at_the_start),
		cmocka_unit_test(an_aging_copy_says_which_older_serial_the_witnesses_show),
		cmocka_unit_test(unproven_copies_are_served_marked_for_as_long_as_was_said),
		cmocka_unit_test(unproven_copies_are_not_served_while_somebody_can_be_asked),
		cmocka_unit_test(a_newer_version_has_its_grace_to_arrive),
		cmocka_unit_test(a_zone_ages_and_expires_while_nobody_can_be_reached),
		cmocka_unit_test(a_primary_that_goes_back_withdraws_nothing),
		cmocka_unit_test(serials_wrap_around),
		cmocka_unit_test(witnesses_are_asked_again_after_refresh_or_retry),
		cmocka_unit_test(a_sibling_proves_nothing_but_knows_of_newer_ones),
		cmocka_unit_test(a_newer_version_from_the_source_is_served_before_others_have_it),
		cmocka_unit_test(an_older_version_has_to_be_proven_anew),
		cmocka_unit_test(a_source_that_is_the_truth_proves_by_being_looked_at),
		cmocka_unit_test(a_lone_witness_that_is_far_ahead_is_doubted),
		cmocka_unit_test(a_jump_that_two_witnesses_show_is_believed),
		cmocka_unit_test(a_lone_primary_that_jumps_is_fetched_from_but_withdraws_nothing),
		cmocka_unit_test(one_that_two_others_do_not_follow_withdraws_nothing),
		cmocka_unit_test(others_that_cannot_be_reached_contradict_nobody),
		cmocka_unit_test(nobody_is_behind_what_cannot_be_had_for_longer_than_patience),
		cmocka_unit_test(a_version_that_no_primary_gives_keeps_the_old_one_back),
		cmocka_unit_test(to_go_up_and_down_in_turn_does_not_help_a_liar),
		cmocka_unit_test(a_zone_that_changes_all_the_time_is_no_lie),
		cmocka_unit_test(what_was_proven_stays_so_with_other_witnesses),
		cmocka_unit_test(nothing_old_is_served_past_its_grace_whatever_comes),
		cmocka_unit_test(a_liar_alone_withdraws_nothing_for_longer_than_patience),
		cmocka_unit_test(the_gate_settles_what_time_alone_changes_by_next),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
