/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/copy.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "zone/text.h"

#define WALL 1790000000

static char folder[64];
static struct hf_copies *copies;
static struct hf_copy_clocks clocks = {1000 * HF_SECOND, WALL};

static int setup(void **state)
{
	(void)state;
	snprintf(folder, sizeof folder, "/tmp/copy_test.XXXXXX");
	assert_non_null(mkdtemp(folder));
	return hf_copies_open(folder, &copies);
}

static int teardown(void **state)
{
	char command[128];
	(void)state;
	hf_copies_close(copies);
	snprintf(command, sizeof command, "rm -r %s", folder);
	return system(command);
}

static int add(void *build, const struct hf_zone_record *record)
{
	return hf_zone_build_add(build, record);
}

static void fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	fail_msg("line %u: %s", line, why);
}

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

static struct hf_zone *zone_of(const char *origin, uint32_t serial)
{
	static const struct hf_zone_handler handler = {.record = add, .fault = fault};
	char text[512];
	struct hf_name name = name_of(origin);
	struct hf_zone_build *build;
	struct hf_zone *zone;
	snprintf(text, sizeof text,
		"@ 300 SOA ns host %u 60 10 3600 60\n@ 300 NS ns\nns 300 A 10.0.0.1\n"
		"www 60 A 10.0.0.2\nwww 60 A 10.0.0.3\n\\000odd 5 TXT \"a\\000b\"\n",
		serial);
	const struct hf_zone_text in = {
		.text = text, .len = strlen(text), .origin = origin, .ttl = 1};
	assert_int_equal(hf_zone_build_new(&name, NULL, &build), 0);
	assert_int_equal(hf_zone_text_read(&in, &handler, build), 0);
	assert_int_equal(hf_zone_build_finish(build, fault, NULL, &zone), 0);
	return zone;
}

static void save(const char *origin, uint32_t serial)
{
	char why[HF_COPY_WHY_MAX];
	struct hf_zone *zone = zone_of(origin, serial);
	assert_int_equal(hf_copy_save(copies, zone, why), 0);
	hf_zone_unref(zone);
}

static void prove(const char *origin, uint32_t serial)
{
	struct hf_name name = name_of(origin);
	assert_int_equal(hf_copy_prove(copies, &name, serial, &clocks), 0);
}

/* The serial, or a negative error. */
static int64_t load(const char *origin, const struct hf_copy_clocks *at, hf_us *ret_ago)
{
	struct hf_name name = name_of(origin);
	char why[HF_COPY_WHY_MAX];
	struct hf_zone *zone;
	int rc = hf_copy_load(copies, &name, NULL, at, why, &zone, ret_ago);
	if (rc)
		return rc;
	int64_t serial = hf_zone_soa(zone)->serial;
	hf_zone_unref(zone);
	return serial;
}

static void a_version_comes_back_as_it_was(void **state)
{
	struct hf_zone *before = zone_of("corp.example", 5), *after;
	struct hf_name name = name_of("corp.example");
	struct hf_zone_walk x, y;
	struct hf_zone_set s, t;
	char why[HF_COPY_WHY_MAX];
	hf_us ago = 0;
	(void)state;
	assert_int_equal(hf_copy_save(copies, before, why), 0);
	assert_int_equal(hf_copy_load(copies, &name, NULL, &clocks, why, &after, &ago), 0);
	assert_int_equal(ago, -1);
	assert_int_equal(hf_zone_records(before), hf_zone_records(after));
	x = hf_zone_walk(before);
	y = hf_zone_walk(after);
	while (hf_zone_next(&x, &s)) {
		assert_true(hf_zone_next(&y, &t));
		assert_int_equal(s.type, t.type);
		assert_int_equal(s.ttl, t.ttl);
		assert_int_equal(s.rdata_octets, t.rdata_octets);
		assert_memory_equal(s.rdata, t.rdata, s.rdata_octets);
	}
	hf_zone_unref(before);
	hf_zone_unref(after);
}

static void what_is_not_there_is_no_fault(void **state)
{
	hf_us ago;
	(void)state;
	assert_int_equal(load("nowhere.example", &clocks, &ago), -ENOENT);
}

static void names_cannot_lead_out_of_the_directory(void **state)
{
	static const char *const names[] = {"a/b.example", "\\000.example",
		"\\046\\046.\\046\\046\\047etc", "\\0372F.example", ".", "lock"};
	hf_us ago;
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(names); i++) {
		save(names[i], (uint32_t)(100 + i));
		prove(names[i], (uint32_t)(100 + i));
	}
	for (size_t i = 0; i < HF_COUNT_OF(names); i++)
		assert_int_equal(load(names[i], &clocks, &ago), 100 + i);
}

static void names_that_are_too_long_for_a_file_have_copies_too(void **state)
{
	char one[1024] = "a", other[1024] = "b";
	hf_us ago;
	(void)state;
	size_t len = 1;
	for (int label = 0; label < 3; label++)
		for (int i = 0; i < 61; i++) {
			const char *next = i == 60 ? "." : "\\255";
			snprintf(one + len, sizeof one - len, "%s", next);
			snprintf(other + len, sizeof other - len, "%s", next);
			len += strlen(next);
		}
	save(one, 1);
	save(other, 2);
	assert_int_equal(load(one, &clocks, &ago), 1);
	assert_int_equal(load(other, &clocks, &ago), 2);
}

static void damage(const char *file, long at)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", folder, file);
	FILE *f = fopen(path, "r+");
	assert_non_null(f);
	fseek(f, at, at < 0 ? SEEK_END : SEEK_SET);
	int was = fgetc(f);
	fseek(f, -1, SEEK_CUR);
	fputc(was ^ 1, f);
	fclose(f);
}

static void every_octet_that_is_damaged_is_noticed_and_the_copy_dropped(void **state)
{
	struct stat st;
	char path[128];
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	snprintf(path, sizeof path, "%s/corp.example.zone", folder);
	assert_int_equal(stat(path, &st), 0);
	for (long at = 0; at < st.st_size; at++) {
		save("corp.example", 5);
		damage("corp.example.zone", at);
		assert_int_equal(load("corp.example", &clocks, &ago), HF_EMALFORMED);
		assert_int_equal(load("corp.example", &clocks, &ago), -ENOENT);
	}
}

static void a_copy_that_is_cut_is_dropped(void **state)
{
	char path[128];
	hf_us ago;
	(void)state;
	snprintf(path, sizeof path, "%s/corp.example.zone", folder);
	for (off_t len = 0; len < 60; len += 7) {
		save("corp.example", 5);
		assert_int_equal(truncate(path, len), 0);
		assert_int_equal(load("corp.example", &clocks, &ago), HF_EMALFORMED);
	}
}

static void a_copy_of_another_zone_is_none(void **state)
{
	char from[128], to[128];
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	snprintf(from, sizeof from, "%s/corp.example.zone", folder);
	snprintf(to, sizeof to, "%s/prod.example.zone", folder);
	assert_int_equal(rename(from, to), 0);
	assert_int_equal(load("prod.example", &clocks, &ago), HF_EMALFORMED);
}

static void a_proof_tells_its_age(void **state)
{
	struct hf_copy_clocks later = {clocks.now + 30 * HF_SECOND, WALL + 30};
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	prove("corp.example", 5);
	assert_int_equal(load("corp.example", &later, &ago), 5);
	assert_int_equal(ago, 30 * HF_SECOND);
}

static void a_proof_of_another_serial_is_none(void **state)
{
	hf_us ago;
	(void)state;
	save("corp.example", 6);
	prove("corp.example", 5);
	assert_int_equal(load("corp.example", &clocks, &ago), 6);
	assert_int_equal(ago, -1);
}

/* As somebody may have planted it, or a clock that was never set. */
static void a_proof_of_an_impossible_time_is_none(void **state)
{
	static const struct hf_copy_clocks odd[] = {{INT64_MIN, INT64_MIN}, {-1, INT64_MIN},
		{INT64_MIN, INT64_MAX}, {-HF_SECOND, -1}};
	struct hf_name name = name_of("corp.example");
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	for (size_t i = 0; i < HF_COUNT_OF(odd); i++) {
		assert_int_equal(hf_copy_prove(copies, &name, 5, &odd[i]), 0);
		assert_int_equal(load("corp.example", &clocks, &ago), 5);
		assert_int_equal(ago, -1);
	}
}

static void gigabytes_of_nothing_are_not_read_to_find_that_out(void **state)
{
	struct rusage before, after;
	char path[128];
	hf_us ago;
	(void)state;
	snprintf(path, sizeof path, "%s/corp.example.zone", folder);
	save("corp.example", 5);
	assert_int_equal(truncate(path, 1 << 30), 0);
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(load("corp.example", &clocks, &ago), HF_EMALFORMED);
	getrusage(RUSAGE_SELF, &after);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 64 << 10);
}

static void a_damaged_proof_is_none(void **state)
{
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	prove("corp.example", 5);
	damage("corp.example.proof", 12);
	assert_int_equal(load("corp.example", &clocks, &ago), 5);
	assert_int_equal(ago, -1);
}

static void of_two_clocks_the_one_that_says_more_is_believed(void **state)
{
	/* Within one start of the machine: the wall clock was set back, or forward. */
	struct hf_copy_clocks back = {clocks.now + 30 * HF_SECOND, WALL - 86400};
	struct hf_copy_clocks ahead = {clocks.now + 30 * HF_SECOND, WALL + 86400};
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	prove("corp.example", 5);
	load("corp.example", &back, &ago);
	assert_int_equal(ago, 30 * HF_SECOND);
	load("corp.example", &ahead, &ago);
	assert_int_equal(ago, 86400 * HF_SECOND);
}

static void a_wall_clock_that_went_back_over_a_restart_makes_the_age_unknown(void **state)
{
	/* The monotonic clock began anew: it cannot be the same start. */
	struct hf_copy_clocks back = {HF_SECOND, WALL - 1}, on = {HF_SECOND, WALL + 60};
	hf_us ago;
	(void)state;
	save("corp.example", 5);
	prove("corp.example", 5);
	load("corp.example", &back, &ago);
	assert_int_equal(ago, -1);
	load("corp.example", &on, &ago);
	assert_int_equal(ago, 60 * HF_SECOND);
}

static void a_second_process_does_not_get_the_directory(void **state)
{
	struct hf_copies *other;
	(void)state;
	assert_int_equal(hf_copies_open(folder, &other), -EWOULDBLOCK);
}

/* Whoever is killed at any moment leaves one version or the next, whole. */
static void a_writer_that_is_killed_leaves_the_old_or_the_new(void **state)
{
	hf_us ago;
	(void)state;
	save("corp.example", 1);
	int64_t last = 1;
	for (unsigned round = 0; round < 20; round++) {
		pid_t pid = fork();
		assert_true(pid >= 0);
		if (!pid) {
			for (uint32_t serial = (uint32_t)last; serial < last + 10000; serial++) {
				save("corp.example", serial);
				prove("corp.example", serial);
			}
			_exit(0);
		}
		usleep(1000 + 700 * round);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
		int64_t serial = load("corp.example", &clocks, &ago);
		assert_true(serial >= last);
		assert_true(ago == 0 || ago == -1);
		last = serial;
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_version_comes_back_as_it_was),
		TEST(what_is_not_there_is_no_fault),
		TEST(names_cannot_lead_out_of_the_directory),
		TEST(names_that_are_too_long_for_a_file_have_copies_too),
		TEST(every_octet_that_is_damaged_is_noticed_and_the_copy_dropped),
		TEST(a_copy_that_is_cut_is_dropped),
		TEST(a_copy_of_another_zone_is_none),
		TEST(a_proof_tells_its_age),
		TEST(a_proof_of_another_serial_is_none),
		TEST(a_damaged_proof_is_none),
		TEST(a_proof_of_an_impossible_time_is_none),
		TEST(gigabytes_of_nothing_are_not_read_to_find_that_out),
		TEST(of_two_clocks_the_one_that_says_more_is_believed),
		TEST(a_wall_clock_that_went_back_over_a_restart_makes_the_age_unknown),
		TEST(a_second_process_does_not_get_the_directory),
		TEST(a_writer_that_is_killed_leaves_the_old_or_the_new),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
