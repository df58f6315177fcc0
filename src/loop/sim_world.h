/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim_world.h - what the parts of the simulated world share. Private to loop/.
 *
 * Story: an event is embedded in what it is about and knows its place in the
 * heap, so it can be moved and taken back. A loop has one event, its next turn;
 * what becomes ready on a loop is queued as a source and the turn is drawn to
 * now. A source is level-triggered: it is asked after each visit whether there
 * is more. As in epoll_world.h, the closed are freed when the turn ends.
 * Ownership: the heap owns nothing but what has a `discard`. */
#ifndef HF_LOOP_SIM_WORLD_H
#define HF_LOOP_SIM_WORLD_H

#include "loop/loop_sim.h"

struct hf_sim_event {
	hf_us at;
	uint64_t order; /* among those of one instant */
	size_t place;   /* in the heap, from 1; 0: not in it */
	void (*happen)(struct hf_sim *sim, struct hf_sim_event *event);
	void (*discard)(struct hf_sim_event *event); /* the world ends; may be NULL */
};

struct hf_sim_host {
	struct hf_sim_host *next;
	char name[64];
	unsigned number;
	enum hf_sim_host_state state;
	struct hf_address born_with[2]; /* IPv4, IPv6; port 0 */
	struct hf_address source[2];    /* what it sends from */
	bool source_given[2];           /* ... is not what it was born with */
	uint16_t next_port;          /* of streams, counting up */
};

struct hf_sim_source {
	void (*ready)(void *object);      /* visits it once */
	bool (*is_ready)(const void *object);
	void (*close)(void *object);      /* what the public close does */
	void *object;                     /* from malloc; freed with the source */
	struct hf_sim_source *next, **prev; /* in loop->open or loop->dead */
	struct hf_sim_source *ready_next, **ready_prev; /* ready_prev NULL: not queued */
	bool closed;
};

struct hf_sim_queue {
	struct hf_sim_source *first, **tail;
};

struct hf_sim_loop {
	struct hf_loop base;
	struct hf_sim *sim;
	struct hf_sim_host *host;
	struct hf_sim_loop *next, **prev; /* all loops, oldest first */
	uint64_t number;
	struct hf_sim_event turn;
	struct hf_sim_source *open, *dead;
	struct hf_sim_queue ready;
	hf_us skew;
	int64_t wall_skew;
	hf_us stalled_until;
	bool woken, stopped, turning;
};

/* What is bound: an endpoint or a door. */
struct hf_sim_bound {
	struct hf_sim_bound *next, **prev;
	struct hf_sim_host *host;
	struct hf_address address;
	uint64_t id; /* never used twice */
	bool stream, shared;
	void *object;
};

#define HF_SIM_BUCKETS 1024

struct hf_sim_claim { /* an address and who has it */
	struct hf_sim_claim *next;
	struct hf_address address;
	struct hf_sim_host *host;
};

struct hf_sim_net {
	struct hf_sim_host *hosts, **hosts_tail;
	unsigned host_count;
	struct hf_sim_claim *claims[HF_SIM_BUCKETS];
	struct hf_sim_bound *ports[HF_SIM_BUCKETS]; /* by host and port */
	uint64_t next_id;
	hf_sim_policy *policy;
	void *policy_ctx;
};

struct hf_sim_conn;

struct hf_sim {
	hf_us now;
	uint64_t dice[4]; /* xoshiro256** */
	struct hf_sim_event **heap; /* from index 1 */
	size_t heap_len, heap_cap;
	uint64_t orders;
	unsigned same_instant; /* events since time last passed */
	bool running;
	struct hf_sim_loop *loops, **loops_tail;
	uint64_t loop_count;
	struct hf_sim_net net;
	struct hf_sim_conn *conns;
	void (*check)(void *ctx, struct hf_sim *sim);
	void *check_ctx;
	struct hf_sim_counts counts;
	uint64_t trace;
};

static inline struct hf_sim_loop *hf_sim_loop_of(struct hf_loop *loop)
{
	return (struct hf_sim_loop *)loop;
}

/* ---- sim_loop.c ---- */

/* Puts an event into the heap, or moves it there. */
void hf_sim_schedule(struct hf_sim *sim, struct hf_sim_event *event, hf_us at);
void hf_sim_cancel(struct hf_sim *sim, struct hf_sim_event *event);
bool hf_sim_is_full(struct hf_sim *sim); /* counts the datagram that finds it so */

/* malloc and zero, or the world ends. */
void *hf_sim_get(size_t size);

void hf_sim_source_open(struct hf_sim_loop *loop, struct hf_sim_source *source);
void hf_sim_source_close(struct hf_sim_loop *loop, struct hf_sim_source *source);
/* Queues it if it is ready. */
void hf_sim_source_check(struct hf_sim_loop *loop, struct hf_sim_source *source);

void hf_sim_note(struct hf_sim *sim, unsigned what, const struct hf_address *from,
	const struct hf_address *to, const void *bytes, size_t len); /* into the trace */

/* ---- sim_net.c: addresses, ports, paths ---- */

void hf_sim_net_clear(struct hf_sim_net *net);
struct hf_sim_host *hf_sim_host_named(struct hf_sim *sim, const char *name);

/* The host that `to` means to somebody on `here`, or NULL. */
struct hf_sim_host *hf_sim_host_at(struct hf_sim *sim, struct hf_sim_host *here,
	const struct hf_address *to);

/* The address that a packet from here to there leaves from; port 0. */
struct hf_address hf_sim_source_for(struct hf_sim *sim, struct hf_sim_host *here,
	const struct hf_address *to);

/* bound->stream and ->shared are set. -EADDRINUSE, -EADDRNOTAVAIL, -EAFNOSUPPORT. */
int hf_sim_bind(struct hf_sim_loop *loop, const struct hf_address *address,
	struct hf_sim_bound *bound);
void hf_sim_unbind(struct hf_sim_bound *bound);
uint16_t hf_sim_next_port(struct hf_sim_host *host); /* for one more stream */

/* Who gets a packet for `to` at the host; by_id only that one. */
struct hf_sim_bound *hf_sim_bound_at(struct hf_sim *sim, const struct hf_sim_host *host,
	const struct hf_address *from, const struct hf_address *to, bool stream);
struct hf_sim_bound *hf_sim_bound_by_id(struct hf_sim *sim, const struct hf_sim_host *host,
	uint16_t port, uint64_t id);

/* Asks the policy; hosts that are cut off drop. here sends, there may be NULL. */
struct hf_sim_path hf_sim_path(struct hf_sim *sim, const struct hf_sim_packet *packet,
	const struct hf_sim_host *here, const struct hf_sim_host *there);

/* ---- sim_endpoint.c and sim_stream.c: rows of the table of operations ---- */

int hf_sim_endpoint_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_endpoint_handler *handler, void *ctx, struct hf_endpoint **ret);
size_t hf_sim_endpoint_send_some(
	struct hf_endpoint *endpoint, const struct hf_datagram *batch, size_t n, int *ret_error);
struct hf_address hf_sim_endpoint_address(const struct hf_endpoint *endpoint);
void hf_sim_endpoint_drain(struct hf_endpoint *endpoint, size_t most);
void hf_sim_endpoint_close(struct hf_endpoint *endpoint);
int hf_sim_stream_connect(struct hf_loop *loop, const struct hf_address *peer,
	const struct hf_stream_handler *handler, void *ctx, struct hf_stream **ret);
int hf_sim_stream_read(struct hf_stream *stream, uint8_t *bytes, size_t cap);
int hf_sim_stream_write(struct hf_stream *stream, const uint8_t *bytes, size_t len);
hf_us hf_sim_stream_unheard(struct hf_stream *stream);
size_t hf_sim_stream_unread(struct hf_stream *stream);
void hf_sim_stream_want_write(struct hf_stream *stream, bool want);
void hf_sim_stream_pause(struct hf_stream *stream, bool paused);
struct hf_address hf_sim_stream_peer(const struct hf_stream *stream);
struct hf_address hf_sim_stream_local(const struct hf_stream *stream);
void hf_sim_stream_handle(struct hf_stream *stream, const struct hf_stream_handler *handler,
	void *ctx);
void hf_sim_stream_close(struct hf_stream *stream);
int hf_sim_door_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_door_handler *handler, void *ctx, struct hf_stream_door **ret);
struct hf_address hf_sim_door_address(const struct hf_stream_door *door);
void hf_sim_door_close(struct hf_stream_door *door);

/* A host's processes died: its connections are broken off. */
void hf_sim_reset_host(struct hf_sim *sim, const struct hf_sim_host *host);
void hf_sim_conns_clear(struct hf_sim *sim);

#endif
