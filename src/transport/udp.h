/* SPDX-License-Identifier: GPL-3.0-or-later */
/* udp.h - questions to upstreams over UDP, hard to forge an answer to.
 *
 * Story: each question goes out from a socket drawn from a set with random
 * ports, under a random id that is free on that socket: to be accepted, a reply
 * must come from the address that was asked, to that port, with that id, and
 * the engine must find its own question in it, case included (RFC 5452; 0x20).
 * A socket is given up after a number of questions and replaced by one on a new
 * port, so that a port that somebody has found out is soon worth nothing; one that
 * is not used for ten seconds is closed.
 * What fails a test is dropped and counted; the attempt stays open for the
 * right reply.
 * ICMP errors that the kernel attributes to a question end the attempts at that
 * address from that socket at once, instead of waiting for a time-out.
 * Ownership: an attempt is embedded in its owner's struct and must be forgotten
 * (hf_udp_forget) before that memory goes.
 * Threads: one owner.  Never: names, policy, retries.
 * At the bound: 16 tries to find a free id, then -EAGAIN: with 64 sockets that
 * means millions of questions in flight. */
#ifndef HF_TRANSPORT_UDP_H
#define HF_TRANSPORT_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

struct hf_udp_pool;

struct hf_udp_attempt {
	struct hf_udp_attempt *next, **prev;               /* in its id bucket */
	struct hf_udp_attempt *socket_next, **socket_prev; /* on its socket */
	struct hf_udp_socket *socket;                      /* NULL: not under way */
	struct hf_address peer;
	uint64_t serial; /* order of sending */
	uint16_t id;
};

struct hf_udp_handler {
	/* A message from the right address to the right port with the right id.
	 * The handler forgets the attempt if it was what we waited for; else the
	 * attempt stays. */
	void (*replied)(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len,
		bool cut, hf_us now);
	/* The network says that the peer cannot be reached: the attempt is over. */
	void (*refused)(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now);
	/* Something came that belongs to no attempt. */
	void (*stray)(void *ctx, const struct hf_address *peer);
};

/* A pool on a loop; opens sockets as they are needed. -ENOMEM. */
int hf_udp_pool_new(struct hf_loop *loop, const struct hf_udp_handler *handler, void *ctx,
	struct hf_udp_pool **ret);
void hf_udp_pool_free(struct hf_udp_pool *pool); /* all attempts forgotten; NULL is fine */

/* Sends a message of at least 12 octets, whose id it sets. On failure (no
 * socket, no free id, refused by the system) the attempt is not under way. */
int hf_udp_send(struct hf_udp_pool *pool, struct hf_udp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len);

void hf_udp_forget(struct hf_udp_attempt *attempt); /* not under way is fine */

#endif
