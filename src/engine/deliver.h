/* SPDX-License-Identifier: GPL-3.0-or-later */
/* deliver.h - who is told what comes of a flight.
 *
 * Story: an answer that is believed goes to the cache and to all who wait; a failure is
 * remembered (stale.h), and goes to them with the extended error that says why, unless
 * there is an old answer (RFC 8767). A sudden denial may give way to the old answer for a
 * while (`hold-good`). What comes of an inquiry goes to the one who inquired and to nobody
 * else.
 * Before anybody is told the flight is taken down: who asks again because of the answer
 * begins a flight of its own, and must not join one that is being answered, or there may
 * be no end to it.
 * Knows:   the cache, the memory of failures, those who wait.
 * Never:   whether an answer is true (believe.h), whom to ask next (forward/query.h).
 * Private to engine/.  Threads: the worker's own, which owns the name.
 * At the bound: without memory for an old answer there is none. */
#ifndef HF_ENGINE_DELIVER_H
#define HF_ENGINE_DELIVER_H

#include "cache/cache.h"
#include "engine/client.h"
#include "forward/query.h"
#include "wire/message.h"

struct flight;
struct flight_reply;
struct hf_heard;

/* To all who wait; it is taken down. */
void hf_deliver_to_all(struct flight *f, const struct hf_answer *answer, hf_us now);

/* An old answer for all who wait, if there is one; `why` it is old, if that is not
 * that nobody answered. */
bool hf_deliver_stale(struct flight *f, const char *why, hf_us now);

/* Makes of a message what can be kept, for ttl_most seconds at most. False: it cannot be
 * kept in one piece, so it is garbage. */
bool hf_deliver_keep(struct flight *f, const uint8_t *m, const struct hf_message_view *view,
	uint32_t ttl_most, struct hf_kept *kept);

/* An answer that is believed: to the cache and to all who wait. kept: of it. */
void hf_deliver(
	struct flight *f, const struct flight_reply *reply, const struct hf_kept *kept, hf_us now);

/* The same for what was held and is now `accepted`. What is still to be proven is kept and
 * given for a few seconds only; when the proof is under way its hold goes on without the
 * flight. Overwrites the worker's scratch. */
void hf_deliver_held(struct flight *f, hf_us now);

/* A failure (HF_ACT_FAIL): to all who wait, or to the one who inquired. */
void hf_deliver_failure(struct flight *f, const struct hf_action *action, hf_us now);

/* The one who inquired hears of it, once, if it has not been forgotten. */
void hf_deliver_inquiry(struct flight *f, struct hf_heard *heard, hf_us now);

#endif
