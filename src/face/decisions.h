/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decisions.h - what was decided about questions (sight/decisions.h), for programs and people.
 *
 * Story: `holdfast explain NAME` shows those about its question, `holdfast decisions` those of
 * all workers (recent.h). The object is made first and
 * the line from it, so they never differ.
 * Threads: any. */
#ifndef HF_FACE_DECISIONS_H
#define HF_FACE_DECISIONS_H

#include <jansson.h>
#include <stdio.h>

#include "sight/decisions.h"

/* now: by the clock of d->at. */
json_t *hf_decision_json(const struct hf_decision *d, const struct hf_slot_names *names, hf_us now);

/* The object as a line: how long ago, after how long, and what; named: with its question. If it
 * has a `worker`, that is told, too, for each counts its questions by itself. */
void hf_decision_write(const json_t *object, bool named, FILE *out);

#endif
