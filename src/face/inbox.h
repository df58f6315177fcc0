/* SPDX-License-Identifier: GPL-3.0-or-later */
/* inbox.h - what workers were asked to find out, and what becomes of it.
 *
 * Story: `explain` and the verification beside serving are begun by the main thread and
 * done by a worker, which takes its time (serve/inspect.h). What it found is left here,
 * and the main loop is woken: it replies on the control socket, or writes to the log.
 * Ownership: the inbox owns what was left and not yet taken.
 * Threads: main; what workers leave is under a lock. Uses the loop's hooks.
 * At the bound: as many as may be under way (HF_INSPECTIONS_MAX). */
#ifndef HF_FACE_INBOX_H
#define HF_FACE_INBOX_H

#include <pthread.h>

#include "face/config.h"
#include "face/control.h"
#include "serve/server.h"
#include "sight/log.h"

struct hf_inbox_item;

struct hf_inbox {
	pthread_mutex_t lock;
	struct hf_inbox_item *first;
	struct hf_loop *loop;
	struct hf_log *log;
	struct hf_control *control; /* NULL: nobody to reply to */
};

void hf_inbox_init(struct hf_inbox *inbox, struct hf_loop *loop, struct hf_log *log);

/* The server has ended: nobody leaves anything any more. Zeroed is fine. */
void hf_inbox_clear(struct hf_inbox *inbox);

/* `explain` for an asker: HF_CONTROL_LATER, or an enum hf_exit with a word on `out`. */
int hf_inbox_explain(struct hf_inbox *inbox, struct hf_server *server, const char *argument,
	const struct hf_control_asker *asker, FILE *out);

/* With `startup.verify: warn`: asks upstreams while they serve, keeps liars out, says so. */
void hf_inbox_verify(
	struct hf_inbox *inbox, struct hf_server *server, const struct hf_config *config);

#endif
