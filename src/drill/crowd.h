/* SPDX-License-Identifier: GPL-3.0-or-later */
/* crowd.h - the clients of a drill: they ask, wait, and believe nothing.
 *
 * Story: a client asks with letters in random case under a random id, over UDP
 * from one of a few ports (or from one of the addresses that the event names) or
 * over a TCP connection of its own, and waits. What
 * comes must be from the address that was asked and repeat id and question to
 * the octet; anything else is *wrong*, and so is a second reply. A question that
 * stays without a reply for HF_CROWD_PATIENCE (of the world's clock) is given up.
 * Ownership: a question is the crowd's; it is good until `over` returns.
 * At the bound: 32,768 questions over UDP at once, 4,096 addresses of clients;
 * past that asking fails.
 * Threads: the world's one. */
#ifndef HF_DRILL_CROWD_H
#define HF_DRILL_CROWD_H

#include "drill/law.h"
#include "drill/scenario.h"

#define HF_CROWD_PATIENCE (10 * HF_SECOND)

struct hf_crowd;

struct hf_asked { /* what the play may read of a question */
	const struct hf_play_event *event;
	struct hf_question question;
	hf_us since;
	uint64_t sent_before; /* these three are for the play's use */
	unsigned instance;
	struct hf_stub_lookup *lookup; /* that it is a message of, or NULL */
};

struct hf_crowd_watch {
	/* A reply came (m), or none (NULL). */
	void (*over)(void *ctx, const struct hf_asked *asked, const uint8_t *m, size_t len);
	void (*wrong)(void *ctx, enum hf_law law, const char *what);
	void *ctx;
};

int hf_crowd_new(struct hf_sim *sim, const struct hf_crowd_watch *watch, struct hf_crowd **ret);
void hf_crowd_free(struct hf_crowd *crowd); /* before its world; NULL is fine */

/* Asks the server what the event says: asked has all but `since`. HF_EBOUND or
 * the loop's error. */
int hf_crowd_ask(struct hf_crowd *crowd, const struct hf_asked *asked,
	const struct hf_address *server);

struct hf_loop *hf_crowd_loop(struct hf_crowd *crowd); /* for what else clients do */

size_t hf_crowd_waiting(const struct hf_crowd *crowd);

#endif
