/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/sample_pages.h"
#include "base/skipped.h"

static void every_size_is_zeroed_aligned_and_writable_to_its_end(void **state)
{
	static const size_t sizes[] = { 0, 1, 63, 64, 65, 4096, HF_PAGES_HUGE - 1, HF_PAGES_HUGE,
		HF_PAGES_HUGE + 1, 5 * HF_PAGES_HUGE + 4097 };
	(void)state;
	for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
		uint8_t *pages = hf_pages_get(sizes[i]);
		assert_non_null(pages);
		assert_int_equal((uintptr_t)pages % (sizes[i] < HF_PAGES_HUGE ? 64 : HF_PAGES_HUGE), 0);
		for (size_t at = 0; at < sizes[i]; at++)
			assert_true(pages[at] == 0);
		for (size_t at = 0; at < sizes[i]; at += 61)
			pages[at] = 1;
		if (sizes[i])
			pages[sizes[i] - 1] = 1;
		hf_pages_free(pages, sizes[i]);
	}
	hf_pages_free(NULL, 0);
	hf_pages_free(NULL, HF_PAGES_HUGE);
}

static void what_is_not_touched_takes_no_memory(void **state)
{
	const size_t size = 64 * HF_PAGES_HUGE, step = (size_t)sysconf(_SC_PAGESIZE);
	static unsigned char in[64 * HF_PAGES_HUGE / 4096];
	size_t resident = 0;
	(void)state;
	uint8_t *pages = hf_pages_get(size);
	assert_non_null(pages);
	pages[10 * HF_PAGES_HUGE] = 1;
	assert_int_equal(mincore(pages, size, in), 0);
	for (size_t i = 0; i < size / step; i++)
		resident += in[i] & 1u;
	assert_in_range(resident * step, step, HF_PAGES_HUGE);
	hf_pages_free(pages, size);
}

static void a_sparse_part_takes_no_huge_pages(void **state)
{
	const size_t size = 64 * HF_PAGES_HUGE, step = (size_t)sysconf(_SC_PAGESIZE);
	const size_t before = 2 * HF_PAGES_HUGE + 1000; /* not a border of pages */
	static unsigned char in[64 * HF_PAGES_HUGE / 4096];
	size_t resident = 0, used = 0;
	(void)state;
	uint8_t *pages = hf_pages_get(size);
	assert_non_null(pages);
	hf_pages_sparse(pages + before, size - before);
	for (size_t at = before; at < size; at += HF_PAGES_HUGE, used++)
		pages[at] = 1;
	assert_int_equal(mincore(pages, size, in), 0);
	for (size_t i = 0; i < size / step; i++)
		resident += in[i] & 1u;
	assert_int_equal(resident, used);
	hf_pages_free(pages, size);
}

static bool has_huge_pages(void)
{
	return hf_sample_pages("hg") != SIZE_MAX &&
	       access("/sys/kernel/mm/transparent_hugepage", F_OK) == 0;
}

/* Where the kernel gives none by itself, the test before this one would find nothing. */
static void huge_pages_are_asked_for_but_not_for_a_sparse_part(void **state)
{
	const size_t size = 4 * HF_PAGES_HUGE, part = HF_PAGES_HUGE + 3 * 4096;
	const size_t huge = hf_sample_pages("hg"), small = hf_sample_pages("nh");
	(void)state;
	if (!has_huge_pages()) {
		hf_skipped("the kernel has no huge pages");
		return;
	}
	uint8_t *pages = hf_pages_get(size);
	assert_non_null(pages);
	assert_int_equal(hf_sample_pages("hg") - huge, size);
	hf_pages_sparse(pages + 4096 - 8, 7); /* no whole page */
	assert_int_equal(hf_sample_pages("nh"), small);
	hf_pages_sparse(pages + 4096 - 8, part + 8);
	assert_int_equal(hf_sample_pages("nh") - small, part);
	assert_int_equal(hf_sample_pages("hg") - huge, size - part);
	hf_pages_free(pages, size);
	assert_int_equal(hf_sample_pages("hg"), huge);
	assert_int_equal(hf_sample_pages("nh"), small);
}

static void more_than_there_is_is_refused(void **state)
{
	(void)state;
	assert_null(hf_pages_get(SIZE_MAX - 10));
	assert_null(hf_pages_get(SIZE_MAX / 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_size_is_zeroed_aligned_and_writable_to_its_end),
		cmocka_unit_test(what_is_not_touched_takes_no_memory),
		cmocka_unit_test(a_sparse_part_takes_no_huge_pages),
		cmocka_unit_test(huge_pages_are_asked_for_but_not_for_a_sparse_part),
		cmocka_unit_test(more_than_there_is_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
