/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of each server: can it be reached, has it authority, which version, which records. */
#include "providers/report.h"

#include "base/check.h"
#include "truth/serials.h"
#include "wire/type.h"

static const char *rcode_text(unsigned rcode)
{
	static const char *const texts[] = {"NOERROR without authority", "FORMERR", "SERVFAIL",
		"NXDOMAIN", "NOTIMP", "REFUSED"};
	return rcode < HF_COUNT_OF(texts) ? texts[rcode] : "an error";
}

/* ---- reach ---- */

static void say_unreachable(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	char who[HF_WHO_MAX];
	if (s->udp == HF_REACH_NO_ROUTE && s->tcp == HF_REACH_NO_ROUTE) {
		hf_report_add(r, HF_WEIGHT_NOTE, "no-route", s,
			"%s was not asked: this host has no way to addresses of IPv%d",
			hf_report_who(s, who), s->address.family);
		return;
	}
	hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "unreachable", s,
			       "%s %s over UDP and %s over TCP", hf_report_who(s, who),
			       hf_reach_text(s->udp), hf_reach_text(s->tcp)),
		"ask the provider; if the server is gone for good, take it out of the NS records "
		"of the zone and of its parent");
}

/* RFC 7766: both have to work; what does not fit into a datagram needs the second. */
static void say_half_reachable(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	char who[HF_WHO_MAX];
	bool udp = s->udp == HF_REACH_ANSWERS;
	hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "transports", s,
			       "%s answers over %s, but %s over %s", hf_report_who(s, who),
			       udp ? "UDP" : "TCP", hf_reach_text(udp ? s->tcp : s->udp),
			       udp ? "TCP" : "UDP"),
		"have port %u open for %s at the provider", s->address.port, udp ? "TCP" : "UDP");
}

static void say_lame(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	char who[HF_WHO_MAX];
	hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "lame", s,
			       "%s is lame: asked for the zone's SOA it says %s",
			       hf_report_who(s, who), rcode_text(s->rcode)),
		"set the zone up there, or take the server out of the NS records of the zone and "
		"of "
		"its parent");
}

static void look_at_reach(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	char who[HF_WHO_MAX];
	bool udp = s->udp == HF_REACH_ANSWERS, tcp = s->tcp == HF_REACH_ANSWERS;
	if (!hf_address_set(&s->address))
		hf_report_todo(hf_report_add(r, HF_WEIGHT_UNASKED, "server-unasked", s,
				       "%s was not asked: no address of it was found",
				       hf_report_who(s, who)),
			"see whether the name resolves, or write NAME@ADDRESS into `servers`");
	else if (s->udp == HF_REACH_UNTRIED && s->tcp == HF_REACH_UNTRIED)
		return; /* the time was over: said once for all */
	else if (!udp && !tcp)
		say_unreachable(r, s);
	else if (udp != tcp && s->tcp != HF_REACH_UNTRIED && s->udp != HF_REACH_UNTRIED)
		say_half_reachable(r, s);
	if ((udp || tcp) && !s->authoritative)
		say_lame(r, s);
}

static void look_at_families(struct hf_reporting *r)
{
	bool reached[2] = {false, false}, tried[2] = {false, false};
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		unsigned six = s->address.family == 6;
		if (s->away || !hf_address_set(&s->address) || s->udp == HF_REACH_NO_ROUTE)
			continue;
		tried[six] = true;
		reached[six] |= s->authoritative;
	}
	for (unsigned six = 0; six < 2; six++)
		if (tried[six] && !reached[six] && reached[!six])
			hf_report_todo(
				hf_report_add(r, HF_WEIGHT_FAULT, "one-family", NULL,
					"no server answers over IPv%d, though some have such "
					"an address: whoever has only that cannot resolve "
					"the zone",
					six ? 6 : 4),
				"ask the providers; see what their firewalls let through");
}

/* ---- versions ---- */

static void look_at_serial(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	const struct hf_outlook *look = r->look;
	char who[HF_WHO_MAX];
	if (!s->authoritative || !look->newest_known || (s->provider && s->provider->own_serials) ||
		s->soa.serial == look->newest)
		return;
	if (hf_serial_older(s->soa.serial, look->newest))
		hf_report_todo(
			hf_report_add(r, HF_WEIGHT_FAULT, "behind", s,
				"%s is behind: it serves serial %u, and %u is %s (%u further on)",
				hf_report_who(s, who), s->soa.serial, look->newest,
				look->has_source ? "published" : "served by another server",
				look->newest - s->soa.serial),
			"see whether it is notified (RFC 1996) and may transfer the zone; what it "
			"says of it itself is in its log");
	else
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "ahead", s,
				       "%s serves serial %u, and the source has only %u",
				       hf_report_who(s, who), s->soa.serial, look->newest),
			"somebody changes the zone at the provider, or the source is an old copy");
}

/* ---- records ---- */

static void say_drift(struct hf_reporting *r, const struct hf_outlook_drift *d)
{
	const struct hf_outlook_server *s = &r->look->servers[d->server];
	char who[HF_WHO_MAX], name[HF_NAME_TEXT_MAX], type[HF_TYPE_TEXT_MAX];
	char theirs[HF_SET_TEXT_MAX], ours[HF_SET_TEXT_MAX];
	const char *whose = r->look->has_source ? "the source has" : "others have";
	hf_report_who(s, who);
	hf_name_text(d->owner.bytes, name);
	if (hf_set_same(&d->theirs, &d->ours))
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "ttl-drift", s,
				       "%s %s: %s gives a TTL of %u s, %s %u s", name,
				       hf_type_text(d->type, type), who, d->theirs.ttl, whose,
				       d->ours.ttl),
			"set the record anew at the provider; some have a least TTL of their own");
	else
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "drift", s,
				       "%s %s: %s has %s, %s %s", name, hf_type_text(d->type, type),
				       who, hf_set_text(&d->theirs, theirs), whose,
				       hf_set_text(&d->ours, ours)),
			"publish the zone there again, and let nobody change it by hand");
}

static void look_at_records(struct hf_reporting *r)
{
	char who[HF_WHO_MAX];
	for (size_t i = 0; i < r->look->drift_count; i++)
		say_drift(r, &r->look->drifts[i]);
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (s->drifted > HF_OUTLOOK_DRIFTS)
			hf_report_add(r, HF_WEIGHT_FAULT, "drift", s,
				"%s: %zu further sets of records are other than they should be",
				hf_report_who(s, who), s->drifted - HF_OUTLOOK_DRIFTS);
		if (s->transfer_why[0])
			hf_report_add(r, HF_WEIGHT_NOTE, "transfer", s,
				"%s gave no transfer (%s): %zu sets of records were asked for "
				"instead",
				hf_report_who(s, who), s->transfer_why, s->sets);
	}
}

void hf_report_servers(struct hf_reporting *r)
{
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (s->away)
			continue;
		look_at_reach(r, s);
		look_at_serial(r, s);
	}
	look_at_families(r);
	if (!r->look->without) /* else what differs is said where nobody is left who has it */
		look_at_records(r);
}
