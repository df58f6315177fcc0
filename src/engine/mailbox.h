/* SPDX-License-Identifier: GPL-3.0-or-later */
/* mailbox.h - how one thread leaves work for another.
 *
 * Story: any thread pushes messages; the owner takes all of them at once, in
 * the order they came. A push that finds the box empty asks for a wake-up.
 * Threads: a stack of messages changed by compare-and-swap; taking it is one
 * exchange, so no message can be seen twice and none is lost (Treiber, 1986;
 * without single pops there is no ABA).
 * Ownership: a message belongs to the box from push to take, then to the taker.
 * At the bound: a push past `most` waiting messages is refused, except with
 * `always`, for messages that must arrive (answers, orders from main). */
#ifndef HF_ENGINE_MAILBOX_H
#define HF_ENGINE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

struct hf_message {
	struct hf_message *next;
	/* Called in the owner's thread; frees the message. */
	void (*arrive)(void *owner, struct hf_message *message);
};

struct hf_mailbox {
	_Atomic(struct hf_message *) top;
	atomic_size_t waiting;
	size_t most;
};

void hf_mailbox_init(struct hf_mailbox *box, size_t most);

/* False: full, the message stays the caller's. *ret_wake: the box was empty, so
 * the owner has to be woken. */
bool hf_mailbox_push(struct hf_mailbox *box, struct hf_message *message, bool always,
	bool *ret_wake);

/* Delivers all that has come. */
void hf_mailbox_deliver(struct hf_mailbox *box, void *owner);

#endif
