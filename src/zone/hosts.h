/* SPDX-License-Identifier: GPL-3.0-or-later */
/* hosts.h - the text of a hosts file, as addresses and names.
 *
 * Story: a line has an address, the host's own name, and others that it goes by; what stands
 * behind a # is a comment. The text is walked from top to bottom; each pair of address and
 * name goes to the caller, each fault with its line and its cause, and reading goes on
 * behind it. An IPv6 address with a zone id (fe80::1%eth0) means something on one machine
 * only: its line is left out with a word, and is no fault.
 * Names are taken as they stand: one without a dot is a name of the root, and nothing is
 * put behind it.
 * Threads: pure.
 * At the bound: `lines_max` lines, then a fault, and reading ends; lines longer than
 * HF_HOSTS_LINE_MAX octets are a fault. */
#ifndef HF_ZONE_HOSTS_H
#define HF_ZONE_HOSTS_H

#include <stddef.h>

#include "base/address.h"
#include "wire/name.h"

#define HF_HOSTS_LINE_MAX 65536

struct hf_host {
	struct hf_address address; /* no port, no scope */
	struct hf_name name;       /* lowered */
	bool canonical;            /* the first of its line */
	uint32_t line;
};

struct hf_hosts_handler {
	/* Nonzero ends reading and is what hf_hosts_read returns. */
	int (*host)(void *ctx, const struct hf_host *host);
	/* why: a phrase without a full stop. */
	void (*fault)(void *ctx, uint32_t line, const char *why);
	void (*remark)(void *ctx, uint32_t line, const char *why);
};

/* 0: read to the end; there may have been faults, each told. HF_EBOUND: too many lines
 * (told as well). */
int hf_hosts_read(const char *text, size_t len, size_t lines_max,
	const struct hf_hosts_handler *handler, void *ctx);

#endif
