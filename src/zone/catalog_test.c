/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/catalog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/error.h"
#include "zone/sample_zone.h"

#define APEX "@ SOA invalid. invalid. 1 60 60 600 30\n@ NS invalid.\n"
#define HEAD APEX "version TXT 2\n"

static char why[HF_CATALOG_WHY_MAX];

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static int read(const char *text, size_t most, struct hf_catalog *ret)
{
	struct hf_zone *zone = hf_sample_zone("cat", text);
	why[0] = 0;
	static const char *const known[] = {"swift", "slow"};
	const struct hf_catalog_bounds bounds = {.most = most, .groups = {known, 2}};
	int rc = hf_catalog_read(zone, &bounds, why, ret);
	assert_true(!rc == !why[0]);
	hf_zone_unref(zone);
	return rc;
}

static void members_have_a_unique_label_and_may_have_a_group_and_an_heir(void **state)
{
	struct hf_catalog catalog;
	(void)state;
	assert_int_equal(
		read(HEAD "id1.zones PTR B.example.\ngroup.ID1.zones TXT fast\n"
			  "coo.id1.zones PTR Other.\nunknown.id1.zones TXT swift\n"
			  "group.id1.zones A 192.0.2.1\n"
			  "id2.zones PTR a.example.\ngroup.lost.zones TXT x\next.foo TXT x\n"
			  "a.group.id2.zones TXT y\n",
			10, &catalog),
		0);
	assert_int_equal(catalog.count, 2);
	const struct hf_name a = name_of("a.example"), b = name_of("b.example");
	const struct hf_name other = name_of("other"), no = name_of("c");
	const struct hf_catalog_member *member = hf_catalog_find(&catalog, &b);
	assert_non_null(member);
	assert_memory_equal(member->label, "\3id1", 4);
	assert_string_equal(member->group, "fast");
	assert_int_equal(hf_catalog_compare(&member->coo, &other), 0);
	member = hf_catalog_find(&catalog, &a);
	assert_non_null(member);
	assert_string_equal(member->group, "");
	assert_int_equal(member->coo.len, 0);
	assert_null(hf_catalog_find(&catalog, &no));
	hf_catalog_clear(&catalog);
	assert_int_equal(read(HEAD, 10, &catalog), 0);
	assert_int_equal(catalog.count, 0);
	hf_catalog_clear(&catalog);
}

static const char *group_of(const char *records)
{
	static char group[HF_CATALOG_GROUP_MAX];
	char text[1000];
	struct hf_catalog catalog;
	snprintf(text, sizeof text, HEAD "x.zones PTR a.example.\n%s", records);
	assert_int_equal(read(text, 10, &catalog), 0);
	memcpy(group, catalog.members->group, sizeof group);
	hf_catalog_clear(&catalog);
	return group;
}

static void of_several_groups_the_first_that_we_know_counts(void **state)
{
	(void)state;
	assert_string_equal(group_of(""), "");
	assert_string_equal(group_of("group.x.zones TXT other\ngroup.x.zones TXT slow\n"
				     "group.x.zones TXT zeal\n"),
		"slow");
	assert_string_equal(group_of("group.x.zones TXT slow\ngroup.x.zones TXT swift\n"), "swift");
	assert_string_equal(group_of("group.x.zones TXT other\n"), "other");
	assert_string_equal(group_of("group.x.zones TXT SWIFT\ngroup.x.zones TXT slow\n"), "slow");
}

/* "Entire RDATA": what is only like a group that we know is another one. */
static void a_group_that_is_only_like_one_that_we_know_is_another(void **state)
{
	static const char *const others[] = {"Slow", "slow slow", "\"slow \"", "slow \"\"", "\"\"",
		"\"slow\\000\"", "\"slow\\127\"", "\"slow\\200\"",
		/* The length of the second string would be a '!' between them. */
		"slow 012345678901234567890123456789012",
		"slowslowslowslowslowslowslowslowslowslowslowslowslowslowslowslowslow"};
	char line[200];
	(void)state;
	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
		snprintf(line, sizeof line, "group.x.zones TXT %s\n", others[i]);
		assert_string_not_equal(group_of(line), "slow");
		assert_true(strchr(group_of(line), '?') || i == 0);
	}
}

static void a_broken_catalog_is_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
		{APEX "a.zones PTR a.example.\n", "there is no version record"},
		{APEX "version TXT 1\n", "its version is not 2"},
		{APEX "version TXT 2 2\n", "its version is not 2"},
		{APEX "version TXT 2\nversion TXT 3\n", "more than one version record"},
		{HEAD "a.zones PTR a.example.\na.zones PTR b.example.\n",
			"a.zones.cat has more than one PTR record"},
		{HEAD "a.zones PTR a.example.\nb.zones PTR A.example.\n",
			"a.example is a member twice"},
		{HEAD "a.zones PTR a.example.\ncoo.a.zones PTR b.\ncoo.a.zones PTR c.\n",
			"coo.a.zones.cat has more than one PTR record"},
		{HEAD "a.zones PTR a.\nb.zones PTR b.\nc.zones PTR c.\n",
			"it has more members than catalog-limit"},
	};
	struct hf_catalog catalog;
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(rows); i++) {
		assert_int_equal(read(rows[i].text, 2, &catalog), HF_EMALFORMED);
		assert_non_null(strstr(why, rows[i].why));
	}
}

static void a_member_of_several_catalogs_stays_where_it_was_until_it_is_handed_on(void **state)
{
	const struct hf_name names[] = {name_of("one"), name_of("two"), name_of("three")};
	struct hf_catalog_member in_one = {.label = "\1a"}, in_two = {.label = "\1b"};
	const struct hf_catalog_claim claims[] = {{&in_two, 1}, {&in_one, 0}};
	(void)state;
	assert_int_equal(hf_catalog_settle(claims, 2, 1, names), 0);        /* it was two's */
	assert_int_equal(hf_catalog_settle(claims, 2, 0, names), 1);        /* it was one's */
	assert_int_equal(hf_catalog_settle(claims, 2, SIZE_MAX, names), 1); /* nobody's: one's */
	in_one.coo = names[1];
	assert_int_equal(hf_catalog_settle(claims, 2, 0, names), 0); /* one hands it to two */
	assert_int_equal(hf_catalog_settle(claims, 2, 1, names), 0); /* ... and it stays there */
	in_one.coo = names[2];
	assert_int_equal(hf_catalog_settle(claims, 2, 0, names), 1); /* three does not have it */
	in_one.coo = (struct hf_name){0};
	in_two.coo = names[0];
	assert_int_equal(hf_catalog_settle(claims, 2, 1, names), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(members_have_a_unique_label_and_may_have_a_group_and_an_heir),
		cmocka_unit_test(of_several_groups_the_first_that_we_know_counts),
		cmocka_unit_test(a_group_that_is_only_like_one_that_we_know_is_another),
		cmocka_unit_test(a_broken_catalog_is_refused_with_a_reason),
		cmocka_unit_test(
			a_member_of_several_catalogs_stays_where_it_was_until_it_is_handed_on),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
