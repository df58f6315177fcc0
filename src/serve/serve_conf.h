/* SPDX-License-Identifier: GPL-3.0-or-later */
/* serve_conf.h - what an operator may say about listening and clients. */
#ifndef HF_SERVE_SERVE_CONF_H
#define HF_SERVE_SERVE_CONF_H

#include "base/option.h"

struct hf_listen_conf {        /* `listen:` */
	struct hf_address_list dns; /* UDP and TCP */
	struct hf_address_list tls; /* DNS over TLS (RFC 7858) */
	const char *tls_certificate, *tls_key; /* files, or "none" */
	uint32_t tls_handshakes;            /* begun in a second, each worker */
	uint32_t tls_handshakes_per_client; /* ... by one address (IPv6: one /64), all workers */
	struct hf_address http;     /* family 0: none */
	uint32_t edns_size;         /* largest UDP reply that we send */
	struct hf_text_list xdp;    /* interfaces at whose driver hot answers are given */
};

struct hf_tcp_conf {           /* `tcp:`, for TLS as well */
	uint32_t connections;       /* in all, shared out over the workers */
	uint32_t per_client;        /* of one address (IPv6: of one /64) */
	uint32_t in_flight;         /* questions of one connection waiting at once */
	hf_us idle;                 /* no question under way and none arriving */
	hf_us stall;                /* a half-sent question, or a reply nobody reads */
};

struct hf_clients_conf {       /* `clients:` */
	struct hf_prefix_list allow; /* others get REFUSED */
	uint32_t in_flight;          /* questions of all clients waiting at once, per worker */
};

extern const struct hf_option hf_listen_options[];
extern const struct hf_option hf_tcp_options[];
extern const struct hf_option hf_clients_options[];

#endif
