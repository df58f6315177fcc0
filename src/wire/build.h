/* SPDX-License-Identifier: MIT */
/* build.h - write queries and replies; patch a kept answer into a reply.
 *
 * Story: an upstream's reply is kept as it came, minus what belongs to the hop
 * it came over (id, OPT, TSIG), plus a list of where its TTLs lie: a *kept*
 * answer. To answer with it, the kept bytes are copied into the out-buffer and
 * patched there: id, flags, the client's own question octets (so the client
 * gets its own case back), TTLs less the age, and an OPT record if the client
 * brought one. Nothing is parsed and nothing is allocated.
 * At the bound: an answer over the client's size first loses its additional
 * section (RFC 2181 section 9 allows that without TC), then everything but the
 * question, with TC set.
 * Threads: pure. */
#ifndef HF_WIRE_BUILD_H
#define HF_WIRE_BUILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "wire/message.h"

/* Room that an out-buffer needs behind the kept bytes for the OPT record with
 * an extended error (and its text) and a keepalive option. */
#define HF_EDE_TEXT_MAX 80
#define HF_OPT_ROOM (HF_OPT_LEN + 6 + HF_EDE_TEXT_MAX + 6)

/* Replies that are padded are so to a multiple of this (RFC 8467 section 4.1), and need so
 * much room besides. */
#define HF_REPLY_BLOCK 468
#define HF_PAD_ROOM (4 + HF_REPLY_BLOCK - 1)

/* What a kept answer consists of. The arrays belong to whoever filled it. */
struct hf_kept {
	uint8_t *wire;      /* header (id 0), question lowered, sections; no OPT */
	uint16_t len;
	uint16_t answer_end, authority_end;
	uint16_t ttl_count;
	uint16_t *ttl_at;   /* offsets of the TTL fields, ascending */
	uint32_t ttl;       /* seconds that it is good for: the smallest, after limits */
};

/* Makes a kept answer of a reply that hf_message_read accepted. wire must have
 * room for HF_MESSAGE_MAX octets and ttl_at for HF_RECORDS_MAX entries. Records
 * behind an OPT or TSIG in the middle of additional are set anew, uncompressed.
 * TTLs over ttl_max are lowered to it. ret->ttl is the smallest TTL; it is up
 * to the caller to bound it further (cache/ttl.h).
 * HF_ESPACE if setting records anew made the message too long; HF_EMALFORMED
 * if a name leans on octets that will not stay as they are (a TTL). */
int hf_keep(const uint8_t *m, const struct hf_message_view *view, uint32_t ttl_max,
	struct hf_kept *ret);

/* Finds the TTLs, and the smallest, of bytes that were kept before and come from
 * where they may have been changed: kept->wire holds kept->len octets that
 * hf_message_read accepted, all of them. As hf_keep otherwise: HF_EMALFORMED for
 * what it would not have kept. */
int hf_keep_again(struct hf_kept *kept, uint16_t question_end, uint32_t ttl_max);

/* How to address a reply to one client. */
struct hf_reply {
	uint16_t id;
	uint16_t flags;          /* the client's flags word: RD and CD are echoed */
	const uint8_t *question; /* the client's own octets: name, type, class */
	uint16_t question_len;   /* 0: no question could be read */
	uint16_t limit;          /* octets the client can take: see hf_reply_limit */
	bool edns;               /* the client sent OPT: so do we */
	bool dnssec_ok;
	bool keepalive;          /* tell the idle time-out (RFC 7828) */
	uint16_t keepalive_100ms;
	bool pad;                /* to HF_REPLY_BLOCK, as far as the limit goes (RFC 7830) */
	int32_t ede;             /* HF_EDE_NONE: none */
	const char *ede_text;    /* or NULL; cut at HF_EDE_TEXT_MAX */
};

/* The largest reply for a client over UDP: its EDNS size between 512 and ours. */
uint16_t hf_reply_limit_udp(const struct hf_edns *edns, uint16_t ours);

/* Patches kept bytes that lie at out[0..kept->len) for one client and returns
 * the reply's length. out has room for kept->len + HF_OPT_ROOM (with `pad`: and
 * HF_PAD_ROOM). age: seconds
 * that the answer has been kept; a TTL never goes below ttl_floor. */
size_t hf_reply_patch(uint8_t *out, const struct hf_kept *kept, uint32_t age,
	uint32_t ttl_floor, const struct hf_reply *reply);

/* A reply without records: header, question if there is one, OPT if asked for.
 * rcode may be an extended one (BADVERS); without OPT that is said as FORMERR.
 * Never longer than `most` octets: the error's text, the options, the OPT record
 * and then the question are left off to stay within it (12 are always written). With `pad`
 * out has HF_PAD_ROOM more.
 * Returns the length. */
size_t hf_reply_empty(uint8_t out[static HF_HEADER_LEN + HF_NAME_MAX + 4 + HF_OPT_ROOM],
	unsigned rcode, size_t most, const struct hf_reply *reply);

/* NXDOMAIN for a name under one that does not exist (RFC 8020): the authority
 * records of the kept answer with the client's question. Returns the length, or
 * HF_ESPACE if cap does not hold it. */
int hf_reply_nxdomain_cut(uint8_t *out, size_t cap, const struct hf_kept *kept, uint32_t age,
	const struct hf_reply *reply);

/* What to ask an upstream. */
struct hf_ask {
	const struct hf_question *question;
	bool recursion_desired, checking_disabled, dnssec_ok;
	bool edns;
	uint16_t edns_size;
	bool stream;          /* over TCP or TLS: ask how long it may be idle (RFC 7828) */
	const uint8_t *cookie; /* with EDNS: a COOKIE's octets (RFC 7873) ... */
	uint8_t cookie_len;    /* ... at most HF_ASK_COOKIE_MAX; 0: none */
	uint16_t pad_to;      /* with EDNS: pad to a multiple of so many octets, at most
	                         HF_PAD_MAX (RFC 7830); 0: do not */
	const uint8_t *mixed; /* the name as hf_name_mix wrote it; NULL: in lower case */
};

/* Writes the query with id 0. Returns its length; out never overruns. The
 * question section as sent is at out[12..12 + name.len + 4). */
#define HF_PAD_MAX 128 /* what RFC 8467 section 4.1 has clients pad to */
#define HF_ASK_COOKIE_MAX 40
#define HF_QUERY_MAX                                                                               \
	((HF_HEADER_LEN + HF_NAME_MAX + 4 + HF_OPT_LEN + 8 + 4 + HF_ASK_COOKIE_MAX + HF_PAD_MAX -  \
		 1) /                                                                              \
		HF_PAD_MAX * HF_PAD_MAX)
size_t hf_build_query(uint8_t out[static HF_QUERY_MAX], const struct hf_ask *ask);

/* Copies a record with all its names uncompressed. HF_ESPACE if w is full. */
int hf_record_copy(const uint8_t *m, const struct hf_record *record, uint32_t ttl,
	struct hf_writer *w);

#endif
