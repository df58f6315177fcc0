/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/keeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/copy.h"
#include "authority/hands.h"
#include "authority/judging.h"
#include "authority/notify.h"
#include "authority/siblings.h"
#include "authority/update.h"
#include "authority/witness.h"
#include "base/check.h"
#include "base/error.h"
#include "zone/journal.h"
#include "zone/place.h"
#include "zone/sanity.h"
#include "zone/sibling.h"

/* For how long a lone witness may keep a zone from being served by showing a serial that
 * cannot be had: long enough for primaries that take their time, and a bound. */
#define PATIENCE (300 * HF_SECOND)

#define BACKOFF_FIRST HF_SECOND

/* A proof is written down so often at most: what is lost by a crash makes a copy look
 * older than it is, never younger. */
#define PROOF_EVERY (30 * HF_SECOND)

/* A copy of a version that takes no other's place is written within this, a thousand of them
 * not all at once. One that does is written at once: whoever is killed before has served
 * what the disk does not know. */
#define SAVE_WITHIN (500 * HF_MS)

/* ... and where so many are to be written that the disk cannot follow, it is tried again
 * within this. */
#define SAVE_CROWDED (2 * HF_SECOND)

/* One that could not be written, on a full disk, say, is tried again after this, twice as long
 * each time: the process must not end with what was there before. */
#define SAVE_AGAIN (2 * HF_SECOND)
#define SAVE_AGAIN_MOST (300 * HF_SECOND)

/* A NOTIFY is nobody's way to make us ask more often than this. */
#define NOTIFY_EVERY HF_SECOND

/* Zones that come from one server and are looked at as often are not asked for all at once. */
#define POLL_WITHIN (5 * HF_SECOND)

/* A copy of as many octets is written by a hand (authority/hands.h). */
#define SAVE_LARGE (4u << 20)

struct saving { /* a copy that a hand writes */
	struct hf_job job;            /* first */
	struct hf_zone_keeper *owner; /* NULL: it is gone */
	struct hf_copies *copies;
	struct hf_zone *zone;
	int rc;
	char why[HF_COPY_WHY_MAX];
};

struct hf_zone_keeper {
	struct hf_zone_keeper_conf conf;
	struct saving *saving;      /* NULL: none is under way */
	struct hf_judging *judging; /* a version that was fetched; NULL */
	struct hf_zone_keeper_link link;
	struct hf_source *source; /* NULL: it cannot be fetched (conf.obstacle) */
	struct hf_witness *witnesses[HF_GATE_WITNESSES_MAX];
	struct hf_notify *notify; /* NULL: nobody wants to know */
	struct hf_updates *updates; /* NULL: nobody takes them */
	size_t asked_count; /* of the gate's witnesses; behind them are the siblings */
	bool odd;
	bool stated;                   /* its state has been told, since the start */
	bool darkened;                 /* hf_zone_keeper_darkened */
	char unheard[HF_GATE_WHY_MAX]; /* who of them could not be asked last, and why; "" */
	struct hf_gate gate;
	struct hf_zones_entry entry;
	struct hf_timer turn_timer; /* time passes */
	struct hf_timer ask_timer;  /* questions, a little apart from others' */
	bool fetching, wanted;
	bool hurried;      /* somebody says that there is a new version */
	bool unsaved;      /* the copy on the disk is not of this version */
	hf_us save_within; /* ... and is written in so long */
	hf_us save_at;     /* ... not before; 0: at any time */
	hf_us save_pause;  /* ... for so long, since the disk took none of it; 0: it did */
	bool whole;        /* what was given last was refused: all of it, next time */
	size_t first;      /* the primary to begin with, once; or _NO_PRIMARY */
	unsigned failures; /* in a row */
	hf_us fetch_at;    /* not before */
	hf_us notified_at;
	hf_us look_at;       /* a NOTIFY is to be followed then; HF_NEVER */
	hf_us proof_written; /* the proof on the disk */
	hf_us loaded;
	uint64_t loads, refused, transfers, transfers_failed, notifies, put_off;
	char fault[200];
};

/* ---- telling ---- */

static void tell(struct hf_zone_keeper *k, struct hf_event event, hf_us now)
{
	event.at = now;
	hf_event_about(&event, k->conf.zone->name.bytes, k->conf.zone->name.len);
	k->conf.handler->tell(k->conf.ctx, &event);
}

static void tell_why(struct hf_zone_keeper *k, struct hf_event event, const char *why, hf_us now)
{
	hf_event_why(&event, why);
	tell(k, event, now);
}

/* The same fault is told once, until something works. */
static void fail(struct hf_zone_keeper *k, enum hf_event_kind kind, uint32_t serial,
	const char *why, hf_us now)
{
	if (strncmp(k->fault, why, sizeof k->fault - 1) == 0)
		return;
	snprintf(k->fault, sizeof k->fault, "%s", why);
	tell_why(k,
		(struct hf_event){
			.kind = (uint16_t)kind, .a = (int32_t)serial, .b = !k->entry.zone},
		why, now);
}

/* ---- copies ---- */

static struct hf_copy_clocks clocks(const struct hf_zone_keeper *k, hf_us now)
{
	return (struct hf_copy_clocks){now, hf_loop_wall(k->conf.loop)};
}

static void settle(struct hf_zone_keeper *k, hf_us now);

static void run_saving(struct hf_job *job)
{
	struct saving *s = (struct saving *)job;
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
		tell_why(k, (struct hf_event){.kind = HF_EVENT_ZONE_COPY}, why, now);
	k->save_pause = !k->save_pause                       ? SAVE_AGAIN
			: 2 * k->save_pause < SAVE_AGAIN_MOST ? 2 * k->save_pause
							      : SAVE_AGAIN_MOST;
	k->save_at = now + k->save_pause;
}

/* One that nobody got to before the end stays unsaved, and so does one that has been
 * overtaken by another version. */
static void saving_done(struct hf_job *job, hf_us now)
{
	struct saving *s = (struct saving *)job;
	struct hf_zone_keeper *k = s->owner;
	hf_copies_end(s->copies);
	if (k) {
		k->saving = NULL;
		if (s->rc != -ECANCELED && (s->rc || k->entry.zone == s->zone))
			saved(k, s->rc, s->why, now);
		settle(k, now);
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
	struct saving *s = calloc(1, sizeof *s);
	if (!s)
		return false;
	*s = (struct saving){.job = {.run = run_saving, .done = saving_done},
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
static void save_copy(struct hf_zone_keeper *k, hf_us now)
{
	char why[HF_COPY_WHY_MAX] = "";
	if (give_away(k))
		return;
	int rc = k->conf.copies ? hf_copy_save(k->conf.copies, k->entry.zone, why) : 0;
	saved(k, rc, why, now);
}

static void save_proof(struct hf_zone_keeper *k)
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

/* ---- versions ---- */

static struct hf_zone_soa bounded_soa(const struct hf_zone_keeper *k, const struct hf_zone *zone)
{
	struct hf_zone_soa soa = *hf_zone_soa(zone);
	uint32_t low = (uint32_t)(k->conf.zone->refresh_min / HF_SECOND);
	uint32_t high = (uint32_t)(k->conf.zone->refresh_max / HF_SECOND);
	soa.refresh = soa.refresh < low ? low : soa.refresh > high ? high : soa.refresh;
	soa.retry = soa.retry < low ? low : soa.retry > soa.refresh ? soa.refresh : soa.retry;
	return soa;
}

/* `journal`: what has changed, for secondaries that have the version before; NULL: nothing. */
static void take(struct hf_zone_keeper *k, struct hf_zone *zone, struct hf_journal *journal,
	hf_us proven, hf_us now)
{
	struct hf_zone_soa soa = bounded_soa(k, zone);
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

/* May it still be served? An address in it may be retired since it was taken. */
static bool still_sane(struct hf_zone_keeper *k, const struct hf_zone *zone, hf_us now)
{
	const struct hf_sanity_conf conf = sanity_of(k);
	char why[HF_SANITY_WHY_MAX];
	if (hf_sanity_addresses(&conf, zone, why))
		return true;
	k->refused++;
	fail(k, HF_EVENT_ZONE_REFUSED, hf_zone_soa(zone)->serial, why, now);
	snprintf(k->entry.why, sizeof k->entry.why, "%.79s", why);
	return false;
}

static void load_copy(struct hf_zone_keeper *k, hf_us now)
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
			tell_why(k, (struct hf_event){.kind = HF_EVENT_ZONE_COPY}, why, now);
		return;
	}
	if (!still_sane(k, zone, now)) {
		hf_zone_unref(zone);
		return;
	}
	take(k, zone, NULL, ago < 0 ? HF_GATE_NEVER : now - ago, now);
	k->proof_written = HF_GATE_NEVER;
	tell_why(k,
		(struct hf_event){.kind = HF_EVENT_ZONE_LOADED,
			.a = (int32_t)hf_zone_soa(zone)->serial,
			.b = (int32_t)hf_zone_records(zone)},
		"the copy of the last time", now);
	hf_zone_unref(zone);
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

/* The gate's words, and what it cannot know: who did not answer, what the source lacks. */
static const char *say_state(
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
		tell_why(k,
			(struct hf_event){.kind = HF_EVENT_ZONE_STATE,
				.slot = (uint16_t)was,
				.a = (int32_t)k->gate.state,
				.b = (int32_t)standing,
				.c = (int32_t)k->gate.serial},
			say_state(k, now, why), now);
	}
	k->conf.handler->changed(k->conf.ctx, k);
}

static hf_us jitter(const struct hf_zone_keeper *k, hf_us most)
{
	return most > 0 ? (hf_us)(hf_loop_random_u32(k->conf.loop) % (uint64_t)most) : 0;
}

static void want_fetch(struct hf_zone_keeper *k, hf_us now)
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
	want_fetch(k, now);
	if (k->gate.witness_count)
		hf_timer_arm(hf_loop_timers(k->conf.loop), &k->ask_timer, now);
}

/* `before`: the version that the entry had when the event came. */
static void settle_from(struct hf_zone_keeper *k, const struct hf_zone *before, hf_us now)
{
	struct hf_gate_verdict verdict = hf_gate_verdict(&k->gate, now);
	update_entry(k, before, &verdict, now);
	if (k->entry.standing == HF_ZONE_SERVED) {
		hf_notify_tell(k->notify, k->entry.zone, now);
		hf_updates_tell(k->updates, k->entry.zone, now);
	}
	save_proof(k);
	if (verdict.ask && !hf_timer_armed(&k->ask_timer))
		hf_timer_arm(hf_loop_timers(k->conf.loop), &k->ask_timer,
			now + (k->gate.ever_proven ? jitter(k, k->gate.retry / 10) : 0));
	k->conf.handler->moved(k->conf.ctx);
	hf_us next = verdict.next;
	follow_notify(k, now);
	if (k->look_at < next && k->look_at > now)
		next = k->look_at; /* else it is looked at when the fetch is done */
	if (verdict.fetch) {
		want_fetch(k, now);
		if (!k->fetching && !k->wanted && k->source && k->fetch_at < next)
			next = k->fetch_at;
	}
	if (k->unsaved && !k->saving) {
		hf_us save = now + jitter(k, k->save_within);
		save = save > k->save_at ? save : k->save_at;
		next = save < next ? save : next;
	}
	if (next == HF_NEVER)
		hf_timer_disarm(hf_loop_timers(k->conf.loop), &k->turn_timer);
	else
		hf_timer_arm(hf_loop_timers(k->conf.loop), &k->turn_timer, next);
}

static void settle(struct hf_zone_keeper *k, hf_us now)
{
	settle_from(k, k->entry.zone, now);
}

static void time_passed(struct hf_timer *timer, hf_us now)
{
	struct hf_zone_keeper *k =
		(struct hf_zone_keeper *)((char *)timer -
					  offsetof(struct hf_zone_keeper, turn_timer));
	bool due = k->unsaved && !k->saving && now >= k->save_at;
	if (due && k->conf.copies && hf_copies_rest(k->conf.copies, hf_loop_clock(k->conf.loop)))
		k->save_within = SAVE_CROWDED;
	else if (due)
		save_copy(k, now);
	settle(k, now);
}

/* ---- witnesses ---- */

static void ask_all(struct hf_timer *timer, hf_us now)
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
		settle(k, now);
}

static void witness_said(
	void *ctx, size_t index, bool reached, uint32_t serial, const char *why, hf_us now)
{
	struct hf_zone_keeper *k = ctx;
	snprintf(k->unheard, sizeof k->unheard, "%.79s", reached ? "" : why);
	hf_gate_report(&k->gate, index, reached, serial, now);
	settle(k, now);
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
	settle(k, now);
}

void hf_zone_keeper_twins(struct hf_zone_keeper *k, bool panic, bool odd, hf_us now)
{
	if (panic == k->gate.panic && odd == k->odd)
		return;
	hf_gate_panic(&k->gate, panic);
	k->odd = odd;
	settle(k, now);
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
static int make_witnesses(struct hf_zone_keeper *k, enum hf_witness_kind *kinds, size_t *ret_count)
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

/* ---- the source ---- */

static void back_off(struct hf_zone_keeper *k, hf_us now)
{
	hf_us wait = BACKOFF_FIRST << (k->failures < 12 ? k->failures : 12);
	k->failures++;
	if (wait > k->gate.retry)
		wait = k->gate.retry;
	k->fetch_at = now + wait - jitter(k, wait / 4);
}

static void refuse(struct hf_zone_keeper *k, const struct hf_judged *judged, hf_us now)
{
	k->refused++;
	fail(k, HF_EVENT_ZONE_REFUSED, judged->fetched.serial, judged->why, now);
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
		take(k, fetched->zone, judged->journal, HF_GATE_NEVER, now);
		k->loads++;
		k->unsaved = true;
		tell_why(k,
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
	settle_from(k, before, now);
}

static void failed(struct hf_zone_keeper *k, const char *why, hf_us now)
{
	k->fetching = false;
	k->transfers_failed++;
	fail(k, HF_EVENT_ZONE_FETCH_FAILED, 0, why, now);
	back_off(k, now);
	settle(k, now);
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
	settle(k, now);
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
	want_fetch(k, now);
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
	tell_why(k, (struct hf_event){.kind = HF_EVENT_ZONE_PUT_OFF},
		"others are being received, and have the memory (transfer-memory)", now);
	k->conf.handler->moved(k->conf.ctx);
}

static const struct hf_source_handler source_handler = {fetched, put_off, source_changed};

static int make_source(struct hf_zone_keeper *k)
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
	settle(k, now);
}

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
	if (zone && !still_sane(k, zone, now))
		return; /* as at a start without a copy */
	if (same_witnesses(k->conf.zone, before->conf.zone) &&
		k->conf.siblings == before->conf.siblings)
		k->gate = before->gate;
	else
		hf_gate_inherit(&k->gate, &before->gate);
	k->gate.conf = conf;
	k->entry = before->entry;
	if (k->entry.zone) {
		struct hf_zone_soa soa = bounded_soa(k, k->entry.zone);
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
	tell_why(ctx, event, why, now);
}

static void told_at_last(void *ctx, const struct hf_address *who, uint32_t serial, hf_us now)
{
	struct hf_event event = {.kind = HF_EVENT_ZONE_TOLD, .a = (int32_t)serial, .address = *who};
	tell(ctx, event, now);
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
	tell(ctx, event, now);
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
	int rc = make_witnesses(k, kinds, &count);
	k->asked_count = count;
	for (size_t i = 0; i < k->conf.siblings && count < HF_GATE_WITNESSES_MAX; i++)
		kinds[count++] = HF_WITNESS_SIBLING;
	if (!rc)
		rc = make_source(k);
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
		load_copy(k, now);
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
	k->turn_timer.fire = time_passed;
	k->ask_timer.fire = ask_all;
	k->look_at = HF_NEVER;
	k->first = HF_SOURCE_NO_PRIMARY;
	k->notified_at = k->proof_written = k->loaded = HF_GATE_NEVER;
	int rc = fill(k, before, now);
	if (rc) {
		hf_zone_keeper_free(k);
		return rc;
	}
	if (conf->obstacle)
		fail(k, HF_EVENT_ZONE_FETCH_FAILED, 0, conf->obstacle, now);
	if (before)
		want_fetch(k, now);
	settle(k, now);
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
		save_copy(k, hf_loop_now(k->conf.loop));
	k->proof_written = HF_GATE_NEVER;
	save_proof(k);
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
	if (k->saving)
		k->saving->owner = NULL;
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
	say_state(k, now, ret->why);
	snprintf(ret->fault, sizeof ret->fault, "%s", k->fault);
}
