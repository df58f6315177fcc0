/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "cache/cache.h"

#include <stdatomic.h>

/* Whoever watches the order of threads is to see each load: no two at once then. */
#if defined(__SANITIZE_THREAD__)
#define WATCHED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WATCHED 1
#endif
#endif

#if defined(__x86_64__) && !defined(WATCHED)
#define TWO_AT_ONCE 1
#include <emmintrin.h>
#endif

#include "base/check.h"
#include "base/error.h"
#include "base/fast_hash.h"
#include "base/pages.h"
#include "cache/shape.h"

#define LINE 64           /* of the processor's caches, in octets */
#define BUCKET 8          /* slots in a cache line of 64 octets */
#define WAYS (2 * BUCKET) /* a key's own bucket and its neighbour: a pair */
#define ALL_WAYS ((1u << WAYS) - 1)
#define GHOST_BUCKET 4
#define GHOST_BUCKETS 3 /* for each pair: twelve ghosts */

/* How many of a pair's slots are taken on average: before the index is stretched, so that
 * four names in ten thousand find no place in their pair; and in a full cache. */
#define STRETCHED_AT 6
#define FULL 11

/* So many pairs share one of the annex: a quarter of a slot for each, where a full index
 * needs a tenth. */
#define ANNEX_PART 64

/* Bits that tell of which tags there may be some in the annex: as a cache of a million names
 * has some hundred there, nine of ten that look for what is nowhere need not look there, too. */
#define ANNEX_MARKS 4096

#define FIRST_PAIRS 64 /* of an index: 8 KiB */
#define POSITION_BITS 44
#define POSITION_MASK ((1ull << POSITION_BITS) - 1)
#define SLOT_LOG (1ull << 44)
#define SLOT_HIT (1ull << 45)
#define SLOT_HITS (3ull << 45)
#define SLOT_USED (1ull << 47)
#define SLOT_TAG (0xffffull << 48)
#define HEADER_WORDS 3 /* the last one holds octets 2 and 3 of the wire form, too */
#define IN_HEADER 4    /* octets of the wire form that do not lie behind the header */
#define PADDING 0ull   /* in the place of a hash: nothing but the log's end comes here */

/* w1: what is said of an entry below the instant of storing. */
#define KEY_FLAGS 0xfull
#define GONE 0x10ull    /* it only says that its key was removed */
#define CARRIED 0x20ull /* it has been in a log before */
#define FORM_AT 6
#define STORED_AT 12

/* A tenth for newcomers, as in the paper: its authors found 5 to 20 % alike. */
#define SMALL_PART 10

/* An answer that would wipe out more than a quarter of a log is not worth it. */
#define LARGEST_PART 4

/* How often a reader looks whom the owner overtakes each time: it has stored as many
 * answers meanwhile. */
#define LOOKS_MAX 4

/* A typical entry: header, 60 to 150 octets of answer, offsets. Only sets the
 * ratio of index to logs; with others the one or the other fills first. */
#define TYPICAL_WORDS 16

/* Lines of an entry that are fetched ahead: 192 octets, of which 22 are the header.
 * What is longer follows by the processor's own reading ahead. */
#define ENTRY_LINES 3

/* Keys whose entries are fetched right behind each other: 12 lines. A processor has some 24
 * under way, and those of the index may not all have come. */
#define ABREAST 4

#define LITTLE_ENDIAN_HERE (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* Words that are copied at once. */
#define BLOCK 4

/* Entries that one store may carry back to the head of the main log before it
 * evicts whatever comes next: bounds the work of a store. */
#define REINSERT_MAX 32

/* Octets of a cache that are worth a place among its remarks (remarks.h): the smallest cache,
 * of some four thousand answers, has as many places. */
#define PER_REMARK 256

enum { SMALL, MAIN, LOGS }; /* what a slot's SLOT_LOG says */

/* What follows the wire form: see the header file. */
enum form {
	FORM_LISTED,    /* a word of ends and count, then the offsets of the TTLs */
	FORM_BARE,      /* nothing: the question alone */
	FORM_ANSWER,    /* nothing: the only record is an answer and lies at its usual place */
	FORM_AUTHORITY, /* ... or it is one of authority */
};

/* From the question's end to the TTL of a record whose owner is a pointer. */
#define USUAL_TTL 6

/* From the largest answer (65,535), its ends and TTL offsets, and the header. */
#define ENTRY_WORDS_MAX (HEADER_WORDS + (HF_MESSAGE_MAX + 8) / 8 + 1 + (HF_RECORDS_MAX * 2 + 8) / 8)

struct log {
	_Atomic uint64_t *words;
	uint64_t capacity;         /* in words */
	uint64_t head, tail;       /* positions; owner only */
	_Atomic uint64_t reserved; /* see the proof in the header */
	_Atomic uint64_t written;  /* head, after all words before it have been stored */
};

struct shard {
	_Atomic uint64_t *slots;
	_Atomic uint64_t shape; /* of the index: see cache/shape.h */
	uint32_t pairs_max;
	uint32_t annex_pairs;     /* behind them */
	_Atomic uint32_t annexed; /* entries there */
	_Atomic uint64_t marks[ANNEX_MARKS / 64];
	struct log logs[LOGS];
	uint16_t *ghosts; /* fingerprints of what left the small log unasked */
	_Atomic uint64_t entries, words, evictions;
	uint64_t *carry; /* one entry on its way from a log's tail to a head */
};

struct hf_cache {
	struct hf_fast_hash names;
	uint64_t size;
	unsigned shard_count;
	bool note_removals;
	struct hf_remarks *remarks;
	struct shard shards[];
};

/* ---- words of a log ---- */

static inline uint64_t load_word(const struct log *log, uint64_t position)
{
	return atomic_load_explicit(&log->words[position % log->capacity], memory_order_acquire);
}

static inline void store_word(struct log *log, uint64_t position, uint64_t word)
{
	atomic_store_explicit(&log->words[position % log->capacity], word, memory_order_release);
}

static inline void copy_word(const _Atomic uint64_t *from, uint8_t *to)
{
	uint64_t word = atomic_load_explicit(from, memory_order_acquire);
	memcpy(to, &word, 8);
}

static __attribute__((noinline)) void copy_exactly(
	const _Atomic uint64_t *from, uint8_t *to, size_t octets)
{
	for (; octets >= 8; octets -= 8, to += 8)
		copy_word(from++, to);
	if (octets) {
		uint64_t word = atomic_load_explicit(from, memory_order_acquire);
		memcpy(to, &word, octets);
	}
}

#if defined(TWO_AT_ONCE)
/* Two words at once, in two steps. No atomic type of C can say that, but this processor
 * loads in order, and the compiler is told to; a word that it tears is one that is being
 * overwritten, and whoever reads an entry finds that out. */
static inline void copy_block(const _Atomic uint64_t *from, uint8_t *to)
{
	const __m128i *two = (const __m128i *)(const void *)from;
	__m128i first = _mm_loadu_si128(two), second = _mm_loadu_si128(two + 1);
	_mm_storeu_si128((__m128i *)(void *)to, first);
	_mm_storeu_si128((__m128i *)(void *)(to + 16), second);
}

static inline void keep_order(void)
{
	atomic_signal_fence(memory_order_acquire);
}
#else
static inline void copy_block(const _Atomic uint64_t *from, uint8_t *to)
{
	copy_word(from, to);
	copy_word(from + 1, to + 8);
	copy_word(from + 2, to + 16);
	copy_word(from + 3, to + 24);
}

static inline void keep_order(void)
{
}
#endif

/* Copied are blocks of four words if `room` octets hold the last of them: more than was
 * asked for may be read (a log has so many words more at its end) and written. */
static inline void copy_words(const _Atomic uint64_t *from, void *to, size_t octets, size_t room)
{
	uint8_t *out = to; /* may be NULL if there is nothing to copy */
	if (octets + BLOCK * 8 > room)
		return copy_exactly(from, out, octets);
	for (size_t at = 0; at < octets; at += BLOCK * 8)
		copy_block(from + at / 8, out + at);
	keep_order();
}

static void copy_out(const struct log *log, uint64_t position, void *to, size_t octets)
{
	/* Entries never wrap round the end of a log: one modulo is enough. */
	copy_words(&log->words[position % log->capacity], to, octets, octets);
}

static inline void put_word(_Atomic uint64_t *to, const uint8_t *from)
{
	uint64_t word;
	memcpy(&word, from, 8);
	atomic_store_explicit(to, word, memory_order_release);
}

/* The last word is filled up with zeros. */
static void put_words(_Atomic uint64_t *to, const uint8_t *from, size_t octets)
{
	size_t words = octets / 8, rest = octets % 8, i = 0;
	uint64_t last = 0;
	for (; i + BLOCK <= words; i += BLOCK, from += BLOCK * 8) {
		put_word(to + i, from);
		put_word(to + i + 1, from + 8);
		put_word(to + i + 2, from + 16);
		put_word(to + i + 3, from + 24);
	}
	for (; i < words; i++, from += 8)
		put_word(to + i, from);
	if (rest && octets >= 8) { /* some octets once more, and out of the word again */
		memcpy(&last, from + rest - 8, 8);
		last = LITTLE_ENDIAN_HERE ? last >> (64 - 8 * rest) : last << (64 - 8 * rest);
	} else {
		memcpy(&last, from, rest);
	}
	if (rest)
		atomic_store_explicit(to + i, last, memory_order_release);
}

static void copy_in(struct log *log, uint64_t position, const void *from, size_t octets)
{
	/* As above: no wrap. */
	put_words(&log->words[position % log->capacity], from, octets);
}

static inline bool intact(const struct log *log, uint64_t position)
{
	uint64_t reserved = atomic_load_explicit(&log->reserved, memory_order_acquire);
	return reserved <= position + log->capacity;
}

/* ---- an entry ---- */

static inline uint64_t word_of(const _Atomic uint64_t *entry, size_t i)
{
	return atomic_load_explicit(&entry[i], memory_order_acquire);
}

struct header {
	uint64_t hash, w1, w2;
};

static inline struct header read_header(const _Atomic uint64_t *entry)
{
	return (struct header){word_of(entry, 0), word_of(entry, 1), word_of(entry, 2)};
}

static inline struct header load_header(const struct log *log, uint64_t position)
{
	return read_header(&log->words[position % log->capacity]);
}

static inline hf_us stored_of(const struct header *h)
{
	return (hf_us)h->w1 >> STORED_AT;
}

static inline enum form form_of(const struct header *h)
{
	return (enum form)(h->w1 >> FORM_AT & 3);
}

static inline uint32_t ttl_of(const struct header *h)
{
	return (uint32_t)(h->w2 >> 32);
}

static inline uint16_t wire_len_of(const struct header *h)
{
	return (uint16_t)(h->w2 >> 16);
}

/* Words of the wire form that lie behind the header. */
static inline size_t wire_words(size_t wire_len)
{
	return (wire_len - IN_HEADER + 7) / 8;
}

/* What cannot be said in a header stands in the word that follows the wire form. */
struct ends {
	uint16_t answer, authority, ttl_count;
};

static inline uint64_t pack_ends(const struct hf_kept *kept)
{
	return (uint64_t)kept->answer_end << 32 | (uint64_t)kept->authority_end << 16 |
	       kept->ttl_count;
}

static inline struct ends unpack_ends(uint64_t word)
{
	return (struct ends){(uint16_t)(word >> 32), (uint16_t)(word >> 16), (uint16_t)word};
}

static inline size_t ttl_words(size_t ttl_count)
{
	return (ttl_count * 2 + 7) / 8;
}

/* A record right behind the question, with two octets of owner, and no other. */
static enum form choose_form(const struct hf_kept *kept, size_t question_end)
{
	bool answers = kept->answer_end == kept->len;
	if (kept->authority_end != kept->len)
		return FORM_LISTED;
	if (!kept->ttl_count && answers && kept->len == question_end)
		return FORM_BARE;
	if (kept->ttl_count != 1 || kept->ttl_at[0] != question_end + USUAL_TTL)
		return FORM_LISTED;
	return answers ? FORM_ANSWER
		       : (kept->answer_end == question_end ? FORM_AUTHORITY : FORM_LISTED);
}

static struct header header_of(
	const struct hf_cache_key *key, hf_us stored, const struct hf_kept *kept)
{
	size_t question_end = HF_HEADER_LEN + (size_t)key->name->len + 4;
	return (struct header){
		.hash = key->hash,
		.w1 = (uint64_t)stored << STORED_AT |
		      (uint64_t)choose_form(kept, question_end) << FORM_AT | key->flags,
		.w2 = (uint64_t)kept->ttl << 32 | (uint64_t)kept->len << 16 |
		      hf_get_u16(kept->wire + 2),
	};
}

/* Words of an entry that holds the kept answer. */
static uint64_t words_of(const struct header *h, const struct hf_kept *kept)
{
	uint64_t words = HEADER_WORDS + wire_words(kept->len);
	return form_of(h) == FORM_LISTED ? words + 1 + ttl_words(kept->ttl_count) : words;
}

/* Words of the entry at a position, or of the padding there. Who may be overtaken asks
 * afterwards whether the position is intact. */
static uint64_t entry_words(const struct log *log, uint64_t position)
{
	if (load_word(log, position) == PADDING)
		return log->capacity - position % log->capacity;
	const struct header entry = load_header(log, position), *h = &entry;
	uint64_t words = HEADER_WORDS + wire_words(wire_len_of(h));
	if (form_of(h) != FORM_LISTED)
		return words;
	return words + 1 + ttl_words(unpack_ends(load_word(log, position + words)).ttl_count);
}

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
	return __builtin_expect(x == PADDING, 0) ? 1 : x;
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

static inline struct shard *shard_of(struct hf_cache *cache, const struct hf_cache_key *key)
{
	return &cache->shards[key->shard];
}

static inline const struct shard *shard_to_read(
	const struct hf_cache *cache, const struct hf_cache_key *key)
{
	return &cache->shards[key->shard];
}

static inline uint64_t slot_tag(uint64_t hash)
{
	return hash & SLOT_TAG;
}

/* Where a key's slots are: a pair by the hash's lower half, and which of its buckets is
 * looked through first by a bit that neither that half nor the tag has. */
struct home {
	_Atomic uint64_t *slots;
	unsigned own; /* 0 or BUCKET */
};

static inline struct home home_in(const struct shard *shard, uint64_t pair, uint64_t hash)
{
	return (struct home){&shard->slots[pair * WAYS], hash >> 32 & BUCKET};
}

static inline struct home home_of(const struct shard *shard, uint64_t shape, uint64_t hash)
{
	return home_in(shard, hf_shape_pair(shape, shard->pairs_max, (uint32_t)hash), hash);
}

/* Where a key goes whose pair is full. It is not stretched, so its pairs are chosen by bits
 * that may be any but those which all names of a pair have in common. */
static inline struct home annex_of(const struct shard *shard, uint64_t hash)
{
	uint64_t pair = hf_shape_place((uint32_t)(hash >> 16), shard->annex_pairs);
	return (struct home){&shard->slots[(shard->pairs_max + pair) * WAYS], 0};
}

static inline unsigned mark_of(uint64_t tagged)
{
	return (unsigned)(tagged >> 48) % ANNEX_MARKS;
}

/* May a key be in the annex? False is certain. */
static inline bool has_annexed(const struct shard *shard, uint64_t hash)
{
	const unsigned mark = mark_of(hash);
	return atomic_load_explicit(&shard->annexed, memory_order_acquire) &&
	       atomic_load_explicit(&shard->marks[mark / 64], memory_order_acquire) >> mark % 64 &
		       1;
}

static inline uint64_t shape_of(const struct shard *shard)
{
	return atomic_load_explicit(&shard->shape, memory_order_acquire);
}

static inline _Atomic uint64_t *slot_at(struct home home, unsigned way)
{
	return &home.slots[way ^ home.own];
}

static inline const struct log *slot_log(const struct shard *shard, uint64_t slot)
{
	return &shard->logs[slot / SLOT_LOG & 1];
}

/* A slot keeps 44 bits of the position; the log's head is at most one capacity
 * away from any live entry, which gives back the rest. */
static inline uint64_t slot_position(const struct log *log, uint64_t slot)
{
	uint64_t reserved = atomic_load_explicit(&log->reserved, memory_order_acquire);
	return reserved - ((reserved - slot) & POSITION_MASK);
}

/* ---- lookup ---- */

/* Copies the wire form that follows an intact header: false if it is too large. */
static inline bool take_wire(
	const _Atomic uint64_t *entry, const struct header *h, struct hf_cached *copy)
{
	size_t len = wire_len_of(h), room = copy->wire_cap;
	uint8_t *wire = copy->kept.wire;
	copy->kept.len = (uint16_t)len;
	if (len > room)
		return false;
	hf_put_u32(wire, (uint16_t)h->w2);
	copy_words(entry + HEADER_WORDS, wire + IN_HEADER, len - IN_HEADER, room - IN_HEADER);
	return true;
}

/* The ends and TTLs that are listed behind the wire form: false if there are too many. */
static __attribute__((noinline)) bool take_list(
	const struct log *log, uint64_t position, const struct header *h, struct hf_cached *copy)
{
	const _Atomic uint64_t *list =
		&log->words[position % log->capacity] + HEADER_WORDS + wire_words(wire_len_of(h));
	struct ends ends = unpack_ends(word_of(list, 0));
	/* Only if it is the entry's own is the count true. */
	if (!intact(log, position) || ends.ttl_count > copy->ttl_cap)
		return false;
	copy_words(list + 1, copy->kept.ttl_at, (size_t)ends.ttl_count * 2, copy->ttl_cap * 2);
	copy->kept.answer_end = ends.answer;
	copy->kept.authority_end = ends.authority;
	copy->kept.ttl_count = ends.ttl_count;
	return true;
}

/* ... and the others. */
static inline bool take_ends(const struct log *log, uint64_t position, const struct header *h,
	size_t question_end, struct hf_cached *copy)
{
	enum form form = form_of(h);
	if (form == FORM_LISTED)
		return take_list(log, position, h, copy);
	uint16_t end = wire_len_of(h);
	copy->kept.authority_end = end;
	copy->kept.answer_end = form == FORM_AUTHORITY ? (uint16_t)question_end : end;
	copy->kept.ttl_count = form != FORM_BARE;
	if (form == FORM_BARE)
		return true;
	if (!copy->ttl_cap)
		return false;
	copy->kept.ttl_at[0] = (uint16_t)(question_end + USUAL_TTL);
	return true;
}

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
	const struct header *h, size_t question_end, const struct hf_cached *copy)
{
	size_t name_len = question_end - HF_HEADER_LEN - 4;
	const uint8_t *name = copy->kept.wire + HF_HEADER_LEN;
	return (h->w1 & KEY_FLAGS) == key->flags && wire_len_of(h) >= question_end &&
	       same_octets(name, key->name->bytes, name_len) &&
	       same_kind(key, hf_get_u32(name + name_len));
}

static inline void take_header(const struct header *h, struct hf_cached *copy)
{
	copy->kept.ttl = ttl_of(h);
	copy->stored = stored_of(h);
	copy->rcode = h->w2 & HF_FLAG_RCODE;
}

/* Copies the entry out that lies at a position. False: it is another key's, torn, or too
 * large (then kept.len says so). */
static inline __attribute__((always_inline)) bool take_at(const struct log *log, uint64_t position,
	const _Atomic uint64_t *entry, const struct hf_cache_key *key, struct hf_cached *copy)
{
	const struct header h = read_header(entry);
	size_t question_end = HF_HEADER_LEN + (size_t)key->name->len + 4;
	if (h.hash != key->hash || !intact(log, position))
		return false;
	/* Intact, so these words, and the length in them, are the entry's own. */
	bool fits = take_wire(entry, &h, copy) && take_ends(log, position, &h, question_end, copy);
	if (!intact(log, position) || (fits && !key_matches(key, &h, question_end, copy))) {
		copy->kept.len = 0;
		return false;
	}
	take_header(&h, copy);
	return fits;
}

static inline bool take(const struct log *log, uint64_t position, const struct hf_cache_key *key,
	struct hf_cached *copy)
{
	return take_at(log, position, &log->words[position % log->capacity], key, copy);
}

static inline void note_hit(_Atomic uint64_t *slot, uint64_t seen)
{
	if ((seen & SLOT_HITS) != SLOT_HITS)
		atomic_compare_exchange_weak_explicit(
			slot, &seen, seen + SLOT_HIT, memory_order_relaxed, memory_order_relaxed);
}

/* The tag and the bit for `used` are a slot's upper bits. */
static inline bool has_tag(uint64_t slot, uint64_t hash)
{
	return !((slot ^ (slot_tag(hash) | SLOT_USED)) >> 47);
}

#if defined(TWO_AT_ONCE)
/* Of four slots, a word of ones for each whose upper 17 bits are wanted: tag and bit. */
static inline __m128i four_alike(const _Atomic uint64_t *slots, __m128i want)
{
	const __m128 *two = (const __m128 *)(const void *)slots;
	__m128i upper = _mm_castps_si128(_mm_shuffle_ps(two[0], two[1], _MM_SHUFFLE(3, 1, 3, 1)));
	__m128i rest = _mm_srli_epi32(_mm_xor_si128(upper, want), 15);
	return _mm_cmpeq_epi32(rest, _mm_setzero_si128());
}

/* A bit for each of a bucket's slots that has the tag and bit of `word`, the first one's
 * lowest. Two slots are loaded at once, which no atomic type of C can say: this
 * processor loads each of them whole and in order, and the compiler is told to. Whoever finds
 * one here loads it again before going by it. */
static inline unsigned alike(const _Atomic uint64_t *bucket, uint64_t word)
{
	const __m128i want = _mm_set1_epi32((int)(word >> 32));
	__m128i low = four_alike(bucket, want), high = four_alike(bucket + 4, want);
	__m128i octets = _mm_packs_epi16(_mm_packs_epi32(low, high), _mm_setzero_si128());
	atomic_signal_fence(memory_order_acquire);
	return (unsigned)_mm_movemask_epi8(octets);
}
#else
static inline unsigned alike(const _Atomic uint64_t *bucket, uint64_t word)
{
	unsigned found = 0;
	for (unsigned i = BUCKET; i-- > 0;) { /* no branch: nobody can foretell which fits */
		uint64_t slot = atomic_load_explicit(&bucket[i], memory_order_acquire);
		found = found + found + !((slot ^ word) >> 47);
	}
	return found;
}
#endif

/* The slots of a bucket that are taken by somebody with the hash's tag, and those that are not
 * taken by anybody. */
static inline unsigned with_tag(const _Atomic uint64_t *bucket, uint64_t hash)
{
	return alike(bucket, slot_tag(hash) | SLOT_USED);
}

static inline unsigned untaken(const _Atomic uint64_t *bucket)
{
	return alike(bucket, 0);
}

/* The next way from `way` on that is taken by somebody with the hash's tag; WAYS: none. */
static inline unsigned next_way(struct home home, uint64_t hash, unsigned way, uint64_t *ret_seen)
{
	while (way < WAYS) {
		unsigned found = with_tag(slot_at(home, way - way % BUCKET), hash);
		found = found >> way % BUCKET << way % BUCKET;
		if (!found) {
			way += BUCKET - way % BUCKET;
			continue;
		}
		way = way - way % BUCKET + (unsigned)__builtin_ctz(found);
		*ret_seen = atomic_load_explicit(slot_at(home, way), memory_order_acquire);
		if (has_tag(*ret_seen, hash))
			return way;
		way++;
	}
	return WAYS;
}

/* What a copy that was taken is worth. */
static inline enum hf_cache_result judge(
	_Atomic uint64_t *slot, uint64_t seen, hf_us now, struct hf_cached *copy)
{
	note_hit(slot, seen);
	copy->hits = (uint8_t)((seen & SLOT_HITS) / SLOT_HIT);
	copy->age = now > copy->stored ? (uint32_t)((uint64_t)(now - copy->stored) / HF_SECOND) : 0;
	return copy->age < copy->kept.ttl ? HF_CACHE_FRESH : HF_CACHE_EXPIRED;
}

static enum hf_cache_result look(const struct shard *shard, struct home home,
	const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	uint64_t seen;
	for (unsigned way = 0; (way = next_way(home, key->hash, way, &seen)) < WAYS; way++) {
		const struct log *log = slot_log(shard, seen);
		if (take(log, slot_position(log, seen), key, copy))
			return judge(slot_at(home, way), seen, now, copy);
		if (copy->kept.len)
			break;
	}
	return HF_CACHE_MISS;
}

/* It is not where it was expected: the whole pair, the annex, and the next pair if the index
 * has been stretched there meanwhile. The owner takes a step with each answer that it stores: who
 * finds one done under his eyes each time waits for nobody. */
static __attribute__((noinline)) enum hf_cache_result look_everywhere(const struct shard *shard,
	const struct hf_cache_key *key, hf_us now, struct hf_cached *copy)
{
	enum hf_cache_result found = HF_CACHE_MISS;
	for (int tries = 0; tries < LOOKS_MAX; tries++) {
		uint64_t shape = shape_of(shard);
		found = look(shard, home_of(shard, shape, key->hash), key, now, copy);
		if (found == HF_CACHE_MISS && !copy->kept.len && has_annexed(shard, key->hash))
			found = look(shard, annex_of(shard, key->hash), key, now, copy);
		if (found != HF_CACHE_MISS || copy->kept.len || shape_of(shard) == shape)
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
		if (!((seen ^ key->found) & ~SLOT_HITS) &&
			take_at(key->log, key->position, key->entry, key, copy))
			return judge(key->place, seen, now, copy);
		if (copy->kept.len)
			return HF_CACHE_MISS;
	}
	if (key->absent)
		return HF_CACHE_MISS;
	return look_everywhere(shard_to_read(cache, key), key, now, copy);
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
	const struct shard *shard = shard_to_read(cache, key);
	struct home home = home_of(shard, shape_of(shard), key->hash);
	__builtin_prefetch((const void *)&home.slots[0]);
	__builtin_prefetch((const void *)&home.slots[BUCKET]);
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
static inline void note_found(const struct shard *shard, uint64_t slot, struct hf_cache_key *key)
{
	const struct log *log = slot_log(shard, slot);
	key->found = slot;
	key->log = log;
	key->position = slot_position(log, slot);
	key->entry = &log->words[key->position % log->capacity];
}

static inline const _Atomic uint64_t *slot_entry(const struct shard *shard, uint64_t slot)
{
	const struct log *log = slot_log(shard, slot);
	return &log->words[slot_position(log, slot) % log->capacity];
}

/* Nearly always it is in the key's own bucket. */
static inline _Atomic uint64_t *first_with_tag(struct home home, uint64_t hash, uint64_t *ret_seen)
{
	_Atomic uint64_t *own = slot_at(home, 0);
	unsigned found = with_tag(own, hash), way;
	if (__builtin_expect(found != 0, 1)) {
		own += __builtin_ctz(found);
		*ret_seen = atomic_load_explicit(own, memory_order_acquire);
		if (has_tag(*ret_seen, hash))
			return own;
	}
	way = next_way(home, hash, found ? 0 : BUCKET, ret_seen);
	return way < WAYS ? slot_at(home, way) : NULL;
}

/* Looks in the pair that begins at `slots` and in the annex, and sets all that a look ahead
 * remembers: true if it found something. A hash's pair only ever moves on. If it is the same
 * before and after it was looked through, it was so all the time. */
static inline __attribute__((always_inline)) bool approach(
	const struct shard *shard, _Atomic uint64_t *slots, struct hf_cache_key *key)
{
	const struct home home = {slots, key->hash >> 32 & BUCKET};
	uint64_t seen;
	_Atomic uint64_t *slot = first_with_tag(home, key->hash, &seen);
	if (!slot && has_annexed(shard, key->hash))
		slot = first_with_tag(annex_of(shard, key->hash), key->hash, &seen);
	key->expected = key->absent = false;
	key->place = slot;
	if (slot) {
		note_found(shard, seen, key);
		return true;
	}
	key->found = 0;
	key->absent = home_of(shard, shape_of(shard), key->hash).slots == slots;
	return false;
}

void hf_cache_approach(const struct hf_cache *cache, struct hf_cache_key *key)
{
	const struct shard *shard = shard_to_read(cache, key);
	approach(shard,
		key->expected ? key->place : home_of(shard, shape_of(shard), key->hash).slots, key);
}

/* Looks which entries up to ABREAST keys lead to, and has them fetched. */
static inline void fetch_entries(
	const struct hf_cache *cache, struct hf_cache_key *const *keys, size_t n)
{
	const char *entries[ABREAST];
	size_t count = 0;
	for (size_t i = 0; i < n; i++)
		if (approach(shard_to_read(cache, keys[i]), keys[i]->place, keys[i]))
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

/* ---- the owner's side: index ---- */

static inline void sum_add(_Atomic uint64_t *sum, uint64_t n)
{
	atomic_store_explicit(
		sum, atomic_load_explicit(sum, memory_order_relaxed) + n, memory_order_relaxed);
}

static uint64_t entry_hash(const struct log *log, uint64_t position)
{
	return load_word(log, position);
}

/* Of a pair, the slot that leads to this very entry, or NULL. */
static _Atomic uint64_t *slot_that_is(struct home home, uint64_t want)
{
	for (unsigned way = 0; way < WAYS; way++) {
		_Atomic uint64_t *slot = slot_at(home, way);
		uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
		if ((seen & ~SLOT_HITS) == want)
			return slot;
	}
	return NULL;
}

/* The slot that leads to this very entry, or NULL if it has been replaced. */
static _Atomic uint64_t *slot_of_entry(struct shard *shard, unsigned which, uint64_t position)
{
	uint64_t hash = entry_hash(&shard->logs[which], position);
	uint64_t want = slot_tag(hash) | SLOT_USED | (which == MAIN ? SLOT_LOG : 0) |
			(position & POSITION_MASK);
	_Atomic uint64_t *slot = slot_that_is(home_of(shard, shape_of(shard), hash), want);
	if (!slot && has_annexed(shard, hash))
		slot = slot_that_is(annex_of(shard, hash), want);
	return slot;
}

/* Of a pair, the slot that holds this key, or NULL. */
static _Atomic uint64_t *slot_with(const struct shard *shard, struct home home, uint64_t hash)
{
	uint64_t seen;
	if (!(with_tag(home.slots, hash) | with_tag(home.slots + BUCKET, hash)))
		return NULL;
	for (unsigned way = 0; (way = next_way(home, hash, way, &seen)) < WAYS; way++) {
		const struct log *log = slot_log(shard, seen);
		uint64_t position = slot_position(log, seen);
		if (entry_hash(log, position) == hash && intact(log, position))
			return slot_at(home, way);
	}
	return NULL;
}

/* The slot that holds this key, or NULL. Two keys with equal 64-bit hashes would
 * replace each other, which is safe: lookups compare the whole key. */
static _Atomic uint64_t *slot_of_hash(const struct shard *shard, uint64_t hash)
{
	_Atomic uint64_t *slot = slot_with(shard, home_of(shard, shape_of(shard), hash), hash);
	if (!slot && has_annexed(shard, hash))
		slot = slot_with(shard, annex_of(shard, hash), hash);
	return slot;
}

static bool is_annexed(const struct shard *shard, const _Atomic uint64_t *slot)
{
	return slot >= &shard->slots[(uint64_t)shard->pairs_max * WAYS];
}

/* A slot of the annex is filled, or (by -1) emptied. */
static void count_annexed(struct shard *shard, uint32_t by)
{
	uint32_t count = atomic_load_explicit(&shard->annexed, memory_order_relaxed) + by;
	atomic_store_explicit(&shard->annexed, count, memory_order_release);
	for (size_t i = 0; !count && i < HF_COUNT_OF(shard->marks); i++)
		atomic_store_explicit(&shard->marks[i], 0, memory_order_relaxed);
}

static void mark_annexed(struct shard *shard, uint64_t word)
{
	const unsigned mark = mark_of(word);
	_Atomic uint64_t *marks = &shard->marks[mark / 64];
	uint64_t before = atomic_load_explicit(marks, memory_order_relaxed);
	atomic_store_explicit(marks, before | 1ull << mark % 64, memory_order_release);
}

/* A slot that is empty is not. */
static void fill_slot(struct shard *shard, _Atomic uint64_t *slot, uint64_t word)
{
	if (is_annexed(shard, slot)) { /* first: who finds nothing need not look there */
		count_annexed(shard, 1);
		mark_annexed(shard, word);
	}
	atomic_store_explicit(slot, word, memory_order_release);
}

static void forget_slot(struct shard *shard, _Atomic uint64_t *slot)
{
	uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
	const struct log *log = slot_log(shard, seen);
	sum_add(&shard->entries, (uint64_t)-1);
	sum_add(&shard->words, -entry_words(log, slot_position(log, seen)));
	atomic_store_explicit(slot, 0, memory_order_release);
	if (is_annexed(shard, slot))
		count_annexed(shard, UINT32_MAX);
}

/* The first empty slot of a pair, or NULL. */
static inline _Atomic uint64_t *empty_slot(struct home home)
{
	for (unsigned way = 0; way < WAYS; way += BUCKET) {
		_Atomic uint64_t *bucket = slot_at(home, way);
		unsigned found = untaken(bucket);
		if (found)
			return &bucket[__builtin_ctz(found)];
	}
	return NULL;
}

/* Of a pair without an empty slot, in *victim the one whose *least is below all others': fewest
 * hits, newcomers before the settled, older before younger. */
static void find_victim(struct home home, _Atomic uint64_t **victim, uint64_t *least)
{
	for (unsigned way = 0; way < WAYS; way++) {
		_Atomic uint64_t *slot = slot_at(home, way);
		uint64_t wanted = atomic_load_explicit(slot, memory_order_relaxed) &
				  (SLOT_HITS | SLOT_LOG | POSITION_MASK);
		if (wanted < *least) {
			*least = wanted;
			*victim = slot;
		}
	}
}

/* A slot where there is none: in the annex, or the least wanted of both pairs goes. */
static __attribute__((noinline)) _Atomic uint64_t *slot_elsewhere(
	struct shard *shard, struct home home, uint64_t hash)
{
	struct home annex = annex_of(shard, hash);
	_Atomic uint64_t *slot = empty_slot(annex), *victim = NULL;
	uint64_t least = UINT64_MAX;
	if (slot)
		return slot;
	find_victim(home, &victim, &least);
	find_victim(annex, &victim, &least);
	forget_slot(shard, victim);
	sum_add(&shard->evictions, 1);
	return victim;
}

/* Fills an empty slot for a hash whose pair is `home`. */
static inline void fill_new(struct shard *shard, struct home home, uint64_t hash, uint64_t word)
{
	_Atomic uint64_t *slot = empty_slot(home);
	if (slot)
		atomic_store_explicit(slot, word, memory_order_release);
	else
		fill_slot(shard, slot_elsewhere(shard, home, hash), word);
}

/* Copies what a step of stretching takes out of a pair to where it belongs in an index of
 * the next size. A bit of what comes back for each slot that was copied. */
static unsigned copy_up(struct shard *shard, uint32_t pair, uint32_t next)
{
	const _Atomic uint64_t *slots = home_in(shard, pair, 0).slots, *entries[WAYS];
	uint64_t seen[WAYS];
	unsigned taken = ~(untaken(slots) | untaken(slots + BUCKET) << BUCKET) & ALL_WAYS;
	unsigned copied = 0;
	for (unsigned left = taken; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		seen[i] = atomic_load_explicit(&slots[i], memory_order_relaxed);
		entries[i] = slot_entry(shard, seen[i]);
		__builtin_prefetch((const void *)entries[i]); /* all at once: each is far away */
	}
	for (unsigned left = taken; left; left &= left - 1) {
		unsigned i = (unsigned)__builtin_ctz(left);
		uint64_t hash = word_of(entries[i], 0);
		uint32_t to = hf_shape_place((uint32_t)hash, next);
		if (to == pair)
			continue;
		fill_new(shard, home_in(shard, to, hash), hash, seen[i]);
		copied |= left & -left;
	}
	return copied;
}

/* Moves one pair if the index is being stretched or should be. First the copies, then the
 * word that they are there, then the originals go: see the proof in the header. */
static void stretch(struct shard *shard)
{
	uint64_t shape = shape_of(shard), pairs = hf_shape_pairs(shape);
	uint64_t entries = atomic_load_explicit(&shard->entries, memory_order_relaxed);
	if (hf_shape_rests(shape) && (pairs == shard->pairs_max || entries < pairs * STRETCHED_AT))
		return;
	uint32_t pair = hf_shape_frontier(shape) - 1;
	unsigned copied = copy_up(shard, pair, hf_shape_next((uint32_t)pairs, shard->pairs_max));
	atomic_store_explicit(
		&shard->shape, hf_shape_moved(shape, shard->pairs_max), memory_order_release);
	_Atomic uint64_t *slots = home_in(shard, pair, 0).slots;
	for (; copied; copied &= copied - 1)
		atomic_store_explicit(&slots[__builtin_ctz(copied)], 0, memory_order_release);
}

/* ---- the owner's side: logs ---- */

static inline uint16_t fingerprint(uint64_t hash)
{
	return (uint16_t)(hash >> 32) | 1;
}

static inline uint64_t ghost_buckets(const struct shard *shard)
{
	return (uint64_t)shard->pairs_max * GHOST_BUCKETS;
}

/* Four to a bucket, youngest first: two names that share a place do not keep
 * knocking each other out. */
static uint16_t *ghost_bucket(struct shard *shard, uint64_t hash)
{
	uint64_t bucket = (hash & UINT32_MAX) * ghost_buckets(shard) >> 32;
	return &shard->ghosts[bucket * GHOST_BUCKET];
}

static void remember_ghost(struct shard *shard, uint64_t hash)
{
	uint16_t *ghosts = ghost_bucket(shard, hash);
	memmove(ghosts + 1, ghosts, (GHOST_BUCKET - 1) * sizeof *ghosts);
	ghosts[0] = fingerprint(hash);
}

static bool take_ghost(struct shard *shard, uint64_t hash)
{
	uint16_t *ghosts = ghost_bucket(shard, hash);
	for (unsigned i = 0; i < GHOST_BUCKET; i++) {
		if (ghosts[i] == fingerprint(hash)) {
			ghosts[i] = 0;
			return true;
		}
	}
	return false;
}

/* Words that have to be passed over so that n of them do not wrap. */
static uint64_t padding(const struct log *log, uint64_t n)
{
	uint64_t left = log->capacity - log->head % log->capacity;
	return left < n ? left : 0;
}

static bool has_room(const struct log *log, uint64_t n)
{
	return log->head + padding(log, n) + n - log->tail <= log->capacity;
}

/* Takes n words at the head, which must have room. */
static uint64_t reserve(struct log *log, uint64_t n)
{
	uint64_t pad = padding(log, n), at = log->head + pad;
	atomic_store_explicit(&log->reserved, at + n, memory_order_release);
	if (pad) /* a piece that no slot leads to: skipped at the tail */
		store_word(log, log->head, PADDING);
	log->head = at + n;
	return at;
}

/* Whoever follows the log may read up to its head. */
static inline void publish(struct log *log)
{
	atomic_store_explicit(&log->written, log->head, memory_order_release);
}

static void drop_tail(struct shard *shard, unsigned which, _Atomic uint64_t *slot)
{
	struct log *log = &shard->logs[which];
	if (slot) {
		if (which == SMALL)
			remember_ghost(shard, entry_hash(log, log->tail));
		forget_slot(shard, slot);
		sum_add(&shard->evictions, 1);
	}
	log->tail += entry_words(log, log->tail);
}

static void make_room(struct shard *shard, unsigned which, uint64_t n, unsigned *budget);

/* Carries the entry at `from`'s tail to the head of the main log. */
static void carry_to_main(
	struct shard *shard, unsigned from, _Atomic uint64_t *slot, unsigned *budget)
{
	struct log *log = &shard->logs[from], *main = &shard->logs[MAIN];
	uint64_t seen = atomic_load_explicit(slot, memory_order_relaxed);
	uint64_t hits = (seen & SLOT_HITS) / SLOT_HIT;
	uint64_t n = entry_words(log, log->tail);
	if (from == SMALL) {
		/* Before the copy: making room may carry, too, in the same buffer. It
		 * touches main only, so this entry and its slot stay. */
		make_room(shard, MAIN, n, budget);
		hits = 1;
	}
	copy_out(log, log->tail, shard->carry, n * 8);
	log->tail += n;
	uint64_t at = reserve(main, n);
	shard->carry[1] |= CARRIED;
	copy_in(main, at, shard->carry, n * 8);
	publish(main);
	uint64_t moved = slot_tag(seen) | SLOT_USED | (hits - 1) * SLOT_HIT | SLOT_LOG |
			 (at & POSITION_MASK);
	atomic_store_explicit(slot, moved, memory_order_release);
}

static bool asked_again(_Atomic uint64_t *slot)
{
	return atomic_load_explicit(slot, memory_order_relaxed) & SLOT_HITS;
}

static void pop_main(struct shard *shard, uint64_t n, unsigned *budget)
{
	struct log *main = &shard->logs[MAIN];
	_Atomic uint64_t *slot = slot_of_entry(shard, MAIN, main->tail);
	/* Carrying back must not take the room that is being made: with the head
	 * about to wrap, the padding could. */
	bool carry = slot && asked_again(slot) && *budget;
	if (carry) {
		uint64_t words = entry_words(main, main->tail);
		struct log after = *main;
		after.tail += words;
		carry = has_room(&after, words) && n < main->capacity / 2;
	}
	if (carry) {
		--*budget;
		carry_to_main(shard, MAIN, slot, budget);
	} else {
		drop_tail(shard, MAIN, slot);
	}
}

/* Nothing has ever had to leave the main log: it need not choose yet. */
static bool still_filling(const struct shard *shard, uint64_t n)
{
	return shard->logs[MAIN].tail == 0 && has_room(&shard->logs[MAIN], n);
}

static void pop_small(struct shard *shard, unsigned *budget)
{
	struct log *small = &shard->logs[SMALL];
	_Atomic uint64_t *slot = slot_of_entry(shard, SMALL, small->tail);
	uint64_t n = entry_words(small, small->tail);
	if (slot && *budget && (asked_again(slot) || still_filling(shard, n))) {
		--*budget;
		carry_to_main(shard, SMALL, slot, budget);
	} else {
		drop_tail(shard, SMALL, slot);
	}
}

static __attribute__((noinline)) void make_room(
	struct shard *shard, unsigned which, uint64_t n, unsigned *budget)
{
	struct log *log = &shard->logs[which];
	while (!has_room(log, n)) {
		if (which == MAIN)
			pop_main(shard, n, budget);
		else
			pop_small(shard, budget);
	}
}

/* ---- store ---- */

/* n: words_of it. */
static uint64_t write_entry(
	struct log *log, const struct header *h, const struct hf_kept *kept, uint64_t n)
{
	uint64_t at = reserve(log, n), next = at + HEADER_WORDS;
	_Atomic uint64_t *head = &log->words[at % log->capacity];
	atomic_store_explicit(&head[0], h->hash, memory_order_release);
	atomic_store_explicit(&head[1], h->w1, memory_order_release);
	atomic_store_explicit(&head[2], h->w2, memory_order_release);
	copy_in(log, next, kept->wire + IN_HEADER, (size_t)kept->len - IN_HEADER);
	if (form_of(h) == FORM_LISTED) {
		next += wire_words(kept->len);
		store_word(log, next, pack_ends(kept));
		copy_in(log, next + 1, kept->ttl_at, (size_t)kept->ttl_count * 2);
	}
	publish(log);
	return at;
}

static bool fits(const struct log *log, uint64_t n)
{
	return n <= log->capacity / LARGEST_PART;
}

/* Where a new answer goes: beside the old one if that has settled, to the main
 * log if it was missed since it fell off the small one, else with the newcomers. */
static unsigned choose_log(
	struct shard *shard, uint64_t hash, const _Atomic uint64_t *old, uint64_t n)
{
	if (old && atomic_load_explicit(old, memory_order_relaxed) & SLOT_LOG)
		return MAIN;
	return take_ghost(shard, hash) || !fits(&shard->logs[SMALL], n) ? MAIN : SMALL;
}

/* Writes an entry of n words at the head of a log that has room for it and makes its slot
 * lead there. known: there has been an answer for the key. */
static void put(struct shard *shard, unsigned which, const struct header *h,
	const struct hf_kept *kept, uint64_t n, bool known, uint64_t hits)
{
	/* Only now look for the old answer: making room may have moved or ended it. */
	_Atomic uint64_t *slot = known ? slot_of_hash(shard, h->hash) : NULL;
	if (slot)
		hits = atomic_load_explicit(slot, memory_order_relaxed) & SLOT_HITS;
	uint64_t at = write_entry(&shard->logs[which], h, kept, n);
	uint64_t word = slot_tag(h->hash) | SLOT_USED | hits | (which == MAIN ? SLOT_LOG : 0) |
			(at & POSITION_MASK);
	if (slot) {
		forget_slot(shard, slot);
		fill_slot(shard, slot, word);
	} else {
		fill_new(shard, home_of(shard, shape_of(shard), h->hash), h->hash, word);
	}
	sum_add(&shard->entries, 1);
	sum_add(&shard->words, n);
}

/* Before it can be found. */
static void remark(struct hf_cache *cache, const struct hf_cache_key *key, const struct header *h)
{
	if (key->flags & (HF_CACHE_NAME | HF_CACHE_FAILED))
		hf_remarks_note(cache->remarks, key->name, key->name_hash,
			stored_of(h) + (hf_us)ttl_of(h) * HF_SECOND);
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

/* A lookup compares the question that an answer repeats: what would not be found again
 * is not put in. */
static bool answers_key(const struct hf_cache_key *key, const struct hf_kept *kept)
{
	size_t len = key->name->len;
	const uint8_t *name = kept->wire + HF_HEADER_LEN;
	return kept->len >= HF_HEADER_LEN + len + 4 &&
	       (key->flags & HF_CACHE_NAME || hf_get_u16(name + len) == key->type) &&
	       hf_get_u16(name + len + 2) == key->class;
}

/* Puts an answer into the log that was chosen for it. replaces: there may be an older
 * one for the key; hits: for a key that has none. */
static int enter(struct hf_cache *cache, unsigned which, const struct hf_cache_key *key,
	const struct header *h, const struct hf_kept *kept, bool replaces, uint64_t hits)
{
	struct shard *shard = shard_of(cache, key);
	unsigned budget = REINSERT_MAX;
	uint64_t n = words_of(h, kept);
	if (!fits(&shard->logs[which], n))
		return HF_EBOUND;
	if (!has_room(&shard->logs[which], n))
		make_room(shard, which, n, &budget);
	remark(cache, key, h);
	put(shard, which, h, kept, n, replaces, hits);
	stretch(shard);
	return 0;
}

/* The header of what is to be entered, if that can be. */
static int head_new(const struct hf_cache_key *key, hf_us stored, const struct hf_kept *kept,
	struct header *ret)
{
	if (hf_unexpected(!answers_key(key, kept)))
		return HF_EMALFORMED;
	*ret = header_of(key, stored, kept);
	return stored_of(ret) == stored ? 0 : HF_EBOUND;
}

int hf_cache_store(struct hf_cache *cache, const struct hf_cache_key *key, hf_us now,
	const struct hf_kept *kept)
{
	struct shard *shard = shard_of(cache, key);
	struct header h;
	int rc = head_new(key, now, kept, &h);
	if (rc)
		return rc;
	const _Atomic uint64_t *old = slot_of_hash(shard, key->hash);
	unsigned which = choose_log(shard, key->hash, old, words_of(&h, kept));
	return enter(cache, which, key, &h, kept, old != NULL, 0);
}

/* Leaves word of a removal in the small log; no slot leads to it. */
static void note_removal(struct shard *shard, const struct hf_cache_key *key, hf_us now)
{
	uint8_t wire[HF_HEADER_LEN + HF_NAME_MAX + 4] = {0};
	uint16_t end = (uint16_t)(HF_HEADER_LEN + key->name->len);
	const struct hf_kept kept = {.wire = wire,
		.len = (uint16_t)(end + 4),
		.answer_end = (uint16_t)(end + 4),
		.authority_end = (uint16_t)(end + 4)};
	unsigned budget = REINSERT_MAX;
	memcpy(wire + HF_HEADER_LEN, key->name->bytes, key->name->len);
	hf_put_u16(wire + end, key->type);
	hf_put_u16(wire + end + 2, key->class);
	struct header h = header_of(key, now, &kept);
	h.w1 |= GONE;
	uint64_t n = words_of(&h, &kept);
	if (!fits(&shard->logs[SMALL], n))
		return;
	make_room(shard, SMALL, n, &budget);
	write_entry(&shard->logs[SMALL], &h, &kept, n);
}

bool hf_cache_remove(struct hf_cache *cache, const struct hf_cache_key *key, hf_us now)
{
	struct shard *shard = shard_of(cache, key);
	_Atomic uint64_t *slot = slot_of_hash(shard, key->hash);
	if (slot)
		forget_slot(shard, slot);
	if (cache->note_removals && !(key->flags & HF_CACHE_FAILED))
		note_removal(shard, key, now);
	return slot != NULL;
}

/* ---- reading along ---- */

void hf_cache_note_removals(struct hf_cache *cache)
{
	cache->note_removals = true;
}

static uint64_t index_pairs(const struct shard *shard)
{
	return (uint64_t)shard->pairs_max + shard->annex_pairs;
}

unsigned hf_cache_shards(const struct hf_cache *cache)
{
	return cache->shard_count;
}

uint64_t hf_cache_slots(const struct hf_cache *cache)
{
	return index_pairs(&cache->shards[0]) * WAYS;
}

struct hf_cache_mark hf_cache_mark(const struct hf_cache *cache, unsigned shard)
{
	const struct log *logs = cache->shards[shard].logs;
	struct hf_cache_mark mark;
	/* The small log first: see the header. */
	mark.newcomers = atomic_load_explicit(&logs[SMALL].written, memory_order_acquire);
	mark.settled = atomic_load_explicit(&logs[MAIN].written, memory_order_acquire);
	return mark;
}

/* The question that an answer repeats. Returns where it ends, 0: there is none. */
static size_t take_question(struct hf_cache_entry *ret)
{
	const uint8_t *name = ret->copy.kept.wire + HF_HEADER_LEN;
	size_t left = ret->copy.kept.len - (size_t)HF_HEADER_LEN;
	size_t len = ret->copy.kept.len > HF_HEADER_LEN + 4 ? hf_name_wire_len(name, left - 4) : 0;
	if (!len)
		return 0;
	ret->type = ret->flags & HF_CACHE_NAME ? 0 : hf_get_u16(name + len);
	ret->class = hf_get_u16(name + len + 2);
	return HF_HEADER_LEN + len + 4;
}

/* Copies out all that a header, which was intact, says lies at a position. False: torn,
 * or larger than the copy's memory. */
static bool take_all(const struct log *log, uint64_t position, const struct header *h,
	struct hf_cache_entry *ret)
{
	size_t question_end;
	ret->hash = h->hash;
	ret->flags = h->w1 & KEY_FLAGS;
	ret->gone = h->w1 & GONE;
	if (!take_wire(&log->words[position % log->capacity], h, &ret->copy) ||
		!intact(log, position))
		return false;
	question_end = take_question(ret);
	if (hf_unexpected(!question_end) ||
		!take_ends(log, position, h, question_end, &ret->copy) || !intact(log, position))
		return false;
	take_header(h, &ret->copy);
	ret->copy.hits = 0;
	return true;
}

/* Padding, failures and what has been in a log before are passed over. */
static enum hf_cache_step step_over(const struct log *log, uint64_t *at, struct hf_cache_entry *ret)
{
	uint64_t position = *at, first = load_word(log, position);
	uint64_t n = entry_words(log, position);
	if (!intact(log, position))
		return HF_CACHE_STEP_LOST;
	*at += n;
	if (first == PADDING)
		return HF_CACHE_STEP_ON;
	const struct header h = load_header(log, position);
	if (!intact(log, position))
		return HF_CACHE_STEP_LOST;
	if (h.w1 & (CARRIED | HF_CACHE_FAILED))
		return HF_CACHE_STEP_ON;
	return take_all(log, position, &h, ret) ? HF_CACHE_STEP_ENTRY : HF_CACHE_STEP_LOST;
}

static enum hf_cache_step follow_log(
	const struct log *log, uint64_t *at, uint64_t end, struct hf_cache_entry *ret)
{
	while (*at != end) {
		enum hf_cache_step step = step_over(log, at, ret);
		if (step == HF_CACHE_STEP_LOST)
			*at = end;
		if (step != HF_CACHE_STEP_ON)
			return step;
	}
	return HF_CACHE_STEP_END;
}

enum hf_cache_step hf_cache_follow(const struct hf_cache *cache, unsigned shard,
	struct hf_cache_mark *at, const struct hf_cache_mark *end, struct hf_cache_entry *ret)
{
	const struct log *logs = cache->shards[shard].logs;
	enum hf_cache_step step = follow_log(&logs[MAIN], &at->settled, end->settled, ret);
	return step != HF_CACHE_STEP_END
		       ? step
		       : follow_log(&logs[SMALL], &at->newcomers, end->newcomers, ret);
}

bool hf_cache_peek(
	const struct hf_cache *cache, unsigned shard, uint64_t slot, struct hf_cache_entry *ret)
{
	const struct shard *of = &cache->shards[shard];
	uint64_t pair = slot / WAYS;
	if (pair >= hf_shape_extent(shape_of(of), of->pairs_max) && pair < of->pairs_max)
		return false;
	/* An entry that moves while it is copied has a new place at once. */
	for (int tries = 0; tries < 4; tries++) {
		uint64_t seen = atomic_load_explicit(&of->slots[slot], memory_order_acquire);
		if (!seen)
			return false;
		const struct log *log = slot_log(of, seen);
		uint64_t position = slot_position(log, seen);
		const struct header h = load_header(log, position);
		if (!intact(log, position))
			continue;
		if (h.w1 & HF_CACHE_FAILED)
			return false;
		if (take_all(log, position, &h, ret)) {
			ret->copy.hits = (uint8_t)((seen & SLOT_HITS) / SLOT_HIT);
			return true;
		}
	}
	return false;
}

int hf_cache_restore(struct hf_cache *cache, const struct hf_cache_key *key, hf_us stored,
	uint8_t hits, const struct hf_kept *kept)
{
	const struct shard *shard = shard_to_read(cache, key);
	struct header h;
	int rc = head_new(key, stored, kept, &h);
	if (rc)
		return rc;
	uint64_t n = words_of(&h, kept);
	unsigned which =
		has_room(&shard->logs[MAIN], n) || !has_room(&shard->logs[SMALL], n) ? MAIN : SMALL;
	return enter(cache, which, key, &h, kept, true, (hits & 3) * SLOT_HIT);
}

bool hf_cache_stored(const struct hf_cache *cache, const struct hf_cache_key *key, hf_us *ret)
{
	const struct shard *shard = shard_to_read(cache, key);
	const _Atomic uint64_t *slot = slot_of_hash(shard, key->hash);
	uint64_t seen = slot ? atomic_load_explicit(slot, memory_order_acquire) : 0;
	if (!seen)
		return false;
	const struct log *log = slot_log(shard, seen);
	const struct header h = load_header(log, slot_position(log, seen));
	if (h.hash != key->hash || !intact(log, slot_position(log, seen)))
		return false;
	*ret = stored_of(&h);
	return true;
}

/* ---- making and measuring ---- */

static size_t log_octets(uint64_t words)
{
	return (words + BLOCK) * 8;
}

static int make_log(struct log *log, uint64_t words)
{
	log->words = hf_pages_get(log_octets(words));
	log->capacity = words;
	return log->words ? 0 : -ENOMEM;
}

static _Atomic uint64_t *annex_slots(const struct shard *shard)
{
	return &shard->slots[(uint64_t)shard->pairs_max * WAYS];
}

static size_t annex_octets(const struct shard *shard)
{
	return (size_t)shard->annex_pairs * WAYS * 8;
}

static size_t index_octets(const struct shard *shard)
{
	return index_pairs(shard) * WAYS * 8;
}

static size_t ghost_octets(const struct shard *shard)
{
	return ghost_buckets(shard) * GHOST_BUCKET * sizeof *shard->ghosts;
}

static int make_shard(struct shard *shard, uint64_t octets)
{
	/* For each pair its slots and ghosts, and what it leads to in a full cache. */
	uint64_t ghosts = GHOST_BUCKETS * GHOST_BUCKET * sizeof *shard->ghosts;
	uint64_t slots = WAYS * 8 + WAYS * 8 / ANNEX_PART;
	uint64_t pairs = octets / (slots + ghosts + FULL * TYPICAL_WORDS * 8) + 1;
	shard->pairs_max = pairs < UINT32_MAX ? (uint32_t)pairs : UINT32_MAX;
	shard->annex_pairs = shard->pairs_max / ANNEX_PART + 1;
	uint32_t first = shard->pairs_max < FIRST_PAIRS ? shard->pairs_max : FIRST_PAIRS;
	atomic_init(&shard->shape, hf_shape(first, first));
	shard->slots = hf_pages_get(index_octets(shard));
	shard->ghosts = hf_pages_get(ghost_octets(shard));
	if (shard->slots && index_octets(shard) >= HF_PAGES_HUGE)
		hf_pages_sparse((void *)annex_slots(shard), annex_octets(shard));
	shard->carry = malloc((size_t)ENTRY_WORDS_MAX * 8);
	if (!shard->slots || !shard->ghosts || !shard->carry)
		return -ENOMEM;
	uint64_t words = (octets - index_octets(shard) - ghost_octets(shard)) / 8 - LOGS * BLOCK;
	if (make_log(&shard->logs[SMALL], words / SMALL_PART) ||
		make_log(&shard->logs[MAIN], words - words / SMALL_PART))
		return -ENOMEM;
	return 0;
}

int hf_cache_new(
	uint64_t size, unsigned shards, const struct hf_hash_key *hash_key, struct hf_cache **ret)
{
	struct hf_cache *cache = hf_pages_get(sizeof *cache + shards * sizeof cache->shards[0]);
	if (!cache)
		return -ENOMEM;
	hf_fast_hash_init(&cache->names, hash_key, false);
	cache->size = size;
	cache->shard_count = shards;
	int rc = hf_remarks_new(size / PER_REMARK, &cache->remarks);
	for (unsigned i = 0; i < shards; i++) {
		if (rc || make_shard(&cache->shards[i], size / shards)) {
			hf_cache_free(cache);
			return -ENOMEM;
		}
	}
	*ret = cache;
	return 0;
}

static void free_shard(struct shard *shard)
{
	hf_pages_free((void *)shard->slots, index_octets(shard));
	hf_pages_free(shard->ghosts, ghost_octets(shard));
	free(shard->carry);
	for (unsigned i = 0; i < LOGS; i++)
		hf_pages_free((void *)shard->logs[i].words, log_octets(shard->logs[i].capacity));
}

void hf_cache_free(struct hf_cache *cache)
{
	for (unsigned i = 0; cache && i < cache->shard_count; i++)
		free_shard(&cache->shards[i]);
	if (!cache)
		return;
	hf_remarks_free(cache->remarks);
	hf_pages_free(cache, sizeof *cache + cache->shard_count * sizeof cache->shards[0]);
}

void hf_cache_hash_faster(struct hf_cache *cache)
{
	const struct hf_hash_key key = cache->names.key;
	hf_fast_hash_init(&cache->names, &key, true);
}

struct hf_cache_sums hf_cache_sums(const struct hf_cache *cache)
{
	struct hf_cache_sums sums = {.size = cache->size};
	for (unsigned i = 0; i < cache->shard_count; i++) {
		const struct shard *shard = &cache->shards[i];
		uint64_t entries = atomic_load_explicit(&shard->entries, memory_order_relaxed);
		sums.entries += entries;
		sums.bytes +=
			8 * (entries + atomic_load_explicit(&shard->words, memory_order_relaxed));
		sums.evictions += atomic_load_explicit(&shard->evictions, memory_order_relaxed);
	}
	return sums;
}
