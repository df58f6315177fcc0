/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/members.h"

#include <stdlib.h>
#include <string.h>

#include "base/error.h"

struct wanting {
	const struct hf_members_view *view;
	const struct hf_members *now;
	const struct hf_zone_conf **catalogs; /* by number */
	struct hf_name *names;                /* of them */
	struct hf_catalog *lists;
	size_t catalog_count;
	struct hf_catalog_claim *claims; /* in the order of members' names */
	size_t claim_count;
};

/* ---- lists ---- */

struct hf_member *hf_members_find(const struct hf_members *members, const struct hf_name *name)
{
	size_t low = 0, high = members->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = hf_catalog_compare(name, &members->items[middle]->conf.name);
		if (order == 0)
			return members->items[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static bool is_from(const struct hf_member *member, const struct hf_name *catalog)
{
	return hf_catalog_compare(&member->conf.from->name, catalog) == 0;
}

bool hf_member_is_stray(const struct hf_member *member, const struct hf_zones_conf *zones)
{
	bool stray = false;
	for (size_t i = 0; member->group[0] && !member->conf.group && i < zones->group_count; i++)
		stray |= is_from(member, &zones->groups[i].zone.name);
	return stray;
}

bool hf_member_same(const struct hf_member *a, const struct hf_member *b)
{
	return memcmp(a->label, b->label, 1 + (size_t)*a->label) == 0;
}

void hf_members_clear(struct hf_members *members)
{
	for (size_t i = 0; i < members->count; i++)
		if (!members->items[i]->stays)
			free(members->items[i]);
	free(members->items);
	*members = (struct hf_members){NULL, 0};
}

/* ---- what catalogs say ---- */

/* The list that a catalog had, for one that says nothing now. */
static int list_before(const struct wanting *w, const struct hf_name *name, struct hf_catalog *ret)
{
	ret->members = calloc(w->now->count + 1, sizeof *ret->members);
	if (!ret->members)
		return -ENOMEM;
	for (size_t i = 0; i < w->now->count; i++) {
		const struct hf_member *member = w->now->items[i];
		if (!is_from(member, name))
			continue;
		struct hf_catalog_member *copy = &ret->members[ret->count++];
		copy->name = member->conf.name;
		memcpy(copy->label, member->label, sizeof copy->label);
		memcpy(copy->group, member->group, sizeof copy->group);
	}
	return 0;
}

/* The groups of this catalog that the configuration knows; room for all of them. */
static size_t known_groups(
	const struct hf_zones_conf *zones, const struct hf_name *catalog, const char **ret)
{
	size_t count = 0;
	for (size_t i = 0; i < zones->group_count; i++)
		if (hf_catalog_compare(&zones->groups[i].zone.name, catalog) == 0)
			ret[count++] = zones->groups[i].group;
	return count;
}

static int read_list(
	const struct wanting *w, const struct hf_zone_conf *conf, struct hf_catalog *ret)
{
	const struct hf_zone *zone = w->view->version(w->view->ctx, conf);
	const char *known[HF_ZONE_GROUPS_MAX];
	char why[HF_CATALOG_WHY_MAX];
	const struct hf_catalog_bounds bounds = {.most = conf->catalog_limit,
		.groups = {known, known_groups(w->view->zones, &conf->name, known)}};
	int rc = zone ? hf_catalog_read(zone, &bounds, why, ret) : HF_EMALFORMED;
	return rc == HF_EMALFORMED ? list_before(w, &conf->name, ret) : rc;
}

static size_t count_catalogs(const struct hf_zones_conf *zones)
{
	size_t count = 0;
	for (size_t i = 0; i < zones->zone_count; i++)
		count += zones->zones[i].catalog;
	return count;
}

static int read_catalogs(struct wanting *w)
{
	const struct hf_zones_conf *zones = w->view->zones;
	size_t most = count_catalogs(zones) + 1;
	w->catalogs = calloc(most, sizeof(void *));
	w->names = calloc(most, sizeof *w->names);
	w->lists = calloc(most, sizeof *w->lists);
	int rc = w->catalogs && w->names && w->lists ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < zones->zone_count; i++) {
		if (!zones->zones[i].catalog)
			continue;
		size_t n = w->catalog_count++;
		w->catalogs[n] = &zones->zones[i];
		w->names[n] = zones->zones[i].name;
		rc = read_list(w, w->catalogs[n], &w->lists[n]);
		w->claim_count += rc ? 0 : w->lists[n].count;
	}
	return rc;
}

static int compare_claims(const void *a, const void *b)
{
	const struct hf_catalog_claim *x = a, *y = b;
	int order = hf_catalog_compare(&x->member->name, &y->member->name);
	return order ? order : x->catalog < y->catalog ? -1 : x->catalog > y->catalog;
}

static int gather_claims(struct wanting *w)
{
	size_t count = 0;
	w->claims = calloc(w->claim_count + 1, sizeof *w->claims);
	if (!w->claims)
		return -ENOMEM;
	for (size_t n = 0; n < w->catalog_count; n++)
		for (size_t i = 0; i < w->lists[n].count; i++)
			w->claims[count++] = (struct hf_catalog_claim){&w->lists[n].members[i], n};
	if (count)
		qsort(w->claims, count, sizeof *w->claims, compare_claims);
	return 0;
}

/* ---- who is wanted ---- */

static size_t owner_of(const struct wanting *w, const struct hf_name *member)
{
	const struct hf_member *now = hf_members_find(w->now, member);
	for (size_t n = 0; now && n < w->catalog_count; n++)
		if (is_from(now, &w->names[n]))
			return n;
	return SIZE_MAX;
}

/* What the configuration says of the member's group, or NULL. */
static const struct hf_zone_group_conf *group_of(
	const struct wanting *w, const struct hf_catalog_claim *claim)
{
	const struct hf_zones_conf *zones = w->view->zones;
	for (size_t i = 0; i < zones->group_count; i++)
		if (strcmp(zones->groups[i].group, claim->member->group) == 0 &&
			hf_catalog_compare(
				&zones->groups[i].zone.name, &w->names[claim->catalog]) == 0)
			return &zones->groups[i];
	return NULL;
}

static int add(struct wanting *w, const struct hf_catalog_claim *claim, struct hf_members *ret)
{
	const struct hf_zone_group_conf *group = group_of(w, claim);
	struct hf_member *member = calloc(1, sizeof *member);
	if (!member)
		return -ENOMEM;
	member->conf = group ? group->zone : *w->catalogs[claim->catalog];
	member->conf.name = claim->member->name;
	member->conf.catalog = false;
	member->conf.from = w->catalogs[claim->catalog];
	member->conf.group = group;
	memcpy(member->label, claim->member->label, sizeof member->label);
	memcpy(member->group, claim->member->group, sizeof member->group);
	ret->items[ret->count++] = member;
	return 0;
}

static void pass_over(struct wanting *w, const struct hf_catalog_claim *claim, const char *why)
{
	w->view->pass_over(w->view->ctx, w->catalogs[claim->catalog], &claim->member->name, why);
}

/* Does the one say that the member is the other's? */
static bool is_handed(const struct wanting *w, const struct hf_catalog_claim *from,
	const struct hf_catalog_claim *to)
{
	return hf_catalog_compare(&from->member->coo, &w->names[to->catalog]) == 0;
}

/* All claims on one name. */
static int decide(struct wanting *w, const struct hf_catalog_claim *claims, size_t count,
	struct hf_members *ret)
{
	const struct hf_name *name = &claims->member->name;
	const char *why = NULL;
	size_t chosen = count;
	if (hf_zone_rules_find(w->view->rules, name))
		why = "is a zone of the configuration";
	else if (w->view->zones->zone_count + ret->count >= HF_ZONES_MAX)
		why = "is one zone too many";
	else
		chosen = hf_catalog_settle(claims, count, owner_of(w, name), w->names);
	for (size_t i = 0; i < count; i++)
		if (i != chosen && !(chosen < count && is_handed(w, &claims[i], &claims[chosen])))
			pass_over(w, &claims[i], why ? why : "is another catalog's");
	return chosen < count ? add(w, &claims[chosen], ret) : 0;
}

static int decide_all(struct wanting *w, struct hf_members *ret)
{
	int rc = 0;
	ret->items = calloc(w->claim_count + 1, sizeof(void *));
	if (!ret->items)
		return -ENOMEM;
	for (size_t i = 0, n; !rc && i < w->claim_count; i += n) {
		const struct hf_catalog_claim *first = &w->claims[i];
		for (n = 1; i + n < w->claim_count; n++)
			if (hf_catalog_compare(&first[n].member->name, &first->member->name) != 0)
				break;
		rc = decide(w, first, n, ret);
	}
	return rc;
}

int hf_members_wanted(
	const struct hf_members_view *view, const struct hf_members *now, struct hf_members *ret)
{
	struct wanting w = {.view = view, .now = now};
	struct hf_members members = {NULL, 0};
	int rc = read_catalogs(&w);
	if (!rc)
		rc = gather_claims(&w);
	if (!rc)
		rc = decide_all(&w, &members);
	for (size_t n = 0; w.lists && n < w.catalog_count; n++)
		hf_catalog_clear(&w.lists[n]);
	free(w.catalogs);
	free(w.names);
	free(w.lists);
	free(w.claims);
	if (rc)
		hf_members_clear(&members);
	else
		*ret = members;
	return rc;
}
