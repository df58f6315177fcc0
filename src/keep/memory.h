/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.h - how what was learnt of upstreams stands in the files of the cache.
 *
 * Story: blocks of a kind of their own (cache/written.h) hold records, each of an
 * upstream or of a path (upstream/memory.h), with the names that it is found by.
 * A record is whole by itself; the later one counts. A holdfast that does not know
 * the kind of a block or of a record passes over it.
 *
 *   record:  kind (8)  octets that follow (16)
 *     1, an upstream:  name length (8)  name  address  its memory
 *     2, a path:       the same, and before the memory: zone length (8)  zone
 *
 * Knows:   octets.  Never: files, clocks, whether there still is such an upstream.
 * Threads: pure.
 * At the bound: a record has at most HF_KEEP_MEMORY_MAX octets. */
#ifndef HF_KEEP_MEMORY_H
#define HF_KEEP_MEMORY_H

#include "engine/learnt.h"

#define HF_KEEP_UPSTREAM_NAME_MAX 63 /* octets of an upstream's name */
#define HF_KEEP_MEMORY_MAX                                                                         \
	(3 + 1 + HF_KEEP_UPSTREAM_NAME_MAX + 23 + 1 + HF_NAME_MAX + HF_MEMORY_OCTETS)

/* A record as it was read: `learnt` points to the rest. */
struct hf_keep_memory {
	struct hf_learnt learnt;
	char name[HF_KEEP_UPSTREAM_NAME_MAX + 1];
	struct hf_address address;
	struct hf_name zone;
};

/* False: there is not room for any record, or its name is too long to be kept. */
bool hf_keep_memory_put(struct hf_writer *w, const struct hf_learnt *learnt);

enum hf_keep_memory_step {
	HF_KEEP_MEMORY_RECORD,
	HF_KEEP_MEMORY_PASSED, /* of a kind that is not known */
	HF_KEEP_MEMORY_BAD,    /* a record that does not read; the next may */
	HF_KEEP_MEMORY_END,    /* nothing is left, or nothing that has a length */
};

enum hf_keep_memory_step hf_keep_memory_get(struct hf_reader *r, struct hf_keep_memory *ret);

#endif
