/* SPDX-License-Identifier: GPL-3.0-or-later */
/* gate.h - no start into a lie.
 *
 * Story: the names of which something is expected are put to every upstream of their
 * routes when holdfast starts. With `verify: abort` that is before anything is served,
 * and an upstream that lies ends the start with a sentence that says who, what and what
 * to do. With `warn` it goes on beside serving: no start is held up by who is dark, no
 * lie gets through meanwhile (each answer is judged anyway), and liars are kept out as
 * soon as they are found. A silence is no lie: see `startup.unanswered`.
 * An upstream with `trust: low` may lie: it is there as a witness, and is told of.
 * Threads: main; blocks for `startup.deadline` at most. */
#ifndef HF_FACE_GATE_H
#define HF_FACE_GATE_H

#include "engine/examine.h"
#include "face/config.h"
#include "face/notify.h"
#include "sight/log.h"

/* Is there anything to verify, and in this way? Fills in what to ask; free its items. */
bool hf_gate_wanted(const struct hf_config *config, enum hf_verify how, struct hf_questions *ret);

/* With `abort`: asks, says, and returns an enum hf_exit. `interrupt`: a descriptor that
 * can be read when it is to end at once; that is good, for the start ends at once too. */
int hf_gate_pass(const struct hf_config *config, int interrupt, struct hf_log *log,
	struct hf_notify *notify);

/* Says what was found: a line for each fault, bounded, and one in sum. Returns how many
 * lies there were, and names without any answer. */
struct hf_gate_found {
	size_t answers;                 /* of all that were asked, who said anything */
	size_t lies, grave, unanswered; /* grave: lies of upstreams that are trusted */
};
struct hf_gate_found hf_gate_say(const struct hf_examined *examined, struct hf_log *log);

#endif
