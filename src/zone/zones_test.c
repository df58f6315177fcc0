/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/zones.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "wire/dns.h"
#include "zone/sample_zone.h"

static struct hf_zones *set_of(const char *const *origins, size_t count)
{
	struct hf_zones_entry *entries = calloc(count + 1, sizeof *entries);
	struct hf_zones *zones;
	assert_non_null(entries);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(
			hf_name_from_text(origins[i], strlen(origins[i]), &entries[i].origin), 0);
		entries[i].standing = HF_ZONE_WITHHELD;
	}
	assert_int_equal(hf_zones_new(entries, count, &zones), 0);
	free(entries);
	return zones;
}

static const char *found(const struct hf_zones *zones, const char *text, uint16_t type)
{
	static char origin[HF_NAME_TEXT_MAX];
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	const struct hf_zones_entry *entry = hf_zones_find(zones, &name, type);
	return entry ? hf_name_text(entry->origin.bytes, origin) : "none";
}

static void a_name_belongs_to_the_longest_zone_that_it_lies_in(void **state)
{
	static const char *const origins[] = {"example", "corp.example", "10.in-addr.arpa"};
	struct hf_zones *zones = set_of(origins, 3);
	(void)state;
	assert_string_equal(found(zones, "www.example", 1), "example");
	assert_string_equal(found(zones, "example", 1), "example");
	assert_string_equal(found(zones, "corp.example", 1), "corp.example");
	assert_string_equal(found(zones, "a.b.c.d.corp.example", 1), "corp.example");
	assert_string_equal(found(zones, "xcorp.example", 1), "example");
	assert_string_equal(found(zones, "1.2.10.in-addr.arpa", 12), "10.in-addr.arpa");
	assert_string_equal(found(zones, "11.in-addr.arpa", 12), "none");
	assert_string_equal(found(zones, ".", 2), "none");
	hf_zones_unref(zones);
}

static void ds_at_an_apex_belongs_to_the_zone_above(void **state)
{
	static const char *const origins[] = {"example", "corp.example"};
	struct hf_zones *zones = set_of(origins, 2);
	(void)state;
	assert_string_equal(found(zones, "corp.example", HF_TYPE_DS), "example");
	assert_string_equal(found(zones, "x.corp.example", HF_TYPE_DS), "corp.example");
	assert_string_equal(found(zones, "example", HF_TYPE_DS), "example");
	hf_zones_unref(zones);
}

static void the_root_holds_what_nothing_else_does(void **state)
{
	static const char *const origins[] = {".", "example"};
	struct hf_zones *zones = set_of(origins, 2);
	(void)state;
	assert_string_equal(found(zones, "www.example", 1), "example");
	assert_string_equal(found(zones, "www.test", 1), ".");
	assert_string_equal(found(zones, ".", 1), ".");
	hf_zones_unref(zones);
}

static void an_empty_set_finds_nothing(void **state)
{
	struct hf_zones *zones = set_of(NULL, 0);
	(void)state;
	assert_string_equal(found(zones, "example", 1), "none");
	hf_zones_unref(zones);
	hf_zones_unref(NULL);
}

static void a_set_keeps_its_zones_alive(void **state)
{
	struct hf_zone *zone = hf_sample_zone("example", HF_SAMPLE_APEX);
	struct hf_zones_entry entry = {.zone = zone, .standing = HF_ZONE_SERVED, .ede = -1};
	struct hf_zones *zones;
	(void)state;
	entry.origin = *hf_zone_origin(zone);
	assert_int_equal(hf_zones_new(&entry, 1, &zones), 0);
	hf_zone_unref(zone);
	hf_zones_unref(hf_zones_ref(zones));
	const struct hf_zones_entry *found = hf_zones_find(zones, &entry.origin, HF_TYPE_A);
	assert_int_equal(found->standing, HF_ZONE_SERVED);
	assert_int_equal(hf_zone_soa(found->zone)->serial, 1);
	hf_zones_unref(zones);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_belongs_to_the_longest_zone_that_it_lies_in),
		cmocka_unit_test(ds_at_an_apex_belongs_to_the_zone_above),
		cmocka_unit_test(the_root_holds_what_nothing_else_does),
		cmocka_unit_test(an_empty_set_finds_nothing),
		cmocka_unit_test(a_set_keeps_its_zones_alive),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
