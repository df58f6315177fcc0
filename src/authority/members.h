/* SPDX-License-Identifier: GPL-3.0-or-later */
/* members.h - the zones that catalogs want, and what they go by.
 *
 * Story: a catalog (zone/catalog.h) is a zone of the configuration with `catalog: yes`. Each
 * member is served as if it stood in the configuration with the catalog's own keys: its
 * primaries, its key, who may have it. A member that is a zone of the configuration is passed
 * over, and so is a catalog's own name (RFC 9432 5.2): they are served as they are, and it is
 * told. A member of a group that the configuration knows of this catalog has the keys of
 * that group instead. A catalog that cannot be read just now keeps the members that it had.
 * A member is as good as new when its unique label is another (RFC 9432 5.4).
 * Knows:   names and settings.  Never: keepers' doings, copies (authority_cast.c).
 * Ownership: a list owns its members; each points into the configuration that it is made by.
 * Threads: the authority's.
 * At the bound: `catalog-limit` members of one catalog, HF_ZONES_MAX in all; more are left
 * out, and told. */
#ifndef HF_AUTHORITY_MEMBERS_H
#define HF_AUTHORITY_MEMBERS_H

#include "zone/catalog.h"
#include "zone/rules.h"
#include "zone/zone_conf.h"

struct hf_zone_keeper;

struct hf_member {
	struct hf_zone_conf conf; /* of the zone; conf.from: its catalog's */
	uint8_t label[1 + HF_LABEL_MAX];
	char group[HF_CATALOG_GROUP_MAX]; /* known (conf.group) or not; "": none */
	struct hf_zone_keeper *keeper; /* the authority's */
	bool stays;                    /* ... in its list, while another takes its place */
};

struct hf_members {
	struct hf_member **items; /* in the order of hf_catalog_compare */
	size_t count;
};

struct hf_members_view {
	const struct hf_zones_conf *zones;
	const struct hf_zone_rules *rules; /* of all zones of the configuration */
	/* The version of a catalog that counts, or NULL. */
	const struct hf_zone *(*version)(void *ctx, const struct hf_zone_conf *catalog);
	/* A member of the catalog is passed over: why, in words. */
	void (*pass_over)(void *ctx, const struct hf_zone_conf *catalog,
		const struct hf_name *member, const char *why);
	void *ctx;
};

/* Those that are wanted, made anew, without keepers. `now`: those that there are. -ENOMEM. */
int hf_members_wanted(
	const struct hf_members_view *view, const struct hf_members *now, struct hf_members *ret);

/* The member of this name, or NULL. */
struct hf_member *hf_members_find(const struct hf_members *members, const struct hf_name *name);

/* Is it in a group of which its catalog's part of the configuration, which knows some, knows
 * nothing? */
bool hf_member_is_stray(const struct hf_member *member, const struct hf_zones_conf *zones);

/* Is it the same zone as before: under the same label? */
bool hf_member_same(const struct hf_member *a, const struct hf_member *b);

/* Frees the list, and of its members those that do not stay. */
void hf_members_clear(struct hf_members *members);

#endif
