/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worker.h - one core's share: turns I/O into events and actions into I/O.
 *
 * Story: a worker owns a loop and the flights for the names that hash to it.
 * Whoever has a client (a listener) first
 * looks an answer up, which any worker may do for any name; on a miss it asks.
 * If the name belongs to another worker, the question goes to that one's
 * mailbox and the answer comes back through ours: so a question is under way
 * once in the process, and each shard of the cache has one writer.
 *
 * A *team* is the workers of one process. Its members are made one by one and
 * must all exist before the first loop turns.
 *
 * Threads: each worker by its own loop's thread; hf_worker_order from any.
 * At the bound: hf_worker_ask returns HF_EBOUND when this worker has too many
 * flights or the owner's mailbox is full; the client gets SERVFAIL.
 * Never:   configuration syntax, HTTP, who the client is. */
#ifndef HF_ENGINE_WORKER_H
#define HF_ENGINE_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "cache/cache.h"
#include "engine/client.h"
#include "engine/plan.h"
#include "engine/prove.h"
#include "loop/loop.h"
#include "meter/decision.h"
#include "meter/event.h"
#include "meter/meter.h"
#include "upstream/state.h"

struct hf_worker;
struct hf_team; /* workers that share a cache */

/* A team of `size` (1 to 256). The cache stays the caller's and outlives it. */
int hf_team_new(unsigned size, struct hf_cache *cache, struct hf_team **ret);

/* Why the upstream in a slot is not believed (TLS), copied to buf; "": it is, or has not
 * been asked. Any thread. */
#define HF_TEAM_WHY_MAX 200
void hf_team_why(struct hf_team *team, unsigned slot, char buf[static HF_TEAM_WHY_MAX]);

/* The quarantine of the upstream in a slot; false: it is in none. Any thread. */
struct hf_quarantine;
bool hf_team_quarantine(struct hf_team *team, unsigned slot, struct hf_quarantine *ret);

/* Which machine the upstream in a slot says that it is; false: it has not said. Any thread. */
struct hf_identity;
bool hf_team_identity(struct hf_team *team, unsigned slot, struct hf_identity *ret);

/* What the upstream in a slot contradicted last; false: nothing yet. Any thread. */
struct hf_contradiction;
bool hf_team_contradiction(struct hf_team *team, unsigned slot, struct hf_contradiction *ret);

/* The zones of which the upstream in a slot has an older version than its fellows, as
 * bars. Returns how many there are, of which up to `most` are written. Any thread. */
struct hf_bar;
size_t hf_team_late(struct hf_team *team, unsigned slot, struct hf_bar *ret, size_t most);

void hf_team_free(struct hf_team *team); /* frees all its workers; NULL is fine */

struct hf_worker_conf {
	struct hf_team *team;
	unsigned index;             /* 0 to size - 1 */
	struct hf_loop *loop;       /* stays the caller's; its hooks become ours */
	struct hf_meter *meter;     /* this worker's block */
	struct hf_event_ring *events;
	struct hf_plan *plan;       /* a reference is taken */
	size_t flights_max;         /* questions under way at once */
	struct hf_diary_size diary; /* what it remembers of decisions; 0: HF_DIARY_SIZE */
	/* How addresses are looked at that have to prove to be a name's (prove.h); NULL: by
	 * TLS. */
	const struct hf_prove_means *means;
	void *means_ctx;
	const struct hf_client *client;
	void *client_ctx;
	/* Once a turn of the loop; may be NULL. */
	void (*turned)(void *ctx, hf_us now);
	void *turned_ctx;
};

int hf_worker_new(const struct hf_worker_conf *conf, struct hf_worker **ret);

/* ---- for the layer above, in the worker's thread ---- */

enum hf_lookup {
	HF_LOOKUP_MISS,
	HF_LOOKUP_HIT,    /* copy holds a fresh answer to this question */
	HF_LOOKUP_CUT,    /* copy holds an NXDOMAIN of the name, or of one above it */
	HF_LOOKUP_STALE,  /* no upstream answers lately: *ret is an old answer (RFC 8767) */
	HF_LOOKUP_FAILED, /* nor is there an old answer: SERVFAIL (RFC 9520) */
};

/* The key of a question as this worker's plan routes it. */
struct hf_cache_key hf_worker_key(const struct hf_worker *worker,
	const struct hf_question *question, uint8_t flags);

/* The same, for a key that stays where it is made: as hf_cache_key_at, so a look ahead has to
 * follow, or hf_cache_key_forget. */
void hf_worker_key_at(const struct hf_worker *worker, const struct hf_question *question,
	uint8_t flags, struct hf_cache_key *ret);

/* Has the processor fetch what the lookups of n keys need: they follow soon. */
void hf_worker_look_ahead(
	const struct hf_worker *worker, struct hf_cache_key *const *keys, size_t n);

/* An answer from the cache, in copy; *ret points into it for HIT, CUT and STALE.
 * A stale one that is due for it is refreshed behind the client's back. MISS with
 * copy->kept.len set: there is one, but it does not fit into the copy's memory. */
enum hf_lookup hf_worker_lookup(struct hf_worker *worker, const struct hf_cache_key *key,
	hf_us now, struct hf_cached *copy, struct hf_answer *ret);

/* Its two halves, so that a hit need not make room for what other answers need. Does a fresh
 * answer to this very question lie in copy now? Made to be taken into its caller. */
bool hf_worker_hit(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy);

/* ... and if not, what else is there? Never HIT but for a denial of the name. */
enum hf_lookup hf_worker_lookup_further(struct hf_worker *worker, const struct hf_cache_key *key,
	hf_us now, struct hf_cached *copy, struct hf_answer *ret);

/* Asks for an answer: the client hears of it with this ticket.
 * key->name must be the question's. HF_EBOUND, HF_ESHARE, -ENOMEM: it will not. */
struct hf_ticket {
	uint64_t client; /* hf_plan_client: whose share it is */
	uint32_t number, generation;
};

/* When it will not: in words why not, which is counted; and is there an old answer to give
 * in its place (RFC 8767)? As hf_worker_lookup, and counted as well. */
const char *hf_worker_why_not(struct hf_worker *worker, int error);
bool hf_worker_old(struct hf_worker *worker, const struct hf_cache_key *key, hf_us now,
	struct hf_cached *copy, struct hf_answer *ret);

/* For the diary (meter/decision.h). Who was given the last STALE or FAILED: */
void hf_worker_was_for(struct hf_worker *worker, const struct hf_address *client);

/* ... and a question of the client (hf_plan_client) was not asked at all, for so many are
 * pending of so many that may be. */
void hf_worker_turned_away(struct hf_worker *worker, const struct hf_cache_key *key,
	uint64_t client, size_t pending, size_t most, hf_us now);

int hf_worker_ask(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_ticket *ticket, hf_us now);

struct hf_loop *hf_worker_loop(const struct hf_worker *worker);
struct hf_meter *hf_worker_meter(const struct hf_worker *worker);
const struct hf_diary *hf_worker_diary(const struct hf_worker *worker); /* meter/decision.h */
const struct hf_plan *hf_worker_plan(const struct hf_worker *worker);
size_t hf_worker_flights(const struct hf_worker *worker);

/* Messages to upstreams that may still be answered, of the whole team. */
size_t hf_worker_attempts(const struct hf_worker *worker);

/* To be called now and then: shows what only time has changed, such as that an
 * upstream's rest is over. */
void hf_worker_tick(struct hf_worker *worker, hf_us now);

/* Who takes hot answers: for good. Before anybody gives any of them, all workers of a team have
 * heard of him. */
struct hf_hot;
void hf_worker_set_hot(struct hf_worker *worker, const struct hf_hot *hot, void *ctx);

/* Goes by another plan from now on (takes a reference). */
void hf_worker_adopt(struct hf_worker *worker, struct hf_plan *plan);

/* These zones and local data are answered from elsewhere from now on, and not by us (takes a
 * reference); NULL: nothing is. */
struct hf_zones;
void hf_worker_adopt_zones(struct hf_worker *worker, struct hf_zones *zones);

/* ---- from any thread ---- */

/* Has `run(arg, now)` called in the worker's thread. -ENOMEM. */
int hf_worker_order(struct hf_worker *worker, void (*run)(void *arg, hf_us now), void *arg);

#endif
