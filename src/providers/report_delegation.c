/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What the parent says of the zone, and what the zone says of itself: NS, glue, DS, keys. */
#include "providers/report.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "providers/ds.h"

static bool same_name(const struct hf_name *a, const struct hf_name *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

static bool has_name(const struct hf_set *set, const struct hf_name *name)
{
	const uint8_t *data;
	struct hf_name other;
	size_t at = 0;
	uint16_t len;
	while (hf_set_next(set, &at, &data, &len))
		if (hf_rdata_name(data, len, &other) && same_name(&other, name))
			return true;
	return false;
}

/* Some parent that told of the delegation; they are compared with each other below. */
static const struct hf_outlook_parent *a_parent(const struct hf_outlook *look)
{
	for (size_t i = 0; i < look->parent_count; i++)
		if (look->parents[i].delegates)
			return &look->parents[i];
	return NULL;
}

/* Some server whose word counts: with authority, and not behind. */
static const struct hf_outlook_server *a_server(const struct hf_outlook *look)
{
	const struct hf_outlook_server *any = NULL;
	for (size_t i = 0; i < look->server_count; i++) {
		const struct hf_outlook_server *s = &look->servers[i];
		if (!s->ns_heard)
			continue;
		if (s->compared != HF_OUTLOOK_BEHIND)
			return s;
		any = any ? any : s;
	}
	return any;
}

/* ---- NS ---- */

static void only_in(struct hf_reporting *r, const struct hf_set *one, const struct hf_set *other,
	const char *id, const char *format, const char *todo)
{
	const uint8_t *data;
	struct hf_name name;
	char text[HF_NAME_TEXT_MAX];
	size_t at = 0;
	uint16_t len;
	while (hf_set_next(one, &at, &data, &len)) {
		if (!hf_rdata_name(data, len, &name) || has_name(other, &name))
			continue;
		struct hf_provider_finding *f = hf_report_add(r, HF_WEIGHT_FAULT, id, NULL, "%s %s",
			hf_name_text(name.bytes, text), format);
		hf_report_todo(f, "%s", todo);
	}
}

static bool is_ours(const struct hf_outlook *look, const struct hf_name *name)
{
	for (size_t i = 0; i < look->server_count; i++)
		if (look->servers[i].provider && same_name(&look->servers[i].name, name))
			return true;
	return false;
}

/* Servers that the configuration knows by address alone may be any of them. */
static bool all_named(const struct hf_outlook *look)
{
	for (size_t i = 0; i < look->server_count; i++)
		if (look->servers[i].provider && !look->servers[i].name.len)
			return false;
	return true;
}

static void look_for_strays(struct hf_reporting *r, const struct hf_set *ns)
{
	const uint8_t *data;
	struct hf_name name;
	char text[HF_NAME_TEXT_MAX];
	size_t at = 0;
	uint16_t len;
	while (all_named(r->look) && hf_set_next(ns, &at, &data, &len)) {
		if (!hf_rdata_name(data, len, &name) || is_ours(r->look, &name))
			continue;
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "ns-stray", NULL,
				       "the parent delegates to %s, which is no server of any "
				       "provider: whoever has that name answers for the zone",
				       hf_name_text(name.bytes, text)),
			"take it out of the delegation, or put it into `servers` of its provider");
	}
}

static void look_for_missing(struct hf_reporting *r, const struct hf_set *ns)
{
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		char text[HF_NAME_TEXT_MAX];
		bool said = !s->provider || !s->name.len || has_name(ns, &s->name);
		for (size_t j = 0; j < i && !said; j++) /* once for all of its addresses */
			said = same_name(&r->look->servers[j].name, &s->name);
		if (said)
			continue;
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "not-delegated", s,
				       "the parent does not delegate to %s, of provider %s: "
				       "nobody asks it",
				       hf_name_text(s->name.bytes, text), s->provider->name),
			"add it to the delegation at the registrar or the parent zone");
	}
}

static void compare_servers(struct hf_reporting *r, const struct hf_outlook_server *like)
{
	char who[HF_WHO_MAX], other[HF_WHO_MAX], theirs[HF_SET_TEXT_MAX], ours[HF_SET_TEXT_MAX];
	for (size_t i = 0; like && i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (!s->ns_heard || s->compared == HF_OUTLOOK_BEHIND ||
			hf_set_same(&s->ns, &like->ns))
			continue;
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "ns-drift", s,
				       "%s has NS records %s, and %s has %s", hf_report_who(s, who),
				       hf_set_text(&s->ns, theirs), hf_report_who(like, other),
				       hf_set_text(&like->ns, ours)),
			"publish the NS records of all providers at each of them");
	}
}

/* ---- glue ---- */

static const struct hf_outlook_host *host_of(
	const struct hf_outlook *look, const struct hf_name *name)
{
	for (size_t i = 0; i < look->host_count; i++)
		if (same_name(&look->hosts[i].name, name))
			return &look->hosts[i];
	return NULL;
}

static bool host_has(const struct hf_outlook_host *host, const struct hf_address *address)
{
	const struct hf_set *set = &host->of[address->family == 6];
	const uint8_t *data;
	struct hf_address other;
	size_t at = 0;
	uint16_t len;
	while (hf_set_next(set, &at, &data, &len))
		if (hf_rdata_address(set->type, data, len, &other) &&
			memcmp(other.bytes, address->bytes, sizeof other.bytes) == 0)
			return true;
	return false;
}

static bool has_glue(const struct hf_outlook_parent *parent, const struct hf_name *name)
{
	for (size_t i = 0; i < parent->glue_count; i++)
		if (same_name(&parent->glue[i].name, name))
			return true;
	return false;
}

static void look_at_glue(struct hf_reporting *r, const struct hf_outlook_parent *parent)
{
	char name[HF_NAME_TEXT_MAX], address[HF_ADDRESS_TEXT_MAX], set[HF_SET_TEXT_MAX];
	for (size_t i = 0; i < parent->glue_count; i++) {
		const struct hf_outlook_glue *glue = &parent->glue[i];
		const struct hf_outlook_host *host = host_of(r->look, &glue->name);
		unsigned six = glue->address.family == 6;
		if (!host || !host->heard[six] || host_has(host, &glue->address))
			continue;
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "glue-stale", NULL,
				       "the parent's glue says that %s has address %s, and the "
				       "zone has %s",
				       hf_name_text(glue->name.bytes, name),
				       hf_address_text(&glue->address, address),
				       hf_set_text(&host->of[six], set)),
			"correct the glue (host object) at the registrar or the parent zone");
	}
	for (size_t i = 0; i < r->look->host_count; i++) {
		const struct hf_outlook_host *host = &r->look->hosts[i];
		if (!has_name(&parent->ns, &host->name) || has_glue(parent, &host->name))
			continue;
		hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "glue-missing", NULL,
				       "the parent gives no address of %s, which lies in the zone "
				       "itself: nobody can find it",
				       hf_name_text(host->name.bytes, name)),
			"add glue (a host object) at the registrar or the parent zone");
	}
}

/* ---- DS and keys ---- */

static bool is_zone_key(const uint8_t *data, uint16_t len)
{
	return len > 4 && data[0] & 1; /* RFC 4034 2.1.1 */
}

static enum hf_ds_match match(const struct hf_outlook *look, const struct hf_set *keys,
	const uint8_t *ds, uint16_t ds_len)
{
	enum hf_ds_match best = HF_DS_OTHER;
	const uint8_t *key;
	size_t at = 0;
	uint16_t len;
	while (hf_set_next(keys, &at, &key, &len) && best != HF_DS_MATCHES) {
		if (!is_zone_key(key, len))
			continue;
		enum hf_ds_match m = hf_ds_matches(&look->conf->zone, key, len, ds, ds_len);
		best = m == HF_DS_OTHER ? best : m;
	}
	return best;
}

/* Of the DS records, with a sentence's list of their tags. */
static enum hf_ds_match match_any(const struct hf_outlook *look, const struct hf_set *ds,
	const struct hf_set *keys, char tags[static 64])
{
	enum hf_ds_match best = HF_DS_OTHER;
	const uint8_t *data;
	size_t at = 0, n = 0;
	uint16_t len;
	tags[0] = '\0';
	while (hf_set_next(ds, &at, &data, &len)) {
		enum hf_ds_match m = match(look, keys, data, len);
		best = m == HF_DS_MATCHES || best == HF_DS_OTHER ? m : best;
		if (len >= 2 && n + 8 < 64)
			n += (size_t)snprintf(
				tags + n, 64 - n, "%s%u", n ? ", " : "", hf_get_u16(data));
	}
	return best;
}

static void look_at_ds(struct hf_reporting *r, const struct hf_outlook_parent *parent)
{
	char who[HF_WHO_MAX], tags[64];
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (!s->keys_heard || !parent->ds.count)
			continue;
		if (!s->keys.count)
			hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "ds-without-key", s,
					       "the parent has a DS record, and %s serves the zone "
					       "without "
					       "a key: whoever validates gets SERVFAIL from there",
					       hf_report_who(s, who)),
				"sign the zone there, or take the DS record out of the parent and "
				"wait for its TTL");
		else if (match_any(r->look, &parent->ds, &s->keys, tags) == HF_DS_OTHER)
			hf_report_todo(hf_report_add(r, HF_WEIGHT_FAULT, "ds-mismatch", s,
					       "none of the parent's DS records (key tag %s) is of "
					       "a key that %s has: whoever validates gets SERVFAIL "
					       "from there",
					       tags, hf_report_who(s, who)),
				"put the DS record of the key that signs the zone into the parent; "
				"with two providers that both sign, those of both (RFC 8901)");
	}
}

static void look_at_keys(struct hf_reporting *r, const struct hf_outlook_parent *parent)
{
	const struct hf_outlook_server *like = NULL;
	char who[HF_WHO_MAX], other[HF_WHO_MAX];
	for (size_t i = 0; i < r->look->server_count; i++) {
		const struct hf_outlook_server *s = &r->look->servers[i];
		if (!s->keys_heard || s->compared == HF_OUTLOOK_BEHIND)
			continue;
		if (like && !hf_set_same(&like->keys, &s->keys))
			hf_report_todo(
				hf_report_add(r, HF_WEIGHT_FAULT, "key-drift", s,
					"%s has %u DNSKEY records, and not the same as %s with %u: "
					"what one has signed does not validate with the keys of "
					"the other",
					hf_report_who(s, who), s->keys.count,
					hf_report_who(like, other), like->keys.count),
				"publish the keys of all providers at each of them (RFC 8901)");
		like = like ? like : s;
	}
	if (like && like->keys.count && parent->ds_heard && !parent->ds.count)
		hf_report_add(r, HF_WEIGHT_NOTE, "unsigned-delegation", NULL,
			"the zone is signed, and the parent has no DS record: nobody validates it");
}

/* ---- the whole ---- */

static void say_silent_parents(struct hf_reporting *r)
{
	char address[HF_ADDRESS_TEXT_MAX];
	for (size_t i = 0; i < r->look->parent_count; i++) {
		const struct hf_outlook_parent *p = &r->look->parents[i];
		if (p->delegates || p->reach == HF_REACH_NO_ROUTE || p->reach == HF_REACH_UNTRIED)
			continue;
		hf_report_todo(
			hf_report_add(r, HF_WEIGHT_UNASKED, "parent-unasked", NULL,
				"the parent's server %s %s", hf_address_text(&p->address, address),
				p->reach == HF_REACH_ANSWERS ? "knows of no delegation of the zone"
							     : hf_reach_text(p->reach)),
			"see `parents` of the delegation");
	}
	if (!r->look->parent_count)
		hf_report_todo(
			hf_report_add(r, HF_WEIGHT_UNASKED, "parent-unasked", NULL,
				"no server of the parent zone was found, so nothing is known "
				"of the delegation"),
			"name some in `parents` of the delegation");
}

void hf_report_delegation(struct hf_reporting *r)
{
	const struct hf_outlook_parent *parent = a_parent(r->look);
	const struct hf_outlook_server *server = a_server(r->look);
	say_silent_parents(r);
	compare_servers(r, server);
	if (!parent)
		return;
	look_for_missing(r, &parent->ns);
	look_for_strays(r, &parent->ns);
	if (server) {
		only_in(r, &parent->ns, &server->ns, "ns-only-parent",
			"is among the parent's NS records, and not among the zone's own",
			"add it to the zone, or take it out of the delegation");
		only_in(r, &server->ns, &parent->ns, "ns-only-child",
			"is among the zone's own NS records, and not among the parent's",
			"add it to the delegation, or take it out of the zone");
	}
	look_at_glue(r, parent);
	look_at_ds(r, parent);
	look_at_keys(r, parent);
}
