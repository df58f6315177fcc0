/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/respond.h"

#include "base/check.h"
#include "base/error.h"
#include "serve/admission.h"
#include "serve/authority_reply.h"
#include "serve/errand.h"
#include "serve/respond_inside.h"
#include "serve/special.h"

/* Pending questions are kept in pieces, so that a ticket's place never moves: of 12 KiB, for
 * most servers have few at a time. */
#define PIECE 32

#define NO_TICKET UINT32_MAX

/* ---- pending questions ---- */

static struct hf_pending *pending_at(struct hf_responder *r, uint32_t ticket)
{
	return &r->pieces[ticket / PIECE][ticket % PIECE];
}

static int add_piece(struct hf_responder *r)
{
	struct hf_pending *piece;
	if (r->piece_count * PIECE >= r->pending_max)
		return HF_EBOUND;
	piece = calloc(PIECE, sizeof *piece);
	if (!piece)
		return -ENOMEM;
	r->pieces[r->piece_count] = piece;
	for (uint32_t i = PIECE; i-- > 0;) {
		piece[i].next = r->free;
		r->free = (uint32_t)(r->piece_count * PIECE) + i;
	}
	r->piece_count++;
	return 0;
}

/* HF_EBOUND, HF_ESHARE: there is no place for it. A client's share lies within its route's
 * part, as in forward/inflight.h. */
static int take_ticket(
	struct hf_responder *r, uint64_t client, struct hf_part part, uint32_t *ret_ticket)
{
	size_t left = hf_share_part_left(&r->by_route, part, r->pending, r->pending_max);
	if (!left)
		return r->pending < r->pending_max ? HF_ESHARE : HF_EBOUND;
	if (!hf_share_has_room(&r->share, client, r->pending, r->pending + left) ||
		(r->free == NO_TICKET && add_piece(r)))
		return HF_EBOUND;
	uint32_t ticket = *ret_ticket = r->free;
	struct hf_pending *p = pending_at(r, ticket);
	r->free = p->next;
	p->used = true;
	p->client = client;
	p->route = part.holder;
	hf_share_take(&r->share, client);
	hf_share_take(&r->by_route, part.holder);
	r->pending++;
	return 0;
}

static void give_ticket(struct hf_responder *r, uint32_t ticket)
{
	struct hf_pending *p = pending_at(r, ticket);
	hf_lead_free(p->lead);
	p->lead = NULL;
	p->used = false;
	hf_share_give(&r->share, p->client);
	hf_share_give(&r->by_route, p->route);
	p->generation++; /* a message that comes too late finds another number */
	p->next = r->free;
	r->free = ticket;
	r->pending--;
}

/* ---- replies ---- */

inline size_t hf_responder_count(struct hf_responder *r, enum hf_transport transport,
	const uint8_t *reply, size_t len, unsigned rcode, hf_us took)
{
	if (reply[2] & (HF_FLAG_TC >> 8))
		hf_count(r->meter, HF_COUNT_TRUNCATED);
	hf_meter_reply(r->meter, transport, rcode, took);
	return len;
}

size_t hf_request_say(struct hf_request *q, unsigned rcode, int32_t ede, const char *text)
{
	/* Who is not an allowed client asking properly might be somebody else with a
	 * forged address: no octet more than what came. */
	bool proven = q->packet.transport != HF_TRANSPORT_UDP || rcode == HF_RCODE_SERVFAIL;
	q->reply.ede = ede;
	q->reply.ede_text = text;
	size_t len =
		hf_reply_empty(q->out, rcode, proven ? q->reply.limit : q->packet.len, &q->reply);
	return hf_responder_count(q->r, q->packet.transport, q->out, len, rcode, 0);
}

static size_t say_truncated(struct hf_request *q)
{
	size_t len = hf_reply_empty(q->out, HF_RCODE_NOERROR, q->packet.len, &q->reply);
	q->out[2] |= HF_FLAG_TC >> 8;
	return hf_responder_count(q->r, q->packet.transport, q->out, len, HF_RCODE_NOERROR, 0);
}

static uint16_t keepalive_100ms(const struct hf_responder *r)
{
	hf_us idle = r->conf.tcp->idle / (100 * HF_MS);
	return idle < UINT16_MAX ? (uint16_t)idle : UINT16_MAX;
}

/* To a datagram: nothing that is said of connections. */
static inline struct hf_reply addressed(const struct hf_request *q)
{
	const struct hf_query_view *v = &q->view;
	return (struct hf_reply){
		.id = v->id,
		.flags = v->flags,
		.question = q->packet.bytes + HF_HEADER_LEN,
		.question_len = v->question_len,
		.limit = hf_reply_limit_udp(&v->edns, (uint16_t)q->r->conf.listen->edns_size),
		.edns = v->edns.present,
		.dnssec_ok = v->edns.dnssec_ok,
		.ede = HF_EDE_NONE,
	};
}

void hf_request_address(struct hf_request *q)
{
	const struct hf_edns *edns = &q->view.edns;
	q->reply = addressed(q);
	if (q->packet.transport == HF_TRANSPORT_UDP)
		return;
	q->reply.limit = HF_MESSAGE_MAX;
	q->reply.keepalive = edns->keepalive;
	q->reply.keepalive_100ms = keepalive_100ms(q->r);
	q->reply.pad = edns->padding && q->packet.transport == HF_TRANSPORT_TLS;
}

/* ---- what is refused, and what is answered without asking ---- */

static size_t fault_reply(struct hf_request *q, enum hf_query_fault fault)
{
	static const unsigned rcodes[] = {
		[HF_QUERY_NOTIMP] = HF_RCODE_NOTIMP,
		[HF_QUERY_FORMERR] = HF_RCODE_FORMERR,
		[HF_QUERY_BADVERS] = HF_RCODE_BADVERS,
	};
	if (fault == HF_QUERY_FORMERR)
		hf_count(q->r->meter, HF_COUNT_MALFORMED);
	return hf_request_say(q, rcodes[fault], HF_EDE_NONE, NULL);
}

/* Types that are no records but requests to the server itself. */
static bool is_meta_type(uint16_t type)
{
	return type == HF_TYPE_AXFR || type == HF_TYPE_IXFR || type == HF_TYPE_TSIG ||
	       type == HF_TYPE_TKEY || type == 0;
}

static size_t refuse(struct hf_request *q, const struct hf_zones_entry *zone)
{
	const struct hf_question *question = &q->view.question;
	if (!hf_client_allowed(q->r->conf.clients, q->packet.peer) &&
		!(zone && hf_errand_may_ask(q, zone))) {
		hf_count(q->r->meter, HF_COUNT_REFUSED_CLIENT);
		return hf_request_say(q, HF_RCODE_REFUSED, HF_EDE_PROHIBITED, "client not allowed");
	}
	if (zone && zone->role == HF_ZONES_CATALOG && !hf_errand_may_ask(q, zone)) {
		hf_count(q->r->meter, HF_COUNT_REFUSED_CLIENT);
		return hf_request_say(q, HF_RCODE_REFUSED, HF_EDE_PROHIBITED, HF_CATALOG_IS_CLOSED);
	}
	if (question->type == HF_TYPE_OPT)
		return hf_request_say(q, HF_RCODE_FORMERR, HF_EDE_NONE, NULL);
	if (question->class != HF_CLASS_IN)
		return hf_request_say(
			q, HF_RCODE_REFUSED, HF_EDE_NOT_SUPPORTED, "class not served");
	if (is_meta_type(question->type))
		return hf_request_say(q, HF_RCODE_REFUSED, HF_EDE_NOT_SUPPORTED, "type not served");
	if (!zone && !(q->view.flags & HF_FLAG_RD))
		return hf_request_say(
			q, HF_RCODE_REFUSED, HF_EDE_NOT_AUTHORITATIVE, "recursion not desired");
	return 0;
}

static uint8_t key_flags(const struct hf_query_view *view)
{
	return (uint8_t)((view->edns.dnssec_ok ? HF_CACHE_DO : 0) |
			 (view->flags & HF_FLAG_CD ? HF_CACHE_CD : 0));
}

uint8_t hf_request_key_flags(const struct hf_request *q)
{
	return key_flags(&q->view);
}

size_t hf_request_patch(struct hf_request *q, uint8_t *bytes, const struct hf_answer *answer)
{
	q->reply.ede = answer->ede;
	q->reply.ede_text = answer->ede_text;
	size_t len = hf_reply_patch(bytes, answer->kept, answer->age, answer->ttl_floor, &q->reply);
	return hf_responder_count(
		q->r, q->packet.transport, bytes, len, bytes[3] & HF_FLAG_RCODE, 0);
}

static size_t special_reply(struct hf_request *q)
{
	struct hf_kept kept = {.wire = q->out, .ttl_at = q->r->ttl_at};
	if (!hf_special_answer(&q->view.question, &kept))
		return 0;
	const struct hf_route *route =
		hf_route_find(hf_worker_plan(q->r->worker)->routes, &q->view.question.name);
	if (route && route->zone.len > 1)
		return 0; /* forwarded explicitly */
	return hf_request_patch(q, q->out, &(struct hf_answer){.kept = &kept, .ede = HF_EDE_NONE});
}

/* Set anew from the copy, which must lie elsewhere. */
static size_t cut_reply(struct hf_request *q, const struct hf_cached *copy, const uint8_t **ret)
{
	uint8_t *out = q->r->large;
	int len = hf_reply_nxdomain_cut(out, q->reply.limit, &copy->kept, copy->age, &q->reply);
	if (len <= 0) /* over TCP there is no larger: ask, and pass on what is said */
		return q->packet.transport == HF_TRANSPORT_UDP ? say_truncated(q) : 0;
	*ret = out;
	return hf_responder_count(
		q->r, q->packet.transport, out, (size_t)len, HF_RCODE_NXDOMAIN, 0);
}

/* ---- what has to be asked ---- */

static void fill_pending(const struct hf_request *q, struct hf_pending *p)
{
	p->path = (struct hf_reply_path){
		q->packet.transport, q->packet.ctx, *q->packet.peer, *q->packet.local};
	p->came = q->now;
	p->edns = q->reply.edns;
	p->dnssec_ok = q->reply.dnssec_ok;
	p->keepalive = q->reply.keepalive;
	p->pad = q->reply.pad;
	p->id = q->reply.id;
	p->flags = q->reply.flags;
	p->limit = q->reply.limit;
	p->type = q->view.question.type;
	p->question_len = q->reply.question_len;
	hf_copy_some(p->question, q->reply.question, q->reply.question_len);
}

int hf_request_ask(struct hf_request *q, const struct hf_cache_key *key, struct hf_lead *lead)
{
	struct hf_responder *r = q->r;
	const struct hf_plan *plan = hf_worker_plan(r->worker);
	uint64_t client = hf_plan_client(plan, q->packet.peer);
	uint32_t ticket;
	int rc = take_ticket(
		r, client, hf_plan_part(plan, hf_route_find(plan->routes, key->name)), &ticket);
	if (rc) {
		hf_worker_turned_away(r->worker, key, client, r->pending, r->pending_max, q->now);
		return rc;
	}
	struct hf_pending *p = pending_at(r, ticket);
	fill_pending(q, p);
	p->lead = lead;
	const struct hf_ticket t = {p->client, ticket, p->generation};
	rc = hf_worker_ask(r->worker, key, &t, q->now);
	if (rc) {
		p->lead = NULL; /* the caller's again */
		give_ticket(r, ticket);
	}
	return rc;
}

struct hf_reply hf_pending_reply(const struct hf_responder *r, const struct hf_pending *p)
{
	return (struct hf_reply){
		.id = p->id,
		.flags = p->flags,
		.question = p->question,
		.question_len = p->question_len,
		.limit = p->limit,
		.edns = p->edns,
		.dnssec_ok = p->dnssec_ok,
		.keepalive = p->keepalive,
		.keepalive_100ms = p->keepalive ? keepalive_100ms(r) : 0,
		.pad = p->pad,
		.ede = HF_EDE_NONE,
	};
}

/* Writes the answer for the client that has been waiting, and sends it. */
static void answer_pending(
	struct hf_responder *r, struct hf_pending *p, const struct hf_answer *answer, hf_us now)
{
	struct hf_reply reply = hf_pending_reply(r, p);
	reply.ede = answer->ede;
	reply.ede_text = answer->ede_text;
	size_t len;
	unsigned rcode = HF_RCODE_SERVFAIL;
	if (answer->kept) {
		memcpy(r->large, answer->kept->wire, answer->kept->len);
		len = hf_reply_patch(
			r->large, answer->kept, answer->age, answer->ttl_floor, &reply);
		rcode = r->large[3] & HF_FLAG_RCODE;
	} else {
		len = hf_reply_empty(r->large, rcode, p->limit, &reply);
	}
	hf_responder_count(r, p->path.transport, r->large, len, rcode, now - p->came);
	r->send(r->owner, &p->path, r->large, len, now);
}

static void answered(
	void *ctx, uint32_t ticket, uint32_t generation, const struct hf_answer *answer, hf_us now)
{
	struct hf_responder *r = ctx;
	if (hf_unexpected(ticket / PIECE >= r->piece_count))
		return;
	struct hf_pending *p = pending_at(r, ticket);
	if (hf_unexpected(!p->used || p->generation != generation))
		return;
	const struct hf_ticket same = {p->client, ticket, generation};
	if (!p->lead && !(answer->kept && hf_authority_leads_in(r, p->type, answer->kept)))
		answer_pending(r, p, answer, now);
	else if (hf_authority_resume(r, p, &same, answer, now))
		return;
	give_ticket(r, ticket);
}

const struct hf_client hf_responder_client = {answered};

/* ---- the way of a packet ---- */

/* An answer that lies in `bytes`, in which it can be patched. */
static enum hf_respond give(struct hf_request *q, uint8_t *bytes, const struct hf_answer *answer,
	const uint8_t **ret, size_t *ret_len)
{
	if (hf_authority_leads_in(q->r, q->view.question.type, answer->kept))
		return hf_authority_lead_in(q, answer, ret, ret_len);
	*ret_len = hf_request_patch(q, bytes, answer);
	return HF_RESPOND_NOW;
}

/* From the cache, what is not a hit at once. LATER: it has to be asked, unless *ret_asked. */
static enum hf_respond reply_without(struct hf_request *q, struct hf_cached *copy, bool *ret_asked,
	const uint8_t **ret, size_t *ret_len)
{
	struct hf_responder *r = q->r;
	struct hf_answer answer;
	enum hf_lookup found = hf_worker_lookup_further(r->worker, &q->key, q->now, copy, &answer);
	if (found == HF_LOOKUP_MISS && copy->kept.len) {
		*ret = copy->kept.wire = r->large;
		copy->wire_cap = HF_MESSAGE_MAX;
		found = hf_worker_lookup(r->worker, &q->key, q->now, copy, &answer);
	}
	*ret_len = 0;
	if (found == HF_LOOKUP_STALE || found == HF_LOOKUP_FAILED)
		hf_worker_was_for(r->worker, q->packet.peer);
	switch (found) {
	case HF_LOOKUP_HIT:
	case HF_LOOKUP_STALE:
		*ret_asked = true;
		return give(q, copy->kept.wire, &answer, ret, ret_len);
	case HF_LOOKUP_CUT:
		if (copy->kept.wire == q->out)
			*ret_len = cut_reply(q, copy, ret);
		break;
	case HF_LOOKUP_FAILED:
		*ret = q->out;
		*ret_len = hf_request_say(q, HF_RCODE_SERVFAIL, HF_EDE_CACHED_ERROR,
			"no upstream could answer a moment ago");
		break;
	case HF_LOOKUP_MISS: break;
	}
	if (*ret_len)
		return HF_RESPOND_NOW;
	*ret = q->out;
	return HF_RESPOND_LATER;
}

/* There is no place for the question: what is old is better than nothing. LATER: nothing is,
 * unless *ret_asked. */
static enum hf_respond old_reply(struct hf_request *q, struct hf_cached *copy, bool *ret_asked,
	const uint8_t **ret, size_t *ret_len)
{
	struct hf_answer answer;
	copy->kept.wire = q->r->large;
	copy->wire_cap = HF_MESSAGE_MAX;
	if (!hf_worker_old(q->r->worker, &q->key, q->now, copy, &answer))
		return HF_RESPOND_LATER;
	*ret_asked = true;
	*ret = q->r->large;
	return give(q, q->r->large, &answer, ret, ret_len);
}

/* Apart, so that a hit need not make room for what it needs. */
static __attribute__((noinline)) enum hf_respond without_hit(
	struct hf_request *q, struct hf_cached *copy, const uint8_t **ret, size_t *ret_len)
{
	bool asked = false;
	hf_request_address(q);
	enum hf_respond how = reply_without(q, copy, &asked, ret, ret_len);
	if (how == HF_RESPOND_NOW || asked)
		return how;
	int rc = hf_request_ask(q, &q->key, NULL);
	if (!rc)
		return HF_RESPOND_LATER;
	const char *why = hf_worker_why_not(q->r->worker, rc);
	how = old_reply(q, copy, &asked, ret, ret_len);
	if (asked)
		return how;
	hf_count(q->r->meter, HF_COUNT_OVERLOAD);
	*ret = q->out;
	*ret_len = hf_request_say(q, HF_RCODE_SERVFAIL, HF_EDE_OTHER, why);
	return HF_RESPOND_NOW;
}

/* Does a hit lead into a zone of ours? Not if it begins with what was asked for, for a name
 * has no alias beside other data (RFC 1034 3.6.2), nor if it was found a moment ago that this
 * very entry of the cache does not. */
static inline bool hit_leads_in(const struct hf_request *q, const struct hf_cached *copy)
{
	struct hf_responder *r = q->r;
	const size_t at = HF_HEADER_LEN + (size_t)q->view.question_len;
	const uint8_t *wire = copy->kept.wire;
	const uint16_t type = q->view.question.type;
	if (copy->kept.answer_end <= at || (hf_get_u16(wire + at) == (0xc000u | HF_HEADER_LEN) &&
						   hf_get_u16(wire + at + 2) == type))
		return false;
	struct hf_outward *known = &r->outward[q->key.hash % HF_OUTWARD_KNOWN];
	if (known->hash == q->key.hash && known->stored == copy->stored)
		return false;
	if (hf_authority_leads_in(r, type, &copy->kept))
		return true;
	*known = (struct hf_outward){q->key.hash, copy->stored};
	return false;
}

/* Apart: to a datagram much of what is looked at here can be nothing. */
static __attribute__((noinline)) enum hf_respond hit_over_stream(
	struct hf_request *q, struct hf_cached *copy, size_t *ret_len)
{
	const struct hf_answer answer = {.kept = &copy->kept, .age = copy->age, .ede = HF_EDE_NONE};
	hf_request_address(q);
	*ret_len = hf_request_patch(q, q->out, &answer);
	return HF_RESPOND_NOW;
}

/* What nobody but the cache and upstreams can answer. */
static inline __attribute__((always_inline)) enum hf_respond forward_any(
	struct hf_request *q, bool zones, const uint8_t **ret, size_t *ret_len)
{
	struct hf_responder *r = q->r;
	uint8_t *out = q->out;
	struct hf_cached copy; /* of which the lookup fills in the rest */
	copy.kept.wire = out;
	copy.kept.ttl_at = r->ttl_at;
	copy.wire_cap = HF_RESPOND_ROOM - HF_OPT_ROOM;
	copy.ttl_cap = HF_RECORDS_MAX;
	if (!hf_worker_hit(r->worker, &q->key, q->now, &copy))
		return without_hit(q, &copy, ret, ret_len);
	if (zones && hit_leads_in(q, &copy)) {
		const struct hf_answer answer = {
			.kept = &copy.kept, .age = copy.age, .ede = HF_EDE_NONE};
		hf_request_address(q);
		return hf_authority_lead_in(q, &answer, ret, ret_len);
	}
	if (q->packet.transport != HF_TRANSPORT_UDP)
		return hit_over_stream(q, &copy, ret_len);
	struct hf_reply reply = addressed(q);
	size_t len = hf_reply_patch(out, &copy.kept, copy.age, 0, &reply);
	*ret_len = hf_responder_count(r, HF_TRANSPORT_UDP, out, len, out[3] & HF_FLAG_RCODE, 0);
	return HF_RESPOND_NOW;
}

/* Apart, with all that a hit passes taken into it: there are enough registers for that, but
 * not for reading the packets as well. */
static __attribute__((noinline)) enum hf_respond forward(
	struct hf_request *q, const uint8_t **ret, size_t *ret_len)
{
	return forward_any(q, false, ret, ret_len);
}

/* The same where there are zones, or were a moment ago. */
static __attribute__((noinline)) enum hf_respond forward_beside_zones(
	struct hf_request *q, const uint8_t **ret, size_t *ret_len)
{
	return forward_any(q, true, ret, ret_len);
}

/* What nearly every question is: of an allowed client, for a type and class that we serve,
 * of a name that is not special. If no zone of ours holds it, either, the cache and upstreams
 * are all there is; else answer() tells what it is. */
static inline bool is_usual(const struct hf_request *q)
{
	const struct hf_question *question = &q->view.question;
	return (uint16_t)(question->type - 1) < HF_TYPE_TKEY - 1 && question->type != HF_TYPE_OPT &&
	       question->class == HF_CLASS_IN && q->view.flags & HF_FLAG_RD &&
	       hf_client_allowed(q->r->conf.clients, q->packet.peer) &&
	       !hf_special_may_be(&question->name);
}

static bool is_transfer(uint16_t type)
{
	return type == HF_TYPE_AXFR || type == HF_TYPE_IXFR;
}

/* False: it is forwarded all the same. */
static __attribute__((noinline)) bool answer(
	struct hf_request *q, enum hf_respond *ret_how, const uint8_t **ret, size_t *ret_len)
{
	const struct hf_question *question = &q->view.question;
	const struct hf_zones_entry *zone = hf_authority_zone_of(q->r, question);
	hf_request_address(q);
	*ret_how = HF_RESPOND_NOW;
	if (is_transfer(question->type) && hf_errand(q, ret_how, ret, ret_len))
		return true;
	*ret_len = refuse(q, zone);
	if (!*ret_len && zone && hf_errand_is_signed(q)) {
		*ret_how = hf_errand_question(q, zone, ret, ret_len);
		return true;
	}
	if (*ret_len || (zone && hf_authority_reply(q, zone, ret_how, ret, ret_len)))
		return true;
	if (hf_special_may_be(&question->name))
		*ret_len = special_reply(q);
	if (!*ret_len && question->type == HF_TYPE_ANY && q->packet.transport == HF_TRANSPORT_UDP)
		*ret_len = say_truncated(q);
	return *ret_len;
}

/* What is no question, or one that a server is asked about its zones. */
static __attribute__((noinline)) enum hf_respond no_question(
	struct hf_request *q, const uint8_t **ret, size_t *ret_len)
{
	enum hf_respond how;
	if (q->fault == HF_QUERY_SILENCE) {
		hf_count(q->r->meter, HF_COUNT_SILENCED);
		return HF_RESPOND_SILENCE;
	}
	hf_request_address(q);
	if (hf_errand(q, &how, ret, ret_len))
		return how;
	*ret_len = fault_reply(q, q->fault);
	return HF_RESPOND_NOW;
}

/* Reads the packet, and makes the key of its answer: see hf_worker_key_at. */
static inline void begin(struct hf_request *q, const struct hf_packet *packet, hf_us now)
{
	/* Each field by itself: then what the packet was made in need not exist. */
	q->packet.transport = packet->transport;
	q->packet.ctx = packet->ctx;
	q->packet.peer = packet->peer;
	q->packet.local = packet->local;
	q->packet.bytes = packet->bytes;
	q->packet.len = packet->len;
	q->now = now;

	q->fault = hf_query_read(q->packet.bytes, q->packet.len, &q->view);
	if (q->fault != HF_QUERY_GOOD) {
		q->key = (struct hf_cache_key){.name = &q->view.question.name};
		return;
	}
	hf_worker_key_at(q->r->worker, &q->view.question, key_flags(&q->view), &q->key);
}

static inline enum hf_respond finish(struct hf_request *q, const uint8_t **ret, size_t *ret_len)
{
	enum hf_respond how;
	*ret = q->out;
	if (q->fault != HF_QUERY_GOOD)
		return no_question(q, ret, ret_len);
	hf_meter_query(q->r->meter, q->packet.transport, q->view.question.type);
	if (is_usual(q)) {
		if (!q->r->zones)
			return forward(q, ret, ret_len);
		if (!hf_authority_zone_of(q->r, &q->view.question))
			return forward_beside_zones(q, ret, ret_len);
	}
	if (answer(q, &how, ret, ret_len))
		return how;
	return forward_beside_zones(q, ret, ret_len);
}

/* Whoever asks may have been answered by another worker, from zones that are newer than ours. */
static inline void renew_zones(struct hf_responder *r)
{
	if (r->renew)
		r->renew(r->renew_ctx);
}

enum hf_respond hf_respond(struct hf_responder *r, const struct hf_packet *packet, hf_us now,
	uint8_t *out, const uint8_t **ret, size_t *ret_len)
{
	struct hf_request q;
	renew_zones(r);
	q.r = r;
	begin(&q, packet, now);
	if (q.fault == HF_QUERY_GOOD)
		hf_cache_key_forget(&q.key);
	q.packet.unfit = packet->unfit; /* no datagram has one */
	q.out = out;
	return finish(&q, ret, ret_len);
}

inline void hf_respond_begin(
	struct hf_responder *r, size_t i, const struct hf_packet *packet, hf_us now)
{
	begin(&r->group[i], packet, now);
}

inline void hf_respond_approach(struct hf_responder *r, size_t n)
{
	renew_zones(r);
	hf_worker_look_ahead(r->worker, r->keys, n);
}

inline enum hf_respond hf_respond_finish(
	struct hf_responder *r, size_t i, uint8_t *out, const uint8_t **ret, size_t *ret_len)
{
	r->group[i].out = out;
	return finish(&r->group[i], ret, ret_len);
}

/* ---- life ---- */

int hf_responder_new(
	size_t pending_max, hf_send_reply *send, void *owner, struct hf_responder **ret)
{
	struct hf_responder *r = calloc(1, sizeof *r);
	if (!r)
		return -ENOMEM;
	r->pending_max = pending_max;
	r->pieces = calloc(pending_max / PIECE + 1, sizeof *r->pieces);
	r->free = NO_TICKET;
	r->send = send;
	r->owner = owner;
	for (size_t i = 0; i < HF_RESPOND_GROUP; i++) {
		r->group[i].r = r;
		r->keys[i] = &r->group[i].key;
	}
	if (!r->pieces) {
		free(r);
		return -ENOMEM;
	}
	*ret = r;
	return 0;
}

void hf_responder_free(struct hf_responder *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->piece_count; i++) {
		for (size_t p = 0; p < PIECE; p++)
			hf_lead_free(r->pieces[i][p].lead);
		free(r->pieces[i]);
	}
	free(r->pieces);
	hf_zones_unref(r->zones);
	free(r->chain);
	free(r);
}

void hf_responder_attach(struct hf_responder *r, struct hf_worker *worker)
{
	r->worker = worker;
	r->meter = hf_worker_meter(worker);
}

void hf_responder_adopt(struct hf_responder *r, const struct hf_respond_conf *conf)
{
	r->conf = *conf;
}

void hf_responder_adopt_zones(struct hf_responder *r, struct hf_zones *zones)
{
	struct hf_zones *before = r->zones;
	if (zones && !r->chain)
		r->chain = malloc(HF_MESSAGE_MAX + HF_OPT_ROOM);
	/* Without memory the old ones go on: whoever looks after zones tries again. */
	if (zones && !r->chain)
		return;
	if (zones && !hf_zones_same_names(before, zones))
		memset(r->outward, 0, sizeof r->outward);
	r->zones = zones ? hf_zones_ref(zones) : NULL;
	hf_zones_unref(before);
}

void hf_responder_set_renew(struct hf_responder *r, void (*renew)(void *ctx), void *ctx)
{
	r->renew = renew;
	r->renew_ctx = ctx;
}

void hf_responder_set_notified(struct hf_responder *r, hf_notified *notified, void *ctx)
{
	r->notified = notified;
	r->notified_ctx = ctx;
}

struct hf_transfer_out *hf_responder_transfer(struct hf_responder *r)
{
	struct hf_transfer_out *transfer = r->transfer;
	r->transfer = NULL;
	return transfer;
}

size_t hf_responder_pending(const struct hf_responder *r)
{
	return r->pending;
}
