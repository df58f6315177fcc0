/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/read_whole.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

static int file_of(size_t len)
{
	char path[] = "/tmp/read_whole.XXXXXX", block[4096];
	int fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	memset(block, 'x', sizeof block);
	for (size_t at = 0; at < len;) {
		size_t part = len - at < sizeof block ? len - at : sizeof block;
		assert_int_equal(write(fd, block, part), part);
		at += part;
	}
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

static void what_fits_comes_whole_and_one_octet_more_does_not(void **state)
{
	static const size_t lengths[] = {0, 1, 65535, 65536, 65537, 300000};
	(void)state;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		char *text = NULL;
		size_t len = 99;
		int fd = file_of(lengths[i]);
		assert_int_equal(hf_read_whole(fd, lengths[i], &text, &len), 0);
		assert_int_equal(len, lengths[i]);
		for (size_t at = 0; at < len; at++)
			assert_int_equal(text[at], 'x');
		free(text);
		text = NULL;
		if (lengths[i] > 0) {
			assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
			assert_int_equal(hf_read_whole(fd, lengths[i] - 1, &text, &len), HF_EBOUND);
			assert_null(text);
		}
		close(fd);
	}
}

static void a_pipe_is_read_to_its_end(void **state)
{
	int ends[2];
	char *text = NULL;
	size_t len = 0;
	(void)state;
	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "zone", 4), 4);
	close(ends[1]);
	assert_int_equal(hf_read_whole(ends[0], 10, &text, &len), 0);
	assert_int_equal(len, 4);
	assert_memory_equal(text, "zone", 4);
	free(text);
	close(ends[0]);
}

static void what_cannot_be_read_says_why(void **state)
{
	char *text = NULL;
	size_t len = 0;
	(void)state;
	int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
	assert_int_equal(hf_read_whole(fd, 10, &text, &len), -EISDIR);
	assert_null(text);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_fits_comes_whole_and_one_octet_more_does_not),
		cmocka_unit_test(a_pipe_is_read_to_its_end),
		cmocka_unit_test(what_cannot_be_read_says_why),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
