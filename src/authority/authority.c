/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/authority.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "authority/call.h"
#include "authority/copy.h"
#include "authority/hands.h"
#include "authority/keeper.h"
#include "authority/keys.h"
#include "authority/locals.h"
#include "authority/members.h"
#include "authority/siblings.h"
#include "authority/update.h"
#include "authority/watch.h"
#include "base/check.h"
#include "base/error.h"
#include "loop/loop_epoll.h"

/* Notices of other threads that wait; more are dropped, as the network might have. */
#define NOTICES_MAX 1024

/* So much of a turn may go into reading files before others are heard. */
#define BEGIN_LONGEST (20 * HF_MS)

/* Figures for readers are made anew so often at most. */
#define SHOW_EVERY (500 * HF_MS)

/* A set of a hundred thousand zones takes a while to make: no more than this part of our
 * time goes into it, or one would be made for each zone that becomes current. */
#define HAND_OVER_REST 10

struct notice { /* a NOTIFY that a listener got */
	struct hf_name zone;
	struct hf_address peer;
	bool has_serial;
	uint32_t serial;
};

struct shown { /* a zone, for readers */
	struct hf_name name, catalog; /* that it is a member of; len 0: none */
	char group[HF_ZONE_GROUP_MAX + 1]; /* whose settings it has; "": it has its catalog's */
	bool required;
	struct hf_zone_keeper_figures figures;
	struct hf_update_figures *updates; /* figures.updates of them; within shown_updates */
};

struct hf_authority {
	struct hf_loop *loop;
	pthread_t thread;
	bool started;
	hf_authority_serve *serve;
	void *serve_ctx;
	struct hf_event_ring events;

	/* The thread's own, once it runs. */
	struct hf_authority_conf conf;
	struct hf_loan *loan; /* what `conf` belongs to */
	struct hf_keys *keys;
	struct hf_copies *copies;
	struct hf_watch *watch;
	struct hf_hands *hands;
	struct hf_calls *calls;
	struct hf_locals *locals;
	struct hf_zone_keeper **keepers; /* in the order of their names */
	size_t keeper_count;
	struct hf_members members; /* of catalogs: some of the keepers are theirs */
	size_t siblings_asked;
	bool listed;          /* a catalog has another version, perhaps */
	uint64_t lists;       /* a sum of those that were gone by */
	struct hf_name *left; /* members whose copies go when workers have let go of them */
	size_t left_count;
	struct hf_zone_keeper *line, **line_end; /* those that want to fetch */
	bool dirty;                              /* the set is to be made anew */
	bool moved;                              /* figures are others */
	hf_us handed_over, cost;                 /* when that was done last, what it took */
	struct hf_timer again;                   /* looks at `dirty` and `moved` */
	_Atomic size_t trouble;                  /* for readers: hf_authority_trouble */
	_Atomic uint64_t space_used, space_waiting; /* ... and hf_authority_space */

	pthread_mutex_t lock; /* over all that follows */
	pthread_cond_t news;
	struct shown *shown;
	size_t shown_count;
	struct hf_local_figures shown_locals[HF_LOCAL_LAYERS];
	struct hf_update_figures *shown_updates;
	struct hf_siblings *siblings; /* swapped under the lock; else the thread's own */
	struct notice notices[NOTICES_MAX];
	size_t notice_count;
	const struct hf_authority_conf *order; /* a configuration to be gone by */
	FILE *complaints;                      /* ... of who waits for it */
	size_t darkened;                       /* zones that it darkened */
	bool ordered;                          /* it has been taken, with this result */
	int order_rc;
};

/* ---- those that want to fetch ---- */

static void want_fetch(void *ctx, struct hf_zone_keeper *keeper)
{
	struct hf_authority *a = ctx;
	struct hf_zone_keeper_link *link = hf_zone_keeper_link(keeper);
	if (link->prev)
		return;
	link->next = NULL;
	link->prev = a->line_end;
	*a->line_end = keeper;
	a->line_end = &link->next;
	hf_loop_wake(a->loop); /* it may be between two turns */
}

static void leave_line(struct hf_authority *a, struct hf_zone_keeper *keeper)
{
	struct hf_zone_keeper_link *link = hf_zone_keeper_link(keeper);
	if (!link->prev)
		return;
	*link->prev = link->next;
	if (link->next)
		hf_zone_keeper_link(link->next)->prev = link->prev;
	else
		a->line_end = link->prev;
	link->prev = NULL;
}

/* Files are read as they are begun: after `longest` the rest waits for the next turn. */
static void begin_fetches(struct hf_authority *a, hf_us longest)
{
	hf_us begun = hf_loop_clock(a->loop), now = begun;
	while (a->line && now - begun <= longest) {
		struct hf_zone_keeper *keeper = a->line;
		leave_line(a, keeper);
		hf_zone_keeper_fetch(keeper, now);
		now = hf_loop_clock(a->loop);
	}
	if (a->line)
		hf_loop_wake(a->loop);
}

/* ---- what keepers say ---- */

static void changed(void *ctx, struct hf_zone_keeper *keeper)
{
	struct hf_authority *a = ctx;
	a->dirty = true;
	a->listed |= hf_zone_keeper_conf(keeper)->catalog;
}

static void moved(void *ctx)
{
	struct hf_authority *a = ctx;
	a->moved = true;
	if (!hf_timer_armed(&a->again))
		hf_timer_arm(hf_loop_timers(a->loop), &a->again, hf_loop_now(a->loop) + SHOW_EVERY);
}

static void tell(void *ctx, struct hf_event *event)
{
	struct hf_authority *a = ctx;
	hf_event_put(&a->events, event);
}

static const struct hf_zone_keeper_handler keeper_handler = {changed, moved, want_fetch, tell};

static void local_changed(void *ctx, bool another)
{
	struct hf_authority *a = ctx;
	a->dirty |= another;
	moved(a);
}

/* ---- names ---- */

static int compare_names(const struct hf_name *x, const struct hf_name *y)
{
	int order = memcmp(x->bytes, y->bytes, x->len < y->len ? x->len : y->len);
	return order ? order : (int)x->len - (int)y->len;
}

static size_t find(const struct hf_authority *a, const struct hf_name *name)
{
	size_t low = 0, high = a->keeper_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_names(name, &hf_zone_keeper_conf(a->keepers[middle])->name);
		if (order == 0)
			return middle;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return SIZE_MAX;
}

/* ---- for others to see ---- */

static bool is_trouble(const struct shown *shown)
{
	enum hf_zone_standing standing = shown->figures.standing;
	return shown->figures.odd || (shown->required && standing != HF_ZONE_SERVED &&
					     standing != HF_ZONE_MARKED);
}

/* Those of all zones, in one piece. NULL: there is no memory. */
static struct hf_update_figures *list_updates(
	const struct hf_authority *a, struct shown *shown, size_t count)
{
	struct hf_update_figures *updates = calloc(count + HF_ZONE_UPDATES_MAX, sizeof *updates);
	size_t at = 0;
	for (size_t i = 0; updates && i < a->keeper_count; i++) {
		shown[i].updates = &updates[at];
		if (shown[i].figures.updates && at <= count)
			at += hf_zone_keeper_updates(a->keepers[i], &updates[at]);
	}
	return updates;
}

static void show(struct hf_authority *a, hf_us now)
{
	size_t trouble = 0, providers = 0;
	struct shown *shown = calloc(a->keeper_count + 1, sizeof *shown);
	if (!shown)
		return; /* readers see what was */
	for (size_t i = 0; i < a->keeper_count; i++) {
		const struct hf_zone_conf *conf = hf_zone_keeper_conf(a->keepers[i]);
		shown[i].name = conf->name;
		hf_zone_keeper_figures(a->keepers[i], now, &shown[i].figures);
		/* A member that has just been listed is none that clients were sent here for:
		 * each zone that comes would else withdraw all nodes at once. */
		shown[i].required =
			conf->required && (!conf->from || shown[i].figures.has_copy);
		if (conf->from)
			shown[i].catalog = conf->from->name;
		snprintf(shown[i].group, sizeof shown[i].group, "%s",
			conf->group ? conf->group->group : "");
		trouble += is_trouble(&shown[i]);
		providers += shown[i].figures.updates;
	}
	struct hf_update_figures *updates = list_updates(a, shown, providers);
	if (!updates) {
		free(shown);
		return;
	}
	atomic_store_explicit(&a->trouble, trouble, memory_order_release);
	pthread_mutex_lock(&a->lock);
	struct shown *before = a->shown;
	struct hf_update_figures *updates_before = a->shown_updates;
	a->shown = shown;
	a->shown_updates = updates;
	a->shown_count = a->keeper_count;
	for (unsigned i = 0; i < HF_LOCAL_LAYERS; i++)
		hf_locals_figures(a->locals, (enum hf_local_layer)i, &a->shown_locals[i]);
	pthread_mutex_unlock(&a->lock);
	free(before);
	free(updates_before);
	a->moved = false;
}

/* What nobody answers from any more is not kept either. */
static void drop_copies(struct hf_authority *a)
{
	for (size_t i = 0; a->copies && i < a->left_count; i++)
		if (find(a, &a->left[i]) == SIZE_MAX) /* it may have come back */
			hf_copy_drop(a->copies, &a->left[i]);
	free(a->left);
	a->left = NULL;
	a->left_count = 0;
}

static struct hf_zones_entry entry_of(const struct hf_authority *a, size_t i)
{
	const struct hf_zone_conf *conf = hf_zone_keeper_conf(a->keepers[i]);
	struct hf_zones_entry entry = *hf_zone_keeper_entry(a->keepers[i]);
	if (conf->catalog)
		entry.role = HF_ZONES_CATALOG;
	if (conf->from) {
		entry.role = HF_ZONES_MEMBER;
		entry.catalog = (uint32_t)find(a, &conf->from->name);
		entry.group = conf->group ? conf->group->key : 0;
	}
	return entry;
}

/* Workers get the set as it is now. On failure they keep the one that they have, and it is
 * tried again at the next turn. */
static void hand_over(struct hf_authority *a, hf_us now)
{
	hf_us begun = hf_loop_clock(a->loop);
	struct hf_zones_entry *entries = calloc(a->keeper_count + 1, sizeof *entries);
	struct hf_zones *zones = NULL;
	struct hf_local *layers[HF_ZONES_LAYERS];
	for (size_t i = 0; entries && i < a->keeper_count; i++)
		entries[i] = entry_of(a, i);
	for (unsigned i = 0; i < HF_ZONES_LAYERS; i++)
		layers[i] = hf_locals_layer(a->locals, (enum hf_local_layer)i);
	if (entries && hf_zones_new_layered(entries, a->keeper_count, layers, &zones) == 0) {
		a->dirty = false;
		a->serve(a->serve_ctx, zones);
		hf_zones_unref(zones);
		drop_copies(a);
	}
	free(entries);
	show(a, now);
	a->handed_over = hf_loop_clock(a->loop);
	a->cost = a->handed_over - begun;
}

static void hand_over_in_time(struct hf_authority *a, hf_us now)
{
	hf_us at = a->handed_over + HAND_OVER_REST * a->cost;
	if (!a->dirty)
		return;
	if (now >= at || a->cost < HF_MS)
		hand_over(a, now);
	else if (!hf_timer_armed(&a->again) || a->again.due > at)
		hf_timer_arm(hf_loop_timers(a->loop), &a->again, at);
}

/* The turn that this fires in ends with a look at `dirty`. */
static void again(struct hf_timer *timer, hf_us now)
{
	struct hf_authority *a =
		(struct hf_authority *)((char *)timer - offsetof(struct hf_authority, again));
	if (a->moved && !a->dirty)
		show(a, now);
}

/* ---- keepers ---- */

static int compare_keepers(const void *a, const void *b)
{
	return compare_names(&hf_zone_keeper_conf(*(struct hf_zone_keeper *const *)a)->name,
		&hf_zone_keeper_conf(*(struct hf_zone_keeper *const *)b)->name);
}

static int make_keeper(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_loan *loan, const struct hf_zone_conf *zone, const struct hf_keys *keys,
	size_t siblings, const struct hf_zone_keeper *before, struct hf_zone_keeper **ret)
{
	struct hf_zone_keeper_conf conf = {.loop = a->loop,
		.calls = a->calls,
		.zone = zone,
		.zones = next->zones,
		.keys = keys,
		.siblings = siblings,
		.watch = a->watch,
		.hands = a->hands,
		.loan = loan,
		.copies = a->copies,
		.tombstones = next->tombstones,
		.handler = &keeper_handler,
		.ctx = a};
	if (strcmp(zone->key, "none") != 0) {
		conf.key = hf_keys_find(keys, zone->key);
		conf.obstacle = conf.key ? NULL : "its key cannot be read"; /* never unsigned */
	}
	/* A key that cannot be read: secondaries will not believe what is not signed, and ask at
	 * their own time. */
	if (strcmp(zone->transfer_key, "none") != 0)
		conf.notify_key = hf_keys_find(keys, zone->transfer_key);
	return hf_zone_keeper_new(&conf, before, ret);
}

static void free_keepers(struct hf_authority *a, struct hf_zone_keeper **keepers, size_t count)
{
	for (size_t i = 0; keepers && i < count; i++) {
		if (keepers[i])
			leave_line(a, keepers[i]);
		hf_zone_keeper_free(keepers[i]);
	}
	free(keepers);
}

static int make_keepers(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_loan *loan, const struct hf_keys *keys, size_t siblings,
	struct hf_zone_keeper ***ret)
{
	const struct hf_zones_conf *zones = next->zones;
	struct hf_zone_keeper **keepers = calloc(zones->zone_count + 1, sizeof(void *));
	int rc = keepers ? 0 : -ENOMEM;
	for (size_t i = 0; !rc && i < zones->zone_count; i++) {
		size_t at = find(a, &zones->zones[i].name);
		rc = make_keeper(a, next, loan, &zones->zones[i], keys, siblings,
			at == SIZE_MAX ? NULL : a->keepers[at], &keepers[i]);
	}
	if (rc) {
		free_keepers(a, keepers, keepers ? zones->zone_count : 0);
		return rc;
	}
	qsort(keepers, zones->zone_count, sizeof(void *), compare_keepers);
	*ret = keepers;
	return 0;
}

/* ---- members of catalogs ---- */

/* All that is looked after, while it takes the place of what is. */
struct cast {
	const struct hf_authority_conf *conf;
	struct hf_loan *loan;
	const struct hf_keys *keys;
	size_t siblings;
	struct hf_zone_keeper **configured; /* in the order of their names */
	size_t configured_count;
	bool anew;                       /* no keeper stays: the configuration is another */
	struct hf_zone_keeper **keepers; /* those and the members', in order */
	size_t count;
	struct hf_members members;
	struct hf_event event; /* what is told of it */
	struct hf_event stray; /* ... of members in groups that nobody knows */
};

static const struct hf_zone *version_of(void *ctx, const struct hf_zone_conf *catalog)
{
	const struct cast *cast = ctx;
	for (size_t i = 0; i < cast->configured_count; i++)
		if (hf_zone_keeper_conf(cast->configured[i]) == catalog)
			return hf_zone_keeper_entry(cast->configured[i])->zone;
	return NULL;
}

static void passed_over(void *ctx, const struct hf_zone_conf *catalog, const struct hf_name *member,
	const char *why)
{
	struct cast *cast = ctx;
	char name[HF_NAME_TEXT_MAX], text[HF_NAME_TEXT_MAX + 64];
	if (cast->event.slot < UINT16_MAX && cast->event.slot++)
		return;
	hf_event_about(&cast->event, catalog->name.bytes, catalog->name.len);
	snprintf(text, sizeof text, "%.80s %s", hf_name_text(member->bytes, name), why);
	hf_event_why(&cast->event, text);
}

/* Told when it is listed, and once for each configuration. */
static void note_stray(struct cast *cast, const struct hf_member *next, const struct hf_member *now)
{
	char name[HF_NAME_TEXT_MAX], text[HF_EVENT_WHY];
	bool told = now && !cast->anew && strcmp(now->group, next->group) == 0;
	if (told || !hf_member_is_stray(next, cast->conf->zones) || cast->stray.a++)
		return;
	hf_event_about(&cast->stray, next->conf.from->name.bytes, next->conf.from->name.len);
	snprintf(text, sizeof text, "%.60s is in group '%.40s'",
		hf_name_text(next->conf.name.bytes, name), next->group);
	hf_event_why(&cast->stray, text);
}

/* A member that is what it was stays; one that is new, or as good as new, begins; else it goes
 * on from what there is under other settings. */
static int cast_member(struct hf_authority *a, struct cast *cast, struct hf_member **member)
{
	struct hf_member *next = *member, *now = hf_members_find(&a->members, &next->conf.name);
	size_t at = find(a, &next->conf.name);
	bool same = now && hf_member_same(now, next);
	note_stray(cast, next, same ? now : NULL);
	if (same && !cast->anew && now->conf.from == next->conf.from &&
		now->conf.group == next->conf.group) {
		memcpy(now->group, next->group, sizeof now->group);
		free(next);
		*member = now;
		now->stays = true;
		return 0;
	}
	if (now && !same && a->copies) /* RFC 9432 5.4: nothing of it is kept */
		hf_copy_drop(a->copies, &next->conf.name);
	cast->event.a += !same;
	if (!cast->event.about_len)
		hf_event_about(&cast->event, next->conf.from->name.bytes, next->conf.from->name.len);
	return make_keeper(a, cast->conf, cast->loan, &next->conf, cast->keys, cast->siblings,
		now ? (same ? now->keeper : NULL) : at == SIZE_MAX ? NULL : a->keepers[at],
		&next->keeper);
}

static void drop_cast(struct hf_authority *a, struct cast *cast)
{
	for (size_t i = 0; i < cast->members.count; i++) {
		struct hf_member *member = cast->members.items[i];
		if (member->stays || !member->keeper)
			continue;
		leave_line(a, member->keeper);
		hf_zone_keeper_free(member->keeper);
	}
	hf_members_clear(&cast->members);
	for (size_t i = 0; i < a->members.count; i++)
		a->members.items[i]->stays = false;
	free(cast->keepers);
}

/* Makes the keepers of members and puts all together. -ENOMEM: nothing has changed. */
static int make_cast(struct hf_authority *a, struct cast *cast)
{
	const struct hf_members_view view = {.zones = cast->conf->zones,
		.rules = cast->conf->rules,
		.version = version_of,
		.pass_over = passed_over,
		.ctx = cast};
	int rc = hf_members_wanted(&view, &a->members, &cast->members);
	size_t count = cast->configured_count;
	cast->keepers = rc ? NULL : calloc(count + cast->members.count + 1, sizeof(void *));
	if (!rc && !cast->keepers)
		rc = -ENOMEM;
	for (size_t i = 0; !rc && i < cast->members.count; i++)
		rc = cast_member(a, cast, &cast->members.items[i]);
	if (rc) {
		drop_cast(a, cast);
		return rc;
	}
	for (size_t i = 0; i < count; i++)
		cast->keepers[i] = cast->configured[i];
	for (size_t i = 0; i < cast->members.count; i++)
		cast->keepers[count++] = cast->members.items[i]->keeper;
	qsort(cast->keepers, count, sizeof(void *), compare_keepers);
	cast->count = count;
	return 0;
}

/* Members that went: their keepers end, and their copies when workers have another set. */
static void dismiss(struct hf_authority *a, struct cast *cast)
{
	struct hf_name *left =
		realloc(a->left, (a->left_count + a->members.count + 1) * sizeof *left);
	a->left = left ? left : a->left;
	for (size_t i = 0; i < a->members.count; i++) {
		struct hf_member *member = a->members.items[i];
		if (member->stays)
			continue;
		leave_line(a, member->keeper);
		hf_zone_keeper_free(member->keeper);
		if (hf_members_find(&cast->members, &member->conf.name))
			continue;
		cast->event.b++;
		if (!cast->event.about_len)
			hf_event_about(&cast->event, member->conf.from->name.bytes,
				member->conf.from->name.len);
		if (left)
			a->left[a->left_count++] = member->conf.name;
	}
}

/* The members take the place of those that there were, whose keepers have ended. */
static void enter(struct hf_authority *a, struct cast *cast)
{
	hf_members_clear(&a->members);
	for (size_t i = 0; i < cast->members.count; i++)
		cast->members.items[i]->stays = false;
	free(a->keepers);
	a->members = cast->members;
	a->keepers = cast->keepers;
	a->keeper_count = cast->count;
	cast->event.kind = HF_EVENT_CATALOG;
	cast->event.at = hf_loop_now(a->loop);
	cast->event.c = (int32_t)a->members.count;
	if (cast->event.a || cast->event.b || cast->event.slot)
		hf_event_put(&a->events, &cast->event);
	cast->stray.kind = HF_EVENT_CATALOG_GROUP;
	cast->stray.at = cast->event.at;
	if (cast->stray.a)
		hf_event_put(&a->events, &cast->stray);
	a->dirty = true;
}

/* Which versions of catalogs there are: the same sum says that none is another. */
static uint64_t sum_of_lists(const struct hf_authority *a)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < a->keeper_count; i++) {
		const struct hf_zone *zone = hf_zone_keeper_entry(a->keepers[i])->zone;
		if (zone && hf_zone_keeper_conf(a->keepers[i])->catalog)
			sum = sum * 31 + (uintptr_t)zone + hf_zone_soa(zone)->serial;
	}
	return sum;
}

/* A catalog has another version: members come and go, and all else stays as it is. */
static void follow_catalogs(struct hf_authority *a)
{
	uint64_t lists = sum_of_lists(a);
	struct cast cast = {
		.conf = &a->conf, .loan = a->loan, .keys = a->keys, .siblings = a->siblings_asked};
	a->listed = false;
	if (lists == a->lists)
		return;
	cast.configured = calloc(a->keeper_count + 1, sizeof(void *));
	for (size_t i = 0; cast.configured && i < a->keeper_count; i++)
		if (!hf_zone_keeper_conf(a->keepers[i])->from)
			cast.configured[cast.configured_count++] = a->keepers[i];
	if (cast.configured && make_cast(a, &cast) == 0) {
		dismiss(a, &cast);
		enter(a, &cast);
		a->lists = lists;
	} else {
		a->listed = true; /* without memory: later */
	}
	free(cast.configured);
}

/* ---- configurations ---- */

static void key_fault(void *ctx, const struct hf_key_conf *conf, const char *why)
{
	struct hf_authority *a = ctx;
	struct hf_event event = {.kind = HF_EVENT_ZONE_FETCH_FAILED, .at = hf_loop_now(a->loop)};
	char text[HF_EVENT_WHY];
	snprintf(text, sizeof text, "key %s: %.100s", conf->name, why);
	hf_event_why(&event, text);
	hf_event_put(&a->events, &event);
}

/* ---- siblings ---- */

static bool sight_zone(void *ctx, size_t i, struct hf_sibling_zone *ret)
{
	const struct hf_authority *a = ctx;
	if (i < a->keeper_count)
		hf_zone_keeper_sight(a->keepers[i], ret);
	return i < a->keeper_count;
}

static void sibling_said(void *ctx, const struct hf_name *zone, size_t sibling, bool reached,
	uint32_t serial, hf_us now)
{
	struct hf_authority *a = ctx;
	size_t at = find(a, zone);
	if (at != SIZE_MAX)
		hf_zone_keeper_sibling(a->keepers[at], sibling, reached, serial, now);
}

static void siblings_found(
	void *ctx, const struct hf_name *zone, const struct hf_twins *twins, hf_us now)
{
	struct hf_authority *a = ctx;
	size_t at = find(a, zone);
	bool may_panic = a->conf.siblings->panic == HF_PANIC_SERVE_NEWEST;
	if (at != SIZE_MAX)
		hf_zone_keeper_twins(a->keepers[at], may_panic && twins->panic, twins->odd, now);
}

static void sibling_event(void *ctx, const struct hf_event *event)
{
	struct hf_authority *a = ctx;
	hf_event_put(&a->events, event);
}

static size_t sibling_count(const struct hf_siblings_conf *conf)
{
	size_t count = conf ? conf->servers.count : 0;
	return count < HF_TWINS_MAX ? count : HF_TWINS_MAX;
}

/* Anew with each configuration: who is behind is found out again within two rounds. Without
 * the key nobody is asked, for nobody would be believed. */
static int make_siblings(struct hf_authority *a, const struct hf_siblings_conf *conf,
	const struct hf_keys *keys, struct hf_siblings **ret)
{
	*ret = NULL;
	if (!conf || (!conf->servers.count && !hf_address_set(&conf->vip)))
		return 0;
	struct hf_siblings_setup setup = {.loop = a->loop,
		.conf = conf,
		.door = {sight_zone, sibling_said, siblings_found, sibling_event, a}};
	if (strcmp(conf->key, "none") != 0) {
		setup.key = hf_keys_find(keys, conf->key);
		if (!setup.key)
			return 0; /* the fault of the key has been told */
	}
	return hf_siblings_new(&setup, ret);
}

static struct hf_siblings *swap_siblings(struct hf_authority *a, struct hf_siblings *next)
{
	pthread_mutex_lock(&a->lock);
	struct hf_siblings *before = a->siblings;
	a->siblings = next;
	pthread_mutex_unlock(&a->lock);
	return before;
}

static bool has_state(const struct hf_zones_conf *zones)
{
	return zones->state && strcmp(zones->state, "none") != 0;
}

/* A directory that cannot be had is no reason not to serve. */
static void open_copies(struct hf_authority *a, const struct hf_zones_conf *next)
{
	const struct hf_zones_conf *now = a->conf.zones;
	if (a->copies && now && has_state(next) && strcmp(now->state, next->state) == 0)
		return;
	hf_copies_close(a->copies);
	a->copies = NULL;
	int rc = has_state(next) ? hf_copies_open(next->state, &a->copies) : 0;
	if (!rc)
		return;
	struct hf_event event = {.kind = HF_EVENT_ZONE_COPY, .at = hf_loop_now(a->loop)};
	char text[HF_EVENT_WHY];
	snprintf(text, sizeof text, "%.60s: %s", next->state,
		rc == -EWOULDBLOCK ? "another process has it" : hf_strerror(rc));
	hf_event_why(&event, text);
	hf_event_put(&a->events, &event);
}

static int make_locals(struct hf_authority *a, const struct hf_authority_conf *next,
	struct hf_locals **ret)
{
	static const struct hf_local_conf nothing = {.file = "none"};
	const struct hf_locals_conf conf = {.loop = a->loop,
		.watch = a->watch,
		.local = next->local ? next->local : &nothing,
		.rules = {next->tombstones, next->rules},
		.changed = local_changed,
		.tell = tell,
		.ctx = a};
	return hf_locals_new(&conf, a->locals, ret);
}

/* Goes by another configuration, or by the first. On failure all is as it was. */
static int take_conf(struct hf_authority *a, const struct hf_authority_conf *conf)
{
	struct hf_keys *keys = NULL;
	struct hf_loan *loan = NULL;
	struct hf_zone_keeper **keepers;
	int rc = hf_keys_load(conf->zones->keys, conf->zones->key_count, key_fault, a, &keys);
	if (rc)
		return rc;
	rc = hf_loan_new(conf->owner, conf->release, &loan);
	if (rc) {
		hf_keys_free(keys);
		return rc;
	}
	open_copies(a, conf->zones);
	struct hf_siblings *siblings = NULL;
	rc = make_siblings(a, conf->siblings, keys, &siblings);
	size_t asked = siblings ? sibling_count(conf->siblings) : 0;
	struct hf_locals *locals = NULL;
	rc = rc ? rc : make_locals(a, conf, &locals);
	rc = rc ? rc : make_keepers(a, conf, loan, keys, asked, &keepers);
	struct cast cast = {
		.conf = conf, .loan = loan, .keys = keys, .siblings = asked, .anew = true};
	if (!rc) {
		cast.configured = keepers;
		cast.configured_count = conf->zones->zone_count;
		rc = make_cast(a, &cast);
		if (rc)
			free_keepers(a, keepers, cast.configured_count);
	}
	if (rc) {
		hf_locals_free(locals);
		hf_siblings_free(siblings);
		hf_keys_free(keys);
		hf_loan_forget(loan);
		return rc;
	}
	struct hf_loan *before = a->loan;
	hf_siblings_free(swap_siblings(a, siblings));
	hf_locals_free(a->locals);
	a->locals = locals;
	free_keepers(a, a->keepers, a->keeper_count);
	a->keepers = NULL;
	hf_keys_free(a->keys);
	free(keepers);
	enter(a, &cast);
	a->lists = sum_of_lists(a);
	a->siblings_asked = asked;
	a->keys = keys;
	a->conf = *conf;
	hf_spaces_bound(hf_calls_spaces(a->calls), conf->zones->transfer_memory);
	a->loan = loan;
	a->dirty = true;
	hf_loan_unref(before); /* a hand may still read what a version was judged by */
	return 0;
}

/* ---- the thread ---- */

/* Whoever gave the order waits, and its stream with it. Returns how many there are. */
static size_t name_darkened(const struct hf_authority *a, FILE *complaints)
{
	struct hf_zone_keeper_figures figures;
	char name[HF_NAME_TEXT_MAX];
	size_t count = 0;
	for (size_t i = 0; i < a->keeper_count; i++) {
		const struct hf_zone_keeper *keeper = a->keepers[i];
		if (!hf_zone_keeper_darkened(keeper) || count++ >= HF_AUTHORITY_DARKENED_SHOWN)
			continue;
		hf_zone_keeper_figures(keeper, hf_loop_now(a->loop), &figures);
		fprintf(complaints, "zone %s was answered until now, and is not any more: %s\n",
			hf_name_text(hf_zone_keeper_conf(keeper)->name.bytes, name), figures.why);
	}
	if (count > HF_AUTHORITY_DARKENED_SHOWN)
		fprintf(complaints, "... and so are %zu other zones\n",
			count - HF_AUTHORITY_DARKENED_SHOWN);
	return count;
}

static void take_order(struct hf_authority *a)
{
	pthread_mutex_lock(&a->lock);
	const struct hf_authority_conf *order = a->order;
	a->order = NULL;
	pthread_mutex_unlock(&a->lock);
	if (!order)
		return;
	int rc = take_conf(a, order);
	size_t darkened = rc ? 0 : name_darkened(a, a->complaints);
	pthread_mutex_lock(&a->lock);
	a->darkened = darkened;
	a->ordered = true;
	a->order_rc = rc;
	pthread_cond_broadcast(&a->news);
	pthread_mutex_unlock(&a->lock);
}

static bool take_notice(struct hf_authority *a, struct notice *ret)
{
	pthread_mutex_lock(&a->lock);
	bool any = a->notice_count > 0;
	if (any)
		*ret = a->notices[--a->notice_count];
	pthread_mutex_unlock(&a->lock);
	return any;
}

static void take_notices(struct hf_authority *a, hf_us now)
{
	struct notice notice;
	for (unsigned i = 0; i < NOTICES_MAX && take_notice(a, &notice); i++) {
		size_t at = find(a, &notice.zone);
		if (at != SIZE_MAX)
			hf_zone_keeper_notified(a->keepers[at], &notice.peer, notice.has_serial,
				notice.serial, now);
	}
}

static void woken(void *ctx, hf_us now)
{
	struct hf_authority *a = ctx;
	hf_hands_take(a->hands, now);
	take_order(a);
	take_notices(a, now);
}

static void show_space(struct hf_authority *a)
{
	struct hf_spaces_figures figures = hf_spaces_figures(hf_calls_spaces(a->calls));
	atomic_store_explicit(&a->space_used, figures.used, memory_order_relaxed);
	atomic_store_explicit(&a->space_waiting, figures.waiting, memory_order_relaxed);
}

static void turned(void *ctx, hf_us now)
{
	struct hf_authority *a = ctx;
	show_space(a);
	begin_fetches(a, BEGIN_LONGEST);
	if (a->listed)
		follow_catalogs(a);
	hand_over_in_time(a, now);
}

static const struct hf_loop_hooks hooks = {woken, turned};

static void *work(void *arg)
{
	struct hf_authority *a = arg;
	int rc = hf_loop_run(a->loop);
	hf_unexpected(rc < 0);
	return NULL;
}

/* ---- life ---- */

/* Those that come from files have been read by now, or have a fault. */
static void complain(struct hf_authority *a, FILE *complaints)
{
	struct hf_zone_keeper_figures figures;
	struct hf_local_figures local;
	char name[HF_NAME_TEXT_MAX];
	for (unsigned i = 0; i < HF_LOCAL_LAYERS; i++) {
		hf_locals_figures(a->locals, (enum hf_local_layer)i, &local);
		if (local.fault[0])
			fprintf(complaints, "local data: %s\n", local.fault);
	}
	for (size_t i = 0; i < a->keeper_count; i++) {
		hf_zone_keeper_figures(a->keepers[i], hf_loop_now(a->loop), &figures);
		if (figures.fault[0])
			fprintf(complaints, "zone %s: %s\n",
				hf_name_text(hf_zone_keeper_conf(a->keepers[i])->name.bytes, name),
				figures.fault);
	}
}

static struct hf_authority *make(hf_authority_serve *serve, void *ctx)
{
	struct hf_authority *a = calloc(1, sizeof *a);
	if (!a)
		return NULL;
	a->serve = serve;
	a->serve_ctx = ctx;
	a->line_end = &a->line;
	a->again.fire = again;
	pthread_mutex_init(&a->lock, NULL);
	pthread_cond_init(&a->news, NULL);
	return a;
}

int hf_authority_start(const struct hf_authority_conf *conf, FILE *complaints,
	hf_authority_serve *serve, void *ctx, struct hf_authority **ret)
{
	struct hf_authority *a = make(serve, ctx);
	int rc = a ? hf_loop_epoll_new(&a->loop) : -ENOMEM;
	if (!rc) {
		hf_loop_set_hooks(a->loop, &hooks, a);
		if (hf_watch_new(a->loop, &a->watch))
			a->watch = NULL; /* files are looked at more often */
		rc = hf_calls_new(a->loop, &a->calls);
	}
	if (!rc)
		rc = hf_hands_new(a->loop, &a->hands);
	if (!rc)
		rc = take_conf(a, conf);
	if (rc) {
		hf_authority_free(a);
		return rc;
	}
	begin_fetches(a, HF_NEVER);
	complain(a, complaints);
	hand_over(a, hf_loop_clock(a->loop));
	hf_hands_open(a->hands); /* without a hand the thread does it all by itself */
	rc = pthread_create(&a->thread, NULL, work, a);
	if (rc) {
		hf_loan_forget(a->loan); /* the caller's still */
		a->loan = NULL;
		hf_authority_free(a);
		return -rc;
	}
	a->started = true;
	pthread_setname_np(a->thread, "authority");
	*ret = a;
	return 0;
}

int hf_authority_adopt(
	struct hf_authority *a, const struct hf_authority_conf *conf, FILE *complaints)
{
	pthread_mutex_lock(&a->lock);
	a->order = conf;
	a->complaints = complaints;
	a->ordered = false;
	pthread_mutex_unlock(&a->lock);
	hf_loop_wake(a->loop);
	pthread_mutex_lock(&a->lock);
	while (!a->ordered)
		pthread_cond_wait(&a->news, &a->lock);
	int rc = a->order_rc;
	pthread_mutex_unlock(&a->lock);
	return rc;
}

size_t hf_authority_darkened(const struct hf_authority *a)
{
	return a->darkened;
}

void hf_authority_notified(struct hf_authority *a, const struct hf_name *zone,
	const struct hf_address *peer, bool has_serial, uint32_t serial)
{
	pthread_mutex_lock(&a->lock);
	bool room = a->notice_count < NOTICES_MAX;
	if (room)
		a->notices[a->notice_count++] = (struct notice){*zone, *peer, has_serial, serial};
	pthread_mutex_unlock(&a->lock);
	if (room)
		hf_loop_wake(a->loop);
}

void hf_authority_stop(struct hf_authority *a)
{
	if (!a->started)
		return;
	hf_loop_stop(a->loop);
	pthread_join(a->thread, NULL);
	a->started = false;
}

void hf_authority_free(struct hf_authority *a)
{
	if (!a)
		return;
	hf_authority_stop(a);
	hf_siblings_free(a->siblings);
	hf_hands_close(a->hands); /* what they have not written down is written now */
	for (size_t i = 0; i < a->keeper_count; i++)
		hf_zone_keeper_finish(a->keepers[i]);
	free_keepers(a, a->keepers, a->keeper_count);
	hf_members_clear(&a->members);
	free(a->left);
	hf_locals_free(a->locals);
	hf_keys_free(a->keys);
	hf_copies_close(a->copies);
	hf_watch_free(a->watch);
	hf_calls_free(a->calls);
	hf_hands_free(a->hands);
	hf_loop_free(a->loop);
	hf_loan_unref(a->loan);
	free(a->shown);
	free(a->shown_updates);
	pthread_mutex_destroy(&a->lock);
	pthread_cond_destroy(&a->news);
	free(a);
}

/* ---- readers ---- */

static void describe(const struct shown *shown, hf_us now, struct hf_authority_zone *ret)
{
	const struct hf_zone_keeper_figures *f = &shown->figures;
	*ret = (struct hf_authority_zone){
		.name = shown->name,
		.catalog = shown->catalog,
		.required = shown->required,
		.state = f->state,
		.standing = f->standing,
		.has_copy = f->has_copy,
		.odd = f->odd,
		.published_known = f->published_known,
		.serial = f->serial,
		.published = f->published,
		.records = f->records,
		.octets = f->octets,
		.proven_ago = f->proven == HF_GATE_NEVER ? -1 : now - f->proven,
		.loaded_ago = f->loaded == HF_GATE_NEVER ? -1 : now - f->loaded,
		.loads = f->loads,
		.refused = f->refused,
		.transfers = f->transfers,
		.transfers_failed = f->transfers_failed,
		.notifies = f->notifies,
		.put_off = f->put_off,
		.notifies_sent = f->notifies_sent,
		.untold = f->untold,
		.http_status = f->sight.status,
		.asked_ago = f->sight.at ? now - f->sight.at : -1,
	};
	_Static_assert(sizeof ret->http_tag == sizeof f->sight.tag, "one is copied to the other");
	memcpy(ret->group, shown->group, sizeof ret->group);
	memcpy(ret->http_tag, f->sight.tag, sizeof ret->http_tag);
	memcpy(ret->why, f->why, sizeof ret->why);
	memcpy(ret->fault, f->fault, sizeof ret->fault);
}

void hf_authority_each(struct hf_authority *a,
	void (*each)(void *ctx, const struct hf_authority_zone *zone), void *ctx)
{
	struct hf_authority_zone zone;
	hf_us now = hf_clock_now();
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->shown_count; i++) {
		describe(&a->shown[i], now, &zone);
		each(ctx, &zone);
	}
	pthread_mutex_unlock(&a->lock);
}

void hf_authority_each_update(struct hf_authority *a,
	void (*each)(void *ctx, const struct hf_name *zone, const struct hf_update_figures *provider),
	void *ctx)
{
	pthread_mutex_lock(&a->lock);
	for (size_t i = 0; i < a->shown_count; i++)
		for (size_t u = 0; u < a->shown[i].figures.updates; u++)
			each(ctx, &a->shown[i].name, &a->shown[i].updates[u]);
	pthread_mutex_unlock(&a->lock);
}

size_t hf_authority_trouble(const struct hf_authority *a)
{
	return atomic_load_explicit(&a->trouble, memory_order_acquire);
}

struct hf_authority_space hf_authority_space(const struct hf_authority *a)
{
	return (struct hf_authority_space){
		.used = atomic_load_explicit(&a->space_used, memory_order_relaxed),
		.waiting = atomic_load_explicit(&a->space_waiting, memory_order_relaxed)};
}

size_t hf_authority_siblings(
	struct hf_authority *a, struct hf_sibling_figures *ret, size_t most)
{
	pthread_mutex_lock(&a->lock);
	size_t count = a->siblings ? hf_siblings_figures(a->siblings, ret, most) : 0;
	pthread_mutex_unlock(&a->lock);
	return count;
}

bool hf_authority_local(struct hf_authority *a, unsigned layer, struct hf_authority_local *ret)
{
	hf_us now = hf_clock_now();
	pthread_mutex_lock(&a->lock);
	const struct hf_local_figures figures = a->shown_locals[layer];
	pthread_mutex_unlock(&a->lock);
	*ret = (struct hf_authority_local){.records = figures.records,
		.octets = figures.octets,
		.loaded_ago = figures.loaded == HF_NEVER ? -1 : now - figures.loaded,
		.refused = figures.refused};
	memcpy(ret->fault, figures.fault, sizeof ret->fault);
	return figures.given;
}

struct hf_event_ring *hf_authority_events(struct hf_authority *a)
{
	return &a->events;
}
