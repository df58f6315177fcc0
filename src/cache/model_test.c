/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The cache beside a plain table of what was put in last: whatever is done with it, however small
 * it is and wherever the clock goes, it says what the table says, or nothing. */
#include "cache/cache.h"

#include "base/check.h"
#include "base/error.h"
#include "cache/sample_answer.h"

#define NAMES 150
#define KINDS 8
#define SUBJECTS (NAMES * KINDS)
#define OFTEN (SUBJECTS / 8) /* asked and stored for more often than the others */
#define STEPS 6000
#define SEEDS 16

static const uint8_t flags_of[KINDS] = {0, HF_CACHE_DO, HF_CACHE_CD, HF_CACHE_DO | HF_CACHE_CD,
	HF_CACHE_NAME, HF_CACHE_NAME | HF_CACHE_DO, HF_CACHE_FAILED, 0};

struct subject { /* a key, and what was put in for it last */
	struct hf_question question;
	struct hf_cache_key key;
	uint32_t version, ttl;
	hf_us stored;
	bool there;   /* it may be gone for want of room, but nothing else may be in its place */
	bool changed; /* since a look ahead, which may have found nothing */
};

static struct {
	struct hf_cache *cache;
	struct subject subjects[SUBJECTS];
	hf_us now;
	uint64_t dice;
} m;

static uint64_t stir(uint64_t x)
{
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}

static unsigned dice(unsigned sides)
{
	return (unsigned)(stir(m.dice += 0x9e3779b97f4a7c15u) % sides);
}

/* The shortest, the longest, and others. */
static struct hf_question question_of(unsigned n, uint16_t type)
{
	char text[260] = ".";
	if (n == 1)
		snprintf(text, sizeof text, "%063d.%063d.%063d.%061d", 1, 2, 3, 4);
	else if (n > 1)
		snprintf(text, sizeof text, "%0*u.example", 1 + (int)n % 40, n);
	return question(text, type);
}

static void begin(unsigned seed, uint64_t octets_each, unsigned shards)
{
	const struct hf_hash_key hash_key = {seed, 2};
	memset(&m, 0, sizeof m);
	m.dice = seed;
	assert_int_equal(hf_cache_new(octets_each * shards, shards, &hash_key, &m.cache), 0);
	if (seed % 2)
		hf_cache_hash_faster(m.cache);
	for (unsigned i = 0; i < SUBJECTS; i++) {
		struct subject *s = &m.subjects[i];
		const unsigned kind = i % KINDS;
		s->question = question_of(i / KINDS, kind < 3 ? HF_TYPE_A : HF_TYPE_TXT);
		s->key = hf_cache_key(m.cache, kind == 7, &s->question, flags_of[kind]);
	}
}

/* The answer of a subject's version: of any form and size. */
static const struct hf_kept *made_of(const struct subject *s, uint32_t version, uint32_t ttl)
{
	static struct answer a;
	const uint64_t d = stir(s->key.hash + version);
	const uint16_t head = (uint16_t)(HF_HEADER_LEN + s->question.name.len + 4);
	const unsigned form = d % 4;
	const size_t octets = form == 0 ? 0 : d % 97 == 0 ? d >> 8 & 0xefff : 12 + (d >> 8) % 150;
	make_answer(&a, &s->question, octets, (uint8_t)(d >> 40), ttl);
	hf_put_u16(a.wire + 2, (uint16_t)(HF_FLAG_QR | (d >> 32 & 3)));
	a.kept.answer_end = form == 2 ? head : a.kept.len;
	a.kept.authority_end = a.kept.len;
	a.kept.ttl_count = form != 0;
	a.ttl_at[0] = head + 6;
	if (form == 3) {
		a.kept.authority_end -= d >> 50 & 7;
		a.kept.ttl_count = d % 89 == 0 ? HF_RECORDS_MAX : (uint16_t)(d >> 48 & 15);
		for (unsigned i = 0; i < a.kept.ttl_count; i++)
			a.ttl_at[i] = (uint16_t)(head + i + (d >> 56));
	}
	return &a.kept;
}

static void is_true(const struct subject *s, const struct hf_cached *copy)
{
	const struct hf_kept *want = made_of(s, s->version, s->ttl), *kept = &copy->kept;
	assert_true(s->there);
	assert_true(copy->stored == s->stored && kept->ttl == s->ttl);
	assert_int_equal(kept->len, want->len);
	assert_memory_equal(kept->wire, want->wire, want->len);
	assert_int_equal(kept->answer_end, want->answer_end);
	assert_int_equal(kept->authority_end, want->authority_end);
	assert_int_equal(kept->ttl_count, want->ttl_count);
	assert_memory_equal(kept->ttl_at, want->ttl_at, want->ttl_count * sizeof *want->ttl_at);
	assert_int_equal(copy->rcode, want->wire[3] & HF_FLAG_RCODE);
}

/* ---- one at a time ---- */

static void look(struct subject *s, const struct hf_cache_key *key)
{
	static struct copy c;
	const enum hf_cache_result found = hf_cache_lookup(m.cache, key, m.now, blank(&c));
	const hf_us age = m.now > s->stored ? m.now - s->stored : 0;
	if (found == HF_CACHE_MISS) {
		assert_int_equal(c.cached.kept.len, 0);
		s->there &= s->changed;
		return;
	}
	assert_int_equal(
		found, age < (hf_us)s->ttl * HF_SECOND ? HF_CACHE_FRESH : HF_CACHE_EXPIRED);
	assert_int_equal(c.cached.age, age / HF_SECOND);
	is_true(s, &c.cached);
}

static void store(struct subject *s)
{
	static const uint32_t ttls[] = {0, 1, 30, 300, 86400, INT32_MAX, UINT32_MAX};
	const uint32_t ttl = ttls[dice(HF_COUNT_OF(ttls))];
	const struct hf_kept *kept = made_of(s, s->version + 1, ttl);
	const int rc = hf_cache_store(m.cache, &s->key, m.now, kept);
	assert_true(rc == 0 || (rc == HF_EBOUND && kept->len + 2 * kept->ttl_count > 500));
	if (rc)
		return; /* the older one stays */
	s->version++;
	s->stored = m.now;
	s->ttl = ttl;
	s->there = s->changed = true;
	assert_true(!(s->key.flags & (HF_CACHE_NAME | HF_CACHE_FAILED)) || !ttl ||
		    hf_cache_remarked(m.cache, &s->key, m.now));
	s->changed = false;
	look(s, &s->key);
	assert_true(s->there);
	s->changed = true;
}

static void end(struct subject *s)
{
	const bool was = hf_cache_remove(m.cache, &s->key, m.now);
	assert_true(s->there || !was);
	s->there = false;
	s->changed = true;
	look(s, &s->key);
}

static struct subject *any_subject(void)
{
	return &m.subjects[dice(dice(3) ? OFTEN : SUBJECTS)];
}

static void look_ahead(void)
{
	struct hf_cache_key keys[HF_CACHE_AHEAD], *batch[HF_CACHE_AHEAD];
	struct subject *of[HF_CACHE_AHEAD];
	const unsigned n = 1 + dice(HF_CACHE_AHEAD), changes = dice(3) ? 0 : dice(60);
	for (unsigned i = 0; i < n; i++) {
		of[i] = any_subject();
		keys[i] = of[i]->key;
		batch[i] = &keys[i];
	}
	hf_cache_look_ahead(m.cache, batch, n);
	for (unsigned i = 0; i < changes; i++)
		(dice(4) ? store : end)(dice(2) ? of[dice(n)] : any_subject());
	for (unsigned i = 0; i < n; i++)
		look(of[i], &keys[i]);
	for (unsigned i = 0; i < SUBJECTS; i++)
		m.subjects[i].changed = false;
}

/* ---- all at once ---- */

static struct subject *by_hash(uint64_t hash)
{
	unsigned i = 0;
	while (i < SUBJECTS && m.subjects[i].key.hash != hash)
		i++;
	assert_true(i < SUBJECTS);
	return &m.subjects[i];
}

/* What can be looked at is what can be found, and as many as are counted. */
static void look_at_all(void)
{
	static struct copy c;
	const struct hf_cache_sums sums = hf_cache_sums(m.cache);
	const unsigned slots = (unsigned)hf_cache_slots(m.cache);
	unsigned seen = 0, found = 0;
	for (unsigned i = 0; i < slots * hf_cache_shards(m.cache); i++) {
		struct hf_cache_entry entry = {.copy = *blank(&c)};
		if (!hf_cache_peek(m.cache, i / slots, i % slots, &entry))
			continue;
		is_true(by_hash(entry.hash), &entry.copy);
		seen++;
	}
	for (unsigned i = 0; i < SUBJECTS; i++) {
		const struct subject *s = &m.subjects[i];
		hf_us stored;
		const bool there = hf_cache_stored(m.cache, &s->key, &stored);
		assert_true(!there || (s->there && stored == s->stored));
		found += there;
		seen += there && s->key.flags & HF_CACHE_FAILED;
	}
	assert_int_equal(found, sums.entries);
	assert_int_equal(seen, sums.entries);
	assert_true(sums.bytes <= sums.size);
}

/* Mostly forward, and now and then far, or back. */
static void turn_clock(void)
{
	static const hf_us by[] = {1, HF_SECOND, 290 * HF_SECOND, 86400 * HF_SECOND,
		40 * 86400 * HF_SECOND, -HF_SECOND, -3600 * HF_SECOND};
	m.now += by[dice(HF_COUNT_OF(by))] + (hf_us)dice(1000);
	m.now = m.now < 0 ? 0 : m.now;
}

static void step(void)
{
	struct subject *s = any_subject();
	const unsigned what = dice(100);
	if (what < 45)
		look(s, &s->key);
	else if (what < 80)
		store(s);
	else if (what < 84)
		end(s);
	else if (what < 90)
		turn_clock();
	else if (what < 99)
		look_ahead();
	else
		look_at_all();
	s->changed = false;
}

static void whatever_is_done_a_cache_says_what_was_put_in_last_or_nothing(void **state)
{
	static const struct {
		uint64_t octets_each;
		unsigned shards;
	} sizes[] = {{3000000, 1}, {70000, 1}, {20000, 1}, {4096, 1}, {300000, 2}, {20000, 7},
		{20000, 64}, {4096, 256}};
	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		const unsigned which = seed % HF_COUNT_OF(sizes);
		begin(seed, sizes[which].octets_each, sizes[which].shards);
		for (unsigned i = 0; i < STEPS; i++)
			step();
		look_at_all();
		hf_cache_free(m.cache);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whatever_is_done_a_cache_says_what_was_put_in_last_or_nothing),
	};
	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
