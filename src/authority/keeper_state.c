/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keeper_inside.h"

#include <stdio.h>
#include <string.h>

#include "authority/copy.h"
#include "authority/notify.h"
#include "authority/update.h"

/* Where so many copies are to be written that the disk cannot follow, it is tried again within
 * this. */
#define SAVE_CROWDED (2 * HF_SECOND)

/* ---- telling ---- */

void hf_keeper_tell(struct hf_zone_keeper *k, struct hf_event event, hf_us now)
{
	event.at = now;
	hf_event_about(&event, k->conf.zone->name.bytes, k->conf.zone->name.len);
	k->conf.handler->tell(k->conf.ctx, &event);
}

void hf_keeper_tell_why(struct hf_zone_keeper *k, struct hf_event event, const char *why, hf_us now)
{
	hf_event_why(&event, why);
	hf_keeper_tell(k, event, now);
}

void hf_keeper_fail(struct hf_zone_keeper *k, enum hf_event_kind kind, uint32_t serial,
	const char *why, hf_us now)
{
	if (strncmp(k->fault, why, sizeof k->fault - 1) == 0)
		return;
	snprintf(k->fault, sizeof k->fault, "%s", why);
	hf_keeper_tell_why(k,
		(struct hf_event){
			.kind = (uint16_t)kind, .a = (int32_t)serial, .b = !k->entry.zone},
		why, now);
}

/* ---- what comes of it ---- */

static enum hf_zone_standing standing_of(
	const struct hf_zone_keeper *k, const struct hf_gate_verdict *verdict)
{
	if (k->entry.zone && verdict->serve)
		return verdict->marked ? HF_ZONE_MARKED : HF_ZONE_SERVED;
	return k->conf.zone->when_unproven == HF_UNPROVEN_DROP ? HF_ZONE_DROPPED : HF_ZONE_WITHHELD;
}

/* A fault without the folders that a file lies in: they take much room, and are nobody's
 * business who asks for a name. */
static const char *fault_of(const struct hf_zone_keeper *k)
{
	const char *slash = strrchr(k->fault, '/');
	return *k->fault == '/' && slash ? slash + 1 : k->fault;
}

const char *hf_keeper_say_state(
	const struct hf_zone_keeper *k, hf_us now, char why[static HF_ZONE_STATE_WHY_MAX])
{
	char words[HF_GATE_WHY_MAX];
	const char *more = k->unheard;
	if (!k->gate.has_copy || k->gate.state == HF_GATE_BEHIND)
		more = fault_of(k);
	else if (k->gate.state == HF_GATE_CURRENT)
		more = "";
	hf_gate_why(&k->gate, now, words);
	snprintf(why, HF_ZONE_STATE_WHY_MAX, "%s%s%.76s", words, *more ? "; " : "", more);
	return why;
}

/* The extended error. What is held comes first, for siblings to read: the end may be cut. */
static void say_why(const struct hf_zone_keeper *k, hf_us now, char ret[static HF_ZONES_WHY_MAX])
{
	char why[HF_GATE_WHY_MAX];
	hf_gate_why(&k->gate, now, why);
	if (k->gate.has_copy)
		snprintf(ret, HF_ZONES_WHY_MAX, HF_SIBLING_HOLDS "; %.50s", k->gate.serial, why);
	else
		snprintf(ret, HF_ZONES_WHY_MAX, "%.79s", *k->fault ? fault_of(k) : why);
}

/* Would clients be told something else? Not how the seconds pass. */
static bool says_anew(
	const struct hf_zone_keeper *k, const struct hf_gate_verdict *verdict, hf_us now)
{
	char why[HF_ZONES_WHY_MAX];
	if (verdict->serve || verdict->state != HF_GATE_UNPROVEN)
		return false;
	say_why(k, now, why);
	return strcmp(why, k->entry.why) != 0;
}

/* A start with a copy that nobody proves changes no state, and must not be silent. */
static bool is_untold(const struct hf_zone_keeper *k, enum hf_zone_standing standing)
{
	return !k->stated && k->gate.has_copy && hf_gate_all_asked(&k->gate) &&
	       (standing == HF_ZONE_WITHHELD || standing == HF_ZONE_DROPPED);
}

static void update_entry(struct hf_zone_keeper *k, const struct hf_zone *before,
	const struct hf_gate_verdict *verdict, hf_us now)
{
	static const int32_t codes[] = {
		[HF_ZONE_SERVED] = HF_EDE_NONE,
		[HF_ZONE_MARKED] = HF_EDE_STALE,
		[HF_ZONE_WITHHELD] = HF_EDE_NOT_READY,
		[HF_ZONE_DROPPED] = HF_EDE_NOT_READY,
	};
	enum hf_zone_standing standing = standing_of(k, verdict), was = k->entry.standing;
	bool moved = standing != was || verdict->changed, untold = is_untold(k, standing);
	if (!moved && !untold && k->entry.zone == before && !says_anew(k, verdict, now))
		return;
	k->entry.standing = standing;
	k->entry.ede = codes[standing];
	k->entry.why[0] = 0;
	if (standing != HF_ZONE_SERVED)
		say_why(k, now, k->entry.why);
	if (moved || untold) {
		char why[HF_ZONE_STATE_WHY_MAX];
		k->stated = true;
		hf_keeper_tell_why(k,
			(struct hf_event){.kind = HF_EVENT_ZONE_STATE,
				.slot = (uint16_t)was,
				.a = (int32_t)k->gate.state,
				.b = (int32_t)standing,
				.c = (int32_t)k->gate.serial},
			hf_keeper_say_state(k, now, why), now);
	}
	k->conf.handler->changed(k->conf.ctx, k);
}

hf_us hf_keeper_jitter(const struct hf_zone_keeper *k, hf_us most)
{
	return most > 0 ? (hf_us)(hf_loop_random_u32(k->conf.loop) % (uint64_t)most) : 0;
}

void hf_keeper_want_fetch(struct hf_zone_keeper *k, hf_us now)
{
	if (!k->source || k->fetching || k->wanted || now < k->fetch_at)
		return;
	k->wanted = true;
	k->conf.handler->want(k->conf.ctx, k);
}

/* One that comes while something is being fetched may be of a version behind that. */
static void follow_notify(struct hf_zone_keeper *k, hf_us now)
{
	if (now < k->look_at || k->fetching || k->wanted)
		return;
	k->look_at = HF_NEVER;
	k->notified_at = now;
	k->fetch_at = now;
	k->hurried = true;
	hf_keeper_want_fetch(k, now);
	if (k->gate.witness_count)
		hf_timer_arm(hf_loop_timers(k->conf.loop), &k->ask_timer, now);
}

void hf_keeper_settle_from(struct hf_zone_keeper *k, const struct hf_zone *before, hf_us now)
{
	struct hf_gate_verdict verdict = hf_gate_verdict(&k->gate, now);
	update_entry(k, before, &verdict, now);
	if (k->entry.standing == HF_ZONE_SERVED) {
		hf_notify_tell(k->notify, k->entry.zone, now);
		hf_updates_tell(k->updates, k->entry.zone, now);
	}
	hf_keeper_save_proof(k);
	if (verdict.ask && !hf_timer_armed(&k->ask_timer))
		hf_timer_arm(hf_loop_timers(k->conf.loop), &k->ask_timer,
			now + (k->gate.ever_proven ? hf_keeper_jitter(k, k->gate.retry / 10) : 0));
	k->conf.handler->moved(k->conf.ctx);
	hf_us next = verdict.next;
	follow_notify(k, now);
	if (k->look_at < next && k->look_at > now)
		next = k->look_at; /* else it is looked at when the fetch is done */
	if (verdict.fetch) {
		hf_keeper_want_fetch(k, now);
		if (!k->fetching && !k->wanted && k->source && k->fetch_at < next)
			next = k->fetch_at;
	}
	if (k->unsaved && !k->saving) {
		hf_us save = now + hf_keeper_jitter(k, k->save_within);
		save = save > k->save_at ? save : k->save_at;
		next = save < next ? save : next;
	}
	if (next == HF_NEVER)
		hf_timer_disarm(hf_loop_timers(k->conf.loop), &k->turn_timer);
	else
		hf_timer_arm(hf_loop_timers(k->conf.loop), &k->turn_timer, next);
}

void hf_keeper_settle(struct hf_zone_keeper *k, hf_us now)
{
	hf_keeper_settle_from(k, k->entry.zone, now);
}

void hf_keeper_time_passed(struct hf_timer *timer, hf_us now)
{
	struct hf_zone_keeper *k =
		(struct hf_zone_keeper *)((char *)timer -
					  offsetof(struct hf_zone_keeper, turn_timer));
	bool due = k->unsaved && !k->saving && now >= k->save_at;
	if (due && k->conf.copies && hf_copies_rest(k->conf.copies, hf_loop_clock(k->conf.loop)))
		k->save_within = SAVE_CROWDED;
	else if (due)
		hf_keeper_save(k, now);
	hf_keeper_settle(k, now);
}
