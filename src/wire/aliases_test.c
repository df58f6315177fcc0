/* SPDX-License-Identifier: MIT */
#include "wire/aliases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "wire/sample.h"

#define WWW HF_RAW("\3www\4shop\4test\0")
#define MID HF_RAW("\3mid\4shop\4test\0")
#define DB HF_RAW("\2Db\4Corp\0")
#define ADDRESS HF_RAW("\12\0\0\143")

static struct hf_sample sample;

static struct hf_kept kept(void)
{
	return (struct hf_kept){.wire = sample.bytes,
		.len = (uint16_t)sample.w.len,
		.answer_end = (uint16_t)sample.w.len};
}

static void begin(void)
{
	hf_sample_begin(&sample, HF_FLAG_QR, WWW, HF_TYPE_A);
}

static void say(
	const uint8_t *owner, size_t owner_len, uint16_t type, const uint8_t *data, size_t len)
{
	hf_sample_record(&sample, HF_SAMPLE_ANSWER, owner, owner_len, type, 60, data, len);
}

/* Is it in corp.? Counts how often that is asked. */
static bool in_corp(void *ctx, const struct hf_name *name)
{
	++*(unsigned *)ctx;
	return hf_name_within(name->bytes, name->len, HF_RAW("\4corp\0"));
}

static bool leads(unsigned *ret_asked)
{
	const struct hf_kept k = kept();
	*ret_asked = 0;
	return hf_aliases_lead(&k, in_corp, ret_asked);
}

static struct hf_alias_path follow(void)
{
	const struct hf_kept k = kept();
	struct hf_alias_path path;
	unsigned asked = 0;
	hf_aliases_follow(&k, in_corp, &asked, &path);
	return path;
}

static struct hf_name name_of(const uint8_t *bytes, size_t len)
{
	struct hf_name name = {.len = (uint8_t)len};
	memcpy(name.bytes, bytes, len);
	hf_name_lower(name.bytes, len);
	return name;
}

static bool has(const struct hf_alias_path *path, const uint8_t *bytes, size_t len, uint16_t type)
{
	struct hf_name name = name_of(bytes, len);
	return hf_alias_path_has(path, &name, type);
}

static void an_answer_without_an_alias_leads_nowhere_and_nobody_is_asked(void **state)
{
	(void)state;
	unsigned asked;
	begin();
	say(HF_RAW("\xc0\x0c"), HF_TYPE_A, ADDRESS);
	const struct hf_kept k = kept();
	assert_false(leads(&asked));
	assert_int_equal(asked, 0);
	assert_false(hf_aliases_any(&k));
	struct hf_alias_path path = follow();
	assert_false(path.stopped);
	assert_int_equal(path.count, 1);
}

static void a_target_counts_whether_or_not_anything_is_said_of_it(void **state)
{
	(void)state;
	unsigned asked;
	begin();
	say(HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, DB);
	const struct hf_kept k = kept();
	assert_true(leads(&asked));
	assert_true(hf_aliases_any(&k));
	say(HF_RAW("\xc0\x0c"), HF_TYPE_RRSIG, HF_RAW("\0\5sig"));
	assert_true(leads(&asked));
	assert_true(follow().stopped);
}

static void each_name_of_a_chain_is_asked_about_once(void **state)
{
	(void)state;
	unsigned asked;
	begin();
	say(HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, MID);
	uint16_t mid = (uint16_t)(0xc000 | (sample.w.len - 15));
	const uint8_t to_mid[2] = {(uint8_t)(mid >> 8), (uint8_t)mid};
	say(to_mid, 2, HF_TYPE_A, ADDRESS);
	say(to_mid, 2, HF_TYPE_A, ADDRESS);
	assert_false(leads(&asked));
	assert_int_equal(asked, 1);
}

static void a_record_of_another_name_counts_without_an_alias_before_it(void **state)
{
	(void)state;
	unsigned asked;
	begin();
	say(DB, HF_TYPE_A, ADDRESS);
	say(HF_RAW("\xc0\x0c"), HF_TYPE_A, ADDRESS);
	assert_true(leads(&asked));
	assert_false(follow().stopped);
}

static void aliases_are_followed_in_whatever_order_they_stand(void **state)
{
	(void)state;
	begin();
	say(DB, HF_TYPE_A, ADDRESS);
	say(MID, HF_TYPE_CNAME, DB);
	say(HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, MID);
	struct hf_alias_path path = follow();
	assert_true(path.stopped);
	assert_int_equal(path.count, 2);
	struct hf_name db = name_of(DB);
	assert_int_equal(path.stop.len, db.len);
	assert_memory_equal(path.stop.bytes, db.bytes, db.len);
	assert_true(has(&path, WWW, HF_TYPE_CNAME));
	assert_true(has(&path, MID, HF_TYPE_CNAME));
	assert_false(has(&path, DB, HF_TYPE_A));
}

static void a_dname_leads_on_with_what_stands_before_it(void **state)
{
	(void)state;
	begin();
	say(HF_RAW("\4shop\4test\0"), HF_TYPE_DNAME, HF_RAW("\4corp\0"));
	unsigned asked;
	assert_true(leads(&asked));
	struct hf_alias_path path = follow();
	assert_true(path.stopped);
	assert_memory_equal(path.stop.bytes, "\3www\4corp\0", 10);
	assert_true(has(&path, HF_RAW("\4shop\4test\0"), HF_TYPE_DNAME));
	assert_false(has(&path, HF_RAW("\4shop\4test\0"), HF_TYPE_A));
}

static void the_questions_own_name_may_be_where_it_stops(void **state)
{
	(void)state;
	hf_sample_begin(&sample, HF_FLAG_QR, HF_RAW("\2db\4corp\0"), HF_TYPE_A);
	say(HF_RAW("\xc0\x0c"), HF_TYPE_A, ADDRESS);
	struct hf_alias_path path = follow();
	assert_true(path.stopped);
	assert_int_equal(path.count, 0);
}

static void circles_and_endless_chains_end(void **state)
{
	(void)state;
	begin();
	say(HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, MID);
	say(MID, HF_TYPE_CNAME, WWW);
	struct hf_alias_path path = follow();
	assert_false(path.stopped);
	assert_int_equal(path.count, 2);
	begin();
	uint8_t from[] = "\1a\4test", to[] = "\1a\4test";
	say(HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, from, sizeof from);
	for (unsigned i = 0; i < 40; i++) {
		from[1] = to[1];
		to[1]++;
		say(from, sizeof from, HF_TYPE_CNAME, to, sizeof to);
	}
	path = follow();
	assert_false(path.stopped);
	assert_int_equal(path.count, HF_ALIASES_MAX + 1);
}

static void what_is_damaged_ends_the_search(void **state)
{
	(void)state;
	unsigned asked;
	begin();
	say(HF_RAW("\xc0\x0c"), HF_TYPE_CNAME, DB);
	struct hf_kept k = kept();
	for (uint16_t len = 0; len < k.len; len++) { /* in memory of just its size */
		uint8_t *part = malloc(len + 1u);
		struct hf_alias_path path;
		memcpy(part, sample.bytes, len);
		k = (struct hf_kept){.wire = part, .len = len, .answer_end = (uint16_t)(len + 1)};
		assert_false(hf_aliases_lead(&k, in_corp, &asked));
		hf_aliases_follow(&k, in_corp, &asked, &path);
		assert_false(path.stopped);
		free(part);
		k = kept();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_answer_without_an_alias_leads_nowhere_and_nobody_is_asked),
		cmocka_unit_test(a_target_counts_whether_or_not_anything_is_said_of_it),
		cmocka_unit_test(each_name_of_a_chain_is_asked_about_once),
		cmocka_unit_test(a_record_of_another_name_counts_without_an_alias_before_it),
		cmocka_unit_test(aliases_are_followed_in_whatever_order_they_stand),
		cmocka_unit_test(a_dname_leads_on_with_what_stands_before_it),
		cmocka_unit_test(the_questions_own_name_may_be_where_it_stops),
		cmocka_unit_test(circles_and_endless_chains_end),
		cmocka_unit_test(what_is_damaged_ends_the_search),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
