/* SPDX-License-Identifier: GPL-3.0-or-later */
/* json_parts.h - what objects that programs read are put together from.
 *
 * Story: whoever reads an object finds each key in it: what is not known is null. Durations are
 * told in milliseconds with two decimals. A tenth is no binary fraction: all octets of the double
 * would say 0.29999999999999999. Who writes an object in which such numbers are gives jansson
 * HF_JSON_REALS.
 * Ownership: a value that is returned is the caller's; one that is put in is the object's.
 * Threads: any. */
#ifndef HF_FACE_JSON_PARTS_H
#define HF_FACE_JSON_PARTS_H

#include <jansson.h>

#include "base/time.h"

/* Significant digits: two decimals of a hundred days in milliseconds, and no more than are
 * right: of 15. */
#define HF_JSON_REALS JSON_REAL_PRECISION(12)

static inline json_t *hf_json_ms(hf_us duration)
{
	return json_real((double)(duration / 10) / 100);
}

/* `value` NULL: null. Without memory the key is left out. */
static inline void hf_json_put(json_t *object, const char *key, json_t *value)
{
	json_object_set_new(object, key, value ? value : json_null());
}

#endif
