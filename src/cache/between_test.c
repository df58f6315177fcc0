/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a reader finds between any two instructions of the owner who stretches the index, and
 * what between any two of a reader the owner may do: point 6 of the proof in cache.h. Threads
 * meet there once in thousands of steps; here the processor stops after each instruction, and
 * what is to happen between happens there. */
#include "cache/cache.h"

#include <signal.h>
#include <stdlib.h>
#include <ucontext.h>

#include "base/check.h"
#include "cache/sample_answer.h"
#include "cache/shape.h"

/* Instructions from one to the next that a reader is stopped at. */
#define STRIDE 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) /* five times as many, and most are its own */
#undef STRIDE
#define STRIDE 16
#endif
#endif

#define PAIRS 64          /* of an index that has just begun */
#define NAMES (PAIRS * 6) /* with the next one it is stretched */
#define MORE (PAIRS + 2)  /* until that is done */

struct world {
	struct hf_cache *cache;
	struct hf_question questions[NAMES + MORE];
	struct hf_cache_key keys[NAMES + MORE];
	unsigned stored;
	unsigned missed; /* of what was there all the time */
};

static struct world w;
static struct copy copies[2]; /* one is written while the other is */

static void prepare_next(struct answer *a)
{
	make_answer(a, &w.questions[w.stored], 16, (uint8_t)w.stored, 300);
}

static void store_prepared(const struct answer *a)
{
	hf_require(hf_cache_store(w.cache, &w.keys[w.stored++], 0, &a->kept) == 0);
}

static void store_next(void)
{
	static struct answer a;
	prepare_next(&a);
	store_prepared(&a);
}

static bool finds(const struct hf_cache_key *key, struct copy *c)
{
	return hf_cache_lookup(w.cache, key, 0, blank(c)) == HF_CACHE_FRESH;
}

static int begin(void **state)
{
	static const struct hf_hash_key hash_key = {1, 2};
	(void)state;
	w = (struct world){.missed = 0};
	if (hf_cache_new(1 << 20, 1, &hash_key, &w.cache))
		return -1;
	for (unsigned n = 0; n < NAMES + MORE; n++) {
		w.questions[n] = numbered(n);
		w.keys[n] = hf_cache_key(w.cache, 0, &w.questions[n], 0);
	}
	while (w.stored < NAMES - 1)
		store_next();
	return 0;
}

static int end(void **state)
{
	(void)state;
	hf_cache_free(w.cache);
	return 0;
}

/* ---- an instruction at a time ---- */

#define TRAP_FLAG 0x100

static void (*volatile between)(void);
static volatile unsigned steps; /* since it began */

/* The flag is part of what the interrupted goes on with; we are without it. */
static void stop(int signal, siginfo_t *info, void *context)
{
	greg_t *flags = &((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL];
	(void)signal;
	(void)info;
	if (between && steps++)
		between();
	*flags = between ? *flags | TRAP_FLAG : *flags & ~(greg_t)TRAP_FLAG;
}

/* From here on `what` is done after each instruction, until NULL is. */
static void step(void (*what)(void))
{
	struct sigaction action = {.sa_sigaction = stop, .sa_flags = SA_SIGINFO};
	between = what;
	if (!what)
		return;
	steps = 0;
	assert_int_equal(sigaction(SIGTRAP, &action, NULL), 0);
	raise(SIGTRAP);
}

static void look_for_all(void)
{
	static struct hf_cache_key keys[HF_CACHE_AHEAD], *batch[HF_CACHE_AHEAD];
	const unsigned from = steps * 37 % (NAMES - HF_CACHE_AHEAD);
	for (unsigned n = 0; n < NAMES - 1; n++)
		w.missed += !finds(&w.keys[n], &copies[1]);
	for (unsigned i = 0; i < HF_CACHE_AHEAD; i++) {
		keys[i] = w.keys[from + i];
		batch[i] = &keys[i];
	}
	hf_cache_look_ahead(w.cache, batch, HF_CACHE_AHEAD);
	for (unsigned i = 0; i < HF_CACHE_AHEAD; i++)
		w.missed += !finds(&keys[i], &copies[1]);
}

static void whoever_looks_while_the_owner_stretches_finds_what_was_there(void **state)
{
	static struct answer a;
	unsigned all = 0;
	(void)state;
	while (w.stored < NAMES + MORE) {
		prepare_next(&a);
		step(look_for_all);
		store_prepared(&a);
		step(NULL);
		all += steps;
	}
	assert_true(all > 10000);
	assert_int_equal(w.missed, 0);
}

static unsigned when;

/* After so many instructions; the others do not matter then. */
static void stretch_once(void)
{
	if (steps < when)
		return;
	while (w.stored < NAMES + MORE)
		store_next();
	between = NULL;
}

/* The n-th name that stretching takes to another pair. */
static struct hf_cache_key *one_that_moves(unsigned n)
{
	const uint32_t next = hf_shape_next(PAIRS, UINT32_MAX);
	for (unsigned i = 0;; i++) {
		const uint32_t hash = (uint32_t)w.keys[i].hash;
		if (hf_shape_place(hash, PAIRS) != hf_shape_place(hash, next) && !n--)
			return &w.keys[i];
	}
}

/* All is stretched after each of the reader's instructions in turn (STRIDE). */
static void at_every_instruction_of(void (*look)(struct hf_cache_key *key))
{
	bool stretched = true;
	for (when = 2; stretched; when += STRIDE) {
		struct hf_cache_key key = *one_that_moves(when % 50);
		step(stretch_once);
		look(&key);
		step(NULL);
		assert_int_equal(w.missed, 0);
		stretched = w.stored == NAMES + MORE;
		end(NULL);
		begin(NULL);
	}
	assert_true(when > 100);
}

static void look(struct hf_cache_key *key)
{
	w.missed += !finds(key, &copies[0]);
}

static void look_ahead_and_look(struct hf_cache_key *key)
{
	hf_cache_look_ahead(w.cache, &key, 1);
	w.missed += !finds(key, &copies[0]);
}

static void stretching_at_any_instruction_of_a_lookup_hides_nothing(void **state)
{
	(void)state;
	at_every_instruction_of(look);
}

static void nor_does_it_between_a_look_ahead_and_the_lookup(void **state)
{
	(void)state;
	at_every_instruction_of(look_ahead_and_look);
}

/* ---- one answer after another ---- */

#define WAYS 16

/* A home for so many names, and one more that has none. */
static struct hf_question crowd[WAYS + 1];

static struct hf_cache_key key_in_crowd(struct hf_cache *cache, unsigned n)
{
	return hf_cache_key(cache, 0, &crowd[n], 0);
}

static void put_in(struct hf_cache *cache, unsigned n, uint8_t fill)
{
	static struct answer a;
	const struct hf_cache_key key = key_in_crowd(cache, n);
	make_answer(&a, &crowd[n], 16, fill, 300);
	hf_require(hf_cache_store(cache, &key, 0, &a.kept) == 0);
}

/* Names of the first pair, each with an answer: the last one's is in the annex, alone there. */
static struct hf_cache *new_crowd(void)
{
	static const struct hf_hash_key hash_key = {1, 2};
	struct hf_cache *cache;
	unsigned count = 0;
	assert_int_equal(hf_cache_new(1 << 16, 1, &hash_key, &cache), 0);
	const uint32_t pairs = (uint32_t)(hf_cache_slots(cache) / WAYS) - 1;
	for (unsigned n = 0; count <= WAYS; n++) {
		crowd[count] = numbered(n);
		const struct hf_cache_key key = key_in_crowd(cache, count);
		if (hf_shape_place((uint32_t)key.hash, pairs) == 0)
			put_in(cache, count++, 1);
	}
	return cache;
}

static struct hf_cache_key watched;

static void look_for_watched(void)
{
	struct hf_cache_key key = watched, *batch = &key;
	w.missed += !finds(&key, &copies[1]);
	hf_cache_look_ahead(w.cache, &batch, 1);
	w.missed += !finds(&key, &copies[1]);
}

static void whoever_looks_while_an_answer_is_replaced_finds_one(void **state)
{
	(void)state;
	end(NULL);
	w.cache = new_crowd();
	for (unsigned n = 0; n <= WAYS; n += WAYS) { /* at home, in the annex */
		watched = key_in_crowd(w.cache, n);
		step(look_for_watched);
		put_in(w.cache, n, 2);
		step(NULL);
		assert_true(steps > 100);
		assert_int_equal(w.missed, 0);
	}
}

/* ---- from one log to the other ---- */

static unsigned passed;

static void pass_by(void)
{
	static struct answer a;
	const struct hf_question q = numbered(1000000 + passed++);
	const struct hf_cache_key key = hf_cache_key(w.cache, 0, &q, 0);
	make_answer(&a, &q, 100, 1, 300);
	hf_require(hf_cache_store(w.cache, &key, 0, &a.kept) == 0);
}

/* Once the small log has gone round, the answer that is watched is settled, and another stands
 * where it was. */
static void go_round_once(void)
{
	if (steps < when)
		return;
	const uint64_t before = hf_cache_mark(w.cache, 0).newcomers;
	while (hf_cache_mark(w.cache, 0).newcomers - before < (1 << 16) / 10 / 8)
		pass_by();
	between = NULL;
}

static void whoever_is_overtaken_finds_where_the_answer_has_gone(void **state)
{
	bool gone_round = true;
	(void)state;
	end(NULL);
	for (when = 2; gone_round; when += STRIDE) {
		w.cache = new_crowd();
		watched = key_in_crowd(w.cache, 0);
		w.missed += !finds(&watched, &copies[0]); /* so that it will not be let go */
		step(go_round_once);
		w.missed += !finds(&watched, &copies[0]);
		gone_round = !between;
		step(NULL);
		assert_int_equal(w.missed, 0);
		end(NULL);
	}
	assert_true(when > 100);
	w.cache = NULL;
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(whoever_looks_while_the_owner_stretches_finds_what_was_there),
		TEST(stretching_at_any_instruction_of_a_lookup_hides_nothing),
		TEST(nor_does_it_between_a_look_ahead_and_the_lookup),
		TEST(whoever_looks_while_an_answer_is_replaced_finds_one),
		TEST(whoever_is_overtaken_finds_where_the_answer_has_gone),
	};
	return cmocka_run_group_tests_name("between", tests, NULL, NULL);
}
