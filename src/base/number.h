/* SPDX-License-Identifier: MIT */
/* number.h - numbers, durations and sizes as people write them.
 *
 * Every parser takes a length, wants all of the text to be used, and returns
 * false (output untouched) for anything else: an empty text, a sign, white
 * space, a value over max or past what 64 bits hold.
 * Threads: pure. */
#ifndef HF_BASE_NUMBER_H
#define HF_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

/* Decimal digits only. */
bool hf_parse_u64(const char *text, size_t len, uint64_t max, uint64_t *ret);

/* "400ms", "2s", "1.5s", "10m", "4h", "3d", and sums: "4h10m". A bare 0 is
 * allowed, any other number wants its unit. At most HF_DURATION_MAX. */
#define HF_DURATION_MAX (366 * 86400 * HF_SECOND)
bool hf_parse_duration(const char *text, size_t len, hf_us *ret);

/* "4096", "64KiB", "256MiB", "2GiB", "1TiB". Powers of 1024 only: the decimal
 * kB is refused rather than guessed at. */
bool hf_parse_size(const char *text, size_t len, uint64_t *ret);

/* The shortest exact text in the same notation. buf is returned. */
#define HF_NUMBER_TEXT_MAX 48
const char *hf_duration_text(hf_us duration, char buf[static HF_NUMBER_TEXT_MAX]);
const char *hf_size_text(uint64_t size, char buf[static HF_NUMBER_TEXT_MAX]);

#endif
