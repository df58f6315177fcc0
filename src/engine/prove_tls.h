/* SPDX-License-Identifier: GPL-3.0-or-later */
/* prove_tls.h - looking at an address by TLS: connect, shake hands, read the certificate.
 *
 * Story: the means of prove.h for the world. A look is a stream and a session of
 * transport/tls.h on it, for the name as SNI and as what the certificate must be for; what
 * the session says of it is the proof. No ALPN is offered, nothing is sent, and no
 * session is resumed: each look sees the certificate anew.
 * Threads: the worker's own; the anchors are the team's.
 * At the bound: how many looks there are, and for how long, is prove.h's. Each has some
 * 20 KiB of memory and a descriptor; what a peer sends is bounded by transport/tls.h. */
#ifndef HF_ENGINE_PROVE_TLS_H
#define HF_ENGINE_PROVE_TLS_H

#include "engine/anchors.h"
#include "engine/prove.h"

struct hf_prove_tls;

extern const struct hf_prove_means hf_prove_tls; /* their ctx: */

int hf_prove_tls_new(
	struct hf_loop *loop, struct hf_anchors *anchors, struct hf_prove_tls **ret); /* -ENOMEM */
void hf_prove_tls_free(struct hf_prove_tls *tls); /* its looks have ended; NULL is fine */

#endif
