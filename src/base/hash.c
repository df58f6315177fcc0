/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

static inline uint64_t rotl(uint64_t x, unsigned b)
{
	return x << b | x >> (64 - b);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[0] = rotl(v[0], 32);
	v[2] += v[3];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] += v[3];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] += v[1];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[2] = rotl(v[2], 32);
}

/* In any host's order the same: checksums of files are made with it, too. */
static inline uint64_t little(uint64_t word)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return word;
}

/* The last len (0 to 7) octets at p, as the low ones of a word. Where whole words
 * went before, those that end with them are read. */
static inline uint64_t rest(const uint8_t *p, size_t len, bool more_before)
{
	uint64_t word = 0;
	if (!len)
		return 0;
	if (more_before) {
		memcpy(&word, p + len - 8, 8);
		return little(word) >> 8 * (8 - len);
	}
	memcpy(&word, p, len);
	return little(word);
}

static inline void absorb(uint64_t v[4], uint64_t word)
{
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
}

uint64_t hf_hash(const struct hf_hash_key *key, uint64_t seed, const void *bytes, size_t len)
{
	uint64_t v[4] = {
		key->k0 ^ 0x736f6d6570736575u,
		key->k1 ^ 0x646f72616e646f6du,
		key->k0 ^ 0x6c7967656e657261u,
		key->k1 ^ 0x7465646279746573u,
	};
	const uint8_t *p = bytes;
	uint64_t word, last = (uint64_t)len << 56;
	bool whole = len >= 8;
	absorb(v, seed);
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		absorb(v, little(word));
	}
	absorb(v, rest(p, len, whole) | last);
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}
