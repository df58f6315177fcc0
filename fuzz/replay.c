/* SPDX-License-Identifier: GPL-3.0-or-later */
/* replay.c - runs a fuzz target over the files that it starts from, once each, without
 * libFuzzer: what was found stays found, with any compiler, and a target that no
 * longer compiles is seen by the first build and not by the last.
 * Takes the folder of the files; says in TAP which it has read. */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OCTETS_MAX (1 << 20) /* more than any seed has */

static int replay(const char *folder, const char *name)
{
	static uint8_t octets[OCTETS_MAX];
	char path[PATH_MAX];
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
		return -1;
	FILE *file = fopen(path, "rb");
	if (!file)
		return -1;
	size_t size = fread(octets, 1, sizeof(octets), file);
	int unread = ferror(file) || !feof(file) ? -1 : 0;
	fclose(file);
	if (unread)
		return -1;
	/* In memory of its own, so that a sanitizer or valgrind sees where it ends. */
	uint8_t *copy = malloc(size ? size : 1);
	if (!copy)
		return -1;
	memcpy(copy, octets, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		fputs("usage: replay FOLDER\n", stderr);
		return 2;
	}
	DIR *folder = opendir(argv[1]);
	if (!folder) {
		perror(argv[1]);
		return 1;
	}
	unsigned count = 0, bad = 0;
	for (const struct dirent *entry; (entry = readdir(folder));) {
		if (entry->d_name[0] == '.')
			continue;
		int rc = replay(argv[1], entry->d_name);
		bad += rc != 0;
		printf("%s %u - %s\n", rc ? "not ok" : "ok", ++count, entry->d_name);
	}
	closedir(folder);
	printf("1..%u\n", count);
	return count && !bad ? 0 : 1;
}
