/* SPDX-License-Identifier: GPL-3.0-or-later */
/* believe.h - what an answer is worth.
 *
 * Story: whatever passes for an answer is judged before anybody is told of it. First what
 * does not belong to the question is left off (wire/tidy.h); then it is held against what
 * is expected of the name (truth/judge.h), under the flight's plan and, after a reload,
 * under the newest; and against addresses that no public name may lead to
 * (truth/rebind.h), or that nobody may be given any more (truth/tombstones.h).
 * What cannot be told from the answer alone is held (hold.h), and ruled
 * on whenever there is news: another answer, a proof, or that nobody is left to ask
 * (truth/trial.h). What is found goes to the query machine as a verdict or as events; who
 * lied is told of (truth.h).
 * Knows:   the flight's plan and question, and all that is held for it.
 * Never:   clients, the cache, sockets; what happens to an upstream that lied.
 * Private to engine/.  Threads: the worker's own.
 * At the bound: what cannot be held is doubted: it counts as a failure (hold.h). */
#ifndef HF_ENGINE_BELIEVE_H
#define HF_ENGINE_BELIEVE_H

#include "forward/query.h"
#include "truth/testimony.h"
#include "wire/message.h"

struct flight;
struct flight_reply;
struct flight_script;

/* Is there something in it that does not belong to the question, or is not the upstream's to say:
 * addresses of names in zones of ours and of names with local data? */
bool hf_believe_is_untidy(
	const struct flight *f, const uint8_t *m, const struct hf_message_view *view);

/* Leaves that off; then m, len and view are those of a copy
 * in the worker, good until the next use. slot: of the upstream, for the count. False: then
 * nothing is left of it. */
bool hf_believe_tidy(struct flight *f, unsigned slot, const uint8_t **m, size_t *len,
	struct hf_message_view *view);

/* What an answer is worth: ANSWER, LIE, DOUBTED, RETIRED or BLOCKED. One that has to be
 * held makes `event` a HF_QUERY_HELD, and is to be ruled on at once; `news` will be called with the
 * flight for each proof that comes later, until the flight's hold ends, and may end it. */
enum hf_verdict hf_believe_judge(struct flight *f, const struct flight_reply *reply,
	void (*news)(void *flight, hf_us now), struct hf_query_event *event, hf_us now);

/* Rules on what is held; the script gets what the machine has to know of it. */
void hf_believe_rule(struct flight *f, struct flight_script *script, hf_us now);

/* Somebody has shown that there is such a name: who denied it lied. */
void hf_believe_overrule(struct flight *f, const struct hf_testimony *believed, hf_us now);

#endif
