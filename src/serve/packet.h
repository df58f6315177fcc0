/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.h - a client's packet, where its reply goes, and the settings that it is served by.
 *
 * Story: what the sockets' side (listener, connections) and the files of the responder say
 * to each other. No code.
 * Ownership: what is pointed to is the other side's.  Threads: the worker's own. */
#ifndef HF_SERVE_PACKET_H
#define HF_SERVE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "meter/meter.h"
#include "serve/serve_conf.h"
#include "wire/build.h"
#include "zone/rules.h"

/* Where replies go: the listener's and the connection's side. */
struct hf_reply_path {
	enum hf_transport transport;
	void *ctx; /* a listening socket or a connection */
	struct hf_address peer;
	struct hf_address local; /* UDP: the address that was asked */
};

struct hf_respond_conf { /* what of the settings matters here */
	const struct hf_listen_conf *listen;
	const struct hf_tcp_conf *tcp;
	const struct hf_clients_conf *clients;
	const struct hf_zone_rules *rules; /* of zones with authority; NULL: there are none */
	struct hf_tls_server *tls;         /* what is shown to who comes over TLS, or NULL */
};

/* Sends reply octets along the path: called by hf_respond_later's answers. */
typedef void hf_send_reply(
	void *owner, const struct hf_reply_path *path, const uint8_t *reply, size_t len, hf_us now);

enum hf_respond {
	HF_RESPOND_SILENCE,
	HF_RESPOND_NOW,    /* the reply has been written */
	HF_RESPOND_LATER,  /* `send` will be called with it */
	HF_RESPOND_STREAM, /* over TCP or TLS: many messages, from hf_responder_transfer's */
};

/* Octets that `out` must have room for. */
#define HF_RESPOND_ROOM (4096 + HF_OPT_ROOM)
#define HF_RESPOND_ROOM_TLS (HF_RESPOND_ROOM + HF_PAD_ROOM) /* ... of who comes over TLS */

/* Packets that are handled together: see respond.h. */
#define HF_RESPOND_GROUP 16

struct hf_packet { /* all that it points to must stay until hf_respond(_finish) returns */
	enum hf_transport transport;
	void *ctx;
	const struct hf_address *peer, *local;
	const uint8_t *bytes;
	size_t len;
	const char *unfit; /* TLS: why no zone may go out over it, in words; NULL: it may */
};

/* Who is told that a primary has said that a zone has a new version (RFC 1996). */
typedef void hf_notified(void *ctx, const struct hf_name *zone, const struct hf_address *peer,
	bool has_serial, uint32_t serial);

#endif
