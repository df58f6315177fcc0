/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/local.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "wire/message.h"
#include "zone/answer.h"
#include "zone/rules.h"
#include "zone/zones.h"

static char told[2000];

static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	(void)ctx;
	size_t len = strlen(told);
	snprintf(told + len, sizeof told - len, "%s:%u: %s\n", path, line, why);
}

static const struct hf_local_teller teller = {fault, fault, NULL};
static const struct hf_local_rules none;

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* Of zone text and the text of a hosts file; each may be NULL. NULL: it cannot be made. */
static struct hf_local *make(
	const struct hf_local_rules *rules, const char *text, const char *hosts, bool loopback)
{
	const struct hf_local_conf conf = {
		.hosts_ttl = 60 * HF_SECOND, .hosts_limit = 1000, .hosts_loopback = loopback};
	struct hf_local_build *build;
	struct hf_local *local = NULL;
	told[0] = 0;
	assert_int_equal(hf_local_build_new(rules, &teller, &build), 0);
	if (text)
		assert_int_equal(hf_local_read_text(build, "text", text, strlen(text)), 0);
	if (hosts)
		assert_int_equal(
			hf_local_read_hosts(build, &conf, "hosts", hosts, strlen(hosts)), 0);
	int rc = hf_local_build_finish(build, &local);
	assert_true(rc == 0 || (rc == HF_EMALFORMED && told[0]));
	return local;
}

/* ---- what is said ---- */

static uint8_t wire[HF_MESSAGE_MAX];
static uint16_t ttl_at[HF_RECORDS_MAX];

/* "RCODE ANSWERS TYPE-OF-THE-FIRST-AUTHORITY", or "-> NAME" where it leads out. */
static const char *said(const struct hf_local *local, const char *name, uint16_t type)
{
	static char text[HF_NAME_TEXT_MAX + 8];
	const struct hf_question question = {name_of(name), type, HF_CLASS_IN};
	const struct hf_zone_ask ask = {.question = &question};
	struct hf_kept kept = {.wire = wire, .ttl_at = ttl_at};
	struct hf_name target;
	char out[HF_NAME_TEXT_MAX];
	if (hf_zone_answer(hf_local_zone(local), &ask, &kept, &target) == HF_ZONE_LED_OUT) {
		snprintf(text, sizeof text, "%u -> %s", wire[7], hf_name_text(target.bytes, out));
		return text;
	}
	assert_true(wire[2] & (HF_FLAG_AA >> 8));
	snprintf(text, sizeof text, "%u %u %u", wire[3] & 15, wire[7], wire[9]);
	return text;
}

static void a_name_with_local_data_answers_from_it_alone_and_others_are_not_touched(void **state)
{
	struct hf_local *local = make(&none,
		"db.corp.example. 300 A 10.0.0.5\ndb.corp.example. A 10.0.0.6\n"
		"deep.below.example. TXT x\n",
		NULL, false);
	(void)state;
	assert_string_equal(said(local, "db.corp.example", HF_TYPE_A), "0 2 0");
	assert_string_equal(said(local, "db.corp.example", HF_TYPE_AAAA), "0 0 1");
	const struct hf_name held = name_of("db.corp.example"),
			     below = name_of("x.db.corp.example"), above = name_of("corp.example"),
			     empty = name_of("below.example");
	assert_true(hf_zone_holds(hf_local_zone(local), &held));
	assert_false(hf_zone_holds(hf_local_zone(local), &below));
	assert_false(hf_zone_holds(hf_local_zone(local), &above));
	assert_false(hf_zone_holds(hf_local_zone(local), &empty));
	assert_string_equal(said(local, "other.example", HF_TYPE_A), "0 -> other.example");
	hf_local_unref(local);
}

static void a_denial_speaks_of_its_own_name_alone(void **state)
{
	struct hf_local *local = make(&none, "db.corp.example. A 10.0.0.5\n", NULL, false);
	size_t at = HF_HEADER_LEN;
	struct hf_record record;
	struct hf_name owner;
	size_t next;
	(void)state;
	assert_string_equal(said(local, "db.corp.example", HF_TYPE_TXT), "0 0 1");
	assert_int_equal(hf_name_skip(wire, sizeof wire, at, &at), 0);
	assert_int_equal(hf_record_read(wire, sizeof wire, at + 4, &record), 0);
	assert_int_equal(hf_name_read(wire, sizeof wire, at + 4, &owner, &next), 0);
	const struct hf_name own = name_of("db.corp.example");
	assert_int_equal(record.type, HF_TYPE_SOA);
	assert_true(hf_name_equal(owner.bytes, own.bytes, own.len));
	hf_local_unref(local);
}

static void aliases_are_followed_within_and_lead_out(void **state)
{
	struct hf_local *local = make(&none,
		"a.example. CNAME b.example.\nb.example. CNAME db.example.\ndb.example. A "
		"10.0.0.5\n"
		"out.example. CNAME elsewhere.example.\nself.example. CNAME self.example.\n",
		NULL, false);
	(void)state;
	assert_string_equal(said(local, "a.example", HF_TYPE_A), "0 3 0");
	assert_string_equal(said(local, "a.example", HF_TYPE_CNAME), "0 1 0");
	assert_string_equal(said(local, "out.example", HF_TYPE_A), "1 -> elsewhere.example");
	assert_string_equal(said(local, "self.example", HF_TYPE_A), "0 1 0");
	hf_local_unref(local);
}

static void a_wildcard_answers_for_what_is_not_there_below_its_name(void **state)
{
	struct hf_local *local =
		make(&none, "*.corp.example. A 10.0.0.5\ndb.corp.example. TXT x\n", NULL, false);
	(void)state;
	assert_string_equal(said(local, "any.corp.example", HF_TYPE_A), "0 1 0");
	assert_string_equal(said(local, "a.b.corp.example", HF_TYPE_A), "0 1 0");
	assert_string_equal(said(local, "db.corp.example", HF_TYPE_A), "0 0 1");
	assert_string_equal(said(local, "x.db.corp.example", HF_TYPE_A), "0 -> x.db.corp.example");
	assert_string_equal(said(local, "corp.example", HF_TYPE_A), "0 -> corp.example");
	hf_local_unref(local);
}

/* ---- what is refused ---- */

static void what_speaks_of_more_than_a_name_is_refused_with_its_line(void **state)
{
	(void)state;
	struct hf_local *local = make(&none,
		". A 10.0.0.5\na.example. NS ns.example.\n*. A 10.0.0.5\nb.example. DNAME "
		"c.example.\n"
		"good.example. A 10.0.0.5\n$INCLUDE /etc/passwd\n",
		NULL, false);
	assert_non_null(local);
	assert_non_null(strstr(told, "text:1: local data for the root"));
	assert_non_null(strstr(told, "text:2: a record of this type speaks of more than its name"));
	assert_non_null(strstr(told, "text:3: local data for the root, or for all names"));
	assert_non_null(strstr(told, "text:4: a record of this type"));
	assert_non_null(strstr(told, "text:6: $INCLUDE is not read here"));
	assert_string_equal(said(local, "good.example", HF_TYPE_A), "0 1 0");
	hf_local_unref(local);
}

static void an_alias_beside_other_data_is_refused_with_its_line(void **state)
{
	(void)state;
	assert_null(make(&none,
		"x.example. TXT y\na.example. CNAME b.example.\na.example. A 10.0.0.5\n", NULL,
		false));
	assert_non_null(strstr(told, "text:3: a.example has a CNAME and other records"));
}

static void a_retired_address_is_refused_with_name_and_line(void **state)
{
	struct hf_prefix prefix;
	struct hf_tombstones *tombstones;
	(void)state;
	assert_int_equal(hf_prefix_parse("10.0.3.0/24", &prefix), 0);
	assert_int_equal(hf_tombstones_new(&prefix, 1, &tombstones), 0);
	const struct hf_local_rules rules = {.tombstones = tombstones};
	struct hf_local *local = make(&rules, "x.example. A 10.0.4.1\ndb.example. A 10.0.3.17\n",
		"10.0.4.2 c\n10.0.3.9 d.example\n", false);
	assert_non_null(strstr(told, "text:2: db.example has the address 10.0.3.17"));
	assert_non_null(strstr(told, "hosts:2: d.example has the address 10.0.3.9"));
	assert_string_equal(said(local, "db.example", HF_TYPE_A), "0 -> db.example");
	assert_string_equal(
		said(local, "9.3.0.10.in-addr.arpa", HF_TYPE_PTR), "0 -> 9.3.0.10.in-addr.arpa");
	hf_local_unref(local);
	hf_tombstones_free(tombstones);
}

static void what_lies_in_a_zone_of_ours_is_refused_and_hosts_files_are_passed_over(void **state)
{
	const struct hf_zone_conf zone = {.name = name_of("corp.example")};
	const struct hf_zones_conf zones = {.zones = &zone, .zone_count = 1};
	struct hf_zone_rules *covered;
	(void)state;
	assert_int_equal(hf_zone_rules_of_names(&zones, &covered), 0);
	const struct hf_local_rules rules = {.zones = covered};
	struct hf_local *local = make(&rules, "x.example. TXT x\ndb.corp.example. A 10.0.0.5\n",
		"10.0.0.6 db.corp.example db\n", false);
	assert_string_equal(told, "text:2: db.corp.example lies in the zone corp.example, which is "
				  "served from here and answers for it\n");
	assert_string_equal(said(local, "db.corp.example", HF_TYPE_A), "0 -> db.corp.example");
	assert_string_equal(said(local, "db", HF_TYPE_A), "0 1 0");
	hf_local_unref(local);
	hf_zone_rules_free(covered);
}

/* ---- hosts ---- */

static void hosts_have_addresses_and_the_first_line_of_one_its_name(void **state)
{
	struct hf_local *local = make(&none, NULL,
		"10.0.0.5 db.example db\n10.0.0.6 db.example\n10.0.0.5 other.example\n"
		"2001:db8::5 db.example\n127.0.1.1 me.example\n::1 localhost\n",
		false);
	(void)state;
	assert_string_equal(told, "");
	assert_string_equal(said(local, "db.example", HF_TYPE_A), "0 2 0");
	assert_string_equal(said(local, "db.example", HF_TYPE_AAAA), "0 1 0");
	assert_string_equal(said(local, "db", HF_TYPE_AAAA), "0 0 1");
	assert_string_equal(said(local, "5.0.0.10.in-addr.arpa", HF_TYPE_PTR), "0 1 0");
	assert_string_equal(said(local,
				    "5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0."
				    "0.2.ip6.arpa",
				    HF_TYPE_PTR),
		"0 1 0");
	assert_string_equal(said(local, "me.example", HF_TYPE_A), "0 -> me.example");
	hf_local_unref(local);
	local = make(&none, NULL, "127.0.1.1 me.example\n", true);
	assert_string_equal(said(local, "me.example", HF_TYPE_A), "0 1 0");
	hf_local_unref(local);
}

static void each_name_knows_the_source_and_the_line_that_it_came_from(void **state)
{
	char where[HF_LOCAL_WHERE_MAX];
	struct hf_local *local =
		make(&none, "\na.example. A 10.0.0.5\n", "10.0.0.6 x\n10.0.0.7 b.example\n", false);
	const struct hf_name a = name_of("a.example"), b = name_of("b.example"),
			     c = name_of("c.example"), ptr = name_of("7.0.0.10.in-addr.arpa");
	(void)state;
	assert_true(hf_local_where(local, &a, where));
	assert_string_equal(where, "text, line 2");
	assert_true(hf_local_where(local, &b, where));
	assert_string_equal(where, "hosts, line 2");
	assert_true(hf_local_where(local, &ptr, where));
	assert_string_equal(where, "hosts, line 2");
	assert_false(hf_local_where(local, &c, where));
	hf_local_unref(local);
}

/* ---- among zones ---- */

static void zones_go_before_records_and_records_before_hosts(void **state)
{
	struct hf_local *records =
		make(&none, "a.example. A 10.0.0.5\nin.corp.example. A 10.0.0.5\n", NULL, false);
	struct hf_local *hosts = make(&none, NULL, "10.0.0.6 a.example b.example\n", false);
	struct hf_local *const layers[] = {records, hosts};
	const struct hf_zones_entry zone = {
		.origin = name_of("corp.example"), .standing = HF_ZONE_WITHHELD};
	struct hf_zones *zones;
	(void)state;
	assert_int_equal(hf_zones_new_layered(&zone, 1, layers, &zones), 0);
	const struct hf_name a = name_of("a.example"), b = name_of("b.example"),
			     in = name_of("in.corp.example"), no = name_of("no.example");
	assert_ptr_equal(hf_zones_find(zones, &a, HF_TYPE_A)->local, records);
	assert_ptr_equal(hf_zones_find(zones, &b, HF_TYPE_A)->local, hosts);
	assert_null(hf_zones_find(zones, &in, HF_TYPE_A)->local);
	assert_null(hf_zones_find(zones, &no, HF_TYPE_A));
	assert_true(hf_zones_is_local(zones, &b));
	assert_false(hf_zones_is_local(zones, &in));
	hf_local_unref(records);
	hf_local_unref(hosts);
	hf_zones_unref(zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_name_with_local_data_answers_from_it_alone_and_others_are_not_touched),
		cmocka_unit_test(a_denial_speaks_of_its_own_name_alone),
		cmocka_unit_test(aliases_are_followed_within_and_lead_out),
		cmocka_unit_test(a_wildcard_answers_for_what_is_not_there_below_its_name),
		cmocka_unit_test(what_speaks_of_more_than_a_name_is_refused_with_its_line),
		cmocka_unit_test(an_alias_beside_other_data_is_refused_with_its_line),
		cmocka_unit_test(a_retired_address_is_refused_with_name_and_line),
		cmocka_unit_test(
			what_lies_in_a_zone_of_ours_is_refused_and_hosts_files_are_passed_over),
		cmocka_unit_test(hosts_have_addresses_and_the_first_line_of_one_its_name),
		cmocka_unit_test(each_name_knows_the_source_and_the_line_that_it_came_from),
		cmocka_unit_test(zones_go_before_records_and_records_before_hosts),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
