/* SPDX-License-Identifier: GPL-3.0-or-later */
/* relay.c - what misses are compared with: the least that a forwarder must do.
 *
 * relay ADDRESS PORT UPSTREAM PORT passes every query on under another id, which
 * is random, from one of 1,024 source ports that are open from the start, picked
 * at random for each query (RFC 5452). What comes back from the upstream to the
 * right port with the right id goes to the client under the client's id, in a
 * datagram or on the connection that the query came by. It has no cache, looks at
 * no name and checks nothing else: what a server needs beyond it is the price of
 * knowing what it passes on.
 *
 * The table of what is under way has a slot for each (port, id) of a hash. A
 * slot whose query is younger than two seconds is taken: then port and id are
 * drawn again.
 *
 * At the bound: after eight draws the query is dropped; so is one over TCP of more
 * than HF_YARD_STREAM_ANSWER octets.  Threads: one. */
#include "batch.h"
#include "streams.h"

#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#define PORTS 1024
#define SLOTS 65536
#define DRAWS 8
#define LIFE 2 /* seconds */
#define EVENTS HF_YARD_BATCH
#define DATAGRAMS (HF_YARD_LISTENER + 1) /* what sockets are called in epoll */
#define FIRST_PORT (DATAGRAMS + 1)

struct slot { /* key 0: free */
	uint32_t key;
	time_t since;
	struct sockaddr_in client;
	uint32_t stream; /* the client's connection; 0: it asked over UDP */
	uint16_t id;
};

static struct slot slots[SLOTS];
static int ports[PORTS];
static struct sockaddr_in upstream;
static time_t now;

/* Random numbers from the kernel, a page at a time. */
static uint32_t random32(void)
{
	static uint32_t stock[1024];
	static unsigned left;

	if (left == 0) {
		if (getrandom(stock, sizeof stock, 0) != sizeof stock)
			err(1, "getrandom");
		left = 1024;
	}
	return stock[--left];
}

static struct slot *slot_of(uint32_t key)
{
	return &slots[key * 2654435761u >> 16];
}

/* A free slot and its key: 1 to PORTS in the upper half, the id in the lower. */
static struct slot *draw(uint32_t *ret_key)
{
	for (int i = 0; i < DRAWS; i++) {
		uint32_t dice = random32();
		uint32_t key = ((dice >> 16) % PORTS + 1) << 16 | (dice & 0xffff);
		struct slot *s = slot_of(key);
		if (s->key == 0 || s->since + LIFE < now) {
			*ret_key = key;
			return s;
		}
	}
	return NULL;
}

static void put_id(uint8_t *m, uint16_t id)
{
	m[0] = (uint8_t)(id >> 8);
	m[1] = (uint8_t)id;
}

static uint16_t get_id(const uint8_t *m)
{
	return (uint16_t)(m[0] << 8 | m[1]);
}

/* `client` matters to who asked over UDP, `stream` to who did not. */
static void pass_on(uint8_t *m, size_t length, struct sockaddr_in client, uint32_t stream)
{
	uint32_t key;
	struct slot *s = length < 12 ? NULL : draw(&key);

	if (s == NULL)
		return;
	*s = (struct slot){key, now, client, stream, get_id(m)};
	put_id(m, (uint16_t)key);
	sendto(ports[(key >> 16) - 1], m, length, 0, (struct sockaddr *)&upstream, sizeof upstream);
}

static void take_queries(int fd)
{
	static struct hf_yard_batch b;

	if (hf_yard_receive(fd, &b))
		for (unsigned i = 0; i < b.count; i++)
			pass_on(b.octets[i], b.head[i].msg_len, b.peer[i], 0);
}

static size_t take_message(uint32_t from, const uint8_t *m, size_t length, uint8_t *out)
{
	if (length > HF_YARD_STREAM_ANSWER)
		return 0;
	memcpy(out, m, length);
	pass_on(out, length, (struct sockaddr_in){0}, from);
	return 0;
}

/* Adds the reply that has come to a port to those that go to clients, or keeps it for a
 * connection. */
static void take_reply(unsigned port, struct hf_yard_batch *out, uint8_t room[HF_YARD_ROOM])
{
	struct sockaddr_in from;
	socklen_t size = sizeof from;
	ssize_t length =
		recvfrom(ports[port], room, HF_YARD_ROOM, 0, (struct sockaddr *)&from, &size);

	if (length < 12 || from.sin_addr.s_addr != upstream.sin_addr.s_addr ||
		from.sin_port != upstream.sin_port)
		return;
	uint32_t key = (port + 1) << 16 | get_id(room);
	struct slot *s = slot_of(key);
	if (s->key != key)
		return;
	s->key = 0;
	put_id(room, s->id);
	if (s->stream)
		hf_yard_stream_say(s->stream, room, (size_t)length);
	else
		hf_yard_add(out, &s->client, room, (size_t)length);
}

static void open_ports(int poller)
{
	struct rlimit files = {PORTS + 64 + HF_YARD_STREAMS, PORTS + 64 + HF_YARD_STREAMS};
	struct sockaddr_in any = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

	if (setrlimit(RLIMIT_NOFILE, &files) < 0)
		err(1, "%u files", (unsigned)files.rlim_cur);
	for (unsigned i = 0; i < PORTS; i++) {
		struct epoll_event want = {.events = EPOLLIN, .data.u32 = FIRST_PORT + i};
		ports[i] = hf_yard_socket(SOCK_DGRAM, &any);
		if (epoll_ctl(poller, EPOLL_CTL_ADD, ports[i], &want) < 0)
			err(1, "epoll_ctl");
	}
}

int main(int argc, char **argv)
{
	static struct hf_yard_batch out;
	static uint8_t room[EVENTS][HF_YARD_ROOM];
	struct epoll_event ready[EVENTS], want = {.events = EPOLLIN, .data.u32 = DATAGRAMS};

	if (argc != 5)
		errx(2, "usage: relay ADDRESS PORT UPSTREAM PORT");
	struct sockaddr_in at = hf_yard_address(argv[1], argv[2]);
	upstream = hf_yard_address(argv[3], argv[4]);
	int poller = epoll_create1(EPOLL_CLOEXEC);
	open_ports(poller);
	hf_yard_listen(poller, &at);
	/* Last: whoever finds this socket bound may use the others. */
	int clients = hf_yard_socket(SOCK_DGRAM, &at);
	if (epoll_ctl(poller, EPOLL_CTL_ADD, clients, &want) < 0)
		err(1, "epoll_ctl");
	for (;;) {
		int count = epoll_wait(poller, ready, EVENTS, -1);
		struct timespec t;
		clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
		now = t.tv_sec;
		for (int i = 0; i < count; i++) {
			uint32_t which = ready[i].data.u32;
			if (which == DATAGRAMS)
				take_queries(clients);
			else if (which >= FIRST_PORT)
				take_reply(which - FIRST_PORT, &out, room[i]);
			else
				hf_yard_stream(poller, which, take_message);
		}
		hf_yard_send(clients, &out);
		hf_yard_stream_send();
	}
}
