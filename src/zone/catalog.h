/* SPDX-License-Identifier: GPL-3.0-or-later */
/* catalog.h - a zone that is a list of zones: RFC 9432, version 2.
 *
 * Story: a catalog says in ordinary records which zones there are:
 *
 *   version.CATALOG        TXT  "2"
 *   ID.zones.CATALOG       PTR  member.
 *   group.ID.zones.CATALOG TXT  "a word for its consumers"
 *   coo.ID.zones.CATALOG   PTR  the-catalog-that-it-goes-to.
 *
 * One that breaks the rules is not gone by at all (RFC 9432 5.1), and the list before stays:
 * no version, or another than 2; a member node with more than one PTR record, or a coo with
 * more than one; a member that is in it twice. Properties that nobody knows are passed over.
 * A member may have several groups, for several who follow the catalog: of those that we know
 * the first of our configuration counts (4.3.2).
 *
 * Where several catalogs have a member, one of them owns it: the one that did, unless it
 * says (coo) that the member goes to another that has it (RFC 9432 4.3.1, 5.2, 5.5). Of those
 * that nobody owned the first of the configuration is taken.
 * Knows:   records.  Never: transfers, copies, how a member is served.
 * Ownership: lists are their maker's.  Threads: pure.
 * At the bound: more members than `most` break the catalog; a group that is not visible ASCII,
 * is of several strings, or has HF_CATALOG_GROUP_MAX octets or more, is written with a '?' for what
 * cannot be shown, which no group that we know has. */
#ifndef HF_ZONE_CATALOG_H
#define HF_ZONE_CATALOG_H

#include "base/option.h"
#include "wire/name.h"
#include "zone/snapshot.h"

#define HF_CATALOG_GROUP_MAX 64

struct hf_catalog_member {
	struct hf_name name;              /* lowered */
	struct hf_name coo;               /* the catalog that it goes to; len 0: none */
	uint8_t label[1 + HF_LABEL_MAX];  /* its unique one, lowered */
	char group[HF_CATALOG_GROUP_MAX]; /* the one that counts; "": it has none */
};

struct hf_catalog {
	struct hf_catalog_member *members; /* in the order of their names: hf_catalog_compare */
	size_t count;
};

struct hf_catalog_bounds {
	size_t most;                /* members */
	struct hf_text_list groups; /* that we know, the one to prefer first */
};

/* HF_EMALFORMED: it is broken, and `why` says how; -ENOMEM (and says so). */
#define HF_CATALOG_WHY_MAX 400
int hf_catalog_read(const struct hf_zone *zone, const struct hf_catalog_bounds *bounds,
	char why[static HF_CATALOG_WHY_MAX], struct hf_catalog *ret);
void hf_catalog_clear(struct hf_catalog *catalog);

/* An order of names, as good as any. */
int hf_catalog_compare(const struct hf_name *a, const struct hf_name *b);

/* The member of this name, or NULL. */
const struct hf_catalog_member *hf_catalog_find(
	const struct hf_catalog *catalog, const struct hf_name *name);

/* ---- several together ---- */

struct hf_catalog_claim { /* of one catalog on a member */
	const struct hf_catalog_member *member;
	size_t catalog; /* its number, in the order of the configuration */
};

/* Which of the claims on one name holds. `owner`: the number of the catalog that has it now,
 * or SIZE_MAX. names: of the catalogs, by number. Returns its index. */
size_t hf_catalog_settle(const struct hf_catalog_claim *claims, size_t count, size_t owner,
	const struct hf_name *names);

#endif
