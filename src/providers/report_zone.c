/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Of the zone as a whole: what there is only one of, timers, TTLs. */
#include "providers/report.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/number.h"
#include "wire/type.h"

#define HIGH_TOLD 4 /* TTLs in one sentence */

/* ---- one of a kind ---- */

static bool serves(const struct hf_outlook_server *s)
{
	return s->authoritative && !s->away;
}

static void look_at_providers(struct hf_reporting *r)
{
	const struct hf_provider_conf *first = NULL;
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (!serves(s) || !s->provider)
			continue;
		if (first && first != s->provider)
			return;
		first = s->provider;
	}
	if (first)
		hf_report_todo(
			hf_report_add(r, HF_WEIGHT_FAULT, "one-provider", NULL,
				"only provider %s answers for the zone: when it is dark, so is the "
				"zone",
				first->name),
			"publish the zone at a second provider, and delegate to both");
}

/* Are all addresses of the family in one network? 0: there are none, 1: yes, 2: no. */
static unsigned networks(const struct hf_outlook *look, unsigned family, struct hf_prefix *ret)
{
	unsigned octets = family == 4 ? 3 : 6, n = 0;
	for (size_t i = 0; i < look->server_count && n < 2; i++) {
		const struct hf_outlook_server *s = &look->servers[i];
		if (!serves(s) || s->address.family != family)
			continue;
		if (n && memcmp(ret->address.bytes, s->address.bytes, octets) != 0)
			return 2;
		n = 1;
		*ret = (struct hf_prefix){
			.address = {.family = (uint8_t)family}, .bits = (uint8_t)(octets * 8)};
		memcpy(ret->address.bytes, s->address.bytes, octets);
	}
	return n;
}

static void look_at_networks(struct hf_reporting *r)
{
	struct hf_prefix four, six;
	char text[HF_ADDRESS_TEXT_MAX], text6[HF_ADDRESS_TEXT_MAX];
	unsigned n4 = networks(r->look, 4, &four), n6 = networks(r->look, 6, &six);
	if (n4 == 2 || n6 == 2 || (!n4 && !n6))
		return;
	hf_report_todo(
		hf_report_add(r, HF_WEIGHT_FAULT, "one-network", NULL,
			"all servers that answer lie in %s%s%s: one route, or one cable, and "
			"nobody answers (RFC 2182)",
			n4 ? hf_prefix_text(&four, text) : "", n4 && n6 ? " and " : "",
			n6 ? hf_prefix_text(&six, text6) : ""),
		"have servers in different networks and places");
}

static const uint8_t *last_label(const struct hf_name *name)
{
	const uint8_t *at = name->bytes;
	while (at[0] && at[1 + at[0]])
		at += 1 + at[0];
	return at;
}

/* Names within the zone stand and fall with it, and have glue. */
static void look_at_domains(struct hf_reporting *r)
{
	const struct hf_name *zone = &r->look->conf->zone;
	const struct hf_name *first = NULL;
	bool domain = true, tld = true;
	char text[HF_NAME_TEXT_MAX];
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (!serves(s) || !s->name.len)
			continue;
		if (hf_name_within(s->name.bytes, s->name.len, zone->bytes, zone->len))
			return;
		if (first) {
			domain &= strcmp((const char *)hf_name_parent(first->bytes),
					  (const char *)hf_name_parent(s->name.bytes)) == 0;
			tld &= strcmp((const char *)last_label(first),
				       (const char *)last_label(&s->name)) == 0;
		}
		first = &s->name;
	}
	if (!first)
		return;
	if (domain)
		hf_report_todo(
			hf_report_add(r, HF_WEIGHT_FAULT, "one-domain", NULL,
				"the names of all servers lie in %s: when that domain expires, or "
				"its own servers are dark, nobody finds those of the zone",
				hf_name_text(hf_name_parent(first->bytes), text)),
			"have name servers under names of different domains");
	else if (tld &&
		 strcmp((const char *)last_label(first), (const char *)last_label(zone)) != 0)
		hf_report_add(r, HF_WEIGHT_NOTE, "one-domain", NULL,
			"the names of all servers lie below %s",
			hf_name_text(last_label(first), text));
}

/* ---- timers ---- */

static bool same_timers(const struct hf_zone_soa *a, const struct hf_zone_soa *b)
{
	return a->refresh == b->refresh && a->retry == b->retry && a->expire == b->expire &&
	       a->minimum == b->minimum && a->ttl == b->ttl;
}

static bool said_before(const struct hf_outlook *look, size_t at)
{
	for (size_t i = 0; i < at; i++)
		if (look->servers[i].authoritative &&
			same_timers(&look->servers[i].soa, &look->servers[at].soa))
			return true;
	return false;
}

static const char *seconds(uint32_t n, char buf[static HF_NUMBER_TEXT_MAX])
{
	return hf_duration_text(n * HF_SECOND, buf);
}

/* RFC 1912 2.2: a secondary that has lost its primary serves on for `expire`, and asks
 * every `retry` once `refresh` is over. */
static void look_at_timers(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	char who[HF_WHO_MAX], a[HF_NUMBER_TEXT_MAX], b[HF_NUMBER_TEXT_MAX], c[HF_NUMBER_TEXT_MAX];
	const struct hf_zone_soa *soa = &s->soa;
	const char *fault = NULL;
	if ((uint64_t)soa->refresh + soa->retry >= soa->expire)
		fault = "the zone expires at a secondary before it has asked twice";
	else if (soa->retry >= soa->refresh)
		fault = "a secondary asks less often when it has lost its primary";
	else if (soa->expire < 86400)
		fault = "a secondary stops answering within a day of losing its primary";
	else if (!soa->refresh || !soa->retry)
		fault = "a secondary asks without a pause";
	if (!fault)
		return;
	hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "soa-timers", s,
			       "the SOA at %s has refresh %s, retry %s, expire %s: %s",
			       hf_report_who(s, who), seconds(soa->refresh, a),
			       seconds(soa->retry, b), seconds(soa->expire, c), fault),
		"write something like refresh 1h, retry 15m, expire 14d (RFC 1912 2.2)");
}

static void look_at_negative(struct hf_reporting *r, const struct hf_outlook_server *s)
{
	uint32_t ttl = s->soa.ttl < s->soa.minimum ? s->soa.ttl : s->soa.minimum;
	char who[HF_WHO_MAX], a[HF_NUMBER_TEXT_MAX], b[HF_NUMBER_TEXT_MAX];
	if (ttl * HF_SECOND <= r->look->conf->negative_max)
		return;
	hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "negative-ttl", s,
			       "by the SOA at %s a denial is remembered for %s, longer than %s: a "
			       "name that was missing for a moment is missed for that long",
			       hf_report_who(s, who), seconds(ttl, a),
			       hf_duration_text(r->look->conf->negative_max, b)),
		"lower MINIMUM, the last number of the SOA record");
}

/* ---- TTLs ---- */

struct high {
	struct hf_writer w; /* the names that are told */
	size_t count;
	uint32_t most;
};

static void look_at_ttl(struct hf_reporting *r, struct high *high, const uint8_t *owner,
	uint16_t type, uint32_t ttl)
{
	char name[HF_NAME_TEXT_MAX], text[HF_TYPE_TEXT_MAX];
	if (ttl * HF_SECOND <= r->look->conf->change_within)
		return;
	if (high->count++ < HIGH_TOLD)
		hf_write_text(&high->w, "%s%s %s (%u s)", high->w.len ? ", " : "",
			hf_name_text(owner, name), hf_type_text(type, text), ttl);
	high->most = ttl > high->most ? ttl : high->most;
}

static void look_at_all_ttls(struct hf_reporting *r)
{
	uint8_t told[320];
	struct high high = {.w = hf_writer(told, sizeof told)};
	char most[HF_NUMBER_TEXT_MAX], wanted[HF_NUMBER_TEXT_MAX];
	struct hf_zone_set set;
	if (!r->look->conf->change_within)
		return;
	struct hf_zone_walk walk = hf_zone_walk(r->look->reference);
	while (r->look->reference && hf_zone_next(&walk, &set))
		if (set.type != HF_TYPE_RRSIG)
			look_at_ttl(r, &high, set.owner, set.type, set.ttl);
	for (size_t i = 0; i < r->look->sample_count && !r->look->reference; i++)
		if (r->look->samples[i].known && r->look->samples[i].truth.count)
			look_at_ttl(r, &high, r->look->samples[i].owner.bytes,
				r->look->samples[i].type, r->look->samples[i].truth.ttl);
	if (!high.count)
		return;
	hf_report_todo(
		hf_report_add(r, HF_WEIGHT_FAULT, "ttl-high", NULL,
			"a change takes up to %s to be seen everywhere, and should within %s: "
			"%.*s%s",
			seconds(high.most, most),
			hf_duration_text(r->look->conf->change_within, wanted), (int)high.w.len,
			(const char *)told,
			high.count > HIGH_TOLD || high.w.overrun ? " and others" : ""),
		"lower these TTLs, and wait for the old ones to pass before the change");
}

void hf_report_zone(struct hf_reporting *r)
{
	look_at_providers(r);
	look_at_networks(r);
	look_at_domains(r);
	for (size_t i = 0; i < r->look->server_count; i++) {
		if (!serves(&r->look->servers[i]) || said_before(r->look, i))
			continue;
		look_at_timers(r, &r->look->servers[i]);
		look_at_negative(r, &r->look->servers[i]);
	}
	look_at_all_ttls(r);
}
