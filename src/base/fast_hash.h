/* SPDX-License-Identifier: MIT */
/* fast_hash.h - a hash that nobody outside can steer, as fast as the processor has it.
 *
 * Story: the name of every question is hashed. SipHash (hash.h) takes 190 instructions for
 * a name of 26 octets; where the processor has the rounds of AES as instructions, 50 make
 * a hash that is no easier to steer. It is built like the MAC function Pelican 2.0 (Daemen
 * and Rijmen, 2005): blocks of 16 octets go into a secret state with four rounds between
 * them, which no difference survives with a probability above 2^-113 (Keliher and Sui,
 * 2005); then come ten rounds. Each round has a key of its own, made by SipHash from the
 * key that was drawn.
 * What comes out differs from processor to processor: it must not be written down, and the
 * simulator, whose worlds are the same everywhere, goes by SipHash.
 * Threads: pure, once it is made. */
#ifndef HF_BASE_FAST_HASH_H
#define HF_BASE_FAST_HASH_H

#include <stdbool.h>

#include "base/hash.h"

#define HF_HASH_BETWEEN 4 /* rounds after each block but the last */
#define HF_HASH_FINAL 10  /* rounds after the last */

struct hf_fast_hash {
	/* The state at the beginning, the keys of the rounds between, those of the last. */
	_Alignas(16) uint64_t keys[1 + HF_HASH_BETWEEN + HF_HASH_FINAL][2];
	struct hf_hash_key key;
	bool aes;
};

/* aes: by the processor's rounds, if it has them. */
void hf_fast_hash_init(struct hf_fast_hash *hash, const struct hf_hash_key *key, bool aes);

/* Of len (0 to 2^32 - 1) octets. */
uint64_t hf_fast_hash(const struct hf_fast_hash *hash, const void *bytes, size_t len);

#endif
