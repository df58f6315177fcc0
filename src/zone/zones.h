/* SPDX-License-Identifier: GPL-3.0-or-later */
/* zones.h - all zones that are served, as workers see them: one immutable set.
 *
 * Story: whoever looks after the zones (authority/) makes a new set whenever a zone has a
 * new version or a new standing, and hands it to the workers, as a plan is handed over. A
 * question belongs to the longest zone that its name lies at or below. What the standing
 * says is all that a worker knows of serials, witnesses and transfers.
 * Ownership: a set is counted, and holds a reference on each of its zones and journals.
 * Threads: immutable; find, ref and unref from any. */
#ifndef HF_ZONE_ZONES_H
#define HF_ZONE_ZONES_H

#include "zone/snapshot.h"

struct hf_journal;

enum hf_zone_standing {
	HF_ZONE_SERVED,
	HF_ZONE_MARKED,   /* served, though not proven: `ede` goes with each answer */
	HF_ZONE_WITHHELD, /* SERVFAIL with `ede` */
	HF_ZONE_DROPPED,  /* no reply at all: by policy, so that clients turn to a sibling */
};

#define HF_ZONES_WHY_MAX 80

struct hf_zones_entry {
	struct hf_name origin; /* lowered */
	struct hf_zone *zone;  /* NULL: there is none yet; never with SERVED or MARKED */
	struct hf_journal *journal; /* what has led to this version (zone/journal.h), or NULL */
	enum hf_zone_standing standing;
	int32_t ede;                /* or HF_EDE_NONE */
	char why[HF_ZONES_WHY_MAX]; /* the extended error's text: "not proven to be current" */
};

struct hf_zones;

/* Entries are copied, references taken. Origins differ. -ENOMEM. */
int hf_zones_new(const struct hf_zones_entry *entries, size_t count, struct hf_zones **ret);

struct hf_zones *hf_zones_ref(struct hf_zones *zones);
void hf_zones_unref(struct hf_zones *zones); /* NULL is fine */

/* The entry of the longest zone at or above the (lowered) name, or NULL. A question for DS
 * at a zone's own apex belongs to the zone above it (RFC 4035 3.1.4.1), if that is here. */
const struct hf_zones_entry *hf_zones_find(
	const struct hf_zones *zones, const struct hf_name *name, uint16_t type);

size_t hf_zones_count(const struct hf_zones *zones);
const struct hf_zones_entry *hf_zones_at(const struct hf_zones *zones, size_t i);

#endif
