/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/epoll_world.h"

#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

/* Connections that one door takes in a turn; the rest comes with the next. */
#define ACCEPTS_A_TURN 64

/* Out of descriptors: they come back when clients leave, not by asking. */
#define REST HF_SECOND

/* Below the 30 s after which the hastiest NAT devices forget a connection, and below the
 * 25 s for which an upstream's is kept idle: one that is dead is found out by us, and
 * not by the next question. */
#define KEEPALIVE_IDLE_S 10
#define KEEPALIVE_EVERY_S 3
#define KEEPALIVE_PROBES 3

/* Data that nobody acknowledged for so long will not be: TCP itself would wait
 * a quarter of an hour for a path that is gone. For connections that we open: the same
 * ends one whose reader has closed its window for so long, and a client of ours that is busy
 * may. How long that may take is for who serves it to say. */
#define UNACKNOWLEDGED_MS 10000

struct stream {
	struct hf_stream base;
	struct hf_epoll_source source;
	const struct hf_stream_handler *handler; /* NULL: just accepted */
	void *ctx;
	struct hf_address peer;
	int error; /* the connection could not be made */
	bool connecting;
	bool want_write;
	bool paused;
};

struct door {
	struct hf_stream_door base;
	struct hf_epoll_source source;
	const struct hf_door_handler *handler;
	void *ctx;
	struct hf_address address;
	struct hf_timer rest;
	uint32_t events;
};

static struct stream *stream_of(struct hf_stream *base)
{
	return (struct stream *)base;
}

/* ---- streams ---- */

/* Nothing is wanted: epoll must not know the descriptor at all, for it would
 * report a peer that has hung up again and again. */
static uint32_t wanted(const struct stream *s)
{
	uint32_t in = s->paused ? 0 : EPOLLIN;
	uint32_t out = s->connecting || s->want_write ? EPOLLOUT : 0;
	return s->handler ? in | out : 0;
}

static void update(struct stream *s)
{
	if (s->source.closed)
		return;
	/* Fails only for want of kernel memory: the stream can no longer be served. */
	int rc = hf_epoll_want(hf_epoll_world(s->base.loop), &s->source, wanted(s));
	if (rc && !s->error)
		s->error = rc;
}

/* The connection is up, or could not be made. */
static unsigned connected(struct stream *s)
{
	int error = 0;
	socklen_t len = sizeof error;
	if (getsockopt(s->source.fd, SOL_SOCKET, SO_ERROR, &error, &len))
		error = errno;
	s->connecting = false;
	s->error = -error;
	update(s);
	return error ? HF_STREAM_READABLE : HF_STREAM_WRITABLE;
}

static void stream_ready(void *object, uint32_t events)
{
	struct stream *s = object;
	unsigned what = 0;
	if (s->connecting)
		what = connected(s);
	else if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP) && s->want_write)
		what = HF_STREAM_WRITABLE;
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		what |= HF_STREAM_READABLE;
	if (s->paused)
		what &= ~(unsigned)HF_STREAM_READABLE;
	if (what)
		s->handler->ready(s->ctx, &s->base, what, s->base.loop->now);
}

static struct stream *new_stream(struct hf_loop *loop, int fd, const struct hf_address *peer)
{
	struct stream *s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->base.loop = loop;
	s->peer = *peer;
	s->source = (struct hf_epoll_source){
		.ready = stream_ready, .object = s, .fd = fd, .owned = true };
	hf_socket_set(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	return s;
}

static void keep_alive(int fd)
{
	hf_socket_set(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, UNACKNOWLEDGED_MS);
	hf_socket_set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	hf_socket_set(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S);
	hf_socket_set(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S);
	hf_socket_set(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES);
}

static int begin_connect(const struct hf_address *peer)
{
	struct sockaddr_storage sa;
	if (peer->family != 4 && peer->family != 6)
		return -EAFNOSUPPORT;
	socklen_t len = hf_address_to_system(peer, &sa);
	int fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	keep_alive(fd);
	if (connect(fd, (struct sockaddr *)&sa, len) == 0 || errno == EINPROGRESS)
		return fd;
	int rc = -errno;
	close(fd);
	return rc;
}

int hf_epoll_stream_connect(struct hf_loop *loop, const struct hf_address *peer,
	const struct hf_stream_handler *handler, void *ctx, struct hf_stream **ret)
{
	int fd = begin_connect(peer);
	if (fd < 0)
		return fd;
	struct stream *s = new_stream(loop, fd, peer);
	int rc = -ENOMEM;
	if (s) {
		s->handler = handler;
		s->ctx = ctx;
		s->connecting = true;
		rc = hf_epoll_add(hf_epoll_world(loop), &s->source, wanted(s));
	}
	if (rc) {
		free(s);
		close(fd);
		return rc;
	}
	*ret = &s->base;
	return 0;
}

/* A count must fit the int that it is returned in. */
static size_t at_most(size_t len)
{
	return len > INT32_MAX ? INT32_MAX : len;
}

static int unusable(const struct stream *s)
{
	if (s->source.closed)
		return -EBADF;
	if (s->error)
		return s->error;
	return s->connecting ? -EAGAIN : 0;
}

int hf_epoll_stream_read(struct hf_stream *base, uint8_t *bytes, size_t cap)
{
	struct stream *s = stream_of(base);
	int rc = unusable(s);
	if (rc)
		return rc;
	ssize_t n;
	do {
		n = recv(s->source.fd, bytes, at_most(cap), 0);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

int hf_epoll_stream_write(struct hf_stream *base, const uint8_t *bytes, size_t len)
{
	struct stream *s = stream_of(base);
	int rc = unusable(s);
	if (rc)
		return rc;
	ssize_t n;
	do {
		n = send(s->source.fd, bytes, at_most(len), MSG_NOSIGNAL);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

/* What the kernel knows: segments that are not acknowledged, and when it last heard. */
hf_us hf_epoll_stream_unheard(struct hf_stream *base)
{
	struct stream *s = stream_of(base);
	struct tcp_info info;
	socklen_t len = sizeof info;
	int waiting; /* octets, sent or not: a reader that takes nothing has closed its window */
	if (unusable(s) || ioctl(s->source.fd, SIOCOUTQ, &waiting) || !waiting ||
		getsockopt(s->source.fd, IPPROTO_TCP, TCP_INFO, &info, &len))
		return 0;
	return info.tcpi_last_ack_recv ? info.tcpi_last_ack_recv * HF_MS : 1;
}

size_t hf_epoll_stream_unread(struct hf_stream *base)
{
	struct stream *s = stream_of(base);
	int waiting;
	if (unusable(s) || ioctl(s->source.fd, SIOCOUTQ, &waiting) || waiting < 0)
		return 0;
	return (size_t)waiting;
}

void hf_epoll_stream_want_write(struct hf_stream *base, bool want)
{
	stream_of(base)->want_write = want;
	update(stream_of(base));
}

void hf_epoll_stream_pause(struct hf_stream *base, bool paused)
{
	stream_of(base)->paused = paused;
	update(stream_of(base));
}

struct hf_address hf_epoll_stream_peer(const struct hf_stream *base)
{
	return ((const struct stream *)base)->peer;
}

struct hf_address hf_epoll_stream_local(const struct hf_stream *base)
{
	return hf_socket_address(((const struct stream *)base)->source.fd);
}

void hf_epoll_stream_handle(struct hf_stream *base, const struct hf_stream_handler *handler,
	void *ctx)
{
	struct stream *s = stream_of(base);
	s->handler = handler;
	s->ctx = ctx;
	update(s);
}

void hf_epoll_stream_close(struct hf_stream *base)
{
	hf_epoll_close(hf_epoll_world(base->loop), &stream_of(base)->source);
}

/* ---- doors ---- */

static void rested(struct hf_timer *timer, hf_us now)
{
	struct door *d = (struct door *)((char *)timer - offsetof(struct door, rest));
	if (hf_epoll_want(hf_epoll_world(d->base.loop), &d->source, d->events))
		hf_timer_arm(&d->base.loop->timers, &d->rest, now + REST);
}

static void rest(struct door *d)
{
	(void)hf_epoll_want(hf_epoll_world(d->base.loop), &d->source, 0);
	hf_timer_arm(&d->base.loop->timers, &d->rest, d->base.loop->now + REST);
}

/* Takes the stream into the loop, unwatched until it has a handler. */
static void introduce(struct door *d, int fd, const struct hf_address *peer)
{
	struct hf_loop *loop = d->base.loop;
	struct stream *s = new_stream(loop, fd, peer);
	if (!s) {
		close(fd);
		return;
	}
	(void)hf_epoll_add(hf_epoll_world(loop), &s->source, 0);
	d->handler->accepted(d->ctx, &d->base, &s->base, loop->now);
	if (hf_unexpected(!s->handler && !s->source.closed))
		hf_epoll_stream_close(&s->base);
}

/* One connection. 0, or the error that ends the round. Errors of the connection
 * itself (it was gone before we came) are none of ours. */
static int accept_one(struct door *d)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	struct hf_address peer;
	int fd = accept4(d->source.fd, (struct sockaddr *)&sa, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0) {
		bool ours = errno == EAGAIN || errno == EMFILE || errno == ENFILE ||
			    errno == ENOBUFS || errno == ENOMEM || errno == EBADF ||
			    errno == EINVAL;
		return ours ? -errno : 0;
	}
	if (hf_address_from_system((struct sockaddr *)&sa, &peer))
		close(fd);
	else
		introduce(d, fd, &peer);
	return 0;
}

static void door_ready(void *object, uint32_t events)
{
	(void)events;
	struct door *d = object;
	int rc = 0;
	for (unsigned n = 0; n < ACCEPTS_A_TURN && rc == 0 && !d->source.closed; n++)
		rc = accept_one(d);
	if (rc && rc != -EAGAIN)
		rest(d);
}

int hf_epoll_door_open(struct hf_loop *loop, const struct hf_bind *bind,
	const struct hf_door_handler *handler, void *ctx, struct hf_stream_door **ret)
{
	int fd = hf_socket_take(bind, SOCK_STREAM, true);
	if (fd < 0)
		return fd;
	bool adopted = fd == bind->fd;
	struct door *d = calloc(1, sizeof *d);
	int rc = -ENOMEM;
	if (d) {
		*d = (struct door){ .base.loop = loop, .handler = handler, .ctx = ctx,
			.address = hf_socket_address(fd), .rest.fire = rested,
			.events = EPOLLIN | (adopted ? EPOLLEXCLUSIVE : 0) };
		d->source = (struct hf_epoll_source){
			.ready = door_ready, .object = d, .fd = fd, .owned = true };
		rc = hf_epoll_add(hf_epoll_world(loop), &d->source, d->events);
	}
	if (rc == 0) {
		*ret = &d->base;
		return 0;
	}
	free(d);
	if (!adopted)
		close(fd);
	return rc;
}

struct hf_address hf_epoll_door_address(const struct hf_stream_door *base)
{
	return ((const struct door *)base)->address;
}

void hf_epoll_door_close(struct hf_stream_door *base)
{
	struct door *d = (struct door *)base;
	hf_timer_disarm(&base->loop->timers, &d->rest);
	hf_epoll_close(hf_epoll_world(base->loop), &d->source);
}
