/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/catalog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/error.h"
#include "wire/dns.h"

struct reading {
	const struct hf_name *origin;
	const struct hf_catalog_bounds *bounds;
	size_t room;
	char *why;
	struct hf_catalog *catalog;
	bool has_version;
};

static int broken(struct reading *r, const char *what, const uint8_t *owner)
{
	char name[HF_NAME_TEXT_MAX];
	if (owner)
		snprintf(r->why, HF_CATALOG_WHY_MAX, "the catalog is broken: %.280s %s",
			hf_name_text(owner, name), what);
	else
		snprintf(r->why, HF_CATALOG_WHY_MAX, "the catalog is broken: %s", what);
	return HF_EMALFORMED;
}

/* ---- names ---- */

int hf_catalog_compare(const struct hf_name *a, const struct hf_name *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	return memcmp(a->bytes, b->bytes, a->len);
}

static bool is_label(const uint8_t *label, const char *text)
{
	size_t len = strlen(text);
	return *label == len && memcmp(label + 1, text, len) == 0;
}

/* The labels of an owner below the catalog's apex, the last one first. Returns how many, at
 * most `most`. */
static unsigned labels_below(const struct reading *r, const uint8_t *owner, size_t len,
	const uint8_t **ret, unsigned most)
{
	const uint8_t *all[HF_NAME_MAX / 2 + 1], *end = owner + len - r->origin->len;
	unsigned count = 0, given = 0;
	for (const uint8_t *at = owner; at < end; at += 1 + (size_t)*at)
		all[count++] = at;
	while (given < count && given < most) {
		ret[given] = all[count - 1 - given];
		given++;
	}
	return count;
}

/* ---- records ---- */

static int read_version(struct reading *r, const struct hf_zone_set *set)
{
	if (set->count != 1)
		return broken(r, "there is more than one version record", NULL);
	const uint8_t *rdata = set->rdata + 2;
	if (hf_get_u16(set->rdata) != 2 || rdata[0] != 1 || rdata[1] != '2')
		return broken(r, "its version is not 2, the only one that is known", NULL);
	r->has_version = true;
	return 0;
}

/* The target of the only PTR record of a set. */
static void read_target(const struct hf_zone_set *set, struct hf_name *ret)
{
	ret->len = (uint8_t)hf_get_u16(set->rdata);
	hf_name_copy_lower(ret->bytes, set->rdata + 2, ret->len);
}

static int add_member(struct reading *r, const struct hf_zone_set *set, const uint8_t *label)
{
	struct hf_catalog *catalog = r->catalog;
	if (set->count != 1)
		return broken(r, "has more than one PTR record", set->owner);
	if (catalog->count == r->bounds->most)
		return broken(r, "it has more members than catalog-limit", NULL);
	if (catalog->count == r->room) {
		size_t room = r->room ? 2 * r->room : 64;
		struct hf_catalog_member *grown = realloc(catalog->members, room * sizeof *grown);
		if (!grown) {
			broken(r, "there is not enough memory for its members", NULL);
			return -ENOMEM;
		}
		catalog->members = grown;
		r->room = room;
	}
	struct hf_catalog_member *member = &catalog->members[catalog->count++];
	*member = (struct hf_catalog_member){.group = ""};
	memcpy(member->label, label, 1 + (size_t)*label);
	read_target(set, &member->name);
	return 0;
}

/* The member that the property is of has just been read: its owner stands before it. */
static struct hf_catalog_member *member_of(const struct reading *r, const uint8_t *label)
{
	struct hf_catalog *catalog = r->catalog;
	struct hf_catalog_member *last =
		catalog->count ? &catalog->members[catalog->count - 1] : NULL;
	return last && memcmp(last->label, label, 1 + (size_t)*label) == 0 ? last : NULL;
}

/* The whole of a TXT record: RFC 9432 4.3.2. One that cannot be written has a '?' in it. */
static void write_group(const uint8_t *rdata, size_t rdlen, char ret[static HF_CATALOG_GROUP_MAX])
{
	size_t octets = rdlen ? rdlen - 1 : 0;
	size_t len = octets < HF_CATALOG_GROUP_MAX ? octets : HF_CATALOG_GROUP_MAX - 1;
	bool whole = rdlen && rdata[0] == octets && len == octets;
	for (size_t i = 0; i < len; i++) {
		bool visible = rdata[1 + i] > ' ' && rdata[1 + i] < 0x7f;
		ret[i] = visible ? (char)rdata[1 + i] : '?';
	}
	if (!len || !whole)
		ret[len ? len - 1 : len++] = '?';
	ret[len] = 0;
}

/* Its place among those that we know; their number: we do not. */
static size_t rank(const struct hf_text_list *known, const char *group)
{
	size_t i = 0;
	while (i < known->count && strcmp(known->items[i], group) != 0)
		i++;
	return i;
}

static void read_groups(
	const struct reading *r, const struct hf_zone_set *set, struct hf_catalog_member *member)
{
	const struct hf_text_list *known = &r->bounds->groups;
	const uint8_t *at = set->rdata;
	char group[HF_CATALOG_GROUP_MAX];
	for (size_t i = 0; i < set->count; i++, at += 2 + (size_t)hf_get_u16(at)) {
		write_group(at + 2, hf_get_u16(at), group);
		if (!member->group[0] || rank(known, group) < rank(known, member->group))
			memcpy(member->group, group, sizeof member->group);
	}
}

static int read_property(struct reading *r, const struct hf_zone_set *set, const uint8_t *id,
	const uint8_t *property)
{
	struct hf_catalog_member *member = member_of(r, id);
	bool coo = set->type == HF_TYPE_PTR && is_label(property, "coo");
	if (coo && set->count != 1)
		return broken(r, "has more than one PTR record", set->owner);
	if (member && coo)
		read_target(set, &member->coo);
	if (member && set->type == HF_TYPE_TXT && is_label(property, "group"))
		read_groups(r, set, member);
	return 0;
}

static int read_set(struct reading *r, const struct hf_zone_set *set, size_t owner_len)
{
	const uint8_t *labels[3];
	unsigned count = labels_below(r, set->owner, owner_len, labels, 3);
	if (count == 1 && set->type == HF_TYPE_TXT && is_label(labels[0], "version"))
		return read_version(r, set);
	if (count < 2 || !is_label(labels[0], "zones"))
		return 0;
	if (count == 2)
		return set->type == HF_TYPE_PTR ? add_member(r, set, labels[1]) : 0;
	return count == 3 ? read_property(r, set, labels[1], labels[2]) : 0;
}

/* ---- the whole ---- */

static int compare_members(const void *a, const void *b)
{
	const struct hf_catalog_member *x = a, *y = b;
	return hf_catalog_compare(&x->name, &y->name);
}

static int check_twice(struct reading *r)
{
	struct hf_catalog *catalog = r->catalog;
	if (catalog->count)
		qsort(catalog->members, catalog->count, sizeof *catalog->members, compare_members);
	for (size_t i = 1; i < catalog->count; i++)
		if (compare_members(&catalog->members[i - 1], &catalog->members[i]) == 0)
			return broken(r, "is a member twice", catalog->members[i].name.bytes);
	return 0;
}

int hf_catalog_read(const struct hf_zone *zone, const struct hf_catalog_bounds *bounds,
	char why[static HF_CATALOG_WHY_MAX], struct hf_catalog *ret)
{
	struct hf_catalog catalog = {NULL, 0};
	struct reading r = {
		.origin = hf_zone_origin(zone), .bounds = bounds, .why = why, .catalog = &catalog};
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	int rc = 0;
	while (!rc && hf_zone_next(&walk, &set))
		rc = read_set(&r, &set, walk.owner.len);
	if (!rc && !r.has_version)
		rc = broken(&r, "there is no version record", NULL);
	if (!rc)
		rc = check_twice(&r);
	if (rc)
		hf_catalog_clear(&catalog);
	else
		*ret = catalog;
	return rc;
}

void hf_catalog_clear(struct hf_catalog *catalog)
{
	free(catalog->members);
	*catalog = (struct hf_catalog){NULL, 0};
}

const struct hf_catalog_member *hf_catalog_find(
	const struct hf_catalog *catalog, const struct hf_name *name)
{
	size_t low = 0, high = catalog->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = hf_catalog_compare(name, &catalog->members[middle].name);
		if (order == 0)
			return &catalog->members[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

/* ---- several together ---- */

static size_t claim_of(const struct hf_catalog_claim *claims, size_t count, size_t catalog)
{
	size_t i = 0;
	while (i < count && claims[i].catalog != catalog)
		i++;
	return i;
}

/* The claim of the catalog that this one hands the member to; `count`: none. */
static size_t heir(
	const struct hf_catalog_claim *claims, size_t count, size_t i, const struct hf_name *names)
{
	const struct hf_name *coo = &claims[i].member->coo;
	for (size_t n = 0; coo->len && n < count; n++)
		if (n != i && hf_catalog_compare(&names[claims[n].catalog], coo) == 0)
			return n;
	return count;
}

size_t hf_catalog_settle(const struct hf_catalog_claim *claims, size_t count, size_t owner,
	const struct hf_name *names)
{
	size_t i = claim_of(claims, count, owner);
	if (i == count) { /* nobody's yet: the first of the configuration */
		i = 0;
		for (size_t n = 1; n < count; n++)
			i = claims[n].catalog < claims[i].catalog ? n : i;
	}
	size_t next = heir(claims, count, i, names);
	return next < count ? next : i;
}
