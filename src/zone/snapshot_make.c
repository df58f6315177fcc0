/* SPDX-License-Identifier: GPL-3.0-or-later */
/* From entries to a zone: sorted, each record once, measured, written down, indexed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "base/pages.h"
#include "wire/dns.h"
#include "zone/gather.h"
#include "zone/inside.h"
#include "zone/records.h"

#define ITERATIONS_MAX 500 /* RFC 9276 3.2: more are refused by nearly all who validate */
#define NSEC3_LABEL 32     /* a SHA-1 in base32hex */

struct item {
	uint64_t prefix; /* of the key: most comparisons end here */
	struct hf_entry *entry;
};

struct maker {
	struct hf_zone_build *build;
	struct hf_zone *zone;
	struct item *items;
	size_t count;
	size_t at;                          /* octets written so far */
	uint32_t path[HF_NAME_MAX / 2 + 1]; /* the nodes from the apex to the last one */
	const struct hf_entry *last;        /* an entry of the last owner */
	size_t faults;
	void (*fault)(void *ctx, uint32_t line, const char *why);
	void *ctx;
};

/* ---- faults ---- */

static void tell(struct maker *m, uint32_t line, const struct hf_name *name, const char *why)
{
	char owner[HF_NAME_TEXT_MAX], text[HF_NAME_TEXT_MAX + 80];
	if (m->faults++ > HF_ZONE_FAULTS_MAX)
		return;
	if (m->faults > HF_ZONE_FAULTS_MAX)
		snprintf(text, sizeof text, "there are more faults");
	else
		snprintf(text, sizeof text, "%s %s", hf_name_text(name->bytes, owner), why);
	m->fault(m->ctx, line, text);
}

static void tell_entry(struct maker *m, const struct hf_entry *entry, const char *why)
{
	struct hf_name name;
	hf_key_name(entry->bytes, entry->key_len, &m->build->origin, &name);
	tell(m, entry->line, &name, why);
}

static void tell_strays(struct maker *m)
{
	const struct hf_zone_build *build = m->build;
	char why[80];
	for (size_t i = 0; i < build->stray_count && i < HF_STRAYS_MAX; i++) {
		const struct hf_stray *stray = &build->strays[i];
		snprintf(why, sizeof why, "has a record %s", stray->why);
		tell(m, stray->line, &stray->owner, why);
	}
}

/* ---- order ---- */

static unsigned rank(uint16_t type)
{
	return type == HF_TYPE_SOA ? 0 : type;
}

static uint64_t prefix_of(const struct hf_entry *entry)
{
	uint64_t prefix = 0;
	for (unsigned i = 0; i < 8; i++)
		prefix = prefix << 8 | (i < entry->key_len ? entry->bytes[i] : 0);
	return prefix;
}

static int compare_keys(const struct hf_entry *a, const struct hf_entry *b)
{
	size_t both = a->key_len < b->key_len ? a->key_len : b->key_len;
	int rc = memcmp(a->bytes, b->bytes, both);
	return rc ? rc : a->key_len - b->key_len;
}

static int compare(const struct item *a, const struct item *b)
{
	if (a->prefix != b->prefix)
		return a->prefix < b->prefix ? -1 : 1;
	const struct hf_entry *x = a->entry, *y = b->entry;
	int rc = compare_keys(x, y);
	if (rc)
		return rc;
	if (x->type != y->type)
		return rank(x->type) < rank(y->type) ? -1 : 1;
	return hf_rdata_compare(
		x->type, hf_entry_rdata(x), x->rdata_len, hf_entry_rdata(y), y->rdata_len);
}

static void merge(const struct item *from, size_t low, size_t middle, size_t high, struct item *to)
{
	size_t a = low, b = middle;
	for (size_t i = low; i < high; i++)
		to[i] = a < middle && (b == high || compare(&from[a], &from[b]) <= 0) ? from[a++]
										      : from[b++];
}

/* Runs that are twice as long each time. What is in order already, as transfers and most
 * files are, costs one comparison a record. */
static int sort(struct maker *m)
{
	struct item *from = m->items;
	size_t n = m->count, ordered = 1;
	while (ordered < n && compare(&from[ordered - 1], &from[ordered]) <= 0)
		ordered++;
	if (ordered >= n)
		return 0;
	struct item *to = calloc(n, sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (size_t run = 1; run < n; run *= 2) {
		for (size_t low = 0; low < n; low += 2 * run) {
			size_t middle = low + run < n ? low + run : n;
			size_t high = middle + run < n ? middle + run : n;
			if (middle == high || compare(&from[middle - 1], &from[middle]) <= 0)
				memcpy(to + low, from + low, (high - low) * sizeof(*to));
			else
				merge(from, low, middle, high, to);
		}
		struct item *other = from;
		from = to;
		to = other;
	}
	m->items = from;
	free(to);
	return 0;
}

static int list(struct maker *m)
{
	const struct hf_zone_build *build = m->build;
	m->items = calloc(build->live + 1, sizeof *m->items);
	if (!m->items)
		return -ENOMEM;
	for (size_t i = 0; i < build->count; i++)
		if (!build->entries[i]->gone)
			m->items[m->count++] =
				(struct item){prefix_of(build->entries[i]), build->entries[i]};
	return sort(m);
}

/* Leaves one of those that are there twice, with the smaller TTL. */
static void unite(struct maker *m)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->count; i++) {
		struct hf_entry *entry = m->items[i].entry;
		struct hf_entry *last = kept ? m->items[kept - 1].entry : NULL;
		if (!last || !hf_entry_same(last, entry))
			m->items[kept++] = m->items[i];
		else if (entry->ttl < last->ttl)
			last->ttl = entry->ttl;
	}
	m->count = kept;
}

/* ---- measure ---- */

/* Octets of the key that both have, in whole labels, and how many labels those are. */
static size_t shared(const struct hf_entry *a, const struct hf_entry *b, unsigned *ret_labels)
{
	size_t whole = 0;
	*ret_labels = 0;
	for (size_t i = 0; i < a->key_len && i < b->key_len && a->bytes[i] == b->bytes[i]; i++)
		if (!a->bytes[i]) {
			whole = i + 1;
			++*ret_labels;
		}
	return whole;
}

static bool same_owner(const struct hf_entry *a, const struct hf_entry *b)
{
	return a->key_len == b->key_len && memcmp(a->bytes, b->bytes, a->key_len) == 0;
}

/* Signatures are a set for each type that they are made over: their TTLs are those of what
 * they sign, and may differ (RFC 4034 3). */
static bool same_set(const struct hf_entry *a, const struct hf_entry *b)
{
	return a->type == b->type && same_owner(a, b) &&
	       (a->type != HF_TYPE_RRSIG ||
		       hf_get_u16(hf_entry_rdata(a)) == hf_get_u16(hf_entry_rdata(b)));
}

static size_t whole_words(size_t octets)
{
	return (octets + 3) & ~(size_t)3;
}

/* How much the nodes and sets of all entries take. */
static void measure(const struct maker *m, size_t *ret_nodes, size_t *ret_octets)
{
	uint8_t label[1 + HF_LABEL_MAX];
	static const struct hf_entry apex;
	const struct hf_entry *last = &apex;
	size_t nodes = 1, octets = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct hf_entry *entry = m->items[i].entry;
		bool begins = !i || !same_set(last, entry);
		unsigned labels;
		size_t at = shared(last, entry, &labels);
		while (at < entry->key_len) {
			at += hf_key_label(entry->bytes + at, label);
			octets = whole_words(octets) + 1 + *label;
			nodes++;
		}
		octets += (begins ? sizeof(struct hf_set_head) : 0) + 2 + (size_t)entry->rdata_len;
		last = entry;
	}
	*ret_nodes = nodes;
	*ret_octets = whole_words(octets);
}

/* ---- write ---- */

static uint8_t flags_from(const struct hf_node *parent)
{
	uint8_t flags = 0;
	if (parent->flags & (HF_NODE_CUT | HF_NODE_BELOW))
		flags |= HF_NODE_BELOW;
	else if (parent->flags & (HF_NODE_DNAME | HF_NODE_UNDER))
		flags |= HF_NODE_UNDER;
	return flags;
}

static void add_node(struct maker *m, unsigned depth, const uint8_t *label)
{
	struct hf_zone *zone = m->zone;
	uint32_t parent = m->path[depth - 1];
	m->at = whole_words(m->at);
	m->path[depth] = zone->node_count;
	zone->nodes[zone->node_count++] = (struct hf_node){.at = (uint32_t)(m->at / 4),
		.parent = parent,
		.flags = flags_from(&zone->nodes[parent]),
		.depth = (uint8_t)depth};
	if (label[0] == 1 && label[1] == '*')
		zone->nodes[parent].flags |= HF_NODE_WILD;
	memcpy(zone->octets + m->at, label, 1 + (size_t)*label);
	m->at += 1 + (size_t)*label;
	if (depth > zone->deepest)
		zone->deepest = (uint8_t)depth;
}

/* Nodes for the entry's owner and the names between it and what is there. */
static void add_owner(struct maker *m, const struct hf_entry *entry)
{
	static const struct hf_entry apex;
	uint8_t label[1 + HF_LABEL_MAX];
	unsigned depth;
	size_t at = shared(m->last ? m->last : &apex, entry, &depth);
	while (at < entry->key_len) {
		at += hf_key_label(entry->bytes + at, label);
		add_node(m, ++depth, label);
	}
	m->last = entry;
}

/* Entries of one owner and type, as a set. Returns how many they are. */
static size_t add_set(struct maker *m, struct hf_node *node, const struct item *items, size_t most)
{
	const struct hf_entry *first = items[0].entry;
	struct hf_set_head head = {.type = first->type, .ttl = first->ttl};
	uint8_t *set = m->zone->octets + m->at, *to = set + sizeof head;
	size_t n = 0;
	for (; n < most; n++) {
		const struct hf_entry *entry = items[n].entry;
		if (!same_set(first, entry))
			break;
		head.ttl = entry->ttl < head.ttl ? entry->ttl : head.ttl;
		hf_put_u16(to, entry->rdata_len);
		memcpy(to + 2, hf_entry_rdata(entry), entry->rdata_len);
		to += 2 + (size_t)entry->rdata_len;
	}
	if (n > UINT16_MAX)
		tell_entry(m, first, "has too many records of one type");
	head.count = (uint16_t)n;
	head.octets = (uint32_t)(to - set - sizeof head);
	memcpy(set, &head, sizeof head);
	m->at += sizeof head + head.octets;
	if (node->sets == UINT16_MAX)
		tell_entry(m, first, "has too many types of records");
	else
		node->sets++;
	return n;
}

/* ---- what the sets make of a node ---- */

struct present { /* of a node's types; signatures do not count */
	size_t cnames, dnames;
	bool ns, nsec, nsec3, others;
};

static struct present types_at(const struct hf_zone *zone, uint32_t node)
{
	struct present p = {0};
	size_t at = 0;
	for (unsigned i = 0; i < zone->nodes[node].sets; i++) {
		struct hf_zone_set set;
		at = hf_zone_set_read(zone, node, at, &set);
		switch (set.type) {
		case HF_TYPE_CNAME: p.cnames = set.count; break;
		case HF_TYPE_DNAME: p.dnames = set.count; break;
		case HF_TYPE_NS: p.ns = true; break;
		case HF_TYPE_NSEC: p.nsec = true; break;
		case HF_TYPE_NSEC3: p.nsec3 = true; break;
		case HF_TYPE_RRSIG: break;
		default: p.others = true;
		}
	}
	return p;
}

static void judge_node(
	struct maker *m, uint32_t index, const struct present *p, const struct hf_entry *entry)
{
	const struct hf_node *node = &m->zone->nodes[index];
	bool beside = p->dnames || p->ns || p->nsec3 || p->others;
	bool denial_only = p->nsec3 && !p->cnames && !p->dnames && !p->ns && !p->nsec && !p->others;
	if (p->cnames && beside)
		tell_entry(m, entry, "has a CNAME and other records"); /* RFC 1034 3.6.2 */
	if (p->cnames > 1)
		tell_entry(m, entry, "has more than one CNAME");
	if (p->dnames > 1)
		tell_entry(m, entry, "has more than one DNAME"); /* RFC 6672 2.4 */
	if (node->flags & HF_NODE_UNDER && !denial_only)
		tell_entry(m, entry, "lies below a DNAME"); /* RFC 6672 2.3 */
}

/* Is it a link of the chain that the apex names? */
static bool is_link(const struct hf_zone *zone, uint32_t node)
{
	struct hf_zone_set set;
	if (!zone->hashed || zone->nodes[node].depth != 1 ||
		*hf_node_label(zone, node) != NSEC3_LABEL ||
		!hf_zone_set_at(zone, node, HF_TYPE_NSEC3, &set))
		return false;
	const uint8_t *rdata = set.rdata + 2;
	return rdata[0] == 1 && hf_get_u16(rdata + 2) == zone->iterations &&
	       rdata[4] == zone->salt_len && memcmp(rdata + 5, zone->salt, zone->salt_len) == 0 &&
	       rdata[5 + zone->salt_len] == 20; /* octets of a SHA-1 */
}

static void mark_node(struct hf_zone *zone, uint32_t index, const struct present *p)
{
	struct hf_node *node = &zone->nodes[index];
	if (p->ns && index != HF_NODE_APEX)
		node->flags |= HF_NODE_CUT;
	if (p->dnames)
		node->flags |= HF_NODE_DNAME;
	if (p->nsec3 && !p->cnames && !p->dnames && !p->ns && !p->nsec && !p->others)
		node->flags |= HF_NODE_HASH;
	if (zone->hashed ? is_link(zone, index) : p->nsec && !(node->flags & HF_NODE_BELOW)) {
		node->flags |= HF_NODE_DENIES;
		zone->nsec_count++;
	}
}

/* NSEC3PARAM at the apex: the first that could be served from (RFC 5155 4.1.2, 7.3). */
static void take_nsec3param(struct maker *m, const struct hf_entry *entry)
{
	struct hf_zone *zone = m->zone;
	struct hf_zone_set set;
	if (!hf_zone_set_at(zone, HF_NODE_APEX, HF_TYPE_NSEC3PARAM, &set))
		return;
	const uint8_t *at = set.rdata;
	for (unsigned i = 0; i < set.count && !zone->hashed; i++, at += 2 + hf_get_u16(at)) {
		if (at[2] != 1 || at[3])
			continue;
		zone->hashed = true;
		zone->iterations = hf_get_u16(at + 4);
		zone->salt_len = at[6];
		memcpy(zone->salt, at + 7, zone->salt_len);
	}
	if (zone->iterations > ITERATIONS_MAX)
		tell_entry(m, entry, "asks for too many iterations of NSEC3");
}

static void take_soa(struct maker *m, const struct hf_entry *entry)
{
	struct hf_zone *zone = m->zone;
	struct hf_zone_set set;
	if (!hf_zone_set_at(zone, HF_NODE_APEX, HF_TYPE_SOA, &set)) {
		tell(m, 0, &zone->origin, "has no SOA record");
		return;
	}
	if (set.count > 1)
		tell_entry(m, entry, "has more than one SOA record");
	const uint8_t *end = set.rdata + 2 + hf_get_u16(set.rdata);
	zone->soa = (struct hf_zone_soa){.serial = hf_get_u32(end - 20),
		.refresh = hf_get_u32(end - 16),
		.retry = hf_get_u32(end - 12),
		.expire = hf_get_u32(end - 8),
		.minimum = hf_get_u32(end - 4),
		.ttl = set.ttl};
}

static void settle_apex(struct maker *m, const struct hf_entry *entry)
{
	struct hf_zone_set set;
	struct hf_zone *zone = m->zone;
	if (zone->loose)
		return;
	take_soa(m, entry);
	if (!hf_zone_set_at(zone, HF_NODE_APEX, HF_TYPE_NS, &set))
		tell(m, 0, &zone->origin, "has no NS record");
	zone->is_signed = hf_zone_set_at(zone, HF_NODE_APEX, HF_TYPE_DNSKEY, &set) &&
			  hf_zone_set_at(zone, HF_NODE_APEX, HF_TYPE_RRSIG, &set);
	take_nsec3param(m, entry);
}

static uint32_t first_line(const struct item *items, size_t count)
{
	uint32_t line = UINT32_MAX;
	for (size_t i = 0; i < count; i++)
		line = items[i].entry->line < line ? items[i].entry->line : line;
	return line;
}

/* All sets of one owner. Returns how many entries they took. */
static size_t add_sets(struct maker *m, const struct item *items, size_t most)
{
	const struct hf_entry *first = items[0].entry;
	uint32_t index = m->zone->node_count - 1;
	size_t n = 0;
	while (n < most && same_owner(first, items[n].entry)) {
		const struct hf_entry *entry = items[n].entry;
		if (entry->type == HF_TYPE_SOA && index != HF_NODE_APEX)
			tell_entry(m, entry, "has an SOA record and is not the apex");
		n += add_set(m, &m->zone->nodes[index], items + n, most - n);
	}
	if (m->zone->loose)
		m->zone->lines[index] = first_line(items, n);
	if (index == HF_NODE_APEX)
		settle_apex(m, first);
	struct present p = types_at(m->zone, index);
	judge_node(m, index, &p, first);
	mark_node(m->zone, index, &p);
	return n;
}

static void write_all(struct maker *m)
{
	struct hf_zone *zone = m->zone;
	static const struct hf_entry nothing;
	zone->nodes[HF_NODE_APEX] = (struct hf_node){0};
	zone->node_count = 1;
	if (!m->count || m->items[0].entry->key_len)
		settle_apex(m, &nothing);
	for (size_t i = 0; i < m->count;) {
		add_owner(m, m->items[i].entry);
		i += add_sets(m, m->items + i, m->count - i);
	}
}

/* ---- the indexes ---- */

static void put_in_bucket(struct hf_zone *zone, uint32_t node, const uint8_t *name, size_t len)
{
	uint64_t hash = hf_hash(&zone->key, 0, name, len);
	uint64_t at = (uint64_t)(((unsigned __int128)hash * zone->bucket_count) >> 64);
	while (zone->buckets[at].used == HF_BUCKET_NODES) {
		zone->buckets[at].more = true;
		at = at + 1 < zone->bucket_count ? at + 1 : 0;
	}
	struct hf_bucket *bucket = &zone->buckets[at];
	bucket->tag[bucket->used] = (uint8_t)hash;
	bucket->node[bucket->used++] = node;
}

static int index_names(struct hf_zone *zone)
{
	const struct hf_hash_key first = {0}, second = {1, 1};
	struct hf_name name;
	zone->key.k0 = hf_hash(&first, zone->node_count, zone->octets, zone->octets_len);
	zone->key.k1 = hf_hash(&second, zone->key.k0, NULL, 0);
	/* Four fifths full: of a hundred names, one or two lie in a second line. */
	zone->bucket_count = (uint64_t)zone->node_count * 5 / 4 / HF_BUCKET_NODES + 1;
	zone->buckets = hf_pages_get(zone->bucket_count * sizeof *zone->buckets);
	if (!zone->buckets)
		return -ENOMEM;
	for (uint32_t node = 1; node < zone->node_count; node++) {
		hf_node_name(zone, node, &name);
		put_in_bucket(zone, node, name.bytes, (size_t)name.len - zone->origin.len);
	}
	return 0;
}

static int index_deniers(struct hf_zone *zone)
{
	if (!zone->nsec_count)
		return 0;
	zone->nsec = calloc(zone->nsec_count, sizeof *zone->nsec);
	if (!zone->nsec)
		return -ENOMEM;
	for (uint32_t node = 0, n = 0; node < zone->node_count; node++)
		if (zone->nodes[node].flags & HF_NODE_DENIES)
			zone->nsec[n++] = node;
	return 0;
}

/* ---- all of it ---- */

static int get_tables(struct maker *m)
{
	struct hf_zone *zone = m->zone;
	size_t nodes, octets;
	measure(m, &nodes, &octets);
	if (nodes >= HF_NODE_NONE || octets / 4 > UINT32_MAX)
		return HF_EBOUND;
	zone->octets_len = octets ? octets : 4;
	zone->nodes = hf_pages_get(nodes * sizeof *zone->nodes);
	zone->octets = hf_pages_get(zone->octets_len);
	zone->node_count = (uint32_t)nodes;
	zone->lines = zone->loose ? calloc(nodes, sizeof *zone->lines) : NULL;
	return zone->nodes && zone->octets && (zone->lines || !zone->loose) ? 0 : -ENOMEM;
}

static int fill(struct maker *m)
{
	struct hf_zone *zone = m->zone;
	int rc = list(m);
	if (rc)
		return rc;
	unite(m);
	rc = get_tables(m);
	if (rc)
		return rc;
	uint32_t nodes = zone->node_count;
	write_all(m);
	if (hf_unexpected(zone->node_count != nodes || whole_words(m->at) > zone->octets_len))
		return HF_EMALFORMED;
	if (m->faults)
		return HF_EMALFORMED;
	rc = index_names(zone);
	return rc ? rc : index_deniers(zone);
}

int hf_zone_build_finish(struct hf_zone_build *build,
	void (*fault)(void *ctx, uint32_t line, const char *why), void *ctx, struct hf_zone **ret)
{
	struct maker m = {.build = build, .fault = fault, .ctx = ctx};
	int rc = -ENOMEM;
	m.zone = calloc(1, sizeof *m.zone);
	if (m.zone) {
		atomic_init(&m.zone->refs, 1);
		m.zone->origin = build->origin;
		m.zone->loose = build->loose;
		tell_strays(&m);
		rc = fill(&m);
	}
	free(m.items);
	hf_zone_build_free(build);
	if (rc) {
		hf_zone_unref(m.zone);
		return rc;
	}
	struct hf_zone *zone = m.zone;
	zone->records = m.count;
	zone->memory = sizeof *zone + zone->node_count * sizeof *zone->nodes + zone->octets_len +
		       zone->bucket_count * sizeof *zone->buckets +
		       zone->nsec_count * sizeof *zone->nsec +
		       (zone->loose ? zone->node_count * sizeof *zone->lines : 0);
	*ret = zone;
	return 0;
}
