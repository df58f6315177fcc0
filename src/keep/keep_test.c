/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/files.h"
#include "keep/load.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"

static char place[] = "/tmp/holdfast-keep-XXXXXX";

static void path_of(char buf[static 128], const char *name)
{
	snprintf(buf, 128, "%s/%s", place, name);
}

static void touch(const char *name)
{
	char path[128];
	path_of(path, name);
	int fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	close(fd);
}

static int make_place(void **state)
{
	(void)state;
	return mkdtemp(place) ? 0 : -1;
}

static int remove_place(void **state)
{
	(void)state;
	char command[160];
	snprintf(command, sizeof command, "rm -r %s", place);
	return system(command);
}

static void a_directory_is_locked_against_another(void **state)
{
	(void)state;
	struct hf_keep_dir one, two;
	assert_int_equal(hf_keep_dir_open(place, &one), 0);
	assert_int_equal(hf_keep_dir_open(place, &two), -EWOULDBLOCK);
	hf_keep_dir_close(&one);
	assert_int_equal(hf_keep_dir_open(place, &two), 0);
	hf_keep_dir_close(&two);
}

static void files_are_listed_in_order_and_strangers_left_alone(void **state)
{
	(void)state;
	struct hf_keep_dir dir;
	struct hf_keep_name names[HF_KEEP_FILES_MAX];
	char text[HF_KEEP_NAME_MAX], path[128];
	assert_int_equal(hf_keep_dir_open(place, &dir), 0);
	touch("00000010-0123456789abcdef.journal");
	touch("00000002-0123456789abcdef.journal");
	touch("00000002-0123456789abcdef.snapshot");
	touch("00000003-0123456789abcdef.snapshot.tmp");
	touch("00000003-0123456789ABCDEF.snapshot");
	touch("notes");
	assert_int_equal(hf_keep_list(&dir, names), 3);
	assert_string_equal(hf_keep_name_text(&names[0], text), "00000002-0123456789abcdef.snapshot");
	assert_string_equal(hf_keep_name_text(&names[1], text), "00000002-0123456789abcdef.journal");
	assert_string_equal(hf_keep_name_text(&names[2], text), "00000010-0123456789abcdef.journal");
	path_of(path, "00000003-0123456789abcdef.snapshot.tmp");
	assert_int_not_equal(access(path, F_OK), 0);
	path_of(path, "notes");
	assert_int_equal(access(path, F_OK), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(hf_keep_remove(&dir, &names[i]), 0);
	hf_keep_dir_close(&dir);
}

static void a_snapshot_has_its_name_only_when_it_is_whole(void **state)
{
	(void)state;
	struct hf_keep_dir dir;
	struct hf_keep_file file;
	struct hf_keep_name name = { 5, 6, true, 0 }, names[HF_KEEP_FILES_MAX];
	assert_int_equal(hf_keep_dir_open(place, &dir), 0);
	assert_int_equal(hf_keep_create(&dir, &name, &file), 0);
	assert_int_equal(hf_keep_append(&file, "abc", 3), 0);
	hf_keep_close(&dir, &file);
	assert_int_equal(hf_keep_list(&dir, names), 0);
	assert_int_equal(hf_keep_create(&dir, &name, &file), 0);
	assert_int_equal(hf_keep_append(&file, "abc", 3), 0);
	assert_int_equal(hf_keep_publish(&dir, &file), 0);
	assert_int_equal(hf_keep_list(&dir, names), 1);
	assert_int_equal(names[0].len, 3);
	hf_keep_remove(&dir, &name);
	hf_keep_dir_close(&dir);
}

static void the_time_without_a_server_is_the_longest_that_a_clock_tells(void **state)
{
	(void)state;
	static const struct {
		struct hf_written_clocks last, now;
		hf_us gap;
		bool unknown;
	} cases[] = {
		/* the same run of the machine */
		{ { 9, 0, 100, 5000 }, { 9, 0, 130, 5030 }, 30, false },
		{ { 9, 0, 100, 5000 }, { 9, 0, 130, 4000 }, 30, false },
		{ { 9, 0, 100, 5000 }, { 9, 0, 130, 5300 }, 300, false },
		/* a boot clock that went back is another machine's */
		{ { 9, 0, 100, 5000 }, { 9, 0, 50, 4000 }, 0, true },
		/* another run, or one that is not known */
		{ { 9, 0, 100, 5000 }, { 8, 0, 130, 5007 }, 7, false },
		{ { 9, 0, 100, 5000 }, { 8, 0, 130, 4999 }, 0, true },
		{ { 0, 0, 100, 5000 }, { 0, 0, 130, 4999 }, 0, true },
	};
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		struct hf_keep_gap gap = hf_keep_gap(&cases[i].last, &cases[i].now);
		assert_int_equal(gap.gap, cases[i].gap);
		assert_int_equal(gap.unknown, cases[i].unknown);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_directory_is_locked_against_another),
		cmocka_unit_test(files_are_listed_in_order_and_strangers_left_alone),
		cmocka_unit_test(a_snapshot_has_its_name_only_when_it_is_whole),
		cmocka_unit_test(the_time_without_a_server_is_the_longest_that_a_clock_tells),
	};
	return cmocka_run_group_tests(tests, make_place, remove_place);
}
