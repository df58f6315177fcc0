/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/prefault.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/sample_pages.h"
#include "cache/cache.h"
#include "cache/sample_answer.h"

#define HUGE HF_PAGES_HUGE

static void nothing_is_touched_ahead_of_what_is_not_used(void **state)
{
	(void)state;
	struct hf_front front = {0};
	uint64_t from;
	hf_front_look(&front, 0);
	assert_false(hf_front_next(&front, 100 * HUGE, &from));
	hf_front_begins(&front);
	assert_true(hf_front_next(&front, 100 * HUGE, &from));
	assert_int_equal(from, 0);
	assert_false(hf_front_next(&front, 100 * HUGE, &from));
}

static void the_next_piece_is_touched_once_when_half_of_one_is_used(void **state)
{
	(void)state;
	struct hf_front front = {0};
	uint64_t from;
	hf_front_look(&front, 1);
	hf_front_look(&front, 10); /* slowly: it is the margin that counts */
	assert_false(hf_front_next(&front, 100 * HUGE, &from));
	hf_front_look(&front, HUGE / 2);
	hf_front_look(&front, HUGE / 2 + 10);
	assert_true(hf_front_next(&front, 100 * HUGE, &from));
	assert_int_equal(from, HUGE);
	assert_false(hf_front_next(&front, 100 * HUGE, &from));
}

static void who_is_fast_has_more_touched_ahead_up_to_a_bound(void **state)
{
	(void)state;
	struct hf_front front = {0};
	uint64_t from, pieces = 0;
	hf_front_look(&front, 2 * HUGE);
	hf_front_look(&front, 3 * HUGE);
	while (hf_front_next(&front, 100 * HUGE, &from))
		pieces++;
	assert_int_equal(pieces, 2); /* as much as it used, and half a piece */
	assert_int_equal(from, 4 * HUGE);
	hf_front_look(&front, 80 * HUGE);
	for (pieces = 0; hf_front_next(&front, 100 * HUGE, &from); pieces++)
		assert_true(from >= 80 * HUGE); /* the rest he has touched himself */
	assert_int_equal(pieces, HF_PREFAULT_AHEAD / HUGE);
}

static void nothing_is_touched_behind_the_end(void **state)
{
	(void)state;
	struct hf_front front = {0};
	uint64_t from;
	hf_front_look(&front, 3 * HUGE + 5);
	assert_false(hf_front_next(&front, 3 * HUGE + 6, &from));
	hf_front_begins(&front);
	assert_false(hf_front_next(&front, 0, &from));
}

/* ---- with the cache ---- */

static long faults(void)
{
	struct rusage used;
	assert_int_equal(getrusage(RUSAGE_SELF, &used), 0);
	return used.ru_minflt;
}

static size_t octets_taken(void)
{
	unsigned long size, resident;
	FILE *f = fopen("/proc/self/statm", "r");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu", &size, &resident), 2);
	fclose(f);
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* Stores so many answers; before each hundredth somebody looks what comes next, if he is there.
 * Returns how many stores had to wait for a huge page. */
static unsigned store_all(struct hf_cache *cache, unsigned count, bool looks, unsigned *ret_pieces)
{
	static struct answer a;
	unsigned waited = 0;
	long seen = 0;
	size_t taken = 0;
	*ret_pieces = 0;
	for (unsigned i = 0; i < count; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		if (looks && i % 100 == 0)
			*ret_pieces += hf_cache_prefault(cache, 2);
		make_answer(&a, &q, 60, (uint8_t)i, 300);
		if (faults() != seen) {
			taken = octets_taken();
			seen = faults();
		}
		assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
		waited += faults() != seen && octets_taken() >= taken + HUGE / 2;
	}
	return waited;
}

/* From the first answer until all that there is is in use. */
static void no_store_waits_for_a_huge_page_but_the_first(void **state)
{
	enum { SIZE = 24 << 20, ENOUGH = 250000 };
	struct hf_cache *cache;
	unsigned pieces, none;
	(void)state;
	assert_int_equal(hf_cache_new(SIZE, 1, &(struct hf_hash_key){1, 2}, &cache), 0);
	unsigned alone = store_all(cache, ENOUGH, false, &none);
	hf_cache_free(cache);
	assert_int_equal(hf_cache_new(SIZE, 1, &(struct hf_hash_key){1, 2}, &cache), 0);
	unsigned waited = store_all(cache, ENOUGH, true, &pieces);
	assert_int_equal(hf_cache_prefault(cache, 2), 0);
	hf_cache_free(cache);
	print_message("# %u stores waited alone, %u with %u pieces touched ahead\n", alone, waited,
		pieces);
	assert_in_range(pieces, SIZE / HUGE * 8 / 10, SIZE / HUGE);
	if (alone > SIZE / HUGE / 2)      /* else this system has no huge pages to give */
		assert_true(waited <= 3); /* the first of the small log, the index, the ghosts */
}

struct race {
	struct hf_cache *cache;
	_Atomic bool stop;
};

static void *look_all_the_time(void *arg)
{
	struct race *race = arg;
	while (!atomic_load(&race->stop))
		hf_cache_prefault(race->cache, 2);
	return NULL;
}

static void what_is_stored_while_somebody_touches_its_memory_stays(void **state)
{
	enum { COUNT = 40000 };
	static struct answer a;
	static struct copy c;
	struct race race = {0};
	pthread_t thread;
	(void)state;
	assert_int_equal(hf_cache_new(64 << 20, 1, &(struct hf_hash_key){1, 2}, &race.cache), 0);
	assert_int_equal(pthread_create(&thread, NULL, look_all_the_time, &race), 0);
	for (unsigned i = 0; i < COUNT; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(race.cache, 0, &q, 0);
		make_answer(&a, &q, 60, (uint8_t)i, 300);
		assert_int_equal(hf_cache_store(race.cache, &key, 0, &a.kept), 0);
	}
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	for (unsigned i = 0; i < COUNT; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(race.cache, 0, &q, 0);
		assert_int_equal(hf_cache_lookup(race.cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
		assert_int_equal(c.wire[c.cached.kept.len - 1], (uint8_t)i);
	}
	hf_cache_free(race.cache);
}

/* Octets that the process has more when so many are stored in a large cache. */
static size_t taken_by(unsigned count, bool looks)
{
	struct hf_cache *cache;
	unsigned pieces;
	assert_int_equal(
		hf_cache_new((uint64_t)4 << 30, 1, &(struct hf_hash_key){1, 2}, &cache), 0);
	size_t before = octets_taken();
	store_all(cache, count, looks, &pieces);
	size_t after = octets_taken();
	hf_cache_free(cache);
	assert_true(looks == (pieces > 0));
	return after > before ? after - before : 0;
}

static void no_more_is_touched_than_will_be_used_soon(void **state)
{
	(void)state;
	taken_by(50000, false); /* what is taken once and for all */
	assert_true(taken_by(50000, true) < taken_by(50000, false) + 2 * HF_PREFAULT_MARGIN + HUGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_touched_ahead_of_what_is_not_used),
		cmocka_unit_test(the_next_piece_is_touched_once_when_half_of_one_is_used),
		cmocka_unit_test(who_is_fast_has_more_touched_ahead_up_to_a_bound),
		cmocka_unit_test(nothing_is_touched_behind_the_end),
		cmocka_unit_test(no_store_waits_for_a_huge_page_but_the_first),
		cmocka_unit_test(what_is_stored_while_somebody_touches_its_memory_stays),
		cmocka_unit_test(no_more_is_touched_than_will_be_used_soon),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
