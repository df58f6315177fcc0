/* SPDX-License-Identifier: GPL-3.0-or-later */
/* junit.h - the pieces of JUnit's XML, which build servers read.
 *
 * Whoever writes a report opens <testsuites> himself, opens a suite, writes its cases, and
 * closes both.  Threads: any. */
#ifndef HF_FACE_JUNIT_H
#define HF_FACE_JUNIT_H

#include <stddef.h>
#include <stdio.h>

/* ` name="value"`, escaped. */
void hf_junit_attribute(FILE *out, const char *name, const char *value);

void hf_junit_open_suite(FILE *out, const char *name, size_t tests, size_t failures, size_t errors);

/* Within a case: "failure" or "error". */
void hf_junit_result(FILE *out, const char *element, const char *type, const char *message);

#endif
