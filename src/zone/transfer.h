/* SPDX-License-Identifier: GPL-3.0-or-later */
/* transfer.h - a zone as it comes by AXFR or IXFR: RFC 5936, 1995.
 *
 * Story: the request is written, each message of the reply is given in as it comes, and a
 * build (zone/snapshot.h) fills. An AXFR is all records between two SOA records that are
 * the same. An IXFR is a list of differences (old SOA, removals, new SOA, additions), each
 * of which must follow from the version before; or one SOA: nothing newer; or, for those
 * who cannot say what has changed, an AXFR. Only the message with the last SOA ends it: a
 * connection that is cut before leaves nothing.
 * A difference that does not begin where the last one ended or that leads back is
 * refused, and asked for again by AXFR. Differences are kept as they come and applied at the
 * end, with all else that takes long (hf_transfer_zone), so that each message costs what it
 * is long, and a version of a million records is not copied before it is known that there is
 * a newer one. Removals of what is not there show then. An addition of what is there changes
 * nothing. Data must be what their type wants: they would be passed on as they are.
 * Knows:   messages without length prefix or TSIG (those are taken off before).
 * Never:   sockets, whether what came is the newest (zone/gate.h), whether it may be served
 * (zone/sanity.h).
 * Ownership: references the zone that differences begin from.  Threads: pure, one owner.
 * At the bound: `limits` of the build; octets of all messages together at most
 * HF_TRANSFER_OCTETS_MAX: HF_EBOUND. */
#ifndef HF_ZONE_TRANSFER_H
#define HF_ZONE_TRANSFER_H

#include "wire/message.h"
#include "zone/snapshot.h"

#define HF_TRANSFER_OCTETS_MAX (8ull << 30)

struct hf_transfer;

/* `have`: the version that is here, to ask for differences from (IXFR), or NULL (AXFR). */
int hf_transfer_new(const struct hf_name *origin, struct hf_zone *have,
	const struct hf_zone_limits *limits, struct hf_transfer **ret);
void hf_transfer_free(struct hf_transfer *transfer); /* NULL is fine */

/* The request, with this id, which each message of the reply must have. Returns its length;
 * out has room for HF_TRANSFER_ASK_MAX. */
#define HF_TRANSFER_ASK_MAX 1024
size_t hf_transfer_ask(struct hf_transfer *transfer, uint16_t id, uint8_t *out);

enum hf_transfer_step {
	HF_TRANSFER_MORE,
	HF_TRANSFER_WHOLE,   /* hf_transfer_zone gives the new version */
	HF_TRANSFER_NOTHING, /* what is here is as new, or newer than hf_transfer_serial */
	HF_TRANSFER_AGAIN,   /* differences that do not follow, or IXFR refused: ask by AXFR */
	HF_TRANSFER_REFUSED, /* with an rcode */
	HF_TRANSFER_BROKEN,  /* `why` says what is wrong */
};
/* What ends it is said once; nothing may be given in behind it. */
enum hf_transfer_step hf_transfer_message(
	struct hf_transfer *transfer, const uint8_t *m, size_t len);

/* After WHOLE, once: the zone, or why it is none (HF_EMALFORMED), of which differences that do
 * not fit what is here are one cause. `differences`: it came so. Takes long for a large zone;
 * nothing else may be done with the transfer meanwhile, in whichever thread that is. */
int hf_transfer_zone(struct hf_transfer *transfer, struct hf_zone **ret, bool *ret_differences);

/* Octets that it takes, with what making the zone will take beside, about. */
uint64_t hf_transfer_memory(const struct hf_transfer *transfer);

uint32_t hf_transfer_serial(const struct hf_transfer *transfer); /* of the first SOA that came */
const char *hf_transfer_why(const struct hf_transfer *transfer); /* a phrase; "" */

#endif
