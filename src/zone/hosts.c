/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/hosts.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"

struct reading {
	const struct hf_hosts_handler *handler;
	void *ctx;
	uint32_t line;
};

static void tell(const struct reading *r, const char *why)
{
	r->handler->fault(r->ctx, r->line, why);
}

/* A word as it may stand in a message. */
static void tell_word(const struct reading *r, const char *word, size_t len, const char *why)
{
	char text[160], shown[64];
	size_t n = 0;
	for (; n < len && n < sizeof shown - 1; n++)
		shown[n] = word[n] > ' ' && word[n] < 0x7f ? word[n] : '?';
	shown[n] = 0;
	snprintf(text, sizeof text, "'%s%s' %s", shown, n < len ? "..." : "", why);
	tell(r, text);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

/* The next word; false: there is none. *at moves behind it. */
static bool next_word(const char **at, const char *end, const char **ret, size_t *ret_len)
{
	const char *from = *at;
	while (from < end && is_space(*from))
		from++;
	const char *to = from;
	while (to < end && !is_space(*to))
		to++;
	*at = to;
	*ret = from;
	*ret_len = (size_t)(to - from);
	return to > from;
}

/* ---- addresses ---- */

enum read { GOOD, LEFT_OUT, BAD };

/* One colon would be that of a port, which is none of a hosts file's business. */
static bool has_port(const char *text)
{
	const char *colon = strchr(text, ':');
	return *text == '[' || (colon && !strchr(colon + 1, ':'));
}

static enum read read_address(
	const struct reading *r, const char *word, size_t len, struct hf_address *ret)
{
	char text[HF_ADDRESS_TEXT_MAX] = "";
	const char *zone = memchr(word, '%', len);
	size_t bare = zone ? (size_t)(zone - word) : len;
	if (bare < sizeof text && !memchr(word, 0, bare))
		memcpy(text, word, bare);
	if (!*text || has_port(text) || hf_address_parse(text, 0, ret) ||
		(zone && ret->family != 6)) {
		tell_word(r, word, len, "is no address");
		return BAD;
	}
	if (!zone)
		return GOOD;
	r->handler->remark(
		r->ctx, r->line, "an address with a zone id is for one machine only: left out");
	return LEFT_OUT;
}

/* ---- names ---- */

/* Letters, digits, '-' and '_' between dots: nobody's escapes (RFC 952, RFC 1123 2.1). */
static bool is_host_name(const char *word, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		char c = word[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
			return false;
	}
	return true;
}

static int read_name(const struct reading *r, const char *word, size_t len, struct hf_host *host)
{
	struct hf_name name;
	if (!is_host_name(word, len) || hf_name_from_text(word, len, &name) || name.len == 1) {
		tell_word(r, word, len, "is no host name");
		return 0;
	}
	host->name.len = name.len;
	hf_name_copy_lower(host->name.bytes, name.bytes, name.len);
	return r->handler->host(r->ctx, host);
}

/* ---- lines ---- */

static int read_line(const struct reading *r, const char *line, size_t len)
{
	struct hf_host host = {.line = r->line, .canonical = true};
	const char *comment = memchr(line, '#', len);
	const char *at = line, *end = comment ? comment : line + len, *word;
	size_t word_len;
	if (end - line > HF_HOSTS_LINE_MAX) {
		tell(r, "the line is too long");
		return 0;
	}
	if (!next_word(&at, end, &word, &word_len) ||
		read_address(r, word, word_len, &host.address) != GOOD)
		return 0;
	if (!next_word(&at, end, &word, &word_len)) {
		tell(r, "there is an address and no name");
		return 0;
	}
	do {
		int rc = read_name(r, word, word_len, &host);
		if (rc)
			return rc;
		host.canonical = false;
	} while (next_word(&at, end, &word, &word_len));
	return 0;
}

int hf_hosts_read(const char *text, size_t len, size_t lines_max,
	const struct hf_hosts_handler *handler, void *ctx)
{
	struct reading r = {.handler = handler, .ctx = ctx};
	for (size_t at = 0, end; at < len; at = end + 1) {
		const char *stop = memchr(text + at, '\n', len - at);
		end = stop ? (size_t)(stop - text) : len;
		r.line++;
		if (r.line > lines_max) {
			tell(&r, "there are more lines than hosts-limit");
			return HF_EBOUND;
		}
		int rc = read_line(&r, text + at, end - at);
		if (rc)
			return rc;
	}
	return 0;
}
