/* SPDX-License-Identifier: GPL-3.0-or-later */
/* The keys that are more than their own text: an upstream's address, a route's
 * zone and its upstreams. */
#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "transport/trust.h"

/* ---- upstreams: address ---- */

#define ADDRESS_TAKES "an address such as 192.0.2.53, \"[2001:db8::1]:5353\" or tls://192.0.2.53"
#define SCHEMES "use udp:// (the default), tcp:// or tls://"

static const struct {
	const char *prefix;
	int channel; /* enum hf_channel, or -1: known, but not in this version */
} schemes[] = {
	{ "udp://", HF_CHANNEL_UDP },
	{ "tcp://", HF_CHANNEL_TCP },
	{ "tls://", HF_CHANNEL_TLS },
	{ "https://", -1 },
	{ "quic://", -1 },
};

/* Takes "tcp://" off. Returns what is left, or NULL after a complaint. */
static const char *take_scheme(struct hf_reading *r, const struct hf_node *node, int *ret_channel)
{
	char quoted[HF_QUOTE_MAX];
	*ret_channel = HF_CHANNEL_UDP;
	const char *end = strstr(node->text, "://");
	if (!end)
		return node->text;
	size_t len = (size_t)(end - node->text) + 3;
	for (size_t i = 0; i < HF_COUNT_OF(schemes); i++) {
		if (strlen(schemes[i].prefix) != len || memcmp(schemes[i].prefix, node->text, len) != 0)
			continue;
		*ret_channel = schemes[i].channel;
		if (schemes[i].channel >= 0)
			return node->text + len;
		hf_complain(r->source, node->at,
			"%s is not in this version: " SCHEMES, schemes[i].prefix);
		return NULL;
	}
	hf_complain(r->source, node->at, "'%s' is not known: " SCHEMES,
		hf_quote(node->text, len, quoted));
	return NULL;
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i])
			return false;
	return true;
}

/* Addresses that no single server can have. */
static bool is_nobody(const struct hf_address *a)
{
	if (all_zero(a->bytes, sizeof a->bytes))
		return true;
	return a->family == 4 ? a->bytes[0] >= 224 : a->bytes[0] == 0xff;
}

static uint16_t default_port(int channel)
{
	return channel == HF_CHANNEL_TLS ? HF_TLS_PORT : HF_DNS_PORT;
}

static void read_address(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_upstream_conf *upstream = entry;
	struct hf_address address;
	char quoted[HF_QUOTE_MAX];
	int channel;
	if (!hf_expect_word(r, node, ADDRESS_TAKES))
		return;
	const char *text = take_scheme(r, node, &channel);
	if (!text)
		return;
	hf_quote(node->text, node->len, quoted);
	if (hf_address_parse(text, default_port(channel), &address)) {
		hf_complain(r->source, node->at, "'%s' is no address (write 192.0.2.53, "
			"\"[2001:db8::1]:5353\" or tls://192.0.2.53; host names are not looked up)", quoted);
		return;
	}
	if (!address.port)
		hf_complain(r->source, node->at, "'%s': nobody can be asked on port 0", quoted);
	else if (is_nobody(&address))
		hf_complain(r->source, node->at, "'%s' is not the address of one server", quoted);
	upstream->address = address;
	upstream->channel = (enum hf_channel)channel;
}

static const char *text_of_address(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	(void)config;
	(void)i;
	const struct hf_upstream_conf *upstream = entry;
	char address[HF_ADDRESS_TEXT_MAX];
	static const char *const prefixes[] = {
		[HF_CHANNEL_UDP] = "", [HF_CHANNEL_TCP] = "tcp://", [HF_CHANNEL_TLS] = "tls://"};
	snprintf(buf, HF_NAME_TEXT_MAX, "%s%s", prefixes[upstream->channel],
		hf_address_text(&upstream->address, address));
	return buf;
}

const struct hf_own_key hf_upstream_own_keys[] = {
	{ .row = { .name = "address", .live = true,
		.help = "Where it is asked: over UDP, and over TCP what does not fit; `tcp://` asks over "
			"TCP always, `tls://` over TLS always and never in plain text. Port 53 "
			"where none is given, 853 for `tls://`. Host names are not looked up." },
	  .takes = ADDRESS_TAKES, .pattern = "^((udp|tcp|tls)://)?[\\[\\]0-9A-Fa-f.:%]+$",
	  .read = read_address, .text = text_of_address },
	{ .row = { .name = NULL } },
};

/* One bound above another: the complaint stands at the key that was given, the
 * first of the two if both were. */
static uint32_t first_of_two(
	enum hf_section_id id, const uint32_t *origins, const char *one, const char *other)
{
	const struct hf_section *section = &hf_sections[id];
	uint32_t at = HF_ORIGIN_DEFAULT;
	for (size_t i = 0; i < hf_section_keys(section); i++) {
		const char *name = hf_section_key(section, i).row->name;
		if ((strcmp(name, one) == 0 || strcmp(name, other) == 0) && origins[i] < at)
			at = origins[i];
	}
	return at;
}

static void check_order(struct hf_reading *r, const uint32_t *origins, const char *low_name,
	hf_us low, const char *high_name, hf_us high)
{
	char low_text[HF_NUMBER_TEXT_MAX], high_text[HF_NUMBER_TEXT_MAX];
	if (low <= high)
		return;
	hf_complain(r->source, first_of_two(HF_SECTION_UPSTREAMS, origins, low_name, high_name),
		"%s (%s) is more than %s (%s)", low_name, hf_duration_text(low, low_text),
		high_name, hf_duration_text(high, high_text));
}

/* ---- upstreams: TLS ---- */

static uint32_t origin_of(const uint32_t *origins, const char *name)
{
	const struct hf_section *section = &hf_sections[HF_SECTION_UPSTREAMS];
	for (size_t i = 0; i < hf_section_keys(section); i++)
		if (strcmp(hf_section_key(section, i).row->name, name) == 0)
			return origins[i];
	return HF_ORIGIN_DEFAULT;
}

static bool is_given(const char *text, const char *none)
{
	return strcmp(text, none) != 0;
}

/* Who writes down whom to believe, but leaves tls:// off, would be asked in plain text. */
static void check_no_tls(
	struct hf_reading *r, const struct hf_upstream_conf *u, const uint32_t *origins)
{
	const struct {
		const char *key;
		bool given;
	} keys[] = {
		{"tls-name", is_given(u->tls_name, "none")},
		{"tls-pins", u->tls_pins.count},
		{"tls-ca", is_given(u->tls_ca, "system")},
		{"tls-auth", u->tls_auth != HF_TLS_STRICT},
	};
	for (size_t i = 0; i < HF_COUNT_OF(keys); i++)
		if (keys[i].given)
			hf_complain(r->source, origin_of(origins, keys[i].key),
				"%s is for an address that begins with tls://", keys[i].key);
}

void hf_check_pins(struct hf_reading *r, const struct hf_text_list *pins, uint32_t at)
{
	char quoted[HF_QUOTE_MAX];
	struct hf_pin pin;
	if (pins->count > HF_TRUST_PINS)
		hf_complain(r->source, at, "%zu pins: more than %d are not taken",
			pins->count, HF_TRUST_PINS);
	for (size_t i = 0; i < pins->count; i++)
		if (hf_pin_parse(pins->items[i], &pin))
			hf_complain(r->source, at,
				"'%s' is no pin (write sha256/ and the 44 base64 digits of the "
				"SHA-256 of the server's public key)",
				hf_quote(pins->items[i], strlen(pins->items[i]),
					quoted));
}

void hf_check_authorities(struct hf_reading *r, const char *path, uint32_t at)
{
	struct hf_trust *trust = NULL;
	int rc = is_given(path, "system") ? hf_trust_load(path, &trust) : 0;
	if (rc == HF_ESYNTAX)
		hf_complain(
			r->source, at, "%s holds no certificate of an authority in PEM form", path);
	else if (rc)
		hf_complain(r->source, at, "%s cannot be read: %s", path, hf_strerror(rc));
	hf_trust_unref(trust);
}

void hf_check_tls_name(struct hf_reading *r, const char *text, uint32_t at)
{
	char quoted[HF_QUOTE_MAX];
	struct hf_address address;
	struct hf_name name;
	if (is_given(text, "none") && hf_address_parse(text, 0, &address) &&
		hf_name_from_text(text, strlen(text), &name))
		hf_complain(r->source, at, "'%s' is neither a host name nor an address",
			hf_quote(text, strlen(text), quoted));
}

static void check_tls(struct hf_reading *r, const struct hf_upstream_conf *u, const uint32_t *origins)
{
	bool named = is_given(u->tls_name, "none");
	hf_check_tls_name(r, u->tls_name, origin_of(origins, "tls-name"));
	hf_check_pins(r, &u->tls_pins, origin_of(origins, "tls-pins"));
	hf_check_authorities(r, u->tls_ca, origin_of(origins, "tls-ca"));
	if (!named && !u->tls_pins.count && u->tls_auth == HF_TLS_STRICT)
		hf_complain(r->source, origin_of(origins, "address"),
			"how is this server to be known? Write the name that its certificate is for "
			"(tls-name: dns.example), or its key (tls-pins: [sha256/...]), or believe "
			"anybody (tls-auth: opportunistic)");
}

void hf_upstream_check(struct hf_reading *r, const void *entry, const uint32_t *origins)
{
	const struct hf_upstream_conf *u = entry;
	check_order(r, origins, "timeout-min", u->timeout_min, "timeout-max", u->timeout_max);
	check_order(r, origins, "rest-min", u->rest_min, "rest-max", u->rest_max);
	if (u->channel == HF_CHANNEL_TLS)
		check_tls(r, u, origins);
	else
		check_no_tls(r, u, origins);
}

/* ---- forward: what a route says of its paths ---- */

/* One of the two may be the upstream's. False: that was said. */
static bool check_path_order(struct hf_reading *r, const struct hf_upstream_conf *u,
	const uint32_t *origins, const char *low_name, hf_us low, const char *high_name, hf_us high)
{
	char low_text[HF_NUMBER_TEXT_MAX], high_text[HF_NUMBER_TEXT_MAX];
	uint32_t at = first_of_two(HF_SECTION_FORWARD, origins, low_name, high_name);
	if (low <= high || at == HF_ORIGIN_DEFAULT) /* then it is the upstream's own fault */
		return true;
	hf_complain(r->source, at, "%s (%s) is more than %s (%s) for upstream '%s' on this route",
		low_name, hf_duration_text(low, low_text), high_name,
		hf_duration_text(high, high_text), u->name);
	return false;
}

/* Once for each route: the first upstream for which it is wrong will do. */
void hf_route_check(struct hf_reading *r, const void *entry, const uint32_t *origins)
{
	const struct hf_route *route = entry;
	bool good = hf_route_has_figures(route);
	for (unsigned i = 0; good && i < route->upstream_count; i++) {
		struct hf_upstream_conf u = r->config->forward.upstreams[route->upstreams[i]];
		hf_route_lay_over(route, &u);
		good = check_path_order(r, &u, origins, "timeout-min", u.timeout_min, "timeout-max",
			       u.timeout_max) &&
		       check_path_order(
			       r, &u, origins, "rest-min", u.rest_min, "rest-max", u.rest_max);
	}
}

/* ---- forward: zone ---- */

static void read_zone(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_route *route = entry;
	char quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, "a zone such as corp.example or \".\""))
		return;
	hf_quote(node->text, node->len, quoted);
	if (node->len >= 2 && memcmp(node->text, "*.", 2) == 0)
		hf_complain(r->source, node->at,
			"'%s': a zone covers all names below it; leave '*.' off", quoted);
	else if (hf_name_from_text(node->text, node->len, &route->zone))
		hf_complain(r->source, node->at,
			"'%s' is no domain name (write corp.example, or \".\" for all names)", quoted);
}

static const char *text_of_zone(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	(void)config;
	(void)i;
	return hf_name_text(((const struct hf_route *)entry)->zone.bytes, buf);
}

/* ---- forward: to ---- */

static int compare_names(const void *a, const void *b, void *upstreams)
{
	const struct hf_upstream_conf *u = upstreams;
	return strcmp(u[*(const uint16_t *)a].name, u[*(const uint16_t *)b].name);
}

/* 100,000 routes must not mean 100,000 walks over a thousand names. */
static bool sort_names(struct hf_reading *r)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	if (r->by_name)
		return true;
	uint16_t *order = hf_arena_get(r->scratch, (forward->upstream_count + 1) * sizeof *order);
	if (!order) {
		r->failed = -ENOMEM;
		return false;
	}
	for (size_t i = 0; i < forward->upstream_count; i++)
		order[i] = (uint16_t)i;
	if (forward->upstream_count)
		qsort_r(order, forward->upstream_count, sizeof *order, compare_names,
			(void *)(uintptr_t)forward->upstreams);
	r->by_name = order;
	return true;
}

static bool find_upstream(const struct hf_reading *r, const char *name, uint16_t *ret)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	size_t low = 0, high = forward->upstream_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(name, forward->upstreams[r->by_name[middle]].name);
		if (order == 0) {
			*ret = r->by_name[middle];
			return true;
		}
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return false;
}

static void complain_undefined(struct hf_reading *r, const struct hf_node *node)
{
	char quoted[HF_QUOTE_MAX];
	struct hf_nearest nearest = hf_nearest(node->text, node->len);
	if (!r->config->forward.upstream_count)
		return; /* the whole section was at fault, and that was said */
	for (size_t i = 0; i < r->config->forward.upstream_count; i++)
		hf_nearest_offer(&nearest, r->config->forward.upstreams[i].name);
	hf_quote(node->text, node->len, quoted);
	if (nearest.best)
		hf_complain(r->source, node->at, "no upstream is called '%s', did you mean '%.63s'?",
			quoted, nearest.best);
	else
		hf_complain(r->source, node->at, "no upstream is called '%s'", quoted);
}

static void read_to_item(struct hf_reading *r, const struct hf_node *node, uint16_t *upstreams,
	uint16_t *count)
{
	uint16_t index;
	char quoted[HF_QUOTE_MAX];
	if (!hf_expect_word(r, node, "the name of an upstream"))
		return;
	if (!find_upstream(r, node->text, &index)) {
		complain_undefined(r, node);
		return;
	}
	for (uint16_t i = 0; i < *count; i++) {
		if (upstreams[i] != index)
			continue;
		hf_complain(r->source, node->at, "upstream '%s' is named twice in one route",
			hf_quote(node->text, node->len, quoted));
		return;
	}
	upstreams[(*count)++] = index;
}

static void read_to(struct hf_reading *r, void *entry, const struct hf_node *node)
{
	struct hf_route *route = entry;
	uint16_t upstreams[HF_ROUTE_UPSTREAMS_MAX], count = 0;
	bool list = node->kind == HF_NODE_LIST;
	if (!list && !hf_expect_word(r, node, "names of upstreams such as [one, two]"))
		return;
	if (list && !node->count)
		hf_complain(r->source, node->at, "a route needs at least one upstream");
	if (list && node->count > HF_ROUTE_UPSTREAMS_MAX) {
		hf_complain(r->source, node->at, "%u upstreams in one route: more than %u are not taken",
			node->count, HF_ROUTE_UPSTREAMS_MAX);
		return;
	}
	if (!sort_names(r))
		return;
	for (const struct hf_node *item = list ? node->first : node; item; item = list ? item->next : NULL)
		read_to_item(r, item, upstreams, &count);
	uint16_t *copy = hf_arena_get(&r->config->arena, count * sizeof *copy);
	if (!copy) {
		r->failed = -ENOMEM;
		return;
	}
	if (count)
		memcpy(copy, upstreams, count * sizeof *copy);
	route->upstreams = copy;
	route->upstream_count = count;
}

static size_t count_to(const void *entry)
{
	return ((const struct hf_route *)entry)->upstream_count;
}

static const char *text_of_to(const struct hf_config *config, const void *entry, size_t i,
	char buf[static HF_NAME_TEXT_MAX])
{
	(void)buf;
	return config->forward.upstreams[((const struct hf_route *)entry)->upstreams[i]].name;
}

const struct hf_own_key hf_route_own_keys[] = {
	{ .row = { .name = "zone", .live = true,
		.help = "The domain whose names take this route, itself included; \".\" is all names." },
	  .takes = "a zone such as corp.example or \".\"", .read = read_zone,
	  .text = text_of_zone },
	{ .row = { .name = "to", .live = true,
		.help = "The upstreams to ask, by name, at most 64." },
	  .list = true, .max = HF_ROUTE_UPSTREAMS_MAX, .takes = "names of upstreams such as [one, two]",
	  .pattern = "^[A-Za-z0-9._-]{1,63}$", .read = read_to, .count = count_to, .text = text_of_to },
	{ .row = { .name = NULL } },
};
