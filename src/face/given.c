/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/given.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"

#define FDS_MAX 1024 /* of LISTEN_FDS: more is a mistake, not a wish */

static int set_flags(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return -errno;
	return 0;
}

/* What comes through an exec cannot have the flag that all have which were opened here. */
static bool was_passed(int fd)
{
	int flags = fcntl(fd, F_GETFD);
	return flags >= 0 && !(flags & FD_CLOEXEC);
}

/* NULL and *ret filled in, or why the descriptor cannot be used. */
static const char *look_at(int fd, struct hf_given_socket *ret)
{
	struct sockaddr_storage address = { 0 };
	socklen_t len = sizeof address, size = sizeof(int);
	int type, listening = 0;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0)
		return "is no socket";
	size = sizeof(int);
	if (type == SOCK_STREAM &&
	    (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &size) < 0 || !listening))
		return "is a stream socket that does not listen";
	if (type != SOCK_STREAM && type != SOCK_DGRAM)
		return "is neither a datagram nor a stream socket";
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    hf_address_from_system((const struct sockaddr *)&address, &ret->address) < 0)
		return "is no socket of IPv4 or IPv6";
	if (!ret->address.port)
		return "is not bound to a port";
	if (set_flags(fd) < 0)
		return "cannot be made non-blocking";
	ret->fd = fd;
	ret->type = type;
	return NULL;
}

void hf_given_take(struct hf_given *given, const char *listen_pid, const char *listen_fds,
	const char *listen_fdnames, pid_t me, int first_fd, FILE *complaints)
{
	uint64_t pid, count;
	const char *name = listen_fdnames ? listen_fdnames : "";
	*given = (struct hf_given){ .count = 0 };
	if (!listen_pid || !listen_fds || !hf_parse_u64(listen_pid, strlen(listen_pid), INT32_MAX, &pid) ||
	    pid != (uint64_t)me)
		return;
	if (!hf_parse_u64(listen_fds, strlen(listen_fds), FDS_MAX, &count)) {
		fprintf(complaints, "LISTEN_FDS=%.20s is no number of sockets: ignored\n", listen_fds);
		return;
	}
	for (int fd = first_fd; fd < first_fd + (int)count; fd++, name += *name == ':') {
		const char *called = name;
		int len = (int)strcspn(name, ":");
		name += len;
		if (!was_passed(fd)) {
			fprintf(complaints, "given descriptor %d (%.*s) is not open\n", fd, len, called);
			continue;
		}
		struct hf_given_socket socket = { .fd = -1 };
		const char *fault = given->count == HF_GIVEN_MAX ? "is one too many" : look_at(fd, &socket);
		if (fault) {
			fprintf(complaints, "given descriptor %d (%.*s) %s: closed\n", fd, len, called, fault);
			close(fd);
		} else {
			given->sockets[given->count++] = socket;
		}
	}
}

void hf_given_from_environment(struct hf_given *given, FILE *complaints)
{
	hf_given_take(given, getenv("LISTEN_PID"), getenv("LISTEN_FDS"), getenv("LISTEN_FDNAMES"),
		getpid(), HF_GIVEN_FIRST_FD, complaints);
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

void hf_given_close(struct hf_given *given)
{
	for (size_t i = 0; i < given->count; i++)
		close(given->sockets[i].fd);
	given->count = 0;
}
