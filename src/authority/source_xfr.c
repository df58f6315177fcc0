/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Versions of a zone from its primaries: RFC 5936 (AXFR), 1995 (IXFR), 8945, 9103.
 *
 * Where there are several primaries, and none has said that it has news, all are asked for
 * their serial first; then the one with the newest is asked for the zone, then the next, and
 * those that did not say in the order in which they are written down. Who has nothing newer
 * than what is here is not asked. Differences are asked for where there is a version that
 * they can begin from; what cannot be applied is asked for whole, of the same primary, and
 * so is, the next time, what broke off.
 * Who fails rests for a while that is drawn anew each time and grows; where all rest, the
 * one that is through first is asked all the same: the keeper paces.
 * Where others have the memory (authority/space.h), what has come is dropped, and the same
 * primary is asked again when there is enough. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/making.h"
#include "authority/source.h"
#include "authority/witness.h"
#include "base/check.h"
#include "base/error.h"
#include "truth/serials.h"
#include "wire/type.h"
#include "zone/transfer.h"

/* For how long the serials of primaries are waited for: one that is slower may still be
 * asked for the zone, behind those that were quick. */
#define SERIALS_PATIENCE (1 * HF_SECOND)

/* The first rest is up to this, doubling up to the most. */
#define REST_LEAST (1 * HF_SECOND)
#define REST_MOST (60 * HF_SECOND)

struct primary {
	struct hf_place place;
	struct hf_witness *witness;
	hf_us rests_until;
	unsigned failures;   /* in a row */
	char *fault;         /* the last of them; NULL */
	bool no_differences; /* they failed last time: it is asked for all next time */
	/* ---- of this fetch ---- */
	bool left;   /* may still be tried */
	bool waited; /* for its serial */
	bool known;  /* its serial */
	uint32_t serial;
};

struct xfr {
	struct hf_source source;
	struct primary *primaries;
	size_t count;
	struct hf_secure secure;
	bool has_secure;
	struct hf_tsig *tsig; /* NULL: unsigned */
	struct hf_turn turn;
	struct hf_space space; /* what has come, and the zone that is made of it */
	struct hf_call *call;
	struct hf_transfer *transfer;
	struct hf_making *making; /* of what has come; NULL */
	struct hf_timer timer;    /* the patience with serials */
	/* ---- of this fetch ---- */
	bool under_way;
	bool asking;    /* for serials */
	bool beginning; /* ... and not all have been asked yet */
	struct hf_zone *have;
	bool whole; /* as the fetch wants it */
	bool all;   /* this transfer is to be whole */
	size_t first, current;
	bool nothing; /* somebody has nothing newer: this at best */
	uint32_t nothing_serial;
	size_t nothing_primary;
	char why[HF_SOURCE_WHY_MAX];
};

static void next_primary(struct xfr *x, hf_us now);

/* ---- the end ---- */

static void hang_up(struct xfr *x)
{
	hf_call_end(x->call);
	x->call = NULL;
	hf_transfer_free(x->transfer);
	x->transfer = NULL;
	hf_making_end(&x->making);
	hf_turn_give(x->source.conf.calls, &x->turn);
	hf_space_give(hf_calls_spaces(x->source.conf.calls), &x->space);
}

static void stop_asking(struct xfr *x)
{
	x->asking = false;
	hf_timer_disarm(hf_loop_timers(x->source.conf.loop), &x->timer);
	for (size_t i = 0; i < x->count; i++)
		hf_witness_cancel(x->primaries[i].witness);
}

static void cancel(struct hf_source *source)
{
	struct xfr *x = (struct xfr *)source;
	stop_asking(x);
	hang_up(x);
	hf_zone_unref(x->have);
	x->have = NULL;
	x->under_way = false;
}

/* Nothing of the source may be touched behind it: whoever hears it may begin again, or
 * free it. Takes the zone. */
static void finish(
	struct xfr *x, enum hf_source_result result, struct hf_fetched fetched, hf_us now)
{
	char why[HF_SOURCE_WHY_MAX];
	const struct hf_source_conf conf = x->source.conf;
	snprintf(why, sizeof why, "%s", x->why);
	fetched.result = result;
	fetched.why = why;
	cancel(&x->source);
	conf.handler->fetched(conf.ctx, &fetched, now);
	hf_zone_unref(fetched.zone);
}

static void add_fault(struct xfr *x, const struct primary *p, const char *why)
{
	char who[HF_ADDRESS_TEXT_MAX];
	size_t len = strlen(x->why);
	snprintf(x->why + len, sizeof x->why - len, "%s%s: %s", len ? "; " : "",
		hf_address_text(&p->place.address, who), why);
}

/* Those that rest as well, in the order in which they are written down: else the same trouble
 * would be told anew each time that another of them is asked. */
static void say_all_faults(struct xfr *x)
{
	x->why[0] = 0;
	for (size_t i = 0; i < x->count; i++)
		if (x->primaries[i].fault)
			add_fault(x, &x->primaries[i], x->primaries[i].fault);
}

static void finish_empty_handed(struct xfr *x, hf_us now)
{
	if (!x->nothing)
		say_all_faults(x);
	if (x->nothing)
		finish(x, HF_SOURCE_NOTHING,
			(struct hf_fetched){
				.serial = x->nothing_serial, .primary = x->nothing_primary},
			now);
	else
		finish(x, HF_SOURCE_FAILED, (struct hf_fetched){.primary = HF_SOURCE_NO_PRIMARY},
			now);
}

/* ---- what becomes of a primary ---- */

static void note_nothing(struct xfr *x, size_t i, uint32_t serial)
{
	if (x->nothing && !hf_serial_older(x->nothing_serial, serial))
		return;
	x->nothing = true;
	x->nothing_serial = serial;
	x->nothing_primary = i;
}

static void note_fault(struct xfr *x, struct primary *p, const char *why)
{
	add_fault(x, p, why);
	free(p->fault);
	p->fault = strdup(why);
}

static void note_success(struct primary *p)
{
	p->failures = 0;
	free(p->fault);
	p->fault = NULL;
}

static void let_rest(struct xfr *x, struct primary *p, hf_us now)
{
	hf_us most = REST_LEAST;
	for (unsigned i = 0; i < p->failures && most < REST_MOST; i++)
		most *= 2;
	most = most < REST_MOST ? most : REST_MOST;
	p->failures++;
	p->rests_until =
		now + (hf_us)((uint64_t)most * hf_loop_random_u32(x->source.conf.loop) >> 32);
}

static void primary_failed(struct xfr *x, const char *why, hf_us now)
{
	struct primary *p = &x->primaries[x->current];
	note_fault(x, p, why);
	p->no_differences = !x->all;
	let_rest(x, p, now);
	hang_up(x);
	next_primary(x, now);
}

static void primary_has_nothing(struct xfr *x, uint32_t serial, hf_us now)
{
	note_success(&x->primaries[x->current]);
	note_nothing(x, x->current, serial);
	hang_up(x);
	next_primary(x, now);
}

/* ---- a transfer ---- */

static void begin_call(struct xfr *x, hf_us now);

static void ask_for_all(struct xfr *x, hf_us now)
{
	hf_call_end(x->call);
	x->call = NULL;
	hf_transfer_free(x->transfer);
	x->transfer = NULL;
	x->all = true;
	begin_call(x, now);
}

static bool may_go_back(const struct xfr *x)
{
	return x->source.conf.zone->serial_may_go_back;
}

/* Whether a version with this serial is what the fetch is for. */
static bool is_wanted(const struct xfr *x, uint32_t serial)
{
	uint32_t ours = x->have ? hf_zone_soa(x->have)->serial : 0;
	if (!x->have || hf_serial_older(ours, serial))
		return true;
	return serial == ours ? x->whole : may_go_back(x);
}

static void made(void *ctx, const struct hf_made *made, hf_us now)
{
	struct xfr *x = ctx;
	if (made->rc && !x->all && x->have) {
		ask_for_all(x, now);
		return;
	}
	if (made->rc) {
		primary_failed(x, made->why[0] ? made->why : hf_strerror(made->rc), now);
		return;
	}
	note_success(&x->primaries[x->current]);
	x->primaries[x->current].no_differences = false;
	finish(x, HF_SOURCE_NEW,
		(struct hf_fetched){.zone = made->zone,
			.serial = hf_zone_soa(made->zone)->serial,
			.primary = x->current,
			.differences = made->differences},
		now);
}

/* The turn is kept until there is a zone, for that takes as much memory again. */
static void came_whole(struct xfr *x, hf_us now)
{
	if (x->tsig && !hf_tsig_settled(x->tsig)) {
		primary_failed(x, "the last message is not signed", now);
		return;
	}
	uint32_t serial = hf_transfer_serial(x->transfer);
	if (!is_wanted(x, serial)) {
		primary_has_nothing(x, serial, now);
		return;
	}
	struct hf_transfer *transfer = x->transfer;
	x->transfer = NULL;
	hf_call_end(x->call);
	x->call = NULL;
	int rc = hf_making_begin(x->source.conf.hands, transfer, made, x, &x->making, now);
	if (rc)
		primary_failed(x, hf_strerror(rc), now);
}

static void came_nothing(struct xfr *x, hf_us now)
{
	uint32_t serial = hf_transfer_serial(x->transfer);
	if (is_wanted(x, serial)) /* an older one, and it may take the place of ours */
		ask_for_all(x, now);
	else
		primary_has_nothing(x, serial, now);
}

static void came_fault(struct xfr *x, hf_us now)
{
	char why[HF_SOURCE_WHY_MAX];
	snprintf(why, sizeof why, "%s", hf_transfer_why(x->transfer));
	primary_failed(x, why, now);
}

/* True: the message may be believed. */
static bool check_signature(struct xfr *x, uint8_t *m, size_t *len, hf_us now)
{
	char why[HF_SOURCE_WHY_MAX], text[HF_RCODE_TEXT_MAX];
	if (!x->tsig)
		return true;
	enum hf_tsig_found found = hf_tsig_check_reply(
		x->tsig, m, len, false, (uint64_t)hf_loop_wall(x->source.conf.loop));
	if (found == HF_TSIG_GOOD)
		return true;
	unsigned rcode = *len >= HF_HEADER_LEN ? hf_message_flags(m) & HF_FLAG_RCODE : 0;
	snprintf(why, sizeof why, "%s", hf_tsig_found_text(found));
	if (found == HF_TSIG_ABSENT && rcode)
		snprintf(why, sizeof why, "%s, the answer is %s", hf_tsig_found_text(found),
			hf_rcode_text(rcode, text));
	primary_failed(x, why, now);
	return false;
}

/* Others have the memory: all is dropped, and begun anew when there is enough. */
static void put_off(struct xfr *x, uint64_t octets, hf_us now)
{
	const struct hf_source_conf *conf = &x->source.conf;
	hang_up(x);
	hf_space_wait(hf_calls_spaces(conf->calls), &x->space, octets);
	conf->handler->put_off(conf->ctx, now);
}

static void space_came(struct hf_space *space, hf_us now)
{
	struct xfr *x = (struct xfr *)((char *)space - offsetof(struct xfr, space));
	if (hf_turn_take(x->source.conf.calls, &x->turn, HF_TURN_TRANSFER,
		    &x->primaries[x->current].place.address))
		begin_call(x, now);
}

/* False: it does not go on. */
static bool has_space(struct xfr *x, hf_us now)
{
	uint64_t octets = hf_transfer_memory(x->transfer);
	switch (hf_space_take(hf_calls_spaces(x->source.conf.calls), &x->space, octets)) {
	case HF_SPACE_TAKEN: return true;
	case HF_SPACE_LATER: put_off(x, octets, now); return false;
	case HF_SPACE_NEVER:
	default: primary_failed(x, HF_SOURCE_NO_SPACE, now); return false;
	}
}

static void message(void *ctx, uint8_t *m, size_t len, hf_us now)
{
	struct xfr *x = ctx;
	if (!check_signature(x, m, &len, now))
		return;
	enum hf_transfer_step step = hf_transfer_message(x->transfer, m, len);
	if ((step == HF_TRANSFER_MORE || step == HF_TRANSFER_WHOLE) && !has_space(x, now))
		return;
	switch (step) {
	case HF_TRANSFER_MORE: return;
	case HF_TRANSFER_WHOLE: came_whole(x, now); return;
	case HF_TRANSFER_NOTHING: came_nothing(x, now); return;
	case HF_TRANSFER_AGAIN: ask_for_all(x, now); return;
	case HF_TRANSFER_REFUSED:
	case HF_TRANSFER_BROKEN: came_fault(x, now);
	}
}

static void call_failed(void *ctx, const char *why, hf_us now)
{
	char text[HF_SOURCE_WHY_MAX]; /* the words are the call's, which ends first */
	snprintf(text, sizeof text, "%s", why);
	primary_failed(ctx, text, now);
}

static const struct hf_call_handler call_handler = {message, call_failed};

static int secure(struct xfr *x)
{
	int rc = x->has_secure
			 ? 0
			 : hf_calls_secure(x->source.conf.calls, x->source.conf.zone, &x->secure);
	x->has_secure = !rc;
	return rc;
}

static int request(struct xfr *x)
{
	const struct hf_source_conf *conf = &x->source.conf;
	const struct primary *p = &x->primaries[x->current];
	uint8_t m[HF_TRANSFER_ASK_MAX + HF_TSIG_ROOM];
	bool tls = p->place.kind == HF_PLACE_TLS;
	int rc = hf_transfer_new(
		&conf->zone->name, x->all ? NULL : x->have, &conf->limits, &x->transfer);
	rc = rc ? rc : tls ? secure(x) : 0;
	if (rc)
		return rc;
	size_t len = hf_transfer_ask(x->transfer, (uint16_t)hf_loop_random_u32(conf->loop), m);
	if (x->tsig)
		rc = hf_tsig_sign(x->tsig, m, &len, sizeof m, (uint64_t)hf_loop_wall(conf->loop));
	return rc ? rc
		  : hf_call_begin(conf->calls, &p->place.address, tls ? &x->secure : NULL, m, len,
			    &call_handler, x, &x->call);
}

static void begin_call(struct xfr *x, hf_us now)
{
	int rc = request(x);
	if (rc)
		primary_failed(x, hf_strerror(rc), now);
}

static void turn_came(struct hf_turn *turn, hf_us now)
{
	begin_call((struct xfr *)((char *)turn - offsetof(struct xfr, turn)), now);
}

/* ---- who is asked ---- */

/* Who has said that it has nothing for us is not asked for it. */
static void leave_out_the_old(struct xfr *x)
{
	for (size_t i = 0; i < x->count; i++) {
		struct primary *p = &x->primaries[i];
		if (p->left && p->known && !is_wanted(x, p->serial)) {
			p->left = false;
			note_nothing(x, i, p->serial);
		}
	}
}

static bool is_better(const struct xfr *x, size_t a, size_t b)
{
	const struct primary *p = &x->primaries[a], *q = &x->primaries[b];
	if (b == x->first || a == x->first)
		return a == x->first;
	if (p->known && q->known)
		return hf_serial_older(q->serial, p->serial);
	return p->known && !q->known;
}

static void next_primary(struct xfr *x, hf_us now)
{
	size_t best = x->count;
	leave_out_the_old(x);
	for (size_t i = 0; i < x->count; i++)
		if (x->primaries[i].left && (best == x->count || is_better(x, i, best)))
			best = i;
	if (best == x->count) {
		finish_empty_handed(x, now);
		return;
	}
	x->primaries[best].left = false;
	x->current = best;
	x->all = x->whole || !x->have || x->primaries[best].no_differences;
	if (hf_turn_take(x->source.conf.calls, &x->turn, HF_TURN_TRANSFER,
		    &x->primaries[best].place.address))
		begin_call(x, now);
}

static bool waits_for_serials(const struct xfr *x)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->primaries[i].waited)
			return true;
	return false;
}

static void serials_are_known(struct xfr *x, hf_us now)
{
	stop_asking(x);
	next_primary(x, now);
}

static void serial_said(
	void *ctx, size_t index, bool reached, uint32_t serial, const char *why, hf_us now)
{
	struct xfr *x = ctx;
	struct primary *p = &x->primaries[index];
	(void)why; /* it may still give the zone; if not, that says why */
	p->waited = false;
	p->known = reached;
	p->serial = serial;
	if (!x->beginning && !waits_for_serials(x))
		serials_are_known(x, now);
}

static void patience_over(struct hf_timer *timer, hf_us now)
{
	serials_are_known((struct xfr *)((char *)timer - offsetof(struct xfr, timer)), now);
}

static void ask_for_serials(struct xfr *x, hf_us now)
{
	x->asking = x->beginning = true;
	for (size_t i = 0; i < x->count; i++)
		x->primaries[i].waited = x->primaries[i].left;
	for (size_t i = 0; i < x->count; i++)
		if (x->primaries[i].left)
			hf_witness_ask(x->primaries[i].witness, now);
	x->beginning = false;
	if (waits_for_serials(x))
		hf_timer_arm(
			hf_loop_timers(x->source.conf.loop), &x->timer, now + SERIALS_PATIENCE);
	else
		serials_are_known(x, now);
}

/* Who may be asked: those that do not rest, or the first that will not. Returns how many. */
static size_t choose(struct xfr *x, hf_us now)
{
	size_t chosen = 0, soonest = 0;
	for (size_t i = 0; i < x->count; i++) {
		struct primary *p = &x->primaries[i];
		p->known = p->waited = false;
		p->left = p->rests_until <= now;
		chosen += p->left;
		if (p->rests_until < x->primaries[soonest].rests_until)
			soonest = i;
	}
	if (!chosen && x->count)
		x->primaries[soonest].left = true;
	return chosen ? chosen : x->count != 0;
}

static void begin(struct hf_source *source, const struct hf_fetch *fetch, hf_us now)
{
	struct xfr *x = (struct xfr *)source;
	cancel(source);
	x->under_way = true;
	x->have = fetch->have ? hf_zone_ref(fetch->have) : NULL;
	x->whole = fetch->whole;
	x->first = fetch->first;
	x->nothing = false;
	x->why[0] = 0;
	size_t chosen = choose(x, now);
	bool told = x->first < x->count && x->primaries[x->first].left;
	if (chosen > 1 && !told)
		ask_for_serials(x, now);
	else
		next_primary(x, now);
}

/* ---- beginning and end ---- */

static void free_xfr(struct hf_source *source)
{
	struct xfr *x = (struct xfr *)source;
	if (!x)
		return;
	cancel(source);
	for (size_t i = 0; i < x->count; i++) {
		hf_witness_free(x->primaries[i].witness);
		free(x->primaries[i].fault);
	}
	hf_trust_unref(x->secure.trust);
	hf_tsig_free(x->tsig);
	free(x->primaries);
	free(x);
}

static const struct hf_source_ops ops = {begin, cancel, free_xfr, NULL};

static int add_primary(struct xfr *x, const char *text)
{
	struct primary *p = &x->primaries[x->count];
	const struct hf_source_conf *conf = &x->source.conf;
	int rc = hf_place_parse(text, &p->place);
	if (rc || (p->place.kind != HF_PLACE_DNS && p->place.kind != HF_PLACE_TLS))
		return rc ? rc : HF_ESYNTAX;
	const struct hf_witness_conf witness = {.loop = conf->loop,
		.calls = conf->calls,
		.zone = conf->zone,
		.key = conf->key,
		.place = p->place,
		.index = x->count,
		.said = serial_said,
		.ctx = x};
	rc = hf_witness_new(&witness, &p->witness);
	x->count += !rc;
	return rc;
}

int hf_source_xfr_new(const struct hf_source_conf *conf, struct hf_source **ret)
{
	const struct hf_text_list *list = &conf->zone->primaries;
	struct xfr *x = calloc(1, sizeof *x);
	if (!x)
		return -ENOMEM;
	x->source = (struct hf_source){.ops = &ops, .conf = *conf};
	x->turn.come = turn_came;
	x->space.come = space_came;
	x->timer.fire = patience_over;
	x->primaries = calloc(list->count ? list->count : 1, sizeof *x->primaries);
	int rc = x->primaries ? 0 : -ENOMEM;
	if (!rc && conf->key)
		rc = hf_tsig_new(conf->key, 1, &x->tsig);
	for (size_t i = 0; !rc && i < list->count; i++)
		rc = add_primary(x, list->items[i]);
	if (rc)
		free_xfr(&x->source);
	else
		*ret = &x->source;
	return rc;
}
