/* SPDX-License-Identifier: GPL-3.0-or-later */
/* given.h - sockets that somebody opened for us before we began.
 *
 * Story: with socket activation (sd_listen_fds(3)) systemd binds the addresses,
 * also the privileged ones, and hands the sockets over as descriptors 3 and up:
 * LISTEN_PID says to whom, LISTEN_FDS how many, LISTEN_FDNAMES their names.
 * Datagram and listening stream sockets of IPv4 and IPv6 are taken; anything
 * else is told about and closed, but what was not passed to us at all: a descriptor
 * that is closed, or marked as close-on-exec, so that it was opened here. The variables
 * are removed, so that children do not believe in them.
 * Threads: main, before there are others.
 * At the bound: HF_GIVEN_MAX sockets; further ones are told about and closed. */
#ifndef HF_FACE_GIVEN_H
#define HF_FACE_GIVEN_H

#include <stdio.h>
#include <sys/types.h>

#include "serve/server.h"

#define HF_GIVEN_MAX 64
#define HF_GIVEN_FIRST_FD 3 /* SD_LISTEN_FDS_START */

struct hf_given {
	struct hf_given_socket sockets[HF_GIVEN_MAX];
	size_t count;
};

/* The variables' texts (NULL: not set), our own pid, and the first descriptor.
 * Marks what it takes as close-on-exec and non-blocking. */
void hf_given_take(struct hf_given *given, const char *listen_pid, const char *listen_fds,
	const char *listen_fdnames, pid_t me, int first_fd, FILE *complaints);

/* The same from the environment. */
void hf_given_from_environment(struct hf_given *given, FILE *complaints);

void hf_given_close(struct hf_given *given);

#endif
