/* SPDX-License-Identifier: GPL-3.0-or-later */
/* vigil.h - files that are looked at until they have changed and come to rest.
 *
 * Story: whoever reads files keeps a vigil over them. They are looked at every other second,
 * or, where the directory is watched (authority/watch.h), whenever something stirs there and
 * seldom besides. Whoever writes a file may do so in pieces: only when it has looked the same
 * for a while is `changed` called, and the owner reads it again.
 * Ownership: the list of files is the owner's, and outlives the vigil.
 * Threads: that of its loop.
 * At the bound: files that are written to all the time are read all the same, after some
 * six seconds. */
#ifndef HF_AUTHORITY_VIGIL_H
#define HF_AUTHORITY_VIGIL_H

#include "authority/watch.h"

struct hf_vigil {
	struct hf_loop *loop;
	struct hf_watcher *watcher;        /* NULL: nobody tells us */
	const struct hf_zone_files *files; /* as they were read last, or given up */
	struct hf_zone_files seen;         /* while they settle */
	unsigned settling;
	struct hf_timer look;
	void (*changed)(void *ctx, hf_us now);
	void *ctx;
};

/* `watch` may be NULL. */
void hf_vigil_begin(struct hf_vigil *vigil, struct hf_loop *loop, struct hf_watch *watch,
	const struct hf_zone_files *files, void (*changed)(void *ctx, hf_us now), void *ctx);

/* The list names other files now. */
void hf_vigil_moved(struct hf_vigil *vigil);

void hf_vigil_end(struct hf_vigil *vigil); /* one that has not begun is fine */

#endif
