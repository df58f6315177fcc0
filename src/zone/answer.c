/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/answer.h"

#include "base/check.h"
#include "wire/rdata.h"
#include "zone/prove.h"

#define ALIASES_MAX 16
#define HOSTS_MAX 64 /* whose addresses go along */
#define LOOSE_TTL 60 /* of a denial, s: what was changed by hand is to be seen soon */

enum found {
	ON,      /* an alias leads to another name of the zone: look there */
	RECORDS, /* what was asked for, or as far as aliases are followed */
	NO_DATA,
	NO_NAME,
	REFERRAL,
	LED_OUT,
};

/* A wildcard answered for a name that does not exist. */
struct expansion {
	uint32_t above;
	uint8_t label[1 + HF_LABEL_MAX];
};

struct answering {
	const struct hf_zone *zone;
	const struct hf_zone_ask *ask;
	struct hf_compose c;
	struct hf_place place; /* of `name` */
	uint32_t source;       /* the node that answers for it, if one does */
	bool wild;             /* ... which is a wildcard */
	bool too_long;         /* a DNAME made a name that none can be: RFC 6672 2.2 */
	unsigned aliases;
	struct hf_name name; /* asked for, or where aliases have led */
	struct hf_name seen[ALIASES_MAX];
	unsigned expansion_count;
	struct expansion expansions[ALIASES_MAX + 1];
	unsigned host_count;
	uint32_t hosts[HOSTS_MAX];
};

/* ---- records ---- */

static void put_signatures(
	struct answering *a, uint32_t node, const uint8_t *owner, uint16_t type, uint32_t ttl)
{
	struct hf_zone_set set;
	if (!a->ask->dnssec_ok || !hf_zone_signatures_at(a->zone, node, type, &set))
		return;
	if (set.ttl > ttl)
		set.ttl = ttl;
	hf_compose_set(&a->c, owner, &set);
}

static void put_set(
	struct answering *a, uint32_t node, const uint8_t *owner, const struct hf_zone_set *set)
{
	hf_compose_set(&a->c, owner, set);
	put_signatures(a, node, owner, set->type, set->ttl);
}

/* A loose zone has none. Without any, nobody would keep the denial (RFC 2308 5); with that
 * of a zone above, it would be said of more than this name. */
static void put_loose_soa(struct answering *a)
{
	static const uint8_t rdata[] = {0, 0, 0, 0, 0, 1, 0, 0, 0x0e, 0x10, 0, 0, 0x04, 0xb0, 0, 9,
		0x3a, 0x80, 0, 0, 0, LOOSE_TTL};
	hf_compose_record(
		&a->c, a->name.bytes, HF_TYPE_SOA, LOOSE_TTL, rdata, sizeof rdata);
}

/* The denial's time is the smaller of the SOA's and MINIMUM: RFC 2308 3. */
static void put_soa(struct answering *a)
{
	struct hf_zone_set set;
	if (a->zone->loose)
		put_loose_soa(a);
	if (!hf_zone_set_at(a->zone, HF_NODE_APEX, HF_TYPE_SOA, &set))
		return;
	if (a->zone->soa.minimum < set.ttl)
		set.ttl = a->zone->soa.minimum;
	put_set(a, HF_NODE_APEX, a->zone->origin.bytes, &set);
}

/* ---- ANY and RRSIG ---- */

static bool is_of_dnssec(uint16_t type)
{
	return type == HF_TYPE_RRSIG || type == HF_TYPE_NSEC || type == HF_TYPE_NSEC3;
}

/* ANY: all sets, or one that says something of the name itself (RFC 8482 4.1). */
static bool put_any(struct answering *a)
{
	const struct hf_zone *zone = a->zone;
	unsigned sets = zone->nodes[a->source].sets;
	struct hf_zone_set set, one = {.count = 0};
	size_t at = 0;
	for (unsigned i = 0; i < sets; i++) {
		at = hf_zone_set_read(zone, a->source, at, &set);
		if (a->ask->all)
			hf_compose_set(&a->c, a->name.bytes, &set);
		else if (!one.count || (is_of_dnssec(one.type) && !is_of_dnssec(set.type)))
			one = set;
	}
	if (one.count)
		put_set(a, a->source, a->name.bytes, &one);
	return sets;
}

/* Signatures are several sets (zone/inside.h); as with ANY, one is enough. */
static bool put_rrsig(struct answering *a)
{
	const struct hf_zone *zone = a->zone;
	struct hf_zone_set set;
	size_t at = 0;
	bool any = false;
	for (unsigned i = 0; i < zone->nodes[a->source].sets && (!any || a->ask->all); i++) {
		at = hf_zone_set_read(zone, a->source, at, &set);
		if (set.type != HF_TYPE_RRSIG)
			continue;
		hf_compose_set(&a->c, a->name.bytes, &set);
		any = true;
	}
	return any;
}

static bool put_asked(struct answering *a)
{
	struct hf_zone_set set;
	uint16_t type = a->ask->question->type;
	if (type == HF_TYPE_ANY)
		return put_any(a);
	if (type == HF_TYPE_RRSIG)
		return put_rrsig(a);
	if (!hf_zone_set_at(a->zone, a->source, type, &set))
		return false;
	put_set(a, a->source, a->name.bytes, &set);
	return true;
}

/* ---- aliases ---- */

static bool was_seen(const struct answering *a, const struct hf_name *name)
{
	for (unsigned i = 0; i < a->aliases; i++)
		if (a->seen[i].len == name->len &&
			memcmp(a->seen[i].bytes, name->bytes, name->len) == 0)
			return true;
	return false;
}

/* Goes on at another name. */
static enum found follow(struct answering *a, const struct hf_name *to)
{
	const struct hf_name *origin = &a->zone->origin;
	a->source = HF_NODE_NONE;
	if (a->aliases == ALIASES_MAX)
		return RECORDS;
	a->seen[a->aliases++] = a->name;
	a->name = *to;
	if (!hf_name_within(to->bytes, to->len, origin->bytes, origin->len))
		return LED_OUT;
	return was_seen(a, to) ? RECORDS : ON;
}

static enum found follow_cname(struct answering *a, const struct hf_zone_set *cname)
{
	struct hf_name to;
	put_set(a, a->source, a->name.bytes, cname);
	to.len = (uint8_t)hf_get_u16(cname->rdata);
	hf_name_copy_lower(to.bytes, cname->rdata + 2, to.len);
	return follow(a, &to);
}

/* RFC 6672 2.2, 3.1: what is below the owner, put before the target, and a CNAME that says
 * so, with the DNAME's TTL. */
static enum found follow_dname(struct answering *a, const struct hf_zone_set *dname)
{
	struct hf_name owner, to;
	size_t target = hf_get_u16(dname->rdata);
	hf_node_name(a->zone, a->place.node, &owner);
	put_set(a, a->place.node, owner.bytes, dname);
	size_t before = (size_t)a->name.len - owner.len;
	if (before + target > HF_NAME_MAX) {
		a->too_long = true;
		return RECORDS;
	}
	memcpy(to.bytes, a->name.bytes, before);
	memcpy(to.bytes + before, dname->rdata + 2, target);
	to.len = (uint8_t)(before + target);
	hf_compose_record(&a->c, a->name.bytes, HF_TYPE_CNAME, dname->ttl, to.bytes, to.len);
	hf_name_lower(to.bytes, to.len);
	/* Who asks for the alias has it: what it leads to was not asked for. */
	bool asked = a->ask->question->type == HF_TYPE_CNAME || a->ask->question->type == HF_TYPE_ANY;
	return asked ? RECORDS : follow(a, &to);
}

/* ---- one name: RFC 1034 4.3.2 ---- */

static void note_expansion(struct answering *a)
{
	struct expansion *e = &a->expansions[a->expansion_count++];
	e->above = a->place.node;
	memcpy(e->label, a->place.next, 1 + (size_t)*a->place.next);
}

/* There is a node for the name: its own, or a wildcard's. */
static enum found at_source(struct answering *a)
{
	struct hf_zone_set cname;
	uint16_t type = a->ask->question->type;
	if (put_asked(a))
		return RECORDS;
	bool of_dnssec = type == HF_TYPE_RRSIG || type == HF_TYPE_NSEC;
	if (!of_dnssec && hf_zone_set_at(a->zone, a->source, HF_TYPE_CNAME, &cname))
		return follow_cname(a, &cname);
	return NO_DATA;
}

static enum found look(struct answering *a)
{
	const struct hf_zone *zone = a->zone;
	struct hf_zone_set dname;
	hf_zone_locate(zone, &a->name, &a->place);
	const struct hf_place *place = &a->place;
	if (zone->loose && hf_zone_source(zone, place) == HF_NODE_NONE)
		return LED_OUT;
	bool parent_side = place->exact && place->cut == place->node &&
			   a->ask->question->type == HF_TYPE_DS; /* RFC 4035 3.1.4.1 */
	if (place->cut != HF_NODE_NONE && !parent_side)
		return REFERRAL;
	a->wild = false;
	a->source = place->node;
	if (place->exact)
		return at_source(a);
	a->source = HF_NODE_NONE;
	if (zone->nodes[place->node].flags & HF_NODE_DNAME &&
		hf_zone_set_at(zone, place->node, HF_TYPE_DNAME, &dname))
		return follow_dname(a, &dname);
	a->source = hf_zone_wildcard(zone, place->node);
	if (a->source == HF_NODE_NONE)
		return NO_NAME;
	a->wild = true;
	note_expansion(a);
	return at_source(a);
}

/* ---- authority ---- */

static void put_proofs(struct answering *a, enum found found)
{
	struct hf_prover p = {.zone = a->zone, .compose = &a->c};
	const struct hf_missing missing = {a->place.node, a->place.next};
	if (!a->ask->dnssec_ok)
		return;
	for (unsigned i = 0; i < a->expansion_count; i++) {
		const struct expansion *e = &a->expansions[i];
		hf_prove_expansion(&p, &(struct hf_missing){e->above, e->label});
	}
	if (found == NO_NAME)
		hf_prove_no_name(&p, &missing);
	else if (found == NO_DATA && a->wild)
		hf_prove_no_wild_data(&p, &missing, a->source);
	else if (found == NO_DATA)
		hf_prove_no_data(&p, a->source);
}

static void put_referral(struct answering *a)
{
	const struct hf_zone *zone = a->zone;
	uint32_t cut = a->place.cut;
	struct hf_name owner;
	struct hf_zone_set set;
	hf_node_name(zone, cut, &owner);
	if (hf_zone_set_at(zone, cut, HF_TYPE_NS, &set))
		hf_compose_set(&a->c, owner.bytes, &set); /* not signed: RFC 4035 2.2 */
	put_proofs(a, REFERRAL);
	if (!a->ask->dnssec_ok || !zone->is_signed)
		return;
	if (hf_zone_set_at(zone, cut, HF_TYPE_DS, &set)) {
		put_set(a, cut, owner.bytes, &set);
	} else {
		struct hf_prover p = {.zone = zone, .compose = &a->c};
		hf_prove_no_data(&p, cut);
	}
}

static void put_authority(struct answering *a, enum found found)
{
	hf_compose_section(&a->c, HF_AUTHORITY);
	if (found == REFERRAL) {
		put_referral(a);
		return;
	}
	if (found == NO_DATA || found == NO_NAME)
		put_soa(a);
	put_proofs(a, found);
}

/* ---- additional ---- */

static bool is_new_host(struct answering *a, uint32_t node)
{
	for (unsigned i = 0; i < a->host_count; i++)
		if (a->hosts[i] == node)
			return false;
	if (a->host_count == HOSTS_MAX)
		return false;
	a->hosts[a->host_count++] = node;
	return true;
}

/* Addresses that the zone has for a host. Those below a delegation are glue: only referrals
 * may have them, and they are not signed. */
static void put_host(struct answering *a, const uint8_t *host, size_t len, bool glue)
{
	static const uint16_t types[] = {HF_TYPE_A, HF_TYPE_AAAA};
	const struct hf_zone *zone = a->zone;
	struct hf_name name = {.len = (uint8_t)len};
	struct hf_zone_set set;
	hf_name_copy_lower(name.bytes, host, len);
	if (!hf_name_within(name.bytes, len, zone->origin.bytes, zone->origin.len))
		return;
	uint32_t node = hf_zone_node(zone, name.bytes, len);
	if (node == HF_NODE_NONE)
		return;
	bool hidden = zone->nodes[node].flags & (HF_NODE_CUT | HF_NODE_BELOW);
	if ((hidden && !glue) || !is_new_host(a, node))
		return;
	for (unsigned i = 0; i < HF_COUNT_OF(types); i++) {
		if (!hf_zone_set_at(zone, node, types[i], &set))
			continue;
		hf_compose_set(&a->c, name.bytes, &set);
		if (!hidden)
			put_signatures(a, node, name.bytes, types[i], set.ttl);
	}
}

/* Of the hosts that records of this type at a node name. */
static void put_hosts(struct answering *a, uint32_t node, uint16_t type, bool glue)
{
	struct hf_zone_set set;
	if (!hf_zone_set_at(a->zone, node, type, &set))
		return;
	size_t before = hf_rdata_shape(type)->before;
	const uint8_t *at = set.rdata;
	for (unsigned i = 0; i < set.count; i++, at += 2 + hf_get_u16(at))
		put_host(a, at + 2 + before, hf_get_u16(at) - before, glue);
}

static void put_additional(struct answering *a, enum found found)
{
	uint16_t type = a->ask->question->type;
	hf_compose_section(&a->c, HF_ADDITIONAL);
	if (found == REFERRAL)
		put_hosts(a, a->place.cut, HF_TYPE_NS, true);
	else if (found == RECORDS && (type == HF_TYPE_MX || type == HF_TYPE_SRV) &&
		 a->source != HF_NODE_NONE)
		put_hosts(a, a->source, type, false);
}

/* ---- all of it ---- */

static unsigned rcode_of(const struct answering *a, enum found found)
{
	if (a->too_long)
		return HF_RCODE_YXDOMAIN;
	return found == NO_NAME ? HF_RCODE_NXDOMAIN : HF_RCODE_NOERROR;
}

enum hf_zone_said hf_zone_answer(const struct hf_zone *zone, const struct hf_zone_ask *ask,
	struct hf_kept *kept, struct hf_name *ret_target)
{
	struct answering a; /* 6 KB, of which little is touched */
	enum found found;
	a.zone = zone;
	a.ask = ask;
	a.source = HF_NODE_NONE;
	a.wild = a.too_long = false;
	a.aliases = a.expansion_count = a.host_count = 0;
	a.name = ask->question->name;
	hf_compose_begin(&a.c, kept, ask->question);
	do
		found = look(&a);
	while (found == ON);
	put_authority(&a, found);
	put_additional(&a, found);
	hf_compose_end(&a.c, rcode_of(&a, found), found != REFERRAL || a.aliases);
	if (found == REFERRAL)
		return HF_ZONE_REFERRED;
	if (found != LED_OUT)
		return HF_ZONE_SAID;
	*ret_target = a.name;
	return HF_ZONE_LED_OUT;
}
