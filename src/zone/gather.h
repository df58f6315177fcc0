/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gather.h - the records of a zone before they are one; for snapshot_*.c.
 *
 * Story: each record that is added becomes an *entry*: its owner as a key that sorts as RFC
 * 4034 6.1 wants when octets are compared, and its data. What can be seen to be wrong at
 * once (a name that is not in the zone, malformed data) is kept as a *stray* and told when
 * the build is finished. Only a build that records are taken out of has an index of them.
 *
 * The key has the labels below the origin, the last one first, each ended by a zero; so
 * that a zero within a label sorts behind that end, 0 is written as 1 1, and 1 as 1 2.
 * Entries lie in *pieces* of memory that grow up to 2 MiB and go back to the system whole:
 * a build is large and short-lived, and what is left of it would lie between what stays.
 * At the bound: HF_STRAYS_MAX strays are told of; more are counted. */
#ifndef HF_ZONE_GATHER_H
#define HF_ZONE_GATHER_H

#include "base/hash.h"
#include "zone/snapshot.h"

#define HF_KEY_MAX (2 * HF_NAME_MAX)
#define HF_STRAYS_MAX 100

struct hf_entry {
	uint32_t line, ttl;
	uint16_t type, rdata_len, key_len;
	bool gone;       /* taken out again */
	uint8_t bytes[]; /* the key, then the data */
};

static inline const uint8_t *hf_entry_rdata(const struct hf_entry *entry)
{
	return entry->bytes + entry->key_len;
}

struct hf_stray {
	struct hf_name owner;
	uint32_t line;
	const char *why;
};

struct hf_piece {
	struct hf_piece *next;
	size_t size, used; /* octets, this head included */
};

struct hf_zone_build {
	struct hf_name origin;
	struct hf_zone_limits limits;
	bool loose;
	struct hf_piece *pieces; /* of entries; the one to write to first */
	size_t octets;           /* of all pieces */
	struct hf_entry **entries;
	size_t count, room; /* of entries, those gone included */
	size_t live;
	struct hf_stray *strays;
	size_t stray_count;       /* at most HF_STRAYS_MAX are kept */
	uint32_t *index;          /* entries + 1, by hash; NULL: nothing has been taken out yet */
	size_t slots;             /* a power of two */
	struct hf_hash_key key;   /* of the index */
	struct hf_entry *scratch; /* with room for any */
};

/* The label that a key ends with, up to its zero, as a label; its first octet is the
 * length. Returns the key's octets that it took. */
size_t hf_key_label(const uint8_t *key, uint8_t label[static 1 + HF_LABEL_MAX]);

/* The name of a key. */
void hf_key_name(const uint8_t *key, size_t len, const struct hf_name *origin, struct hf_name *ret);

/* What makes a record: owner, type, data in canonical form. */
bool hf_entry_same(const struct hf_entry *a, const struct hf_entry *b);

#endif
