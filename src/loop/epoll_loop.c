/* SPDX-License-Identifier: GPL-3.0-or-later */
#define HF_MAY_READ_THE_CLOCK
#include "loop/loop_epoll.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "loop/epoll_world.h"

/* Events a turn. Level-triggered: what does not fit comes with the next turn,
 * and the kernel hands the ready ones out in rotation. */
#define EVENTS_MAX 256

struct watch {
	struct hf_epoll_source source;
	struct hf_loop *loop;
	void (*readable)(void *ctx, int fd, hf_us now);
	void *ctx;
};

/* ---- time and chance ---- */

static hf_us read_clock(clockid_t clock)
{
	struct timespec ts;
	hf_require(clock_gettime(clock, &ts) == 0);
	return (hf_us)ts.tv_sec * HF_SECOND + ts.tv_nsec / 1000;
}

hf_us hf_clock_now(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

struct hf_clocks hf_clocks_now(void)
{
	return (struct hf_clocks){read_clock(CLOCK_MONOTONIC), read_clock(CLOCK_BOOTTIME),
		read_clock(CLOCK_REALTIME)};
}

static hf_us clock_of(struct hf_loop *base)
{
	(void)base;
	return hf_clock_now();
}

static int64_t wall(struct hf_loop *base)
{
	(void)base;
	struct timespec ts;
	hf_require(clock_gettime(CLOCK_REALTIME, &ts) == 0);
	return ts.tv_sec;
}

/* Without dice there are no ports and ids that cannot be guessed: better to
 * stop than to serve. */
static void draw(uint8_t *bytes, size_t len)
{
	while (len) {
		ssize_t got = getrandom(bytes, len, 0);
		hf_require(got > 0 || errno == EINTR);
		if (got > 0) {
			bytes += got;
			len -= (size_t)got;
		}
	}
}

void hf_random(void *bytes, size_t len)
{
	draw(bytes, len);
}

/* What was used once is in nobody's memory but the user's. The dice outlive this, so no
 * compiler may leave the clearing out. */
static inline void take_dice(void *to, uint8_t *from, size_t len)
{
	memcpy(to, from, len);
	memset(from, 0, len);
}

static __attribute__((noinline)) void other_random_bytes(
	struct hf_epoll_loop *loop, void *bytes, size_t len)
{
	if (len > sizeof loop->dice) {
		draw(bytes, len);
		return;
	}
	if (loop->dice_left < len) {
		draw(loop->dice, sizeof loop->dice);
		loop->dice_left = sizeof loop->dice;
	}
	take_dice(bytes, loop->dice + sizeof loop->dice - loop->dice_left, len);
	loop->dice_left -= len;
}

static void random_bytes(struct hf_loop *base, void *bytes, size_t len)
{
	struct hf_epoll_loop *loop = hf_epoll_world(base);
	if (len != sizeof(uint32_t) || loop->dice_left < len) {
		other_random_bytes(loop, bytes, len);
		return;
	}
	/* What is mostly asked for: two moves. */
	take_dice(bytes, loop->dice + sizeof loop->dice - loop->dice_left, sizeof(uint32_t));
	loop->dice_left -= sizeof(uint32_t);
}

/* ---- sources ---- */

static void link_source(struct hf_epoll_source **head, struct hf_epoll_source *source)
{
	source->next = *head;
	source->prev = head;
	if (source->next)
		source->next->prev = &source->next;
	*head = source;
}

static void unlink_source(struct hf_epoll_source *source)
{
	*source->prev = source->next;
	if (source->next)
		source->next->prev = source->prev;
}

int hf_epoll_want(struct hf_epoll_loop *loop, struct hf_epoll_source *source, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = source};
	int op = !events ? EPOLL_CTL_DEL : source->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	if (events == source->events)
		return 0;
	if (epoll_ctl(loop->fd, op, source->fd, &event))
		return -errno;
	source->events = events;
	return 0;
}

int hf_epoll_add(struct hf_epoll_loop *loop, struct hf_epoll_source *source, uint32_t events)
{
	int rc = hf_epoll_want(loop, source, events);
	if (rc == 0)
		link_source(&loop->open, source);
	return rc;
}

/* Out of epoll by name: a descriptor that another process holds too would stay
 * watched after its close. */
void hf_epoll_close(struct hf_epoll_loop *loop, struct hf_epoll_source *source)
{
	if (source->closed)
		return;
	(void)hf_epoll_want(loop, source, 0);
	if (source->owned)
		close(source->fd);
	source->closed = true;
	unlink_source(source);
	link_source(&loop->dead, source);
}

static void bury(struct hf_epoll_loop *loop)
{
	while (loop->dead) {
		struct hf_epoll_source *source = loop->dead;
		unlink_source(source);
		free(source->object);
	}
}

/* ---- waking and stopping ---- */

static void wake(struct hf_loop *base)
{
	struct hf_epoll_loop *loop = hf_epoll_world(base);
	uint64_t one = 1;
	if (!atomic_exchange(&loop->wake_pending, true))
		hf_require(write(loop->wake_fd, &one, sizeof one) == sizeof one);
}

static void stop(struct hf_loop *base)
{
	atomic_store(&hf_epoll_world(base)->stopping, true);
	wake(base);
}

/* The flag falls before the listener looks: a message that comes while it looks
 * wakes again. */
static void woken(void *object, uint32_t events)
{
	(void)events;
	struct hf_epoll_loop *loop = object;
	const struct hf_loop_hooks *hooks = loop->base.hooks;
	uint64_t count;
	(void)!read(loop->wake_fd, &count, sizeof count);
	atomic_store(&loop->wake_pending, false);
	if (hooks && hooks->woken)
		hooks->woken(loop->base.hooks_ctx, loop->base.now);
}

/* ---- watches ---- */

static void watch_ready(void *object, uint32_t events)
{
	(void)events;
	struct watch *w = object;
	w->readable(w->ctx, w->source.fd, w->loop->now);
}

static struct watch *find_watch(struct hf_epoll_loop *loop, int fd)
{
	for (struct hf_epoll_source *s = loop->open; s; s = s->next)
		if (s->ready == watch_ready && s->fd == fd)
			return s->object;
	return NULL;
}

static int add_watch(struct hf_epoll_loop *loop, int fd, struct watch **ret)
{
	struct watch *w = calloc(1, sizeof *w);
	if (!w)
		return -ENOMEM;
	w->loop = &loop->base;
	w->source = (struct hf_epoll_source){.ready = watch_ready, .object = w, .fd = fd};
	int rc = hf_epoll_add(loop, &w->source, EPOLLIN);
	if (rc)
		free(w);
	else
		*ret = w;
	return rc;
}

static int watch(struct hf_loop *base, int fd, void (*readable)(void *, int, hf_us), void *ctx)
{
	struct hf_epoll_loop *loop = hf_epoll_world(base);
	struct watch *w = find_watch(loop, fd);
	if (!readable) {
		if (w)
			hf_epoll_close(loop, &w->source);
		return 0;
	}
	int rc = w ? 0 : add_watch(loop, fd, &w);
	if (rc == 0) {
		w->readable = readable;
		w->ctx = ctx;
	}
	return rc;
}

/* ---- the loop ---- */

/* Milliseconds for epoll, rounded up: a wait that ends too early is a turn for
 * nothing. */
static int wait_ms(const struct hf_epoll_loop *loop)
{
	hf_us wait = hf_timer_wheel_wait(&loop->base.timers, hf_clock_now());
	if (wait == HF_NEVER)
		return -1;
	hf_us ms = (wait + HF_MS - 1) / HF_MS;
	return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

static int turn(struct hf_epoll_loop *loop)
{
	struct epoll_event events[EVENTS_MAX];
	struct hf_loop *base = &loop->base;
	int n = epoll_wait(loop->fd, events, EVENTS_MAX, wait_ms(loop));
	/* A signal, or a stop that is over: what came meanwhile has not been looked at, so no
	 * timer may fire. The next wait does not last if one is due, and is not interrupted. */
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	base->now = hf_clock_now();
	for (int i = 0; i < n; i++) {
		struct hf_epoll_source *source = events[i].data.ptr;
		if (!source->closed)
			source->ready(source->object, events[i].events);
	}
	/* After the network: what has arrived in time has not timed out. */
	hf_timer_wheel_run(&base->timers, base->now);
	if (base->hooks && base->hooks->turned)
		base->hooks->turned(base->hooks_ctx, base->now);
	bury(loop);
	return 0;
}

int hf_loop_run(struct hf_loop *base)
{
	struct hf_epoll_loop *loop = hf_epoll_world(base);
	int rc = 0;
	while (rc == 0 && !atomic_exchange(&loop->stopping, false))
		rc = turn(loop);
	return rc;
}

static void free_loop(struct hf_loop *base)
{
	struct hf_epoll_loop *loop = hf_epoll_world(base);
	while (loop->open)
		hf_epoll_close(loop, loop->open);
	bury(loop);
	if (loop->wake_fd >= 0)
		close(loop->wake_fd);
	if (loop->fd >= 0)
		close(loop->fd);
	explicit_bzero(loop->dice, sizeof loop->dice);
	free(loop);
}

static const struct hf_loop_ops epoll_ops = {
	.endpoint_open = hf_epoll_endpoint_open,
	.endpoint_send_some = hf_epoll_endpoint_send_some,
	.endpoint_address = hf_epoll_endpoint_address,
	.endpoint_drain = hf_epoll_endpoint_drain,
	.endpoint_close = hf_epoll_endpoint_close,
	.stream_connect = hf_epoll_stream_connect,
	.stream_read = hf_epoll_stream_read,
	.stream_write = hf_epoll_stream_write,
	.stream_unheard = hf_epoll_stream_unheard,
	.stream_unread = hf_epoll_stream_unread,
	.stream_want_write = hf_epoll_stream_want_write,
	.stream_pause = hf_epoll_stream_pause,
	.stream_peer = hf_epoll_stream_peer,
	.stream_local = hf_epoll_stream_local,
	.stream_handle = hf_epoll_stream_handle,
	.stream_close = hf_epoll_stream_close,
	.door_open = hf_epoll_door_open,
	.door_address = hf_epoll_door_address,
	.door_close = hf_epoll_door_close,
	.clock = clock_of,
	.wall = wall,
	.random = random_bytes,
	.wake = wake,
	.stop = stop,
	.watch = watch,
	.free = free_loop,
};

static int start(struct hf_epoll_loop *loop)
{
	loop->fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->fd < 0)
		return -errno;
	loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (loop->wake_fd < 0)
		return -errno;
	loop->wake.ready = woken;
	loop->wake.object = loop;
	loop->wake.fd = loop->wake_fd;
	return hf_epoll_want(loop, &loop->wake, EPOLLIN); /* not in `open`: it has no object */
}

int hf_loop_epoll_new(struct hf_loop **ret)
{
	struct hf_epoll_loop *loop = calloc(1, sizeof *loop);
	if (!loop)
		return -ENOMEM;
	loop->base.ops = &epoll_ops;
	loop->base.now = hf_clock_now();
	loop->fd = loop->wake_fd = -1;
	hf_receive_room_prepare(&loop->in);
	hf_send_room_prepare(&loop->out);
	hf_timer_wheel_init(&loop->base.timers, loop->base.now);
	int rc = start(loop);
	if (rc)
		free_loop(&loop->base);
	else
		*ret = &loop->base;
	return rc;
}
