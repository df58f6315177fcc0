/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ready.h - the readiness of the running process, looked at, kept and shown.
 *
 * Story: the main thread looks HF_READY_EVERY (and when the end begins): it gathers the
 * reasons from whoever has some, has the machine (serve/readiness.h) judge them, and keeps
 * the look. Pages, `holdfast ready`, HAProxy's agent-check and hooks all tell of that one
 * judgement, so no two of them can differ.
 * Ownership: everything is kept by value.
 * Threads: look and adopt from main; read from any: a lock is held for a copy. */
#ifndef HF_FACE_READY_H
#define HF_FACE_READY_H

#include <pthread.h>
#include <stdio.h>

#include "serve/readiness.h"

#define HF_READY_EVERY (100 * HF_MS) /* of the second that a withdrawal may take */

struct hf_server;

struct hf_ready {
	pthread_mutex_t lock;
	struct hf_readiness machine;
	struct hf_look look; /* the last */
	bool draining;
	int64_t since_wall; /* seconds since 1970 */
};

/* What there is to look at. */
struct hf_ready_sight {
	const struct hf_server *server;
	bool stale; /* old answers may be given */
	bool draining;
	hf_us now;
	int64_t wall; /* seconds since 1970 */
};

void hf_ready_init(
	struct hf_ready *ready, const struct hf_ready_conf *conf, hf_us now, int64_t wall);
void hf_ready_clear(struct hf_ready *ready);
void hf_ready_adopt(struct hf_ready *ready, const struct hf_ready_conf *conf);

/* Looks and judges. True: it has become ready, or is not any more. */
bool hf_ready_look(struct hf_ready *ready, const struct hf_ready_sight *sight);

struct hf_ready_view { /* a copy, for who wants to tell of it */
	bool ready, draining;
	hf_us since;
	int64_t since_wall;
	uint64_t changes;
	struct hf_look look;
};
void hf_ready_read(struct hf_ready *ready, struct hf_ready_view *ret);

/* "ready" or "not ready" on a line, then the reasons, a line each; with "ready" those that
 * are only noted. */
void hf_ready_write_text(const struct hf_ready_view *view, FILE *out);

/* The same as an object with a line feed. -ENOMEM. */
int hf_ready_write_json(const struct hf_ready_view *view, hf_us now, FILE *out);

/* Only the reasons that keep it from being ready, a line each. */
void hf_ready_write_reasons(const struct hf_ready_view *view, FILE *out);

#endif
