/* SPDX-License-Identifier: MIT */
/* check.h - three grades of "cannot happen".
 *
 * hf_require(cond)     memory can no longer be trusted: stop the process.
 * hf_unexpected(cond)  cond is true when something that should not happen did;
 *                      counted, the one query fails; development builds stop.
 * (real errors)        what the outside world can cause is never either of
 *                      these: it is a return code.
 * Threads: safe; the count is one relaxed atomic. */
#ifndef HF_BASE_CHECK_H
#define HF_BASE_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/banned.h"

#define HF_COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

_Noreturn void hf_require_failed(const char *condition, const char *file, int line);
bool hf_unexpected_seen(const char *condition, const char *file, int line);

/* How often hf_unexpected() was true since the process began. */
uint64_t hf_unexpected_total(void);

#define hf_require(cond) ((cond) ? (void)0 : hf_require_failed(#cond, __FILE__, __LINE__))
#define hf_unexpected(cond) \
	(__builtin_expect(!!(cond), 0) ? hf_unexpected_seen(#cond, __FILE__, __LINE__) : false)

#endif
