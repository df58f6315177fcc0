/* SPDX-License-Identifier: GPL-3.0-or-later */
/* size.h - how large a reply gets through, and whether EDNS does at all.
 *
 * Story: a path that loses large datagrams (a firewall that drops fragments, a
 * tunnel without path MTU discovery) looks like an upstream that sometimes says
 * nothing. The difference shows when the answer that UDP lost comes over TCP and
 * turns out to be large. After two such names the upstream is told to send no
 * more over UDP than what has been seen to arrive; more then comes truncated,
 * and goes on over TCP at once instead of after a silence. The same holds for a
 * server that answers only without EDNS (RFC 6891 section 7). Both are forgotten
 * after ten minutes and found out again if they still hold.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_SIZE_H
#define HF_UPSTREAM_SIZE_H

#include <stdbool.h>

#include "base/time.h"
#include "upstream/upstream.h"

#define HF_SIZE_MEMORY (600 * HF_SECOND) /* how long it is remembered */

struct hf_size {
	uint16_t largest;    /* octets of a reply that came over UDP lately */
	uint16_t limit;      /* what to ask for at most, until ... */
	hf_us limit_until;
	hf_us largest_until; /* when `largest` is forgotten */
	uint32_t suspect;    /* hash of the first name whose large answer UDP lost, ... */
	hf_us suspected;     /* ... and when; 0: none */
	hf_us plain_until;   /* no EDNS until then */
};

/* A zeroed struct suspects nothing. */

/* A reply came over UDP. */
void hf_size_arrived(struct hf_size *size, uint16_t octets, hf_us now);

/* What UDP had lost came over TCP with so many octets. True: a new limit holds. */
bool hf_size_lost(struct hf_size *size, const struct hf_upstream_conf *conf, uint16_t octets,
	uint32_t name, hf_us now);

/* What it refused with EDNS it answered without. True: that is new. */
bool hf_size_plain(struct hf_size *size, hf_us now);

/* Is this a limit that can have been set (0: none)? */
bool hf_size_sane(uint16_t limit);

/* The EDNS size to tell it; 0: ask without EDNS. */
uint16_t hf_size_edns(const struct hf_size *size, const struct hf_upstream_conf *conf, hf_us now);

#endif
