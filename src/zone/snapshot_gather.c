/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/pages.h"
#include "zone/gather.h"
#include "zone/records.h"

/* ---- keys ---- */

static size_t put_label(uint8_t *to, const uint8_t *label)
{
	size_t len = 0;
	for (unsigned i = 1; i <= *label; i++) {
		if (label[i] <= 1)
			to[len++] = 1;
		to[len++] = label[i] <= 1 ? label[i] + 1 : label[i];
	}
	to[len++] = 0;
	return len;
}

/* The key of a lowered name, without the origin's octets. */
static size_t put_key(uint8_t key[static HF_KEY_MAX], const uint8_t *name, size_t len)
{
	uint8_t at[HF_NAME_MAX / 2 + 1];
	size_t labels = 0, key_len = 0;
	for (size_t i = 0; i < len; i += 1 + (size_t)name[i])
		at[labels++] = (uint8_t)i;
	while (labels--)
		key_len += put_label(key + key_len, name + at[labels]);
	return key_len;
}

size_t hf_key_label(const uint8_t *key, uint8_t label[static 1 + HF_LABEL_MAX])
{
	size_t at = 0;
	for (*label = 0; key[at]; at++) {
		bool escaped = key[at] == 1;
		at += escaped;
		label[++*label] = escaped ? key[at] - 1 : key[at];
	}
	return at + 1;
}

void hf_key_name(const uint8_t *key, size_t len, const struct hf_name *origin, struct hf_name *ret)
{
	uint8_t label[1 + HF_LABEL_MAX];
	struct hf_name name = *origin;
	for (size_t at = 0; at < len;) {
		at += hf_key_label(key + at, label);
		size_t size = 1 + (size_t)*label;
		if (hf_unexpected(size + name.len > HF_NAME_MAX))
			break;
		memmove(name.bytes + size, name.bytes, name.len);
		memcpy(name.bytes, label, size);
		name.len = (uint8_t)(name.len + size);
	}
	*ret = name;
}

bool hf_entry_same(const struct hf_entry *a, const struct hf_entry *b)
{
	return a->type == b->type && a->key_len == b->key_len &&
	       memcmp(a->bytes, b->bytes, a->key_len) == 0 &&
	       hf_rdata_compare(a->type, hf_entry_rdata(a), a->rdata_len, hf_entry_rdata(b),
		       b->rdata_len) == 0;
}

/* ---- memory ---- */

#define PIECE_MIN 4096

static void free_pieces(struct hf_zone_build *build)
{
	while (build->pieces) {
		struct hf_piece *next = build->pieces->next;
		hf_pages_free(build->pieces, build->pieces->size);
		build->pieces = next;
	}
}

/* Twice as large as the one before, and large enough for `need`. */
static int add_piece(struct hf_zone_build *build, size_t need)
{
	size_t size = build->pieces ? 2 * build->pieces->size : PIECE_MIN;
	size_t limit = build->limits.octets;
	if (size > HF_PAGES_HUGE)
		size = HF_PAGES_HUGE;
	while (size < sizeof(struct hf_piece) + need)
		size *= 2;
	if (limit && (size > limit || build->octets > limit - size))
		return HF_EBOUND;
	struct hf_piece *piece = hf_pages_get(size);
	if (!piece)
		return -ENOMEM;
	*piece = (struct hf_piece){build->pieces, size, sizeof *piece};
	build->pieces = piece;
	build->octets += size;
	return 0;
}

static int get_entry(struct hf_zone_build *build, size_t bytes, struct hf_entry **ret)
{
	size_t need = (sizeof(struct hf_entry) + bytes + 7) & ~(size_t)7;
	struct hf_piece *piece = build->pieces;
	if (!piece || piece->size - piece->used < need) {
		int rc = add_piece(build, need);
		if (rc)
			return rc;
		piece = build->pieces;
	}
	*ret = (struct hf_entry *)((uint8_t *)piece + piece->used);
	piece->used += need;
	return 0;
}

/* ---- a build ---- */

int hf_zone_build_new(const struct hf_name *origin, const struct hf_zone_limits *limits,
	struct hf_zone_build **ret)
{
	struct hf_zone_build *build = calloc(1, sizeof *build);
	if (!build)
		return -ENOMEM;
	build->origin.len = origin->len;
	hf_name_copy_lower(build->origin.bytes, origin->bytes, origin->len);
	if (limits)
		build->limits = *limits;
	if (!build->limits.records || build->limits.records > HF_ZONE_RECORDS_MAX)
		build->limits.records = HF_ZONE_RECORDS_MAX;
	*ret = build;
	return 0;
}

int hf_zone_build_new_loose(const struct hf_zone_limits *limits, struct hf_zone_build **ret)
{
	static const struct hf_name root = {.len = 1};
	int rc = hf_zone_build_new(&root, limits, ret);
	if (!rc)
		(*ret)->loose = true;
	return rc;
}

void hf_zone_build_free(struct hf_zone_build *build)
{
	if (!build)
		return;
	free_pieces(build);
	free(build->entries);
	free(build->strays);
	free(build->index);
	free(build->scratch);
	free(build);
}

uint64_t hf_zone_build_memory(const struct hf_zone_build *build)
{
	if (!build)
		return 0;
	return HF_ZONE_BUILD_TIMES *
		       (uint64_t)(build->octets + build->room * sizeof *build->entries) +
	       build->slots * sizeof *build->index;
}

static const char *fault_of(const struct hf_zone_build *build, const struct hf_zone_record *record,
	const struct hf_name *owner)
{
	if (!hf_name_within(owner->bytes, owner->len, build->origin.bytes, build->origin.len))
		return "not in the zone";
	if (record->class != HF_CLASS_IN)
		return "of a class that is not IN";
	if (record->ttl > INT32_MAX)
		return "with a TTL over 2147483647"; /* RFC 2181 8 */
	return hf_rdata_fault(record->type, record->rdata, record->rdata_len);
}

static int note_stray(
	struct hf_zone_build *build, const struct hf_name *owner, uint32_t line, const char *why)
{
	if (!build->strays)
		build->strays = calloc(HF_STRAYS_MAX, sizeof *build->strays);
	if (!build->strays)
		return -ENOMEM;
	if (build->stray_count < HF_STRAYS_MAX)
		build->strays[build->stray_count] =
			(struct hf_stray){.owner = *owner, .line = line, .why = why};
	build->stray_count++;
	return 0;
}

static int make_room(struct hf_zone_build *build)
{
	if (build->count < build->room)
		return 0;
	if (build->count >= UINT32_MAX - 1)
		return HF_EBOUND; /* the index has 32 bits */
	size_t room = build->room ? 2 * build->room : 64;
	struct hf_entry **entries = realloc(build->entries, room * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	build->entries = entries;
	build->room = room;
	return 0;
}

/* ---- the index ---- */

/* Of what hf_entry_same compares; letters in data count as small ones, wherever they are. */
static uint64_t hash_of(const struct hf_hash_key *key, const struct hf_entry *entry)
{
	const uint8_t *rdata = hf_entry_rdata(entry);
	uint64_t hash = hf_hash(key, entry->type, entry->bytes, entry->key_len);
	uint8_t piece[256];
	for (size_t at = 0, len; at < entry->rdata_len; at += len) {
		len = entry->rdata_len - at < sizeof piece ? entry->rdata_len - at : sizeof piece;
		hf_name_copy_lower(piece, rdata + at, len);
		hash = hf_hash(key, hash, piece, len);
	}
	return hash;
}

/* The slot of the entry's like, or the empty one where it would go. */
static uint32_t *slot_of(const struct hf_zone_build *build, const struct hf_entry *entry)
{
	for (size_t at = hash_of(&build->key, entry);; at++) {
		uint32_t *slot = &build->index[at & (build->slots - 1)];
		if (!*slot || hf_entry_same(build->entries[*slot - 1], entry))
			return slot;
	}
}

/* The key is made of all records, so that nobody can send some that collide. */
static void make_key(struct hf_zone_build *build)
{
	const struct hf_hash_key first = {0}, second = {1, 1};
	uint64_t sum = build->count;
	for (size_t i = 0; i < build->count; i++) {
		const struct hf_entry *entry = build->entries[i];
		sum = hf_hash(&first, sum, entry->bytes, (size_t)entry->key_len + entry->rdata_len);
	}
	build->key = (struct hf_hash_key){sum, hf_hash(&second, sum, NULL, 0)};
}

static int index_all(struct hf_zone_build *build)
{
	size_t slots = 64;
	while (slots < 4 * build->count)
		slots *= 2;
	uint32_t *index = calloc(slots, sizeof *index);
	if (!index)
		return -ENOMEM;
	free(build->index);
	build->index = index;
	build->slots = slots;
	make_key(build);
	for (size_t i = 0; i < build->count; i++) {
		struct hf_entry *entry = build->entries[i];
		uint32_t *slot = entry->gone ? NULL : slot_of(build, entry);
		if (!slot)
			continue;
		if (*slot) { /* one too many */
			entry->gone = true;
			build->live--;
		} else {
			*slot = (uint32_t)i + 1;
		}
	}
	return 0;
}

/* What is added or looked for. */
struct wanted {
	struct hf_name owner; /* lowered */
	uint8_t key[HF_KEY_MAX];
	size_t key_len;
};

static void write_entry(
	struct hf_entry *entry, const struct hf_zone_record *record, const struct wanted *wanted)
{
	*entry = (struct hf_entry){.line = record->line,
		.ttl = record->ttl,
		.type = record->type,
		.rdata_len = record->rdata_len,
		.key_len = (uint16_t)wanted->key_len};
	memcpy(entry->bytes, wanted->key, wanted->key_len);
	if (record->rdata_len)
		memcpy(entry->bytes + wanted->key_len, record->rdata, record->rdata_len);
}

/* To the index, if there is one. False: the record is there already. */
static int add_to_index(struct hf_zone_build *build, struct hf_entry *entry, bool *ret_new)
{
	*ret_new = true;
	if (!build->index)
		return 0;
	if (2 * build->count >= build->slots) {
		int rc = index_all(build);
		if (rc)
			return rc;
	}
	uint32_t *slot = slot_of(build, entry);
	struct hf_entry *old = *slot ? build->entries[*slot - 1] : NULL;
	if (old && !old->gone) {
		*ret_new = false;
		return 0;
	}
	*slot = (uint32_t)build->count + 1;
	return 0;
}

/* NULL, or why the record has no place in the zone. */
static const char *read_wanted(
	const struct hf_zone_build *build, const struct hf_zone_record *record, struct wanted *ret)
{
	ret->owner.len = record->owner.len;
	hf_name_copy_lower(ret->owner.bytes, record->owner.bytes, record->owner.len);
	const char *why = fault_of(build, record, &ret->owner);
	if (!why)
		ret->key_len = put_key(
			ret->key, ret->owner.bytes, (size_t)ret->owner.len - build->origin.len);
	return why;
}

int hf_zone_build_add(struct hf_zone_build *build, const struct hf_zone_record *record)
{
	struct wanted wanted;
	bool is_new;
	const char *why = read_wanted(build, record, &wanted);
	if (why)
		return note_stray(build, &wanted.owner, record->line, why);
	if (build->live >= build->limits.records)
		return HF_EBOUND;
	int rc = make_room(build);
	if (rc)
		return rc;
	struct hf_entry *entry;
	rc = get_entry(build, wanted.key_len + record->rdata_len, &entry);
	if (rc)
		return rc;
	write_entry(entry, record, &wanted);
	rc = add_to_index(build, entry, &is_new);
	if (rc || !is_new)
		return rc;
	build->entries[build->count++] = entry;
	build->live++;
	return 0;
}

static int prepare_index(struct hf_zone_build *build)
{
	if (!build->scratch)
		build->scratch = malloc(sizeof *build->scratch + HF_KEY_MAX + UINT16_MAX);
	if (!build->scratch)
		return -ENOMEM;
	return build->index ? 0 : index_all(build);
}

/* The entry that is like the record; NULL: none. -ENOMEM. */
static int find_entry(
	struct hf_zone_build *build, const struct hf_zone_record *record, struct hf_entry **ret)
{
	struct wanted wanted;
	int rc = prepare_index(build);
	if (rc)
		return rc;
	*ret = NULL;
	if (read_wanted(build, record, &wanted))
		return 0;
	write_entry(build->scratch, record, &wanted);
	uint32_t *slot = slot_of(build, build->scratch);
	*ret = *slot && !build->entries[*slot - 1]->gone ? build->entries[*slot - 1] : NULL;
	return 0;
}

int hf_zone_build_remove(struct hf_zone_build *build, const struct hf_zone_record *record)
{
	struct hf_entry *entry;
	int rc = find_entry(build, record, &entry);
	if (rc)
		return rc;
	if (!entry)
		return HF_EMALFORMED;
	entry->gone = true;
	build->live--;
	return 0;
}

int hf_zone_build_from(struct hf_zone_build *build, const struct hf_zone *zone)
{
	struct hf_zone_walk walk = hf_zone_walk(zone);
	struct hf_zone_set set;
	while (hf_zone_next(&walk, &set)) {
		struct hf_zone_record record = {.owner = walk.owner,
			.type = set.type,
			.class = HF_CLASS_IN,
			.ttl = set.ttl};
		const uint8_t *at = set.rdata;
		for (unsigned i = 0; i < set.count; i++) {
			record.rdata_len = hf_get_u16(at);
			record.rdata = at + 2;
			at += 2 + (size_t)record.rdata_len;
			int rc = hf_zone_build_add(build, &record);
			if (rc)
				return rc;
		}
	}
	return 0;
}
