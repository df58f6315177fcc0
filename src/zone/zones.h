/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones.h - all zones that are served, as workers see them: one immutable set.
 *
 * Story: whoever looks after the zones (authority/) makes a new set whenever a zone has a
 * new version or a new standing, and hands it to the workers, as a plan is handed over. A
 * question belongs to the longest zone that its name lies at or below. What the standing
 * says is all that a worker knows of serials, witnesses and transfers.
 * A name that lies in none of them may have local data (zone/local.h), in one of two layers:
 * what an engineer wrote down, and behind that hosts files.
 * Ownership: a set is counted, and holds a reference on each of its zones and journals.
 * Threads: immutable; find, ref and unref from any. */
#ifndef HF_ZONE_ZONES_H
#define HF_ZONE_ZONES_H

#include "zone/snapshot.h"

struct hf_journal;
struct hf_local;

enum hf_zone_standing {
	HF_ZONE_SERVED,
	HF_ZONE_MARKED,   /* served, though not proven: `ede` goes with each answer */
	HF_ZONE_WITHHELD, /* SERVFAIL with `ede` */
	HF_ZONE_DROPPED,  /* no reply at all: by policy, so that clients turn to a sibling */
};

enum hf_zones_role {
	HF_ZONES_PLAIN,
	HF_ZONES_CATALOG, /* for those who may transfer it, and for nobody else */
	HF_ZONES_MEMBER,  /* of a catalog, by whose rules it goes, or by those of its group */
};

#define HF_ZONES_WHY_MAX 80

struct hf_zones_entry {
	struct hf_name origin; /* lowered */
	struct hf_zone *zone;  /* NULL: there is none yet; never with SERVED or MARKED */
	struct hf_journal *journal; /* what has led to this version (zone/journal.h), or NULL */
	const struct hf_local *local; /* it is no zone but this layer; then the origin is "." */
	enum hf_zones_role role;
	uint32_t catalog; /* MEMBER: its place in the set */
	uint64_t group; /* MEMBER: of a group that has rules of its own (hf_zone_group_key); or 0 */
	enum hf_zone_standing standing;
	int32_t ede;                /* or HF_EDE_NONE */
	char why[HF_ZONES_WHY_MAX]; /* the extended error's text: "not proven to be current" */
};

struct hf_zones;

/* Entries are copied, references taken. Origins differ. -ENOMEM. */
int hf_zones_new(const struct hf_zones_entry *entries, size_t count, struct hf_zones **ret);

/* The same, with layers of local data, each of which may be NULL; the first goes before. */
#define HF_ZONES_LAYERS 2
int hf_zones_new_layered(const struct hf_zones_entry *entries, size_t count,
	struct hf_local *const layers[HF_ZONES_LAYERS], struct hf_zones **ret);

struct hf_zones *hf_zones_ref(struct hf_zones *zones);
void hf_zones_unref(struct hf_zones *zones); /* NULL is fine */

/* The entry of the longest zone at or above the (lowered) name; else that of the first layer
 * that holds it; else NULL. A question for DS at a zone's own apex belongs to the zone above
 * it (RFC 4035 3.1.4.1), if that is here. */
const struct hf_zones_entry *hf_zones_find(
	const struct hf_zones *zones, const struct hf_name *name, uint16_t type);

/* The zone of the configuration by whose rules (zone/rules.h) the entry goes. */
const struct hf_name *hf_zones_rule_name(
	const struct hf_zones *zones, const struct hf_zones_entry *entry);

/* Is the name answered from local data? `zones` may be NULL. */
bool hf_zones_is_local(const struct hf_zones *zones, const struct hf_name *name);

/* Where the local data stands that the name is answered from: "hosts: /etc/hosts, line 7".
 * Else *ret is "". */
void hf_zones_local_where(
	const struct hf_zones *zones, const struct hf_name *name, char *ret, size_t size);

/* Do both answer for the same names? `a` may be NULL. */
bool hf_zones_same_names(const struct hf_zones *a, const struct hf_zones *b);

/* The layer, or NULL. */
const struct hf_local *hf_zones_layer(const struct hf_zones *zones, size_t i);

#endif
