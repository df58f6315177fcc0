/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Faults that no value has by itself: loops, doubles, things nobody uses. */
#include "face/config_rows.h"

#include <errno.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/nearest.h"
#include "zone/twins.h"

/* Where the value stood, or the place of its entry or section, if it was
 * given at all. */
uint32_t hf_place_of(
	const struct hf_reading *r, enum hf_section_id id, size_t entry, const char *key_name)
{
	const struct hf_section *section = &hf_sections[id];
	size_t keys = hf_section_keys(section);
	for (size_t i = 0; i < keys; i++) {
		uint32_t at = r->origins->of[id].keys[entry * keys + i];
		if (strcmp(hf_section_key(section, i).row->name, key_name) == 0 &&
			at != HF_ORIGIN_DEFAULT)
			return at;
	}
	uint32_t at = r->origins->of[id].entries[entry];
	at = at == HF_ORIGIN_DEFAULT ? r->origins->of[id].section : at;
	return at == HF_ORIGIN_DEFAULT ? 0 : at;
}

/* ---- listen ---- */

static bool is_wildcard(const struct hf_address *a)
{
	static const uint8_t zeros[16];
	return memcmp(a->bytes, zeros, sizeof zeros) == 0;
}

static bool is_loopback(const struct hf_address *a)
{
	static const uint8_t one[16] = { [15] = 1 };
	return a->family == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, sizeof one) == 0;
}

static bool lists(const struct hf_address_list *list, const struct hf_address *upstream)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct hf_address *own = &list->items[i];
		if (hf_address_equal(own, upstream))
			return true;
		/* A wildcard takes what is sent to any address of the machine; of
		 * these only the loopback ones are known without asking it. */
		if (is_wildcard(own) && is_loopback(upstream) && own->family == upstream->family &&
			own->port == upstream->port)
			return true;
	}
	return false;
}

bool hf_listens_on(const struct hf_listen_conf *listen, const struct hf_address *upstream)
{
	return lists(&listen->dns, upstream) || lists(&listen->tls, upstream);
}

/* ---- upstreams ---- */

static void check_loops(struct hf_reading *r)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	for (size_t i = 0; i < forward->upstream_count; i++)
		if (hf_listens_on(&r->config->listen, &forward->upstreams[i].address))
			hf_complain(r->source, hf_place_of(r, HF_SECTION_UPSTREAMS, i, "address"),
				"upstream '%s' is one of our own listen addresses: "
				"questions would go round in circles",
				forward->upstreams[i].name);
}

static void warn_same_address(struct hf_reading *r)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	for (size_t i = 1; i < forward->upstream_count; i++) {
		const struct hf_upstream_conf *a = &forward->upstreams[i], *b;
		for (b = forward->upstreams; b < a; b++)
			if (b->channel == a->channel && hf_address_equal(&a->address, &b->address))
				break;
		if (b < a)
			hf_warn(r->source, hf_place_of(r, HF_SECTION_UPSTREAMS, i, "address"),
				"upstreams '%s' and '%s' are the same server: the one cannot stand "
				"in for "
				"the other",
				b->name, a->name);
	}
}

static void warn_unused(struct hf_reading *r)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	bool used[HF_UPSTREAMS_MAX] = { false };
	for (size_t i = 0; i < forward->route_count; i++)
		for (size_t j = 0; j < forward->routes[i].upstream_count; j++)
			used[forward->routes[i].upstreams[j]] = true;
	for (size_t i = 0; i < forward->upstream_count; i++)
		if (!used[i])
			hf_warn(r->source, r->origins->of[HF_SECTION_UPSTREAMS].entries[i],
				"upstream '%s' is in no route and will never be asked",
				forward->upstreams[i].name);
}

static void find_interfaces(struct hf_reading *r)
{
	struct hf_forward_conf *forward = &r->config->forward;
	for (size_t i = 0; i < forward->upstream_count; i++) {
		struct hf_upstream_conf *u = (struct hf_upstream_conf *)&forward->upstreams[i];
		struct hf_nearest nearest = hf_nearest(u->interface, strlen(u->interface));
		char quoted[HF_QUOTE_MAX];
		for (size_t n = 0; n < forward->interface_count; n++) {
			if (strcmp(forward->interfaces[n].name, u->interface) == 0)
				u->interface_at = (uint16_t)(n + 1);
			hf_nearest_offer(&nearest, forward->interfaces[n].name);
		}
		if (u->interface_at || strcmp(u->interface, "none") == 0)
			continue;
		hf_complain(r->source, hf_place_of(r, HF_SECTION_UPSTREAMS, i, "interface"),
			"'%s' is not among the interfaces%s%s%s",
			hf_quote(u->interface, strlen(u->interface), quoted),
			nearest.best ? "; did you mean '" : "", nearest.best ? nearest.best : "",
			nearest.best ? "'?" : "");
	}
}

/* ---- cache ---- */

void hf_check_names(
	struct hf_reading *r, const struct hf_text_list *texts, uint32_t at, const char *label)
{
	char quoted[HF_QUOTE_MAX];
	struct hf_name name;
	for (size_t i = 0; i < texts->count; i++)
		if (hf_name_from_text(texts->items[i], strlen(texts->items[i]), &name))
			hf_complain(r->source, at, "'%s' in %s is no domain name",
				hf_quote(texts->items[i], strlen(texts->items[i]), quoted), label);
}

/* ---- forward ---- */

struct zone_at {
	const struct hf_name *zone;
	uint32_t at;
};

static int compare_zones(const void *a, const void *b)
{
	const struct zone_at *x = a, *y = b;
	if (x->zone->len != y->zone->len)
		return x->zone->len < y->zone->len ? -1 : 1;
	int order = memcmp(x->zone->bytes, y->zone->bytes, x->zone->len);
	return order ? order : x->at < y->at ? -1 : x->at > y->at;
}

static void check_zones(struct hf_reading *r)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	char text[HF_NAME_TEXT_MAX], quoted[HF_QUOTE_MAX];
	size_t n = 0;
	struct zone_at *zones = hf_arena_get(r->scratch, forward->route_count * sizeof *zones);
	if (!zones) {
		r->failed = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < forward->route_count; i++)
		if (forward->routes[i].zone.len) /* 0: it could not be read */
			zones[n++] = (struct zone_at){&forward->routes[i].zone,
				hf_place_of(r, HF_SECTION_FORWARD, i, "zone")};
	qsort(zones, n, sizeof *zones, compare_zones);
	for (size_t i = 1; i < n && !hf_source_hopeless(r->source); i++) {
		if (zones[i].zone->len != zones[i - 1].zone->len ||
			memcmp(zones[i].zone->bytes, zones[i - 1].zone->bytes, zones[i].zone->len) != 0)
			continue;
		hf_name_text(zones[i].zone->bytes, text);
		hf_complain(r->source, zones[i].at, "zone '%s' has two routes, the first on line %u",
			hf_quote(text, strlen(text), quoted),
			hf_source_line(r->source, zones[i - 1].at));
	}
}

/* Programs are run without a shell, so nobody looks along a PATH. */
static void check_program(struct hf_reading *r, const struct hf_text_list *program, const char *key)
{
	char quoted[HF_QUOTE_MAX];
	if (!program->count)
		return;
	if (program->items[0][0] == '/') {
		if (access(program->items[0], X_OK) < 0) /* it may come with the next package */
			hf_warn(r->source, hf_place_of(r, HF_SECTION_READY, 0, key),
				"%s in ready.%s cannot be run: %s",
				hf_quote(program->items[0], strlen(program->items[0]), quoted), key,
				hf_strerror(-errno));
		return;
	}
	hf_complain(r->source, hf_place_of(r, HF_SECTION_READY, 0, key),
		"'%s' in ready.%s is no program: its path must begin with '/'",
		hf_quote(program->items[0], strlen(program->items[0]), quoted), key);
}

void hf_check_ready(struct hf_reading *r)
{
	check_program(r, &r->config->ready.on_ready, "on-ready");
	check_program(r, &r->config->ready.on_withdraw, "on-withdraw");
}

static void check_siblings(struct hf_reading *r)
{
	const struct hf_address_list *servers = &r->config->siblings.servers;
	uint32_t at = hf_place_of(r, HF_SECTION_SIBLINGS, 0, "servers");
	char text[HF_ADDRESS_TEXT_MAX];
	if (servers->count > HF_TWINS_MAX)
		hf_complain(r->source, at, "siblings.servers has more than %d addresses", HF_TWINS_MAX);
	for (size_t i = 0; i < servers->count && i < HF_TWINS_MAX; i++)
		if (hf_listens_on(&r->config->listen, &servers->items[i]))
			hf_complain(r->source, at, "sibling %s is one of our own listen addresses",
				hf_address_text(&servers->items[i], text));
}

void hf_check_all(struct hf_reading *r)
{
	bool own_upstreams = r->origins->of[HF_SECTION_UPSTREAMS].section != HF_ORIGIN_DEFAULT;
	unsigned errors = r->source->errors;
	/* A list with a fault in it is shorter than what was meant. */
	if (!errors)
		hf_check_listen(r);
	if (own_upstreams)
		check_loops(r);
	if (!errors)
		find_interfaces(r);
	check_zones(r);
	hf_check_names(r, &r->config->cache.keep_warm,
		hf_place_of(r, HF_SECTION_CACHE, 0, "keep-warm"), "keep-warm");
	if (!errors)
		hf_check_expectations(r);
	if (!errors)
		hf_check_tombstones(r);
	hf_check_startup(r);
	if (!errors)
		hf_check_zones(r);
	if (!errors && !r->source->errors)
		hf_check_local(r);
	hf_check_ready(r);
	if (!errors)
		check_siblings(r);
	hf_check_providers(r);
	if (r->source->errors == 0 && !r->failed)
		hf_check_enough(r);
	if (own_upstreams && r->source->errors == 0) {
		warn_same_address(r);
		warn_unused(r);
	}
}
