/* SPDX-License-Identifier: MIT */
/* hash.h - a hash that nobody outside can steer.
 *
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF"): one
 * compression round a word and three at the end, the variant that Linux, Rust
 * and Python use for hash tables. The key is drawn once per process, so a
 * client that chooses names cannot choose slots. With a fixed key it is a checksum,
 * the same on every host.
 * Threads: pure. */
#ifndef HF_BASE_HASH_H
#define HF_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hf_hash_key {
	uint64_t k0, k1;
};

/* Hash of len bytes, starting from `seed` (type, class, flags packed by the
 * caller), under key. */
uint64_t hf_hash(const struct hf_hash_key *key, uint64_t seed, const void *bytes, size_t len);

#endif
