/* SPDX-License-Identifier: GPL-3.0-or-later */
/* story.h - the story of one answer (engine/explain.h), told.
 *
 * The object is made first and the page from it, so they never differ.
 * Threads: any; reads only. */
#ifndef HF_FACE_STORY_H
#define HF_FACE_STORY_H

#include <stdio.h>

#include "engine/explain.h"

/* Writes it, as JSON or for people. The return is the enum hf_exit that `explain` ends
 * with: a fault if somebody lies, or if nobody says what could be believed. */
int hf_story_write(const struct hf_story *story, bool json, FILE *out);

/* "NAME [TYPE] [ask] [json]", as it stands behind `explain` on the control socket. False,
 * with a word on `out`: it is not that. */
struct hf_story_wish {
	struct hf_question question;
	bool ask, json;
};
bool hf_story_wish_read(const char *argument, struct hf_story_wish *ret, FILE *out);

/* Whether NAME and TYPE would each be read as what they are there, and not as nothing or as
 * another word. False, with a word on `out`. */
bool hf_story_words_good(const char *name, const char *type, FILE *out);

/* What upstreams are given to answer, certificates included; a client of ours has given up by then.
 */
#define HF_STORY_LONGEST (8 * HF_SECOND)

#endif
