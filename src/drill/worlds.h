/* SPDX-License-Identifier: GPL-3.0-or-later */
/* worlds.h - many worlds, some at once, and what became of them.
 *
 * Story: the worlds of a range of seeds are played as trials, `jobs` at a time.
 * A hundred of them are one test of the output (TAP). One that fails is told with
 * its seed, the law and the words; it is made smaller and kept as a scenario if
 * there is a place for it.
 * Threads: as trial.h. */
#ifndef HF_DRILL_WORLDS_H
#define HF_DRILL_WORLDS_H

#include "face/command.h"

/* `drill --world N` and `drill --worlds A..B`: an enum hf_exit. */
int hf_worlds(const struct hf_call *call);

#endif
