/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/url.h"

#include <string.h>

#include "base/error.h"
#include "base/number.h"

#define HTTP_PORT 80
#define HTTPS_PORT 443
#define LABEL_MAX 63

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool is_host_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* A host's name (RFC 1123 2.1), without its last dot; "_" is in use. Its last label is no
 * number, or it would be half an address. */
static int read_name(const char *text, size_t len, char ret[static HF_URL_HOST_MAX])
{
	size_t label = 0;
	bool letters = false;
	if (len && text[len - 1] == '.')
		len--;
	if (!len || len >= HF_URL_HOST_MAX)
		return HF_ESYNTAX;
	for (size_t i = 0; i < len; i++) {
		char c = lower(text[i]);
		ret[i] = c;
		if (c == '.' ? !label : !is_host_letter(c) || label == LABEL_MAX)
			return HF_ESYNTAX;
		label = c == '.' ? 0 : label + 1;
		letters = c == '.' ? false : letters || c < '0' || c > '9';
	}
	ret[len] = 0;
	return label && letters ? 0 : HF_ESYNTAX;
}

/* An address without a port, or a name. */
static int read_host(const char *text, size_t len, struct hf_url *url)
{
	char plain[HF_URL_HOST_MAX];
	bool brackets = len > 1 && text[0] == '[' && text[len - 1] == ']';
	if (brackets) {
		text++;
		len -= 2;
	}
	if (len >= sizeof plain)
		return HF_ESYNTAX;
	memcpy(plain, text, len);
	plain[len] = 0;
	bool address = hf_address_parse(plain, 0, &url->address) == 0 && !url->address.port &&
		       !url->address.scope && brackets == (url->address.family == 6);
	if (address) {
		for (size_t i = 0; i <= len; i++)
			url->host[i] = lower(plain[i]);
		return 0;
	}
	url->address = (struct hf_address){.family = 0};
	return brackets ? HF_ESYNTAX : read_name(text, len, url->host);
}

/* How much of "host:port" is the host. */
static size_t host_len(const char *text, size_t len)
{
	const char *end = memchr(text, *text == '[' ? ']' : ':', len);
	return end ? (size_t)(end - text) + (*text == '[') : len;
}

/* "host", "host:port". */
static int read_server(const char *text, size_t len, struct hf_url *url)
{
	uint64_t port = url->tls ? HTTPS_PORT : HTTP_PORT;
	size_t host = host_len(text, len);
	if (host < len && (text[host] != ':' || !hf_parse_u64(text + host + 1, len - host - 1,
							UINT16_MAX, &port)))
		return HF_ESYNTAX;
	if (!port)
		return HF_ESYNTAX;
	url->port = (uint16_t)port;
	int rc = read_host(text, host, url);
	if (!rc && hf_address_set(&url->address))
		url->address.port = url->port;
	return rc;
}

/* Visible ASCII that has no meaning of its own before the path is over. */
static bool is_plain(const char *rest)
{
	for (; *rest; rest++)
		if ((unsigned char)*rest <= ' ' || (unsigned char)*rest >= 0x7f ||
			strchr("\"#<>\\^`{|}", *rest))
			return false;
	return true;
}

int hf_url_parse(const char *text, struct hf_url *ret)
{
	struct hf_url url = {.tls = strncmp(text, "https://", 8) == 0};
	if (strlen(text) >= HF_URL_MAX || (!url.tls && strncmp(text, "http://", 7) != 0))
		return HF_ESYNTAX;
	const char *server = text + (url.tls ? 8 : 7);
	int rc = is_plain(server) ? read_server(server, strcspn(server, "/?"), &url) : HF_ESYNTAX;
	if (!rc)
		*ret = url;
	return rc;
}

bool hf_url_same_server(const struct hf_url *a, const struct hf_url *b)
{
	return a->tls == b->tls && a->port == b->port && strcmp(a->host, b->host) == 0;
}

bool hf_url_is_loopback(const struct hf_url *url)
{
	static const uint8_t one[16] = {[15] = 1};
	const struct hf_address *a = &url->address;
	return (a->family == 4 && a->bytes[0] == 127) ||
	       (a->family == 6 && memcmp(a->bytes, one, sizeof one) == 0);
}

const char *hf_url_file(const char *text, size_t *ret_len)
{
	const char *at = strstr(text, "://"), *end;
	at = at ? at + 3 : text;
	end = at + strcspn(at, "?");
	const char *file = end;
	while (file > at && file[-1] != '/')
		file--;
	*ret_len = file > at ? (size_t)(end - file) : 0;
	return file > at ? file : end;
}

int hf_url_address_parse(
	const char *text, char ret_host[static HF_URL_HOST_MAX], struct hf_address *ret)
{
	const char *sign = strchr(text, '=');
	struct hf_url url;
	struct hf_address address;
	if (hf_address_parse(sign ? sign + 1 : text, 0, &address) || address.port || address.scope)
		return HF_ESYNTAX;
	if (sign && read_host(text, (size_t)(sign - text), &url))
		return HF_ESYNTAX;
	memcpy(ret_host, sign ? url.host : "", sign ? strlen(url.host) + 1 : 1);
	*ret = address;
	return 0;
}

/* Those that are written for this host, or for any. */
static size_t collect(const struct hf_url *url, const struct hf_text_list *list, const char *host,
	struct hf_address *ret)
{
	char of[HF_URL_HOST_MAX];
	size_t count = 0;
	for (size_t i = 0; i < list->count && count < HF_URL_ADDRESSES_MAX; i++)
		if (hf_url_address_parse(list->items[i], of, &ret[count]) == 0 &&
			strcmp(of, host) == 0)
			ret[count++].port = url->port;
	return count;
}

size_t hf_url_addresses(const struct hf_url *url, const struct hf_text_list *list,
	struct hf_address ret[static HF_URL_ADDRESSES_MAX])
{
	size_t count = collect(url, list, url->host, ret);
	if (count || !hf_address_set(&url->address))
		return count ? count : collect(url, list, "", ret);
	ret[0] = url->address;
	return 1;
}

bool hf_url_is_listed(const struct hf_url *url, const struct hf_text_list *list)
{
	char of[HF_URL_HOST_MAX];
	struct hf_address one;
	for (size_t i = 0; i < list->count; i++)
		if (hf_url_address_parse(list->items[i], of, &one) == 0 &&
			((one.family == url->address.family &&
				 memcmp(one.bytes, url->address.bytes, sizeof one.bytes) == 0) ||
				strcmp(of, url->host) == 0))
			return true;
	return false;
}
