/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/gate.h"

#include <stdio.h>

#include "base/check.h"
#include "zone/snapshot.h"

/* Two who do not follow are a majority against one. */
#define CONTRADICTORS 2

/* Before any copy has said how often to ask. */
#define RETRY_FIRST (5 * HF_SECOND)

static hf_us bounded(hf_us value)
{
	return value < HF_GATE_TIMER_MIN   ? HF_GATE_TIMER_MIN
	       : value > HF_GATE_TIMER_MAX ? HF_GATE_TIMER_MAX
					   : value;
}

void hf_gate_init(struct hf_gate *gate, const struct hf_gate_conf *conf,
	const enum hf_witness_kind *witnesses, size_t count, hf_us now)
{
	*gate = (struct hf_gate){.conf = *conf,
		.started = now,
		.proven = HF_GATE_NEVER,
		.behind_since = HF_GATE_NEVER,
		.transferred = HF_GATE_NEVER,
		.asked_at = HF_GATE_NEVER,
		.refresh = RETRY_FIRST,
		.retry = RETRY_FIRST,
		.expire = HF_GATE_TIMER_MAX};
	gate->witness_count = count < HF_GATE_WITNESSES_MAX ? count : HF_GATE_WITNESSES_MAX;
	for (size_t i = 0; i < gate->witness_count; i++)
		gate->witnesses[i] = (struct hf_gate_witness){
			.kind = witnesses[i], .ahead_till = HF_GATE_NEVER, .gave = HF_GATE_NEVER};
}

/* ---- whom to go by ---- */

/* Notes since when a witness is ahead. Whoever falls back and comes again has not left. */
static void place_witness(struct hf_gate *gate, struct hf_gate_witness *w, hf_us now)
{
	bool ahead = w->known && gate->has_copy && hf_serial_older(gate->serial, w->serial);
	bool lately = w->ahead_till != HF_GATE_NEVER && now - w->ahead_till < gate->conf.patience;
	if (ahead && !w->ahead && !lately)
		w->ahead_from = now;
	if (!ahead && w->ahead)
		w->ahead_till = now;
	w->ahead = ahead;
}

/* Another one shows its serial, or a newer one. */
static bool is_supported(const struct hf_gate *gate, const struct hf_gate_witness *w)
{
	for (size_t i = 0; i < gate->witness_count; i++) {
		const struct hf_gate_witness *o = &gate->witnesses[i];
		if (o != w && o->known && !hf_serial_older(o->serial, w->serial))
			return true;
	}
	return false;
}

/* Those who were asked since it went ahead, and show an older one. A sibling may be as old
 * as we are. */
static unsigned contradictors(const struct hf_gate *gate, const struct hf_gate_witness *w)
{
	unsigned count = 0;
	for (size_t i = 0; i < gate->witness_count; i++) {
		const struct hf_gate_witness *o = &gate->witnesses[i];
		count += o != w && o->kind != HF_WITNESS_SIBLING && o->reached &&
			 o->at >= w->ahead_from && hf_serial_older(o->serial, w->serial);
	}
	return count;
}

/* All from whom the zone can be had have given it since it went ahead: what we have. */
static bool cannot_be_had(const struct hf_gate *gate, const struct hf_gate_witness *w)
{
	bool primaries = false;
	for (size_t i = 0; i < gate->witness_count; i++) {
		const struct hf_gate_witness *p = &gate->witnesses[i];
		if (p->kind != HF_WITNESS_PRIMARY)
			continue;
		primaries = true;
		if (p->gave == HF_GATE_NEVER || p->gave < w->ahead_from || p->gave_newer)
			return false;
	}
	return primaries ||
	       (gate->transferred != HF_GATE_NEVER && gate->transferred >= w->ahead_from);
}

static bool jumps(const struct hf_gate *gate, const struct hf_gate_witness *w)
{
	return w->serial - gate->serial > HF_SERIALS_JUMP;
}

static bool is_doubtful(const struct hf_gate *gate, const struct hf_gate_witness *w, hf_us now)
{
	if (!w->ahead || is_supported(gate, w))
		return false;
	if (jumps(gate, w))
		return true;
	if (now - w->ahead_from >= gate->conf.grace && contradictors(gate, w) >= CONTRADICTORS)
		return true;
	return now - w->ahead_from >= gate->conf.patience && cannot_be_had(gate, w);
}

/* What is published, as far as it can be believed, and since when that is newer. */
static void settle(struct hf_gate *gate, hf_us now)
{
	gate->published_known = false;
	for (size_t i = 0; i < gate->witness_count; i++) {
		struct hf_gate_witness *w = &gate->witnesses[i];
		w->doubted = is_doubtful(gate, w, now);
		if (!w->known || w->doubted)
			continue;
		if (!gate->published_known || hf_serial_older(gate->published, w->serial))
			gate->published = w->serial;
		gate->published_known = true;
	}
	bool behind = gate->has_copy && gate->published_known &&
		      hf_serial_older(gate->serial, gate->published);
	if (!behind)
		gate->behind_since = HF_GATE_NEVER;
	else if (gate->behind_since == HF_GATE_NEVER)
		gate->behind_since = now;
}

bool hf_gate_all_asked(const struct hf_gate *gate)
{
	for (size_t i = 0; i < gate->witness_count; i++)
		if (!gate->witnesses[i].asked)
			return false;
	return true;
}

/* Siblings are no witnesses of what is published: they may be as old as we are. */
static bool any_reached(const struct hf_gate *gate)
{
	for (size_t i = 0; i < gate->witness_count; i++)
		if (gate->witnesses[i].reached && gate->witnesses[i].kind != HF_WITNESS_SIBLING)
			return true;
	return false;
}

static bool siblings_asked(const struct hf_gate *gate)
{
	for (size_t i = 0; i < gate->witness_count; i++)
		if (gate->witnesses[i].kind == HF_WITNESS_SIBLING && !gate->witnesses[i].asked)
			return false;
	return true;
}

/* ---- facts ---- */

static void prove(struct hf_gate *gate, hf_us now)
{
	gate->proven = now;
	gate->ever_proven = true;
}

void hf_gate_copy(struct hf_gate *gate, const struct hf_zone_soa *soa, hf_us proven, hf_us now)
{
	bool same = gate->has_copy && gate->serial == soa->serial;
	bool newer = gate->has_copy && hf_serial_older(gate->serial, soa->serial);
	gate->has_copy = true;
	gate->serial = soa->serial;
	gate->refresh = bounded((hf_us)soa->refresh * HF_SECOND);
	gate->retry = bounded((hf_us)soa->retry * HF_SECOND);
	gate->expire = bounded((hf_us)soa->expire * HF_SECOND);
	for (size_t i = 0; i < gate->witness_count; i++) {
		struct hf_gate_witness *w = &gate->witnesses[i];
		place_witness(gate, w, now);
		if (same)
			continue;
		w->ahead_from = now; /* a zone that changes all the time is no lie */
		w->ahead_till = HF_GATE_NEVER;
	}
	if (!same)
		gate->behind_since = HF_GATE_NEVER;
	/* A newer version takes over what was proven of the one before. */
	if (proven != HF_GATE_NEVER || !(same || newer)) {
		gate->proven = proven > now ? HF_GATE_NEVER : proven;
		gate->ever_proven = false; /* whether it still counts, the verdict says */
	}
}

void hf_gate_inherit(struct hf_gate *gate, const struct hf_gate *before)
{
	gate->state = before->state;
	gate->has_copy = before->has_copy;
	gate->serial = before->serial;
	gate->refresh = before->refresh;
	gate->retry = before->retry;
	gate->expire = before->expire;
	gate->ever_proven = before->ever_proven;
	gate->proven = before->proven;
	gate->started = before->started;
}

void hf_gate_panic(struct hf_gate *gate, bool on)
{
	gate->panic = on;
}

void hf_gate_report(struct hf_gate *gate, size_t witness, bool reached, uint32_t serial, hf_us now)
{
	if (hf_unexpected(witness >= gate->witness_count))
		return;
	struct hf_gate_witness *w = &gate->witnesses[witness];
	w->asked = true;
	w->reached = reached;
	if (!reached)
		return;
	w->known = true;
	w->serial = serial;
	w->at = now;
	place_witness(gate, w, now);
	settle(gate, now);
	if (gate->has_copy && serial == gate->serial && w->kind != HF_WITNESS_SIBLING &&
		gate->behind_since == HF_GATE_NEVER)
		prove(gate, now);
}

void hf_gate_transferred(struct hf_gate *gate, size_t witness, uint32_t serial, hf_us now)
{
	if (witness >= gate->witness_count) {
		gate->transferred = now;
		if (gate->conf.self && gate->has_copy && serial == gate->serial)
			prove(gate, now);
		return;
	}
	struct hf_gate_witness *w = &gate->witnesses[witness];
	w->gave = now;
	w->gave_newer = gate->has_copy && hf_serial_older(gate->serial, serial);
	/* What it says when it is asked for the serial is for its report to say, but what it
	 * gave is what it has. */
	if (!w->known || serial == gate->serial)
		hf_gate_report(gate, witness, true, serial, now);
}

/* ---- the verdict ---- */

/* A copy from before the start counts as proven if it was so lately, and nobody who could
 * be asked says otherwise. */
static void carry_over(struct hf_gate *gate, hf_us now)
{
	if (gate->ever_proven || gate->proven == HF_GATE_NEVER || !hf_gate_all_asked(gate))
		return;
	gate->ever_proven = now - gate->proven <= gate->refresh + gate->retry &&
			    gate->behind_since == HF_GATE_NEVER;
	if (!gate->ever_proven && now - gate->proven <= gate->expire)
		gate->proven = HF_GATE_NEVER; /* it had its chance */
}

static bool is_served_state(enum hf_gate_state state)
{
	return state == HF_GATE_CURRENT || state == HF_GATE_AGING;
}

static enum hf_gate_state state_by_age(const struct hf_gate *gate, hf_us now)
{
	if (!gate->has_copy)
		return HF_GATE_UNPROVEN;
	if (gate->proven != HF_GATE_NEVER && now - gate->proven > gate->expire)
		return HF_GATE_EXPIRED;
	if (!gate->ever_proven || (!is_served_state(gate->state) && !siblings_asked(gate)))
		return HF_GATE_UNPROVEN;
	return now - gate->proven <= gate->refresh + gate->retry ? HF_GATE_CURRENT : HF_GATE_AGING;
}

static enum hf_gate_state next_state(const struct hf_gate *gate, hf_us now)
{
	enum hf_gate_state by_age = state_by_age(gate, now);
	if (gate->behind_since == HF_GATE_NEVER || by_age == HF_GATE_EXPIRED)
		return by_age;
	bool in_grace = is_served_state(gate->state) && is_served_state(by_age) &&
			now - gate->behind_since < gate->conf.grace;
	return in_grace ? by_age : HF_GATE_BEHIND;
}

/* A primary has a newer one: it may be asked for it though it is doubted, unless that is
 * most likely somebody else's. */
static bool worth_fetching(const struct hf_gate *gate)
{
	if (!gate->has_copy || gate->behind_since != HF_GATE_NEVER)
		return true;
	for (size_t i = 0; i < gate->witness_count; i++) {
		const struct hf_gate_witness *w = &gate->witnesses[i];
		if (w->kind == HF_WITNESS_PRIMARY && w->ahead &&
			!(jumps(gate, w) && contradictors(gate, w) >= CONTRADICTORS))
			return true;
	}
	return false;
}

static bool may_serve_unproven(const struct hf_gate *gate, hf_us now)
{
	return gate->state == HF_GATE_UNPROVEN && gate->has_copy && hf_gate_all_asked(gate) &&
	       !any_reached(gate) && now - gate->started < gate->conf.serve_unproven;
}

/* How long after the last questions the next ones are due. */
static hf_us interval(const struct hf_gate *gate)
{
	bool proven = gate->state == HF_GATE_CURRENT && gate->proven >= gate->asked_at;
	hf_us every = proven ? gate->refresh : gate->retry;
	/* Others are to be heard before one that is ahead withdraws anything. */
	bool contested = false;
	for (size_t i = 0; i < gate->witness_count; i++)
		contested |= gate->witnesses[i].ahead &&
			     gate->witnesses[i].ahead_from > gate->asked_at - gate->conf.grace;
	hf_us half = gate->conf.grace / 2;
	return contested && half < every && half > 0 ? half : every;
}

static void sooner(hf_us *next, hf_us at, hf_us now)
{
	if (at > now && at < *next)
		*next = at;
}

static hf_us when_next(const struct hf_gate *gate, hf_us now)
{
	hf_us next = HF_NEVER;
	if (gate->asked_at != HF_GATE_NEVER)
		sooner(&next, gate->asked_at + interval(gate), now);
	if (gate->has_copy && gate->proven != HF_GATE_NEVER) {
		sooner(&next, gate->proven + gate->refresh + gate->retry + 1, now);
		sooner(&next, gate->proven + gate->expire + 1, now);
	}
	if (gate->behind_since != HF_GATE_NEVER)
		sooner(&next, gate->behind_since + gate->conf.grace, now);
	sooner(&next, gate->started + gate->conf.serve_unproven, now);
	for (size_t i = 0; i < gate->witness_count; i++) {
		const struct hf_gate_witness *w = &gate->witnesses[i];
		if (!w->ahead)
			continue;
		sooner(&next, w->ahead_from + gate->conf.grace, now);
		sooner(&next, w->ahead_from + gate->conf.patience, now);
	}
	return next;
}

static bool time_to_ask(struct hf_gate *gate, hf_us now)
{
	if (!gate->witness_count && !gate->conf.self)
		return false;
	if (gate->asked_at != HF_GATE_NEVER && now - gate->asked_at < interval(gate))
		return false;
	gate->asked_at = now;
	return true;
}

struct hf_gate_verdict hf_gate_verdict(struct hf_gate *gate, hf_us now)
{
	struct hf_gate_verdict verdict;
	settle(gate, now);
	carry_over(gate, now);
	enum hf_gate_state state = next_state(gate, now);
	verdict.changed = state != gate->state;
	gate->state = verdict.state = state;
	verdict.marked = may_serve_unproven(gate, now) ||
			 (gate->panic && gate->has_copy && !is_served_state(state));
	verdict.serve = verdict.marked || is_served_state(state);
	bool ask = time_to_ask(gate, now);
	verdict.fetch = worth_fetching(gate) || (ask && gate->conf.self);
	verdict.ask = ask && gate->witness_count;
	verdict.next = when_next(gate, now);
	return verdict;
}

/* ---- in words ---- */

static const char *const state_texts[HF_GATE_STATES] = {
	[HF_GATE_UNPROVEN] = "unproven",
	[HF_GATE_CURRENT] = "current",
	[HF_GATE_BEHIND] = "behind",
	[HF_GATE_AGING] = "aging",
	[HF_GATE_EXPIRED] = "expired",
};

const char *hf_gate_state_text(enum hf_gate_state state)
{
	return (unsigned)state < HF_GATE_STATES ? state_texts[state] : "unknown";
}

static const char *why_unproven(const struct hf_gate *gate, char buf[static HF_GATE_WHY_MAX])
{
	if (!gate->has_copy)
		snprintf(buf, HF_GATE_WHY_MAX, "there is no copy yet");
	else if (!hf_gate_all_asked(gate))
		snprintf(buf, HF_GATE_WHY_MAX, "serial %u is not proven yet", gate->serial);
	else if (!any_reached(gate))
		snprintf(buf, HF_GATE_WHY_MAX, "serial %u is not proven: no witness gives a serial",
			gate->serial);
	else if (gate->published_known)
		snprintf(buf, HF_GATE_WHY_MAX, "serial %u is not proven: witnesses show %u",
			gate->serial, gate->published);
	else
		snprintf(buf, HF_GATE_WHY_MAX, "serial %u is not proven: no witness is believed",
			gate->serial);
	return buf;
}

const char *hf_gate_why(const struct hf_gate *gate, hf_us now, char buf[static HF_GATE_WHY_MAX])
{
	long long ago = gate->proven == HF_GATE_NEVER ? 0 : (now - gate->proven) / HF_SECOND;
	switch (gate->state) {
	case HF_GATE_CURRENT:
		snprintf(
			buf, HF_GATE_WHY_MAX, "serial %u was proven %lld s ago", gate->serial, ago);
		return buf;
	case HF_GATE_BEHIND:
		snprintf(buf, HF_GATE_WHY_MAX, "serial %u is published, this is %u",
			gate->published, gate->serial);
		return buf;
	case HF_GATE_AGING:
		if (gate->published_known && hf_serial_older(gate->published, gate->serial))
			snprintf(buf, HF_GATE_WHY_MAX,
				"serial %u was last proven %lld s ago; witnesses show %u",
				gate->serial, ago, gate->published);
		else
			snprintf(buf, HF_GATE_WHY_MAX, "serial %u was last proven %lld s ago",
				gate->serial, ago);
		return buf;
	case HF_GATE_EXPIRED:
		snprintf(buf, HF_GATE_WHY_MAX,
			"serial %u was last proven %lld s ago, past its expire", gate->serial, ago);
		return buf;
	default: return why_unproven(gate, buf);
	}
}
