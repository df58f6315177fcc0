/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sibling.h - what is asked of a sibling, and what its replies say.
 *
 * Story: a sibling is any server of the same zone. Its serial is what it says with authority
 * about the zone's SOA record. One of our own make that does not serve the zone says in
 * its extended error (RFC 8914) what it holds ("holds serial 12"); and one that serves
 * what is not proven adds an extended error to its answer.
 * Records are compared as digests: of a set as we hold it, and of a reply to the question
 * for it. Order and TTLs do not count, nor the case of names. Sets that a question does not
 * lead to (below a delegation or a DNAME) and those that signers make anew are not taken.
 * Threads: pure. Replies are read as anybody's octets. */
#ifndef HF_ZONE_SIBLING_H
#define HF_ZONE_SIBLING_H

#include "wire/message.h"
#include "zone/snapshot.h"
#include "zone/twins.h"

/* How a copy that is not served is told of; behind other words. */
#define HF_SIBLING_HOLDS "holds serial %u"

/* A reply to the question for the zone's SOA, read by hf_message_read. Fills in said,
 * has_serial and serial. */
void hf_sibling_read_soa(const uint8_t *m, const struct hf_message_view *view,
	const struct hf_name *zone, struct hf_twin_report *report);

/* The digest of a reply's records of this owner and type; 0: it says that there are none.
 * False: it is no answer with authority, or cut. */
bool hf_sibling_digest_reply(const uint8_t *m, const struct hf_message_view *view,
	const struct hf_question *question, uint64_t *ret);

/* The same of what we hold. */
uint64_t hf_sibling_digest_set(const struct hf_zone_set *set);

/* Goes on by `steps` sets from where the walk is, around the end, to one that can be
 * compared. False: none within HF_SIBLING_STEPS further ones. walk->zone is set. */
#define HF_SIBLING_STEPS 64
bool hf_sibling_sample(struct hf_zone_walk *walk, unsigned steps, struct hf_zone_set *ret);

#endif
