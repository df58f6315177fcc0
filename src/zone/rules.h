/* SPDX-License-Identifier: GPL-3.0-or-later */
/* rules.h - what the configuration says of zones, found by name; and who may do what.
 *
 * Story: workers answer from a set of zones (zone/zones.h) that changes with every version;
 * this changes with the configuration only. Here stands who may say that there is a new
 * version, who may have the zone, and which keys they must sign with; and whether a name
 * belongs to any zone at all, so that no other part answers for it.
 * Ownership: the configuration and the keys outlive it.
 * Threads: immutable.
 * At the bound: HF_ZONES_MAX zones; one probe or so for each label of a name. HF_ZONE_GROUPS_MAX
 * groups of members of catalogs, which are looked through. */
#ifndef HF_ZONE_RULES_H
#define HF_ZONE_RULES_H

#include "base/hash.h"
#include "zone/tsig.h"
#include "zone/zone_conf.h"

struct hf_zone_rules;

struct hf_zone_rule {
	const struct hf_zone_conf *conf;
	/* NULL: none has to be used, or (locked) the one that has to be cannot be read. */
	const struct hf_tsig_key *notify_key, *transfer_key;
	bool notify_locked, transfer_locked;
};

struct hf_zone_rules_conf {
	const struct hf_zones_conf *zones;
	const struct hf_hash_key *hash_key; /* kept as a copy */
	/* All keys that could be read; and the one of that name as the configuration has it. */
	const struct hf_tsig_key *keys;
	size_t key_count;
	const struct hf_tsig_key *(*find_key)(void *ctx, const char *name);
	void *ctx;
};

/* -ENOMEM. */
int hf_zone_rules_new(const struct hf_zone_rules_conf *conf, struct hf_zone_rules **ret);
/* Only of their names, without any key. -ENOMEM. */
int hf_zone_rules_of_names(const struct hf_zones_conf *zones, struct hf_zone_rules **ret);
void hf_zone_rules_free(struct hf_zone_rules *rules); /* NULL is fine */

/* The zone of this (lowered) name, or NULL. The rules may be NULL. */
const struct hf_zone_rule *hf_zone_rules_find(
	const struct hf_zone_rules *rules, const struct hf_name *zone);

/* What the configuration says of members of a group: by hf_zone_group_key; NULL: nothing, or
 * nothing any more. */
const struct hf_zone_rule *hf_zone_rules_of_group(
	const struct hf_zone_rules *rules, uint64_t group);

/* The longest zone that the (lowered) name lies at or below, or NULL. The rules may be NULL. */
const struct hf_zone_rule *hf_zone_rules_over(
	const struct hf_zone_rules *rules, const struct hf_name *name);
static inline bool hf_zone_rules_cover(
	const struct hf_zone_rules *rules, const struct hf_name *name)
{
	return hf_zone_rules_over(rules, name) != NULL;
}

/* Every key that a request may be signed with. */
const struct hf_tsig_key *hf_zone_rules_keys(const struct hf_zone_rules *rules, size_t *ret_count);

/* By address: may this peer say that the zone has a new version; have it? */
bool hf_zone_rule_notify(const struct hf_zone_rule *rule, const struct hf_address *peer);
bool hf_zone_rule_transfer(const struct hf_zone_rule *rule, const struct hf_address *peer);

#endif
