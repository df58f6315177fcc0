/* SPDX-License-Identifier: GPL-3.0-or-later */
/* copy.h - the versions that are served, written down, and when they were proven.
 *
 * Story: `zone-state` is a directory with two files for each zone: NAME.zone, its records,
 * and NAME.proof, which serial was proven when. Both are written under another name, made
 * safe on the disk, and only then given their own: whoever kills us leaves the old or the
 * new. (A proof is not made safe first: what a loss of power takes of it makes a copy look
 * older, never younger.) Each has a magic, a version, its length and a SHA-256 of all: what is damaged is
 * told of and dropped.
 * A proof counts from its wall-clock time. Within one start of the machine the monotonic
 * clock must not say more: if the wall clock went back meanwhile, it is believed. A wall
 * clock that shows less than when the proof was written, on another start, says nothing:
 * then the age is unknown.
 * Knows:   files.  Never: whether a version may be served (zone/gate.h).
 * Ownership: the authority's.  Threads: one, but for a save between begin and end.
 * At the bound: HF_COPY_OCTETS_MAX for a zone; names that are too long for a file are
 * hashed. Another process that has the directory: -EWOULDBLOCK. */
#ifndef HF_AUTHORITY_COPY_H
#define HF_AUTHORITY_COPY_H

#include "zone/snapshot.h"

#include "base/time.h"

#define HF_COPY_OCTETS_MAX (1ull << 32)
#define HF_COPY_WHY_MAX 200

struct hf_copies;

/* Opens and locks the directory, which is made if only it is missing. */
int hf_copies_open(const char *path, struct hf_copies **ret);
void hf_copies_close(struct hf_copies *copies); /* NULL is fine */

/* Whoever gives a copy away to be written by another thread says when that is under way:
 * then nothing but proofs is written, and a close waits for its end. The loop's thread alone. */
void hf_copies_begin(struct hf_copies *copies);
void hf_copies_end(struct hf_copies *copies);

/* What the clocks show: of the process, and seconds since 1970. */
struct hf_copy_clocks {
	hf_us now;
	int64_t wall;
};

/* Writes the version down. -errno, and `why` in words. */
int hf_copy_save(
	struct hf_copies *copies, const struct hf_zone *zone, char why[static HF_COPY_WHY_MAX]);

/* The zone has gone, and what was written down of it goes, too. */
void hf_copy_drop(struct hf_copies *copies, const struct hf_name *name);

/* Is it another's turn than the disk's? After each copy that is written the disk rests for
 * as long as that took: the thread that thousands of them keep busy has more to do. Nor is it
 * its turn while another thread writes one. */
bool hf_copies_rest(const struct hf_copies *copies, hf_us now);

/* Writes down that this serial has been proven at this instant. */
int hf_copy_prove(struct hf_copies *copies, const struct hf_name *name, uint32_t serial,
	const struct hf_copy_clocks *clocks);

/* Reads the version and for how long ago it was proven (-1: never, or not known). -ENOENT:
 * there is none; HF_EMALFORMED: it was damaged, is dropped, and `why` says so. */
int hf_copy_load(struct hf_copies *copies, const struct hf_name *name,
	const struct hf_zone_limits *limits, const struct hf_copy_clocks *clocks,
	char why[static HF_COPY_WHY_MAX], struct hf_zone **ret, hf_us *ret_proven_ago);

#endif
