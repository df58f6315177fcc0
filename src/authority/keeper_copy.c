/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keeper_inside.h"

#include <stdio.h>
#include <stdlib.h>

#include "authority/copy.h"
#include "authority/hands.h"
#include "base/error.h"
#include "zone/journal.h"
#include "zone/sanity.h"

/* A proof is written down so often at most: what is lost by a crash makes a copy look
 * older than it is, never younger. */
#define PROOF_EVERY (30 * HF_SECOND)

/* A copy that could not be written, on a full disk, say, is tried again after this, twice as long
 * each time: the process must not end with what was there before. */
#define SAVE_AGAIN (2 * HF_SECOND)
#define SAVE_AGAIN_MOST (300 * HF_SECOND)

/* A copy of as many octets is written by a hand (authority/hands.h). */
#define SAVE_LARGE (4u << 20)

struct hf_keeper_saving {             /* a copy that a hand writes */
	struct hf_job job;            /* first */
	struct hf_zone_keeper *owner; /* NULL: it is gone */
	struct hf_copies *copies;
	struct hf_zone *zone;
	int rc;
	char why[HF_COPY_WHY_MAX];
};

/* ---- versions ---- */

struct hf_zone_soa hf_keeper_soa(const struct hf_zone_keeper *k, const struct hf_zone *zone)
{
	struct hf_zone_soa soa = *hf_zone_soa(zone);
	uint32_t low = (uint32_t)(k->conf.zone->refresh_min / HF_SECOND);
	uint32_t high = (uint32_t)(k->conf.zone->refresh_max / HF_SECOND);
	soa.refresh = soa.refresh < low ? low : soa.refresh > high ? high : soa.refresh;
	soa.retry = soa.retry < low ? low : soa.retry > soa.refresh ? soa.refresh : soa.retry;
	return soa;
}

void hf_keeper_take(struct hf_zone_keeper *k, struct hf_zone *zone, struct hf_journal *journal,
	hf_us proven, hf_us now)
{
	struct hf_zone_soa soa = hf_keeper_soa(k, zone);
	hf_journal_unref(k->entry.journal);
	k->entry.journal = journal ? hf_journal_ref(journal) : NULL;
	hf_zone_unref(k->entry.zone);
	k->entry.zone = hf_zone_ref(zone);
	k->loaded = now;
	hf_gate_copy(&k->gate, &soa, proven, now);
}

static struct hf_sanity_conf sanity_of(const struct hf_zone_keeper *k)
{
	return (struct hf_sanity_conf){.max_shrink = k->conf.zone->max_shrink,
		.serial_may_go_back = k->conf.zone->serial_may_go_back,
		.never = &k->conf.zone->never,
		.tombstones = k->conf.tombstones};
}

bool hf_keeper_still_sane(struct hf_zone_keeper *k, const struct hf_zone *zone, hf_us now)
{
	const struct hf_sanity_conf conf = sanity_of(k);
	char why[HF_SANITY_WHY_MAX];
	if (hf_sanity_addresses(&conf, zone, why))
		return true;
	k->refused++;
	hf_keeper_fail(k, HF_EVENT_ZONE_REFUSED, hf_zone_soa(zone)->serial, why, now);
	snprintf(k->entry.why, sizeof k->entry.why, "%.79s", why);
	return false;
}

/* ---- copies ---- */

static struct hf_copy_clocks clocks(const struct hf_zone_keeper *k, hf_us now)
{
	return (struct hf_copy_clocks){now, hf_loop_wall(k->conf.loop)};
}

static void run_saving(struct hf_job *job)
{
	struct hf_keeper_saving *s = (struct hf_keeper_saving *)job;
	s->rc = hf_copy_save(s->copies, s->zone, s->why);
}

static void saved(struct hf_zone_keeper *k, int rc, const char *why, hf_us now)
{
	k->proof_written = HF_GATE_NEVER;
	k->unsaved = rc != 0;
	if (!rc) {
		k->save_pause = 0;
		return;
	}
	if (!k->save_pause) /* told once, until it works */
		hf_keeper_tell_why(k, (struct hf_event){.kind = HF_EVENT_ZONE_COPY}, why, now);
	k->save_pause = !k->save_pause                        ? SAVE_AGAIN
			: 2 * k->save_pause < SAVE_AGAIN_MOST ? 2 * k->save_pause
							      : SAVE_AGAIN_MOST;
	k->save_at = now + k->save_pause;
}

/* One that nobody got to before the end stays unsaved, and so does one that has been
 * overtaken by another version. */
static void saving_done(struct hf_job *job, hf_us now)
{
	struct hf_keeper_saving *s = (struct hf_keeper_saving *)job;
	struct hf_zone_keeper *k = s->owner;
	hf_copies_end(s->copies);
	if (k) {
		k->saving = NULL;
		if (s->rc != -ECANCELED && (s->rc || k->entry.zone == s->zone))
			saved(k, s->rc, s->why, now);
		hf_keeper_settle(k, now);
	}
	hf_zone_unref(s->zone);
	free(s);
}

/* False: there is no hand for it, or no need. */
static bool give_away(struct hf_zone_keeper *k)
{
	if (!k->conf.copies || !hf_hands_are_open(k->conf.hands) ||
		hf_zone_octets(k->entry.zone) < SAVE_LARGE)
		return false;
	struct hf_keeper_saving *s = calloc(1, sizeof *s);
	if (!s)
		return false;
	*s = (struct hf_keeper_saving){.job = {.run = run_saving, .done = saving_done},
		.owner = k,
		.copies = k->conf.copies,
		.zone = hf_zone_ref(k->entry.zone),
		.rc = -ECANCELED};
	k->saving = s;
	hf_copies_begin(s->copies);
	hf_hands_give(k->conf.hands, &s->job);
	return true;
}

/* A little after the version is served: that it takes its time holds up nobody's answer. */
void hf_keeper_save(struct hf_zone_keeper *k, hf_us now)
{
	char why[HF_COPY_WHY_MAX] = "";
	if (give_away(k))
		return;
	int rc = k->conf.copies ? hf_copy_save(k->conf.copies, k->entry.zone, why) : 0;
	saved(k, rc, why, now);
}

void hf_keeper_save_proof(struct hf_zone_keeper *k)
{
	const struct hf_gate *gate = &k->gate;
	if (!k->conf.copies || !gate->ever_proven || k->unsaved ||
		(k->proof_written != HF_GATE_NEVER &&
			gate->proven - k->proof_written < PROOF_EVERY))
		return;
	struct hf_copy_clocks at = clocks(k, hf_loop_now(k->conf.loop));
	at.wall -= (at.now - gate->proven) / HF_SECOND;
	at.now = gate->proven;
	/* A disk that takes none of it was told of when the copy was saved. */
	hf_copy_prove(k->conf.copies, &k->conf.zone->name, gate->serial, &at);
	k->proof_written = gate->proven;
}

void hf_keeper_load(struct hf_zone_keeper *k, hf_us now)
{
	char why[HF_COPY_WHY_MAX];
	struct hf_copy_clocks at = clocks(k, now);
	struct hf_zone *zone;
	hf_us ago;
	if (!k->conf.copies)
		return;
	const struct hf_zone_limits limits = {.octets = k->conf.zone->max_size};
	int rc = hf_copy_load(k->conf.copies, &k->conf.zone->name, &limits, &at, why, &zone, &ago);
	if (rc) {
		if (rc != -ENOENT)
			hf_keeper_tell_why(
				k, (struct hf_event){.kind = HF_EVENT_ZONE_COPY}, why, now);
		return;
	}
	if (!hf_keeper_still_sane(k, zone, now)) {
		hf_zone_unref(zone);
		return;
	}
	hf_keeper_take(k, zone, NULL, ago < 0 ? HF_GATE_NEVER : now - ago, now);
	k->proof_written = HF_GATE_NEVER;
	hf_keeper_tell_why(k,
		(struct hf_event){.kind = HF_EVENT_ZONE_LOADED,
			.a = (int32_t)hf_zone_soa(zone)->serial,
			.b = (int32_t)hf_zone_records(zone)},
		"the copy of the last time", now);
	hf_zone_unref(zone);
}

void hf_keeper_end_saving(struct hf_zone_keeper *k)
{
	if (k->saving)
		k->saving->owner = NULL;
}
