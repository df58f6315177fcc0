/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "authority/witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "authority/download.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "wire/build.h"
#include "wire/type.h"

#define WHY_MAX 200

/* Tries over UDP, and how long each is waited for: together HF_WITNESS_PATIENCE. */
#define TRIES 3
static const hf_us waits[TRIES] = {700 * HF_MS, 1300 * HF_MS, 3 * HF_SECOND};

struct hf_witness {
	struct hf_witness_conf conf;
	struct hf_tsig *tsig; /* NULL: unsigned */
	struct hf_secure secure;
	struct hf_question question;
	struct hf_datagram_call udp;
	struct hf_turn turn;
	struct hf_call *call;
	struct hf_download *download;
	struct hf_timer timer; /* the next try, or the end */
	bool asking;
	unsigned tries;
	unsigned server; /* TXT without an address: which primary's turn it is; URL: which address
			    is begun with */
	struct hf_place at;             /* who is asked now */
	char fault[WHY_MAX];            /* what was wrong with a message that was passed over */
	uint8_t asked[HF_NAME_MAX + 4]; /* the question as sent */
	uint8_t m[HF_QUERY_MAX + HF_TSIG_ROOM];
	size_t len;
};

/* ---- the end of a question ---- */

static void stop(struct hf_witness *w)
{
	hf_timer_disarm(hf_loop_timers(w->conf.loop), &w->timer);
	hf_datagram_forget(&w->udp);
	hf_call_end(w->call);
	w->call = NULL;
	hf_download_end(w->download);
	w->download = NULL;
	hf_turn_give(w->conf.calls, &w->turn);
	w->asking = false;
}

/* Nothing of the witness may be touched behind it: whoever hears it may free it. */
static void fail(struct hf_witness *w, const char *why, hf_us now)
{
	char who[HF_ADDRESS_TEXT_MAX] = "", text[WHY_MAX + HF_ADDRESS_TEXT_MAX];
	if (hf_address_set(&w->at.address))
		hf_address_text(&w->at.address, who);
	snprintf(text, sizeof text, "%s%s%s", who, who[0] ? ": " : "", why);
	w->server++; /* another primary's turn */
	stop(w);
	w->conf.said(w->conf.ctx, w->conf.index, false, 0, text, now);
}

static void succeed(struct hf_witness *w, uint32_t serial, hf_us now)
{
	stop(w);
	w->conf.said(w->conf.ctx, w->conf.index, true, serial, "", now);
}

/* ---- what an answer says ---- */

enum said { SAID_SERIAL, SAID_FAULT, SAID_CUT, SAID_NOTHING };

struct answer {
	const uint8_t *m;
	struct hf_message_view view;
	uint32_t serial;
	char why[WHY_MAX];
};

/* One decimal number in one string. */
static bool read_number(const uint8_t *rdata, size_t len, uint32_t *ret)
{
	uint64_t value = 0;
	if (len < 2 || len > 11 || rdata[0] != len - 1)
		return false;
	for (size_t i = 1; i < len; i++) {
		if (rdata[i] < '0' || rdata[i] > '9')
			return false;
		value = 10 * value + (rdata[i] - '0');
	}
	*ret = (uint32_t)value;
	return value <= UINT32_MAX;
}

static bool is_at(const uint8_t *m, const struct hf_record *r, const struct hf_name *name)
{
	struct hf_name owner;
	size_t next;
	return hf_name_read(m, r->end, r->at, &owner, &next) == 0 && owner.len == name->len &&
	       hf_name_equal(owner.bytes, name->bytes, name->len);
}

/* The records of the type asked for that count: an SOA must be the zone's own; a TXT may
 * stand behind an alias. */
static unsigned find(const struct hf_witness *w, const struct answer *a, struct hf_record *ret)
{
	size_t at = a->view.question_end;
	unsigned found = 0;
	struct hf_record r;
	for (unsigned i = 0; i < a->view.answers; i++, at = r.end) {
		if (hf_unexpected(hf_record_read(a->m, a->view.end, at, &r)))
			return 0;
		bool own = r.type == w->question.type && r.class == HF_CLASS_IN;
		if (own && r.type == HF_TYPE_SOA)
			own = is_at(a->m, &r, &w->question.name);
		if (own)
			*ret = r;
		found += own;
	}
	return found;
}

static enum said fault(struct answer *a, const char *why)
{
	snprintf(a->why, sizeof a->why, "%s", why);
	return SAID_FAULT;
}

static enum said read_answer(const struct hf_witness *w, struct answer *a)
{
	struct hf_record r;
	bool soa = w->question.type == HF_TYPE_SOA;
	if (a->view.flags & HF_FLAG_TC)
		return SAID_CUT;
	if (a->view.rcode) {
		char rcode[HF_RCODE_TEXT_MAX];
		snprintf(a->why, sizeof a->why, "the answer is %s",
			hf_rcode_text(a->view.rcode, rcode));
		return SAID_FAULT;
	}
	if (soa && !(a->view.flags & HF_FLAG_AA))
		return fault(a, "it has no authority for the zone");
	if (find(w, a, &r) != 1 || !r.rdata_len)
		return fault(a, soa ? "the answer is not the zone's SOA record"
				    : "the answer is not one TXT record");
	if (!soa && !read_number(a->m + r.rdata_at, r.rdata_len, &a->serial))
		return fault(a, "the TXT record is not one decimal number");
	if (soa)
		a->serial = hf_get_u32(a->m + r.end - 20);
	return SAID_SERIAL;
}

/* What fits the question and is signed as it should be; anything else says nothing. */
static enum said hear(struct hf_witness *w, uint8_t *m, size_t len, struct answer *a)
{
	enum hf_tsig_found found;
	*a = (struct answer){.m = m};
	if (hf_message_read(m, len, &a->view) || !(a->view.flags & HF_FLAG_QR) ||
		!hf_message_echoes(m, &a->view, w->asked, w->question.name.len + 4u))
		return SAID_NOTHING;
	if (!w->tsig)
		return read_answer(w, a);
	found = hf_tsig_check_reply(w->tsig, m, &len, true, (uint64_t)hf_loop_wall(w->conf.loop));
	if (found == HF_TSIG_GOOD && hf_message_read(m, len, &a->view) == 0)
		return read_answer(w, a);
	snprintf(w->fault, sizeof w->fault, "%s", hf_tsig_found_text(found));
	return SAID_NOTHING;
}

/* ---- over a connection ---- */

static void write_question(struct hf_witness *w, bool mixed);

static void call_message(void *ctx, uint8_t *m, size_t len, hf_us now)
{
	struct hf_witness *w = ctx;
	struct answer a;
	switch (hear(w, m, len, &a)) {
	case SAID_SERIAL: succeed(w, a.serial, now); return;
	case SAID_FAULT: fail(w, a.why, now); return;
	case SAID_CUT:
	case SAID_NOTHING:
		fail(w, w->fault[0] ? w->fault : "the answer does not fit the question", now);
	}
}

static void call_failed(void *ctx, const char *why, hf_us now)
{
	struct hf_witness *w = ctx;
	char text[WHY_MAX]; /* the words are the call's, which ends first */
	snprintf(text, sizeof text, "%s", why);
	fail(w, text, now);
}

static const struct hf_call_handler call_handler = {call_message, call_failed};

static void begin_call(struct hf_witness *w, hf_us now)
{
	int rc = 0;
	write_question(w, false);
	bool tls = w->at.kind == HF_PLACE_TLS;
	if (tls && !w->secure.trust && !w->secure.peer.pin_count)
		rc = hf_calls_secure(w->conf.calls, w->conf.zone, &w->secure);
	rc = rc ? rc
		: hf_call_begin(w->conf.calls, &w->at.address, tls ? &w->secure : NULL, w->m,
			  w->len, &call_handler, w, &w->call);
	if (rc) {
		fail(w, hf_strerror(rc), now);
		return;
	}
	hf_timer_arm(hf_loop_timers(w->conf.loop), &w->timer, now + HF_WITNESS_PATIENCE);
}

static void turn_came(struct hf_turn *turn, hf_us now)
{
	begin_call((struct hf_witness *)((char *)turn - offsetof(struct hf_witness, turn)), now);
}

static void ask_over_connection(struct hf_witness *w, hf_us now)
{
	hf_timer_disarm(hf_loop_timers(w->conf.loop), &w->timer);
	hf_datagram_forget(&w->udp);
	w->tries = TRIES;
	if (hf_turn_take(w->conf.calls, &w->turn, HF_TURN_QUESTION, &w->at.address))
		begin_call(w, now);
}

/* ---- over UDP ---- */

static void replied(struct hf_datagram_call *udp, uint8_t *m, size_t len, bool cut, hf_us now)
{
	struct hf_witness *w =
		(struct hf_witness *)((char *)udp - offsetof(struct hf_witness, udp));
	struct answer a;
	enum said said = cut ? SAID_NOTHING : hear(w, m, len, &a);
	if (said == SAID_SERIAL)
		succeed(w, a.serial, now);
	else if (said == SAID_FAULT)
		fail(w, a.why, now);
	else if (said == SAID_CUT)
		ask_over_connection(w, now);
}

static void refused(struct hf_datagram_call *udp, int error, hf_us now)
{
	struct hf_witness *w =
		(struct hf_witness *)((char *)udp - offsetof(struct hf_witness, udp));
	fail(w, hf_strerror(error), now);
}

static void write_question(struct hf_witness *w, bool mixed)
{
	uint8_t bits[HF_NAME_MAX / 8 + 1], name[HF_NAME_MAX];
	const struct hf_name *n = &w->question.name;
	const struct hf_ask ask = {.question = &w->question,
		.recursion_desired = w->question.type == HF_TYPE_TXT,
		.mixed = mixed ? name : NULL};
	hf_loop_random(w->conf.loop, bits, sizeof bits);
	if (mixed)
		hf_name_mix(n->bytes, n->len, bits, name);
	w->len = hf_build_query(w->m, &ask);
	hf_put_u16(w->m, (uint16_t)hf_loop_random_u32(w->conf.loop));
	memcpy(w->asked, w->m + HF_HEADER_LEN, n->len + 4u);
	if (w->tsig)
		(void)hf_unexpected(hf_tsig_sign(
			w->tsig, w->m, &w->len, sizeof w->m, (uint64_t)hf_loop_wall(w->conf.loop)));
}

/* The last try is in lower case: for the few who do not give it back as it came. */
static void try_udp(struct hf_witness *w, hf_us now)
{
	write_question(w, w->tries + 1 < TRIES);
	int rc = hf_datagram_call(w->conf.calls, &w->udp, &w->at.address, w->m, w->len);
	if (rc) {
		fail(w, hf_strerror(rc), now);
		return;
	}
	hf_timer_arm(hf_loop_timers(w->conf.loop), &w->timer, now + waits[w->tries++]);
}

static void time_out(struct hf_timer *timer, hf_us now)
{
	struct hf_witness *w =
		(struct hf_witness *)((char *)timer - offsetof(struct hf_witness, timer));
	if (w->tries < TRIES)
		try_udp(w, now);
	else
		fail(w, w->fault[0] ? w->fault : "it does not answer", now);
}

/* ---- over HTTP ---- */

static void downloaded(void *ctx, const struct hf_downloaded *d, hf_us now)
{
	struct hf_witness *w = ctx;
	char why[HF_DOCUMENT_WHY_MAX];
	uint32_t serial;
	if (d->why[0]) {
		fail(w, d->why, now);
		return;
	}
	if (!d->measured) { /* 12 of 1234 is a serial, too */
		fail(w, "the server does not say how long it is", now);
		return;
	}
	int rc = hf_document_serial(
		(const char *)d->body, d->len, &w->conf.zone->name, why, &serial);
	if (rc)
		fail(w, rc == -ENOMEM ? hf_strerror(rc) : why, now);
	else
		succeed(w, serial, now);
}

static void ask_over_http(struct hf_witness *w, hf_us now)
{
	const struct hf_download_conf conf = {.calls = w->conf.calls,
		.zone = w->conf.zone,
		.url = w->at.url,
		.kind = HF_TURN_QUESTION,
		.most = HF_DOCUMENT_MAX,
		.patience = HF_WITNESS_PATIENCE,
		.first = w->server,
		.done = downloaded,
		.ctx = w};
	int rc = hf_download_begin(&conf, &w->download);
	if (rc)
		fail(w, hf_strerror(rc), now);
}

/* ---- asking ---- */

/* A TXT name without a server is asked of the primaries, another one each time that one has
 * failed. */
static bool choose_server(struct hf_witness *w)
{
	const struct hf_text_list *primaries = &w->conf.zone->primaries;
	w->at = w->conf.place;
	if (w->at.kind != HF_PLACE_TXT)
		return true;
	w->at.kind = HF_PLACE_DNS;
	if (hf_address_set(&w->at.address))
		return true;
	return primaries->count &&
	       hf_place_parse(primaries->items[w->server % primaries->count], &w->at) == 0;
}

/* Who keeps a catalog from clients may show it over connections only, where addresses are not
 * forged (RFC 9432 7): Knot does. */
static bool of_catalog(const struct hf_witness *w)
{
	return w->conf.zone->catalog && w->question.type == HF_TYPE_SOA;
}

void hf_witness_ask(struct hf_witness *w, hf_us now)
{
	if (w->asking)
		return;
	w->asking = true;
	w->tries = 0;
	w->fault[0] = 0;
	if (!choose_server(w))
		fail(w, "there is no primary to ask for the TXT record", now);
	else if (w->at.kind == HF_PLACE_URL)
		ask_over_http(w, now);
	else if (w->at.kind == HF_PLACE_TLS || of_catalog(w))
		ask_over_connection(w, now);
	else
		try_udp(w, now);
}

void hf_witness_cancel(struct hf_witness *w)
{
	if (w->asking)
		stop(w);
}

int hf_witness_new(const struct hf_witness_conf *conf, struct hf_witness **ret)
{
	struct hf_witness *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	bool txt = conf->place.kind == HF_PLACE_TXT;
	w->conf = *conf;
	w->question = (struct hf_question){.name = txt ? conf->place.name : conf->zone->name,
		.type = txt ? HF_TYPE_TXT : HF_TYPE_SOA,
		.class = HF_CLASS_IN};
	w->udp.replied = replied;
	w->udp.refused = refused;
	w->turn.come = turn_came;
	w->timer.fire = time_out;
	int rc = conf->key ? hf_tsig_new(conf->key, 1, &w->tsig) : 0;
	if (rc)
		hf_witness_free(w);
	else
		*ret = w;
	return rc;
}

void hf_witness_free(struct hf_witness *w)
{
	if (!w)
		return;
	hf_witness_cancel(w);
	hf_tsig_free(w->tsig);
	hf_trust_unref(w->secure.trust);
	free(w);
}
