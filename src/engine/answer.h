/* SPDX-License-Identifier: GPL-3.0-or-later */
/* answer.h - answers to those who wait, here and at other workers.
 *
 * Story: a waiter of our own client is told at once; for those of other workers
 * the answer is copied once, counted, and sent to their mailboxes. What it goes back in
 * has been there since the question was sent: nobody waits for ever because there is no
 * memory when there is an answer. If there is none for the copy, it is a failure.
 * Private to engine/.  Threads: the worker's own. */
#ifndef HF_ENGINE_ANSWER_H
#define HF_ENGINE_ANSWER_H

#include "engine/inside.h"

/* Leaves a message that must arrive in a worker's mailbox. */
void hf_answer_post(struct hf_worker *to, struct hf_message *message);

/* What an answer goes back in: hf_waiter.back of a question to another worker. NULL: no memory.
 * Who drops the waiter frees it. */
void *hf_answer_way_back(void);

/* Hands an answer to everybody who waits for the flight. */
void hf_answer_flight(struct hf_worker *worker, struct hf_flight *flight,
	const struct hf_answer *answer, hf_us now);

/* Hands an answer to one who never came to wait for a flight. */
void hf_answer_one(struct hf_worker *worker, const struct hf_waiter *waiter,
	const struct hf_answer *answer, hf_us now);

#endif
