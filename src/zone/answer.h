/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.h - what a zone says to a question: RFC 1034 4.3.2.
 *
 * Story: with authority, from one snapshot: the records asked for, a wildcard's (RFC 4592),
 * an alias followed as far as this zone leads (CNAME; DNAME with the CNAME made of it, RFC
 * 6672), a referral at a delegation with its glue, or a denial with the SOA (RFC 2308, its
 * TTL the smaller of its own and MINIMUM). With DO, the signatures and the NSEC or NSEC3
 * records that prove it (RFC 4035 3.1, RFC 5155 7.2). DS at a delegation is the parent's.
 * The answer is a *kept* one, as an upstream's would be: the caller patches it for its
 * client, with its size, case and EDNS.
 * Minimal responses: no authority section with positive answers, no additional records but
 * the glue of referrals and addresses that this zone has for the targets of SRV and MX.
 * ANY and RRSIG get one set of the name (RFC 8482 4.1, 4.3) over UDP; all over TCP.
 * A loose zone (zone/local.h) answers for the names that it holds and for no other: what it
 * does not hold, and so each alias to such a name, leads out. Its denials have an SOA record
 * at the name itself, which says that there is nothing else of the name, and nothing of what
 * lies around it.
 * Threads: pure.
 * At the bound: 16 aliases are followed. */
#ifndef HF_ZONE_ANSWER_H
#define HF_ZONE_ANSWER_H

#include "wire/build.h"
#include "wire/message.h"
#include "zone/snapshot.h"

struct hf_zone_ask {
	const struct hf_question *question;
	bool dnssec_ok;
	bool all; /* ANY means all */
};

enum hf_zone_said {
	HF_ZONE_SAID,     /* an answer or a denial, with authority */
	HF_ZONE_REFERRED, /* to the servers of a delegation: no AA, unless an alias led there */
	HF_ZONE_LED_OUT,  /* aliases, the last of which leads out of the zone: *ret_target; from a
			     loose one that does not hold the name there is none, and it is that */
};

/* Writes the answer into `kept`, whose wire has room for HF_MESSAGE_MAX octets and whose
 * ttl_at has room for HF_RECORDS_MAX. question->name lies at or below the zone's origin and
 * class is IN. An answer that would be longer than a message ends with TC set. */
enum hf_zone_said hf_zone_answer(const struct hf_zone *zone, const struct hf_zone_ask *ask,
	struct hf_kept *kept, struct hf_name *ret_target);

#endif
