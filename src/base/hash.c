/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

#include "base/sip.h"

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

uint64_t hf_hash(const struct hf_hash_key *key, uint64_t seed, const void *bytes, size_t len)
{
	struct hf_sip s;
	const uint8_t *p = bytes;
	uint64_t word, last = (uint64_t)len << 56;
	bool whole = len >= 8;
	hf_sip_begin(&s, key->k0, key->k1);
	hf_sip_absorb(&s, seed);
	for (; len >= 8; p += 8, len -= 8) {
		memcpy(&word, p, 8);
		hf_sip_absorb(&s, little(word));
	}
	hf_sip_absorb(&s, rest(p, len, whole) | last);
	return hf_sip_end(&s);
}
