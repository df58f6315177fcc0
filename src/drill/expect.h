/* SPDX-License-Identifier: GPL-3.0-or-later */
/* expect.h - what a reply can be expected to be: a row a word.
 *
 * Story: behind `expect` stand words; each is a row here that says what it takes
 * and how it is checked against what a client saw. A bare address means "an
 * answer record with this address".
 * Adding a word is adding a row.
 * Threads: pure. */
#ifndef HF_DRILL_EXPECT_H
#define HF_DRILL_EXPECT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/address.h"
#include "drill/words.h"
#include "wire/message.h"

enum hf_takes { /* what stands behind a word */
	HF_TAKES_NOTHING,
	HF_TAKES_NUMBER,
	HF_TAKES_PERCENT,
	HF_TAKES_RATIO, /* "1.1", in thousandths */
	HF_TAKES_DURATION,
	HF_TAKES_BYTES,
	HF_TAKES_COMPARISON, /* "<= 299", "== 1", or just a number */
	HF_TAKES_DATA,       /* a record's data as zone text: one word, or quoted */
	HF_TAKES_UPSTREAM,
};

enum hf_compare { HF_EQUAL, HF_LESS, HF_AT_MOST, HF_MORE, HF_AT_LEAST, HF_NOT };

struct hf_expect {
	const struct hf_expect *next;
	const struct hf_expect_row *row;
	enum hf_compare compare;
	int64_t number;
	const uint8_t *rdata;
	uint16_t rdata_len;
	const char *text; /* as written */
};

struct hf_seen { /* what came of one question */
	bool replied;
	const uint8_t *m;
	size_t len;
	struct hf_message_view view;
	uint16_t type;        /* that was asked for */
	hf_us took;
	uint64_t asked_meanwhile; /* packets to upstreams for it since it was asked */
	int from;             /* the upstream that last answered it; -1: none */
};

struct hf_expect_row {
	const char *word;
	enum hf_takes takes;
	bool (*holds)(const struct hf_seen *seen, const struct hf_expect *expect);
};

extern const struct hf_expect_row hf_expect_rows[]; /* ends with a NULL word */
extern const struct hf_expect_row hf_expect_address;

bool hf_compare(int64_t a, enum hf_compare how, int64_t b);

/* Takes "<=" and the like; `==` if none stands there. */
enum hf_compare hf_compare_take(struct hf_words *w);

/* The reply in a few words for a report: "noerror 192.0.2.10 ttl 60". */
#define HF_SEEN_TEXT_MAX 256
const char *hf_seen_text(const struct hf_seen *seen, char buf[static HF_SEEN_TEXT_MAX]);

#endif
