/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quarantines.h - bars of upstreams: raised, looked at and lowered, by any worker.
 *
 * Story: what truth/quarantine.h decides of one upstream is carried out here: under the
 * lock, with a line for the log, gauges and counters. A bar lives as long as what was
 * broken is expected of the name and the upstream is asked for it: a reload that
 * changes one of these lowers it, and no other does.
 * Private to engine/.  Threads: the worker's own; each takes the lock of upstreams.h. */
#ifndef HF_ENGINE_QUARANTINES_H
#define HF_ENGINE_QUARANTINES_H

#include "engine/inside.h"
#include "truth/quarantine.h"

/* Keeps the upstream out that a plan has in a slot. Of one that has left its slot since
 * nothing is kept. */
void hf_quarantines_raise(struct hf_worker *worker, const struct hf_plan *plan, unsigned slot,
	const struct hf_lied *lied, hf_us now);

/* The upstreams of a route, a bit each, that are not to be asked for a name. */
uint64_t hf_quarantines_barred(struct hf_worker *worker, const struct hf_plan *plan,
	const struct hf_route *route, const struct hf_name *name);

/* Why one of them is not to be asked, as hf_bar_text has it, copied to buf; "": it may be,
 * or is only late. */
void hf_quarantines_why(struct hf_worker *worker, const struct hf_plan *plan, unsigned slot,
	const struct hf_name *name, char buf[static HF_BAR_TEXT_MAX]);

/* Which bar a probe is of. */
struct hf_barred {
	unsigned slot;
	uint64_t begun; /* hf_liar.begun */
	unsigned place; /* of the bar */
	uint32_t number;
};

/* The next bar that is to be probed now, at *slot or behind; then *slot is where to go
 * on. No more than one of a slot. */
bool hf_quarantines_due(struct hf_worker *worker, unsigned *slot, hf_us now,
	struct hf_barred *ret_of, struct hf_bar *ret_bar);

/* What came of it. evidence is for FALSE. */
void hf_quarantines_probed(struct hf_worker *worker, const struct hf_barred *of,
	enum hf_probed probed, const struct hf_evidence *evidence, hf_us now);

/* Lowers what does not hold under the worker's plan, if that is the newest. Cheap when it
 * has been done for it. */
void hf_quarantines_sweep(struct hf_worker *worker, hf_us now);

#endif
