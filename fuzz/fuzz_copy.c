/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a zone's copy on the disk and the proof beside it, as if their digests were
 * right, or as they are. A copy is taken whole or dropped; one that is taken is the zone's,
 * lies within its limits, and comes back the same, octet for octet, when it is written down;
 * a proof makes no copy younger than nothing. The first octet says which of both are sealed,
 * the second how long the proof is. */
#include "authority/copy.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"

#define DIGEST_LEN 32
#define COPY_MAX (1 << 20)
#define RECORDS_MAX 1000

enum how { SEAL_ZONE = 1, SEAL_PROOF = 2, LATER = 4 };

static char folder[64], zone_path[96], proof_path[96];
static struct hf_copies *copies;
static struct hf_name origin;

static void end(void)
{
	char lock[96];
	hf_copies_close(copies);
	snprintf(lock, sizeof lock, "%s/lock", folder);
	unlink(zone_path);
	unlink(proof_path);
	unlink(lock);
	rmdir(folder);
}

/* In memory, where there is such a place: a copy that is written is made safe on the disk. */
static void begin(void)
{
	if (copies)
		return;
	snprintf(folder, sizeof folder, "/dev/shm/fuzz_copy.XXXXXX");
	if (!mkdtemp(folder)) {
		snprintf(folder, sizeof folder, "/tmp/fuzz_copy.XXXXXX");
		hf_require(mkdtemp(folder));
	}
	snprintf(zone_path, sizeof zone_path, "%s/corp.example.zone", folder);
	snprintf(proof_path, sizeof proof_path, "%s/corp.example.proof", folder);
	hf_require(!hf_copies_open(folder, &copies));
	hf_require(!hf_name_from_text("corp.example", 12, &origin));
	atexit(end);
}

static void put_file(const char *path, const uint8_t *bytes, size_t len, bool seal)
{
	uint8_t end_of[8 + DIGEST_LEN] = {0};
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	hf_require(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	if (seal) {
		gnutls_hash_hd_t hash;
		hf_put_u32(end_of + 4, (uint32_t)len);
		hf_require(!gnutls_hash_init(&hash, GNUTLS_DIG_SHA256));
		gnutls_hash(hash, bytes, len);
		gnutls_hash(hash, end_of, 8);
		gnutls_hash_deinit(hash, end_of + 8);
		hf_require(write(fd, end_of, sizeof end_of) == (ssize_t)sizeof end_of);
	}
	close(fd);
}

static size_t get_file(uint8_t *bytes)
{
	int fd = open(zone_path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, COPY_MAX);
	hf_require(n > 0 && n < COPY_MAX);
	close(fd);
	return (size_t)n;
}

static int load(const struct hf_copy_clocks *clocks, struct hf_zone **ret)
{
	static const struct hf_zone_limits limits = {.records = RECORDS_MAX, .octets = 1 << 20};
	char why[HF_COPY_WHY_MAX] = "";
	hf_us ago = -2;
	int rc = hf_copy_load(copies, &origin, &limits, clocks, why, ret, &ago);
	hf_require(rc ? rc == -ENOENT || why[0] : ago >= -1);
	return rc;
}

/* Written, read, and written again: both files are the same. */
static void come_back(const struct hf_zone *zone, const struct hf_copy_clocks *clocks)
{
	static uint8_t first[COPY_MAX], second[COPY_MAX];
	char why[HF_COPY_WHY_MAX];
	struct hf_zone *back = NULL;
	hf_require(!hf_copy_save(copies, zone, why));
	size_t len = get_file(first);
	hf_require(!load(clocks, &back));
	hf_require(hf_zone_records(back) == hf_zone_records(zone));
	hf_require(!hf_copy_save(copies, back, why));
	hf_require(get_file(second) == len && memcmp(first, second, len) == 0);
	hf_zone_unref(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_zone *zone = NULL;
	if (size < 2 || size - 2 < data[1])
		return 0;
	begin();
	const struct hf_copy_clocks clocks = {
		1000 * HF_SECOND, data[0] & LATER ? INT64_MAX : 1790000000};
	const uint8_t *proof = data + 2, *content = proof + data[1];
	put_file(proof_path, proof, data[1], data[0] & SEAL_PROOF);
	put_file(zone_path, content, size - 2 - data[1], data[0] & SEAL_ZONE);
	int rc = load(&clocks, &zone);
	hf_require(rc != HF_EMALFORMED || access(zone_path, F_OK) < 0);
	if (rc)
		return 0;
	const struct hf_name *name = hf_zone_origin(zone);
	hf_require(name->len == origin.len && memcmp(name->bytes, origin.bytes, name->len) == 0);
	hf_require(hf_zone_records(zone) && hf_zone_records(zone) <= RECORDS_MAX);
	come_back(zone, &clocks);
	hf_zone_unref(zone);
	return 0;
}
