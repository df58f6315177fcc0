/* SPDX-License-Identifier: GPL-3.0-or-later */
/* update.h - what a server lacks of a zone, as messages that give it that: RFC 2136.
 *
 * Story: a provider that takes dynamic updates has one version of a zone and is to have
 * another. Two snapshots are walked side by side, and what differs is written down name by
 * name: first what is gone, then what is there now, so that an alias may take the place of
 * addresses; at the zone's own name new NS records come first, for the last one cannot be
 * taken away (RFC 2136 3.4.2.4). A name's changes stand in one message if they fit into one.
 * Each message holds only if the server's SOA record is the one that it is believed to be
 * (2.4.2): whoever else changes the zone makes it fail whole. The last message sets the SOA
 * record: ours, with a serial that the server must take for newer than its own (3.4.2.2).
 * Records are taken away one by one and added one by one, so a message that arrives twice
 * changes nothing the second time.
 * Left alone: with `apex_theirs` the SOA and NS records at the zone's own name; in any case
 * what a server that signs makes by itself (RRSIG, NSEC, NSEC3, NSEC3PARAM, DNSKEY, CDS,
 * CDNSKEY, ZONEMD, BIND's marks of signing), on both sides.
 * Knows:   neither keys nor connections: the caller signs what it gets.
 * Ownership: an update holds references on both zones.  Threads: pure, one owner.
 * At the bound: a message has at most HF_UPDATE_MESSAGE octets, or less if so wanted, but for
 * a single record that is larger; a step looks at
 * HF_UPDATE_SLICE sets, then says that it wants to be called again. */
#ifndef HF_ZONE_UPDATE_H
#define HF_ZONE_UPDATE_H

#include "zone/snapshot.h"

/* Leaves room for a signature, and for one more name in what TCP can carry. */
#define HF_UPDATE_MESSAGE 60000u
#define HF_UPDATE_LEAST 4000u
#define HF_UPDATE_SLICE 20000u

/* Serial and four more numbers behind two names. */
#define HF_UPDATE_SOA_MAX (2 * HF_NAME_MAX + 20)

/* The SOA record's data as a server has it, names written out. */
struct hf_update_soa {
	uint16_t len;
	uint8_t rdata[HF_UPDATE_SOA_MAX];
};

uint32_t hf_update_soa_serial(const struct hf_update_soa *soa);

/* Of a zone, which has one. */
void hf_update_soa_of(const struct hf_zone *zone, struct hf_update_soa *ret);

struct hf_update;

struct hf_update_manners {
	bool apex_theirs;
	bool unguarded; /* whatever SOA record it has: for servers that do not know their own */
	size_t most;    /* octets of a message: from _LEAST to HF_UPDATE_MESSAGE; 0: that */
};

/* `have`: what the server has; `want`: what it is to have. -ENOMEM. */
int hf_update_new(struct hf_zone *have, struct hf_zone *want,
	const struct hf_update_manners *manners, struct hf_update **ret);
void hf_update_free(struct hf_update *update); /* NULL is fine */

enum hf_update_step {
	HF_UPDATE_MESSAGE_MADE, /* there may be more: to be asked for when this one is through */
	HF_UPDATE_LAST,         /* ... or not: this was all */
	HF_UPDATE_LATER,        /* nothing yet: call again, when others have had their turn */
	HF_UPDATE_NOTHING,      /* there is nothing (more) to be said */
	HF_UPDATE_TOO_LARGE,    /* a record that fits into no message: it cannot be said */
};

/* The next message, in *ret_m with *ret_len octets and room for HF_MESSAGE_MAX: the update's
 * own memory, good until the next call; set with MESSAGE_MADE and LAST. `theirs`: the SOA
 * record that it holds for; behind LATER it has to be the same, and so has the id. */
enum hf_update_step hf_update_next(struct hf_update *update, const struct hf_update_soa *theirs,
	uint16_t id, uint8_t **ret_m, size_t *ret_len);

/* So far: records taken away and added; not the SOA record. */
uint64_t hf_update_changes(const struct hf_update *update);

/* The first record that differed, as "www.example. type 1"; "": none. */
const char *hf_update_first(const struct hf_update *update);

/* ---- what servers say ---- */

/* The question for the SOA record; out has room for HF_UPDATE_ASK_MAX. Returns its length. */
#define HF_UPDATE_ASK_MAX 512
size_t hf_update_ask(const struct hf_name *origin, uint16_t id, uint8_t *out);

/* Its answer: NULL and *ret, or what is wrong with it, a phrase. */
const char *hf_update_read_soa(const struct hf_name *origin, uint16_t id, const uint8_t *m,
	size_t len, struct hf_update_soa *ret);

/* The reply to an update, its RCODE; -1: it is none. */
int hf_update_reply(uint16_t id, const uint8_t *m, size_t len);

/* "REFUSED"; static storage. */
const char *hf_update_rcode_text(unsigned rcode);

#endif
