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
 * Questions of one turn leave together: eight at the most from one socket, with
 * one system call, and the next ones from another. What a forger has to guess is the
 * same as if each had a socket of its own: the port of any one question is drawn from
 * the whole set, its id and case are drawn for itself alone, and nobody but the
 * upstreams sees from which port its neighbours went.
 * What fails a test is dropped and counted; the attempt stays open for the
 * right reply.
 * ICMP errors that the kernel attributes to a question end the attempts at that
 * address from that socket at once, instead of waiting for a time-out. They can be forged
 * by whoever guesses the port alone: so one that repeats the question's octets must have an id
 * that is under way there, and one that repeats none says nothing of what was sent before
 * something that the address has answered.
 * Ownership: an attempt is embedded in its owner's struct and must be forgotten
 * (hf_udp_forget) before that memory goes.
 * Threads: one owner.  Never: names, policy, retries.
 * At the bound: 64 sockets of a family, and HF_UDP_RETIRED that were given up and on which answers
 * are still waited for; then a worn one is used on until one of those is done with, so that an
 * upstream that says nothing takes no more of them. If the system gives no socket, questions
 * leave from those that there are, `short_of` says so, and it is tried again 10 ms later; the
 * error is the question's only if there are none. What has been posted is sent with the ninth, or
 * when the turn ends; one longer than HF_UDP_TOGETHER_MAX octets goes at once. 16 tries to find a
 * free id, then -EAGAIN: with 64 sockets that means millions of questions in flight. */
#ifndef HF_TRANSPORT_UDP_H
#define HF_TRANSPORT_UDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

/* The longest question there is: a header, a name of 255 octets, an OPT record. */
#define HF_UDP_TOGETHER_MAX 288

/* With time-outs of 4.5 s this still replaces all 64 every second. */
#define HF_UDP_RETIRED 256

struct hf_udp_pool;

struct hf_udp_attempt {
	struct hf_udp_attempt *next, **prev;               /* in its id bucket, or unsent */
	struct hf_udp_attempt *socket_next, **socket_prev; /* on its socket */
	struct hf_udp_socket *socket;                      /* NULL: not under way */
	struct hf_address peer;
	uint64_t serial; /* order of sending */
	int unsent;      /* why the system did not take it; 0: it did, or has not been asked */
	uint16_t id;
	uint8_t posted;  /* place + 1 among those that leave together; 0: it has left */
};

struct hf_udp_handler {
	/* A message from the right address to the right port with the right id.
	 * The handler forgets the attempt if it was what we waited for; else the
	 * attempt stays. */
	void (*replied)(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *m, size_t len,
		bool cut, hf_us now);
	/* The network says that the peer cannot be reached: the attempt is over. */
	void (*refused)(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now);
	/* What was posted could not be sent, as hf_udp_send would have said: the attempt
	 * is over. */
	void (*unsent)(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now);
	/* Something came that belongs to no attempt. */
	void (*stray)(void *ctx, const struct hf_address *peer);
	/* The system gives no further socket; told once a second at most. No time to send or to
	 * forget. NULL: nobody wants to know. */
	void (*short_of)(void *ctx, int error, hf_us now);
};

/* A pool on a loop; opens sockets as they are needed. -ENOMEM. */
int hf_udp_pool_new(struct hf_loop *loop, const struct hf_udp_handler *handler, void *ctx,
	struct hf_udp_pool **ret);
void hf_udp_pool_free(struct hf_udp_pool *pool); /* all attempts forgotten; NULL is fine */

/* Sends a message of at least 12 octets, whose id it sets. On failure (no
 * socket, no free id, refused by the system) the attempt is not under way. */
int hf_udp_send(struct hf_udp_pool *pool, struct hf_udp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len);

/* The same, but it leaves with others, at the end of the turn (hf_udp_flush) at the
 * latest. On failure (no socket, no free id) the attempt is not under way; if the
 * system refuses it later, `unsent` says so. One that is forgotten before leaves all
 * the same. */
int hf_udp_post(struct hf_udp_pool *pool, struct hf_udp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len);

/* Sends what has been posted. Calls no handler; if it is not called, a timer sees to
 * it. */
void hf_udp_flush(struct hf_udp_pool *pool);

/* Sockets that are open, also those that were given up. */
unsigned hf_udp_sockets(const struct hf_udp_pool *pool);

void hf_udp_forget(struct hf_udp_attempt *attempt); /* not under way is fine */

#endif
