/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Zones that are served with authority: the name of one, and what is wrong with them
 * together. */
#include <libgen.h>
#include <limits.h>
#include <sys/stat.h>
#include <unistd.h>

#include "authority/keys.h"
#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "face/config_rows.h"
#include "zone/gate.h"
#include "zone/place.h"
#include "zone/url.h"

#define NAME_TAKES "a zone such as corp.example"

static void read_name(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_zone_conf *zone = entry;
	char quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, NAME_TAKES))
		return;
	if (hf_name_from_text(node->text, node->len, &zone->name))
		hf_complain(r->source, node->at, "'%s' is no domain name (write corp.example)",
			hf_quote(node->text, node->len, quoted));
}

static const char *text_of_name(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	(void)config;
	(void)i;
	return hf_name_text(((const struct hf_zone_conf *)entry)->name.bytes, buf);
}

const struct hf_own_key hf_zone_own_keys[] = {
	{ .row = { .name = "name", .live = true,
		.help = "The name of the zone, at which its SOA record is." },
	  .takes = NAME_TAKES, .read = read_name, .text = text_of_name },
	{ .row = { .name = NULL } },
};

/* ---- keys ---- */

static uint32_t at_key(const struct hf_reading *r, size_t i, const char *key)
{
	return hf_place_of(r, HF_SECTION_KEYS, i, key);
}

static void check_key(struct hf_reading *r, size_t i)
{
	const struct hf_key_conf *key = &r->config->zones.keys[i];
	uint8_t secret[HF_KEY_SECRET_MAX];
	char why[HF_KEY_WHY_MAX], quoted[HF_QUOTE_MAX];
	struct hf_name name;
	size_t len;
	if (hf_name_from_text(key->name, strlen(key->name), &name))
		hf_complain(r->source, r->origins->of[HF_SECTION_KEYS].entries[i],
			"'%s' is no domain name, which the name of a key must be",
			hf_quote(key->name, strlen(key->name), quoted));
	if (strcmp(key->secret_file, "none") == 0)
		hf_complain(r->source, at_key(r, i, "secret-file"),
			"a key needs its secret: give secret-file");
	else if (!hf_key_read(key, secret, &len, why))
		hf_complain(r->source, at_key(r, i, "secret-file"), "%s", why);
	explicit_bzero(secret, sizeof secret);
}

void hf_check_key(struct hf_reading *r, uint32_t at, const char *name)
{
	const struct hf_zones_conf *zones = &r->config->zones;
	struct hf_nearest nearest = hf_nearest(name, strlen(name));
	char quoted[HF_QUOTE_MAX];
	if (strcmp(name, "none") == 0)
		return;
	for (size_t i = 0; i < zones->key_count; i++)
		if (strcmp(zones->keys[i].name, name) == 0)
			return;
	for (size_t i = 0; i < zones->key_count; i++)
		hf_nearest_offer(&nearest, zones->keys[i].name);
	hf_complain(r->source, at,
		"'%s' is not among the keys%s%s%s", hf_quote(name, strlen(name), quoted),
		nearest.best ? "; did you mean '" : "", nearest.best ? nearest.best : "",
		nearest.best ? "'?" : "");
}

/* ---- servers that take updates ---- */

static void check_update_server(struct hf_reading *r, size_t i)
{
	const struct hf_update_server_conf *server = &r->config->zones.update_servers[i];
	uint32_t at = hf_place_of(r, HF_SECTION_UPDATE_SERVERS, i, "address");
	hf_check_key(r, hf_place_of(r, HF_SECTION_UPDATE_SERVERS, i, "key"), server->key);
	if (!hf_address_set(&server->address) || !server->address.port)
		hf_complain(r->source, at, "update server '%.63s' needs an address such as 10.0.1.1",
			server->name);
	else if (hf_listens_on(&r->config->listen, &server->address))
		hf_complain(r->source, at,
			"the address of update server '%.63s' is one of our own listen addresses",
			server->name);
}

static void check_update_name(struct hf_reading *r, uint32_t at, const char *name)
{
	const struct hf_zones_conf *zones = &r->config->zones;
	struct hf_nearest nearest = hf_nearest(name, strlen(name));
	char quoted[HF_QUOTE_MAX];
	for (size_t i = 0; i < zones->update_server_count; i++)
		if (strcmp(zones->update_servers[i].name, name) == 0)
			return;
	for (size_t i = 0; i < zones->update_server_count; i++)
		hf_nearest_offer(&nearest, zones->update_servers[i].name);
	hf_complain(r->source, at, "'%s' is not among the update-servers%s%s%s",
		hf_quote(name, strlen(name), quoted), nearest.best ? "; did you mean '" : "",
		nearest.best ? nearest.best : "", nearest.best ? "'?" : "");
}

/* ---- one zone ---- */

/* An entry of `zones`, or one of `catalog-groups` with what it has from there. */
struct checked {
	const struct hf_zone_conf *zone;
	enum hf_section_id section;
	size_t entry;
};

static uint32_t at_zone(const struct hf_reading *r, const struct checked *c, const char *key)
{
	return hf_place_of(r, c->section, c->entry, key);
}

static bool is_given(const char *text)
{
	return strcmp(text, "none") != 0;
}

static void check_source(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	int sources = is_given(zone->file) + (zone->primaries.count > 0) + is_given(zone->url);
	if (sources == 0)
		hf_complain(r->source, at_zone(r, c, "name"),
			"where does this zone come from? Give file, primaries or url");
	else if (sources > 1)
		hf_complain(r->source, at_zone(r, c, is_given(zone->file) ? "file" : "url"),
			"a zone has one source: file, primaries or url");
	else if (is_given(zone->file) && access(zone->file, R_OK) < 0)
		hf_complain(r->source, at_zone(r, c, "file"), "%s cannot be read: %s", zone->file,
			hf_strerror(-errno));
}

static void check_bounds(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	char low[HF_NUMBER_TEXT_MAX], high[HF_NUMBER_TEXT_MAX];
	if (zone->refresh_min > zone->refresh_max)
		hf_complain(r->source, at_zone(r, c, "refresh-min"),
			"refresh-min (%s) is more than refresh-max (%s)",
			hf_duration_text(zone->refresh_min, low),
			hf_duration_text(zone->refresh_max, high));
	if (zone->primaries.count + zone->published.count > HF_GATE_WITNESSES_MAX)
		hf_complain(r->source, at_zone(r, c, "published"),
			"%zu primaries and other witnesses: more than %d are not taken",
			zone->primaries.count + zone->published.count, HF_GATE_WITNESSES_MAX);
}

/* kinds: bits, 1 << enum hf_place_kind. */
static void check_places(struct hf_reading *r, const struct checked *c, const char *key,
	const struct hf_text_list *texts, unsigned kinds, const char *takes)
{
	char quoted[HF_QUOTE_MAX];
	struct hf_place place;
	for (size_t t = 0; t < texts->count; t++) {
		const char *text = texts->items[t];
		hf_quote(text, strlen(text), quoted);
		if (hf_place_parse(text, &place))
			hf_complain(r->source, at_zone(r, c, key), "'%s' in %s is not %s", quoted,
				key, takes);
		else if (!(kinds & 1u << place.kind))
			hf_complain(r->source, at_zone(r, c, key),
				"'%s' cannot be in %s: expected %s", quoted, key, takes);
		else if (hf_address_set(&place.address) &&
			 hf_listens_on(&r->config->listen, &place.address))
			hf_complain(r->source, at_zone(r, c, key),
				"'%s' in %s is one of our own listen addresses", quoted, key);
	}
}

static bool any_tls(const struct hf_text_list *texts)
{
	struct hf_place place;
	for (size_t i = 0; i < texts->count; i++)
		if (hf_place_parse(texts->items[i], &place) == 0 && place.kind == HF_PLACE_TLS)
			return true;
	return false;
}

/* Who writes down whom to believe, but leaves tls:// off, would be asked in plain text. */
static void check_no_tls(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	const struct {
		const char *key;
		bool given;
	} keys[] = {
		{"tls-name", is_given(zone->tls_name)},
		{"tls-pins", zone->tls_pins.count},
		{"tls-ca", strcmp(zone->tls_ca, "system") != 0},
	};
	for (size_t k = 0; k < HF_COUNT_OF(keys); k++)
		if (keys[k].given)
			hf_complain(r->source, at_zone(r, c, keys[k].key),
				"%s is for an address that begins with tls://", keys[k].key);
}

static void check_tls(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	const char *key = any_tls(&zone->primaries) ? "primaries" : "published";
	if (!any_tls(&zone->primaries) && !any_tls(&zone->published)) {
		check_no_tls(r, c);
		return;
	}
	hf_check_tls_name(r, zone->tls_name, at_zone(r, c, "tls-name"));
	hf_check_pins(r, &zone->tls_pins, at_zone(r, c, "tls-pins"));
	if (is_given(zone->tls_name))
		hf_check_authorities(r, zone->tls_ca, at_zone(r, c, "tls-ca"));
	else if (!zone->tls_pins.count)
		hf_complain(r->source, at_zone(r, c, key),
			"how is a tls:// server to be known? Write the name that its certificate "
			"is "
			"for (tls-name: ns.example), or its key (tls-pins: [sha256/...])");
}

/* ---- URLs ---- */

/* `exempt`: http:// is no harm, since what it gives is held against what is safe. */
static void check_url(struct hf_reading *r, const struct checked *c, const char *key,
	const char *text, bool exempt)
{
	const struct hf_zone_conf *zone = c->zone;
	struct hf_address addresses[HF_URL_ADDRESSES_MAX];
	char quoted[HF_QUOTE_MAX];
	struct hf_url url;
	hf_quote(text, strlen(text), quoted);
	if (hf_url_parse(text, &url))
		hf_complain(r->source, at_zone(r, c, key),
			"'%s' is no URL that %s could be (write https://store.example/corp.zone)",
			quoted, key);
	else if (!url.tls && !hf_url_is_loopback(&url) && !exempt)
		hf_complain(r->source, at_zone(r, c, key),
			"'%s': over http:// anybody on the way can put in another answer. Write "
			"https://%s",
			quoted, strcmp(key, "url") == 0 ? ", or give url-digest" : "");
	else if (!hf_url_addresses(&url, &zone->url_address, addresses))
		hf_complain(r->source, at_zone(r, c, key),
			"where is '%s'? Its name is not looked up: write url-address: [%s=ADDRESS]",
			url.host, url.host);
}

static void check_no_url(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	const struct {
		const char *key;
		bool given;
	} keys[] = {
		{"url-address", zone->url_address.count},
		{"url-ca", strcmp(zone->url_ca, "system") != 0},
		{"url-pins", zone->url_pins.count},
		{"url-token-file", is_given(zone->url_token_file)},
	};
	for (size_t k = 0; k < HF_COUNT_OF(keys); k++)
		if (keys[k].given)
			hf_complain(r->source, at_zone(r, c, keys[k].key),
				"%s is for a URL, in url or published", keys[k].key);
}

static void check_addresses(struct hf_reading *r, const struct checked *c)
{
	const struct hf_text_list *list = &c->zone->url_address;
	char host[HF_URL_HOST_MAX], quoted[HF_QUOTE_MAX];
	struct hf_address address;
	for (size_t a = 0; a < list->count; a++)
		if (hf_url_address_parse(list->items[a], host, &address))
			hf_complain(r->source, at_zone(r, c, "url-address"),
				"'%s' is neither an address such as 10.0.0.5 nor "
				"store.example=10.0.0.5",
				hf_quote(list->items[a], strlen(list->items[a]), quoted));
}

static void check_token(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	char token[HF_TOKEN_MAX], why[HF_KEY_WHY_MAX];
	if (is_given(zone->url_token_file) &&
		!hf_token_read(zone->url_token_file, token, sizeof token, why))
		hf_complain(r->source, at_zone(r, c, "url-token-file"), "%s", why);
	explicit_bzero(token, sizeof token);
}

static void check_urls(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	bool digest = is_given(zone->url_digest);
	if (digest && !is_given(zone->url))
		hf_complain(r->source, at_zone(r, c, "url-digest"),
			"url-digest is for a zone with url");
	if (!hf_zone_conf_has_url(zone)) {
		check_no_url(r, c);
		return;
	}
	check_addresses(r, c);
	if (is_given(zone->url))
		check_url(r, c, "url", zone->url, digest);
	if (digest)
		check_url(r, c, "url-digest", zone->url_digest, false);
	for (size_t p = 0; p < zone->published.count; p++)
		if (strncmp(zone->published.items[p], "http", 4) == 0)
			check_url(r, c, "published", zone->published.items[p], false);
	hf_check_pins(r, &zone->url_pins, at_zone(r, c, "url-pins"));
	if (strcmp(zone->url_ca, "system") != 0)
		hf_check_authorities(r, zone->url_ca, at_zone(r, c, "url-ca"));
	check_token(r, c);
}

/* A TXT record may be asked of the primaries; a zone from a file has none. */
static void check_txt(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	struct hf_place place;
	for (size_t t = 0; t < zone->published.count && !zone->primaries.count; t++)
		if (hf_place_parse(zone->published.items[t], &place) == 0 &&
			place.kind == HF_PLACE_TXT && !hf_address_set(&place.address))
			hf_complain(r->source, at_zone(r, c, "published"),
				"who is to be asked for a txt: name? Write txt:NAME@ADDRESS");
}

static void check_updates(struct hf_reading *r, const struct checked *c)
{
	const struct hf_text_list *updates = &c->zone->updates;
	uint32_t at = at_zone(r, c, "updates");
	if (updates->count > HF_ZONE_UPDATES_MAX)
		hf_complain(r->source, at, "%zu update servers: more than %d are not taken",
			updates->count, HF_ZONE_UPDATES_MAX);
	for (size_t u = 0; u < updates->count; u++) {
		check_update_name(r, at, updates->items[u]);
		for (size_t v = 0; v < u; v++)
			if (strcmp(updates->items[u], updates->items[v]) == 0)
				hf_complain(r->source, at, "'%.63s' stands in updates twice",
					updates->items[u]);
	}
}

static void check_catalog(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	if (zone->catalog && (is_given(zone->file) || is_given(zone->url)))
		hf_complain(r->source, at_zone(r, c, "catalog"),
			"a catalog needs primaries: its members come from them, too");
}

/* All but where the zone itself is from. */
static void check_rest(struct hf_reading *r, const struct checked *c)
{
	const struct hf_zone_conf *zone = c->zone;
	check_bounds(r, c);
	check_places(r, c, "primaries", &zone->primaries, 1u << HF_PLACE_DNS | 1u << HF_PLACE_TLS,
		"an address such as 10.0.0.10 or tls://10.0.0.11 (host names are not looked up)");
	check_places(r, c, "published", &zone->published,
		1u << HF_PLACE_DNS | 1u << HF_PLACE_TLS | 1u << HF_PLACE_TXT | 1u << HF_PLACE_URL,
		"an address such as 10.0.0.10 or tls://10.0.0.11, txt:NAME or https://HOST/PATH");
	check_tls(r, c);
	check_urls(r, c);
	check_txt(r, c);
	check_places(
		r, c, "notify", &zone->notify, 1u << HF_PLACE_DNS, "an address such as 10.0.0.20");
	check_updates(r, c);
	hf_check_key(r, at_zone(r, c, "key"), zone->key);
	hf_check_key(r, at_zone(r, c, "transfer-key"), zone->transfer_key);
}

static void check_zone(struct hf_reading *r, size_t i)
{
	const struct checked c = {&r->config->zones.zones[i], HF_SECTION_ZONES, i};
	check_catalog(r, &c);
	check_source(r, &c);
	check_rest(r, &c);
}

/* ---- groups of a catalog's members ---- */

#define CATALOG_TAKES "the name of a zone that is a catalog"
#define GROUP_TAKES "a group such as fast"

static bool is_group(const char *text, size_t len)
{
	bool good = len > 0 && len <= HF_ZONE_GROUP_MAX;
	for (size_t i = 0; good && i < len; i++)
		good = text[i] > ' ' && text[i] < 0x7f && text[i] != '?';
	return good;
}

static void read_group(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_zone_group_conf *group = entry;
	char quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, GROUP_TAKES))
		return;
	if (!is_group(node->text, node->len))
		hf_complain(r->source, node->at,
			"'%s' is no group that could be told apart: write 1 to %d visible ASCII "
			"characters, without '?'",
			hf_quote(node->text, node->len, quoted), HF_ZONE_GROUP_MAX);
	group->group = hf_arena_text(&r->config->arena, node->text, node->len);
	if (!group->group)
		r->failed = -ENOMEM;
}

static const char *text_of_group(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	(void)config;
	(void)i;
	(void)buf;
	return ((const struct hf_zone_group_conf *)entry)->group;
}

const struct hf_own_key hf_group_own_keys[] = {
	{.row = {.name = "catalog",
		 .live = true,
		 .help = "The catalog, one of `zones:`, whose members these are."},
		.takes = CATALOG_TAKES,
		.read = read_name,
		.text = text_of_name},
	{.row = {.name = "group",
		 .live = true,
		 .help = "The group that the catalog lists them with (RFC 9432 section 4.3.2)."},
		.takes = GROUP_TAKES,
		.read = read_group,
		.text = text_of_group},
	{.row = {.name = NULL}},
};

static int compare_names(const struct hf_name *x, const struct hf_name *y)
{
	if (x->len != y->len)
		return x->len < y->len ? -1 : 1;
	return memcmp(x->bytes, y->bytes, x->len);
}

/* The number of its catalog among the zones; their number after a complaint. */
static size_t catalog_of(struct hf_reading *r, size_t i)
{
	const struct hf_zones_conf *zones = &r->config->zones;
	const struct hf_name *name = &zones->groups[i].zone.name;
	char text[HF_NAME_TEXT_MAX], quoted[HF_QUOTE_MAX];
	size_t found = 0;
	while (found < zones->zone_count &&
		(!zones->zones[found].catalog || compare_names(&zones->zones[found].name, name)))
		found++;
	hf_name_text(name->bytes, text);
	if (found == zones->zone_count)
		hf_complain(r->source, hf_place_of(r, HF_SECTION_CATALOG_GROUPS, i, "catalog"),
			"'%s' is not among the zones, or has no catalog: yes",
			hf_quote(text, strlen(text), quoted));
	return found;
}

static size_t size_of(const struct hf_option *row)
{
	_Static_assert(sizeof(struct hf_text_list) == sizeof(struct hf_prefix_list) &&
			       sizeof(struct hf_text_list) == sizeof(struct hf_address_list),
		"a list is a list");
	return hf_option_is_list(row) ? sizeof(struct hf_text_list) : hf_option_item_size(row);
}

static uint32_t origin_of_row(const struct hf_reading *r, size_t zone, const struct hf_option *row)
{
	const struct hf_section *section = &hf_sections[HF_SECTION_ZONES];
	size_t keys = hf_section_keys(section), k = 0;
	while (k < keys && hf_section_key(section, k).row != row)
		k++;
	return k < keys ? r->origins->of[HF_SECTION_ZONES].keys[zone * keys + k]
			: HF_ORIGIN_DEFAULT; /* `catalog` and `group`, which are always given */
}

/* What the group does not say stands where it stands for the catalog. */
static void inherit(struct hf_reading *r, size_t i, size_t from)
{
	struct hf_zone_group_conf *group = (void *)(uintptr_t)&r->config->zones.groups[i];
	const char *catalog = (const char *)&r->config->zones.zones[from];
	const struct hf_section *section = &hf_sections[HF_SECTION_CATALOG_GROUPS];
	size_t keys = hf_section_keys(section);
	for (size_t k = 0; k < HF_ZONE_SOURCE_ROWS; k++)
		memcpy((char *)&group->zone + hf_zone_options[k].at,
			catalog + hf_zone_options[k].at, size_of(&hf_zone_options[k]));
	for (size_t k = 0; k < keys; k++) {
		const struct hf_option *row = hf_section_key(section, k).row;
		uint32_t *origin = &r->origins->of[HF_SECTION_CATALOG_GROUPS].keys[i * keys + k];
		if (*origin != HF_ORIGIN_DEFAULT)
			continue;
		memcpy((char *)&group->zone + row->at, catalog + row->at, size_of(row));
		*origin = origin_of_row(r, from, row);
	}
	group->key = hf_zone_group_key(&group->zone.name, group->group);
}

static bool is_new(struct hf_reading *r, size_t i)
{
	const struct hf_zone_group_conf *groups = r->config->zones.groups;
	uint32_t at = hf_place_of(r, HF_SECTION_CATALOG_GROUPS, i, "group");
	char quoted[HF_QUOTE_MAX];
	for (size_t k = 0; k < i; k++) {
		if (strcmp(groups[k].group, groups[i].group) != 0 ||
			compare_names(&groups[k].zone.name, &groups[i].zone.name))
			continue;
		hf_complain(r->source, at,
			"group '%s' of this catalog is given twice, first on line %u",
			hf_quote(groups[i].group, strlen(groups[i].group), quoted),
			hf_source_line(
				r->source, hf_place_of(r, HF_SECTION_CATALOG_GROUPS, k, "group")));
		return false;
	}
	return true;
}

/* What is wrong with the catalog has been said there. */
static void check_group(struct hf_reading *r, size_t i, const bool *sound)
{
	const struct hf_zone_conf *zone = &r->config->zones.groups[i].zone;
	const struct checked c = {zone, HF_SECTION_CATALOG_GROUPS, i};
	bool alone = is_new(r, i);
	size_t from = catalog_of(r, i);
	if (from == r->config->zones.zone_count || !alone || !sound[from])
		return;
	inherit(r, i, from);
	if (!zone->primaries.count)
		hf_complain(r->source, at_zone(r, &c, "primaries"),
			"where do these members come from? Give primaries");
	check_rest(r, &c);
}

/* ---- together ---- */

struct name_at {
	const struct hf_name *name;
	uint32_t at;
};

static int compare(const void *a, const void *b)
{
	const struct name_at *x = a, *y = b;
	int order = compare_names(x->name, y->name);
	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static void check_twice(struct hf_reading *r)
{
	const struct hf_zones_conf *zones = &r->config->zones;
	char text[HF_NAME_TEXT_MAX], quoted[HF_QUOTE_MAX];
	struct name_at *names = hf_arena_get(r->scratch, zones->zone_count * sizeof *names);
	if (!names) {
		r->failed = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < zones->zone_count; i++)
		names[i] = (struct name_at){
			&zones->zones[i].name, hf_place_of(r, HF_SECTION_ZONES, i, "name")};
	qsort(names, zones->zone_count, sizeof *names, compare);
	for (size_t i = 1; i < zones->zone_count && !hf_source_hopeless(r->source); i++) {
		if (names[i].name->len != names[i - 1].name->len ||
			memcmp(names[i].name->bytes, names[i - 1].name->bytes, names[i].name->len) != 0)
			continue;
		hf_name_text(names[i].name->bytes, text);
		hf_complain(r->source, names[i].at, "zone '%s' is given twice, first on line %u",
			hf_quote(text, strlen(text), quoted),
			hf_source_line(r->source, names[i - 1].at));
	}
}

/* Whoever serves may be another user than we are: a word, and no fault. A directory that is not
 * there is made in the one above it, as copies are (authority/copy.c). */
static void check_state(struct hf_reading *r)
{
	const char *state = r->config->process.zone_state;
	uint32_t at = hf_place_of(r, HF_SECTION_TOP, 0, "zone-state");
	char above[PATH_MAX];
	struct stat is;
	if (!is_given(state))
		return;
	snprintf(above, sizeof above, "%s", state);
	if (stat(state, &is) == 0 && !S_ISDIR(is.st_mode))
		hf_warn(r->source, at, "%s is no directory: no copy of a zone outlives a restart",
			state);
	else if (access(state, R_OK | W_OK | X_OK) == 0)
		return;
	else if (errno != ENOENT)
		hf_warn(r->source, at,
			"%s cannot be written to: %s; no copy of a zone outlives a restart", state,
			hf_strerror(-errno));
	else if (access(dirname(above), W_OK | X_OK) < 0)
		hf_warn(r->source, at,
			"%s is not there and cannot be made: %s; no copy of a zone outlives a "
			"restart",
			state, hf_strerror(-errno));
}

static void check_each(struct hf_reading *r)
{
	const struct hf_zones_conf *zones = &r->config->zones;
	bool *sound = hf_arena_get(r->scratch, zones->zone_count * sizeof *sound + 1);
	if (!sound) {
		r->failed = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < zones->zone_count && !hf_source_hopeless(r->source); i++) {
		unsigned errors = r->source->errors;
		check_zone(r, i);
		sound[i] = r->source->errors == errors;
	}
	for (size_t i = 0; i < zones->group_count && !hf_source_hopeless(r->source); i++)
		check_group(r, i, sound);
}

void hf_check_zones(struct hf_reading *r)
{
	for (size_t i = 0; i < r->config->zones.key_count; i++)
		check_key(r, i);
	for (size_t i = 0; i < r->config->zones.update_server_count; i++)
		check_update_server(r, i);
	check_each(r);
	if (r->config->zones.zone_count)
		check_state(r);
	check_twice(r);
}
