/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls_server.h - what we show to those who come over TLS: a chain, its key, tickets.
 *
 * Story: two files hold a chain of certificates and the key of its first one. They are read
 * whole and checked against each other before anything is made of them; a session
 * (transport/tls.h) is then laid over a stream that came in. Sessions go on with what they
 * began with, though another has been read meanwhile.
 * What is spoken: TLS 1.3, and 1.2 with ephemeral keys and sealed records alone; ALPN "dot"
 * or none (RFC 7858 section 3.1): who asks for other protocols gets an alert. No early data,
 * no renegotiation, no certificates of clients.
 * Tickets let a client come back for less (RFC 8446 section 2.2). Nothing of theirs is kept
 * here: they are sealed with a key that lies in memory alone and is made anew after
 * HF_TLS_TICKET_KEY_FOR, by which those before it are worth nothing.
 * It knows certificates. It must never know connections, DNS or which clock said `now`.
 * Ownership: counted. The key is wiped as far as GnuTLS does so.
 * Threads: any, at once; the ticket key has a lock of its own, held for a copy.
 * At the bound: a file of HF_TLS_FILE_MAX octets; HF_TLS_CHAIN_MAX certificates; a client's
 * part of a handshake of HF_TLS_HELLO_MAX octets; else an error. */
#ifndef HF_TRANSPORT_TLS_SERVER_H
#define HF_TRANSPORT_TLS_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

struct gnutls_session_int;

#define HF_TLS_FILE_MAX (256u << 10)
#define HF_TLS_CHAIN_MAX 16
#define HF_TLS_HELLO_MAX (16u << 10)
#define HF_TLS_TICKET_KEY_FOR (6 * 3600 * HF_SECOND)
#define HF_TLS_TICKET_SECONDS 7200 /* that a client may come back with one */
#define HF_TLS_WHY_MAX 400
#define HF_TLS_DAYS_AHEAD 14 /* who renews by himself does so a month ahead */

struct hf_tls_server;

/* Reads the chain (PEM, the server's own first) and the key from their files. A key that
 * everybody may read is refused. One reference. HF_ESYNTAX, HF_EBOUND, -ENOMEM or what the
 * system said; `why` says it in words, without a full stop. */
int hf_tls_server_load(const char *certificate, const char *key, char why[static HF_TLS_WHY_MAX],
	struct hf_tls_server **ret);
struct hf_tls_server *hf_tls_server_ref(struct hf_tls_server *server);
void hf_tls_server_unref(struct hf_tls_server *server); /* NULL is fine */

/* Were both made of the same octets? Then the older one may go on, with its tickets. */
bool hf_tls_server_same(const struct hf_tls_server *a, const struct hf_tls_server *b);

/* The first second since 1970 at which a certificate of the chain has run out; and the second
 * at which the last of them begins to count. */
int64_t hf_tls_server_until(const struct hf_tls_server *server);
int64_t hf_tls_server_from(const struct hf_tls_server *server);

/* False if the chain does not count at `wall` seconds since 1970, or ends within
 * HF_TLS_DAYS_AHEAD; `why` says so in words. */
bool hf_tls_server_lasts(
	const struct hf_tls_server *server, int64_t wall, char why[static HF_TLS_WHY_MAX]);

/* Makes a session of GnuTLS, that has just been begun for a server, one of ours. -ENOMEM,
 * -EPROTO. `now`: of the loop. */
int hf_tls_server_dress(
	struct hf_tls_server *server, struct gnutls_session_int *session, hf_us now);

#endif
