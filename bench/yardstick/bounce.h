/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* bounce.h - what the load at the driver and the program that starts it share.
 *
 * Story: who answers at the driver is faster than anybody can ask through sockets, so
 * this load lives at the driver as well, at the other end of the cable. So many
 * questions are under way, each has a *slot*; what comes back is judged and, in the
 * same packet, turned into the next question of its slot. No packet is allocated, no
 * process wakes.
 * Knows: numbered names (numbered.h), written out once as rows; IPv4.
 * Never knows: time. Whoever reads the counts has a clock.
 * Ownership: the maps are the kernel's; both sides reach them. A slot is written by
 * the program at the driver; bounce.c writes it before it sends the slot's first
 * packet, or a new one in place of a lost one.
 * At the bound: HF_BOUNCE_SLOTS under way, HF_BOUNCE_ROWS names. What belongs to no
 * question under way is counted as stray and dropped.
 * Threads: one processor receives (bench/xdp sees to that). */
#ifndef HF_YARD_BOUNCE_H
#define HF_YARD_BOUNCE_H

#include <linux/types.h>

#define HF_BOUNCE_SLOTS 256 /* the low octet of an id */
#define HF_BOUNCE_ROWS 16384
#define HF_BOUNCE_LANES 8 /* ports of ours that questions come from */

#define HF_BOUNCE_HEAD 42  /* Ethernet, IPv4, UDP */
#define HF_BOUNCE_QUERY 53 /* HF_YARD_QUERY */
#define HF_BOUNCE_QUESTION 30
#define HF_BOUNCE_LEN (HF_BOUNCE_HEAD + HF_BOUNCE_QUERY)

struct hf_bounce_row {  /* a name */
	__u8 query[56]; /* with id 0 */
	__u32 sum;      /* of its octets, as words in memory */
	__u32 address;  /* that the answer must have; as on the wire */
};

struct hf_bounce_slot {
	__u64 turns;  /* questions that were asked from here */
	__u32 number; /* the name of the last one */
	__u16 id;     /* as in memory of the packet */
	__u16 zero;
};

struct hf_bounce_plan {
	__u8 head[48]; /* of each packet; without what differs: source port, checksum */
	__u32 sum;     /* of what the UDP checksum takes of it, as words in memory */
	__u32 names, window, stop;
	__u16 first_port;  /* of the lanes */
	__u16 server_port; /* as on the wire */
};

struct hf_bounce_counts {
	__u64 right;
	__u64 failed; /* an rcode, no record or truncated */
	__u64 wrong;  /* another question or address, or a checksum that does not hold */
	__u64 stray;  /* no question of this id is under way */
};

#endif
