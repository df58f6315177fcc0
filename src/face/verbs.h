/* SPDX-License-Identifier: GPL-3.0-or-later */
/* verbs.h - the rows of all verbs, each in a file of its name (cmd_run.c ...).
 * Threads: const. */
#ifndef HF_FACE_VERBS_H
#define HF_FACE_VERBS_H

#include "face/command.h"

extern const struct hf_verb hf_cmd_run;
extern const struct hf_verb hf_cmd_check;
extern const struct hf_verb hf_cmd_reload;
extern const struct hf_verb hf_cmd_status;
extern const struct hf_verb hf_cmd_ready;
extern const struct hf_verb hf_cmd_explain;
extern const struct hf_verb hf_cmd_decisions;
extern const struct hf_verb hf_cmd_providers;
extern const struct hf_verb hf_cmd_doc;
extern const struct hf_verb hf_cmd_version;

#endif
