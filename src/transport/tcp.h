/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tcp.h - questions to upstreams over TCP: few connections, many questions.
 *
 * Story: a question goes out on an open connection to that address if there is
 * one with room, else on a new one (RFC 7766: reuse, pipelining, answers in any
 * order). When a connection that has been idle turns out to have been closed by
 * the other side, its questions move to a fresh one once, unnoticed; otherwise
 * its end is told to all that wait on it. An unused connection is closed after
 * a while, below the patience of servers and NATs.
 * Ownership: an attempt is embedded in its owner's struct and must be forgotten
 * before that memory goes; the message is copied.
 * One on which questions wait and nothing has come for two seconds gets no more.
 * At the bound: HF_TCP_PIPELINE questions a connection, HF_TCP_CONNECTIONS in
 * all; past that an idle one is closed, and if none is idle, -EAGAIN.
 * Threads: one owner.  Never: names, policy, retries of its own. */
#ifndef HF_TRANSPORT_TCP_H
#define HF_TRANSPORT_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "loop/loop.h"

#define HF_TCP_PIPELINE 100
#define HF_TCP_CONNECTIONS 256

struct hf_tcp_pool;

struct hf_tcp_attempt {
	struct hf_tcp_attempt *next, **prev;   /* on its connection */
	struct hf_tcp_connection *connection;  /* NULL: not under way */
	uint8_t *message;                      /* kept for a second connection */
	uint16_t len;
	uint16_t id;
	bool moved;
	bool joined;                           /* its connection was there already */
};

struct hf_tcp_handler { /* as in udp.h */
	void (*replied)(void *ctx, struct hf_tcp_attempt *attempt, const uint8_t *m, size_t len,
		hf_us now);
	void (*refused)(void *ctx, struct hf_tcp_attempt *attempt, int error, hf_us now);
	void (*stray)(void *ctx, const struct hf_address *peer);
};

int hf_tcp_pool_new(struct hf_loop *loop, const struct hf_tcp_handler *handler, void *ctx,
	struct hf_tcp_pool **ret);
void hf_tcp_pool_free(struct hf_tcp_pool *pool); /* all attempts forgotten; NULL is fine */

/* Sends a message whose id it sets. On failure the attempt is not under way. */
int hf_tcp_send(struct hf_tcp_pool *pool, struct hf_tcp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len);

void hf_tcp_forget(struct hf_tcp_attempt *attempt); /* not under way is fine */

#endif
