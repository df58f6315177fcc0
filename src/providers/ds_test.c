/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "providers/ds.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

/* A key of corp.example, and the DS records that BIND's tools make of it. */
static const char key[] =
	"\x01\x01\x03\x0d\x5f\x31\xa8\x66\x52\x45\x05\x1c\x75\x2c\xe0\x03\xfd\x53\x4c\x60"
	"\xac\x1e\x0c\x22\xd2\x0f\x79\x31\xa4\x06\xa0\x1c\x97\x8b\x99\x53\x48\xab\x72\xda"
	"\xad\x8b\x93\x23\xe0\xfb\x75\xfc\xfd\xf0\xf8\xec\x1a\xb6\xad\xa3\x36\xe3\x9a\x55"
	"\x77\x4b\x16\x2b\x05\x2a\xc2\x55";
static const char by_sha1[] =
	"\xb3\x04\x0d\x01"
	"\xf3\xe1\xf4\x3e\x2c\x3b\xfb\xe3\x5e\x50\xb8\x18\x54\x42\xd1\xe3\x0b\x7a\x33\xb0";
static const char by_sha256[] =
	"\xb3\x04\x0d\x02"
	"\x39\x90\x35\x3b\x59\x3b\xca\x3c\x96\xc8\x3b\xed\xd7\x96\x6f\x1d\x92\xe2\xe3\x07"
	"\x2c\x52\xd7\xd7\xe2\x15\xd7\xaa\xbf\x7f\x52\x30";
static const char by_sha384[] =
	"\xb3\x04\x0d\x04"
	"\x67\xde\x40\x0f\xdd\xa2\x35\x52\xd4\xeb\xfd\xb1\xab\xff\xf3\xfc\x1a\x0c\xde\xc0"
	"\xec\x05\x33\x3a\xa9\xbb\xc8\xea\x1c\x6a\x4d\x40\x14\x9b\x50\x63\x65\x08\x9d\xb2"
	"\x5e\xbf\x90\x9a\xb6\xc3\x1d\x64";

static enum hf_ds_match match(const char *zone, const char *ds, size_t ds_size)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(zone, strlen(zone), &name), 0);
	return hf_ds_matches(&name, (const uint8_t *)key, sizeof key - 1, (const uint8_t *)ds,
		(uint16_t)(ds_size - 1));
}

static void a_key_has_the_tag_that_others_count(void **state)
{
	(void)state;
	assert_int_equal(hf_key_tag((const uint8_t *)key, sizeof key - 1), 45828);
}

static void a_record_of_the_key_matches_by_each_digest(void **state)
{
	(void)state;
	assert_int_equal(match("corp.example", by_sha1, sizeof by_sha1), HF_DS_MATCHES);
	assert_int_equal(match("corp.example", by_sha256, sizeof by_sha256), HF_DS_MATCHES);
	assert_int_equal(match("corp.example", by_sha384, sizeof by_sha384), HF_DS_MATCHES);
}

static void the_key_of_another_zone_is_another(void **state)
{
	(void)state;
	assert_int_equal(match("corp2.example", by_sha256, sizeof by_sha256), HF_DS_OTHER);
}

static void one_octet_makes_it_another(void **state)
{
	char changed[sizeof by_sha256];
	(void)state;
	for (size_t i = 0; i < sizeof changed - 1; i++) {
		memcpy(changed, by_sha256, sizeof changed);
		changed[i] ^= 1;
		assert_int_not_equal(match("corp.example", changed, sizeof changed), HF_DS_MATCHES);
	}
}

static void what_we_cannot_make_is_not_called_wrong(void **state)
{
	char unknown[sizeof by_sha256];
	(void)state;
	memcpy(unknown, by_sha256, sizeof unknown);
	unknown[3] = 3; /* GOST */
	assert_int_equal(match("corp.example", unknown, sizeof unknown), HF_DS_UNKNOWN);
	for (size_t size = 1; size < sizeof by_sha256; size++)
		assert_int_equal(match("corp.example", by_sha256, size), HF_DS_UNKNOWN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_has_the_tag_that_others_count),
		cmocka_unit_test(a_record_of_the_key_matches_by_each_digest),
		cmocka_unit_test(the_key_of_another_zone_is_another),
		cmocka_unit_test(one_octet_makes_it_another),
		cmocka_unit_test(what_we_cannot_make_is_not_called_wrong),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
