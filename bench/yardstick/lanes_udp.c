/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "lanes.h"

#include <err.h>
#include <errno.h>
#include <netinet/udp.h>
#include <string.h>
#include <time.h>

#include "batch.h"

#define CUTS 32u /* datagrams of one send; the kernel allows 64 */

struct lane {
	int fd;
	size_t have;
	uint8_t out[CUTS * HF_YARD_QUERY];
};

struct stamp { /* room for the kernel's time of a datagram */
	_Alignas(struct cmsghdr) uint8_t octets[CMSG_SPACE(sizeof(struct timespec))];
};

static struct lane lanes[HF_YARD_LANES];

static int open_lane(unsigned lane, const struct sockaddr_in *server, bool stamped)
{
	struct sockaddr_in any = {.sin_family = AF_INET};
	int fd = hf_yard_socket(SOCK_DGRAM, &any), on = stamped;

	if (connect(fd, (const struct sockaddr *)server, sizeof *server) < 0)
		err(1, "connect");
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
		err(1, "SO_TIMESTAMPNS");
	return lanes[lane].fd = fd;
}

static bool flush(unsigned lane)
{
	struct lane *at = &lanes[lane];
	_Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = {0};
	struct iovec part = {at->out, at->have};
	struct msghdr m = {.msg_iov = &part, .msg_iovlen = 1};

	if (at->have == 0)
		return true;
	if (at->have > HF_YARD_QUERY) {
		m.msg_control = control;
		m.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_UDP;
		c->cmsg_type = UDP_SEGMENT;
		c->cmsg_len = CMSG_LEN(sizeof(uint16_t));
		memcpy(CMSG_DATA(c), &(uint16_t){HF_YARD_QUERY}, sizeof(uint16_t));
	}
	/* A refused port is the network's answer to an earlier packet: send again. */
	if (sendmsg(at->fd, &m, 0) < 0 && (errno != ECONNREFUSED || sendmsg(at->fd, &m, 0) < 0) &&
		errno != ECONNREFUSED && errno != EAGAIN)
		err(1, "sendmsg");
	at->have = 0;
	return true;
}

static void put(unsigned lane, const uint8_t query[HF_YARD_QUERY])
{
	struct lane *at = &lanes[lane];

	memcpy(at->out + at->have, query, HF_YARD_QUERY);
	at->have += HF_YARD_QUERY;
	if (at->have == sizeof at->out)
		flush(lane);
}

static int64_t moment_of(struct msghdr *m, int64_t otherwise)
{
	struct timespec t;

	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c))
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
			memcpy(&t, CMSG_DATA(c), sizeof t);
			return t.tv_sec * HF_YARD_SECOND + t.tv_nsec;
		}
	return otherwise;
}

static int receive(unsigned lane, struct hf_yard_ledger *l)
{
	static struct hf_yard_batch b;
	static struct stamp stamps[HF_YARD_BATCH];

	for (unsigned i = 0; i < HF_YARD_BATCH; i++) {
		b.part[i] = (struct iovec){b.octets[i], HF_YARD_ROOM};
		b.head[i].msg_hdr = (struct msghdr){.msg_iov = &b.part[i],
			.msg_iovlen = 1,
			.msg_control = stamps[i].octets,
			.msg_controllen = sizeof stamps[i].octets};
	}
	int got = recvmmsg(lanes[lane].fd, b.head, HF_YARD_BATCH, MSG_DONTWAIT, NULL);
	int64_t now = hf_yard_now();
	for (int i = 0; i < got; i++)
		hf_yard_take(l, lane, b.octets[i], b.head[i].msg_len,
			moment_of(&b.head[i].msg_hdr, now));
	return lanes[lane].fd;
}

const struct hf_yard_transport hf_yard_udp = {open_lane, put, flush, receive};
