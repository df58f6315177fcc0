/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "face/config_source.h"

#include <stdarg.h>

#include "base/buffer.h"
#include "base/check.h"
#include "base/error.h"

#define SHOWN_WIDTH 160 /* characters of an offending line: two terminal rows */
#define ESCAPE_MAX 12   /* "\u{10ffff}" */
#define OPEN_BRACKETS_MAX 1000

/* ---- characters ---- */

size_t hf_utf8_char(const char *text, size_t len, uint32_t *ret_code)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	const uint8_t *p = (const uint8_t *)text;
	size_t size = p[0] < 0x80 ? 1 : p[0] < 0xc0 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (size == 0 || size > len || p[0] > 0xf4)
		return 0;
	uint32_t code = size == 1 ? p[0] : p[0] & (0xffu >> (size + 1));
	for (size_t i = 1; i < size; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (p[i] & 0x3f);
	}
	/* Overlong forms, surrogates and what lies past Unicode's end. */
	if (code < least[size] || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff)
		return 0;
	*ret_code = code;
	return size;
}

bool hf_must_escape(uint32_t code)
{
	return code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xad ||
	       (code >= 0x200b && code <= 0x200f) || (code >= 0x2028 && code <= 0x202e) ||
	       (code >= 0x2060 && code <= 0x206f) || code == 0xfeff ||
	       (code >= 0xfff0 && code <= 0xffff) || code >= 0xe0000;
}

/* Writes the character at text as it is shown. Returns the octets taken. */
static size_t show_char(struct hf_writer *out, const char *text, size_t len)
{
	uint32_t code;
	size_t size = hf_utf8_char(text, len, &code);
	if (!size) {
		hf_write_text(out, "\\x%02x", (unsigned char)text[0]);
		return 1;
	}
	if (code == '\t')
		hf_write_text(out, " ");
	else if (code < 0x80 && hf_must_escape(code))
		hf_write_text(out, "\\x%02x", code);
	else if (hf_must_escape(code))
		hf_write_text(out, "\\u{%x}", code);
	else
		hf_write(out, text, size);
	return size;
}

const char *hf_quote(const char *text, size_t len, char buf[static HF_QUOTE_MAX])
{
	struct hf_writer w = hf_writer((uint8_t *)buf, HF_QUOTE_MAX - 4);
	size_t at = 0;
	for (unsigned chars = 0; at < len && chars < 60; chars++) {
		if (w.cap - w.len <= ESCAPE_MAX)
			break;
		at += show_char(&w, text + at, len - at);
	}
	snprintf(buf + w.len, 4, "%s", at < len ? "..." : "");
	return buf;
}

void hf_write_shown(FILE *out, const char *text, size_t len)
{
	char shown[ESCAPE_MAX + 1];
	for (size_t at = 0; at < len;) {
		struct hf_writer w = hf_writer((uint8_t *)shown, sizeof shown);
		at += show_char(&w, text + at, len - at);
		fwrite(shown, 1, w.len, out);
	}
}

/* ---- places ---- */

static size_t count_lines(const char *text, size_t len, uint32_t *ret_lines)
{
	size_t count = 0;
	for (size_t at = 0; at <= len; count++) {
		if (ret_lines)
			ret_lines[count] = (uint32_t)at;
		const char *end = at < len ? memchr(text + at, '\n', len - at) : NULL;
		at = end ? (size_t)(end - text) + 1 : len + 1;
	}
	return count;
}

int hf_source_init(struct hf_source *source, const char *name, const char *text, size_t len)
{
	*source = (struct hf_source){ .name = name, .text = text, .len = len };
	hf_arena_init(&source->arena, 0);
	source->line_count = count_lines(text, len, NULL);
	source->lines = calloc(source->line_count, sizeof *source->lines);
	source->complaints = calloc(HF_COMPLAINTS_MAX, sizeof *source->complaints);
	if (!source->lines || !source->complaints) {
		hf_source_clear(source);
		return -ENOMEM;
	}
	count_lines(text, len, source->lines);
	return 0;
}

void hf_source_clear(struct hf_source *source)
{
	free(source->lines);
	free(source->complaints);
	hf_arena_clear(&source->arena);
	*source = (struct hf_source){ 0 };
}

unsigned hf_source_line(const struct hf_source *source, uint32_t at)
{
	size_t low = 0, high = source->line_count; /* the line is in [low, high) */
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (source->lines[middle] <= at)
			low = middle;
		else
			high = middle;
	}
	return (unsigned)low + 1;
}

/* A line's text without its end. */
static const char *line_text(const struct hf_source *source, unsigned line, size_t *ret_len)
{
	size_t begin = source->lines[line - 1];
	size_t end = line < source->line_count ? source->lines[line] - 1 : source->len;
	if (end > begin && source->text[end - 1] == '\r')
		end--;
	*ret_len = end - begin;
	return source->text + begin;
}

uint32_t hf_source_offset(const struct hf_source *source, unsigned line, unsigned column)
{
	if (line < 1 || line > source->line_count)
		return (uint32_t)source->len;
	size_t len, at = 0;
	uint32_t code;
	const char *text = line_text(source, line, &len);
	for (; column > 1 && at < len; column--) {
		size_t size = hf_utf8_char(text + at, len - at, &code);
		at += size ? size : 1;
	}
	return source->lines[line - 1] + (uint32_t)at;
}

/* ---- complaints ---- */

static void keep(struct hf_source *source, uint32_t at, bool warning, const char *format,
	va_list args)
{
	char buf[1024];
	if (!warning)
		source->errors++;
	if (source->count == HF_COMPLAINTS_MAX)
		return;
	vsnprintf(buf, sizeof buf, format, args);
	const char *text = hf_arena_text(&source->arena, buf, strlen(buf));
	if (!text) {
		source->failed = -ENOMEM;
		return;
	}
	source->complaints[source->count] = (struct hf_complaint){ .at = at,
		.number = (uint32_t)source->count, .warning = warning, .text = text };
	source->count++;
}

void hf_complain(struct hf_source *source, uint32_t at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	keep(source, at, false, format, args);
	va_end(args);
}

void hf_warn(struct hf_source *source, uint32_t at, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	keep(source, at, true, format, args);
	va_end(args);
}

bool hf_source_hopeless(const struct hf_source *source)
{
	return source->failed || source->errors >= HF_COMPLAINTS_MAX;
}

static int compare_complaints(const void *a, const void *b)
{
	const struct hf_complaint *x = a, *y = b;
	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Characters in a text; each byte that is no UTF-8 counts as one. */
static unsigned chars_in(const char *text, size_t len)
{
	uint32_t code;
	unsigned count = 0;
	for (size_t at = 0; at < len; count++) {
		size_t size = hf_utf8_char(text + at, len - at, &code);
		at += size ? size : 1;
	}
	return count;
}

/* The part of the line that is shown: all of it, or SHOWN_WIDTH characters with
 * the one at `column` in the middle. */
static void show_line(const struct hf_source *source, unsigned line, unsigned column, FILE *out)
{
	char shown[(SHOWN_WIDTH + 1) * ESCAPE_MAX];
	struct hf_writer w = hf_writer((uint8_t *)shown, sizeof shown);
	size_t len, at = 0;
	uint32_t code;
	unsigned caret = 0, chars = 0;
	const char *text = line_text(source, line, &len);
	bool cut = chars_in(text, len) > SHOWN_WIDTH;
	unsigned first = cut && column > SHOWN_WIDTH / 2 ? column - SHOWN_WIDTH / 2 : 1;
	for (unsigned skip = first; skip > 1 && at < len; skip--) {
		size_t size = hf_utf8_char(text + at, len - at, &code);
		at += size ? size : 1;
	}
	for (; at < len && chars < SHOWN_WIDTH; chars++) {
		if (first + chars == column)
			caret = chars_in(shown, w.len);
		at += show_char(&w, text + at, len - at);
	}
	if (first + chars <= column)
		caret = chars_in(shown, w.len);
	const char *before = first > 1 ? "..." : "";
	fprintf(out, "%s%.*s%s\n%*s\n", before, (int)w.len, shown, at < len ? "..." : "",
		(int)(caret + strlen(before) + 1), "^");
}

static void show(const struct hf_source *source, const struct hf_complaint *complaint, FILE *out)
{
	unsigned line = hf_source_line(source, complaint->at);
	uint32_t begin = source->lines[line - 1];
	unsigned column = chars_in(source->text + begin, complaint->at - begin) + 1;
	hf_write_shown(out, source->name, strlen(source->name));
	fprintf(out, ":%u:%u: %s: ", line, column, complaint->warning ? "warning" : "error");
	/* Whatever a message quotes, and whoever forgot to: nothing raw gets out. */
	hf_write_shown(out, complaint->text, strlen(complaint->text));
	fputc('\n', out);
	show_line(source, line, column, out);
}

void hf_source_report(struct hf_source *source, FILE *out)
{
	unsigned shown = 0;
	qsort(source->complaints, source->count, sizeof *source->complaints, compare_complaints);
	for (size_t i = 0; i < source->count; i++) {
		show(source, &source->complaints[i], out);
		shown += !source->complaints[i].warning;
	}
	if (source->errors > shown)
		fprintf(out, "%s: error: and more; the rest of the faults is not shown\n",
			source->name);
}

/* ---- what no YAML text may contain ---- */

static void check_char(struct hf_source *source, size_t at, size_t *ret_size)
{
	uint32_t code;
	size_t size = hf_utf8_char(source->text + at, source->len - at, &code);
	uint8_t byte = (uint8_t)source->text[at];
	*ret_size = size ? size : 1;
	if (!size)
		hf_complain(source, (uint32_t)at, "byte 0x%02x is not UTF-8 here", byte);
	else if (code == 0)
		hf_complain(source, (uint32_t)at, "a zero byte: is this a text file?");
	else if ((code < 0x20 && code != '\t' && code != '\n' && code != '\r') || code == 0x7f)
		hf_complain(source, (uint32_t)at, "control character 0x%02x", code);
	else if (code == '\r' && (at + 1 == source->len || source->text[at + 1] != '\n'))
		hf_complain(source, (uint32_t)at, "a carriage return that ends no line");
}

static void check_line(struct hf_source *source, unsigned line)
{
	size_t len;
	const char *text = line_text(source, line, &len);
	uint32_t at = source->lines[line - 1];
	if (len > HF_CONFIG_LINE_MAX)
		hf_complain(source, at, "a line of more than %u bytes", HF_CONFIG_LINE_MAX);
	else if (len && text[0] == '%')
		hf_complain(source, at, "YAML directives (%%) are not taken");
}

/* The YAML parser takes memory for each bracket that is open, long before we
 * hear of it. Brackets in comments and quotes are counted as well: no file of a
 * human hand has so many without their other half. */
static void check_brackets(struct hf_source *source)
{
	unsigned open = 0;
	for (size_t at = 0; at < source->len; at++) {
		char c = source->text[at];
		if (c == '[' || c == '{')
			open++;
		else if ((c == ']' || c == '}') && open)
			open--;
		if (open > OPEN_BRACKETS_MAX) {
			hf_complain(source, (uint32_t)at, "more than %u brackets are open",
				OPEN_BRACKETS_MAX);
			return;
		}
	}
}

void hf_source_check_text(struct hf_source *source)
{
	for (unsigned line = 1; line <= source->line_count && !hf_source_hopeless(source); line++)
		check_line(source, line);
	check_brackets(source);
	if (source->errors)
		return; /* endless lines are not walked a thousand times to show them */
	for (size_t at = 0, size; at < source->len && !hf_source_hopeless(source); at += size)
		check_char(source, at, &size);
}
