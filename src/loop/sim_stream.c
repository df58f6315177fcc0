/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/sim_conn.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"

/* Connections that wait to be accepted, and that one turn accepts. */
#define BACKLOG 4096
#define ACCEPTS_A_TURN 64

struct hf_sim_stream {
	struct hf_stream base;
	struct hf_sim_source source;
	struct hf_sim_stream *waiting; /* in a door's backlog */
	struct hf_sim_half *half;
	const struct hf_stream_handler *handler;
	void *ctx;
	bool news; /* the connection is up, and nobody was told yet */
	bool want_write, paused;
};

struct door {
	struct hf_stream_door base;
	struct hf_sim_source source;
	struct hf_sim_bound bound;
	const struct hf_door_handler *handler;
	void *ctx;
	struct hf_sim_stream *backlog, **backlog_tail;
	size_t waiting;
};

static struct hf_sim_stream *stream_of(struct hf_stream *base)
{
	return (struct hf_sim_stream *)base;
}

/* ---- readiness ---- */

static unsigned readiness(const struct hf_sim_stream *s)
{
	struct hf_sim_half *h = s->half;
	unsigned what = 0;
	if (!s->paused && (h->in_len || h->ended || h->error))
		what |= HF_STREAM_READABLE;
	if (h->up && (s->news || (s->want_write && (h->error || hf_sim_half_room(h)))))
		what |= HF_STREAM_WRITABLE;
	return what;
}

static bool stream_is_ready(const void *object)
{
	const struct hf_sim_stream *s = object;
	return s->handler && readiness(s);
}

void hf_sim_half_changed(struct hf_sim_half *h)
{
	if (h->stream)
		hf_sim_source_check(hf_sim_loop_of(h->stream->base.loop), &h->stream->source);
}

void hf_sim_half_is_up(struct hf_sim_half *h)
{
	if (h->stream)
		h->stream->news = true;
	hf_sim_half_changed(h);
}

static void visit_stream(void *object)
{
	struct hf_sim_stream *s = object;
	unsigned what = s->handler ? readiness(s) : 0;
	s->news = false;
	if (what)
		s->handler->ready(s->ctx, &s->base, what, s->base.loop->now);
}

static void close_stream(void *object)
{
	struct hf_sim_stream *s = object;
	hf_sim_stream_close(&s->base);
}

static struct hf_sim_stream *new_stream(struct hf_sim_loop *loop, struct hf_sim_half *h)
{
	struct hf_sim_stream *s = hf_sim_get(sizeof *s);
	s->base.loop = &loop->base;
	s->half = h;
	s->source = (struct hf_sim_source){ .ready = visit_stream, .is_ready = stream_is_ready,
		.close = close_stream, .object = s };
	h->stream = s;
	hf_sim_conn_ref(h->conn);
	hf_sim_source_open(loop, &s->source);
	return s;
}

int hf_sim_stream_connect(struct hf_loop *base, const struct hf_address *peer,
	const struct hf_stream_handler *handler, void *ctx, struct hf_stream **ret)
{
	struct hf_sim_loop *loop = hf_sim_loop_of(base);
	if (peer->family != 4 && peer->family != 6)
		return -EAFNOSUPPORT;
	struct hf_sim_stream *s = new_stream(loop, hf_sim_conn_call(loop, peer));
	s->handler = handler;
	s->ctx = ctx;
	*ret = &s->base;
	return 0;
}

/* ---- what a program does with a stream ---- */

int hf_sim_stream_read(struct hf_stream *base, uint8_t *bytes, size_t cap)
{
	struct hf_sim_stream *s = stream_of(base);
	struct hf_sim_half *h = s->half;
	if (s->source.closed)
		return -EBADF;
	if (h->in_len) {
		size_t n = hf_sim_half_read(h, bytes, cap);
		hf_sim_half_changed(hf_sim_other(h)); /* there is room again */
		return (int)n;
	}
	if (h->error)
		return h->error;
	return h->ended ? 0 : -EAGAIN;
}

int hf_sim_stream_write(struct hf_stream *base, const uint8_t *bytes, size_t len)
{
	struct hf_sim_stream *s = stream_of(base);
	struct hf_sim_half *h = s->half;
	if (s->source.closed)
		return -EBADF;
	if (h->error)
		return h->error;
	if (!h->up || !hf_sim_half_room(h))
		return -EAGAIN;
	size_t room = hf_sim_half_room(h), n = len < room ? len : room;
	if (n)
		hf_sim_half_write(h, bytes, n);
	return (int)n;
}

hf_us hf_sim_stream_unheard(struct hf_stream *base)
{
	return hf_sim_half_unheard(stream_of(base)->half);
}

size_t hf_sim_stream_unread(struct hf_stream *base)
{
	return stream_of(base)->half->out_len;
}

static void changed(struct hf_sim_stream *s)
{
	hf_sim_source_check(hf_sim_loop_of(s->base.loop), &s->source);
}

void hf_sim_stream_want_write(struct hf_stream *base, bool want)
{
	stream_of(base)->want_write = want;
	changed(stream_of(base));
}

void hf_sim_stream_pause(struct hf_stream *base, bool paused)
{
	stream_of(base)->paused = paused;
	changed(stream_of(base));
}

void hf_sim_stream_handle(struct hf_stream *base, const struct hf_stream_handler *handler,
	void *ctx)
{
	stream_of(base)->handler = handler;
	stream_of(base)->ctx = ctx;
	changed(stream_of(base));
}

struct hf_address hf_sim_stream_peer(const struct hf_stream *base)
{
	return hf_sim_other(((const struct hf_sim_stream *)base)->half)->address;
}

struct hf_address hf_sim_stream_local(const struct hf_stream *base)
{
	return ((const struct hf_sim_stream *)base)->half->address;
}

void hf_sim_stream_close(struct hf_stream *base)
{
	struct hf_sim_stream *s = stream_of(base);
	if (s->source.closed)
		return;
	struct hf_sim_half *h = s->half;
	h->stream = NULL;
	hf_sim_half_end(h);
	hf_sim_source_close(hf_sim_loop_of(base->loop), &s->source);
	hf_sim_conn_unref(h->conn);
}

/* ---- doors ---- */

bool hf_sim_door_knock(struct hf_sim_bound *bound, struct hf_sim_half *h)
{
	struct door *d = bound->object;
	struct hf_sim_loop *loop = hf_sim_loop_of(d->base.loop);
	if (d->waiting == BACKLOG)
		return false;
	struct hf_sim_stream *s = new_stream(loop, h);
	*d->backlog_tail = s;
	d->backlog_tail = &s->waiting;
	d->waiting++;
	hf_sim_source_check(loop, &d->source);
	return true;
}

static bool door_is_ready(const void *object)
{
	return ((const struct door *)object)->backlog;
}

static struct hf_sim_stream *take_waiting(struct door *d)
{
	struct hf_sim_stream *s = d->backlog;
	d->backlog = s->waiting;
	d->waiting--;
	if (!d->backlog)
		d->backlog_tail = &d->backlog;
	return s;
}

static void visit_door(void *object)
{
	struct door *d = object;
	for (unsigned n = 0; n < ACCEPTS_A_TURN && d->backlog; n++) {
		struct hf_sim_stream *s = take_waiting(d);
		d->handler->accepted(d->ctx, &d->base, &s->base, d->base.loop->now);
		if (hf_unexpected(!s->handler && !s->source.closed))
			hf_sim_stream_close(&s->base);
	}
}

static void close_door(void *object)
{
	struct door *d = object;
	hf_sim_door_close(&d->base);
}

int hf_sim_door_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_door_handler *handler, void *ctx, struct hf_stream_door **ret)
{
	struct door *d = hf_sim_get(sizeof *d);
	*d = (struct door){ .base.loop = loop, .handler = handler, .ctx = ctx,
		.bound = { .stream = true, .shared = true, .object = d },
		.source = { .ready = visit_door, .is_ready = door_is_ready, .close = close_door,
			.object = d } };
	d->backlog_tail = &d->backlog;
	int rc = hf_sim_bind(hf_sim_loop_of(loop), &bind->address, &d->bound);
	if (rc) {
		free(d);
		return rc;
	}
	hf_sim_source_open(hf_sim_loop_of(loop), &d->source);
	*ret = &d->base;
	return 0;
}

struct hf_address hf_sim_door_address(const struct hf_stream_door *base)
{
	return ((const struct door *)base)->bound.address;
}

void hf_sim_door_close(struct hf_stream_door *base)
{
	struct door *d = (struct door *)base;
	if (d->source.closed)
		return;
	hf_sim_unbind(&d->bound);
	while (d->backlog)
		hf_sim_stream_close(&take_waiting(d)->base);
	hf_sim_source_close(hf_sim_loop_of(base->loop), &d->source);
}
