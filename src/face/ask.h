/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ask.h - the other end of control.h: one request to a running holdfast.
 * Threads: main; blocks, at most as long as said. */
#ifndef HF_FACE_ASK_H
#define HF_FACE_ASK_H

#include <stdio.h>

#include "base/time.h"

/* A reload of a large file, with a drain of nothing, takes seconds at most. */
#define HF_ASK_PATIENCE (30 * HF_SECOND)

/* Sends the request to the socket at `path` and copies the text of the reply to
 * `out` if it went well, to `err` if not. Returns the enum hf_exit that the
 * reply says, or HF_EXIT_UNREACHED, told on `err`. */
int hf_ask(const char *path, const char *request, FILE *out, FILE *err);

/* The same, but gives up when `longest` has passed. */
int hf_ask_within(
	const char *path, const char *request, hf_us longest, FILE *out, FILE *err);

/* Where the running holdfast is asked: `given` if not NULL, else what the file
 * `config` says, else the default. The text is malloc's; NULL: the configuration
 * is at fault and that was told on `err`. */
char *hf_ask_path(const char *given, const char *config, FILE *err);

#endif
