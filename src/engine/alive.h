/* SPDX-License-Identifier: GPL-3.0-or-later */
/* alive.h - is it the upstream that says nothing, or do the names?
 *
 * Story: a resolver is silent for names whose own servers are, and well for all others. If such
 * names are all that is asked for just then, the upstream looks dead. So before it is rested
 * for its silence it is asked what it must be able to answer: for the NS records of the zone
 * that it is asked about, "." where that is one. Any reply will do. upstream/health.h says when
 * a check is wished for, and what it means that none was answered.
 * It is sent like a client's question, within every budget, in line with others where there is
 * a line; one message, and no other if it is lost.
 * Private to engine/.  Threads: the worker's own.
 * At the bound: one a second for an upstream. If it cannot be asked (inquiry.h), the silence
 * has to last for longer. */
#ifndef HF_ENGINE_ALIVE_H
#define HF_ENGINE_ALIVE_H

#include "engine/inside.h"

/* The upstream in a slot wants to be checked: hf_alive_ask is due. A worker keeps one of them in
 * mind; another is found at the next step that touches it. Under the lock of upstreams.h. */
void hf_alive_want(struct hf_worker *worker, struct hf_upstream_state *state, unsigned slot);

/* Asks it, soon: nothing is sent before this returns. Not under the lock. */
void hf_alive_ask(struct hf_worker *worker, hf_us now);

#endif
