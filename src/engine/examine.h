/* SPDX-License-Identifier: GPL-3.0-or-later */
/* examine.h - the same questions, put to every upstream of their routes.
 *
 * Story: before a server starts, in a check, beside a server that has just started, or
 * to explain an answer, one wants to know what each upstream says of a name, and whether
 * that is true. An examination asks them all (inquiry.h), has certificates looked at
 * where an expectation wants that (prove.h), settles what only shows side by side
 * (truth/finding.h) and hands over the table. It ends when all have been heard or its
 * time is over, whichever is first; what has not been heard by then says so.
 * Its questions count as a client's (they are few, and somebody waits): they wait for
 * room in a budget, and take no token of the retry budget.
 * Ownership: an examination frees itself when it is done; hf_examined is the callee's.
 * Threads: the worker's own.
 * At the bound: 64 questions at once and 16 for one upstream, as many certificates; one
 * that has left its first 16 without a word is asked no further. HF_FINDINGS_MAX rows.
 * Never:   what comes of it. */
#ifndef HF_ENGINE_EXAMINE_H
#define HF_ENGINE_EXAMINE_H

#include "engine/plan.h"
#include "truth/finding.h"

struct hf_worker;
struct hf_examination;

struct hf_examined {
	struct hf_findings findings;
	struct hf_plan *plan; /* a reference: expectations and routes lie in it */
	bool late;            /* it ended for want of time */
	hf_us took;
};

void hf_examined_free(struct hf_examined *examined); /* NULL is fine */

struct hf_examine_conf {
	struct hf_worker *worker;
	const struct hf_question *questions; /* lowered; copied */
	size_t count;
	hf_us longest; /* how long it may take */
	bool accuse;   /* who is found lying is kept out by this worker's team from then on */
	/* Each message that answers, while it is there; NULL: nobody wants them. */
	void (*heard)(void *ctx, const struct hf_question *question, const uint8_t *m,
		const struct hf_message_view *view);
	/* Once, never from within hf_examine, unless hf_examination_end comes first. */
	void (*done)(void *ctx, struct hf_examined *examined, hf_us now);
	void *ctx;
};

/* -ENOMEM: it has not begun. */
int hf_examine(const struct hf_examine_conf *conf, hf_us now, struct hf_examination **ret);

/* Before its end; done will not be called. In the worker's thread, or when that has
 * ended and the worker is still there. NULL is fine. */
void hf_examination_end(struct hf_examination *examination);

/* ---- what to ask ---- */

struct hf_questions {
	struct hf_question *items;
	size_t count;
	size_t unasked; /* expectations of "*." without an example, of which nothing is asked */
};

/* For each expectation its name, or its examples, and each of `names` (texts, good ones):
 * A and AAAA. -ENOMEM. Free items. */
int hf_questions_of(const struct hf_truth_conf *truth, const struct hf_text_list *names,
	struct hf_questions *ret);

#endif
