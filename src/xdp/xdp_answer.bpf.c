/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* The program at the driver: answers what it is sure of, and passes up all else.
 *
 * In order, cheapest first: is it a plain question over UDP (one question of class IN, RD
 * set, at most an OPT record without options); is the answer in the table; was it sent to
 * an address that is served here, by a client that is allowed, with a good checksum; is
 * the answer fresh and small enough. Only then is anything written, and up to the last
 * look at the entry's `seq` all that was written can be put back.
 *
 * To load it takes CAP_BPF, CAP_NET_ADMIN and, for what lies at no fixed place in a packet,
 * CAP_PERFMON. Masks that can change nothing are for the kernel's verifier. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "xdp/xdp_map.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "names are lowered and hashed in words of little-endian machines"
#endif

#define ALWAYS static inline __attribute__((always_inline))

#define UDP_LEN 8
#define DNS_LEN 12
#define OPT_LEN 11
#define NAME_AT (UDP_LEN + DNS_LEN) /* from where UDP begins */
#define SHORTEST (NAME_AT + 1 + 4)
#define LONGEST (NAME_AT + HF_XDP_NAME + 4 + OPT_LEN)
#define LOOKED_AT 127 /* with EDNS options, which are only counted */
#define OPTIONS 1
#define HOPS 64
#define OUR_EDNS_SIZE 1232 /* as wire/dns.h has it */
#define CLOCKS_APART 1000  /* us */

#define FLAG_DO 1 /* as cache/cache.h has them */
#define FLAG_CD 2

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hf_xdp_settings);
} hf_settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HF_XDP_BUCKETS);
	__type(key, __u32);
	__type(value, struct hf_xdp_bucket);
} hf_buckets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HF_XDP_ENTRIES);
	__type(key, __u32);
	__type(value, struct hf_xdp_entry);
} hf_entries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, HF_XDP_CPUS);
	__type(key, __u32);
	__type(value, struct hf_xdp_cpu);
} hf_cpus SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HF_XDP_PLACES);
	__type(key, struct hf_xdp_place);
	__type(value, __u8);
} hf_places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, HF_XDP_PREFIXES + HF_XDP_OURS);
	__type(key, struct hf_xdp_prefix);
	__type(value, __u8);
} hf_clients SEC(".maps");

/* Loads stay in the order of the text on x86; elsewhere an atomic operation that
 * returns a value is a full barrier, on a number of this processor's own. */
#ifdef __TARGET_ARCH_x86
#define READ_BARRIER(cpu) asm volatile("" ::: "memory")
#else
#define READ_BARRIER(cpu)                                                                          \
	do {                                                                                       \
		volatile __u64 seen = __sync_fetch_and_add(&(cpu)->zero[0], 0);                    \
		(void)seen;                                                                        \
	} while (0)
#endif

/* What is found out of a packet. It lies in the memory of the processor and not on the
 * stack: what is read back from there the verifier knows nothing of, so the ways by which
 * it may have come about are one way from there on, and not a product of all of them. */
struct packet {
	__u64 words[(4 + LONGEST + 7) / 8 + 1]; /* from octet 4: UDP's header and all behind it */
	__u64 name[HF_XDP_NAME_WORDS];          /* lowered */
	__u32 src[4], dst[4];                   /* IPv4 in the first */
	__u32 l3, l4;                           /* offsets of IP and UDP */
	__u32 udp_len;
	__u32 family; /* 4 or 6 */
	__u32 vlan;
	__u32 name_len, type, flags; /* of the question; flags: DO and CD */
	__u32 opt, edns_size;        /* opt: 0, or OPT_LEN */
	__u32 way;
};
_Static_assert(sizeof(struct packet) <= HF_XDP_SCRATCH, "the processor's memory is too small");
#define FORGET() asm volatile("" ::: "memory")

struct run {
	struct xdp_md *ctx;
	const struct hf_xdp_settings *settings;
	struct hf_xdp_cpu *cpu;
	struct packet *p;
};

ALWAYS void *begin(const struct run *r)
{
	return (void *)(long)r->ctx->data;
}

ALWAYS void *end(const struct run *r)
{
	return (void *)(long)r->ctx->data_end;
}

ALWAYS void *ip_of(const struct run *r)
{
	return begin(r) + (r->p->l3 & 31);
}

/* Something behind where UDP begins. */
ALWAYS void *udp_of(const struct run *r, __u32 at)
{
	return begin(r) + (r->p->l4 & 127) + at;
}

ALWAYS __u32 name_len(const struct run *r)
{
	return r->p->name_len & 127;
}

/* Where the answer's records begin, from where UDP begins. */
ALWAYS __u32 body_at(const struct run *r)
{
	return NAME_AT + name_len(r) + 4;
}

ALWAYS int pass(struct run *r, enum hf_xdp_fate fate)
{
	r->cpu->fates[fate]++;
	return XDP_PASS;
}

/* ---- ones' complement sums, in words as they lie in memory ---- */

ALWAYS __u32 fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__u32)sum & 0xffff;
}

/* What stands at an odd offset counts with its octets exchanged. */
ALWAYS __u32 placed(__u32 sum, __u32 at)
{
	__u32 turn = (at & 1) * 8;
	return (sum << turn | sum >> (16 - turn)) & 0xffff;
}

ALWAYS __u32 minus(__u32 sum)
{
	return ~sum & 0xffff;
}

/* ---- is it a plain question? ---- */

ALWAYS int read_ether(struct run *r, __u16 *ret_proto)
{
	struct ethhdr *eth = begin(r);
	if ((void *)(eth + 1) > end(r) || eth->h_source[0] & 1)
		return -1;
	*ret_proto = eth->h_proto;
	r->p->l3 = sizeof *eth;
	r->p->vlan = 0;
	if (eth->h_proto != bpf_htons(ETH_P_8021Q))
		return 0;
	__be16 *tag = (void *)(eth + 1);
	if ((void *)(tag + 2) > end(r))
		return -1;
	r->p->vlan = bpf_ntohs(tag[0]) & 0xfff;
	*ret_proto = tag[1];
	r->p->l3 = sizeof *eth + 4;
	return r->p->vlan ? 0 : -1; /* VLAN 0 is a priority and no VLAN */
}

/* No options, no fragments, a good checksum, and nobody's loopback. */
ALWAYS int read_ip4(struct run *r)
{
	struct packet *p = r->p;
	struct iphdr *ip = ip_of(r);
	__u64 sum = 0;
	if ((void *)(ip + 1) > end(r) || ip->version != 4 || ip->ihl != 5 ||
		ip->protocol != IPPROTO_UDP || ip->frag_off & ~bpf_htons(0x4000))
		return -1;
	__u32 *word = (void *)ip;
#pragma clang loop unroll(full)
	for (int i = 0; i < 5; i++)
		sum += word[i];
	__u32 source = bpf_ntohl(ip->saddr);
	if (fold(sum) != 0xffff || source >> 24 == 0 || source >> 24 == 127 || source >> 28 >= 14)
		return -1;
	p->family = 4;
	p->src[0] = ip->saddr;
	p->dst[0] = ip->daddr;
	p->src[1] = p->src[2] = p->src[3] = p->dst[1] = p->dst[2] = p->dst[3] = 0;
	p->l4 = p->l3 + sizeof *ip;
	p->udp_len = bpf_ntohs(ip->tot_len) - sizeof *ip;
	return 0;
}

/* No extension headers; nobody from ::/64 (loopback, IPv4 in disguise) or ff00::/8. */
ALWAYS int read_ip6(struct run *r)
{
	struct packet *p = r->p;
	struct ipv6hdr *ip = ip_of(r);
	if ((void *)(ip + 1) > end(r) || ip->version != 6 || ip->nexthdr != IPPROTO_UDP)
		return -1;
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++) {
		p->src[i] = ip->saddr.in6_u.u6_addr32[i];
		p->dst[i] = ip->daddr.in6_u.u6_addr32[i];
	}
	if ((p->src[0] | p->src[1]) == 0 || (p->src[0] & 0xff) == 0xff)
		return -1;
	p->family = 6;
	p->l4 = p->l3 + sizeof *ip;
	p->udp_len = bpf_ntohs(ip->payload_len);
	return 0;
}

ALWAYS int read_ip(struct run *r)
{
	__u16 proto;
	if (read_ether(r, &proto))
		return -1;
	FORGET();
	if (proto == bpf_htons(ETH_P_IP))
		return read_ip4(r);
	return proto == bpf_htons(ETH_P_IPV6) ? read_ip6(r) : -1;
}

/* Who says to be the one that is asked is not. */
ALWAYS int is_from_us(const struct packet *p)
{
	return ((p->src[0] ^ p->dst[0]) | (p->src[1] ^ p->dst[1]) | (p->src[2] ^ p->dst[2]) |
		       (p->src[3] ^ p->dst[3])) == 0;
}

ALWAYS int read_udp(struct run *r)
{
	struct udphdr *udp = udp_of(r, 0);
	__u32 len = r->p->udp_len;
	if (len < SHORTEST || len > LOOKED_AT || (void *)(udp + 1) > end(r) ||
		udp_of(r, len & LOOKED_AT) > end(r))
		return -1;
	/* From port to the same port: two servers could talk for ever. */
	return udp->len == bpf_htons((__u16)len) && udp->source && udp->source != udp->dest &&
			       udp->check
		       ? 0
		       : -1;
}

/* A query (QR 0, opcode 0) with RD, and of the other flags at most AD and CD; one
 * question, no records but one additional at most. */
ALWAYS int read_header(struct run *r)
{
	__be16 *dns = udp_of(r, UDP_LEN);
	if ((void *)(dns + DNS_LEN / 2) > end(r))
		return -1;
	if ((dns[1] & bpf_htons(0xffcf)) != bpf_htons(0x0100) || dns[2] != bpf_htons(1) || dns[3] ||
		dns[4] || dns[5] & ~bpf_htons(1))
		return -1;
	r->p->flags = dns[1] & bpf_htons(0x0010) ? FLAG_CD : 0;
	r->p->opt = dns[5] ? OPT_LEN : 0;
	return 0;
}

/* Finds the end of the name: labels, uncompressed, within HF_XDP_NAME octets. */
ALWAYS int walk_name(struct run *r)
{
	__u32 at = 0;
	for (int i = 0; i <= HF_XDP_LABELS; i++) {
		__u8 *label = udp_of(r, NAME_AT + at);
		if ((void *)(label + 1) > end(r) || *label > 63)
			return -1;
		if (*label == 0) {
			r->p->name_len = at + 1;
			return 0;
		}
		at += 1 + *label;
		if (at >= HF_XDP_NAME)
			return -1;
	}
	return -1;
}

/* Type and class behind the name, and an OPT record of version 0. OPTIONS: it has options,
 * and is plain but for them. */
ALWAYS int read_tail(struct run *r)
{
	struct packet *p = r->p;
	__u8 *tail = udp_of(r, NAME_AT + name_len(r)), *opt = tail + 4;
	if ((void *)(tail + 4) > end(r))
		return -1;
	p->type = tail[0] << 8 | tail[1];
	p->edns_size = 512;
	if (p->type == 255 || tail[2] != 0 || tail[3] != 1)
		return -1;
	if (!p->opt)
		return p->udp_len == body_at(r) ? 0 : -1;
	if ((void *)(opt + OPT_LEN) > end(r))
		return -1;
	if (opt[0] | opt[1] | (opt[2] ^ 41) | opt[5] | opt[6] | (opt[7] & 0x7f) | opt[8])
		return -1;
	__u32 options = opt[9] << 8 | opt[10];
	if (p->udp_len != body_at(r) + OPT_LEN + options)
		return -1;
	p->edns_size = opt[3] << 8 | opt[4];
	p->flags |= opt[7] ? FLAG_DO : 0;
	return options ? OPTIONS : 0;
}

ALWAYS int read_question(struct run *r)
{
	if (read_ip(r))
		return -1;
	FORGET();
	if (is_from_us(r->p) || read_udp(r) || read_header(r))
		return -1;
	FORGET();
	if (walk_name(r))
		return -1;
	FORGET();
	return read_tail(r);
}

/* ---- finding the answer ---- */

/* Lowers A to Z in eight octets at once; length octets are below them. */
ALWAYS __u64 lower(__u64 w)
{
	__u64 low7 = w & 0x7f7f7f7f7f7f7f7full;
	__u64 from_a = low7 + 0x3f3f3f3f3f3f3f3full, above_z = low7 + 0x2525252525252525ull;
	return w | ((from_a & ~above_z & ~w & 0x8080808080808080ull) >> 2);
}

ALWAYS int take_name(struct run *r)
{
	__u64 *name = r->p->name;
	__u32 len = name_len(r);
#pragma clang loop unroll(full)
	for (int i = 0; i < HF_XDP_NAME_WORDS; i++)
		name[i] = 0;
	if (len == 0 || len > HF_XDP_NAME ||
		bpf_xdp_load_bytes(r->ctx, (r->p->l4 & 127) + NAME_AT, name, len))
		return -1;
#pragma clang loop unroll(full)
	for (int i = 0; i < HF_XDP_NAME_WORDS; i++)
		name[i] = lower(name[i]);
	return 0;
}

ALWAYS struct hf_xdp_entry *find(struct run *r)
{
	__u64 hash = hf_xdp_hash(r->p->name, name_len(r), &r->settings->key);
	__u64 tag = hf_xdp_tag(hash, (__u16)r->p->type, (__u8)r->p->flags);
	__u32 at = hf_xdp_bucket_of(hash);
	volatile struct hf_xdp_bucket *bucket = bpf_map_lookup_elem(&hf_buckets, &at);
	if (!bucket)
		return 0;
	r->p->way = HF_XDP_WAYS;
#pragma clang loop unroll(full)
	for (__u32 i = 0; i < HF_XDP_WAYS; i++)
		if (bucket->tags[i] == tag)
			r->p->way = i;
	FORGET();
	if (r->p->way >= HF_XDP_WAYS)
		return 0;
	at = at * HF_XDP_WAYS + r->p->way;
	return bpf_map_lookup_elem(&hf_entries, &at);
}

ALWAYS int same_question(const struct run *r, const struct hf_xdp_entry *entry)
{
	__u64 differ = (entry->type ^ r->p->type) | (entry->key_flags ^ r->p->flags);
#pragma clang loop unroll(full)
	for (int i = 0; i < HF_XDP_NAME_WORDS; i++)
		differ |= entry->name[i] ^ r->p->name[i];
	return differ == 0;
}

/* ---- may it be answered here, and to whom? ---- */

ALWAYS int came_to_door(const struct run *r, __u32 ifindex)
{
	const __u16 *mac = begin(r);
	if ((void *)(mac + 3) > end(r))
		return 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < HF_XDP_DOORS; i++)
		if (r->settings->doors[i].ifindex == ifindex &&
			((mac[0] ^ r->settings->doors[i].mac[0]) |
				(mac[1] ^ r->settings->doors[i].mac[1]) |
				(mac[2] ^ r->settings->doors[i].mac[2])) == 0)
			return 1;
	return 0;
}

ALWAYS int is_for_us(const struct run *r)
{
	const struct packet *p = r->p;
	const struct udphdr *udp = udp_of(r, 0);
	if ((void *)(udp + 1) > end(r))
		return 0;
	struct hf_xdp_place place = {
		.ifindex = r->ctx->ingress_ifindex, .vlan = (__u16)p->vlan, .port = udp->dest};
	if (p->family == 4) {
		place.address[2] = bpf_htonl(0xffff);
		place.address[3] = p->dst[0];
	} else {
		__builtin_memcpy(place.address, p->dst, sizeof place.address);
	}
	return bpf_map_lookup_elem(&hf_places, &place) && came_to_door(r, place.ifindex);
}

ALWAYS int is_allowed(const struct run *r)
{
	const struct packet *p = r->p;
	struct hf_xdp_prefix client = {
		.bits = 32 + (p->family == 4 ? 32 : 128), .family = p->family};
	__builtin_memcpy(client.address, p->src, sizeof client.address);
	const __u8 *may = bpf_map_lookup_elem(&hf_clients, &client);
	return may && *may;
}

ALWAYS int checksum_holds(struct run *r)
{
	struct packet *p = r->p;
	__u64 sum = bpf_htons(IPPROTO_UDP) + (__u64)bpf_htons((__u16)p->udp_len);
	__u32 len = p->udp_len & 127;
#pragma clang loop unroll(full)
	for (unsigned i = 0; i < sizeof p->words / 8; i++)
		p->words[i] = 0;
	if (len == 0 || len > LONGEST ||
		bpf_xdp_load_bytes(r->ctx, p->l4 & 127, (__u8 *)p->words + 4, len))
		return 0;
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++)
		sum += (__u64)p->src[i] + p->dst[i];
#pragma clang loop unroll(full)
	for (unsigned i = 0; i < sizeof p->words / 8; i++)
		sum += (p->words[i] & 0xffffffff) + (p->words[i] >> 32);
	return fold(sum) == 0xffff;
}

/* ---- the reply ---- */

struct answer { /* of an entry, as long as its seq stood still */
	struct hf_xdp_entry *entry;
	__u64 seq;
	__u32 body_len, body_sum, age, cell;
	__u16 flags, counts[3];
};

/* Whole seconds since it was stored; UINT32_MAX if it should go up: in the last tenth of
 * its time, where it is refreshed, or past it; or if the server's clock is another one. The
 * same clock may be read a little apart. */
ALWAYS __u32 age_of(const struct hf_xdp_entry *entry)
{
	__s64 age = (__s64)(bpf_ktime_get_ns() / 1000) - entry->stored;
	__s64 life = (__s64)entry->ttl * 1000000;
	if (age < 0)
		return age < -CLOCKS_APART ? ~0u : 0;
	return age >= life - (__s64)entry->ttl * 100000 ? ~0u : (__u32)((__u64)age / 1000000);
}

/* A record's TTL, less the age. Returns what that changes in the sum. */
ALWAYS __u32 age_ttl(__u8 *field, __u32 at, __u32 age)
{
	__u32 old = (__u32)field[0] << 24 | field[1] << 16 | field[2] << 8 | field[3];
	__s64 left = (__s64)old - age;
	__u32 ttl = (__u32)(left & ~(left >> 63));
	field[0] = (__u8)(ttl >> 24);
	field[1] = (__u8)(ttl >> 16);
	field[2] = (__u8)(ttl >> 8);
	field[3] = (__u8)ttl;
	__u32 sum = minus(bpf_htons((__u16)(old >> 16))) + minus(bpf_htons((__u16)old)) +
		    bpf_htons((__u16)(ttl >> 16)) + bpf_htons((__u16)ttl);
	return placed(fold(sum), at);
}

/* Writes the answer's records behind the question and ages them. */
ALWAYS int write_body(struct run *r, struct answer *a)
{
	__u32 len = a->body_len & HF_XDP_BODY_MASK, count = a->entry->ttl_count;
	__u64 sum = a->body_sum;
	if (len == 0 || len > HF_XDP_BODY)
		return len == 0 ? 0 : -1;
	if (bpf_xdp_store_bytes(r->ctx, (r->p->l4 & 127) + body_at(r), a->entry->body, len))
		return -1;
	for (__u32 i = 0; i < HF_XDP_TTLS && i < count; i++) {
		__u32 offset = a->entry->ttl_at[i] & HF_XDP_BODY_MASK;
		__u8 *field = udp_of(r, body_at(r) + offset);
		if ((void *)(field + 4) > end(r))
			return -1;
		sum += age_ttl(field, offset, a->age);
	}
	a->body_sum = fold(sum);
	return 0;
}

/* An OPT record at an offset from where UDP begins. */
ALWAYS int write_opt(struct run *r, __u32 at, __u32 size)
{
	__u8 *opt = udp_of(r, at & 1023);
	if ((void *)(opt + OPT_LEN) > end(r))
		return -1;
	opt[0] = opt[1] = 0;
	opt[2] = 41;
	opt[3] = (__u8)(size >> 8);
	opt[4] = (__u8)size;
	opt[5] = opt[6] = 0;
	opt[7] = (r->p->flags & FLAG_DO) << 7;
	opt[8] = opt[9] = opt[10] = 0;
	return 0;
}

/* Its sum at an even place. */
ALWAYS __u32 opt_sum(const struct run *r, __u32 size)
{
	return fold((__u64)bpf_htons((__u16)(0x2900 | size >> 8)) + bpf_htons((__u16)(size << 8)) +
		    bpf_htons((__u16)((r->p->flags & FLAG_DO) << 7)));
}

/* The packet as it came: the client's OPT record, and the length. What lay behind the
 * datagram was padding. */
ALWAYS int put_back(struct run *r, int grown)
{
	if (r->p->opt && write_opt(r, body_at(r), r->p->edns_size))
		return XDP_DROP;
	if (bpf_xdp_adjust_tail(r->ctx, -grown))
		return XDP_DROP;
	return pass(r, HF_XDP_RACE);
}

ALWAYS int turn_ether(struct run *r)
{
	struct ethhdr *eth = begin(r);
	__u8 mac[6];
	if ((void *)(eth + 1) > end(r))
		return -1;
	__builtin_memcpy(mac, eth->h_dest, 6);
	__builtin_memcpy(eth->h_dest, eth->h_source, 6);
	__builtin_memcpy(eth->h_source, mac, 6);
	if (!r->p->vlan)
		return 0;
	__be16 *tag = (void *)(eth + 1);
	if ((void *)(tag + 2) > end(r))
		return -1;
	tag[0] = bpf_htons((__u16)r->p->vlan); /* without the asker's priority */
	return 0;
}

ALWAYS int turn_ip4(struct run *r, __u32 udp_len)
{
	struct iphdr *ip = ip_of(r);
	__u64 sum = 0;
	if ((void *)(ip + 1) > end(r))
		return -1;
	ip->tos = 0;
	ip->tot_len = bpf_htons((__u16)(udp_len + sizeof *ip));
	ip->id = 0; /* whole by itself, it needs none (RFC 6864) */
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = HOPS;
	ip->check = 0;
	ip->saddr = r->p->dst[0];
	ip->daddr = r->p->src[0];
	__u32 *word = (void *)ip;
#pragma clang loop unroll(full)
	for (int i = 0; i < 5; i++)
		sum += word[i];
	ip->check = (__u16)minus(fold(sum));
	return 0;
}

ALWAYS int turn_ip6(struct run *r, __u32 udp_len)
{
	struct ipv6hdr *ip = ip_of(r);
	if ((void *)(ip + 1) > end(r))
		return -1;
	*(__be32 *)ip = bpf_htonl(0x60000000);
	ip->payload_len = bpf_htons((__u16)udp_len);
	ip->hop_limit = HOPS;
#pragma clang loop unroll(full)
	for (int i = 0; i < 4; i++) {
		ip->saddr.in6_u.u6_addr32[i] = r->p->dst[i];
		ip->daddr.in6_u.u6_addr32[i] = r->p->src[i];
	}
	return 0;
}

/* Ports, lengths, header; and the checksum: the question's, less what is gone and with
 * what has come (RFC 1624). */
ALWAYS int turn_udp(struct run *r, const struct answer *a, __u32 udp_len)
{
	struct udphdr *udp = udp_of(r, 0);
	__be16 *dns = (void *)(udp + 1);
	if ((void *)(dns + DNS_LEN / 2) > end(r))
		return -1;
	__u32 has_opt = r->p->opt != 0;
	__be16 flags = a->flags | (dns[1] & bpf_htons(0x0110)); /* RD and CD are echoed */
	__be16 additional = bpf_htons((__u16)(bpf_ntohs(a->counts[2]) + has_opt));
	__u64 sum = minus(udp->check);
	sum += 2 * (__u64)minus(bpf_htons((__u16)r->p->udp_len)) +
	       2 * (__u64)bpf_htons((__u16)udp_len);
	sum += (__u64)minus(dns[1]) + flags + minus(dns[5]) + a->counts[0] + a->counts[1] +
	       additional;
	sum += placed(a->body_sum, body_at(r));
	if (has_opt) {
		sum += placed(minus(opt_sum(r, r->p->edns_size)), body_at(r));
		sum += placed(opt_sum(r, OUR_EDNS_SIZE), body_at(r) + a->body_len);
	}
	__be16 port = udp->source;
	udp->source = udp->dest;
	udp->dest = port;
	udp->len = bpf_htons((__u16)udp_len);
	__u32 check = minus(fold(sum));
	udp->check = check ? (__u16)check : 0xffff;
	dns[1] = flags;
	dns[3] = a->counts[0];
	dns[4] = a->counts[1];
	dns[5] = additional;
	return 0;
}

ALWAYS int turn(struct run *r, const struct answer *a, __u32 udp_len)
{
	if (turn_udp(r, a, udp_len) || turn_ether(r))
		return -1;
	FORGET();
	return r->p->family == 4 ? turn_ip4(r, udp_len) : turn_ip6(r, udp_len);
}

ALWAYS int reply(struct run *r, struct answer *a)
{
	__u32 udp_len = body_at(r) + a->body_len + (r->p->opt & 15), limit = r->p->edns_size;
	int grow = (int)((r->p->l4 & 127) + udp_len) - (int)bpf_xdp_get_buff_len(r->ctx);
	if (limit < 512)
		limit = 512;
	if (limit > r->settings->edns_size)
		limit = r->settings->edns_size;
	if (udp_len - UDP_LEN > limit)
		return pass(r, HF_XDP_SIZE);
	if (bpf_xdp_adjust_tail(r->ctx, grow))
		return pass(r, HF_XDP_ROOM);
	int wrong = write_body(r, a);
	READ_BARRIER(r->cpu);
	if (wrong || *(volatile __u64 *)&a->entry->seq != a->seq)
		return put_back(r, grow);
	if (r->p->opt && write_opt(r, body_at(r) + a->body_len, OUR_EDNS_SIZE))
		return put_back(r, grow);
	if (turn(r, a, udp_len))
		return XDP_DROP; /* cannot be: all of it has been looked at before */
	r->cpu->fates[HF_XDP_ANSWERED]++;
	r->cpu->answered[a->cell & (HF_XDP_CELLS - 1)]++;
	return XDP_TX;
}

/* Takes what matters of an entry. False: it is not this question's, or just changes. */
ALWAYS int take(struct run *r, __u64 generation, struct answer *ret)
{
	struct hf_xdp_entry *entry = ret->entry;
	ret->seq = *(volatile __u64 *)&entry->seq;
	READ_BARRIER(r->cpu);
	ret->body_len = entry->body_len & HF_XDP_BODY_MASK;
	ret->body_sum = entry->body_sum;
	ret->flags = entry->flags;
	ret->counts[0] = entry->counts[0];
	ret->counts[1] = entry->counts[1];
	ret->counts[2] = entry->counts[2];
	ret->cell = entry->cell;
	ret->age = age_of(entry);
	return !(ret->seq & 1) && entry->generation == generation && same_question(r, entry);
}

SEC("xdp") int hf_xdp_answer(struct xdp_md *ctx)
{
	__u32 first = 0, processor = bpf_get_smp_processor_id();
	struct hf_xdp_settings *settings = bpf_map_lookup_elem(&hf_settings, &first);
	struct hf_xdp_cpu *cpu = bpf_map_lookup_elem(&hf_cpus, &processor);
	if (!settings || !cpu)
		return XDP_PASS;
	struct run r = {ctx, settings, cpu, (void *)cpu->scratch};
	__u64 generation = *(volatile __u64 *)&settings->generation;
	__u64 sweepers = *(volatile __u64 *)&settings->sweepers;
	if (!generation || sweepers)
		return XDP_PASS;
	int odd = read_question(&r);
	if (odd)
		return odd == OPTIONS ? pass(&r, HF_XDP_OPTION) : XDP_PASS;
	FORGET();
	struct answer a = {.entry = 0};
	if (!take_name(&r))
		a.entry = find(&r);
	if (!a.entry || !take(&r, generation, &a))
		return pass(&r, HF_XDP_MISS);
	if (!is_for_us(&r))
		return pass(&r, HF_XDP_ELSEWHERE);
	if (!is_allowed(&r))
		return pass(&r, HF_XDP_CLIENT);
	if (!checksum_holds(&r))
		return pass(&r, HF_XDP_CHECKSUM);
	if (a.age == ~0u)
		return pass(&r, HF_XDP_OLD);
	if (settings->sample && !(bpf_get_prandom_u32() & (settings->sample - 1)))
		return pass(&r, HF_XDP_SAMPLE);
	FORGET();
	return reply(&r, &a);
}

char hf_license[] SEC("license") = "Dual BSD/GPL";
