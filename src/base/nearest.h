/* SPDX-License-Identifier: MIT */
/* nearest.h - which known word was probably meant?
 *
 * Story: a word that nobody knows is compared with the known ones, offered one
 * by one; the nearest is kept. Distance is the number of letters added, lost,
 * changed or swapped with their neighbour, without regard to ASCII case. A word
 * is near when no more than a third of its letters and no more than three are
 * wrong: a suggestion that is not obviously right only annoys.
 * Threads: pure.
 * At the bound: words over HF_NEAREST_WORD_MAX octets have no nearest. */
#ifndef HF_BASE_NEAREST_H
#define HF_BASE_NEAREST_H

#include <stddef.h>

#define HF_NEAREST_WORD_MAX 64

struct hf_nearest {
	const char *word;
	size_t len;
	const char *best;  /* NULL: nothing near was offered yet */
	unsigned distance; /* of best; before that, one more than is near */
};

/* Begins a search; word is pointed to until it ends. */
struct hf_nearest hf_nearest(const char *word, size_t len);

/* Offers a candidate, which is pointed to if it is the nearest so far. Of equally
 * near ones the first offered stays. */
void hf_nearest_offer(struct hf_nearest *nearest, const char *candidate);

#endif
