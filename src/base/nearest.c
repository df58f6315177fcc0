/* SPDX-License-Identifier: MIT */
#include "base/nearest.h"

#include "base/check.h"

/* Three: more wrong letters than that are another word. */
#define DISTANCE_MAX 3

struct hf_nearest hf_nearest(const char *word, size_t len)
{
	size_t near = len / 3 < DISTANCE_MAX ? len / 3 : DISTANCE_MAX;
	return (struct hf_nearest){ .word = word, .len = len, .distance = (unsigned)near + 1 };
}

static unsigned min_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* Fills the row for a[i - 1] from the two before it. Returns its least value: no
 * later row goes below it, for a swap costs one more than the row before last
 * had, and that is at most one better than the last. */
static unsigned next_row(const char *a, size_t i, const char *b, size_t b_len,
	unsigned rows[3][HF_NEAREST_WORD_MAX + 1])
{
	unsigned *row = rows[i % 3];
	const unsigned *above = rows[(i + 2) % 3], *twice_above = rows[(i + 1) % 3];
	unsigned least = row[0] = (unsigned)i;
	for (size_t j = 1; j <= b_len; j++) {
		bool same = lower(a[i - 1]) == lower(b[j - 1]);
		row[j] = min_of(above[j - 1] + !same, min_of(above[j], row[j - 1]) + 1);
		if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			lower(a[i - 2]) == lower(b[j - 1]))
			row[j] = min_of(row[j], twice_above[j - 2] + 1);
		least = min_of(least, row[j]);
	}
	return least;
}

/* Optimal string alignment, given up once it cannot come below `bound`. */
static unsigned distance(const char *a, size_t a_len, const char *b, size_t b_len, unsigned bound)
{
	unsigned rows[3][HF_NEAREST_WORD_MAX + 1];
	for (size_t j = 0; j <= b_len; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= a_len; i++)
		if (next_row(a, i, b, b_len, rows) >= bound)
			return bound;
	return rows[a_len % 3][b_len];
}

void hf_nearest_offer(struct hf_nearest *nearest, const char *candidate)
{
	size_t len = strlen(candidate);
	size_t apart = len > nearest->len ? len - nearest->len : nearest->len - len;
	if (nearest->len > HF_NEAREST_WORD_MAX || len > HF_NEAREST_WORD_MAX ||
		apart >= nearest->distance)
		return;
	unsigned d = distance(nearest->word, nearest->len, candidate, len, nearest->distance);
	if (d < nearest->distance) {
		nearest->best = candidate;
		nearest->distance = d;
	}
}
