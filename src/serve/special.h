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

#include "wire/build.h"
#include "wire/message.h"

/* If the question is about a special name, makes the answer in `kept` (whose
 * wire and ttl_at the caller provides) and returns true. */
bool hf_special_answer(const struct hf_question *question, struct hf_kept *kept);

#endif
