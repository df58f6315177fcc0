/* SPDX-License-Identifier: GPL-3.0-or-later */
/* decisions.h - what was decided about a question (meter/decision.h), put into words.
 *
 * Story: `holdfast explain` and the trace of a drill say it in these words.
 * Threads: any; reads only. */
#ifndef HF_SIGHT_DECISIONS_H
#define HF_SIGHT_DECISIONS_H

#include "base/number.h"
#include "meter/decision.h"
#include "sight/events.h"
#include "wire/name.h"

#define HF_DECISION_TEXT_MAX 256

/* "asked isp over udp, and waits 60 ms for it" ...; names says who the slots are. */
const char *hf_decision_text(const struct hf_decision *d, const struct hf_slot_names *names,
	char buf[static HF_DECISION_TEXT_MAX]);

/* "hedge" ... for programs; "unknown" for what is none. */
const char *hf_decision_kind_name(unsigned kind);

/* The name that it is about; of a long one the first labels and "...". */
const char *hf_decision_name(const struct hf_decision *d, char buf[static HF_NAME_TEXT_MAX]);

/* The upstream in a slot, "?" if there is none any more; "" for nobody. */
const char *hf_decision_upstream(
	const struct hf_slot_names *names, uint16_t slot, char *buf, size_t size);

#endif
