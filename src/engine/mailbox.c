/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "engine/mailbox.h"

void hf_mailbox_init(struct hf_mailbox *box, size_t most)
{
	atomic_init(&box->top, NULL);
	atomic_init(&box->waiting, 0);
	box->most = most;
}

bool hf_mailbox_push(struct hf_mailbox *box, struct hf_message *message, bool always,
	bool *ret_wake)
{
	size_t before = atomic_fetch_add_explicit(&box->waiting, 1, memory_order_relaxed);
	if (before >= box->most && !always) {
		atomic_fetch_sub_explicit(&box->waiting, 1, memory_order_relaxed);
		return false;
	}
	struct hf_message *top = atomic_load_explicit(&box->top, memory_order_relaxed);
	do {
		message->next = top;
	} while (!atomic_compare_exchange_weak_explicit(
		&box->top, &top, message, memory_order_release, memory_order_relaxed));
	*ret_wake = top == NULL;
	return true;
}

void hf_mailbox_deliver(struct hf_mailbox *box, void *owner)
{
	struct hf_message *newest =
		atomic_exchange_explicit(&box->top, NULL, memory_order_acquire);
	struct hf_message *oldest = NULL;
	while (newest) { /* turn the stack round */
		struct hf_message *next = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest) {
		struct hf_message *message = oldest;
		oldest = message->next;
		atomic_fetch_sub_explicit(&box->waiting, 1, memory_order_relaxed);
		message->arrive(owner, message);
	}
}
