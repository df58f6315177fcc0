/* SPDX-License-Identifier: GPL-3.0-or-later */
/* agent.h - HAProxy's agent-check: one line over TCP for each connection.
 *
 * Story: HAProxy connects, may send a text (agent-send, which is not looked at), reads a
 * line, and does what it says:
 *   up ready        all is well, and a `drain` from before is over
 *   down #reason    not ready
 *   drain           stopping: no new clients
 * Ownership: the agent holds its listening socket.  Threads: the loop's.
 * At the bound: a connection is answered and closed in the turn in which it is accepted, so
 * none is ever held; the loop says how many are accepted a turn. */
#ifndef HF_FACE_AGENT_H
#define HF_FACE_AGENT_H

#include "face/ready.h"
#include "loop/loop.h"

struct hf_agent;

#define HF_AGENT_LINE_MAX 384

/* The line, with its line feed. Returns buf. */
const char *hf_agent_line(const struct hf_ready_view *view, char buf[static HF_AGENT_LINE_MAX]);

/* Listens at the address, which must be nobody else's. `ready` is read for each
 * connection. -EADDRINUSE ... */
int hf_agent_open(struct hf_loop *loop, const struct hf_address *address, struct hf_ready *ready,
	struct hf_agent **ret);
void hf_agent_close(struct hf_agent *agent); /* NULL is fine */

#endif
