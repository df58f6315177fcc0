/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* xdp_map.h - what the program at the driver and the server share.
 *
 * Story: the server keeps a table of hot answers in memory that both can reach (maps of
 * the kernel that are mapped into the process), so that publishing and withdrawing are
 * stores and no system calls. The table is buckets of eight ways. A way is a tag, which
 * says which question it is, and the entry of the same number. The program finds the
 * bucket by a hash of the name, the way by its tag, and then compares the whole question.
 *
 * Proof that the program never gives a torn or a foreign answer:
 *   1. Only who has changed a way's tag to HF_XDP_CLAIMED by compare-and-swap writes the
 *      entry, and makes `seq` odd before the first word and even after the last.
 *   2. The program reads `seq` before anything else of the entry, and again after it
 *      has copied the answer and before it changes anything that it could not put back.
 *      If the number was odd or is another now, the packet goes up as it came.
 *   3. The entry repeats its question: name, type and flags. It is compared behind the
 *      first look at `seq`, because between the tag and that look the way may have
 *      become another question's, even one of the same name.
 * Withdrawing adds to `seq` too: what began before and has not ended goes up as well.
 *
 * An entry counts only while its generation is that of the settings. A reload makes that
 * 0 first: from then on everything goes up until the new rules are in place. Whoever has to
 * look at all of the table for what must go counts himself among the `sweepers` before, as
 * that may take longer than a millisecond.
 *
 * Knows:   offsets and sizes; nothing of sockets or of the cache.
 * Threads: see above; figures have one writer, the processor that they are of.
 * At the bound: a name over HF_XDP_NAME octets, an answer with more than HF_XDP_BODY
 * octets behind its question or more than HF_XDP_TTLS records is not published. */
#ifndef HF_XDP_XDP_MAP_H
#define HF_XDP_XDP_MAP_H

#include <linux/types.h>

#include "base/sip.h"

#define HF_XDP_NAME 64 /* octets of a name in wire form */
#define HF_XDP_NAME_WORDS (HF_XDP_NAME / 8)
#define HF_XDP_LABELS 24 /* without the root; a name of 64 octets rarely has so many */
#define HF_XDP_BODY 496  /* with header and question about what plain UDP may have */
#define HF_XDP_BODY_MASK 511
#define HF_XDP_TTLS 16
#define HF_XDP_WAYS 8
#define HF_XDP_BUCKETS 2048
#define HF_XDP_ENTRIES (HF_XDP_BUCKETS * HF_XDP_WAYS)
#define HF_XDP_DOORS 8     /* interfaces */
#define HF_XDP_PLACES 4096 /* addresses that are served, times interfaces and VLANs */
#define HF_XDP_PREFIXES 65536
#define HF_XDP_OURS 8192 /* the host's own addresses, and those of broadcasts */
#define HF_XDP_CPUS 1024
#define HF_XDP_CELLS 32 /* types (HF_METER_TYPES), each with NOERROR and NXDOMAIN */

struct hf_xdp_entry {
	__u64 seq;        /* odd: is being written */
	__u64 generation; /* of the settings that it was published under */
	__s64 stored;     /* us on the kernel's own monotonic clock */
	__u32 ttl;        /* seconds that it is good for from then on */
	__u16 body_len;
	__u16 body_sum;  /* of the body as it lies here, folded, not complemented */
	__u16 flags;     /* the header's second word, as on the wire */
	__u16 counts[3]; /* answer, authority, additional: as on the wire */
	__u8 cell;       /* where the answer is counted */
	__u8 ttl_count;
	__u16 type; /* of the question, with key_flags: DO 1 and CD 2 */
	__u8 key_flags;
	__u8 aliased; /* it holds an alias; for who sweeps */
	__u8 zero[2];
	__u16 ttl_at[HF_XDP_TTLS];     /* offsets of the TTL fields in the body */
	__u64 name[HF_XDP_NAME_WORDS]; /* lowered, zeros behind it */
	__u8 body[HF_XDP_BODY];        /* what stands behind the question */
};

struct hf_xdp_bucket {
	__u64 tags[HF_XDP_WAYS]; /* hf_xdp_tag; 0: empty */
};
#define HF_XDP_CLAIMED 2 /* in place of a tag: somebody writes the entry */

struct hf_xdp_key { /* of the hash: random, and known to nobody outside */
	__u64 k0, k1;
};

struct hf_xdp_settings {
	__u64 generation; /* 0: nothing is answered */
	__u64 sweepers;   /* who sweeps the table: meanwhile nothing is answered */
	struct hf_xdp_key key;
	__u32 edns_size;  /* the largest reply */
	__u32 sample;     /* one in so many goes up all the same, a power of two; 0: none */
	__u32 door_count;
	__u32 zero;
	struct {
		__u32 ifindex;
		__u16 mac[3]; /* as on the wire */
		__u16 zero;
	} doors[HF_XDP_DOORS];
};

struct hf_xdp_place { /* a key: somebody may ask here */
	__u32 ifindex;
	__u16 vlan;       /* 0: untagged */
	__u16 port;       /* as on the wire */
	__u32 address[4]; /* as on the wire; IPv4 as ::ffff:a.b.c.d */
};

/* A key: who lies in it, and in no longer one, may ask (1), or is left to the sockets (0). */
struct hf_xdp_prefix {
	__u32 bits;       /* 32 for the family, and those of the prefix */
	__u32 family;     /* 4 or 6 */
	__u32 address[4]; /* as on the wire; IPv4 in the first */
};

/* What became of a packet for which the program took a second look: a plain question. What is
 * none is not counted. */
enum hf_xdp_fate {
	HF_XDP_ANSWERED,
	HF_XDP_MISS,      /* no answer was published */
	HF_XDP_ELSEWHERE, /* not to an address that is served at this interface */
	HF_XDP_CLIENT,    /* not allowed, or no address that can be a client's */
	HF_XDP_CHECKSUM,  /* of UDP; on virtual links they are often left to the card */
	HF_XDP_OLD,       /* in the last tenth of its time, or past it */
	HF_XDP_SIZE,      /* does not fit into what the client takes */
	HF_XDP_ROOM,      /* the driver left too little room behind the packet to answer in it */
	HF_XDP_SAMPLE,    /* one in so many */
	HF_XDP_RACE,      /* replaced while it was read */
	HF_XDP_OPTION,    /* plain but for EDNS options, such as a cookie; if it is not long */
	HF_XDP_FATES
};

/* One processor's own: no two share a cache line, and the program is not interrupted by
 * itself. */
#define HF_XDP_SCRATCH 320
struct hf_xdp_cpu {
	__u64 answered[HF_XDP_CELLS];
	__u64 fates[HF_XDP_FATES];
	__u64 zero[48 - HF_XDP_CELLS - HF_XDP_FATES];
	__u64 scratch[HF_XDP_SCRATCH / 8]; /* of the program alone */
};

/* Spreads names over buckets and tags: SipHash-1-3 of the name's `len` octets (1 to
 * HF_XDP_NAME), behind which there are zeros up to the end of their word. The key is drawn
 * once a process. Clients choose names, and with what is weaker they can choose such as
 * meet in one bucket whatever the key is, and drive an answer out that is asked for. */
static inline __attribute__((always_inline)) __u64 hf_xdp_hash(
	const __u64 name[HF_XDP_NAME_WORDS], __u32 len, const struct hf_xdp_key *key)
{
	struct hf_sip s;
	hf_sip_begin(&s, key->k0, key->k1);
#ifdef __clang__
#pragma clang loop unroll(disable)
#endif
	for (__u32 i = 0; i < HF_XDP_NAME_WORDS && i < len / 8; i++)
		hf_sip_absorb(&s, name[i]);
	__u64 rest = len < HF_XDP_NAME ? name[len / 8 & (HF_XDP_NAME_WORDS - 1)] : 0;
	hf_sip_absorb(&s, rest | (__u64)len << 56);
	return hf_sip_end(&s);
}

/* All ways of a name have the same upper half. */
static inline __attribute__((always_inline)) __u64 hf_xdp_tag(__u64 hash, __u16 type, __u8 flags)
{
	return (hash & 0xffffffff00000000ull) | (__u64)type << 16 | (__u64)flags << 8 | 1;
}

static inline __attribute__((always_inline)) __u32 hf_xdp_bucket_of(__u64 hash)
{
	return (__u32)hash & (HF_XDP_BUCKETS - 1);
}

#endif
