/* SPDX-License-Identifier: GPL-3.0-or-later */
/* call.h - one request to a server over a connection of its own, and all that answers it.
 *
 * Story: transfers and questions that do not fit into a datagram go over TCP, or over TLS
 * (RFC 9103). A *call* connects, lets the peer prove who it is where that is asked for,
 * sends one request and hands over each message that comes, until its owner has heard
 * enough and hangs up. It judges nothing but the pace: a peer that says nothing for
 * HF_CALL_PATIENCE, or that gives its octets one by one, is given up.
 * What the calls of one authority share is a *hf_calls*: the sockets of its questions over
 * UDP, TLS tickets, certificate authorities, and how many connections there may be at a
 * time, memory for what they bring (authority/space.h), and what downloads need. Who wants one
 * takes a *turn* first; without room it stands in line.
 * No peer has more than half of the turns of a kind while others might want one: a primary
 * of ten thousand zones that is silent holds up its own zones, and nobody else's. Of those
 * for updates it has an eighth at most, for it holds them for a whole round.
 * Ownership: a call, a turn and a datagram's call are their owner's, and must
 * be ended before their memory goes.  Threads: the loop's.
 * Never: what a message says.
 * At the bound: HF_AUTHORITY_TRANSFERS transfers and HF_CALLS_QUESTIONS other connections;
 * the next ones wait, first come first served. */
#ifndef HF_AUTHORITY_CALL_H
#define HF_AUTHORITY_CALL_H

#include "authority/space.h"
#include "loop/loop.h"
#include "transport/tls.h"
#include "transport/udp.h"
#include "zone/zone_conf.h"

#define HF_CALL_PATIENCE (10 * HF_SECOND)

/* From HF_CALL_SLOW on, the mean must be HF_CALL_PACE octets a second: a slot may not be
 * held by drops. A zone of 100 MB over a line of 56 kbit/s still arrives. */
#define HF_CALL_SLOW (60 * HF_SECOND)
#define HF_CALL_PACE 4096

/* Connections at a time: for transfers, and for questions. */
#define HF_AUTHORITY_TRANSFERS 8
#define HF_CALLS_QUESTIONS 64

/* NOTIFY messages that wait for a reply at a time, of each kind. */
#define HF_CALLS_NOTIFIES 64

/* Rounds of updates at a time (authority/update.h). */
#define HF_CALLS_UPDATES 32

struct hf_calls;

/* -ENOMEM. */
int hf_calls_new(struct hf_loop *loop, struct hf_calls **ret);
void hf_calls_free(struct hf_calls *calls); /* after all that use it; NULL is fine */

struct hf_loop *hf_calls_loop(const struct hf_calls *calls);
struct hf_spaces *hf_calls_spaces(const struct hf_calls *calls); /* authority/space.h */

/* What another part shares among all that call (authority/download.h): it is made by who wants
 * it first, and ended with the calls. NULL: it has not been set. */
void *hf_calls_guest(const struct hf_calls *calls);
void hf_calls_set_guest(struct hf_calls *calls, void *guest, void (*end)(void *guest));

/* Whom to expect at a tls:// address of the zone. It holds a reference of its trust (let go
 * with hf_trust_unref). What a file of authorities says is kept for a minute. What
 * hf_trust_load says; without authorities of the system nobody will be believed by name. */
int hf_calls_secure(struct hf_calls *calls, const struct hf_zone_conf *zone, struct hf_secure *ret);

/* ---- turns ---- */

enum hf_turn_kind {
	HF_TURN_TRANSFER,
	HF_TURN_QUESTION,
	HF_TURN_NOTIFY,
	HF_TURN_NOTIFY_SILENT, /* to one that did not answer the last one */
	HF_TURN_UPDATE,
	HF_TURN_KINDS
};

struct hf_turn {
	struct hf_turn *next, **prev; /* in line; prev NULL: not */
	enum hf_turn_kind kind;
	struct hf_address peer; /* whom it is for: ports do not matter */
	struct hf_turn *holder; /* the next one of those that are taken */
	bool taken;
	/* It is this one's turn. May take others and give turns back. */
	void (*come)(struct hf_turn *turn, hf_us now);
};

/* True: taken at once. Else it stands in line, and `come` will be called. Neither waits nor
 * is taken yet. */
bool hf_turn_take(struct hf_calls *calls, struct hf_turn *turn, enum hf_turn_kind kind,
	const struct hf_address *peer);

/* Gives it back, or leaves the line. Neither is fine. */
void hf_turn_give(struct hf_calls *calls, struct hf_turn *turn);

/* ---- calls ---- */

struct hf_call;

struct hf_call_handler {
	/* A message, which may be written to, good until it returns. */
	void (*message)(void *ctx, uint8_t *m, size_t len, hf_us now);
	/* It is over: a phrase, without whom it is about. */
	void (*failed)(void *ctx, const char *why, hf_us now);
};

/* Begins. `secure` NULL: plain TCP; it is copied. The request has at most 65,535 octets.
 * Failure that is known at once is returned, and nothing is called. */
int hf_call_begin(struct hf_calls *calls, const struct hf_address *peer,
	const struct hf_secure *secure, const uint8_t *request, size_t len,
	const struct hf_call_handler *handler, void *ctx, struct hf_call **ret);

/* Hangs up; may be called within either callback, and is due after `failed`, too. NULL is
 * fine. */
void hf_call_end(struct hf_call *call);

/* ---- questions over UDP ---- */

struct hf_datagram_call {
	struct hf_udp_attempt attempt;
	/* A message from whom was asked, with the id that was sent; `cut`: it was longer than
	 * HF_DATAGRAM_MAX. It may be forged: the question goes on until it is forgotten. */
	void (*replied)(struct hf_datagram_call *call, uint8_t *m, size_t len, bool cut, hf_us now);
	/* The network says that it did not arrive: it is over. */
	void (*refused)(struct hf_datagram_call *call, int error, hf_us now);
};

/* Sends a message of at least 12 octets, whose id it sets; again ends what was before. */
int hf_datagram_call(struct hf_calls *calls, struct hf_datagram_call *call,
	const struct hf_address *peer, uint8_t *m, size_t len);
void hf_datagram_forget(struct hf_datagram_call *call); /* not under way is fine */

#endif
