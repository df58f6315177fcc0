/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream.h - what an operator may say about an upstream.
 *
 * An upstream is a resolver or authoritative server that questions are
 * forwarded to (RFC 9499: a forwarder's target). Everything here is immutable
 * and belongs to one configuration; what is learnt about an upstream while
 * running lives in health.h and rtt.h. */
#ifndef HF_UPSTREAM_UPSTREAM_H
#define HF_UPSTREAM_UPSTREAM_H

#include "base/option.h"
#include "upstream/retry.h"

enum hf_channel { /* how messages travel to an upstream */
	HF_CHANNEL_UDP, /* UDP, and TCP when an answer does not fit */
	HF_CHANNEL_TCP, /* TCP always */
	HF_CHANNEL_TLS, /* TLS always (RFC 7858): never in plain text, whatever happens */
};

enum hf_tls_auth { /* who is believed over TLS (RFC 8310 section 5) */
	HF_TLS_STRICT,        /* who proves its name, or has a pinned key */
	HF_TLS_OPPORTUNISTIC, /* anybody: helps against listeners, not against liars */
};

enum hf_trust_level {
	HF_TRUST_NORMAL,
	HF_TRUST_LOW, /* a witness, and the last resort: see select.h */
};

/* The rows for one entry of `upstreams:` besides its address. */
struct hf_upstream_conf {
	const char *name;          /* the key in the file */
	struct hf_address address;
	enum hf_channel channel;
	hf_us timeout_min;         /* bounds of the adaptive time-out of one attempt */
	hf_us timeout_max;
	uint32_t failures_to_open; /* failed attempts in a row before it is rested */
	hf_us rest_min;            /* first rest; doubled up to rest_max */
	hf_us rest_max;
	uint32_t edns_size;        /* largest UDP reply that it is told to send */
	bool case_mix;             /* 0x20: random case in questions, checked in replies */
	bool cookies;              /* RFC 7873: see cookie.h */
	uint32_t budget;           /* packets/s that it may be sent; 0: any */
	bool infer_cap;            /* find out for itself where replies stop to grow */
	int trust;                 /* enum hf_trust_level */
	bool hedge;                /* a second copy to another after the 95th percentile */
	struct hf_retry_conf retry;
	const char *interface;     /* that it is reached through: a name, or "none" */
	uint16_t interface_at;     /* in hf_forward_conf.interfaces, plus 1; 0: none */
	const char *tls_name;      /* that its certificate must be for, or "none" */
	struct hf_text_list tls_pins; /* keys that it may have; none: any */
	const char *tls_ca;        /* a PEM file with authorities, or "system" */
	enum hf_tls_auth tls_auth;
};

/* What may leave through a network interface: the rows of `interfaces:`. Which one
 * a packet takes is the system's business; this only counts. */
struct hf_interface_conf {
	const char *name;
	uint32_t budget;           /* packets/s; 0: any */
};

#define HF_INTERFACES_MAX 64

extern const struct hf_option hf_interface_options[];

/* What all upstreams together may be sent: the rows of `outgoing:`. */
struct hf_outgoing_conf {
	uint32_t budget;           /* packets/s; 0: any */
	struct hf_retry_conf retry;
	uint32_t connections;      /* in use at once, per worker; 0: nothing is said of it */
};

extern const struct hf_option hf_outgoing_options[];

extern const struct hf_option hf_upstream_options[];

#endif
