/* SPDX-License-Identifier: GPL-3.0-or-later */
/* listener.h - one worker's ears: its UDP sockets, doors for TCP and TLS, and connections.
 *
 * Story: for every address that is served each worker has a socket and a door of
 * its own (SO_REUSEPORT), bound by main beforehand. A batch of datagrams comes
 * in, each is answered at once or later, and what is ready goes out in one
 * batch, from the address that was asked.
 * An address that a reload takes away is *retired*: it goes on answering until
 * nothing that came through it is pending, then it is closed.
 * Threads: the worker's own.
 * At the bound: see respond.h and connection.h; replies that the system has no
 * room for are lost, as the network would lose them, and counted. */
#ifndef HF_SERVE_LISTENER_H
#define HF_SERVE_LISTENER_H

#include "serve/admission.h"
#include "serve/respond.h"

/* What a worker is to listen on: descriptors that are already bound. */
struct hf_ear {
	struct hf_address address;
	int udp, tcp; /* or -1: none of this kind; owned by the listener from then on */
	bool tls;     /* who comes by `tcp` speaks TLS */
};
#define HF_EAR_UNBOUND (-2) /* in place of a descriptor: the loop is to open one */

struct hf_listener;

/* -ENOMEM. The table is shared by all workers and outlives them. */
int hf_listener_new(struct hf_loop *loop, struct hf_meter *meter,
	struct hf_admission_table *admission, size_t pending_max, struct hf_listener **ret);
void hf_listener_free(struct hf_listener *listener); /* NULL is fine */

struct hf_responder *hf_listener_responder(struct hf_listener *listener);

/* Starts to listen on more. On failure the ear's descriptors are closed. */
int hf_listener_add(struct hf_listener *listener, const struct hf_ear *ear);

/* Retires every address that is not among `keep`, or those with TLS not among `keep_tls`. */
void hf_listener_retain(struct hf_listener *listener, const struct hf_address_list *keep,
	const struct hf_address_list *keep_tls);

/* The settings to go by: kept, not copied. */
void hf_listener_adopt(struct hf_listener *listener, const struct hf_respond_conf *conf);

/* Retires everything after taking what has already arrived. */
void hf_listener_drain(struct hf_listener *listener, hf_us now);

/* End of a turn: sends what has been collected, closes what has retired. */
void hf_listener_turned(struct hf_listener *listener, hf_us now);

/* True if nothing is listening and nothing is pending. */
bool hf_listener_done(const struct hf_listener *listener);

#endif
