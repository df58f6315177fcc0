/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tls.h - TLS over a stream of the loop, from either side: shake hands, judge, talk.
 *
 * Story: a *session* is laid over a stream that its owner opened. The owner passes on
 * what the loop says of the stream: hf_tls_handshake until it is done, then
 * hf_tls_read, hf_tls_write and hf_tls_flush, which mean what those of a stream mean.
 * Nobody's octets go out or come in before the peer is believed (trust.h); if it is
 * not, the handshake ends with HF_EAUTH, an alert has been sent, and hf_tls_cause says
 * why in words. *Tickets* remember sessions, one a peer, so that the next one costs
 * a signature or two less (RFC 8446 section 2.2); each is used once, so that no two
 * connections can be told to be the same client's (appendix C.4), except in TLS 1.2,
 * where one counts until another comes. One that does harm is therefore gone, too.
 * A resumed peer is judged again: a certificate that has run out meanwhile is found.
 * TLS 1.2 and 1.3; no early data, no renegotiation. GnuTLS does the work.
 * A stream that came in is laid with hf_tls_accept instead: we show what a server has
 * (transport/tls_server.h), and whoever comes is as good as over TCP. The rest is the same.
 * It knows streams and trust. It must never know DNS, and never chooses whom to
 * connect to or how long to wait: deadlines are the owner's.
 * Ownership: the session copies its peer, holds a reference of the trust, and borrows
 * stream and tickets, which must outlive it. Freeing it does not close the stream.
 * Threads: one owner for a session, and for the tickets of its loop.
 * At the bound: HF_TLS_TICKETS peers are remembered, then the least lately used is
 * forgotten, as is a ticket over 16 KiB; a handshake that takes more than 96 KiB of the peer's
 * (a client's: HF_TLS_HELLO_MAX), or later 64 KiB without any data, is an error; a write takes nothing while 64 KiB wait for the stream.
 * What TLS keeps of its own is about 15 KiB a session. */
#ifndef HF_TRANSPORT_TLS_H
#define HF_TRANSPORT_TLS_H

#include "loop/loop.h"
#include "transport/tls_server.h"
#include "transport/trust.h"

#define HF_TLS_TICKETS 64

struct hf_tls_tickets;
struct hf_tls_session;

/* What it takes to talk to somebody: whom to expect, and whose word counts. A value that
 * holds a reference of its trust (which may be NULL). */
struct hf_secure {
	struct hf_tls_peer peer;
	struct hf_trust *trust;
};

bool hf_secure_equal(const struct hf_secure *a, const struct hf_secure *b);

int hf_tls_tickets_new(struct hf_tls_tickets **ret);      /* -ENOMEM */
void hf_tls_tickets_free(struct hf_tls_tickets *tickets); /* NULL is fine */

/* Lays a session over a stream that is connecting or connected, and asks to be told
 * when it can be written. trust and tickets may be NULL: no authorities, nothing
 * remembered. -ENOMEM. */
int hf_tls_open(struct hf_stream *stream, const struct hf_tls_peer *peer, struct hf_trust *trust,
	struct hf_tls_tickets *tickets, struct hf_tls_session **ret);

/* Lays a session over a stream that came in; it holds a reference of the server. -ENOMEM,
 * -EPROTO. */
int hf_tls_accept(
	struct hf_stream *stream, struct hf_tls_server *server, struct hf_tls_session **ret);

/* Goes on with the handshake. 0: done, and the peer is believed; octets of its own may
 * have come with it, so read before waiting. -EAGAIN: call again when the stream is
 * ready. HF_EAUTH: not believed. -EPROTO: no agreement, or no TLS. Else the stream's
 * error, or HF_ECLOSED. Certificates are judged by the loop's wall clock. */
int hf_tls_handshake(struct hf_tls_session *session);

/* As hf_stream_read: octets, 0 at the end, -EAGAIN, or an error; -EAGAIN, too, before
 * the handshake is done. After READABLE, read until -EAGAIN: what the session has
 * taken from the stream already does not show there. */
int hf_tls_read(struct hf_tls_session *session, uint8_t *bytes, size_t cap);

/* As hf_stream_write. What the stream does not take at once is kept, and the session
 * asks for WRITABLE by itself. */
int hf_tls_write(struct hf_tls_session *session, const uint8_t *bytes, size_t len);

/* To be called at WRITABLE. 1: nothing waits; 0: the stream is full; or its error. */
int hf_tls_flush(struct hf_tls_session *session);

/* Says goodbye as far as the stream takes it, and frees. NULL is fine. */
void hf_tls_close(struct hf_tls_session *session);

/* ---- what can be said of a session ---- */

const char *hf_tls_cause(const struct hf_tls_session *session); /* why it failed; "": it did not */
int64_t hf_tls_until(const struct hf_tls_session *session);     /* as hf_trust_verdict.until */
bool hf_tls_siblings(const struct hf_tls_session *session);     /* as hf_trust_verdict.siblings */
bool hf_tls_resumed(const struct hf_tls_session *session);
const char *hf_tls_alpn(const struct hf_tls_session *session); /* agreed on; "": nothing */
bool hf_tls_is_1_3(const struct hf_tls_session *session);      /* ... or later */

/* Sealed octets that wait for the stream. */
size_t hf_tls_waiting(const struct hf_tls_session *session);

/* True if octets have been taken from the stream that no read has seen: the loop does not
 * tell of them. */
bool hf_tls_holds(const struct hf_tls_session *session);

#endif
