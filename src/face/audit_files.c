/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What stands in each file that decides about names. */
#include <ctype.h>
#include <jansson.h>

#include "base/check.h"
#include "base/error.h"
#include "base/number.h"
#include "face/audit.h"
#include "face/config_rows.h"

#define WORD_MAX 256
#define MAXNS 3 /* of the C library */

/* ---- lines and words ---- */

struct lines {
	const char *at, *end;
	unsigned number;
	char line[1024]; /* the line, cut to fit, without comment and outer blanks */
};

static struct lines lines_of(const char *text, size_t len)
{
	return (struct lines){.at = text, .end = text + len};
}

static void trim(char *line)
{
	size_t len = strlen(line), lead = strspn(line, " \t\r");
	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	line[len] = '\0';
	if (lead <= len)
		memmove(line, line + lead, len - lead + 1);
	else
		line[0] = '\0';
}

/* The next line that says something; `comments`: what begins one at the line's start. A
 * zero octet ends the line. */
static bool next_line(struct lines *l, const char *comments)
{
	while (l->at < l->end) {
		const char *end = memchr(l->at, '\n', (size_t)(l->end - l->at));
		size_t len = (size_t)((end ? end : l->end) - l->at);
		size_t kept = len < sizeof l->line - 1 ? len : sizeof l->line - 1;
		memcpy(l->line, l->at, kept);
		l->line[kept] = '\0';
		l->at += len + (end != NULL);
		l->number++;
		trim(l->line);
		if (l->line[0] && !strchr(comments, l->line[0]))
			return true;
	}
	return false;
}

/* Cuts the next word off; NULL: none is left. */
static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t,");
	if (!*word)
		return NULL;
	char *end = word + strcspn(word, " \t,");
	*rest = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* "key = value" or "key value": cuts the line in two. "" if there is no value. */
static char *split(char *line)
{
	size_t n = strcspn(line, " \t=");
	char *value = line + n;
	if (!*value)
		return value;
	*value++ = '\0';
	return value + strspn(value, " \t=");
}

static bool same(const char *a, const char *b)
{
	return strcasecmp(a, b) == 0;
}

static bool read_number(const char *text, uint64_t *ret)
{
	return hf_parse_u64(text, strlen(text), 1000000, ret);
}

/* An address with what resolved.conf and others may put behind it ("1.1.1.1#name",
 * "fe80::1%eth0"). */
static bool read_resolver(const char *text, struct hf_address *ret)
{
	char plain[HF_ADDRESS_TEXT_MAX];
	snprintf(plain, sizeof plain, "%.*s", (int)strcspn(text, "#%"), text);
	return hf_address_parse(plain, HF_DNS_PORT, ret) == 0;
}

/* ---- resolv.conf ---- */

struct resolv {
	struct hf_audit *audit;
	const char *file;
	unsigned servers, searches;
	uint64_t timeout, attempts, ndots;
	unsigned options_line, search_line, trust_line;
	bool rotate, remote;
};

static void read_server(struct resolv *r, const char *word, unsigned line)
{
	struct hf_audit_resolver resolver = {.file = r->file, .line = line, .direct = true};
	if (!word || !read_resolver(word, &resolver.address)) {
		hf_audit_add(r->audit, true, r->file, line, "nameserver ADDRESS",
			"no address stands here, and the line is ignored");
		return;
	}
	if (++r->servers > MAXNS) {
		hf_audit_add(r->audit, true, r->file, line, "take the line away",
			"the C library reads %d nameservers; this one is never asked", MAXNS);
		return;
	}
	r->remote |= resolver.address.family != 4 || resolver.address.bytes[0] != 127;
	hf_audit_resolver(r->audit, &resolver);
}

static void read_option(struct resolv *r, const char *word, unsigned line)
{
	r->options_line = line;
	if (strncmp(word, "timeout:", 8) == 0)
		read_number(word + 8, &r->timeout);
	else if (strncmp(word, "attempts:", 9) == 0)
		read_number(word + 9, &r->attempts);
	else if (strncmp(word, "ndots:", 6) == 0)
		read_number(word + 6, &r->ndots);
	else if (strcmp(word, "rotate") == 0)
		r->rotate = true;
	else if (strcmp(word, "trust-ad") == 0)
		r->trust_line = line;
	else if (strcmp(word, "use-vc") == 0)
		hf_audit_add(r->audit, false, r->file, line, "",
			"use-vc: each question goes over a connection of its own");
	else if (strncmp(word, "single-request", 14) == 0)
		hf_audit_add(r->audit, false, r->file, line, "",
			"%s: A and AAAA are asked for one after the other", word);
}

static void conclude_resolv(struct resolv *r)
{
	uint64_t worst = r->timeout * r->attempts * (r->servers ? r->servers : 1);
	if (!r->servers)
		hf_audit_add(r->audit, false, r->file, 0, "",
			"it names nobody: the C library asks 127.0.0.1");
	if (r->timeout >= 5)
		hf_audit_add(r->audit, false, r->file, r->options_line,
			"options timeout:1 attempts:3",
			"a question that gets lost waits %llu s, and a program up to %llu s until "
			"it is told "
			"of a failure",
			(unsigned long long)r->timeout, (unsigned long long)worst);
	if (r->rotate && r->servers > 1)
		hf_audit_add(r->audit, true, r->file, r->options_line, "take `rotate` away",
			"rotate: questions go to all nameservers in turn, also to those that are "
			"meant as a reserve");
	if (r->trust_line && r->remote)
		hf_audit_add(r->audit, true, r->file, r->trust_line,
			"take `trust-ad` away, or name loopback addresses only",
			"trust-ad: whoever can alter packets on the way tells programs that an "
			"answer is secure");
	if (r->ndots > 1 && r->searches)
		hf_audit_add(r->audit, r->ndots > 2, r->file, r->options_line,
			"options ndots:1, or names that end in a dot",
			"ndots:%llu: a name with fewer dots is first asked for under each of %u "
			"search domains",
			(unsigned long long)r->ndots, r->searches);
}

void hf_audit_resolv_conf(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	struct resolv r = {.audit = audit, .file = file, .timeout = 5, .attempts = 2, .ndots = 1};
	audit->seen_resolv = true;
	while (next_line(&l, "#;")) {
		char *rest = l.line, *key = next_word(&rest), *word = NULL;
		if (!key)
			continue;
		if (same(key, "nameserver")) {
			read_server(&r, next_word(&rest), l.number);
		} else if (same(key, "options")) {
			while ((word = next_word(&rest)))
				read_option(&r, word, l.number);
		} else if (same(key, "search") || same(key, "domain")) {
			for (r.searches = 0; next_word(&rest);)
				r.searches++; /* the last such line counts */
		}
	}
	for (size_t i = 0; i < audit->resolver_count; i++)
		audit->stub |=
			audit->resolvers[i].direct && audit->resolvers[i].is == HF_AUDIT_STUB;
	conclude_resolv(&r);
}

/* ---- systemd-resolved ---- */

void hf_audit_resolved_uplink(
	struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	while (next_line(&l, "#;")) {
		char *rest = l.line, *key = next_word(&rest), *word;
		struct hf_audit_resolver resolver = {
			.file = file, .line = l.number, .uplink = true};
		if (key && same(key, "nameserver") && (word = next_word(&rest)) &&
			read_resolver(word, &resolver.address))
			hf_audit_resolver(audit, &resolver);
	}
}

static void read_fallback(struct hf_audit *audit, const char *file, unsigned line, char *value)
{
	char *word;
	struct hf_address address;
	while ((word = next_word(&value)))
		if (read_resolver(word, &address) &&
			!hf_listens_on(&audit->config->listen, &address))
			hf_audit_add(audit, true, file, line, "FallbackDNS=",
				"%s is asked when no other server is known, past holdfast", word);
}

static void read_resolved(
	struct hf_audit *audit, const char *file, unsigned line, const char *key, char *value)
{
	struct hf_audit_resolver resolver = {.file = file, .line = line, .uplink = true};
	char *word;
	if (same(key, "DNS"))
		while ((word = next_word(&value))) {
			if (read_resolver(word, &resolver.address))
				hf_audit_resolver(audit, &resolver);
		}
	else if (same(key, "FallbackDNS"))
		read_fallback(audit, file, line, value);
	else if (same(key, "DNSSEC") && same(value, "yes"))
		hf_audit_add(audit, false, file, line, "",
			"DNSSEC=yes: names that fail it are not resolved");
	else if (same(key, "DNSOverTLS") && same(value, "opportunistic"))
		hf_audit_add(audit, false, file, line, "DNSOverTLS=yes",
			"opportunistic: whoever is on the way can have it go on without TLS");
	else if (same(key, "DNSStubListener") && same(value, "no"))
		hf_audit_add(audit, false, file, line, "", "the stub at 127.0.0.53 is off");
}

void hf_audit_resolved_conf(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	bool ours = false;
	while (next_line(&l, "#;")) {
		if (l.line[0] == '[')
			ours = strncasecmp(l.line, "[Resolve]", 9) == 0;
		else if (ours)
			read_resolved(audit, file, l.number, l.line, split(l.line));
	}
}

/* ---- nsswitch.conf ---- */

struct sources {                                               /* of "hosts:", in order */
	unsigned place, files, dns, resolve, mdns, myhostname; /* from 1; 0: not there */
	bool resolve_ends, mdns_ends;
};

static void read_source(struct sources *s, const char *word, unsigned *last)
{
	bool ends = strstr(word, "=return") || strstr(word, "=RETURN");
	if (word[0] == '[') {
		s->resolve_ends |= ends && last == &s->resolve;
		s->mdns_ends |= ends && last == &s->mdns;
	}
}

static unsigned *place_of(struct sources *s, const char *word)
{
	if (same(word, "files"))
		return &s->files;
	if (same(word, "dns"))
		return &s->dns;
	if (same(word, "resolve"))
		return &s->resolve;
	if (same(word, "myhostname"))
		return &s->myhostname;
	if (strncasecmp(word, "mdns", 4) == 0)
		return &s->mdns;
	return NULL;
}

/* "[NOTFOUND=return]" may hold blanks. */
static void read_hosts(struct sources *s, const char *text)
{
	unsigned *last = NULL;
	while (*(text += strspn(text, " \t"))) {
		char word[WORD_MAX];
		size_t len = *text == '[' ? strcspn(text, "]") + 1 : strcspn(text, " \t[");
		if (len > strlen(text))
			len = strlen(text);
		snprintf(word, sizeof word, "%.*s", (int)(len < WORD_MAX ? len : WORD_MAX - 1),
			text);
		text += len;
		read_source(s, word, last);
		if (word[0] == '[')
			continue;
		last = place_of(s, word);
		s->place++;
		if (last && !*last)
			*last = s->place;
	}
}

static void conclude_hosts(
	struct hf_audit *audit, const char *file, unsigned line, const struct sources *s)
{
	if (!s->dns && !s->resolve)
		hf_audit_add(audit, true, file, line, "hosts: files dns",
			"hosts: DNS is not asked at all");
	if (s->resolve && (!s->dns || s->resolve < s->dns)) {
		audit->resolve_module = true;
		hf_audit_add(audit, false, file, line, "",
			"hosts: resolve: programs ask systemd-resolved over a socket of its own; "
			"resolv.conf "
			"counts only while that does not run%s",
			s->resolve_ends ? "" : ", or knows no answer");
	}
	if (s->mdns && s->mdns_ends && s->dns > s->mdns)
		hf_audit_add(audit, false, file, line, "",
			"hosts: names below .local never reach DNS (mdns ... [NOTFOUND=return])");
	if (s->files && s->dns && s->dns < s->files)
		hf_audit_add(audit, true, file, line, "hosts: files dns",
			"hosts: dns stands before files: what /etc/hosts says does not count");
	if (s->myhostname && s->dns && s->myhostname < s->dns)
		hf_audit_add(audit, false, file, line, "",
			"hosts: the host's own name and *.localhost are answered by myhostname, "
			"not by DNS");
}

void hf_audit_nsswitch(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	while (next_line(&l, "#")) {
		struct sources s = {0};
		l.line[strcspn(l.line, "#")] = '\0';
		if (strncasecmp(l.line, "hosts:", 6) != 0)
			continue;
		read_hosts(&s, l.line + 6);
		conclude_hosts(audit, file, l.number, &s);
		return;
	}
	hf_audit_add(audit, false, file, 0, "hosts: files dns",
		"there is no line for hosts: DNS first, then /etc/hosts");
}

/* ---- leases ---- */

/* networkd: "DNS=192.0.2.1 192.0.2.2"; dhclient: "option domain-name-servers a, b;". */
void hf_audit_lease(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	static const char option[] = "option domain-name-servers ";
	struct lines l = lines_of(text, len);
	while (next_line(&l, "#")) {
		char *rest = strncmp(l.line, "DNS=", 4) == 0 ? l.line + 4
			     : strncmp(l.line, option, strlen(option)) == 0
				     ? l.line + strlen(option)
				     : NULL;
		for (char *word; rest && (word = next_word(&rest));) {
			struct hf_audit_resolver resolver = {
				.file = file, .line = l.number, .dhcp = true};
			word[strcspn(word, ";")] = '\0';
			if (read_resolver(word, &resolver.address))
				hf_audit_resolver(audit, &resolver);
		}
	}
}

/* ---- Docker ---- */

static void read_docker_dns(struct hf_audit *audit, const char *file, const json_t *dns)
{
	size_t i;
	json_t *item;
	json_array_foreach(dns, i, item)
	{
		const char *text = json_string_value(item);
		struct hf_address a;
		if (!text || !read_resolver(text, &a)) {
			hf_audit_add(audit, true, file, 0, "\"dns\": [\"ADDRESS\"]",
				"\"dns\" holds what is no address");
			continue;
		}
		audit->docker_dns = true;
		if (a.family == 4 && a.bytes[0] == 127)
			hf_audit_add(audit, true, file, 0,
				"the host's address on docker0, such as 172.17.0.1",
				"\"dns\": %s is each container's own loopback, not the host's",
				text);
		else if (hf_listens_on(&audit->config->listen, &a))
			hf_audit_add(
				audit, false, file, 0, "", "containers ask %s: holdfast", text);
		else
			hf_audit_add(audit, true, file, 0,
				"\"dns\": [\"172.17.0.1\"], and 172.17.0.1:53 in listen.dns",
				"containers ask %s, past holdfast", text);
	}
}

void hf_audit_docker(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	json_error_t error;
	json_t *conf = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	audit->docker = true;
	if (!json_is_object(conf))
		hf_audit_add(audit, true, file, error.line > 0 ? (unsigned)error.line : 0, "",
			"Docker cannot read it: %s", error.text);
	else
		read_docker_dns(audit, file, json_object_get(conf, "dns"));
	json_decref(conf);
}

/* ---- Java ---- */

void hf_audit_java(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	while (next_line(&l, "#!")) {
		const char *value = split(l.line);
		if (same(l.line, "networkaddress.cache.ttl") && value[0] == '-')
			hf_audit_add(audit, true, file, l.number, "networkaddress.cache.ttl=30",
				"Java programs keep an address for ever, whatever its TTL: they "
				"see no failover");
		else if (same(l.line, "networkaddress.cache.ttl"))
			hf_audit_add(audit, false, file, l.number, "",
				"Java programs keep an address for %s s, whatever its TTL", value);
		else if (same(l.line, "networkaddress.cache.negative.ttl") && value[0] == '-')
			hf_audit_add(audit, true, file, l.number,
				"networkaddress.cache.negative.ttl=10",
				"Java programs take a name that was not there once for missing for "
				"ever");
	}
}

/* ---- the C library's others ---- */

void hf_audit_gai(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	while (next_line(&l, "#")) {
		char *rest = l.line, *key = next_word(&rest), *prefix = next_word(&rest),
		     *value = next_word(&rest);
		uint64_t number;
		if (key && prefix && value && same(key, "precedence") &&
			strncasecmp(prefix, "::ffff:0:0/", 11) == 0 &&
			read_number(value, &number) && number > 50)
			hf_audit_add(audit, false, file, l.number, "",
				"IPv4 addresses are tried before IPv6 ones");
	}
}

void hf_audit_nscd(struct hf_audit *audit, const char *file, const char *text, size_t len)
{
	struct lines l = lines_of(text, len);
	while (next_line(&l, "#")) {
		char *rest = l.line, *key = next_word(&rest), *table = next_word(&rest),
		     *value = next_word(&rest);
		if (key && table && value && same(key, "enable-cache") && same(table, "hosts") &&
			same(value, "yes"))
			hf_audit_add(audit, true, file, l.number, "enable-cache hosts no",
				"if nscd runs, it gives answers from a cache of its own in place "
				"of holdfast's: none "
				"is withdrawn when it turns out to be false");
	}
}

void hf_audit_variable(struct hf_audit *audit, const char *name, const char *value)
{
	char shown[WORD_MAX];
	if (!value || !*value)
		return;
	snprintf(shown, sizeof shown, "%s", value);
	if (strcmp(name, "HOSTALIASES") == 0)
		hf_audit_add(audit, true, "environment", 0, "unset HOSTALIASES",
			"HOSTALIASES=%s: programs take other names for those that they were given",
			shown);
	else
		hf_audit_add(audit, false, "environment", 0, "",
			"%s=%s counts in place of what resolv.conf says", name, shown);
}
