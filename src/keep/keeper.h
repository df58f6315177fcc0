/* SPDX-License-Identifier: GPL-3.0-or-later */
/* keeper.h - one thread that writes the cache down, so that it outlives the process.
 * With it goes what was learnt of upstreams.
 *
 * Story: workers do not know that there is a keeper. Once a second it follows the
 * logs of every shard (cache/cache.h: reading along) and appends what is new to a
 * journal, with one write: what was answered a second ago survives kill -9. Every
 * ten seconds the journal is made safe on the disk: power loss takes no more than
 * that. When the journal has outgrown what lives, a new one is begun and, beside it,
 * a snapshot of everything that lives is written, at leisure; once that is safe and
 * has its name, older files go. Whatever goes wrong between leaves the older files,
 * which together say the same.
 *
 * Every two seconds it looks through what the workers have learnt of upstreams
 * (engine/learnt.h), and what is new of it since the last time goes to the journal,
 * too; a snapshot has all of it. So kill -9 takes no more than two seconds of that.
 *
 * Opening puts back what the last session left (keep/load.h). A directory that
 * cannot be had, a full disk, a second server: told once, counted, tried again; the
 * server serves all the same. What could not be written, or was overwritten in the
 * cache before it was read, is made up for by the next snapshot.
 *
 * Knows:   the cache's readers, plans (to say whose word an answer is).
 * Never:   anything that a worker waits for, but for the microseconds of a slice of
 * what was learnt.
 * Ownership: a reference on the plan; cache and team must outlive the keeper.
 * Threads: open, begin, adopt, stop, free from one thread (main); figures and the
 * event ring's one reader from any. The rest is the keeper's own thread.
 * At the bound: a journal that reaches what lives in the cache (8 MiB at least) while
 * no snapshot succeeds is not written on. So the disk holds two snapshots and two
 * journals at the very most, each no larger than about `cache.size`; usually less
 * than two thirds of one. Beside them lie the journals of servers that were killed before their
 * first snapshot was whole, 32 at most: then the snapshot comes first. What was learnt of upstreams
 * adds some 150 octets for each zone's upstream, of which 65,536 are kept; the journal is given 64
 * KiB of it a second at most, and the rest of a walk later. */
#ifndef HF_KEEP_KEEPER_H
#define HF_KEEP_KEEPER_H

#include <stdio.h>

#include "cache/cache.h"
#include "engine/learnt.h"
#include "engine/plan.h"
#include "keep/load.h"
#include "meter/event.h"

struct hf_keeper;

/* Opens the directory at path, puts back what is there, and says on `complaints`, a
 * line each, what is wrong with it. -ENOMEM; anything else is no failure. */
int hf_keeper_open(const char *path, struct hf_plan *plan, struct hf_cache *cache,
	struct hf_team *team, FILE *complaints, struct hf_keeper **ret);

/* Starts the thread. From the next call of hf_cache_store on, all is written. */
int hf_keeper_begin(struct hf_keeper *keeper);

/* Whose word answers are from now on. */
void hf_keeper_adopt(struct hf_keeper *keeper, struct hf_plan *plan);

/* Writes what there still is, makes it safe, ends the thread. */
void hf_keeper_stop(struct hf_keeper *keeper);
void hf_keeper_free(struct hf_keeper *keeper); /* NULL is fine; stops */

struct hf_keeper_figures {
	struct hf_keep_loaded loaded; /* by open */
	uint64_t written;             /* answers written since the start, snapshots included */
	uint64_t bytes;               /* of all files now */
	uint64_t errors;              /* things that failed */
	uint64_t lost;                /* times that the cache was faster than the keeper */
	int64_t success_wall;         /* when all was last written that there was, s; 0: never */
};
struct hf_keeper_figures hf_keeper_figures(struct hf_keeper *keeper);
struct hf_event_ring *hf_keeper_events(struct hf_keeper *keeper);

#endif
