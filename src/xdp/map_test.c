/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/xdp_map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "wire/name.h"

static __u64 hash_of(const void *octets, size_t len, const struct hf_xdp_key *key)
{
	__u64 words[HF_XDP_NAME_WORDS] = {0};
	memcpy(words, octets, len);
	return hf_xdp_hash(words, (__u32)len, key);
}

static struct hf_name name_of(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* Two others' SipHash-1-3: CPython's of bytes (3.11, PYTHONHASHSEED=0, so that the key is
 * zeros), and with the key and the octets that its authors' vectors have. */
static void names_are_hashed_by_siphash_1_3_with_all_of_the_key(void **state)
{
	static const struct {
		const char *name;
		__u64 hash;
	} of_zeros[] = {
		{".", 0x68a914128e01e473u},
		{"x", 0x2b73020fb056169cu},
		{"www.example.com", 0x8f7953d3bcaad838u},
		{"a-name-that-takes-all-of-the-room.that-there-is.for-a.name1234",
			0x861253c2358664feu},
	};
	static const struct {
		size_t len;
		__u64 hash;
	} counted[] = {{1, 0xc9f49bf37d57ca93u}, {7, 0xd3927d989bb11140u}, {8, 0x369095118d299a8eu},
		{15, 0xd320d86d2a519956u}, {63, 0x9d199062b7bbb3a8u}};
	static const struct hf_xdp_key zeros, key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};
	uint8_t octets[HF_XDP_NAME];
	(void)state;
	for (size_t i = 0; i < HF_COUNT_OF(of_zeros); i++) {
		struct hf_name name = name_of(of_zeros[i].name);
		assert_true(hash_of(name.bytes, name.len, &zeros) == of_zeros[i].hash);
	}
	for (uint8_t i = 0; i < sizeof octets; i++)
		octets[i] = i;
	for (size_t i = 0; i < HF_COUNT_OF(counted); i++)
		assert_true(hash_of(octets, counted[i].len, &key) == counted[i].hash);
}

/* Names like www.example.com of which one has the top bits of some octets turned: where a
 * multiplication spreads each word, three such can undo each other whatever the key is. */
static void no_pair_of_names_meets_in_a_bucket_more_than_by_chance(void **state)
{
	enum { OCTETS = 17, SETS = OCTETS * (OCTETS - 1) * (OCTETS - 2) / 6, KEYS = 512 };
	struct hf_name name = name_of("www.example.com");
	unsigned pairs = 0, met = 0, most = 0;
	(void)state;
	assert_int_equal(name.len, OCTETS);
	for (unsigned a = 0; a < OCTETS; a++)
		for (unsigned b = a + 1; b < OCTETS; b++)
			for (unsigned c = b + 1; c < OCTETS; c++) {
				struct hf_name other = name;
				unsigned of_these = 0;
				other.bytes[a] ^= 0x80;
				other.bytes[b] ^= 0x80;
				other.bytes[c] ^= 0x80;
				for (uint64_t i = 1; i <= KEYS; i++, pairs++) {
					const struct hf_xdp_key key = {
						i * 0x9e3779b97f4a7c15u, i * 0xd1342543de82ef95u};
					__u64 x = hash_of(name.bytes, OCTETS, &key);
					__u64 y = hash_of(other.bytes, OCTETS, &key);
					of_these += hf_xdp_bucket_of(x) == hf_xdp_bucket_of(y);
					assert_true(hf_xdp_tag(x, 1, 0) != hf_xdp_tag(y, 1, 0));
				}
				met += of_these;
				most = of_these > most ? of_these : most;
			}
	assert_int_equal(pairs, SETS * KEYS);
	/* One in 2048 by chance: 170 of all with a deviation of 13, and of no pair many. */
	assert_true(met > 100 && met < 240);
	assert_true(most < 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_hashed_by_siphash_1_3_with_all_of_the_key),
		cmocka_unit_test(no_pair_of_names_meets_in_a_bucket_more_than_by_chance),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
