/* SPDX-License-Identifier: GPL-3.0-or-later */
/* count.h - time, instructions and the processor's misses of a piece of work.
 *
 * Story: times on a busy machine lie, instructions do not, and misses say what the
 * rest of the time was spent on. What the kernel or the machine does not count
 * (virtual machines often have no such counters) is told as unknown, not as 0.
 * Threads: one. */
#ifndef HF_BENCH_SIZES_COUNT_H
#define HF_BENCH_SIZES_COUNT_H

#include <stdbool.h>
#include <stdint.h>

struct count {
	double ns;                                      /* of this thread's own processor time */
	int64_t instructions, cache_misses, tlb_misses; /* -1: not known */
};

/* Begins and ends; one piece of work at a time. */
void count_begin(void);
struct count count_end(void);

/* Under valgrind's callgrind (begun with --instr-atstart=no --collect-atstart=no): from
 * here on, or no longer, caches are simulated, and what lies between count_begin and
 * count_end is added up; count_profile writes the sums down under a name and begins anew.
 * Else nothing happens. */
void count_watch(bool on);
void count_profile(const char *what);

/* A number from /proc/self/status in KiB ("VmRSS:"); 0: there is none. */
long count_status_kib(const char *field);

/* A plain generator (splitmix64): the same numbers in every run. */
uint64_t count_dice(uint64_t *state);

#endif
