/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as a hosts file: every name that is told is a well-formed one on a line that
 * there is, and what is made of them answers for each. */
#include <stdlib.h>

#include "base/check.h"
#include "base/error.h"
#include "zone/hosts.h"
#include "zone/local.h"

#define MOST 100

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct seen {
	uint32_t line, lines;
	const struct hf_local *local;
};

static int host(void *ctx, const struct hf_host *host)
{
	struct seen *seen = ctx;
	const struct hf_name *name = &host->name;
	hf_require(host->line >= seen->line && host->line <= seen->lines && host->line <= MOST);
	hf_require(hf_name_wire_len(name->bytes, name->len) == name->len && name->len > 1);
	hf_require(host->address.family == 4 || host->address.family == 6);
	hf_require(!host->address.port && !host->address.scope);
	if (seen->local)
		hf_require(hf_zone_holds(hf_local_zone(seen->local), name));
	seen->line = host->line;
	return 0;
}

static void fault(void *ctx, uint32_t line, const char *why)
{
	const struct seen *seen = ctx;
	hf_require(line && line <= seen->lines && *why);
}

static void build_fault(void *ctx, const char *path, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	hf_require(*path && *why);
}

static struct hf_local *make(const char *text, size_t size)
{
	const struct hf_local_conf conf = {
		.hosts_ttl = HF_SECOND, .hosts_limit = MOST, .hosts_loopback = true};
	const struct hf_local_rules rules = {NULL, NULL};
	const struct hf_local_teller teller = {build_fault, build_fault, NULL};
	struct hf_local_build *build;
	struct hf_local *local = NULL;
	hf_require(hf_local_build_new(&rules, &teller, &build) == 0);
	int rc = hf_local_read_hosts(build, &conf, "hosts", text, size);
	hf_require(rc == 0 || rc == HF_EBOUND);
	hf_require(hf_local_build_finish(build, &local) == 0);
	return local;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct hf_hosts_handler handler = {host, fault, fault};
	char *text = malloc(size ? size : 1);
	hf_require(text);
	struct seen seen = {.lines = 1};
	for (size_t i = 0; i < size; i++) {
		text[i] = (char)data[i];
		seen.lines += data[i] == '\n';
	}
	struct hf_local *local = make(text, size);
	seen.local = local;
	int rc = hf_hosts_read(text, size, MOST, &handler, &seen);
	hf_require(rc == 0 || rc == HF_EBOUND);
	hf_local_unref(local);
	free(text);
	return 0;
}
