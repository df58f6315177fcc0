/* SPDX-License-Identifier: GPL-3.0-or-later */
/* upstream.c - an upstream that answers at once, and is never what one waits for.
 *
 * upstream ADDRESS PORT TTL answers every numbered name (numbered.h) over UDP,
 * in batches, and over TCP. A line on standard input is answered by `asked N`:
 * how many queries have come so far. End of input ends the process.
 *
 * At the bound: what the kernel's queue has no room for is lost; whoever asked
 * asks again.  Threads: one. */
#include "batch.h"
#include "numbered.h"
#include "streams.h"

#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>

enum { DATAGRAMS = HF_YARD_LISTENER + 1, COMMANDS };

static uint64_t asked;
static uint32_t ttl;

static size_t answer(uint32_t from, const uint8_t *query, size_t length, uint8_t *out)
{
	(void)from;
	size_t said = hf_yard_write_response(query, length, ttl, out);

	asked += said > 0;
	return said;
}

static void answer_datagrams(int fd)
{
	static struct hf_yard_batch in, out;
	static uint8_t responses[HF_YARD_BATCH][HF_YARD_RESPONSE];

	while (hf_yard_receive(fd, &in)) {
		for (unsigned i = 0; i < in.count; i++) {
			size_t said = answer(0, in.octets[i], in.head[i].msg_len, responses[i]);
			if (said)
				hf_yard_add(&out, &in.peer[i], responses[i], said);
		}
		hf_yard_send(fd, &out);
		if (in.count < HF_YARD_BATCH)
			return;
	}
}

static void obey(void)
{
	char line[64];

	if (!fgets(line, sizeof line, stdin))
		exit(0);
	printf("asked %llu\n", (unsigned long long)asked);
	fflush(stdout);
}

static void watch(int poller, int fd, uint32_t which)
{
	struct epoll_event want = {.events = EPOLLIN, .data.u32 = which};

	if (epoll_ctl(poller, EPOLL_CTL_ADD, fd, &want) < 0)
		err(1, "epoll_ctl");
}

int main(int argc, char **argv)
{
	struct epoll_event ready[64];

	if (argc != 4)
		errx(2, "usage: upstream ADDRESS PORT TTL");
	struct sockaddr_in at = hf_yard_address(argv[1], argv[2]);
	int udp = hf_yard_socket(SOCK_DGRAM, &at), poller = epoll_create1(EPOLL_CLOEXEC);
	ttl = (uint32_t)strtoul(argv[3], NULL, 10);
	watch(poller, udp, DATAGRAMS);
	watch(poller, 0, COMMANDS);
	hf_yard_listen(poller, &at);
	for (;;) {
		int count = epoll_wait(poller, ready, 64, -1);
		for (int i = 0; i < count; i++) {
			if (ready[i].data.u32 == DATAGRAMS)
				answer_datagrams(udp);
			else if (ready[i].data.u32 == COMMANDS)
				obey();
			else
				hf_yard_stream(poller, ready[i].data.u32, answer);
		}
	}
}
