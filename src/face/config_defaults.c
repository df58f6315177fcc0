/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <net/if.h>

#include "face/config_rows.h"

#include "base/check.h"
#include "base/error.h"

/* Three operators, three networks, each on an address and under a name that were the same
 * for years. */
static const struct {
	const char *name, *address, *tls_name;
} publics[] = {
	{"cloudflare", "1.1.1.1", "cloudflare-dns.com"},
	{"quad9", "9.9.9.9", "dns.quad9.net"},
	{"google", "8.8.8.8", "dns.google"},
};

#define HOSTS_MAX 8             /* the C library itself reads three */
#define RESOLV_CONF_MAX 65536   /* bytes read; ordinary ones have a few hundred */

struct hosts {
	struct hf_address items[HOSTS_MAX];
	size_t count;
};

/* ---- the host's own resolvers ---- */

/* Link-local addresses name their interface: fe80::1%eth0. */
static void number_scope(char *text, size_t size)
{
	char name[IF_NAMESIZE];
	char *percent = strchr(text, '%');
	if (!percent || percent[1] == '\0' || strlen(percent + 1) >= sizeof name ||
		strspn(percent + 1, "0123456789") == strlen(percent + 1))
		return;
	snprintf(name, sizeof name, "%s", percent + 1);
	snprintf(percent + 1, size - (size_t)(percent + 1 - text), "%u", if_nametoindex(name));
}

/* The host's may be a public one as well: in plain text it is still there when a firewall
 * lets no TLS through. */
static void add_host(struct hosts *hosts, const struct hf_listen_conf *listen, const char *text)
{
	char buf[HF_ADDRESS_TEXT_MAX + 16];
	struct hf_address a;
	snprintf(buf, sizeof buf, "%s", text);
	number_scope(buf, sizeof buf);
	if (hosts->count == HOSTS_MAX || hf_address_parse(buf, HF_DNS_PORT, &a) ||
		hf_listens_on(listen, &a))
		return;
	for (size_t i = 0; i < hosts->count; i++)
		if (hf_address_equal(&a, &hosts->items[i]))
			return;
	hosts->items[hosts->count++] = a;
}

/* "nameserver ADDRESS", as resolv.conf(5) has it; all else is not ours. A file
 * that is not there names nobody: holdfast starts without it. */
static void read_resolv_conf(const char *path, const struct hf_listen_conf *listen,
	struct hosts *hosts)
{
	char line[512], keyword[16], value[HF_ADDRESS_TEXT_MAX];
	size_t left = RESOLV_CONF_MAX;
	FILE *file = path ? fopen(path, "re") : NULL;
	if (!file)
		return;
	while (fgets(line, sizeof line, file) && strlen(line) <= left) {
		left -= strlen(line);
		if (sscanf(line, "%15s %79s", keyword, value) == 2 &&
			strcmp(keyword, "nameserver") == 0)
			add_host(hosts, listen, value);
	}
	fclose(file);
}

/* ---- as text, for the same reader as any file ---- */

static void write_upstreams(const struct hf_reading *r, FILE *out)
{
	struct hosts hosts = { .count = 0 };
	char address[HF_ADDRESS_TEXT_MAX];
	read_resolv_conf(r->resolv_conf, &r->config->listen, &hosts);
	for (size_t i = 0; i < HF_COUNT_OF(publics); i++)
		fprintf(out, "%s: { address: \"tls://%s\", tls-name: %s }\n", publics[i].name,
			publics[i].address, publics[i].tls_name);
	for (size_t i = 0; i < hosts.count; i++)
		fprintf(out, "host%zu: \"%s\"\n", i + 1, hf_address_text(&hosts.items[i], address));
}

/* The built-in upstreams are in the order of trust; those that a user wrote down
 * without routes are ranked as any route ranks them. */
static void write_route(const struct hf_reading *r, FILE *out)
{
	const struct hf_forward_conf *forward = &r->config->forward;
	bool built_in = r->origins->of[HF_SECTION_UPSTREAMS].section == HF_ORIGIN_DEFAULT;
	fprintf(out, "- { zone: \".\"%s, to: [", built_in ? ", order: listed" : "");
	for (size_t i = 0; i < forward->upstream_count; i++) {
		fprintf(out, "%s", i ? ", " : "");
		hf_write_yaml_word(out, forward->upstreams[i].name);
	}
	fprintf(out, "] }\n");
}

/* Entries that stood in no file have no place in one. */
static void forget_origins(struct hf_reading *r, enum hf_section_id id)
{
	size_t count, keys = hf_section_keys(&hf_sections[id]);
	hf_section_entries(&hf_sections[id], r->config, &count);
	for (size_t i = 0; i < count; i++)
		r->origins->of[id].entries[i] = HF_ORIGIN_DEFAULT;
	for (size_t i = 0; i < count * keys; i++)
		r->origins->of[id].keys[i] = HF_ORIGIN_DEFAULT;
}

static void read_text(struct hf_reading *r, enum hf_section_id id, const char *text, size_t len)
{
	struct hf_source source;
	struct hf_node *node = NULL;
	struct hf_reading inner = *r;
	r->failed = hf_source_init(&source, "(defaults)", text, len);
	if (r->failed)
		return;
	inner.source = &source;
	int error = hf_tree_read(&source, r->scratch, &node);
	if (!error)
		hf_read_entries(&inner, id, node);
	r->failed = error == -ENOMEM ? error : inner.failed;
	r->by_name = inner.by_name;
	if (!r->failed && hf_unexpected(error || source.errors))
		hf_complain(r->source, 0, "the built-in %s cannot be read", hf_sections[id].name);
	hf_source_clear(&source);
}

void hf_read_default_entries(struct hf_reading *r, enum hf_section_id id)
{
	char *text = NULL;
	size_t len = 0, count;
	hf_section_entries(&hf_sections[HF_SECTION_UPSTREAMS], r->config, &count);
	if (id == HF_SECTION_FORWARD && (count == 0 || r->source->errors))
		return; /* what the route would name is already complained about */
	if (id == HF_SECTION_FORWARD && count > HF_ROUTE_UPSTREAMS_MAX) {
		hf_complain(r->source, r->origins->of[HF_SECTION_UPSTREAMS].section,
			"%zu upstreams are too many for one route (at most %u): say in 'forward' "
			"which are asked for what", count, HF_ROUTE_UPSTREAMS_MAX);
		return;
	}
	FILE *out = open_memstream(&text, &len);
	if (!out) {
		r->failed = -ENOMEM;
		return;
	}
	if (id == HF_SECTION_UPSTREAMS)
		write_upstreams(r, out);
	else
		write_route(r, out);
	if (fclose(out))
		r->failed = -ENOMEM;
	else
		read_text(r, id, text, len);
	free(text);
	if (!r->failed)
		forget_origins(r, id);
}
