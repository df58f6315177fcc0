/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_real.h - numbers with a fraction, in objects that programs read.
 *
 * Story: durations are told in milliseconds with two decimals. A tenth is no binary fraction: all
 * octets of the double would say 0.29999999999999999. Who writes an object in which such numbers
 * are gives jansson HF_JSON_REALS.
 * Ownership: the value is the caller's.
 * Threads: any. */
#ifndef HF_FACE_JSON_REAL_H
#define HF_FACE_JSON_REAL_H

#include <jansson.h>

#include "base/time.h"

/* Significant digits: two decimals of a hundred days in milliseconds, and no more than are
 * right: of 15. */
#define HF_JSON_REALS JSON_REAL_PRECISION(12)

static inline json_t *hf_json_ms(hf_us duration)
{
	return json_real((double)(duration / 10) / 100);
}

#endif
