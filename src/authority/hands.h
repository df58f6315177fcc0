/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hands.h - threads that do what would hold up all zones.
 *
 * Story: one thread looks after all zones, and nothing in it may take long. Reading a file
 * of a million records takes seconds. Such work is a *job*: it is given away, runs in a hand's
 * thread, and is done when the loop's thread hears of it. A job touches nothing that
 * the loop's thread has: it takes with it what it needs, and brings back what came of it.
 * Until the hands are opened nobody works: who has a job then does it itself, as at the
 * start of a process, where there is nobody to be held up.
 * Ownership: a job is its giver's until it is given, then the hands', and its giver's again
 * from `done` on. Who does not want to hear of it any more says so in the job, by a word
 * of its own; it will be done all the same.
 * Threads: give, take and open are the loop's; `run` is called in a hand's.
 * At the bound: HF_HANDS threads; jobs wait in line, first come first served, and whoever
 * gives them away has one at a time. */
#ifndef HF_AUTHORITY_HANDS_H
#define HF_AUTHORITY_HANDS_H

#include "loop/loop.h"

#define HF_HANDS 2

struct hf_hands;

struct hf_job {
	struct hf_job *next;
	void (*run)(struct hf_job *job);             /* in a hand's thread */
	void (*done)(struct hf_job *job, hf_us now); /* in the loop's; may free the job */
};

/* `loop` is woken when a job is done. -ENOMEM. */
int hf_hands_new(struct hf_loop *loop, struct hf_hands **ret);

/* From now on. -errno of making a thread, if there is not even one. */
int hf_hands_open(struct hf_hands *hands);
bool hf_hands_are_open(const struct hf_hands *hands); /* NULL: false */

/* They are being closed, or have been: whoever hears of a job now begins nothing with it. */
bool hf_hands_are_over(const struct hf_hands *hands); /* NULL: false */

void hf_hands_give(struct hf_hands *hands, struct hf_job *job);

/* Calls `done` of all that have run; to be called when the loop has been woken. */
void hf_hands_take(struct hf_hands *hands, hf_us now);

/* What is under way is waited for, what is in line is not begun; `done` is called for all.
 * From then on they are not open. NULL is fine. */
void hf_hands_close(struct hf_hands *hands);
void hf_hands_free(struct hf_hands *hands); /* closes; NULL is fine */

/* ---- what jobs read ---- */

/* Something that jobs read and that somebody else could let go of meanwhile, such as a
 * configuration: it is released when its owner and the last job have let go. Counted in the
 * loop's thread, and nowhere else. */
struct hf_loan;

/* -ENOMEM. `release` may be NULL. */
int hf_loan_new(void *owner, void (*release)(void *owner), struct hf_loan **ret);
struct hf_loan *hf_loan_ref(struct hf_loan *loan); /* NULL is fine */
void hf_loan_unref(struct hf_loan *loan);          /* NULL is fine */

/* The last one lets go, and it is not released: it is somebody else's again. NULL is fine. */
void hf_loan_forget(struct hf_loan *loan);

#endif
