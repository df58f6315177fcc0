/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "serve/connection.h"

#include <unistd.h>

#include "engine/stage.h"
#include "transport/identity.h"
#include "zone/sample_zone.h"
#include "zone/zones.h"

#define CALLERS 12

/* A client's connection. */
struct caller {
	struct hf_stream *stream;
	struct hf_tls_session *tls; /* NULL: in the open */
	struct hf_frame_in in;
	struct hf_frame_out out;
	bool deaf;  /* does not read */
	bool hears; /* is up */
	unsigned replies;
	size_t octets; /* of replies */
	unsigned rcode;
	uint16_t ids[512];
	bool ended;
	int result; /* of the read that ended it */
};

/* A door, a responder and its connections on a stage. */
struct hall {
	struct stage stage;
	struct hf_responder *responder;
	struct hf_connections *connections;
	struct hf_admission_table *admission;
	struct hf_stream_door *door;
	struct hf_loop *outside;
	struct hf_listen_conf listen;
	struct hf_tcp_conf tcp;
	struct hf_clients_conf clients;
	struct hf_prefix allow;
	bool over_tls;
	bool rude; /* callers do not speak TLS though they should */
	struct hf_tls_server *shown;
	struct caller callers[CALLERS];
};

static void send_reply(void *owner, const struct hf_reply_path *path, const uint8_t *reply,
	size_t len, hf_us now)
{
	struct hall *h = owner;
	hf_connections_reply(h->connections, path, reply, len, now);
}

static void accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct hall *h = ctx;
	(void)door;
	hf_connections_accept(h->connections, stream, h->over_tls, now);
}

/* What is shown over TLS. */
static struct hf_tls_server *show(void)
{
	const struct identity_conf conf = {.cn = "hall", .host = "hall.example", .from = -1, .last = 9};
	char pem[] = "/tmp/holdfast-hall-XXXXXX", key[] = "/tmp/holdfast-hall-XXXXXX";
	char why[HF_TLS_WHY_MAX] = "";
	struct identity i = {0};
	struct hf_tls_server *shown = NULL;
	identity_key(&i);
	identity_certify(&i, &i, &conf);
	assert_true(close(mkstemp(pem)) == 0 && close(mkstemp(key)) == 0);
	identity_write(&i, pem);
	identity_write_key(&i, key);
	assert_int_equal(hf_tls_server_load(pem, key, why, &shown), 0);
	unlink(pem);
	unlink(key);
	identity_clear(&i);
	return shown;
}

static int open_some_hall(void **state, bool over_tls)
{
	static const struct hf_door_handler handler = { accepted };
	struct hf_bind bind = { .address = stage_address("10.0.0.1:53"), .fd = -1 };
	struct hall *h = calloc(1, sizeof *h);
	assert_non_null(h);
	assert_int_equal(hf_responder_new(1024, send_reply, h, &h->responder), 0);
	h->stage.client = &hf_responder_client;
	h->stage.client_ctx[0] = h->responder;
	stage_open(&h->stage, 1);
	h->admission = calloc(1, sizeof *h->admission);
	assert_non_null(h->admission);
	assert_int_equal(hf_prefix_parse("10.0.0.0/8", &h->allow), 0);
	h->listen.edns_size = HF_EDNS_SIZE;
	h->listen.tls_handshakes = h->listen.tls_handshakes_per_client = 1000;
	h->over_tls = over_tls;
	h->shown = over_tls ? show() : NULL;
	h->tcp = (struct hf_tcp_conf){ .connections = 4, .per_client = 4, .in_flight = 8,
		.idle = 10 * HF_SECOND, .stall = 5 * HF_SECOND };
	h->clients = (struct hf_clients_conf){ .allow = { &h->allow, 1 }, .in_flight = 1024 };
	hf_responder_attach(h->responder, h->stage.worker[0]);
	hf_responder_adopt(h->responder,
		&(struct hf_respond_conf){ &h->listen, &h->tcp, &h->clients });
	assert_int_equal(hf_connections_new(h->stage.loops[0], h->stage.meters[0], h->admission,
				 h->responder, &h->connections),
		0);
	hf_connections_adopt(h->connections, &h->tcp, &h->listen, h->shown);
	assert_int_equal(hf_door_open(h->stage.loops[0], &bind, &handler, h, &h->door), 0);
	assert_int_equal(hf_sim_loop_new(h->stage.sim, "client", &h->outside), 0);
	struct hf_address client = stage_address("10.0.0.9");
	client.port = 0;
	hf_sim_address(h->stage.sim, "client", &client);
	*state = h;
	return 0;
}

static int open_hall(void **state)
{
	return open_some_hall(state, false);
}

static int open_tls_hall(void **state)
{
	return open_some_hall(state, true);
}

static void hang_up(struct caller *c)
{
	hf_tls_close(c->tls);
	c->tls = NULL;
	hf_stream_close(c->stream);
	c->stream = NULL;
	hf_frame_in_clear(&c->in);
	hf_frame_out_clear(&c->out);
}

static int close_hall(void **state)
{
	struct hall *h = *state;
	hf_connections_free(h->connections);
	assert_int_equal(h->admission->total, 0);
	hf_door_close(h->door);
	for (size_t i = 0; i < CALLERS; i++)
		hang_up(&h->callers[i]);
	stage_close(&h->stage);
	hf_responder_free(h->responder);
	hf_tls_server_unref(h->shown);
	free(h->admission);
	free(h);
	return 0;
}

static void run(struct hall *h, hf_us us)
{
	hf_sim_run_for(h->stage.sim, us);
}

/* ---- callers ---- */

static void take(struct caller *c)
{
	const uint8_t *m;
	size_t len;
	while (hf_frame_next(&c->in, &m, &len)) {
		assert_true(len >= HF_HEADER_LEN);
		c->ids[c->replies++ % HF_COUNT_OF(c->ids)] = hf_message_id(m);
		c->octets += len;
		c->rcode = m[3] & HF_FLAG_RCODE;
	}
}

static void listen_to(struct caller *c)
{
	int n = c->tls ? hf_frame_fill_tls(&c->in, c->tls) : hf_frame_fill(&c->in, c->stream);
	if (n <= 0 && n != -EAGAIN) {
		c->ended = true;
		c->result = n;
		hf_stream_pause(c->stream, true);
	}
	take(c);
	if (c->tls && n > 0 && !c->deaf)
		listen_to(c); /* what TLS holds shows nowhere */
}

static int flush(struct caller *c)
{
	if (!c->tls)
		return hf_frame_flush(&c->out, c->stream);
	int rc = hf_tls_flush(c->tls);
	return rc < 0 ? rc : hf_frame_flush_tls(&c->out, c->tls);
}

static int say(struct caller *c, const uint8_t *octets, size_t len)
{
	return c->tls ? hf_tls_write(c->tls, octets, len) : hf_stream_write(c->stream, octets, len);
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct caller *c = ctx;
	int rc = c->tls ? hf_tls_handshake(c->tls) : 0;
	(void)now;
	(void)stream;
	if (rc == -EAGAIN)
		return;
	if (rc < 0) {
		c->ended = true;
		c->result = rc;
		hf_stream_pause(c->stream, true);
		hf_stream_want_write(c->stream, false);
		return;
	}
	if (what & HF_STREAM_WRITABLE || c->tls) {
		c->hears = true;
		if (flush(c) < 0)
			hf_frame_out_clear(&c->out);
	}
	if (what & HF_STREAM_READABLE || (c->tls && !c->deaf))
		listen_to(c);
}

static struct caller *call(struct hall *h, unsigned index)
{
	static const struct hf_stream_handler handler = { ready };
	struct hf_address there = stage_address("10.0.0.1:53");
	struct caller *c = &h->callers[index];
	*c = (struct caller){ 0 };
	assert_int_equal(hf_stream_connect(h->outside, &there, &handler, c, &c->stream), 0);
	hf_stream_want_write(c->stream, true);
	if (h->over_tls && !h->rude) {
		const struct hf_tls_peer peer = {.alpn = "dot", .anybody = true};
		assert_int_equal(hf_tls_open(c->stream, &peer, NULL, NULL, &c->tls), 0);
	}
	run(h, h->over_tls ? 50 * HF_MS : 10 * HF_MS);
	return c;
}

static void be_deaf(struct caller *c)
{
	c->deaf = true;
	hf_stream_pause(c->stream, true);
}

/* "aN.example" with N as its id, type A. */
static size_t write_question(unsigned n, const char *rest, uint8_t out[300])
{
	char text[64];
	struct hf_name name;
	int len = snprintf(text, sizeof text, "a%u.%s", n, rest);
	assert_int_equal(hf_name_from_text(text, (size_t)len, &name), 0);
	memset(out, 0, HF_HEADER_LEN);
	hf_put_u16(out, (uint16_t)n);
	out[2] = 1;
	out[5] = 1;
	memcpy(out + HF_HEADER_LEN, name.bytes, name.len);
	memcpy(out + HF_HEADER_LEN + name.len, "\0\1\0\1", 4);
	return HF_HEADER_LEN + (size_t)name.len + 4;
}

static void put(struct caller *c, unsigned n, const char *rest)
{
	uint8_t m[300];
	size_t len = write_question(n, rest, m);
	assert_int_equal(hf_frame_put(&c->out, m, len, 1 << 20), 0);
}

static void push(struct caller *c)
{
	assert_true(flush(c) >= 0);
}

static void ask(struct caller *c, unsigned n)
{
	put(c, n, "example");
	push(c);
}

static uint64_t counted(const struct hall *h, enum hf_counter counter)
{
	return stage_counted(&h->stage, counter);
}

/* ---- questions and answers ---- */

static void questions_are_answered_as_answers_come(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 1; i <= 3; i++)
		ask(c, i);
	put(c, 4, "localhost"); /* needs nobody */
	push(c);
	run(h, 10 * HF_MS);
	assert_int_equal(c->replies, 1);
	assert_int_equal(c->ids[0], 4);
	stage_release(&h->stage.upstreams[0]);
	run(h, 10 * HF_MS);
	assert_int_equal(c->replies, 4);
	assert_int_equal(c->ids[1] + c->ids[2] + c->ids[3], 6);
	assert_false(c->ended);
}

static void a_question_may_come_one_octet_at_a_time(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	uint8_t m[302];
	size_t len = write_question(1, "localhost", m + 2);
	hf_put_u16(m, (uint16_t)len);
	for (size_t i = 0; i < len + 2; i++) {
		assert_int_equal(say(c, m + i, 1), 1);
		run(h, HF_MS);
		assert_int_equal(c->replies, i == len + 1);
	}
}

static void what_deserves_no_answer_leaves_the_connection_up(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	assert_int_equal(say(c, (const uint8_t *)"\0\0\0\2xx", 6), 6);
	put(c, 1, "localhost");
	push(c);
	run(h, 10 * HF_MS);
	assert_int_equal(c->replies, 1);
	assert_int_equal(counted(h, HF_COUNT_SILENCED), 2);
}

static void no_more_than_its_share_waits_at_once(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 1; i <= 20; i++)
		ask(c, i);
	run(h, 10 * HF_MS);
	assert_int_equal(hf_responder_pending(h->responder), 8);
	for (unsigned rounds = 0; rounds < 3; rounds++) {
		stage_release(&h->stage.upstreams[0]);
		run(h, 10 * HF_MS);
	}
	assert_int_equal(c->replies, 20);
	assert_int_equal(h->stage.upstreams[0].asked, 20);
}

static void many_large_answers_to_one_breath_of_questions_all_come(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].answer = 3000;
	ask(c, 7);
	run(h, 10 * HF_MS);
	for (unsigned i = 0; i < 400; i++)
		put(c, 7, "example");
	push(c);
	run(h, 100 * HF_MS);
	assert_int_equal(c->replies, 401);
	run(h, 6 * HF_SECOND);
	assert_false(c->ended);
}

static void a_client_may_close_its_side_and_still_hears_all_answers(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 1; i <= 20; i++) /* more than may wait at once */
		ask(c, i);
	run(h, 10 * HF_MS);
	/* The simulator ends a side by closing: the answers are owed all the same. */
	be_deaf(c);
	hang_up(c);
	for (unsigned rounds = 0; rounds < 4; rounds++) {
		run(h, 10 * HF_MS);
		stage_release(&h->stage.upstreams[0]);
	}
	run(h, 10 * HF_MS);
	assert_int_equal(hf_responder_pending(h->responder), 0);
	assert_int_equal(hf_connections_open(h->connections), 0);
	assert_int_equal(h->admission->total, 0);
}

static void a_client_that_leaves_does_not_take_its_questions_along(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	ask(c, 1);
	run(h, 10 * HF_MS);
	h->tcp.stall = h->tcp.idle = 100 * HF_MS;
	hf_sim_host(h->stage.sim, "client", HF_SIM_DEAD);
	run(h, HF_SECOND);
	stage_release(&h->stage.upstreams[0]); /* to nobody */
	run(h, HF_SECOND);
	assert_int_equal(hf_responder_pending(h->responder), 0);
	assert_int_equal(hf_connections_open(h->connections), 0);
	hf_sim_host(h->stage.sim, "client", HF_SIM_UP);
}

/* ---- time ---- */

static void an_idle_connection_is_closed_after_a_while(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	run(h, 9 * HF_SECOND);
	put(c, 1, "localhost");
	push(c);
	run(h, 9 * HF_SECOND);
	assert_int_equal(c->replies, 1);
	assert_false(c->ended);
	run(h, 2 * HF_SECOND);
	assert_true(c->ended);
	assert_int_equal(c->result, 0);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_IDLE), 1);
	assert_int_equal(h->admission->total, 0);
}

static void a_connection_that_waits_for_us_is_not_idle(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->tcp.idle = HF_SECOND;
	h->stage.upstreams[0].manner = STAGE_SILENT;
	h->stage.upstreams[1].manner = STAGE_SILENT;
	ask(c, 1);
	run(h, 4 * HF_SECOND);
	assert_false(c->ended);
	run(h, 600 * HF_MS);
	assert_int_equal(c->replies, 1);
	assert_int_equal(c->rcode, HF_RCODE_SERVFAIL);
}

static void a_question_that_drips_in_has_until_the_stall(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	uint8_t m[302] = { 0, 200 };
	hf_us began = hf_sim_now(h->stage.sim);
	for (size_t i = 0; !c->ended; i++) {
		assert_true(i < sizeof m);
		(void)say(c, m + i, 1);
		run(h, 100 * HF_MS);
	}
	assert_in_range(hf_sim_now(h->stage.sim) - began, 5 * HF_SECOND, 5300 * HF_MS);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_STALLED), 1);
}

static void a_reader_that_takes_nothing_is_closed_after_the_stall(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].answer = 3000;
	ask(c, 7);
	run(h, 10 * HF_MS);
	be_deaf(c);
	for (unsigned i = 0; i < 300; i++)
		put(c, 7, "example");
	push(c);
	run(h, 4 * HF_SECOND);
	assert_int_equal(hf_connections_open(h->connections), 1);
	run(h, 2 * HF_SECOND);
	assert_int_equal(hf_connections_open(h->connections), 0);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_STALLED), 1);
}

static void a_slow_reader_is_not_a_stuck_one(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].answer = 3000;
	ask(c, 7);
	run(h, 10 * HF_MS);
	be_deaf(c);
	for (unsigned i = 0; i < 60; i++)
		put(c, 7, "example");
	push(c);
	for (unsigned i = 0; i < 20 && c->replies < 61; i++) {
		run(h, 3 * HF_SECOND);
		assert_false(c->ended);
		for (unsigned reads = 0; reads < 16; reads++)
			listen_to(c);
		hf_stream_pause(c->stream, true);
	}
	assert_int_equal(c->replies, 61);
}

static void answers_that_nobody_reads_are_bounded(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->tcp.in_flight = 64;
	h->stage.confs[0].channel = HF_CHANNEL_TCP;
	h->stage.upstreams[0].answer = 60000;
	be_deaf(c);
	for (unsigned i = 0; i < 40; i++)
		ask(c, i);
	run(h, HF_SECOND); /* well before the stall */
	assert_int_equal(hf_connections_open(h->connections), 0);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_STALLED), 1);
	assert_int_equal(hf_responder_pending(h->responder), 0);
}

/* ---- bounds ---- */

static void past_the_limit_the_one_idle_for_longest_goes(void **state)
{
	struct hall *h = *state;
	h->tcp.per_client = 100;
	for (unsigned i = 0; i < 4; i++)
		call(h, i);
	put(&h->callers[0], 1, "localhost"); /* the second is the idlest now */
	push(&h->callers[0]);
	run(h, 10 * HF_MS);
	call(h, 4);
	run(h, 10 * HF_MS);
	assert_true(h->callers[1].ended);
	assert_false(h->callers[0].ended || h->callers[2].ended || h->callers[4].ended);
	assert_int_equal(hf_connections_open(h->connections), 4);
	assert_int_equal(h->admission->total, 4);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_LIMIT), 1);
}

static void past_the_limit_with_nobody_idle_the_new_one_goes(void **state)
{
	struct hall *h = *state;
	h->tcp.per_client = 100;
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 4; i++)
		ask(call(h, i), i);
	run(h, 10 * HF_MS);
	call(h, 4);
	assert_true(h->callers[4].ended);
	assert_int_equal(hf_connections_open(h->connections), 4);
	stage_release(&h->stage.upstreams[0]);
	run(h, 10 * HF_MS);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(h->callers[i].replies, 1);
}

static void a_client_has_its_own_limit(void **state)
{
	struct hall *h = *state;
	h->tcp.per_client = 2;
	for (unsigned i = 0; i < 3; i++)
		call(h, i);
	assert_true(h->callers[2].ended);
	assert_false(h->callers[0].ended || h->callers[1].ended);
	hang_up(&h->callers[0]);
	run(h, 10 * HF_MS);
	assert_int_equal(h->admission->total, 1);
	call(h, 3);
	assert_false(h->callers[3].ended);
}

/* ---- draining ---- */

static void draining_answers_what_was_asked_and_then_closes(void **state)
{
	struct hall *h = *state;
	struct caller *idle = call(h, 0), *waits = call(h, 1), *late = call(h, 2);
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	ask(waits, 1);
	run(h, 10 * HF_MS);
	hf_connections_drain(h->connections, hf_loop_now(h->stage.loops[0]));
	run(h, 10 * HF_MS);
	assert_true(idle->ended && late->ended);
	assert_false(waits->ended);
	ask(waits, 2);
	run(h, 10 * HF_MS);
	stage_release(&h->stage.upstreams[0]);
	run(h, 10 * HF_MS);
	assert_int_equal(waits->replies, 1);
	assert_true(waits->ended);
	assert_int_equal(hf_connections_open(h->connections), 0);
	struct caller *new = call(h, 3);
	assert_true(new->ended);
}

static void drain_now(void *ctx, struct hf_sim *sim)
{
	struct hall *h = ctx;
	(void)sim;
	hf_connections_drain(h->connections, hf_loop_now(h->stage.loops[0]));
}

static void draining_takes_what_has_already_arrived(void **state)
{
	struct hall *h = *state;
	struct caller *one = call(h, 0), *two = call(h, 1);
	/* The process gets no time while the questions arrive. */
	hf_sim_stall(h->stage.loops[0], 100 * HF_MS);
	put(one, 1, "localhost");
	push(one);
	put(two, 2, "localhost");
	push(two);
	hf_sim_at(h->stage.sim, hf_sim_now(h->stage.sim) + 50 * HF_MS, drain_now, h);
	run(h, 200 * HF_MS);
	assert_int_equal(one->replies, 1);
	assert_int_equal(two->replies, 1);
	assert_true(one->ended && two->ended);
}

static void freeing_with_all_in_the_middle_of_something_loses_nothing(void **state)
{
	struct hall *h = *state;
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 0; i < 4; i++)
		ask(call(h, i), i);
	assert_int_equal(say(&h->callers[2], (const uint8_t *)"\0\x40xx", 4), 4);
	hang_up(&h->callers[3]);
	run(h, 10 * HF_MS); /* the rest is for the sanitizer */
}

/* ---- transfers ---- */

static const struct hf_tsig_key *no_key(void *ctx, const char *name)
{
	(void)ctx;
	(void)name;
	return NULL;
}

/* The hall has a zone `home` of so many hosts, which everybody may transfer. */
struct estate {
	struct hf_zone_conf zone;
	struct hf_zones_conf zones;
	struct hf_zone_rules *rules;
	struct hf_respond_conf respond;
	struct hf_prefix everybody;
};

static void open_estate(struct hall *h, struct estate *e, unsigned hosts)
{
	static const struct hf_hash_key hash_key = { 1, 2 };
	char *text = malloc(100 + 60 * (size_t)hosts);
	assert_non_null(text);
	size_t len = (size_t)snprintf(text, 100, HF_SAMPLE_APEX);
	for (unsigned i = 0; i < hosts; i++)
		len += (size_t)snprintf(text + len, 60, "host%u 300 A 192.0.2.%u\n", i, i % 250);
	struct hf_zones_entry entry = { .origin = stage_name("home"),
		.zone = hf_sample_zone("home", text), .ede = HF_EDE_NONE };
	struct hf_zones *zones;
	assert_int_equal(hf_zones_new(&entry, 1, &zones), 0);
	hf_responder_adopt_zones(h->responder, zones);
	hf_zones_unref(zones);
	hf_zone_unref(entry.zone);
	free(text);
	*e = (struct estate){ .zone = { .name = entry.origin, .key = "none", .transfer_key = "none" } };
	assert_int_equal(hf_prefix_parse("0.0.0.0/0", &e->everybody), 0);
	e->zone.allow_transfer = (struct hf_prefix_list){ &e->everybody, 1 };
	e->zones = (struct hf_zones_conf){ .zones = &e->zone, .zone_count = 1 };
	const struct hf_zone_rules_conf conf = { .zones = &e->zones, .hash_key = &hash_key,
		.find_key = no_key };
	assert_int_equal(hf_zone_rules_new(&conf, &e->rules), 0);
	e->respond = (struct hf_respond_conf){ &h->listen, &h->tcp, &h->clients, e->rules };
	hf_responder_adopt(h->responder, &e->respond);
}

static void close_estate(struct hall *h, struct estate *e)
{
	e->respond.rules = NULL;
	hf_responder_adopt(h->responder, &e->respond);
	hf_zone_rules_free(e->rules);
}

static void ask_for_zone(struct caller *c, unsigned id)
{
	static const uint8_t rest[] = "\0\0\0\1\0\0\0\0\0\0\4home\0\0\xfc\0\1";
	uint8_t m[2 + sizeof rest - 1];
	hf_put_u16(m, (uint16_t)id);
	memcpy(m + 2, rest, sizeof rest - 1);
	assert_int_equal(hf_frame_put(&c->out, m, sizeof m, 1 << 20), 0);
	push(c);
}

static unsigned replies_to(const struct caller *c, unsigned id)
{
	unsigned count = 0;
	for (unsigned i = 0; i < c->replies && i < HF_COUNT_OF(c->ids); i++)
		count += c->ids[i] == id;
	return count;
}

static void transfers_take_turns_and_other_questions_are_answered_meanwhile(void **state)
{
	struct hall *h = *state;
	struct estate e;
	open_estate(h, &e, 40000);
	struct caller *c = call(h, 0);
	be_deaf(c); /* so that all is asked before any of it is over */
	ask_for_zone(c, 1);
	ask_for_zone(c, 2);
	put(c, 4, "localhost");
	push(c);
	run(h, 10 * HF_MS);
	hf_stream_pause(c->stream, false);
	run(h, HF_SECOND);
	assert_int_equal(replies_to(c, 4), 1);
	assert_true(replies_to(c, 1) > 20);
	assert_int_equal(replies_to(c, 1), replies_to(c, 2));
	unsigned last = 0; /* the answer does not wait for the end of the transfers */
	for (unsigned i = 0; i < c->replies; i++)
		if (c->ids[i] == 4)
			last = i;
	assert_true(last < c->replies / 2);
	assert_int_equal(counted(h, HF_COUNT_TRANSFERS_WHOLE), 2);
	assert_false(c->ended);
	run(h, 11 * HF_SECOND); /* idle again, and closed for that */
	assert_true(c->ended);
	close_estate(h, &e);
}

static void a_transfer_that_nobody_reads_takes_little_memory_and_ends_after_the_stall(void **state)
{
	struct hall *h = *state;
	struct estate e;
	open_estate(h, &e, 40000);
	struct caller *c = call(h, 0);
	be_deaf(c);
	ask_for_zone(c, 1);
	run(h, 4 * HF_SECOND);
	assert_int_equal(hf_connections_open(h->connections), 1);
	run(h, 2 * HF_SECOND);
	assert_int_equal(hf_connections_open(h->connections), 0);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_STALLED), 1);
	close_estate(h, &e);
}

static void a_secondary_that_reads_slowly_gets_all_of_it(void **state)
{
	struct hall *h = *state;
	struct estate e;
	open_estate(h, &e, 20000);
	struct caller *c = call(h, 0);
	be_deaf(c);
	ask_for_zone(c, 1);
	for (unsigned i = 0; i < 200 && c->octets < 500000; i++) {
		run(h, HF_SECOND);
		for (int reads = 0; reads < (c->tls ? 4 : 1); reads++)
			listen_to(c); /* a message's worth each second */
	}
	assert_false(c->ended);
	assert_true(c->octets > 20000 * 16);
	assert_int_equal(counted(h, HF_COUNT_TCP_CLOSED_STALLED), 0);
	close_estate(h, &e);
}

static void there_are_so_many_transfers_at_a_time_and_no_more(void **state)
{
	struct hall *h = *state;
	struct estate e;
	open_estate(h, &e, 10000);
	h->tcp.in_flight = 100;
	struct caller *c = call(h, 0);
	be_deaf(c);
	for (unsigned i = 1; i <= 20; i++)
		ask_for_zone(c, i);
	run(h, 100 * HF_MS);
	hf_stream_pause(c->stream, false);
	run(h, 5 * HF_SECOND);
	unsigned refused = 0;
	for (unsigned i = 1; i <= 20; i++)
		refused += replies_to(c, i) == 1;
	assert_int_equal(refused, 4);
	assert_int_equal(counted(h, HF_COUNT_TRANSFERS_WHOLE), 16);
	close_estate(h, &e);
}

static void a_connection_that_ends_in_a_transfer_lets_it_go(void **state)
{
	struct hall *h = *state;
	struct estate e;
	open_estate(h, &e, 40000);
	for (unsigned i = 0; i < 40; i++) { /* more than there may be at a time */
		struct caller *c = call(h, 0);
		be_deaf(c);
		ask_for_zone(c, 1);
		run(h, 10 * HF_MS);
		hang_up(c);
		run(h, 10 * HF_MS);
	}
	assert_int_equal(counted(h, HF_COUNT_TRANSFERS_WHOLE), 40);
	close_estate(h, &e);
}

/* ---- TLS ---- */

static void hands_are_to_be_shaken_within_the_stall(void **state)
{
	struct hall *h = *state;
	static const uint8_t half[] = {22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3};
	struct caller *met = call(h, 2);
	h->rude = true;
	call(h, 0);
	struct caller *c = call(h, 1);
	run(h, 4 * HF_SECOND);
	assert_int_equal(hf_stream_write(c->stream, half, sizeof half), sizeof half);
	run(h, 700 * HF_MS);
	assert_int_equal(hf_connections_open(h->connections), 3);
	run(h, 500 * HF_MS);
	assert_int_equal(hf_connections_open(h->connections), 1);
	assert_int_equal(counted(h, HF_COUNT_TLS_FAILED), 2);
	assert_int_equal(counted(h, HF_COUNT_TLS_HANDSHAKES), 1);
	assert_false(met->ended);
}

static void handshakes_have_their_turn_each(void **state)
{
	struct hall *h = *state;
	h->tcp.connections = h->tcp.per_client = CALLERS;
	h->listen.tls_handshakes = 10;
	call(h, 0);
	call(h, 1);
	for (unsigned i = 2; i < CALLERS; i++)
		call(h, i);
	/* A tenth of a second's worth at once, then one each tenth of a second. */
	assert_in_range(counted(h, HF_COUNT_TLS_HANDSHAKES), 2, CALLERS - 2);
	run(h, 2 * HF_SECOND);
	assert_int_equal(counted(h, HF_COUNT_TLS_HANDSHAKES), CALLERS);
	assert_int_equal(counted(h, HF_COUNT_TLS_REFUSED), 0);
}

static void whose_turn_would_be_too_late_is_closed_at_once(void **state)
{
	struct hall *h = *state;
	h->tcp.connections = h->tcp.per_client = CALLERS;
	h->listen.tls_handshakes = 1;
	h->tcp.stall = 3 * HF_SECOND;
	for (unsigned i = 0; i < CALLERS; i++)
		call(h, i);
	assert_in_range(counted(h, HF_COUNT_TLS_REFUSED), CALLERS - 6, CALLERS - 3);
	run(h, 4 * HF_SECOND);
	assert_int_equal(counted(h, HF_COUNT_TLS_REFUSED) + counted(h, HF_COUNT_TLS_HANDSHAKES),
		CALLERS);
}

static void a_client_that_shakes_hands_too_often_is_closed_at_once(void **state)
{
	struct hall *h = *state;
	h->listen.tls_handshakes_per_client = 3;
	for (unsigned i = 0; i < CALLERS; i++) {
		hang_up(call(h, i));
		run(h, HF_MS);
	}
	assert_in_range(counted(h, HF_COUNT_TLS_HANDSHAKES), 3, 6);
	assert_int_equal(counted(h, HF_COUNT_TLS_REFUSED) + counted(h, HF_COUNT_TLS_HANDSHAKES),
		CALLERS);
}

/* What TLS has taken from the stream already does not show there. */
static void what_lies_in_the_session_is_not_forgotten(void **state)
{
	struct hall *h = *state;
	struct caller *c = call(h, 0);
	h->stage.upstreams[0].manner = STAGE_HOLDS;
	for (unsigned i = 1; i <= 300; i++)
		put(c, i, "example");
	push(c);
	run(h, 10 * HF_MS);
	assert_int_equal(hf_responder_pending(h->responder), 8);
	for (unsigned rounds = 0; rounds < 50; rounds++) {
		stage_release(&h->stage.upstreams[0]);
		run(h, 10 * HF_MS);
	}
	assert_int_equal(c->replies, 300);
}

static void a_server_that_shows_nothing_any_more_closes(void **state)
{
	struct hall *h = *state;
	struct caller *met = call(h, 0);
	hf_connections_adopt(h->connections, &h->tcp, &h->listen, NULL);
	struct caller *c = call(h, 1);
	assert_true(c->ended);
	assert_int_equal(counted(h, HF_COUNT_TLS_REFUSED), 1);
	put(met, 1, "localhost");
	push(met);
	run(h, 10 * HF_MS);
	assert_int_equal(met->replies, 1);
}

#define THE_SAME_OVER_TLS(test) {"over_tls_" #test, test, open_tls_hall, close_hall, NULL}
#define IN_A_TLS_HALL(test) cmocka_unit_test_setup_teardown(test, open_tls_hall, close_hall)
#define IN_A_HALL(test) cmocka_unit_test_setup_teardown(test, open_hall, close_hall)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_HALL(transfers_take_turns_and_other_questions_are_answered_meanwhile),
		IN_A_HALL(a_transfer_that_nobody_reads_takes_little_memory_and_ends_after_the_stall),
		IN_A_HALL(a_secondary_that_reads_slowly_gets_all_of_it),
		IN_A_HALL(there_are_so_many_transfers_at_a_time_and_no_more),
		IN_A_HALL(a_connection_that_ends_in_a_transfer_lets_it_go),
		IN_A_HALL(questions_are_answered_as_answers_come),
		IN_A_HALL(a_question_may_come_one_octet_at_a_time),
		IN_A_HALL(what_deserves_no_answer_leaves_the_connection_up),
		IN_A_HALL(no_more_than_its_share_waits_at_once),
		IN_A_HALL(many_large_answers_to_one_breath_of_questions_all_come),
		IN_A_HALL(a_client_may_close_its_side_and_still_hears_all_answers),
		IN_A_HALL(a_client_that_leaves_does_not_take_its_questions_along),
		IN_A_HALL(an_idle_connection_is_closed_after_a_while),
		IN_A_HALL(a_connection_that_waits_for_us_is_not_idle),
		IN_A_HALL(a_question_that_drips_in_has_until_the_stall),
		IN_A_HALL(a_reader_that_takes_nothing_is_closed_after_the_stall),
		IN_A_HALL(a_slow_reader_is_not_a_stuck_one),
		IN_A_HALL(answers_that_nobody_reads_are_bounded),
		IN_A_HALL(past_the_limit_the_one_idle_for_longest_goes),
		IN_A_HALL(past_the_limit_with_nobody_idle_the_new_one_goes),
		IN_A_HALL(a_client_has_its_own_limit),
		IN_A_HALL(draining_answers_what_was_asked_and_then_closes),
		IN_A_HALL(draining_takes_what_has_already_arrived),
		IN_A_HALL(freeing_with_all_in_the_middle_of_something_loses_nothing),
		/* Over TLS all is the same, and there is a little more. */
		THE_SAME_OVER_TLS(transfers_take_turns_and_other_questions_are_answered_meanwhile),
		THE_SAME_OVER_TLS(a_transfer_that_nobody_reads_takes_little_memory_and_ends_after_the_stall),
		THE_SAME_OVER_TLS(a_secondary_that_reads_slowly_gets_all_of_it),
		THE_SAME_OVER_TLS(there_are_so_many_transfers_at_a_time_and_no_more),
		THE_SAME_OVER_TLS(a_connection_that_ends_in_a_transfer_lets_it_go),
		THE_SAME_OVER_TLS(questions_are_answered_as_answers_come),
		THE_SAME_OVER_TLS(a_question_may_come_one_octet_at_a_time),
		THE_SAME_OVER_TLS(what_deserves_no_answer_leaves_the_connection_up),
		THE_SAME_OVER_TLS(no_more_than_its_share_waits_at_once),
		THE_SAME_OVER_TLS(many_large_answers_to_one_breath_of_questions_all_come),
		THE_SAME_OVER_TLS(a_client_may_close_its_side_and_still_hears_all_answers),
		THE_SAME_OVER_TLS(a_client_that_leaves_does_not_take_its_questions_along),
		THE_SAME_OVER_TLS(an_idle_connection_is_closed_after_a_while),
		THE_SAME_OVER_TLS(a_connection_that_waits_for_us_is_not_idle),
		THE_SAME_OVER_TLS(a_question_that_drips_in_has_until_the_stall),
		THE_SAME_OVER_TLS(a_reader_that_takes_nothing_is_closed_after_the_stall),
		THE_SAME_OVER_TLS(a_slow_reader_is_not_a_stuck_one),
		THE_SAME_OVER_TLS(answers_that_nobody_reads_are_bounded),
		THE_SAME_OVER_TLS(past_the_limit_the_one_idle_for_longest_goes),
		THE_SAME_OVER_TLS(past_the_limit_with_nobody_idle_the_new_one_goes),
		THE_SAME_OVER_TLS(a_client_has_its_own_limit),
		THE_SAME_OVER_TLS(draining_answers_what_was_asked_and_then_closes),
		THE_SAME_OVER_TLS(draining_takes_what_has_already_arrived),
		THE_SAME_OVER_TLS(freeing_with_all_in_the_middle_of_something_loses_nothing),
		IN_A_TLS_HALL(hands_are_to_be_shaken_within_the_stall),
		IN_A_TLS_HALL(handshakes_have_their_turn_each),
		IN_A_TLS_HALL(whose_turn_would_be_too_late_is_closed_at_once),
		IN_A_TLS_HALL(a_client_that_shakes_hands_too_often_is_closed_at_once),
		IN_A_TLS_HALL(what_lies_in_the_session_is_not_forgotten),
		IN_A_TLS_HALL(a_server_that_shows_nothing_any_more_closes),
	};
	return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
