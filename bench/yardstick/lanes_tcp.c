/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lanes.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM 65536u
#define FRAME (2 + HF_YARD_QUERY)

struct lane {
	int fd;
	struct sockaddr_in server;
	size_t have_in, have_out;
	uint8_t in[ROOM + 2], out[ROOM];
};

static struct lane lanes[HF_YARD_LANES];

uint64_t hf_yard_reconnects;

static void open_connection(struct lane *at)
{
	int on = 1;

	at->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (at->fd < 0)
		err(1, "socket");
	if (connect(at->fd, (const struct sockaddr *)&at->server, sizeof at->server) < 0)
		err(1, "connect");
	if (setsockopt(at->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		err(1, "TCP_NODELAY");
	at->have_in = at->have_out = 0;
}

static int open_lane(unsigned lane, const struct sockaddr_in *server, bool stamped)
{
	(void)stamped; /* of a stream the kernel tells no times of messages */
	lanes[lane].server = *server;
	open_connection(&lanes[lane]);
	return lanes[lane].fd;
}

static void put(unsigned lane, const uint8_t query[HF_YARD_QUERY])
{
	struct lane *at = &lanes[lane];

	if (at->have_out + FRAME > ROOM)
		return;
	at->out[at->have_out] = 0;
	at->out[at->have_out + 1] = HF_YARD_QUERY;
	memcpy(at->out + at->have_out + 2, query, HF_YARD_QUERY);
	at->have_out += FRAME;
}

static bool flush(unsigned lane)
{
	struct lane *at = &lanes[lane];

	if (at->have_out == 0)
		return true;
	ssize_t sent = send(at->fd, at->out, at->have_out, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent <= 0) /* what is wrong with the connection shows at the next read */
		return errno != EAGAIN;
	memmove(at->out, at->out + sent, at->have_out -= (size_t)sent);
	return at->have_out == 0;
}

/* The server has closed it, as it may: what is open is asked on another one. */
static void start_again(unsigned lane, const struct hf_yard_ledger *l)
{
	struct lane *at = &lanes[lane];
	uint8_t query[HF_YARD_QUERY];
	uint16_t id = l->lanes[lane].oldest;

	close(at->fd);
	open_connection(at);
	hf_yard_reconnects++;
	while (hf_yard_still(l, lane, &id, query))
		put(lane, query);
	flush(lane);
}

static int receive(unsigned lane, struct hf_yard_ledger *l)
{
	struct lane *at = &lanes[lane];
	size_t done = 0;
	ssize_t got = recv(at->fd, at->in + at->have_in, sizeof at->in - at->have_in, MSG_DONTWAIT);

	if (got == 0 || (got < 0 && errno != EAGAIN)) {
		start_again(lane, l);
		return at->fd;
	}
	if (got < 0)
		return at->fd;
	at->have_in += (size_t)got;
	int64_t now = hf_yard_now();
	while (at->have_in - done >= 2) {
		size_t length = (size_t)at->in[done] << 8 | at->in[done + 1];
		if (at->have_in - done < 2 + length)
			break;
		hf_yard_take(l, lane, at->in + done + 2, length, now);
		done += 2 + length;
	}
	memmove(at->in, at->in + done, at->have_in -= done);
	return at->fd;
}

const struct hf_yard_transport hf_yard_tcp = {open_lane, put, flush, receive};
