/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"

static char seen[4096];

static void note(const char *text)
{
	strncat(seen, text, sizeof seen - strlen(seen) - 1);
}

static int host(void *ctx, const struct hf_host *host)
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX], line[1500];
	(void)ctx;
	snprintf(line, sizeof line, "%u %s %s%s\n", host->line,
		hf_address_text(&host->address, address), hf_name_text(host->name.bytes, name),
		host->canonical ? " *" : "");
	note(line);
	return 0;
}

static void fault(void *ctx, uint32_t line, const char *why)
{
	char text[300];
	(void)ctx;
	snprintf(text, sizeof text, "%u FAULT %s\n", line, why);
	note(text);
}

static void remark(void *ctx, uint32_t line, const char *why)
{
	char text[300];
	(void)ctx;
	(void)why;
	snprintf(text, sizeof text, "%u remark\n", line);
	note(text);
}

static const char *read(const char *text, size_t lines_max, int expected)
{
	static const struct hf_hosts_handler handler = {host, fault, remark};
	seen[0] = 0;
	assert_int_equal(hf_hosts_read(text, strlen(text), lines_max, &handler, NULL), expected);
	return seen;
}

static void a_line_has_an_address_a_canonical_name_and_others(void **state)
{
	(void)state;
	assert_string_equal(read("# none\n\n10.0.0.5\tDB.corp.example db  # the old one\r\n"
				 "2001:db8::1 six.\n::ffff:10.0.0.6 mapped",
				    100, 0),
		"3 10.0.0.5 db.corp.example *\n3 10.0.0.5 db\n4 2001:db8::1 six *\n"
		"5 10.0.0.6 mapped *\n");
	assert_string_equal(read("", 100, 0), "");
}

static void each_fault_is_told_with_its_line_and_the_rest_is_read(void **state)
{
	(void)state;
	assert_string_equal(read("10.0.0 a\n10.0.0.1:53 b\n10.0.0.2\n10.0.0.3 a..b good\n"
				 "10.0.0.4 sp\\032ace\n[::1] c\nfe80::1%eth0 d\n10.0.0.5%eth0 e\n",
				    100, 0),
		"1 FAULT '10.0.0' is no address\n2 FAULT '10.0.0.1:53' is no address\n"
		"3 FAULT there is an address and no name\n4 FAULT 'a..b' is no host name\n"
		"4 10.0.0.3 good\n5 FAULT 'sp\\032ace' is no host name\n"
		"6 FAULT '[::1]' is no address\n7 remark\n"
		"8 FAULT '10.0.0.5%eth0' is no address\n");
}

static void more_lines_than_there_may_be_end_the_reading(void **state)
{
	(void)state;
	assert_string_equal(read("10.0.0.1 a\n10.0.0.2 b\n10.0.0.3 c\n", 2, HF_EBOUND),
		"1 10.0.0.1 a *\n2 10.0.0.2 b *\n"
		"3 FAULT there are more lines than hosts-limit\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_line_has_an_address_a_canonical_name_and_others),
		cmocka_unit_test(each_fault_is_told_with_its_line_and_the_rest_is_read),
		cmocka_unit_test(more_lines_than_there_may_be_end_the_reading),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
