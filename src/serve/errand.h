/* SPDX-License-Identifier: GPL-3.0-or-later */
/* errand.h - what other servers say to us about zones of ours: NOTIFY, AXFR, IXFR, and
 * questions that they have signed.
 *
 * Story: a request names a zone, comes from an address, and may be signed. Who may do what
 * stands in the configuration (zone/rules.h); clients.allow does not matter here, and what
 * is allowed here allows nothing else, but for one thing: who may transfer a zone may ask
 * it questions, for secondaries ask for the SOA record first.
 *
 *   not a zone of ours                NOTAUTH
 *   the address may not, or the
 *   signature is missing              REFUSED, EDE 18
 *   the signature is not good         NOTAUTH, signed or not as RFC 8945 5.3.2 has it
 *   a zone that is not served, or is
 *   not proven to be current          SERVFAIL, EDE 14: nobody gets a copy of what may be old
 *   AXFR over UDP                     FORMERR (RFC 5936 4.2)
 *   IXFR over UDP                     our SOA record alone (RFC 1995 2)
 *   NOTIFY                            NOERROR with AA, and whoever looks after the zone is told
 *
 * Threads: the worker's own.
 * At the bound: HF_NOTIFIES_MOST NOTIFY messages a second are passed on; further ones get
 * no reply, so that the primary says it again. HF_TRANSFERS_OUT transfers: SERVFAIL. */
#ifndef HF_SERVE_ERRAND_H
#define HF_SERVE_ERRAND_H

#include "serve/respond_inside.h"
#include "zone/zones.h"

#define HF_NOTIFIES_MOST 100

/* The packet, which hf_query_read does not take for a question, or takes for one of type
 * AXFR or IXFR. False: it is no errand. */
bool hf_errand(
	struct hf_request *q, enum hf_respond *ret_how, const uint8_t **ret, size_t *ret_len);

/* Has the question been signed? */
bool hf_errand_is_signed(const struct hf_request *q);

/* Answers a signed question for a zone of ours. Nothing is asked elsewhere for it. */
enum hf_respond hf_errand_question(struct hf_request *q, const struct hf_zones_entry *entry,
	const uint8_t **ret, size_t *ret_len);

/* May the peer ask this zone questions, though it is no client? */
bool hf_errand_may_ask(const struct hf_request *q, const struct hf_zones_entry *entry);

#endif
