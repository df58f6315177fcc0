/* SPDX-License-Identifier: MIT */
#include "base/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* A second writing of the algorithm, octet by octet and with the rounds as
 * parameters, so that the published vector of SipHash-2-4 vouches for it. */
static void round_of(uint64_t *a, uint64_t *b, uint64_t *c, uint64_t *d)
{
	*a += *b;
	*b = (*b << 13 | *b >> 51) ^ *a;
	*a = *a << 32 | *a >> 32;
	*c += *d;
	*d = (*d << 16 | *d >> 48) ^ *c;
	*a += *d;
	*d = (*d << 21 | *d >> 43) ^ *a;
	*c += *b;
	*b = (*b << 17 | *b >> 47) ^ *c;
	*c = *c << 32 | *c >> 32;
}

static uint64_t reference(struct hf_hash_key key, const uint8_t *bytes, size_t len, uint8_t last,
	int compress, int finish)
{
	uint64_t a = key.k0 ^ 0x736f6d6570736575u, b = key.k1 ^ 0x646f72616e646f6du;
	uint64_t c = key.k0 ^ 0x6c7967656e657261u, d = key.k1 ^ 0x7465646279746573u;
	for (size_t at = 0; at <= len; at += 8) {
		uint64_t word = 0;
		for (size_t i = 0; i < 8 && at + i < len; i++)
			word |= (uint64_t)bytes[at + i] << 8 * i;
		if (at + 8 > len)
			word |= (uint64_t)last << 56;
		d ^= word;
		for (int i = 0; i < compress; i++)
			round_of(&a, &b, &c, &d);
		a ^= word;
	}
	c ^= 0xff;
	for (int i = 0; i < finish; i++)
		round_of(&a, &b, &c, &d);
	return a ^ b ^ c ^ d;
}

static const struct hf_hash_key key = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };

static void the_second_writing_gives_the_published_value(void **state)
{
	(void)state;
	uint8_t input[15];
	for (uint8_t i = 0; i < sizeof input; i++)
		input[i] = i;
	assert_true(reference(key, input, sizeof input, 15, 2, 4) == 0xa129ca6149be45e5u);
}

static void hashes_are_siphash_1_3_over_seed_and_bytes(void **state)
{
	(void)state;
	uint8_t input[8 + 64];
	uint64_t seed = 0x1122334455667788u;
	for (unsigned i = 0; i < 8; i++)
		input[i] = (uint8_t)(seed >> 8 * i);
	for (uint8_t i = 0; i < 64; i++)
		input[8 + i] = (uint8_t)(i * 7);
	for (size_t len = 0; len <= 64; len++)
		assert_true(hf_hash(&key, seed, input + 8, len) ==
			reference(key, input, 8 + len, (uint8_t)len, 1, 3));
}

static void key_seed_bytes_and_length_all_matter(void **state)
{
	(void)state;
	struct hf_hash_key other = key;
	other.k1 ^= 1;
	uint64_t h = hf_hash(&key, 1, "name", 4);
	assert_true(h == hf_hash(&key, 1, "name", 4));
	assert_true(h != hf_hash(&other, 1, "name", 4));
	assert_true(h != hf_hash(&key, 2, "name", 4));
	assert_true(h != hf_hash(&key, 1, "nama", 4));
	assert_true(h != hf_hash(&key, 1, "name", 5));
	assert_true(hf_hash(&key, 1, NULL, 0) != hf_hash(&key, 1, "", 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_second_writing_gives_the_published_value),
		cmocka_unit_test(hashes_are_siphash_1_3_over_seed_and_bytes),
		cmocka_unit_test(key_seed_bytes_and_length_all_matter),
	};
	return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
