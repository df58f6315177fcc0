/* SPDX-License-Identifier: MIT */
#include "base/fast_hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/skipped.h"

static const struct hf_hash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

/* ---- a second writing of AES' rounds, from FIPS 197, octet by octet ---- */

static uint8_t times(uint8_t a, uint8_t b)
{
	uint8_t product = 0;
	for (; b; b >>= 1, a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0)))
		if (b & 1)
			product ^= a;
	return product;
}

static uint8_t substitute(uint8_t a)
{
	unsigned inverse = 0;
	while (a && times(a, (uint8_t)inverse) != 1)
		inverse++;
	unsigned twice = inverse << 8 | inverse;
	return (uint8_t)(inverse ^ twice >> 4 ^ twice >> 5 ^ twice >> 6 ^ twice >> 7 ^ 0x63);
}

static void round_of(uint8_t s[16], const uint8_t round_key[16], bool last)
{
	uint8_t t[16];
	for (unsigned i = 0; i < 16; i++)
		t[i] = substitute(s[(i + 4 * (i % 4)) % 16]);
	for (unsigned i = 0; i < 16; i++) {
		const uint8_t *column = t + i / 4 * 4;
		uint8_t mixed = (uint8_t)(times(column[i % 4], 2) ^ times(column[(i + 1) % 4], 3) ^
					  column[(i + 2) % 4] ^ column[(i + 3) % 4]);
		s[i] = (last ? t[i] : mixed) ^ round_key[i];
	}
}

static void the_second_writing_knows_the_s_box_and_the_columns_of_the_standard(void **state)
{
	(void)state;
	uint8_t s[16] = {0xd4, 0xbf, 0x5d, 0x30}, none[16] = {0};
	assert_int_equal(substitute(0x00), 0x63);
	assert_int_equal(substitute(0x53), 0xed);
	/* The first column of its worked example: substituted already, so undo that first. */
	for (unsigned i = 0; i < 16; i++) {
		unsigned before = 0;
		while (substitute((uint8_t)before) != s[i])
			before++;
		s[i] = (uint8_t)before;
	}
	uint8_t shifted[16];
	for (unsigned i = 0; i < 16; i++)
		shifted[(i + 4 * (i % 4)) % 16] = s[i];
	round_of(shifted, none, false);
	assert_memory_equal(shifted, ((uint8_t[]){0x04, 0x66, 0x81, 0xe5}), 4);
}

static uint64_t reference(const struct hf_fast_hash *h, const uint8_t *bytes, size_t len)
{
	const uint8_t(*round_keys)[16] = (const uint8_t(*)[16])(const void *)h->keys;
	uint8_t s[16], block[16];
	uint64_t word = len;
	memcpy(s, round_keys[0], 16);
	for (unsigned i = 0; i < 8; i++)
		s[i] ^= (uint8_t)(word >> 8 * i);
	for (size_t at = 0;; at += 16) {
		bool last = at + 16 >= len;
		memset(block, 0, sizeof block);
		if (len >= 16) {
			memcpy(block, last ? bytes + len - 16 : bytes + at, 16);
		} else if (len >= 4) {
			size_t half = len >= 8 ? 8 : 4;
			memcpy(block, bytes, half);
			memcpy(block + 8, bytes + len - half, half);
		} else if (len) {
			block[0] = bytes[len - 1];
			block[1] = bytes[len / 2];
			block[2] = bytes[0];
		}
		for (unsigned i = 0; i < 16; i++)
			s[i] ^= block[i];
		if (last)
			break;
		for (unsigned i = 1; i <= HF_HASH_BETWEEN; i++)
			round_of(s, round_keys[i], false);
	}
	for (unsigned i = 1; i <= HF_HASH_FINAL; i++)
		round_of(s, round_keys[HF_HASH_BETWEEN + i], i == HF_HASH_FINAL);
	memcpy(&word, s, 8);
	return word;
}

static void what_the_processor_makes_is_what_the_standard_says(void **state)
{
	(void)state;
	static struct hf_fast_hash h;
	uint8_t name[80];
	hf_fast_hash_init(&h, &key, true);
	for (unsigned i = 0; i < sizeof name; i++)
		name[i] = (uint8_t)(i * 37 + 1);
	if (!h.aes) {
		hf_skipped("the processor does not know AES");
		return;
	}
	for (size_t len = 0; len <= sizeof name; len++)
		assert_true(hf_fast_hash(&h, name, len) == reference(&h, name, len));
}

static void without_the_processors_help_it_is_siphash(void **state)
{
	(void)state;
	static struct hf_fast_hash h;
	hf_fast_hash_init(&h, &key, false);
	assert_false(h.aes);
	assert_true(hf_fast_hash(&h, "\7example", 8) == hf_hash(&key, 0, "\7example", 8));
}

/* In both ways: every octet, the length, and the key. */
static void each_octet_the_length_and_the_key_matter(void **state)
{
	(void)state;
	static struct hf_fast_hash h, other;
	static const struct hf_hash_key other_key = {0x0706050403020101u, 0x0f0e0d0c0b0a0908u};
	for (int aes = 0; aes < 2; aes++) {
		uint8_t name[256] = {0};
		hf_fast_hash_init(&h, &key, aes);
		hf_fast_hash_init(&other, &other_key, aes);
		for (size_t len = 1; len < sizeof name; len++) {
			uint64_t plain = hf_fast_hash(&h, name, len);
			assert_true(plain != hf_fast_hash(&h, name, len - 1));
			assert_true(plain != hf_fast_hash(&other, name, len));
			for (size_t i = 0; i < len; i++) {
				name[i] ^= 0x20;
				assert_true(plain != hf_fast_hash(&h, name, len));
				name[i] ^= 0x20;
			}
			name[len] = 0xff; /* what lies behind it does not */
			assert_true(plain == hf_fast_hash(&h, name, len));
			name[len] = 0;
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_second_writing_knows_the_s_box_and_the_columns_of_the_standard),
		cmocka_unit_test(what_the_processor_makes_is_what_the_standard_says),
		cmocka_unit_test(without_the_processors_help_it_is_siphash),
		cmocka_unit_test(each_octet_the_length_and_the_key_matter),
	};
	return cmocka_run_group_tests_name("fast_hash", tests, NULL, NULL);
}
