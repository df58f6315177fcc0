/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/copy.h"

#include <dirent.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "loop/loop_epoll.h"

#define MAGIC_LEN 8
#define DIGEST_LEN 32
#define BUFFER (64 << 10)
#define STEM_MAX 200 /* of a file's name: 255 and some room for what is put behind it */
#define FILE_NAME_MAX (STEM_MAX + 32)
#define PROOF_LEN (MAGIC_LEN + 4 + 8 + 8 + 8)
#define SET_HEAD (1 + HF_NAME_MAX + 2 + 4 + 2 + 4)

static const uint8_t zone_magic[MAGIC_LEN] = {'h', 'f', 'z', 'o', 'n', 'e', 0, 1};
static const uint8_t proof_magic[MAGIC_LEN] = {'h', 'f', 'p', 'r', 'o', 'o', 'f', 1};

struct hf_copies {
	int dir, lock;
	hf_us rests_until;
	bool busy;     /* another thread writes a copy */
	bool closed;   /* ... and nobody else wants this any more */
	uint64_t boot; /* which start of the machine; 0: not known */
};

/* ---- the directory ---- */

static uint64_t this_boot(void)
{
	static const struct hf_hash_key key = {3, 4}; /* a checksum: the same in each process */
	char text[64];
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	return n > 0 ? hf_hash(&key, 0, text, (size_t)n) | 1 : 0;
}

static int open_dir(const char *path)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int take_lock(int dir)
{
	int fd = openat(dir, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

int hf_copies_open(const char *path, struct hf_copies **ret)
{
	int dir = open_dir(path);
	int lock = dir < 0 ? dir : take_lock(dir);
	struct hf_copies *copies = lock < 0 ? NULL : calloc(1, sizeof *copies);
	if (!copies) {
		if (lock >= 0)
			close(lock);
		if (dir >= 0)
			close(dir);
		return lock < 0 ? lock : -ENOMEM;
	}
	*copies = (struct hf_copies){.dir = dir, .lock = lock, .boot = this_boot()};
	*ret = copies;
	return 0;
}

void hf_copies_close(struct hf_copies *copies)
{
	if (!copies)
		return;
	copies->closed = true;
	if (copies->busy)
		return; /* it goes with the end of that */
	close(copies->lock);
	close(copies->dir);
	free(copies);
}

void hf_copies_begin(struct hf_copies *copies)
{
	copies->busy = true;
}

void hf_copies_end(struct hf_copies *copies)
{
	copies->busy = false;
	if (copies->closed)
		hf_copies_close(copies);
}

/* ---- names of files ---- */

static bool is_plain(uint8_t c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* Labels with dots between, all but letters, digits, "-" and "_" as %XX; "%" is the root. */
static size_t stem_of(const struct hf_name *name, char *buf, size_t size)
{
	size_t len = 0;
	for (const uint8_t *label = name->bytes; *label && len < size; label += 1 + *label) {
		if (label != name->bytes)
			buf[len++] = '.';
		for (uint8_t i = 1; i <= *label && len + 4 < size; i++)
			if (is_plain(label[i]))
				buf[len++] = (char)label[i];
			else
				len += (size_t)snprintf(buf + len, size - len, "%%%02X", label[i]);
	}
	if (name->len == 1)
		buf[len++] = '%';
	buf[len] = 0;
	return len;
}

/* A name that would be too long stands as its digest. */
static void file_name(
	const struct hf_name *name, const char *suffix, char buf[static FILE_NAME_MAX])
{
	char stem[3 * HF_NAME_MAX + 8];
	if (stem_of(name, stem, sizeof stem) > STEM_MAX) {
		uint8_t digest[DIGEST_LEN];
		gnutls_hash_fast(GNUTLS_DIG_SHA256, name->bytes, name->len, digest);
		for (size_t i = 0; i < 16; i++)
			snprintf(stem + 1 + 2 * i, 3, "%02x", digest[i]);
		stem[0] = '=';
	}
	snprintf(buf, FILE_NAME_MAX, "%.*s.%s", STEM_MAX, stem, suffix);
}

/* ---- writing ---- */

struct sink {
	const struct hf_copies *copies;
	char name[FILE_NAME_MAX], temporary[FILE_NAME_MAX];
	int fd, error;
	gnutls_hash_hd_t hash;
	uint64_t octets;
	size_t used;
	uint8_t buffer[BUFFER];
};

static int sink_open(struct sink *s, const struct hf_copies *copies, const struct hf_name *name,
	const char *suffix)
{
	char temporary[16];
	s->copies = copies;
	s->error = 0;
	s->octets = s->used = 0;
	snprintf(temporary, sizeof temporary, "%s.tmp", suffix);
	file_name(name, suffix, s->name);
	file_name(name, temporary, s->temporary);
	if (gnutls_hash_init(&s->hash, GNUTLS_DIG_SHA256))
		return -ENOMEM;
	/* What a killed process left is written over. */
	s->fd = openat(copies->dir, s->temporary,
		O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->fd >= 0)
		return 0;
	int rc = -errno;
	gnutls_hash_deinit(s->hash, NULL);
	return rc;
}

static void flush_buffer(struct sink *s)
{
	for (size_t done = 0; !s->error && done < s->used;) {
		ssize_t n = write(s->fd, s->buffer + done, s->used - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			s->error = n < 0 ? -errno : -EIO;
	}
	s->used = 0;
}

static void put_raw(struct sink *s, const void *bytes, size_t len)
{
	const uint8_t *from = bytes;
	while (len) {
		size_t n = BUFFER - s->used < len ? BUFFER - s->used : len;
		memcpy(s->buffer + s->used, from, n);
		s->used += n;
		from += n;
		len -= n;
		if (s->used == BUFFER)
			flush_buffer(s);
	}
}

static void put(struct sink *s, const void *bytes, size_t len)
{
	gnutls_hash(s->hash, bytes, len);
	s->octets += len;
	put_raw(s, bytes, len);
}

/* The length and the digest behind it, and then its name; or nothing is left of it. `safe`:
 * it outlives a loss of power. */
static int sink_close(struct sink *s, bool safe)
{
	uint8_t end[8], digest[DIGEST_LEN];
	hf_put_u32(end, (uint32_t)(s->octets >> 32));
	hf_put_u32(end + 4, (uint32_t)s->octets);
	put(s, end, sizeof end);
	gnutls_hash_deinit(s->hash, digest);
	put_raw(s, digest, sizeof digest);
	flush_buffer(s);
	if (safe && !s->error && fsync(s->fd) < 0)
		s->error = -errno;
	close(s->fd);
	if (!s->error && renameat(s->copies->dir, s->temporary, s->copies->dir, s->name) < 0)
		s->error = -errno;
	if (s->error) {
		unlinkat(s->copies->dir, s->temporary, 0);
		return s->error;
	}
	return safe && fsync(s->copies->dir) < 0 ? -errno : 0;
}

static void put_set(struct sink *s, const struct hf_zone_set *set)
{
	uint8_t head[SET_HEAD];
	size_t owner = hf_name_wire_len(set->owner, HF_NAME_MAX), at = 1 + owner;
	head[0] = (uint8_t)owner;
	memcpy(head + 1, set->owner, owner);
	hf_put_u16(head + at, set->type);
	hf_put_u32(head + at + 2, set->ttl);
	hf_put_u16(head + at + 6, set->count);
	hf_put_u32(head + at + 8, (uint32_t)set->rdata_octets);
	put(s, head, at + 12);
	put(s, set->rdata, set->rdata_octets);
}

int hf_copy_save(
	struct hf_copies *copies, const struct hf_zone *zone, char why[static HF_COPY_WHY_MAX])
{
	const struct hf_name *name = hf_zone_origin(zone);
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	hf_us begun = hf_clock_now();
	struct sink *s = malloc(sizeof *s);
	int rc = s ? sink_open(s, copies, name, "zone") : -ENOMEM;
	if (!rc) {
		put(s, zone_magic, sizeof zone_magic);
		put(s, &name->len, 1);
		put(s, name->bytes, name->len);
		while (hf_zone_next(&walk, &set))
			put_set(s, &set);
		rc = sink_close(s, true);
	}
	free(s);
	if (rc)
		snprintf(why, HF_COPY_WHY_MAX, "the copy cannot be written: %s", hf_strerror(rc));
	hf_us done = hf_clock_now();
	copies->rests_until = done + (done - begun);
	return rc;
}

bool hf_copies_rest(const struct hf_copies *copies, hf_us now)
{
	return copies->busy || now < copies->rests_until;
}

int hf_copy_prove(struct hf_copies *copies, const struct hf_name *name, uint32_t serial,
	const struct hf_copy_clocks *clocks)
{
	uint8_t body[PROOF_LEN - MAGIC_LEN];
	struct sink *s = malloc(sizeof *s);
	int rc = s ? sink_open(s, copies, name, "proof") : -ENOMEM;
	if (!rc) {
		hf_put_u32(body, serial);
		hf_put_u32(body + 4, (uint32_t)((uint64_t)clocks->wall >> 32));
		hf_put_u32(body + 8, (uint32_t)clocks->wall);
		hf_put_u32(body + 12, (uint32_t)((uint64_t)clocks->now >> 32));
		hf_put_u32(body + 16, (uint32_t)clocks->now);
		hf_put_u32(body + 20, (uint32_t)(copies->boot >> 32));
		hf_put_u32(body + 24, (uint32_t)copies->boot);
		put(s, proof_magic, sizeof proof_magic);
		put(s, body, sizeof body);
		rc = sink_close(s, false);
	}
	free(s);
	return rc;
}

/* ---- reading ---- */

/* Does it begin with the magic and say the length that it has? Whoever put gigabytes of
 * nothing there does not have us read them. */
static bool looks_whole(int fd, uint64_t size, const uint8_t magic[static MAGIC_LEN])
{
	uint8_t begin[MAGIC_LEN], end[8];
	uint64_t content = size - 8 - DIGEST_LEN;
	return size >= MAGIC_LEN + 8 + DIGEST_LEN &&
	       pread(fd, begin, sizeof begin, 0) == (ssize_t)sizeof begin &&
	       pread(fd, end, sizeof end, (off_t)content) == (ssize_t)sizeof end &&
	       memcmp(begin, magic, MAGIC_LEN) == 0 &&
	       ((uint64_t)hf_get_u32(end) << 32 | hf_get_u32(end + 4)) == content;
}

static int read_file(const struct hf_copies *copies, const char *name,
	const uint8_t magic[static MAGIC_LEN], uint64_t most, uint8_t **ret, size_t *ret_len)
{
	struct stat st;
	int fd = openat(copies->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	int rc = fstat(fd, &st) < 0 ? -errno : !S_ISREG(st.st_mode) ? HF_EMALFORMED : 0;
	if (!rc && !looks_whole(fd, (uint64_t)st.st_size, magic))
		rc = HF_EMALFORMED;
	if (!rc && (uint64_t)st.st_size > most)
		rc = HF_EBOUND;
	size_t len = rc ? 0 : (size_t)st.st_size, done = 0;
	uint8_t *bytes = rc ? NULL : malloc(len + 1);
	if (!rc && !bytes)
		rc = -ENOMEM;
	while (!rc && done < len) {
		ssize_t n = read(fd, bytes + done, len - done);
		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno != EINTR)
			rc = n < 0 ? -errno : HF_EMALFORMED;
	}
	close(fd);
	if (rc) {
		free(bytes);
		return rc;
	}
	*ret = bytes;
	*ret_len = len;
	return 0;
}

/* Is it what was written? *len becomes that of the content. */
static bool is_whole(const uint8_t *bytes, size_t *len, const uint8_t magic[static MAGIC_LEN])
{
	uint8_t digest[DIGEST_LEN];
	if (*len < MAGIC_LEN + 8 + DIGEST_LEN || memcmp(bytes, magic, MAGIC_LEN) != 0)
		return false;
	size_t content = *len - DIGEST_LEN - 8;
	uint64_t said =
		(uint64_t)hf_get_u32(bytes + content) << 32 | hf_get_u32(bytes + content + 4);
	if (said != content || gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes, content + 8, digest) ||
		memcmp(digest, bytes + content + 8, DIGEST_LEN) != 0)
		return false;
	*len = content;
	return true;
}

/* One set, record by record. */
static int read_set(struct hf_reader *r, struct hf_zone_build *build)
{
	struct hf_zone_record record = {.class = HF_CLASS_IN};
	uint16_t count, len;
	uint32_t octets;
	if (!hf_read_u8(r, &record.owner.len) || !record.owner.len ||
		hf_reader_left(r) < record.owner.len ||
		hf_name_wire_len(r->bytes + r->at, hf_reader_left(r)) != record.owner.len)
		return HF_EMALFORMED;
	memcpy(record.owner.bytes, r->bytes + r->at, record.owner.len);
	hf_read_skip(r, record.owner.len);
	if (!hf_read_u16(r, &record.type) || !hf_read_u32(r, &record.ttl) ||
		!hf_read_u16(r, &count) || !hf_read_u32(r, &octets))
		return HF_EMALFORMED;
	for (; count; count--) {
		if (!hf_read_u16(r, &len) || hf_reader_left(r) < len)
			return HF_EMALFORMED;
		record.rdata = r->bytes + r->at;
		record.rdata_len = len;
		hf_read_skip(r, len);
		int rc = hf_zone_build_add(build, &record);
		if (rc)
			return rc;
	}
	return 0;
}

static void no_fault(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	(void)why;
}

/* The digest says that we wrote it: what is wrong all the same is another version's. */
static int read_zone(const uint8_t *bytes, size_t len, const struct hf_name *name,
	const struct hf_zone_limits *limits, struct hf_zone **ret)
{
	struct hf_zone_build *build;
	struct hf_reader r = hf_reader(bytes, len);
	if (!hf_read_skip(&r, MAGIC_LEN + 1) || bytes[MAGIC_LEN] != name->len ||
		hf_reader_left(&r) < name->len || memcmp(bytes + r.at, name->bytes, name->len) != 0)
		return HF_EMALFORMED;
	hf_read_skip(&r, name->len);
	int rc = hf_zone_build_new(name, limits, &build);
	if (rc)
		return rc;
	while (!rc && hf_reader_left(&r))
		rc = read_set(&r, build);
	if (!rc)
		return hf_zone_build_finish(build, no_fault, NULL, ret);
	hf_zone_build_free(build);
	return rc;
}

/* How long ago the proof was, or -1. */
static hf_us age_of(
	const struct hf_copies *copies, const uint8_t *body, const struct hf_copy_clocks *clocks)
{
	int64_t wall = (int64_t)((uint64_t)hf_get_u32(body + 4) << 32 | hf_get_u32(body + 8));
	hf_us then = (int64_t)((uint64_t)hf_get_u32(body + 12) << 32 | hf_get_u32(body + 16));
	uint64_t boot = (uint64_t)hf_get_u32(body + 20) << 32 | hf_get_u32(body + 24);
	bool same_boot = boot && boot == copies->boot && then >= 0 && clocks->now >= then;
	hf_us by_wall = wall >= 0 && clocks->wall >= wall &&
					clocks->wall - wall < HF_NEVER / HF_SECOND / 2
				? (clocks->wall - wall) * HF_SECOND
				: -1;
	if (!same_boot)
		return by_wall;
	return by_wall > clocks->now - then ? by_wall : clocks->now - then;
}

static hf_us proven_ago(const struct hf_copies *copies, const struct hf_name *name, uint32_t serial,
	const struct hf_copy_clocks *clocks)
{
	char file[FILE_NAME_MAX];
	uint8_t *bytes;
	size_t len;
	hf_us ago = -1;
	file_name(name, "proof", file);
	if (read_file(copies, file, proof_magic, PROOF_LEN + 8 + DIGEST_LEN, &bytes, &len))
		return -1;
	if (is_whole(bytes, &len, proof_magic) && len == PROOF_LEN &&
		hf_get_u32(bytes + MAGIC_LEN) == serial)
		ago = age_of(copies, bytes + MAGIC_LEN, clocks);
	free(bytes);
	return ago;
}

int hf_copy_load(struct hf_copies *copies, const struct hf_name *name,
	const struct hf_zone_limits *limits, const struct hf_copy_clocks *clocks,
	char why[static HF_COPY_WHY_MAX], struct hf_zone **ret, hf_us *ret_proven_ago)
{
	char file[FILE_NAME_MAX];
	uint8_t *bytes;
	size_t len;
	file_name(name, "zone", file);
	int rc = read_file(copies, file, zone_magic, HF_COPY_OCTETS_MAX, &bytes, &len);
	if (!rc) {
		rc = is_whole(bytes, &len, zone_magic) ? read_zone(bytes, len, name, limits, ret)
						       : HF_EMALFORMED;
		free(bytes);
	}
	if (rc == HF_EMALFORMED) {
		unlinkat(copies->dir, file, 0);
		snprintf(why, HF_COPY_WHY_MAX, "the copy %.100s was damaged, and is dropped", file);
	} else if (rc) {
		snprintf(why, HF_COPY_WHY_MAX, "the copy %.100s cannot be read: %s", file,
			hf_strerror(rc));
	} else {
		*ret_proven_ago = proven_ago(copies, name, hf_zone_soa(*ret)->serial, clocks);
	}
	return rc;
}

void hf_copy_drop(struct hf_copies *copies, const struct hf_name *name)
{
	static const char *const suffixes[] = {"zone", "proof"};
	char file[FILE_NAME_MAX];
	for (size_t i = 0; i < HF_COUNT_OF(suffixes); i++) {
		file_name(name, suffixes[i], file);
		unlinkat(copies->dir, file, 0); /* one that stays is never served unproven */
	}
}
