/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/message.h"
#include "zone/place.h"

/* A reply takes no work: who has not answered by then has not heard. */
#define PATIENCE (2 * HF_SECOND)

#define WAIT_FIRST (2 * HF_SECOND)
#define WAIT_MOST (60 * HF_SECOND)

/* Secondaries that fetch at once share out what we can send: they hear it a little apart. */
#define SPREAD (200 * HF_MS)

#define MESSAGE_MAX (HF_HEADER_LEN + 3 * HF_NAME_MAX + 64 + HF_TSIG_ROOM)

struct secondary {
	struct hf_notify *all;
	struct hf_datagram_call call;
	struct hf_turn turn;
	struct hf_timer timer;
	struct hf_address address;
	struct hf_tsig *tsig;
	bool knows;   /* `serial` */
	bool telling; /* it, of `serial` */
	bool waiting; /* for a reply: the message is out */
	uint32_t serial;
	unsigned tries;
	uint16_t soa_len;
	uint8_t soa[2 * HF_NAME_MAX + 20]; /* data of the record that is told */
	uint32_t ttl;
};

struct hf_notify {
	struct hf_notify_conf conf;
	struct hf_tsig_key key;
	uint8_t *secret;
	struct hf_notify_figures figures;
	size_t count;
	struct secondary secondaries[];
};

static struct hf_loop *loop_of(const struct secondary *s)
{
	return hf_calls_loop(s->all->conf.calls);
}

static struct hf_timer_wheel *timers_of(const struct secondary *s)
{
	return hf_loop_timers(loop_of(s));
}

static hf_us jittered(const struct secondary *s, hf_us most)
{
	return most ? (hf_us)(hf_loop_random_u32(loop_of(s)) % (uint64_t)most) : 0;
}

/* ---- the end of a message ---- */

static void take_back(struct secondary *s)
{
	hf_datagram_forget(&s->call);
	hf_turn_give(s->all->conf.calls, &s->turn);
	hf_timer_disarm(timers_of(s), &s->timer);
	s->waiting = false;
}

static void give_up(struct secondary *s, const char *why, hf_us now)
{
	struct hf_notify *all = s->all;
	take_back(s);
	s->telling = false;
	all->figures.failed++;
	all->conf.failed(all->conf.ctx, &s->address, s->serial, why, now);
}

static void try_later(struct secondary *s, const char *why, hf_us now)
{
	hf_us wait = WAIT_FIRST;
	take_back(s);
	if (s->tries >= HF_NOTIFY_TRIES) {
		give_up(s, why, now);
		return;
	}
	for (unsigned i = 1; i < s->tries && wait < WAIT_MOST; i++)
		wait *= 2;
	if (wait > WAIT_MOST)
		wait = WAIT_MOST;
	hf_timer_arm(timers_of(s), &s->timer, now + wait - jittered(s, wait / 4));
}

/* ---- a message ---- */

static size_t write_message(const struct secondary *s, uint8_t m[static MESSAGE_MAX])
{
	const struct hf_name *zone = &s->all->conf.zone->name;
	struct hf_writer w = hf_writer(m, MESSAGE_MAX - HF_TSIG_ROOM);
	static const uint8_t rest[] = {
		HF_OPCODE_NOTIFY << 3 | HF_FLAG_AA >> 8, 0, 0, 1, 0, 1, 0, 0, 0, 0};
	hf_write_u16(&w, 0); /* the id */
	hf_write(&w, rest, sizeof rest);
	hf_write(&w, zone->bytes, zone->len);
	hf_write_u16(&w, HF_TYPE_SOA);
	hf_write_u16(&w, HF_CLASS_IN);
	hf_write_u16(&w, 0xc000 | HF_HEADER_LEN);
	hf_write_u16(&w, HF_TYPE_SOA);
	hf_write_u16(&w, HF_CLASS_IN);
	hf_write_u32(&w, s->ttl);
	hf_write_u16(&w, s->soa_len);
	hf_write(&w, s->soa, s->soa_len);
	(void)hf_unexpected(w.overrun);
	return w.len;
}

static void send(struct secondary *s, hf_us now)
{
	uint8_t m[MESSAGE_MAX];
	size_t len = write_message(s, m);
	int rc = 0;
	hf_put_u16(m, (uint16_t)hf_loop_random_u32(loop_of(s)));
	if (s->tsig)
		rc = hf_tsig_sign(s->tsig, m, &len, sizeof m, (uint64_t)hf_loop_wall(loop_of(s)));
	rc = rc ? rc : hf_datagram_call(s->all->conf.calls, &s->call, &s->address, m, len);
	s->tries++;
	if (rc) {
		try_later(s, hf_strerror(rc), now);
		return;
	}
	s->all->figures.sent++;
	s->waiting = true;
	hf_timer_arm(timers_of(s), &s->timer, now + PATIENCE);
}

static struct secondary *of_turn(struct hf_turn *turn)
{
	return (struct secondary *)((char *)turn - offsetof(struct secondary, turn));
}

static void turn_came(struct hf_turn *turn, hf_us now)
{
	send(of_turn(turn), now);
}

static void timer_fired(struct hf_timer *timer, hf_us now)
{
	struct secondary *s =
		(struct secondary *)((char *)timer - offsetof(struct secondary, timer));
	if (s->waiting)
		try_later(s, "it does not answer", now);
	else if (hf_turn_take(s->all->conf.calls, &s->turn, HF_TURN_NOTIFY, &s->address))
		send(s, now);
}

/* ---- replies ---- */

static struct secondary *of_call(struct hf_datagram_call *call)
{
	return (struct secondary *)((char *)call - offsetof(struct secondary, call));
}

static bool answers(struct secondary *s, uint8_t *m, size_t len, unsigned *ret_rcode)
{
	const struct hf_name *zone = &s->all->conf.zone->name;
	struct hf_message_view view;
	struct hf_name name;
	size_t next;
	if (hf_message_read(m, len, &view) || !(view.flags & HF_FLAG_QR) ||
		hf_message_opcode(m) != HF_OPCODE_NOTIFY)
		return false;
	/* BIND leaves the question off when it refuses. */
	if (view.question_end > HF_HEADER_LEN &&
		(hf_name_read(m, len, HF_HEADER_LEN, &name, &next) || name.len != zone->len ||
			!hf_name_equal(name.bytes, zone->bytes, zone->len)))
		return false;
	*ret_rcode = view.rcode;
	return !s->tsig || hf_tsig_check_reply(s->tsig, m, &len, true,
				   (uint64_t)hf_loop_wall(loop_of(s))) == HF_TSIG_GOOD;
}

static void replied(struct hf_datagram_call *call, uint8_t *m, size_t len, bool cut, hf_us now)
{
	struct secondary *s = of_call(call);
	char why[60];
	unsigned rcode;
	if (cut || !answers(s, m, len, &rcode))
		return; /* anybody's: the right one may come yet */
	if (rcode != HF_RCODE_NOERROR) {
		snprintf(why, sizeof why, "it answers with RCODE %u", rcode);
		give_up(s, why, now);
		return;
	}
	take_back(s);
	s->telling = false;
	s->knows = true;
	s->all->figures.answered++;
}

static void refused(struct hf_datagram_call *call, int error, hf_us now)
{
	try_later(of_call(call), hf_strerror(error), now);
}

/* ---- versions ---- */

static void begin(struct secondary *s, const struct hf_zone *version, const struct hf_zone_set *soa,
	hf_us now)
{
	uint16_t len = hf_get_u16(soa->rdata);
	if (hf_unexpected(len > sizeof s->soa))
		return;
	take_back(s);
	s->serial = hf_zone_soa(version)->serial;
	s->soa_len = len;
	memcpy(s->soa, soa->rdata + 2, len);
	s->ttl = soa->ttl;
	s->tries = 0;
	s->knows = false;
	s->telling = true;
	hf_timer_arm(timers_of(s), &s->timer, now + jittered(s, SPREAD));
}

void hf_notify_tell(struct hf_notify *notify, const struct hf_zone *version, hf_us now)
{
	struct hf_zone_set soa;
	if (!notify ||
		hf_unexpected(!hf_zone_find(version, hf_zone_origin(version), HF_TYPE_SOA, &soa)))
		return;
	for (size_t i = 0; i < notify->count; i++) {
		struct secondary *s = &notify->secondaries[i];
		bool known = (s->knows || s->telling) && s->serial == hf_zone_soa(version)->serial;
		if (!known)
			begin(s, version, &soa, now);
	}
}

struct hf_notify_figures hf_notify_figures(const struct hf_notify *notify)
{
	return notify ? notify->figures : (struct hf_notify_figures){0};
}

/* ---- life ---- */

static int copy_key(struct hf_notify *n)
{
	const struct hf_tsig_key *key = n->conf.key;
	if (!key)
		return 0;
	n->secret = malloc(key->secret_len + 1);
	if (!n->secret)
		return -ENOMEM;
	memcpy(n->secret, key->secret, key->secret_len);
	n->key = *key;
	n->key.secret = n->secret;
	n->conf.key = &n->key;
	return 0;
}

/* What it knew before the reload. */
static void remember(struct secondary *s, const struct hf_notify *before)
{
	for (size_t i = 0; before && i < before->count; i++) {
		const struct secondary *old = &before->secondaries[i];
		if (hf_address_equal(&old->address, &s->address)) {
			s->knows = old->knows;
			s->serial = old->serial;
		}
	}
}

static int add(struct hf_notify *n, const char *text, const struct hf_notify *before)
{
	struct secondary *s = &n->secondaries[n->count];
	struct hf_place place;
	int rc = hf_place_parse(text, &place);
	if (rc || place.kind != HF_PLACE_DNS)
		return 0; /* the check of the configuration has told of it */
	rc = n->conf.key ? hf_tsig_new(n->conf.key, 1, &s->tsig) : 0;
	if (rc)
		return rc;
	s->all = n;
	s->address = place.address;
	s->call.replied = replied;
	s->call.refused = refused;
	s->turn.come = turn_came;
	s->timer.fire = timer_fired;
	remember(s, before);
	n->count++;
	return 0;
}

int hf_notify_new(
	const struct hf_notify_conf *conf, const struct hf_notify *before, struct hf_notify **ret)
{
	const struct hf_text_list *list = &conf->zone->notify;
	*ret = NULL;
	if (!list->count)
		return 0;
	struct hf_notify *n = calloc(1, sizeof *n + list->count * sizeof n->secondaries[0]);
	if (!n)
		return -ENOMEM;
	n->conf = *conf;
	int rc = copy_key(n);
	for (size_t i = 0; !rc && i < list->count; i++)
		rc = add(n, list->items[i], before);
	if (rc) {
		hf_notify_free(n);
		return rc;
	}
	if (before)
		n->figures = before->figures;
	*ret = n;
	return 0;
}

void hf_notify_free(struct hf_notify *n)
{
	if (!n)
		return;
	for (size_t i = 0; i < n->count; i++) {
		take_back(&n->secondaries[i]);
		hf_tsig_free(n->secondaries[i].tsig);
	}
	if (n->secret)
		explicit_bzero(n->secret, n->key.secret_len);
	free(n->secret);
	free(n);
}
