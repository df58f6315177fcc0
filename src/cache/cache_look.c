/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/check.h"
#include "cache/cache_inside.h"
#include "cache/stored.h"

#define LINE 64 /* of the processor's caches, in octets */

/* How often a reader looks whom the owner overtakes each time: it has stored as many
 * answers meanwhile. */
#define LOOKS_MAX 4

/* Lines of an entry that are fetched ahead: 192 octets, of which 22 are the header.
 * What is longer follows by the processor's own reading ahead. */
#define ENTRY_LINES 3

/* Keys whose entries are fetched right behind each other: 12 lines. A processor has some 24
 * under way, and those of the index may not all have come. */
#define ABREAST 4

/* ---- keys ---- */

/* The name's hash is keyed and 64 bits wide; what is added here is public and
 * small, so a strong bit mixer (from MurmurHash3's finalizer) suffices. */
static uint64_t mix(
	uint64_t name_hash, uint64_t realm, uint16_t type, uint16_t class, uint8_t flags)
{
	uint64_t x = name_hash ^ realm ^
		     ((uint64_t)flags << 32 | (uint64_t) class << 16 | type) * 0x9e3779b97f4a7c15u;
	x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
	x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
	x ^= x >> 33;
	return __builtin_expect(x == HF_RING_PADDING, 0) ? 1 : x;
}

/* All but what a look ahead remembers. */
static inline void make_key(const struct hf_cache *cache, uint64_t realm,
	const struct hf_question *question, uint16_t type, uint8_t flags, struct hf_cache_key *ret)
{
	uint64_t name_hash = hf_fast_hash(&cache->names, question->name.bytes, question->name.len);
	ret->name_hash = name_hash;
	ret->realm = realm;
	ret->hash = mix(name_hash, realm, type, question->class, flags);
	ret->name = &question->name;
	ret->type = type;
	ret->class = question->class;
	ret->flags = flags;
	ret->shard = (uint8_t)((name_hash >> 32) * cache->shard_count >> 32);
}

struct hf_cache_key hf_cache_key(const struct hf_cache *cache, uint64_t realm,
	const struct hf_question *question, uint8_t flags)
{
	struct hf_cache_key key = {0};
	make_key(cache, realm, question, flags & HF_CACHE_NAME ? 0 : question->type, flags, &key);
	return key;
}

struct hf_cache_key hf_cache_name_key(const struct hf_cache_key *key)
{
	struct hf_cache_key named = *key;
	named.type = 0;
	named.flags |= HF_CACHE_NAME;
	hf_cache_key_forget(&named);
	named.hash = mix(named.name_hash, named.realm, 0, named.class, named.flags);
	return named;
}

struct hf_cache_key hf_cache_failure_key(const struct hf_cache_key *key)
{
	struct hf_cache_key failed = *key;
	failed.flags |= HF_CACHE_FAILED;
	hf_cache_key_forget(&failed);
	failed.hash = mix(failed.name_hash, failed.realm, failed.type, failed.class, failed.flags);
	return failed;
}

unsigned hf_cache_shard(const struct hf_cache *cache, const struct hf_cache_key *key)
{
	(void)cache;
	return key->shard;
}

/* ---- lookup ---- */

/* In which bits eight octets differ. */
static inline uint64_t differ(const uint8_t *a, const uint8_t *b)
{
	uint64_t x, y;
	memcpy(&x, a, 8);
	memcpy(&y, b, 8);
	return x ^ y;
}

/* As memcmp, of what is mostly some 20 octets: sixteen at a time, some of them twice. */
static inline __attribute__((always_inline)) bool same_octets(
	const uint8_t *a, const uint8_t *b, size_t len)
{
	if (len < 16)
		return len < 8 ? memcmp(a, b, len) == 0
			       : !(differ(a, b) | differ(a + len - 8, b + len - 8));
	uint64_t found = differ(a, b) | differ(a + 8, b + 8) | differ(a + len - 16, b + len - 16) |
			 differ(a + len - 8, b + len - 8);
	for (size_t at = 16; at + 16 < len; at += 16)
		found |= differ(a + at, b + at) | differ(a + at + 8, b + at + 8);
	return !found;
}

/* Type and class, as they follow a name: one number. */
static inline uint32_t kind(uint16_t type, uint16_t class)
{
	return (uint32_t)type << 16 | class;
}

/* What says something of the whole name is kept with the type that was asked for. */
static inline bool same_kind(const struct hf_cache_key *key, uint32_t found)
{
	uint32_t other = found ^ kind(key->type, key->class);
	return !other || (key->flags & HF_CACHE_NAME && !(uint16_t)other);
}

/* question_end: where the key's question ends in a message. */
static inline __attribute__((always_inline)) bool key_matches(const struct hf_cache_key *key,
	const struct hf_stored *h, size_t question_end, const struct hf_cached *copy)
{
	size_t name_len = question_end - HF_HEADER_LEN - 4;
	const uint8_t *name = copy->kept.wire + HF_HEADER_LEN;
	return (h->w1 & HF_STORED_KEY_FLAGS) == key->flags &&
	       hf_stored_wire_len(h) >= question_end &&
	       same_octets(name, key->name->bytes, name_len) &&
	       same_kind(key, hf_get_u32(name + name_len));
}

/* Copies the entry out that lies at a position. False: it is another key's, torn, or too
 * large (then kept.len says so). */
static inline __attribute__((always_inline)) bool take_at(const struct hf_ring *log,
	uint64_t position, const _Atomic uint64_t *entry, const struct hf_cache_key *key,
	struct hf_cached *copy)
{
	const struct hf_stored h = hf_stored_read(entry);
	size_t question_end = HF_HEADER_LEN + (size_t)key->name->len + 4;
	if (h.hash != key->hash || !hf_ring_intact(log, position))
		return false;
	/* Intact, so these words, and the length in them, are the entry's own. */
	bool fits = hf_stored_take_wire(entry, &h, copy) &&
		    hf_stored_take_ends(log, position, &h, question_end, copy);
	if (!hf_ring_intact(log, position) || (fits && !key_matches(key, &h, question_end, copy))) {
		copy->kept.len = 0;
		return false;
	}
	hf_stored_take_rest(&h, copy);
	return fits;
}

static inline bool take(const struct hf_ring *log, uint64_t position,
	const struct hf_cache_key *key, struct hf_cached *copy)
{
	return take_at(log, position, &log->words[position % log->capacity], key, copy);
}

static inline void note_hit(_Atomic uint64_t *slot, uint64_t seen)
{
	if ((seen & HF_SLOT_HITS) != HF_SLOT_HITS)
		atomic_compare_exchange_weak_explicit(slot, &seen, seen + HF_SLOT_HIT,
			memory_order_relaxed, memory_order_relaxed);
}

/* What a copy that was taken is worth. */
static inline enum hf_cache_result judge(
	_Atomic uint64_t *slot, uint64_t seen, hf_us now, struct hf_cached *copy)
{
	note_hit(slot, seen);
	copy->hits = (uint8_t)((seen & HF_SLOT_HITS) / HF_SLOT_HIT);
	copy->age = now > copy->stored ? (uint32_t)((uint64_t)(now - copy->stored) / HF_SECOND) : 0;
	return copy->age < copy->kept.ttl ? HF_CACHE_FRESH : HF_CACHE_EXPIRED;
}

/* *ret_overtaken is set if there was an entry that the owner had written over by the time that it
 * was copied: it has gone, or moved to the head of a log. */
static enum hf_cache_result look(const struct hf_shard *shard, struct hf_home home,
	const struct hf_cache_key *key, hf_us now, struct hf_cached *copy, bool *ret_overtaken)
{
	uint64_t seen;
	for (unsigned way = 0; (way = hf_home_next(home, key->hash, way, &seen)) < HF_WAYS; way++) {
		const struct hf_ring *log = hf_shard_log(shard, seen);
		uint64_t position = hf_slot_position(log, seen);
		if (take(log, position, key, copy))
			return judge(hf_home_slot(home, way), seen, now, copy);
		if (copy->kept.len)
			break;
		*ret_overtaken |= !hf_ring_intact(log, position);
	}
	return HF_CACHE_MISS;
}

/* It is not where it was expected: the whole pair, the annex, and all that once more if the index
 * has been stretched meanwhile, or an entry was written over. The owner takes a step with each
 * answer that it stores: who finds one done under his eyes each time waits for nobody. */
static __attribute__((noinline)) enum hf_cache_result look_everywhere(const struct hf_shard *shard,
	const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	enum hf_cache_result found = HF_CACHE_MISS;
	for (int tries = 0; tries < LOOKS_MAX; tries++) {
		uint64_t shape = hf_shard_shape(shard);
		bool overtaken = false;
		found = look(
			shard, hf_home_of(shard, shape, key->hash), key, now, copy, &overtaken);
		if (found == HF_CACHE_MISS && !copy->kept.len &&
			hf_shard_has_annexed(shard, key->hash))
			found = look(
				shard, hf_home_annex(shard, key->hash), key, now, copy, &overtaken);
		if (found != HF_CACHE_MISS || copy->kept.len ||
			(!overtaken && hf_shard_shape(shard) == shape))
			break;
	}
	return found;
}

inline __attribute__((always_inline)) enum hf_cache_result hf_cache_lookup_here(
	struct hf_cache *cache, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	copy->kept.len = 0;
	if (__builtin_expect(key->found != 0, 1)) {
		/* As long as the slot is the same but for its hits, so is the position. */
		uint64_t seen = atomic_load_explicit(key->place, memory_order_acquire);
		if (!((seen ^ key->found) & ~HF_SLOT_HITS) &&
			take_at(key->log, key->position, key->entry, key, copy))
			return judge(key->place, seen, now, copy);
		if (copy->kept.len)
			return HF_CACHE_MISS;
	}
	if (key->absent)
		return HF_CACHE_MISS;
	return look_everywhere(hf_cache_shard_to_read(cache, key), key, now, copy);
}

enum hf_cache_result hf_cache_lookup(
	struct hf_cache *cache, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	return hf_cache_lookup_here(cache, key, now, copy);
}

/* Both buckets: they lie in one pair of lines. */
static inline _Atomic uint64_t *fetch_home(
	const struct hf_cache *cache, const struct hf_cache_key *key)
{
	const struct hf_shard *shard = hf_cache_shard_to_read(cache, key);
	struct hf_home home = hf_home_of(shard, hf_shard_shape(shard), key->hash);
	__builtin_prefetch((const void *)&home.slots[0]);
	__builtin_prefetch((const void *)&home.slots[HF_BUCKET]);
	return home.slots;
}

inline void hf_cache_expect(const struct hf_cache *cache, struct hf_cache_key *key)
{
	key->place = fetch_home(cache, key);
	key->found = 0;
	key->expected = true;
	key->absent = false;
}

inline void hf_cache_key_at(const struct hf_cache *cache, uint64_t realm,
	const struct hf_question *question, uint8_t flags, struct hf_cache_key *ret)
{
	make_key(cache, realm, question, question->type, flags, ret);
}

/* What a slot leads to is remembered. */
static inline void note_found(const struct hf_shard *shard, uint64_t slot, struct hf_cache_key *key)
{
	const struct hf_ring *log = hf_shard_log(shard, slot);
	key->found = slot;
	key->log = log;
	key->position = hf_slot_position(log, slot);
	key->entry = &log->words[key->position % log->capacity];
}

/* Nearly always it is in the key's own bucket. */
static inline _Atomic uint64_t *first_with_tag(
	struct hf_home home, uint64_t hash, uint64_t *ret_seen)
{
	_Atomic uint64_t *own = hf_home_slot(home, 0);
	unsigned found = hf_bucket_with_tag(own, hash), way;
	if (__builtin_expect(found != 0, 1)) {
		own += __builtin_ctz(found);
		*ret_seen = atomic_load_explicit(own, memory_order_acquire);
		if (hf_slot_has_tag(*ret_seen, hash))
			return own;
	}
	way = hf_home_next(home, hash, found ? 0 : HF_BUCKET, ret_seen);
	return way < HF_WAYS ? hf_home_slot(home, way) : NULL;
}

/* Looks in the pair that begins at `slots` and in the annex, and sets all that a look ahead
 * remembers: true if it found something. A hash's pair only ever moves on. If it is the same
 * before and after it was looked through, it was so all the time. */
static inline __attribute__((always_inline)) bool approach(
	const struct hf_shard *shard, _Atomic uint64_t *slots, struct hf_cache_key *key)
{
	const struct hf_home home = {slots, key->hash >> 32 & HF_BUCKET};
	uint64_t seen;
	_Atomic uint64_t *slot = first_with_tag(home, key->hash, &seen);
	if (!slot && hf_shard_has_annexed(shard, key->hash))
		slot = first_with_tag(hf_home_annex(shard, key->hash), key->hash, &seen);
	key->expected = key->absent = false;
	key->place = slot;
	if (slot) {
		note_found(shard, seen, key);
		return true;
	}
	key->found = 0;
	key->absent = hf_home_of(shard, hf_shard_shape(shard), key->hash).slots == slots;
	return false;
}

void hf_cache_approach(const struct hf_cache *cache, struct hf_cache_key *key)
{
	const struct hf_shard *shard = hf_cache_shard_to_read(cache, key);
	approach(shard,
		key->expected ? key->place
			      : hf_home_of(shard, hf_shard_shape(shard), key->hash).slots,
		key);
}

/* Looks which entries up to ABREAST keys lead to, and has them fetched. */
static inline void fetch_entries(
	const struct hf_cache *cache, struct hf_cache_key *const *keys, size_t n)
{
	const char *entries[ABREAST];
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		if (approach(hf_cache_shard_to_read(cache, keys[i]), keys[i]->place, keys[i]))
			entries[count++] = (const char *)keys[i]->entry;
	for (size_t i = 0; i < count; i++)
		for (size_t line = 0; line < ENTRY_LINES; line++)
			__builtin_prefetch(entries[i] + line * LINE);
}

/* What is fetched ahead is not done with before the processor has its address, which in a
 * large cache takes a walk through tables that a guest's processor takes twice; and of what comes
 * behind it there is only room for some 200 instructions until then, the work on four keys. So
 * the entries of ABREAST keys are found before they are fetched, one right behind the other,
 * and the walks for them are under way at once. With more at a time, what is fetched from nearer by
 * comes faster than there is room for it: a third slower with 100,000 names. */
inline void hf_cache_look_ahead(
	const struct hf_cache *cache, struct hf_cache_key *const *keys, size_t n)
{
	n = hf_unexpected(n > HF_CACHE_AHEAD) ? HF_CACHE_AHEAD : n;
	for (size_t i = 0; i < n; i++)
		keys[i]->place = fetch_home(cache, keys[i]);
	for (size_t i = 0; i < n; i += ABREAST)
		fetch_entries(cache, &keys[i], n - i < ABREAST ? n - i : ABREAST);
}

bool hf_cache_remarked(const struct hf_cache *cache, const struct hf_cache_key *key, hf_us since)
{
	return hf_remarks_itself(cache->remarks, key->name_hash, since);
}

bool hf_cache_remarked_above(
	const struct hf_cache *cache, const struct hf_cache_key *key, hf_us since)
{
	return hf_remarks_above(cache->remarks, key->name, since);
}
