/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "keep/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

#define TEMPORARY ".tmp"

static int take_lock(struct hf_keep_dir *dir)
{
	dir->lock = openat(dir->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (dir->lock < 0)
		return -errno;
	return flock(dir->lock, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

int hf_keep_dir_open(const char *path, struct hf_keep_dir *ret)
{
	struct hf_keep_dir dir = { -1, -1 };
	if (mkdir(path, 0700) < 0 && errno != EEXIST && errno != EROFS)
		return -errno;
	dir.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int rc = dir.fd < 0 ? -errno : take_lock(&dir);
	if (rc)
		hf_keep_dir_close(&dir);
	else
		*ret = dir;
	return rc;
}

void hf_keep_dir_close(struct hf_keep_dir *dir)
{
	if (dir->lock >= 0)
		close(dir->lock);
	if (dir->fd >= 0)
		close(dir->fd);
	dir->lock = dir->fd = -1;
}

/* ---- names ---- */

const char *hf_keep_name_text(const struct hf_keep_name *name, char buf[static HF_KEEP_NAME_MAX])
{
	snprintf(buf, HF_KEEP_NAME_MAX, "%08" PRIx32 "-%016" PRIx64 ".%s", name->generation,
		name->session, name->snapshot ? "snapshot" : "journal");
	return buf;
}

/* Only what hf_keep_name_text could have written, letter for letter. */
static bool read_name(const char *text, struct hf_keep_name *ret)
{
	char buf[HF_KEEP_NAME_MAX], *end;
	struct hf_keep_name name = { 0 };
	if (strlen(text) < 26 || text[8] != '-')
		return false;
	name.generation = (uint32_t)strtoul(text, &end, 16);
	name.session = strtoull(text + 9, &end, 16);
	name.snapshot = strcmp(text + 26, "snapshot") == 0;
	*ret = name;
	return strcmp(hf_keep_name_text(&name, buf), text) == 0;
}

static int compare(const void *a, const void *b)
{
	const struct hf_keep_name *x = a, *y = b;
	if (x->generation != y->generation)
		return x->generation < y->generation ? -1 : 1;
	return y->snapshot - x->snapshot;
}

static bool is_temporary(const char *text)
{
	size_t len = strlen(text), end = strlen(TEMPORARY);
	return len > end && strcmp(text + len - end, TEMPORARY) == 0;
}

int hf_keep_list(const struct hf_keep_dir *dir, struct hf_keep_name ret[static HF_KEEP_FILES_MAX])
{
	int count = 0, fd = openat(dir->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = fd < 0 ? NULL : fdopendir(fd);
	if (!entries) {
		int rc = -errno;
		if (fd >= 0)
			close(fd);
		return rc;
	}
	for (struct dirent *entry; (entry = readdir(entries)) && count < HF_KEEP_FILES_MAX;) {
		struct stat st;
		if (is_temporary(entry->d_name))
			unlinkat(dir->fd, entry->d_name, 0);
		else if (read_name(entry->d_name, &ret[count]) &&
			 fstatat(dir->fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			 S_ISREG(st.st_mode))
			ret[count++].len = (uint64_t)st.st_size;
	}
	closedir(entries);
	qsort(ret, (size_t)count, sizeof *ret, compare);
	return count;
}

/* ---- files ---- */

static const char *temporary_text(const struct hf_keep_name *name, char *buf, size_t size)
{
	char text[HF_KEEP_NAME_MAX];
	snprintf(buf, size, "%s" TEMPORARY, hf_keep_name_text(name, text));
	return buf;
}

int hf_keep_remove(const struct hf_keep_dir *dir, const struct hf_keep_name *name)
{
	char text[HF_KEEP_NAME_MAX];
	return unlinkat(dir->fd, hf_keep_name_text(name, text), 0) < 0 ? -errno : 0;
}

int hf_keep_create(const struct hf_keep_dir *dir, const struct hf_keep_name *name,
	struct hf_keep_file *ret)
{
	char text[HF_KEEP_NAME_MAX + sizeof TEMPORARY];
	if (name->snapshot)
		temporary_text(name, text, sizeof text);
	else
		hf_keep_name_text(name, text);
	int fd = openat(dir->fd, text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	*ret = (struct hf_keep_file){ .fd = fd, .name = *name };
	return 0;
}

int hf_keep_open(const struct hf_keep_dir *dir, const struct hf_keep_name *name)
{
	char text[HF_KEEP_NAME_MAX];
	int fd = openat(dir->fd, hf_keep_name_text(name, text), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

int hf_keep_append(struct hf_keep_file *file, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	size_t done = 0;
	while (done < len) {
		ssize_t n = pwrite(file->fd, from + done, len - done, (off_t)(file->len + done));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			int rc = n < 0 ? -errno : -EIO;
			/* If even this fails, the reader finds the torn block out. */
			int ignored = ftruncate(file->fd, (off_t)file->len);
			(void)ignored;
			return rc;
		}
		done += (size_t)n;
	}
	file->len += len;
	file->dirty = true;
	return 0;
}

int hf_keep_sync(struct hf_keep_file *file)
{
	if (!file->dirty)
		return 0;
	/* After a failure the system may hold the pages for clean: they are not safe,
	 * and asking again would not tell. The caller must write them anew. */
	file->dirty = false;
	return fdatasync(file->fd) < 0 ? -errno : 0;
}

int hf_keep_publish(const struct hf_keep_dir *dir, struct hf_keep_file *file)
{
	char from[HF_KEEP_NAME_MAX + sizeof TEMPORARY], to[HF_KEEP_NAME_MAX];
	int rc = fsync(file->fd) < 0 ? -errno : 0;
	temporary_text(&file->name, from, sizeof from);
	if (!rc && renameat(dir->fd, from, dir->fd, hf_keep_name_text(&file->name, to)) < 0)
		rc = -errno;
	if (rc) {
		hf_keep_close(dir, file);
		return rc;
	}
	close(file->fd);
	file->fd = -1;
	return fsync(dir->fd) < 0 ? -errno : 0;
}

void hf_keep_close(const struct hf_keep_dir *dir, struct hf_keep_file *file)
{
	char text[HF_KEEP_NAME_MAX + sizeof TEMPORARY];
	if (file->fd < 0)
		return;
	close(file->fd);
	file->fd = -1;
	if (file->name.snapshot)
		unlinkat(dir->fd, temporary_text(&file->name, text, sizeof text), 0);
}
