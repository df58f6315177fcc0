/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Providers and delegations: the zone of one, and what is wrong with them together. */
#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "providers/report.h"

#define ZONE_TAKES "a zone such as corp.example"

static void read_zone(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_delegation_conf *delegation = entry;
	char quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, ZONE_TAKES))
		return;
	if (hf_name_from_text(node->text, node->len, &delegation->zone) ||
		delegation->zone.len <= 1)
		hf_complain(r->source, node->at,
			"'%s' is no zone that somebody delegates (write " ZONE_TAKES ")",
			hf_quote(node->text, node->len, quoted));
}

static const char *text_of_zone(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	(void)config, (void)i;
	return hf_name_text(((const struct hf_delegation_conf *)entry)->zone.bytes, buf);
}

const struct hf_own_key hf_delegation_own_keys[] = {
	{.row = {.name = "zone",
		 .live = true,
		 .help = "The zone, which the servers of the providers serve with authority."},
		.takes = ZONE_TAKES,
		.read = read_zone,
		.text = text_of_zone},
	{.row = {.name = NULL}},
};

/* ---- together ---- */

static void check_servers(struct hf_reading *r, size_t i)
{
	const struct hf_provider_conf *p = &r->config->providers.providers[i];
	uint32_t at = hf_place_of(r, HF_SECTION_PROVIDERS, i, "servers");
	char quoted[HF_QUOTE_MAX];
	struct hf_address address;
	struct hf_name name;
	hf_check_key(r, hf_place_of(r, HF_SECTION_PROVIDERS, i, "key"), p->key);
	if (!p->servers.count)
		hf_complain(r->source, at, "provider '%.63s' has no servers", p->name);
	for (size_t s = 0; s < p->servers.count; s++)
		if (hf_provider_server_read(p->servers.items[s], &name, &address))
			hf_complain(r->source, at,
				"'%s' in servers is no server (write ns1.example, 192.0.2.1 or "
				"ns1.example@192.0.2.1:53)",
				hf_quote(p->servers.items[s], strlen(p->servers.items[s]), quoted));
}

static void check_named(struct hf_reading *r, size_t i, const char *text)
{
	const struct hf_providers_conf *conf = &r->config->providers;
	struct hf_nearest nearest = hf_nearest(text, strlen(text));
	char quoted[HF_QUOTE_MAX];
	for (size_t p = 0; p < conf->provider_count; p++) {
		if (strcmp(conf->providers[p].name, text) == 0)
			return;
		hf_nearest_offer(&nearest, conf->providers[p].name);
	}
	hf_quote(text, strlen(text), quoted);
	hf_complain(r->source, hf_place_of(r, HF_SECTION_DELEGATIONS, i, "providers"),
		"no provider is called '%s'%s%s%s", quoted, nearest.best ? ", did you mean '" : "",
		nearest.best ? nearest.best : "", nearest.best ? "'?" : "");
}

static void check_accepted(struct hf_reading *r, size_t i, const char *text)
{
	struct hf_nearest nearest = hf_nearest(text, strlen(text));
	char quoted[HF_QUOTE_MAX];
	for (const char *const *id = hf_finding_ids; *id; id++) {
		if (strcmp(*id, text) == 0)
			return;
		hf_nearest_offer(&nearest, *id);
	}
	hf_quote(text, strlen(text), quoted);
	hf_complain(r->source, hf_place_of(r, HF_SECTION_DELEGATIONS, i, "accept"),
		"no finding is called '%s'%s%s%s", quoted, nearest.best ? ", did you mean '" : "",
		nearest.best ? nearest.best : "", nearest.best ? "'?" : "");
}

static void check_name(struct hf_reading *r, size_t i, const char *text)
{
	const struct hf_name *zone = &r->config->providers.delegations[i].zone;
	char quoted[HF_QUOTE_MAX];
	struct hf_name name;
	if (!zone->len || (!hf_name_from_text(text, strlen(text), &name) &&
				  hf_name_within(name.bytes, name.len, zone->bytes, zone->len)))
		return;
	hf_complain(r->source, hf_place_of(r, HF_SECTION_DELEGATIONS, i, "names"),
		"'%s' in names is no name of this zone", hf_quote(text, strlen(text), quoted));
}

static void check_delegation(struct hf_reading *r, size_t i)
{
	const struct hf_delegation_conf *d = &r->config->providers.delegations[i];
	enum hf_source_kind kind;
	struct hf_address address;
	char quoted[HF_QUOTE_MAX];
	for (size_t n = 0; n < d->providers.count; n++)
		check_named(r, i, d->providers.items[n]);
	for (size_t n = 0; n < d->names.count; n++)
		check_name(r, i, d->names.items[n]);
	for (size_t n = 0; n < d->accept.count; n++)
		check_accepted(r, i, d->accept.items[n]);
	hf_check_key(r, hf_place_of(r, HF_SECTION_DELEGATIONS, i, "source-key"), d->source_key);
	if (hf_source_read(d->source, &kind, &address))
		hf_complain(r->source, hf_place_of(r, HF_SECTION_DELEGATIONS, i, "source"),
			"'%s' is no source (write auto, none, an address, or a file's path with a "
			"'/' in it)",
			hf_quote(d->source, strlen(d->source), quoted));
	for (size_t other = 0; other < i && d->zone.len; other++)
		if (r->config->providers.delegations[other].zone.len == d->zone.len &&
			memcmp(r->config->providers.delegations[other].zone.bytes, d->zone.bytes,
				d->zone.len) == 0)
			hf_complain(r->source, hf_place_of(r, HF_SECTION_DELEGATIONS, i, "zone"),
				"this zone has two delegations, the first on line %u",
				hf_source_line(r->source,
					hf_place_of(r, HF_SECTION_DELEGATIONS, other, "zone")));
}

void hf_check_providers(struct hf_reading *r)
{
	const struct hf_providers_conf *conf = &r->config->providers;
	/* A list with a fault in it is shorter than what was meant. */
	if (r->source->errors)
		return;
	for (size_t i = 0; i < conf->provider_count && !hf_source_hopeless(r->source); i++)
		check_servers(r, i);
	for (size_t i = 0; i < conf->delegation_count && !hf_source_hopeless(r->source); i++)
		check_delegation(r, i);
	if (conf->delegation_count && !conf->provider_count)
		hf_complain(r->source, hf_place_of(r, HF_SECTION_DELEGATIONS, 0, "zone"),
			"a delegation needs `providers:`, and there are none");
}
