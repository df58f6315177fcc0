/* SPDX-License-Identifier: GPL-3.0-or-later */
/* lanes.h - the sockets of the load generator, of either transport.
 *
 * Story: whoever drives the load does not care whether a question leaves in a
 * datagram or in a frame of a connection (RFC 7766). A lane is one socket. What
 * is put into it leaves when it is flushed: over UDP in one send that the kernel
 * cuts into datagrams (UDP_SEGMENT; the server sees nothing of it), over TCP in
 * one write. What came is handed to the ledger.
 * Knows: sockets, the clock for replies that the kernel did not stamp.
 * Never knows: which question comes next, or when.
 * Ownership: lanes live as long as the process.
 * At the bound: over UDP a full batch leaves at once; over TCP what does not fit
 * into 64 KiB that the server does not read is not sent, and so is lost. A
 * connection that the server closes is opened anew and its open questions are
 * asked again on it.
 * Threads: one owner. */
#ifndef HF_YARD_LANES_H
#define HF_YARD_LANES_H

#include "ledger.h"

#include <netinet/in.h>

struct hf_yard_transport {
	/* Opens a lane to the server, or ends the process. Returns its descriptor. */
	int (*open)(unsigned lane, const struct sockaddr_in *server, bool stamped);
	void (*put)(unsigned lane, const uint8_t query[HF_YARD_QUERY]);
	/* Whether all has left; if not, it is to be called when there is room. */
	bool (*flush)(unsigned lane);
	/* Hands on what came. Returns the descriptor, another one after a new
	 * connection. */
	int (*receive)(unsigned lane, struct hf_yard_ledger *l);
};

extern const struct hf_yard_transport hf_yard_udp, hf_yard_tcp;

/* Connections that had to be opened anew. */
extern uint64_t hf_yard_reconnects;

/* Nanoseconds of the wall clock, which is what the kernel stamps packets with. */
int64_t hf_yard_now(void);

#endif
