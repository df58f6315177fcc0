/* SPDX-License-Identifier: GPL-3.0-or-later */
/* notify.h - what systemd is told: ready, reloading, stopping, alive.
 *
 * Story: the service manager leaves the name of a datagram socket in
 * NOTIFY_SOCKET (a path, or an abstract name that begins with '@') and, if it
 * wants signs of life, their period in WATCHDOG_USEC. Messages are lines
 * KEY=VALUE (sd_notify(3)). Without NOTIFY_SOCKET everything here does nothing.
 * Threads: main.
 * At the bound: a message that the manager has no room for is lost; it is never
 * waited for. */
#ifndef HF_FACE_NOTIFY_H
#define HF_FACE_NOTIFY_H

#include <sys/types.h>

#include "base/time.h"

struct hf_notify {
	int fd;         /* connected; -1: nobody listens */
	hf_us watchdog; /* period of the manager's patience, 0: none is wanted */
};

/* Connects to `socket` (NULL: nobody listens). watchdog_usec and watchdog_pid
 * are the variables' texts or NULL; a pid other than `me` means that another
 * process is watched. An unusable socket is a negative errno, and nobody listens. */
int hf_notify_open(struct hf_notify *notify, const char *socket, const char *watchdog_usec,
	const char *watchdog_pid, pid_t me);

/* The same from the environment, whose variables are then removed: children
 * must not speak in our name. Call it before there are threads. */
int hf_notify_from_environment(struct hf_notify *notify);

void hf_notify_close(struct hf_notify *notify);

/* STATUS= is for people: shown by `systemctl status`. */
void hf_notify_status(struct hf_notify *notify, const char *status);
void hf_notify_ready(struct hf_notify *notify, const char *status);
void hf_notify_reloading(struct hf_notify *notify, hf_us now);
void hf_notify_stopping(struct hf_notify *notify, const char *status);
void hf_notify_watchdog(struct hf_notify *notify);

#endif
