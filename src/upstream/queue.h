/* SPDX-License-Identifier: GPL-3.0-or-later */
/* queue.h - who goes next when not everybody can?
 *
 * Story: when an upstream takes fewer packets than are wanted, somebody waits.
 * If that were one line, whoever asks most would have it to himself. Here
 * clients take turns, and within a client its (route, type) pairs do, by deficit
 * round robin (Shreedhar and Varghese, 1995): each turn is worth one packet; who
 * needs more saves up, a turn at a time, and what a client has saved is lost
 * when nothing of it waits any more. So a client with ten thousand questions and
 * one with a single question get one packet each, and packets, not questions,
 * are what is shared: a connection of six packets has its turn every sixth time.
 * A client that comes back after being idle stands at the end of the round, not
 * behind anybody's backlog: it is reached within one take a client.
 * Words: an *entry* is what waits; its *cost* is in packets; a *class* says on
 * whose account it waits; a *flow* is a client's entries of one route and type,
 * in order of arrival. The *backlog* of a client is the number of its entries.
 * Whose turn it is does not depend on whether there is room for it: nobody is
 * overtaken because he is large. As long as there is no room for the one whose
 * turn it is, nobody goes; hf_queue_wants() says what it takes. Pass that to
 * hf_budget_when(), which admits even what is larger than its window:
 *
 *	while ((wants = hf_queue_wants(q)) && hf_budget_when(b, rate, wants, now) <= now)
 *		hf_queue_next(q, wants), hf_budget_spend(b, wants, now), ...
 *
 * Knows:   keyed hashes of clients, numbers of routes, types, costs.
 * Never:   addresses, names, time, what an entry is.
 * Ownership: entries are embedded in what the caller keeps and must not move
 * while they are queued. All else is taken once, when the queue is made: about
 * 250 bytes an entry.
 * At the bound: with entries_max entries, whoever has most loses an entry, and not the newcomer
 * who has little. It is looked for in this order:
 *   1. a client whose backlog is longer than the newcomer's would be: the one with the longest;
 *   2. the newcomer's own client, if another flow of its is longer than the newcomer's would be;
 *   3. the route with the most entries, if the newcomer's would have fewer, and there a client
 *      whose backlog is no shorter than the newcomer's would be, or its own.
 * It loses the newest of its longest flow; in 3, of the route. If there is nobody, all of these
 * are as well off as the newcomer, which is then not taken in. So a flood of questions for one
 * route, of one client or of many, keeps out no question for another.
 * Routes are counted under HF_QUEUE_ROUTES numbers: two that meet there count as one.
 * Cost: constant for each call, given costs of a few packets. A take looks at no
 * more than 64 clients that have not saved enough, and at 64 flows of each; the
 * last one goes then and has its debt kept. At the bound no more than 64 flows of a client and
 * 64 entries of a route are looked at. A class is found by a hash that
 * is keyed already; a chain ends after 64, and who would come later shares
 * the last one's turn.
 * Threads: one owner, no locks. */
#ifndef HF_UPSTREAM_QUEUE_H
#define HF_UPSTREAM_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_QUEUE_ROUTES 256

struct hf_queue;
struct hf_queue_flow;

/* What waits, for who looks at the line; it changes nobody's turn. */
enum hf_queue_kind {
	HF_QUEUE_QUESTION, /* a client's, for the first time */
	HF_QUEUE_REFRESH,  /* a first time that nobody waits for */
	HF_QUEUE_COPY,     /* a retry, a hedge, or what the protocol wants */
	HF_QUEUE_PROBE,    /* to see whether the upstream answers again, or our own question */
	HF_QUEUE_KINDS
};

struct hf_queue_class {
	uint64_t client; /* keyed hash of the client's prefix */
	uint32_t route;
	uint16_t type;
	enum hf_queue_kind kind; /* is no part of the account */
};

struct hf_queue_link {
	struct hf_queue_link *prev, *next;
};

/* Zeroed: not queued. Only `queued` and `cost` are for reading; nothing is for
 * writing. */
struct hf_queue_entry {
	struct hf_queue_link in_flow, in_client, in_route; /* by arrival */
	struct hf_queue_flow *flow;
	uint64_t arrival;
	uint16_t cost;
	bool queued;
	uint8_t kind;
};

/* An empty queue for up to entries_max entries (at least 1). -ENOMEM, HF_ERANGE. */
int hf_queue_new(size_t entries_max, struct hf_queue **ret);

/* Entries that are still queued are not touched and must not be used again
 * before they are zeroed. NULL is fine. */
void hf_queue_free(struct hf_queue *q);

/* Queues an entry on the account of class c. cost: packets; 0 counts as 1, over
 * 65,535 as 65,535. 0, and *ret_loser is the entry that had to leave (it is out
 * of the queue; it may be e itself, which was then never in) or NULL.
 * -EALREADY if e is queued; a bug of the caller. */
int hf_queue_add(struct hf_queue *q, struct hf_queue_entry *e, const struct hf_queue_class *c,
	uint32_t cost, struct hf_queue_entry **ret_loser);

/* Takes an entry out, wherever it stands. Nothing happens if it is not queued. */
void hf_queue_remove(struct hf_queue *q, struct hf_queue_entry *e);

/* Somebody else waits for the same thing: e is of c's kind now, and goes over to c's account if c's
 * client has a shorter backlog than the one that e stands in. It keeps its arrival: it stands
 * before what came later there (looked for among the last 64; if all of them came later, and so did
 * not the first, it stands before these 64). */
void hf_queue_move(struct hf_queue *q, struct hf_queue_entry *e, const struct hf_queue_class *c);

/* The cost of the entry whose turn it is; 0 if nothing is queued. */
uint32_t hf_queue_wants(struct hf_queue *q);

/* Takes out the entry whose turn it is if its cost is at most `room`, and
 * charges its class. NULL if nothing is queued or there is no room for it; it is
 * then still its turn. */
struct hf_queue_entry *hf_queue_next(struct hf_queue *q, uint32_t room);

size_t hf_queue_depth(const struct hf_queue *q);   /* entries */
size_t hf_queue_depth_of(const struct hf_queue *q, enum hf_queue_kind kind);
const char *hf_queue_kind_name(enum hf_queue_kind kind); /* "question", "refresh" ... */
size_t hf_queue_clients(const struct hf_queue *q); /* clients with entries */

/* Entries that wait on this client's account. */
size_t hf_queue_backlog(const struct hf_queue *q, uint64_t client);

#endif
