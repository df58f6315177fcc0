/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/loop.h"

#include "base/error.h"

int hf_endpoint_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_endpoint_handler *handler, void *ctx, struct hf_endpoint **ret)
{
	return loop->ops->endpoint_open(loop, bind, handler, ctx, ret);
}

size_t hf_endpoint_send_some(
	struct hf_endpoint *endpoint, const struct hf_datagram *batch, size_t n, int *ret_error)
{
	return endpoint->loop->ops->endpoint_send_some(endpoint, batch, n, ret_error);
}

/* One that the system does not want (no route, a firewall) is skipped. Where there
 * is no room the rest is lost, as any network would lose it. */
size_t hf_endpoint_send(
	struct hf_endpoint *endpoint, const struct hf_datagram *batch, size_t n, int *ret_error)
{
	size_t taken = 0, at = 0;
	int first = 0, error = 0;
	while (at < n && error != -EAGAIN && error != -ENOBUFS) {
		size_t took = hf_endpoint_send_some(endpoint, batch + at, n - at, &error);
		taken += took;
		at += took + 1;
		if (!first)
			first = error;
	}
	if (ret_error)
		*ret_error = first;
	return taken;
}

struct hf_address hf_endpoint_address(const struct hf_endpoint *endpoint)
{
	return endpoint->loop->ops->endpoint_address(endpoint);
}

void hf_endpoint_drain(struct hf_endpoint *endpoint, size_t most)
{
	endpoint->loop->ops->endpoint_drain(endpoint, most);
}

void hf_endpoint_close(struct hf_endpoint *endpoint)
{
	if (endpoint)
		endpoint->loop->ops->endpoint_close(endpoint);
}

int hf_stream_connect(struct hf_loop *loop, const struct hf_address *peer,
	const struct hf_stream_handler *handler, void *ctx, struct hf_stream **ret)
{
	return loop->ops->stream_connect(loop, peer, handler, ctx, ret);
}

int hf_stream_read(struct hf_stream *stream, uint8_t *bytes, size_t cap)
{
	return stream->loop->ops->stream_read(stream, bytes, cap);
}

int hf_stream_write(struct hf_stream *stream, const uint8_t *bytes, size_t len)
{
	return stream->loop->ops->stream_write(stream, bytes, len);
}

hf_us hf_stream_unheard(struct hf_stream *stream)
{
	return stream->loop->ops->stream_unheard(stream);
}

size_t hf_stream_unread(struct hf_stream *stream)
{
	return stream->loop->ops->stream_unread(stream);
}

void hf_stream_want_write(struct hf_stream *stream, bool want)
{
	stream->loop->ops->stream_want_write(stream, want);
}

void hf_stream_pause(struct hf_stream *stream, bool paused)
{
	stream->loop->ops->stream_pause(stream, paused);
}

struct hf_address hf_stream_peer(const struct hf_stream *stream)
{
	return stream->loop->ops->stream_peer(stream);
}

struct hf_address hf_stream_local(const struct hf_stream *stream)
{
	return stream->loop->ops->stream_local(stream);
}

void hf_stream_handle(struct hf_stream *stream, const struct hf_stream_handler *handler, void *ctx)
{
	stream->loop->ops->stream_handle(stream, handler, ctx);
}

void hf_stream_close(struct hf_stream *stream)
{
	if (stream)
		stream->loop->ops->stream_close(stream);
}

int hf_door_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_door_handler *handler, void *ctx, struct hf_stream_door **ret)
{
	return loop->ops->door_open(loop, bind, handler, ctx, ret);
}

struct hf_address hf_door_address(const struct hf_stream_door *door)
{
	return door->loop->ops->door_address(door);
}

void hf_door_close(struct hf_stream_door *door)
{
	if (door)
		door->loop->ops->door_close(door);
}

hf_us hf_loop_now(const struct hf_loop *loop)
{
	return loop->now;
}

hf_us hf_loop_clock(struct hf_loop *loop)
{
	return loop->ops->clock(loop);
}

int64_t hf_loop_wall(struct hf_loop *loop)
{
	return loop->ops->wall(loop);
}

void hf_loop_random(struct hf_loop *loop, void *bytes, size_t len)
{
	loop->ops->random(loop, bytes, len);
}

struct hf_timer_wheel *hf_loop_timers(struct hf_loop *loop)
{
	return &loop->timers;
}

void hf_loop_set_hooks(struct hf_loop *loop, const struct hf_loop_hooks *hooks, void *ctx)
{
	loop->hooks = hooks;
	loop->hooks_ctx = ctx;
}

void hf_loop_wake(struct hf_loop *loop)
{
	loop->ops->wake(loop);
}

void hf_loop_stop(struct hf_loop *loop)
{
	loop->ops->stop(loop);
}

int hf_loop_watch(struct hf_loop *loop, int fd, void (*readable)(void *ctx, int fd, hf_us now),
	void *ctx)
{
	return loop->ops->watch(loop, fd, readable, ctx);
}

void hf_loop_free(struct hf_loop *loop)
{
	if (loop)
		loop->ops->free(loop);
}
