/* SPDX-License-Identifier: MIT */
#include "base/check.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

/* The one count that belongs to nobody in particular: it has to work when
 * nothing else can be trusted any more. */
static atomic_uint_fast64_t unexpected_total;

_Noreturn void hf_require_failed(const char *condition, const char *file, int line)
{
	fprintf(stderr, "holdfast: %s:%d: required but false: %s\n", file, line, condition);
	abort();
}

bool hf_unexpected_seen(const char *condition, const char *file, int line)
{
	atomic_fetch_add_explicit(&unexpected_total, 1, memory_order_relaxed);
#ifdef HF_DEVELOPMENT
	fprintf(stderr, "holdfast: %s:%d: unexpected: %s\n", file, line, condition);
	abort();
#else
	(void)condition;
	(void)file;
	(void)line;
#endif
	return true;
}

uint64_t hf_unexpected_total(void)
{
	return atomic_load_explicit(&unexpected_total, memory_order_relaxed);
}
