/* SPDX-License-Identifier: GPL-3.0-or-later */
/* diaries.h - what was decided lately about questions, in the whole server.
 *
 * Story: each worker keeps a diary of its own (meter/decision.h) and nobody else reads it. Who
 * wants to know what went on lately asks all workers: each looks, between two turns of its
 * other work, for its last decisions that fit the wish, and copies them. When all have, or
 * HF_DIARIES_LONGEST is over, what came is put in order by time. A worker that had no time is
 * counted, and what it finds later is dropped.
 * Ownership: what is under way belongs to the server, what was found to whoever asked.
 * Threads: asked by any that may wait, such as main and HTTP; never a worker's.
 * At the bound: HF_DIARIES_UNDER_WAY at once, then HF_EBOUND; HF_DIARIES_MOST decisions, the
 *          last. A worker looks at the 5,120 cells of its diary twice and at nothing else.
 * Never:   changes anything. */
#ifndef HF_SERVE_DIARIES_H
#define HF_SERVE_DIARIES_H

#include "engine/worker.h"
#include "meter/decision.h"
#include "serve/under_way.h"

#define HF_DIARIES_MOST 1000
#define HF_DIARIES_LONGEST (2 * HF_SECOND)
#define HF_DIARIES_UNDER_WAY 4

/* Decisions that fit all of this. Names of which the diary has kept the beginning only are
 * found by their whole name, not by the zone or route that they are in. */
struct hf_diaries_wish {
	uint16_t slot;        /* the upstream that it is about; HF_DECISION_NOBODY: any */
	struct hf_name name;  /* it, or one below it; len 0: any */
	struct hf_name route; /* the zone of the route that the name takes now; len 0: any */
	uint64_t client;      /* hf_plan_client of who asked, asked first or joined; 0: any */
	size_t most;          /* the last so many; 1 to HF_DIARIES_MOST */
};

struct hf_recalled {
	struct hf_decision decision;
	uint16_t worker;
};

struct hf_recollection {
	struct hf_recalled *items; /* the oldest first; free() */
	size_t count;
	size_t workers; /* that there are, ... */
	size_t silent;  /* ... and of them, that did not look in time */
};

/* No worker's thread runs any more, and nobody asks. `all` was begun by
 * hf_under_way_init; zeroed is not fine. */
void hf_diaries_clear(struct hf_under_way *all);

/* Does the decision fit? In the thread of the worker whose it is, or without one (NULL): then
 * routes are not looked at. */
bool hf_diaries_fits(const struct hf_worker *worker, const struct hf_diaries_wish *wish,
	const struct hf_decision *d);

/* Asks `count` workers and waits. 0, HF_EBOUND, -ENOMEM. */
int hf_diaries_read(struct hf_under_way *all, struct hf_worker *const *workers, size_t count,
	const struct hf_diaries_wish *wish, struct hf_recollection *ret);

#endif
