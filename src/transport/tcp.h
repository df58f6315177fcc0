/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tcp.h - questions to upstreams over TCP and TLS: few connections, many questions.
 *
 * Story: a question goes out on an open connection to that address if there is
 * one with room, else on a new one (RFC 7766: reuse, pipelining, answers in any
 * order). When a connection that has been idle turns out to have been closed by
 * the other side, its questions move to a fresh one once, unnoticed; otherwise
 * its end is told to all that wait on it. An unused connection is closed after
 * a while, below the patience of servers and NATs, or when the server said (RFC 7828);
 * one over TLS is kept longer, for a handshake is dear (RFC 7858 section 3.4).
 * A connection that was idle may have been forgotten on the way, by a NAT or a firewall:
 * then nobody says a word. So if the other side's system does not acknowledge a question
 * within four round trips (0.1 to 1 s; three times that, and over TLS only, if it was in
 * use), what waits on it moves to a fresh connection.
 * Over TLS no question leaves before the peer is believed; if it is not, `refused` says
 * so (HF_EAUTH) and why. Sessions are resumed.
 * Ownership: an attempt is embedded in its owner's struct and must be forgotten
 * before that memory goes; the message is copied.
 * One on which questions wait and nothing has come for two seconds gets no more.
 * A connection that questions wait on is *in use*, and it is so on the account of whoever sent
 * the first of them: an upstream's, and a route's.
 * At the bound: HF_TCP_PIPELINE questions a connection, HF_TCP_CONNECTIONS in all, if nothing
 * else is said. Whoever needs one more has the one closed that has been idle for longest; one
 * in use is closed for nobody. HF_EBOUND when all are in use, and HF_ESHARE when the upstream
 * or the route has its share of them (share.h), though some are left: an upstream that takes
 * connections and never answers, or never ends a handshake, leaves others theirs. An upstream
 * may have four fifths of those in use; a route its part of them, or of what the upstream may
 * have, where others ask that as well. Those that are idle count for nobody. Who has no
 * share left goes on to use what it has. On another route's connection no more than half of
 * the places are taken: there is always room for its own questions.
 * A handshake that takes four seconds is given up.
 * Threads: one owner.  Never: names, policy, retries of its own. */
#ifndef HF_TRANSPORT_TCP_H
#define HF_TRANSPORT_TCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/share.h"
#include "loop/loop.h"
#include "transport/tls.h"

#define HF_TCP_PIPELINE 100
#define HF_TCP_CONNECTIONS 256

struct hf_tcp_pool;

/* Whose share a connection is of. */
struct hf_tcp_account {
	uint64_t upstream;    /* 0: nobody's, so the place alone bounds it */
	struct hf_part route; /* zeroed: nobody's */
	bool inner;           /* other routes ask this upstream, too */
};

struct hf_tcp_attempt {
	struct hf_tcp_attempt *next, **prev;   /* on its connection */
	struct hf_tcp_connection *connection;  /* NULL: not under way */
	uint8_t *message;                      /* kept for a second connection */
	uint16_t len;
	uint16_t id;
	bool moved;
	bool joined;                           /* its connection was there already */
	bool met;                              /* ... and open, so that it went at once */
};

struct hf_tcp_handler { /* as in udp.h */
	void (*replied)(void *ctx, struct hf_tcp_attempt *attempt, const uint8_t *m, size_t len,
		hf_us now);
	/* why: what TLS found wrong, in words without a full stop; NULL: the error says it */
	void (*refused)(void *ctx, struct hf_tcp_attempt *attempt, int error, const char *why,
		hf_us now);
	/* It has gone out again, on another connection; opened: which was made for it. For
	 * who counts packets; no time to forget it or to send. */
	void (*moved)(void *ctx, struct hf_tcp_attempt *attempt, bool opened, hf_us now);
	void (*stray)(void *ctx, const struct hf_address *peer);
	/* May it go out once more, over another connection? NULL: it may. */
	bool (*may_move)(void *ctx, struct hf_tcp_attempt *attempt);
};

int hf_tcp_pool_new(struct hf_loop *loop, const struct hf_tcp_handler *handler, void *ctx,
	struct hf_tcp_pool **ret);
void hf_tcp_pool_free(struct hf_tcp_pool *pool); /* all attempts forgotten; NULL is fine */

/* So many connections from now on (at least 1); what is open beyond that stays until it ends. */
void hf_tcp_pool_bound(struct hf_tcp_pool *pool, unsigned connections);

/* Connections that questions wait on. */
unsigned hf_tcp_in_use(const struct hf_tcp_pool *pool);

/* Sends a message whose id it sets, in plain text or over TLS (secure, which is copied), on
 * somebody's account (copied; NULL: nobody's). On failure the attempt is not under way:
 * HF_EBOUND or HF_ESHARE for want of a connection, or what the system says. */
int hf_tcp_send(struct hf_tcp_pool *pool, struct hf_tcp_attempt *attempt,
	const struct hf_address *peer, const struct hf_secure *secure,
	const struct hf_tcp_account *account, uint8_t *m, size_t len);

/* The server says for how long it keeps the connection of this attempt, which is under
 * way, when it is idle (RFC 7828); 0: it wants it closed. */
void hf_tcp_keep(struct hf_tcp_attempt *attempt, hf_us idle);

void hf_tcp_forget(struct hf_tcp_attempt *attempt); /* not under way is fine */

#endif
