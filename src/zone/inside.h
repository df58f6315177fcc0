/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inside.h - how a zone lies in memory; for the files of this folder that read it.
 *
 * Story: a zone is four tables, made once.
 *   nodes    one for each name that exists, empty non-terminals included, in canonical
 *            order: the apex is node 0, and a node's parent stands before it.
 *   octets   for each node its first label, and behind that its sets. The rest of a name
 *            is its parent's, so it is written down once, however many names end with it.
 *   buckets  a hash of the names: one cache line has twelve nodes, with an octet of each
 *            one's hash, so that nearly every look reads one line and the right node.
 *   nsec     the nodes that own NSEC, or NSEC3 of the chain in use, in canonical order,
 *            which for NSEC3 is that of the hashes.
 * RRSIG records are a set for each type that they cover. A set is its type, count, TTL and octets,
 * and then, for each record, two octets of length (network order) and its data. The sets of a node
 * stand by type, SOA first. The key of the hash is made of what is in the zone, so that whoever
 * would make names that collide had to make them collide under a key that changes with them.
 * Threads: immutable, but for the count of references. */
#ifndef HF_ZONE_INSIDE_H
#define HF_ZONE_INSIDE_H

#include <stdatomic.h>
#include <string.h>

#include "base/hash.h"
#include "zone/snapshot.h"

#define HF_NODE_NONE UINT32_MAX
#define HF_NODE_APEX 0u

enum hf_node_flag {
	HF_NODE_CUT = 1,   /* NS, and not the apex: a delegation */
	HF_NODE_BELOW = 2, /* below one: glue, or hidden by it */
	HF_NODE_DNAME = 4,
	HF_NODE_UNDER = 8,   /* below a DNAME: nothing may be here but NSEC3 */
	HF_NODE_WILD = 16,   /* has a child "*" */
	HF_NODE_HASH = 32,   /* there is nothing but NSEC3 here: no name (RFC 5155 7.2.8) */
	HF_NODE_DENIES = 64, /* is in `nsec` */
};

struct hf_node {
	uint32_t at; /* into the octets, in units of four */
	uint32_t parent;
	uint16_t sets;
	uint8_t flags; /* enum hf_node_flag */
	uint8_t depth; /* labels below the apex */
};

#define HF_BUCKET_NODES 12

struct hf_bucket {
	uint8_t tag[HF_BUCKET_NODES];
	uint8_t used;
	bool more; /* it was full: look in the next one, too */
	uint8_t zero[2];
	uint32_t node[HF_BUCKET_NODES];
};

/* The first octets of a set; not aligned. */
struct hf_set_head {
	uint16_t type, count;
	uint32_t ttl;
	uint32_t octets; /* of data, lengths included */
};

#define HF_NSEC3_SALT_MAX 255

struct hf_zone {
	atomic_uint refs;
	bool is_signed;
	bool loose;
	bool hashed; /* `nsec` has NSEC3 */
	uint8_t deepest;
	struct hf_name origin;
	struct hf_zone_soa soa;
	size_t records, memory;

	struct hf_node *nodes;
	uint8_t *octets;
	struct hf_bucket *buckets;
	uint32_t *nsec;
	uint32_t *lines; /* loose: of each node, the first line that it came from; else NULL */
	uint32_t node_count, nsec_count;
	uint64_t bucket_count;
	size_t octets_len;
	struct hf_hash_key key;

	uint16_t iterations; /* of NSEC3, if hashed */
	uint8_t salt_len;
	uint8_t salt[HF_NSEC3_SALT_MAX];
};

static inline const uint8_t *hf_node_label(const struct hf_zone *zone, uint32_t node)
{
	return zone->octets + (size_t)zone->nodes[node].at * 4;
}

static inline struct hf_set_head hf_set_head(const uint8_t *set)
{
	struct hf_set_head head;
	memcpy(&head, set, sizeof head);
	return head;
}

/* Where the node's first set begins. */
static inline const uint8_t *hf_node_sets(const struct hf_zone *zone, uint32_t node)
{
	const uint8_t *label = hf_node_label(zone, node);
	return label + (node == HF_NODE_APEX ? 0 : 1 + (size_t)*label);
}

/* The node of the name, whose last octets are the origin's, or HF_NODE_NONE. */
uint32_t hf_zone_node(const struct hf_zone *zone, const uint8_t *name, size_t len);

/* The set of this type at a node, its owner as given. */
bool hf_zone_set_at(
	const struct hf_zone *zone, uint32_t node, uint16_t type, struct hf_zone_set *ret);

/* The signatures over the set of this type at a node. */
bool hf_zone_signatures_at(
	const struct hf_zone *zone, uint32_t node, uint16_t covered, struct hf_zone_set *ret);

/* The set that lies `at` octets behind the begin of the node's first. Returns the place of
 * the next; there are as many as the node says. */
size_t hf_zone_set_read(
	const struct hf_zone *zone, uint32_t node, size_t at, struct hf_zone_set *ret);

/* Writes the node's whole name. */
void hf_node_name(const struct hf_zone *zone, uint32_t node, struct hf_name *ret);

/* The last node that stands before a name in canonical order, where the name's last label
 * below the node `above` is `label`, and there is no node of that name. */
uint32_t hf_zone_before(const struct hf_zone *zone, uint32_t above, const uint8_t *label);

/* The last of `nsec` that does not stand behind this node; the last of all if none does. */
uint32_t hf_zone_denier(const struct hf_zone *zone, uint32_t node);

#endif
