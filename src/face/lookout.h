/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lookout.h - zones seen from outside, again and again, while the server runs.
 *
 * Story: with `delegations:` a thread looks at each of those zones every `every`, as
 * `holdfast providers` does (providers/survey.h), one after another. What is found that was
 * not there at the last look is a line in the log, and so is what is gone; how it stands now
 * is on the metrics page and in a table for whoever wants it.
 * Ownership: it holds a reference on the configuration that it goes by.
 * Threads: start, adopt and stop from main; the page from any. The thread asks with sockets
 * of its own, and touches no worker.
 * At the bound: one zone at a time; a look that takes longer than HF_SURVEY_LONGEST ends, and
 * the next is due `every` after its end. HF_LOOKOUT_LINES lines in the log for a look. */
#ifndef HF_FACE_LOOKOUT_H
#define HF_FACE_LOOKOUT_H

#include "face/config.h"
#include "sight/log.h"
#include "sight/text.h"

#define HF_LOOKOUT_LINES 20

struct hf_lookout;

/* Begins, whether there is something to look at yet or not. -ENOMEM, -EAGAIN. */
int hf_lookout_start(struct hf_config *config, struct hf_log *log, struct hf_lookout **ret);

/* Goes by another configuration from the next look on. */
void hf_lookout_adopt(struct hf_lookout *lookout, struct hf_config *config);

/* Ends what is under way, and the thread. NULL is fine. */
void hf_lookout_stop(struct hf_lookout *lookout);

/* The families holdfast_provider_*; none before the first look. NULL is fine. */
void hf_lookout_metrics(struct hf_lookout *lookout, struct hf_text *text);

#endif
