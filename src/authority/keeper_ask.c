/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keeper_inside.h"

#include <stdio.h>
#include <string.h>

#include "authority/siblings.h"
#include "authority/witness.h"
#include "zone/place.h"

/* A NOTIFY is nobody's way to make us ask more often than this. */
#define NOTIFY_EVERY HF_SECOND

/* ---- witnesses ---- */

void hf_keeper_ask_all(struct hf_timer *timer, hf_us now)
{
	struct hf_zone_keeper *k =
		(struct hf_zone_keeper *)((char *)timer -
					  offsetof(struct hf_zone_keeper, ask_timer));
	for (size_t i = 0; i < k->asked_count; i++)
		if (k->conf.obstacle) /* without its key nobody is believed */
			hf_gate_report(&k->gate, i, false, 0, now);
		else
			hf_witness_ask(k->witnesses[i], now);
	if (k->conf.obstacle)
		hf_keeper_settle(k, now);
}

static void witness_said(
	void *ctx, size_t index, bool reached, uint32_t serial, const char *why, hf_us now)
{
	struct hf_zone_keeper *k = ctx;
	snprintf(k->unheard, sizeof k->unheard, "%.79s", reached ? "" : why);
	hf_gate_report(&k->gate, index, reached, serial, now);
	hf_keeper_settle(k, now);
}

static bool is_served(const struct hf_gate *gate)
{
	return gate->state == HF_GATE_CURRENT || gate->state == HF_GATE_AGING;
}

void hf_zone_keeper_sight(const struct hf_zone_keeper *k, struct hf_sibling_zone *ret)
{
	*ret = (struct hf_sibling_zone){.name = k->conf.zone->name,
		.copy = k->entry.zone ? hf_zone_ref(k->entry.zone) : NULL,
		.proven = is_served(&k->gate)};
	/* Who has not been asked yet may well be there. */
	for (size_t i = 0; i < k->asked_count; i++)
		ret->primary_reached |= k->gate.witnesses[i].reached || !k->gate.witnesses[i].asked;
}

void hf_zone_keeper_sibling(
	struct hf_zone_keeper *k, size_t sibling, bool reached, uint32_t serial, hf_us now)
{
	size_t at = k->asked_count + sibling;
	if (at >= k->gate.witness_count)
		return;
	hf_gate_report(&k->gate, at, reached, serial, now);
	hf_keeper_settle(k, now);
}

void hf_zone_keeper_twins(struct hf_zone_keeper *k, bool panic, bool odd, hf_us now)
{
	if (panic == k->gate.panic && odd == k->odd)
		return;
	hf_gate_panic(&k->gate, panic);
	k->odd = odd;
	hf_keeper_settle(k, now);
}

static enum hf_witness_kind kind_of(const struct hf_place *place, bool primary)
{
	if (primary)
		return HF_WITNESS_PRIMARY;
	return place->kind == HF_PLACE_URL   ? HF_WITNESS_URL
	       : place->kind == HF_PLACE_TXT ? HF_WITNESS_TXT
					     : HF_WITNESS_SERVER;
}

/* Primaries first, in their order, so that a primary's number is its witness's. */
int hf_keeper_make_witnesses(
	struct hf_zone_keeper *k, enum hf_witness_kind *kinds, size_t *ret_count)
{
	const struct hf_zone_conf *zone = k->conf.zone;
	size_t count = zone->primaries.count + zone->published.count;
	for (size_t i = 0; i < count && i < HF_GATE_WITNESSES_MAX; i++) {
		bool primary = i < zone->primaries.count;
		const char *text = primary ? zone->primaries.items[i]
					   : zone->published.items[i - zone->primaries.count];
		struct hf_witness_conf conf = {.loop = k->conf.loop,
			.calls = k->conf.calls,
			.zone = zone,
			.index = i,
			.said = witness_said,
			.ctx = k};
		int rc = hf_place_parse(text, &conf.place);
		kinds[i] = kind_of(&conf.place, primary);
		/* The key is the primaries'; a provider's servers do not know it. */
		if (primary || (kinds[i] == HF_WITNESS_TXT && !hf_address_set(&conf.place.address)))
			conf.key = k->conf.key;
		if (!rc)
			rc = hf_witness_new(&conf, &k->witnesses[i]);
		if (rc)
			return rc;
		*ret_count = i + 1;
	}
	return 0;
}

/* ---- NOTIFY ---- */

void hf_zone_keeper_notified(struct hf_zone_keeper *k, const struct hf_address *peer,
	bool has_serial, uint32_t serial, hf_us now)
{
	struct hf_place place;
	k->notifies++;
	if (has_serial && k->gate.has_copy && !hf_serial_older(k->gate.serial, serial))
		return;
	for (size_t i = 0; i < k->conf.zone->primaries.count; i++)
		if (hf_place_parse(k->conf.zone->primaries.items[i], &place) == 0 &&
			memcmp(place.address.bytes, peer->bytes, sizeof peer->bytes) == 0)
			k->first = i;
	bool lately = k->notified_at != HF_GATE_NEVER && now - k->notified_at < NOTIFY_EVERY;
	k->look_at = lately ? k->notified_at + NOTIFY_EVERY : now;
	hf_keeper_settle(k, now);
}
