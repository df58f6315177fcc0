/* SPDX-License-Identifier: GPL-3.0-or-later */
/* findings.h - what upstreams were found to say, for people and for programs.
 *
 * Story: an examination (engine/examine.h) ends in a table. The start, `check --live` and
 * `explain` show it: as sentences that can be acted upon at night, as JSON, as JUnit.
 * Threads: any; reads only. */
#ifndef HF_FACE_FINDINGS_H
#define HF_FACE_FINDINGS_H

#include <stdio.h>

#include "engine/examine.h"
#include "sight/text.h"

struct json_t;

/* "db.example A"; of a finding, or of a question of its table. */
#define HF_QUESTION_TEXT_MAX (HF_NAME_TEXT_MAX + 16)
const char *hf_question_text(
	const struct hf_question *question, char buf[static HF_QUESTION_TEXT_MAX]);

const struct hf_upstream_conf *hf_finding_upstream(
	const struct hf_examined *examined, const struct hf_finding *finding);

/* "lie" and so on; "answer" where nothing is expected that it could be held against. */
const char *hf_outcome_word(
	const struct hf_examined_question *question, const struct hf_finding *finding);

/* The one sentence about a finding that is not as it should be, with what to do:
 * "db.example A: upstream isp (192.0.2.53) answered 192.0.2.66, which ...". */
void hf_finding_say(
	const struct hf_examined *examined, const struct hf_finding *finding, struct hf_text *text);

/* In place of one for each of `count` questions, of which an upstream has answered none:
 * "upstream isp (tls://192.0.2.53) answered none of 14 questions: no answer in time ...". */
void hf_finding_say_dark(const struct hf_examined *examined, const struct hf_finding *finding,
	size_t count, struct hf_text *text);

/* Where an upstream is and how it is asked, as one writes it: "tls://192.0.2.53:853". */
#define HF_WHERE_TEXT_MAX (HF_ADDRESS_TEXT_MAX + 8)
const char *hf_where_text(
	const struct hf_upstream_conf *upstream, char buf[static HF_WHERE_TEXT_MAX]);

/* What to write in place of a list that has grown old; adds nothing if it has not. */
void hf_finding_propose(const struct hf_examined *examined,
	const struct hf_examined_question *question, struct hf_text *text);

/* Has nothing been heard of this question that could be believed or not? */
bool hf_question_unanswered(
	const struct hf_examined *examined, const struct hf_examined_question *question);

/* All rows, as an array of objects. NULL: no memory. */
struct json_t *hf_findings_json(const struct hf_examined *examined);

/* Figures of each upstream that was asked. */
struct json_t *hf_findings_upstreams_json(const struct hf_examined *examined);

#endif
