/* SPDX-License-Identifier: GPL-3.0-or-later */
/* drill.h - the row of the verb `drill`, for main's table.  Threads: const. */
#ifndef HF_DRILL_DRILL_H
#define HF_DRILL_DRILL_H

#include "face/command.h"

extern const struct hf_verb hf_cmd_drill;

#endif
