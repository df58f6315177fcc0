/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/zone_file.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/read_whole.h"
#include "zone/text.h"

/* Of records in front of a $TTL that name none: an hour, as other servers take it. */
#define TTL_DEFAULT 3600

struct reading {
	hf_zone_file_fault *fault;
	void *ctx;
	struct hf_zone_build *build;
	struct hf_zone_files *files;
	char *root;    /* the main file's directory, where links lead, or NULL */
	size_t octets; /* read so far */
	unsigned faults;
	/* A record's line is that of its file plus the file's base, so that faults found at
	 * the end can be told with both. */
	uint32_t bases[HF_ZONE_FILES_MAX];
	uint32_t lines; /* of all files so far */
	size_t stack[HF_ZONE_FILE_DEPTH];
	size_t depth;
	/* Nothing is built: this record is looked for, and where it stands goes to `place`. */
	const struct hf_zone_record *wanted;
	char *place;
};

static int record(void *ctx, const struct hf_zone_record *given);
static void text_fault(void *ctx, uint32_t line, const char *why);
static int include(void *ctx, uint32_t line, const char *file, const char *origin, uint32_t ttl);

static const struct hf_zone_handler handler = {record, text_fault, include};

/* ---- faults ---- */

static void tell(struct reading *r, const char *path, uint32_t line, const char *why)
{
	if (r->faults++ < HF_ZONE_FILE_FAULTS_MAX)
		r->fault(r->ctx, path, line, why);
}

static const char *here(const struct reading *r)
{
	return r->files->items[r->stack[r->depth - 1]].path;
}

static void text_fault(void *ctx, uint32_t line, const char *why)
{
	struct reading *r = ctx;
	tell(r, here(r), line, why);
}

/* A fault that was found when all was in: `line` has its file's base in it. */
static void build_fault(void *ctx, uint32_t line, const char *why)
{
	struct reading *r = ctx;
	size_t i = line ? r->files->count - 1 : 0;
	while (i && line <= r->bases[i])
		i--;
	tell(r, r->files->items[i].path, line ? line - r->bases[i] : 0, why);
}

/* ---- prints ---- */

static struct hf_file_print print_of(char *path)
{
	struct stat st;
	struct hf_file_print print = {.path = path};
	if (stat(path, &st) < 0)
		return print;
	print.device = st.st_dev;
	print.inode = st.st_ino;
	print.size = (uint64_t)st.st_size;
	print.changed_s = st.st_ctim.tv_sec;
	print.changed_ns = (uint32_t)st.st_ctim.tv_nsec;
	print.modified_s = st.st_mtim.tv_sec;
	print.modified_ns = (uint32_t)st.st_mtim.tv_nsec;
	return print;
}

static bool same_print(const struct hf_file_print *a, const struct hf_file_print *b)
{
	return a->device == b->device && a->inode == b->inode && a->size == b->size &&
	       a->changed_s == b->changed_s && a->changed_ns == b->changed_ns &&
	       a->modified_s == b->modified_s && a->modified_ns == b->modified_ns;
}

int hf_zone_files_add(struct hf_zone_files *files, const char *path)
{
	char *copy = strdup(path);
	struct hf_file_print *grown =
		realloc(files->items, (files->count + 1) * sizeof *files->items);
	if (grown)
		files->items = grown;
	if (!grown || !copy) {
		free(copy);
		return -ENOMEM;
	}
	files->items[files->count++] = print_of(copy);
	return 0;
}

bool hf_zone_files_same(const struct hf_zone_files *files)
{
	for (size_t i = 0; i < files->count; i++) {
		struct hf_file_print now = print_of(files->items[i].path);
		if (!same_print(&now, &files->items[i]))
			return false;
	}
	return true;
}

int hf_zone_files_look(const struct hf_zone_files *files, struct hf_zone_files *ret)
{
	int rc = 0;
	for (size_t i = 0; !rc && i < files->count; i++)
		rc = hf_zone_files_add(ret, files->items[i].path);
	return rc;
}

void hf_zone_files_clear(struct hf_zone_files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->items[i].path);
	free(files->items);
	*files = (struct hf_zone_files){.count = 0};
}

/* ---- one file ---- */

/* Not one that somebody must first write to, such as a pipe; nor one of which it is plain
 * that it is too long: a gigabyte of nothing would be read before that shows. */
static int open_file(const char *path, size_t room)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
	if (is_file && (uint64_t)st.st_size <= room)
		return fd;
	close(fd);
	return is_file ? HF_EBOUND : -EINVAL;
}

static int read_file(const char *path, size_t room, char **ret, size_t *ret_len)
{
	int fd = open_file(path, room);
	int rc = fd < 0 ? fd : hf_read_whole(fd, room, ret, ret_len);
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Why a file is not read, in words. */
static const char *cause(int error, char *buf, size_t size)
{
	if (error == -EINVAL)
		return "it is no file";
	if (error == HF_EBOUND)
		return "zone text is too long";
	snprintf(buf, size, "it cannot be read: %s", hf_strerror(error));
	return buf;
}

int hf_zone_file_text(const char *path, char **ret_text, size_t *ret_len,
	char why[static HF_ZONE_FILE_WHY_MAX])
{
	int rc = read_file(path, HF_ZONE_TEXT_MAX, ret_text, ret_len);
	if (!rc || rc == -ENOMEM)
		return rc;
	char buf[HF_ZONE_FILE_WHY_MAX];
	snprintf(why, HF_ZONE_FILE_WHY_MAX, "%s", cause(rc, buf, sizeof buf));
	return HF_EMALFORMED;
}

/* Takes note of a file before it is read: if it changes meanwhile, that shows. -ENOMEM. */
static int note_file(struct reading *r, const char *path)
{
	r->bases[r->files->count] = r->lines;
	return hf_zone_files_add(r->files, path);
}

static uint32_t count_lines(const char *text, size_t len)
{
	uint32_t lines = 1;
	for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))); at++)
		lines++;
	return lines;
}

/* Reads the file noted last, whose records go into the build. */
static int read_noted(struct reading *r, const char *origin, uint32_t ttl)
{
	char buf[200], *text = NULL;
	size_t len = 0, index = r->files->count - 1, room = HF_ZONE_TEXT_MAX - r->octets;
	const char *path = r->files->items[index].path;
	int rc = read_file(path, room, &text, &len);
	if (rc == -ENOMEM)
		return rc;
	if (rc) {
		tell(r, path, 0, cause(rc, buf, sizeof buf));
		return HF_ESYNTAX;
	}
	r->octets += len;
	r->lines += count_lines(text, len);
	const struct hf_zone_text in = {.text = text,
		.len = len,
		.origin = origin,
		.ttl = ttl,
		.faults_max = HF_ZONE_FILE_FAULTS_MAX};
	r->stack[r->depth++] = index;
	rc = hf_zone_text_read(&in, &handler, r);
	r->depth--;
	free(text);
	return rc;
}

/* ---- what it includes ---- */

/* Where it leads, if that is within the main file's directory. The caller frees it. */
static char *resolve(const struct reading *r, const char *file)
{
	char joined[PATH_MAX];
	size_t root = r->root ? strlen(r->root) : 0;
	int len = snprintf(joined, sizeof joined, "%s%s%s", file[0] == '/' ? "" : r->root,
		file[0] == '/' ? "" : "/", file);
	char *path = root && len > 0 && (size_t)len < sizeof joined ? realpath(joined, NULL) : NULL;
	bool within = path && strncmp(path, r->root, root) == 0 &&
		      (path[root] == '/' || strcmp(r->root, "/") == 0);
	if (within)
		return path;
	free(path);
	return NULL;
}

static bool is_open(const struct reading *r, const char *path)
{
	struct stat a, b;
	for (size_t i = 0; i < r->depth; i++)
		if (stat(path, &a) == 0 && stat(r->files->items[r->stack[i]].path, &b) == 0 &&
			a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			return true;
	return false;
}

/* Why it is not followed, or NULL. */
static const char *refusal(const struct reading *r, const char *path)
{
	if (!path)
		return "the file is not there, or not below the zone file's directory";
	if (is_open(r, path))
		return "the file includes itself";
	if (r->depth == HF_ZONE_FILE_DEPTH)
		return "files are included too deep";
	return r->files->count == HF_ZONE_FILES_MAX ? "too many files are included" : NULL;
}

static int include(void *ctx, uint32_t line, const char *file, const char *origin, uint32_t ttl)
{
	struct reading *r = ctx;
	char words[400];
	char *path = resolve(r, file);
	const char *why = refusal(r, path);
	int rc = HF_ESYNTAX;
	if (why) {
		snprintf(words, sizeof words, "$INCLUDE %.200s: %s", file, why);
		tell(r, here(r), line, words);
	} else {
		rc = note_file(r, path);
		if (!rc)
			rc = read_noted(r, origin, ttl);
	}
	free(path);
	return rc;
}

/* ---- the whole ---- */

/* -EEXIST, which ends the reading: it is there. */
static int look_for(struct reading *r, const struct hf_zone_record *given)
{
	const struct hf_zone_record *wanted = r->wanted;
	if (given->type != wanted->type || given->owner.len != wanted->owner.len ||
		given->rdata_len != wanted->rdata_len ||
		!hf_name_equal(given->owner.bytes, wanted->owner.bytes, wanted->owner.len) ||
		memcmp(given->rdata, wanted->rdata, wanted->rdata_len) != 0)
		return 0;
	if (!r->place[0]) /* not once more, should files go on being read */
		snprintf(r->place, HF_ZONE_FILE_PLACE_MAX, "%.250s:%u", here(r),
			(unsigned)given->line);
	return -EEXIST;
}

static int record(void *ctx, const struct hf_zone_record *given)
{
	struct reading *r = ctx;
	if (r->wanted)
		return look_for(r, given);
	struct hf_zone_record one = *given;
	one.line += r->bases[r->stack[r->depth - 1]];
	int rc = hf_zone_build_add(r->build, &one);
	if (rc == HF_EBOUND)
		tell(r, here(r), given->line, "there is more than the zone may have");
	return rc;
}

/* The directory, wherever links to the file lead: "a.zone" may be one to elsewhere. */
static char *root_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_MAX];
	if (!slash)
		return realpath(".", NULL);
	if ((size_t)(slash - path) >= sizeof folder)
		return NULL;
	snprintf(folder, sizeof folder, "%.*s", slash == path ? 1 : (int)(slash - path), path);
	return realpath(folder, NULL);
}

static int read_all(struct reading *r, const char *path, const struct hf_name *origin)
{
	char name[HF_NAME_TEXT_MAX];
	int rc = note_file(r, path);
	r->root = root_of(path);
	return rc ? rc : read_noted(r, hf_name_text(origin->bytes, name), TTL_DEFAULT);
}

int hf_zone_file_read(const char *path, const struct hf_name *origin,
	const struct hf_zone_limits *limits, hf_zone_file_fault *fault, void *ctx,
	struct hf_zone_files *ret_files, struct hf_zone **ret)
{
	struct reading r = {.fault = fault, .ctx = ctx, .files = ret_files};
	hf_zone_files_clear(ret_files);
	int rc = hf_zone_build_new(origin, limits, &r.build);
	if (!rc)
		rc = read_all(&r, path, origin);
	free(r.root);
	if (!rc)
		return hf_zone_build_finish(r.build, build_fault, &r, ret);
	hf_zone_build_free(r.build);
	return rc == -ENOMEM ? rc : HF_EMALFORMED;
}

static void no_fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	(void)ctx;
	(void)path;
	(void)line;
	(void)why;
}

bool hf_zone_file_find(const char *path, const struct hf_name *origin,
	const struct hf_zone_record *wanted, char ret[static HF_ZONE_FILE_PLACE_MAX])
{
	struct hf_zone_files files = {.count = 0};
	struct reading r = {.fault = no_fault, .files = &files, .wanted = wanted, .place = ret};
	ret[0] = '\0';
	read_all(&r, path, origin);
	free(r.root);
	hf_zone_files_clear(&files);
	return ret[0];
}
