/* SPDX-License-Identifier: GPL-3.0-or-later */
/* testimony.h - what an answer says, apart from how it is written.
 *
 * Story: two answers are to be compared, or one to be held against what is expected.
 * What counts is which addresses they give and for which name in the end, whether
 * they deny the name, and what else stands in the answer; the order of records, TTLs,
 * case and compression do not. A testimony is read once from a message and then
 * judged (judge.h) and compared.
 * Records of type HTTPS and SVCB also name the host that serves, which clients ask about
 * next: its *targets*, if it is another than the record's own name (RFC 9460 2.5.2).
 * Addresses are those of A and AAAA records, and the hints of HTTPS and SVCB records
 * (RFC 9460 7.3), which clients connect to as well.
 * Ownership: a plain value; it points to nothing.  Threads: pure.
 * At the bound: HF_TESTIMONY_ADDRESSES addresses, HF_TESTIMONY_TARGETS octets of targets;
 * past either `more` is set, and whoever wants all of an answer's addresses to be good must
 * not believe it. */
#ifndef HF_TRUTH_TESTIMONY_H
#define HF_TRUTH_TESTIMONY_H

#include "base/address.h"
#include "wire/message.h"

#define HF_TESTIMONY_ADDRESSES 64
#define HF_TESTIMONY_TARGETS 512 /* two of the longest; most have none */

struct hf_testimony {
	unsigned rcode;
	uint16_t type;        /* that was asked for */
	bool denial;          /* NXDOMAIN, or nothing of the type */
	bool authoritative;   /* AA: it is the zone's own server */
	bool more;            /* there are more addresses or targets than these */
	uint16_t count;
	struct hf_address addresses[HF_TESTIMONY_ADDRESSES]; /* distinct, port 0, in order */
	struct hf_name owner; /* lowered: where the aliases lead; the question's without any */
	uint16_t aliases;     /* CNAMEs that were followed */
	uint16_t targets_len;
	uint8_t targets[HF_TESTIMONY_TARGETS]; /* lowered, one behind the other */
	uint32_t ttl;         /* s, the least in the answer section; UINT32_MAX: empty */
	bool has_serial;
	uint32_t serial;      /* of a SOA in answer or authority */
	uint64_t rest;        /* of the answer's other records, whatever their order and TTL */
};

/* Reads what a message that hf_message_read has accepted says to a question. */
void hf_testimony_read(const struct hf_question *question, const uint8_t *m,
	const struct hf_message_view *view, struct hf_testimony *ret);

/* Is a record of a kind that gives addresses, in a form that a client can read? */
bool hf_record_has_addresses(const struct hf_record *record);

/* Hands each address that a record gives to `visit`, until that returns false; then so does
 * this. */
typedef bool hf_address_visit(void *ctx, const struct hf_address *address);
bool hf_record_addresses(const uint8_t *m, const struct hf_record *record,
	hf_address_visit *visit, void *ctx);

/* True if both give the same addresses, or both deny, or say the same of a type that
 * has no addresses. */
bool hf_testimony_same(const struct hf_testimony *a, const struct hf_testimony *b);

/* How many addresses of a are among b's as well. */
unsigned hf_testimony_shared(const struct hf_testimony *a, const struct hf_testimony *b);

#endif
