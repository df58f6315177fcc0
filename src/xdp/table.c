/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "xdp/table.h"

#include <stdatomic.h>

#include "base/check.h"
#include "meter/meter.h"
#include "wire/aliases.h"

/* A good answer keeps its way for so long whoever else wants it. */
#define KEEPS HF_SECOND

/* The shared structs are plain memory, which the program reads too: atomic access to
 * them is by the compiler's built-ins. */
static uint64_t load(const __u64 *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static bool claim(__u64 *tag, __u64 seen)
{
	return __atomic_compare_exchange_n(
		tag, &seen, HF_XDP_CLAIMED, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
}

static void name_words(const struct hf_name *name, __u64 ret[HF_XDP_NAME_WORDS])
{
	memset(ret, 0, HF_XDP_NAME);
	memcpy(ret, name->bytes, name->len);
}

/* ---- what an entry holds ---- */

/* The sum that RFC 1071 tells of, in words as they lie in memory. */
static uint16_t sum_of(const uint8_t *bytes, size_t len)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < len; i += 2) {
		uint16_t word = 0;
		memcpy(&word, bytes + i, len - i < 2 ? 1 : 2);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint8_t cell_of(uint16_t type, uint8_t rcode)
{
	return (uint8_t)(hf_meter_type_index(type) * 2 + (rcode == HF_RCODE_NXDOMAIN));
}

static bool denies_name(const struct hf_xdp_entry *entry)
{
	return __atomic_load_n(&entry->cell, __ATOMIC_RELAXED) & 1;
}

static bool fits(const struct hf_cache_key *key, const struct hf_cached *copy)
{
	const struct hf_kept *kept = &copy->kept;
	size_t head = (size_t)HF_HEADER_LEN + key->name->len + 4;
	return key->name->len <= HF_XDP_NAME && key->class == HF_CLASS_IN &&
	       key->type != HF_TYPE_ANY && kept->len >= head && kept->len - head <= HF_XDP_BODY &&
	       kept->ttl_count <= HF_XDP_TTLS && kept->wire[4] == 0 && kept->wire[5] == 1 &&
	       (copy->rcode == HF_RCODE_NOERROR || copy->rcode == HF_RCODE_NXDOMAIN);
}

/* stored: on the program's clock. */
static void fill(struct hf_xdp_entry *entry, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us stored, uint64_t generation)
{
	const struct hf_kept *kept = &copy->kept;
	size_t head = (size_t)HF_HEADER_LEN + key->name->len + 4;
	__atomic_store_n(&entry->generation, generation, __ATOMIC_RELAXED);
	__atomic_store_n(&entry->stored, stored, __ATOMIC_RELAXED);
	entry->ttl = kept->ttl;
	entry->body_len = (uint16_t)(kept->len - head);
	entry->body_sum = sum_of(kept->wire + head, entry->body_len);
	memcpy(&entry->flags, kept->wire + 2, 2);
	memcpy(entry->counts, kept->wire + 6, 6);
	entry->type = key->type;
	entry->key_flags = key->flags & (HF_CACHE_DO | HF_CACHE_CD);
	__atomic_store_n(&entry->cell, cell_of(key->type, copy->rcode), __ATOMIC_RELAXED);
	entry->ttl_count = (uint8_t)kept->ttl_count;
	for (unsigned i = 0; i < kept->ttl_count; i++)
		entry->ttl_at[i] = (uint16_t)(kept->ttl_at[i] - head);
	__atomic_store_n(&entry->aliased, hf_aliases_any(kept), __ATOMIC_RELAXED);
	name_words(key->name, entry->name);
	memcpy(entry->body, kept->wire + head, entry->body_len);
}

static void write_entry(struct hf_xdp_entry *entry, const struct hf_cache_key *key,
	const struct hf_cached *copy, hf_us stored, uint64_t generation)
{
	uint64_t seq = load(&entry->seq);
	__atomic_store_n(&entry->seq, seq + 1, __ATOMIC_RELAXED);
	atomic_thread_fence(memory_order_release);
	fill(entry, key, copy, stored, generation);
	__atomic_store_n(&entry->seq, seq + 2, __ATOMIC_RELEASE);
}

/* ---- ways ---- */

struct place {
	struct hf_xdp_bucket *bucket;
	struct hf_xdp_entry *entries; /* of the bucket */
	_Atomic int64_t *published;
	uint64_t hash;
};

static struct place place_of(const struct hf_xdp_table *table, const struct hf_name *name)
{
	__u64 words[HF_XDP_NAME_WORDS];
	name_words(name, words);
	uint64_t hash = hf_xdp_hash(words, name->len, &table->key);
	size_t at = hf_xdp_bucket_of(hash);
	return (struct place){&table->buckets[at], &table->entries[at * HF_XDP_WAYS],
		&table->published[at * HF_XDP_WAYS], hash};
}

static uint64_t tag_of(const struct place *place, const struct hf_cache_key *key)
{
	return hf_xdp_tag(place->hash, key->type, key->flags & (HF_CACHE_DO | HF_CACHE_CD));
}

/* Does the entry say this already? What is stored anew has been withdrawn before, so the
 * instant of storing tells. */
static bool says(const struct hf_xdp_entry *entry, hf_us stored, uint64_t generation)
{
	return load(&entry->generation) == generation &&
	       __atomic_load_n(&entry->stored, __ATOMIC_RELAXED) == stored;
}

/* The way for a tag: its own, an empty one, one of another generation, or the oldest that
 * has had its time. HF_XDP_WAYS: none. *ret_seen: its tag. */
static unsigned choose(
	const struct place *place, uint64_t tag, uint64_t generation, hf_us now, uint64_t *ret_seen)
{
	unsigned best = HF_XDP_WAYS;
	hf_us oldest = now - KEEPS;
	for (unsigned way = 0; way < HF_XDP_WAYS; way++) {
		uint64_t seen = load(&place->bucket->tags[way]);
		hf_us since = atomic_load_explicit(&place->published[way], memory_order_relaxed);
		if (seen == HF_XDP_CLAIMED)
			continue;
		if (seen && seen != tag && load(&place->entries[way].generation) != generation)
			since = INT64_MIN + 1;
		if (!seen)
			since = INT64_MIN;
		if (seen != tag && since > oldest)
			continue;
		best = way;
		oldest = since;
		*ret_seen = seen;
		if (seen == tag)
			return way;
	}
	return best;
}

bool hf_xdp_publish(struct hf_xdp_table *table, const struct hf_cache_key *key,
	const struct hf_cached *copy, uint64_t generation, hf_us now)
{
	if (!fits(key, copy))
		return false;
	struct place place = place_of(table, key->name);
	uint64_t tag = tag_of(&place, key);
	hf_us stored = copy->stored - table->ahead;
	uint64_t seen = 0;
	unsigned way = choose(&place, tag, generation, now, &seen);
	if (way == HF_XDP_WAYS)
		return false;
	if (seen == tag && says(&place.entries[way], stored, generation))
		return true;
	if (!claim(&place.bucket->tags[way], seen))
		return false;
	write_entry(&place.entries[way], key, copy, stored, generation);
	atomic_store_explicit(&place.published[way], now, memory_order_relaxed);
	__atomic_store_n(&place.bucket->tags[way], tag, __ATOMIC_RELEASE);
	return true;
}

/* own: the tag of the question that goes, with the name's denials; 0: all of the name go. */
static void take_away(const struct place *place, uint64_t own)
{
	for (unsigned way = 0; way < HF_XDP_WAYS; way++) {
		__u64 *tag = &place->bucket->tags[way];
		uint64_t seen = load(tag);
		if (!(seen & 1) || seen >> 32 != place->hash >> 32)
			continue;
		if (own && seen != own && !denies_name(&place->entries[way]))
			continue;
		if (!claim(tag, seen))
			continue;
		/* Whoever is reading it now finds another number at the end. */
		__atomic_fetch_add(&place->entries[way].seq, 2, __ATOMIC_ACQ_REL);
		__atomic_store_n(tag, 0, __ATOMIC_RELEASE);
	}
}

void hf_xdp_withdraw(struct hf_xdp_table *table, const struct hf_cache_key *key)
{
	if (key->name->len > HF_XDP_NAME)
		return;
	struct place place = place_of(table, key->name);
	take_away(&place, key->flags & HF_CACHE_NAME ? 0 : tag_of(&place, key));
}

/* The name of an entry, as far as its words hold still. False: it is no name. */
static bool name_of(const struct hf_xdp_entry *entry, struct hf_name *ret)
{
	__u64 words[HF_XDP_NAME_WORDS];
	for (unsigned i = 0; i < HF_XDP_NAME_WORDS; i++)
		words[i] = __atomic_load_n(&entry->name[i], __ATOMIC_RELAXED);
	size_t len = hf_name_wire_len((const uint8_t *)words, HF_XDP_NAME);
	memcpy(ret->bytes, words, len);
	ret->len = (uint8_t)len;
	return len;
}

void hf_xdp_sweep(struct hf_xdp_table *table, hf_hot_gone *gone, const void *of)
{
	struct hf_name name;
	for (size_t i = 0; i < HF_XDP_ENTRIES; i++) {
		const struct hf_xdp_entry *entry = &table->entries[i];
		if (load(&table->buckets[i / HF_XDP_WAYS].tags[i % HF_XDP_WAYS]) & 1 &&
			name_of(entry, &name) &&
			gone(of, &name, __atomic_load_n(&entry->aliased, __ATOMIC_RELAXED))) {
			struct place place = place_of(table, &name);
			take_away(&place, 0);
		}
	}
}

size_t hf_xdp_entries(const struct hf_xdp_table *table, uint64_t generation)
{
	size_t count = 0;
	for (size_t i = 0; i < HF_XDP_ENTRIES; i++)
		count += (load(&table->buckets[i / HF_XDP_WAYS].tags[i % HF_XDP_WAYS]) & 1) &&
			 load(&table->entries[i].generation) == generation;
	return count;
}
