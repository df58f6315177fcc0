/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inflight.h - one upstream question, many waiting clients.
 *
 * Story: a flight is a question on its way. Whoever asks the same (name, type,
 * class, DO and CD) while it is up joins it and waits. All questions for a name
 * belong to one worker, so there is one flight per question in the process.
 * Words: a *waiter* is a client's question; it is named by the worker that
 * keeps the client and a ticket there, never by a pointer.
 * Ownership: flights are embedded in what the engine keeps for them; waiters
 * come from the table's own store.
 * At the bound: HF_EBOUND when there are `flights_max` flights or
 * `waiters_max` waiters, or when a client or an upstream has more than its share
 * of them (share.h), and HF_ESHARE when a route has more than its part: one dead zone or
 * one busy client never fills the table for the others. What comes last is turned away,
 * for who is in time has been paid for with packets already; what has waited longest ends
 * by its own deadline. The caller answers from what is old, or SERVFAIL.
 * Shares lie within each other. An upstream may have four fifths of the flights. A route
 * may have its part of that where it is not the only one that begins with this upstream:
 * else zones that are well would be turned away for one that is not, at the upstream's
 * bound. Where it is, its part is one of all flights. A client may have four fifths of
 * what its route may have. So it is with waiters, but for the upstream.
 * A question that waits has no socket of its own (transport/udp.h), so there is no share
 * of those; of connections see transport/tcp.h.
 * Threads: one owner. */
#ifndef HF_FORWARD_INFLIGHT_H
#define HF_FORWARD_INFLIGHT_H

#include <stddef.h>
#include <stdint.h>

#include "base/share.h"
#include "cache/cache.h"
#include "forward/query.h"
#include "wire/message.h"

struct hf_waiter {
	struct hf_waiter *next;
	uint32_t worker;
	uint32_t ticket;
	uint32_t generation;
	uint64_t client; /* who asks: see queue.h; 0: nobody */
	void *back;      /* what the answer goes back in, to another worker; else NULL */
};

struct hf_flight {
	struct hf_flight *next; /* in its bucket */
	uint64_t hash;
	struct hf_question question;
	uint8_t flags; /* HF_CACHE_DO, HF_CACHE_CD */
	struct hf_waiter *waiters;
	size_t waiter_count;
	uint64_t client;   /* who asked first, ... */
	uint64_t upstream; /* ... and whom it concerns: for the shares */
	struct hf_part part; /* ... its route's */
	bool inner;          /* ... which is one of what the upstream may have */
	struct hf_query query;
};

struct hf_inflight {
	struct hf_flight **buckets;
	size_t mask;
	size_t flights, waiters;
	size_t flights_max, waiters_max;
	struct hf_share by_client, by_upstream, by_route;
	struct hf_share waiting, waiting_by_route;
	struct hf_waiter *spare;
};

/* An empty table; its size follows flights_max. -ENOMEM. */
int hf_inflight_init(struct hf_inflight *table, size_t flights_max, size_t waiters_max);
void hf_inflight_clear(struct hf_inflight *table); /* no flight may be left */

/* The flight that a question can join, or NULL. */
struct hf_flight *hf_inflight_find(
	const struct hf_inflight *table, const struct hf_cache_key *key);

/* Adds a flight whose hash, question, flags, client, upstream and part are set.
 * HF_EBOUND, HF_ESHARE. */
int hf_inflight_add(struct hf_inflight *table, struct hf_flight *flight);

/* Takes a flight out of the table: nobody can join it any more. Its waiters stay
 * with it until they leave. */
void hf_inflight_remove(struct hf_inflight *table, struct hf_flight *flight);

/* Adds a waiter to a flight. HF_EBOUND, HF_ESHARE, -ENOMEM. */
int hf_inflight_join(struct hf_inflight *table, struct hf_flight *flight,
	const struct hf_waiter *who);

/* Takes the next waiter off a flight; false if there is none. */
bool hf_inflight_leave(struct hf_inflight *table, struct hf_flight *flight,
	struct hf_waiter *ret);

#endif
