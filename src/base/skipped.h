/* SPDX-License-Identifier: MIT */
/* skipped.h - a test for which this machine has not what it takes.
 *
 * Such a test says so and returns; it counts neither as passed nor as failed, and
 * tests/tally.py names it. cmocka's own skip() will not do: up to 1.1.5 it writes "not ok"
 * before its "# SKIP", and that fails the run.
 *
 * Threads: any. Used by tests only, after <cmocka.h>. */
#ifndef HF_BASE_SKIPPED_H
#define HF_BASE_SKIPPED_H

#define hf_skipped(why) print_message("# skipped: %s: %s\n", __func__, why)

#endif
