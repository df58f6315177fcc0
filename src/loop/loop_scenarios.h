/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop_scenarios.h - what must be true of every world; for tests only.
 *
 * Story: these scenarios see nothing but loop.h. loop_epoll_test.c plays them
 * over the loopback interface, loop_sim_test.c in the simulator: that both pass
 * is what entitles the simulator to speak for the world. The including file
 * defines the three world_ functions. */
#ifndef HF_LOOP_LOOP_SCENARIOS_H
#define HF_LOOP_LOOP_SCENARIOS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/loop.h"

struct world {
	struct hf_loop *loop;
	struct hf_loop_hooks hooks;
	unsigned woken, turned;
	bool wakes_itself; /* once, in the middle of being woken */
	const bool *until; /* run ends when this is true */
	void *more;
};

static void world_open(struct world *w);
static void world_close(struct world *w);

/* Runs until w->until, or until `most` have passed. */
static void world_run(struct world *w, hf_us most);

/* Long enough for the slowest machine; in the simulator it costs nothing. */
#define LIMIT (60 * HF_SECOND)

static void run_until(struct world *w, const bool *done)
{
	w->until = done;
	world_run(w, LIMIT);
	assert_true(*done);
}

/* Lets pass what was under way and is not waited for. */
static void run_on(struct world *w)
{
	static const bool never;
	w->until = &never;
	world_run(w, 20 * HF_MS);
}

static void count_woken(void *ctx, hf_us now)
{
	(void)now;
	struct world *w = ctx;
	w->woken++;
	if (w->wakes_itself)
		hf_loop_wake(w->loop);
	w->wakes_itself = false;
}

static void count_turned(void *ctx, hf_us now)
{
	struct world *w = ctx;
	(void)now;
	w->turned++;
	if (w->until && *w->until)
		hf_loop_stop(w->loop);
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof *w);
	w->hooks = (struct hf_loop_hooks){ .woken = count_woken, .turned = count_turned };
	world_open(w);
	hf_loop_set_hooks(w->loop, &w->hooks, w);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	world_close(*state);
	free(*state);
	return 0;
}

static struct hf_address address(const char *text)
{
	struct hf_address a;
	assert_int_equal(hf_address_parse(text, 0, &a), 0);
	return a;
}

/* ---- an endpoint that remembers ---- */

struct ear {
	struct hf_endpoint *endpoint;
	size_t heard, calls;
	size_t wanted; /* done when heard reaches it */
	bool done;
	bool answers; /* sends everything back to where it came from */
	bool closes;  /* itself, in its first callback */
	bool drains;  /* itself, in its first callback */
	bool drained;
	struct ear *closes_other;
	uint8_t last[HF_DATAGRAM_MAX];
	size_t last_len;
	bool last_cut, in_order;
	uint32_t next; /* numbers count up from here */
	struct hf_address peer, local;
	size_t refusals;
	int error;
	struct hf_address refused_by;
	uint8_t quote[HF_QUOTED_MAX];
	size_t quoted;
	bool was_refused;
};

static void remember(struct ear *ear, const struct hf_datagram *d)
{
	uint32_t number;
	if (d->len == sizeof number) {
		memcpy(&number, d->bytes, sizeof number);
		ear->in_order &= number == ear->next++;
	}
	memcpy(ear->last, d->bytes, d->len);
	ear->last_len = d->len;
	ear->last_cut = d->cut;
	ear->peer = d->peer;
	ear->local = d->local;
	ear->heard++;
}

static void hear(void *ctx, struct hf_endpoint *endpoint, struct hf_datagram *batch, size_t n,
	hf_us now)
{
	struct ear *ear = ctx;
	(void)now;
	assert_ptr_equal(endpoint, ear->endpoint);
	assert_in_range(n, 1, HF_BATCH_MAX);
	ear->calls++;
	for (size_t i = 0; i < n; i++)
		remember(ear, &batch[i]);
	if (ear->answers)
		assert_int_equal(hf_endpoint_send(endpoint, batch, n, NULL), n);
	if (ear->drains && ear->calls == 1) {
		uint32_t before, after;
		memcpy(&before, batch[0].bytes, sizeof before);
		hf_endpoint_drain(endpoint, 1000);
		ear->drained = ear->heard >= ear->wanted; /* before we came back */
		memcpy(&after, batch[0].bytes, sizeof after);
		assert_int_equal(before, after);
	}
	ear->done = ear->heard >= ear->wanted;
	if (ear->closes_other) {
		hf_endpoint_close(ear->closes_other->endpoint);
		ear->closes_other->closes_other = NULL;
	}
	if (ear->closes)
		hf_endpoint_close(endpoint);
}

static void hear_refusal(
	void *ctx, struct hf_endpoint *endpoint, const struct hf_refusal *refusal, hf_us now)
{
	struct ear *ear = ctx;
	(void)endpoint;
	(void)now;
	ear->refusals++;
	ear->error = refusal->error;
	ear->refused_by = refusal->peer;
	ear->quoted = refusal->len;
	memcpy(ear->quote, refusal->quoted, refusal->len);
	ear->was_refused = true;
}

static const struct hf_endpoint_handler ear_handler = { .received = hear,
	.refused = hear_refusal };

static void open_ear(struct world *w, struct ear *ear, const char *at, bool local, bool errors)
{
	struct hf_bind bind = { .address = address(at), .fd = -1, .local_addresses = local,
		.errors = errors };
	ear->in_order = true;
	assert_int_equal(
		hf_endpoint_open(w->loop, &bind, &ear_handler, ear, &ear->endpoint), 0);
}

static struct hf_address at_port_of(const char *host, const struct ear *ear)
{
	struct hf_address a = address(host);
	a.port = hf_endpoint_address(ear->endpoint).port;
	assert_int_not_equal(a.port, 0);
	return a;
}

/* An address on which nobody listens any more. */
static struct hf_address nobody(struct world *w, const char *host)
{
	struct ear ear = { 0 };
	open_ear(w, &ear, host, false, false);
	struct hf_address a = hf_endpoint_address(ear.endpoint);
	hf_endpoint_close(ear.endpoint);
	return a;
}

#define MANY 200 /* more than three batches */

static size_t send_numbers(struct ear *from, const struct hf_address *to, size_t n)
{
	static uint32_t numbers[MANY];
	struct hf_datagram batch[MANY] = { 0 };
	for (size_t i = 0; i < n; i++) {
		numbers[i] = (uint32_t)i;
		batch[i].bytes = (uint8_t *)&numbers[i];
		batch[i].len = sizeof numbers[i];
		batch[i].peer = *to;
	}
	return hf_endpoint_send(from->endpoint, batch, n, NULL);
}

/* ---- datagrams ---- */

static void a_long_row_of_datagrams_arrives_in_batches_and_in_order(void **state)
{
	struct world *w = *state;
	struct ear from = { 0 }, to = { .wanted = MANY };
	open_ear(w, &from, "127.0.0.1", false, false);
	open_ear(w, &to, "127.0.0.1", false, false);
	struct hf_address peer = at_port_of("127.0.0.1", &to);
	assert_int_equal(send_numbers(&from, &peer, MANY), MANY);
	run_until(w, &to.done);
	assert_int_equal(to.heard, MANY);
	assert_int_equal(to.calls, (MANY + HF_BATCH_MAX - 1) / HF_BATCH_MAX);
	assert_true(to.in_order);
	struct hf_address sender = hf_endpoint_address(from.endpoint);
	assert_true(hf_address_equal(&to.peer, &sender));
	assert_false(hf_address_set(&to.local));
}

static void an_answer_leaves_from_the_address_that_was_asked(void **state)
{
	static const char *const worlds[][3] = { { "0.0.0.0", "127.0.0.1", "127.0.0.2" },
		{ "::", "::1", "::1" } };
	struct world *w = *state;
	for (size_t i = 0; i < HF_COUNT_OF(worlds); i++) {
		struct ear client = { .wanted = 3 }, server = { .answers = true };
		open_ear(w, &server, worlds[i][0], true, false);
		open_ear(w, &client, worlds[i][1], false, false);
		struct hf_address asked = at_port_of(worlds[i][2], &server);
		send_numbers(&client, &asked, 3);
		run_until(w, &client.done);
		assert_true(hf_address_equal(&server.local, &asked));
		assert_true(hf_address_equal(&client.peer, &asked));
		assert_true(client.in_order);
	}
}

static void a_refusal_is_reported_and_the_endpoint_stays_usable(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	struct world *w = *state;
	for (size_t i = 0; i < HF_COUNT_OF(hosts); i++) {
		struct ear client = { 0 }, server = { .answers = true };
		struct hf_address nowhere = nobody(w, hosts[i]);
		open_ear(w, &server, hosts[i], false, false);
		open_ear(w, &client, hosts[i], false, true);
		struct hf_address there = at_port_of(hosts[i], &server);
		assert_int_equal(send_numbers(&client, &nowhere, 1), 1);
		/* The kernel has the refusal by now: it must not cost this one. */
		assert_int_equal(send_numbers(&client, &there, 1), 1);
		run_until(w, &client.was_refused);
		assert_int_equal(client.error, -ECONNREFUSED);
		assert_true(hf_address_equal(&client.refused_by, &nowhere));
		assert_int_equal(client.quoted, sizeof(uint32_t)); /* all of it */
		assert_memory_equal(client.quote, "\0\0\0\0", sizeof(uint32_t));
		run_on(w);
		assert_int_equal(client.heard, 1);
		client.next = 0;
		client.wanted = 11;
		client.done = false;
		assert_int_equal(send_numbers(&client, &there, 10), 10);
		run_until(w, &client.done);
		assert_true(client.in_order);
	}
}

static void refusals_take_nothing_from_the_others_of_a_batch(void **state)
{
	struct world *w = *state;
	struct ear client = { 0 }, server = { .wanted = MANY / 2 };
	struct hf_address nowhere = nobody(w, "127.0.0.1");
	struct hf_datagram batch[MANY] = { 0 };
	uint8_t byte = 7;
	int error = 1;
	open_ear(w, &server, "127.0.0.1", false, false);
	open_ear(w, &client, "127.0.0.1", false, true);
	struct hf_address there = at_port_of("127.0.0.1", &server);
	for (size_t i = 0; i < MANY; i++)
		batch[i] = (struct hf_datagram){ .bytes = &byte, .len = 1,
			.peer = i % 2 ? there : nowhere };
	assert_int_equal(hf_endpoint_send(client.endpoint, batch, MANY, &error), MANY);
	assert_int_equal(error, 0);
	run_until(w, &server.done);
	run_on(w);
	assert_int_equal(server.heard, MANY / 2);
	assert_int_equal(client.refusals, MANY / 2);
}

static void what_cannot_be_sent_is_skipped_and_the_rest_goes(void **state)
{
	struct world *w = *state;
	struct ear client = { 0 }, server = { .wanted = 2 };
	uint8_t byte = 7;
	int error = 0;
	open_ear(w, &server, "127.0.0.1", false, false);
	open_ear(w, &client, "127.0.0.1", false, false);
	struct hf_address there = at_port_of("127.0.0.1", &server), v6 = address("[::1]:53");
	struct hf_datagram batch[] = {
		{ .bytes = &byte, .len = 1, .peer = there },
		{ .bytes = &byte, .len = 1, .peer = v6 },
		{ .bytes = &byte, .len = 1, .peer = there, .local = address("192.0.2.77") },
		{ .bytes = &byte, .len = 1 },
		{ .bytes = &byte, .len = 1, .peer = there },
	};
	assert_int_equal(hf_endpoint_send(client.endpoint, batch, 5, &error), 2);
	assert_int_equal(error, -EAFNOSUPPORT);
	run_until(w, &server.done);
	assert_int_equal(hf_endpoint_send(client.endpoint, batch + 2, 1, &error), 0);
	assert_int_not_equal(error, 0);
	assert_int_equal(hf_endpoint_send(client.endpoint, batch, 0, &error), 0);
	assert_int_equal(error, 0);
}

static void a_datagram_that_is_too_long_arrives_cut(void **state)
{
	struct world *w = *state;
	static uint8_t bytes[HF_DATAGRAM_MAX + 1];
	struct ear from = { 0 }, to = { .wanted = 1 };
	open_ear(w, &from, "127.0.0.1", false, false);
	open_ear(w, &to, "127.0.0.1", false, false);
	struct hf_datagram d = { .bytes = bytes, .len = HF_DATAGRAM_MAX,
		.peer = at_port_of("127.0.0.1", &to) };
	assert_int_equal(hf_endpoint_send(from.endpoint, &d, 1, NULL), 1);
	run_until(w, &to.done);
	assert_int_equal(to.last_len, HF_DATAGRAM_MAX);
	assert_false(to.last_cut);
	d.len++;
	to.done = false;
	assert_int_equal(hf_endpoint_send(from.endpoint, &d, 1, NULL), 1);
	run_until(w, &to.done);
	assert_int_equal(to.last_len, HF_DATAGRAM_MAX);
	assert_true(to.last_cut);
	d.len = 0;
	to.done = false;
	assert_int_equal(hf_endpoint_send(from.endpoint, &d, 1, NULL), 1);
	run_until(w, &to.done);
	assert_int_equal(to.last_len, 0);
}

static void listeners_share_an_address_and_others_do_not(void **state)
{
	struct world *w = *state;
	struct ear one = { 0 }, two = { 0 };
	open_ear(w, &one, "127.0.0.1", true, false);
	struct hf_bind bind = { .address = hf_endpoint_address(one.endpoint), .fd = -1 };
	assert_int_equal(hf_endpoint_open(w->loop, &bind, &ear_handler, &two, &two.endpoint),
		-EADDRINUSE);
	bind.local_addresses = true;
	assert_int_equal(hf_endpoint_open(w->loop, &bind, &ear_handler, &two, &two.endpoint), 0);
	struct hf_address a = hf_endpoint_address(two.endpoint);
	assert_true(hf_address_equal(&a, &bind.address));
	two.in_order = true;
	struct ear client = { 0 };
	open_ear(w, &client, "127.0.0.1", false, false);
	one.wanted = two.wanted = 20;
	send_numbers(&client, &bind.address, 20);
	run_on(w);
	assert_true(one.done != two.done); /* one peer, one listener */
	assert_int_equal(one.heard + two.heard, 20);
}

static void an_address_that_is_not_ours_cannot_be_bound(void **state)
{
	struct world *w = *state;
	struct ear ear;
	struct hf_bind bind = { .address = address("192.0.2.77"), .fd = -1 };
	assert_int_equal(hf_endpoint_open(w->loop, &bind, &ear_handler, &ear, &ear.endpoint),
		-EADDRNOTAVAIL);
	bind.address = (struct hf_address){ 0 };
	assert_int_equal(hf_endpoint_open(w->loop, &bind, &ear_handler, &ear, &ear.endpoint),
		-EAFNOSUPPORT);
}

static void closing_in_a_callback_is_the_last_that_is_heard(void **state)
{
	struct world *w = *state;
	struct ear from = { 0 }, to = { .wanted = 1, .closes = true };
	open_ear(w, &from, "127.0.0.1", false, false);
	open_ear(w, &to, "127.0.0.1", false, false);
	struct hf_address peer = at_port_of("127.0.0.1", &to);
	send_numbers(&from, &peer, MANY);
	run_until(w, &to.done);
	run_on(w);
	assert_int_equal(to.calls, 1);
}

static void closing_another_in_a_callback_silences_it_at_once(void **state)
{
	struct world *w = *state;
	struct ear from = { 0 }, a = { .wanted = 1 }, b = { .wanted = 1 };
	open_ear(w, &from, "127.0.0.1", false, false);
	open_ear(w, &a, "127.0.0.1", false, false);
	open_ear(w, &b, "127.0.0.1", false, false);
	a.closes_other = &b;
	b.closes_other = &a;
	struct hf_address to_a = at_port_of("127.0.0.1", &a), to_b = at_port_of("127.0.0.1", &b);
	send_numbers(&from, &to_a, 1);
	send_numbers(&from, &to_b, 1);
	run_on(w);
	assert_int_equal(a.calls + b.calls, 1);
}

static void draining_delivers_the_rest_and_leaves_the_callers_batch_alone(void **state)
{
	struct world *w = *state;
	struct ear from = { 0 }, to = { .wanted = MANY, .drains = true };
	open_ear(w, &from, "127.0.0.1", false, false);
	open_ear(w, &to, "127.0.0.1", false, false);
	struct hf_address peer = at_port_of("127.0.0.1", &to);
	send_numbers(&from, &peer, MANY);
	run_until(w, &to.done);
	assert_int_equal(to.heard, MANY);
	assert_true(to.in_order);
	assert_true(to.drained);
}

/* ---- streams ---- */

#define LOAD (16u << 20) /* more than the kernel's buffers on the way (4 + 6 MiB) */

struct mouth {
	struct hf_stream *stream;
	size_t sent, to_send;
	size_t heard;
	size_t writables, readables;
	int result; /* of the last read */
	bool echoes, closes_on_end, closes_at_once;
	struct mouth *closes_other;
	bool good;
	bool up, ended, all_heard;
	uint8_t pending[4096];
	size_t pending_at, pending_len;
	struct hf_address peer;
};

static uint8_t octet(size_t at)
{
	return (uint8_t)(at * 31 + (at >> 8));
}

static void speak(struct mouth *m)
{
	uint8_t chunk[3000];
	while (m->sent < m->to_send) {
		size_t n = m->to_send - m->sent;
		n = n < sizeof chunk ? n : sizeof chunk;
		for (size_t i = 0; i < n; i++)
			chunk[i] = octet(m->sent + i);
		int rc = hf_stream_write(m->stream, chunk, n);
		if (rc < 0) {
			assert_int_equal(rc, -EAGAIN);
			break;
		}
		m->sent += (size_t)rc;
	}
	hf_stream_want_write(m->stream, m->sent < m->to_send);
}

static void echo(struct mouth *m)
{
	for (;;) {
		if (m->pending_at == m->pending_len) {
			m->result = hf_stream_read(m->stream, m->pending, sizeof m->pending);
			if (m->result <= 0)
				break;
			m->pending_at = 0;
			m->pending_len = (size_t)m->result;
		}
		int rc = hf_stream_write(m->stream, m->pending + m->pending_at,
			m->pending_len - m->pending_at);
		if (rc == -EAGAIN)
			break;
		assert_true(rc > 0);
		m->pending_at += (size_t)rc;
	}
	bool full = m->pending_at < m->pending_len;
	hf_stream_want_write(m->stream, full);
	hf_stream_pause(m->stream, full);
}

static void listen_to(struct mouth *m)
{
	uint8_t bytes[5000];
	while ((m->result = hf_stream_read(m->stream, bytes, sizeof bytes)) > 0)
		for (int i = 0; i < m->result; i++)
			m->good &= bytes[i] == octet(m->heard++);
	m->all_heard = m->to_send && m->heard == m->to_send;
}

static void move(void *ctx, struct hf_stream *stream, unsigned ready, hf_us now)
{
	struct mouth *m = ctx;
	(void)now;
	assert_ptr_equal(stream, m->stream);
	m->readables += (ready & HF_STREAM_READABLE) != 0;
	m->writables += (ready & HF_STREAM_WRITABLE) != 0;
	if (ready & HF_STREAM_WRITABLE)
		m->up = true;
	if (m->closes_other) {
		hf_stream_close(m->closes_other->stream);
		m->closes_other->closes_other = NULL;
		m->closes_other = NULL;
	}
	if (m->closes_at_once) {
		hf_stream_close(stream);
		return;
	}
	if (m->echoes)
		echo(m);
	else if (ready & HF_STREAM_WRITABLE)
		speak(m);
	if (ready & HF_STREAM_READABLE && !m->echoes)
		listen_to(m);
	if (ready & HF_STREAM_READABLE && m->result <= 0 && m->result != -EAGAIN) {
		m->ended = true;
		if (m->closes_on_end)
			hf_stream_close(stream);
		else
			hf_stream_pause(stream, true);
	}
}

static const struct hf_stream_handler mouth_handler = { .ready = move };

/* A door behind which a row of mouths waits. */
struct hall {
	struct hf_stream_door *door;
	struct mouth *mouths;
	size_t count, came;
	bool full;
};

static void come_in(void *ctx, struct hf_stream_door *door, struct hf_stream *stream, hf_us now)
{
	struct hall *hall = ctx;
	(void)now;
	assert_ptr_equal(door, hall->door);
	if (hall->came == hall->count) {
		hf_stream_close(stream);
		return;
	}
	struct mouth *m = &hall->mouths[hall->came++];
	hall->full = hall->came == hall->count;
	m->good = true;
	m->stream = stream;
	m->peer = hf_stream_peer(stream);
	hf_stream_handle(stream, &mouth_handler, m);
	if (m->to_send)
		speak(m);
}

static const struct hf_door_handler hall_handler = { .accepted = come_in };

static struct hf_address open_hall(struct world *w, struct hall *hall, struct mouth *mouths,
	size_t count, const char *at)
{
	struct hf_bind bind = { .address = address(at), .fd = -1 };
	*hall = (struct hall){ .mouths = mouths, .count = count };
	assert_int_equal(hf_door_open(w->loop, &bind, &hall_handler, hall, &hall->door), 0);
	return hf_door_address(hall->door);
}

static void call(struct world *w, struct mouth *m, const struct hf_address *to)
{
	m->good = true;
	m->peer = *to;
	assert_int_equal(hf_stream_connect(w->loop, to, &mouth_handler, m, &m->stream), 0);
}

static void a_stream_carries_more_than_its_buffers_both_ways(void **state)
{
	static const char *const hosts[] = { "127.0.0.1", "::1" };
	struct world *w = *state;
	for (size_t i = 0; i < HF_COUNT_OF(hosts); i++) {
		struct mouth server = { .echoes = true, .closes_on_end = true };
		struct mouth client = { .to_send = LOAD };
		struct hall hall;
		struct hf_address there = open_hall(w, &hall, &server, 1, hosts[i]);
		call(w, &client, &there);
		uint8_t byte;
		assert_int_equal(hf_stream_read(client.stream, &byte, 1), -EAGAIN);
		run_until(w, &client.all_heard);
		assert_true(client.good);
		assert_true(client.writables > 1); /* it did fill up */
		struct hf_address a = hf_stream_local(client.stream);
		assert_true(hf_address_equal(&a, &server.peer));
		a = hf_stream_peer(client.stream);
		assert_true(hf_address_equal(&a, &there));
		a = hf_stream_local(server.stream);
		assert_true(hf_address_equal(&a, &there));
		hf_stream_close(client.stream);
		run_until(w, &server.ended);
		assert_int_equal(server.result, 0);
		hf_door_close(hall.door);
	}
}

static void a_connection_that_nobody_wants_fails_on_read(void **state)
{
	struct world *w = *state;
	struct hall hall;
	struct mouth client = { .to_send = 1 };
	struct hf_address there = open_hall(w, &hall, NULL, 0, "127.0.0.1");
	hf_door_close(hall.door);
	call(w, &client, &there);
	run_until(w, &client.ended);
	assert_int_equal(client.result, -ECONNREFUSED);
	assert_int_equal(client.writables, 0);
	assert_int_equal(hf_stream_write(client.stream, (const uint8_t *)"x", 1), -ECONNREFUSED);
	hf_stream_close(client.stream);
}

static void the_end_of_a_stream_is_read_once_its_octets_are(void **state)
{
	struct world *w = *state;
	struct mouth server = { .to_send = 5000 }, client = { .closes_on_end = true };
	struct hall hall;
	struct hf_address there = open_hall(w, &hall, &server, 1, "127.0.0.1");
	call(w, &client, &there);
	run_until(w, &hall.full);
	hf_stream_close(server.stream);
	run_until(w, &client.ended);
	assert_int_equal(client.result, 0);
	assert_int_equal(client.heard, 5000);
	assert_true(client.good);
}

static void octets_that_are_left_unread_reset_the_stream(void **state)
{
	struct world *w = *state;
	struct mouth server = { .closes_at_once = true }, client = { .to_send = 5000 };
	struct hall hall;
	struct hf_address there = open_hall(w, &hall, &server, 1, "127.0.0.1");
	call(w, &client, &there);
	run_until(w, &client.ended);
	assert_int_equal(client.result, -ECONNRESET);
	assert_int_equal(server.readables, 1);
	hf_stream_close(client.stream);
}

static void a_paused_stream_waits_until_it_is_resumed(void **state)
{
	struct world *w = *state;
	struct mouth server = { .to_send = 5000 }, client = { 0 };
	struct hall hall;
	struct hf_address there = open_hall(w, &hall, &server, 1, "127.0.0.1");
	call(w, &client, &there);
	hf_stream_pause(client.stream, true);
	run_until(w, &hall.full);
	hf_stream_close(server.stream);
	run_on(w);
	assert_true(client.up);
	assert_int_equal(client.readables, 0);
	unsigned before = w->turned;
	run_on(w);
	assert_true(w->turned < before + 50); /* nor does the loop spin meanwhile */
	hf_stream_pause(client.stream, false);
	run_until(w, &client.ended);
	assert_int_equal(client.heard, 5000);
}

static void a_paused_stream_keeps_its_failure_for_later(void **state)
{
	struct world *w = *state;
	struct hall hall;
	struct mouth client = { 0 };
	struct hf_address there = open_hall(w, &hall, NULL, 0, "127.0.0.1");
	hf_door_close(hall.door);
	call(w, &client, &there);
	hf_stream_pause(client.stream, true);
	run_on(w);
	assert_int_equal(client.readables, 0);
	hf_stream_pause(client.stream, false);
	run_until(w, &client.ended);
	assert_int_equal(client.result, -ECONNREFUSED);
}

static void closing_another_stream_in_a_callback_silences_it_at_once(void **state)
{
	struct world *w = *state;
	struct mouth guests[2] = { 0 }, callers[2] = { 0 };
	struct hall hall;
	struct hf_address there = open_hall(w, &hall, guests, 2, "127.0.0.1");
	for (size_t i = 0; i < 2; i++)
		call(w, &callers[i], &there);
	run_until(w, &hall.full);
	run_on(w);
	guests[0].closes_other = &guests[1];
	guests[1].closes_other = &guests[0];
	for (size_t i = 0; i < 2; i++) /* both are ready in one turn */
		assert_int_equal(hf_stream_write(callers[i].stream, (const uint8_t *)"x", 1), 1);
	run_on(w);
	assert_true((guests[0].readables > 0) != (guests[1].readables > 0));
}

static void writable_is_said_once_and_then_only_when_wanted(void **state)
{
	struct world *w = *state;
	struct mouth server = { 0 }, client = { 0 };
	struct hall hall;
	struct hf_address there = open_hall(w, &hall, &server, 1, "127.0.0.1");
	call(w, &client, &there);
	run_until(w, &client.up);
	run_on(w);
	assert_int_equal(client.writables, 1);
	assert_int_equal(server.writables, 0);
	hf_stream_want_write(server.stream, true);
	run_until(w, &server.up);
	assert_true(server.writables > 0);
}

static void a_door_takes_a_crowd(void **state)
{
	struct world *w = *state;
	static struct mouth guests[100], callers[100];
	struct hall hall;
	memset(guests, 0, sizeof guests);
	memset(callers, 0, sizeof callers);
	struct hf_address there = open_hall(w, &hall, guests, 100, "127.0.0.1");
	for (size_t i = 0; i < 100; i++)
		call(w, &callers[i], &there);
	run_until(w, &hall.full);
	hf_door_close(hall.door);
	hf_door_close(NULL);
	hf_stream_close(NULL);
	hf_endpoint_close(NULL);
}

/* ---- time and waking ---- */

struct alarm {
	struct hf_timer timer; /* first: fire casts */
	bool rang;
	hf_us at;
};

static void ring(struct hf_timer *timer, hf_us now)
{
	struct alarm *a = (struct alarm *)timer;
	a->rang = true;
	a->at = now;
}

static void a_timer_of_the_loop_fires_when_it_is_due(void **state)
{
	struct world *w = *state;
	struct alarm late = { .timer.fire = ring }, soon = { .timer.fire = ring };
	hf_us start = hf_loop_now(w->loop);
	hf_timer_arm(hf_loop_timers(w->loop), &late.timer, start + 30 * HF_MS);
	hf_timer_arm(hf_loop_timers(w->loop), &soon.timer, start + 5 * HF_MS);
	run_until(w, &late.rang);
	assert_true(soon.rang && soon.at >= start + 5 * HF_MS && soon.at <= late.at);
	assert_true(late.at >= start + 30 * HF_MS && late.at < start + LIMIT);
	assert_true(hf_loop_now(w->loop) >= late.at);
}

static void wakes_fold_into_one_and_each_is_followed_by_a_look(void **state)
{
	struct world *w = *state;
	for (unsigned i = 0; i < 1000; i++)
		hf_loop_wake(w->loop);
	run_on(w);
	assert_in_range(w->woken, 1, 2);
	unsigned before = w->woken;
	hf_loop_wake(w->loop);
	run_on(w);
	assert_int_equal(w->woken, before + 1);
	w->wakes_itself = true; /* as a message that comes while we look */
	hf_loop_wake(w->loop);
	run_on(w);
	assert_int_equal(w->woken, before + 3);
	assert_true(w->turned > 0);
}

static void the_wall_clock_and_the_dice_are_there(void **state)
{
	struct world *w = *state;
	uint8_t a[1000] = { 0 }, b[1000] = { 0 };
	assert_true(hf_loop_wall(w->loop) >= 1767225600 - 86400 * 365);
	hf_loop_random(w->loop, a, sizeof a);
	hf_loop_random(w->loop, b, sizeof b);
	assert_memory_not_equal(a, b, sizeof a);
	uint64_t seen = 0;
	for (unsigned i = 0; i < 1000; i++)
		seen |= UINT64_C(1) << hf_loop_random_u32(w->loop) % 64;
	assert_int_equal(~seen, 0); /* misses a face once in 100,000 runs */
}

#define SCENARIO(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#define LOOP_SCENARIOS \
	SCENARIO(a_long_row_of_datagrams_arrives_in_batches_and_in_order), \
	SCENARIO(an_answer_leaves_from_the_address_that_was_asked), \
	SCENARIO(a_refusal_is_reported_and_the_endpoint_stays_usable), \
	SCENARIO(refusals_take_nothing_from_the_others_of_a_batch), \
	SCENARIO(what_cannot_be_sent_is_skipped_and_the_rest_goes), \
	SCENARIO(a_datagram_that_is_too_long_arrives_cut), \
	SCENARIO(listeners_share_an_address_and_others_do_not), \
	SCENARIO(an_address_that_is_not_ours_cannot_be_bound), \
	SCENARIO(closing_in_a_callback_is_the_last_that_is_heard), \
	SCENARIO(closing_another_in_a_callback_silences_it_at_once), \
	SCENARIO(draining_delivers_the_rest_and_leaves_the_callers_batch_alone), \
	SCENARIO(a_stream_carries_more_than_its_buffers_both_ways), \
	SCENARIO(a_connection_that_nobody_wants_fails_on_read), \
	SCENARIO(the_end_of_a_stream_is_read_once_its_octets_are), \
	SCENARIO(octets_that_are_left_unread_reset_the_stream), \
	SCENARIO(a_paused_stream_waits_until_it_is_resumed), \
	SCENARIO(a_paused_stream_keeps_its_failure_for_later), \
	SCENARIO(closing_another_stream_in_a_callback_silences_it_at_once), \
	SCENARIO(writable_is_said_once_and_then_only_when_wanted), \
	SCENARIO(a_door_takes_a_crowd), \
	SCENARIO(a_timer_of_the_loop_fires_when_it_is_due), \
	SCENARIO(wakes_fold_into_one_and_each_is_followed_by_a_look), \
	SCENARIO(the_wall_clock_and_the_dice_are_there)

#endif
