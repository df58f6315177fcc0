/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/authority_reply.h"

#include "base/check.h"
#include "base/error.h"
#include "serve/chain.h"
#include "serve/special.h"
#include "zone/answer.h"

struct hf_lead {
	uint16_t type;
	bool dnssec_ok, all;
	uint8_t key_flags;
	int32_t ede; /* of a zone that is marked */
	char why[HF_ZONES_WHY_MAX];
	struct hf_name cut;    /* what lies below it is not ours; len 0: nothing */
	struct hf_chain chain; /* its wire: what follows */
	uint8_t wire[];
};

/* From alias to alias, for one client. */
struct walk {
	struct hf_responder *r;
	uint16_t type;
	bool dnssec_ok, all;
	uint8_t key_flags;
	struct hf_chain chain;
	struct hf_name target;
	struct hf_name cut;
	int32_t ede;
	const char *why;
	hf_us now;
};

enum step {
	WHOLE,
	ON,     /* in the zone of the target */
	ASK,    /* an upstream, about the target */
	FAILED, /* for the reason in ede and why */
};

static enum step failed(struct walk *w, int32_t ede, const char *why)
{
	w->ede = ede;
	w->why = why;
	return FAILED;
}

const struct hf_zones_entry *hf_authority_zone_of(
	const struct hf_responder *r, const struct hf_question *question)
{
	if (!r->zones || question->class != HF_CLASS_IN)
		return NULL;
	return hf_zones_find(r->zones, &question->name, question->type);
}

/* ---- what a zone's answer says ---- */

/* Where the question and the aliases of an answer end up: false if there are none. */
static bool last_target(const struct hf_kept *kept, struct hf_name *ret)
{
	size_t at = HF_HEADER_LEN, next;
	bool found = false;
	if (hf_name_skip(kept->wire, kept->len, at, &at))
		return false;
	for (at += 4; at < kept->answer_end;) {
		struct hf_record record;
		if (hf_record_read(kept->wire, kept->len, at, &record))
			return false;
		if (record.type == HF_TYPE_CNAME)
			found = hf_name_read(kept->wire, record.end, record.rdata_at, ret, &next) ==
				0;
		at = record.end;
	}
	if (found)
		hf_name_lower(ret->bytes, ret->len);
	return found;
}

/* Does a route lie at or below the cut of this referral? */
static bool has_route(struct hf_responder *r, const struct hf_kept *referral,
	const struct hf_name *target, struct hf_name *ret_cut)
{
	size_t next;
	if (referral->answer_end == referral->authority_end ||
		hf_name_read(referral->wire, referral->len, referral->answer_end, ret_cut, &next))
		return false;
	hf_name_lower(ret_cut->bytes, ret_cut->len);
	const struct hf_route *route = hf_route_find(hf_worker_plan(r->worker)->routes, target);
	return route &&
	       hf_name_within(route->zone.bytes, route->zone.len, ret_cut->bytes, ret_cut->len);
}

/* As a client of ours is to see it. */
static void show(struct hf_kept *kept)
{
	uint16_t flags = hf_get_u16(kept->wire + 2);
	hf_put_u16(kept->wire + 2, (uint16_t)((flags | HF_FLAG_QR | HF_FLAG_RA) & ~HF_FLAG_AD));
}

static void count_said(struct hf_meter *meter, enum hf_zone_said said, const struct hf_kept *kept)
{
	bool denial = said == HF_ZONE_SAID && !hf_get_u16(kept->wire + 6);
	if ((kept->wire[3] & HF_FLAG_RCODE) == HF_RCODE_NXDOMAIN)
		denial = true;
	if (said == HF_ZONE_REFERRED)
		hf_count(meter, HF_COUNT_ZONE_REFERRALS);
	else
		hf_count(meter, denial ? HF_COUNT_ZONE_DENIALS : HF_COUNT_ZONE_ANSWERS);
}

/* ---- the walk ---- */

/* Records of these types are asked for themselves: no alias is followed to them. */
static bool follows_aliases(uint16_t type)
{
	return type != HF_TYPE_CNAME && type != HF_TYPE_ANY;
}

/* Does a name lie in a zone of ours? What an upstream says of a name with local data stays
 * its word (zone/local.h). */
static bool is_in_zone(const struct hf_zones *zones, const struct hf_name *name, uint16_t type)
{
	const struct hf_zones_entry *entry = hf_zones_find(zones, name, type);
	return entry && !entry->local;
}

static bool is_ours(void *ctx, const struct hf_name *name)
{
	const struct walk *w = ctx;
	if (!w->r->zones) /* they have gone while an upstream was asked */
		return false;
	if (w->cut.len && hf_name_within(name->bytes, name->len, w->cut.bytes, w->cut.len))
		return false;
	return follows_aliases(w->type) && is_in_zone(w->r->zones, name, w->type);
}

/* What somebody else says of the target. */
static enum step take(struct walk *w, const struct hf_answer *answer)
{
	if (answer->ede != HF_EDE_NONE) {
		w->ede = answer->ede;
		w->why = answer->ede_text;
	}
	if (hf_chain_add_until(&w->chain, answer->kept, answer->age, answer->ttl_floor, is_ours, w,
		    &w->target)) {
		w->cut.len = 0;
		return ON;
	}
	hf_chain_close(&w->chain, answer->kept, answer->age, answer->ttl_floor);
	return WHOLE;
}

/* The target lies in a zone of ours. */
static enum step in_zone(struct walk *w, const struct hf_zones_entry *entry)
{
	struct hf_responder *r = w->r;
	const struct hf_question question = {w->target, w->type, HF_CLASS_IN};
	const struct hf_zone_ask ask = {&question, w->dnssec_ok, w->all};
	struct hf_kept kept = {.wire = r->large, .ttl_at = r->ttl_at};
	struct hf_name target;
	if (entry->role == HF_ZONES_CATALOG)
		return failed(w, HF_EDE_PROHIBITED, HF_CATALOG_IS_CLOSED);
	if (entry->standing == HF_ZONE_WITHHELD || entry->standing == HF_ZONE_DROPPED)
		return failed(w, entry->ede, entry->why);
	if (entry->standing == HF_ZONE_MARKED && w->ede == HF_EDE_NONE)
		failed(w, entry->ede, entry->why); /* the word that goes with it */
	enum hf_zone_said said = hf_zone_answer(entry->zone, &ask, &kept, &target);
	hf_chain_add(&w->chain, &kept, 0, 0);
	if (said == HF_ZONE_LED_OUT)
		w->target = target;
	if (said == HF_ZONE_REFERRED)
		last_target(&kept, &w->target);
	if (said == HF_ZONE_LED_OUT ||
		(said == HF_ZONE_REFERRED && has_route(r, &kept, &w->target, &w->cut)))
		return ON;
	w->cut.len = 0;
	hf_chain_close(&w->chain, &kept, 0, 0);
	return WHOLE;
}

/* The target lies elsewhere, or is delegated: from what is held here, if it can be. */
static enum step outside(struct walk *w)
{
	struct hf_responder *r = w->r;
	const struct hf_question question = {w->target, w->type, HF_CLASS_IN};
	const struct hf_route *route = hf_route_find(hf_worker_plan(r->worker)->routes, &w->target);
	struct hf_cached copy = {.kept = {.wire = r->large, .ttl_at = r->ttl_at},
		.wire_cap = HF_MESSAGE_MAX,
		.ttl_cap = HF_RECORDS_MAX};
	struct hf_answer answer = {.kept = &copy.kept, .ede = HF_EDE_NONE};
	if ((!route || route->zone.len == 1) && hf_special_answer(&question, &copy.kept))
		return take(w, &answer);
	if (!route)
		return WHOLE;
	struct hf_cache_key key = hf_worker_key(r->worker, &question, w->key_flags);
	switch (hf_worker_lookup(r->worker, &key, w->now, &copy, &answer)) {
	case HF_LOOKUP_HIT:
	case HF_LOOKUP_STALE: return take(w, &answer);
	case HF_LOOKUP_CUT: hf_chain_close(&w->chain, &copy.kept, copy.age, 0); return WHOLE;
	case HF_LOOKUP_FAILED:
		return failed(w, HF_EDE_CACHED_ERROR, "no upstream could answer a moment ago");
	case HF_LOOKUP_MISS: break;
	}
	return ASK;
}

/* Each turn adds an alias, or finds that what it looks for is delegated, or is the last. */
static enum step go_on(struct walk *w)
{
	enum step step = ON;
	for (unsigned turn = 0; step == ON; turn++) {
		if (hf_chain_too_long(&w->chain) || turn > 2 * HF_CHAIN_ALIASES)
			return failed(w, HF_EDE_OTHER, "too many aliases, one behind another");
		if (hf_chain_passed(&w->chain, &w->target)) /* before anybody is asked again */
			return failed(w, HF_EDE_OTHER, "aliases that lead in a circle");
		const struct hf_zones_entry *entry =
			w->cut.len ? NULL : hf_zones_find(w->r->zones, &w->target, w->type);
		step = entry ? in_zone(w, entry) : outside(w);
	}
	return step;
}

/* What an upstream says of a question leads into a zone of ours. If the question itself lies
 * below a delegation of ours, all begins there, for the cut has to be known. */
static enum step begin_outside(struct walk *w, const struct hf_answer *answer)
{
	hf_count(w->r->meter, HF_COUNT_ZONE_LED_IN);
	return is_in_zone(w->r->zones, &w->target, w->type) ? ON : take(w, answer);
}

static size_t write_reply(struct walk *w, enum step step, const struct hf_reply *reply)
{
	struct hf_reply r = *reply;
	struct hf_kept kept;
	r.ede = w->ede;
	r.ede_text = w->why;
	if (step != WHOLE)
		return hf_reply_empty(w->chain.wire, HF_RCODE_SERVFAIL, r.limit, &r);
	hf_chain_end(&w->chain, &kept);
	return hf_reply_patch(kept.wire, &kept, 0, 0, &r);
}

/* ---- while an upstream is asked ---- */

void hf_lead_free(struct hf_lead *lead)
{
	free(lead);
}

static struct hf_lead *lead_new(const struct walk *w)
{
	struct hf_lead *lead = malloc(sizeof *lead + w->chain.len);
	if (!lead)
		return NULL;
	*lead = (struct hf_lead){.type = w->type,
		.dnssec_ok = w->dnssec_ok,
		.all = w->all,
		.key_flags = w->key_flags,
		.ede = w->ede,
		.cut = w->cut,
		.chain = w->chain};
	if (w->why)
		memcpy(lead->why, w->why, strnlen(w->why, sizeof lead->why - 1));
	memcpy(lead->wire, w->chain.wire, w->chain.len);
	return lead;
}

static void take_up(struct walk *w, const struct hf_lead *lead)
{
	w->type = lead->type;
	w->dnssec_ok = lead->dnssec_ok;
	w->all = lead->all;
	w->key_flags = lead->key_flags;
	w->cut = lead->cut;
	w->ede = lead->ede;
	w->why = lead->why;
	w->chain = lead->chain;
	w->chain.wire = w->r->chain;
	memcpy(w->chain.wire, lead->wire, lead->chain.len);
}

/* What is asked on behalf of a client whose question is another's to answer. */
static void take_in(struct walk *w, const struct hf_pending *p)
{
	w->type = p->type;
	w->dnssec_ok = p->dnssec_ok;
	w->all = p->path.transport != HF_TRANSPORT_UDP;
	w->key_flags = (uint8_t)((p->dnssec_ok ? HF_CACHE_DO : 0) |
				 (p->flags & HF_FLAG_CD ? HF_CACHE_CD : 0));
	w->ede = HF_EDE_NONE;
	w->target.len = (uint8_t)(p->question_len - 4);
	hf_name_copy_lower(w->target.bytes, p->question, w->target.len);
	hf_chain_begin(&w->chain, w->r->chain, p->question, p->question_len);
}

static int ask_on(struct walk *w, struct hf_pending *p, const struct hf_ticket *ticket)
{
	const struct hf_question question = {w->target, w->type, HF_CLASS_IN};
	struct hf_cache_key key = hf_worker_key(w->r->worker, &question, w->key_flags);
	struct hf_lead *before = p->lead, *lead = lead_new(w);
	if (!lead)
		return -ENOMEM;
	p->lead = lead;
	int rc = hf_worker_ask(w->r->worker, &key, ticket, w->now);
	if (!rc) {
		hf_lead_free(before);
		return 0;
	}
	p->lead = before;
	hf_lead_free(lead);
	return rc;
}

bool hf_authority_resume(struct hf_responder *r, struct hf_pending *p,
	const struct hf_ticket *ticket, const struct hf_answer *answer, hf_us now)
{
	struct walk w = {.r = r, .now = now};
	const struct hf_reply reply = hf_pending_reply(r, p);
	enum step step;
	if (p->lead)
		take_up(&w, p->lead);
	else
		take_in(&w, p);
	if (!answer->kept)
		step = failed(&w, answer->ede, answer->ede_text);
	else
		step = p->lead ? take(&w, answer) : begin_outside(&w, answer);
	if (step == ON)
		step = go_on(&w);
	if (step == ASK && ask_on(&w, p, ticket) == 0)
		return true;
	size_t len = write_reply(&w, step, &reply);
	hf_responder_count(r, p->path.transport, w.chain.wire, len, w.chain.wire[3] & HF_FLAG_RCODE,
		now - p->came);
	r->send(r->owner, &p->path, w.chain.wire, len, now);
	return false;
}

/* ---- a question ---- */

static bool wants_recursion(const struct hf_request *q)
{
	return q->view.flags & HF_FLAG_RD;
}

/* The walk of a question has come so far. */
static enum hf_respond end_of(
	struct hf_request *q, struct walk *w, enum step step, const uint8_t **ret, size_t *ret_len)
{
	struct hf_responder *r = q->r;
	if (step == ASK) {
		const struct hf_question question = {w->target, w->type, HF_CLASS_IN};
		struct hf_cache_key key = hf_worker_key(r->worker, &question, w->key_flags);
		struct hf_lead *lead = lead_new(w);
		int rc = lead ? hf_request_ask(q, &key, lead) : -ENOMEM;
		if (!rc)
			return HF_RESPOND_LATER;
		hf_lead_free(lead);
		hf_count(r->meter, HF_COUNT_OVERLOAD);
		failed(w, HF_EDE_OTHER, hf_worker_why_not(r->worker, rc));
	}
	size_t len = write_reply(w, step, &q->reply);
	*ret = w->chain.wire;
	*ret_len =
		hf_responder_count(r, q->packet.transport, *ret, len, (*ret)[3] & HF_FLAG_RCODE, 0);
	return HF_RESPOND_NOW;
}

/* The answer that lies in `kept` is aliases, and `target` is where the last leads. */
static enum hf_respond follow(struct hf_request *q, const struct hf_zones_entry *entry,
	const struct hf_kept *kept, const struct hf_name *target, const struct hf_name *cut,
	const uint8_t **ret, size_t *ret_len)
{
	struct hf_responder *r = q->r;
	struct walk w = {.r = r,
		.type = q->view.question.type,
		.dnssec_ok = q->reply.dnssec_ok,
		.all = q->packet.transport != HF_TRANSPORT_UDP,
		.key_flags = hf_request_key_flags(q),
		.target = *target,
		.cut = *cut,
		.ede = entry->standing == HF_ZONE_MARKED ? entry->ede : HF_EDE_NONE,
		.why = entry->standing == HF_ZONE_MARKED ? entry->why : NULL,
		.now = q->now};
	hf_chain_begin(&w.chain, r->chain, q->reply.question, q->reply.question_len);
	w.chain.flags |= HF_FLAG_AA; /* of the first owner name: RFC 1035 4.1.1 */
	hf_chain_add(&w.chain, kept, 0, 0);
	hf_count(r->meter, entry->local ? HF_COUNT_LOCAL_ANSWERS : HF_COUNT_ZONE_LED_OUT);
	return end_of(q, &w, go_on(&w), ret, ret_len);
}

/* ---- what leads in from outside ---- */

struct inward {
	const struct hf_zones *zones;
	uint16_t type;
};

static bool is_inside(void *ctx, const struct hf_name *name)
{
	const struct inward *in = ctx;
	return is_in_zone(in->zones, name, in->type);
}

bool hf_authority_leads_in(const struct hf_responder *r, uint16_t type, const struct hf_kept *kept)
{
	struct inward in = {r->zones, type};
	return r->zones && follows_aliases(type) && hf_aliases_lead(kept, is_inside, &in);
}

enum hf_respond hf_authority_lead_in(
	struct hf_request *q, const struct hf_answer *answer, const uint8_t **ret, size_t *ret_len)
{
	struct walk w = {.r = q->r,
		.type = q->view.question.type,
		.dnssec_ok = q->reply.dnssec_ok,
		.all = q->packet.transport != HF_TRANSPORT_UDP,
		.key_flags = hf_request_key_flags(q),
		.target = q->view.question.name,
		.ede = HF_EDE_NONE,
		.now = q->now};
	hf_chain_begin(&w.chain, q->r->chain, q->reply.question, q->reply.question_len);
	enum step step = begin_outside(&w, answer);
	if (step == ON)
		step = go_on(&w);
	return end_of(q, &w, step, ret, ret_len);
}

/* ---- a zone's own answer ---- */

/* A referral without its glue may be one without an end: RFC 9471. */
static void mark_lost_glue(uint8_t *reply, uint16_t glue, bool edns)
{
	if (hf_get_u16(reply + 10) < glue + edns)
		reply[2] |= HF_FLAG_TC >> 8;
}

/* Are these aliases, more than are followed? What they lead to is not in the answer, and
 * who takes it for whole would believe that it does not exist. */
static bool is_cut_short(const struct hf_kept *kept)
{
	struct hf_record record;
	unsigned aliases = 0, left = hf_get_u16(kept->wire + 6);
	size_t at = HF_HEADER_LEN;
	if (left <= HF_CHAIN_ALIASES || hf_name_skip(kept->wire, kept->len, at, &at))
		return false;
	for (at += 4; left; left--, at = record.end) {
		if (hf_record_read(kept->wire, kept->len, at, &record) ||
			(record.type != HF_TYPE_CNAME && record.type != HF_TYPE_DNAME &&
				record.type != HF_TYPE_RRSIG))
			return false;
		aliases += record.type == HF_TYPE_CNAME;
	}
	return aliases > HF_CHAIN_ALIASES;
}

static bool from_zone(struct hf_request *q, const struct hf_zones_entry *entry,
	enum hf_respond *ret_how, const uint8_t **ret, size_t *ret_len)
{
	struct hf_responder *r = q->r;
	const struct hf_zone_ask ask = {
		&q->view.question, q->view.edns.dnssec_ok, q->packet.transport != HF_TRANSPORT_UDP};
	struct hf_kept kept = {.wire = r->large, .ttl_at = r->ttl_at};
	struct hf_name target = {0}, cut = {0};
	enum hf_zone_said said = hf_zone_answer(entry->zone, &ask, &kept, &target);
	bool led = said == HF_ZONE_LED_OUT;
	if (said == HF_ZONE_SAID && wants_recursion(q) && is_cut_short(&kept))
		led = last_target(&kept, &target);
	if (said == HF_ZONE_REFERRED && wants_recursion(q)) {
		led = last_target(&kept, &target);
		if (!has_route(r, &kept, led ? &target : &q->view.question.name, &cut)) {
			led = false;
			cut.len = 0;
		} else if (!led) {
			return false;
		}
	}
	if (led && wants_recursion(q)) {
		*ret_how = follow(q, entry, &kept, &target, &cut, ret, ret_len);
		return true;
	}
	const bool marked = entry->standing == HF_ZONE_MARKED;
	const struct hf_answer answer = {.kept = &kept,
		.ede = marked ? entry->ede : HF_EDE_NONE,
		.ede_text = marked ? entry->why : NULL};
	show(&kept);
	if (entry->local)
		hf_count(r->meter, HF_COUNT_LOCAL_ANSWERS);
	else
		count_said(r->meter, said, &kept);
	uint16_t additionals = hf_get_u16(r->large + 10);
	*ret_len = hf_request_patch(q, r->large, &answer);
	if (said == HF_ZONE_REFERRED)
		mark_lost_glue(r->large, additionals, q->reply.edns);
	*ret = r->large;
	*ret_how = HF_RESPOND_NOW;
	return true;
}

bool hf_authority_reply(struct hf_request *q, const struct hf_zones_entry *entry,
	enum hf_respond *ret_how, const uint8_t **ret, size_t *ret_len)
{
	switch (entry->standing) {
	case HF_ZONE_SERVED:
	case HF_ZONE_MARKED: return from_zone(q, entry, ret_how, ret, ret_len);
	case HF_ZONE_WITHHELD:
		hf_count(q->r->meter, HF_COUNT_ZONE_WITHHELD);
		*ret_len = hf_request_say(q, HF_RCODE_SERVFAIL, entry->ede, entry->why);
		*ret_how = HF_RESPOND_NOW;
		return true;
	case HF_ZONE_DROPPED: break;
	}
	hf_count(q->r->meter, HF_COUNT_ZONE_DROPPED);
	*ret_how = HF_RESPOND_SILENCE;
	return true;
}
