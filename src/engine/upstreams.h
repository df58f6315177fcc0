/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstreams.h - what all workers together know of the upstreams.
 *
 * Story: a budget, a circuit and a round trip are the process's, not a worker's:
 * five lost questions must not be five for each worker, and a budget is a promise
 * about what leaves the host. So the states lie here, under one lock, which a
 * worker holds for the length of one step of a query's machine: some hundred
 * nanoseconds of arithmetic for each question sent and each reply, never over a
 * system call, and never on a cache hit.
 * What a stale answer wants to know (has an upstream come back? may one be
 * probed?) is published in atomics beside it.
 * Questions that wait for room in a budget stand in their upstream's queue; who
 * finds room takes out whoever is next, its own or another worker's, which is
 * woken.
 * Private to engine/.  Threads: all, as said at each.
 * At the bound: HF_STANDING_MAX questions in one upstream's queue; then the client
 * with the longest backlog loses one, which fails as over the budget. */
#ifndef HF_ENGINE_UPSTREAMS_H
#define HF_ENGINE_UPSTREAMS_H

#include <pthread.h>
#include <stdatomic.h>

#include "engine/late.h"
#include "engine/liars.h"
#include "engine/plan.h"
#include "loop/loop.h"
#include "meter/meter.h"
#include "truth/compare.h"
#include "upstream/select.h"

#define HF_STANDING_MAX 8192

#define HF_WHY_MAX 200 /* octets of why an upstream is not believed, with the NUL */

/* A question in an upstream's queue, embedded in what sends it. */
struct hf_standing {
	struct hf_queue_entry entry;
	struct hf_standing *next, **prev; /* among those told to go */
	unsigned worker;                  /* index of the owner */
	uint16_t slot;
	uint8_t cost;
	hf_us until;                      /* from then on it need not be sent any more */
	hf_us charged;                    /* when it was told to go */
	bool evicted;                     /* not told to go: told to give up */
	bool listed;                      /* the owner's mark: it stands, or has been told */
};

struct hf_contradicted { /* what an upstream contradicted last */
	uint64_t begun;  /* hf_upstreams.begun of the slot: whose it is */
	struct hf_contradiction last;
};

struct hf_upstreams {
	pthread_mutex_t lock;
	struct hf_upstream_state states[HF_SLOTS_MAX]; /* under the lock */
	struct hf_upstream_state departed[HF_SLOTS_MAX]; /* ... who had the slot before */
	uint64_t begun[HF_SLOTS_MAX];                  /* ... by which plan it was given anew */
	struct hf_outgoing_state outgoing;             /* ... */
	struct hf_budget interfaces[HF_INTERFACES_MAX]; /* ... by place in the plan */
	struct hf_plan *plan;                          /* ... the newest that was adopted */
	uint64_t adoptions;                            /* ... */
	unsigned backlogged;                           /* ... queues that are not empty */
	char *why[HF_SLOTS_MAX];                       /* ... it is not believed; NULL: never */
	unsigned workers;
	struct hf_standing **told;                     /* ... of each worker */
	struct hf_liars liars;                         /* ... those in quarantine */
	struct hf_late late;                           /* ... and with an older zone */
	struct hf_identities *identities;              /* ... which machines they say they are */
	struct hf_contradicted *contradicted[HF_SLOTS_MAX]; /* ... NULL: nothing yet */
	/* Written under the lock, read by anybody: instants. */
	atomic_bool handing_over;              /* there is a plan before the newest */
	_Atomic hf_us recovered[HF_SLOTS_MAX]; /* its circuit closed again */
	_Atomic hf_us usable[HF_SLOTS_MAX];    /* 0: in use; else when it may be probed */
};

int hf_upstreams_new(unsigned workers, struct hf_upstreams **ret);
void hf_upstreams_free(struct hf_upstreams *all); /* NULL is fine */

/* Goes by a plan: what was learnt is kept for upstreams that stayed, and for
 * routes that had been there before. Any worker, for the same plan any number of
 * times; takes the lock for as long as it takes to go through the upstreams. */
void hf_upstreams_adopt(struct hf_upstreams *all, struct hf_plan *plan);

/* What was learnt for its routes is handed on from the plan before a slice at a
 * time: so however many routes there are, no step of a query waits for more than
 * HF_HAND_OVER_SLICE of them. A worker calls this at every turn; it costs nothing
 * when all is done. */
#define HF_HAND_OVER_SLICE 32
void hf_upstreams_hand_over(struct hf_upstreams *all);

/* What is known of the upstream that a plan has in a slot. Under an older plan it
 * may be another than now (or at another address): what that one does is no fact
 * about its successor. Under the lock. */
struct hf_upstream_state *hf_upstreams_state(struct hf_upstreams *all, const struct hf_plan *plan,
	unsigned slot);

static inline void hf_upstreams_lock(struct hf_upstreams *all)
{
	pthread_mutex_lock(&all->lock);
}

static inline void hf_upstreams_unlock(struct hf_upstreams *all)
{
	pthread_mutex_unlock(&all->lock);
}

/* Publishes what a step has changed of an upstream. Under the lock. */
void hf_upstreams_publish(struct hf_upstreams *all, unsigned slot, enum hf_health_state before,
	hf_us now);

/* TLS showed that the upstream of a plan in a slot is not who it should be. True: that,
 * or the reason, is news. Any thread; takes the lock. */
bool hf_upstreams_distrust(struct hf_upstreams *all, const struct hf_plan *plan, unsigned slot,
	const char *why);

/* Why it is not believed, copied to buf, or "". Any thread; takes the lock. */
void hf_upstreams_why(struct hf_upstreams *all, unsigned slot, char buf[static HF_WHY_MAX]);

/* Has an upstream of the route come back since then? Any thread. */
bool hf_upstreams_recovered(const struct hf_upstreams *all, const struct hf_plan *plan,
	const struct hf_route *route, hf_us since);

/* Is none of the route's in use, and one of them due for a probe? Any thread. */
bool hf_upstreams_want_probe(const struct hf_upstreams *all, const struct hf_plan *plan,
	const struct hf_route *route, hf_us now);

/* ---- standing in line; each takes the lock ---- */

/* Stands in line. *ret_wake: a worker that has been told something and is to be
 * woken (it may be the caller), or -1. HF_EBOUND: it lost at once; -ENOMEM. */
int hf_upstreams_stand(struct hf_upstreams *all, struct hf_standing *standing,
	const struct hf_queue_class *class, int *ret_wake);

/* It need not go any more, in whatever list it is; in none is fine. What it was
 * given is given back. */
void hf_upstreams_leave(struct hf_upstreams *all, struct hf_standing *standing);

/* Somebody else waits for it as well. */
void hf_upstreams_also(struct hf_upstreams *all, struct hf_standing *standing,
	const struct hf_queue_class *class);

/* Tells all to go for whom there is room, and sets wake[w] for their workers.
 * Returns when there may be room for the next; HF_NEVER: nobody waits. */
hf_us hf_upstreams_pump(struct hf_upstreams *all, hf_us now, bool *wake);

/* A packet that was charged at one instant left the host at a later one: it counts
 * from then on. */
void hf_upstreams_left_late(struct hf_upstreams *all, unsigned slot, uint32_t cost, hf_us charged,
	hf_us left);

/* What nobody asked for first leaves all the same: it counts, and others wait longer. */
void hf_upstreams_charge(struct hf_upstreams *all, const struct hf_plan *plan, unsigned slot,
	uint32_t cost, hf_us now);

/* The next of a worker's that has been told to go (or to give up); NULL: none. */
struct hf_standing *hf_upstreams_told(struct hf_upstreams *all, unsigned worker);

#endif
