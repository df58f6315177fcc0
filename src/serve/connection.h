/* SPDX-License-Identifier: GPL-3.0-or-later */
/* connection.h - clients over TCP (RFC 7766) and TLS (RFC 7858), the slow and the many too.
 *
 * Story: a connection carries any number of questions; answers go back in the
 * order in which they are ready. Questions are read only while fewer than
 * `in-flight` of its own wait and its answers are being read.
 * A question may have many messages as its answer (a transfer of a zone): they are written
 * as far as the reader follows, one transfer after the other's message, and other questions
 * of the connection are answered in between.
 * Over TLS all is the same once hands have been shaken. A handshake takes us far more than the
 * client: nothing is made for it before the client's first octets are here; one client begins
 * so many in a second and is closed at once with more; a worker begins so many, evenly, and
 * who comes then waits for its turn. All of it ends `stall` after the connection began. So a
 * flood of handshakes leaves a worker most of its time for questions, though it may take
 * from other clients their turn to shake hands.
 * A zone goes out over TLS 1.3 with ALPN "dot" alone (RFC 9103 sections 7.1, 7.2).
 * Time-outs: `idle` with nothing under way; `stall` from the first octet of a
 * question until its last, however they drip in, and for each 16 KiB of answers
 * that the client has to read.
 * At the bound: past `connections` in all, the one that has been idle for
 * longest is closed, or if none is idle, the new one; past `per-client`, the new
 * one. Answers waiting for a reader are at most 512 KiB; then it is closed. TLS takes some
 * 20 KiB of its own, and 64 KiB of answers may wait sealed, which count among them.
 * Threads: the worker's own. */
#ifndef HF_SERVE_CONNECTION_H
#define HF_SERVE_CONNECTION_H

#include "serve/admission.h"
#include "serve/respond.h"

struct hf_connections;

int hf_connections_new(struct hf_loop *loop, struct hf_meter *meter,
	struct hf_admission_table *admission, struct hf_responder *responder,
	struct hf_connections **ret);
void hf_connections_free(struct hf_connections *connections); /* closes all */

/* The settings to go by, and what is shown over TLS (or NULL): kept, not copied. */
void hf_connections_adopt(struct hf_connections *connections, const struct hf_tcp_conf *conf,
	const struct hf_listen_conf *listen, struct hf_tls_server *tls);

/* A new connection from a door, with TLS to come or without. */
void hf_connections_accept(
	struct hf_connections *connections, struct hf_stream *stream, bool tls, hf_us now);

/* An answer to a question of the connection that `path` names. */
void hf_connections_reply(struct hf_connections *connections, const struct hf_reply_path *path,
	const uint8_t *reply, size_t len, hf_us now);

/* From now on reads no more questions; closes each as its answers are gone. */
void hf_connections_drain(struct hf_connections *connections, hf_us now);

size_t hf_connections_open(const struct hf_connections *connections);

#endif
