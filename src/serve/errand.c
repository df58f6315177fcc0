/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/errand.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "serve/authority_reply.h"
#include "serve/transfer_out.h"
#include "zone/outgoing.h"
#include "zone/rules.h"
#include "zone/tsig.h"

struct errand {
	struct hf_request *q;
	struct hf_errand_view view;
	const struct hf_zone_rule *rule;
	const struct hf_name *zone; /* that it is about; lowered */
	struct hf_tsig *tsig;          /* NULL: not signed */
	const struct hf_tsig_key *key; /* that the request is signed with */
	const uint8_t **ret;
	size_t *ret_len;
};

static uint64_t wall(const struct hf_responder *r)
{
	return (uint64_t)hf_loop_wall(hf_worker_loop(r->worker));
}

/* ---- replies ---- */

/* The reply of so many octets in `m` is what is to be sent; signed, if the request was. */
static enum hf_respond send(struct errand *e, uint8_t *m, size_t len, size_t room)
{
	if (e->tsig && e->key && hf_tsig_sign(e->tsig, m, &len, room, wall(e->q->r)))
		return HF_RESPOND_SILENCE; /* it would not be believed */
	*e->ret = m;
	*e->ret_len = len;
	return HF_RESPOND_NOW;
}

static enum hf_respond say(struct errand *e, unsigned rcode, int32_t ede, const char *text)
{
	struct hf_request *q = e->q;
	size_t len = hf_request_say(q, rcode, ede, text);
	q->out[3] &= (uint8_t)~HF_FLAG_RA;
	return send(e, q->out, len, HF_RESPOND_ROOM);
}

static enum hf_respond refuse(struct errand *e, const char *why)
{
	hf_count(e->q->r->meter,
		e->view.notify ? HF_COUNT_NOTIFY_REFUSED : HF_COUNT_TRANSFERS_REFUSED);
	return say(e, HF_RCODE_REFUSED, HF_EDE_PROHIBITED, why);
}

/* ---- signatures ---- */

/* Looks at the signature. True: it is good, or there is none. Else the reply is written. */
static bool check_signature(struct errand *e, enum hf_respond *ret_how)
{
	struct hf_request *q = e->q;
	size_t count, len = q->packet.len, out_len;
	const struct hf_tsig_key *keys = hf_zone_rules_keys(q->r->conf.rules, &count);
	uint8_t *copy = malloc(len);
	*ret_how = HF_RESPOND_SILENCE;
	if (!copy || hf_tsig_new(keys, count, &e->tsig)) {
		free(copy);
		return false;
	}
	memcpy(copy, q->packet.bytes, len);
	enum hf_tsig_found found = hf_tsig_check_request(e->tsig, copy, &len, wall(q->r), &e->key);
	free(copy);
	if (found == HF_TSIG_GOOD)
		return true;
	e->key = NULL;
	hf_count(q->r->meter, HF_COUNT_TSIG_BAD);
	out_len =
		hf_request_say(q, found == HF_TSIG_MALFORMED ? HF_RCODE_FORMERR : HF_RCODE_NOTAUTH,
			HF_EDE_NONE, NULL);
	q->out[3] &= (uint8_t)~HF_FLAG_RA;
	if (found != HF_TSIG_MALFORMED && found != HF_TSIG_ABSENT &&
		hf_tsig_sign_error(e->tsig, found, q->out, &out_len, HF_RESPOND_ROOM, wall(q->r)))
		return false;
	*e->ret = q->out;
	*e->ret_len = out_len;
	*ret_how = HF_RESPOND_NOW;
	return false;
}

/* Is it signed as the rule wants it? */
static bool key_fits(const struct errand *e, const struct hf_tsig_key *wanted, bool locked)
{
	return !locked && (!wanted || e->key == wanted);
}

/* ---- NOTIFY ---- */

static bool has_room(struct hf_responder *r, hf_us now)
{
	if (now - r->notifies_since >= HF_SECOND) {
		r->notifies_since = now;
		r->notifies = 0;
	}
	return r->notifies++ < HF_NOTIFIES_MOST;
}

static enum hf_respond notify(struct errand *e)
{
	struct hf_request *q = e->q;
	struct hf_responder *r = q->r;
	if (!hf_zone_rule_notify(e->rule, q->packet.peer))
		return refuse(e, "not a primary of the zone");
	if (!key_fits(e, e->rule->notify_key, e->rule->notify_locked))
		return refuse(e, "not signed with the zone's key");
	if (e->view.query.question.type != HF_TYPE_SOA)
		return say(e, HF_RCODE_NOTIMP, HF_EDE_NOT_SUPPORTED, "only SOA can be told of");
	if (!has_room(r, q->now))
		return HF_RESPOND_SILENCE;
	hf_count(r->meter, HF_COUNT_NOTIFY_HEARD);
	if (r->notified)
		r->notified(r->notified_ctx, e->zone, q->packet.peer,
			e->view.has_serial, e->view.serial);
	size_t len = hf_request_say(q, HF_RCODE_NOERROR, HF_EDE_NONE, NULL);
	q->out[2] |= HF_FLAG_AA >> 8;
	q->out[3] &= (uint8_t)~HF_FLAG_RA;
	return send(e, q->out, len, HF_RESPOND_ROOM);
}

/* ---- transfers ---- */

static const struct hf_zones_entry *served(const struct errand *e)
{
	const struct hf_name *origin = e->zone;
	const struct hf_zones_entry *entry =
		e->q->r->zones ? hf_zones_find(e->q->r->zones, origin, HF_TYPE_SOA) : NULL;
	if (!entry || entry->origin.len != origin->len || entry->standing != HF_ZONE_SERVED)
		return NULL;
	return entry;
}

static int begin(const struct errand *e, const struct hf_zones_entry *entry,
	enum hf_zone_out_kind kind, size_t first, struct hf_zone_out **ret)
{
	const struct hf_request *q = e->q;
	const struct hf_zone_out_conf conf = {.zone = entry->zone,
		.journal = entry->journal,
		.kind = kind,
		.first = first,
		.id = e->view.query.id,
		.flags = e->view.query.flags,
		.question = q->packet.bytes + HF_HEADER_LEN,
		.question_len = e->view.query.question_len,
		.edns = e->view.query.edns.present,
		.reserve = e->key ? HF_TSIG_ROOM : 0};
	return hf_zone_out_new(&conf, ret);
}

/* All of it in one datagram. */
static enum hf_respond transfer_at_once(struct errand *e, const struct hf_zones_entry *entry)
{
	struct hf_responder *r = e->q->r;
	struct hf_zone_out *outgoing;
	size_t len;
	if (begin(e, entry, HF_ZONE_OUT_SOA, 0, &outgoing))
		return say(e, HF_RCODE_SERVFAIL, HF_EDE_NONE, NULL);
	int rc = hf_zone_out_next(outgoing, r->large, &len);
	hf_zone_out_free(outgoing);
	if (rc < 0 || len + (e->key ? HF_TSIG_ROOM : 0) > HF_RESPOND_ROOM)
		return say(e, HF_RCODE_SERVFAIL, HF_EDE_NONE, NULL);
	hf_count(r->meter, HF_COUNT_TRANSFERS_NOTHING);
	hf_responder_count(r, e->q->packet.transport, r->large, len, HF_RCODE_NOERROR, 0);
	return send(e, r->large, len, sizeof r->large);
}

static enum hf_respond transfer_over_time(struct errand *e, const struct hf_zones_entry *entry,
	enum hf_zone_out_kind kind, size_t first)
{
	static const enum hf_counter counters[] = {
		[HF_ZONE_OUT_WHOLE] = HF_COUNT_TRANSFERS_WHOLE,
		[HF_ZONE_OUT_DIFFERENCES] = HF_COUNT_TRANSFERS_DIFFERENCES,
		[HF_ZONE_OUT_SOA] = HF_COUNT_TRANSFERS_NOTHING,
	};
	struct hf_responder *r = e->q->r;
	struct hf_transfer_out *transfer = calloc(1, sizeof *transfer);
	if (!transfer || begin(e, entry, kind, first, &transfer->outgoing)) {
		free(transfer);
		return say(e, HF_RCODE_SERVFAIL, HF_EDE_NONE, NULL);
	}
	hf_count(r->meter, counters[kind]);
	hf_meter_reply(r->meter, e->q->packet.transport, HF_RCODE_NOERROR, 0);
	transfer->loop = hf_worker_loop(r->worker);
	transfer->plan = hf_plan_ref((struct hf_plan *)(uintptr_t)hf_worker_plan(r->worker));
	transfer->under_way = &r->transfers;
	r->transfers++;
	if (e->key) {
		transfer->tsig = e->tsig;
		e->tsig = NULL;
	}
	r->transfer = transfer;
	return HF_RESPOND_STREAM;
}

static enum hf_respond transfer(struct errand *e)
{
	struct hf_request *q = e->q;
	bool whole = e->view.query.question.type == HF_TYPE_AXFR;
	enum hf_zone_out_kind kind = HF_ZONE_OUT_WHOLE;
	size_t first = 0;
	if (!hf_zone_rule_transfer(e->rule, q->packet.peer))
		return refuse(e, "transfers are not for everybody");
	if (!key_fits(e, e->rule->transfer_key, e->rule->transfer_locked))
		return refuse(e, "not signed with the zone's transfer key");
	if (q->packet.unfit)
		return refuse(e, q->packet.unfit);
	bool udp = q->packet.transport == HF_TRANSPORT_UDP;
	if (e->rule->conf->transfer_over == HF_TRANSFER_OVER_TLS &&
		q->packet.transport != HF_TRANSPORT_TLS)
		return refuse(e, "this zone goes out over TLS only");
	if (e->view.query.question.class != HF_CLASS_IN || (whole && udp) ||
		(!whole && !e->view.has_serial))
		return say(e, HF_RCODE_FORMERR, HF_EDE_NONE, NULL);
	const struct hf_zones_entry *entry = served(e);
	if (!entry)
		return say(e, HF_RCODE_SERVFAIL, HF_EDE_NOT_READY, "the zone is not served now");
	if (!whole)
		kind = hf_zone_out_kind_of(entry->zone, entry->journal, e->view.serial, &first);
	if (udp)
		return transfer_at_once(e, entry);
	if (q->r->transfers >= HF_TRANSFERS_OUT)
		return say(e, HF_RCODE_SERVFAIL, HF_EDE_OTHER, "too many transfers under way");
	return transfer_over_time(e, entry, kind, first);
}

/* ---- all of them ---- */

/* A member of a catalog goes by the rule of its group, or by the catalog's. */
static const struct hf_zone_rule *rule_of_entry(
	const struct hf_responder *r, const struct hf_zones_entry *entry)
{
	const struct hf_zone_rule *rule = hf_zone_rules_of_group(r->conf.rules, entry->group);
	return rule ? rule : hf_zone_rules_find(r->conf.rules, hf_zones_rule_name(r->zones, entry));
}

static const struct hf_zone_rule *rule_of(const struct hf_responder *r, const struct hf_name *zone)
{
	const struct hf_zone_rule *rule = hf_zone_rules_find(r->conf.rules, zone);
	const struct hf_zones_entry *entry =
		!rule && r->zones ? hf_zones_find(r->zones, zone, HF_TYPE_SOA) : NULL;
	if (!entry || entry->role != HF_ZONES_MEMBER || entry->origin.len != zone->len)
		return rule;
	return rule_of_entry(r, entry);
}

static enum hf_respond run(struct errand *e)
{
	enum hf_respond how;
	e->zone = &e->view.query.question.name;
	e->rule = rule_of(e->q->r, e->zone);
	if (!e->rule)
		return say(e, HF_RCODE_NOTAUTH, HF_EDE_NOT_AUTHORITATIVE, "not a zone of ours");
	if (e->view.has_tsig && !check_signature(e, &how))
		return how;
	how = e->view.notify ? notify(e) : transfer(e);
	return how;
}

bool hf_errand(struct hf_request *q, enum hf_respond *ret_how, const uint8_t **ret, size_t *ret_len)
{
	struct errand e = {.q = q, .ret = ret, .ret_len = ret_len};
	if (!q->r->conf.rules)
		return false;
	enum hf_query_fault fault = hf_errand_read(q->packet.bytes, q->packet.len, &e.view);
	if (fault == HF_QUERY_NOTIMP || fault == HF_QUERY_SILENCE)
		return false;
	q->view = e.view.query;
	hf_request_address(q);
	q->reply.pad = false; /* there is a signature to come, or there may be */
	if (fault)
		*ret_how = say(&e, fault == HF_QUERY_BADVERS ? HF_RCODE_BADVERS : HF_RCODE_FORMERR,
			HF_EDE_NONE, NULL);
	else
		*ret_how = run(&e);
	hf_tsig_free(e.tsig);
	return true;
}

/* ---- questions ---- */

bool hf_errand_may_ask(const struct hf_request *q, const struct hf_zones_entry *entry)
{
	const struct hf_zone_rule *rule = rule_of_entry(q->r, entry);
	return rule && hf_zone_rule_transfer(rule, q->packet.peer);
}

bool hf_errand_is_signed(const struct hf_request *q)
{
	unsigned additionals = hf_get_u16(q->packet.bytes + 10);
	return q->r->conf.rules && additionals > q->view.edns.present &&
	       hf_query_has_tsig(q->packet.bytes, q->packet.len, &q->view);
}

enum hf_respond hf_errand_question(struct hf_request *q, const struct hf_zones_entry *entry,
	const uint8_t **ret, size_t *ret_len)
{
	struct errand e = {.q = q, .ret = ret, .ret_len = ret_len};
	struct hf_responder *r = q->r;
	enum hf_respond how;
	const uint8_t *reply;
	size_t len;
	if (check_signature(&e, &how)) {
		/* The name's, the algorithm's, the digest's octets, and the rest: 8945 4.2. */
		unsigned reserve = e.key ? e.key->name.len + 160u : 0;
		q->reply.limit = (uint16_t)(q->reply.limit - reserve);
		q->reply.pad = false;
		q->view.flags &= (uint16_t)~HF_FLAG_RD; /* aliases are not followed out of zones */
		bool said = hf_authority_reply(q, entry, &how, &reply, &len);
		if (hf_unexpected(!said || how == HF_RESPOND_LATER))
			how = HF_RESPOND_SILENCE;
		if (how == HF_RESPOND_NOW && reply == q->out)
			how = send(&e, q->out, len, HF_RESPOND_ROOM);
		else if (how == HF_RESPOND_NOW)
			how = send(&e, r->large, len, sizeof r->large);
	}
	hf_tsig_free(e.tsig);
	return how;
}
