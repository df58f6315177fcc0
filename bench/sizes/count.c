/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "count.h"

#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif
#if !defined(CALLGRIND_TOGGLE_COLLECT) /* nobody can watch then, either */
#define CALLGRIND_START_INSTRUMENTATION
#define CALLGRIND_STOP_INSTRUMENTATION
#define CALLGRIND_TOGGLE_COLLECT
#define CALLGRIND_DUMP_STATS_AT(what) (void)(what)
#endif

enum { INSTRUCTIONS, CACHE_MISSES, TLB_MISSES, COUNTERS };

#define TLB_READ_MISS                                                                              \
	(PERF_COUNT_HW_CACHE_DTLB | PERF_COUNT_HW_CACHE_OP_READ << 8 |                             \
		PERF_COUNT_HW_CACHE_RESULT_MISS << 16)

static const struct {
	uint32_t type;
	uint64_t config;
} wanted[COUNTERS] = {
	[INSTRUCTIONS] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS},
	[CACHE_MISSES] = {PERF_TYPE_HARDWARE, PERF_COUNT_HW_CACHE_MISSES},
	[TLB_MISSES] = {PERF_TYPE_HW_CACHE, TLB_READ_MISS},
};

static int counters[COUNTERS] = {-1, -1, -1};
static struct timespec began;

static void open_counters(void)
{
	static int opened;
	for (int i = 0; !opened && i < COUNTERS; i++) {
		struct perf_event_attr attr = {.type = wanted[i].type,
			.size = sizeof attr,
			.config = wanted[i].config,
			.disabled = 1,
			.exclude_kernel = 1,
			.exclude_hv = 1};
		counters[i] = (int)syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0);
	}
	opened = 1;
}

void count_begin(void)
{
	open_counters();
	for (int i = 0; i < COUNTERS; i++) {
		if (counters[i] < 0)
			continue;
		ioctl(counters[i], PERF_EVENT_IOC_RESET, 0);
		ioctl(counters[i], PERF_EVENT_IOC_ENABLE, 0);
	}
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &began);
	CALLGRIND_TOGGLE_COLLECT;
}

static int64_t read_counter(int i)
{
	int64_t value;
	if (counters[i] < 0)
		return -1;
	ioctl(counters[i], PERF_EVENT_IOC_DISABLE, 0);
	return read(counters[i], &value, sizeof value) == sizeof value ? value : -1;
}

struct count count_end(void)
{
	struct timespec now;
	CALLGRIND_TOGGLE_COLLECT;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (struct count){
		.ns = (double)(now.tv_sec - began.tv_sec) * 1e9 +
		      (double)(now.tv_nsec - began.tv_nsec),
		.instructions = read_counter(INSTRUCTIONS),
		.cache_misses = read_counter(CACHE_MISSES),
		.tlb_misses = read_counter(TLB_MISSES),
	};
}

void count_watch(bool on)
{
	if (on)
		CALLGRIND_START_INSTRUMENTATION;
	else
		CALLGRIND_STOP_INSTRUMENTATION;
}

void count_profile(const char *what)
{
	CALLGRIND_DUMP_STATS_AT(what);
}

long count_status_kib(const char *field)
{
	char line[256];
	long kib = 0;
	FILE *file = fopen("/proc/self/status", "r");
	while (file && fgets(line, sizeof line, file))
		if (strncmp(line, field, strlen(field)) == 0)
			kib = strtol(line + strlen(field), NULL, 10);
	if (file)
		fclose(file);
	return kib;
}

uint64_t count_dice(uint64_t *state)
{
	uint64_t x = *state += 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return x ^ x >> 31;
}
