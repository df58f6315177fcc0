/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Sources and witnesses in a world in a box, where primaries are what the test says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "authority/source.h"
#include "authority/witness.h"
#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "loop/loop_sim.h"
#include "transport/frame.h"
#include "wire/sample.h"

#define PRIMARIES 3
#define ORIGIN HF_RAW("\4corp\10internal\0")

enum manner {
	HONEST,
	SILENT, /* to everybody, connections are taken */
	ABSENT, /* nothing listens */
	REFUSES,
	STALLS,   /* after the first message */
	HANGS_UP, /* after the first message */
	DRIPS,    /* an octet each second, for ever */
	TALKS_ON, /* records without an end */
	NO_AA,
	CUTS, /* over UDP: TC */
	UNSIGNED,
	NO_IXFR, /* NOTIMP */
	ONE_SOA, /* for differences, and nothing behind it */
};

struct primary {
	struct world *w;
	struct hf_address at;
	enum manner manner;
	uint32_t serial;
	bool no_udp;
	struct hf_endpoint *endpoint;
	struct hf_stream_door *door;
	struct hf_stream *stream; /* the last one */
	struct hf_frame_in in;
	struct hf_timer drip;
	unsigned soas, axfrs, ixfrs, connections;
};

struct world {
	struct hf_sim *sim;
	struct hf_loop *here, *there;
	struct hf_calls *calls;
	struct primary primaries[PRIMARIES];
	struct hf_tsig_key key;
	struct hf_zone_conf zone;
	const char *texts[PRIMARIES];
	struct hf_source *source;
	/* What was told. */
	unsigned fetched;
	enum hf_source_result result;
	struct hf_zone *got;
	struct hf_fetched what;
	char why[HF_SOURCE_WHY_MAX + 1];
	hf_us when;
	unsigned said;
	bool reached;
	uint32_t serial;
};

static const uint8_t secret[32] = {1, 2, 3};

/* ---- a primary ---- */

static size_t write_soa(uint8_t *out, uint32_t serial)
{
	struct hf_writer w = hf_writer(out, 64);
	hf_write(&w, "\2ns\300\14\4host\300\14", 12);
	hf_write_u32(&w, serial);
	for (int i = 0; i < 4; i++)
		hf_write_u32(&w, 60);
	return w.len;
}

static void add_soa(struct hf_sample *s, uint32_t serial)
{
	uint8_t rdata[64];
	size_t len = write_soa(rdata, serial);
	hf_sample_record(s, HF_SAMPLE_ANSWER, HF_RAW("\300\14"), HF_TYPE_SOA, 60, rdata, len);
}

static void begin_reply(struct hf_sample *s, const uint8_t *q, size_t question, unsigned rcode)
{
	hf_sample_begin(
		s, (uint16_t)(HF_FLAG_QR | HF_FLAG_AA | rcode), q + HF_HEADER_LEN, question - 4, 0);
	memcpy(s->bytes, q, 2);
	memcpy(s->bytes + HF_HEADER_LEN, q + HF_HEADER_LEN, question);
}

static size_t question_of(const uint8_t *q, size_t len)
{
	size_t next;
	assert_int_equal(hf_name_skip(q, len, HF_HEADER_LEN, &next), 0);
	return next + 4 - HF_HEADER_LEN;
}

static void reply_udp(
	void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n, hf_us now)
{
	struct primary *p = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		struct hf_sample s;
		p->soas++;
		if (p->manner == SILENT || p->no_udp)
			continue;
		begin_reply(&s, batch[i].bytes, question_of(batch[i].bytes, batch[i].len),
			p->manner == REFUSES ? HF_RCODE_REFUSED : 0);
		if (p->manner == CUTS)
			s.bytes[2] |= 2;
		else if (p->manner != REFUSES)
			add_soa(&s, p->serial);
		if (p->manner == NO_AA)
			s.bytes[2] &= (uint8_t)~4;
		struct hf_datagram d = {.bytes = s.bytes, .len = s.w.len, .peer = batch[i].peer};
		hf_endpoint_send(endpoint, &d, 1, NULL);
	}
}

static const struct hf_endpoint_handler endpoint_handler = {.received = reply_udp};

struct out {
	struct primary *p;
	struct hf_tsig *tsig;
	struct hf_frame_out frames;
};

static void put(struct out *o, struct hf_sample *s)
{
	size_t len = s->w.len;
	if (o->tsig && o->p->manner != UNSIGNED)
		assert_int_equal(
			hf_tsig_sign(o->tsig, s->bytes, &len, sizeof s->bytes, HF_SIM_WALL), 0);
	assert_int_equal(hf_frame_put(&o->frames, s->bytes, len, 1 << 20), 0);
}

static void drip(struct hf_timer *timer, hf_us now)
{
	struct primary *p = (struct primary *)((char *)timer - offsetof(struct primary, drip));
	const uint8_t octet = 255; /* of a message that is long */
	if (p->stream && hf_stream_write(p->stream, &octet, 1) == 1)
		hf_timer_arm(hf_loop_timers(p->w->there), timer, now + HF_SECOND);
}

static void records(struct out *o, struct hf_sample *s, const uint8_t *q, size_t question)
{
	begin_reply(s, q, question, 0);
	hf_sample_record(
		s, HF_SAMPLE_ANSWER, HF_RAW("\300\14"), HF_TYPE_NS, 60, HF_RAW("\2ns\300\14"));
	hf_sample_record(
		s, HF_SAMPLE_ANSWER, HF_RAW("\2ns\300\14"), HF_TYPE_A, 60, HF_RAW("\12\0\0\1"));
	put(o, s);
}

/* The first message, and what then comes. Differences are given without any: an AXFR's. */
static void transfer(struct out *o, const uint8_t *q, size_t question, bool differences)
{
	struct hf_sample s;
	enum manner manner = o->p->manner;
	bool refuses = manner == REFUSES || (manner == NO_IXFR && differences);
	begin_reply(&s, q, question,
		manner == REFUSES ? HF_RCODE_REFUSED
		: refuses         ? HF_RCODE_NOTIMP
				  : 0);
	if (!refuses)
		add_soa(&s, o->p->serial);
	put(o, &s);
	if (refuses || manner == STALLS || manner == HANGS_UP || manner == DRIPS ||
		(manner == ONE_SOA && differences))
		return;
	records(o, &s, q, question);
	for (int i = 0; manner == TALKS_ON && i < 100; i++)
		records(o, &s, q, question);
	if (manner == TALKS_ON)
		return;
	begin_reply(&s, q, question, 0);
	add_soa(&s, o->p->serial);
	put(o, &s);
}

static void answer_stream(struct primary *p, uint8_t *q, size_t len)
{
	struct out o = {.p = p};
	const struct hf_tsig_key *key;
	struct hf_sample s;
	size_t question = question_of(q, len);
	unsigned type = hf_get_u16(q + HF_HEADER_LEN + question - 4);
	if (p->w->key.secret) {
		assert_int_equal(hf_tsig_new(&p->w->key, 1, &o.tsig), 0);
		(void)hf_tsig_check_request(o.tsig, q, &len, HF_SIM_WALL, &key);
	}
	p->soas += type == HF_TYPE_SOA;
	p->axfrs += type == HF_TYPE_AXFR;
	p->ixfrs += type == HF_TYPE_IXFR;
	if (type == HF_TYPE_SOA) {
		begin_reply(&s, q, question, 0);
		add_soa(&s, p->serial);
		put(&o, &s);
	} else {
		transfer(&o, q, question, type == HF_TYPE_IXFR);
	}
	assert_int_equal(hf_frame_flush(&o.frames, p->stream), 1);
	hf_frame_out_clear(&o.frames);
	hf_tsig_free(o.tsig);
	if (p->manner == DRIPS)
		hf_timer_arm(hf_loop_timers(p->w->there), &p->drip, hf_loop_now(p->w->there));
}

static void hang_up(struct primary *p)
{
	hf_stream_close(p->stream);
	hf_frame_in_clear(&p->in);
	p->stream = NULL;
}

static void served(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct primary *p = ctx;
	const uint8_t *m;
	size_t len;
	(void)what;
	(void)now;
	if (hf_frame_fill(&p->in, stream) <= 0) {
		hang_up(p);
		return;
	}
	while (hf_frame_next(&p->in, &m, &len))
		if (p->manner != SILENT)
			answer_stream(p, p->in.bytes + (m - p->in.bytes), len);
	if (p->manner == HANGS_UP)
		hang_up(p);
}

static const struct hf_stream_handler stream_handler = {served};

static void mute(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	uint8_t octets[512];
	(void)ctx;
	(void)what;
	(void)now;
	if (hf_stream_read(stream, octets, sizeof octets) <= 0)
		hf_stream_close(stream);
}

static const struct hf_stream_handler mute_handler = {mute};

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct primary *p = ctx;
	(void)door;
	(void)now;
	p->connections++;
	if (p->manner == SILENT) {
		hf_stream_handle(stream, &mute_handler, p);
		return;
	}
	if (p->stream)
		hang_up(p);
	p->stream = stream;
	hf_stream_handle(stream, &stream_handler, p);
}

static const struct hf_door_handler door_handler = {accepted};

/* ---- the world ---- */

static void fetched(void *ctx, const struct hf_fetched *f, hf_us now)
{
	struct world *w = ctx;
	w->fetched++;
	w->what = *f;
	w->when = now;
	hf_zone_unref(w->got);
	w->got = f->zone ? hf_zone_ref(f->zone) : NULL;
	snprintf(w->why, sizeof w->why, "%s", f->why);
}

static const struct hf_source_handler handler = {.fetched = fetched};

static void said(void *ctx, size_t index, bool reached, uint32_t serial, const char *why, hf_us now)
{
	struct world *w = ctx;
	(void)index;
	w->said++;
	w->reached = reached;
	w->serial = serial;
	w->when = now;
	snprintf(w->why, sizeof w->why, "%s", why);
}

static int set_up(void **state)
{
	static const char *const texts[] = {"198.51.100.1", "198.51.100.2", "198.51.100.3"};
	struct world *w = calloc(1, sizeof *w);
	w->sim = hf_sim_new(7);
	hf_sim_loop_new(w->sim, "here", &w->here);
	hf_sim_loop_new(w->sim, "there", &w->there);
	for (size_t i = 0; i < PRIMARIES; i++) {
		struct primary *p = &w->primaries[i];
		w->texts[i] = texts[i];
		*p = (struct primary){.w = w, .serial = 7, .drip = {.fire = drip}};
		hf_address_parse(texts[i], 53, &p->at);
		hf_sim_address(w->sim, "there", &p->at);
		const struct hf_bind bind = {.address = p->at, .fd = -1};
		assert_int_equal(
			hf_endpoint_open(w->there, &bind, &endpoint_handler, p, &p->endpoint), 0);
		assert_int_equal(hf_door_open(w->there, &bind, &door_handler, p, &p->door), 0);
	}
	assert_int_equal(hf_calls_new(w->here, &w->calls), 0);
	hf_name_from_text("corp.internal", 13, &w->zone.name);
	w->zone.tls_name = w->zone.tls_ca = "none";
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	if (w->source)
		w->source->ops->free(w->source);
	hf_calls_free(w->calls);
	for (size_t i = 0; i < PRIMARIES; i++)
		hang_up(&w->primaries[i]);
	hf_zone_unref(w->got);
	hf_sim_free(w->sim);
	free(w);
	return 0;
}

static void sign(struct world *w)
{
	hf_name_from_text("transfer.key", 12, &w->key.name);
	w->key.algorithm = HF_TSIG_SHA256;
	w->key.secret = secret;
	w->key.secret_len = sizeof secret;
}

static void make_source(struct world *w, size_t primaries)
{
	w->zone.primaries = (struct hf_text_list){w->texts, primaries};
	const struct hf_source_conf conf = {.loop = w->here,
		.calls = w->calls,
		.zone = &w->zone,
		.key = w->key.secret ? &w->key : NULL,
		.limits = {.records = 50},
		.handler = &handler,
		.ctx = w};
	assert_int_equal(hf_source_xfr_new(&conf, &w->source), 0);
}

static void begin(struct world *w, struct hf_zone *have, bool whole)
{
	const struct hf_fetch fetch = {.have = have, .whole = whole, .first = HF_SOURCE_NO_PRIMARY};
	w->source->ops->begin(w->source, &fetch, hf_loop_now(w->here));
}

/* Fetches, and returns what came of it. */
static enum hf_source_result fetch(struct world *w, struct hf_zone *have)
{
	unsigned before = w->fetched;
	begin(w, have, false);
	hf_sim_run_for(w->sim, 300 * HF_SECOND);
	assert_int_equal(w->fetched, before + 1);
	return w->what.result;
}

static void dies(struct primary *p)
{
	hf_endpoint_close(p->endpoint);
	hf_door_close(p->door);
	p->endpoint = NULL;
	p->door = NULL;
}

static struct hf_zone *take(struct world *w)
{
	struct hf_zone *zone = w->got;
	w->got = NULL;
	return zone;
}

/* ---- sources ---- */

static void a_zone_is_fetched_whole_and_then_asked_for_by_differences(void **state)
{
	struct world *w = *state;
	make_source(w, 1);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	assert_int_equal(w->what.serial, 7);
	assert_int_equal(hf_zone_soa(w->got)->serial, 7);
	struct hf_zone *have = take(w);
	assert_int_equal(fetch(w, have), HF_SOURCE_NOTHING);
	assert_int_equal(w->what.serial, 7);
	w->primaries[0].serial = 8;
	assert_int_equal(fetch(w, have), HF_SOURCE_NEW);
	assert_int_equal(hf_zone_soa(w->got)->serial, 8);
	assert_int_equal(w->primaries[0].axfrs, 1);
	assert_int_equal(w->primaries[0].ixfrs, 2);
	assert_int_equal(w->primaries[0].soas, 0); /* there is nobody to compare with */
	hf_zone_unref(have);
}

static void who_has_the_newest_serial_is_asked_first(void **state)
{
	struct world *w = *state;
	w->primaries[1].serial = 9;
	make_source(w, 3);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	assert_int_equal(w->what.primary, 1);
	assert_int_equal(w->what.serial, 9);
	assert_int_equal(w->primaries[0].connections + w->primaries[2].connections, 0);
}

static void who_has_nothing_newer_is_not_asked_for_it(void **state)
{
	struct world *w = *state;
	make_source(w, 3);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	struct hf_zone *have = take(w);
	assert_int_equal(fetch(w, have), HF_SOURCE_NOTHING);
	assert_int_equal(w->primaries[0].connections + w->primaries[1].connections +
				 w->primaries[2].connections,
		1);
	hf_zone_unref(have);
}

static void a_primary_that_fails_costs_its_turn_and_the_next_is_asked(void **state)
{
	static const struct {
		enum manner manner;
		const char *why;
	} cases[] = {
		{SILENT, "198.51.100.1:53: it does not answer"},
		{REFUSES, "198.51.100.1:53: the answer is REFUSED"},
		{STALLS, "198.51.100.1:53: it stopped talking"},
		{HANGS_UP, "198.51.100.1:53: the connection was closed before the end"},
		{TALKS_ON, "198.51.100.1:53: there is more than the zone may have"},
	};
	for (size_t i = 0; i < HF_COUNT_OF(cases); i++) {
		struct world *w;
		tear_down(state);
		set_up(state);
		w = *state;
		w->primaries[0].manner = cases[i].manner;
		w->primaries[0].serial = 8; /* the newest, so it is asked first ... */
		w->primaries[0].no_udp = cases[i].manner == REFUSES || cases[i].manner == SILENT;
		w->primaries[1].no_udp = true;
		if (w->primaries[0].no_udp) /* ... or because it is listed first */
			w->zone.primaries.count = 2;
		make_source(w, 2);
		assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
		assert_int_equal(w->what.primary, 1);
		assert_string_equal(w->why, cases[i].why);
	}
}

static void octets_that_come_one_by_one_are_given_up(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = DRIPS;
	make_source(w, 1);
	hf_us before = hf_loop_now(w->here);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_FAILED);
	assert_true(w->when - before < 70 * HF_SECOND);
	assert_non_null(strstr(w->why, "too slow"));
}

static void nobody_there_is_a_failure_that_names_all(void **state)
{
	struct world *w = *state;
	for (size_t i = 0; i < PRIMARIES; i++)
		dies(&w->primaries[i]);
	make_source(w, 3);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_FAILED);
	for (size_t i = 0; i < PRIMARIES; i++)
		assert_non_null(strstr(w->why, w->texts[i]));
}

static void a_primary_that_failed_rests_while_another_can_be_asked(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = REFUSES;
	make_source(w, 2);
	for (int i = 0; i < 6; i++) {
		begin(w, NULL, false);
		hf_sim_run_for(w->sim, 100 * HF_MS);
	}
	assert_int_equal(w->fetched, 6);
	assert_true(w->primaries[0].connections < 3);
}

/* Else the log would tell of the one and of the other in turns, and the status of half. */
static void a_failure_names_those_that_rest_too(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = REFUSES;
	w->primaries[1].manner = HANGS_UP;
	make_source(w, 2);
	for (unsigned i = 0; i < 6; i++) {
		begin(w, NULL, false);
		hf_sim_run_for(w->sim, 100 * HF_MS);
		assert_int_equal(w->fetched, i + 1);
		assert_int_equal(w->what.result, HF_SOURCE_FAILED);
		assert_string_equal(w->why,
			"198.51.100.1:53: the answer is REFUSED; "
			"198.51.100.2:53: the connection was closed before the end");
	}
	assert_true(w->primaries[0].connections < 6);
}

static void a_failure_that_is_over_is_named_no_more(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = REFUSES;
	make_source(w, 2);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	w->primaries[0].manner = HONEST;
	dies(&w->primaries[1]);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	w->primaries[0].manner = STALLS;
	assert_int_equal(fetch(w, NULL), HF_SOURCE_FAILED);
	assert_null(strstr(w->why, "REFUSED"));
}

static void who_does_no_ixfr_is_asked_for_all(void **state)
{
	struct world *w = *state;
	make_source(w, 1);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	struct hf_zone *have = take(w);
	w->primaries[0].manner = NO_IXFR;
	w->primaries[0].serial = 8;
	assert_int_equal(fetch(w, have), HF_SOURCE_NEW);
	assert_int_equal(w->what.serial, 8);
	assert_int_equal(w->primaries[0].axfrs, 2);
	hf_zone_unref(have);
}

static void differences_that_break_off_are_asked_for_whole_the_next_time(void **state)
{
	struct world *w = *state;
	make_source(w, 1);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	struct hf_zone *have = take(w);
	w->primaries[0].manner = ONE_SOA;
	w->primaries[0].serial = 8;
	assert_int_equal(fetch(w, have), HF_SOURCE_FAILED);
	assert_int_equal(fetch(w, have), HF_SOURCE_NEW);
	assert_int_equal(w->what.serial, 8);
	hf_zone_unref(have);
}

static void an_older_version_is_taken_only_if_it_may_be(void **state)
{
	struct world *w = *state;
	make_source(w, 1);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	struct hf_zone *have = take(w);
	w->primaries[0].serial = 5;
	assert_int_equal(fetch(w, have), HF_SOURCE_NOTHING);
	assert_int_equal(w->what.serial, 5);
	begin(w, have, true); /* all of it: no */
	hf_sim_run_for(w->sim, HF_SECOND);
	assert_int_equal(w->what.result, HF_SOURCE_NOTHING);
	w->zone.serial_may_go_back = true;
	assert_int_equal(fetch(w, have), HF_SOURCE_NEW);
	assert_int_equal(w->what.serial, 5);
	hf_zone_unref(have);
}

static void a_signed_transfer_is_taken_and_an_unsigned_one_is_not(void **state)
{
	struct world *w = *state;
	sign(w);
	make_source(w, 1);
	assert_int_equal(fetch(w, NULL), HF_SOURCE_NEW);
	w->primaries[0].manner = UNSIGNED;
	assert_int_equal(fetch(w, NULL), HF_SOURCE_FAILED);
	assert_string_equal(w->why, "198.51.100.1:53: there is no signature");
}

static void eight_transfers_go_on_at_a_time_and_the_next_wait(void **state)
{
	struct world *w = *state;
	struct hf_source *sources[HF_AUTHORITY_TRANSFERS + 4];
	const char *texts[] = {w->texts[0], w->texts[1]};
	w->primaries[0].manner = w->primaries[1].manner = SILENT;
	for (size_t i = 0; i < HF_COUNT_OF(sources); i++) {
		w->texts[0] = texts[i % 2];
		make_source(w, 1);
		sources[i] = w->source;
		begin(w, NULL, false);
	}
	hf_sim_run_for(w->sim, HF_SECOND);
	assert_int_equal(w->primaries[0].connections, HF_AUTHORITY_TRANSFERS / 2);
	assert_int_equal(w->primaries[1].connections, HF_AUTHORITY_TRANSFERS / 2);
	hf_sim_run_for(w->sim, 11 * HF_SECOND); /* those are given up; the others begin */
	assert_int_equal(w->primaries[0].connections, HF_COUNT_OF(sources) / 2);
	assert_int_equal(w->primaries[1].connections, HF_COUNT_OF(sources) / 2);
	assert_int_equal(w->fetched, HF_AUTHORITY_TRANSFERS);
	for (size_t i = 0; i < HF_COUNT_OF(sources); i++)
		sources[i]->ops->free(sources[i]); /* in the middle of it */
	w->source = NULL;
	hf_sim_run_for(w->sim, 60 * HF_SECOND);
	assert_int_equal(w->fetched, HF_AUTHORITY_TRANSFERS);
}

static void a_primary_of_many_zones_that_is_silent_holds_up_no_other(void **state)
{
	struct world *w = *state;
	struct hf_source *sources[10 * HF_AUTHORITY_TRANSFERS];
	const char *silent = w->texts[0];
	w->primaries[0].manner = SILENT;
	for (size_t i = 0; i < HF_COUNT_OF(sources); i++) {
		make_source(w, 1);
		sources[i] = w->source;
		begin(w, NULL, false);
	}
	w->texts[0] = w->texts[1];
	make_source(w, 1);
	begin(w, NULL, false);
	hf_sim_run_for(w->sim, HF_SECOND);
	assert_int_equal(w->fetched, 1);
	assert_int_equal(w->what.result, HF_SOURCE_NEW);
	assert_int_equal(w->primaries[0].connections, HF_AUTHORITY_TRANSFERS / 2);
	w->source->ops->free(w->source);
	w->source = NULL;
	for (size_t i = 0; i < HF_COUNT_OF(sources); i++)
		sources[i]->ops->free(sources[i]);
	w->texts[0] = silent;
}

static void what_is_cancelled_says_nothing(void **state)
{
	struct world *w = *state;
	make_source(w, 2);
	for (hf_us after = 0; after < 2 * HF_MS; after += 50) {
		begin(w, NULL, false);
		hf_sim_run_for(w->sim, after);
		unsigned before = w->fetched;
		w->source->ops->cancel(w->source);
		hf_sim_run_for(w->sim, 30 * HF_SECOND);
		assert_int_equal(w->fetched, before);
	}
}

/* ---- witnesses ---- */

static bool ask(struct world *w, const char *place, hf_us most)
{
	struct hf_witness *witness;
	struct hf_witness_conf conf = {.loop = w->here,
		.calls = w->calls,
		.zone = &w->zone,
		.key = w->key.secret ? &w->key : NULL,
		.said = said,
		.ctx = w};
	assert_int_equal(hf_place_parse(place, &conf.place), 0);
	assert_int_equal(hf_witness_new(&conf, &witness), 0);
	unsigned before = w->said;
	hf_witness_ask(witness, hf_loop_now(w->here));
	if (w->said == before)
		hf_witness_ask(witness, hf_loop_now(w->here)); /* under way already */
	hf_sim_run_for(w->sim, most);
	assert_int_equal(w->said, before + 1);
	hf_witness_free(witness);
	return w->reached;
}

static void a_witness_says_the_serial(void **state)
{
	struct world *w = *state;
	assert_true(ask(w, "198.51.100.1", HF_SECOND));
	assert_int_equal(w->serial, 7);
	assert_int_equal(w->primaries[0].soas, 1);
}

static void a_witness_without_authority_or_that_refuses_is_not_reached(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = NO_AA;
	assert_false(ask(w, "198.51.100.1", HF_SECOND));
	assert_string_equal(w->why, "198.51.100.1:53: it has no authority for the zone");
	w->primaries[0].manner = REFUSES;
	assert_false(ask(w, "198.51.100.1", HF_SECOND));
	assert_string_equal(w->why, "198.51.100.1:53: the answer is REFUSED");
}

static void a_witness_is_asked_three_times_and_then_given_up(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = SILENT;
	assert_false(ask(w, "198.51.100.1", HF_WITNESS_PATIENCE + HF_SECOND));
	assert_string_equal(w->why, "198.51.100.1:53: it does not answer");
	assert_int_equal(w->primaries[0].soas, 3);
}

static void an_answer_that_is_cut_is_asked_for_over_tcp(void **state)
{
	struct world *w = *state;
	w->primaries[0].manner = CUTS;
	assert_true(ask(w, "198.51.100.1", HF_SECOND));
	assert_int_equal(w->serial, 7);
	assert_int_equal(w->primaries[0].connections, 1);
}

static void an_unsigned_answer_is_passed_over_where_there_is_a_key(void **state)
{
	struct world *w = *state;
	sign(w); /* over UDP these primaries never sign */
	assert_false(ask(w, "198.51.100.1", HF_WITNESS_PATIENCE + HF_SECOND));
	assert_string_equal(w->why, "198.51.100.1:53: there is no signature");
	w->primaries[0].manner = CUTS;
	assert_false(ask(w, "198.51.100.1", HF_WITNESS_PATIENCE + HF_SECOND));
}

static void a_txt_name_needs_somebody_to_ask(void **state)
{
	struct world *w = *state;
	assert_false(ask(w, "txt:serial.corp.internal", HF_SECOND));
	assert_string_equal(w->why, "there is no primary to ask for the TXT record");
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_zone_is_fetched_whole_and_then_asked_for_by_differences),
		T(who_has_the_newest_serial_is_asked_first),
		T(who_has_nothing_newer_is_not_asked_for_it),
		T(a_primary_that_fails_costs_its_turn_and_the_next_is_asked),
		T(octets_that_come_one_by_one_are_given_up),
		T(nobody_there_is_a_failure_that_names_all),
		T(a_primary_that_failed_rests_while_another_can_be_asked),
		T(a_failure_names_those_that_rest_too),
		T(a_failure_that_is_over_is_named_no_more),
		T(who_does_no_ixfr_is_asked_for_all),
		T(differences_that_break_off_are_asked_for_whole_the_next_time),
		T(an_older_version_is_taken_only_if_it_may_be),
		T(a_signed_transfer_is_taken_and_an_unsigned_one_is_not),
		T(eight_transfers_go_on_at_a_time_and_the_next_wait),
		T(a_primary_of_many_zones_that_is_silent_holds_up_no_other),
		T(what_is_cancelled_says_nothing),
		T(a_witness_says_the_serial),
		T(a_witness_without_authority_or_that_refuses_is_not_reached),
		T(a_witness_is_asked_three_times_and_then_given_up),
		T(an_answer_that_is_cut_is_asked_for_over_tcp),
		T(an_unsigned_answer_is_passed_over_where_there_is_a_key),
		T(a_txt_name_needs_somebody_to_ask),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
