/* SPDX-License-Identifier: GPL-3.0-or-later */
/* cache.h - answers with an age, for all workers at once, without a lock.
 *
 * Story: the cache is cut into shards, one for each worker. A name's hash says
 * which shard it belongs to, and only that shard's owner ever writes there;
 * everybody reads everywhere. A shard is an index (buckets of eight slots, one
 * cache line each, two to a pair) over two circular logs of answers. The index begins
 * small and is stretched as it fills (shape.h). New answers enter the
 * small log; what is asked again before it falls off its end moves to the main
 * log; what falls off the main log without having been asked again is gone:
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP
 * 2023). As long as nothing ever had to leave the main log, it takes what falls off
 * the small one unasked as well: a cache is filled whole before it chooses. A scan, such as a
 * reverse-lookup storm, passes through the small log and leaves the main one alone.
 *
 * What a hit touches, in lines of 64 octets: one of the index (two if the key's own
 * bucket was full), the entry (an A answer for a name of 25 octets is 80 octets with
 * all that belongs to it: two or three lines), and the log's head, which every hit
 * reads. It copies the answer out; it writes nothing, except for the first three hits
 * after a store, which raise the slot's two-bit count. Whoever has several keys at
 * hand looks ahead for all of them (hf_cache_look_ahead) before the first lookup: then
 * the lines of all are on their way at once.
 *
 * An entry, in words of 8 octets:
 *   w0  hash of the key; 0 in its place: from here on the log is empty to its end
 *   w1  instant of storing, us, signed (52) | 0 (4) | form (2) | carried (1) |
 *       removed (1) | key flags (4)
 *   w2  ttl s (32) | octets of the wire form (16) | its octets 2 and 3, the flags (16)
 *   w3- the wire form from octet 4 on, padded. Octets 0 and 1, the id, are always 0.
 *       Type and class of the key stand in its question, the rcode in its flags.
 * and for an answer that has not just one record right behind the question, its owner a
 * pointer (the forms that need no more):
 *       0 (16) | end of answer (16) | end of authority (16) | count of TTLs (16)
 *       then the offsets of the TTLs, 16 bits each, padded.
 *
 * A slot: tag (16) | 1 used | hits (2) | log (1) | position in words (44).
 *
 * What a name costs, its A record of 52 to 60 octets of wire: the header's 22 and the
 * wire form less its first two, padded to 8, make 72 to 80. A slot has 8 octets; five to
 * seven of a pair's 16 are taken while the index grows, eleven when the cache is full: 18
 * to 28 octets, then 12. Its part of the ghosts are 2 octets, once the cache is full. So 90
 * to 108 octets while there is room, and 86 to 94 of the size of a full cache, of which
 * the answer itself is 52 to 60. (In one that has nothing but such records, 97: its index is
 * full before its logs are.) While the index grows four names in ten thousand find all
 * 16 slots of their pair taken, and in a full cache one in a hundred: they go to the annex,
 * a 64th of the largest index and not stretched, where lookups that find nothing at home
 * look once anybody is there. Only when there is no place, either, has somebody to go.
 *
 * Memory is taken once but touched only when it is used, 2 MiB at a time where the
 * kernel gives huge pages (base/pages.h): the logs and the index fill from their beginning,
 * the ghosts (a 65th of the size) are in use once the small log has been full. Only the
 * annex, where few entries lie far apart, is taken 4 KiB at a time. What comes next may be
 * touched ahead by somebody who has time (hf_cache_prefault).
 *
 * Proof that a reader never returns a torn or foreign answer:
 *   1. Positions count words ever written to a log; they never go back, and the
 *      word at position p lies at p mod capacity.
 *   2. Before the owner writes any word of [p, p+n) it stores reserved = p+n;
 *      the words themselves are stored with release order, so they come after.
 *   3. A reader copies words with acquire loads (on x86-64 two at once, which comes to the
 *      same there: cache/ring.h) and then loads `reserved`. If
 *      any word that it copied came from a later round, (2) makes a `reserved`
 *      visible that lies more than a capacity past the entry's position, and
 *      the copy is thrown away. Otherwise all words are those of the entry. What
 *      says how much is to be copied (length, form, count) is asked about in this
 *      way before it is gone by.
 *   4. The slot is published with release after the entry's words are written,
 *      and loaded with acquire: an intact position shows a whole entry.
 *   5. The entry repeats its key: the flags in the header, the rest as the question
 *      of its wire form. It is compared in the reader's own copy.
 *   6. A step that stretches the index copies slots, stores the new shape, then clears
 *      the slots that it copied, each with release order. Who has seen a cleared slot
 *      sees the new shape, and looks again: an entry that moves is never missed, and
 *      found twice it is the same entry. A key's pair only ever moves on, so whoever finds
 *      it the same before and after has looked in the right one. What is in the annex stays
 *      there, and is counted and marked before it can be found.
 *   7. Readers write only by compare-and-swap on the slot that they saw, so a
 *      hit count cannot land on another entry's slot.
 *   8. Nor is an answer missed that is replaced, or carried from one log or its tail to a head:
 *      its slot goes from the one place to the other at once. Whoever has read it before, and
 *      finds his copy written over, reads it again; after some times in a row he gives up.
 *
 * Reading along: one who writes answers down (keep/) needs no word from whoever
 * stores them. A log tells from `written` how far it has been written; any thread
 * may copy entry by entry up to there, by the same proof, and finds out if it has
 * been overtaken. An entry that moves within the cache is marked as carried and
 * told once only. A removal leaves no trace in a log, unless hf_cache_note_removals
 * has been called: then it leaves an entry that says so, to which no slot leads. (In a
 * shard of less than 16 KiB there is none for a long name, as it would be more than a quarter of
 * the small log.)
 *
 * Threads: hf_cache_lookup and all that reads along from any thread; hf_cache_store and _remove for
 * keys of one shard from one thread; figures from any. At the bound: memory is taken once; an
 * answer that does not fit into a quarter of a log is refused (HF_EBOUND); else the least wanted
 * make room. Never:   who asked, who answered, what time it is. */
#ifndef HF_CACHE_CACHE_H
#define HF_CACHE_CACHE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/hash.h"
#include "base/time.h"
#include "cache/remarks.h"
#include "wire/build.h"
#include "wire/message.h"

struct hf_cache;

enum hf_cache_flag {         /* part of the key */
	HF_CACHE_DO = 1,     /* DNSSEC records were asked for */
	HF_CACHE_CD = 2,     /* checking disabled */
	HF_CACHE_FAILED = 8, /* that no upstream could answer: never in an answer's place */
	HF_CACHE_NAME = 4,   /* says something of the whole name: NXDOMAIN, any type */
};

struct hf_cache_key {
	uint64_t name_hash; /* of the lowered name: chooses the shard */
	uint64_t realm;     /* whose word it is; names are the same, answers are not */
	uint64_t hash;      /* of all of the key */
	const struct hf_name *name;
	uint16_t type; /* 0 with HF_CACHE_NAME */
	uint16_t class;
	uint8_t flags;
	uint8_t shard;
	bool expected; /* `place` is where the key's pair begins, which is being fetched */
	bool absent;   /* a look ahead found nothing */
	_Atomic uint64_t
		*place;    /* in the index, where it found something; NULL: nobody has looked */
	uint64_t found;    /* what stands in that place; 0: nothing is known of it */
	uint64_t position; /* in its log, of the entry that this leads to */
	const _Atomic uint64_t *entry; /* which lies there ... */
	const void *log;               /* ... in this log */
};

/* A cache of `size` bytes in `shards` (1 to 256) shards. hash_key must be
 * unpredictable. -ENOMEM. */
int hf_cache_new(
	uint64_t size, unsigned shards, const struct hf_hash_key *hash_key, struct hf_cache **ret);
void hf_cache_free(struct hf_cache *cache); /* NULL is fine; no reader may be left */

/* From now on names are hashed in the fastest safe way that this processor has
 * (base/fast_hash.h), and not in the one that all processors share. Before the first key. */
void hf_cache_hash_faster(struct hf_cache *cache);

/* The key of a question. realm tells apart what different upstreams say of the
 * same name; it is part of the 64-bit hash only. question must outlive the key. */
struct hf_cache_key hf_cache_key(const struct hf_cache *cache, uint64_t realm,
	const struct hf_question *question, uint8_t flags);

/* The same of a question for its type (flags: DO, CD), for a key that stays where it is made; but
 * what a look ahead sets is not set: one has to follow (hf_cache_look_ahead), or
 * hf_cache_key_forget. */
void hf_cache_key_at(const struct hf_cache *cache, uint64_t realm,
	const struct hf_question *question, uint8_t flags, struct hf_cache_key *ret);

/* What a look ahead has found is not gone by any more. */
static inline void hf_cache_key_forget(struct hf_cache_key *key)
{
	key->expected = key->absent = false;
	key->place = NULL;
	key->found = 0;
}

/* The same name's key with HF_CACHE_NAME, flags DO and CD kept. */
struct hf_cache_key hf_cache_name_key(const struct hf_cache_key *key);

/* The key, with HF_CACHE_FAILED, of the failure to answer the same question. */
struct hf_cache_key hf_cache_failure_key(const struct hf_cache_key *key);

/* Which shard, and so which worker, a key belongs to: the same for all types
 * and flags of a name. */
unsigned hf_cache_shard(const struct hf_cache *cache, const struct hf_cache_key *key);

enum hf_cache_result { HF_CACHE_MISS, HF_CACHE_FRESH, HF_CACHE_EXPIRED };

/* A copy of an answer. The caller sets kept.wire and kept.ttl_at to its own
 * memory and their sizes; lookup fills in the rest. */
struct hf_cached {
	struct hf_kept kept;
	size_t wire_cap; /* HF_MESSAGE_MAX holds any */
	size_t ttl_cap;  /* entries; HF_RECORDS_MAX holds any */
	hf_us stored;
	uint32_t age; /* whole seconds since then, 0 if the clock went back */
	uint8_t rcode;
	uint8_t hits; /* 0 to 3 since there has been an answer for the key */
};

/* Looks up. Memory of the copy may be written past the answer's end, up to its
 * size. FRESH: copy holds the answer, age < kept.ttl. EXPIRED: it holds one
 * whose time is over. An answer that does not fit into the caller's memory is
 * a MISS with kept.len set to what it would need (else kept.len is 0). */
enum hf_cache_result hf_cache_lookup(
	struct hf_cache *cache, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy);

/* The same, made to be taken into its caller: for the one place that every hit passes. */
enum hf_cache_result hf_cache_lookup_here(
	struct hf_cache *cache, const struct hf_cache_key *key, hf_us now, struct hf_cached *copy);

/* Puts an answer in place of any other for the key, whose question it repeats in lower
 * case. kept.ttl 0 is allowed: it is expired at once. HF_EBOUND: too large to keep, or
 * `now` is 71 years from 0. HF_EMALFORMED: another question. Owner of the shard only. */
int hf_cache_store(struct hf_cache *cache, const struct hf_cache_key *key, hf_us now,
	const struct hf_kept *kept);

/* True if there was one. Owner of the shard only. */
bool hf_cache_remove(struct hf_cache *cache, const struct hf_cache_key *key, hf_us now);

/* ---- reading along, and putting back ---- */

/* From now on removals (but for those of failures) are told to who follows, also
 * of what is not in the cache (any more): it may have been written down. Before
 * the first owner writes. */
void hf_cache_note_removals(struct hf_cache *cache);

/* How far the two logs of a shard have been written. The small log is read first,
 * and hf_cache_follow tells of it last: word of a removal, which is always there,
 * is never told before what it removed. */
struct hf_cache_mark {
	uint64_t newcomers, settled;
};
struct hf_cache_mark hf_cache_mark(const struct hf_cache *cache, unsigned shard);

struct hf_cache_entry {
	struct hf_cached copy; /* the caller sets its memory, as for a lookup; no age */
	uint64_t hash;         /* of all of the key: hf_cache_key.hash */
	uint16_t type, class;
	uint8_t flags;
	bool gone; /* the key was removed; of the copy only the question holds */
};

enum hf_cache_step {
	HF_CACHE_STEP_END, /* `at` has come to `end` */
	HF_CACHE_STEP_ENTRY,
	HF_CACHE_STEP_LOST, /* some were overwritten before they were read */
	HF_CACHE_STEP_ON,   /* (inside only) */
};

/* The next answer or removal between two marks of a shard, failures left out. */
enum hf_cache_step hf_cache_follow(const struct hf_cache *cache, unsigned shard,
	struct hf_cache_mark *at, const struct hf_cache_mark *end, struct hf_cache_entry *ret);

unsigned hf_cache_shards(const struct hf_cache *cache);

/* Everything that lives now: the answer that a slot (0 to hf_cache_slots - 1, in
 * each shard) leads to, with its hits. False: none, or a failure. */
uint64_t hf_cache_slots(const struct hf_cache *cache);
bool hf_cache_peek(
	const struct hf_cache *cache, unsigned shard, uint64_t slot, struct hf_cache_entry *ret);

/* Puts an answer from before back, among the settled: a cache that is being filled
 * must not pass through the small log. Like hf_cache_store, while there are no
 * readers and owners yet. */
int hf_cache_restore(struct hf_cache *cache, const struct hf_cache_key *key, hf_us stored,
	uint8_t hits, const struct hf_kept *kept);

/* May a denial of the key's name, or the failure of a question for it, be kept that has
 * not ended before `since`? A denial of a name above it? False is certain. */
bool hf_cache_remarked(const struct hf_cache *cache, const struct hf_cache_key *key, hf_us since);
bool hf_cache_remarked_above(
	const struct hf_cache *cache, const struct hf_cache_key *key, hf_us since);

/* Has the processor fetch the key's slots: for a store or a lookup soon. */
void hf_cache_expect(const struct hf_cache *cache, struct hf_cache_key *key);

/* ... and, once these have come, looks which entry they lead to. The key remembers
 * where that was, and a lookup begins there; or that there was nothing, and then that is
 * what a lookup says, whatever has been stored meanwhile: for keys of one batch. Any
 * thread. */
void hf_cache_approach(const struct hf_cache *cache, struct hf_cache_key *key);

/* Both for n keys, up to HF_CACHE_AHEAD, and has the processor fetch their entries, too. */
#define HF_CACHE_AHEAD 64
void hf_cache_look_ahead(const struct hf_cache *cache, struct hf_cache_key *const *keys, size_t n);

/* When the answer for a key was stored; false: there is none. */
bool hf_cache_stored(const struct hf_cache *cache, const struct hf_cache_key *key, hf_us *ret);

/* Has the kernel give memory that the owners will come to soon, at most so many pieces of
 * 2 MiB, each of which may take 0.1 to 5 ms: so that no store waits for it. To be called
 * ten times a second by one thread that is no owner; then up to 8 MiB of each are
 * touched before they are used. Returns how many pieces. */
unsigned hf_cache_prefault(struct hf_cache *cache, unsigned most);

struct hf_cache_sums {
	uint64_t entries;
	uint64_t bytes;     /* of live entries, with their overhead and slots */
	uint64_t size;      /* of everything, as taken at the start */
	uint64_t evictions; /* answers that had to go before their time */
};
struct hf_cache_sums hf_cache_sums(const struct hf_cache *cache);

#endif
