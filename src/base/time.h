/* SPDX-License-Identifier: MIT */
/* time.h - the unit of time.
 *
 * An instant is microseconds on a monotonic clock whose zero means nothing; a
 * duration is the difference of two. Both are signed, so a clock that jumps
 * back gives a negative age and not an enormous one. The clock itself is read
 * in loop/ only, once a turn, and handed down as `now`. */
#ifndef HF_BASE_TIME_H
#define HF_BASE_TIME_H

#include <stdint.h>

typedef int64_t hf_us; /* microseconds: an instant or a duration */

#define HF_MS ((hf_us)1000)
#define HF_SECOND ((hf_us)1000000)
#define HF_NEVER INT64_MAX

#endif
