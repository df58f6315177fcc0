/* SPDX-License-Identifier: MIT */
#include "base/fast_hash.h"

#include <string.h>

#define KEYS (sizeof((struct hf_fast_hash *)0)->keys / sizeof(uint64_t[2]))

#if defined(__x86_64__)
#include <wmmintrin.h>

static bool has_rounds(void)
{
	return __builtin_cpu_supports("aes");
}

/* Less than 16 octets, as two words that overlap: the length is part of the state. */
static inline __m128i short_block(const uint8_t *p, size_t len)
{
	uint64_t low = 0, high = 0;
	if (len >= 8) {
		memcpy(&low, p, 8);
		memcpy(&high, p + len - 8, 8);
	} else if (len >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + len - 4, 4);
	} else if (len) {
		low = (uint64_t)p[0] << 16 | (uint64_t)p[len / 2] << 8 | p[len - 1];
	}
	return _mm_set_epi64x((long long)high, (long long)low);
}

__attribute__((target("aes"))) static inline uint64_t finish(__m128i state, const __m128i *final)
{
	for (int i = 0; i < HF_HASH_FINAL - 1; i++)
		state = _mm_aesenc_si128(state, final[i]);
	state = _mm_aesenclast_si128(state, final[HF_HASH_FINAL - 1]);
	return (uint64_t)_mm_cvtsi128_si64(state);
}

__attribute__((target("aes"))) static uint64_t hash_aes(
	const struct hf_fast_hash *hash, const void *bytes, size_t len)
{
	const __m128i *key = (const __m128i *)(const void *)hash->keys;
	const __m128i *final = key + 1 + HF_HASH_BETWEEN;
	__m128i state = _mm_xor_si128(key[0], _mm_cvtsi64_si128((long long)len));
	if (len < 16)
		return finish(_mm_xor_si128(state, short_block(bytes, len)), final);
	/* The last block is 16 octets, too: some of the one before may come along. */
	const uint8_t *p = bytes, *last = p + len - 16;
	for (; p < last; p += 16) {
		state = _mm_xor_si128(state, _mm_loadu_si128((const __m128i *)(const void *)p));
		for (int i = 1; i <= HF_HASH_BETWEEN; i++)
			state = _mm_aesenc_si128(state, key[i]);
	}
	state = _mm_xor_si128(state, _mm_loadu_si128((const __m128i *)(const void *)last));
	return finish(state, final);
}
#else
static bool has_rounds(void)
{
	return false;
}

static uint64_t hash_aes(const struct hf_fast_hash *hash, const void *bytes, size_t len)
{
	return hf_hash(&hash->key, 0, bytes, len);
}
#endif

uint64_t hf_fast_hash(const struct hf_fast_hash *hash, const void *bytes, size_t len)
{
	return hash->aes ? hash_aes(hash, bytes, len) : hf_hash(&hash->key, 0, bytes, len);
}

void hf_fast_hash_init(struct hf_fast_hash *hash, const struct hf_hash_key *key, bool aes)
{
	hash->key = *key;
	hash->aes = aes && has_rounds();
	for (uint64_t i = 0; i < KEYS; i++) {
		hash->keys[i][0] = hf_hash(key, 2 * i, "rounds", 6);
		hash->keys[i][1] = hf_hash(key, 2 * i + 1, "rounds", 6);
	}
}
