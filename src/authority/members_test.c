/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/members.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "zone/sample_zone.h"

#define HEAD "@ SOA invalid. invalid. 1 60 60 600 30\n@ NS invalid.\nversion TXT 2\n"

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

struct world { /* two catalogs and a zone of the configuration */
	struct hf_zone_conf confs[3];
	struct hf_zones_conf zones;
	struct hf_zone_rules *rules;
	struct hf_zone *versions[2];
	struct hf_zone_group_conf groups[2]; /* of the first */
	struct hf_members now;
	char passed[200];
};

static int begin(void **state)
{
	static const char *const names[] = {"one", "two", "own.example"};
	struct world *w = calloc(1, sizeof *w);
	for (size_t i = 0; i < 3; i++)
		w->confs[i] = (struct hf_zone_conf){.name = name_of(names[i]),
			.catalog = i < 2,
			.catalog_limit = 10,
			.max_shrink = 7};
	for (size_t i = 0; i < 2; i++)
		w->groups[i] = (struct hf_zone_group_conf){
			.zone = {.name = name_of("one"), .max_shrink = 8 + (uint32_t)i},
			.group = i ? "slow" : "fast",
			.key = 10 + i};
	w->zones = (struct hf_zones_conf){
		.zones = w->confs, .zone_count = 3, .groups = w->groups, .group_count = 2};
	assert_int_equal(hf_zone_rules_of_names(&w->zones, &w->rules), 0);
	*state = w;
	return 0;
}

static int end(void **state)
{
	struct world *w = *state;
	hf_members_clear(&w->now);
	hf_zone_rules_free(w->rules);
	hf_zone_unref(w->versions[0]);
	hf_zone_unref(w->versions[1]);
	free(w);
	return 0;
}

static const struct hf_zone *version(void *ctx, const struct hf_zone_conf *catalog)
{
	const struct world *w = ctx;
	return w->versions[catalog - w->confs];
}

static void pass_over(void *ctx, const struct hf_zone_conf *catalog, const struct hf_name *member,
	const char *why)
{
	struct world *w = ctx;
	char a[HF_NAME_TEXT_MAX], b[HF_NAME_TEXT_MAX];
	snprintf(w->passed, sizeof w->passed, "%.20s: %.40s %s",
		hf_name_text(catalog->name.bytes, a), hf_name_text(member->bytes, b), why);
}

static void say(struct world *w, size_t catalog, const char *text)
{
	hf_zone_unref(w->versions[catalog]);
	w->versions[catalog] = text ? hf_sample_zone(catalog ? "two" : "one", text) : NULL;
}

/* "NAME of CATALOG under LABEL", each on a line. */
static const char *wanted(struct world *w)
{
	static char text[1000];
	char a[HF_NAME_TEXT_MAX], b[HF_NAME_TEXT_MAX];
	const struct hf_members_view view = {&w->zones, w->rules, version, pass_over, w};
	struct hf_members next;
	w->passed[0] = text[0] = 0;
	assert_int_equal(hf_members_wanted(&view, &w->now, &next), 0);
	hf_members_clear(&w->now);
	w->now = next;
	for (size_t i = 0, len = 0; i < next.count; i++) {
		const struct hf_member *m = next.items[i];
		assert_int_equal(
			m->conf.max_shrink, m->conf.group ? 8 + (m->conf.group - w->groups) : 7);
		assert_false(m->conf.catalog);
		len += (size_t)snprintf(text + len, sizeof text - len,
			"%.40s of %.20s under %.*s\n", hf_name_text(m->conf.name.bytes, a),
			hf_name_text(m->conf.from->name.bytes, b), *m->label, m->label + 1);
	}
	return text;
}

static void members_take_their_catalog_s_settings(void **state)
{
	struct world *w = *state;
	say(w, 0, HEAD "x.zones PTR a.example.\n");
	say(w, 1, HEAD "y.zones PTR bb.example.\n");
	assert_string_equal(wanted(w), "a.example of one under x\nbb.example of two under y\n");
	assert_string_equal(w->passed, "");
}

static const struct hf_member *member(struct world *w, const char *name)
{
	const struct hf_name which = name_of(name);
	return hf_members_find(&w->now, &which);
}

static void members_of_a_known_group_take_its_settings_and_others_are_strays(void **state)
{
	struct world *w = *state;
	say(w, 0,
		HEAD "x.zones PTR a.example.\ngroup.x.zones TXT slow\n"
		     "y.zones PTR bb.example.\ngroup.y.zones TXT other\n"
		     "z.zones PTR ccc.example.\n");
	say(w, 1, HEAD "y.zones PTR dddd.example.\ngroup.y.zones TXT slow\n");
	wanted(w);
	assert_ptr_equal(member(w, "a.example")->conf.group, &w->groups[1]);
	assert_null(member(w, "bb.example")->conf.group);
	assert_true(hf_member_is_stray(member(w, "bb.example"), &w->zones));
	assert_false(hf_member_is_stray(member(w, "a.example"), &w->zones));
	assert_false(hf_member_is_stray(member(w, "ccc.example"), &w->zones));
	/* Of another catalog, for which no groups are known, nobody expects any. */
	assert_null(member(w, "dddd.example")->conf.group);
	assert_false(hf_member_is_stray(member(w, "dddd.example"), &w->zones));
	assert_ptr_equal(member(w, "a.example")->conf.from, &w->confs[0]);
	say(w, 0, NULL); /* and they stay in it while the catalog cannot be read */
	wanted(w);
	assert_ptr_equal(member(w, "a.example")->conf.group, &w->groups[1]);
}

/* A group that is known of another catalog is like one that nobody knows. */
static void each_catalog_has_groups_of_its_own(void **state)
{
	static const char text[] = HEAD "%s.zones PTR %s.example.\n"
					"group.%s.zones TXT fast\ngroup.%s.zones TXT slow\n"
					"s.zones PTR %s%s.example.\ngroup.s.zones TXT other\n";
	struct world *w = *state;
	char said[2][400];
	w->groups[1].zone.name = name_of("two");
	for (size_t i = 0; i < 2; i++) {
		const char *x = i ? "bb" : "a";
		snprintf(said[i], sizeof said[i], text, x, x, x, x, x, x);
		say(w, i, said[i]);
	}
	wanted(w);
	assert_ptr_equal(member(w, "a.example")->conf.group, &w->groups[0]);
	assert_string_equal(member(w, "a.example")->group, "fast");
	assert_ptr_equal(member(w, "bb.example")->conf.group, &w->groups[1]);
	assert_string_equal(member(w, "bb.example")->group, "slow");
	assert_true(hf_member_is_stray(member(w, "aa.example"), &w->zones));
	assert_true(hf_member_is_stray(member(w, "bbbb.example"), &w->zones));
	say(w, 1, HEAD "y.zones PTR bb.example.\ngroup.y.zones TXT fast\n");
	wanted(w);
	assert_null(member(w, "bb.example")->conf.group);
	assert_true(hf_member_is_stray(member(w, "bb.example"), &w->zones));
}

static void zones_of_the_configuration_and_catalogs_are_passed_over(void **state)
{
	struct world *w = *state;
	say(w, 0, HEAD "x.zones PTR own.example.\n");
	assert_string_equal(wanted(w), "");
	assert_string_equal(w->passed, "one: own.example is a zone of the configuration");
	say(w, 0, HEAD "x.zones PTR one.\n");
	assert_string_equal(wanted(w), "");
	assert_string_equal(w->passed, "one: one is a zone of the configuration");
}

static void a_member_stays_where_it_was_until_it_is_handed_on(void **state)
{
	struct world *w = *state;
	say(w, 1, HEAD "y.zones PTR a.example.\n");
	assert_string_equal(wanted(w), "a.example of two under y\n");
	say(w, 0, HEAD "x.zones PTR a.example.\n");
	assert_string_equal(wanted(w), "a.example of two under y\n");
	assert_string_equal(w->passed, "one: a.example is another catalog's");
	say(w, 1, HEAD "y.zones PTR a.example.\ncoo.y.zones PTR one.\n");
	assert_string_equal(wanted(w), "a.example of one under x\n");
	assert_string_equal(w->passed, "");
}

static void a_catalog_that_cannot_be_read_keeps_the_members_that_it_had(void **state)
{
	struct world *w = *state;
	say(w, 0, HEAD "x.zones PTR a.example.\n");
	assert_string_equal(wanted(w), "a.example of one under x\n");
	say(w, 0, NULL);
	assert_string_equal(wanted(w), "a.example of one under x\n");
	say(w, 0, "@ SOA a. b. 1 1 1 1 1\n@ NS a.\n");
	assert_string_equal(wanted(w), "a.example of one under x\n");
	say(w, 0, HEAD);
	assert_string_equal(wanted(w), "");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
	const struct CMUnitTest tests[] = {
		TEST(members_take_their_catalog_s_settings),
		TEST(members_of_a_known_group_take_its_settings_and_others_are_strays),
		TEST(each_catalog_has_groups_of_its_own),
		TEST(zones_of_the_configuration_and_catalogs_are_passed_over),
		TEST(a_member_stays_where_it_was_until_it_is_handed_on),
		TEST(a_catalog_that_cannot_be_read_keeps_the_members_that_it_had),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
