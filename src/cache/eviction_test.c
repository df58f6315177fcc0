/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Who has to go, and when: what cache.h says of its two logs, of ghosts and of full pairs. */
#include "cache/cache.h"

#include "base/error.h"
#include "cache/sample_answer.h"
#include "cache/shape.h"

#define SIZE (1 << 18)
#define WAYS 16 /* slots of a pair */

/* Behind the question. With less the index would be full before the logs are, and who has to
 * go would be another matter: see a full pair, below. */
#define USUAL 100
#define LITTLE 16

static struct hf_cache *new_cache(uint64_t size)
{
	static const struct hf_hash_key hash_key = {1, 2};
	struct hf_cache *cache;
	assert_int_equal(hf_cache_new(size, 1, &hash_key, &cache), 0);
	return cache;
}

/* ---- names by number ---- */

static int try_to_store(struct hf_cache *cache, unsigned n, size_t octets)
{
	static struct answer a;
	struct hf_question q = numbered(n);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, octets, (uint8_t)n, 300);
	return hf_cache_store(cache, &key, 0, &a.kept);
}

static void store(struct hf_cache *cache, unsigned n)
{
	assert_int_equal(try_to_store(cache, n, USUAL), 0);
}

static void restore(struct hf_cache *cache, unsigned n, size_t octets)
{
	static struct answer a;
	struct hf_question q = numbered(n);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, octets, (uint8_t)n, 300);
	assert_int_equal(hf_cache_restore(cache, &key, 0, 0, &a.kept), 0);
}

/* Returns how often it had been asked for before, as far as the cache knows. */
static unsigned ask(struct hf_cache *cache, unsigned n)
{
	static struct copy c;
	struct hf_question q = numbered(n);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
	return c.cached.hits;
}

/* Without asking for it. */
static bool is_there(struct hf_cache *cache, unsigned n)
{
	struct hf_question q = numbered(n);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	hf_us stored;
	return hf_cache_stored(cache, &key, &stored);
}

/* Stored, and among the newcomers? */
static bool enters_small_log(struct hf_cache *cache, unsigned n)
{
	const uint64_t before = hf_cache_mark(cache, 0).newcomers;
	store(cache, n);
	return hf_cache_mark(cache, 0).newcomers != before;
}

/* ---- passers-by: ever new names ---- */

static unsigned passed;

static void pass_by(struct hf_cache *cache, bool asked)
{
	const unsigned n = 1000000 + passed++;
	assert_true(passed < 1000000); /* no test needs as many: nobody ever has to go */
	store(cache, n);
	if (asked)
		ask(cache, n);
}

/* Until somebody had to go. From then on the main log chooses whom it takes. */
static struct hf_cache *new_full_cache(uint64_t size)
{
	struct hf_cache *cache = new_cache(size);
	while (hf_cache_sums(cache).evictions == 0)
		pass_by(cache, false);
	return cache;
}

/* Those that nobody asks for again, until this one is gone. Returns how many. */
static unsigned scan_until_gone(struct hf_cache *cache, unsigned n)
{
	unsigned count = 0;
	for (; is_there(cache, n); count++)
		pass_by(cache, false);
	return count;
}

/* A newcomer, asked for so often, that is then in the main log: who came behind it has passed
 * through the small one, and so have some that were asked for and push others on. */
static void settle(struct hf_cache *cache, unsigned n, unsigned asked)
{
	const unsigned behind = 2000000 + passed++;
	store(cache, n);
	for (unsigned i = 0; i < asked; i++)
		ask(cache, n);
	store(cache, behind);
	while (is_there(cache, behind))
		pass_by(cache, true);
	assert_true(is_there(cache, n));
}

/* The main log goes round once: who settles now falls off its end. */
static void go_round(struct hf_cache *cache)
{
	const unsigned last = 3000000 + passed++;
	settle(cache, last, 1);
	while (is_there(cache, last))
		pass_by(cache, true);
}

/* ---- the logs ---- */

static void who_is_not_asked_for_again_leaves_by_a_log_of_a_tenth(void **state)
{
	(void)state;
	struct hf_cache *cache = new_full_cache(SIZE);
	const struct hf_cache_sums sums = hf_cache_sums(cache);
	const uint64_t each = sums.bytes / sums.entries;
	store(cache, 1);
	store(cache, 2);
	store(cache, 3);
	ask(cache, 2);
	const unsigned count = scan_until_gone(cache, 1);
	assert_in_range(count * each, SIZE / 14, SIZE / 9);
	scan_until_gone(cache, 3);
	assert_true(is_there(cache, 2));
	/* And a scan, however long, leaves the main log alone, but for one in some thousand who
	 * is taken for another that fell off. */
	const uint64_t settled = hf_cache_mark(cache, 0).settled;
	for (unsigned i = 0; i < 20 * count; i++)
		pass_by(cache, false);
	assert_true(is_there(cache, 2));
	assert_in_range(hf_cache_mark(cache, 0).settled - settled, 0, 20 * count / 8);
	hf_cache_free(cache);
}

static void what_has_left_room_in_the_main_log_lets_nobody_in_unasked(void **state)
{
	(void)state;
	struct hf_cache *cache = new_cache(SIZE);
	restore(cache, 1, 9000); /* the first to fall off */
	while (hf_cache_sums(cache).evictions == 0)
		pass_by(cache, false);
	store(cache, 2);
	ask(cache, 2);
	store(cache, 3);
	scan_until_gone(cache, 3);
	assert_true(is_there(cache, 2));
	assert_false(is_there(cache, 1));
	const uint64_t settled = hf_cache_mark(cache, 0).settled;
	for (unsigned i = 0; i < 50; i++)
		pass_by(cache, false);
	assert_int_equal(hf_cache_mark(cache, 0).settled, settled);
	hf_cache_free(cache);
}

/* How often the main log goes round before it is gone. */
static unsigned rounds_of(unsigned asked_as_newcomer, unsigned asked_when_settled)
{
	struct hf_cache *cache = new_full_cache(SIZE);
	unsigned rounds = 0;
	settle(cache, 1, asked_as_newcomer);
	for (unsigned i = 0; i < asked_when_settled; i++)
		ask(cache, 1);
	for (go_round(cache); is_there(cache, 1) && rounds < 9; go_round(cache))
		rounds++;
	hf_cache_free(cache);
	return rounds;
}

static void who_has_settled_stays_for_as_many_rounds_as_it_was_asked_for_up_to_three(void **state)
{
	(void)state;
	assert_int_equal(rounds_of(1, 0), 0);
	assert_int_equal(rounds_of(3, 0), 0); /* that was for settling */
	assert_int_equal(rounds_of(1, 1), 1);
	assert_int_equal(rounds_of(1, 2), 2);
	assert_int_equal(rounds_of(1, 3), 3);
	assert_int_equal(rounds_of(1, 20), 3);
}

static void three_questions_are_counted_and_no_more(void **state)
{
	(void)state;
	struct hf_cache *cache = new_cache(SIZE);
	store(cache, 1);
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(ask(cache, 1), i < 3 ? i : 3);
	hf_cache_free(cache);
}

static void what_was_missed_since_it_fell_off_the_small_log_settles_at_once(void **state)
{
	(void)state;
	struct hf_cache *cache = new_full_cache(SIZE);
	assert_true(enters_small_log(cache, 1));
	scan_until_gone(cache, 1);
	assert_false(enters_small_log(cache, 1));
	/* Once: what falls off the main log is forgotten. */
	go_round(cache);
	assert_false(is_there(cache, 1));
	assert_true(enters_small_log(cache, 1));
	hf_cache_free(cache);
}

/* Of the last three hundred one has to share its place with four that came later in a
 * hundred cases, with one in most. */
static void those_that_fell_off_do_not_knock_each_other_out(void **state)
{
	(void)state;
	struct hf_cache *cache = new_full_cache(SIZE);
	unsigned remembered = 0;
	for (unsigned n = 0; n < 300; n++)
		store(cache, n);
	scan_until_gone(cache, 299);
	for (unsigned n = 0; n < 300; n++)
		remembered += !enters_small_log(cache, n);
	assert_in_range(remembered, 270, 300);
	hf_cache_free(cache);
}

static void a_newer_answer_goes_where_the_older_one_is(void **state)
{
	(void)state;
	struct hf_cache *cache = new_full_cache(SIZE);
	assert_true(enters_small_log(cache, 1));
	assert_true(enters_small_log(cache, 1));
	settle(cache, 2, 1);
	assert_false(enters_small_log(cache, 2));
	hf_cache_free(cache);
}

static void what_is_put_back_is_settled(void **state)
{
	(void)state;
	struct hf_cache *cache = new_cache(SIZE);
	restore(cache, 1, USUAL);
	assert_int_equal(hf_cache_mark(cache, 0).newcomers, 0);
	assert_true(hf_cache_mark(cache, 0).settled > 0);
	hf_cache_free(cache);
}

/* The small log has some 24,000 octets here, the main one 210,000. */
static void a_quarter_of_a_log_is_the_most_for_one_answer(void **state)
{
	(void)state;
	struct hf_cache *cache = new_cache(SIZE);
	assert_int_equal(try_to_store(cache, 1, 5000), 0);
	const uint64_t newcomers = hf_cache_mark(cache, 0).newcomers;
	assert_true(newcomers > 0);
	assert_int_equal(try_to_store(cache, 2, 7000), 0);
	assert_int_equal(try_to_store(cache, 3, 48000), 0);
	assert_int_equal(hf_cache_mark(cache, 0).newcomers, newcomers);
	assert_int_equal(try_to_store(cache, 4, 56000), HF_EBOUND);
	assert_int_equal(hf_cache_sums(cache).entries, 3);
	hf_cache_free(cache);
}

/* The sum of all hits, and how many entries there are. */
static uint64_t all_hits(const struct hf_cache *cache, unsigned *ret_entries)
{
	static struct copy c;
	uint64_t hits = 0;
	*ret_entries = 0;
	for (uint64_t slot = 0; slot < hf_cache_slots(cache); slot++) {
		struct hf_cache_entry entry = {.copy = *blank(&c)};
		if (!hf_cache_peek(cache, 0, slot, &entry))
			continue;
		hits += entry.copy.hits;
		++*ret_entries;
	}
	return hits;
}

/* Each that is carried back to the head of the main log loses one of its hits. */
static void one_store_carries_so_many_back_and_then_takes_what_comes(void **state)
{
	(void)state;
	struct hf_cache *cache = new_full_cache(SIZE);
	unsigned before, after;
	for (unsigned n = 1000000; n < 1000000 + passed; n++)
		for (unsigned i = 0; i < 3 && is_there(cache, n); i++)
			ask(cache, n);
	const uint64_t hits = all_hits(cache, &before);
	const uint64_t evictions = hf_cache_sums(cache).evictions;
	assert_int_equal(hits, 3 * before);
	restore(cache, 1, USUAL);
	const uint64_t left = all_hits(cache, &after);
	const uint64_t gone = hf_cache_sums(cache).evictions - evictions;
	assert_in_range(gone, 1, 2);
	assert_int_equal(after, before + 1 - gone);
	assert_int_equal(hits - left, 32 + 3 * gone);
	hf_cache_free(cache);
}

/* ---- a full pair ---- */

/* So small that the index has all of its pairs from the start, and one more as its annex. */
#define TINY (1 << 16)

/* The next name after n that belongs to the first pair. */
static unsigned next_of_first_pair(const struct hf_cache *cache, unsigned n)
{
	const uint32_t pairs = (uint32_t)(hf_cache_slots(cache) / WAYS) - 1;
	for (;;) {
		struct hf_question q = numbered(++n);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		if (hf_shape_place((uint32_t)key.hash, pairs) == 0)
			return n;
	}
}

#define CROWD (2 * WAYS)

struct crowd { /* all that the first pair and the annex hold, the oldest first, and others */
	struct hf_cache *cache;
	unsigned names[CROWD + 8];
	unsigned count; /* stored so far */
};

/* Stores the next of them; true if of all before it this one had to go, and nobody else. */
static bool makes_go(struct crowd *w, unsigned which)
{
	bool before[CROWD + 8];
	const uint64_t evictions = hf_cache_sums(w->cache).evictions;
	for (unsigned i = 0; i < w->count; i++)
		before[i] = is_there(w->cache, w->names[i]);
	assert_int_equal(try_to_store(w->cache, w->names[w->count], LITTLE), 0);
	assert_int_equal(hf_cache_sums(w->cache).evictions, evictions + 1);
	for (unsigned i = 0; i < w->count; i++)
		if (is_there(w->cache, w->names[i]) != (before[i] && i != which))
			return false;
	return before[which] && is_there(w->cache, w->names[w->count++]);
}

static void ask_all(const struct crowd *w, unsigned but)
{
	for (unsigned i = 0; i < w->count; i++)
		if (i != but && is_there(w->cache, w->names[i]))
			ask(w->cache, w->names[i]);
}

/* The first `settled` of them are, and behind them one that is not of this pair. */
static struct crowd new_crowd(unsigned settled)
{
	struct crowd w = {.cache = new_cache(TINY)};
	unsigned n = 0;
	for (unsigned i = 0; i < CROWD + 8; i++)
		n = w.names[i] = next_of_first_pair(w.cache, n);
	for (; w.count < settled; w.count++)
		restore(w.cache, w.names[w.count], LITTLE);
	if (w.names[0] > 1)
		store(w.cache, w.names[0] - 1);
	for (; w.count < CROWD; w.count++)
		assert_int_equal(try_to_store(w.cache, w.names[w.count], LITTLE), 0);
	for (unsigned i = 0; i < CROWD; i++)
		assert_true(is_there(w.cache, w.names[i]));
	assert_int_equal(hf_cache_sums(w.cache).evictions, 0);
	return w;
}

static void where_a_pair_and_its_annex_are_full_the_oldest_has_to_go(void **state)
{
	(void)state;
	struct crowd w = new_crowd(0);
	assert_true(makes_go(&w, 0)); /* at home */
	assert_true(makes_go(&w, 1));
	for (unsigned i = 0; i < WAYS; i++)
		if (is_there(w.cache, w.names[i]))
			ask(w.cache, w.names[i]);
	assert_true(makes_go(&w, WAYS)); /* in the annex */
	hf_cache_free(w.cache);
}

static void newcomers_have_to_go_before_the_settled(void **state)
{
	(void)state;
	struct crowd w = new_crowd(8);
	assert_true(makes_go(&w, 8));
	ask_all(&w, 9);
	assert_true(makes_go(&w, 9)); /* who was not asked for goes first of all */
	assert_true(makes_go(&w, CROWD + 1));
	for (unsigned i = 0; i < 3; i++)
		ask_all(&w, CROWD + 2);
	ask_all(&w, 3);
	assert_true(makes_go(&w, CROWD + 2));
	hf_cache_free(w.cache);
}

static void who_was_asked_for_least_has_to_go_though_it_has_settled(void **state)
{
	(void)state;
	struct crowd w = new_crowd(8);
	ask_all(&w, 5);
	assert_true(makes_go(&w, 5));
	ask(w.cache, w.names[CROWD]);
	ask_all(&w, 20);
	assert_true(makes_go(&w, 20));
	hf_cache_free(w.cache);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(who_is_not_asked_for_again_leaves_by_a_log_of_a_tenth),
		cmocka_unit_test(what_has_left_room_in_the_main_log_lets_nobody_in_unasked),
		cmocka_unit_test(
			who_has_settled_stays_for_as_many_rounds_as_it_was_asked_for_up_to_three),
		cmocka_unit_test(three_questions_are_counted_and_no_more),
		cmocka_unit_test(what_was_missed_since_it_fell_off_the_small_log_settles_at_once),
		cmocka_unit_test(those_that_fell_off_do_not_knock_each_other_out),
		cmocka_unit_test(a_newer_answer_goes_where_the_older_one_is),
		cmocka_unit_test(what_is_put_back_is_settled),
		cmocka_unit_test(a_quarter_of_a_log_is_the_most_for_one_answer),
		cmocka_unit_test(one_store_carries_so_many_back_and_then_takes_what_comes),
		cmocka_unit_test(where_a_pair_and_its_annex_are_full_the_oldest_has_to_go),
		cmocka_unit_test(newcomers_have_to_go_before_the_settled),
		cmocka_unit_test(who_was_asked_for_least_has_to_go_though_it_has_settled),
	};
	return cmocka_run_group_tests_name("eviction", tests, NULL, NULL);
}
