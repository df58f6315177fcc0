/* SPDX-License-Identifier: GPL-3.0-or-later */
/* telling.h - how often a fault that goes on is worth a line in the log.
 *
 * Story: what is tried again every few seconds and fails each time would fill the log with
 * one line, and whoever looks for something else finds nothing. It is told when it begins, at once
 * when it is another fault, and else after a pause that doubles from HF_TELLING_FIRST to
 * HF_TELLING_MOST; each line says how often it has happened since the one before. When it is over
 * that is told with how often it happened in all.
 * Knows:   numbers.  Never: logs, clocks, what the fault is.
 * Ownership: its holder's, begun as zeros.  Threads: the holder's.
 * At the bound: faults that change each time are told each time. */
#ifndef HF_FACE_TELLING_H
#define HF_FACE_TELLING_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"

#define HF_TELLING_FIRST (10 * HF_SECOND)
#define HF_TELLING_MOST (3600 * HF_SECOND)

struct hf_telling {
	uint64_t what;  /* the fault */
	uint64_t times; /* in a row, of whatever kind; 0: all is well */
	uint64_t untold;
	hf_us at, pause; /* not before, unless it is another */
};

/* It has happened. `what`: the same number for the same fault. True: it is to be told now, and
 * *ret_untold (else untouched) is how often it has happened since the last line. */
bool hf_telling_fault(struct hf_telling *telling, uint64_t what, hf_us now, uint64_t *ret_untold);

/* It is over. Returns how often it happened in a row; 0: there was nothing. */
uint64_t hf_telling_end(struct hf_telling *telling);

#endif
