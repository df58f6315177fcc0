/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop.h - the one door for time, chance and network.
 *
 * Story: everything that a worker does begins here: a batch of datagrams came,
 * a stream became readable, a timer is due, another thread left a message. Two
 * worlds stand behind the door: `loop_epoll` is the kernel's; `loop_sim` is a
 * virtual clock, seeded dice and a modelled network, in which a four-hour
 * outage passes in a second. Whoever is called from here cannot tell which.
 *
 * Time is read once a turn and handed to every callback as `now`;
 * hf_loop_now() gives the same number within the turn.
 *
 * Words: an *endpoint* is a bound UDP socket; a *stream* is one TCP connection;
 * a *door* is a listening TCP socket.
 *
 * Ownership: endpoints, streams and doors belong to the loop that made them and
 * are ended by their _close, which may be called inside their own callbacks: no
 * callback for them comes after it. Datagram bytes handed to `received` are the
 * loop's and good until it returns.
 * Threads: a loop and all that belongs to it is used by its own thread only;
 * hf_loop_wake and hf_loop_stop alone may be called from any thread.
 * Never:   knows a word of DNS.
 * At the bound: a send that the kernel has no room for is counted as lost, as
 * any network would lose it; a stream write takes what fits and says how much. */
#ifndef HF_LOOP_LOOP_H
#define HF_LOOP_LOOP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/address.h"
#include "base/time.h"
#include "loop/timer_wheel.h"

struct hf_loop;
struct hf_endpoint;
struct hf_stream;
struct hf_stream_door;

/* ---- datagrams ---- */

#define HF_BATCH_MAX 64        /* datagrams handed over at once */
#define HF_DATAGRAM_MAX 4096   /* octets; a longer one arrives with cut = true */

struct hf_datagram {
	uint8_t *bytes;
	size_t len;
	struct hf_address peer;  /* sender on receive, destination on send */
	struct hf_address local; /* receive: the address it was sent to (port of the
	                            endpoint); send: the address to send from, or unset */
	bool cut;                /* receive: it was longer than HF_DATAGRAM_MAX */
};

/* What the network says of a datagram that did not arrive (ICMP). It can be forged by whoever
 * guesses our port. */
struct hf_refusal {
	struct hf_address peer; /* that it was sent to */
	int error;              /* a negative errno such as -ECONNREFUSED */
	const uint8_t *quoted;  /* its first octets, as far as they are repeated: perhaps none; */
	size_t len;             /* HF_QUOTED_MAX at the most */
};

#define HF_QUOTED_MAX 16

struct hf_endpoint_handler {
	/* n in [1, HF_BATCH_MAX]. */
	void (*received)(void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch,
		size_t n, hf_us now);
	/* May be NULL. */
	void (*refused)(void *ctx, struct hf_endpoint *endpoint, const struct hf_refusal *refusal,
		hf_us now);
};

/* How to open an endpoint or a door. */
struct hf_bind {
	struct hf_address address; /* port 0: any; family set, zero bytes: wildcard */
	int fd;                    /* a bound descriptor to take over (it is closed with the
	                              endpoint; stays the caller's if opening fails), or -1:
	                              open one. The simulator ignores it. */
	bool local_addresses;      /* a listener: fill in hf_datagram.local (IP_PKTINFO), and
	                              let other listeners have the same address
	                              (SO_REUSEPORT, as doors always do). Without it the
	                              address is this endpoint's alone. */
	bool errors;               /* report ICMP errors (IP_RECVERR) */
};

/* Opens an endpoint. -EADDRINUSE, -EADDRNOTAVAIL, -EMFILE, -ENOMEM... */
int hf_endpoint_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_endpoint_handler *handler, void *ctx, struct hf_endpoint **ret);

/* Sends n datagrams (any n) in as few system calls as possible. Returns how
 * many the system took; the rest are lost. ret_error, if not NULL, gets the
 * error of the first that was not taken, else 0. */
size_t hf_endpoint_send(struct hf_endpoint *endpoint, const struct hf_datagram *batch, size_t n,
	int *ret_error);

/* The same, but ends at the first that the system does not take, batch[returned]:
 * for who has to know which. */
size_t hf_endpoint_send_some(struct hf_endpoint *endpoint, const struct hf_datagram *batch,
	size_t n, int *ret_error);

/* The bound address, with the port that the system chose. */
struct hf_address hf_endpoint_address(const struct hf_endpoint *endpoint);

/* Reads and delivers what is still waiting in the endpoint's queue, then
 * returns; for draining before a close. Bounded by `most` datagrams. */
void hf_endpoint_drain(struct hf_endpoint *endpoint, size_t most);

void hf_endpoint_close(struct hf_endpoint *endpoint); /* NULL is fine */

/* ---- streams ---- */

enum hf_stream_ready { HF_STREAM_READABLE = 1, HF_STREAM_WRITABLE = 2 };

struct hf_stream_handler {
	/* Something can be done. A failed or ended connection shows as readable:
	 * the read then gives its error, or 0. Level-triggered: comes again until
	 * the bytes have been read (or hf_stream_pause stops it). WRITABLE comes
	 * once the connection is up, and then only while hf_stream_want_write. */
	void (*ready)(void *ctx, struct hf_stream *stream, unsigned ready, hf_us now);
};

/* Begins to connect. Failure that is known at once is returned, later failure
 * arrives as readable with an error on read. */
int hf_stream_connect(struct hf_loop *loop, const struct hf_address *peer,
	const struct hf_stream_handler *handler, void *ctx, struct hf_stream **ret);

/* Bytes read (0: the peer has closed its side), -EAGAIN, or the error. */
int hf_stream_read(struct hf_stream *stream, uint8_t *bytes, size_t cap);

/* Bytes taken (possibly fewer than len), -EAGAIN, or the error. */
int hf_stream_write(struct hf_stream *stream, const uint8_t *bytes, size_t len);

/* For how long octets that were written have waited without a sign of life from the
 * system of the other side; 0: none wait. Whoever forgot the connection, such as a NAT
 * device, says nothing; a server that is slow does not keep its system from
 * acknowledging. */
hf_us hf_stream_unheard(struct hf_stream *stream);

/* Octets that were written, and that the system of the other side has not taken: some it may
 * never have seen, and for some it may have no room. */
size_t hf_stream_unread(struct hf_stream *stream);

void hf_stream_want_write(struct hf_stream *stream, bool want);
void hf_stream_pause(struct hf_stream *stream, bool paused); /* no READABLE while paused */

struct hf_address hf_stream_peer(const struct hf_stream *stream);
struct hf_address hf_stream_local(const struct hf_stream *stream);

/* Sets or changes who is called. */
void hf_stream_handle(struct hf_stream *stream, const struct hf_stream_handler *handler, void *ctx);

void hf_stream_close(struct hf_stream *stream); /* NULL is fine */

struct hf_door_handler {
	/* A connection. The callee takes it: hf_stream_handle or hf_stream_close. */
	void (*accepted)(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now);
};

/* Listens. On descriptor exhaustion accepting rests for a second instead of
 * spinning. */
int hf_door_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_door_handler *handler, void *ctx, struct hf_stream_door **ret);
struct hf_address hf_door_address(const struct hf_stream_door *door);
void hf_door_close(struct hf_stream_door *door); /* NULL is fine */

/* ---- time and chance ---- */

hf_us hf_loop_now(const struct hf_loop *loop);

/* The clock itself, for the one thing that is promised about the wire and not
 * about a turn: how many packets leave within 100 ms (upstream/budget.h). */
hf_us hf_loop_clock(struct hf_loop *loop);

/* Seconds since 1970, for what is written down; never for TTL arithmetic. */
int64_t hf_loop_wall(struct hf_loop *loop);

/* Unpredictable octets (the kernel's generator, drawn in blocks); in the
 * simulator, the seeded dice. */
void hf_loop_random(struct hf_loop *loop, void *bytes, size_t len);

static inline uint32_t hf_loop_random_u32(struct hf_loop *loop)
{
	uint32_t value;
	hf_loop_random(loop, &value, sizeof value);
	return value;
}

/* Timers: see timer_wheel.h. The loop fires what is due once a turn. */
struct hf_timer_wheel *hf_loop_timers(struct hf_loop *loop);

/* ---- the loop itself ---- */

struct hf_loop_hooks {
	/* Another thread called hf_loop_wake: look at your mailbox. */
	void (*woken)(void *ctx, hf_us now);
	/* End of a turn, before waiting: send what was collected. */
	void (*turned)(void *ctx, hf_us now);
};

/* Who is told about turns and wake-ups. At most one listener a loop. */
void hf_loop_set_hooks(struct hf_loop *loop, const struct hf_loop_hooks *hooks, void *ctx);

void hf_loop_wake(struct hf_loop *loop); /* any thread; wake-ups may fold into one */
void hf_loop_stop(struct hf_loop *loop); /* any thread; hf_loop_run returns soon */

/* Watches a descriptor that is not ours to read (signalfd, a control socket);
 * readable only. Not in the simulator (-ENOSYS). NULL callback: stop watching. */
int hf_loop_watch(struct hf_loop *loop, int fd, void (*readable)(void *ctx, int fd, hf_us now),
	void *ctx);

void hf_loop_free(struct hf_loop *loop); /* closes all that is still open; NULL is fine */

/* ---- what stands behind the door ---- */

/* One table of functions a world. The calls above go through it; objects begin
 * with a pointer to their loop (endpoint, stream, door), so the door costs one
 * indirect call a batch. */
struct hf_loop_ops {
	int (*endpoint_open)(struct hf_loop *, const struct hf_bind *,
		const struct hf_endpoint_handler *, void *, struct hf_endpoint **);
	size_t (*endpoint_send_some)(
		struct hf_endpoint *, const struct hf_datagram *, size_t, int *);
	struct hf_address (*endpoint_address)(const struct hf_endpoint *);
	void (*endpoint_drain)(struct hf_endpoint *, size_t);
	void (*endpoint_close)(struct hf_endpoint *);
	int (*stream_connect)(struct hf_loop *, const struct hf_address *,
		const struct hf_stream_handler *, void *, struct hf_stream **);
	int (*stream_read)(struct hf_stream *, uint8_t *, size_t);
	int (*stream_write)(struct hf_stream *, const uint8_t *, size_t);
	hf_us (*stream_unheard)(struct hf_stream *);
	size_t (*stream_unread)(struct hf_stream *);
	void (*stream_want_write)(struct hf_stream *, bool);
	void (*stream_pause)(struct hf_stream *, bool);
	struct hf_address (*stream_peer)(const struct hf_stream *);
	struct hf_address (*stream_local)(const struct hf_stream *);
	void (*stream_handle)(struct hf_stream *, const struct hf_stream_handler *, void *);
	void (*stream_close)(struct hf_stream *);
	int (*door_open)(struct hf_loop *, const struct hf_bind *, const struct hf_door_handler *,
		void *, struct hf_stream_door **);
	struct hf_address (*door_address)(const struct hf_stream_door *);
	void (*door_close)(struct hf_stream_door *);
	hf_us (*clock)(struct hf_loop *);
	int64_t (*wall)(struct hf_loop *);
	void (*random)(struct hf_loop *, void *, size_t);
	void (*wake)(struct hf_loop *);
	void (*stop)(struct hf_loop *);
	int (*watch)(struct hf_loop *, int, void (*)(void *, int, hf_us), void *);
	void (*free)(struct hf_loop *);
};

/* What every loop, endpoint, stream and door begins with. */
struct hf_loop {
	const struct hf_loop_ops *ops;
	const struct hf_loop_hooks *hooks;
	void *hooks_ctx;
	hf_us now;
	struct hf_timer_wheel timers;
};
struct hf_endpoint { struct hf_loop *loop; };
struct hf_stream { struct hf_loop *loop; };
struct hf_stream_door { struct hf_loop *loop; };

#endif
