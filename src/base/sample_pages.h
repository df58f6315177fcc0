/* SPDX-License-Identifier: MIT */
/* sample_pages.h - what the kernel was told about this process's memory, for tests.
 *
 * Threads: any. Used by tests only. */
#ifndef HF_BASE_SAMPLE_PAGES_H
#define HF_BASE_SAMPLE_PAGES_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* Octets of mappings that have a flag (proc(5), VmFlags): "hg" is to have huge pages, "nh" is
 * not. SIZE_MAX: this system does not say. */
static inline size_t hf_sample_pages(const char *flag)
{
	FILE *file = fopen("/proc/self/smaps", "r");
	char line[4096];
	size_t begin, end, size = 0, sum = 0, told = 0;
	while (file && fgets(line, sizeof line, file)) {
		if (sscanf(line, "%zx-%zx ", &begin, &end) == 2)
			size = end - begin;
		if (strncmp(line, "VmFlags:", 8) != 0)
			continue;
		told++;
		for (const char *at = line; (at = strstr(at, flag)); at++)
			if (at[-1] == ' ' && at[strlen(flag)] == ' ') {
				sum += size;
				break;
			}
	}
	if (file)
		fclose(file);
	return told ? sum : SIZE_MAX;
}

#endif
