/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keeper_inside.h"

#include <stdio.h>
#include <string.h>

#include "authority/judging.h"
#include "base/error.h"

#define BACKOFF_FIRST HF_SECOND

/* A copy of a version that takes no other's place is written within this, a thousand of them
 * not all at once. One that does is written at once: whoever is killed before has served
 * what the disk does not know. */
#define SAVE_WITHIN (500 * HF_MS)

/* Zones that come from one server and are looked at as often are not asked for all at once. */
#define POLL_WITHIN (5 * HF_SECOND)

/* ---- the source ---- */

static void back_off(struct hf_zone_keeper *k, hf_us now)
{
	hf_us wait = BACKOFF_FIRST << (k->failures < 12 ? k->failures : 12);
	k->failures++;
	if (wait > k->gate.retry)
		wait = k->gate.retry;
	k->fetch_at = now + wait - hf_keeper_jitter(k, wait / 4);
}

static void refuse(struct hf_zone_keeper *k, const struct hf_judged *judged, hf_us now)
{
	k->refused++;
	hf_keeper_fail(k, HF_EVENT_ZONE_REFUSED, judged->fetched.serial, judged->why, now);
	back_off(k, now);
	if (judged->fetched.primary != HF_SOURCE_NO_PRIMARY) /* another may have a better one */
		k->first = (judged->fetched.primary + 1) % k->conf.zone->primaries.count;
}

static void take_new(struct hf_zone_keeper *k, const struct hf_judged *judged, hf_us now)
{
	const struct hf_fetched *fetched = &judged->fetched;
	k->failures = 0;
	k->fault[0] = 0;
	if (!judged->same) {
		bool same_serial = k->entry.zone && fetched->serial == k->gate.serial;
		k->save_within = k->entry.zone ? 0 : SAVE_WITHIN;
		k->save_at = 0;
		hf_keeper_take(k, fetched->zone, judged->journal, HF_GATE_NEVER, now);
		k->loads++;
		k->unsaved = true;
		hf_keeper_tell_why(k,
			(struct hf_event){.kind = HF_EVENT_ZONE_LOADED,
				.a = (int32_t)fetched->serial,
				.b = (int32_t)hf_zone_records(fetched->zone)},
			same_serial            ? "its records changed, its serial did not"
			: fetched->differences ? "as differences"
					       : fetched->why,
			now);
	}
	hf_gate_transferred(&k->gate, fetched->primary, fetched->serial, now);
}

static void judged(void *ctx, const struct hf_judged *judged, hf_us now)
{
	struct hf_zone_keeper *k = ctx;
	const struct hf_zone *before = k->entry.zone;
	k->fetching = false;
	k->whole = !judged->sane;
	if (judged->sane)
		take_new(k, judged, now);
	else
		refuse(k, judged, now);
	hf_keeper_settle_from(k, before, now);
}

static void failed(struct hf_zone_keeper *k, const char *why, hf_us now)
{
	k->fetching = false;
	k->transfers_failed++;
	hf_keeper_fail(k, HF_EVENT_ZONE_FETCH_FAILED, 0, why, now);
	back_off(k, now);
	hf_keeper_settle(k, now);
}

static void has_nothing(struct hf_zone_keeper *k, const struct hf_fetched *fetched, hf_us now)
{
	k->fetching = false;
	k->fault[0] = 0;
	hf_gate_transferred(&k->gate, fetched->primary, fetched->serial, now);
	/* Whoever says that there is more: this is what there is. */
	if (k->gate.behind_since == HF_GATE_NEVER)
		k->failures = 0;
	else
		back_off(k, now);
	hf_keeper_settle(k, now);
}

/* A fetch goes on until what it brought has been judged: nothing newer is fetched meanwhile,
 * and what a NOTIFY says is followed then. */
static void has_new(struct hf_zone_keeper *k, const struct hf_fetched *fetched, hf_us now)
{
	const struct hf_judging_conf conf = {.hands = k->conf.hands,
		.loan = k->conf.loan,
		.zone = k->conf.zone,
		.tombstones = k->conf.tombstones,
		.here = k->entry.zone,
		.journal = k->entry.journal,
		.done = judged,
		.ctx = k};
	k->transfers += fetched->primary != HF_SOURCE_NO_PRIMARY;
	int rc = hf_judging_begin(&conf, fetched, &k->judging, now);
	if (rc)
		failed(k, hf_strerror(rc), now);
}

static void fetched(void *ctx, const struct hf_fetched *fetched, hf_us now)
{
	struct hf_zone_keeper *k = ctx;
	if (fetched->result == HF_SOURCE_NEW)
		has_new(k, fetched, now);
	else if (fetched->result == HF_SOURCE_NOTHING)
		has_nothing(k, fetched, now);
	else
		failed(k, fetched->why, now);
}

static void source_changed(void *ctx, hf_us now)
{
	struct hf_zone_keeper *k = ctx;
	k->fetch_at = now;
	k->failures = 0;
	hf_keeper_want_fetch(k, now);
}

/* One more look at what nobody says has changed. */
static bool is_poll(const struct hf_zone_keeper *k)
{
	return k->gate.conf.self && k->gate.state == HF_GATE_CURRENT && !k->failures && !k->hurried;
}

void hf_zone_keeper_fetch(struct hf_zone_keeper *k, hf_us now)
{
	hf_us most = k->gate.retry / 2 < POLL_WITHIN ? k->gate.retry / 2 : POLL_WITHIN;
	const struct hf_fetch fetch = {.have = k->entry.zone,
		.whole = k->whole,
		.first = k->first,
		.within = is_poll(k) ? most : 0};
	k->hurried = false;
	k->wanted = false;
	k->fetching = true;
	k->first = HF_SOURCE_NO_PRIMARY; /* the source finds out who has the newest */
	k->source->ops->begin(k->source, &fetch, now);
}

static void put_off(void *ctx, hf_us now)
{
	struct hf_zone_keeper *k = ctx;
	k->put_off++;
	hf_keeper_tell_why(k, (struct hf_event){.kind = HF_EVENT_ZONE_PUT_OFF},
		"others are being received, and have the memory (transfer-memory)", now);
	k->conf.handler->moved(k->conf.ctx);
}

static const struct hf_source_handler source_handler = {fetched, put_off, source_changed};

int hf_keeper_make_source(struct hf_zone_keeper *k)
{
	const struct hf_zone_conf *zone = k->conf.zone;
	const struct hf_source_conf conf = {.loop = k->conf.loop,
		.calls = k->conf.calls,
		.zone = zone,
		.key = k->conf.key,
		.limits = {.octets = zone->max_size},
		.watch = k->conf.watch,
		.hands = k->conf.hands,
		.handler = &source_handler,
		.ctx = k};
	if (k->conf.obstacle)
		return 0;
	return strcmp(zone->file, "none") != 0  ? hf_source_file_new(&conf, &k->source)
	       : strcmp(zone->url, "none") != 0 ? hf_source_url_new(&conf, &k->source)
						: hf_source_xfr_new(&conf, &k->source);
}
