/* SPDX-License-Identifier: GPL-3.0-or-later */
/* ruled.h - what a scenario rules out: the judge's own reading of `expect` lines.
 *
 * Story: a reply to a client is held against the scenario's expectations once more, by code
 * that shares nothing with the server's: a list gone through from its beginning, addresses
 * taken from the records as they stand. Whether an answer was proven, or upstreams agreed,
 * does not show in a reply; known.h catches what nobody truthfully said.
 * Threads: pure. */
#ifndef HF_DRILL_RULED_H
#define HF_DRILL_RULED_H

#include "drill/scenario.h"

/* True, and which address in words: the reply gives one that the name must not have. */
bool hf_ruled_out(const struct hf_scenario *scenario, const struct hf_question *question,
	const uint8_t *m, const struct hf_message_view *view, char *why, size_t why_size);

#endif
