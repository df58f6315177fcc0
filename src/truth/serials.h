/* SPDX-License-Identifier: GPL-3.0-or-later */
/* serials.h - which of a zone's own servers serves an older zone than the others?
 *
 * Story: the servers of a zone are asked for its SOA record in rounds. The greatest serial
 * by RFC 1982 is the newest zone; whoever is behind what was the newest HF_SERIALS_GRACE
 * rounds ago has had time to fetch it and has not: it is *out* until it has what was
 * the newest a round ago. So a zone that changes all the time, and a transfer that takes
 * its time, put nobody out.
 * A serial that only one server shows is not always the newest: one that is further
 * ahead than an operator would go (HF_SERIALS_JUMP), or that two others or more have not
 * followed for HF_SERIALS_PATIENCE while they were stable, is *doubted*: told of, and not
 * gone by. It takes a second server with it to be believed. Of two servers one that is
 * ahead is believed: that the other does not follow is the usual fault.
 * Who does not answer for HF_SERIALS_GRACE rounds does not count: if it had the newest
 * zone, the others are the best that there is, and come back.
 * Knows:   serials, rounds, instants. Never: how they were asked for, whose they are.
 * Ownership: `of` is the caller's, one for each server, zeroed to begin with.
 * Threads: one owner, no locks.
 * At the bound: 64 servers, as many as a route has. */
#ifndef HF_TRUTH_SERIALS_H
#define HF_TRUTH_SERIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_SERIALS_GRACE 2

/* Half of the way that RFC 1982 calls ahead (2^31 - 1). The change to a smaller number
 * (RFC 1912 3.1) goes that far at once, but on all servers, one soon after another. */
#define HF_SERIALS_JUMP (1u << 30)
#define HF_SERIALS_PATIENCE (3600 * HF_SECOND)

struct hf_serial_of { /* what is known of a server */
	bool known;
	bool out;
	bool doubted;
	uint8_t missed; /* rounds in a row without an answer */
	uint32_t serial;
	hf_us changed; /* when it showed this serial first */
	hf_us since;   /* out: since when */
};

struct hf_serials {
	struct hf_serial_of *of;
	unsigned count;
	unsigned rounds;                       /* up to one more than the grace */
	uint32_t newest[HF_SERIALS_GRACE + 1]; /* as of this round, the one before ... */
};

struct hf_serial_said {
	bool answered; /* with authority (AA), and the zone's SOA */
	uint32_t serial;
};

/* What a round has changed: a bit for each server. */
struct hf_serials_found {
	uint64_t out;     /* is out from now on */
	uint64_t in;      /* is not any more */
	uint64_t doubted; /* is doubted from now on */
};

/* a is older than b (RFC 1982 3.2); where that is not defined, it is not. */
static inline bool hf_serial_older(uint32_t a, uint32_t b)
{
	return a != b && b - a < 1u << 31;
}

/* A round is over. */
struct hf_serials_found hf_serials_round(
	struct hf_serials *s, const struct hf_serial_said *said, hf_us now);

#endif
