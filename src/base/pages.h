/* SPDX-License-Identifier: MIT */
/* pages.h - large pieces of memory that are taken whole and used bit by bit.
 *
 * Story: what is looked up at random in hundreds of megabytes misses the
 * processor's table of pages at every look if pages have 4 KiB. So pieces of 2 MiB
 * or more are mapped at a border of 2 MiB, and the kernel is asked for huge pages
 * (transparent_hugepage `always` or `madvise`); where it has none, everything
 * works with small ones. Memory counts as used when it is first touched, 2 MiB at
 * a time, which takes the kernel about 0.1 ms, or 5 where a host has to find them for its
 * guest first: for whoever cannot wait for so long somebody else touches them before
 * (hf_pages_prefault). Taking memory touches nothing.
 * Smaller pieces come from the heap, which for some 100 KiB and more gives memory that is
 * not touched, either.
 * Ownership: the caller's, who knows the size when it gives it back.
 * Threads: any. */
#ifndef HF_BASE_PAGES_H
#define HF_BASE_PAGES_H

#include <stddef.h>

#define HF_PAGES_HUGE ((size_t)2 << 20)

/* Octets, up to whole huge pages. */
static inline size_t hf_pages_whole(size_t octets)
{
	return (octets + HF_PAGES_HUGE - 1) / HF_PAGES_HUGE * HF_PAGES_HUGE;
}

/* Zeroed memory, aligned to a cache line at least; NULL: there is none. */
void *hf_pages_get(size_t octets);

/* A part of such a piece of which a little is used here and there: pages of 4 KiB for it,
 * so that each use does not take 2 MiB. */
void hf_pages_sparse(void *part, size_t octets);

/* Has the kernel give a part of such a piece now, to whoever else may be writing there: what
 * is in it stays. `part` lies at a border of pages. From Linux 5.14 on; before, nothing. */
void hf_pages_prefault(void *part, size_t octets);

/* `octets` as it was got with. NULL is fine. */
void hf_pages_free(void *pages, size_t octets);

#endif
