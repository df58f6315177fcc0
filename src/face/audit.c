/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/audit.h"

#include <stdarg.h>

#include "base/check.h"
#include "base/error.h"
#include "face/config_rows.h"

/* ---- the book ---- */

void hf_audit_init(struct hf_audit *audit, const struct hf_config *config)
{
	memset(audit, 0, sizeof *audit);
	hf_arena_init(&audit->arena, 4u << 20);
	audit->config = config;
	audit->loopback_only = true;
	for (size_t i = 0; i < config->listen.dns.count; i++) {
		const struct hf_address *a = &config->listen.dns.items[i];
		static const uint8_t one[16] = {[15] = 1};
		audit->loopback_only &= a->family == 4 ? a->bytes[0] == 127
						       : memcmp(a->bytes, one, sizeof one) == 0;
	}
}

void hf_audit_clear(struct hf_audit *audit)
{
	hf_arena_clear(&audit->arena);
}

static const char *keep(struct hf_audit *audit, const char *text)
{
	const char *kept = hf_arena_text(&audit->arena, text, strlen(text));
	audit->more |= !kept;
	return kept ? kept : "";
}

/* What stands in a file may hold anything; what is printed must obey nobody. */
static void make_plain(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			*text = '?';
}

void hf_audit_add(struct hf_audit *audit, bool finding, const char *file, unsigned line,
	const char *instead, const char *format, ...)
{
	char text[1024];
	va_list args;
	if (audit->count == HF_AUDIT_ITEMS_MAX) {
		audit->more = true;
		return;
	}
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	make_plain(text);
	audit->items[audit->count++] = (struct hf_audit_item){
		finding, keep(audit, file), line, keep(audit, text), keep(audit, instead)};
}

size_t hf_audit_findings(const struct hf_audit *audit)
{
	size_t n = 0;
	for (size_t i = 0; i < audit->count; i++)
		n += audit->items[i].finding;
	return n;
}

/* ---- resolvers ---- */

static bool is_private(const struct hf_address *a)
{
	static const char *const prefixes[] = {"10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16",
		"100.64.0.0/10", "169.254.0.0/16", "fc00::/7", "fe80::/10"};
	struct hf_prefix prefix;
	for (size_t i = 0; i < HF_COUNT_OF(prefixes); i++)
		if (hf_prefix_parse(prefixes[i], &prefix) == 0 && hf_prefix_has(&prefix, a))
			return true;
	return false;
}

static bool is_stub(const struct hf_address *a)
{
	return a->family == 4 && a->bytes[0] == 127 && a->bytes[1] == 0 && a->bytes[2] == 0 &&
	       (a->bytes[3] == 53 || a->bytes[3] == 54);
}

static bool is_upstream(const struct hf_config *config, const struct hf_address *address)
{
	for (size_t i = 0; i < config->forward.upstream_count; i++)
		if (hf_address_equal(&config->forward.upstreams[i].address, address))
			return true;
	return false;
}

static enum hf_audit_is what_is(const struct hf_config *config, const struct hf_address *address)
{
	if (hf_listens_on(&config->listen, address))
		return HF_AUDIT_OURS;
	if (is_upstream(config, address))
		return HF_AUDIT_UPSTREAM;
	if (is_stub(address))
		return HF_AUDIT_STUB;
	return is_private(address) ? HF_AUDIT_ROUTER : HF_AUDIT_UNKNOWN;
}

const char *hf_audit_is_text(enum hf_audit_is is)
{
	static const char *const texts[] = {
		[HF_AUDIT_OURS] = "holdfast",
		[HF_AUDIT_STUB] = "systemd-resolved on this host",
		[HF_AUDIT_UPSTREAM] = "an upstream, asked past holdfast",
		[HF_AUDIT_ROUTER] = "a private address that nobody told us of, likely a router",
		[HF_AUDIT_UNKNOWN] = "nobody that the configuration knows",
	};
	return texts[is];
}

void hf_audit_resolver(struct hf_audit *audit, const struct hf_audit_resolver *resolver)
{
	for (size_t i = 0; i < audit->resolver_count; i++) {
		struct hf_audit_resolver *r = &audit->resolvers[i];
		if (!hf_address_equal(&r->address, &resolver->address))
			continue;
		r->dhcp |= resolver->dhcp;
		r->uplink |= resolver->uplink;
		if (!r->direct && (resolver->direct || (resolver->uplink && r->dhcp))) {
			r->direct = resolver->direct;
			r->file = keep(audit, resolver->file);
			r->line = resolver->line;
		}
		return;
	}
	if (audit->resolver_count == HF_AUDIT_RESOLVERS_MAX) {
		audit->more = true;
		return;
	}
	struct hf_audit_resolver *r = &audit->resolvers[audit->resolver_count++];
	*r = *resolver;
	r->file = keep(audit, resolver->file);
	r->is = what_is(audit->config, &r->address);
}

/* ---- what shows only together ---- */

static bool in_use(const struct hf_audit *audit, const struct hf_audit_resolver *r)
{
	return r->direct || ((audit->stub || audit->resolve_module) && r->uplink);
}

/* What an operator would write to have holdfast asked. */
static const char *our_address(struct hf_audit *audit)
{
	char text[HF_ADDRESS_TEXT_MAX], line[HF_ADDRESS_TEXT_MAX + 32];
	const struct hf_address_list *dns = &audit->config->listen.dns;
	for (size_t i = 0; i < dns->count; i++) {
		struct hf_address a = dns->items[i];
		if (a.port != HF_DNS_PORT)
			continue;
		a.port = 0;
		snprintf(line, sizeof line, "nameserver %s", hf_address_text(&a, text));
		return keep(audit, line);
	}
	return "let holdfast listen on port 53 of an address (listen.dns) and name that";
}

static void judge_resolver(
	struct hf_audit *audit, const struct hf_audit_resolver *r, bool beside_us)
{
	char text[HF_ADDRESS_TEXT_MAX];
	const char *who = r->direct ? "programs here ask" : "systemd-resolved here asks";
	hf_address_text(&r->address, text);
	if (r->is == HF_AUDIT_OURS) {
		hf_audit_add(audit, false, r->file, r->line, "", "%s %s: holdfast", who, text);
	} else if (r->is == HF_AUDIT_STUB) {
		hf_audit_add(audit, false, r->file, r->line, "", "%s %s: %s", who, text,
			hf_audit_is_text(r->is));
	} else {
		hf_audit_add(audit, true, r->file, r->line, our_address(audit),
			"%s %s%s: %s%s; what it says there is held against no expectation", who,
			text, beside_us ? " whenever holdfast is slow to answer" : "",
			hf_audit_is_text(r->is),
			r->dhcp ? ", named by DHCP, so probably the network's or the provider's"
				: "");
	}
}

static void conclude_docker(struct hf_audit *audit)
{
	bool only_loopback = audit->seen_resolv;
	for (size_t i = 0; i < audit->resolver_count; i++)
		only_loopback &= !audit->resolvers[i].direct ||
				 (audit->resolvers[i].address.family == 4 &&
					 audit->resolvers[i].address.bytes[0] == 127);
	if (!audit->docker || audit->docker_dns)
		return;
	if (only_loopback && !audit->stub)
		hf_audit_add(audit, true, "/etc/docker/daemon.json", 0,
			"\"dns\": [\"172.17.0.1\"], and 172.17.0.1:53 in listen.dns",
			"resolv.conf names loopback addresses only, which a container does not "
			"share: Docker "
			"gives its containers public resolvers in their place");
	else if (audit->loopback_only)
		hf_audit_add(audit, false, "/etc/docker/daemon.json", 0,
			"\"dns\": [\"172.17.0.1\"], and 172.17.0.1:53 in listen.dns",
			"containers ask the host's resolvers through 127.0.0.11; holdfast listens "
			"on "
			"loopback only and cannot be reached from them");
}

void hf_audit_conclude(struct hf_audit *audit)
{
	bool ours = false;
	for (size_t i = 0; i < audit->resolver_count; i++)
		ours |= audit->resolvers[i].is == HF_AUDIT_OURS &&
			in_use(audit, &audit->resolvers[i]);
	for (size_t i = 0; i < audit->resolver_count; i++)
		if (in_use(audit, &audit->resolvers[i]))
			judge_resolver(audit, &audit->resolvers[i], ours);
	conclude_docker(audit);
}
