/* SPDX-License-Identifier: GPL-3.0-or-later */
/* loop_epoll.h - the kernel's world: epoll, recvmmsg, CLOCK_MONOTONIC.
 *
 * CLOCK_MONOTONIC and not _BOOTTIME: a laptop that slept has a cache that is
 * older than it looks, but TTLs that run on while packets cannot be sent would
 * make every upstream look silent. What sleeps does not serve, and is to be started anew
 * when it wakes (docs/runbook.md).
 * Threads: hf_loop_run in the thread that owns the loop. */
#ifndef HF_LOOP_LOOP_EPOLL_H
#define HF_LOOP_LOOP_EPOLL_H

#include "loop/loop.h"

/* A loop on the running system. -EMFILE, -ENOMEM. */
int hf_loop_epoll_new(struct hf_loop **ret);

/* Turns until hf_loop_stop. A negative errno only if epoll itself fails. */
int hf_loop_run(struct hf_loop *loop);

/* Binds descriptors ahead of the threads that will use them, so that a listener
 * which cannot be had is found before anything changes. type is SOCK_DGRAM or
 * SOCK_STREAM (already listening). Sets SO_REUSEPORT, non-blocking, close on
 * exec; IPV6_V6ONLY on IPv6. Returns the descriptor or a negative errno. */
int hf_socket_bind(const struct hf_address *address, int type);

/* The clock that `now` is read from, for threads without a loop (start-up,
 * HTTP): the only other place that may want to know the time. */
hf_us hf_clock_now(void);

/* All clocks at once, for what is written down: what an instant was must be told
 * to the next process, perhaps after a start of the machine. */
struct hf_clocks {
	hf_us monotonic; /* as hf_clock_now */
	hf_us boottime;  /* the same, but runs on while the machine sleeps */
	hf_us wall;      /* since 1970 */
};
struct hf_clocks hf_clocks_now(void);

/* Random octets for those without a loop. */
void hf_random(void *bytes, size_t len);

#endif
