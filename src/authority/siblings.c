/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/siblings.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"
#include "transport/udp.h"
#include "wire/build.h"
#include "zone/sibling.h"

#define SERVERS_MAX (HF_TWINS_MAX + 1) /* the siblings, and the VIP behind them */
#define SAMPLES_MAX 8
#define EDNS_SIZE 1232
#define SILENT_ZONES 3      /* then a sibling is not asked about the rest of a round */
#define STEPS 97            /* a sample is so many sets behind the last one, at most */
#define FIRST (500 * HF_MS) /* the first round: zones have been read by then, as a rule */

#define TRIES 2
static const hf_us waits[TRIES] = {300 * HF_MS, 600 * HF_MS};

struct look;

struct talk { /* with one server about one zone */
	struct look *look;
	unsigned server;
	struct hf_udp_attempt attempt;
	struct hf_timer timer;
	struct hf_tsig *tsig;
	unsigned step, tries; /* step 0: the SOA, then the samples */
	uint64_t sample;
	struct hf_twin_report report;
	struct hf_question question;
	uint8_t asked[HF_NAME_MAX + 4];
	bool over;
};

struct look { /* at one zone, by all servers at once */
	struct hf_siblings *owner;
	bool busy;
	struct hf_sibling_zone zone;
	struct hf_question samples[SAMPLES_MAX];
	unsigned sample_count;
	uint64_t ours;
	unsigned left; /* talks that are not over */
	struct talk talks[SERVERS_MAX];
};

struct kept { /* what is known of a zone from round to round */
	struct hf_name name;
	struct hf_twins twins;
	struct hf_zone *walked; /* the copy that the walk goes through, with a reference */
	struct hf_zone_walk walk;
	enum hf_twin_state front;
	uint32_t front_serial;
	unsigned round; /* that saw it last */
	struct kept *next;
};

struct hf_siblings {
	struct hf_siblings_setup setup;
	struct hf_udp_pool *pool;
	struct hf_timer timer;
	size_t siblings, servers; /* without and with the VIP */
	struct hf_address addresses[SERVERS_MAX];
	struct look looks[HF_SIBLINGS_ZONES];
	size_t next_zone; /* of this round */
	bool in_round;
	hf_us round_began;
	unsigned round;
	uint8_t silent[SERVERS_MAX]; /* zones in a row, of this round */
	pthread_mutex_t lock;        /* the buckets, for readers of figures */
	struct kept **buckets;
	size_t bucket_count, kept_count;
	bool starting; /* looks are being given zones: none of them goes on by itself */
};

static void go_on(struct hf_siblings *s, hf_us now);
static void ask(struct talk *talk, hf_us now);

/* ---- zones that are kept in mind ---- */

static size_t bucket_of(const struct hf_siblings *s, const struct hf_name *name)
{
	static const struct hf_hash_key key = {0, 0}; /* names of our own configuration */
	return hf_hash(&key, 0, name->bytes, name->len) % s->bucket_count;
}

static struct kept *find_kept(const struct hf_siblings *s, const struct hf_name *name)
{
	struct kept *k = s->bucket_count ? s->buckets[bucket_of(s, name)] : NULL;
	while (k &&
		(k->name.len != name->len || memcmp(k->name.bytes, name->bytes, name->len) != 0))
		k = k->next;
	return k;
}

static void free_kept(struct kept *k)
{
	hf_zone_unref(k->walked);
	free(k);
}

/* Twice as many buckets; with as few as there were it goes on, only slower. */
static void grow(struct hf_siblings *s)
{
	size_t count = s->bucket_count ? 2 * s->bucket_count : 64;
	struct kept **buckets = calloc(count, sizeof *buckets), **before = s->buckets;
	size_t before_count = s->bucket_count;
	if (!buckets)
		return;
	s->buckets = buckets;
	s->bucket_count = count;
	for (size_t i = 0; i < before_count; i++)
		for (struct kept *k = before[i], *next; k; k = next) {
			struct kept **bucket = &buckets[bucket_of(s, &k->name)];
			next = k->next;
			k->next = *bucket;
			*bucket = k;
		}
	free(before);
}

/* Under the lock. NULL: no memory. */
static struct kept *keep(struct hf_siblings *s, const struct hf_name *name)
{
	struct kept *k = find_kept(s, name);
	if (k)
		return k;
	if (s->kept_count >= s->bucket_count)
		grow(s);
	k = s->bucket_count ? calloc(1, sizeof *k) : NULL;
	if (!k)
		return NULL;
	k->name = *name;
	hf_twins_init(&k->twins, s->siblings);
	struct kept **bucket = &s->buckets[bucket_of(s, name)];
	k->next = *bucket;
	*bucket = k;
	s->kept_count++;
	return k;
}

/* Zones that the last round did not come across are not ours any more. */
static void forget_gone(struct hf_siblings *s)
{
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->bucket_count; i++)
		for (struct kept **at = &s->buckets[i]; *at;) {
			struct kept *k = *at;
			if (k->round == s->round) {
				at = &k->next;
				continue;
			}
			*at = k->next;
			s->kept_count--;
			free_kept(k);
		}
	pthread_mutex_unlock(&s->lock);
}

/* ---- words ---- */

static struct hf_event event_of(const struct look *look, enum hf_event_kind kind, hf_us now)
{
	struct hf_event event = {.at = now, .kind = (uint16_t)kind};
	hf_event_about(&event, look->zone.name.bytes, look->zone.name.len);
	return event;
}

static int32_t as_field(uint32_t serial)
{
	int32_t field;
	memcpy(&field, &serial, sizeof field);
	return field;
}

static void send(struct hf_siblings *s, const struct hf_event *event)
{
	s->setup.door.event(s->setup.door.ctx, event);
}

/* address NULL: ourselves. */
static void tell_behind(struct hf_siblings *s, const struct look *look,
	const struct hf_address *who, uint32_t serial, uint32_t newest, hf_us now)
{
	struct hf_event event = event_of(look, HF_EVENT_TWIN_BEHIND, now);
	event.a = as_field(serial);
	event.b = as_field(newest);
	if (who)
		event.address = *who;
	send(s, &event);
}

static void tell_caught_up(struct hf_siblings *s, const struct look *look,
	const struct hf_address *who, hf_us since, hf_us now)
{
	struct hf_event event = event_of(look, HF_EVENT_TWIN_CAUGHT_UP, now);
	event.c = (int32_t)((now - since) / HF_SECOND);
	if (who)
		event.address = *who;
	send(s, &event);
}

static void tell_differs(struct hf_siblings *s, const struct look *look,
	const struct hf_address *who, uint32_t serial, hf_us now)
{
	struct hf_event event = event_of(look, HF_EVENT_TWIN_DIFFERS, now);
	event.a = as_field(serial);
	if (who)
		event.address = *who;
	send(s, &event);
}

/* Who shows the serial that the VIP gave: "10.0.0.22:53, ourselves". */
static void name_holders(const struct hf_siblings *s, uint32_t who, char *buf, size_t size)
{
	char text[HF_ADDRESS_TEXT_MAX];
	size_t len = 0;
	buf[0] = '\0';
	for (size_t i = 0; i < s->siblings && len < size; i++)
		if (who & 1u << i)
			len += (size_t)snprintf(buf + len, size - len, "%s%s", len ? ", " : "",
				hf_address_text(&s->addresses[i], text));
	if (who & HF_TWINS_US && len < size)
		snprintf(buf + len, size - len, "%sourselves", len ? ", " : "");
}

static void tell_front(struct hf_siblings *s, const struct look *look, const struct kept *k,
	const struct hf_twins_self *self, hf_us now)
{
	char who[HF_EVENT_WHY];
	struct hf_event event =
		event_of(look, k->twins.front_old ? HF_EVENT_VIP_OLD : HF_EVENT_VIP_GOOD, now);
	event.a = as_field(k->front_serial);
	event.b = as_field(k->twins.newest);
	event.address = s->addresses[s->siblings];
	name_holders(s, hf_twins_with(&k->twins, self, k->front_serial), who, sizeof who);
	hf_event_why(&event, who);
	send(s, &event);
}

/* before: as each was before this round. */
static void tell_siblings(struct hf_siblings *s, const struct look *look, const struct kept *k,
	const struct hf_twin *before, uint32_t changed, hf_us now)
{
	for (size_t i = 0; i < s->siblings; i++) {
		const struct hf_twin *twin = &k->twins.of[i];
		if (!(changed & 1u << i))
			continue;
		if (twin->state == HF_TWIN_BEHIND)
			tell_behind(s, look, &s->addresses[i], twin->report.serial, k->twins.newest,
				now);
		else if (twin->state == HF_TWIN_DIFFERS)
			tell_differs(s, look, &s->addresses[i], twin->report.serial, now);
		else if (twin->state == HF_TWIN_SAME && before[i].state >= HF_TWIN_BEHIND)
			tell_caught_up(s, look, &s->addresses[i], before[i].since, now);
	}
}

static void tell_all(struct hf_siblings *s, const struct look *look, const struct kept *k,
	const struct hf_twins *before, const struct hf_twins_found *found,
	const struct hf_twins_self *self, hf_us now)
{
	tell_siblings(s, look, k, before->of, found->changed, now);
	if (found->behind && k->twins.behind)
		tell_behind(s, look, NULL, self->serial, k->twins.newest, now);
	else if (found->behind)
		tell_caught_up(s, look, NULL, before->behind_since, now);
	if (found->odd && k->twins.odd)
		tell_differs(s, look, NULL, self->serial, now);
	if (found->front)
		tell_front(s, look, k, self, now);
	if (found->panic && s->setup.conf->panic == HF_PANIC_SERVE_NEWEST) {
		struct hf_event event = event_of(look, HF_EVENT_PANIC, now);
		event.a = k->twins.panic;
		event.b = as_field(self->serial);
		send(s, &event);
	}
}

/* ---- the end of a look ---- */

static struct hf_twins_self self_of(const struct look *look)
{
	const struct hf_zone *copy = look->zone.copy;
	return (struct hf_twins_self){.has_copy = copy,
		.serial = copy ? hf_zone_soa(copy)->serial : 0,
		.sample = look->ours,
		.proven = look->zone.proven,
		.primary_reached = look->zone.primary_reached};
}

static void judge(struct look *look, hf_us now)
{
	struct hf_siblings *s = look->owner;
	struct hf_twin_report reports[SERVERS_MAX];
	struct hf_twins_self self = self_of(look);
	bool has_front = s->servers > s->siblings;
	for (size_t i = 0; i < s->servers; i++)
		reports[i] = look->talks[i].report;
	pthread_mutex_lock(&s->lock);
	struct kept *k = keep(s, &look->zone.name);
	if (!k) {
		pthread_mutex_unlock(&s->lock);
		return;
	}
	struct hf_twins before = k->twins;
	const struct hf_twin_report *front = has_front ? &reports[s->siblings] : NULL;
	struct hf_twins_found found = hf_twins_round(&k->twins, &self, reports, front, now);
	k->round = s->round;
	if (front && front->has_serial)
		k->front_serial = front->serial;
	k->front = !front || !front->has_serial ? HF_TWIN_UNKNOWN
		   : k->twins.front_old         ? HF_TWIN_BEHIND
						: HF_TWIN_SAME;
	pthread_mutex_unlock(&s->lock);
	tell_all(s, look, k, &before, &found, &self, now);
	for (size_t i = 0; i < s->siblings; i++)
		s->setup.door.said(s->setup.door.ctx, &look->zone.name, i,
			reports[i].said >= HF_TWIN_MARKED, reports[i].serial, now);
	s->setup.door.found(s->setup.door.ctx, &look->zone.name, &k->twins, now);
}

static void end_talk(struct talk *talk, hf_us now)
{
	struct look *look = talk->look;
	struct hf_siblings *s = look->owner;
	hf_udp_forget(&talk->attempt);
	hf_timer_disarm(hf_loop_timers(s->setup.loop), &talk->timer);
	talk->over = true;
	uint8_t *silent = &s->silent[talk->server];
	*silent = talk->report.said != HF_TWIN_SILENT ? 0
		  : *silent < SILENT_ZONES            ? *silent + 1
						      : *silent;
	if (--look->left || s->starting)
		return;
	judge(look, now);
	hf_zone_unref(look->zone.copy);
	look->zone.copy = NULL;
	look->busy = false;
	go_on(s, now);
}

/* ---- what is heard ---- */

/* The next question, or the end. */
static void next_step(struct talk *talk, hf_us now)
{
	struct look *look = talk->look;
	bool serves = talk->report.said >= HF_TWIN_MARKED;
	talk->step++;
	talk->tries = 0;
	bool is_vip = talk->server >= look->owner->siblings;
	if (!serves || is_vip || talk->step > look->sample_count) {
		talk->report.sampled = serves && !is_vip && look->sample_count;
		talk->report.sample = talk->sample;
		end_talk(talk, now);
		return;
	}
	ask(talk, now);
}

static void replied(void *ctx, struct hf_udp_attempt *attempt, const uint8_t *bytes, size_t len,
	bool cut, hf_us now)
{
	struct talk *talk = (struct talk *)((char *)attempt - offsetof(struct talk, attempt));
	struct hf_siblings *s = ctx;
	struct hf_message_view view;
	uint8_t m[HF_DATAGRAM_MAX];
	uint64_t sum = 0;
	memcpy(m, bytes, len);
	if (cut || hf_message_read(m, len, &view) || !(view.flags & HF_FLAG_QR) ||
		!hf_message_echoes(m, &view, talk->asked, talk->question.name.len + 4u))
		return;
	if (talk->tsig && (hf_tsig_check_reply(talk->tsig, m, &len, true,
				   (uint64_t)hf_loop_wall(s->setup.loop)) != HF_TSIG_GOOD ||
				  hf_message_read(m, len, &view)))
		return;
	if (talk->step == 0) {
		hf_sibling_read_soa(m, &view, &talk->look->zone.name, &talk->report);
	} else if (hf_sibling_digest_reply(m, &view, &talk->question, &sum)) {
		talk->sample = 31 * talk->sample + sum;
	} else { /* refused, cut: nothing can be compared */
		end_talk(talk, now);
		return;
	}
	next_step(talk, now);
}

static void refused(void *ctx, struct hf_udp_attempt *attempt, int error, hf_us now)
{
	(void)ctx, (void)error;
	end_talk((struct talk *)((char *)attempt - offsetof(struct talk, attempt)), now);
}

static void stray(void *ctx, const struct hf_address *peer)
{
	(void)ctx, (void)peer;
}

static void time_out(struct hf_timer *timer, hf_us now)
{
	struct talk *talk = (struct talk *)((char *)timer - offsetof(struct talk, timer));
	hf_udp_forget(&talk->attempt);
	if (talk->tries < TRIES)
		ask(talk, now);
	else
		end_talk(talk, now);
}

/* ---- asking ---- */

static size_t write_question(struct talk *talk, uint8_t *m, size_t room)
{
	struct hf_siblings *s = talk->look->owner;
	uint8_t bits[HF_NAME_MAX / 8 + 1], name[HF_NAME_MAX];
	const struct hf_name *n = &talk->question.name;
	const struct hf_ask ask = {.question = &talk->question,
		.edns = true,
		.edns_size = EDNS_SIZE,
		.mixed = talk->tries + 1 < TRIES ? name : NULL};
	hf_loop_random(s->setup.loop, bits, sizeof bits);
	hf_name_mix(n->bytes, n->len, bits, name);
	size_t len = hf_build_query(m, &ask);
	memcpy(talk->asked, m + HF_HEADER_LEN, n->len + 4u);
	if (talk->tsig)
		(void)hf_unexpected(hf_tsig_sign(
			talk->tsig, m, &len, room, (uint64_t)hf_loop_wall(s->setup.loop)));
	return len;
}

static void ask(struct talk *talk, hf_us now)
{
	struct look *look = talk->look;
	struct hf_siblings *s = look->owner;
	uint8_t m[HF_QUERY_MAX + HF_TSIG_ROOM];
	talk->question = talk->step ? look->samples[talk->step - 1]
				    : (struct hf_question){.name = look->zone.name,
					      .type = HF_TYPE_SOA,
					      .class = HF_CLASS_IN};
	size_t len = write_question(talk, m, sizeof m);
	hf_udp_forget(&talk->attempt); /* the one that has just been answered */
	if (hf_udp_send(s->pool, &talk->attempt, &s->addresses[talk->server], m, len)) {
		end_talk(talk, now);
		return;
	}
	hf_timer_arm(hf_loop_timers(s->setup.loop), &talk->timer, now + waits[talk->tries++]);
}

/* Sets of our own copy to ask for, and their digest in that order. */
static void choose_samples(struct look *look)
{
	struct hf_siblings *s = look->owner;
	struct hf_zone *copy = look->zone.copy;
	look->sample_count = 0;
	look->ours = 0;
	pthread_mutex_lock(&s->lock);
	struct kept *k = copy ? keep(s, &look->zone.name) : NULL;
	pthread_mutex_unlock(&s->lock);
	if (!k)
		return;
	if (k->walked != copy) {
		hf_zone_unref(k->walked);
		k->walked = hf_zone_ref(copy);
		k->walk = hf_zone_walk(copy);
	}
	for (unsigned i = 0; i < s->setup.conf->samples && i < SAMPLES_MAX; i++) {
		struct hf_zone_set set;
		if (!hf_sibling_sample(&k->walk, hf_loop_random_u32(s->setup.loop) % STEPS, &set))
			return;
		struct hf_question *q = &look->samples[look->sample_count++];
		*q = (struct hf_question){.type = set.type, .class = HF_CLASS_IN};
		q->name.len = (uint8_t)hf_name_wire_len(set.owner, HF_NAME_MAX);
		memcpy(q->name.bytes, set.owner, q->name.len);
		look->ours = 31 * look->ours + hf_sibling_digest_set(&set);
	}
}

static void begin_look(struct look *look, hf_us now)
{
	struct hf_siblings *s = look->owner;
	look->busy = true;
	look->left = (unsigned)s->servers;
	choose_samples(look);
	for (size_t i = 0; i < s->servers; i++) {
		struct talk *talk = &look->talks[i];
		talk->step = talk->tries = 0;
		talk->sample = 0;
		talk->over = false;
		talk->report = (struct hf_twin_report){.said = HF_TWIN_SILENT};
		if (s->silent[i] >= SILENT_ZONES)
			end_talk(talk, now);
		else
			ask(talk, now);
	}
}

/* ---- rounds ---- */

static bool all_idle(const struct hf_siblings *s)
{
	for (size_t i = 0; i < HF_SIBLINGS_ZONES; i++)
		if (s->looks[i].busy)
			return false;
	return true;
}

/* A look may end while it begins, when nobody can be asked. */
static void settle_at_once(struct hf_siblings *s, hf_us now)
{
	for (size_t i = 0; i < HF_SIBLINGS_ZONES; i++) {
		struct look *look = &s->looks[i];
		if (!look->busy || look->left)
			continue;
		judge(look, now);
		hf_zone_unref(look->zone.copy);
		look->zone.copy = NULL;
		look->busy = false;
	}
}

static bool give_zones(struct hf_siblings *s, hf_us now)
{
	bool more = true;
	s->starting = true;
	for (size_t i = 0; more && i < HF_SIBLINGS_ZONES; i++) {
		struct look *look = &s->looks[i];
		if (look->busy)
			continue;
		more = s->setup.door.zone(s->setup.door.ctx, s->next_zone, &look->zone);
		if (!more)
			break;
		s->next_zone++;
		begin_look(look, now);
	}
	s->starting = false;
	return more;
}

static void end_round(struct hf_siblings *s, hf_us now)
{
	hf_us next = s->round_began + s->setup.conf->interval;
	s->in_round = false;
	forget_gone(s);
	hf_timer_arm(hf_loop_timers(s->setup.loop), &s->timer, next > now ? next : now);
}

/* Gives looks that are free a zone, until there are none, and ends the round. With a turn of
 * the loop in between when all of them ended at once, so that nobody is held up. */
static void go_on(struct hf_siblings *s, hf_us now)
{
	bool more = give_zones(s, now);
	settle_at_once(s, now);
	if (!more && all_idle(s))
		end_round(s, now);
	else if (all_idle(s))
		hf_timer_arm(hf_loop_timers(s->setup.loop), &s->timer, now);
}

static void fire(struct hf_timer *timer, hf_us now)
{
	struct hf_siblings *s =
		(struct hf_siblings *)((char *)timer - offsetof(struct hf_siblings, timer));
	if (!s->in_round) {
		s->in_round = true;
		s->round_began = now;
		s->round++;
		s->next_zone = 0;
		memset(s->silent, 0, sizeof s->silent);
	}
	go_on(s, now);
}

/* ---- beginning and end ---- */

static void list_servers(struct hf_siblings *s)
{
	const struct hf_siblings_conf *conf = s->setup.conf;
	s->siblings = conf->servers.count < HF_TWINS_MAX ? conf->servers.count : HF_TWINS_MAX;
	for (size_t i = 0; i < s->siblings; i++)
		s->addresses[i] = conf->servers.items[i];
	s->servers = s->siblings;
	if (hf_address_set(&conf->vip))
		s->addresses[s->servers++] = conf->vip;
}

static int make_talks(struct hf_siblings *s)
{
	for (size_t l = 0; l < HF_SIBLINGS_ZONES; l++) {
		s->looks[l].owner = s;
		for (size_t i = 0; i < s->servers; i++) {
			struct talk *talk = &s->looks[l].talks[i];
			talk->look = &s->looks[l];
			talk->server = (unsigned)i;
			talk->timer.fire = time_out;
			int rc = s->setup.key ? hf_tsig_new(s->setup.key, 1, &talk->tsig) : 0;
			if (rc)
				return rc;
		}
	}
	return 0;
}

int hf_siblings_new(const struct hf_siblings_setup *setup, struct hf_siblings **ret)
{
	static const struct hf_udp_handler handler = {
		.replied = replied, .refused = refused, .unsent = refused, .stray = stray};
	struct hf_siblings *s = calloc(1, sizeof *s);
	if (!s)
		return -ENOMEM;
	s->setup = *setup;
	s->timer.fire = fire;
	pthread_mutex_init(&s->lock, NULL);
	list_servers(s);
	int rc = hf_udp_pool_new(setup->loop, &handler, s, &s->pool);
	rc = rc ? rc : make_talks(s);
	if (rc) {
		hf_siblings_free(s);
		return rc;
	}
	hf_timer_arm(hf_loop_timers(setup->loop), &s->timer, hf_loop_now(setup->loop) + FIRST);
	*ret = s;
	return 0;
}

void hf_siblings_free(struct hf_siblings *s)
{
	if (!s)
		return;
	hf_timer_disarm(hf_loop_timers(s->setup.loop), &s->timer);
	for (size_t l = 0; l < HF_SIBLINGS_ZONES; l++) {
		for (size_t i = 0; i < s->servers; i++) {
			struct talk *talk = &s->looks[l].talks[i];
			hf_udp_forget(&talk->attempt);
			hf_timer_disarm(hf_loop_timers(s->setup.loop), &talk->timer);
			hf_tsig_free(talk->tsig);
		}
		hf_zone_unref(s->looks[l].zone.copy);
	}
	hf_udp_pool_free(s->pool);
	for (size_t i = 0; i < s->bucket_count; i++)
		for (struct kept *k = s->buckets[i], *next; k; k = next) {
			next = k->next;
			free_kept(k);
		}
	free(s->buckets);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

/* ---- readers ---- */

static void say_worst(struct hf_sibling_figures *figures, const struct kept *k, uint32_t serial,
	enum hf_twin_state state)
{
	char zone[HF_NAME_TEXT_MAX];
	if (state < HF_TWIN_BEHIND || figures->worst[0])
		return;
	hf_name_text(k->name.bytes, zone);
	if (state == HF_TWIN_BEHIND)
		snprintf(figures->worst, sizeof figures->worst,
			"%.150s: serial %u, the newest is %u", zone, serial, k->twins.newest);
	else
		snprintf(figures->worst, sizeof figures->worst,
			"%.150s: other records under serial %u", zone, serial);
}

static void add_figures(const struct hf_siblings *s, const struct kept *k,
	struct hf_sibling_figures *ret, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bool vip = i == s->siblings;
		enum hf_twin_state state = vip ? k->front : k->twins.of[i].state;
		ret[i].zones[state]++;
		say_worst(&ret[i], k, vip ? k->front_serial : k->twins.of[i].report.serial, state);
	}
}

size_t hf_siblings_figures(struct hf_siblings *s, struct hf_sibling_figures *ret, size_t most)
{
	size_t count = s->servers < most ? s->servers : most;
	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < count; i++)
		ret[i] = (struct hf_sibling_figures){
			.address = s->addresses[i], .vip = i == s->siblings};
	for (size_t i = 0; i < s->bucket_count; i++)
		for (const struct kept *k = s->buckets[i]; k; k = k->next)
			add_figures(s, k, ret, count);
	pthread_mutex_unlock(&s->lock);
	return count;
}
