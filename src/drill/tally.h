/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tally.h - what is counted over a whole play, and what `finally` may say of it.
 * A word is a row. Threads: pure. */
#ifndef HF_DRILL_TALLY_H
#define HF_DRILL_TALLY_H

#include "drill/expect.h"

#define HF_PLAY_UPSTREAMS_MAX 32

struct hf_tally {
	uint64_t questions, replies;
	uint64_t answered; /* replies other than SERVFAIL and REFUSED */
	uint64_t rcodes[16];
	uint64_t truncated;
	hf_us slowest;
	uint64_t packets[HF_PLAY_UPSTREAMS_MAX]; /* questions by UDP, sent to each */
	uint64_t streams[HF_PLAY_UPSTREAMS_MAX]; /* questions by TCP, come to each */
	uint64_t cached, joined; /* of the server's own counters */
	uint64_t strays;
	uint64_t lookups, resolved; /* of stubs that try again; of lookups of all */
	uint64_t needed;            /* questions that no server had an answer to at hand */
	uint64_t busiest[HF_PLAY_UPSTREAMS_MAX]; /* most questions to it in 100 ms */
	uint64_t busiest_second[HF_PLAY_UPSTREAMS_MAX]; /* ... in a second of the clock */
	uint64_t busiest_back[HF_PLAY_UPSTREAMS_MAX]; /* ... since it was last back */
};

struct hf_tally_row {
	const char *word;
	bool of_upstream;    /* "to NAME" follows */
	enum hf_takes takes; /* NUMBER, PERCENT, RATIO or DURATION, behind a comparison */
	int64_t (*value)(const struct hf_tally *tally, unsigned upstream);
};

struct hf_final {
	struct hf_final *next;
	const struct hf_tally_row *row;
	unsigned upstream;
	enum hf_compare compare;
	int64_t number;
	unsigned line;
	const char *text;
};

extern const struct hf_tally_row hf_tally_rows[]; /* ends with a NULL word */

#endif
