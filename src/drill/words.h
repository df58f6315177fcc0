/* SPDX-License-Identifier: GPL-3.0-or-later */
/* words.h - the lines of a .play file as words that know where they stand.
 *
 * Story: a line is cut at white space; "..." keeps words together; # begins a
 * comment where a word could begin. Whoever reads a line takes its words one by
 * one and says what should have stood where something else does: the complaint
 * names file, line and column, what was expected, what was found, and the
 * nearest word of those that would have fitted. The first fault of a line ends
 * the reading of that line and no more.
 * Ownership: words point into the text, which the caller keeps.
 * At the bound: HF_WORDS_MAX words a line; HF_FAULTS_TOLD complaints a file, the
 * rest are only counted.
 * Threads: one owner. */
#ifndef HF_DRILL_WORDS_H
#define HF_DRILL_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/option.h"
#include "base/time.h"

#define HF_WORDS_MAX 64
#define HF_FAULTS_TOLD 20

struct hf_word_at {
	const char *text; /* no NUL behind it */
	size_t len;
	unsigned column; /* from 1, in octets */
};

struct hf_words {
	const char *file;
	FILE *complaints;
	struct hf_arena *arena; /* for copies of words */
	unsigned line;
	const char *start, *end; /* of the line */
	struct hf_word_at items[HF_WORDS_MAX];
	size_t count, at;
	bool bad;        /* this line has a fault */
	unsigned faults; /* of all lines */
};

/* Takes the next line of [*at, end) apart and moves *at behind it. False: there
 * is none. */
bool hf_words_line(struct hf_words *w, const char **at, const char *end);

/* Says what is wrong, where the next word stands (or the line ends). */
__attribute__((format(printf, 2, 3))) void hf_words_fault(struct hf_words *w, const char *format, ...);

/* Says "expected WHAT, found ...". nearest: the nearest of the words that would
 * have fitted, or NULL. */
void hf_words_expected(struct hf_words *w, const char *what, const char *nearest);

/* The next word, or NULL at the end of the line or behind a fault. */
const struct hf_word_at *hf_words_peek(const struct hf_words *w);

bool hf_words_are(const struct hf_word_at *word, const char *text);

/* Takes the next word if it is this one. */
bool hf_words_take(struct hf_words *w, const char *text);

/* Takes one that must be this. */
bool hf_words_want(struct hf_words *w, const char *text);

/* The next word as a copy with a NUL, which must be there; "" behind a fault. */
const char *hf_words_text(struct hf_words *w, const char *what);

/* Readers of one word: a fault if it is not of its kind. False: a fault. */
bool hf_words_number(struct hf_words *w, const char *what, uint64_t min, uint64_t max, int64_t *ret);
bool hf_words_duration(struct hf_words *w, hf_us *ret);
bool hf_words_percent(struct hf_words *w, int64_t *ret); /* in millionths: "3%" is 30,000 */
bool hf_words_ratio(struct hf_words *w, int64_t *ret);   /* in thousandths: "1.1" is 1,100 */

/* At the end of a line nothing may be left. */
void hf_words_end(struct hf_words *w, const char *what);

#endif
