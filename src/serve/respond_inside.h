/* SPDX-License-Identifier: GPL-3.0-or-later */
/* respond_inside.h - what the files of the responder share. Private to serve/.
 *
 * respond_packet.c   the way of a packet; the cache; questions that wait
 * authority_reply.c  questions for zones of ours
 * errand.c           what is said to a server about its zones: NOTIFY, AXFR, IXFR
 *
 * Threads: the worker's own. */
#ifndef HF_SERVE_RESPOND_INSIDE_H
#define HF_SERVE_RESPOND_INSIDE_H

#include "base/share.h"
#include "engine/worker.h"
#include "serve/packet.h"

struct hf_responder;
struct hf_zones;
struct hf_transfer_out;
struct hf_lead; /* authority_reply.c: the aliases of a zone that led to a question */

struct hf_pending {
	struct hf_reply_path path;
	uint64_t client; /* for the shares, ... */
	uint64_t route;  /* ... as in struct hf_part */
	uint32_t generation;
	uint32_t next; /* among the free */
	bool used;
	bool edns, dnssec_ok, keepalive, pad;
	uint16_t id, flags, limit, question_len, type;
	uint8_t question[HF_NAME_MAX + 4];
	hf_us came;
	struct hf_lead *lead; /* or NULL: the client's question is what was asked */
};

struct hf_request { /* one packet on its way */
	struct hf_responder *r;
	struct hf_packet packet;
	hf_us now;
	uint8_t *out;
	enum hf_query_fault fault;
	struct hf_query_view view;
	struct hf_cache_key key; /* if there is a fault, that of nothing */
	struct hf_reply reply;
};

/* Answers of the cache, by key and instant, with aliases that lead into none of the zones
 * that we have now: so that a popular one is not read again for each hit. */
#define HF_OUTWARD_KNOWN 1024
struct hf_outward {
	uint64_t hash; /* of the key */
	hf_us stored;
};

struct hf_responder {
	struct hf_worker *worker;
	struct hf_meter *meter;
	struct hf_respond_conf conf;
	struct hf_zones *zones; /* NULL: we have authority for nothing */
	void (*renew)(void *ctx); /* or NULL */
	void *renew_ctx;
	hf_notified *notified;  /* or NULL */
	void *notified_ctx;
	hf_us notifies_since; /* the second in which so many NOTIFY messages came */
	unsigned notifies;
	unsigned transfers;               /* under way */
	struct hf_transfer_out *transfer; /* just begun: hf_responder_transfer */
	hf_send_reply *send;
	void *owner;
	struct hf_pending **pieces;
	size_t piece_count, pending_max, pending;
	struct hf_share share, by_route;
	uint32_t free;
	/* For answers that do not fit into a datagram's room. */
	uint8_t large[HF_MESSAGE_MAX + HF_OPT_ROOM];
	uint8_t *chain; /* as much; only where there are zones */
	struct hf_outward outward[HF_OUTWARD_KNOWN];
	uint16_t ttl_at[HF_RECORDS_MAX];
	struct hf_request group[HF_RESPOND_GROUP];
	struct hf_cache_key *keys[HF_RESPOND_GROUP]; /* of these */
};

/* Counts a reply that is written, and returns its length. */
size_t hf_responder_count(struct hf_responder *r, enum hf_transport transport, const uint8_t *reply,
	size_t len, unsigned rcode, hf_us took);

/* Replies without records, and with those of an answer that lies in `bytes`. Each returns
 * the length. */
size_t hf_request_say(struct hf_request *q, unsigned rcode, int32_t ede, const char *text);
size_t hf_request_patch(struct hf_request *q, uint8_t *bytes, const struct hf_answer *answer);

/* RFC 9432 7: who reads one would know of all zones. */
#define HF_CATALOG_IS_CLOSED "a catalog is for those who may transfer it"

/* Fills in q->reply from q->view. */
void hf_request_address(struct hf_request *q);

/* Has the key asked for the client, which gets the answer behind `lead` (NULL: as it is),
 * which is taken on success. HF_EBOUND, -ENOMEM. */
int hf_request_ask(struct hf_request *q, const struct hf_cache_key *key, struct hf_lead *lead);

/* How the client of a pending question is addressed. */
struct hf_reply hf_pending_reply(const struct hf_responder *r, const struct hf_pending *p);

uint8_t hf_request_key_flags(const struct hf_request *q);

#endif
