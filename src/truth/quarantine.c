/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "truth/quarantine.h"

#include <stdio.h>
#include <string.h>

/* From three quarters to five quarters, so that instances do not probe in step. */
static hf_us jittered(hf_us wait, uint32_t dice)
{
	return wait - wait / 4 + (hf_us)((uint64_t)(wait / 2) * dice >> 32);
}

static bool within(const struct hf_name *name, const struct hf_name *suffix)
{
	return hf_name_within(name->bytes, name->len, suffix->bytes, suffix->len);
}

/* The bar that stands for a suffix, or a free place, or NULL. */
static struct hf_bar *find(struct hf_quarantine *q, const struct hf_name *suffix)
{
	struct hf_bar *free = NULL;
	for (unsigned i = 0; i < HF_BARS_MAX; i++) {
		struct hf_bar *bar = &q->bars[i];
		if (!bar->up)
			free = free ? free : bar;
		else if (within(suffix, &bar->suffix))
			return bar;
	}
	return free;
}

static unsigned lately(const struct hf_quarantine *q, hf_us now)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HF_BARS_MAX; i++)
		count += q->bars[i].up && now - q->bars[i].lied < HF_BARS_WITHIN;
	return count;
}

static void note(struct hf_bar *bar, const struct hf_lied *lied, hf_us now)
{
	bar->asked = *lied->asked;
	bar->evidence = *lied->evidence;
	bar->content = lied->content;
	bar->lied = now;
	bar->truths = 0;
}

/* True: it was raised now. */
static bool raise(struct hf_quarantine *q, struct hf_bar *bar, const struct hf_name *suffix,
	const struct hf_lied *lied, hf_us now, uint32_t dice)
{
	bool anew = !bar->up;
	if (anew)
		*bar = (struct hf_bar){.up = true,
			.suffix = *suffix,
			.since = now,
			.number = ++q->raised,
			.wait = HF_PROBE_FIRST,
			.due = now + jittered(HF_PROBE_FIRST, dice)};
	note(bar, lied, now);
	return anew;
}

struct hf_raised hf_quarantine_lied(
	struct hf_quarantine *q, const struct hf_lied *lied, hf_us now, uint32_t dice)
{
	static const struct hf_name everything = {.len = 1};
	struct hf_raised raised = {NULL, NULL};
	struct hf_bar *bar = lied->all ? NULL : find(q, lied->suffix);
	struct hf_bar *all = &q->bars[HF_BAR_ALL];
	if (bar && raise(q, bar, lied->suffix, lied, now, dice))
		raised.bar = bar;
	if (bar && (all->up || lately(q, now) < HF_BARS_SEVERAL))
		return raised;
	if (raise(q, all, &everything, lied, now, dice))
		raised.all = all;
	return raised;
}

bool hf_quarantine_bars(const struct hf_quarantine *q, const struct hf_name *name)
{
	if (q->bars[HF_BAR_ALL].up)
		return true;
	for (unsigned i = 0; i < HF_BARS_MAX; i++)
		if (q->bars[i].up && within(name, &q->bars[i].suffix))
			return true;
	return false;
}

const struct hf_bar *hf_quarantine_bar_of(const struct hf_quarantine *q, const struct hf_name *name)
{
	for (unsigned i = 0; i <= HF_BAR_ALL; i++)
		if (q->bars[i].up && within(name, &q->bars[i].suffix))
			return &q->bars[i];
	return NULL;
}

const char *hf_bar_text(const struct hf_bar *bar, char buf[static HF_BAR_TEXT_MAX])
{
	char evidence[HF_EVIDENCE_TEXT_MAX], name[HF_NAME_TEXT_MAX];
	const char *verb = bar->evidence.lie == HF_LIE_DENIED  ? "said"
			   : bar->evidence.lie == HF_LIE_CNAME ? "answered"
							       : "gave";
	hf_evidence_text(&bar->evidence, evidence);
	hf_name_text(bar->asked.name.len ? bar->asked.name.bytes : (const uint8_t *)"", name);
	/* What was given stands before the comma; a made-up name says nothing to anybody. */
	size_t given = strcspn(evidence, ",");
	if (bar->evidence.lie == HF_LIE_CANARY)
		snprintf(buf, HF_BAR_TEXT_MAX, "%s %s", verb, evidence);
	else
		snprintf(buf, HF_BAR_TEXT_MAX, "%s %.*s for %.100s%s", verb, (int)given, evidence,
			name, evidence + given);
	return buf;
}

unsigned hf_quarantine_count(const struct hf_quarantine *q)
{
	unsigned count = 0;
	for (unsigned i = 0; i < HF_BARS_MAX; i++)
		count += q->bars[i].up;
	return count;
}

bool hf_quarantine_any(const struct hf_quarantine *q)
{
	return q->bars[HF_BAR_ALL].up || hf_quarantine_count(q);
}

int hf_quarantine_due(struct hf_quarantine *q, hf_us now)
{
	for (int i = 0; i <= HF_BAR_ALL; i++) {
		struct hf_bar *bar = &q->bars[i];
		if (!bar->up || now < bar->due)
			continue;
		bar->due = now + HF_PROBE_GIVEN_UP;
		return i;
	}
	return -1;
}

static void wait_longer(struct hf_bar *bar)
{
	bar->wait = bar->wait * 2 < HF_PROBE_LONGEST ? bar->wait * 2 : HF_PROBE_LONGEST;
}

bool hf_quarantine_probed(struct hf_quarantine *q, unsigned place, uint32_t number,
	enum hf_probed probed, const struct hf_evidence *evidence, uint32_t release, hf_us now,
	uint32_t dice)
{
	struct hf_bar *bar = &q->bars[place];
	if (!bar->up || bar->number != number)
		return false;
	if (probed == HF_PROBED_TRUE) {
		bar->truths++;
		bar->wait = HF_PROBE_FIRST;
	} else {
		wait_longer(bar);
	}
	if (probed == HF_PROBED_FALSE) {
		bar->truths = 0;
		bar->lied = now;
		bar->evidence = *evidence;
	}
	bar->due = now + jittered(bar->wait, dice);
	if (bar->truths < release)
		return false;
	if (place == HF_BAR_ALL && hf_quarantine_count(q) >= HF_BARS_SEVERAL) {
		/* It will be asked again when there are fewer; not every second until then. */
		bar->due = now + jittered(HF_PROBE_LONGEST / 4, dice);
		return false;
	}
	bar->up = false;
	return true;
}

void hf_quarantine_lower(struct hf_quarantine *q, unsigned place)
{
	q->bars[place].up = false;
}
