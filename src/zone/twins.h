/* SPDX-License-Identifier: GPL-3.0-or-later */
/* twins.h - the nodes that serve the same zone: who is behind, and who differs?
 *
 * Story: nodes behind one address (a VIP, an anycast route) must say the same. In rounds,
 * one an interval, each sibling is asked for the serial of a zone, and for some records
 * that are sampled from ours. What they say is a round of *reports*, laid beside what we
 * have:
 *   behind   a serial older (RFC 1982) than what was the newest a round ago: time enough to
 *            fetch it. So whoever is behind is named in the second round at the latest; by
 *            its siblings, and by itself.
 *   differs  the same serial and other records, two rounds in a row: somebody edited a zone
 *            and left the serial alone, or a copy is damaged. With others that agree, the
 *            one that differs from them is the odd one; of two it cannot be told which.
 * A serial that one node alone shows and that is further ahead than an operator would go
 * (HF_SERIALS_JUMP) is not gone by.
 *
 * The address that clients use is asked, too (the *front*): an old serial there tells which
 * nodes can have answered.
 *
 * Panic: every node has lost the primaries, and none can prove its copy, so none serves. That
 * is truthful, and an outage. Who wants to can have the newest copy that any node holds
 * served, marked: by us, if in two rounds in a row we have a copy and cannot prove it, no
 * primary was reached, at least one sibling was (cut off from all of them we may be the one
 * that is wrong), no sibling serves a copy that it takes for proven, and none holds a newer
 * one than ours. A sibling that does not serve says what it holds in its extended error.
 * Knows:   serials, digests, rounds.  Never: how anybody was asked, records.
 * Threads: one owner, pure.
 * At the bound: HF_TWINS_MAX siblings. */
#ifndef HF_ZONE_TWINS_H
#define HF_ZONE_TWINS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/time.h"

#define HF_TWINS_MAX 16

enum hf_twin_said {
	HF_TWIN_SILENT,   /* not reached, or nothing that could be read */
	HF_TWIN_WITHHELD, /* there, and does not serve the zone */
	HF_TWIN_MARKED,   /* serves it, and says itself that it is not proven */
	HF_TWIN_SERVES,
};

struct hf_twin_report {
	enum hf_twin_said said;
	bool has_serial; /* with WITHHELD: it told what it holds */
	uint32_t serial;
	bool sampled;    /* all sampled records were answered */
	uint64_t sample; /* digest of what it said */
};

enum hf_twin_state { HF_TWIN_UNKNOWN, HF_TWIN_SAME, HF_TWIN_BEHIND, HF_TWIN_DIFFERS };

struct hf_twin {
	struct hf_twin_report report; /* the last */
	enum hf_twin_state state;
	hf_us since;      /* it is behind, or differs */
	uint8_t differed; /* rounds in a row, up to two */
};

/* What we have. */
struct hf_twins_self {
	bool has_copy;
	uint32_t serial;
	uint64_t sample; /* digest of our own records */
	bool proven;     /* it may be served as it is */
	bool primary_reached;
};

struct hf_twins {
	size_t count;
	struct hf_twin of[HF_TWINS_MAX];
	bool newest_known;
	uint32_t newest; /* as of the last round */
	bool behind;     /* we are */
	bool odd;        /* our records differ from those of two siblings or more, which agree */
	bool panic;      /* we should serve though unproven */
	uint8_t dark;    /* rounds in a row in which panic's conditions held, up to two */
	bool front_old;  /* the front gives an old serial */
	hf_us behind_since;
};

void hf_twins_init(struct hf_twins *twins, size_t count);

/* Which of the above became so, or not so any more, by this round. */
struct hf_twins_found {
	uint32_t changed; /* a bit for each sibling: its state */
	bool behind, odd, panic, front;
};

/* One report for each sibling; front: what the common address said, or NULL. */
struct hf_twins_found hf_twins_round(struct hf_twins *twins, const struct hf_twins_self *self,
	const struct hf_twin_report *reports, const struct hf_twin_report *front, hf_us now);

/* Who can have answered at the front with this serial: a bit for each sibling that showed it
 * in the last round; HF_TWINS_US for ourselves. */
#define HF_TWINS_US (1u << HF_TWINS_MAX)
uint32_t hf_twins_with(
	const struct hf_twins *twins, const struct hf_twins_self *self, uint32_t serial);

const char *hf_twin_state_text(enum hf_twin_state state); /* "unknown" ... */

#endif
