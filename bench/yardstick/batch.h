/* SPDX-License-Identifier: GPL-3.0-or-later */
/* batch.h - UDP datagrams, many to a system call.
 *
 * Story: the programs of the yardstick stand on both sides of a server and must
 * cost less than it does, so each of them takes and sends datagrams by the batch
 * and none of them has any other way to do it.
 * Knows: sockets of IPv4, recvmmsg and sendmmsg.
 * Never knows: DNS, time.
 * Ownership: a batch is the caller's, and as large as its room; nothing is
 * allocated.
 * At the bound: a call moves HF_YARD_BATCH datagrams of HF_YARD_ROOM octets; more
 * stay in the kernel, what is longer is cut. What the kernel will not take at
 * once is dropped, as a wire would.
 * Threads: a batch has one owner. */
#ifndef HF_YARD_BATCH_H
#define HF_YARD_BATCH_H

#include <netinet/in.h>
#include <stdint.h>
#include <sys/socket.h>

#define HF_YARD_BATCH 64
#define HF_YARD_ROOM 1280

struct hf_yard_batch {
	unsigned count;
	struct mmsghdr head[HF_YARD_BATCH];
	struct iovec part[HF_YARD_BATCH];
	struct sockaddr_in peer[HF_YARD_BATCH]; /* who sent it, or whom it goes to */
	uint8_t octets[HF_YARD_BATCH][HF_YARD_ROOM];
};

/* Opens a socket at an address (port 0: any) that is never waited for. Ends the
 * process if it cannot. `type` is SOCK_DGRAM or SOCK_STREAM. */
int hf_yard_socket(int type, const struct sockaddr_in *at);

/* Reads ADDRESS and PORT, or ends the process. */
struct sockaddr_in hf_yard_address(const char *address, const char *port);

/* Takes what has come, up to a batch. Returns how many, 0 if nothing has. */
unsigned hf_yard_receive(int fd, struct hf_yard_batch *b);

/* Sends the datagrams of a batch to their peers and empties it. `part` tells
 * their octets and lengths. */
void hf_yard_send(int fd, struct hf_yard_batch *b);

/* Adds a datagram to a batch that has room: `octets` must live until it is sent. */
void hf_yard_add(
	struct hf_yard_batch *b, const struct sockaddr_in *to, uint8_t *octets, size_t length);

#endif
