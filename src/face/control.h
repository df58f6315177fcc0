/* SPDX-License-Identifier: GPL-3.0-or-later */
/* control.h - how other commands speak with a running holdfast.
 *
 * Story: a stream socket in the file system, mode 0600, open to root and to the
 * user that holdfast runs as. A client sends one line ("reload", "status json"),
 * gets "ok", "found N" or "fault N" on a line, then text, then the end; N is what the
 * client's command exits with. Requests are rows of a table.
 * A socket file that a killed holdfast left behind is recognised (nobody
 * answers) and replaced; one that answers means that another holdfast runs, and
 * this one must not. The folder is locked while that is found out, so that of
 * two that begin at once one wins.
 * Ownership: the control owns its socket, its clients and the file, which it
 * removes at the end if it is still its own.
 * Threads: the loop's.
 * At the bound: HF_CONTROL_CLIENTS at once, further ones are told and closed; a
 * request over HF_CONTROL_REQUEST_MAX is refused; a client that neither sends
 * nor reads for HF_CONTROL_PATIENCE is closed, one whose reply takes its time after
 * HF_CONTROL_LONGEST; replies end at HF_CONTROL_REPLY_MAX. */
#ifndef HF_FACE_CONTROL_H
#define HF_FACE_CONTROL_H

#include <stdio.h>

#include "loop/loop.h"

#define HF_CONTROL_CLIENTS 16       /* people and their scripts, not a service */
#define HF_CONTROL_REQUEST_MAX 1280 /* a name may take 1,020, escapes and all */
#define HF_CONTROL_REPLY_MAX (4u << 20)
#define HF_CONTROL_PATIENCE (5 * HF_SECOND)
#define HF_CONTROL_LONGEST (25 * HF_SECOND)

struct hf_control;

/* Who has to wait for its reply. A plain value; when the client has gone it means nobody. */
struct hf_control_asker {
	unsigned client;
	uint32_t generation;
};

#define HF_CONTROL_LATER (-1)

struct hf_control_request { /* a row; ends with a row without a name */
	const char *name;
	const char *help;
	/* Does it; writes the text of the reply. Returns an enum hf_exit. */
	int (*run)(void *ctx, const char *argument, FILE *out);
	/* Or, for what takes its time: begins it, and returns HF_CONTROL_LATER. */
	int (*begin)(
		void *ctx, const char *argument, const struct hf_control_asker *asker, FILE *out);
};

/* The reply to one that was begun. status: an enum hf_exit; with FAULT, a fault was found
 * and the text is what was asked for. */
void hf_control_reply(struct hf_control *control, const struct hf_control_asker *asker, int status,
	const char *text, size_t len);

/* Opens the socket at `path`. -EADDRINUSE: another holdfast is behind it;
 * -EEXIST: something there is no socket; -ENOENT, -EACCES and so on from the
 * folder. */
int hf_control_open(struct hf_loop *loop, const char *path,
	const struct hf_control_request *requests, void *ctx, struct hf_control **ret);

void hf_control_close(struct hf_control *control); /* NULL is fine */

/* The file to remove when the process must end at once; async-signal-safe. */
void hf_control_abandon(const struct hf_control *control); /* NULL is fine */

#endif
