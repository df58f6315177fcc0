/* SPDX-License-Identifier: GPL-3.0-or-later */
/* table.h - the server's side of the table of hot answers.
 *
 * Story: publishing writes an entry and its tag, withdrawing takes tags away: some tens of
 * nanoseconds, no system call, no lock. The layout, and the proof that the program at the
 * driver never reads half of an entry, stand in xdp_map.h.
 *
 * Workers share buckets, but not names: a name is published and withdrawn by the one
 * worker that owns it. Whoever needs a way for another name takes it by changing its tag
 * to HF_XDP_CLAIMED; who loses that race leaves it be, and is asked again soon.
 *
 * Knows:   kept answers and memory; nothing of BPF: tests use memory of their own.
 * Threads: publish and withdraw by the owner of the name; all others from any.
 * At the bound: a bucket that is full of good answers keeps them for a second each, then
 * the oldest gives way. What does not fit into an entry, and ANY, is not published. */
#ifndef HF_XDP_TABLE_H
#define HF_XDP_TABLE_H

#include <stddef.h>
#include <stdint.h>

#include "cache/cache.h"
#include "engine/hot.h"
#include "xdp/xdp_map.h"

struct hf_xdp_table {
	struct hf_xdp_bucket *buckets; /* HF_XDP_BUCKETS; zeroed at first, the caller's */
	struct hf_xdp_entry *entries;  /* HF_XDP_ENTRIES */
	_Atomic int64_t *published;    /* of each entry: when, us */
	struct hf_xdp_key key;
	hf_us ahead; /* our monotonic clock, of the program's: in a time namespace */
};

/* True if it was put there, or stood there already. */
bool hf_xdp_publish(struct hf_xdp_table *table, const struct hf_cache_key *key,
	const struct hf_cached *copy, uint64_t generation, hf_us now);

/* The key's question and all NXDOMAIN of its name; with HF_CACHE_NAME all of the name. */
void hf_xdp_withdraw(struct hf_xdp_table *table, const struct hf_cache_key *key);

/* Withdraws each name that `gone` says of, and that nobody is publishing meanwhile. */
void hf_xdp_sweep(struct hf_xdp_table *table, hf_hot_gone *gone, const void *of);

/* Entries published under this generation, good or past their time. */
size_t hf_xdp_entries(const struct hf_xdp_table *table, uint64_t generation);

#endif
