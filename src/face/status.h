/* SPDX-License-Identifier: GPL-3.0-or-later */
/* status.h - how is it? A page for people, an object for programs.
 * Threads: any; reads only. */
#ifndef HF_FACE_STATUS_H
#define HF_FACE_STATUS_H

#include <stdio.h>

#include "face/instance.h"

/* Uptime, readiness, workers, questions, cache, upstreams. -ENOMEM. */
int hf_status_write_text(struct hf_instance *instance, hf_us now, FILE *out);
int hf_status_write_json(struct hf_instance *instance, hf_us now, FILE *out);

#endif
