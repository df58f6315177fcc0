/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expect.h - which expectation a name has.
 *
 * Story: an expectation is for one name, or for all names below one ("*.name"). The
 * one that says most about a name counts, and only that: its own before any "*.",
 * the longer "*." before the shorter. The table is a hash of names; the labels of the
 * deepest bound the walk, and an empty table costs one compare.
 * Ownership: the table and what it holds live as long as the arena, and the
 * configuration that it points into.
 * Threads: immutable once built; any thread may look up. */
#ifndef HF_TRUTH_EXPECT_H
#define HF_TRUTH_EXPECT_H

#include "base/arena.h"
#include "base/hash.h"
#include "truth/truth_conf.h"

/* An expectation as it is held against answers. */
struct hf_expected {
	const struct hf_expectation *conf;
	unsigned index;               /* in hf_truth_conf.expectations */
	const struct hf_name *cnames; /* lowered */
	size_t cname_count;
	unsigned agree, of;           /* 0: whoever answers is believed */
	uint64_t print;               /* a hash of all that it says: the same in another table of
					 the same key if nothing has changed */
};

struct hf_expect_table;

/* Builds the table. Names must be distinct, and texts good (the configuration has seen
 * to that; HF_ESYNTAX else). -ENOMEM. */
int hf_expect_table_build(struct hf_arena *arena, const struct hf_hash_key *key,
	const struct hf_truth_conf *conf, struct hf_expect_table **ret);

/* What is expected of a lowered name; NULL: nothing. */
const struct hf_expected *hf_expect_find(const struct hf_expect_table *table,
	const struct hf_name *name);

/* The index-th of the configuration. */
const struct hf_expected *hf_expect_at(const struct hf_expect_table *table, size_t index);
size_t hf_expect_count(const struct hf_expect_table *table);

/* A hash of all that is expected: another one, something has changed. */
uint64_t hf_expect_print(const struct hf_expect_table *table);

/* Its name as it stood in the file, "*." included. Returns buf. */
#define HF_EXPECT_TEXT_MAX (HF_NAME_TEXT_MAX + 2)
const char *hf_expect_text(const struct hf_expectation *expectation, char buf[static HF_EXPECT_TEXT_MAX]);

#endif
