/* SPDX-License-Identifier: GPL-3.0-or-later */
/* memory.h - what of an upstream is worth remembering over a restart.
 *
 * Story: whoever restarts in an outage should not have to find out again, by
 * time-outs, who is dead, nor run over who comes back, nor try large datagrams
 * that do not arrive. So the states of state.h can be taken as a *memory* and be
 * recalled from one. A memory holds no instants, for those mean nothing to
 * another process, but how long ago and how long yet, as of when it was taken.
 *
 * What is remembered, and as what it comes back:
 *   circuit   one that is open, as open, for what is left of its rest; then it is
 *             probed, which an answer ends. A probe that was under way is lost: the
 *             next is due at once, or after a second if one may have gone just before.
 *             What counted against one that is closed is forgotten.
 *   pace      the share (pace.h); while the circuit is open, as the rate before the outage.
 *             A slow return that was under way begins anew.
 *   cap       one that is known, as known. A trial ends with the process: it would
 *             compare with what nobody sees any more.
 *   size      the limit, what arrived, and "no EDNS", for what is left of their time.
 *   paths     round trip, variation, loss and histogram; and their circuit.
 * Not remembered: tokens and budgets, which begin as at any start, with nothing
 * saved; attempts, and who stands in line.
 *
 * Time that passed since it was taken ages it. What is a day old is dropped:
 * networks change. If no clock can tell how long it was, what could do harm by being
 * older than believed is dropped: the cap and the pace, which hold back what is
 * sent. The rest is kept, as of now: round trips and sizes are set right by the
 * next answers, and a circuit that is wrongly open costs one probe, for it comes back
 * with its rest over.
 *
 * Octets that are read are believed by nobody: what is out of its bounds is
 * malformed, and no rest is longer than `rest-max` from now, whatever they say.
 * Knows:   states, durations.  Never: files, clocks, whose memory it is.
 * Threads: pure; states by the caller's lock. */
#ifndef HF_UPSTREAM_MEMORY_H
#define HF_UPSTREAM_MEMORY_H

#include <stdbool.h>

#include "base/buffer.h"
#include "upstream/state.h"

/* Memories that are older are dropped. */
#define HF_MEMORY_LONGEST (86400 * HF_SECOND)

/* Octets of one when it is written, at most. */
#define HF_MEMORY_OCTETS 192

struct hf_circuit_memory {
	bool open;
	enum hf_outcome cause;
	uint32_t rests;
	hf_us since; /* so long ago */
	hf_us left;  /* of its rest */
};

struct hf_upstream_memory {
	hf_us age; /* since something was last learnt; so in paths */
	struct hf_circuit_memory circuit;
	uint64_t pace;          /* as in pace.h; 0: not known */
	bool pacing;            /* a slow return is under way */
	uint32_t cap, cap_full; /* as in cap.h; 0: none is known */
	uint16_t size_limit, size_largest;
	hf_us size_limit_left, size_largest_left, plain_left; /* 0: it does not hold */
};

struct hf_path_memory {
	hf_us age;
	struct hf_circuit_memory circuit;
	struct hf_rtt rtt;    /* without its instant */
	hf_us sampled, asked; /* so long ago; -1: never */
};

/* How long it is since a memory was taken. */
struct hf_memory_gap {
	hf_us passed; /* 0 or more */
	bool unknown; /* ... or longer: nobody knows */
};

/* When something was last learnt; 0: never, there is nothing to remember. */
hf_us hf_upstream_touched(const struct hf_upstream_state *state);
hf_us hf_path_touched(const struct hf_path *path);

struct hf_upstream_memory hf_upstream_remember(const struct hf_upstream_state *state, hf_us now);
struct hf_path_memory hf_path_remember(const struct hf_path *path, hf_us now);

/* Takes a memory over into a state that nobody uses yet. False: it is too old, or
 * older than what is there already, which stays. */
bool hf_upstream_recall(const struct hf_upstream_memory *memory, const struct hf_memory_gap *gap,
	const struct hf_upstream_conf *conf, hf_us now, struct hf_upstream_state *state);
bool hf_path_recall(const struct hf_path_memory *memory, const struct hf_memory_gap *gap,
	const struct hf_upstream_conf *conf, hf_us now, struct hf_path *path);

/* As octets; durations to the millisecond. put is false without room, and has then
 * written nothing that counts; get is false when they are no memory. */
bool hf_upstream_memory_put(struct hf_writer *w, const struct hf_upstream_memory *memory);
bool hf_upstream_memory_get(struct hf_reader *r, struct hf_upstream_memory *ret);
bool hf_path_memory_put(struct hf_writer *w, const struct hf_path_memory *memory);
bool hf_path_memory_get(struct hf_reader *r, struct hf_path_memory *ret);

#endif
