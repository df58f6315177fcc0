/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zone_file.h - a zone from the text in a file, and from those that it includes.
 *
 * Story: the file is read whole and given to zone/text.h; where that says $INCLUDE, the
 * file named there is read in its turn, by a name that counts from the main file's
 * directory. It must lie in that directory or below, wherever links lead: a zone does not
 * reach further than whoever put it there. A file that includes itself is refused.
 * Each fault is told with the file and the line in which it is.
 * What was looked at is remembered as *prints* (device, inode, size, times): as long as
 * they are the same, so is the zone.
 * Ownership: the caller's.  Threads: any; files are read where it is called.
 * At the bound: HF_ZONE_FILES_MAX files, HF_ZONE_FILE_DEPTH deep, HF_ZONE_TEXT_MAX octets in
 * all; faults past HF_ZONE_FILE_FAULTS_MAX are not told. */
#ifndef HF_AUTHORITY_ZONE_FILE_H
#define HF_AUTHORITY_ZONE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "zone/snapshot.h"

#define HF_ZONE_FILES_MAX 256
#define HF_ZONE_FILE_DEPTH 8
#define HF_ZONE_FILE_FAULTS_MAX 20

struct hf_file_print { /* what a file looked like */
	char *path;
	uint64_t device, inode, size;
	int64_t changed_s, modified_s; /* there or not: all zero */
	uint32_t changed_ns, modified_ns;
};

struct hf_zone_files {
	struct hf_file_print *items; /* the main file first */
	size_t count;
};

/* Reads. `ret_files` is filled in any case (cleared before), with all that was opened or
 * looked for. HF_EMALFORMED: there were faults, each told; -ENOMEM. */
typedef void hf_zone_file_fault(void *ctx, const char *path, uint32_t line, const char *why);
int hf_zone_file_read(const char *path, const struct hf_name *origin,
	const struct hf_zone_limits *limits, hf_zone_file_fault *fault, void *ctx,
	struct hf_zone_files *ret_files, struct hf_zone **ret);

/* For whoever reads files of another kind: adds one to the list as it looks now (-ENOMEM), and
 * reads one whole, of at most HF_ZONE_TEXT_MAX octets: the caller frees it. Else `why` says
 * what is in the way, and HF_EMALFORMED is returned; -ENOMEM. */
int hf_zone_files_add(struct hf_zone_files *files, const char *path);
#define HF_ZONE_FILE_WHY_MAX 200
int hf_zone_file_text(const char *path, char **ret_text, size_t *ret_len,
	char why[static HF_ZONE_FILE_WHY_MAX]);

/* Where a record of the zone stands, as "FILE:LINE", by reading all of it again until it is
 * found: for words about what is wrong with a record that was well-formed. False: nowhere,
 * for instance because the file has changed since. */
#define HF_ZONE_FILE_PLACE_MAX 300
bool hf_zone_file_find(const char *path, const struct hf_name *origin,
	const struct hf_zone_record *record, char ret[static HF_ZONE_FILE_PLACE_MAX]);

/* Do all of them look as they did? */
bool hf_zone_files_same(const struct hf_zone_files *files);

/* How the same files look now. `ret` is empty before. -ENOMEM. */
int hf_zone_files_look(const struct hf_zone_files *files, struct hf_zone_files *ret);

void hf_zone_files_clear(struct hf_zone_files *files);

#endif
