/* SPDX-License-Identifier: GPL-3.0-or-later */
/* packet.h - the little DNS that the simulated upstream and the client speak.
 *
 * Story: both sides of the server under test must agree on what is true without
 * talking to each other, so the truth is a function: an address (or a PTR's
 * first label) follows from the name and from an *epoch*, a small number that
 * the upstream is told to change. By the epoch that an answer belongs to, the
 * client tells a fresh answer from an old one, and both from a wrong one.
 * Knows: the header, one question, OPT, extended errors (RFC 8914).
 * Never knows: sockets, time.
 * Ownership: everything is the caller's; nothing is allocated.
 * At the bound: a message that does not parse is refused with a negative number.
 * Threads: pure. */
#ifndef HF_STAGE_PACKET_H
#define HF_STAGE_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_STAGE_NAME 256     /* octets of a name as text, its NUL included */
#define HF_STAGE_MESSAGE 1232 /* octets of a message, both ways */
#define HF_STAGE_EPOCHS 8
#define HF_STAGE_EDES 4

enum hf_stage_type { HF_STAGE_A = 1, HF_STAGE_SOA = 6, HF_STAGE_PTR = 12, HF_STAGE_OPT = 41 };
enum hf_stage_rcode {
	HF_STAGE_NOERROR = 0,
	HF_STAGE_SERVFAIL = 2,
	HF_STAGE_NXDOMAIN = 3,
	HF_STAGE_REFUSED = 5
};

struct hf_stage_question {
	uint16_t id, type;
	size_t end;               /* where the question section ends */
	bool edns;                /* the query has an OPT record */
	char name[HF_STAGE_NAME]; /* lower case, no dot at the end; "" is the root */
};

/* Reads the one question of a query or response of len octets. 0, or -1. */
int hf_stage_read_question(const uint8_t *m, size_t len, struct hf_stage_question *ret);

/* What is true of a lower-case name in an epoch: 24 bits. */
uint32_t hf_stage_truth(const char *name, unsigned epoch);

/* Writes a query with recursion desired and an OPT record of 1,232 octets. The
 * name is text without a dot at the end. Returns octets, 0 if it does not fit. */
size_t hf_stage_write_query(
	uint16_t id, const char *name, uint16_t type, uint8_t out[HF_STAGE_MESSAGE]);

struct hf_stage_truths { /* what the upstream answers with */
	unsigned rcode, epoch;
	uint32_t ttl;
	bool known;         /* the name lies under a zone that is served */
	unsigned addresses; /* that take the place of the true one; 0: none do */
	uint32_t address[8];
	bool alias; /* they belong to another name ("edge" and the first address), by a CNAME */
};

/* Writes the response to a query that hf_stage_read_question took: an A or PTR
 * record if the name is known and the type one of them, or the addresses that take its
 * place, else an SOA in authority (no data, or no such name). Returns octets. */
size_t hf_stage_write_response(const uint8_t *query, const struct hf_stage_question *question,
	const struct hf_stage_truths *truths, uint8_t out[HF_STAGE_MESSAGE]);

struct hf_stage_verdict { /* what the client finds in a response */
	unsigned rcode;
	int epoch; /* -1: no address at all; -2: one that was never true */
	uint32_t ttl;
	unsigned edes;
	uint16_t ede[HF_STAGE_EDES]; /* the extended errors, in their order */
};

/* Judges the response to a question for `name`. 0, or -1 if it does not parse. */
int hf_stage_judge(const uint8_t *m, size_t len, const char *name, struct hf_stage_verdict *ret);

#endif
