/* SPDX-License-Identifier: GPL-3.0-or-later */
/* flight.h - a question on its way: the query machine with hands and ears.
 *
 * Story: forward/query decides; this file carries out: it writes the question
 * with mixed case, gives it to UDP or TCP, arms one timer, makes an event of
 * whatever comes, and when the machine says so, keeps the answer and hands it to
 * all who wait. Private to engine/.
 * Threads: the worker's own. */
#ifndef HF_ENGINE_FLIGHT_H
#define HF_ENGINE_FLIGHT_H

#include "engine/mailbox.h"
#include "engine/worker.h"
#include "forward/inflight.h"
#include "transport/tcp.h"
#include "transport/udp.h"

struct hf_team {
	unsigned size;
	struct hf_cache *cache;
	struct hf_worker *workers[];
};

struct hf_worker {
	struct hf_team *team;
	unsigned index;
	struct hf_loop *loop;
	struct hf_meter *meter;
	struct hf_event_ring *events;
	struct hf_plan *plan;
	const struct hf_client *client;
	void *client_ctx;
	void (*turned)(void *ctx, hf_us now);
	void *turned_ctx;
	struct hf_mailbox mailbox;
	struct hf_inflight inflight;
	struct hf_udp_pool *udp;
	struct hf_tcp_pool *tcp;
	struct flight *flights; /* all that are up */
	struct flight *spare;   /* some that were */
	unsigned spares;
	int64_t waiting;        /* clients of ours that wait for an answer */
	struct hf_upstream_state upstreams[HF_SLOTS_MAX]; /* by slot */
	struct hf_cached scratch;
	uint8_t scratch_wire[HF_MESSAGE_MAX + HF_OPT_ROOM];
	uint16_t scratch_ttl_at[HF_RECORDS_MAX];
};

/* An answer on its way to another worker. */
struct hf_shared_answer {
	atomic_uint refs;
	struct hf_answer answer;
	struct hf_kept kept;
	char ede_text[HF_EDE_TEXT_MAX];
	_Alignas(8) uint8_t bytes[];
};

/* The worker's one copy of a kept answer, blank; good until the next use. */
struct hf_cached *hf_scratch(struct hf_worker *worker);

/* Waits for an answer to the key's question with everybody else who does, or
 * begins a flight. HF_EBOUND, -ENOMEM. */
int hf_flight_join(struct hf_worker *worker, const struct hf_cache_key *key,
	const struct hf_waiter *waiter, hf_us now);

int hf_transports_open(struct hf_worker *worker);

/* Ends all flights without an answer. */
void hf_flights_end(struct hf_worker *worker);

/* Hands an answer to everybody who waits for the flight. */
void hf_worker_answer(struct hf_worker *worker, struct hf_flight *flight,
	const struct hf_answer *answer, hf_us now);

#endif
