/* SPDX-License-Identifier: GPL-3.0-or-later */
/* room.h - may a packet go to an upstream: all budgets that it counts against.
 *
 * Story: a packet is charged to the upstream's own budget (or the cap that was
 * found), to its network interface's, and to everybody's: those that have a
 * limit. It goes when it fits into all of them, and what is not sent after all is
 * given back to all of them. Whoever asks, charges or gives back does it here.
 * What goes out while no limit is in force is not counted: what was sent before a
 * cap was found is no debt.
 * `conf` NULL: there is no budget for everybody.
 * Threads: one at a time, by the caller's lock. */
#ifndef HF_UPSTREAM_ROOM_H
#define HF_UPSTREAM_ROOM_H

#include "upstream/state.h"

/* Packets/s that an upstream may be sent: its budget, or less if a cap was found;
 * 0: no limit. */
uint32_t hf_upstream_limit(const struct hf_upstream_state *state);

/* The instant at which so many packets fit into all of them; `now` if they do. */
hf_us hf_room_when(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us now);

/* Do they now, and does nobody stand in line for the upstream? */
bool hf_room_is_free(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us now);

/* They go out at `now`. */
void hf_room_take(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us now);

/* They were taken at `taken`, and were not sent. */
void hf_room_give_back(struct hf_upstream_state *state, struct hf_outgoing_state *outgoing,
	const struct hf_outgoing_conf *conf, uint32_t packets, hf_us taken);

#endif
