/* SPDX-License-Identifier: GPL-3.0-or-later */
/* journal.h - the last differences of one zone, for secondaries that ask for them (IXFR).
 *
 * Story: whenever a new version takes the place of one that was served, the difference
 * between them is put behind those of before; the oldest are let go to stay within the
 * bounds. A journal is immutable: adding makes a new one, so that whoever answers from the
 * old one goes on. It lies in memory only: after a restart it is empty, and secondaries
 * get the whole zone.
 * Ownership: counted; holds references on its differences.  Threads: immutable.
 * At the bound: limits.versions differences (at most HF_JOURNAL_VERSIONS_MAX) of
 * limits.octets in all; a single one that is larger leaves an empty journal. */
#ifndef HF_ZONE_JOURNAL_H
#define HF_ZONE_JOURNAL_H

#include "zone/difference.h"

#define HF_JOURNAL_VERSIONS_MAX 1000

struct hf_journal;

struct hf_journal_limits {
	uint32_t versions;
	uint64_t octets;
};

/* The journal of `to`, which takes the place of `from`: what `before` (NULL: nothing) has
 * that leads to `from`, and the step to `to`. NULL: there is none, for want of room or
 * because `to` is not newer (RFC 1982). Neither reference is taken. */
struct hf_journal *hf_journal_add(const struct hf_journal *before, const struct hf_zone *from,
	const struct hf_zone *to, const struct hf_journal_limits *limits);

struct hf_journal *hf_journal_ref(struct hf_journal *journal);
void hf_journal_unref(struct hf_journal *journal); /* NULL is fine */

/* The difference that begins with this serial, from which all that follow lead to `to`; or
 * HF_JOURNAL_NONE. The journal may be NULL. */
#define HF_JOURNAL_NONE SIZE_MAX
size_t hf_journal_find(const struct hf_journal *journal, uint32_t from, uint32_t to);

size_t hf_journal_count(const struct hf_journal *journal); /* NULL: 0 */
struct hf_difference *hf_journal_at(const struct hf_journal *journal, size_t i);

/* Octets of the differences from the i-th on. */
uint64_t hf_journal_octets(const struct hf_journal *journal, size_t i);

#endif
