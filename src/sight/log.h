/* SPDX-License-Identifier: GPL-3.0-or-later */
/* log.h - what an operator reads while nothing, or everything, goes wrong.
 *
 * Story: a line has a level, a message and fields. As text it is
 *     2025-11-21T06:04:00Z warning upstream rested upstream=quad9 failures=5
 * and as JSON one object a line. Under systemd's journal (JOURNAL_STREAM is
 * set) text lines begin with <N>, the priority, in place of the time, which the
 * journal adds itself. Each line leaves in one write, so lines of two threads do
 * not mix. Whatever comes from outside is escaped: a line of the log is always
 * one line and always UTF-8.
 * Lines about things that happen in bulk are asked for first: hf_log_admit lets
 * HF_LOG_BURST of a kind through a second, and hf_log_turn says how many were
 * left out.
 * Threads: hf_log_say and _configure from any; _admit and _turn from one.
 * At the bound: a line over HF_LOG_LINE_MAX is cut; a line that cannot be
 * written is lost. */
#ifndef HF_SIGHT_LOG_H
#define HF_SIGHT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"
#include "sight/log_conf.h"

#define HF_LOG_LINE_MAX 8192
#define HF_LOG_KINDS 64
#define HF_LOG_BURST 20 /* a kind and second: a screen to read, nothing to fill a disk */

struct hf_log;

struct hf_log_field {
	const char *key;  /* [a-z_]+; NULL ends a list */
	const char *text; /* or NULL: the number */
	int64_t number;
};

#define HF_LOG_TEXT_FIELD(name, value) { .key = (name), .text = (value) }
#define HF_LOG_NUMBER_FIELD(name, value) { .key = (name), .number = (int64_t)(value) }

/* Where lines go and how they know the time. */
struct hf_log_to {
	int fd;                      /* stays the caller's */
	bool journal;                /* <N> in place of the time */
	int64_t (*wall)(void *ctx);  /* seconds since 1970; NULL: lines have no time */
	void *wall_ctx;
};

/* -ENOMEM. */
int hf_log_new(const struct hf_log_to *to, const struct hf_log_conf *conf, struct hf_log **ret);
void hf_log_free(struct hf_log *log); /* NULL is fine */

void hf_log_configure(struct hf_log *log, const struct hf_log_conf *conf);

/* Writes a line; fields may be NULL. A NULL log says nothing, here and below. */
void hf_log_say(struct hf_log *log, enum hf_log_level level, const char *message,
	const struct hf_log_field *fields);

/* Text that was made elsewhere (complaints): each of its lines becomes a line of
 * the log. Source lines with a caret below them are left out: they mean nothing
 * beside a time and a level. */
void hf_log_lines(struct hf_log *log, enum hf_log_level level, const char *lines);

/* May another line of this kind (below HF_LOG_KINDS) be written now? */
bool hf_log_admit(struct hf_log *log, unsigned kind, hf_us now);

/* Tells what was left out in seconds that are over; call it now and then. name
 * gives the words for a kind. */
void hf_log_turn(struct hf_log *log, hf_us now, const char *(*name)(unsigned kind));

#endif
