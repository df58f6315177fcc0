/* SPDX-License-Identifier: GPL-3.0-or-later */
/* version.h - what exactly is running: ours, the compiler's and the libraries'.
 *
 * Facts are rows: `holdfast version`, its JSON and holdfast_build_info all read
 * them. Libraries that can tell are asked at run time: what is installed may be
 * newer than what we were built with.
 * Threads: pure. */
#ifndef HF_FACE_VERSION_H
#define HF_FACE_VERSION_H

#include <stdbool.h>
#include <stddef.h>

#define HF_FACT_MAX 256

struct hf_fact {
	const char *name; /* a legal label of Prometheus */
	bool label;       /* also on holdfast_build_info */
	void (*write)(char buf[static HF_FACT_MAX]);
};

extern const struct hf_fact hf_facts[]; /* ends with a row without a name */

const char *hf_version(void); /* "0.1.0" */

#endif
