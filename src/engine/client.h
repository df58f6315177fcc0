/* SPDX-License-Identifier: GPL-3.0-or-later */
/* client.h - what the engine tells whoever asked.
 *
 * Story: a client is a listener, or a program that uses the library. It asks
 * with a ticket of its own and hears of it once, in its own worker's thread.
 * Never:   how the answer was found. */
#ifndef HF_ENGINE_CLIENT_H
#define HF_ENGINE_CLIENT_H

#include <stdint.h>

#include "base/time.h"
#include "wire/build.h"

/* What became of a question. */
struct hf_answer {
	const struct hf_kept *kept; /* NULL: failed */
	uint32_t age;               /* seconds; TTLs are to be lowered by it */
	uint32_t ttl_floor;         /* ... but not below this: stale answers have one */
	int32_t ede;                /* HF_EDE_NONE: nothing to say */
	const char *ede_text;
};

struct hf_client {
	/* The question with this ticket has been answered. The answer is good only
	 * until this returns. Called once for each successful hf_worker_ask. */
	void (*answered)(void *ctx, uint32_t ticket, uint32_t generation,
		const struct hf_answer *answer, hf_us now);
};

#endif
