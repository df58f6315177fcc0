/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/updater.h"

/* So often what a provider took and has not is sent again within a round. */
#define AGAIN_MOST 1

void hf_updater_init(struct hf_updater *u, hf_us look, hf_us compare)
{
	*u = (struct hf_updater){.look = look, .compare = compare, .compared_at = HF_UPDATER_NEVER};
}

bool hf_updater_current(const struct hf_updater *u)
{
	return u->wants && u->known && u->ours == u->version && !u->spurns;
}

/* ---- a round ---- */

static enum hf_updater_act begin(struct hf_updater *u)
{
	u->aim = u->version;
	u->compared = u->verifies = u->drifts = false;
	u->sent = u->again = 0;
	u->stage = HF_UPDATER_ASKS;
	return HF_UPDATER_ASK;
}

static hf_us jittered(hf_us wait, uint32_t dice)
{
	return wait - (hf_us)((uint64_t)(wait / 4) * dice >> 32);
}

static enum hf_updater_act rest(struct hf_updater *u, hf_us due)
{
	u->stage = HF_UPDATER_RESTS;
	u->due = due;
	return HF_UPDATER_REST;
}

/* It has what the round was for. */
static enum hf_updater_act finish(struct hf_updater *u, uint32_t dice, hf_us now)
{
	u->failures = 0;
	u->good++;
	if (u->aim != u->version)
		return begin(u);
	return rest(u, now + jittered(u->look, dice));
}

static enum hf_updater_act compare(struct hf_updater *u)
{
	u->known = false;
	u->stage = HF_UPDATER_COMPARES;
	return HF_UPDATER_COMPARE;
}

static enum hf_updater_act send(struct hf_updater *u)
{
	u->stage = HF_UPDATER_SENDS;
	return HF_UPDATER_SEND;
}

enum hf_updater_act hf_updater_turn(struct hf_updater *u, hf_us now)
{
	if (u->stage != HF_UPDATER_RESTS || !u->wants || now < u->due)
		return HF_UPDATER_REST;
	return begin(u);
}

enum hf_updater_act hf_updater_wanted(struct hf_updater *u, uint64_t version, hf_us now)
{
	bool same = u->wants && u->version == version;
	u->wants = true;
	u->version = version;
	if (same || u->stage != HF_UPDATER_RESTS || (u->failures && now < u->due))
		return HF_UPDATER_REST;
	return begin(u);
}

/* ---- what comes of it ---- */

static bool is_time_to_compare(const struct hf_updater *u, hf_us now)
{
	return u->compared_at == HF_UPDATER_NEVER || now - u->compared_at >= u->compare;
}

static enum hf_updater_act said_first(struct hf_updater *u, uint32_t theirs, hf_us now)
{
	bool strange = u->known && u->theirs != theirs;
	if (u->known && !strange && !is_time_to_compare(u, now))
		return send(u);
	u->drifts = strange || (u->known && u->ours == u->aim);
	return compare(u);
}

static enum hf_updater_act said_last(struct hf_updater *u, uint32_t theirs, hf_us now)
{
	u->known = true;
	u->theirs = theirs;
	u->ours = u->aim;
	u->verifies = u->compared || u->unguarded || u->sent > 1;
	return u->verifies ? compare(u) : finish(u, 0, now);
}

enum hf_updater_act hf_updater_said(struct hf_updater *u, uint32_t theirs, hf_us now)
{
	switch (u->stage) {
	case HF_UPDATER_ASKS: return said_first(u, theirs, now);
	case HF_UPDATER_ASKS_BETWEEN: return send(u);
	case HF_UPDATER_ASKS_AFTER: return said_last(u, theirs, now);
	default: return HF_UPDATER_REST;
	}
}

enum hf_updater_act hf_updater_transferred(struct hf_updater *u, uint32_t theirs, hf_us now)
{
	u->compared = true;
	u->compared_at = now;
	u->theirs = theirs;
	return send(u);
}

enum hf_updater_act hf_updater_same(struct hf_updater *u, uint32_t dice, hf_us now)
{
	if (u->sent && !u->verifies) { /* the last message was not known to be the last */
		u->stage = HF_UPDATER_ASKS_AFTER;
		return HF_UPDATER_ASK;
	}
	u->known = true;
	u->ours = u->aim;
	u->spurns &= !u->compared;
	return finish(u, dice, now);
}

enum hf_updater_act hf_updater_differs(struct hf_updater *u, hf_us now)
{
	if (!u->verifies)
		return HF_UPDATER_GO;
	u->verifies = false;
	if (u->again++ < AGAIN_MOST)
		return HF_UPDATER_GO;
	u->known = u->spurns = true;
	u->ours = u->aim;
	u->failures = 0;
	return rest(u, now + u->look);
}

enum hf_updater_act hf_updater_took(struct hf_updater *u, bool last)
{
	u->known = false; /* until all of it is there */
	u->sent++;
	u->stage = last ? HF_UPDATER_ASKS_AFTER : HF_UPDATER_ASKS_BETWEEN;
	return HF_UPDATER_ASK;
}

enum hf_updater_act hf_updater_failed(struct hf_updater *u, bool unsure, uint32_t dice, hf_us now)
{
	hf_us wait = HF_UPDATER_WAIT;
	for (unsigned i = 0; i < u->failures && wait < HF_UPDATER_WAIT_MOST; i++)
		wait *= 2;
	u->failures++;
	if (unsure || u->failures >= HF_UPDATER_FORGET)
		u->known = false;
	return rest(
		u, now + jittered(wait < HF_UPDATER_WAIT_MOST ? wait : HF_UPDATER_WAIT_MOST, dice));
}
