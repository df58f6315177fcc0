/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "transport/tcp.h"

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"
#include "transport/frame.h"

/* Most servers give up an idle connection after 10 to 30 s (Unbound 30, BIND 30,
 * Knot 10): we close first, so that a question rarely meets a closing one. */
#define IDLE (8 * HF_SECOND)

/* Longer than the longest time-out that an attempt is given by default. */
#define MUTE (2 * HF_SECOND)

/* 100 questions of ordinary size. */
#define OUT_LIMIT 65536

#define TRIES 16

struct hf_tcp_connection {
	struct hf_tcp_pool *pool;
	struct hf_tcp_connection *next, **prev;
	struct hf_stream *stream;
	struct hf_address peer;
	struct hf_frame_in in;
	struct hf_frame_out out;
	struct hf_tcp_attempt *attempts;
	unsigned waiting;
	hf_us heard; /* when it last gave a message, or had its first question */
	bool reused; /* has answered before: its end may be that of an idle one */
	bool over;   /* being taken apart */
	bool calling; /* handing out answers: not to be freed under its own feet */
	struct hf_timer idle;
};

struct hf_tcp_pool {
	struct hf_loop *loop;
	const struct hf_tcp_handler *handler;
	void *ctx;
	struct hf_tcp_connection *connections;
	unsigned count;
};

static int attach(struct hf_tcp_pool *pool, struct hf_tcp_attempt *attempt,
	const struct hf_address *peer);

/* ---- attempts ---- */

static void unlink_attempt(struct hf_tcp_attempt *a)
{
	*a->prev = a->next;
	if (a->next)
		a->next->prev = a->prev;
	a->connection->waiting--;
	a->connection = NULL;
}

void hf_tcp_forget(struct hf_tcp_attempt *a)
{
	struct hf_tcp_connection *c = a->connection;
	if (!c)
		return;
	unlink_attempt(a);
	free(a->message);
	a->message = NULL;
	if (!c->waiting)
		hf_timer_arm(hf_loop_timers(c->pool->loop), &c->idle,
			hf_loop_now(c->pool->loop) + IDLE);
}

static struct hf_tcp_attempt *find(struct hf_tcp_connection *c, uint16_t id)
{
	struct hf_tcp_attempt *a = c->attempts;
	while (a && a->id != id)
		a = a->next;
	return a;
}

/* ---- connections ---- */

static void connection_free(struct hf_tcp_connection *c)
{
	hf_timer_disarm(hf_loop_timers(c->pool->loop), &c->idle);
	hf_stream_close(c->stream);
	hf_frame_in_clear(&c->in);
	hf_frame_out_clear(&c->out);
	*c->prev = c->next;
	if (c->next)
		c->next->prev = c->prev;
	c->pool->count--;
	free(c);
}

/* The connection is over. Those who wait on it get another one if this may just
 * have been an idle connection's end, else the news. Each is taken off singly:
 * what the handler does may forget others. */
static void broken(struct hf_tcp_connection *c, int error, hf_us now)
{
	struct hf_tcp_pool *pool = c->pool;
	c->over = true;
	while (c->attempts) {
		struct hf_tcp_attempt *a = c->attempts;
		unlink_attempt(a);
		if (c->reused && !a->moved) {
			a->moved = true;
			if (attach(pool, a, &c->peer) == 0)
				continue;
		}
		free(a->message);
		a->message = NULL;
		pool->handler->refused(pool->ctx, a, error, now);
	}
	connection_free(c);
}

/* Hands out what has arrived. */
static void deliver(struct hf_tcp_connection *c, hf_us now)
{
	struct hf_tcp_pool *pool = c->pool;
	const uint8_t *m;
	size_t len;
	c->calling = true;
	while (hf_frame_next(&c->in, &m, &len)) {
		struct hf_tcp_attempt *a = len >= 2 ? find(c, hf_get_u16(m)) : NULL;
		c->heard = now;
		c->reused |= a != NULL; /* strays earn no second connection */
		if (a)
			pool->handler->replied(pool->ctx, a, m, len, now);
		else
			pool->handler->stray(pool->ctx, &c->peer);
	}
	c->calling = false;
}

static void ready(void *ctx, struct hf_stream *stream, unsigned what, hf_us now)
{
	struct hf_tcp_connection *c = ctx;
	if (what & HF_STREAM_WRITABLE) {
		int rc = hf_frame_flush(&c->out, stream);
		if (rc < 0) {
			broken(c, rc, now);
			return;
		}
	}
	if (what & HF_STREAM_READABLE) {
		int n = hf_frame_fill(&c->in, stream);
		if (n > 0)
			deliver(c, now);
		else if (n != -EAGAIN)
			broken(c, n ? n : HF_ECLOSED, now);
	}
}

static const struct hf_stream_handler stream_handler = { ready };

static void idle_over(struct hf_timer *timer, hf_us now)
{
	struct hf_tcp_connection *c =
		(struct hf_tcp_connection *)((char *)timer - offsetof(struct hf_tcp_connection, idle));
	(void)now;
	if (!c->waiting)
		connection_free(c);
}

static bool close_an_idle_one(struct hf_tcp_pool *pool)
{
	struct hf_tcp_connection *c = pool->connections;
	while (c && (c->waiting || c->over || c->calling))
		c = c->next;
	if (c)
		connection_free(c);
	return c != NULL;
}

static int open_connection(struct hf_tcp_pool *pool, const struct hf_address *peer,
	struct hf_tcp_connection **ret)
{
	if (pool->count >= HF_TCP_CONNECTIONS && !close_an_idle_one(pool))
		return -EAGAIN;
	struct hf_tcp_connection *c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	c->pool = pool;
	c->peer = *peer;
	c->idle.fire = idle_over;
	int rc = hf_stream_connect(pool->loop, peer, &stream_handler, c, &c->stream);
	if (rc) {
		free(c);
		return rc;
	}
	hf_stream_want_write(c->stream, true);
	c->heard = hf_loop_now(pool->loop);
	hf_timer_arm(hf_loop_timers(pool->loop), &c->idle, c->heard + IDLE);
	c->next = pool->connections;
	if (c->next)
		c->next->prev = &c->next;
	c->prev = &pool->connections;
	pool->connections = c;
	pool->count++;
	*ret = c;
	return 0;
}

/* Questions wait on it and nothing has come for a while: a peer that accepts and
 * never answers must not draw all further questions to itself. */
static bool mute(const struct hf_tcp_connection *c, hf_us now)
{
	return c->waiting && now - c->heard > MUTE;
}

static struct hf_tcp_connection *with_room(struct hf_tcp_pool *pool, const struct hf_address *peer)
{
	struct hf_tcp_connection *c = pool->connections;
	hf_us now = hf_loop_now(pool->loop);
	while (c && (c->over || c->waiting >= HF_TCP_PIPELINE || mute(c, now) ||
			    !hf_address_equal(&c->peer, peer)))
		c = c->next;
	return c;
}

/* ---- sending ---- */

static int choose_id(struct hf_tcp_connection *c, uint16_t *ret)
{
	for (int i = 0; i < TRIES; i++) {
		uint16_t id = (uint16_t)hf_loop_random_u32(c->pool->loop);
		if (!find(c, id)) {
			*ret = id;
			return 0;
		}
	}
	return -EAGAIN;
}

/* Puts the attempt's message on a connection to peer. */
static int attach(struct hf_tcp_pool *pool, struct hf_tcp_attempt *a, const struct hf_address *peer)
{
	struct hf_tcp_connection *c = with_room(pool, peer);
	a->joined = c != NULL;
	int rc = c ? 0 : open_connection(pool, peer, &c);
	if (!rc)
		rc = choose_id(c, &a->id);
	if (rc)
		return rc;
	hf_put_u16(a->message, a->id);
	rc = hf_frame_put(&c->out, a->message, a->len, OUT_LIMIT);
	if (rc)
		return rc;
	if (!c->waiting)
		c->heard = hf_loop_now(pool->loop);
	a->connection = c;
	a->next = c->attempts;
	if (a->next)
		a->next->prev = &a->next;
	a->prev = &c->attempts;
	c->attempts = a;
	c->waiting++;
	hf_timer_disarm(hf_loop_timers(pool->loop), &c->idle);
	/* The loop says when it can be written: errors then arrive in one place. */
	hf_stream_want_write(c->stream, true);
	return 0;
}

int hf_tcp_send(struct hf_tcp_pool *pool, struct hf_tcp_attempt *attempt,
	const struct hf_address *peer, uint8_t *m, size_t len)
{
	attempt->message = malloc(len);
	if (!attempt->message)
		return -ENOMEM;
	memcpy(attempt->message, m, len);
	attempt->len = (uint16_t)len;
	attempt->moved = false;
	int rc = attach(pool, attempt, peer);
	if (rc) {
		free(attempt->message);
		attempt->message = NULL;
	}
	return rc;
}

int hf_tcp_pool_new(struct hf_loop *loop, const struct hf_tcp_handler *handler, void *ctx,
	struct hf_tcp_pool **ret)
{
	struct hf_tcp_pool *pool = calloc(1, sizeof *pool);
	if (!pool)
		return -ENOMEM;
	pool->loop = loop;
	pool->handler = handler;
	pool->ctx = ctx;
	*ret = pool;
	return 0;
}

void hf_tcp_pool_free(struct hf_tcp_pool *pool)
{
	while (pool && pool->connections)
		connection_free(pool->connections);
	free(pool);
}
