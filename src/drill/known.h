/* SPDX-License-Identifier: GPL-3.0-or-later */
/* known.h - what upstreams have truthfully said, and until when it holds.
 *
 * Story: every honest message is taken down as facts when it leaves an upstream:
 * this name has this record, does not exist, has nothing of this type; each
 * with the instant at which its TTL has run out, wherever it may be by then. A
 * reply to a client is held against them: it may say nothing that no upstream
 * ever said of that name, and no longer than it was said for.
 * A topic counts what was asked of upstreams about one name and type; a need is
 * one server's, who may have to ask for it again when what it was told is over.
 * At the bound: grows with what is said in one play.
 * Threads: one owner.  Never: knows how an answer came about. */
#ifndef HF_DRILL_KNOWN_H
#define HF_DRILL_KNOWN_H

#include "base/time.h"
#include "wire/message.h"

struct hf_known;

struct hf_topic {
	uint64_t asked; /* by clients */
	uint64_t sent;  /* to upstreams */
	int last;       /* the upstream that answered last, -1: none */
};

struct hf_need {
	hf_us fresh_until; /* so long holds what it was last told of it */
	hf_us failed_until; /* it failed: until then nobody is asked again */
	uint32_t open;     /* clients that wait for it */
	bool fetching;     /* nothing was at hand when the first of them asked */
};

/* What the settings say of old answers. */
struct hf_staleness {
	hf_us most;   /* past their TTL; 0: none are given */
	uint32_t ttl; /* that they are given, s */
};

struct hf_known *hf_known_new(void); /* stops for want of memory */
void hf_known_free(struct hf_known *known);

/* An honest message is said at `at`; it may hold for `slack` longer than its
 * TTLs: the time that it is under way, and the rounding of seconds. */
void hf_known_say(struct hf_known *known, const uint8_t *m, size_t len, hf_us at, hf_us slack);

/* All that is known holds for longer, because a clock was set back. */
void hf_known_extend(struct hf_known *known, hf_us by);

/* False, and why in a sentence: the reply says what nobody said. A stale reply
 * may say it for as long as the settings allow, with the TTL that they name; it
 * must be marked as stale, unless its client has no EDNS to mark it with. */
bool hf_known_allows(const struct hf_known *known, const uint8_t *m,
	const struct hf_message_view *view, const struct hf_question *question, hf_us now,
	const struct hf_staleness *staleness, char *why, size_t why_size);

/* These are good until the next call. */
struct hf_topic *hf_known_topic(struct hf_known *known, const struct hf_question *question);
struct hf_need *hf_known_need(struct hf_known *known, const struct hf_question *question,
	unsigned instance, unsigned flags);

#endif
