/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/table.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/check.h"

#define PLAN 7

struct desk {
	struct hf_xdp_table table;
	struct hf_question question;
	struct hf_cache_key key;
	struct hf_cached copy;
	uint8_t wire[1024];
	uint16_t ttl_at[64];
};

static int begin(void **state)
{
	struct desk *d = calloc(1, sizeof *d);
	d->table.buckets = calloc(HF_XDP_BUCKETS, sizeof *d->table.buckets);
	d->table.entries = calloc(HF_XDP_ENTRIES, sizeof *d->table.entries);
	d->table.published = calloc(HF_XDP_ENTRIES, sizeof *d->table.published);
	d->table.key = (struct hf_xdp_key){9, 9};
	*state = d;
	return 0;
}

static int end(void **state)
{
	struct desk *d = *state;
	free(d->table.buckets);
	free(d->table.entries);
	free(d->table.published);
	free(d);
	return 0;
}

/* An answer of `body` octets behind the question with `ttls` TTLs. */
static void write_answer(
	struct desk *d, const char *name, uint16_t type, uint8_t flags, size_t body, unsigned ttls)
{
	d->question = (struct hf_question){.type = type, .class = HF_CLASS_IN};
	assert_int_equal(hf_name_from_text(name, strlen(name), &d->question.name), 0);
	size_t head = (size_t)HF_HEADER_LEN + d->question.name.len + 4;
	d->key = (struct hf_cache_key){
		.name = &d->question.name, .type = type, .class = HF_CLASS_IN, .flags = flags};
	memset(d->wire, 0, sizeof d->wire);
	d->wire[2] = 0x81;
	d->wire[3] = 0x80;
	d->wire[5] = d->wire[7] = 1;
	memset(d->wire + head, 0xab, body);
	for (unsigned i = 0; i < ttls; i++)
		d->ttl_at[i] = (uint16_t)(head + 2 + 4 * i);
	d->copy = (struct hf_cached){.kept = {.wire = d->wire,
					     .len = (uint16_t)(head + body),
					     .ttl_at = d->ttl_at,
					     .ttl_count = (uint16_t)ttls,
					     .ttl = 60},
		.stored = 1000};
}

static bool publish(struct desk *d, const char *name, uint16_t type, uint8_t flags, hf_us now)
{
	write_answer(d, name, type, flags, 16, 1);
	return hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, now);
}

/* As the program looks. */
static struct hf_xdp_entry *find(struct desk *d, const char *name, uint16_t type, uint8_t flags)
{
	__u64 words[HF_XDP_NAME_WORDS] = {0};
	struct hf_name n;
	hf_name_from_text(name, strlen(name), &n);
	memcpy(words, n.bytes, n.len);
	uint64_t hash = hf_xdp_hash(words, n.len, &d->table.key);
	for (unsigned way = 0; way < HF_XDP_WAYS; way++)
		if (d->table.buckets[hf_xdp_bucket_of(hash)].tags[way] ==
			hf_xdp_tag(hash, type, flags))
			return &d->table.entries[hf_xdp_bucket_of(hash) * HF_XDP_WAYS + way];
	return NULL;
}

static void a_published_answer_lies_as_the_program_reads_it(void **state)
{
	struct desk *d = *state;
	assert_true(publish(d, "www.shop.example", HF_TYPE_A, HF_CACHE_DO, 0));
	const struct hf_xdp_entry *e = find(d, "www.shop.example", HF_TYPE_A, HF_CACHE_DO);
	assert_non_null(e);
	assert_int_equal(e->seq % 2, 0);
	assert_true(e->seq > 0);
	assert_int_equal(e->generation, PLAN);
	assert_int_equal(e->stored, 1000);
	assert_int_equal(e->ttl, 60);
	assert_int_equal(e->body_len, 16);
	assert_int_equal(e->ttl_count, 1);
	assert_int_equal(e->ttl_at[0], 2);
	assert_memory_equal(e->name, d->question.name.bytes, d->question.name.len);
	assert_memory_equal(e->body, d->wire + 12 + d->question.name.len + 4, 16);
	/* Eight words of 0xabab, end-around. */
	assert_int_equal(e->body_sum, (8 * 0xabab & 0xffff) + (8 * 0xabab >> 16));
	assert_null(find(d, "www.shop.example", HF_TYPE_A, 0));
	assert_null(find(d, "www.shop.example", HF_TYPE_AAAA, HF_CACHE_DO));
}

static void publishing_again_changes_nothing_and_a_newer_answer_replaces(void **state)
{
	struct desk *d = *state;
	publish(d, "a.example", HF_TYPE_A, 0, 0);
	uint64_t seq = find(d, "a.example", HF_TYPE_A, 0)->seq;
	assert_true(publish(d, "a.example", HF_TYPE_A, 0, 5));
	assert_int_equal(find(d, "a.example", HF_TYPE_A, 0)->seq, seq);
	write_answer(d, "a.example", HF_TYPE_A, 0, 20, 1);
	d->copy.stored = 2000;
	assert_true(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 6));
	assert_int_equal(find(d, "a.example", HF_TYPE_A, 0)->seq, seq + 2);
	assert_int_equal(find(d, "a.example", HF_TYPE_A, 0)->body_len, 20);
	assert_int_equal(hf_xdp_entries(&d->table, PLAN), 1);
}

static void withdraw(struct desk *d, const char *name, uint16_t type, uint8_t flags)
{
	write_answer(d, name, type, flags, 16, 1);
	hf_xdp_withdraw(&d->table, &d->key);
}

static void withdrawing_a_name_ends_all_its_types_and_flags_and_no_other_name(void **state)
{
	struct desk *d = *state;
	publish(d, "a.example", HF_TYPE_A, 0, 0);
	publish(d, "a.example", HF_TYPE_A, HF_CACHE_CD, 0);
	publish(d, "a.example", HF_TYPE_AAAA, HF_CACHE_DO, 0);
	publish(d, "b.example", HF_TYPE_A, 0, 0);
	struct hf_xdp_entry *e = find(d, "a.example", HF_TYPE_A, 0);
	uint64_t seq = e->seq;
	withdraw(d, "a.example", 0, HF_CACHE_NAME);
	assert_null(find(d, "a.example", HF_TYPE_A, 0));
	assert_null(find(d, "a.example", HF_TYPE_A, HF_CACHE_CD));
	assert_null(find(d, "a.example", HF_TYPE_AAAA, HF_CACHE_DO));
	assert_non_null(find(d, "b.example", HF_TYPE_A, 0));
	/* Who was reading it finds out. */
	assert_int_equal(e->seq, seq + 2);
}

static void withdrawing_a_question_leaves_its_names_others_but_for_denials_of_the_name(void **state)
{
	struct desk *d = *state;
	publish(d, "a.example", HF_TYPE_A, 0, 0);
	publish(d, "a.example", HF_TYPE_A, HF_CACHE_DO, 0);
	publish(d, "a.example", HF_TYPE_MX, 0, 0);
	write_answer(d, "a.example", HF_TYPE_TXT, 0, 16, 1);
	d->copy.rcode = HF_RCODE_NXDOMAIN;
	assert_true(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 0));
	struct hf_xdp_entry *e = find(d, "a.example", HF_TYPE_A, HF_CACHE_DO);
	uint64_t seq = e->seq;
	withdraw(d, "a.example", HF_TYPE_A, HF_CACHE_DO);
	assert_null(find(d, "a.example", HF_TYPE_A, HF_CACHE_DO));
	assert_int_equal(e->seq, seq + 2);
	assert_null(find(d, "a.example", HF_TYPE_TXT, 0));
	assert_non_null(find(d, "a.example", HF_TYPE_A, 0));
	assert_non_null(find(d, "a.example", HF_TYPE_MX, 0));
}

static bool is_short(const void *of, const struct hf_name *name, bool aliased)
{
	assert_false(aliased);
	return name->len < *(const size_t *)of;
}

static void a_sweep_withdraws_the_names_that_it_is_told_of_and_no_others(void **state)
{
	struct desk *d = *state;
	const size_t len = 12;
	publish(d, "a.example", HF_TYPE_A, 0, 0);
	publish(d, "a.example", HF_TYPE_AAAA, HF_CACHE_DO, 0);
	publish(d, "www.shop.example", HF_TYPE_A, 0, 0);
	hf_xdp_sweep(&d->table, is_short, &len);
	assert_null(find(d, "a.example", HF_TYPE_A, 0));
	assert_null(find(d, "a.example", HF_TYPE_AAAA, HF_CACHE_DO));
	assert_non_null(find(d, "www.shop.example", HF_TYPE_A, 0));
	assert_true(publish(d, "a.example", HF_TYPE_A, 0, 1));
}

static bool is_aliased(const void *of, const struct hf_name *name, bool aliased)
{
	(void)of;
	(void)name;
	return aliased;
}

static void a_sweep_is_told_which_answers_hold_an_alias(void **state)
{
	struct desk *d = *state;
	static const uint8_t alias[] = {
		0xc0, 12, 0, HF_TYPE_CNAME, 0, HF_CLASS_IN, 0, 0, 0, 60, 0, 4, 2, 'd', 'b', 0};
	publish(d, "a.example", HF_TYPE_A, 0, 0);
	write_answer(d, "b.example", HF_TYPE_A, 0, sizeof alias, 1);
	memcpy(d->wire + HF_HEADER_LEN, d->question.name.bytes, d->question.name.len);
	memcpy(d->wire + d->copy.kept.len - sizeof alias, alias, sizeof alias);
	d->copy.kept.answer_end = d->copy.kept.len;
	assert_true(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 0));
	hf_xdp_sweep(&d->table, is_aliased, NULL);
	assert_non_null(find(d, "a.example", HF_TYPE_A, 0));
	assert_null(find(d, "b.example", HF_TYPE_A, 0));
}

static void answers_of_another_plan_do_not_count_and_give_way(void **state)
{
	struct desk *d = *state;
	publish(d, "a.example", HF_TYPE_A, 0, 0);
	assert_int_equal(hf_xdp_entries(&d->table, PLAN), 1);
	assert_int_equal(hf_xdp_entries(&d->table, PLAN + 1), 0);
	assert_true(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN + 1, 0));
	assert_int_equal(hf_xdp_entries(&d->table, PLAN + 1), 1);
	assert_int_equal(hf_xdp_entries(&d->table, PLAN), 0);
}

static void what_does_not_fit_is_not_published(void **state)
{
	struct desk *d = *state;
	static const char long_name[] =
		"a23456789012345678901234567890.b23456789012345678901234567890.example";
	assert_false(publish(d, long_name, HF_TYPE_A, 0, 0));
	assert_false(publish(d, "a.example", HF_TYPE_ANY, 0, 0));
	write_answer(d, "a.example", HF_TYPE_A, 0, HF_XDP_BODY + 1, 1);
	assert_false(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 0));
	write_answer(d, "a.example", HF_TYPE_A, 0, 200, HF_XDP_TTLS + 1);
	assert_false(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 0));
	write_answer(d, "a.example", HF_TYPE_A, 0, 16, 1);
	d->copy.rcode = HF_RCODE_SERVFAIL;
	assert_false(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 0));
	write_answer(d, "a.example", HF_TYPE_A, 0, HF_XDP_BODY, HF_XDP_TTLS);
	assert_true(hf_xdp_publish(&d->table, &d->key, &d->copy, PLAN, 0));
}

static uint32_t bucket_of(struct desk *d, const char *name)
{
	write_answer(d, name, HF_TYPE_A, 0, 16, 1);
	__u64 words[HF_XDP_NAME_WORDS] = {0};
	memcpy(words, d->question.name.bytes, d->question.name.len);
	return hf_xdp_bucket_of(hf_xdp_hash(words, d->question.name.len, &d->table.key));
}

static void a_full_bucket_keeps_good_answers_for_a_second_then_the_oldest_goes(void **state)
{
	struct desk *d = *state;
	char names[HF_XDP_WAYS + 1][24];
	uint32_t bucket = bucket_of(d, "n0.example");
	size_t found = 0;
	for (unsigned i = 0; found <= HF_XDP_WAYS; i++) {
		snprintf(names[found], sizeof names[0], "n%u.example", i);
		found += bucket_of(d, names[found]) == bucket;
	}
	for (unsigned i = 0; i < HF_XDP_WAYS; i++)
		assert_true(publish(d, names[i], HF_TYPE_A, 0, 100 + i));
	assert_false(publish(d, names[HF_XDP_WAYS], HF_TYPE_A, 0, HF_SECOND));
	assert_true(publish(d, names[HF_XDP_WAYS], HF_TYPE_A, 0, HF_SECOND + 100));
	assert_null(find(d, names[0], HF_TYPE_A, 0));
	for (unsigned i = 1; i <= HF_XDP_WAYS; i++)
		assert_non_null(find(d, names[i], HF_TYPE_A, 0));
}

static void a_way_that_somebody_writes_is_left_to_him(void **state)
{
	struct desk *d = *state;
	uint32_t bucket = bucket_of(d, "a.example");
	for (unsigned way = 0; way < HF_XDP_WAYS; way++)
		d->table.buckets[bucket].tags[way] = HF_XDP_CLAIMED;
	assert_false(publish(d, "a.example", HF_TYPE_A, 0, HF_SECOND * 9));
	hf_xdp_withdraw(&d->table, &d->key);
	assert_int_equal(d->table.buckets[bucket].tags[0], HF_XDP_CLAIMED);
}

struct busy {              /* one worker, with a name of its own in a bucket that all share */
	struct desk *desk; /* key and answer; the table is the first worker's */
	struct hf_xdp_table *table;
};

static void *be_busy(void *arg)
{
	struct busy *b = arg;
	for (int i = 0; i < 20000; i++) {
		b->desk->copy.stored = i;
		hf_xdp_publish(b->table, &b->desk->key, &b->desk->copy, PLAN, i * HF_SECOND);
		if (i % 3 == 0)
			hf_xdp_withdraw(b->table, &b->desk->key);
	}
	return NULL;
}

static void workers_that_share_a_bucket_leave_whole_entries_each_under_its_tag(void **state)
{
	enum { WORKERS = HF_XDP_WAYS + 3 };
	struct desk *d = *state, *desks = calloc(WORKERS, sizeof *desks);
	struct busy busy[WORKERS];
	pthread_t threads[WORKERS];
	uint32_t bucket = bucket_of(d, "n0.example");
	unsigned found = 0;
	for (unsigned i = 0; found < WORKERS; i++) {
		char name[24];
		snprintf(name, sizeof name, "n%u.example", i);
		if (bucket_of(d, name) != bucket)
			continue;
		write_answer(&desks[found], name, HF_TYPE_A, 0, 16, 1);
		busy[found] = (struct busy){&desks[found], &d->table};
		found++;
	}
	for (unsigned w = 0; w < WORKERS; w++)
		assert_int_equal(pthread_create(&threads[w], NULL, be_busy, &busy[w]), 0);
	for (unsigned w = 0; w < WORKERS; w++)
		pthread_join(threads[w], NULL);
	for (unsigned way = 0; way < HF_XDP_WAYS; way++) {
		const struct hf_xdp_entry *e = &d->table.entries[bucket * HF_XDP_WAYS + way];
		uint64_t tag = d->table.buckets[bucket].tags[way];
		assert_int_equal(e->seq % 2, 0);
		assert_true(tag != HF_XDP_CLAIMED);
		__u32 len = (__u32)hf_name_wire_len((const uint8_t *)e->name, HF_XDP_NAME);
		if (tag)
			assert_int_equal(tag,
				hf_xdp_tag(hf_xdp_hash(e->name, len, &d->table.key), HF_TYPE_A, 0));
	}
	free(desks);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(a_published_answer_lies_as_the_program_reads_it),
		TEST(publishing_again_changes_nothing_and_a_newer_answer_replaces),
		TEST(withdrawing_a_name_ends_all_its_types_and_flags_and_no_other_name),
		TEST(withdrawing_a_question_leaves_its_names_others_but_for_denials_of_the_name),
		TEST(a_sweep_withdraws_the_names_that_it_is_told_of_and_no_others),
		TEST(a_sweep_is_told_which_answers_hold_an_alias),
		TEST(answers_of_another_plan_do_not_count_and_give_way),
		TEST(what_does_not_fit_is_not_published),
		TEST(a_full_bucket_keeps_good_answers_for_a_second_then_the_oldest_goes),
		TEST(a_way_that_somebody_writes_is_left_to_him),
		TEST(workers_that_share_a_bucket_leave_whole_entries_each_under_its_tag),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
