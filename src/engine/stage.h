/* SPDX-License-Identifier: GPL-3.0-or-later */
/* stage.h - a team of workers in a world in a box, and upstreams that do as told.
 *
 * Story: for tests of the engine and of what stands on it. Everything happens
 * in the simulator: a test sets how each upstream behaves, asks, and lets time
 * pass. An upstream can hold what it is asked until the test releases it.
 * Ownership: the stage owns all that it opens; stage_close ends it.
 * Threads: one. Used by tests only. */
#ifndef HF_ENGINE_STAGE_H
#define HF_ENGINE_STAGE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "engine/worker.h"
#include "loop/loop_sim.h"
#include "transport/frame.h"
#include "wire/sample.h"

#define STAGE_WORKERS 2
#define STAGE_UPSTREAMS 2
#define STAGE_HELD 2048
#define STAGE_STREAMS 16

enum stage_manner {
	STAGE_ANSWERS,  /* an A record, and what .answer, .more and .extra ask for */
	STAGE_NXDOMAIN, /* a SOA, and .more */
	STAGE_SERVFAIL,
	STAGE_TRUNCATES, /* over UDP; answers over TCP */
	STAGE_GARBAGE,
	STAGE_SILENT,
	STAGE_HOLDS, /* until stage_release */
};

struct stage_upstream {
	struct hf_loop *loop;
	struct hf_endpoint *endpoint;
	struct hf_stream_door *door;
	struct hf_address address;
	enum stage_manner manner;
	/* Writes u->sample to a question whose name has so many octets; NULL: `manner` does. */
	void (*speaks)(struct stage_upstream *u, const uint8_t *q, size_t name);
	unsigned answer, more, extra; /* octets to pad answer, authority, additional with */
	uint32_t ttl;
	uint8_t a[4]; /* the address that it gives; all 0: 192.0.2.1 */
	bool lowers; /* does not keep the question's case */
	unsigned asked, asked_tcp;
	uint8_t last[600]; /* the last question */
	size_t last_len;
	struct stage_held {
		struct hf_address peer;
		uint8_t bytes[600];
		size_t len;
	} held[STAGE_HELD];
	size_t held_count;
	struct stage_stream {
		struct stage_upstream *upstream;
		struct hf_stream *stream;
		struct hf_frame_in in;
		struct hf_frame_out out;
	} streams[STAGE_STREAMS];
	size_t stream_count;
	struct hf_sample sample;
};

struct stage {
	struct hf_sim *sim;
	struct hf_cache *cache;
	struct hf_team *team;
	unsigned workers;
	struct hf_loop *loops[STAGE_WORKERS], *world;
	struct hf_worker *worker[STAGE_WORKERS];
	struct hf_meter *meters[STAGE_WORKERS];
	struct hf_event_ring *rings[STAGE_WORKERS];
	struct hf_plan *plan;
	struct hf_upstream_conf confs[STAGE_UPSTREAMS];
	struct hf_route route;
	struct hf_forward_conf forward;
	struct hf_cache_conf cache_conf;
	struct stage_upstream upstreams[STAGE_UPSTREAMS];
	/* To be set before stage_open: */
	const struct hf_client *client;
	void *client_ctx[STAGE_WORKERS];
	void (*turned)(void *ctx, hf_us now);
	const struct hf_prove_means *means;
	void *means_ctx;
	size_t flights_max;
	struct hf_truth_conf truth;
	bool moved; /* the next plan's upstreams are not where the last one's were */
};

static inline struct hf_address stage_address(const char *text)
{
	struct hf_address address;
	assert_int_equal(hf_address_parse(text, 53, &address), 0);
	return address;
}

static inline struct hf_name stage_name(const char *text)
{
	struct hf_name name;
	assert_int_equal(hf_name_from_text(text, strlen(text), &name), 0);
	return name;
}

/* ---- upstreams ---- */

/* Records that belong where they stand: texts of the name; signatures of its SOA, and of
 * its address. */
static inline void stage_pad(struct stage_upstream *u, enum hf_sample_section section,
	unsigned octets)
{
	bool text = section == HF_SAMPLE_ANSWER;
	uint8_t data[256] = {0, section == HF_SAMPLE_AUTHORITY ? HF_TYPE_SOA : HF_TYPE_A};
	if (text)
		memset(data, 'x', sizeof data);
	if (text)
		data[0] = 255;
	for (; octets; octets -= octets < 268 ? octets : 268)
		hf_sample_record(&u->sample, section, HF_RAW("\xc0\x0c"),
			text ? HF_TYPE_TXT : HF_TYPE_RRSIG, u->ttl, data, sizeof data);
}

/* An address; or a name server, which is the name itself. */
static inline void stage_answer(struct stage_upstream *u, uint16_t type)
{
	static const uint8_t usual[] = {192, 0, 2, 1};
	if (type == HF_TYPE_NS)
		hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_NS,
			u->ttl, HF_RAW("\xc0\x0c"));
	else
		hf_sample_record(&u->sample, HF_SAMPLE_ANSWER, HF_RAW("\xc0\x0c"), HF_TYPE_A,
			u->ttl, memcmp(u->a, "\0\0\0", 4) ? u->a : usual, 4);
	stage_pad(u, HF_SAMPLE_ANSWER, u->answer);
}

/* Sets u->sample to the reply to a question. */
static inline void stage_reply(struct stage_upstream *u, const uint8_t *q, bool tcp)
{
	static const unsigned rcodes[] = { [STAGE_NXDOMAIN] = HF_RCODE_NXDOMAIN,
		[STAGE_SERVFAIL] = HF_RCODE_SERVFAIL, [STAGE_HOLDS] = 0 };
	struct hf_sample *s = &u->sample;
	size_t name = hf_name_wire_len(q + HF_HEADER_LEN, HF_NAME_MAX);
	if (u->speaks) {
		u->speaks(u, q, name);
		return;
	}
	uint16_t flags = (uint16_t)(HF_FLAG_QR | HF_FLAG_RA | rcodes[u->manner]);
	bool answers = u->manner == STAGE_ANSWERS || u->manner == STAGE_HOLDS ||
		       (u->manner == STAGE_TRUNCATES && tcp);
	if (u->manner == STAGE_TRUNCATES && !tcp)
		flags |= HF_FLAG_TC;
	hf_sample_begin(s, flags, q + HF_HEADER_LEN, name, hf_get_u16(q + HF_HEADER_LEN + name));
	memcpy(s->bytes, q, 2);
	if (u->lowers)
		hf_name_lower(s->bytes + HF_HEADER_LEN, name);
	if (answers)
		stage_answer(u, hf_get_u16(q + HF_HEADER_LEN + name));
	if (u->manner == STAGE_NXDOMAIN)
		hf_sample_record(s, HF_SAMPLE_AUTHORITY, HF_RAW("\0"), HF_TYPE_SOA, u->ttl,
			HF_RAW("\0\0\0\0\0\1\0\0\0\1\0\0\0\1\0\0\0\1\0\0\x0e\x10"));
	if (answers || u->manner == STAGE_NXDOMAIN)
		stage_pad(u, HF_SAMPLE_AUTHORITY, u->more);
	if (answers)
		stage_pad(u, HF_SAMPLE_ADDITIONAL, u->extra);
	if (u->manner == STAGE_GARBAGE)
		hf_put_u16(s->bytes + HF_SAMPLE_ANSWER, 7);
}

static inline void stage_send(struct stage_upstream *u, const struct hf_address *to,
	const uint8_t *q)
{
	stage_reply(u, q, false);
	struct hf_datagram d = { .bytes = u->sample.bytes, .len = u->sample.w.len, .peer = *to };
	assert_int_equal(hf_endpoint_send(u->endpoint, &d, 1, NULL), 1);
}

static inline void stage_note(struct stage_upstream *u, const uint8_t *q, size_t len)
{
	assert_true(len <= sizeof u->last);
	memcpy(u->last, q, len);
	u->last_len = len;
}

static inline void stage_received(void *ctx, struct hf_endpoint *endpoint,
	struct hf_datagram *batch, size_t n, hf_us now)
{
	struct stage_upstream *u = ctx;
	(void)endpoint;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		u->asked++;
		stage_note(u, batch[i].bytes, batch[i].len);
		if (u->manner == STAGE_HOLDS) {
			struct stage_held *held = &u->held[u->held_count++];
			assert_true(u->held_count <= STAGE_HELD);
			held->peer = batch[i].peer;
			held->len = batch[i].len;
			memcpy(held->bytes, batch[i].bytes, held->len);
		} else if (u->manner != STAGE_SILENT) {
			stage_send(u, &batch[i].peer, batch[i].bytes);
		}
	}
}

/* Answers all that is held. */
static inline void stage_release(struct stage_upstream *u)
{
	for (size_t i = 0; i < u->held_count; i++)
		stage_send(u, &u->held[i].peer, u->held[i].bytes);
	u->held_count = 0;
}

static inline void stage_stream_end(struct stage_stream *s)
{
	hf_stream_close(s->stream);
	s->stream = NULL;
	hf_frame_in_clear(&s->in);
	hf_frame_out_clear(&s->out);
}

static inline void stage_ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct stage_stream *s = ctx;
	struct stage_upstream *u = s->upstream;
	const uint8_t *m;
	size_t len;
	(void)now;
	if (what & HF_STREAM_READABLE) {
		int n = hf_frame_fill(&s->in, stream);
		if (n <= 0 && n != -EAGAIN) {
			stage_stream_end(s);
			return;
		}
		while (hf_frame_next(&s->in, &m, &len)) {
			u->asked_tcp++;
			stage_note(u, m, len);
			if (u->manner == STAGE_SILENT)
				continue;
			stage_reply(u, m, true);
			assert_int_equal(hf_frame_put(&s->out, u->sample.bytes, u->sample.w.len,
						 8 << 20),
				0);
		}
	}
	assert_true(hf_frame_flush(&s->out, stream) >= 0);
}

static inline void stage_accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream,
	hf_us now)
{
	static const struct hf_stream_handler handler = { stage_ready };
	struct stage_upstream *u = ctx;
	(void)door;
	(void)now;
	assert_true(u->stream_count < STAGE_STREAMS);
	struct stage_stream *s = &u->streams[u->stream_count++];
	s->upstream = u;
	s->stream = stream;
	hf_stream_handle(stream, &handler, s);
}

static inline void stage_upstream_open(struct stage_upstream *u, struct hf_loop *loop,
	const char *at)
{
	static const struct hf_endpoint_handler endpoint_handler = { stage_received, NULL };
	static const struct hf_door_handler door_handler = { stage_accepted };
	struct hf_bind bind = { .address = stage_address(at), .fd = -1 };
	*u = (struct stage_upstream){ .loop = loop, .address = bind.address, .ttl = 300 };
	assert_int_equal(hf_endpoint_open(loop, &bind, &endpoint_handler, u, &u->endpoint), 0);
	assert_int_equal(hf_door_open(loop, &bind, &door_handler, u, &u->door), 0);
}

/* Stops to listen: what is sent there is refused. */
static inline void stage_upstream_close(struct stage_upstream *u)
{
	hf_endpoint_close(u->endpoint);
	hf_door_close(u->door);
	for (size_t i = 0; i < u->stream_count; i++)
		if (u->streams[i].stream)
			stage_stream_end(&u->streams[i]);
	u->endpoint = NULL;
	u->door = NULL;
}

/* ---- the team ---- */

static inline struct hf_plan *stage_plan(struct stage *s)
{
	static const struct hf_hash_key key = { 3, 4 };
	static const uint16_t slots[STAGE_UPSTREAMS] = { 5, 6 };
	const bool anew = !s->plan || s->moved; /* else what was learnt stays */
	const bool fresh[STAGE_UPSTREAMS] = { anew, anew };
	struct hf_plan *plan;
	assert_int_equal(
		hf_plan_new(&s->forward, &s->cache_conf, &key, slots, fresh, NULL, &plan), 0);
	return plan;
}

static inline void stage_conf(struct stage *s)
{
	static const char *const at[STAGE_UPSTREAMS] = { "192.0.2.1:53", "192.0.2.2:53" };
	static const char *const names[STAGE_UPSTREAMS] = { "one", "two" };
	static const uint16_t indices[STAGE_UPSTREAMS] = { 0, 1 };
	for (unsigned i = 0; i < STAGE_UPSTREAMS; i++) {
		s->confs[i] = (struct hf_upstream_conf){ .name = names[i],
			.address = stage_address(at[i]), .timeout_min = 20 * HF_MS,
			.timeout_max = 1500 * HF_MS, .failures_to_open = 5,
			.rest_min = 200 * HF_MS, .rest_max = 30 * HF_SECOND,
			.edns_size = HF_EDNS_SIZE, .case_mix = true, .hedge = true,
			.retry = { 10, 1000 } };
		stage_upstream_open(&s->upstreams[i], s->world, at[i]);
	}
	s->route = (struct hf_route){ .zone = { .len = 1 }, .upstreams = indices,
		.upstream_count = STAGE_UPSTREAMS, .order = HF_ORDER_LISTED };
	s->forward = (struct hf_forward_conf){ .upstreams = s->confs,
		.upstream_count = STAGE_UPSTREAMS, .routes = &s->route, .route_count = 1,
		.outgoing = { .retry = { 10, 1000 } }, .truth = s->truth };
	s->cache_conf = (struct hf_cache_conf){ .ttl_max = 86400 * HF_SECOND,
		.negative_max = 3600 * HF_SECOND, .failure = HF_SECOND, .failure_max = 60 * HF_SECOND,
		.nxdomain_cut = true };
}

static inline void stage_open(struct stage *s, unsigned workers)
{
	static const struct hf_hash_key key = { 1, 2 };
	s->sim = hf_sim_new(11);
	s->workers = workers;
	assert_int_equal(hf_sim_loop_new(s->sim, "world", &s->world), 0);
	stage_conf(s);
	s->plan = stage_plan(s);
	assert_int_equal(hf_cache_new(8 << 20, workers, &key, &s->cache), 0);
	assert_int_equal(hf_team_new(workers, s->cache, &s->team), 0);
	for (unsigned i = 0; i < workers; i++) {
		assert_int_equal(hf_sim_loop_new(s->sim, "server", &s->loops[i]), 0);
		s->meters[i] = aligned_alloc(64, (sizeof *s->meters[i] + 63) / 64 * 64);
		s->rings[i] = calloc(1, sizeof *s->rings[i]);
		assert_true(s->meters[i] && s->rings[i]);
		memset(s->meters[i], 0, sizeof *s->meters[i]);
		const struct hf_worker_conf conf = {.team = s->team,
			.index = i,
			.loop = s->loops[i],
			.meter = s->meters[i],
			.events = s->rings[i],
			.plan = s->plan,
			.flights_max = s->flights_max ? s->flights_max : 1024,
			.client = s->client,
			.client_ctx = s->client_ctx[i],
			.turned = s->turned,
			.turned_ctx = s->client_ctx[i],
			.means = s->means,
			.means_ctx = s->means_ctx};
		assert_int_equal(hf_worker_new(&conf, &s->worker[i]), 0);
	}
}

static inline void stage_close(struct stage *s)
{
	hf_team_free(s->team);
	for (unsigned i = 0; i < STAGE_UPSTREAMS; i++)
		stage_upstream_close(&s->upstreams[i]);
	hf_sim_free(s->sim);
	for (unsigned i = 0; i < s->workers; i++) {
		free(s->meters[i]);
		free(s->rings[i]);
	}
	hf_cache_free(s->cache);
	hf_plan_unref(s->plan);
}

/* All workers go by what the stage's settings say now. */
static inline void stage_adopt(struct stage *s)
{
	struct hf_plan *old = s->plan;
	s->plan = stage_plan(s);
	for (unsigned i = 0; i < s->workers; i++)
		hf_worker_adopt(s->worker[i], s->plan);
	hf_plan_unref(old);
}

/* How many of a kind there have been; what has been told until now is taken. */
static inline unsigned stage_events(struct stage *s, enum hf_event_kind kind)
{
	struct hf_event event;
	unsigned count = 0;
	for (unsigned i = 0; i < s->workers; i++)
		while (hf_event_take(s->rings[i], &event))
			count += event.kind == kind;
	return count;
}

static inline uint64_t stage_counted(const struct stage *s, enum hf_counter counter)
{
	uint64_t sum = 0;
	for (unsigned i = 0; i < s->workers; i++)
		sum += s->meters[i]->counters[counter];
	return sum;
}

#endif
