/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/twins.h"

#include <string.h>

#include "truth/serials.h"

#define ROUNDS 2 /* before somebody is accused of other records, and before panic */

const char *hf_twin_state_text(enum hf_twin_state state)
{
	static const char *const texts[] = {
		[HF_TWIN_UNKNOWN] = "unknown",
		[HF_TWIN_SAME] = "same",
		[HF_TWIN_BEHIND] = "behind",
		[HF_TWIN_DIFFERS] = "differs",
	};
	return texts[state];
}

void hf_twins_init(struct hf_twins *twins, size_t count)
{
	*twins = (struct hf_twins){.count = count < HF_TWINS_MAX ? count : HF_TWINS_MAX};
}

/* RFC 1982: is a newer than b? */
static bool newer(uint32_t a, uint32_t b)
{
	return a != b && a - b < UINT32_C(1) << 31;
}

/* ---- the newest ---- */

struct serials {
	uint32_t of[HF_TWINS_MAX + 1];
	size_t count;
};

static struct serials gather(const struct hf_twins *twins, const struct hf_twins_self *self,
	const struct hf_twin_report *reports)
{
	struct serials all = {.count = 0};
	if (self->has_copy)
		all.of[all.count++] = self->serial;
	for (size_t i = 0; i < twins->count; i++)
		if (reports[i].has_serial)
			all.of[all.count++] = reports[i].serial;
	return all;
}

/* The newest of those that are not `above` any more. False: there is none. */
static bool find_newest(const struct serials *all, const uint32_t *above, uint32_t *ret)
{
	bool found = false;
	for (size_t i = 0; i < all->count; i++) {
		if (above && all->of[i] == *above)
			continue;
		if (!found || newer(all->of[i], *ret))
			*ret = all->of[i];
		found = true;
	}
	return found;
}

/* One that is alone, and further ahead of the next than an operator would go, is not gone
 * by. */
static bool newest_credible(const struct serials *all, uint32_t *ret)
{
	uint32_t top = 0, next = 0;
	size_t holders = 0;
	if (!find_newest(all, NULL, &top))
		return false;
	for (size_t i = 0; i < all->count; i++)
		holders += all->of[i] == top;
	bool doubted =
		holders == 1 && find_newest(all, &top, &next) && top - next > HF_SERIALS_JUMP;
	*ret = doubted ? next : top;
	return true;
}

/* ---- who is what ---- */

static bool is_behind(const struct hf_twins *twins, uint32_t serial)
{
	return twins->newest_known && newer(twins->newest, serial);
}

static bool comparable(const struct hf_twins_self *self, const struct hf_twin_report *report)
{
	return self->has_copy && report->has_serial && report->sampled &&
	       report->serial == self->serial;
}

static enum hf_twin_state judge(
	const struct hf_twins *twins, struct hf_twin *twin, const struct hf_twins_self *self)
{
	const struct hf_twin_report *report = &twin->report;
	bool differs = comparable(self, report) && report->sample != self->sample;
	twin->differed = !differs ? 0 : twin->differed < ROUNDS ? twin->differed + 1 : ROUNDS;
	if (!report->has_serial)
		return HF_TWIN_UNKNOWN;
	if (is_behind(twins, report->serial))
		return HF_TWIN_BEHIND;
	return twin->differed == ROUNDS ? HF_TWIN_DIFFERS : HF_TWIN_SAME;
}

/* Two siblings or more say the same, which is not what we say, and nobody says what we do. */
static bool are_we_odd(const struct hf_twins *twins, const struct hf_twins_self *self)
{
	size_t against = 0;
	uint64_t sample = 0;
	for (size_t i = 0; i < twins->count; i++) {
		const struct hf_twin *twin = &twins->of[i];
		if (!comparable(self, &twin->report))
			continue;
		if (twin->differed < ROUNDS)
			return false;
		if (against && twin->report.sample != sample)
			return false;
		sample = twin->report.sample;
		against++;
	}
	return against >= 2;
}

static bool is_dark(const struct hf_twins *twins, const struct hf_twins_self *self)
{
	size_t reached = 0;
	if (!self->has_copy || self->proven || self->primary_reached)
		return false;
	for (size_t i = 0; i < twins->count; i++) {
		const struct hf_twin_report *report = &twins->of[i].report;
		reached += report->said != HF_TWIN_SILENT;
		if (report->said == HF_TWIN_SERVES)
			return false;
		if (report->has_serial && newer(report->serial, self->serial))
			return false;
	}
	return reached;
}

static bool set(bool *at, bool value)
{
	bool changed = *at != value;
	*at = value;
	return changed;
}

/* ---- a round ---- */

static uint32_t judge_all(struct hf_twins *twins, const struct hf_twins_self *self,
	const struct hf_twin_report *reports, hf_us now)
{
	uint32_t changed = 0;
	for (size_t i = 0; i < twins->count; i++) {
		struct hf_twin *twin = &twins->of[i];
		enum hf_twin_state before = twin->state;
		twin->report = reports[i];
		twin->state = judge(twins, twin, self);
		if (twin->state == before)
			continue;
		changed |= 1u << i;
		twin->since = now;
	}
	return changed;
}

struct hf_twins_found hf_twins_round(struct hf_twins *twins, const struct hf_twins_self *self,
	const struct hf_twin_report *reports, const struct hf_twin_report *front, hf_us now)
{
	struct hf_twins_found found = {.changed = judge_all(twins, self, reports, now)};
	struct serials all = gather(twins, self, reports);
	uint32_t before = twins->newest;
	found.behind = set(&twins->behind, self->has_copy && is_behind(twins, self->serial));
	if (found.behind)
		twins->behind_since = now;
	found.odd = set(&twins->odd, are_we_odd(twins, self));
	twins->dark = !is_dark(twins, self) ? 0 : twins->dark < ROUNDS ? twins->dark + 1 : ROUNDS;
	found.panic = set(&twins->panic, twins->dark == ROUNDS);
	bool old =
		front && front->has_serial && twins->newest_known && newer(before, front->serial);
	found.front = set(&twins->front_old, old);
	twins->newest_known = newest_credible(&all, &twins->newest);
	return found;
}

uint32_t hf_twins_with(
	const struct hf_twins *twins, const struct hf_twins_self *self, uint32_t serial)
{
	uint32_t who = self->has_copy && self->serial == serial ? HF_TWINS_US : 0;
	for (size_t i = 0; i < twins->count; i++)
		if (twins->of[i].report.has_serial && twins->of[i].report.serial == serial)
			who |= 1u << i;
	return who;
}
