/* SPDX-License-Identifier: GPL-3.0-or-later */
/* trial.h - a play in a process of its own, so that dying is a result too.
 *
 * Story: worlds are played by the thousand, and one in which the server stops
 * (hf_require, a sanitizer) or never ends must not take the others with it. A
 * trial forks; the child reads the text, plays it and leaves the result in memory
 * that both see. How many there are at once is the caller's affair.
 * At the bound: a child that has not ended after HF_TRIAL_SECONDS is ended.
 * Ownership: a trial's result is good until the trial begins again or is freed.
 * Threads: a process without other threads. */
#ifndef HF_DRILL_TRIAL_H
#define HF_DRILL_TRIAL_H

#include <sys/types.h>

#include "drill/play.h"

#define HF_TRIAL_SECONDS 120
#define HF_TRIAL_TOLD_MAX 8192

struct hf_trial_result {
	bool readable; /* the text was a scenario */
	int error;     /* it could not be played */
	struct hf_play_result play;
	char told[HF_TRIAL_TOLD_MAX]; /* what came before it failed */
};

struct hf_trial {
	uint64_t number; /* the caller's */
	pid_t pid;       /* 0: none is under way */
	struct hf_trial_result *result;
};

/* Begins. quiet: what the child complains of is not shown. -errno. */
int hf_trial_begin(struct hf_trial *trial, const char *file, const char *text, size_t len, bool quiet);

/* Waits until one of those that are under way has ended; NULL: none is. */
struct hf_trial *hf_trial_wait(struct hf_trial *trials, size_t count);

void hf_trial_free(struct hf_trial *trial); /* not under way any more */

#endif
