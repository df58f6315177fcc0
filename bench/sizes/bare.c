/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "bare.h"

#include "base/check.h"
#include "base/pages.h"

/* As many octets of the index for a name as the cache has on average while it grows. */
#define INDEX_OCTETS 24

static uint64_t index_octets(const struct bare *bare)
{
	return bare->lines * 64;
}

static uint64_t log_octets(const struct bare *bare)
{
	return bare->names * BARE_WORDS * 8;
}

void bare_make(struct bare *bare, uint64_t names)
{
	bare->names = names;
	bare->lines = names * INDEX_OCTETS / 64 + 1;
	bare->index = hf_pages_get(index_octets(bare));
	bare->log = hf_pages_get(log_octets(bare));
	hf_require(bare->index && bare->log);
}

void bare_clear(struct bare *bare)
{
	hf_pages_free(bare->index, index_octets(bare));
	hf_pages_free(bare->log, log_octets(bare));
}

void bare_put(struct bare *bare, uint64_t number, uint64_t hash)
{
	*bare_slot(bare, hash) = number;
	for (unsigned i = 0; i < BARE_WORDS; i++)
		bare->log[number * BARE_WORDS + i] = hash;
}
