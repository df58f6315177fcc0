/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stub.h - how those who ask try again when nothing comes, or nothing good.
 *
 * Story: a *lookup* is what a program wants to know; a stub resolver makes
 * messages of it: to the first of its two servers, after a while to the other,
 * and so on, until an answer comes that is no failure or its tries are over. How
 * many, how soon and whether a failure is reason to go on at once differs between
 * stubs: a row each. They are models of how these behave as they come, not of
 * every option that they have.
 * Whoever owns the stubs sends the messages and tells what came of each.
 * Ownership: a lookup is the stubs'; it is good until its last message has been
 * heard of and it is over.
 * Threads: one owner, the loop's.  Never: octets, addresses. */
#ifndef HF_DRILL_STUB_H
#define HF_DRILL_STUB_H

#include <stdbool.h>
#include <stdint.h>

#include "loop/loop.h"
#include "wire/name.h"

struct hf_stub_row {
	const char *word;
	unsigned sends;    /* messages at the most */
	unsigned together; /* of them at once, to different servers */
	hf_us wait;        /* for each */
	bool doubling;     /* ... twice as long each time */
	bool hasty;        /* a failure is not waited upon: the next is asked at once */
};

extern const struct hf_stub_row hf_stub_rows[]; /* ends with a NULL word */

struct hf_stubs;
struct hf_stub_lookup;
struct hf_play_event;

struct hf_stub_watch {
	/* Send a message of the lookup, to its server number `server` (0, 1). */
	void (*send)(void *ctx, struct hf_stub_lookup *lookup, unsigned server);
	void (*over)(void *ctx, const struct hf_stub_lookup *lookup, bool resolved);
	void *ctx;
};

/* Timers on a loop of the caller's, which outlives them. -ENOMEM. */
int hf_stubs_new(struct hf_loop *loop, const struct hf_stub_watch *watch, struct hf_stubs **ret);
void hf_stubs_free(struct hf_stubs *stubs); /* NULL is fine */

struct hf_stub_lookup {
	const struct hf_stub_row *row;
	const struct hf_play_event *event; /* these four for whoever sends */
	struct hf_name name;
	unsigned first; /* the instance that is its server number 0 */
	hf_us since;
};

/* Begins a lookup: its first messages are sent before this returns. -ENOMEM. */
int hf_stub_look_up(struct hf_stubs *stubs, const struct hf_stub_lookup *what);

/* One of its messages was answered (good: not with a failure), or will not be. */
void hf_stub_heard(struct hf_stub_lookup *lookup, bool good);

#endif
