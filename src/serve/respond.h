/* SPDX-License-Identifier: GPL-3.0-or-later */
/* respond.h - from a client's packet to the reply, or to a wait for it.
 *
 * Story: the manners of a server, the same over UDP, TCP and TLS. A packet is read;
 * what is no question gets FORMERR, NOTIMP, BADVERS or silence (RFC 1035, 6891,
 * 8906, 9619); what we do not serve is refused; what lies in a zone of ours is answered
 * from it (serve/authority_reply.h); special names and cache hits are
 * answered at once; the rest is asked, and what is needed to answer later is
 * kept as a *pending* question under a ticket.
 * ANY (RFC 8482): over UDP the client is told to come over TCP, where it gets
 * what the upstream says: no amplification and no made-up record.
 * Who pads what it asks over TLS gets what is said padded (RFC 8467), but for what is signed
 * (TSIG) and for transfers.
 * At the bound: a reply to what is not a good question of an allowed client is
 * never longer than what came. With `in-flight` questions pending, or more
 * than its share of them (base/share.h) of one client or route, an old answer or SERVFAIL.
 * Threads: the worker's own. */
#ifndef HF_SERVE_RESPOND_H
#define HF_SERVE_RESPOND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/worker.h"
#include "serve/packet.h"

struct hf_responder;

/* A responder has room for `pending_max` waiting questions. -ENOMEM. */
int hf_responder_new(
	size_t pending_max, hf_send_reply *send, void *owner, struct hf_responder **ret);
void hf_responder_free(struct hf_responder *responder); /* NULL is fine */

/* The worker to ask, and the settings to go by (kept, not copied). */
void hf_responder_attach(struct hf_responder *responder, struct hf_worker *worker);
void hf_responder_adopt(struct hf_responder *responder, const struct hf_respond_conf *conf);

/* The zones that we have authority for from now on (takes a reference of its own), or NULL:
 * none. In the worker's thread. */
struct hf_zones;
void hf_responder_adopt_zones(struct hf_responder *responder, struct hf_zones *zones);

/* Who is asked, before a packet or a group of them is answered, whether there are other zones: it
 * may call hf_responder_adopt_zones. NULL: nobody. */
void hf_responder_set_renew(struct hf_responder *responder, void (*renew)(void *ctx), void *ctx);

/* Who is told of NOTIFY messages that may be heard. */
void hf_responder_set_notified(
	struct hf_responder *responder, hf_notified *notified, void *ctx);

/* Handles one packet. NOW: *ret points to the reply, in `out` (of
 * HF_RESPOND_ROOM octets, over TLS of HF_RESPOND_ROOM_TLS) or, if it is larger than that, in the
 * responder's own memory until its next use. */
enum hf_respond hf_respond(struct hf_responder *responder, const struct hf_packet *packet,
	hf_us now, uint8_t *out, const uint8_t **ret, size_t *ret_len);

/* A batch is handled in groups: the packets of a group are all read and their keys
 * hashed (hf_respond_begin, for each i in [0, n), n up to HF_RESPOND_GROUP), then the
 * places of their answers are fetched (hf_respond_approach), then they are answered one
 * by one: hf_respond_finish, as hf_respond, for each i, in that order; hf_respond may be
 * called in between. So the processor waits for memory once for the group and not for each. */
void hf_respond_begin(
	struct hf_responder *responder, size_t i, const struct hf_packet *packet, hf_us now);
void hf_respond_approach(struct hf_responder *responder, size_t n);
enum hf_respond hf_respond_finish(struct hf_responder *responder, size_t i, uint8_t *out,
	const uint8_t **ret, size_t *ret_len);

/* After STREAM, at once: what the messages come from, the caller's from then on. */
struct hf_transfer_out;
struct hf_transfer_out *hf_responder_transfer(struct hf_responder *responder);

/* The engine's side: hand these to the worker as its client, with the responder
 * as the context. */
extern const struct hf_client hf_responder_client;

size_t hf_responder_pending(const struct hf_responder *responder);

#endif
