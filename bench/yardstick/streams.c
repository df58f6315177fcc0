/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "streams.h"

#include <err.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "batch.h"

#define ROOM 16384u /* of what one read takes */
#define OUT 65536u

struct connection { /* fd 0 and nothing kept: free */
	int fd;
	uint32_t
		name; /* its place in the lowest octet, above it which of those who had the place */
	size_t have, kept;
	uint8_t in[ROOM], later[OUT];
};

static struct connection connections[HF_YARD_STREAMS];
static uint32_t speaking[HF_YARD_STREAMS], speaking_count; /* places with something kept */
static int listener;

static void watch(int poller, int fd, uint32_t which)
{
	struct epoll_event want = {.events = EPOLLIN, .data.u32 = which};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &want) < 0)
		err(1, "epoll_ctl");
}

void hf_yard_listen(int poller, const struct sockaddr_in *at)
{
	listener = hf_yard_socket(SOCK_STREAM, at);
	if (listen(listener, 64) < 0)
		err(1, "listen");
	watch(poller, listener, HF_YARD_LISTENER);
}

static void accept_one(int poller)
{
	int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	if (fd < 0)
		return;
	for (uint32_t i = 0; i < HF_YARD_STREAMS; i++) {
		if (connections[i].fd || connections[i].kept)
			continue;
		connections[i].fd = fd;
		connections[i].have = 0;
		connections[i].name = (connections[i].name & ~0xffu) + 0x100 + i;
		watch(poller, fd, i);
		return;
	}
	close(fd);
}

static void end(struct connection *c)
{
	close(c->fd);
	c->fd = 0;
}

/* Whether all of it could be written. */
static bool write_all(const struct connection *c, const uint8_t *out, size_t length)
{
	return length == 0 || send(c->fd, out, length, MSG_NOSIGNAL) == (ssize_t)length;
}

/* Answers the whole messages of what came. False if the connection is of no use. */
static bool answer_all(struct connection *c, hf_yard_answer *answer)
{
	static uint8_t out[OUT];
	size_t used = 0, at = 0;

	while (c->have - at >= 2) {
		size_t length = (size_t)c->in[at] << 8 | c->in[at + 1];
		if (2 + length > ROOM)
			return false;
		if (2 + length > c->have - at)
			break;
		if (used + 2 + HF_YARD_STREAM_ANSWER > OUT) {
			if (!write_all(c, out, used))
				return false;
			used = 0;
		}
		size_t said = answer(c->name, c->in + at + 2, length, out + used + 2);
		out[used] = (uint8_t)(said >> 8);
		out[used + 1] = (uint8_t)said;
		used += said ? 2 + said : 0;
		at += 2 + length;
	}
	memmove(c->in, c->in + at, c->have -= at);
	return write_all(c, out, used);
}

void hf_yard_stream(int poller, uint32_t which, hf_yard_answer *answer)
{
	if (which >= HF_YARD_STREAMS) {
		accept_one(poller);
		return;
	}
	struct connection *c = &connections[which];
	ssize_t got = recv(c->fd, c->in + c->have, ROOM - c->have, 0);
	c->have += got > 0 ? (size_t)got : 0;
	if (got <= 0 || !answer_all(c, answer))
		end(c);
}

void hf_yard_stream_say(uint32_t to, const uint8_t *m, size_t length)
{
	struct connection *c = &connections[to & 0xff];

	if (c->fd == 0 || c->name != to)
		return;
	if (c->kept == 0)
		speaking[speaking_count++] = to & 0xff;
	if (c->kept + 2 + length > OUT) {
		end(c);
		return;
	}
	c->later[c->kept] = (uint8_t)(length >> 8);
	c->later[c->kept + 1] = (uint8_t)length;
	memcpy(c->later + c->kept + 2, m, length);
	c->kept += 2 + length;
}

void hf_yard_stream_send(void)
{
	while (speaking_count > 0) {
		struct connection *c = &connections[speaking[--speaking_count]];
		if (c->fd && !write_all(c, c->later, c->kept))
			end(c);
		c->kept = 0;
	}
}
