/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "loop/loop_sim.h"
#include "transport/frame.h"
#include "transport/tcp.h"
#include "transport/udp.h"

#define MANY 8192
#define STREAMS 400

/* One question on its way, over either transport. */
struct sent {
	struct hf_udp_attempt udp;
	struct hf_tcp_attempt tcp;
	unsigned replies, refusals, unsent;
	int error;
	bool keeps; /* does not forget at a reply */
};

/* A server's connection. */
struct served {
	struct world *w;
	struct hf_stream *stream;
	struct hf_frame_in in;
	struct hf_frame_out out;
	unsigned heard;
};

struct world {
	struct hf_sim *sim;
	struct hf_loop *here, *there;
	struct hf_udp_pool *udp;
	struct hf_tcp_pool *tcp;
	struct sent sent[MANY];
	unsigned strays, moves, moves_opened;
	struct sent *forgets; /* at the next callback */
	struct hf_address then; /* asked over TCP from within the next TCP reply, if set */
	unsigned sends_on;    /* so many more are sent from within callbacks */
	unsigned next;
	struct hf_address peer;
	/* The other side. */
	struct hf_endpoint *endpoint;
	unsigned heard;
	struct hf_address from[MANY];
	uint16_t ids[MANY];
	bool answers, reverses;
	unsigned closes_after; /* messages of a connection; 0: never */
	struct hf_stream_door *door;
	struct served served[STREAMS];
	unsigned accepted;
	uint8_t held[MANY][14];
	unsigned held_count;
};

static struct hf_address address(const char *text)
{
	struct hf_address a;
	assert_int_equal(hf_address_parse(text, 53, &a), 0);
	return a;
}

static void run(struct world *w, hf_us us)
{
	hf_sim_run_for(w->sim, us);
}

/* ---- what the pools say ---- */

static int send_udp(struct world *w, unsigned n, const struct hf_address *to)
{
	uint8_t m[14] = { 0 };
	hf_put_u16(m + 12, (uint16_t)n);
	return hf_udp_send(w->udp, &w->sent[n].udp, to, m, sizeof m);
}

static int post_udp(struct world *w, unsigned n, const struct hf_address *to)
{
	uint8_t m[14] = {0};
	hf_put_u16(m + 12, (uint16_t)n);
	return hf_udp_post(w->udp, &w->sent[n].udp, to, m, sizeof m);
}

static int send_for(struct world *w, unsigned n, const struct hf_address *to,
	const struct hf_tcp_account *account)
{
	uint8_t m[14] = { 0 };
	hf_put_u16(m + 12, (uint16_t)n);
	return hf_tcp_send(w->tcp, &w->sent[n].tcp, to, NULL, account, m, sizeof m);
}

static int send_tcp(struct world *w, unsigned n, const struct hf_address *to)
{
	return send_for(w, n, to, NULL);
}

/* An address of its own for each number. */
static struct hf_address somewhere(unsigned i)
{
	char text[32];
	snprintf(text, sizeof text, "192.0.%u.%u:53", 3 + i / 250, 1 + i % 250);
	return address(text);
}

static void from_within(struct world *w)
{
	if (w->forgets) {
		hf_udp_forget(&w->forgets->udp);
		hf_tcp_forget(&w->forgets->tcp);
	}
	if (w->sends_on) {
		w->sends_on--;
		assert_int_equal(send_udp(w, w->next++ % MANY, &w->peer), 0);
	}
}

static void udp_replied(void *ctx, struct hf_udp_attempt *a, const uint8_t *m, size_t len,
	bool cut, hf_us now)
{
	struct sent *s = (struct sent *)((char *)a - offsetof(struct sent, udp));
	(void)cut;
	(void)now;
	assert_true(len == 14 && hf_get_u16(m) == a->id);
	s->replies++;
	if (!s->keeps)
		hf_udp_forget(a);
	from_within(ctx);
}

static void udp_refused(void *ctx, struct hf_udp_attempt *a, int error, hf_us now)
{
	struct sent *s = (struct sent *)((char *)a - offsetof(struct sent, udp));
	(void)now;
	assert_null(a->socket);
	s->refusals++;
	s->error = error;
	from_within(ctx);
}

static void udp_unsent(void *ctx, struct hf_udp_attempt *a, int error, hf_us now)
{
	struct sent *s = (struct sent *)((char *)a - offsetof(struct sent, udp));
	(void)now;
	assert_null(a->socket);
	s->unsent++;
	s->error = error;
	from_within(ctx);
}

static void tcp_replied(void *ctx, struct hf_tcp_attempt *a, const uint8_t *m, size_t len, hf_us now)
{
	struct world *w = ctx;
	struct sent *s = (struct sent *)((char *)a - offsetof(struct sent, tcp));
	(void)now;
	assert_true(len == 14 && hf_get_u16(m) == a->id);
	assert_int_equal(hf_get_u16(m + 12), s - w->sent);
	s->replies++;
	hf_tcp_forget(a);
	if (hf_address_set(&w->then))
		assert_int_equal(send_tcp(w, MANY - 1, &w->then), 0);
	from_within(w);
}

static void tcp_refused(
	void *ctx, struct hf_tcp_attempt *a, int error, const char *why, hf_us now)
{
	struct sent *s = (struct sent *)((char *)a - offsetof(struct sent, tcp));
	(void)now;
	assert_null(why);
	assert_null(a->connection);
	s->refusals++;
	s->error = error;
	from_within(ctx);
}

static void tcp_moved(void *ctx, struct hf_tcp_attempt *a, bool opened, hf_us now)
{
	struct world *w = ctx;
	(void)now;
	assert_true(a->moved && a->connection);
	w->moves++;
	w->moves_opened += opened;
}

static void stray(void *ctx, const struct hf_address *peer)
{
	struct world *w = ctx;
	(void)peer;
	w->strays++;
}

/* ---- the other side ---- */

static void answer(struct world *w, struct hf_endpoint *from, const struct hf_address *to,
	uint16_t id)
{
	uint8_t m[14] = { 0 };
	struct hf_datagram d = { .bytes = m, .len = sizeof m, .peer = *to };
	(void)w;
	hf_put_u16(m, id);
	assert_int_equal(hf_endpoint_send(from, &d, 1, NULL), 1);
}

static void heard(void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n,
	hf_us now)
{
	struct world *w = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++, w->heard++) {
		w->from[w->heard % MANY] = batch[i].peer;
		w->ids[w->heard % MANY] = hf_get_u16(batch[i].bytes);
		if (w->answers)
			answer(w, endpoint, &batch[i].peer, hf_get_u16(batch[i].bytes));
	}
}

static const struct hf_endpoint_handler heard_handler = { heard, NULL };

static void server_end(struct served *s)
{
	hf_stream_close(s->stream);
	s->stream = NULL;
	hf_frame_in_clear(&s->in);
	hf_frame_out_clear(&s->out);
}

static void server_answers_held(struct served *s)
{
	struct world *w = s->w;
	while (w->held_count) {
		w->held_count--;
		assert_int_equal(hf_frame_put(&s->out, w->held[w->held_count], 14, 1 << 20), 0);
	}
	assert_true(hf_frame_flush(&s->out, s->stream) >= 0);
}

static void server_ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct served *s = ctx;
	struct world *w = s->w;
	const uint8_t *m;
	size_t len;
	(void)what;
	(void)now;
	int n = hf_frame_fill(&s->in, stream);
	if (n <= 0 && n != -EAGAIN) {
		server_end(s);
		return;
	}
	while (s->stream && hf_frame_next(&s->in, &m, &len)) {
		s->heard++;
		w->heard++;
		assert_int_equal(len, 14);
		if (w->reverses)
			memcpy(w->held[w->held_count++], m, len);
		else if (w->answers)
			assert_int_equal(hf_frame_put(&s->out, m, len, 1 << 20), 0);
		if (w->closes_after && s->heard >= w->closes_after) {
			(void)hf_frame_flush(&s->out, stream);
			server_end(s);
			return;
		}
	}
	assert_true(hf_frame_flush(&s->out, stream) >= 0);
}

static void server_accepted(void *ctx, struct hf_stream_door *door, struct hf_stream *stream,
	hf_us now)
{
	static const struct hf_stream_handler handler = { server_ready };
	struct world *w = ctx;
	(void)door;
	(void)now;
	assert_true(w->accepted < STREAMS);
	struct served *s = &w->served[w->accepted++];
	s->w = w;
	s->stream = stream;
	hf_stream_handle(stream, &handler, s);
}

static const struct hf_door_handler door_handler = { server_accepted };

static int open_world(void **state)
{
	static const struct hf_udp_handler udp = {udp_replied, udp_refused, udp_unsent, stray};
	static const struct hf_tcp_handler tcp = { tcp_replied, tcp_refused, tcp_moved, stray };
	struct world *w = calloc(1, sizeof *w);
	assert_non_null(w);
	w->sim = hf_sim_new(3);
	w->peer = address("192.0.2.1:53");
	struct hf_bind bind = { .address = w->peer, .fd = -1 };
	assert_int_equal(hf_sim_loop_new(w->sim, "here", &w->here), 0);
	assert_int_equal(hf_sim_loop_new(w->sim, "there", &w->there), 0);
	assert_int_equal(hf_udp_pool_new(w->here, &udp, w, &w->udp), 0);
	assert_int_equal(hf_tcp_pool_new(w->here, &tcp, w, &w->tcp), 0);
	assert_int_equal(
		hf_endpoint_open(w->there, &bind, &heard_handler, w, &w->endpoint), 0);
	assert_int_equal(hf_door_open(w->there, &bind, &door_handler, w, &w->door), 0);
	*state = w;
	return 0;
}

static int close_world(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < MANY; i++) {
		hf_udp_forget(&w->sent[i].udp);
		hf_tcp_forget(&w->sent[i].tcp);
	}
	hf_udp_pool_free(w->udp);
	hf_tcp_pool_free(w->tcp);
	for (unsigned i = 0; i < w->accepted; i++)
		if (w->served[i].stream)
			server_end(&w->served[i]);
	hf_sim_free(w->sim);
	free(w);
	return 0;
}

/* ---- UDP ---- */

/* True if counts over `cells` look like dice: chi-square within six standard
 * deviations of its mean (cells - 1, variance twice that). */
static bool even(const unsigned *counts, unsigned cells, unsigned total)
{
	double expected = (double)total / cells, chi = 0;
	for (unsigned i = 0; i < cells; i++)
		chi += ((double)counts[i] - expected) * ((double)counts[i] - expected) / expected;
	double off = chi - (cells - 1);
	return off * off < 36.0 * 2 * (cells - 1);
}

static void ids_are_spread_evenly_and_sockets_taken_by_chance(void **state)
{
	struct world *w = *state;
	unsigned high[64] = { 0 }, low[64] = { 0 }, same_port = 0, ports = 0;
	static bool seen[65536];
	memset(seen, 0, sizeof seen);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(send_udp(w, i, &w->peer), 0);
		if (i % 64 == 63)
			run(w, HF_MS);
	}
	assert_int_equal(w->heard, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		high[w->ids[i] >> 10]++;
		low[w->ids[i] & 63]++;
		ports += !seen[w->from[i].port];
		seen[w->from[i].port] = true;
		same_port += i && w->from[i].port == w->from[i - 1].port;
		assert_true(w->from[i].port >= 16384);
	}
	assert_true(even(high, 64, MANY));
	assert_true(even(low, 64, MANY));
	assert_true(ports >= 64); /* and some have been replaced */
	assert_in_range(same_port, MANY / 64 / 2, MANY / 64 * 2);
}

static void a_port_is_given_up_after_a_number_of_questions(void **state)
{
	struct world *w = *state;
	static unsigned uses[65536];
	memset(uses, 0, sizeof uses);
	w->answers = true;
	for (unsigned i = 0; i < 4 * MANY; i++) {
		assert_int_equal(send_udp(w, i % MANY, &w->peer), 0);
		run(w, HF_MS);
		assert_true(++uses[w->from[i % MANY].port] <= 2 * 200); /* drawn twice at most */
	}
	assert_int_equal(w->strays, 0);
	unsigned ports = 0;
	for (unsigned i = 0; i < 65536; i++)
		ports += uses[i] != 0;
	assert_true(ports > 4 * MANY / 200 * 9 / 10);
}

/* An upstream says nothing, and others are asked beside it: what waits for the one keeps its
 * sockets open, but takes no more than there may be. */
static void an_upstream_that_says_nothing_does_not_hold_sockets_without_end(void **state)
{
	struct world *w = *state;
	struct hf_address silent = address("192.0.2.77:53");
	unsigned most = 0;
	w->answers = true;
	for (unsigned i = 0; i < 64 * 200 * 12; i++) {
		if (i % 200 < 8 && i / 200 * 8 + i % 200 < MANY - 1000) /* each is waited for */
			assert_int_equal(send_udp(w, 1000 + i / 200 * 8 + i % 200, &silent), 0);
		else
			assert_int_equal(send_udp(w, i % 1000, &w->peer), 0);
		if (i % 100 == 99)
			run(w, HF_MS);
		if (hf_udp_sockets(w->udp) > most)
			most = hf_udp_sockets(w->udp);
	}
	assert_int_equal(most, 64 + HF_UDP_RETIRED);
	assert_int_equal(w->sent[0].unsent, 0);
	for (unsigned i = 1000; i < MANY; i++)
		hf_udp_forget(&w->sent[i].udp);
	run(w, 30 * HF_SECOND);
	assert_int_equal(hf_udp_sockets(w->udp), 0);
}

static void what_is_posted_leaves_by_eights_and_when_it_is_told_to(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(post_udp(w, i, &w->peer), 0);
	hf_udp_flush(w->udp);
	run(w, HF_MS);
	assert_int_equal(w->heard, 10);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(w->ids[i], w->sent[i].udp.id);
		assert_int_equal(w->from[i].port, w->from[i < 8 ? 0 : 8].port);
	}
	assert_int_not_equal(w->from[0].port, w->from[8].port);
}

/* A forger of any one answer has the whole set of ports to guess from, and all ids. */
static void what_is_posted_goes_by_any_port_and_under_any_id(void **state)
{
	struct world *w = *state;
	unsigned high[64] = {0}, low[64] = {0}, same_port = 0, ports = 0;
	static bool seen[65536];
	memset(seen, 0, sizeof seen);
	for (unsigned i = 0; i < MANY; i++) {
		assert_int_equal(post_udp(w, i, &w->peer), 0);
		if (i % 2)
			hf_udp_flush(w->udp);
		if (i % 64 == 63)
			run(w, HF_MS);
	}
	assert_int_equal(w->heard, MANY);
	for (unsigned i = 0; i < MANY; i++) {
		high[w->ids[i] >> 10]++;
		low[w->ids[i] & 63]++;
		ports += !seen[w->from[i].port];
		seen[w->from[i].port] = true;
		same_port += i > 1 && i % 2 == 0 && w->from[i].port == w->from[i - 1].port;
	}
	assert_true(even(high, 64, MANY));
	assert_true(even(low, 64, MANY));
	assert_true(ports >= 64);
	assert_in_range(same_port, MANY / 128 / 2, MANY / 128 * 2);
}

static void what_nobody_flushes_leaves_by_itself(void **state)
{
	struct world *w = *state;
	w->answers = true;
	assert_int_equal(post_udp(w, 0, &w->peer), 0);
	run(w, HF_MS);
	assert_int_equal(w->heard, 1);
	assert_int_equal(w->sent[0].replies, 1);
}

static void what_cannot_be_sent_is_told_of_and_the_others_leave(void **state)
{
	struct world *w = *state;
	struct hf_address nowhere = w->peer;
	nowhere.port = 0;
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(post_udp(w, i, i % 3 == 1 ? &nowhere : &w->peer), 0);
	hf_udp_flush(w->udp);
	assert_int_equal(w->sent[1].unsent, 0); /* not from within: its owner may be at work */
	run(w, HF_MS);
	assert_int_equal(w->heard, 4);
	for (unsigned i = 0; i < 6; i++) {
		assert_int_equal(w->sent[i].unsent, i % 3 == 1);
		assert_int_equal(w->sent[i].error, i % 3 == 1 ? -EINVAL : 0);
		assert_int_equal(w->sent[i].udp.socket != NULL, i % 3 != 1);
	}
}

static void who_is_forgotten_is_not_told_and_what_was_posted_leaves(void **state)
{
	struct world *w = *state;
	struct hf_address nowhere = w->peer;
	nowhere.port = 0;
	assert_int_equal(post_udp(w, 0, &w->peer), 0);
	assert_int_equal(post_udp(w, 1, &nowhere), 0);
	assert_int_equal(post_udp(w, 2, &nowhere), 0);
	assert_int_equal(post_udp(w, 3, &nowhere), 0);
	hf_udp_forget(&w->sent[0].udp);
	hf_udp_forget(&w->sent[1].udp);
	hf_udp_flush(w->udp);
	hf_udp_forget(&w->sent[2].udp);
	run(w, HF_MS);
	assert_int_equal(w->heard, 1);
	for (unsigned i = 0; i < 4; i++)
		assert_int_equal(w->sent[i].unsent, i == 3);
}

/* From within the news of one the others are forgotten, and more is sent. */
static void the_news_of_what_was_not_sent_may_change_the_rest(void **state)
{
	struct world *w = *state;
	struct hf_address nowhere = w->peer;
	nowhere.port = 0;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(post_udp(w, i, &nowhere), 0);
	w->forgets = &w->sent[1];
	w->sends_on = 1;
	w->next = 10;
	run(w, HF_MS);
	assert_int_equal(w->sent[0].unsent + w->sent[2].unsent, 2);
	assert_int_equal(w->sent[1].unsent, 0);
	assert_int_equal(w->heard, 1);
}

static void only_the_right_reply_is_taken(void **state)
{
	struct world *w = *state;
	struct hf_endpoint *forger;
	struct hf_bind other_port = { .address = address("192.0.2.1:54"), .fd = -1 };
	w->sent[0].keeps = true;
	assert_int_equal(send_udp(w, 0, &w->peer), 0);
	run(w, HF_MS);
	struct hf_address port = w->from[0];
	uint16_t id = w->ids[0];
	answer(w, w->endpoint, &port, (uint16_t)(id + 1));
	struct hf_datagram stub = { .bytes = (uint8_t *)"x", .len = 1, .peer = port };
	assert_int_equal(hf_endpoint_send(w->endpoint, &stub, 1, NULL), 1);
	assert_int_equal(
		hf_endpoint_open(w->there, &other_port, &heard_handler, w, &forger), 0);
	answer(w, forger, &port, id);
	hf_endpoint_close(forger);
	other_port.address = address("192.0.2.9:53");
	assert_int_equal(
		hf_endpoint_open(w->there, &other_port, &heard_handler, w, &forger), 0);
	answer(w, forger, &port, id);
	run(w, HF_MS);
	assert_int_equal(w->sent[0].replies, 0);
	assert_int_equal(w->strays, 4);
	/* To another of our ports, where the id is not under way: */
	for (unsigned i = 1; w->from[w->heard - 1].port == port.port; i++) {
		assert_int_equal(send_udp(w, i, &w->peer), 0);
		run(w, HF_MS);
	}
	answer(w, w->endpoint, &w->from[w->heard - 1], (uint16_t)(w->ids[w->heard - 1] ^ 1));
	run(w, HF_MS);
	assert_int_equal(w->strays, 5);
	for (unsigned i = 1; i <= 2; i++) { /* the attempt stays until it is forgotten */
		answer(w, w->endpoint, &port, id);
		run(w, HF_MS);
		assert_int_equal(w->sent[0].replies, i);
	}
	hf_udp_forget(&w->sent[0].udp);
	hf_udp_forget(&w->sent[0].udp);
	answer(w, w->endpoint, &port, id);
	run(w, HF_MS);
	assert_int_equal(w->sent[0].replies, 2);
	assert_int_equal(w->strays, 6);
}

static void a_refusal_ends_what_went_to_that_peer_and_nothing_else(void **state)
{
	struct world *w = *state;
	struct hf_address closed = address("192.0.2.1:99");
	for (unsigned i = 0; i < 200; i++)
		assert_int_equal(send_udp(w, i, i % 2 ? &closed : &w->peer), 0);
	run(w, 10 * HF_MS);
	for (unsigned i = 0; i < 200; i++) {
		assert_int_equal(w->sent[i].refusals, i % 2);
		assert_int_equal(w->sent[i].error, i % 2 ? -ECONNREFUSED : 0);
		assert_int_equal(w->sent[i].udp.socket != NULL, !(i % 2));
	}
}

static void callbacks_may_forget_others_and_send_on(void **state)
{
	struct world *w = *state;
	hf_endpoint_close(w->endpoint); /* everything is refused */
	for (unsigned i = 0; i < 500; i++)
		assert_int_equal(send_udp(w, i, &w->peer), 0);
	w->forgets = &w->sent[250];
	run(w, 10 * HF_MS);
	unsigned ended = 0;
	for (unsigned i = 0; i < 500; i++)
		ended += w->sent[i].refusals;
	assert_in_range(ended, 499, 500);
}

/* Sockets wear out and are swept while their own callbacks run. */
static void sending_from_within_never_pulls_a_socket_from_under_the_caller(void **state)
{
	struct world *w = *state;
	for (int refused = 0; refused < 2; refused++) {
		if (refused)
			hf_endpoint_close(w->endpoint);
		w->answers = true; /* as long as it hears */
		w->sends_on = 40000;
		w->next = 100;
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(send_udp(w, i, &w->peer), 0);
		run(w, HF_SECOND);
		assert_int_equal(w->sends_on, 0);
	}
}

/* ---- TCP ---- */

static void many_questions_share_a_connection_and_answers_may_come_in_any_order(void **state)
{
	struct world *w = *state;
	w->reverses = true;
	for (unsigned i = 0; i < HF_TCP_PIPELINE; i++)
		assert_int_equal(send_tcp(w, i, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->accepted, 1);
	assert_int_equal(w->heard, HF_TCP_PIPELINE);
	assert_int_equal(send_tcp(w, HF_TCP_PIPELINE, &w->peer), 0); /* one more, a second */
	run(w, 10 * HF_MS);
	assert_int_equal(w->accepted, 2);
	w->held_count--; /* it stays without an answer */
	server_answers_held(&w->served[0]);
	run(w, 10 * HF_MS);
	for (unsigned i = 0; i < HF_TCP_PIPELINE; i++)
		assert_int_equal(w->sent[i].replies, 1);
	assert_int_equal(w->strays, 0);
}

static void a_connection_is_used_again_and_closed_when_it_is_idle(void **state)
{
	struct world *w = *state;
	w->answers = true;
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(send_tcp(w, i, &w->peer), 0);
		run(w, 2 * HF_SECOND);
		assert_int_equal(w->sent[i].replies, 1);
	}
	assert_int_equal(w->accepted, 1);
	run(w, 9 * HF_SECOND);
	assert_null(w->served[0].stream);
	assert_int_equal(send_tcp(w, 5, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->accepted, 2);
	assert_int_equal(w->sent[5].replies, 1);
}

static void an_idle_connections_end_is_not_noticed(void **state)
{
	struct world *w = *state;
	w->answers = true;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, HF_SECOND);
	server_end(&w->served[0]);
	/* Before the news can arrive: */
	assert_int_equal(send_tcp(w, 1, &w->peer), 0);
	assert_int_equal(send_tcp(w, 2, &w->peer), 0);
	run(w, HF_SECOND);
	assert_int_equal(w->sent[1].replies, 1);
	assert_int_equal(w->sent[2].replies, 1);
	assert_int_equal(w->sent[1].refusals, 0);
	assert_int_equal(w->accepted, 2);
}

static void questions_move_to_another_connection_only_once(void **state)
{
	struct world *w = *state;
	w->answers = true;
	w->closes_after = 1; /* of however many */
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(send_tcp(w, i, &w->peer), 0);
	run(w, HF_SECOND);
	unsigned ended = 0;
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(w->sent[i].replies + w->sent[i].refusals, 1);
		ended += w->sent[i].refusals;
	}
	assert_true(ended >= 8 && w->accepted <= 2);
}

static void a_connection_that_nobody_takes_is_told_to_all(void **state)
{
	struct world *w = *state;
	struct hf_address closed = address("192.0.2.1:99");
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(send_tcp(w, i, &closed), 0);
	w->forgets = &w->sent[5];
	run(w, HF_SECOND);
	for (unsigned i = 0; i < 10; i++) {
		if (i != 5)
			assert_int_equal(w->sent[i].refusals, 1);
		assert_null(w->sent[i].tcp.message);
	}
	assert_int_equal(w->sent[0].error, -ECONNREFUSED);
}

static void half_a_reply_is_none(void **state)
{
	struct world *w = *state;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(hf_stream_write(w->served[0].stream, (const uint8_t *)"\0\x0e\0\0", 4), 4);
	run(w, 10 * HF_MS);
	server_end(&w->served[0]);
	run(w, 10 * HF_MS);
	assert_int_equal(w->sent[0].refusals, 1);
	assert_int_equal(w->sent[0].error, HF_ECLOSED);
	assert_int_equal(w->accepted, 1);
}

static void replies_that_nobody_asked_for_are_strays(void **state)
{
	struct world *w = *state;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, 10 * HF_MS);
	uint8_t wrong[16] = { 0, 14 };
	hf_put_u16(wrong + 2, (uint16_t)(w->sent[0].tcp.id + 1));
	assert_int_equal(hf_stream_write(w->served[0].stream, wrong, 16), 16);
	assert_int_equal(hf_stream_write(w->served[0].stream, (const uint8_t *)"\0\0\0\1x", 5), 5);
	run(w, 10 * HF_MS);
	assert_int_equal(w->strays, 3);
	assert_int_equal(w->sent[0].replies, 0);
	assert_non_null(w->sent[0].tcp.connection);
}

static void connections_are_bounded(void **state)
{
	struct world *w = *state;
	unsigned i = 0;
	for (; i < HF_TCP_CONNECTIONS; i++) {
		struct hf_address each = somewhere(i);
		assert_int_equal(send_tcp(w, i, &each), 0);
	}
	assert_int_equal(send_tcp(w, i, &w->peer), HF_EBOUND);
	assert_null(w->sent[i].tcp.connection);
	assert_null(w->sent[i].tcp.message);
	/* One that nobody waits on any more makes room. */
	hf_tcp_forget(&w->sent[7].tcp);
	assert_int_equal(send_tcp(w, i, &w->peer), 0);
	for (i = 0; i <= HF_TCP_CONNECTIONS; i++)
		hf_tcp_forget(&w->sent[i].tcp);
	run(w, 20 * HF_SECOND);
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
}

/* Sends to one address after another until it is refused. Returns how many went out. */
static unsigned take_all(struct world *w, unsigned from, const struct hf_tcp_account *account)
{
	for (unsigned i = 0;; i++) {
		struct hf_address each = somewhere(from + i);
		int rc = send_for(w, from + i, &each, account);
		if (!rc)
			continue;
		assert_int_equal(rc, HF_ESHARE);
		assert_null(w->sent[from + i].tcp.message);
		return i;
	}
}

static void an_upstream_that_never_answers_leaves_others_a_fifth_of_the_connections(void **state)
{
	struct world *w = *state;
	const struct hf_tcp_account tar = {.upstream = 1}, good = {.upstream = 2};
	unsigned taken = take_all(w, 0, &tar);
	assert_in_range(taken, HF_TCP_CONNECTIONS * 4 / 5, HF_TCP_CONNECTIONS * 4 / 5 + 1);
	assert_int_equal(hf_tcp_in_use(w->tcp), taken);
	w->answers = true;
	assert_int_equal(send_for(w, MANY - 1, &w->peer, &good), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->sent[MANY - 1].replies, 1);
	/* What it gives back it may have again. */
	hf_tcp_forget(&w->sent[0].tcp);
	assert_int_equal(take_all(w, HF_TCP_CONNECTIONS, &tar), 1);
}

static void a_route_has_its_part_whichever_upstreams_it_asks(void **state)
{
	struct world *w = *state;
	struct hf_tcp_account dead = {.route = {7, 50}}, well = {.route = {8, 50}};
	for (unsigned i = 0; i < HF_TCP_CONNECTIONS / 2; i++) {
		struct hf_address each = somewhere(i);
		dead.upstream = 1 + i % 3;
		assert_int_equal(send_for(w, i, &each, &dead), 0);
	}
	assert_int_equal(send_for(w, MANY - 1, &w->peer, &dead), HF_ESHARE);
	well.upstream = 1;
	assert_int_equal(send_for(w, MANY - 1, &w->peer, &well), 0);
}

/* Where several routes ask one upstream, a route's part is one of what that may have. */
static void a_zone_that_is_dead_leaves_the_other_zones_of_its_upstream_theirs(void **state)
{
	struct world *w = *state;
	const struct hf_tcp_account dead = {1, {7, 80}, true}, well = {1, {8, 80}, true};
	unsigned taken = take_all(w, 0, &dead);
	assert_in_range(taken, HF_TCP_CONNECTIONS / 2, HF_TCP_CONNECTIONS * 3 / 4);
	assert_true(take_all(w, HF_TCP_CONNECTIONS, &well) > 10);
	assert_true(hf_tcp_in_use(w->tcp) <= HF_TCP_CONNECTIONS * 4 / 5 + 1);
}

static void another_routes_connection_is_filled_by_half_only(void **state)
{
	struct world *w = *state;
	const struct hf_tcp_account dead = {1, {7, 80}, true}, well = {1, {8, 80}, true};
	assert_int_equal(send_for(w, 0, &w->peer, &well), 0);
	for (unsigned i = 1; i <= HF_TCP_PIPELINE; i++)
		assert_int_equal(send_for(w, i, &w->peer, &dead), 0);
	assert_int_equal(hf_tcp_in_use(w->tcp), 2);
	for (unsigned i = HF_TCP_PIPELINE + 1; i < HF_TCP_PIPELINE * 3 / 2; i++)
		assert_int_equal(send_for(w, i, &w->peer, &dead), 0);
	for (unsigned i = 0; i < HF_TCP_PIPELINE / 2; i++) {
		unsigned n = HF_TCP_PIPELINE * 2 + i;
		assert_int_equal(send_for(w, n, &w->peer, &well), 0);
		assert_ptr_equal(w->sent[n].tcp.connection, w->sent[0].tcp.connection);
	}
	assert_int_equal(hf_tcp_in_use(w->tcp), 2);
}

static void idle_ones_count_for_nobody_and_the_one_idle_for_longest_makes_room(void **state)
{
	struct world *w = *state;
	const struct hf_tcp_account one = {.upstream = 1}, two = {.upstream = 2};
	struct hf_address first = somewhere(0), second = somewhere(1);
	hf_tcp_pool_bound(w->tcp, 8);
	assert_int_equal(send_for(w, 0, &first, &two), 0);
	run(w, HF_MS);
	assert_int_equal(send_for(w, 1, &second, &two), 0);
	for (unsigned i = 2; i < 8; i++) {
		struct hf_address each = somewhere(i);
		assert_int_equal(send_for(w, i, &each, i < 7 ? &one : NULL), 0);
	}
	hf_tcp_forget(&w->sent[1].tcp);
	run(w, HF_MS);
	hf_tcp_forget(&w->sent[0].tcp);
	assert_int_equal(hf_tcp_in_use(w->tcp), 6);
	w->answers = true;
	assert_int_equal(send_for(w, 10, &w->peer, &two), 0); /* in place of the second */
	run(w, HF_MS);
	assert_int_equal(w->sent[10].replies, 1);
	assert_int_equal(send_for(w, 11, &first, &two), 0);
	assert_true(w->sent[11].tcp.joined);
	/* Who has its share does not wake another. */
	assert_int_equal(send_for(w, 12, &w->peer, &one), HF_ESHARE);
	assert_int_equal(send_for(w, 13, &w->peer, &two), 0);
	assert_true(w->sent[13].tcp.joined);
}

/* A connection that ends gives its share back before what waits on it moves. */
static void what_moves_from_an_idle_ones_end_needs_no_further_share(void **state)
{
	struct world *w = *state;
	const struct hf_tcp_account one = {.upstream = 1};
	hf_tcp_pool_bound(w->tcp, 8);
	w->answers = true;
	assert_int_equal(send_for(w, 0, &w->peer, &one), 0);
	run(w, HF_SECOND);
	server_end(&w->served[0]);
	assert_int_equal(send_for(w, 1, &w->peer, &one), 0);
	take_all(w, 2, &one);
	run(w, HF_SECOND);
	assert_int_equal(w->sent[1].replies, 1);
	assert_int_equal(w->sent[1].refusals, 0);
}

static void room_is_never_made_by_closing_the_connection_that_speaks(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < HF_TCP_CONNECTIONS - 1; i++) {
		struct hf_address each = somewhere(i);
		assert_int_equal(send_tcp(w, i, &each), 0);
		hf_tcp_forget(&w->sent[i].tcp);
	}
	w->answers = true;
	w->then = address("192.0.9.9:53");
	assert_int_equal(send_tcp(w, 1000, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->sent[1000].replies, 1);
	assert_non_null(w->sent[MANY - 1].tcp.connection);
	assert_non_null(w->served[0].stream); /* it has not been closed for the new one */
	hf_tcp_forget(&w->sent[MANY - 1].tcp);
}

static void a_connection_that_stays_mute_gets_no_more_questions(void **state)
{
	struct world *w = *state;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, HF_SECOND);
	assert_int_equal(send_tcp(w, 1, &w->peer), 0);
	run(w, 1100 * HF_MS);
	assert_int_equal(w->accepted, 1);
	w->answers = true;
	assert_int_equal(send_tcp(w, 2, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->accepted, 2);
	assert_int_equal(w->sent[2].replies, 1);
}

/* A device on the way has forgotten the first connection, and says nothing. */
static void forgotten(void *ctx, struct hf_sim *sim, const struct hf_sim_packet *packet, hf_us now,
	struct hf_sim_path *path)
{
	static uint16_t port;
	(void)ctx;
	(void)sim;
	(void)now;
	if (packet->kind != HF_SIM_SEGMENT)
		return;
	if (!port)
		port = packet->from.port == 53 ? packet->to.port : packet->from.port;
	path->drop = packet->from.port == port || packet->to.port == port;
}

static void what_waits_on_a_forgotten_connection_moves_within_a_few_round_trips(void **state)
{
	struct world *w = *state;
	w->answers = true;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, 5 * HF_SECOND);
	assert_int_equal(w->sent[0].replies, 1);
	hf_sim_set_policy(w->sim, forgotten, NULL);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(send_tcp(w, i, &w->peer), 0);
	assert_true(w->sent[1].tcp.met);
	run(w, 99 * HF_MS);
	assert_int_equal(w->accepted, 1);
	run(w, 20 * HF_MS);
	assert_int_equal(w->accepted, 2);
	for (unsigned i = 1; i < 4; i++)
		assert_int_equal(w->sent[i].replies, 1);
	assert_int_equal(w->heard, 4); /* and the server has heard each once */
	assert_int_equal(w->moves, 3);
	assert_int_equal(w->moves_opened, 1);
	run(w, HF_SECOND);
	assert_int_equal(send_tcp(w, 4, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->sent[4].replies, 1);
	assert_int_equal(w->accepted, 2);
}

static void a_server_that_takes_its_time_is_not_taken_for_one_that_is_gone(void **state)
{
	struct world *w = *state;
	w->answers = true;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, 5 * HF_SECOND);
	w->answers = false; /* but its system acknowledges */
	assert_int_equal(send_tcp(w, 1, &w->peer), 0);
	run(w, 1900 * HF_MS);
	assert_int_equal(send_tcp(w, 2, &w->peer), 0);
	run(w, HF_MS);
	assert_int_equal(w->accepted, 1);
	assert_int_equal(w->heard, 3);
}

static void a_connection_is_kept_for_as_long_as_the_server_says(void **state)
{
	struct world *w = *state;
	assert_int_equal(send_tcp(w, 0, &w->peer), 0);
	run(w, HF_MS);
	hf_tcp_keep(&w->sent[0].tcp, 16 * HF_SECOND);
	hf_tcp_forget(&w->sent[0].tcp);
	run(w, 13 * HF_SECOND);
	assert_non_null(w->served[0].stream);
	run(w, 2 * HF_SECOND);
	assert_null(w->served[0].stream);
	w->answers = true;
	assert_int_equal(send_tcp(w, 1, &w->peer), 0);
	hf_tcp_keep(&w->sent[1].tcp, 0);
	assert_int_equal(send_tcp(w, 2, &w->peer), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->accepted, 3);
	assert_int_equal(w->sent[1].replies, 1);
	assert_null(w->served[1].stream);
	assert_non_null(w->served[2].stream);
}

/* ---- frames ---- */

/* Two ends of a stream. */
struct pipe {
	struct hf_stream *near, *far;
};

static void nothing(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	(void)ctx;
	(void)what;
	(void)now;
	hf_stream_pause(stream, true);
	hf_stream_want_write(stream, false);
}

static const struct hf_stream_handler quiet = { nothing };

static struct pipe open_pipe(struct world *w)
{
	struct pipe p;
	unsigned before = w->accepted;
	assert_int_equal(hf_stream_connect(w->here, &w->peer, &quiet, NULL, &p.near), 0);
	run(w, 10 * HF_MS);
	assert_int_equal(w->accepted, before + 1);
	p.far = w->served[before].stream;
	hf_stream_handle(p.far, &quiet, NULL);
	return p;
}

static void messages_come_out_whole_however_they_went_in(void **state)
{
	static const uint8_t stream[] = "\0\0\0\1a\0\3bcd\0\2ef";
	static const size_t lens[] = { 0, 1, 3, 2 };
	struct world *w = *state;
	struct pipe p = open_pipe(w);
	for (size_t step = 1; step < sizeof stream; step++) {
		struct hf_frame_in in = { 0 };
		size_t got = 0, len;
		const uint8_t *m;
		for (size_t at = 0; at < sizeof stream - 1; at += step) {
			size_t n = sizeof stream - 1 - at < step ? sizeof stream - 1 - at : step;
			assert_int_equal(hf_stream_write(p.near, stream + at, n), n);
			run(w, HF_MS);
			assert_true(hf_frame_fill(&in, p.far) > 0);
			bool whole = hf_frame_whole(&in);
			while (hf_frame_next(&in, &m, &len)) {
				assert_true(whole);
				assert_int_equal(len, lens[got++]);
				whole = hf_frame_whole(&in);
			}
			assert_false(whole);
		}
		assert_int_equal(got, HF_COUNT_OF(lens));
		assert_false(hf_frame_partial(&in));
		assert_int_equal(hf_frame_fill(&in, p.far), -EAGAIN);
		hf_frame_in_clear(&in);
	}
	hf_stream_close(p.near);
}

static void the_largest_message_fits_and_its_memory_goes_again(void **state)
{
	static uint8_t large[65535];
	struct world *w = *state;
	struct pipe p = open_pipe(w);
	struct hf_frame_out out = { 0 };
	struct hf_frame_in in = { 0 };
	const uint8_t *m = NULL;
	size_t len = 0, seen = 0;
	for (size_t i = 0; i < sizeof large; i++)
		large[i] = (uint8_t)(i * 7);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(hf_frame_put(&out, large, sizeof large, 1 << 20), 0);
	for (unsigned turns = 0; seen < 3; turns++) {
		assert_true(turns < 1000);
		assert_true(hf_frame_flush(&out, p.near) >= 0);
		run(w, HF_MS);
		int n = hf_frame_fill(&in, p.far);
		assert_true(n > 0 || n == -EAGAIN);
		for (; hf_frame_next(&in, &m, &len); seen++) {
			assert_int_equal(len, sizeof large);
			assert_memory_equal(m, large, sizeof large);
		}
	}
	assert_int_equal(hf_frame_waiting(&out), 0);
	assert_null(out.bytes);
	assert_true(in.cap <= 16384);
	hf_frame_in_clear(&in);
	hf_stream_close(p.near);
}

static void a_queue_has_a_limit(void **state)
{
	struct hf_frame_out out = { 0 };
	uint8_t m[98] = { 0 };
	(void)state;
	for (unsigned i = 0; i < 10; i++)
		assert_int_equal(hf_frame_put(&out, m, sizeof m, 1000), 0);
	assert_int_equal(hf_frame_put(&out, m, 0, 1000), HF_EBOUND);
	assert_int_equal(hf_frame_waiting(&out), 1000);
	hf_frame_out_clear(&out);
	hf_frame_out_clear(&out);
}

#define IN_A_WORLD(test) cmocka_unit_test_setup_teardown(test, open_world, close_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_A_WORLD(ids_are_spread_evenly_and_sockets_taken_by_chance),
		IN_A_WORLD(a_port_is_given_up_after_a_number_of_questions),
		IN_A_WORLD(an_upstream_that_says_nothing_does_not_hold_sockets_without_end),
		IN_A_WORLD(what_is_posted_leaves_by_eights_and_when_it_is_told_to),
		IN_A_WORLD(what_is_posted_goes_by_any_port_and_under_any_id),
		IN_A_WORLD(what_nobody_flushes_leaves_by_itself),
		IN_A_WORLD(what_cannot_be_sent_is_told_of_and_the_others_leave),
		IN_A_WORLD(who_is_forgotten_is_not_told_and_what_was_posted_leaves),
		IN_A_WORLD(the_news_of_what_was_not_sent_may_change_the_rest),
		IN_A_WORLD(only_the_right_reply_is_taken),
		IN_A_WORLD(a_refusal_ends_what_went_to_that_peer_and_nothing_else),
		IN_A_WORLD(callbacks_may_forget_others_and_send_on),
		IN_A_WORLD(sending_from_within_never_pulls_a_socket_from_under_the_caller),
		IN_A_WORLD(many_questions_share_a_connection_and_answers_may_come_in_any_order),
		IN_A_WORLD(a_connection_is_used_again_and_closed_when_it_is_idle),
		IN_A_WORLD(an_idle_connections_end_is_not_noticed),
		IN_A_WORLD(questions_move_to_another_connection_only_once),
		IN_A_WORLD(a_connection_that_nobody_takes_is_told_to_all),
		IN_A_WORLD(half_a_reply_is_none),
		IN_A_WORLD(replies_that_nobody_asked_for_are_strays),
		IN_A_WORLD(connections_are_bounded),
		IN_A_WORLD(an_upstream_that_never_answers_leaves_others_a_fifth_of_the_connections),
		IN_A_WORLD(a_route_has_its_part_whichever_upstreams_it_asks),
		IN_A_WORLD(a_zone_that_is_dead_leaves_the_other_zones_of_its_upstream_theirs),
		IN_A_WORLD(another_routes_connection_is_filled_by_half_only),
		IN_A_WORLD(idle_ones_count_for_nobody_and_the_one_idle_for_longest_makes_room),
		IN_A_WORLD(what_moves_from_an_idle_ones_end_needs_no_further_share),
		IN_A_WORLD(a_connection_that_stays_mute_gets_no_more_questions),
		IN_A_WORLD(what_waits_on_a_forgotten_connection_moves_within_a_few_round_trips),
		IN_A_WORLD(a_server_that_takes_its_time_is_not_taken_for_one_that_is_gone),
		IN_A_WORLD(a_connection_is_kept_for_as_long_as_the_server_says),
		IN_A_WORLD(room_is_never_made_by_closing_the_connection_that_speaks),
		IN_A_WORLD(messages_come_out_whole_however_they_went_in),
		IN_A_WORLD(the_largest_message_fits_and_its_memory_goes_again),
		cmocka_unit_test(a_queue_has_a_limit),
	};
	return cmocka_run_group_tests_name("transport", tests, NULL, NULL);
}
