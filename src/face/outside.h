/* SPDX-License-Identifier: GPL-3.0-or-later */
/* outside.h - zones as they were seen from outside, for people and for programs.
 *
 * Story: `holdfast providers` looks at one zone after another (providers/survey.h); each
 * look comes to a report. Here they are written down: as sentences, as JSON, as JUnit.
 * Ownership: a view owns its look and report.  Threads: any; reads only. */
#ifndef HF_FACE_OUTSIDE_H
#define HF_FACE_OUTSIDE_H

#include <stdio.h>

#include "providers/report.h"

struct hf_outside {              /* one zone */
	struct hf_outlook *look; /* NULL: it could not be looked at: `error` */
	struct hf_report *report;
	const struct hf_delegation_conf *delegation;
	int error;
};

void hf_outside_clear(struct hf_outside *outside); /* zeroed is fine */

/* An enum hf_exit: a fault goes before what could not be asked. Of all together. */
int hf_outside_exit(const struct hf_outside *zones, size_t count);

void hf_outside_write_text(const struct hf_outside *outside, FILE *out);

struct json_t;
struct json_t *hf_outside_json(const struct hf_outside *zones, size_t count); /* NULL: no memory */

/* A zone is a suite, a finding a case, and so is each server that is as it should be. */
void hf_outside_write_junit(const struct hf_outside *zones, size_t count, FILE *out);

#endif
