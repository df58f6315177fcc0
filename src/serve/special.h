/* SPDX-License-Identifier: GPL-3.0-or-later */
/* special.h - names that no upstream is to be asked about.
 *
 * localhost and its reverse (RFC 6761 6.3), invalid (RFC 6761 6.4) and onion
 * (RFC 7686) mean the same everywhere: they are answered here, at once, unless
 * the operator forwards their zone explicitly.
 * Threads: pure. */
#ifndef HF_SERVE_SPECIAL_H
#define HF_SERVE_SPECIAL_H

#include <stdbool.h>
#include <string.h>

#include "wire/build.h"
#include "wire/message.h"

/* If the question is about a special name, makes the answer in `kept` (whose
 * wire and ttl_at the caller provides) and returns true. */
bool hf_special_answer(const struct hf_question *question, struct hf_kept *kept);

/* May that be? False is certain: the last letters of the top label tell nearly every name
 * apart, so that a question need not make room for an answer that it does not get. */
static inline bool hf_special_may_be(const struct hf_name *name)
{
	static const char ends[][4] = {"host", "alid", "nion", "arpa"};
	if (name->len < 1 + sizeof ends[0])
		return false;
	const uint8_t *end = name->bytes + name->len - 1 - sizeof ends[0];
	for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++)
		if (memcmp(end, ends[i], sizeof ends[i]) == 0)
			return true;
	return false;
}

#endif
