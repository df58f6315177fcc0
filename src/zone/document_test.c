/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/document.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

#define SUM "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF"
#define SUM2 "ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define BASE64 "ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8="

static int digest(const char *text, const char *file, uint8_t *ret)
{
	return hf_document_digest(text, strlen(text), file, strlen(file), ret);
}

static void a_digest_file_is_what_sha256sum_writes(void **state)
{
	static const char *const good[] = {SUM, SUM "\n", "  " SUM "\r\n\n", SUM "  corp.zone\n",
		SUM " *corp.zone\n", SUM "  any/where/else\n", SUM2 "  a\n" SUM "  x/corp.zone\n",
		SUM "  corp.zone\n" SUM2 "  corp.zone.old\n"};
	uint8_t found[HF_SHA256];
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(good); i++) {
		memset(found, 0xee, sizeof found);
		assert_int_equal(digest(good[i], "corp.zone", found), 0);
		assert_int_equal(found[0], 0);
		assert_int_equal(found[31], 0xff);
	}
}

static void what_is_no_digest_file_is_refused(void **state)
{
	static const char *const bad[] = {"", "\n", "<html>", SUM "x", SUM " x", SUM "-x",
		"\\" SUM "  x", SUM "  corp.zone\n" SUM2 "  corp.zone\n",
		SUM "  corp.zone\nhello\n"};
	uint8_t found[HF_SHA256];
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(bad); i++)
		assert_int_equal(digest(bad[i], "corp.zone", found), HF_ESYNTAX);
	assert_int_equal(digest(SUM "  a\n" SUM2 "  b\n", "corp.zone", found), -ENOENT);
	assert_int_equal(digest(SUM "  a\n" SUM2 "  b\n", "", found), -ENOENT);
}

static void a_document_that_is_too_long_is_refused(void **state)
{
	char *text = malloc(HF_DOCUMENT_MAX + 1), why[HF_DOCUMENT_WHY_MAX];
	const struct hf_name root = {.len = 1};
	uint8_t found[HF_SHA256];
	uint32_t serial = 7;
	(void)state;
	memset(text, ' ', HF_DOCUMENT_MAX + 1);
	memcpy(text, SUM, sizeof SUM - 1);
	assert_int_equal(hf_document_digest(text, HF_DOCUMENT_MAX, "", 0, found), 0);
	assert_int_equal(hf_document_digest(text, HF_DOCUMENT_MAX + 1, "", 0, found), HF_EBOUND);
	memset(text, ' ', HF_DOCUMENT_MAX + 1);
	text[0] = '5';
	assert_int_equal(
		hf_document_serial(text, HF_DOCUMENT_MAX + 1, &root, why, &serial), HF_EBOUND);
	assert_int_equal(serial, 7);
	assert_int_equal(hf_document_serial(text, HF_DOCUMENT_MAX, &root, why, &serial), 0);
	assert_int_equal(serial, 5);
	free(text);
}

static int header(const char *value, bool dictionary, uint8_t *ret)
{
	return hf_document_digest_header(value, strlen(value), dictionary, ret);
}

static void a_digest_header_is_read_by_either_rfc(void **state)
{
	uint8_t found[HF_SHA256] = {1};
	(void)state;
	assert_int_equal(header("sha-256=:" BASE64 ":", true, found), 0);
	assert_int_equal(found[0], 0);
	assert_int_equal(found[31], 0xff);
	found[0] = 1;
	assert_int_equal(header("sha-512=:AAAA:, sha-256=:" BASE64 ":", true, found), 0);
	assert_int_equal(found[0], 0);
	found[0] = 1;
	assert_int_equal(header("md5=AAAA,SHA-256=" BASE64, false, found), 0);
	assert_int_equal(found[0], 0);
}

static void a_digest_header_that_cannot_be_read_is_not_passed_over(void **state)
{
	uint8_t found[HF_SHA256];
	(void)state;
	assert_int_equal(header("", true, found), -ENOENT);
	assert_int_equal(header("sha-512=:AAAA:", true, found), -ENOENT);
	assert_int_equal(header("sha-256=" BASE64, true, found), HF_ESYNTAX);
	assert_int_equal(header("sha-256=:" BASE64 ":", false, found), HF_ESYNTAX);
	assert_int_equal(header("sha-256=::", true, found), HF_ESYNTAX);
	assert_int_equal(header("sha-256=", false, found), HF_ESYNTAX);
	assert_int_equal(
		header("sha-256=:ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v9=:", true, found),
		HF_ESYNTAX);
}

static int serial_of(const char *text, uint32_t *ret)
{
	struct hf_name zone;
	char why[HF_DOCUMENT_WHY_MAX] = "";
	assert_int_equal(hf_name_from_text("corp.example", 12, &zone), 0);
	int rc = hf_document_serial(text, strlen(text), &zone, why, ret);
	assert_true(!rc || why[0]);
	return rc;
}

static void a_serial_is_a_number_or_a_member_or_the_first_soa(void **state)
{
	static const char *const good[] = {"2026", " 2026\r\n", "{\"corp.example\": 2026}",
		"{\"other.example\": 1, \"Corp.Example.\": 2026, \"more\": {\"x\": [1]}}\n",
		"$TTL 60\n@ IN SOA ns host 2026 1 1 1 1",
		"corp.example. 60 IN SOA ns. host. 2026 1 1 1 1\n@ NS ns\nbroken\n",
		"; a comment\n@ 60 IN SOA ns host ( 2026 ; serial\n 1 1 1 1 )\n"};
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(good); i++) {
		uint32_t serial = 0;
		assert_int_equal(serial_of(good[i], &serial), 0);
		assert_int_equal(serial, 2026);
	}
}

static void what_says_no_serial_is_refused(void **state)
{
	static const char *const bad[] = {"", " ", "-1", "4294967296", "1.5", "12 13", "<html>",
		"null", "[1]", "{}", "{\"other.example\": 1}", "{\"corp.example\": \"1\"}",
		"{\"corp.example\": 1.5}", "{\"corp.example\": -1}",
		"{\"corp.example\": 4294967296}", "{\"corp.example\": 1, \"corp.example\": 2}",
		"{\"corp.example\": 1, \"corp.example.\": 1}", "{\"corp.example\": 1} x",
		"{\"corp.example\": 1", "www 60 IN A 192.0.2.1\n@ 60 IN SOA ns host 1 1 1 1 1\n",
		"www 60 IN SOA ns host 1 1 1 1 1\n", "@ 60 IN SOA ns host 1 1 1\n",
		"$INCLUDE /etc/passwd\n@ 60 IN SOA ns host 1 1 1 1 1\n"};
	uint32_t serial = 7;
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(bad); i++)
		if (serial_of(bad[i], &serial) != HF_ESYNTAX)
			fail_msg("taken: %s", bad[i]);
	assert_int_equal(serial, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_digest_file_is_what_sha256sum_writes),
		cmocka_unit_test(what_is_no_digest_file_is_refused),
		cmocka_unit_test(a_document_that_is_too_long_is_refused),
		cmocka_unit_test(a_digest_header_is_read_by_either_rfc),
		cmocka_unit_test(a_digest_header_that_cannot_be_read_is_not_passed_over),
		cmocka_unit_test(a_serial_is_a_number_or_a_member_or_the_first_soa),
		cmocka_unit_test(what_says_no_serial_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
