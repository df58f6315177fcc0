/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/rules.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "zone/place.h"

struct hf_zone_rules {
	struct hf_hash_key key;
	const struct hf_tsig_key *keys;
	size_t key_count;
	unsigned labels_most; /* of any zone's name */
	size_t mask;          /* places, a power of two, less one */
	uint32_t *places;     /* 1 + index of a rule; 0: empty */
	const struct hf_zone_group_conf *groups;
	size_t group_count;
	size_t zone_count;
	struct hf_zone_rule rules[]; /* of zones, and behind them of groups */
};

/* What a zone says of a key: which one, and whether it is asked for but cannot be had. */
static void find_key(const struct hf_zone_rules_conf *conf, const char *name,
	const struct hf_tsig_key **ret, bool *ret_locked)
{
	if (!name || strcmp(name, "none") == 0)
		return;
	*ret = conf->find_key(conf->ctx, name);
	*ret_locked = !*ret;
}

static size_t place_of(const struct hf_zone_rules *rules, const uint8_t *name, size_t len)
{
	size_t at = hf_hash(&rules->key, 0, name, len) & rules->mask;
	for (; rules->places[at]; at = (at + 1) & rules->mask) {
		const struct hf_name *zone = &rules->rules[rules->places[at] - 1].conf->name;
		if (zone->len == len && memcmp(zone->bytes, name, len) == 0)
			break;
	}
	return at;
}

static void fill_rule(const struct hf_zone_rules_conf *conf, const struct hf_zone_conf *zone,
	struct hf_zone_rule *rule)
{
	rule->conf = zone;
	find_key(conf, zone->key, &rule->notify_key, &rule->notify_locked);
	find_key(conf, zone->transfer_key, &rule->transfer_key, &rule->transfer_locked);
}

static void fill(struct hf_zone_rules *rules, const struct hf_zone_rules_conf *conf)
{
	for (size_t i = 0; i < rules->group_count; i++)
		fill_rule(conf, &rules->groups[i].zone, &rules->rules[rules->zone_count + i]);
	for (size_t i = 0; i < rules->zone_count; i++) {
		const struct hf_zone_conf *zone = &conf->zones->zones[i];
		fill_rule(conf, zone, &rules->rules[i]);
		unsigned labels = hf_name_labels(zone->name.bytes);
		if (labels > rules->labels_most)
			rules->labels_most = labels;
		rules->places[place_of(rules, zone->name.bytes, zone->name.len)] = (uint32_t)i + 1;
	}
}

int hf_zone_rules_new(const struct hf_zone_rules_conf *conf, struct hf_zone_rules **ret)
{
	size_t count = conf->zones->zone_count, groups = conf->zones->group_count, places = 8;
	while (places < 2 * count)
		places *= 2;
	struct hf_zone_rules *rules =
		calloc(1, sizeof *rules + (count + groups) * sizeof rules->rules[0]);
	if (!rules)
		return -ENOMEM;
	rules->places = calloc(places, sizeof *rules->places);
	if (!rules->places) {
		free(rules);
		return -ENOMEM;
	}
	rules->mask = places - 1;
	rules->zone_count = count;
	rules->groups = conf->zones->groups;
	rules->group_count = groups;
	rules->key = *conf->hash_key;
	rules->keys = conf->keys;
	rules->key_count = conf->key_count;
	fill(rules, conf);
	*ret = rules;
	return 0;
}

void hf_zone_rules_free(struct hf_zone_rules *rules)
{
	if (!rules)
		return;
	free(rules->places);
	free(rules);
}

const struct hf_zone_rule *hf_zone_rules_find(
	const struct hf_zone_rules *rules, const struct hf_name *zone)
{
	uint32_t found = rules ? rules->places[place_of(rules, zone->bytes, zone->len)] : 0;
	return found ? &rules->rules[found - 1] : NULL;
}

const struct hf_zone_rule *hf_zone_rules_of_group(const struct hf_zone_rules *rules, uint64_t group)
{
	for (size_t i = 0; rules && group && i < rules->group_count; i++)
		if (rules->groups[i].key == group)
			return &rules->rules[rules->zone_count + i];
	return NULL;
}

const struct hf_zone_rule *hf_zone_rules_over(
	const struct hf_zone_rules *rules, const struct hf_name *name)
{
	const uint8_t *at = name->bytes;
	if (!rules)
		return NULL;
	unsigned labels = hf_name_labels(at);
	for (; labels > rules->labels_most; labels--)
		at = hf_name_parent(at);
	for (;; at = hf_name_parent(at)) {
		size_t len = (size_t)(name->bytes + name->len - at);
		uint32_t found = rules->places[place_of(rules, at, len)];
		if (found)
			return &rules->rules[found - 1];
		if (!*at)
			return NULL;
	}
}

const struct hf_tsig_key *hf_zone_rules_keys(const struct hf_zone_rules *rules, size_t *ret_count)
{
	*ret_count = rules->key_count;
	return rules->keys;
}

static bool same_host(const struct hf_address *a, const struct hf_address *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

bool hf_zone_rule_notify(const struct hf_zone_rule *rule, const struct hf_address *peer)
{
	const struct hf_zone_conf *conf = rule->conf;
	for (size_t i = 0; i < conf->primaries.count; i++) {
		struct hf_place place;
		if (hf_place_parse(conf->primaries.items[i], &place) == 0 &&
			same_host(&place.address, peer))
			return true;
	}
	return hf_prefix_find(conf->allow_notify.items, conf->allow_notify.count, peer) != NULL;
}

bool hf_zone_rule_transfer(const struct hf_zone_rule *rule, const struct hf_address *peer)
{
	const struct hf_prefix_list *allow = &rule->conf->allow_transfer;
	return hf_prefix_find(allow->items, allow->count, peer) != NULL;
}

static const struct hf_tsig_key *no_key(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

int hf_zone_rules_of_names(const struct hf_zones_conf *zones, struct hf_zone_rules **ret)
{
	static const struct hf_hash_key hash_key = {0}; /* names of the operator's own */
	const struct hf_zone_rules_conf conf = {
		.zones = zones, .hash_key = &hash_key, .find_key = no_key};
	return hf_zone_rules_new(&conf, ret);
}
