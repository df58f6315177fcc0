/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/hint.h"

#include "base/check.h"
#include "base/error.h"

static const struct {
	int error;
	const char *hint;
} hints[] = {
	{ -EADDRINUSE, "another program has that address: `ss -lntup` names it" },
	{ -EADDRNOTAVAIL, "no interface of this host has that address: `ip address` lists those that do" },
	{ -EACCES, "ports below 1024 need CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=, or holdfast.socket)" },
	{ -EPERM, "ports below 1024 need CAP_NET_BIND_SERVICE (systemd: AmbientCapabilities=, or holdfast.socket)" },
	{ -EAFNOSUPPORT, "this system has no IPv6, or it is switched off" },
	{ -EMFILE, "the limit of open files is reached: raise LimitNOFILE= or `ulimit -n`" },
	{ -ENFILE, "the system's limit of open files is reached: see fs.file-max" },
	{ -ENOMEM, "memory is short: make cache.size smaller" },
	{ -EAGAIN, "the limit of threads is reached: make workers smaller or raise TasksMax=" },
};

const char *hf_hint(int error)
{
	for (size_t i = 0; i < HF_COUNT_OF(hints); i++)
		if (hints[i].error == error)
			return hints[i].hint;
	return NULL;
}
