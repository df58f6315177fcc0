/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outgoing.h - a zone as it goes out by AXFR or IXFR, message by message: RFC 5936, 1995.
 *
 * Story: one version of a zone, held by reference, is written out as fast as somebody takes
 * it: all of its records between two SOA records; or the differences of its journal from
 * the secondary's version on; or one SOA, if there is nothing newer. As many records go
 * into a message as HF_ZONE_OUT_MESSAGE octets hold, with owner names compressed, and those
 * names in data that RFC 1035 has compressed. Each message repeats the question; the first
 * has an OPT record if the request had one.
 * Knows:   neither sockets nor signatures: the caller signs what it gets.
 * Ownership: an outgoing holds references; its memory is the same however large the zone.
 * Threads: one owner; pure. */
#ifndef HF_ZONE_OUTGOING_H
#define HF_ZONE_OUTGOING_H

#include "zone/journal.h"
#include "zone/snapshot.h"

#define HF_ZONE_OUT_MESSAGE (16u << 10)

struct hf_zone_out;

enum hf_zone_out_kind {
	HF_ZONE_OUT_WHOLE,       /* AXFR, or the answer to an IXFR that cannot be less */
	HF_ZONE_OUT_DIFFERENCES, /* IXFR */
	HF_ZONE_OUT_SOA,         /* nothing newer; or over UDP, where that is all */
};

struct hf_zone_out_conf {
	struct hf_zone *zone;
	struct hf_journal *journal; /* of that version; or NULL */
	enum hf_zone_out_kind kind;
	size_t first;            /* DIFFERENCES: the journal's first to be sent */
	uint16_t id, flags;      /* the request's */
	const uint8_t *question; /* the request's; copied */
	uint16_t question_len;
	bool edns;
	uint16_t reserve; /* octets of a message to be left for a signature */
};

/* What a secondary that has this serial is to get. *ret_first: for DIFFERENCES. */
enum hf_zone_out_kind hf_zone_out_kind_of(const struct hf_zone *zone,
	const struct hf_journal *journal, uint32_t serial, size_t *ret_first);

/* Begins. -ENOMEM. */
int hf_zone_out_new(const struct hf_zone_out_conf *conf, struct hf_zone_out **ret);
void hf_zone_out_free(struct hf_zone_out *outgoing); /* NULL is fine */

/* The next message: m has room for HF_MESSAGE_MAX octets. 1: there are more; 0: that was
 * the last; HF_ESPACE: a record fits into no message. */
int hf_zone_out_next(struct hf_zone_out *outgoing, uint8_t *m, size_t *ret_len);

#endif
