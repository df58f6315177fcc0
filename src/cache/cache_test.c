/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/pages.h"
#include "base/sample_pages.h"
#include "base/skipped.h"
#include "cache/sample_answer.h"

static const struct hf_hash_key hash_key = {1, 2};
static bool faster; /* is everything to hold with the processor's own hash, too */

static struct hf_cache *new_cache(uint64_t size, unsigned shards)
{
	struct hf_cache *cache;
	assert_int_equal(hf_cache_new(size, shards, &hash_key, &cache), 0);
	if (faster)
		hf_cache_hash_faster(cache);
	return cache;
}

static void an_answer_comes_back_as_it_was_put_in(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 2);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, HF_CACHE_DO);
	make_answer(&a, &q, 101, 7, 300);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	assert_int_equal(hf_cache_store(cache, &key, 5 * HF_SECOND, &a.kept), 0);
	assert_int_equal(hf_cache_lookup(cache, &key, 15 * HF_SECOND, blank(&c)), HF_CACHE_FRESH);
	assert_int_equal(c.cached.age, 10);
	assert_int_equal(c.cached.kept.len, a.kept.len);
	assert_int_equal(c.cached.kept.ttl_count, 3);
	assert_int_equal(c.cached.kept.answer_end, 40);
	assert_int_equal(c.cached.kept.authority_end, 41);
	assert_memory_equal(c.wire, a.wire, a.kept.len);
	assert_memory_equal(c.ttl_at, a.ttl_at, 6);
	hf_cache_free(cache);
}

/* Gives a made answer its records' places, and tells what the cache gives back of them. */
static void records_come_back(struct answer *a, uint16_t answer_end, uint16_t authority_end,
	uint16_t ttl_count, uint16_t first_ttl, uint64_t octets)
{
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	struct hf_cache_mark at = hf_cache_mark(cache, 0), end;
	struct hf_cache_entry entry = {.copy = *blank(&c)};
	a->kept.answer_end = answer_end;
	a->kept.authority_end = authority_end;
	a->kept.ttl_count = ttl_count;
	a->ttl_at[0] = first_ttl;
	hf_put_u16(a->wire + 2, 0x8083);
	assert_int_equal(hf_cache_store(cache, &key, -7, &a->kept), 0);
	assert_int_equal(hf_cache_sums(cache).bytes, octets);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
	end = hf_cache_mark(cache, 0);
	for (int from_log = 0; from_log < 2; from_log++) {
		const struct hf_cached *copy = from_log ? &entry.copy : &c.cached;
		assert_int_equal(copy->kept.len, a->kept.len);
		assert_int_equal(copy->kept.answer_end, answer_end);
		assert_int_equal(copy->kept.authority_end, authority_end);
		assert_int_equal(copy->kept.ttl_count, ttl_count);
		assert_memory_equal(copy->kept.ttl_at, a->ttl_at, 2 * (size_t)ttl_count);
		assert_memory_equal(copy->kept.wire, a->wire, a->kept.len);
		assert_int_equal(copy->rcode, 3);
		assert_true(copy->stored == -7);
		memset(c.wire, 0, sizeof c.wire);
		memset(c.ttl_at, 0, sizeof c.ttl_at);
		if (!from_log)
			assert_int_equal(
				hf_cache_follow(cache, 0, &at, &end, &entry), HF_CACHE_STEP_ENTRY);
	}
	assert_int_equal(entry.type, HF_TYPE_A);
	hf_cache_free(cache);
}

/* 22 octets of header, the wire form without its first two, a slot. */
static void one_record_at_its_usual_place_costs_no_list_and_others_come_back_by_it(void **state)
{
	(void)state;
	static struct answer a;
	struct hf_question q = question("shop.example", HF_TYPE_A);
	const uint16_t asked = HF_HEADER_LEN + 14 + 4, len = asked + 16;
	const uint64_t plain = (22 + len - 2 + 7) / 8 * 8 + 8;
	make_answer(&a, &q, 16, 9, 300);
	records_come_back(&a, len, len, 1, asked + 6, plain);      /* an answer */
	records_come_back(&a, asked, len, 1, asked + 6, plain);    /* nothing, says a SOA */
	records_come_back(&a, len, len, 1, asked + 5, plain + 16); /* owned by the root */
	records_come_back(&a, asked, asked, 1, asked + 6, plain + 16);
	records_come_back(&a, len - 2, len, 1, asked + 6, plain + 16);
	records_come_back(&a, len, len, 2, asked + 6, plain + 16);
	records_come_back(&a, len, len, 0, 0, plain + 8);
	make_answer(&a, &q, 0, 9, 300);
	records_come_back(&a, asked, asked, 0, 0, (22 + asked - 2 + 7) / 8 * 8 + 8);
}

static void what_would_not_be_found_again_is_refused(void **state)
{
	(void)state;
	static struct answer a;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	const hf_us seventy_years = 70 * 365 * 86400ll * HF_SECOND;
	make_answer(&a, &q, 16, 9, 300);
	assert_int_equal(hf_cache_store(cache, &key, seventy_years, &a.kept), 0);
	assert_int_equal(hf_cache_store(cache, &key, -seventy_years, &a.kept), 0);
	assert_int_equal(hf_cache_store(cache, &key, 2 * seventy_years, &a.kept), HF_EBOUND);
	assert_int_equal(hf_cache_store(cache, &key, -2 * seventy_years, &a.kept), HF_EBOUND);
	hf_cache_free(cache);
}

static void an_answer_expires_with_its_ttl_and_not_before(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, 50, 7, 300);
	hf_cache_store(cache, &key, 0, &a.kept);
	assert_int_equal(
		hf_cache_lookup(cache, &key, 300 * HF_SECOND - 1, blank(&c)), HF_CACHE_FRESH);
	assert_int_equal(
		hf_cache_lookup(cache, &key, 300 * HF_SECOND, blank(&c)), HF_CACHE_EXPIRED);
	/* A clock that goes back makes nothing older or younger than it is. */
	assert_int_equal(hf_cache_lookup(cache, &key, -5 * HF_SECOND, blank(&c)), HF_CACHE_FRESH);
	assert_int_equal(c.cached.age, 0);
	hf_cache_free(cache);
}

/* Between the look ahead and the lookup the slot may have gone elsewhere. */
static void a_key_that_looked_ahead_finds_its_answer_wherever_it_is_now(void **state)
{
	(void)state;
	static struct answer a, b;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, 50, 7, 300);
	hf_cache_expect(cache, &key);
	hf_cache_approach(cache, &key);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	hf_cache_store(cache, &key, 0, &a.kept);
	hf_cache_expect(cache, &key);
	hf_cache_approach(cache, &key);
	hf_cache_approach(cache, &key); /* a second look is no other than the first */
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
	for (unsigned i = 0; i < 2000;
		i++) { /* the index is stretched: the slot is left, and taken */
		struct hf_question other = numbered(i);
		struct hf_cache_key another = hf_cache_key(cache, 0, &other, 0);
		make_answer(&b, &other, 16, (uint8_t)i, 300);
		assert_int_equal(hf_cache_store(cache, &another, 0, &b.kept), 0);
		assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
		assert_memory_equal(c.wire, a.wire, a.kept.len);
	}
	hf_cache_free(cache);
}

static void a_key_that_looked_ahead_finds_what_has_been_stored_since(void **state)
{
	(void)state;
	static struct answer a, b;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0), ahead = key;
	make_answer(&a, &q, 50, 7, 300);
	make_answer(&b, &q, 50, 8, 300);
	hf_cache_store(cache, &key, 0, &a.kept);
	hf_cache_expect(cache, &ahead);
	hf_cache_approach(cache, &ahead);
	hf_cache_store(cache, &key, 0, &b.kept); /* the old one is still in its log */
	assert_int_equal(hf_cache_lookup(cache, &ahead, 0, blank(&c)), HF_CACHE_FRESH);
	assert_memory_equal(c.wire, b.wire, b.kept.len);
	hf_cache_remove(cache, &key, 0);
	assert_int_equal(hf_cache_lookup(cache, &ahead, 0, blank(&c)), HF_CACHE_MISS);
	hf_cache_free(cache);
}

/* Between the two looks ahead, too: what has moved meanwhile is not said to be absent. */
static void a_pair_that_was_left_while_it_was_fetched_is_not_believed_to_be_empty(void **state)
{
	(void)state;
	static struct answer a, b;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, 50, 7, 300);
	hf_cache_store(cache, &key, 0, &a.kept);
	hf_cache_expect(cache, &key);
	for (unsigned i = 0; i < 2000; i++) {
		struct hf_question other = numbered(i);
		struct hf_cache_key another = hf_cache_key(cache, 0, &other, 0), early = key;
		make_answer(&b, &other, 16, (uint8_t)i, 300);
		assert_int_equal(hf_cache_store(cache, &another, 0, &b.kept), 0);
		hf_cache_approach(cache, &early);
		assert_int_equal(hf_cache_lookup(cache, &early, 0, blank(&c)), HF_CACHE_FRESH);
	}
	hf_cache_free(cache);
}

/* Two keys of one batch have one answer, whatever comes between: that there is none. */
static void what_is_absent_stays_so_until_somebody_looks_again(void **state)
{
	(void)state;
	static struct answer a, b;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0), ahead = key, *keys[] = {&ahead};
	make_answer(&a, &q, 50, 7, 300);
	make_answer(&b, &q, 50, 8, 300);
	hf_cache_look_ahead(cache, keys, 1);
	hf_cache_store(cache, &key, 0, &a.kept);
	assert_int_equal(hf_cache_lookup(cache, &ahead, 0, blank(&c)), HF_CACHE_MISS);
	struct hf_cache_key expected = ahead;
	hf_cache_expect(cache, &expected);
	assert_int_equal(hf_cache_lookup(cache, &expected, 0, blank(&c)), HF_CACHE_FRESH);
	hf_cache_approach(cache, &ahead); /* what it finds now it goes by, and not by what was */
	hf_cache_store(cache, &key, 0, &b.kept);
	assert_int_equal(hf_cache_lookup(cache, &ahead, 0, blank(&c)), HF_CACHE_FRESH);
	assert_memory_equal(c.wire, b.wire, b.kept.len);
	hf_cache_remove(cache, &key, 0);
	hf_cache_look_ahead(cache, keys, 1);
	assert_int_equal(hf_cache_lookup(cache, &ahead, 0, blank(&c)), HF_CACHE_MISS);
	hf_cache_free(cache);
}

/* Of every other name there is an answer. */
static void all_keys_of_a_batch_are_looked_for_and_no_others(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_question questions[HF_CACHE_AHEAD];
	struct hf_cache_key keys[HF_CACHE_AHEAD], *batch[HF_CACHE_AHEAD + 1];
	struct hf_cache *cache = new_cache(1 << 20, 3);
	for (unsigned i = 0; i < HF_CACHE_AHEAD; i++) {
		questions[i] = numbered(i);
		keys[i] = hf_cache_key(cache, 0, &questions[i], 0);
		make_answer(&a, &questions[i], 50, (uint8_t)i, 300);
		if (i % 2)
			assert_int_equal(hf_cache_store(cache, &keys[i], 0, &a.kept), 0);
	}
	for (unsigned n = 0; n <= HF_CACHE_AHEAD; n++) {
		memset(keys, 0xa5, sizeof keys); /* it sets all that hf_cache_key_at does not */
		for (unsigned i = 0; i < n; i++) {
			hf_cache_key_at(cache, 0, &questions[i], 0, &keys[i]);
			batch[i] = &keys[i];
		}
		batch[n] = NULL;
		hf_cache_look_ahead(cache, batch, n);
		for (unsigned i = 0; i < n; i++) {
			assert_int_equal(keys[i].absent, i % 2 == 0);
			assert_int_equal(keys[i].found != 0, i % 2);
			assert_int_equal(hf_cache_lookup(cache, &keys[i], 0, blank(&c)),
				i % 2 ? HF_CACHE_FRESH : HF_CACHE_MISS);
		}
	}
	hf_cache_free(cache);
}

static void memory_past_the_copys_size_is_left_alone(void **state)
{
	(void)state;
	static struct answer a;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	uint8_t wire[200];
	uint16_t ttl_at[8];
	for (size_t octets = 20; octets < 36; octets++) {
		make_answer(&a, &q, octets, 7, 300);
		hf_cache_store(cache, &key, 0, &a.kept);
		memset(wire, 0xee, sizeof wire);
		memset(ttl_at, 0xee, sizeof ttl_at);
		struct hf_cached copy = {.kept = {.wire = wire, .ttl_at = ttl_at},
			.wire_cap = a.kept.len,
			.ttl_cap = 3};
		assert_int_equal(hf_cache_lookup(cache, &key, 0, &copy), HF_CACHE_FRESH);
		assert_memory_equal(wire, a.wire, a.kept.len);
		assert_int_equal(wire[a.kept.len], 0xee);
		assert_int_equal(ttl_at[3], 0xeeee);
	}
	a.kept.ttl_count = 0;
	hf_cache_store(cache, &key, 0, &a.kept);
	struct hf_cached copy = {.kept = {.wire = wire}, .wire_cap = sizeof wire};
	assert_int_equal(hf_cache_lookup(cache, &key, 0, &copy), HF_CACHE_FRESH);
	assert_int_equal(copy.kept.ttl_count, 0);
	hf_cache_free(cache);
}

static void type_class_do_cd_and_name_are_all_part_of_the_key(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 3);
	struct hf_question q = question("a.example", HF_TYPE_A), other;
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, HF_CACHE_DO);
	make_answer(&a, &q, 50, 7, 300);
	hf_cache_store(cache, &key, 0, &a.kept);
	for (uint8_t flags = 0; flags < 8; flags++) {
		struct hf_cache_key k = hf_cache_key(cache, 0, &q, flags);
		assert_int_equal(hf_cache_lookup(cache, &k, 0, blank(&c)),
			flags == HF_CACHE_DO ? HF_CACHE_FRESH : HF_CACHE_MISS);
		assert_int_equal(hf_cache_shard(cache, &k), hf_cache_shard(cache, &key));
	}
	other = question("a.example", HF_TYPE_AAAA);
	key = hf_cache_key(cache, 0, &other, HF_CACHE_DO);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	other = q;
	other.class = HF_CLASS_CH;
	key = hf_cache_key(cache, 0, &other, HF_CACHE_DO);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	key = hf_cache_key(cache, 77, &q, HF_CACHE_DO); /* another's word */
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	other = question("b.example", HF_TYPE_A);
	key = hf_cache_key(cache, 0, &other, HF_CACHE_DO);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	hf_cache_free(cache);
}

static void a_newer_answer_replaces_the_older(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("a.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	for (uint8_t i = 1; i < 200; i++) {
		make_answer(&a, &q, i * 10u, i, 300);
		assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
	}
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
	assert_int_equal(c.wire[c.cached.kept.len - 1], 199);
	assert_int_equal(hf_cache_sums(cache).entries, 1);
	assert_true(hf_cache_remove(cache, &key, 0));
	assert_false(hf_cache_remove(cache, &key, 0));
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	assert_int_equal(hf_cache_sums(cache).entries, 0);
	assert_int_equal(hf_cache_sums(cache).bytes, 0);
	hf_cache_free(cache);
}

static void an_answer_too_large_for_the_readers_buffer_says_its_size(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(4 << 20, 1);
	struct hf_question q = question("a.example", HF_TYPE_TXT);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, 9000, 3, 300);
	assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
	blank(&c)->wire_cap = 4096;
	assert_int_equal(hf_cache_lookup(cache, &key, 0, &c.cached), HF_CACHE_MISS);
	assert_int_equal(c.cached.kept.len, a.kept.len);
	hf_cache_free(cache);
}

static void an_answer_over_a_quarter_of_the_cache_is_refused(void **state)
{
	(void)state;
	static struct answer a;
	struct hf_cache *cache = new_cache(1 << 18, 2);
	struct hf_question q = question("a.example", HF_TYPE_TXT);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	make_answer(&a, &q, 60000, 3, 300);
	assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), HF_EBOUND);
	hf_cache_free(cache);
}

static void memory_stays_bounded_and_answers_true_whatever_is_stored(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	for (unsigned seed = 1; seed <= 5; seed++) {
		struct hf_cache *cache = new_cache(1 << 19, 1 + seed % 3);
		uint64_t dice = seed;
		for (unsigned i = 0; i < 30000; i++) {
			dice = dice * 6364136223846793005u + 1442695040888963407u;
			unsigned n = (unsigned)(dice >> 33) % (i % 3 ? 50 : 20000);
			size_t octets = 1 + (size_t)(dice >> 20) % 500 +
					((dice >> 40) % 100 == 0 ? 9000 : 0);
			struct hf_question q = numbered(n);
			struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
			if (hf_cache_lookup(cache, &key, 0, blank(&c)) == HF_CACHE_FRESH) {
				assert_int_equal(c.wire[c.cached.kept.len - 1], (uint8_t)n);
				assert_memory_equal(
					c.wire + HF_HEADER_LEN, q.name.bytes, q.name.len);
			} else {
				make_answer(&a, &q, octets, (uint8_t)n, 300);
				assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
				assert_int_equal(
					hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
			}
		}
		struct hf_cache_sums sums = hf_cache_sums(cache);
		assert_true(sums.bytes <= sums.size);
		assert_true(sums.evictions > 0);
		hf_cache_free(cache);
	}
}

static void all_of_a_cache_is_filled_before_anything_unasked_has_to_go(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	unsigned stored = 0, found = 0;
	/* Without a single question asked again, until somebody has to leave. */
	while (hf_cache_sums(cache).evictions == 0) {
		struct hf_question q = numbered(stored++);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		make_answer(&a, &q, 400, 1, 300);
		assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
	}
	assert_true(hf_cache_sums(cache).bytes > 3 * (1 << 20) / 4);
	for (unsigned i = 0; i < stored; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		found += hf_cache_lookup(cache, &key, 0, blank(&c)) == HF_CACHE_FRESH;
	}
	assert_int_equal(found, stored - hf_cache_sums(cache).evictions);
	hf_cache_free(cache);
}

/* Stores n names and tells how many of them are found afterwards, all lookups made by
 * keys that have looked ahead. */
static unsigned found_of(struct hf_cache *cache, unsigned n)
{
	static struct answer a;
	static struct copy c;
	unsigned found = 0;
	for (unsigned i = 0; i < n; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		make_answer(&a, &q, 16, (uint8_t)i, 300);
		assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
		assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_FRESH);
	}
	for (unsigned i = 0; i < n; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		hf_cache_expect(cache, &key);
		hf_cache_approach(cache, &key);
		found += hf_cache_lookup(cache, &key, 0, blank(&c)) == HF_CACHE_FRESH;
	}
	return found;
}

static void the_index_grows_with_what_is_in_it_and_loses_nothing(void **state)
{
	(void)state;
	struct hf_cache *cache = new_cache(16 << 20, 1);
	unsigned places = 0;
	struct copy *c = calloc(1, sizeof *c);
	const unsigned most = 60000;
	assert_int_equal(found_of(cache, most), most);
	assert_int_equal(hf_cache_sums(cache).entries, most);
	assert_int_equal(hf_cache_sums(cache).evictions, 0);
	for (uint64_t slot = 0; slot < hf_cache_slots(cache); slot++) {
		struct hf_cache_entry entry = {.copy = *blank(c)};
		places += hf_cache_peek(cache, 0, slot, &entry);
	}
	assert_int_equal(places, most);
	/* Who found no place at home can be removed like the others. */
	for (unsigned i = 0; i < most; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		assert_true(i % 2 == 0 || hf_cache_remove(cache, &key, 0));
		assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(c)),
			i % 2 ? HF_CACHE_MISS : HF_CACHE_FRESH);
	}
	assert_int_equal(hf_cache_sums(cache).entries, most / 2);
	free(c);
	hf_cache_free(cache);
}

static void a_scan_does_not_wash_out_what_is_asked_again(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 19, 1);
	unsigned lost = 0;
	for (unsigned i = 0; i < 100000; i++) {
		/* 500 popular names among a scan of ever new ones. */
		struct hf_question q = numbered(i % 4 == 0 ? i / 4 % 500 : 1000 + i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		bool popular = i % 4 == 0;
		if (hf_cache_lookup(cache, &key, 0, blank(&c)) == HF_CACHE_FRESH)
			continue;
		lost += popular && i > 20000;
		make_answer(&a, &q, 60, 1, 300);
		hf_cache_store(cache, &key, 0, &a.kept);
	}
	/* 20,000 questions for popular names in the counted part. */
	assert_true(lost < 200);
	hf_cache_free(cache);
}

/* A shard's annex is a 64th of its largest index, and of its own only where that is mapped. */
static void of_all_memory_only_the_annex_takes_small_pages(void **state)
{
	(void)state;
	const size_t before = hf_sample_pages("nh"), huge = hf_sample_pages("hg");
	if (before == SIZE_MAX || access("/sys/kernel/mm/transparent_hugepage", F_OK) < 0) {
		hf_skipped("the kernel has no huge pages");
		return;
	}
	struct hf_cache *small = new_cache(16 << 20, 1); /* its index is no mapping */
	assert_int_equal(hf_sample_pages("nh"), before);
	hf_cache_free(small);
	struct hf_cache *cache = new_cache(128 << 20, 2);
	const size_t index = 2 * (size_t)hf_cache_slots(cache) * 8;
	const size_t sparse = hf_sample_pages("nh") - before;
	assert_in_range(sparse, index / 65, index / 65 + 2 * HF_PAGES_HUGE);
	assert_true(sparse < index / 3);
	assert_in_range(hf_sample_pages("hg") - huge, 100 << 20, 140 << 20);
	hf_cache_free(cache);
}

/* As many places as a cache is worth: 65,536 for one of 16 MiB. */
static void a_large_cache_seldom_looks_in_vain_for_what_was_said_of_a_name(void **state)
{
	(void)state;
	static struct answer a;
	struct hf_cache *cache = new_cache(16 << 20, 1);
	unsigned false_alarms = 0;
	for (unsigned i = 0; i < 2000; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key =
			hf_cache_key(cache, 0, &q, i % 4 ? HF_CACHE_FAILED : HF_CACHE_NAME);
		make_answer(&a, &q, 16, 1, 5);
		assert_false(i < 1000 && hf_cache_remarked(cache, &key, 5000 * HF_SECOND));
		if (i < 1000)
			assert_int_equal(hf_cache_store(cache, &key, 0, &a.kept), 0);
		false_alarms += i >= 1000 && hf_cache_remarked(cache, &key, 0);
		assert_true(i >= 1000 || hf_cache_remarked(cache, &key, 0));
		assert_false(hf_cache_remarked(cache, &key, 6 * HF_SECOND));
	}
	assert_in_range(false_alarms, 0, 60);
	hf_cache_free(cache);
}

struct race {
	struct hf_cache *cache;
	atomic_bool stop;
	atomic_uint hits;
};

/* Reads what was there before the race began, and must be there all the time. */
static void *find_all_the_time(void *arg)
{
	struct race *race = arg;
	struct copy *c = malloc(sizeof *c);
	for (unsigned i = 0; !atomic_load(&race->stop); i++) {
		struct hf_question q = numbered(i % 300);
		struct hf_cache_key key = hf_cache_key(race->cache, 0, &q, 0);
		hf_require(hf_cache_lookup(race->cache, &key, 0, blank(c)) == HF_CACHE_FRESH);
		hf_require(c->wire[c->cached.kept.len - 1] == (uint8_t)(i % 300));
		atomic_fetch_add(&race->hits, 1);
	}
	free(c);
	return NULL;
}

/* The same by batches. What moves between the look ahead and the lookup is there, too. */
static void *find_batches_all_the_time(void *arg)
{
	enum { BATCH = 20 };
	struct race *race = arg;
	struct copy *c = malloc(sizeof *c);
	struct hf_question questions[BATCH];
	struct hf_cache_key keys[BATCH], *batch[BATCH];
	for (unsigned from = 0; !atomic_load(&race->stop); from = (from + BATCH) % 300) {
		for (unsigned i = 0; i < BATCH; i++) {
			questions[i] = numbered(from + i);
			hf_cache_key_at(race->cache, 0, &questions[i], 0, &keys[i]);
			batch[i] = &keys[i];
		}
		hf_cache_look_ahead(race->cache, batch, BATCH);
		for (unsigned i = 0; i < BATCH; i++) {
			hf_require(hf_cache_lookup(race->cache, &keys[i], 0, blank(c)) ==
				   HF_CACHE_FRESH);
			hf_require(c->wire[c->cached.kept.len - 1] == (uint8_t)(from + i));
		}
		atomic_fetch_add(&race->hits, 1);
	}
	free(c);
	return NULL;
}

static void nobody_misses_what_moves_while_the_index_is_stretched(void **state)
{
	(void)state;
	static struct answer a;
	void *(*const readers[])(void *) = {
		find_all_the_time, find_all_the_time, find_batches_all_the_time};
	pthread_t threads[HF_COUNT_OF(readers)];
	for (int turn = 0; turn < 4; turn++) {
		struct race race = {.cache = new_cache(64 << 20, 1)};
		assert_int_equal(found_of(race.cache, 300), 300);
		for (size_t i = 0; i < HF_COUNT_OF(readers); i++)
			assert_int_equal(pthread_create(&threads[i], NULL, readers[i], &race), 0);
		while (!atomic_load(&race.hits))
			;
		for (unsigned i = 300; i < 20000; i++) {
			struct hf_question q = numbered(i);
			struct hf_cache_key key = hf_cache_key(race.cache, 0, &q, 0);
			make_answer(&a, &q, 16, (uint8_t)i, 300);
			assert_int_equal(hf_cache_store(race.cache, &key, 0, &a.kept), 0);
		}
		atomic_store(&race.stop, true);
		for (size_t i = 0; i < HF_COUNT_OF(readers); i++)
			pthread_join(threads[i], NULL);
		hf_cache_free(race.cache);
	}
}

static void *read_all_the_time(void *arg)
{
	struct race *race = arg;
	struct copy *c = malloc(sizeof *c);
	for (unsigned i = 0; !atomic_load(&race->stop); i++) {
		struct hf_question q = numbered(i % 97);
		struct hf_cache_key key = hf_cache_key(race->cache, 0, &q, 0);
		if (hf_cache_lookup(race->cache, &key, 0, blank(c)) != HF_CACHE_FRESH)
			continue;
		size_t from = HF_HEADER_LEN + (size_t)q.name.len + 4;
		/* Every octet behind the question was written in one store. */
		for (size_t at = from; at < c->cached.kept.len; at++)
			hf_require(c->wire[at] == c->wire[from]);
		hf_require(c->ttl_at[0] == c->wire[from] && c->ttl_at[2] == c->wire[from]);
		atomic_fetch_add(&race->hits, 1);
	}
	free(c);
	return NULL;
}

static void readers_never_see_a_torn_answer_while_the_owner_writes(void **state)
{
	(void)state;
	static struct answer a;
	/* Small on purpose: the logs wrap many times under the readers' eyes. */
	struct race race = {.cache = new_cache(1 << 17, 1)};
	pthread_t threads[2];
	for (int i = 0; i < 2; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &race), 0);
	for (unsigned i = 0; i < 40000 || atomic_load(&race.hits) < 1000; i++) {
		struct hf_question q = numbered(i % 97 + (i % 7 ? 0 : 1000));
		struct hf_cache_key key = hf_cache_key(race.cache, 0, &q, 0);
		make_answer(&a, &q, 20 + i % 700, (uint8_t)i, 300);
		hf_cache_store(race.cache, &key, 0, &a.kept);
	}
	atomic_store(&race.stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	hf_cache_free(race.cache);
}

/* ---- reading along ---- */

/* Follows shard 0 to its end; counts answers and removals. */
static void follow(struct hf_cache *cache, struct hf_cache_mark *at, struct copy *c,
	unsigned *ret_answers, unsigned *ret_gone, unsigned *ret_lost)
{
	const struct hf_cache_mark end = hf_cache_mark(cache, 0);
	struct hf_cache_entry entry;
	*ret_answers = *ret_gone = *ret_lost = 0;
	for (;;) {
		entry.copy = *blank(c);
		switch (hf_cache_follow(cache, 0, at, &end, &entry)) {
		case HF_CACHE_STEP_ENTRY:
			++*(entry.gone ? ret_gone : ret_answers);
			assert_true(entry.copy.kept.len > HF_HEADER_LEN);
			break;
		case HF_CACHE_STEP_LOST: ++*ret_lost; break;
		default: return;
		}
	}
}

static void who_follows_is_told_every_answer_once(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_cache_mark at = hf_cache_mark(cache, 0);
	unsigned answers, gone, lost, told = 0;
	for (unsigned i = 0; i < 20000; i++) {
		struct hf_question q = numbered(i % 3000);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		/* Every other one is asked again, so that many move to the main log. */
		make_answer(&a, &q, 20 + i % 300, (uint8_t)i, 300);
		assert_int_equal(hf_cache_store(cache, &key, i, &a.kept), 0);
		if (i % 2)
			hf_cache_lookup(cache, &key, i, blank(&c));
		if (i % 50 == 49) {
			follow(cache, &at, &c, &answers, &gone, &lost);
			assert_int_equal(lost, 0);
			told += answers;
		}
	}
	assert_int_equal(told, 20000);
	hf_cache_free(cache);
}

static void who_follows_too_slowly_learns_that_something_was_lost(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_cache_mark at = hf_cache_mark(cache, 0);
	unsigned answers, gone, lost;
	for (unsigned i = 0; i < 20000; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		make_answer(&a, &q, 100, (uint8_t)i, 300);
		hf_cache_store(cache, &key, 0, &a.kept);
	}
	follow(cache, &at, &c, &answers, &gone, &lost);
	assert_in_range(lost, 1, 2); /* of two logs */
	follow(cache, &at, &c, &answers, &gone, &lost);
	assert_int_equal(lost + answers, 0);
	hf_cache_free(cache);
}

static void removals_are_told_and_failures_are_not(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1);
	struct hf_question q = question("shop.example", HF_TYPE_A);
	struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
	struct hf_cache_key failed = hf_cache_key(cache, 0, &q, HF_CACHE_FAILED);
	unsigned answers, gone, lost;
	make_answer(&a, &q, 400, 1, 300);
	hf_cache_note_removals(cache);
	struct hf_cache_mark at = hf_cache_mark(cache, 0);
	hf_cache_store(cache, &key, 0, &a.kept);
	hf_cache_store(cache, &failed, 0, &a.kept);
	hf_cache_remove(cache, &failed, 0);
	assert_true(hf_cache_remove(cache, &key, 5));
	assert_false(hf_cache_remove(cache, &key, 6)); /* it may have been written down */
	follow(cache, &at, &c, &answers, &gone, &lost);
	assert_int_equal(answers, 1);
	assert_int_equal(gone, 2);
	assert_int_equal(hf_cache_lookup(cache, &key, 0, blank(&c)), HF_CACHE_MISS);
	assert_int_equal(hf_cache_sums(cache).entries, 0);
	hf_cache_free(cache);
}

static void all_that_lives_can_be_looked_at_and_put_back_elsewhere(void **state)
{
	(void)state;
	static struct answer a;
	static struct copy c;
	struct hf_cache *cache = new_cache(1 << 20, 1), *other = new_cache(4 << 20, 3);
	for (unsigned i = 0; i < 3000; i++) {
		struct hf_question q = numbered(i);
		struct hf_cache_key key = hf_cache_key(cache, 0, &q, 0);
		make_answer(&a, &q, 30, (uint8_t)i, 300);
		hf_cache_store(cache, &key, i, &a.kept);
	}
	for (uint64_t slot = 0; slot < hf_cache_slots(cache); slot++) {
		struct hf_cache_entry entry = {.copy = *blank(&c)};
		if (!hf_cache_peek(cache, 0, slot, &entry))
			continue;
		struct hf_question q = {.type = entry.type, .class = entry.class};
		q.name.len = (uint8_t)hf_name_wire_len(c.wire + HF_HEADER_LEN, HF_NAME_MAX);
		memcpy(q.name.bytes, c.wire + HF_HEADER_LEN, q.name.len);
		struct hf_cache_key key = hf_cache_key(other, 9, &q, entry.flags);
		hf_us stored;
		assert_int_equal(
			hf_cache_restore(other, &key, entry.copy.stored, 2, &entry.copy.kept), 0);
		assert_true(hf_cache_stored(other, &key, &stored));
		assert_true(stored == entry.copy.stored);
		assert_int_equal(hf_cache_lookup(other, &key, 0, blank(&c)), HF_CACHE_FRESH);
		assert_int_equal(c.cached.hits, 2);
	}
	assert_true(hf_cache_sums(cache).entries > 500);
	struct hf_cache_sums sums = hf_cache_sums(other);
	assert_int_equal(sums.entries, hf_cache_sums(cache).entries);
	hf_cache_free(cache);
	hf_cache_free(other);
}

static void *follow_all_the_time(void *arg)
{
	struct race *race = arg;
	static struct copy c;
	struct hf_cache_mark at = hf_cache_mark(race->cache, 0);
	while (!atomic_load(&race->stop)) {
		unsigned answers, gone, lost;
		follow(race->cache, &at, &c, &answers, &gone, &lost);
		for (uint64_t slot = 0; slot < hf_cache_slots(race->cache); slot++) {
			struct hf_cache_entry entry = {.copy = *blank(&c)};
			if (!hf_cache_peek(race->cache, 0, slot, &entry))
				continue;
			size_t head = HF_HEADER_LEN + 4 +
				      hf_name_wire_len(c.wire + HF_HEADER_LEN, HF_NAME_MAX);
			for (size_t i = head + 1; i < entry.copy.kept.len; i++)
				assert_int_equal(c.wire[i], c.wire[head]);
		}
		atomic_fetch_add(&race->hits, 1);
	}
	return NULL;
}

static void who_reads_along_never_sees_a_torn_answer_either(void **state)
{
	(void)state;
	static struct answer a;
	struct race race = {.cache = new_cache(1 << 18, 1)};
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, follow_all_the_time, &race), 0);
	for (unsigned i = 0; i < 40000 || atomic_load(&race.hits) < 20; i++) {
		struct hf_question q = numbered(i % 997);
		struct hf_cache_key key = hf_cache_key(race.cache, 0, &q, 0);
		make_answer(&a, &q, 20 + i % 700, (uint8_t)i, 300);
		hf_cache_store(race.cache, &key, 0, &a.kept);
	}
	atomic_store(&race.stop, true);
	pthread_join(thread, NULL);
	hf_cache_free(race.cache);
}

static int hash_faster(void **state)
{
	(void)state;
	faster = true;
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_comes_back_as_it_was_put_in),
		cmocka_unit_test(
			one_record_at_its_usual_place_costs_no_list_and_others_come_back_by_it),
		cmocka_unit_test(what_would_not_be_found_again_is_refused),
		cmocka_unit_test(an_answer_expires_with_its_ttl_and_not_before),
		cmocka_unit_test(a_key_that_looked_ahead_finds_its_answer_wherever_it_is_now),
		cmocka_unit_test(a_key_that_looked_ahead_finds_what_has_been_stored_since),
		cmocka_unit_test(
			a_pair_that_was_left_while_it_was_fetched_is_not_believed_to_be_empty),
		cmocka_unit_test(what_is_absent_stays_so_until_somebody_looks_again),
		cmocka_unit_test(all_keys_of_a_batch_are_looked_for_and_no_others),
		cmocka_unit_test(memory_past_the_copys_size_is_left_alone),
		cmocka_unit_test(type_class_do_cd_and_name_are_all_part_of_the_key),
		cmocka_unit_test(a_newer_answer_replaces_the_older),
		cmocka_unit_test(an_answer_too_large_for_the_readers_buffer_says_its_size),
		cmocka_unit_test(an_answer_over_a_quarter_of_the_cache_is_refused),
		cmocka_unit_test(memory_stays_bounded_and_answers_true_whatever_is_stored),
		cmocka_unit_test(all_of_a_cache_is_filled_before_anything_unasked_has_to_go),
		cmocka_unit_test(the_index_grows_with_what_is_in_it_and_loses_nothing),
		cmocka_unit_test(nobody_misses_what_moves_while_the_index_is_stretched),
		cmocka_unit_test(of_all_memory_only_the_annex_takes_small_pages),
		cmocka_unit_test(a_large_cache_seldom_looks_in_vain_for_what_was_said_of_a_name),
		cmocka_unit_test(a_scan_does_not_wash_out_what_is_asked_again),
		cmocka_unit_test(readers_never_see_a_torn_answer_while_the_owner_writes),
		cmocka_unit_test(who_follows_is_told_every_answer_once),
		cmocka_unit_test(who_follows_too_slowly_learns_that_something_was_lost),
		cmocka_unit_test(removals_are_told_and_failures_are_not),
		cmocka_unit_test(all_that_lives_can_be_looked_at_and_put_back_elsewhere),
		cmocka_unit_test(who_reads_along_never_sees_a_torn_answer_either),
	};
	struct CMUnitTest both[2 * HF_COUNT_OF(tests)];
	for (size_t i = 0; i < HF_COUNT_OF(tests); i++) {
		both[i] = both[HF_COUNT_OF(tests) + i] = tests[i];
		both[HF_COUNT_OF(tests) + i].setup_func = hash_faster;
	}
	return cmocka_run_group_tests_name("cache", both, NULL, NULL);
}
