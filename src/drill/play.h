/* SPDX-License-Identifier: GPL-3.0-or-later */
/* play.h - plays a scenario once and says whether all held.
 *
 * Story: a world is made from the seed: the server (house.h), the upstreams
 * (peer.h), the clients (crowd.h) and the weather between them. The scenario's
 * events happen at their times; each reply is held against what was expected of
 * it and against the laws that must always hold (law.h): exactly one reply, in
 * time, to every message of a client; no word in it that no upstream said, nor
 * for longer; ten packets to upstreams at the most for a question; the server's
 * memory within its bounds at the end of every turn, and empty ten seconds after
 * the last question. There can be many instances of the server, which share
 * nothing but the upstreams.
 *
 * The first thing that does not hold ends the play. The same seed gives the same
 * play to the last octet.
 * Threads: the world's one. */
#ifndef HF_DRILL_PLAY_H
#define HF_DRILL_PLAY_H

#include "drill/law.h"
#include "drill/scenario.h"

struct hf_play_result {
	bool good;
	enum hf_law law;     /* not good: which one was broken */
	struct hf_tally tally;
	hf_us lasted;        /* virtual time */
	uint64_t events;     /* that happened in the world */
	uint64_t trace;      /* a hash over all of them */
	hf_us when;          /* not good: what did not hold, and when */
	unsigned line;       /* 0: of no line */
	char what[1024];
};

/* Plays. Everything that happens is written to `trace` if there is one; on
 * failure the last events are written to `report`. -ENOMEM and the like: it
 * could not be played. */
int hf_play(const struct hf_scenario *scenario, uint64_t seed, FILE *trace, FILE *report,
	struct hf_play_result *ret);

/* An instant of a play as people read it: "4h10m20.046s". Returns buf. */
const char *hf_play_time_text(hf_us at, char buf[static HF_NUMBER_TEXT_MAX]);

#endif
