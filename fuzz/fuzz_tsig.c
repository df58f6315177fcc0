/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as signed messages, each behind two octets of length: the first is taken as a
 * request at a server, then all as replies at a client that has asked. What is good loses
 * its record and nothing else; what is not stays as it was. */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "zone/tsig.h"

#define WALL 1700000000u /* when the corpus was signed */
#define ROOM 70000

static const uint8_t secret[32] = {16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
	32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47};

static uint8_t m[ROOM], before[ROOM];

static void require_kept(enum hf_tsig_found found, size_t len, size_t was)
{
	hf_require(*hf_tsig_found_text(found));
	hf_require(found == HF_TSIG_GOOD ? len <= was : len == was);
	if (found != HF_TSIG_GOOD || len == was)
		hf_require(memcmp(m, before, was) == 0);
	else
		hf_require(memcmp(m, before, 10) == 0 &&
			   memcmp(m + 12, before + 12, len - 12) == 0 &&
			   hf_get_u16(m + 10) + 1 == hf_get_u16(before + 10));
}

static void serve(const struct hf_tsig_key *keys, size_t count, size_t len)
{
	struct hf_tsig *t;
	const struct hf_tsig_key *key;
	size_t was = len;
	hf_require(!hf_tsig_new(keys, count, &t));
	enum hf_tsig_found found = hf_tsig_check_request(t, m, &len, WALL, &key);
	require_kept(found, len, was);
	was = len;
	if (len >= HF_HEADER_LEN && found != HF_TSIG_ABSENT) {
		int rc = found == HF_TSIG_GOOD
				 ? hf_tsig_sign(t, m, &len, len + HF_TSIG_ROOM, WALL)
				 : hf_tsig_sign_error(t, found, m, &len, len + HF_TSIG_ROOM, WALL);
		hf_require(!rc || (rc == HF_ESPACE && found != HF_TSIG_GOOD && len == was));
	}
	hf_tsig_free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hf_tsig_key keys[5];
	struct hf_tsig *client;
	static const uint8_t name[] = "\10transfer\3key";
	for (size_t i = 0; i < HF_COUNT_OF(keys); i++) {
		keys[i] = (struct hf_tsig_key){.name = {.len = sizeof name},
			.algorithm = (enum hf_tsig_algorithm)(HF_TSIG_SHA1 + i),
			.secret = secret,
			.secret_len = sizeof secret};
		memcpy(keys[i].name.bytes, name, sizeof name);
	}
	hf_require(!hf_tsig_new(&keys[HF_TSIG_SHA256 - HF_TSIG_SHA1], 1, &client));
	/* What the replies of the corpus answer. */
	size_t len = 31;
	memcpy(m, "\x12\x34\0\0\0\1\0\0\0\0\0\0\4corp\10internal\0\0\xfc\0\1", len);
	hf_require(!hf_tsig_sign(client, m, &len, ROOM, WALL));
	for (bool first = true; size >= 2; first = false) {
		len = hf_get_u16(data);
		data += 2;
		size -= 2;
		len = len < size ? len : size;
		memcpy(m, data, len);
		memcpy(before, data, len);
		if (first)
			serve(keys, HF_COUNT_OF(keys), len);
		memcpy(m, data, len);
		size_t now = len;
		enum hf_tsig_found found = hf_tsig_check_reply(client, m, &now, false, WALL);
		require_kept(found, now, len);
		data += len;
		size -= len;
	}
	hf_tsig_free(client);
	return 0;
}
