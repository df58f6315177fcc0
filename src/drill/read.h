/* SPDX-License-Identifier: GPL-3.0-or-later */
/* read.h - the readers of a .play file, one for each kind of line.
 *
 * Story: read_scenario.c cuts a text into lines and gives each to the reader of its
 * first word. A reader takes words (words.h) and writes what it has read into the
 * scenario; where something else stands it complains and the line is over.
 *
 *   read_scenario.c  the whole, and lines of a few words: options, routes, finally
 *   read.c           words that many lines have: names, types, options, values
 *   read_zone.c      what upstreams know: records, zone text, zone files
 *   read_ask.c       ask and load, and what they expect
 *   read_upstream.c  upstreams: what they know, their manners and weather
 *
 * Private to drill/.  Threads: one owner.
 * Ownership: all that is read lies in the scenario's arena.
 * At the bound: HF_PLAY_MEMORY_MAX octets, then a complaint. */
#ifndef HF_DRILL_READ_H
#define HF_DRILL_READ_H

#include "drill/scenario.h"

struct hf_reader {
	struct hf_words words;
	struct hf_scenario *scenario;
	const char *at, *end; /* what has not been read yet */
	size_t events_cap;
	struct hf_final **last_final;
	/* The weather as the events so far leave it: an event changes some of it. */
	struct hf_weather latest[HF_PLAY_UPSTREAMS_MAX];
	bool changed[HF_PLAY_UPSTREAMS_MAX];
};

/* ---- read.c ---- */

/* Zeroed memory of the scenario's; NULL behind a complaint. */
void *hf_read_memory(struct hf_reader *r, size_t size);

/* A copy of the rest of the line from the next word on. */
const char *hf_read_rest(struct hf_reader *r);

/* Takers of one word, or of a few: false behind a complaint. */
bool hf_take_type(struct hf_reader *r, uint16_t *ret);
bool hf_take_name(struct hf_reader *r, struct hf_name *ret);
bool hf_take_upstream(struct hf_reader *r, unsigned *ret); /* its number */
bool hf_take_value(struct hf_reader *r, enum hf_takes takes, int64_t *ret);

/* Fills in the defaults of option rows; lists and texts stay as they are. */
void hf_read_defaults(const struct hf_option *rows, void *to);

/* "KEY VALUE" of one of the rows. */
void hf_take_option(struct hf_reader *r, const struct hf_option *rows, void *to);

/* ---- read_zone.c ---- */

/* The whole of a file with a NUL behind it, to be freed; NULL and errno: EFBIG
 * past `most` octets. */
char *hf_read_file(const char *path, size_t most, size_t *ret_len);

/* Adds the records of zone text. first_line: of the text within the play (0: it
 * is one line of it, or a file of its own, which is `file`). */
void hf_read_zone_text(struct hf_reader *r, const char *text, size_t len, unsigned first_line,
	const char *file, struct hf_peer_data *data);

void hf_read_zone_block(struct hf_reader *r, struct hf_peer_data *data); /* behind "zone {" */
void hf_read_zone_file(struct hf_reader *r, struct hf_peer_data *data);  /* behind "zone" */
void hf_read_answers(struct hf_reader *r, struct hf_peer_data *data);    /* behind "answers" */

/* ---- read_ask.c ---- */

void hf_read_ask(struct hf_reader *r, struct hf_play_event *event);  /* behind "ask" */
void hf_read_load(struct hf_reader *r, struct hf_play_event *event); /* behind "load" */

/* ---- read_upstream.c ---- */

void hf_read_upstream(struct hf_reader *r); /* a line's, behind "upstream" */
void hf_read_upstream_event(struct hf_reader *r, struct hf_play_event *event);

#endif
