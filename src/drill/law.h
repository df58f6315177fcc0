/* SPDX-License-Identifier: GPL-3.0-or-later */
/* law.h - what must hold in every play, a row each.
 *
 * Story: a play ends at the first law that is broken, and says which: a failure
 * that is made smaller (shrink.h) must stay a failure of the same law.
 * Adding a law is adding a row and a call of hf_play_fail where it is seen.
 * Threads: const. */
#ifndef HF_DRILL_LAW_H
#define HF_DRILL_LAW_H

enum hf_law {
	HF_LAW_NONE,
	HF_LAW_EXPECTED,
	HF_LAW_ANSWERED,
	HF_LAW_IN_TIME,
	HF_LAW_MATCHED,
	HF_LAW_TRUE,
	HF_LAW_BELIEVED,
	HF_LAW_TOLD,
	HF_LAW_SENDS,
	HF_LAW_RESTED,
	HF_LAW_BUDGET,
	HF_LAW_COPIES,
	HF_LAW_QUESTIONS,
	HF_LAW_POSSIBLE,
	HF_LAW_BOUNDED,
	HF_LAW_EMPTY,
	HF_LAW_FINALLY,
	HF_LAW_ALIVE,
	HF_LAWS
};

struct hf_law_row {
	const char *word;     /* for reports */
	const char *sentence; /* what must hold */
};

extern const struct hf_law_row hf_laws[HF_LAWS];

#endif
