/* SPDX-License-Identifier: GPL-3.0-or-later */
/* peer.h - an upstream of the drill: a name server that can misbehave.
 *
 * Story: a peer is a host in the simulated world with a UDP socket and a TCP
 * door. It knows some records and answers from them as a resolver would: with
 * aliases followed, wildcards, NODATA and NXDOMAIN with a SOA, and TC when a
 * reply does not fit. Its *manner* says what it does with a question: a row in
 * hf_manners, so adding one is adding a row. Lies, the peer's own or of somebody on the
 * way, carry data that nobody ever put into a scenario (203.0.113.66): a reply with it is
 * a false answer for all to see.
 * The *weather* is the way to it and is not the peer's doing: the play's network
 * policy blows it.
 * Ownership: records point into the scenario.  Threads: the world's one.
 * At the bound: HF_PEER_RECORDS_MAX records, HF_PEER_CHAIN_MAX aliases. */
#ifndef HF_DRILL_PEER_H
#define HF_DRILL_PEER_H

#include "drill/expect.h"
#include "loop/loop_sim.h"

#define HF_PEER_RECORDS_MAX 100000
#define HF_PEER_CHAIN_MAX 16

struct hf_peer_record {
	struct hf_name owner; /* lowered */
	uint16_t type;
	uint16_t rdata_len;
	uint32_t ttl;
	const uint8_t *rdata;
};

struct hf_peer_data {
	struct hf_peer_record *items;
	size_t count;
};

struct hf_weather {
	hf_us delay_min, delay_max; /* one way, drawn for each packet */
	int64_t loss, duplicate;    /* in millionths, each way */
	int64_t reorder;            /* ... of packets that others overtake */
	hf_us tail;                 /* now and then much longer, up to this; 0: no longer */
	int64_t loses_above;        /* octets: larger datagrams from it vanish; 0: none do */
	int64_t cap;                /* packets in a second that get through to it */
};

struct hf_peer;
struct hf_heard;

enum hf_peer_cookies { /* what it does with cookies (RFC 7873) */
	HF_PEER_NO_COOKIES,
	HF_PEER_GIVES,
	HF_PEER_ECHOES, /* copies the option, as what it does not know */
};

struct hf_manner {
	const char *word;
	enum hf_takes takes; /* NOTHING, DURATION or PERCENT */
	enum hf_sim_host_state host;
	void (*reply)(struct hf_peer *peer, const struct hf_heard *heard);
	enum hf_peer_cookies cookies;
};

extern const struct hf_manner hf_manners[]; /* ends with a NULL word; the first: answers */

/* Who wants to know what peers hear and say. */
struct hf_peer_watch {
	void (*asked_by_stream)(void *ctx, unsigned peer, const struct hf_question *question);
	/* An honest message that is on its way now. */
	void (*said)(void *ctx, unsigned peer, bool by_stream, const uint8_t *m, size_t len);
	void *ctx;
};

/* On a host of that name, at that address. -ENOMEM. */
int hf_peer_new(struct hf_sim *sim, const char *host, unsigned index, const struct hf_address *address,
	const struct hf_peer_watch *watch, struct hf_peer **ret);
void hf_peer_free(struct hf_peer *peer); /* before its world; NULL is fine */

void hf_peer_behave(struct hf_peer *peer, const struct hf_manner *manner, int64_t number);
void hf_peer_negative_ttl(struct hf_peer *peer, uint32_t ttl);

/* Adds records; `replace`: in place of what was there for their names and types. */
int hf_peer_learn(struct hf_peer *peer, const struct hf_peer_data *data, bool replace);
void hf_peer_forget(struct hf_peer *peer, const struct hf_name *name); /* lowered */

#endif
