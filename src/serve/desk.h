/* SPDX-License-Identifier: GPL-3.0-or-later */
/* desk.h - a responder on a stage, and a client that sends it packets.
 *
 * For tests of the responder and its parts.  Threads: one. Used by tests only. */
#ifndef HF_SERVE_DESK_H
#define HF_SERVE_DESK_H

#include "engine/stage.h"
#include "serve/respond.h"

struct desk {
	struct stage stage;
	struct hf_responder *responder;
	struct hf_listen_conf listen;
	struct hf_tcp_conf tcp;
	struct hf_clients_conf clients;
	struct hf_prefix allow;
	struct hf_reply_path path;
	uint8_t out[HF_RESPOND_ROOM_TLS];
	/* The last reply. */
	uint8_t reply[HF_MESSAGE_MAX];
	size_t len;
	unsigned replies;
	struct hf_message_view view;
};

static inline void take(struct desk *d, const uint8_t *reply, size_t len)
{
	assert_true(len >= HF_HEADER_LEN && len <= sizeof d->reply);
	memcpy(d->reply, reply, len);
	d->len = len;
	d->replies++;
	assert_int_equal(hf_message_read(d->reply, len, &d->view), 0);
	assert_true(d->view.flags & HF_FLAG_QR);
	assert_int_equal(d->view.end, len);
}

static inline void send_reply(
	void *owner, const struct hf_reply_path *path, const uint8_t *reply, size_t len, hf_us now)
{
	(void)path;
	(void)now;
	take(owner, reply, len);
}

static inline int open_desk_of(void **state, size_t pending)
{
	struct desk *d = calloc(1, sizeof *d);
	assert_non_null(d);
	assert_int_equal(hf_responder_new(pending, send_reply, d, &d->responder), 0);
	d->stage.client = &hf_responder_client;
	d->stage.client_ctx[0] = d->responder;
	stage_open(&d->stage, 1);
	assert_int_equal(hf_prefix_parse("10.0.0.0/8", &d->allow), 0);
	d->listen.edns_size = HF_EDNS_SIZE;
	d->tcp = (struct hf_tcp_conf){.connections = 16,
		.per_client = 8,
		.in_flight = 8,
		.idle = 10 * HF_SECOND,
		.stall = 5 * HF_SECOND};
	d->clients =
		(struct hf_clients_conf){.allow = {&d->allow, 1}, .in_flight = (uint32_t)pending};
	hf_responder_attach(d->responder, d->stage.worker[0]);
	hf_responder_adopt(
		d->responder, &(struct hf_respond_conf){&d->listen, &d->tcp, &d->clients});
	d->path = (struct hf_reply_path){
		.peer = stage_address("10.1.1.1:4000"), .local = stage_address("10.0.0.1:53")};
	*state = d;
	return 0;
}

static inline int open_desk(void **state)
{
	return open_desk_of(state, 1024);
}

static inline int close_desk(void **state)
{
	struct desk *d = *state;
	stage_close(&d->stage);
	hf_responder_free(d->responder);
	free(d);
	return 0;
}

/* Hands over a packet in memory of just its size, so that a read past its end
 * shows. */
static inline enum hf_respond hand_over(struct desk *d, const uint8_t *m, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	const uint8_t *reply = NULL;
	size_t reply_len = 0;
	assert_non_null(copy);
	memcpy(copy, m, len);
	memset(d->out, 0xa5, sizeof d->out);
	const struct hf_packet packet = {
		d->path.transport, d->path.ctx, &d->path.peer, &d->path.local, copy, len};
	enum hf_respond rc = hf_respond(
		d->responder, &packet, hf_loop_now(d->stage.loops[0]), d->out, &reply, &reply_len);
	if (rc == HF_RESPOND_NOW)
		take(d, reply, reply_len);
	free(copy);
	return rc;
}

struct packet {
	uint8_t bytes[600];
	size_t len;
};

/* A question with the recursion-desired bit, in mixed case. */
static inline struct packet question(const char *name, uint16_t type)
{
	struct packet p = {0};
	struct hf_name wire;
	static const uint8_t header[HF_HEADER_LEN] = {0xab, 0xcd, 1, 0, 0, 1};
	assert_int_equal(hf_name_from_text(name, strlen(name), &wire), 0);
	if (wire.len > 1 && wire.bytes[1] >= 'a')
		wire.bytes[1] ^= 0x20;
	memcpy(p.bytes, header, sizeof header);
	memcpy(p.bytes + HF_HEADER_LEN, wire.bytes, wire.len);
	p.len = HF_HEADER_LEN + (size_t)wire.len + 4;
	hf_put_u16(p.bytes + p.len - 4, type);
	hf_put_u16(p.bytes + p.len - 2, HF_CLASS_IN);
	return p;
}

static inline void add_opt(struct packet *p, uint16_t size, uint32_t ttl)
{
	uint8_t *opt = p->bytes + p->len;
	memset(opt, 0, 11);
	hf_put_u16(opt + 1, HF_TYPE_OPT);
	hf_put_u16(opt + 3, size);
	hf_put_u32(opt + 5, ttl);
	p->len += 11;
	p->bytes[11]++;
}

static inline void run(struct desk *d, hf_us us)
{
	hf_sim_run_for(d->stage.sim, us);
}

/* Asks and waits for the reply, which comes at once or later. */
static inline void ask(struct desk *d, const struct packet *p)
{
	unsigned before = d->replies;
	enum hf_respond rc = hand_over(d, p->bytes, p->len);
	assert_int_not_equal(rc, HF_RESPOND_SILENCE);
	if (rc == HF_RESPOND_LATER)
		run(d, 6 * HF_SECOND);
	assert_int_equal(d->replies, before + 1);
	assert_int_equal(d->view.id, hf_get_u16(p->bytes));
	assert_int_equal(hf_responder_pending(d->responder), 0);
}

/* Asks what deserves an error at once, no longer than what came. */
static inline void assert_error(struct desk *d, const struct packet *p, unsigned rcode)
{
	assert_int_equal(hand_over(d, p->bytes, p->len), HF_RESPOND_NOW);
	assert_int_equal(d->view.rcode, rcode);
	assert_int_equal(d->view.id, hf_get_u16(p->bytes));
	assert_int_equal(d->view.answers + d->view.authorities, 0);
	assert_true(d->len <= p->len);
	assert_int_equal(d->stage.upstreams[0].asked, 0);
}

static inline void assert_echoes(const struct desk *d, const struct packet *p)
{
	size_t end = HF_HEADER_LEN + hf_name_wire_len(p->bytes + HF_HEADER_LEN, HF_NAME_MAX) + 4;
	assert_int_equal(d->view.question_end, end);
	assert_memory_equal(
		d->reply + HF_HEADER_LEN, p->bytes + HF_HEADER_LEN, end - HF_HEADER_LEN);
}

#endif
