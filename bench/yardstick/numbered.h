/* SPDX-License-Identifier: GPL-3.0-or-later */
/* numbered.h - questions and answers of which a number says everything.
 *
 * Story: who measures servers must not be slower than they are. So the load
 * generator and the upstream of the yardstick speak of nothing but names like
 * 0000012345.speed.example, whose address follows from the number: a query is
 * written, answered and checked without a table and without text. All queries
 * are of one length, which lets the kernel cut many of them from one send.
 * Knows: the header, one question for A, one address record, OPT.
 * Never knows: sockets, time, which names are being asked.
 * Ownership: everything is the caller's; nothing is allocated.
 * At the bound: what does not parse is told as such; no octet beyond the given
 * length is read.
 * Threads: pure. */
#ifndef HF_YARD_NUMBERED_H
#define HF_YARD_NUMBERED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_YARD_QUESTION 30                        /* octets of a question for such a name */
#define HF_YARD_QUERY (12 + HF_YARD_QUESTION + 11) /* with an OPT record of 1,232 octets */
#define HF_YARD_RESPONSE 1232                      /* room for what may come back over UDP */

/* Writes the query for a number, as a stub resolver would ask it: recursion
 * desired, EDNS. Always HF_YARD_QUERY octets. */
void hf_yard_write_query(uint32_t number, uint16_t id, uint8_t out[HF_YARD_QUERY]);

/* The id of a message; 0 of one that is shorter than a header. */
uint16_t hf_yard_id(const uint8_t *m, size_t length);

enum hf_yard_verdict {
	HF_YARD_RIGHT,  /* the question that was asked, and its address */
	HF_YARD_FAILED, /* the question that was asked, and an rcode, no record or TC */
	HF_YARD_WRONG,  /* anything else */
};

/* Judges what came back for a number. The id is the caller's to compare. */
enum hf_yard_verdict hf_yard_judge(const uint8_t *m, size_t length, uint32_t number);

/* Judges what an echo sent back: the query itself with its QR bit on. */
enum hf_yard_verdict hf_yard_judge_echo(const uint8_t *m, size_t length, uint32_t number);

/* Judge what a server with authority said of a name: that it is not there (NXDOMAIN, AA, and
 * records in the authority section); an address, any, with AA; a referral (no answer, no AA,
 * and records in the authority section). */
enum hf_yard_verdict hf_yard_judge_denial(const uint8_t *m, size_t length, uint32_t number);
enum hf_yard_verdict hf_yard_judge_wild(const uint8_t *m, size_t length, uint32_t number);
enum hf_yard_verdict hf_yard_judge_referral(const uint8_t *m, size_t length, uint32_t number);

/* Has a query that was written say that it wants DNSSEC's records (DO, RFC 3225). */
void hf_yard_want_signed(uint8_t query[HF_YARD_QUERY]);

/* The response to a query: the address of a numbered name, and no record for
 * other names and types. `out` has HF_YARD_RESPONSE octets. Returns octets, 0
 * if it is no query or has more than one question. */
size_t hf_yard_write_response(const uint8_t *query, size_t length, uint32_t ttl, uint8_t *out);

#endif
