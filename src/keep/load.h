/* SPDX-License-Identifier: GPL-3.0-or-later */
/* load.h - the cache of the last session, and what it knew of upstreams, put back.
 *
 * Story: of the files in the directory the newest snapshot counts, and the
 * journals from its generation on; they are read in order, and the later word for
 * a key wins. Which is the later is told by the session's own monotonic clock; a
 * session is later than those before it.
 *
 * How old an answer is now: what the monotonic clock of its session says up to the
 * session's last word (so that a wall clock that was set in between has no say),
 * and from there to now the time without a server. That is the boot clock's
 * difference if the machine has not been started since, or the wall clock's if that
 * is longer; after a start of the machine the wall clock's. If the wall clock then
 * shows less than it did, nobody knows how long it was: every answer counts as past
 * its TTL as of now, so that it serves as a stale one only, for as long as
 * `cache.stale` allows.
 *
 * An answer is put back while its TTL or, past that, `cache.stale` lasts, if it
 * still belongs to the route of its name (keep/routes.h), and if its wire form
 * stands up to the care that an upstream's reply gets. It is good for no longer than
 * `cache.ttl-max` and `negative-max` have it now. What is damaged is told in a
 * line for each place and left out; nothing here keeps a server from starting.
 *
 * What was learnt of upstreams (keep/memory.h) is put back by the same clocks: the
 * later word counts, and the time without a server ages it. What becomes of each part
 * of it, also if no clock can tell that time, upstream/memory.h says.
 * Threads: main, before the workers turn; for the time of the call up to three more,
 * each for shards of its own.
 * At the bound: the cache's own: the oldest make room. Twenty places are told, the
 * rest counted; 16 sessions and the last 64 tables are known, answers of others
 * dropped. */
#ifndef HF_KEEP_LOAD_H
#define HF_KEEP_LOAD_H

#include <stdio.h>

#include "cache/cache.h"
#include "cache/written.h"
#include "engine/learnt.h"
#include "engine/plan.h"
#include "keep/files.h"

struct hf_keep_loaded {
	uint64_t entries;   /* in the cache afterwards */
	uint64_t too_old;   /* past TTL and stale */
	uint64_t rerouted;  /* another route's word now */
	uint64_t disbelieved; /* not what is expected of their names now */
	uint64_t damaged;   /* answers that do not read; those of damaged blocks are not known */
	uint64_t upstreams; /* of which something is known afterwards */
	uint64_t paths;     /* ... upstreams for one route */
	uint64_t faults;    /* places where a file is damaged */
	hf_us gap;          /* between the last word on disk and now; -1: nothing, or unknown */
	bool clock_back;    /* nobody knows how long it was */
};

struct hf_keep_home { /* where it is put back to */
	const struct hf_plan *plan;
	struct hf_cache *cache;
	struct hf_team *team; /* goes by the plan already */
};

/* path is what complaints call the directory. */
void hf_keep_load(const struct hf_keep_dir *dir, const char *path, const struct hf_keep_name *names,
	size_t count, const struct hf_keep_home *home, const struct hf_written_clocks *now,
	FILE *complaints, struct hf_keep_loaded *ret);

/* The clocks as they are written, with the number of this start of the machine. */
struct hf_written_clocks hf_keep_clocks(void);

/* ---- inside, for tests ---- */

struct hf_keep_gap {
	hf_us gap;     /* of time without a server */
	bool unknown;  /* it is not known: nothing may count as fresh */
};

/* From the last word of a session to now. */
struct hf_keep_gap hf_keep_gap(const struct hf_written_clocks *last,
	const struct hf_written_clocks *now);

#endif
