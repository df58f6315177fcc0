/* SPDX-License-Identifier: GPL-3.0-or-later */
/* reply.h - what comes in for flights, made into events for their query machines.
 *
 * Story: the transports call when a message has come, a connection is refused or moved, or
 * a certificate is not believed; a hold calls when a proof has come. Each is looked at
 * here: is it the reply (ask.h), can it be read, what is it good for (forward/verdict.h),
 * is it true (believe.h)? What the machine says then is carried out (flight.h), and an
 * answer is delivered (deliver.h).
 * Hostile input: every octet of a message is somebody else's; what does not match is
 * dropped and counted, what cannot be read is garbage.
 * Private to engine/.  Threads: the worker's own. */
#ifndef HF_ENGINE_REPLY_H
#define HF_ENGINE_REPLY_H

#include "engine/inside.h"

/* Opens the worker's transports, which call here. What hf_udp_pool_new and hf_tcp_pool_new
 * say. */
int hf_transports_open(struct hf_worker *worker);

#endif
