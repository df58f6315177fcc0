/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/notify.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "truth/serials.h"
#include "wire/message.h"
#include "wire/type.h"
#include "zone/place.h"

/* A reply takes no work: who has not answered by then has not heard. */
#define PATIENCE (2 * HF_SECOND)

#define WAIT_FIRST (2 * HF_SECOND)
#define WAIT_MOST (60 * HF_SECOND)

/* A transfer takes seconds; then twice as long each time, up to HF_NOTIFY_SELDOM. */
#define CHECK_FIRST (5 * HF_SECOND)

/* Secondaries that fetch at once share out what we can send: they hear it a little apart. */
#define SPREAD (200 * HF_MS)

#define MESSAGE_MAX (HF_HEADER_LEN + 3 * HF_NAME_MAX + 64 + HF_TSIG_ROOM)

enum step {
	STEP_NONE,     /* it knows of no version */
	STEP_TELLING,  /* of `serial` */
	STEP_CHECKING, /* it has heard: whether it has fetched */
	STEP_DONE      /* it has `serial` or better, as far as can be known */
};

struct secondary {
	struct hf_notify *all;
	struct hf_datagram_call call;
	struct hf_turn turn;
	struct hf_timer timer;
	struct hf_address address;
	struct hf_tsig *tsig;
	enum step step;
	bool waiting;    /* for a reply: the message is out */
	bool newer;      /* ... and of an older version than `serial` */
	bool silent;     /* the last message has had no reply, or not yet */
	bool complained; /* `failed` was called, `told` not yet */
	bool resumed;    /* from before a reload, and nothing is under way */
	uint32_t serial;
	hf_us sent_at;
	unsigned unheard; /* messages since its last reply */
	unsigned lags;    /* times that it has had an older version, in a row */
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

static void complain(struct secondary *s, const char *why, hf_us now)
{
	struct hf_notify *all = s->all;
	if (s->complained)
		return;
	s->complained = true;
	all->figures.failed++;
	all->conf.failed(all->conf.ctx, &s->address, s->serial, why, now);
	all->conf.moved(all->conf.ctx);
}

static void finish(struct secondary *s, hf_us now)
{
	struct hf_notify *all = s->all;
	s->step = STEP_DONE;
	s->lags = 0;
	if (!s->complained)
		return;
	s->complained = false;
	all->conf.told(all->conf.ctx, &s->address, s->serial, now);
	all->conf.moved(all->conf.ctx);
}

/* `first`, doubled `times` times, up to `most`; less up to a quarter of it. */
static hf_us grown(const struct secondary *s, hf_us first, unsigned times, hf_us most)
{
	hf_us wait = first;
	for (unsigned i = 0; i < times && wait < most; i++)
		wait *= 2;
	wait = wait < most ? wait : most;
	return wait - jittered(s, wait / 4);
}

static void arm(struct secondary *s, hf_us at)
{
	hf_timer_arm(timers_of(s), &s->timer, at);
}

/* A version that came in the meantime is told as soon as the silent may hear again. */
static void tell_newer(struct secondary *s, hf_us now)
{
	hf_us due = s->silent ? s->sent_at + WAIT_FIRST : now;
	take_back(s);
	s->newer = false;
	arm(s, due > now ? due : now);
}

static void try_later(struct secondary *s, const char *why, hf_us now)
{
	if (s->step == STEP_TELLING && s->unheard >= HF_NOTIFY_TRIES)
		complain(s, why, now);
	if (s->newer) {
		tell_newer(s, now);
		return;
	}
	take_back(s);
	bool seldom = s->step == STEP_CHECKING || s->tries >= HF_NOTIFY_TRIES;
	arm(s, now + grown(s, WAIT_FIRST, s->tries - 1, seldom ? HF_NOTIFY_SELDOM : WAIT_MOST));
}

/* It has heard; when to see whether it has fetched. */
static void check_later(struct secondary *s, hf_us now)
{
	s->step = STEP_CHECKING;
	s->tries = 0;
	arm(s, now + grown(s, CHECK_FIRST, s->lags, HF_NOTIFY_SELDOM));
}

/* ---- a message ---- */

static void write_question(const struct secondary *s, const uint8_t head[static HF_HEADER_LEN - 2],
	struct hf_writer *w)
{
	const struct hf_name *zone = &s->all->conf.zone->name;
	hf_write_u16(w, 0); /* the id */
	hf_write(w, head, HF_HEADER_LEN - 2);
	hf_write(w, zone->bytes, zone->len);
	hf_write_u16(w, HF_TYPE_SOA);
	hf_write_u16(w, HF_CLASS_IN);
}

static void write_notify(const struct secondary *s, struct hf_writer *w)
{
	static const uint8_t head[] = {
		HF_OPCODE_NOTIFY << 3 | HF_FLAG_AA >> 8, 0, 0, 1, 0, 1, 0, 0, 0, 0};
	write_question(s, head, w);
	hf_write_u16(w, 0xc000 | HF_HEADER_LEN);
	hf_write_u16(w, HF_TYPE_SOA);
	hf_write_u16(w, HF_CLASS_IN);
	hf_write_u32(w, s->ttl);
	hf_write_u16(w, s->soa_len);
	hf_write(w, s->soa, s->soa_len);
}

static size_t write_message(const struct secondary *s, uint8_t m[static MESSAGE_MAX])
{
	static const uint8_t query[HF_HEADER_LEN - 2] = {0, 0, 0, 1};
	struct hf_writer w = hf_writer(m, MESSAGE_MAX - HF_TSIG_ROOM);
	if (s->step == STEP_CHECKING)
		write_question(s, query, &w);
	else
		write_notify(s, &w);
	(void)hf_unexpected(w.overrun);
	return w.len;
}

static void count_sent(struct secondary *s)
{
	if (s->step == STEP_CHECKING)
		s->all->figures.asked++;
	else
		s->all->figures.sent++;
	s->all->conf.moved(s->all->conf.ctx);
}

static void send(struct secondary *s, hf_us now)
{
	uint8_t m[MESSAGE_MAX];
	size_t len = write_message(s, m);
	int rc = 0;
	hf_put_u16(m, (uint16_t)hf_loop_random_u32(loop_of(s)));
	if (s->tsig && s->step == STEP_TELLING)
		rc = hf_tsig_sign(s->tsig, m, &len, sizeof m, (uint64_t)hf_loop_wall(loop_of(s)));
	rc = rc ? rc : hf_datagram_call(s->all->conf.calls, &s->call, &s->address, m, len);
	s->tries++;
	s->unheard++;
	s->silent = true;
	s->sent_at = now;
	if (rc) {
		try_later(s, hf_strerror(rc), now);
		return;
	}
	count_sent(s);
	s->waiting = true;
	arm(s, now + PATIENCE);
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
	else if (hf_turn_take(s->all->conf.calls, &s->turn,
			 s->silent ? HF_TURN_NOTIFY_SILENT : HF_TURN_NOTIFY, &s->address))
		send(s, now);
}

/* ---- replies ---- */

static struct secondary *of_call(struct hf_datagram_call *call)
{
	return (struct secondary *)((char *)call - offsetof(struct secondary, call));
}

static bool is_ours(const struct secondary *s, const uint8_t *m, size_t len, size_t at)
{
	const struct hf_name *zone = &s->all->conf.zone->name;
	struct hf_name name;
	size_t next;
	return hf_name_read(m, len, at, &name, &next) == 0 && name.len == zone->len &&
	       hf_name_equal(name.bytes, zone->bytes, zone->len);
}

static bool answers(struct secondary *s, uint8_t *m, size_t len, struct hf_message_view *ret)
{
	bool question = s->step == STEP_CHECKING;
	if (hf_message_read(m, len, ret) || !(ret->flags & HF_FLAG_QR) ||
		hf_message_opcode(m) != (question ? HF_OPCODE_QUERY : HF_OPCODE_NOTIFY))
		return false;
	/* BIND leaves the question off when it refuses. */
	if (ret->question_end > HF_HEADER_LEN && !is_ours(s, m, len, HF_HEADER_LEN))
		return false;
	return question || !s->tsig ||
	       (hf_tsig_check_reply(s->tsig, m, &len, true, (uint64_t)hf_loop_wall(loop_of(s))) ==
			       HF_TSIG_GOOD &&
		       hf_message_read(m, len, ret) == 0);
}

static void heard(struct secondary *s, unsigned rcode, hf_us now)
{
	char why[60], text[HF_RCODE_TEXT_MAX];
	if (rcode == HF_RCODE_NOERROR) {
		s->all->figures.answered++;
		check_later(s, now);
		return;
	}
	snprintf(why, sizeof why, "it answers with %s", hf_rcode_text(rcode, text));
	complain(s, why, now);
	if (rcode == HF_RCODE_NOTIMP)
		s->step = STEP_DONE; /* and what was complained of stays so */
	else
		arm(s, now + grown(s, HF_NOTIFY_SELDOM, 0, HF_NOTIFY_SELDOM));
}

enum fetched { FETCHED, FETCHED_NOT, FETCHED_WHO_KNOWS };

/* SERVFAIL is what one says that has lost the zone, or never had it. */
static enum fetched read_serial(const struct secondary *s, const uint8_t *m,
	const struct hf_message_view *view, char *why, size_t size)
{
	struct hf_record r;
	if (view->rcode == HF_RCODE_SERVFAIL) {
		snprintf(why, size, "it was told, and answers for the zone with SERVFAIL");
		return FETCHED_NOT;
	}
	if (view->rcode || !(view->flags & HF_FLAG_AA) || !view->answers ||
		view->question_end == HF_HEADER_LEN ||
		hf_record_read(m, view->end, view->question_end, &r) || r.type != HF_TYPE_SOA ||
		r.class != HF_CLASS_IN || !is_ours(s, m, view->end, r.at))
		return FETCHED_WHO_KNOWS;
	uint32_t serial = hf_get_u32(m + r.end - 20);
	snprintf(why, size, "it was told, and still serves serial %lu", (unsigned long)serial);
	return hf_serial_older(serial, s->serial) ? FETCHED_NOT : FETCHED;
}

static void checked(
	struct secondary *s, const uint8_t *m, const struct hf_message_view *view, hf_us now)
{
	char why[60];
	if (read_serial(s, m, view, why, sizeof why) != FETCHED_NOT) {
		finish(s, now);
		return;
	}
	if (++s->lags >= HF_NOTIFY_LAGS)
		complain(s, why, now);
	s->step = STEP_TELLING;
	s->tries = 0;
	arm(s, now);
}

static void replied(struct hf_datagram_call *call, uint8_t *m, size_t len, bool cut, hf_us now)
{
	struct secondary *s = of_call(call);
	struct hf_message_view view;
	if (cut || !answers(s, m, len, &view))
		return; /* anybody's: the right one may come yet */
	s->silent = false;
	s->unheard = 0;
	if (s->newer) {
		tell_newer(s, now);
		return;
	}
	take_back(s);
	if (s->step == STEP_CHECKING)
		checked(s, m, &view, now);
	else
		heard(s, view.rcode, now);
}

static void refused(struct hf_datagram_call *call, int error, hf_us now)
{
	try_later(of_call(call), hf_strerror(error), now);
}

/* ---- versions ---- */

/* What is told. */
static void note(struct secondary *s, const struct hf_zone *version, const struct hf_zone_set *soa)
{
	s->serial = hf_zone_soa(version)->serial;
	s->soa_len = hf_get_u16(soa->rdata);
	memcpy(s->soa, soa->rdata + 2, s->soa_len);
	s->ttl = soa->ttl;
}

/* A message that is out is waited for: a reply to it says that the next one will be heard. */
static void begin(struct secondary *s, hf_us now)
{
	bool out = s->waiting && s->step == STEP_TELLING;
	s->step = STEP_TELLING;
	s->tries = 0;
	s->newer = out;
	if (out)
		return;
	hf_us due = now + jittered(s, SPREAD);
	take_back(s);
	if (s->silent && s->sent_at + WAIT_FIRST > due)
		due = s->sent_at + WAIT_FIRST;
	arm(s, due);
}

void hf_notify_tell(struct hf_notify *notify, const struct hf_zone *version, hf_us now)
{
	struct hf_zone_set soa;
	if (!notify ||
		hf_unexpected(!hf_zone_find(version, hf_zone_origin(version), HF_TYPE_SOA, &soa)) ||
		hf_unexpected(hf_get_u16(soa.rdata) > sizeof notify->secondaries[0].soa))
		return;
	for (size_t i = 0; i < notify->count; i++) {
		struct secondary *s = &notify->secondaries[i];
		bool known = s->step != STEP_NONE && s->serial == hf_zone_soa(version)->serial;
		if (known && !s->resumed)
			continue;
		note(s, version, &soa);
		if (!known)
			begin(s, now);
		else if (s->step == STEP_CHECKING)
			check_later(s, now);
		s->resumed = false;
	}
}

struct hf_notify_figures hf_notify_figures(const struct hf_notify *notify)
{
	struct hf_notify_figures figures = {0};
	if (!notify)
		return figures;
	figures = notify->figures;
	for (size_t i = 0; i < notify->count; i++)
		figures.untold += notify->secondaries[i].complained;
	return figures;
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
		if (!hf_address_equal(&old->address, &s->address))
			continue;
		s->silent = old->silent && !old->waiting;
		s->sent_at = old->sent_at;
		s->unheard = old->unheard;
		s->lags = old->lags;
		s->complained = old->complained;
		if (old->step == STEP_CHECKING || old->step == STEP_DONE) {
			s->step = old->step;
			s->serial = old->serial;
			s->resumed = true;
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
