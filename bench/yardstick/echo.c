/* SPDX-License-Identifier: GPL-3.0-or-later */
/* echo.c - what hits are compared with: a server that only turns the QR bit on.
 *
 * echo ADDRESS PORT sends every datagram back, and every message of a TCP
 * connection, in batches and through epoll, on one thread. That is the least
 * that a DNS server on these sockets can cost: what a server needs beyond it is
 * the price of knowing the answer.
 *
 * At the bound: see batch.h and streams.h; a TCP message of more than
 * HF_YARD_STREAM_ANSWER octets is not echoed.  Threads: one. */
#include "batch.h"
#include "streams.h"

#include <err.h>
#include <stdbool.h>
#include <string.h>
#include <sys/epoll.h>

#define DATAGRAMS (HF_YARD_LISTENER + 1)

static void echo_datagrams(int fd)
{
	static struct hf_yard_batch b;

	while (hf_yard_receive(fd, &b)) {
		bool full = b.count == HF_YARD_BATCH;
		for (unsigned i = 0; i < b.count; i++) {
			b.part[i].iov_len = b.head[i].msg_len;
			if (b.head[i].msg_len > 2)
				b.octets[i][2] |= 0x80;
		}
		hf_yard_send(fd, &b);
		if (!full)
			return;
	}
}

static size_t echo_message(uint32_t from, const uint8_t *m, size_t length, uint8_t *out)
{
	(void)from;
	if (length < 3 || length > HF_YARD_STREAM_ANSWER)
		return 0;
	memcpy(out, m, length);
	out[2] |= 0x80;
	return length;
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: echo ADDRESS PORT");
	struct sockaddr_in at = hf_yard_address(argv[1], argv[2]);
	int udp = hf_yard_socket(SOCK_DGRAM, &at), poller = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[64], want = {.events = EPOLLIN, .data.u32 = DATAGRAMS};
	if (epoll_ctl(poller, EPOLL_CTL_ADD, udp, &want) < 0)
		err(1, "epoll_ctl");
	hf_yard_listen(poller, &at);
	for (;;) {
		int count = epoll_wait(poller, ready, 64, -1);
		for (int i = 0; i < count; i++) {
			if (ready[i].data.u32 == DATAGRAMS)
				echo_datagrams(udp);
			else
				hf_yard_stream(poller, ready[i].data.u32, echo_message);
		}
	}
}
