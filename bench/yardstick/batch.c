/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "batch.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int hf_yard_socket(int type, const struct sockaddr_in *at)
{
	int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1, room = 16 << 20;

	if (fd < 0)
		err(1, "socket");
	/* As much as a burst may need: the yardstick must not lose what servers sent. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (bind(fd, (const struct sockaddr *)at, sizeof *at) < 0)
		err(1, "%s", inet_ntoa(at->sin_addr));
	return fd;
}

struct sockaddr_in hf_yard_address(const char *address, const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET};
	int number = atoi(port);

	if (inet_pton(AF_INET, address, &at.sin_addr) != 1 || number < 0 || number > 65535)
		errx(2, "no address and port: %s %s", address, port);
	at.sin_port = htons((uint16_t)number);
	return at;
}

unsigned hf_yard_receive(int fd, struct hf_yard_batch *b)
{
	for (unsigned i = 0; i < HF_YARD_BATCH; i++) {
		b->part[i] = (struct iovec){b->octets[i], HF_YARD_ROOM};
		b->head[i].msg_hdr = (struct msghdr){.msg_name = &b->peer[i],
			.msg_namelen = sizeof b->peer[i],
			.msg_iov = &b->part[i],
			.msg_iovlen = 1};
	}
	int got = recvmmsg(fd, b->head, HF_YARD_BATCH, MSG_DONTWAIT, NULL);
	b->count = got > 0 ? (unsigned)got : 0;
	return b->count;
}

void hf_yard_add(
	struct hf_yard_batch *b, const struct sockaddr_in *to, uint8_t *octets, size_t length)
{
	unsigned i = b->count++;

	b->peer[i] = *to;
	b->part[i] = (struct iovec){octets, length};
	b->head[i].msg_hdr = (struct msghdr){.msg_name = &b->peer[i],
		.msg_namelen = sizeof b->peer[i],
		.msg_iov = &b->part[i],
		.msg_iovlen = 1};
}

void hf_yard_send(int fd, struct hf_yard_batch *b)
{
	unsigned sent = 0;

	while (sent < b->count) {
		int now = sendmmsg(fd, b->head + sent, b->count - sent, 0);
		/* The first of them was refused: by a full queue, or by an earlier
		 * datagram's error. It is lost, the others are tried. */
		sent += now > 0 ? (unsigned)now : 1;
	}
	b->count = 0;
}
