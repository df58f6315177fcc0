/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.h - the message that asks an upstream, and whether what came replies to it.
 *
 * Story: a question goes out with its letters in mixed case (where the upstream keeps
 * case), over UDP, TCP or TLS as the machine says. Who answers has to give back the
 * question as it was asked: a forger off the path would have to guess it, like the port
 * and the id that transport/ has looked at before.
 * Private to engine/.  Threads: the worker's own.  Never: what an answer says. */
#ifndef HF_ENGINE_ASK_H
#define HF_ENGINE_ASK_H

#include "forward/query.h"

struct flight;

/* Draws the letters' case, once a flight. */
void hf_ask_draw_case(struct flight *f);

/* Writes and sends the message of a HF_ACT_SEND, and counts it. What transport/udp.h or
 * transport/tcp.h say when it could not be sent. */
int hf_ask_send(struct flight *f, const struct hf_action *action);

enum hf_match {
	HF_MATCH_NO,
	HF_MATCH_CASE, /* but for the question's case */
	HF_MATCH_YES,
};

/* Is this the question that the attempt asked? Over TCP nobody can forge, so
 * case does not matter there. A failure may come without a question. */
enum hf_match hf_ask_match(
	const struct flight *f, const struct hf_attempt *attempt, const uint8_t *m, size_t len);

#endif
