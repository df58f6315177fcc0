/* SPDX-License-Identifier: GPL-3.0-or-later */
/* recent.h - what was decided lately, in the whole server, for people and programs.
 *
 * Story: `holdfast decisions` and /api/v1/decisions show the diaries of all workers
 * (serve/diaries.h), put in order by time. Both say what they want in the same words, each
 * "key=value" with what is no plain letter as %XX: `upstream`, `route`, `name`, `client`, `last`.
 * Who the clients are is in no diary: `client` finds those of an address that one knows, and the
 * number that is shown tells one network from another until the process ends.
 * Threads: any but a worker's; waits as long as diaries.h says.
 * At the bound: as diaries.h; a value over 1,020 octets is refused. */
#ifndef HF_FACE_RECENT_H
#define HF_FACE_RECENT_H

#include <stdio.h>

#include "face/instance.h"
#include "serve/diaries.h"

#define HF_RECENT_LAST 50 /* so many, unless more are wanted */

struct hf_recent_wish {
	struct hf_diaries_wish diaries;
	bool json;
};

extern const struct hf_recent_wish hf_recent_any; /* the last HF_RECENT_LAST of all */

/* The keys, for who looks for each; ends with NULL. */
extern const char *const hf_recent_keys[];

/* One key with its value; changes the wish. False: a word is on `out` why not. */
bool hf_recent_want(struct hf_instance *instance, const char *key, const char *value,
	struct hf_recent_wish *wish, FILE *out);

/* "json", "key=value" ..., parted by blanks. */
bool hf_recent_read(
	struct hf_instance *instance, const char *argument, struct hf_recent_wish *wish, FILE *out);

/* Asks the workers and writes what they say. An enum hf_exit; a fault is told on `out`. */
int hf_recent_write(
	struct hf_instance *instance, const struct hf_recent_wish *wish, hf_us now, FILE *out);

/* The value as hf_recent_want takes it. False: it does not fit. */
bool hf_recent_encode(const char *value, char *buf, size_t size);

#endif
