/* SPDX-License-Identifier: GPL-3.0-or-later */
/* authority_reply.h - questions for zones that we have authority for.
 *
 * Story: a question that lies at or below a zone of ours is answered from the zone, before
 * special names, the cache and the upstreams, whatever those hold: with authority, also if
 * the client did not ask for recursion. By the zone's standing (zone/zones.h) the answer
 * goes out, or goes out marked, or is withheld (SERVFAIL, and why), or there is none.
 *
 * A name with local data (zone/local.h) is answered from that in the same way, if it lies in
 * no zone of ours.
 *
 * A catalog (RFC 9432) is answered to those who may transfer it, and REFUSED to all others
 * (respond_packet.c).
 *
 * An alias may lead out of the zone. A client that wants recursion gets one answer: the
 * aliases, then what another zone of ours, the cache or an upstream says of the name that
 * they lead to (serve/chain.h). What an upstream says below a zone of ours on the way is
 * not used: the chain goes on in the zone. If the rest cannot be had the answer is
 * SERVFAIL: a stub resolver follows no alias by itself (RFC 1034 5.3.1), so for it aliases
 * with nothing behind them would say that the name has no such record, which nobody knows;
 * BIND and Unbound do the same. Without recursion desired, or where nothing is forwarded,
 * the aliases are the answer.
 *
 * An alias of an upstream's may lead into a zone of ours as well, from a question that is not
 * ours to answer. The upstream has no say in where it leads to, so its answer is cut at the
 * alias, and the chain goes on in the zone, by the zone's standing. That is found out when the
 * answer is given, fresh or old or from the cache: zones come and go, and what an answer in
 * the cache leads to changes with them. Such an answer carries neither AA nor AD.
 *
 * A delegation is answered with the referral (RFC 1034 4.3.2 3b), unless the client wants
 * recursion and a `forward:` route lies at or below the cut: then the question goes there
 * like any other. The route of a zone above it, such as the root's, is not meant for what
 * a zone of ours delegates, and is not asked.
 *
 * Threads: the worker's own.
 * At the bound: HF_CHAIN_ALIASES aliases, over all zones; then SERVFAIL. What waits for an
 * upstream is a pending question like others, and keeps its aliases in memory until then. */
#ifndef HF_SERVE_AUTHORITY_REPLY_H
#define HF_SERVE_AUTHORITY_REPLY_H

#include "serve/respond_inside.h"
#include "zone/zones.h"

/* The zone that a question is for, or NULL. */
const struct hf_zones_entry *hf_authority_zone_of(
	const struct hf_responder *r, const struct hf_question *question);

/* Answers from a zone. False: it delegates the name, and it is forwarded like any other.
 * *ret and *ret_len as hf_respond, for NOW. */
bool hf_authority_reply(struct hf_request *q, const struct hf_zones_entry *entry,
	enum hf_respond *ret_how, const uint8_t **ret, size_t *ret_len);

/* Does what an upstream says of a question of this type lead into a zone of ours? The answer
 * must repeat its question. */
bool hf_authority_leads_in(const struct hf_responder *r, uint16_t type, const struct hf_kept *kept);

/* Gives such an answer from the cache, as far as it goes, and what our zones say of the rest.
 * *ret and *ret_len for NOW; else LATER. q->reply is filled in. */
enum hf_respond hf_authority_lead_in(
	struct hf_request *q, const struct hf_answer *answer, const uint8_t **ret, size_t *ret_len);

/* What a pending question's aliases led to has been answered, or the question itself with
 * an answer that leads into a zone of ours. True: they lead on, and that
 * is being asked with the same ticket. Else the reply has been sent. */
bool hf_authority_resume(struct hf_responder *r, struct hf_pending *p,
	const struct hf_ticket *ticket, const struct hf_answer *answer, hf_us now);

void hf_lead_free(struct hf_lead *lead); /* NULL is fine */

#endif
