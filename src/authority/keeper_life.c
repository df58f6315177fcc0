/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keeper_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/judging.h"
#include "authority/notify.h"
#include "authority/update.h"
#include "authority/witness.h"
#include "base/error.h"
#include "zone/journal.h"

/* For how long a lone witness may keep a zone from being served by showing a serial that
 * cannot be had: long enough for primaries that take their time, and a bound. */
#define PATIENCE (300 * HF_SECOND)

/* ---- life ---- */

static bool same_witnesses(const struct hf_zone_conf *a, const struct hf_zone_conf *b)
{
	const struct hf_text_list *lists[2][2] = {
		{&a->primaries, &b->primaries}, {&a->published, &b->published}};
	for (int l = 0; l < 2; l++) {
		if (lists[l][0]->count != lists[l][1]->count)
			return false;
		for (size_t i = 0; i < lists[l][0]->count; i++)
			if (strcmp(lists[l][0]->items[i], lists[l][1]->items[i]) != 0)
				return false;
	}
	return true;
}

static void inherit(struct hf_zone_keeper *k, const struct hf_zone_keeper *before, hf_us now)
{
	struct hf_gate_conf conf = k->gate.conf;
	const struct hf_zone *zone = before->entry.zone;
	k->stated = before->stated;
	k->loads = before->loads;
	k->refused = before->refused;
	k->transfers = before->transfers;
	k->transfers_failed = before->transfers_failed;
	k->notifies = before->notifies;
	k->put_off = before->put_off;
	k->fetch_at = now; /* the new source looks for itself, soon */
	if (zone && !hf_keeper_still_sane(k, zone, now))
		return; /* as at a start without a copy */
	if (same_witnesses(k->conf.zone, before->conf.zone) &&
		k->conf.siblings == before->conf.siblings)
		k->gate = before->gate;
	else
		hf_gate_inherit(&k->gate, &before->gate);
	k->gate.conf = conf;
	k->entry = before->entry;
	if (k->entry.zone) {
		struct hf_zone_soa soa = hf_keeper_soa(k, k->entry.zone);
		hf_zone_ref(k->entry.zone);
		hf_gate_copy(&k->gate, &soa, HF_GATE_NEVER, now);
	}
	if (k->entry.journal)
		hf_journal_ref(k->entry.journal);
	k->loaded = before->loaded;
	k->proof_written = before->proof_written;
	k->unsaved = before->unsaved;
	k->save_within = before->save_within;
	k->save_at = before->save_at;
	k->save_pause = before->save_pause;
}

static void could_not_tell(
	void *ctx, const struct hf_address *who, uint32_t serial, const char *why, hf_us now)
{
	struct hf_event event = {
		.kind = HF_EVENT_ZONE_UNTOLD, .a = (int32_t)serial, .address = *who};
	hf_keeper_tell_why(ctx, event, why, now);
}

static void told_at_last(void *ctx, const struct hf_address *who, uint32_t serial, hf_us now)
{
	struct hf_event event = {.kind = HF_EVENT_ZONE_TOLD, .a = (int32_t)serial, .address = *who};
	hf_keeper_tell(ctx, event, now);
}

static void notify_moved(void *ctx)
{
	const struct hf_zone_keeper *k = ctx;
	k->conf.handler->moved(k->conf.ctx);
}

static int make_notify(struct hf_zone_keeper *k, const struct hf_zone_keeper *before)
{
	const struct hf_notify_conf conf = {.calls = k->conf.calls,
		.zone = k->conf.zone,
		.key = k->conf.notify_key,
		.failed = could_not_tell,
		.told = told_at_last,
		.moved = notify_moved,
		.ctx = k};
	return hf_notify_new(&conf, before ? before->notify : NULL, &k->notify);
}

static void update_event(void *ctx, struct hf_event event, hf_us now)
{
	hf_keeper_tell(ctx, event, now);
}

static int make_updates(struct hf_zone_keeper *k, const struct hf_zone_keeper *before)
{
	const struct hf_updates_conf conf = {.calls = k->conf.calls,
		.hands = k->conf.hands,
		.zone = k->conf.zone,
		.zones = k->conf.zones,
		.keys = k->conf.keys,
		.tell = update_event,
		.moved = notify_moved,
		.ctx = k};
	return hf_updates_new(&conf, before ? before->updates : NULL, &k->updates);
}

static int fill(struct hf_zone_keeper *k, const struct hf_zone_keeper *before, hf_us now)
{
	const struct hf_zone_conf *zone = k->conf.zone;
	enum hf_witness_kind kinds[HF_GATE_WITNESSES_MAX];
	size_t count = 0;
	int rc = hf_keeper_make_witnesses(k, kinds, &count);
	k->asked_count = count;
	for (size_t i = 0; i < k->conf.siblings && count < HF_GATE_WITNESSES_MAX; i++)
		kinds[count++] = HF_WITNESS_SIBLING;
	if (!rc)
		rc = hf_keeper_make_source(k);
	if (!rc)
		rc = make_notify(k, before);
	if (!rc)
		rc = make_updates(k, before);
	if (rc)
		return rc;
	const struct hf_gate_conf conf = {.serve_unproven = zone->serve_unproven,
		.grace = zone->grace,
		.patience = PATIENCE,
		.self = k->asked_count == 0};
	hf_gate_init(&k->gate, &conf, kinds, count, now);
	k->entry = (struct hf_zones_entry){
		.origin = zone->name, .standing = HF_ZONE_WITHHELD, .ede = HF_EDE_NOT_READY};
	if (before)
		inherit(k, before, now);
	else
		hf_keeper_load(k, now);
	return 0;
}

static bool is_answered(const struct hf_zones_entry *entry)
{
	return entry->standing == HF_ZONE_SERVED || entry->standing == HF_ZONE_MARKED;
}

int hf_zone_keeper_new(const struct hf_zone_keeper_conf *conf, const struct hf_zone_keeper *before,
	struct hf_zone_keeper **ret)
{
	struct hf_zone_keeper *k = calloc(1, sizeof *k);
	hf_us now = hf_loop_clock(conf->loop);
	if (!k)
		return -ENOMEM;
	k->conf = *conf;
	k->turn_timer.fire = hf_keeper_time_passed;
	k->ask_timer.fire = hf_keeper_ask_all;
	k->look_at = HF_NEVER;
	k->first = HF_SOURCE_NO_PRIMARY;
	k->notified_at = k->proof_written = k->loaded = HF_GATE_NEVER;
	int rc = fill(k, before, now);
	if (rc) {
		hf_zone_keeper_free(k);
		return rc;
	}
	if (conf->obstacle)
		hf_keeper_fail(k, HF_EVENT_ZONE_FETCH_FAILED, 0, conf->obstacle, now);
	if (before)
		hf_keeper_want_fetch(k, now);
	hf_keeper_settle(k, now);
	k->darkened = before && is_answered(&before->entry) && !is_answered(&k->entry);
	*ret = k;
	return 0;
}

bool hf_zone_keeper_darkened(const struct hf_zone_keeper *k)
{
	return k->darkened;
}

void hf_zone_keeper_finish(struct hf_zone_keeper *k)
{
	if (k->unsaved)
		hf_keeper_save(k, hf_loop_now(k->conf.loop));
	k->proof_written = HF_GATE_NEVER;
	hf_keeper_save_proof(k);
}

void hf_zone_keeper_free(struct hf_zone_keeper *k)
{
	if (!k)
		return;
	hf_timer_disarm(hf_loop_timers(k->conf.loop), &k->turn_timer);
	hf_timer_disarm(hf_loop_timers(k->conf.loop), &k->ask_timer);
	for (size_t i = 0; i < HF_GATE_WITNESSES_MAX; i++)
		hf_witness_free(k->witnesses[i]);
	if (k->source)
		k->source->ops->free(k->source);
	hf_notify_free(k->notify);
	hf_updates_free(k->updates);
	hf_judging_end(&k->judging);
	hf_keeper_end_saving(k);
	hf_zone_unref(k->entry.zone);
	hf_journal_unref(k->entry.journal);
	free(k);
}

/* ---- readers ---- */

const struct hf_zone_conf *hf_zone_keeper_conf(const struct hf_zone_keeper *k)
{
	return k->conf.zone;
}

const struct hf_zones_entry *hf_zone_keeper_entry(const struct hf_zone_keeper *k)
{
	return &k->entry;
}

size_t hf_zone_keeper_updates(const struct hf_zone_keeper *k, struct hf_update_figures *ret)
{
	return hf_updates_figures(k->updates, ret);
}

struct hf_zone_keeper_link *hf_zone_keeper_link(struct hf_zone_keeper *k)
{
	return &k->link;
}

void hf_zone_keeper_figures(
	const struct hf_zone_keeper *k, hf_us now, struct hf_zone_keeper_figures *ret)
{
	const struct hf_gate *gate = &k->gate;
	*ret = (struct hf_zone_keeper_figures){
		.state = gate->state,
		.standing = k->entry.standing,
		.has_copy = gate->has_copy,
		.odd = k->odd,
		.serial = gate->serial,
		.published_known = gate->published_known,
		.published = gate->published,
		.records = k->entry.zone ? hf_zone_records(k->entry.zone) : 0,
		.octets = k->entry.zone ? hf_zone_octets(k->entry.zone) : 0,
		.proven = gate->proven,
		.loaded = k->loaded,
		.loads = k->loads,
		.refused = k->refused,
		.transfers = k->transfers,
		.transfers_failed = k->transfers_failed,
		.notifies = k->notifies,
		.put_off = k->put_off,
		.notifies_sent = hf_notify_figures(k->notify).sent,
		.untold = hf_notify_figures(k->notify).untold,
		.updates = hf_updates_count(k->updates),
	};
	if (k->source && k->source->ops->sight)
		k->source->ops->sight(k->source, &ret->sight);
	hf_keeper_say_state(k, now, ret->why);
	snprintf(ret->fault, sizeof ret->fault, "%s", k->fault);
}
