/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "zone/document.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <jansson.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/number.h"
#include "wire/dns.h"
#include "zone/text.h"

#define HEX (2 * HF_SHA256)
#define BASE64 44 /* 32 octets: 43 digits and a "=" */

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void trim(const char **text, size_t *len)
{
	while (*len && is_white(**text)) {
		(*text)++;
		(*len)--;
	}
	while (*len && is_white((*text)[*len - 1]))
		(*len)--;
}

/* ---- digests ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

static bool read_hex(const char *text, uint8_t ret[static HF_SHA256])
{
	for (unsigned i = 0; i < HF_SHA256; i++) {
		int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
		if (high < 0 || low < 0)
			return false;
		ret[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

struct line {
	uint8_t digest[HF_SHA256];
	const char *file; /* its last component */
	size_t file_len;
};

/* sha256sum puts a backslash in front where a name has odd octets: no zone file's. */
static bool read_line(const char *text, size_t len, struct line *ret)
{
	uint8_t digest[HF_SHA256];
	const char *file = text + len;
	if (len < HEX || !read_hex(text, digest))
		return false;
	if (len > HEX && (len < HEX + 3 || text[HEX] != ' ' ||
				 (text[HEX + 1] != ' ' && text[HEX + 1] != '*')))
		return false;
	while (file > text + HEX && file[-1] != '/' && file - text > HEX + 2)
		file--;
	memcpy(ret->digest, digest, sizeof digest);
	ret->file = file;
	ret->file_len = (size_t)(text + len - file);
	return true;
}

static bool names(const struct line *line, const char *file, size_t file_len)
{
	return file_len && line->file_len == file_len && memcmp(line->file, file, file_len) == 0;
}

int hf_document_digest(const char *text, size_t len, const char *file, size_t file_len,
	uint8_t ret[static HF_SHA256])
{
	struct line line = {.file_len = 0}, named = {.file_len = 0};
	unsigned lines = 0, found = 0;
	if (len > HF_DOCUMENT_MAX)
		return HF_EBOUND;
	trim(&text, &len);
	for (const char *end = text + len; text < end; lines++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		const char *at = text;
		size_t n = (size_t)((stop ? stop : end) - text);
		text = stop ? stop + 1 : end;
		trim(&at, &n);
		if (!read_line(at, n, &line))
			return HF_ESYNTAX;
		if (names(&line, file, file_len) && !found++)
			named = line;
	}
	if (!lines || found > 1) /* which of them? */
		return HF_ESYNTAX;
	if (lines > 1 && !found)
		return -ENOENT;
	memcpy(ret, found ? named.digest : line.digest, HF_SHA256);
	return 0;
}

static int base64_digit(char c)
{
	return c >= 'A' && c <= 'Z'   ? c - 'A'
	       : c >= 'a' && c <= 'z' ? c - 'a' + 26
	       : c >= '0' && c <= '9' ? c - '0' + 52
	       : c == '+'             ? 62
	       : c == '/'             ? 63
				      : -1;
}

static bool read_base64(const char *text, size_t len, uint8_t ret[static HF_SHA256])
{
	uint32_t bits = 0;
	size_t n = 0;
	if (len != BASE64 || text[len - 1] != '=')
		return false;
	for (size_t i = 0; i < len - 1; i++) {
		int digit = base64_digit(text[i]);
		if (digit < 0)
			return false;
		bits = bits << 6 | (uint32_t)digit;
		if (i % 4)
			ret[n++] = (uint8_t)(bits >> (6 - 2 * (i % 4)));
	}
	return (bits & 3) == 0; /* what stands behind the last octet */
}

int hf_document_digest_header(
	const char *value, size_t len, bool dictionary, uint8_t ret[static HF_SHA256])
{
	static const char key[] = "sha-256=";
	uint8_t digest[HF_SHA256];
	for (const char *end = value + len; value < end;) {
		const char *comma = memchr(value, ',', (size_t)(end - value)), *at = value;
		size_t n = (size_t)((comma ? comma : end) - value);
		value = comma ? comma + 1 : end;
		trim(&at, &n);
		if (n < sizeof key - 1 || strncasecmp(at, key, sizeof key - 1) != 0)
			continue;
		at += sizeof key - 1;
		n -= sizeof key - 1;
		bool wrapped = n == BASE64 + 2 && at[0] == ':' && at[n - 1] == ':';
		if (wrapped != dictionary || !read_base64(at + wrapped, n - 2 * wrapped, digest))
			return HF_ESYNTAX;
		memcpy(ret, digest, sizeof digest);
		return 0;
	}
	return -ENOENT;
}

/* ---- serials ---- */

static int fault(char why[static HF_DOCUMENT_WHY_MAX], const char *text)
{
	snprintf(why, HF_DOCUMENT_WHY_MAX, "%s", text);
	return HF_ESYNTAX;
}

static bool is_zone(const char *key, const struct hf_name *zone)
{
	struct hf_name name;
	return hf_name_from_text(key, strlen(key), &name) == 0 && name.len == zone->len &&
	       memcmp(name.bytes, zone->bytes, name.len) == 0;
}

/* One member of the object is the zone's. */
static int read_object(const json_t *object, const struct hf_name *zone,
	char why[static HF_DOCUMENT_WHY_MAX], uint32_t *ret)
{
	const json_t *found = NULL;
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)object, key, value)
	{
		if (!is_zone(key, zone))
			continue;
		if (found)
			return fault(why, "it names the zone twice");
		found = value;
	}
	if (!found)
		return fault(why, "it does not name the zone");
	if (!json_is_integer(found) || json_integer_value(found) < 0 ||
		json_integer_value(found) > UINT32_MAX)
		return fault(why, "what it says of the zone is no serial");
	*ret = (uint32_t)json_integer_value(found);
	return 0;
}

static int read_json(const char *text, size_t len, const struct hf_name *zone,
	char why[static HF_DOCUMENT_WHY_MAX], uint32_t *ret)
{
	json_error_t error;
	json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
	int rc = json_is_object(json) ? read_object(json, zone, why, ret)
				      : fault(why, "it is no JSON object");
	json_decref(json);
	return rc;
}

struct first { /* the first record of a zone's text */
	const struct hf_name *zone;
	bool found;
	uint32_t serial;
};

#define ENOUGH (-ECANCELED) /* ends the reading */
#define SOA_TAIL 20

static int take_first(void *ctx, const struct hf_zone_record *record)
{
	struct first *first = ctx;
	first->found = record->type == HF_TYPE_SOA && record->class == HF_CLASS_IN &&
		       record->rdata_len > SOA_TAIL && record->owner.len == first->zone->len &&
		       hf_name_equal(record->owner.bytes, first->zone->bytes, first->zone->len);
	if (first->found)
		first->serial = hf_get_u32(record->rdata + record->rdata_len - SOA_TAIL);
	return ENOUGH;
}

static void pass_over(void *ctx, uint32_t line, const char *why)
{
	(void)ctx;
	(void)line;
	(void)why;
}

static int read_soa(const char *text, size_t len, const struct hf_name *zone,
	char why[static HF_DOCUMENT_WHY_MAX], uint32_t *ret)
{
	static const struct hf_zone_handler handler = {take_first, pass_over, NULL};
	char origin[HF_NAME_TEXT_MAX];
	struct first first = {.zone = zone};
	const struct hf_zone_text in = {
		.text = text, .len = len, .origin = hf_name_text(zone->bytes, origin), .ttl = 3600};
	int rc = hf_zone_text_read(&in, &handler, &first);
	if (rc == -ENOMEM)
		return rc;
	if (!first.found)
		return fault(why, "it is no serial: neither a number nor JSON, nor does it begin "
				  "with the zone's SOA");
	*ret = first.serial;
	return 0;
}

int hf_document_serial(const char *text, size_t len, const struct hf_name *zone,
	char why[static HF_DOCUMENT_WHY_MAX], uint32_t *ret)
{
	uint64_t number;
	if (len > HF_DOCUMENT_MAX) {
		fault(why, "it is too long for a serial");
		return HF_EBOUND;
	}
	const char *all = text;
	size_t all_len = len;
	trim(&text, &len);
	if (hf_parse_u64(text, len, UINT32_MAX, &number)) {
		*ret = (uint32_t)number;
		return 0;
	}
	if (len && *text == '{')
		return read_json(text, len, zone, why, ret);
	return read_soa(all, all_len, zone, why, ret);
}
