/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "loop/epoll_world.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/check.h"
#include "base/error.h"

/* Connections that wait between two turns; the kernel cuts it down to
 * net.core.somaxconn (4096 since Linux 5.4). */
#define BACKLOG 4096

void hf_socket_set(int fd, int level, int option, int value)
{
	(void)setsockopt(fd, level, option, &value, sizeof value);
}

struct hf_address hf_socket_address(int fd)
{
	struct sockaddr_storage sa = { 0 };
	socklen_t len = sizeof sa;
	struct hf_address a = { 0 };
	if (getsockname(fd, (struct sockaddr *)&sa, &len) == 0)
		(void)hf_address_from_system((struct sockaddr *)&sa, &a);
	return a;
}

static int bind_to(int fd, const struct hf_address *address)
{
	struct sockaddr_storage sa;
	socklen_t len = hf_address_to_system(address, &sa);
	return bind(fd, (struct sockaddr *)&sa, len) ? -errno : 0;
}

/* Port 0 is bound before sharing is allowed: the kernel would otherwise be free
 * to choose a port that another shared socket of this user already has. */
static int settle(int fd, const struct hf_address *address, int type, bool shared)
{
	if (address->family == 6)
		hf_socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
	if (type == SOCK_STREAM) /* not for UDP, where it lets others take the port over */
		hf_socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (shared && address->port)
		hf_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	int rc = bind_to(fd, address);
	if (rc)
		return rc;
	if (shared && !address->port)
		hf_socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	return type == SOCK_STREAM && listen(fd, BACKLOG) ? -errno : 0;
}

static int open_bound(const struct hf_address *address, int type, bool shared)
{
	if (address->family != 4 && address->family != 6)
		return -EAFNOSUPPORT;
	int family = address->family == 4 ? AF_INET : AF_INET6;
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	int rc = settle(fd, address, type, shared);
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

int hf_socket_bind(const struct hf_address *address, int type)
{
	return open_bound(address, type, true);
}

/* A descriptor from elsewhere (socket activation) is believed only as far as it
 * can be looked at. Its file status is shared with whoever else holds it. */
static int adopt(int fd, int type)
{
	int found = 0;
	socklen_t len = sizeof found;
	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &found, &len))
		return -errno;
	if (found != type)
		return -ESOCKTNOSUPPORT;
	if (!hf_socket_address(fd).family)
		return -EAFNOSUPPORT;
	int flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) || fcntl(fd, F_SETFD, FD_CLOEXEC))
		return -errno;
	if (type == SOCK_STREAM && listen(fd, BACKLOG))
		return -errno;
	return fd;
}

int hf_socket_take(const struct hf_bind *bind, int type, bool shared)
{
	return bind->fd >= 0 ? adopt(bind->fd, type) : open_bound(&bind->address, type, shared);
}
