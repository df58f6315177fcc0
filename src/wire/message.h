/* SPDX-License-Identifier: MIT */
/* message.h - a zero-copy view of a DNS message that says where it is broken.
 *
 * Story: bytes come in, offsets go out. `hf_question_read` is what a client's
 * packet needs: header, the one question (name lowered, original case still in
 * the packet), EDNS. `hf_message_read` walks a whole reply: sections, each
 * record's bounds, the smallest TTL, the SOA that bounds a negative answer
 * (RFC 2308), and every place where a TTL lies.
 * Ownership: views point into the caller's bytes, which must outlive them.
 * At the bound: a message with more than HF_RECORDS_MAX records is malformed
 * to us (65,535 bytes hold at most 5,957 with owner names of one octet).
 * Threads: pure. */
#ifndef HF_WIRE_MESSAGE_H
#define HF_WIRE_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns.h"
#include "wire/name.h"

#define HF_RECORDS_MAX 6000

static inline uint16_t hf_message_id(const uint8_t *m)
{
	return (uint16_t)((unsigned)m[0] << 8 | m[1]);
}

static inline uint16_t hf_message_flags(const uint8_t *m)
{
	return (uint16_t)((unsigned)m[2] << 8 | m[3]);
}

static inline unsigned hf_message_opcode(const uint8_t *m)
{
	return m[2] >> 3 & 15;
}

/* EDNS of a message (RFC 6891). Unknown options are passed over. */
struct hf_edns {
	/* What is the same in each that has no options, side by side: it is set at once. */
	bool present;
	bool keepalive;           /* RFC 7828 option seen */
	bool keepalive_timed;     /* it has a time-out */
	bool padding;             /* RFC 7830 option seen */
	int32_t ede;              /* first extended error's INFO-CODE, or HF_EDE_NONE */
	uint16_t keepalive_100ms; /* the time-out; 0, too, if it has none */
	uint16_t cookie_at;       /* offset of a COOKIE's octets (RFC 7873); 0: there is none */
	uint16_t cookie_len;
	uint16_t len; /* octets of the OPT record */

	uint16_t at;       /* offset of the OPT record */
	uint16_t udp_size; /* as sent; the reader applies no minimum */
	bool dnssec_ok;
	uint8_t version;
	uint8_t rcode_high; /* upper eight bits of the extended RCODE */
};

/* A question as everyone inside passes it on. */
struct hf_question {
	struct hf_name name; /* lowered */
	uint16_t type;
	uint16_t class;
};

enum hf_query_fault { /* what is wrong with a client's packet, and so what to say */
	HF_QUERY_GOOD,
	HF_QUERY_SILENCE,  /* too short, or a response: no answer at all */
	HF_QUERY_NOTIMP,   /* an opcode that we do not serve */
	HF_QUERY_FORMERR,
	HF_QUERY_BADVERS,  /* question and edns are filled in */
};

struct hf_query_view {
	uint16_t id;
	uint16_t flags;
	uint16_t question_len; /* octets from 12 on: name, type, class; 0 if not read */
	struct hf_question question;
	struct hf_edns edns;
	/* For a fault only: */
	const char *why; /* a short sentence */
	size_t where;    /* its offset */
};

/* Reads a client's packet. Accepts exactly one question (RFC 9619), nothing in
 * answer and authority, and any records in additional of which at most one is
 * OPT with the root as its owner. TSIG and SIG(0) are not ours to check: they
 * are passed over. Octets behind the last record are tolerated (RFC 1035 is
 * silent; real stubs pad). */
enum hf_query_fault hf_query_read(const uint8_t *m, size_t len, struct hf_query_view *ret);

/* What is said to a server about a zone: a NOTIFY (RFC 1996) or a request for a transfer
 * (RFC 5936, 1995). The question's name is the zone's. */
struct hf_errand_view {
	struct hf_query_view query;
	bool notify;     /* else AXFR or IXFR, by the question's type */
	bool has_serial; /* of a SOA record of the zone: the new one (NOTIFY), the client's (IXFR) */
	uint32_t serial;
	bool has_tsig;   /* the last record is a TSIG record; it is not checked here */
};

/* Reads such a message. At most one record in answer (NOTIFY) or authority (IXFR), which
 * counts if it is the zone's SOA; additional as for hf_query_read. NOTIMP: it is nothing of
 * the kind. */
enum hf_query_fault hf_errand_read(const uint8_t *m, size_t len, struct hf_errand_view *ret);

/* Does a query's additional section end with a TSIG record? hf_query_read has accepted it. */
bool hf_query_has_tsig(const uint8_t *m, size_t len, const struct hf_query_view *view);

struct hf_record {
	uint16_t at;       /* owner name */
	uint16_t type;
	uint16_t class;
	uint16_t ttl_at;   /* offset of the TTL field */
	uint16_t rdata_at;
	uint16_t rdata_len;
	uint32_t ttl;
	uint16_t end;      /* rdata_at + rdata_len */
};

/* One record at `at`: bounds only, names inside known rdata included. */
int hf_record_read(const uint8_t *m, size_t len, size_t at, struct hf_record *ret);

/* The same record once more, of a message that hf_message_read has accepted: nothing is
 * checked again. TTLs, and names before it, may have been changed since. */
struct hf_record hf_record_again(const uint8_t *m, size_t at);

struct hf_message_view {
	uint16_t id;
	uint16_t flags;
	uint16_t question_end; /* offset behind the question; 12 if there is none */
	uint16_t answer_end;   /* offset behind each section */
	uint16_t authority_end;
	uint16_t end;          /* behind the last record; octets after it are cut off */
	uint16_t answers, authorities, additionals; /* additionals include OPT */
	uint16_t hop_at;     /* the first additional record of the hop; `end` if there is none */
	uint16_t before_hop; /* additional records before that */
	unsigned rcode;        /* with EDNS' upper bits */
	uint32_t ttl_min;      /* over all records but OPT; UINT32_MAX if none */
	uint32_t soa_negative; /* min(SOA TTL, MINIMUM) of an authority SOA, else UINT32_MAX */
	bool has_soa;
	bool has_referral;     /* NS in authority and nothing in answer */
	bool answer_has_alias; /* CNAME or DNAME in answer */
	bool signed_by_key;    /* TSIG or SIG(0) present */
	bool tidy;             /* each record evidently belongs to the question: see tidy.h */
	struct hf_edns edns;
	size_t where;          /* on HF_EMALFORMED: the offset */
};

/* OPT, TSIG and SIG(0) concern two neighbours and nobody else. */
static inline bool hf_is_of_the_hop(uint16_t type)
{
	return type == HF_TYPE_OPT || type == HF_TYPE_TSIG || type == HF_TYPE_SIG;
}

/* Reads a whole message. At most one question. HF_EMALFORMED for anything that
 * a careful reader could trip over. TTLs with the top bit set count as 0 (RFC
 * 2181 section 8). */
int hf_message_read(const uint8_t *m, size_t len, struct hf_message_view *ret);

/* True if the reply's question is this one, octet for octet, case included
 * (0x20, draft-vixie-dnsext-dns0x20): `asked` is the question section as sent. */
bool hf_message_echoes(const uint8_t *m, const struct hf_message_view *view,
	const uint8_t *asked, size_t asked_len);

#endif
