/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/zone_file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

#define HEAD "$TTL 300\n@ SOA ns host 7 60 10 3600 60\n@ NS ns\nns A 10.0.0.1\n"

static char top[64];
static struct hf_zone_files files;
static char faults[4096];

static int setup(void **state)
{
	char path[128];
	(void)state;
	snprintf(top, sizeof top, "/tmp/zone_file_test.XXXXXX");
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof path, "%s/zones", top);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(path, sizeof path, "%s/zones/below", top);
	return mkdir(path, 0700);
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	hf_zone_files_clear(&files);
	snprintf(command, sizeof command, "rm -r %s", top);
	return system(command);
}

static void write_file(const char *name, const char *text)
{
	char path[160];
	snprintf(path, sizeof path, "%s/%s", top, name);
	FILE *f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

/* "name:line: why" each, with the directory left off. */
static void fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	size_t len = strlen(faults);
	(void)ctx;
	snprintf(faults + len, sizeof faults - len, "%s:%u: %s\n",
		strncmp(path, top, strlen(top)) == 0 ? path + strlen(top) + 1 : path, line, why);
}

static int read_zone(struct hf_zone **ret)
{
	char path[128];
	struct hf_name name;
	snprintf(path, sizeof path, "%s/zones/main", top);
	hf_name_from_text("corp.example", 12, &name);
	faults[0] = 0;
	return hf_zone_file_read(path, &name, NULL, fault, NULL, &files, ret);
}

static void expect_zone(size_t records)
{
	struct hf_zone *zone;
	assert_int_equal(read_zone(&zone), 0);
	assert_int_equal(hf_zone_records(zone), records);
	assert_string_equal(faults, "");
	hf_zone_unref(zone);
}

static void expect_faults(const char *text)
{
	struct hf_zone *zone;
	assert_int_equal(read_zone(&zone), HF_EMALFORMED);
	assert_non_null(strstr(faults, text));
}

static void a_file_is_a_zone(void **state)
{
	(void)state;
	write_file("zones/main", HEAD);
	expect_zone(3);
	assert_int_equal(files.count, 1);
}

static void files_that_are_included_belong_to_it(void **state)
{
	(void)state;
	write_file("zones/main",
		HEAD "$INCLUDE below/hosts\n$INCLUDE eu eu.corp.example.\nb A 10.0.0.4\n");
	write_file("zones/below/hosts", "a A 10.0.0.2\n$INCLUDE below/more\n");
	write_file("zones/below/more", "c A 10.0.0.5\n");
	write_file("zones/eu", "a A 10.0.0.3\n");
	expect_zone(7);
	assert_int_equal(files.count, 4);
}

static void one_file_may_include_many(void **state)
{
	char text[4096];
	size_t len = (size_t)snprintf(text, sizeof text, HEAD);
	(void)state;
	for (unsigned i = 0; i < 200; i++)
		len += (size_t)snprintf(text + len, sizeof text - len, "$INCLUDE eu\n");
	write_file("zones/main", text);
	write_file("zones/eu", "a A 10.0.0.3\n");
	expect_zone(4);
	assert_int_equal(files.count, 201);
}

static void a_full_path_within_the_directory_is_followed(void **state)
{
	char text[256];
	(void)state;
	snprintf(text, sizeof text, HEAD "$INCLUDE %s/zones/eu\n", top);
	write_file("zones/main", text);
	write_file("zones/eu", "a A 10.0.0.3\n");
	expect_zone(4);
}

static void nothing_outside_of_the_directory_is_read(void **state)
{
	char path[128];
	(void)state;
	write_file("secret", "a A 10.0.0.3\n");
	write_file("zones/main", HEAD "$INCLUDE ../secret\n");
	expect_faults("zones/main:5: $INCLUDE ../secret: the file is not there, or not below");
	write_file("zones/main", HEAD "$INCLUDE /etc/hostname\n");
	expect_faults("zones/main:5: $INCLUDE /etc/hostname: ");
	snprintf(path, sizeof path, "%s/zones/link", top);
	assert_int_equal(symlink("../secret", path), 0);
	write_file("zones/main", HEAD "$INCLUDE link\n");
	expect_faults("zones/main:5: $INCLUDE link: ");
}

static void a_directory_that_begins_with_the_same_letters_is_another(void **state)
{
	char path[128], text[256];
	(void)state;
	snprintf(path, sizeof path, "%s/zones2", top);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("zones2/x", "a A 10.0.0.3\n");
	snprintf(text, sizeof text, HEAD "$INCLUDE %s/zones2/x\n", top);
	write_file("zones/main", text);
	expect_faults("zones2/x: the file is not there, or not below");
}

static void files_that_include_themselves_are_refused(void **state)
{
	(void)state;
	write_file("zones/main", HEAD "$INCLUDE a\n");
	write_file("zones/a", "$INCLUDE b\n");
	write_file("zones/b", "$INCLUDE a\n");
	expect_faults("zones/b:1: $INCLUDE a: the file includes itself\n");
}

static void files_are_not_included_without_end(void **state)
{
	char name[16], text[32];
	(void)state;
	write_file("zones/main", HEAD "$INCLUDE f0\n");
	for (int i = 0; i < 12; i++) {
		snprintf(name, sizeof name, "zones/f%d", i);
		snprintf(text, sizeof text, "$INCLUDE f%d\n", i + 1);
		write_file(name, i < 11 ? text : "");
	}
	expect_faults("zones/f6:1: $INCLUDE f7: files are included too deep\n");
}

static void faults_are_told_with_file_and_line(void **state)
{
	(void)state;
	write_file("zones/main", HEAD "$INCLUDE a\nbad A 10.0.0\n");
	write_file("zones/a", "a A 10.0.0.2\n\nworse AAAA x\n");
	expect_faults("zones/a:3: ");
	expect_faults("zones/main:6: ");
}

static void a_fault_between_records_is_told_where_the_record_is(void **state)
{
	(void)state;
	write_file("zones/main", HEAD "$INCLUDE a\n");
	write_file("zones/a", "; a comment\nb CNAME ns\nb A 10.0.0.2\n");
	expect_faults("zones/a:");
	write_file("zones/a", "out.side.\nother.org. A 10.0.0.2\n");
	expect_faults("zones/a:");
}

static void a_file_that_is_not_there_is_a_fault(void **state)
{
	(void)state;
	expect_faults("zones/main:0: it cannot be read: No such file");
	assert_true(hf_zone_files_same(&files));
	write_file("zones/main", HEAD);
	assert_false(hf_zone_files_same(&files)); /* now it is there */
}

static void a_directory_or_a_pipe_is_no_file(void **state)
{
	char path[128];
	(void)state;
	snprintf(path, sizeof path, "%s/zones/main", top);
	assert_int_equal(mkfifo(path, 0600), 0);
	expect_faults("it is no file");
}

static void a_change_of_any_of_the_files_shows(void **state)
{
	(void)state;
	write_file("zones/main", HEAD "$INCLUDE a\n");
	write_file("zones/a", "a A 10.0.0.2\n");
	expect_zone(4);
	assert_true(hf_zone_files_same(&files));
	write_file("zones/a", "a A 10.0.0.21\n");
	assert_false(hf_zone_files_same(&files));
}

static void an_empty_file_is_no_zone(void **state)
{
	(void)state;
	write_file("zones/main", "");
	expect_faults("zones/main:");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_file_is_a_zone),
		TEST(files_that_are_included_belong_to_it),
		TEST(one_file_may_include_many),
		TEST(a_full_path_within_the_directory_is_followed),
		TEST(nothing_outside_of_the_directory_is_read),
		TEST(a_directory_that_begins_with_the_same_letters_is_another),
		TEST(files_that_include_themselves_are_refused),
		TEST(files_are_not_included_without_end),
		TEST(faults_are_told_with_file_and_line),
		TEST(a_fault_between_records_is_told_where_the_record_is),
		TEST(a_file_that_is_not_there_is_a_fault),
		TEST(a_directory_or_a_pipe_is_no_file),
		TEST(a_change_of_any_of_the_files_shows),
		TEST(an_empty_file_is_no_zone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
