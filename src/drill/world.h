/* SPDX-License-Identifier: GPL-3.0-or-later */
/* world.h - a scenario made up from a number.
 *
 * Story: a seed draws a *kind* of world (a row in world.c: how much wind, whose
 * manners may turn bad, whether clocks jump, how many servers) and then all of
 * its particulars: upstreams and what they know, routes, options, who asks for
 * what and how often, what goes wrong and for how long. The world is written in
 * the language of scenarios, so it can be read, kept as a .play file, changed by
 * hand and made smaller. What must hold of it are the laws of every play (law.h),
 * and what its kind promises besides.
 * The same seed gives the same text, on every machine.
 * Threads: pure.  Never: plays anything. */
#ifndef HF_DRILL_WORLD_H
#define HF_DRILL_WORLD_H

#include <stdint.h>
#include <stdio.h>

/* Writes the world of a seed as the text of a .play file. */
void hf_world_write(uint64_t seed, FILE *out);

/* The word for its kind: "windy". */
const char *hf_world_kind(uint64_t seed);

#endif
