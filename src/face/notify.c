/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"

#define MESSAGE_MAX 512
#define WATCHDOG_MAX (86400u * (uint64_t)HF_SECOND) /* more is no watchdog */

static int connect_to(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	size_t len = strlen(name);
	if ((name[0] != '/' && name[0] != '@') || len >= sizeof address.sun_path)
		return -EINVAL;
	memcpy(address.sun_path, name, len);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (name[0] == '@')
		address.sun_path[0] = '\0'; /* abstract: all len octets count, no NUL ends it */
	else
		size++;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&address, size) < 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	return fd;
}

static hf_us watchdog_period(const char *usec, const char *pid, pid_t me)
{
	uint64_t period, watched;
	if (!usec || !hf_parse_u64(usec, strlen(usec), WATCHDOG_MAX, &period))
		return 0;
	if (pid && (!hf_parse_u64(pid, strlen(pid), INT32_MAX, &watched) || watched != (uint64_t)me))
		return 0;
	return (hf_us)period;
}

int hf_notify_open(struct hf_notify *notify, const char *socket, const char *watchdog_usec,
	const char *watchdog_pid, pid_t me)
{
	*notify = (struct hf_notify){ .fd = -1 };
	if (!socket || !*socket)
		return 0;
	int fd = connect_to(socket);
	if (fd < 0)
		return fd;
	notify->fd = fd;
	notify->watchdog = watchdog_period(watchdog_usec, watchdog_pid, me);
	return 0;
}

int hf_notify_from_environment(struct hf_notify *notify)
{
	int error = hf_notify_open(notify, getenv("NOTIFY_SOCKET"), getenv("WATCHDOG_USEC"),
		getenv("WATCHDOG_PID"), getpid());
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return error;
}

void hf_notify_close(struct hf_notify *notify)
{
	if (notify->fd >= 0)
		close(notify->fd);
	*notify = (struct hf_notify){ .fd = -1 };
}

static void send_message(struct hf_notify *notify, const char *message, int len)
{
	if (notify->fd < 0 || len <= 0)
		return;
	size_t size = (size_t)len < MESSAGE_MAX ? (size_t)len : MESSAGE_MAX - 1;
	if (send(notify->fd, message, size, MSG_NOSIGNAL) < 0) {
		/* The manager is gone or has no room: it will ask again in its own way. */
	}
}

/* A status is one line: what follows a line feed would be a key of its own. */
static int status_len(const char *status)
{
	return (int)strcspn(status, "\n");
}

void hf_notify_ready(struct hf_notify *notify, const char *status)
{
	char message[MESSAGE_MAX];
	send_message(notify, message, snprintf(message, sizeof message, "READY=1\nSTATUS=%.*s",
		status_len(status), status));
}

void hf_notify_reloading(struct hf_notify *notify, hf_us now)
{
	char message[MESSAGE_MAX];
	send_message(notify, message, snprintf(message, sizeof message,
		"RELOADING=1\nMONOTONIC_USEC=%lld\nSTATUS=reloading", (long long)now));
}

void hf_notify_status(struct hf_notify *notify, const char *status)
{
	char message[MESSAGE_MAX];
	send_message(notify, message,
		snprintf(message, sizeof message, "STATUS=%.*s", status_len(status), status));
}

void hf_notify_stopping(struct hf_notify *notify, const char *status)
{
	char message[MESSAGE_MAX];
	send_message(notify, message, snprintf(message, sizeof message, "STOPPING=1\nSTATUS=%.*s",
		status_len(status), status));
}

void hf_notify_watchdog(struct hf_notify *notify)
{
	send_message(notify, "WATCHDOG=1", (int)strlen("WATCHDOG=1"));
}
