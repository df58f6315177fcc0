/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/update.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/making.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/message.h"
#include "zone/transfer.h"
#include "zone/tsig.h"
#include "zone/update.h"
#include "zone/updater.h"

#define RCODE_NXRRSET 8

enum doing { DOING_NOTHING, ASKING, TRANSFERRING, UPDATING };

struct provider {
	struct hf_updates *all;
	const struct hf_update_server_conf *conf;
	const char *obstacle; /* why it cannot be given anything; NULL */
	struct hf_tsig *tsig; /* NULL: unsigned */
	struct hf_updater machine;
	struct hf_timer timer;
	struct hf_turn turn;
	struct hf_space space; /* for its zone, when that is transferred */
	/* ---- of a round ---- */
	enum doing doing;
	uint16_t id;
	bool last; /* the message that is out is the last */
	struct hf_call *call;
	struct hf_transfer *transfer;
	struct hf_making *making; /* of what was transferred; NULL */
	struct hf_update *update;
	struct hf_zone *aim;            /* what it is to have */
	uint64_t aim_version;           /* its number */
	uint64_t good;                  /* rounds that had ended well before */
	struct hf_zone *theirs;         /* what it has, as it was transferred */
	struct hf_update_soa soa;       /* as it shows it */
	struct hf_update_soa unmatched; /* ... and yet, an update said, it was another */
	/* ---- of all ---- */
	size_t most;          /* octets of an update */
	struct hf_zone *have; /* what it has, while that is known */
	uint64_t had;         /* the number of the last version that it was known to have */
	uint64_t lagged;      /* versions that it was behind when it failed */
	bool complained;
	struct hf_update_figures figures;
};

struct hf_updates {
	struct hf_updates_conf conf;
	struct hf_zone *zone; /* what is served */
	uint64_t version;     /* its number */
	size_t count;
	struct provider providers[];
};

static struct hf_loop *loop_of(const struct provider *p)
{
	return hf_calls_loop(p->all->conf.calls);
}

static struct hf_timer_wheel *timers_of(const struct provider *p)
{
	return hf_loop_timers(loop_of(p));
}

static struct hf_spaces *spaces_of(const struct provider *p)
{
	return hf_calls_spaces(p->all->conf.calls);
}

static uint64_t wall_of(const struct provider *p)
{
	return (uint64_t)hf_loop_wall(loop_of(p));
}

static uint32_t dice_of(const struct provider *p)
{
	return hf_loop_random_u32(loop_of(p));
}

/* ---- telling ---- */

static uint32_t serial_of(const struct hf_zone *zone)
{
	return zone ? hf_zone_soa(zone)->serial : 0;
}

static uint64_t behind(const struct provider *p)
{
	return p->all->version - p->had;
}

static void tell(struct provider *p, struct hf_event event, const char *why, hf_us now)
{
	char text[HF_EVENT_WHY];
	snprintf(text, sizeof text, "%.40s: %s", p->conf->name, why);
	event.a = (int32_t)serial_of(p->aim ? p->aim : p->all->zone);
	event.address = p->conf->address;
	hf_event_why(&event, text);
	p->all->conf.tell(p->all->conf.ctx, event, now);
}

/* The same is told once, until it has a version again. */
static void complain(struct provider *p, const char *why, hf_us now)
{
	bool told = p->complained && strncmp(p->figures.fault, why, HF_UPDATES_WHY_MAX - 1) == 0;
	p->complained = true;
	p->lagged = behind(p);
	snprintf(p->figures.fault, sizeof p->figures.fault, "%s", why);
	if (!told)
		tell(p, (struct hf_event){.kind = HF_EVENT_UPDATE_FAILED, .b = (int32_t)behind(p)},
			why, now);
}

static void tell_drift(struct provider *p, hf_us now)
{
	p->figures.drifts++;
	tell(p,
		(struct hf_event){
			.kind = HF_EVENT_UPDATE_DRIFT, .b = (int32_t)hf_update_changes(p->update)},
		hf_update_first(p->update), now);
}

/* It has the version of the round. */
static void praise(struct provider *p, hf_us now)
{
	p->figures.fault[0] = 0;
	if (!p->complained)
		return;
	p->complained = false;
	tell(p, (struct hf_event){.kind = HF_EVENT_UPDATE_DONE, .b = (int32_t)p->lagged},
		"it has this version", now);
}

/* ---- the end of a step, and of a round ---- */

static void swap(struct hf_zone **place, struct hf_zone *zone)
{
	struct hf_zone *before = *place;
	*place = zone ? hf_zone_ref(zone) : NULL;
	hf_zone_unref(before);
}

static void hang_up(struct provider *p)
{
	hf_call_end(p->call);
	p->call = NULL;
	hf_transfer_free(p->transfer);
	p->transfer = NULL;
	hf_making_end(&p->making);
	p->doing = DOING_NOTHING;
}

static void drop_update(struct provider *p)
{
	hf_update_free(p->update);
	p->update = NULL;
	swap(&p->theirs, NULL);
}

/* What the machine knows, in zones. */
static void settle(struct provider *p)
{
	if (!p->machine.known) {
		swap(&p->have, NULL);
	} else if (p->aim && p->machine.ours == p->aim_version) {
		swap(&p->have, p->aim);
		p->had = p->aim_version;
	}
}

static void end_round(struct provider *p)
{
	hang_up(p);
	drop_update(p);
	swap(&p->aim, NULL);
	hf_turn_give(p->all->conf.calls, &p->turn);
	hf_space_give(spaces_of(p), &p->space);
}

static void go_on(struct provider *p, enum hf_updater_act act, hf_us now);

static void fail(struct provider *p, bool unsure, const char *why, hf_us now)
{
	char text[HF_UPDATES_WHY_MAX];
	snprintf(text, sizeof text, "%s", why); /* the words may be the call's, which ends first */
	hang_up(p);
	drop_update(p);
	hf_space_give(spaces_of(p), &p->space);
	p->figures.failures++;
	complain(p, text, now);
	go_on(p, hf_updater_failed(&p->machine, unsure, dice_of(p), now), now);
}

/* ---- messages out ---- */

static const struct hf_call_handler call_handler;

static void call(struct provider *p, enum doing doing, uint8_t *m, size_t len, bool sign, hf_us now)
{
	size_t room = doing == UPDATING ? HF_MESSAGE_MAX : len + HF_TSIG_ROOM;
	int rc = sign && p->tsig ? hf_tsig_sign(p->tsig, m, &len, room, wall_of(p)) : 0;
	p->doing = doing;
	rc = rc ? rc
		: hf_call_begin(p->all->conf.calls, &p->conf->address, NULL, m, len, &call_handler,
			  p, &p->call);
	if (rc)
		fail(p, false, hf_strerror(rc), now);
}

static void ask(struct provider *p, hf_us now)
{
	uint8_t m[HF_UPDATE_ASK_MAX];
	p->id = (uint16_t)dice_of(p);
	size_t len = hf_update_ask(&p->all->conf.zone->name, p->id, m);
	call(p, ASKING, m, len, false, now);
}

static void transfer(struct provider *p, hf_us now)
{
	const struct hf_zone_conf *zone = p->all->conf.zone;
	const struct hf_zone_limits limits = {.octets = zone->max_size};
	uint8_t m[HF_TRANSFER_ASK_MAX + HF_TSIG_ROOM];
	drop_update(p);
	p->figures.compares++;
	int rc = hf_transfer_new(&zone->name, NULL, &limits, &p->transfer);
	if (rc) {
		fail(p, false, hf_strerror(rc), now);
		return;
	}
	size_t len = hf_transfer_ask(p->transfer, (uint16_t)dice_of(p), m);
	call(p, TRANSFERRING, m, len, true, now);
}

static int begin_update(struct provider *p)
{
	const struct hf_update_manners manners = {
		.apex_theirs = p->conf->apex == HF_UPDATE_APEX_THEIRS,
		.unguarded = p->machine.unguarded,
		.most = p->most};
	struct hf_zone *from = p->theirs ? p->theirs : p->have;
	if (p->update)
		return 0;
	if (hf_unexpected(!from))
		return HF_EMALFORMED;
	return hf_update_new(from, p->aim, &manners, &p->update);
}

static void not_kept(struct provider *p, hf_us now)
{
	char why[HF_UPDATES_WHY_MAX];
	snprintf(why, sizeof why, "it takes updates and does not keep all of them, first %s",
		hf_update_first(p->update));
	p->figures.failures++;
	complain(p, why, now);
}

static void update(struct provider *p, hf_us now)
{
	uint8_t *m;
	size_t len;
	int rc = begin_update(p);
	if (rc) {
		fail(p, false, hf_strerror(rc), now);
		return;
	}
	if (p->doing != UPDATING) /* else the message is being made */
		p->id = (uint16_t)dice_of(p);
	p->doing = UPDATING;
	enum hf_update_step step = hf_update_next(p->update, &p->soa, p->id, &m, &len);
	if (step == HF_UPDATE_LATER) {
		hf_timer_arm(timers_of(p), &p->timer, now);
	} else if (step == HF_UPDATE_TOO_LARGE) {
		fail(p, false, "the zone has a record that fits into no update", now);
	} else if (step == HF_UPDATE_NOTHING) {
		p->doing = DOING_NOTHING;
		go_on(p, hf_updater_same(&p->machine, dice_of(p), now), now);
	} else {
		enum hf_updater_act act = hf_updater_differs(&p->machine, now);
		p->last = step == HF_UPDATE_LAST;
		if (act == HF_UPDATER_GO) {
			call(p, UPDATING, m, len, true, now);
			return;
		}
		not_kept(p, now);
		go_on(p, act, now);
	}
}

/* ---- the next step ---- */

static void begin_round(struct provider *p, hf_us now)
{
	drop_update(p);
	swap(&p->aim, p->all->zone);
	p->aim_version = p->machine.aim;
	p->good = p->machine.good;
	if (p->obstacle)
		fail(p, false, p->obstacle, now);
	else if (hf_zone_signed(p->aim))
		fail(p, false, "the zone is signed, which updates cannot hand on", now);
	else if (p->turn.taken ||
		 hf_turn_take(p->all->conf.calls, &p->turn, HF_TURN_UPDATE, &p->conf->address))
		ask(p, now);
}

static void go_on(struct provider *p, enum hf_updater_act act, hf_us now)
{
	settle(p);
	if (p->aim && p->machine.good != p->good && !p->machine.spurns)
		praise(p, now);
	p->good = p->machine.good;
	switch (act) {
	case HF_UPDATER_REST:
		end_round(p);
		hf_timer_arm(timers_of(p), &p->timer, p->machine.due);
		break;
	case HF_UPDATER_ASK:
		if (p->machine.stage == HF_UPDATER_ASKS)
			begin_round(p, now);
		else
			ask(p, now);
		break;
	case HF_UPDATER_COMPARE: transfer(p, now); break;
	case HF_UPDATER_SEND:
	case HF_UPDATER_GO: update(p, now);
	}
	p->all->conf.moved(p->all->conf.ctx);
}

static void timer_fired(struct hf_timer *timer, hf_us now)
{
	struct provider *p = (struct provider *)((char *)timer - offsetof(struct provider, timer));
	if (p->machine.stage == HF_UPDATER_SENDS)
		update(p, now);
	else if (p->machine.stage == HF_UPDATER_RESTS)
		go_on(p, hf_updater_turn(&p->machine, now), now);
}

static void turn_came(struct hf_turn *turn, hf_us now)
{
	struct provider *p = (struct provider *)((char *)turn - offsetof(struct provider, turn));
	if (p->machine.stage == HF_UPDATER_COMPARES) /* which was put off */
		transfer(p, now);
	else
		ask(p, now);
}

/* ---- messages in ---- */

static void said(struct provider *p, const uint8_t *m, size_t len, hf_us now)
{
	char text[HF_UPDATES_WHY_MAX];
	const char *why = hf_update_read_soa(&p->all->conf.zone->name, p->id, m, len, &p->soa);
	if (why) {
		snprintf(text, sizeof text, "asked for its SOA record: %s", why);
		fail(p, false, text, now);
		return;
	}
	p->figures.serial = hf_update_soa_serial(&p->soa);
	hang_up(p);
	go_on(p, hf_updater_said(&p->machine, p->figures.serial, now), now);
}

/* A message that is not signed as it should be says nothing for certain. */
static bool is_signed(struct provider *p, uint8_t *m, size_t *len, bool last, hf_us now)
{
	char why[HF_UPDATES_WHY_MAX];
	if (!p->tsig)
		return true;
	enum hf_tsig_found found = hf_tsig_check_reply(p->tsig, m, len, last, wall_of(p));
	if (found == HF_TSIG_GOOD)
		return true;
	unsigned rcode = *len >= HF_HEADER_LEN ? hf_message_flags(m) & HF_FLAG_RCODE : 0;
	snprintf(why, sizeof why, "%s: %s%s%s", last ? "its reply to an update" : "its zone",
		hf_tsig_found_text(found), rcode ? ", it says " : "",
		rcode ? hf_update_rcode_text(rcode) : "");
	fail(p, last, why, now);
	return false;
}

/* The SOA record that it shows is not the one that it has, it says: the zone has changed in
 * between, or, if it shows the same again, it cannot compare them. */
static void note_unmatched(struct provider *p)
{
	const struct hf_update_soa *was = &p->unmatched;
	if (was->len && was->len == p->soa.len && memcmp(was->rdata, p->soa.rdata, was->len) == 0)
		p->machine.unguarded = true;
	p->unmatched = p->soa;
}

static void replied(struct provider *p, uint8_t *m, size_t len, hf_us now)
{
	char why[HF_UPDATES_WHY_MAX];
	if (!is_signed(p, m, &len, true, now))
		return;
	int rcode = hf_update_reply(p->id, m, len);
	if (rcode == RCODE_NXRRSET)
		note_unmatched(p);
	if (rcode) { /* what it was built upon does not hold, or was in vain: nothing has changed */
		snprintf(why, sizeof why, "it answers an update with %s",
			rcode < 0 ? "something else" : hf_update_rcode_text((unsigned)rcode));
		fail(p, rcode != HF_RCODE_REFUSED && rcode != HF_RCODE_NOTAUTH, why, now);
		return;
	}
	p->figures.messages++;
	if (p->machine.drifts && !p->machine.sent)
		tell_drift(p, now);
	if (p->last)
		p->figures.changes += hf_update_changes(p->update);
	hang_up(p);
	go_on(p, hf_updater_took(&p->machine, p->last), now);
}

static void made(void *ctx, const struct hf_made *made, hf_us now)
{
	struct provider *p = ctx;
	char why[HF_UPDATES_WHY_MAX];
	if (made->rc) {
		snprintf(why, sizeof why, "its zone is none: %s",
			made->why[0] ? made->why : hf_strerror(made->rc));
		fail(p, false, why, now);
		return;
	}
	p->theirs = made->zone;
	hf_update_soa_of(p->theirs, &p->soa);
	p->figures.serial = hf_update_soa_serial(&p->soa);
	hang_up(p);
	go_on(p, hf_updater_transferred(&p->machine, p->figures.serial, now), now);
}

static void came_whole(struct provider *p, hf_us now)
{
	if (p->tsig && !hf_tsig_settled(p->tsig)) {
		fail(p, false, "the end of its zone is not signed", now);
		return;
	}
	struct hf_transfer *transfer = p->transfer;
	p->transfer = NULL;
	hf_call_end(p->call);
	p->call = NULL;
	int rc = hf_making_begin(p->all->conf.hands, transfer, made, p, &p->making, now);
	if (rc)
		fail(p, false, hf_strerror(rc), now);
}

/* Others have the memory: its zone is dropped, and transferred when there is enough. */
static void put_off(struct provider *p, uint64_t octets, hf_us now)
{
	hang_up(p);
	hf_turn_give(p->all->conf.calls, &p->turn);
	hf_space_wait(spaces_of(p), &p->space, octets);
	tell(p, (struct hf_event){.kind = HF_EVENT_ZONE_PUT_OFF},
		"others have the memory for a comparison (transfer-memory)", now);
}

static void space_came(struct hf_space *space, hf_us now)
{
	struct provider *p = (struct provider *)((char *)space - offsetof(struct provider, space));
	if (hf_turn_take(p->all->conf.calls, &p->turn, HF_TURN_UPDATE, &p->conf->address))
		transfer(p, now);
}

/* False: it does not go on. */
static bool has_space(struct provider *p, hf_us now)
{
	uint64_t octets = hf_transfer_memory(p->transfer);
	switch (hf_space_take(spaces_of(p), &p->space, octets)) {
	case HF_SPACE_TAKEN: return true;
	case HF_SPACE_LATER: put_off(p, octets, now); return false;
	case HF_SPACE_NEVER:
	default:
		fail(p, false, "its zone takes more memory than `transfer-memory` leaves for one",
			now);
		return false;
	}
}

static void transferred(struct provider *p, uint8_t *m, size_t len, hf_us now)
{
	char why[HF_UPDATES_WHY_MAX];
	if (!is_signed(p, m, &len, false, now))
		return;
	enum hf_transfer_step step = hf_transfer_message(p->transfer, m, len);
	if ((step == HF_TRANSFER_MORE || step == HF_TRANSFER_WHOLE) && !has_space(p, now))
		return;
	if (step == HF_TRANSFER_MORE)
		return;
	if (step == HF_TRANSFER_WHOLE) {
		came_whole(p, now);
		return;
	}
	snprintf(why, sizeof why, "its zone cannot be transferred, so what it has is not known: %s",
		hf_transfer_why(p->transfer));
	fail(p, false, why, now);
}

static void message(void *ctx, uint8_t *m, size_t len, hf_us now)
{
	struct provider *p = ctx;
	if (p->doing == ASKING)
		said(p, m, len, now);
	else if (p->doing == TRANSFERRING)
		transferred(p, m, len, now);
	else if (p->doing == UPDATING)
		replied(p, m, len, now);
}

static void call_failed(void *ctx, const char *why, hf_us now)
{
	struct provider *p = ctx;
	bool unsure = p->doing == UPDATING;
	if (unsure && p->most >= 2 * HF_UPDATE_LEAST)
		p->most /= 2;
	fail(p, unsure, why, now);
}

static const struct hf_call_handler call_handler = {message, call_failed};

/* ---- versions ---- */

void hf_updates_tell(struct hf_updates *all, struct hf_zone *version, hf_us now)
{
	if (!all)
		return;
	if (all->zone != version) {
		swap(&all->zone, version);
		all->version++;
	}
	for (size_t i = 0; i < all->count; i++) {
		struct provider *p = &all->providers[i];
		enum hf_updater_act act = hf_updater_wanted(&p->machine, all->version, now);
		if (act != HF_UPDATER_REST)
			go_on(p, act, now);
	}
}

/* ---- life ---- */

static const struct hf_update_server_conf *find_server(
	const struct hf_zones_conf *zones, const char *name)
{
	for (size_t i = 0; i < zones->update_server_count; i++)
		if (strcmp(zones->update_servers[i].name, name) == 0)
			return &zones->update_servers[i];
	return NULL;
}

/* What was known of it before the reload. What is out now may be taken or not. */
static void remember(struct provider *p, const struct hf_updates *before)
{
	for (size_t i = 0; before && i < before->count; i++) {
		const struct provider *old = &before->providers[i];
		if (strcmp(old->conf->name, p->conf->name) != 0 ||
			!hf_address_equal(&old->conf->address, &p->conf->address) ||
			old->conf->apex != p->conf->apex)
			continue;
		p->machine = old->machine;
		p->machine.look = p->conf->look;
		p->machine.compare = p->conf->compare;
		if (old->machine.stage != HF_UPDATER_RESTS) {
			p->machine.stage = HF_UPDATER_RESTS;
			p->machine.known &= old->doing != UPDATING;
			p->machine.due = 0;
		}
		if (p->machine.known)
			swap(&p->have, old->have);
		p->had = old->had;
		p->most = old->most;
		p->lagged = old->lagged;
		p->complained = old->complained;
		p->figures = old->figures;
	}
}

static int add(struct hf_updates *all, const struct hf_update_server_conf *conf,
	const struct hf_updates *before)
{
	struct provider *p = &all->providers[all->count];
	const struct hf_tsig_key *key = NULL;
	p->all = all;
	p->conf = conf;
	p->timer.fire = timer_fired;
	p->turn.come = turn_came;
	p->space.come = space_came;
	p->had = all->version;
	p->most = HF_UPDATE_MESSAGE;
	hf_updater_init(&p->machine, conf->look, conf->compare);
	if (strcmp(conf->key, "none") != 0) {
		key = hf_keys_find(all->conf.keys, conf->key);
		p->obstacle = key ? NULL : "its key cannot be read"; /* never unsigned */
	}
	int rc = key ? hf_tsig_new(key, 1, &p->tsig) : 0;
	if (rc)
		return rc;
	remember(p, before);
	snprintf(p->figures.server, sizeof p->figures.server, "%s", conf->name);
	all->count++;
	return 0;
}

/* Goes on where it was; with what was configured, all may be due at once. */
static void resume(struct hf_updates *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->providers[i].machine.wants)
			hf_timer_arm(timers_of(&all->providers[i]), &all->providers[i].timer,
				all->providers[i].machine.due);
}

int hf_updates_new(const struct hf_updates_conf *conf, const struct hf_updates *before,
	struct hf_updates **ret)
{
	const struct hf_text_list *list = &conf->zone->updates;
	int rc = 0;
	*ret = NULL;
	if (!list->count)
		return 0;
	struct hf_updates *all = calloc(1, sizeof *all + list->count * sizeof all->providers[0]);
	if (!all)
		return -ENOMEM;
	all->conf = *conf;
	if (before) {
		all->version = before->version;
		swap(&all->zone, before->zone);
	}
	for (size_t i = 0; !rc && i < list->count && i < HF_ZONE_UPDATES_MAX; i++) {
		const struct hf_update_server_conf *server =
			find_server(conf->zones, list->items[i]);
		if (!hf_unexpected(!server)) /* the check of the configuration has told of it */
			rc = add(all, server, before);
	}
	if (rc) {
		hf_updates_free(all);
		return rc;
	}
	resume(all);
	*ret = all;
	return 0;
}

void hf_updates_free(struct hf_updates *all)
{
	if (!all)
		return;
	for (size_t i = 0; i < all->count; i++) {
		struct provider *p = &all->providers[i];
		end_round(p);
		hf_timer_disarm(timers_of(p), &p->timer);
		hf_zone_unref(p->have);
		hf_tsig_free(p->tsig);
	}
	hf_zone_unref(all->zone);
	free(all);
}

/* ---- readers ---- */

size_t hf_updates_count(const struct hf_updates *all)
{
	return all ? all->count : 0;
}

size_t hf_updates_figures(
	const struct hf_updates *all, struct hf_update_figures ret[static HF_ZONE_UPDATES_MAX])
{
	for (size_t i = 0; i < hf_updates_count(all); i++) {
		const struct provider *p = &all->providers[i];
		ret[i] = p->figures;
		ret[i].known = p->machine.known;
		ret[i].current = hf_updater_current(&p->machine);
		ret[i].behind = ret[i].current ? 0 : behind(p);
	}
	return hf_updates_count(all);
}
