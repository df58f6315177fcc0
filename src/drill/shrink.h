/* SPDX-License-Identifier: GPL-3.0-or-later */
/* shrink.h - the least of a scenario that still breaks the same law.
 *
 * Story: a world that failed has hundreds of lines, of which a few matter. Lines
 * are taken out, halves first and one by one in the end (delta debugging: Zeller
 * and Hildebrandt, "Simplifying and isolating failure-inducing input", 2002),
 * then words, then numbers are made smaller; whatever still breaks the same law
 * is kept, until nothing can be taken away or the time for it is over.
 * At the bound: HF_SHRINK_TRIALS plays, HF_SHRINK_SECONDS of processor time.
 * Threads: as trial.h. */
#ifndef HF_DRILL_SHRINK_H
#define HF_DRILL_SHRINK_H

#include <stddef.h>

#include "drill/law.h"

#define HF_SHRINK_TRIALS 3000
#define HF_SHRINK_SECONDS 120

/* The smallest text found that breaks the law as `text` does, to be freed; what
 * its play said is in *ret_what (to be freed). NULL: for want of memory, or
 * because `text` breaks it no longer. */
char *hf_shrink(const char *file, const char *text, enum hf_law law, char **ret_what);

#endif
