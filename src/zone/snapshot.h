/* SPDX-License-Identifier: GPL-3.0-or-later */
/* snapshot.h - one version of one zone, whole, and never changed.
 *
 * Story: records go into a *build*, in any order and from anywhere (zone text, a
 * transfer, the copy on disk, another snapshot with differences). When all are in, the
 * build is finished: what makes a zone (one SOA and NS at the apex, nothing beside an
 * alias, nothing outside of the zone ...) is checked once, and out comes a *zone*, which
 * is immutable. So a version is visible whole or not at all, and whoever holds a
 * reference can go on answering from it while the next one takes its place.
 *
 * Names are lowered, rdata is uncompressed wire form with names as they came. Records of
 * a set that are there twice are one; TTLs that differ within a set become the smallest
 * (RFC 2181 5.2). Records below a delegation that are no glue are kept for transfers, and
 * never answered with.
 * A zone may be *loose*: not a part of the tree of names with an apex, but single names
 * anywhere below the root, each of which answers for itself alone (zone/local.h). It has no
 * SOA and NS, and remembers the line that each name came from.
 * Knows:   records and their order (RFC 4034 6.1).
 * Never:   where they came from, whether this version is the current one (zone/gate.h).
 * Ownership: a zone is counted; the last to let go frees it.  Threads: a build has one
 * owner; a zone may be read, referenced and let go by any thread.
 * At the bound: limits given with the build: HF_EBOUND, and a word. */
#ifndef HF_ZONE_SNAPSHOT_H
#define HF_ZONE_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/name.h"
#include "zone/text.h"

struct hf_zone;
struct hf_zone_build;

struct hf_zone_limits {
	size_t records; /* at most; 0: HF_ZONE_RECORDS_MAX */
	size_t octets;  /* of memory, about; 0: no bound but the machine's */
};
#define HF_ZONE_RECORDS_MAX 50000000

/* Begins. -ENOMEM. */
int hf_zone_build_new(const struct hf_name *origin, const struct hf_zone_limits *limits,
	struct hf_zone_build **ret);

/* Begins a loose one. -ENOMEM. */
int hf_zone_build_new_loose(const struct hf_zone_limits *limits, struct hf_zone_build **ret);

/* Adds a copy of a record. record->line (0: none) is what a fault is told with. HF_EBOUND,
 * -ENOMEM. What is wrong with it is told when the build is finished. */
int hf_zone_build_add(struct hf_zone_build *build, const struct hf_zone_record *record);

/* Takes a record out again that has been added (RFC 1995); HF_EMALFORMED: it is not there.
 * The TTL does not matter. */
int hf_zone_build_remove(struct hf_zone_build *build, const struct hf_zone_record *record);

/* All records of a zone, as a beginning for differences. -ENOMEM, HF_EBOUND. */
int hf_zone_build_from(struct hf_zone_build *build, const struct hf_zone *zone);

/* Checks and makes the zone. Ends the build in any case. Each fault goes to `fault` with
 * the line that its record came with (after HF_ZONE_FAULTS_MAX: that there are more);
 * HF_EMALFORMED: there were some. -ENOMEM; HF_EBOUND: too many names. */
#define HF_ZONE_FAULTS_MAX 100
int hf_zone_build_finish(struct hf_zone_build *build,
	void (*fault)(void *ctx, uint32_t line, const char *why), void *ctx, struct hf_zone **ret);

void hf_zone_build_free(struct hf_zone_build *build); /* given up; NULL is fine */

/* Octets that it takes, and that finishing it will take, about: while a zone is made there are
 * the records as they came, a list of them to be sorted, and the zone. NULL: 0. */
#define HF_ZONE_BUILD_TIMES 3
uint64_t hf_zone_build_memory(const struct hf_zone_build *build);

struct hf_zone *hf_zone_ref(struct hf_zone *zone);
void hf_zone_unref(struct hf_zone *zone); /* NULL is fine */

/* ---- what it is ---- */

const struct hf_name *hf_zone_origin(const struct hf_zone *zone);

struct hf_zone_soa {
	uint32_t serial, refresh, retry, expire, minimum; /* seconds, but for the serial */
	uint32_t ttl;
};
const struct hf_zone_soa *hf_zone_soa(const struct hf_zone *zone);

size_t hf_zone_records(const struct hf_zone *zone); /* how many */
size_t hf_zone_octets(const struct hf_zone *zone);  /* of memory */
bool hf_zone_signed(const struct hf_zone *zone);    /* DNSKEY and RRSIG at the apex */

/* ---- loose ones ---- */

/* Does it say anything of this (lowered) name: by itself, or as a wildcard's? */
bool hf_zone_holds(const struct hf_zone *zone, const struct hf_name *name);

/* The line that the name, or the wildcard that answers for it, came from; 0: it is not held. */
uint32_t hf_zone_line(const struct hf_zone *zone, const struct hf_name *name);

/* ---- its records ---- */

/* A set of records: count pieces, each two octets of length (network order), then rdata.
 * Its octets are the zone's; the owner's are the caller's (find) or the walk's (next), good
 * until its next step: a zone writes no name down twice. */
struct hf_zone_set {
	const uint8_t *owner; /* lowered wire form */
	uint16_t type, count;
	uint32_t ttl;
	const uint8_t *rdata;
	size_t rdata_octets; /* lengths included */
};

/* The set of this owner and type. False: none. RRSIG records are a set for each type that
 * they cover, for their TTLs are those of what they sign; here the first is found. */
bool hf_zone_find(const struct hf_zone *zone, const struct hf_name *owner, uint16_t type,
	struct hf_zone_set *ret);

/* All sets in canonical order of owners, the apex first, SOA first there, else by type. */
struct hf_zone_walk {
	const struct hf_zone *zone;
	uint64_t at, set;     /* its own */
	struct hf_name owner; /* of the set given last, whose `owner` points here */
};
static inline struct hf_zone_walk hf_zone_walk(const struct hf_zone *zone)
{
	return (struct hf_zone_walk){.zone = zone};
}
bool hf_zone_next(struct hf_zone_walk *walk, struct hf_zone_set *ret);

#endif
