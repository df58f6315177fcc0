/* SPDX-License-Identifier: GPL-3.0-or-later */
/* secure.h - what the settings say of TLS, made ready for the transport.
 *
 * Story: upstreams that are asked over TLS each get whom to expect and whose word
 * counts: names and pins as read, authorities loaded once for each file. It is done
 * when a plan is made, so that no worker ever reads a file; an authority that has been
 * added counts from the next reload on. A plan without it (a simulated world's) asks
 * those upstreams over plain TCP.
 * Ownership: the caller's.  Threads: whoever makes them; then they never change.
 * At the bound: authorities are loaded once for each file that is named; what they may
 * hold stands in transport/trust.h. */
#ifndef HF_ENGINE_SECURE_H
#define HF_ENGINE_SECURE_H

#include "forward/route.h"
#include "transport/tls.h"

/* One for each upstream, blank where it is not asked over TLS. Without authorities of the
 * system those that need them will not be believed. -ENOMEM, or what hf_trust_load said
 * of a file. */
int hf_secures_new(const struct hf_forward_conf *forward, struct hf_secure **ret);
void hf_secures_free(struct hf_secure *all, size_t count); /* NULL is fine */

#endif
