/* SPDX-License-Identifier: MIT */
#include "base/pages.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define LINE 64
#define SMALL 4096 /* where pages are larger, the kernel refuses, and there is no harm in that */

static size_t whole(size_t octets, size_t unit)
{
	return (octets + unit - 1) / unit * unit;
}

/* As calloc has it, which knows of fresh memory that it is zeroed: what it gave stands right
 * before the border, for whoever gives it back. */
static void *from_heap(size_t octets)
{
	uint8_t *all = calloc(1, octets + sizeof all + LINE - 1);
	if (!all)
		return NULL;
	uint8_t *pages = all + (whole((uintptr_t)all + sizeof all, LINE) - (uintptr_t)all);
	memcpy(pages - sizeof all, &all, sizeof all);
	return pages;
}

static void to_heap(uint8_t *pages)
{
	void *all;
	if (!pages)
		return;
	memcpy(&all, pages - sizeof all, sizeof all);
	free(all);
}

/* Maps a huge page more than is wanted and gives back what lies outside the
 * borders. */
void *hf_pages_get(size_t octets)
{
	if (octets < HF_PAGES_HUGE)
		return from_heap(octets);
	if (octets > SIZE_MAX / 2)
		return NULL;
	size_t size = hf_pages_whole(octets);
	uint8_t *all = mmap(NULL, size + HF_PAGES_HUGE, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (all == MAP_FAILED)
		return NULL;
	size_t before = whole((uintptr_t)all, HF_PAGES_HUGE) - (uintptr_t)all;
	if (before)
		munmap(all, before);
	munmap(all + before + size, HF_PAGES_HUGE - before);
	madvise(all + before, size, MADV_HUGEPAGE); /* a wish: fine without */
	return all + before;
}

void hf_pages_sparse(void *part, size_t octets)
{
	size_t before = whole((uintptr_t)part, SMALL) - (uintptr_t)part;
	if (octets > before)
		madvise((uint8_t *)part + before, octets - before, MADV_NOHUGEPAGE);
}

/* A wish, too: who writes there has the kernel give it otherwise. */
void hf_pages_prefault(void *part, size_t octets)
{
#ifdef MADV_POPULATE_WRITE
	madvise(part, octets, MADV_POPULATE_WRITE);
#else
	(void)part;
	(void)octets;
#endif
}

void hf_pages_free(void *pages, size_t octets)
{
	if (octets < HF_PAGES_HUGE)
		to_heap(pages);
	else if (pages)
		munmap(pages, hf_pages_whole(octets));
}
