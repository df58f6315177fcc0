/* SPDX-License-Identifier: MIT */
/* tidy.h - a reply without what does not belong to its question.
 *
 * Story: an upstream may put anything into a reply, and somebody behind us may believe
 * it. What nobody asked for is therefore left off before an answer is judged, kept or
 * given (RFC 2181 5.4.1, RFC 5452 6). What belongs:
 *   answer      records of the question's name, and of the names that CNAMEs and DNAMEs
 *               lead to from there, in whatever order they stand; their signatures
 *   authority   SOA and NS of zones that enclose the name where the aliases end, and
 *               NSEC, NSEC3 and signatures of zones that enclose one of the names
 *   additional  addresses of hosts that the answer's records name, and their signatures;
 *               OPT. Not those that somebody else speaks for (hf_tidy_bar), and not those of name
 * servers in authority: who asks a forwarder follows no delegation, and a forged one is the oldest
 * poison (RFC 5452 5). Nearly every reply is tidy as it comes, and hf_message_read sees that on its
 * way (view.tidy) by where the names point; only for the others is this read. A reply that gives
 * records of the type asked for, but none that the question leads to, contradicts itself. Knows:
 * one message. Never:   memory of its own, who sent it. At the bound: 32 names of a chain, 64
 * aliases, 64 hosts and 8 zones. What is said of further names and zones is left off; more aliases
 * are HF_EMALFORMED. Threads: pure. */
#ifndef HF_WIRE_TIDY_H
#define HF_WIRE_TIDY_H

#include "wire/message.h"

struct hf_tidied {
	unsigned left_off; /* records; 0: the message is good as it is, and nothing was written */
	size_t len;        /* of what was written, if anything was */
	struct hf_message_view view; /* of it */
};

/* Names whose addresses the sender has no say in, such as those of zones that are here. */
struct hf_tidy_bar {
	bool (*bars)(void *ctx, const struct hf_name *name); /* lowered */
	void *ctx;
};

/* Does the additional section have records of such a name? `m` has been read. */
bool hf_tidy_is_barred(
	const uint8_t *m, const struct hf_message_view *view, const struct hf_tidy_bar *bar);

/* Writes to `out` what belongs of a reply that hf_message_read has accepted, unless all of
 * it does. `bar`: or NULL. Names that lean on something behind the first record that is left off
 * are written in full. HF_EMALFORMED: it contradicts itself. HF_ESPACE: it does not fit any more.
 */
int hf_tidy(const uint8_t *m, const struct hf_message_view *view, const struct hf_tidy_bar *bar,
	uint8_t out[static HF_MESSAGE_MAX], struct hf_tidied *ret);

#endif
