/* SPDX-License-Identifier: GPL-3.0-or-later */
/* quarantine.h - what an upstream is not asked for, because it lied about it.
 *
 * Story: a lie raises a *bar*: the upstream is not asked for the names at or below a
 * suffix until it has told the truth so many times in a row to questions of our own. Who
 * lies about several suffixes within minutes, or answers for a name that cannot exist,
 * is asked for nothing at all. A bar is looked at after a second or so (a *probe*), then
 * after twice as long up to HF_PROBE_LONGEST; once it has told the truth, after
 * a second again: so who turns honest is back within a minute. A probe that shows
 * nothing (silence, a failure) counts neither for nor against it.
 * Knows:   bars of one upstream, what showed the last lie, instants.
 * Never:   which upstream it is, who else there is, how a probe is made.
 * Ownership: a plain value; it points to nothing. Zeroed: trusted.
 * Threads: one at a time, by the caller's lock.
 * At the bound: HF_BARS_MAX suffixes; one more bars everything. A probe of which nobody
 * reports the end is made again after HF_PROBE_GIVEN_UP. */
#ifndef HF_TRUTH_QUARANTINE_H
#define HF_TRUTH_QUARANTINE_H

#include "base/time.h"
#include "truth/judge.h"

#define HF_BARS_MAX 8

/* Three suffixes in five minutes are no slip in one zone. */
#define HF_BARS_SEVERAL 3
#define HF_BARS_WITHIN (300 * HF_SECOND)

#define HF_PROBE_FIRST (1 * HF_SECOND)
#define HF_PROBE_LONGEST (30 * HF_SECOND)
#define HF_PROBE_GIVEN_UP (15 * HF_SECOND) /* three questions one after another, at worst */

struct hf_bar {
	bool up;
	struct hf_name suffix;    /* lowered; len 1: all names */
	uint64_t content;         /* of the expectation that was broken (hf_expected.print), or 0 */
	struct hf_question asked; /* that it lied about, last */
	struct hf_evidence evidence;
	hf_us since;     /* when it was raised */
	hf_us lied;      /* when the last lie was heard */
	uint32_t number; /* which bar of the upstream's it is, of all that ever were */
	uint32_t truths; /* in a row */
	hf_us wait;      /* before the next probe */
	hf_us due;
};

enum { HF_BAR_ALL = HF_BARS_MAX }; /* the place of the bar that is for everything */

struct hf_quarantine {
	struct hf_bar bars[HF_BARS_MAX + 1];
	uint32_t raised; /* bars, ever */
};

/* A lie, as far as it matters here. */
struct hf_lied {
	const struct hf_name *suffix;
	uint64_t content;
	const struct hf_question *asked;
	const struct hf_evidence *evidence;
	bool all; /* it shows that nothing can be believed */
};

/* Which bars a lie has raised. */
struct hf_raised {
	const struct hf_bar *bar; /* NULL: it stood already */
	const struct hf_bar *all; /* the one for everything, if it was raised now */
};

struct hf_raised hf_quarantine_lied(
	struct hf_quarantine *q, const struct hf_lied *lied, hf_us now, uint32_t dice);

/* Is the upstream not to be asked for a lowered name? */
bool hf_quarantine_bars(const struct hf_quarantine *q, const struct hf_name *name);

bool hf_quarantine_any(const struct hf_quarantine *q);

/* How many suffixes are barred, without the bar for everything. */
unsigned hf_quarantine_count(const struct hf_quarantine *q);

/* The place of a bar that is to be probed now, or -1. It is not named again before the
 * probe's end is told, or long enough has passed. */
int hf_quarantine_due(struct hf_quarantine *q, hf_us now);

enum hf_probed { HF_PROBED_TRUE, HF_PROBED_FALSE, HF_PROBED_NOTHING };

/* What came of a probe of the bar that had this number; one that is gone is ignored.
 * evidence is for FALSE. True: it was lowered (and reads as before, but for `up`), after
 * `release` truths in a row; the one for everything stays while there are several. */
bool hf_quarantine_probed(struct hf_quarantine *q, unsigned place, uint32_t number,
	enum hf_probed probed, const struct hf_evidence *evidence, uint32_t release, hf_us now,
	uint32_t dice);

/* What it was raised for, in words that stand behind "upstream isp:": "gave 192.0.2.66 for
 * db.example, which is none of the addresses expected". Returns buf, cut to fit. */
#define HF_BAR_TEXT_MAX 384
const char *hf_bar_text(const struct hf_bar *bar, char buf[static HF_BAR_TEXT_MAX]);

/* The bar that keeps the upstream out for a lowered name, or NULL. */
const struct hf_bar *hf_quarantine_bar_of(
	const struct hf_quarantine *q, const struct hf_name *name);

/* Lowers a bar, whatever it waits for. */
void hf_quarantine_lower(struct hf_quarantine *q, unsigned place);

#endif
