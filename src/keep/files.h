/* SPDX-License-Identifier: GPL-3.0-or-later */
/* files.h - the directory in which the cache is written down.
 *
 * Story: names are "GENERATION-SESSION.journal" and ".snapshot", in hexadecimal;
 * generations only grow. A snapshot is written as ".tmp", made safe on the disk
 * and only then given its name: a name is a promise that the file was whole. An
 * append either adds a whole block or is taken back. "lock" is locked (flock) for
 * as long as the directory is open: two servers never write the same one, and a
 * killed one leaves no lock behind.
 * Files are for their owner alone (0600, the directory 0700): they tell what was
 * asked for.
 * Knows:   names, descriptors, lengths. Never: what is in the files.
 * Threads: one owner.
 * At the bound: files past HF_KEEP_FILES_MAX are not seen. */
#ifndef HF_KEEP_FILES_H
#define HF_KEEP_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_KEEP_FILES_MAX 64
#define HF_KEEP_NAME_MAX 40

struct hf_keep_dir {
	int fd;
	int lock;
};

/* Opens and locks a directory; it is made if only it is missing. -EWOULDBLOCK:
 * another process has it. */
int hf_keep_dir_open(const char *path, struct hf_keep_dir *ret);
void hf_keep_dir_close(struct hf_keep_dir *dir); /* one that is not open (-1) is fine */

struct hf_keep_name {
	uint32_t generation;
	uint64_t session;
	bool snapshot;
	uint64_t len; /* octets, when it was listed */
};

/* "00000007-0123456789abcdef.journal"; returns buf. */
const char *hf_keep_name_text(const struct hf_keep_name *name, char buf[static HF_KEEP_NAME_MAX]);

/* What there is, older generations first, in each the snapshot before the journal.
 * Half-written snapshots are removed. Returns the count, or -errno. */
int hf_keep_list(const struct hf_keep_dir *dir, struct hf_keep_name ret[static HF_KEEP_FILES_MAX]);

int hf_keep_remove(const struct hf_keep_dir *dir, const struct hf_keep_name *name);

struct hf_keep_file {
	int fd;       /* -1: none */
	uint64_t len; /* octets that are whole */
	struct hf_keep_name name;
	bool dirty;   /* written to since it was last made safe */
};

/* Makes a file; a snapshot under its temporary name. */
int hf_keep_create(const struct hf_keep_dir *dir, const struct hf_keep_name *name,
	struct hf_keep_file *ret);

/* Opens a file to be read. */
int hf_keep_open(const struct hf_keep_dir *dir, const struct hf_keep_name *name);

/* All of it, or -errno and nothing. */
int hf_keep_append(struct hf_keep_file *file, const void *bytes, size_t len);

/* Makes safe against power loss what has been appended. */
int hf_keep_sync(struct hf_keep_file *file);

/* Makes a snapshot safe and gives it its name. The file is closed in any case; on
 * failure it is also removed. */
int hf_keep_publish(const struct hf_keep_dir *dir, struct hf_keep_file *file);

/* Closes a file; what was a half-written snapshot is removed. */
void hf_keep_close(const struct hf_keep_dir *dir, struct hf_keep_file *file);

#endif
