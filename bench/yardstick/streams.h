/* SPDX-License-Identifier: GPL-3.0-or-later */
/* streams.h - DNS over TCP for the programs that stand in for servers.
 *
 * Story: an echo and an upstream take framed messages from connections that
 * stay open (RFC 7766, RFC 1035, 4.2.2), and answer all that came in one read
 * with one write. A relay answers later, when somebody else has: what it has to
 * say is gathered, and leaves with one write for each connection.
 * Knows: sockets, the frame of two octets.
 * Never knows: what a message says.
 * Ownership: the connections are this file's, static.
 * At the bound: 256 connections, further ones are closed at once. A client that
 * does not read its answers, or 64 KiB of later ones between two sends, is no
 * client of a yardstick: its connection ends. What is said to a connection that
 * has ended is dropped.
 * Threads: one. */
#ifndef HF_YARD_STREAMS_H
#define HF_YARD_STREAMS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HF_YARD_STREAMS 256
#define HF_YARD_LISTENER HF_YARD_STREAMS /* what the listener is called in epoll */

/* Answers a message into `out`, of HF_YARD_STREAM_ANSWER octets. Returns octets,
 * 0 for no answer, or none yet. `from` names the connection for as long as it
 * lives, and none after it; it is never 0. */
typedef size_t hf_yard_answer(uint32_t from, const uint8_t *m, size_t length, uint8_t *out);
#define HF_YARD_STREAM_ANSWER 1280

/* Listens, and adds itself to an epoll with data.u32 HF_YARD_LISTENER; its
 * connections get smaller numbers. Ends the process if it cannot. */
void hf_yard_listen(int poller, const struct sockaddr_in *at);

/* Does what is due for a number that epoll told. */
void hf_yard_stream(int poller, uint32_t which, hf_yard_answer *answer);

/* Keeps a later answer, of at most HF_YARD_STREAM_ANSWER octets, for whom `to` names. */
void hf_yard_stream_say(uint32_t to, const uint8_t *m, size_t length);

/* Sends what was kept. */
void hf_yard_stream_send(void);

#endif
