/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Any octets as the files of a host: the first chooses the parser. Every item can be
 * printed and names its file; lines are those that there are. */
#include <stdlib.h>

#include "base/check.h"
#include "face/audit.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static hf_audit_parser *const parsers[] = {hf_audit_resolv_conf, hf_audit_resolved_uplink,
	hf_audit_resolved_conf, hf_audit_nsswitch, hf_audit_lease, hf_audit_docker, hf_audit_java,
	hf_audit_gai, hf_audit_nscd};

static void look_at(const struct hf_audit_item *item, unsigned lines)
{
	hf_require(item->what && *item->what && item->instead && item->file && *item->file);
	hf_require(item->line <= lines);
	for (const char *at = item->what; *at; at++)
		hf_require((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct hf_config *config;
	static const char conf[] =
		"listen: { dns: [127.0.0.1:53] }\nupstreams: { a: 192.0.2.53 }\n";
	struct hf_audit *audit = malloc(sizeof *audit);
	unsigned lines = 1;
	hf_require(audit);
	if (!config)
		hf_require(hf_config_parse("fuzz", conf, sizeof conf - 1, stderr, &config) == 0);
	hf_audit_init(audit, config);
	for (size_t i = 1; i < size; i++)
		lines += data[i] == '\n';
	if (size) {
		char *text = malloc(size);
		hf_require(text);
		memcpy(text, data + 1, size - 1);
		parsers[data[0] % HF_COUNT_OF(parsers)](audit, "f", text, size - 1);
		free(text);
	}
	hf_audit_conclude(audit);
	hf_require(audit->count <= HF_AUDIT_ITEMS_MAX &&
		   audit->resolver_count <= HF_AUDIT_RESOLVERS_MAX);
	for (size_t i = 0; i < audit->count; i++)
		look_at(&audit->items[i], lines);
	hf_audit_clear(audit);
	free(audit);
	return 0;
}
